/*
 * echo and printf (POSIX XCU). Both collect what they print and write it in one go, so that the
 * lines of processes that print at the same time are not mixed.
 */
#define _GNU_SOURCE /* asprintf */
#include "builtins.h"

#include "shell.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- escapes ---------------------------------------------------------------------------- */

/*
 * One escape, the text being behind its backslash. Octal numbers begin with 0 in the arguments of
 * echo and of %b, and with any digit in formats. True if it was \c: nothing more is printed.
 */
static bool add_escape(struct buffer *out, const char **text, bool argument)
{
	static const char letters[] = "abfnrtv\\", bytes[] = "\a\b\f\n\r\t\v\\";
	char byte = **text;
	const char *known = byte ? strchr(letters, byte) : NULL;
	int digits = argument && byte == '0' ? 4 : 3, value = 0;

	if (byte == 'c' && argument)
		return true;
	if (known) {
		buffer_add_char(out, bytes[known - letters]);
		++*text;
	} else if (byte >= '0' && byte <= '7') {
		for (; digits > 0 && **text >= '0' && **text <= '7'; digits--)
			value = value * 8 + *(*text)++ - '0';
		buffer_add_char(out, value);
	} else {
		buffer_add_char(out, '\\');
	}
	return false;
}

/* Text with escapes. True after \c. */
static bool add_escaped(struct buffer *out, const char *text)
{
	while (*text) {
		if (*text != '\\') {
			buffer_add_char(out, *text++);
			continue;
		}
		text++;
		if (add_escape(out, &text, true))
			return true;
	}
	return false;
}

static int write_buffer(const char *builtin, struct buffer *out)
{
	bool done = write_output(builtin, out->data, out->length);

	buffer_free(out);
	return done ? EXIT_SUCCESS : EXIT_FAILURE;
}

int run_echo(char **argv)
{
	struct buffer out = { 0 };
	bool newline = true;

	if (argv[1] && strcmp(argv[1], "-n") == 0) {
		newline = false;
		argv++;
	}
	for (argv++; *argv; argv++) {
		if (add_escaped(&out, *argv)) {
			newline = false;
			break;
		}
		if (argv[1])
			buffer_add_char(&out, ' ');
	}
	if (newline)
		buffer_add_char(&out, '\n');
	return write_buffer("echo", &out);
}

/* ---- printf ----------------------------------------------------------------------------- */

struct printing {
	struct buffer out;
	char **arguments; /* those not used yet */
	bool stopped;	  /* by \c */
	int status;
};

/* One conversion: % flags width . precision letter. */
struct conversion {
	char flags[8];
	int width;
	int precision; /* -1: none */
	char letter;
};

static const char *next_argument(struct printing *p)
{
	return *p->arguments ? *p->arguments++ : NULL;
}

static void problem(struct printing *p, const char *argument, const char *text)
{
	complain("printf: %s: %s", argument, text);
	p->status = EXIT_FAILURE;
}

/* What follows the number must be nothing. */
static void check_end(struct printing *p, const char *argument, const char *end)
{
	if (end == argument)
		problem(p, argument, "expected numeric value");
	else if (*end)
		problem(p, argument, "not completely converted");
	else if (errno == ERANGE)
		problem(p, argument, "out of range");
}

/* A number, or the value of the character behind a quote. */
static intmax_t integer_argument(struct printing *p, bool is_signed)
{
	const char *argument = next_argument(p);
	char *end;
	intmax_t value;

	if (!argument)
		return 0;
	if (*argument == '\'' || *argument == '"')
		return (unsigned char)argument[1];
	errno = 0;
	value = is_signed ? strtoimax(argument, &end, 0) : (intmax_t)strtoumax(argument, &end, 0);
	check_end(p, argument, end);
	return value;
}

static double double_argument(struct printing *p)
{
	const char *argument = next_argument(p);
	char *end;
	double value;

	if (!argument)
		return 0;
	if (*argument == '\'' || *argument == '"')
		return (unsigned char)argument[1];
	errno = 0;
	value = strtod(argument, &end);
	check_end(p, argument, end);
	return value;
}

