/*
 * Who called whom, by the frame pointers that every function keeps: of this CPU, and, by a
 * non-maskable interrupt, of the others, whatever they do.
 */
#ifndef MITOS_X86_BACKTRACE_H
#define MITOS_X86_BACKTRACE_H

#include "lib/types.h"

#define BACKTRACE_MAX 24

struct trapframe;

struct backtrace {
	u32 count;
	u64 addresses[BACKTRACE_MAX]; /* in kernel code, innermost first */
};

/* Follows the frames from frame pointer rbp on, as long as they lead upwards to kernel code. */
void backtrace_collect(struct backtrace *trace, u64 rbp);

/* The code that an interrupt found, and its callers; nothing if that was user mode. */
void backtrace_collect_trap(struct backtrace *trace, const struct trapframe *tf);

/* A line of the log for each, after this text: "ADDRESS name+0xoffset". */
void backtrace_print(const struct backtrace *trace, const char *before);

/* Has every other CPU say where it is, and prints it. One caller at a time is served: false if
 * somebody else is at it. No lock of printk's may be held. */
bool backtrace_print_others(void);

/* What a non-maskable interrupt calls: true if it was sent for a backtrace, which then is done. */
bool backtrace_nmi(const struct trapframe *tf);

#endif
