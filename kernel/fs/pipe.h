/* Pipes and fifos; see pipe.c. */
#ifndef MITOS_FS_PIPE_H
#define MITOS_FS_PIPE_H

#include "fs/file.h"

#define PIPE_SIZE_DEFAULT 65536u
#define PIPE_SIZE_MAX 1048576u /* what F_SETPIPE_SZ allows to anyone: /proc/sys/fs/pipe-max-size */

extern const struct file_ops pipe_file_ops; /* of every inode of kind S_IFIFO */

void pipe_module_init(void);
/* pipe2(2): files[0] reads, files[1] writes; flags O_NONBLOCK. 0, -ENFILE, -ENOMEM. */
int pipe_open_pair(struct file *files[2], int flags);
s64 pipe_get_size(struct file *file); /* F_GETPIPE_SZ: bytes or -EBADF */
/* F_SETPIPE_SZ: the size set, -EBUSY, -EINVAL, -ENOMEM, -EPERM */
s64 pipe_set_size(struct file *file, u64 size);

#endif
