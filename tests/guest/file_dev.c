/*
 * The character devices every program counts on: /dev/null swallows and is empty, /dev/zero gives
 * zeroes, also by mmap, /dev/tty is nobody's in a session without a terminal; and what a terminal's
 * calls answer elsewhere (ENOTTY). Sources: null(4), tty(4), ioctl_tty(2), mmap(2).
 */
#include "pages.h"
#include "paths.h"
#include <sys/ioctl.h>
#include <termios.h>

enum { RW = PROT_READ | PROT_WRITE };

TEST(null_swallows)
{
	char text[16] = "untouched";
	int fd = open("/dev/null", O_RDWR);

	CHECK(fd >= 0);
	CHECK_EQ(write(fd, text, sizeof(text)), sizeof(text));
	CHECK_EQ(read(fd, text, sizeof(text)), 0);
	CHECK_STR(text, "untouched");
	for (int i = 0; i < 100; i++)
		CHECK_EQ(write(fd, (char[1000]){ 0 }, 1000), 1000);
	CHECK_EQ(read(fd, text, sizeof(text)), 0);
}

TEST(null_opened_as_a_shell_does)
{
	int fd = open("/dev/null", O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0666);
	char c;

	CHECK(fd >= 0);
	CHECK_EQ(write(fd, "x", 1), 1);
	CHECK_ERRNO(read(fd, &c, 1), EBADF);
	CHECK_ERRNO(open("/dev/null", O_WRONLY | O_CREAT | O_EXCL, 0666), EEXIST);
	fd = open("/dev/null", O_RDONLY);
	CHECK_ERRNO(write(fd, "x", 1), EBADF);
}

TEST(zero_gives_zeroes)
{
	static char buffer[70000];
	int fd = open("/dev/zero", O_RDWR);

	CHECK(fd >= 0);
	memset(buffer, 'x', sizeof(buffer));
	CHECK_EQ(read(fd, buffer, 69999), 69999);
	CHECK_ZERO(buffer, 69999);
	CHECK_EQ(buffer[69999], 'x');
	CHECK_EQ(write(fd, buffer, sizeof(buffer)), sizeof(buffer));
	CHECK_EQ(read(fd, buffer + 69999, 1), 1);
	CHECK_EQ(buffer[69999], 0);
}

TEST(zero_mapped_privately)
{
	int fd = open("/dev/zero", O_RDONLY);
	char *at = mmap(NULL, 3 * PAGE, RW, MAP_PRIVATE, fd, 0);
	char *other = mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 7 * PAGE);

	CHECK(at != MAP_FAILED && other != MAP_FAILED);
	CHECK_ZERO(at, 3 * PAGE);
	stamp(at + PAGE, 5);
	pid_t child = FORK();
	if (child == 0) {
		CHECK_STAMP(at + PAGE, 5);
		stamp(at + PAGE, 6);
		_exit(0);
	}
	CHECK_EXIT(child, 0);
	CHECK_STAMP(at + PAGE, 5);
	CHECK_ZERO(other, PAGE);
}

TEST(zero_mapped_shared)
{
	int fd = open("/dev/zero", O_RDWR);
	char *at = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0);
	char *other = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0);

	CHECK(at != MAP_FAILED && other != MAP_FAILED);
	CHECK_LIVES(stamp(at + PAGE, 8));
	CHECK_STAMP(at + PAGE, 8);
	CHECK_ZERO(other, 2 * PAGE);		/* each mapping is a memory of its own */
}

TEST(null_cannot_be_mapped)
{
	int fd = open("/dev/null", O_RDWR);

	CHECK_ERRNO((long)mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0), ENODEV);
}

TEST(seeking_is_harmless)
{
	int null = open("/dev/null", O_RDWR), zero = open("/dev/zero", O_RDWR);
	char c = 'x';

	CHECK_EQ(lseek(null, 100, SEEK_SET), 0);
	CHECK_EQ(lseek(zero, 100, SEEK_SET), 0);
	CHECK_EQ(read(zero, &c, 1), 1);
	CHECK_EQ(c, 0);
}

TEST(a_session_without_a_terminal)
{
	struct stat st;

	if (stat("/dev/tty", &st) && errno == ENOENT)
		SKIP("there is no /dev/tty");
	pid_t child = FORK();
	if (child == 0) {
		CHECK_EQ(setsid(), getpid());
		CHECK_ERRNO(open("/dev/tty", O_RDWR), ENXIO);
		_exit(0);
	}
	CHECK_EXIT(child, 0);
}

SCRATCH_TEST(what_is_no_terminal)
{
	struct termios termios;
	struct winsize size;
	int fd[4], closed = dup(1);

	CHECK_EQ(pipe(fd), 0);
	fd[2] = make_file("f", "");
	fd[3] = open("/dev/null", O_RDWR);
	for (int i = 0; i < 4; i++) {
		CONTEXT("case %d", i);
		CHECK_ERRNO(ioctl(fd[i], TCGETS, &termios), ENOTTY);
		CHECK_ERRNO(ioctl(fd[i], TIOCGWINSZ, &size), ENOTTY);
		CHECK_ERRNO(isatty(fd[i]) - 1, ENOTTY);
	}
	CHECK_ERRNO(ioctl(open("/dev/zero", O_RDONLY), TCGETS, &termios), ENOTTY);
	CHECK_ERRNO(ioctl(open(".", O_RDONLY), TCGETS, &termios), ENOTTY);
	CHECK_EQ(close(closed), 0);
	CHECK_ERRNO(ioctl(closed, TCGETS, &termios), EBADF);
	CHECK_ERRNO(ioctl(-1, TIOCGWINSZ, &size), EBADF);
	CHECK_ERRNO(ioctl(fd[0], 0xdead, 0), ENOTTY);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
