/*
 * Time does not go backwards from one processor to another: whoever hears of a moment, by shared
 * memory or by having been moved, is not earlier than that. Source: clock_gettime(2),
 * CLOCK_MONOTONIC.
 */
#include "cpus.h"

enum { ROUNDS = 20000 };

/* Processes on all processors tell each other the latest moment that any has seen. */
TEST(the_latest_moment_seen_is_past_for_everybody)
{
	int64_t *latest = shared_memory(sizeof(*latest));
	pid_t pids[CPU_SETSIZE];

	learn_cpus();
	int processes = cpu_count < 8 ? cpu_count : 8;
	for (int i = 0; i < processes; i++) {
		pids[i] = FORK();
		if (pids[i] != 0)
			continue;
		keep_to(0, cpu_numbers[i]);
		for (int round = 0; round < ROUNDS; round++) {
			int64_t seen = __atomic_load_n(latest, __ATOMIC_SEQ_CST);
			int64_t now = clock_ns(CLOCK_MONOTONIC);

			CHECK(now >= seen);
			while (seen < now &&
			       !__atomic_compare_exchange_n(latest, &seen, now, 0, __ATOMIC_SEQ_CST,
							    __ATOMIC_SEQ_CST))
				;
		}
		_exit(0);
	}
	for (int i = 0; i < processes; i++)
		CHECK_EXIT(pids[i], 0);
}

TEST(a_process_that_moves_does_not_go_back)
{
	int64_t before = 0;

	learn_cpus();
	for (int round = 0; round < 500; round++) {
		keep_to(0, cpu_numbers[round % cpu_count]);
		int64_t now = clock_ns(CLOCK_MONOTONIC);
		CHECK(now >= before);
		before = now;
	}
}

/* The processor time of a process grows wherever it runs. */
TEST(processor_time_does_not_go_back)
{
	int64_t before = 0;

	learn_cpus();
	for (int round = 0; round < 500; round++) {
		keep_to(0, cpu_numbers[round % cpu_count]);
		int64_t now = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
		CHECK(now >= before);
		before = now;
	}
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
