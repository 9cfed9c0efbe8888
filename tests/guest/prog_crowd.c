/*
 * Many processes at once:
 *
 *	prog_crowd NUMBER
 *
 * Forks NUMBER children, which all block, raising /proc/sys/kernel/pid_max where it is too low; and
 * when all of them are alive prints how many there are and what each costs of the memory, as
 * "crowd: NUMBER alive, BYTES bytes each". Then it lets them go and waits for every one. Status 0
 * if all went well.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PIDS_OF_OTHERS = 1000 };

static int gate[2];
static atomic_int *arrived; /* children that have run, shared by all */

/* Kibibytes. */
static long free_memory(void)
{
	static char text[4096];
	int fd = open("/proc/meminfo", O_RDONLY);
	ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	const char *line;

	close(fd);
	text[length < 0 ? 0 : length] = '\0';
	line = strstr(text, "MemFree:");
	return line ? atol(line + strlen("MemFree:")) : 0;
}

static void raise_pid_max(int number)
{
	int fd = open("/proc/sys/kernel/pid_max", O_RDWR);
	char text[32] = "";

	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		perror("pid_max");
	if (atoi(text) < number + PIDS_OF_OTHERS &&
	    dprintf(fd, "%d\n", number + PIDS_OF_OTHERS) < 0)
		perror("pid_max");
	close(fd);
}

/* Forks up to number children; returns how many. Each ends when the gate has no writer any more. */
static int gather(int number)
{
	char nothing;

	for (int i = 0; i < number; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			close(gate[1]);
			atomic_fetch_add(arrived, 1);
			_exit(read(gate[0], &nothing, 1) != 0);
		}
		if (pid < 0) {
			perror("fork");
			return i;
		}
	}
	return number;
}

static void await_arrival(int number)
{
	struct timespec moment = { 0, 10000000 };

	while (atomic_load(arrived) < number)
		nanosleep(&moment, NULL);
}

/* True if every child has ended with status 0. */
static int bury(int number)
{
	int status, good = 0;

	while (wait(&status) > 0)
		good += status == 0;
	return good == number;
}

int main(int argc, char **argv)
{
	int wanted = argc == 2 ? atoi(argv[1]) : 0, number;
	long before;

	if (wanted <= 0 || pipe(gate))
		return 2;
	arrived = mmap(NULL, sizeof(*arrived), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	if (arrived == MAP_FAILED)
		return 2;
	raise_pid_max(wanted);
	before = free_memory();
	number = gather(wanted);
	await_arrival(number);
	printf("crowd: %d alive, %ld bytes each\n", number,
	       number ? (before - free_memory()) * 1024 / number : 0);
	fflush(stdout);
	close(gate[1]);
	return bury(number) && number == wanted ? 0 : 1;
}
