/*
 * Timers that signal: the one of each kind that every process has (setitimer(2), alarm(2)), and
 * those it makes (timer_create(2)).
 */
#include "syscall/process.h"
#include "mm/usercopy.h"
#include "proc/posix_timer.h"
#include "proc/signal.h"
#include "syscall/user.h"
#include <asm/errno.h>

static struct timeval to_timeval(u64 ns)
{
	u64 us = (ns + NSEC_PER_USEC - 1) / NSEC_PER_USEC;

	return (struct timeval){ (long)(us / 1000000), (long)(us % 1000000) };
}

static int itimer_to_user(struct itimerval __user *user, struct itimer_setting setting)
{
	struct itimerval value = { to_timeval(setting.interval), to_timeval(setting.value) };

	return copy_to_user(user, &value, sizeof(value));
}

/* ns; CLOCK_NEVER if it would not fit. False for a negative or denormal time. */
static bool from_timeval(const struct timeval *time, u64 *ns)
{
	if (time->tv_sec < 0 || time->tv_usec < 0 || time->tv_usec >= 1000000)
		return false;
	if (__builtin_mul_overflow((u64)time->tv_sec, NSEC_PER_SEC, ns) ||
	    __builtin_add_overflow(*ns, (u64)time->tv_usec * NSEC_PER_USEC, ns))
		*ns = CLOCK_NEVER;
	return true;
}

s64 sys_getitimer(int kind, struct itimerval __user *value)
{
	if (kind < 0 || kind >= ITIMER_KINDS)
		return -EINVAL;
	return itimer_to_user(value, itimer_get(kind));
}

s64 sys_setitimer(int kind, const struct itimerval __user *user, struct itimerval __user *old)
{
	struct itimerval value = { 0 };
	struct itimer_setting setting = { 0 };

	if (user && copy_from_user(&value, user, sizeof(value)))
		return -EFAULT;
	if (!from_timeval(&value.it_value, &setting.value) ||
	    !from_timeval(&value.it_interval, &setting.interval) || kind < 0 ||
	    kind >= ITIMER_KINDS)
		return -EINVAL;
	setting = itimer_set(kind, setting);
	return old ? itimer_to_user(old, setting) : 0;
}

/* Seconds left of the old alarm, rounded so that an armed one never looks like none. */
s64 sys_alarm(unsigned seconds)
{
	struct itimer_setting setting = { .value = seconds * NSEC_PER_SEC };

	setting = itimer_set(ITIMER_REAL, setting);
	return (s64)(setting.value && setting.value < NSEC_PER_SEC
			     ? 1
			     : (setting.value + NSEC_PER_SEC / 2) / NSEC_PER_SEC);
}

/* --- timer_create and its kin --- */

static int setting_to_user(struct __kernel_itimerspec __user *user, struct itimer_setting setting)
{
	struct __kernel_itimerspec value = {
		.it_interval = timespec_of(setting.interval),
		.it_value = timespec_of(setting.value),
	};

	return copy_to_user(user, &value, sizeof(value));
}

s64 sys_timer_create(int clock, const struct sigevent __user *user_event, int __user *user_id)
{
	struct sigevent event;

	if (user_event && copy_from_user(&event, user_event, sizeof(event)))
		return -EFAULT;
	int id = posix_timer_create(clock, user_event ? &event : NULL);
	if (id < 0)
		return id;
	if (copy_to_user(user_id, &id, sizeof(id))) {
		posix_timer_delete(id);
		return -EFAULT;
	}
	return 0;
}

s64 sys_timer_settime(int id, int flags, const struct __kernel_itimerspec __user *user,
		      struct __kernel_itimerspec __user *user_old)
{
	struct itimer_setting setting, old;

	if (!user)
		return -EINVAL;
	int error = timespec_from_user(&setting.interval, &user->it_interval);
	if (!error)
		error = timespec_from_user(&setting.value, &user->it_value);
	if (!error)
		error = posix_timer_set(id, flags & TIMER_ABSTIME, setting, &old);
	return error || !user_old ? error : setting_to_user(user_old, old);
}

s64 sys_timer_gettime(int id, struct __kernel_itimerspec __user *user)
{
	struct itimer_setting setting;
	int error = posix_timer_get(id, &setting);

	return error ? error : setting_to_user(user, setting);
}

s64 sys_timer_getoverrun(int id)
{
	return posix_timer_overrun(id);
}

s64 sys_timer_delete(int id)
{
	return posix_timer_delete(id);
}
