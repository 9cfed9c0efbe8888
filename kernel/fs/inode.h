/*
 * An inode is a file itself: kind, owner, times, size, contents, but no name. Dentries lead to it
 * and hold the references; the last one frees it, which takes no sleeping lock, so that a mapping
 * may drop the last reference under an mm's lock. A file system says through inode_ops what its
 * inodes can do, and through file_ops (fs/file.h) what can be done with them once open. Times are
 * ns since 1970.
 */
#ifndef MITOS_FS_INODE_H
#define MITOS_FS_INODE_H

#include <linux/stat.h>
#include "mm/pagecache.h"
#include "sched/mutex.h"

struct dentry;
struct file_ops;
struct filesystem;
struct fs_type;
struct inode;
struct pipe;

struct inode_ops {
	/*
	 * For a file system that makes its names on the fly (procfs): a fresh dentry from
	 * dentry_alloc() for name in dir, or ERR_PTR(-ENOENT, -ENOMEM). Without it a directory is
	 * the tree of its dentries (ramfs).
	 */
	struct dentry *(*lookup)(struct dentry *dir, const char *name, size_t length);
	/* A new unnamed inode for directory dir: S_IF* and permissions, device number, text of a
	 * symbolic link. ERR_PTR(-ENOMEM, -ENOSPC). Without it nothing can be created, removed or
	 * renamed in the directory. */
	struct inode *(*make)(struct inode *dir, mode_t mode, dev_t rdev, const char *target);
	/* A symbolic link that leads to an object rather than to a name (/proc/self/fd/0): a
	 * referenced dentry. */
	struct dentry *(*get_link)(struct dentry *link);
	/* A symbolic link whose text is made when it is asked for: into buf, no terminator; its
	 * length, cut at size. Without it the text is inode->link. */
	ssize_t (*readlink)(struct dentry *link, char *buf, size_t size);
	/* Sets the size of a regular file, inode->lock held: 0, -EFBIG, -ENOSPC. Without it O_TRUNC
	 * changes nothing. */
	int (*set_size)(struct inode *inode, u64 size);
	/* fallocate(2): gives a range of a regular file room, inode->lock held: 0, -EFBIG,
	 * -ENOSPC. */
	int (*allocate)(struct inode *inode, u64 offset, u64 length, bool keep_size);
	/* Brings mode, owner, size and nlink up to date before they are looked at. */
	void (*refresh)(struct inode *inode);
	/* May the running task use the inode though its mode says no? Without it: no. */
	bool (*permits)(const struct inode *inode);
	/* The last reference is gone: frees what private, link and pages hold. Must not sleep. */
	void (*destroy)(struct inode *inode);
};

struct inode {
	u32 refs;  /* atomic; one for each dentry */
	u32 nlink; /* names; namespace lock */
	u64 ino;
	struct filesystem *fs;
	const struct inode_ops *ops;
	const struct file_ops *file_ops;
	dev_t rdev; /* of a device node, as stat(2) encodes it */

	struct mutex lock; /* guards what follows; a single word may be read without */
	mode_t mode;
	uid_t uid;
	gid_t gid;
	s64 atime, mtime, ctime;

	/* with lock: guards changes of size against the page fault path */
	struct spinlock size_lock;
	u64 size;		 /* bytes */
	struct page_cache pages; /* contents of a regular file */
	u32 seals;		 /* F_SEAL_*, if inode_has_seals() */
	/* atomic; open for writing, or minus the number of running programs (ETXTBSY) */
	s32 writers;

	u32 flock_shared;	       /* flock(2): holders of a shared lock; flock.c's lock */
	struct file *flock_exclusive;  /* the holder of an exclusive one; flock.c's lock */
	struct list_head record_locks; /* fcntl(2) locks; flock.c's lock */

	union {
		/* text of a symbolic link; fixed, and as long-lived as its name or the kernel */
		const char *link;
		struct pipe *pipe; /* of a fifo or pipe while it is open; lock */
		void *private;	   /* the file system's */
	};
};

/* What access is asked for, as in permission bits. */
#define MAY_EXEC 1
#define MAY_WRITE 2
#define MAY_READ 4

void inode_module_init(void);

/* A new inode with one reference, owned by the running task's fsuid, times now, nlink 1. NULL: no
 * memory. */
struct inode *inode_alloc(struct filesystem *fs, mode_t mode, const struct inode_ops *ops,
			  const struct file_ops *file_ops);
struct inode *inode_get(struct inode *inode);
void inode_put(struct inode *inode);

/* May the running task access the inode, by its fsuid, fsgid and groups, or by CAP_DAC_OVERRIDE,
 * which executes only what has an x, or CAP_DAC_READ_SEARCH? 0, -EACCES, -EROFS
 * (path_resolution(7), capabilities(7)). */
int inode_permission(struct inode *inode, unsigned mask);
/* Owner or CAP_FOWNER: 0, else -EPERM. */
int inode_owner_check(const struct inode *inode);

int inode_chmod(struct inode *inode, mode_t mode); /* 0, -EPERM, -EROFS */
/* -1 leaves an id as it is. 0, -EPERM, -EROFS. */
int inode_chown(struct inode *inode, uid_t uid, gid_t gid);
/* INODE_TIME_OMIT leaves a time as it is. 0, -EPERM, -EROFS; who may is for the caller to check. */
#define INODE_TIME_OMIT INT64_MIN
int inode_set_times(struct inode *inode, s64 atime, s64 mtime);
/* Cuts or extends a regular file. 0, -EINVAL (not one), -EISDIR, -EFBIG, -ENOSPC, -ETXTBSY is the
 * caller's. */
int inode_truncate(struct inode *inode, u64 size);

void inode_touch(struct inode *inode);	 /* contents changed now: mtime and ctime */
void inode_read_at(struct inode *inode); /* contents were read now: atime, as relatime does */
/* A write takes set-user-ID and set-group-ID from a program, but with CAP_FSETID. lock held. */
void inode_drop_privileges(struct inode *inode);
/* A new inode, owned by its maker, takes the group of its set-group-ID directory (inode(7)). */
void inode_inherit_group(struct inode *inode, const struct inode *dir);

/* Writers and running programs exclude each other: 0 or -ETXTBSY; each success is undone by its
 * counterpart. */
int inode_get_write(struct inode *inode);
void inode_put_write(struct inode *inode);
int inode_deny_write(struct inode *inode);
void inode_allow_write(struct inode *inode);

/* Can the file be sealed (fcntl(2), F_ADD_SEALS)? Those of tmpfs can. */
bool inode_has_seals(const struct inode *inode);

static inline bool inode_is_dir(const struct inode *inode)
{
	return S_ISDIR(inode->mode);
}

/* Device numbers as stat(2) and mknod(2) carry them. */
static inline dev_t dev_make(u32 major, u32 minor)
{
	return (minor & 0xff) | (major & 0xfff) << 8 | (u64)(minor & 0xfff00) << 12;
}

static inline u32 dev_major(dev_t dev)
{
	return dev >> 8 & 0xfff;
}

static inline u32 dev_minor(dev_t dev)
{
	return (dev & 0xff) | (dev >> 12 & 0xfff00);
}

#endif
