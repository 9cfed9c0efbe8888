/*
 * Patterns (POSIX XCU 2.13): * ? [...] and, to keep them from being special, the backslash.
 */
#ifndef SH_PATTERN_H
#define SH_PATTERN_H

#include "memory.h"

#include <stdbool.h>

/* Whether the pattern matches the whole text, in which slashes and dots are nothing special. */
bool pattern_matches(const char *pattern, const char *text);

/* Whether there is anything in it that is special, and not kept from being so. */
bool pattern_is_special(const char *pattern);

/* The text that a pattern is without its backslashes, in the arena. */
char *pattern_to_text(const char *pattern, struct arena *arena);

/*
 * Adds the names of the files that match, sorted, to the list. A slash is matched by a slash only,
 * and a dot at the beginning of a name by a dot. False if there are none.
 */
bool pattern_find_files(const char *pattern, struct strings *names, struct arena *arena);

#endif
