/*
 * Users are counted in a red-black tree by uid; a user is there while
 * it has either. users_lock
 * guards tree and counts. Limits themselves are words of the process, written whole, so reading one
 * needs no lock.
 */
#include "proc/limits.h"
#include "mm/slab.h"
#include "proc/signal.h"
#include <asm/errno.h>
#include <asm/resource.h>

struct user {
	RB_ENTRY(user) node;
	uid_t uid;
	u64 processes, signals; /* alive or zombie; queued with information */
};
RB_HEAD(user_tree, user);

static struct spinlock users_lock = SPINLOCK_INIT("users"); /* guards users and the counts */
static struct user_tree users;

static int compare(const struct user *a, const struct user *b)
{
	return a->uid < b->uid ? -1 : a->uid > b->uid;
}

RB_GENERATE_STATIC(user_tree, user, node, compare)

#define UNLIMITED                                                                                  \
	{                                                                                          \
		RLIM64_INFINITY, RLIM64_INFINITY                                                   \
	}
#define STACK_DEFAULT (8ull << 20)
#define SIGPENDING_DEFAULT 4096
#define NOFILE_DEFAULT 1024
#define NOFILE_MAXIMUM 4096
#define NOFILE_LIMIT (1u << 20) /* Linux's fs.nr_open */

const struct rlimit64 *limits_initial(void)
{
	static const struct rlimit64 initial[RLIM_NLIMITS] = {
		[RLIMIT_CPU] = UNLIMITED,
		[RLIMIT_FSIZE] = UNLIMITED,
		[RLIMIT_DATA] = UNLIMITED,
		[RLIMIT_STACK] = { STACK_DEFAULT, RLIM64_INFINITY },
		[RLIMIT_CORE] = { 0, RLIM64_INFINITY },
		[RLIMIT_RSS] = UNLIMITED,
		[RLIMIT_NPROC] = UNLIMITED,
		[RLIMIT_NOFILE] = { NOFILE_DEFAULT, NOFILE_MAXIMUM },
		[RLIMIT_MEMLOCK] = { 8 << 20, 8 << 20 },
		[RLIMIT_AS] = UNLIMITED,
		[RLIMIT_LOCKS] = UNLIMITED,
		[RLIMIT_SIGPENDING] = { SIGPENDING_DEFAULT, SIGPENDING_DEFAULT },
		[RLIMIT_MSGQUEUE] = { 819200, 819200 },
		[RLIMIT_RTTIME] = UNLIMITED,
	};

	return initial;
}

/* The user of a uid, made if need be; NULL without memory. users_lock held. */
static struct user *user_of(uid_t uid)
{
	struct user wanted = { .uid = uid }, *user = RB_FIND(user_tree, &users, &wanted);

	if (user)
		return user;
	user = kzalloc(sizeof(*user));
	if (user) {
		user->uid = uid;
		RB_INSERT(user_tree, &users, user);
	}
	return user;
}

static void forget_if_idle(struct user *user)
{
	if (user->processes || user->signals)
		return;
	RB_REMOVE(user_tree, &users, user);
	kfree(user);
}

int limits_charge_process(struct task_struct *task, u64 limit)
{
	int error = 0;

	spin_lock(&users_lock);
	struct user *user = user_of(task->cred.uid);
	if (!user)
		error = -ENOMEM;
	else if (user->uid != 0 && user->processes >= limit)
		error = -EAGAIN;
	else
		user->processes++;
	spin_unlock(&users_lock);
	return error;
}

void limits_uncharge_process(struct task_struct *task)
{
	spin_lock(&users_lock);
	struct user *user = user_of(task->cred.uid);
	user->processes--;
	forget_if_idle(user);
	spin_unlock(&users_lock);
}

bool limits_charge_signal(const struct task_struct *task, bool always)
{
	spin_lock(&users_lock);
	struct user *user = user_of(task->cred.uid);
	bool room = user && (always || user->signals < task->rlimits[RLIMIT_SIGPENDING].rlim_cur);
	if (room)
		user->signals++;
	spin_unlock(&users_lock);
	return room;
}

void limits_uncharge_signal(uid_t uid)
{
	spin_lock(&users_lock);
	struct user *user = user_of(uid);
	user->signals--;
	forget_if_idle(user);
	spin_unlock(&users_lock);
}

u64 limits_signals_queued(uid_t uid)
{
	struct user wanted = { .uid = uid };

	spin_lock(&users_lock);
	const struct user *user = RB_FIND(user_tree, &users, &wanted);
	u64 count = user ? user->signals : 0;
	spin_unlock(&users_lock);
	return count;
}

int limits_change(struct task_struct *task, unsigned resource, const struct rlimit64 *new,
		  struct rlimit64 *old)
{
	struct rlimit64 *slot = (struct rlimit64 *)&task->rlimits[resource];

	if (old)
		*old = *slot;
	if (!new)
		return 0;
	if (new->rlim_cur > new->rlim_max)
		return -EINVAL;
	if (current->cred.euid != 0 && new->rlim_max > slot->rlim_max)
		return -EPERM;
	if (resource == RLIMIT_NOFILE && new->rlim_max > NOFILE_LIMIT)
		return -EPERM;
	*slot = *new;
	return 0;
}

void limits_tick(void)
{
	struct siginfo info = { .si_code = SI_KERNEL };

	if (!current->signal)
		return;
	struct rlimit64 *limit = &current->signal->rlimits[RLIMIT_CPU];
	u64 seconds = task_runtime(current) / NSEC_PER_SEC;
	if (likely(seconds < limit->rlim_cur))
		return;
	if (seconds >= limit->rlim_max) {
		info.si_signo = SIGKILL;
	} else {
		info.si_signo = SIGXCPU;
		limit->rlim_cur = seconds + 1; /* once more each second, as on Linux */
	}
	spin_lock(&tasklist_lock);
	signal_send_info(current->leader, info.si_signo, &info);
	spin_unlock(&tasklist_lock);
}
