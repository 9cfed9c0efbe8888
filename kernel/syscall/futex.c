/*
 * futex(2) and its kin: which operation takes which arguments, and how an interrupted wait goes on.
 * A wait without a time-out is simply called again, if the handler's SA_RESTART says so. One with a
 * time-out keeps its deadline: it goes on where there was no handler, and else ends in EINTR.
 *
 * FUTEX_LOCK_PI, FUTEX_LOCK_PI2, FUTEX_UNLOCK_PI, FUTEX_TRYLOCK_PI, FUTEX_WAIT_REQUEUE_PI and
 * FUTEX_CMP_REQUEUE_PI are ENOSYS, as on a Linux without CONFIG_FUTEX_PI: there are no priorities
 * here to be inherited. C libraries then refuse PTHREAD_PRIO_INHERIT with ENOTSUP. So is rseq(2),
 * without which they do what they did before it.
 */
#include "mm/slab.h"
#include "mm/usercopy.h"
#include "proc/futex.h"
#include "sched/task.h"
#include "syscall/process.h"
#include "syscall/user.h"
#include <asm/errno.h>
#include <linux/futex.h>

/* --- waiting --- */

/* Waits with what is in restart_args: address, whether shared and whether the deadline is of
 * CLOCK_REALTIME (bits 0 and 1), value and bits, deadline. */
static s64 wait_on(void)
{
	const u64 *args = current->restart_args;
	struct futex_waiter waiter = {
		.addr = (u32 __user *)args[0],
		.shared = args[1] & 1,
		.value = (u32)args[2],
		.bits = (u32)(args[2] >> 32),
	};
	struct futex_deadline deadline = { .ns = args[3], .realtime = args[1] & 2 };
	s64 result = futex_wait(&waiter, 1, &deadline);

	if (result != -ERESTARTSYS || deadline.ns == CLOCK_NEVER)
		return result;
	current->restart = wait_on;
	return -ERESTART_RESTARTBLOCK;
}

static s64 do_wait(u32 __user *addr, int operation, u32 value, u32 bits,
		   const struct futex_deadline *deadline)
{
	current->restart_args[0] = (u64)(__force void *)addr;
	current->restart_args[1] =
		(operation & FUTEX_PRIVATE_FLAG ? 0 : 1) | (deadline->realtime ? 2 : 0);
	current->restart_args[2] = value | (u64)bits << 32;
	current->restart_args[3] = deadline->ns;
	return wait_on();
}

/* The time-out of an operation that has one: a duration for FUTEX_WAIT, else a point of time. 0,
 * -EFAULT, -EINVAL. */
static int deadline_from_user(struct futex_deadline *deadline, int operation,
			      const struct __kernel_timespec __user *timeout)
{
	u64 ns;

	*deadline = (struct futex_deadline){ CLOCK_NEVER, false };
	if (!timeout)
		return 0;
	int error = timespec_from_user(&ns, timeout);
	if (error)
		return error;
	if ((operation & FUTEX_CMD_MASK) == FUTEX_WAIT)
		ns = deadline_after(ns);
	ns = min(ns, CLOCK_NEVER - 1); /* far, and yet a time-out */
	*deadline = (struct futex_deadline){ ns, operation & FUTEX_CLOCK_REALTIME };
	return 0;
}

/* --- futex --- */

/* The operations that do not sleep; `fourth` is a number for those with two words. */
static s64 operate(u32 __user *addr, int operation, u32 value, u64 fourth, u32 __user *addr2,
		   u32 value3)
{
	bool shared = !(operation & FUTEX_PRIVATE_FLAG);
	s32 count = (s32)value, count2 = (s32)fourth;

	switch (operation & FUTEX_CMD_MASK) {
	case FUTEX_WAKE:
		return futex_wake(addr, shared, count, FUTEX_BITSET_MATCH_ANY);
	case FUTEX_WAKE_BITSET:
		return futex_wake(addr, shared, count, value3);
	case FUTEX_REQUEUE:
		return futex_requeue(addr, addr2, shared, count, count2, NULL);
	case FUTEX_CMP_REQUEUE:
		return futex_requeue(addr, addr2, shared, count, count2, &value3);
	case FUTEX_WAKE_OP:
		return futex_wake_op(addr, addr2, shared, count, count2, value3);
	}
	return -ENOSYS;
}

