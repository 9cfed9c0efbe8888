/*
 * What the files of expansion share: expand.c goes through the parts of words and builds fields,
 * parameter.c finds what ${...} stands for, substitute.c what $(...) prints.
 */
#ifndef SH_EXPANDING_H
#define SH_EXPANDING_H

#include "ast.h"
#include "memory.h"

/*
 * While a field grows it is kept as a pattern: a character that must stand for itself, because it
 * was quoted, has a backslash before it if it could mean anything else. So when the field is
 * complete, an asterisk without a backslash is part of a pattern, and removing the backslashes
 * removes the quotes.
 */
struct expansion {
	struct strings fields; /* complete ones */
	struct buffer field;   /* the one being built, as a pattern */
	bool started;	       /* it exists even if it is empty: something in it was quoted */
	bool after_blank;      /* a blank ended the last one: a : that follows belongs to it */
	bool splitting;	       /* unquoted values split, patterns match: a command's words */
	bool pattern;	 /* a backslash in a value keeps the next character from being special */
	bool assignment; /* it is the value of a variable */
	bool failed;	 /* an error was reported */
	const char *separators; /* $IFS */
};

/*
 * Puts the parts of a word into the field, beginning new fields where it must. `value`: the word
 * stands for a value, as in ${x-word}, so its unquoted text is split as well.
 */
void expand_parts(struct expansion *x, const struct part *parts, bool value);

/* A value: unquoted, its blanks end fields and its asterisks are patterns. */
void put_value(struct expansion *x, const char *value, bool quoted);

/* Ends the field, which exists if anything is in it or was quoted. */
void end_field(struct expansion *x);

void expand_parameter(struct expansion *x, const struct part *part);

/* What the commands print, without the newlines at its end; in memory from malloc. */
char *substitute_command(const struct node *tree);

#endif
