/*
 * Memory after fork: each process sees what was there at the fork and then its own writes alone,
 * whoever writes first, through the program or through the kernel (read from a pipe or a file,
 * getrandom, fstat, uname), on page boundaries, over generations, under changes of protection; and
 * MAP_SHARED memory stays common. Whether the kernel copies at once or on write must not show.
 * Source: fork(2), POSIX fork(). That few frames are copied is another test's subject.
 */
#include "pages.h"
#include <sched.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/utsname.h>

enum { RW = PROT_READ | PROT_WRITE };

static char *stamped(int pages, int base)
{
	char *at = map_private(pages);

	for (int i = 0; i < pages; i++)
		stamp(at + i * PAGE, base + i);
	return at;
}

static void check_stamped(const char *at, int pages, int base)
{
	for (int i = 0; i < pages; i++)
		CHECK_STAMP(at + i * PAGE, base + i);
}

TEST(the_child_writes)
{
	char *at = stamped(64, 1);
	pid_t child = FORK();

	if (child == 0) {
		for (int i = 0; i < 64; i++)
			stamp(at + i * PAGE, 1000 + i);
		check_stamped(at, 64, 1000);
		_exit(0);
	}
	CHECK_EXIT(child, 0);
	check_stamped(at, 64, 1);
}

TEST(the_parent_writes)
{
	int go[2];
	char *at = stamped(64, 1), byte;

	CHECK_EQ(pipe(go), 0);
	pid_t child = FORK();
	if (child == 0) {
		close(go[1]);
		CHECK_EQ(read(go[0], &byte, 1), 0);
		check_stamped(at, 64, 1);
		_exit(0);
	}
	for (int i = 0; i < 64; i++)
		stamp(at + i * PAGE, 2000 + i);
	close(go[0]);
	close(go[1]);
	CHECK_EXIT(child, 0);
	check_stamped(at, 64, 2000);
}

TEST(both_write_at_once)
{
	char *at = stamped(256, 1);
	pid_t child = FORK();
	int base = child ? 3000 : 4000;

	for (int round = 0; round < 8; round++) {
		for (int i = 0; i < 256; i++)
			stamp(at + i * PAGE, base + 256 * round + i);
		check_stamped(at, 256, base + 256 * round);
	}
	if (child == 0)
		_exit(0);
	CHECK_EXIT(child, 0);
}

/* One write that lies on two pages must copy both. */
TEST(a_write_across_a_page_boundary)
{
	char *at = map_private(3);

	memset(at, 'p', 3 * PAGE);
	pid_t child = FORK();
	if (child == 0) {
		*(volatile uint64_t *)(at + PAGE - 3) = 0x6363636363636363;
		CHECK(all_bytes(at, PAGE - 3, 'p'));
		CHECK(all_bytes(at + PAGE - 3, 8, 'c'));
		CHECK(all_bytes(at + PAGE + 5, 2 * PAGE - 5, 'p'));
		_exit(0);
	}
	*(volatile uint32_t *)(at + 2 * PAGE - 1) = 0x71717171;
	CHECK_EXIT(child, 0);
	CHECK(all_bytes(at, 2 * PAGE - 1, 'p'));
	CHECK(all_bytes(at + 2 * PAGE - 1, 4, 'q'));
}

TEST(the_last_sharer_keeps_the_data)
{
	char *at = stamped(16, 1);

	for (int round = 0; round < 10; round++) {
		CHECK_LIVES(check_stamped(at, 16, 1 + round));
		for (int i = 0; i < 16; i++)
			stamp(at + i * PAGE, 2 + round + i);
		check_stamped(at, 16, 2 + round);
	}
}

TEST(data_bss_heap_and_stack)
{
	static volatile int data = 1, bss;
	volatile int stack = 2, *heap = malloc(sizeof(int));

	CHECK(heap != NULL);
	*heap = 3;
	bss = 4;
	pid_t child = FORK();
	if (child == 0) {
		CHECK(data == 1 && stack == 2 && *heap == 3 && bss == 4);
		data = stack = *heap = bss = 9;
		_exit(data + stack + *heap + bss);
	}
	CHECK_EXIT(child, 36);
	CHECK(data == 1 && stack == 2 && *heap == 3 && bss == 4);
	free((void *)heap);
}

TEST(untouched_pages_are_zero_in_both)
{
	char *at = map_private(8);

	CHECK_ZERO(at, 4 * PAGE);		/* read: the common zero page may be there */
	pid_t child = FORK();
	if (child == 0) {
		for (int i = 0; i < 8; i += 2)
			stamp(at + i * PAGE, 1);
		for (int i = 1; i < 8; i += 2)
			CHECK_ZERO(at + i * PAGE, PAGE);
		_exit(0);
	}
	stamp(at + PAGE, 2);
	CHECK_EXIT(child, 0);
	CHECK_STAMP(at + PAGE, 2);
	CHECK_ZERO(at, PAGE);
	CHECK_ZERO(at + 2 * PAGE, 6 * PAGE);
	CHECK_ZERO(map_private(4), 4 * PAGE);
}

