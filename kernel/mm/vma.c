/*
 * The areas of an address space: a red-black tree by address and a list in the same order. Each
 * node also knows the free gap before it and the largest gap in its subtree, so that finding room
 * for a new area takes O(log n) steps however many areas there are. A stack that may grow counts
 * its guard gap as not free. Everything here runs under the mm's lock, but for an area that is not
 * in its set yet.
 */
#include "mm/mm.h"
#include "mm/commit.h"
#include "mm/pagecache.h"
#include "mm/slab.h"
#include "lib/string.h"
#include "x86/printk.h"
#include <asm/errno.h>

static struct kmem_cache vma_cache;

static u64 subtree_gap(const struct vm_area_struct *vma)
{
	return vma ? vma->gap_max : 0;
}

static void update_gap(struct vm_area_struct *vma)
{
	u64 below = max(subtree_gap(vma->node.rbe_left), subtree_gap(vma->node.rbe_right));

	vma->gap_max = max(vma->gap_before, below);
}

#undef RB_AUGMENT
#define RB_AUGMENT(vma) update_gap(vma)

static int compare(const struct vm_area_struct *a, const struct vm_area_struct *b)
{
	return a->start < b->start ? -1 : a->start > b->start;
}

RB_GENERATE_STATIC(vma_tree, vm_area_struct, node, compare)

void vma_module_init(void)
{
	kmem_cache_init(&vma_cache, "vm_area_struct", sizeof(struct vm_area_struct), 8);
}

struct vm_area_struct *vma_next(struct vm_area_struct *vma)
{
	struct list_head *next = vma->link.next;

	return next == &vma->mm->vma_list ? NULL : list_entry(next, struct vm_area_struct, link);
}

struct vm_area_struct *vma_prev(struct vm_area_struct *vma)
{
	struct list_head *prev = vma->link.prev;

	return prev == &vma->mm->vma_list ? NULL : list_entry(prev, struct vm_area_struct, link);
}

/* Recomputes the gap before vma after it or its predecessor changed, and the summaries up to the
 * root. */
static void refresh_gap(struct vm_area_struct *vma)
{
	if (!vma)
		return;
	struct vm_area_struct *prev = vma_prev(vma);
	u64 floor = prev ? prev->end : 0;
	u64 reserved = vma->flags & VM_GROWSDOWN ? STACK_GUARD_GAP : 0;
	vma->gap_before = vma->start - floor > reserved ? vma->start - floor - reserved : 0;
	for (; vma; vma = vma->node.rbe_parent)
		update_gap(vma);
}

struct vm_area_struct *vma_find(struct mm_struct *mm, u64 addr)
{
	struct vm_area_struct *found = mm->cached;

	if (found && found->start <= addr && addr < found->end)
		return found;
	found = NULL;
	for (struct vm_area_struct *at = mm->vmas.rbh_root; at;) {
		if (addr < at->end) {
			found = at;
			at = at->node.rbe_left;
		} else {
			at = at->node.rbe_right;
		}
	}
	if (found && found->start <= addr)
		mm->cached = found;
	return found;
}

struct vm_area_struct *vma_new(struct mm_struct *mm, u64 start, u64 end, u32 flags)
{
	struct vm_area_struct *vma = kmem_cache_zalloc(&vma_cache);

	if (vma) {
		vma->mm = mm;
		vma->start = start;
		vma->end = end;
		vma->flags = flags | (vm_is_promised(flags) ? VM_ACCOUNT : 0);
	}
	return vma;
}

static void account(struct vm_area_struct *vma, s64 pages)
{
	struct mm_struct *mm = vma->mm;

	mm->total_pages += (u64)pages;
	mm->total_peak = max(mm->total_peak, mm->total_pages);
	if (vma->flags & VM_GROWSDOWN)
		mm->stack_pages += (u64)pages;
	else if (vm_is_data(vma->flags))
		mm->data_pages += (u64)pages;
	if (vma->flags & VM_ACCOUNT)
		commit_add(pages);
	if (vma->flags & VM_LOCKED)
		mm->locked_pages += (u64)pages;
}

static s64 pages_of(const struct vm_area_struct *vma)
{
	return (s64)((vma->end - vma->start) >> PAGE_SHIFT);
}

void vma_insert(struct vm_area_struct *vma)
{
	struct mm_struct *mm = vma->mm;
	struct vm_area_struct *next = vma_find(mm, vma->start);

	ASSERT(mutex_held(&mm->lock) && (!next || next->start >= vma->end));
	list_insert(&vma->link, next ? next->link.prev : mm->vma_list.prev,
		    next ? &next->link : &mm->vma_list);
	RB_INSERT(vma_tree, &mm->vmas, vma);
	refresh_gap(vma);
	refresh_gap(next);
	mm->vma_count++;
	account(vma, pages_of(vma));
	if (vma->cache)
		__atomic_fetch_add(&vma->cache->mapped, 1, __ATOMIC_RELAXED);
}

void vma_discard(struct vm_area_struct *vma)
{
	if (vma->ops && vma->ops->close)
		vma->ops->close(vma);
	kmem_cache_free(&vma_cache, vma);
}

void vma_remove(struct vm_area_struct *vma)
{
	struct mm_struct *mm = vma->mm;
	struct vm_area_struct *next = vma_next(vma);

	ASSERT(mutex_held(&mm->lock));
	if (mm->cached == vma)
		mm->cached = NULL;
	account(vma, -pages_of(vma));
	mm->vma_count--;
	RB_REMOVE(vma_tree, &mm->vmas, vma);
	list_del(&vma->link);
	refresh_gap(next);
	if (vma->cache)
		__atomic_fetch_sub(&vma->cache->mapped, 1, __ATOMIC_RELAXED);
	vma_discard(vma);
}

