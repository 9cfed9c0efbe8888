/*
 * The walk from a name to a dentry. It takes one component after the other; a symbolic link's text
 * is walked in its place, and what followed the link waits on a small stack. The whole walk holds
 * the namespace lock, so everything it passes stays where it is, and a caller that goes on to
 * change the name at the end does so atomically.
 */
#include <asm/fcntl.h>
#include <linux/errno.h>
#include "fs/file.h"
#include "fs/mount.h"
#include "fs/path.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "sched/task.h"
#include "x86/printk.h"

#define LINK_TEXT 256 /* bytes of a text made for a walk; generated links are short */

/* The text of a link whose file system makes it anew each time. */
struct link_text {
	struct link_text *next;
	char text[LINK_TEXT];
};

struct walk {
	struct dentry *at;   /* held: the directory reached */
	struct dentry *root; /* held: where absolute names start, and ".." ends */
	const char *text;    /* not walked yet */
	/* what follows the links being walked, innermost last; never empty */
	const char *waiting[LINKS_LIMIT];
	u32 depth; /* entries of waiting */
	u32 links; /* followed so far */
	u32 flags; /* LOOKUP_* */
	/* the end must be a directory: a slash followed it, or a link to it */
	bool slash;
	struct link_text *texts;
};

static void walk_to(struct walk *w, struct dentry *dentry)
{
	dentry_put(w->at);
	w->at = dentry;
}

/* Where the walk begins. */
static int walk_start(struct walk *w, int dirfd, const char *path, u32 flags)
{
	struct fs_struct *fs = current->fs;

	*w = (struct walk){ .text = path, .flags = flags };
	if (!*path && !(flags & LOOKUP_EMPTY))
		return -ENOENT;
	if (*path != '/' && dirfd != AT_FDCWD) {
		w->at = files_get_dentry(current->files, dirfd);
		if (!w->at)
			return -EBADF;
		if (*path && !inode_is_dir(w->at->inode)) {
			dentry_put(w->at);
			return -ENOTDIR;
		}
	}
	if (!fs) { /* the kernel itself, before the first process */
		w->root = dentry_get(fs_root);
	} else {
		spin_lock(&fs->lock);
		w->root = dentry_get(fs->root);
		if (!w->at && *path != '/')
			w->at = dentry_get(fs->cwd);
		spin_unlock(&fs->lock);
	}
	if (!w->at)
		w->at = dentry_get(w->root);
	return 0;
}

static void walk_up(struct walk *w)
{
	struct dentry *d = w->at;

	while (d != w->root && d->mount && d->mount->at)
		d = d->mount->at;
	if (d != w->root && d->parent)
		walk_to(w, mount_enter(dentry_get(d->parent)));
}

/* The child of that name, referenced, or ERR_PTR. */
static struct dentry *walk_child(struct walk *w, const char *name, size_t length)
{
	const struct inode_ops *ops = w->at->inode->ops;

	if (ops->lookup)
		return ops->lookup(w->at, name, length);
	struct dentry *child = dentry_find(w->at, name, length);
	return child ? child : ERR_PTR(-ENOENT);
}

/* The text of a symbolic link, good for this walk, or ERR_PTR. */
static const char *text_of(struct walk *w, struct dentry *link)
{
	const struct inode_ops *ops = link->inode->ops;

	if (!ops->readlink) {
		inode_read_at(link->inode);
		return link->inode->link;
	}
	struct link_text *made = kmalloc(sizeof(*made));
	if (!made)
		return ERR_PTR(-ENOMEM);
	made->next = w->texts;
	w->texts = made;
	ssize_t length = ops->readlink(link, made->text, LINK_TEXT);
	if (length < 0 || length == LINK_TEXT)
		return ERR_PTR(length < 0 ? length : -ENAMETOOLONG);
	made->text[length] = 0;
	return made->text;
}

/* Goes on with a symbolic link's text in place of its name; consumes the reference on link. */
static int walk_link(struct walk *w, struct dentry *link)
{
	const struct inode_ops *ops = link->inode->ops;
	void *to; /* a dentry, or the text */

	if (w->links++ == LINKS_LIMIT)
		to = ERR_PTR(-ELOOP);
	else
		to = ops->get_link ? (void *)ops->get_link(link) : (void *)text_of(w, link);
	dentry_put(link);
	if (IS_ERR(to))
		return PTR_ERR(to);
	if (ops->get_link) {
		walk_to(w, to);
		return 0;
	}
	if (*w->text)
		w->waiting[w->depth++] = w->text;
	w->text = to;
	if (*w->text == '/')
		walk_to(w, dentry_get(w->root));
	return 0;
}

/*
 * Cuts the next component off the text: its length, 0 if the walk is over (a path of slashes, or a
 * link to "/"). *last: nothing follows it.
 */
