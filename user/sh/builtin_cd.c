/*
 * cd and pwd (POSIX XCU). The shell keeps in $PWD the name under which it came to its directory,
 * symbolic links and all: `cd link; cd ..` leads back. With -P only the kernel's name counts.
 */
#include "builtins.h"

#include "shell.h"
#include "vars.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Takes -L and -P, of which the last counts. False, with a complaint, if there are others. */
static bool take_options(char ***argv, bool *physical)
{
	const char *name = **argv;

	*physical = false;
	for (++*argv; **argv && (**argv)[0] == '-' && (**argv)[1]; ++*argv) {
		if (strcmp(**argv, "--") == 0) {
			++*argv;
			break;
		}
		for (const char *letter = **argv + 1; *letter; letter++) {
			if (*letter != 'L' && *letter != 'P') {
				misuse(name, "%s: unknown option", **argv);
				return false;
			}
			*physical = *letter == 'P';
		}
	}
	return true;
}

/* Whether $PWD can be believed: it is absolute and leads to this directory. */
static bool names_here(const char *path)
{
	struct stat there, here;

	return path && path[0] == '/' && !strstr(path, "/./") && !strstr(path, "/../") &&
	       stat(path, &there) == 0 && stat(".", &here) == 0 && there.st_dev == here.st_dev &&
	       there.st_ino == here.st_ino;
}

/* Appends the components of a path to an absolute one; .. takes one away. */
static void add_components(struct buffer *path, const char *text)
{
	while (*text) {
		size_t length = strcspn(text, "/");

		if (length == 2 && strncmp(text, "..", 2) == 0) {
			while (path->length > 0 && path->data[--path->length] != '/')
				continue;
			path->data[path->length] = '\0';
		} else if (length > 0 && !(length == 1 && *text == '.')) {
			buffer_add_char(path, '/');
			buffer_add(path, text, length);
		}
		text += length;
		text += strspn(text, "/");
	}
}

/* The name of the target as seen from $PWD, in shell.arena; NULL if that is not known. */
static char *logical_path(const char *target)
{
	const char *here = vars_get("PWD");
	struct buffer path = { 0 };
	char *copy;

	if (*target != '/' && !names_here(here))
		return NULL;
	buffer_add(&path, "", 0);
	if (*target != '/')
		add_components(&path, here);
	add_components(&path, target);
	copy = arena_strdup(&shell.arena, path.length ? path.data : "/");
	buffer_free(&path);
	return copy;
}

static void set_directories(const char *path)
{
	char real[PATH_MAX];
	const char *old = vars_get("PWD");

	if (!path)
		path = getcwd(real, sizeof(real)) ? real : "?";
	vars_set("OLDPWD", old ? old : "");
	vars_set("PWD", path);
}

/* Goes there. True if it could. */
static bool change(const char *target, bool physical)
{
	char *path = physical ? NULL : logical_path(target);

	if (chdir(path ? path : target) < 0)
		return false;
	set_directories(path);
	return true;
}

/* A name that does not begin with / or . is looked for in the directories of $CDPATH. */
static bool change_along_path(const char *target, bool physical, bool *print)
{
	const char *directory = vars_get("CDPATH");

	if (!directory || *target == '/' || strcmp(target, ".") == 0 || strcmp(target, "..") == 0 ||
	    strncmp(target, "./", 2) == 0 || strncmp(target, "../", 3) == 0)
		return change(target, physical);
	for (;;) {
		size_t length = strcspn(directory, ":");
		struct buffer path = { 0 };
		bool found;

		buffer_add(&path, directory, length);
		if (length > 0 && directory[length - 1] != '/')
			buffer_add_char(&path, '/');
		buffer_add(&path, target, strlen(target));
		found = change(path.data, physical);
		buffer_free(&path);
		*print |= found && length > 0;
		if (found)
			return true;
		if (directory[length] == '\0')
			return change(target, physical);
		directory += length + 1;
	}
}

int run_cd(char **argv)
{
	const char *target;
	bool physical, print;

	if (!take_options(&argv, &physical))
		return STATUS_MISUSE;
	target = *argv ? *argv : vars_get("HOME");
	print = target && strcmp(target, "-") == 0;
	if (print)
		target = vars_get("OLDPWD");
	if (!target)
		return misuse("cd", "%s not set", print ? "OLDPWD" : "HOME");
	if (*target && !change_along_path(target, physical, &print))
		return misuse("cd", "can't cd to %s: %s", target, strerror(errno));
	if (print)
		print_output("cd", "%s\n", vars_get("PWD"));
	return EXIT_SUCCESS;
}

int run_pwd(char **argv)
{
	const char *path = vars_get("PWD");
	char real[PATH_MAX];
	bool physical;

	if (!take_options(&argv, &physical))
		return STATUS_MISUSE;
	if (physical || !names_here(path))
		path = getcwd(real, sizeof(real));
	if (!path) {
		complain("pwd: %s", strerror(errno));
		return EXIT_FAILURE;
	}
	return print_output("pwd", "%s\n", path) ? EXIT_SUCCESS : EXIT_FAILURE;
}
