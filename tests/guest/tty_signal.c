/*
 * Characters that act at once: Ctrl-C, Ctrl-\ and Ctrl-Z signal the foreground group and nobody
 * else, Ctrl-S and Ctrl-Q stop and start output; and the calls that do the same (TCXONC). Sources:
 * POSIX.1-2017, 11.1.9 and 11.2.5 (ISIG, NOFLSH), 11.2.2 (IXON, IXANY, IXOFF); termios(3);
 * ioctl_tty(2).
 */
#include "tty.h"

#define STOP "\x13"
#define START "\x11"

static const struct {
	const char *key, *echo;
	int sig;
} keys[] = { { "\x03", "^C", SIGINT }, { "\x1c", "^\\", SIGQUIT }, { "\x1a", "^Z", SIGTSTP } };

static void block_all(void)
{
	sigset_t all;

	CHECK_EQ(sigfillset(&all), 0);
	CHECK_EQ(sigprocmask(SIG_SETMASK, &all, NULL), 0);
}

static int next_signal(siginfo_t *info)
{
	sigset_t all;

	CHECK_EQ(sigfillset(&all), 0);
	return sigwaitinfo(&all, info);
}

static bool is_pending(int sig)
{
	sigset_t pending;

	CHECK_EQ(sigpending(&pending), 0);
	return sigismember(&pending, sig);
}

/* Runs the body in a child that leads a session on a fresh pty, alone in its foreground. */
#define IN_SESSION(pty) for (pid_t session_ = session_start(&(pty)); session_ == 0; _exit(0))

static pid_t session_start(struct pty *pty)
{
	*pty = pty_new();
	pid_t pid = FORK();
	if (pid == 0) {
		lead_session_on(*pty);
		block_all();
		return 0;
	}
	CHECK_EXIT(pid, 0);
	pty_free(*pty);
	return pid;
}

TEST(keys_send_signals)
{
	struct pty pty;

	IN_SESSION(pty)
	{
		for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
			siginfo_t info;
			CONTEXT("%s", keys[i].echo);
			type(pty, keys[i].key);
			CHECK_EQ(next_signal(&info), keys[i].sig);
			CHECK_EQ(info.si_code, SI_KERNEL);
			char echo[2];
			read_bytes(pty.master, echo, 2);
			CHECK_BYTES(echo, 2, keys[i].echo, 2);
		}
	}
}

TEST(a_signal_goes_to_the_foreground_group_alone)
{
	struct pty pty;

	IN_SESSION(pty)
	{
		struct gate ready = gate_new(), go = gate_new();
		pid_t pid[4]; /* two in the foreground, two in the background */
		for (int i = 0; i < 4; i++) {
			pid[i] = FORK();
			if (pid[i] == 0) {
				CHECK_EQ(setpgid(0, i ? (i == 1	  ? pid[0]
							 : i == 2 ? 0
								  : pid[2])
						      : 0),
					 0);
				gate_open(ready, 1);
				if (i < 2)
					CHECK_EQ(next_signal(&(siginfo_t){ 0 }), SIGINT);
				gate_pass(go);
				CHECK(!is_pending(SIGINT));
				_exit(0);
			}
			gate_pass(ready);
		}
		CHECK_EQ(tcsetpgrp(pty.slave, pid[0]), 0);
		CHECK_EQ(tcgetpgrp(pty.slave), pid[0]);
		type(pty, "\x03");
		await_state(pid[0], 'S');
		gate_open(go, 4);
		for (int i = 0; i < 4; i++)
			CHECK_EXIT(pid[i], 0);
		CHECK(!is_pending(SIGINT)); /* the leader is in the background, too */
	}
}

TEST(the_default_actions)
{
	struct pty pty;

	IN_SESSION(pty)
	{
		for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
			struct gate ready = gate_new();
			int status;
			pid_t pid = FORK();
			if (pid == 0) {
				sigset_t none;
				CHECK_EQ(sigemptyset(&none), 0);
				CHECK_EQ(setpgid(0, 0), 0);
				CHECK_EQ(tcsetpgrp(pty.slave, getpid()), 0);
				CHECK_EQ(sigprocmask(SIG_SETMASK, &none, NULL), 0);
				gate_open(ready, 1);
				block_forever();
			}
			gate_pass(ready);
			type(pty, keys[i].key);
			CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
			if (keys[i].sig == SIGTSTP) {
				CHECK(WIFSTOPPED(status));
				CHECK_EQ(WSTOPSIG(status), SIGTSTP);
				CHECK_EQ(kill(pid, SIGKILL), 0);
				CHECK_SIGNAL(pid, SIGKILL);
			} else {
				CHECK(WIFSIGNALED(status));
				CHECK_EQ(WTERMSIG(status), keys[i].sig);
			}
			gate_free(ready);
		}
	}
}

