/*
 * Memory that is there: mlock, mlock2, munlock, mlockall and munlockall, MAP_LOCKED and
 * MAP_POPULATE, counted in VmLck and against RLIMIT_MEMLOCK, not inherited by fork and ended by
 * execve and munmap; and mincore, which tells what is there. Sources: mlock(2), mincore(2),
 * mmap(2), madvise(2), msync(2), getrlimit(2), proc(5).
 */
#include "pages.h"
#include "users.h"
#include <sys/resource.h>

enum { RW = PROT_READ | PROT_WRITE, PRIVATE = MAP_PRIVATE | MAP_ANONYMOUS };

#ifndef MLOCK_ONFAULT
#define MLOCK_ONFAULT 1
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif

static int try_mlock2(const void *at, size_t size, int flags)
{
	return (int)syscall(SYS_mlock2, at, size, flags);
}

/* VmLck, in pages. */
static long locked(void)
{
	char value[32];

	status_line(getpid(), "VmLck", value, sizeof(value));
	return atol(value) / 4;
}

/* How many of these pages are there? */
static int resident(const void *at, size_t pages)
{
	unsigned char vec[256];
	int count = 0;

	CHECK(pages <= sizeof(vec));
	CHECK_EQ(mincore((void *)at, pages * PAGE, vec), 0);
	for (size_t i = 0; i < pages; i++)
		count += vec[i] & 1;
	return count;
}

static long faults(void)
{
	struct rusage usage;

	CHECK_EQ(getrusage(RUSAGE_SELF, &usage), 0);
	return usage.ru_minflt;
}

/*
 * Can all of these pages be written without a fault? On Linux one may come between for reasons of
 * its own (compaction takes locked pages away for a moment, too), so it is less than one a page.
 */
static int faulted_in(char *at, size_t pages)
{
	long before = faults();

	for (size_t i = 0; i < pages; i++)
		poke(at + i * PAGE, 1);
	return faults() - before < (long)pages;
}

