/*
 * Pseudo-terminals as pairs: making and naming them, what each side sees of the other's end, queues
 * and their flushing, packet mode. Sources: pty(7), pts(4), ioctl_tty(2), TIOCPKT(2const),
 * TIOCGPTPEER(2const); POSIX posix_openpt(), unlockpt(), tcflush().
 */
#include "tty.h"
#include <dirent.h>
#include <sys/stat.h>

static bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

/* ---- names and locks ------------------------------------------------------------------------- */

TEST(a_pair_has_a_name)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), number = -1, locked = 0;
	char name[32], expected[32];
	struct stat st;

	CHECK(master >= 0);
	CHECK_EQ(ioctl(master, TIOCGPTN, &number), 0);
	sprintf(expected, "/dev/pts/%d", number);
	CHECK_EQ(ptsname_r(master, name, sizeof(name)), 0);
	CHECK_STR(name, expected);
	CHECK_EQ(stat(name, &st), 0);
	CHECK(S_ISCHR(st.st_mode));
	CHECK_EQ(st.st_mode & 07777, 0620);
	CHECK_EQ(st.st_uid, geteuid());
	CHECK_EQ(st.st_rdev >> 8, 136);
	/* locked until unlockpt() */
	CHECK_EQ(ioctl(master, TIOCGPTLCK, &locked), 0);
	CHECK_EQ(locked, 1);
	CHECK_ERRNO(open(name, O_RDWR | O_NOCTTY), EIO);
	CHECK_EQ(grantpt(master), 0);
	CHECK_EQ(unlockpt(master), 0);
	CHECK_EQ(ioctl(master, TIOCGPTLCK, &locked), 0);
	CHECK_EQ(locked, 0);
	int slave = open(name, O_RDWR | O_NOCTTY);
	CHECK(slave >= 0);
	CHECK(isatty(slave) && isatty(master));
	locked = 1;
	CHECK_EQ(ioctl(master, TIOCSPTLCK, &locked), 0);
	CHECK_ERRNO(open(name, O_RDWR | O_NOCTTY), EIO);
	CHECK_EQ(close(master), 0);
	CHECK(!exists(name)); /* with the master, though the slave is still open */
	CHECK_ERRNO(open(name, O_RDWR | O_NOCTTY), ENOENT);
	CHECK_EQ(close(slave), 0);
}

TEST(the_master_alone_knows_the_pair)
{
	struct pty pty = pty_new();
	int word = 0;

	CHECK_ERRNO(ioctl(pty.slave, TIOCGPTN, &word), ENOTTY);
	CHECK_ERRNO(ioctl(pty.slave, TIOCSPTLCK, &word), ENOTTY);
	CHECK_ERRNO(ioctl(pty.slave, TIOCGPTLCK, &word), ENOTTY);
	CHECK_ERRNO(ioctl(pty.slave, TIOCPKT, &word), ENOTTY);
	CHECK_ERRNO(ioctl(pty.slave, TIOCGPTPEER, O_RDWR), EIO);
	CHECK_ERRNO(ioctl(pty.master, TIOCGPTN, BAD_POINTER), EFAULT);
	CHECK_ERRNO(ioctl(pty.master, TIOCSPTLCK, BAD_POINTER), EFAULT);
	CHECK_ERRNO(ioctl(pty.master, TIOCGPTLCK, BAD_POINTER), EFAULT);
	CHECK_ERRNO(ioctl(pty.master, TIOCPKT, BAD_POINTER), EFAULT);
	pty_free(pty);
}

