/*
 * Redirections. `command >file` needs nothing from the command: it writes to descriptor 1 as
 * always, and what 1 refers to was changed before it began. All of it is open() and dup2(); because
 * the list is applied from left to right, `>f 2>&1` and `2>&1 >f` differ: 2>&1 copies what 1 means
 * at that moment, it does not tie them together.
 */
#include "redirect.h"

#include "expand.h"
#include "shell.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int open_flags(enum redirect_kind kind)
{
	switch (kind) {
	case REDIRECT_WRITE:
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

static int redirect_to_file(const struct redirect *r, const char *path)
{
	int file = open(path, open_flags(r->kind) | O_CLOEXEC, 0666);

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

static int apply_one(const struct redirect *r, struct saved_fds *saved)
{
	char *target = expand_string(r->target);

	if (!target)
		return -1;
	if (saved && save_fd(r->fd, saved) < 0)
		return -1;
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
