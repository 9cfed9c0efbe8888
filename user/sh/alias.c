/*
 * The table of aliases: a list. The lexer does the replacing.
 */
#include "alias.h"

#include "memory.h"

#include <stdlib.h>
#include <string.h>

struct alias {
	char *name;
	char *text;
	struct alias *next;
};

static struct alias *aliases;

static struct alias **find(const char *name)
{
	struct alias **link = &aliases;

	while (*link && strcmp((*link)->name, name) != 0)
		link = &(*link)->next;
	return link;
}

static void remove_alias(struct alias **link)
{
	struct alias *alias = *link;

	*link = alias->next;
	free(alias->name);
	free(alias->text);
	free(alias);
}

const char *alias_find(const char *name)
{
	struct alias *alias = *find(name);

	return alias ? alias->text : NULL;
}

void alias_set(const char *name, const char *text)
{
	struct alias *alias = must_alloc(sizeof(*alias));

	alias_unset(name);
	*alias = (struct alias){ must_strdup(name), must_strdup(text), aliases };
	aliases = alias;
}

int alias_unset(const char *name)
{
	if (!name) {
		while (aliases)
			remove_alias(&aliases);
		return 0;
	}
	if (!*find(name))
		return -1;
	remove_alias(find(name));
	return 0;
}

void alias_each(void (*show)(const char *name, const char *text))
{
	for (struct alias *alias = aliases; alias; alias = alias->next)
		show(alias->name, alias->text);
}
