/*
 * Sleeping on a word: FUTEX_WAIT and FUTEX_WAKE between processes that share memory, and within
 * one. Source: futex(2).
 */
#include "ktap.h"
#include "proc.h"
#include <linux/futex.h>
#include <sys/mman.h>
#include <time.h>

static long futex(uint32_t *word, int operation, uint32_t value, const struct timespec *timeout,
		  uint32_t bits)
{
	return syscall(SYS_futex, word, operation, value, timeout, NULL, bits);
}

TEST(nobody_waits)
{
	uint32_t word = 5;

	CHECK_EQ(futex(&word, FUTEX_WAKE, 10, NULL, 0), 0);
	CHECK_EQ(futex(&word, FUTEX_WAKE_PRIVATE, 10, NULL, 0), 0);
}

TEST(another_value_is_eagain)
{
	uint32_t word = 5;

	CHECK_ERRNO(futex(&word, FUTEX_WAIT, 6, NULL, 0), EAGAIN);
	CHECK_ERRNO(futex(&word, FUTEX_WAIT_PRIVATE, 6, NULL, 0), EAGAIN);
}

TEST(time_runs_out)
{
	struct timespec brief = { 0, 20000000 }, absolute;
	uint32_t word = 5;
	int64_t before = clock_ns(CLOCK_MONOTONIC);

	CHECK_ERRNO(futex(&word, FUTEX_WAIT_PRIVATE, 5, &brief, 0), ETIMEDOUT);
	CHECK(clock_ns(CLOCK_MONOTONIC) - before >= 20000000);
	CHECK_EQ(clock_gettime(CLOCK_MONOTONIC, &absolute), 0);
	CHECK_ERRNO(futex(&word, FUTEX_WAIT_BITSET, 5, &absolute, 1), ETIMEDOUT);
}

TEST(errors)
{
	struct timespec bad = { 0, 2000000000 };
	uint32_t words[2] = { 5, 5 };

	CHECK_ERRNO(futex((uint32_t *)((char *)words + 1), FUTEX_WAIT, 5, NULL, 0), EINVAL);
	CHECK_ERRNO(futex((uint32_t *)((char *)words + 1), FUTEX_WAKE, 1, NULL, 0), EINVAL);
	CHECK_ERRNO(futex(NULL, FUTEX_WAIT, 5, NULL, 0), EFAULT);
	CHECK_ERRNO(futex(KERNEL_ADDRESS, FUTEX_WAKE, 1, NULL, 0), EFAULT);
	CHECK_ERRNO(futex(words, FUTEX_WAIT, 5, &bad, 0), EINVAL);
	CHECK_ERRNO(futex(words, FUTEX_WAIT_BITSET, 5, NULL, 0), EINVAL);
	CHECK_ERRNO(futex(words, FUTEX_WAKE_BITSET, 5, NULL, 0), EINVAL);
	CHECK_ERRNO(futex(words, 99, 5, NULL, 0), ENOSYS);
}

/* The word changes before the wake: a waiter that comes too late sees that, and does not sleep. */
TEST(waking_across_processes)
{
	enum { WAITERS = 8 };
	uint32_t *word = shared_memory(4096);
	pid_t pids[WAITERS];

	for (int i = 0; i < WAITERS; i++) {
		pids[i] = FORK();
		if (pids[i] == 0) {
			while (__atomic_load_n(word, __ATOMIC_SEQ_CST) == 0)
				futex(word, FUTEX_WAIT, 0, NULL, 0);
			_exit(i);
		}
	}
	for (int i = 0; i < WAITERS; i++)
		await_state(pids[i], 'S');
	CHECK_EQ(futex(word, FUTEX_WAKE, 3, NULL, 0), 3); /* spurious: they look and wait again */
	__atomic_store_n(word, 1, __ATOMIC_SEQ_CST);
	CHECK(futex(word, FUTEX_WAKE, 1000, NULL, 0) <= WAITERS);
	for (int i = 0; i < WAITERS; i++)
		CHECK_EXIT(pids[i], i);
}

TEST(bits_choose_whom_to_wake)
{
	uint32_t *word = shared_memory(4096);
	pid_t pids[2];

	for (int i = 0; i < 2; i++) {
		pids[i] = FORK();
		if (pids[i] == 0)
			_exit(futex(word, FUTEX_WAIT_BITSET, 0, NULL, 1u << i) == 0 ? 0 : 1);
	}
	await_state(pids[0], 'S');
	await_state(pids[1], 'S');
	CHECK_EQ(futex(word, FUTEX_WAKE_BITSET, 10, NULL, 4), 0);
	CHECK_EQ(futex(word, FUTEX_WAKE_BITSET, 10, NULL, 2), 1);
	CHECK_EXIT(pids[1], 0);
	CHECK_EQ(waitpid(pids[0], NULL, WNOHANG), 0);
	CHECK_EQ(futex(word, FUTEX_WAKE_BITSET, 10, NULL, 1), 1);
	CHECK_EXIT(pids[0], 0);
}

/* A private word is no rendezvous with the child that fork copied it to. */
TEST(a_copied_word_is_another)
{
	static uint32_t word;
	pid_t pid = FORK();

	if (pid == 0) {
		futex(&word, FUTEX_WAIT_PRIVATE, 0, NULL, 0);
		_exit(0);
	}
	await_state(pid, 'S');
	CHECK_EQ(futex(&word, FUTEX_WAKE_PRIVATE, 10, NULL, 0), 0);
	CHECK_EQ(kill(pid, SIGKILL), 0);
	CHECK_SIGNAL(pid, SIGKILL);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
