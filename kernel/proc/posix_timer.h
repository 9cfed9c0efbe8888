/*
 * Timers that a program makes as many of as it likes (timer_create(2)). Each tells by a signal that
 * it has expired; while that signal is pending a periodic timer rests, and what it missed is
 * counted as overruns, so no period, however short, can drown the machine in interrupts. fork
 * inherits none, execve deletes all.
 */
#ifndef MITOS_PROC_POSIX_TIMER_H
#define MITOS_PROC_POSIX_TIMER_H

#include "proc/itimer.h"
#include <asm/siginfo.h>
#include <linux/signal.h>

struct posix_timers;

void posix_timer_module_init(void);
/* A timer on a clock (CLOCK_*), announced as event says: its number, -EINVAL, -EAGAIN (too many),
 * -EOPNOTSUPP (a clock without timers), -ENOMEM. */
int posix_timer_create(int clock, const struct sigevent *event);
/*
 * Arms it for setting.value (ns from now; absolute: time of its clock), 0 disarms; old gets what
 * was set before. 0, -EINVAL (no such timer).
 */
int posix_timer_set(int id, bool absolute, struct itimer_setting setting,
		    struct itimer_setting *old);
int posix_timer_get(int id, struct itimer_setting *setting); /* 0, -EINVAL */
int posix_timer_overrun(int id); /* of the signal delivered last; -EINVAL */
int posix_timer_delete(int id);	 /* 0, -EINVAL */

/* The running task used more of its CPU; interrupt context. */
void posix_timers_tick(void);
/* How many entries of signals its timers own, queued or not; for the audit, while nobody runs. */
u64 posix_timers_signals(const struct signal_struct *signal);
/* Deletes all of a process; may sleep. */
void posix_timers_end(struct signal_struct *signal);

#endif
