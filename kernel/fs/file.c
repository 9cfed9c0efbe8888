/*
 * Open file descriptions: their life, and what read(2), write(2) and lseek(2) do before and after
 * file_ops. A read or write at the file's own offset holds pos_lock from before it looks at the
 * offset until after it moved it, so two tasks that share the description of a regular file or a
 * directory never see the same bytes. The last file_put() may come from a mapping that goes away
 * under an mm's lock; only regular files can be mapped, and freeing one takes no sleeping lock.
 */
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/mman.h>
#include "fs/file.h"
#include "mm/frame.h"
#include "mm/mm.h"
#include "mm/slab.h"
#include "sched/task.h"

static struct kmem_cache file_cache;
static u64 files_open; /* atomic */

void file_module_init(void)
{
	kmem_cache_init(&file_cache, "file", sizeof(struct file), 8);
}

u64 file_count(void)
{
	return __atomic_load_n(&files_open, __ATOMIC_RELAXED);
}

/* A tenth of memory at 1 KiB each, as Linux, and never fewer than it promises small machines. */
u64 file_count_max(void)
{
	return max(frame_total() * (PAGE_SIZE / 1024) / 10, 8192ull);
}

struct file *file_alloc(struct dentry *dentry, const struct file_ops *ops, u32 flags)
{
	static const u32 modes[] = { FMODE_READ, FMODE_WRITE, FMODE_READ | FMODE_WRITE, 0 };

	if (file_count() >= file_count_max())
		return ERR_PTR(-ENFILE);
	struct file *file = kmem_cache_zalloc(&file_cache);
	if (!file)
		return ERR_PTR(-ENOMEM);
	__atomic_fetch_add(&files_open, 1, __ATOMIC_RELAXED);
	file->refs = 1;
	file->flags = flags & ~(O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC);
	file->mode = flags & O_PATH ? FMODE_PATH : modes[flags & O_ACCMODE];
	mutex_init(&file->pos_lock, "file position");
	file->ops = ops;
	file->dentry = dentry_get(dentry);
	file->inode = dentry->inode;
	return file;
}

struct file *file_get(struct file *file)
{
	__atomic_fetch_add(&file->refs, 1, __ATOMIC_RELAXED);
	return file;
}

void file_put(struct file *file)
{
	if (__atomic_fetch_sub(&file->refs, 1, __ATOMIC_ACQ_REL) != 1)
		return;
	if (file->flock)
		file_flock_release(file);
	if (file->ops->release)
		file->ops->release(file);
	if (file->mode & FMODE_WRITER)
		inode_put_write(file->inode);
	if (file->mode & FMODE_PROGRAM)
		inode_allow_write(file->inode);
	dentry_put(file->dentry);
	kmem_cache_free(&file_cache, file);
	__atomic_fetch_sub(&files_open, 1, __ATOMIC_RELAXED);
}

struct dentry *file_dentry(struct file *file)
{
	return file->dentry;
}

u64 file_size(struct file *file)
{
	return __atomic_load_n(&file->inode->size, __ATOMIC_RELAXED);
}

bool file_nonblocking(const struct file *file)
{
	return __atomic_load_n(&file->flags, __ATOMIC_RELAXED) & O_NONBLOCK;
}

/* Is [pos, pos + size) a range that an offset can express? */
static bool range_ok(const struct file *file, s64 pos, size_t size)
{
	return (file->mode & FMODE_STREAM) || (pos >= 0 && size <= (u64)(INT64_MAX - pos));
}

ssize_t file_read(struct file *file, struct uio *uio, s64 *pos)
{
	if (!(file->mode & FMODE_READ))
		return -EBADF;
	if (!file->ops->read)
		return inode_is_dir(file->inode) ? -EISDIR : -EINVAL;
	if (!range_ok(file, *pos, uio->left))
		return -EINVAL;
	return uio->left ? file->ops->read(file, uio, pos) : 0;
}

ssize_t file_write(struct file *file, struct uio *uio, s64 *pos)
{
	if (!(file->mode & FMODE_WRITE))
		return -EBADF;
	if (!file->ops->write || !range_ok(file, *pos, uio->left))
		return -EINVAL;
	return uio->left ? file->ops->write(file, uio, pos) : 0;
}

ssize_t file_read_kernel(struct file *file, void *buf, size_t size, u64 pos)
{
	struct iovec iov;
	struct uio uio;
	s64 offset = pos;

	if (!file->ops->read)
		return -EINVAL;
	uio_init_kernel(&uio, &iov, buf, size);
	return size ? file->ops->read(file, &uio, &offset) : 0;
}

/* Reading a device may take for ever, and its offset means nothing: whoever shares the file must
 * not wait behind that in a sleep that no signal ends. As on Linux, FMODE_ATOMIC_POS. */
static bool has_atomic_pos(const struct file *file)
{
	return S_ISREG(file->inode->mode) || inode_is_dir(file->inode);
}

s64 *file_pos_start(struct file *file)
{
	if (has_atomic_pos(file))
		mutex_lock(&file->pos_lock);
	return &file->pos;
}

void file_pos_end(struct file *file)
{
	if (has_atomic_pos(file))
		mutex_unlock(&file->pos_lock);
}

static s64 set_pos(struct file *file, s64 pos)
{
	if (pos < 0)
		return -EINVAL;
	file->pos = pos;
	return pos;
}

s64 file_seek_any(struct file *file, s64 offset, int whence)
{
	if (whence == SEEK_CUR) {
		if (__builtin_add_overflow(offset, file->pos, &offset))
			return -EOVERFLOW;
	} else if (whence != SEEK_SET) {
		return -EINVAL;
	}
	return set_pos(file, offset);
}

s64 file_seek_size(struct file *file, s64 offset, int whence)
{
	s64 size = file_size(file);

	switch (whence) {
	case SEEK_END:
		if (__builtin_add_overflow(offset, size, &offset))
			return -EOVERFLOW;
		return set_pos(file, offset);
	case SEEK_DATA: /* holes count as data, which the man page allows */
	case SEEK_HOLE:
		if (offset < 0 || offset >= size)
			return -ENXIO;
		return set_pos(file, whence == SEEK_HOLE ? size : offset);
	default:
		return file_seek_any(file, offset, whence);
	}
}

s64 file_seek(struct file *file, s64 offset, int whence)
{
	if (file->mode & FMODE_STREAM)
		return -ESPIPE;
	mutex_lock(&file->pos_lock);
	s64 result = file->ops->seek ? file->ops->seek(file, offset, whence)
				     : file_seek_size(file, offset, whence);
	mutex_unlock(&file->pos_lock);
	return result;
}

int file_mmap(struct file *file, struct mmap_request *request)
{
	bool shared = (request->flags & MAP_TYPE) != MAP_PRIVATE;
	bool may_write = !shared || (file->mode & FMODE_WRITE);

	if (!(file->mode & FMODE_READ) || ((request->prot & PROT_WRITE) && !may_write))
		return -EACCES;
	request->vm_flags =
		may_write ? request->vm_flags | VM_MAYWRITE : request->vm_flags & ~VM_MAYWRITE;
	return file->ops->mmap ? file->ops->mmap(file, request) : -ENODEV;
}
