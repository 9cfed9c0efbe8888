/*
 * The tree of /proc. Its names are made when they are looked up and forgotten with their last user:
 * a table says what a directory holds, and a process's directory exists as long as the process is
 * found. A file's whole text is made when it is read from its beginning and kept with the open
 * file, so that reading it in small pieces gives one consistent moment. The inode of a process's
 * entry holds a reference on its struct pid, never on the task, so an open /proc file keeps nobody
 * from being reaped: reading it afterwards is ESRCH.
 */
#include "procfs/procfs.h"
#include "fs/file.h"
#include "fs/mount.h"
#include "fs/path.h"
#include "lib/string.h"
#include "mm/mm.h"
#include "mm/slab.h"
#include "proc/cred.h"
#include "proc/thread.h"
#include "procfs/text.h"
#include "x86/printk.h"
#include <asm/errno.h>
#include <linux/magic.h>

#define VALUE_MAX 256	  /* bytes of a written sysctl */
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
	int fd;
};

static const struct proc_dir sys_kernel_dir = { "kernel", sys_kernel_files, NULL };
static const struct proc_dir sys_fs_dir = { "fs", sys_fs_files, NULL };
static const struct proc_dir sys_vm_dir = { "vm", sys_vm_files, NULL };
static const struct proc_dir *const sys_dirs[] = { &sys_kernel_dir, &sys_fs_dir, &sys_vm_dir,
						   NULL };
static const struct proc_file no_files[] = { { .name = NULL } };
static const struct proc_dir sys_dir = { "sys", no_files, sys_dirs };
static const struct proc_dir sysvipc_dir = { "sysvipc", sysvipc_files, NULL };
static const struct proc_dir *const root_dirs[] = { &sys_dir, &sysvipc_dir, NULL };
static const struct proc_dir root_dir = { "", root_files, root_dirs };

static const struct inode_ops root_ops, dir_ops, file_inode_ops, link_ops, self_ops, task_dir_ops,
	fd_dir_ops, tasks_ops;
static const struct file_ops root_file_ops, dir_file_ops, text_file_ops, task_dir_file_ops,
	fd_dir_file_ops, tasks_file_ops, pagemap_file_ops, kpagecount_file_ops, kpageflags_file_ops;

static struct proc_node *node_of(const struct inode *inode)
{
	return inode->private;
}

static void node_destroy(struct inode *inode)
{
	struct proc_node *node = node_of(inode);

	if (node)
		pid_put(node->pid);
	kfree(node);
}

/* The task of a process's entry, with a reference; NULL once it is gone. */
static struct task_struct *node_task_get(const struct proc_node *node)
{
	spin_lock(&tasklist_lock);
	struct task_struct *task = node->pid ? node->pid->task : NULL;
	if (task)
		task_get(task);
	spin_unlock(&tasklist_lock);
	return task;
}

/* A process's directory is its user's, and what is in it, too, unless others must not look into the
 * process: then it is root's (proc(5)). */
static void set_owner(struct inode *inode, const struct pid *pid)
{
	inode->uid = inode->gid = 0;
	spin_lock(&tasklist_lock);
	const struct task_struct *task = pid ? pid->task : NULL;
	if (task && (inode->mode == (S_IFDIR | 0555) || (task->mm && task->mm->dumpable))) {
		inode->uid = task->real_cred->euid;
		inode->gid = task->real_cred->egid;
	}
	spin_unlock(&tasklist_lock);
}

/* A fresh dentry for an entry; takes over nothing (it takes its own reference on node->pid). */
static struct dentry *make(struct dentry *parent, const char *name, size_t length, mode_t mode,
			   const struct inode_ops *ops, const struct file_ops *file_ops,
			   const struct proc_node *model)
{
	struct proc_node *node = kmalloc(sizeof(*node));
	struct inode *inode = node ? inode_alloc(parent->inode->fs, mode, ops, file_ops) : NULL;

	if (!inode) {
		kfree(node);
		return ERR_PTR(-ENOMEM);
	}
	*node = *model;
	pid_get(node->pid);
	inode->private = node;
	set_owner(inode, node->pid);
	struct dentry *dentry = dentry_alloc(parent, name, length, inode);
	return dentry ? dentry : ERR_PTR(-ENOMEM);
}

static bool same(const char *name, const char *other, size_t length)
{
	return strlen(name) == length && memcmp(name, other, length) == 0;
}

/* --- directories of fixed names --- */

