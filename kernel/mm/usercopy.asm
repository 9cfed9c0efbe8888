; The instructions that touch user memory, and the table that says where to go on when one of them
; faults. SMAP is opened only around them. Each routine returns how many bytes were left undone, so
; a fault is a short copy.

bits 64
section .text

extern usercopy_smap			; bool: the CPU has SMAP and it is on

%macro user_open 0
	cmp byte [usercopy_smap], 0
	je %%off
	stac
%%off:
%endmacro

%macro user_close 0
	cmp byte [usercopy_smap], 0
	je %%off
	clac
%%off:
%endmacro

; If the instruction at %1 faults, execution continues at %2.
%macro may_fault 2
	section .extable progbits alloc noexec nowrite align=8
	dq %1, %2
	section .text
%endmacro

; size_t copy_user(void *to, const void *from, size_t size): one of them is user memory.
global copy_user
copy_user:
	user_open
	mov rcx, rdx
	shr rcx, 3
.words:	rep movsq
	mov ecx, edx
	and ecx, 7
.bytes:	rep movsb
	mov rax, rcx
	user_close
	ret
.words_fault:				; rcx words are left, and the odd bytes
	and edx, 7
	lea rcx, [rcx * 8 + rdx]
	jmp .bytes			; the words before the bad byte in this word are copied too
.bytes_fault:
	mov rax, rcx
	user_close
	ret
	may_fault .words, .words_fault
	may_fault .bytes, .bytes_fault

; size_t clear_user_asm(void *to, size_t size)
global clear_user_asm
clear_user_asm:
	user_open
	mov rdx, rsi
	mov rcx, rsi
	shr rcx, 3
	xor eax, eax
.words:	rep stosq
	mov ecx, edx
	and ecx, 7
.bytes:	rep stosb
	mov rax, rcx
	user_close
	ret
.words_fault:
	and edx, 7
	lea rcx, [rcx * 8 + rdx]
	jmp .bytes
.bytes_fault:
	mov rax, rcx
	user_close
	ret
	may_fault .words, .words_fault
	may_fault .bytes, .bytes_fault

; ssize_t copy_user_string(char *to, const char *from, size_t size): the length without its
; terminator; size if there is none within size bytes; -1 after a fault.
global copy_user_string
copy_user_string:
	user_open
	xor ecx, ecx
.next:	cmp rcx, rdx
	je .done
.load:	mov al, [rsi + rcx]
	mov [rdi + rcx], al
	test al, al
	jz .done
	inc rcx
	jmp .next
.fault:	mov rcx, -1
.done:	mov rax, rcx
	user_close
	ret
	may_fault .load, .fault

; ssize_t user_string_length(const char *string, size_t size): the length; size if it is longer; -1
; after a fault.
global user_string_length
user_string_length:
	user_open
	xor ecx, ecx
.next:	cmp rcx, rsi
	je .done
.load:	cmp byte [rdi + rcx], 0
	je .done
	inc rcx
	jmp .next
.fault:	mov rcx, -1
.done:	mov rax, rcx
	user_close
	ret
	may_fault .load, .fault

; u64 load_user_word(const u32 *at): the word; all ones after a fault.
global load_user_word
load_user_word:
	user_open
.load:	mov eax, [rdi]
.done:	user_close
	ret
.fault:	mov rax, -1
	jmp .done
	may_fault .load, .fault

; u64 exchange_user_word(u32 *at, u32 old, u32 new): writes new if old is there; what was there, or
; all ones after a fault.
global exchange_user_word
exchange_user_word:
	user_open
	mov eax, esi
.swap:	lock cmpxchg [rdi], edx
.done:	user_close
	ret
.fault:	mov rax, -1
	jmp .done
	may_fault .swap, .fault
