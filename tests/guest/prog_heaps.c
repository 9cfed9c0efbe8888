/*
 * A large process with children:
 *
 *	prog_heaps MEBIBYTES CHILDREN
 *
 * Writes to every page of so much memory, forks so many children, each of which writes to one page
 * of it, and when all of them have, prints "heaps: CHILDREN alive, leader PID". On SIGUSR1
 * everybody compares the pages with what they must be; it prints "heaps: well" if all is as it was,
 * and ends with 0.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORDS = 4096 / 8, STRIDE = 997 };

static uint64_t *memory;
static size_t pages;
static int arrived[2], gate[2];

/* Child number i (0: the parent) sees its own page written, the others' not; every 61st page of
 * the rest is looked at. */
static int check(size_t i, size_t children)
{
	for (size_t c = 1; c <= children; c++)
		if (memory[c * STRIDE * WORDS] != (c == i ? ~c : c * STRIDE))
			return 0;
	for (size_t p = 0; p < pages; p += 61)
		if (p % STRIDE && memory[p * WORDS] != p)
			return 0;
	return 1;
}

static void child(size_t i, size_t children)
{
	char byte = 0;

	close(gate[1]);
	memory[i * STRIDE * WORDS] = ~i;
	if (write(arrived[1], &byte, 1) != 1 || read(gate[0], &byte, 1) != 0)
		_exit(2);
	_exit(!check(i, children));
}

int main(int argc, char **argv)
{
	size_t children = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
	int status, signal, good = 1;
	sigset_t set;
	char byte;

	if (!children || pipe(arrived) || pipe(gate))
		return 2;
	pages = strtoul(argv[1], NULL, 10) << 8;
	memory = mmap(NULL, pages * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		      0);
	if (memory == MAP_FAILED || children * STRIDE >= pages)
		return 2;
	for (size_t p = 0; p < pages; p++)
		memory[p * WORDS] = p;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (size_t i = 1; i <= children; i++) {
		pid_t pid = fork();

		if (pid == 0)
			child(i, children);
		if (pid < 0) {
			perror("heaps: fork");
			return 1;
		}
	}
	for (size_t i = 0; i < children; i++)
		if (read(arrived[0], &byte, 1) != 1)
			return 1;
	printf("heaps: %zu alive, leader %d\n", children, (int)getpid());
	fflush(stdout);
	sigwait(&set, &signal);
	close(gate[1]);
	for (size_t i = 0; i < children; i++)
		good &= wait(&status) > 0 && status == 0;
	good &= check(0, children);
	printf("heaps: %s\n", good ? "well" : "WRONG");
	return !good;
}
