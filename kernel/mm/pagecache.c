/* The radix tree behind pagecache.h. A node covers 64 children; height 0 is a single frame. */
#include "mm/pagecache.h"
#include "lib/string.h"
#include "mm/commit.h"
#include "mm/slab.h"
#include <asm/errno.h>

#define NODE_BITS 6
#define NODE_SLOTS (1u << NODE_BITS)

struct node {
	void *slots[NODE_SLOTS]; /* nodes, or frames in the lowest level */
};

static struct kmem_cache node_cache;
static struct spinlock registry_lock = SPINLOCK_INIT("page caches"); /* guards registry */
static struct list_head registry = LIST_HEAD_INIT(registry);

void pagecache_module_init(void)
{
	kmem_cache_init(&node_cache, "pagecache_node", sizeof(struct node), 8);
}

void pagecache_init(struct page_cache *cache)
{
	static u64 caches; /* ever made; atomic */

	*cache = (struct page_cache){ .id = __atomic_add_fetch(&caches, 1, __ATOMIC_RELAXED) };
	spin_init(&cache->lock, "page cache");
	spin_lock(&registry_lock);
	list_add(&registry, &cache->link);
	spin_unlock(&registry_lock);
}

/* Does a tree of this height reach page number index? */
static bool covers(u32 height, u64 index)
{
	return height * NODE_BITS >= 64 || index >> (height * NODE_BITS) == 0;
}

static struct frame *lookup(const struct page_cache *cache, u64 index)
{
	void *at = cache->root;

	if (!covers(cache->height, index))
		return NULL;
	for (u32 level = cache->height; level > 0 && at; level--)
		at = ((struct node *)at)
			     ->slots[index >> (level - 1) * NODE_BITS & (NODE_SLOTS - 1)];
	return at;
}

/* The slot for index, the tree grown as needed; NULL without memory (what was grown stays: it is
 * valid and empty). */
static void **slot_for(struct page_cache *cache, u64 index)
{
	while (!covers(cache->height, index)) {
		if (cache->root) {
			struct node *top = kmem_cache_zalloc(&node_cache);

			if (!top)
				return NULL;
			top->slots[0] = cache->root;
			cache->root = top;
		}
		cache->height++;
	}
	void **slot = &cache->root;
	for (u32 level = cache->height; level > 0; level--) {
		if (!*slot)
			*slot = kmem_cache_zalloc(&node_cache);
		if (!*slot)
			return NULL;
		slot = &((struct node *)*slot)
				->slots[index >> (level - 1) * NODE_BITS & (NODE_SLOTS - 1)];
	}
	return slot;
}

struct frame *pagecache_get(struct page_cache *cache, u64 index)
{
	spin_lock(&cache->lock);
	struct frame *frame = lookup(cache, index);
	if (frame)
		frame_get(frame);
	spin_unlock(&cache->lock);
	return frame;
}

bool pagecache_has(struct page_cache *cache, u64 index)
{
	spin_lock(&cache->lock);
	bool there = lookup(cache, index) != NULL;
	spin_unlock(&cache->lock);
	return there;
}

/* Fills the hole at index: the frame, without a reference for the caller, or NULL. The lock is
 * held. */
static struct frame *fill_hole(struct page_cache *cache, u64 index)
{
	void **slot = slot_for(cache, index);

	if (!slot || (cache->charged && commit_charge(1)))
		return NULL;
	struct frame *frame = frame_alloc_zeroed(FRAME_CACHE);
	if (frame) {
		frame->owner = cache;
		frame->index = index;
		*slot = frame;
		cache->pages++;
	} else if (cache->charged) {
		commit_add(-1);
	}
	return frame;
}

struct frame *pagecache_get_or_create(struct page_cache *cache, u64 index)
{
	spin_lock(&cache->lock);
	struct frame *frame = lookup(cache, index);
	if (!frame)
		frame = fill_hole(cache, index);
	if (frame)
		frame_get(frame);
	spin_unlock(&cache->lock);
	return frame;
}

struct frame *pagecache_fault(struct page_cache *cache, u64 index)
{
	struct frame *frame = pagecache_get_or_create(cache, index);

	if (frame)
		return frame;
	return ERR_PTR(cache->charged && commit_check(1, 0) ? -EFAULT : -ENOMEM);
}

/*
 * Drops the pages numbered `from` and up below one slot, whose subtree starts at page number base.
 * Returns the frames dropped; frees the nodes left without any child.
 */
static u64 truncate_slot(void **slot, u32 level, u64 base, u64 from)
{
	u64 dropped = 0, span;
	bool empty = true;

	if (!*slot)
		return 0;
	if (level == 0) {
		if (base < from)
			return 0;
		struct frame *frame = *slot;
		frame->owner = NULL; /* someone may still map it, but it is no longer the file's */
		frame_put(frame);
		*slot = NULL;
		return 1;
	}
	struct node *node = *slot;
	span = 1ull << (level - 1) * NODE_BITS;
	for (u32 i = 0; i < NODE_SLOTS; i++) {
		if (base + (i + 1) * span > from)
			dropped += truncate_slot(&node->slots[i], level - 1, base + i * span, from);
		empty = empty && !node->slots[i];
	}
	if (empty) {
		kmem_cache_free(&node_cache, node);
		*slot = NULL;
	}
	return dropped;
}

void pagecache_truncate(struct page_cache *cache, u64 from)
{
	spin_lock(&cache->lock);
	u64 dropped = truncate_slot(&cache->root, cache->height, 0, from);
	cache->pages -= dropped;
	if (cache->charged)
		commit_add(-(s64)dropped);
	if (!cache->root)
		cache->height = 0;
	spin_unlock(&cache->lock);
}

void pagecache_destroy(struct page_cache *cache)
{
	pagecache_truncate(cache, 0);
	commit_add(-(s64)cache->reserved);
	spin_lock(&registry_lock);
	list_del(&cache->link);
	spin_unlock(&registry_lock);
}

u64 pagecache_promised(void)
{
	struct page_cache *cache;
	u64 pages = 0;

	spin_lock(&registry_lock);
	list_for_each(cache, &registry, link)
		pages += cache->reserved + (cache->charged ? cache->pages : 0);
	spin_unlock(&registry_lock);
	return pages;
}

static void visit(void *at, u32 level, void (*fn)(struct frame *frame, void *arg), void *arg)
{
	if (!at)
		return;
	if (level == 0) {
		fn(at, arg);
		return;
	}
	for (u32 i = 0; i < NODE_SLOTS; i++)
		visit(((struct node *)at)->slots[i], level - 1, fn, arg);
}

void pagecache_for_each(void (*fn)(struct frame *frame, void *arg), void *arg)
{
	struct page_cache *cache;

	spin_lock(&registry_lock);
	list_for_each(cache, &registry, link) {
		spin_lock(&cache->lock);
		visit(cache->root, cache->height, fn, arg);
		spin_unlock(&cache->lock);
	}
	spin_unlock(&registry_lock);
}
