/*
 * One-shot timers. Each CPU keeps its own in a red-black tree by expiry time, and programs its
 * local APIC for the earliest of them and the running task's next tick, so an idle machine takes no
 * interrupts at all.
 */
#ifndef MITOS_SCHED_TIMER_H
#define MITOS_SCHED_TIMER_H

#include "lib/tree.h"
#include "x86/clock.h"

struct cpu;

struct timer {
	RB_ENTRY(timer) node;
	u64 expires;			 /* monotonic ns */
	void (*fn)(struct timer *timer); /* interrupt context; the timer is already disarmed */
	struct cpu *cpu;		 /* where it is armed; NULL: disarmed */
};

void timer_init(struct timer *timer, void (*fn)(struct timer *timer));
/* Disarms it first if need be. One CPU at a time arms a timer: its owner sees to that. */
void timer_arm(struct timer *timer, u64 expires);
/* True if it was armed. Afterwards it is not, and fn does not run on another CPU, so that the timer
 * may go: it waits for that, so hold no lock that fn takes. If fn arms its timer again, it must see
 * under such a lock, released before, that nobody wants that any more. */
bool timer_disarm(struct timer *timer);
/* The same for who holds the lock under which alone the timer is armed, also by fn. False: fn runs
 * on another CPU, where it may be waiting for that lock: let go of it and try again. Nothing has
 * changed then. */
bool timer_try_disarm(struct timer *timer);
void timer_interrupt(void); /* runs what has expired on this CPU */
/* The running task's next tick on this CPU, or CLOCK_NEVER for an idle CPU; programs
 * the hardware. */
void timer_set_tick(u64 when);
u64 timer_tick(void);

#endif
