/*
 * Pipes: bytes come out as they went in, end of file when the last writer has closed (in whichever
 * process), EPIPE and SIGPIPE when no reader is left, writes of up to PIPE_BUF bytes never mixed
 * with others, a capacity of 64 KiB, blocking and non-blocking on both sides, and sleepers that
 * wake for data, room, the end, or a kill. Sources: pipe(7), pipe(2), POSIX write().
 */
#include "paths.h"
#include <sys/uio.h>

enum { CAPACITY = 65536, MIB = 1 << 20 };

static void make_pipe(int fd[2])
{
	CHECK_EQ(pipe(fd), 0);
}

static void set_nonblock(int fd, int on)
{
	CHECK_EQ(fcntl(fd, F_SETFL, on ? O_NONBLOCK : 0), 0);
}

/* SIGPIPE may have been ignored by whoever started us. */
static void set_sigpipe(void (*disposition)(int))
{
	CHECK(signal(SIGPIPE, disposition) != SIG_ERR);
}

/* Fills a pipe to its capacity without blocking. */
static void fill(int fd[2])
{
	static char block[CAPACITY];

	set_nonblock(fd[1], 1);
	CHECK_EQ(write(fd[1], block, CAPACITY), CAPACITY);
	CHECK_ERRNO(write(fd[1], block, 1), EAGAIN);
	set_nonblock(fd[1], 0);
}

TEST(bytes_in_order)
{
	int fd[2];
	char text[16] = { 0 };

	make_pipe(fd);
	CHECK_EQ(write(fd[1], "abc", 3), 3);
	CHECK_EQ(write(fd[1], "def", 3), 3);
	CHECK_EQ(read(fd[0], text, 2), 2);
	CHECK_STR(text, "ab");
	CHECK_EQ(read(fd[0], text, sizeof(text)), 4);
	CHECK_STR(text, "cdef");
}

TEST(the_ends)
{
	int fd[2], next = dup(1);
	char c;

	CHECK_EQ(close(next), 0);
	make_pipe(fd);
	CHECK_EQ(fd[0], next);
	CHECK(fd[1] > fd[0]);
	CHECK_EQ(fcntl(fd[0], F_GETFL) & O_ACCMODE, O_RDONLY);
	CHECK_EQ(fcntl(fd[1], F_GETFL) & O_ACCMODE, O_WRONLY);
	CHECK_ERRNO(read(fd[1], &c, 1), EBADF);
	CHECK_ERRNO(write(fd[0], &c, 1), EBADF);
	CHECK_ERRNO(lseek(fd[0], 0, SEEK_CUR), ESPIPE);
	CHECK_ERRNO(lseek(fd[1], 0, SEEK_END), ESPIPE);
}

