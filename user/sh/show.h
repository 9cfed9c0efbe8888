/*
 * From a tree back to text: how a job is called in notices and by `jobs`.
 */
#ifndef SH_SHOW_H
#define SH_SHOW_H

#include "ast.h"
#include "memory.h"

/* Appends the command. Here-documents are left out, shown as <<... */
void show_tree(struct buffer *out, const struct node *node);

#endif
