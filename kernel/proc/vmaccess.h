/* Another process's memory, read and written from outside (process_vm_readv(2)). */
#ifndef MITOS_PROC_VMACCESS_H
#define MITOS_PROC_VMACCESS_H

#include "mm/uio.h"

/*
 * Moves bytes between `local` and memory of the process pid: from it or, with write, to it. remote
 * holds count pieces of its addresses, in kernel memory. The bytes moved, fewer than asked for if
 * either side ends or has a bad page; -EFAULT if that is the first, -ESRCH (no such process, or it
 * has no memory any more), -EPERM (ptrace(2) would not be allowed), -ENOMEM.
 */
ssize_t process_vm_transfer(pid_t pid, struct uio *local, const struct iovec *remote, u64 count,
			    bool write);

#endif
