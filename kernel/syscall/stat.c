/*
 * The calls that show and change what an inode knows of itself: stat and its kin, access, chmod,
 * chown, utimes, statfs. Most come in three forms, by name, by name relative to a directory, and by
 * descriptor, which all end in one function on a dentry.
 */
#include <asm/stat.h>
#include <asm/statfs.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/stat.h>
#include <linux/time.h>
#include <linux/utime.h>
#include "fs/file.h"
#include "fs/mount.h"
#include "fs/path.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "proc/cred.h"
#include "sched/task.h"
#include "syscall/file.h"
#include "syscall/user.h"

#define UTIME_NOW ((1l << 30) - 1l) /* utimensat(2); the UAPI headers lack them */
#define UTIME_OMIT ((1l << 30) - 2l)

/* What path means to the calls that take AT_* flags: referenced, or ERR_PTR. */
static struct dentry *lookup_user(int dirfd, const char __user *path, int flags)
{
	u32 lookup = (flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) |
		     (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
	char *name = path_from_user(path);

	if (IS_ERR(name))
		return ERR_PTR(PTR_ERR(name));
	struct dentry *dentry = path_lookup(dirfd, name, lookup);
	kfree(name);
	return dentry;
}

/* What a descriptor leads to, for the calls that take O_PATH ones too (raw) or not. */
static struct dentry *dentry_of_fd(int fd, bool raw)
{
	struct file *file = raw ? fd_get_raw(fd) : fd_get(fd);

	if (!file)
		return ERR_PTR(-EBADF);
	struct dentry *dentry = dentry_get(file->dentry);
	file_put(file);
	return dentry;
}

/* Splits ns since 1970, which may be before it, into seconds and a rest that counts forwards. */
static s64 seconds_of(s64 ns, u64 *rest)
{
	s64 seconds = ns / (s64)NSEC_PER_SEC, left = ns % (s64)NSEC_PER_SEC;

	if (left < 0) {
		seconds--;
		left += NSEC_PER_SEC;
	}
	*rest = left;
	return seconds;
}

static u64 blocks_of(const struct inode *inode)
{
	return S_ISREG(inode->mode) ? inode->pages.pages * (PAGE_SIZE / 512) : 0;
}

static void refresh(struct inode *inode)
{
	if (inode->ops->refresh)
		inode->ops->refresh(inode);
}

static int stat_to_user(struct inode *inode, struct stat __user *buf)
{
	struct stat stat;

	refresh(inode);
	memset(&stat, 0, sizeof(stat));
	stat.st_dev = inode->fs->dev;
	stat.st_ino = inode->ino;
	stat.st_nlink = inode->nlink;
	stat.st_mode = inode->mode;
	stat.st_uid = inode->uid;
	stat.st_gid = inode->gid;
	stat.st_rdev = inode->rdev;
	stat.st_size = inode->size;
	stat.st_blksize = PAGE_SIZE;
	stat.st_blocks = blocks_of(inode);
	stat.st_atime = seconds_of(inode->atime, &stat.st_atime_nsec);
	stat.st_mtime = seconds_of(inode->mtime, &stat.st_mtime_nsec);
	stat.st_ctime = seconds_of(inode->ctime, &stat.st_ctime_nsec);
	return copy_to_user(buf, &stat, sizeof(stat));
}

/* Consumes the reference. */
static s64 stat_dentry(struct dentry *dentry, struct stat __user *buf)
{
	if (IS_ERR(dentry))
		return PTR_ERR(dentry);
	int error = stat_to_user(dentry->inode, buf);
	dentry_put(dentry);
	return error;
}

s64 sys_newfstatat(int dirfd, const char __user *path, struct stat __user *buf, int flags)
{
	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT))
		return -EINVAL;
	return stat_dentry(lookup_user(dirfd, path, flags), buf);
}

s64 sys_stat(const char __user *path, struct stat __user *buf)
{
	return sys_newfstatat(AT_FDCWD, path, buf, 0);
}

s64 sys_lstat(const char __user *path, struct stat __user *buf)
{
	return sys_newfstatat(AT_FDCWD, path, buf, AT_SYMLINK_NOFOLLOW);
}

s64 sys_fstat(int fd, struct stat __user *buf)
{
	return stat_dentry(dentry_of_fd(fd, true), buf);
}

static struct statx_timestamp statx_time(s64 ns)
{
	u64 rest;
	s64 seconds = seconds_of(ns, &rest);

	return (struct statx_timestamp){ .tv_sec = seconds, .tv_nsec = rest };
}

