/*
 * Fault injection: `fail=frame:N` or `fail=slab:N` on the command line makes the Nth allocation of
 * that kind after start-up fail, once, so that tests can walk every failure path of a system call.
 */
#ifndef MITOS_MM_FAIL_H
#define MITOS_MM_FAIL_H

#include "lib/types.h"

enum fail_site { FAIL_FRAME, FAIL_SLAB, FAIL_SITES };

/* atomic; allocations until the failing one; 0 or less: off */
extern s64 fail_countdown[FAIL_SITES];

void fail_init(void); /* reads the command line; called when user space is about to start */

/* Counts one allocation at site; true if it is the one that must fail. */
static inline bool fail_now(enum fail_site site)
{
	if (likely(fail_countdown[site] <= 0))
		return false;
	return __atomic_sub_fetch(&fail_countdown[site], 1, __ATOMIC_RELAXED) == 0;
}

#endif
