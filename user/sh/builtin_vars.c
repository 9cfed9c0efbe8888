/*
 * The builtins for variables and arguments: export, readonly, unset, local, set, shift.
 */
#define _GNU_SOURCE /* stpcpy */
#include "builtins.h"

#include "functions.h"
#include "names.h"
#include "options.h"
#include "shell.h"
#include "vars.h"

#include <stdlib.h>
#include <string.h>

/* Checks that an argument names a variable, with a value or without; its name, or NULL. */
static char *variable_name(const char *builtin, const char *argument)
{
	size_t length = name_length(argument);

	if (length == 0 || (argument[length] != '\0' && argument[length] != '=')) {
		misuse(builtin, "%s: bad variable name", argument);
		return NULL;
	}
	return arena_strndup(&shell.arena, argument, length);
}

/* Sets NAME=value, if the argument has a value. */
static bool set_from(const char *name, const char *argument)
{
	const char *value = argument + strlen(name);

	if (*value == '\0' || vars_set(name, value + 1))
		return true;
	shell.misused = true;
	return false;
}

static int list_marked(const char *builtin)
{
	bool readonly = strcmp(builtin, "readonly") == 0;

	for (struct variable **v = vars_sorted(&shell.arena); *v; v++) {
		if (readonly ? !(*v)->readonly : !(*v)->exported)
			continue;
		if ((*v)->value)
			print_output(builtin, "%s %s=%s\n", builtin, (*v)->name,
				     quote_text((*v)->value));
		else
			print_output(builtin, "%s %s\n", builtin, (*v)->name);
	}
	return EXIT_SUCCESS;
}

/* export and readonly, which differ in the mark that they set. */
static int mark(char **argv)
{
	const char *builtin = *argv++;
	bool readonly = strcmp(builtin, "readonly") == 0;

	if (*argv && strcmp(*argv, "-p") == 0)
		argv++;
	if (*argv && strcmp(*argv, "--") == 0)
		argv++;
	if (!*argv)
		return list_marked(builtin);
	for (; *argv; argv++) {
		char *name = variable_name(builtin, *argv);

		if (!name || !set_from(name, *argv))
			return STATUS_MISUSE;
		if (readonly)
			vars_mark(name)->readonly = true;
		else
			vars_mark(name)->exported = true;
	}
	return EXIT_SUCCESS;
}

int run_export(char **argv)
{
	return mark(argv);
}

int run_readonly(char **argv)
{
	return mark(argv);
}

int run_unset(char **argv)
{
	bool functions = false;

	for (argv++; *argv && (*argv)[0] == '-'; argv++) {
		if (strcmp(*argv, "--") == 0) {
			argv++;
			break;
		}
		if (strcmp(*argv, "-f") != 0 && strcmp(*argv, "-v") != 0)
			return misuse("unset", "%s: unknown option", *argv);
		functions = (*argv)[1] == 'f';
	}
	for (; *argv; argv++) {
		if (functions) {
			function_unset(*argv);
			continue;
		}
		if (!variable_name("unset", *argv))
			return STATUS_MISUSE;
		if (!vars_unset(*argv)) {
			shell.misused = true;
			return STATUS_MISUSE;
		}
	}
	return EXIT_SUCCESS;
}

int run_local(char **argv)
{
	if (!function_is_running())
		return misuse("local", "not in a function");
	for (argv++; *argv; argv++) {
		char *name = variable_name("local", *argv);

		if (!name)
			return STATUS_MISUSE;
		function_local(name);
		if (!set_from(name, *argv))
			return STATUS_MISUSE;
	}
	return EXIT_SUCCESS;
}

/* ---- arguments -------------------------------------------------------------------------- */

/* The new $1 and up are copied before the old ones, which they may be, are given up. */
static void set_arguments(char **arguments)
{
	struct positional new = { 0 };
	size_t size = sizeof(char *);
	char *to;

	for (; arguments[new.count]; new.count++)
		size += sizeof(char *) + strlen(arguments[new.count]) + 1;
	new.owned = must_alloc(size);
	new.items = new.owned;
	to = (char *)(new.items + new.count + 1);
	for (size_t i = 0; i < new.count; i++) {
		new.items[i] = to;
		to = stpcpy(to, arguments[i]) + 1;
	}
	new.items[new.count] = NULL;
	free(shell.positional.owned);
	shell.positional = new;
}

static int list_variables(void)
{
	for (struct variable **v = vars_sorted(&shell.arena); *v; v++)
		if ((*v)->value)
			print_output("set", "%s=%s\n", (*v)->name, quote_text((*v)->value));
	return EXIT_SUCCESS;
}

int run_set(char **argv)
{
	bool ended;

	if (!argv[1])
		return list_variables();
	argv++;
	if (!options_take(&argv, false, &ended))
		return STATUS_MISUSE;
	if (*argv || ended)
		set_arguments(argv);
	return EXIT_SUCCESS;
}

int run_shift(char **argv)
{
	int count = argv[1] ? parse_number(argv[1]) : 1;

	if (count < 0)
		return misuse("shift", "%s: not a number", argv[1]);
	if ((size_t)count > shell.positional.count)
		return misuse("shift", "can't shift that many");
	shell.positional.items += count;
	shell.positional.count -= count;
	return EXIT_SUCCESS;
}
