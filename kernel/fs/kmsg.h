/* /dev/kmsg, and waiting for the kernel's log to grow. */
#ifndef MITOS_FS_KMSG_H
#define MITOS_FS_KMSG_H

#include "lib/types.h"

struct file_ops;
extern const struct file_ops kmsg_ops;

/* Sleeps until the log's end is not at this position. 0 or -ERESTARTSYS. */
int kmsg_wait(u64 position);

#endif
