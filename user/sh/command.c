/*
 * Simple commands (POSIX XCU 2.9.1): first the words are expanded, then the assignments, then the
 * redirections are made, and then it is clear what the first word names: a special builtin, a
 * function, a builtin, or a program. A program gets variables and redirections in the child; for
 * the others they are put back afterwards, except where POSIX wants them kept.
 */
#include "command.h"

#include "exec.h"
#include "expand.h"
#include "functions.h"
#include "launch.h"
#include "redirect.h"
#include "shell.h"
#include "vars.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- what it is ------------------------------------------------------------------------- */

/*
 * `command name` is `name`, except that functions are not looked at. With -v or -V it is a builtin
 * like others. Returns how many words to drop.
 */
static int command_prefix(struct command *command)
{
	char **word = command->argv + 1;
	bool default_path = false;

	if (strcmp(command->argv[0], "command") != 0 || function_find("command"))
		return 0;
	if (*word && strcmp(*word, "-p") == 0) {
		default_path = true;
		word++;
	}
	if (*word && strcmp(*word, "--") == 0)
		word++;
	if (!*word || (*word)[0] == '-')
		return 0;
	command->default_path |= default_path;
	return word - command->argv;
}

static void identify(struct command *command)
{
	int prefix;

	if (!command->argv[0])
		return;
	while ((prefix = command_prefix(command)) > 0) {
		command->argv += prefix;
		command->plain = true;
	}
	command->builtin = builtin_find(command->argv[0]);
	if (command->builtin && command->builtin->special)
		return;
	command->function = !command->plain && function_find(command->argv[0]);
	if (command->function)
		command->builtin = NULL;
}

/* False if an expansion failed, which has been said. */
static bool expand_values(const struct assignment *assignments, struct command *command)
{
	struct value **tail = &command->values;

	for (; assignments; assignments = assignments->next) {
		struct value *value = arena_alloc(&shell.arena, sizeof(*value));

		value->name = assignments->name;
		value->value = expand_assignment(assignments->value);
		if (!value->value)
			return false;
		*tail = value;
		tail = &value->next;
	}
	return true;
}

static bool expand_command(const struct node *node, struct command *command)
{
	command->argv = expand_words(node->words);
	if (!command->argv)
		return false;
	identify(command);
	return true;
}

/* ---- set -x ----------------------------------------------------------------------------- */

static void add_word(struct buffer *line, const char *word)
{
	buffer_add(line, word, strlen(word));
	buffer_add_char(line, ' ');
}

static void trace(const struct command *command)
{
	struct buffer line = { 0 };
	char *prefix;

	if (!option('x'))
		return;
	prefix = expand_text(vars_get("PS4"));
	buffer_add(&line, prefix, strlen(prefix));
	for (struct value *v = command->values; v; v = v->next) {
		buffer_add(&line, v->name, strlen(v->name));
		buffer_add_char(&line, '=');
		add_word(&line, v->value);
	}
	for (char **word = command->argv; *word; word++)
		add_word(&line, *word);
	if (line.length > 0)
		line.data[line.length - 1] = '\n';
	if (write(STDERR_FILENO, line.data, line.length) < 0)
		shell.options['x'] = false;
	buffer_free(&line);
}

/* ---- running it in the shell ------------------------------------------------------------ */

static bool set_values(const struct value *values, bool exported)
{
	for (; values; values = values->next) {
		if (!vars_set(values->name, values->value))
			return false;
		if (exported)
			vars_mark(values->name)->exported = true;
	}
	return true;
}

/*
 * The values of `x=1 y=$x`, each of which sees those before it, are expanded and set one by one.
 * They are kept for set -x.
 */
static bool assign_in_order(const struct node *node, struct command *command)
{
	struct value **tail = &command->values;

	for (const struct assignment *a = node->assignments; a; a = a->next) {
		struct command one = { 0 };
		struct assignment alone = { .name = a->name, .value = a->value };

		if (!expand_values(&alone, &one))
			return false;
		if (!set_values(one.values, false)) {
			fail_shell(STATUS_MISUSE);
			return false;
		}
		*tail = one.values;
		tail = &one.values->next;
	}
	return true;
}

/* No word is left: only assignments, only redirections, or a variable that was empty. */
static int run_assignments(const struct node *node, struct command *command)
{
	struct saved_fds fds;
	bool redirected = redirect_apply(node->redirects, &fds) == 0;

	redirect_undo(&fds);
	if (!assign_in_order(node, command))
		return shell.status;
	if (node->assignments)
		trace(command);
	return redirected ? shell.substitution_status : STATUS_MISUSE;
}

/* exec is the builtin whose redirections stay, with a program to become or without. */
static int run_exec(const struct node *node, const struct command *command)
{
	int status;

	if (redirect_apply(node->redirects, NULL) < 0)
		return command->plain ? STATUS_MISUSE : fail_shell(STATUS_MISUSE);
	if (!set_values(command->values, command->argv[1] != NULL))
		return fail_shell(STATUS_MISUSE);
	shell.misused = false;
	status = command->builtin->run(command->argv);
	return shell.misused && !command->plain ? fail_shell(status) : status;
}

/*
 * A builtin or a function runs in the shell, so redirections and variables in front of it are put
 * back after it. For special builtins POSIX wants the variables kept, and errors to end a script
 * (XCU 2.14).
 */
static int run_inside(const struct node *node, const struct command *command)
{
	bool special = command->builtin && command->builtin->special && !command->plain;
	struct saved_variable *variables = NULL;
	struct saved_fds fds;
	bool failed = false;
	int status = STATUS_MISUSE;

	if (!special)
		for (struct value *v = command->values; v; v = v->next)
			vars_save(&variables, v->name);
	if (redirect_apply(node->redirects, &fds) < 0) {
		failed = special;
	} else if (!set_values(command->values, !special)) {
		failed = true;
	} else if (command->function) {
		status = function_call(command->argv[0], command->argv + 1);
	} else {
		shell.misused = false;
		status = command->builtin->run(command->argv);
		failed = shell.misused && special;
	}
	redirect_undo(&fds);
	vars_restore(&variables);
	return failed ? fail_shell(status) : status;
}

static int run_expanded(const struct node *node, struct command *command)
{
	if (command->builtin && command->builtin->keeps_redirections)
		return run_exec(node, command);
	if (command->builtin || command->function)
		return run_inside(node, command);
	return job_wait(launch_single(node, command, false));
}

int run_command(const struct node *node)
{
	struct command command = { 0 };

	shell.line = node->line;
	shell.substitution_status = EXIT_SUCCESS;
	if (!expand_command(node, &command))
		return shell.status;
	if (!command.argv[0])
		return run_assignments(node, &command);
	if (!expand_values(node->assignments, &command))
		return shell.status;
	trace(&command);
	return run_expanded(node, &command);
}

/* ---- running it in a child -------------------------------------------------------------- */

void become_command(const struct node *node, struct command *command)
{
	struct command own = { 0 };

	if (!command) {
		command = &own;
		shell.line = node->line;
		if (!expand_command(node, command))
			shell_exit(shell.status);
		if (!command->argv[0])
			shell_exit(run_assignments(node, command));
		if (!expand_values(node->assignments, command))
			shell_exit(shell.status);
		trace(command);
	}
	if (command->builtin || command->function)
		shell_exit(run_expanded(node, command));
	if (redirect_apply(node->redirects, NULL) < 0 || !set_values(command->values, true))
		shell_exit(STATUS_MISUSE);
	shell_exit(exec_program(command->argv, command->default_path));
}
