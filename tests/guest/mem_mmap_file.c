/*
 * mmap(2) of files: a private mapping shows the file and keeps its writes to itself, a shared one
 * is the file, for read(2), write(2) and every other process; offsets, the zero tail of the last
 * page, SIGBUS beyond the end of the file, access checks against how the file was opened, and the
 * calls where source and destination are the same file. Sources: mmap(2), POSIX mmap().
 */
#include "pages.h"
#include "paths.h"

enum { RW = PROT_READ | PROT_WRITE };

/* A file of so many patterned pages and n more bytes. */
static int pattern_file(const char *path, size_t pages, size_t n)
{
	static char buffer[16 * PAGE];
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);

	CHECK(fd >= 0);
	CHECK(pages < 16);
	pattern_fill(buffer, pages * PAGE + n, 0);
	write_all(fd, buffer, pages * PAGE + n);
	return fd;
}

static char *map_file(int fd, size_t pages, int prot, int flags, off_t offset)
{
	char *at = mmap(NULL, pages * PAGE, prot, flags, fd, offset);

	CHECK(at != MAP_FAILED);
	return at;
}

static void write_at(int fd, off_t offset, const void *data, size_t n)
{
	CHECK_EQ(lseek(fd, offset, SEEK_SET), offset);
	write_all(fd, data, n);
}

static void read_at(int fd, off_t offset, void *data, size_t n)
{
	CHECK_EQ(lseek(fd, offset, SEEK_SET), offset);
	CHECK_EQ(read_all(fd, data, n), n);
}

#define CHECK_PATTERN(buffer, n, offset) CHECK_EQ(pattern_match(buffer, n, offset), n)

SCRATCH_TEST(both_kinds_show_the_file)
{
	int fd = pattern_file("f", 5, 0);

	CHECK_PATTERN(map_file(fd, 5, PROT_READ, MAP_PRIVATE, 0), 5 * PAGE, 0);
	CHECK_PATTERN(map_file(fd, 5, PROT_READ, MAP_SHARED, 0), 5 * PAGE, 0);
	CHECK_PATTERN(map_file(fd, 5, RW, MAP_PRIVATE, 0), 5 * PAGE, 0);
	CHECK_PATTERN(map_file(fd, 2, RW, MAP_SHARED, 3 * PAGE), 2 * PAGE, 3 * PAGE);
	CHECK_PATTERN(map_file(fd, 1, RW, MAP_PRIVATE, 4 * PAGE), PAGE, 4 * PAGE);
}

SCRATCH_TEST(private_writes_stay_private)
{
	static char buffer[2 * PAGE];
	int fd = pattern_file("f", 2, 0);
	char *one = map_file(fd, 2, RW, MAP_PRIVATE, 0);
	char *two = map_file(fd, 2, RW, MAP_PRIVATE, 0);
	char *shared = map_file(fd, 2, PROT_READ, MAP_SHARED, 0);

	stamp(one, 1);
	stamp(one + PAGE, 2);
	read_at(fd, 0, buffer, 2 * PAGE);
	CHECK_PATTERN(buffer, 2 * PAGE, 0);
	CHECK_PATTERN(two, 2 * PAGE, 0);
	CHECK_PATTERN(shared, 2 * PAGE, 0);
	CHECK_STAMP(one, 1);
	CHECK_STAMP(one + PAGE, 2);
}

SCRATCH_TEST(a_private_write_keeps_the_rest_of_its_page)
{
	int fd = pattern_file("f", 1, 0);
	char *at = map_file(fd, 1, RW, MAP_PRIVATE, 0);

	poke(at + 1000, ~pattern(1000));
	CHECK_PATTERN(at, 1000, 0);
	CHECK_EQ(at[1000], (char)~pattern(1000));
	CHECK_PATTERN(at + 1001, PAGE - 1001, 1001);
}