static ssize_t next_component(struct walk *w, const char **name, bool *last)
{
	while (true) {
		while (*w->text == '/')
			w->text++;
		if (*w->text || !w->depth)
			break;
		w->text = w->waiting[--w->depth];
	}
	*name = w->text;
	while (*w->text && *w->text != '/')
		w->text++;
	size_t length = w->text - *name;
	bool slash = *w->text == '/';
	while (*w->text == '/')
		w->text++;
	*last = !*w->text && !w->depth;
	w->slash |= *last && slash;
	return length > NAME_LIMIT ? -ENAMETOOLONG : (ssize_t)length;
}

static bool is_dot(const char *name, size_t length)
{
	return length == 1 && name[0] == '.';
}

static bool is_dotdot(const char *name, size_t length)
{
	return length == 2 && name[0] == '.' && name[1] == '.';
}

/* Should a link that is the last component be followed? */
static bool follows_last(const struct walk *w)
{
	return !(w->flags & LOOKUP_PARENT) && ((w->flags & LOOKUP_FOLLOW) || w->slash);
}

/* What the walk returns when it ends in w->at itself: "." or ".." or "/" was last. */
static int end_at_directory(struct walk *w, struct path_end *end, int kind)
{
	end->kind = kind;
	end->slash = w->slash;
	end->child = w->at;
	w->at = NULL;
	return 0;
}

static int end_at_name(struct walk *w, struct path_end *end, struct dentry *child, const char *name,
		       size_t length)
{
	*end = (struct path_end){ w->at, child, name, length, PATH_NAME, w->slash, NULL };
	w->at = NULL;
	return 0;
}

/* One component: 1 goes on, 0 is the end, or -errno. */
static int walk_step(struct walk *w, struct path_end *end)
{
	const char *name;
	bool last;

	ssize_t length = next_component(w, &name, &last);
	if (length == 0)
		return end_at_directory(w, end, PATH_ROOT);
	if (!inode_is_dir(w->at->inode))
		return -ENOTDIR;
	int error = inode_permission(w->at->inode, MAY_EXEC);
	if (error || length < 0)
		return error ? error : (int)length;

	if (is_dot(name, length) || is_dotdot(name, length)) {
		if (is_dotdot(name, length))
			walk_up(w);
		return last ? end_at_directory(w, end,
					       is_dot(name, length) ? PATH_DOT : PATH_DOTDOT)
			    : 1;
	}
	struct dentry *child = walk_child(w, name, length);
	if (IS_ERR(child)) {
		bool may_be_made =
			!w->at->inode->ops->lookup && (w->flags & (LOOKUP_CREATE | LOOKUP_PARENT));
		if (last && PTR_ERR(child) == -ENOENT && may_be_made)
			return end_at_name(w, end, NULL, name, length);
		return PTR_ERR(child);
	}
	if (!last || !(w->flags & LOOKUP_PARENT))
		child = mount_enter(child);
	if (S_ISLNK(child->inode->mode) && (!last || follows_last(w))) {
		error = walk_link(w, child);
		/* a jump at the very end has arrived: there is no name left to take */
		if (!error && last && !*w->text)
			return end_at_directory(w, end, PATH_NAME);
		return error ? error : 1;
	}
	if (last)
		return end_at_name(w, end, child, name, length);
	walk_to(w, child);
	return 1;
}

int path_walk(int dirfd, const char *path, u32 flags, struct path_end *end)
{
	struct walk w;

	ASSERT(namespace_locked());
	*end = (struct path_end){ .dir = NULL };
	int result = walk_start(&w, dirfd, path, flags);
	if (result)
		return result;
	if (!*path)
		result = end_at_directory(&w, end, PATH_NAME);
	else
		do
			result = walk_step(&w, end);
		while (result > 0);
	dentry_put(w.at);
	dentry_put(w.root);
	end->texts = w.texts;
	bool must_be_dir = (end->slash && !(flags & LOOKUP_PARENT)) || (flags & LOOKUP_DIRECTORY);
	if (!result && must_be_dir && end->child && !inode_is_dir(end->child->inode))
		result = -ENOTDIR;
	if (result)
		path_end_put(end);
	return result;
}

void path_end_put(struct path_end *end)
{
	dentry_put(end->child);
	dentry_put(end->dir);
	end->child = end->dir = NULL;
	while (end->texts) {
		struct link_text *text = end->texts;
		end->texts = text->next;
		kfree(text);
	}
}

struct dentry *path_end_take(struct path_end *end)
{
	struct dentry *child = end->child;

	end->child = NULL;
	path_end_put(end);
	return child;
}

struct dentry *path_lookup(int dirfd, const char *path, u32 flags)
{
	struct path_end end;

	namespace_lock();
	int error = path_walk(dirfd, path, flags, &end);
	namespace_unlock();
	return error ? ERR_PTR(error) : path_end_take(&end);
}
