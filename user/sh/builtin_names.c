/*
 * The builtins about what names mean: command -v, type, alias, unalias, hash.
 */
#include "builtins.h"

#include "alias.h"
#include "exec.h"
#include "functions.h"
#include "shell.h"

#include <stdlib.h>
#include <string.h>

static bool is_reserved(const char *name)
{
	static const char *const words[] = { "!",    "{",    "}",     "case",  "do",  "done",
					     "elif", "else", "esac",  "fi",    "for", "if",
					     "in",   "then", "until", "while", NULL };

	for (size_t i = 0; words[i]; i++)
		if (strcmp(words[i], name) == 0)
			return true;
	return false;
}

/* For scripts: what to type to run it, and nothing else. */
static int show_for_scripts(const char *name, bool default_path)
{
	const char *text = alias_find(name);

	if (text) {
		print_output("command", "alias %s=%s\n", name, quote_text(text));
		return EXIT_SUCCESS;
	}
	if (is_reserved(name) || builtin_find(name) || function_find(name))
		text = name;
	else
		text = find_program(name, default_path);
	if (!text)
		return STATUS_NOT_FOUND;
	print_output("command", "%s\n", text);
	return EXIT_SUCCESS;
}

static int show_for_people(const char *name, bool default_path)
{
	const struct builtin *builtin = builtin_find(name);
	const char *path;

	if (is_reserved(name)) {
		print_output("type", "%s is a shell keyword\n", name);
	} else if (alias_find(name)) {
		print_output("type", "%s is an alias for %s\n", name, alias_find(name));
	} else if (builtin && builtin->special) {
		print_output("type", "%s is a special shell builtin\n", name);
	} else if (function_find(name)) {
		print_output("type", "%s is a shell function\n", name);
	} else if (builtin) {
		print_output("type", "%s is a shell builtin\n", name);
	} else {
		path = find_program(name, default_path);
		if (!path) {
			print_output("type", "%s: not found\n", name);
			return STATUS_NOT_FOUND;
		}
		print_output("type", "%s is %s\n", name, path);
	}
	return EXIT_SUCCESS;
}

/* With -v or -V; to run a command by `command` is the business of command.c. */
int run_command_builtin(char **argv)
{
	bool people = false, scripts = false, default_path = false;

	for (argv++; *argv && (*argv)[0] == '-' && strcmp(*argv, "--") != 0; argv++)
		for (const char *letter = *argv + 1; *letter; letter++) {
			people |= *letter == 'V';
			scripts |= *letter == 'v';
			default_path |= *letter == 'p';
			if (!strchr("Vvp", *letter))
				return misuse("command", "-%c: unknown option", *letter);
		}
	if (*argv && strcmp(*argv, "--") == 0)
		argv++;
	if (!*argv)
		return EXIT_SUCCESS;
	if (people)
		return show_for_people(*argv, default_path);
	return scripts ? show_for_scripts(*argv, default_path) : EXIT_SUCCESS;
}

int run_type(char **argv)
{
	int status = EXIT_SUCCESS;

	for (argv++; *argv; argv++)
		if (show_for_people(*argv, false) != EXIT_SUCCESS)
			status = STATUS_NOT_FOUND;
	return status;
}

static void show_alias(const char *name, const char *text)
{
	print_output("alias", "%s=%s\n", name, quote_text(text));
}

int run_alias(char **argv)
{
	int status = EXIT_SUCCESS;

	if (!argv[1])
		alias_each(show_alias);
	for (argv++; *argv; argv++) {
		char *equals = strchr(*argv + (**argv != '\0'), '=');

		if (equals) {
			char *name = arena_strndup(&shell.arena, *argv, equals - *argv);

			alias_set(name, equals + 1);
		} else if (alias_find(*argv)) {
			show_alias(*argv, alias_find(*argv));
		} else {
			complain("alias: %s not found", *argv);
			status = EXIT_FAILURE;
		}
	}
	return status;
}

int run_unalias(char **argv)
{
	int status = EXIT_SUCCESS;

	if (argv[1] && strcmp(argv[1], "-a") == 0)
		return alias_unset(NULL);
	for (argv++; *argv; argv++)
		if (alias_unset(*argv) < 0) {
			complain("unalias: %s not found", *argv);
			status = EXIT_FAILURE;
		}
	return status;
}

/* Programs are looked for anew each time: there is nothing to remember or forget. */
int run_hash(char **argv)
{
	int status = EXIT_SUCCESS;

	for (argv++; *argv; argv++)
		if (strcmp(*argv, "-r") != 0 && !builtin_find(*argv) && !function_find(*argv) &&
		    !find_program(*argv, false)) {
			complain("hash: %s: not found", *argv);
			status = EXIT_FAILURE;
		}
	return status;
}
