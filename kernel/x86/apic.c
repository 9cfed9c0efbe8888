/*
 * Local APIC in xAPIC mode and one I/O APIC (Intel SDM vol. 3, chapter 11; 82093AA data sheet). All
 * device interrupts go to the boot processor. The local registers are each CPU's own, so they need
 * no lock; the I/O APIC is written only at boot.
 */
#include "x86/apic.h"
#include "x86/acpi.h"
#include "x86/asm.h"

enum {
	LAPIC_ID = 0x20,
	LAPIC_EOI = 0xb0,
	LAPIC_SPURIOUS = 0xf0,
	LAPIC_ICR = 0x300, /* writing it sends the message */
	LAPIC_ICR_RECEIVER = 0x310,
	LAPIC_LVT_TIMER = 0x320,
	LAPIC_TIMER_INITIAL = 0x380,
	LAPIC_TIMER_CURRENT = 0x390,
	LAPIC_TIMER_DIVIDE = 0x3e0,
};
#define LAPIC_ENABLE (1u << 8)
#define ICR_NMI (4u << 8)
#define ICR_INIT (5u << 8)
#define ICR_STARTUP (6u << 8)
#define ICR_IS_SENDING (1u << 12)
#define ICR_ASSERT (1u << 14)
#define TIMER_DIVIDE_16 3
#define IOAPIC_REDIRECTION 0x10
#define IOAPIC_MASKED (1u << 16)
#define IOAPIC_LEVEL (1u << 15)
#define IOAPIC_ACTIVE_LOW (1u << 13)

static volatile u32 *lapic;
static volatile u32 *ioapic;

static void ioapic_write(u32 reg, u32 value)
{
	ioapic[0] = reg;
	ioapic[4] = value;
}

static void pic_mask(void)
{
	outb(0x21, 0xff);
	outb(0xa1, 0xff);
}

void apic_init(volatile u32 *lapic_registers, volatile u32 *ioapic_registers)
{
	lapic = lapic_registers;
	ioapic = ioapic_registers;
	pic_mask();
	ioapic[0] = 1; /* version: the number of inputs less one in bits 16-23 */
	u32 inputs = (ioapic[4] >> 16 & 0xff) + 1;
	for (u32 i = 0; i < inputs; i++)
		ioapic_write(IOAPIC_REDIRECTION + 2 * i, IOAPIC_MASKED);
	lapic_enable();
}

void lapic_enable(void)
{
	this_cpu()->apic_id = lapic[LAPIC_ID / 4] >> 24;
	lapic[LAPIC_SPURIOUS / 4] = LAPIC_ENABLE | VECTOR_SPURIOUS;
	lapic[LAPIC_TIMER_DIVIDE / 4] = TIMER_DIVIDE_16;
	lapic[LAPIC_LVT_TIMER / 4] = VECTOR_TIMER; /* one shot */
}

void lapic_eoi(void)
{
	lapic[LAPIC_EOI / 4] = 0;
}

/* Interrupts are off between the two writes: a handler may send, too. */
static void send(u32 apic_id, u32 message)
{
	irq_push();
	while (lapic[LAPIC_ICR / 4] & ICR_IS_SENDING)
		cpu_relax();
	lapic[LAPIC_ICR_RECEIVER / 4] = apic_id << 24;
	lapic[LAPIC_ICR / 4] = message | ICR_ASSERT;
	irq_pop();
}

void lapic_send_ipi(u32 cpu, u8 vector)
{
	send(cpus[cpu].apic_id, vector);
}

void lapic_send_nmi(u32 cpu)
{
	send(cpus[cpu].apic_id, ICR_NMI);
}

void lapic_send_init(u32 apic_id)
{
	send(apic_id, ICR_INIT);
}

void lapic_send_startup(u32 apic_id, u8 page)
{
	send(apic_id, ICR_STARTUP | page);
}

void ioapic_enable(u32 isa_irq)
{
	u32 input = acpi.isa_gsi[isa_irq] - acpi.ioapic_gsi_base;
	u16 flags = acpi.isa_flags[isa_irq];
	u32 low = VECTOR_ISA + isa_irq;

	if ((flags & 3) == 3)
		low |= IOAPIC_ACTIVE_LOW;
	if ((flags >> 2 & 3) == 3)
		low |= IOAPIC_LEVEL;
	ioapic_write(IOAPIC_REDIRECTION + 2 * input + 1, cpus[0].apic_id << 24);
	ioapic_write(IOAPIC_REDIRECTION + 2 * input, low);
}

void lapic_timer_start(u32 count)
{
	lapic[LAPIC_TIMER_INITIAL / 4] = count;
}

u32 lapic_timer_count(void)
{
	return lapic[LAPIC_TIMER_CURRENT / 4];
}
