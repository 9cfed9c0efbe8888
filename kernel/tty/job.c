/*
 * Job control: which session a terminal belongs to and which group of it is in the foreground. A
 * task's pointer to its controlling terminal is valid while the terminal's session is the task's;
 * so giving a terminal up, or making a new session, needs no walk over tasks. tty->lock guards
 * session and pgrp of a tty, and no signal is sent under it.
 */
#include <linux/errno.h>
#include "proc/group.h"
#include "proc/signal.h"
#include "sched/task.h"
#include "tty/tty.h"

/* The terminal and the session both count: see above. The answer may be old as soon as it is
 * given. */
static bool controls(const struct tty *tty, const struct task_struct *task)
{
	const struct task_struct *leader = task->leader;

	return tty && leader->tty == tty && tty->session && tty->session == leader->session;
}

struct tty *tty_current(void)
{
	struct tty *tty = current->leader->tty;

	return controls(tty, current) ? tty : NULL;
}

dev_t tty_number_of(const struct task_struct *task)
{
	struct tty *tty = task->leader->tty;

	return controls(tty, task) ? tty->dev : 0;
}

pid_t tty_foreground_of(const struct task_struct *task)
{
	struct tty *tty = task->leader->tty;
	pid_t nr = -1;

	if (!controls(tty, task))
		return -1;
	spin_lock(&tty->lock);
	if (tty->pgrp)
		nr = pid_nr(tty->pgrp);
	spin_unlock(&tty->lock);
	return nr;
}

/* Puts pid, whose reference is taken over, in place of *slot. */
static void replace_pid(struct tty *tty, struct pid **slot, struct pid *pid)
{
	spin_lock(&tty->lock);
	struct pid *old = *slot;
	*slot = pid;
	spin_unlock(&tty->lock);
	pid_put(old);
}

static struct pid *get_pid_of(struct tty *tty, struct pid **slot)
{
	spin_lock(&tty->lock);
	struct pid *pid = *slot ? pid_get(*slot) : NULL;
	spin_unlock(&tty->lock);
	return pid;
}

void tty_signal(struct tty *tty, int sig)
{
	struct pid *pgrp = get_pid_of(tty, &tty->pgrp);

	if (pgrp)
		signal_group(pgrp, sig);
	pid_put(pgrp);
}

/* Would the running task not notice sig? */
static bool is_ignored(int sig)
{
	return (current->blocked & SIGNAL_BIT(sig)) ||
	       current->sighand->actions[sig - 1].sa_handler == SIG_IGN;
}

int tty_check_foreground(struct tty *tty, int sig)
{
	if (!controls(tty, current))
		return 0;
	struct pid *own = task_pgrp_get(current);
	bool foreground = !tty->pgrp || tty->pgrp == own;
	int result = 0;

	if (!foreground && is_ignored(sig)) {
		result = sig == SIGTTIN ? -EIO : 0;
	} else if (!foreground && group_of_current_is_orphaned()) {
		result = -EIO;
	} else if (!foreground) {
		signal_group(own, sig);
		result = -ERESTARTSYS;
	}
	pid_put(own);
	return result;
}

static bool is_session_leader(void)
{
	return pid_nr(current->leader->session) == current->tgid;
}

/* Is there still somebody in the session that has the terminal? */
static bool is_owned(struct tty *tty)
{
	struct pid *session = get_pid_of(tty, &tty->session);

	if (!session)
		return false;
	spin_lock(&tasklist_lock);
	bool owned = !list_empty(&session->session);
	spin_unlock(&tasklist_lock);
	pid_put(session);
	return owned;
}

static void adopt(struct tty *tty)
{
	replace_pid(tty, &tty->session, task_session_get(current));
	replace_pid(tty, &tty->pgrp, task_pgrp_get(current));
	current->leader->tty = tty;
}

void tty_adopt(struct tty *tty)
{
	if (is_session_leader() && !tty_current() && !is_owned(tty))
		adopt(tty);
}

int tty_set_controlling(struct tty *tty, bool steal)
{
	if (controls(tty, current) && is_session_leader())
		return 0;
	if (!is_session_leader() || tty_current())
		return -EPERM;
	if (is_owned(tty) && !(steal && capable(CAP_SYS_ADMIN)))
		return -EPERM;
	adopt(tty);
	return 0;
}

/* The session loses its terminal. */
static void disassociate(struct tty *tty)
{
	replace_pid(tty, &tty->pgrp, NULL);
	replace_pid(tty, &tty->session, NULL);
}

int tty_give_up(struct tty *tty)
{
	if (!controls(tty, current))
		return -ENOTTY;
	if (is_session_leader()) {
		tty_signal(tty, SIGHUP);
		tty_signal(tty, SIGCONT);
		disassociate(tty);
	}
	current->leader->tty = NULL;
	return 0;
}

void tty_session_ends(void)
{
	struct tty *tty = tty_current();

	if (tty && is_session_leader()) {
		tty_signal(tty, SIGHUP);
		disassociate(tty);
	}
}

static void signal_leader(struct pid *session, int sig)
{
	struct siginfo info = { .si_signo = sig, .si_code = SI_KERNEL };

	spin_lock(&tasklist_lock);
	if (session->task) /* the leader has the session's number */
		signal_send_info(session->task, sig, &info);
	spin_unlock(&tasklist_lock);
}

void tty_hangup(struct tty *tty)
{
	struct pid *session = get_pid_of(tty, &tty->session);

	spin_lock(&tty->lock);
	tty->hung_up = true;
	spin_unlock(&tty->lock);
	wait_queue_wake(&tty->read_queue);
	wait_queue_wake(&tty->write_queue);
	if (session) {
		signal_leader(session, SIGHUP);
		signal_leader(session, SIGCONT);
		tty_signal(tty, SIGHUP);
		tty_signal(tty, SIGCONT);
		disassociate(tty);
	}
	pid_put(session);
}

s64 tty_get_foreground(struct tty *tty)
{
	struct pid *pgrp = get_pid_of(tty, &tty->pgrp);
	s64 nr = pid_nr(pgrp);

	pid_put(pgrp);
	return nr;
}

s64 tty_get_session(struct tty *tty)
{
	struct pid *session = get_pid_of(tty, &tty->session);
	s64 nr = session ? pid_nr(session) : -ENOTTY;

	pid_put(session);
	return nr;
}

/* Is group pgrp one of the running task's session? */
static bool in_own_session(struct pid *pgrp)
{
	bool found = false;

	spin_lock(&tasklist_lock);
	if (!list_empty(&pgrp->group)) {
		struct task_struct *member =
			list_first(&pgrp->group, struct task_struct, pgrp_link);
		found = member->session == current->leader->session;
	}
	spin_unlock(&tasklist_lock);
	return found;
}

int tty_set_foreground(struct tty *tty, pid_t pgid)
{
	int error = tty_check_foreground(tty, SIGTTOU);

	if (error)
		return error;
	if (!controls(tty, current))
		return -ENOTTY;
	if (pgid < 0)
		return -EINVAL;
	struct pid *pgrp = pid_find_get(pgid);
	if (!pgrp)
		return -ESRCH;
	if (!in_own_session(pgrp)) {
		pid_put(pgrp);
		return -EPERM;
	}
	replace_pid(tty, &tty->pgrp, pgrp);
	return 0;
}
