/*
 * A dentry is a name in a directory and leads to an inode. In a file system whose directories are
 * kept in memory (ramfs) the tree of dentries is the directory: each linked name holds one
 * reference, from its tree, and there are no entries for names that do not exist. Other file
 * systems make dentries for their users only. A dentry holds its parent, so the path upwards exists
 * as long as anything below it is in use. The namespace lock guards all trees and mounts; names and
 * parents change under it and the name lock (a spinlock), so that a path can be written down in any
 * context. Finding, adding, removing and going on with readdir(3) are O(log n) in a directory.
 */
#ifndef MITOS_FS_DENTRY_H
#define MITOS_FS_DENTRY_H

#include "fs/inode.h"
#include "lib/tree.h"

#define NAME_LIMIT 255 /* bytes in a name */

struct file;
struct dir_context;
struct mount;

RB_HEAD(dentry_names, dentry);
RB_HEAD(dentry_cookies, dentry);

struct dentry {
	u32 refs;	       /* atomic */
	u32 length;	       /* of name, bytes; name lock and namespace lock */
	char *name;	       /* with terminator; name lock and namespace lock */
	struct dentry *parent; /* held; NULL for a root; name lock and namespace lock */
	struct inode *inode;   /* held; fixed */

	/* guarded by the namespace lock */
	bool deleted; /* was unlinked: nothing can be made below it */
	u32 child_count;
	struct dentry_names names;     /* children by name */
	struct dentry_cookies cookies; /* the same by cookie */
	/* for the next child: never used again, so readdir positions stay */
	u64 next_cookie;
	u64 cookie; /* this one's position in its directory */
	RB_ENTRY(dentry) name_node, cookie_node;
	struct mount *covered; /* the mount on top of this directory; name lock too */
	struct mount *mount;   /* the mount this is the root of; name lock too */
};

void namespace_lock(void);
void namespace_unlock(void);
bool namespace_locked(void); /* by the running task */

void dentry_module_init(void);

/*
 * An unlinked dentry, with one reference, for name in parent (NULL: a root). Takes over the
 * caller's reference on inode, also when it fails. NULL: no memory.
 */
struct dentry *dentry_alloc(struct dentry *parent, const char *name, size_t length,
			    struct inode *inode);
struct dentry *dentry_get(struct dentry *dentry);
void dentry_put(struct dentry *dentry); /* never sleeps; NULL is allowed */

/* Directory trees; the namespace lock is held. */
/* referenced, or NULL */
struct dentry *dentry_find(struct dentry *dir, const char *name, size_t length);
void dentry_link(struct dentry *dentry);   /* into its parent's tree, which takes a reference */
void dentry_unlink(struct dentry *dentry); /* out of it, and drops that reference */
/* Gives a linked dentry another place and name (a kmalloc'd copy, taken over). */
void dentry_move(struct dentry *dentry, struct dentry *parent, char *name, size_t length);
void dentry_swap(struct dentry *a, struct dentry *b); /* exchanges the places of two */
/* ties the two dentries of a mount together, or unties them */
void dentry_set_mount(struct mount *mount, bool on);
bool dentry_is_below(const struct dentry *dentry, const struct dentry *ancestor); /* or the same */
/* somebody holds a name below; extra: known holders of root */
bool dentry_tree_busy(struct dentry *root, u32 extra);
void dentry_tree_destroy(struct dentry *root); /* unlinks everything below */

/*
 * The absolute name of a dentry as seen from root, written to the end of buf; returns its start, or
 * ERR_PTR(-ENAMETOOLONG). " (deleted)" is appended to a deleted name; *reachable is false if root
 * is not above it.
 */
char *dentry_path_from(struct dentry *dentry, struct dentry *root, char *buf, size_t size,
		       bool *reachable);

/* file_ops->readdir of a directory kept in a tree. */
int dentry_readdir(struct file *file, struct dir_context *context);

#endif
