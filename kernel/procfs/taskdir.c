/*
 * The directories of processes and threads in /proc: /proc/PID, /proc/PID/task, /proc/PID/fd, and
 * the links that lead to what the process has. A directory exists as long as its task is found; its
 * inode holds a reference on the struct pid, never on the task, so that an open one keeps nobody
 * from being reaped.
 */
#include "mm/mm.h"
#include "mm/slab.h"
#include "proc/thread.h"
#include "procfs/node.h"
#include "procfs/procfs.h"
#include <asm/errno.h>

static const struct inode_ops link_ops, task_dir_ops, fd_dir_ops, tasks_ops;
static const struct file_ops task_dir_file_ops, fd_dir_file_ops, tasks_file_ops;

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

struct dentry *proc_lookup_task(struct dentry *parent, const char *name, size_t length, bool thread)
{
	struct proc_node node = { .entry = TASK_DIR, .thread = thread };
	struct dentry *result = ERR_PTR(-ENOENT);
	u32 nr;

	if (!parse_number(name, length, &nr))
		return result;
	node.pid = pid_find_get((pid_t)nr);
	struct task_struct *task = proc_node_task_get(&node);
	if (task) {
		result = proc_make(parent, name, length, S_IFDIR | 0555, &task_dir_ops,
				   &task_dir_file_ops, &node);
		task_put(task);
	}
	pid_put(node.pid);
	return result;
}

int proc_readdir_tasks(struct dir_context *context)
{
	char name[16];

	context->pos = max(context->pos, (s64)PID_POSITION);
	while (true) {
		struct task_struct *task = task_next_get((pid_t)(context->pos - PID_POSITION));

		if (!task)
			return 0;
		context->pos = PID_POSITION + task->pid;
		snprintf(name, sizeof(name), "%d", task->pid);
		bool more = task->leader != task ||
			    proc_emit(context, name, (u64)task->pid, S_IFDIR >> 12);
		if (task->leader != task)
			context->pos++;
		task_put(task);
		if (!more)
			return 0;
	}
}

static const struct {
	const char *name;
	enum task_entry entry;
	mode_t mode;
	const struct inode_ops *ops;
	const struct file_ops *file_ops;
} task_specials[] = {
	{ "fd", TASK_FD_DIR, S_IFDIR | 0500, &fd_dir_ops, &fd_dir_file_ops },
	{ "pagemap", TASK_FILE, S_IFREG | 0400, &proc_file_inode_ops, &proc_pagemap_ops },
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
	struct task_struct *task = proc_node_task_get(&node);

	if (!task)
		return ERR_PTR(-ENOENT);
	task_put(task);
	for (node.file = task_files; node.file->name; node.file++)
		if (same(node.file->name, name, length))
			return proc_make(dir, name, length, S_IFREG | (node.file->mode & 0777),
					 &proc_file_inode_ops, &proc_text_ops, &node);
	for (u32 i = 0; i < specials_of(&node); i++) {
		node.entry = task_specials[i].entry;
		if (same(task_specials[i].name, name, length))
			return proc_make(dir, name, length, task_specials[i].mode,
					 task_specials[i].ops, task_specials[i].file_ops, &node);
	}
	return ERR_PTR(-ENOENT);
}

static int task_dir_readdir(struct file *file, struct dir_context *context)
{
	const struct proc_dir files = { "", task_files, NULL };
	s64 at;

	if (!dir_emit_dots(file, context) || !proc_readdir_fixed(context, &files, 2, &at))
		return 0;
	for (u32 i = 0; i < specials_of(node_of(file->inode)); i++, at++)
		if (context->pos == at &&
		    !proc_emit(context, task_specials[i].name, (u64)&task_specials[i],
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
	return member ? proc_lookup_task(dir, name, length, true) : ERR_PTR(-ENOENT);
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
		if (!proc_emit(context, name, (u64)nr, S_IFDIR >> 12)) {
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
	return proc_make(dir, name, length, mode, &link_ops, NULL, &node);
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
		if (!proc_emit(context, name, fd + 1, S_IFLNK >> 12))
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

	if (!proc_may_inspect(node))
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

static const struct file_ops task_dir_file_ops = { .readdir = task_dir_readdir };
static const struct file_ops fd_dir_file_ops = { .readdir = fd_dir_readdir };
static const struct file_ops tasks_file_ops = { .readdir = tasks_readdir };
static const struct inode_ops task_dir_ops = { .lookup = task_dir_lookup,
					       .destroy = proc_node_destroy };
static const struct inode_ops tasks_ops = { .lookup = tasks_lookup,
					    .refresh = tasks_refresh,
					    .destroy = proc_node_destroy };
static const struct inode_ops fd_dir_ops = { .lookup = fd_dir_lookup,
					     .permits = is_own,
					     .destroy = proc_node_destroy };
static const struct inode_ops link_ops = { .readlink = link_readlink,
					   .get_link = link_target,
					   .destroy = proc_node_destroy };

struct pid *procfs_dir_pid(const struct file *file)
{
	return file->ops == &task_dir_file_ops ? pid_get(node_of(file->inode)->pid) : NULL;
}
