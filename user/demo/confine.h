/*
 * Confining a user: RLIMIT_NPROC (getrlimit(2)) for the demonstrations that fork too much.
 *
 * The limit is a number of each process, inherited by its children; what fork compares it with is
 * how many processes (and threads) the real user has in all, zombies included. Another process of
 * the same user that has no limit can still fork. Root is never refused, so root becomes somebody
 * else first, where it can: in a user namespace of Linux it may have nobody else to become, and is
 * nobody outside, so that the limit holds for it.
 */
#ifndef CONFINE_H
#define CONFINE_H

#include "demo.h"
#include "look.h"

#include <sys/resource.h>

enum { STRANGER = 4242 }; /* a user who has no other process */

struct confinement {
	uid_t user;
	int limit;  /* processes */
	bool alone; /* the user has no process but these, so the limit is met exactly */
};

/* How many this process's user has. */
static inline int count_mine(void)
{
	size_t count;
	struct proc_stat *all = proc_read_all(&count);
	int mine = 0;

	for (size_t i = 0; i < count; i++)
		if (look_status(all[i].pid, "Uid", 10) == getuid())
			mine += all[i].threads > 1 ? (int)all[i].threads : 1;
	free(all);
	return mine;
}

/* Allows the user of this process so many processes more than there are. For a forked child: there
 * is no way back. */
static inline struct confinement confine(int more)
{
	struct confinement result = { 0 };
	struct rlimit limit;

	result.alone = getuid() == 0 && setuid(STRANGER) == 0;
	result.user = getuid();
	result.limit = (result.alone ? 1 : count_mine()) + more;
	limit.rlim_cur = limit.rlim_max = result.limit;
	must(setrlimit(RLIMIT_NPROC, &limit), "setrlimit");
	return result;
}

#endif
