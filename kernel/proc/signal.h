/*
 * Signals: who may send them, where they wait, and what becomes of the receiver. A signal waits in
 * the pending set of a thread or of the process (shared by its threads) until the receiver is about
 * to return to user mode, where signal_deliver() acts on it. The process's sighand->lock guards
 * actions and pending sets; a sender finds its receiver under tasklist_lock, so that the receiver
 * cannot be reaped meanwhile.
 *
 * A signal to a process is for any of its threads: one that does not block it is woken for it. To
 * kill, stop and continue concern all of them, whichever it was sent to.
 */
#ifndef MITOS_PROC_SIGNAL_H
#define MITOS_PROC_SIGNAL_H

#include "proc/posix_timer.h"
#include "proc/pid.h"
#include "proc/sigqueue.h"
#include "x86/trapframe.h"
#include <asm/siginfo.h>
#include <asm/signal.h>

#define SIGNAL_COUNT 64
#define SIGNALS_STOP                                                                               \
	(SIGNAL_BIT(SIGSTOP) | SIGNAL_BIT(SIGTSTP) | SIGNAL_BIT(SIGTTIN) | SIGNAL_BIT(SIGTTOU))
#define SIGNALS_IGNORED_BY_DEFAULT                                                                 \
	(SIGNAL_BIT(SIGCHLD) | SIGNAL_BIT(SIGURG) | SIGNAL_BIT(SIGWINCH) | SIGNAL_BIT(SIGCONT))
#define SIGNALS_UNBLOCKABLE (SIGNAL_BIT(SIGKILL) | SIGNAL_BIT(SIGSTOP))

/* What to do for each signal; shared by CLONE_SIGHAND. */
struct sighand_struct {
	u32 refs;	      /* atomic */
	u32 audit;	      /* references that the running audit found */
	struct spinlock lock; /* guards actions here, and the pending sets and masks of its tasks */
	struct sigaction actions[SIGNAL_COUNT]; /* [sig - 1] */
};

/* What the threads of a process share beyond memory. Freed when the last of them dies; the zombie
 * needs it no more. */
struct signal_struct {
	/* Its tasks, by ->thread_link, and how many of them are not dead: a dead leader stays in
	 * the list. Changed under tasklist_lock and sighand->lock; either will do to read. */
	struct list_head thread_list;
	u32 threads;
	u32 live;		       /* those that have not begun to exit. sighand->lock */
	struct task_struct *exec_task; /* waits for all others to die (execve). sighand->lock */
	struct rusage_sum dead;	       /* of its dead threads. tasklist_lock */
	int stop_by;   /* all threads stop, or have, by that signal; 0: no. sighand->lock */
	u32 unstopped; /* threads that have yet to. sighand->lock */
	struct sigpending pending;    /* sent to the process; sighand->lock */
	struct wait_queue child_exit; /* where wait4 sleeps: children changed state */
	/* leader's task lock is not needed: words are written whole */
	struct rlimit64 rlimits[RLIM_NLIMITS];
	bool group_exit; /* all threads must go, with the code below; sighand->lock */
	int group_exit_code;
	struct list_head forks; /* under way: struct fork_signals. sighand->lock */
	bool is_subreaper;	/* adopts the orphans among its descendants; tasklist_lock */
	bool children_ask;	/* one of them has set PR_SET_PDEATHSIG. tasklist_lock */
	/* OOM_SCORE_ADJ_MIN to _MAX, and the lowest it may be set to; inherited. tasklist_lock */
	int oom_score_adj, oom_score_adj_min;
	struct itimers itimers;		   /* sighand->lock */
	struct posix_timers *posix_timers; /* NULL: never made one */
};

/* What was sent to the whole group while a thread forks: its child must not miss it, and one whose
 * fork begins later must not get it. */
struct fork_signals {
	struct list_head link;
	u64 set;
};

