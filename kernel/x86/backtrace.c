/*
 * Backtraces. A CPU that is asked for its own from elsewhere only notes it down in the interrupt,
 * because it may have been inside printk; the CPU that asked prints it. Nothing here takes a lock.
 */
#include "x86/backtrace.h"
#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/ksyms.h"
#include "x86/paging.h"
#include "x86/printk.h"
#include "x86/trapframe.h"

#define ANSWER_SPINS 100000000u	    /* until a CPU that does not answer is given up */
#define STACK_ALIGN (2 * PAGE_SIZE) /* no kernel stack goes on beyond such an address */

/* What one CPU says. Its words but `asked` are its own until `asked` is false again. */
struct answer {
	bool asked; /* atomic: set by the CPU that wants to know, cleared when it is answered */
	bool user;  /* was in user mode */
	char task[64];
	struct backtrace trace;
};

static struct answer answers[CPUS_MAX];
static bool asking; /* atomic: somebody is in backtrace_print_others() */

static void follow(struct backtrace *trace, u64 rbp, u64 end)
{
	u64 offset;

	while (trace->count < BACKTRACE_MAX && rbp >= DIRECT_BASE && rbp % 8 == 0 &&
	       rbp <= end - 16) {
		const u64 *frame = (const u64 *)rbp; /* saved rbp, return address */

		if (!ksyms_lookup(frame[1], &offset))
			return;
		trace->addresses[trace->count++] = frame[1];
		if (frame[0] <= rbp)
			return;
		rbp = frame[0];
	}
}

void backtrace_collect(struct backtrace *trace, u64 rbp)
{
	trace->count = 0;
	follow(trace, rbp, ~0ull);
}

/* A non-maskable interrupt may come while the kernel's entry still has the user's rbp: only frames
 * on the stack in use are followed. */
void backtrace_collect_trap(struct backtrace *trace, const struct trapframe *tf)
{
	u64 offset;

	trace->count = 0;
	if (trapframe_user(tf) || !ksyms_lookup(tf->rip, &offset))
		return;
	trace->addresses[trace->count++] = tf->rip;
	if (tf->rsp >= DIRECT_BASE && tf->rbp >= tf->rsp)
		follow(trace, tf->rbp, align_up(tf->rsp + 1, STACK_ALIGN));
}

void backtrace_print(const struct backtrace *trace, const char *before)
{
	for (u32 i = 0; i < trace->count; i++) {
		char name[64] = "";

		ksyms_describe(trace->addresses[i], name, sizeof(name));
		printk("%s%016llx %s", before, (unsigned long long)trace->addresses[i], name);
	}
}

static void print_answer(u32 cpu)
{
	struct answer *answer = &answers[cpu];

	for (u32 i = 0; i < ANSWER_SPINS && __atomic_load_n(&answer->asked, __ATOMIC_ACQUIRE); i++)
		cpu_relax();
	if (answer->asked) {
		printk("CPU %u does not answer", cpu);
		return;
	}
	printk("CPU %u, task %s%s", cpu, answer->task, answer->user ? ", in user mode" : "");
	backtrace_print(&answer->trace, "  ");
}

bool backtrace_print_others(void)
{
	if (__atomic_exchange_n(&asking, true, __ATOMIC_ACQUIRE))
		return false;
	for (u32 i = 0; i < cpu_count; i++) {
		if (&cpus[i] == this_cpu())
			continue;
		__atomic_store_n(&answers[i].asked, true, __ATOMIC_RELEASE);
		lapic_send_nmi(i);
		print_answer(i);
	}
	__atomic_store_n(&asking, false, __ATOMIC_RELEASE);
	return true;
}

bool backtrace_nmi(const struct trapframe *tf)
{
	struct answer *answer = &answers[this_cpu()->id];

	if (!__atomic_load_n(&answer->asked, __ATOMIC_ACQUIRE))
		return false;
	answer->task[0] = '\0';
	if (panic_describe_task)
		panic_describe_task(answer->task, sizeof(answer->task));
	answer->user = trapframe_user(tf);
	backtrace_collect_trap(&answer->trace, tf);
	__atomic_store_n(&answer->asked, false, __ATOMIC_RELEASE);
	return true;
}
