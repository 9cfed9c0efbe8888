/*
 * Threads that share descriptors, directories and open files, and get in each other's way: what
 * one of them waits for another takes away, closes, cuts or moves. Each test goes on for a fixed
 * number of rounds, not for a time, and what must hold holds whoever is faster: no wake-up is lost
 * (a test that waits for ever is ended by its alarm), no byte comes twice or never, no name that is
 * always there is missed. Sources: poll(2), pipe(7), fifo(7), fcntl(2), flock(2), sendfile(2),
 * dup(2), rename(2), pty(7), and POSIX's 2.9.7, Thread Interactions with File Operations.
 */
#include "paths.h"
#include "thread.h"
#include "tty.h"
#include <sys/file.h>
#include <sys/sendfile.h>

#define RACE_TEST(name)                                                                            \
	static void race_##name(void);                                                             \
	SCRATCH_TEST(name)                                                                         \
	{                                                                                          \
		alarm(TEST_SECONDS);                                                               \
		race_##name();                                                                     \
	}                                                                                          \
	static void race_##name(void)

/* ---- polling --------------------------------------------------------------------------------- */

enum { PIPES = 6, POLL_BYTES = 400 };

struct writer {
	int fd;
	unsigned seed;
};

/* One byte after the other, and others run between some of them. */
static int writes_bytes(void *argument)
{
	struct writer *writer = argument;

	for (unsigned i = 0; i < POLL_BYTES; i++) {
		CHECK_EQ(write(writer->fd, "x", 1), 1);
		writer->seed = writer->seed * 1103515245 + 12345;
		if (writer->seed >> 16 & 1)
			sched_yield();
	}
	return 0;
}

/* A wake-up for the first file must not be forgotten while the waiter looks at the last. */
RACE_TEST(poll_hears_of_every_pipe)
{
	struct writer writers[PIPES];
	struct thread *threads[PIPES];
	struct pollfd fds[PIPES];
	int fd[2], total = 0;
	char c;

	for (int i = 0; i < PIPES; i++) {
		CHECK_EQ(pipe(fd), 0);
		fds[i] = (struct pollfd){ .fd = fd[0], .events = POLLIN };
		writers[i] = (struct writer){ fd[1], (unsigned)i + 1 };
	}
	for (int i = 0; i < PIPES; i++)
		threads[i] = THREAD(writes_bytes, &writers[i]);
	while (total < PIPES * POLL_BYTES) {
		CHECK(poll(fds, PIPES, -1) > 0);
		for (int i = 0; i < PIPES; i++) {
			if (!(fds[i].revents & POLLIN))
				continue;
			CHECK_EQ(read(fds[i].fd, &c, 1), 1);
			total++;
		}
	}
	for (int i = 0; i < PIPES; i++)
		thread_join(threads[i]);
	CHECK_EQ(poll(fds, PIPES, 0), 0);
}

/* ---- pipes ----------------------------------------------------------------------------------- */

enum { STREAM = 200000, RESIZES = 150 };

static int reads_stream(void *argument)
{
	static char buffer[3000];
	const int *fd = argument;
	size_t total = 0;

	while (total < STREAM) {
		ssize_t got = read(fd[0], buffer, sizeof(buffer));
		CHECK(got > 0);
		CHECK_EQ(pattern_match(buffer, (size_t)got, total), got);
		total += (size_t)got;
	}
	return 0;
}

static int writes_stream(void *argument)
{
	static char buffer[1700];
	const int *fd = argument;

	for (size_t done = 0; done < STREAM;) {
		size_t size = STREAM - done < sizeof(buffer) ? STREAM - done : sizeof(buffer);
		pattern_fill(buffer, size, done);
		write_all(fd[1], buffer, size);
		done += size;
	}
	return 0;
}

/* The bytes stay, and so does the news of them, whatever size the pipe has meanwhile. */
RACE_TEST(a_pipe_changes_its_size_under_reader_and_writer)
{
	int fd[2];

	CHECK_EQ(pipe(fd), 0);
	struct thread *reader = THREAD(reads_stream, fd), *writer = THREAD(writes_stream, fd);
	for (int i = 0; i < RESIZES; i++) {
		int size = 4096 << i % 5;
		int result = fcntl(fd[1], F_SETPIPE_SZ, size);
		CHECK(result == size || (result == -1 && errno == EBUSY));
		sched_yield();
	}
	thread_join(writer);
	thread_join(reader);
}

