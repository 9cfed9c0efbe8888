/* The doors' C side. */
#ifndef MITOS_ENTRY_ENTRY_H
#define MITOS_ENTRY_ENTRY_H

#include "x86/trapframe.h"

void entry_init(void); /* on each CPU: points SYSCALL and the interrupt vectors at entry.asm */

/* Called by entry.asm. */
void syscall_dispatch(struct trapframe *tf);
void trap_dispatch(u64 vector, struct trapframe *tf);
struct trapframe *iret_fault(const struct trapframe *tf);
void return_to_user_work(struct trapframe *tf);

#endif
