/*
 * Who uses which memory, and with whom: /proc/PID/smaps counts the resident pages of each area,
 * smaps_rollup those of all. The page tables are walked under the address space's lock; how many
 * share a page is one look at its frame, and one at each table on the way to it. Format: proc(5),
 * Linux 6.1's fs/proc/task_mmu.c.
 */
#include "lib/string.h"
#include "mm/mm.h"
#include "mm/slab.h"
#include "procfs/text.h"

#define PSS_SHIFT 12 /* fixed point: a share of a page is kept exact */

typedef unsigned long long ull;

/* Bytes; the pss_* are << PSS_SHIFT. */
struct page_sums {
	u64 rss, pss, pss_dirty, pss_anon, pss_file, pss_shmem;
	u64 shared_clean, shared_dirty, private_clean, private_dirty;
	u64 referenced, anonymous;
	bool is_file; /* of the area being walked: its object is a file */
};

static void count_page(u64 addr, pte_t entry, u64 others, void *arg)
{
	struct page_sums *sums = arg;
	const struct frame *frame = frame_of_phys(entry & PTE_ADDR);
	u64 mappings = max(frame_references(frame), (u64)1) + others;
	u64 share = (PAGE_SIZE << PSS_SHIFT) / mappings;
	/* anonymous memory was written, by whom ever: it cannot be had again */
	bool dirty = (entry & PTE_D) || (frame->kind == FRAME_ANON && frame != zero_frame);

	(void)addr;
	sums->rss += PAGE_SIZE;
	sums->pss += share;
	sums->pss_dirty += dirty ? share : 0;
	sums->referenced += entry & PTE_A ? PAGE_SIZE : 0;
	if (mappings > 1)
		*(dirty ? &sums->shared_dirty : &sums->shared_clean) += PAGE_SIZE;
	else
		*(dirty ? &sums->private_dirty : &sums->private_clean) += PAGE_SIZE;
	if (frame->kind == FRAME_ANON) {
		sums->anonymous += PAGE_SIZE;
		sums->pss_anon += share;
	} else {
		*(sums->is_file ? &sums->pss_file : &sums->pss_shmem) += share;
	}
}

/* Adds the pages of one area. */
static void count_area(struct page_sums *sums, const struct vm_area_struct *vma)
{
	struct table_visitor visitor = { NULL, count_page, sums };

	sums->is_file = vma->file;
	pages_visit(vma->mm, vma->start, vma->end, &visitor);
}

static void print_kib(struct text *text, const char *name, u64 bytes)
{
	text_print(text, "%-16s%8llu kB\n", name, (ull)(bytes >> 10));
}

static void print_sums(struct text *text, const struct page_sums *sums, bool rollup)
{
	static const char *const none[] = { "LazyFree:",      "AnonHugePages:",	 "ShmemPmdMapped:",
					    "FilePmdMapped:", "Shared_Hugetlb:", "Private_Hugetlb:",
					    "Swap:",	      "SwapPss:",	 "Locked:" };

	print_kib(text, "Rss:", sums->rss);
	print_kib(text, "Pss:", sums->pss >> PSS_SHIFT);
	print_kib(text, "Pss_Dirty:", sums->pss_dirty >> PSS_SHIFT);
	if (rollup) {
		print_kib(text, "Pss_Anon:", sums->pss_anon >> PSS_SHIFT);
		print_kib(text, "Pss_File:", sums->pss_file >> PSS_SHIFT);
		print_kib(text, "Pss_Shmem:", sums->pss_shmem >> PSS_SHIFT);
	}
	print_kib(text, "Shared_Clean:", sums->shared_clean);
	print_kib(text, "Shared_Dirty:", sums->shared_dirty);
	print_kib(text, "Private_Clean:", sums->private_clean);
	print_kib(text, "Private_Dirty:", sums->private_dirty);
	print_kib(text, "Referenced:", sums->referenced);
	print_kib(text, "Anonymous:", sums->anonymous);
	for (u32 i = 0; i < ARRAY_SIZE(none); i++)
		print_kib(text, none[i], 0);
}

/* In Linux's two letters; an area may always be made readable and executable. */
static void print_flags(struct text *text, u32 flags)
{
	static const struct {
		u32 flag;
		const char *letters;
	} names[] = {
		{ VM_READ, "rd" },
		{ VM_WRITE, "wr" },
		{ VM_EXEC, "ex" },
		{ VM_SHARED, "sh" },
		{ 0, "mr" },
		{ VM_MAYWRITE, "mw" },
		{ 0, "me" },
		{ VM_SHARED, "ms" },
		{ VM_GROWSDOWN, "gd" },
		{ VM_DONTFORK, "dc" },
		{ VM_NORESERVE, "nr" },
		{ VM_WIPEONFORK, "wf" },
	};

	if (!(flags & VM_SHARED))
		flags |= VM_MAYWRITE; /* its writes reach no object */
	text_print(text, "VmFlags: ");
	for (u32 i = 0; i < ARRAY_SIZE(names); i++)
		if (!names[i].flag || (flags & names[i].flag))
			text_print(text, "%s ", names[i].letters);
	text_print(text, "\n");
}

static void print_smap(struct text *text, const struct vm_area_struct *vma, char *path)
{
	struct page_sums sums = { 0 };

	task_print_area(text, vma, path, PAGE_SIZE);
	count_area(&sums, vma);
	print_kib(text, "Size:", vma->end - vma->start);
	print_kib(text, "KernelPageSize:", PAGE_SIZE);
	print_kib(text, "MMUPageSize:", PAGE_SIZE);
	print_sums(text, &sums, false);
	text_print(text, "THPeligible:    0\n");
	print_flags(text, vma->flags);
}

void task_show_smaps(struct text *text, struct task_struct *task)
{
	struct mm_struct *mm = task_mm_get(task);
	char *path = kmalloc(PAGE_SIZE);
	struct vm_area_struct *vma;

	if (mm && path) {
		mutex_lock(&mm->lock);
		list_for_each(vma, &mm->vma_list, link)
			print_smap(text, vma, path);
		mutex_unlock(&mm->lock);
	}
	text->failed = text->failed || !path;
	kfree(path);
	if (mm)
		mm_put(mm);
}

void task_show_smaps_rollup(struct text *text, struct task_struct *task)
{
	struct mm_struct *mm = task_mm_get(task);
	struct page_sums sums = { 0 };
	struct vm_area_struct *vma;
	u64 start = 0, end = 0;

	if (!mm)
		return;
	mutex_lock(&mm->lock);
	list_for_each(vma, &mm->vma_list, link) {
		start = end ? start : vma->start;
		end = vma->end;
		count_area(&sums, vma);
	}
	mutex_unlock(&mm->lock);
	mm_put(mm);
	size_t before = text->size;
	text_print(text, "%08llx-%08llx ---p 00000000 00:00 0 ", (ull)start, (ull)end);
	text_print(text, "%*s[rollup]\n", max(0, 73 - (int)(text->size - before)), "");
	print_sums(text, &sums, true);
}
