/*
 * pread(2), pwrite(2), preadv(2) and pwritev(2): at the given place, without moving the offset,
 * with the errors of read and write and their own. Linux appends with pwrite to a file opened
 * O_APPEND, whatever the place (BUGS in pwrite(2)). Sources: pread(2), readv(2), POSIX pread().
 */
#include "paths.h"
#include <sys/uio.h>

SCRATCH_TEST(the_offset_stays)
{
	char text[8] = { 0 };
	int fd = make_file("f", "0123456789");

	CHECK_EQ(lseek(fd, 2, SEEK_SET), 2);
	CHECK_EQ(pread(fd, text, 3, 5), 3);
	CHECK_STR(text, "567");
	CHECK_EQ(pwrite(fd, "AB", 2, 7), 2);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 2);
	CHECK_FILE("f", "0123456AB9");
	CHECK_EQ(read(fd, text, 3), 3);
	CHECK_STR(text, "234");
}

SCRATCH_TEST(at_and_beyond_the_end)
{
	char text[8] = { 0 };
	int fd = make_file("f", "abc");

	CHECK_EQ(pread(fd, text, 8, 2), 1);
	CHECK_EQ(pread(fd, text, 8, 3), 0);
	CHECK_EQ(pread(fd, text, 8, 1l << 40), 0);
	CHECK_EQ(pwrite(fd, "x", 1, 6), 1);
	CHECK_EQ(size_of("f"), 7);
	CHECK_EQ(pread(fd, text, 8, 0), 7);
	CHECK(!memcmp(text, "abc\0\0\0x", 7));
}

SCRATCH_TEST(vectors)
{
	char a[4] = { 0 }, b[8] = { 0 };
	int fd = make_file("f", "........");
	struct iovec out[] = { { "ab", 2 }, { "cde", 3 } }, in[] = { { a, 3 }, { b, 7 } };

	CHECK_EQ(pwritev(fd, out, 2, 2), 5);
	CHECK_FILE("f", "..abcde.");
	CHECK_EQ(preadv(fd, in, 2, 1), 7);
	CHECK_STR(a, ".ab");
	CHECK_STR(b, "cde.");
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 0);
}

SCRATCH_TEST(errors)
{
	char c = 0;
	int fd = make_file("f", "abc"), pipe_fd[2];
	int r = open("f", O_RDONLY), w = open("f", O_WRONLY);
	struct iovec vector = { &c, 1 };

	CHECK_EQ(pipe(pipe_fd), 0);
	CHECK_ERRNO(pread(fd, &c, 1, -1), EINVAL);
	CHECK_ERRNO(pwrite(fd, &c, 1, -1), EINVAL);
	CHECK_ERRNO(preadv(fd, &vector, 1, -1), EINVAL);
	CHECK_ERRNO(pwritev(fd, &vector, 1, -1), EINVAL);
	CHECK_ERRNO(preadv(fd, &vector, -1, 0), EINVAL);
	CHECK_ERRNO(pread(pipe_fd[0], &c, 1, 0), ESPIPE);
	CHECK_ERRNO(pwrite(pipe_fd[1], &c, 1, 0), ESPIPE);
	CHECK_ERRNO(preadv(pipe_fd[0], &vector, 1, 0), ESPIPE);
	CHECK_ERRNO(pread(w, &c, 1, 0), EBADF);
	CHECK_ERRNO(pwrite(r, &c, 1, 0), EBADF);
	CHECK_ERRNO(pread(-1, &c, 1, 0), EBADF);
	CHECK_ERRNO(pread(open(".", O_RDONLY), &c, 1, 0), EISDIR);
	CHECK_FILE("f", "abc");
}

SCRATCH_TEST(append_wins_over_the_place)
{
	CHECK_EQ(close(make_file("f", "abc")), 0);
	int fd = open("f", O_RDWR | O_APPEND);
	CHECK_EQ(pwrite(fd, "X", 1, 0), 1);
	CHECK_FILE("f", "abcX");
}

/* Four processes fill one file through one description, each its own places. */
SCRATCH_TEST(from_several_processes)
{
	enum { N = 4, BLOCKS = 64, BLOCK = 1000 };
	static char all[N * BLOCKS * BLOCK];
	int fd = make_file("f", "");
	pid_t child[N];

	for (int c = 0; c < N; c++) {
		child[c] = FORK();
		if (child[c])
			continue;
		for (int b = c; b < N * BLOCKS; b += N) {
			char block[BLOCK];
			pattern_fill(block, BLOCK, b * BLOCK);
			CHECK_EQ(pwrite(fd, block, BLOCK, b * BLOCK), BLOCK);
		}
		_exit(0);
	}
	for (int c = 0; c < N; c++)
		CHECK_EXIT(child[c], 0);
	CHECK_EQ(pread(fd, all, sizeof(all), 0), sizeof(all));
	CHECK_EQ(pattern_match(all, sizeof(all), 0), sizeof(all));
}

TEST(devices)
{
	char c = 'x';
	int zero = open("/dev/zero", O_RDWR), null = open("/dev/null", O_RDWR);

	CHECK_EQ(pread(zero, &c, 1, 12345), 1);
	CHECK_EQ(c, 0);
	CHECK_EQ(pwrite(null, &c, 1, 12345), 1);
	CHECK_EQ(pread(null, &c, 1, 0), 0);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
