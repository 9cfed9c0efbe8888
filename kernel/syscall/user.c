/* Copying path names and times between user memory and the kernel's forms of them. */
#include <linux/errno.h>
#include "fs/path.h"
#include "mm/slab.h"
#include "syscall/user.h"
#include "x86/clock.h"

char *string_from_user(const char __user *string, size_t size)
{
	char *copy = kmalloc(size);

	if (!copy)
		return ERR_PTR(-ENOMEM);
	ssize_t length = strncpy_from_user(copy, string, size);
	if (length < 0) {
		kfree(copy);
		return ERR_PTR(length);
	}
	return copy;
}

char *path_from_user(const char __user *path)
{
	return string_from_user(path, PATH_LIMIT);
}

int timespec_from_user(u64 *ns, const struct __kernel_timespec __user *time)
{
	struct __kernel_timespec copy;

	if (copy_from_user(&copy, time, sizeof(copy)))
		return -EFAULT;
	if (copy.tv_sec < 0 || (u64)copy.tv_nsec >= NSEC_PER_SEC)
		return -EINVAL;
	if (__builtin_mul_overflow((u64)copy.tv_sec, NSEC_PER_SEC, ns) ||
	    __builtin_add_overflow(*ns, (u64)copy.tv_nsec, ns))
		*ns = CLOCK_NEVER;
	return 0;
}

struct __kernel_timespec timespec_of(u64 ns)
{
	return (struct __kernel_timespec){ .tv_sec = (s64)(ns / NSEC_PER_SEC),
					   .tv_nsec = (s64)(ns % NSEC_PER_SEC) };
}

int timespec_to_user(struct __kernel_timespec __user *time, u64 ns)
{
	struct __kernel_timespec copy = timespec_of(ns);

	return copy_to_user(time, &copy, sizeof(copy));
}

u64 deadline_after(u64 ns)
{
	u64 deadline;

	if (ns == 0)
		return 0;
	return __builtin_add_overflow(clock_monotonic(), ns, &deadline) ? CLOCK_NEVER : deadline;
}
