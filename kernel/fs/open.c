/*
 * open(2). The walk, the permission check and the creation of a missing file are one hold of the
 * namespace lock; what may sleep for long (a fifo waiting for its other end) or takes the inode's
 * lock (O_TRUNC) comes after it.
 */
#include <linux/errno.h>
#include "fs/device.h"
#include "fs/file.h"
#include "fs/mount.h"
#include "fs/path.h"
#include "sched/task.h"

static const struct file_ops no_ops = { .open = NULL };

static bool wants_write(int flags)
{
	return (flags & O_ACCMODE) != O_RDONLY;
}

/* What open(2) checks of an existing file. */
static int check_open(struct inode *inode, int flags)
{
	unsigned mask = 0;

	if (flags & O_PATH)
		return 0;
	if (S_ISLNK(inode->mode))
		return -ELOOP;
	if (inode_is_dir(inode) && (wants_write(flags) || (flags & O_CREAT)))
		return -EISDIR;
	if ((flags & O_ACCMODE) != O_WRONLY)
		mask |= MAY_READ;
	if (wants_write(flags) || (flags & O_TRUNC))
		mask |= MAY_WRITE;
	int error = inode_permission(inode, mask);
	if (!error && (flags & O_NOATIME))
		error = inode_owner_check(inode);
	return error;
}

/* The ops behind an inode; NULL if there is no driver or it cannot be opened (a socket's name). */
static const struct file_ops *find_ops(struct inode *inode, int flags)
{
	if (flags & O_PATH)
		return &no_ops;
	if (S_ISCHR(inode->mode))
		return chrdev_find(inode->rdev);
	if (S_ISBLK(inode->mode) || S_ISSOCK(inode->mode))
		return NULL;
	return inode->file_ops;
}

/* The parts of opening that need a struct file. */
static int finish_open(struct file *file, int flags)
{
	struct inode *inode = file->inode;
	int error = 0;

	if (S_ISREG(inode->mode) && (file->mode & FMODE_WRITE)) {
		error = inode_get_write(inode);
		if (error)
			return error;
		file->mode |= FMODE_WRITER;
	}
	if (file->ops->open)
		error = file->ops->open(inode, file);
	file->flags &= ~O_NOCTTY; /* meant for ops->open alone */
	if (error) {
		if (file->mode & FMODE_WRITER)
			inode_put_write(inode);
		file->mode = 0;
		file->ops = &no_ops; /* not opened: nothing to release */
		return error;
	}
	if ((flags & O_TRUNC) && S_ISREG(inode->mode) && inode->ops->set_size) {
		error = inode_get_write(inode);
		if (error)
			return error;
		error = inode_truncate(inode, 0);
		inode_put_write(inode);
	}
	return error;
}

/* Opens what a dentry leads to; the walk and the permission check are done. */
static struct file *open_checked(struct dentry *dentry, int flags)
{
	const struct file_ops *ops = find_ops(dentry->inode, flags);

	if (!ops)
		return ERR_PTR(-ENXIO);
	struct file *file = file_alloc(dentry, ops, flags);
	if (IS_ERR(file))
		return file;
	int error = finish_open(file, flags & O_PATH ? 0 : flags);
	if (error) {
		file_put(file);
		return ERR_PTR(error);
	}
	return file;
}

struct file *file_open_dentry(struct dentry *dentry, int flags)
{
	int error = check_open(dentry->inode, flags);

	return error ? ERR_PTR(error) : open_checked(dentry, flags);
}

/* The file that open(2) means, found or created (*created): referenced. The namespace lock is
 * held. */
static struct dentry *find_or_create(int dirfd, const char *path, int flags, mode_t mode,
				     bool *created)
{
	u32 lookup = flags & O_DIRECTORY ? LOOKUP_DIRECTORY : 0;
	struct path_end end;
	struct dentry *dentry;
	bool exclusive = (flags & O_CREAT) && (flags & O_EXCL);

	if (!(flags & O_NOFOLLOW) && !exclusive)
		lookup |= LOOKUP_FOLLOW;
	if (flags & O_CREAT)
		lookup |= LOOKUP_CREATE;
	int error = path_walk(dirfd, path, lookup, &end);
	if (error)
		return ERR_PTR(error);
	*created = !end.child;
	if (end.child && exclusive)
		dentry = ERR_PTR(-EEXIST);
	else if (end.child)
		dentry = dentry_get(end.child);
	else if (end.slash)
		dentry = ERR_PTR(-EISDIR);
	else if (!end.dir->inode->ops->make)
		dentry = ERR_PTR(-EACCES); /* for other names than files it is EPERM */
	else
		dentry = path_make(&end, S_IFREG | (mode & 07777), 0, NULL);
	path_end_put(&end);
	return dentry;
}

struct file *file_open(int dirfd, const char *path, int flags, mode_t mode)
{
	bool created = false;

	if (flags & O_PATH)
		flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	if (flags & __O_TMPFILE)
		return ERR_PTR(-EOPNOTSUPP);
	if ((flags & O_CREAT) && (flags & O_DIRECTORY))
		return ERR_PTR(-EINVAL);
	namespace_lock();
	struct dentry *dentry = find_or_create(dirfd, path, flags, mode, &created);
	namespace_unlock();
	if (IS_ERR(dentry))
		return ERR_PTR(PTR_ERR(dentry));
	/* who creates a file may open it as asked, whatever its mode says */
	struct file *file =
		created ? open_checked(dentry, flags & ~O_TRUNC) : file_open_dentry(dentry, flags);
	dentry_put(dentry);
	return file;
}

struct file *file_open_kernel(const char *path, int flags)
{
	return file_open(AT_FDCWD, path, flags, 0);
}

struct file *file_open_exec(int dirfd, const char *path, int flags)
{
	u32 lookup = flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW;
	struct dentry *dentry =
		path_lookup(dirfd, path, lookup | (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0));
	struct file *file;

	if (IS_ERR(dentry))
		return ERR_PTR(PTR_ERR(dentry));
	struct inode *inode = dentry->inode;
	int error = 0;
	if (S_ISLNK(inode->mode))
		error = -ELOOP;
	else if (!S_ISREG(inode->mode))
		error = -EACCES;
	if (!error)
		error = inode_permission(inode, MAY_EXEC);
	if (!error)
		error = inode_deny_write(inode);
	if (error) {
		file = ERR_PTR(error);
		goto put;
	}
	file = open_checked(dentry, O_RDONLY);
	if (IS_ERR(file))
		inode_allow_write(inode);
	else
		file->mode |= FMODE_PROGRAM;
put:
	dentry_put(dentry);
	return file;
}
