/*
 * The terminal: which process group owns it, in what mode it is, how wide it is. Everything here
 * does nothing in a shell without job control.
 */
#ifndef SH_TERMINAL_H
#define SH_TERMINAL_H

#include <stdbool.h>
#include <sys/types.h>

/* Opens the controlling terminal. */
void terminal_open(void);

/*
 * Job control: the shell gets a process group of its own, which has the terminal whenever no job
 * has it. If it is not this shell's turn on the terminal, it says so and there is none.
 */
void terminal_start_jobs(void);

/* Gives the terminal back to the group that had it when job control began. */
void terminal_stop_jobs(void);

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

#endif
