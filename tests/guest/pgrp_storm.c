/*
 * Storms on process groups: thousands of processes that fork, join and leave groups, are killed by
 * group and waited for by group, all at once. Every child is reported to its parent exactly once,
 * and after a signal to a group nobody of it is left. Sources: POSIX setpgid(), kill(), waitpid().
 */
#include "proc.h"
#include <stdatomic.h>

enum { WORKERS = 8 };

/* Runs the work in so many processes at once, each of which must succeed. */
static void in_parallel(int count, void (*work)(int worker))
{
	pid_t pid[64];

	for (int i = 0; i < count; i++) {
		pid[i] = FORK();
		if (pid[i] == 0) {
			work(i);
			CHECK_ERRNO(waitpid(-1, NULL, WNOHANG), ECHILD);
			_exit(0);
		}
	}
	for (int i = 0; i < count; i++)
		CHECK_EXIT(pid[i], 0);
}

/* Both parent and child say which group it is, as shells do; either may come first. */
static pid_t job_member(pid_t group)
{
	pid_t pid = FORK();

	if (pid == 0) {
		CHECK_EQ(setpgid(0, group), 0);
		for (;;)
			pause();
	}
	CHECK_EQ(setpgid(pid, group), 0);
	return pid;
}

static void jobs_killed_by_group(int worker)
{
	(void)worker;
	for (int round = 0; round < 25; round++) {
		pid_t group = job_member(0);
		for (int i = 0; i < 3; i++)
			job_member(group);
		CHECK_EQ(kill(-group, SIGKILL), 0);
		for (int i = 0; i < 4; i++) {
			int status;
			CHECK(waitpid(-group, &status, 0) > 0);
			CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		}
		CHECK_ERRNO(waitpid(-group, NULL, 0), ECHILD);
		CHECK_ERRNO(kill(-group, 0), ESRCH);
	}
}

TEST(jobs_by_the_thousand)
{
	in_parallel(WORKERS, jobs_killed_by_group);
}

/* Children that wander from group to group while they are waited for, one by one. */
static void wanderers(int worker)
{
	enum { GROUPS = 4, ROUNDS = 16, CHILDREN = 8 };
	pid_t group[GROUPS];
	unsigned seed = (unsigned)worker + 1;

	for (int g = 0; g < GROUPS; g++)
		group[g] = job_member(0);
	for (int round = 0; round < ROUNDS; round++) {
		int seen = 0, status;
		for (int c = 0; c < CHILDREN; c++) {
			pid_t pid = FORK();
			if (pid == 0) {
				for (int step = 0; step < 8; step++) {
					seed = seed * 1103515245 + (unsigned)c * 7 + 12345;
					CHECK_EQ(setpgid(0, group[seed >> 16 & 3]), 0);
				}
				_exit(1 << c >> 1);
			}
		}
		for (int c = 0; c < CHILDREN; c++) {
			CHECK(waitpid(-1, &status, 0) > 0);
			CHECK(WIFEXITED(status));
			seen += WEXITSTATUS(status);
		}
		CHECK_EQ(seen, (1 << (CHILDREN - 1)) - 1);
	}
	for (int g = 0; g < GROUPS; g++) {
		CHECK_EQ(kill(-group[g], SIGKILL), 0);
		CHECK_SIGNAL(group[g], SIGKILL);
	}
}

TEST(wanderers_between_groups)
{
	in_parallel(WORKERS, wanderers);
}

/* Forks as fast as it can, and its children do, until all of them have forked that often. */
static void forker(atomic_int *forks)
{
	while (atomic_fetch_sub(forks, 1) > 0)
		FORK();
	for (;;)
		pause();
}

/* One signal to a group that forks leaves nobody, whenever it comes. */
TEST(a_group_that_forks_is_killed_at_once)
{
	enum { FORKS = 300 };
	atomic_int *forks = shared_memory(sizeof(*forks));

	for (int round = 0; round < 12; round++) {
		struct gate alive = gate_new(), ready = gate_new();
		atomic_store(forks, FORKS);
		pid_t pid = FORK();
		if (pid == 0) {
			CHECK_EQ(setpgid(0, 0), 0);
			CHECK_EQ(close(alive.out), 0);
			gate_open(ready, 1);
			forker(forks);
		}
		gate_pass(ready);
		for (int i = 0; i < round; i++)
			sched_yield();
		CHECK_EQ(kill(-pid, SIGKILL), 0);
		CHECK_SIGNAL(pid, SIGKILL);
		/* the pipe ends when the last of them has */
		CHECK_EQ(close(alive.in), 0);
		CHECK_EQ(read(alive.out, (char[1]){ 0 }, 1), 0);
		CHECK_EQ(close(alive.out), 0);
		gate_free(ready);
	}
}

/* Sessions made and left in crowds, with signals to groups that come and go. */
static void sessions(int worker)
{
	(void)worker;
	for (int round = 0; round < 25; round++) {
		pid_t pid[3];
		for (int i = 0; i < 3; i++) {
			pid[i] = FORK();
			if (pid[i] == 0) {
				CHECK_EQ(setsid(), getpid());
				pid_t inner = FORK();
				if (inner == 0) {
					CHECK_EQ(getsid(0), getppid());
					_exit(0);
				}
				CHECK_EXIT(inner, 0);
				_exit(0);
			}
		}
		for (int i = 0; i < 3; i++) {
			if (kill(-pid[i], 0))
				CHECK_EQ(errno, ESRCH); /* not yet a group's number */
			if (setpgid(pid[i], getpgrp()))
				CHECK_EQ(errno, EPERM); /* it leads a session already */
			else
				CHECK(getpgid(pid[i]) > 0);
		}
		for (int i = 0; i < 3; i++)
			CHECK_EXIT(pid[i], 0);
	}
}

TEST(sessions_by_the_hundred)
{
	in_parallel(WORKERS, sessions);
}

/* Stops and continues of a whole group while its parent waits: each member is heard of. */
TEST(a_group_stopped_and_continued)
{
	enum { MEMBERS = 20 };
	pid_t group = job_member(0);

	for (int i = 1; i < MEMBERS; i++)
		job_member(group);
	for (int round = 0; round < 25; round++) {
		int status;
		CHECK_EQ(kill(-group, SIGSTOP), 0);
		for (int i = 0; i < MEMBERS; i++) {
			CHECK(waitpid(-group, &status, WUNTRACED) > 0);
			CHECK(WIFSTOPPED(status));
		}
		CHECK_EQ(waitpid(-group, &status, WUNTRACED | WNOHANG), 0);
		CHECK_EQ(kill(-group, SIGCONT), 0);
		for (int i = 0; i < MEMBERS; i++) {
			CHECK(waitpid(-group, &status, WCONTINUED) > 0);
			CHECK(WIFCONTINUED(status));
		}
	}
	CHECK_EQ(kill(-group, SIGKILL), 0);
	for (int i = 0; i < MEMBERS; i++)
		CHECK(waitpid(-group, NULL, 0) > 0);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