SCRATCH_TEST(shared_writes_reach_the_file)
{
	static char buffer[3 * PAGE];
	int fd = pattern_file("f", 3, 0);
	char *at = map_file(fd, 3, RW, MAP_SHARED, 0);

	stamp(at + PAGE, 77);
	read_at(fd, 0, buffer, 3 * PAGE);
	CHECK_PATTERN(buffer, PAGE, 0);
	CHECK_STAMP(buffer + PAGE, 77);
	CHECK_PATTERN(buffer + 2 * PAGE, PAGE, 2 * PAGE);
	CHECK_EQ(munmap(at, 3 * PAGE), 0);
	read_at(fd, 0, buffer, 3 * PAGE);
	CHECK_STAMP(buffer + PAGE, 77);
}

SCRATCH_TEST(write_reaches_shared_mappings)
{
	uint64_t word = 0x1122334455667788;
	int fd = pattern_file("f", 3, 0);
	char *touched = map_file(fd, 3, RW, MAP_SHARED, 0);
	char *untouched = map_file(fd, 3, PROT_READ, MAP_SHARED, 0);

	CHECK_PATTERN(touched, 3 * PAGE, 0);
	write_at(fd, PAGE - 4, &word, 8);
	CHECK(!memcmp(touched + PAGE - 4, &word, 8));
	CHECK(!memcmp(untouched + PAGE - 4, &word, 8));
	poke(touched + 2 * PAGE, 5);
	CHECK_EQ(peek(untouched + 2 * PAGE), 5);
}

SCRATCH_TEST(shared_between_processes_by_name)
{
	int fd = pattern_file("f", 2, 0);
	char *at = map_file(fd, 2, RW, MAP_SHARED, 0);

	stamp(at, 1);
	pid_t child = FORK();
	if (child == 0) {
		int own = open("f", O_RDWR);
		CHECK(own >= 0);
		char *mine = map_file(own, 1, RW, MAP_SHARED, PAGE);
		CHECK_PATTERN(mine, PAGE, PAGE);
		stamp(mine, 2);
		CHECK_STAMP(at, 1);
		stamp(at, 3);
		_exit(0);
	}
	CHECK_EXIT(child, 0);
	CHECK_STAMP(at, 3);
	CHECK_STAMP(at + PAGE, 2);
}

SCRATCH_TEST(private_over_fork)
{
	int fd = pattern_file("f", 4, 0);
	char *at = map_file(fd, 4, RW, MAP_PRIVATE, 0);

	stamp(at, 1);
	stamp(at + PAGE, 2);
	pid_t child = FORK();
	if (child == 0) {
		CHECK_STAMP(at, 1);
		CHECK_STAMP(at + PAGE, 2);
		CHECK_PATTERN(at + 2 * PAGE, 2 * PAGE, 2 * PAGE);
		stamp(at, 11);
		stamp(at + 2 * PAGE, 13);
		_exit(0);
	}
	stamp(at + 3 * PAGE, 4);
	CHECK_EXIT(child, 0);
	CHECK_STAMP(at, 1);
	CHECK_STAMP(at + PAGE, 2);
	CHECK_PATTERN(at + 2 * PAGE, PAGE, 2 * PAGE);
	CHECK_STAMP(at + 3 * PAGE, 4);
}

SCRATCH_TEST(the_tail_of_the_last_page_is_zero)
{
	int fd = pattern_file("f", 1, 100);

	for (int i = 0; i < 2; i++) {
		char *at = map_file(fd, 2, RW, i ? MAP_SHARED : MAP_PRIVATE, 0);
		CHECK_PATTERN(at, PAGE + 100, 0);
		CHECK_ZERO(at + PAGE + 100, PAGE - 100);
	}
	char *at = map_file(fd, 2, RW, MAP_SHARED, 0);
	poke(at + PAGE + 200, 1);
	CHECK_EQ(size_of("f"), PAGE + 100);
}

SCRATCH_TEST(beyond_the_end_is_sigbus)
{
	int fd = pattern_file("f", 1, 100);

	for (int i = 0; i < 2; i++) {
		char *at = map_file(fd, 4, RW, i ? MAP_SHARED : MAP_PRIVATE, 0);
		CHECK_LIVES(peek(at + 2 * PAGE - 1));
		CHECK_BUS(peek(at + 2 * PAGE));
		CHECK_BUS(poke(at + 2 * PAGE, 1));
		CHECK_BUS(peek(at + 4 * PAGE - 1));
		CHECK_EQ(kernel_reads(at + 3 * PAGE), 0);
		CHECK_EQ(kernel_writes(at + 3 * PAGE), 0);
		CHECK_SEGV(mprotect(at, PAGE, PROT_READ); poke(at, 1));
	}
	CHECK_BUS(peek(map_file(fd, 1, PROT_READ, MAP_SHARED, 64 * PAGE)));
}

