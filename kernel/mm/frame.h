/*
 * Physical memory by frames of 4 KiB. A buddy allocator hands them out in powers of two, a small
 * cache per CPU makes single frames cheap, and each frame has a struct with its kind and its
 * reference count: the number of page-table entries, caches and kernel holders that point at it.
 * The last frame_put() gives it back. Allocation never sleeps; when frames run out the kernel's
 * caches shrink (mm/shrink.h), and then it fails. Nothing is scanned, whatever the size of memory.
 */
#ifndef MITOS_MM_FRAME_H
#define MITOS_MM_FRAME_H

#include "lib/list.h"
#include "x86/bootinfo.h"
#include "x86/paging.h"

enum frame_kind {
	FRAME_RESERVED, /* not RAM, firmware's, or the kernel image: never allocated */
	FRAME_FREE,	/* part of a block in the buddy lists; comes and goes under buddy_lock */
	FRAME_ANON,	/* user memory without a file */
	FRAME_CACHE,	/* a page of a page cache (file contents) */
	FRAME_TABLE,	/* a page-table page of a user address space; all zeroes when freed */
	FRAME_SLAB,	/* holds slab objects; owner is the cache */
	FRAME_STACK,	/* kernel stack */
	FRAME_KERNEL,	/* other kernel memory */
	FRAME_KINDS,
	FRAME_CACHED = FRAME_KINDS /* free, in a CPU's cache: counted as FRAME_FREE */
};

struct frame {
	u32 refs;  /* atomic; how many hold this frame; 0 when free */
	u8 kind;   /* enum frame_kind */
	u8 order;  /* of the free block it heads, or of the allocated block */
	u16 used;  /* FRAME_SLAB: objects in use; FRAME_TABLE: entries present (its mm's lock) */
	u32 audit; /* references that the running audit found */
	u16 slab_free;	/* FRAME_SLAB: offset / 8 of the first free object, SLAB_END if none */
	u16 slab_cache; /* FRAME_SLAB: number of its kmem_cache */
	union {
		/* FRAME_FREE: buddy list; FRAME_SLAB: the cache's list */
		struct list_head link;
		struct {
			void *owner; /* FRAME_CACHE: its page_cache */
			u64 index;   /* FRAME_CACHE: page number in the file */
		};
		u64 lines; /* FRAME_TABLE: bit i: entries 8 i to 8 i + 7 have been used */
	};
};

#define FRAME_ORDERS 11 /* blocks of 1 to 1,024 frames */

extern struct frame *frames; /* indexed by page frame number, frames_count of them */
extern u64 frames_count;

/* Builds the allocator from the boot memory map; everything outside usable RAM stays reserved. */
void frame_init(const struct boot_info *info);
/* Gives [start, end) bytes of physical memory, reserved at boot, to the allocator. */
void frame_release_range(phys_t start, phys_t end);

/*
 * One frame, or 2^order contiguous ones, with reference count 1; NULL when memory is exhausted.
 * The contents are undefined, or zero with the _zeroed form.
 */
struct frame *frame_alloc(enum frame_kind kind);
struct frame *frame_alloc_zeroed(enum frame_kind kind);
struct frame *frame_alloc_order(enum frame_kind kind, unsigned order);

void frame_free(struct frame *frame); /* the last reference is gone (called by frame_put) */

static inline void frame_get(struct frame *frame)
{
	__atomic_fetch_add(&frame->refs, 1, __ATOMIC_RELAXED);
}

/* Drops one reference; the frame (its whole block) is free when none is left. */
static inline void frame_put(struct frame *frame)
{
	if (__atomic_fetch_sub(&frame->refs, 1, __ATOMIC_ACQ_REL) == 1)
		frame_free(frame);
}

static inline struct frame *frame_of_phys(phys_t phys)
{
	return &frames[phys >> PAGE_SHIFT];
}

static inline u64 frame_pfn(const struct frame *frame)
{
	return (u64)(frame - frames);
}

static inline phys_t frame_phys(const struct frame *frame)
{
	return frame_pfn(frame) << PAGE_SHIFT;
}

/* The frame's address in the direct map. */
static inline void *frame_addr(const struct frame *frame)
{
	return phys_to_virt(frame_phys(frame));
}

/* The frame under an address of the direct map. */
static inline struct frame *frame_of(const void *addr)
{
	return frame_of_phys(virt_to_phys(addr));
}

/* Gives the free frames that the CPUs keep back to the buddy lists; how many. */
u64 frame_caches_shrink(void);

u64 frame_total(void);			    /* frames that the allocator manages */
u64 frame_free_count(void);		    /* of them, free now */
u64 frame_kind_count(enum frame_kind kind); /* allocated frames of a kind */

#endif
