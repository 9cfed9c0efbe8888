/*
 * Running a tree: the part of the shell that decides what happens inside it and what in a child.
 */
#ifndef SH_RUN_H
#define SH_RUN_H

#include "ast.h"

/* Runs the tree (NULL: nothing) and returns its status, which is also the new $?. */
int run_tree(const struct node *node);

/* NAME=value words, in order, each seeing those before it. -1 after a bad substitution. */
int assign_variables(const struct word *assignments, bool exported);

#endif
