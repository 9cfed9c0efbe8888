/*
 * Memory shared without a file: an anonymous MAP_SHARED mapping's pages live in a page cache of
 * their own, which the areas that map it (in this process and its descendants) keep alive by
 * reference.
 */
#include "mm/mm.h"
#include "mm/pagecache.h"
#include "mm/slab.h"
#include <asm/errno.h>

struct shared_memory {
	struct page_cache cache;
	u32 refs; /* atomic; areas that map it */
	u64 pages;
};

static struct shared_memory *memory_of(const struct vm_area_struct *vma)
{
	return container_of(vma->cache, struct shared_memory, cache);
}

static struct frame *shared_get_page(struct vm_area_struct *vma, u64 pgoff)
{
	if (pgoff >= memory_of(vma)->pages)
		return ERR_PTR(-EFAULT); /* mremap made the mapping longer than the memory */
	struct frame *frame = pagecache_get_or_create(vma->cache, pgoff);
	return frame ? frame : ERR_PTR(-ENOMEM);
}

static void shared_open(struct vm_area_struct *vma)
{
	__atomic_fetch_add(&memory_of(vma)->refs, 1, __ATOMIC_RELAXED);
}

static void shared_close(struct vm_area_struct *vma)
{
	struct shared_memory *memory = memory_of(vma);

	if (__atomic_sub_fetch(&memory->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	pagecache_destroy(&memory->cache);
	kfree(memory);
}

static const struct vm_ops shared_ops = {
	.get_page = shared_get_page,
	.open = shared_open,
	.close = shared_close,
};

int mm_shared_anonymous(struct mmap_request *request)
{
	struct shared_memory *memory = kmalloc(sizeof(*memory));

	if (!memory)
		return -ENOMEM;
	pagecache_init(&memory->cache);
	memory->refs = 1;
	memory->pages = align_up(request->size, PAGE_SIZE) >> PAGE_SHIFT;
	request->ops = &shared_ops;
	request->cache = &memory->cache;
	request->pgoff = 0;
	request->vm_flags |= VM_MAYWRITE;
	return 0;
}
