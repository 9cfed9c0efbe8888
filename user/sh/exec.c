/*
 * Becoming a program. execve takes a path, an argument list and an environment, and if it succeeds
 * there is nobody left to return to. The search along $PATH is the shell's business: try each
 * directory and go on if the file is not there. A file that is executable but in no format the
 * kernel knows is taken for a shell script, if it looks like text, as it was before there was #!.
 */
#include "exec.h"

#include "shell.h"
#include "vars.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char DEFAULT_PATH[] = "/bin:/sbin:/usr/bin:/usr/sbin";

bool looks_like_script(int fd)
{
	char bytes[128];
	ssize_t count = read(fd, bytes, sizeof(bytes));

	return count >= 0 && !memchr(bytes, '\0', count);
}

static bool is_script(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool result = fd >= 0 && looks_like_script(fd);

	if (fd >= 0)
		close(fd);
	return result;
}

/* sh path argument... */
static void exec_script(char *path, char **argv, char **environment)
{
	struct strings command = { 0 };

	strings_add(&command, &shell.arena, "sh");
	strings_add(&command, &shell.arena, path);
	for (argv++; *argv; argv++)
		strings_add(&command, &shell.arena, *argv);
	execve("/bin/sh", strings_finish(&command, &shell.arena), environment);
}

/* Returns errno: why the path did not become this process. */
static int try_exec(char *path, char **argv, char **environment)
{
	execve(path, argv, environment);
	if (errno == ENOEXEC && is_script(path)) {
		exec_script(path, argv, environment);
		errno = ENOEXEC;
	}
	return errno;
}

/* A directory of $PATH, up to the colon, joined with a name. The empty directory means this one. */
static char *join_path(const char *directory, size_t length, const char *name)
{
	char *path = arena_alloc(&shell.arena, length + strlen(name) + 3);

	memcpy(path, length ? directory : ".", length ? length : 1);
	strcat(path, "/");
	return strcat(path, name);
}

static bool is_executable(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
}

/* A file without permission is remembered, but another one further on may do. */
static int exec_along_path(char **argv, char **environment, bool default_path)
{
	const char *directory = default_path ? NULL : vars_get("PATH");
	int result = ENOENT;

	if (!directory)
		directory = DEFAULT_PATH;
	for (;;) {
		size_t length = strcspn(directory, ":");
		int error = try_exec(join_path(directory, length, argv[0]), argv, environment);

		if (error == EACCES)
			result = EACCES;
		else if (error != ENOENT && error != ENOTDIR)
			return error;
		if (directory[length] == '\0')
			return result;
		directory += length + 1;
	}
}

/* The first of $PATH's directories in which there is such a file, joined with its name, or NULL. */
static char *find_along(const char *directory, const char *name, bool (*fits)(const char *path))
{
	if (!directory)
		directory = DEFAULT_PATH;
	for (;;) {
		size_t length = strcspn(directory, ":");
		char *path = join_path(directory, length, name);

		if (*name && fits(path))
			return path;
		if (directory[length] == '\0')
			return NULL;
		directory += length + 1;
	}
}

static bool is_readable(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, R_OK) == 0;
}

char *find_along_path(const char *name)
{
	return find_along(vars_get("PATH"), name, is_readable);
}

char *find_program(const char *name, bool default_path)
{
	if (strchr(name, '/'))
		return is_executable(name) ? arena_strdup(&shell.arena, name) : NULL;
	return find_along(default_path ? NULL : vars_get("PATH"), name, is_executable);
}

int exec_program(char **argv, bool default_path)
{
	char **environment = vars_environment(&shell.arena);
	bool is_path = strchr(argv[0], '/') != NULL;
	int error = ENOENT;

	if (is_path)
		error = try_exec(argv[0], argv, environment);
	else if (argv[0][0] != '\0')
		error = exec_along_path(argv, environment, default_path);

	if (error == ENOENT && !is_path)
		complain("%s: not found", argv[0]);
	else
		complain("%s: %s", argv[0], strerror(error));
	return error == ENOENT || error == ENOTDIR ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE;
}
