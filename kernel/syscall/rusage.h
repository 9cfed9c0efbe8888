/* How a process's resource use looks to user programs. */
#ifndef MITOS_SYSCALL_RUSAGE_H
#define MITOS_SYSCALL_RUSAGE_H

#include "proc/exit.h"

int rusage_to_user(struct rusage __user *user, const struct rusage_sum *sum); /* 0 or -EFAULT */

#endif
