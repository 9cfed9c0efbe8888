/*
 * Parameters: variables, $1 and up, and the special ones; and what the operators of ${ } make of
 * their values (POSIX XCU 2.5 and 2.6.2).
 */
#include "expand.h"
#include "expanding.h"
#include "names.h"
#include "options.h"
#include "pattern.h"
#include "shell.h"
#include "vars.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- values ----------------------------------------------------------------------------- */

static char *number_text(size_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%zu", number);
	return arena_strdup(&shell.arena, text);
}

/* $0, $1 and so on; NULL beyond the last. */
static const char *argument_value(const char *digits)
{
	size_t index = strtoul(digits, NULL, 10);

	if (index == 0)
		return shell.name;
	return index <= shell.positional.count ? shell.positional.items[index - 1] : NULL;
}

/* All arguments in one string, a byte between them; '\0' for no byte. */
static char *joined_arguments(char between)
{
	struct buffer text = { 0 };
	char *copy;

	buffer_add(&text, "", 0);
	for (size_t i = 0; i < shell.positional.count; i++) {
		if (i > 0 && between)
			buffer_add_char(&text, between);
		buffer_add(&text, shell.positional.items[i], strlen(shell.positional.items[i]));
	}
	copy = arena_strdup(&shell.arena, text.data);
	buffer_free(&text);
	return copy;
}

/* What "$*" puts between arguments. */
static char joint(void)
{
	const char *separators = vars_get("IFS");

	return separators ? separators[0] : ' ';
}

/* The value of a parameter, or NULL if it is not set. */
static const char *parameter_value(const char *name)
{
	switch (*name) {
	case '?':
		return number_text(shell.status);
	case '$':
		return number_text(shell.pid);
	case '!':
		return shell.last_background ? number_text(shell.last_background) : NULL;
	case '#':
		return number_text(shell.positional.count);
	case '-':
		return options_letters();
	case '@':
	case '*':
		return shell.positional.count ? joined_arguments(*name == '@' ? ' ' : joint())
					      : NULL;
	case '0' ... '9':
		return argument_value(name);
	}
	if (strcmp(name, "LINENO") == 0)
		return number_text(shell.line);
	return vars_get(name);
}

/*
 * $@ makes one field of each argument, even inside quotes; $* inside quotes joins them. Where
 * nothing is split, both join.
 */
static void put_arguments(struct expansion *x, bool all, bool quoted)
{
	char between = all && quoted ? joint() : ' ';

	if (!x->splitting || (all && quoted)) {
		if (!x->splitting && all)
			between = joint();
		x->started |= quoted;
		put_value(x, joined_arguments(between), quoted);
		return;
	}
	for (size_t i = 0; i < shell.positional.count; i++) {
		if (i > 0) {
			end_field(x);
			x->after_blank = false;
		}
		x->started |= quoted;
		put_value(x, shell.positional.items[i], quoted);
	}
}

/* ---- operators -------------------------------------------------------------------------- */

static void fail(struct expansion *x, const char *format, const char *name, const char *detail)
{
	complain(format, name, detail);
	x->failed = true;
	fail_shell(STATUS_MISUSE);
}

/* ${name=word}. Only variables can be assigned to. */
static void assign(struct expansion *x, const struct part *part)
{
	char *value = expand_string(part->word);

	if (!value)
		x->failed = true;
	else if (name_length(part->text) == 0)
		fail(x, "%s: bad variable name%s", part->text, "");
	else if (!vars_set(part->text, value))
		x->failed = true, fail_shell(STATUS_MISUSE);
	else
		put_value(x, value, part->quoted);
}

static void demand(struct expansion *x, const struct part *part)
{
	char *message = expand_string(part->word);

	if (message)
		fail(x, "%s: %s", part->text,
		     *message	   ? message
		     : part->colon ? "parameter not set or null"
				   : "parameter not set");
	x->failed = true;
}

/* The value is cut in place, where the prefix that matches, shortest or longest, ends. */
static char *cut_prefix(char *value, const char *pattern, bool longest)
{
	size_t length = strlen(value);

	for (size_t i = 0; i <= length; i++) {
		size_t end = longest ? length - i : i;
		char byte = value[end];
		bool matches;

		value[end] = '\0';
		matches = pattern_matches(pattern, value);
		value[end] = byte;
		if (matches)
			return value + end;
	}
	return value;
}

static char *cut_suffix(char *value, const char *pattern, bool longest)
{
	size_t length = strlen(value);

	for (size_t i = 0; i <= length; i++) {
		size_t start = longest ? i : length - i;

		if (pattern_matches(pattern, value + start)) {
			value[start] = '\0';
			break;
		}
	}
	return value;
}

static void cut(struct expansion *x, const struct part *part, const char *value)
{
	char *pattern = expand_pattern(part->word);
	char *copy;

	if (!pattern) {
		x->failed = true;
		return;
	}
	copy = arena_strdup(&shell.arena, value);
	if (part->operator== PARAMETER_CUT_PREFIX || part->operator== PARAMETER_CUT_LONG_PREFIX)
		copy = cut_prefix(copy, pattern, part->operator== PARAMETER_CUT_LONG_PREFIX);
	else
		copy = cut_suffix(copy, pattern, part->operator== PARAMETER_CUT_LONG_SUFFIX);
	put_value(x, copy, part->quoted);
}

/* The word in place of the value. */
static void put_word(struct expansion *x, const struct part *part)
{
	expand_parts(x, part->word->parts, !part->quoted);
}

static void put_plain_value(struct expansion *x, const struct part *part, const char *value)
{
	if (*part->text == '@' || *part->text == '*')
		put_arguments(x, *part->text == '*', part->quoted);
	else
		put_value(x, value, part->quoted);
}

/* An operator that asks whether there is a value. */
static void expand_condition(struct expansion *x, const struct part *part, const char *value)
{
	bool present = value && !(part->colon && *value == '\0');

	if (part->operator== PARAMETER_ALTERNATIVE) {
		if (present)
			put_word(x, part);
	} else if (present) {
		put_plain_value(x, part, value);
	} else if (part->operator== PARAMETER_DEFAULT) {
		put_word(x, part);
	} else if (part->operator== PARAMETER_ASSIGN) {
		assign(x, part);
	} else {
		demand(x, part);
	}
}

void expand_parameter(struct expansion *x, const struct part *part)
{
	bool list = *part->text == '@' || *part->text == '*';
	const char *value;

	if (part->operator== PARAMETER_BAD) {
		fail(x, "${%s: %s", part->text, "bad substitution");
		return;
	}
	value = parameter_value(part->text);
	/* "$@" without arguments is nothing at all, unlike "" and "$x". */
	x->started |= part->quoted && *part->text != '@';
	if (part->operator>= PARAMETER_DEFAULT && part->operator<= PARAMETER_ALTERNATIVE) {
		expand_condition(x, part, value);
		return;
	}
	if (!value && !list && option('u')) {
		fail(x, "%s: %s", part->text, "parameter not set");
		return;
	}
	value = value ? value : "";
	if (part->operator== PARAMETER_VALUE)
		put_plain_value(x, part, value);
	else if (part->operator== PARAMETER_LENGTH)
		put_value(x, number_text(strlen(value)), part->quoted);
	else
		cut(x, part, value);
}
