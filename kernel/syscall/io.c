/*
 * The calls that move bytes: read, write and their vector and positioned forms, seeking, copying
 * between files, and the calls about a file's room and storage. SIGPIPE and SIGXFSZ are raised
 * here, because files lie below signals.
 */
#include <linux/errno.h>
#include <linux/fadvise.h>
#include <linux/falloc.h>
#include <linux/resource.h>
#include <linux/uio.h>
#include "fs/file.h"
#include "fs/path.h"
#include "mm/slab.h"
#include "mm/uio.h"
#include "proc/signal.h"
#include "sched/task.h"
#include "syscall/file.h"
#include "syscall/user.h"

#define COUNT_MAX 0x7ffff000ul /* bytes moved by one call at most (read(2), NOTES) */
#define IOV_INLINE 8
#define CURRENT_POS INT64_MIN /* the file's own offset */

typedef ssize_t (*transfer_fn)(struct file *file, struct uio *uio, s64 *pos);

/* Turns what a write gave into what the caller gets, and raises the signal that goes with an
 * error. */
static s64 write_result(struct file *file, s64 result)
{
	if (result == -EPIPE && (file->mode & FMODE_PIPE))
		signal_send_self(SIGPIPE);
	if (result == -EFBIG && task_rlimit(RLIMIT_FSIZE) != RLIM64_INFINITY)
		signal_send_self(SIGXFSZ);
	return result;
}

/* Moves bytes between uio and an open file at pos or, with CURRENT_POS, the file's own offset. */
static s64 transfer(struct file *file, struct uio *uio, s64 pos, transfer_fn fn)
{
	s64 result;

	if (pos == CURRENT_POS) {
		result = fn(file, uio, file_pos_start(file));
		file_pos_end(file);
	} else if (pos < 0) {
		result = -EINVAL;
	} else if (file->mode & FMODE_STREAM) {
		result = -ESPIPE;
	} else {
		result = fn(file, uio, &pos);
	}
	return fn == file_write ? write_result(file, result) : result;
}

static s64 transfer_one(int fd, const void __user *buf, size_t count, s64 pos, transfer_fn fn)
{
	struct file *file = fd_get(fd);
	struct iovec iov;
	struct uio uio;
	s64 result = -EFAULT;

	if (!file)
		return -EBADF;
	if (!(file->mode & (fn == file_write ? FMODE_WRITE : FMODE_READ))) {
		result = -EBADF;
	} else if (user_range_ok(buf, count)) {
		uio_init_user(&uio, &iov, buf, min(count, COUNT_MAX));
		result = transfer(file, &uio, pos, fn);
	}
	file_put(file);
	return result;
}

int vector_check(struct uio *uio, const struct iovec *iov, u64 count)
{
	size_t total = 0;

	for (u64 i = 0; i < count; i++) {
		if ((s64)iov[i].iov_len < 0)
			return -EINVAL;
		if (!user_range_ok((__force const void __user *)iov[i].iov_base, iov[i].iov_len))
			return -EFAULT;
		total = min(total + iov[i].iov_len, COUNT_MAX);
	}
	*uio = (struct uio){ .iov = iov, .segments = count, .left = total };
	return 0;
}

static s64 transfer_vector(int fd, const struct iovec __user *user_iov, u64 count, s64 pos,
			   transfer_fn fn)
{
	struct iovec on_stack[IOV_INLINE], *iov = on_stack;
	struct uio uio;
	s64 result;

	struct file *file = fd_get(fd);
	if (!file)
		return -EBADF;
	result = -EINVAL;
	if (count > UIO_MAXIOV)
		goto put;
	result = -ENOMEM;
	if (count > IOV_INLINE && !(iov = kmalloc(count * sizeof(*iov))))
		goto put;
	result = copy_from_user(iov, user_iov, count * sizeof(*iov));
	if (!result)
		result = vector_check(&uio, iov, count);
	if (!result)
		result = transfer(file, &uio, pos, fn);
	if (iov != on_stack)
		kfree(iov);
put:
	file_put(file);
	return result;
}

s64 sys_read(int fd, void __user *buf, size_t count)
{
	return transfer_one(fd, buf, count, CURRENT_POS, file_read);
}

s64 sys_write(int fd, const void __user *buf, size_t count)
{
	return transfer_one(fd, buf, count, CURRENT_POS, file_write);
}

s64 sys_pread64(int fd, void __user *buf, size_t count, s64 pos)
{
	return pos < 0 ? -EINVAL : transfer_one(fd, buf, count, pos, file_read);
}

s64 sys_pwrite64(int fd, const void __user *buf, size_t count, s64 pos)
{
	return pos < 0 ? -EINVAL : transfer_one(fd, buf, count, pos, file_write);
}

s64 sys_readv(int fd, const struct iovec __user *iov, u64 count)
{
	return transfer_vector(fd, iov, count, CURRENT_POS, file_read);
}

s64 sys_writev(int fd, const struct iovec __user *iov, u64 count)
{
	return transfer_vector(fd, iov, count, CURRENT_POS, file_write);
}

