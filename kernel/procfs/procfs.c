/*
 * The tree of /proc. Its names are made when they are looked up and forgotten with their last user:
 * a table says what a directory of fixed names holds; those of processes are taskdir.c's.
 */
#include "procfs/procfs.h"
#include "mm/mm.h"
#include "mm/slab.h"
#include "proc/cred.h"
#include "proc/pid.h"
#include "procfs/node.h"
#include <asm/errno.h>
#include <linux/magic.h>

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

static const struct inode_ops root_ops, dir_ops, root_link_ops;
static const struct file_ops root_file_ops, dir_file_ops;

void proc_node_destroy(struct inode *inode)
{
	struct proc_node *node = node_of(inode);

	if (node)
		pid_put(node->pid);
	kfree(node);
}

bool proc_may_inspect(const struct proc_node *node)
{
	spin_lock(&tasklist_lock);
	struct task_struct *task = node->pid ? node->pid->task : NULL;
	bool allowed = !task || cred_may_inspect(task);
	spin_unlock(&tasklist_lock);
	return allowed;
}

struct task_struct *proc_node_task_get(const struct proc_node *node)
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

struct dentry *proc_make(struct dentry *parent, const char *name, size_t length, mode_t mode,
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

/* --- directories of fixed names --- */

static struct dentry *lookup_fixed(struct dentry *parent, const struct proc_dir *dir,
				   const char *name, size_t length)
{
	for (const struct proc_file *file = dir->files; file->name; file++) {
		struct proc_node node = { .file = file };

		if (same(file->name, name, length))
			return proc_make(parent, name, length, S_IFREG | (file->mode & 0777),
					 &proc_file_inode_ops, &proc_text_ops, &node);
	}
	for (u32 i = 0; dir->dirs && dir->dirs[i]; i++) {
		struct proc_node node = { .dir = dir->dirs[i] };

		if (same(node.dir->name, name, length))
			return proc_make(parent, name, length, S_IFDIR | 0555, &dir_ops,
					 &dir_file_ops, &node);
	}
	return ERR_PTR(-ENOENT);
}

static struct dentry *dir_lookup(struct dentry *dir, const char *name, size_t length)
{
	return lookup_fixed(dir, node_of(dir->inode)->dir, name, length);
}

bool proc_emit(struct dir_context *context, const char *name, u64 ino, unsigned type)
{
	if (!context->emit(context, name, strlen(name), ino, type, context->pos + 1))
		return false;
	context->pos++;
	return true;
}

bool proc_readdir_fixed(struct dir_context *context, const struct proc_dir *dir, s64 first,
			s64 *end)
{
	s64 at = first;

	for (const struct proc_file *file = dir->files; file->name; file++, at++)
		if (context->pos == at && !proc_emit(context, file->name, (u64)file, S_IFREG >> 12))
			return false;
	for (u32 i = 0; dir->dirs && dir->dirs[i]; i++, at++)
		if (context->pos == at &&
		    !proc_emit(context, dir->dirs[i]->name, (u64)dir->dirs[i], S_IFDIR >> 12))
			return false;
	*end = at;
	return true;
}

static int dir_readdir(struct file *file, struct dir_context *context)
{
	s64 end;

	if (dir_emit_dots(file, context))
		proc_readdir_fixed(context, node_of(file->inode)->dir, 2, &end);
	return 0;
}

/* --- the root: fixed names, links, and a directory for each process --- */

static const char *const root_links[] = { "self", "mounts", "thread-self" };

/* Files of words, not of text. */
static const struct {
	const char *name;
	const struct file_ops *file_ops;
} root_specials[] = {
	{ "kpagecount", &proc_kpagecount_ops },
	{ "kpageflags", &proc_kpageflags_ops },
};

static struct dentry *root_lookup(struct dentry *dir, const char *name, size_t length)
{
	struct proc_node node = { 0 };

	for (u32 i = 0; i < ARRAY_SIZE(root_links); i++) {
		node.fd = (int)i;
		if (same(root_links[i], name, length))
			return proc_make(dir, name, length, S_IFLNK | 0777, &root_link_ops, NULL,
					 &node);
	}
	for (u32 i = 0; i < ARRAY_SIZE(root_specials); i++)
		if (same(root_specials[i].name, name, length))
			return proc_make(dir, name, length, S_IFREG | 0400, &proc_file_inode_ops,
					 root_specials[i].file_ops, &node);
	struct dentry *found = lookup_fixed(dir, &root_dir, name, length);
	return IS_ERR(found) && PTR_ERR(found) == -ENOENT
		       ? proc_lookup_task(dir, name, length, false)
		       : found;
}

static ssize_t root_readlink(struct dentry *link, char *buf, size_t size)
{
	const char *name = root_links[node_of(link->inode)->fd];
	char text[40];
	int length;

	if (strcmp(name, "self") == 0)
		length = snprintf(text, sizeof(text), "%d", current->tgid);
	else if (strcmp(name, "mounts") == 0)
		length = snprintf(text, sizeof(text), "self/mounts");
	else
		length = snprintf(text, sizeof(text), "%d/task/%d", current->tgid, current->pid);
	length = (int)min((size_t)length, size);
	memcpy(buf, text, (size_t)length);
	return length;
}

static int root_readdir(struct file *file, struct dir_context *context)
{
	s64 end = 2;

	if (!dir_emit_dots(file, context))
		return 0;
	for (u32 i = 0; i < ARRAY_SIZE(root_links); i++, end++)
		if (context->pos == end && !proc_emit(context, root_links[i], i + 1, S_IFLNK >> 12))
			return 0;
	if (!proc_readdir_fixed(context, &root_dir, end, &end))
		return 0;
	for (u32 i = 0; i < ARRAY_SIZE(root_specials); i++, end++)
		if (context->pos == end && !proc_emit(context, root_specials[i].name,
						      (u64)&root_specials[i], S_IFREG >> 12))
			return 0;
	return proc_readdir_tasks(context);
}

static const struct file_ops root_file_ops = { .readdir = root_readdir };
static const struct file_ops dir_file_ops = { .readdir = dir_readdir };
static const struct inode_ops root_ops = { .lookup = root_lookup, .destroy = proc_node_destroy };
static const struct inode_ops dir_ops = { .lookup = dir_lookup, .destroy = proc_node_destroy };
const struct inode_ops proc_file_inode_ops = { .destroy = proc_node_destroy };
static const struct inode_ops root_link_ops = { .readlink = root_readlink,
						.destroy = proc_node_destroy };

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
