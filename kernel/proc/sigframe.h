/*
 * The signal frame: how a handler is made to run in user mode and how sigreturn undoes it. Linux's
 * layout to the byte (struct rt_sigframe: return address, ucontext, siginfo, with the FPU state
 * above), since handlers read and change it.
 */
#ifndef MITOS_PROC_SIGFRAME_H
#define MITOS_PROC_SIGFRAME_H

#include "proc/signal.h"

/* Builds the frame and points tf at the handler; 0 or -EFAULT if the stack cannot take it. */
int sigframe_push(struct trapframe *tf, int sig, const struct siginfo *info,
		  const struct sigaction *action);
/* rt_sigreturn(2): registers back from the frame at tf->rsp - 8. Gives rax, or kills by SIGSEGV a
 * forged frame. */
s64 sigframe_pop(struct trapframe *tf);
/* Turns an interrupted system call's result into a restart or -EINTR; action is the handler's about
 * to run, or NULL. */
void sigframe_restart(struct trapframe *tf, const struct sigaction *action);
/* sigaltstack(2): -EINVAL -ENOMEM -EPERM. */
int sigframe_set_altstack(const stack_t *new, stack_t *old, u64 user_rsp);

#endif
