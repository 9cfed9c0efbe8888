/*
 * How a task is scheduled: nice values, policies, the CPUs it may use. There is one policy,
 * round-robin with a slice by nice value; SCHED_BATCH and SCHED_IDLE are accepted as names for it,
 * and the real-time policies are not there (-EINVAL). sched(7), getpriority(2).
 */
#include "syscall/process.h"
#include "mm/usercopy.h"
#include "proc/pid.h"
#include "syscall/user.h"
#include <asm/errno.h>
#include <linux/sched.h>

#define NICE_OFFSET 20
#define REAL_TIME_PRIORITIES 99

s64 sys_sched_yield(void)
{
	sched_yield();
	return 0;
}

/* The task with this number, or the caller for 0; NULL: none. tasklist_lock held. */
static struct task_struct *task_named(pid_t pid)
{
	return pid ? task_find(pid) : current;
}

/* May the caller change how task is scheduled? One who acts as the user that task is or acts as, or
 * CAP_SYS_NICE. tasklist_lock held. */
static bool may_schedule(const struct task_struct *task)
{
	uid_t euid = current->cred->euid;

	return euid == task->real_cred->uid || euid == task->real_cred->euid ||
	       capable(CAP_SYS_NICE);
}

/* --- which CPUs --- */

s64 sys_sched_getaffinity(pid_t pid, unsigned size, u64 __user *mask)
{
	spin_lock(&tasklist_lock);
	const struct task_struct *task = task_named(pid);
	u64 cpus = task ? task->affinity & cpus_online() : 0;
	spin_unlock(&tasklist_lock);
	if (size < sizeof(cpus) || size % sizeof(cpus))
		return -EINVAL;
	if (!cpus)
		return -ESRCH;
	return copy_to_user(mask, &cpus, sizeof(cpus)) ? -EFAULT : (s64)sizeof(cpus);
}

s64 sys_sched_setaffinity(pid_t pid, unsigned size, const u64 __user *mask)
{
	u64 wanted = 0;
	s64 error = 0;

	if (copy_from_user(&wanted, mask, min(size, (unsigned)sizeof(wanted))))
		return -EFAULT;
	spin_lock(&tasklist_lock);
	struct task_struct *task = task_named(pid);
	if (!task)
		error = -ESRCH;
	else if (!may_schedule(task))
		error = -EPERM;
	else if (!(wanted & cpus_online()))
		error = -EINVAL;
	else
		sched_set_affinity(task_get(task), wanted);
	spin_unlock(&tasklist_lock);
	if (!error) {
		sched_await_move(task);
		task_put(task);
	}
	return error;
}

/* --- policies --- */

static bool is_real_time(int policy)
{
	return policy == SCHED_FIFO || policy == SCHED_RR;
}

static bool is_policy(int policy)
{
	return policy == SCHED_NORMAL || policy == SCHED_BATCH || policy == SCHED_IDLE;
}

s64 sys_sched_get_priority_max(int policy)
{
	return is_real_time(policy) ? REAL_TIME_PRIORITIES : is_policy(policy) ? 0 : -EINVAL;
}

s64 sys_sched_get_priority_min(int policy)
{
	return is_real_time(policy) ? 1 : is_policy(policy) ? 0 : -EINVAL;
}

/* Sets task's policy, if policy is not negative, and its priority, of which there is only 0. */
static s64 set_policy(pid_t pid, int policy, const int __user *user_priority)
{
	s64 error = 0;
	int priority;

	if (!user_priority || pid < 0)
		return -EINVAL;
	if (copy_from_user(&priority, user_priority, sizeof(priority)))
		return -EFAULT;
	spin_lock(&tasklist_lock);
	struct task_struct *task = task_named(pid);
	if (!task)
		error = -ESRCH;
	else if ((policy >= 0 && !is_policy(policy)) || priority != 0)
		error = -EINVAL;
	else if (!may_schedule(task))
		error = -EPERM;
	else if (policy >= 0)
		task->policy = policy;
	spin_unlock(&tasklist_lock);
	return error;
}