TEST(pipe2_flags)
{
	int fd[2];
	char c;

	CHECK_EQ(pipe2(fd, O_CLOEXEC), 0);
	CHECK_EQ(fcntl(fd[0], F_GETFD), FD_CLOEXEC);
	CHECK_EQ(fcntl(fd[1], F_GETFD), FD_CLOEXEC);
	CHECK_EQ(fcntl(fd[0], F_GETFL) & O_NONBLOCK, 0);
	CHECK_EQ(pipe2(fd, O_NONBLOCK), 0);
	CHECK_EQ(fcntl(fd[0], F_GETFD), 0);
	CHECK_EQ(fcntl(fd[0], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	CHECK_EQ(fcntl(fd[1], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	CHECK_ERRNO(read(fd[0], &c, 1), EAGAIN);
	CHECK_ERRNO(pipe2(fd, O_CREAT), EINVAL);
	CHECK_ERRNO(pipe2(fd, -1), EINVAL);
}

TEST(fstat_says_fifo)
{
	int fd[2], other[2];
	struct stat a, b;

	make_pipe(fd);
	make_pipe(other);
	CHECK_EQ(fstat(fd[0], &a), 0);
	CHECK_EQ(fstat(fd[1], &b), 0);
	CHECK(S_ISFIFO(a.st_mode) && S_ISFIFO(b.st_mode));
	CHECK_EQ(a.st_ino, b.st_ino);
	CHECK_EQ(a.st_size, 0);
	CHECK_EQ(fstat(other[0], &b), 0);
	CHECK(a.st_ino != b.st_ino);
}

TEST(end_of_file_after_the_last_writer)
{
	int fd[2], second;
	char text[8];

	make_pipe(fd);
	second = dup(fd[1]);
	CHECK_EQ(write(fd[1], "rest", 4), 4);
	CHECK_EQ(close(fd[1]), 0);
	set_nonblock(fd[0], 1);
	CHECK_EQ(read(fd[0], text, 2), 2);
	CHECK_EQ(close(second), 0);
	CHECK_EQ(read(fd[0], text, 8), 2);
	CHECK_EQ(read(fd[0], text, 8), 0);
	CHECK_EQ(read(fd[0], text, 8), 0);
}

TEST(a_child_s_writer_counts)
{
	int fd[2];
	char c;

	make_pipe(fd);
	pid_t child = FORK();
	if (child == 0) {
		close(fd[0]);
		CHECK_EQ(write(fd[1], "c", 1), 1);
		_exit(0);
	}
	close(fd[1]);
	CHECK_EQ(read(fd[0], &c, 1), 1);
	CHECK_EQ(read(fd[0], &c, 1), 0);
	CHECK_EXIT(child, 0);
}

TEST(no_reader_is_sigpipe)
{
	int fd[2];

	make_pipe(fd);
	CHECK_EQ(close(fd[0]), 0);
	pid_t child = FORK();
	if (child == 0) {
		set_sigpipe(SIG_DFL);
		write(fd[1], "x", 1);
		_exit(0);
	}
	CHECK_SIGNAL(child, SIGPIPE);
}

TEST(sigpipe_ignored_is_epipe)
{
	int fd[2];
	struct iovec vector = { "x", 1 };

	make_pipe(fd);
	set_sigpipe(SIG_IGN);
	CHECK_EQ(write(fd[1], "x", 1), 1);
	CHECK_EQ(close(fd[0]), 0);
	CHECK_ERRNO(write(fd[1], "x", 1), EPIPE);
	CHECK_ERRNO(writev(fd[1], &vector, 1), EPIPE);
	CHECK_EQ(write(fd[1], "x", 0), 0);
}

TEST(a_child_s_reader_counts)
{
	int fd[2], go[2];
	char c;

	make_pipe(fd);
	make_pipe(go);
	set_sigpipe(SIG_IGN);
	pid_t child = FORK();
	if (child == 0) {
		close(go[1]);
		CHECK_EQ(read(go[0], &c, 1), 0);
		_exit(0);
	}
	close(fd[0]);
	close(go[0]);
	CHECK_EQ(write(fd[1], "x", 1), 1);
	close(go[1]);
	CHECK_EXIT(child, 0);
	CHECK_ERRNO(write(fd[1], "x", 1), EPIPE);
}

TEST(the_capacity_is_64_kib)
{
	static char block[4096], all[CAPACITY];
	int fd[2], blocks = 0;

	make_pipe(fd);
	set_nonblock(fd[1], 1);
	while (write(fd[1], block, sizeof(block)) == sizeof(block))
		blocks++;
	CHECK_EQ(errno, EAGAIN);
	CHECK_EQ(blocks, 16);
	CHECK_ERRNO(write(fd[1], block, 1), EAGAIN);
	CHECK_EQ(read(fd[0], block, sizeof(block)), sizeof(block));
	CHECK_EQ(write(fd[1], block, sizeof(block)), sizeof(block));
	CHECK_ERRNO(write(fd[1], block, 1), EAGAIN);
	CHECK_EQ(read_all(fd[0], all, CAPACITY), CAPACITY);
	set_nonblock(fd[0], 1);
	CHECK_ERRNO(read(fd[0], block, 1), EAGAIN);
}

TEST(single_bytes_fill_it_too)
{
	int fd[2], bytes = 0;
	static char all[CAPACITY];

	make_pipe(fd);
	set_nonblock(fd[1], 1);
	while (write(fd[1], &(char){ pattern(bytes) }, 1) == 1)
		bytes++;
	CHECK_EQ(errno, EAGAIN);
	CHECK_EQ(bytes, CAPACITY);
	CHECK_EQ(read_all(fd[0], all, CAPACITY), CAPACITY);
	CHECK_EQ(pattern_match(all, CAPACITY, 0), CAPACITY);
}

TEST(nonblocking_writes_are_partial_or_refused)
{
	static char block[2 * CAPACITY], all[CAPACITY];
	int fd[2];

	make_pipe(fd);
	set_nonblock(fd[1], 1);
	pattern_fill(block, sizeof(block), 0);
	CHECK_EQ(write(fd[1], block, sizeof(block)), CAPACITY);
	CHECK_EQ(read(fd[0], all, 4096), 4096);
	CHECK_EQ(write(fd[1], block + CAPACITY, 10000), 4096);
	CHECK_EQ(read_all(fd[0], all, CAPACITY), CAPACITY);
	CHECK_EQ(pattern_match(all, CAPACITY, 4096), CAPACITY);
}

/* With less room than a write of PIPE_BUF bytes needs, none of it goes in. */
TEST(nonblocking_small_writes_are_atomic)
{
	static char block[CAPACITY];
	int fd[2];

	make_pipe(fd);
	set_nonblock(fd[1], 1);
	CHECK_EQ(write(fd[1], block, CAPACITY - 4096), CAPACITY - 4096);
	CHECK_EQ(write(fd[1], block, 3000), 3000);
	CHECK_ERRNO(write(fd[1], block, PIPE_BUF), EAGAIN);
	CHECK_ERRNO(write(fd[1], block, 2000), EAGAIN);
	CHECK_EQ(read_all(fd[0], block, CAPACITY - 4096), CAPACITY - 4096);
	CHECK_EQ(read(fd[0], block, CAPACITY), 3000);
}

TEST(nothing_to_transfer)
{
	int fd[2];
	char c;

	make_pipe(fd);
	CHECK_EQ(read(fd[0], &c, 0), 0);
	CHECK_EQ(write(fd[1], &c, 0), 0);
	set_nonblock(fd[0], 1);
	CHECK_ERRNO(read(fd[0], &c, 1), EAGAIN);
	set_nonblock(fd[0], 0);
	fill(fd);
	CHECK_EQ(write(fd[1], &c, 0), 0);
}

TEST(a_blocked_reader_is_woken_by_data)
{
	int fd[2];

	make_pipe(fd);
	for (int round = 0; round < 10; round++) {
		pid_t child = FORK();
		if (child == 0) {
			char c;
			CHECK_EQ(read(fd[0], &c, 1), 1);
			_exit(c);
		}
		await_sleep(child);
		CHECK_EQ(waitpid(child, NULL, WNOHANG), 0);
		CHECK_EQ(write(fd[1], &(char){ 40 + round }, 1), 1);
		CHECK_EXIT(child, 40 + round);
	}
}

TEST(a_blocked_reader_is_woken_by_the_end)
{
	int fd[2];

	make_pipe(fd);
	pid_t child = FORK();
	if (child == 0) {
		char c;
		close(fd[1]);
		_exit((int)read(fd[0], &c, 1));
	}
	await_sleep(child);
	close(fd[1]);
	CHECK_EXIT(child, 0);
}

TEST(a_blocked_writer_is_woken_by_room)
{
	int fd[2];
	static char all[CAPACITY];

	make_pipe(fd);
	fill(fd);
	pid_t child = FORK();
	if (child == 0) {
		CHECK_EQ(write(fd[1], "last", 4), 4);
		_exit(0);
	}
	await_sleep(child);
	CHECK_EQ(waitpid(child, NULL, WNOHANG), 0);
	CHECK_EQ(read_all(fd[0], all, CAPACITY), CAPACITY);
	CHECK_EXIT(child, 0);
	CHECK_EQ(read(fd[0], all, 100), 4);
	CHECK(!memcmp(all, "last", 4));
}

TEST(a_blocked_writer_is_woken_by_the_last_reader_s_end)
{
	int fd[2];

	make_pipe(fd);
	fill(fd);
	pid_t child[2];
	for (int i = 0; i < 2; i++) {
		child[i] = FORK();
		if (child[i] == 0) {
			set_sigpipe(i ? SIG_IGN : SIG_DFL);
			close(fd[0]);
			CHECK_ERRNO(write(fd[1], "x", 1), EPIPE);
			_exit(0);
		}
		await_sleep(child[i]);
	}
	close(fd[0]);
	CHECK_SIGNAL(child[0], SIGPIPE);
	CHECK_EXIT(child[1], 0);
}

TEST(a_large_write_cut_short_tells_how_much)
{
	static char block[4 * CAPACITY];
	int fd[2];

	make_pipe(fd);
	pid_t child = FORK();
	if (child == 0) {
		set_sigpipe(SIG_IGN);
		close(fd[0]);
		ssize_t n = write(fd[1], block, sizeof(block));
		CHECK(n >= CAPACITY && n < (ssize_t)sizeof(block));
		CHECK_ERRNO(write(fd[1], block, 1), EPIPE);
		_exit(0);
	}
	close(fd[1]);
	await_sleep(child);
	CHECK_EQ(read(fd[0], block, 4096), 4096);
	close(fd[0]);
	CHECK_EXIT(child, 0);
}

TEST(sleepers_can_be_killed)
{
	int fd[2], full[2];
	char c;

	make_pipe(fd);
	make_pipe(full);
	fill(full);
	for (int writer = 0; writer < 2; writer++) {
		pid_t child = FORK();
		if (child == 0) {
			if (writer)
				write(full[1], "x", 1);
			else
				read(fd[0], &c, 1);
			_exit(0);
		}
		await_sleep(child);
		CHECK_EQ(kill(child, writer ? SIGTERM : SIGKILL), 0);
		CHECK_SIGNAL(child, writer ? SIGTERM : SIGKILL);
	}
}

TEST(several_blocked_readers_each_get_something)
{
	enum { N = 8 };
	int fd[2], sum = 0;
	pid_t child[N];

	make_pipe(fd);
	for (int i = 0; i < N; i++) {
		child[i] = FORK();
		if (child[i] == 0) {
			char c;
			CHECK_EQ(read(fd[0], &c, 1), 1);
			_exit(c);
		}
		await_sleep(child[i]);
	}
	CHECK_EQ(write(fd[1], "\1\2\4\10\20\40\100\0", N), N);
	for (int i = 0; i < N; i++) {
		int status;
		CHECK_EQ(waitpid(child[i], &status, 0), child[i]);
		CHECK(WIFEXITED(status));
		sum += WEXITSTATUS(status);
	}
	CHECK_EQ(sum, 127);
}

/* Records of up to PIPE_BUF bytes: writer, number, length, and then the writer's letter. */
struct record {
	uint16_t length;
	uint8_t writer, number;
	char text[PIPE_BUF - 4];
};

enum { WRITERS = 6, RECORDS = 60 };

static void write_records(int fd, int writer)
{
	struct record record = { .writer = (uint8_t)writer };

	memset(record.text, 'A' + writer, sizeof(record.text));
	for (int i = 0; i < RECORDS; i++) {
		record.number = (uint8_t)i;
		record.length = PIPE_BUF;
		if (i % 4)
			record.length = (uint16_t)(5 + (i * 797 + writer * 131) % (PIPE_BUF - 4));
		CHECK_EQ(write(fd, &record, record.length), record.length);
	}
}

TEST(writes_up_to_pipe_buf_do_not_mix)
{
	int fd[2], next[WRITERS] = { 0 };
	pid_t child[WRITERS];
	struct record record;

	make_pipe(fd);
	for (int w = 0; w < WRITERS; w++) {
		child[w] = FORK();
		if (child[w] == 0) {
			close(fd[0]);
			write_records(fd[1], w);
			_exit(0);
		}
	}
	close(fd[1]);
	for (int n = 0; n < WRITERS * RECORDS; n++) {
		CHECK_EQ(read_all(fd[0], &record, 4), 4);
		CHECK(record.length >= 5 && record.length <= PIPE_BUF && record.writer < WRITERS);
		CHECK_EQ(read_all(fd[0], record.text, record.length - 4), record.length - 4);
		CHECK_EQ(record.number, next[record.writer]);
		next[record.writer]++;
		for (int i = 0; i < record.length - 4; i++)
			CHECK_EQ(record.text[i], 'A' + record.writer);
	}
	CHECK_EQ(read(fd[0], &record, 1), 0);
	for (int w = 0; w < WRITERS; w++)
		CHECK_EXIT(child[w], 0);
}

/*
 * Sends n patterned bytes in chunks of the given size from a child; the parent takes them in
 * others.
 */
static void transfer(size_t n, size_t out, size_t in)
{
	static char buffer[1 << 18];
	int fd[2];
	size_t done = 0;
	ssize_t got;

	CONTEXT("%zu bytes in chunks of %zu and %zu", n, out, in);
	make_pipe(fd);
	pid_t child = FORK();
	if (child == 0) {
		close(fd[0]);
		for (size_t sent = 0; sent < n; sent += out) {
			size_t chunk = n - sent < out ? n - sent : out;
			pattern_fill(buffer, chunk, sent);
			CHECK_EQ(write(fd[1], buffer, chunk), chunk);
		}
		_exit(0);
	}
	close(fd[1]);
	while ((got = read(fd[0], buffer, in)) > 0) {
		CHECK_EQ(pattern_match(buffer, (size_t)got, done), got);
		done += (size_t)got;
	}
	CHECK_EQ(got, 0);
	CHECK_EQ(done, n);
	CHECK_EXIT(child, 0);
	close(fd[0]);
}

TEST(a_megabyte_between_processes)
{
	transfer(MIB, 4096, 4096);
	transfer(MIB, 1 << 18, 1 << 18);
	transfer(MIB, 1000, 65536);
	transfer(MIB, 1 << 18, 777);
	transfer(MIB, 4097, 4095);
	transfer(20000, 1, 100);
	transfer(20000, 100, 1);
}

TEST(vectors)
{
	int fd[2];
	char a[4] = { 0 }, b[8] = { 0 };
	struct iovec out[] = { { "one", 3 }, { NULL, 0 }, { "three", 5 } };
	struct iovec in[] = { { a, 3 }, { b, 8 } };

	make_pipe(fd);
	CHECK_EQ(writev(fd[1], out, 3), 8);
	CHECK_EQ(readv(fd[0], in, 2), 8);
	CHECK_STR(a, "one");
	CHECK_STR(b, "three");
}

/* What a shell makes of "a | b | c": each process holds only its own ends. */
TEST(a_pipeline_of_processes)
{
	enum { STAGES = 5 };
	int in[2], out[2], first;
	pid_t child[STAGES];
	char c;

	make_pipe(in);
	first = in[1];
	for (int s = 0; s < STAGES; s++) {
		make_pipe(out);
		child[s] = FORK();
		if (child[s] == 0) {
			close(first);
			close(out[0]);
			while (read(in[0], &c, 1) == 1)
				CHECK_EQ(write(out[1], &(char){ c + 1 }, 1), 1);
			_exit(0);
		}
		close(in[0]);
		close(out[1]);
		in[0] = out[0];
	}
	CHECK_EQ(write(first, "abc", 3), 3);
	close(first);
	char text[8] = { 0 };
	CHECK_EQ(read_all(in[0], text, sizeof(text)), 3);
	CHECK_STR(text, "fgh");
	for (int s = 0; s < STAGES; s++)
		CHECK_EXIT(child[s], 0);
}

TEST(hundreds_of_pipes)
{
	enum { N = 200 };
	static int fd[N][2];
	char c;

	for (int i = 0; i < N; i++) {
		make_pipe(fd[i]);
		CHECK_EQ(write(fd[i][1], &(char){ (char)i }, 1), 1);
	}
	for (int i = N - 1; i >= 0; i--) {
		CHECK_EQ(read(fd[i][0], &c, 1), 1);
		CHECK_EQ(c, (char)i);
		CHECK_EQ(close(fd[i][i % 2]), 0);
		CHECK_EQ(close(fd[i][!(i % 2)]), 0);
	}
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
