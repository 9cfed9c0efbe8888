/*
 * The first files: what the boot loader handed over as cpio archives becomes the root file system.
 * Entries come in order and a later one takes the place of an earlier one of the same name, so
 * archives can be laid over each other; parent directories that are missing are made. Within an
 * archive, equal inode numbers are names of one file.
 */
#include <asm/fcntl.h>
#include <linux/errno.h>
#include "fs/cpio.h"
#include "fs/file.h"
#include "fs/mount.h"
#include "fs/path.h"
#include "lib/string.h"
#include "mm/slab.h"

/* A file that may have more names. */
struct linked_file {
	u64 dev, ino;
	struct dentry *dentry; /* held */
	RB_ENTRY(linked_file) node;
};

RB_HEAD(linked_files, linked_file);

struct unpacking {
	struct linked_files links; /* of this archive */
	u32 archive;		   /* its number */
};

static int compare_links(const struct linked_file *a, const struct linked_file *b)
{
	if (a->dev != b->dev)
		return a->dev < b->dev ? -1 : 1;
	return a->ino < b->ino ? -1 : a->ino > b->ino;
}

TREE_GENERATE(linked_files, linked_file, node, compare_links)

static void forget_links(struct unpacking *state)
{
	struct linked_file *file;

	while ((file = RB_MIN(linked_files, &state->links))) {
		RB_REMOVE(linked_files, &state->links, file);
		dentry_put(file->dentry);
		kfree(file);
	}
}

static struct linked_file *find_link(struct unpacking *state, const struct cpio_entry *entry)
{
	struct linked_file key = { .dev = (u64)entry->dev_major << 32 | entry->dev_minor,
				   .ino = entry->ino };

	return RB_FIND(linked_files, &state->links, &key);
}

static int remember_link(struct unpacking *state, const struct cpio_entry *entry,
			 struct dentry *dentry)
{
	struct linked_file *file = kmalloc(sizeof(*file));

	if (!file)
		return -ENOMEM;
	file->dev = (u64)entry->dev_major << 32 | entry->dev_minor;
	file->ino = entry->ino;
	file->dentry = dentry_get(dentry);
	RB_INSERT(linked_files, &state->links, file);
	return 0;
}

static int write_contents(struct dentry *dentry, const struct cpio_entry *entry)
{
	struct file *file = file_open_dentry(dentry, O_WRONLY | O_TRUNC);
	struct iovec iov;
	struct uio uio;

	if (IS_ERR(file))
		return PTR_ERR(file);
	uio_init_kernel(&uio, &iov, entry->data, entry->size);
	ssize_t written = file_write(file, &uio, &file->pos);
	file_put(file);
	if (written < 0)
		return written;
	return (u64)written == entry->size ? 0 : -ENOSPC;
}

static struct dentry *make_symlink(const struct cpio_entry *entry, struct path_end *end)
{
	if (entry->size == 0 || entry->size >= PATH_LIMIT)
		return ERR_PTR(-EINVAL);
	char *target = kmalloc(entry->size + 1);
	if (!target)
		return ERR_PTR(-ENOMEM);
	memcpy(target, entry->data, entry->size);
	target[entry->size] = 0;
	struct dentry *dentry = path_make(end, S_IFLNK | 0777, 0, target);
	kfree(target);
	return dentry;
}

/* Makes the name at the end of a walk, and what it leads to. Referenced, or ERR_PTR. */
static struct dentry *make_at_end(const struct cpio_entry *entry, struct path_end *end)
{
	if (end->slash && !S_ISDIR(entry->mode))
		return ERR_PTR(-EINVAL);
	switch (entry->mode & S_IFMT) {
	case S_IFDIR:
		return path_make(end, S_IFDIR | 0755, 0, NULL);
	case S_IFLNK:
		return make_symlink(entry, end);
	case S_IFREG:
		return path_make(end, S_IFREG, 0, NULL);
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		return path_make(end, entry->mode, dev_make(entry->rdev_major, entry->rdev_minor),
				 NULL);
	default:
		return ERR_PTR(-EINVAL);
	}
}

/*
 * Makes an entry, contents aside, with a single walk. A directory may be there already; then it is
 * what this gives, not what is mounted on it. Referenced, or ERR_PTR: -ENOENT where a directory
 * above is missing, -EEXIST where the name is something else's.
 */
static struct dentry *make_entry(const struct cpio_entry *entry, const char *path)
{
	struct dentry *dentry;
	struct path_end end;

	namespace_lock();
	int error = path_walk(AT_FDCWD, path, LOOKUP_PARENT, &end);
	if (error)
		dentry = ERR_PTR(error);
	else if (end.child && S_ISDIR(entry->mode) && inode_is_dir(end.child->inode))
		dentry = dentry_get(end.child);
	else if (end.child)
		dentry = ERR_PTR(-EEXIST);
	else
		dentry = make_at_end(entry, &end);
	if (!error)
		path_end_put(&end);
	namespace_unlock();
	return dentry;
}