TEST(the_peer_without_its_name)
{
	struct pty pty = pty_new();
	struct stat one, other;
	int fd = ioctl(pty.master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);

	CHECK(fd >= 0);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(fstat(fd, &one), 0);
	CHECK_EQ(fstat(pty.slave, &other), 0);
	CHECK_EQ(one.st_rdev, other.st_rdev);
	CHECK_EQ(one.st_ino, other.st_ino);
	write_bytes(fd, "x", 1);
	CHECK_SCREEN(pty, "x");
	CHECK_EQ(close(fd), 0);
	fd = ioctl(pty.master, TIOCGPTPEER, O_RDONLY | O_NOCTTY | O_NONBLOCK);
	CHECK_EQ(fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDONLY | O_NONBLOCK);
	CHECK_EQ(fcntl(fd, F_GETFD), 0);
	CHECK_EQ(close(fd), 0);
	pty_free(pty);
}

TEST(many_pairs)
{
	enum { COUNT = 120 };
	static struct pty ptys[COUNT];

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < COUNT; i++) {
			ptys[i] = pty_new();
			CHECK(exists(ptys[i].name));
			for (int other = 0; other < i; other++)
				CHECK(strcmp(ptys[i].name, ptys[other].name));
		}
		for (int i = 0; i < COUNT; i++) {
			char line[32];
			sprintf(line, "%d\n", i);
			type(ptys[i], line);
		}
		for (int i = COUNT - 1; i >= 0; i--) {
			char line[32];
			sprintf(line, "%d\n", i);
			CHECK_READ(ptys[i].slave, line);
			pty_free(ptys[i]);
			CHECK(!exists(ptys[i].name));
		}
	}
}

/* A number is free again when neither side is open any more. */
TEST(a_slave_keeps_its_number)
{
	struct pty pty = pty_new(), other;
	char name[32];

	strcpy(name, pty.name);
	CHECK_EQ(close(pty.master), 0);
	other = pty_new();
	CHECK(strcmp(other.name, name));
	pty_free(other);
	CHECK_EQ(close(pty.slave), 0);
}

TEST(the_directory_lists_them)
{
	struct pty pty = pty_new();
	struct dirent *entry;
	bool found = false;
	DIR *directory = opendir("/dev/pts");

	CHECK(directory != NULL);
	while ((entry = readdir(directory)))
		found |= !strcmp(entry->d_name, strrchr(pty.name, '/') + 1);
	CHECK(found);
	CHECK_EQ(closedir(directory), 0);
	CHECK_ERRNO(open("/dev/pts/new", O_RDWR | O_CREAT, 0644), EACCES);
	pty_free(pty);
}

/* Pairs made, used and dropped by many processes at once. */
TEST(pairs_by_the_dozen_at_once)
{
	pid_t pid[8];

	for (int p = 0; p < 8; p++) {
		pid[p] = FORK();
		if (pid[p] > 0)
			continue;
		for (int round = 0; round < 40; round++) {
			struct pty pty = pty_new();
			type(pty, "hello\n");
			CHECK_READ(pty.slave, "hello\n");
			CHECK_SCREEN(pty, "hello\r\n");
			CHECK_EQ(close(round % 2 ? pty.master : pty.slave), 0);
			CHECK_EQ(close(round % 2 ? pty.slave : pty.master), 0);
		}
		_exit(0);
	}
	for (int p = 0; p < 8; p++)
		CHECK_EXIT(pid[p], 0);
}

/* ---- the end of one side --------------------------------------------------------------------- */

TEST(the_master_sees_the_slave_close)
{
	struct pty pty = pty_new();
	char byte;

	CHECK_EQ(events_of(pty.master), POLLOUT);
	write_bytes(pty.slave, "last", 4);
	CHECK_EQ(close(pty.slave), 0);
	CHECK(await_events(pty.master, POLLIN) & POLLHUP);
	char got[4];
	read_bytes(pty.master, got, 4);
	CHECK_BYTES(got, 4, "last", 4);
	CHECK_ERRNO(read(pty.master, &byte, 1), EIO);
	CHECK_ERRNO(read(pty.master, &byte, 1), EIO);
	CHECK_EQ(events_of(pty.master), POLLHUP | POLLOUT);
	/* until somebody opens it again */
	pty.slave = open(pty.name, O_RDWR | O_NOCTTY);
	CHECK(pty.slave >= 0);
	CHECK_EQ(events_of(pty.master), POLLOUT);
	type(pty, "again\n");
	CHECK_READ(pty.slave, "again\n");
	CHECK_SCREEN(pty, "again\r\n");
	pty_free(pty);
}

