/*
 * Inodes: their life, who may do what with them, and the attributes that chmod(2), chown(2) and
 * utimensat(2) change. Attributes change under inode->lock; single words are read without it. The
 * program/writer exclusion (ETXTBSY) is one signed count: writers count up, running programs down.
 */
#include <linux/errno.h>
#include "fs/inode.h"
#include "fs/mount.h"
#include "mm/slab.h"
#include "sched/task.h"

static struct kmem_cache inode_cache;

void inode_module_init(void)
{
	kmem_cache_init(&inode_cache, "inode", sizeof(struct inode), 8);
}

struct inode *inode_alloc(struct filesystem *fs, mode_t mode, const struct inode_ops *ops,
			  const struct file_ops *file_ops)
{
	struct inode *inode = kmem_cache_zalloc(&inode_cache);

	if (!inode)
		return NULL;
	inode->refs = 1;
	inode->nlink = 1;
	inode->fs = fs;
	inode->ops = ops;
	inode->file_ops = file_ops;
	inode->mode = mode;
	inode->uid = current->cred.fsuid;
	inode->gid = current->cred.fsgid;
	inode->atime = inode->mtime = inode->ctime = clock_realtime();
	mutex_init(&inode->lock, "inode");
	spin_init(&inode->size_lock, "inode size");
	list_init(&inode->record_locks);
	if (S_ISREG(mode))
		pagecache_init(&inode->pages);
	return inode;
}

struct inode *inode_get(struct inode *inode)
{
	__atomic_fetch_add(&inode->refs, 1, __ATOMIC_RELAXED);
	return inode;
}

void inode_put(struct inode *inode)
{
	if (__atomic_fetch_sub(&inode->refs, 1, __ATOMIC_ACQ_REL) != 1)
		return;
	if (inode->ops->destroy)
		inode->ops->destroy(inode);
	if (S_ISREG(inode->mode))
		pagecache_destroy(&inode->pages);
	kmem_cache_free(&inode_cache, inode);
}

static bool is_root(void)
{
	return current->cred.fsuid == 0;
}

int inode_permission(struct inode *inode, unsigned mask)
{
	const struct cred *cred = &current->cred;

	if (inode->ops->refresh)
		inode->ops->refresh(inode);
	mode_t mode = inode->mode;
	if ((mask & MAY_WRITE) && inode->fs->read_only &&
	    (S_ISREG(mode) || S_ISDIR(mode) || S_ISLNK(mode)))
		return -EROFS;
	if (is_root()) {
		bool executable = S_ISDIR(mode) || (mode & 0111);
		return (mask & MAY_EXEC) && !executable ? -EACCES : 0;
	}
	if (cred->fsuid == inode->uid)
		mode >>= 6;
	else if (cred->fsgid == inode->gid)
		mode >>= 3;
	return mask & ~mode & 7 ? -EACCES : 0;
}

int inode_owner_check(const struct inode *inode)
{
	return is_root() || current->cred.fsuid == inode->uid ? 0 : -EPERM;
}

static void status_changed(struct inode *inode)
{
	inode->ctime = clock_realtime();
}

/* Can the attributes of files be changed at all where this one lies? */
static int check_changeable(const struct inode *inode)
{
	if (inode->fs->read_only)
		return -EROFS;
	return inode->fs->type->fixed ? -EPERM : 0;
}

int inode_chmod(struct inode *inode, mode_t mode)
{
	int error = check_changeable(inode);

	if (!error)
		error = inode_owner_check(inode);
	if (error)
		return error;
	mutex_lock(&inode->lock);
	if (!is_root() && current->cred.fsgid != inode->gid)
		mode &= ~S_ISGID;
	inode->mode = (inode->mode & S_IFMT) | (mode & 07777);
	status_changed(inode);
	mutex_unlock(&inode->lock);
	return 0;
}

/* A set-group-id bit without group execute permission means something else (mandatory locks), and
 * stays. */
static mode_t without_privileges(mode_t mode)
{
	mode &= ~S_ISUID;
	return mode & S_IXGRP ? mode & ~S_ISGID : mode;
}

int inode_chown(struct inode *inode, uid_t uid, gid_t gid)
{
	const struct cred *cred = &current->cred;
	bool owner = cred->fsuid == inode->uid;
	bool uid_ok = uid == (uid_t)-1 || (owner && uid == inode->uid);
	bool gid_ok = gid == (gid_t)-1 || (owner && (gid == inode->gid || gid == cred->fsgid));

	int error = check_changeable(inode);

	if (error)
		return error;
	if (!is_root() && !(uid_ok && gid_ok))
		return -EPERM;
	mutex_lock(&inode->lock);
	if (uid != (uid_t)-1)
		inode->uid = uid;
	if (gid != (gid_t)-1)
		inode->gid = gid;
	if (!S_ISDIR(inode->mode))
		inode->mode = without_privileges(inode->mode);
	status_changed(inode);
	mutex_unlock(&inode->lock);
	return 0;
}

void inode_drop_privileges(struct inode *inode)
{
	if ((inode->mode & (S_ISUID | S_ISGID)) && !is_root())
		inode->mode = without_privileges(inode->mode);
}

int inode_set_times(struct inode *inode, s64 atime, s64 mtime)
{
	int error = check_changeable(inode);

	if (error)
		return error;
	mutex_lock(&inode->lock);
	if (atime != INODE_TIME_OMIT)
		inode->atime = atime;
	if (mtime != INODE_TIME_OMIT)
		inode->mtime = mtime;
	status_changed(inode);
	mutex_unlock(&inode->lock);
	return 0;
}

void inode_touch(struct inode *inode)
{
	inode->mtime = inode->ctime = clock_realtime();
}

void inode_read_at(struct inode *inode)
{
	if (inode->atime <= inode->mtime || inode->atime <= inode->ctime)
		inode->atime = clock_realtime();
}

int inode_truncate(struct inode *inode, u64 size)
{
	if (S_ISDIR(inode->mode))
		return -EISDIR;
	if (!S_ISREG(inode->mode) || !inode->ops->set_size)
		return -EINVAL;
	mutex_lock(&inode->lock);
	int error = inode->ops->set_size(inode, size);
	if (!error) {
		inode_drop_privileges(inode);
		inode_touch(inode);
	}
	mutex_unlock(&inode->lock);
	return error;
}

/* Adds step to the count unless that would mix writers (above 0) and programs (below 0). */
static int count_writers(struct inode *inode, s32 step)
{
	s32 old = __atomic_load_n(&inode->writers, __ATOMIC_RELAXED);

	do {
		if ((s64)old * step < 0)
			return -ETXTBSY;
	} while (!__atomic_compare_exchange_n(&inode->writers, &old, old + step, true,
					      __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
	return 0;
}

int inode_get_write(struct inode *inode)
{
	return count_writers(inode, 1);
}

void inode_put_write(struct inode *inode)
{
	__atomic_fetch_sub(&inode->writers, 1, __ATOMIC_ACQ_REL);
}

int inode_deny_write(struct inode *inode)
{
	return count_writers(inode, -1);
}

void inode_allow_write(struct inode *inode)
{
	__atomic_fetch_add(&inode->writers, 1, __ATOMIC_ACQ_REL);
}
