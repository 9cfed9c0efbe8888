/*
 * Group and session membership is two lists in struct pid; all changes happen under tasklist_lock,
 * so a signal to a group reaches either all or none of what was its membership at one moment.
 */
#include "proc/group.h"
#include "proc/thread.h"
#include "x86/printk.h"
#include <asm/errno.h>

bool group_is_orphaned(struct pid *pgrp, const struct task_struct *ignored)
{
	struct task_struct *task;

	ASSERT(spin_held(&tasklist_lock));
	list_for_each(task, &pgrp->group, pgrp_link) {
		const struct task_struct *parent = task->parent;

		if (task == ignored || process_is_dead(task) || parent->pid == 1)
			continue;
		if (parent->pgrp != pgrp && parent->session == task->session)
			return false;
	}
	return true;
}

static bool has_stopped_member(struct pid *pgrp)
{
	struct task_struct *task;

	list_for_each(task, &pgrp->group, pgrp_link)
		if (process_is_stopped(task))
			return true;
	return false;
}

bool group_of_current_is_orphaned(void)
{
	spin_lock(&tasklist_lock);
	bool orphaned = group_is_orphaned(current->leader->pgrp, NULL);
	spin_unlock(&tasklist_lock);
	return orphaned;
}

void group_check_orphaned(struct task_struct *task, struct task_struct *dead_parent)
{
	struct task_struct *parent = dead_parent ? dead_parent : task->parent;
	struct pid *pgrp = task->pgrp;

	if (parent->pgrp == pgrp || parent->session != task->session || !has_stopped_member(pgrp) ||
	    !group_is_orphaned(pgrp, dead_parent ? NULL : task))
		return;
	signal_group_locked(pgrp, SIGHUP);
	signal_group_locked(pgrp, SIGCONT);
}

static void move_to_group(struct task_struct *task, struct pid *group)
{
	struct pid *old = task->pgrp;

	list_del(&task->pgrp_link);
	task->pgrp = pid_get(group);
	list_add_tail(&group->group, &task->pgrp_link);
	pid_put(old);
}

/* Whose group is to change: the caller or a child of its own session that has not yet called
 * execve. */
static int find_member(pid_t pid, struct task_struct **member)
{
	struct task_struct *me = current->leader, *task = pid ? task_find(pid) : me;

	if (!task)
		return -ESRCH;
	if (task->leader != task)
		return -EINVAL; /* a thread's number */
	if (task != me && task->parent != me)
		return -ESRCH;
	if (task != me && task->session != me->session)
		return -EPERM;
	if (task != me && task->has_execed)
		return -EACCES;
	if (pid_nr(task->session) == task->pid)
		return -EPERM; /* a session leader stays in its group */
	*member = task;
	return 0;
}

static int set_locked(pid_t pid, pid_t pgid)
{
	struct task_struct *task;
	int error = find_member(pid, &task);

	if (error)
		return error;
	if (pgid == 0 || pgid == task->pid) {
		move_to_group(task, task->pid_struct);
		return 0;
	}
	struct pid *group = pid_find_get(pgid);
	struct task_struct *first =
		group ? list_first(&group->group, struct task_struct, pgrp_link) : NULL;
	if (first && first->session == current->leader->session)
		move_to_group(task, group);
	else
		error = -EPERM;
	pid_put(group);
	return error;
}

int group_set(pid_t pid, pid_t pgid)
{
	if (pgid < 0 || (pid < 0 && pgid == 0))
		return -EINVAL;
	spin_lock(&tasklist_lock);
	int error = set_locked(pid, pgid);
	spin_unlock(&tasklist_lock);
	return error;
}

pid_t group_get(pid_t pid)
{
	spin_lock(&tasklist_lock);
	struct task_struct *task = pid ? task_find(pid) : current;
	pid_t result = task ? pid_nr(task->leader->pgrp) : -ESRCH;
	spin_unlock(&tasklist_lock);
	return result;
}

pid_t session_get(pid_t pid)
{
	spin_lock(&tasklist_lock);
	struct task_struct *task = pid ? task_find(pid) : current;
	pid_t result = task ? pid_nr(task->leader->session) : -ESRCH;
	spin_unlock(&tasklist_lock);
	return result;
}

pid_t session_create(void)
{
	struct task_struct *me = current->leader;
	pid_t result = -EPERM;

	spin_lock(&tasklist_lock);
	if (list_empty(&me->pid_struct->group)) { /* nobody's group has this number */
		struct pid *old = me->session;

		list_del(&me->session_link);
		me->session = pid_get(me->pid_struct);
		list_add_tail(&me->session->session, &me->session_link);
		move_to_group(me, me->pid_struct);
		pid_put(old);
		me->tty = NULL;
		result = me->pid;
	}
	spin_unlock(&tasklist_lock);
	return result;
}
