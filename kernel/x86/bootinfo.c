/*
 * Two small parsers, Multiboot2 (GNU's specification 2.0, chapter 3.6) and PVH (Xen's
 * hvm_start_info, version 1), that fill one boot_info. They run first, on the identity map of the
 * boot tables, and copy everything they keep.
 */
#include "x86/bootinfo.h"
#include "lib/string.h"
#include "x86/printk.h"

#define MULTIBOOT2_MAGIC 0x36d76289u
#define PVH_MAGIC 0x336ec578u
#define MEMORY_USABLE 1

enum {
	MB2_END = 0,
	MB2_CMDLINE = 1,
	MB2_MODULE = 3,
	MB2_MEMORY_MAP = 6,
	MB2_RSDP_OLD = 14,
	MB2_RSDP_NEW = 15
};

struct mb2_tag {
	u32 type, size;
};

struct mb2_module {
	struct mb2_tag tag;
	u32 start, end;
};

struct mb2_memory_map {
	struct mb2_tag tag;
	u32 entry_size, entry_version;
};

/* The same in both protocols but for what follows `type`. */
struct memory_entry {
	u64 start, size;
	u32 type, reserved;
};

struct pvh_start_info {
	u32 magic, version, flags, module_count;
	u64 modules, cmdline, rsdp, memory_map;
	u32 memory_map_entries, reserved;
};

struct pvh_module {
	u64 start, size, cmdline, reserved;
};

/* ACPI 6.4, 5.2.5.3; the fields after `rsdt` exist from revision 2 on. */
struct acpi_rsdp {
	char signature[8];
	u8 checksum;
	char oem[6];
	u8 revision;
	u32 rsdt, size;
	u64 xsdt;
} __packed;

struct boot_info boot_info;

static void take_rsdp(const struct acpi_rsdp *rsdp)
{
	boot_info.acpi_wide = rsdp->revision >= 2 && rsdp->xsdt;
	boot_info.acpi_root = boot_info.acpi_wide ? rsdp->xsdt : rsdp->rsdt;
}

static void add_range(const struct memory_entry *entry)
{
	if (boot_info.range_count == BOOT_RANGES_MAX)
		return; /* a missing range is memory not used, nothing worse */
	boot_info.ranges[boot_info.range_count++] = (struct boot_range){
		.start = entry->start,
		.end = entry->start + entry->size,
		.usable = entry->type == MEMORY_USABLE,
	};
}

static void parse_multiboot2(phys_t info)
{
	boot_info.loader = "multiboot2";
	for (const struct mb2_tag *tag = (void *)(info + 8); tag->type != MB2_END;
	     tag = (void *)((u64)tag + align_up(tag->size, 8))) {
		const struct mb2_module *module = (void *)tag;
		const struct mb2_memory_map *map = (void *)tag;

		switch (tag->type) {
		case MB2_CMDLINE:
			strlcpy(boot_info.cmdline, (const char *)(tag + 1), BOOT_CMDLINE_MAX);
			break;
		case MB2_MODULE:
			boot_info.initrd_start = module->start;
			boot_info.initrd_end = module->end;
			break;
		case MB2_MEMORY_MAP:
			for (u64 at = (u64)(map + 1); at < (u64)tag + tag->size;
			     at += map->entry_size)
				add_range((void *)at);
			break;
		case MB2_RSDP_OLD:
		case MB2_RSDP_NEW:
			take_rsdp((void *)(tag + 1));
			break;
		}
	}
}

static void parse_pvh(const struct pvh_start_info *info)
{
	const struct memory_entry *map = (void *)info->memory_map;
	const struct pvh_module *modules = (void *)info->modules;

	boot_info.loader = "pvh";
	if (info->rsdp)
		take_rsdp((void *)info->rsdp);
	if (info->cmdline)
		strlcpy(boot_info.cmdline, (const char *)info->cmdline, BOOT_CMDLINE_MAX);
	if (info->module_count) {
		boot_info.initrd_start = modules[0].start;
		boot_info.initrd_end = modules[0].start + modules[0].size;
	}
	for (u32 i = 0; i < info->memory_map_entries; i++)
		add_range(&map[i]);
}

void bootinfo_parse(u32 magic, phys_t info)
{
	const struct pvh_start_info *pvh = (void *)info;

	if (magic == MULTIBOOT2_MAGIC)
		parse_multiboot2(info);
	else if (pvh->magic == PVH_MAGIC)
		parse_pvh(pvh);
	else
		panic("unknown boot protocol: magic %#x", magic);
	if (boot_info.range_count == 0)
		panic("the boot loader gave no memory map");
}

bool bootinfo_option(const char *word, const char **value)
{
	size_t length = strlen(word);

	for (const char *at = boot_info.cmdline; *at;) {
		const char *end = at;

		while (*end && *end != ' ')
			end++;
		if ((size_t)(end - at) >= length && memcmp(at, word, length) == 0 &&
		    (at + length == end || at[length] == '=')) {
			if (value)
				*value = at[length] == '=' ? at + length + 1 : NULL;
			return true;
		}
		at = *end ? end + 1 : end;
	}
	return false;
}

bool bootinfo_value(const char *word, char *buf, size_t size)
{
	const char *value;
	size_t length = 0;

	if (!bootinfo_option(word, &value) || !value)
		return false;
	while (value[length] && value[length] != ' ')
		length++;
	strlcpy(buf, value, min(size, length + 1));
	return true;
}