TEST(a_waiting_master_sees_the_slave_close)
{
	struct pty pty = pty_new();
	pid_t pid = FORK();

	if (pid == 0) {
		char byte;
		CHECK_EQ(close(pty.slave), 0);
		CHECK_ERRNO(read(pty.master, &byte, 1), EIO);
		_exit(0);
	}
	await_state(pid, 'S');
	CHECK_EQ(close(pty.slave), 0);
	CHECK_EXIT(pid, 0);
	CHECK_EQ(close(pty.master), 0);
}

/* A slave that was never open is not one that was closed. */
TEST(before_the_slave_is_opened)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
	char byte;

	CHECK(master >= 0);
	CHECK_EQ(fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK), 0);
	CHECK_EQ(events_of(master), POLLOUT);
	CHECK_ERRNO(read(master, &byte, 1), EAGAIN);
	CHECK_EQ(write(master, "early\n", 6), 6); /* input waits for whoever will open it */
	CHECK_EQ(unlockpt(master), 0);
	int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	CHECK_READ(slave, "early\n");
	CHECK_EQ(close(slave), 0);
	CHECK_EQ(close(master), 0);
}

static void check_hung_up(int fd)
{
	char byte;
	struct stat st;
	struct termios modes;
	pid_t group = getpgrp();

	CHECK_EQ(read(fd, &byte, 1), 0);
	CHECK_ERRNO(write(fd, "x", 1), EIO);
	CHECK_ERRNO(ioctl(fd, TCGETS, &modes), EIO);
	CHECK_ERRNO(ioctl(fd, TIOCGWINSZ, &modes), EIO);
	CHECK_ERRNO(ioctl(fd, TIOCSPGRP, &group), ENOTTY);
	CHECK_EQ(events_of(fd) & (POLLIN | POLLOUT | POLLERR | POLLHUP),
		 POLLIN | POLLOUT | POLLERR | POLLHUP);
	CHECK_EQ(fstat(fd, &st), 0);
}

TEST(the_slave_sees_the_master_close)
{
	struct pty pty = pty_new();

	type(pty, "unread\n");
	await_input(pty.slave, 7);
	CHECK_EQ(close(pty.master), 0);
	check_hung_up(pty.slave); /* what was not read is lost */
	CHECK_EQ(close(pty.slave), 0);
}

TEST(a_waiting_slave_sees_the_master_close)
{
	struct pty pty = pty_new();
	pid_t pid[2];

	for (int i = 0; i < 2; i++) {
		pid[i] = FORK();
		if (pid[i] > 0)
			continue;
		char byte, block[1000] = { 0 };
		CHECK_EQ(close(pty.master), 0);
		if (i == 0)
			CHECK_ERRNO(read(pty.slave, &byte, 1), EIO);
		else
			while (write(pty.slave, block, sizeof(block)) > 0)
				continue;
		CHECK_EQ(errno, EIO);
		check_hung_up(pty.slave);
		_exit(0);
	}
	await_state(pid[0], 'S');
	await_state(pid[1], 'S');
	CHECK_EQ(close(pty.master), 0);
	CHECK_EXIT(pid[0], 0);
	CHECK_EXIT(pid[1], 0);
	CHECK_EQ(close(pty.slave), 0);
}

TEST(dup_and_fork_keep_a_side_open)
{
	struct pty pty = pty_new();
	int other = dup(pty.master);

	CHECK_EQ(close(pty.master), 0);
	CHECK_EQ(write(other, "x\n", 2), 2);
	CHECK_READ(pty.slave, "x\n");
	CHECK_EQ(close(other), 0);
	check_hung_up(pty.slave);
	CHECK_EQ(close(pty.slave), 0);
}

