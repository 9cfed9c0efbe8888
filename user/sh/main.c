/*
 * sh: a POSIX shell whose subject is the gap between fork and exec (launch.c).
 *
 *	sh [OPTION]...                    commands from standard input; with a prompt if that is a
 *	                                  terminal
 *	sh [OPTION]... FILE [ARG]...      commands from a file; $0 is FILE, $1 and up are the ARGs
 *	sh [OPTION]... -c TEXT [NAME [ARG]...]
 *	sh [OPTION]... -s [ARG]...        commands from standard input, with arguments
 *
 * A command travels input.c -> lexer.c, word.c -> parser.c, compound.c -> run.c -> command.c ->
 * expand.c -> launch.c -> exec.c, with source.c as the loop around it. redirect.c, vars.c,
 * functions.c, jobs.c, terminal.c, trap.c, options.c and the builtins serve them. This file is how
 * it all begins.
 */
#include "exec.h"
#include "expand.h"
#include "input.h"
#include "options.h"
#include "redirect.h"
#include "run.h"
#include "shell.h"
#include "source.h"
#include "terminal.h"
#include "trap.h"
#include "vars.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void set_arguments(const char *name, char **arguments)
{
	shell.name = name;
	shell.positional.items = arguments;
	while (arguments[shell.positional.count])
		shell.positional.count++;
}

/* $PWD is taken over if it is a name of this directory indeed. */
static void set_directory(void)
{
	const char *given = vars_get("PWD");
	struct stat there, here;
	char path[PATH_MAX];

	if (given && given[0] == '/' && stat(given, &there) == 0 && stat(".", &here) == 0 &&
	    there.st_dev == here.st_dev && there.st_ino == here.st_ino)
		return;
	if (getcwd(path, sizeof(path)))
		vars_set("PWD", path);
}

/* The variables that every shell begins with (POSIX XCU 2.5.3). */
static void set_variables(char **environment)
{
	char parent[24];

	vars_import(environment);
	snprintf(parent, sizeof(parent), "%d", getppid());
	vars_set("PPID", parent);
	vars_set("IFS", " \t\n");
	vars_set("OPTIND", "1");
	vars_set("PS4", "+ ");
	set_directory();
	vars_mark("PWD")->exported = true;
}

static int open_script(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		complain("%s: %s", path, strerror(errno));
		exit(errno == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE);
	}
	if (!looks_like_script(fd)) {
		complain("%s: not a script", path);
		exit(STATUS_NOT_EXECUTABLE);
	}
	lseek(fd, 0, SEEK_SET);
	return fd_make_internal(fd);
}

static void run_file_if_there(const char *path)
{
	int fd = *path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	if (fd < 0)
		return;
	run_file(fd_make_internal(fd));
	shell.unwind = UNWIND_NONE;
}

static void run_profiles(void)
{
	run_file_if_there("/etc/profile");
	if (vars_get("HOME"))
		run_file_if_there(expand_text("$HOME/.profile"));
}

/* A prompt, line editing and job control, as far as the terminal allows. */
static void begin_session(struct input *input)
{
	if (!vars_get("PS1"))
		vars_set("PS1", geteuid() == 0 ? "mitos:$PWD# " : "mitos:$PWD\\$ ");
	if (!vars_get("PS2"))
		vars_set("PS2", "> ");
	terminal_open();
	traps_protect_shell();
	if (option('m'))
		terminal_start_jobs();
	input_from_person(input);
	if (vars_get("ENV"))
		run_file_if_there(expand_text(vars_get("ENV")));
}

static _Noreturn void run_standard_input(void)
{
	struct input input;

	if (shell.interactive)
		begin_session(&input);
	else
		input_from_fd(&input, STDIN_FILENO);
	run_input(&input);
	shell_exit(shell.status);
}

/* The options have been taken; decides what is run. */
static _Noreturn void run_main(const char *self, char **arguments)
{
	bool standard_input = !option('c') && (option('s') || !arguments[0]);

	shell.interactive =
		option('i') || (standard_input && isatty(STDIN_FILENO) && isatty(STDERR_FILENO));
	shell.options['i'] = shell.interactive;
	shell.options['m'] |= shell.interactive;
	shell.options['s'] = standard_input;
	if (standard_input) {
		set_arguments(self, arguments);
		run_standard_input();
	}
	if (option('c')) {
		const char *text = *arguments++;

		set_arguments(*arguments ? *arguments : self,
			      *arguments ? arguments + 1 : arguments);
		options_apply_monitor();
		run_text(text, 1);
	} else {
		set_arguments(arguments[0], arguments + 1);
		options_apply_monitor();
		run_file(open_script(arguments[0]));
	}
	shell_exit(shell.status);
}

int main(int argc, char **argv)
{
	extern char **environ;
	const char *self = argc > 0 ? argv[0] : "sh";
	bool ended;

	shell.pid = getpid();
	traps_init();
	set_variables(environ);
	argv += argc > 0;
	if (!options_take(&argv, true, &ended) || (option('c') && !*argv)) {
		dprintf(STDERR_FILENO,
			"usage: sh [-aCefimnuvx] [-o OPTION] [-s | FILE] [ARG]...\n"
			"       sh [-aCefimnuvx] [-o OPTION] -c TEXT [NAME [ARG]...]\n");
		return STATUS_MISUSE;
	}
	if (*self == '-')
		run_profiles();
	run_main(self, argv);
}
