/*
 * The list of mounts, the types of file systems, and mount(2) and umount2(2). A file system lives
 * from its mount to its umount, which is refused (EBUSY) while anybody holds anything in it; so its
 * inodes may point at it without counting. The namespace lock guards everything here but the
 * counters marked atomic.
 */
#include <asm/statfs.h>
#include <linux/errno.h>
#include <linux/mount.h>
#include "fs/fs.h"
#include "fs/mount.h"
#include "fs/path.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "sched/task.h"
#include "x86/printk.h"

#define ST_VALID 0x20	  /* statfs(2): f_flags means something */
#define UMOUNT_NOFOLLOW 8 /* the UAPI headers lack the flags of umount2(2) */
#define UMOUNT_FLAGS 15	  /* MNT_FORCE, MNT_DETACH, MNT_EXPIRE and it */

struct dentry *fs_root;

static struct list_head mounts = LIST_HEAD_INIT(mounts);
static struct list_head types = LIST_HEAD_INIT(types);
static u32 last_minor; /* atomic; of the device numbers given to file systems */

u64 filesystem_next_ino(struct filesystem *fs)
{
	return __atomic_add_fetch(&fs->next_ino, 1, __ATOMIC_RELAXED);
}

struct dentry *filesystem_make_root(const struct fs_type *type, mode_t mode,
				    const struct inode_ops *ops, const struct file_ops *file_ops)
{
	struct filesystem *fs = kzalloc(sizeof(*fs));

	if (!fs)
		return ERR_PTR(-ENOMEM);
	fs->type = type;
	fs->dev = dev_make(0, __atomic_add_fetch(&last_minor, 1, __ATOMIC_RELAXED));
	struct inode *inode = inode_alloc(fs, S_IFDIR | mode, ops, file_ops);
	if (!inode)
		goto free;
	inode->ino = filesystem_next_ino(fs);
	inode->nlink = 2;
	struct dentry *root = dentry_alloc(NULL, "/", 1, inode);
	if (root)
		return root;
free:
	kfree(fs);
	return ERR_PTR(-ENOMEM);
}

void filesystem_statfs(const struct filesystem *fs, struct statfs *statfs)
{
	*statfs = (struct statfs){
		.f_type = fs->type->magic,
		.f_bsize = PAGE_SIZE,
		.f_frsize = PAGE_SIZE,
		.f_namelen = NAME_LIMIT,
		.f_fsid.val[0] = fs->dev,
		.f_flags =
			ST_VALID | (fs->read_only ? MS_RDONLY : 0) | (fs->nosuid ? MS_NOSUID : 0),
	};
	if (fs->type->in_memory) {
		statfs->f_blocks = frame_total();
		statfs->f_bfree = statfs->f_bavail = frame_free_count();
	}
}

/* Frees a file system whose root only the caller holds. */
static void filesystem_destroy(struct dentry *root)
{
	struct filesystem *fs = root->inode->fs;

	dentry_tree_destroy(root);
	dentry_put(root);
	kfree(fs);
}

void fs_type_register(struct fs_type *type)
{
	namespace_lock();
	list_add_tail(&types, &type->link);
	namespace_unlock();
}

static const struct fs_type *find_type(const char *name)
{
	struct fs_type *type;

	list_for_each(type, &types, link)
		if (strcmp(type->name, name) == 0)
			return type;
	return NULL;
}

struct dentry *mount_enter(struct dentry *dentry)
{
	while (dentry->covered) {
		struct dentry *root = dentry_get(dentry->covered->root);

		dentry_put(dentry);
		dentry = root;
	}
	return dentry;
}

static void set_flags(struct mount *mount, u32 flags)
{
	struct filesystem *fs = mount->root->inode->fs;

	mount->flags = flags;
	fs->read_only = flags & MS_RDONLY;
	fs->nosuid = flags & MS_NOSUID;
}

/* The namespace lock is held. */
static int attach(struct dentry *at, struct dentry *root, const char *source, u32 flags)
{
	if (root->mount || (at && at->covered))
		return -EBUSY;
	if (!inode_is_dir(root->inode) || (at && !inode_is_dir(at->inode)))
		return -ENOTDIR;
	if (at && at->deleted)
		return -ENOENT;
	struct mount *mount = kzalloc(sizeof(*mount));
	if (!mount)
		return -ENOMEM;
	mount->at = at ? dentry_get(at) : NULL;
	mount->root = dentry_get(root);
	set_flags(mount, flags);
	strlcpy(mount->source, source, sizeof(mount->source));
	list_add_tail(&mounts, &mount->link);
	dentry_set_mount(mount, true);
	return 0;
}

