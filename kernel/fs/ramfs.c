/*
 * The file system in memory. Its directories are the dentry trees themselves and its files are page
 * caches, so programs run straight from it: a mapped page is the file's page. A hole reads as zeros
 * and costs nothing. Writing and cutting hold the inode's lock; reading and page faults do not,
 * they need only the cache's spinlock.
 *
 * A fault must not put a page behind the end of a file that is being cut: both the fault's look at
 * the size and the change of the size are under size_lock, so a page is either created before the
 * change, and then dropped with the others, or not at all. After that the pages are taken out of
 * the address spaces that map them.
 */
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/magic.h>
#include <linux/mman.h>
#include <linux/resource.h>
#include "fs/file.h"
#include "fs/pipe.h"
#include "fs/ramfs.h"
#include "lib/string.h"
#include "mm/mm.h"
#include "mm/slab.h"
#include "sched/task.h"

static const struct inode_ops ramfs_inode_ops;
static const struct file_ops ramfs_file_ops, ramfs_dir_ops;

struct inode *ramfs_inode(struct filesystem *fs, mode_t mode)
{
	const struct file_ops *ops = S_ISREG(mode)    ? &ramfs_file_ops
				     : S_ISDIR(mode)  ? &ramfs_dir_ops
				     : S_ISFIFO(mode) ? &pipe_file_ops
						      : NULL;
	struct inode *inode = inode_alloc(fs, mode, &ramfs_inode_ops, ops);

	if (!inode)
		return NULL;
	inode->ino = filesystem_next_ino(fs);
	if (inode_has_seals(inode)) {
		inode->pages.charged = true;
		inode->seals = F_SEAL_SEAL;
	}
	return inode;
}

static struct inode *ramfs_make(struct inode *dir, mode_t mode, dev_t rdev, const char *target)
{
	struct inode *inode = ramfs_inode(dir->fs, mode);

	if (!inode)
		return ERR_PTR(-ENOSPC);
	inode->rdev = rdev;
	inode_inherit_group(inode, dir);
	if (S_ISDIR(mode))
		inode->nlink = 2;
	if (S_ISLNK(mode)) {
		size_t size = strlen(target) + 1;
		char *copy = kmalloc(size);
		if (!copy) {
			inode_put(inode);
			return ERR_PTR(-ENOSPC);
		}
		inode->link = memcpy(copy, target, size);
		inode->size = size - 1;
	}
	return inode;
}

static void ramfs_destroy(struct inode *inode)
{
	if (S_ISLNK(inode->mode))
		kfree(inode->link);
}

static void change_size(struct inode *inode, u64 size)
{
	spin_lock(&inode->size_lock);
	__atomic_store_n(&inode->size, size, __ATOMIC_RELEASE);
	spin_unlock(&inode->size_lock);
}

/* Zeroes the bytes from `from` to the end of its page: they were or will be behind the end of the
 * file. */
static void zero_tail(struct inode *inode, u64 from)
{
	u64 offset = from % PAGE_SIZE;
	struct frame *frame = offset ? pagecache_get(&inode->pages, from / PAGE_SIZE) : NULL;

	if (!frame)
		return;
	memset((char *)frame_addr(frame) + offset, 0, PAGE_SIZE - offset);
	frame_put(frame);
}

static int ramfs_set_size(struct inode *inode, u64 size)
{
	u64 old = inode->size;
	u64 first_gone = (size + PAGE_SIZE - 1) / PAGE_SIZE;

	if (size > INT64_MAX || (size > old && size > task_rlimit(RLIMIT_FSIZE)))
		return -EFBIG;
	if (((inode->seals & F_SEAL_SHRINK) && size < old) ||
	    ((inode->seals & F_SEAL_GROW) && size > old))
		return -EPERM;
	if (size > old)
		zero_tail(inode, old);
	change_size(inode, size);
	if (size >= old)
		return 0;
	int error = mm_unmap_object(&inode->pages, first_gone);
	if (error) {
		change_size(inode, old);
		return error;
	}
	zero_tail(inode, size);
	pagecache_truncate(&inode->pages, first_gone);
	return 0;
}

