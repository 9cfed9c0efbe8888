/*
 * The commands that are part of the shell: most because what they change is the shell process
 * itself (its directory, its variables, its children, its life), and a child could change only its
 * own copy; the others because scripts call them all the time. Each takes its argv and returns an
 * exit status like a main() that does not end its process; each writes without a buffer that fork
 * could copy and two processes could then print.
 */
#ifndef SH_BUILTINS_H
#define SH_BUILTINS_H

#include <stdbool.h>

struct builtin {
	const char *name;
	int (*run)(char **argv); /* returns the exit status; may exit or exec instead */
	const char *usage;	 /* what follows the name */
	const char *help;	 /* one line */
	bool special;		 /* POSIX XCU 2.14: NAME=value before it stays set */
	bool keeps_redirections; /* exec only */
};

/* NULL if the name is that of no builtin. */
const struct builtin *builtin_find(const char *name);

/* A decimal number from 0 to INT_MAX and nothing else, or -1. */
int parse_number(const char *text);

/* Complains "name: message", and lets a special builtin end a script. Returns STATUS_MISUSE. */
int misuse(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The text in quotes that the shell would take for it; in shell.arena. */
char *quote_text(const char *text);

/* builtin_control.c */
bool may_exit(void); /* false, with a warning, if stopped jobs would be left behind */
int run_colon(char **argv);
int run_false(char **argv);
int run_break(char **argv);
int run_continue(char **argv);
int run_return(char **argv);
int run_exit(char **argv);
int run_eval(char **argv);
int run_dot(char **argv);
int run_exec_builtin(char **argv);

/* builtin_vars.c */
int run_export(char **argv);
int run_readonly(char **argv);
int run_unset(char **argv);
int run_local(char **argv);
int run_set(char **argv);
int run_shift(char **argv);

/* builtin_getopts.c, builtin_read.c */
int run_getopts(char **argv);
int run_read(char **argv);

/* builtin_cd.c */
int run_cd(char **argv);
int run_pwd(char **argv);

/* builtin_limits.c */
int run_umask(char **argv);
int run_ulimit(char **argv);
int run_times(char **argv);

/* builtin_jobs.c */
int run_jobs(char **argv);
int run_fg(char **argv);
int run_bg(char **argv);
int run_disown(char **argv);
int run_wait(char **argv);

/* builtin_signals.c */
int run_trap(char **argv);
int run_kill(char **argv);

/* builtin_names.c */
int run_command_builtin(char **argv);
int run_type(char **argv);
int run_alias(char **argv);
int run_unalias(char **argv);
int run_hash(char **argv);

/* builtin_printf.c, builtin_test.c */
int run_echo(char **argv);
int run_printf(char **argv);
int run_test(char **argv);

#endif
