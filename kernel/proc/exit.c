/*
 * exit: a thread lets go of everything it has, and with the last thread the process dies: it hands
 * its children to another parent, tells its own, and becomes a zombie: a task_struct with a status,
 * kept until somebody waits for it. In the end only the parent's wait, or init's, takes that away.
 * A parent that ignores SIGCHLD (or set SA_NOCLDWAIT) has no zombies (wait(2)).
 *
 * The order matters: memory and files go first, while the task can still sleep; the change of the
 * family tree is one step under tasklist_lock; after it the task only switches away, and its stack
 * is freed by whoever runs next.
 */
#include "proc/exit.h"
#include "fs/fs.h"
#include "lib/string.h"
#include "mm/mm.h"
#include "proc/fork.h"
#include "proc/futex.h"
#include "proc/group.h"
#include "proc/limits.h"
#include "proc/thread.h"
#include "x86/printk.h"

void (*session_leader_exits)(void);

/* Lets go of memory, open files and directories, which end if nobody else uses them; a vfork parent
 * may go on. */
static void leave_resources(void)
{
	struct mm_struct *mm = current->mm;
	struct files_struct *files = current->files;
	struct fs_struct *fs = current->fs;

	if (mm) {
		futex_exit();
		futex_clear_child_tid();
		current->peak_rss = max(current->peak_rss, mm->rss_peak);
	}
	spin_lock(&tasklist_lock); /* /proc looks at another task's under this lock */
	current->mm = NULL;
	current->files = NULL;
	current->fs = NULL;
	spin_unlock(&tasklist_lock);
	if (mm) {
		mm_activate(NULL);
		vfork_release();
		mm_put(mm);
	}
	files_put(files);
	fs_put(fs);
}

/* Children of the dying go to the nearest ancestor that asked for them (prctl(2),
 * PR_SET_CHILD_SUBREAPER), else to init. tasklist_lock held, so all ancestors are alive. */
static struct task_struct *find_new_parent(const struct task_struct *process)
{
	struct task_struct *ancestor = process->parent;

	while (ancestor->pid > 1 && !ancestor->signal->is_subreaper)
		ancestor = ancestor->parent;
	return ancestor;
}

/* Does the parent want no zombies? tasklist_lock held. */
static bool parent_ignores(const struct task_struct *child)
{
	const struct sigaction *action = &child->parent->sighand->actions[SIGCHLD - 1];

	return child->exit_signal == SIGCHLD &&
	       (action->sa_handler == SIG_IGN || (action->sa_flags & SA_NOCLDWAIT));
}

/* The parent hears of a child that has just died, or that it has just got as a zombie. */
static void notify_parent_of_death(struct task_struct *child)
{
	struct task_struct *parent = child->parent;
	int code = child->exit_code, signal = code & 0x7f;
	/* Ignored, SIGCHLD is not even pending for a parent that blocks it. */
	bool unheard = child->exit_signal == SIGCHLD &&
		       parent->sighand->actions[SIGCHLD - 1].sa_handler == SIG_IGN;
	struct siginfo info = {
		.si_signo = child->exit_signal,
		.si_code = !signal	 ? CLD_EXITED
			   : code & 0x80 ? CLD_DUMPED
					 : CLD_KILLED,
	};

	info.si_pid = child->pid;
	info.si_uid = child->real_cred->uid;
	info.si_status = signal ? signal : code >> 8;
	info.si_utime = (long)(child->self_sum.utime / NSEC_PER_CLOCK_TICK);
	info.si_stime = (long)(child->self_sum.stime / NSEC_PER_CLOCK_TICK);
	if (!unheard && child->exit_signal > 0 && child->exit_signal <= SIGNAL_COUNT)
		signal_send_info(parent, child->exit_signal, &info);
	wait_queue_wake(&parent->signal->child_exit);
}

/* The thread that made the child is dead: the child may have asked to be told (prctl(2),
 * PR_SET_PDEATHSIG), by each of its threads for itself. */
static void tell_of_death(struct task_struct *child)
{
	const struct task_struct *task = NULL;

	while (!process_is_dead(child) && (task = thread_next(child->signal, task))) {
		struct siginfo info = signal_info_from_user(task->pdeath_signal, SI_USER);

		if (task->pdeath_signal)
			signal_send_info(child, task->pdeath_signal, &info);
	}
}

/* The same for all that the running thread made, before it leaves its process. tasklist_lock held.
 * Few ask, so that nobody is looked at where none did. */
