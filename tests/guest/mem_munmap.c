/*
 * munmap(2): exactly the pages of the range go, whatever lies there: the middle of a mapping, its
 * ends, several mappings with holes between them, or nothing. What goes faults for the program and
 * gives EFAULT to the kernel; what stays keeps its contents, protection and place in its file; what
 * is mapped there again is zero. Sources: munmap(2), POSIX munmap().
 */
#include "pages.h"
#include "paths.h"

enum { RW = PROT_READ | PROT_WRITE };

/* So many private pages, page i stamped with base + i. */
static char *stamped(int pages, int base)
{
	char *at = map_private(pages);

	for (int i = 0; i < pages; i++)
		stamp(at + i * PAGE, base + i);
	return at;
}

TEST(whole)
{
	char *at = stamped(4, 1);

	CHECK_EQ(munmap(at, 4 * PAGE), 0);
	for (int i = 0; i < 4; i++) {
		CHECK_SEGV(peek(at + i * PAGE));
		CHECK_SEGV(poke(at + i * PAGE, 1));
		CHECK_EQ(kernel_reads(at + i * PAGE), 0);
		CHECK_EQ(kernel_writes(at + i * PAGE), 0);
	}
	CHECK_NO_MAP(at);
}

/* Every first and last page of eight: the rest must be as it was. */
TEST(every_part_of_a_mapping)
{
	for (int first = 0; first < 8; first++)
		for (int last = first; last < 8; last++) {
			char *at = stamped(8, 50);

			CONTEXT("pages %d to %d", first, last);
			CHECK_EQ(munmap(at + first * PAGE, (last - first + 1) * PAGE), 0);
			for (int i = 0; i < 8; i++) {
				int gone = i >= first && i <= last;
				CHECK_EQ(kernel_reads(at + i * PAGE), !gone);
				if (!gone)
					CHECK_STAMP(at + i * PAGE, 50 + i);
			}
			CHECK_EQ(munmap(at, 8 * PAGE), 0);
			CHECK_NO_MAP(at);
			CHECK_NO_MAP(at + 7 * PAGE);
		}
}

TEST(split_parts_have_their_own_life)
{
	char *at = stamped(5, 1);

	CHECK_EQ(munmap(at + 2 * PAGE, PAGE), 0);
	CHECK_SEGV(peek(at + 2 * PAGE));
	CHECK_EQ(mprotect(at, 2 * PAGE, PROT_READ), 0);
	CHECK_SEGV(poke(at + PAGE, 1));
	stamp(at + 3 * PAGE, 9);
	CHECK_EQ(munmap(at, 2 * PAGE), 0);
	CHECK_STAMP(at + 3 * PAGE, 9);
	CHECK_STAMP(at + 4 * PAGE, 5);
}

TEST(over_several_mappings_with_holes)
{
	char *at = free_space(12);

	map_at(at, 3, RW, MAP_PRIVATE);
	map_at(at + 4 * PAGE, 1, PROT_READ, MAP_PRIVATE);
	map_at(at + 5 * PAGE, 2, RW, MAP_SHARED);
	map_at(at + 9 * PAGE, 3, RW, MAP_PRIVATE);
	stamp(at, 1);
	stamp(at + 11 * PAGE, 2);
	CHECK_EQ(munmap(at + PAGE, 10 * PAGE), 0);
	CHECK_STAMP(at, 1);
	for (int i = 1; i < 11; i++)
		CHECK_EQ(kernel_reads(at + i * PAGE), 0);
	CHECK_STAMP(at + 11 * PAGE, 2);
}

TEST(nothing_there_is_success)
{
	char *at = free_space(8);

	CHECK_EQ(munmap(at, 8 * PAGE), 0);
	CHECK_EQ(munmap(at, PAGE), 0);
	CHECK_EQ(munmap(at + 7 * PAGE, 1), 0);
}

TEST(the_length_is_rounded_up)
{
	char *at = stamped(3, 1);

	CHECK_EQ(munmap(at, 1), 0);
	CHECK_SEGV(peek(at));
	CHECK_STAMP(at + PAGE, 2);
	CHECK_EQ(munmap(at + PAGE, PAGE + 1), 0);
	CHECK_SEGV(peek(at + 2 * PAGE));
}

TEST(wrong_arguments_are_einval_and_change_nothing)
{
	char *at = stamped(3, 1);

	CHECK_ERRNO(syscall(SYS_munmap, at, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_munmap, at + 1, PAGE), EINVAL);
	CHECK_ERRNO(syscall(SYS_munmap, at + 2048, PAGE), EINVAL);
	CHECK_ERRNO(syscall(SYS_munmap, at, user_end()), EINVAL);
	CHECK_ERRNO(syscall(SYS_munmap, at, SIZE_MAX - PAGE + 1), EINVAL);
	CHECK_ERRNO(syscall(SYS_munmap, at, SIZE_MAX), EINVAL);
	CHECK_ERRNO(syscall(SYS_munmap, user_end(), PAGE), EINVAL);
	CHECK_ERRNO(syscall(SYS_munmap, user_end() - PAGE, 2 * PAGE), EINVAL);
	CHECK_ERRNO(syscall(SYS_munmap, 0xffff888000000000, PAGE), EINVAL);
	CHECK_ERRNO(syscall(SYS_munmap, 0xfffffffffffff000, PAGE), EINVAL);
	for (int i = 0; i < 3; i++)
		CHECK_STAMP(at + i * PAGE, 1 + i);
}

