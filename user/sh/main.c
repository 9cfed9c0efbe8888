/*
 * sh: a small POSIX shell whose subject is the gap between fork and exec (launch.c).
 *
 *	sh                     commands from standard input; with a prompt if that is a terminal
 *	sh FILE [ARG]...       commands from a file; $0 is FILE, $1 and up are the ARGs
 *	sh -c TEXT [NAME [ARG]...]
 *
 * This file is the outermost loop: read a line, parse it (with more lines, until it is a complete
 * command), run the tree, forget it. A line travels input.c -> lexer.c -> parser.c -> run.c ->
 * expand.c -> launch.c -> exec.c; redirect.c, vars.c, jobs.c, terminal.c and builtins.c serve them.
 */
#include "shell.h"

#include "exec.h"
#include "input.h"
#include "jobs.h"
#include "parser.h"
#include "redirect.h"
#include "run.h"
#include "terminal.h"
#include "vars.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
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
	if (shell.line == 0)
		dprintf(STDERR_FILENO, "sh: %s\n", message);
	else
		dprintf(STDERR_FILENO, "%s: %d: %s\n", shell.name, shell.line, message);
}

int fail_shell(int status)
{
	shell.status = status;
	if (!shell.interactive)
		exit(status);
	return status;
}

/* Reads lines until they form a complete command, or one that cannot become one. */
static enum input_event read_command(struct input *input, struct buffer *text,
				     struct parse_result *result)
{
	enum input_event event;

	buffer_clear(text);
	do {
		event = input_line(input, text);
		if (event == INPUT_END && text->length > 0) {
			result->status = PARSE_ERROR;
			result->message = "syntax error: unexpected end of the input";
			return INPUT_LINE;
		}
		if (event != INPUT_LINE)
			return event;
		arena_release(&shell.arena);
		*result = parse(text->data, &shell.arena);
	} while (result->status == PARSE_INCOMPLETE);
	return INPUT_LINE;
}

static void run_input(struct input *input)
{
	struct buffer text = { 0 };
	struct parse_result command = { .status = PARSE_OK };
	enum input_event event;

	for (;;) {
		jobs_poll(shell.interactive);
		event = read_command(input, &text, &command);
		if (event == INPUT_END)
			break;
		shell.interrupted = false;
		if (event == INPUT_INTERRUPTED) {
			shell.status = STATUS_SIGNAL + SIGINT;
		} else if (command.status == PARSE_OK) {
			run_tree(command.tree);
		} else {
			complain("%s", command.message);
			fail_shell(STATUS_MISUSE);
		}
	}
	buffer_free(&text);
}

static void set_arguments(const char *name, char **arguments)
{
	shell.name = name;
	shell.arguments = arguments;
	while (arguments[shell.argument_count])
		shell.argument_count++;
}

static void open_script(struct input *input, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		complain("%s: %s", path, strerror(errno));
		exit(errno == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE);
	}
	if (!looks_like_script(fd)) {
		complain("%s: not a script", path);
		exit(STATUS_NOT_EXECUTABLE);
	}
	lseek(fd, 0, SEEK_SET);
	input_from_fd(input, fd_make_internal(fd));
}

static void usage(void)
{
	dprintf(STDERR_FILENO, "usage: sh [FILE [ARG]...]\n"
			       "       sh -c COMMAND [NAME [ARG]...]\n");
	exit(STATUS_MISUSE);
}

/* Decides where commands come from, and sets $0, $1 and so on. */
static void open_input(struct input *input, char **argv)
{
	if (argv[1] && strcmp(argv[1], "-c") == 0) {
		if (!argv[2])
			usage();
		set_arguments(argv[3] ? argv[3] : "sh", argv[3] ? argv + 4 : argv + 3);
		input_from_string(input, argv[2]);
	} else if (argv[1] && argv[1][0] == '-') {
		usage();
	} else if (argv[1]) {
		set_arguments(argv[1], argv + 2);
		open_script(input, argv[1]);
	} else {
		set_arguments("sh", argv + 1);
		shell.interactive = isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
		if (shell.interactive) {
			terminal_open();
			input_from_person(input);
		} else {
			input_from_fd(input, STDIN_FILENO);
		}
	}
}

int main(int argc, char **argv)
{
	extern char **environ;
	struct input input;

	if (argc < 1)
		usage();
	/* Ignored by an ancestor, it would make the kernel bury children before the shell can. */
	signal(SIGCHLD, SIG_DFL);
	shell.pid = getpid();
	vars_import(environ);
	open_input(&input, argv);
	run_input(&input);
	return shell.status;
}
