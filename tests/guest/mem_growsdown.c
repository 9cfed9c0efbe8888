/*
 * MAP_GROWSDOWN: an area that grows towards lower addresses when it is touched below, down to
 * RLIMIT_STACK, and never closer than 256 pages to a neighbour that can be used; what may be mapped
 * in that gap, and what then becomes of the growth. Sources: mmap(2), Linux's
 * Documentation/admin-guide/kernel-parameters.txt on stack_guard_gap.
 */
#include "pages.h"
#include <sys/resource.h>

enum { RW = PROT_READ | PROT_WRITE, GAP = 256 };

/* An area of one page that grows, with so many free pages below it. */
static char *new_stack(size_t below)
{
	char *space = free_space(below + 2) + PAGE;

	map_at(space + below * PAGE, 1, RW, MAP_PRIVATE | MAP_GROWSDOWN);
	return space + below * PAGE;
}

TEST(grows_when_touched_below)
{
	char *at = new_stack(1024);

	stamp(at, 1);
	stamp(at - PAGE, 2);
	CHECK_MAP(at - PAGE, 2, "rw-p");
	stamp(at - 100 * PAGE, 3); /* however far, as long as there is room */
	CHECK_MAP(at - 100 * PAGE, 101, "rw-p");
	CHECK_STAMP(at, 1);
	CHECK_STAMP(at - PAGE, 2);
	CHECK_ZERO(at - 50 * PAGE, PAGE);
}

TEST(grows_for_the_kernel_too)
{
	char *at = new_stack(1024);

	CHECK(kernel_writes(at - PAGE));
	CHECK_EQ(peek(at - PAGE), 'k');
	CHECK(kernel_reads(at - 2 * PAGE));
	CHECK_MAP(at - 2 * PAGE, 3, "rw-p");
}

TEST(only_private_anonymous_memory_grows)
{
	int flags = MAP_GROWSDOWN | MAP_ANONYMOUS;

	CHECK_ERRNO((long)mmap(NULL, PAGE, RW, flags | MAP_SHARED, -1, 0), EINVAL);
	int fd = open("/proc/self/exe", O_RDONLY);
	CHECK_ERRNO((long)mmap(NULL, PAGE, PROT_READ, MAP_GROWSDOWN | MAP_PRIVATE, fd, 0), EINVAL);
}

TEST(read_only_areas_grow_by_reading)
{
	char *at = new_stack(1024);

	CHECK_EQ(mprotect(at, PAGE, PROT_READ), 0);
	CHECK_EQ(peek(at - PAGE), 0);
	CHECK_MAP(at - PAGE, 2, "r--p");
	CHECK_SEGV(poke(at - 2 * PAGE, 1));
}

TEST(keeps_its_distance_from_a_neighbour)
{
	char *at = new_stack(512), *wall = at - 400 * PAGE;

	map_at(wall, 1, RW, MAP_PRIVATE);
	poke(wall + (GAP + 1) * PAGE, 1); /* 256 pages are left free */
	CHECK_SEGV(poke(wall + GAP * PAGE, 1));
	CHECK_SEGV(poke(wall + PAGE, 1));
	CHECK_MAP(wall + (GAP + 1) * PAGE, 400 - GAP, "rw-p");
	CHECK_EQ(munmap(wall, PAGE), 0);
	poke(wall + PAGE, 1);
}

TEST(a_wall_nobody_can_use_may_be_touched)
{
	char *at = new_stack(512), *wall = at - 400 * PAGE;

	map_at(wall, 1, PROT_NONE, MAP_PRIVATE);
	poke(wall + PAGE, 1);
	CHECK_SEGV(poke(wall, 1));
	CHECK_MAP(wall, 1, "---p");
	CHECK_EQ(mprotect(wall, PAGE, PROT_READ), 0);
	CHECK_EQ(peek(wall), 0);
}

TEST(another_such_area_is_no_wall)
{
	char *at = new_stack(512), *lower = at - 400 * PAGE;

	map_at(lower, 1, RW, MAP_PRIVATE | MAP_GROWSDOWN);
	stamp(lower, 5);
	stamp(at - 390 * PAGE, 6);
	stamp(lower + PAGE, 7);
	CHECK_STAMP(lower, 5);
}

TEST(a_neighbour_may_come_closer)
{
	char *at = new_stack(512), *late = at - 10 * PAGE;

	poke(at - 2 * PAGE, 1);
	map_at(late, 1, RW, MAP_PRIVATE); /* by force */
	poke(late, 1);
	CHECK_SEGV(poke(at - 3 * PAGE, 1));
	CHECK_EQ(munmap(late, PAGE), 0);
	poke(at - 3 * PAGE, 1);
}

TEST(the_gap_is_not_given_away)
{
	char *at = new_stack(512);
	char *got = mmap(at - 10 * PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(got != MAP_FAILED);
	CHECK(got != at - 10 * PAGE); /* as a mere wish it is refused */
	CHECK_EQ(munmap(got, PAGE), 0);
	got = mmap(at - 10 * PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
		   0);
	CHECK(got == at - 10 * PAGE); /* asked for exactly, it is free */
	CHECK_EQ(munmap(got, PAGE), 0);
	got = mmap(at - (GAP + 1) * PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(got == at - (GAP + 1) * PAGE);
}

TEST(a_neighbour_grows_into_the_gap)
{
	char *at = new_stack(512), *late = at - 100 * PAGE;

	map_at(late, 1, RW, MAP_PRIVATE);
	CHECK(mremap(late, PAGE, 50 * PAGE, 0) == late);
	CHECK_ERRNO((long)mremap(late, 50 * PAGE, 101 * PAGE, 0), ENOMEM);
}

TEST(not_beyond_rlimit_stack)
{
	struct rlimit limit = { 64 * PAGE, 64 * PAGE };
	char *at = new_stack(1024);

	CHECK_LIVES({
		setrlimit(RLIMIT_STACK, &limit);
		poke(at - 63 * PAGE, 1);
	});
	CHECK_SEGV({
		setrlimit(RLIMIT_STACK, &limit);
		poke(at - 64 * PAGE, 1);
	});
}

TEST(not_beyond_rlimit_as)
{
	struct rlimit limit = { 16 << 20, 16 << 20 };
	char *at = new_stack(4096);

	CHECK_SEGV({
		setrlimit(RLIMIT_AS, &limit);
		poke(at - 1900 * PAGE, 1);
		map_private(2000);
		poke(at - 1950 * PAGE, 1);
		poke(at - 2040 * PAGE, 1);
		map_private(2000);
		_exit(1);
	});
}

TEST(fork_copies_what_has_grown)
{
	char *at = new_stack(1024);

	stamp(at - 5 * PAGE, 5);
	pid_t child = FORK();
	if (child == 0) {
		CHECK_STAMP(at - 5 * PAGE, 5);
		stamp(at - 9 * PAGE, 9);
		CHECK_MAP(at - 9 * PAGE, 10, "rw-p");
		_exit(0);
	}
	CHECK_EXIT(child, 0);
	CHECK_MAP(at - 5 * PAGE, 6, "rw-p");
	CHECK_ZERO(at - 9 * PAGE, PAGE);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
