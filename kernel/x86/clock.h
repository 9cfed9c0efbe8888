/*
 * Time from the TSC, calibrated at boot as a ratio of counter deltas against the HPET or the PIT.
 * Nanoseconds everywhere; monotonic time starts at 0 when the kernel starts.
 */
#ifndef MITOS_X86_CLOCK_H
#define MITOS_X86_CLOCK_H

#include "lib/types.h"

#define NSEC_PER_SEC 1000000000ull
#define NSEC_PER_MSEC 1000000ull
#define NSEC_PER_USEC 1000ull
#define NSEC_PER_CLOCK_TICK (10 * NSEC_PER_MSEC) /* USER_HZ is 100: times(2), /proc */

/* Calibrates. hpet: its mapped registers, or NULL to use the PIT. The local APIC must be ready. */
void clock_init(volatile u64 *hpet);
/* Compares the TSC of a processor that is being started with the boot processor's, and corrects it
 * if they differ: both call at the same time, interrupts off. */
void clock_compare_with_starting(void); /* the boot processor */
void clock_compare_starting(void);	/* the other */
/* ns since boot; never less than another CPU has read before */
u64 clock_monotonic(void);
u64 clock_realtime(void); /* ns since 1970 UTC */
void clock_set_realtime(u64 ns);

/* Arms this CPU's timer to interrupt at monotonic time ns (at once if past). */
void clock_program(u64 ns);
#define CLOCK_NEVER (~0ull)

u32 clock_mhz(void); /* of the TSC */

#endif
