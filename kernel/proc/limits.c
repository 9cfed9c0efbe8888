/*
 * Users are counted in a red-black tree by uid; a user is there while a credential has its uid as
 * the real one, or a signal is queued for it. users_lock guards the tree, references and signals.
 * The count of processes is a word of its own, changed without the lock by tasks that hold a
 * credential, because every fork and exit does. Limits themselves are words of the process, written
 * whole, so reading one needs no lock.
 */
#include "proc/limits.h"
#include "mm/slab.h"
#include "proc/thread.h"
#include "x86/printk.h"
#include <asm/errno.h>
#include <asm/resource.h>

struct user {
	RB_ENTRY(user) node;
	uid_t uid;
	u32 refs;      /* credentials, and queued signals */
	u64 processes; /* alive or zombie; atomic */
	u64 signals;   /* queued with information */
};
RB_HEAD(user_tree, user);

static struct spinlock users_lock = SPINLOCK_INIT("users");
static struct user_tree users;
static struct kmem_cache user_cache;

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

void limits_module_init(void)
{
	kmem_cache_init(&user_cache, "user", sizeof(struct user), 8);
}

/* The user of a uid, made if need be, with one more reference; NULL without memory. users_lock
 * held. */
static struct user *take(uid_t uid)
{
	struct user wanted = { .uid = uid }, *user = RB_FIND(user_tree, &users, &wanted);

	if (!user) {
		user = kmem_cache_zalloc(&user_cache);
		if (!user)
			return NULL;
		user->uid = uid;
		RB_INSERT(user_tree, &users, user);
	}
	user->refs++;
	return user;
}

/* users_lock held. */
static void drop(struct user *user)
{
	if (--user->refs)
		return;
	ASSERT(user->processes == 0 && user->signals == 0);
	RB_REMOVE(user_tree, &users, user);
	kmem_cache_free(&user_cache, user);
}

struct user *user_get(uid_t uid)
{
	spin_lock(&users_lock);
	struct user *user = take(uid);
	spin_unlock(&users_lock);
	return user;
}

void user_put(struct user *user)
{
	spin_lock(&users_lock);
	drop(user);
	spin_unlock(&users_lock);
}

u64 user_processes(const struct user *user)
{
	return __atomic_load_n(&user->processes, __ATOMIC_RELAXED);
}

int limits_charge_process(const struct cred *cred, u64 limit)
{
	u64 processes = __atomic_add_fetch(&cred->user->processes, 1, __ATOMIC_RELAXED);

	if (likely(processes <= limit) || cred->uid == 0 || capable(CAP_SYS_RESOURCE) ||
	    capable(CAP_SYS_ADMIN))
		return 0;
	limits_uncharge_process(cred);
	return -EAGAIN;
}

void limits_uncharge_process(const struct cred *cred)
{
	__atomic_fetch_sub(&cred->user->processes, 1, __ATOMIC_RELAXED);
}

void limits_move_process(const struct cred *from, const struct cred *to)
{
	limits_uncharge_process(from);
	__atomic_fetch_add(&to->user->processes, 1, __ATOMIC_RELAXED);
}

bool limits_charge_signal(const struct task_struct *task, bool always)
{
	struct user *user = task->real_cred->user;

	spin_lock(&users_lock);
	bool room = always || user->signals < task->rlimits[RLIMIT_SIGPENDING].rlim_cur;
	if (room) {
		user->signals++;
		user->refs++;
	}
	spin_unlock(&users_lock);
	return room;
}

void limits_uncharge_signal(uid_t uid)
{
	struct user wanted = { .uid = uid };

	spin_lock(&users_lock);
	struct user *user = RB_FIND(user_tree, &users, &wanted);
	user->signals--;
	drop(user);
	spin_unlock(&users_lock);
}

void limits_for_each_user(void (*fn)(const struct user_counts *counts, void *arg), void *arg)
{
	struct user *user;

	spin_lock(&users_lock);
	RB_FOREACH(user, user_tree, &users)
	{
		struct user_counts counts = { user->uid, user->refs, user->processes,
					      user->signals };
		fn(&counts, arg);
	}
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
	if (!capable(CAP_SYS_RESOURCE) && new->rlim_max > slot->rlim_max)
		return -EPERM;
	if (resource == RLIMIT_NOFILE && new->rlim_max > NOFILE_LIMIT)
		return -EPERM;
	*slot = *new;
	return 0;
}

void limits_tick(void)
{
	struct siginfo info = { .si_code = SI_KERNEL };

	if (!current->signal || current->exiting)
		return;
	struct rlimit64 *limit = &current->signal->rlimits[RLIMIT_CPU];
	if (likely(limit->rlim_cur == RLIM64_INFINITY))
		return;
	spin_lock(&tasklist_lock);
	u64 seconds = process_runtime(current->signal) / NSEC_PER_SEC;
	if (seconds < limit->rlim_cur) {
		spin_unlock(&tasklist_lock);
		return;
	}
	if (seconds >= limit->rlim_max) {
		info.si_signo = SIGKILL;
	} else {
		info.si_signo = SIGXCPU;
		limit->rlim_cur = seconds + 1; /* once more each second, as on Linux */
	}
	signal_send_info(current->leader, info.si_signo, &info);
	spin_unlock(&tasklist_lock);
}
