/*
 * Page tables of user address spaces. Each table page is a frame whose `used` counts its present
 * entries; a table that becomes empty is freed at once, so an unmapped region leaves nothing
 * behind. All ranges are walked table by table, skipping what is absent. A table may be shared with
 * other address spaces (cow.c): whoever wants to change one makes it its own first. Frames taken
 * out of a table are put only after the TLB has forgotten them: they wait in a small batch. Callers
 * hold the mm's lock.
 */
#include "mm/cow.h"
#include "mm/tlb.h"
#include "sched/task.h"
#include "x86/printk.h"
#include <asm/errno.h>

#define BATCH_FRAMES 64

/* What one entry of a table at this level spans, in bytes. */
static u64 level_span(unsigned level)
{
	return PAGE_SIZE << 9 * level;
}

/* Where the next entry's range begins, but at most end. */
static u64 level_next(u64 addr, unsigned level, u64 end)
{
	u64 next = (addr | (level_span(level) - 1)) + 1;

	return min(next, end);
}

static pte_t *table_of(pte_t entry)
{
	return phys_to_virt(entry & PTE_ADDR);
}

pte_t *pte_find(struct mm_struct *mm, u64 addr)
{
	pte_t *table = mm->pml4;

	for (unsigned level = 3; level > 0; level--) {
		pte_t entry = table[table_index(addr, level)];

		if (!(entry & PTE_P))
			return NULL;
		table = table_of(entry);
	}
	return &table[table_index(addr, 0)];
}

pte_t *pte_next(struct mm_struct *mm, u64 *addr, u64 end)
{
	while (*addr < end) {
		pte_t *table = mm->pml4;
		unsigned level = 3;

		while (level > 0 && (table[table_index(*addr, level)] & PTE_P)) {
			table = table_of(table[table_index(*addr, level)]);
			level--;
		}
		if (level == 0)
			return &table[table_index(*addr, 0)];
		*addr = level_next(*addr, level, end);
	}
	return NULL;
}

pte_t *pte_alloc(struct mm_struct *mm, u64 addr)
{
	pte_t *table = mm->pml4;

	for (unsigned level = 3; level > 0; level--) {
		pte_t *entry = &table[table_index(addr, level)];

		if (!(*entry & PTE_P)) {
			struct frame *frame = frame_alloc_zeroed(FRAME_TABLE);

			if (!frame)
				/* tables made on the way are empty and freed with the mm */
				return NULL;
			*entry = frame_phys(frame) | PTE_P | PTE_W | PTE_U;
			table_mark(entry, 1);
			frame_of(table)->used++;
			mm->table_frames++;
		} else if (!(*entry & PTE_W) && !table_own(mm, entry, level - 1, addr)) {
			return NULL;
		}
		table = table_of(*entry);
	}
	return &table[table_index(addr, 0)];
}

pte_t pte_bits(u32 vm_flags)
{
	pte_t visible = vm_flags & VM_PROT ? PTE_P : PTE_HIDDEN;

	return visible | PTE_U | PTE_A | (vm_flags & VM_EXEC || !cpu_features.nx ? 0 : PTE_NX);
}

void pages_count(struct mm_struct *mm, const pte_t *table, s64 anon, s64 file)
{
	frame_of(table)->used += (u16)(anon + file);
	mm->rss_anon += (u64)anon;
	mm->rss_file += (u64)file;
	mm->rss_peak = max(mm->rss_peak, mm->rss_anon + mm->rss_file);
}

void pte_install(struct mm_struct *mm, pte_t *entry, struct frame *frame, pte_t bits)
{
	bool anon = frame->kind == FRAME_ANON;

	ASSERT(mutex_held(&mm->lock) && !pte_present(*entry));
	*entry = frame_phys(frame) | bits;
	table_mark(entry, 1);
	pages_count(mm, entry, anon, !anon);
}

/* Frames on their way out: one flush, and with it one message to other CPUs, is for all of them. */
struct unmap_batch {
	struct mm_struct *mm;
	u32 count;
	u64 start, end; /* to be flushed: what holds all their addresses */
	struct frame *frames[BATCH_FRAMES];
};

static void batch_flush(struct unmap_batch *batch)
{
	if (batch->count)
		tlb_flush_range(batch->mm, batch->start, batch->end);
	for (u32 i = 0; i < batch->count; i++)
		frame_put(batch->frames[i]);
	batch->count = 0;
}

static void batch_add(struct unmap_batch *batch, struct frame *frame)
{
	if (batch->count == BATCH_FRAMES)
		batch_flush(batch);
	batch->frames[batch->count++] = frame;
}

