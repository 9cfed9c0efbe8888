/*
 * The load average: the number of tasks that run, want to, or sleep uninterruptibly, sampled every
 * five seconds and smoothed over 1, 5 and 15 minutes by exponential decay (proc(5), /proc/loadavg).
 * The timer's callback is the only writer.
 */
#include "sched/task.h"
#include "sched/timer.h"

#define SAMPLE_PERIOD (5 * NSEC_PER_SEC)
#define FIXED_ONE 2048u

/* e^(-5s / 1, 5 and 15 min) in units of 1 / FIXED_ONE */
static const u32 decay[3] = { 1884, 2014, 2037 };
static u32 load[3];
static struct timer sample_timer;

static void sample(struct timer *timer)
{
	u32 active = (u32)(sched_running() + sched_uninterruptible()) * FIXED_ONE;

	for (int i = 0; i < 3; i++) {
		u64 next = (u64)load[i] * decay[i] + (u64)active * (FIXED_ONE - decay[i]);

		if (active > load[i])
			/* round towards the sample, or it would never be reached */
			next += FIXED_ONE - 1;
		load[i] = (u32)(next / FIXED_ONE);
	}
	timer_arm(timer, timer->expires + SAMPLE_PERIOD);
}

void sched_load_start(void)
{
	timer_init(&sample_timer, sample);
	timer_arm(&sample_timer, clock_monotonic() + SAMPLE_PERIOD);
}

void sched_load(u32 hundredths[3])
{
	for (int i = 0; i < 3; i++)
		hundredths[i] = load[i] * 100 / FIXED_ONE;
}
