/*
 * Much memory: 48 MiB touched and kept, a mapping of 1 GiB with a page touched here and there, the
 * same memory taken and given back many times over, and many processes with a few MiB each. The
 * test fits into a machine of 128 MiB whether fork copies at once or on write. Sources: mmap(2),
 * fork(2).
 */
#include "pages.h"

enum { RW = PROT_READ | PROT_WRITE, MIB = 1 << 20 };

/* Linux would put huge pages behind sparse touches; a kernel without them may refuse the advice. */
static char *map_small_pages(size_t bytes)
{
	char *at = mmap(NULL, bytes, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	CHECK(at != MAP_FAILED);
	if (madvise(at, bytes, MADV_NOHUGEPAGE))
		CHECK_EQ(errno, EINVAL);
	return at;
}

TEST(every_page_of_48_mib)
{
	size_t pages = 48 * MIB / PAGE;
	char *at = map_small_pages(48 * MIB);

	for (size_t i = 0; i < pages; i++)
		stamp(at + i * PAGE, i * 2654435761u);
	for (size_t i = 0; i < pages; i++)
		CHECK_STAMP(at + i * PAGE, i * 2654435761u);
	CHECK_EQ(munmap(at, 48 * MIB), 0);
}

TEST(a_sparse_gigabyte)
{
	char *at = map_small_pages(1024ul * MIB);

	for (size_t i = 0; i < 1024; i++)
		stamp(at + i * MIB + i % 256 * PAGE, i + 1);
	for (size_t i = 0; i < 1024; i++) {
		CHECK_STAMP(at + i * MIB + i % 256 * PAGE, i + 1);
		CHECK_EQ(peek(at + i * MIB + (i + 1) % 256 * PAGE), 0);
	}
}

/* 24 MiB, 8 times: only a kernel that takes the pages back has them all. */
TEST(given_back_by_munmap)
{
	for (int round = 0; round < 8; round++) {
		char *at = map_small_pages(24 * MIB);
		for (size_t i = 0; i < 24 * MIB / PAGE; i++)
			poke(at + i * PAGE, 1);
		CHECK_EQ(munmap(at, 24 * MIB), 0);
	}
}

TEST(given_back_by_madvise_and_replacement)
{
	char *at = map_small_pages(24 * MIB);

	for (int round = 0; round < 8; round++) {
		for (size_t i = 0; i < 24 * MIB / PAGE; i++) {
			CHECK_EQ(peek(at + i * PAGE), 0);
			poke(at + i * PAGE, 1);
		}
		if (round % 2)
			CHECK_EQ(madvise(at, 24 * MIB, MADV_DONTNEED), 0);
		else
			map_at(at, 24 * MIB / PAGE, RW, MAP_PRIVATE | MAP_NORESERVE);
	}
}

TEST(given_back_by_exit)
{
	for (int round = 0; round < 8; round++) {
		pid_t child = FORK();
		if (child == 0) {
			char *at = map_small_pages(24 * MIB);
			for (size_t i = 0; i < 24 * MIB / PAGE; i++)
				poke(at + i * PAGE, 1);
			if (round % 2)
				_exit(0);
			kill(getpid(), SIGKILL);
		}
		if (round % 2)
			CHECK_EXIT(child, 0);
		else
			CHECK_SIGNAL(child, SIGKILL);
	}
}

/* A parent of 8 MiB forks children that rewrite all of it, two at a time. */
TEST(given_back_after_fork)
{
	size_t pages = 8 * MIB / PAGE;
	char *at = map_small_pages(8 * MIB);

	for (size_t i = 0; i < pages; i++)
		stamp(at + i * PAGE, i);
	for (int round = 0; round < 12; round++) {
		pid_t child[2];
		for (int c = 0; c < 2; c++) {
			child[c] = FORK();
			if (child[c])
				continue;
			for (size_t i = 0; i < pages; i++)
				stamp(at + i * PAGE, i + c + 1);
			for (size_t i = 0; i < pages; i++)
				CHECK_STAMP(at + i * PAGE, i + c + 1);
			_exit(0);
		}
		CHECK_EXIT(child[0], 0);
		CHECK_EXIT(child[1], 0);
	}
	for (size_t i = 0; i < pages; i++)
		CHECK_STAMP(at + i * PAGE, i);
}

TEST(shared_memory_is_given_back)
{
	for (int round = 0; round < 10; round++) {
		char *at = map_shared(16 * MIB / PAGE);
		pid_t child = FORK();
		if (child == 0) {
			for (size_t i = 0; i < 16 * MIB / PAGE; i++)
				stamp(at + i * PAGE, i);
			_exit(0);
		}
		CHECK_EXIT(child, 0);
		CHECK_STAMP(at + 16 * MIB - PAGE, 16 * MIB / PAGE - 1);
		CHECK_EQ(munmap(at, 16 * MIB), 0);
	}
}

TEST(many_processes_with_some_memory)
{
	enum { N = 12 };
	pid_t child[N];
	int go[2];
	char byte;

	CHECK_EQ(pipe(go), 0);
	for (int c = 0; c < N; c++) {
		child[c] = FORK();
		if (child[c])
			continue;
		size_t pages = 2 * MIB / PAGE;
		char *at = map_small_pages(2 * MIB);
		for (size_t i = 0; i < pages; i++)
			stamp(at + i * PAGE, i * N + c);
		close(go[1]);
		CHECK_EQ(read(go[0], &byte, 1), 0);
		for (size_t i = 0; i < pages; i++)
			CHECK_STAMP(at + i * PAGE, i * N + c);
		_exit(0);
	}
	close(go[0]);
	close(go[1]);
	for (int c = 0; c < N; c++)
		CHECK_EXIT(child[c], 0);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
