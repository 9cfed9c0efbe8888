/*
 * Running a tree. Lists, conditions and loops are walked here, in the shell itself; so are builtins
 * and assignments (command.c), which would have no effect in a child. Everything else becomes a job
 * (launch.c) that the shell waits for, or does not wait for after an &.
 *
 * Whatever is run leaves its status in shell.status and nothing in shell.arena.
 */
#include "run.h"

#include "command.h"
#include "expand.h"
#include "functions.h"
#include "jobs.h"
#include "launch.h"
#include "pattern.h"
#include "redirect.h"
#include "shell.h"
#include "trap.h"
#include "vars.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Runs something whose failure is an answer, and does not end the shell under set -e. */
static int run_condition(const struct node *node)
{
	int status;

	shell.errexit_ignored++;
	status = run_tree(node);
	shell.errexit_ignored--;
	return status;
}

/* ---- pipelines and lists ---------------------------------------------------------------- */

/* One stage is possible: a command after !. It runs as if the ! were not there. */
static int run_pipeline(const struct node *node)
{
	int status;

	if (node->children->next)
		status = job_wait(launch_pipeline(node, false));
	else
		status = run_condition(node->children);
	return node->negated ? !status : status;
}

static int run_and_or(const struct node *node)
{
	for (const struct node *child = node->children; child && !shell.unwind;
	     child = child->next) {
		if (child->run_when != RUN_ALWAYS &&
		    (child->run_when == RUN_IF_TRUE) != (shell.status == 0))
			continue;
		if (child->next)
			run_condition(child);
		else
			run_tree(child);
	}
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
		dprintf(STDERR_FILENO, "[%d] %d\n", job_number(job), shell.last_background);
	return EXIT_SUCCESS;
}

static int run_list(const struct node *node)
{
	for (const struct node *child = node->children; child && !shell.unwind; child = child->next)
		if (child->background)
			shell.status = run_background(child);
		else
			run_tree(child);
	return shell.status;
}

/* ---- conditions and loops --------------------------------------------------------------- */

static int run_if(const struct node *node)
{
	while (node && node->kind == NODE_IF) {
		int status = run_condition(node->condition);

		if (shell.unwind)
			return status;
		if (status == 0)
			return run_tree(node->body);
		node = node->otherwise;
	}
	return node ? run_tree(node) : EXIT_SUCCESS;
}

/* After a round of a loop: whether there may be another one. */
static bool goes_on(void)
{
	if (shell.unwind == UNWIND_NONE)
		return true;
	if (shell.unwind != UNWIND_BREAK && shell.unwind != UNWIND_CONTINUE)
		return false;
	if (--shell.unwind_loops > 0)
		return false;
	if (shell.unwind == UNWIND_BREAK) {
		shell.unwind = UNWIND_NONE;
		return false;
	}
	shell.unwind = UNWIND_NONE;
	return true;
}

static int run_while(const struct node *node)
{
	int status = EXIT_SUCCESS;

	shell.loops++;
	for (;;) {
		int condition = run_condition(node->condition);

		if (shell.unwind == UNWIND_NONE) {
			if ((condition == 0) != (node->kind == NODE_WHILE))
				break;
			status = run_tree(node->body);
		} else if (shell.unwind < UNWIND_RETURN) {
			status = EXIT_SUCCESS;
		} else {
			status = condition;
		}
		if (!goes_on())
			break;
	}
	shell.loops--;
	return status;
}

static int run_for(const struct node *node)
{
	char **words = shell.positional.items;
	int status = EXIT_SUCCESS;

	if (node->has_words)
		words = expand_words(node->words);
	else
		words = expand_copy(words);
	if (!words)
		return shell.status;
	shell.loops++;
	for (; *words; words++) {
		if (!vars_set(node->name, *words)) {
			status = fail_shell(STATUS_MISUSE);
			break;
		}
		status = run_tree(node->body);
		if (!goes_on())
			break;
	}
	shell.loops--;
	return status;
}

/* -1 if a pattern cannot be expanded. */
static int clause_matches(const struct case_clause *clause, const char *subject)
{
	for (const struct word *word = clause->patterns; word; word = word->next) {
		char *pattern = expand_pattern(word);

		if (!pattern)
			return -1;
		if (pattern_matches(pattern, subject))
			return 1;
	}
	return 0;
}

static int run_case(const struct node *node)
{
	char *subject = expand_string(node->words);

	if (!subject)
		return shell.status;
	for (const struct case_clause *clause = node->clauses; clause; clause = clause->next) {
		int matches = clause_matches(clause, subject);

		if (matches < 0)
			return shell.status;
		if (matches)
			return clause->body ? run_tree(clause->body) : EXIT_SUCCESS;
	}
	return EXIT_SUCCESS;
}

/* ---- all together ----------------------------------------------------------------------- */

static int run_compound(const struct node *node)
{
	switch (node->kind) {
	case NODE_GROUP:
		return run_tree(node->body);
	case NODE_IF:
		return run_if(node);
	case NODE_WHILE:
	case NODE_UNTIL:
		return run_while(node);
	case NODE_FOR:
		return run_for(node);
	default:
		return run_case(node);
	}
}

/* The redirections of a compound command hold while it runs. */
static int run_redirected(const struct node *node)
{
	struct saved_fds fds;
	int status = STATUS_MISUSE;

	if (!node->redirects)
		return run_compound(node);
	if (redirect_apply(node->redirects, &fds) == 0)
		status = run_compound(node);
	redirect_undo(&fds);
	return status;
}

static int run_node(const struct node *node)
{
	switch (node->kind) {
	case NODE_COMMAND:
		return run_command(node);
	case NODE_SUBSHELL:
		return job_wait(launch_single(node, NULL, false));
	case NODE_PIPELINE:
		return run_pipeline(node);
	case NODE_AND_OR:
		return run_and_or(node);
	case NODE_LIST:
		return run_list(node);
	case NODE_FUNCTION:
		function_define(node);
		return EXIT_SUCCESS;
	default:
		return run_redirected(node);
	}
}

/* Whether the failure of this node ends a shell with set -e (POSIX XCU, set). */
static bool counts_for_errexit(const struct node *node)
{
	return shell.status != 0 && option('e') && shell.errexit_ignored == 0 && !shell.unwind &&
	       (node->kind == NODE_COMMAND || node->kind == NODE_SUBSHELL || node->redirects ||
		(node->kind == NODE_PIPELINE && !node->negated));
}

int run_tree(const struct node *node)
{
	struct arena_mark mark = arena_mark(&shell.arena);

	if (!node) {
		shell.status = EXIT_SUCCESS;
		return shell.status;
	}
	if (option('n') && !shell.interactive)
		return shell.status;
	shell.status = run_node(node);
	arena_rewind(&shell.arena, mark);
	if (counts_for_errexit(node))
		shell_exit(shell.status);
	traps_run();
	return shell.status;
}
