/*
 * /proc/PID/pagetables, a file of mitos's own: the tree of a process's page tables, a line for each
 * table in order of address, indented by level:
 *
 *   PDPT 7f8000000000-7fffffffffff frame 0x7d31 refs 2 shared used 1 -
 *
 * level, addresses covered, frame number, references, `shared` if another address space can reach
 * it too (it or a table above it has a second reference) or `private`, entries in use, and W or -
 * as the entry that leads to it has it: what lies below - cannot be written to without a fault.
 * Which table parent and child have in common is seen by comparing frames (user/demo/cowmap.c). The
 * line of a last-level table goes on with its pages: how many entries have W, how many have not,
 * how many lead to a frame with other references, and how many to a file's page or that of zeroes.
 *
 * There are as many lines as VmPTE in /proc/PID/status has pages; but a text ends at TEXT_MAX, and
 * its last line then says how many tables are not shown. Read under the mm's lock, which
 * holds the tree still: a shared table changes for nobody, but that W may be cleared in it.
 */
#include "mm/mm.h"
#include "procfs/text.h"
#include "sched/task.h"

/* bytes: the tables of 16 GiB; a line and the last one still fit into 1 MiB */
#define TEXT_MAX ((1u << 20) - 256)

typedef unsigned long long ull;

struct tree {
	struct text *text;
	bool shared[4]; /* by level: of the table visited last */
	u64 hidden;	/* tables that are not shown */
};

/* The entries of a last-level table by kind. */
struct page_counts {
	u32 writable, read_only, shared, file;
};

static struct page_counts count_pages(struct frame *table)
{
	struct page_counts counts = { 0 };
	const pte_t *entries = frame_addr(table);

	table_for_each(table, entries, i) {
		const struct frame *page = frame_of_phys(entries[i] & PTE_ADDR);

		if (entries[i] & PTE_W)
			counts.writable++;
		else
			counts.read_only++;
		counts.shared += page->refs > 1;
		counts.file += page->kind != FRAME_ANON;
	}
	return counts;
}

static void print_table(struct frame *table, unsigned level, u64 base, pte_t above, void *arg)
{
	static const char *const names[] = { "PT", "PD", "PDPT", "PML4" };
	struct tree *tree = arg;
	struct text *text = tree->text;
	/* the top-level table's upper half is the kernel's */
	u64 last = base + (PAGE_SIZE << 9 * (level + 1)) / (level == 3 ? 2 : 1) - 1;

	cond_resched();
	tree->shared[level] = table->refs > 1 || (level < 3 && tree->shared[level + 1]);
	if (text->size >= TEXT_MAX) {
		tree->hidden++;
		return;
	}
	text_print(text, "%*s%s %012llx-%012llx frame %#llx refs %u %s used %u %c",
		   2 * (3 - (int)level), "", names[level], (ull)base, (ull)last,
		   (ull)frame_pfn(table), table->refs, tree->shared[level] ? "shared" : "private",
		   table->used, above & PTE_W ? 'W' : '-');
	if (level == 0) {
		struct page_counts counts = count_pages(table);

		text_print(text, " writable %u read-only %u shared %u file %u", counts.writable,
			   counts.read_only, counts.shared, counts.file);
	}
	text_print(text, "\n");
}

void task_show_pagetables(struct text *text, struct task_struct *task)
{
	struct mm_struct *mm = task_mm_get(task);
	struct tree tree = { .text = text };
	struct table_visitor visitor = { print_table, NULL, &tree };

	if (!mm)
		return;
	mutex_lock(&mm->lock);
	tables_visit(mm, &visitor);
	mutex_unlock(&mm->lock);
	if (tree.hidden)
		text_print(text, "and %llu more\n", (ull)tree.hidden);
	mm_put(mm);
}
