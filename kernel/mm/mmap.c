/*
 * mmap, munmap, mprotect, brk and madvise on the set of areas. Each call takes the mm's lock,
 * checks everything that can be refused, makes what may fail for want of memory, and only then
 * changes the map, so a failed call leaves it as it was (munmap and mprotect may leave a split
 * area, which means the same).
 */
#include "mm/mm.h"
#include "mm/commit.h"
#include "mm/pagecache.h"
#include "sched/task.h"
#include "x86/printk.h"
#include <asm/errno.h>
#include <linux/mman.h>

static u32 prot_flags(int prot)
{
	return (prot & PROT_READ ? VM_READ : 0) | (prot & PROT_WRITE ? VM_WRITE : 0) |
	       (prot & PROT_EXEC ? VM_EXEC : 0);
}

/* The same without what may be promised. */
static int check_limits(struct mm_struct *mm, u64 pages, u32 flags)
{
	u64 most = task_rlimit(RLIMIT_AS) >> PAGE_SHIFT;

	if (pages > most || mm->total_pages > most - pages)
		return -ENOMEM;
	if (vm_is_data(flags) && mm->data_pages + pages > task_rlimit(RLIMIT_DATA) >> PAGE_SHIFT)
		return -ENOMEM;
	if ((flags & VM_LOCKED) && !capable(CAP_IPC_LOCK) &&
	    mm->locked_pages + pages > task_rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT)
		return -EAGAIN;
	return 0;
}

int mm_check_limits(struct mm_struct *mm, u64 pages, u32 flags)
{
	int error = check_limits(mm, pages, flags);

	return !error && (flags & VM_ACCOUNT) ? commit_check(pages, 0) : error;
}

/* Unmaps [start, end), whole pages, splitting the areas at its ends. 0, or -ENOMEM with nothing
 * unmapped. */
int mm_unmap_locked(struct mm_struct *mm, u64 start, u64 end)
{
	struct vm_area_struct *vma = vma_find(mm, start), *next;
	int error = 0;

	ASSERT(mutex_held(&mm->lock));
	if (!vma || vma->start >= end)
		return 0;
	if (vma->start < start) {
		error = vma_split(vma, start);
		if (error)
			return error;
		vma = vma_next(vma);
	}
	struct vm_area_struct *last = vma_find(mm, end - 1);
	if (last && last->start < end && last->end > end)
		error = vma_split(last, end);
	if (error)
		return error;
	if (!vma || vma->start >= end)
		return 0;
	error = pages_drop(mm, vma->start, end);
	for (; !error && vma && vma->start < end; vma = next) {
		next = vma_next(vma);
		vma_remove(vma);
	}
	return error;
}

/* Where the new area goes: an address, or -errno. Replaces what MAP_FIXED covers last of all
 * checks. */
static s64 choose_place(struct mm_struct *mm, const struct mmap_request *request, u64 size)
{
	u64 addr = request->addr;

	if (request->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
		if (addr & ~PAGE_MASK)
			return -EINVAL;
		if (size > USER_END || addr > USER_END - size)
			return -ENOMEM;
		if (addr < MMAP_MIN)
			return -EPERM;
		if ((request->flags & MAP_FIXED_NOREPLACE) &&
		    !vma_range_unmapped(mm, addr, addr + size))
			return -EEXIST;
		return (s64)addr;
	}
	addr = align_up(addr, PAGE_SIZE);
	if (addr >= MMAP_MIN && size <= USER_END && addr <= USER_END - size &&
	    vma_range_free(mm, addr, addr + size))
		return (s64)addr;
	addr = vma_find_gap(mm, size);
	return addr ? (s64)addr : -ENOMEM;
}

/* Pages of [start, end) that areas with all of these flags cover already: what replacing them gives
 * back. */
static u64 pages_covered(struct mm_struct *mm, u64 start, u64 end, u32 flags)
{
	u64 pages = 0;

	for (struct vm_area_struct *vma = vma_find(mm, start); vma && vma->start < end;
	     vma = vma_next(vma))
		if ((vma->flags & flags) == flags)
			pages += (min(vma->end, end) - max(vma->start, start)) >> PAGE_SHIFT;
	return pages;
}

/* May vma, which is to lie at [start, end), take the place of what is there? 0, -ENOMEM, -EAGAIN */
static int check_new_area(struct mm_struct *mm, const struct vm_area_struct *vma, u64 start,
			  u64 end)
{
	u64 pages = (end - start) >> PAGE_SHIFT;
	int error = check_limits(mm, pages - pages_covered(mm, start, end, 0), vma->flags);

	if (!error && (vma->flags & VM_ACCOUNT))
		error = commit_check(pages, pages_covered(mm, start, end, VM_ACCOUNT));
	return error;
}

static s64 map_locked(struct mm_struct *mm, struct vm_area_struct *vma,
		      const struct mmap_request *request)
{
	u64 size = vma->end;
	s64 place = choose_place(mm, request, size);

	if (place < 0)
		return place;
	if (mm->vma_count >= VMA_COUNT_MAX)
		return -ENOMEM;
	int error = check_new_area(mm, vma, (u64)place, (u64)place + size);
	if (!error)
		error = mm_unmap_locked(mm, (u64)place, (u64)place + size);
	if (error)
		return error;
	vma->start = (u64)place;
	vma->end = (u64)place + size;
	vma_insert(vma);
	vma_merge(vma);
	return place;
}

