/*
 * Job control: how a session gets and loses its controlling terminal, which group is in the
 * foreground, and what happens to the others when they read, write or change the terminal. Sources:
 * POSIX.1-2017, 11.1.3 to 11.1.5, tcsetpgrp(), tcgetsid(); ioctl_tty(2), TIOCSCTTY(2const),
 * TIOCSPGRP(2const); tty(4); credentials(7).
 */
#include "tty.h"

#define NO_PROCESS 0x3fffffff

/* Ends the test's child, which leads a session on a fresh pty while the body runs. */
#define IN_SESSION(pty) for (pid_t session_ = session_start(&(pty)); session_ == 0; _exit(0))

static pid_t session_start(struct pty *pty)
{
	*pty = pty_new();
	pid_t pid = FORK();
	if (pid == 0) {
		lead_session_on(*pty);
		return 0;
	}
	CHECK_EXIT(pid, 0);
	pty_free(*pty);
	return pid;
}

static bool has_terminal(void)
{
	int fd = open("/dev/tty", O_RDWR);

	if (fd < 0)
		CHECK_EQ(errno, ENXIO);
	else
		CHECK_EQ(close(fd), 0);
	return fd >= 0;
}

static void ignore(int sig)
{
	CHECK(signal(sig, SIG_IGN) != SIG_ERR);
}

static void block(int sig)
{
	sigset_t set;

	CHECK_EQ(sigemptyset(&set), 0);
	CHECK_EQ(sigaddset(&set, sig), 0);
	CHECK_EQ(sigprocmask(SIG_BLOCK, &set, NULL), 0);
}

static void check_pending(int sig, bool expected)
{
	sigset_t set;

	CHECK_EQ(sigpending(&set), 0);
	CHECK_EQ(sigismember(&set, sig), expected);
}

/* ---- getting a controlling terminal ---------------------------------------------------------- */

/* In a child that leads a session without a terminal. */
#define AS_LEADER for (pid_t leader_ = leader_start(); leader_ == 0; _exit(0))

static pid_t leader_start(void)
{
	pid_t pid = FORK();

	if (pid == 0) {
		CHECK_EQ(setsid(), getpid());
		return 0;
	}
	CHECK_EXIT(pid, 0);
	return pid;
}

TEST(tiocsctty)
{
	struct pty pty = pty_new(), other = pty_new();

	AS_LEADER
	{
		pid_t member = FORK();
		if (member == 0) {
			CHECK_ERRNO(ioctl(pty.slave, TIOCSCTTY, 0), EPERM); /* no leader */
			CHECK_ERRNO(ioctl(pty.slave, TIOCSCTTY, 1), EPERM);
			_exit(0);
		}
		CHECK_EXIT(member, 0);
		CHECK(!has_terminal());
		CHECK_EQ(ioctl(pty.slave, TIOCSCTTY, 0), 0);
		CHECK(has_terminal());
		CHECK_EQ(tcgetpgrp(pty.slave), getpid());
		CHECK_EQ(tcgetsid(pty.slave), getpid());
		CHECK_EQ(ioctl(pty.slave, TIOCSCTTY, 0), 0);	      /* again is no error */
		CHECK_ERRNO(ioctl(other.slave, TIOCSCTTY, 0), EPERM); /* it has one */
		CHECK_ERRNO(ioctl(other.slave, TIOCSCTTY, 1), EPERM);
		AS_LEADER
		{
			CHECK_ERRNO(ioctl(pty.slave, TIOCSCTTY, 0), EPERM); /* another's */
			CHECK(!has_terminal());
		}
	}
	pty_free(pty);
	pty_free(other);
}

TEST(stealing_a_terminal)
{
	struct pty pty;

	IN_SESSION(pty)
	{
		struct gate stolen = gate_new(), checked = gate_new();
		pid_t thief = FORK();
		if (thief == 0) {
			CHECK_EQ(setsid(), getpid());
			if (!is_machines_superuser()) {
				CHECK_ERRNO(ioctl(pty.slave, TIOCSCTTY, 1), EPERM);
			} else {
				CHECK_EQ(ioctl(pty.slave, TIOCSCTTY, 1), 0);
				CHECK_EQ(tcgetpgrp(pty.slave), getpid());
			}
			gate_open(stolen, 1);
			gate_pass(checked);
			_exit(0);
		}
		gate_pass(stolen);
		CHECK_EQ(has_terminal(), !is_machines_superuser());
		if (is_machines_superuser())
			CHECK_ERRNO(tcgetpgrp(pty.slave), ENOTTY);
		gate_open(checked, 1);
		CHECK_EXIT(thief, 0);
	}
}

