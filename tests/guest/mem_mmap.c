/*
 * mmap(2) of anonymous memory: pages are zero and private or shared as asked, the kernel's choice
 * of address is aligned and free, hints are only hints, MAP_FIXED replaces exactly its range and
 * MAP_FIXED_NOREPLACE never does, protections hold for the program and for the kernel acting for
 * it, and each wrong argument has its errno. Sources: mmap(2), POSIX mmap(), and x86-64 Linux for
 * what they leave open. Files behind mappings are in mem_mmap_file.c.
 */
#include "pages.h"

enum { RW = PROT_READ | PROT_WRITE, PRIVATE = MAP_PRIVATE | MAP_ANONYMOUS };

/* The kernel's own answer about anonymous memory: -1 where it refuses. */
static long try_mmap(uintptr_t at, size_t length, int prot, int flags)
{
	return (long)raw_mmap(at, length, prot, flags, -1, 0);
}

TEST(zero_filled_and_writable)
{
	char *at = map_private(64);

	CHECK_ZERO(at, 64 * PAGE);
	for (int i = 0; i < 64; i++)
		stamp(at + i * PAGE, i + 1);
	for (int i = 0; i < 64; i++)
		CHECK_STAMP(at + i * PAGE, i + 1);
}

TEST(length_is_rounded_up_to_pages)
{
	for (size_t length = 1; length <= 2 * PAGE; length += PAGE - 1) {
		char *at = mmap(NULL, length, RW, PRIVATE, -1, 0);
		size_t end = (length + PAGE - 1) & ~(PAGE - 1);

		CONTEXT("length %zu", length);
		CHECK(at != MAP_FAILED);
		poke(at + end - 1, 1);
		CHECK_EQ(munmap(at, length), 0);
		CHECK_SEGV(peek(at + end - 1));
	}
}

TEST(length_zero_is_einval)
{
	CHECK_ERRNO(try_mmap(0, 0, RW, PRIVATE), EINVAL);
	CHECK_ERRNO(try_mmap(0, 0, RW, PRIVATE | MAP_FIXED), EINVAL);
}

TEST(more_than_the_address_space_is_enomem)
{
	const size_t lengths[] = {
		user_end(), 2 * user_end(), 1ul << 63, SIZE_MAX - PAGE + 1, SIZE_MAX - 1, SIZE_MAX,
	};

	for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		CONTEXT("length 0x%zx", lengths[i]);
		CHECK_ERRNO(try_mmap(0, lengths[i], RW, PRIVATE | MAP_NORESERVE), ENOMEM);
	}
}

TEST(wrong_flags_and_offsets_are_einval)
{
	CHECK_ERRNO(try_mmap(0, PAGE, RW, MAP_ANONYMOUS), EINVAL);
	CHECK_ERRNO(try_mmap(0, PAGE, RW, MAP_ANONYMOUS | MAP_PRIVATE | MAP_SHARED), EINVAL);
	CHECK_ERRNO((long)raw_mmap(0, PAGE, RW, PRIVATE, -1, 1), EINVAL);
	CHECK_ERRNO((long)raw_mmap(0, PAGE, RW, PRIVATE, -1, 4095), EINVAL);
}

TEST(anonymous_ignores_the_descriptor)
{
	char *at = raw_mmap(0, PAGE, RW, PRIVATE, 12345, 0);

	CHECK(at != MAP_FAILED);
	CHECK_ZERO(at, PAGE);
}

TEST(chosen_addresses_do_not_overlap)
{
	enum { N = 300 };
	static char *at[N];

	for (int i = 0; i < N; i++) {
		at[i] = map_pages(1 + i % 3, i % 2 ? RW : PROT_READ, MAP_PRIVATE);
		if (i % 2)
			stamp(at[i], i);
	}
	for (int i = 0; i < N; i++)
		for (int j = 0; j < i; j++)
			CHECK(at[i] + (1 + i % 3) * PAGE <= at[j]
			      || at[j] + (1 + j % 3) * PAGE <= at[i]);
	for (int k = 0; k < N; k++) {
		int i = k * 7 % N;

		if (i % 2)
			CHECK_STAMP(at[i], i);
		CHECK_EQ(munmap(at[i], (1 + i % 3) * PAGE), 0);
	}
}

TEST(fixed_is_at_the_address)
{
	char *at = free_space(4);

	map_at(at + PAGE, 2, RW, MAP_PRIVATE);
	stamp(at + PAGE, 1);
	stamp(at + 2 * PAGE, 2);
	CHECK_SEGV(peek(at));
	CHECK_SEGV(peek(at + 3 * PAGE));
}

TEST(fixed_unaligned_is_einval)
{
	uintptr_t at = (uintptr_t)free_space(4);

	CHECK_ERRNO(try_mmap(at + 1, PAGE, RW, PRIVATE | MAP_FIXED), EINVAL);
	CHECK_ERRNO(try_mmap(at + 2048, PAGE, RW, PRIVATE | MAP_FIXED), EINVAL);
	CHECK_ERRNO(try_mmap(at + 1, PAGE, RW, PRIVATE | MAP_FIXED_NOREPLACE), EINVAL);
}

