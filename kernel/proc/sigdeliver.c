/*
 * Delivery: in order of number, each signal by its action: ignore, stop, continue, end the process,
 * or a handler's frame. SIGKILL and SIGSTOP obey nobody (signal(7)).
 */
#include "proc/sigdeliver.h"
#include "proc/exit.h"
#include "proc/group.h"
#include "proc/sigframe.h"
#include <asm/errno.h>

#define SIGNALS_CORE                                                                               \
	(SIGNAL_BIT(SIGQUIT) | SIGNAL_BIT(SIGILL) | SIGNAL_BIT(SIGTRAP) | SIGNAL_BIT(SIGABRT) |    \
	 SIGNAL_BIT(SIGBUS) | SIGNAL_BIT(SIGFPE) | SIGNAL_BIT(SIGSEGV) | SIGNAL_BIT(SIGXCPU) |     \
	 SIGNAL_BIT(SIGXFSZ) | SIGNAL_BIT(SIGSYS))

static int dequeue(u64 wanted, struct siginfo *info)
{
	int sig = sigpending_take(&current->pending, wanted, info);

	if (!sig)
		sig = sigpending_take(&current->signal->pending, wanted, info);
	if (sig == SIGALRM)
		itimer_taken(&current->signal->itimers);
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

	set &= ~SIGNALS_UNBLOCKABLE;
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

static void default_action(int sig)
{
	u64 bit = SIGNAL_BIT(sig);

	if (SIGNALS_IGNORED_BY_DEFAULT & bit)
		return;
	if (SIGNALS_STOP & bit) {
		if (sig == SIGSTOP || !group_of_current_is_orphaned())
			signal_begin_stop(sig);
		return;
	}
	int core = (SIGNALS_CORE & bit) && task_rlimit(RLIMIT_CORE) ? 0x80 : 0;
	do_group_exit(sig | core);
}

/* One pending signal: gives its number and a copy of its action, or 0. Stops here if the process
 * does. */
static int take_one(struct siginfo *info, struct sigaction *action)
{
	if (current->stop_pending)
		signal_stop_here();
	spin_lock(&current->sighand->lock);
	int sig = current->kill_pending ? SIGKILL : dequeue(~current->blocked, info);
	if (sig) {
		struct sigaction *slot = &current->sighand->actions[sig - 1];

		*action = *slot;
		current->stop_taken = SIGNALS_STOP & SIGNAL_BIT(sig);
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
			do_group_exit(SIGKILL); /* or what the process exits with */
		if (action.sa_handler == SIG_IGN)
			continue;
		if (action.sa_handler == SIG_DFL) {
			if (!signal_is_init(current))
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
