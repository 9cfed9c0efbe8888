/*
 * Names of signals, without SIG: those that kill, trap and wait know.
 */
#ifndef SH_SIGNAMES_H
#define SH_SIGNAMES_H

/* "INT" for 2, "EXIT" for 0; NULL if the number is no signal's. Valid until the next call. */
const char *signal_name(int number);

/* From a name, in any case, with or without SIG, or from a number; -1 if it is neither. */
int signal_number(const char *text);

#endif
