/*
 * The commands that are part of the shell, because what they change is the shell process itself:
 * its directory, its variables, its children, its life. A child could change only its own copy.
 */
#ifndef SH_BUILTINS_H
#define SH_BUILTINS_H

#include <stdbool.h>

struct builtin {
	const char *name;
	int (*run)(char **argv); /* returns the exit status; may exit or exec instead */
	const char *usage;	 /* what follows the name */
	const char *help;	 /* one line */
	bool special;		 /* POSIX XCU 2.14: NAME=value before it stays set */
	bool keeps_redirections; /* exec only */
};

/* NULL if the name is that of no builtin. */
const struct builtin *builtin_find(const char *name);

#endif