static int statx_to_user(struct inode *inode, struct statx __user *buf)
{
	dev_t dev = inode->fs->dev;

	refresh(inode);
	struct statx stat = {
		.stx_mask = STATX_BASIC_STATS,
		.stx_blksize = PAGE_SIZE,
		.stx_nlink = inode->nlink,
		.stx_uid = inode->uid,
		.stx_gid = inode->gid,
		.stx_mode = inode->mode,
		.stx_ino = inode->ino,
		.stx_size = inode->size,
		.stx_blocks = blocks_of(inode),
		.stx_atime = statx_time(inode->atime),
		.stx_mtime = statx_time(inode->mtime),
		.stx_ctime = statx_time(inode->ctime),
		.stx_rdev_major = dev_major(inode->rdev),
		.stx_rdev_minor = dev_minor(inode->rdev),
		.stx_dev_major = dev_major(dev),
		.stx_dev_minor = dev_minor(dev),
	};
	return copy_to_user(buf, &stat, sizeof(stat));
}

s64 sys_statx(int dirfd, const char __user *path, unsigned flags, unsigned mask,
	      struct statx __user *buf)
{
	if ((flags &
	     ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_SYNC_TYPE)) ||
	    (flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE || (mask & STATX__RESERVED))
		return -EINVAL;
	struct dentry *dentry = lookup_user(dirfd, path, flags);
	if (IS_ERR(dentry))
		return PTR_ERR(dentry);
	int error = statx_to_user(dentry->inode, buf);
	dentry_put(dentry);
	return error;
}

static s64 statfs_dentry(struct dentry *dentry, struct statfs __user *buf)
{
	struct statfs statfs;

	if (IS_ERR(dentry))
		return PTR_ERR(dentry);
	filesystem_statfs(dentry->inode->fs, &statfs);
	dentry_put(dentry);
	return copy_to_user(buf, &statfs, sizeof(statfs));
}

s64 sys_statfs(const char __user *path, struct statfs __user *buf)
{
	return statfs_dentry(lookup_user(AT_FDCWD, path, 0), buf);
}

s64 sys_fstatfs(int fd, struct statfs __user *buf)
{
	return statfs_dentry(dentry_of_fd(fd, true), buf);
}

/* The walk and the check are done as the real user, which access(2) is about. */
s64 sys_faccessat2(int dirfd, const char __user *path, int mode, int flags)
{
	if ((mode & ~(MAY_READ | MAY_WRITE | MAY_EXEC)) ||
	    (flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)))
		return -EINVAL;
	const struct cred *cred = flags & AT_EACCESS ? NULL : cred_for_access();
	if (IS_ERR(cred))
		return PTR_ERR(cred);
	if (cred)
		cred_override(cred);
	struct dentry *dentry = lookup_user(dirfd, path, flags & ~AT_EACCESS);
	s64 result;
	if (IS_ERR(dentry)) {
		result = PTR_ERR(dentry);
	} else {
		result = inode_permission(dentry->inode, mode);
		dentry_put(dentry);
	}
	cred_revert();
	cred_put(cred);
	return result;
}

s64 sys_faccessat(int dirfd, const char __user *path, int mode)
{
	return sys_faccessat2(dirfd, path, mode, 0);
}

s64 sys_access(const char __user *path, int mode)
{
	return sys_faccessat2(AT_FDCWD, path, mode, 0);
}

/* Consumes the reference, as the two below. */
static s64 chmod_dentry(struct dentry *dentry, mode_t mode)
{
	if (IS_ERR(dentry))
		return PTR_ERR(dentry);
	int error = inode_chmod(dentry->inode, mode);
	dentry_put(dentry);
	return error;
}

s64 sys_fchmodat(int dirfd, const char __user *path, mode_t mode)
{
	return chmod_dentry(lookup_user(dirfd, path, 0), mode);
}

s64 sys_chmod(const char __user *path, mode_t mode)
{
	return sys_fchmodat(AT_FDCWD, path, mode);
}

s64 sys_fchmod(int fd, mode_t mode)
{
	return chmod_dentry(dentry_of_fd(fd, false), mode);
}

static s64 chown_dentry(struct dentry *dentry, uid_t uid, gid_t gid)
{
	if (IS_ERR(dentry))
		return PTR_ERR(dentry);
	int error = inode_chown(dentry->inode, uid, gid);
	dentry_put(dentry);
	return error;
}

s64 sys_fchownat(int dirfd, const char __user *path, uid_t uid, gid_t gid, int flags)
{
	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	return chown_dentry(lookup_user(dirfd, path, flags), uid, gid);
}