/* Text in its field: cut to the precision, filled up to the width. */
static void add_field(struct printing *p, const struct conversion *c, const char *text,
		      size_t length)
{
	bool left = strchr(c->flags, '-') != NULL;
	size_t width = c->width;

	if (c->precision >= 0 && length > (size_t)c->precision)
		length = c->precision;
	for (size_t i = length; !left && i < width; i++)
		buffer_add_char(&p->out, ' ');
	buffer_add(&p->out, text, length);
	for (size_t i = length; left && i < width; i++)
		buffer_add_char(&p->out, ' ');
}

/* Numbers are left to the C library, with the format put together again. */
static void add_number(struct printing *p, const struct conversion *c)
{
	char format[32];
	char *text = NULL;
	int length;

	snprintf(format, sizeof(format), "%%%s*.*%s%c", c->flags,
		 strchr("diouxX", c->letter) ? "j" : "", c->letter);
	if (strchr("diouxX", c->letter))
		length = asprintf(&text, format, c->width, c->precision,
				  integer_argument(p, strchr("di", c->letter)));
	else
		length = asprintf(&text, format, c->width, c->precision, double_argument(p));
	if (length >= 0)
		buffer_add(&p->out, text, length);
	free(text);
}

static void convert(struct printing *p, const struct conversion *c)
{
	const char *argument;
	struct buffer escaped = { 0 };

	switch (c->letter) {
	case 'c':
		argument = next_argument(p);
		add_field(p, c, argument ? argument : "", argument && *argument ? 1 : 0);
		break;
	case 's':
		argument = next_argument(p);
		argument = argument ? argument : "";
		add_field(p, c, argument, strlen(argument));
		break;
	case 'b':
		argument = next_argument(p);
		buffer_add(&escaped, "", 0);
		p->stopped = add_escaped(&escaped, argument ? argument : "");
		add_field(p, c, escaped.data, escaped.length);
		buffer_free(&escaped);
		break;
	default:
		add_number(p, c);
	}
}

/* Digits, or * for an argument. */
static const char *take_size(struct printing *p, const char *at, int *size)
{
	*size = 0;
	if (*at == '*') {
		*size = integer_argument(p, true);
		return at + 1;
	}
	while (isdigit((unsigned char)*at))
		*size = *size * 10 + *at++ - '0';
	return at;
}

/* Behind a %. Returns what follows the conversion; NULL if it is none. */
static const char *take_conversion(struct printing *p, const char *at)
{
	struct conversion c = { .precision = -1 };
	size_t flags = strspn(at, "-+ #0");

	memcpy(c.flags, at, flags < sizeof(c.flags) ? flags : sizeof(c.flags) - 1);
	at = take_size(p, at + flags, &c.width);
	if (c.width < 0) {
		c.width = -c.width;
		strcpy(c.flags, "-");
	}
	if (*at == '.')
		at = take_size(p, at + 1, &c.precision);
	c.letter = *at;
	if (!c.letter || !strchr("csbdiouxXeEfFgGaA", c.letter)) {
		problem(p, at, "bad conversion");
		p->status = STATUS_MISUSE;
		return NULL;
	}
	convert(p, &c);
	return at + 1;
}

/* The format once through. False if it is wrong. */
static bool print_once(struct printing *p, const char *at)
{
	while (*at && !p->stopped) {
		if (*at == '\\') {
			at++;
			add_escape(&p->out, &at, false);
		} else if (at[0] == '%' && at[1] == '%') {
			buffer_add_char(&p->out, '%');
			at += 2;
		} else if (*at == '%') {
			at = take_conversion(p, at + 1);
			if (!at)
				return false;
		} else {
			buffer_add_char(&p->out, *at++);
		}
	}
	return true;
}

/* For as long as there are arguments left that the format uses. */
int run_printf(char **argv)
{
	struct printing p = { .status = EXIT_SUCCESS };
	char **before;
	int status;

	if (argv[1] && strcmp(argv[1], "--") == 0)
		argv++;
	if (!argv[1])
		return misuse("printf", "usage: printf FORMAT [ARG]...");
	p.arguments = argv + 2;
	buffer_add(&p.out, "", 0);
	do
		before = p.arguments;
	while (print_once(&p, argv[1]) && !p.stopped && *p.arguments && p.arguments != before);
	status = write_buffer("printf", &p.out);
	return p.status ? p.status : status;
}
