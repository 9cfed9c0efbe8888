/*
 * kill: the receiver, or each member of a group, or everybody, is found under tasklist_lock, asked
 * whether it may be signalled, and sent to. Nobody is missed: a process that a member of the group
 * is just forking gets the signal when it is linked in (signal_fork_end).
 */
#include "proc/kill.h"
#include <asm/errno.h>

/* kill(2): the sender's real or effective uid must be the receiver's real or saved one, unless it
 * has CAP_KILL; SIGCONT within a session is free. */
static bool may_signal(const struct task_struct *task, int sig)
{
	const struct cred *mine = current->cred, *theirs = task->real_cred;

	if (capable(CAP_KILL) || mine->euid == theirs->suid || mine->euid == theirs->uid ||
	    mine->uid == theirs->suid || mine->uid == theirs->uid)
		return true;
	return sig == SIGCONT && current->leader->session == task->leader->session;
}

/* 0 (also for sig 0, which only asks), -EINVAL, -EPERM, -EAGAIN. */
static int kill_with(struct task_struct *task, int sig, const struct siginfo *info, bool shared)
{
	if (sig < 0 || sig > SIGNAL_COUNT)
		return -EINVAL;
	if (!may_signal(task, sig))
		return -EPERM;
	return sig ? signal_send_locked(task, sig, info, shared) : 0;
}

static int kill_one(struct task_struct *task, int sig, bool shared, int code)
{
	struct siginfo info = signal_info_from_user(sig, code);

	return kill_with(task, sig, &info, shared);
}

/* To every member of a group that may be signalled: success if there was one, else the
 * last error. */
static int kill_group(struct pid *pgrp, int sig)
{
	int result = -ESRCH;
	struct task_struct *task;

	list_for_each(task, &pgrp->group, pgrp_link) {
		int error = kill_one(task, sig, true, SI_USER);

		if (!error)
			signal_remember_for_fork(task, sig);
		result = result == 0 ? 0 : error;
	}
	return result;
}

/* Everything but pid 1 and the sender's own process. */
static int kill_all(int sig)
{
	int result = -ESRCH;
	struct task_struct *task;

	list_for_each(task, &task_list, all_link) {
		if (task->pid == 1 || task != task->leader || task == current->leader)
			continue;
		int error = kill_one(task, sig, true, SI_USER);

		if (!error)
			signal_remember_for_fork(task, sig);
		if (error != -EPERM)
			result = result == 0 ? 0 : error;
		else if (result == -ESRCH)
			result = -EPERM;
	}
	return result;
}

static int kill_pid(pid_t nr, int sig)
{
	struct task_struct *task = task_find(nr);

	return task ? kill_one(task->leader, sig, true, SI_USER) : -ESRCH;
}

int signal_kill(pid_t pid, int sig)
{
	int error;

	if (pid == (pid_t)0x80000000)
		return -ESRCH; /* it has no positive counterpart */
	struct pid *group = pid < -1   ? pid_find_get(-pid)
			    : pid == 0 ? task_pgrp_get(current)
				       : NULL;
	spin_lock(&tasklist_lock);
	if (pid == -1)
		error = kill_all(sig);
	else if (pid > 0)
		error = kill_pid(pid, sig);
	else
		error = group ? kill_group(group, sig) : -ESRCH;
	spin_unlock(&tasklist_lock);
	pid_put(group);
	return error;
}

/* The task with this number; NULL if there is none, or it is no thread of tgid (0: of any). */
static struct task_struct *find_thread(pid_t tgid, pid_t tid)
{
	struct task_struct *task = task_find(tid);

	return task && (!tgid || task->tgid == tgid) ? task : NULL;
}

int signal_kill_thread(pid_t tgid, pid_t tid, int sig)
{
	if (tid <= 0 || tgid < 0)
		return -EINVAL;
	spin_lock(&tasklist_lock);
	struct task_struct *task = find_thread(tgid, tid);
	int error = task ? kill_one(task, sig, false, SI_TKILL) : -ESRCH;
	spin_unlock(&tasklist_lock);
	return error;
}

int signal_queue(pid_t tgid, int sig, const struct siginfo *info)
{
	spin_lock(&tasklist_lock);
	struct task_struct *task = task_find(tgid);
	int error = task ? kill_with(task->leader, sig, info, true) : -ESRCH;
	spin_unlock(&tasklist_lock);
	return error;
}

int signal_queue_thread(pid_t tgid, pid_t tid, int sig, const struct siginfo *info)
{
	spin_lock(&tasklist_lock);
	struct task_struct *task = find_thread(tgid, tid);
	int error = task ? kill_with(task, sig, info, false) : -ESRCH;
	spin_unlock(&tasklist_lock);
	return error;
}

int signal_kill_process(struct pid *pid, int sig, const struct siginfo *user_info)
{
	struct siginfo info = user_info ? *user_info : signal_info_from_user(sig, SI_USER);

	spin_lock(&tasklist_lock);
	struct task_struct *task = pid->task;
	int error = task ? kill_with(task->leader, sig, &info, true) : -ESRCH;
	spin_unlock(&tasklist_lock);
	return error;
}
