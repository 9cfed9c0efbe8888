/*
 * One lock makes each line whole. panic() takes no lock: whoever holds one, this CPU perhaps, may
 * not go on. Of CPUs that panic at once the first says why; from then on the others are silent.
 */
#include "x86/printk.h"
#include "lib/printf.h"
#include "x86/backtrace.h"
#include "x86/bootinfo.h"
#include "x86/clock.h"
#include "x86/log.h"
#include "x86/serial.h"
#include "x86/smp.h"
#include "x86/spinlock.h"
#include "x86/trapframe.h"

#define DEBUG_PORT 0xe9
#define DEBUG_EXIT_PORT 0xf4
#define DEBUG_EXIT_PANIC 62 /* QEMU ends with (62 << 1) | 1 = 125 */
#define LINE_SIZE (LOG_TEXT + 32)
#define LEVEL_MASK 7

int console_level = LEVEL_INFO + 1;
void (*panic_describe_task)(char *buf, size_t size);

static struct spinlock ports_lock = SPINLOCK_INIT("printk"); /* guards the ports */
static struct cpu *panicking;				     /* atomic: the first CPU that did */

static void print_bytes(const char *line, size_t size, unsigned level,
			void (*write)(const char *buf, size_t size))
{
	for (size_t i = 0; i < size; i++)
		outb(DEBUG_PORT, (u8)line[i]);
	if ((int)level >= console_level)
		return;
	write(line, size - 1); /* a terminal wants a carriage return before the newline */
	write("\r\n", 2);
}

static void print_line(unsigned priority, const char *format, va_list args)
{
	char text[LOG_TEXT], line[LINE_SIZE];
	u64 us = clock_monotonic() / NSEC_PER_USEC;
	int size = min(vsnprintf(text, sizeof(text), format, args), (int)sizeof(text) - 1);
	int length = snprintf(line, sizeof(line), "[%4llu.%06llu] %s\n",
			      (unsigned long long)(us / 1000000),
			      (unsigned long long)(us % 1000000), text);

	struct cpu *reporter = __atomic_load_n(&panicking, __ATOMIC_ACQUIRE);
	if (reporter) {
		if (reporter == this_cpu())
			print_bytes(line, length, LEVEL_EMERGENCY, serial_write_panic);
		return;
	}
	log_append(priority, us, text, size);
	spin_lock(&ports_lock);
	print_bytes(line, length, priority & LEVEL_MASK, serial_write);
	spin_unlock(&ports_lock);
}

void printk(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_line(LEVEL_INFO, format, args);
	va_end(args);
}

void printk_at(unsigned priority, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_line(priority, format, args);
	va_end(args);
}

void print_backtrace(u64 rbp)
{
	struct backtrace trace;

	backtrace_collect(&trace, rbp);
	backtrace_print(&trace, "  ");
}

static void print_task(void)
{
	char text[64] = "none";

	if (panic_describe_task)
		panic_describe_task(text, sizeof(text));
	printk("cpu %u, task %s", this_cpu()->id, text);
}

static void __noreturn finish_panic(void)
{
	outb(DEBUG_EXIT_PORT, DEBUG_EXIT_PANIC);
	cpu_halt();
}

static void begin_panic(const char *format, va_list args)
{
	char reason[200];
	struct cpu *first = NULL;

	irq_disable();
	if (!__atomic_compare_exchange_n(&panicking, &first, this_cpu(), false, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE)) {
		if (first == this_cpu())
			finish_panic(); /* a panic within a panic: say no more */
		cpu_halt();		/* the other one ends the machine */
	}
	smp_stop_others();
	serial_break_lock(); /* one of them may have it */
	vsnprintf(reason, sizeof(reason), format, args);
	printk("kernel panic: %s", reason);
	print_task();
}

void panic(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	begin_panic(format, args);
	va_end(args);
	print_backtrace((u64)__builtin_frame_address(0));
	finish_panic();
}

void panic_trap(const struct trapframe *tf, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	begin_panic(format, args);
	va_end(args);
	trapframe_print(tf);
	print_backtrace(tf->rbp);
	finish_panic();
}
