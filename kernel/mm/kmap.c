/*
 * At boot a bump allocator takes pages from one usable range, and the tables are built from it with
 * the largest pages that fit. Code is executable and read-only, constants read-only, the rest
 * writable and not executable. The one-time tables need no lock.
 */
#include "mm/kmap.h"
#include "lib/string.h"
#include "x86/cpu.h"
#include "x86/printk.h"

extern char text_start[], text_end[], rodata_start[], rodata_end[], data_start[], data_end[];
extern char image_start[], image_end[]; /* physical addresses */

#define EARLY_MINIMUM (1ull << 20)
#define LOW_MEMORY (1ull << 20)	    /* firmware's, and the application processors' trampoline */
#define IDENTITY_LIMIT (4ull << 30) /* what the boot tables map */

pte_t *kernel_pml4;
static phys_t early_start, early_next, early_end;
static u64 device_next = DEVICES_BASE;

static bool overlaps(phys_t start, phys_t end, phys_t other_start, phys_t other_end)
{
	return start < other_end && other_start < end;
}

/* Takes the largest piece of RAM below 4 GiB that the image and the initramfs leave free. */
static void early_init(void)
{
	phys_t taken[3][2] = {
		{ 0, LOW_MEMORY },
		{ (phys_t)image_start, align_up((phys_t)image_end, PAGE_SIZE) },
		{ align_down(boot_info.initrd_start, PAGE_SIZE),
		  align_up(boot_info.initrd_end, PAGE_SIZE) },
	};

	for (u32 i = 0; i < boot_info.range_count; i++) {
		const struct boot_range *range = &boot_info.ranges[i];
		phys_t start = align_up(range->start, PAGE_SIZE);
		phys_t limit = min(align_down(range->end, PAGE_SIZE), IDENTITY_LIMIT);

		while (range->usable && start < limit) {
			phys_t end = limit, next = limit;

			for (u32 t = 0; t < 3; t++) {
				if (overlaps(start, end, taken[t][0], taken[t][1])) {
					end = max(taken[t][0], start);
					next = taken[t][1];
				}
			}
			if (end > start && end - start > early_end - early_start)
				early_start = early_next = start, early_end = end;
			start = next;
		}
	}
	if (early_end - early_start < EARLY_MINIMUM)
		panic("less than 1 MiB of free memory");
}

phys_t early_alloc(u64 size)
{
	phys_t phys = early_next;

	size = align_up(size, PAGE_SIZE);
	if (size > early_end - early_next)
		panic("out of memory at boot: %llu bytes", (unsigned long long)size);
	early_next += size;
	/* Before the final tables are loaded the identity map serves, afterwards the direct map. */
	memset(kernel_pml4 && read_cr3() == virt_to_phys(kernel_pml4) ? phys_to_virt(phys)
								      : (void *)phys,
	       0, size);
	return phys;
}

void early_taken(phys_t *start, phys_t *end)
{
	*start = early_start;
	*end = early_next;
}

/* The entry for addr in a table of the given level (by physical address), tables above made as
 * needed. */
static pte_t *boot_entry_of(phys_t pml4, u64 addr, unsigned level)
{
	pte_t *table = (pte_t *)pml4;

	for (unsigned at = 3; at > level; at--) {
		pte_t *entry = &table[table_index(addr, at)];

		if (!(*entry & PTE_P))
			*entry = early_alloc(PAGE_SIZE) | PTE_P | PTE_W;
		table = (pte_t *)(*entry & PTE_ADDR);
	}
	return &table[table_index(addr, level)];
}

/* Maps [virt, virt + size) to phys; both page-aligned. Large pages where the alignment allows. */
static void map_range(phys_t pml4, u64 virt, phys_t phys, u64 size, pte_t bits)
{
	if (!cpu_features.nx)
		bits &= ~PTE_NX;
	while (size) {
		unsigned level = 0;

		for (unsigned big = cpu_features.gib_pages ? 2 : 1; big > 0 && level == 0; big--) {
			u64 span = PAGE_SIZE << 9 * big;

			if ((virt | phys) % span == 0 && size >= span)
				level = big;
		}
		pte_t *entry = boot_entry_of(pml4, virt, level);
		if (!(*entry & PTE_P))
			*entry = phys | bits | PTE_P | (level ? PTE_PS : 0);
		u64 span = PAGE_SIZE << 9 * level;
		virt += span, phys += span, size -= span;
	}
}

static void map_image(phys_t pml4)
{
	const struct {
		char *start, *end;
		pte_t bits;
	} parts[] = {
		{ text_start, text_end, PTE_G },
		{ rodata_start, rodata_end, PTE_G | PTE_NX },
		{ data_start, data_end, PTE_G | PTE_NX | PTE_W },
	};

	for (u32 i = 0; i < ARRAY_SIZE(parts); i++)
		map_range(pml4, (u64)parts[i].start, image_to_phys(parts[i].start),
			  (u64)(parts[i].end - parts[i].start), parts[i].bits);
}

void kmap_init(void)
{
	early_init();
	phys_t pml4 = early_alloc(PAGE_SIZE);

	for (u32 i = 0; i < boot_info.range_count; i++) {
		phys_t start = align_down(boot_info.ranges[i].start, PAGE_SIZE);
		phys_t end = align_up(boot_info.ranges[i].end, PAGE_SIZE);

		/* Above 4 GiB firmware reserves ranges that nothing fills. */
		if (boot_info.ranges[i].usable || end <= IDENTITY_LIMIT)
			map_range(pml4, (u64)phys_to_virt(start), start, end - start,
				  PTE_W | PTE_G | PTE_NX);
	}
	map_range(pml4, (u64)phys_to_virt(0), 0, LOW_MEMORY, PTE_W | PTE_G | PTE_NX);
	map_image(pml4);
	/* Entries of the PML4 itself never change later, so every address space can copy them. */
	boot_entry_of(pml4, STACKS_BASE, 2);
	boot_entry_of(pml4, DEVICES_BASE, 2);
	write_cr3(pml4);
	kernel_pml4 = phys_to_virt(pml4);
}

/* As boot_entry_of for level 0, once the final tables are loaded. */
static pte_t *device_entry(u64 addr)
{
	pte_t *table = kernel_pml4;

	for (unsigned level = 3; level > 0; level--) {
		pte_t *entry = &table[table_index(addr, level)];

		if (!(*entry & PTE_P))
			*entry = early_alloc(PAGE_SIZE) | PTE_P | PTE_W;
		table = phys_to_virt(*entry & PTE_ADDR);
	}
	return &table[table_index(addr, 0)];
}

volatile void *kmap_device(phys_t phys, u64 size)
{
	u64 virt = device_next;
	phys_t page = align_down(phys, PAGE_SIZE);
	u64 span = align_up(phys + size, PAGE_SIZE) - page;

	for (u64 done = 0; done < span; done += PAGE_SIZE)
		*device_entry(virt + done) = (page + done) | PTE_P | PTE_W | PTE_PCD | PTE_PWT |
					     PTE_G | (cpu_features.nx ? PTE_NX : 0);
	device_next += span + PAGE_SIZE; /* an unmapped page between devices */
	return (volatile void *)(virt + (phys - page));
}
