/*
 * mremap(2): a mapping shrinks, grows where there is room, moves where there is not and it may, and
 * moves to a fixed place over whatever was there, always with its contents, protection and file
 * offset; what it leaves is unmapped. Each refusal has its errno and changes nothing. Source:
 * mremap(2).
 */
#include "pages.h"
#include "paths.h"

enum { RW = PROT_READ | PROT_WRITE };

/* A stamped private mapping (page i has base + i) with free pages after it. */
static char *stamped(int pages, int free_pages, int base)
{
	char *at = map_private(pages + free_pages);

	for (int i = 0; i < pages; i++)
		stamp(at + i * PAGE, base + i);
	if (free_pages)
		CHECK_EQ(munmap(at + pages * PAGE, free_pages * PAGE), 0);
	return at;
}

static void check_stamped(const char *at, int pages, int base)
{
	for (int i = 0; i < pages; i++)
		CHECK_STAMP(at + i * PAGE, base + i);
}

static char *raw_mremap(const void *at, size_t old, size_t new, int flags, const void *to)
{
	return (char *)syscall(SYS_mremap, at, old, new, flags, to);
}

TEST(shrinks_in_place)
{
	char *at = stamped(6, 0, 1);

	CHECK(mremap(at, 6 * PAGE, 2 * PAGE, 0) == at);
	check_stamped(at, 2, 1);
	for (int i = 2; i < 6; i++)
		CHECK_SEGV(peek(at + i * PAGE));
	CHECK(mremap(at, 2 * PAGE, 2 * PAGE, 0) == at);
	CHECK(mremap(at, 2 * PAGE, PAGE + 1, 0) == at);
	check_stamped(at, 2, 1);
}

TEST(grows_in_place)
{
	char *at = stamped(2, 6, 1);

	CHECK(mremap(at, 2 * PAGE, 8 * PAGE, 0) == at);
	check_stamped(at, 2, 1);
	CHECK_ZERO(at + 2 * PAGE, 6 * PAGE);
	stamp(at + 7 * PAGE, 8);
	CHECK_MAP(at, 8, "rw-p");
}

TEST(no_room_and_may_not_move_is_enomem)
{
	char *at = stamped(4, 0, 1);

	CHECK_ERRNO((long)mremap(at, 2 * PAGE, 3 * PAGE, 0), ENOMEM);
	CHECK_ERRNO((long)mremap(at, 2 * PAGE, 1024 * PAGE, 0), ENOMEM);
	check_stamped(at, 4, 1);
}

TEST(moves_when_there_is_no_room)
{
	char *at = stamped(4, 0, 1);
	char *to = mremap(at, 2 * PAGE, 5 * PAGE, MREMAP_MAYMOVE);

	CHECK(to != MAP_FAILED);
	CHECK(to != at);
	check_stamped(to, 2, 1);
	CHECK_ZERO(to + 2 * PAGE, 3 * PAGE);
	CHECK_SEGV(peek(at));
	CHECK_SEGV(peek(at + PAGE));
	check_stamped(at + 2 * PAGE, 2, 3);
	stamp(to, 9);
	CHECK_STAMP(to, 9);
}

TEST(moves_to_a_fixed_place)
{
	char *at = stamped(3, 0, 1), *target = stamped(8, 0, 100);

	move_to(at, 3, target + 2 * PAGE);
	check_stamped(target, 2, 100);
	check_stamped(target + 2 * PAGE, 3, 1);
	check_stamped(target + 5 * PAGE, 3, 105);
	CHECK_SEGV(peek(at));
	CHECK_SEGV(peek(at + 2 * PAGE));
}

TEST(moves_and_changes_size)
{
	char *at = stamped(6, 0, 1), *target = free_space(12);
	int flags = MREMAP_MAYMOVE | MREMAP_FIXED;

	CHECK(mremap(at, 6 * PAGE, 2 * PAGE, flags, target) == target);
	check_stamped(target, 2, 1);
	CHECK_NO_MAP(target + 2 * PAGE);
	for (int i = 0; i < 6; i++)
		CHECK_NO_MAP(at + i * PAGE);
	at = stamped(2, 0, 1);
	CHECK(mremap(at, 2 * PAGE, 6 * PAGE, flags, target + 4 * PAGE) == target + 4 * PAGE);
	check_stamped(target + 4 * PAGE, 2, 1);
	CHECK_ZERO(target + 6 * PAGE, 4 * PAGE);
}

