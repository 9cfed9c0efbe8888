/*
 * Small kernel objects. A kmem_cache hands out objects of one size from frames it divides, O(1)
 * both ways; kmalloc serves any size from a row of caches, whole frames above. Allocation never
 * sleeps and may fail. Every cache counts its live objects, which the audit compares with those
 * reachable.
 */
#ifndef MITOS_MM_SLAB_H
#define MITOS_MM_SLAB_H

#include "lib/list.h"
#include "x86/spinlock.h"

struct kmem_cache {
	struct spinlock lock; /* guards all below */
	const char *name;
	u32 size; /* bytes of an object, a multiple of align */
	u32 align;
	u32 per_slab;		  /* objects in a slab */
	u32 order;		  /* a slab is 2^order frames */
	struct list_head partial; /* slabs with objects both free and used */
	u32 empty;		  /* wholly free slabs kept on partial's tail */
	u64 live;		  /* objects handed out */
	u64 slabs;
	u32 number; /* index in the table of all caches */
};

/* A cache that lives as long as the kernel; size and align in bytes, align a power of two. */
void kmem_cache_init(struct kmem_cache *cache, const char *name, size_t size, size_t align);

/* NULL when memory is exhausted; contents undefined, or zero with _zalloc. */
void *kmem_cache_alloc(struct kmem_cache *cache);
void *kmem_cache_zalloc(struct kmem_cache *cache);
void kmem_cache_free(struct kmem_cache *cache, void *object);

void slab_init(void);
void *kmalloc(size_t size);
void *kzalloc(size_t size);
void kfree(const void *object); /* NULL is allowed */

/*
 * Gives the frames of wholly free slabs back; how many. A cache whose lock is held is left out: the
 * caller may be the one who holds it.
 */
u64 slab_shrink(void);

/* Calls fn for every cache, for /proc/slabinfo and the audit. */
void slab_for_each(void (*fn)(const struct kmem_cache *cache, void *arg), void *arg);

#endif