static struct dentry *lookup_fixed(struct dentry *parent, const struct proc_dir *dir,
				   const char *name, size_t length)
{
	for (const struct proc_file *file = dir->files; file->name; file++) {
		struct proc_node node = { .file = file };

		if (same(file->name, name, length))
			return make(parent, name, length, S_IFREG | (file->mode & 0777),
				    &file_inode_ops, &text_file_ops, &node);
	}
	for (u32 i = 0; dir->dirs && dir->dirs[i]; i++) {
		struct proc_node node = { .dir = dir->dirs[i] };

		if (same(node.dir->name, name, length))
			return make(parent, name, length, S_IFDIR | 0555, &dir_ops, &dir_file_ops,
				    &node);
	}
	return ERR_PTR(-ENOENT);
}

static struct dentry *dir_lookup(struct dentry *dir, const char *name, size_t length)
{
	return lookup_fixed(dir, node_of(dir->inode)->dir, name, length);
}

static bool emit(struct dir_context *context, const char *name, u64 ino, unsigned type)
{
	if (!context->emit(context, name, strlen(name), ino, type, context->pos + 1))
		return false;
	context->pos++;
	return true;
}

/* Positions from `first` on: files, then directories. True if all fitted; *end is the position
 * after them. */
static bool readdir_fixed(struct dir_context *context, const struct proc_dir *dir, s64 first,
			  s64 *end)
{
	s64 at = first;

	for (const struct proc_file *file = dir->files; file->name; file++, at++)
		if (context->pos == at && !emit(context, file->name, (u64)file, S_IFREG >> 12))
			return false;
	for (u32 i = 0; dir->dirs && dir->dirs[i]; i++, at++)
		if (context->pos == at &&
		    !emit(context, dir->dirs[i]->name, (u64)dir->dirs[i], S_IFDIR >> 12))
			return false;
	*end = at;
	return true;
}

static int dir_readdir(struct file *file, struct dir_context *context)
{
	s64 end;

	if (dir_emit_dots(file, context))
		readdir_fixed(context, node_of(file->inode)->dir, 2, &end);
	return 0;
}

/* --- the root: fixed names, self, and a directory for each process --- */

static bool parse_number(const char *name, size_t length, u32 *number)
{
	u64 value = 0;

	if (length == 0 || length > 7 || (name[0] == '0' && length > 1))
		return false;
	for (size_t i = 0; i < length; i++) {
		if (name[i] < '0' || name[i] > '9')
			return false;
		value = value * 10 + (u64)(name[i] - '0');
	}
	*number = (u32)value;
	return true;
}

/* The directory of a task by its number: of its process, or of the thread alone. In the root those
 * of other threads than leaders are found, too, though not listed. */
static struct dentry *lookup_task(struct dentry *parent, const char *name, size_t length,
				  bool thread)
{
	struct proc_node node = { .entry = TASK_DIR, .thread = thread };
	struct dentry *result = ERR_PTR(-ENOENT);
	u32 nr;

	if (!parse_number(name, length, &nr))
		return result;
	node.pid = pid_find_get((pid_t)nr);
	struct task_struct *task = node_task_get(&node);
	if (task) {
		result = make(parent, name, length, S_IFDIR | 0555, &task_dir_ops,
			      &task_dir_file_ops, &node);
		task_put(task);
	}
	pid_put(node.pid);
	return result;
}

/* Files of words, not of text. */
static const struct {
	const char *name;
	const struct file_ops *file_ops;
} root_specials[] = {
	{ "kpagecount", &kpagecount_file_ops },
	{ "kpageflags", &kpageflags_file_ops },
};

static struct dentry *root_lookup(struct dentry *dir, const char *name, size_t length)
{
	struct proc_node node = { 0 };

	if (same("self", name, length))
		return make(dir, name, length, S_IFLNK | 0777, &self_ops, NULL, &node);
	if (same("mounts", name, length)) { /* proc(5): a link to the caller's own */
		return make(dir, name, length, S_IFLNK | 0777, &self_ops, NULL,
			    &(struct proc_node){ .fd = 1 });
	}
	if (same("thread-self", name, length))
		return make(dir, name, length, S_IFLNK | 0777, &self_ops, NULL,
			    &(struct proc_node){ .fd = 2 });
	for (u32 i = 0; i < ARRAY_SIZE(root_specials); i++)
		if (same(root_specials[i].name, name, length))
			return make(dir, name, length, S_IFREG | 0400, &file_inode_ops,
				    root_specials[i].file_ops, &node);
	struct dentry *found = lookup_fixed(dir, &root_dir, name, length);
	return IS_ERR(found) && PTR_ERR(found) == -ENOENT ? lookup_task(dir, name, length, false)
							  : found;
}

