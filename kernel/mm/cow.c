/*
 * How fork divides memory, and how a write finds its own page again. This is the file to read.
 *
 * The invariant: a page-table entry of a private area may have W set only if its frame is anonymous
 * and has exactly one reference, the entry's own. So a write that would be seen by another address
 * space always faults first. The two ways to fork keep it:
 *
 *   eager  every page of a private area is copied at once, program text too (as xv6 does, and the
 *          first Unix).
 *   cow    the page tables are copied, the pages shared: both entries lose W, and the frame gains a
 *          reference.
 *
 * Shared areas (MAP_SHARED) are the same pages on purpose; their entries are copied as they are.
 * The first write to a shared page comes here through fault.c: cow_break() copies the page, or,
 * when no other reference is left, just gives W back. Kernel writes to user memory fault the same
 * way, because CR0.WP is set.
 *
 * The parent's mm lock is held throughout, so its tables stand still; the child's is held too,
 * though nobody else knows the child yet.
 */
#include "mm/cow.h"
#include "lib/string.h"
#include "mm/tlb.h"
#include "sched/task.h"
#include "x86/printk.h"
#include <asm/errno.h>

static const char *const mode_names[] = { [FORK_EAGER] = "eager", [FORK_COW] = "cow" };

enum fork_mode fork_mode = FORK_COW;

const char *fork_mode_name(enum fork_mode mode)
{
	return mode_names[mode];
}

bool fork_mode_parse(const char *name, enum fork_mode *mode)
{
	for (u32 i = 0; i < ARRAY_SIZE(mode_names); i++) {
		if (strcmp(name, mode_names[i]) == 0) {
			*mode = i;
			return true;
		}
	}
	return false;
}

/* Gives the child a copy of one page. The copy, or NULL without memory. */
static struct frame *copy_page(pte_t *child_entry, const struct vm_area_struct *vma, pte_t parent)
{
	struct frame *from = frame_of_phys(parent & PTE_ADDR);
	struct frame *copy = frame_alloc(FRAME_ANON);

	if (!copy)
		return NULL;
	memcpy(frame_addr(copy), frame_addr(from), PAGE_SIZE);
	*child_entry =
		frame_phys(copy) | pte_bits(vma->flags) | (vma->flags & VM_WRITE ? PTE_W : 0);
	return copy;
}

/* Lets parent and child use one page: both may read it, neither may write before it asks. */
static struct frame *share_page(pte_t *child_entry, pte_t *parent_entry)
{
	struct frame *frame = frame_of_phys(*parent_entry & PTE_ADDR);

	*parent_entry &= ~PTE_W;
	frame_get(frame);
	*child_entry = *parent_entry;
	return frame;
}

/* Lets the child map what the parent maps, W included: the area is shared on purpose. */
static struct frame *alias_page(pte_t *child_entry, pte_t parent)
{
	struct frame *frame = frame_of_phys(parent & PTE_ADDR);

	frame_get(frame);
	*child_entry = parent;
	return frame;
}

/* Divides one page. The frame that the child's entry now holds, or NULL without memory. */
static struct frame *fork_page(pte_t *child_entry, const struct vm_area_struct *vma,
			       pte_t *parent_entry, enum fork_mode mode)
{
	if (vma->flags & VM_SHARED)
		return alias_page(child_entry, *parent_entry);
	if (mode == FORK_EAGER)
		return copy_page(child_entry, vma, *parent_entry);
	return share_page(child_entry, parent_entry);
}

/*
 * Divides the pages of [start, end), which one last-level table (2 MiB) covers. from is the
 * parent's entry for start; the child gets a table only if there is a page to put in it. 0 or
 * -ENOMEM.
 */
static int fork_table(struct mm_struct *child, pte_t *from, const struct vm_area_struct *vma,
		      u64 start, u64 end, enum fork_mode mode)
{
	pte_t *to = NULL; /* the child's entry for start */
	u32 anon = 0, file = 0;
	int error = 0;

	for (u64 i = 0; i < (end - start) >> PAGE_SHIFT; i++) {
		if (!pte_present(from[i]))
			continue;
		if (!to)
			to = pte_alloc(child, start);
		struct frame *frame = to ? fork_page(&to[i], vma, &from[i], mode) : NULL;
		if (!frame) {
			error = -ENOMEM;
			break;
		}
		if (frame->kind == FRAME_ANON)
			anon++;
		else
			file++;
	}
	if (to)
		pages_count(child, to, anon, file);
	return error;
}

