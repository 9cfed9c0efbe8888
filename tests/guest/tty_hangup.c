/*
 * vhangup(2), and what a hangup means: files of the terminal that are open have ended, new ones
 * work; the session loses its terminal and its leader is told. Sources: vhangup(2); POSIX.1-2017,
 * 11.1.10 (modem disconnect).
 *
 * It takes a superuser of the whole machine: in a user namespace of its own the call is refused.
 */
#include "tty.h"

TEST(not_everybody_may)
{
	pid_t pid = FORK();

	if (pid == 0) {
		CHECK_EQ(setsid(), getpid());
		if (is_machines_superuser()) {
			CHECK_EQ(vhangup(), 0); /* there is no terminal to hang up */
			CHECK_EQ(setresuid(1000, 1000, 1000), 0);
		}
		CHECK_ERRNO(vhangup(), EPERM);
		_exit(0);
	}
	CHECK_EXIT(pid, 0);
}

static void await_signal(int sig)
{
	sigset_t set;

	CHECK_EQ(sigemptyset(&set), 0);
	CHECK_EQ(sigaddset(&set, sig), 0);
	CHECK_EQ(sigwaitinfo(&set, NULL), sig);
}

/* Reads until the line is cut under it. */
static pid_t waiting_reader(struct pty pty)
{
	pid_t pid = FORK();

	if (pid == 0) {
		CHECK_READ(pty.slave, "");
		CHECK_READ(pty.slave, "");
		CHECK_ERRNO(write(pty.slave, "x", 1), EIO);
		_exit(0);
	}
	await_state(pid, 'S');
	return pid;
}

static void hang_up(struct pty pty)
{
	sigset_t set;
	struct termios modes;

	CHECK_EQ(sigfillset(&set), 0);
	CHECK_EQ(sigprocmask(SIG_BLOCK, &set, NULL), 0);
	lead_session_on(pty);
	pid_t reader = waiting_reader(pty);
	CHECK_EQ(vhangup(), 0);
	await_signal(SIGHUP);
	await_signal(SIGCONT);
	CHECK_EXIT(reader, 0);
	/* this description has ended */
	CHECK_READ(pty.slave, "");
	CHECK_ERRNO(write(pty.slave, "x", 1), EIO);
	CHECK_ERRNO(ioctl(pty.slave, TCGETS, &modes), EIO);
	CHECK_EQ(events_of(pty.slave) & (POLLIN | POLLOUT | POLLERR | POLLHUP),
		 POLLIN | POLLOUT | POLLERR | POLLHUP);
	CHECK_ERRNO(open("/dev/tty", O_RDWR), ENXIO);
	/* a new one works, and can control the session again */
	int fd = open(pty.name, O_RDWR);
	CHECK(fd >= 0);
	CHECK_EQ(tcgetsid(fd), getpid());
	write_bytes(fd, "new", 3);
	char got[3];
	read_bytes(pty.master, got, 3);
	CHECK_BYTES(got, 3, "new", 3);
	type(pty, "line\n");
	CHECK_READ(fd, "line\n");
	CHECK_READ(pty.slave, "");
}

TEST(open_files_end_and_new_ones_work)
{
	struct pty pty;

	if (!is_machines_superuser())
		SKIP("a superuser of a user namespace may not hang up a terminal");
	pty = pty_new();
	pid_t pid = FORK();
	if (pid == 0) {
		hang_up(pty);
		_exit(0);
	}
	CHECK_EXIT(pid, 0);
	pty_free(pty);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
