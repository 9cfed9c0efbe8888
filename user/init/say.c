/*
 * What init has to say. It goes to the kernel log (/dev/kmsg), not to the console, because there
 * every byte is the command's own when the host runs one; what concerns the person at the console
 * is shown there as well. Nothing here allocates or waits, so init can speak when there is no
 * memory, and does not stand still when somebody has typed Ctrl-S.
 */
#include "init.h"
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static const char KERNEL_LOG[] = "/dev/kmsg";
static const char CONSOLE[] = "/dev/console";

enum { LINE = 256 };

bool verbose;

/* "init: text\n"; returns its length. */
static size_t compose(char line[LINE], const char *format, va_list arguments)
{
	size_t length;

	strcpy(line, "init: ");
	vsnprintf(line + 6, LINE - 7, format, arguments);
	length = strlen(line);
	line[length++] = '\n';
	return length;
}

static bool write_to(const char *path, const char *line, size_t length)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	bool written = fd >= 0 && write(fd, line, length) == (ssize_t)length;

	if (fd >= 0)
		close(fd);
	return written;
}

static void write_to_log(const char *line, size_t length)
{
	if (write_to(KERNEL_LOG, line, length))
		return;
	if (mknod(KERNEL_LOG, S_IFCHR | 0600, makedev(1, 11)) == 0 &&
	    write_to(KERNEL_LOG, line, length))
		return;
	(void)!write(STDERR_FILENO, line, length);
}

void say(const char *format, ...)
{
	char line[LINE];
	va_list arguments;

	va_start(arguments, format);
	write_to_log(line, compose(line, format, arguments));
	va_end(arguments);
}

void announce(const char *format, ...)
{
	char line[LINE];
	va_list arguments;
	size_t length;

	va_start(arguments, format);
	length = compose(line, format, arguments);
	va_end(arguments);
	write_to_log(line, length);
	write_to(CONSOLE, line, length);
}