/* From here on RLIMIT_MEMLOCK is so many pages, and holds. */
static void limit_pages(size_t pages)
{
	struct rlimit limit = { pages * PAGE, pages * PAGE };
	struct caps caps = get_caps(0);

	CHECK_EQ(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
	CHECK_EQ(set_caps(caps.permitted & ~CAP(IPC_LOCK), caps.effective & ~CAP(IPC_LOCK), 0), 0);
}

/* ---- mlock ----------------------------------------------------------------------------------- */

TEST(mlock_faults_the_pages_in)
{
	char *at = map_private(8);

	CHECK_EQ(resident(at, 8), 0);
	CHECK_EQ(mlock(at + PAGE, 3 * PAGE), 0);
	CHECK_EQ(resident(at, 8), 3);
	CHECK_EQ(locked(), 3);
	CHECK(faulted_in(at + PAGE, 3));
	stamp(at + PAGE, 1);
	CHECK_EQ(munlock(at + PAGE, 3 * PAGE), 0);
	CHECK_EQ(locked(), 0);
	CHECK_EQ(resident(at, 8), 3);
	CHECK_STAMP(at + PAGE, 1);
}

TEST(mlock_takes_whole_pages)
{
	char *at = map_private(8);

	CHECK_EQ(mlock(at + PAGE + 100, 1), 0);
	CHECK_EQ(locked(), 1);
	CHECK_EQ(mlock(at + 4 * PAGE - 1, 2), 0);
	CHECK_EQ(locked(), 3);
	CHECK_EQ(resident(at, 8), 3);
	CHECK_EQ(munlock(at + PAGE + 5, 1), 0);
	CHECK_EQ(locked(), 2);
	CHECK_EQ(mlock(at, 0), 0);
	CHECK_EQ(mlock(at + 5, 0), 0); /* and yet a page of it is touched on Linux */
}

TEST(mlock_does_not_stack)
{
	char *at = free_space(6) + PAGE;

	map_at(at, 4, RW, MAP_PRIVATE);
	CHECK_EQ(mlock(at, 4 * PAGE), 0);
	CHECK_EQ(mlock(at, 4 * PAGE), 0);
	CHECK_EQ(mlock(at + PAGE, PAGE), 0);
	CHECK_EQ(locked(), 4);
	CHECK_EQ(munlock(at, 4 * PAGE), 0);
	CHECK_EQ(locked(), 0);
	CHECK_EQ(munlock(at, 4 * PAGE), 0);
	CHECK_MAP(at, 4, "rw-p");
}

TEST(errors_of_mlock)
{
	char *at = map_private(5);

	CHECK_EQ(munmap(at + 2 * PAGE, PAGE), 0);
	CHECK_ERRNO(mlock(at, 5 * PAGE), ENOMEM);
	CHECK_EQ(locked(), 2); /* what came before the hole */
	CHECK_ERRNO(munlock(at, 5 * PAGE), ENOMEM);
	CHECK_EQ(locked(), 0);
	CHECK_ERRNO(mlock(at + 2 * PAGE, PAGE), ENOMEM);
	CHECK_ERRNO(mlock((void *)-PAGE, 2 * PAGE), EINVAL);
	CHECK_ERRNO(munlock((void *)-PAGE, 2 * PAGE), EINVAL);
	CHECK_ERRNO(mlock((void *)user_end(), PAGE), ENOMEM);
	CHECK_ERRNO(try_mlock2(at, PAGE, 2), EINVAL);
	CHECK_ERRNO(try_mlock2(at, PAGE, -1), EINVAL);
	/* nothing can be faulted in here: it is locked, and it is an error */
	CHECK_EQ(mprotect(at, PAGE, PROT_NONE), 0);
	CHECK_ERRNO(mlock(at, PAGE), ENOMEM);
	CHECK_EQ(locked(), 1);
}

TEST(on_fault)
{
	char *at = map_private(4);

	CHECK_EQ(try_mlock2(at, 4 * PAGE, MLOCK_ONFAULT), 0);
	CHECK_EQ(locked(), 4);
	CHECK_EQ(resident(at, 4), 0);
	poke(at + PAGE, 1);
	CHECK_EQ(resident(at, 4), 1);
	CHECK_EQ(try_mlock2(at, 2 * PAGE, 0), 0);
	CHECK_EQ(resident(at, 4), 2);
	CHECK_EQ(locked(), 4);
	CHECK_EQ(munlock(at, 4 * PAGE), 0);
	CHECK_EQ(locked(), 0);
}

TEST(files_are_locked_too)
{
	int fd = open(own_path, O_RDONLY);
	char *at = mmap(NULL, 2 * PAGE, RW, MAP_PRIVATE, fd, 0);

	CHECK(at != MAP_FAILED);
	CHECK_EQ(mlock(at, 2 * PAGE), 0);
	CHECK(faulted_in(at, 2));
	/* beyond the end of the file there is nothing */
	const char *path = temporary_path("short");
	write_file(path, "x", 1, 0600);
	fd = open(path, O_RDWR);
	at = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0);
	CHECK(at != MAP_FAILED);
	CHECK_ERRNO(mlock(at, 2 * PAGE), ENOMEM);
	CHECK_EQ(mlock(at, PAGE), 0);
	CHECK_EQ(unlink(path), 0);
}

TEST(shared_pages_come_before_they_are_written)
{
	char *at = map_shared(4);

	CHECK_EQ(mlock(at, 4 * PAGE), 0);
	CHECK_EQ(resident(at, 4), 4);
	stamp(at + 3 * PAGE, 1);
	CHECK_STAMP(at + 3 * PAGE, 1);
}

TEST(what_unmaps_unlocks)
{
	char *at = map_private(8);

	CHECK_EQ(mlock(at, 8 * PAGE), 0);
	CHECK_EQ(munmap(at + 3 * PAGE, PAGE), 0);
	CHECK_EQ(locked(), 7);
	map_at(at, 2, RW, MAP_PRIVATE);
	CHECK_EQ(locked(), 5);
	CHECK_EQ(munmap(at, 8 * PAGE), 0);
	CHECK_EQ(locked(), 0);
}

