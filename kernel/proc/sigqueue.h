/*
 * What was sent and not acted on yet: a bit per signal, and a queue with the information of those
 * that carry some. A thread has one such set and its process another, both guarded by the
 * process's sighand->lock. A standard signal is pending once or not at all; real-time ones queue
 * up, oldest first (signal(7)).
 */
#ifndef MITOS_PROC_SIGQUEUE_H
#define MITOS_PROC_SIGQUEUE_H

#include "sched/task.h"
#include <asm/siginfo.h>

#define FIRST_REAL_TIME 32
#define SIGNAL_BIT(sig) (1ull << ((sig)-1))

/* A pending signal's information. */
struct sigqueue {
	struct list_head link; /* in a pending set's queue, or alone */
	struct siginfo info;
	uid_t uid; /* whose RLIMIT_SIGPENDING it counts against */
	/* For an entry that belongs to a timer and is not freed: it is being delivered (info is
	 * the receiver's copy) or was dropped (NULL). NULL for all others. */
	void (*taken)(struct sigqueue *entry, struct siginfo *info);
	void *owner;
};

void sigqueue_module_init(void);
/* An entry counted against the receiver's RLIMIT_SIGPENDING. NULL: no memory, or too many. */
struct sigqueue *sigqueue_new(const struct task_struct *receiver, const struct siginfo *info);
void sigqueue_free(struct sigqueue *entry); /* takes it off its queue first */
void sigpending_init(struct sigpending *pending);
/*
 * Makes info->si_signo pending, counted against the receiver's RLIMIT_SIGPENDING, which bounds all
 * but the standard signals of kill(2) and of the kernel. Without room or memory a
 * standard signal is pending all the same and loses only its information; a real-time signal with
 * information is -EAGAIN, since losing one would be seen (sigqueue(3)). 0 or -EAGAIN.
 */
int sigpending_add(struct sigpending *pending, const struct task_struct *receiver,
		   const struct siginfo *info);
/* Forgets the signals of mask. */
void sigpending_drop(struct sigpending *pending, u64 mask);
/* Forgets those that timers sent which are deleted meanwhile. */
void sigpending_drop_timers(struct sigpending *pending);
/*
 * Takes one of the wanted signals out, a fault's before others, then by number: gives its number
 * and fills info; 0 if there is none.
 */
int sigpending_take(struct sigpending *pending, u64 wanted, struct siginfo *info);

#endif
