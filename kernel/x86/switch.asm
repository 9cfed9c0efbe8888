; The change of kernel stacks, which is what switching tasks comes down to: the callee-saved
; registers go onto the old stack, the stack pointer into the old task_struct, and the same the
; other way round. sched/sched.c calls it with the run queue locked; whoever comes out at the other
; end unlocks it.

bits 64
section .text

; struct task_struct *switch_stacks(struct task_struct *prev, struct task_struct *next)
; Returns prev, as seen by next when it runs again.
global switch_stacks
switch_stacks:
	push rbx
	push rbp
	push r12
	push r13
	push r14
	push r15
	mov [rdi], rsp			; prev->kernel_rsp
	mov rsp, [rsi]			; next->kernel_rsp
	pop r15
	pop r14
	pop r13
	pop r12
	pop rbp
	pop rbx
	mov rax, rdi
	ret
