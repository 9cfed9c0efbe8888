/*
 * poll, ppoll, select and pselect6: four shapes of one wait, fs/poll.c's. The forms with a signal
 * mask wait under that mask; if a signal ended the wait, the mask stays until the handler's frame
 * is built, so that the signal is not lost in between, and the delivery puts the old one back.
 */
#include <asm/poll.h>
#include <linux/errno.h>
#include <linux/resource.h>
#include <linux/time.h>
#include "fs/poll.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "proc/signal.h"
#include "sched/task.h"
#include "syscall/file.h"
#include "syscall/user.h"

static u64 time_left(u64 deadline)
{
	u64 now = clock_monotonic();

	return deadline > now ? deadline - now : 0;
}

/* Waits under *user_mask, if given, until mask_finish(). */
static int mask_start(const u64 __user *user_mask, size_t size)
{
	u64 mask;

	if (!user_mask)
		return 0;
	if (size != sizeof(mask))
		return -EINVAL;
	if (copy_from_user(&mask, user_mask, sizeof(mask)))
		return -EFAULT;
	current->saved_blocked = current->blocked;
	signal_set_blocked(mask);
	return 0;
}

static void mask_finish(const u64 __user *user_mask, s64 result)
{
	if (!user_mask)
		return;
	if (result == -ERESTARTNOHAND)
		current->restore_blocked = true;
	else
		signal_set_blocked(current->saved_blocked);
}

static s64 poll_user(struct pollfd __user *user_fds, u32 count, u64 deadline)
{
	if (count > task_rlimit(RLIMIT_NOFILE))
		return -EINVAL;
	struct pollfd *fds = kmalloc(count * sizeof(*fds) + 1);
	if (!fds)
		return -ENOMEM;
	s64 result = copy_from_user(fds, user_fds, count * sizeof(*fds));
	if (!result)
		result = poll_files(fds, count, deadline);
	for (u32 i = 0; i < count && result >= 0; i++)
		if (copy_to_user(&user_fds[i].revents, &fds[i].revents, sizeof(fds[i].revents)))
			result = -EFAULT;
	kfree(fds);
	return result;
}

/* poll with its descriptors, their count and the deadline in restart_args: stopped and continued,
 * it keeps the deadline. */
static s64 poll_until(void)
{
	u64 *args = current->restart_args;
	s64 result = poll_user((struct pollfd __user *)args[0], (u32)args[1], args[2]);

	if (result != -ERESTARTNOHAND)
		return result;
	current->restart = poll_until;
	return -ERESTART_RESTARTBLOCK;
}

s64 sys_poll(struct pollfd __user *fds, unsigned count, int timeout)
{
	current->restart_args[0] = (u64)(__force void *)fds;
	current->restart_args[1] = count;
	current->restart_args[2] =
		timeout < 0 ? CLOCK_NEVER : deadline_after(timeout * NSEC_PER_MSEC);
	return poll_until();
}

s64 sys_ppoll(struct pollfd __user *fds, unsigned count, struct __kernel_timespec __user *timeout,
	      const u64 __user *mask, size_t mask_size)
{
	u64 deadline = CLOCK_NEVER, ns;
	s64 result = timeout ? timespec_from_user(&ns, timeout) : 0;

	if (result)
		return result;
	if (timeout)
		deadline = deadline_after(ns);
	result = mask_start(mask, mask_size);
	if (result)
		return result;
	result = poll_user(fds, count, deadline);
	if (timeout && deadline != CLOCK_NEVER)
		timespec_to_user(timeout, time_left(deadline)); /* a constant timeout is allowed */
	mask_finish(mask, result);
	return result;
}

enum { READABLE, WRITABLE, EXCEPTIONAL, SETS };

/* What select(2) calls ready, in poll(2)'s words. */
static const u32 set_events[SETS] = {
	POLLIN | POLLRDNORM | POLLRDBAND | POLLHUP | POLLERR,
	POLLOUT | POLLWRNORM | POLLWRBAND | POLLERR,
	POLLPRI,
};

struct select {
	u64 __user *user_sets[SETS];
	u64 *sets[SETS]; /* words of them, in one allocation */
	size_t words;	 /* in a set */
	struct pollfd *fds;
	u32 count; /* of fds */
};

static u32 events_wanted(const struct select *s, u32 fd)
{
	u32 events = 0;

	for (int set = 0; set < SETS; set++)
		if (s->sets[set][fd / 64] >> fd % 64 & 1)
			events |= set_events[set];
	return events;
}

