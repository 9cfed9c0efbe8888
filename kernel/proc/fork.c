/*
 * fork: one process becomes two, or, by clone's flags, gets one thread more. task_clone() makes a
 * task_struct and a kernel stack, then shares or copies each thing a process has, one line for
 * each, and undoes them in reverse if one fails. A thread is what comes of sharing them all. Until
 * it is linked into family or thread group, one step under tasklist_lock, nobody can see the child,
 * so nothing of it needs a lock.
 *
 * The child wakes up in entry.asm's task_first_run with a copy of the parent's trapframe in which
 * rax is 0: that is all there is to "fork returns twice".
 */
#include "proc/fork.h"
#include "fs/file.h"
#include "lib/string.h"
#include "mm/kmap.h"
#include "mm/mm.h"
#include "mm/slab.h"
#include "proc/cred.h"
#include "proc/exit.h"
#include "proc/limits.h"
#include "proc/pidfd.h"
#include "proc/thread.h"
#include "x86/fpu.h"
#include "x86/printk.h"
#include <asm/errno.h>
#include <linux/sched.h>

/* Namespaces there are none. */
#define CLONE_SUPPORTED                                                                            \
	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_VFORK |          \
	 CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID |          \
	 CLONE_PARENT | CLONE_SYSVSEM | CLONE_IO | CLONE_DETACHED | CLONE_UNTRACED |               \
	 CLONE_PTRACE | CLONE_PIDFD | CLONE_CLEAR_SIGHAND)

/* A small process needs 14 frames of its own (stack, tables, the pages it writes). */
#define FRAMES_PER_TASK 20
#define FRAMES_PER_ROOT_TASK 16

static u64 frames_for_tasks; /* what was free when the first process began */
static struct kmem_cache task_cache, fpu_cache;

void fork_module_init(void)
{
	kmem_cache_init(&task_cache, "task_struct", sizeof(struct task_struct), 16);
	kmem_cache_init(&fpu_cache, "fpu_state", cpu_features.xsave_size, FPU_ALIGN);
}

/* --- the task_struct itself --- */

/* A task_struct with a stack and an FPU area, known to nobody. NULL: no memory. */
static struct task_struct *task_alloc(void)
{
	struct task_struct *task = kmem_cache_zalloc(&task_cache);

	if (!task)
		return NULL;
	task->stack = kstack_alloc();
	task->fpu = kmem_cache_alloc(&fpu_cache);
	task->refs = 1;
	task->leader = task;
	if (!task->stack || !task->fpu) {
		task_put(task);
		return NULL;
	}
	task->tf = (struct trapframe *)((u8 *)task->stack + KSTACK_SIZE) - 1;
	task->state = TASK_NEW;
	task->cpu = this_cpu();
	task->start_time = clock_monotonic();
	list_init(&task->run_link);
	list_init(&task->children);
	list_init(&task->zombies);
	list_init(&task->stop_events);
	list_init(&task->stop_link);
	list_init(&task->thread_link);
	list_init(&task->sibling);
	list_init(&task->all_link);
	list_init(&task->pgrp_link);
	list_init(&task->session_link);
	sigpending_init(&task->pending);
	return task;
}

static void release_stack(struct task_struct *task)
{
	if (task->stack)
		kstack_free(task->stack);
	if (task->fpu)
		kmem_cache_free(&fpu_cache, task->fpu);
	task->stack = NULL;
	task->fpu = NULL;
}

/* Called by the scheduler when a dead task has left its stack for good: drops its right to exist as
 * a running task. */
static void task_off_cpu(struct task_struct *task)
{
	release_stack(task);
	task_put(task);
}

void task_drop_pids(struct task_struct *task)
{
	pid_put(task->pgrp);
	pid_put(task->session);
	pid_put(task->pid_struct);
	task->pgrp = task->session = task->pid_struct = NULL;
}

void task_free(struct task_struct *task)
{
	release_stack(task);
	task_drop_pids(task);
	cred_put(task->real_cred);
	if (task->leader != task)
		task_put(task->leader);
	kmem_cache_free(&task_cache, task);
}

struct task_struct *task_get(struct task_struct *task)
{
	__atomic_fetch_add(&task->refs, 1, __ATOMIC_RELAXED);
	return task;
}

void task_put(struct task_struct *task)
{
	if (__atomic_sub_fetch(&task->refs, 1, __ATOMIC_ACQ_REL) == 0)
		task_free(task);
}

/* --- one function for each thing that is shared or copied; each has its undo --- */

/* Its number, and the process that it belongs to: a new one, or the parent's. */
static int clone_pid(struct task_struct *child, u64 flags, pid_t wanted)
{
	struct pid *pid = pid_alloc(wanted);

	if (IS_ERR(pid))
		return (int)PTR_ERR(pid);
	child->pid_struct = pid;
	child->pid = child->tgid = pid->nr;
	if (flags & CLONE_THREAD) {
		child->leader = task_get(current->leader);
		child->tgid = current->tgid;
	}
	return 0;
}

