/*
 * The kernel's voice. Lines go to the debug port (0xe9: QEMU keeps them in build/kernel.log), into
 * a ring that /dev/kmsg shows, and until user space starts to the console unless `quiet` was given.
 * Any context may call; lines are never mixed.
 */
#ifndef MITOS_X86_PRINTK_H
#define MITOS_X86_PRINTK_H

#include <stdarg.h>
#include "lib/types.h"

extern bool printk_quiet; /* `quiet`: the console shows nothing of the log */

/* User space starts: from here on the console is its own, and only a panic is shown there. */
void printk_leave_console(void);

/* Prints one line, "[seconds.micros] text\n"; the newline is added. */
void printk(const char *format, ...) __printf(1, 2);

/* Copies up to size bytes of the log from byte offset *pos on, and advances *pos; 0 at its end. */
size_t printk_read(u64 *pos, char *buf, size_t size);

/* Ends the machine: reason, task, symbolised backtrace, QEMU status 125. */
void panic(const char *format, ...) __printf(1, 2) __noreturn;

/* As panic, with the registers of an exception. */
struct trapframe;
void panic_trap(const struct trapframe *tf, const char *format, ...) __printf(2, 3) __noreturn;

/* Prints the call chain that starts at frame pointer rbp. */
void print_backtrace(u64 rbp);

/* Filled by sched/: describes the running task for a panic. */
extern void (*panic_describe_task)(char *buf, size_t size);

#define ASSERT(cond)                                                                               \
	do {                                                                                       \
		if (unlikely(!(cond)))                                                             \
			panic("assertion failed: %s (%s:%d)", #cond, __FILE__, __LINE__);          \
	} while (0)

#endif
