/*
 * Seconds are counted in ticks that the CPU in question, or the one that watches it, has taken, not
 * by the clock: on a busy host a virtual CPU may stand still for any time, and that is no fault of
 * the kernel in it. All state is per CPU and only touched in its own tick, but for two counters
 * that the neighbours read: `turns` of struct cpu and `ticks` here.
 *
 * A CPU with interrupts off is seen by busy neighbours only: an idle CPU takes no ticks.
 */
#include "sched/watchdog.h"
#include "sched/task.h"
#include "x86/backtrace.h"
#include "x86/printk.h"
#include "x86/trapframe.h"

#define TICKS_PER_SEC 100 /* at most: sched.c's ticks are 10 ms or more apart */

struct watchdog {
	u64 ticks;	      /* atomic: taken since boot */
	u64 turns;	      /* this CPU's when the last tick came */
	u64 overdue;	      /* ticks since a task waits in vain */
	u64 seen[CPUS_MAX];   /* what the others had done (progress_of) a second ago */
	u64 silent[CPUS_MAX]; /* seconds that they have done nothing */
	u64 told;	      /* atomic: what this CPU had done when it was reported last, plus 1 */
};

static struct watchdog watchdogs[CPUS_MAX];
u64 watchdog_thresh = 10;
u32 watchdog_reports;

static void print_all(const struct trapframe *tf)
{
	struct backtrace trace;

	printk("CPU %u, task %d (%s)%s", this_cpu()->id, current->pid, current->comm,
	       trapframe_user(tf) ? ", in user mode" : "");
	backtrace_collect_trap(&trace, tf);
	backtrace_print(&trace, "  ");
	backtrace_print_others();
	__atomic_fetch_add(&watchdog_reports, 1, __ATOMIC_RELEASE);
}

/* Is this CPU's task keeping others waiting? It was told so by TIF_NEED_RESCHED long ago. */
static void watch_self(struct watchdog *own, u64 thresh, const struct trapframe *tf)
{
	u64 turns = this_cpu()->turns;

	if (turns != own->turns || !sched_is_wanted()) {
		own->turns = turns;
		own->overdue = 0;
	} else if (++own->overdue == thresh * TICKS_PER_SEC) {
		printk("soft lockup: CPU %u has not given way for %llu seconds", this_cpu()->id,
		       (unsigned long long)thresh);
		print_all(tf);
	}
}

static u64 progress_of(u32 cpu)
{
	return __atomic_load_n(&watchdogs[cpu].ticks, __ATOMIC_RELAXED) +
	       __atomic_load_n(&cpus[cpu].turns, __ATOMIC_RELAXED);
}

/* Several may notice at once; the first of them reports. */
static bool was_told(u32 cpu, u64 progress)
{
	return __atomic_exchange_n(&watchdogs[cpu].told, progress + 1, __ATOMIC_RELAXED) ==
	       progress + 1;
}

static void watch_others(struct watchdog *own, u64 thresh, const struct trapframe *tf)
{
	for (u32 i = 0; i < cpu_count; i++) {
		u64 progress = progress_of(i);

		if (progress != own->seen[i] || sched_is_idle(i)) {
			own->seen[i] = progress;
			own->silent[i] = 0;
		} else if (++own->silent[i] == thresh && !was_told(i, progress)) {
			printk("hard lockup: CPU %u has taken no interrupt for %llu seconds", i,
			       (unsigned long long)thresh);
			print_all(tf);
		}
	}
}

void watchdog_tick(const struct trapframe *tf)
{
	struct watchdog *own = &watchdogs[this_cpu()->id];
	u64 thresh = __atomic_load_n(&watchdog_thresh, __ATOMIC_RELAXED);

	__atomic_store_n(&own->ticks, own->ticks + 1, __ATOMIC_RELAXED);
	if (thresh == 0)
		return;
	watch_self(own, thresh, tf);
	if (own->ticks % TICKS_PER_SEC == 0)
		watch_others(own, thresh, tf);
}