TEST(fixed_outside_user_space_is_enomem)
{
	const uintptr_t places[] = {
		user_end(), user_end() - PAGE, 0xffff800000000000, 0xffff888000000000,
		0xfffffffffffff000,
	};

	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		CONTEXT("address 0x%lx", places[i]);
		CHECK_ERRNO(try_mmap(places[i], PAGE, RW, PRIVATE | MAP_FIXED), ENOMEM);
		CHECK_ERRNO(try_mmap(places[i], 2 * PAGE, RW, PRIVATE | MAP_FIXED), ENOMEM);
	}
}

TEST(fixed_replaces_exactly_its_range)
{
	char *at = map_private(5);

	for (int i = 0; i < 5; i++)
		stamp(at + i * PAGE, 100 + i);
	map_at(at + PAGE, 2, RW, MAP_PRIVATE);
	CHECK_STAMP(at, 100);
	CHECK_ZERO(at + PAGE, 2 * PAGE);
	CHECK_STAMP(at + 3 * PAGE, 103);
	CHECK_STAMP(at + 4 * PAGE, 104);
	stamp(at + PAGE, 7);
	map_at(at, 1, PROT_READ, MAP_PRIVATE);
	CHECK_ZERO(at, PAGE);
	CHECK_STAMP(at + PAGE, 7);
	CHECK_SEGV(poke(at, 1));
}

TEST(fixed_over_several_mappings_and_holes)
{
	char *at = map_pages(9, PROT_NONE, MAP_PRIVATE);

	CHECK_EQ(munmap(at + PAGE, PAGE), 0);
	CHECK_EQ(mprotect(at + 3 * PAGE, 2 * PAGE, RW), 0);
	stamp(at + 3 * PAGE, 3);
	stamp(at + 4 * PAGE, 4);
	map_at(at + 6 * PAGE, 1, RW, MAP_SHARED);
	stamp(at + 6 * PAGE, 6);
	map_at(at, 4, RW, MAP_PRIVATE);
	CHECK_ZERO(at, 4 * PAGE);
	CHECK_STAMP(at + 4 * PAGE, 4);
	map_at(at + 4 * PAGE, 5, RW, MAP_PRIVATE);
	CHECK_ZERO(at, 9 * PAGE);
}

TEST(a_failed_fixed_leaves_the_old_mapping)
{
	char *at = map_private(2);

	stamp(at, 1);
	stamp(at + PAGE, 2);
	CHECK_ERRNO(try_mmap((uintptr_t)at, PAGE, RW, MAP_PRIVATE | MAP_FIXED), EBADF);
	CHECK_ERRNO(try_mmap((uintptr_t)at, 0, RW, PRIVATE | MAP_FIXED), EINVAL);
	CHECK_ERRNO(try_mmap((uintptr_t)at, user_end(), RW, PRIVATE | MAP_FIXED), ENOMEM);
	CHECK_STAMP(at, 1);
	CHECK_STAMP(at + PAGE, 2);
}

TEST(noreplace_is_eexist_over_anything)
{
	char *at = map_private(4);
	int flags = PRIVATE | MAP_FIXED_NOREPLACE;

	CHECK_EQ(munmap(at + PAGE, 2 * PAGE), 0);
	stamp(at, 1);
	stamp(at + 3 * PAGE, 3);
	CHECK_ERRNO((long)mmap(at, PAGE, RW, flags, -1, 0), EEXIST);
	CHECK_ERRNO((long)mmap(at, 2 * PAGE, RW, flags, -1, 0), EEXIST);
	CHECK_ERRNO((long)mmap(at + 2 * PAGE, 2 * PAGE, RW, flags, -1, 0), EEXIST);
	CHECK_ERRNO((long)mmap(at, 4 * PAGE, RW, flags, -1, 0), EEXIST);
	CHECK_STAMP(at, 1);
	CHECK_STAMP(at + 3 * PAGE, 3);
	CHECK_NO_MAP(at + PAGE);
	CHECK(mmap(at + PAGE, 2 * PAGE, RW, flags, -1, 0) == at + PAGE);
	CHECK_ZERO(at + PAGE, 2 * PAGE);
}

TEST(a_free_hint_is_taken)
{
	char *at = free_space(16) + 4 * PAGE;

	CHECK(mmap(at, 2 * PAGE, RW, PRIVATE, -1, 0) == at);
}

TEST(an_occupied_hint_moves_elsewhere)
{
	char *at = map_private(2);

	stamp(at, 5);
	char *other = mmap(at, 2 * PAGE, RW, PRIVATE, -1, 0);
	CHECK(other != MAP_FAILED);
	CHECK(other + 2 * PAGE <= at || at + 2 * PAGE <= other);
	CHECK_STAMP(at, 5);
}