enum { MEETINGS = 60 };

static int opens_to_write(void *unused)
{
	(void)unused;
	for (int i = 0; i < MEETINGS; i++) {
		int fd;

		while ((fd = open("fifo", O_WRONLY | O_NONBLOCK)) < 0) {
			CHECK_EQ(errno, ENXIO);
			sched_yield();
		}
		CHECK_EQ(write(fd, "x", 1), 1);
		CHECK_EQ(close(fd), 0);
		touch("met");
		while (access("met", F_OK) == 0) /* until the reader has closed its end */
			sched_yield();
	}
	return 0;
}

/* open(2) that is refused for want of a reader is not the writer that a reader waits for. */
RACE_TEST(a_refused_writer_opens_nothing)
{
	char c;

	CHECK_EQ(mkfifo("fifo", 0600), 0);
	struct thread *writer = THREAD(opens_to_write, NULL);
	for (int i = 0; i < MEETINGS; i++) {
		int fd = open("fifo", O_RDONLY);

		CHECK(fd >= 0);
		CHECK_EQ(read(fd, &c, 1), 1);
		CHECK_EQ(close(fd), 0);
		while (access("met", F_OK) != 0)
			sched_yield();
		CHECK_EQ(unlink("met"), 0);
	}
	thread_join(writer);
}

/* ---- offsets --------------------------------------------------------------------------------- */

enum { RECORD = 16, RECORDS = 300, APPENDERS = 3 };

struct appender {
	int fd;
	char mark;
};

static int writes_records(void *argument)
{
	const struct appender *appender = argument;
	char record[RECORD];

	memset(record, appender->mark, sizeof(record));
	for (int i = 0; i < RECORDS; i++)
		CHECK_EQ(write(appender->fd, record, RECORD), RECORD);
	return 0;
}

/* As many records of each mark as were written, none of them over another's. */
static void check_records(const char *path)
{
	static char text[RECORD * RECORDS * APPENDERS + 1];
	int counts[APPENDERS] = { 0 }, fd = open(path, O_RDONLY);

	CHECK(fd >= 0);
	CHECK_EQ(read_all(fd, text, sizeof(text)), sizeof(text) - 1);
	CHECK_EQ(close(fd), 0);
	for (size_t at = 0; at < sizeof(text) - 1; at += RECORD) {
		CHECK(text[at] >= 'a' && text[at] < 'a' + APPENDERS);
		counts[text[at] - 'a']++;
		for (int i = 1; i < RECORD; i++)
			CHECK_EQ(text[at + i], text[at]);
	}
	for (int i = 0; i < APPENDERS; i++)
		CHECK_EQ(counts[i], RECORDS);
}

static void append(const char *path, int flags, int own_files)
{
	struct appender appenders[APPENDERS];
	struct thread *threads[APPENDERS];
	int shared = open(path, O_WRONLY | O_CREAT | O_TRUNC | flags, 0600);

	CHECK(shared >= 0);
	for (int i = 0; i < APPENDERS; i++) {
		int fd = own_files ? open(path, O_WRONLY | flags) : dup(shared);
		CHECK(fd >= 0);
		appenders[i] = (struct appender){ fd, (char)('a' + i) };
	}
	for (int i = 0; i < APPENDERS; i++)
		threads[i] = THREAD(writes_records, &appenders[i]);
	for (int i = 0; i < APPENDERS; i++)
		thread_join(threads[i]);
	check_records(path);
}

RACE_TEST(writers_of_one_offset_take_turns)
{
	append("shared", 0, 0);
}

RACE_TEST(appenders_take_turns)
{
	append("appended", O_APPEND, 1);
}

enum { SENDS = 150, SENT = 3 * 4096 + 100 };

static int moves_offset(void *argument)
{
	const int *fd = argument;

	for (int i = 0; i < SENDS * 4; i++) {
		CHECK(lseek(fd[1], i * 677 % 9000, SEEK_SET) >= 0);
		if (i % 3 == 0)
			CHECK_EQ(ftruncate(fd[1], i * 511 % 20000), 0);
	}
	return 0;
}

