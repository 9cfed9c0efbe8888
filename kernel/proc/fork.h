/* The birth of a task. */
#ifndef MITOS_PROC_FORK_H
#define MITOS_PROC_FORK_H

#include "proc/pid.h"
#include "x86/trapframe.h"

/* What fork, vfork and clone ask for (clone(2)). */
struct clone_request {
	u64 flags;		/* CLONE_* */
	int exit_signal;	/* to the parent at the child's death; 0: none */
	u64 stack;		/* the child's stack pointer; 0: the parent's */
	u64 tls;		/* with CLONE_SETTLS */
	int __user *parent_tid; /* CLONE_PARENT_SETTID */
	int __user *child_tid;	/* CLONE_CHILD_SETTID, CLONE_CHILD_CLEARTID */
	int __user *pidfd;	/* CLONE_PIDFD: where the descriptor's number goes */
	pid_t tid;		/* the child's number; 0: any */
};

/* Where a parent waits for its vfork child to exec or exit. On the parent's stack; tasklist_lock
 * guards done. */
struct vfork_wait {
	struct wait_queue queue;
	bool done;
};

void fork_module_init(void);

/*
 * Makes a child of the running task, or (CLONE_THREAD) another thread of its process, that returns
 * to user mode from the trapframe tf with rax 0. Its pid, or -EAGAIN (no pid, RLIMIT_NPROC),
 * -ENOMEM, -EINVAL (a combination of flags), -EPERM (tls), -EEXIST (tid), -EFAULT, -EMFILE (pidfd),
 * with everything undone.
 */
s64 task_clone(const struct trapframe *tf, const struct clone_request *args);

/* Makes pid 1: a kernel task that calls fn, which is to execve and return. 0 or -errno. */
int task_spawn_init(void (*fn)(void *arg), void *arg);

/* Lets a vfork parent go on: the running task has left the parent's memory (exec, exit). */
void vfork_release(void);

void task_free(struct task_struct *task); /* the last reference is gone (task_put) */
/* Lets go of a task's number, group and session; its number can be another's from then on. */
void task_drop_pids(struct task_struct *task);

#endif
