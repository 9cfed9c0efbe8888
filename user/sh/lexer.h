/*
 * The lexer cuts command text into tokens: words (with their quotes still on), operators, newlines.
 * It does no I/O and allocates nothing; a token points into the text.
 */
#ifndef SH_LEXER_H
#define SH_LEXER_H

#include <stddef.h>

enum token_kind {
	TOKEN_END,
	TOKEN_NEWLINE,
	TOKEN_WORD,
	TOKEN_IO_NUMBER, /* digits directly before < or >, as in 2>file */
	TOKEN_SEMICOLON,
	TOKEN_AMPERSAND,
	TOKEN_PIPE,
	TOKEN_AND_IF, /* && */
	TOKEN_OR_IF,  /* || */
	TOKEN_OPEN,   /* ( */
	TOKEN_CLOSE,  /* ) */
	TOKEN_LESS,
	TOKEN_GREAT,
	TOKEN_APPEND,	  /* >> */
	TOKEN_READ_WRITE, /* <> */
	TOKEN_COPY,	  /* >& and <& */
	TOKEN_INCOMPLETE, /* the text ends inside quotes, or in a backslash and a newline */
	TOKEN_BAD,	  /* something this shell does not have; lexer.problem says what */
};

struct token {
	enum token_kind kind;
	const char *text; /* into the lexer's text */
	size_t length;
};

struct lexer {
	const char *at;	     /* what is not read yet, NUL-terminated */
	const char *problem; /* set together with TOKEN_BAD */
};

struct token lexer_next(struct lexer *lexer);

/* How many bytes at the start of the text form a variable's name: [A-Za-z_][A-Za-z0-9_]*, or 0. */
size_t name_length(const char *text);

#endif