s64 sys_chown(const char __user *path, uid_t uid, gid_t gid)
{
	return sys_fchownat(AT_FDCWD, path, uid, gid, 0);
}

s64 sys_lchown(const char __user *path, uid_t uid, gid_t gid)
{
	return sys_fchownat(AT_FDCWD, path, uid, gid, AT_SYMLINK_NOFOLLOW);
}

s64 sys_fchown(int fd, uid_t uid, gid_t gid)
{
	return chown_dentry(dentry_of_fd(fd, false), uid, gid);
}

/* Setting the times to now is for whoever may write; to anything else, for the owner. */
static s64 set_times(struct dentry *dentry, const struct __kernel_timespec times[2])
{
	s64 now = clock_realtime(), ns[2];
	bool both_now = times[0].tv_nsec == UTIME_NOW && times[1].tv_nsec == UTIME_NOW;
	int error;

	if (IS_ERR(dentry))
		return PTR_ERR(dentry);
	for (int i = 0; i < 2; i++) {
		if (times[i].tv_nsec == UTIME_NOW)
			ns[i] = now;
		else if (times[i].tv_nsec == UTIME_OMIT)
			ns[i] = INODE_TIME_OMIT;
		else if (__builtin_mul_overflow(times[i].tv_sec, (s64)NSEC_PER_SEC, &ns[i]) ||
			 __builtin_add_overflow(ns[i], times[i].tv_nsec, &ns[i]))
			/* the clock's first or last moment */
			ns[i] = times[i].tv_sec < 0 ? -INT64_MAX : INT64_MAX;
	}
	error = inode_owner_check(dentry->inode);
	if (error && both_now)
		error = inode_permission(dentry->inode, MAY_WRITE);
	if (!error)
		error = inode_set_times(dentry->inode, ns[0], ns[1]);
	dentry_put(dentry);
	return error;
}

static bool time_ok(const struct __kernel_timespec *time)
{
	return (u64)time->tv_nsec < NSEC_PER_SEC || time->tv_nsec == UTIME_NOW ||
	       time->tv_nsec == UTIME_OMIT;
}

s64 sys_utimensat(int dirfd, const char __user *path,
		  const struct __kernel_timespec __user *user_times, int flags)
{
	struct __kernel_timespec times[2] = { { 0, UTIME_NOW }, { 0, UTIME_NOW } };

	if (user_times && copy_from_user(times, user_times, sizeof(times)))
		return -EFAULT;
	if (times[0].tv_nsec == UTIME_OMIT && times[1].tv_nsec == UTIME_OMIT)
		return 0;
	if (!time_ok(&times[0]) || !time_ok(&times[1]))
		return -EINVAL;
	if (!path && dirfd != AT_FDCWD)
		return flags ? -EINVAL : set_times(dentry_of_fd(dirfd, false), times);
	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	return set_times(lookup_user(dirfd, path, flags), times);
}

s64 sys_futimesat(int dirfd, const char __user *path, const struct timeval __user *user_times)
{
	struct __kernel_timespec times[2] = { { 0, UTIME_NOW }, { 0, UTIME_NOW } };
	struct timeval copy[2];

	if (user_times) {
		if (copy_from_user(copy, user_times, sizeof(copy)))
			return -EFAULT;
		for (int i = 0; i < 2; i++) {
			if ((u64)copy[i].tv_usec >= 1000000)
				return -EINVAL;
			times[i] = (struct __kernel_timespec){ copy[i].tv_sec,
							       copy[i].tv_usec * NSEC_PER_USEC };
		}
	}
	if (!path && dirfd != AT_FDCWD)
		return set_times(dentry_of_fd(dirfd, false), times);
	return set_times(lookup_user(dirfd, path, 0), times);
}

s64 sys_utimes(const char __user *path, const struct timeval __user *times)
{
	return sys_futimesat(AT_FDCWD, path, times);
}

s64 sys_utime(const char __user *path, const struct utimbuf __user *user_times)
{
	struct __kernel_timespec times[2] = { { 0, UTIME_NOW }, { 0, UTIME_NOW } };
	struct utimbuf copy;

	if (user_times) {
		if (copy_from_user(&copy, user_times, sizeof(copy)))
			return -EFAULT;
		times[0] = (struct __kernel_timespec){ copy.actime, 0 };
		times[1] = (struct __kernel_timespec){ copy.modtime, 0 };
	}
	return set_times(lookup_user(AT_FDCWD, path, 0), times);
}
