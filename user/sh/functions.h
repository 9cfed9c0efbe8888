/*
 * Functions, and how long trees live. Each complete command is parsed into a unit of its own, which
 * is freed when it has been run, unless functions were defined in it: their bodies are part of it,
 * so every function, and every call of one, keeps its unit.
 */
#ifndef SH_FUNCTIONS_H
#define SH_FUNCTIONS_H

#include "ast.h"
#include "memory.h"

struct unit {
	struct arena arena;
	int users;
};

/* A unit with one user, who gives it up with unit_release(). */
struct unit *unit_new(void);
void unit_release(struct unit *unit);

/* Makes this the unit whose tree is being run; returns the one before. */
struct unit *unit_enter(struct unit *unit);

/* Defines the function of this node, which is in the unit being run. */
void function_define(const struct node *node);

/* The body, or NULL if there is no such function. */
const struct node *function_find(const char *name);
void function_unset(const char *name);

/*
 * Runs the function with these arguments as $1 and up, NULL-terminated. Returns its status. The
 * redirections of the call are in place already; those of the definition are made here.
 */
int function_call(const char *name, char **arguments);

/* Whether a function is being run, and makes a variable local to it. */
bool function_is_running(void);
void function_local(const char *name);

#endif