TEST(opening_gives_a_leader_a_terminal)
{
	struct pty pty = pty_new(), other = pty_new();

	AS_LEADER
	{
		int fd = open(pty.name, O_RDWR | O_NOCTTY);
		CHECK(fd >= 0 && !has_terminal());
		fd = open(pty.name, O_WRONLY); /* who may only write gets none */
		CHECK(fd >= 0 && !has_terminal());
		CHECK(posix_openpt(O_RDWR) >= 0 && !has_terminal()); /* a master is no terminal */
		fd = ioctl(other.master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
		CHECK(fd >= 0 && !has_terminal());
		fd = open(pty.name, O_RDWR);
		CHECK(fd >= 0 && has_terminal());
		CHECK_EQ(tcgetsid(fd), getpid());
		CHECK(open(other.name, O_RDWR) >= 0); /* the first is kept */
		CHECK_EQ(tcgetsid(fd), getpid());
		CHECK_ERRNO(tcgetsid(other.slave), ENOTTY);
		AS_LEADER
		{
			CHECK(open(pty.name, O_RDWR) >= 0 && !has_terminal()); /* another's */
		}
	}
	AS_LEADER
	{
		pid_t member = FORK();
		if (member == 0) {
			CHECK(open(pty.name, O_RDWR) >= 0 && !has_terminal()); /* no leader */
			_exit(0);
		}
		CHECK_EXIT(member, 0);
		CHECK(!has_terminal());
	}
	pty_free(pty);
	pty_free(other);
}

TEST(dev_tty_is_the_controlling_terminal)
{
	struct pty pty;

	IN_SESSION(pty)
	{
		int fd = open("/dev/tty", O_RDWR);
		CHECK(fd >= 0);
		write_bytes(fd, "x", 1);
		CHECK_SCREEN(pty, "x");
		type(pty, "line\n");
		CHECK_READ(fd, "line\n");
		pid_t member = FORK(); /* it is inherited */
		if (member == 0) {
			CHECK(has_terminal());
			CHECK_EQ(setsid(), getpid());
			CHECK(!has_terminal()); /* but not by a session of its own */
			CHECK_READ(fd, "");	/* what is open stays open */
			_exit(0);
		}
		type(pty, "\x04");
		CHECK_EXIT(member, 0);
	}
}

TEST(the_terminal_in_proc_stat)
{
	struct pty pty;

	IN_SESSION(pty)
	{
		ignore(SIGHUP);
		char tty[32], pgrp[32];
		CHECK(stat_field(getpid(), 7, tty, sizeof(tty)));
		CHECK(stat_field(getpid(), 8, pgrp, sizeof(pgrp)));
		CHECK_EQ(atoi(tty), 136 << 8 | atoi(strrchr(pty.name, '/') + 1));
		CHECK_EQ(atoi(pgrp), getpid());
		CHECK_EQ(ioctl(pty.slave, TIOCNOTTY), 0);
		CHECK(stat_field(getpid(), 7, tty, sizeof(tty)));
		CHECK(stat_field(getpid(), 8, pgrp, sizeof(pgrp)));
		CHECK_EQ(atoi(tty), 0);
		CHECK_EQ(atoi(pgrp), -1);
	}
}

/* ---- losing it ------------------------------------------------------------------------------- */

TEST(tiocnotty)
{
	struct pty pty;

	CHECK(!has_terminal() || ioctl(open("/dev/tty", O_RDWR), TIOCNOTTY) == 0);
	IN_SESSION(pty)
	{
		CHECK_ERRNO(ioctl(pty.master, TIOCNOTTY), ENOTTY);
		pid_t member = FORK();
		if (member == 0) {
			CHECK_EQ(ioctl(pty.slave, TIOCNOTTY), 0);
			CHECK(!has_terminal());
			CHECK_ERRNO(ioctl(pty.slave, TIOCNOTTY), ENOTTY);
			CHECK_ERRNO(ioctl(pty.slave, TIOCSCTTY, 0), EPERM);
			_exit(0);
		}
		CHECK_EXIT(member, 0);
		CHECK(has_terminal()); /* a member gives up its own only */
	}
}

TEST(tiocnotty_of_the_leader)
{
	struct pty pty;

	IN_SESSION(pty)
	{
		struct gate ready = gate_new(), go = gate_new();
		pid_t pid[2]; /* one in the foreground, one in the background */
		for (int i = 0; i < 2; i++) {
			pid[i] = FORK();
			if (pid[i] > 0) {
				gate_pass(ready);
				continue;
			}
			block(SIGHUP);
			block(SIGCONT);
			CHECK_EQ(setpgid(0, 0), 0);
			CHECK(has_terminal());
			gate_open(ready, 1);
			gate_pass(go);
			CHECK(!has_terminal());
			check_pending(SIGHUP, i == 0);
			check_pending(SIGCONT, i == 0);
			_exit(0);
		}
		CHECK_EQ(tcsetpgrp(pty.slave, pid[0]), 0);
		CHECK_EQ(ioctl(pty.slave, TIOCNOTTY), 0);
		CHECK(!has_terminal());
		gate_open(go, 2);
		CHECK_EXIT(pid[0], 0);
		CHECK_EXIT(pid[1], 0);
		CHECK_EQ(tcgetpgrp(pty.master), 0);
		CHECK_ERRNO(tcgetsid(pty.master), ENOTTY);
		CHECK_EQ(ioctl(pty.slave, TIOCSCTTY, 0), 0); /* it is free */
	}
}

TEST(the_leaders_death)
{
	struct pty pty = pty_new();
	struct gate ready = gate_new(), go = gate_new(), done = gate_new();
	pid_t leader = FORK();

	if (leader == 0) {
		lead_session_on(pty);
		for (int i = 0; i < 2; i++) {
			pid_t pid = FORK();
			if (pid > 0) {
				gate_pass(ready);
				if (i == 0)
					CHECK_EQ(tcsetpgrp(pty.slave, pid), 0);
				continue;
			}
			block(SIGHUP);
			block(SIGCONT);
			CHECK_EQ(setpgid(0, 0), 0);
			gate_open(ready, 1);
			gate_pass(go);
			CHECK(!has_terminal());
			check_pending(SIGHUP, i == 0);
			check_pending(SIGCONT, false);
			/* a pty's line is not cut by this */
			write_bytes(pty.slave, "x", 1);
			gate_open(done, 1);
			_exit(0);
		}
		_exit(0);
	}
	CHECK_EXIT(leader, 0);
	AS_LEADER
	{
		CHECK_EQ(ioctl(pty.slave, TIOCSCTTY, 0), 0); /* free for another session */
		CHECK_EQ(tcgetpgrp(pty.slave), getpid());
	}
	gate_open(go, 2);
	gate_pass(done);
	gate_pass(done);
	CHECK_SCREEN(pty, "xx");
	pty_free(pty);
}

static void await_signal(int sig)
{
	sigset_t set;

	CHECK_EQ(sigemptyset(&set), 0);
	CHECK_EQ(sigaddset(&set, sig), 0);
	CHECK_EQ(sigwaitinfo(&set, NULL), sig);
}

/* The member in the foreground: it hears of the line's end by the leader's. */
static void foreground_member(struct gate ready, struct gate go)
{
	CHECK_EQ(setpgid(0, 0), 0);
	gate_open(ready, 1);
	gate_pass(go);
	CHECK(!has_terminal());
	check_pending(SIGHUP, false);
	gate_open(ready, 1);
	await_signal(SIGHUP);
	await_signal(SIGCONT);
	_exit(0);
}

/* The line is cut: the leader is told at once, and the foreground group when the leader ends. */
TEST(the_masters_end)
{
	struct pty pty = pty_new();
	struct gate ready = gate_new(), go = gate_new(), set_up = gate_new(), end = gate_new();
	pid_t leader = FORK();

	if (leader == 0) {
		CHECK_EQ(close(end.out), 0);
		block(SIGHUP);
		block(SIGCONT);
		lead_session_on(pty);
		CHECK_EQ(close(pty.master), 0);
		pid_t member = FORK();
		if (member == 0)
			foreground_member(ready, go);
		gate_pass(ready);
		CHECK_EQ(tcsetpgrp(pty.slave, member), 0);
		gate_open(set_up, 1);
		await_signal(SIGHUP);
		await_signal(SIGCONT);
		CHECK(!has_terminal());
		CHECK_READ(pty.slave, "");
		CHECK_ERRNO(write(pty.slave, "x", 1), EIO);
		gate_open(go, 1);
		gate_pass(ready);
		_exit(0);
	}
	gate_pass(set_up);
	CHECK_EQ(close(pty.slave), 0);
	CHECK_EQ(close(pty.master), 0);
	CHECK_EQ(close(end.in), 0);
	CHECK_EXIT(leader, 0);
	CHECK_EQ(read(end.out, (char[1]){ 0 }, 1), 0); /* the member has ended, too */
}

/* A terminal nobody has open is still the session's. */
TEST(the_last_close_keeps_the_terminal)
{
	struct pty pty = pty_new();

	CHECK_EQ(close(pty.slave), 0);
	AS_LEADER
	{
		int fd = open(pty.name, O_RDWR);
		CHECK(fd >= 0 && has_terminal());
		CHECK_EQ(close(fd), 0);
		CHECK(has_terminal());
		CHECK_EQ(tcgetsid(pty.master), getpid());
	}
	CHECK_EQ(close(pty.master), 0);
}

/* ---- groups in front ------------------------------------------------------------------------- */

TEST(tcsetpgrp_and_tcgetpgrp)
{
	struct pty pty, stranger = pty_new();

	IN_SESSION(pty)
	{
		struct gate gate = gate_new();
		pid_t own = getpid(), word;
		pid_t foreigner = FORK();
		if (foreigner == 0) {
			CHECK_EQ(setsid(), getpid());
			gate_open(gate, 1);
			block_forever();
		}
		gate_pass(gate);
		CHECK_EQ(tcgetpgrp(pty.slave), own);
		CHECK_EQ(tcgetpgrp(pty.master), own); /* the master need not be one's own */
		CHECK_EQ(tcgetsid(pty.master), own);
		CHECK_EQ(tcgetpgrp(stranger.master), 0);
		CHECK_ERRNO(tcgetpgrp(stranger.slave), ENOTTY);
		CHECK_ERRNO(tcgetsid(stranger.slave), ENOTTY);
		CHECK_ERRNO(tcgetsid(stranger.master), ENOTTY);
		CHECK_ERRNO(tcsetpgrp(stranger.slave, own), ENOTTY);
		CHECK_ERRNO(tcsetpgrp(gate.out, own), ENOTTY);
		CHECK_ERRNO(tcsetpgrp(-1, own), EBADF);
		CHECK_ERRNO(tcsetpgrp(pty.slave, -1), EINVAL);
		CHECK_ERRNO(tcsetpgrp(pty.slave, NO_PROCESS), ESRCH);
		CHECK_ERRNO(tcsetpgrp(pty.slave, foreigner), EPERM);
		CHECK_ERRNO(ioctl(pty.slave, TIOCSPGRP, BAD_POINTER), EFAULT);
		CHECK_ERRNO(ioctl(pty.slave, TIOCGPGRP, BAD_POINTER), EFAULT);
		CHECK_ERRNO(ioctl(pty.slave, TIOCGSID, BAD_POINTER), EFAULT);
		CHECK_EQ(tcgetpgrp(pty.slave), own);
		CHECK_EQ(tcsetpgrp(pty.master, own), 0); /* the same terminal */
		CHECK_EQ(ioctl(pty.master, TIOCGSID, &word), 0);
		CHECK_EQ(word, own);
		CHECK_EQ(kill(foreigner, SIGKILL), 0);
		CHECK_SIGNAL(foreigner, SIGKILL);
	}
	pty_free(stranger);
}

/* The foreground group may be empty: then nobody is in the foreground. */
TEST(a_foreground_group_that_ends)
{
	struct pty pty;

	IN_SESSION(pty)
	{
		ignore(SIGTTOU);
		pid_t child = FORK();
		if (child == 0) {
			CHECK_EQ(setpgid(0, 0), 0);
			CHECK_EQ(tcsetpgrp(pty.slave, getpid()), 0);
			_exit(0);
		}
		CHECK_EXIT(child, 0);
		CHECK_EQ(tcgetpgrp(pty.slave), child);
		CHECK_ERRNO(kill(-child, 0), ESRCH);
		type(pty, "\x03");
		CHECK_ERRNO(tcsetpgrp(pty.slave, child), ESRCH);
		CHECK_EQ(tcsetpgrp(pty.slave, getpid()), 0);
	}
}

/* ---- the background -------------------------------------------------------------------------- */

/* Starts a background job; it waits until its gate opens. In the child: true. */
static bool background(struct pty pty, struct gate go, pid_t *pid)
{
	*pid = FORK();
	if (*pid == 0) {
		gate_pass(go);
		return true;
	}
	CHECK_EQ(setpgid(*pid, *pid), 0);
	CHECK_EQ(tcgetpgrp(pty.slave), getpid());
	gate_open(go, 1);
	return false;
}

static void check_stops(pid_t pid, int sig)
{
	int status;

	CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
	if (!WIFSTOPPED(status) || WSTOPSIG(status) != sig)
		FAIL("the job's wait status is 0x%04x, not stopped by %d", status, sig);
}

/* A stopped job comes to the foreground. */
static void bring_to_front(struct pty pty, pid_t pid)
{
	CHECK_EQ(tcsetpgrp(pty.slave, pid), 0);
	CHECK_EQ(kill(-pid, SIGCONT), 0);
}

static void take_back(struct pty pty)
{
	ignore(SIGTTOU);
	CHECK_EQ(tcsetpgrp(pty.slave, getpid()), 0);
	CHECK(signal(SIGTTOU, SIG_DFL) != SIG_ERR);
}

TEST(a_background_read_stops)
{
	struct pty pty;

	IN_SESSION(pty)
	{
		pid_t pid;
		if (background(pty, gate_new(), &pid)) {
			CHECK_READ(pty.slave, "hello\n"); /* as if it had never stopped */
			_exit(0);
		}
		check_stops(pid, SIGTTIN);
		CHECK_EQ(kill(-pid, SIGCONT), 0); /* not in the foreground: again */
		check_stops(pid, SIGTTIN);
		type(pty, "hello\n");
		bring_to_front(pty, pid);
		CHECK_EXIT(pid, 0);
		take_back(pty);
	}
}

TEST(the_whole_job_stops)
{
	struct pty pty;

	IN_SESSION(pty)
	{
		struct gate go = gate_new(), ready = gate_new();
		pid_t pid, second;
		if (background(pty, go, &pid)) {
			gate_pass(go);
			CHECK_READ(pty.slave, "x\n");
			_exit(0);
		}
		second = FORK();
		if (second == 0) {
			CHECK_EQ(setpgid(0, pid), 0);
			gate_open(ready, 1);
			block_forever();
		}
		gate_pass(ready);
		gate_open(go, 1);
		check_stops(pid, SIGTTIN);
		check_stops(second, SIGTTIN);
		CHECK_EQ(kill(-pid, SIGKILL), 0);
		CHECK_SIGNAL(pid, SIGKILL);
		CHECK_SIGNAL(second, SIGKILL);
	}
}

static void on_signal(int sig)
{
	(void)sig;
}

TEST(a_background_read_without_the_signal_is_eio)
{
	struct pty pty;

	IN_SESSION(pty)
	{
		for (int how = 0; how < 2; how++) {
			pid_t pid;
			if (background(pty, gate_new(), &pid)) {
				if (how)
					block(SIGTTIN);
				else
					ignore(SIGTTIN);
				CHECK_ERRNO(read(pty.slave, (char[1]){ 0 }, 1), EIO);
				check_pending(SIGTTIN, false);
				_exit(0);
			}
			CHECK_EXIT(pid, 0);
		}
	}
}

TEST(a_background_read_with_a_handler)
{
	struct pty pty;

	IN_SESSION(pty)
	{
		pid_t pid;
		if (background(pty, gate_new(), &pid)) {
			struct sigaction action = { .sa_handler = on_signal };
			CHECK_EQ(sigaction(SIGTTIN, &action, NULL), 0);
			CHECK_ERRNO(read(pty.slave, (char[1]){ 0 }, 1), EINTR);
			_exit(0);
		}
		CHECK_EXIT(pid, 0);
	}
}

/* Nobody could continue an orphaned group: its reads fail instead of stopping it. */
TEST(an_orphaned_group_is_not_stopped)
{
	struct pty pty;

	IN_SESSION(pty)
	{
		struct termios modes = modes_of(pty.slave);
		pid_t own = getpid();
		pid_t pid = FORK();
		if (pid == 0) {
			ignore(SIGTTOU);
			CHECK_EQ(setpgid(0, 0), 0);
			CHECK_EQ(tcsetpgrp(pty.slave, getpid()), 0);
			_exit(0);
		}
		CHECK_EXIT(pid, 0);
		/* the leader's parent is of another session, so its own group is orphaned */
		CHECK_ERRNO(read(pty.slave, (char[1]){ 0 }, 1), EIO);
		CHECK_ERRNO(tcsetattr(pty.slave, TCSANOW, &modes), EIO);
		CHECK_ERRNO(tcsetpgrp(pty.slave, own), ENOTTY);
		CHECK_ERRNO(tcflush(pty.slave, TCIFLUSH), EIO);
		CHECK_EQ(write(pty.slave, "x", 1), 1);
		ignore(SIGTTOU);
		modes.c_lflag |= TOSTOP;
		CHECK_EQ(tcsetattr(pty.slave, TCSANOW, &modes), 0);
		CHECK_EQ(write(pty.slave, "x", 1), 1);
		CHECK(signal(SIGTTOU, SIG_DFL) != SIG_ERR);
		CHECK_ERRNO(write(pty.slave, "x", 1), EIO);
	}
}

TEST(a_background_write_with_and_without_tostop)
{
	struct pty pty;

	IN_SESSION(pty)
	{
		pid_t pid;
		if (background(pty, gate_new(), &pid)) {
			CHECK_EQ(write(pty.slave, "a", 1), 1);
			_exit(0);
		}
		CHECK_EXIT(pid, 0);
		change_lflag(pty.slave, 0, TOSTOP);
		if (background(pty, gate_new(), &pid)) {
			CHECK_EQ(write(pty.slave, "b", 1), 1);
			_exit(0);
		}
		check_stops(pid, SIGTTOU);
		bring_to_front(pty, pid);
		CHECK_EXIT(pid, 0);
		take_back(pty);
		for (int how = 0; how < 2; how++) {
			if (background(pty, gate_new(), &pid)) {
				if (how)
					block(SIGTTOU);
				else
					ignore(SIGTTOU);
				CHECK_EQ(write(pty.slave, "c", 1), 1);
				check_pending(SIGTTOU, false);
				_exit(0);
			}
			CHECK_EXIT(pid, 0);
		}
		CHECK_SCREEN(pty, "abcc");
	}
}

static struct termios wanted;

static int change_modes(int fd)
{
	return tcsetattr(fd, TCSANOW, &wanted);
}

static int drain_and_change_modes(int fd)
{
	return tcsetattr(fd, TCSADRAIN, &wanted);
}

static int flush_input(int fd)
{
	return tcflush(fd, TCIFLUSH);
}

static int start_output(int fd)
{
	return tcflow(fd, TCOON);
}

static int send_break(int fd)
{
	return tcsendbreak(fd, 0);
}

static int become_foreground(int fd)
{
	return tcsetpgrp(fd, getpgrp());
}

/* What changes the terminal is for the foreground. */
TEST(background_changes_stop)
{
	static const struct {
		const char *name;
		int (*call)(int fd);
	} calls[] = {
		{ "tcsetattr", change_modes },
		{ "tcsetattr, drained", drain_and_change_modes },
		{ "tcflush", flush_input },
		{ "tcflow", start_output },
		{ "tcdrain", tcdrain },
		{ "tcsendbreak", send_break },
		{ "tcsetpgrp", become_foreground },
	};
	struct pty pty;

	IN_SESSION(pty)
	{
		wanted = modes_of(pty.slave);
		for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
			pid_t pid;
			CONTEXT("%s", calls[i].name);
			for (int how = 0; how < 2; how++) { /* ignored, blocked: it is done */
				if (background(pty, gate_new(), &pid)) {
					if (how)
						block(SIGTTOU);
					else
						ignore(SIGTTOU);
					CHECK_EQ(calls[i].call(pty.slave), 0);
					check_pending(SIGTTOU, false);
					_exit(0);
				}
				CHECK_EXIT(pid, 0);
				take_back(pty);
			}
			if (background(pty, gate_new(), &pid)) {
				CHECK_EQ(calls[i].call(pty.slave), 0);
				_exit(0);
			}
			check_stops(pid, SIGTTOU);
			bring_to_front(pty, pid);
			CHECK_EXIT(pid, 0);
			take_back(pty);
		}
	}
}