TEST(a_signal_flushes_the_line)
{
	struct pty pty;

	IN_SESSION(pty)
	{
		type(pty, "one\nabc\x03"
			  "def\n");
		CHECK_EQ(next_signal(&(siginfo_t){ 0 }), SIGINT);
		CHECK_READ(pty.slave, "def\n");
		change_lflag(pty.slave, 0, NOFLSH);
		type(pty, "one\nabc\x03"
			  "def\n");
		CHECK_EQ(next_signal(&(siginfo_t){ 0 }), SIGINT);
		CHECK_READ(pty.slave, "one\n");
		CHECK_READ(pty.slave, "abcdef\n");
	}
}

TEST(without_isig_they_are_characters)
{
	struct pty pty;

	IN_SESSION(pty)
	{
		change_lflag(pty.slave, ISIG, 0);
		type(pty, "a\x03\x1c\x1a\n");
		CHECK_READ(pty.slave, "a\x03\x1c\x1a\n");
		CHECK_SCREEN(pty, "a^C^\\^Z\r\n");
		for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
			CHECK(!is_pending(keys[i].sig));
	}
}

TEST(the_keys_can_be_changed)
{
	struct pty pty;

	IN_SESSION(pty)
	{
		struct termios modes = modes_of(pty.slave);
		modes.c_cc[VINTR] = '%';
		modes.c_cc[VQUIT] = _POSIX_VDISABLE;
		CHECK_EQ(tcsetattr(pty.slave, TCSANOW, &modes), 0);
		type(pty, "\x03\x1c%");
		CHECK_EQ(next_signal(&(siginfo_t){ 0 }), SIGINT);
		type(pty, "a\n");
		CHECK_READ(pty.slave, "a\n");
	}
}

TEST(no_echo_of_a_key_without_echo)
{
	struct pty pty;

	IN_SESSION(pty)
	{
		change_lflag(pty.slave, ECHO, 0);
		type(pty, "\x03");
		CHECK_EQ(next_signal(&(siginfo_t){ 0 }), SIGINT);
		type(pty, "a\n");
		CHECK_READ(pty.slave, "a\n");
		CHECK_SCREEN(pty, "");
	}
}

/* Keys of a terminal that controls nobody are no more than lost. */
TEST(without_a_session_nobody_is_signalled)
{
	struct pty pty = pty_new();

	type(pty, "abc\x03"
		  "de\n");
	CHECK_READ(pty.slave, "de\n");
	pty_free(pty);
}

/* ---- flow control ---------------------------------------------------------------------------- */

static void set_iflag(int fd, tcflag_t off, tcflag_t on)
{
	struct termios modes = modes_of(fd);

	modes.c_iflag = (modes.c_iflag & ~off) | on;
	CHECK_EQ(tcsetattr(fd, TCSANOW, &modes), 0);
}

/* Nothing comes out, and nothing can be put in. */
static void check_stopped(struct pty pty)
{
	CHECK_EQ(fcntl(pty.slave, F_SETFL, O_RDWR | O_NONBLOCK), 0);
	CHECK_ERRNO(write(pty.slave, "x", 1), EAGAIN);
	CHECK(!(events_of(pty.slave) & POLLOUT));
	CHECK(!(events_of(pty.master) & POLLIN));
	CHECK_EQ(fcntl(pty.slave, F_SETFL, O_RDWR), 0);
}

TEST(stop_and_start)
{
	struct pty pty = pty_new();

	type(pty, STOP "ab\n");
	CHECK_READ(pty.slave, "ab\n");
	check_stopped(pty);
	type(pty, START);
	await_events(pty.slave, POLLOUT);
	CHECK_SCREEN(pty, "ab\r\n"); /* the echo waited */
	pty_free(pty);
}

TEST(a_stopped_writer_waits)
{
	struct pty pty = pty_new();

	type(pty, STOP "\n");
	CHECK_READ(pty.slave, "\n");
	pid_t pid = FORK();
	if (pid == 0) {
		write_bytes(pty.slave, "hello", 5);
		_exit(0);
	}
	await_state(pid, 'S');
	CHECK(!(events_of(pty.master) & POLLIN));
	type(pty, START);
	CHECK_EXIT(pid, 0);
	CHECK_SCREEN(pty, "\r\nhello");
	pty_free(pty);
}

TEST(stop_and_start_are_characters_without_ixon)
{
	struct pty pty = pty_new();

	set_iflag(pty.slave, IXON, 0);
	type(pty, STOP START "\n");
	CHECK_READ(pty.slave, STOP START "\n");
	CHECK_SCREEN(pty, "^S^Q\r\n");
	pty_free(pty);
}

