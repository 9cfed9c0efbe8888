/*
 * A fork bomb that can be watched:
 *
 *	prog_bomb UID LIMIT
 *
 * The first process stays outside and looks on. Its child becomes the user UID with RLIMIT_NPROC
 * LIMIT (0: without a limit, as it is) and forks without end, and so does every child of it, until
 * fork fails for each of them. Then it prints how many processes there were, how many times fork
 * failed, and with which errors, as "bomb: PROCESSES processes, fork failed TIMES times: ERROR
 * ...", and all of them stay as they are until they are killed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { ERRORS = 256 };

static struct {
	atomic_int processes;
	atomic_int failures[ERRORS]; /* by errno */
} * shared;

static _Noreturn void explode(void)
{
	pid_t pid;

	for (;;) {
		pid = fork();
		if (pid > 0)
			continue;
		if (pid < 0)
			break;
		atomic_fetch_add(&shared->processes, 1);
	}
	atomic_fetch_add(&shared->failures[errno % ERRORS], 1);
	for (;;)
		pause();
}

static void become(uid_t uid, rlim_t limit)
{
	struct rlimit processes = { limit, limit };

	if ((limit && setrlimit(RLIMIT_NPROC, &processes)) || (uid && setuid(uid))) {
		perror("prog_bomb");
		exit(1);
	}
}

static int failures(void)
{
	int sum = 0;

	for (int error = 0; error < ERRORS; error++)
		sum += atomic_load(&shared->failures[error]);
	return sum;
}

/* Waits until nothing has changed for a second. */
static void look_on(void)
{
	struct timespec second = { 1, 0 };
	int before = -1;

	while (failures() == 0 || before != failures() + shared->processes) {
		before = failures() + shared->processes;
		nanosleep(&second, NULL);
	}
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		return 1;
	if (fork() == 0) {
		become((uid_t)atoi(argv[1]), (rlim_t)atoi(argv[2]));
		atomic_fetch_add(&shared->processes, 1);
		explode();
	}
	look_on();
	printf("bomb: %d processes, fork failed %d times:", shared->processes, failures());
	for (int error = 0; error < ERRORS; error++)
		if (shared->failures[error])
			printf(" %s", error == EAGAIN	? "EAGAIN"
				      : error == ENOMEM ? "ENOMEM"
							: strerror(error));
	puts("");
	fflush(stdout);
	for (;;)
		pause();
}
