/*
 * What has to stand before the first process is started: /proc, and the environment, which every
 * process of the machine inherits from here.
 */
#include "init.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

char *read_file(const char *path, size_t *length)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t capacity = 0;
	char *data = NULL;
	ssize_t count;

	*length = 0;
	if (fd < 0)
		return NULL;
	do {
		if (capacity - *length < 2) {
			char *larger = realloc(data, capacity = 2 * capacity + 4096);
			if (!larger)
				break;
			data = larger;
		}
		count = read(fd, data + *length, capacity - *length - 1);
		if (count > 0)
			*length += count;
	} while (count > 0);
	close(fd);
	if (data)
		data[*length] = '\0';
	return data;
}

/* It is there already if this init takes the place of another. */
void mount_proc(void)
{
	struct stat self;

	if (lstat("/proc/self", &self) == 0)
		return;
	if (mount("proc", "/proc", "proc", 0, NULL) < 0)
		say("cannot mount /proc: %s", strerror(errno));
}

bool has_boot_option(const char *option)
{
	size_t length;
	char *words = read_file("/proc/cmdline", &length);
	bool found = false;

	if (!words)
		return false;
	for (char *word = strtok(words, " \n"); word && !found; word = strtok(NULL, " \n"))
		found = strcmp(word, option) == 0;
	free(words);
	return found;
}

void set_environment(void)
{
	size_t length;
	char *lines = read_file("/etc/mitos/env", &length);

	setenv("PATH", "/bin:/sbin:/tests", 1);
	setenv("HOME", "/root", 1);
	setenv("TERM", "linux", 1);
	if (!lines)
		return;
	/* Not freed: putenv keeps the strings. */
	for (char *line = strtok(lines, "\n"); line; line = strtok(NULL, "\n"))
		if (strchr(line, '='))
			putenv(line);
}
