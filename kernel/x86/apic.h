/* The interrupt controllers: each CPU's local APIC with its timer, and the I/O APIC that routes
 * device interrupts. */
#ifndef MITOS_X86_APIC_H
#define MITOS_X86_APIC_H

#include "lib/types.h"

/* Interrupt vectors; 0 to 31 are the CPU's exceptions. */
#define VECTOR_ISA 32 /* + ISA interrupt number */
#define VECTOR_TIMER 48
#define VECTOR_RESCHEDULE 49 /* from another CPU: look at the flags of the running task */
#define VECTOR_REQUEST 50    /* from another CPU: cpu_serve_requests() */
#define VECTOR_SPURIOUS 255

/* Once, with the mapped register pages: masks the old PICs, readies the I/O APIC and this CPU's
 * local one. */
void apic_init(volatile u32 *lapic, volatile u32 *ioapic);
void lapic_enable(void); /* on each CPU */
void lapic_eoi(void);	 /* the interrupt being handled is done */
/* deliver this ISA interrupt to the boot processor as VECTOR_ISA + isa_irq */
void ioapic_enable(u32 isa_irq);

/* Messages to other CPUs; any context. The first two name the receiver by its number in cpus[], the
 * others, of which `page` is where a processor starts in real mode, by its APIC number. */
void lapic_send_ipi(u32 cpu, u8 vector);
void lapic_send_nmi(u32 cpu);
void lapic_send_init(u32 apic_id);
void lapic_send_startup(u32 apic_id, u8 page);

/* The timer counts down at the bus clock / 16. */
void lapic_timer_start(u32 count); /* one interrupt VECTOR_TIMER when it reaches 0; 0 stops it */
u32 lapic_timer_count(void);	   /* what is left */

#endif
