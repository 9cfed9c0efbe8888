/*
 * Redirections. `command >file` needs nothing from the command: it writes to descriptor 1 as
 * always, and what 1 refers to was changed before it began. All of it is open() and dup2(); because
 * the list is applied from left to right, `>f 2>&1` and `2>&1 >f` differ: 2>&1 copies what 1 means
 * at that moment, it does not tie them together.
 */
#define _GNU_SOURCE /* pipe2 */
#include "redirect.h"

#include "expand.h"
#include "shell.h"
#include "trap.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int open_flags(enum redirect_kind kind)
{
	switch (kind) {
	case REDIRECT_WRITE:
	case REDIRECT_CLOBBER:
		return O_WRONLY | O_CREAT | O_TRUNC;
	case REDIRECT_APPEND:
		return O_WRONLY | O_CREAT | O_APPEND;
	case REDIRECT_READ_WRITE:
		return O_RDWR | O_CREAT;
	default:
		return O_RDONLY;
	}
}

/* Makes `fd` refer to what `from` refers to, and lets programs inherit it. */
static int move_fd(int from, int fd)
{
	if (from == fd)
		return fcntl(fd, F_SETFD, 0);
	if (dup2(from, fd) < 0)
		return -1;
	return close(from);
}

/*
 * With set -C, > makes new files and empties none, but may write to what is no file. O_EXCL is what
 * makes sure of the former.
 */
static int open_unclobbered(const char *path)
{
	struct stat status;
	int file;

	if (stat(path, &status) < 0)
		return open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	file = open(path, O_WRONLY | O_CLOEXEC);
	if (file >= 0 && fstat(file, &status) == 0 && S_ISREG(status.st_mode)) {
		close(file);
		errno = EEXIST;
		return -1;
	}
	return file;
}

static int redirect_to_file(const struct redirect *r, const char *path)
{
	int file;

	if (r->kind == REDIRECT_WRITE && option('C'))
		file = open_unclobbered(path);
	else
		file = open(path, open_flags(r->kind) | O_CLOEXEC, 0666);
	if (file < 0 || move_fd(file, r->fd) < 0) {
		complain("%s: %s", path, strerror(errno));
		return -1;
	}
	return 0;
}

static int redirect_to_fd(const struct redirect *r, const char *target)
{
	if (strcmp(target, "-") == 0) {
		close(r->fd);
		return 0;
	}
	if (target[0] < '0' || target[0] > '9' || target[1] != '\0') {
		complain("%s: not a descriptor from 0 to 9", target);
		return -1;
	}
	if (dup2(target[0] - '0', r->fd) < 0) {
		complain("%s: %s", target, strerror(errno));
		return -1;
	}
	return 0;
}

static int save_fd(int fd, struct saved_fds *saved)
{
	int copy;

	if (saved->copy[fd] != FD_UNTOUCHED)
		return 0;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, SHELL_FD_MIN);
	if (copy < 0 && errno != EBADF) {
		complain("%d: %s", fd, strerror(errno));
		return -1;
	}
	saved->copy[fd] = copy >= 0 ? copy : FD_WAS_CLOSED;
	return 0;
}

/* Writes all of it without waiting for a reader. False if that cannot be. */
static bool write_at_once(int fd, const char *text, size_t length)
{
	return length <= PIPE_BUF && write(fd, text, length) == (ssize_t)length;
}

/* A text too long for a pipe that nobody reads yet is written by a process of its own. */
static void feed(const int ends[2], const char *text, size_t length)
{
	pid_t pid = fork();

	if (pid != 0) {
		if (pid > 0)
			waitpid(pid, NULL, 0);
		return;
	}
	if (fork() != 0)
		_exit(0);
	/* It must not be a reader itself, or it would never learn that there is no other. */
	close(ends[0]);
	traps_enter_child();
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	while (length > 0) {
		ssize_t count = write(ends[1], text, length);

		if (count <= 0)
			break;
		text += count;
		length -= count;
	}
	_exit(0);
}

static int redirect_to_text(const struct redirect *r, const char *text)
{
	size_t length = strlen(text);
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0) {
		complain("cannot make a pipe: %s", strerror(errno));
		return -1;
	}
	if (!write_at_once(ends[1], text, length))
		feed(ends, text, length);
	close(ends[1]);
	return move_fd(ends[0], r->fd);
}

static int apply_one(const struct redirect *r, struct saved_fds *saved)
{
	char *target = r->target ? expand_string(r->target) : NULL;

	if (!target)
		return -1;
	if (saved && save_fd(r->fd, saved) < 0)
		return -1;
	if (r->kind == REDIRECT_HERE)
		return redirect_to_text(r, target);
	return r->kind == REDIRECT_COPY ? redirect_to_fd(r, target) : redirect_to_file(r, target);
}

int redirect_apply(const struct redirect *list, struct saved_fds *saved)
{
	if (saved)
		for (int fd = 0; fd < SHELL_FD_MIN; fd++)
			saved->copy[fd] = FD_UNTOUCHED;

	for (; list; list = list->next)
		if (apply_one(list, saved) < 0)
			return -1;
	return 0;
}

void redirect_undo(struct saved_fds *saved)
{
	for (int fd = 0; fd < SHELL_FD_MIN; fd++) {
		if (saved->copy[fd] == FD_WAS_CLOSED) {
			close(fd);
		} else if (saved->copy[fd] >= 0) {
			dup2(saved->copy[fd], fd);
			close(saved->copy[fd]);
		}
	}
}

int fd_make_internal(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, SHELL_FD_MIN);

	close(fd);
	return copy;
}
