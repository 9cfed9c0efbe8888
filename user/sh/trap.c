/*
 * Traps and signals. A handler does nothing but note that its signal came; traps_run() acts on the
 * notes between two commands, when nothing is half done. All dispositions are set in one place,
 * apply(), from what is known about the signal: is there a trap, does the shell protect itself from
 * it, was it ignored by whoever started the shell. The last cannot be changed (POSIX XCU 2.11):
 * nohup would be in vain otherwise.
 */
#include "trap.h"

#include "memory.h"
#include "run.h"
#include "shell.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum origin { ORIGIN_UNKNOWN, ORIGIN_DEFAULT, ORIGIN_IGNORED };

static char *commands[NSIG];
static bool shown_only[NSIG]; /* the command is the parent's */
static enum origin origins[NSIG];
static bool protects;	    /* an interactive shell */
static bool keeps_terminal; /* one with job control */
static int outer_status = -1;

static volatile sig_atomic_t pending[NSIG];
static volatile sig_atomic_t any_pending;

static void note(int signal)
{
	pending[signal] = 1;
	any_pending = 1;
}

/* A child has changed: enough to end a sleep. */
static void note_child(int signal)
{
	(void)signal;
}

static bool inherited_ignored(int signal)
{
	struct sigaction action;

	if (origins[signal] == ORIGIN_UNKNOWN) {
		origins[signal] = ORIGIN_DEFAULT;
		if (signal != SIGCHLD && sigaction(signal, NULL, &action) == 0 &&
		    action.sa_handler == SIG_IGN)
			origins[signal] = ORIGIN_IGNORED;
	}
	return origins[signal] == ORIGIN_IGNORED;
}

static bool has_command(int signal)
{
	return commands[signal] && !shown_only[signal];
}

static void (*handler_for(int signal))(int)
{
	if (has_command(signal))
		return commands[signal][0] ? note : SIG_IGN;
	switch (signal) {
	case SIGCHLD:
		return note_child;
	case SIGINT:
		return protects ? note : SIG_DFL;
	case SIGQUIT:
	case SIGTERM:
		return protects ? SIG_IGN : SIG_DFL;
	case SIGTSTP:
	case SIGTTIN:
	case SIGTTOU:
		return keeps_terminal ? SIG_IGN : SIG_DFL;
	default:
		return SIG_DFL;
	}
}

static void apply(int signal)
{
	struct sigaction action = { .sa_handler = handler_for(signal) };

	if (signal == 0 || inherited_ignored(signal))
		return;
	/* What is read meanwhile need not be read again because a child has ended. */
	if (action.sa_handler == note_child)
		action.sa_flags = SA_RESTART;
	sigaction(signal, &action, NULL);
}

static void apply_protection(void)
{
	static const int signals[] = { SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU };

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		apply(signals[i]);
}

void traps_init(void)
{
	apply(SIGCHLD);
}

void traps_protect_shell(void)
{
	protects = true;
	apply_protection();
}

void traps_job_control(bool on)
{
	static const int stops[] = { SIGTSTP, SIGTTIN, SIGTTOU };

	/* Some programs start shells with these ignored: jobs must be stopped all the same. */
	for (size_t i = 0; i < sizeof(stops) / sizeof(stops[0]); i++)
		origins[stops[i]] = ORIGIN_DEFAULT;
	keeps_terminal = on;
	apply_protection();
}

void traps_prepare_exec(void)
{
	protects = keeps_terminal = false;
	apply_protection();
}

void traps_undo_exec(void)
{
	protects = shell.interactive;
	keeps_terminal = shell.job_control;
	apply_protection();
}

/* ---- setting ---------------------------------------------------------------------------- */

static void forget(int signal)
{
	free(commands[signal]);
	commands[signal] = NULL;
	shown_only[signal] = false;
}

void trap_set(int signal, const char *command)
{
	for (int i = 0; i < NSIG; i++)
		if (shown_only[i])
			forget(i);
	if (signal > 0 && !protects && inherited_ignored(signal))
		return;
	forget(signal);
	commands[signal] = command ? must_strdup(command) : NULL;
	pending[signal] = 0;
	apply(signal);
}

const char *trap_get(int signal)
{
	return commands[signal];
}

void traps_enter_child(void)
{
	protects = false;
	keeps_terminal = false;
	for (int signal = 0; signal < NSIG; signal++) {
		pending[signal] = 0;
		if (!commands[signal] || !commands[signal][0])
			continue;
		shown_only[signal] = true;
		apply(signal);
	}
	any_pending = 0;
	outer_status = -1;
	apply_protection();
}

void signal_ignore_for_good(int number)
{
	origins[number] = ORIGIN_IGNORED;
	signal(number, SIG_IGN);
}

/* ---- running ---------------------------------------------------------------------------- */

int trap_pending(void)
{
	if (any_pending)
		for (int signal = 1; signal < NSIG; signal++)
			if (pending[signal])
				return signal;
	return 0;
}

/* Whatever the command does, $? is afterwards what it was, and what is being left goes on to be. */
static void run_command_of(int signal)
{
	char *command = must_strdup(commands[signal]);
	int status = shell.status, outer = outer_status;
	enum unwind unwind = shell.unwind;

	outer_status = status;
	shell.unwind = UNWIND_NONE;
	run_text(command, shell.line);
	outer_status = outer;
	free(command);
	if (shell.unwind != UNWIND_NONE)
		return;
	shell.unwind = unwind;
	shell.status = status;
}

void traps_run(void)
{
	if (!any_pending)
		return;
	any_pending = 0;
	for (int signal = 1; signal < NSIG; signal++) {
		if (!pending[signal])
			continue;
		pending[signal] = 0;
		if (has_command(signal) && commands[signal][0]) {
			run_command_of(signal);
		} else if (signal == SIGINT) {
			shell.status = STATUS_SIGNAL + SIGINT;
			shell.unwind = UNWIND_ALL;
		}
	}
}

void trap_run_exit(void)
{
	char *command = commands[0];

	if (!has_command(0))
		return;
	commands[0] = NULL;
	outer_status = shell.status;
	shell.unwind = UNWIND_NONE;
	shell.errexit_ignored++;
	run_text(command, shell.line);
	shell.errexit_ignored--;
	shell.status = outer_status;
	free(command);
}

int trap_outer_status(void)
{
	return outer_status;
}
