/*
 * The cpio "newc" format: archives of files one after another, each a header of hexadecimal fields,
 * a name, the contents. The parser keeps no state and believes nothing: whatever the bytes are, it
 * reads only inside them.
 */
#ifndef MITOS_FS_CPIO_H
#define MITOS_FS_CPIO_H

#include "lib/types.h"

struct cpio_entry {
	const char *name; /* terminated, inside the archive */
	size_t name_length;
	u32 ino, mode, uid, gid, nlink;
	u32 mtime; /* seconds since 1970 */
	u32 dev_major, dev_minor, rdev_major, rdev_minor;
	u64 size; /* bytes at data */
	const void *data;
	/* counts the archives before: equal inode numbers mean one file only within an archive */
	u32 archive;
};

/*
 * Calls fn for each entry of each archive in data (trailers and zero padding between archives are
 * skipped), until it returns non-zero, which is returned. 0: all was read. -EINVAL: malformed at
 * the point reached.
 */
int cpio_parse(const void *data, size_t size, int (*fn)(const struct cpio_entry *entry, void *arg),
	       void *arg);

#endif