/* PID 1 gets only the signals it has a handler for. */
static inline bool signal_is_init(const struct task_struct *task)
{
	return task->tgid == 1;
}

void signal_module_init(void);
struct sighand_struct *sighand_new(void); /* all default; NULL: no memory */
struct sighand_struct *sighand_copy(const struct sighand_struct *from);
void sighand_put(struct sighand_struct *sighand);
struct signal_struct *signals_new(const struct rlimit64 *rlimits);
void signals_free(struct signal_struct *signal);
/*
 * Between begin and end, signals to the process's group are remembered; the child gets them in the
 * same step that links it into the group (tasklist_lock held).
 */
void signal_fork_begin(struct fork_signals *fork);
void signal_fork_inherit(struct task_struct *child, const struct fork_signals *fork);
void signal_fork_end(struct fork_signals *fork);
void signal_flush_task(struct task_struct *task); /* drops what is pending for a dying thread */
void sighand_get(struct sighand_struct *sighand);
bool sighand_shared(const struct sighand_struct *sighand); /* by CLONE_SIGHAND */
/* Handlers to default; what is ignored stays so, as execve and CLONE_CLEAR_SIGHAND have it. */
void sighand_reset(struct sighand_struct *sighand);
/* execve ends the timers of timer_create(2), and what they sent goes with them; the process has but
 * the running thread. May sleep. */
void signal_end_timers(void);

/* Makes sig pending for task alone (shared false) or for its process; tasklist_lock held. 0, or
 * -EAGAIN for a real-time signal that found no room. */
int signal_send_locked(struct task_struct *task, int sig, const struct siginfo *info, bool shared);
/*
 * Puts a timer's own entry among what is pending, or counts an overrun if it is there already;
 * sighand->lock held. False if the signal is ignored.
 */
bool signal_send_entry(struct task_struct *task, struct sigqueue *entry, bool shared);
/* What the receiver is told of a signal that the running task sends. */
struct siginfo signal_info_from_user(int sig, int code);
/* A signal to a whole group reached task: if it is forking, its child is of the group, too. */
void signal_remember_for_fork(struct task_struct *task, int sig);
/* To every process of a group, from the kernel; the second with tasklist_lock held. 0 or -ESRCH. */
int signal_group(struct pid *pgrp, int sig);
int signal_group_locked(struct pid *pgrp, int sig);
/* To a process, from the kernel with this information; tasklist_lock held. */
void signal_send_info(struct task_struct *leader, int sig, const struct siginfo *info);
void signal_send_self(int sig);
/* The running task's own fault: cannot be blocked or ignored. */
void signal_fault(int sig, int code, u64 addr);
/*
 * Makes every other thread of the running task's process die, unless that is under way: the code
 * that the running one is to exit with.
 */
int signal_begin_group_exit(int exit_code);
/* Makes every thread but `except` die; sighand->lock held. */
void signal_kill_threads(struct signal_struct *signal, const struct task_struct *except);
/* The running task will take no more signals: others may have to take what was meant for it, and a
 * stop goes on without it. True if it is the last of its process to do so: then the process exits
 * with its code, if with no other. */
bool signal_begin_exit(int exit_code);

/* Looks again whether something is pending for task; its sighand->lock held. */
void signal_recalculate(struct task_struct *task);

/* rt_sigaction, rt_sigprocmask and so on for the running task; -EINVAL. */
int signal_set_action(int sig, const struct sigaction *new, struct sigaction *old);
void signal_set_blocked(u64 mask); /* SIGKILL and SIGSTOP stay deliverable */
u64 signal_pending_set(void);
/* would a pending sig be dropped at once? lock held */
bool signal_ignored(struct task_struct *task, int sig);

/*
 * A process stops when the last of its threads does: the running one begins it by sig, unless a
 * SIGCONT or death came meanwhile, or does its part and sleeps until SIGCONT or SIGKILL.
 */
void signal_begin_stop(int sig);
void signal_stop_here(void);

#endif
