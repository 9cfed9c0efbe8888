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

void commit_init(void)
{
	u64 part = frame_free_count() * (PAGE_SIZE / 1024) / RESERVE_DIVISOR;

	commit_policy.admin_kib = min(part, (u64)ADMIN_KIB_MAX);
	commit_policy.user_kib = min(part, (u64)USER_KIB_MAX);
}

u64 commit_limit(void)
{
	if (commit_policy.kib)
		return PAGES(commit_policy.kib);
	return frame_total() * commit_policy.ratio / 100;
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
		pages += min(current->mm->total_pages / RESERVE_DIVISOR,
			     PAGES(commit_policy.user_kib));
	return pages;
}

int commit_check(u64 pages, u64 given_back)
{
	switch (commit_policy.mode) {
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
