/* Interval timers and alarm: setitimer(2), alarm(2). A process has one of each kind; fork does not
 * inherit them. */
#ifndef MITOS_PROC_ITIMER_H
#define MITOS_PROC_ITIMER_H

#include "sched/timer.h"

struct pid;
struct signal_struct;

#define ITIMER_KINDS 3 /* ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF */

struct itimer_setting {
	u64 value, interval; /* ns until it expires (0: disarmed), and from then on (0: once) */
};

struct itimers {
	struct timer real; /* arms the first kind */
	struct pid *pid;   /* whom the real one signals; held while it is or was armed */
	u64 real_interval; /* ns */
	bool real_resting; /* its signal is pending; armed again when that is taken */
	/* ITIMER_VIRTUAL and ITIMER_PROF; counted down by ticks of the process itself */
	struct itimer_setting cpu[2];
};

/* Gives the running process's timer a new setting and returns the old one. kind is one of the
 * three. */
struct itimer_setting itimer_set(int kind, struct itimer_setting setting);
struct itimer_setting itimer_get(int kind);
/* SIGALRM has been taken out of what is pending; sighand->lock held */
void itimer_taken(struct itimers *itimers);
/* the running task used ns more of CPU; interrupt context */
void itimer_tick(bool user_mode, u64 ns);
/* the process is no more, or its memory of timers */
void itimers_end(struct signal_struct *signal);

#endif
