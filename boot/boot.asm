; From the boot loader to the first line of C. Two loaders, one entry: GRUB (Multiboot2) and qemu
; -kernel (PVH) both arrive here in 32-bit protected mode with paging off and a pointer to their
; information in EBX; only EAX (Multiboot2) or the magic number at [EBX] (PVH) tells them apart, and
; C code reads either. This file maps the first 4 GiB at 0 and the first GiB at KERNEL_BASE with 2
; MiB pages, enters long mode, and calls kmain(magic, info) on the boot stack. mm/kmap.c replaces
; these tables with the final, W^X ones; the other processors (smp.asm) pass through them once more.

KERNEL_BASE	equ 0xffffffff80000000
CR0_PG_WP_PE	equ 0x80010001		; paging, write protect in the kernel too, protected mode
CR4_PAE_OSFXSR	equ 0x620		; physical address extension; SSE state and exceptions
EFER		equ 0xc0000080
EFER_LME_NXE_SCE equ 0x901		; long mode, no-execute, SYSCALL

section .multiboot progbits alloc noexec nowrite align=8
multiboot_header:
	dd 0xe85250d6, 0
	dd multiboot_end - multiboot_header
	dd -(0xe85250d6 + (multiboot_end - multiboot_header)) & 0xffffffff
	dw 0, 0				; end tag
	dd 8
multiboot_end:

section .note.pvh note alloc noexec nowrite align=4
	dd 4, 8, 18			; name size, descriptor size, XEN_ELFNOTE_PHYS32_ENTRY
	db "Xen", 0
	dq boot_entry

section .boot progbits alloc exec nowrite align=4096
bits 32
global boot_entry
boot_entry:
	cld
	mov esp, boot_stack_top - KERNEL_BASE
	push eax			; magic, popped as 64-bit values below
	push ebx

	mov edi, boot_pd - KERNEL_BASE
	mov eax, 0x83			; present, writable, 2 MiB
	xor edx, edx
.next_page:
	mov [edi], eax
	add edi, 8
	add eax, 0x200000
	jnc .next_page			; 4 GiB: 2,048 entries in four tables

	mov eax, boot_pd - KERNEL_BASE + 3
	mov edi, boot_pdpt_low - KERNEL_BASE
	mov ecx, 4
.next_table:
	mov [edi], eax
	add edi, 8
	add eax, 4096
	loop .next_table
	mov dword [boot_pdpt_high - KERNEL_BASE + 510 * 8], boot_pd - KERNEL_BASE + 3
	mov dword [boot_pml4 - KERNEL_BASE], boot_pdpt_low - KERNEL_BASE + 3
	mov dword [boot_pml4 - KERNEL_BASE + 511 * 8], boot_pdpt_high - KERNEL_BASE + 3

	mov ebp, boot_entry.long_mode

; Turns paging on with these tables and goes on in 64-bit mode at EBP; the other processors come
; here from smp.asm.
global boot_long_mode
boot_long_mode:
	mov eax, CR4_PAE_OSFXSR
	mov cr4, eax
	mov eax, boot_pml4 - KERNEL_BASE
	mov cr3, eax
	mov ecx, EFER
	rdmsr
	or eax, EFER_LME_NXE_SCE
	wrmsr
	mov eax, CR0_PG_WP_PE
	mov cr0, eax
	lgdt [boot_gdt_pointer]
	jmp 0x08:.segments

bits 64
.segments:
	mov eax, 0x10
	mov ds, eax
	mov es, eax
	mov ss, eax
	xor eax, eax
	mov fs, eax
	mov gs, eax
	mov ebp, ebp			; zero-extended
	jmp rbp

boot_entry.long_mode:
	mov ecx, esp			; zero-extended; the stack's physical address
	mov esi, [rcx]			; second argument: info
	mov edi, [rcx + 4]		; first argument: magic
	mov rsp, boot_stack_top
	xor ebp, ebp			; backtraces end here
	mov rax, kmain
	call rax
	ud2				; kmain does not return

align 8
global boot_gdt
boot_gdt:
	dq 0
	dq 0x00af9b000000ffff		; 64-bit code, as KERNEL_CS
	dq 0x00cf93000000ffff		; data, as KERNEL_DS
	dq 0x00cf9b000000ffff		; 32-bit code, for the other processors' way here
boot_gdt_pointer:
	dw $ - boot_gdt - 1
	dd boot_gdt

extern kmain
section .bss nobits alloc noexec write align=4096
boot_pml4:	resb 4096
boot_pdpt_low:	resb 4096
boot_pdpt_high:	resb 4096
boot_pd:	resb 4 * 4096
boot_stack:	resb 16384
global boot_stack_top
boot_stack_top:
