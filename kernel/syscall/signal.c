/* The signal calls. Sets are 64-bit words on this architecture, and the size argument must
 * say so. */
#include "syscall/process.h"
#include "lib/string.h"
#include "mm/usercopy.h"
#include "fs/file.h"
#include "proc/kill.h"
#include "proc/pidfd.h"
#include "proc/sigdeliver.h"
#include "proc/sigframe.h"
#include "procfs/procfs.h"
#include "syscall/user.h"
#include <asm/errno.h>

#define SET_SIZE 8

s64 sys_kill(pid_t pid, int sig)
{
	return signal_kill(pid, sig);
}

s64 sys_tkill(pid_t tid, int sig)
{
	return signal_kill_thread(0, tid, sig);
}

s64 sys_tgkill(pid_t tgid, pid_t tid, int sig)
{
	return tgid > 0 ? signal_kill_thread(tgid, tid, sig) : -EINVAL;
}

s64 sys_rt_sigaction(int sig, const struct sigaction __user *user_new,
		     struct sigaction __user *user_old, size_t size)
{
	struct sigaction new, old;

	if (size != SET_SIZE)
		return -EINVAL;
	if (user_new && copy_from_user(&new, user_new, sizeof(new)))
		return -EFAULT;
	int error = signal_set_action(sig, user_new ? &new : NULL, &old);
	if (!error && user_old && copy_to_user(user_old, &old, sizeof(old)))
		return -EFAULT;
	return error;
}

s64 sys_rt_sigprocmask(int how, const u64 __user *user_new, u64 __user *user_old, size_t size)
{
	u64 old = current->blocked, new;

	if (size != SET_SIZE)
		return -EINVAL;
	if (user_new) {
		if (copy_from_user(&new, user_new, sizeof(new)))
			return -EFAULT;
		if (how == SIG_BLOCK)
			signal_set_blocked(old | new);
		else if (how == SIG_UNBLOCK)
			signal_set_blocked(old & ~new);
		else if (how == SIG_SETMASK)
			signal_set_blocked(new);
		else
			return -EINVAL;
	}
	return user_old ? copy_to_user(user_old, &old, sizeof(old)) : 0;
}

s64 sys_rt_sigpending(u64 __user *set, size_t size)
{
	u64 pending = signal_pending_set();

	return size > SET_SIZE ? -EINVAL : copy_to_user(set, &pending, size);
}

/* Sleeps until a signal has been acted on; what was blocked before comes back after its handler. */
static s64 suspend(void)
{
	while (!signal_is_pending()) {
		task_set_state(TASK_INTERRUPTIBLE);
		if (signal_is_pending())
			break;
		schedule();
	}
	task_set_state(TASK_RUNNING);
	return -ERESTARTNOHAND;
}

s64 sys_rt_sigsuspend(const u64 __user *user_mask, size_t size)
{
	u64 mask;

	if (size != SET_SIZE)
		return -EINVAL;
	if (copy_from_user(&mask, user_mask, sizeof(mask)))
		return -EFAULT;
	current->saved_blocked = current->blocked;
	current->restore_blocked = true;
	signal_set_blocked(mask);
	return suspend();
}

s64 sys_pause(void)
{
	return suspend();
}

s64 sys_rt_sigreturn(void)
{
	return sigframe_pop(current->tf);
}

s64 sys_rt_sigtimedwait(const u64 __user *user_set, struct siginfo __user *user_info,
			const struct __kernel_timespec __user *timeout, size_t size)
{
	u64 set, deadline = CLOCK_NEVER, ns;
	struct siginfo info;

	if (size != SET_SIZE)
		return -EINVAL;
	if (copy_from_user(&set, user_set, sizeof(set)))
		return -EFAULT;
	if (timeout) {
		int error = timespec_from_user(&ns, timeout);

		if (error)
			return error;
		deadline = deadline_after(ns);
	}
	int sig = signal_wait(set, deadline, &info);
	if (sig > 0 && user_info && copy_to_user(user_info, &info, sizeof(info)))
		return -EFAULT;
	return sig;
}

/* Only to oneself may one pretend that the kernel or kill(2) sent it. */
static bool may_not_pretend(const struct siginfo *info)
{
	return info->si_code >= 0 || info->si_code == SI_TKILL;
}

/* What a sender says of its signal to a task. -EFAULT, -EPERM. */
static int info_from_user(struct siginfo *info, const struct siginfo __user *user, int sig,
			  pid_t pid)
{
	if (copy_from_user(info, user, sizeof(*info)))
		return -EFAULT;
	info->si_signo = sig;
	return pid != current->pid && may_not_pretend(info) ? -EPERM : 0;
}

s64 sys_rt_sigqueueinfo(pid_t tgid, int sig, const struct siginfo __user *user_info)
{
	struct siginfo info;
	int error = info_from_user(&info, user_info, sig, tgid);

	return error ? error : signal_queue(tgid, sig, &info);
}

s64 sys_rt_tgsigqueueinfo(pid_t tgid, pid_t tid, int sig, const struct siginfo __user *user_info)
{
	struct siginfo info;
	int error = info_from_user(&info, user_info, sig, tid);

	if (!error && (tgid <= 0 || tid <= 0))
		error = -EINVAL;
	return error ? error : signal_queue_thread(tgid, tid, sig, &info);
}

/* The process that a pidfd, or an open /proc/PID, refers to; ERR_PTR(-EBADF). */
static struct pid *pid_of_descriptor(int fd)
{
	struct file *file = fd_get(fd);
	struct pid *pid = file ? pidfd_pid_get(file) : NULL;

	if (file && !pid)
		pid = procfs_dir_pid(file);
	if (file)
		file_put(file);
	return pid ? pid : ERR_PTR(-EBADF);
}

s64 sys_pidfd_send_signal(int fd, int sig, const struct siginfo __user *user_info, unsigned flags)
{
	struct siginfo info;

	if (flags)
		return -EINVAL;
	struct pid *pid = pid_of_descriptor(fd);
	if (IS_ERR(pid))
		return PTR_ERR(pid);
	s64 error = 0;
	if (user_info && copy_from_user(&info, user_info, sizeof(info)))
		error = -EFAULT;
	else if (user_info && info.si_signo != sig)
		error = -EINVAL;
	else if (user_info && pid != current->leader->pid_struct && may_not_pretend(&info))
		error = -EPERM;
	if (!error)
		error = signal_kill_process(pid, sig, user_info ? &info : NULL);
	pid_put(pid);
	return error;
}

s64 sys_sigaltstack(const stack_t __user *user_new, stack_t __user *user_old)
{
	stack_t new, old;

	if (user_new && copy_from_user(&new, user_new, sizeof(new)))
		return -EFAULT;
	int error = sigframe_set_altstack(user_new ? &new : NULL, &old, current->tf->rsp);
	if (!error && user_old && copy_to_user(user_old, &old, sizeof(old)))
		return -EFAULT;
	return error;
}

s64 sys_restart_syscall(void)
{
	s64 (*restart)(void) = current->restart;

	current->restart = NULL;
	return restart ? restart() : -EINTR;
}
