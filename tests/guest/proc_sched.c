/*
 * Sharing a processor: programs that compute get equal parts of it, one that sleeps gets it when it
 * wakes up, and nobody can keep it to itself. On a machine with several processors the test keeps
 * to one. Fairness is judged by the processor time that each got, so the speed of the machine does
 * not matter; 90 percent of a fair part is asked for. Sources: sched(7), sched_yield(2).
 */
#include "proc.h"
#include <sys/resource.h>

#define MS 1000000LL

struct shared {
	int arrived;
	int stop;
	int64_t used[8];
};

/* All processes of the test run on one processor. A kernel without these calls has only one. */
static void keep_to_one_processor(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &set)) {
			CPU_ZERO(&set);
			CPU_SET(cpu, &set);
			CHECK(sched_setaffinity(0, sizeof(set), &set) == 0 || errno == ENOSYS);
			return;
		}
}

/* Computes from when all have arrived until the first of them has used this much time. */
static void compete(struct shared *shared, int me, int competitors, int64_t window)
{
	__atomic_add_fetch(&shared->arrived, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&shared->arrived, __ATOMIC_SEQ_CST) < competitors)
		sched_yield();
	int64_t start = clock_ns(CLOCK_PROCESS_CPUTIME_ID), used = 0;
	while (!__atomic_load_n(&shared->stop, __ATOMIC_SEQ_CST)) {
		for (int i = 0; i < 2000; i++)
			asm volatile("");
		used = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - start;
		if (used >= window)
			__atomic_store_n(&shared->stop, 1, __ATOMIC_SEQ_CST);
	}
	shared->used[me] = used;
	_exit(0);
}

/* One competition: what the one that got least used, in percent of the window. */
static int compete_once(int competitors, int64_t window)
{
	struct shared *shared = shared_memory(sizeof(*shared));
	pid_t pids[8];
	int64_t least = INT64_MAX;

	for (int i = 0; i < competitors; i++) {
		pids[i] = FORK();
		if (pids[i] == 0)
			compete(shared, i, competitors, window);
	}
	for (int i = 0; i < competitors; i++)
		CHECK_EXIT(pids[i], 0);
	for (int i = 0; i < competitors; i++)
		if (shared->used[i] < least)
			least = shared->used[i];
	return (int)(least * 100 / window);
}

/*
 * A virtual machine whose host takes the processor away for a while charges that to whoever was
 * running, which spoils a competition. It does not spoil all of them; an unfair kernel does.
 */
static void check_fairness(int competitors, int64_t window, int percent)
{
	int best = 0;

	keep_to_one_processor();
	for (int attempt = 0; attempt < 30 && best < percent; attempt++) {
		int got = compete_once(competitors, window);

		if (got > best)
			best = got;
	}
	CONTEXT("at best, the least of %d got %d percent of the most", competitors, best);
	CHECK(best >= percent);
}

TEST(two_share_evenly)
{
	check_fairness(2, 300 * MS, 90);
}

TEST(five_share_evenly)
{
	check_fairness(5, 200 * MS, 90);
}

static pid_t start_hog(void)
{
	pid_t pid = FORK();

	if (pid == 0)
		for (;;)
			asm volatile("");
	return pid;
}

static void end_hogs(pid_t *hogs, int n)
{
	for (int i = 0; i < n; i++) {
		CHECK_EQ(waitpid(hogs[i], NULL, WNOHANG), 0);
		CHECK_EQ(kill(hogs[i], SIGKILL), 0);
		CHECK_SIGNAL(hogs[i], SIGKILL);
	}
}

TEST(sleepers_wake_up_beside_hogs)
{
	pid_t hogs[3];

	keep_to_one_processor();
	for (int i = 0; i < 3; i++)
		hogs[i] = start_hog();
	for (int i = 0; i < 20; i++)
		pause_briefly();
	end_hogs(hogs, 3);
}

/* So many questions and answers by pipe, beside so many that compute: the processor time that the
 * hogs used meanwhile, ns. */
