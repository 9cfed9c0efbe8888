/*
 * The calls that make, copy and close descriptors, and what can be asked of one: fcntl, flock,
 * ioctl. A descriptor is reserved before its file is opened, so that EMFILE comes before anything
 * has been created.
 */
#include <asm/ioctls.h>
#include <linux/close_range.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/memfd.h>
#include <linux/resource.h>
#include "fs/file.h"
#include "fs/memfd.h"
#include "fs/path.h"
#include "fs/pipe.h"
#include "mm/slab.h"
#include "mm/usercopy.h"
#include "proc/pid.h"
#include "sched/task.h"
#include "syscall/file.h"
#include "syscall/user.h"

static s64 open_name(int dirfd, const char *name, int flags, mode_t mode)
{
	int fd = fd_reserve(0, flags & O_CLOEXEC);

	if (fd < 0)
		return fd;
	mode = flags & O_CREAT ? mode & 07777 & ~current->fs->umask : 0;
	return fd_settle(fd, file_open(dirfd, name, flags | O_LARGEFILE, mode));
}

s64 sys_openat(int dirfd, const char __user *path, int flags, mode_t mode)
{
	char *name = path_from_user(path);

	if (IS_ERR(name))
		return PTR_ERR(name);
	s64 result = open_name(dirfd, name, flags, mode);
	kfree(name);
	return result;
}

s64 sys_open(const char __user *path, int flags, mode_t mode)
{
	return sys_openat(AT_FDCWD, path, flags, mode);
}

