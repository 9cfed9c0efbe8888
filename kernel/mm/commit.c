/* The count of promised pages, one atomic word, and the three answers to a request for more. */
#include "mm/commit.h"
#include "mm/mm.h"
#include "sched/task.h"
#include <asm/errno.h>

#define PAGES(kib) ((kib) / (PAGE_SIZE / 1024))
#define RATIO_DEFAULT 50
#define RESERVE_DIVISOR 32 /* reserves begin as this part of memory, and are capped (proc(5)) */
#define ADMIN_KIB_MAX (8u << 10)
#define USER_KIB_MAX (128u << 10)

struct commit_policy commit_policy = { .mode = OVERCOMMIT_GUESS, .ratio = RATIO_DEFAULT };
static s64 committed; /* pages; atomic */
/* guards that one of ratio and kib is 0: whoever sees both so promises nothing */
static struct spinlock policy_lock = SPINLOCK_INIT("overcommit");

void commit_init(void)
{
	u64 part = frame_free_count() * (PAGE_SIZE / 1024) / RESERVE_DIVISOR;

	commit_policy.admin_kib = min(part, (u64)ADMIN_KIB_MAX);
	commit_policy.user_kib = min(part, (u64)USER_KIB_MAX);
}

void commit_set_limit(u64 ratio, u64 kib)
{
	spin_lock(&policy_lock);
	commit_policy.ratio = ratio;
	commit_policy.kib = kib;
	spin_unlock(&policy_lock);
}

u64 commit_limit(void)
{
	spin_lock(&policy_lock);
	u64 ratio = commit_policy.ratio, kib = commit_policy.kib;
	spin_unlock(&policy_lock);
	return kib ? PAGES(kib) : frame_total() * ratio / 100;
}

u64 commit_count(void)
{
	return (u64)__atomic_load_n(&committed, __ATOMIC_RELAXED);
}

void commit_add(s64 pages)
{
	__atomic_fetch_add(&committed, pages, __ATOMIC_RELAXED);
}

/* What of the limit is not for the running task. */
static u64 reserved(void)
{
	u64 pages = capable(CAP_SYS_ADMIN) ? 0 : PAGES(commit_policy.admin_kib);

	if (current->mm)
		/* the task's own, whose lock is held if it is what grows */
		pages += min(current->mm->total_pages / RESERVE_DIVISOR,
			     PAGES(commit_policy.user_kib));
	return pages;
}

int commit_check(u64 pages, u64 given_back)
{
	switch (__atomic_load_n(&commit_policy.mode, __ATOMIC_RELAXED)) {
	case OVERCOMMIT_ALWAYS:
		return 0;
	case OVERCOMMIT_GUESS:
		return pages > frame_total() ? -ENOMEM : 0;
	default:
		if (pages > USER_END >> PAGE_SHIFT)
			return -ENOMEM;
		return commit_count() + pages - given_back + reserved() < commit_limit() ? 0
											 : -ENOMEM;
	}
}

int commit_charge(u64 pages)
{
	int error = commit_check(pages, 0);

	if (!error)
		commit_add((s64)pages);
	return error;
}
