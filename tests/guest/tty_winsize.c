/*
 * The window's size: both sides of a pty have the same, a change of it signals the foreground group
 * and nobody else, and no change signals nobody. Sources: ioctl_tty(2), TIOCGWINSZ(2const); POSIX
 * SIGWINCH, tcgetwinsize().
 */
#include "tty.h"

static void set_size(int fd, unsigned short rows, unsigned short columns)
{
	struct winsize size = { .ws_row = rows, .ws_col = columns };

	CHECK_EQ(ioctl(fd, TIOCSWINSZ, &size), 0);
}

static void check_size(int fd, int rows, int columns)
{
	struct winsize size;

	memset(&size, 0xff, sizeof(size));
	CHECK_EQ(ioctl(fd, TIOCGWINSZ, &size), 0);
	CHECK_EQ(size.ws_row, rows);
	CHECK_EQ(size.ws_col, columns);
	CHECK_EQ(size.ws_xpixel, 0);
	CHECK_EQ(size.ws_ypixel, 0);
}

TEST(both_sides_have_one_size)
{
	struct pty pty = pty_new();

	check_size(pty.slave, 0, 0);
	check_size(pty.master, 0, 0);
	set_size(pty.master, 24, 80);
	check_size(pty.slave, 24, 80);
	check_size(pty.master, 24, 80);
	set_size(pty.slave, 65535, 1);
	check_size(pty.slave, 65535, 1);
	check_size(pty.master, 65535, 1);
	pty_free(pty);
}

TEST(bad_pointers)
{
	struct pty pty = pty_new();

	set_size(pty.slave, 3, 4);
	for (int side = 0; side < 2; side++) {
		int fd = side ? pty.master : pty.slave;
		CHECK_ERRNO(ioctl(fd, TIOCGWINSZ, BAD_POINTER), EFAULT);
		CHECK_ERRNO(ioctl(fd, TIOCSWINSZ, BAD_POINTER), EFAULT);
		CHECK_ERRNO(ioctl(fd, TIOCSWINSZ, KERNEL_ADDRESS), EFAULT);
	}
	check_size(pty.slave, 3, 4);
	pty_free(pty);
}

static bool winch_pending(void)
{
	sigset_t pending;

	CHECK_EQ(sigpending(&pending), 0);
	return sigismember(&pending, SIGWINCH);
}

static void take_winch(void)
{
	sigset_t winch;
	siginfo_t info;

	CHECK_EQ(sigemptyset(&winch), 0);
	CHECK_EQ(sigaddset(&winch, SIGWINCH), 0);
	CHECK_EQ(sigwaitinfo(&winch, &info), SIGWINCH);
	CHECK_EQ(info.si_code, SI_KERNEL);
}

static void block_winch(void)
{
	sigset_t winch;

	CHECK_EQ(sigemptyset(&winch), 0);
	CHECK_EQ(sigaddset(&winch, SIGWINCH), 0);
	CHECK_EQ(sigprocmask(SIG_BLOCK, &winch, NULL), 0);
	CHECK(signal(SIGWINCH, SIG_DFL) != SIG_ERR);
}

static void leader(struct pty pty)
{
	struct gate ready = gate_new(), go = gate_new();

	block_winch(); /* a blocked signal is kept even if it is ignored by default */
	lead_session_on(pty);
	set_size(pty.master, 24, 80);
	take_winch();
	set_size(pty.master, 24, 80); /* no change */
	CHECK(!winch_pending());
	set_size(pty.slave, 25, 80); /* by the slave: the same */
	take_winch();

	pid_t other = FORK();
	if (other == 0) {
		CHECK_EQ(setpgid(0, 0), 0);
		gate_open(ready, 1);
		gate_pass(go);
		take_winch();
		_exit(0);
	}
	gate_pass(ready);
	CHECK_EQ(tcsetpgrp(pty.slave, other), 0);
	set_size(pty.master, 26, 80);
	CHECK(!winch_pending());
	gate_open(go, 1);
	CHECK_EXIT(other, 0);
	/* a foreground group without members: nobody to tell */
	set_size(pty.master, 27, 80);
	CHECK(!winch_pending());
	check_size(pty.slave, 27, 80);
}

TEST(a_change_signals_the_foreground_group)
{
	struct pty pty = pty_new();
	pid_t pid = FORK();

	if (pid == 0) {
		leader(pty);
		_exit(0);
	}
	CHECK_EXIT(pid, 0);
	CHECK(!winch_pending());
	pty_free(pty);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
