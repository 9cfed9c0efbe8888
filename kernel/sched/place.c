/*
 * Where a task runs.
 *
 * A task that wakes or begins goes to the CPU where it ran last if that one is idle, else to one
 * that is idle, else to the last all the same. Nothing waits while a CPU that could run it idles:
 *
 *   A CPU sets its bit in idle_cpus before it looks at the other queues for something to take, and
 *   sleeps only if there is nothing. Whoever puts a task where it must wait does so before looking
 *   at idle_cpus, and prods one that could take it. With a full fence on either side, at least one
 *   of the two sees the other.
 *
 *   The exception: a task whose waker is about to give its own CPU away (a forking parent, who as
 *   a rule waits for the child; one that ends; the writer of a pipe) is put into the waker's queue,
 *   because to wake a halted CPU takes longer than that. If the waker goes on all the same, a timer
 *   prods an idle CPU (sched_give_away); if it switches to another task, it does so itself.
 *
 *   A prod sets TIF_NEED_RESCHED of the idle task, then sends an interrupt. The idle loop looks at
 *   the flag with interrupts off and turns them on in the instruction before it halts, so that the
 *   interrupt ends the halt if it did not come before the look.
 *
 * Where there are more tasks than CPUs, a CPU whose task used up its slice takes the first waiting
 * one from a queue that is longer than its own: the odd task goes round, and all advance alike.
 */
#include "sched/runqueue.h"
#include "x86/apic.h"

#define PATIENCE (500 * NSEC_PER_USEC) /* with one that should give its CPU away */

static u64 idle_cpus; /* atomic: a bit for each CPU that has nothing to run, and was not prodded */

/* Of two run queues, perhaps the same, the lower first. */
static void lock_both(struct runqueue *one, struct runqueue *other)
{
	spin_lock(&min(one, other)->lock);
	if (one != other)
		spin_lock_nested(&max(one, other)->lock);
}

static void unlock_both(struct runqueue *one, struct runqueue *other)
{
	if (one != other)
		spin_unlock(&other->lock);
	spin_unlock(&one->lock);
}

/* Will the running task, which wakes or starts another, give its CPU away soon? */
static bool gives_way(bool waker_sleeps)
{
	return waker_sleeps || current->exiting;
}

/* Is the running CPU about to have nothing to do, so that task could run there at once? */
static bool is_free_soon(const struct task_struct *task, bool waker_sleeps)
{
	const struct cpu *cpu = this_cpu();

	return gives_way(waker_sleeps) && may_run_on(task, cpu) && cpu->runqueue->waiting == 0;
}

/* Where task had best run. */
static struct cpu *choose_cpu(const struct task_struct *task, bool waker_sleeps)
{
	if (cpu_count == 1)
		return task->cpu;
	if (is_free_soon(task, waker_sleeps))
		return this_cpu();
	u64 allowed = task->affinity & cpus_online();
	u64 idle = __atomic_load_n(&idle_cpus, __ATOMIC_RELAXED) & allowed;
	u64 best = idle ? idle : allowed;
	return best & cpu_bit(task->cpu) ? task->cpu : &cpus[__builtin_ctzll(best)];
}

/* Chooses a CPU for task and locks its run queue and the one that task belongs to. */
static struct cpu *choose_and_lock(const struct task_struct *task, bool waker_sleeps)
{
	while (true) {
		struct cpu *from = task->cpu, *to = choose_cpu(task, waker_sleeps);

		lock_both(from->runqueue, to->runqueue);
		if (task->cpu == from && may_run_on(task, to))
			return to;
		unlock_both(from->runqueue, to->runqueue);
	}
}

void sched_kick(const struct task_struct *task)
{
	const struct cpu *cpu = task->cpu;

	if (cpu != this_cpu())
		lapic_send_ipi(cpu->id, VECTOR_RESCHEDULE);
}

/* Makes an idle CPU look for something to run. */
static void prod(const struct cpu *cpu)
{
	__atomic_fetch_and(&idle_cpus, ~cpu_bit(cpu), __ATOMIC_SEQ_CST);
	task_set_tif(cpu->runqueue->idle, TIF_NEED_RESCHED);
}

/* Task waits in a queue of cpu: an idle CPU that could take it is made to look. */
static void offer(const struct task_struct *task, const struct cpu *cpu)
{
	if (cpu_count == 1)
		return;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	u64 able = __atomic_load_n(&idle_cpus, __ATOMIC_RELAXED) & task->affinity & ~cpu_bit(cpu);
	if (able)
		prod(&cpus[__builtin_ctzll(able)]);
}

/* The same for the first that waits in a queue whose lock is held, if one does. */
static void offer_first(const struct runqueue *rq)
{
	const struct task_struct *task = first_waiting(rq);

	if (task)
		offer(task, task->cpu);
}

/* Makes task, which is in no queue, one of `to`, whose lock and that of task's last CPU are
 * held. */
static void activate(struct task_struct *task, struct cpu *to, bool before_others,
		     bool waker_sleeps)
{
	struct runqueue *rq = to->runqueue;
	bool idle = to->task == rq->idle;

	task->cpu = to;
	enqueue(rq, before_others ? &rq->woken : &rq->queue, task);
	if (idle)
		prod(to);
	if (idle && rq->waiting == 1)
		return;
	if (cpu_count > 1 && to == this_cpu() && rq->waiting == 1 && gives_way(waker_sleeps)) {
		if (!rq->give_away.cpu)
			timer_arm(&rq->give_away, clock_monotonic() + PATIENCE);
		return;
	}
	offer(task, to);
}

void sched_give_away(struct timer *timer)
{
	struct runqueue *rq = container_of(timer, struct runqueue, give_away);

	spin_lock(&rq->lock);
	offer_first(rq);
	spin_unlock(&rq->lock);
}

