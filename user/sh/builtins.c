/*
 * The builtin commands. Each takes its argv and returns an exit status like a main() that does not
 * end its process; each writes with dprintf, so the shell has no buffer that fork could copy and
 * two processes could then print.
 */
#include "builtins.h"

#include "exec.h"
#include "jobs.h"
#include "lexer.h"
#include "shell.h"
#include "terminal.h"
#include "vars.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A decimal number from 0 to INT_MAX and nothing else, or -1. */
static int parse_number(const char *text)
{
	char *end;
	long number = strtol(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || number > INT_MAX)
		return -1;
	return number;
}

static int run_colon(char **argv)
{
	(void)argv;
	return EXIT_SUCCESS;
}

static int run_false(char **argv)
{
	(void)argv;
	return EXIT_FAILURE;
}

static int run_cd(char **argv)
{
	const char *old = vars_get("PWD");
	const char *target = argv[1];
	bool back = target && strcmp(target, "-") == 0;
	char directory[PATH_MAX];

	if (!target)
		target = vars_get("HOME");
	else if (back)
		target = vars_get("OLDPWD");
	if (!target) {
		complain("cd: %s is not set", back ? "OLDPWD" : "HOME");
		return EXIT_FAILURE;
	}
	if (chdir(target) < 0) {
		complain("cd: %s: %s", target, strerror(errno));
		return EXIT_FAILURE;
	}
	if (!getcwd(directory, sizeof(directory)))
		strcpy(directory, "?");
	vars_set("OLDPWD", old ? old : "");
	vars_set("PWD", directory);
	if (back)
		dprintf(STDOUT_FILENO, "%s\n", directory);
	return EXIT_SUCCESS;
}

static int run_pwd(char **argv)
{
	char directory[PATH_MAX];

	(void)argv;
	if (getcwd(directory, sizeof(directory)) && dprintf(STDOUT_FILENO, "%s\n", directory) > 0)
		return EXIT_SUCCESS;
	complain("pwd: %s", strerror(errno));
	return EXIT_FAILURE;
}

static int run_exit(char **argv)
{
	int status = argv[1] ? parse_number(argv[1]) : shell.status;

	if (status < 0) {
		complain("exit: %s: not a number", argv[1]);
		status = STATUS_MISUSE;
	}
	exit(status & 0xff);
}

/* The replaced shell is no interactive one any more, and its signals go back to normal with it. */
static int run_exec(char **argv)
{
	int status;

	if (!argv[1])
		return EXIT_SUCCESS;
	if (shell.interactive)
		signals_default();
	status = exec_program(argv + 1);
	if (shell.interactive)
		signals_ignore();
	return fail_shell(status);
}

/* Checks that an argument of export or unset names a variable; its name, or NULL. */
static char *variable_name(const char *builtin, const char *argument)
{
	size_t length = name_length(argument);

	if (length == 0 || (argument[length] != '\0' && argument[length] != '=')) {
		complain("%s: %s: not a variable's name", builtin, argument);
		return NULL;
	}
	return arena_strndup(&shell.arena, argument, length);
}

static int list_exported(void)
{
	for (char **entry = vars_environment(&shell.arena); *entry; entry++)
		dprintf(STDOUT_FILENO, "export %s\n", *entry);
	return EXIT_SUCCESS;
}

static int run_export(char **argv)
{
	if (!argv[1])
		return list_exported();
	for (argv++; *argv; argv++) {
		char *name = variable_name("export", *argv);

		if (!name)
			return EXIT_FAILURE;
		if ((*argv)[strlen(name)] == '=')
			vars_set(name, *argv + strlen(name) + 1);
		vars_export(name);
	}
	return EXIT_SUCCESS;
}

static int run_unset(char **argv)
{
	for (argv++; *argv; argv++) {
		char *name = variable_name("unset", *argv);

		if (!name)
			return EXIT_FAILURE;
		vars_unset(name);
	}
	return EXIT_SUCCESS;
}

static int run_wait(char **argv)
{
	int status = EXIT_SUCCESS;

	if (!argv[1])
		return jobs_wait_all();
	for (argv++; *argv; argv++) {
		int pid = parse_number(*argv);

		if (pid < 0) {
			complain("wait: %s: not a process id", *argv);
			return STATUS_MISUSE;
		}
		status = jobs_wait_pid(pid);
	}
	return status;
}

static int run_help(char **argv);

/* In the order in which help shows them. */
static const struct builtin BUILTINS[] = {
	{ "cd", run_cd, "[DIR|-]", "change the directory; without DIR, to $HOME", false, false },
	{ "pwd", run_pwd, "", "print the directory", false, false },
	{ "export", run_export, "[NAME[=VALUE]]...", "pass variables on to programs", true, false },
	{ "unset", run_unset, "NAME...", "remove variables", true, false },
	{ "wait", run_wait, "[PID]...", "wait for background processes to end", false, false },
	{ "exec", run_exec, "[PROGRAM [ARG]...]", "become PROGRAM; keep redirections", true, true },
	{ "exit", run_exit, "[STATUS]", "end this shell", true, false },
	{ "help", run_help, "", "print this", false, false },
	{ ":", run_colon, "", "do nothing, successfully", true, false },
	{ "true", run_colon, "", "the same", false, false },
	{ "false", run_false, "", "do nothing, unsuccessfully", false, false },
};

static const size_t BUILTIN_COUNT = sizeof(BUILTINS) / sizeof(BUILTINS[0]);

static const char SYNTAX[] = "A command is NAME=VALUE... PROGRAM ARGUMENT... with redirections\n"
			     "  <f  >f  >>f  2>f  2>&1\n"
			     "  a | b   a's output is b's input     a ; b   one after the other\n"
			     "  a && b  b if a succeeds             a || b  b if a fails\n"
			     "  a &     a in the background         ( a )   a in a subshell\n"
			     "Values: $NAME ${NAME} $? $$ $! $0 $1 $# $@    Files: * ? [a-z]\n"
			     "Quotes: 'as it is' \"all but $NAME\" \\one\n"
			     "Commands of the shell itself:\n";

static int run_help(char **argv)
{
	(void)argv;
	dprintf(STDOUT_FILENO, "%s", SYNTAX);
	for (size_t i = 0; i < BUILTIN_COUNT; i++) {
		char synopsis[64];

		snprintf(synopsis, sizeof(synopsis), "%s %s", BUILTINS[i].name, BUILTINS[i].usage);
		dprintf(STDOUT_FILENO, "  %-25s %s\n", synopsis, BUILTINS[i].help);
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