s64 mm_map(struct mm_struct *mm, const struct mmap_request *request)
{
	u64 size = align_up(request->size, PAGE_SIZE);
	bool shared = (request->flags & MAP_TYPE) != MAP_PRIVATE;
	u32 flags = prot_flags(request->prot) | request->vm_flags | (shared ? VM_SHARED : 0) |
		    (request->flags & MAP_GROWSDOWN ? VM_GROWSDOWN : 0) |
		    (commit_noreserve(request->flags & MAP_NORESERVE) ? VM_NORESERVE : 0) |
		    (request->flags & MAP_LOCKED ? VM_LOCKED : 0);
	struct vm_area_struct *vma = vma_new(mm, 0, size, flags);
	s64 result = -ENOMEM;

	if (!vma) {
		struct vm_area_struct holder = { .ops = request->ops,
						 .file = request->file,
						 .cache = request->cache,
						 .flags = flags };

		if (holder.ops && holder.ops->close)
			holder.ops->close(&holder);
		return -ENOMEM;
	}
	vma->ops = request->ops;
	vma->file = request->file;
	vma->cache = request->cache;
	vma->pgoff = request->pgoff;
	mutex_lock(&mm->lock);
	vma->flags |= mm->future_flags;
	if (request->size == 0 || ((flags & VM_GROWSDOWN) && (shared || request->ops)))
		result = -EINVAL;
	else if (size != 0 && size <= USER_END) /* a size near 2^64 rounds up to 0 */
		result = map_locked(mm, vma, request);
	if (result < 0)
		vma_discard(vma);
	mutex_unlock(&mm->lock);
	return result;
}

/* Is [addr, addr + size) a page-aligned range of user addresses? Gives its end. */
static bool range_valid(u64 addr, u64 size, u64 *end)
{
	*end = addr + align_up(size, PAGE_SIZE);
	return !(addr & ~PAGE_MASK) && size <= USER_END && *end <= USER_END && *end >= addr;
}

int mm_unmap(struct mm_struct *mm, u64 addr, u64 size)
{
	u64 end;

	if (!range_valid(addr, size, &end) || size == 0)
		return -EINVAL;
	mutex_lock(&mm->lock);
	int error = mm_unmap_locked(mm, addr, end);
	mutex_unlock(&mm->lock);
	return error;
}

static int protect_area(struct vm_area_struct **vma, u64 start, u64 end, u32 prot)
{
	struct mm_struct *mm = (*vma)->mm;
	u32 flags = ((*vma)->flags & ~VM_PROT) | prot;

	flags |= vm_is_promised(flags) ? VM_ACCOUNT : 0;
	if ((prot & VM_WRITE) && ((*vma)->flags & VM_SHARED) && !((*vma)->flags & VM_MAYWRITE))
		return -EACCES;
	if (flags == (*vma)->flags)
		return 0;
	u64 pages = (min((*vma)->end, end) - max((*vma)->start, start)) >> PAGE_SHIFT;
	if (!vm_is_data((*vma)->flags) && vm_is_data(flags) &&
	    mm->data_pages + pages > task_rlimit(RLIMIT_DATA) >> PAGE_SHIFT)
		return -ENOMEM;
	int error = (flags & ~(*vma)->flags & VM_ACCOUNT) ? commit_check(pages, 0) : 0;
	if (!error)
		error = vma_isolate(vma, start, end);
	if (!error)
		error = pages_protect_prepare(mm, (*vma)->start, (*vma)->end);
	if (error)
		return error;
	vma_set_flags(*vma, flags);
	pages_protect(mm, (*vma)->start, (*vma)->end, flags);
	*vma = vma_merge(*vma);
	return 0;
}

static int protect_locked(struct mm_struct *mm, u64 start, u64 end, u32 prot)
{
	struct vm_area_struct *vma = vma_find(mm, start);
	u64 at = start;

	while (at < end) {
		if (!vma || vma->start > at)
			return -ENOMEM; /* a hole; what came before it has changed, as on Linux */
		int error = protect_area(&vma, start, end, prot);
		if (error)
			return error;
		at = vma->end;
		vma = vma_next(vma);
	}
	return 0;
}

int mm_protect(struct mm_struct *mm, u64 addr, u64 size, int prot)
{
	u64 end;

	if (addr & ~PAGE_MASK)
		return -EINVAL;
	if ((prot & PROT_GROWSDOWN) && (prot & PROT_GROWSUP))
		return -EINVAL;
	if (prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_GROWSDOWN | PROT_GROWSUP | PROT_SEM))
		return -EINVAL;
	if (size == 0)
		return 0;
	if (!range_valid(addr, size, &end))
		return -ENOMEM;
	mutex_lock(&mm->lock);
	int error = protect_locked(mm, addr, end, prot_flags(prot));
	mutex_unlock(&mm->lock);
	return error;
}

