/*
 * Storms on terminals: sessions whose line is cut while they read and write, names opened while
 * they vanish, many writers and readers on one terminal. Nobody is left waiting, and every byte
 * arrives once. Sources: pty(7), termios(3), POSIX.1-2017 11.1.
 */
#include "tty.h"

enum { WORKERS = 6, ROUNDS = 20 };

static void in_parallel(void (*work)(int worker))
{
	pid_t pid[WORKERS];

	for (int i = 0; i < WORKERS; i++) {
		pid[i] = FORK();
		if (pid[i] == 0) {
			work(i);
			_exit(0);
		}
	}
	for (int i = 0; i < WORKERS; i++)
		CHECK_EXIT(pid[i], 0);
}

static void let_run(int times)
{
	while (times-- > 0)
		sched_yield();
}

/* Reads until the line ends; its death by the hangup's signals is as good. */
static void read_to_the_end(int fd)
{
	char buffer[64];

	CHECK_EQ(setpgid(0, 0), 0);
	while (read(fd, buffer, sizeof(buffer)) > 0)
		continue;
	_exit(0);
}

/* Leads a session with two readers, one of them in the foreground, until the line is cut. */
static void session(struct pty pty, struct gate ready)
{
	CHECK(signal(SIGTTIN, SIG_IGN) != SIG_ERR); /* the other one sees EIO */
	lead_session_on(pty);
	CHECK_EQ(close(pty.master), 0);
	for (int i = 0; i < 2; i++) {
		pid_t reader = FORK();
		if (reader == 0)
			read_to_the_end(pty.slave);
		/* shells do it on both sides, too */
		if (setpgid(reader, reader) == 0 && i == 0)
			tcsetpgrp(pty.slave, reader);
	}
	gate_open(ready, 1);
	for (;;)
		pause();
}

static void cut_lines(int worker)
{
	for (int round = 0; round < ROUNDS; round++) {
		struct gate ready = gate_new(), alive = gate_new();
		struct pty pty = pty_new();
		pid_t leader = FORK();
		if (leader == 0) {
			CHECK_EQ(close(alive.out), 0);
			session(pty, ready);
		}
		gate_pass(ready);
		type(pty, "some\nlines\nto read\n");
		let_run(round + worker);
		CHECK_EQ(close(pty.master), 0);
		CHECK_SIGNAL(leader, SIGHUP);
		/* the pipe ends with the last of the readers */
		CHECK_EQ(close(alive.in), 0);
		CHECK_EQ(read(alive.out, (char[1]){ 0 }, 1), 0);
		CHECK_EQ(close(alive.out), 0);
		CHECK_EQ(close(pty.slave), 0);
		gate_free(ready);
	}
}

TEST(lines_cut_under_their_sessions)
{
	in_parallel(cut_lines);
}

/* Opens the slave by its name as long as there is one. */
static void open_until_gone(const char *name)
{
	for (;;) {
		int fd = open(name, O_RDWR | O_NOCTTY);
		if (fd < 0) {
			CHECK(errno == EIO || errno == ENOENT);
			if (errno == ENOENT)
				_exit(0);
			continue;
		}
		if (write(fd, "x", 1) < 0)
			CHECK_EQ(errno, EIO);
		CHECK_EQ(close(fd), 0);
	}
}

static void vanishing_names(int worker)
{
	char buffer[256];

	for (int round = 0; round < ROUNDS; round++) {
		struct pty pty = pty_new();
		pid_t pid[2];
		for (int i = 0; i < 2; i++) {
			pid[i] = FORK();
			if (pid[i] == 0) {
				CHECK_EQ(close(pty.master), 0);
				CHECK_EQ(close(pty.slave), 0);
				open_until_gone(pty.name);
			}
		}
		CHECK_EQ(close(pty.slave), 0);
		for (int i = 0; i < round + worker; i++) {
			ssize_t n = read(pty.master, buffer, sizeof(buffer));
			CHECK(n > 0 || errno == EIO); /* nobody has it open just now */
		}
		CHECK_EQ(fcntl(pty.master, F_SETFL, O_RDWR | O_NONBLOCK), 0);
		/* another pair takes the number at once: the name must not outlive this one */
		CHECK_EQ(close(pty.master), 0);
		for (int i = 0; i < 2; i++) {
			CHECK_EQ(kill(pid[i], SIGKILL), 0);
			CHECK_EQ(waitpid(pid[i], NULL, 0), pid[i]);
		}
	}
}

