/*
 * What the files of /proc share: procfs.c has the tree of fixed names, taskdir.c the directories of
 * processes and threads, textfile.c what is read and written.
 */
#ifndef MITOS_PROCFS_NODE_H
#define MITOS_PROCFS_NODE_H

#include "fs/file.h"
#include "fs/mount.h"
#include "fs/path.h"
#include "lib/string.h"
#include "procfs/text.h"

#define PID_POSITION 1000 /* positions of process directories: PID_POSITION + pid */

/* What a directory of fixed names holds. */
struct proc_dir {
	const char *name;
	const struct proc_file *files;	    /* ended by a NULL name */
	const struct proc_dir *const *dirs; /* ended by NULL; or NULL */
};

/* What an entry below /proc/PID is. */
enum task_entry {
	TASK_DIR,
	TASK_FILE,
	TASK_FD_DIR,
	TASK_FD,
	TASK_LINK_EXE,
	TASK_LINK_CWD,
	TASK_LINK_ROOT,
	TASK_TASKS
};

/* inode->private of everything in /proc but the root and fixed directories. */
struct proc_node {
	const struct proc_file *file;
	const struct proc_dir *dir;
	struct pid *pid; /* held; NULL outside process directories */
	enum task_entry entry;
	bool thread; /* below /proc/PID/task: about the thread alone */
	int fd;	     /* /proc/PID/fd/N; in the root: which of its links */
};

static inline struct proc_node *node_of(const struct inode *inode)
{
	return inode->private;
}

static inline bool same(const char *name, const char *other, size_t length)
{
	return strlen(name) == length && memcmp(name, other, length) == 0;
}

/* --- procfs.c --- */

/* A fresh dentry for an entry; takes over nothing (it takes its own reference on model->pid).
 * -ENOMEM. */
struct dentry *proc_make(struct dentry *parent, const char *name, size_t length, mode_t mode,
			 const struct inode_ops *ops, const struct file_ops *file_ops,
			 const struct proc_node *model);
void proc_node_destroy(struct inode *inode);
/* The task of a process's entry, with a reference; NULL once it is gone. */
struct task_struct *proc_node_task_get(const struct proc_node *node);
/* Is the entry about no process, or one that ptrace(2) would allow to look at (proc(5))? */
bool proc_may_inspect(const struct proc_node *node);
/* One entry of a directory; false if it did not fit. */
bool proc_emit(struct dir_context *context, const char *name, u64 ino, unsigned type);
/* Positions from `first` on: files, then directories. True if all fitted; *end is the position
 * after them. */
bool proc_readdir_fixed(struct dir_context *context, const struct proc_dir *dir, s64 first,
			s64 *end);
extern const struct inode_ops proc_file_inode_ops;

/* --- taskdir.c --- */

/* The directory of a task by its number: of its process, or of the thread alone. In the root those
 * of other threads than leaders are found, too, though not listed. -ENOENT, -ENOMEM. */
struct dentry *proc_lookup_task(struct dentry *parent, const char *name, size_t length,
				bool thread);
/* Process directories in order of number, from the position on. */
int proc_readdir_tasks(struct dir_context *context);

/* --- textfile.c --- */

extern const struct file_ops proc_text_ops, proc_pagemap_ops, proc_kpagecount_ops,
	proc_kpageflags_ops;

#endif
