; How another processor gets here. A STARTUP message makes it run real-mode code at a page of the
; first MiB, the trampoline, which x86/smp.c copied there. It takes the claim (a processor that
; comes later than it was waited for finds none, and halts), goes through protected mode and
; boot.asm's tables to long mode, loads the kernel's own tables and the stack that is meant for it,
; and calls smp_entry(). The final tables do not map the trampoline, nor anything else that is both
; writable and executable. (Intel SDM vol. 3, 8.4.4 and 9.9.)

KERNEL_BASE	equ 0xffffffff80000000
DATA_32		equ 0x10		; selectors in boot.asm's table
CODE_32		equ 0x18

extern boot_gdt, boot_long_mode, smp_start, smp_entry
START_CR3	equ 0			; struct smp_start (x86/smp.c)
START_STACK	equ 8
START_CLAIM	equ 16

section .rodata
align 16
global smp_trampoline, smp_trampoline_end
bits 16
smp_trampoline:
	cli
	o32 lgdt [cs:gdt_pointer - smp_trampoline]
	mov eax, 1			; protected mode, caches on
	mov cr0, eax
	jmp dword CODE_32:protected_mode
gdt_pointer:
	dw 4 * 8 - 1
	dd boot_gdt
smp_trampoline_end:

section .boot progbits alloc exec nowrite align=16
bits 32
protected_mode:
	mov eax, DATA_32
	mov ds, eax
	mov es, eax
	mov ss, eax
	xor eax, eax
	xchg eax, [smp_start + START_CLAIM - KERNEL_BASE]
	test eax, eax
	jz .too_late
	mov ebp, long_mode
	jmp boot_long_mode
.too_late:
	hlt
	jmp .too_late
bits 64
long_mode:				; still at its physical address
	mov rax, kernel_tables
	jmp rax

section .text
bits 64
kernel_tables:
	mov rax, [smp_start + START_CR3]
	mov rsp, [smp_start + START_STACK]
	mov cr3, rax
	xor ebp, ebp			; backtraces end here
	call smp_entry
	ud2				; it does not return