static ssize_t ramfs_read(struct file *file, struct uio *uio, s64 *pos)
{
	struct inode *inode = file->inode;
	size_t total = 0;

	while (uio->left) {
		u64 size = __atomic_load_n(&inode->size, __ATOMIC_ACQUIRE);
		if ((u64)*pos >= size)
			break;
		u64 offset = *pos % PAGE_SIZE;
		size_t want = min(min(PAGE_SIZE - offset, size - *pos), uio->left);
		struct frame *frame = pagecache_get(&inode->pages, *pos / PAGE_SIZE);
		size_t done;
		if (frame) {
			done = uio_put(uio, (char *)frame_addr(frame) + offset, want);
			frame_put(frame);
		} else {
			done = uio_zero(uio, want);
		}
		*pos += done;
		total += done;
		if (done < want)
			return total ? (ssize_t)total : -EFAULT;
		if (kill_is_pending())
			break;
		cond_resched();
	}
	if (!(file->flags & O_NOATIME))
		inode_read_at(inode);
	return total;
}

/* Do the file's seals forbid to write these bytes? */
static bool sealed(const struct inode *inode, s64 pos, size_t size)
{
	return (inode->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) ||
	       ((inode->seals & F_SEAL_GROW) && (u64)pos + size > inode->size);
}

/* Writes inside one page at pos; bytes written, fewer than asked if user memory is bad, or
 * -ENOSPC, -EPERM. */
static ssize_t write_page(struct inode *inode, struct uio *uio, s64 pos, size_t want)
{
	if (sealed(inode, pos, want))
		return -EPERM;
	struct frame *frame = pagecache_get_or_create(&inode->pages, pos / PAGE_SIZE);

	if (!frame)
		return -ENOSPC;
	size_t done = uio_get(uio, (char *)frame_addr(frame) + pos % PAGE_SIZE, want);
	frame_put(frame);
	if ((u64)pos + done > inode->size)
		change_size(inode, pos + done);
	return done;
}

/* The inode's lock is held. */
static ssize_t write_locked(struct inode *inode, struct uio *uio, s64 *pos)
{
	u64 limit = min(task_rlimit(RLIMIT_FSIZE), (u64)INT64_MAX);
	size_t total = 0;

	if ((u64)*pos >= limit)
		return -EFBIG;
	if ((u64)*pos > inode->size)
		zero_tail(inode, inode->size);
	while (uio->left && (u64)*pos < limit) {
		size_t want = min(min(PAGE_SIZE - *pos % PAGE_SIZE, limit - *pos), uio->left);
		ssize_t done = write_page(inode, uio, *pos, want);
		if (done <= 0)
			return total ? (ssize_t)total : done ? done : -EFAULT;
		*pos += done;
		total += done;
		if ((size_t)done < want || kill_is_pending())
			break;
		cond_resched();
	}
	return total;
}

static ssize_t ramfs_write(struct file *file, struct uio *uio, s64 *pos)
{
	struct inode *inode = file->inode;

	mutex_lock(&inode->lock);
	if (file->flags & O_APPEND)
		*pos = inode->size;
	ssize_t result = write_locked(inode, uio, pos);
	if (result > 0) {
		inode_drop_privileges(inode);
		inode_touch(inode);
	}
	mutex_unlock(&inode->lock);
	return result;
}

static int ramfs_allocate(struct inode *inode, u64 offset, u64 length, bool keep_size)
{
	u64 end = offset + length;
	int error = end > task_rlimit(RLIMIT_FSIZE) ? -EFBIG : 0;

	if (!error && (inode->seals & F_SEAL_GROW) && end > inode->size)
		return -EPERM;
	for (u64 page = offset / PAGE_SIZE; !error && page * PAGE_SIZE < end; page++) {
		struct frame *frame = pagecache_get_or_create(&inode->pages, page);
		if (frame)
			frame_put(frame);
		else
			error = -ENOSPC;
		if (kill_is_pending())
			error = -EINTR;
		cond_resched();
	}
	if (!error && !keep_size && end > inode->size)
		return ramfs_set_size(inode, end);
	if (error) /* what was got behind the end helps nobody */
		pagecache_truncate(&inode->pages, (inode->size + PAGE_SIZE - 1) / PAGE_SIZE);
	return error;
}