static ssize_t self_readlink(struct dentry *link, char *buf, size_t size)
{
	char text[40];
	int length;

	switch (node_of(link->inode)->fd) {
	case 0:
		length = snprintf(text, sizeof(text), "%d", current->tgid);
		break;
	case 1:
		length = snprintf(text, sizeof(text), "self/mounts");
		break;
	default:
		length = snprintf(text, sizeof(text), "%d/task/%d", current->tgid, current->pid);
	}
	length = (int)min((size_t)length, size);
	memcpy(buf, text, (size_t)length);
	return length;
}

/* Process directories in order of number, from the position on. */
static int readdir_tasks(struct dir_context *context)
{
	char name[16];

	context->pos = max(context->pos, (s64)PID_POSITION);
	while (true) {
		struct task_struct *task = task_next_get((pid_t)(context->pos - PID_POSITION));

		if (!task)
			return 0;
		context->pos = PID_POSITION + task->pid;
		snprintf(name, sizeof(name), "%d", task->pid);
		bool more =
			task->leader != task || emit(context, name, (u64)task->pid, S_IFDIR >> 12);
		if (task->leader != task)
			context->pos++;
		task_put(task);
		if (!more)
			return 0;
	}
}

static int root_readdir(struct file *file, struct dir_context *context)
{
	s64 end;

	if (!dir_emit_dots(file, context))
		return 0;
	if (context->pos == 2 && !emit(context, "self", 1, S_IFLNK >> 12))
		return 0;
	if (context->pos == 3 && !emit(context, "mounts", 2, S_IFLNK >> 12))
		return 0;
	if (context->pos == 4 && !emit(context, "thread-self", 3, S_IFLNK >> 12))
		return 0;
	if (!readdir_fixed(context, &root_dir, 5, &end))
		return 0;
	for (u32 i = 0; i < ARRAY_SIZE(root_specials); i++, end++)
		if (context->pos == end &&
		    !emit(context, root_specials[i].name, (u64)&root_specials[i], S_IFREG >> 12))
			return 0;
	return readdir_tasks(context);
}

/* --- /proc/PID --- */

static const struct {
	const char *name;
	enum task_entry entry;
	mode_t mode;
	const struct inode_ops *ops;
	const struct file_ops *file_ops;
} task_specials[] = {
	{ "fd", TASK_FD_DIR, S_IFDIR | 0500, &fd_dir_ops, &fd_dir_file_ops },
	{ "pagemap", TASK_FILE, S_IFREG | 0400, &file_inode_ops, &pagemap_file_ops },
	{ "exe", TASK_LINK_EXE, S_IFLNK | 0777, &link_ops, NULL },
	{ "cwd", TASK_LINK_CWD, S_IFLNK | 0777, &link_ops, NULL },
	{ "root", TASK_LINK_ROOT, S_IFLNK | 0777, &link_ops, NULL },
	/* last: only a process has threads */
	{ "task", TASK_TASKS, S_IFDIR | 0555, &tasks_ops, &tasks_file_ops },
};

static u32 specials_of(const struct proc_node *dir)
{
	return ARRAY_SIZE(task_specials) - dir->thread;
}

static struct dentry *task_dir_lookup(struct dentry *dir, const char *name, size_t length)
{
	struct proc_node node = { .pid = node_of(dir->inode)->pid,
				  .entry = TASK_FILE,
				  .thread = node_of(dir->inode)->thread };
	struct task_struct *task = node_task_get(&node);

	if (!task)
		return ERR_PTR(-ENOENT);
	task_put(task);
	for (node.file = task_files; node.file->name; node.file++)
		if (same(node.file->name, name, length))
			return make(dir, name, length, S_IFREG | (node.file->mode & 0777),
				    &file_inode_ops, &text_file_ops, &node);
	for (u32 i = 0; i < specials_of(&node); i++) {
		node.entry = task_specials[i].entry;
		if (same(task_specials[i].name, name, length))
			return make(dir, name, length, task_specials[i].mode, task_specials[i].ops,
				    task_specials[i].file_ops, &node);
	}
	return ERR_PTR(-ENOENT);
}

