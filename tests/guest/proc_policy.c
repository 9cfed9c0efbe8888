/*
 * How a process is scheduled, as far as it can be told: nice values and who may change them, what
 * they are worth, policies, affinity, and the calls' errors. Sources: getpriority(2), nice(2),
 * sched_setscheduler(2), sched_rr_get_interval(2), sched_setaffinity(2), getrlimit(2) on
 * RLIMIT_NICE, sched(7).
 */
#include "proc.h"
#include <sys/resource.h>

#define MS 1000000LL

enum { BATCH = 3, IDLE = 5, NO_POLICY = 77 };

static pid_t dead_pid(void)
{
	pid_t pid = FORK();

	if (pid == 0)
		_exit(0);
	CHECK_EXIT(pid, 0);
	return pid;
}

TEST(nice_values)
{
	errno = 0;
	CHECK_EQ(getpriority(PRIO_PROCESS, 0), 0);
	CHECK_EQ(syscall(SYS_getpriority, PRIO_PROCESS, 0),
		 20); /* the call itself never is negative */
	CHECK_EQ(setpriority(PRIO_PROCESS, 0, 5), 0);
	CHECK_EQ(getpriority(PRIO_PROCESS, getpid()), 5);
	CHECK_EQ(syscall(SYS_getpriority, PRIO_PROCESS, 0), 15);
	CHECK_EQ(setpriority(PRIO_PROCESS, 0, 100), 0); /* too much is the most */
	CHECK_EQ(getpriority(PRIO_PROCESS, 0), 19);
	CHECK_EQ(nice(0), 19);
	pid_t pid = FORK();
	if (pid == 0)
		_exit(getpriority(PRIO_PROCESS, 0)); /* inherited */
	CHECK_EXIT(pid, 19);
}

TEST(nice_of_a_group)
{
	struct gate gate = gate_new();
	pid_t leader = FORK();

	if (leader == 0) {
		CHECK_EQ(setpgid(0, 0), 0);
		pid_t member = FORK();
		if (member == 0) {
			gate_pass(gate);
			_exit(getpriority(PRIO_PROCESS, 0));
		}
		CHECK_EQ(setpriority(PRIO_PROCESS, 0, 3), 0);
		CHECK_EQ(getpriority(PRIO_PGRP, 0), 0); /* the most favoured one's */
		CHECK_EQ(setpriority(PRIO_PGRP, 0, 7), 0);
		CHECK_EQ(getpriority(PRIO_PGRP, getpid()), 7);
		gate_open(gate, 1);
		CHECK_EXIT(member, 7);
		_exit(0);
	}
	CHECK_EXIT(leader, 0);
}

TEST(nice_errors)
{
	pid_t dead = dead_pid();

	CHECK_ERRNO(getpriority(-1, 0), EINVAL);
	CHECK_ERRNO(getpriority(3, 0), EINVAL);
	CHECK_ERRNO(setpriority(3, 0, 0), EINVAL);
	CHECK_ERRNO(getpriority(PRIO_PROCESS, dead), ESRCH);
	CHECK_ERRNO(setpriority(PRIO_PROCESS, dead, 1), ESRCH);
	CHECK_ERRNO(getpriority(PRIO_PGRP, dead), ESRCH);
	CHECK_ERRNO(getpriority(PRIO_USER, 54321), ESRCH);
}

TEST(policies)
{
	struct sched_param param = { .sched_priority = -1 };

	CHECK_EQ(syscall(SYS_sched_getscheduler, 0), SCHED_OTHER);
	CHECK_EQ(syscall(SYS_sched_getparam, 0, &param), 0);
	CHECK_EQ(param.sched_priority, 0);
	CHECK_EQ(syscall(SYS_sched_setscheduler, 0, BATCH, &param), 0);
	CHECK_EQ(syscall(SYS_sched_getscheduler, getpid()), BATCH);
	pid_t pid = FORK();
	if (pid == 0)
		_exit((int)syscall(SYS_sched_getscheduler, 0)); /* inherited */
	CHECK_EXIT(pid, BATCH);
	CHECK_EQ(syscall(SYS_sched_setparam, 0, &param), 0);
	CHECK_EQ(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &param), 0);
	CHECK_EQ(syscall(SYS_sched_setscheduler, 0, IDLE, &param), 0);
}