static int clone_mm(struct task_struct *child, u64 flags)
{
	child->mm = flags & CLONE_VM ? mm_get(current->mm) : mm_fork(current->mm);
	return child->mm ? 0 : -ENOMEM;
}

static int clone_files(struct task_struct *child, u64 flags)
{
	child->files = flags & CLONE_FILES ? files_get(current->files) : files_copy(current->files);
	return child->files ? 0 : -ENOMEM;
}

static int clone_fs(struct task_struct *child, u64 flags)
{
	struct fs_struct *fs = flags & CLONE_FS ? fs_share(current->fs) : fs_copy(current->fs);

	if (IS_ERR(fs))
		return (int)PTR_ERR(fs);
	child->fs = fs;
	return fs ? 0 : -ENOMEM;
}

/* The actions for signals. */
static int clone_sighand(struct task_struct *child, u64 flags)
{
	if (flags & CLONE_SIGHAND) {
		sighand_get(current->sighand);
		child->sighand = current->sighand;
		return 0;
	}
	child->sighand = sighand_copy(current->sighand);
	if (child->sighand && (flags & CLONE_CLEAR_SIGHAND))
		sighand_reset(child->sighand);
	return child->sighand ? 0 : -ENOMEM;
}

/* What the threads of a process share. The mask is inherited, pending signals are not (fork(2)). */
static int clone_process(struct task_struct *child, u64 flags)
{
	child->blocked = current->blocked;
	if (flags & CLONE_THREAD) {
		child->signal = current->signal;
	} else {
		child->signal = signals_new(current->signal->rlimits);
		if (!child->signal)
			return -ENOMEM;
		list_add(&child->signal->thread_list, &child->thread_link);
		child->signal->oom_score_adj = current->signal->oom_score_adj;
		child->signal->oom_score_adj_min = current->signal->oom_score_adj_min;
	}
	child->rlimits = child->signal->rlimits;
	return 0;
}

static void unclone_process(struct task_struct *child)
{
	if (child->leader == child)
		signals_free(child->signal);
}

static void clone_identity(struct task_struct *child, u64 flags)
{
	memcpy(child->comm, current->comm, sizeof(child->comm));
	child->cred = child->real_cred = cred_get(current->real_cred);
	child->nice = current->nice;
	child->slice = current->slice;
	child->policy = current->policy;
	child->affinity = current->affinity;
	child->tty = current->leader->tty;
	/* two that run in one memory cannot use the same stack */
	if (!(flags & CLONE_VM) || (flags & CLONE_VFORK))
		child->altstack = current->altstack;
}

/* The user's registers, FPU and segment bases as they are now, but for what the caller and clone(2)
 * change. */
static void clone_registers(struct task_struct *child, const struct trapframe *tf,
			    const struct clone_request *args)
{
	*child->tf = *tf;
	child->tf->rax = 0;
	if (args->stack)
		child->tf->rsp = args->stack;
	fpu_save(current->fpu);
	memcpy(child->fpu, current->fpu, cpu_features.xsave_size);
	child->fs_base = args->flags & CLONE_SETTLS ? args->tls : current->fs_base;
	child->gs_base = current->gs_base;
	sched_prepare(child, NULL, NULL);
}

/* Makes the child known by its number: from here on it can be found and signalled. */
static void link_task(struct task_struct *child)
{
	list_add_tail(&task_list, &child->all_link);
	child->pid_struct->task = child;
	task_get(child); /* the table's reference, until it is reaped */
	task_count++;
	task_live_count++;
	task_forks++;
}

/* Makes a process part of the family: it can be waited for. */
static void link_family(struct task_struct *child, struct task_struct *parent, struct pid *pgrp,
			struct pid *session)
{
	ASSERT(spin_held(&tasklist_lock));
	child->parent = parent;
	child->maker = parent == current->leader ? current->pid : parent->pid;
	child->pgrp = pid_get(pgrp);
	child->session = pid_get(session);
	list_add_tail(&parent->children, &child->sibling);
	list_add_tail(&pgrp->group, &child->pgrp_link);
	list_add_tail(&session->session, &child->session_link);
	link_task(child);
}