TEST(the_middle_of_a_mapping_moves)
{
	char *at = stamped(5, 0, 1), *target = free_space(1);

	move_to(at + 2 * PAGE, 1, target);
	check_stamped(at, 2, 1);
	CHECK_SEGV(peek(at + 2 * PAGE));
	check_stamped(at + 3 * PAGE, 2, 4);
	CHECK_STAMP(target, 3);
}

TEST(protection_moves_along)
{
	char *at = stamped(2, 0, 1), *target = free_space(4);
	int flags = MREMAP_MAYMOVE | MREMAP_FIXED;

	CHECK_EQ(mprotect(at, 2 * PAGE, PROT_READ), 0);
	CHECK(mremap(at, 2 * PAGE, 3 * PAGE, flags, target) == target);
	CHECK_MAP(target, 3, "r--p");
	CHECK_SEGV(poke(target, 1));
	CHECK_SEGV(poke(target + 2 * PAGE, 1));
	CHECK_EQ(mprotect(target, 3 * PAGE, RW), 0);
	check_stamped(target, 2, 1);
	stamp(target + 2 * PAGE, 3);
}

TEST(wrong_arguments_are_einval)
{
	char *at = stamped(4, 0, 1), *target = map_private(4);
	int fixed = MREMAP_MAYMOVE | MREMAP_FIXED;

	CHECK_ERRNO((long)raw_mremap(at + 1, PAGE, 2 * PAGE, MREMAP_MAYMOVE, NULL), EINVAL);
	CHECK_ERRNO((long)raw_mremap(at, PAGE, 0, MREMAP_MAYMOVE, NULL), EINVAL);
	CHECK_ERRNO((long)raw_mremap(at, PAGE, PAGE, 0x80, NULL), EINVAL);
	CHECK_ERRNO((long)raw_mremap(at, PAGE, PAGE, MREMAP_FIXED, target), EINVAL);
	CHECK_ERRNO((long)raw_mremap(at, PAGE, PAGE, fixed, target + 1), EINVAL);
	CHECK_ERRNO((long)raw_mremap(at, PAGE, PAGE, fixed, (void *)user_end()), EINVAL);
	CHECK_ERRNO((long)raw_mremap(at, PAGE, PAGE, fixed, (void *)0xffff888000000000), EINVAL);
	CHECK_ERRNO((long)raw_mremap(at, 2 * PAGE, 2 * PAGE, fixed, at), EINVAL);
	CHECK_ERRNO((long)raw_mremap(at, 2 * PAGE, 2 * PAGE, fixed, at + PAGE), EINVAL);
	CHECK_ERRNO((long)raw_mremap(at + PAGE, 2 * PAGE, 2 * PAGE, fixed, at), EINVAL);
	CHECK_ERRNO((long)raw_mremap(at, 0, PAGE, MREMAP_MAYMOVE, NULL), EINVAL);
	check_stamped(at, 4, 1);
	CHECK_ZERO(target, 4 * PAGE);
}

TEST(unmapped_ranges_are_efault)
{
	char *at = stamped(4, 0, 1);

	CHECK_ERRNO((long)raw_mremap(free_space(1), PAGE, 2 * PAGE, MREMAP_MAYMOVE, NULL), EFAULT);
	CHECK_EQ(munmap(at + 2 * PAGE, PAGE), 0);
	CHECK_ERRNO((long)raw_mremap(at, 3 * PAGE, 8 * PAGE, MREMAP_MAYMOVE, NULL), EFAULT);
	CHECK_ERRNO((long)raw_mremap(at + 2 * PAGE, PAGE, 8 * PAGE, MREMAP_MAYMOVE, NULL), EFAULT);
	check_stamped(at, 2, 1);
	CHECK_STAMP(at + 3 * PAGE, 4);
}

