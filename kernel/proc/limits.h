/* Resource limits, and the count of processes per user that RLIMIT_NPROC needs (getrlimit(2)). */
#ifndef MITOS_PROC_LIMITS_H
#define MITOS_PROC_LIMITS_H

#include "sched/task.h"

const struct rlimit64 *limits_initial(void); /* RLIM_NLIMITS: what init starts with */

/* Counts a new process of its uid: 0, -EAGAIN beyond limit processes (root is exempt), -ENOMEM. */
int limits_charge_process(struct task_struct *task, u64 limit);
void limits_uncharge_process(struct task_struct *task);
/* Counts a queued signal of the receiver's user: false beyond its RLIMIT_SIGPENDING, if that is not
 * to be passed over (always). */
bool limits_charge_signal(const struct task_struct *task, bool always);
void limits_uncharge_signal(uid_t uid);
u64 limits_signals_queued(uid_t uid); /* for /proc: how many there are */

/* prlimit(2) on a process, resource < RLIM_NLIMITS: either pointer may be NULL. 0, -EINVAL, -EPERM.
 * The caller keeps the process from dying meanwhile (itself, or tasklist_lock). */
int limits_change(struct task_struct *task, unsigned resource, const struct rlimit64 *new,
		  struct rlimit64 *old);

/* The running task used more of its CPU: acts on RLIMIT_CPU. Interrupt context. */
void limits_tick(void);

#endif
