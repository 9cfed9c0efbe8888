/* What several system calls copy from user memory: path names, times. */
#ifndef MITOS_SYSCALL_USER_H
#define MITOS_SYSCALL_USER_H

#include <linux/time_types.h>
#include "mm/uio.h"
#include "mm/usercopy.h"

/* A path name, for kfree(): ERR_PTR(-EFAULT, -ENAMETOOLONG, -ENOMEM). */
char *path_from_user(const char __user *path);
/* The same for names that may be longer or shorter than paths; size bytes with the terminator. */
char *string_from_user(const char __user *string, size_t size);

/* Checks a vector of user buffers that was copied in and makes a cursor over it, which lasts as
 * long as the vector. 0, -EINVAL, -EFAULT. */
int vector_check(struct uio *uio, const struct iovec *iov, u64 count);

/* A duration or point of time in ns; later than the clock can count is CLOCK_NEVER. 0, -EFAULT,
 * -EINVAL. */
int timespec_from_user(u64 *ns, const struct __kernel_timespec __user *time);
struct __kernel_timespec timespec_of(u64 ns);
int timespec_to_user(struct __kernel_timespec __user *time, u64 ns);

/* The monotonic time that is ns from now: CLOCK_NEVER if it would not fit, 0 (long past) for 0. */
u64 deadline_after(u64 ns);

#endif
