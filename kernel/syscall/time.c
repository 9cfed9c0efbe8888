/*
 * Clocks and sleeping. A sleep interrupted by a signal that has no handler goes on by itself with
 * the old deadline (restart_syscall(2)); with a handler it ends in EINTR and says how much was
 * left.
 */
#include "syscall/process.h"
#include "mm/usercopy.h"
#include "proc/futex.h"
#include "proc/thread.h"
#include "syscall/user.h"
#include <asm/errno.h>

#define RESOLUTION_NS 1
/* A negative clock: the inverted number of a process or thread, and three bits. All of its time is
 * what every kind shows here: user's and system's are not told apart so exactly. */
#define CPU_CLOCK_SHIFT 3
#define CPU_CLOCK_THREAD 4
#define CPU_CLOCK_KIND 3

/*
 * The CPU-time clock of a process or thread, whose number is in the clock's, inverted
 * (clock_getcpuclockid(3), pthread_getcpuclockid(3)). 0, -EINVAL: there is none.
 */
static int cpu_clock_read(int clock, u64 *ns)
{
	pid_t nr = ~(clock >> CPU_CLOCK_SHIFT);
	int error = -EINVAL;

	if ((clock & CPU_CLOCK_KIND) == CPU_CLOCK_KIND)
		return error;
	spin_lock(&tasklist_lock);
	const struct task_struct *task = nr ? task_find(nr) : current;
	if (task && (clock & CPU_CLOCK_THREAD)) {
		if (task->tgid == current->tgid) {
			*ns = task_runtime(task);
			error = 0;
		}
	} else if (task && task->signal && (task->leader == task || !nr)) {
		*ns = process_runtime(task->signal);
		error = 0;
	}
	spin_unlock(&tasklist_lock);
	return error;
}

/* The reading of a clock. -EINVAL for one that does not exist. */
static int clock_read(int clock, u64 *ns)
{
	if (clock < 0)
		return cpu_clock_read(clock, ns);
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_TAI:
		*ns = clock_realtime();
		return 0;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME:
		*ns = clock_monotonic();
		return 0;
	case CLOCK_PROCESS_CPUTIME_ID:
		spin_lock(&tasklist_lock);
		*ns = process_runtime(current->signal);
		spin_unlock(&tasklist_lock);
		return 0;
	case CLOCK_THREAD_CPUTIME_ID:
		*ns = task_runtime(current);
		return 0;
	}
	return -EINVAL;
}

s64 sys_clock_gettime(int clock, struct __kernel_timespec __user *time)
{
	u64 ns;
	int error = clock_read(clock, &ns);

	return error ? error : timespec_to_user(time, ns);
}

s64 sys_clock_settime(int clock, const struct __kernel_timespec __user *time)
{
	u64 ns;
	int error = timespec_from_user(&ns, time);

	if (clock != CLOCK_REALTIME)
		return -EINVAL;
	if (error)
		return error;
	if (!capable(CAP_SYS_TIME))
		return -EPERM;
	clock_set_realtime(ns);
	futex_clock_was_set();
	return 0;
}

s64 sys_clock_getres(int clock, struct __kernel_timespec __user *resolution)
{
	u64 ns;
	int error = clock_read(clock, &ns);

	if (error || !resolution)
		return error;
	return timespec_to_user(resolution, RESOLUTION_NS);
}

/* Sleeps until the deadline in restart_args[0]; [1] is where to say what was left, 0
 * for nowhere. */
static s64 do_nanosleep(void)
{
	u64 deadline = current->restart_args[0];
	u64 remain = current->restart_args[1];

	while (clock_monotonic() < deadline) {
		task_set_state(TASK_INTERRUPTIBLE);
		if (signal_is_pending()) {
			task_set_state(TASK_RUNNING);
			u64 now = clock_monotonic(), left = deadline > now ? deadline - now : 0;

			if (remain &&
			    timespec_to_user((struct __kernel_timespec __user *)remain, left))
				return -EFAULT;
			current->restart = do_nanosleep;
			return -ERESTART_RESTARTBLOCK;
		}
		schedule_until(deadline);
		task_set_state(TASK_RUNNING);
	}
	return 0;
}

/* Sleep until an absolute time of a clock: interrupted, it is simply called again. */
static s64 sleep_until(int clock, u64 when)
{
	u64 now;
	int error = clock_read(clock, &now);

	if (error)
		return error;
	current->restart_args[0] = when > now ? deadline_after(when - now) : 0;
	current->restart_args[1] = 0;
	s64 result = do_nanosleep();
	return result == -ERESTART_RESTARTBLOCK ? -ERESTARTNOHAND : result;
}

s64 sys_clock_nanosleep(int clock, int flags, const struct __kernel_timespec __user *request,
			struct __kernel_timespec __user *remain)
{
	u64 ns, now;
	int error = clock_read(clock, &now);

	if (error || clock == CLOCK_THREAD_CPUTIME_ID)
		return -EINVAL;
	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME &&
	    clock != CLOCK_TAI)
		return -EOPNOTSUPP;
	error = timespec_from_user(&ns, request);
	if (error)
		return error;
	if (flags & TIMER_ABSTIME)
		return sleep_until(clock, ns);
	current->restart_args[0] = deadline_after(ns);
	current->restart_args[1] = (u64)(__force void *)remain;
	return do_nanosleep();
}

s64 sys_nanosleep(const struct __kernel_timespec __user *request,
		  struct __kernel_timespec __user *remain)
{
	return sys_clock_nanosleep(CLOCK_MONOTONIC, 0, request, remain);
}

s64 sys_gettimeofday(struct timeval __user *user, struct timezone __user *zone)
{
	u64 now = clock_realtime();
	struct timeval time = { (long)(now / NSEC_PER_SEC),
				(long)(now % NSEC_PER_SEC / NSEC_PER_USEC) };
	struct timezone utc = { 0, 0 };

	if ((user && copy_to_user(user, &time, sizeof(time))) ||
	    (zone && copy_to_user(zone, &utc, sizeof(utc))))
		return -EFAULT;
	return 0;
}

s64 sys_time(s64 __user *user)
{
	s64 now = (s64)(clock_realtime() / NSEC_PER_SEC);

	if (user && copy_to_user(user, &now, sizeof(now)))
		return -EFAULT;
	return now;
}
