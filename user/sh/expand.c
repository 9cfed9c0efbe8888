/*
 * Expansion walks a word once, left to right, and builds fields. While a field grows it is kept as
 * a pattern: a character that must stand for itself, because it was quoted, has a backslash before
 * it if it could mean anything else. So when the field is complete, an asterisk without a backslash
 * is a pattern for glob(3), and removing the backslashes removes the quotes. Fields are split at
 * space, tab and newline only (there is no IFS).
 */
#include "expand.h"

#include "lexer.h"
#include "shell.h"
#include "vars.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct expansion {
	struct strings fields; /* complete ones */
	struct buffer field;   /* the one being built, as a pattern */
	bool started;	       /* it exists even if it is empty: something in it was quoted */
	bool splitting;	       /* unquoted variables split, patterns match: a command's words */
	bool failed;	       /* a bad substitution was reported */
};

/* Appends a character: an active one may be part of a pattern, the other kind is only itself. */
static void put(struct expansion *x, char byte, bool active)
{
	if (!active && strchr("\\*?[]", byte))
		buffer_add_char(&x->field, '\\');
	buffer_add_char(&x->field, byte);
}

static char *remove_backslashes(const char *pattern)
{
	char *text = arena_strdup(&shell.arena, pattern);
	char *to = text;

	for (const char *from = text; *from; from++) {
		if (*from == '\\')
			from++;
		*to++ = *from;
	}
	*to = '\0';
	return text;
}

static bool is_pattern(const char *field)
{
	for (; *field; field++) {
		if (*field == '\\')
			field++;
		else if (strchr("*?[", *field))
			return true;
	}
	return false;
}

/* Adds the names of the files that match. False if there are none. */
static bool add_matches(struct expansion *x, const char *pattern)
{
	glob_t matches;

	if (glob(pattern, 0, NULL, &matches) != 0)
		return false;
	for (size_t i = 0; i < matches.gl_pathc; i++)
		strings_add(&x->fields, &shell.arena,
			    arena_strdup(&shell.arena, matches.gl_pathv[i]));
	globfree(&matches);
	return true;
}

static void end_field(struct expansion *x)
{
	const char *pattern = x->field.length ? x->field.data : "";

	if (x->field.length == 0 && !x->started)
		return;
	if (!x->splitting || !is_pattern(pattern) || !add_matches(x, pattern))
		strings_add(&x->fields, &shell.arena, remove_backslashes(pattern));
	buffer_clear(&x->field);
	x->started = false;
}

/* A variable's value: unquoted, its blanks end fields and its asterisks are patterns. */
static void put_value(struct expansion *x, const char *value, bool quoted)
{
	for (; *value; value++) {
		if (x->splitting && !quoted && strchr(" \t\n", *value))
			end_field(x);
		else
			put(x, *value, !quoted && *value != '\\');
	}
}

/* $@ makes one field of each argument, even inside quotes; $* and an assignment join them. */
static void put_arguments(struct expansion *x, bool quoted, bool separate)
{
	for (size_t i = 0; i < shell.argument_count; i++) {
		if (i > 0 && separate)
			end_field(x);
		else if (i > 0)
			put(x, ' ', false);
		x->started |= quoted;
		put_value(x, shell.arguments[i], quoted);
	}
}

static char *number_text(int number)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", number);
	return arena_strdup(&shell.arena, text);
}

/* $0, $1 and so on; NULL beyond the last. */
static const char *argument_value(size_t index)
{
	if (index == 0)
		return shell.name;
	return index <= shell.argument_count ? shell.arguments[index - 1] : NULL;
}

/* The value of a parameter other than @ and *, or NULL if it is not set. */
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
		return number_text(shell.argument_count);
	case '0' ... '9':
		return argument_value(strtoul(name, NULL, 10));
	default:
		return vars_get(name);
	}
}

/* How many bytes at the start of the text name a parameter, or 0. */
static size_t parameter_length(const char *text, bool braces)
{
	size_t length = name_length(text);
	size_t digits = strspn(text, "0123456789");

	if (length == 0 && digits > 0)
		length = braces ? digits : 1;
	if (length == 0 && *text && strchr("?$!#@*", *text))
		length = 1;
	return length;
}

static void put_parameter(struct expansion *x, const char *name, bool quoted)
{
	const char *value;

	if (*name == '@' || *name == '*') {
		put_arguments(x, quoted, x->splitting && (*name == '@' || !quoted));
		return;
	}
	value = parameter_value(name);
	if (value)
		put_value(x, value, quoted);
}

/*
 * The expand_ functions below take the address of the character that begins a construct, expand
 * it, and return the address after it. The lexer has made sure that each construct is complete.
 */
static const char *expand_dollar(struct expansion *x, const char *at, bool quoted)
{
	bool braces = at[1] == '{';
	const char *name = at + 1 + braces;
	size_t length = parameter_length(name, braces);

	if (braces && (length == 0 || name[length] != '}')) {
		complain("%.*s: bad substitution", (int)(strchr(name, '}') + 1 - at), at);
		x->failed = true;
		return strchr(name, '}') + 1;
	}
	if (length == 0) {
		put(x, '$', false);
		return name;
	}
	put_parameter(x, arena_strndup(&shell.arena, name, length), quoted);
	return name + length + braces;
}

static const char *expand_single_quotes(struct expansion *x, const char *at)
{
	x->started = true;
	for (at++; *at != '\''; at++)
		put(x, *at, false);
	return at + 1;
}

/* A backslash; inside double quotes it is special only before $ ` " \ and newline. */
static const char *expand_backslash(struct expansion *x, const char *at, bool quoted)
{
	if (at[1] == '\n')
		return at + 2;
	if (at[1] == '\0' || (quoted && !strchr("$`\"\\", at[1]))) {
		put(x, '\\', false);
		return at + 1;
	}
	put(x, at[1], false);
	x->started = true;
	return at + 2;
}

static const char *expand_double_quotes(struct expansion *x, const char *at)
{
	/* "$@" without arguments is nothing at all, unlike "" and "$x". */
	x->started |= strncmp(at, "\"$@\"", 4) != 0;
	at++;
	while (*at != '"') {
		if (*at == '$')
			at = expand_dollar(x, at, true);
		else if (*at == '\\')
			at = expand_backslash(x, at, true);
		else
			put(x, *at++, false);
	}
	return at + 1;
}

/* ~ alone or before a slash is the home directory. */
static const char *expand_tilde(struct expansion *x, const char *at)
{
	const char *home = vars_get("HOME");

	if (*at != '~' || (at[1] != '\0' && at[1] != '/') || !home)
		return at;
	for (x->started = true; *home; home++)
		put(x, *home, false);
	return at + 1;
}

static void expand_word(struct expansion *x, const char *text)
{
	const char *at = expand_tilde(x, text);

	while (*at) {
		if (*at == '$')
			at = expand_dollar(x, at, false);
		else if (*at == '\'')
			at = expand_single_quotes(x, at);
		else if (*at == '"')
			at = expand_double_quotes(x, at);
		else if (*at == '\\')
			at = expand_backslash(x, at, false);
		else
			put(x, *at++, true);
	}
	end_field(x);
}

char **expand_words(const struct word *words)
{
	struct expansion x = { .splitting = true };

	for (; words; words = words->next)
		expand_word(&x, words->text);
	buffer_free(&x.field);
	return x.failed ? NULL : strings_finish(&x.fields, &shell.arena);
}

char *expand_string(const char *text)
{
	struct expansion x = { .splitting = false, .started = true };

	expand_word(&x, text);
	buffer_free(&x.field);
	return x.failed ? NULL : x.fields.items[0];
}
