/*
 * The pages of one file, by page number: a radix tree of 64-way nodes, so finding a page takes at
 * most a few steps whatever the size, holes cost nothing, and a file of one page needs no node. The
 * cache holds one reference on each of its frames; a page-table entry that maps one holds another.
 * The lock is a spinlock and innermost but for the frame allocator, so both read(2) and the
 * page-fault path can use a cache without sleeping.
 */
#ifndef MITOS_MM_PAGECACHE_H
#define MITOS_MM_PAGECACHE_H

#include "mm/frame.h"
#include "x86/spinlock.h"

struct page_cache {
	u64 id;		       /* no other cache has or had it; not 0 */
	struct spinlock lock;  /* guards root, height, pages */
	void *root;	       /* the only frame (height 0) or the top node; NULL when empty */
	u32 height;	       /* levels of nodes */
	u64 pages;	       /* frames held */
	u32 mapped;	       /* areas of address spaces that map it; atomic */
	u32 writers;	       /* of these, shared ones that may be written; atomic */
	struct list_head link; /* in the list of all caches, which the audit walks */
	/* pages promised for it, there or not (commit.h); fixed while it is in use */
	u64 reserved;
	bool charged; /* each page counts as promised while it is there; fixed */
};

void pagecache_module_init(void);
void pagecache_init(struct page_cache *cache);
/* drops every page, and the promise */
void pagecache_destroy(struct page_cache *cache);

/* The frame at page number index with a reference for the caller, or NULL if there is a hole. */
struct frame *pagecache_get(struct page_cache *cache, u64 index);
/* Is there one? */
bool pagecache_has(struct page_cache *cache, u64 index);
/* As pagecache_get, filling a hole with a zeroed frame. NULL when memory is exhausted, or, where
 * pages are charged, one more may not be promised. */
struct frame *pagecache_get_or_create(struct page_cache *cache, u64 index);
/* The same for a page fault: ERR_PTR(-ENOMEM), or ERR_PTR(-EFAULT) (SIGBUS) where it may not be
 * promised, because killing somebody would not help. */
struct frame *pagecache_fault(struct page_cache *cache, u64 index);
/* Drops all pages from page number `from` on. */
void pagecache_truncate(struct page_cache *cache, u64 from);

/* What all caches count as promised (audit). */
u64 pagecache_promised(void);
/* Calls fn for every page of every cache (audit). */
void pagecache_for_each(void (*fn)(struct frame *frame, void *arg), void *arg);

#endif
