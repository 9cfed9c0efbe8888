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
	STATUS_MISUSE = 2, /* a syntax error; a builtin used wrongly; a redirection that failed */
	STATUS_NOT_EXECUTABLE = 126,
	STATUS_NOT_FOUND = 127,
	STATUS_SIGNAL = 128, /* plus the number of the signal */
};

/* Descriptors from here on are the shell's own; 0 to 9 belong to the user's redirections. */
#define SHELL_FD_MIN 10

/*
 * What is being left. Whoever runs a list of things stops as soon as this is not UNWIND_NONE, and
 * the loop, the function or the outermost loop for which it is meant sets it back.
 */
enum unwind {
	UNWIND_NONE,
	UNWIND_BREAK,	 /* `unwind_loops` loops */
	UNWIND_CONTINUE, /* the same, but the last of them goes on */
	UNWIND_RETURN,	 /* a function, or a file read by `.` */
	UNWIND_ALL,	 /* everything, to the prompt: Ctrl-C, or an error in interactive use */
};

/* $1 and up. */
struct positional {
	char **items; /* NULL-terminated */
	size_t count; /* $# */
	void *owned;  /* to be freed with them, or NULL */
};

struct shell {
	const char *name; /* $0, and the name in front of error messages */
	struct positional positional;
	pid_t pid;		 /* $$: also in a subshell the pid of the shell that was started */
	pid_t last_background;	 /* $!, or 0 */
	int status;		 /* $? */
	int substitution_status; /* of the last $( ), which is that of `x=$(...)` */
	int line;		 /* $LINENO: of the command being run; 0: none yet */
	bool options[128];	 /* by their letters: set -e is options['e'] */
	bool interactive;	 /* a person types: prompts, notices; errors do not end the shell */
	bool job_control;	 /* each job gets a process group, and the terminal in turn */
	bool subshell;		 /* a child of the shell that was started */

	enum unwind unwind;
	int unwind_loops;
	int loops;	     /* how many loops are being run, one in another, in this function */
	int functions;	     /* how many functions and files read by `.` are being run */
	int errexit_ignored; /* above 0: conditions are being run, whose failure is none for -e */
	int getopts_offset;  /* in the argument that getopts is looking at; 0: a new one */
	bool misused;	     /* the builtin just run was given something it cannot accept */
	struct arena arena;  /* what words have expanded to */
};

extern struct shell shell;

/* On standard error: "name: line: message" in a script, "sh: message" otherwise. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * An error after which a script cannot go on (POSIX XCU 2.8.1): ends the shell with the status, or
 * in interactive use the command line. Returns the status.
 */
int fail_shell(int status);

/* Runs the trap on EXIT and ends this process. */
_Noreturn void shell_exit(int status);

/* Everything to standard output. False, and a complaint, if not all of it could be written. */
bool write_output(const char *builtin, const char *text, size_t length);
bool print_output(const char *builtin, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static inline bool option(char letter)
{
	return shell.options[(unsigned char)letter];
}

#endif
