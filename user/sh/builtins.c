/*
 * The table of the builtins, and what they share.
 */
#include "builtins.h"

#include "shell.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int parse_number(const char *text)
{
	char *end;
	long number = strtol(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || number > INT_MAX)
		return -1;
	return number;
}

int misuse(const char *name, const char *format, ...)
{
	char message[400];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	complain("%s: %s", name, message);
	shell.misused = true;
	return STATUS_MISUSE;
}

/* A ' cannot be between ': it is put between ". */
char *quote_text(const char *text)
{
	struct buffer out = { 0 };
	char *copy;

	buffer_add_char(&out, '\'');
	for (; *text; text++)
		if (*text == '\'')
			buffer_add(&out, "'\"'\"'", 5);
		else
			buffer_add_char(&out, *text);
	buffer_add_char(&out, '\'');
	copy = arena_strdup(&shell.arena, out.data);
	buffer_free(&out);
	return copy;
}

static int run_help(char **argv);

/* In the order in which help shows them. */
static const struct builtin BUILTINS[] = {
	{ "cd", run_cd, "[-L|-P] [DIR|-]", "change the directory", false, false },
	{ "pwd", run_pwd, "[-L|-P]", "print the directory", false, false },
	{ "export", run_export, "[NAME[=VALUE]]...", "pass variables on", true, false },
	{ "readonly", run_readonly, "[NAME[=VALUE]]...", "make constants", true, false },
	{ "unset", run_unset, "[-f] NAME...", "remove variables, functions", true, false },
	{ "local", run_local, "NAME[=VALUE]...", "variables of a function", true, false },
	{ "set", run_set, "[-aCefmnuvx] [ARG]...", "set options, $1 and up", true, false },
	{ "shift", run_shift, "[N]", "drop $1 to $N", true, false },
	{ "getopts", run_getopts, "LETTERS NAME", "take options from $@", false, false },
	{ "read", run_read, "[-r] NAME...", "read a line into variables", false, false },
	{ "echo", run_echo, "[-n] [ARG]...", "print the arguments", false, false },
	{ "printf", run_printf, "FORMAT [ARG]...", "print them by a format", false, false },
	{ "test", run_test, "EXPRESSION", "see whether it is true", false, false },
	{ "[", run_test, "EXPRESSION ]", "the same", false, false },
	{ "jobs", run_jobs, "[-l|-p] [%JOB]...", "list what runs or is stopped", false, false },
	{ "fg", run_fg, "[%JOB]", "continue in the foreground", false, false },
	{ "bg", run_bg, "[%JOB]...", "continue in the background", false, false },
	{ "wait", run_wait, "[PID|%JOB]...", "wait for it, or all, to end", false, false },
	{ "disown", run_disown, "[%JOB]...", "forget jobs", false, false },
	{ "kill", run_kill, "[-SIGNAL] PID|%JOB...", "send a signal; -l: list", false, false },
	{ "trap", run_trap, "[COMMAND] SIGNAL...", "run it when the signal comes", true, false },
	{ "exec", run_exec_builtin, "[PROGRAM [ARG]...]", "become it; keep redirections", true,
	  true },
	{ "exit", run_exit, "[STATUS]", "end this shell", true, false },
	{ "return", run_return, "[STATUS]", "end a function", true, false },
	{ "break", run_break, "[N]", "leave N loops", true, false },
	{ "continue", run_continue, "[N]", "begin the next round", true, false },
	{ "eval", run_eval, "ARG...", "run the arguments as commands", true, false },
	{ ".", run_dot, "FILE", "run the commands of a file", true, false },
	{ "command", run_command_builtin, "[-v|-V] NAME", "how NAME would be run", false, false },
	{ "type", run_type, "NAME...", "the same for people", false, false },
	{ "alias", run_alias, "[NAME[=TEXT]]...", "abbreviations", false, false },
	{ "unalias", run_unalias, "-a | NAME...", "remove them", false, false },
	{ "umask", run_umask, "[-S] [MASK]", "permissions new files lack", false, false },
	{ "ulimit", run_ulimit, "[-HS] [-LETTER] [N]", "limits of processes", false, false },
	{ "times", run_times, "", "processor time used", true, false },
	{ "hash", run_hash, "", "does nothing here", false, false },
	{ "help", run_help, "", "print this", false, false },
	{ ":", run_colon, "", "do nothing, successfully", true, false },
	{ "true", run_colon, "", "the same", false, false },
	{ "false", run_false, "", "do nothing, unsuccessfully", false, false },
};

static const size_t BUILTIN_COUNT = sizeof(BUILTINS) / sizeof(BUILTINS[0]);

static const char SYNTAX[] =
	"A command is NAME=VALUE... PROGRAM ARGUMENT... with redirections\n"
	"  <f  >f  >>f  2>f  2>&1  <<END\n"
	"  a | b   a's output is b's input     a ; b   one after the other\n"
	"  a && b  b if a succeeds             a || b  b if a fails\n"
	"  a &     a in the background         ( a )   a in a subshell\n"
	"  if a; then b; else c; fi    while a; do b; done    for x in LIST; do a; done\n"
	"  case x in PATTERN) a ;; esac    name() { a; }\n"
	"Values: $NAME ${NAME:-x} ${NAME%x} $? $$ $! $1 $# $@ $(a) $((1 + 1))   Files: * ? [a-z]\n"
	"Quotes: 'as it is' \"all but $NAME\" \\one     Keys: Ctrl-C ends, Ctrl-Z stops a job\n"
	"Commands of the shell itself:\n";

static int run_help(char **argv)
{
	print_output(argv[0], "%s", SYNTAX);
	for (size_t i = 0; i < BUILTIN_COUNT; i++) {
		char synopsis[64];

		snprintf(synopsis, sizeof(synopsis), "%s %s", BUILTINS[i].name, BUILTINS[i].usage);
		print_output(argv[0], "  %-27s %s\n", synopsis, BUILTINS[i].help);
	}
	return EXIT_SUCCESS;
}

const struct builtin *builtin_find(const char *name)
{
	for (size_t i = 0; i < BUILTIN_COUNT; i++)
		if (strcmp(BUILTINS[i].name, name) == 0)
			return &BUILTINS[i];
	return NULL;
}
