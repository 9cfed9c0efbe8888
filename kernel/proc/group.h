/* Process groups and sessions: setpgid(2), setsid(2) and their questions. */
#ifndef MITOS_PROC_GROUP_H
#define MITOS_PROC_GROUP_H

#include "proc/pid.h"

/* pid 0: the caller; pgid 0: the same as pid. 0, -EINVAL -EPERM -EACCES -ESRCH. */
int group_set(pid_t pid, pid_t pgid);
pid_t group_get(pid_t pid);   /* -ESRCH */
pid_t session_get(pid_t pid); /* -ESRCH */
pid_t session_create(void);   /* the new session's id, or -EPERM for a group leader */

#endif
