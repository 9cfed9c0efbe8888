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
	struct spinlock lock;  /* guards root, height, pages */
	void *root;	       /* the only frame (height 0) or the top node; NULL when empty */
	u32 height;	       /* levels of nodes */
	u64 pages;	       /* frames held */
	u32 mapped;	       /* areas of address spaces that map it; atomic */
	struct list_head link; /* in the list of all caches, which the audit walks */
};

void pagecache_module_init(void);
void pagecache_init(struct page_cache *cache);
void pagecache_destroy(struct page_cache *cache); /* drops every page */

/* The frame at page number index with a reference for the caller, or NULL if there is a hole. */
struct frame *pagecache_get(struct page_cache *cache, u64 index);
/* As above, filling a hole with a zeroed frame. NULL only when memory is exhausted. */
struct frame *pagecache_get_or_create(struct page_cache *cache, u64 index);
/* Drops all pages from page number `from` on. */
void pagecache_truncate(struct page_cache *cache, u64 from);

/* Calls fn for every page of every cache (audit). */
void pagecache_for_each(void (*fn)(struct frame *frame, void *arg), void *arg);

#endif