/*
 * What the kernel writes into: at is the address of 4 private pages full of 'o', shared by a fork.
 */
static size_t by_pipe(char *at)
{
	int fd[2];
	static char data[PAGE];

	memset(data, 'n', sizeof(data));
	CHECK_EQ(pipe(fd), 0);
	CHECK_EQ(write(fd[1], data, 1000), 1000);
	CHECK_EQ(read(fd[0], at, 1000), 1000);
	CHECK(all_bytes(at, 1000, 'n'));
	return 1000;
}

static size_t by_file(char *at)
{
	int fd = open("/dev/zero", O_RDONLY);

	CHECK(fd >= 0);
	CHECK_EQ(read(fd, at, 3 * PAGE + 5), 3 * PAGE + 5);
	CHECK_ZERO(at, 3 * PAGE + 5);
	close(fd);
	return 3 * PAGE + 5;
}

static size_t by_getrandom(char *at)
{
	CHECK_EQ(getrandom(at, 2 * PAGE, 0), 2 * PAGE);
	CHECK(!all_bytes(at, PAGE, 'o'));
	CHECK(!all_bytes(at + PAGE, PAGE, 'o'));
	return 2 * PAGE;
}

static size_t by_fstat(char *at)
{
	struct stat st;

	CHECK_EQ(fstat(0, &st), 0);
	CHECK_EQ(syscall(SYS_fstat, 0, at), 0);
	CHECK_EQ(((struct stat *)at)->st_mode, st.st_mode);
	return sizeof(st);
}

static size_t by_uname(char *at)
{
	CHECK_EQ(uname((struct utsname *)at), 0);
	CHECK(!all_bytes(at, 5, 'o'));
	return sizeof(struct utsname);
}

static size_t by_clone(char *at)
{
	pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD | CLONE_PARENT_SETTID, 0, at, 0, 0);

	if (child == 0)
		_exit(0);
	CHECK_EQ(*(volatile pid_t *)at, child);
	CHECK_EXIT(child, 0);
	return 4;
}

static size_t by_wait(char *at)
{
	pid_t child = FORK();

	if (child == 0)
		_exit(5);
	CHECK_EQ(waitpid(child, (int *)at, 0), child);
	CHECK_EQ(WEXITSTATUS(*(volatile int *)at), 5);
	return 4;
}

static const struct { const char *name; size_t (*write)(char *at); } kernel_writers[] = {
	{ "pipe", by_pipe }, { "file", by_file }, { "getrandom", by_getrandom },
	{ "fstat", by_fstat }, { "uname", by_uname }, { "clone", by_clone }, { "wait4", by_wait },
};

TEST(the_kernel_writes_for_the_child)
{
	for (unsigned i = 0; i < sizeof(kernel_writers) / sizeof(kernel_writers[0]); i++) {
		char *at = map_private(4);

		CONTEXT("%s", kernel_writers[i].name);
		memset(at, 'o', 4 * PAGE);
		CHECK_LIVES(kernel_writers[i].write(at));
		CHECK(all_bytes(at, 4 * PAGE, 'o'));
		/* And across a page boundary. */
		CHECK_LIVES(kernel_writers[i].write(at + PAGE - 3));
		CHECK(all_bytes(at, 4 * PAGE, 'o'));
	}
}

TEST(the_kernel_writes_for_the_parent)
{
	for (unsigned i = 0; i < sizeof(kernel_writers) / sizeof(kernel_writers[0]); i++) {
		int go[2];
		char *at = map_private(4), byte;

		CONTEXT("%s", kernel_writers[i].name);
		memset(at, 'o', 4 * PAGE);
		CHECK_EQ(pipe(go), 0);
		pid_t child = FORK();
		if (child == 0) {
			close(go[1]);
			CHECK_EQ(read(go[0], &byte, 1), 0);
			CHECK(all_bytes(at, 4 * PAGE, 'o'));
			_exit(0);
		}
		size_t n = kernel_writers[i].write(at);
		close(go[0]);
		close(go[1]);
		CHECK_EXIT(child, 0);
		CHECK(all_bytes(at + n, 4 * PAGE - n, 'o'));
	}
}

TEST(the_kernel_reads_a_shared_page)
{
	int fd[2];
	char *at = stamped(1, 7), got[8];

	CHECK_EQ(pipe(fd), 0);
	pid_t child = FORK();
	if (child == 0) {
		CHECK_EQ(write(fd[1], at, 8), 8);
		_exit(0);
	}
	stamp(at, 8);
	CHECK_EXIT(child, 0);
	CHECK_EQ(read(fd[0], got, 8), 8);
	CHECK_EQ(*(uint64_t *)got, 7);
}

