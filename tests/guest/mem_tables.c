/*
 * Memory whose page tables a child shares (fork=cow-tables; in the other modes it is just memory):
 * every call that changes some of it must make tables its own first, and each allocation that this
 * takes fails once (/proc/self/fail-nth, as in mem_failnth.c). A call that fails has changed
 * nothing that parent or child see, the next try succeeds, and the audit finds nothing lost. On
 * Linux, which has no fail-nth unless it was configured so, each call is made once. Also areas that
 * reach far and hold little. Sources: fork(2), mmap(2), mprotect(2), mremap(2), madvise(2),
 * ftruncate(2).
 */
#include "pages.h"
#include "paths.h"

#define TABLE (512 * PAGE)

enum { RW = PROT_READ | PROT_WRITE, PAGES = 6, ENOUGH = 300 };

/* An area over three tables, with pages at the edges of each; the last table has room behind it. */
static char *const area = (char *)0x100000000000;
static const size_t area_size = 2 * TABLE + 2 * PAGE;
static const size_t offset[PAGES] = { 0, PAGE, TABLE - PAGE, TABLE, 2 * TABLE, 2 * TABLE + PAGE };
static char *const behind = (char *)0x100000000000 + 2 * TABLE + 16 * PAGE; /* not mapped */
static char *const elsewhere = (char *)0x200000000000;			    /* nor this */

static int nth_fd, file;
static uint64_t seen[PAGES]; /* what the area must show: 0 zeroes, GONE not mapped */
static const uint64_t GONE = ~0ull;
static char *place_of_area; /* where it is now */

static void arm(unsigned nth)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%u", nth);

	if (nth_fd >= 0)
		CHECK_EQ(pwrite(nth_fd, text, (size_t)length, 0), length);
}

/* What is left of the count; nothing fails any more. */
static unsigned disarm(void)
{
	char text[16] = "1";

	if (nth_fd >= 0)
		CHECK(pread(nth_fd, text, sizeof(text) - 1, 0) > 0);
	arm(0);
	return (unsigned)strtoul(text, NULL, 10);
}

static int is_mapped(const char *page)
{
	unsigned char resident;

	return mincore((void *)page, PAGE, &resident) == 0;
}

static void check_area(void)
{
	for (int i = 0; i < PAGES; i++) {
		char *page = place_of_area + offset[i];

		CHECK_EQ(is_mapped(page), seen[i] != GONE);
		if (seen[i] == 0)
			CHECK_ZERO(page, PAGE);
		else if (seen[i] != GONE)
			CHECK_STAMP(page, seen[i]);
	}
}

static void map_area(void)
{
	CHECK_EQ(munmap(area, area_size + 64 * PAGE), 0);
	CHECK_EQ(munmap(elsewhere, area_size), 0);
	map_at(area, area_size / PAGE, RW, MAP_PRIVATE);
	map_at(area + 2 * TABLE + 32 * PAGE, 1, RW, MAP_PRIVATE);
	poke(area + 2 * TABLE + 32 * PAGE, 7);
	place_of_area = area;
	for (int i = 0; i < PAGES; i++) {
		seen[i] = 100 + (uint64_t)i;
		stamp(area + offset[i], seen[i]);
	}
}

/* The two of its file's pages that lie at the edges of the first table are its first and third. */
static void map_file(void)
{
	static char content[3 * PAGE];

	map_area();
	for (int i = 0; i < 3; i++)
		stamp(content + i * (int)PAGE, 100);
	CHECK_EQ(ftruncate(file, 3 * PAGE), 0);
	CHECK_EQ(pwrite(file, content, sizeof(content), 0), sizeof(content));
	CHECK(mmap(area, 3 * PAGE, RW, MAP_SHARED | MAP_FIXED, file, 0) == area);
	stamp(area, seen[0]);
	stamp(area + PAGE, seen[1]);
}

/* --- the calls, and what they leave --- */

static long make_munmap(void)
{
	return munmap(area + PAGE, TABLE);
}

static void after_munmap(void)
{
	seen[1] = seen[2] = seen[3] = GONE;
}

static long make_dontneed(void)
{
	return madvise(area + PAGE, 2 * TABLE, MADV_DONTNEED);
}

static void after_dontneed(void)
{
	seen[1] = seen[2] = seen[3] = seen[4] = 0;
}

static long make_mprotect(void)
{
	return mprotect(area + PAGE, 2 * TABLE, PROT_READ);
}

static void after_mprotect(void)
{
	CHECK_SEGV(poke(area + 2 * TABLE, 1));
	CHECK_LIVES(poke(area + 2 * TABLE + PAGE, 1));
}

/* To a place in the table that it comes from. */
static long make_move_page(void)
{
	return mremap(area + 2 * TABLE + PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, behind) ==
			       MAP_FAILED
		       ? -1
		       : 0;
}

static void after_move_page(void)
{
	seen[5] = GONE;
	CHECK_STAMP(behind, 105);
}

static long make_move_all(void)
{
	return mremap(area, area_size, area_size, MREMAP_MAYMOVE | MREMAP_FIXED, elsewhere) ==
			       MAP_FAILED
		       ? -1
		       : 0;
}

static void after_move_all(void)
{
	place_of_area = elsewhere;
}

