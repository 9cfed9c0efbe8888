/*
 * The terminal: which process group owns it, in what mode it is, how wide it is. Everything here
 * does nothing in a shell that is not interactive.
 */
#ifndef SH_TERMINAL_H
#define SH_TERMINAL_H

#include <stdbool.h>
#include <sys/types.h>

/* Opens the controlling terminal and, if it is this shell's turn on it, starts job control. */
void terminal_open(void);

/* Makes the group the one that Ctrl-C reaches and that may read. Called by parent and child. */
void terminal_give(pid_t group);

/*
 * Takes the terminal back after a foreground job. A job that was killed or stopped had no chance to
 * put the modes back, so then they are restored; otherwise what it left (stty) is kept.
 */
void terminal_take(bool restore_modes);

/*
 * While a line is edited, every key comes at once and unechoed. False if this terminal is not fit
 * for editing (TERM=dumb, or not a terminal): then read whole lines as they come.
 */
bool terminal_edit_begin(void);
void terminal_edit_end(void);

/* Columns, 80 if the terminal does not say. */
int terminal_columns(void);

/* The descriptor to read keys from and write echo to. */
int terminal_fd(void);

/* The signals that the terminal sends: ignored by an interactive shell, not by its children. */
void signals_ignore(void);
void signals_default(void);

#endif
