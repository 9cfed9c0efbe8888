/*
 * Locking is two steps: the areas get their flags under the mm's lock, then their pages are faulted
 * in one by one, as the program itself would, so that nothing here changes a page-table entry. What
 * another thread unmaps between the two is a hole.
 */
#include "mm/resident.h"
#include "mm/pagecache.h"
#include "sched/task.h"
#include "x86/printk.h"
#include <asm/errno.h>

#define VM_LOCKS (VM_LOCKED | VM_LOCKONFAULT)

bool mm_may_lock(void)
{
	return task_rlimit(RLIMIT_MEMLOCK) || capable(CAP_IPC_LOCK);
}

/* Gives the part of the area within [start, end) these lock flags; *vma is that part then. */
static int lock_area(struct vm_area_struct **vma, u64 start, u64 end, u32 flags)
{
	u32 new_flags = ((*vma)->flags & ~VM_LOCKS) | flags;

	if (new_flags == (*vma)->flags)
		return 0;
	int error = vma_isolate(vma, start, end);
	if (error)
		return error;
	vma_set_flags(*vma, new_flags);
	*vma = vma_merge(*vma);
	return 0;
}

static int lock_range(struct mm_struct *mm, u64 start, u64 end, u32 flags)
{
	struct vm_area_struct *vma = vma_find(mm, start);
	u64 at = start;

	while (at < end) {
		if (!vma || vma->start > at)
			return -ENOMEM;
		int error = lock_area(&vma, start, end, flags);
		if (error)
			return error;
		at = vma->end;
		vma = vma_next(vma);
	}
	return 0;
}

/* Pages of [start, end) that are locked already: they are not counted twice. */
static u64 pages_locked(struct mm_struct *mm, u64 start, u64 end)
{
	u64 pages = 0;

	for (struct vm_area_struct *vma = vma_find(mm, start); vma && vma->start < end;
	     vma = vma_next(vma))
		if (vma->flags & VM_LOCKED)
			pages += (min(vma->end, end) - max(vma->start, start)) >> PAGE_SHIFT;
	return pages;
}

static bool within_limit(struct mm_struct *mm, u64 start, u64 end)
{
	u64 limit = task_rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;
	u64 pages = mm->locked_pages + ((end - start) >> PAGE_SHIFT);

	return capable(CAP_IPC_LOCK) || pages <= limit ||
	       pages - pages_locked(mm, start, end) <= limit;
}

int mm_lock(struct mm_struct *mm, u64 addr, u64 size, u32 flags)
{
	u64 start = align_down(addr, PAGE_SIZE);
	u64 end = start + align_up(size + (addr - start), PAGE_SIZE);
	int error = -ENOMEM;

	if (end < start)
		return -EINVAL;
	mutex_lock(&mm->lock);
	if (!flags || within_limit(mm, start, end))
		error = lock_range(mm, start, end, flags);
	mutex_unlock(&mm->lock);
	return error;
}

int mm_lock_all(struct mm_struct *mm, bool all, u32 current_flags, u32 future_flags)
{
	int error = 0;

	mutex_lock(&mm->lock);
	if (all && current_flags && !capable(CAP_IPC_LOCK) &&
	    mm->total_pages > task_rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT) {
		error = -ENOMEM;
	} else {
		struct vm_area_struct *vma = all ? vma_find(mm, 0) : NULL;

		mm->future_flags = future_flags;
		for (; vma; vma = vma_next(vma)) /* whole areas: nothing is split */
			lock_area(&vma, vma->start, vma->end, current_flags);
	}
	mutex_unlock(&mm->lock);
	return error;
}

/* The part of [at, end) in the first area from there on: where it ends, and with what access to
 * fault it in. False if the area is to be left out. -EFAULT: none. */
static int next_part(struct mm_struct *mm, u64 *at, u64 *end, bool locked_only, unsigned *access)
{
	int wanted = -EFAULT;

	mutex_lock(&mm->lock);
	const struct vm_area_struct *vma = vma_find(mm, *at);
	if (vma && vma->start < *end) {
		wanted = (!locked_only || (vma->flags & VM_LOCKED)) &&
			 !(vma->flags & VM_LOCKONFAULT);
		if (vma->start > *at)
			*at = vma->start;
		*end = min(*end, vma->end);
		*access = (vma->flags & (VM_WRITE | VM_SHARED)) == VM_WRITE ? FAULT_WRITE : 0;
	}
	mutex_unlock(&mm->lock);
	return wanted;
}

static int fault_in(struct mm_struct *mm, u64 start, u64 end, unsigned access)
{
	for (u64 at = start; at < end; at += PAGE_SIZE) {
		enum fault_result result = mm_fault(mm, at, access);

		if (result == FAULT_NO_MEMORY)
			return -ENOMEM;
		if (result != FAULT_OK)
			return -EFAULT;
		if (kill_is_pending())
			return -EINTR;
		cond_resched();
	}
	return 0;
}

int mm_populate(struct mm_struct *mm, u64 start, u64 end, bool locked_only)
{
	for (u64 at = start, stop; at < end; at = stop) {
		unsigned access;

		stop = end;
		int wanted = next_part(mm, &at, &stop, locked_only, &access);
		if (wanted < 0)
			return wanted;
		int error = wanted ? fault_in(mm, at, stop, access) : 0;
		if (error)
			return error;
	}
	return 0;
}

void mm_populate_all(struct mm_struct *mm)
{
	for (u64 at = 0, stop; at < USER_END; at = stop) {
		unsigned access;

		stop = USER_END;
		int wanted = next_part(mm, &at, &stop, true, &access);
		if (wanted < 0 || (wanted && fault_in(mm, at, stop, access) == -EINTR))
			return;
	}
}

void mm_populate_new(struct mm_struct *mm, u64 start, u64 end)
{
	if (__atomic_load_n(&mm->locked_pages, __ATOMIC_RELAXED))
		mm_populate(mm, start, end, true);
}

/* Is the page at addr there, or in its object's cache? */
static bool page_is_near(const struct vm_area_struct *vma, u64 addr)
{
	const pte_t *entry = pte_find(vma->mm, addr);

	if (entry && pte_present(*entry))
		return true;
	return vma->cache &&
	       pagecache_has(vma->cache, vma->pgoff + ((addr - vma->start) >> PAGE_SHIFT));
}

int mm_core(struct mm_struct *mm, u64 addr, u64 pages, u8 *vec, bool (*may_see)(struct file *file))
{
	const struct vm_area_struct *vma = NULL;
	bool hidden = false;
	int error = 0;

	mutex_lock(&mm->lock);
	for (u64 i = 0; i < pages && !error; i++, addr += PAGE_SIZE) {
		if (!vma || addr >= vma->end) {
			vma = vma_find(mm, addr);
			hidden = vma && vma->file && !may_see(vma->file);
		}
		if (!vma || addr < vma->start)
			error = -ENOMEM;
		else
			vec[i] = hidden || page_is_near(vma, addr);
	}
	mutex_unlock(&mm->lock);
	return error;
}
