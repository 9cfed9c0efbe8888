/* Random numbers that a seed repeats (xorshift: Marsaglia, J. of Statistical Software, 2003). */
#ifndef RANDOM_H
#define RANDOM_H

#include <stdint.h>

static uint64_t random_state; /* the seed, not 0 */

static inline uint64_t random_next(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

/* From 0 to n - 1. */
static inline int below(int n)
{
	return (int)((random_next() >> 16) % (uint64_t)n);
}

#endif
