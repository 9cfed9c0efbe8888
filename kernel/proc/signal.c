/*
 * Sending: permission, whether it would be ignored anyway, the pending set, and waking a receiver
 * that can take it. Delivery: in order of number, each by its action: ignore, stop, continue, end
 * the process, or a handler's frame. SIGKILL and SIGSTOP obey nobody, but pid 1 is given only what
 * it has a handler for, so that nothing can end it from inside (signal(7), kill(2),
 * credentials(7)).
 */
#include "proc/signal.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "proc/exit.h"
#include "proc/group.h"
#include "proc/limits.h"
#include "proc/sigframe.h"
#include "x86/printk.h"
#include <asm/errno.h>

#define STOP_SIGNALS                                                                               \
	(SIGNAL_BIT(SIGSTOP) | SIGNAL_BIT(SIGTSTP) | SIGNAL_BIT(SIGTTIN) | SIGNAL_BIT(SIGTTOU))
#define IGNORED_BY_DEFAULT                                                                         \
	(SIGNAL_BIT(SIGCHLD) | SIGNAL_BIT(SIGURG) | SIGNAL_BIT(SIGWINCH) | SIGNAL_BIT(SIGCONT))
#define CORE_SIGNALS                                                                               \
	(SIGNAL_BIT(SIGQUIT) | SIGNAL_BIT(SIGILL) | SIGNAL_BIT(SIGTRAP) | SIGNAL_BIT(SIGABRT) |    \
	 SIGNAL_BIT(SIGBUS) | SIGNAL_BIT(SIGFPE) | SIGNAL_BIT(SIGSEGV) | SIGNAL_BIT(SIGXCPU) |     \
	 SIGNAL_BIT(SIGXFSZ) | SIGNAL_BIT(SIGSYS))
#define UNBLOCKABLE (SIGNAL_BIT(SIGKILL) | SIGNAL_BIT(SIGSTOP))
#define SYNCHRONOUS                                                                                \
	(SIGNAL_BIT(SIGSEGV) | SIGNAL_BIT(SIGBUS) | SIGNAL_BIT(SIGILL) | SIGNAL_BIT(SIGTRAP) |     \
	 SIGNAL_BIT(SIGFPE) | SIGNAL_BIT(SIGSYS))
#define FIRST_REAL_TIME 32

/* A pending signal's information; a standard signal may be pending without, when memory
 * was short. */
struct sigqueue {
	struct list_head link;
	struct siginfo info;
	uid_t uid; /* whose RLIMIT_SIGPENDING it counts against */
};

static struct kmem_cache sighand_cache, signal_cache, sigqueue_cache;

void signal_module_init(void)
{
	kmem_cache_init(&sighand_cache, "sighand_struct", sizeof(struct sighand_struct), 8);
	kmem_cache_init(&signal_cache, "signal_struct", sizeof(struct signal_struct), 8);
	kmem_cache_init(&sigqueue_cache, "sigqueue", sizeof(struct sigqueue), 8);
}

struct sighand_struct *sighand_new(void)
{
	struct sighand_struct *sighand = kmem_cache_zalloc(&sighand_cache);

	if (sighand) {
		sighand->refs = 1;
		spin_init(&sighand->lock, "signals");
	}
	return sighand;
}

struct sighand_struct *sighand_copy(const struct sighand_struct *from)
{
	struct sighand_struct *copy = kmem_cache_alloc(&sighand_cache);

	if (copy) {
		memcpy(copy->actions, from->actions, sizeof(copy->actions));
		copy->refs = 1;
		spin_init(&copy->lock, "signals");
	}
	return copy;
}

void sighand_put(struct sighand_struct *sighand)
{
	if (__atomic_sub_fetch(&sighand->refs, 1, __ATOMIC_ACQ_REL) == 0)
		kmem_cache_free(&sighand_cache, sighand);
}

struct signal_struct *signals_new(const struct rlimit64 *rlimits)
{
	struct signal_struct *signal = kmem_cache_zalloc(&signal_cache);

	if (!signal)
		return NULL;
	signal->threads = 1;
	list_init(&signal->pending_queue);
	wait_queue_init(&signal->child_exit, "child exit");
	memcpy(signal->rlimits, rlimits, sizeof(signal->rlimits));
	return signal;
}

