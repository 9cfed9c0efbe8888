/*
 * What every part of the shell knows: who it is, how it was started, and how the last command
 * ended. A shell is one process with one of each of these, so they are one global. A fork copies
 * them like all memory, and a subshell then changes its own copy (see become_child() in launch.c).
 */
#ifndef SH_SHELL_H
#define SH_SHELL_H

#include "memory.h"

#include <stdbool.h>
#include <sys/types.h>

/* Exit statuses that POSIX gives a meaning (XCU 2.8.2). */
enum {
	STATUS_MISUSE = 2, /* a syntax error; a builtin used wrongly */
	STATUS_NOT_EXECUTABLE = 126,
	STATUS_NOT_FOUND = 127,
	STATUS_SIGNAL = 128, /* plus the number of the signal */
};

/* Descriptors from here on are the shell's own; 0 to 9 belong to the user's redirections. */
#define SHELL_FD_MIN 10

struct shell {
	const char *name;      /* $0, and the name in front of error messages */
	char **arguments;      /* $1 and up, NULL-terminated */
	size_t argument_count; /* $# */
	pid_t pid;	       /* $$: also in a subshell the pid of the shell that was started */
	pid_t last_background; /* $!, or 0 */
	int status;	       /* $? */
	int line;	       /* the number of the script line being run; 0: none */
	bool interactive;      /* a person types: prompts, notices; errors do not end the shell */
	bool job_control;      /* each job gets a process group, and the terminal in turn */
	bool interrupted;      /* the foreground job died of Ctrl-C: give up this line */
	struct arena arena;    /* all that belongs to the line being run */
};

extern struct shell shell;

/* On standard error: "name: line: message" in a script, "sh: message" otherwise. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Sets $? and, unless interactive, ends the shell with it. Returns the status. */
int fail_shell(int status);

#endif
