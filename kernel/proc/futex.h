/*
 * Fast user-space mutexes: sleeping until a word of user memory has changed (futex(2)), and what
 * the kernel does for the locks of a task that dies holding them (robust.c).
 */
#ifndef MITOS_PROC_FUTEX_H
#define MITOS_PROC_FUTEX_H

#include "lib/list.h"

struct task_struct;

/* When a sleep ends at the latest: a reading of CLOCK_MONOTONIC, or of CLOCK_REALTIME, whoever sets
 * that meanwhile. CLOCK_NEVER: not at all. */
struct futex_deadline {
	u64 ns;
	bool realtime;
};

/* What makes two words the same futex. */
struct futex_key {
	u64 space;  /* which address space, or object */
	u64 offset; /* user address, or byte in the object */
};

struct futex_bucket;

/* One word that a task waits for, on the sleeper's stack or heap. The first four are the caller's
 * to fill in. */
struct futex_waiter {
	u32 __user *addr;
	u32 value; /* that the word must have for a sleep to begin */
	u32 bits;  /* one of them must be among the waker's */
	bool shared;

	bool woken; /* atomic; set by the waker under the bucket's lock */
	struct futex_key key;
	struct task_struct *task;
	/* The queue it is in; NULL: none, the waker is done with it. Atomic: it changes under the
	 * lock of the bucket that it names, and of the next one. */
	struct futex_bucket *bucket;
	struct list_head link;
};

void futex_module_init(void);

/*
 * Sleeps while each of the words has its value, until a waker of one. The index of the word that
 * woke; -EAGAIN (one has another value), -ETIMEDOUT, -ERESTARTSYS, -EFAULT, -EINVAL (not aligned),
 * -ENOMEM. futex(2) FUTEX_WAIT, futex_waitv(2).
 */
s64 futex_wait(struct futex_waiter *waiters, u32 count, const struct futex_deadline *deadline);
/* Wakes at most count waiters whose bits meet ours, but at least one if there is one: how many,
 * -EFAULT, -EINVAL, -ENOMEM. */
s64 futex_wake(u32 __user *addr, bool shared, s32 count, u32 bits);
/*
 * Wakes the first `wake` waiters at `from` and makes the next `move` of them wait at `to`. With
 * expected, only if *from has that value. How many of both; -EAGAIN (another value), -EINVAL,
 * -EFAULT, -ENOMEM.
 */
s64 futex_requeue(u32 __user *from, u32 __user *to, bool shared, s32 wake, s32 move,
		  const u32 *expected);
/*
 * Changes *addr2 as operation says, wakes `wake` waiters at addr and, if what was at addr2 compares
 * as operation says, wake2 there. How many; -ENOSYS (unknown operation), -EFAULT, -EINVAL, -ENOMEM.
 */
s64 futex_wake_op(u32 __user *addr, u32 __user *addr2, bool shared, s32 wake, s32 wake2,
		  u32 operation);
/* CLOCK_REALTIME was set: who waits for a time of it looks again. */
void futex_clock_was_set(void);

/* --- robust.c --- */
/*
 * The running task leaves its address space, by exit or execve, while that is still loaded: the
 * locks of its robust list are marked as their owner's death (set_robust_list(2)).
 */
void futex_exit(void);
/* Likewise: zeroes the word of set_tid_address(2) and wakes one who waits there, if others use the
 * memory still. */
void futex_clear_child_tid(void);
/* The head of the robust list of a task, as it set it; pid 0 is the running one. 0, -ESRCH,
 * -EPERM. */
int futex_robust_list(int pid, void __user **list);

#endif
