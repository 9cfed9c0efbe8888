/*
 * The receiver's side: signals are acted on by the task itself, on its way back to user mode or
 * where it waits for them.
 */
#ifndef MITOS_PROC_SIGDELIVER_H
#define MITOS_PROC_SIGDELIVER_H

#include "proc/signal.h"

/* Acts on what is pending, on the way to user mode. May not return. */
void signal_deliver(struct trapframe *tf);

/* Takes a signal of set out of what is pending, sleeping for one until deadline (monotonic ns): its
 * number, -EAGAIN when the time is over, -EINTR (sigwaitinfo(2)). The set should be blocked. */
int signal_wait(u64 set, u64 deadline, struct siginfo *info);

#endif
