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
#include <linux/magic.h>

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
	inode->uid = current->cred->fsuid;
	inode->gid = current->cred->fsgid;
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

/* What the mode refuses, a capability or the file system may allow: 0 or -EACCES. */
static int overridden(struct inode *inode, unsigned mask)
{
	mode_t mode = inode->mode;
	bool executable = S_ISDIR(mode) || (mode & 0111);

	if (capable(CAP_DAC_OVERRIDE) && (!(mask & MAY_EXEC) || executable))
		return 0;
	if (capable(CAP_DAC_READ_SEARCH) &&
	    (S_ISDIR(mode) ? !(mask & MAY_WRITE) : mask == MAY_READ))
		return 0;
	return inode->ops->permits && inode->ops->permits(inode) ? 0 : -EACCES;
}

int inode_permission(struct inode *inode, unsigned mask)
{
	if (inode->ops->refresh)
		inode->ops->refresh(inode);
	mode_t mode = inode->mode;
	if ((mask & MAY_WRITE) && inode->fs->read_only &&
	    (S_ISREG(mode) || S_ISDIR(mode) || S_ISLNK(mode)))
		return -EROFS;
	unsigned granted = current->cred->fsuid == inode->uid ? mode >> 6
			   : in_group(inode->gid)	      ? mode >> 3
							      : mode;
	return mask & ~granted & 7 ? overridden(inode, mask) : 0;
}

int inode_owner_check(const struct inode *inode)
{
	return current->cred->fsuid == inode->uid || capable(CAP_FOWNER) ? 0 : -EPERM;
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

/* Who is not of the group must not make programs of it. */
static bool may_set_group_id(gid_t gid)
{
	return in_group(gid) || capable(CAP_FSETID);
}

int inode_chmod(struct inode *inode, mode_t mode)
{
	int error = check_changeable(inode);

	if (error)
		return error;
	mutex_lock(
		&inode->lock); /* or a chown could make another's program of it after the check */
	error = inode_owner_check(inode);
	if (!error) {
		if (!may_set_group_id(inode->gid))
			mode &= ~S_ISGID;
		inode->mode = (inode->mode & S_IFMT) | (mode & 07777);
		status_changed(inode);
	}
	mutex_unlock(&inode->lock);
	return error;
}

/* The mode without set-user-ID and set-group-ID. Without group execute permission the latter means
 * something else (mandatory locks), and stays with who may set it. */
static mode_t without_privileges(const struct inode *inode)
{
	mode_t mode = inode->mode & ~S_ISUID;

	return (mode & S_IXGRP) || !may_set_group_id(inode->gid) ? mode & ~S_ISGID : mode;
}

/* chown(2): the owner may give the file to a group of his, CAP_CHOWN all. Who takes privileges from
 * a program by it changes its mode, and must be allowed that, too. */
static int may_chown(const struct inode *inode, uid_t uid, gid_t gid, mode_t new_mode)
{
	bool owner = current->cred->fsuid == inode->uid;
	bool uid_ok = uid == (uid_t)-1 || (owner && uid == inode->uid);
	bool gid_ok = gid == (gid_t)-1 || (owner && (gid == inode->gid || in_group(gid)));

	if (!(uid_ok && gid_ok) && !capable(CAP_CHOWN))
		return -EPERM;
	return new_mode != inode->mode ? inode_owner_check(inode) : 0;
}

int inode_chown(struct inode *inode, uid_t uid, gid_t gid)
{
	int error = check_changeable(inode);

	if (error)
		return error;
	mutex_lock(&inode->lock);
	mode_t mode = S_ISDIR(inode->mode) ? inode->mode : without_privileges(inode);
	error = may_chown(inode, uid, gid, mode);
	if (!error) {
		if (uid != (uid_t)-1)
			inode->uid = uid;
		if (gid != (gid_t)-1)
			inode->gid = gid;
		inode->mode = mode;
		status_changed(inode);
	}
	mutex_unlock(&inode->lock);
	return error;
}

void inode_drop_privileges(struct inode *inode)
{
	if ((inode->mode & (S_ISUID | S_ISGID)) && !capable(CAP_FSETID))
		inode->mode = without_privileges(inode);
}

void inode_inherit_group(struct inode *inode, const struct inode *dir)
{
	const mode_t program = S_ISGID | S_IXGRP;

	if (!(dir->mode & S_ISGID))
		return;
	inode->gid = dir->gid;
	if (S_ISDIR(inode->mode))
		inode->mode |= S_ISGID;
	else if ((inode->mode & program) == program && !may_set_group_id(dir->gid))
		inode->mode &= ~S_ISGID;
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

bool inode_has_seals(const struct inode *inode)
{
	return S_ISREG(inode->mode) && inode->fs->type->magic == TMPFS_MAGIC;
}
