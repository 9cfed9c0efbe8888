/*
 * The watchdog. A CPU that has not gone through schedule() for watchdog_thresh seconds although
 * a task waits for it is in a soft lockup: kernel code loops there. One that does not even take its
 * timer's interrupts is in a hard lockup, which a busy neighbour sees. Each is reported once, with
 * the backtrace of every CPU.
 */
#ifndef MITOS_SCHED_WATCHDOG_H
#define MITOS_SCHED_WATCHDOG_H

#include "lib/types.h"

struct trapframe;

#define WATCHDOG_THRESH_MAX 60
/* Seconds until a lockup is reported, /proc/sys/kernel/watchdog_thresh; 0: never. */
extern u64 watchdog_thresh;
extern u32 watchdog_reports; /* atomic: lockups reported since boot */

/* At each tick of a busy CPU; tf is what the timer's interrupt found. */
void watchdog_tick(const struct trapframe *tf);

#endif
