/*
 * The terminal. It is one device shared by all jobs, and the kernel decides by its foreground
 * process group who gets Ctrl-C and who may read; the interactive shell moves that group from job
 * to job and back to itself. It ignores the signals with which the terminal would stop it for doing
 * so, and never lets a child start with them ignored (trap.c): ignored signals stay ignored across
 * execve, and a program that Ctrl-Z cannot stop would be the result.
 */
#include "terminal.h"

#include "redirect.h"
#include "shell.h"
#include "trap.h"
#include "vars.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static struct {
	int fd;
	struct termios modes; /* as programs shall find them */
	bool has_modes;	      /* it is a terminal indeed */
	pid_t first_group;    /* the shell's before it had one of its own */
} terminal = { .fd = -1 };

/*
 * A shell started in the background must wait for its turn: SIGTTIN stops it until somebody brings
 * it to the foreground. In an orphaned group the signal does nothing, hence the limit.
 */
static bool wait_for_turn(void)
{
	for (int tries = 0; tries < 16; tries++) {
		pid_t foreground = tcgetpgrp(terminal.fd);

		if (foreground < 0)
			return false;
		if (foreground == getpgrp())
			return true;
		kill(0, SIGTTIN);
	}
	return false;
}

void terminal_open(void)
{
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		fd = dup(STDIN_FILENO);
	terminal.fd = fd_make_internal(fd);
	terminal.has_modes = tcgetattr(terminal.fd, &terminal.modes) == 0;
}

void terminal_start_jobs(void)
{
	if (terminal.fd < 0)
		terminal_open();
	terminal.first_group = getpgrp();
	shell.job_control = wait_for_turn();
	if (!shell.job_control) {
		shell.options['m'] = false;
		complain("no job control: the terminal belongs to somebody else");
		return;
	}
	shell.options['m'] = true;
	traps_job_control(true);
	setpgid(0, 0);
	terminal_give(getpgrp());
}

void terminal_stop_jobs(void)
{
	if (!shell.job_control)
		return;
	terminal_give(terminal.first_group);
	setpgid(0, terminal.first_group);
	traps_job_control(false);
	shell.job_control = false;
}

void terminal_give(pid_t group)
{
	if (shell.job_control)
		tcsetpgrp(terminal.fd, group);
}

void terminal_take(bool restore_modes)
{
	terminal_give(getpgrp());
	if (!shell.interactive || !terminal.has_modes)
		return;
	if (restore_modes)
		tcsetattr(terminal.fd, TCSADRAIN, &terminal.modes);
	else
		tcgetattr(terminal.fd, &terminal.modes);
}

bool terminal_edit_begin(void)
{
	const char *type = vars_get("TERM");
	struct termios keys = terminal.modes;

	if (!terminal.has_modes || !type || strcmp(type, "dumb") == 0)
		return false;
	/* Output stays as it is, so what background jobs print looks as always. */
	keys.c_iflag |= ICRNL;
	keys.c_lflag &= ~(ICANON | ECHO | ISIG | IEXTEN);
	keys.c_cc[VMIN] = 1;
	keys.c_cc[VTIME] = 0;
	/* Never TCSAFLUSH: it would throw away what was typed ahead. */
	return tcsetattr(terminal.fd, TCSADRAIN, &keys) == 0;
}

void terminal_edit_end(void)
{
	tcsetattr(terminal.fd, TCSADRAIN, &terminal.modes);
}

int terminal_columns(void)
{
	struct winsize size;

	if (ioctl(terminal.fd, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
		return 80;
	return size.ws_col;
}

int terminal_fd(void)
{
	return terminal.fd;
}
