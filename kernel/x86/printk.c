/*
 * One lock makes each line whole. The ring keeps the latest 64 KiB of the log for /dev/kmsg; a
 * position is a count of bytes since boot, so a reader that fell behind starts at the oldest byte
 * kept. panic() takes no lock for long: it breaks whatever another CPU holds, since nothing else
 * will run.
 */
#include "x86/printk.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "x86/bootinfo.h"
#include "x86/clock.h"
#include "x86/ksyms.h"
#include "x86/serial.h"
#include "x86/spinlock.h"
#include "x86/trapframe.h"

#define DEBUG_PORT 0xe9
#define DEBUG_EXIT_PORT 0xf4
#define DEBUG_EXIT_PANIC 62 /* QEMU ends with (62 << 1) | 1 = 125 */
#define LOG_SIZE (64 << 10)
#define LINE_SIZE 320

bool printk_quiet;
void (*panic_describe_task)(char *buf, size_t size);

static struct spinlock log_lock = SPINLOCK_INIT("printk"); /* guards the ring and the ports */
static char log_ring[LOG_SIZE];
static u64 log_end; /* bytes ever logged */
static bool panicking, console_is_users;

void printk_leave_console(void)
{
	console_is_users = true;
}

static void log_bytes(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		outb(DEBUG_PORT, (u8)text[i]);
		log_ring[log_end++ % LOG_SIZE] = text[i];
	}
	if (printk_quiet || (console_is_users && !panicking))
		return;
	serial_write(text, size - 1); /* a terminal wants a carriage return before the newline */
	serial_write("\r\n", 2);
}

static void print_line(const char *format, va_list args)
{
	char line[LINE_SIZE];
	u64 us = clock_monotonic() / NSEC_PER_USEC;
	int at = snprintf(line, sizeof(line), "[%4llu.%06llu] ", (unsigned long long)(us / 1000000),
			  (unsigned long long)(us % 1000000));

	at += vsnprintf(line + at, sizeof(line) - at, format, args);
	at = min(at, (int)sizeof(line) - 2);
	line[at++] = '\n';
	if (panicking) {
		log_bytes(line, at);
		return;
	}
	spin_lock(&log_lock);
	log_bytes(line, at);
	spin_unlock(&log_lock);
}

void printk(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_line(format, args);
	va_end(args);
}

size_t printk_read(u64 *pos, char *buf, size_t size)
{
	size_t done = 0;

	spin_lock(&log_lock);
	if (log_end > LOG_SIZE && *pos < log_end - LOG_SIZE)
		*pos = log_end - LOG_SIZE;
	while (done < size && *pos < log_end)
		buf[done++] = log_ring[(*pos)++ % LOG_SIZE];
	spin_unlock(&log_lock);
	return done;
}

void print_backtrace(u64 rbp)
{
	for (int depth = 0; depth < 24 && rbp >= DIRECT_BASE && rbp % 8 == 0; depth++) {
		const u64 *frame = (const u64 *)rbp; /* saved rbp, return address */
		char name[64];

		if (!ksyms_describe(frame[1], name, sizeof(name)))
			return;
		printk("  %016llx %s", (unsigned long long)frame[1], name);
		if (frame[0] <= rbp)
			return;
		rbp = frame[0];
	}
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

	irq_disable();
	if (panicking)
		finish_panic(); /* a panic within a panic: say no more */
	panicking = true;
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
