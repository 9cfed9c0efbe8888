/* Fast user-space mutexes: sleeping until a word of user memory has changed (futex(2)). */
#ifndef MITOS_PROC_FUTEX_H
#define MITOS_PROC_FUTEX_H

#include "lib/types.h"

void futex_module_init(void);

/*
 * Sleeps while *addr is value, until a waker whose bits meet ours, or the deadline (monotonic ns).
 * 0 when woken; -EAGAIN (it is another value), -ETIMEDOUT, -ERESTARTSYS, -EFAULT, -EINVAL (not
 * aligned).
 */
s64 futex_wait(u32 __user *addr, bool shared, u32 value, u32 bits, u64 deadline);
/* Wakes at most count waiters whose bits meet ours: how many, -EFAULT, -EINVAL. */
s64 futex_wake(u32 __user *addr, bool shared, u32 count, u32 bits);

#endif