TEST(mapped_again_it_is_zero)
{
	char *at = stamped(4, 1);

	for (int round = 0; round < 100; round++) {
		CHECK_EQ(munmap(at + PAGE, 2 * PAGE), 0);
		map_at(at + PAGE, 2, RW, MAP_PRIVATE);
		CHECK_ZERO(at + PAGE, 2 * PAGE);
		stamp(at + PAGE, round);
		stamp(at + 2 * PAGE, round);
	}
	CHECK_STAMP(at, 1);
	CHECK_STAMP(at + 3 * PAGE, 4);
}

TEST(every_second_of_many)
{
	enum { N = 512 };
	char *at = stamped(N, 1000);

	for (int i = 0; i < N; i += 2)
		CHECK_EQ(munmap(at + i * PAGE, PAGE), 0);
	for (int i = 1; i < N; i += 2)
		CHECK_STAMP(at + i * PAGE, 1000 + i);
	CHECK_SEGV(peek(at));
	CHECK_SEGV(peek(at + 256 * PAGE));
	map_at(at + 4 * PAGE, 1, RW, MAP_PRIVATE | MAP_FIXED_NOREPLACE);
	CHECK_ZERO(at + 4 * PAGE, PAGE);
	CHECK_EQ(munmap(at, N * PAGE), 0);
	for (int i = 0; i < N; i += 51)
		CHECK_NO_MAP(at + i * PAGE);
}

TEST(a_range_of_gigabytes_around_a_few_pages)
{
	size_t length = 8ul << 30;
	char *at = mmap(NULL, length, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	CHECK(at != MAP_FAILED);
	for (size_t i = 0; i < 8; i++)
		stamp(at + (i << 30), i + 1);
	CHECK_EQ(munmap(at + PAGE, length - 2 * PAGE), 0);
	CHECK_STAMP(at, 1);
	CHECK_SEGV(peek(at + (1ul << 30)));
	CHECK_ZERO(at + length - PAGE, PAGE);
}

TEST(the_child_s_unmapping_is_its_own)
{
	char *at = stamped(4, 1);

	CHECK_LIVES(CHECK_EQ(munmap(at, 4 * PAGE), 0));
	for (int i = 0; i < 4; i++)
		CHECK_STAMP(at + i * PAGE, 1 + i);
	pid_t child = FORK();
	if (child == 0) {
		CHECK_EQ(munmap(at + PAGE, PAGE), 0);
		CHECK_STAMP(at, 1);
		CHECK_STAMP(at + 2 * PAGE, 3);
		poke(at + PAGE, 1);
	}
	CHECK_SIGNAL(child, SIGSEGV);
	CHECK_STAMP(at + PAGE, 2);
}

TEST(another_mapping_of_shared_memory_stays)
{
	char *at = map_shared(2);

	stamp(at, 1);
	stamp(at + PAGE, 2);
	CHECK_LIVES(CHECK_EQ(munmap(at, 2 * PAGE), 0));
	CHECK_STAMP(at, 1);
	CHECK_EQ(munmap(at, PAGE), 0);
	CHECK_SEGV(peek(at));
	CHECK_STAMP(at + PAGE, 2);
}

SCRATCH_TEST(parts_of_a_file_mapping_keep_their_offsets)
{
	static char buffer[6 * PAGE];
	int fd = make_file("f", "");

	pattern_fill(buffer, sizeof(buffer), 0);
	write_all(fd, buffer, sizeof(buffer));
	for (int shared = 0; shared < 2; shared++) {
		char *at = mmap(NULL, 6 * PAGE, RW, shared ? MAP_SHARED : MAP_PRIVATE, fd, 0);

		CHECK(at != MAP_FAILED);
		CHECK_EQ(munmap(at + 2 * PAGE, PAGE), 0);
		CHECK_EQ(munmap(at, PAGE), 0);
		CHECK_EQ(pattern_match(at + PAGE, PAGE, PAGE), PAGE);
		CHECK_EQ(pattern_match(at + 3 * PAGE, 3 * PAGE, 3 * PAGE), 3 * PAGE);
		CHECK_SEGV(peek(at));
		CHECK_SEGV(peek(at + 2 * PAGE));
	}
}

TEST(unmapping_the_own_text_kills)
{
	CHECK_SEGV(munmap((void *)((uintptr_t)munmap & ~(PAGE - 1)), PAGE));
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
