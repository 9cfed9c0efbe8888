/* Files without a name (memfd_create(2)), and the seals of files in memory (fcntl(2)). */
#ifndef MITOS_FS_MEMFD_H
#define MITOS_FS_MEMFD_H

#include "fs/file.h"

#define MEMFD_NAME_MAX (NAME_LIMIT - 6) /* bytes of a name that "memfd:" still fits before */

/* A new empty file, open for reading and writing. Without sealable it has F_SEAL_SEAL from the
 * start. ERR_PTR(-ENOMEM, -ENFILE). */
struct file *memfd_open(const char *name, bool sealable);
/* F_ADD_SEALS: 0; -EPERM: not open for writing, or sealed against it; -EINVAL: not such a file, or
 * no such seal; -EBUSY: F_SEAL_WRITE while it is mapped shared and writable. */
int file_add_seals(struct file *file, u32 seals);
s64 file_get_seals(struct file *file); /* F_GET_SEALS: F_SEAL_*, or -EINVAL */

#endif
