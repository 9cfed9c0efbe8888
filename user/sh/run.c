/*
 * Running a tree. Lists and && and || are walked here, in the shell itself; so are builtins and
 * assignments, which would have no effect in a child. Everything else becomes a job (launch.c) that
 * the shell waits for, or does not wait for after an &.
 */
#include "run.h"

#include "builtins.h"
#include "expand.h"
#include "jobs.h"
#include "launch.h"
#include "lexer.h"
#include "redirect.h"
#include "shell.h"
#include "vars.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A variable's value before a builtin was run with another one in front of it. */
struct saved_variable {
	const char *name;
	const char *value; /* NULL: there was none */
	struct saved_variable *next;
};

static char *assignment_name(const struct word *assignment)
{
	return arena_strndup(&shell.arena, assignment->text, name_length(assignment->text));
}

int assign_variables(const struct word *assignments, bool exported)
{
	for (; assignments; assignments = assignments->next) {
		char *name = assignment_name(assignments);
		char *value = expand_string(assignments->text + name_length(name) + 1);

		if (!value)
			return -1;
		vars_set(name, value);
		if (exported)
			vars_export(name);
	}
	return 0;
}

static struct saved_variable *save_variables(const struct word *assignments)
{
	struct saved_variable *list = NULL;

	for (; assignments; assignments = assignments->next) {
		struct saved_variable *saved = arena_alloc(&shell.arena, sizeof(*saved));
		const char *value;

		saved->name = assignment_name(assignments);
		value = vars_get(saved->name);
		saved->value = value ? arena_strdup(&shell.arena, value) : NULL;
		saved->next = list;
		list = saved;
	}
	return list;
}

static void restore_variables(const struct saved_variable *saved)
{
	for (; saved; saved = saved->next)
		vars_set(saved->name, saved->value);
}

/*
 * A builtin runs in the shell, so redirections and variables in front of it are put back after it.
 * For the special ones POSIX wants the variables kept, and errors to end a script (XCU 2.14).
 */
static int run_builtin(const struct builtin *builtin, const struct node *node, char **argv)
{
	struct saved_fds fds;
	struct saved_variable *variables = NULL;
	int status = EXIT_FAILURE;

	if (!builtin->special)
		variables = save_variables(node->assignments);
	if (redirect_apply(node->redirects, &fds) == 0 &&
	    assign_variables(node->assignments, false) == 0)
		status = builtin->run(argv);
	else if (builtin->special)
		fail_shell(status);
	redirect_undo(&fds);
	restore_variables(variables);
	return status;
}

/* exec is the builtin whose redirections stay, with a program to become or without. */
static int run_exec(const struct node *node, char **argv)
{
	if (redirect_apply(node->redirects, NULL) < 0)
		return fail_shell(EXIT_FAILURE);
	if (assign_variables(node->assignments, argv[1] != NULL) < 0)
		return fail_shell(STATUS_MISUSE);
	return builtin_find(argv[0])->run(argv);
}

/* No word is left: only assignments, only redirections, or a variable that was empty. */
static int run_assignments(const struct node *node)
{
	struct saved_fds fds;
	int status = redirect_apply(node->redirects, &fds) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;

	redirect_undo(&fds);
	if (assign_variables(node->assignments, false) < 0)
		return fail_shell(STATUS_MISUSE);
	return status;
}

static int run_command(const struct node *node)
{
	char **argv = expand_words(node->words);
	const struct builtin *builtin;

	if (!argv)
		return fail_shell(STATUS_MISUSE);
	if (!argv[0])
		return run_assignments(node);
	builtin = builtin_find(argv[0]);
	if (!builtin)
		return job_wait(launch_single(node, argv, false));
	if (builtin->keeps_redirections)
		return run_exec(node, argv);
	return run_builtin(builtin, node, argv);
}

/* One stage is possible: a command after !. It runs as if the ! were not there. */
static int run_pipeline(const struct node *node)
{
	int status;

	if (node->children->next)
		status = job_wait(launch_pipeline(node, false));
	else
		status = run_tree(node->children);
	return node->negated ? !status : status;
}

static int run_and_or(const struct node *node)
{
	for (const struct node *child = node->children; child && !shell.interrupted;
	     child = child->next)
		if (child->run_when == RUN_ALWAYS ||
		    (child->run_when == RUN_IF_TRUE) == (shell.status == 0))
			run_tree(child);
	return shell.status;
}

/* A pipeline's processes are started directly; anything longer needs a subshell to walk it. */
static int run_background(const struct node *node)
{
	struct job *job;

	if (node->kind == NODE_PIPELINE && !node->negated)
		job = launch_pipeline(node, true);
	else
		job = launch_single(node, NULL, true);
	if (job_last_pid(job) == 0)
		return EXIT_FAILURE;
	shell.last_background = job_last_pid(job);
	if (shell.interactive)
		dprintf(STDERR_FILENO, "[%d]\n", shell.last_background);
	return EXIT_SUCCESS;
}

static int run_list(const struct node *node)
{
	for (const struct node *child = node->children; child && !shell.interrupted;
	     child = child->next)
		if (child->background)
			shell.status = run_background(child);
		else
			run_tree(child);
	return shell.status;
}

int run_tree(const struct node *node)
{
	if (!node)
		return shell.status;
	switch (node->kind) {
	case NODE_COMMAND:
		shell.status = run_command(node);
		break;
	case NODE_SUBSHELL:
		shell.status = job_wait(launch_single(node, NULL, false));
		break;
	case NODE_PIPELINE:
		shell.status = run_pipeline(node);
		break;
	case NODE_AND_OR:
		shell.status = run_and_or(node);
		break;
	case NODE_LIST:
		shell.status = run_list(node);
		break;
	}
	return shell.status;
}
