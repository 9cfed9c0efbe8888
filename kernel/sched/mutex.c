/*
 * The contended half of mutexes. The holder hands the lock to the first waiter directly, so
 * arrivals cannot overtake it. All changes of a holder word that has MUTEX_WAITERS set are made
 * under the mutex's spinlock.
 */
#include "sched/mutex.h"
#include "sched/task.h"
#include "x86/printk.h"

struct mutex_waiter {
	struct list_head link;
	struct task_struct *task;
	bool granted; /* the lock is ours; guarded by the spinlock */
};

void mutex_init(struct mutex *mutex, const char *name)
{
	mutex->holder = 0;
	spin_init(&mutex->lock, name);
	list_init(&mutex->waiters);
}

/* Takes the lock if it is free, or announces that somebody waits. The spinlock is held. */
static bool take_or_announce(struct mutex *mutex)
{
	u64 seen = __atomic_load_n(&mutex->holder, __ATOMIC_RELAXED);

	while (true) {
		u64 want = seen ? seen | MUTEX_WAITERS : (u64)current;

		if (__atomic_compare_exchange_n(&mutex->holder, &seen, want, false,
						__ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return want == (u64)current;
	}
}

void __sched mutex_lock_slowly(struct mutex *mutex)
{
	struct mutex_waiter waiter = { .task = current };

	ASSERT(!mutex_held(mutex));
	spin_lock(&mutex->lock);
	if (take_or_announce(mutex)) {
		spin_unlock(&mutex->lock);
		return;
	}
	list_add_tail(&mutex->waiters, &waiter.link);
	while (!waiter.granted) {
		task_set_state(TASK_UNINTERRUPTIBLE);
		spin_unlock(&mutex->lock);
		schedule();
		spin_lock(&mutex->lock);
	}
	spin_unlock(&mutex->lock);
}

void mutex_unlock_slowly(struct mutex *mutex)
{
	ASSERT(mutex_held(mutex));
	spin_lock(&mutex->lock);
	struct mutex_waiter *first = list_first(&mutex->waiters, struct mutex_waiter, link);
	if (first) {
		struct task_struct *task = first->task;

		list_del(&first->link);
		__atomic_store_n(&mutex->holder,
				 (u64)task | (list_empty(&mutex->waiters) ? 0 : MUTEX_WAITERS),
				 __ATOMIC_RELEASE);
		first->granted = true; /* from here on the waiter's stack frame may go */
		task_wake(task, TASK_UNINTERRUPTIBLE);
	} else {
		__atomic_store_n(&mutex->holder, 0, __ATOMIC_RELEASE);
	}
	spin_unlock(&mutex->lock);
}