int fs_mount(struct dentry *at, struct dentry *root, const char *source, u32 flags)
{
	namespace_lock();
	int error = attach(at, root, source, flags);
	namespace_unlock();
	return error;
}

int fs_mount_at(const char *path, struct dentry *root, const char *source)
{
	int error = fs_make_parents(path);

	if (!error)
		error = fs_mkdir(AT_FDCWD, path, 0755);
	if (error && error != -EEXIST)
		return error;
	struct dentry *at = path_lookup(AT_FDCWD, path, LOOKUP_FOLLOW);
	if (IS_ERR(at))
		return PTR_ERR(at);
	error = fs_mount(at, root, source, 0);
	dentry_put(at);
	return error;
}

/* A directory to mount on, or a mount's root, by name; the namespace lock is held. */
static struct dentry *find_place(const char *path, u32 lookup_flags)
{
	struct path_end end;
	int error = path_walk(AT_FDCWD, path, lookup_flags, &end);

	return error ? ERR_PTR(error) : path_end_take(&end);
}

static int remount(struct dentry *at, u32 flags)
{
	if (!at->mount)
		return -EINVAL;
	set_flags(at->mount, flags & ~MS_REMOUNT);
	return 0;
}

static int mount_new(struct dentry *at, const char *source, const char *type_name, u32 flags)
{
	const struct fs_type *type = find_type(type_name);

	if (!type)
		return -ENODEV;
	struct dentry *root = type->mount(type);
	if (IS_ERR(root))
		return PTR_ERR(root);
	int error = attach(at, root, source, flags);
	if (error)
		filesystem_destroy(root);
	else
		dentry_put(root);
	return error;
}

int fs_mount_type(const char *source, const char *path, const char *type, u32 flags)
{
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	namespace_lock();
	struct dentry *at = find_place(path, LOOKUP_FOLLOW);
	int error = IS_ERR(at) ? PTR_ERR(at) : 0;
	if (error)
		goto unlock;
	if (flags & (MS_BIND | MS_MOVE | MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE))
		error = -EINVAL;
	else if (flags & MS_REMOUNT)
		error = remount(at, flags);
	else
		error = mount_new(at, source, type, flags);
	dentry_put(at);
unlock:
	namespace_unlock();
	return error;
}

/* Nobody may hold anything in it but its mount and the caller (one reference on the root each). */
static int detach(struct dentry *root)
{
	struct mount *mount = root->mount;

	if (!mount || !mount->at)
		return -EINVAL;
	if (dentry_tree_busy(root, 2))
		return -EBUSY;
	dentry_set_mount(mount, false);
	list_del(&mount->link);
	dentry_put(mount->at);
	dentry_put(mount->root);
	kfree(mount);
	return 0;
}

int fs_umount(const char *path, u32 flags)
{
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (flags & ~UMOUNT_FLAGS)
		return -EINVAL;
	namespace_lock();
	struct dentry *root = find_place(path, flags & UMOUNT_NOFOLLOW ? 0 : LOOKUP_FOLLOW);
	int error = IS_ERR(root) ? PTR_ERR(root) : 0;
	if (!error) {
		error = detach(root);
		if (error)
			dentry_put(root);
		else
			filesystem_destroy(root);
	}
	namespace_unlock();
	return error;
}

void fs_for_each_mount(void (*fn)(const struct mount *mount, const char *point, void *arg),
		       void *arg)
{
	char *buf = kmalloc(PATH_LIMIT);
	struct mount *mount;

	if (!buf)
		return;
	namespace_lock();
	list_for_each(mount, &mounts, link) {
		char *point = dentry_path(mount->root, buf, PATH_LIMIT);
		if (!IS_ERR(point))
			fn(mount, point, arg);
	}
	namespace_unlock();
	kfree(buf);
}

void fs_for_each_type(void (*fn)(const struct fs_type *type, void *arg), void *arg)
{
	struct fs_type *type;

	namespace_lock();
	list_for_each(type, &types, link)
		fn(type, arg);
	namespace_unlock();
}
