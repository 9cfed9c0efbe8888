/*
 * mremap(2): an area made longer or shorter where it is, or moved with its pages. Moving carries
 * page-table entries over, never the pages themselves; if anything is refused, the old mapping is
 * as it was.
 */
#include "mm/mm.h"
#include "sched/task.h"
#include <asm/errno.h>
#include <linux/mman.h>

/* Can [end, new_end) be added to vma where it is? */
static bool can_grow(struct vm_area_struct *vma, u64 new_end)
{
	return new_end <= USER_END && vma_range_unmapped(vma->mm, vma->end, new_end);
}

/* The area that covers the whole of [addr, addr + size); NULL if none does. */
static struct vm_area_struct *area_of(struct mm_struct *mm, u64 addr, u64 size)
{
	struct vm_area_struct *vma = vma_find(mm, addr);

	return vma && vma->start <= addr && vma->end - addr >= size ? vma : NULL;
}

/*
 * Moves [addr, addr + size) of vma to `to`, where new_size >= size bytes are free; with keep
 * (MREMAP_DONTUNMAP) the old place stays mapped, empty and unlocked. `to` or -ENOMEM.
 */
static s64 move_area(struct vm_area_struct *vma, u64 addr, u64 size, u64 to, u64 new_size,
		     bool keep)
{
	struct mm_struct *mm = vma->mm;
	bool leave = size && !keep;
	/* First all that needs memory, so that nothing is left of the old place at the end. */
	int error = leave ? vma_isolate(&vma, addr, addr + size) : 0;
	struct vm_area_struct *copy = error ? NULL : vma_duplicate(mm, vma);

	if (!copy)
		return -ENOMEM;
	if (copy->ops)
		copy->pgoff += (addr - vma->start) >> PAGE_SHIFT;
	copy->start = to;
	copy->end = to + new_size;
	vma_insert(copy);
	if (size && pages_move(mm, addr, to, size) < 0) {
		vma_remove(copy);
		return -ENOMEM;
	}
	if (keep)
		vma_set_flags(vma, vma->flags & ~(VM_LOCKED | VM_LOCKONFAULT));
	if (leave)
		vma_remove(vma);
	vma_merge(copy);
	return (s64)to;
}

/* Where it is: shorter, or longer if there is room. */
static s64 resize_area(struct vm_area_struct *vma, u64 addr, u64 old_size, u64 new_size)
{
	if (addr + old_size != vma->end || !can_grow(vma, addr + new_size))
		return -ENOMEM;
	vma_resize(vma, vma->start, addr + new_size);
	vma_merge(vma);
	return (s64)addr;
}

static s64 remap_fixed(struct mm_struct *mm, u64 addr, u64 old_size, u64 new_size, u64 new_addr,
		       bool keep)
{
	int error = mm_unmap_locked(mm, new_addr, new_addr + new_size);

	if (!error && old_size > new_size) {
		error = mm_unmap_locked(mm, addr + new_size, addr + old_size);
		old_size = new_size;
	}
	if (error)
		return error;
	/* Unmapping may have split the area, or, with an old size of 0, taken it away. */
	struct vm_area_struct *vma = area_of(mm, addr, old_size);
	return vma ? move_area(vma, addr, old_size, new_addr, new_size, keep) : -EFAULT;
}

static s64 remap_locked(struct mm_struct *mm, u64 addr, u64 old_size, u64 new_size, int flags,
			u64 new_addr)
{
	bool keep = flags & MREMAP_DONTUNMAP;
	bool shrink = old_size && new_size <= old_size && !keep && !(flags & MREMAP_FIXED);
	struct vm_area_struct *vma = area_of(mm, addr, shrink ? PAGE_SIZE : old_size);

	if (!vma)
		return -EFAULT;
	if (shrink) {
		int error = new_size < old_size
				    ? mm_unmap_locked(mm, addr + new_size, addr + old_size)
				    : 0;

		return error ? error : (s64)addr;
	}
	if (old_size == 0 && !(vma->flags & VM_SHARED))
		return -EINVAL; /* duplicating is for shared mappings only */
	u64 added = keep ? new_size : new_size > old_size ? new_size - old_size : 0;
	int error = added ? mm_check_limits(mm, added >> PAGE_SHIFT, vma->flags) : 0;
	if (error)
		return error;
	if (flags & MREMAP_FIXED)
		return remap_fixed(mm, addr, old_size, new_size, new_addr, keep);
	s64 place = old_size && !keep ? resize_area(vma, addr, old_size, new_size) : -ENOMEM;
	if (place >= 0 || !(flags & MREMAP_MAYMOVE))
		return place;
	u64 gap = vma_find_gap(mm, new_size);
	return gap ? move_area(vma, addr, old_size, gap, new_size, keep) : -ENOMEM;
}

s64 mm_remap(struct mm_struct *mm, u64 addr, u64 old_size, u64 new_size, int flags, u64 new_addr)
{
	old_size = align_up(old_size, PAGE_SIZE);
	new_size = align_up(new_size, PAGE_SIZE);
	if ((flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP)) || (addr & ~PAGE_MASK) ||
	    new_size == 0)
		return -EINVAL;
	if ((flags & MREMAP_DONTUNMAP) && (!(flags & MREMAP_MAYMOVE) || new_size != old_size))
		return -EINVAL;
	if (old_size > USER_END || addr > USER_END - old_size)
		return -EFAULT;
	if (flags & MREMAP_FIXED) {
		if (!(flags & MREMAP_MAYMOVE) || (new_addr & ~PAGE_MASK) || new_size > USER_END ||
		    new_addr > USER_END - new_size)
			return -EINVAL;
		if (new_addr < addr + old_size && addr < new_addr + new_size)
			return -EINVAL; /* old and new may not overlap */
		if (new_addr < MMAP_MIN)
			return -EPERM;
	} else if (new_size > USER_END) {
		return -ENOMEM;
	}
	mutex_lock(&mm->lock);
	s64 result = remap_locked(mm, addr, old_size, new_size, flags, new_addr);
	mutex_unlock(&mm->lock);
	return result;
}
