/*
 * task_struct: what the kernel knows of one thread of control. This floor (scheduling) owns the
 * first part; the pointers to mm, files, signals and family are carried for the floors above, and
 * only their own code looks inside.
 */
#ifndef MITOS_SCHED_TASK_H
#define MITOS_SCHED_TASK_H

#include "lib/list.h"
#include "lib/tree.h"
#include "sched/cred.h"
#include "sched/wait.h"
#include <asm/signal.h>
#include <linux/resource.h>

/* States, with Linux's values; /proc shows them as R S D T t Z X. */
#define TASK_RUNNING 0x00
#define TASK_INTERRUPTIBLE 0x01
#define TASK_UNINTERRUPTIBLE 0x02
#define TASK_STOPPED 0x04
#define TASK_TRACED 0x08
#define EXIT_DEAD 0x10
#define EXIT_ZOMBIE 0x20
#define TASK_WAKEKILL 0x100 /* with TASK_UNINTERRUPTIBLE: SIGKILL ends the sleep */
#define TASK_KILLABLE (TASK_WAKEKILL | TASK_UNINTERRUPTIBLE)
#define TASK_NEW 0x40 /* being built by fork; not yet runnable */

/* Flags that the way back to user mode looks at. */
/* a signal may have to be delivered, or the task is being killed */
#define TIF_SIGPENDING (1u << 0)
#define TIF_NEED_RESCHED (1u << 1) /* the time slice is over, or a better task woke */

struct files_struct;
struct fs_struct;
struct mm_struct;
struct pid;
struct tty;
struct sighand_struct;
struct signal_struct;
struct trapframe;

/* Signals sent and not acted on yet (proc/sigqueue.h). */
struct sigpending {
	u64 set; /* bit N - 1 is signal N */
	struct list_head queue;
};

/* CPU use. Nanoseconds, and counts. */
struct task_times {
	u64 runtime; /* on a CPU, exact */
	/* what ticks found in either mode: they divide runtime into utime and stime */
	u64 user_ticked, system_ticked;
	u64 voluntary, involuntary; /* context switches */
	u64 min_faults, maj_faults;
};

/* Resource use that outlives its task. */
struct rusage_sum {
	u64 utime, stime; /* ns */
	u64 voluntary, involuntary, min_faults, maj_faults;
	u64 peak_rss; /* pages; the largest, not a sum */
};

struct task_struct {
	/* read by x86/switch.asm and entry.asm at fixed offsets (asserted below) */
	u64 kernel_rsp; /* 0: saved stack pointer while not running */
	u32 tif;	/* 8: TIF_*, atomic; set by anyone */
	/* 12: TASK_*; written by task_set_state (self) and task_wake (run queue lock) */
	u32 state;

	/* scheduling: guarded by the run queue's lock */
	/* where it runs, will run, or ran last; changes under both CPUs' locks */
	struct cpu *cpu;
	struct list_head run_link; /* in the run queue while runnable and not running */
	bool on_queue;
	bool on_cpu;		 /* its registers are live on a CPU */
	u64 slice_left;		 /* ns of its time slice left when it was last switched out */
	u64 run_since;		 /* monotonic ns when it was switched in */
	struct task_times times; /* own CPU only while running */
	u64 start_time;		 /* monotonic ns of fork */
	int nice;		 /* -20 to 19 */
	u64 slice;		 /* ns of a whole time slice: shorter, the nicer */
	int policy;		 /* SCHED_*, as it was set: they all mean the same here */
	u64 affinity;		 /* CPUs it may run on, a bit each */

	/* atomic: one while it may still run, one until it is reaped, and temporary ones */
	u32 refs;
	void *stack;	      /* lowest address of the kernel stack; NULL for a zombie */
	void *fpu;	      /* FXSAVE or XSAVE area; NULL for a zombie and kernel tasks */
	u64 fs_base, gs_base; /* user segment bases, saved while not running */
	struct trapframe *tf; /* user registers, at the top of the kernel stack */

	/* identity: set at birth; only an execve by a thread changes it (tasklist_lock) */
	pid_t pid, tgid;
	struct pid *pid_struct; /* NULL for idle tasks */
	/* program name, NUL-terminated; written by self and, as Linux has it, by its process's
	 * threads: a reader may see a mixture */
	char comm[16];

