/*
 * fork, execve, exit, wait and the questions about family. Each call copies its arguments in, calls
 * one function of the proc floor, and copies the result out.
 */
#include "syscall/process.h"
#include "lib/string.h"
#include "fs/file.h"
#include "mm/slab.h"
#include "mm/usercopy.h"
#include "proc/exec.h"
#include "proc/fork.h"
#include "proc/group.h"
#include "proc/pidfd.h"
#include "proc/signal.h"
#include "proc/wait.h"
#include "syscall/rusage.h"
#include "syscall/user.h"
#include "tty/tty.h"
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/pidfd.h>
#include <linux/sched.h>
#include <linux/wait.h>

s64 sys_fork(void)
{
	struct clone_request args = { .exit_signal = SIGCHLD };

	return task_clone(current->tf, &args);
}

s64 sys_vfork(void)
{
	struct clone_request args = { .flags = CLONE_VFORK | CLONE_VM, .exit_signal = SIGCHLD };

	return task_clone(current->tf, &args);
}

s64 sys_clone(u64 flags, u64 stack, int __user *parent_tid, int __user *child_tid, u64 tls)
{
	struct clone_request args = {
		.flags = (u32)flags & ~(u64)CSIGNAL,
		.exit_signal = (int)(flags & CSIGNAL),
		.stack = stack,
		.tls = tls,
		.parent_tid = parent_tid,
		.child_tid = child_tid,
		.pidfd = parent_tid,
	};

	return task_clone(current->tf, &args);
}

/* A structure that may be shorter or longer than what this kernel knows; what it does not know must
 * be zero. */
static int clone_args_from_user(struct clone_args *args, const struct clone_args __user *user,
				size_t size)
{
	const u8 __user *bytes = (const u8 __user *)user;

	if (size > PAGE_SIZE)
		return -E2BIG;
	if (size < CLONE_ARGS_SIZE_VER0)
		return -EINVAL;
	*args = (struct clone_args){ 0 };
	for (size_t i = sizeof(*args); i < size; i++) {
		u8 byte;

		if (copy_from_user(&byte, bytes + i, 1))
			return -EFAULT;
		if (byte)
			return -E2BIG;
	}
	return copy_from_user(args, user, min(size, sizeof(*args)));
}

/* clone3(2): what is wrong with args by itself. */
static int check_clone_args(const struct clone_args *args, size_t size)
{
	const u64 no_signal = CLONE_THREAD | CLONE_PARENT;

	if (args->flags & (CSIGNAL | CLONE_DETACHED))
		return -EINVAL;
	if (args->exit_signal > SIGNAL_COUNT || (args->exit_signal && (args->flags & no_signal)))
		return -EINVAL;
	if (!args->stack != !args->stack_size ||
	    !user_range_ok((const void __user *)args->stack, args->stack_size))
		return -EINVAL;
	/* there are no nested namespaces to have a number in */
	if (!args->set_tid != !args->set_tid_size || args->set_tid_size > 1)
		return -EINVAL;
	if (!(args->flags & CLONE_INTO_CGROUP))
		return 0;
	/* and no control groups: whatever the descriptor refers to is none */
	return size < CLONE_ARGS_SIZE_VER2 || args->cgroup > INT32_MAX ? -EINVAL : -EBADF;
}

/* The number that the caller chose: 0, -EFAULT, -EINVAL, -EPERM. */
static int chosen_tid(const struct clone_args *args, pid_t *tid)
{
	*tid = 0;
	if (!args->set_tid)
		return 0;
	if (copy_from_user(tid, (const pid_t __user *)args->set_tid, sizeof(*tid)))
		return -EFAULT;
	if (*tid < 1 || (u32)*tid >= pid_max)
		return -EINVAL;
	return capable(CAP_SYS_ADMIN) || capable(CAP_CHECKPOINT_RESTORE) ? 0 : -EPERM;
}

s64 sys_clone3(const struct clone_args __user *user_args, size_t size)
{
	struct clone_args args;
	pid_t tid;
	int error = clone_args_from_user(&args, user_args, size);

	if (!error)
		error = check_clone_args(&args, size);
	if (!error)
		error = chosen_tid(&args, &tid);
	if (error)
		return error;
	struct clone_request request = {
		.flags = args.flags,
		.exit_signal = (int)args.exit_signal,
		.stack = args.stack + args.stack_size,
		.tls = args.tls,
		.parent_tid = (int __user *)args.parent_tid,
		.child_tid = (int __user *)args.child_tid,
		.pidfd = (int __user *)args.pidfd,
		.tid = tid,
	};
	return task_clone(current->tf, &request);
}

