; The doors from user mode into the kernel, and the one way back. A system call, an exception and an
; interrupt all leave the same struct trapframe (x86/trapframe.h) on the task's kernel stack and
; call C with a pointer to it. GS: in the kernel it is this CPU's struct cpu; swapgs exchanges it
; for the user's, once on each crossing.

CPU_CURRENT	equ 8			; struct cpu (x86/cpu.h)
CPU_KERNEL_RSP	equ 16
CPU_SCRATCH	equ 24
TASK_TIF	equ 8			; struct task_struct (sched/task.h)
TF_R11		equ 6 * 8		; struct trapframe
TF_RCX		equ 11 * 8
TF_RIP		equ 16 * 8
TF_CS		equ 17 * 8
TF_RFLAGS	equ 18 * 8
TF_SS		equ 20 * 8
TF_SIZE		equ 21 * 8
USER_DS		equ 0x2b
USER_CS		equ 0x33
RFLAGS_RF_TF	equ 0x10100
ENOSYS		equ 38

bits 64
section .text
extern syscall_dispatch, trap_dispatch, iret_fault, return_to_user_work, sched_first_run
extern usercopy_smap

%macro push_registers 0			; after orig_rax and rdi
	push rsi
	push rdx
	push rcx
	push rax
	push r8
	push r9
	push r10
	push r11
	push rbx
	push rbp
	push r12
	push r13
	push r14
	push r15
%endmacro

%macro pop_registers 0			; leaves rsp at orig_rax
	pop r15
	pop r14
	pop r13
	pop r12
	pop rbp
	pop rbx
	pop r11
	pop r10
	pop r9
	pop r8
	pop rax
	pop rcx
	pop rdx
	pop rsi
	pop rdi
%endmacro

; SYSCALL put the return address in rcx and the flags in r11, and masked interrupts. No stack yet.
global syscall_entry
syscall_entry:
	swapgs
	mov [gs:CPU_SCRATCH], rsp
	mov rsp, [gs:CPU_KERNEL_RSP]
	push USER_DS
	push qword [gs:CPU_SCRATCH]
	push r11
	push USER_CS
	push rcx
	push rax			; orig_rax: the call's number
	push rdi
	mov rax, -ENOSYS		; the result unless a call gives one
	push_registers
	mov rdi, rsp
	xor ebp, ebp			; backtraces end here
	sti
	call syscall_dispatch

; The way back to user mode, rsp at the trapframe. Work that waits (a signal, another task's turn)
; is done first; it is looked for with interrupts off, so none can come between the look and the
; return.
global return_to_user
return_to_user:
	cli
	mov rax, [gs:CPU_CURRENT]
	cmp dword [rax + TASK_TIF], 0
	je .no_work
	mov rdi, rsp
	sti
	call return_to_user_work
	jmp return_to_user
.no_work:
	; SYSRET is the fast way, if rcx and r11 hold what it loads, and rip is an address that it
	; may load: with a non-canonical one it would fault in ring 0 on the user's stack.
	mov rcx, [rsp + TF_RIP]
	cmp rcx, [rsp + TF_RCX]
	jne .by_iret
	mov r11, [rsp + TF_RFLAGS]
	cmp r11, [rsp + TF_R11]
	jne .by_iret
	test r11d, RFLAGS_RF_TF
	jnz .by_iret
	cmp qword [rsp + TF_CS], USER_CS
	jne .by_iret
	cmp qword [rsp + TF_SS], USER_DS
	jne .by_iret
	mov rax, 0x00007fffffffefff	; the last byte of user memory
	cmp rcx, rax
	ja .by_iret
	pop_registers
	mov rsp, [rsp + 4 * 8]		; past orig_rax rip cs rflags
	swapgs
	o64 sysret
.by_iret:
	pop_registers
	add rsp, 8			; orig_rax
	swapgs
iret_to_user:
	iretq				; may fault itself, on a forged frame: see .from_kernel

; Exceptions and interrupts: the processor pushed ss rsp rflags cs rip, and for some an error code;
; the stub made sure of one, pushed rdi, and put the vector in edi.
trap_common:
	push_registers
	cld
	cmp byte [usercopy_smap], 0
	je .no_smap
	clac				; a fault inside a user copy must not leave user memory open
.no_smap:
	mov rsi, rsp
	test byte [rsp + TF_CS], 3
	jz .from_kernel
	swapgs
	xor ebp, ebp
	call trap_dispatch
	jmp return_to_user
.from_kernel:
	; If it was the way back to user mode that failed, GS was the user's again already; trap.c
	; makes it a fault of the user's code.
	mov rax, iret_to_user
	cmp [rsp + TF_RIP], rax
	je .iret_failed
	call trap_dispatch
	pop_registers
	add rsp, 8
	iretq
.iret_failed:
	swapgs
	mov rdi, rsp
	call iret_fault			; gives the task's own trapframe, with the signal pending
	mov rsp, rax
	jmp return_to_user

; NMI and double fault have their own stacks and may arrive with the user's GS still in place: the
; base tells which.
trap_paranoid:
	push_registers
	cld
	mov ecx, 0xc0000101		; GS base: the kernel's lies in the upper half
	rdmsr
	mov rsi, rsp
	xor ebx, ebx
	test edx, edx
	js .kernel_gs
	swapgs
	mov ebx, 1
.kernel_gs:
	call trap_dispatch
	test ebx, ebx
	jz .done
	swapgs
.done:
	pop_registers
	add rsp, 8
	iretq

; A new task's first step (sched_prepare laid out its stack): rax is the task that ran before. rbx,
; if not 0, is a kernel function to call with r12; when it returns, or if there is none, the task
; goes to user mode by its trapframe.
global task_first_run
task_first_run:
	mov rdi, rax
	call sched_first_run
	test rbx, rbx
	jz return_to_user
	mov rdi, r12
	call rbx
	jmp return_to_user

; One stub per vector. 8, 10 to 14, 17, 21, 29 and 30 come with an error code.
%assign vector 0
%rep 256
trap_stub_%+vector:
%assign has_code vector = 8 || (vector >= 10 && vector <= 14) || vector = 17 || vector = 21
%if !has_code && vector != 29 && vector != 30
	push 0
%endif
	push rdi
	mov edi, vector
%if vector = 2 || vector = 8
	jmp trap_paranoid
%else
	jmp trap_common
%endif
%assign vector vector + 1
%endrep

section .rodata
global trap_vectors
trap_vectors:
%assign vector 0
%rep 256
	dq trap_stub_%+vector
%assign vector vector + 1
%endrep
