/*
 * Whole address spaces: made empty, kept alive by their users, taken apart when the last one goes.
 * All of them are on one list, so that truncation and the audit can visit them; mm_list_lock guards
 * the list, and an address space stays on it as long as anybody can find it.
 */
#include "mm/cow.h"
#include "lib/string.h"
#include "mm/commit.h"
#include "mm/kmap.h"
#include "mm/pagecache.h"
#include "mm/slab.h"
#include "mm/sysvshm.h"
#include "mm/tlb.h"
#include "sched/task.h"
#include "x86/printk.h"
#include <asm/errno.h>

static struct kmem_cache mm_cache;
static struct spinlock mm_list_lock = SPINLOCK_INIT("mm list"); /* guards mm_list */
static struct list_head mm_list = LIST_HEAD_INIT(mm_list);
static u32 mm_dying; /* not on the list any more, but not gone; mm_list_lock */
static struct wait_queue mm_gone = WAIT_QUEUE_INIT(mm_gone, "mm gone");

struct frame *zero_frame;
struct vm_counters vm_counters;
void (*mm_exe_get)(struct file *exe);
void (*mm_exe_put)(struct file *exe);

void mm_module_init(void)
{
	kmem_cache_init(&mm_cache, "mm_struct", sizeof(struct mm_struct), 8);
	vma_module_init();
	pagecache_module_init();
	sysvshm_init();
	commit_init();
	zero_frame = frame_alloc_zeroed(FRAME_ANON);
	ASSERT(zero_frame);
}

struct mm_struct *mm_new(void)
{
	struct mm_struct *mm = kmem_cache_zalloc(&mm_cache);
	struct frame *pml4 = mm ? frame_alloc_zeroed(FRAME_TABLE) : NULL;

	if (!pml4) {
		if (mm)
			kmem_cache_free(&mm_cache, mm);
		return NULL;
	}
	mm->pml4 = frame_addr(pml4);
	memcpy(mm->pml4 + TABLE_ENTRIES / 2, kernel_pml4 + TABLE_ENTRIES / 2, PAGE_SIZE / 2);
	mm->table_frames = 1;
	mm->users = 1;
	mutex_init(&mm->lock, "mm");
	RB_INIT(&mm->vmas);
	list_init(&mm->vma_list);
	spin_lock(&mm_list_lock);
	list_add_tail(&mm_list, &mm->link);
	spin_unlock(&mm_list_lock);
	return mm;
}

struct mm_struct *mm_get(struct mm_struct *mm)
{
	__atomic_fetch_add(&mm->users, 1, __ATOMIC_RELAXED);
	return mm;
}

static void mm_destroy(struct mm_struct *mm)
{
	struct frame *top = frame_of(mm->pml4);
	struct vm_area_struct *vma, *next;

	tlb_leave(mm);
	mutex_lock(&mm->lock); /* nobody contends; the functions below expect it */
	table_for_each(top, mm->pml4, i) {
		table_put(frame_of_phys(mm->pml4[i] & PTE_ADDR), 2);
		mm->pml4[i] = 0;
	}
	top->used = 0;
	list_for_each_safe(vma, next, &mm->vma_list, link)
		vma_remove(vma);
	mutex_unlock(&mm->lock);
	if (mm->exe)
		mm_exe_put(mm->exe);
	memset(mm->pml4 + TABLE_ENTRIES / 2, 0, PAGE_SIZE / 2); /* a table dies empty */
	frame_put(top);
	kmem_cache_free(&mm_cache, mm);
}

void mm_put(struct mm_struct *mm)
{
	/* The list lock makes dropping the last reference and leaving the list one step for
	 * mm_next. */
	spin_lock(&mm_list_lock);
	bool last = __atomic_sub_fetch(&mm->users, 1, __ATOMIC_ACQ_REL) == 0;
	if (last) {
		list_del(&mm->link);
		mm_dying++;
	}
	spin_unlock(&mm_list_lock);
	if (!last)
		return;
	mm_destroy(mm);
	spin_lock(&mm_list_lock);
	mm_dying--;
	spin_unlock(&mm_list_lock);
	wait_queue_wake(&mm_gone);
}

bool mm_is_settled(void)
{
	return __atomic_load_n(&mm_dying, __ATOMIC_ACQUIRE) == 0;
}

void mm_settle(void)
{
	wait_event(&mm_gone, mm_is_settled());
}

struct mm_struct *mm_next(struct mm_struct *mm)
{
	struct mm_struct *next;

	spin_lock(&mm_list_lock);
	struct list_head *link = mm ? mm->link.next : mm_list.next;
	next = link == &mm_list ? NULL : mm_get(list_entry(link, struct mm_struct, link));
	spin_unlock(&mm_list_lock);
	if (mm)
		mm_put(mm);
	return next;
}

void mm_activate(struct mm_struct *mm)
{
	irq_push();
	struct cpu *cpu = this_cpu();
	struct mm_struct *old = cpu->mm;
	if (old != mm) {
		/* tlb.c says why in this order */
		if (mm)
			__atomic_fetch_or(&mm->cpus, 1ull << cpu->id, __ATOMIC_SEQ_CST);
		write_cr3(virt_to_phys(mm ? mm->pml4 : kernel_pml4));
		cpu->mm = mm;
		if (old)
			__atomic_fetch_and(&old->cpus, ~(1ull << cpu->id), __ATOMIC_SEQ_CST);
	}
	irq_pop();
}

/* Takes the object's pages from first_page on out of one address space. 0 or -ENOMEM. */
static int unmap_object_from(struct mm_struct *mm, const struct page_cache *cache, u64 first_page)
{
	struct vm_area_struct *vma;
	int error = 0;

	list_for_each(vma, &mm->vma_list, link) {
		u64 pages = (vma->end - vma->start) >> PAGE_SHIFT;

		if (vma->cache != cache || vma->pgoff + pages <= first_page)
			continue;
		u64 skip = first_page > vma->pgoff ? first_page - vma->pgoff : 0;
		error = pages_drop(mm, vma->start + (skip << PAGE_SHIFT), vma->end);
		if (error)
			break;
	}
	return error;
}

int mm_unmap_object(struct page_cache *cache, u64 first_page)
{
	int error = 0;

	if (__atomic_load_n(&cache->mapped, __ATOMIC_ACQUIRE) == 0)
		return 0;
	for (struct mm_struct *mm = mm_next(NULL); mm; mm = mm_next(mm)) {
		mutex_lock(&mm->lock);
		int failed = unmap_object_from(mm, cache, first_page);
		mutex_unlock(&mm->lock);
		error = error ? error : failed;
	}
	return error;
}
