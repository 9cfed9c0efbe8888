/*
 * The shell as a process: its state, what it says, and how it ends.
 */
#define _GNU_SOURCE /* vasprintf */
#include "shell.h"

#include "trap.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct shell shell;

void complain(const char *format, ...)
{
	char message[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	if (shell.interactive || shell.line == 0)
		dprintf(STDERR_FILENO, "sh: %s\n", message);
	else
		dprintf(STDERR_FILENO, "%s: %d: %s\n", shell.name, shell.line, message);
}

int fail_shell(int status)
{
	shell.status = status;
	if (!shell.interactive)
		shell_exit(status);
	shell.unwind = UNWIND_ALL;
	return status;
}

void shell_exit(int status)
{
	shell.status = status;
	trap_run_exit();
	_exit(shell.status & 0xff);
}

bool write_output(const char *builtin, const char *text, size_t length)
{
	while (length > 0) {
		ssize_t count = write(STDOUT_FILENO, text, length);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0) {
			complain("%s: %s", builtin, strerror(errno));
			return false;
		}
		text += count;
		length -= count;
	}
	return true;
}

bool print_output(const char *builtin, const char *format, ...)
{
	va_list arguments;
	char *text;
	int length;
	bool done;

	va_start(arguments, format);
	length = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (length < 0)
		return false;
	done = write_output(builtin, text, length);
	free(text);
	return done;
}