s64 sys_creat(const char __user *path, mode_t mode)
{
	return sys_openat(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

s64 sys_close(int fd)
{
	return fd_close(fd);
}

/* Gives the running task a table of its own. */
static int unshare_files(void)
{
	struct files_struct *old = current->files;

	if (!files_shared(old))
		return 0;
	struct files_struct *files = files_copy(old);
	if (!files)
		return -ENOMEM;
	spin_lock(&tasklist_lock); /* under which /proc looks at it */
	current->files = files;
	spin_unlock(&tasklist_lock);
	files_put(old);
	return 0;
}

s64 sys_close_range(unsigned first, unsigned last, unsigned flags)
{
	if ((flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)) || first > last)
		return -EINVAL;
	int error = flags & CLOSE_RANGE_UNSHARE ? unshare_files() : 0;
	if (!error)
		fd_close_range(first, last, flags & CLOSE_RANGE_CLOEXEC);
	return error;
}

/* Another descriptor, from `from` on, for the same file. */
static s64 duplicate(struct file *file, u32 from, bool close_on_exec)
{
	int fd = fd_reserve(from, close_on_exec);

	if (fd >= 0)
		fd_publish(fd, file_get(file));
	return fd;
}

s64 sys_dup(int fd)
{
	struct file *file = fd_get_raw(fd);

	if (!file)
		return -EBADF;
	s64 result = duplicate(file, 0, false);
	file_put(file);
	return result;
}

static s64 replace(int old_fd, int new_fd, bool close_on_exec)
{
	struct file *file = fd_get_raw(old_fd);

	if (!file)
		return -EBADF;
	s64 result = fd_replace(new_fd, file, close_on_exec);
	file_put(file);
	return result;
}

s64 sys_dup2(int old_fd, int new_fd)
{
	if (old_fd == new_fd)
		return fd_get_cloexec(old_fd) < 0 ? -EBADF : new_fd;
	return replace(old_fd, new_fd, false);
}

s64 sys_dup3(int old_fd, int new_fd, int flags)
{
	if ((flags & ~O_CLOEXEC) || old_fd == new_fd)
		return -EINVAL;
	return replace(old_fd, new_fd, flags & O_CLOEXEC);
}

#define SETFL_MASK (O_APPEND | O_NONBLOCK | O_NOATIME | O_DIRECT)

static s64 set_flags(struct file *file, u32 flags)
{
	if ((flags & ~file->flags & O_NOATIME) && inode_owner_check(file->inode))
		return -EPERM;
	u32 old = __atomic_load_n(&file->flags, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&file->flags, &old,
					    (old & ~SETFL_MASK) | (flags & SETFL_MASK), true,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
	return 0;
}

static s64 lock_command(int fd, struct file *file, unsigned command, struct flock __user *user_lock)
{
	struct flock lock;

	if (copy_from_user(&lock, user_lock, sizeof(lock)))
		return -EFAULT;
	if (command != F_GETLK)
		return file_lock_set(fd, file, &lock, command == F_SETLKW);
	int error = file_lock_test(file, &lock);
	return error ? error : copy_to_user(user_lock, &lock, sizeof(lock));
}

/* What works on any descriptor, O_PATH ones included; -ENOSYS: not one of these. */
static s64 fcntl_descriptor(int fd, struct file *file, unsigned command, u64 argument)
{
	switch (command) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		if (argument >= task_rlimit(RLIMIT_NOFILE))
			return -EINVAL;
		return duplicate(file, argument, command == F_DUPFD_CLOEXEC);
	case F_GETFD:
		return fd_get_cloexec(fd);
	case F_SETFD:
		return fd_set_cloexec(fd, argument & FD_CLOEXEC);
	case F_GETFL:
		return file->flags;
	default:
		return -ENOSYS;
	}
}

static s64 fcntl_file(int fd, struct file *file, unsigned command, u64 argument)
{
	if (file->mode & FMODE_PATH)
		return -EBADF;
	switch (command) {
	case F_SETFL:
		return set_flags(file, argument);
	case F_GETLK:
	case F_SETLK:
	case F_SETLKW:
		return lock_command(fd, file, command, (struct flock __user *)argument);
	case F_GETPIPE_SZ:
		return pipe_get_size(file);
	case F_SETPIPE_SZ:
		return pipe_set_size(file, (unsigned)argument);
	case F_ADD_SEALS:
		return file_add_seals(file, (u32)argument);
	case F_GET_SEALS:
		return file_get_seals(file);
	default:
		return -EINVAL;
	}
}

s64 sys_fcntl(int fd, unsigned command, u64 argument)
{
	struct file *file = fd_get_raw(fd);

	if (!file)
		return -EBADF;
	s64 result = fcntl_descriptor(fd, file, command, argument);
	if (result == -ENOSYS)
		result = fcntl_file(fd, file, command, argument);
	file_put(file);
	return result;
}

s64 sys_flock(int fd, unsigned operation)
{
	struct file *file = fd_get(fd);

	if (!file)
		return -EBADF;
	s64 result = file_flock(file, operation);
	file_put(file);
	return result;
}

static s64 set_nonblocking(struct file *file, const int __user *user_on)
{
	int on;

	if (copy_from_user(&on, user_on, sizeof(on)))
		return -EFAULT;
	if (on)
		__atomic_fetch_or(&file->flags, O_NONBLOCK, __ATOMIC_RELAXED);
	else
		__atomic_fetch_and(&file->flags, ~O_NONBLOCK, __ATOMIC_RELAXED);
	return 0;
}

static s64 bytes_left(struct file *file, int __user *user_bytes)
{
	int bytes = file_size(file) - file->pos;

	return copy_to_user(user_bytes, &bytes, sizeof(bytes));
}

s64 sys_ioctl(int fd, unsigned command, u64 argument)
{
	struct file *file = fd_get(fd);
	s64 result;

	if (!file)
		return -EBADF;
	if (command == FIOCLEX || command == FIONCLEX)
		result = fd_set_cloexec(fd, command == FIOCLEX);
	else if (command == FIONBIO)
		result = set_nonblocking(file, (const int __user *)argument);
	else if (command == FIONREAD && S_ISREG(file->inode->mode))
		result = bytes_left(file, (int __user *)argument);
	else
		result = file->ops->ioctl ? file->ops->ioctl(file, command, argument) : -ENOTTY;
	file_put(file);
	return result;
}

s64 sys_memfd_create(const char __user *user_name, unsigned flags)
{
	if (flags & ~(MFD_CLOEXEC | MFD_ALLOW_SEALING))
		return -EINVAL; /* there are no huge pages */
	char *name = string_from_user(user_name, MEMFD_NAME_MAX + 1);
	if (IS_ERR(name))
		return PTR_ERR(name) == -ENAMETOOLONG ? -EINVAL : PTR_ERR(name);
	int fd = fd_reserve(0, flags & MFD_CLOEXEC);
	if (fd >= 0)
		fd = fd_settle(fd, memfd_open(name, flags & MFD_ALLOW_SEALING));
	kfree(name);
	return fd;
}

/* Gives both ends descriptors and tells the caller; on failure nothing is left of them. */
static s64 publish_pair(int __user *user_fds, struct file *files[2], bool close_on_exec)
{
	int fds[2];
	s64 error;

	fds[0] = fd_reserve(0, close_on_exec);
	if (fds[0] < 0)
		return fds[0];
	fds[1] = fd_reserve(0, close_on_exec);
	error = fds[1] < 0 ? fds[1] : copy_to_user(user_fds, fds, sizeof(fds));
	if (error) {
		fd_cancel(fds[0]);
		if (fds[1] >= 0)
			fd_cancel(fds[1]);
		return error;
	}
	fd_publish(fds[0], files[0]);
	fd_publish(fds[1], files[1]);
	return 0;
}

s64 sys_pipe2(int __user *fds, int flags)
{
	struct file *files[2];

	if (flags & ~(O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	s64 error = pipe_open_pair(files, flags);
	if (error)
		return error;
	error = publish_pair(fds, files, flags & O_CLOEXEC);
	if (error) {
		file_put(files[0]);
		file_put(files[1]);
	}
	return error;
}

s64 sys_pipe(int __user *fds)
{
	return sys_pipe2(fds, 0);
}