/* Takes every page of [start, end) out of the last-level table that covers it. */
static void unmap_pages(struct unmap_batch *batch, pte_t *table, u64 start, u64 end)
{
	pte_t *entry = &table[table_index(start, 0)];
	u32 anon = 0, pages = 0;

	for (u64 at = start; at < end; at += PAGE_SIZE, entry++) {
		if (!pte_present(*entry))
			continue;
		struct frame *frame = frame_of_phys(*entry & PTE_ADDR);
		pages++;
		anon += frame->kind == FRAME_ANON;
		*entry = 0;
		batch_add(batch, frame);
	}
	pages_count(batch->mm, table, -(s64)anon, (s64)anon - pages);
}

/* Takes what a table of that level and all below it hold out of the counts. */
static void uncount_tables(struct mm_struct *mm, const pte_t *table, unsigned level)
{
	mm->table_frames--;
	cond_resched();
	for (u32 i = 0; i < TABLE_ENTRIES; i++) {
		if (!pte_present(table[i]))
			continue;
		if (level > 0)
			uncount_tables(mm, table_of(table[i]), level - 1);
		else if (frame_of_phys(table[i] & PTE_ADDR)->kind == FRAME_ANON)
			mm->rss_anon--;
		else
			mm->rss_file--;
	}
}

/* Lets go of a shared table of that level, whose whole range is to be unmapped. */
static void unmap_shared(struct mm_struct *mm, pte_t *entry, unsigned level)
{
	struct frame *shared = frame_of_phys(*entry & PTE_ADDR);

	uncount_tables(mm, table_of(*entry), level);
	*entry = 0;
	frame_of(entry)->used--;
	tlb_flush_mm(mm);
	table_put(shared, level);
}

/* A table that other address spaces use, too. Once it is not, it never is again while the lock is
 * held, and what they did to it is seen (cow.c). */
static bool is_shared(pte_t entry)
{
	return !(entry & PTE_W) &&
	       __atomic_load_n(&frame_of_phys(entry & PTE_ADDR)->refs, __ATOMIC_ACQUIRE) > 1;
}

/* The same for a table of a higher level, with the tables below it that become empty. */
static void unmap_tables(struct unmap_batch *batch, pte_t *table, unsigned level, u64 start,
			 u64 end)
{
	for (u64 at = start, next; at < end; at = next) {
		pte_t *entry = &table[table_index(at, level)];

		next = level_next(at, level, end);
		if (!pte_present(*entry))
			continue;
		if (is_shared(*entry)) {
			ASSERT(next - at == level_span(level)); /* pages_drop saw to that */
			unmap_shared(batch->mm, entry, level - 1);
			continue;
		}
		if (level > 1)
			unmap_tables(batch, table_of(*entry), level - 1, at, next);
		else
			unmap_pages(batch, table_of(*entry), at, next);
		cond_resched();
		struct frame *frame = frame_of_phys(*entry & PTE_ADDR);
		if (frame->used > 0)
			continue;
		batch->mm->table_frames--;
		*entry = 0;
		frame_of(table)->used--;
		batch_add(batch, frame);
	}
}

static void pages_unmap(struct mm_struct *mm, u64 start, u64 end)
{
	struct unmap_batch batch;

	batch.mm = mm;
	batch.count = 0;
	batch.start = start;
	batch.end = end;
	unmap_tables(&batch, mm->pml4, 3, start, end);
	batch_flush(&batch);
}

/*
 * Makes the tables on the way to addr this address space's own, from the top down to one whose
 * range lies within [start, end) as a whole. 0 or -ENOMEM.
 */
static int own_edge(struct mm_struct *mm, u64 addr, u64 start, u64 end)
{
	pte_t *table = mm->pml4;

	for (unsigned level = 3; level > 0; level--) {
		pte_t *entry = &table[table_index(addr, level)];
		u64 base = align_down(addr, level_span(level));

		if (!(*entry & PTE_P) || (base >= start && base + level_span(level) <= end))
			return 0;
		if (!(*entry & PTE_W) && !table_own(mm, entry, level - 1, addr))
			return -ENOMEM;
		table = table_of(*entry);
	}
	return 0;
}

int pages_drop(struct mm_struct *mm, u64 start, u64 end)
{
	int error = own_edge(mm, start, start, end);

	if (!error)
		error = own_edge(mm, end - 1, start, end);
	if (!error)
		pages_unmap(mm, start, end);
	return error;
}

/* Makes every table of [start, end) that there is this address space's own. 0 or -ENOMEM. */
static int own_tables(struct mm_struct *mm, pte_t *table, unsigned level, u64 start, u64 end)
{
	int error = 0;

	for (u64 at = start, next; at < end && !error; at = next) {
		pte_t *entry = &table[table_index(at, level)];

		next = level_next(at, level, end);
		if (!(*entry & PTE_P))
			continue;
		if (!(*entry & PTE_W) && !table_own(mm, entry, level - 1, at))
			error = -ENOMEM;
		else if (level > 1)
			error = own_tables(mm, table_of(*entry), level - 1, at, next);
	}
	return error;
}

