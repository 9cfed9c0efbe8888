/*
 * A binary buddy allocator (Knowlton 1965; Knuth, TAOCP 1, 2.5) over one array of struct frame. A
 * free block of 2^n frames is aligned to its size and linked through its first frame; freeing
 * merges it with its buddy as long as that one is free and whole. In front of it each CPU keeps a
 * handful of single frames, taken and returned in batches with interrupts off and no lock; before
 * an allocation fails, every CPU is asked for those that it has. A page table dies empty, that is
 * to say, all zeroes, as whoever needs a table next wants it: a few such frames are kept apart.
 * buddy_lock guards the lists and is the innermost lock of the kernel.
 *
 * Who frees a frame looks at its buddy, which another CPU may be handing out or taking back at that
 * moment, without the lock. So what is in the lists has a kind of its own: a frame becomes
 * FRAME_FREE, and ceases to be, only under the lock, and its order is meant only while it is.
 */
#include "mm/frame.h"
#include "lib/string.h"
#include "mm/fail.h"
#include "mm/kmap.h"
#include "mm/shrink.h"
#include "x86/printk.h"
#include "x86/spinlock.h"

#define CACHE_FRAMES 64
#define CACHE_BATCH 32
#define CACHE_ZEROED 32

/* Own CPU only, interrupts off; the counters are summed over the CPUs by readers. */
struct frame_cache {
	u32 count, zeroed;
	struct frame *free[CACHE_FRAMES];
	struct frame *zeroes[CACHE_ZEROED]; /* the `zeroed` first are free, too, and all zeroes */
	s64 kinds[FRAME_KINDS]; /* frames allocated less frames freed on this CPU, by kind */
};

struct frame *frames;
u64 frames_count;

static struct spinlock buddy_lock = SPINLOCK_INIT("frames"); /* guards the three below */
static struct list_head free_lists[FRAME_ORDERS];
static u64 buddy_free; /* frames in the lists */
static u64 managed;    /* frames ever given to the allocator */
static struct frame_cache caches[CPUS_MAX];

/* The lock is held; readers have none. */
static void count_free(s64 frames_more)
{
	__atomic_store_n(&buddy_free, buddy_free + (u64)frames_more, __ATOMIC_RELAXED);
}

static struct frame *buddy_of(struct frame *frame, unsigned order)
{
	u64 pfn = frame_pfn(frame) ^ (1ull << order);

	return pfn < frames_count ? &frames[pfn] : NULL;
}

static void buddy_insert(struct frame *frame, unsigned order)
{
	frame->order = order;
	list_add(&free_lists[order], &frame->link);
}

/* A free block's frames after the first have order FRAME_ORDERS, so only the head looks like a
 * block. */
static bool is_free_block(const struct frame *frame, unsigned order)
{
	return frame && __atomic_load_n(&frame->kind, __ATOMIC_RELAXED) == FRAME_FREE &&
	       frame->order == order;
}

static void buddy_free_block(struct frame *frame, unsigned order)
{
	ASSERT(spin_held(&buddy_lock));
	count_free(1ll << order);
	for (u64 i = 0; i < 1ull << order; i++) {
		frame[i].kind = FRAME_FREE;
		frame[i].order = FRAME_ORDERS;
	}
	for (; order < FRAME_ORDERS - 1; order++) {
		struct frame *buddy = buddy_of(frame, order);

		if (!is_free_block(buddy, order))
			break;
		list_del(&buddy->link);
		buddy->order = FRAME_ORDERS;
		if (buddy < frame)
			frame = buddy;
	}
	buddy_insert(frame, order);
}

/* A block whose frames have become that kind; NULL if none is large enough. */
static struct frame *buddy_alloc_block(unsigned order, enum frame_kind kind)
{
	ASSERT(spin_held(&buddy_lock));
	for (unsigned at = order; at < FRAME_ORDERS; at++) {
		struct frame *frame = list_first(&free_lists[at], struct frame, link);

		if (!frame)
			continue;
		list_del(&frame->link);
		while (at > order) {
			at--;
			buddy_insert(frame + (1ull << at), at);
		}
		for (u64 i = 0; i < 1ull << order; i++)
			frame[i].kind = kind;
		frame->order = order;
		count_free(-(1ll << order));
		return frame;
	}
	return NULL;
}

