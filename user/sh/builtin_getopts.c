/*
 * getopts (POSIX XCU): takes one option from the arguments each time it is called. Between calls it
 * remembers where it is: in $OPTIND, which argument; in shell.getopts_offset, how far in it.
 */
#include "builtins.h"

#include "shell.h"
#include "vars.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct getopts {
	const char *letters; /* without the colon at the beginning */
	bool silent;	     /* there was one: problems are told in variables only */
	const char *name;    /* of the variable that gets the option */
	char **arguments;
	size_t count;
	size_t index; /* of the argument being looked at, from 0 */
};

static int finish(const struct getopts *g, const char *option, size_t offset, int status)
{
	char number[24];

	snprintf(number, sizeof(number), "%zu", g->index + 1);
	vars_set("OPTIND", number);
	shell.getopts_offset = offset;
	return vars_set(g->name, option) ? status : STATUS_MISUSE;
}

/* The option is unknown, or its argument is missing. */
static int report(const struct getopts *g, char letter, const char *problem, char silent_answer)
{
	char text[2] = { letter, '\0' };
	char answer[2] = { g->silent ? silent_answer : '?', '\0' };

	if (g->silent) {
		vars_set("OPTARG", text);
	} else {
		vars_unset("OPTARG");
		complain("%s: -%c", problem, letter);
	}
	return finish(g, answer, shell.getopts_offset, EXIT_SUCCESS);
}

/* The option's argument is the rest of this one, or the next. */
static int take_argument(struct getopts *g, char letter, const char *rest)
{
	char option[2] = { letter, '\0' };

	g->index++;
	shell.getopts_offset = 0;
	if (*rest == '\0') {
		if (g->index >= g->count)
			return report(g, letter, "no argument for option", ':');
		rest = g->arguments[g->index++];
	}
	vars_set("OPTARG", rest);
	return finish(g, option, 0, EXIT_SUCCESS);
}

static int take_option(struct getopts *g)
{
	const char *argument = g->arguments[g->index];
	size_t offset = shell.getopts_offset ? (size_t)shell.getopts_offset : 1;
	char letter = argument[offset];
	const char *known = letter == ':' ? NULL : strchr(g->letters, letter);
	char option[2] = { letter, '\0' };

	if (known && known[1] == ':')
		return take_argument(g, letter, argument + offset + 1);
	shell.getopts_offset = offset + 1;
	if (argument[offset + 1] == '\0') {
		g->index++;
		shell.getopts_offset = 0;
	}
	if (!known)
		return report(g, letter, "illegal option", '?');
	vars_unset("OPTARG");
	return finish(g, option, shell.getopts_offset, EXIT_SUCCESS);
}

int run_getopts(char **argv)
{
	struct getopts g = { .arguments = shell.positional.items, .count = shell.positional.count };
	const char *index = vars_get("OPTIND");
	const char *argument;

	if (!argv[1] || !argv[2])
		return misuse("getopts", "usage: getopts LETTERS NAME [ARG]...");
	g.silent = argv[1][0] == ':';
	g.letters = argv[1] + g.silent;
	g.name = argv[2];
	if (argv[3]) {
		g.arguments = argv + 3;
		for (g.count = 0; g.arguments[g.count];)
			g.count++;
	}
	g.index = index && parse_number(index) > 0 ? parse_number(index) - 1 : 0;
	argument = g.index < g.count ? g.arguments[g.index] : NULL;
	if (argument && shell.getopts_offset > 0 && (size_t)shell.getopts_offset < strlen(argument))
		return take_option(&g);
	shell.getopts_offset = 0;
	if (!argument || argument[0] != '-' || argument[1] == '\0') {
		vars_unset("OPTARG");
		return finish(&g, "?", 0, EXIT_FAILURE);
	}
	if (strcmp(argument, "--") == 0) {
		g.index++;
		vars_unset("OPTARG");
		return finish(&g, "?", 0, EXIT_FAILURE);
	}
	return take_option(&g);
}
