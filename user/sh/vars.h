/*
 * The shell's variables. Those marked as exported become the environment of the programs that the
 * shell starts; a child gets its own copy of all of them by fork, which is why NAME=value before a
 * command can simply be set in the child.
 */
#ifndef SH_VARS_H
#define SH_VARS_H

#include "memory.h"

#include <stdbool.h>

struct variable {
	char *name;
	char *value; /* NULL: not set, but marked as one of the following */
	bool exported;
	bool readonly;
	struct variable *next;
};

/* Takes over the environment that the shell was started with; every variable is exported. */
void vars_import(char **environment);

/* The value, or NULL if there is no such variable or it is not set. */
const char *vars_get(const char *name);

/* An exported variable stays exported. False, with a complaint, if it is read-only. */
bool vars_set(const char *name, const char *value);
bool vars_unset(const char *name);

/* The variable of this name, which is made, not set, if there is none: to mark it. */
struct variable *vars_mark(const char *name);

/* NAME=value strings of the exported variables, NULL-terminated. */
char **vars_environment(struct arena *arena);

/* All variables, by name, NULL-terminated. */
struct variable **vars_sorted(struct arena *arena);

/* ---- variables that come back ----------------------------------------------------------- */

/* What variables were before they were made local, or set for one command only. */
struct saved_variable;

/* Adds what the variable is now. */
void vars_save(struct saved_variable **list, const char *name);

/* Makes them what they were, in reverse order, and empties the list. */
void vars_restore(struct saved_variable **list);

#endif
