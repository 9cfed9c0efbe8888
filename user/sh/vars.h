/*
 * The shell's variables. Those marked as exported become the environment of the programs that the
 * shell starts; a child gets its own copy of all of them by fork, which is why NAME=value before a
 * command can simply be set in the child.
 */
#ifndef SH_VARS_H
#define SH_VARS_H

#include "memory.h"

/* Takes over the environment that the shell was started with; every variable is exported. */
void vars_import(char **environment);

/* The value, or NULL if there is no such variable. */
const char *vars_get(const char *name);

/* The value NULL unsets. An exported variable stays exported. */
void vars_set(const char *name, const char *value);

/* Marks as exported, creating an empty variable if there is none. */
void vars_export(const char *name);
void vars_unset(const char *name);

/* NAME=value strings of the exported variables, NULL-terminated, in the order of creation. */
char **vars_environment(struct arena *arena);

#endif
