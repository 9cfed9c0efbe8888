/*
 * memfd_create(2): a file of tmpfs that never had a name, and lives as long as it is open or
 * mapped. Seals are promises about a file in memory that its users can rely on, because they are
 * never taken back: no shorter, no longer, not written any more. inode->lock guards them, and
 * whoever makes a shared mapping that may be written holds it while he looks.
 */
#include "fs/memfd.h"
#include "fs/mount.h"
#include "fs/ramfs.h"
#include "lib/printf.h"
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/magic.h>

#define SEALS_ALL (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)

static const struct fs_type memfd_type = { .name = "tmpfs",
					   .magic = TMPFS_MAGIC,
					   .in_memory = true };
static struct filesystem memfd_fs = { .type = &memfd_type };

struct file *memfd_open(const char *name, bool sealable)
{
	char path[MEMFD_NAME_MAX + 16];
	struct inode *inode = ramfs_inode(&memfd_fs, S_IFREG | 0777);

	if (!inode)
		return ERR_PTR(-ENOMEM);
	inode->nlink = 0;
	if (sealable)
		inode->seals = 0;
	size_t length = (size_t)snprintf(path, sizeof(path), "/memfd:%s", name);
	struct dentry *dentry = dentry_alloc(NULL, path, length, inode);
	if (!dentry)
		return ERR_PTR(-ENOMEM);
	dentry->deleted = true;
	struct file *file = file_alloc(dentry, inode->file_ops, O_RDWR | O_LARGEFILE);
	dentry_put(dentry);
	return file;
}

int file_add_seals(struct file *file, u32 seals)
{
	struct inode *inode = file->inode;
	int error = 0;

	if (!(file->mode & FMODE_WRITE))
		return -EPERM;
	if ((seals & ~(u32)SEALS_ALL) || !inode_has_seals(inode))
		return -EINVAL;
	mutex_lock(&inode->lock);
	if (inode->seals & F_SEAL_SEAL)
		error = -EPERM;
	else if ((seals & ~inode->seals & F_SEAL_WRITE) &&
		 __atomic_load_n(&inode->pages.writers, __ATOMIC_ACQUIRE))
		error = -EBUSY;
	else
		inode->seals |= seals;
	mutex_unlock(&inode->lock);
	return error;
}

s64 file_get_seals(struct file *file)
{
	return inode_has_seals(file->inode) ? (s64)file->inode->seals : -EINVAL;
}