/* Copies the sets in; bits at and above nfds do not count. */
static int select_load(struct select *s, u32 nfds)
{
	s->words = (nfds + 63) / 64;
	s->sets[0] = kzalloc(SETS * s->words * sizeof(u64) + 1);
	if (!s->sets[0])
		return -ENOMEM;
	for (int set = 0; set < SETS; set++) {
		s->sets[set] = s->sets[0] + set * s->words;
		if (s->user_sets[set] &&
		    copy_from_user(s->sets[set], s->user_sets[set], s->words * sizeof(u64)))
			return -EFAULT;
	}
	s->fds = kmalloc(nfds * sizeof(*s->fds) + 1);
	if (!s->fds)
		return -ENOMEM;
	for (u32 fd = 0; fd < nfds; fd++) {
		u32 events = events_wanted(s, fd);
		if (events)
			s->fds[s->count++] = (struct pollfd){ .fd = fd, .events = events };
	}
	return 0;
}

/* Copies the answer out: how many bits are set. */
static s64 select_store(struct select *s)
{
	s64 bits = 0;

	u64 *asked = s->sets[0], *answer = kzalloc(SETS * s->words * sizeof(u64) + 1);
	if (!answer)
		return -ENOMEM;
	for (u32 i = 0; i < s->count; i++) {
		u32 fd = s->fds[i].fd, revents = (u16)s->fds[i].revents;
		for (int set = 0; set < SETS; set++) {
			u64 bit = asked[set * s->words + fd / 64] & 1ull << fd % 64;
			if (bit && (revents & set_events[set])) {
				answer[set * s->words + fd / 64] |= bit;
				bits++;
			}
		}
	}
	for (int set = 0; set < SETS; set++)
		if (s->user_sets[set] && copy_to_user(s->user_sets[set], answer + set * s->words,
						      s->words * sizeof(u64)))
			bits = -EFAULT;
	kfree(answer);
	return bits;
}

static s64 select_user(struct select *s, int nfds, u64 deadline)
{
	if (nfds < 0)
		return -EINVAL;
	s64 result = select_load(s, min((u64)nfds, task_rlimit(RLIMIT_NOFILE)));
	if (!result)
		result = poll_files(s->fds, s->count, deadline);
	for (u32 i = 0; i < s->count && result >= 0; i++)
		if (s->fds[i].revents & POLLNVAL)
			result = -EBADF;
	if (result >= 0)
		result = select_store(s);
	kfree(s->fds);
	kfree(s->sets[0]);
	return result;
}

s64 sys_select(int count, u64 __user *readable, u64 __user *writable, u64 __user *exceptional,
	       struct timeval __user *timeout)
{
	struct select s = { .user_sets = { readable, writable, exceptional } };
	u64 deadline = CLOCK_NEVER, ns;
	struct timeval time;

	if (timeout) {
		if (copy_from_user(&time, timeout, sizeof(time)))
			return -EFAULT;
		if (time.tv_sec < 0 || time.tv_usec < 0)
			return -EINVAL;
		if (__builtin_mul_overflow((u64)time.tv_sec, NSEC_PER_SEC, &ns) ||
		    __builtin_add_overflow(ns, time.tv_usec * NSEC_PER_USEC, &ns))
			ns = CLOCK_NEVER;
		deadline = deadline_after(ns);
	}
	s64 result = select_user(&s, count, deadline);
	if (timeout && deadline != CLOCK_NEVER) {
		ns = time_left(deadline);
		time = (struct timeval){ ns / NSEC_PER_SEC, ns % NSEC_PER_SEC / NSEC_PER_USEC };
		/* a constant timeout is allowed */
		(void)copy_to_user(timeout, &time, sizeof(time));
	}
	return result;
}

s64 sys_pselect6(int count, u64 __user *readable, u64 __user *writable, u64 __user *exceptional,
		 struct __kernel_timespec __user *timeout, const void __user *user_mask)
{
	struct select s = { .user_sets = { readable, writable, exceptional } };
	struct {
		const u64 __user *set;
		size_t size;
	} mask = { NULL, 0 };
	u64 deadline = CLOCK_NEVER, ns;
	s64 result = timeout ? timespec_from_user(&ns, timeout) : 0;

	if (result)
		return result;
	if (user_mask && copy_from_user(&mask, user_mask, sizeof(mask)))
		return -EFAULT;
	if (timeout)
		deadline = deadline_after(ns);
	result = mask_start(mask.set, mask.size);
	if (result)
		return result;
	result = select_user(&s, count, deadline);
	if (timeout && deadline != CLOCK_NEVER)
		timespec_to_user(timeout, time_left(deadline));
	mask_finish(mask.set, result);
	return result;
}
