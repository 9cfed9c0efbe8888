/*
 * Job control: which session a terminal belongs to and which group of it is in the foreground. A
 * task's pointer to its controlling terminal is valid while the terminal's session is the task's;
 * so giving a terminal up, or making a new session, needs no walk over tasks. tty->lock guards
 * session and pgrp of a tty, tasklist_lock a task's pointer, and who changes both holds both; no
 * signal is sent under tty->lock.
 */
#include <linux/capability.h>
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

/* tasklist_lock held: another thread may be in setsid(2). */
static bool leads_session(void)
{
	return pid_nr(current->leader->session) == current->tgid;
}

static bool is_session_leader(void)
{
	spin_lock(&tasklist_lock);
	bool leads = leads_session();
	spin_unlock(&tasklist_lock);
	return leads;
}

/* The running task, which leads its session, has tty from now on (NULL: none), and no memory of an
 * earlier one. Returns the foreground group of a terminal that was hung up, held, or NULL.
 * tasklist_lock held. */
static struct pid *set_own(struct tty *tty)
{
	struct task_struct *leader = current->leader;
	struct pid *old_pgrp = leader->tty_old_pgrp;

	leader->tty_old_pgrp = NULL;
	leader->tty = tty;
	return old_pgrp;
}

/* Gives tty the session and the foreground group, whose references are taken over; *session and
 * *pgrp are the old ones. tty->lock held. */
static void swap_owner(struct tty *tty, struct pid **session, struct pid **pgrp)
{
	struct pid *old_session = tty->session, *old_pgrp = tty->pgrp;

	tty->session = *session;
	tty->pgrp = *pgrp;
	*session = old_session;
	*pgrp = old_pgrp;
}

/* The session loses its terminal, which may be another one's by now. */
static void disassociate(struct tty *tty, const struct pid *session)
{
	struct pid *old_session = NULL, *old_pgrp = NULL;

	spin_lock(&tty->lock);
	if (tty->session == session)
		swap_owner(tty, &old_session, &old_pgrp);
	spin_unlock(&tty->lock);
	pid_put(old_session);
	pid_put(old_pgrp);
}

/* May the running task's session have tty, as TIOCSCTTY asks? Both locks are held. */
static int check_adopt(const struct tty *tty, bool steal)
{
	/* is there still somebody in the session that has the terminal? */
	bool owned = tty->session && !list_empty(&tty->session->session);

	if (!leads_session() || tty_current())
		return -EPERM;
	if (owned && !(steal && capable(CAP_SYS_ADMIN)))
		return -EPERM;
	return tty->gone ? -EIO : 0;
}

int tty_set_controlling(struct tty *tty, bool steal)
{
	struct pid *session = NULL, *pgrp = NULL, *forgotten = NULL;
	int error = 0;

	/* one step, or two leaders who find it free would each have a half of it */
	spin_lock(&tasklist_lock);
	spin_lock(&tty->lock);
	if (!controls(tty, current) || !leads_session())
		error = check_adopt(tty, steal);
	if (!error && !controls(tty, current)) {
		session = pid_get(current->leader->session);
		pgrp = pid_get(current->leader->pgrp);
		swap_owner(tty, &session, &pgrp);
		forgotten = set_own(tty);
	}
	spin_unlock(&tty->lock);
	spin_unlock(&tasklist_lock);
	pid_put(session);
	pid_put(pgrp);
	pid_put(forgotten);
	return error;
}

int tty_give_up(struct tty *tty)
{
	if (!controls(tty, current))
		return -ENOTTY;
	if (is_session_leader()) {
		struct pid *session = task_session_get(current);
		tty_signal(tty, SIGHUP);
		tty_signal(tty, SIGCONT);
		disassociate(tty, session);
		pid_put(session);
	}
	spin_lock(&tasklist_lock);
	if (current->leader->tty == tty)
		current->leader->tty = NULL;
	spin_unlock(&tasklist_lock);
	return 0;
}

/* The line is cut: the session's leader gets SIGHUP and SIGCONT, and its foreground group the same
 * when the leader ends (as on Linux): until then that is the leader's business. */
