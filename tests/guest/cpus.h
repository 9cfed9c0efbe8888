/* The processors that a test may use, by their numbers, and a way to run on one of them. */
#ifndef CPUS_H
#define CPUS_H

#include "proc.h"

static int cpu_count;
static int cpu_numbers[CPU_SETSIZE];

static inline void learn_cpus(void)
{
	cpu_set_t set;

	CHECK_EQ(sched_getaffinity(0, sizeof(set), &set), 0);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &set))
			cpu_numbers[cpu_count++] = cpu;
	CHECK(cpu_count > 0);
}

/* pid, or the caller for 0, runs on that one from now on. */
static inline void keep_to(pid_t pid, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	CHECK_EQ(sched_setaffinity(pid, sizeof(set), &set), 0);
}

#endif
