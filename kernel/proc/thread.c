/*
 * How tasks join a process, leave it, and how one of them becomes all of it.
 *
 * Nobody is missed who is to die: whoever kills the threads does it under sighand->lock, and a new
 * one joins under the same lock, after a look whether the thread that makes it is being killed.
 */
#include "proc/thread.h"
#include "mm/mm.h"
#include "proc/exit.h"
#include "x86/printk.h"
#include <asm/errno.h>

struct task_struct *thread_next(const struct signal_struct *signal, const struct task_struct *task)
{
	const struct list_head *list = &signal->thread_list;
	const struct list_head *next = task ? task->thread_link.next : list->next;

	return next == list ? NULL : list_entry(next, struct task_struct, thread_link);
}

struct mm_struct *process_mm(const struct task_struct *leader)
{
	const struct task_struct *task;

	if (leader->mm || process_is_dead(leader))
		return leader->mm;
	list_for_each(task, &leader->signal->thread_list, thread_link)
		if (task->mm)
			return task->mm;
	return NULL;
}

int thread_join_group(struct task_struct *child)
{
	struct signal_struct *signal = current->signal;
	int error = 0;

	ASSERT(spin_held(&tasklist_lock));
	spin_lock(&current->sighand->lock);
	if (signal_is_pending()) {
		error = -ERESTARTNOINTR;
	} else {
		list_add_tail(&signal->thread_list, &child->thread_link);
		signal->threads++;
		signal->live++;
	}
	spin_unlock(&current->sighand->lock);
	return error;
}

bool thread_leave_group(void)
{
	struct signal_struct *signal = current->signal;
	struct sighand_struct *sighand = current->sighand;
	struct rusage_sum used;

	ASSERT(spin_held(&tasklist_lock));
	rusage_of_thread(current, &used);
	spin_lock(&sighand->lock);
	rusage_add(&signal->dead, &used); /* in one step for process_runtime() */
	signal_flush_task(current);
	bool last = --signal->threads == 0;
	if (current != current->leader) {
		list_del(&current->thread_link);
		current->signal = NULL;
		current->sighand = NULL;
	}
	task_set_state(current == current->leader ? EXIT_ZOMBIE : EXIT_DEAD);
	if (signal->exec_task && signal->threads == 1)
		task_wake(signal->exec_task, TASK_UNINTERRUPTIBLE);
	spin_unlock(&sighand->lock);
	return last;
}

/* Puts `new` into a list in place of `old`, which may be in none. */
static void replace_link(struct list_head *old, struct list_head *new)
{
	if (list_empty(old))
		return;
	list_insert(new, old, old->next);
	list_del(old);
}

/* The running task has the place in the family that its dead leader had. */
static void inherit_family(struct task_struct *old)
{
	struct task_struct *child;

	current->parent = old->parent;
	current->maker = old->maker;
	current->exit_signal = SIGCHLD; /* the parent may be waiting for such a one just now */
	current->pgrp = old->pgrp;
	current->session = old->session;
	old->pgrp = old->session = NULL;
	replace_link(&old->sibling, &current->sibling);
	replace_link(&old->pgrp_link, &current->pgrp_link);
	replace_link(&old->session_link, &current->session_link);
	replace_link(&old->stop_link, &current->stop_link);
	list_for_each(child, &old->children, sibling)
		child->parent = current;
	list_for_each(child, &old->zombies, sibling)
		child->parent = current;
	list_splice_tail(&current->children, &old->children);
	list_splice_tail(&current->zombies, &old->zombies);
	list_splice_tail(&current->stop_events, &old->stop_events);
	current->tty = old->tty;
	current->tty_old_pgrp = old->tty_old_pgrp;
	old->tty_old_pgrp = NULL;
	current->start_time = old->start_time;
	current->children_sum = old->children_sum;
	current->stop_signal = old->stop_signal;
	current->continued = old->continued;
}

/* The number of the process is the running task's from now on, and its own the dead leader's. */
static void inherit_number(struct task_struct *old)
{
	struct pid *own = current->pid_struct;

	current->pid_struct = old->pid_struct;
	current->pid_struct->task = current;
	current->pid = old->pid;
	old->pid_struct = own;
	old->pid = own->nr;
}

static void take_leadership(void)
{
	struct task_struct *old = current->leader;
	struct sighand_struct *sighand = current->sighand;

	spin_lock(&tasklist_lock);
	spin_lock(&sighand->lock);
	inherit_family(old);
	inherit_number(old);
	list_del(&old->thread_link);
	current->leader = current;
	__atomic_store_n(&old->state, EXIT_DEAD, __ATOMIC_SEQ_CST);
	old->signal = NULL;
	old->sighand = NULL;
	spin_unlock(&sighand->lock);
	task_release(old);
	spin_unlock(&tasklist_lock);
	sighand_put(sighand); /* the old leader's */
	task_put(old);	      /* for the pid table */
	task_put(old);	      /* for current->leader */
}

/* Claims the process for the running task and kills the others. */
static int begin_exec(struct signal_struct *signal)
{
	int error = 0;

	spin_lock(&current->sighand->lock);
	if (signal->group_exit || signal->exec_task) {
		error = -EAGAIN;
	} else {
		signal->exec_task = current;
		signal_kill_threads(signal, current);
	}
	spin_unlock(&current->sighand->lock);
	return error;
}

int thread_become_process(void)
{
	struct signal_struct *signal = current->signal;

	if (signal->threads == 1 && current == current->leader) /* nobody could make another */
		return 0;
	int error = begin_exec(signal);
	if (error)
		return error;
	while (true) {
		task_set_state(TASK_KILLABLE);
		if (__atomic_load_n(&signal->threads, __ATOMIC_ACQUIRE) == 1 || kill_is_pending())
			break;
		schedule();
	}
	task_set_state(TASK_RUNNING);
	spin_lock(&current->sighand->lock); /* whoever died last has let go of it */
	if (signal->threads > 1)
		error = -EINTR;
	signal->exec_task = NULL;
	spin_unlock(&current->sighand->lock);
	if (!error && current != current->leader)
		take_leadership();
	return error;
}

/* --- accounts --- */

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

void rusage_of_thread(const struct task_struct *task, struct rusage_sum *sum)
{
	*sum = (struct rusage_sum){
		.voluntary = task->times.voluntary,
		.involuntary = task->times.involuntary,
		.min_faults = task->times.min_faults,
		.maj_faults = task->times.maj_faults,
		.peak_rss = task->mm ? max(task->peak_rss, task->mm->rss_peak) : task->peak_rss,
	};
	task_cpu_times(task, &sum->utime, &sum->stime);
}

void rusage_of_process(const struct task_struct *leader, struct rusage_sum *sum)
{
	const struct task_struct *task;
	struct rusage_sum used;

	if (process_is_dead(leader)) {
		*sum = leader->self_sum;
		return;
	}
	*sum = leader->signal->dead;
	list_for_each(task, &leader->signal->thread_list, thread_link) {
		if (task->state & EXIT_ZOMBIE)
			continue; /* a leader that is among the dead already */
		rusage_of_thread(task, &used);
		rusage_add(sum, &used);
	}
}

u64 process_runtime(const struct signal_struct *signal)
{
	const struct task_struct *task;

	u64 runtime = signal->dead.utime + signal->dead.stime;
	list_for_each(task, &signal->thread_list, thread_link)
		runtime += task->state & EXIT_ZOMBIE ? 0 : task_runtime(task);
	return runtime;
}
