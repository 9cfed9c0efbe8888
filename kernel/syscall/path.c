/*
 * The calls on names: reading directories, moving about, making, removing and renaming. Each copies
 * its paths in, calls the function of the file floor that does it, and frees them.
 */
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include "fs/file.h"
#include "fs/mount.h"
#include "fs/path.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "sched/task.h"
#include "syscall/file.h"
#include "syscall/user.h"

/* What getdents64(2) and getdents(2) fill the buffer with; the UAPI headers leave it to the man
 * page. */
struct dirent64 {
	u64 ino;
	s64 next;   /* position of the next entry */
	u16 length; /* of the record */
	u8 type;
	char name[];
} __packed;

struct dirent {
	u64 ino;
	u64 next;
	u16 length;
	char name[]; /* terminated; the last byte of the record is the type */
} __packed;

struct getdents {
	struct dir_context context;
	char __user *buf;
	size_t left; /* bytes */
	bool old;
	int error; /* of the entry that did not fit or could not be copied */
	union {
		struct dirent64 new_record;
		struct dirent old_record;
		char record[280];
	};
};

static bool emit_dirent(struct dir_context *context, const char *name, size_t length, u64 ino,
			unsigned type, s64 next)
{
	struct getdents *g = container_of(context, struct getdents, context);
	size_t name_at = g->old ? offsetof(struct dirent, name) : offsetof(struct dirent64, name);
	size_t size = align_up(name_at + length + 1 + g->old, 8);

	g->error = -EINVAL;
	if (size > g->left)
		return false;
	memset(g->record, 0, size);
	if (g->old) {
		g->old_record.ino = ino;
		g->old_record.next = next;
		g->old_record.length = size;
		g->record[size - 1] = type;
	} else {
		g->new_record.ino = ino;
		g->new_record.next = next;
		g->new_record.length = size;
		g->new_record.type = type;
	}
	memcpy(g->record + name_at, name, length);
	g->error = copy_to_user(g->buf, g->record, size);
	if (g->error)
		return false;
	g->buf += size;
	g->left -= size;
	return true;
}

static s64 getdents(int fd, void __user *buf, size_t size, bool old)
{
	struct file *file = fd_get(fd);
	s64 result = -ENOTDIR;

	if (!file)
		return -EBADF;
	if (file->ops->readdir) {
		struct getdents g = { .buf = buf, .left = size, .old = old };
		g.context.emit = emit_dirent;
		g.context.pos = *file_pos_start(file);
		result = file->ops->readdir(file, &g.context);
		file->pos = g.context.pos;
		file_pos_end(file);
		inode_read_at(file->inode);
		if (!result)
			result = g.left < size ? (s64)(size - g.left) : g.error;
	}
	file_put(file);
	return result;
}

s64 sys_getdents64(int fd, void __user *buf, unsigned size)
{
	return getdents(fd, buf, size, false);
}

s64 sys_getdents(int fd, void __user *buf, unsigned size)
{
	return getdents(fd, buf, size, true);
}

/* The working directory's name, with Linux's prefix if it lies outside the root. */
static char *cwd_name(struct dentry *cwd, struct dentry *root, char *buf)
{
	static const char prefix[] = "(unreachable)";
	size_t reserved = sizeof(prefix) - 1;
	bool reachable;

	if (cwd->deleted)
		return ERR_PTR(-ENOENT);
	char *name = dentry_path_from(cwd, root, buf + reserved, PATH_LIMIT - reserved, &reachable);
	if (!IS_ERR(name) && !reachable) {
		name -= reserved;
		memcpy(name, prefix, reserved);
	}
	return name;
}

s64 sys_getcwd(char __user *user_buf, size_t size)
{
	char *buf = kmalloc(PATH_LIMIT);

	if (!buf)
		return -ENOMEM;
	struct fs_struct *fs = current->fs;
	spin_lock(&fs->lock); /* both of one moment */
	struct dentry *cwd = dentry_get(fs->cwd), *root = dentry_get(fs->root);
	spin_unlock(&fs->lock);
	char *name = cwd_name(cwd, root, buf);
	s64 result;
	if (IS_ERR(name)) {
		result = PTR_ERR(name);
	} else {
		result = strlen(name) + 1;
		if ((size_t)result > size)
			result = -ERANGE;
		else if (copy_to_user(user_buf, name, result))
			result = -EFAULT;
	}
	dentry_put(cwd);
	dentry_put(root);
	kfree(buf);
	return result;
}

