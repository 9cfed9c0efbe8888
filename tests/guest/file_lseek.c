/*
 * lseek(2): SEEK_SET, SEEK_CUR and SEEK_END, also beyond the end of the file, SEEK_DATA and
 * SEEK_HOLE on a file without holes, and the errors, which leave the offset alone. Sources:
 * lseek(2), POSIX lseek().
 */
#include "paths.h"

SCRATCH_TEST(the_three_ways)
{
	int fd = make_file("f", "0123456789");

	CHECK_EQ(lseek(fd, 4, SEEK_SET), 4);
	CHECK_EQ(lseek(fd, 3, SEEK_CUR), 7);
	CHECK_EQ(lseek(fd, -2, SEEK_CUR), 5);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 5);
	CHECK_EQ(lseek(fd, 0, SEEK_END), 10);
	CHECK_EQ(lseek(fd, -10, SEEK_END), 0);
	CHECK_EQ(lseek(fd, 5, SEEK_END), 15);
}

SCRATCH_TEST(reads_and_writes_move_the_offset)
{
	int fd = make_file("f", "0123456789");
	char c[4];

	CHECK_EQ(read(fd, c, 4), 4);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 4);
	CHECK_EQ(write(fd, "ab", 2), 2);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 6);
	CHECK_FILE("f", "0123ab6789");
}

SCRATCH_TEST(beyond_the_end_does_not_change_the_file)
{
	int fd = make_file("f", "abc");

	CHECK_EQ(lseek(fd, 1l << 40, SEEK_SET), 1l << 40);
	CHECK_EQ(size_of("f"), 3);
	CHECK_EQ(lseek(fd, 0, SEEK_END), 3);
}

SCRATCH_TEST(errors_leave_the_offset)
{
	int fd = make_file("f", "abc");

	CHECK_EQ(lseek(fd, 2, SEEK_SET), 2);
	CHECK_ERRNO(lseek(fd, -1, SEEK_SET), EINVAL);
	CHECK_ERRNO(lseek(fd, -3, SEEK_CUR), EINVAL);
	CHECK_ERRNO(lseek(fd, -4, SEEK_END), EINVAL);
	CHECK_ERRNO(lseek(fd, INT64_MIN, SEEK_SET), EINVAL);
	CHECK_ERRNO(lseek(fd, INT64_MIN, SEEK_CUR), EINVAL);
	CHECK_ERRNO(lseek(fd, 0, 99), EINVAL);
	CHECK_ERRNO(lseek(fd, 0, -1), EINVAL);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 2);
}

SCRATCH_TEST(an_offset_that_overflows)
{
	int fd = make_file("f", "abc");

	CHECK_EQ(lseek(fd, 2, SEEK_SET), 2);
	CHECK_EQ(lseek(fd, INT64_MAX, SEEK_CUR), -1);
	CHECK(errno == EINVAL || errno == EOVERFLOW);
	CHECK_EQ(lseek(fd, INT64_MAX, SEEK_END), -1);
	CHECK(errno == EINVAL || errno == EOVERFLOW);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 2);
}

TEST(what_cannot_be_sought)
{
	int fd[2], closed = dup(1);

	CHECK_EQ(pipe(fd), 0);
	CHECK_EQ(close(closed), 0);
	CHECK_ERRNO(lseek(fd[0], 0, SEEK_SET), ESPIPE);
	CHECK_ERRNO(lseek(fd[1], 0, SEEK_CUR), ESPIPE);
	CHECK_ERRNO(lseek(closed, 0, SEEK_SET), EBADF);
	CHECK_ERRNO(lseek(-1, 0, SEEK_SET), EBADF);
}

SCRATCH_TEST(data_and_hole)
{
	int fd = make_file("f", "0123456789");

	CHECK_EQ(lseek(fd, 0, SEEK_DATA), 0);
	CHECK_EQ(lseek(fd, 4, SEEK_DATA), 4);
	CHECK_EQ(lseek(fd, 4, SEEK_HOLE), 10);
	CHECK_ERRNO(lseek(fd, 10, SEEK_DATA), ENXIO);
	CHECK_ERRNO(lseek(fd, 10, SEEK_HOLE), ENXIO);
	CHECK_ERRNO(lseek(fd, -1, SEEK_DATA), ENXIO);
}

SCRATCH_TEST(each_end_moves_with_the_file)
{
	int fd = make_file("f", "abc"), other = open("f", O_WRONLY | O_APPEND);

	CHECK_EQ(lseek(fd, 0, SEEK_END), 3);
	CHECK_EQ(write(other, "def", 3), 3);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 3);
	CHECK_EQ(lseek(fd, 0, SEEK_END), 6);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
