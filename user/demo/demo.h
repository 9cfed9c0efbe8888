/*
 * What the demonstrations share: telling what they do, and checking what they claim. A program
 * calls check() for each claim and ends with demo_end(), whose value is 0 only if all were true.
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

#endif
