/*
 * What the files of the parser share: lexer.c cuts the text into tokens, word.c takes words apart,
 * heredoc.c collects here-documents, parser.c and compound.c know the grammar. They call each other
 * in a circle, as the language does: a word can hold a whole program, in $( ).
 *
 * The first problem found is kept in the parser's `result` and returned as NULL (or TOKEN_BAD) by
 * everyone on the way up. Depth is counted wherever the functions call themselves, so that no text
 * can exhaust the stack.
 */
#ifndef SH_PARSING_H
#define SH_PARSING_H

#include "parser.h"

#define PARSE_MAX_DEPTH 500

enum token_kind {
	TOKEN_END,
	TOKEN_NEWLINE,
	TOKEN_WORD,
	TOKEN_IO_NUMBER, /* a digit directly before < or >, as in 2>file */
	TOKEN_SEMICOLON,
	TOKEN_DOUBLE_SEMICOLON,
	TOKEN_AMPERSAND,
	TOKEN_PIPE,
	TOKEN_AND_IF, /* && */
	TOKEN_OR_IF,  /* || */
	TOKEN_OPEN,   /* ( */
	TOKEN_CLOSE,  /* ) */
	TOKEN_LESS,
	TOKEN_GREAT,
	TOKEN_CLOBBER,	  /* >| */
	TOKEN_APPEND,	  /* >> */
	TOKEN_READ_WRITE, /* <> */
	TOKEN_COPY_INPUT, /* <& */
	TOKEN_COPY,	  /* >& */
	TOKEN_HERE,	  /* << */
	TOKEN_HERE_TABS,  /* <<-, which drops the tabs at the beginning of lines */
	TOKEN_BAD,	  /* there is none: the parser's result says why */
};

struct token {
	enum token_kind kind;
	const char *spelling; /* of a word or an operator, as typed */
	const char *literal;  /* WORD: its text, if nothing in it is quoted or expanded; or NULL */
	struct word *word;    /* WORD */
	int line;	      /* where it begins */
};

/* A here-document whose lines have not been reached yet. */
struct heredoc {
	struct redirect *redirect; /* whose target is to be filled in */
	const char *delimiter;
	bool expands; /* the delimiter had no quotes */
	bool drops_tabs;
	struct heredoc *next;
};

/* An alias whose text is being read: it is not expanded again inside itself. */
struct open_alias {
	const char *name;
	size_t rest; /* how many bytes of text remain behind it */
	struct open_alias *next;
};

struct parser {
	const char *at; /* what is not read yet, NUL-terminated */
	int line;
	bool final;
	struct token token; /* the one being looked at */
	struct arena *arena;
	struct parse_result result;
	struct heredoc *heredocs; /* in the order typed */
	const char *(*alias)(const char *name);
	struct open_alias *aliases;
	bool alias_continues; /* an alias ended in a blank: the next word may be one, too */
	int texts;	      /* how many aliases have been put before the rest of the text */
	bool in_arithmetic;   /* reading what may be $(( )), and if not is read a second time */
	int depth;
};

/* ---- problems --------------------------------------------------------------------------- */

/* Keeps the problem unless there is one already; returns NULL. */
void *parse_fail(struct parser *p, const char *message);

/* The text ends inside something: incomplete, or an error if nothing can follow. */
void *parse_ended(struct parser *p, const char *message);

/* The token being looked at cannot stand here. */
void *parse_unexpected(struct parser *p);

/* One level deeper; false if that is too deep. Leaving is parse_leave(). */
bool parse_enter(struct parser *p);
void parse_leave(struct parser *p);

/* ---- lexer.c ---------------------------------------------------------------------------- */

/* The next byte of text, past any backslash and newline: such pairs are as if not there. */
char lexer_peek(struct parser *p);

/* Consumes the byte at p->at. */
void lexer_skip(struct parser *p);

/* Moves on to the next token. */
void lexer_advance(struct parser *p);

/* Whether an unquoted byte ends the word it follows. */
bool ends_word(char byte);

/* Puts what the token is an alias of, if it is of something, in its place. */
void lexer_expand_alias(struct parser *p);

/* ---- word.c ----------------------------------------------------------------------------- */

struct word *parse_word(struct parser *p);

/* The rest of the text as a here-document: all is quoted, $ and ` and \ are special. */
struct word *parse_heredoc_text(struct parser *p);

/* The text of a word that is one unquoted text, or NULL. */
const char *word_literal(const struct word *word);

/* ---- heredoc.c -------------------------------------------------------------------------- */

/* Remembers that the redirection's text begins at the next line. The token is its delimiter. */
void heredoc_expect(struct parser *p, struct redirect *redirect, bool drops_tabs);

/* At the beginning of a line: reads the here-documents that wait for it. */
void heredocs_read(struct parser *p);

/* ---- parser.c and compound.c ------------------------------------------------------------ */

/* Commands up to a token that can begin none; NULL for none at all, with PARSE_OK. */
struct node *parse_list(struct parser *p);

/* The same for commands up to the end of the text, which is a text of its own. */
struct node *parse_program(struct parser *p);

/* The commands of $( ), the parser being behind its parenthesis; ends behind the closing one. */
struct node *parse_substitution(struct parser *p);

/* if, while, until, for, case, { and (. NULL with PARSE_OK if none of them stands here. */
struct node *parse_compound(struct parser *p);

/* The body of a function: a compound command with its redirections. */
struct node *parse_function_body(struct parser *p);

struct node *parse_new_node(struct parser *p, enum node_kind kind);
void parse_redirects(struct parser *p, struct redirect **tail);
void parse_skip_newlines(struct parser *p);

/* Whether the token is this reserved word. */
bool token_is(const struct parser *p, const char *reserved);

/* Whether it is a reserved word that ends a list: then, fi, done and so on. */
bool token_closes(const struct parser *p);

static inline bool parse_ok(const struct parser *p)
{
	return p->result.status == PARSE_OK;
}

#endif
