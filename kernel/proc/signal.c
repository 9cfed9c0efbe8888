/*
 * Sending: whether the signal would be ignored anyway, the pending set, and waking a receiver that
 * can take it. Pid 1 is given only what it has a handler for, so that nothing can end it from
 * inside (signal(7), kill(2)).
 */
#include "proc/signal.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "proc/exit.h"
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
	sigpending_init(&signal->pending);
	wait_queue_init(&signal->child_exit, "child exit");
	memcpy(signal->rlimits, rlimits, sizeof(signal->rlimits));
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

	if (pending || task->kill_pending)
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

/* Stop signals and SIGCONT cancel each other while pending (signal(7)); SIGCONT and SIGKILL end a
 * stop. */
static void cancel_opposites(struct task_struct *task, int sig)
{
	u64 drop = sig == SIGCONT		    ? SIGNALS_STOP
		   : SIGNALS_STOP & SIGNAL_BIT(sig) ? SIGNAL_BIT(SIGCONT)
						    : 0;

	if (drop) {
		sigpending_drop(&task->pending, drop);
		sigpending_drop(&task->signal->pending, drop);
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

int signal_send_locked(struct task_struct *task, int sig, const struct siginfo *info, bool shared)
{
	struct sighand_struct *sighand = task->sighand;
	int error = 0;

	ASSERT(spin_held(&tasklist_lock));
	if (!sighand || (task->state & (EXIT_ZOMBIE | EXIT_DEAD)))
		return 0; /* a zombie takes any signal and does nothing (kill(2)) */
	/* tasklist_lock keeps the order of two: a child is continued, and its parent told of it */
	spin_lock_nested(&sighand->lock);
	if (!(signal_is_init(task) && sighand->actions[sig - 1].sa_handler == SIG_DFL))
		cancel_opposites(task, sig);
	if (!signal_ignored(task, sig)) {
		error = sigpending_add(shared ? &task->signal->pending : &task->pending, task,
				       info);
		wake_receiver(task, sig);
	}
	spin_unlock(&sighand->lock);
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
	wake_receiver(task, sig);
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

void signal_fork_begin(void)
{
	struct signal_struct *signal = current->signal;

	spin_lock(&current->sighand->lock);
	if (signal->forking++ == 0)
		signal->fork_signals = 0;
	spin_unlock(&current->sighand->lock);
}

void signal_fork_inherit(struct task_struct *child)
{
	ASSERT(spin_held(&tasklist_lock));
	spin_lock(&current->sighand->lock);
	child->signal->pending.set |= current->signal->fork_signals;
	signal_recalculate(child);
	spin_unlock(&current->sighand->lock);
}

void signal_fork_end(void)
{
	spin_lock(&current->sighand->lock);
	current->signal->forking--;
	spin_unlock(&current->sighand->lock);
}

void signal_remember_for_fork(struct task_struct *task, int sig)
{
	if (sig == 0 || !task->sighand)
		return;
	spin_lock(&task->sighand->lock);
	if (task->signal->forking) {
		if (sig == SIGCONT)
			task->signal->fork_signals &= ~SIGNALS_STOP;
		else if (SIGNALS_STOP & SIGNAL_BIT(sig))
			task->signal->fork_signals &= ~SIGNAL_BIT(SIGCONT);
		task->signal->fork_signals |= SIGNAL_BIT(sig);
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
		do_exit(sig); /* which says so in a panic */
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
	info.si_uid = child->real_cred->uid;
	info.si_status = status;
	if (list_empty(&child->stop_link))
		list_add_tail(&parent->stop_events, &child->stop_link);
	wait_queue_wake(&parent->signal->child_exit);
	const struct sigaction *action = &parent->sighand->actions[SIGCHLD - 1];
	if (action->sa_handler != SIG_IGN && !(action->sa_flags & SA_NOCLDSTOP))
		signal_send_locked(parent, SIGCHLD, &info, true);
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
			sigpending_drop(&current->pending, SIGNAL_BIT(sig));
			sigpending_drop(&current->signal->pending, SIGNAL_BIT(sig));
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
	spin_lock(&current->sighand->lock);
	current->blocked = mask & ~SIGNALS_UNBLOCKABLE;
	signal_recalculate(current);
	spin_unlock(&current->sighand->lock);
}

u64 signal_pending_set(void)
{
	spin_lock(&current->sighand->lock);
	u64 pending = (current->pending.set | current->signal->pending.set) & current->blocked;
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
