/*
 * The kernel's voice. Lines go to the debug port (0xe9: QEMU keeps them in build/kernel.log), into
 * the log (x86/log.h), and to the console if their level is below the console's, as it is until
 * user space starts: from then on the console is its own. Any context may call; lines are never
 * mixed.
 */
#ifndef MITOS_X86_PRINTK_H
#define MITOS_X86_PRINTK_H

#include <stdarg.h>
#include "lib/types.h"

/* Levels of syslog(3), which are the lower three bits of a priority. */
enum { LEVEL_EMERGENCY = 0, LEVEL_ERROR = 3, LEVEL_WARNING = 4, LEVEL_INFO = 6 };

/*
 * Lines of a level below this are shown on the console. The least that syslog(2) can ask for is
 * CONSOLE_LEVEL_MIN, with which only a panic is shown; at 0 (`quiet`) it is not, either.
 */
extern int console_level;
#define CONSOLE_LEVEL_MIN 1

/* Prints one line, "[seconds.micros] text\n", of the level info; the newline is added. */
void printk(const char *format, ...) __printf(1, 2);

/* The same with any priority: syslog(3)'s facility << 3 | level. */
void printk_at(unsigned priority, const char *format, ...) __printf(2, 3);

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
