/* The file system in memory, which is the root; see ramfs.c. */
#ifndef MITOS_FS_RAMFS_H
#define MITOS_FS_RAMFS_H

#include "fs/mount.h"

void ramfs_init(void);		 /* registers the types ramfs and tmpfs */
struct dentry *ramfs_root(void); /* a new, empty one */

struct filesystem;
struct inode;
/* A new file of such a file system, kept in memory, that has no name yet. NULL: no memory. */
struct inode *ramfs_inode(struct filesystem *fs, mode_t mode);

#endif