TEST(an_impossible_hint_is_harmless)
{
	const uintptr_t hints[] = {
		user_end(), user_end() - PAGE, 0xffff888000000000, UINTPTR_MAX,
	};

	for (unsigned i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
		char *at = raw_mmap(hints[i], 2 * PAGE, RW, PRIVATE, -1, 0);

		CONTEXT("hint 0x%lx", hints[i]);
		CHECK(at != MAP_FAILED);
		CHECK((uintptr_t)at + 2 * PAGE < user_end());
		stamp(at + PAGE, 1);
	}
}

TEST(an_unaligned_hint_gives_an_aligned_address)
{
	char *at = free_space(8);
	char *got = raw_mmap((uintptr_t)at + 2 * PAGE + 123, PAGE, RW, PRIVATE, -1, 0);

	CHECK(got != MAP_FAILED);
	CHECK_EQ((uintptr_t)got % PAGE, 0);
	stamp(got, 1);
}

TEST(prot_none_stops_the_program_and_the_kernel)
{
	char *at = map_pages(1, PROT_NONE, MAP_PRIVATE);

	CHECK_SEGV(peek(at));
	CHECK_SEGV(poke(at, 1));
	CHECK_EQ(kernel_reads(at), 0);
	CHECK_EQ(kernel_writes(at), 0);
}

TEST(read_only_stops_writes)
{
	char *at = map_pages(1, PROT_READ, MAP_PRIVATE);

	CHECK_ZERO(at, PAGE);
	CHECK_SEGV(poke(at, 1));
	CHECK_EQ(kernel_reads(at), 1);
	CHECK_EQ(kernel_writes(at), 0);
	CHECK_ZERO(at, PAGE);
}

TEST(write_only_can_be_read_on_x86)
{
	char *at = map_pages(1, PROT_WRITE, MAP_PRIVATE);

	stamp(at, 9);
	CHECK_STAMP(at, 9);
}

TEST(harmless_flags)
{
	static const int flags[] = {
		MAP_NORESERVE, MAP_STACK, MAP_POPULATE, MAP_POPULATE | MAP_NONBLOCK,
	};

	for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		CONTEXT("flags 0x%x", flags[i]);
		char *at = map_pages(8, RW, MAP_PRIVATE | flags[i]);
		CHECK_ZERO(at, 8 * PAGE);
		stamp(at + 7 * PAGE, 1);
		CHECK_EQ(munmap(at, 8 * PAGE), 0);
	}
	CHECK_EQ(munmap(map_pages(4, PROT_NONE, MAP_PRIVATE | MAP_POPULATE), 4 * PAGE), 0);
	CHECK_ZERO(map_pages(4, PROT_READ, MAP_PRIVATE | MAP_POPULATE), 4 * PAGE);
}

TEST(private_is_not_seen_by_the_other)
{
	char *at = map_private(3);

	stamp(at, 1);
	stamp(at + PAGE, 2);
	pid_t child = FORK();
	if (child == 0) {
		CHECK_STAMP(at, 1);
		CHECK_STAMP(at + PAGE, 2);
		stamp(at, 11);
		stamp(at + 2 * PAGE, 13);
		_exit(0);
	}
	stamp(at + PAGE, 22);
	CHECK_EXIT(child, 0);
	CHECK_STAMP(at, 1);
	CHECK_STAMP(at + PAGE, 22);
	CHECK_ZERO(at + 2 * PAGE, PAGE);
}

/*
 * Parent, child and grandchild write in turns; the pages were touched and untouched before the
 * fork.
 */
TEST(shared_is_seen_by_all)
{
	char *at = map_shared(4);

	stamp(at, 1);
	pid_t child = FORK();
	if (child == 0) {
		pid_t grandchild = FORK();
		if (grandchild == 0) {
			CHECK_STAMP(at, 1);
			stamp(at + PAGE, 3);
			_exit(0);
		}
		CHECK_EXIT(grandchild, 0);
		CHECK_STAMP(at + PAGE, 3);
		stamp(at, 2);
		stamp(at + 3 * PAGE, 4);
		_exit(0);
	}
	CHECK_EXIT(child, 0);
	CHECK_STAMP(at, 2);
	CHECK_STAMP(at + PAGE, 3);
	CHECK_ZERO(at + 2 * PAGE, PAGE);
	CHECK_STAMP(at + 3 * PAGE, 4);
}

TEST(shared_lives_until_the_last_process_unmaps)
{
	int go[2];
	char *at = map_shared(2);

	CHECK_EQ(pipe(go), 0);
	stamp(at, 1);
	pid_t child = FORK();
	if (child == 0) {
		char byte;
		close(go[1]);
		CHECK_EQ(read(go[0], &byte, 1), 0);
		CHECK_STAMP(at, 1);
		CHECK_STAMP(at + PAGE, 2);
		_exit(0);
	}
	stamp(at + PAGE, 2);
	CHECK_EQ(munmap(at, 2 * PAGE), 0);
	close(go[0]);
	close(go[1]);
	CHECK_EXIT(child, 0);
}

TEST(two_shared_mappings_are_two_memories)
{
	char *one = map_shared(1), *two = map_shared(1);

	stamp(one, 1);
	CHECK_ZERO(two, PAGE);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
