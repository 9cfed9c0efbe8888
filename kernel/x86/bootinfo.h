/*
 * What the boot loader said, in one form whichever loader it was: Multiboot2 (GRUB, BIOS or EFI) or
 * PVH (qemu -kernel). Copied out of the loader's memory before anything can overwrite it.
 */
#ifndef MITOS_X86_BOOTINFO_H
#define MITOS_X86_BOOTINFO_H

#include "lib/types.h"
#include "x86/paging.h"

#define BOOT_RANGES_MAX 64
#define BOOT_CMDLINE_MAX 2048

struct boot_range {
	phys_t start, end; /* bytes, end exclusive */
	bool usable;	   /* else the firmware's: ACPI tables, flash; mapped but never allocated */
};

struct boot_info {
	const char *loader; /* "multiboot2" or "pvh" */
	char cmdline[BOOT_CMDLINE_MAX];
	struct boot_range ranges[BOOT_RANGES_MAX];
	u32 range_count;
	phys_t initrd_start, initrd_end; /* equal when there is none */
	phys_t acpi_root; /* RSDT or XSDT; 0 if the loader gave no ACPI root pointer */
	bool acpi_wide;	  /* it is an XSDT: 64-bit entries */
};

extern struct boot_info boot_info;

/* Reads the loader's structures (physical addresses, identity-mapped at this point); panics on a
 * stranger. */
void bootinfo_parse(u32 magic, phys_t info);

/* Is word (or "word=...") on the command line? value, if given, points at what follows '=' or is
 * NULL. */
bool bootinfo_option(const char *word, const char **value);
/* The value of "word=value" into buf, cut to size; without one false, and buf is untouched. */
bool bootinfo_value(const char *word, char *buf, size_t size);

#endif
