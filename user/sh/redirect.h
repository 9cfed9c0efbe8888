/*
 * Redirections: making descriptors 0 to 9 mean something else, for good (in a child about to exec,
 * or for `exec >file`) or for the time a builtin runs inside the shell itself.
 */
#ifndef SH_REDIRECT_H
#define SH_REDIRECT_H

#include "ast.h"

/* What descriptors 0 to 9 were before redirections were applied. */
struct saved_fds {
	int copy[10]; /* a duplicate, or one of the two below */
};

enum { FD_UNTOUCHED = -1, FD_WAS_CLOSED = -2 };

/*
 * Applies the redirections in order; at the first that fails says why and returns -1, the earlier
 * ones staying applied. With `saved`, first keeps what redirect_undo() needs to take back whatever
 * was applied, also after a failure.
 */
int redirect_apply(const struct redirect *list, struct saved_fds *saved);
void redirect_undo(struct saved_fds *saved);

/*
 * Moves a descriptor that the shell opened for itself out of the user's range, and marks it
 * close-on-exec. Returns the new one; -1 if there is none left, the old one being closed either
 * way.
 */
int fd_make_internal(int fd);

#endif