/* Makes an entry, or one more name for the file that it is a link to. As make_entry(). */
static struct dentry *make_name(struct unpacking *state, const struct cpio_entry *entry,
				const char *path)
{
	bool may_be_link = S_ISREG(entry->mode) && entry->nlink > 1;
	struct linked_file *link = may_be_link ? find_link(state, entry) : NULL;

	if (!link)
		return make_entry(entry, path);
	int error = fs_link_dentry(link->dentry, AT_FDCWD, path);
	return error ? ERR_PTR(error) : dentry_get(link->dentry);
}

/* Puts right what kept an entry from being made; returns the error if it cannot. */
static int make_room(const char *path, int error)
{
	if (error == -ENOENT)
		return fs_make_parents(path);
	if (error != -EEXIST)
		return error;
	error = fs_unlink(AT_FDCWD, path);
	return error == -EISDIR ? fs_rmdir(AT_FDCWD, path) : error;
}

/* Fills what make_name() made. */
static int fill_entry(struct unpacking *state, const struct cpio_entry *entry,
		      struct dentry *dentry)
{
	struct inode *inode = dentry->inode;
	int error = 0;

	if (S_ISREG(inode->mode)) {
		/* of several names one carries the contents, the others are empty */
		if (entry->size)
			error = write_contents(dentry, entry);
		if (!error && entry->nlink > 1 && !find_link(state, entry))
			error = remember_link(state, entry, dentry);
	}
	if (!error)
		error = inode_chown(inode, entry->uid, entry->gid);
	if (!error && !S_ISLNK(inode->mode))
		error = inode_chmod(inode, entry->mode);
	if (!error)
		error = inode_set_times(inode, entry->mtime * NSEC_PER_SEC,
					entry->mtime * NSEC_PER_SEC);
	return error;
}

static int unpack_entry(const struct cpio_entry *entry, void *arg)
{
	struct unpacking *state = arg;
	const char *path = entry->name;

	if (entry->archive != state->archive) {
		forget_links(state);
		state->archive = entry->archive;
	}
	while (*path == '/' || (path[0] == '.' && path[1] == '/'))
		path++;
	if (!*path || strcmp(path, ".") == 0)
		return 0;
	struct dentry *dentry = make_name(state, entry, path);
	if (IS_ERR(dentry)) {
		int error = make_room(path, PTR_ERR(dentry));
		dentry = error ? ERR_PTR(error) : make_name(state, entry, path);
	}
	if (IS_ERR(dentry))
		return PTR_ERR(dentry);
	int error = fill_entry(state, entry, dentry);
	dentry_put(dentry);
	return error;
}

/* What every program expects to find, where the archives left it out. */
static int make_essentials(void)
{
	static const struct {
		const char *path;
		mode_t mode;
		u32 major, minor;
	} nodes[] = {
		{ "/dev", S_IFDIR | 0755, 0, 0 },
		{ "/dev/pts", S_IFDIR | 0755, 0, 0 },
		{ "/proc", S_IFDIR | 0555, 0, 0 },
		{ "/tmp", S_IFDIR | 01777, 0, 0 },
		{ "/dev/null", S_IFCHR | 0666, 1, 3 },
		{ "/dev/zero", S_IFCHR | 0666, 1, 5 },
		{ "/dev/full", S_IFCHR | 0666, 1, 7 },
		{ "/dev/random", S_IFCHR | 0666, 1, 8 },
		{ "/dev/urandom", S_IFCHR | 0666, 1, 9 },
		{ "/dev/kmsg", S_IFCHR | 0644, 1, 11 },
		{ "/dev/uninterruptible", S_IFCHR | 0600, 240, 0 },
		{ "/dev/tty", S_IFCHR | 0666, 5, 0 },
		{ "/dev/console", S_IFCHR | 0600, 5, 1 },
		{ "/dev/ptmx", S_IFCHR | 0666, 5, 2 },
		{ "/dev/ttyS0", S_IFCHR | 0600, 4, 64 },
	};
	static const char *const links[][2] = {
		{ "/proc/self/fd", "/dev/fd" },
		{ "/proc/self/fd/0", "/dev/stdin" },
		{ "/proc/self/fd/1", "/dev/stdout" },
		{ "/proc/self/fd/2", "/dev/stderr" },
	};
	int error = 0;

	for (size_t i = 0; i < ARRAY_SIZE(nodes) && !error; i++) {
		dev_t rdev = dev_make(nodes[i].major, nodes[i].minor);
		error = S_ISDIR(nodes[i].mode)
				? fs_mkdir(AT_FDCWD, nodes[i].path, nodes[i].mode)
				: fs_mknod(AT_FDCWD, nodes[i].path, nodes[i].mode, rdev);
		if (error == -EEXIST)
			error = 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(links) && !error; i++) {
		error = fs_symlink(links[i][0], AT_FDCWD, links[i][1]);
		if (error == -EEXIST)
			error = 0;
	}
	return error;
}

int initramfs_unpack(const void *archive, size_t size)
{
	struct unpacking state = { .archive = 0 };
	int error = cpio_parse(archive, size, unpack_entry, &state);

	forget_links(&state);
	if (!error)
		error = make_essentials();
	return error;
}