/* ---- queues ---------------------------------------------------------------------------------- */

TEST(counts_of_waiting_bytes)
{
	struct pty pty = pty_new();
	int n = -1;

	CHECK_EQ(readable_bytes(pty.slave), 0);
	CHECK_EQ(readable_bytes(pty.master), 0);
	write_bytes(pty.slave, "abc\n", 4);
	await_input(pty.master, 5);
	CHECK_EQ(readable_bytes(pty.master), 5);
	CHECK_EQ(ioctl(pty.slave, TIOCOUTQ, &n), 0);
	CHECK_EQ(n, 0); /* written is sent */
	CHECK_EQ(ioctl(pty.master, TIOCOUTQ, &n), 0);
	CHECK_EQ(n, 0);
	CHECK_EQ(tcdrain(pty.slave), 0);
	CHECK_EQ(tcdrain(pty.master), 0);
	pty_free(pty);
}

TEST(flush)
{
	struct pty pty = pty_new();

	change_lflag(pty.slave, ECHO, 0);
	type(pty, "one\ntwo\n");
	await_input(pty.slave, 8);
	CHECK_EQ(tcflush(pty.slave, TCOFLUSH), 0);
	CHECK_EQ(readable_bytes(pty.slave), 8);
	CHECK_EQ(tcflush(pty.slave, TCIFLUSH), 0);
	CHECK_EQ(readable_bytes(pty.slave), 0);
	type(pty, "three\n");
	await_input(pty.slave, 6);
	CHECK_EQ(tcflush(pty.slave, TCIOFLUSH), 0);
	CHECK_EQ(readable_bytes(pty.slave), 0);
	/* input of the master is what the slave wrote */
	write_bytes(pty.slave, "abc", 3);
	await_input(pty.master, 3);
	CHECK_EQ(tcflush(pty.master, TCIFLUSH), 0);
	CHECK_EQ(readable_bytes(pty.master), 0);
	CHECK_SCREEN(pty, "");
	CHECK_ERRNO(ioctl(pty.slave, TCFLSH, 3), EINVAL);
	CHECK_ERRNO(ioctl(pty.slave, TCFLSH, -1), EINVAL);
	CHECK_ERRNO(ioctl(pty.master, TCFLSH, 3), EINVAL);
	pty_free(pty);
}

/* Writers wait, or see EAGAIN, when the reader is too slow; nothing is lost. */
TEST(full_queues)
{
	static char block[1000];
	struct pty pty = pty_new();
	ssize_t n, wrote = 0, got = 0;

	make_raw(pty.slave, 1, 0);
	for (int side = 0; side < 2; side++) {
		int from = side ? pty.slave : pty.master, to = side ? pty.master : pty.slave;
		CHECK_EQ(fcntl(from, F_SETFL, O_RDWR | O_NONBLOCK), 0);
		for (wrote = 0; (n = write(from, block, sizeof(block))) > 0 && wrote < 1 << 24;)
			wrote += n;
		CHECK(wrote >= 4095 && wrote < 1 << 24);
		CHECK_EQ(errno, EAGAIN);
		for (got = 0; got < wrote; got += n) {
			n = read(to, block, sizeof(block));
			CHECK(n > 0);
		}
		CHECK_EQ(got, wrote);
		CHECK(await_events(from, POLLOUT) & POLLOUT);
	}
	pty_free(pty);
}

TEST(a_read_of_a_bad_pointer)
{
	struct pty pty = pty_new();

	type(pty, "abc\n");
	await_input(pty.slave, 4);
	CHECK_ERRNO(read(pty.slave, KERNEL_ADDRESS, 4), EFAULT);
	CHECK_ERRNO(write(pty.slave, KERNEL_ADDRESS, 4), EFAULT);
	CHECK_ERRNO(write(pty.master, KERNEL_ADDRESS, 4), EFAULT);
	await_input(pty.master, 4);
	CHECK_ERRNO(read(pty.master, KERNEL_ADDRESS, 4), EFAULT);
	pty_free(pty);
}