s64 sys_preadv(int fd, const struct iovec __user *iov, u64 count, s64 pos)
{
	return pos < 0 ? -EINVAL : transfer_vector(fd, iov, count, pos, file_read);
}

s64 sys_pwritev(int fd, const struct iovec __user *iov, u64 count, s64 pos)
{
	return pos < 0 ? -EINVAL : transfer_vector(fd, iov, count, pos, file_write);
}

s64 sys_preadv2(int fd, const struct iovec __user *iov, u64 count, s64 pos, u64 pos_high, int flags)
{
	(void)pos_high; /* for machines of 32 bits */
	if (flags)
		return -EOPNOTSUPP;
	return pos == -1 ? sys_readv(fd, iov, count) : sys_preadv(fd, iov, count, pos);
}

s64 sys_pwritev2(int fd, const struct iovec __user *iov, u64 count, s64 pos, u64 pos_high,
		 int flags)
{
	(void)pos_high;
	if (flags)
		return -EOPNOTSUPP;
	return pos == -1 ? sys_writev(fd, iov, count) : sys_pwritev(fd, iov, count, pos);
}

s64 sys_lseek(int fd, s64 offset, int whence)
{
	struct file *file = fd_get(fd);

	if (!file)
		return -EBADF;
	s64 result = file_seek(file, offset, whence);
	file_put(file);
	return result;
}

#define COPY_CHUNK (4 * PAGE_SIZE)

/* Copies one chunk through buf: bytes that arrived, which is how far both positions moved. */
static s64 copy_chunk(struct file *in, s64 *in_pos, struct file *out, s64 *out_pos, void *buf,
		      size_t size)
{
	struct iovec iov;
	struct uio uio;
	s64 from = *in_pos;

	uio_init_kernel(&uio, &iov, buf, size);
	ssize_t got = file_read(in, &uio, &from);
	if (got <= 0)
		return got;
	uio_init_kernel(&uio, &iov, buf, got);
	ssize_t put = file_write(out, &uio, out_pos);
	if (put > 0)
		*in_pos += put;
	return put;
}

static s64 copy_between(struct file *in, s64 *in_pos, struct file *out, s64 *out_pos, size_t count)
{
	void *buf = kmalloc(COPY_CHUNK);
	size_t total = 0;
	s64 result = 0;

	if (!buf)
		return -ENOMEM;
	while (total < count) {
		size_t size = min(count - total, COPY_CHUNK);
		result = copy_chunk(in, in_pos, out, out_pos, buf, size);
		if (result <= 0)
			break;
		total += result;
		if ((total && signal_is_pending()) || (size_t)result < size)
			break;
		cond_resched();
	}
	kfree(buf);
	return total ? (s64)total : write_result(out, result);
}

/* The offset to start from: the caller's variable, or the file's own. */
static int load_offset(struct file *file, const s64 __user *offset, s64 *pos)
{
	*pos = file->pos;
	if (!offset)
		return 0;
	if (file->mode & FMODE_STREAM)
		return -ESPIPE;
	if (copy_from_user(pos, offset, sizeof(*pos)))
		return -EFAULT;
	return *pos < 0 ? -EINVAL : 0;
}

/* Puts it back, if anything was copied; what could not be told the caller is -EFAULT. A file's own
 * offset is read and written as a word: these calls do not hold pos_lock, since they may wait long
 * for a pipe, and copy at an offset of their own, which nobody can change under file_ops. */
static s64 store_offset(struct file *file, s64 __user *offset, s64 pos, s64 result)
{
	if (result <= 0)
		return result;
	if (!offset && !(file->mode & FMODE_STREAM))
		file->pos = pos;
	else if (offset && copy_to_user(offset, &pos, sizeof(pos)))
		return -EFAULT;
	return result;
}

s64 sys_sendfile(int out_fd, int in_fd, s64 __user *offset, size_t count)
{
	struct file *in = fd_get(in_fd), *out = fd_get(out_fd);
	s64 pos, out_pos, result;

	if (!in || !out)
		result = -EBADF;
	else if (!(in->mode & FMODE_READ) || !(out->mode & FMODE_WRITE))
		result = -EBADF;
	else
		result = load_offset(in, offset, &pos);
	if (!result && ((in->mode & FMODE_STREAM) || (out->flags & O_APPEND)))
		result = -EINVAL;
	if (!result) {
		out_pos = out->pos;
		result = copy_between(in, &pos, out, &out_pos, min(count, COUNT_MAX));
		result = store_offset(out, NULL, out_pos, result);
		result = store_offset(in, offset, pos, result);
	}
	if (in)
		file_put(in);
	if (out)
		file_put(out);
	return result;
}

static int check_copy_range(struct file *in, struct file *out)
{
	if (inode_is_dir(in->inode) || inode_is_dir(out->inode))
		return -EISDIR;
	if (!S_ISREG(in->inode->mode) || !S_ISREG(out->inode->mode))
		return -EINVAL;
	if (!(in->mode & FMODE_READ) || !(out->mode & FMODE_WRITE) || (out->flags & O_APPEND))
		return -EBADF;
	return 0;
}