void sched_start(struct task_struct *task, bool waker_sleeps)
{
	task->cpu = this_cpu();
	struct runqueue *from = task->cpu->runqueue;
	struct cpu *to = choose_and_lock(task, waker_sleeps);
	task->slice_left = task->slice;
	task->state = TASK_RUNNING;
	activate(task, to, false, waker_sleeps);
	unlock_both(from, to->runqueue);
}

bool task_wake(struct task_struct *task, u32 states)
{
	return task_wake_sync(task, states, false);
}

bool task_wake_sync(struct task_struct *task, u32 states, bool waker_sleeps)
{
	struct cpu *to = choose_and_lock(task, waker_sleeps);
	struct runqueue *from = task->cpu->runqueue;
	u32 state = task->state;
	bool woken = state & states;

	if (woken) {
		task->state = TASK_RUNNING;
		/* else it is on its way to schedule(), which will see that it may run */
		if (!task->on_cpu) {
			from->uninterruptible -= !!(state & TASK_UNINTERRUPTIBLE);
			activate(task, to, task->slice_left, waker_sleeps);
		}
	}
	unlock_both(from, to->runqueue);
	return woken;
}

void sched_place(struct task_struct *task)
{
	struct cpu *to = choose_and_lock(task, false);
	struct runqueue *from = task->cpu->runqueue;

	activate(task, to, false, false);
	unlock_both(from, to->runqueue);
}

void sched_set_affinity(struct task_struct *task, u64 affinity)
{
	struct runqueue *rq = lock_runqueue_of(task);
	bool misplaced = !(affinity & cpu_bit(task->cpu)), moves = misplaced && task->on_queue;

	task->affinity = affinity;
	if (moves)
		dequeue(rq, task);
	else if (misplaced && task->on_cpu)
		task_set_tif(task, TIF_NEED_RESCHED); /* schedule() will see */
	else if (task->on_queue)
		offer(task, task->cpu); /* it may run on more CPUs than before */
	spin_unlock(&rq->lock);
	if (moves)
		sched_place(task);
}

/* Where a sleeper ran last does not matter. */
static bool is_misplaced(const struct task_struct *task)
{
	struct runqueue *rq = lock_runqueue_of(task);
	bool runs = task->on_cpu || task->state == TASK_RUNNING;
	bool misplaced = runs && !may_run_on(task, task->cpu);

	spin_unlock(&rq->lock);
	return misplaced;
}

void sched_await_move(const struct task_struct *task)
{
	while (task != current && is_misplaced(task))
		sched_yield();
}

/* --- taking tasks from other CPUs --- */

/* The first task that waits in rq and may run on cpu, or NULL. */
static struct task_struct *find_waiting(const struct runqueue *rq, const struct cpu *cpu)
{
	struct task_struct *task;

	list_for_each(task, &rq->woken, run_link)
		if (may_run_on(task, cpu))
			return task;
	list_for_each(task, &rq->queue, run_link)
		if (may_run_on(task, cpu))
			return task;
	return NULL;
}

/* Moves a task that waits for `from`, which is busy, to the running CPU's queue; true if it did. */
static bool take_from(struct cpu *from)
{
	struct cpu *cpu = this_cpu();
	struct runqueue *rq = cpu->runqueue, *other = from->runqueue;

	lock_both(rq, other);
	struct task_struct *task = find_waiting(other, cpu);
	if (task) {
		dequeue(other, task);
		task->cpu = cpu;
		enqueue(rq, &rq->queue, task);
	}
	unlock_both(rq, other);
	return task;
}

/* The CPU of the mask where the most tasks wait, if they are more than `least`; else NULL. One that
 * is only just prodded will take its task itself. */
static struct cpu *busiest(u64 mask, u64 least)
{
	struct cpu *found = NULL;

	for (; mask; mask &= mask - 1) {
		struct cpu *cpu = &cpus[__builtin_ctzll(mask)];
		const struct runqueue *rq = cpu->runqueue;
		u64 waiting = __atomic_load_n(&rq->waiting, __ATOMIC_RELAXED);

		if (waiting > least && (waiting > 1 || cpu->task != rq->idle)) {
			least = waiting;
			found = cpu;
		}
	}
	return found;
}

bool sched_take(u64 least)
{
	u64 mask = cpus_online() & ~cpu_bit(this_cpu());
	struct cpu *from;

	while ((from = busiest(mask, least))) {
		if (take_from(from))
			return true;
		mask &= ~cpu_bit(from); /* all that wait there must stay there */
	}
	return false;
}

bool sched_enter_idle(void)
{
	if (cpu_count == 1)
		return false;
	__atomic_fetch_or(&idle_cpus, cpu_bit(this_cpu()), __ATOMIC_SEQ_CST);
	return sched_take(0);
}

/* While the running CPU said it was idle, several tasks may have been offered to it, and it took
 * one: for what still waits the other idle CPUs look. */
static void leave_idle(void)
{
	__atomic_fetch_and(&idle_cpus, ~cpu_bit(this_cpu()), __ATOMIC_SEQ_CST);
	u64 idle = __atomic_load_n(&idle_cpus, __ATOMIC_RELAXED);
	if (idle && busiest(cpus_online(), 0))
		for (; idle; idle &= idle - 1)
			prod(&cpus[__builtin_ctzll(idle)]);
}

void sched_offer_rest(const struct task_struct *prev)
{
	const struct runqueue *rq = this_cpu()->runqueue;

	if (rq->waiting)
		offer_first(rq);
	if (prev == rq->idle)
		leave_idle();
	else if (prev->on_queue)
		offer(prev, this_cpu());
}