TEST(two_mappings_cannot_grow_as_one)
{
	char *at = stamped(4, 0, 1);

	CHECK_EQ(mprotect(at + PAGE, PAGE, PROT_READ), 0);
	CHECK_ERRNO((long)raw_mremap(at, 4 * PAGE, 8 * PAGE, MREMAP_MAYMOVE, NULL), EFAULT);
	check_stamped(at, 4, 1);
}

TEST(too_much_is_enomem_or_einval)
{
	char *at = stamped(2, 0, 1);

	const size_t lengths[] = { user_end(), 1ul << 62, SIZE_MAX - PAGE + 1, SIZE_MAX };

	for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		CONTEXT("length 0x%zx", lengths[i]);
		CHECK(raw_mremap(at, 2 * PAGE, lengths[i], MREMAP_MAYMOVE, NULL) == MAP_FAILED);
		CHECK(errno == ENOMEM || errno == EINVAL);
	}
	check_stamped(at, 2, 1);
}

TEST(shared_memory_moves_and_stays_shared)
{
	char *at = map_shared(2), *target = free_space(4);

	stamp(at, 1);
	stamp(at + PAGE, 2);
	pid_t child = FORK();
	if (child == 0) {
		move_to(at, 2, target);
		check_stamped(target, 2, 1);
		stamp(target + PAGE, 22);
		_exit(0);
	}
	CHECK_EXIT(child, 0);
	CHECK_STAMP(at, 1);
	CHECK_STAMP(at + PAGE, 22);
}

/* With an old length of 0 a shared mapping is not moved but doubled. */
TEST(a_second_view_of_shared_memory)
{
	char *at = map_shared(3);
	char *view = raw_mremap(at, 0, 3 * PAGE, MREMAP_MAYMOVE, NULL);

	CHECK(view != MAP_FAILED);
	stamp(at, 1);
	stamp(view + PAGE, 2);
	CHECK_STAMP(view, 1);
	CHECK_STAMP(at + PAGE, 2);
}

TEST(pages_shared_by_fork_move_in_one_process)
{
	char *at = stamped(64, 0, 1), *target = free_space(64);
	pid_t child = FORK();

	if (child == 0) {
		move_to(at, 64, target);
		check_stamped(target, 64, 1);
		for (int i = 0; i < 64; i += 2)
			stamp(target + i * PAGE, 1000 + i);
		for (int i = 0; i < 64; i++)
			CHECK_STAMP(target + i * PAGE, i % 2 ? 1 + i : 1000 + i);
		_exit(0);
	}
	for (int i = 0; i < 64; i += 3)
		stamp(at + i * PAGE, 2000 + i);
	CHECK_EXIT(child, 0);
	for (int i = 0; i < 64; i++)
		CHECK_STAMP(at + i * PAGE, i % 3 ? 1 + i : 2000 + i);
}

/* A sparse mapping across several page tables moves to another place within a table. */
TEST(sparse_pages_keep_their_places)
{
	size_t pages = 3 * 512 + 7;
	char *at = map_private(pages), *space = free_space(pages + 512);
	char *target = space + 5 * PAGE;

	for (size_t i = 0; i < pages; i += 101)
		stamp(at + i * PAGE, i + 1);
	move_to(at, pages, target);
	for (size_t i = 0; i < pages; i++) {
		if (i % 101 == 0)
			CHECK_STAMP(target + i * PAGE, i + 1);
		else if (i % 17 == 0)
			CHECK_ZERO(target + i * PAGE, PAGE);
	}
}

SCRATCH_TEST(a_file_mapping_grows_along_the_file)
{
	static char buffer[6 * PAGE];
	int fd = make_file("f", "");

	pattern_fill(buffer, sizeof(buffer), 0);
	write_all(fd, buffer, sizeof(buffer));
	for (int shared = 0; shared < 2; shared++) {
		char *at = mmap(NULL, PAGE, RW, shared ? MAP_SHARED : MAP_PRIVATE, fd, 2 * PAGE);
		CHECK(at != MAP_FAILED);
		at = mremap(at, PAGE, 5 * PAGE, MREMAP_MAYMOVE);
		CHECK(at != MAP_FAILED);
		CHECK_EQ(pattern_match(at, 4 * PAGE, 2 * PAGE), 4 * PAGE);
		CHECK_BUS(peek(at + 4 * PAGE));
		char *target = free_space(1);
		move_to(at + PAGE, 1, target);
		CHECK_EQ(pattern_match(target, PAGE, 3 * PAGE), PAGE);
	}
}

