/*
 * Expansion walks the parts of a word once, left to right, and builds fields. How a field is kept
 * while it grows says expanding.h.
 */
#include "expand.h"

#include "arithmetic.h"
#include "expanding.h"
#include "parser.h"
#include "pattern.h"
#include "shell.h"
#include "vars.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- fields ----------------------------------------------------------------------------- */

/* Appends a character: an active one may be part of a pattern, the other kind is only itself. */
static void put(struct expansion *x, char byte, bool active)
{
	if (!active && strchr("\\*?[]-!^", byte))
		buffer_add_char(&x->field, '\\');
	buffer_add_char(&x->field, byte);
	x->after_blank = false;
}

void end_field(struct expansion *x)
{
	const char *pattern = x->field.length ? x->field.data : "";

	if (x->field.length == 0 && !x->started)
		return;
	if (!x->splitting || option('f') || !pattern_is_special(pattern) ||
	    !pattern_find_files(pattern, &x->fields, &shell.arena))
		strings_add(&x->fields, &shell.arena, pattern_to_text(pattern, &shell.arena));
	buffer_clear(&x->field);
	x->started = false;
}

/*
 * A character of $IFS in a value (POSIX XCU 2.6.5). Blanks end the field that there is; any other
 * separator ends one even if nothing is in it, unless a blank has done so just before.
 */
static void put_separator(struct expansion *x, char byte)
{
	bool blank = strchr(" \t\n", byte);
	bool field = x->field.length > 0 || x->started;

	if (!blank && !x->after_blank)
		x->started = true;
	end_field(x);
	x->after_blank = blank && (field || x->after_blank);
}

void put_value(struct expansion *x, const char *value, bool quoted)
{
	for (; *value; value++) {
		if (x->splitting && !quoted && strchr(x->separators, *value))
			put_separator(x, *value);
		else
			put(x, *value, !quoted && (*value != '\\' || x->pattern));
	}
}

/* ---- parts ------------------------------------------------------------------------------ */

static const char *home_of(const char *user)
{
	struct passwd *entry;

	if (*user == '\0')
		return vars_get("HOME");
	entry = getpwnam(user);
	return entry ? entry->pw_dir : NULL;
}

static void expand_tilde(struct expansion *x, const struct part *part)
{
	const char *home = part->assignment && !x->assignment ? NULL : home_of(part->text);

	x->started = true;
	if (home) {
		put_value(x, home, true);
	} else {
		put(x, '~', true);
		put_value(x, part->text, true);
	}
}

static void expand_arithmetic(struct expansion *x, const struct part *part)
{
	char *expression = expand_string(part->word);
	char text[32];
	intmax_t result;

	if (!expression || !arithmetic_evaluate(expression, &result)) {
		x->failed = true;
		if (expression)
			fail_shell(STATUS_MISUSE);
		return;
	}
	snprintf(text, sizeof(text), "%jd", result);
	put_value(x, text, part->quoted);
}

static void expand_command(struct expansion *x, const struct part *part)
{
	char *output = substitute_command(part->tree);

	x->started |= part->quoted;
	put_value(x, output, part->quoted);
	free(output);
	/* Ctrl-C has ended it, and the line with it. */
	x->failed |= shell.unwind == UNWIND_ALL;
}

/* Text that is not quoted is only split where it stands for a value. */
static void expand_plain(struct expansion *x, const struct part *part, bool value)
{
	x->started |= part->quoted;
	if (value || part->quoted)
		put_value(x, part->text, part->quoted);
	else
		for (const char *at = part->text; *at; at++)
			put(x, *at, *at != '\\');
}

void expand_parts(struct expansion *x, const struct part *parts, bool value)
{
	for (; parts && !x->failed; parts = parts->next)
		switch (parts->kind) {
		case PART_TEXT:
			expand_plain(x, parts, value);
			break;
		case PART_TILDE:
			expand_tilde(x, parts);
			break;
		case PART_PARAMETER:
			expand_parameter(x, parts);
			break;
		case PART_COMMAND:
			expand_command(x, parts);
			break;
		case PART_ARITHMETIC:
			expand_arithmetic(x, parts);
			break;
		}
}

/* ---- words ------------------------------------------------------------------------------ */

static const char *field_separators(void)
{
	const char *separators = vars_get("IFS");

	return separators ? separators : " \t\n";
}

char **expand_words(const struct word *words)
{
	struct expansion x = { .splitting = true };

	for (; words && !x.failed; words = words->next) {
		/* Copied, for ${IFS:=...} may change it while it is looked at. */
		x.separators = arena_strdup(&shell.arena, field_separators());
		x.after_blank = false;
		expand_parts(&x, words->parts, false);
		end_field(&x);
	}
	buffer_free(&x.field);
	return x.failed ? NULL : strings_finish(&x.fields, &shell.arena);
}

/* The one field that a word becomes, still as a pattern. */
static char *expand_field(const struct word *word, bool assignment, bool pattern)
{
	struct expansion x = { .assignment = assignment, .pattern = pattern, .separators = "" };
	char *field;

	expand_parts(&x, word->parts, false);
	field = arena_strdup(&shell.arena, x.field.data ? x.field.data : "");
	buffer_free(&x.field);
	return x.failed ? NULL : field;
}

char *expand_string(const struct word *word)
{
	char *field = expand_field(word, false, false);

	return field ? pattern_to_text(field, &shell.arena) : NULL;
}

char *expand_assignment(const struct word *word)
{
	char *field = expand_field(word, true, false);

	return field ? pattern_to_text(field, &shell.arena) : NULL;
}

char *expand_pattern(const struct word *word)
{
	return expand_field(word, false, true);
}

char *expand_text(const char *text)
{
	struct word *word;
	char *expanded;

	if (!text)
		return "";
	word = parse_quoted_text(text, &shell.arena);
	expanded = word ? expand_string(word) : NULL;
	return expanded ? expanded : arena_strdup(&shell.arena, text);
}

char **expand_copy(char **strings)
{
	struct strings copy = { 0 };

	for (; *strings; strings++)
		strings_add(&copy, &shell.arena, arena_strdup(&shell.arena, *strings));
	return strings_finish(&copy, &shell.arena);
}