TEST(mremap_keeps_the_lock)
{
	char *at = map_private(4), *to;

	CHECK_EQ(mlock(at, 2 * PAGE), 0);
	to = mremap(at, 2 * PAGE, 6 * PAGE, MREMAP_MAYMOVE);
	CHECK(to != MAP_FAILED && to != at);
	CHECK_EQ(locked(), 6);
	CHECK_EQ(resident(to, 6), 6);
	CHECK(mremap(to, 6 * PAGE, PAGE, 0) == to);
	CHECK_EQ(locked(), 1);
}

TEST(mprotect_to_writable_faults_in_for_writing)
{
	char *at = map_pages(4, PROT_READ, MAP_PRIVATE);

	CHECK_EQ(mlock(at, 4 * PAGE), 0);
	CHECK_EQ(resident(at, 4), 4);
	CHECK_EQ(mprotect(at, 4 * PAGE, RW), 0);
	CHECK(faulted_in(at, 4));
	CHECK_EQ(locked(), 4);
}

TEST(locked_memory_is_not_dropped)
{
	char *at = map_private(4);

	stamp(at, 1);
	CHECK_EQ(mlock(at, PAGE), 0);
	CHECK_ERRNO(madvise(at, PAGE, MADV_DONTNEED), EINVAL);
	CHECK_ERRNO(madvise(at, PAGE, MADV_FREE), EINVAL);
	CHECK_STAMP(at, 1);
	CHECK_EQ(madvise(at, PAGE, MADV_DONTNEED_LOCKED), 0);
	CHECK_ZERO(at, PAGE);
	CHECK_ERRNO(msync(at, PAGE, MS_SYNC | MS_INVALIDATE), EBUSY);
	CHECK_EQ(msync(at, PAGE, MS_SYNC), 0);
	CHECK_EQ(msync(at + PAGE, PAGE, MS_INVALIDATE), 0);
}

TEST(fork_does_not_inherit)
{
	char *at = map_private(4);

	CHECK_EQ(mlock(at, 4 * PAGE), 0);
	CHECK_EQ(mlockall(MCL_FUTURE), 0);
	CHECK(locked() >= 4);
	IN_CHILD({
		CHECK_EQ(locked(), 0);
		char *more = map_private(4);
		CHECK_EQ(locked(), 0);
		CHECK_EQ(resident(more, 4), 0);
		stamp(at, 2);
		CHECK_EQ(mlock(at, PAGE), 0);
		CHECK_EQ(locked(), 1);
	});
	CHECK(locked() >= 4);
	CHECK_ZERO(at, PAGE);
	CHECK_EQ(munlockall(), 0);
}

TEST(execve_ends_it)
{
	pid_t child = FORK();

	if (child == 0) {
		CHECK_EQ(mlockall(MCL_FUTURE), 0);
		CHECK_EQ(mlock(map_private(4), 4 * PAGE), 0);
		execl(own_path, own_path, "locked", NULL);
		_exit(1);
	}
	CHECK_EXIT(child, 0);
}

/* ---- mlockall -------------------------------------------------------------------------------- */

TEST(all_that_there_is)
{
	char *at = map_private(4), *none = map_pages(4, PROT_NONE, MAP_PRIVATE);

	CHECK_EQ(mlockall(MCL_CURRENT), 0);
	CHECK_EQ(resident(at, 4), 4);
	CHECK(locked() > 8);
	CHECK_EQ(resident(none, 4), 0);
	char *later = map_private(4);
	CHECK_EQ(resident(later, 4), 0);
	CHECK_EQ(munlockall(), 0);
	CHECK_EQ(locked(), 0);
	CHECK_EQ(mlockall(MCL_CURRENT | MCL_ONFAULT), 0);
	CHECK(locked() > 8);
	CHECK_EQ(resident(later, 4), 0);
	CHECK_EQ(munlockall(), 0);
}

