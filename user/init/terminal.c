/*
 * Terminals, in the child that will use one. A person gets it as the controlling terminal of a
 * session of their own, so that Ctrl-C and job control work, and in the modes a person expects,
 * whatever the last program did to it; a program that only prints gets it as it is.
 */
#include "init.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static int number_from_environment(const char *name)
{
	const char *value = getenv(name);

	return value ? atoi(value) : 0;
}

/* A serial line does not know how large the terminal at its other end is; the host does. */
static void set_window_size(int terminal)
{
	struct winsize size = {
		.ws_row = number_from_environment("LINES"),
		.ws_col = number_from_environment("COLUMNS"),
	};

	if (size.ws_row && size.ws_col)
		ioctl(terminal, TIOCSWINSZ, &size);
}

static void set_modes_for_person(struct termios *modes)
{
	modes->c_iflag = ICRNL | IXON;
	modes->c_oflag = OPOST | ONLCR;
	modes->c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN;
}

/*
 * As the host expects it, which wants every byte as the program wrote it. Lines and Ctrl-D remain,
 * so the host can end the input; Ctrl-V (literal next) lets it send any byte as itself.
 */
static void set_modes_for_host(struct termios *modes)
{
	modes->c_iflag = 0;
	modes->c_oflag = 0;
	modes->c_lflag = ICANON | IEXTEN;
	modes->c_cc[VEOF] = 'D' & 0x1f;
	modes->c_cc[VLNEXT] = 'V' & 0x1f;
}

/* The 1 takes it from a session that got hold of it when nobody had it: this one comes first. */
static void take_control(int terminal, enum terminal_use use)
{
	struct termios modes;

	ioctl(terminal, TIOCSCTTY, 1);
	tcsetpgrp(terminal, getpid());
	if (tcgetattr(terminal, &modes) == 0) {
		if (use == FOR_PERSON)
			set_modes_for_person(&modes);
		else
			set_modes_for_host(&modes);
		tcsetattr(terminal, TCSANOW, &modes);
	}
	set_window_size(terminal);
}

bool open_terminal(const char *path, enum terminal_use use)
{
	int terminal = open(path, O_RDWR | O_NOCTTY);

	if (terminal < 0) {
		say("cannot open %s: %s", path, strerror(errno));
		return false;
	}
	if (use != FOR_OUTPUT)
		take_control(terminal, use);
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (terminal != fd)
			dup2(terminal, fd);
	if (terminal > STDERR_FILENO)
		close(terminal);
	return true;
}
