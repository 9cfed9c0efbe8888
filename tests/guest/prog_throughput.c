/*
 * Work that several processors can share:
 *
 *	prog_throughput MILLIONS FORKS
 *
 * Four processes compute, each for so many million rounds; then four fork, each so many children
 * one after the other, which end at once. Prints how long the four took together, in microseconds:
 * "throughput: compute US, fork US". Status 0 if all went well.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WORKERS = 4 };

static long long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000LL + time.tv_nsec / 1000;
}

static int compute(long millions)
{
	for (volatile long i = 0; i < millions * 1000000; i++)
		;
	return 0;
}

static int fork_many(long forks)
{
	for (long i = 0; i < forks; i++) {
		pid_t pid = (pid_t)syscall(SYS_fork);
		int status;

		if (pid == 0)
			syscall(SYS_exit_group, 0);
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
			return 1;
	}
	return 0;
}

/* How long the workers take, in microseconds; none is waited for before all have begun. */
static long long time_of(int (*work)(long), long amount)
{
	long long begin = now();

	for (int i = 0; i < WORKERS; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(work(amount));
		if (pid < 0)
			exit(1);
	}
	for (int i = 0; i < WORKERS; i++) {
		int status;

		if (wait(&status) < 0 || status != 0)
			exit(1);
	}
	return now() - begin;
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	long long computing = time_of(compute, atol(argv[1]));
	long long forking = time_of(fork_many, atol(argv[2]));
	printf("throughput: compute %lld, fork %lld\n", computing, forking);
	return 0;
}
