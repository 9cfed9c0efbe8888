/* The names that uname(2) tells and /proc/sys/kernel shows. */
#ifndef MITOS_SYSCALL_UTS_H
#define MITOS_SYSCALL_UTS_H

#include <linux/utsname.h>

/* A name that is being changed is seen as it was or as it is. */
struct new_utsname uts_now(void);
void uts_set_host(const char *name, size_t size); /* at most __NEW_UTS_LEN bytes */

#endif