SCRATCH_TEST(an_empty_file_has_no_page)
{
	int fd = make_file("f", "");
	char *at = map_file(fd, 1, RW, MAP_SHARED, 0);

	CHECK_BUS(peek(at));
	CHECK_BUS(poke(at, 1));
	write_at(fd, 0, "x", 1);
	CHECK_EQ(peek(at), 'x');
	CHECK_ZERO(at + 1, PAGE - 1);
}

SCRATCH_TEST(a_mapping_grows_with_its_file)
{
	int fd = pattern_file("f", 1, 0);
	char *at = map_file(fd, 4, RW, MAP_SHARED, 0);

	CHECK_BUS(peek(at + PAGE));
	write_at(fd, 3 * PAGE, "end", 3);
	CHECK_ZERO(at + PAGE, 2 * PAGE);
	CHECK_EQ(peek(at + 3 * PAGE), 'e');
	stamp(at + 2 * PAGE, 5);
	static char buffer[PAGE];
	read_at(fd, 2 * PAGE, buffer, PAGE);
	CHECK_STAMP(buffer, 5);
}

SCRATCH_TEST(emptied_by_o_trunc_the_pages_go)
{
	int fd = pattern_file("f", 2, 0);
	char *at = map_file(fd, 2, RW, MAP_SHARED, 0);

	stamp(at, 1);
	CHECK_EQ(close(open("f", O_WRONLY | O_TRUNC)), 0);
	CHECK_BUS(peek(at));
	CHECK_BUS(poke(at + PAGE, 1));
	write_at(fd, PAGE, "y", 1);
	CHECK_ZERO(at, PAGE);
	CHECK_EQ(peek(at + PAGE), 'y');
}

SCRATCH_TEST(a_mapping_outlives_descriptor_and_name)
{
	int fd = pattern_file("f", 2, 0);
	char *at = map_file(fd, 2, RW, MAP_SHARED, 0);

	CHECK_EQ(close(fd), 0);
	CHECK_EQ(unlink("f"), 0);
	CHECK_PATTERN(at, 2 * PAGE, 0);
	stamp(at, 4);
	pid_t child = FORK();
	if (child == 0) {
		CHECK_STAMP(at, 4);
		stamp(at, 5);
		_exit(0);
	}
	CHECK_EXIT(child, 0);
	CHECK_STAMP(at, 5);
	CHECK_PATTERN(at + PAGE, PAGE, PAGE);
}

SCRATCH_TEST(how_the_file_was_opened_decides)
{
	touch("f");
	int r = open("f", O_RDONLY), w = open("f", O_WRONLY), rw = open("f", O_RDWR);

	CHECK(r >= 0 && w >= 0 && rw >= 0);
	CHECK_ERRNO((long)mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, w, 0), EACCES);
	CHECK_ERRNO((long)mmap(NULL, PAGE, PROT_READ, MAP_SHARED, w, 0), EACCES);
	CHECK_ERRNO((long)mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, w, 0), EACCES);
	CHECK_ERRNO((long)mmap(NULL, PAGE, RW, MAP_SHARED, r, 0), EACCES);
	CHECK_ERRNO((long)mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, r, 0), EACCES);
	map_file(r, 1, PROT_READ, MAP_SHARED, 0);
	map_file(r, 1, RW, MAP_PRIVATE, 0);
	map_file(rw, 1, RW, MAP_SHARED, 0);
	map_file(rw, 1, PROT_NONE, MAP_SHARED, 0);
}

