/*
 * subreaper: who gets the orphans.
 *
 * A process whose parent has ended is given to PID 1, unless one of its ancestors has volunteered
 * by prctl(PR_SET_CHILD_SUBREAPER): then the nearest of those gets it, and has to wait for it. So a
 * process that manages services, like a container's first program or a user's systemd, keeps hold
 * of everything that its services start, also of what detaches itself on purpose (`daemon` does).
 *
 * The flag belongs to the process: its children do not inherit it, and exec keeps it.
 */
#include "demo.h"
#include "look.h"

#include <sys/prctl.h>

enum { STATUS = 7, GENERATIONS = 4 };

static void volunteer(bool willing)
{
	must(prctl(PR_SET_CHILD_SUBREAPER, willing), "prctl");
}

static bool volunteers(void)
{
	int flag = 0;

	must(prctl(PR_GET_CHILD_SUBREAPER, &flag), "prctl");
	return flag;
}

/* An orphan that ends when it is let go. */
static pid_t make_orphan(const int gate[2])
{
	pid_t orphan = fork_orphan();

	if (orphan == 0) {
		gate_wait(gate);
		_exit(STATUS);
	}
	return orphan;
}

static void show_without(const int gate[2])
{
	pid_t orphan = make_orphan(gate);

	check(look_adopts(look_parent(orphan)), "the orphan %d has the parent %d", orphan,
	      look_parent(orphan));
	gate_open(gate, 1);
	check(waitpid(orphan, NULL, 0) < 0 && errno == ECHILD, "I cannot wait for it: ECHILD");
}

static void show_with(const int gate[2])
{
	pid_t orphan = make_orphan(gate);
	int status;

	check(look_parent(orphan) == getpid(), "the orphan %d has me, %d, for a parent", orphan,
	      getpid());
	gate_open(gate, 1);
	check(waitpid(-1, &status, 0) == orphan && WEXITSTATUS(status) == STATUS,
	      "and I can wait for it: status %d", STATUS);
}

/* Each generation forks the next and ends. */
static _Noreturn void descend(const int gate[2])
{
	for (int generation = 1; generation < GENERATIONS; generation++)
		if (must(fork(), "fork") != 0)
			_exit(STATUS + generation);
	gate_wait(gate);
	_exit(STATUS + GENERATIONS);
}

/* The last one ends only when all others have been buried. */
static void show_generations(const int gate[2])
{
	int statuses = 0, status;
	pid_t pid = must(fork(), "fork");

	if (pid == 0)
		descend(gate);
	for (int buried = 0; buried < GENERATIONS; buried++) {
		if (buried == GENERATIONS - 1)
			gate_open(gate, 1);
		pid = must(waitpid(-1, &status, 0), "waitpid");
		statuses |= 1 << (WEXITSTATUS(status) - STATUS);
	}
	check(statuses == (1 << (GENERATIONS + 1)) - 2,
	      "child, grandchild and so on, %d generations: each came to me to be buried",
	      GENERATIONS);
	check(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, "nobody is left");
}

/* Speaks as the child does. */
static _Noreturn void be_nearer(const int gate[2])
{
	pid_t orphan;

	tell("I am its child %d, and volunteer as well.", getpid());
	check(!volunteers(), "until now I did not: fork does not copy the flag");
	volunteer(true);
	orphan = make_orphan(gate);
	check(look_parent(orphan) == getpid(), "the orphan %d has me for a parent: I am nearer",
	      orphan);
	gate_open(gate, 1);
	check(waitpid(orphan, NULL, 0) == orphan, "and I wait for it");
	_exit(demo_failures ? EXIT_FAILURE : EXIT_SUCCESS);
}

static void show_nearest(const int gate[2])
{
	int status;
	pid_t child = must(fork(), "fork");

	if (child == 0)
		be_nearer(gate);
	must(waitpid(child, &status, 0), "waitpid");
	tell("I am process %d again, and volunteer no longer.", getpid());
	check(status == 0, "my child has ended, and all that it claimed was true");
}

int main(void)
{
	int gate[2];

	gate_make(gate);
	tell("I am process %d. I fork a child, which forks a child and ends.", getpid());
	show_without(gate);
	tell("I volunteer: prctl(PR_SET_CHILD_SUBREAPER, 1).");
	volunteer(true);
	show_with(gate);
	show_generations(gate);
	show_nearest(gate);
	volunteer(false);
	show_without(gate);
	return demo_end();
}
