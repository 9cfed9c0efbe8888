/*
 * A parent that does not wait, for a while:
 *
 * prog_zombies NUMBER
 *
 * Forks NUMBER children that exit at once, raising /proc/sys/kernel/pid_max where it is too low,
 * and leaves all of them unburied; then waits for every one. Prints what one costs in each half, in
 * nanoseconds (instructions, under --icount), as "zombies: NUMBER, create NS, reap NS". Status 0 if
 * all went well.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PIDS_OF_OTHERS = 1000, PID_MAX = 32768 };

static long long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void raise_pid_max(int number)
{
	FILE *file = fopen("/proc/sys/kernel/pid_max", "w");
	int wanted = number + PIDS_OF_OTHERS > PID_MAX ? number + PIDS_OF_OTHERS : PID_MAX;

	if (!file || fprintf(file, "%d\n", wanted) < 0 || fclose(file))
		perror("pid_max");
}

/* A child that does nothing: the kernel's part of a life alone is to be measured. */
static pid_t create(void)
{
	pid_t pid = (pid_t)syscall(SYS_fork);

	if (pid == 0)
		syscall(SYS_exit_group, 0);
	return pid;
}

int main(int argc, char **argv)
{
	int number = argc == 2 ? atoi(argv[1]) : 0, made = 0, buried = 0;

	if (number <= 0) {
		fprintf(stderr, "usage: prog_zombies NUMBER\n");
		return 2;
	}
	raise_pid_max(number);
	long long start = now();
	pid_t last = 0, pid;
	while (made < number && (pid = create()) > 0) {
		last = pid;
		made++;
	}
	siginfo_t info;
	waitid(P_PID, last, &info, WEXITED | WNOWAIT); /* the last to die, on one CPU */
	long long middle = now();
	while (waitpid(-1, NULL, 0) > 0)
		buried++;
	long long end = now();
	printf("zombies: %d, create %lld, reap %lld\n", buried, (middle - start) / number,
	       (end - middle) / number);
	return made == number && buried == number ? 0 : 1;
}
