/*
 * How long a futex is waited for, and what ends it early: time-outs that are a duration or a point
 * of time of either clock, signals with and without handlers. Source: futex(2), signal(7). That
 * the calls go on after a stop is in sig_restart.c.
 */
#include "futex.h"

static const struct timespec hour = { 3600, 0 };
static uint32_t word;

static long wait_until(int flags, const struct timespec *when)
{
	return futex(&word, FUTEX_WAIT_BITSET_PRIVATE | flags, 0, when, NULL,
		     FUTEX_BITSET_MATCH_ANY);
}

TEST(not_before_the_time)
{
	static const struct {
		int flags;
		clockid_t clock;
	} rows[] = { { 0, CLOCK_MONOTONIC }, { FUTEX_CLOCK_REALTIME, CLOCK_REALTIME } };

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		CONTEXT("clock %d", rows[i].clock);
		int64_t before = clock_ns(rows[i].clock);
		struct timespec when = time_after(rows[i].clock, 30000000);
		CHECK_ERRNO(wait_until(rows[i].flags, &when), ETIMEDOUT);
		CHECK(clock_ns(rows[i].clock) - before >= 30000000);
	}
}

TEST(a_time_that_is_past)
{
	struct timespec zero = { 0, 0 }, second = { 1, 0 };

	CHECK_ERRNO(futex(&word, FUTEX_WAIT_PRIVATE, 0, &zero, NULL, 0), ETIMEDOUT);
	CHECK_ERRNO(wait_until(0, &zero), ETIMEDOUT);
	CHECK_ERRNO(wait_until(FUTEX_CLOCK_REALTIME, &zero), ETIMEDOUT);
	CHECK_ERRNO(wait_until(FUTEX_CLOCK_REALTIME, &second), ETIMEDOUT);
	word = 1; /* what the word is comes first */
	CHECK_ERRNO(wait_until(0, &zero), EAGAIN);
}

TEST(times_that_are_none)
{
	static const struct timespec bad[] = { { -1, 0 }, { 0, -1 }, { 0, 1000000000 } };
	static const int operations[] = { FUTEX_WAIT, FUTEX_WAIT_BITSET,
					  FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME };

	for (unsigned i = 0; i < ARRAY_SIZE(operations); i++) {
		for (unsigned j = 0; j < ARRAY_SIZE(bad); j++)
			CHECK_ERRNO(futex(&word, operations[i], 0, &bad[j], NULL, 1), EINVAL);
		CHECK_ERRNO(futex(&word, operations[i], 0, KERNEL_ADDRESS, NULL, 1), EFAULT);
		CHECK_ERRNO(futex(&word, operations[i], 0, BAD_POINTER, NULL, 1), EFAULT);
		/* the time is looked at before the word */
		CHECK_ERRNO(futex(NULL, operations[i], 1, &bad[0], NULL, 1), EINVAL);
		CHECK_ERRNO(futex(NULL, operations[i], 1, &hour, NULL, 1), EFAULT);
	}
	CHECK_ERRNO(futex(&word, FUTEX_WAIT | FUTEX_CLOCK_REALTIME, 0, &hour, NULL, 0), ENOSYS);
	CHECK_ERRNO(futex(&word, FUTEX_WAKE | FUTEX_CLOCK_REALTIME, 0, NULL, NULL, 0), ENOSYS);
	CHECK_ERRNO(futex(&word, FUTEX_WAIT | FUTEX_CLOCK_REALTIME, 0, &bad[0], NULL, 0), EINVAL);
	/* of the other operations the fourth argument is a number, or nothing */
	CHECK_EQ(futex(&word, FUTEX_WAKE, 1, BAD_POINTER, NULL, 0), 0);
	CHECK_EQ(futex(&word, FUTEX_WAKE_BITSET, 1, BAD_POINTER, NULL, 1), 0);
	CHECK_ERRNO(futex(&word, FUTEX_FD, 1, NULL, NULL, 0), ENOSYS);
	CHECK_ERRNO(futex(&word, 14, 1, NULL, NULL, 0), ENOSYS);
	CHECK_ERRNO(futex(&word, -1, 1, NULL, NULL, 0), ENOSYS);
}

/* A time so far that no clock counts it is for ever. */
TEST(a_time_that_never_comes)
{
	static const struct timespec never = { INT64_MAX, 999999999 };
	static const int operations[] = { FUTEX_WAIT, FUTEX_WAIT_BITSET,
					  FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME };

	for (unsigned i = 0; i < ARRAY_SIZE(operations); i++) {
		volatile uint32_t *shared = shared_memory(4096);
		pid_t pid = FORK();

		if (pid == 0)
			_exit(futex(shared, operations[i], 0, &never, NULL, 1) == 0 ? 0 : errno);
		await_state(pid, 'S');
		CHECK_EQ(futex_wake(shared, 1), 1);
		CHECK_EXIT(pid, 0);
	}
}

TEST(zero_wakes_one)
{
	volatile uint32_t *shared = shared_memory(4096);
	pid_t pids[3];

	for (int i = 0; i < 3; i++)
		pids[i] = sleeper(shared, FUTEX_WAIT, 0);
	CHECK_EQ(futex_wake(shared, 0), 1); /* as it has always been on Linux */
	CHECK_EXIT(pids[0], 0);
	CHECK_EQ(futex_wake(shared, (uint32_t)-1), 1);
	CHECK_EXIT(pids[1], 0);
	CHECK_EQ(futex_wake(shared, 7), 1);
	CHECK_EXIT(pids[2], 0);
}

static volatile int handled;

static void note(int signal)
{
	(void)signal;
	handled++;
}

/* With a time-out EINTR is the answer, whatever SA_RESTART says; without, SA_RESTART decides. */
TEST(a_handler_ends_it)
{
	static const struct {
		int operation, flags;
		bool timed, ends;
	} rows[] = {
		{ FUTEX_WAIT, 0, false, true },
		{ FUTEX_WAIT, SA_RESTART, false, false },
		{ FUTEX_WAIT, SA_RESTART, true, true },
		{ FUTEX_WAIT_BITSET, 0, true, true },
		{ FUTEX_WAIT_BITSET, SA_RESTART, false, false },
		{ FUTEX_WAIT_BITSET, SA_RESTART, true, true },
	};
	static const struct timespec far = { INT64_MAX, 0 };
	volatile uint32_t *shared = shared_memory(4096);

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		CONTEXT("row %u", i);
		shared[1] = 0;
		pid_t pid = FORK();
		if (pid == 0) {
			struct sigaction action = { .sa_handler = note, .sa_flags = rows[i].flags };

			CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
			long result = futex(shared, rows[i].operation, 0,
					    rows[i].timed ? &far : NULL, NULL, 1);
			CHECK_EQ(handled, 1);
			_exit(result == 0 ? 0 : errno);
		}
		await_state(pid, 'S');
		CHECK_EQ(kill(pid, SIGUSR1), 0);
		if (!rows[i].ends) {
			/* It sleeps again, somewhen after the handler. */
			while (futex_wake(shared, 1) == 0)
				pause_briefly();
			int status = ktap_wait(__FILE__, __LINE__, pid);
			/* woken before the signal was taken: the handler ran on the way out */
			CHECK_EQ(status, 0);
		} else {
			CHECK_EXIT(pid, EINTR);
		}
	}
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
