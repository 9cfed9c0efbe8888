/*
 * File names that match a pattern: a walk down the tree, one component of the pattern a level. A
 * component without anything special is a name to look up, for which the directory need not be
 * readable; the others are held against every name in the directory.
 */
#include "pattern.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct search {
	struct strings *names;
	struct arena *arena;
	struct buffer path; /* as far as the walk has come, with the slash behind it */
};

static void walk(struct search *s, const char *pattern);

static void found(struct search *s)
{
	struct stat status;

	if (lstat(s->path.data, &status) == 0)
		strings_add(s->names, s->arena, arena_strdup(s->arena, s->path.data));
}

/* The walk goes on with a name, and comes back to where it was. */
static void descend(struct search *s, const char *name, const char *rest)
{
	size_t length = s->path.length;

	buffer_add(&s->path, name, strlen(name));
	walk(s, rest);
	s->path.length = length;
	s->path.data[length] = '\0';
}

static bool is_hidden(const char *name, const char *component)
{
	return name[0] == '.' && component[0] != '.' &&
	       !(component[0] == '\\' && component[1] == '.');
}

static void walk_directory(struct search *s, const char *component, const char *rest)
{
	DIR *directory = opendir(s->path.length ? s->path.data : ".");
	struct dirent *entry;

	if (!directory)
		return;
	while ((entry = readdir(directory)))
		if (!is_hidden(entry->d_name, component) &&
		    pattern_matches(component, entry->d_name))
			descend(s, entry->d_name, rest);
	closedir(directory);
}

/* Slashes are taken over as they are, then comes a component. */
static void walk(struct search *s, const char *pattern)
{
	size_t slashes = strspn(pattern, "/"), length;
	char *component;

	buffer_add(&s->path, pattern, slashes);
	pattern += slashes;
	length = strcspn(pattern, "/");
	if (length == 0) {
		found(s);
		return;
	}
	component = arena_strndup(s->arena, pattern, length);
	if (pattern_is_special(component))
		walk_directory(s, component, pattern + length);
	else
		descend(s, pattern_to_text(component, s->arena), pattern + length);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

bool pattern_find_files(const char *pattern, struct strings *names, struct arena *arena)
{
	struct search s = { .names = names, .arena = arena };
	size_t before = names->count;

	buffer_add(&s.path, "", 0);
	walk(&s, pattern);
	buffer_free(&s.path);
	if (names->count > before)
		qsort(names->items + before, names->count - before, sizeof(char *), compare);
	return names->count > before;
}