	/* what it shares or owns, carried for the floors above; written by self only */
	struct mm_struct *mm;	    /* NULL: kernel task or zombie */
	struct files_struct *files; /* NULL once exited */
	struct fs_struct *fs;	    /* NULL once exited */
	/* what the threads of a process share; NULL for a zombie */
	struct signal_struct *signal;
	struct sighand_struct *sighand; /* signal actions; NULL once exited */
	struct tty *tty; /* the leader's: controlling terminal; guarded by the tty floor's lock */
	/* of a session leader: held; what was in front when its terminal was hung up. tasklist_lock
	 */
	struct pid *tty_old_pgrp;
	const struct rlimit64 *rlimits; /* RLIM_NLIMITS of them, inside signal */
	/* What it acts as, read by self only; and what it is, which others see: that one changes by
	 * self under tasklist_lock. They differ while access(2) asks for the real user. */
	const struct cred *cred, *real_cred;
	bool nproc_exceeded; /* by a change of uid: execve looks again. Self only */

	/* signals of this thread: guarded by sighand->lock (proc/signal.h) */
	u64 blocked; /* mask: bit N - 1 is signal N */
	/* what sigsuspend and ppoll put back after a handler's frame is built */
	u64 saved_blocked;
	bool restore_blocked;
	u64 waited_for;		   /* blocked, but for sigwait: not to be dropped as ignored */
	struct sigpending pending; /* sent to this thread */
	stack_t altstack;	   /* sigaltstack; size 0: none. Written by self only */
	/* the last exception of its user code, for the frames of signals. Written by self only */
	u64 fault_vector, fault_error, fault_addr;
	bool kill_pending; /* SIGKILL or group exit: nothing else matters any more */
	bool stop_pending; /* its process stops, and it has yet to (proc/signal.h) */
	bool stop_taken;   /* it took a stop signal that has yet to act; SIGCONT revokes that */
	bool exiting;	   /* in do_exit: takes no signal any more */

	/* the thread group (proc/thread.h): its first task, which the others hold a reference to */
	struct task_struct *leader;
	struct list_head thread_link; /* in signal->thread_list */

	/* the family: guarded by tasklist_lock (proc/pid.c). Processes have one, that is to say,
	 * leaders: of another thread only all_link is used, and its parent is NULL */
	struct task_struct *parent; /* a leader, or the boot task for pid 1 */
	pid_t maker; /* the parent's thread that made it; 0: it is dead, any other counts */
	struct list_head children; /* living children, by ->sibling */
	/* dead children not yet waited for, oldest first, by ->sibling */
	struct list_head zombies;
	/* children with a stop or continue not yet reported, by ->stop_link */
	struct list_head stop_events;
	struct list_head stop_link;
	struct list_head sibling;   /* in the parent's children or zombies */
	struct list_head all_link;  /* in task_list */
	struct pid *pgrp, *session; /* process group and session (leaders) */
	struct list_head pgrp_link, session_link;
	/* as wait reports it: status << 8, or signal | 0x80 if a core was due */
	int exit_code;
	int pdeath_signal;	    /* sent to it when its maker dies (prctl(2)); 0: none */
	int exit_signal;	    /* sent to the parent at death; SIGCHLD for fork, -1: none */
	int stop_signal;	    /* it stopped by that and has not been reported; else 0 */
	bool continued;		    /* SIGCONT happened and is not yet reported */
	bool has_execed;	    /* since its fork: setpgid by the parent is EACCES */
	u64 peak_rss;		    /* pages; of the address spaces it has left. Self only */
	struct rusage_sum self_sum; /* of the whole process, once that is dead */
	struct rusage_sum children_sum; /* of waited-for children and theirs */
	struct vfork_wait *vfork; /* the parent sleeps on it until exec or exit; NULL otherwise */
	int __user *clear_child_tid; /* to zero and wake at exit, or NULL */
	/* set_robust_list(2): any address. Written by self only */
	void __user *robust_list;

	/* allocations up to the one of its own that is to fail, 0: none (mm/fail.h). A word */
	u32 fail_nth;

	/* how to go on with an interrupted call that keeps its deadline (restart_syscall(2));
	 * written by self only */
	s64 (*restart)(void);
	u64 restart_args[4];
};

_Static_assert(offsetof(struct task_struct, kernel_rsp) == 0 &&
		       offsetof(struct task_struct, tif) == 8,
	       "switch.asm and entry.asm use these offsets");

/* --- sched.c --- */
/* on each CPU: its run queue; the boot thread of control becomes its idle task */
void sched_init(void);
/* Readies a new task to start in fn(arg) (kernel task), or, with fn NULL, to return to user mode by
 * its trapframe. */
