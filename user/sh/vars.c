/*
 * The shell's variables: one list, searched from the front. Scripts of the size this shell is made
 * for have a few dozen.
 */
#include "vars.h"

#include "lexer.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct variable {
	char *name;
	char *value;
	bool exported;
	struct variable *next;
};

static struct variable *variables;

/* The link that points to the variable, or the one at the end of the list where it would go. */
static struct variable **find(const char *name)
{
	struct variable **link = &variables;

	while (*link && strcmp((*link)->name, name) != 0)
		link = &(*link)->next;
	return link;
}

static struct variable *find_or_create(const char *name)
{
	struct variable **link = find(name);

	if (!*link) {
		*link = must_alloc(sizeof(**link));
		**link = (struct variable){ .name = must_strdup(name), .value = must_strdup("") };
	}
	return *link;
}

const char *vars_get(const char *name)
{
	struct variable *variable = *find(name);

	return variable ? variable->value : NULL;
}

void vars_set(const char *name, const char *value)
{
	struct variable *variable;
	char *copy;

	if (!value) {
		vars_unset(name);
		return;
	}
	/* Copied before the old value is freed: it may be part of it. */
	copy = must_strdup(value);
	variable = find_or_create(name);
	free(variable->value);
	variable->value = copy;
}

void vars_export(const char *name)
{
	find_or_create(name)->exported = true;
}

void vars_unset(const char *name)
{
	struct variable **link = find(name);
	struct variable *variable = *link;

	if (!variable)
		return;
	*link = variable->next;
	free(variable->name);
	free(variable->value);
	free(variable);
}

void vars_import(char **environment)
{
	for (; *environment; environment++) {
		size_t length = name_length(*environment);
		char *name;

		if (length == 0 || (*environment)[length] != '=')
			continue;
		name = must_strdup(*environment);
		name[length] = '\0';
		vars_set(name, name + length + 1);
		vars_export(name);
		free(name);
	}
}

char **vars_environment(struct arena *arena)
{
	struct strings environment = { 0 };

	for (struct variable *v = variables; v; v = v->next) {
		size_t size = strlen(v->name) + strlen(v->value) + 2;
		char *entry;

		if (!v->exported)
			continue;
		entry = arena_alloc(arena, size);
		snprintf(entry, size, "%s=%s", v->name, v->value);
		strings_add(&environment, arena, entry);
	}
	return strings_finish(&environment, arena);
}
