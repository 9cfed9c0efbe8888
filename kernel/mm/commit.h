/*
 * Memory that was promised. Every page that a program may write and that nothing on a disk could
 * supply again counts from the moment it is mapped, touched or not: each page of a private writable
 * area (VM_ACCOUNT), each page of a shared object, or, where the object was made without reserve,
 * each of its pages that exists. vma.c and pagecache.c keep the count as areas and pages come and
 * go, so it is exact; whoever asks for more asks commit_check() first, which answers by
 * /proc/sys/vm/overcommit_memory (proc(5)).
 */
#ifndef MITOS_MM_COMMIT_H
#define MITOS_MM_COMMIT_H

#include "lib/types.h"

enum overcommit_mode {
	OVERCOMMIT_GUESS,  /* refuse only what all of memory could not hold */
	OVERCOMMIT_ALWAYS, /* refuse nothing */
	OVERCOMMIT_NEVER   /* promise no more than commit_limit() */
};

/* The sysctls of /proc/sys/vm; single words, written whole, but for the two of commit_set_limit. */
struct commit_policy {
	u32 mode;      /* enum overcommit_mode */
	u64 ratio;     /* percent of memory that may be promised; 0 where kib says it */
	u64 kib;       /* the same in KiB; 0: ratio counts */
	u64 admin_kib; /* of it, kept for CAP_SYS_ADMIN */
	u64 user_kib;  /* of it, at most, kept from a process that has much already */
};
extern struct commit_policy commit_policy;

void commit_init(void);			   /* sets the reserves by the size of memory */
void commit_set_limit(u64 ratio, u64 kib); /* of which one is 0 */
u64 commit_limit(void);			   /* pages that may be promised with OVERCOMMIT_NEVER */
u64 commit_count(void);			   /* pages that are */
void commit_add(s64 pages);		   /* counts them, or, where negative, no longer */
/*
 * May the running task's process be promised so many pages more, when given_back pages of its own
 * go for them? 0 or -ENOMEM. It counts nothing. Several that ask at once may all be told yes; what
 * they pass the limit by is less than all but the largest of what they ask for.
 */
int commit_check(u64 pages, u64 given_back);
/* commit_check and commit_add in one. */
int commit_charge(u64 pages);

/* Is what was asked for without reserve (MAP_NORESERVE) made so? Not where all pages count. */
static inline bool commit_noreserve(bool asked)
{
	return asked && commit_policy.mode != OVERCOMMIT_NEVER;
}

#endif
