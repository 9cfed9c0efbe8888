/*
 * The system calls on files, named and typed as in their man pages; table.c calls them by number.
 * Each copies its arguments in, calls the file floor, and copies the answer out. They return 0 or
 * more, or -errno.
 */
#ifndef MITOS_SYSCALL_FILE_H
#define MITOS_SYSCALL_FILE_H

#include "lib/types.h"

struct __kernel_timespec;
struct iovec;
struct pollfd;
struct stat;
struct statfs;
struct statx;
struct timeval;
struct utimbuf;

/* io.c: bytes */
s64 sys_read(int fd, void __user *buf, size_t count);
s64 sys_write(int fd, const void __user *buf, size_t count);
s64 sys_pread64(int fd, void __user *buf, size_t count, s64 pos);
s64 sys_pwrite64(int fd, const void __user *buf, size_t count, s64 pos);
s64 sys_readv(int fd, const struct iovec __user *iov, u64 count);
s64 sys_writev(int fd, const struct iovec __user *iov, u64 count);
s64 sys_preadv(int fd, const struct iovec __user *iov, u64 count, s64 pos);
s64 sys_pwritev(int fd, const struct iovec __user *iov, u64 count, s64 pos);
s64 sys_preadv2(int fd, const struct iovec __user *iov, u64 count, s64 pos, u64 pos_high,
		int flags);
s64 sys_pwritev2(int fd, const struct iovec __user *iov, u64 count, s64 pos, u64 pos_high,
		 int flags);
s64 sys_lseek(int fd, s64 offset, int whence);
s64 sys_sendfile(int out_fd, int in_fd, s64 __user *offset, size_t count);
s64 sys_copy_file_range(int in_fd, s64 __user *in_offset, int out_fd, s64 __user *out_offset,
			size_t count, unsigned flags);
s64 sys_fsync(int fd);
s64 sys_fdatasync(int fd);
s64 sys_sync(void);
s64 sys_syncfs(int fd);
s64 sys_fallocate(int fd, int mode, s64 offset, s64 length);
s64 sys_fadvise64(int fd, s64 offset, s64 length, int advice);
s64 sys_truncate(const char __user *path, s64 length);
s64 sys_ftruncate(int fd, s64 length);

/* fd.c: descriptors */
s64 sys_open(const char __user *path, int flags, mode_t mode);
s64 sys_openat(int dirfd, const char __user *path, int flags, mode_t mode);
s64 sys_creat(const char __user *path, mode_t mode);
s64 sys_close(int fd);
s64 sys_close_range(unsigned first, unsigned last, unsigned flags);
s64 sys_dup(int fd);
s64 sys_dup2(int old_fd, int new_fd);
s64 sys_dup3(int old_fd, int new_fd, int flags);
s64 sys_fcntl(int fd, unsigned command, u64 argument);
s64 sys_flock(int fd, unsigned operation);
s64 sys_ioctl(int fd, unsigned command, u64 argument);
s64 sys_pipe(int __user *fds);
s64 sys_pipe2(int __user *fds, int flags);
s64 sys_memfd_create(const char __user *name, unsigned flags);

/* path.c: names */
s64 sys_getdents(int fd, void __user *buf, unsigned size);
s64 sys_getdents64(int fd, void __user *buf, unsigned size);
s64 sys_getcwd(char __user *buf, size_t size);
s64 sys_chdir(const char __user *path);
s64 sys_fchdir(int fd);
s64 sys_chroot(const char __user *path);
s64 sys_umask(mode_t mask);
s64 sys_mkdir(const char __user *path, mode_t mode);
s64 sys_mkdirat(int dirfd, const char __user *path, mode_t mode);
s64 sys_mknod(const char __user *path, mode_t mode, unsigned dev);
s64 sys_mknodat(int dirfd, const char __user *path, mode_t mode, unsigned dev);
s64 sys_rmdir(const char __user *path);
s64 sys_unlink(const char __user *path);
s64 sys_unlinkat(int dirfd, const char __user *path, int flags);
s64 sys_rename(const char __user *old_path, const char __user *path);
s64 sys_renameat(int old_dirfd, const char __user *old_path, int dirfd, const char __user *path);
s64 sys_renameat2(int old_dirfd, const char __user *old_path, int dirfd, const char __user *path,
		  unsigned flags);
s64 sys_link(const char __user *old_path, const char __user *path);
s64 sys_linkat(int old_dirfd, const char __user *old_path, int dirfd, const char __user *path,
	       int flags);
s64 sys_symlink(const char __user *target, const char __user *path);
s64 sys_symlinkat(const char __user *target, int dirfd, const char __user *path);
s64 sys_readlink(const char __user *path, char __user *buf, int size);
s64 sys_readlinkat(int dirfd, const char __user *path, char __user *buf, int size);
s64 sys_mount(const char __user *source, const char __user *path, const char __user *type,
	      u64 flags, const void __user *data);
s64 sys_umount2(const char __user *path, int flags);

/* stat.c: attributes */
s64 sys_stat(const char __user *path, struct stat __user *buf);
s64 sys_lstat(const char __user *path, struct stat __user *buf);
s64 sys_fstat(int fd, struct stat __user *buf);
s64 sys_newfstatat(int dirfd, const char __user *path, struct stat __user *buf, int flags);
s64 sys_statx(int dirfd, const char __user *path, unsigned flags, unsigned mask,
	      struct statx __user *buf);
s64 sys_statfs(const char __user *path, struct statfs __user *buf);
s64 sys_fstatfs(int fd, struct statfs __user *buf);
s64 sys_access(const char __user *path, int mode);
s64 sys_faccessat(int dirfd, const char __user *path, int mode);
s64 sys_faccessat2(int dirfd, const char __user *path, int mode, int flags);
s64 sys_chmod(const char __user *path, mode_t mode);
s64 sys_fchmod(int fd, mode_t mode);
s64 sys_fchmodat(int dirfd, const char __user *path, mode_t mode);
s64 sys_chown(const char __user *path, uid_t uid, gid_t gid);
s64 sys_lchown(const char __user *path, uid_t uid, gid_t gid);
s64 sys_fchown(int fd, uid_t uid, gid_t gid);
s64 sys_fchownat(int dirfd, const char __user *path, uid_t uid, gid_t gid, int flags);
s64 sys_utimensat(int dirfd, const char __user *path, const struct __kernel_timespec __user *times,
		  int flags);
s64 sys_futimesat(int dirfd, const char __user *path, const struct timeval __user *times);
s64 sys_utimes(const char __user *path, const struct timeval __user *times);
s64 sys_utime(const char __user *path, const struct utimbuf __user *times);

/* poll.c: waiting for files */
s64 sys_poll(struct pollfd __user *fds, unsigned count, int timeout);
s64 sys_ppoll(struct pollfd __user *fds, unsigned count, struct __kernel_timespec __user *timeout,
	      const u64 __user *mask, size_t mask_size);
s64 sys_select(int count, u64 __user *readable, u64 __user *writable, u64 __user *exceptional,
	       struct timeval __user *timeout);
s64 sys_pselect6(int count, u64 __user *readable, u64 __user *writable, u64 __user *exceptional,
		 struct __kernel_timespec __user *timeout, const void __user *mask);

#endif