static int task_dir_readdir(struct file *file, struct dir_context *context)
{
	const struct proc_dir files = { "", task_files, NULL };
	s64 at;

	if (!dir_emit_dots(file, context) || !readdir_fixed(context, &files, 2, &at))
		return 0;
	for (u32 i = 0; i < specials_of(node_of(file->inode)); i++, at++)
		if (context->pos == at &&
		    !emit(context, task_specials[i].name, (u64)&task_specials[i],
			  task_specials[i].mode >> 12))
			return 0;
	return 0;
}

/* --- /proc/PID/task: its threads --- */

static struct dentry *tasks_lookup(struct dentry *dir, const char *name, size_t length)
{
	u32 nr;

	if (!parse_number(name, length, &nr))
		return ERR_PTR(-ENOENT);
	spin_lock(&tasklist_lock);
	const struct task_struct *task = task_find((pid_t)nr);
	const struct task_struct *process = node_of(dir->inode)->pid->task;
	bool member = task && process && task->tgid == process->tgid;
	spin_unlock(&tasklist_lock);
	return member ? lookup_task(dir, name, length, true) : ERR_PTR(-ENOENT);
}

/* The number of the thread that follows the one numbered nr (0: the first) in the process; 0 at the
 * end. Where that one is gone meanwhile, the first with a greater number: threads are listed in
 * order of birth, which is that of their numbers but where those wrap. */
static pid_t thread_after(const struct pid *process, pid_t nr)
{
	const struct task_struct *leader, *task = NULL;
	pid_t result = 0;

	spin_lock(&tasklist_lock);
	leader = process->task ? process->task->leader : NULL;
	if (leader && process_is_dead(leader)) {
		result = nr < leader->pid ? leader->pid : 0;
	} else if (leader) {
		const struct task_struct *last = nr ? task_find(nr) : NULL;

		task = thread_next(leader->signal, last && last->leader == leader ? last : NULL);
		while (task && !(last && last->leader == leader) && task->pid <= nr)
			task = thread_next(leader->signal, task);
		result = task ? task->pid : 0;
	}
	spin_unlock(&tasklist_lock);
	return result;
}

/* A link for each thread's directory, and two as always. */
static void tasks_refresh(struct inode *inode)
{
	spin_lock(&tasklist_lock);
	const struct task_struct *process = node_of(inode)->pid->task, *task = NULL;
	inode->nlink = 2;
	while (process && process->signal && (task = thread_next(process->signal, task)))
		inode->nlink++;
	spin_unlock(&tasklist_lock);
}

static int tasks_readdir(struct file *file, struct dir_context *context)
{
	const struct pid *process = node_of(file->inode)->pid;
	char name[16];

	if (!dir_emit_dots(file, context))
		return 0;
	while (true) {
		s64 at = context->pos; /* PID_POSITION and the number of the one listed last */
		pid_t nr = thread_after(process, (pid_t)max(at - PID_POSITION, 0ll));

		if (!nr)
			return 0;
		snprintf(name, sizeof(name), "%d", nr);
		context->pos = PID_POSITION + nr - 1;
		if (!emit(context, name, (u64)nr, S_IFDIR >> 12)) {
			context->pos = at;
			return 0;
		}
	}
}

/* --- /proc/PID/fd --- */

/* files_next() of an entry's task. The table cannot go meanwhile: a dying task gives it up under
 * tasklist_lock. No file is held: the namespace lock is, which the end of some files needs. */
static bool node_next_fd(const struct proc_node *node, u32 *fd, u32 *mode)
{
	spin_lock(&tasklist_lock);
	const struct task_struct *task = node->pid->task;
	bool found = task && task->files && files_next(task->files, fd, mode);
	spin_unlock(&tasklist_lock);
	return found;
}

static struct dentry *fd_dir_lookup(struct dentry *dir, const char *name, size_t length)
{
	struct proc_node node = { .pid = node_of(dir->inode)->pid,
				  .entry = TASK_FD,
				  .thread = node_of(dir->inode)->thread };
	u32 wanted, found, fmode;

	if (!parse_number(name, length, &wanted))
		return ERR_PTR(-ENOENT);
	found = wanted;
	if (!node_next_fd(&node, &found, &fmode) || found != wanted)
		return ERR_PTR(-ENOENT);
	mode_t mode = S_IFLNK | (fmode & FMODE_READ ? 0500 : 0) | (fmode & FMODE_WRITE ? 0300 : 0);
	node.fd = (int)wanted;
	return make(dir, name, length, mode, &link_ops, NULL, &node);
}

