/* Resource limits, and the count of processes per user that RLIMIT_NPROC needs (getrlimit(2)). */
#ifndef MITOS_PROC_LIMITS_H
#define MITOS_PROC_LIMITS_H

#include "sched/task.h"

const struct rlimit64 *limits_initial(void); /* RLIM_NLIMITS: what init starts with */

void limits_module_init(void);

/* What is counted for a uid, while a credential has it as its real one. */
struct user *user_get(uid_t uid); /* with a reference; NULL: no memory */
void user_put(struct user *user);
u64 user_processes(const struct user *user); /* alive or zombie */

/* Counts a new process of cred's user: 0, or -EAGAIN beyond limit processes, unless the user is
 * root or the running task has CAP_SYS_RESOURCE or CAP_SYS_ADMIN (getrlimit(2)). */
int limits_charge_process(const struct cred *cred, u64 limit);
void limits_uncharge_process(const struct cred *cred);
/* A process changes users; no limit holds. */
void limits_move_process(const struct cred *from, const struct cred *to);
/* Counts a queued signal of the receiver's user: false beyond its RLIMIT_SIGPENDING, if that is not
 * to be passed over (always). */
bool limits_charge_signal(const struct task_struct *task, bool always);
void limits_uncharge_signal(uid_t uid);
u64 limits_signals_queued(uid_t uid); /* for /proc: how many there are */

/* For the audit: what is counted for each user. */
struct user_counts {
	uid_t uid;
	u64 refs, processes, signals;
};
void limits_for_each_user(void (*fn)(const struct user_counts *counts, void *arg), void *arg);

/* prlimit(2) on a process, resource < RLIM_NLIMITS: either pointer may be NULL. 0, -EINVAL, -EPERM.
 * The caller keeps the process from dying meanwhile (itself, or tasklist_lock). */
int limits_change(struct task_struct *task, unsigned resource, const struct rlimit64 *new,
		  struct rlimit64 *old);

/* The running task used more of its CPU: acts on RLIMIT_CPU. Interrupt context. */
void limits_tick(void);

#endif
