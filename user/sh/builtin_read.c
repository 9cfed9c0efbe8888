/*
 * read (POSIX XCU): one line of standard input, cut into fields as words are. It reads byte by
 * byte, for what comes after the line is somebody else's. Without -r a backslash keeps the next
 * character from being special, and joins lines.
 */
#include "builtins.h"

#include "names.h"
#include "shell.h"
#include "trap.h"
#include "vars.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The line, and for each byte of it whether a backslash was before it. */
struct line {
	struct buffer text;
	struct buffer escaped;
};

enum outcome { GOT_LINE, GOT_END, GOT_SIGNAL, GOT_ERROR };

static void add(struct line *line, char byte, bool escaped)
{
	buffer_add_char(&line->text, byte);
	buffer_add_char(&line->escaped, escaped);
}

/* One byte; a signal that is trapped, or Ctrl-C, ends the waiting for it. */
static enum outcome read_byte(char *byte)
{
	for (;;) {
		ssize_t count = read(STDIN_FILENO, byte, 1);

		if (count == 1)
			return GOT_LINE;
		if (count == 0)
			return GOT_END;
		if (errno != EINTR) {
			complain("read: %s", strerror(errno));
			return GOT_ERROR;
		}
		if (trap_pending())
			return GOT_SIGNAL;
	}
}

static enum outcome read_line(struct line *line, bool raw)
{
	bool backslash = false;
	char byte;

	buffer_add(&line->text, "", 0);
	for (;;) {
		enum outcome outcome = read_byte(&byte);

		if (outcome != GOT_LINE)
			return outcome;
		if (backslash && byte != '\n' && byte != '\0')
			add(line, byte, true);
		else if (!backslash && byte == '\n')
			return GOT_LINE;
		else if (!backslash && byte == '\\' && !raw) {
			backslash = true;
			continue;
		} else if (byte != '\n' && byte != '\0')
			add(line, byte, false);
		backslash = false;
	}
}

/* ---- fields ----------------------------------------------------------------------------- */

struct fields {
	const struct line *line;
	const char *separators;
	size_t at;
};

static bool is_separator(const struct fields *f, size_t at)
{
	return at < f->line->text.length && !f->line->escaped.data[at] &&
	       strchr(f->separators, f->line->text.data[at]);
}

static bool is_blank(const struct fields *f, size_t at)
{
	return is_separator(f, at) && strchr(" \t\n", f->line->text.data[at]);
}

static void skip_blanks(struct fields *f)
{
	while (is_blank(f, f->at))
		f->at++;
}

/* Behind a field: blanks, and one separator that is none. */
static void skip_delimiter(struct fields *f)
{
	skip_blanks(f);
	if (is_separator(f, f->at))
		f->at++;
	skip_blanks(f);
}

static char *take_field(struct fields *f)
{
	size_t start = f->at;
	char *field;

	while (f->at < f->line->text.length && !is_separator(f, f->at))
		f->at++;
	field = arena_strndup(&shell.arena, f->line->text.data + start, f->at - start);
	skip_delimiter(f);
	return field;
}

/*
 * The last variable gets all that is left, separators and all, without blanks at the end; but if
 * what is left is one field and its separator, only the field.
 */
static char *take_rest(struct fields *f)
{
	size_t start = f->at, end = f->line->text.length;

	take_field(f);
	if (f->at == end) {
		f->at = start;
		return take_field(f);
	}
	while (end > start && is_blank(f, end - 1))
		end--;
	return arena_strndup(&shell.arena, f->line->text.data + start, end - start);
}

static int assign_fields(const struct line *line, char **names)
{
	const char *separators = vars_get("IFS");
	struct fields f = { .line = line };

	f.separators = arena_strdup(&shell.arena, separators ? separators : " \t\n");
	skip_blanks(&f);
	for (; *names; names++)
		if (!vars_set(*names, names[1] ? take_field(&f) : take_rest(&f)))
			return STATUS_MISUSE;
	return EXIT_SUCCESS;
}

int run_read(char **argv)
{
	struct line line = { 0 };
	bool raw = false;
	enum outcome outcome;
	int status;

	for (argv++; *argv && (*argv)[0] == '-'; argv++) {
		if (strcmp(*argv, "--") == 0) {
			argv++;
			break;
		}
		if (strcmp(*argv, "-r") != 0)
			return misuse("read", "%s: unknown option", *argv);
		raw = true;
	}
	if (!*argv)
		return misuse("read", "into which variable?");
	for (char **name = argv; *name; name++)
		if (name_length(*name) == 0 || (*name)[name_length(*name)])
			return misuse("read", "%s: bad variable name", *name);
	outcome = read_line(&line, raw);
	if (outcome == GOT_SIGNAL) {
		status = STATUS_SIGNAL + trap_pending();
	} else {
		status = assign_fields(&line, argv);
		if (status == EXIT_SUCCESS && outcome != GOT_LINE)
			status = EXIT_FAILURE;
	}
	buffer_free(&line.text);
	buffer_free(&line.escaped);
	return status;
}
