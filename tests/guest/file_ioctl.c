/*
 * ioctl(2) and fcntl(2) requests that work on any descriptor: FIONREAD, FIONBIO, FIOCLEX, FIONCLEX
 * and what they refuse. Sources: ioctl(2), ioctl_list(2), pipe(7) (FIONREAD).
 */
#include "paths.h"
#include <sys/ioctl.h>

SCRATCH_TEST(fionread_counts_what_can_be_read)
{
	int fd[2], n = -1, file = make_file("f", "0123456789");

	CHECK_EQ(pipe(fd), 0);
	CHECK_EQ(ioctl(fd[0], FIONREAD, &n), 0);
	CHECK_EQ(n, 0);
	CHECK_EQ(write(fd[1], "12345", 5), 5);
	CHECK_EQ(write(fd[1], "678", 3), 3);
	CHECK_EQ(ioctl(fd[0], FIONREAD, &n), 0);
	CHECK_EQ(n, 8);
	CHECK_EQ(read(fd[0], (char[6]){ 0 }, 6), 6);
	CHECK_EQ(ioctl(fd[0], FIONREAD, &n), 0);
	CHECK_EQ(n, 2);
	CHECK_EQ(lseek(file, 4, SEEK_SET), 4);
	CHECK_EQ(ioctl(file, FIONREAD, &n), 0);
	CHECK_EQ(n, 6);
}

TEST(fionbio_switches_nonblock)
{
	int fd[2], on = 1, off = 0;
	char c;

	CHECK_EQ(pipe(fd), 0);
	CHECK_EQ(ioctl(fd[0], FIONBIO, &on), 0);
	CHECK_EQ(fcntl(fd[0], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	CHECK_ERRNO(read(fd[0], &c, 1), EAGAIN);
	CHECK_EQ(ioctl(fd[0], FIONBIO, &off), 0);
	CHECK_EQ(fcntl(fd[0], F_GETFL) & O_NONBLOCK, 0);
}

TEST(fioclex_switches_cloexec)
{
	int fd = dup(1);

	CHECK_EQ(ioctl(fd, FIOCLEX), 0);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(ioctl(fd, FIONCLEX), 0);
	CHECK_EQ(fcntl(fd, F_GETFD), 0);
	CHECK_EQ(close(fd), 0);
	CHECK_ERRNO(ioctl(fd, FIOCLEX), EBADF);
}

TEST(fionread_on_a_device_is_enotty)
{
	int n;

	CHECK_ERRNO(ioctl(open("/dev/null", O_RDONLY), FIONREAD, &n), ENOTTY);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
