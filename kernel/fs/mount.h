/*
 * Mounts: a directory covered by the root of another file system. Every root is mounted at one
 * place at most, so a dentry alone says where it is. A walk enters the root where it meets the
 * covered directory, and leaves it by "..". The namespace lock guards the list; the links between
 * the two dentries change under the name lock too.
 */
#ifndef MITOS_FS_MOUNT_H
#define MITOS_FS_MOUNT_H

#include "fs/dentry.h"

struct filesystem;

struct fs_type {
	const char *name;
	u32 magic;	/* statfs(2) f_type */
	bool in_memory; /* statfs(2) shows the machine's memory as its room */
	bool fixed;	/* nobody can change modes and owners (procfs) */
	/* The root of a new file system, from filesystem_make_root(): ERR_PTR(-ENOMEM). */
	struct dentry *(*mount)(const struct fs_type *type);
	struct list_head link; /* of all types; set at boot */
};

/* One instance of a type: what its inodes share. */
struct filesystem {
	const struct fs_type *type;
	dev_t dev;
	bool read_only; /* MS_RDONLY: nothing in it can be changed (EROFS) */
	bool nosuid;	/* MS_NOSUID: execve takes no ids from its programs */
	u64 next_ino;	/* atomic */
};

struct mount {
	struct list_head link; /* of all mounts, in order; namespace lock */
	struct dentry *at;     /* held; NULL for the root of all */
	struct dentry *root;   /* held */
	u32 flags;	       /* MS_* as mount(2) was given them (shown only) */
	char source[64];
};

extern struct dentry *fs_root; /* the root of all; set by fs_init */

/* A new file system with a device number of its own, and its root directory. ERR_PTR(-ENOMEM). */
struct dentry *filesystem_make_root(const struct fs_type *type, mode_t mode,
				    const struct inode_ops *ops, const struct file_ops *file_ops);
u64 filesystem_next_ino(struct filesystem *fs);

void fs_type_register(struct fs_type *type);
/* Covers directory `at` with root; takes references of its own. 0, -EBUSY, -ENOTDIR, -ENOMEM. */
int fs_mount(struct dentry *at, struct dentry *root, const char *source, u32 flags);
/* The same at a path, whose directories are made where they are missing; for the kernel's own
 * mounts. */
int fs_mount_at(const char *path, struct dentry *root, const char *source);
/* mount(2) and umount2(2) with kernel strings. */
int fs_mount_type(const char *source, const char *path, const char *type, u32 flags);
int fs_umount(const char *path, u32 flags);

struct statfs;
void filesystem_statfs(const struct filesystem *fs, struct statfs *statfs); /* statfs(2) */

/* Follows covered directories to the root on top; consumes and returns a reference. Namespace lock
 * held. */
struct dentry *mount_enter(struct dentry *dentry);

/* For /proc/mounts and /proc/filesystems; fn may not sleep long, the namespace lock is held. */
void fs_for_each_mount(void (*fn)(const struct mount *mount, const char *point, void *arg),
		       void *arg);
void fs_for_each_type(void (*fn)(const struct fs_type *type, void *arg), void *arg);

#endif
