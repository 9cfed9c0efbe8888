/*
 * Becoming a program: the far side of the gap between fork and exec.
 */
#ifndef SH_EXEC_H
#define SH_EXEC_H

#include <stdbool.h>

/*
 * Replaces this process by the program, looked for along $PATH unless its name has a slash. Returns
 * only if that fails: says why and returns STATUS_NOT_FOUND or STATUS_NOT_EXECUTABLE.
 */
int exec_program(char **argv);

/* Whether a file could be a script: the bytes that this reads from its beginning hold no NUL. */
bool looks_like_script(int fd);

#endif
