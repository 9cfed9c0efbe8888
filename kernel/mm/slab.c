/*
 * Slab allocation (Bonwick 1994, without its colouring). A slab is 2^order frames cut into objects;
 * its free objects form a list of 16-bit offsets kept inside themselves, its counters lie in the
 * struct frame of its first frame, so a slab has no header and objects of a power of two are
 * aligned to it. Each cache's lock guards its slabs.
 */
#include "mm/slab.h"
#include "lib/string.h"
#include "mm/fail.h"
#include "mm/frame.h"
#include "x86/printk.h"

#define SLAB_END 0xffff
#define SLAB_OBJECTS_WANTED 8
#define SLAB_ORDER_MAX 3
#define EMPTY_SLABS_KEPT 2
#define CACHES_MAX 64

static struct kmem_cache *cache_table[CACHES_MAX]; /* by number; written at boot only */
static u32 cache_total;

static const u16 kmalloc_sizes[] = { 16, 32, 48, 64, 96, 128, 192, 256, 512, 1024, 2048 };
static const char *const kmalloc_names[] = { "kmalloc-16",  "kmalloc-32",  "kmalloc-48",
					     "kmalloc-64",  "kmalloc-96",  "kmalloc-128",
					     "kmalloc-192", "kmalloc-256", "kmalloc-512",
					     "kmalloc-1k",  "kmalloc-2k" };
static struct kmem_cache kmalloc_caches[ARRAY_SIZE(kmalloc_sizes)];

void kmem_cache_init(struct kmem_cache *cache, const char *name, size_t size, size_t align)
{
	*cache = (struct kmem_cache){ .name = name, .align = (u32)max(align, (size_t)8) };
	spin_init(&cache->lock, "slab cache");
	cache->size = (u32)align_up(size, cache->align);
	while (cache->order < SLAB_ORDER_MAX &&
	       (PAGE_SIZE << cache->order) / cache->size < SLAB_OBJECTS_WANTED)
		cache->order++;
	cache->per_slab = (u32)((PAGE_SIZE << cache->order) / cache->size);
	list_init(&cache->partial);
	ASSERT(cache_total < CACHES_MAX && cache->per_slab > 0);
	cache->number = cache_total;
	cache_table[cache_total++] = cache;
}

static u16 *next_free(struct frame *slab, u16 offset)
{
	return (u16 *)((u8 *)frame_addr(slab) + offset * 8);
}

/* The lowest frame of the slab that holds an object. */
static struct frame *slab_of(const struct kmem_cache *cache, const void *object)
{
	u64 pfn = virt_to_phys(object) >> PAGE_SHIFT;

	return &frames[pfn & ~((1ull << cache->order) - 1)];
}

static struct frame *slab_new(struct kmem_cache *cache)
{
	struct frame *slab = frame_alloc_order(FRAME_SLAB, cache->order);

	if (!slab)
		return NULL;
	for (u64 i = 0; i < 1ull << cache->order; i++)
		slab[i].slab_cache = (u16)cache->number;
	slab->slab_free = 0;
	for (u32 i = 0; i < cache->per_slab; i++)
		*next_free(slab, (u16)(i * cache->size / 8)) =
			i + 1 < cache->per_slab ? (u16)((i + 1) * cache->size / 8) : SLAB_END;
	list_add(&cache->partial, &slab->link);
	cache->slabs++;
	cache->empty++;
	return slab;
}

void *kmem_cache_alloc(struct kmem_cache *cache)
{
	void *object = NULL;

	if (fail_now(FAIL_SLAB))
		return NULL;
	spin_lock(&cache->lock);
	struct frame *slab = list_first(&cache->partial, struct frame, link);
	if (!slab)
		slab = slab_new(cache);
	if (slab) {
		object = next_free(slab, slab->slab_free);
		slab->slab_free = *(u16 *)object;
		if (slab->used++ == 0)
			cache->empty--;
		if (slab->slab_free == SLAB_END)
			list_del(&slab->link); /* full: nowhere, until an object comes back */
		cache->live++;
	}
	spin_unlock(&cache->lock);
	return object;
}

void *kmem_cache_zalloc(struct kmem_cache *cache)
{
	void *object = kmem_cache_alloc(cache);

	if (object)
		memset(object, 0, cache->size);
	return object;
}

void kmem_cache_free(struct kmem_cache *cache, void *object)
{
	struct frame *slab = slab_of(cache, object), *spare = NULL;

	spin_lock(&cache->lock);
	ASSERT(slab->kind == FRAME_SLAB && slab->slab_cache == cache->number && slab->used > 0);
	if (slab->slab_free == SLAB_END)
		list_add(&cache->partial, &slab->link);
	*(u16 *)object = slab->slab_free;
	slab->slab_free = (u16)(((u8 *)object - (u8 *)frame_addr(slab)) / 8);
	cache->live--;
	if (--slab->used == 0 && ++cache->empty > EMPTY_SLABS_KEPT) {
		list_del(&slab->link);
		cache->empty--;
		cache->slabs--;
		spare = slab;
	}
	spin_unlock(&cache->lock);
	if (spare)
		frame_put(spare);
}

void slab_init(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(kmalloc_sizes); i++)
		kmem_cache_init(&kmalloc_caches[i], kmalloc_names[i], kmalloc_sizes[i], 16);
}

void *kmalloc(size_t size)
{
	for (u32 i = 0; i < ARRAY_SIZE(kmalloc_sizes); i++)
		if (size <= kmalloc_sizes[i])
			return kmem_cache_alloc(&kmalloc_caches[i]);

	unsigned order = 0;
	while (order < FRAME_ORDERS && PAGE_SIZE << order < size)
		order++;
	struct frame *frame = order < FRAME_ORDERS ? frame_alloc_order(FRAME_KERNEL, order) : NULL;
	return frame ? frame_addr(frame) : NULL;
}

void *kzalloc(size_t size)
{
	void *object = kmalloc(size);

	if (object)
		memset(object, 0, size);
	return object;
}

void kfree(const void *object)
{
	if (!object)
		return;
	struct frame *frame = frame_of(object);
	if (frame->kind == FRAME_SLAB)
		kmem_cache_free(cache_table[frame->slab_cache], (void *)object);
	else
		frame_put(frame);
}

/* Takes the empty slabs of one cache out of it, linked by their frames into `out`. */
static void take_empty(struct kmem_cache *cache, struct list_head *out)
{
	struct frame *slab, *next;

	list_for_each_safe(slab, next, &cache->partial, link) {
		if (cache->empty == 0)
			break;
		if (slab->used)
			continue;
		list_del(&slab->link);
		list_add(out, &slab->link);
		cache->empty--;
		cache->slabs--;
	}
}

u64 slab_shrink(void)
{
	struct list_head out = LIST_HEAD_INIT(out);
	struct frame *slab, *next;
	u64 frames_freed = 0;

	for (u32 i = 0; i < cache_total; i++) {
		struct kmem_cache *cache = cache_table[i];

		if (!cache->empty || !spin_trylock(&cache->lock))
			continue;
		take_empty(cache, &out);
		spin_unlock(&cache->lock);
	}
	list_for_each_safe(slab, next, &out, link) {
		frames_freed += 1ull << slab->order;
		frame_put(slab);
	}
	return frames_freed;
}

void slab_for_each(void (*fn)(const struct kmem_cache *cache, void *arg), void *arg)
{
	for (u32 i = 0; i < cache_total; i++)
		fn(cache_table[i], arg);
}