static struct frame *ramfs_get_page(struct vm_area_struct *vma, u64 pgoff)
{
	struct inode *inode = vma->file->inode;
	struct frame *frame = ERR_PTR(-EFAULT);

	spin_lock(&inode->size_lock);
	if (pgoff < (inode->size + PAGE_SIZE - 1) / PAGE_SIZE)
		frame = pagecache_fault(&inode->pages, pgoff);
	spin_unlock(&inode->size_lock);
	return frame;
}

static bool may_write_shared(u32 vm_flags)
{
	return (vm_flags & (VM_SHARED | VM_MAYWRITE)) == (VM_SHARED | VM_MAYWRITE);
}

static void ramfs_vma_open(struct vm_area_struct *vma)
{
	if (may_write_shared(vma->flags))
		__atomic_fetch_add(&vma->cache->writers, 1, __ATOMIC_RELAXED);
	file_get(vma->file);
}

static void ramfs_vma_close(struct vm_area_struct *vma)
{
	if (may_write_shared(vma->flags))
		__atomic_fetch_sub(&vma->cache->writers, 1, __ATOMIC_RELEASE);
	file_put(vma->file);
}

static const struct vm_ops ramfs_vm_ops = {
	.get_page = ramfs_get_page,
	.open = ramfs_vma_open,
	.close = ramfs_vma_close,
};

/* Counts a new shared mapping, unless seals forbid it. One that is only read may never be made
 * writable then. */
static int admit_shared(struct inode *inode, struct mmap_request *request)
{
	int error = 0;

	mutex_lock(&inode->lock);
	if (inode->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) {
		request->vm_flags &= ~VM_MAYWRITE;
		error = request->prot & PROT_WRITE ? -EPERM : 0;
	} else if (request->vm_flags & VM_MAYWRITE) {
		__atomic_fetch_add(&inode->pages.writers, 1, __ATOMIC_RELAXED);
	}
	mutex_unlock(&inode->lock);
	return error;
}

static int ramfs_mmap(struct file *file, struct mmap_request *request)
{
	int error =
		(request->flags & MAP_TYPE) != MAP_PRIVATE ? admit_shared(file->inode, request) : 0;

	if (error)
		return error;
	request->ops = &ramfs_vm_ops;
	request->file = file_get(file);
	request->cache = &file->inode->pages;
	inode_read_at(file->inode);
	return 0;
}

static const struct inode_ops ramfs_inode_ops = {
	.make = ramfs_make,
	.set_size = ramfs_set_size,
	.allocate = ramfs_allocate,
	.destroy = ramfs_destroy,
};

static const struct file_ops ramfs_file_ops = {
	.read = ramfs_read,
	.write = ramfs_write,
	.mmap = ramfs_mmap,
};

static const struct file_ops ramfs_dir_ops = {
	.readdir = dentry_readdir,
	.seek = file_seek_any,
};

static struct dentry *ramfs_mount(const struct fs_type *type)
{
	return filesystem_make_root(type, type->magic == TMPFS_MAGIC ? 01777 : 0755,
				    &ramfs_inode_ops, &ramfs_dir_ops);
}

static struct fs_type ramfs_type = { "ramfs", RAMFS_MAGIC, .in_memory = true,
				     .mount = ramfs_mount };
static struct fs_type tmpfs_type = { "tmpfs", TMPFS_MAGIC, .in_memory = true,
				     .mount = ramfs_mount };

void ramfs_init(void)
{
	fs_type_register(&ramfs_type);
	fs_type_register(&tmpfs_type);
}

struct dentry *ramfs_root(void)
{
	return ramfs_mount(&ramfs_type);
}