/* Divides the pages of one area, table by table. 0 or -ENOMEM. */
static int fork_area(struct mm_struct *child, struct mm_struct *parent,
		     const struct vm_area_struct *vma, enum fork_mode mode)
{
	const u64 span = PAGE_SIZE * TABLE_ENTRIES;

	for (u64 start = vma->start, end; start < vma->end; start = end) {
		end = min(align_down(start, span) + span, vma->end);
		pte_t *from = pte_find(parent, start);
		int error = from ? fork_table(child, from, vma, start, end, mode) : 0;
		if (error)
			return error;
	}
	return 0;
}

/* What of the parent's bookkeeping the child inherits. */
static void copy_layout(struct mm_struct *child, const struct mm_struct *parent)
{
	child->mmap_base = parent->mmap_base;
	child->brk_start = parent->brk_start;
	child->brk = parent->brk;
	child->code_start = parent->code_start;
	child->code_end = parent->code_end;
	child->data_start = parent->data_start;
	child->data_end = parent->data_end;
	child->stack_start = parent->stack_start;
	child->arg_start = parent->arg_start;
	child->arg_end = parent->arg_end;
	child->env_start = parent->env_start;
	child->env_end = parent->env_end;
	memcpy(child->auxv, parent->auxv, sizeof(child->auxv));
	child->dumpable = parent->dumpable;
	child->exe = parent->exe;
	if (child->exe)
		mm_exe_get(child->exe);
}

static int fork_areas(struct mm_struct *child, struct mm_struct *parent, enum fork_mode mode)
{
	struct vm_area_struct *vma;

	list_for_each(vma, &parent->vma_list, link) {
		if (vma->flags & VM_DONTFORK)
			continue;
		struct vm_area_struct *copy = vma_duplicate(child, vma);
		if (!copy)
			return -ENOMEM;
		vma_insert(copy);
		if (vma->flags & VM_WIPEONFORK)
			continue;
		int error = fork_area(child, parent, vma, mode);
		if (error)
			return error;
	}
	return 0;
}

struct mm_struct *mm_fork(struct mm_struct *parent)
{
	enum fork_mode mode = fork_mode; /* read once: another task may change it meanwhile */
	struct mm_struct *child = mm_new();

	if (!child)
		return NULL;
	mutex_lock(&parent->lock);
	mutex_lock(&child->lock);
	copy_layout(child, parent);
	int error = fork_areas(child, parent, mode);
	tlb_flush_mm(parent); /* its entries lost W, even where the fork then failed */
	mutex_unlock(&child->lock);
	mutex_unlock(&parent->lock);
	if (error) {
		mm_put(child);
		return NULL;
	}
	return child;
}

enum fault_result cow_break(struct vm_area_struct *vma, u64 addr, pte_t *entry)
{
	struct frame *old = frame_of_phys(*entry & PTE_ADDR);

	ASSERT(mutex_held(&vma->mm->lock));
	if (old->kind == FRAME_ANON && __atomic_load_n(&old->refs, __ATOMIC_ACQUIRE) == 1) {
		/* the last sharer: nobody else can gain a reference but through this entry */
		*entry |= PTE_W | PTE_D;
		tlb_flush_page(vma->mm, addr);
		vm_count(&vm_counters.cow_page_reused);
		return FAULT_OK;
	}
	struct frame *copy =
		old == zero_frame ? frame_alloc_zeroed(FRAME_ANON) : frame_alloc(FRAME_ANON);
	if (!copy)
		return FAULT_NO_MEMORY;
	if (old != zero_frame) {
		memcpy(frame_addr(copy), frame_addr(old), PAGE_SIZE);
		vm_count(&vm_counters.cow_page_copied);
	}
	if (old->kind != FRAME_ANON) {
		vma->mm->rss_file--;
		vma->mm->rss_anon++;
	}
	*entry = frame_phys(copy) | pte_bits(vma->flags) | PTE_W | PTE_D;
	tlb_flush_page(vma->mm, addr);
	frame_put(old);
	return FAULT_OK;
}
