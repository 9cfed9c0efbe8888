/*
 * What the tests about futexes share: the system calls as the kernel has them, and children that
 * sleep on a word. Words lie in memory that the whole family shares unless a test says otherwise.
 */
#ifndef FUTEX_H
#define FUTEX_H

#include "proc.h"
#include <linux/futex.h>

/* futex(2); fourth is a time-out or a number, whichever the operation takes. */
static inline long futex(const volatile void *word, int operation, uint32_t value,
			 const void *fourth, const volatile void *word2, uint32_t value3)
{
	return syscall(SYS_futex, word, operation, value, fourth, word2, value3);
}

#define NUMBER(n) ((const void *)(uintptr_t)(n))

static inline long futex_wake(const volatile void *word, uint32_t count)
{
	return futex(word, FUTEX_WAKE, count, NULL, NULL, 0);
}

static inline long futex_wait(const volatile void *word, uint32_t value)
{
	return futex(word, FUTEX_WAIT, value, NULL, NULL, 0);
}

static inline uint32_t word_of(const volatile uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

/* A child that sleeps on the word, which is 0, asleep: it ends with 0 once it is woken, or with the
 * errno. */
static inline pid_t sleeper(const volatile uint32_t *word, int operation, uint32_t bits)
{
	pid_t pid = FORK();

	if (pid == 0)
		_exit(futex(word, operation, 0, NULL, NULL, bits) == 0 ? 0 : errno);
	await_state(pid, 'S');
	return pid;
}

/* Does it sleep, now or again, when it has looked at what woke it? */
static inline bool still_sleeps(pid_t pid)
{
	char state;

	while ((state = process_state(pid)) == 'R')
		sched_yield();
	return state == 'S';
}

/* The time of the clock so many ns from now. */
static inline struct timespec time_after(clockid_t clock, int64_t ns)
{
	int64_t then = clock_ns(clock) + ns;

	return (struct timespec){ then / 1000000000, then % 1000000000 };
}

/* A sequence of numbers for a test's choices: the same in every run. */
static inline uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

#endif
