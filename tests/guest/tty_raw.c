/*
 * Non-canonical mode: the four cases of VMIN and VTIME, reads that do not wait, and what becomes of
 * pending input when the mode changes. Times are only ever "at least". Sources: POSIX.1-2017,
 * 11.1.7; termios(3), "Canonical and noncanonical mode".
 */
#include "tty.h"

/* A raw pty with VMIN and VTIME. */
static struct pty raw_pty(int min, int time)
{
	struct pty pty = pty_new();

	make_raw(pty.slave, min, time);
	return pty;
}

static int64_t now_ms(void)
{
	return clock_ns(CLOCK_MONOTONIC) / 1000000;
}

TEST(every_byte_passes_unchanged)
{
	struct pty pty = raw_pty(1, 0);
	unsigned char all[256], got[256];

	for (int i = 0; i < 256; i++)
		all[i] = (unsigned char)i;
	write_bytes(pty.master, all, 256);
	read_bytes(pty.slave, got, 256);
	CHECK(!memcmp(all, got, 256));
	write_bytes(pty.slave, all, 256);
	read_bytes(pty.master, got, 256);
	CHECK(!memcmp(all, got, 256));
	CHECK(!(events_of(pty.master) & POLLIN)); /* no echo */
	pty_free(pty);
}

TEST(neither_min_nor_time)
{
	struct pty pty = raw_pty(0, 0);

	CHECK_READ(pty.slave, "");
	type(pty, "abc");
	await_input(pty.slave, 3);
	CHECK_READ_N(pty.slave, 2, "ab", 2);
	CHECK_READ(pty.slave, "c");
	CHECK_READ(pty.slave, "");
	CHECK_EQ(fcntl(pty.slave, F_SETFL, O_RDWR | O_NONBLOCK), 0);
	CHECK_READ(pty.slave, "");
	pty_free(pty);
}

/* A child that reads once and expects this. */
static pid_t reader(struct pty pty, size_t size, const char *expected)
{
	pid_t pid = FORK();

	if (pid == 0) {
		CHECK_READ_N(pty.slave, size, expected, strlen(expected));
		_exit(0);
	}
	return pid;
}

TEST(min_without_time_waits_for_so_many_bytes)
{
	struct pty pty = raw_pty(5, 0);
	pid_t pid;

	change_lflag(pty.slave, 0, ECHO); /* what is echoed has arrived */
	pid = reader(pty, 100, "abcde");
	await_state(pid, 'S');
	type(pty, "abc");
	read_bytes(pty.master, (char[3]){ 0 }, 3);
	CHECK(!(events_of(pty.slave) & POLLIN));
	type(pty, "de");
	CHECK_EXIT(pid, 0);
	/* fewer if no more are asked for */
	pid = reader(pty, 2, "fg");
	await_state(pid, 'S');
	type(pty, "fgh");
	CHECK_EXIT(pid, 0);
	await_input(pty.slave, 1);
	CHECK(!(events_of(pty.slave) & POLLIN)); /* poll(2) counts to VMIN, too */
	type(pty, "ijkl");
	CHECK(await_events(pty.slave, POLLIN) & POLLIN);
	CHECK_READ(pty.slave, "hijkl");
	pty_free(pty);
}

/* More than the minimum is given as far as it is there. */
TEST(min_is_no_maximum)
{
	struct pty pty = raw_pty(2, 0);

	type(pty, "abcdef");
	await_input(pty.slave, 6);
	CHECK_READ(pty.slave, "abcdef");
	pty_free(pty);
}

TEST(time_without_min_waits_so_long)
{
	struct pty pty = raw_pty(0, 2);
	int64_t start = now_ms();

	CHECK_READ(pty.slave, "");
	CHECK(now_ms() - start >= 180);
	type(pty, "ab");
	await_input(pty.slave, 2);
	CHECK_READ(pty.slave, "ab");
	CHECK_EQ(fcntl(pty.slave, F_SETFL, O_RDWR | O_NONBLOCK), 0);
	CHECK_ERRNO(read(pty.slave, (char[1]){ 0 }, 1), EAGAIN);
	pty_free(pty);
}

TEST(time_without_min_ends_with_the_first_byte)
{
	struct pty pty = raw_pty(0, 255);
	pid_t pid = reader(pty, 100, "x");

	await_state(pid, 'S');
	type(pty, "x");
	CHECK_EXIT(pid, 0);
	pty_free(pty);
}

/* The clock runs from byte to byte: it does not before the first, and ends the read after one. */
TEST(min_and_time)
{
	struct pty pty = raw_pty(3, 1);
	pid_t pid = reader(pty, 100, "a");
	int64_t start = now_ms();

	while (now_ms() - start < 300)
		pause_briefly();
	CHECK_EQ(process_state(pid), 'S');
	start = now_ms();
	type(pty, "a");
	CHECK_EXIT(pid, 0);
	CHECK(now_ms() - start >= 80);
	make_raw(pty.slave, 3, 255);
	pid = reader(pty, 100, "bcd");
	await_state(pid, 'S');
	type(pty, "bcd");
	CHECK_EXIT(pid, 0);
	/* with a time one byte is enough for poll(2) */
	type(pty, "e");
	CHECK(await_events(pty.slave, POLLIN) & POLLIN);
	CHECK_READ_N(pty.slave, 1, "e", 1);
	pty_free(pty);
}