/* What only asks is for everybody, and so is the window's size. */
TEST(background_questions_do_not_stop)
{
	struct pty pty;

	IN_SESSION(pty)
	{
		pid_t pid, leader = getpid();
		if (background(pty, gate_new(), &pid)) {
			struct winsize size = { 0 };
			modes_of(pty.slave);
			CHECK_EQ(tcgetpgrp(pty.slave), leader);
			CHECK_EQ(tcgetsid(pty.slave), leader);
			CHECK_EQ(readable_bytes(pty.slave), 0);
			CHECK_EQ(ioctl(pty.slave, TIOCGWINSZ, &size), 0);
			CHECK_EQ(ioctl(pty.slave, TIOCSWINSZ, &size), 0);
			CHECK_EQ(events_of(pty.slave), POLLOUT);
			_exit(0);
		}
		CHECK_EXIT(pid, 0);
	}
}

/* The rules are those of one's own terminal: another one has no background. */
TEST(a_foreign_terminal_has_no_background)
{
	struct pty pty, other = pty_new();

	IN_SESSION(pty)
	{
		pid_t pid;
		if (background(pty, gate_new(), &pid)) {
			struct termios modes = modes_of(other.slave);
			CHECK_EQ(tcsetattr(other.slave, TCSANOW, &modes), 0);
			type(other, "x\n");
			CHECK_READ(other.slave, "x\n");
			_exit(0);
		}
		CHECK_EXIT(pid, 0);
	}
	pty_free(other);
}

