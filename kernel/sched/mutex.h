/*
 * A sleeping lock: waiters are served in order of arrival. Held across anything that may sleep,
 * never taken in an interrupt or under a spinlock. Taking one is not interruptible, so holders must
 * not wait for user input. One word says who holds it and whether anybody waits; without contention
 * lock and unlock are one atomic step each.
 */
#ifndef MITOS_SCHED_MUTEX_H
#define MITOS_SCHED_MUTEX_H

#include "sched/wait.h"

#define MUTEX_WAITERS 1ull /* in the holder word: the queue may not be empty */

struct mutex {
	u64 holder;		  /* atomic: task_struct address, | MUTEX_WAITERS; 0 when free */
	struct spinlock lock;	  /* guards waiters */
	struct list_head waiters; /* struct mutex_waiter, in order of arrival */
};

void mutex_init(struct mutex *mutex, const char *name);
#define MUTEX_INIT(m, lock_name)                                                                   \
	{                                                                                          \
		.lock = SPINLOCK_INIT(lock_name), .waiters = LIST_HEAD_INIT((m).waiters)           \
	}
void mutex_lock_slowly(struct mutex *mutex);
void mutex_unlock_slowly(struct mutex *mutex);

/* By the running task? */
static inline bool mutex_held(const struct mutex *mutex)
{
	return (mutex->holder & ~MUTEX_WAITERS) == (u64)current;
}

/* What the three below are made of. */
static inline __lock_inline bool mutex_take_if_free(struct mutex *mutex)
{
	u64 free = 0;

	return __atomic_compare_exchange_n(&mutex->holder, &free, (u64)current, false,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static inline __lock_inline void mutex_lock_how(struct mutex *mutex, enum lock_how how)
{
	lockcheck_mutex_wait(mutex, mutex->lock.name, how);
	if (!mutex_take_if_free(mutex))
		mutex_lock_slowly(mutex);
	lockcheck_mutex_taken(mutex, mutex->lock.name);
}

static inline __lock_inline void mutex_lock(struct mutex *mutex)
{
	mutex_lock_how(mutex, LOCK_PLAIN);
}

/* While another mutex of the same name is held: a comment says what keeps the order of the two. */
static inline __lock_inline void mutex_lock_nested(struct mutex *mutex)
{
	mutex_lock_how(mutex, LOCK_NESTED);
}

static inline __lock_inline bool mutex_trylock(struct mutex *mutex)
{
	bool taken = mutex_take_if_free(mutex);

	if (taken)
		lockcheck_mutex_taken(mutex, mutex->lock.name);
	return taken;
}

static inline __lock_inline void mutex_unlock(struct mutex *mutex)
{
	u64 mine = (u64)current;

	if (!lockcheck_mutex_release(mutex, mutex->lock.name))
		return;
	if (!__atomic_compare_exchange_n(&mutex->holder, &mine, 0, false, __ATOMIC_RELEASE,
					 __ATOMIC_RELAXED))
		mutex_unlock_slowly(mutex);
}

#endif
