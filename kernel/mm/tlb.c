/*
 * A CPU that runs an address space, or has it loaded still because only kernel tasks ran since, has
 * its bit in mm->cpus, and only those hear of a change. No CPU is missed: one that loads the tables
 * sets its bit first (mm_activate, a locked instruction) and loads CR3 then, so it walks the tables
 * later; who changes an entry writes it first and reads the mask then, with a fence between. If the
 * bit is not seen, it was set after the fence, and the walks that follow find the new entry.
 *
 * A CPU that has no use for the address space at the moment loads the kernel's tables when it is
 * asked to forget, and so is not asked again.
 */
#include "mm/tlb.h"
#include "sched/task.h"

#define FLUSH_PAGES_SINGLY 16 /* beyond that, forgetting everything is cheaper */

struct range {
	const struct mm_struct *mm;
	u64 start, end;
};

static void flush_here(void *arg)
{
	const struct range *range = arg;

	if (this_cpu()->mm != range->mm)
		return;
	if (!current->mm)
		mm_activate(NULL);
	else if ((range->end - range->start) >> PAGE_SHIFT > FLUSH_PAGES_SINGLY)
		write_cr3(read_cr3());
	else
		for (u64 addr = range->start; addr < range->end; addr += PAGE_SIZE)
			invlpg(addr);
}

void tlb_flush_range(const struct mm_struct *mm, u64 start, u64 end)
{
	struct range range = { mm, start, end };

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	u64 mask = __atomic_load_n(&mm->cpus, __ATOMIC_RELAXED);
	if (mask & ~(1ull << this_cpu()->id))
		cpu_run_on(mask, flush_here, &range);
	else
		flush_here(&range);
}

void tlb_flush_mm(const struct mm_struct *mm)
{
	tlb_flush_range(mm, 0, USER_END);
}

static void leave_here(void *arg)
{
	if (this_cpu()->mm == arg)
		mm_activate(NULL);
}

void tlb_leave(struct mm_struct *mm)
{
	u64 mask = __atomic_load_n(&mm->cpus, __ATOMIC_ACQUIRE);

	if (mask)
		cpu_run_on(mask, leave_here, mm);
}

/* Global entries survive a CR3 load, but not this (Intel SDM vol. 3, 4.10.4.1). */
static void flush_kernel_here(void *arg)
{
	u64 cr4 = read_cr4();

	(void)arg;
	write_cr4(cr4 & ~CR4_PGE);
	write_cr4(cr4);
}

void tlb_flush_kernel(void)
{
	cpu_run_on(cpus_online(), flush_kernel_here, NULL);
}
