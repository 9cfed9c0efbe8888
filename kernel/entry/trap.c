/*
 * Exceptions and interrupts. A fault of user code becomes a signal with the code and address that
 * Linux gives; a fault of the kernel on user memory becomes a short copy; any other fault of the
 * kernel is a panic with registers and backtrace. Devices and the timer are only acknowledged and
 * passed down.
 */
#include "entry/entry.h"
#include "lib/string.h"
#include "mm/mm.h"
#include "proc/oom.h"
#include "proc/limits.h"
#include "proc/signal.h"
#include "sched/task.h"
#include "sched/timer.h"
#include "sched/watchdog.h"
#include "x86/apic.h"
#include "x86/backtrace.h"
#include "x86/fpu.h"
#include "x86/printk.h"
#include "x86/random.h"
#include "x86/serial.h"
#include "x86/smp.h"
#include <asm/siginfo.h>
#include <asm/signal.h>

/* Bits of a page fault's error code (Intel SDM vol. 3, 4.7). */
#define PF_PRESENT (1u << 0)
#define PF_WRITE (1u << 1)
#define PF_USER (1u << 2)
#define PF_RESERVED (1u << 3)
#define PF_FETCH (1u << 4)

void syscall_entry(void);
void task_first_run(void);
extern void (*const trap_vectors[256])(void);

/* What each exception of user code becomes, in order of vector (Linux's arch/x86 traps; signal(7),
 * sigaction(2)). */
static const struct {
	const char *name;
	int signal, code;
} exceptions[32] = {
	[VECTOR_DIVIDE] = { "divide error", SIGFPE, FPE_INTDIV },
	[VECTOR_DEBUG] = { "debug", SIGTRAP, TRAP_TRACE },
	[VECTOR_NMI] = { "NMI", 0, 0 },
	[VECTOR_BREAKPOINT] = { "breakpoint", SIGTRAP, SI_KERNEL },
	[VECTOR_OVERFLOW] = { "overflow", SIGSEGV, SI_KERNEL },
	[VECTOR_BOUND] = { "bound range", SIGSEGV, SI_KERNEL },
	[VECTOR_INVALID_OPCODE] = { "invalid opcode", SIGILL, ILL_ILLOPN },
	[7] = { "device not available", SIGSEGV, SI_KERNEL },
	[VECTOR_DOUBLE_FAULT] = { "double fault", 0, 0 },
	[10] = { "invalid TSS", SIGSEGV, SI_KERNEL },
	[11] = { "segment not present", SIGBUS, SI_KERNEL },
	[VECTOR_STACK] = { "stack segment fault", SIGBUS, SI_KERNEL },
	[VECTOR_PROTECTION] = { "general protection fault", SIGSEGV, SI_KERNEL },
	[VECTOR_PAGE_FAULT] = { "page fault", SIGSEGV, SEGV_MAPERR },
	[VECTOR_X87] = { "x87 exception", SIGFPE, FPE_FLTINV },
	[VECTOR_ALIGNMENT] = { "alignment check", SIGBUS, BUS_ADRALN },
	[18] = { "machine check", 0, 0 },
	[VECTOR_SIMD] = { "SIMD exception", SIGFPE, FPE_FLTINV },
};

void entry_init(void)
{
	cpu_set_doors(syscall_entry, trap_vectors);
	sched_first_step = task_first_run;
}

/* The user's program is at fault: its signal, and one line in the log as Linux prints it. */
static void raise_fault(struct trapframe *tf, int signal, int code, u64 addr, const char *what)
{
	printk("%s[%d]: %s at %llx ip %llx sp %llx error %llx", current->comm, current->pid, what,
	       (unsigned long long)addr, (unsigned long long)tf->rip, (unsigned long long)tf->rsp,
	       (unsigned long long)tf->orig_rax);
	signal_fault(signal, code, addr);
}

/* What the frame of the signal will say of the exception (asm/sigcontext.h: trapno, err). */
static void note_exception(u64 vector, u64 error)
{
	current->fault_vector = vector;
	current->fault_error = error;
}

/*
 * The return to user mode faulted on what it was to load: a non-canonical rip, or a segment that is
 * not the user's, from a forged frame. The processor still had the user's registers, saved in tf;
 * they go back to the task's own trapframe, by way of a copy, because the two overlap on the stack.
 * Returns that trapframe, for entry.asm to return by.
 */
struct trapframe *iret_fault(const struct trapframe *tf)
{
	struct trapframe *user = current->tf, registers = *tf;

	memcpy(user, &registers, offsetof(struct trapframe, orig_rax));
	user->orig_rax = (u64)-1;
	note_exception(VECTOR_PROTECTION, registers.orig_rax);
	irq_enable();
	raise_fault(user, SIGSEGV, SI_KERNEL, 0, "return to a bad address");
	return user;
}

/* A kernel access that faulted: continue at its fixup, if it has one. */
static void kernel_fault(struct trapframe *tf, u64 vector, u64 addr)
{
	u64 target = usercopy_fixup(tf->rip);

	if (!target)
		panic_trap(tf, "%s in the kernel, address %016llx", exceptions[vector].name,
			   (unsigned long long)addr);
	tf->rip = target;
}