s64 sys_futex(u32 __user *addr, int operation, u32 value,
	      const struct __kernel_timespec __user *timeout, u32 __user *addr2, u32 value3)
{
	int command = operation & FUTEX_CMD_MASK;
	bool realtime = operation & FUTEX_CLOCK_REALTIME;
	struct futex_deadline deadline;

	if (command == FUTEX_WAIT || command == FUTEX_WAIT_BITSET) {
		int error = deadline_from_user(&deadline, operation, timeout);

		if (error)
			return error;
		if (command == FUTEX_WAIT_BITSET)
			return do_wait(addr, operation, value, value3, &deadline);
		return realtime
			       ? -ENOSYS
			       : do_wait(addr, operation, value, FUTEX_BITSET_MATCH_ANY, &deadline);
	}
	if (realtime)
		return -ENOSYS;
	return operate(addr, operation, value, (u64)(__force const void *)timeout, addr2, value3);
}

/* --- futex_waitv --- */

/* 0, -EFAULT, -EINVAL. */
static int waiter_from_user(struct futex_waiter *waiter, const struct futex_waitv __user *user)
{
	struct futex_waitv copy;

	if (copy_from_user(&copy, user, sizeof(copy)))
		return -EFAULT;
	if ((copy.flags & ~(u32)FUTEX_PRIVATE_FLAG) != FUTEX_32 || copy.__reserved ||
	    copy.val > ~0u)
		return -EINVAL;
	*waiter = (struct futex_waiter){
		.addr = (u32 __user *)copy.uaddr,
		.value = (u32)copy.val,
		.bits = FUTEX_BITSET_MATCH_ANY,
		.shared = !(copy.flags & FUTEX_PRIVATE_FLAG),
	};
	return 0;
}

s64 sys_futex_waitv(const struct futex_waitv __user *user, unsigned count, unsigned flags,
		    const struct __kernel_timespec __user *timeout, int clock)
{
	int operation = FUTEX_WAIT_BITSET | (clock == CLOCK_REALTIME ? FUTEX_CLOCK_REALTIME : 0);
	struct futex_deadline deadline;
	s64 result = 0;

	if (flags || !count || count > FUTEX_WAITV_MAX || !user)
		return -EINVAL;
	if (timeout && clock != CLOCK_MONOTONIC && clock != CLOCK_REALTIME)
		return -EINVAL;
	int error = deadline_from_user(&deadline, operation, timeout);
	if (error)
		return error;
	struct futex_waiter *waiters = kmalloc(count * sizeof(*waiters));
	if (!waiters)
		return -ENOMEM;
	for (unsigned i = 0; i < count && !result; i++)
		result = waiter_from_user(&waiters[i], &user[i]);
	if (!result)
		result = futex_wait(waiters, count, &deadline);
	kfree(waiters);
	return result;
}

/* --- robust lists --- */

s64 sys_set_robust_list(void __user *head, size_t size)
{
	if (size != sizeof(struct robust_list_head))
		return -EINVAL;
	current->robust_list = head;
	return 0;
}

s64 sys_get_robust_list(pid_t pid, void __user *__user *head, size_t __user *size)
{
	const size_t head_size = sizeof(struct robust_list_head);
	void __user *list;
	int error = futex_robust_list(pid, &list);

	if (error)
		return error;
	if (copy_to_user(size, &head_size, sizeof(head_size)) ||
	    copy_to_user(head, &list, sizeof(list)))
		return -EFAULT;
	return 0;
}
