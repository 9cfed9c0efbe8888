/* The names that uname(2) tells and /proc/sys/kernel shows. */
#ifndef MITOS_SYSCALL_UTS_H
#define MITOS_SYSCALL_UTS_H

#include <linux/utsname.h>

extern struct new_utsname
	system_name; /* written by root only, byte by byte: a reader may see a mix */

#endif
