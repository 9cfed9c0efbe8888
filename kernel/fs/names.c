/*
 * The calls that change names: mknod, mkdir, symlink, link, unlink, rmdir, rename. Each walks to
 * the parent directory and makes its change under one hold of the namespace lock. The checks come
 * in Linux's order, because programs see which error is first. A directory counts as a link of its
 * parent, by its "..".
 */
#include <linux/errno.h>
#include <linux/fs.h>
#include "fs/mount.h"
#include "fs/path.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "sched/task.h"

int path_may_create(struct dentry *dir)
{
	if (dir->deleted)
		return -ENOENT;
	int error = inode_permission(dir->inode, MAY_WRITE | MAY_EXEC);
	if (error)
		return error;
	return dir->inode->ops->make ? 0 : -EPERM;
}

/* May the name child be taken from dir, as a directory (rmdir) or as something else (unlink)? */
static int may_delete(struct dentry *dir, struct dentry *child, bool as_dir)
{
	int error = inode_permission(dir->inode, MAY_WRITE | MAY_EXEC);

	if (error)
		return error;
	if ((dir->inode->mode & S_ISVTX) && inode_owner_check(child->inode) &&
	    inode_owner_check(dir->inode))
		return -EPERM;
	if (as_dir && !inode_is_dir(child->inode))
		return -ENOTDIR;
	if (!as_dir && inode_is_dir(child->inode))
		return -EISDIR;
	if (!dir->inode->ops->make)
		return -EPERM;
	return child->covered ? -EBUSY : 0;
}

static void add_link(struct inode *inode)
{
	inode->nlink++;
	inode->ctime = clock_realtime();
}

/* Takes a linked name away and counts the links; an empty directory loses "." as well. */
static void remove_name(struct dentry *dir, struct dentry *child)
{
	struct inode *inode = child->inode;

	if (inode_is_dir(inode)) {
		inode->nlink = 0;
		dir->inode->nlink--;
	} else {
		inode->nlink--;
	}
	inode->ctime = clock_realtime();
	inode_touch(dir->inode);
	dentry_unlink(child);
}

/* Makes a name in end->dir for inode, whose reference is taken over. Referenced. */
static struct dentry *add_name(struct path_end *end, struct inode *inode)
{
	struct dentry *dentry = dentry_alloc(end->dir, end->name, end->length, inode);

	if (!dentry)
		return ERR_PTR(-ENOMEM);
	dentry_link(dentry);
	inode_touch(end->dir->inode);
	return dentry;
}

struct dentry *path_make(struct path_end *end, mode_t mode, dev_t rdev, const char *target)
{
	struct inode *dir = end->dir->inode;
	int error = path_may_create(end->dir);

	if (error)
		return ERR_PTR(error);
	struct inode *inode = dir->ops->make(dir, mode, rdev, target);
	if (IS_ERR(inode))
		return ERR_PTR(PTR_ERR(inode));
	struct dentry *dentry = add_name(end, inode);
	if (!IS_ERR(dentry) && S_ISDIR(mode))
		dir->nlink++;
	return dentry;
}

/* Walks to where a name is to be made that must not exist yet. The namespace lock is held. */
static int walk_to_new(int dirfd, const char *path, bool directory, struct path_end *end)
{
	int error = path_walk(dirfd, path, LOOKUP_PARENT, end);

	if (error)
		return error;
	if (end->kind != PATH_NAME || end->child)
		error = -EEXIST;
	else if (end->slash && !directory)
		error = -ENOENT;
	if (error)
		path_end_put(end);
	return error;
}

static int make_at(int dirfd, const char *path, mode_t mode, dev_t rdev, const char *target)
{
	struct path_end end;

	namespace_lock();
	int error = walk_to_new(dirfd, path, S_ISDIR(mode), &end);
	if (!error) {
		struct dentry *dentry = path_make(&end, mode, rdev, target);
		error = IS_ERR(dentry) ? PTR_ERR(dentry) : 0;
		if (!error)
			dentry_put(dentry);
		path_end_put(&end);
	}
	namespace_unlock();
	return error;
}

