/*
 * exit: a process gives back everything it has, hands its children to another parent, tells its
 * own, and becomes a zombie: a task_struct with a status, kept until somebody waits for it. In the
 * end only the parent's wait, or init's, takes that away. A parent that ignores SIGCHLD (or set
 * SA_NOCLDWAIT) has no zombies (wait(2)).
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
#include "proc/signal.h"
#include "x86/printk.h"

void (*session_leader_exits)(void);

void rusage_add(struct rusage_sum *to, const struct rusage_sum *from)
{
	to->utime += from->utime;
	to->stime += from->stime;
	to->voluntary += from->voluntary;
	to->involuntary += from->involuntary;
	to->min_faults += from->min_faults;
	to->maj_faults += from->maj_faults;
	to->peak_rss = max(to->peak_rss, from->peak_rss);
}

void rusage_of(const struct task_struct *leader, struct rusage_sum *sum)
{
	*sum = leader->self_sum;
	if (leader->state & (EXIT_ZOMBIE | EXIT_DEAD))
		return;
	task_cpu_times(leader, &sum->utime, &sum->stime);
	sum->voluntary = leader->times.voluntary;
	sum->involuntary = leader->times.involuntary;
	sum->min_faults = leader->times.min_faults;
	sum->maj_faults = leader->times.maj_faults;
	if (leader->mm)
		sum->peak_rss = max(sum->peak_rss, leader->mm->rss_peak);
}

/* Leaves the address space: a vfork parent may go on, and the memory goes if nobody else
 * uses it. */
static void exit_mm(void)
{
	struct mm_struct *mm = current->mm;

	if (!mm)
		return;
	futex_exit();
	futex_clear_child_tid();
	current->self_sum.peak_rss = max(current->self_sum.peak_rss, mm->rss_peak);
	spin_lock(&tasklist_lock); /* /proc looks at another task's mm under this lock */
	current->mm = NULL;
	spin_unlock(&tasklist_lock);
	mm_activate(NULL);
	vfork_release();
	mm_put(mm);
}

static void exit_files(void)
{
	struct files_struct *files = current->files;
	struct fs_struct *fs = current->fs;

	spin_lock(&tasklist_lock);
	current->files = NULL;
	current->fs = NULL;
	spin_unlock(&tasklist_lock);
	files_put(files);
	fs_put(fs);
}

/* Children of the dying go to the nearest ancestor that asked for them (prctl(2),
 * PR_SET_CHILD_SUBREAPER), else to init. tasklist_lock held, so all ancestors are alive. */
static struct task_struct *find_new_parent(void)
{
	struct task_struct *ancestor = current->parent;

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

static void adopt(struct task_struct *child, struct task_struct *parent)
{
	child->parent = parent;
	child->exit_signal = SIGCHLD; /* the new parent waits for no other kind */
	if (child->pdeath_signal && child->sighand) {
		struct siginfo info = signal_info_from_user(child->pdeath_signal, SI_USER);

		signal_send_info(child, child->pdeath_signal, &info);
	}
}

/* tasklist_lock held. Moves every child, dead or alive, and tells the new parent of the dead; if
 * it does not want them, they are gone. */
static void reparent_children(struct task_struct *parent)
{
	struct task_struct *child, *next;

	list_for_each(child, &current->children, sibling) {
		adopt(child, parent);
		group_check_orphaned(child, current);
	}
	list_for_each_safe(child, next, &current->zombies, sibling) {
		adopt(child, parent);
		notify_parent_of_death(child);
		if (parent_ignores(child)) {
			list_del(&child->sibling);
			__atomic_store_n(&child->state, EXIT_DEAD, __ATOMIC_SEQ_CST);
			task_release(child);
			task_put(child);
		}
	}
	list_splice_tail(&parent->children, &current->children);
	list_splice_tail(&parent->zombies, &current->zombies);
	list_splice_tail(&parent->stop_events, &current->stop_events);
}

void task_release(struct task_struct *task)
{
	ASSERT(spin_held(&tasklist_lock));
	list_del(&task->pgrp_link);
	list_del(&task->session_link);
	list_del(&task->all_link);
	list_del(&task->stop_link);
	task->pid_struct->task = NULL;
	task_count--;
	limits_uncharge_process(task->real_cred);
}

/* Gives up signals and becomes a zombie, or nothing at all. Returns true if nobody will wait. */
static bool become_zombie(int code)
{
	struct signal_struct *signal = current->signal;
	struct sighand_struct *sighand = current->sighand;

	spin_lock(&tasklist_lock);
	rusage_of(current, &current->self_sum);
	reparent_children(find_new_parent());
	group_check_orphaned(current, NULL);
	current->exit_code = code;
	task_live_count--;
	bool unwanted = parent_ignores(current);
	list_del(&current->sibling);
	list_del(&current->stop_link);
	spin_lock(&sighand->lock);
	signal_flush_task(current);
	current->signal = NULL;
	current->sighand = NULL;
	task_set_state(unwanted ? EXIT_DEAD : EXIT_ZOMBIE);
	spin_unlock(&sighand->lock);
	if (!unwanted)
		list_add_tail(&current->parent->zombies, &current->sibling);
	notify_parent_of_death(current);
	if (!list_empty(&current->pid_struct->death.waiters))
		wait_queue_wake(&current->pid_struct->death);
	if (unwanted)
		task_release(current);
	spin_unlock(&tasklist_lock);
	signals_free(signal);
	sighand_put(sighand);
	return unwanted;
}

void do_exit(int code)
{
	if (current->pid == 1)
		panic("init died: %s %d", code & 0x7f ? "signal" : "status",
		      code & 0x7f ? code & 0x7f : code >> 8);
	posix_timers_end(current->signal);
	exit_mm();
	exit_files();
	if (session_leader_exits && pid_nr(current->session) == current->pid)
		session_leader_exits();
	if (become_zombie(code))
		task_put(current); /* the table's reference; the running one goes in task_off_cpu */
	sched_exit();
}

void do_group_exit(int code)
{
	signal_begin_group_exit(code);
	do_exit(current->signal->group_exit_code);
}