static s64 copy_range(struct file *in, s64 __user *in_offset, struct file *out,
		      s64 __user *out_offset, size_t count)
{
	s64 from, to, start;
	s64 result = check_copy_range(in, out);

	if (!result)
		result = load_offset(in, in_offset, &from);
	if (!result)
		result = load_offset(out, out_offset, &to);
	if (result)
		return result;
	count = min(count, COUNT_MAX);
	start = from;
	if (in->inode == out->inode && (u64)start < to + count && (u64)to < start + count)
		return -EINVAL;
	result = copy_between(in, &from, out, &to, count);
	result = store_offset(in, in_offset, from, result);
	return store_offset(out, out_offset, to, result);
}

s64 sys_copy_file_range(int in_fd, s64 __user *in_offset, int out_fd, s64 __user *out_offset,
			size_t count, unsigned flags)
{
	struct file *in = fd_get(in_fd), *out = fd_get(out_fd);
	s64 result = -EBADF;

	if (in && out)
		result = flags ? -EINVAL : copy_range(in, in_offset, out, out_offset, count);
	if (in)
		file_put(in);
	if (out)
		file_put(out);
	return result;
}

/* There is no storage below the page cache, so all is written always; only the descriptor is
 * checked. */
s64 sys_fsync(int fd)
{
	struct file *file = fd_get(fd);

	if (!file)
		return -EBADF;
	s64 result = S_ISREG(file->inode->mode) || inode_is_dir(file->inode) ? 0 : -EINVAL;
	file_put(file);
	return result;
}

s64 sys_fdatasync(int fd)
{
	return sys_fsync(fd);
}

s64 sys_sync(void)
{
	return 0;
}

s64 sys_syncfs(int fd)
{
	struct file *file = fd_get(fd);

	if (!file)
		return -EBADF;
	file_put(file);
	return 0;
}

static s64 allocate(struct file *file, int mode, s64 offset, s64 length)
{
	struct inode *inode = file->inode;
	s64 end;

	if (offset < 0 || length <= 0)
		return -EINVAL;
	if (mode & ~FALLOC_FL_KEEP_SIZE)
		return -EOPNOTSUPP;
	if (!(file->mode & FMODE_WRITE))
		return -EBADF;
	if (S_ISFIFO(inode->mode))
		return -ESPIPE;
	if (!S_ISREG(inode->mode))
		return inode_is_dir(inode) ? -EISDIR : -ENODEV;
	if (__builtin_add_overflow(offset, length, &end))
		return -EFBIG;
	if (!inode->ops->allocate)
		return -EOPNOTSUPP;
	mutex_lock(&inode->lock);
	int error = inode->ops->allocate(inode, offset, length, mode & FALLOC_FL_KEEP_SIZE);
	if (!error)
		inode_touch(inode);
	mutex_unlock(&inode->lock);
	return write_result(file, error);
}

s64 sys_fallocate(int fd, int mode, s64 offset, s64 length)
{
	struct file *file = fd_get(fd);

	if (!file)
		return -EBADF;
	s64 result = allocate(file, mode, offset, length);
	file_put(file);
	return result;
}

s64 sys_fadvise64(int fd, s64 offset, s64 length, int advice)
{
	struct file *file = fd_get(fd);
	s64 result = 0;

	(void)offset;
	if (!file)
		return -EBADF;
	if (S_ISFIFO(file->inode->mode))
		result = -ESPIPE;
	else if (length < 0 || advice < POSIX_FADV_NORMAL || advice > POSIX_FADV_NOREUSE)
		result = -EINVAL;
	file_put(file);
	return result;
}

s64 sys_ftruncate(int fd, s64 length)
{
	struct file *file = fd_get(fd);
	s64 result = -EINVAL;

	if (length < 0)
		result = -EINVAL;
	else if (!file)
		return -EBADF;
	else if (file->mode & FMODE_WRITE)
		result = write_result(file, inode_truncate(file->inode, length));
	if (file)
		file_put(file);
	return result;
}

static s64 truncate_dentry(struct dentry *dentry, s64 length)
{
	struct inode *inode = dentry->inode;
	int error;

	if (inode_is_dir(inode))
		return -EISDIR;
	if (!S_ISREG(inode->mode))
		return -EINVAL;
	error = inode_permission(inode, MAY_WRITE);
	if (!error)
		error = inode_get_write(inode);
	if (error)
		return error;
	error = inode_truncate(inode, length);
	inode_put_write(inode);
	if (error == -EFBIG && task_rlimit(RLIMIT_FSIZE) != RLIM64_INFINITY)
		signal_send_self(SIGXFSZ);
	return error;
}

s64 sys_truncate(const char __user *path, s64 length)
{
	char *name = path_from_user(path);

	if (IS_ERR(name))
		return PTR_ERR(name);
	struct dentry *dentry =
		length < 0 ? ERR_PTR(-EINVAL) : path_lookup(AT_FDCWD, name, LOOKUP_FOLLOW);
	kfree(name);
	if (IS_ERR(dentry))
		return PTR_ERR(dentry);
	s64 result = truncate_dentry(dentry, length);
	dentry_put(dentry);
	return result;
}
