/*
 * Signals that one process sends to others: kill(2), tkill(2), tgkill(2) and sigqueue(3), with the
 * permission they need.
 */
#ifndef MITOS_PROC_KILL_H
#define MITOS_PROC_KILL_H

#include "proc/signal.h"

/* kill(2): pid > 0, 0, -1 or a negative group; sig 0 only checks. 0, -EINVAL, -ESRCH, -EPERM. */
int signal_kill(pid_t pid, int sig);
/* tkill, tgkill: tgid 0 for any. */
int signal_kill_thread(pid_t tgid, pid_t tid, int sig);
/* sigqueue(3): to a process, with the sender's information. -EINVAL -ESRCH -EPERM -EAGAIN. */
int signal_queue(pid_t tgid, int sig, const struct siginfo *info);
/* The same to one thread of it. */
int signal_queue_thread(pid_t tgid, pid_t tid, int sig, const struct siginfo *info);

/* pidfd_send_signal(2): to the process that pid refers to; info NULL as kill(2) sends it. -EINVAL
 * -ESRCH -EPERM -EAGAIN. */
int signal_kill_process(struct pid *pid, int sig, const struct siginfo *info);

#endif