struct vm_area_struct *vma_duplicate(struct mm_struct *mm, const struct vm_area_struct *vma)
{
	const u32 not_inherited = mm != vma->mm ? VM_LOCKED | VM_LOCKONFAULT : 0;

	if (mm != vma->mm && (vma->flags & VM_ACCOUNT) && commit_check((u64)pages_of(vma), 0))
		return NULL;
	struct vm_area_struct *copy =
		vma_new(mm, vma->start, vma->end, vma->flags & ~not_inherited);
	if (!copy)
		return NULL;
	copy->pgoff = vma->pgoff;
	copy->ops = vma->ops;
	copy->file = vma->file;
	copy->cache = vma->cache;
	if (copy->ops && copy->ops->open)
		copy->ops->open(copy);
	return copy;
}

void vma_resize(struct vm_area_struct *vma, u64 start, u64 end)
{
	struct vm_area_struct *next = vma_next(vma);

	account(vma, -pages_of(vma));
	if (vma->ops)
		vma->pgoff += (start - vma->start) >> PAGE_SHIFT;
	vma->start = start;
	vma->end = end;
	account(vma, pages_of(vma));
	refresh_gap(vma);
	refresh_gap(next);
}

void vma_set_flags(struct vm_area_struct *vma, u32 flags)
{
	account(vma, -pages_of(vma));
	vma->flags = flags;
	account(vma, pages_of(vma));
}

int vma_split(struct vm_area_struct *vma, u64 addr)
{
	if (vma->mm->vma_count >= VMA_COUNT_MAX)
		return -ENOMEM;
	struct vm_area_struct *upper = vma_duplicate(vma->mm, vma);
	if (!upper)
		return -ENOMEM;
	upper->start = addr;
	if (upper->ops)
		upper->pgoff += (addr - vma->start) >> PAGE_SHIFT;
	vma_resize(vma, vma->start, addr);
	vma_insert(upper);
	return 0;
}

int vma_isolate(struct vm_area_struct **vma, u64 start, u64 end)
{
	int error = 0;

	if ((*vma)->start < start) {
		error = vma_split(*vma, start);
		if (error)
			return error;
		*vma = vma_next(*vma);
	}
	if ((*vma)->end > end)
		error = vma_split(*vma, end);
	return error;
}

/* May b, which begins where a ends, be part of a? */
static bool alike(const struct vm_area_struct *a, const struct vm_area_struct *b)
{
	return a->end == b->start && a->flags == b->flags && a->ops == b->ops &&
	       a->file == b->file && a->cache == b->cache &&
	       (!a->ops || a->pgoff + (u64)pages_of(a) == b->pgoff);
}

static struct vm_area_struct *absorb(struct vm_area_struct *lower, struct vm_area_struct *upper)
{
	u64 end = upper->end;

	vma_remove(upper);
	vma_resize(lower, lower->start, end);
	return lower;
}

struct vm_area_struct *vma_merge(struct vm_area_struct *vma)
{
	struct vm_area_struct *prev = vma_prev(vma), *next = vma_next(vma);

	if (next && alike(vma, next))
		absorb(vma, next);
	if (prev && alike(prev, vma))
		vma = absorb(prev, vma);
	return vma;
}

/* The highest place for size bytes in a gap of vma's subtree that ends at or below limit; 0 if
 * none. */
static u64 find_below(const struct vm_area_struct *vma, u64 size, u64 limit)
{
	if (!vma || vma->gap_max < size)
		return 0;
	const struct vm_area_struct *prev = vma_prev((struct vm_area_struct *)vma);
	u64 gap_start = prev ? prev->end : 0;

	if (gap_start + size <= limit || vma->start < limit) {
		u64 found = find_below(vma->node.rbe_right, size, limit);

		if (found)
			return found;
	}
	u64 gap_end = min(gap_start + vma->gap_before, limit);
	if (vma->gap_before >= size && gap_end >= gap_start + size)
		return gap_end - size;
	return find_below(vma->node.rbe_left, size, limit);
}

/*
 * The tree knows the gaps before areas; what is free after the last one is looked at separately. At
 * most one path per level is cut by the limit, so the search stays logarithmic.
 */
u64 vma_find_gap(struct mm_struct *mm, u64 size)
{
	struct vm_area_struct *last =
		list_empty(&mm->vma_list)
			? NULL
			: list_entry(mm->vma_list.prev, struct vm_area_struct, link);
	u64 floor = last ? last->end : PAGE_SIZE;
	u64 place;

	if (mm->mmap_base >= floor && mm->mmap_base - floor >= size)
		return mm->mmap_base - size;
	place = find_below(mm->vmas.rbh_root, size, mm->mmap_base);
	if (!place)
		place = find_below(mm->vmas.rbh_root, size, USER_END);
	return place >= MMAP_MIN ? place : 0;
}

bool vma_range_free(struct mm_struct *mm, u64 start, u64 end)
{
	struct vm_area_struct *next = vma_find(mm, start);

	if (!next)
		return true;
	return end <= next->start &&
	       (!(next->flags & VM_GROWSDOWN) || next->start - end >= STACK_GUARD_GAP);
}

bool vma_range_unmapped(struct mm_struct *mm, u64 start, u64 end)
{
	struct vm_area_struct *next = vma_find(mm, start);

	return !next || end <= next->start;
}
