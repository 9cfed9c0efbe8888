/*
 * The tree that the parser makes of a command and that run.c walks. There is one kind of node; its
 * `kind` says which of the fields below are in use. A node that has parts (a pipeline its stages, a
 * list its commands) holds them as a chain through `next`, so a line of ten thousand commands makes
 * a long tree and not a deep one. Words are kept as they were typed, quotes and all: what they mean
 * is decided by expand.c at the moment the command runs. Trees live in an arena and are never
 * changed after parsing.
 */
#ifndef SH_AST_H
#define SH_AST_H

#include <stdbool.h>
#include <stddef.h>

enum node_kind {
	NODE_COMMAND,  /* NAME=value ... word ... */
	NODE_SUBSHELL, /* ( list ), the list being the only child */
	NODE_PIPELINE, /* child | child | child */
	NODE_AND_OR,   /* child && child || child, from left to right */
	NODE_LIST,     /* child ; child & child */
};

/* When a child of NODE_AND_OR runs, judging by what ran last before it. */
enum run_condition { RUN_ALWAYS, RUN_IF_TRUE, RUN_IF_FALSE };

enum redirect_kind {
	REDIRECT_READ,	     /* n<  word */
	REDIRECT_WRITE,	     /* n>  word: created, or emptied */
	REDIRECT_APPEND,     /* n>> word */
	REDIRECT_READ_WRITE, /* n<> word */
	REDIRECT_COPY,	     /* n>&m and n<&m: n becomes a copy of m; n>&- closes n */
};

struct word {
	const char *text; /* as typed */
	struct word *next;
};

struct redirect {
	enum redirect_kind kind;
	int fd;		    /* the descriptor it is about, 0 to 9 */
	const char *target; /* as typed: a file's name, or a descriptor's number for COPY */
	struct redirect *next;
};

struct node {
	enum node_kind kind;
	struct node *next; /* the next child of the same parent */

	struct word *assignments;   /* COMMAND: NAME=value before the first word */
	struct word *words;	    /* COMMAND */
	struct redirect *redirects; /* COMMAND and SUBSHELL, in the order typed */
	struct node *children;	    /* all other kinds, and SUBSHELL */

	bool negated;		     /* PIPELINE: there was a ! before it */
	bool background;	     /* a child of LIST: it was ended by & */
	enum run_condition run_when; /* a child of AND_OR */

	const char *source; /* the text it was parsed from, for notices about jobs */
	size_t source_length;
};

#endif
