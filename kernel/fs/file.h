/*
 * Open files. A struct file is an open file description: what open(2) made, with its offset and
 * flags, shared by every descriptor that dup(2) or fork(2) copied from it. What it does is behind
 * file_ops.
 */
#ifndef MITOS_FS_FILE_H
#define MITOS_FS_FILE_H

#include <asm/fcntl.h>
#include "fs/dentry.h"
#include "fs/fs.h"
#include "mm/uio.h"

struct mmap_request;
struct poll_table;

#define FMODE_READ 1u
#define FMODE_WRITE 2u
#define FMODE_STREAM 4u	  /* has no offset: pread(2) and lseek(2) say ESPIPE */
#define FMODE_PATH 8u	  /* O_PATH: a place in the tree and nothing else */
#define FMODE_WRITER 16u  /* counted in inode->writers */
#define FMODE_PROGRAM 32u /* keeps writers away from a running program */
#define FMODE_PIPE 64u	  /* a write to it may raise SIGPIPE */

struct file {
	u32 refs;  /* atomic */
	u32 flags; /* O_*; atomic words, changed by F_SETFL */
	u32 mode;  /* FMODE_*; fixed once open */
	u32 flock; /* LOCK_SH, LOCK_EX or 0; flock.c's lock */
	/* guards pos; seek, and read and write where the offset counts, hold it to be atomic */
	struct mutex pos_lock;
	s64 pos; /* bytes */
	const struct file_ops *ops;
	struct dentry *dentry; /* held; fixed */
	struct inode *inode;   /* dentry's; fixed */
	void *private;	       /* ops' own */
};

/* Takes a name for getdents(2): false when there is no more room. */
struct dir_context {
	bool (*emit)(struct dir_context *context, const char *name, size_t length, u64 ino,
		     unsigned type, s64 next);
	s64 pos; /* where to go on; the callee advances it past each name that emit took */
};

struct file_ops {
	int (*open)(struct inode *inode, struct file *file); /* sets private; 0 or -errno */
	/* the last reference is gone; may sleep */
	void (*release)(struct file *file);
	/* Move bytes at *pos and advance it: bytes done, or -errno if none. A stream ignores
	 * pos. */
	ssize_t (*read)(struct file *file, struct uio *uio, s64 *pos);
	ssize_t (*write)(struct file *file, struct uio *uio, s64 *pos);
	/* Emits names from context->pos on; "." and ".." too, at positions 0 and 1
	 * (dir_emit_dots). */
	int (*readdir)(struct file *file, struct dir_context *context);
	/* pos_lock held; NULL: file_seek_size */
	s64 (*seek)(struct file *file, s64 offset, int whence);
	/* EPOLL-style mask; NULL: always ready */
	u32 (*poll)(struct file *file, struct poll_table *table);
	/* argument may be a user pointer */
	s64 (*ioctl)(struct file *file, unsigned command, u64 argument);
	int (*mmap)(struct file *file, struct mmap_request *request);
};

void file_module_init(void);
void fdtable_module_init(void);

/*
 * A new description for dentry (takes a reference of its own); flags O_*. Does not call ops->open.
 * ERR_PTR(-ENFILE, -ENOMEM).
 */
struct file *file_alloc(struct dentry *dentry, const struct file_ops *ops, u32 flags);
/* open(2): walks, creates, truncates. mode has the umask applied. ERR_PTR with any error of
 * open(2). */
struct file *file_open(int dirfd, const char *path, int flags, mode_t mode);
/* The same for a dentry already found; permission is checked, the reference stays the caller's. */
struct file *file_open_dentry(struct dentry *dentry, int flags);

/* read(2), write(2) and the forms with an own offset; checks mode and limits. Bytes done or
 * -errno. */
ssize_t file_read(struct file *file, struct uio *uio, s64 *pos);
ssize_t file_write(struct file *file, struct uio *uio, s64 *pos);
/* The offset to use: takes pos_lock for regular files and directories. Each start is matched by an
 * end. */
s64 *file_pos_start(struct file *file);
void file_pos_end(struct file *file);
s64 file_seek(struct file *file, s64 offset, int whence); /* lseek(2) */
s64 file_seek_size(struct file *file, s64 offset, int whence);
/* Seeking for contents without a size of their own (procfs): SEEK_SET and SEEK_CUR only. */
s64 file_seek_any(struct file *file, s64 offset, int whence);
/* The open flag of the file for one call: nothing may be waited for. */
bool file_nonblocking(const struct file *file);
u64 file_count(void);	  /* open descriptions, for the audit */
u64 file_count_max(void); /* more of them are ENFILE: /proc/sys/fs/file-max */

/* Emits "." and ".." while context->pos is below 2: false when emit is full. */
bool dir_emit_dots(struct file *file, struct dir_context *context);

/* Descriptors of the running task. */
struct file *fd_get_raw(int fd); /* as fd_get, but O_PATH files too */
/* the lowest free descriptor >= from, or -EMFILE, -ENOMEM */
int fd_reserve(u32 from, bool close_on_exec);
/* gives a reserved one its file (consumes the reference) */
void fd_publish(int fd, struct file *file);
void fd_cancel(int fd); /* gives a reserved one back */
/* Either of them: a reserved one gets its file and is returned, or, if file is an ERR_PTR, is given
 * back, and the error is returned. */
int fd_settle(int fd, struct file *file);
int fd_close(int fd); /* 0, -EBADF */
/* dup2: takes its own reference; fd, -EBADF, -EBUSY */
int fd_replace(int fd, struct file *file, bool close_on_exec);
bool fd_leads_to(int fd, const struct file *file); /* is it open on this file? */
int fd_get_cloexec(int fd);			   /* 0, 1, -EBADF */
int fd_set_cloexec(int fd, bool on);		   /* 0, -EBADF */
void fd_close_range(u32 first, u32 last, bool only_set_cloexec);

/*
 * What a descriptor of any table leads to, referenced; NULL: not open. For use where the file
 * itself must not be put (under the namespace lock, which the end of some files needs).
 */
struct dentry *files_get_dentry(struct files_struct *files, int fd);
/* Another task's table (procfs): is there an open file at or above *fd? Sets *fd, and *mode to its
 * FMODE_*. */
bool files_next(struct files_struct *files, u32 *fd, u32 *mode);
struct list_head *files_lock_waits(struct files_struct *files); /* flock.c's, and guarded by it */

/* flock(2) and fcntl(2) record locks, fs/flock.c. */
int file_flock(struct file *file, int operation);
void file_flock_release(struct file *file);
struct flock;
int file_lock_test(struct file *file, struct flock *lock);
/* fd: the descriptor that led to file, which must still do so when the lock is there (-EBADF). */
int file_lock_set(int fd, struct file *file, const struct flock *lock, bool wait);
void file_lock_release(struct file *file, struct files_struct *owner);

#endif