static int64_t talk_beside_hogs(int questions, int count)
{
	struct gate there = gate_new(), back = gate_new();
	struct rusage before, after;
	pid_t hogs[20];

	keep_to_one_processor();
	CHECK_EQ(getrusage(RUSAGE_CHILDREN, &before), 0);
	pid_t echo = FORK();
	if (echo == 0) {
		for (int i = 0; i < questions; i++) {
			gate_pass(there);
			gate_open(back, 1);
		}
		_exit(0);
	}
	for (int i = 0; i < count; i++)
		hogs[i] = start_hog();
	for (int i = 0; i < questions; i++) {
		gate_open(there, 1);
		gate_pass(back);
	}
	CHECK_EXIT(echo, 0);
	end_hogs(hogs, count);
	CHECK_EQ(getrusage(RUSAGE_CHILDREN, &after), 0);
	return (after.ru_utime.tv_sec - before.ru_utime.tv_sec) * 1000000000LL +
	       (after.ru_utime.tv_usec - before.ru_utime.tv_usec) * 1000LL;
}

/* Two that talk through pipes get on although two others compute all the time. */
TEST(talkers_get_on_beside_hogs)
{
	talk_beside_hogs(50, 2);
}

/* One that wakes up waits for the one that runs, not for all that could: slices of 10 ms or less of
 * one hog for each of 40 wake-ups, not of twenty. */
TEST(talkers_do_not_wait_for_every_hog)
{
	int64_t least = INT64_MAX;

	for (int attempt = 0; attempt < 5 && least > 2000 * MS; attempt++) {
		int64_t used = talk_beside_hogs(20, 20);

		if (used < least)
			least = used;
	}
	CONTEXT("the hogs used %lld ms", (long long)(least / MS));
	CHECK(least <= 2000 * MS);
}

/* Who gives way in a loop still gets on, and so does who waits for it in such a loop. */
TEST(yielding)
{
	volatile int *turn = shared_memory(4096);

	keep_to_one_processor();
	CHECK_EQ(sched_yield(), 0);
	pid_t pid = FORK();
	if (pid == 0) {
		for (int i = 0; i < 200; i++) {
			while (*turn != 1)
				CHECK_EQ(sched_yield(), 0);
			*turn = 0;
		}
		_exit(0);
	}
	for (int i = 0; i < 200; i++) {
		*turn = 1;
		while (*turn != 0)
			CHECK_EQ(sched_yield(), 0);
	}
	CHECK_EXIT(pid, 0);
}

/* Waiting in a busy loop without giving way: only preemption lets the other do its part. */
TEST(preemption)
{
	volatile int *turn = shared_memory(4096);

	keep_to_one_processor();
	pid_t pid = FORK();
	if (pid == 0) {
		for (int i = 0; i < 10; i++) {
			while (*turn != 1)
				;
			*turn = 0;
		}
		_exit(0);
	}
	for (int i = 0; i < 10; i++) {
		*turn = 1;
		while (*turn != 0)
			;
	}
	CHECK_EXIT(pid, 0);
}

TEST(states_in_proc)
{
	struct gate ready = gate_new();
	pid_t hog = start_hog(), sleeper = FORK();

	if (sleeper == 0) {
		gate_open(ready, 1);
		block_forever();
	}
	gate_pass(ready);
	CHECK_EQ(process_state(hog), 'R');
	CHECK_EQ(process_state(getpid()), 'R');
	await_state(sleeper, 'S');
	CHECK_EQ(kill(sleeper, SIGSTOP), 0);
	await_state(sleeper, 'T');
	CHECK_EQ(kill(hog, SIGSTOP), 0);
	await_state(hog, 'T');
	CHECK_EQ(kill(hog, SIGCONT), 0);
	await_state(hog, 'R');
	CHECK_EQ(kill(sleeper, SIGCONT), 0);
	await_state(sleeper, 'S');
	CHECK_EQ(kill(sleeper, SIGKILL), 0);
	CHECK_SIGNAL(sleeper, SIGKILL);
	end_hogs(&hog, 1);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