TEST(all_that_will_be)
{
	char *before = map_private(1);

	CHECK_EQ(mlockall(MCL_FUTURE), 0);
	CHECK_EQ(locked(), 0);
	char *at = map_private(4);
	CHECK_EQ(resident(at, 4), 4);
	CHECK_EQ(locked(), 4);
	char *brk = (char *)syscall(SYS_brk, 0);
	CHECK_EQ(syscall(SYS_brk, brk + 4 * PAGE), (long)(brk + 4 * PAGE));
	CHECK_EQ(locked(), 8);
	CHECK_EQ(syscall(SYS_brk, brk), (long)brk);
	CHECK_EQ(resident(before, 1), 0);
	CHECK_EQ(mlockall(MCL_FUTURE | MCL_ONFAULT), 0);
	at = map_private(4);
	CHECK_EQ(resident(at, 4), 0);
	CHECK_EQ(locked(), 8);
	CHECK_EQ(mlockall(MCL_CURRENT), 0); /* and no more in future */
	at = map_private(4);
	CHECK_EQ(resident(at, 4), 0);
	CHECK_EQ(munlockall(), 0);
	CHECK_EQ(locked(), 0);
}

TEST(flags_of_mlockall)
{
	CHECK_ERRNO(mlockall(0), EINVAL);
	CHECK_ERRNO(mlockall(MCL_ONFAULT), EINVAL);
	CHECK_ERRNO(mlockall(8), EINVAL);
	CHECK_ERRNO(mlockall(-1), EINVAL);
}

/* ---- the limit ------------------------------------------------------------------------------- */

TEST(the_limit_is_enomem_for_mlock)
{
	char *at = map_private(32);

	limit_pages(8);
	CHECK_EQ(mlock(at, 8 * PAGE), 0);
	CHECK_EQ(mlock(at, 8 * PAGE), 0);
	CHECK_ERRNO(mlock(at + 8 * PAGE, PAGE), ENOMEM);
	CHECK_ERRNO(mlock(at, 9 * PAGE), ENOMEM);
	CHECK_EQ(munlock(at, 4 * PAGE), 0);
	CHECK_EQ(mlock(at, 8 * PAGE), 0); /* four of them are counted already */
	CHECK_EQ(locked(), 8);
	CHECK_ERRNO(mlockall(MCL_CURRENT), ENOMEM);
	CHECK_EQ(mlockall(MCL_FUTURE), 0);
	CHECK_ERRNO((long)mmap(NULL, PAGE, RW, PRIVATE, -1, 0), EAGAIN);
	char *brk = (char *)syscall(SYS_brk, 0);
	CHECK_EQ(syscall(SYS_brk, brk + PAGE), (long)brk);
	CHECK_EQ(munlock(at, 4 * PAGE), 0);
	CHECK(mmap(NULL, PAGE, RW, PRIVATE, -1, 0) != MAP_FAILED);
	CHECK_EQ(munlockall(), 0);
}

TEST(the_limit_is_eagain_for_others)
{
	char *at = map_private(8), *free = free_space(32);

	limit_pages(8);
	map_at(free, 4, RW, MAP_PRIVATE);
	CHECK_ERRNO((long)mmap(NULL, 9 * PAGE, RW, PRIVATE | MAP_LOCKED, -1, 0), EAGAIN);
	CHECK_EQ(mlock(free, 4 * PAGE), 0);
	CHECK_ERRNO((long)mremap(free, 4 * PAGE, 12 * PAGE, 0), EAGAIN);
	CHECK(mremap(free, 4 * PAGE, 8 * PAGE, 0) == free);
	CHECK_EQ(locked(), 8);
	CHECK_ERRNO(mlock(at, PAGE), ENOMEM);
}

