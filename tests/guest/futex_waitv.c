/*
 * futex_waitv(2): one sleep on up to 128 words. Source: futex_waitv(2), and the kernel's
 * Documentation/userspace-api/futex2.rst.
 */
#include "futex.h"
#include <asm/unistd_64.h>

static long futex_waitv(struct futex_waitv *waiters, unsigned count, unsigned flags,
			const struct timespec *timeout, clockid_t clock)
{
	return syscall(__NR_futex_waitv, waiters, count, flags, timeout, clock);
}

static struct futex_waitv waiters[FUTEX_WAITV_MAX + 1];

/* The first words, each of which is to be 0. */
static volatile uint32_t *wait_for(int count, uint32_t flags)
{
	volatile uint32_t *words = shared_memory(4096);

	for (int i = 0; i < count; i++)
		waiters[i] = (struct futex_waitv){
			.uaddr = (uintptr_t)&words[i],
			.flags = FUTEX_32 | flags,
		};
	return words;
}

/* A child that sleeps on them all; it ends with the index that woke it. */
static pid_t sleeper_on(unsigned count)
{
	pid_t pid = FORK();

	if (pid == 0) {
		long index = futex_waitv(waiters, count, 0, NULL, CLOCK_MONOTONIC);

		_exit(index < 0 ? 200 : (int)index);
	}
	await_state(pid, 'S');
	return pid;
}

TEST(the_index_of_the_word_that_woke)
{
	volatile uint32_t *words = wait_for(FUTEX_WAITV_MAX, 0);
	static const int which[] = { 0, 1, 63, 127 };

	for (unsigned i = 0; i < ARRAY_SIZE(which); i++) {
		pid_t pid = sleeper_on(FUTEX_WAITV_MAX);

		CHECK_EQ(futex_wake(&words[which[i]], 5), 1);
		CHECK_EXIT(pid, which[i]);
		for (int j = 0; j < FUTEX_WAITV_MAX; j++)
			CHECK_EQ(futex_wake(&words[j], 5), 0);
	}
}

TEST(one_word)
{
	volatile uint32_t *words = wait_for(1, 0);
	pid_t pid = sleeper_on(1);

	CHECK_EQ(futex_wake(&words[0], 5), 1);
	CHECK_EXIT(pid, 0);
}

/* The same word more than once is woken more than once. */
TEST(a_word_twice)
{
	volatile uint32_t *words = wait_for(3, 0);

	waiters[2] = waiters[0];
	pid_t pid = sleeper_on(3);
	CHECK_EQ(futex_wake(&words[0], 5), 2);
	int status = ktap_wait(__FILE__, __LINE__, pid);
	CHECK(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 2));
}

TEST(a_word_with_another_value)
{
	volatile uint32_t *words = wait_for(4, 0);

	words[3] = 1;
	CHECK_ERRNO(futex_waitv(waiters, 4, 0, NULL, CLOCK_MONOTONIC), EAGAIN);
	CHECK_ERRNO(futex_waitv(waiters + 3, 1, 0, NULL, CLOCK_MONOTONIC), EAGAIN);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(futex_wake(&words[i], 5), 0); /* nothing is left in the queues */
	waiters[3].val = 1;
	pid_t pid = sleeper_on(4);
	CHECK_EQ(futex_wake(&words[3], 5), 1);
	CHECK_EXIT(pid, 3);
}

/* A sleeper is requeued from one of its words. */
TEST(a_word_that_is_requeued)
{
	volatile uint32_t *words = wait_for(3, 0);
	pid_t pid = sleeper_on(3);

	CHECK_EQ(futex(&words[1], FUTEX_REQUEUE, 0, NUMBER(1), &words[9], 0), 1);
	CHECK_EQ(futex_wake(&words[1], 5), 0);
	CHECK_EQ(futex_wake(&words[9], 5), 1);
	CHECK_EXIT(pid, 1);
	CHECK_EQ(futex_wake(&words[0], 5), 0);
}

TEST(words_of_both_kinds)
{
	static uint32_t own;
	volatile uint32_t *words = wait_for(2, 0);
	struct timespec brief = time_after(CLOCK_MONOTONIC, 20000000);

	waiters[1] = (struct futex_waitv){
		.uaddr = (uintptr_t)&own,
		.flags = FUTEX_32 | FUTEX_PRIVATE_FLAG,
	};
	CHECK_ERRNO(futex_waitv(waiters, 2, 0, &brief, CLOCK_MONOTONIC), ETIMEDOUT);
	pid_t pid = sleeper_on(2);
	CHECK_EQ(futex(&own, FUTEX_WAKE_PRIVATE, 5, NULL, NULL, 0), 0); /* the child has another */
	CHECK_EQ(futex_wake(&words[0], 5), 1);
	CHECK_EXIT(pid, 0);
}