TEST(grows_again_and_again)
{
	char *at = stamped(1, 0, 1);

	for (size_t pages = 1; pages < 512; pages *= 2) {
		at = mremap(at, pages * PAGE, 2 * pages * PAGE, MREMAP_MAYMOVE);
		CHECK(at != MAP_FAILED);
		check_stamped(at, pages, 1);
		CHECK_ZERO(at + pages * PAGE, PAGE);
		for (size_t i = pages; i < 2 * pages; i++)
			stamp(at + i * PAGE, 1 + i);
	}
}

/* ---- MREMAP_DONTUNMAP ------------------------------------------------------------------------ */

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

TEST(the_old_place_stays_mapped_and_is_empty)
{
	char *at = stamped(4, 0, 1);
	char *to = raw_mremap(at, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);

	CHECK(to != MAP_FAILED && to != at);
	check_stamped(to, 4, 1);
	CHECK_ZERO(at, 4 * PAGE);
	stamp(at, 9);
	check_stamped(to, 4, 1);
}

TEST(dontunmap_of_the_middle_to_a_fixed_place)
{
	char *at = stamped(5, 0, 1), *target = stamped(4, 0, 20);
	int flags = MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP;

	CHECK(raw_mremap(at + PAGE, 2 * PAGE, 2 * PAGE, flags, target + PAGE) == target + PAGE);
	CHECK_STAMP(target, 20);
	check_stamped(target + PAGE, 2, 2);
	CHECK_STAMP(target + 3 * PAGE, 23);
	CHECK_STAMP(at, 1);
	CHECK_ZERO(at + PAGE, 2 * PAGE);
	check_stamped(at + 3 * PAGE, 2, 4);
}

TEST(dontunmap_of_shared_memory_has_it_twice)
{
	char *at = map_shared(3);

	stamp(at + PAGE, 5);
	char *to = raw_mremap(at, 3 * PAGE, 3 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
	CHECK(to != MAP_FAILED && to != at);
	CHECK_STAMP(to + PAGE, 5);
	CHECK_STAMP(at + PAGE, 5);
	stamp(at, 6);
	CHECK_STAMP(to, 6);
}

TEST(dontunmap_is_refused)
{
	char *at = stamped(4, 4, 1);
	const int keep = MREMAP_DONTUNMAP, move = MREMAP_MAYMOVE;

	CHECK_ERRNO((long)raw_mremap(at, 4 * PAGE, 4 * PAGE, keep, NULL), EINVAL);
	CHECK_ERRNO((long)raw_mremap(at, 4 * PAGE, 2 * PAGE, keep | move, NULL), EINVAL);
	CHECK_ERRNO((long)raw_mremap(at, 4 * PAGE, 6 * PAGE, keep | move, NULL), EINVAL);
	CHECK_ERRNO((long)raw_mremap(at, 4 * PAGE, 4 * PAGE, 8 | move, NULL), EINVAL);
	check_stamped(at, 4, 1);
}

TEST(dontunmap_unlocks_the_old_place)
{
	char *at = stamped(4, 0, 1), *to;

	CHECK_EQ(mlock(at, 4 * PAGE), 0);
	to = raw_mremap(at, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
	CHECK(to != MAP_FAILED);
	CHECK_EQ(madvise(at, 4 * PAGE, MADV_DONTNEED), 0);
	CHECK_ERRNO(madvise(to, 4 * PAGE, MADV_DONTNEED), EINVAL);
	check_stamped(to, 4, 1);
}

TEST(dontunmap_in_a_child_leaves_the_parents)
{
	char *at = stamped(4, 0, 1);
	pid_t child = FORK();

	if (child == 0) {
		int flags = MREMAP_MAYMOVE | MREMAP_DONTUNMAP;
		char *to = raw_mremap(at, 4 * PAGE, 4 * PAGE, flags, NULL);
		CHECK(to != MAP_FAILED);
		stamp(to, 7);
		CHECK_ZERO(at, 4 * PAGE);
		_exit(0);
	}
	CHECK_EXIT(child, 0);
	check_stamped(at, 4, 1);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