TEST(without_any_limit_left_nothing_is_locked)
{
	char *at = map_private(1);

	limit_pages(0);
	CHECK_ERRNO(mlock(at, PAGE), EPERM);
	CHECK_ERRNO(mlock(at, 0), EPERM);
	CHECK_ERRNO(try_mlock2(at, PAGE, MLOCK_ONFAULT), EPERM);
	CHECK_ERRNO(mlockall(MCL_CURRENT), EPERM);
	CHECK_ERRNO(mlockall(MCL_FUTURE), EPERM);
	/* musl makes ENOMEM of EPERM */
	CHECK_ERRNO((long)raw_mmap(0, PAGE, RW, PRIVATE | MAP_LOCKED, -1, 0), EPERM);
	CHECK_EQ(munlock(at, PAGE), 0);
	CHECK_EQ(munlockall(), 0);
}

static __attribute__((noinline)) int use_stack(int depth)
{
	volatile char page[PAGE];

	page[0] = (char)depth;
	return depth > 0 ? use_stack(depth - 1) + page[0] : 0;
}

static void lock_stack(void)
{
	struct map_line line;

	CHECK(map_named("[stack]", &line));
	limit_pages(512);
	CHECK_EQ(mlock((void *)line.start, line.end - line.start), 0);
}

TEST(a_locked_stack_grows_within_the_limit)
{
	IN_CHILD({
		lock_stack();
		use_stack(256);
		CHECK(locked() >= 256);
	});
	CHECK_SEGV(lock_stack(); use_stack(600));
}

