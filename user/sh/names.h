/*
 * Names: what counts as one, for everybody who must know.
 */
#ifndef SH_NAMES_H
#define SH_NAMES_H

#include <stddef.h>

/* How many bytes at the start of the text form a variable's name: [A-Za-z_][A-Za-z0-9_]*, or 0. */
size_t name_length(const char *text);

#endif
