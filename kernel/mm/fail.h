/*
 * Fault injection, for tests that walk every failure path of a system call. `fail=frame:N` or
 * `fail=slab:N` on the command line makes the Nth allocation of that kind after start-up fail,
 * once; /proc/PID/fail-nth makes the Nth allocation of either kind in one task fail, once.
 */
#ifndef MITOS_MM_FAIL_H
#define MITOS_MM_FAIL_H

#include "lib/types.h"

enum fail_site { FAIL_FRAME, FAIL_SLAB, FAIL_SITES };

struct task_struct;

extern bool fail_armed; /* something was asked to fail, once; a word */

void fail_init(void); /* reads the command line; called when user space is about to start */
/* The nth allocation from now on in task fails; 0: none does. */
void fail_set_nth(struct task_struct *task, u32 nth);
/* Counts one allocation at site; true if it is the one that must fail. */
bool fail_count(enum fail_site site);

/* The same at the price of one look, as long as nothing is to fail. */
static inline bool fail_now(enum fail_site site)
{
	return unlikely(fail_armed) && fail_count(site);
}

#endif