/* NULL: no memory, or the receiver's user has too many queued already. */
static struct sigqueue *sigqueue_new(const struct task_struct *task, const struct siginfo *info)
{
	if (!limits_charge_signal(task))
		return NULL;
	struct sigqueue *entry = kmem_cache_alloc(&sigqueue_cache);
	if (!entry) {
		limits_uncharge_signal(task->cred.uid);
		return NULL;
	}
	entry->info = *info;
	entry->uid = task->cred.uid;
	return entry;
}

static void sigqueue_free(struct sigqueue *entry)
{
	list_del(&entry->link);
	limits_uncharge_signal(entry->uid);
	kmem_cache_free(&sigqueue_cache, entry);
}

static void drop_queue(struct list_head *queue, u64 mask)
{
	struct sigqueue *entry, *next;

	list_for_each_safe(entry, next, queue, link) {
		if (SIGNAL_BIT(entry->info.si_signo) & mask)
			sigqueue_free(entry);
	}
}

void signals_free(struct signal_struct *signal)
{
	itimers_end(signal);
	drop_queue(&signal->pending_queue, ~0ull);
	kmem_cache_free(&signal_cache, signal);
}

void signal_flush_task(struct task_struct *task)
{
	drop_queue(&task->pending_queue, ~0ull);
	task->pending = 0;
}

void signal_recalculate(struct task_struct *task)
{
	u64 pending = (task->pending | task->signal->pending) & ~task->blocked;

	if (pending || task->kill_pending)
		task_set_tif(task, TIF_SIGPENDING);
	else
		task_clear_tif(task, TIF_SIGPENDING);
}

/* --- sending --- */

static bool is_init(const struct task_struct *task)
{
	return task->tgid == 1;
}

bool signal_ignored(struct task_struct *task, int sig)
{
	__sighandler_t handler = task->sighand->actions[sig - 1].sa_handler;

	if ((task->blocked | task->waited_for) & SIGNAL_BIT(sig))
		return false; /* it may have an action by the time it is unblocked */
	if (handler == SIG_DFL && is_init(task))
		return true;
	return handler == SIG_IGN || (handler == SIG_DFL && (IGNORED_BY_DEFAULT & SIGNAL_BIT(sig)));
}

/* Stop signals and SIGCONT cancel each other while pending (signal(7)); SIGCONT and SIGKILL end a
 * stop. */
static void cancel_opposites(struct task_struct *task, int sig)
{
	u64 drop = sig == SIGCONT		    ? STOP_SIGNALS
		   : STOP_SIGNALS & SIGNAL_BIT(sig) ? SIGNAL_BIT(SIGCONT)
						    : 0;

	if (drop) {
		task->pending &= ~drop;
		task->signal->pending &= ~drop;
		drop_queue(&task->pending_queue, drop);
		drop_queue(&task->signal->pending_queue, drop);
	}
	if (sig == SIGCONT && task_wake(task, TASK_STOPPED)) {
		task->stop_signal = 0;
		task->continued = true;
		signal_notify_parent(task->leader, CLD_CONTINUED, SIGCONT);
	}
}

static void wake_receiver(struct task_struct *task, int sig)
{
	if (sig == SIGKILL)
		task->kill_pending = true;
	signal_recalculate(task);
	if (task->tif & TIF_SIGPENDING)
		task_wake(task,
			  TASK_INTERRUPTIBLE | (sig == SIGKILL ? TASK_STOPPED | TASK_WAKEKILL : 0));
}

/*
 * Makes sig pending for task alone (shared false) or for its process. tasklist_lock held. -EAGAIN
 * only for a real-time signal that found no memory: those are never merged, so losing one would be
 * seen (sigqueue(3)).
 */