static void page_fault(struct trapframe *tf)
{
	u64 addr = read_cr2();
	u32 error = (u32)tf->orig_rax;
	bool user = trapframe_user(tf);

	if (error & PF_RESERVED)
		panic_trap(tf, "corrupt page table, address %016llx", (unsigned long long)addr);
	if (!user && (addr >= USER_END || !current->mm || !usercopy_fixup(tf->rip))) {
		kernel_fault(tf, VECTOR_PAGE_FAULT, addr);
		return;
	}
	/* Under a spinlock a user copy may not sleep: it comes up short, as at a bad address. */
	if (!user && this_cpu()->irq_depth) {
		tf->rip = usercopy_fixup(tf->rip);
		return;
	}
	irq_enable();
	unsigned access =
		(error & PF_WRITE ? FAULT_WRITE : 0) | (error & PF_FETCH ? FAULT_EXEC : 0);
	enum fault_result result =
		addr < USER_END ? mm_fault(current->mm, addr, access) : FAULT_NO_AREA;
	/* QEMU reads the stack of a user's far return with the kernel's rights: present, and yet a
	 * fault, for ever. */
	if (user && !(error & PF_USER) && (error & PF_PRESENT))
		result = FAULT_NO_ACCESS;
	if (result == FAULT_OK)
		return;
	if (result == FAULT_NO_MEMORY && !kill_is_pending())
		oom_kill();
	/* To the same instruction, now that somebody has given memory back; or to its own death. */
	if (result == FAULT_NO_MEMORY && (user || !kill_is_pending()))
		return;
	if (!user) {
		tf->rip = usercopy_fixup(tf->rip);
		return;
	}
	/* Whether a page of the kernel is present is no user's business. */
	note_exception(VECTOR_PAGE_FAULT, error | (addr >= USER_END ? PF_PRESENT : 0));
	current->fault_addr = addr;
	if (result == FAULT_BEYOND)
		raise_fault(tf, SIGBUS, BUS_ADRERR, addr, "bus error");
	else
		raise_fault(tf, SIGSEGV, result == FAULT_NO_ACCESS ? SEGV_ACCERR : SEGV_MAPERR,
			    addr, "segfault");
}

/* Which of the unmasked floating-point exceptions it was (Intel SDM vol. 1, 8.5 and 11.5). */
static int float_code(u32 exceptions_raised)
{
	static const struct {
		u32 bits;
		int code;
	} kinds[] = {
		{ 0x01, FPE_FLTINV }, { 0x04, FPE_FLTDIV },
		{ 0x08, FPE_FLTOVF }, { 0x12, FPE_FLTUND }, /* a denormal operand counts as one */
		{ 0x20, FPE_FLTRES },
	};

	for (u32 i = 0; i < ARRAY_SIZE(kinds); i++)
		if (exceptions_raised & kinds[i].bits)
			return kinds[i].code;
	return FPE_FLTINV;
}

static void exception(u64 vector, struct trapframe *tf)
{
	if (vector == VECTOR_PAGE_FAULT) {
		page_fault(tf);
	} else if (vector == VECTOR_NMI) {
		smp_nmi();
		if (!backtrace_nmi(tf))
			printk("NMI ignored");
	} else if (!trapframe_user(tf) || !exceptions[vector].signal) {
		kernel_fault(tf, vector, 0);
	} else {
		int code = exceptions[vector].code;
		note_exception(vector, tf->orig_rax); /* entry.asm pushed 0 where there is none */
		irq_enable();
		if (vector == VECTOR_X87 || vector == VECTOR_SIMD)
			code = float_code(fpu_exceptions(vector == VECTOR_SIMD));
		bool has_addr = code != SI_KERNEL && vector != VECTOR_ALIGNMENT;
		raise_fault(tf, exceptions[vector].signal, code, has_addr ? tf->rip : 0,
			    exceptions[vector].name);
	}
}

void trap_dispatch(u64 vector, struct trapframe *tf)
{
	if (vector < VECTOR_ISA) {
		exception(vector, tf);
		if (trapframe_user(tf))
			lockcheck_leave("at the end of an exception");
		/* the error code has served; this is no system call to restart */
		tf->orig_rax = (u64)-1;
		return;
	}
	tf->orig_rax = (u64)-1;
	random_stir(rdtsc());
	if (vector == VECTOR_TIMER) {
		lapic_eoi();
		timer_interrupt();
		u64 ticked = sched_tick(trapframe_user(tf));
		if (ticked) {
			itimer_tick(trapframe_user(tf), ticked);
			posix_timers_tick();
			limits_tick();
			watchdog_tick(tf);
		}
	} else if (vector == VECTOR_RESCHEDULE) {
		lapic_eoi(); /* its coming is enough: the way out looks for what it is about */
	} else if (vector == VECTOR_REQUEST) {
		lapic_eoi();
		cpu_serve_requests();
	} else if (vector == VECTOR_ISA + SERIAL_IRQ) {
		serial_interrupt();
		lapic_eoi();
	}
}
