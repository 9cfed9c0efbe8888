/*
 * The parser turns command text into a tree, one complete command at a time. It is a pure function
 * of the text (and of the aliases): no I/O, no state kept between calls, so it is tested and fuzzed
 * without a shell around it. Text that ends too early (an open quote, a here-document without its
 * end, nothing after a |) is not an error but PARSE_INCOMPLETE, unless the caller said that there
 * is no more: else it fetches one more line and asks again with the longer text.
 */
#ifndef SH_PARSER_H
#define SH_PARSER_H

#include "ast.h"
#include "memory.h"

enum parse_status { PARSE_OK, PARSE_INCOMPLETE, PARSE_ERROR };

struct parse_input {
	const char *text;
	int line;   /* the number of the text's first line */
	bool final; /* no text can follow: what is missing now is an error */
	/* What the name is an alias of, or NULL; the pointer itself NULL for no aliases. */
	const char *(*alias)(const char *name);
};

struct parse_result {
	enum parse_status status;
	struct node *tree;   /* PARSE_OK: the command, or NULL if the line holds none */
	const char *message; /* PARSE_ERROR: what is wrong, without a newline */
	const char *rest;    /* PARSE_OK: what follows the command and its newline */
	int line;	     /* the number of the line at which `rest` begins, or with the error */
};

/* The tree and the message are allocated in the arena, and so may be the rest. */
struct parse_result parse(struct parse_input input, struct arena *arena);

/* Text as in double quotes, but with plain " (for PS1 and its like). NULL if it is malformed. */
struct word *parse_quoted_text(const char *text, struct arena *arena);

#endif