static int send_locked(struct task_struct *task, int sig, const struct siginfo *info, bool shared)
{
	struct sighand_struct *sighand = task->sighand;
	int error = 0;

	ASSERT(spin_held(&tasklist_lock));
	if (!sighand || (task->state & (EXIT_ZOMBIE | EXIT_DEAD)))
		return 0; /* a zombie takes any signal and does nothing (kill(2)) */
	spin_lock(&sighand->lock);
	if (!(is_init(task) && sighand->actions[sig - 1].sa_handler == SIG_DFL))
		cancel_opposites(task, sig);
	u64 *pending = shared ? &task->signal->pending : &task->pending;
	struct list_head *queue = shared ? &task->signal->pending_queue : &task->pending_queue;
	bool again = sig < FIRST_REAL_TIME && (*pending & SIGNAL_BIT(sig));
	if (!signal_ignored(task, sig) && !again) {
		struct sigqueue *entry = sig == SIGKILL ? NULL : sigqueue_new(task, info);

		if (entry) {
			list_add_tail(queue, &entry->link);
		} else if (sig >= FIRST_REAL_TIME && info->si_code != SI_USER) {
			error = -EAGAIN;
		}
		if (!error)
			*pending |= SIGNAL_BIT(sig);
		wake_receiver(task, sig);
	}
	spin_unlock(&sighand->lock);
	return error;
}

void signal_send_info(struct task_struct *leader, int sig, const struct siginfo *info)
{
	send_locked(leader, sig, info, true);
}

static struct siginfo user_info(int sig, int code)
{
	struct siginfo info = { .si_signo = sig, .si_code = code };

	info.si_pid = current->tgid;
	info.si_uid = current->cred.uid;
	return info;
}

/* kill(2): the sender's real or effective uid must be the receiver's real or saved one; SIGCONT
 * within a session is free. */
static bool may_signal(const struct task_struct *task, int sig)
{
	const struct cred *mine = &current->cred, *theirs = &task->cred;

	if (mine->euid == 0 || mine->euid == theirs->suid || mine->euid == theirs->uid ||
	    mine->uid == theirs->suid || mine->uid == theirs->uid)
		return true;
	return sig == SIGCONT && current->leader->session == task->leader->session;
}

void signal_fork_begin(void)
{
	struct signal_struct *signal = current->signal;

	spin_lock(&current->sighand->lock);
	if (signal->forking++ == 0)
		signal->fork_signals = 0;
	spin_unlock(&current->sighand->lock);
}

void signal_fork_end(struct task_struct *child)
{
	ASSERT(spin_held(&tasklist_lock));
	spin_lock(&current->sighand->lock);
	current->signal->forking--;
	if (child) {
		child->signal->pending |= current->signal->fork_signals;
		signal_recalculate(child);
	}
	spin_unlock(&current->sighand->lock);
}

/* A signal to a whole group reaches task; if it is forking, its child will be of the group, too. */
static void remember_for_fork(struct task_struct *task, int sig)
{
	if (sig == 0 || !task->sighand)
		return;
	spin_lock(&task->sighand->lock);
	if (task->signal->forking) {
		if (sig == SIGCONT)
			task->signal->fork_signals &= ~STOP_SIGNALS;
		else if (STOP_SIGNALS & SIGNAL_BIT(sig))
			task->signal->fork_signals &= ~SIGNAL_BIT(SIGCONT);
		task->signal->fork_signals |= SIGNAL_BIT(sig);
	}
	spin_unlock(&task->sighand->lock);
}

static int kill_one(struct task_struct *task, int sig, bool shared, int code)
{
	struct siginfo info = user_info(sig, code);

	if (!may_signal(task, sig))
		return -EPERM;
	return sig ? send_locked(task, sig, &info, shared) : 0;
}

/* To every member of a group that may be signalled: success if there was one, else the
 * last error. */
static int kill_group(struct pid *pgrp, int sig)
{
	int result = -ESRCH;
	struct task_struct *task;

	list_for_each(task, &pgrp->group, pgrp_link) {
		int error = kill_one(task, sig, true, SI_USER);

		if (!error)
			remember_for_fork(task, sig);
		result = result == 0 ? 0 : error;
	}
	return result;
}

/* Everything but pid 1 and the sender's own process. */
static int kill_all(int sig)
{
	int result = -ESRCH;
	struct task_struct *task;

	list_for_each(task, &task_list, all_link) {
		if (task->pid == 1 || task != task->leader || task == current->leader)
			continue;
		int error = kill_one(task, sig, true, SI_USER);

		if (!error)
			remember_for_fork(task, sig);
		if (error != -EPERM)
			result = result == 0 ? 0 : error;
		else if (result == -ESRCH)
			result = -EPERM;
	}
	return result;
}

static int kill_pid(pid_t nr, int sig)
{
	struct task_struct *task = task_find(nr);

	return task ? kill_one(task->leader, sig, true, SI_USER) : -ESRCH;
}