/* A directory by name that may be entered: referenced, or ERR_PTR. */
static struct dentry *directory_from_user(const char __user *path)
{
	char *name = path_from_user(path);

	if (IS_ERR(name))
		return ERR_PTR(PTR_ERR(name));
	struct dentry *dir = path_lookup(AT_FDCWD, name, LOOKUP_FOLLOW | LOOKUP_DIRECTORY);
	kfree(name);
	if (IS_ERR(dir))
		return dir;
	int error = inode_permission(dir->inode, MAY_EXEC);
	if (!error)
		return dir;
	dentry_put(dir);
	return ERR_PTR(error);
}

s64 sys_chdir(const char __user *path)
{
	struct dentry *dir = directory_from_user(path);

	if (IS_ERR(dir))
		return PTR_ERR(dir);
	fs_set_cwd(current->fs, dir);
	return 0;
}

s64 sys_fchdir(int fd)
{
	struct file *file = fd_get_raw(fd);
	s64 result = -ENOTDIR;

	if (!file)
		return -EBADF;
	if (inode_is_dir(file->inode))
		result = inode_permission(file->inode, MAY_EXEC);
	if (!result)
		fs_set_cwd(current->fs, dentry_get(file->dentry));
	file_put(file);
	return result;
}

s64 sys_chroot(const char __user *path)
{
	struct dentry *dir = directory_from_user(path);

	if (IS_ERR(dir))
		return PTR_ERR(dir);
	if (!capable(CAP_SYS_CHROOT)) {
		dentry_put(dir);
		return -EPERM;
	}
	fs_set_root(current->fs, dir);
	return 0;
}

s64 sys_umask(mode_t mask)
{
	struct fs_struct *fs = current->fs;

	spin_lock(&fs->lock);
	mode_t old = fs->umask;
	fs->umask = mask & 0777;
	spin_unlock(&fs->lock);
	return old;
}

s64 sys_mkdirat(int dirfd, const char __user *path, mode_t mode)
{
	char *name = path_from_user(path);

	if (IS_ERR(name))
		return PTR_ERR(name);
	s64 result = fs_mkdir(dirfd, name, mode & ~current->fs->umask);
	kfree(name);
	return result;
}

s64 sys_mkdir(const char __user *path, mode_t mode)
{
	return sys_mkdirat(AT_FDCWD, path, mode);
}

s64 sys_mknodat(int dirfd, const char __user *path, mode_t mode, unsigned dev)
{
	char *name = path_from_user(path);

	if (IS_ERR(name))
		return PTR_ERR(name);
	s64 result = fs_mknod(dirfd, name, mode & ~current->fs->umask, dev);
	kfree(name);
	return result;
}

s64 sys_mknod(const char __user *path, mode_t mode, unsigned dev)
{
	return sys_mknodat(AT_FDCWD, path, mode, dev);
}

s64 sys_unlinkat(int dirfd, const char __user *path, int flags)
{
	if (flags & ~AT_REMOVEDIR)
		return -EINVAL;
	char *name = path_from_user(path);
	if (IS_ERR(name))
		return PTR_ERR(name);
	s64 result = flags & AT_REMOVEDIR ? fs_rmdir(dirfd, name) : fs_unlink(dirfd, name);
	kfree(name);
	return result;
}

s64 sys_unlink(const char __user *path)
{
	return sys_unlinkat(AT_FDCWD, path, 0);
}

