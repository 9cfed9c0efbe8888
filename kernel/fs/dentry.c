/*
 * The trees of names. A directory keeps its children twice, by name and by cookie; a cookie is
 * given once and never again, so a reader of the directory goes on where it stopped, whatever was
 * added or removed meanwhile. Trees change under the namespace lock; names and parents change under
 * the name lock as well, innermost, so that dentry_path_from() needs only that. The last
 * dentry_put() frees upwards without recursion and without sleeping.
 */
#include <linux/errno.h>
#include "fs/dentry.h"
#include "fs/file.h"
#include "fs/mount.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "x86/printk.h"

static struct kmem_cache dentry_cache;
static struct mutex namespace_mutex;
static struct spinlock name_lock = SPINLOCK_INIT("name");

void namespace_lock(void)
{
	mutex_lock(&namespace_mutex);
}

void namespace_unlock(void)
{
	mutex_unlock(&namespace_mutex);
}

bool namespace_locked(void)
{
	return mutex_held(&namespace_mutex);
}

/* By length first: most names are told apart without looking at their bytes. */
static int compare_names(const struct dentry *a, const struct dentry *b)
{
	if (a->length != b->length)
		return a->length < b->length ? -1 : 1;
	return memcmp(a->name, b->name, a->length);
}

static int compare_cookies(const struct dentry *a, const struct dentry *b)
{
	return a->cookie < b->cookie ? -1 : a->cookie > b->cookie;
}

TREE_GENERATE(dentry_names, dentry, name_node, compare_names)
TREE_GENERATE(dentry_cookies, dentry, cookie_node, compare_cookies)

void dentry_module_init(void)
{
	kmem_cache_init(&dentry_cache, "dentry", sizeof(struct dentry), 8);
	mutex_init(&namespace_mutex, "namespace");
}

struct dentry *dentry_alloc(struct dentry *parent, const char *name, size_t length,
			    struct inode *inode)
{
	struct dentry *dentry = kmem_cache_zalloc(&dentry_cache);
	char *copy = kmalloc(length + 1);

	if (!dentry || !copy) {
		kfree(copy);
		if (dentry)
			kmem_cache_free(&dentry_cache, dentry);
		inode_put(inode);
		return NULL;
	}
	memcpy(copy, name, length);
	copy[length] = 0;
	dentry->refs = 1;
	dentry->name = copy;
	dentry->length = length;
	dentry->parent = parent ? dentry_get(parent) : NULL;
	dentry->inode = inode;
	dentry->next_cookie = 2; /* 0 and 1 are "." and ".." */
	return dentry;
}

struct dentry *dentry_get(struct dentry *dentry)
{
	__atomic_fetch_add(&dentry->refs, 1, __ATOMIC_RELAXED);
	return dentry;
}

void dentry_put(struct dentry *dentry)
{
	while (dentry && __atomic_fetch_sub(&dentry->refs, 1, __ATOMIC_ACQ_REL) == 1) {
		struct dentry *parent = dentry->parent;

		inode_put(dentry->inode);
		kfree(dentry->name);
		kmem_cache_free(&dentry_cache, dentry);
		dentry = parent;
	}
}

struct dentry *dentry_find(struct dentry *dir, const char *name, size_t length)
{
	struct dentry key = { .name = (char *)name, .length = length };

	ASSERT(namespace_locked());
	struct dentry *found = RB_FIND(dentry_names, &dir->names, &key);
	return found ? dentry_get(found) : NULL;
}

static void tree_insert(struct dentry *dir, struct dentry *dentry)
{
	dentry->cookie = dir->next_cookie++;
	RB_INSERT(dentry_names, &dir->names, dentry);
	RB_INSERT(dentry_cookies, &dir->cookies, dentry);
	dir->child_count++;
}

static void tree_remove(struct dentry *dir, struct dentry *dentry)
{
	RB_REMOVE(dentry_names, &dir->names, dentry);
	RB_REMOVE(dentry_cookies, &dir->cookies, dentry);
	dir->child_count--;
}

void dentry_link(struct dentry *dentry)
{
	ASSERT(namespace_locked());
	tree_insert(dentry->parent, dentry_get(dentry));
}

void dentry_unlink(struct dentry *dentry)
{
	ASSERT(namespace_locked());
	tree_remove(dentry->parent, dentry);
	spin_lock(&name_lock);
	dentry->deleted = true;
	spin_unlock(&name_lock);
	dentry_put(dentry);
}

void dentry_move(struct dentry *dentry, struct dentry *parent, char *name, size_t length)
{
	struct dentry *old_parent = dentry->parent;
	char *old_name = dentry->name;

	ASSERT(namespace_locked());
	tree_remove(old_parent, dentry);
	spin_lock(&name_lock);
	dentry->parent = dentry_get(parent);
	dentry->name = name;
	dentry->length = length;
	spin_unlock(&name_lock);
	tree_insert(parent, dentry);
	kfree(old_name);
	dentry_put(old_parent);
}