int signal_kill(pid_t pid, int sig)
{
	int error;

	if (sig < 0 || sig > SIGNAL_COUNT)
		return -EINVAL;
	if (pid == (pid_t)0x80000000)
		return -ESRCH; /* it has no positive counterpart */
	struct pid *group = pid < -1   ? pid_find_get(-pid)
			    : pid == 0 ? task_pgrp_get(current)
				       : NULL;
	spin_lock(&tasklist_lock);
	if (pid == -1)
		error = kill_all(sig);
	else if (pid > 0)
		error = kill_pid(pid, sig);
	else
		error = group ? kill_group(group, sig) : -ESRCH;
	spin_unlock(&tasklist_lock);
	pid_put(group);
	return error;
}

int signal_kill_thread(pid_t tgid, pid_t tid, int sig)
{
	int error = -ESRCH;

	if (tid <= 0 || tgid < 0 || sig < 0 || sig > SIGNAL_COUNT)
		return -EINVAL;
	spin_lock(&tasklist_lock);
	struct task_struct *task = task_find(tid);
	if (task && (!tgid || task->tgid == tgid))
		error = kill_one(task, sig, false, SI_TKILL);
	spin_unlock(&tasklist_lock);
	return error;
}

int signal_queue(pid_t tgid, int sig, const struct siginfo *info)
{
	int error = -ESRCH;

	if (sig < 0 || sig > SIGNAL_COUNT)
		return -EINVAL;
	spin_lock(&tasklist_lock);
	struct task_struct *task = task_find(tgid);
	if (task && !may_signal(task, sig))
		error = -EPERM;
	else if (task)
		error = sig ? send_locked(task->leader, sig, info, true) : 0;
	spin_unlock(&tasklist_lock);
	return error;
}

int signal_group_locked(struct pid *pgrp, int sig)
{
	struct siginfo info = { .si_signo = sig, .si_code = SI_KERNEL };
	struct task_struct *task;
	int result = -ESRCH;

	list_for_each(task, &pgrp->group, pgrp_link) {
		send_locked(task, sig, &info, true);
		remember_for_fork(task, sig);
		result = 0;
	}
	return result;
}

int signal_group(struct pid *pgrp, int sig)
{
	spin_lock(&tasklist_lock);
	int result = signal_group_locked(pgrp, sig);
	spin_unlock(&tasklist_lock);
	return result;
}

void signal_send_self(int sig)
{
	struct siginfo info = user_info(sig, SI_USER);

	spin_lock(&tasklist_lock);
	send_locked(current, sig, &info, false);
	spin_unlock(&tasklist_lock);
}

void signal_fault(int sig, int code, u64 addr)
{
	struct siginfo info = { .si_signo = sig, .si_code = code };
	struct sigaction *action = &current->sighand->actions[sig - 1];

	info.si_addr = (void *)addr;
	spin_lock(&tasklist_lock);
	spin_lock(&current->sighand->lock);
	if (action->sa_handler == SIG_IGN || (current->blocked & SIGNAL_BIT(sig))) {
		action->sa_handler = SIG_DFL; /* running on would only fault again */
		current->blocked &= ~SIGNAL_BIT(sig);
	}
	bool fatal_to_init = is_init(current) && action->sa_handler == SIG_DFL;
	spin_unlock(&current->sighand->lock);
	if (!fatal_to_init)
		send_locked(current, sig, &info, false);
	spin_unlock(&tasklist_lock);
	if (fatal_to_init)
		do_exit(sig); /* which says so in a panic */
}

void signal_kill_self(void)
{
	spin_lock(&current->sighand->lock);
	current->pending |= SIGNAL_BIT(SIGKILL);
	wake_receiver(current, SIGKILL);
	spin_unlock(&current->sighand->lock);
}

void signal_begin_group_exit(int exit_code)
{
	struct signal_struct *signal = current->signal;

	spin_lock(&current->sighand->lock);
	if (!signal->group_exit) {
		signal->group_exit = true;
		signal->group_exit_code = exit_code;
	}
	spin_unlock(&current->sighand->lock);
}

