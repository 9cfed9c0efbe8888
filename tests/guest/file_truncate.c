/*
 * ftruncate(2) and truncate(2): a longer file ends in zeroes, a shorter one loses its end for good,
 * in mappings too: pages beyond the end give SIGBUS, the rest of the last page is zero, and even a
 * private copy of a lost page is lost. Sources: truncate(2), mmap(2), POSIX ftruncate().
 */
#include "pages.h"
#include "paths.h"

enum { RW = PROT_READ | PROT_WRITE };

static int pattern_file(const char *path, size_t n)
{
	static char buffer[8 * PAGE];
	int fd = make_file(path, "");

	pattern_fill(buffer, n, 0);
	write_all(fd, buffer, n);
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

SCRATCH_TEST(shorter)
{
	char text[16] = { 0 };
	int fd = make_file("f", "0123456789");

	CHECK_EQ(lseek(fd, 8, SEEK_SET), 8);
	CHECK_EQ(ftruncate(fd, 4), 0);
	CHECK_FILE("f", "0123");
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 8);		/* the offset stays */
	CHECK_EQ(read(fd, text, 4), 0);
	CHECK_EQ(write(fd, "x", 1), 1);
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	CHECK_EQ(read(fd, text, 16), 9);
	CHECK(!memcmp(text, "0123\0\0\0\0x", 9));
}

SCRATCH_TEST(longer)
{
	static char text[20000];
	int fd = make_file("f", "abc");

	CHECK_EQ(ftruncate(fd, 20000), 0);
	CHECK_EQ(size_of("f"), 20000);
	CHECK_EQ(read_all(fd, text, sizeof(text)), 20000);
	CHECK(!memcmp(text, "abc", 3));
	CHECK_ZERO(text + 3, 19997);
}

/* What was cut off does not come back, wherever in a page the cut was. */
SCRATCH_TEST(shorter_and_longer_again)
{
	static char back[3 * PAGE];

	for (size_t cut = 0; cut <= 2 * PAGE; cut += 1 + cut * 2) {
		int fd = pattern_file("f", 3 * PAGE);
		CONTEXT("cut at %zu", cut);
		CHECK_EQ(ftruncate(fd, cut), 0);
		CHECK_EQ(ftruncate(fd, 3 * PAGE), 0);
		CHECK_EQ(read_all(fd, back, sizeof(back)), 3 * PAGE);
		CHECK_EQ(pattern_match(back, cut, 0), cut);
		CHECK_ZERO(back + cut, 3 * PAGE - cut);
		CHECK_EQ(close(fd), 0);
	}
}

SCRATCH_TEST(by_name)
{
	CHECK_EQ(close(make_file("f", "0123456789")), 0);
	CHECK_EQ(truncate("f", 5), 0);
	CHECK_FILE("f", "01234");
	CHECK_EQ(truncate("f", 5), 0);
	CHECK_EQ(truncate("f", 0), 0);
	CHECK_FILE("f", "");
}

SCRATCH_TEST(errors)
{
	int fd[2], file = make_file("f", "abc"), r = open("f", O_RDONLY);

	CHECK_EQ(pipe(fd), 0);
	CHECK_EQ(mkdir("d", 0755), 0);
	CHECK_ERRNO(ftruncate(file, -1), EINVAL);
	CHECK_ERRNO(ftruncate(r, 0), EINVAL);
	CHECK_ERRNO(ftruncate(fd[1], 0), EINVAL);
	CHECK_ERRNO(ftruncate(open("d", O_RDONLY), 0), EINVAL);
	CHECK_ERRNO(ftruncate(-1, 0), EBADF);
	CHECK_ERRNO(truncate("f", -1), EINVAL);
	CHECK_ERRNO(truncate("d", 0), EISDIR);
	CHECK_ERRNO(truncate("missing", 0), ENOENT);
	CHECK_ERRNO(truncate("f/x", 0), ENOTDIR);
	CHECK_ERRNO(truncate("", 0), ENOENT);
	CHECK_FILE("f", "abc");
}

SCRATCH_TEST(a_huge_hole)
{
	char c = 'x';
	int fd = make_file("f", "");

	CHECK_EQ(ftruncate(fd, 512 << 20), 0);
	CHECK_EQ(size_of("f"), 512 << 20);
	CHECK_EQ(lseek(fd, 300 << 20, SEEK_SET), 300 << 20);
	CHECK_EQ(read(fd, &c, 1), 1);
	CHECK_EQ(c, 0);
	CHECK_EQ(ftruncate(fd, 0), 0);
}

SCRATCH_TEST(shrinking_cuts_shared_mappings)
{
	int fd = pattern_file("f", 4 * PAGE);
	char *at = mmap(NULL, 4 * PAGE, RW, MAP_SHARED, fd, 0);

	CHECK(at != MAP_FAILED);
	CHECK_EQ(pattern_match(at, 4 * PAGE, 0), 4 * PAGE);
	CHECK_EQ(ftruncate(fd, PAGE + 10), 0);
	CHECK_EQ(pattern_match(at, PAGE + 10, 0), PAGE + 10);
	CHECK_ZERO(at + PAGE + 10, PAGE - 10);
	CHECK_BUS(peek(at + 2 * PAGE));
	CHECK_BUS(poke(at + 3 * PAGE, 1));
	CHECK_EQ(kernel_reads(at + 2 * PAGE), 0);
	CHECK_EQ(ftruncate(fd, 4 * PAGE), 0);
	CHECK_ZERO(at + 2 * PAGE, 2 * PAGE);
	stamp(at + 3 * PAGE, 1);
}

SCRATCH_TEST(shrinking_cuts_private_copies_too)
{
	int fd = pattern_file("f", 3 * PAGE);
	char *at = mmap(NULL, 3 * PAGE, RW, MAP_PRIVATE, fd, 0);

	CHECK(at != MAP_FAILED);
	stamp(at, 1);
	stamp(at + 2 * PAGE, 3);
	CHECK_EQ(ftruncate(fd, PAGE), 0);
	CHECK_STAMP(at, 1);
	CHECK_BUS(peek(at + PAGE));
	CHECK_BUS(peek(at + 2 * PAGE));
	CHECK_EQ(ftruncate(fd, 3 * PAGE), 0);
	CHECK_ZERO(at + PAGE, 2 * PAGE);
}

SCRATCH_TEST(shrinking_cuts_another_process_s_mapping)
{
	int go[2], fd = pattern_file("f", 2 * PAGE);
	char *at = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0);

	CHECK(at != MAP_FAILED);
	CHECK_EQ(pipe(go), 0);
	pid_t child = FORK();
	if (child == 0) {
		char c;
		stamp(at + PAGE, 1);
		close(go[1]);
		CHECK_EQ(read(go[0], &c, 1), 0);
		peek(at + PAGE);
		_exit(0);
	}
	await_sleep(child);
	CHECK_EQ(ftruncate(fd, PAGE), 0);
	close(go[0]);
	close(go[1]);
	CHECK_SIGNAL(child, SIGBUS);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