TEST(times)
{
	static const clockid_t clocks[] = { CLOCK_MONOTONIC, CLOCK_REALTIME };
	struct timespec past = { 1, 0 }, bad = { 0, 1000000000 };

	wait_for(2, 0);
	for (unsigned i = 0; i < ARRAY_SIZE(clocks); i++) {
		int64_t before = clock_ns(clocks[i]);
		struct timespec when = time_after(clocks[i], 30000000);

		CHECK_ERRNO(futex_waitv(waiters, 2, 0, &when, clocks[i]), ETIMEDOUT);
		CHECK(clock_ns(clocks[i]) - before >= 30000000);
		CHECK_ERRNO(futex_waitv(waiters, 2, 0, &past, clocks[i]), ETIMEDOUT);
		CHECK_ERRNO(futex_waitv(waiters, 2, 0, &bad, clocks[i]), EINVAL);
		CHECK_ERRNO(futex_waitv(waiters, 2, 0, KERNEL_ADDRESS, clocks[i]), EFAULT);
	}
	CHECK_ERRNO(futex_waitv(waiters, 2, 0, &past, CLOCK_BOOTTIME), EINVAL);
	CHECK_ERRNO(futex_waitv(waiters, 2, 0, KERNEL_ADDRESS, 99), EINVAL);
	/* without a time there is no clock to be wrong */
	waiters[0].val = 1;
	CHECK_ERRNO(futex_waitv(waiters, 2, 0, NULL, 99), EAGAIN);
}

TEST(errors)
{
	wait_for(2, 0);
	CHECK_ERRNO(futex_waitv(waiters, 2, 1, NULL, CLOCK_MONOTONIC), EINVAL);
	CHECK_ERRNO(futex_waitv(waiters, 0, 0, NULL, CLOCK_MONOTONIC), EINVAL);
	CHECK_ERRNO(futex_waitv(NULL, 2, 0, NULL, CLOCK_MONOTONIC), EINVAL);
	CHECK_ERRNO(futex_waitv(waiters, 129, 0, NULL, CLOCK_MONOTONIC), EINVAL);
	CHECK_ERRNO(futex_waitv(KERNEL_ADDRESS, 2, 0, NULL, CLOCK_MONOTONIC), EFAULT);
	CHECK_ERRNO(futex_waitv(BAD_POINTER, 2, 0, NULL, CLOCK_MONOTONIC), EFAULT);
}

/* One waiter of two is wrong. */
TEST(errors_of_a_waiter)
{
	static const struct {
		struct futex_waitv waiter;
		int error;
	} rows[] = {
		{ { .flags = 0 }, EINVAL },
		{ { .flags = 1 }, EINVAL },
		{ { .flags = 3 }, EINVAL },
		{ { .flags = FUTEX_32 | 1u << 31 }, EINVAL },
		{ { .flags = FUTEX_32 | FUTEX_CLOCK_REALTIME }, EINVAL },
		{ { .flags = FUTEX_32, .__reserved = 1 }, EINVAL },
		{ { .flags = FUTEX_32, .val = 1ULL << 32 }, EINVAL },
		{ { .flags = FUTEX_32, .uaddr = 0 }, EFAULT },
		{ { .flags = FUTEX_32, .uaddr = 1 }, EINVAL },
		{ { .flags = FUTEX_32, .uaddr = 0xffffffff80000000 }, EFAULT },
		{ { .flags = FUTEX_32 | FUTEX_PRIVATE_FLAG, .uaddr = 0 }, EFAULT },
		{ { .flags = FUTEX_32 | FUTEX_PRIVATE_FLAG, .uaddr = 2 }, EINVAL },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		CONTEXT("row %u", i);
		volatile uint32_t *words = wait_for(2, 0);
		waiters[1] = rows[i].waiter;
		CHECK_ERRNO(futex_waitv(waiters, 2, 0, NULL, CLOCK_MONOTONIC), rows[i].error);
		CHECK_EQ(futex_wake(&words[0], 5), 0);
		CHECK_EQ(munmap((void *)words, 4096), 0);
	}
}

static void note(int signal)
{
	(void)signal;
}

TEST(a_handler_ends_it)
{
	volatile uint32_t *words = wait_for(2, 0);

	for (int restart = 0; restart < 2; restart++) {
		pid_t pid = FORK();
		if (pid == 0) {
			struct sigaction action = {
				.sa_handler = note,
				.sa_flags = restart ? SA_RESTART : 0,
			};
			struct timespec hour = time_after(CLOCK_MONOTONIC, 3600000000000);

			CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
			long result = futex_waitv(waiters, 2, 0, &hour, CLOCK_MONOTONIC);
			_exit(result >= 0 ? (int)result : errno);
		}
		await_state(pid, 'S');
		CHECK_EQ(kill(pid, SIGUSR1), 0);
		if (restart)
			while (futex_wake(&words[1], 1) == 0)
				pause_briefly();
		CHECK_EXIT(pid, restart ? 1 : EINTR);
	}
}

/* Killed, it leaves no queue with its remains. */
TEST(killed)
{
	volatile uint32_t *words = wait_for(FUTEX_WAITV_MAX, 0);
	pid_t pid = sleeper_on(FUTEX_WAITV_MAX);

	CHECK_EQ(kill(pid, SIGKILL), 0);
	CHECK_SIGNAL(pid, SIGKILL);
	for (int i = 0; i < FUTEX_WAITV_MAX; i++)
		CHECK_EQ(futex_wake(&words[i], 5), 0);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