void signal_notify_parent(struct task_struct *child, int code, int status)
{
	struct task_struct *parent = child->parent;
	struct siginfo info = { .si_signo = SIGCHLD, .si_code = code };

	if (!parent->signal)
		return;
	info.si_pid = child->pid;
	info.si_uid = child->cred.uid;
	info.si_status = status;
	if (code == CLD_STOPPED || code == CLD_CONTINUED) {
		if (list_empty(&child->stop_link))
			list_add_tail(&parent->stop_events, &child->stop_link);
		wait_queue_wake(&parent->signal->child_exit);
		if (parent->sighand->actions[SIGCHLD - 1].sa_flags & SA_NOCLDSTOP)
			return;
	}
	send_locked(parent, SIGCHLD, &info, true);
}

/* --- delivery --- */

/* Takes one of the wanted signals out of a pending set; 0 if there is none. */
static int dequeue_from(u64 *pending, struct list_head *queue, u64 wanted, struct siginfo *info)
{
	u64 ready = *pending & wanted;

	if (!ready)
		return 0;
	int sig = __builtin_ctzll(ready & SYNCHRONOUS ? ready & SYNCHRONOUS : ready) + 1;
	struct sigqueue *entry, *found = NULL;
	bool more = false;
	list_for_each(entry, queue, link) {
		if (entry->info.si_signo != sig)
			continue;
		more = found != NULL;
		if (more)
			break;
		found = entry;
	}
	*info = (struct siginfo){ .si_signo = sig, .si_code = SI_USER };
	if (found) {
		*info = found->info;
		sigqueue_free(found);
	}
	if (!more)
		*pending &= ~SIGNAL_BIT(sig);
	return sig;
}

static int dequeue(u64 wanted, struct siginfo *info)
{
	int sig = dequeue_from(&current->pending, &current->pending_queue, wanted, info);

	if (!sig)
		sig = dequeue_from(&current->signal->pending, &current->signal->pending_queue,
				   wanted, info);
	return sig;
}

static int dequeue_wanted(u64 set, struct siginfo *info)
{
	spin_lock(&current->sighand->lock);
	int sig = dequeue(set, info);
	signal_recalculate(current);
	spin_unlock(&current->sighand->lock);
	return sig;
}

/* While it sleeps, the wanted signals are unblocked, so that a sender wakes it. */
int signal_wait(u64 set, u64 deadline, struct siginfo *info)
{
	u64 blocked = current->blocked;
	bool late = false;

	set &= ~UNBLOCKABLE;
	int sig = dequeue_wanted(set, info);
	while (!sig && !late) {
		current->waited_for = set & blocked;
		signal_set_blocked(blocked & ~set);
		task_set_state(TASK_INTERRUPTIBLE);
		bool interrupted = signal_is_pending();
		if (!interrupted)
			late = schedule_until(deadline);
		task_set_state(TASK_RUNNING);
		signal_set_blocked(blocked);
		sig = dequeue_wanted(set, info);
		current->waited_for = 0;
		if (!sig && (interrupted || signal_is_pending()))
			return -EINTR;
	}
	return sig ? sig : -EAGAIN;
}

/* Stops until SIGCONT or SIGKILL. */
static void stop_self(int sig)
{
	spin_lock(&tasklist_lock);
	spin_lock(&current->sighand->lock);
	bool cancelled = current->kill_pending ||
			 ((current->pending | current->signal->pending) & SIGNAL_BIT(SIGCONT));
	if (!cancelled)
		task_set_state(TASK_STOPPED);
	spin_unlock(&current->sighand->lock);
	if (!cancelled) {
		current->stop_signal = sig;
		current->continued = false;
		signal_notify_parent(current->leader, CLD_STOPPED, sig);
	}
	spin_unlock(&tasklist_lock);
	if (!cancelled)
		schedule();
}

/* A terminal stop signal does nothing to a process whose group has nobody left to continue it. */
bool signal_stop_is_pointless(void)
{
	spin_lock(&tasklist_lock);
	bool orphaned = group_is_orphaned(current->leader->pgrp, NULL);
	spin_unlock(&tasklist_lock);
	return orphaned;
}

static void default_action(int sig)
{
	u64 bit = SIGNAL_BIT(sig);

	if (IGNORED_BY_DEFAULT & bit)
		return;
	if (STOP_SIGNALS & bit) {
		if (sig == SIGSTOP || !signal_stop_is_pointless())
			stop_self(sig);
		return;
	}
	int core = (CORE_SIGNALS & bit) && task_rlimit(RLIMIT_CORE) ? 0x80 : 0;
	do_group_exit(sig | core);
}

