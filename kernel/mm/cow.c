/*
 * How fork divides memory, and how a write finds its own page again. This is the file to read.
 *
 * A reference to a page is an entry of a last-level table; a reference to a table is an entry of
 * the table above it, in whatever address space. On x86-64 a write needs W in the entry of every
 * level, so a cleared W protects all that lies below it. The invariant, at every level:
 *
 *   an entry may have W set only if what it points at has exactly one reference, the entry's own
 *   (and, for a page of a private area, is anonymous memory, no file's).
 *
 * So a write that another address space would see always faults first. Three ways to fork keep it:
 *
 *   eager       every page of a private area is copied at once, program text too (as xv6 does, and
 *               the first Unix).
 *   cow         the page tables are copied, the pages shared: both entries lose W, and the page
 *               gains a reference.
 *   cow-tables  the top-level table is copied, the tables below it shared: both entries lose W, and
 *               the table gains a reference. It takes the same few steps for 1 MiB and for 4 GiB
 *               (after On-demand-fork, EuroSys 2021, taken to every level).
 *
 * A write fault goes down from the top (pte_alloc): a table that has other references is copied,
 * which is cow's step for the 512 entries of that table alone (table_own); one that has no others
 * any more gets its W back. Then the page: cow_break() copies it, or gives W back to the last
 * sharer. Filling in a page that was not there changes a table, too, and makes it the address
 * space's own first; reading what is there never does. Kernel writes to user memory fault the same
 * way, because CR0.WP is set.
 *
 * Who may change a table: only an address space (holding its lock) on whose path from the top every
 * table has one reference; then nobody else can reach it. A table with more than one is never
 * changed, but that those who copy it clear W in it, which can only make a write fault. So two
 * address spaces that part from the same table at the same moment, on two processors, need no
 * common lock:
 *
 *   One stays one. A reference to a table (or a page) is taken by reading an entry that holds one,
 *   in a table above, which who reads it must reach. If every table above has one reference, the
 *   path's own, only the holder of that path's lock can.
 *   More may become one at any moment, since the others let go under their own locks. Who still
 *   saw two makes a copy that was not needed any more; his own reference kept the table alive and
 *   unchanged meanwhile, and dropping it as the last frees it. Who sees one also sees what the
 *   others have done to the table (each W they cleared): they drop theirs with release order after
 *   that, and it is looked at with acquire order.
 *   W in a shared table is cleared by one atomic step, because several may do so at once.
 *   No processor can write through a stale translation: fork flushes the parent's on all of them
 *   before it lets go of the parent's lock. From then on no path to the shared table has W, so that
 *   who copies it has nothing to flush for the others.
 *
 * Meanwhile other processors run threads of the parent and set A and D in its tables. Such a bit is
 * lost if it comes between a read and a write here. It would be no more than shown (smaps): nothing
 * is written out to a disk, so nothing is decided by it. W and P are never set by the hardware, and
 * it looks at both again in the same step in which it sets D (Intel SDM vol. 3, 4.8).
 *
 * What the child gets is the parent's memory at one moment, that of the flush: until then threads
 * that still can write do so for both, and those that cannot wait for the lock. For eager copies,
 * W is taken from the whole address space first, if there are other threads (stop_writers).
 *
 * Shared areas (MAP_SHARED) are the same pages on purpose; their entries are copied as they are.
 */
#include "mm/cow.h"
#include "lib/string.h"
#include "mm/tlb.h"
#include "sched/task.h"
#include "x86/printk.h"
#include <asm/errno.h>

static const char *const mode_names[] = {
	[FORK_EAGER] = "eager",
	[FORK_COW] = "cow",
	[FORK_COW_TABLES] = "cow-tables",
};

enum fork_mode fork_mode = FORK_COW_TABLES;

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
 * -ENOMEM. This is the loop that a large fork spends its time in: a function of its own, so that
 * the compiler keeps what it uses in registers.
 */
static int __noinline fork_table(struct mm_struct *child, pte_t *from,
				 const struct vm_area_struct *vma, u64 start, u64 end,
				 enum fork_mode mode)
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
	if (to) {
		table_mark(to, (end - start) >> PAGE_SHIFT);
		pages_count(child, to, anon, file);
	}
	return error;
}

/* Divides the pages of one area, table by table. 0 or -ENOMEM. */
static int fork_area(struct mm_struct *child, struct mm_struct *parent,
		     const struct vm_area_struct *vma, enum fork_mode mode)
{
	const u64 span = PAGE_SIZE * TABLE_ENTRIES;
	u64 start = vma->start;
	pte_t *from;

	while ((from = pte_next(parent, &start, vma->end))) {
		u64 end = min(align_down(start, span) + span, vma->end);

		if (mode == FORK_COW) /* its entries will change */
			from = pte_alloc(parent, start);
		int error = from ? fork_table(child, from, vma, start, end, mode) : -ENOMEM;
		if (error)
			return error;
		start = end;
		cond_resched(); /* copying a large process takes long */
	}
	return 0;
}

/* --- cow-tables --- */

