/* The other processors of the machine: how they are started, and made to stop. */
#ifndef MITOS_X86_SMP_H
#define MITOS_X86_SMP_H

#include "lib/types.h"

/*
 * Starts the processor with that local APIC number as the next CPU, cpus[cpu_count], on the stack
 * that ends at stack_top; there it calls main, which does not return and calls smp_online() once it
 * can be used. Boot processor only, before there is more than one task. False: it did not answer or
 * is not as able as the boot processor, and it will never touch the stack again.
 */
bool smp_start_cpu(u32 apic_id, void *stack_top, void (*main)(void));

/* By a processor that has just started: it counts from now on. */
void smp_online(void);

/* How many processors the machine may use: the boot options nosmp and maxcpus=N. */
u32 smp_limit(void);

/* Stops the others wherever they are, for ever: before a panic's last words, and power off. Locks
 * that they hold stay taken. */
void smp_stop_others(void);
/* What a non-maskable interrupt calls: does not return if it was sent to stop this CPU. */
void smp_nmi(void);

#endif
