/*
 * The bits of page-table entries and the layout of the kernel half (Intel SDM vol. 3, 4.5). The
 * whole of RAM is mapped at DIRECT_BASE, so any frame has a kernel address; kernel stacks with
 * their guard pages lie at STACKS_BASE; the kernel image in the last 2 GiB.
 */
#ifndef MITOS_X86_PAGING_H
#define MITOS_X86_PAGING_H

#include "lib/types.h"

typedef u64 phys_t;
typedef u64 pte_t; /* an entry of any of the four levels */

#define PAGE_SHIFT 12
#define PAGE_SIZE 4096ull
#define PAGE_MASK (~(PAGE_SIZE - 1))
#define TABLE_ENTRIES 512

#define PTE_P (1ull << 0) /* present */
#define PTE_W (1ull << 1) /* writable */
#define PTE_U (1ull << 2) /* user */
#define PTE_PWT (1ull << 3)
#define PTE_PCD (1ull << 4) /* not cached: device registers */
#define PTE_A (1ull << 5)   /* accessed */
#define PTE_D (1ull << 6)   /* dirty */
#define PTE_PS (1ull << 7)  /* a large page, in levels 2 and 3 */
#define PTE_G (1ull << 8)   /* survives a CR3 load */
/* ours: not present to the processor (PROT_NONE), but it holds its frame */
#define PTE_HIDDEN (1ull << 9)
#define PTE_NX (1ull << 63)
#define PTE_ADDR 0x000ffffffffff000ull

#define CR4_PGE (1ull << 7) /* PTE_G counts; changing it empties the TLB */

#define DIRECT_BASE 0xffff888000000000ull
#define STACKS_BASE 0xffffc90000000000ull
#define DEVICES_BASE 0xffffd00000000000ull
#define KERNEL_BASE 0xffffffff80000000ull

/* Does the entry hold a frame? */
static inline bool pte_present(pte_t entry)
{
	return entry & (PTE_P | PTE_HIDDEN);
}

static inline void *phys_to_virt(phys_t phys)
{
	return (void *)(DIRECT_BASE + phys);
}

/* The physical address of a direct-map address. */
static inline phys_t virt_to_phys(const void *addr)
{
	return (u64)addr - DIRECT_BASE;
}

/* The physical address of something in the kernel image. */
static inline phys_t image_to_phys(const void *addr)
{
	return (u64)addr - KERNEL_BASE;
}

/* level 3: PML4, 2: PDPT, 1: PD, 0: PT. */
static inline unsigned table_index(u64 addr, unsigned level)
{
	return addr >> (PAGE_SHIFT + 9 * level) & (TABLE_ENTRIES - 1);
}

#endif
