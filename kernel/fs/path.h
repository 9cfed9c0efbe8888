/*
 * From names to dentries, and the calls that change names. All paths here are kernel strings; dirfd
 * is AT_FDCWD or a descriptor of the running task. Each call takes the namespace lock itself and is
 * atomic against all others. The errors are those of the man page of the system call of the same
 * name.
 */
#ifndef MITOS_FS_PATH_H
#define MITOS_FS_PATH_H

#include <linux/fcntl.h>
#include "fs/dentry.h"

#define PATH_LIMIT 4096 /* bytes in a path, its terminator included */
#define LINKS_LIMIT 40	/* symbolic links followed in one walk */

#define LOOKUP_FOLLOW 1u    /* follow a symbolic link at the end */
#define LOOKUP_DIRECTORY 2u /* the end must be a directory */
#define LOOKUP_EMPTY 4u	    /* an empty path is dirfd itself */
#define LOOKUP_CREATE 8u    /* the last name need not exist */
/* For a change of the last name: it need not exist, and neither a link nor a mount there is
 * followed. */
#define LOOKUP_PARENT 16u

/* The end of a walk. */
struct path_end {
	struct dentry *dir;   /* held: where the last name is looked up */
	struct dentry *child; /* held: what it leads to, or NULL */
	const char *name;     /* not terminated; valid until the namespace lock is let go */
	size_t length;
	enum { PATH_NAME, PATH_DOT, PATH_DOTDOT, PATH_ROOT } kind;
	bool slash; /* slashes follow the last name */
	/* of links that were made for this walk; name may point into one */
	struct link_text *texts;
};

/* The namespace lock is held. 0 or -errno; path_end_put() drops what a success holds. */
int path_walk(int dirfd, const char *path, u32 flags, struct path_end *end);
void path_end_put(struct path_end *end);
/* the same, but the child stays with the caller */
struct dentry *path_end_take(struct path_end *end);

/* A referenced dentry, or ERR_PTR. Takes the namespace lock. */
struct dentry *path_lookup(int dirfd, const char *path, u32 flags);
/* May names be added to dir (a directory the walk has reached)? 0, -EACCES, -ENOENT (removed),
 * -EPERM. */
int path_may_create(struct dentry *dir);

/* Makes a name for a new inode in end->dir, for open(2) and mknod(2); the namespace lock is held.
 * Referenced. */
struct dentry *path_make(struct path_end *end, mode_t mode, dev_t rdev, const char *target);

int fs_mknod(int dirfd, const char *path, mode_t mode, dev_t rdev);
int fs_mkdir(int dirfd, const char *path, mode_t mode);
/* the directories above the last name, where they are missing */
int fs_make_parents(const char *path);
int fs_symlink(const char *target, int dirfd, const char *path);
int fs_link(int old_dirfd, const char *old_path, int dirfd, const char *path, u32 lookup_flags);
/* the same for a file already found */
int fs_link_dentry(struct dentry *old, int dirfd, const char *path);
int fs_unlink(int dirfd, const char *path);
int fs_rmdir(int dirfd, const char *path);
int fs_rename(int old_dirfd, const char *old_path, int dirfd, const char *path, u32 rename_flags);
ssize_t fs_readlink(struct dentry *link, char *buf, size_t size); /* -EINVAL: not a link */

#endif
