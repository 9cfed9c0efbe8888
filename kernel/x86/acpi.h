/*
 * The few facts taken from ACPI's tables: interrupt controllers, processors, the HPET, and how to
 * power off. Without tables the defaults of the PC hold.
 */
#ifndef MITOS_X86_ACPI_H
#define MITOS_X86_ACPI_H

#include "x86/cpu.h"
#include "x86/paging.h"

struct acpi_facts {
	phys_t lapic, ioapic, hpet; /* register blocks; hpet 0: none */
	u32 ioapic_gsi_base;
	u32 isa_gsi[16];   /* global interrupt of each ISA interrupt */
	u16 isa_flags[16]; /* MPS INTI flags: polarity and trigger */
	u32 cpu_apic_ids[CPUS_MAX];
	u32 cpu_total;
	u16 pm1a_control;  /* power-management port, 0: none */
	u16 sleep_type_s5; /* value of SLP_TYP for power off */
};
extern struct acpi_facts acpi;

void acpi_init(void);
/* Powers the machine off; returns only if it cannot. */
void acpi_power_off(void);

#endif