/* struct sched_param is one int. */
s64 sys_sched_setscheduler(pid_t pid, int policy, const int __user *priority)
{
	return policy < 0 ? -EINVAL : set_policy(pid, policy, priority);
}

s64 sys_sched_setparam(pid_t pid, const int __user *priority)
{
	return set_policy(pid, -1, priority);
}

/* The policy and the slice of a task: 0, -EINVAL, -ESRCH. */
static s64 look_at(pid_t pid, int *policy, u64 *slice)
{
	if (pid < 0)
		return -EINVAL;
	spin_lock(&tasklist_lock);
	const struct task_struct *task = task_named(pid);
	if (task) {
		*policy = task->policy;
		*slice = task->slice;
	}
	spin_unlock(&tasklist_lock);
	return task ? 0 : -ESRCH;
}

s64 sys_sched_getscheduler(pid_t pid)
{
	int policy;
	u64 slice;
	s64 error = look_at(pid, &policy, &slice);

	return error ? error : policy;
}

s64 sys_sched_getparam(pid_t pid, int __user *priority)
{
	static const int only = 0;
	int policy;
	u64 slice;

	if (!priority)
		return -EINVAL;
	s64 error = look_at(pid, &policy, &slice);
	return error ? error : copy_to_user(priority, &only, sizeof(only));
}

s64 sys_sched_rr_get_interval(pid_t pid, struct __kernel_timespec __user *interval)
{
	int policy;
	u64 slice;
	s64 error = look_at(pid, &policy, &slice);

	return error ? error : timespec_to_user(interval, slice);
}

/* --- nice --- */

/* Calls fn for each task that which and who name (getpriority(2)), tasklist_lock held. */
static void for_each_named(int which, int who,
			   void (*fn)(struct task_struct *task, s64 *result, int nice), s64 *result,
			   int nice)
{
	struct task_struct *task;
	pid_t group = who ? who : pid_nr(current->leader->pgrp);
	uid_t uid = who ? (uid_t)who : current->cred->uid;

	if (which == PRIO_PROCESS) {
		task = who ? task_find(who) : current;
		if (task)
			fn(task, result, nice);
		return;
	}
	list_for_each(task, &task_list, all_link)
		if (which == PRIO_PGRP ? pid_nr(task->leader->pgrp) == group
				       : task->real_cred->uid == uid)
			fn(task, result, nice);
}

static void look_at_nice(struct task_struct *task, s64 *result, int nice)
{
	(void)nice;
	*result = max(*result, (s64)(NICE_OFFSET - task->nice)); /* the most favoured one's */
}

/* CAP_SYS_NICE, or as far as RLIMIT_NICE lets the task go (getrlimit(2): 20 - limit is the
 * lowest). A dead one has no limits any more. */
static bool may_favour(const struct task_struct *task, int nice)
{
	return nice >= task->nice || capable(CAP_SYS_NICE) ||
	       (task->signal && (u64)(NICE_OFFSET - nice) <= task->rlimits[RLIMIT_NICE].rlim_cur);
}

static void change_nice(struct task_struct *task, s64 *result, int nice)
{
	if (!may_schedule(task))
		*result = -EPERM;
	else if (!may_favour(task, nice))
		*result = -EACCES;
	else
		sched_set_nice(task, nice);
	if (*result == -ESRCH)
		*result = 0;
}

s64 sys_getpriority(int which, int who)
{
	s64 result = -ESRCH;

	if (which < PRIO_PROCESS || which > PRIO_USER)
		return -EINVAL;
	spin_lock(&tasklist_lock);
	for_each_named(which, who, look_at_nice, &result, 0);
	spin_unlock(&tasklist_lock);
	return result;
}

s64 sys_setpriority(int which, int who, int nice)
{
	s64 result = -ESRCH;

	if (which < PRIO_PROCESS || which > PRIO_USER)
		return -EINVAL;
	spin_lock(&tasklist_lock);
	for_each_named(which, who, change_nice, &result, max(-20, min(nice, 19)));
	spin_unlock(&tasklist_lock);
	return result;
}
