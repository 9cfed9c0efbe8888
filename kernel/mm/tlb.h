/*
 * Forgetting stale translations. A table entry may be changed to allow more without a flush (a CPU
 * that still holds the old entry faults once and looks again); a change that allows less, or maps
 * another frame, must be followed by one of these before the old frame is put. Only CPUs that may
 * run the address space need to hear of it.
 */
#ifndef MITOS_MM_TLB_H
#define MITOS_MM_TLB_H

#include "mm/mm.h"

/* One page, or everything, of a user address space. The mm's lock is held. */
static inline void tlb_flush_page(const struct mm_struct *mm, u64 addr)
{
	if (this_cpu()->mm == mm)
		invlpg(addr);
}

static inline void tlb_flush_mm(const struct mm_struct *mm)
{
	if (this_cpu()->mm == mm)
		write_cr3(read_cr3());
}

/* One page of the kernel half (global entries survive a CR3 load). */
static inline void tlb_flush_kernel_page(u64 addr)
{
	invlpg(addr);
}

#endif
