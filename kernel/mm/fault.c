/*
 * A page fault that the hardware reports becomes one of four things here: a missing page supplied
 * (zeroes, or a page of the mapped file), a shared page made private (cow.c), the stack grown, or a
 * refusal with its reason, from which the caller makes a signal or -EFAULT. The mm's lock is held
 * while it is decided and done.
 */
#include "mm/cow.h"
#include "mm/pagecache.h"
#include "mm/tlb.h"
#include "lib/string.h"
#include "sched/task.h"
#include "x86/printk.h"
#include <asm/errno.h>

/* Linux maps file pages around a read fault too, since programs read on; only those the cache
 * already has. */
#define FAULT_AROUND_PAGES 16

/*
 * Grows the stack area vma, which begins above addr, down to addr: within RLIMIT_STACK and what
 * mm_check_limits allows, and not closer to the area below than the guard gap, unless that is a
 * stack too or cannot be used at all.
 */
static enum fault_result grow_stack(struct vm_area_struct *vma, u64 addr)
{
	u64 start = align_down(addr, PAGE_SIZE);
	u64 pages = (vma->start - start) >> PAGE_SHIFT;
	struct vm_area_struct *below = vma_prev(vma);

	if (start < MMAP_MIN || vma->end - start > task_rlimit(RLIMIT_STACK))
		return FAULT_NO_AREA;
	if (mm_check_limits(vma->mm, pages, vma->flags))
		return FAULT_NO_AREA;
	if (below && (below->flags & VM_PROT) && !(below->flags & VM_GROWSDOWN) &&
	    start < below->end + STACK_GUARD_GAP)
		return FAULT_NO_AREA;
	if (below && start < below->end)
		return FAULT_NO_AREA;
	vma_resize(vma, start, vma->end);
	return FAULT_OK;
}

/* Finds the area of addr, growing a stack if that is what lies above, and checks the access against
 * it. */
static enum fault_result find_area(struct mm_struct *mm, u64 addr, unsigned access,
				   struct vm_area_struct **area)
{
	struct vm_area_struct *vma = vma_find(mm, addr);

	if (!vma)
		return FAULT_NO_AREA;
	if (addr < vma->start) {
		if (!(vma->flags & VM_GROWSDOWN) || grow_stack(vma, addr) != FAULT_OK)
			return FAULT_NO_AREA;
	}
	u32 needed = access & FAULT_WRITE ? VM_WRITE : access & FAULT_EXEC ? VM_EXEC : VM_READ;
	if (needed == VM_READ)
		/* x86 cannot make a page writable or executable and not readable */
		needed = VM_PROT;
	if (!(vma->flags & needed))
		return FAULT_NO_ACCESS;
	*area = vma;
	return FAULT_OK;
}

/* Anonymous memory: zeroes of its own for a writer, the shared zero page for a reader. */
static enum fault_result supply_zeroes(struct vm_area_struct *vma, pte_t *entry, bool write)
{
	pte_t bits = pte_bits(vma->flags);
	struct frame *frame;

	if (write) {
		frame = frame_alloc_zeroed(FRAME_ANON);
		if (!frame)
			return FAULT_NO_MEMORY;
		bits |= PTE_W | PTE_D;
		vm_count(&vm_counters.zero_filled);
	} else {
		frame = zero_frame;
		frame_get(frame);
	}
	pte_install(vma->mm, entry, frame, bits);
	return FAULT_OK;
}

static u64 object_page(const struct vm_area_struct *vma, u64 addr)
{
	return vma->pgoff + ((addr - vma->start) >> PAGE_SHIFT);
}

static enum fault_result refusal(const struct frame *error)
{
	return PTR_ERR(error) == -ENOMEM ? FAULT_NO_MEMORY : FAULT_BEYOND;
}

/* A private area's page of an object, about to be written: a copy of it. */
static enum fault_result supply_copy(struct vm_area_struct *vma, u64 addr, pte_t *entry)
{
	struct frame *page = vma->ops->get_page(vma, object_page(vma, addr));

	if (IS_ERR(page))
		return refusal(page);
	struct frame *copy = frame_alloc(FRAME_ANON);
	if (copy) {
		memcpy(frame_addr(copy), frame_addr(page), PAGE_SIZE);
		pte_install(vma->mm, entry, copy, pte_bits(vma->flags) | PTE_W | PTE_D);
		vm_count(&vm_counters.cow_page_copied);
	}
	frame_put(page);
	return copy ? FAULT_OK : FAULT_NO_MEMORY;
}

/* The object's page itself: read-only in a private area, with the area's permissions in a shared
 * one. */
static enum fault_result supply_page(struct vm_area_struct *vma, u64 addr, pte_t *entry)
{
	struct frame *page = vma->ops->get_page(vma, object_page(vma, addr));
	pte_t writable =
		(vma->flags & (VM_SHARED | VM_WRITE)) == (VM_SHARED | VM_WRITE) ? PTE_W | PTE_D : 0;

	if (IS_ERR(page))
		return refusal(page);
	pte_install(vma->mm, entry, page, pte_bits(vma->flags) | writable);
	return FAULT_OK;
}

/* After a read fault on a file: maps its neighbours in the same table that the page cache has
 * already. */
