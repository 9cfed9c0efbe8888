/* What happens when a page fault finds no memory and cannot tell anybody. */
#ifndef MITOS_PROC_OOM_H
#define MITOS_PROC_OOM_H

#include "sched/task.h"

/*
 * Makes memory: sends SIGKILL to the process that holds most of it (proc(5), oom_score), never to
 * pid 1 and never to one at OOM_SCORE_ADJ_MIN, and lets it die. Returns when the fault may be tried
 * again, or when the running task itself is the one to die.
 */
void oom_kill(void);

/* proc(5): 0 for a process that is never chosen, 667 for one that holds nothing, 1,333 for one that
 * holds all memory; shifted by its oom_score_adj, at most 2,000. */
u64 oom_score(const struct task_struct *task);

int oom_score_adj(const struct task_struct *task); /* 0 for a zombie */
/*
 * For the whole process, and those that share its address space. legacy: written to oom_adj, whose
 * scale the caller has changed. Without CAP_SYS_RESOURCE a process may not be made less likely to
 * be chosen than somebody with that capability last made it. 0, -EACCES, or -ESRCH (it is dead).
 */
int oom_set_score_adj(struct task_struct *task, int adj, bool legacy);

/* /proc/sys/vm (Documentation/admin-guide/sysctl/vm.rst): words, by name. */
extern int oom_panic; /* 1 or 2: panic instead of killing */
extern int oom_kill_allocating_task, oom_dump_tasks;
extern u64 oom_kills; /* processes killed so far, for /proc/vmstat */

#endif
