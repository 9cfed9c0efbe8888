/*
 * Thread groups: the tasks that make up one process. They share a signal_struct, which lists them;
 * the first is the leader, whose number is the process's. Family, group and session are the
 * leader's. A leader that exits before the others stays a zombie, its signal_struct in place, until
 * the last of them is dead: only then is the process (clone(2), CLONE_THREAD).
 */
#ifndef MITOS_PROC_THREAD_H
#define MITOS_PROC_THREAD_H

#include "proc/pid.h"
#include "proc/signal.h"

/* tasklist_lock held. */
static inline bool process_is_dead(const struct task_struct *leader)
{
	return !leader->signal;
}

/* All its threads sleep in TASK_STOPPED; tasklist_lock held. */
static inline bool process_is_stopped(const struct task_struct *leader)
{
	return leader->signal && leader->signal->stop_by && !leader->signal->unstopped;
}

/* The memory that a process's threads use; NULL once all have left it. tasklist_lock held. */
struct mm_struct *process_mm(const struct task_struct *leader);
/* The thread that follows task (NULL: the first) in its group; NULL at the end. tasklist_lock or
 * sighand->lock held. */
struct task_struct *thread_next(const struct signal_struct *signal, const struct task_struct *task);

/*
 * Makes child, whose leader is the running task's, one of its process. 0; -ERESTARTNOINTR if a
 * signal came first, which may mean that the process dies. tasklist_lock held.
 */
int thread_join_group(struct task_struct *child);
/*
 * Takes the running task, which died, out of its group; tasklist_lock held. True if the process is
 * dead by it. The leader stays as a zombie; another thread is gone and must be released.
 */
bool thread_leave_group(void);
/*
 * For execve: every other thread of the process dies, and the running one takes the leader's place
 * and number. 0; -EAGAIN: another thread is at it, or the process exits; -EINTR: it is being
 * killed.
 */
int thread_become_process(void);

/* What the task alone used; tasklist_lock held, as for the rest. */
void rusage_of_thread(const struct task_struct *task, struct rusage_sum *sum);
/* What a process has used so far, or in all. */
void rusage_of_process(const struct task_struct *leader, struct rusage_sum *sum);
/* Adds what a zombie used to its parent's account of children, or a thread to its process's. */
void rusage_add(struct rusage_sum *to, const struct rusage_sum *from);
/* ns on CPUs until now, of all threads; tasklist_lock or sighand->lock held */
u64 process_runtime(const struct signal_struct *signal);

#endif