int fs_mknod(int dirfd, const char *path, mode_t mode, dev_t rdev)
{
	switch (mode & S_IFMT) {
	case 0:
		mode |= S_IFREG;
		break;
	case S_IFREG:
	case S_IFIFO:
	case S_IFSOCK:
		break;
	case S_IFCHR:
	case S_IFBLK:
		if (!capable(CAP_MKNOD))
			return -EPERM;
		break;
	case S_IFDIR:
		return -EPERM;
	default:
		return -EINVAL;
	}
	return make_at(dirfd, path, mode, rdev, NULL);
}

int fs_mkdir(int dirfd, const char *path, mode_t mode)
{
	return make_at(dirfd, path, S_IFDIR | (mode & 01777), 0, NULL);
}

int fs_make_parents(const char *path)
{
	char *copy = kmalloc(strlen(path) + 1);
	int error = 0;

	if (!copy)
		return -ENOMEM;
	strlcpy(copy, path, strlen(path) + 1);
	for (char *slash = strchr(copy, '/'); slash && !error; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		if (*copy)
			error = fs_mkdir(AT_FDCWD, copy, 0755);
		if (error == -EEXIST)
			error = 0;
		*slash = '/';
	}
	kfree(copy);
	return error;
}

int fs_symlink(const char *target, int dirfd, const char *path)
{
	if (!*target)
		return -ENOENT;
	return make_at(dirfd, path, S_IFLNK | 0777, 0, target);
}

/* The namespace lock is held. */
static int link_locked(struct dentry *old, struct path_end *end)
{
	struct inode *inode = old->inode;
	int error;

	if (inode->fs != end->dir->inode->fs)
		return -EXDEV;
	error = path_may_create(end->dir);
	if (error)
		return error;
	if (inode_is_dir(inode))
		return -EPERM;
	if (inode->nlink == 0)
		return -ENOENT;
	struct dentry *dentry = add_name(end, inode_get(inode));
	if (IS_ERR(dentry))
		return PTR_ERR(dentry);
	add_link(inode);
	dentry_put(dentry);
	return 0;
}

int fs_link_dentry(struct dentry *old, int dirfd, const char *path)
{
	struct path_end end;

	namespace_lock();
	int error = walk_to_new(dirfd, path, false, &end);
	if (!error) {
		error = link_locked(old, &end);
		path_end_put(&end);
	}
	namespace_unlock();
	return error;
}

int fs_link(int old_dirfd, const char *old_path, int dirfd, const char *path, u32 lookup_flags)
{
	struct path_end old, end;

	namespace_lock();
	int error = path_walk(old_dirfd, old_path, lookup_flags, &old);
	if (error)
		goto unlock;
	error = walk_to_new(dirfd, path, false, &end);
	if (!error) {
		error = link_locked(old.child, &end);
		path_end_put(&end);
	}
	path_end_put(&old);
unlock:
	namespace_unlock();
	return error;
}

static int unlink_locked(struct path_end *end)
{
	if (end->kind != PATH_NAME)
		return -EISDIR;
	if (!end->child)
		return -ENOENT;
	if (end->slash)
		return inode_is_dir(end->child->inode) ? -EISDIR : -ENOTDIR;
	int error = may_delete(end->dir, end->child, false);
	if (!error)
		remove_name(end->dir, end->child);
	return error;
}

static int rmdir_locked(struct path_end *end)
{
	if (end->kind != PATH_NAME)
		return end->kind == PATH_DOT	  ? -EINVAL
		       : end->kind == PATH_DOTDOT ? -ENOTEMPTY
						  : -EBUSY;
	if (!end->child)
		return -ENOENT;
	int error = may_delete(end->dir, end->child, true);
	if (!error && end->child->child_count)
		error = -ENOTEMPTY;
	if (!error)
		remove_name(end->dir, end->child);
	return error;
}

static int remove_at(int dirfd, const char *path, int (*remove)(struct path_end *end))
{
	struct path_end end;

	namespace_lock();
	int error = path_walk(dirfd, path, LOOKUP_PARENT, &end);
	if (!error) {
		error = remove(&end);
		path_end_put(&end);
	}
	namespace_unlock();
	return error;
}

int fs_unlink(int dirfd, const char *path)
{
	return remove_at(dirfd, path, unlink_locked);
}

int fs_rmdir(int dirfd, const char *path)
{
	return remove_at(dirfd, path, rmdir_locked);
}

