/*
 * Setting the wall clock while somebody waits for a time of it (needs: kernel): what has become
 * past by that is past at once, what has become future is waited for anew, and the monotonic clock
 * does not care. Sources: futex(2), clock_settime(2).
 */
#include "futex.h"

static const int64_t HOUR = 3600 * 1000000000LL;

static void set_clock(int64_t ns)
{
	struct timespec when = { ns / 1000000000, ns % 1000000000 };

	CHECK_EQ(clock_settime(CLOCK_REALTIME, &when), 0);
}

/* A child that waits on the word until a time of the clock; it ends with its errno. */
static pid_t wait_until(volatile uint32_t *word, clockid_t clock, int64_t ns)
{
	int flag = clock == CLOCK_REALTIME ? FUTEX_CLOCK_REALTIME : 0;
	struct timespec when = time_after(clock, ns);
	pid_t pid = FORK();

	if (pid == 0)
		_exit(futex(word, FUTEX_WAIT_BITSET | flag, 0, &when, NULL, 1) == 0 ? 0 : errno);
	await_state(pid, 'S');
	return pid;
}

TEST(the_clock_is_put_on)
{
	volatile uint32_t *word = shared_memory(4096);
	pid_t near = wait_until(word, CLOCK_REALTIME, HOUR);
	pid_t far = wait_until(word, CLOCK_REALTIME, 10 * HOUR);
	pid_t other = wait_until(word, CLOCK_MONOTONIC, HOUR);

	set_clock(clock_ns(CLOCK_REALTIME) + 2 * HOUR);
	CHECK_EXIT(near, ETIMEDOUT);
	CHECK(still_sleeps(far) && still_sleeps(other));
	CHECK_EQ(futex_wake(word, 5), 2);
	CHECK_EXIT(far, 0);
	CHECK_EXIT(other, 0);
}

TEST(the_clock_is_put_back)
{
	volatile uint32_t *word = shared_memory(4096);
	pid_t pid = wait_until(word, CLOCK_REALTIME, 500000000);

	set_clock(clock_ns(CLOCK_REALTIME) - HOUR);
	pid_t early = wait_until(word, CLOCK_MONOTONIC, 1000000000);
	CHECK_EXIT(early, ETIMEDOUT); /* the half second is over */
	CHECK(still_sleeps(pid));
	set_clock(clock_ns(CLOCK_REALTIME) + HOUR);
	CHECK_EXIT(pid, ETIMEDOUT);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
