/* Process groups and sessions: setpgid(2), setsid(2) and their questions. */
#ifndef MITOS_PROC_GROUP_H
#define MITOS_PROC_GROUP_H

#include "proc/pid.h"

/*
 * POSIX: a group whose members have no parent in another group of the session is orphaned: nobody
 * can continue it. ignored, if given, is a member that does not count. tasklist_lock held.
 */
bool group_is_orphaned(struct pid *pgrp, const struct task_struct *ignored);
/* The running task's group is: a terminal's stop signal would stop it for ever. */
bool group_of_current_is_orphaned(void);
/*
 * After a death: if it orphaned a group with a stopped member, the group gets SIGHUP and
 * SIGCONT. task is the dying one (dead_parent NULL), or a child that just lost dead_parent.
 * tasklist_lock held.
 */
void group_check_orphaned(struct task_struct *task, struct task_struct *dead_parent);

/* pid 0: the caller; pgid 0: the same as pid. 0, -EINVAL -EPERM -EACCES -ESRCH. */
int group_set(pid_t pid, pid_t pgid);
pid_t group_get(pid_t pid);   /* -ESRCH */
pid_t session_get(pid_t pid); /* -ESRCH */
pid_t session_create(void);   /* the new session's id, or -EPERM for a group leader */

#endif