/* The offset under a copy moves and the file is cut: each byte is one of the copied or a zero. */
RACE_TEST(sendfile_and_lseek)
{
	static char text[64 << 10];
	int fd[2] = { make_file("in", ""), make_file("out", "") };

	memset(text, 'x', SENT);
	write_all(fd[0], text, SENT);
	struct thread *mover = THREAD(moves_offset, fd);
	for (int i = 0; i < SENDS; i++) {
		off_t from = 0;
		CHECK_EQ(sendfile(fd[1], fd[0], &from, SENT), SENT);
		CHECK_EQ(from, SENT);
	}
	thread_join(mover);
	CHECK_EQ(lseek(fd[1], 0, SEEK_SET), 0);
	size_t size = read_all(fd[1], text, sizeof(text));
	for (size_t i = 0; i < size; i++)
		CHECK(text[i] == 'x' || text[i] == 0);
}

/* ---- locks ----------------------------------------------------------------------------------- */

static long set_lock(int fd, int command, int type)
{
	struct flock lock = { .l_type = (short)type, .l_whence = SEEK_SET, .l_len = 10 };

	return fcntl(fd, command, &lock);
}

struct waiter {
	volatile int tid, error;
	int fd;
};

static int waits_for_lock(void *argument)
{
	struct waiter *waiter = argument;

	word_set(&waiter->tid, gettid_raw());
	errno = 0;
	if (set_lock(waiter->fd, F_SETLKW, F_WRLCK) < 0)
		waiter->error = errno;
	return 0;
}

/* Holds a lock on the file until it reads a byte. */
static pid_t lock_holder(const char *path, int start, int ready)
{
	pid_t pid = FORK();
	char c;

	if (pid)
		return pid;
	int fd = open(path, O_RDWR);
	CHECK_EQ(set_lock(fd, F_SETLK, F_WRLCK), 0);
	write_all(ready, "r", 1);
	CHECK_EQ(read(start, &c, 1), 1);
	_exit(0);
}

/* What is granted after the close belongs to no descriptor: it must not stay. */
RACE_TEST(a_lock_waited_for_while_its_descriptor_is_closed)
{
	int start[2], ready[2], other;
	struct waiter waiter = { .fd = make_file("locked", "0123456789") };
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char c;

	CHECK_EQ(pipe(start), 0);
	CHECK_EQ(pipe(ready), 0);
	pid_t holder = lock_holder("locked", start[0], ready[1]);
	CHECK_EQ(read(ready[0], &c, 1), 1);
	struct thread *thread = THREAD(waits_for_lock, &waiter);
	while (!word_of(&waiter.tid))
		sched_yield();
	await_thread_state(getpid(), waiter.tid, 'S');
	CHECK_EQ(close(waiter.fd), 0);
	write_all(start[1], "g", 1);
	thread_join(thread);
	CHECK_EQ(waiter.error, EBADF);
	CHECK_EXIT(holder, 0);
	pid_t looker = FORK();
	if (looker == 0) {
		other = open("locked", O_RDWR);
		CHECK_EQ(fcntl(other, F_GETLK, &lock), 0);
		CHECK_EQ(lock.l_type, F_UNLCK);
		_exit(0);
	}
	CHECK_EXIT(looker, 0);
}

enum { LOCKERS = 4, LOCKINGS = 120 };

static volatile int inside, counted;

static int locks_and_counts(void *unused)
{
	int fd = open("counted", O_RDWR);

	(void)unused;
	CHECK(fd >= 0);
	for (int i = 0; i < LOCKINGS; i++) {
		CHECK_EQ(flock(fd, LOCK_EX), 0);
		CHECK_EQ(__atomic_add_fetch(&inside, 1, __ATOMIC_SEQ_CST), 1);
		counted = counted + 1;
		if (i % 8 == 0)
			sched_yield();
		CHECK_EQ(__atomic_sub_fetch(&inside, 1, __ATOMIC_SEQ_CST), 0);
		CHECK_EQ(flock(fd, LOCK_UN), 0);
	}
	return close(fd);
}

