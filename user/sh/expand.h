/*
 * Expansion: from words as parsed to the strings that a program receives (POSIX XCU 2.6): tilde,
 * parameters, commands, arithmetic, field splitting, file name patterns. Results are in
 * shell.arena. NULL is returned after an error, which has been reported and has, in a script, ended
 * the shell.
 */
#ifndef SH_EXPAND_H
#define SH_EXPAND_H

#include "ast.h"

/*
 * A command's arguments, NULL-terminated and possibly none at all: a word may become several
 * ("$@", *.c, a variable with spaces) or nothing.
 */
char **expand_words(const struct word *words);

/* One string from one word: no splitting, no file names. */
char *expand_string(const struct word *word);

/* The same for the value of an assignment, where ~ is special after a : as well. */
char *expand_assignment(const struct word *word);

/* A pattern (pattern.h): what was quoted has a backslash. */
char *expand_pattern(const struct word *word);

/* A text as if between double quotes: a prompt. The text itself if it is malformed; NULL is "". */
char *expand_text(const char *text);

/* A copy of a list of strings. */
char **expand_copy(char **strings);

#endif
