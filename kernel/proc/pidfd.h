/*
 * pidfd: a descriptor that refers to a process, and goes on referring to that one and no other when
 * its number is given to somebody else (pidfd_open(2)).
 */
#ifndef MITOS_PROC_PIDFD_H
#define MITOS_PROC_PIDFD_H

#include "proc/pid.h"

struct file;

/* An open file for pid, which it keeps a reference on; flags 0 or O_NONBLOCK (waitid(2) then says
 * EAGAIN instead of sleeping). ERR_PTR(-ENFILE, -ENOMEM). */
struct file *pidfd_file(struct pid *pid, u32 flags);
/* pidfd_open(2): a close-on-exec descriptor for the process with this number. -EINVAL (no leader of
 * a thread group), -ESRCH, -EMFILE, -ENFILE, -ENOMEM. */
int pidfd_open(pid_t nr, u32 flags);
/* What a pidfd refers to, with a reference: NULL if the file is no pidfd. */
struct pid *pidfd_pid_get(const struct file *file);

#endif