RACE_TEST(flock_lets_one_in)
{
	struct thread *threads[LOCKERS];

	touch("counted");
	for (int i = 0; i < LOCKERS; i++)
		threads[i] = THREAD(locks_and_counts, NULL);
	for (int i = 0; i < LOCKERS; i++)
		thread_join(threads[i]);
	CHECK_EQ(counted, LOCKERS * LOCKINGS);
}

/* ---- descriptors ----------------------------------------------------------------------------- */

/* TARGET is above what all of them have open, so it is only given to who asks for it. */
enum { JUGGLERS = 4, THROWS = 150, TARGET = 60 };

/* Opens, copies and closes; all copy to one number, which may be in the making (EBUSY). */
static int juggles(void *unused)
{
	(void)unused;
	for (int i = 0; i < THROWS; i++) {
		int fd = open("/dev/null", O_RDWR | O_CLOEXEC), fds[2];
		CHECK(fd >= 0);
		int copy = fcntl(fd, F_DUPFD, 3);
		CHECK(copy >= 3 && copy != fd);
		int target = dup2(fd, TARGET);
		CHECK(target == TARGET || (target == -1 && errno == EBUSY));
		CHECK_EQ(pipe(fds), 0);
		CHECK_EQ(write(fds[1], "x", 1), 1);
		CHECK_EQ(close(fds[0]), 0);
		CHECK_EQ(close(fds[1]), 0);
		if (i % 4 == 0)
			(void)close(TARGET);
		CHECK_EQ(close(copy), 0);
		CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
		CHECK_EQ(close(fd), 0);
	}
	return 0;
}

static int copies_table(void *unused)
{
	(void)unused;
	for (int i = 0; i < THROWS / 10; i++) {
		pid_t pid = FORK();
		if (pid == 0)
			_exit(fcntl(STDOUT_FILENO, F_GETFD) < 0);
		CHECK_EXIT(pid, 0);
	}
	return 0;
}

static int count_descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

RACE_TEST(everybody_opens_and_closes)
{
	struct thread *threads[JUGGLERS + 1];
	int before;

	(void)close(TARGET);
	before = count_descriptors();
	for (int i = 0; i < JUGGLERS; i++)
		threads[i] = THREAD(juggles, NULL);
	threads[JUGGLERS] = THREAD(copies_table, NULL);
	for (int i = 0; i <= JUGGLERS; i++)
		thread_join(threads[i]);
	(void)close(TARGET);
	CHECK_EQ(count_descriptors(), before);
}

/* ---- directories and names ------------------------------------------------------------------- */

enum { MOVES = 400 };

static volatile int moving;

static int changes_directory(void *argument)
{
	char path[sizeof(scratch_path) + 8];

	for (int i = 0; i < MOVES; i++) {
		snprintf(path, sizeof(path), "%s/%s", (char *)argument, i % 2 ? "one" : "two");
		CHECK_EQ(chdir(path), 0);
	}
	word_set(&moving, 0);
	return 0;
}

/* Every relative name is found in the old directory or in the new one, and nowhere else. */
RACE_TEST(chdir_under_a_walk)
{
	char path[sizeof(scratch_path) + 8], got[sizeof(path) + 8];
	size_t length = strlen(scratch_path);

	CHECK_EQ(mkdir("one", 0700), 0);
	CHECK_EQ(mkdir("two", 0700), 0);
	CHECK_EQ(close(make_file("one/file", "1")), 0);
	CHECK_EQ(close(make_file("two/file", "2")), 0);
	CHECK_EQ(chdir("one"), 0);
	moving = 1;
	struct thread *thread = THREAD(changes_directory, scratch_path);
	while (word_of(&moving)) {
		int fd = open("file", O_RDONLY);
		CHECK(fd >= 0);
		CHECK_EQ(read(fd, got, sizeof(got)), 1);
		CHECK(got[0] == '1' || got[0] == '2');
		CHECK_EQ(close(fd), 0);
		CHECK(getcwd(path, sizeof(path)) != NULL);
		CHECK_EQ(strncmp(path, scratch_path, length), 0);
		CHECK(!strcmp(path + length, "/one") || !strcmp(path + length, "/two"));
		ssize_t size = readlink("/proc/self/cwd", got, sizeof(got));
		CHECK_EQ(size, length + 4);
	}
	thread_join(thread);
	CHECK_EQ(chdir(scratch_path), 0);
}

