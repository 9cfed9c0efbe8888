/*
 * The harness of the host's unit tests. A program includes this, says CASE(name) { ... } as often
 * as it likes, and ends with UNIT_MAIN. It prints KTAP. A failed CHECK ends its case and the
 * program goes on; what a sanitizer finds ends the program, and the missing lines tell. Random
 * input comes from a fixed seed for each case, so that a failure can be had again.
 */
#ifndef UNIT_H
#define UNIT_H

#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct unit_case {
	const char *name;
	void (*run)(void);
};

static struct unit_case unit_cases[64];
static int unit_count;
static jmp_buf unit_end;
static uint64_t unit_seed;

#define CASE(name)                                                                                 \
	static void case_##name(void);                                                             \
	__attribute__((constructor)) static void register_##name(void)                             \
	{                                                                                          \
		unit_cases[unit_count++] = (struct unit_case){ #name, case_##name };               \
	}                                                                                          \
	static void case_##name(void)

#define FAIL(...)                                                                                  \
	do {                                                                                       \
		printf("# %s:%d: ", __FILE__, __LINE__);                                           \
		printf(__VA_ARGS__);                                                               \
		printf("\n");                                                                      \
		longjmp(unit_end, 1);                                                              \
	} while (0)

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			FAIL("%s does not hold", #condition);                                      \
	} while (0)

#define CHECK_EQ(actual, expected)                                                                 \
	do {                                                                                       \
		long long a_ = (long long)(actual), e_ = (long long)(expected);                    \
		if (a_ != e_)                                                                      \
			FAIL("%s is %lld, not %lld", #actual, a_, e_);                             \
	} while (0)

#define CHECK_STR(actual, expected)                                                                \
	do {                                                                                       \
		const char *a_ = (actual), *e_ = (expected);                                       \
		if (strcmp(a_, e_) != 0)                                                           \
			FAIL("%s is \"%s\", not \"%s\"", #actual, a_, e_);                         \
	} while (0)

/* The next number of the case's sequence (splitmix64). */
static inline uint64_t random64(void)
{
	uint64_t z = (unit_seed += 0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

/* A number below limit. */
static inline uint64_t random_below(uint64_t limit)
{
	return random64() % limit;
}

/* A copy that ends where its memory ends, so that the address sanitizer sees a read past it. */
static inline void *exact_copy(const void *bytes, size_t size)
{
	void *copy = malloc(size);

	if (size)
		memcpy(copy, bytes, size);
	return copy;
}

/* Whether the case ran to its end. */
static inline int unit_passes(const struct unit_case *unit_case)
{
	unit_seed = 1;
	if (setjmp(unit_end))
		return 0;
	unit_case->run();
	return 1;
}

static inline int unit_main(void)
{
	int failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("KTAP version 1\n1..%d\n", unit_count);
	for (int i = 0; i < unit_count; i++) {
		int passed = unit_passes(&unit_cases[i]);

		printf("%sok %d - %s\n", passed ? "" : "not ", i + 1, unit_cases[i].name);
		failed += !passed;
	}
	return failed != 0;
}

#define UNIT_MAIN                                                                                  \
	int main(void)                                                                             \
	{                                                                                          \
		return unit_main();                                                                \
	}

#endif
