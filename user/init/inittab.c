/*
 * The lines of /etc/inittab. Four fields, the last of which may hold colons; runlevels are read by
 * nobody; a line that is empty or begins with # says nothing. Whatever a line holds, parsing it
 * ends in a line that may be used or in words about what is wrong.
 */
#include "inittab.h"
#include <stddef.h>
#include <string.h>

static const char *const action_names[] = {
	[SYSINIT] = "sysinit",	 [WAIT] = "wait",	  [ONCE] = "once",
	[RESPAWN] = "respawn",	 [ASKFIRST] = "askfirst", [CTRLALTDEL] = "ctrlaltdel",
	[SHUTDOWN] = "shutdown", [RESTART] = "restart",
};
enum { ACTIONS = sizeof(action_names) / sizeof(action_names[0]) };

static const char BLANKS[] = " \t\r";

/* Cuts the field that the text begins with off at its colon, and moves on; NULL: there is none. */
static char *take_field(char **text)
{
	char *field = *text, *colon = strchr(field, ':');

	if (!colon)
		return NULL;
	*colon = '\0';
	*text = colon + 1;
	return field;
}

static int find_action(const char *name)
{
	for (int action = 0; action < ACTIONS; action++)
		if (strcmp(action_names[action], name) == 0)
			return action;
	return -1;
}

/* An id is the name of a file in /dev, perhaps in a folder there, and leads nowhere else. */
static const char *check_terminal(const char *id)
{
	if (strlen(id) >= TERMINAL_NAME)
		return "the id is too long";
	if (id[0] == '/' || strstr(id, ".."))
		return "the id is no name below /dev";
	return NULL;
}

const char *inittab_parse(char *text, struct inittab_line *line)
{
	char *runlevels, *action;
	int number;

	line->process = NULL;
	text += strspn(text, BLANKS);
	if (*text == '\0' || *text == '#')
		return NULL;
	line->terminal = take_field(&text);
	runlevels = line->terminal ? take_field(&text) : NULL;
	action = runlevels ? take_field(&text) : NULL;
	if (!action)
		return "it is not id:runlevels:action:process";
	number = find_action(action);
	if (number < 0)
		return "there is no such action";
	line->action = number;
	text += strspn(text, BLANKS);
	for (size_t end = strlen(text); end > 0 && strchr(BLANKS, text[end - 1]); end--)
		text[end - 1] = '\0';
	if (*text == '\0' || strcmp(text, "-") == 0)
		return "it names no process";
	if (check_terminal(line->terminal))
		return check_terminal(line->terminal);
	line->process = text;
	return NULL;
}
