/*
 * The kernel's own address space: image (W^X), direct map of all RAM, device registers, kernel
 * stacks. It is the upper half of every PML4, whose entries are made once at boot and never change,
 * so every mm_struct copies them.
 */
#ifndef MITOS_MM_KMAP_H
#define MITOS_MM_KMAP_H

#include "x86/bootinfo.h"

/* Builds and loads the final tables. */
void kmap_init(void);

/* Memory for boot before the frame allocator exists: size bytes, page-aligned, zeroed; its physical
 * address. */
phys_t early_alloc(u64 size);
/* What early_alloc has taken: [*start, *end). */
void early_taken(phys_t *start, phys_t *end);

/* Device registers at a kernel address, uncached; they stay mapped for ever. Boot only. */
volatile void *kmap_device(phys_t phys, u64 size);

extern pte_t *kernel_pml4; /* in the direct map */

/* A kernel stack of KSTACK_SIZE bytes with unmapped pages below it: its lowest address, NULL
 * without memory. */
#define KSTACK_SIZE (2 * PAGE_SIZE)
void *kstack_alloc(void);
void kstack_free(void *stack);
u64 kstack_shrink(void); /* gives those back; the frames it were. Not if the lock is held */
u64 kstack_cached(void); /* free stacks kept mapped for the next task */

#endif