/* ^Z, bg, fg as a shell does it. */
TEST(a_job_stopped_continued_and_ended)
{
	struct pty pty;

	IN_SESSION(pty)
	{
		struct gate ready = gate_new();
		int status;
		pid_t pid = FORK();
		if (pid == 0) {
			CHECK_EQ(setpgid(0, 0), 0);
			CHECK_EQ(tcsetpgrp(pty.slave, getpid()), 0);
			_exit(99); /* after it was brought to the foreground */
		}
		check_stops(pid, SIGTTOU);
		CHECK_EQ(tcsetpgrp(pty.slave, pid), 0);
		CHECK_EQ(kill(-pid, SIGCONT), 0);
		CHECK_EXIT(pid, 99);
		pid = FORK();
		if (pid == 0) {
			block(SIGTTOU);
			CHECK_EQ(setpgid(0, 0), 0);
			CHECK_EQ(tcsetpgrp(pty.slave, getpid()), 0);
			gate_open(ready, 1);
			block_forever();
		}
		gate_pass(ready);
		type(pty, "\x1a");
		check_stops(pid, SIGTSTP);
		take_back(pty);
		CHECK_EQ(kill(-pid, SIGCONT), 0); /* bg */
		CHECK_EQ(waitpid(pid, &status, WCONTINUED), pid);
		CHECK(WIFCONTINUED(status));
		block(SIGINT);
		type(pty, "\x03"); /* not for it, but for this process, which is in front */
		await_signal(SIGINT);
		CHECK_EQ(tcsetpgrp(pty.slave, pid), 0); /* fg */
		type(pty, "\x1c");
		CHECK_SIGNAL(pid, SIGQUIT);
		take_back(pty);
	}
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