static void tell_leader(struct tty *tty, struct pid *session)
{
	struct siginfo info = { .si_code = SI_KERNEL };
	struct pid *pgrp = get_pid_of(tty, &tty->pgrp);

	spin_lock(&tasklist_lock);
	struct task_struct *leader = session->task; /* it has the session's number */
	if (leader && leader->tty == tty) {
		info.si_signo = SIGHUP;
		signal_send_info(leader, SIGHUP, &info);
		info.si_signo = SIGCONT;
		signal_send_info(leader, SIGCONT, &info);
		if (!leader->tty_old_pgrp) {
			leader->tty_old_pgrp = pgrp;
			pgrp = NULL;
		}
	}
	spin_unlock(&tasklist_lock);
	pid_put(pgrp);
}

void tty_hangup(struct tty *tty, bool gone)
{
	struct pid *session;

	spin_lock(&tty->lock);
	tty->gone |= gone;
	tty->hangups++;
	tty_flush_input(tty);
	tty->out_used = 0;
	tty->held = false;
	tty_start_output(tty);
	spin_unlock(&tty->lock);
	wait_queue_wake(&tty->read_queue);
	wait_queue_wake(&tty->write_queue);
	session = get_pid_of(tty, &tty->session);
	if (session) {
		tell_leader(tty, session);
		disassociate(tty, session);
	}
	pid_put(session);
}

int tty_vhangup(void)
{
	struct tty *tty = tty_current();

	if (!capable(CAP_SYS_TTY_CONFIG))
		return -EPERM;
	if (tty)
		tty_hangup(tty, false);
	return 0;
}

void tty_session_ends(void)
{
	struct tty *tty = tty_current();

	if (tty) {
		struct pid *session = task_session_get(current);
		tty_signal(tty, SIGHUP);
		if (tty->ops->cut_by_exit)
			tty_hangup(tty, false);
		else
			disassociate(tty, session);
		pid_put(session);
	}
	spin_lock(&tasklist_lock);
	struct pid *hung_up = set_own(NULL);
	spin_unlock(&tasklist_lock);
	if (hung_up && !tty) {
		signal_group(hung_up, SIGHUP);
		signal_group(hung_up, SIGCONT);
	}
	pid_put(hung_up);
}

pid_t tty_get_foreground(struct tty *tty)
{
	struct pid *pgrp = get_pid_of(tty, &tty->pgrp);
	pid_t nr = pid_nr(pgrp);

	pid_put(pgrp);
	return nr;
}

pid_t tty_get_session(struct tty *tty)
{
	struct pid *session = get_pid_of(tty, &tty->session);
	pid_t nr = pid_nr(session);

	pid_put(session);
	return nr;
}

/* May group pgrp come to the foreground? A process of that number that leads no group will do, as
 * on Linux. tasklist_lock held. */
static int check_in_session(struct pid *pgrp)
{
	struct task_struct *member = list_first(&pgrp->group, struct task_struct, pgrp_link);

	if (!member)
		member = pgrp->task;
	if (member && member->session == current->leader->session)
		return 0;
	/* only the terminal remembers it */
	return !member && list_empty(&pgrp->session) ? -ESRCH : -EPERM;
}

int tty_set_foreground(struct tty *tty, pid_t pgid)
{
	if (pgid < 0)
		return -EINVAL;
	if (!controls(tty, current))
		return -ENOTTY;
	struct pid *pgrp = pid_find_get(pgid);
	if (!pgrp)
		return -ESRCH;
	spin_lock(&tasklist_lock);
	int error = check_in_session(pgrp);
	spin_lock(&tty->lock);
	if (!error && !controls(tty, current))
		error = -ENOTTY; /* since the first look, and perhaps another session has it */
	if (!error) {
		struct pid *old = tty->pgrp;
		tty->pgrp = pgrp;
		pgrp = old;
	}
	spin_unlock(&tty->lock);
	spin_unlock(&tasklist_lock);
	pid_put(pgrp);
	return error;
}
