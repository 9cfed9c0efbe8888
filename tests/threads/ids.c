/*
 * setuid in a program with threads. For the kernel credentials are each thread's own, for POSIX the
 * process's: the C library stops the threads by signals and has each of them make the call.
 */
#include "say.h"
#include <grp.h>

enum { THREADS = 4 };

static int stage, arrived, ends[2];

static void *tells(void *unused)
{
	char byte;

	__atomic_add_fetch(&arrived, 1, __ATOMIC_SEQ_CST);
	(void)!read(ends[0], &byte, 1); /* a call that the signal interrupts and restarts */
	await(&stage, 1);
	(void)unused;
	return (void *)(intptr_t)(getuid() * 10000 + getgid());
}

static void *computes(void *unused)
{
	__atomic_add_fetch(&arrived, 1, __ATOMIC_SEQ_CST);
	await(&stage, 1);
	return unused;
}

static void *sets(void *unused)
{
	(void)unused;
	return (void *)(intptr_t)(setresuid(1002, 1002, 1002) ? errno : 0);
}

static void drop(void)
{
	pthread_t threads[THREADS], computing;
	gid_t group = 1005;

	done(pipe(ends), "pipe");
	for (int i = 0; i < THREADS; i++)
		threads[i] = start(tells, NULL);
	computing = start(computes, NULL);
	await(&arrived, THREADS + 1);
	done(setgroups(1, &group), "setgroups");
	done(setgid(1003), "setgid");
	say("another thread sets the user: %s", named((intptr_t)join(start(sets, NULL))));
	say("mine is %d", getuid());
	done(close(ends[1]), "close");
	set(&stage, 1);
	for (int i = 0; i < THREADS; i++)
		say("a thread is %ld", (long)join(threads[i]));
	join(computing);
	say("back: %s", named(setuid(0) ? errno : 0));
	say("groups: %d", getgroups(0, NULL));
	_exit(0);
}

static void *storms(void *unused)
{
	for (int i = 0; i < 50; i++) {
		done(seteuid(1001), "seteuid");
		done(seteuid(0), "seteuid");
	}
	return unused;
}

static void *returns(void *unused)
{
	return unused;
}

/* Several threads change the process's user while others are born and die. */
static void storm(void)
{
	pthread_t first = start(storms, NULL);

	for (int i = 0; i < 50; i++)
		join(start(returns, NULL));
	join(first);
	say("after a storm I am %d", geteuid());
	_exit(0);
}

int main(void)
{
	in_child("drop", drop);
	in_child("storm", storm);
	return 0;
}