static long make_map_over(void)
{
	return mmap(area + PAGE, TABLE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
			       MAP_FAILED
		       ? -1
		       : 0;
}

static void after_map_over(void)
{
	seen[1] = seen[2] = seen[3] = 0;
}

static long make_truncate(void)
{
	return ftruncate(file, PAGE);
}

static void after_truncate(void)
{
	CHECK_BUS(peek(area + PAGE));
	map_at(area + PAGE, 1, RW, MAP_PRIVATE); /* so that the area can be looked at */
	seen[1] = 0;
}

static pid_t forked;

/* A child that looks at what it got of two areas with marks of their own. */
static long make_fork(void)
{
	forked = (pid_t)syscall(SYS_fork);
	if (forked == 0) {
		int good = peek(area) == 100 && peek(area + PAGE) == 0 &&
			   peek(area + TABLE) == 103 && !is_mapped(area + 2 * TABLE) &&
			   peek(area + 2 * TABLE + PAGE) == 105;

		syscall(SYS_exit_group, good ? 0 : 1);
	}
	return forked;
}

static void map_marked(void)
{
	map_area();
	CHECK_EQ(madvise(area + PAGE, TABLE - PAGE, MADV_WIPEONFORK), 0);
	CHECK_EQ(madvise(area + 2 * TABLE, PAGE, MADV_DONTFORK), 0);
}

static void after_fork(void)
{
	CHECK_EXIT(forked, 0);
}

static const struct call {
	const char *name;
	void (*prepare)(void);
	long (*make)(void);
	void (*after)(void);
} calls[] = {
	{ "munmap", map_area, make_munmap, after_munmap },
	{ "madvise", map_area, make_dontneed, after_dontneed },
	{ "mprotect", map_area, make_mprotect, after_mprotect },
	{ "mremap within a table", map_area, make_move_page, after_move_page },
	{ "mremap of tables", map_area, make_move_all, after_move_all },
	{ "mmap", map_area, make_map_over, after_map_over },
	{ "ftruncate", map_file, make_truncate, after_truncate },
	{ "fork", map_marked, make_fork, after_fork },
};

/* A child that shares the tables of all there is; when told it sees whether its memory is still
 * what it was. */
static pid_t sharer(int *tell)
{
	int gate[2];
	char byte;

	CHECK_EQ(pipe(gate), 0);
	pid_t pid = FORK();
	if (pid == 0) {
		close(gate[1]);
		CHECK_EQ(read(gate[0], &byte, 1), 0);
		check_area();
		_exit(0);
	}
	close(gate[0]);
	*tell = gate[1];
	return pid;
}

/* One try with the nth allocation failing; true if it failed. *left is what the count ends at. */
static int try_nth(const struct call *call, unsigned nth, unsigned *left)
{
	int tell, told;

	call->prepare();
	pid_t pid = call->make == make_fork || call->make == make_truncate ? 0 : sharer(&tell);
	pid_t other = call->make == make_truncate ? sharer(&tell) : 0;
	check_area(); /* what may be touched before the count begins is touched */
	arm(nth);
	long result = call->make();
	int error = errno;
	*left = disarm();
	told = result < 0;
	if (told) {
		if (error != ENOMEM && error != EAGAIN)
			FAIL("errno %d (%s), %u left", error, strerror(error), *left);
		check_area();
		check_audit();
		CHECK(call->make() >= 0);
	}
	call->after();
	check_area();
	if (pid) {
		close(tell);
		CHECK_EXIT(pid, 0);
	}
	if (other) {
		CHECK_EQ(kill(other, SIGKILL), 0);
		CHECK_SIGNAL(other, SIGKILL);
		close(tell);
	}
	check_area();
	check_audit();
	return told;
}

static void walk(const struct call *call)
{
	unsigned left = 0;
	int told = 0;

	for (unsigned nth = 1; !left; nth++) {
		CONTEXT("%s, allocation %u", call->name, nth);
		CHECK(nth < ENOUGH);
		told += try_nth(call, nth, &left);
	}
	DIAG("%s: %d failures", call->name, told);
}

SCRATCH_TEST(every_allocation_fails_once)
{
	nth_fd = open("/proc/self/fail-nth", O_RDWR | O_CLOEXEC);
	file = make_file("file", "");
	map_area();
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		walk(&calls[i]);
}

/* 64 TiB of address space with three pages in it: forks, moves and unmaps like a small area. */
SCRATCH_TEST(an_area_that_is_large_and_empty)
{
	const size_t size = 1ul << 46;
	char *far = mmap((char *)0x100000000000, size, RW,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);

	CHECK(far == (char *)0x100000000000);
	const size_t at[] = { 0, size / 2 + TABLE - PAGE, size - PAGE };
	for (int i = 0; i < 3; i++)
		stamp(far + at[i], 10 + (uint64_t)i);
	for (int round = 0; round < 3; round++) {
		pid_t pid = FORK();
		if (pid == 0) {
			for (int i = 0; i < 3; i++) {
				CHECK_STAMP(far + at[i], 10 + (uint64_t)i);
				stamp(far + at[i], 20);
			}
			CHECK_ZERO(far + size / 4, PAGE);
			_exit(0);
		}
		CHECK_EXIT(pid, 0);
	}
	CHECK(mremap(far + size / 2, size / 4, size / 4, MREMAP_MAYMOVE | MREMAP_FIXED,
		     far + size / 4) == far + size / 4);
	CHECK_STAMP(far + size / 4 + TABLE - PAGE, 11);
	CHECK_EQ(munmap(far, size), 0);
	check_audit();
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
