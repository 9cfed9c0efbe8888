/*
 * Options: set -e and so on, by letter (shell.options) and by name.
 */
#ifndef SH_OPTIONS_H
#define SH_OPTIONS_H

#include <stdbool.h>

/* The letters of those that are set, for $-. */
char *options_letters(void);

/*
 * Takes options from arguments, as in set and on the command line: -e +x -o name -eu. Moves *argv
 * behind the last; -- and a lone - end them, too, and *ended tells. False, with a complaint, if one
 * is unknown. `invocation` allows those that only the command line has: -c, -s and -i.
 */
bool options_take(char ***argv, bool invocation, bool *ended);

/* Turns job control on or off, as set -m and set +m do. */
void options_apply_monitor(void);

#endif
