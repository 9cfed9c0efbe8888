/*
 * Reads the RSDT or XSDT that the boot loader pointed to (ACPI 6.4, chapter 5.2): MADT for
 * interrupt controllers and processors, HPET, FADT and the \_S5 package in the DSDT for power off.
 * Tables are only read, through the direct map; a table whose length is absurd is ignored. Runs
 * once on the boot processor; the facts never change after.
 */
#include "x86/acpi.h"
#include "lib/string.h"
#include "x86/bootinfo.h"
#include "x86/printk.h"

struct acpi_header {
	char signature[4];
	u32 size;
	u8 revision, checksum;
	char oem[6], oem_table[8];
	u32 oem_revision, creator, creator_revision;
} __packed;

struct acpi_madt {
	struct acpi_header header;
	u32 lapic, flags;
	u8 entries[];
} __packed;

struct acpi_hpet {
	struct acpi_header header;
	u32 block_id;
	u8 space, width, offset, access;
	u64 address;
} __packed;

struct acpi_fadt {
	struct acpi_header header;
	u32 facs, dsdt;
	u8 reserved[12];
	u32 pm1a_event, pm1b_event, pm1a_control;
} __packed;

enum { MADT_LAPIC = 0, MADT_IOAPIC = 1, MADT_OVERRIDE = 2 };
#define MADT_CPU_ENABLED 1
#define PM1_SLEEP_ENABLE (1u << 13)

struct acpi_facts acpi = { .lapic = 0xfee00000, .ioapic = 0xfec00000 };

static const struct acpi_header *table_at(phys_t phys)
{
	const struct acpi_header *table = phys_to_virt(phys);

	return table->size >= sizeof(*table) && table->size < (1 << 20) ? table : NULL;
}

static void read_madt(const struct acpi_madt *madt)
{
	const u8 *end = (const u8 *)madt + madt->header.size;

	acpi.lapic = madt->lapic;
	for (const u8 *entry = madt->entries; entry + 2 <= end && entry[1] >= 2;
	     entry += entry[1]) {
		if (entry[0] == MADT_LAPIC && (entry[4] & MADT_CPU_ENABLED) &&
		    acpi.cpu_total < CPUS_MAX) {
			acpi.cpu_apic_ids[acpi.cpu_total++] = entry[3];
		} else if (entry[0] == MADT_IOAPIC) {
			memcpy(&acpi.ioapic_gsi_base, entry + 8, 4);
			u32 address;
			memcpy(&address, entry + 4, 4);
			acpi.ioapic = address;
		} else if (entry[0] == MADT_OVERRIDE && entry[3] < 16) {
			memcpy(&acpi.isa_gsi[entry[3]], entry + 4, 4);
			memcpy(&acpi.isa_flags[entry[3]], entry + 8, 2);
		}
	}
}

/* AML: Name(_S5_, Package(){SLP_TYPa, ...}). Looks for the name and reads the first element: a byte
 * constant, possibly with its prefix 0x0a. */
static void read_dsdt(const struct acpi_header *dsdt)
{
	const u8 *aml = (const u8 *)(dsdt + 1);
	const u8 *end = (const u8 *)dsdt + dsdt->size;

	for (; aml + 10 < end; aml++) {
		if (memcmp(aml, "_S5_", 4) != 0 || aml[4] != 0x12)
			continue;
		/* package length bytes, element count */
		const u8 *element = aml + 5 + (aml[5] >> 6) + 2;
		acpi.sleep_type_s5 = element[0] == 0x0a ? element[1] : element[0];
		return;
	}
}

static void read_table(const struct acpi_header *table)
{
	if (memcmp(table->signature, "APIC", 4) == 0) {
		read_madt((const void *)table);
	} else if (memcmp(table->signature, "HPET", 4) == 0) {
		acpi.hpet = ((const struct acpi_hpet *)table)->address;
	} else if (memcmp(table->signature, "FACP", 4) == 0) {
		const struct acpi_fadt *fadt = (const void *)table;
		const struct acpi_header *dsdt = table_at(fadt->dsdt);

		acpi.pm1a_control = fadt->pm1a_control;
		if (dsdt)
			read_dsdt(dsdt);
	}
}

void acpi_init(void)
{
	u32 entry_size = boot_info.acpi_wide ? 8 : 4;

	for (u32 i = 0; i < 16; i++)
		acpi.isa_gsi[i] = i;
	const struct acpi_header *root = boot_info.acpi_root ? table_at(boot_info.acpi_root) : NULL;
	if (!root) {
		printk("acpi: no tables, PC defaults");
		return;
	}
	for (u32 at = sizeof(*root); at + entry_size <= root->size; at += entry_size) {
		phys_t phys = 0;

		memcpy(&phys, (const u8 *)root + at, entry_size);
		const struct acpi_header *table = table_at(phys);
		if (table)
			read_table(table);
	}
}

void acpi_power_off(void)
{
	if (acpi.pm1a_control)
		outw(acpi.pm1a_control, (u16)(acpi.sleep_type_s5 << 10 | PM1_SLEEP_ENABLE));
}