TEST(policy_errors)
{
	struct sched_param zero = { 0 }, one = { .sched_priority = 1 };
	struct timespec interval;
	pid_t dead = dead_pid();

	CHECK_ERRNO(syscall(SYS_sched_setscheduler, 0, NO_POLICY, &zero), EINVAL);
	CHECK_ERRNO(syscall(SYS_sched_setscheduler, 0, -1, &zero), EINVAL);
	CHECK_ERRNO(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &one), EINVAL);
	CHECK_ERRNO(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, NULL), EINVAL);
	CHECK_ERRNO(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, BAD_POINTER), EFAULT);
	CHECK_ERRNO(syscall(SYS_sched_setscheduler, -1, SCHED_OTHER, &zero), EINVAL);
	CHECK_ERRNO(syscall(SYS_sched_setscheduler, dead, SCHED_OTHER, &zero), ESRCH);
	CHECK_ERRNO(syscall(SYS_sched_setparam, 0, &one), EINVAL);
	CHECK_ERRNO(syscall(SYS_sched_setparam, 0, NULL), EINVAL);
	CHECK_ERRNO(syscall(SYS_sched_getscheduler, -1), EINVAL);
	CHECK_ERRNO(syscall(SYS_sched_getscheduler, dead), ESRCH);
	CHECK_ERRNO(syscall(SYS_sched_getparam, 0, NULL), EINVAL);
	CHECK_ERRNO(syscall(SYS_sched_getparam, 0, BAD_POINTER), EFAULT);
	CHECK_ERRNO(syscall(SYS_sched_getparam, -1, &zero), EINVAL);
	CHECK_ERRNO(syscall(SYS_sched_getparam, dead, &zero), ESRCH);
	CHECK_ERRNO(sched_rr_get_interval(-1, &interval), EINVAL);
	CHECK_ERRNO(sched_rr_get_interval(dead, &interval), ESRCH);
	CHECK_ERRNO(syscall(SYS_sched_rr_get_interval, 0, BAD_POINTER), EFAULT);
}

TEST(priority_ranges)
{
	static const struct {
		int policy, min, max;
	} rows[] = { { SCHED_OTHER, 0, 0 },
		     { SCHED_FIFO, 1, 99 },
		     { SCHED_RR, 1, 99 },
		     { BATCH, 0, 0 },
		     { IDLE, 0, 0 } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CHECK_EQ(sched_get_priority_min(rows[i].policy), rows[i].min);
		CHECK_EQ(sched_get_priority_max(rows[i].policy), rows[i].max);
	}
	CHECK_ERRNO(sched_get_priority_min(NO_POLICY), EINVAL);
	CHECK_ERRNO(sched_get_priority_max(-1), EINVAL);
}

TEST(affinity)
{
	unsigned long all[16] = { 0 }, one[16] = { 0 }, none[16] = { 0 };
	pid_t dead = dead_pid();
	long size = syscall(SYS_sched_getaffinity, 0, sizeof(all), all);

	CHECK(size > 0 && size % 8 == 0 && all[0]);
	one[0] = all[0] & -all[0];
	CHECK_EQ(syscall(SYS_sched_setaffinity, 0, sizeof(one), one), 0);
	CHECK_EQ(syscall(SYS_sched_getaffinity, getpid(), sizeof(none), none), size);
	CHECK_EQ(none[0], one[0]);
	pid_t pid = FORK();
	if (pid == 0) {
		CHECK_EQ(syscall(SYS_sched_getaffinity, 0, sizeof(none), none), size);
		CHECK_EQ(none[0], one[0]); /* inherited */
		_exit(0);
	}
	CHECK_EXIT(pid, 0);
	none[0] = 0;
	CHECK_ERRNO(syscall(SYS_sched_setaffinity, 0, sizeof(none), none), EINVAL);
	CHECK_ERRNO(syscall(SYS_sched_setaffinity, dead, sizeof(one), one), ESRCH);
	CHECK_ERRNO(syscall(SYS_sched_getaffinity, dead, sizeof(none), none), ESRCH);
	CHECK_ERRNO(syscall(SYS_sched_setaffinity, 0, sizeof(one), BAD_POINTER), EFAULT);
	CHECK_ERRNO(syscall(SYS_sched_getaffinity, 0, sizeof(all), BAD_POINTER), EFAULT);
	CHECK_ERRNO(syscall(SYS_sched_getaffinity, 0, 0, all), EINVAL);
	CHECK_ERRNO(syscall(SYS_sched_getaffinity, 0, 7, all), EINVAL);
	CHECK_EQ(syscall(SYS_sched_setaffinity, 0, sizeof(all), all), 0);
}

