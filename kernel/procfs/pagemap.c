/*
 * Page by page: /proc/PID/pagemap says of each page of an address space whether it is there and in
 * which frame; /proc/kpagecount how many map a frame, and /proc/kpageflags what it is. Each is an
 * array of 64-bit words, read at the offset of the page wanted. Where things lie in memory is the
 * privileged's to know. Format: Documentation/admin-guide/mm/pagemap.rst.
 */
#include "fs/file.h"
#include "lib/string.h"
#include "mm/mm.h"
#include "procfs/text.h"
#include "sched/task.h"
#include <asm/errno.h>
#include <linux/capability.h>
#include <linux/kernel-page-flags.h>

#define WORD 8u	       /* bytes for a page */
#define CHUNK_PAGES 64 /* so many are looked at in one hold of the lock */

/* The words of pagemap; below PM_PFN_BITS is the frame's number. */
#define PM_PFN_BITS 55
#define PM_MMAP_EXCLUSIVE (1ull << 56)
#define PM_FILE (1ull << 61)
#define PM_PRESENT (1ull << 63)

/* What a walk fills: the words of the pages from `start` on. */
struct chunk {
	u64 start; /* bytes */
	bool with_pfn;
	u64 words[CHUNK_PAGES];
};

/*
 * The references to a frame of user memory but for the holders that are no mapping: a file's page
 * cache, and the kernel's own hold on the page of zeroes.
 */
u64 frame_references(const struct frame *frame)
{
	u64 refs = __atomic_load_n(&frame->refs, __ATOMIC_RELAXED);

	if (frame->kind == FRAME_ANON)
		return refs - (frame == zero_frame);
	return frame->kind == FRAME_CACHE ? refs - (frame->owner != NULL) : 0;
}

static void note_page(u64 addr, pte_t entry, u64 others, void *arg)
{
	struct chunk *chunk = arg;
	const struct frame *frame = frame_of_phys(entry & PTE_ADDR);
	u64 word = PM_PRESENT;

	if (frame->kind != FRAME_ANON)
		word |= PM_FILE;
	if (frame_references(frame) + others == 1)
		word |= PM_MMAP_EXCLUSIVE;
	if (chunk->with_pfn)
		word |= frame_pfn(frame) & ((1ull << PM_PFN_BITS) - 1);
	chunk->words[(addr - chunk->start) >> PAGE_SHIFT] = word;
}

/* Pages [page, page + count) of the address space, into the chunk. */
static void fill_chunk(struct mm_struct *mm, struct chunk *chunk, u64 page, u64 count)
{
	struct table_visitor visitor = { NULL, note_page, chunk };

	memset(chunk->words, 0, sizeof(chunk->words));
	chunk->start = page << PAGE_SHIFT;
	mutex_lock(&mm->lock);
	pages_visit(mm, chunk->start, (page + count) << PAGE_SHIFT, &visitor);
	mutex_unlock(&mm->lock);
}

/* How many pages a read at pos asks for, of `pages` that there are; -EINVAL: not whole words. */
static s64 pages_wanted(const struct uio *uio, s64 pos, u64 pages)
{
	u64 page = (u64)pos / WORD;

	if (((u64)pos | uio->left) % WORD)
		return -EINVAL;
	return page < pages ? (s64)min(uio->left / WORD, pages - page) : 0;
}

ssize_t task_read_pagemap(struct task_struct *task, struct uio *uio, s64 *pos)
{
	s64 left = pages_wanted(uio, *pos, USER_END >> PAGE_SHIFT), done = 0;
	struct mm_struct *mm = left > 0 ? task_mm_get(task) : NULL;
	struct chunk chunk = { .with_pfn = capable(CAP_SYS_ADMIN) };

	if (!mm)
		return min(left, (s64)0);
	while (left > 0) {
		u64 count = min((u64)left, (u64)CHUNK_PAGES);

		fill_chunk(mm, &chunk, (u64)*pos / WORD, count);
		size_t copied = uio_put(uio, chunk.words, count * WORD);
		done += (s64)copied;
		*pos += (s64)copied;
		if (copied < count * WORD)
			break;
		left -= (s64)count;
		cond_resched();
	}
	mm_put(mm);
	return done ? done : -EFAULT;
}

static u64 frame_flags(const struct frame *frame)
{
	u64 mapped = frame_references(frame) ? 1ull << KPF_MMAP : 0;

	if (frame == zero_frame)
		return mapped | 1ull << KPF_ZERO_PAGE;
	switch (frame->kind) {
	case FRAME_FREE:
	case FRAME_CACHED:
		return 1ull << KPF_BUDDY;
	case FRAME_ANON:
		return mapped | 1ull << KPF_ANON | 1ull << KPF_SWAPBACKED | 1ull << KPF_UPTODATE;
	case FRAME_CACHE:
		return mapped | 1ull << KPF_UPTODATE;
	case FRAME_TABLE:
		return 1ull << KPF_PGTABLE;
	case FRAME_SLAB:
		return 1ull << KPF_SLAB;
	}
	return 0;
}

/* A word for each frame. */
static ssize_t read_frames(struct uio *uio, s64 *pos,
			   void (*fill)(u64 first, u64 count, u64 *words))
{
	s64 left = pages_wanted(uio, *pos, frames_count), done = 0;
	u64 words[CHUNK_PAGES];

	if (left <= 0)
		return left;
	while (left > 0) {
		u64 count = min((u64)left, (u64)CHUNK_PAGES), first = (u64)*pos / WORD;

		fill(first, count, words);
		size_t copied = uio_put(uio, words, count * WORD);
		done += (s64)copied;
		*pos += (s64)copied;
		if (copied < count * WORD)
			break;
		left -= (s64)count;
		cond_resched();
	}
	return done ? done : -EFAULT;
}

/* Frames of interest, and how often address spaces map each. */
struct frame_counts {
	u64 first, count;
	u64 *words;
};

static void count_mapping(u64 addr, pte_t entry, u64 others, void *arg)
{
	struct frame_counts *counts = arg;
	u64 index = frame_pfn(frame_of_phys(entry & PTE_ADDR)) - counts->first;

	(void)addr, (void)others;
	if (index < counts->count)
		counts->words[index]++;
}

/* An entry of a shared table maps its page in each address space that has the table, so all of them
 * are asked. */
static void count_frames(u64 first, u64 count, u64 *words)
{
	struct frame_counts counts = { first, count, words };
	struct table_visitor visitor = { NULL, count_mapping, &counts };

	memset(words, 0, count * sizeof(*words));
	for (struct mm_struct *mm = mm_next(NULL); mm; mm = mm_next(mm)) {
		mutex_lock(&mm->lock);
		pages_visit(mm, 0, USER_END, &visitor);
		mutex_unlock(&mm->lock);
		cond_resched();
	}
}

static void describe_frames(u64 first, u64 count, u64 *words)
{
	for (u64 i = 0; i < count; i++)
		words[i] = frame_flags(&frames[first + i]);
}

ssize_t read_kpagecount(struct uio *uio, s64 *pos)
{
	return read_frames(uio, pos, count_frames);
}

ssize_t read_kpageflags(struct uio *uio, s64 *pos)
{
	return read_frames(uio, pos, describe_frames);
}
