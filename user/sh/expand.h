/*
 * Expansion: from words as typed to the strings that a program receives (POSIX XCU 2.6): tilde,
 * variables, field splitting, file name patterns, and at last the removal of quotes.
 */
#ifndef SH_EXPAND_H
#define SH_EXPAND_H

#include "ast.h"

/*
 * A command's arguments, NULL-terminated and possibly none at all: a word may become several
 * ("$@", *.c, a variable with spaces) or nothing. NULL after a bad substitution, which is reported.
 */
char **expand_words(const struct word *words);

/* One string from one word: no splitting, no patterns. NULL after a bad substitution. */
char *expand_string(const char *text);

#endif