static int exchanges(void *unused)
{
	(void)unused;
	for (int i = 0; i < MOVES; i++) {
		CHECK_EQ(syscall(SYS_renameat2, AT_FDCWD, "left/file", AT_FDCWD, "right/file",
				 2 /* RENAME_EXCHANGE */),
			 0);
		CHECK_EQ(rename("new", "left/over"), 0);
		CHECK_EQ(rename("left/over", "new"), 0);
	}
	word_set(&moving, 0);
	return 0;
}

/* Two files change places all the time: either name always leads to one of them. */
RACE_TEST(rename_under_a_walk)
{
	char c;

	CHECK_EQ(mkdir("left", 0700), 0);
	CHECK_EQ(mkdir("right", 0700), 0);
	CHECK_EQ(close(make_file("left/file", "l")), 0);
	CHECK_EQ(close(make_file("right/file", "r")), 0);
	touch("new");
	moving = 1;
	struct thread *thread = THREAD(exchanges, NULL);
	while (word_of(&moving)) {
		int fd = open("left/file", O_RDONLY);
		CHECK(fd >= 0);
		CHECK_EQ(read(fd, &c, 1), 1);
		CHECK(c == 'l' || c == 'r');
		CHECK_EQ(close(fd), 0);
		CHECK_EQ(access("left/../right/file", R_OK), 0);
	}
	thread_join(thread);
	CHECK_EQ(unlink("left/file"), 0);
	CHECK_EQ(unlink("right/file"), 0);
}

/* ---- terminals ------------------------------------------------------------------------------- */

static struct pty raw_pty(void)
{
	struct pty pty = pty_new();
	struct termios termios;

	CHECK_EQ(tcgetattr(pty.slave, &termios), 0);
	cfmakeraw(&termios);
	CHECK_EQ(tcsetattr(pty.slave, TCSANOW, &termios), 0);
	return pty;
}

enum { LAST_WORDS = 40 };

/* What a program says before it ends comes before its end. */
RACE_TEST(a_slave_writes_and_closes)
{
	for (int i = 0; i < LAST_WORDS; i++) {
		struct pty pty = raw_pty();
		char words[16];
		size_t total = 0;
		ssize_t got;
		pid_t pid = FORK();

		if (pid == 0) {
			write_all(pty.slave, "the last words", 14);
			_exit(0);
		}
		CHECK_EQ(close(pty.slave), 0);
		while (total < sizeof(words) &&
		       (got = read(pty.master, words + total, sizeof(words) - total)) > 0)
			total += (size_t)got;
		CHECK_EQ(errno, EIO);
		CHECK_EQ(total, 14);
		CHECK_EQ(memcmp(words, "the last words", 14), 0);
		CHECK_EXIT(pid, 0);
		CHECK_EQ(close(pty.master), 0);
	}
}

enum { TERMINAL_BYTES = 600 };

struct terminal {
	struct pty pty;
	volatile int total;
};

static int reads_master(void *argument)
{
	struct terminal *terminal = argument;
	char bytes[64];

	while (word_of(&terminal->total) < TERMINAL_BYTES) {
		ssize_t got = read(terminal->pty.master, bytes, 7);
		CHECK(got > 0);
		word_add(&terminal->total, (int)got);
	}
	return 0;
}

/* A reader who comes too late waits; it does not read an end that is none. */
RACE_TEST(two_readers_of_one_master)
{
	struct terminal terminal = { .pty = raw_pty() };
	struct thread *readers[2];

	for (int i = 0; i < 2; i++)
		readers[i] = THREAD(reads_master, &terminal);
	for (int i = 0; i < TERMINAL_BYTES; i++) {
		write_all(terminal.pty.slave, "x", 1);
		if (i % 16 == 0)
			sched_yield();
	}
	word_await(&terminal.total, TERMINAL_BYTES);
	/* one of them may wait for more */
	write_all(terminal.pty.slave, "yy", 2);
	for (int i = 0; i < 2; i++)
		thread_join(readers[i]);
	pty_free(terminal.pty);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