static void supply_around(struct vm_area_struct *vma, u64 addr, pte_t *entry)
{
	const u64 span = FAULT_AROUND_PAGES * PAGE_SIZE;
	u64 from = max(align_down(addr, span), vma->start);
	u64 to = min(align_down(addr, span) + span, vma->end);

	for (u64 at = from; at < to; at += PAGE_SIZE) {
		pte_t *neighbour = entry + ((s64)(at - addr) >> PAGE_SHIFT);

		if (pte_present(*neighbour) || !pagecache_has(vma->cache, object_page(vma, at)))
			continue;
		if (supply_page(vma, at, neighbour) != FAULT_OK)
			return;
	}
}

static enum fault_result supply(struct vm_area_struct *vma, u64 addr, unsigned access)
{
	bool write = access & FAULT_WRITE;
	pte_t *entry = pte_find(vma->mm, addr);

	if (entry && (*entry & PTE_P) && !write)
		return FAULT_OK; /* another thread was faster, or the TLB was stale */
	entry = pte_alloc(vma->mm, addr);
	if (!entry)
		return FAULT_NO_MEMORY;
	if (*entry & PTE_P) {
		if (*entry & PTE_W)
			return FAULT_OK; /* the same, or a table above lacked W */
		if (!(vma->flags & VM_SHARED))
			return cow_break(vma, addr, entry);
		*entry |= PTE_W | PTE_D; /* shared, write-protected for a while by mprotect */
		tlb_flush_page_here(vma->mm, addr);
		return FAULT_OK;
	}
	if (!vma->ops)
		return supply_zeroes(vma, entry, write);
	if (write && !(vma->flags & VM_SHARED))
		return supply_copy(vma, addr, entry);
	enum fault_result result = supply_page(vma, addr, entry);
	if (result == FAULT_OK && vma->file)
		supply_around(vma, align_down(addr, PAGE_SIZE), entry);
	return result;
}

static enum fault_result fault_locked(struct mm_struct *mm, u64 addr, unsigned access)
{
	struct vm_area_struct *vma;
	enum fault_result result = find_area(mm, addr, access, &vma);

	return result == FAULT_OK ? supply(vma, addr, access) : result;
}

enum fault_result mm_fault(struct mm_struct *mm, u64 addr, unsigned access)
{
	mutex_lock(&mm->lock);
	enum fault_result result = fault_locked(mm, addr, access);
	mutex_unlock(&mm->lock);
	vm_count(&vm_counters.pgfault);
	if (result == FAULT_OK)
		current->times.min_faults++;
	return result;
}

/* The frame at addr, faulted in, without a reference. ERR_PTR(-EFAULT, -ENOMEM). */
static struct frame *page_locked(struct mm_struct *mm, u64 addr, unsigned access)
{
	enum fault_result result = fault_locked(mm, addr, access);

	if (result == FAULT_OK)
		return frame_of_phys(*pte_find(mm, addr) & PTE_ADDR);
	return ERR_PTR(result == FAULT_NO_MEMORY ? -ENOMEM : -EFAULT);
}

struct frame *mm_page(struct mm_struct *mm, u64 addr, unsigned access)
{
	mutex_lock(&mm->lock);
	struct frame *frame = page_locked(mm, addr, access);
	if (!IS_ERR(frame))
		frame_get(frame);
	mutex_unlock(&mm->lock);
	return frame;
}

int mm_object_at(struct mm_struct *mm, u64 addr, unsigned access, u64 *object, u64 *index)
{
	mutex_lock(&mm->lock);
	const struct frame *frame = page_locked(mm, addr, access);
	if (!IS_ERR(frame)) {
		const struct vm_area_struct *vma = vma_find(mm, addr);
		bool is_objects = vma->cache && frame->kind == FRAME_CACHE;

		*object = is_objects ? vma->cache->id : 0;
		*index = is_objects ? object_page(vma, addr) : 0;
	}
	mutex_unlock(&mm->lock);
	return IS_ERR(frame) ? (int)PTR_ERR(frame) : 0;
}

/*
 * Moves bytes within the page at addr. The lock is held until it is done: only so long is the frame
 * this address space's page. Without it, a fork and a write by another thread could have made the
 * frame the child's before the bytes get there, and munmap and F_SEAL_WRITE nobody's to write to.
 */
static bool access_page(struct mm_struct *mm, u64 addr, u8 *buf, size_t size, unsigned access)
{
	mutex_lock(&mm->lock);
	struct frame *frame = page_locked(mm, addr, access);
	if (!IS_ERR(frame)) {
		u8 *at = (u8 *)frame_addr(frame) + (addr & ~PAGE_MASK);

		memcpy(access & FAULT_WRITE ? at : buf, access & FAULT_WRITE ? buf : at, size);
	}
	mutex_unlock(&mm->lock);
	return !IS_ERR(frame);
}

static size_t access_pages(struct mm_struct *mm, u64 addr, u8 *buf, size_t size, unsigned access)
{
	size_t done = 0;

	while (done < size && addr + done < USER_END) {
		u64 offset = (addr + done) & ~PAGE_MASK;
		size_t step = min(size - done, (size_t)(PAGE_SIZE - offset));

		if (!access_page(mm, addr + done, buf + done, step, access))
			break;
		done += step;
	}
	return done;
}

size_t mm_write(struct mm_struct *mm, u64 addr, const void *from, size_t size)
{
	return access_pages(mm, addr, (u8 *)from, size, FAULT_WRITE);
}

size_t mm_read(struct mm_struct *mm, u64 addr, void *to, size_t size)
{
	return access_pages(mm, addr, to, size, 0);
}
