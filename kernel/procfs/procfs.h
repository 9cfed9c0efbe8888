/*
 * /proc: the kernel's own account of itself, as files. Reads the floors below and changes nothing
 * but its sysctls. The formats are proc(5)'s, so that ps, top and free work on them.
 */
#ifndef MITOS_PROCFS_PROCFS_H
#define MITOS_PROCFS_PROCFS_H

#include "lib/types.h"

/* Registers the file system and mounts nothing; `mount -t proc` or init does. */
void procfs_init(void);

struct file;
struct pid;
/* The process whose directory /proc/PID is open as file, with a reference; NULL: something else. */
struct pid *procfs_dir_pid(const struct file *file);

#endif
