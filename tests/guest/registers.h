/*
 * One system call made with every register under control: registers_in is loaded, the syscall
 * instruction executed, and everything stored in registers_out before the compiler gets a chance to
 * touch it. The ABI (x86-64 psABI A.2.1) lets a call change rax, rcx and r11 and nothing else.
 */
#ifndef REGISTERS_H
#define REGISTERS_H

#include "ktap.h"

struct registers {
	uint64_t rax, rbx, rdx, rsi, rdi, rbp, r8, r9, r10, r12, r13, r14, r15;
	uint64_t rsp;	      /* both are what they were around the call */
	uint64_t red_zone[2]; /* the first and the last of the 16 words below the stack pointer */
	uint64_t rflags;      /* bits in registers_in are added to the flags during the call */
	uint8_t xmm[16][16];
};

struct registers registers_in, registers_out;
void syscall_with_registers(void);

asm(".pushsection .text\n"
    ".globl syscall_with_registers\n"
    "syscall_with_registers:\n"
    "	push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
    "	mov %rsp, registers_in+104(%rip)\n"
    "	mov registers_in+112(%rip), %rax; mov %rax, -8(%rsp)\n"
    "	mov registers_in+120(%rip), %rax; mov %rax, -128(%rsp)\n"
    "	lea registers_in+136(%rip), %rax\n"
    "	movups (%rax), %xmm0; movups 16(%rax), %xmm1; movups 32(%rax), %xmm2\n"
    "	movups 48(%rax), %xmm3; movups 64(%rax), %xmm4; movups 80(%rax), %xmm5\n"
    "	movups 96(%rax), %xmm6; movups 112(%rax), %xmm7; movups 128(%rax), %xmm8\n"
    "	movups 144(%rax), %xmm9; movups 160(%rax), %xmm10; movups 176(%rax), %xmm11\n"
    "	movups 192(%rax), %xmm12; movups 208(%rax), %xmm13; movups 224(%rax), %xmm14\n"
    "	movups 240(%rax), %xmm15\n"
    "	mov registers_in+8(%rip), %rbx\n"
    "	mov registers_in+16(%rip), %rdx\n"
    "	mov registers_in+24(%rip), %rsi\n"
    "	mov registers_in+32(%rip), %rdi\n"
    "	mov registers_in+40(%rip), %rbp\n"
    "	mov registers_in+48(%rip), %r8\n"
    "	mov registers_in+56(%rip), %r9\n"
    "	mov registers_in+64(%rip), %r10\n"
    "	mov registers_in+72(%rip), %r12\n"
    "	mov registers_in+80(%rip), %r13\n"
    "	mov registers_in+88(%rip), %r14\n"
    "	mov registers_in+96(%rip), %r15\n"
    "	lea -136(%rsp), %rsp\n"
    "	pushfq; pop %rax; or registers_in+128(%rip), %rax; push %rax\n"
    "	mov registers_in(%rip), %rax\n"
    "	popfq\n"
    "	lea 136(%rsp), %rsp\n"
    "	syscall\n"
    "	mov %rax, registers_out(%rip)\n"
    "	mov %rbx, registers_out+8(%rip)\n"
    "	mov %rdx, registers_out+16(%rip)\n"
    "	mov %rsi, registers_out+24(%rip)\n"
    "	mov %rdi, registers_out+32(%rip)\n"
    "	mov %rbp, registers_out+40(%rip)\n"
    "	mov %r8, registers_out+48(%rip)\n"
    "	mov %r9, registers_out+56(%rip)\n"
    "	mov %r10, registers_out+64(%rip)\n"
    "	mov %r12, registers_out+72(%rip)\n"
    "	mov %r13, registers_out+80(%rip)\n"
    "	mov %r14, registers_out+88(%rip)\n"
    "	mov %r15, registers_out+96(%rip)\n"
    "	mov %rsp, registers_out+104(%rip)\n"
    "	mov -8(%rsp), %rax; mov %rax, registers_out+112(%rip)\n"
    "	mov -128(%rsp), %rax; mov %rax, registers_out+120(%rip)\n"
    "	lea -136(%rsp), %rsp\n"
    "	pushfq; pop %rax; mov %rax, registers_out+128(%rip)\n"
    "	pushq $0x202; popfq\n"
    "	lea 136(%rsp), %rsp\n"
    "	lea registers_out+136(%rip), %rax\n"
    "	movups %xmm0, (%rax); movups %xmm1, 16(%rax); movups %xmm2, 32(%rax)\n"
    "	movups %xmm3, 48(%rax); movups %xmm4, 64(%rax); movups %xmm5, 80(%rax)\n"
    "	movups %xmm6, 96(%rax); movups %xmm7, 112(%rax); movups %xmm8, 128(%rax)\n"
    "	movups %xmm9, 144(%rax); movups %xmm10, 160(%rax); movups %xmm11, 176(%rax)\n"
    "	movups %xmm12, 192(%rax); movups %xmm13, 208(%rax); movups %xmm14, 224(%rax)\n"
    "	movups %xmm15, 240(%rax)\n"
    "	pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
    "	ret\n"
    ".popsection\n");

_Static_assert(__builtin_offsetof(struct registers, rsp) == 104, "the assembly knows the layout");
_Static_assert(__builtin_offsetof(struct registers, xmm) == 136, "the assembly knows the layout");

/*
 * Loads a different pattern into every register; the call's number and arguments are set
 * afterwards.
 */
static inline void registers_fill(uint64_t seed)
{
	uint64_t *word = (uint64_t *)&registers_in;

	for (size_t i = 0; i < sizeof(registers_in) / sizeof(*word); i++)
		word[i] = seed ^ (0x0101010101010101 * (i + 1));
	registers_in.rflags = 0;
	memset(&registers_out, 0, sizeof(registers_out));
}

/* Everything but rax and the flags came back as it was. */
static inline void registers_check(void)
{
	CHECK_EQ(registers_out.rbx, registers_in.rbx);
	CHECK_EQ(registers_out.rdx, registers_in.rdx);
	CHECK_EQ(registers_out.rsi, registers_in.rsi);
	CHECK_EQ(registers_out.rdi, registers_in.rdi);
	CHECK_EQ(registers_out.rbp, registers_in.rbp);
	CHECK_EQ(registers_out.r8, registers_in.r8);
	CHECK_EQ(registers_out.r9, registers_in.r9);
	CHECK_EQ(registers_out.r10, registers_in.r10);
	CHECK_EQ(registers_out.r12, registers_in.r12);
	CHECK_EQ(registers_out.r13, registers_in.r13);
	CHECK_EQ(registers_out.r14, registers_in.r14);
	CHECK_EQ(registers_out.r15, registers_in.r15);
	CHECK_EQ(registers_out.rsp, registers_in.rsp);
	CHECK_EQ(registers_out.red_zone[0], registers_in.red_zone[0]);
	CHECK_EQ(registers_out.red_zone[1], registers_in.red_zone[1]);
	CHECK(!memcmp(registers_out.xmm, registers_in.xmm, sizeof(registers_in.xmm)));
}

#endif