/* clone(2): which combinations make sense, and which this kernel does. */
static int check_flags(const struct clone_request *args)
{
	u64 flags = args->flags;

	if (flags & ~(u64)CLONE_SUPPORTED)
		return -EINVAL;
	if ((flags & CLONE_THREAD) && !(flags & CLONE_SIGHAND))
		return -EINVAL; /* one process, one set of actions */
	if ((flags & CLONE_SIGHAND) && (!(flags & CLONE_VM) || (flags & CLONE_CLEAR_SIGHAND)))
		return -EINVAL; /* a handler is an address in one memory */
	if ((flags & CLONE_PARENT) && current->leader->pid == 1)
		return -EINVAL; /* init's sibling would have no parent */
	if ((flags & CLONE_PIDFD) && (flags & (CLONE_DETACHED | CLONE_THREAD)))
		return -EINVAL; /* a pidfd is of a process */
	if ((flags & CLONE_PIDFD) && (flags & CLONE_PARENT_SETTID) &&
	    args->pidfd == args->parent_tid)
		return -EINVAL; /* both would write there */
	if ((flags & CLONE_SETTLS) && args->tls >= USER_END)
		return -EPERM; /* as arch_prctl(2): the processor would refuse to load it */
	return 0;
}

/* Until the child's exec or death, or the parent's own. The lock makes sure that the child has let
 * go of this stack. */
static void wait_for_vfork(struct task_struct *child, struct vfork_wait *vfork)
{
	wait_event_killable(&vfork->queue, __atomic_load_n(&vfork->done, __ATOMIC_ACQUIRE));
	spin_lock(&tasklist_lock);
	if (!vfork->done)
		child->vfork = NULL;
	spin_unlock(&tasklist_lock);
	task_put(child);
}

void vfork_release(void)
{
	if (!current->vfork)
		return;
	spin_lock(&tasklist_lock); /* a parent that is killed waits no longer */
	struct vfork_wait *vfork = current->vfork;
	current->vfork = NULL;
	if (vfork) {
		__atomic_store_n(&vfork->done, true, __ATOMIC_RELEASE);
		wait_queue_wake(&vfork->queue);
	}
	spin_unlock(&tasklist_lock);
}

/* Copies or shares everything. On failure what was done is undone and the task_struct is gone. */
static struct task_struct *task_copy(const struct trapframe *tf, const struct clone_request *args)
{
	u64 share = capable(CAP_SYS_RESOURCE) ? FRAMES_PER_ROOT_TASK : FRAMES_PER_TASK;

	/* As Linux's threads-max: a fork bomb ends in EAGAIN while there is memory. */
	if (task_live_count >= frames_for_tasks / share)
		return ERR_PTR(-EAGAIN);
	struct task_struct *child = task_alloc();
	int error = -ENOMEM;

	if (!child)
		return ERR_PTR(error);
	clone_identity(child, args->flags);
	error = limits_charge_process(child->cred, task_rlimit(RLIMIT_NPROC));
	if (error)
		goto out_task;
	current->nproc_exceeded = false;
	error = clone_pid(child, args->flags, args->tid);
	if (error)
		goto out_charge;
	error = clone_files(child, args->flags);
	if (error)
		goto out_charge;
	error = clone_fs(child, args->flags);
	if (error)
		goto out_files;
	error = clone_sighand(child, args->flags);
	if (error)
		goto out_fs;
	error = clone_process(child, args->flags);
	if (error)
		goto out_sighand;
	error = clone_mm(child, args->flags);
	if (error)
		goto out_process;
	clone_registers(child, tf, args);
	return child;

out_process:
	unclone_process(child);
out_sighand:
	sighand_put(child->sighand);
out_fs:
	fs_put(child->fs);
out_files:
	files_put(child->files);
out_charge:
	limits_uncharge_process(child->cred);
out_task:
	task_put(child);
	return ERR_PTR(error);
}

/* Undoes task_copy. */
static void task_discard(struct task_struct *child)
{
	mm_put(child->mm);
	unclone_process(child);
	sighand_put(child->sighand);
	fs_put(child->fs);
	files_put(child->files);
	limits_uncharge_process(child->cred);
	task_put(child);
}

/*
 * Links the child, unless a signal has come meanwhile: then the fork is undone, and done again
 * later. A signal to the whole group that the parent blocks (libc does, around fork) is given to
 * the child instead: it must not miss a member born under it.
 */
static int link_unless_signalled(struct task_struct *child, u64 flags,
				 const struct fork_signals *signals)
{
	struct task_struct *me = current->leader;
	int error = 0;

	spin_lock(&tasklist_lock);
	if (flags & CLONE_THREAD) {
		error = thread_join_group(child);
		if (!error)
			link_task(child);
	} else if (signal_is_pending()) {
		error = -ERESTARTNOINTR;
	} else {
		link_family(child, flags & CLONE_PARENT ? me->parent : me, me->pgrp, me->session);
		signal_fork_inherit(child, signals);
	}
	spin_unlock(&tasklist_lock);
	return error;
}

