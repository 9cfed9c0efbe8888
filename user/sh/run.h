/*
 * Running a tree: the part of the shell that decides what happens inside it and what in a child.
 */
#ifndef SH_RUN_H
#define SH_RUN_H

#include "ast.h"

/*
 * Runs the tree (NULL: nothing, successfully) and returns its status, which is also the new $?.
 * Check shell.unwind afterwards.
 */
int run_tree(const struct node *node);

/* Runs all commands of a text, as eval does. `line` is the number of its first line. */
int run_text(const char *text, int line);

#endif