SCRATCH_TEST(what_cannot_be_mapped)
{
	int fd[2], file = make_file("f", "text"), directory = open(".", O_RDONLY);

	CHECK_EQ(pipe(fd), 0);
	CHECK_ERRNO((long)mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd[0], 0), ENODEV);
	CHECK_ERRNO((long)mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, directory, 0), ENODEV);
	CHECK_EQ(close(directory), 0);
	CHECK_ERRNO((long)mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, directory, 0), EBADF);
	CHECK_ERRNO((long)mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, -1, 0), EBADF);
	CHECK_ERRNO((long)raw_mmap(0, PAGE, PROT_READ, MAP_PRIVATE, file, 1), EINVAL);
	CHECK_ERRNO((long)raw_mmap(0, PAGE, PROT_READ, MAP_PRIVATE, file, 2048), EINVAL);
	CHECK_ERRNO((long)raw_mmap(0, PAGE, PROT_READ, 0, file, 0), EINVAL);
	CHECK_ERRNO((long)raw_mmap(0, 0, PROT_READ, MAP_SHARED, file, 0), EINVAL);
}

/* The kernel faults the destination in while it copies from the same file. */
SCRATCH_TEST(reading_a_file_into_its_own_mapping)
{
	int fd = pattern_file("f", 4, 0);
	char *mine = map_file(fd, 4, RW, MAP_PRIVATE, 0);
	char *shared = map_file(fd, 4, RW, MAP_SHARED, 0);

	read_at(fd, 0, mine + PAGE, PAGE);
	CHECK_PATTERN(mine + PAGE, PAGE, 0);
	CHECK_PATTERN(mine, PAGE, 0);
	read_at(fd, PAGE, shared + 3 * PAGE, PAGE);
	CHECK_PATTERN(shared + 3 * PAGE, PAGE, PAGE);
	read_at(fd, 3 * PAGE, mine, PAGE);
	CHECK_PATTERN(mine, PAGE, PAGE);
}

SCRATCH_TEST(writing_a_file_from_its_own_mapping)
{
	static char buffer[5 * PAGE];
	int fd = pattern_file("f", 4, 0);
	char *at = map_file(fd, 4, RW, MAP_SHARED, 0);

	write_at(fd, 4 * PAGE, at + PAGE, PAGE);
	write_at(fd, 0, at + 3 * PAGE, PAGE);
	read_at(fd, 0, buffer, 5 * PAGE);
	CHECK_PATTERN(buffer, PAGE, 3 * PAGE);
	CHECK_PATTERN(buffer + PAGE, 3 * PAGE, PAGE);
	CHECK_PATTERN(buffer + 4 * PAGE, PAGE, PAGE);
}

SCRATCH_TEST(a_fixed_file_page_in_anonymous_memory)
{
	int fd = pattern_file("f", 3, 0);
	char *at = map_private(5);

	stamp(at + PAGE, 1);
	stamp(at + 3 * PAGE, 3);
	CHECK(mmap(at + 2 * PAGE, PAGE, RW, MAP_PRIVATE | MAP_FIXED, fd, PAGE) == at + 2 * PAGE);
	CHECK_STAMP(at + PAGE, 1);
	CHECK_PATTERN(at + 2 * PAGE, PAGE, PAGE);
	CHECK_STAMP(at + 3 * PAGE, 3);
	CHECK_EQ(munmap(at + 2 * PAGE, PAGE), 0);
	CHECK_SEGV(peek(at + 2 * PAGE));
}

SCRATCH_TEST(a_file_can_be_executed_from_its_mapping)
{
	static const unsigned char code[] = { 0xb8, 42, 0, 0, 0, 0xc3 };
	int fd = make_file("f", ""), prot = PROT_READ | PROT_EXEC;

	write_all(fd, code, sizeof(code));		/* mov eax, 42; ret */
	int (*run)(void) = (int (*)(void))raw_mmap(0, PAGE, prot, MAP_PRIVATE, fd, 0);
	if ((void *)run == MAP_FAILED && errno == EPERM)
		SKIP("the scratch directory is mounted noexec");
	CHECK((void *)run != MAP_FAILED);
	CHECK_EQ(run(), 42);
	run = (int (*)(void))map_file(fd, 1, PROT_READ, MAP_PRIVATE, 0);
	CHECK_SEGV(run());
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
