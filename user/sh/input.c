/*
 * Where commands come from. A script on standard input shares the open file, and so the position in
 * it, with the commands it runs: in `printf 'cat\nhello\n' | sh` the second line belongs to cat. So
 * the shell must never read further than the end of the line, and reads byte by byte.
 */
#include "input.h"

#include "expand.h"
#include "lineedit.h"
#include "shell.h"
#include "terminal.h"
#include "trap.h"
#include "vars.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void input_from_fd(struct input *input, int fd)
{
	*input = (struct input){ .fd = fd };
}

void input_from_person(struct input *input)
{
	*input = (struct input){ .fd = terminal_fd(), .prompts = true };
	input->editor = must_alloc(sizeof(*input->editor));
	lineedit_init(input->editor);
}

/* One byte, or -1 at the end or on an error, which ends the input as well. */
static int read_byte(int fd)
{
	unsigned char byte;
	ssize_t count;

	do {
		traps_run();
		count = read(fd, &byte, 1);
	} while (count < 0 && errno == EINTR);
	return count == 1 ? byte : -1;
}

/* A NUL can be part of no command, and is left out. */
static enum input_event line_from_fd(struct input *input, struct buffer *text)
{
	int byte = read_byte(input->fd);

	if (byte < 0)
		return INPUT_END;
	buffer_add(text, "", 0);
	for (; byte >= 0 && byte != '\n'; byte = read_byte(input->fd))
		if (byte != '\0')
			buffer_add_char(text, byte);
	if (byte == '\n')
		buffer_add_char(text, '\n');
	return INPUT_LINE;
}

/* What $PS1, or $PS2 for the rest of a command, expands to. */
static void make_prompt(char *prompt, size_t size, bool continued)
{
	struct arena_mark mark = arena_mark(&shell.arena);
	int status = shell.status;

	snprintf(prompt, size, "%s", expand_text(vars_get(continued ? "PS2" : "PS1")));
	arena_rewind(&shell.arena, mark);
	shell.status = status;
}

/* Takes keys one at a time: those typed ahead, after Enter, are for the program about to run. */
static enum lineedit_event edit_line(struct lineedit *editor, int fd)
{
	enum lineedit_event event = LINEEDIT_MORE;

	for (;;) {
		size_t length;
		const char *output = lineedit_output(editor, &length);
		int byte;

		if (write(fd, output, length) < 0)
			return LINEEDIT_END;
		if (event != LINEEDIT_MORE)
			return event;
		byte = read_byte(fd);
		if (byte < 0)
			return LINEEDIT_END;
		event = lineedit_feed(editor, byte);
	}
}

static enum input_event line_from_person(struct input *input, struct buffer *text)
{
	char prompt[LINEEDIT_PROMPT];
	enum lineedit_event event;

	make_prompt(prompt, sizeof(prompt), text->length > 0);
	if (!terminal_edit_begin()) {
		dprintf(input->fd, "%s", prompt);
		return line_from_fd(input, text);
	}
	lineedit_begin(input->editor, prompt, terminal_columns());
	event = edit_line(input->editor, input->fd);
	terminal_edit_end();

	if (event == LINEEDIT_END)
		return INPUT_END;
	if (event == LINEEDIT_INTERRUPT)
		return INPUT_INTERRUPTED;
	buffer_add(text, input->editor->line, input->editor->length);
	buffer_add_char(text, '\n');
	return INPUT_LINE;
}

enum input_event input_line(struct input *input, struct buffer *text)
{
	size_t before = text->length;
	enum input_event event;

	if (input->prompts)
		event = line_from_person(input, text);
	else
		event = line_from_fd(input, text);
	if (event == INPUT_LINE)
		input->line++;
	if (option('v') && write(STDERR_FILENO, text->data + before, text->length - before) < 0)
		shell.options['v'] = false;
	return event;
}