static int fd_dir_readdir(struct file *file, struct dir_context *context)
{
	char name[16];

	if (!dir_emit_dots(file, context))
		return 0;
	while (true) {
		u32 fd = (u32)(context->pos - 2), mode;

		if (!node_next_fd(node_of(file->inode), &fd, &mode))
			return 0;
		context->pos = fd + 2;
		snprintf(name, sizeof(name), "%u", fd);
		if (!emit(context, name, fd + 1, S_IFLNK >> 12))
			return 0;
	}
}

/* A process may always look at its own descriptors, also when its files are root's. */
static bool is_own(const struct inode *inode)
{
	const struct pid *pid = node_of(inode)->pid;

	return pid == current->leader->pid_struct || pid == current->pid_struct;
}

/* --- links that lead to an object --- */

/* What ptrace(2) would be allowed (proc(5)). */
static bool may_inspect(const struct proc_node *node)
{
	spin_lock(&tasklist_lock);
	struct task_struct *task = node->pid ? node->pid->task : NULL;
	bool allowed = !task || cred_may_inspect(task);
	spin_unlock(&tasklist_lock);
	return allowed;
}

/* What a link of the task leads to, with a reference, or NULL. tasklist_lock held. */
static struct dentry *task_target(const struct task_struct *task, const struct proc_node *node)
{
	switch (node->entry) {
	case TASK_FD:
		return task->files ? files_get_dentry(task->files, node->fd) : NULL;
	case TASK_LINK_EXE:
		return task->mm && task->mm->exe ? dentry_get(file_dentry(task->mm->exe)) : NULL;
	case TASK_LINK_CWD:
		return task->fs ? fs_get_cwd(task->fs) : NULL;
	default:
		return task->fs ? fs_get_root(task->fs) : NULL;
	}
}

static struct dentry *link_target(struct dentry *link)
{
	const struct proc_node *node = node_of(link->inode);

	if (!may_inspect(node))
		return ERR_PTR(-EACCES);
	spin_lock(&tasklist_lock);
	struct task_struct *task = node->pid->task;
	struct dentry *target = task ? task_target(task, node) : NULL;
	spin_unlock(&tasklist_lock);
	return target ? target : ERR_PTR(-ENOENT);
}

static ssize_t link_readlink(struct dentry *link, char *buf, size_t size)
{
	struct dentry *target = link_target(link);
	char *text;
	ssize_t length = -ENOMEM;

	if (IS_ERR(target))
		return PTR_ERR(target);
	text = kmalloc(PATH_LIMIT);
	if (text) {
		char *name = dentry_path(target, text, PATH_LIMIT);

		length = IS_ERR(name) ? PTR_ERR(name) : (ssize_t)min(strlen(name), size);
		if (length > 0)
			memcpy(buf, name, (size_t)length);
	}
	kfree(text);
	dentry_put(target);
	return length;
}

/* --- files --- */

/* Makes the whole text anew. 0, -ESRCH (the process is gone), -ENOMEM. */
static int fill(struct file *file)
{
	const struct proc_node *node = node_of(file->inode);
	struct text *text = file->private;
	struct task_struct *task = node->pid ? node_task_get(node) : NULL;

	if (node->pid && !task)
		return -ESRCH;
	text->size = 0;
	text->failed = false;
	text->thread = node->thread;
	if (node->file->number)
		text_print(text, "%llu\n", (unsigned long long)*node->file->number);
	else
		node->file->show(text, task);
	if (task)
		task_put(task);
	return text->failed ? -ENOMEM : 0;
}

static int text_open(struct inode *inode, struct file *file)
{
	if ((node_of(inode)->file->mode & PROC_PRIVATE) && !may_inspect(node_of(inode)))
		return -EACCES;
	file->private = kzalloc(sizeof(struct text));
	return file->private ? 0 : -ENOMEM;
}

static void text_release(struct file *file)
{
	struct text *text = file->private;

	kfree(text->data);
	kfree(text);
}

static ssize_t text_read(struct file *file, struct uio *uio, s64 *pos)
{
	struct text *text = file->private;
	ssize_t result = 0;

	mutex_lock(&file->inode->lock);
	if (*pos == 0 || !text->data)
		result = fill(file);
	if (!result && (u64)*pos < text->size) {
		size_t wanted = min(uio->left, text->size - (size_t)*pos);
		size_t done = uio_put(uio, text->data + *pos, wanted);

		*pos += (s64)done;
		result = done || !wanted ? (ssize_t)done : -EFAULT;
	}
	mutex_unlock(&file->inode->lock);
	return result;
}