TEST(any_key_starts_with_ixany)
{
	struct pty pty = pty_new();

	set_iflag(pty.slave, 0, IXANY);
	type(pty, STOP);
	while (events_of(pty.slave) & POLLOUT)
		pause_briefly();
	check_stopped(pty);
	type(pty, "k\n");
	CHECK_READ(pty.slave, "k\n");
	CHECK_SCREEN(pty, "k\r\n");
	pty_free(pty);
}

TEST(a_signal_starts_output)
{
	struct pty pty = pty_new();

	type(pty, STOP "\n");
	CHECK_READ(pty.slave, "\n");
	check_stopped(pty);
	type(pty, "\x03");
	await_events(pty.slave, POLLOUT);
	pty_free(pty);
}

TEST(switching_ixon_off_starts_output)
{
	struct pty pty = pty_new();

	type(pty, STOP "\n");
	CHECK_READ(pty.slave, "\n");
	check_stopped(pty);
	set_iflag(pty.slave, IXON, 0);
	CHECK(events_of(pty.slave) & POLLOUT);
	CHECK_SCREEN(pty, "\r\n");
	pty_free(pty);
}

TEST(tcflow_stops_and_starts)
{
	struct pty pty = pty_new();

	CHECK_EQ(tcflow(pty.slave, TCOOFF), 0);
	check_stopped(pty);
	type(pty, START "\n"); /* which has no say in it */
	CHECK_READ(pty.slave, "\n");
	check_stopped(pty);
	CHECK_EQ(tcflow(pty.slave, TCOON), 0);
	CHECK(events_of(pty.slave) & POLLOUT);
	CHECK_SCREEN(pty, "\r\n");
	/* and it has none in Ctrl-S */
	type(pty, STOP "\n");
	CHECK_READ(pty.slave, "\n");
	CHECK_EQ(tcflow(pty.slave, TCOON), 0);
	check_stopped(pty);
	type(pty, START);
	await_events(pty.slave, POLLOUT);
	pty_free(pty);
}

TEST(tcflow_asks_the_other_side)
{
	struct pty pty = pty_new();

	CHECK_EQ(tcflow(pty.slave, TCIOFF), 0);
	CHECK_SCREEN(pty, STOP);
	CHECK_EQ(tcflow(pty.slave, TCION), 0);
	CHECK_SCREEN(pty, START);
	CHECK_ERRNO(ioctl(pty.slave, TCXONC, 4), EINVAL);
	CHECK_ERRNO(ioctl(pty.slave, TCXONC, -1), EINVAL);
	pty_free(pty);
}

/* The same from the master: it types the keys, or is held itself. */
TEST(tcflow_of_the_master)
{
	struct pty pty = pty_new();

	CHECK_EQ(tcflow(pty.master, TCIOFF), 0);
	while (events_of(pty.slave) & POLLOUT)
		pause_briefly();
	check_stopped(pty);
	CHECK_EQ(tcflow(pty.master, TCION), 0);
	await_events(pty.slave, POLLOUT);
	CHECK_EQ(fcntl(pty.master, F_SETFL, O_RDWR | O_NONBLOCK), 0);
	CHECK_EQ(tcflow(pty.master, TCOOFF), 0);
	CHECK_ERRNO(write(pty.master, "x", 1), EAGAIN);
	CHECK(!(events_of(pty.master) & POLLOUT));
	CHECK_EQ(tcflow(pty.master, TCOON), 0);
	CHECK_EQ(events_of(pty.master) & POLLOUT, POLLOUT);
	CHECK_EQ(write(pty.master, "x\n", 2), 2);
	CHECK_READ(pty.slave, "x\n");
	CHECK_ERRNO(ioctl(pty.master, TCXONC, 4), EINVAL);
	pty_free(pty);
}

#ifndef TIOCSIG
#define TIOCSIG _IOW('T', 0x36, int)
#endif

/* The master may signal the foreground without a key. */
TEST(signals_by_the_master)
{
	struct pty pty;

	IN_SESSION(pty)
	{
		for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
			CHECK_EQ(ioctl(pty.master, TIOCSIG, keys[i].sig), 0);
			CHECK_EQ(next_signal(&(siginfo_t){ 0 }), keys[i].sig);
		}
		CHECK_ERRNO(ioctl(pty.master, TIOCSIG, SIGKILL), EINVAL);
		CHECK_ERRNO(ioctl(pty.master, TIOCSIG, 0), EINVAL);
		CHECK_ERRNO(ioctl(pty.slave, TIOCSIG, SIGINT), ENOTTY);
		CHECK(!(events_of(pty.master) & POLLIN));
	}
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
