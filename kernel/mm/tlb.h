/*
 * Forgetting stale translations. A table entry may be changed to allow more without a flush (a CPU
 * that still holds the old entry faults once and looks again); a change that allows less, or maps
 * another frame, must be followed by one of these before the old frame is put and before the mm's
 * lock is released. They return when every CPU has forgotten.
 */
#ifndef MITOS_MM_TLB_H
#define MITOS_MM_TLB_H

#include "mm/mm.h"

/* [start, end), or everything, of a user address space. The mm's lock is held. With the pages, the
 * processor forgets what it knows of the upper-level entries on the way to any address (Intel SDM
 * vol. 3, 4.10.4.1). */
void tlb_flush_range(const struct mm_struct *mm, u64 start, u64 end);
void tlb_flush_mm(const struct mm_struct *mm);

static inline void tlb_flush_page(const struct mm_struct *mm, u64 addr)
{
	tlb_flush_range(mm, align_down(addr, PAGE_SIZE), align_down(addr, PAGE_SIZE) + PAGE_SIZE);
}

/* More is allowed than before: spares this CPU the fault that others may take. */
static inline void tlb_flush_page_here(const struct mm_struct *mm, u64 addr)
{
	if (this_cpu()->mm == mm)
		invlpg(addr);
}

/* Nobody uses the address space any more: those who have it loaded still load the kernel's. */
void tlb_leave(struct mm_struct *mm);

/* The kernel half as well, on all CPUs. */
void tlb_flush_kernel(void);

#endif
