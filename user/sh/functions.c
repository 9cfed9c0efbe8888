/*
 * Functions. A call is a loop without end if the function calls itself without end, so there is a
 * limit: beyond it the shell's own stack would be the limit, and the end would be SIGSEGV.
 */
#include "functions.h"

#include "run.h"
#include "shell.h"
#include "vars.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_CALLS = 1000 };

struct function {
	char *name;
	const struct node *body;
	struct unit *unit;
	struct function *next;
};

static struct function *functions;
static struct unit *current_unit;
static struct saved_variable **locals; /* of the function being run; NULL: none is */

/* ---- units ------------------------------------------------------------------------------ */

struct unit *unit_new(void)
{
	struct unit *unit = must_alloc(sizeof(*unit));

	*unit = (struct unit){ .users = 1 };
	return unit;
}

void unit_release(struct unit *unit)
{
	if (--unit->users > 0)
		return;
	arena_release(&unit->arena);
	free(unit);
}

struct unit *unit_enter(struct unit *unit)
{
	struct unit *before = current_unit;

	current_unit = unit;
	return before;
}

/* ---- the table -------------------------------------------------------------------------- */

static struct function **find(const char *name)
{
	struct function **link = &functions;

	while (*link && strcmp((*link)->name, name) != 0)
		link = &(*link)->next;
	return link;
}

void function_define(const struct node *node)
{
	struct function *function = must_alloc(sizeof(*function));

	function_unset(node->name);
	*function = (struct function){ .name = must_strdup(node->name),
				       .body = node->body,
				       .unit = current_unit,
				       .next = functions };
	current_unit->users++;
	functions = function;
}

const struct node *function_find(const char *name)
{
	struct function *function = *find(name);

	return function ? function->body : NULL;
}

void function_unset(const char *name)
{
	struct function **link = find(name);
	struct function *function = *link;

	if (!function)
		return;
	*link = function->next;
	unit_release(function->unit);
	free(function->name);
	free(function);
}

/* ---- calls ------------------------------------------------------------------------------ */

/* The body is run, whatever it does to the function's definition. */
static int run_body(struct function *function)
{
	struct unit *unit = function->unit;
	struct unit *outer;
	int status;

	unit->users++;
	outer = unit_enter(unit);
	status = run_tree(function->body);
	unit_enter(outer);
	unit_release(unit);
	return status;
}

int function_call(const char *name, char **arguments)
{
	struct function *function = *find(name);
	struct positional outer = shell.positional;
	struct saved_variable **outer_locals = locals, *own_locals = NULL;
	int loops = shell.loops, status;

	if (shell.functions >= MAX_CALLS) {
		complain("%s: functions call each other too deep", name);
		return fail_shell(STATUS_MISUSE);
	}
	shell.positional = (struct positional){ .items = arguments };
	while (arguments[shell.positional.count])
		shell.positional.count++;
	locals = &own_locals;
	shell.loops = 0;
	shell.functions++;
	status = run_body(function);
	shell.functions--;
	shell.loops = loops;
	vars_restore(&own_locals);
	locals = outer_locals;
	free(shell.positional.owned);
	shell.positional = outer;
	if (shell.unwind == UNWIND_RETURN) {
		shell.unwind = UNWIND_NONE;
		status = shell.status;
	}
	return status;
}

bool function_is_running(void)
{
	return locals != NULL;
}

void function_local(const char *name)
{
	vars_save(locals, name);
}