/* Each generation changes one page more and leaves the rest; all live until the last has looked. */
static void generation(char *at, int depth, int pages)
{
	stamp(at + depth * PAGE, 100 + depth);
	if (depth + 1 < pages) {
		pid_t child = FORK();
		if (child == 0) {
			generation(at, depth + 1, pages);
			_exit(0);
		}
		CHECK_EXIT(child, 0);
	}
	for (int i = 0; i < pages; i++)
		CHECK_STAMP(at + i * PAGE, i <= depth ? 100 + i : 1 + i);
}

TEST(a_chain_of_generations)
{
	char *at = stamped(16, 1);

	generation(at, 0, 16);
}

TEST(a_parent_that_dies_first)
{
	int out[2];
	char *at = stamped(32, 1), byte;

	CHECK_EQ(pipe(out), 0);
	pid_t child = FORK();
	if (child == 0) {
		if (FORK() == 0) {
			/* The middle process dies, and unmaps, while this one goes on reading. */
			for (int round = 0; round < 50; round++)
				check_stamped(at, 32, 1);
			for (int i = 0; i < 32; i++)
				stamp(at + i * PAGE, 500 + i);
			check_stamped(at, 32, 500);
			CHECK_EQ(write(out[1], "k", 1), 1);
			_exit(0);
		}
		_exit(0);
	}
	CHECK_EXIT(child, 0);
	close(out[1]);
	CHECK_EQ(read(out[0], &byte, 1), 1);
	CHECK_EQ(read(out[0], &byte, 1), 0);
	check_stamped(at, 32, 1);
}

TEST(sixteen_children_on_the_same_pages)
{
	enum { CHILDREN = 16, PAGES = 256 };
	pid_t child[CHILDREN];
	int go[2];
	char *at = stamped(PAGES, 1), byte;

	CHECK_EQ(pipe(go), 0);
	for (int c = 0; c < CHILDREN; c++) {
		child[c] = FORK();
		if (child[c])
			continue;
		close(go[1]);
		for (int i = 0; i < PAGES; i++)
			stamp(at + (i + c * 16) % PAGES * PAGE, c * 1000 + (i + c * 16) % PAGES);
		CHECK_EQ(read(go[0], &byte, 1), 0);	/* now all have written */
		check_stamped(at, PAGES, c * 1000);
		_exit(0);
	}
	for (int i = 0; i < PAGES; i += 2)
		stamp(at + i * PAGE, 99000 + i);
	close(go[0]);
	close(go[1]);
	for (int c = 0; c < CHILDREN; c++)
		CHECK_EXIT(child[c], 0);
	for (int i = 0; i < PAGES; i++)
		CHECK_STAMP(at + i * PAGE, i % 2 ? 1 + i : 99000 + i);
}

TEST(a_read_only_page_made_writable_after_the_fork)
{
	char *at = stamped(4, 1);

	CHECK_EQ(mprotect(at, 4 * PAGE, PROT_READ), 0);
	pid_t child = FORK();
	if (child == 0) {
		CHECK_SEGV(poke(at, 1));
		CHECK_EQ(mprotect(at, 4 * PAGE, RW), 0);
		for (int i = 0; i < 4; i++)
			stamp(at + i * PAGE, 10 + i);
		check_stamped(at, 4, 10);
		_exit(0);
	}
	CHECK_EXIT(child, 0);
	check_stamped(at, 4, 1);
	CHECK_SEGV(poke(at, 1));
	CHECK_EQ(mprotect(at, 4 * PAGE, RW), 0);
	stamp(at, 5);
	CHECK_STAMP(at, 5);
}

TEST(a_writable_page_made_read_only_and_back)
{
	char *at = stamped(2, 1);
	pid_t child = FORK();

	if (child == 0) {
		CHECK_EQ(mprotect(at, 2 * PAGE, PROT_READ), 0);
		CHECK_EQ(mprotect(at, 2 * PAGE, RW), 0);
		stamp(at, 8);
		CHECK_EQ(mprotect(at + PAGE, PAGE, PROT_NONE), 0);
		CHECK_EQ(mprotect(at + PAGE, PAGE, RW), 0);
		CHECK_STAMP(at + PAGE, 2);
		stamp(at + PAGE, 9);
		_exit(0);
	}
	CHECK_EXIT(child, 0);
	check_stamped(at, 2, 1);
}

TEST(a_read_only_page_stays_read_only_after_the_fork)
{
	char *at = stamped(1, 1);

	CHECK_EQ(mprotect(at, PAGE, PROT_READ), 0);
	CHECK_LIVES(CHECK_SEGV(poke(at, 1)); CHECK_EQ(kernel_writes(at), 0));
	CHECK_SEGV(poke(at, 1));
	CHECK_STAMP(at, 1);
}

