/* Stopping every CPU but one, for who must see everything stand still (the audit). */
#include "sched/mutex.h"
#include "sched/runqueue.h"

struct cpu *sched_alone;
static struct mutex pause_lock = MUTEX_INIT(pause_lock, "pause"); /* held by who may set it */

/* Under the lock either sched_resume_others() comes later, and clears the mark, or nobody rests any
 * more. */
void sched_rest(struct runqueue *rq)
{
	spin_lock(&rq->lock);
	__atomic_store_n(&rq->paused, sched_must_rest(), __ATOMIC_RELEASE);
	spin_unlock(&rq->lock);
}

/* Makes whatever runs on the CPU call schedule(). */
static void interrupt_cpu(struct cpu *cpu)
{
	struct runqueue *rq = cpu->runqueue;

	spin_lock(&rq->lock); /* so that the task stays where it is meanwhile */
	rq->paused = false;
	task_set_tif(cpu->task, TIF_NEED_RESCHED);
	spin_unlock(&rq->lock);
}

static void interrupt_others(void)
{
	for (u32 i = 0; i < cpu_count; i++)
		if (&cpus[i] != this_cpu())
			interrupt_cpu(&cpus[i]);
}

void sched_pause_others(void)
{
	mutex_lock(&pause_lock);
	__atomic_store_n(&sched_alone, this_cpu(), __ATOMIC_SEQ_CST);
	interrupt_others();
	for (u32 i = 0; i < cpu_count; i++)
		while (&cpus[i] != this_cpu() &&
		       !__atomic_load_n(&runqueues[i].paused, __ATOMIC_ACQUIRE))
			cpu_relax();
}

void sched_resume_others(void)
{
	__atomic_store_n(&sched_alone, NULL, __ATOMIC_SEQ_CST);
	interrupt_others();
	mutex_unlock(&pause_lock);
}