/* ---- what a nice value is worth -------------------------------------------------------------- */

struct race {
	int arrived, stop;
	int64_t used[2];
};

static void compute(struct race *race, int me, int niceness, int64_t window)
{
	CHECK_EQ(setpriority(PRIO_PROCESS, 0, niceness), 0);
	__atomic_add_fetch(&race->arrived, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&race->arrived, __ATOMIC_SEQ_CST) < 2)
		sched_yield();
	int64_t start = clock_ns(CLOCK_PROCESS_CPUTIME_ID), used = 0;
	while (!__atomic_load_n(&race->stop, __ATOMIC_SEQ_CST)) {
		used = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - start;
		if (used >= window)
			__atomic_store_n(&race->stop, 1, __ATOMIC_SEQ_CST);
	}
	race->used[me] = used;
	_exit(0);
}

/* A machine whose host takes the processor away now and then spoils a race, but not all of them. */
TEST(the_nicer_one_gets_less)
{
	unsigned long cpus[16] = { 0 };
	bool favoured = false;

	CHECK(syscall(SYS_sched_getaffinity, 0, sizeof(cpus), cpus) > 0);
	cpus[0] &= -cpus[0];
	CHECK_EQ(syscall(SYS_sched_setaffinity, 0, sizeof(cpus), cpus), 0);
	for (int attempt = 0; attempt < 8 && !favoured; attempt++) {
		struct race *race = shared_memory(sizeof(*race));
		pid_t pids[2];

		for (int i = 0; i < 2; i++) {
			pids[i] = FORK();
			if (pids[i] == 0)
				compute(race, i, i * 10, 200 * MS);
		}
		for (int i = 0; i < 2; i++)
			CHECK_EXIT(pids[i], 0);
		favoured = race->used[0] > 3 * race->used[1];
		CONTEXT("used %lld and %lld ms", (long long)(race->used[0] / MS),
			(long long)(race->used[1] / MS));
	}
	CHECK(favoured);
}

/* ---- processor time is a limit, too ---------------------------------------------------------- */

static volatile sig_atomic_t warnings;

static void count_warning(int sig)
{
	(void)sig;
	warnings++;
}

TEST(cpu_limit_warns_and_kills)
{
	volatile int *seen = shared_memory(sizeof(*seen));
	pid_t pid = FORK();

	if (pid == 0) {
		struct rlimit limit = { 1, 2 };
		struct sigaction count = { .sa_handler = count_warning };

		CHECK_EQ(sigaction(SIGXCPU, &count, NULL), 0);
		CHECK_EQ(setrlimit(RLIMIT_CPU, &limit), 0);
		for (;;)
			*seen = warnings;
	}
	CHECK_SIGNAL(pid, SIGKILL);
	CHECK_EQ(*seen, 1);
}

TEST(cpu_limit_kills_who_does_not_listen)
{
	pid_t pid = FORK();

	if (pid == 0) {
		struct rlimit limit = { 1, RLIM_INFINITY };

		CHECK_EQ(setrlimit(RLIMIT_CPU, &limit), 0);
		for (;;)
			;
	}
	CHECK_SIGNAL(pid, SIGXCPU);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