static void tell_made_children(void)
{
	struct task_struct *child;

	if (!current->signal->children_ask || current->signal->threads == 1)
		return;
	list_for_each(child, &current->leader->children, sibling) {
		if (child->maker == current->pid) {
			child->maker = 0; /* whichever other thread */
			tell_of_death(child);
		}
	}
}

static void adopt(struct task_struct *child, struct task_struct *parent)
{
	child->parent = parent;
	child->maker = parent->pid;
	child->exit_signal = SIGCHLD; /* the new parent waits for no other kind */
	tell_of_death(child);
}

/* tasklist_lock held. Moves every child, dead or alive, and tells the new parent of the dead; if
 * it does not want them, they are gone. */
static void reparent_children(struct task_struct *process, struct task_struct *parent)
{
	struct task_struct *child, *next;

	list_for_each(child, &process->children, sibling) {
		adopt(child, parent);
		group_check_orphaned(child, process);
	}
	list_for_each_safe(child, next, &process->zombies, sibling) {
		adopt(child, parent);
		notify_parent_of_death(child);
		if (parent_ignores(child)) {
			list_del(&child->sibling);
			__atomic_store_n(&child->state, EXIT_DEAD, __ATOMIC_SEQ_CST);
			task_release(child);
			task_put(child);
		}
	}
	list_splice_tail(&parent->children, &process->children);
	list_splice_tail(&parent->zombies, &process->zombies);
	list_splice_tail(&parent->stop_events, &process->stop_events);
}

void task_release(struct task_struct *task)
{
	ASSERT(spin_held(&tasklist_lock));
	list_del(&task->pgrp_link);
	list_del(&task->session_link);
	list_del(&task->all_link);
	list_del(&task->stop_link);
	task->pid_struct->task = NULL;
	task_drop_pids(task);
	task_count--;
	limits_uncharge_process(task->real_cred);
}

/*
 * The last thread is dead, and with it the process: what is left of it is its leader, a zombie for
 * the parent to wait for, or, if that does not want one, nothing. True if nothing. tasklist_lock
 * held.
 */
static bool end_process(struct task_struct *leader)
{
	struct signal_struct *signal = leader->signal;

	leader->exit_code = signal->group_exit_code;
	leader->self_sum = signal->dead;
	reparent_children(leader, find_new_parent(leader));
	group_check_orphaned(leader, NULL);
	bool unwanted = parent_ignores(leader);
	list_del(&leader->sibling);
	list_del(&leader->stop_link);
	list_del(&leader->thread_link);
	leader->signal = NULL;
	leader->sighand = NULL;
	if (unwanted)
		__atomic_store_n(&leader->state, EXIT_DEAD, __ATOMIC_SEQ_CST);
	else
		list_add_tail(&leader->parent->zombies, &leader->sibling);
	notify_parent_of_death(leader);
	if (!list_empty(&leader->pid_struct->death.waiters))
		wait_queue_wake(&leader->pid_struct->death);
	if (unwanted)
		task_release(leader);
	return unwanted;
}

/* The running task is a part of its process no more, and perhaps the process is no more. Whoever
 * nobody will ask for loses the pid table's reference; the running one goes in task_off_cpu. */
static void leave_process(void)
{
	struct task_struct *leader = current->leader;
	struct signal_struct *signal = current->signal;
	struct sighand_struct *sighand = current->sighand;
	bool is_leader = current == leader, unwanted = false;

	spin_lock(&tasklist_lock);
	tell_made_children();
	task_live_count--;
	bool last = thread_leave_group();
	if (!is_leader)
		task_release(current);
	if (last)
		unwanted = end_process(leader);
	spin_unlock(&tasklist_lock);
	if (!is_leader) {
		sighand_put(sighand);
		task_put(current);
	}
	if (!last)
		return;
	signals_free(signal);
	sighand_put(sighand); /* the leader's */
	if (unwanted)
		task_put(leader);
}

void do_exit(int code)
{
	bool last = signal_begin_exit(code);

	if (last && current->tgid == 1)
		panic("init died: %s %d", code & 0x7f ? "signal" : "status",
		      code & 0x7f ? code & 0x7f : code >> 8);
	if (last)
		posix_timers_end(current->signal);
	leave_resources();
	if (last && session_leader_exits && pid_nr(current->leader->session) == current->tgid)
		session_leader_exits();
	leave_process();
	sched_exit();
}

void do_group_exit(int code)
{
	do_exit(signal_begin_group_exit(code));
}