TEST(nonblock_gives_what_there_is)
{
	struct pty pty = raw_pty(4, 0);
	char byte;

	CHECK_EQ(fcntl(pty.slave, F_SETFL, O_RDWR | O_NONBLOCK), 0);
	CHECK_ERRNO(read(pty.slave, &byte, 1), EAGAIN);
	type(pty, "ab");
	await_input(pty.slave, 2);
	CHECK_READ(pty.slave, "ab");
	CHECK_ERRNO(read(pty.slave, &byte, 1), EAGAIN);
	CHECK_EQ(fcntl(pty.master, F_SETFL, O_RDWR | O_NONBLOCK), 0);
	CHECK_ERRNO(read(pty.master, &byte, 1), EAGAIN);
	pty_free(pty);
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* A signal ends the wait: EINTR, or what has been read by then. */
TEST(a_signal_ends_the_wait)
{
	struct sigaction action = { .sa_handler = on_alarm };
	struct pty pty = raw_pty(4, 0);

	change_lflag(pty.slave, 0, ECHO);
	CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
	pid_t pid = FORK();
	if (pid == 0) {
		CHECK_ERRNO(read(pty.slave, (char[8]){ 0 }, 8), EINTR);
		type(pty, "!");
		CHECK_READ(pty.slave, "!ab");
		_exit(0);
	}
	await_state(pid, 'S');
	CHECK_EQ(kill(pid, SIGUSR1), 0);
	read_bytes(pty.master, (char[1]){ 0 }, 1);
	type(pty, "ab");
	read_bytes(pty.master, (char[2]){ 0 }, 2);
	while (readable_bytes(pty.slave))
		pause_briefly();
	await_state(pid, 'S');
	CHECK_EQ(kill(pid, SIGUSR1), 0);
	CHECK_EXIT(pid, 0);
	pty_free(pty);
}

/* ---- changes of mode ------------------------------------------------------------------------- */

TEST(lines_become_bytes)
{
	struct pty pty = pty_new();

	type(pty, "one\ntwo\x04"
		  "thr");
	await_input(pty.slave, 7);
	read_bytes(pty.master, (char[11]){ 0 }, 11); /* the echo of all */
	make_raw(pty.slave, 1, 0);
	CHECK_EQ(readable_bytes(pty.slave), 11);
	CHECK_READ_N(pty.slave, 100, "one\ntwo\0thr", 11);
	pty_free(pty);
}

/* Bytes read before the change are a line of their own. */
TEST(bytes_become_a_line)
{
	struct pty pty = raw_pty(1, 0);

	type(pty, "a\x7f\x04"
		  "bc");
	await_input(pty.slave, 5);
	change_lflag(pty.slave, 0, ICANON);
	type(pty, "d\n");
	await_input(pty.slave, 7);
	CHECK_READ_N(pty.slave, 2, "a\x7f", 2);
	CHECK_READ(pty.slave, "\x04"
			      "bc");
	CHECK_READ(pty.slave, "d\n");
	pty_free(pty);
}

TEST(a_change_to_raw_ends_a_wait_for_a_line)
{
	struct pty pty = pty_new();
	pid_t pid = reader(pty, 100, "abc");

	type(pty, "abc");
	read_bytes(pty.master, (char[3]){ 0 }, 3);
	await_state(pid, 'S');
	change_lflag(pty.slave, ICANON, 0);
	CHECK_EXIT(pid, 0);
	pty_free(pty);
}

/* TCSAFLUSH forgets input that nobody has read, TCSANOW and TCSADRAIN do not. */
TEST(a_change_with_a_flush)
{
	struct pty pty = pty_new();
	struct termios modes = modes_of(pty.slave);

	type(pty, "one\ntwo");
	await_input(pty.slave, 4);
	CHECK_EQ(tcsetattr(pty.slave, TCSANOW, &modes), 0);
	CHECK_EQ(tcsetattr(pty.slave, TCSADRAIN, &modes), 0);
	CHECK_EQ(readable_bytes(pty.slave), 4);
	read_bytes(pty.master, (char[8]){ 0 }, 8);
	CHECK_EQ(tcsetattr(pty.slave, TCSAFLUSH, &modes), 0);
	CHECK_EQ(readable_bytes(pty.slave), 0);
	type(pty, "three\n");
	CHECK_READ(pty.slave, "three\n");
	pty_free(pty);
}

/* Echo without editing. A newline that was typed as one is a control character here. */
TEST(raw_echo)
{
	struct pty pty = pty_new();

	change_lflag(pty.slave, ICANON, 0);
	type(pty, "a\x7f\x15\x04\n\r.");
	char got[8];
	read_bytes(pty.slave, got, 7);
	CHECK_BYTES(got, 7, "a\x7f\x15\x04\n\n.", 7);
	CHECK_SCREEN(pty, "a^?^U^D^J\r\n.");
	pty_free(pty);
}

TEST(much_raw_data_both_ways)
{
	enum { SIZE = 300000 };
	struct pty pty = raw_pty(1, 0);
	pid_t echoer = FORK();

	if (echoer == 0) {
		char buffer[1000];
		for (int left = SIZE; left;) {
			ssize_t n = read(pty.slave, buffer, sizeof(buffer));
			CHECK(n > 0);
			write_bytes(pty.slave, buffer, (size_t)n);
			left -= (int)n;
		}
		_exit(0);
	}
	pid_t writer = FORK();
	if (writer == 0) {
		for (int i = 0; i < SIZE; i += 100) {
			char block[100];
			for (int b = 0; b < 100; b++)
				block[b] = (char)((i + b) * 7 + (i >> 8));
			write_bytes(pty.master, block, 100);
		}
		_exit(0);
	}
	for (int i = 0; i < SIZE; i += 100) {
		char block[100];
		read_bytes(pty.master, block, 100);
		for (int b = 0; b < 100; b++)
			CHECK_EQ(block[b], (char)((i + b) * 7 + (i >> 8)));
	}
	CHECK_EXIT(writer, 0);
	CHECK_EXIT(echoer, 0);
	pty_free(pty);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
