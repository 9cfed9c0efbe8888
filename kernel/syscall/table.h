/* Number to function: the only list of what this kernel does. */
#ifndef MITOS_SYSCALL_TABLE_H
#define MITOS_SYSCALL_TABLE_H

#include "lib/types.h"

#define SYSCALL_COUNT 512

typedef s64 (*syscall_fn)(u64, u64, u64, u64, u64, u64);
extern const syscall_fn syscall_table[SYSCALL_COUNT]; /* NULL: -ENOSYS */

#endif