TEST(a_prot_none_page_keeps_its_data_over_fork)
{
	char *at = stamped(2, 1);

	CHECK_EQ(mprotect(at, PAGE, PROT_NONE), 0);
	pid_t child = FORK();
	if (child == 0) {
		CHECK_EQ(kernel_reads(at), 0);
		CHECK_EQ(mprotect(at, PAGE, RW), 0);
		CHECK_STAMP(at, 1);
		stamp(at, 2);
		_exit(0);
	}
	CHECK_EXIT(child, 0);
	CHECK_SEGV(peek(at));
	CHECK_EQ(mprotect(at, PAGE, RW), 0);
	check_stamped(at, 2, 1);
}

TEST(shared_memory_is_not_copied)
{
	char *at = map_private(6);

	map_at(at + 2 * PAGE, 2, RW, MAP_SHARED);
	stamp(at + 2 * PAGE, 1);
	pid_t child = FORK();
	if (child == 0) {
		for (int i = 0; i < 6; i++)
			stamp(at + i * PAGE, 10 + i);
		CHECK_LIVES(stamp(at + 2 * PAGE, 77); stamp(at, 78));
		CHECK_STAMP(at, 10);
		CHECK_STAMP(at + 2 * PAGE, 77);
		_exit(0);
	}
	CHECK_EXIT(child, 0);
	CHECK_ZERO(at, 2 * PAGE);
	CHECK_STAMP(at + 2 * PAGE, 77);
	CHECK_STAMP(at + 3 * PAGE, 13);
	CHECK_ZERO(at + 4 * PAGE, 2 * PAGE);
}

TEST(the_child_s_mappings_are_its_own)
{
	char *at = stamped(4, 1);
	pid_t child = FORK();

	if (child == 0) {
		CHECK_EQ(munmap(at, PAGE), 0);
		map_at(at + PAGE, 1, RW, MAP_PRIVATE);
		stamp(at + PAGE, 20);
		CHECK_STAMP(at + 2 * PAGE, 3);
		_exit(0);
	}
	CHECK_EXIT(child, 0);
	check_stamped(at, 4, 1);
}

/* Pages on both sides of the borders of page tables, page directories and their parents. */
TEST(across_page_table_borders)
{
	static const size_t borders[] = { 2ul << 20, 1ul << 30, 512ul << 30 };
	uintptr_t base = 0x10000000000;		/* 1 TiB: a multiple of all of them */

	for (unsigned i = 0; i < sizeof(borders) / sizeof(borders[0]); i++) {
		char *at = (char *)(base + borders[i] - 2 * PAGE);

		CONTEXT("border of 0x%zx", borders[i]);
		map_at(at, 4, RW, MAP_PRIVATE | MAP_FIXED_NOREPLACE);
		for (int p = 0; p < 4; p++)
			stamp(at + p * PAGE, p + 1);
		pid_t child = FORK();
		if (child == 0) {
			CHECK_LIVES(stamp(at + PAGE, 50));
			check_stamped(at, 4, 1);
			for (int p = 0; p < 4; p++)
				stamp(at + p * PAGE, 10 + p);
			check_stamped(at, 4, 10);
			_exit(0);
		}
		stamp(at + 2 * PAGE, 33);
		CHECK_EXIT(child, 0);
		CHECK_STAMP(at + PAGE, 2);
		CHECK_STAMP(at + 2 * PAGE, 33);
		CHECK_EQ(munmap(at, 4 * PAGE), 0);
	}
}

TEST(fork_after_fork_with_writes_between)
{
	enum { ROUNDS = 40, PAGES = 32 };
	pid_t child[ROUNDS];
	int go[2];
	char *at = stamped(PAGES, 0), byte;

	CHECK_EQ(pipe(go), 0);
	for (int r = 0; r < ROUNDS; r++) {
		for (int i = 0; i < PAGES; i++)
			if ((i + r) % 3 == 0)
				stamp(at + i * PAGE, r * 100 + i);
		child[r] = FORK();
		if (child[r])
			continue;
		uint64_t seen[PAGES];
		for (int i = 0; i < PAGES; i++)
			seen[i] = stamp_of(at + i * PAGE);
		close(go[1]);
		CHECK_EQ(read(go[0], &byte, 1), 0);
		for (int i = 0; i < PAGES; i++) {
			CHECK_STAMP(at + i * PAGE, seen[i]);
			if ((i + r) % 3 == 0)
				CHECK_EQ(seen[i], r * 100 + i);
		}
		_exit(0);
	}
	close(go[0]);
	close(go[1]);
	for (int r = 0; r < ROUNDS; r++)
		CHECK_EXIT(child[r], 0);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
