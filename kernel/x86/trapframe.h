/*
 * The registers of interrupted code, in the order entry.asm pushes them: what a system call, fault
 * or interrupt found, and what the return to it will restore. The same layout as Linux's pt_regs,
 * so ptrace can hand it out.
 */
#ifndef MITOS_X86_TRAPFRAME_H
#define MITOS_X86_TRAPFRAME_H

#include "lib/types.h"

struct trapframe {
	u64 r15, r14, r13, r12, rbp, rbx;
	u64 r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
	/* system call number; for interrupts -1; while entering an exception its error code */
	u64 orig_rax;
	u64 rip, cs, rflags, rsp, ss;
};

/* Came it from user mode? */
static inline bool trapframe_user(const struct trapframe *tf)
{
	return tf->cs & 3;
}

void trapframe_print(const struct trapframe *tf); /* the registers, to the log */

#endif