/* Clears W in an entry of a table that others may be copying at the same time. */
static pte_t take_write(pte_t *entry)
{
	return __atomic_and_fetch(entry, ~PTE_W, __ATOMIC_RELAXED);
}

/* Lets parent and child use everything below one entry of the top-level table. */
static void share_tables(struct mm_struct *child, struct mm_struct *parent)
{
	struct frame *from = frame_of(parent->pml4), *to = frame_of(child->pml4);

	to->lines = from->lines;
	to->used = from->used;
	table_for_each(from, parent->pml4, i) {
		frame_get(frame_of_phys(parent->pml4[i] & PTE_ADDR));
		child->pml4[i] = take_write(&parent->pml4[i]);
	}
	child->table_frames = parent->table_frames;
	child->rss_anon = parent->rss_anon;
	child->rss_file = parent->rss_file;
	child->rss_peak = child->rss_anon + child->rss_file;
}

/* Fills the new table `to` with what the shared table `from` of that level (0: the last) points at,
 * which is then shared instead. */
static void copy_table(struct frame *to, struct frame *from, unsigned level)
{
	pte_t *source = frame_addr(from), *target = frame_addr(to);

	to->lines = from->lines;
	to->used = from->used;
	table_for_each(from, source, i) {
		struct frame *below = frame_of_phys(source[i] & PTE_ADDR);
		frame_get(below);
		target[i] =
			level > 0 || below->kind == FRAME_ANON ? take_write(&source[i]) : source[i];
	}
}

bool table_own(struct mm_struct *mm, pte_t *entry, unsigned level, u64 addr)
{
	struct frame *shared = frame_of_phys(*entry & PTE_ADDR);

	ASSERT(mutex_held(&mm->lock));
	if (__atomic_load_n(&shared->refs, __ATOMIC_ACQUIRE) == 1) {
		*entry |= PTE_W; /* a processor that has not heard of it faults and looks again */
		return true;
	}
	struct frame *own = frame_alloc_zeroed(FRAME_TABLE);
	if (!own)
		return false;
	copy_table(own, shared, level);
	*entry = frame_phys(own) | (*entry & ~PTE_ADDR) | PTE_W;
	tlb_flush_page(mm, addr); /* no walk goes through the old table when it is let go */
	table_put(shared, level);
	vm_count(&vm_counters.cow_table_copied);
	return true;
}

void table_put(struct frame *table, unsigned level)
{
	pte_t *entries = frame_addr(table);

	if (__atomic_fetch_sub(&table->refs, 1, __ATOMIC_ACQ_REL) != 1)
		return;
	table_for_each(table, entries, i) {
		struct frame *below = frame_of_phys(entries[i] & PTE_ADDR);
		entries[i] = 0; /* a table dies empty */
		if (level > 0)
			table_put(below, level - 1);
		else
			frame_put(below);
	}
	table->used = 0;
	frame_free(table);
	cond_resched();
}

/* --- fork --- */

/* Other threads that write from now on fault, and wait for the lock; the fault gives W back. */
static void stop_writers(struct mm_struct *mm)
{
	table_for_each(frame_of(mm->pml4), mm->pml4, i)
		take_write(&mm->pml4[i]);
	tlb_flush_mm(mm);
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
	child->membarrier = parent->membarrier;
	child->exe = parent->exe;
	if (child->exe)
		mm_exe_get(child->exe);
}

/* One area's pages. Shared tables have them all already, wanted or not. */
static int fork_pages(struct mm_struct *child, struct mm_struct *parent,
		      const struct vm_area_struct *vma, enum fork_mode mode)
{
	bool wanted = !(vma->flags & (VM_DONTFORK | VM_WIPEONFORK));

	if (mode == FORK_COW_TABLES)
		return wanted ? 0 : pages_drop(child, vma->start, vma->end);
	return wanted ? fork_area(child, parent, vma, mode) : 0;
}

static int fork_areas(struct mm_struct *child, struct mm_struct *parent, enum fork_mode mode)
{
	struct vm_area_struct *vma;

	list_for_each(vma, &parent->vma_list, link) {
		if (!(vma->flags & VM_DONTFORK)) {
			struct vm_area_struct *copy = vma_duplicate(child, vma);
			if (!copy)
				return -ENOMEM;
			vma_insert(copy);
		}
		int error = fork_pages(child, parent, vma, mode);
		if (error)
			return error;
	}
	return 0;
}

struct mm_struct *mm_fork(struct mm_struct *parent)
{
	/* read once: another task may change it meanwhile */
	enum fork_mode mode = *(volatile enum fork_mode *)&fork_mode;
	struct mm_struct *child = mm_new();

	if (!child)
		return NULL;
	mutex_lock(&parent->lock);
	mutex_lock_nested(&child->lock); /* nobody else knows of the child yet */
	copy_layout(child, parent);
	if (mode == FORK_COW_TABLES)
		share_tables(child, parent);
	else if (mode == FORK_EAGER && __atomic_load_n(&parent->users, __ATOMIC_RELAXED) > 1)
		stop_writers(parent);
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
		tlb_flush_page_here(vma->mm, addr);
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