s64 sys_rmdir(const char __user *path)
{
	return sys_unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

/* Two paths, both to be freed; 0 or the error of the first that failed. */
static int two_paths(const char __user *first, const char __user *second, char *names[2])
{
	names[1] = NULL;
	names[0] = path_from_user(first);
	if (IS_ERR(names[0]))
		return PTR_ERR(names[0]);
	names[1] = path_from_user(second);
	if (!IS_ERR(names[1]))
		return 0;
	kfree(names[0]);
	return PTR_ERR(names[1]);
}

s64 sys_renameat2(int old_dirfd, const char __user *old_path, int dirfd, const char __user *path,
		  unsigned flags)
{
	char *names[2];

	s64 result = two_paths(old_path, path, names);
	if (result)
		return result;
	result = fs_rename(old_dirfd, names[0], dirfd, names[1], flags);
	kfree(names[0]);
	kfree(names[1]);
	return result;
}

s64 sys_renameat(int old_dirfd, const char __user *old_path, int dirfd, const char __user *path)
{
	return sys_renameat2(old_dirfd, old_path, dirfd, path, 0);
}

s64 sys_rename(const char __user *old_path, const char __user *path)
{
	return sys_renameat2(AT_FDCWD, old_path, AT_FDCWD, path, 0);
}

s64 sys_linkat(int old_dirfd, const char __user *old_path, int dirfd, const char __user *path,
	       int flags)
{
	char *names[2];
	u32 lookup = (flags & AT_SYMLINK_FOLLOW ? LOOKUP_FOLLOW : 0) |
		     (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);

	if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if ((flags & AT_EMPTY_PATH) && !capable(CAP_DAC_READ_SEARCH))
		return -ENOENT;
	s64 result = two_paths(old_path, path, names);
	if (result)
		return result;
	result = fs_link(old_dirfd, names[0], dirfd, names[1], lookup);
	kfree(names[0]);
	kfree(names[1]);
	return result;
}

s64 sys_link(const char __user *old_path, const char __user *path)
{
	return sys_linkat(AT_FDCWD, old_path, AT_FDCWD, path, 0);
}

s64 sys_symlinkat(const char __user *target, int dirfd, const char __user *path)
{
	char *names[2];

	s64 result = two_paths(target, path, names);
	if (result)
		return result;
	result = fs_symlink(names[0], dirfd, names[1]);
	kfree(names[0]);
	kfree(names[1]);
	return result;
}

s64 sys_symlink(const char __user *target, const char __user *path)
{
	return sys_symlinkat(target, AT_FDCWD, path);
}

static s64 readlink_dentry(struct dentry *link, char __user *user_buf, int size)
{
	size_t room = min((size_t)size, (size_t)PATH_LIMIT);
	char *buf = kmalloc(room);

	if (!buf)
		return -ENOMEM;
	s64 result = fs_readlink(link, buf, room);
	if (result > 0 && copy_to_user(user_buf, buf, result))
		result = -EFAULT;
	kfree(buf);
	return result;
}

s64 sys_readlinkat(int dirfd, const char __user *path, char __user *buf, int size)
{
	if (size <= 0)
		return -EINVAL;
	char *name = path_from_user(path);
	if (IS_ERR(name))
		return PTR_ERR(name);
	bool empty = !*name;
	struct dentry *link = path_lookup(dirfd, name, LOOKUP_EMPTY);
	kfree(name);
	if (IS_ERR(link))
		return PTR_ERR(link);
	s64 result = readlink_dentry(link, buf, size);
	dentry_put(link);
	return result == -EINVAL && empty ? -ENOENT : result;
}

s64 sys_readlink(const char __user *path, char __user *buf, int size)
{
	return sys_readlinkat(AT_FDCWD, path, buf, size);
}

s64 sys_mount(const char __user *source, const char __user *path, const char __user *type,
	      u64 flags, const void __user *data)
{
	char *names[2];

	(void)data; /* no type takes options */
	s64 result = two_paths(path, source ? source : path, names);
	if (result)
		return result;
	char *kind = type ? string_from_user(type, 64) : NULL;
	if (IS_ERR(kind))
		result = PTR_ERR(kind) == -ENAMETOOLONG ? -ENODEV : PTR_ERR(kind);
	else if (!kind && !(flags & MS_REMOUNT))
		result = -EINVAL;
	else
		result = fs_mount_type(source ? names[1] : "none", names[0], kind, flags);
	if (!IS_ERR(kind))
		kfree(kind);
	kfree(names[0]);
	kfree(names[1]);
	return result;
}

s64 sys_umount2(const char __user *path, int flags)
{
	char *name = path_from_user(path);

	if (IS_ERR(name))
		return PTR_ERR(name);
	s64 result = fs_umount(name, flags);
	kfree(name);
	return result;
}
