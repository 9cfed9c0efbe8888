/*
 * Memory shared without a file. That of an anonymous MAP_SHARED mapping is kept alive by the areas
 * that map it, in this process and its descendants.
 */
#include "mm/shm.h"
#include "mm/commit.h"
#include "mm/slab.h"
#include <asm/errno.h>
#include <linux/mman.h>

int shared_memory_init(struct shared_memory *memory, u64 pages, bool noreserve)
{
	u64 reserved = commit_noreserve(noreserve) ? 0 : pages;

	if (commit_charge(reserved))
		return -ENOMEM;
	pagecache_init(&memory->cache);
	memory->cache.reserved = reserved;
	memory->cache.charged = !reserved;
	memory->pages = pages;
	return 0;
}

void shared_memory_destroy(struct shared_memory *memory)
{
	pagecache_destroy(&memory->cache);
}

struct frame *shared_memory_page(struct vm_area_struct *vma, u64 pgoff)
{
	const struct shared_memory *memory = container_of(vma->cache, struct shared_memory, cache);

	if (pgoff >= memory->pages)
		return ERR_PTR(-EFAULT); /* mremap made the mapping longer than the memory */
	return pagecache_fault(vma->cache, pgoff);
}

/* The object of an anonymous mapping. */
struct anonymous_memory {
	struct shared_memory memory;
	u32 refs; /* atomic; areas that map it */
};

static struct anonymous_memory *anonymous_of(const struct vm_area_struct *vma)
{
	return container_of(vma->cache, struct anonymous_memory, memory.cache);
}

static void anonymous_open(struct vm_area_struct *vma)
{
	__atomic_fetch_add(&anonymous_of(vma)->refs, 1, __ATOMIC_RELAXED);
}

static void anonymous_close(struct vm_area_struct *vma)
{
	struct anonymous_memory *anonymous = anonymous_of(vma);

	if (__atomic_sub_fetch(&anonymous->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	shared_memory_destroy(&anonymous->memory);
	kfree(anonymous);
}

static const struct vm_ops anonymous_ops = {
	.get_page = shared_memory_page,
	.open = anonymous_open,
	.close = anonymous_close,
};

int mm_shared_anonymous(struct mmap_request *request)
{
	struct anonymous_memory *anonymous = kmalloc(sizeof(*anonymous));
	u64 pages = align_up(request->size, PAGE_SIZE) >> PAGE_SHIFT;

	if (!anonymous ||
	    shared_memory_init(&anonymous->memory, pages, request->flags & MAP_NORESERVE)) {
		kfree(anonymous);
		return -ENOMEM;
	}
	anonymous->refs = 1;
	request->ops = &anonymous_ops;
	request->cache = &anonymous->memory.cache;
	request->pgoff = 0;
	request->vm_flags |= VM_MAYWRITE;
	return 0;
}
