/*
 * The loop around parsing and running: one complete command is parsed, run and forgotten before the
 * next is looked at, so that it can define the aliases and functions that the next one uses. Text
 * that is there as a whole is parsed where it lies; lines that come one by one are put together
 * until they are a command.
 */
#include "source.h"

#include "alias.h"
#include "builtins.h"
#include "functions.h"
#include "input.h"
#include "jobs.h"
#include "parser.h"
#include "run.h"
#include "shell.h"
#include "trap.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Text that is being run. */
struct source {
	struct parse_input input; /* what is left of it */
	char *owned;		  /* a copy that input.text lies in, or NULL */
};

/* What is left may be in memory that ends with the command: where an alias was expanded in it. */
static void keep_rest(struct source *source, const struct parse_result *result)
{
	const char *text = source->input.text;
	char *copy = NULL;

	if (result->rest < text || result->rest > text + strlen(text)) {
		copy = must_strdup(result->rest);
		free(source->owned);
		source->owned = copy;
	}
	source->input.text = copy ? copy : result->rest;
	source->input.line = result->line;
}

static void echo_text(const char *text, const char *end)
{
	if (option('v') && write(STDERR_FILENO, text, end - text) < 0)
		shell.options['v'] = false;
}

/* The next command of the text. PARSE_INCOMPLETE if it needs more. */
static enum parse_status run_next(struct source *source, int *status)
{
	struct unit *unit = unit_new(), *outer;
	struct parse_result result = parse(source->input, &unit->arena);

	if (result.status == PARSE_OK) {
		if (source->input.final && !source->owned)
			echo_text(source->input.text, result.rest);
		keep_rest(source, &result);
		outer = unit_enter(unit);
		if (result.tree)
			*status = run_tree(result.tree);
		unit_enter(outer);
	} else if (result.status == PARSE_ERROR) {
		shell.line = result.line;
		complain("%s", result.message);
		*status = fail_shell(STATUS_MISUSE);
	}
	unit_release(unit);
	return result.status;
}

static int run_source(struct source *source)
{
	int status = EXIT_SUCCESS;

	while (*source->input.text && !shell.unwind)
		run_next(source, &status);
	free(source->owned);
	shell.status = status;
	return status;
}

int run_text(const char *text, int line)
{
	struct source source = {
		.input = { .text = text, .line = line, .final = true, .alias = alias_find }
	};

	return run_source(&source);
}

int run_file(int fd)
{
	struct buffer text = { 0 };
	char bytes[4096];
	ssize_t count;
	int status, line = shell.line;

	buffer_add(&text, "", 0);
	while ((count = read(fd, bytes, sizeof(bytes))) > 0 || (count < 0 && errno == EINTR))
		if (count > 0)
			buffer_add(&text, bytes, count);
	close(fd);
	status = run_text(text.data, 1);
	buffer_free(&text);
	shell.line = line;
	return status;
}

/* ---- lines that come one by one --------------------------------------------------------- */

/* Runs the command whose lines have been read so far. False if it is not complete. */
static bool run_lines(const struct buffer *text, int line, bool final)
{
	struct source source = {
		.input = { .text = text->data, .line = line, .final = final, .alias = alias_find }
	};
	int status = shell.status;

	while (*source.input.text && !shell.unwind)
		if (run_next(&source, &status) == PARSE_INCOMPLETE)
			return false;
	free(source.owned);
	return true;
}

/* Whether the end of the input is the end of the shell. */
static bool ends_shell(struct input *input)
{
	if (!shell.interactive || !input->prompts)
		return true;
	if (option('\1')) {
		complain("use exit to leave");
		return false;
	}
	return may_exit();
}

/* The lines of one command, which is then run. */
static enum input_event run_one(struct input *input, struct buffer *text)
{
	enum input_event event;
	int line = input->line + 1;

	buffer_clear(text);
	do {
		event = input_line(input, text);
		if (event == INPUT_INTERRUPTED)
			return event;
		if (event == INPUT_END && text->length == 0)
			return event;
	} while (!run_lines(text, line, event == INPUT_END));
	return event;
}

void run_input(struct input *input)
{
	struct buffer text = { 0 };
	enum input_event event;

	for (;;) {
		jobs_poll(shell.interactive);
		traps_run();
		shell.unwind = UNWIND_NONE;
		event = run_one(input, &text);
		if (event == INPUT_END && ends_shell(input))
			break;
		if (event == INPUT_INTERRUPTED)
			shell.status = STATUS_SIGNAL + SIGINT;
		if (shell.unwind == UNWIND_RETURN && !shell.interactive)
			break;
	}
	buffer_free(&text);
}