/* 0 or -errno; -ESRCH: the process is gone. */
static int store(const struct proc_node *node, char *value)
{
	struct task_struct *task = node->pid ? node_task_get(node) : NULL;

	if (node->pid && !task)
		return -ESRCH;
	int error = node->file->number ? store_number(value, node->file->number, node->file->max)
				       : node->file->store(value, task);
	if (task)
		task_put(task);
	return error;
}

static ssize_t text_write(struct file *file, struct uio *uio, s64 *pos)
{
	const struct proc_node *node = node_of(file->inode);
	char value[VALUE_MAX];
	size_t size = uio->left;

	if (!node->file->store && !node->file->number)
		return -EIO;
	if (size >= sizeof(value))
		return -EINVAL;
	if (uio_get(uio, value, size) != size)
		return -EFAULT;
	value[size] = '\0';
	if (size && value[size - 1] == '\n')
		value[size - 1] = '\0';
	int error = store(node, value);
	*pos += (s64)size;
	return error ? error : (ssize_t)size;
}

static int pagemap_open(struct inode *inode, struct file *file)
{
	(void)file;
	return may_inspect(node_of(inode)) ? 0 : -EACCES;
}

static ssize_t pagemap_read(struct file *file, struct uio *uio, s64 *pos)
{
	struct task_struct *task = node_task_get(node_of(file->inode));

	if (!task)
		return 0;
	ssize_t result = task_read_pagemap(task, uio, pos);
	task_put(task);
	return result;
}

static ssize_t kpagecount_read(struct file *file, struct uio *uio, s64 *pos)
{
	(void)file;
	return read_kpagecount(uio, pos);
}

static ssize_t kpageflags_read(struct file *file, struct uio *uio, s64 *pos)
{
	(void)file;
	return read_kpageflags(uio, pos);
}

static const struct file_ops pagemap_file_ops = { .open = pagemap_open,
						  .read = pagemap_read,
						  .seek = file_seek_any };
static const struct file_ops kpagecount_file_ops = { .read = kpagecount_read,
						     .seek = file_seek_any };
static const struct file_ops kpageflags_file_ops = { .read = kpageflags_read,
						     .seek = file_seek_any };
static const struct file_ops text_file_ops = {
	.open = text_open,
	.release = text_release,
	.read = text_read,
	.write = text_write,
	.seek = file_seek_any,
};
static const struct file_ops root_file_ops = { .readdir = root_readdir };
static const struct file_ops dir_file_ops = { .readdir = dir_readdir };
static const struct file_ops task_dir_file_ops = { .readdir = task_dir_readdir };
static const struct file_ops fd_dir_file_ops = { .readdir = fd_dir_readdir };
static const struct file_ops tasks_file_ops = { .readdir = tasks_readdir };
static const struct inode_ops root_ops = { .lookup = root_lookup, .destroy = node_destroy };
static const struct inode_ops dir_ops = { .lookup = dir_lookup, .destroy = node_destroy };
static const struct inode_ops task_dir_ops = { .lookup = task_dir_lookup, .destroy = node_destroy };
static const struct inode_ops tasks_ops = { .lookup = tasks_lookup,
					    .refresh = tasks_refresh,
					    .destroy = node_destroy };
static const struct inode_ops fd_dir_ops = { .lookup = fd_dir_lookup,
					     .permits = is_own,
					     .destroy = node_destroy };
static const struct inode_ops file_inode_ops = { .destroy = node_destroy };
static const struct inode_ops self_ops = { .readlink = self_readlink, .destroy = node_destroy };
static const struct inode_ops link_ops = { .readlink = link_readlink,
					   .get_link = link_target,
					   .destroy = node_destroy };

struct pid *procfs_dir_pid(const struct file *file)
{
	return file->ops == &task_dir_file_ops ? pid_get(node_of(file->inode)->pid) : NULL;
}

static struct dentry *proc_mount(const struct fs_type *type)
{
	return filesystem_make_root(type, S_IFDIR | 0555, &root_ops, &root_file_ops);
}

static struct fs_type proc_type = {
	.name = "proc", .magic = PROC_SUPER_MAGIC, .fixed = true, .mount = proc_mount
};

void procfs_init(void)
{
	fs_type_register(&proc_type);
}
