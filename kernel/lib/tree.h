/*
 * Red-black trees: libbsd's <bsd/sys/tree.h>, whose generated functions are static inline here. A
 * tree that keeps a summary in its nodes defines RB_AUGMENT before it includes this file (see
 * mm/vma.c).
 */
#ifndef MITOS_LIB_TREE_H
#define MITOS_LIB_TREE_H

#include "lib/types.h"
#include <bsd/sys/tree.h>

/* Defines a tree's functions for one file, which need not use them all; cmp(a, b) is below, at or
 * above 0. */
#define TREE_GENERATE(name, type, field, cmp)                                                      \
	RB_GENERATE_INTERNAL(name, type, field, cmp, static inline __attribute__((unused)))

#endif