static void cache_refill(struct frame_cache *cache)
{
	spin_lock(&buddy_lock);
	while (cache->count < CACHE_BATCH) {
		struct frame *frame = buddy_alloc_block(0, FRAME_CACHED);

		if (!frame && cache->zeroed)
			frame = cache->zeroes[--cache->zeroed];
		if (!frame)
			break;
		cache->free[cache->count++] = frame;
	}
	spin_unlock(&buddy_lock);
}

static void cache_drain(struct frame_cache *cache)
{
	spin_lock(&buddy_lock);
	while (cache->count > CACHE_FRAMES - CACHE_BATCH)
		buddy_free_block(cache->free[--cache->count], 0);
	spin_unlock(&buddy_lock);
}

/* A request to another CPU: adds the free frames that it keeps to the list. It may come while that
 * one waits for buddy_lock on behalf of its cache, which looks at the counts again afterwards. */
static void give_up_cache(void *arg)
{
	struct frame_cache *cache = &caches[this_cpu()->id];

	while (cache->count)
		list_add_tail(arg, &cache->free[--cache->count]->link);
	while (cache->zeroed)
		list_add_tail(arg, &cache->zeroes[--cache->zeroed]->link);
}

u64 frame_caches_shrink(void)
{
	struct list_head given = LIST_HEAD_INIT(given);
	struct frame *frame, *next;
	u64 count = 0;

	for (u32 i = 0; i < cpu_count; i++) /* one after another: they share the list */
		if (caches[i].count + caches[i].zeroed)
			cpu_run_on(1ull << i, give_up_cache, &given);
	spin_lock(&buddy_lock);
	list_for_each_safe(frame, next, &given, link) {
		list_del(&frame->link);
		buddy_free_block(frame, 0);
		count++;
	}
	spin_unlock(&buddy_lock);
	return count;
}

/* One frame, from those that are zeroes if it shall be and there are any. */
static struct frame *cache_alloc(enum frame_kind kind, bool zeroed)
{
	struct frame *frame = NULL;
	bool clear;

	if (fail_now(FAIL_FRAME))
		return NULL;
	do {
		irq_push();
		struct frame_cache *cache = &caches[this_cpu()->id];
		clear = zeroed && !cache->zeroed;
		if (zeroed && cache->zeroed) {
			frame = cache->zeroes[--cache->zeroed];
		} else {
			if (cache->count == 0)
				cache_refill(cache);
			if (cache->count)
				frame = cache->free[--cache->count];
		}
		if (frame) {
			cache->kinds[kind]++;
			frame->refs = 1;
			frame->kind = kind;
			frame->used = 0;
			frame->lines = 0;
		}
		irq_pop();
	} while (unlikely(!frame) && memory_shrink());
	if (frame && clear)
		memset(frame_addr(frame), 0, PAGE_SIZE);
	return frame;
}

struct frame *frame_alloc(enum frame_kind kind)
{
	return cache_alloc(kind, false);
}

struct frame *frame_alloc_zeroed(enum frame_kind kind)
{
	return cache_alloc(kind, true);
}

static struct frame *buddy_take(enum frame_kind kind, unsigned order)
{
	spin_lock(&buddy_lock);
	struct frame *frame = buddy_alloc_block(order, kind);
	if (frame) {
		caches[this_cpu()->id].kinds[kind] += 1ll << order;
		for (u64 i = 0; i < 1ull << order; i++) {
			frame[i].refs = 1;
			frame[i].used = 0;
		}
	}
	spin_unlock(&buddy_lock);
	return frame;
}

struct frame *frame_alloc_order(enum frame_kind kind, unsigned order)
{
	if (order == 0)
		return frame_alloc(kind);
	if (fail_now(FAIL_FRAME))
		return NULL;
	struct frame *frame = buddy_take(kind, order);
	if (unlikely(!frame) && memory_shrink())
		frame = buddy_take(kind, order);
	return frame;
}