TEST(terminals_have_no_offset)
{
	struct pty pty = pty_new();

	CHECK_ERRNO(lseek(pty.slave, 0, SEEK_CUR), ESPIPE);
	CHECK_ERRNO(lseek(pty.master, 0, SEEK_CUR), ESPIPE);
	CHECK_ERRNO(pread(pty.slave, (char[1]){ 0 }, 1, 0), ESPIPE);
	CHECK_ERRNO(pwrite(pty.slave, "", 1, 0), ESPIPE);
	pty_free(pty);
}

/* ---- packet mode ----------------------------------------------------------------------------- */

static void set_packets(struct pty pty, int on)
{
	int now = -1;

	CHECK_EQ(ioctl(pty.master, TIOCPKT, &on), 0);
	CHECK_EQ(ioctl(pty.master, TIOCGPKT, &now), 0);
	CHECK_EQ(now, on);
}

static void check_packet(struct pty pty, int events)
{
	CHECK_EQ(await_events(pty.master, POLLPRI | POLLIN), POLLPRI | POLLIN);
	char status = (char)events;
	CHECK_READ_N(pty.master, 100, &status, 1);
	CHECK(!(events_of(pty.master) & POLLPRI));
}

TEST(packet_mode_tells_data_from_events)
{
	struct pty pty = pty_new();

	set_packets(pty, 1);
	write_bytes(pty.slave, "abc", 3);
	await_input(pty.master, 3);
	CHECK_READ_N(pty.master, 100, "\0abc", 4);
	write_bytes(pty.slave, "abc", 3);
	await_input(pty.master, 3);
	CHECK_READ_N(pty.master, 2, "\0a", 2);
	CHECK_READ_N(pty.master, 100, "\0bc", 3);
	CHECK_EQ(tcflush(pty.slave, TCIFLUSH), 0);
	check_packet(pty, TIOCPKT_FLUSHREAD);
	CHECK_EQ(tcflow(pty.slave, TCOOFF), 0);
	check_packet(pty, TIOCPKT_STOP);
	CHECK_EQ(tcflow(pty.slave, TCOON), 0);
	check_packet(pty, TIOCPKT_START);
	struct termios modes = modes_of(pty.slave);
	modes.c_iflag &= ~(tcflag_t)IXON;
	CHECK_EQ(tcsetattr(pty.slave, TCSANOW, &modes), 0);
	check_packet(pty, TIOCPKT_NOSTOP);
	modes.c_iflag |= IXON;
	CHECK_EQ(tcsetattr(pty.slave, TCSANOW, &modes), 0);
	check_packet(pty, TIOCPKT_DOSTOP);
	/* several at once */
	CHECK_EQ(tcflow(pty.slave, TCOOFF), 0);
	CHECK_EQ(tcflush(pty.slave, TCIFLUSH), 0);
	check_packet(pty, TIOCPKT_STOP | TIOCPKT_FLUSHREAD);
	CHECK_EQ(tcflow(pty.slave, TCOON), 0);
	set_packets(pty, 0);
	write_bytes(pty.slave, "abc", 3);
	CHECK_SCREEN(pty, "abc");
	pty_free(pty);
}

/* What happened before packet mode is not told. */
TEST(packet_mode_begins_without_events)
{
	struct pty pty = pty_new();

	CHECK_EQ(tcflush(pty.slave, TCIFLUSH), 0);
	set_packets(pty, 1);
	CHECK_EQ(tcflush(pty.slave, TCIFLUSH), 0);
	set_packets(pty, 0);
	CHECK(!(events_of(pty.master) & POLLPRI));
	set_packets(pty, 1);
	CHECK(!(events_of(pty.master) & POLLPRI));
	pty_free(pty);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