TEST(names_opened_while_they_vanish)
{
	in_parallel(vanishing_names);
}

/* Bytes of several writers, and several readers of lines, on one terminal. */
TEST(many_writers_and_readers)
{
	enum { EACH = 150, LINE = 8 };
	struct pty pty = pty_new();
	struct gate seen = gate_new();
	int count[WORKERS] = { 0 };
	pid_t writer[WORKERS], reader[WORKERS];

	change_lflag(pty.slave, ECHO, 0);
	for (int i = 0; i < WORKERS; i++) {
		reader[i] = FORK();
		if (reader[i] == 0) {
			char line[LINE];
			for (ssize_t n; (n = read(pty.slave, line, LINE)) > 0;) {
				CHECK_EQ(n, LINE); /* a whole line and not two halves */
				CHECK_EQ(line[LINE - 1], '\n');
				CHECK_EQ(write(seen.in, line, 1), 1);
			}
			_exit(0);
		}
		writer[i] = FORK();
		if (writer[i] == 0) {
			char line[LINE + 1];
			for (int n = 0; n < EACH; n++) {
				sprintf(line, "%c%06d\n", 'a' + i, n);
				CHECK_EQ(write(pty.master, line, LINE), LINE);
			}
			_exit(0);
		}
	}
	for (int n = 0; n < WORKERS * EACH; n++) {
		char who;
		CHECK_EQ(read(seen.out, &who, 1), 1);
		CHECK(who >= 'a' && who < 'a' + WORKERS);
		count[who - 'a']++;
	}
	for (int i = 0; i < WORKERS; i++) {
		CHECK_EQ(count[i], EACH);
		CHECK_EXIT(writer[i], 0);
		type(pty, "\x04");
	}
	for (int i = 0; i < WORKERS; i++)
		CHECK_EXIT(reader[i], 0);
	pty_free(pty);
}

/* What one write says is not mixed with what others say, however long and however slow. */
TEST(writes_do_not_mix)
{
	enum { BLOCK = 3000, EACH = 10 };
	static char text[BLOCK + 1], got[BLOCK];
	struct pty pty = pty_new();
	pid_t writer[WORKERS];

	make_raw(pty.slave, 1, 0);
	for (int side = 0; side < 2; side++) {
		int from = side ? pty.slave : pty.master, to = side ? pty.master : pty.slave;
		for (int i = 0; i < WORKERS; i++) {
			writer[i] = FORK();
			if (writer[i] == 0) {
				memset(text, 'a' + i, BLOCK);
				for (int n = 0; n < EACH; n++)
					CHECK_EQ(write(from, text, BLOCK), BLOCK);
				_exit(0);
			}
		}
		for (int n = 0; n < WORKERS * EACH; n++) {
			read_bytes(to, got, BLOCK);
			for (int i = 1; i < BLOCK; i++)
				CHECK_EQ(got[i], got[0]);
		}
		for (int i = 0; i < WORKERS; i++)
			CHECK_EXIT(writer[i], 0);
	}
	pty_free(pty);
}

/* A writer that waits for its turn hears signals. */
TEST(a_writer_behind_a_stopped_one_can_be_killed)
{
	static char text[20000];
	struct pty pty = pty_new();
	pid_t writer[3];

	for (int i = 0; i < 3; i++) {
		writer[i] = FORK();
		if (writer[i] == 0) {
			write_bytes(pty.slave, text, sizeof(text));
			_exit(1);
		}
		await_state(writer[i], 'S');
	}
	for (int i = 2; i >= 0; i--) {
		CHECK_EQ(kill(writer[i], SIGTERM), 0);
		CHECK_SIGNAL(writer[i], SIGTERM);
	}
	pty_free(pty);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
