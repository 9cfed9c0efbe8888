/*
 * The run queue of a CPU, and what the files of scheduling share: sched.c switches, place.c chooses
 * where a task runs and moves it there, pause.c stops every CPU but one, inspect.c answers those
 * who ask.
 */
#ifndef MITOS_SCHED_RUNQUEUE_H
#define MITOS_SCHED_RUNQUEUE_H

#include "sched/task.h"
#include "sched/timer.h"
#include "x86/printk.h"

struct runqueue {
	struct spinlock lock;	/* guards all below and the scheduling fields of its tasks */
	struct list_head woken; /* slept with some of their slice left; before all in queue */
	struct list_head queue;
	u64 waiting;	     /* tasks in the two lists; others read it without the lock */
	u64 uninterruptible; /* tasks asleep in that state, for the load average */
	u64 switches;
	u64 user_ticked, system_ticked; /* ns that ticks found in either mode */
	bool paused;			/* it has come to rest for sched_pause_others() */
	struct timer give_away;		/* for a task that this CPU should have run by then */
	struct task_struct *idle;
	struct task_struct idle_task;
};

extern struct runqueue runqueues[CPUS_MAX];
extern struct cpu *sched_alone; /* the CPU that all others rest for; atomic */

/* --- place.c --- */

/* The running CPU has chosen what to run instead of prev: what still waits may run elsewhere. */
void sched_offer_rest(const struct task_struct *prev);
/* Gives a CPU to a task that can run, but is in no queue and on no CPU, so that nobody else can
 * move it. */
void sched_place(struct task_struct *task);
/* Takes a task from a CPU where more than `least` wait, the busiest first; true if it did. */
bool sched_take(u64 least);
/* The running CPU says that it is idle, and then looks at the other queues: true if it took a task
 * from one. */
bool sched_enter_idle(void);
/* The timer of a run queue: the CPU has not run what it was expected to, so somebody else may. */
void sched_give_away(struct timer *timer);

/* --- pause.c --- */

/* The idle loop's, which is where a CPU rests. */
void sched_rest(struct runqueue *rq);

/* Must this CPU rest? */
static inline bool sched_must_rest(void)
{
	struct cpu *alone = __atomic_load_n(&sched_alone, __ATOMIC_ACQUIRE);

	return unlikely(alone) && alone != this_cpu();
}

/* --- the run queue itself --- */

static inline u64 cpu_bit(const struct cpu *cpu)
{
	return 1ull << cpu->id;
}

static inline bool may_run_on(const struct task_struct *task, const struct cpu *cpu)
{
	return task->affinity & cpu_bit(cpu);
}

/* Locks the run queue of the CPU that task belongs to, which may change until the lock is held. */
static inline struct runqueue *lock_runqueue_of(const struct task_struct *task)
{
	while (true) {
		struct runqueue *rq = task->cpu->runqueue;

		spin_lock(&rq->lock);
		if (task->cpu->runqueue == rq)
			return rq;
		spin_unlock(&rq->lock);
	}
}

static inline void enqueue(struct runqueue *rq, struct list_head *queue, struct task_struct *task)
{
	ASSERT(spin_held(&rq->lock) && !task->on_queue);
	task->on_queue = true;
	list_add_tail(queue, &task->run_link);
	rq->waiting++;
}

static inline void dequeue(struct runqueue *rq, struct task_struct *task)
{
	list_del(&task->run_link);
	task->on_queue = false;
	rq->waiting--;
}

/* How long it has been running. Clocks of two CPUs may differ by a little (clock.c), and so this
 * one's by more than that. */
static inline u64 running_for(const struct task_struct *task, u64 now)
{
	return now > task->run_since ? now - task->run_since : 0;
}

/* Who is to run next, or NULL. */
static inline struct task_struct *first_waiting(const struct runqueue *rq)
{
	const struct list_head *queue = list_empty(&rq->woken) ? &rq->queue : &rq->woken;

	return list_first(queue, struct task_struct, run_link);
}

#endif
