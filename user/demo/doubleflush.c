/*
 * doubleflush: printed once, written twice.
 *
 * What fprintf prints into a file stays in a buffer of the C library, in the memory of the process,
 * until the buffer is full or somebody flushes it. fork copies memory; so it copies what is waiting
 * in buffers, and when both processes end, both write it. The kernel has done nothing wrong: it
 * never knew of the text before. Two ways out: flush before fork, or let a child that executes
 * nothing end by _exit, which leaves the buffers alone.
 */
#include "demo.h"

#include <fcntl.h>
#include <sys/wait.h>

static char path[64];

/* Prints a line, forks, lets both sides end with the file. Returns how often it was written. */
static int lines_written(bool flush_first, void (*child_ends)(int))
{
	FILE *file = fopen(path, "w");
	int status, lines = 0, c;
	pid_t child;

	must(file ? 0 : -1, path);
	fprintf(file, "a line\n");
	if (flush_first)
		fflush(file);
	child = must(fork(), "fork");
	if (child == 0)
		child_ends(0);
	must(waitpid(child, &status, 0), "waitpid");
	check(status == 0, "the child has ended with status 0");
	fclose(file);

	file = fopen(path, "r");
	must(file ? 0 : -1, path);
	while ((c = getc(file)) != EOF)
		lines += c == '\n';
	fclose(file);
	return lines;
}

int main(void)
{
	int lines;

	snprintf(path, sizeof(path), "/tmp/doubleflush.%d", getpid());
	tell("I print one line into a file, fork, and both of us end by exit.");
	lines = lines_written(false, exit);
	check(lines == 2, "the file holds %d lines: each has written its copy of the buffer",
	      lines);

	tell("The same, but I flush the buffer before I fork.");
	lines = lines_written(true, exit);
	check(lines == 1, "the file holds %d: there was nothing left to copy", lines);

	tell("The same without flushing, but the child ends by _exit.");
	lines = lines_written(false, _exit);
	check(lines == 1, "the file holds %d: only I have written mine", lines);
	unlink(path);
	return demo_end();
}
