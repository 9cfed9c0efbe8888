/*
 * Wait queues: where a task sleeps until a condition holds. No wake-up is lost: a sleeper puts
 * itself on the queue and sets its state before it looks at the condition, a waker changes the
 * condition before it looks at the queue, and both hold the queue's lock for that. Woken tasks look
 * again, so a spurious wake-up does no harm.
 */
#ifndef MITOS_SCHED_WAIT_H
#define MITOS_SCHED_WAIT_H

#include "lib/list.h"
#include "x86/clock.h"
#include "x86/spinlock.h"

struct task_struct;

/* A function that does nothing but wait on behalf of its caller: not what a sleeper is said to
 * sleep in (/proc/PID/wchan). */
#define __sched __attribute__((section(".sched.text")))

struct wait_queue {
	struct spinlock lock;	  /* guards waiters */
	struct list_head waiters; /* struct wait_entry, in order of arrival */
};

struct wait_entry {
	struct list_head link;
	struct task_struct *task;
	bool exclusive; /* wait_queue_wake_one stops after this one */
};

/* Kernel-internal result of an interrupted sleep: the door turns it into a restart or -EINTR. */
#define ERESTARTSYS 512
#define ERESTARTNOINTR 513
#define ERESTARTNOHAND 514
#define ERESTART_RESTARTBLOCK 516

void wait_queue_init(struct wait_queue *queue, const char *name);
#define WAIT_QUEUE_INIT(q, lock_name)                                                              \
	{                                                                                          \
		SPINLOCK_INIT(lock_name), LIST_HEAD_INIT((q).waiters)                              \
	}

void wait_queue_wake(struct wait_queue *queue); /* all */
/* The same, by one who is likely to sleep soon: the woken had best run on its CPU. */
void wait_queue_wake_sync(struct wait_queue *queue);
/* the first exclusive one and all non-exclusive before it */
void wait_queue_wake_one(struct wait_queue *queue);

/* Puts entry (the caller's, on its stack) on the queue and sets the running task's state, for a
 * caller that then checks its condition and calls schedule(). wait_finish takes it off and makes
 * the task running again. */
void wait_prepare(struct wait_queue *queue, struct wait_entry *entry, int state);
void wait_finish(struct wait_queue *queue, struct wait_entry *entry);
/* Puts entry on the queue, if it is on none, and leaves the state alone: for who waits on several
 * queues, and must not forget the wake-up of one by preparing for the next. */
void wait_add(struct wait_queue *queue, struct wait_entry *entry);

/* Sleeps until monotonic time deadline (CLOCK_NEVER: no limit), a wake-up, or, if the state allows,
 * a signal. Returns true if the deadline passed. */
bool schedule_until(u64 deadline);
bool signal_is_pending(void); /* the running task has TIF_SIGPENDING */
bool kill_is_pending(void);   /* the running task is being killed (SIGKILL, group exit) */

#define wait_event_common(queue, cond, state, deadline)                                            \
	({                                                                                         \
		struct wait_entry _entry = { .task = NULL };                                       \
		long _result = 0;                                                                  \
		while (true) {                                                                     \
			wait_prepare(queue, &_entry, state);                                       \
			if (cond)                                                                  \
				break;                                                             \
			if (((state) == TASK_INTERRUPTIBLE && signal_is_pending()) ||              \
			    ((state) == TASK_KILLABLE && kill_is_pending())) {                     \
				_result = -ERESTARTSYS;                                            \
				break;                                                             \
			}                                                                          \
			if (schedule_until(deadline)) {                                            \
				_result = (cond) ? 0 : -ETIME;                                     \
				break;                                                             \
			}                                                                          \
		}                                                                                  \
		wait_finish(queue, &_entry);                                                       \
		_result;                                                                           \
	})

/* Sleeps until cond holds; not even SIGKILL ends it. */
#define wait_event(queue, cond)                                                                    \
	((void)wait_event_common(queue, cond, TASK_UNINTERRUPTIBLE, CLOCK_NEVER))
/* 0 when cond holds, -ERESTARTSYS when a signal came first. */
#define wait_event_interruptible(queue, cond)                                                      \
	wait_event_common(queue, cond, TASK_INTERRUPTIBLE, CLOCK_NEVER)
/* As above, but only SIGKILL ends it early. */
#define wait_event_killable(queue, cond) wait_event_common(queue, cond, TASK_KILLABLE, CLOCK_NEVER)
/* As wait_event_interruptible with a deadline (monotonic ns): -ETIME when it passed. */
#define wait_event_interruptible_until(queue, cond, deadline)                                      \
	wait_event_common(queue, cond, TASK_INTERRUPTIBLE, deadline)

#endif
