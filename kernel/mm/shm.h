/*
 * Memory shared without a file: pages in a page cache of their own, numbered from 0, which come as
 * they are touched. An anonymous MAP_SHARED mapping has one (shm.c), and so does a System V segment
 * (sysvshm.c).
 */
#ifndef MITOS_MM_SHM_H
#define MITOS_MM_SHM_H

#include "mm/mm.h"
#include "mm/pagecache.h"

struct shared_memory {
	struct page_cache cache;
	u64 pages; /* its size */
};

/* Empty memory of so many pages. All of them are promised now, or, with noreserve, each as it
 * comes. 0, or -ENOMEM, when there is nothing to destroy. */
int shared_memory_init(struct shared_memory *memory, u64 pages, bool noreserve);
void shared_memory_destroy(struct shared_memory *memory); /* nobody maps it any more */
/* vm_ops->get_page of an area that maps such memory (vma->cache is its cache). */
struct frame *shared_memory_page(struct vm_area_struct *vma, u64 pgoff);

#endif
