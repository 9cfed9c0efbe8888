/*
 * Matching. An asterisk is tried with as little as possible first; when what follows it fails, the
 * last asterisk takes one character more, and no earlier one needs to be tried again.
 */
#include "pattern.h"

#include <ctype.h>
#include <string.h>

struct class
{
	const char *name;
	int (*contains)(int);
};

static const struct class CLASSES[] = {
	{ "alnum", isalnum }, { "alpha", isalpha }, { "blank", isblank }, { "cntrl", iscntrl },
	{ "digit", isdigit }, { "graph", isgraph }, { "lower", islower }, { "print", isprint },
	{ "punct", ispunct }, { "space", isspace }, { "upper", isupper }, { "xdigit", isxdigit },
};

/* At "[:": whether the byte is in the class, and *at is behind it; *at stays if it is none. */
static bool class_contains(const char **at, unsigned char byte)
{
	const char *name = *at + 2;
	const char *end = strstr(name, ":]");

	for (size_t i = 0; end && i < sizeof(CLASSES) / sizeof(CLASSES[0]); i++)
		if (strlen(CLASSES[i].name) == (size_t)(end - name) &&
		    strncmp(CLASSES[i].name, name, end - name) == 0) {
			*at = end + 2;
			return CLASSES[i].contains(byte);
		}
	return false;
}

static unsigned char take_byte(const char **at)
{
	if (**at == '\\' && (*at)[1])
		++*at;
	return *(*at)++;
}

/*
 * At "[": where the expression ends, behind its "]", or NULL if it does not: then the [ is only
 * itself. *matches tells whether the byte is in it.
 */
static const char *match_brackets(const char *at, unsigned char byte, bool *matches)
{
	bool negated = at[1] == '!' || at[1] == '^';
	const char *first = at + 1 + negated;

	*matches = false;
	for (at = first; *at != ']' || at == first;) {
		const char *class = at;
		unsigned char low, high;

		if (*at == '\0')
			return NULL;
		if (at[0] == '[' && at[1] == ':') {
			*matches |= class_contains(&at, byte);
			if (at != class)
				continue;
		}
		low = high = take_byte(&at);
		if (at[0] == '-' && at[1] && at[1] != ']') {
			at++;
			high = take_byte(&at);
		}
		*matches |= low <= byte && byte <= high;
	}
	*matches ^= negated;
	return at + 1;
}

/* One element of the pattern that is no asterisk against one byte. NULL, or what follows it. */
static const char *match_one(const char *pattern, unsigned char byte)
{
	const char *end;
	bool matches;

	if (byte == '\0' || *pattern == '\0')
		return NULL;
	if (*pattern == '?')
		return pattern + 1;
	end = *pattern == '[' ? match_brackets(pattern, byte, &matches) : NULL;
	if (end)
		return matches ? end : NULL;
	return take_byte(&pattern) == byte ? pattern : NULL;
}

bool pattern_matches(const char *pattern, const char *text)
{
	const char *star = NULL, *from = NULL;

	for (;;) {
		const char *next;

		if (*pattern == '*') {
			star = ++pattern;
			from = text;
			continue;
		}
		if (*text == '\0' && *pattern == '\0')
			return true;
		next = match_one(pattern, *text);
		if (next) {
			pattern = next;
			text++;
		} else if (star && *from) {
			pattern = star;
			text = ++from;
		} else {
			return false;
		}
	}
}

/* A [ without a ] is only itself: the command of that name must not cost a walk in the files. */
bool pattern_is_special(const char *pattern)
{
	for (; *pattern; pattern++) {
		if (*pattern == '\\' && pattern[1])
			pattern++;
		else if (*pattern == '*' || *pattern == '?')
			return true;
		else if (*pattern == '[' && strchr(pattern, ']'))
			return true;
	}
	return false;
}

char *pattern_to_text(const char *pattern, struct arena *arena)
{
	char *text = arena_strdup(arena, pattern);
	char *to = text;

	while (*pattern)
		*to++ = take_byte(&pattern);
	*to = '\0';
	return text;
}
