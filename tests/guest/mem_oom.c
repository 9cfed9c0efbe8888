/*
 * needs: kernel. What happens to the whole machine's memory: MemFree comes back when memory is
 * given back, in whichever way, and a program that takes more than there is dies of SIGKILL, alone,
 * and leaves nothing behind. This changes what all processes share, so it runs where it has a
 * kernel to itself. Sources: proc(5) on meminfo, malloc(3) and mmap(2) on overcommitment.
 */
#include "pages.h"

enum { RW = PROT_READ | PROT_WRITE, MIB = 1 << 20, TOLERANCE_KIB = 2048 };

static char *map_small_pages(size_t bytes, int flags)
{
	char *at = mmap(NULL, bytes, RW, flags | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	CHECK(at != MAP_FAILED);
	if (madvise(at, bytes, MADV_NOHUGEPAGE))
		CHECK_EQ(errno, EINVAL);
	return at;
}

static void touch_all(char *at, size_t bytes)
{
	for (size_t i = 0; i < bytes; i += PAGE)
		poke(at + i, 1);
}

/* The kernel may free late or keep a few pages: what counts is that the memory returns. */
static void check_free_again(long before)
{
	long now = 0;

	for (int round = 0; round < 200; round++) {
		now = meminfo("MemFree");
		if (now >= before - TOLERANCE_KIB)
			return;
		usleep(10000);
	}
	FAIL("MemFree was %ld kB and is %ld kB", before, now);
}

TEST(meminfo_follows_what_is_touched)
{
	long before = meminfo("MemFree");
	char *at = map_small_pages(16 * MIB, MAP_PRIVATE);
	long mapped = meminfo("MemFree");

	touch_all(at, 16 * MIB);
	long touched = meminfo("MemFree");
	CHECK(mapped >= before - TOLERANCE_KIB);
	CHECK(touched <= before - 15 * 1024);
	CHECK_EQ(munmap(at, 16 * MIB), 0);
	check_free_again(before);
}

TEST(every_way_of_giving_back)
{
	long before = meminfo("MemFree");
	char *at = map_small_pages(16 * MIB, MAP_PRIVATE);

	touch_all(at, 16 * MIB);
	CHECK_EQ(madvise(at, 16 * MIB, MADV_DONTNEED), 0);
	check_free_again(before);
	touch_all(at, 16 * MIB);
	map_at(at, 16 * MIB / PAGE, PROT_NONE, MAP_PRIVATE);
	check_free_again(before);
	CHECK_LIVES(touch_all(map_small_pages(16 * MIB, MAP_PRIVATE), 16 * MIB));
	check_free_again(before);
	CHECK_LIVES(touch_all(map_small_pages(16 * MIB, MAP_SHARED), 16 * MIB));
	check_free_again(before);
}

TEST(too_much_is_sigkill_for_the_one_who_took_it)
{
	size_t bytes = (size_t)meminfo("MemTotal") * 1024 * 2;
	long before = meminfo("MemFree");
	char *mine = map_private(16);

	for (int i = 0; i < 16; i++)
		stamp(mine + i * PAGE, i);
	for (int round = 0; round < 3; round++) {
		CHECK_DIES(SIGKILL, touch_all(map_small_pages(bytes, MAP_PRIVATE), bytes));
		for (int i = 0; i < 16; i++)
			CHECK_STAMP(mine + i * PAGE, i);
		check_free_again(before);
	}
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