void frame_free(struct frame *frame)
{
	unsigned order = frame->order;
	bool table = frame->kind == FRAME_TABLE;

	ASSERT(!table || frame->used == 0);
	irq_push();
	struct frame_cache *cache = &caches[this_cpu()->id];
	cache->kinds[frame->kind] -= 1ll << order;
	if (order == 0) {
		frame->kind = FRAME_CACHED;
		if (table && cache->zeroed < CACHE_ZEROED) {
			cache->zeroes[cache->zeroed++] = frame;
		} else {
			if (cache->count == CACHE_FRAMES)
				cache_drain(cache);
			cache->free[cache->count++] = frame;
		}
	} else {
		for (u64 i = 0; i < 1ull << order; i++)
			frame[i].refs = 0;
		spin_lock(&buddy_lock);
		buddy_free_block(frame, order);
		spin_unlock(&buddy_lock);
	}
	irq_pop();
}

void frame_release_range(phys_t start, phys_t end)
{
	u64 pfn = align_up(start, PAGE_SIZE) >> PAGE_SHIFT, last = end >> PAGE_SHIFT;

	spin_lock(&buddy_lock);
	while (pfn < last) {
		unsigned order = 0;

		while (order < FRAME_ORDERS - 1 && !(pfn & (1ull << order)) &&
		       pfn + (2ull << order) <= last)
			order++;
		buddy_free_block(&frames[pfn], order);
		managed += 1ull << order;
		pfn += 1ull << order;
	}
	spin_unlock(&buddy_lock);
}

/* Releases [start, end) less the pieces that are taken, the n-th and following of them. */
static void release_except(phys_t start, phys_t end, phys_t (*taken)[2], u32 count)
{
	for (u32 i = 0; i < count; i++) {
		if (start >= taken[i][1] || taken[i][0] >= end)
			continue;
		if (start < taken[i][0])
			release_except(start, taken[i][0], taken + i + 1, count - i - 1);
		start = taken[i][1];
	}
	if (start < end)
		frame_release_range(start, end);
}

void frame_init(const struct boot_info *info)
{
	extern char image_start[], image_end[];
	phys_t top = 0;

	for (u32 i = 0; i < info->range_count; i++)
		if (info->ranges[i].usable)
			top = max(top, info->ranges[i].end);
	frames_count = top >> PAGE_SHIFT;
	frames = phys_to_virt(early_alloc(frames_count * sizeof(struct frame)));
	for (unsigned order = 0; order < FRAME_ORDERS; order++)
		list_init(&free_lists[order]);

	phys_t taken[4][2] = {
		{ 0, 1 << 20 }, /* firmware data, the trampoline of other CPUs */
		{ (phys_t)image_start, align_up((phys_t)image_end, PAGE_SIZE) },
		{ align_down(info->initrd_start, PAGE_SIZE),
		  align_up(info->initrd_end, PAGE_SIZE) },
	};
	early_taken(&taken[3][0], &taken[3][1]);
	for (u32 i = 0; i < info->range_count; i++)
		if (info->ranges[i].usable)
			release_except(info->ranges[i].start, info->ranges[i].end, taken, 4);
}

u64 frame_total(void)
{
	return managed;
}

/* Free frames that a CPU keeps; another one's may be changing. */
static u64 kept_by(const struct frame_cache *cache)
{
	return __atomic_load_n(&cache->count, __ATOMIC_RELAXED) +
	       __atomic_load_n(&cache->zeroed, __ATOMIC_RELAXED);
}

u64 frame_free_count(void)
{
	u64 count = __atomic_load_n(&buddy_free, __ATOMIC_RELAXED);

	for (u32 i = 0; i < cpu_count; i++)
		count += kept_by(&caches[i]);
	return count;
}

u64 frame_kind_count(enum frame_kind kind)
{
	s64 count = 0;

	for (u32 i = 0; i < cpu_count; i++)
		count += __atomic_load_n(&caches[i].kinds[kind], __ATOMIC_RELAXED);
	return (u64)count;
}
