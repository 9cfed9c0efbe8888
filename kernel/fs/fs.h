/*
 * The file floor, as the floors above see it. A struct file is an open file description (offset,
 * flags), shared by dup and fork; a files_struct is a descriptor table; a dentry is a name in a
 * directory and leads to an inode; a path walk turns a name into a dentry. File systems (ramfs
 * here, procfs and devpts above) provide inode_ops and file_ops. Two locks: namespace_lock (sleeps)
 * guards every dentry tree and mount; each inode's lock (sleeps) guards its data and size. Both are
 * taken before an mm's lock (user memory is touched under them), never after.
 */
#ifndef MITOS_FS_FS_H
#define MITOS_FS_FS_H

#include "lib/list.h"
#include "lib/tree.h"
#include "mm/pagecache.h"
#include "mm/uio.h"
#include "sched/mutex.h"

struct dentry;
struct file;
struct inode;
struct poll_table;
struct mmap_request; /* mm/mm.h */

/* What a task's relative names start from; shared by CLONE_FS. */
struct fs_struct {
	u32 refs;	      /* atomic */
	struct spinlock lock; /* guards the rest */
	struct dentry *root, *cwd;
	mode_t umask;
	u32 execs; /* sharers that are in execve: meanwhile nobody new may share it */
};

/* --- descriptor tables, used by proc/ and syscall/ --- */
struct files_struct;
struct files_struct *files_new(void); /* empty; NULL: no memory */
/* fork: same descriptions; NULL: no memory */
struct files_struct *files_copy(struct files_struct *from);
struct files_struct *files_get(struct files_struct *files); /* CLONE_FILES */
/* by CLONE_FILES */
bool files_shared(const struct files_struct *files);
void files_put(struct files_struct *files);	      /* the last one closes all */
void files_close_on_exec(struct files_struct *files); /* execve */
/* the running task's, with a reference; NULL: EBADF */
struct file *fd_get(int fd);
struct fs_struct *fs_copy(struct fs_struct *from);
struct fs_struct *fs_share(struct fs_struct *fs); /* CLONE_FS; ERR_PTR(-EAGAIN) during an execve */
/* Is it shared by no more than `own` (execve's own threads)? Then nobody comes to share it until
 * fs_end_exec: the program about to run may have rights that a sharer should not use. */
bool fs_begin_exec(struct fs_struct *fs, u32 own);
void fs_end_exec(struct fs_struct *fs);
void fs_put(struct fs_struct *fs);
struct dentry *fs_get_root(struct fs_struct *fs); /* referenced */
struct dentry *fs_get_cwd(struct fs_struct *fs);
void fs_set_root(struct fs_struct *fs, struct dentry *root); /* take over the reference */
void fs_set_cwd(struct fs_struct *fs, struct dentry *cwd);

/* --- open files --- */
struct file *file_get(struct file *file);
void file_put(struct file *file); /* may sleep */
/* Opens a program for execve: follows links, must be a regular file with execute permission on a
 * path that can be searched. ERR_PTR(-ENOENT EACCES ENOTDIR ELOOP ENAMETOOLONG ENOMEM ...). dirfd
 * AT_FDCWD or an open directory. */
struct file *file_open_exec(int dirfd, const char *path, int flags);
/* Reads up to size bytes at pos into a kernel buffer: bytes read or -errno. */
ssize_t file_read_kernel(struct file *file, void *buf, size_t size, u64 pos);
u64 file_size(struct file *file);
/* The absolute name of an open file or directory, " (deleted)" appended if it is; into buf, returns
 * its start in buf or ERR_PTR. */
char *dentry_path(struct dentry *dentry, char *buf, size_t size);
struct dentry *file_dentry(struct file *file);
/* Fills a mapping request for a file: ops, object, reference. 0, -ENODEV, -EACCES. */
int file_mmap(struct file *file, struct mmap_request *request);

/* --- boot --- */
void fs_init(void);					/* caches, root ramfs, devices */
int initramfs_unpack(const void *archive, size_t size); /* into the root; 0, -EINVAL, -ENOMEM */
/* Opens path for the first process (kernel context), e.g. /dev/console. */
struct file *file_open_kernel(const char *path, int flags);
/* consumes the reference; boot only */
int fd_install(struct files_struct *files, int fd, struct file *file);
struct fs_struct *fs_initial(void); /* root and cwd at / */

#endif
