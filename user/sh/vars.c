/*
 * The shell's variables: a hash table of short lists.
 */
#include "vars.h"

#include "names.h"
#include "shell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 128 };

static struct variable *buckets[BUCKETS];

static size_t bucket_of(const char *name)
{
	size_t hash = 5381;

	for (; *name; name++)
		hash = hash * 33 + (unsigned char)*name;
	return hash % BUCKETS;
}

/* The link that points to the variable, or the one at the end of its list where it would go. */
static struct variable **find(const char *name)
{
	struct variable **link = &buckets[bucket_of(name)];

	while (*link && strcmp((*link)->name, name) != 0)
		link = &(*link)->next;
	return link;
}

struct variable *vars_mark(const char *name)
{
	struct variable **link = find(name);

	if (!*link) {
		*link = must_alloc(sizeof(**link));
		**link = (struct variable){ .name = must_strdup(name) };
	}
	return *link;
}

const char *vars_get(const char *name)
{
	struct variable *variable = *find(name);

	return variable ? variable->value : NULL;
}

static bool check_writable(const struct variable *variable)
{
	if (variable && variable->readonly)
		complain("%s: is read only", variable->name);
	return !variable || !variable->readonly;
}

bool vars_set(const char *name, const char *value)
{
	struct variable *variable = vars_mark(name);
	char *copy;

	if (!check_writable(variable))
		return false;
	/* Copied before the old value is freed: it may be part of it. */
	copy = must_strdup(value);
	free(variable->value);
	variable->value = copy;
	variable->exported |= option('a');
	if (strcmp(name, "OPTIND") == 0)
		shell.getopts_offset = 0;
	return true;
}

static void remove_variable(struct variable **link)
{
	struct variable *variable = *link;

	*link = variable->next;
	free(variable->name);
	free(variable->value);
	free(variable);
}

bool vars_unset(const char *name)
{
	struct variable **link = find(name);

	if (!check_writable(*link))
		return false;
	if (*link)
		remove_variable(link);
	return true;
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
		vars_mark(name)->exported = true;
		free(name);
	}
}

char **vars_environment(struct arena *arena)
{
	struct strings environment = { 0 };

	for (size_t i = 0; i < BUCKETS; i++)
		for (struct variable *v = buckets[i]; v; v = v->next) {
			size_t size = strlen(v->name) + 2;
			char *entry;

			if (!v->exported || !v->value)
				continue;
			size += strlen(v->value);
			entry = arena_alloc(arena, size);
			snprintf(entry, size, "%s=%s", v->name, v->value);
			strings_add(&environment, arena, entry);
		}
	return strings_finish(&environment, arena);
}

static int compare_names(const void *a, const void *b)
{
	const struct variable *const *first = a, *const *second = b;

	return strcmp((*first)->name, (*second)->name);
}

struct variable **vars_sorted(struct arena *arena)
{
	struct variable **sorted;
	size_t count = 0;

	for (size_t i = 0; i < BUCKETS; i++)
		for (struct variable *v = buckets[i]; v; v = v->next)
			count++;
	sorted = arena_alloc(arena, (count + 1) * sizeof(struct variable *));
	count = 0;
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct variable *v = buckets[i]; v; v = v->next)
			sorted[count++] = v;
	qsort(sorted, count, sizeof(*sorted), compare_names);
	return sorted;
}

/* ---- variables that come back ----------------------------------------------------------- */

struct saved_variable {
	char *name;
	char *value;
	bool existed;
	bool exported;
	bool readonly;
	struct saved_variable *next;
};

void vars_save(struct saved_variable **list, const char *name)
{
	struct variable *variable = *find(name);
	struct saved_variable *saved = must_alloc(sizeof(*saved));

	*saved = (struct saved_variable){ .name = must_strdup(name), .next = *list };
	if (variable) {
		saved->existed = true;
		saved->value = variable->value ? must_strdup(variable->value) : NULL;
		saved->exported = variable->exported;
		saved->readonly = variable->readonly;
	}
	*list = saved;
}

static void restore_one(struct saved_variable *saved)
{
	struct variable *variable;

	if (!saved->existed) {
		struct variable **link = find(saved->name);

		if (*link)
			remove_variable(link);
		return;
	}
	variable = vars_mark(saved->name);
	free(variable->value);
	variable->value = saved->value;
	variable->exported = saved->exported;
	variable->readonly = saved->readonly;
}

void vars_restore(struct saved_variable **list)
{
	while (*list) {
		struct saved_variable *saved = *list;

		restore_one(saved);
		*list = saved->next;
		free(saved->name);
		free(saved);
	}
}
