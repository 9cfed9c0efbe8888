/*
 * madvise(2), of which MADV_DONTNEED is the one that is seen: private anonymous pages are zero
 * afterwards, private file pages are the file's again, shared pages keep their contents, and
 * nothing else changes. Other advice is accepted; wrong arguments have their errno. Source:
 * madvise(2).
 */
#include "pages.h"
#include "paths.h"

enum { RW = PROT_READ | PROT_WRITE };

TEST(dontneed_zeroes_private_pages)
{
	char *at = map_private(8);

	for (int i = 0; i < 8; i++)
		stamp(at + i * PAGE, i + 1);
	CHECK_EQ(madvise(at + 2 * PAGE, 3 * PAGE, MADV_DONTNEED), 0);
	for (int i = 0; i < 8; i++) {
		if (i >= 2 && i < 5)
			CHECK_ZERO(at + i * PAGE, PAGE);
		else
			CHECK_STAMP(at + i * PAGE, i + 1);
	}
	stamp(at + 3 * PAGE, 9);
	CHECK_STAMP(at + 3 * PAGE, 9);
	CHECK_MAP(at, 8, "rw-p");
}

TEST(dontneed_does_not_touch_the_other_process)
{
	char *at = map_private(4);

	for (int i = 0; i < 4; i++)
		stamp(at + i * PAGE, i + 1);
	pid_t child = FORK();
	if (child == 0) {
		CHECK_EQ(madvise(at, 4 * PAGE, MADV_DONTNEED), 0);
		CHECK_ZERO(at, 4 * PAGE);
		stamp(at, 100);
		_exit(0);
	}
	CHECK_EXIT(child, 0);
	for (int i = 0; i < 4; i++)
		CHECK_STAMP(at + i * PAGE, i + 1);
}

TEST(dontneed_keeps_shared_pages)
{
	char *at = map_shared(2);

	stamp(at, 1);
	CHECK_EQ(madvise(at, 2 * PAGE, MADV_DONTNEED), 0);
	CHECK_STAMP(at, 1);
	CHECK_ZERO(at + PAGE, PAGE);
}

SCRATCH_TEST(dontneed_rereads_the_file)
{
	static char buffer[3 * PAGE];
	int fd = make_file("f", "");

	pattern_fill(buffer, sizeof(buffer), 0);
	write_all(fd, buffer, sizeof(buffer));
	char *private = mmap(NULL, 3 * PAGE, RW, MAP_PRIVATE, fd, 0);
	char *shared = mmap(NULL, 3 * PAGE, RW, MAP_SHARED, fd, 0);
	CHECK(private != MAP_FAILED && shared != MAP_FAILED);
	stamp(private, 1);
	stamp(private + 2 * PAGE, 2);
	stamp(shared + PAGE, 3);
	CHECK_EQ(madvise(private, 3 * PAGE, MADV_DONTNEED), 0);
	CHECK_EQ(madvise(shared, 3 * PAGE, MADV_DONTNEED), 0);
	CHECK_EQ(pattern_match(private, PAGE, 0), PAGE);
	CHECK_STAMP(private + PAGE, 3);
	CHECK_EQ(pattern_match(private + 2 * PAGE, PAGE, 2 * PAGE), PAGE);
	CHECK_STAMP(shared + PAGE, 3);
}

TEST(dontneed_needs_no_write_permission)
{
	char *at = map_private(2);

	stamp(at, 1);
	stamp(at + PAGE, 2);
	CHECK_EQ(mprotect(at, PAGE, PROT_READ), 0);
	CHECK_EQ(mprotect(at + PAGE, PAGE, PROT_NONE), 0);
	CHECK_EQ(madvise(at, 2 * PAGE, MADV_DONTNEED), 0);
	CHECK_ZERO(at, PAGE);
	CHECK_EQ(mprotect(at, 2 * PAGE, RW), 0);
	CHECK_ZERO(at + PAGE, PAGE);
}

TEST(dontneed_on_the_heap_and_again)
{
	char *at = map_private(64);

	for (int round = 0; round < 20; round++) {
		CHECK_ZERO(at, 64 * PAGE);
		for (int i = 0; i < 64; i++)
			stamp(at + i * PAGE, round + 1);
		CHECK_EQ(madvise(at, 64 * PAGE, MADV_DONTNEED), 0);
	}
}

TEST(the_length_is_rounded_up)
{
	char *at = map_private(2);

	stamp(at, 1);
	stamp(at + PAGE, 2);
	CHECK_EQ(madvise(at, 1, MADV_DONTNEED), 0);
	CHECK_ZERO(at, PAGE);
	CHECK_STAMP(at + PAGE, 2);
	CHECK_EQ(madvise(at, 0, MADV_DONTNEED), 0);
	CHECK_EQ(madvise(at + PAGE, 0, MADV_DONTNEED), 0);
	CHECK_STAMP(at + PAGE, 2);
}

TEST(other_advice_changes_no_contents)
{
	static const int advice[] = { MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED };
	char *at = map_private(2);

	stamp(at, 1);
	for (unsigned i = 0; i < sizeof(advice) / sizeof(advice[0]); i++) {
		CONTEXT("advice %d", advice[i]);
		CHECK_EQ(madvise(at, 2 * PAGE, advice[i]), 0);
		CHECK_STAMP(at, 1);
		CHECK_ZERO(at + PAGE, PAGE);
	}
}

TEST(wrong_arguments_are_einval)
{
	char *at = map_private(2);

	stamp(at, 1);
	CHECK_ERRNO(syscall(SYS_madvise, at + 1, PAGE, MADV_DONTNEED), EINVAL);
	CHECK_ERRNO(syscall(SYS_madvise, at, PAGE, 12345), EINVAL);
	CHECK_ERRNO(syscall(SYS_madvise, at, PAGE, -1), EINVAL);
	CHECK_ERRNO(syscall(SYS_madvise, at, SIZE_MAX, MADV_DONTNEED), EINVAL);
	CHECK_ERRNO(syscall(SYS_madvise, at, SIZE_MAX - 2 * PAGE, MADV_DONTNEED), EINVAL);
	CHECK_STAMP(at, 1);
}

TEST(holes_are_enomem_but_the_rest_is_done)
{
	char *at = map_private(4);

	for (int i = 0; i < 4; i++)
		stamp(at + i * PAGE, i + 1);
	CHECK_EQ(munmap(at + PAGE, PAGE), 0);
	CHECK_ERRNO(madvise(at, 3 * PAGE, MADV_DONTNEED), ENOMEM);
	CHECK_ZERO(at, PAGE);
	CHECK_ZERO(at + 2 * PAGE, PAGE);
	CHECK_STAMP(at + 3 * PAGE, 4);
	CHECK_ERRNO(madvise(at + PAGE, PAGE, MADV_DONTNEED), ENOMEM);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
