/*
 * What may be asked about tasks and CPUs while they run: times, counts, and where a task waits.
 */
#include "mm/kmap.h"
#include "sched/runqueue.h"

u64 task_runtime(const struct task_struct *task)
{
	/* a tick or a switch between the reads would move time from one to the other */
	struct runqueue *rq = lock_runqueue_of(task);
	u64 runtime = task->times.runtime;
	if (task->on_cpu)
		runtime += running_for(task, clock_monotonic());
	spin_unlock(&rq->lock);
	return runtime;
}

void task_cpu_times(const struct task_struct *task, u64 *utime, u64 *stime)
{
	u64 runtime = task_runtime(task);
	u64 user = task->times.user_ticked, total = user + task->times.system_ticked;

	*utime = total ? mul_div(runtime, user, total) : runtime;
	*stime = runtime - *utime;
}

extern char sched_text_start[], sched_text_end[]; /* linker.ld: what is marked __sched */

/* What switch_stacks saved, lowest first; rbp leads to the frames of its callers. */
struct saved_registers {
	u64 r15, r14, r13, r12, rbp, rbx, rip;
};

static bool is_waiting_code(u64 address)
{
	return address >= (u64)sched_text_start && address < (u64)sched_text_end;
}

u32 sched_backtrace(struct task_struct *task, u64 *addresses, u32 max)
{
	struct runqueue *rq = lock_runqueue_of(task);
	u64 low = (u64)task->stack, high = low + KSTACK_SIZE;
	u32 count = 0;

	if (!task->on_cpu && !(task->state & (EXIT_ZOMBIE | EXIT_DEAD))) {
		const struct saved_registers *saved = (void *)task->kernel_rsp;
		u64 frame = saved->rbp, address = saved->rip;

		while (count < max) {
			if (!is_waiting_code(address))
				addresses[count++] = address;
			if (frame < low || frame > high - 16 || frame % 8)
				break;
			const u64 *words = (const u64 *)frame; /* caller's rbp, return address */
			low = frame + 8;		       /* callers' frames lie higher */
			frame = words[0];
			address = words[1];
		}
	}
	spin_unlock(&rq->lock);
	return count;
}

u64 sched_running(void)
{
	u64 running = 0;

	for (u32 i = 0; i < cpu_count; i++)
		running += runqueues[i].waiting + (cpus[i].task != runqueues[i].idle);
	return running;
}

bool sched_is_wanted(void)
{
	return __atomic_load_n(&this_cpu()->runqueue->waiting, __ATOMIC_RELAXED) > 0;
}

bool sched_is_idle(u32 cpu)
{
	return __atomic_load_n(&cpus[cpu].task, __ATOMIC_RELAXED) == runqueues[cpu].idle;
}

u64 sched_uninterruptible(void)
{
	u64 count = 0;

	for (u32 i = 0; i < cpu_count; i++)
		count += runqueues[i].uninterruptible;
	return count;
}

u64 sched_switches(void)
{
	u64 switches = 0;

	for (u32 i = 0; i < cpu_count; i++)
		switches += runqueues[i].switches;
	return switches;
}

u64 sched_idle_time(void)
{
	u64 idle = 0;

	for (u32 i = 0; i < cpu_count; i++)
		idle += task_runtime(runqueues[i].idle);
	return idle;
}

void sched_cpu_times(u32 cpu, u64 *user, u64 *system, u64 *idle)
{
	const struct runqueue *rq = &runqueues[cpu];

	*user = rq->user_ticked;
	*system = rq->system_ticked;
	*idle = task_runtime(rq->idle);
}
