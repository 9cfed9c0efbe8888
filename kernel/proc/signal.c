/*
 * Sending: whether the signal would be ignored anyway, the pending set, and waking a receiver that
 * can take it. Pid 1 is given only what it has a handler for, so that nothing can end it from
 * inside (signal(7), kill(2)).
 */
#include "proc/signal.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "proc/exit.h"
#include "proc/thread.h"
#include "x86/printk.h"
#include <asm/errno.h>

/* Flags that rt_sigaction keeps; others are dropped, so that a program can ask what a kernel knows
 * (sigaction(2), "Dynamically probing for flag bit support"). */
#define FLAGS_KNOWN                                                                                \
	((unsigned long)SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_ONSTACK | SA_RESTART |       \
	 SA_NODEFER | SA_RESETHAND | SA_EXPOSE_TAGBITS | SA_RESTORER)

static struct kmem_cache sighand_cache, signal_cache;

void signal_module_init(void)
{
	kmem_cache_init(&sighand_cache, "sighand_struct", sizeof(struct sighand_struct), 8);
	kmem_cache_init(&signal_cache, "signal_struct", sizeof(struct signal_struct), 8);
	sigqueue_module_init();
	posix_timer_module_init();
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

void sighand_get(struct sighand_struct *sighand)
{
	__atomic_fetch_add(&sighand->refs, 1, __ATOMIC_RELAXED);
}

bool sighand_shared(const struct sighand_struct *sighand)
{
	return __atomic_load_n(&sighand->refs, __ATOMIC_ACQUIRE) > 1;
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
	list_init(&signal->thread_list);
	list_init(&signal->forks);
	signal->threads = signal->live = 1;
	sigpending_init(&signal->pending);
	wait_queue_init(&signal->child_exit, "child exit");
	spin_lock(&tasklist_lock); /* prlimit(2) by another changes two words at once */
	memcpy(signal->rlimits, rlimits, sizeof(signal->rlimits));
	spin_unlock(&tasklist_lock);
	return signal;
}

void signals_free(struct signal_struct *signal)
{
	itimers_end(signal);
	sigpending_drop(&signal->pending, ~0ull);
	kmem_cache_free(&signal_cache, signal);
}

void signal_flush_task(struct task_struct *task)
{
	sigpending_drop(&task->pending, ~0ull);
}

void signal_recalculate(struct task_struct *task)
{
	u64 pending = (task->pending.set | task->signal->pending.set) & ~task->blocked;

	if (pending || task->kill_pending || task->stop_pending)
		task_set_tif(task, TIF_SIGPENDING);
	else
		task_clear_tif(task, TIF_SIGPENDING);
}

/* --- sending --- */

static bool is_ignoring(__sighandler_t handler, int sig)
{
	return handler == SIG_IGN ||
	       (handler == SIG_DFL && (SIGNALS_IGNORED_BY_DEFAULT & SIGNAL_BIT(sig)));
}

bool signal_ignored(struct task_struct *task, int sig)
{
	__sighandler_t handler = task->sighand->actions[sig - 1].sa_handler;

	if ((task->blocked | task->waited_for) & SIGNAL_BIT(sig))
		return false; /* it may have an action by the time it is unblocked */
	if (handler == SIG_DFL && signal_is_init(task))
		return true;
	return is_ignoring(handler, sig);
}

/* A stop is over for every thread. What the parent is to hear if they are continued by it:
 * CLD_STOPPED if some had yet to stop, so that it has heard nothing, else CLD_CONTINUED; 0 if there
 * was no stop. */
static int end_stop(struct signal_struct *signal)
{
	int event = signal->unstopped ? CLD_STOPPED : CLD_CONTINUED;
	struct task_struct *task;

	if (!signal->stop_by)
		return 0;
	signal->stop_by = 0;
	list_for_each(task, &signal->thread_list, thread_link) {
		task->stop_pending = false;
		task_wake(task, TASK_STOPPED);
	}
	return event;
}

/* Stop signals and SIGCONT cancel each other while pending (signal(7)). If a SIGCONT ended a stop,
 * what the parent is to hear, else 0. */
static int cancel_opposites(struct signal_struct *signal, int sig)
{
	u64 drop = sig == SIGCONT		    ? SIGNALS_STOP
		   : SIGNALS_STOP & SIGNAL_BIT(sig) ? SIGNAL_BIT(SIGCONT)
						    : 0;
	struct task_struct *task;

	if (!drop)
		return 0;
	sigpending_drop(&signal->pending, drop);
	list_for_each(task, &signal->thread_list, thread_link) {
		sigpending_drop(&task->pending, drop);
		if (sig == SIGCONT)
			task->stop_taken = false;
	}
	return sig == SIGCONT ? end_stop(signal) : 0;
}

void signal_kill_threads(struct signal_struct *signal, const struct task_struct *except)
{
	struct task_struct *task;

	list_for_each(task, &signal->thread_list, thread_link) {
		if (task == except || (task->state & EXIT_ZOMBIE))
			continue;
		task->kill_pending = true;
		task_set_tif(task, TIF_SIGPENDING);
		task_wake(task, TASK_INTERRUPTIBLE | TASK_STOPPED | TASK_WAKEKILL);
	}
}

/* SIGKILL is for all threads at once: none may go on to take something else first. */
static void kill_process(struct signal_struct *signal)
{
	if (!signal->group_exit) {
		signal->group_exit = true;
		signal->group_exit_code = SIGKILL;
	}
	end_stop(signal);
	signal_kill_threads(signal, NULL);
}

static bool can_take(const struct task_struct *task, u64 set)
{
	return !task->exiting && (set & ~task->blocked);
}

static void wake_for_signal(struct task_struct *task)
{
	signal_recalculate(task);
	if (task->tif & TIF_SIGPENDING)
		task_wake(task, TASK_INTERRUPTIBLE);
}

/* Wakes who is to take sig: task, or, if it was sent to its process, a thread that does not block
 * it; where all do, the first that unblocks it finds it pending. */
static void wake_receiver(struct task_struct *task, int sig, bool shared)
{
	struct task_struct *other;

	if (sig == SIGKILL) {
		kill_process(task->signal);
		return;
	}
	if (!shared || can_take(task, SIGNAL_BIT(sig))) {
		wake_for_signal(task);
		return;
	}
	list_for_each(other, &task->signal->thread_list, thread_link) {
		if (can_take(other, SIGNAL_BIT(sig))) {
			wake_for_signal(other);
			return;
		}
	}
}

/* The running task has just begun to refuse what is pending for its process in set: somebody else
 * may have to take it. */
static void pass_on(u64 set)
{
	struct task_struct *task;

	set &= current->signal->pending.set;
	if (!set)
		return;
	list_for_each(task, &current->signal->thread_list, thread_link)
		if (task != current && can_take(task, set))
			wake_for_signal(task);
}

/* Tells the parent that a process stopped or continued. */
static void notify_parent(struct task_struct *leader, int code, int status)
{
	struct task_struct *parent = leader->parent;
	struct siginfo info = { .si_signo = SIGCHLD, .si_code = code };

	ASSERT(spin_held(&tasklist_lock));
	if (!parent->signal)
		return;
	info.si_pid = leader->pid;
	info.si_uid = leader->real_cred->uid;
	info.si_status = status;
	if (list_empty(&leader->stop_link))
		list_add_tail(&parent->stop_events, &leader->stop_link);
	wait_queue_wake(&parent->signal->child_exit);
	const struct sigaction *action = &parent->sighand->actions[SIGCHLD - 1];
	if (action->sa_handler != SIG_IGN && !(action->sa_flags & SA_NOCLDSTOP))
		signal_send_locked(parent, SIGCHLD, &info, true);
}

/* The signal tells which event it was; who waits finds it continued either way. */
static void report_continued(struct task_struct *leader, int event)
{
	leader->stop_signal = 0;
	leader->continued = true;
	notify_parent(leader, event, event == CLD_CONTINUED ? SIGCONT : 0);
}

static void report_stopped(struct task_struct *leader, int sig)
{
	leader->stop_signal = sig;
	leader->continued = false;
	notify_parent(leader, CLD_STOPPED, sig);
}

int signal_send_locked(struct task_struct *task, int sig, const struct siginfo *info, bool shared)
{
	struct sighand_struct *sighand = task->sighand;
	int continued = 0, error = 0;

	ASSERT(spin_held(&tasklist_lock));
	if (!sighand || (!shared && (task->state & EXIT_ZOMBIE)))
		return 0; /* the dead take any signal and do nothing (kill(2)) */
	spin_lock(&sighand->lock);
	if (!(signal_is_init(task) && sighand->actions[sig - 1].sa_handler == SIG_DFL))
		continued = cancel_opposites(task->signal, sig);
	if (!signal_ignored(task, sig)) {
		error = sigpending_add(shared ? &task->signal->pending : &task->pending, task,
				       info);
		wake_receiver(task, sig, shared);
	}
	spin_unlock(&sighand->lock);
	if (continued)
		report_continued(task->leader, continued);
	return error;
}

bool signal_send_entry(struct task_struct *task, struct sigqueue *entry, bool shared)
{
	struct sigpending *pending = shared ? &task->signal->pending : &task->pending;
	int sig = entry->info.si_signo;

	if (signal_ignored(task, sig))
		return false;
	if (list_empty(&entry->link))
		list_add_tail(&pending->queue, &entry->link);
	else if (entry->info.si_overrun < INT32_MAX)
		entry->info.si_overrun++;
	pending->set |= SIGNAL_BIT(sig);
	wake_receiver(task, sig, shared);
	return true;
}

void signal_send_info(struct task_struct *leader, int sig, const struct siginfo *info)
{
	signal_send_locked(leader, sig, info, true);
}

struct siginfo signal_info_from_user(int sig, int code)
{
	struct siginfo info = { .si_signo = sig, .si_code = code };

	info.si_pid = current->tgid;
	info.si_uid = current->cred->uid;
	return info;
}

void signal_fork_begin(struct fork_signals *fork)
{
	fork->set = 0;
	spin_lock(&current->sighand->lock);
	list_add_tail(&current->signal->forks, &fork->link);
	spin_unlock(&current->sighand->lock);
}

void signal_fork_inherit(struct task_struct *child, const struct fork_signals *fork)
{
	ASSERT(spin_held(&tasklist_lock));
	spin_lock(&current->sighand->lock);
	child->signal->pending.set |= fork->set;
	signal_recalculate(child);
	spin_unlock(&current->sighand->lock);
}

void signal_fork_end(struct fork_signals *fork)
{
	spin_lock(&current->sighand->lock);
	list_del(&fork->link);
	spin_unlock(&current->sighand->lock);
}

void signal_remember_for_fork(struct task_struct *task, int sig)
{
	struct fork_signals *fork;

	if (sig == 0 || !task->sighand)
		return;
	spin_lock(&task->sighand->lock);
	list_for_each(fork, &task->signal->forks, link) {
		if (sig == SIGCONT)
			fork->set &= ~SIGNALS_STOP;
		else if (SIGNALS_STOP & SIGNAL_BIT(sig))
			fork->set &= ~SIGNAL_BIT(SIGCONT);
		fork->set |= SIGNAL_BIT(sig);
	}
	spin_unlock(&task->sighand->lock);
}

int signal_group_locked(struct pid *pgrp, int sig)
{
	struct siginfo info = { .si_signo = sig, .si_code = SI_KERNEL };
	struct task_struct *task;
	int result = -ESRCH;

	list_for_each(task, &pgrp->group, pgrp_link) {
		signal_send_locked(task, sig, &info, true);
		signal_remember_for_fork(task, sig);
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
	struct siginfo info = signal_info_from_user(sig, SI_USER);

	spin_lock(&tasklist_lock);
	signal_send_locked(current, sig, &info, false);
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
	bool fatal_to_init = signal_is_init(current) && action->sa_handler == SIG_DFL;
	spin_unlock(&current->sighand->lock);
	if (!fatal_to_init)
		signal_send_locked(current, sig, &info, false);
	spin_unlock(&tasklist_lock);
	if (fatal_to_init)
		do_group_exit(sig); /* which says so in a panic */
}

/* --- what concerns all threads --- */

int signal_begin_group_exit(int exit_code)
{
	struct signal_struct *signal = current->signal;
	/* taken before execve killed this thread; its own SIGKILL ends no process */
	bool fatal = (exit_code & 0x7f) && exit_code != SIGKILL;

	spin_lock(&current->sighand->lock);
	if (signal->group_exit) {
		exit_code = signal->group_exit_code;
	} else if (fatal || !signal->exec_task) { /* else the process goes on without this thread */
		signal->group_exit = true;
		signal->group_exit_code = exit_code;
		end_stop(signal); /* which nobody is to hear of any more */
		signal_kill_threads(signal, current);
	}
	spin_unlock(&current->sighand->lock);
	return exit_code;
}

/* The running thread stops with its process, or ends instead; if a stop has waited for no other,
 * the parent hears of it. False: there is no stop any more. */
static bool take_part_in_stop(bool ends)
{
	struct signal_struct *signal = current->signal;
	int stopped_by = 0;

	spin_lock(&tasklist_lock);
	spin_lock(&current->sighand->lock);
	bool part = current->stop_pending && (ends || !current->kill_pending);
	if (part) {
		current->stop_pending = false;
		if (!ends) {
			signal_recalculate(current);
			task_set_state(TASK_STOPPED);
		}
		if (--signal->unstopped == 0)
			stopped_by = signal->stop_by;
	}
	spin_unlock(&current->sighand->lock);
	if (stopped_by)
		report_stopped(current->leader, stopped_by);
	spin_unlock(&tasklist_lock);
	return part;
}

void signal_stop_here(void)
{
	if (take_part_in_stop(false))
		schedule();
}

bool signal_begin_exit(int exit_code)
{
	struct signal_struct *signal = current->signal;

	spin_lock(&current->sighand->lock);
	current->exiting = true;
	bool last = --signal->live == 0;
	if (last && !signal->group_exit) {
		signal->group_exit = true;
		signal->group_exit_code = exit_code;
	}
	pass_on(~current->blocked);
	bool awaited = current->stop_pending && !last;
	spin_unlock(&current->sighand->lock);
	if (awaited)
		take_part_in_stop(true);
	return last;
}

void signal_begin_stop(int sig)
{
	struct signal_struct *signal = current->signal;
	struct task_struct *task;

	spin_lock(&current->sighand->lock);
	bool cancelled = current->kill_pending || signal->stop_by || !current->stop_taken;
	if (!cancelled) {
		signal->stop_by = sig;
		signal->unstopped = 0;
		list_for_each(task, &signal->thread_list, thread_link) {
			if (task->exiting)
				continue;
			task->stop_pending = true;
			signal->unstopped++;
			wake_for_signal(task);
		}
	}
	spin_unlock(&current->sighand->lock);
}

/* --- what the running task sets and asks --- */

int signal_set_action(int sig, const struct sigaction *new, struct sigaction *old)
{
	if (sig < 1 || sig > SIGNAL_COUNT || (new && (SIGNALS_UNBLOCKABLE & SIGNAL_BIT(sig))))
		return -EINVAL;
	struct sighand_struct *sighand = current->sighand;
	struct sigaction *slot = &sighand->actions[sig - 1];
	spin_lock(&sighand->lock);
	if (old)
		*old = *slot;
	if (new) {
		*slot = *new;
		slot->sa_flags &= FLAGS_KNOWN;
		slot->sa_mask &= ~SIGNALS_UNBLOCKABLE;
		if (is_ignoring(slot->sa_handler, sig)) { /* POSIX: what is pending is discarded */
			struct task_struct *task;

			sigpending_drop(&current->signal->pending, SIGNAL_BIT(sig));
			list_for_each(task, &current->signal->thread_list, thread_link)
				sigpending_drop(&task->pending, SIGNAL_BIT(sig));
			if (sig == SIGALRM)
				itimer_taken(&current->signal->itimers);
			signal_recalculate(current);
		}
	}
	spin_unlock(&sighand->lock);
	return 0;
}

void signal_set_blocked(u64 mask)
{
	mask &= ~SIGNALS_UNBLOCKABLE;
	spin_lock(&current->sighand->lock);
	u64 refused = mask & ~current->blocked;
	current->blocked = mask;
	signal_recalculate(current);
	pass_on(refused);
	spin_unlock(&current->sighand->lock);
}

u64 signal_pending_set(void)
{
	spin_lock(&current->sighand->lock);
	u64 pending = (current->pending.set | current->signal->pending.set) & current->blocked;
	spin_unlock(&current->sighand->lock);
	return pending;
}

void signal_end_timers(void)
{
	posix_timers_end(current->signal);
	spin_lock(&current->sighand->lock);
	sigpending_drop_timers(&current->signal->pending);
	sigpending_drop_timers(&current->pending);
	spin_unlock(&current->sighand->lock);
}

void sighand_reset(struct sighand_struct *sighand)
{
	spin_lock(&sighand->lock);
	for (int i = 0; i < SIGNAL_COUNT; i++) {
		__sighandler_t kept = sighand->actions[i].sa_handler == SIG_IGN ? SIG_IGN : SIG_DFL;

		sighand->actions[i] = (struct sigaction){ .sa_handler = kept };
	}
	spin_unlock(&sighand->lock);
}
