/*
 * The parser turns command text into a tree. It is a pure function of the text: no I/O, no state
 * kept between calls, so it is tested and fuzzed without a shell around it. Text that ends too
 * early (an open quote, an open parenthesis, nothing after a |) is not an error but
 * PARSE_INCOMPLETE: the caller fetches one more line and asks again with the longer text.
 */
#ifndef SH_PARSER_H
#define SH_PARSER_H

#include "ast.h"
#include "memory.h"

enum parse_status { PARSE_OK, PARSE_INCOMPLETE, PARSE_ERROR };

struct parse_result {
	enum parse_status status;
	struct node *tree;   /* PARSE_OK: the command, or NULL if the text holds none */
	const char *message; /* PARSE_ERROR: what is wrong, without a newline */
};

/* The tree and the message are allocated in the arena; the tree also points into the text. */
struct parse_result parse(const char *text, struct arena *arena);

#endif
