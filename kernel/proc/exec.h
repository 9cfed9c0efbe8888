/* execve(2): the running process becomes another program. */
#ifndef MITOS_PROC_EXEC_H
#define MITOS_PROC_EXEC_H

#include "proc/pid.h"
#include "x86/trapframe.h"

/* Where argument strings come from: user arrays of user pointers, or kernel ones for the first
 * program. */
struct exec_strings {
	const char __user *const __user *user;
	const char *const *kernel; /* used when user is NULL; NULL-terminated */
};

/*
 * Runs the program at path (a kernel string; dirfd, flags as execveat's) in place of the running
 * one, and sets tf to its entry. On failure nothing has changed: -ENOENT -EACCES -ENOEXEC -E2BIG
 * -ENOMEM -ELOOP -ENAMETOOLONG -EFAULT -EISDIR -ENOTDIR -EINVAL
 * -EAGAIN (the user has too many processes since a change of uid) ...
 */
int task_execve(struct trapframe *tf, int dirfd, const char *path, int flags,
		const struct exec_strings *argv, const struct exec_strings *envp);

#endif
