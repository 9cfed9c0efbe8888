/*
 * The files of /proc. A file's whole text is made when it is read from its beginning and kept with
 * the open file, so that reading it in small pieces gives one consistent moment. That of a process
 * that is gone is ESRCH. Some files are of words and not of text: they are made as they are read.
 */
#include "mm/slab.h"
#include "proc/pid.h"
#include "procfs/node.h"
#include <asm/errno.h>

#define VALUE_MAX 256 /* bytes of a written sysctl */

/* Makes the whole text anew. 0, -ESRCH (the process is gone), -ENOMEM. */
static int fill(struct file *file)
{
	const struct proc_node *node = node_of(file->inode);
	struct text *text = file->private;
	struct task_struct *task = node->pid ? proc_node_task_get(node) : NULL;

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
	if ((node_of(inode)->file->mode & PROC_PRIVATE) && !proc_may_inspect(node_of(inode)))
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
	struct task_struct *task = node->pid ? proc_node_task_get(node) : NULL;

	if (node->pid && !task)
		return -ESRCH;
	int error = node->file->store ? node->file->store(value, task)
				      : store_number(value, node->file->number, node->file->max);
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
	return proc_may_inspect(node_of(inode)) ? 0 : -EACCES;
}

static ssize_t pagemap_read(struct file *file, struct uio *uio, s64 *pos)
{
	struct task_struct *task = proc_node_task_get(node_of(file->inode));

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

const struct file_ops proc_pagemap_ops = { .open = pagemap_open,
					   .read = pagemap_read,
					   .seek = file_seek_any };
const struct file_ops proc_kpagecount_ops = { .read = kpagecount_read, .seek = file_seek_any };
const struct file_ops proc_kpageflags_ops = { .read = kpageflags_read, .seek = file_seek_any };
const struct file_ops proc_text_ops = {
	.open = text_open,
	.release = text_release,
	.read = text_read,
	.write = text_write,
	.seek = file_seek_any,
};
