/*
 * A word being put together, by word.c and, where a $ or a ` stands in it, by dollar.c.
 */
#ifndef SH_WORDING_H
#define SH_WORDING_H

#include "parsing.h"

enum place {
	IN_WORD,
	IN_QUOTES,	  /* between " */
	IN_BRACES,	  /* after the operator of ${ } */
	IN_QUOTED_BRACES, /* the same, the ${ } being between " */
	IN_ARITHMETIC,	  /* between $(( and )) */
	IN_HEREDOC,	  /* and in all other text that is expanded as a whole */
};

/* A word being put together. */
struct builder {
	struct parser *p;
	struct part **tail;
	struct buffer text; /* characters that are no part yet */
	bool text_quoted;   /* all of them are */
	bool has_text;	    /* there is such a part, even if it is empty, as in '' */
};

struct part *word_add_part(struct builder *b, enum part_kind kind, bool quoted);

void word_add_char(struct builder *b, char byte, bool quoted);

/* Makes a part of the characters that are none yet. */
void word_end_text(struct builder *b);

/* Where something begins, to find out later what was read. */
struct span {
	const char *start;
	int texts;
};

struct span span_begin(const struct parser *p);

/* The text from there to here. An alias on the way counts as the name that was typed. */
char *span_text(struct parser *p, struct span span);

/* The parts up to the end of the place, as a word of its own; NULL with a problem. */
struct word *word_in(struct parser *p, enum place place);

/* Whether what is expanded there is neither split nor a pattern. */
bool place_is_quoted(enum place place);

void word_take_dollar(struct builder *b, enum place place);
void word_take_backquotes(struct builder *b, enum place place);

#endif
