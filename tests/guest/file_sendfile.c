/*
 * sendfile(2): from a file to a file or a pipe, from the file's own offset or from a given one,
 * which moves instead; short at the end of the file; and its errors. Source: sendfile(2).
 */
#include "paths.h"
#include <sys/sendfile.h>

SCRATCH_TEST(by_the_file_s_offset)
{
	int in = make_file("in", "0123456789"), out = make_file("out", "");

	CHECK_EQ(lseek(in, 2, SEEK_SET), 2);
	CHECK_EQ(sendfile(out, in, NULL, 5), 5);
	CHECK_EQ(lseek(in, 0, SEEK_CUR), 7);
	CHECK_EQ(lseek(out, 0, SEEK_CUR), 5);
	CHECK_FILE("out", "23456");
	CHECK_EQ(sendfile(out, in, NULL, 100), 3);
	CHECK_EQ(sendfile(out, in, NULL, 100), 0);
	CHECK_FILE("out", "23456789");
}

SCRATCH_TEST(by_a_given_offset)
{
	off_t offset = 4;
	int in = make_file("in", "0123456789"), out = make_file("out", "");

	CHECK_EQ(sendfile(out, in, &offset, 3), 3);
	CHECK_EQ(offset, 7);
	CHECK_EQ(lseek(in, 0, SEEK_CUR), 0);
	CHECK_FILE("out", "456");
	CHECK_EQ(sendfile(out, in, &offset, 0), 0);
	CHECK_EQ(sendfile(out, in, &offset, 100), 3);
	CHECK_EQ(offset, 10);
	offset = 1000;
	CHECK_EQ(sendfile(out, in, &offset, 1), 0);
	CHECK_EQ(offset, 1000);
}

SCRATCH_TEST(to_a_pipe)
{
	char text[16] = { 0 };
	int fd[2], in = make_file("in", "0123456789");

	CHECK_EQ(pipe(fd), 0);
	CHECK_EQ(sendfile(fd[1], in, NULL, 10), 10);
	CHECK_EQ(read(fd[0], text, sizeof(text)), 10);
	CHECK_STR(text, "0123456789");
}

/* More than a pipe holds, to a reader in another process. */
SCRATCH_TEST(a_megabyte_to_another_process)
{
	enum { SIZE = 1 << 20 };
	static char data[SIZE];
	int fd[2], in = make_file("in", "");
	size_t sent = 0;

	pattern_fill(data, SIZE, 0);
	write_all(in, data, SIZE);
	CHECK_EQ(lseek(in, 0, SEEK_SET), 0);
	CHECK_EQ(pipe(fd), 0);
	pid_t child = FORK();
	if (child == 0) {
		close(fd[1]);
		CHECK_EQ(read_all(fd[0], data, SIZE), SIZE);
		CHECK_EQ(pattern_match(data, SIZE, 0), SIZE);
		CHECK_EQ(read(fd[0], data, 1), 0);
		_exit(0);
	}
	close(fd[0]);
	while (sent < SIZE) {
		ssize_t n = sendfile(fd[1], in, NULL, SIZE - sent);
		CHECK(n > 0);
		sent += (size_t)n;
	}
	close(fd[1]);
	CHECK_EXIT(child, 0);
}

SCRATCH_TEST(errors)
{
	off_t offset = -1;
	int in = make_file("in", "text"), out = make_file("out", "");
	int w = open("in", O_WRONLY), r = open("out", O_RDONLY);
	int append = open("out", O_WRONLY | O_APPEND);

	CHECK_ERRNO(sendfile(out, w, NULL, 1), EBADF);
	CHECK_ERRNO(sendfile(r, in, NULL, 1), EBADF);
	CHECK_ERRNO(sendfile(-1, in, NULL, 1), EBADF);
	CHECK_ERRNO(sendfile(out, -1, NULL, 1), EBADF);
	CHECK_ERRNO(sendfile(out, in, &offset, 1), EINVAL);
	CHECK_ERRNO(sendfile(append, in, NULL, 1), EINVAL);
	CHECK_FILE("out", "");
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