TEST(cap_ipc_lock_knows_no_limit)
{
	char *at = map_private(64);
	struct rlimit limit = { 0, 0 };

	if (!is_real_root())
		SKIP("root here is not the machine's");
	CHECK_EQ(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
	CHECK_EQ(mlock(at, 64 * PAGE), 0);
	CHECK_EQ(mlockall(MCL_CURRENT | MCL_FUTURE), 0);
	CHECK(mmap(NULL, PAGE, RW, PRIVATE | MAP_LOCKED, -1, 0) != MAP_FAILED);
	CHECK_EQ(munlockall(), 0);
}

/* ---- mmap's flags ---------------------------------------------------------------------------- */

TEST(map_locked)
{
	char *at = map_pages(4, RW, MAP_PRIVATE | MAP_LOCKED);

	CHECK_EQ(locked(), 4);
	CHECK_EQ(resident(at, 4), 4);
	CHECK_EQ(munlock(at, 4 * PAGE), 0);
	CHECK_EQ(locked(), 0);
}

TEST(map_populate)
{
	char *at = map_pages(16, RW, MAP_PRIVATE | MAP_POPULATE);

	CHECK_EQ(resident(at, 16), 16);
	CHECK(faulted_in(at, 16));
	CHECK_EQ(resident(map_pages(4, PROT_READ, MAP_PRIVATE | MAP_POPULATE), 4), 4);
	CHECK_EQ(resident(map_pages(4, RW, MAP_SHARED | MAP_POPULATE), 4), 4);
	CHECK_EQ(resident(map_pages(4, PROT_NONE, MAP_PRIVATE | MAP_POPULATE), 4), 0);
	CHECK_EQ(resident(map_pages(4, RW, MAP_PRIVATE | MAP_POPULATE | MAP_NONBLOCK), 4), 0);
	/* what cannot be had is no error */
	const char *path = temporary_path("short");
	write_file(path, "x", 1, 0600);
	int fd = open(path, O_RDWR);
	at = mmap(NULL, 4 * PAGE, RW, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	CHECK(at != MAP_FAILED);
	poke(at, 'y');
	CHECK_BUS(poke(at + PAGE, 1));
	CHECK_EQ(unlink(path), 0);
}

/* ---- mincore --------------------------------------------------------------------------------- */

TEST(mincore_tells_what_was_touched)
{
	char *at = map_private(8), *shared = map_shared(8);
	unsigned char vec[9];

	poke(at + PAGE, 1);
	CHECK_EQ(peek(at + 3 * PAGE), 0); /* read only: the page of zeroes */
	poke(shared + 2 * PAGE, 1);
	memset(vec, 0x55, sizeof(vec));
	CHECK_EQ(mincore(at, 8 * PAGE, vec), 0);
	for (int i = 0; i < 8; i++)
		CHECK_EQ(vec[i], i == 1 || i == 3);
	CHECK_EQ(vec[8], 0x55);
	CHECK_EQ(mincore(shared, 8 * PAGE, vec), 0);
	for (int i = 0; i < 8; i++)
		CHECK_EQ(vec[i], i == 2);
	CHECK_EQ(madvise(at, 8 * PAGE, MADV_DONTNEED), 0);
	CHECK_EQ(resident(at, 8), 0);
	CHECK_EQ(mprotect(shared, 8 * PAGE, PROT_NONE), 0);
	CHECK_EQ(resident(shared, 8), 1);
}

TEST(mincore_looks_into_the_page_cache)
{
	const char *path = temporary_path("cached");
	char bytes[3 * PAGE];

	memset(bytes, 'x', sizeof(bytes));
	write_file(path, bytes, sizeof(bytes), 0600);
	int fd = open(path, O_RDWR);
	CHECK_EQ(ftruncate(fd, 6 * PAGE), 0); /* a hole of three pages */
	char *at = mmap(NULL, 8 * PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	CHECK_EQ(resident(at, 3), 3);
	CHECK_EQ(resident(at + 3 * PAGE, 5), 0);
	at = mmap(NULL, 3 * PAGE, PROT_READ, MAP_SHARED, fd, PAGE);
	CHECK_EQ(resident(at, 3), 2);
	CHECK_EQ(unlink(path), 0);
}

USERS_TEST(mincore_tells_strangers_nothing)
{
	const char *path = temporary_path("private");

	write_file(path, "", 0, 0644);
	CHECK_EQ(truncate(path, 4 * PAGE), 0);
	int fd = open(path, O_RDONLY);
	IN_CHILD({
		become(ALICE, ALICE);
		char *at = mmap(NULL, 4 * PAGE, PROT_READ, MAP_SHARED, fd, 0);
		CHECK_EQ(resident(at, 4), 4); /* who may not write it is told a tale */
	});
	CHECK_EQ(resident(mmap(NULL, 4 * PAGE, PROT_READ, MAP_SHARED, fd, 0), 4), 0);
	CHECK_EQ(unlink(path), 0);
}

TEST(errors_of_mincore)
{
	char *at = map_private(4);
	unsigned char vec[8];

	CHECK_ERRNO(mincore(at + 1, PAGE, vec), EINVAL);
	CHECK_EQ(mincore(at, 0, vec), 0);
	CHECK_EQ(mincore(at, 1, vec), 0);
	CHECK_EQ(munmap(at + 2 * PAGE, PAGE), 0);
	CHECK_ERRNO(mincore(at, 4 * PAGE, vec), ENOMEM);
	CHECK_ERRNO(mincore(at + 2 * PAGE, PAGE, vec), ENOMEM);
	CHECK_ERRNO(mincore((void *)user_end(), PAGE, vec), ENOMEM);
	CHECK_ERRNO(mincore(at, (size_t)-PAGE, vec), ENOMEM);
	CHECK_ERRNO(mincore(at, PAGE, BAD_POINTER), EFAULT);
	CHECK_ERRNO(mincore(at, PAGE, KERNEL_ADDRESS), EFAULT);
	CHECK_ERRNO(mincore(at, PAGE, (unsigned char *)at + 2 * PAGE), EFAULT);
}

TEST(mincore_of_much)
{
	size_t pages = 10000;
	char *at = map_private(pages);
	unsigned char *vec = malloc(pages);

	for (size_t i = 0; i < pages; i += 97)
		poke(at + i * PAGE, 1);
	CHECK_EQ(mincore(at, pages * PAGE, vec), 0);
	for (size_t i = 0; i < pages; i++)
		CHECK_EQ(vec[i] & 1, i % 97 == 0);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "locked"))
		return locked() || resident(map_private(4), 4);
	return ktap_main(argc, argv);
}