/* What of a rename can be told from the two names alone. */
static int rename_check_names(const struct path_end *old, const struct path_end *new, u32 flags)
{
	bool exchange = flags & RENAME_EXCHANGE;

	if (old->kind != PATH_NAME)
		return -EBUSY;
	if (new->kind != PATH_NAME)
		return flags & RENAME_NOREPLACE ? -EEXIST : -EBUSY;
	if (old->dir->inode->fs != new->dir->inode->fs)
		return -EXDEV;
	if (!old->child)
		return -ENOENT;
	if ((flags & RENAME_NOREPLACE) && new->child)
		return -EEXIST;
	if (exchange && !new->child)
		return -ENOENT;
	if (exchange && new->slash && !inode_is_dir(new->child->inode))
		return -ENOTDIR;
	if (!inode_is_dir(old->child->inode) && (old->slash || (!exchange && new->slash)))
		return -ENOTDIR;
	if (dentry_is_below(new->dir, old->child))
		return -EINVAL;
	if (new->child && dentry_is_below(old->dir, new->child))
		return exchange ? -EINVAL : -ENOTEMPTY;
	return 0;
}

/* A directory that gets another parent has its ".." written. */
static int rename_check_dotdot(const struct path_end *from, const struct path_end *to)
{
	if (from->dir == to->dir || !inode_is_dir(from->child->inode))
		return 0;
	return inode_permission(from->child->inode, MAY_WRITE);
}

static int rename_check_access(const struct path_end *old, const struct path_end *new, u32 flags)
{
	bool is_dir = inode_is_dir(old->child->inode);
	bool exchange = flags & RENAME_EXCHANGE;
	int error = may_delete(old->dir, old->child, is_dir);

	if (error)
		return error;
	if (!new->child)
		error = path_may_create(new->dir);
	else
		error = may_delete(new->dir, new->child,
				   exchange ? inode_is_dir(new->child->inode) : is_dir);
	if (!error)
		error = rename_check_dotdot(old, new);
	if (!error && exchange)
		error = rename_check_dotdot(new, old);
	if (!error && !exchange && new->child &&new->child->child_count)
		error = -ENOTEMPTY;
	return error;
}

/* from's directory has one ".." less below it and to's one more. */
static void move_dotdot(const struct path_end *from, const struct path_end *to)
{
	if (inode_is_dir(from->child->inode)) {
		from->dir->inode->nlink--;
		to->dir->inode->nlink++;
	}
}

static int rename_locked(struct path_end *old, struct path_end *new, u32 flags)
{
	int error = rename_check_names(old, new, flags);

	if (error)
		return error;
	if (new->child &&new->child->inode == old->child->inode)
		return 0;
	error = rename_check_access(old, new, flags);
	if (error)
		return error;
	if (flags & RENAME_EXCHANGE) {
		move_dotdot(new, old);
		move_dotdot(old, new);
		new->child->inode->ctime = clock_realtime();
		dentry_swap(old->child, new->child);
	} else {
		char *name = kmalloc(new->length + 1);
		if (!name)
			return -ENOMEM;
		memcpy(name, new->name, new->length);
		name[new->length] = 0;
		if (new->child)
			remove_name(new->dir, new->child);
		move_dotdot(old, new);
		dentry_move(old->child, new->dir, name, new->length);
	}
	old->child->inode->ctime = clock_realtime();
	inode_touch(old->dir->inode);
	inode_touch(new->dir->inode);
	return 0;
}

int fs_rename(int old_dirfd, const char *old_path, int dirfd, const char *path, u32 flags)
{
	struct path_end old, new;

	if (flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	if ((flags & RENAME_NOREPLACE) && (flags & RENAME_EXCHANGE))
		return -EINVAL;
	namespace_lock();
	int error = path_walk(old_dirfd, old_path, LOOKUP_PARENT, &old);
	if (error)
		goto unlock;
	error = path_walk(dirfd, path, LOOKUP_PARENT, &new);
	if (!error) {
		error = rename_locked(&old, &new, flags);
		path_end_put(&new);
	}
	path_end_put(&old);
unlock:
	namespace_unlock();
	return error;
}

ssize_t fs_readlink(struct dentry *link, char *buf, size_t size)
{
	struct inode *inode = link->inode;

	if (!S_ISLNK(inode->mode))
		return -EINVAL;
	if (inode->ops->readlink)
		return inode->ops->readlink(link, buf, size);
	size_t length = min(strlen(inode->link), size);
	memcpy(buf, inode->link, length);
	inode_read_at(inode);
	return length;
}