void sched_prepare(struct task_struct *task, void (*fn)(void *arg), void *arg);
/* TASK_NEW becomes runnable. waker_sleeps: the running task is likely to give its CPU away soon. */
void sched_start(struct task_struct *task, bool waker_sleeps);
void sched_set_nice(struct task_struct *task, int nice); /* -20 to 19 */
/* The CPUs that task may run on, a bit each, one of them online. If it waits elsewhere it moves at
 * once; if it runs elsewhere, before it goes on in user mode, which the second waits for. */
void sched_set_affinity(struct task_struct *task, u64 cpus);
void sched_await_move(const struct task_struct *task);
/*
 * For one who must see everything stand still: every other CPU lets its task come to where it gives
 * the CPU away, in the kernel or on the way to user mode, and then runs nothing. Interrupts go on.
 * The caller, one at a time, does not sleep until it calls the second.
 */
void sched_pause_others(void);
void sched_resume_others(void);
void sched_kick(const struct task_struct *task); /* its CPU takes an interrupt */
void schedule(void);				 /* gives the CPU away; returns when chosen again */
void __noreturn sched_idle(void);		 /* what the boot thread of control does for ever */
/* In a long loop: gives the CPU away if the time slice is over. Sleeping locks may be held. */
void cond_resched(void);
void sched_yield(void); /* to the end of the queue */
/* the timer interrupt; ns to account to the running task, 0 if no tick was due */
u64 sched_tick(bool user_mode);
void __noreturn sched_exit(void); /* the running task, EXIT_ZOMBIE or EXIT_DEAD, never runs again */
/* Where a new task's first switch returns to; filled by entry/, whose code then calls
 * sched_first_run with the task that ran before: it drops the lock that the schedule() which chose
 * this task took. */
extern void (*sched_first_step)(void);
void sched_first_run(struct task_struct *prev);
/* Filled by proc/exit.c: called once off a dead task's stack, on the stack of the task that ran
 * next. */
extern void (*sched_dead)(struct task_struct *task);
/* Wakes task if its state is one of the mask's; true if it did. Any context. */
bool task_wake(struct task_struct *task, u32 states);
bool task_wake_sync(struct task_struct *task, u32 states, bool waker_sleeps); /* see sched_start */
u64 task_runtime(const struct task_struct *task); /* ns on a CPU until now */
/* Splits the run time into user and system by the ticks seen in each, as Linux does. */
void task_cpu_times(const struct task_struct *task, u64 *utime, u64 *stime);
/* The return addresses on a task's kernel stack while it does not run, innermost first and without
 * those in __sched functions: how many (at most max). None for a running task or a zombie. */
u32 sched_backtrace(struct task_struct *task, u64 *addresses, u32 max);
u64 sched_running(void);	 /* runnable tasks, for /proc/loadavg */
bool sched_is_wanted(void);	 /* some task waits for this CPU */
bool sched_is_idle(u32 cpu);	 /* cpus[cpu] has nothing to run */
u64 sched_uninterruptible(void); /* tasks in state D */
u64 sched_switches(void);	 /* context switches since boot */
u64 sched_idle_time(void);	 /* ns that CPUs had nothing to run */
/* ns in either mode, of all tasks there, by ticks, and with nothing to run */
void sched_cpu_times(u32 cpu, u64 *user, u64 *system, u64 *idle);
void sched_load_start(void);
void sched_load(u32 hundredths[3]); /* the load averages over 1, 5 and 15 minutes, times 100 */

/* The running task's soft limit (RLIMIT_*). Others may change it: look once. */
static inline u64 task_rlimit(unsigned resource)
{
	return __atomic_load_n(&current->rlimits[resource].rlim_cur, __ATOMIC_RELAXED);
}

/* Has the running task the capability (CAP_*) in its effective set? */
static inline bool capable(unsigned capability)
{
	return current->cred->effective >> capability & 1;
}

/* What the running task is to be once it calls schedule(), or TASK_RUNNING again. */
static inline void task_set_state(u32 state)
{
	__atomic_store_n(&current->state, state, __ATOMIC_SEQ_CST);
}

/* Who runs on another CPU is made to look. One that is just coming to run will look anyway, on its
 * way to user mode; and for a flag that was set already somebody has sent the interrupt. */
static inline void task_set_tif(struct task_struct *task, u32 bits)
{
	u32 old = __atomic_fetch_or(&task->tif, bits, __ATOMIC_SEQ_CST);

	if ((bits & ~old) && task != current && __atomic_load_n(&task->on_cpu, __ATOMIC_ACQUIRE))
		sched_kick(task);
}

static inline void task_clear_tif(struct task_struct *task, u32 bits)
{
	__atomic_fetch_and(&task->tif, ~bits, __ATOMIC_SEQ_CST);
}

#endif