/* Writes the child's number where parent and child want it; nobody is told if that cannot be. */
static void write_tids(struct task_struct *child, const struct clone_request *args)
{
	pid_t pid = child->pid;

	if (args->flags & CLONE_CHILD_CLEARTID)
		child->clear_child_tid = args->child_tid;
	if (args->flags & CLONE_PARENT_SETTID)
		copy_to_user(args->parent_tid, &pid, sizeof(pid));
	if (!(args->flags & CLONE_CHILD_SETTID))
		return;
	if (args->flags & CLONE_VM)
		copy_to_user(args->child_tid, &pid, sizeof(pid));
	else
		mm_write(child->mm, (u64)(__force int *)args->child_tid, &pid, sizeof(pid));
}

/*
 * CLONE_PIDFD: reserves a descriptor of the parent that will refer to the child, and writes its
 * number. 0 with the file in *file (NULL: not asked for), or -errno.
 */
static int reserve_pidfd(struct task_struct *child, const struct clone_request *args, int *fd,
			 struct file **file)
{
	*file = NULL;
	if (!(args->flags & CLONE_PIDFD))
		return 0;
	*fd = fd_reserve(0, true);
	if (*fd < 0)
		return *fd;
	*file = pidfd_file(child->pid_struct, 0);
	int error =
		IS_ERR(*file) ? (int)PTR_ERR(*file) : copy_to_user(args->pidfd, fd, sizeof(*fd));
	if (error) {
		fd_cancel(*fd);
		if (!IS_ERR(*file))
			file_put(*file);
	}
	return error;
}

/* Everything up to the child's first appearance in public: it, or ERR_PTR with all undone. */
static struct task_struct *make_child(const struct trapframe *tf, const struct clone_request *args,
				      const struct fork_signals *signals)
{
	struct task_struct *child = task_copy(tf, args);
	struct file *pidfile;
	int fd;

	if (IS_ERR(child))
		return child;
	/* Nobody is told of a thread's end, and a sibling of the caller may not choose what their
	 * parent is sent. */
	child->exit_signal = args->flags & CLONE_THREAD	  ? -1
			     : args->flags & CLONE_PARENT ? current->leader->exit_signal
							  : args->exit_signal;
	write_tids(child, args);
	int error = reserve_pidfd(child, args, &fd, &pidfile);
	if (!error) {
		error = link_unless_signalled(child, args->flags, signals);
		if (pidfile && error) {
			fd_cancel(fd);
			file_put(pidfile);
		} else if (pidfile) {
			fd_publish(fd, pidfile);
		}
	}
	if (error)
		task_discard(child);
	return error ? ERR_PTR(error) : child;
}

s64 task_clone(const struct trapframe *tf, const struct clone_request *args)
{
	struct vfork_wait vfork = { .done = false };
	struct fork_signals signals;
	int error = check_flags(args);

	if (error)
		return error;
	signal_fork_begin(&signals);
	struct task_struct *child = make_child(tf, args, &signals);
	signal_fork_end(&signals);
	if (IS_ERR(child))
		return PTR_ERR(child);

	pid_t pid = child->pid; /* once it runs, the child may be gone before we look again */
	if (args->flags & CLONE_VFORK) {
		wait_queue_init(&vfork.queue, "vfork");
		child->vfork = &vfork;
		task_get(child);
	}
	/* a thread is made to run beside the others, a process to be waited for */
	sched_start(child, !(args->flags & CLONE_THREAD));
	if (args->flags & CLONE_VFORK)
		wait_for_vfork(child, &vfork);
	return pid;
}

int task_spawn_init(void (*fn)(void *arg), void *arg)
{
	struct task_struct *task = task_alloc();
	int error = -ENOMEM;

	if (!task)
		return error;
	frames_for_tasks = frame_free_count();
	strlcpy(task->comm, "init", sizeof(task->comm));
	error = clone_pid(task, 0, 0);
	task->files = files_new();
	task->fs = fs_initial();
	task->sighand = sighand_new();
	task->signal = signals_new(limits_initial());
	task->cred = task->real_cred = cred_copy(&boot_cred);
	if (error || !task->files || !task->fs || !task->sighand || !task->signal || !task->cred)
		panic("no memory for the first process");
	list_add(&task->signal->thread_list, &task->thread_link);
	task->rlimits = task->signal->rlimits;
	task->exit_signal = SIGCHLD;
	sched_set_nice(task, 0);
	task->affinity = ~0ull;
	fpu_reset(task->fpu);
	*task->tf = (struct trapframe){ .orig_rax = (u64)-1 };
	sched_prepare(task, fn, arg);
	sched_dead = task_off_cpu;

	error = limits_charge_process(task->cred, RLIM64_INFINITY);
	ASSERT(!error);

	spin_lock(&tasklist_lock); /* the parent is the boot thread of control, which has no pid */
	link_family(task, current, task->pid_struct, task->pid_struct);
	spin_unlock(&tasklist_lock);
	sched_start(task, true);
	return 0;
}