static bool brk_grow(struct mm_struct *mm, u64 old_end, u64 new_end)
{
	u32 flags = VM_READ | VM_WRITE | VM_HEAP | VM_ACCOUNT | mm->future_flags;

	/* a page of distance to what follows */
	if (!vma_range_free(mm, old_end, new_end + PAGE_SIZE))
		return false;
	if (mm_check_limits(mm, (new_end - old_end) >> PAGE_SHIFT, flags))
		return false;
	struct vm_area_struct *vma = vma_new(mm, old_end, new_end, flags);
	if (!vma)
		return false;
	vma_insert(vma);
	vma_merge(vma);
	return true;
}

u64 mm_brk(struct mm_struct *mm, u64 brk)
{
	mutex_lock(&mm->lock);
	u64 old_end = align_up(mm->brk, PAGE_SIZE), new_end = align_up(brk, PAGE_SIZE);
	bool ok = brk >= mm->brk_start && brk < USER_END &&
		  brk - mm->brk_start <= task_rlimit(RLIMIT_DATA);

	if (ok && new_end > old_end)
		ok = brk_grow(mm, old_end, new_end);
	else if (ok && new_end < old_end)
		ok = mm_unmap_locked(mm, new_end, old_end) == 0;
	if (ok)
		mm->brk = brk;
	brk = mm->brk;
	mutex_unlock(&mm->lock);
	return brk;
}

static int advise_area(struct vm_area_struct *vma, u64 start, u64 end, int advice)
{
	static const struct {
		int advice;
		u32 set, clear;
	} marks[] = {
		{ MADV_DONTFORK, VM_DONTFORK, 0 },
		{ MADV_DOFORK, 0, VM_DONTFORK },
		{ MADV_WIPEONFORK, VM_WIPEONFORK, 0 },
		{ MADV_KEEPONFORK, 0, VM_WIPEONFORK },
	};

	if (advice == MADV_DONTNEED || advice == MADV_FREE || advice == MADV_DONTNEED_LOCKED) {
		if ((vma->flags & VM_LOCKED) && advice != MADV_DONTNEED_LOCKED)
			return -EINVAL;
		return pages_drop(vma->mm, max(vma->start, start), min(vma->end, end));
	}
	for (u32 i = 0; i < ARRAY_SIZE(marks); i++) {
		if (marks[i].advice != advice)
			continue;
		if (advice == MADV_WIPEONFORK && (vma->ops || (vma->flags & VM_SHARED)))
			return -EINVAL;
		int error = vma_isolate(&vma, start, end);
		if (error)
			return error;
		vma_set_flags(vma, (vma->flags | marks[i].set) & ~marks[i].clear);
		vma_merge(vma);
		return 0;
	}
	return 0; /* MADV_NORMAL and other hints that need nothing here */
}

static bool advice_known(int advice)
{
	switch (advice) {
	case MADV_NORMAL:
	case MADV_RANDOM:
	case MADV_SEQUENTIAL:
	case MADV_WILLNEED:
	case MADV_DONTNEED:
	case MADV_DONTNEED_LOCKED:
	case MADV_FREE:
	case MADV_DONTFORK:
	case MADV_DOFORK:
	case MADV_WIPEONFORK:
	case MADV_KEEPONFORK:
	case MADV_MERGEABLE:
	case MADV_UNMERGEABLE:
	case MADV_HUGEPAGE:
	case MADV_NOHUGEPAGE:
	case MADV_DONTDUMP:
	case MADV_DODUMP:
	case MADV_COLD:
	case MADV_PAGEOUT:
		return true;
	}
	return false;
}

int mm_advise(struct mm_struct *mm, u64 addr, u64 size, int advice)
{
	int result = 0;
	u64 end;

	if (!advice_known(advice) || !range_valid(addr, size, &end))
		return -EINVAL;
	mutex_lock(&mm->lock);
	for (u64 at = addr; at < end;) {
		struct vm_area_struct *vma = vma_find(mm, at);

		if (!vma || vma->start >= end) {
			result = -ENOMEM;
			break;
		}
		if (vma->start > at)
			result = -ENOMEM; /* a hole: reported, after the rest is done */
		at = vma->end;
		int error = advise_area(vma, addr, end, advice);
		if (error) {
			result = error;
			break;
		}
	}
	mutex_unlock(&mm->lock);
	return result;
}

int mm_sync(struct mm_struct *mm, u64 addr, u64 size, int flags)
{
	int result = 0;
	u64 end;

	if ((flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) ||
	    (flags & MS_ASYNC && flags & MS_SYNC) || (addr & ~PAGE_MASK))
		return -EINVAL;
	if (!range_valid(addr, size, &end))
		return -ENOMEM;
	mutex_lock(&mm->lock);
	for (u64 at = addr; at < end && !result;) {
		struct vm_area_struct *vma = vma_find(mm, at);

		if (!vma || vma->start > at)
			result = -ENOMEM;
		else if ((flags & MS_INVALIDATE) && (vma->flags & VM_LOCKED))
			result = -EBUSY;
		else
			at = vma->end;
	}
	mutex_unlock(&mm->lock);
	return result;
}
