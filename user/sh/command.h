/*
 * Simple commands: NAME=value... word... redirection...
 */
#ifndef SH_COMMAND_H
#define SH_COMMAND_H

#include "ast.h"
#include "builtins.h"

/* A value that a variable is to get. */
struct value {
	const char *name;
	const char *value;
	struct value *next;
};

/* A simple command whose words and assignments have been expanded. */
struct command {
	char **argv; /* NULL-terminated; possibly nothing at all */
	struct value *values;
	const struct builtin *builtin; /* or NULL */
	bool function;		       /* argv[0] is one */
	bool plain;	   /* behind the builtin `command`: errors do not end the shell */
	bool default_path; /* behind `command -p` */
};

/* Runs it in the shell if it is a builtin, a function or nothing, else as a job. Its status. */
int run_command(const struct node *node);

/* In a child: runs it, or becomes it. `command` is NULL if nothing has been expanded yet. */
_Noreturn void become_command(const struct node *node, struct command *command);

#endif