s64 sys_execveat(int dirfd, const char __user *user_path, const char __user *const __user *argv,
		 const char __user *const __user *envp, int flags)
{
	struct exec_strings arguments = { .user = argv }, environment = { .user = envp };

	if (flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
		return -EINVAL;
	char *path = path_from_user(user_path);
	if (IS_ERR(path))
		return PTR_ERR(path);
	s64 error = task_execve(current->tf, dirfd, path, flags, &arguments, &environment);
	kfree(path);
	return error;
}

s64 sys_execve(const char __user *path, const char __user *const __user *argv,
	       const char __user *const __user *envp)
{
	return sys_execveat(AT_FDCWD, path, argv, envp, 0);
}

s64 sys_exit(int status)
{
	do_exit((status & 0xff) << 8);
}

s64 sys_exit_group(int status)
{
	do_group_exit((status & 0xff) << 8);
}

s64 sys_wait4(pid_t pid, int __user *status, int options, struct rusage __user *usage)
{
	struct wait_request request = { .options = (unsigned)options | WEXITED };
	struct wait_outcome outcome;

	if (options & ~(WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL))
		return -EINVAL;
	if (pid == (pid_t)0x80000000)
		return -ESRCH;
	if (pid > 0)
		request.whom = WAIT_PID, request.nr = pid;
	else if (pid != -1)
		request.whom = WAIT_GROUP, request.nr = pid ? -pid : group_get(0);
	int error = task_wait(&request, &outcome);
	if (error || !outcome.pid)
		return error;
	if (status && copy_to_user(status, &outcome.wait_status, sizeof(*status)))
		return -EFAULT;
	if (usage && rusage_to_user(usage, &outcome.usage))
		return -EFAULT;
	return outcome.pid;
}

s64 sys_pidfd_open(pid_t pid, unsigned flags)
{
	if ((flags & ~(unsigned)PIDFD_NONBLOCK) || pid <= 0)
		return -EINVAL;
	return pidfd_open(pid, flags);
}

/* The process that pidfd refers to, with a reference for as long as it is waited for, so that its
 * number is not given to another child meanwhile. */
static struct pid *waitid_pidfd(int fd, struct wait_request *request, bool *nonblocking)
{
	struct file *file = fd_get(fd);
	struct pid *pid = file ? pidfd_pid_get(file) : NULL;

	if (pid) {
		request->whom = WAIT_PID;
		request->nr = pid_nr(pid);
		*nonblocking = file_nonblocking(file) && !(request->options & WNOHANG);
		request->options |= *nonblocking ? WNOHANG : 0;
	}
	if (file)
		file_put(file);
	return pid;
}

/* Whom waitid(2) is to wait for, but for P_PIDFD. 0, -EINVAL. */
static int waitid_whom(int idtype, pid_t id, struct wait_request *request)
{
	request->nr = id;
	switch (idtype) {
	case P_ALL:
		request->whom = WAIT_ANY;
		return 0;
	case P_PID:
		request->whom = WAIT_PID;
		return id > 0 ? 0 : -EINVAL;
	case P_PGID:
		request->whom = WAIT_GROUP;
		if (id == 0)
			request->nr = group_get(0);
		return id >= 0 ? 0 : -EINVAL;
	}
	return -EINVAL;
}

static s64 waitid_result(const struct wait_outcome *outcome, struct siginfo __user *user_info,
			 struct rusage __user *usage)
{
	struct siginfo info = { 0 };

	if (outcome->pid) {
		info.si_signo = SIGCHLD;
		info.si_code = outcome->code;
		info.si_pid = outcome->pid;
		info.si_uid = outcome->uid;
		info.si_status = outcome->status;
	}
	if (user_info && copy_to_user(user_info, &info, sizeof(info)))
		return -EFAULT;
	if (usage && outcome->pid && rusage_to_user(usage, &outcome->usage))
		return -EFAULT;
	return 0;
}

s64 sys_waitid(int idtype, pid_t id, struct siginfo __user *user_info, int options,
	       struct rusage __user *usage)
{
	struct wait_request request = { .options = (unsigned)options };
	struct wait_outcome outcome;
	struct pid *pid = NULL;
	bool nonblocking = false;
	int error = 0;

	if ((options & ~(WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED | __WNOTHREAD |
			 __WCLONE | __WALL)) ||
	    !(options & (WEXITED | WSTOPPED | WCONTINUED)))
		return -EINVAL;
	if (idtype != P_PIDFD)
		error = waitid_whom(idtype, id, &request);
	else if (id < 0)
		error = -EINVAL;
	else if (!(pid = waitid_pidfd(id, &request, &nonblocking)))
		error = -EBADF;
	if (!error)
		error = task_wait(&request, &outcome);
	pid_put(pid);
	if (error)
		return error;
	return nonblocking && !outcome.pid ? -EAGAIN : waitid_result(&outcome, user_info, usage);
}

s64 sys_getpid(void)
{
	return current->tgid;
}

s64 sys_gettid(void)
{
	return current->pid;
}

s64 sys_getppid(void)
{
	spin_lock(&tasklist_lock);
	pid_t pid = current->leader->parent->tgid;
	spin_unlock(&tasklist_lock);
	return pid;
}

s64 sys_set_tid_address(int __user *tid)
{
	current->clear_child_tid = tid;
	return current->pid;
}

s64 sys_setpgid(pid_t pid, pid_t pgid)
{
	return group_set(pid, pgid);
}

s64 sys_getpgid(pid_t pid)
{
	return group_get(pid);
}

s64 sys_getpgrp(void)
{
	return group_get(0);
}

s64 sys_setsid(void)
{
	return session_create();
}

s64 sys_getsid(pid_t pid)
{
	return session_get(pid);
}

s64 sys_vhangup(void)
{
	return tty_vhangup();
}
