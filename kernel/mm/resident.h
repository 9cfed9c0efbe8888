/*
 * Pages that are there before they are touched: mlock(2) and its relatives, MAP_POPULATE, and
 * mincore(2), which tells. Nothing is ever written out to a disk here, so a locked page means that
 * it was faulted in, that RLIMIT_MEMLOCK counts it, and that madvise(2) may not drop it.
 */
#ifndef MITOS_MM_RESIDENT_H
#define MITOS_MM_RESIDENT_H

#include "mm/mm.h"

/* May the running task lock anything at all (mlock(2), EPERM)? */
bool mm_may_lock(void);
/*
 * Locks whole pages, VM_LOCKED with or without VM_LOCKONFAULT, or with flags 0 unlocks them. Does
 * not fault them in. 0; -ENOMEM: a hole (what came before it has changed, as on Linux), no memory,
 * or beyond RLIMIT_MEMLOCK; -EINVAL: the range wraps around.
 */
int mm_lock(struct mm_struct *mm, u64 addr, u64 size, u32 flags);
/* mlockall(2): current and future are flags as above, for the areas that there are, if `all`, and
 * for those to come. 0, -ENOMEM. */
int mm_lock_all(struct mm_struct *mm, bool all, u32 current_flags, u32 future_flags);
/*
 * Faults in the pages of [start, end): for writing where that would make a page private. Only those
 * of locked areas, if locked_only; what was locked on fault is left out. 0; -EFAULT: a page that
 * cannot be, or a hole; -ENOMEM. Takes the mm's lock.
 */
int mm_populate(struct mm_struct *mm, u64 start, u64 end, bool locked_only);
/* All of it, as far as it can be. */
void mm_populate_all(struct mm_struct *mm);
/* The same for what has just been mapped, if there is anything locked; errors do not matter. */
void mm_populate_new(struct mm_struct *mm, u64 start, u64 end);
/*
 * mincore(2): vec[i] is 1 if page i from addr on can be had without a disk, else 0; all of a file
 * that may_see refuses are 1. 0, -ENOMEM (a hole).
 */
int mm_core(struct mm_struct *mm, u64 addr, u64 pages, u8 *vec, bool (*may_see)(struct file *file));

#endif
