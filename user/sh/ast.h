/*
 * The tree that the parser makes of a command and that run.c walks. There is one kind of node; its
 * `kind` says which of the fields below are in use. A node that has parts (a pipeline its stages, a
 * list its commands) holds them as a chain through `next`, so a line of ten thousand commands makes
 * a long tree and not a deep one. A word is a chain of parts, each of one kind and either quoted or
 * not: where its quotes were is decided once, by word.c, and what it means each time the command
 * runs, by expand.c. Trees live in an arena, point nowhere outside it, and are never changed after
 * parsing.
 */
#ifndef SH_AST_H
#define SH_AST_H

#include <stdbool.h>
#include <stddef.h>

struct node;
struct word;

enum part_kind {
	PART_TEXT,	/* characters as they are */
	PART_TILDE,	/* ~ or ~user */
	PART_PARAMETER, /* $name and ${name...} */
	PART_COMMAND,	/* $(commands) and `commands` */
	PART_ARITHMETIC /* $((expression)) */
};

/* What ${name...} asks for (POSIX XCU 2.6.2). */
enum parameter_operator {
	PARAMETER_VALUE,	   /* ${name} */
	PARAMETER_LENGTH,	   /* ${#name} */
	PARAMETER_DEFAULT,	   /* ${name-word} */
	PARAMETER_ASSIGN,	   /* ${name=word} */
	PARAMETER_DEMAND,	   /* ${name?word} */
	PARAMETER_ALTERNATIVE,	   /* ${name+word} */
	PARAMETER_CUT_PREFIX,	   /* ${name#pattern} */
	PARAMETER_CUT_LONG_PREFIX, /* ${name##pattern} */
	PARAMETER_CUT_SUFFIX,	   /* ${name%pattern} */
	PARAMETER_CUT_LONG_SUFFIX, /* ${name%%pattern} */
	PARAMETER_BAD,		   /* anything else: an error when it is expanded */
};

struct part {
	enum part_kind kind;
	bool quoted;	  /* no splitting, no patterns */
	bool assignment;  /* TILDE after = or :, which is one in an assignment only */
	const char *text; /* TEXT: the characters; TILDE: the user; PARAMETER: its name */
	struct part *next;

	enum parameter_operator operator; /* PARAMETER */
	bool colon;			  /* PARAMETER: :- and not -; empty counts as unset */
	struct word *word; /* PARAMETER: after the operator; ARITHMETIC: expression */
	struct node *tree; /* COMMAND, or NULL for no commands */
};

struct word {
	const char *source; /* as typed */
	struct part *parts; /* NULL for a word that is nothing at all, as in x= */
	struct word *next;
};

struct assignment {
	const char *name;
	struct word *value;
	struct assignment *next;
};

enum redirect_kind {
	REDIRECT_READ,	     /* n<  word */
	REDIRECT_WRITE,	     /* n>  word: created, or emptied; refused by set -C if it is there */
	REDIRECT_CLOBBER,    /* n>| word: created, or emptied */
	REDIRECT_APPEND,     /* n>> word */
	REDIRECT_READ_WRITE, /* n<> word */
	REDIRECT_COPY,	     /* n>&m and n<&m: n becomes a copy of m; n>&- closes n */
	REDIRECT_HERE,	     /* n<< word: the lines that follow */
};

struct redirect {
	enum redirect_kind kind;
	int fd;		     /* the descriptor it is about, 0 to 9 */
	struct word *target; /* a file's name, a descriptor's number for COPY, the text for HERE */
	struct redirect *next;
};

enum node_kind {
	NODE_COMMAND,  /* NAME=value ... word ... */
	NODE_SUBSHELL, /* ( body ) */
	NODE_GROUP,    /* { body } */
	NODE_PIPELINE, /* child | child | child */
	NODE_AND_OR,   /* child && child || child, from left to right */
	NODE_LIST,     /* child ; child & child */
	NODE_IF,       /* if condition; then body; else otherwise; fi */
	NODE_WHILE,    /* while condition; do body; done */
	NODE_UNTIL,    /* until condition; do body; done */
	NODE_FOR,      /* for name in words; do body; done */
	NODE_CASE,     /* case words in clauses esac */
	NODE_FUNCTION, /* name() body */
};

/* When a child of NODE_AND_OR runs, judging by what ran last before it. */
enum run_condition { RUN_ALWAYS, RUN_IF_TRUE, RUN_IF_FALSE };

struct case_clause {
	struct word *patterns;
	struct node *body; /* NULL: nothing to do */
	struct case_clause *next;
};

struct node {
	enum node_kind kind;
	int line;	   /* of the script, where it begins */
	struct node *next; /* the next child of the same parent */

	struct assignment *assignments; /* COMMAND: NAME=value before the first word */
	struct word *words;		/* COMMAND; FOR: what to go through; CASE: the one word */
	struct redirect *redirects;	/* COMMAND and all that POSIX calls compound */
	struct node *children;		/* PIPELINE, AND_OR, LIST */

	struct node *condition; /* IF, WHILE, UNTIL */
	struct node *body;	/* SUBSHELL, GROUP, IF, WHILE, UNTIL, FOR, FUNCTION */
	struct node *otherwise; /* IF: the else part, or another IF for elif; or NULL */
	const char *name;	/* FOR, FUNCTION */
	bool has_words;		/* FOR: `in` was there; else it goes through "$@" */
	struct case_clause *clauses;

	bool negated;		     /* PIPELINE: there was a ! before it */
	bool background;	     /* a child of LIST: it was ended by & */
	enum run_condition run_when; /* a child of AND_OR */
};

#endif
