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
int exec_program(char **argv, bool default_path);

/*
 * The path that exec_program() would execute, or NULL. With default_path $PATH counts for nothing:
 * the directories are those where the standard programs are.
 */
char *find_program(const char *name, bool default_path);

/* A file that can be read, looked for along $PATH: its path, or NULL. */
char *find_along_path(const char *name);

/* Whether a file could be a script: the bytes that this reads from its beginning hold no NUL. */
bool looks_like_script(int fd);

#endif
