/*
 * What a task's relative names start from: root, working directory, umask. Shared by CLONE_FS,
 * copied by fork; fs->lock, a spinlock, guards the fields. Also the names of things as such a task
 * sees them.
 */
#include <linux/errno.h>
#include "fs/dentry.h"
#include "fs/fs.h"
#include "fs/mount.h"
#include "mm/slab.h"
#include "sched/task.h"

static struct fs_struct *fs_new(struct dentry *root, struct dentry *cwd, mode_t umask)
{
	struct fs_struct *fs = kmalloc(sizeof(*fs));

	if (!fs)
		return NULL;
	fs->refs = 1;
	spin_init(&fs->lock, "fs");
	fs->root = dentry_get(root);
	fs->cwd = dentry_get(cwd);
	fs->umask = umask;
	fs->execs = 0;
	return fs;
}

struct fs_struct *fs_initial(void)
{
	return fs_new(fs_root, fs_root, 022);
}

struct fs_struct *fs_copy(struct fs_struct *from)
{
	spin_lock(&from->lock);
	struct fs_struct *fs = fs_new(from->root, from->cwd, from->umask);
	spin_unlock(&from->lock);
	return fs;
}

struct fs_struct *fs_share(struct fs_struct *fs)
{
	spin_lock(&fs->lock);
	bool refused = fs->execs > 0;
	if (!refused)
		__atomic_fetch_add(&fs->refs, 1, __ATOMIC_RELAXED);
	spin_unlock(&fs->lock);
	return refused ? ERR_PTR(-EAGAIN) : fs;
}

bool fs_begin_exec(struct fs_struct *fs, u32 own)
{
	spin_lock(&fs->lock);
	bool alone = __atomic_load_n(&fs->refs, __ATOMIC_RELAXED) <= own;
	fs->execs += alone;
	spin_unlock(&fs->lock);
	return alone;
}

void fs_end_exec(struct fs_struct *fs)
{
	spin_lock(&fs->lock);
	fs->execs--;
	spin_unlock(&fs->lock);
}

void fs_put(struct fs_struct *fs)
{
	if (__atomic_fetch_sub(&fs->refs, 1, __ATOMIC_ACQ_REL) != 1)
		return;
	dentry_put(fs->root);
	dentry_put(fs->cwd);
	kfree(fs);
}

struct dentry *fs_get_root(struct fs_struct *fs)
{
	spin_lock(&fs->lock);
	struct dentry *root = dentry_get(fs->root);
	spin_unlock(&fs->lock);
	return root;
}

struct dentry *fs_get_cwd(struct fs_struct *fs)
{
	spin_lock(&fs->lock);
	struct dentry *cwd = dentry_get(fs->cwd);
	spin_unlock(&fs->lock);
	return cwd;
}

/* Puts dentry, whose reference is taken over, in place of *slot. */
static void replace(struct fs_struct *fs, struct dentry **slot, struct dentry *dentry)
{
	spin_lock(&fs->lock);
	struct dentry *old = *slot;
	*slot = dentry;
	spin_unlock(&fs->lock);
	dentry_put(old);
}

void fs_set_root(struct fs_struct *fs, struct dentry *root)
{
	replace(fs, &fs->root, root);
}

void fs_set_cwd(struct fs_struct *fs, struct dentry *cwd)
{
	replace(fs, &fs->cwd, cwd);
}

char *dentry_path(struct dentry *dentry, char *buf, size_t size)
{
	struct dentry *root = current->fs ? fs_get_root(current->fs) : dentry_get(fs_root);
	bool reachable;
	char *path = dentry_path_from(dentry, root, buf, size, &reachable);

	dentry_put(root);
	return path;
}
