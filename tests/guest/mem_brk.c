/*
 * brk(2), by the system call itself, which on Linux returns the new break, or the old one if it
 * cannot be set: growing gives zeroed memory, shrinking takes it away for good, a break that would
 * leave the data segment, run into a mapping or exceed RLIMIT_DATA changes nothing, and fork copies
 * it. Each test keeps clear of malloc, which uses the break too. Source: brk(2), "C library/kernel
 * differences".
 */
#include "pages.h"
#include <sys/resource.h>

static uintptr_t brk_set(uintptr_t to)
{
	return (uintptr_t)syscall(SYS_brk, to);
}

static uintptr_t brk_now(void)
{
	return brk_set(0);
}

/* The break moved up to a page boundary, so that every test counts in whole pages. */
static char *brk_aligned(void)
{
	uintptr_t at = (brk_now() + PAGE - 1) & ~(PAGE - 1);

	CHECK_EQ(brk_set(at), at);
	return (char *)at;
}

static void brk_to(char *to)
{
	CHECK_EQ(brk_set((uintptr_t)to), (uintptr_t)to);
	CHECK_EQ(brk_now(), (uintptr_t)to);
}

TEST(grows_with_zeroed_memory)
{
	char *at = brk_aligned();

	brk_to(at + 32 * PAGE);
	CHECK_ZERO(at, 32 * PAGE);
	for (int i = 0; i < 32; i++)
		stamp(at + i * PAGE, i);
	brk_to(at + 64 * PAGE);
	for (int i = 0; i < 32; i++)
		CHECK_STAMP(at + i * PAGE, i);
	CHECK_ZERO(at + 32 * PAGE, 32 * PAGE);
}

TEST(shrinks_and_is_zero_after_growing_again)
{
	char *at = brk_aligned();

	brk_to(at + 8 * PAGE);
	for (int i = 0; i < 8; i++)
		stamp(at + i * PAGE, i + 1);
	brk_to(at + 3 * PAGE);
	CHECK_SEGV(peek(at + 3 * PAGE));
	CHECK_SEGV(poke(at + 7 * PAGE, 1));
	CHECK_EQ(kernel_reads(at + 3 * PAGE), 0);
	CHECK_STAMP(at + 2 * PAGE, 3);
	brk_to(at + 8 * PAGE);
	CHECK_STAMP(at + 2 * PAGE, 3);
	CHECK_ZERO(at + 3 * PAGE, 5 * PAGE);
}

TEST(the_break_need_not_be_aligned)
{
	char *at = brk_aligned();

	brk_to(at + 1);
	poke(at, 1);
	poke(at + PAGE - 1, 2);
	CHECK_SEGV(peek(at + PAGE));
	brk_to(at + PAGE);
	CHECK_SEGV(peek(at + PAGE));
	brk_to(at + PAGE + 100);
	CHECK_EQ(peek(at), 1);
	poke(at + PAGE, 3);
	brk_to(at + 200);
	CHECK_SEGV(peek(at + PAGE));
	CHECK_EQ(peek(at), 1);
}

TEST(an_impossible_break_changes_nothing)
{
	const uintptr_t places[] = {
		1, PAGE, user_end(), 2 * user_end(), 0xffff888000000000, UINTPTR_MAX - 4095,
		UINTPTR_MAX,
	};
	char *at = brk_aligned();

	brk_to(at + 2 * PAGE);
	stamp(at + PAGE, 5);
	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		CONTEXT("break 0x%lx", places[i]);
		CHECK_EQ(brk_set(places[i]), (uintptr_t)at + 2 * PAGE);
		CHECK_EQ(brk_now(), (uintptr_t)at + 2 * PAGE);
	}
	CHECK_STAMP(at + PAGE, 5);
}

TEST(a_negative_increment_beyond_the_start)
{
	char *at = brk_aligned();

	brk_to(at + PAGE);
	CHECK_EQ(brk_set((uintptr_t)at - (1ul << 40)), (uintptr_t)at + PAGE);
	CHECK_EQ(brk_set((uintptr_t)ktap_main), (uintptr_t)at + PAGE);
}

