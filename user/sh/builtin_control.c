/*
 * The builtins that decide what is run next: break, return, exit, eval, exec and so on.
 */
#include "builtins.h"

#include "exec.h"
#include "jobs.h"
#include "run.h"
#include "shell.h"
#include "source.h"
#include "trap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int run_colon(char **argv)
{
	(void)argv;
	return EXIT_SUCCESS;
}

int run_false(char **argv)
{
	(void)argv;
	return EXIT_FAILURE;
}

/* Outside any loop it does nothing; more loops than there are count as all. */
static int leave_loops(char **argv, enum unwind unwind)
{
	int loops = argv[1] ? parse_number(argv[1]) : 1;

	if (loops < 1)
		return misuse(argv[0], "%s: not a number of loops", argv[1]);
	if (shell.loops == 0)
		return EXIT_SUCCESS;
	shell.unwind = unwind;
	shell.unwind_loops = loops < shell.loops ? loops : shell.loops;
	return EXIT_SUCCESS;
}

int run_break(char **argv)
{
	return leave_loops(argv, UNWIND_BREAK);
}

int run_continue(char **argv)
{
	return leave_loops(argv, UNWIND_CONTINUE);
}

/* The status asked for, or -1 after a complaint. Without an argument it is $?. */
static int wanted_status(char **argv)
{
	if (argv[1])
		return parse_number(argv[1]);
	return trap_outer_status() >= 0 ? trap_outer_status() : shell.status;
}

int run_return(char **argv)
{
	int status = argv[1] ? wanted_status(argv) : shell.status;

	if (status < 0)
		return misuse(argv[0], "%s: not a number", argv[1]);
	shell.unwind = UNWIND_RETURN;
	return status;
}

/* A person who leaves stopped jobs behind is told so, once. */
bool may_exit(void)
{
	static bool warned;

	if (!shell.interactive || warned || !jobs_any_stopped())
		return true;
	warned = true;
	complain("there are stopped jobs");
	return false;
}

int run_exit(char **argv)
{
	int status = wanted_status(argv);

	if (status < 0)
		return misuse(argv[0], "%s: not a number", argv[1]);
	if (!may_exit())
		return EXIT_FAILURE;
	shell_exit(status);
}

int run_eval(char **argv)
{
	struct buffer text = { 0 };
	int status;

	if (argv[1] && strcmp(argv[1], "--") == 0)
		argv++;
	buffer_add(&text, "", 0);
	for (argv++; *argv; argv++) {
		if (text.length > 0)
			buffer_add_char(&text, ' ');
		buffer_add(&text, *argv, strlen(*argv));
	}
	status = run_text(text.data, shell.line);
	buffer_free(&text);
	return status;
}

/* A file without a slash in its name is looked for along $PATH; it need not be executable. */
static char *find_source(const char *name)
{
	char *path = strchr(name, '/') ? arena_strdup(&shell.arena, name) : find_along_path(name);

	return path && access(path, R_OK) == 0 ? path : NULL;
}

int run_dot(char **argv)
{
	char *path;
	int fd, status;

	if (argv[1] && strcmp(argv[1], "--") == 0)
		argv++;
	if (!argv[1])
		return misuse(".", "which file?");
	path = find_source(argv[1]);
	fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return misuse(".", "%s: %s", argv[1], strerror(path ? errno : ENOENT));
	shell.functions++;
	status = run_file(fd);
	shell.functions--;
	if (shell.unwind == UNWIND_RETURN) {
		shell.unwind = UNWIND_NONE;
		status = shell.status;
	}
	return status;
}

/* If the program cannot be, the shell goes on only for a person. */
int run_exec_builtin(char **argv)
{
	int status;

	if (argv[1] && strcmp(argv[1], "--") == 0)
		argv++;
	if (!argv[1])
		return EXIT_SUCCESS;
	traps_prepare_exec();
	status = exec_program(argv + 1, false);
	traps_undo_exec();
	if (!shell.interactive)
		shell_exit(status);
	return status;
}
