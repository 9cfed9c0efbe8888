/*
 * A signal at an instruction whose every register is known, for the tests of signal frames:
 * fault_with_registers() loads frame_in, executes ud2 (or another instruction of two bytes), and
 * stores what it finds afterwards in frame_out. The handler's first instructions store what the
 * kernel gave it in entry, and then go on to frame_handler, C again. Layouts are the kernel's own,
 * from its headers.
 */
#ifndef SIGFRAME_H
#define SIGFRAME_H

#include "sig.h"

/* The C library has structures of the same names. */
#define sigcontext kernel_sigcontext
#define ucontext unused_ucontext
#include <asm/sigcontext.h>
#include <asm/ucontext.h>
#undef sigcontext
#undef ucontext
#undef _fpstate
#include <linux/auxvec.h>
#include <stddef.h>

/* The frame as the kernel pushes it. */
struct kernel_ucontext {
	unsigned long flags;
	void *link;
	stack_t stack;
	struct kernel_sigcontext mcontext;
	uint64_t sigmask;
};

struct kernel_frame {
	void *return_address;
	struct kernel_ucontext uc;
	uint8_t info[128];
};

enum { GENERAL = 15, RED_ZONE = 128 };

struct frame_registers {
	/* in the order of struct sigcontext, but that rsp is at the end */
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx;
	uint64_t rsp;	 /* 120; the start of the red zone */
	uint64_t rflags; /* 128 */
	uint32_t mxcsr;	 /* 136 */
	uint16_t fcw;	 /* 140 */
	uint16_t padding;
	uint8_t red_zone[RED_ZONE]; /* 144 */
	uint8_t ymm[16][32];	    /* 272; only the lower halves without AVX */
};

struct frame_registers frame_in, frame_out;
uint64_t frame_skew; /* how far from a multiple of 16 the stack pointer is */
uint64_t frame_rsp;  /* of fault_with_registers itself */
uint8_t frame_avx;   /* may ymm be used? */
void (*frame_handler)(int sig, siginfo_t *info, void *context);

struct {
	uint64_t rdi, rsi, rdx, rax, rsp;
	uint32_t mxcsr;
	uint16_t fcw, padding;
	uint8_t xmm0[16], xmm15[16];
	uint64_t rflags;
} frame_entry;

void fault_with_registers(void);
extern const char fault_here[], fault_next[];
void frame_enter(void); /* the handler to install */

#define ALL_VECTORS ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"