TEST(does_not_run_into_a_mapping)
{
	char *at = brk_aligned(), *wall = at + 16 * PAGE;

	map_at(wall, 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED_NOREPLACE);
	stamp(wall, 1);
	brk_to(at + 8 * PAGE);
	stamp(at + 7 * PAGE, 2);
	CHECK_EQ(brk_set((uintptr_t)wall + 1), (uintptr_t)at + 8 * PAGE);
	CHECK_EQ(brk_set((uintptr_t)wall + PAGE), (uintptr_t)at + 8 * PAGE);
	CHECK_EQ(brk_set((uintptr_t)wall + 64 * PAGE), (uintptr_t)at + 8 * PAGE);
	CHECK_STAMP(wall, 1);
	CHECK_STAMP(at + 7 * PAGE, 2);
	CHECK_EQ(munmap(wall, PAGE), 0);
	brk_to(at + 64 * PAGE);
	CHECK_ZERO(wall, PAGE);
}

TEST(rlimit_data_bounds_it)
{
	struct rlimit limit;
	char *at = brk_aligned();

	CHECK_EQ(getrlimit(RLIMIT_DATA, &limit), 0);
	limit.rlim_cur = 16 << 20;
	CHECK_EQ(setrlimit(RLIMIT_DATA, &limit), 0);
	brk_to(at + 1024 * PAGE);
	CHECK_EQ(brk_set((uintptr_t)at + 4096 * PAGE), (uintptr_t)at + 1024 * PAGE);
	stamp(at + 1023 * PAGE, 1);
	brk_to(at);
	limit.rlim_cur = 1;
	CHECK_EQ(setrlimit(RLIMIT_DATA, &limit), 0);
	CHECK_EQ(brk_set((uintptr_t)at + PAGE), (uintptr_t)at);
}

TEST(fork_copies_it)
{
	char *at = brk_aligned();

	brk_to(at + 4 * PAGE);
	stamp(at + 3 * PAGE, 1);
	pid_t child = FORK();
	if (child == 0) {
		CHECK_EQ(brk_now(), (uintptr_t)at + 4 * PAGE);
		CHECK_STAMP(at + 3 * PAGE, 1);
		stamp(at + 3 * PAGE, 2);
		brk_to(at + 8 * PAGE);
		stamp(at + 7 * PAGE, 3);
		brk_to(at);
		_exit(0);
	}
	CHECK_EXIT(child, 0);
	CHECK_EQ(brk_now(), (uintptr_t)at + 4 * PAGE);
	CHECK_STAMP(at + 3 * PAGE, 1);
	CHECK_SEGV(peek(at + 4 * PAGE));
}

TEST(unmapping_part_of_the_heap_does_not_move_the_break)
{
	char *at = brk_aligned();

	brk_to(at + 8 * PAGE);
	stamp(at + PAGE, 1);
	stamp(at + 5 * PAGE, 5);
	CHECK_EQ(munmap(at + 2 * PAGE, 2 * PAGE), 0);
	CHECK_EQ(brk_now(), (uintptr_t)at + 8 * PAGE);
	CHECK_SEGV(peek(at + 2 * PAGE));
	brk_to(at + 9 * PAGE);
	CHECK_STAMP(at + 5 * PAGE, 5);
	brk_to(at + PAGE);
	brk_to(at + 8 * PAGE);
	CHECK_ZERO(at + PAGE, 7 * PAGE);
}

TEST(up_and_down_many_times)
{
	char *at = brk_aligned();

	for (int i = 1; i <= 500; i++) {
		size_t pages = i * 37 % 100 + 1;
		brk_to(at + pages * PAGE);
		CHECK_ZERO(at + (pages - 1) * PAGE, PAGE);
		stamp(at + (pages - 1) * PAGE, i);
		brk_to(at);
	}
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
