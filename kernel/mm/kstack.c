/*
 * Kernel stacks lie in a region of their own, in slots of four pages of which the upper two are
 * mapped: an overflow hits the unmapped ones and is a double fault with a name, not silent damage.
 * Mapping is the dear part, and unmapping, which all CPUs must hear of, is dearer: so a few free
 * stacks stay mapped for the next fork, and when they get too many, half of them go at once, with
 * one flush. A free, unmapped slot keeps the number of the next free slot in its own (not
 * present) page-table entry, so the list needs no memory. kstack_lock guards all of it.
 */
#include "lib/string.h"
#include "mm/frame.h"
#include "mm/kmap.h"
#include "mm/tlb.h"
#include "x86/printk.h"
#include "x86/spinlock.h"

#define SLOT_SIZE (4 * PAGE_SIZE)
#define STACK_PAGES (KSTACK_SIZE / PAGE_SIZE)
#define CACHED_MAX 32
#define RELEASED_AT_ONCE (CACHED_MAX / 2)
#define SLOT_NONE 0

static struct spinlock kstack_lock = SPINLOCK_INIT("kernel stacks"); /* guards the four below */
static void *cached[CACHED_MAX];				     /* mapped and free */
static u32 cached_count;
static u64 free_slot = SLOT_NONE; /* first of the list */
static u64 slots_used = 1;	  /* slot numbers ever handed out, 0 excepted */

static u64 slot_stack(u64 slot)
{
	return STACKS_BASE + slot * SLOT_SIZE + (SLOT_SIZE - KSTACK_SIZE);
}

/* The entry of a stack page; tables are made as needed and stay. NULL without memory. */
static pte_t *stack_entry(u64 addr)
{
	pte_t *table = kernel_pml4;

	for (unsigned level = 3; level > 0; level--) {
		pte_t *entry = &table[table_index(addr, level)];

		if (!(*entry & PTE_P)) {
			struct frame *frame = frame_alloc_zeroed(FRAME_KERNEL);

			if (!frame)
				return NULL;
			*entry = frame_phys(frame) | PTE_P | PTE_W;
		}
		table = phys_to_virt(*entry & PTE_ADDR);
	}
	return &table[table_index(addr, 0)];
}

static u64 slot_take(void)
{
	if (free_slot == SLOT_NONE)
		return slots_used++;
	u64 slot = free_slot;
	pte_t *entry = stack_entry(slot_stack(slot));
	free_slot = *entry >> PAGE_SHIFT;
	*entry = 0;
	return slot;
}

/* Takes what is mapped of a slot out of the tables, into old. Its first entry's table exists. */
static void slot_unmap(u64 slot, pte_t old[STACK_PAGES])
{
	for (u64 page = 0; page < STACK_PAGES; page++) {
		pte_t *entry = stack_entry(slot_stack(slot) + page * PAGE_SIZE);

		old[page] = *entry;
		*entry = 0;
	}
}

/* Puts the slot on the free list, and the frames that it had, which every CPU has forgotten. */
static void slot_free(u64 slot, const pte_t old[STACK_PAGES])
{
	ASSERT(spin_held(&kstack_lock));
	for (u64 page = 0; page < STACK_PAGES; page++)
		if (old[page] & PTE_P)
			frame_put(frame_of_phys(old[page] & PTE_ADDR));
	/* bit 0 clear: not present */
	*stack_entry(slot_stack(slot)) = free_slot << PAGE_SHIFT;
	free_slot = slot;
}

/* Gives up to RELEASED_AT_ONCE cached stacks back; how many. The lock is held, and let go of while
 * other CPUs are made to forget them. */
static u32 release_some(void)
{
	pte_t old[RELEASED_AT_ONCE][STACK_PAGES];
	u64 slots[RELEASED_AT_ONCE];
	u32 count = 0;

	while (cached_count && count < RELEASED_AT_ONCE)
		slots[count++] = ((u64)cached[--cached_count] - STACKS_BASE) / SLOT_SIZE;
	spin_unlock(&kstack_lock);
	for (u32 i = 0; i < count; i++)
		slot_unmap(slots[i], old[i]);
	tlb_flush_kernel();
	spin_lock(&kstack_lock);
	for (u32 i = 0; i < count; i++)
		slot_free(slots[i], old[i]);
	return count;
}

void *kstack_alloc(void)
{
	void *stack = NULL;

	spin_lock(&kstack_lock);
	if (cached_count) {
		stack = cached[--cached_count];
		goto out;
	}
	u64 slot = slot_take();
	if (!stack_entry(slot_stack(slot))) {
		if (slot == slots_used - 1)
			slots_used--; /* a fresh slot without a table cannot be on the list */
		goto out;
	}
	for (u64 page = 0; page < STACK_PAGES; page++) {
		struct frame *frame = frame_alloc(FRAME_STACK);

		if (!frame) {
			pte_t old[STACK_PAGES];

			slot_unmap(slot, old);
			tlb_flush_kernel();
			slot_free(slot, old);
			goto out;
		}
		*stack_entry(slot_stack(slot) + page * PAGE_SIZE) =
			frame_phys(frame) | PTE_P | PTE_W | PTE_G | (cpu_features.nx ? PTE_NX : 0);
	}
	stack = (void *)slot_stack(slot);
out:
	spin_unlock(&kstack_lock);
	return stack;
}

void kstack_free(void *stack)
{
	spin_lock(&kstack_lock);
	while (cached_count == CACHED_MAX)
		release_some(); /* another CPU may fill it meanwhile */
	cached[cached_count++] = stack;
	spin_unlock(&kstack_lock);
}

u64 kstack_shrink(void)
{
	u64 count = 0;

	if (!spin_trylock(&kstack_lock)) /* perhaps held by the caller, who makes a stack */
		return 0;
	while (cached_count)
		count += release_some() * STACK_PAGES;
	spin_unlock(&kstack_lock);
	return count;
}

u64 kstack_cached(void)
{
	return cached_count;
}
