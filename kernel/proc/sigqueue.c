/*
 * Pending sets. The queue is walked to find a signal's oldest entry; RLIMIT_SIGPENDING bounds it.
 * Entries are counted against the user they were sent to, so that no user's queues can eat the
 * kernel's memory.
 */
#include "proc/sigqueue.h"
#include "mm/slab.h"
#include "proc/limits.h"
#include <asm/errno.h>

#define SYNCHRONOUS                                                                                \
	(SIGNAL_BIT(SIGSEGV) | SIGNAL_BIT(SIGBUS) | SIGNAL_BIT(SIGILL) | SIGNAL_BIT(SIGTRAP) |     \
	 SIGNAL_BIT(SIGFPE) | SIGNAL_BIT(SIGSYS))

static struct kmem_cache sigqueue_cache;

void sigqueue_module_init(void)
{
	kmem_cache_init(&sigqueue_cache, "sigqueue", sizeof(struct sigqueue), 8);
}

void sigpending_init(struct sigpending *pending)
{
	pending->set = 0;
	list_init(&pending->queue);
}

struct sigqueue *sigqueue_new(const struct task_struct *task, const struct siginfo *info)
{
	/* There is at most one of each, and the receiver is to know from whom. */
	bool always = info->si_signo < FIRST_REAL_TIME && info->si_code >= 0;

	if (!limits_charge_signal(task, always))
		return NULL;
	struct sigqueue *entry = kmem_cache_alloc(&sigqueue_cache);
	if (!entry) {
		limits_uncharge_signal(task->real_cred->uid);
		return NULL;
	}
	list_init(&entry->link);
	entry->info = *info;
	entry->taken = NULL;
	entry->uid = task->real_cred->uid;
	return entry;
}

void sigqueue_free(struct sigqueue *entry)
{
	list_del(&entry->link);
	limits_uncharge_signal(entry->uid);
	kmem_cache_free(&sigqueue_cache, entry);
}

/* It leaves the queue to be delivered, or (info NULL) for nothing. */
static void leave(struct sigqueue *entry, struct siginfo *info)
{
	if (entry->taken) {
		list_del(&entry->link);
		entry->taken(entry, info);
	} else {
		sigqueue_free(entry);
	}
}

void sigpending_drop(struct sigpending *pending, u64 mask)
{
	struct sigqueue *entry, *next;

	pending->set &= ~mask;
	list_for_each_safe(entry, next, &pending->queue, link) {
		if (SIGNAL_BIT(entry->info.si_signo) & mask)
			leave(entry, NULL);
	}
}

void sigpending_drop_timers(struct sigpending *pending)
{
	struct sigqueue *entry, *next;
	u64 dropped = 0, others = 0;

	list_for_each_safe(entry, next, &pending->queue, link) {
		u64 bit = SIGNAL_BIT(entry->info.si_signo);

		if (entry->info.si_code == SI_TIMER && !entry->taken) {
			dropped |= bit;
			sigqueue_free(entry);
		} else {
			others |= bit;
		}
	}
	pending->set &= ~dropped | others;
}

int sigpending_add(struct sigpending *pending, const struct task_struct *receiver,
		   const struct siginfo *info)
{
	int sig = info->si_signo;

	if (sig < FIRST_REAL_TIME && (pending->set & SIGNAL_BIT(sig)))
		return 0;
	struct sigqueue *entry = sig == SIGKILL ? NULL : sigqueue_new(receiver, info);
	if (entry)
		list_add_tail(&pending->queue, &entry->link);
	else if (sig >= FIRST_REAL_TIME && info->si_code != SI_USER)
		return -EAGAIN;
	pending->set |= SIGNAL_BIT(sig);
	return 0;
}

int sigpending_take(struct sigpending *pending, u64 wanted, struct siginfo *info)
{
	u64 ready = pending->set & wanted;

	if (!ready)
		return 0;
	int sig = __builtin_ctzll(ready & SYNCHRONOUS ? ready & SYNCHRONOUS : ready) + 1;
	struct sigqueue *entry, *found = NULL;
	bool more = false;
	list_for_each(entry, &pending->queue, link) {
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
		leave(found, info);
	}
	if (!more)
		pending->set &= ~SIGNAL_BIT(sig);
	return sig;
}
