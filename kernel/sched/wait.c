/* Wait queues and timed sleep; the argument why no wake-up is lost stands in wait.h. */
#include "sched/wait.h"
#include "sched/task.h"
#include "sched/timer.h"

void wait_queue_init(struct wait_queue *queue, const char *name)
{
	spin_init(&queue->lock, name);
	list_init(&queue->waiters);
}

/* The queue's lock is held. */
static void add(struct wait_queue *queue, struct wait_entry *entry)
{
	if (entry->task)
		return;
	entry->task = current;
	list_add_tail(&queue->waiters, &entry->link);
}

void wait_add(struct wait_queue *queue, struct wait_entry *entry)
{
	spin_lock(&queue->lock);
	add(queue, entry);
	spin_unlock(&queue->lock);
}

void wait_prepare(struct wait_queue *queue, struct wait_entry *entry, int state)
{
	spin_lock(&queue->lock);
	add(queue, entry);
	task_set_state(state);
	spin_unlock(&queue->lock);
}

void wait_finish(struct wait_queue *queue, struct wait_entry *entry)
{
	task_set_state(TASK_RUNNING);
	if (!entry->task)
		return;
	spin_lock(&queue->lock);
	list_del(&entry->link);
	entry->task = NULL;
	spin_unlock(&queue->lock);
}

static void wake_all(struct wait_queue *queue, bool waker_sleeps)
{
	struct wait_entry *entry;

	spin_lock(&queue->lock);
	list_for_each(entry, &queue->waiters, link)
		task_wake_sync(entry->task, TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE,
			       waker_sleeps);
	spin_unlock(&queue->lock);
}

void wait_queue_wake(struct wait_queue *queue)
{
	wake_all(queue, false);
}

void wait_queue_wake_sync(struct wait_queue *queue)
{
	wake_all(queue, true);
}

void wait_queue_wake_one(struct wait_queue *queue)
{
	struct wait_entry *entry;

	spin_lock(&queue->lock);
	list_for_each(entry, &queue->waiters, link)
		if (task_wake(entry->task, TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE) &&
		    entry->exclusive)
			break;
	spin_unlock(&queue->lock);
}

struct sleep_timer {
	struct timer timer;
	struct task_struct *task;
};

static void wake_sleeper(struct timer *timer)
{
	task_wake(container_of(timer, struct sleep_timer, timer)->task,
		  TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE);
}

bool __sched schedule_until(u64 deadline)
{
	struct sleep_timer sleep = { .task = current };

	if (deadline == CLOCK_NEVER) {
		schedule();
		return false;
	}
	timer_init(&sleep.timer, wake_sleeper);
	timer_arm(&sleep.timer, deadline);
	schedule();
	timer_disarm(&sleep.timer);
	return clock_monotonic() >= deadline;
}

bool signal_is_pending(void)
{
	return __atomic_load_n(&current->tif, __ATOMIC_ACQUIRE) & TIF_SIGPENDING;
}

bool kill_is_pending(void)
{
	return __atomic_load_n(&current->kill_pending, __ATOMIC_ACQUIRE);
}
