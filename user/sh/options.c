/*
 * The options of the shell (POSIX XCU, set and sh).
 */
#include "options.h"

#include "shell.h"
#include "terminal.h"

#include <string.h>
#include <unistd.h>

struct named_option {
	char letter; /* a control character for those that have none */
	const char *name;
};

static const struct named_option OPTIONS[] = {
	{ 'e', "errexit" },   { 'f', "noglob" }, { '\1', "ignoreeof" }, { 'i', "interactive" },
	{ 'm', "monitor" },   { 'n', "noexec" }, { 's', "stdin" },	{ 'x', "xtrace" },
	{ 'v', "verbose" },   { '\2', "vi" },	 { '\3', "emacs" },	{ 'C', "noclobber" },
	{ 'a', "allexport" }, { 'b', "notify" }, { 'u', "nounset" },	{ '\4', "nolog" },
	{ 'h', "hashall" },   { 'c', NULL },
};

static const size_t OPTION_COUNT = sizeof(OPTIONS) / sizeof(OPTIONS[0]);

char *options_letters(void)
{
	char *letters = arena_alloc(&shell.arena, OPTION_COUNT + 1);
	size_t count = 0;

	for (size_t i = 0; i < OPTION_COUNT; i++)
		if (option(OPTIONS[i].letter) && OPTIONS[i].letter > ' ' && OPTIONS[i].name)
			letters[count++] = OPTIONS[i].letter;
	return letters;
}

void options_apply_monitor(void)
{
	if (shell.subshell)
		return;
	if (option('m') && !shell.job_control)
		terminal_start_jobs();
	else if (!option('m') && shell.job_control)
		terminal_stop_jobs();
}

static bool set_letter(char letter, bool on, bool invocation)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		if (OPTIONS[i].letter != letter || letter < ' ')
			continue;
		if (!invocation && strchr("cis", letter))
			break;
		shell.options[(unsigned char)letter] = on;
		if (letter == 'm' && !invocation)
			options_apply_monitor();
		return true;
	}
	complain("-%c: unknown option", letter);
	shell.misused = true;
	return false;
}

static bool set_name(const char *name, bool on)
{
	for (size_t i = 0; i < OPTION_COUNT; i++)
		if (OPTIONS[i].name && strcmp(OPTIONS[i].name, name) == 0) {
			shell.options[(unsigned char)OPTIONS[i].letter] = on;
			if (OPTIONS[i].letter == 'm')
				options_apply_monitor();
			return true;
		}
	complain("-o %s: unknown option", name);
	shell.misused = true;
	return false;
}

/* set -o for people, set +o for the shell to read again. */
static void list_options(bool on)
{
	if (on)
		print_output("set", "Current option settings\n");
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		bool set = option(OPTIONS[i].letter);

		if (!OPTIONS[i].name)
			continue;
		if (on)
			print_output("set", "%-16s%s\n", OPTIONS[i].name, set ? "on" : "off");
		else
			print_output("set", "set %co %s\n", set ? '-' : '+', OPTIONS[i].name);
	}
}

/* The letters of one argument; an o takes the next one for a name. */
static bool take_letters(const char *letters, bool on, char ***argv, bool invocation)
{
	for (; *letters; letters++) {
		if (*letters != 'o') {
			if (!set_letter(*letters, on, invocation))
				return false;
		} else if (!(*argv)[0]) {
			list_options(on);
		} else if (!set_name(*(*argv)++, on)) {
			return false;
		}
	}
	return true;
}

bool options_take(char ***argv, bool invocation, bool *ended)
{
	*ended = false;
	while (**argv && ((**argv)[0] == '-' || (**argv)[0] == '+')) {
		char *argument = **argv;
		bool on = argument[0] == '-';

		if (argument[1] == '\0' && !on)
			return true;
		++*argv;
		if (argument[1] == '\0' || strcmp(argument, "--") == 0) {
			*ended = argument[1] != '\0' || invocation;
			if (argument[1] == '\0' && !invocation)
				shell.options['x'] = shell.options['v'] = false;
			return true;
		}
		if (!take_letters(argument + 1, on, argv, invocation))
			return false;
	}
	return true;
}