asm(".pushsection .text\n"
    ".globl fault_with_registers, fault_here, fault_next, frame_enter\n"
    "fault_with_registers:\n"
    "	push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
    "	mov %rsp, frame_rsp(%rip)\n"
    "	lea -1024(%rsp), %rsp\n"
    "	and $-16, %rsp\n"
    "	sub frame_skew(%rip), %rsp\n"
    "	mov %rsp, frame_in+120(%rip)\n"
    "	lea frame_in+144(%rip), %rsi\n"
    "	lea -128(%rsp), %rdi\n"
    "	mov $16, %ecx\n"
    "	rep movsq\n"
    "	ldmxcsr frame_in+136(%rip)\n"
    "	fldcw frame_in+140(%rip)\n"
    "	cmpb $0, frame_avx(%rip)\n"
    "	je 1f\n" ALL_VECTORS "vmovups frame_in+272+\\n*32(%rip), %ymm\\n\n.endr\n"
    "	jmp 2f\n"
    "1:\n" ALL_VECTORS "movups frame_in+272+\\n*32(%rip), %xmm\\n\n.endr\n"
    "2:	lea -136(%rsp), %rsp\n"
    "	push frame_in+128(%rip)\n"
    "	popfq\n"
    "	lea 136(%rsp), %rsp\n"
    "	mov frame_in(%rip), %r8; mov frame_in+8(%rip), %r9; mov frame_in+16(%rip), %r10\n"
    "	mov frame_in+24(%rip), %r11; mov frame_in+32(%rip), %r12; mov frame_in+40(%rip), %r13\n"
    "	mov frame_in+48(%rip), %r14; mov frame_in+56(%rip), %r15; mov frame_in+64(%rip), %rdi\n"
    "	mov frame_in+72(%rip), %rsi; mov frame_in+80(%rip), %rbp; mov frame_in+88(%rip), %rbx\n"
    "	mov frame_in+96(%rip), %rdx; mov frame_in+104(%rip), %rax\n"
    "	mov frame_in+112(%rip), %rcx\n"
    "fault_here:\n"
    "	ud2\n"
    "fault_next:\n"
    "	mov %r8, frame_out(%rip); mov %r9, frame_out+8(%rip); mov %r10, frame_out+16(%rip)\n"
    "	mov %r11, frame_out+24(%rip); mov %r12, frame_out+32(%rip)\n"
    "	mov %r13, frame_out+40(%rip); mov %r14, frame_out+48(%rip)\n"
    "	mov %r15, frame_out+56(%rip); mov %rdi, frame_out+64(%rip)\n"
    "	mov %rsi, frame_out+72(%rip); mov %rbp, frame_out+80(%rip)\n"
    "	mov %rbx, frame_out+88(%rip); mov %rdx, frame_out+96(%rip)\n"
    "	mov %rax, frame_out+104(%rip); mov %rcx, frame_out+112(%rip)\n"
    "	mov %rsp, frame_out+120(%rip)\n"
    "	mov frame_rsp(%rip), %rsp\n"
    "	pushfq; pop frame_out+128(%rip)\n"
    "	pushq $0x202; popfq\n"
    "	mov frame_in+120(%rip), %rsi\n"
    "	lea -128(%rsi), %rsi\n"
    "	lea frame_out+144(%rip), %rdi\n"
    "	mov $16, %ecx\n"
    "	rep movsq\n"
    "	stmxcsr frame_out+136(%rip)\n"
    "	fnstcw frame_out+140(%rip)\n"
    "	cmpb $0, frame_avx(%rip)\n"
    "	je 1f\n" ALL_VECTORS "vmovups %ymm\\n, frame_out+272+\\n*32(%rip)\n.endr\n"
    "	vzeroupper\n"
    "	jmp 2f\n"
    "1:\n" ALL_VECTORS "movups %xmm\\n, frame_out+272+\\n*32(%rip)\n.endr\n"
    "2:	fninit\n"
    "	pushq $0x1f80; ldmxcsr (%rsp); pop %rax\n"
    "	pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
    "	ret\n"
    "frame_enter:\n"
    "	mov %rdi, frame_entry(%rip); mov %rsi, frame_entry+8(%rip)\n"
    "	mov %rdx, frame_entry+16(%rip); mov %rax, frame_entry+24(%rip)\n"
    "	mov %rsp, frame_entry+32(%rip)\n"
    "	stmxcsr frame_entry+40(%rip)\n"
    "	fnstcw frame_entry+44(%rip)\n"
    "	movups %xmm0, frame_entry+48(%rip); movups %xmm15, frame_entry+64(%rip)\n"
    "	pushfq; pop frame_entry+80(%rip)\n"
    "	cld\n"
    "	jmp *frame_handler(%rip)\n"
    ".popsection\n");

_Static_assert(__builtin_offsetof(struct frame_registers, rsp) == 120, "as in the assembly");
_Static_assert(__builtin_offsetof(struct frame_registers, red_zone) == 144, "as in the assembly");
_Static_assert(__builtin_offsetof(struct frame_registers, ymm) == 272, "as in the assembly");
_Static_assert(sizeof(struct kernel_ucontext) == 304, "as in asm-generic/ucontext.h");

static inline void cpuid(uint32_t leaf, uint32_t subleaf, uint32_t *registers)
{
	asm volatile("cpuid"
		     : "=a"(registers[0]), "=b"(registers[1]), "=c"(registers[2]),
		       "=d"(registers[3])
		     : "a"(leaf), "c"(subleaf));
}

/* The state components that the kernel turned on; 0 if it does not use XSAVE. */
static inline uint64_t enabled_features(void)
{
	uint32_t registers[4], low, high;

	cpuid(1, 0, registers);
	if (!(registers[2] & 1u << 27))
		return 0;
	asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return (uint64_t)high << 32 | low;
}

enum { FEATURES_LEGACY = 3, FEATURE_AVX = 4 };

/* Where a state component lies in the standard format. */
static inline uint32_t feature_offset(int feature)
{
	uint32_t registers[4];

	cpuid(0xd, (uint32_t)feature, registers);
	return registers[1];
}

/* A different pattern in every register. */
static inline void frame_fill(void)
{
	uint8_t *byte = (uint8_t *)&frame_in;

	for (size_t i = 0; i < sizeof(frame_in); i++)
		byte[i] = (uint8_t)(i * 37 + i / 256 + 11);
	frame_in.rflags = 0x8d7; /* carry, parity, adjust, zero, sign, overflow */
	frame_in.mxcsr = 0x1f80 | 3 << 13;
	frame_in.fcw = 0x027f;
	frame_avx = (enabled_features() & FEATURE_AVX) != 0;
	memset(&frame_out, 0, sizeof(frame_out));
	memset(&frame_entry, 0, sizeof(frame_entry));
}

/* One signal at the known instruction, and the handler's work on it. */
static inline void frame_run(void (*handler)(int sig, siginfo_t *info, void *context),
			     unsigned long flags)
{
	frame_handler = handler;
	install(SIGILL, (void *)frame_enter, flags);
	fault_with_registers();
}

#endif