void dentry_swap(struct dentry *a, struct dentry *b)
{
	struct dentry *parent = a->parent;
	char *name = a->name;
	u32 length = a->length;

	ASSERT(namespace_locked());
	tree_remove(a->parent, a);
	tree_remove(b->parent, b);
	spin_lock(&name_lock);
	a->parent = b->parent;
	a->name = b->name;
	a->length = b->length;
	b->parent = parent;
	b->name = name;
	b->length = length;
	spin_unlock(&name_lock);
	tree_insert(a->parent, a);
	tree_insert(b->parent, b);
}

void dentry_set_mount(struct mount *mount, bool on)
{
	ASSERT(namespace_locked());
	spin_lock(&name_lock);
	mount->root->mount = on ? mount : NULL;
	if (mount->at)
		mount->at->covered = on ? mount : NULL;
	spin_unlock(&name_lock);
}

bool dentry_is_below(const struct dentry *dentry, const struct dentry *ancestor)
{
	for (; dentry; dentry = dentry->parent)
		if (dentry == ancestor)
			return true;
	return false;
}

/* The next dentry of the tree under root in preorder, NULL after the last. */
static struct dentry *tree_next(struct dentry *root, struct dentry *dentry)
{
	struct dentry *next = RB_MIN(dentry_names, &dentry->names);

	for (; !next && dentry != root; dentry = dentry->parent)
		next = RB_NEXT(dentry_names, &dentry->parent->names, dentry);
	return next;
}

/* Each name is held by its tree and by its children; any reference beyond those is somebody's. */
bool dentry_tree_busy(struct dentry *root, u32 extra)
{
	ASSERT(namespace_locked());
	if (root->covered || root->refs != extra + root->child_count)
		return true;
	for (struct dentry *d = tree_next(root, root); d; d = tree_next(root, d))
		if (d->covered || d->refs != 1 + d->child_count)
			return true;
	return false;
}

void dentry_tree_destroy(struct dentry *root)
{
	struct dentry *dentry = root;

	ASSERT(namespace_locked());
	while (true) {
		struct dentry *child = RB_MIN(dentry_names, &dentry->names);
		if (child) {
			dentry = child;
			continue;
		}
		if (dentry == root)
			return;
		child = dentry;
		dentry = dentry->parent; /* root holds the chain, so it outlives its child */
		dentry_unlink(child);
	}
}

/* Writes text in front of start; NULL if it does not fit above buf. */
static char *prepend(char *buf, char *start, const char *text, size_t length)
{
	if ((size_t)(start - buf) < length)
		return NULL;
	return memcpy(start - length, text, length);
}

/* The name lock is held. */
static char *prepend_names(struct dentry *d, struct dentry *root, char *buf, char *start,
			   bool *reachable)
{
	char *end = start;

	*reachable = false;
	while (d != root) {
		if (d->mount && d->mount->at) {
			d = d->mount->at;
			continue;
		}
		if (!d->parent) { /* a root mounted nowhere; a pipe's has a name to show */
			if (start == end && !d->mount)
				return prepend(buf, start, d->name, d->length);
			break;
		}
		start = prepend(buf, start, d->name, d->length);
		start = start ? prepend(buf, start, "/", 1) : NULL;
		if (!start)
			return NULL;
		d = d->parent;
	}
	*reachable = d == root;
	return start == end ? prepend(buf, start, "/", 1) : start;
}

char *dentry_path_from(struct dentry *dentry, struct dentry *root, char *buf, size_t size,
		       bool *reachable)
{
	char *start = prepend(buf, buf + size, "", 1);

	spin_lock(&name_lock);
	if (start && dentry->deleted)
		start = prepend(buf, start, " (deleted)", 10);
	if (start)
		start = prepend_names(dentry, root, buf, start, reachable);
	spin_unlock(&name_lock);
	return start ? start : ERR_PTR(-ENAMETOOLONG);
}

bool dir_emit_dots(struct file *file, struct dir_context *context)
{
	struct dentry *dir = file->dentry;
	struct dentry *up = dir->mount && dir->mount->at ? dir->mount->at : dir;

	if (context->pos == 0) {
		if (!context->emit(context, ".", 1, dir->inode->ino, S_IFDIR >> 12, 1))
			return false;
		context->pos = 1;
	}
	if (context->pos == 1) {
		up = up->parent ? up->parent : up;
		if (!context->emit(context, "..", 2, up->inode->ino, S_IFDIR >> 12, 2))
			return false;
		context->pos = 2;
	}
	return true;
}

int dentry_readdir(struct file *file, struct dir_context *context)
{
	struct dentry *dir = file->dentry;
	int error = 0;

	namespace_lock();
	/* names added while somebody reads are left to the next reading, which might else never
	 * end */
	if (context->pos == 0 || !file->private)
		file->private = (void *)dir->next_cookie;
	if (dir->deleted)
		error = -ENOENT;
	else if (dir_emit_dots(file, context)) {
		struct dentry key = { .cookie = context->pos };
		struct dentry *d = RB_NFIND(dentry_cookies, &dir->cookies, &key);

		for (; d && d->cookie < (u64)file->private;
		     d = RB_NEXT(dentry_cookies, &dir->cookies, d)) {
			if (!context->emit(context, d->name, d->length, d->inode->ino,
					   (d->inode->mode & S_IFMT) >> 12, d->cookie + 1))
				break;
			context->pos = d->cookie + 1;
		}
	}
	namespace_unlock();
	return error;
}
