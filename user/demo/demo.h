/*
 * What the demonstrations share: telling what they do, and checking what they claim. A program
 * calls check() for each claim and ends with demo_end(), whose value is 0 only if all were true.
 *
 * A gate holds processes until another one lets them go; it is a pipe, so whoever waits at it
 * sleeps, and none that is let go too early is held for ever.
 *
 * tell() and check() write at once, without a buffer: what is in a buffer when fork is called would
 * be in the child's memory as well, and be printed twice.
 */
#ifndef DEMO_H
#define DEMO_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int demo_failures;

static inline void __attribute__((format(printf, 1, 2))) tell(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vdprintf(STDOUT_FILENO, format, arguments);
	va_end(arguments);
	dprintf(STDOUT_FILENO, "\n");
}

static inline void __attribute__((format(printf, 2, 3))) check(bool claim, const char *format, ...)
{
	va_list arguments;

	dprintf(STDOUT_FILENO, "  [%s] ", claim ? "ok" : "NOT OK");
	va_start(arguments, format);
	vdprintf(STDOUT_FILENO, format, arguments);
	va_end(arguments);
	dprintf(STDOUT_FILENO, "\n");
	if (!claim)
		demo_failures++;
}

static inline int demo_end(void)
{
	if (demo_failures)
		tell("%d of the claims above did not hold.", demo_failures);
	return demo_failures ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* For calls without which there is nothing to show. */
static inline int must(int result, const char *what)
{
	if (result < 0) {
		dprintf(STDERR_FILENO, "%s: %s\n", what, strerror(errno));
		_exit(EXIT_FAILURE);
	}
	return result;
}

static inline void gate_make(int gate[2])
{
	must(pipe(gate), "pipe");
}

static inline void gate_wait(const int gate[2])
{
	char token;

	(void)!read(gate[0], &token, 1);
}

/* For so many of those who wait, or will. */
static inline void gate_open(const int gate[2], int count)
{
	while (count-- > 0)
		(void)!write(gate[1], "g", 1);
}

/*
 * Forks a grandchild, whose parent has ended and was waited for when this returns its pid. In the
 * grandchild it returns 0, maybe before that.
 */
static inline pid_t fork_orphan(void)
{
	pid_t parent, orphan;
	int channel[2];

	must(pipe(channel), "pipe");
	parent = must(fork(), "fork");
	if (parent == 0) {
		orphan = must(fork(), "fork");
		if (orphan) {
			(void)!write(channel[1], &orphan, sizeof(orphan));
			_exit(0);
		}
		close(channel[0]), close(channel[1]);
		return 0;
	}
	close(channel[1]);
	must(read(channel[0], &orphan, sizeof(orphan)) == sizeof(orphan) ? 0 : -1, "an orphan");
	close(channel[0]);
	must(waitpid(parent, NULL, 0), "waitpid");
	return orphan;
}

/* Lets others have the CPU: whoever can run, runs while a process is forked, ends and is buried. */
static inline void let_others_run(void)
{
	pid_t child = must(fork(), "fork");

	if (child == 0)
		_exit(0);
	must(waitpid(child, NULL, 0), "waitpid");
}

#endif
