/*
 * Signals: what `trap` asks for, what an interactive shell does about them by itself, and what its
 * children are given.
 */
#ifndef SH_TRAP_H
#define SH_TRAP_H

#include <stdbool.h>

/* Before anything else: the shell wants to know of its children's ends. */
void traps_init(void);

/* An interactive shell outlives the signals that people send to programs. */
void traps_protect_shell(void);

/* Before and after an attempt to become a program, which is to find no signal ignored for that. */
void traps_prepare_exec(void);
void traps_undo_exec(void);

/* Whether job control does: stops and terminal signals do nothing to the shell itself. */
void traps_job_control(bool on);

/*
 * Sets the trap: a command, "" to ignore the signal, NULL for the default. Signal 0 is the shell's
 * exit. Nothing happens for a signal that was ignored when the shell was started.
 */
void trap_set(int signal, const char *command);

/* The command or "", as set; NULL if there is none. */
const char *trap_get(int signal);

/*
 * In a child: traps with commands are forgotten, though shown for as long as none is set, and what
 * the shell kept from itself it does not keep from its children.
 */
void traps_enter_child(void);

/* In a child: the signal is ignored, and cannot be trapped. */
void signal_ignore_for_good(int signal);

/* Runs the commands for the signals that have come. Between commands only. */
void traps_run(void);

/* The signal that has come and waits for traps_run() (or SIGINT at the prompt), or 0. */
int trap_pending(void);

/* The command for the shell's exit, once. */
void trap_run_exit(void);

/* $? as it was before the trap being run; -1: none is. */
int trap_outer_status(void);

#endif
