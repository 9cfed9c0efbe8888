/*
 * A pidfd holds the struct pid, not the task: it keeps the number from being reused, but nobody
 * from being reaped. It is readable once the process has died (pidfd_open(2)); whoever polls is on
 * the pid's queue before it looks, under tasklist_lock, and a dying process looks at the queue
 * under the same lock, so no death is missed.
 */
#include "proc/pidfd.h"
#include "fs/file.h"
#include "fs/mount.h"
#include "fs/poll.h"
#include "lib/printf.h"
#include "proc/thread.h"
#include <asm/errno.h>
#include <linux/magic.h>

static const struct fs_type pidfd_type = { .name = "anon_inodefs", .magic = ANON_INODE_FS_MAGIC };
static struct filesystem pidfd_fs = { .type = &pidfd_type };
static const struct inode_ops pidfd_inode_ops = { .destroy = NULL };

static void pidfd_release(struct file *file)
{
	pid_put(file->private);
}

static u32 pidfd_poll(struct file *file, struct poll_table *table)
{
	struct pid *pid = file->private;

	poll_wait(table, &pid->death);
	spin_lock(&tasklist_lock);
	bool dead = !pid->task || process_is_dead(pid->task->leader);
	spin_unlock(&tasklist_lock);
	return dead ? POLLIN | POLLRDNORM : 0;
}

/* By way of /proc/self/fd: what it refers to cannot be opened once more. */
static int pidfd_reopen(struct inode *inode, struct file *file)
{
	(void)inode, (void)file;
	return -ENXIO;
}

static const struct file_ops pidfd_ops = {
	.open = pidfd_reopen,
	.release = pidfd_release,
	.poll = pidfd_poll,
};

struct file *pidfd_file(struct pid *pid, u32 flags)
{
	static const char name[] = "anon_inode:[pidfd]";
	struct inode *inode = inode_alloc(&pidfd_fs, 0600, &pidfd_inode_ops, &pidfd_ops);
	struct dentry *dentry = inode ? dentry_alloc(NULL, name, sizeof(name) - 1, inode) : NULL;

	if (!dentry)
		return ERR_PTR(-ENOMEM);
	struct file *file = file_alloc(dentry, &pidfd_ops, O_RDWR | flags);
	dentry_put(dentry);
	if (!IS_ERR(file)) {
		file->mode |= FMODE_STREAM;
		file->private = pid_get(pid);
	}
	return file;
}

/* The process with this number, which must be a leader: 0, -ESRCH, -EINVAL. */
static int find_leader(pid_t nr, struct pid **found)
{
	struct pid *pid = pid_find_get(nr);

	if (!pid)
		return -ESRCH;
	spin_lock(&tasklist_lock);
	bool leads = pid->task && pid->task->leader == pid->task;
	spin_unlock(&tasklist_lock);
	if (!leads)
		pid_put(pid);
	*found = pid;
	return leads ? 0 : -EINVAL;
}

int pidfd_open(pid_t nr, u32 flags)
{
	struct pid *pid;
	int fd, error = find_leader(nr, &pid);

	if (error)
		return error;
	fd = fd_reserve(0, true);
	if (fd >= 0)
		fd = fd_settle(fd, pidfd_file(pid, flags));
	pid_put(pid);
	return fd;
}

struct pid *pidfd_pid_get(const struct file *file)
{
	return file->ops == &pidfd_ops ? pid_get(file->private) : NULL;
}