int pages_protect_prepare(struct mm_struct *mm, u64 start, u64 end)
{
	return own_tables(mm, mm->pml4, 3, start, end);
}

/*
 * Takes away what the area's new protection forbids. What it newly allows, the next fault gives: W
 * needs a look at who shares the page, and NX is cleared here since it only ever allows more.
 */
static void protect_range(struct mm_struct *mm, pte_t *table, unsigned level, u64 start, u64 end,
			  u32 vm_flags)
{
	for (u64 at = start, next; at < end; at = next) {
		pte_t *entry = &table[table_index(at, level)], old = *entry;

		next = level_next(at, level, end);
		if (!pte_present(old))
			continue;
		if (level > 0) {
			protect_range(mm, table_of(old), level - 1, at, next, vm_flags);
			continue;
		}
		pte_t keep = PTE_ADDR | PTE_D | (vm_flags & VM_WRITE ? PTE_W : 0);
		*entry = (old & keep) | pte_bits(vm_flags);
	}
}

void pages_protect(struct mm_struct *mm, u64 start, u64 end, u32 vm_flags)
{
	protect_range(mm, mm->pml4, 3, start, end, vm_flags);
	tlb_flush_mm(mm);
}

/* Calls step for each page that is there in [from, from + size); 0, or its first error. */
static int for_each_present(struct mm_struct *mm, u64 from, u64 size, u64 to,
			    int (*step)(struct mm_struct *mm, pte_t *source, u64 to))
{
	const u64 end = from + size;
	int error = 0;

	for (u64 at = from; at < end && !error;) {
		pte_t *source = pte_next(mm, &at, end);
		u64 next = source ? level_next(at, 1, end) : end;

		for (; source && at < next && !error; at += PAGE_SIZE, source++)
			if (pte_present(*source))
				error = step(mm, source, to + (at - from));
	}
	return error;
}

static int prepare_target(struct mm_struct *mm, pte_t *source, u64 to)
{
	(void)source;
	return pte_alloc(mm, to) ? 0 : -ENOMEM;
}

static int move_entry(struct mm_struct *mm, pte_t *source, u64 to)
{
	pte_t *target = pte_find(mm, to);

	*target = *source;
	table_mark(target, 1);
	frame_of(target)->used++;
	*source = 0;
	frame_of(source)->used--;
	return 0;
}

int pages_move(struct mm_struct *mm, u64 from, u64 to, u64 size)
{
	/* First every table, so that the moving itself cannot fail. */
	int error = own_tables(mm, mm->pml4, 3, from, from + size);

	if (!error)
		error = for_each_present(mm, from, size, to, prepare_target);
	if (error) {
		/* Nothing but empty tables is there; but at its ends they may still be shared, and
		 * if there is no memory to change that, the empty ones stay for a while. */
		pages_drop(mm, to, to + size);
		return error;
	}
	for_each_present(mm, from, size, to, move_entry);
	tlb_flush_mm(mm);
	pages_unmap(mm, from, from + size); /* nothing but empty tables is left there */
	return 0;
}

static void visit_table(pte_t *table, unsigned level, u64 base, pte_t above,
			const struct table_visitor *visitor)
{
	/* the upper half is the kernel's */
	u32 count = level == 3 ? TABLE_ENTRIES / 2 : TABLE_ENTRIES;

	visitor->table(frame_of(table), level, base, above, visitor->arg);
	if (level == 0 && !visitor->page)
		return;
	for (u32 i = 0; i < count; i++) {
		u64 addr = base + i * level_span(level);

		if (!pte_present(table[i]))
			continue;
		if (level > 0)
			visit_table(table_of(table[i]), level - 1, addr, table[i], visitor);
		else
			visitor->page(addr, table[i], 0, visitor->arg);
	}
}

void tables_visit(struct mm_struct *mm, const struct table_visitor *visitor)
{
	visit_table(mm->pml4, 3, 0, PTE_W, visitor);
}

static void visit_range(const pte_t *table, unsigned level, u64 others, u64 start, u64 end,
			const struct table_visitor *visitor)
{
	for (u64 at = start, next; at < end; at = next) {
		pte_t entry = table[table_index(at, level)];

		next = level_next(at, level, end);
		if (!pte_present(entry))
			continue;
		if (level > 0)
			visit_range(table_of(entry), level - 1,
				    others + frame_of_phys(entry & PTE_ADDR)->refs - 1, at, next,
				    visitor);
		else
			visitor->page(at, entry, others, visitor->arg);
	}
}

void pages_visit(struct mm_struct *mm, u64 start, u64 end, const struct table_visitor *visitor)
{
	visit_range(mm->pml4, 3, 0, start, end, visitor);
}