/* One pending signal: gives its number and a copy of its action, or 0. */
static int take_one(struct siginfo *info, struct sigaction *action)
{
	spin_lock(&current->sighand->lock);
	int sig = current->kill_pending ? SIGKILL : dequeue(~current->blocked, info);
	if (sig) {
		struct sigaction *slot = &current->sighand->actions[sig - 1];

		*action = *slot;
		if ((slot->sa_flags & SA_RESETHAND) && slot->sa_handler != SIG_IGN)
			slot->sa_handler = SIG_DFL;
	}
	signal_recalculate(current);
	spin_unlock(&current->sighand->lock);
	return sig;
}

static void reset_action(int sig)
{
	spin_lock(&current->sighand->lock);
	current->sighand->actions[sig - 1].sa_handler = SIG_DFL;
	spin_unlock(&current->sighand->lock);
}

void signal_deliver(struct trapframe *tf)
{
	struct siginfo info;
	struct sigaction action;

	for (int sig; (sig = take_one(&info, &action)) != 0;) {
		if (sig == SIGKILL)
			do_group_exit(current->signal->group_exit ? current->signal->group_exit_code
								  : SIGKILL);
		if (action.sa_handler == SIG_IGN)
			continue;
		if (action.sa_handler == SIG_DFL) {
			if (!is_init(current))
				default_action(sig);
			continue;
		}
		sigframe_restart(tf, &action);
		if (sigframe_push(tf, sig, &info, &action) < 0) {
			if (sig == SIGSEGV)
				reset_action(SIGSEGV); /* its own handler would fail for ever */
			signal_fault(SIGSEGV, SI_KERNEL, 0);
			continue;
		}
		return;
	}
	sigframe_restart(tf, NULL);
	if (current->restore_blocked) {
		current->restore_blocked = false;
		signal_set_blocked(current->saved_blocked);
	}
}

/* --- what the calls of syscall/signal.c set and ask --- */

int signal_set_action(int sig, const struct sigaction *new, struct sigaction *old)
{
	if (sig < 1 || sig > SIGNAL_COUNT || (new && (UNBLOCKABLE & SIGNAL_BIT(sig))))
		return -EINVAL;
	struct sighand_struct *sighand = current->sighand;
	struct sigaction *slot = &sighand->actions[sig - 1];
	spin_lock(&sighand->lock);
	if (old)
		*old = *slot;
	if (new) {
		*slot = *new;
		slot->sa_mask &= ~UNBLOCKABLE;
		bool ignored =
			slot->sa_handler == SIG_IGN ||
			(slot->sa_handler == SIG_DFL && (IGNORED_BY_DEFAULT & SIGNAL_BIT(sig)));
		if (ignored) { /* POSIX: what is pending is discarded */
			current->pending &= ~SIGNAL_BIT(sig);
			current->signal->pending &= ~SIGNAL_BIT(sig);
			drop_queue(&current->pending_queue, SIGNAL_BIT(sig));
			drop_queue(&current->signal->pending_queue, SIGNAL_BIT(sig));
			signal_recalculate(current);
		}
	}
	spin_unlock(&sighand->lock);
	return 0;
}

void signal_set_blocked(u64 mask)
{
	spin_lock(&current->sighand->lock);
	current->blocked = mask & ~UNBLOCKABLE;
	signal_recalculate(current);
	spin_unlock(&current->sighand->lock);
}

u64 signal_pending_set(void)
{
	spin_lock(&current->sighand->lock);
	u64 pending = (current->pending | current->signal->pending) & current->blocked;
	spin_unlock(&current->sighand->lock);
	return pending;
}

void signal_reset_for_exec(void)
{
	struct sighand_struct *sighand = current->sighand;

	spin_lock(&sighand->lock);
	for (int i = 0; i < SIGNAL_COUNT; i++) {
		__sighandler_t kept = sighand->actions[i].sa_handler == SIG_IGN ? SIG_IGN : SIG_DFL;

		sighand->actions[i] = (struct sigaction){ .sa_handler = kept };
	}
	spin_unlock(&sighand->lock);
}
