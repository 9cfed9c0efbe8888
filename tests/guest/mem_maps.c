/*
 * /proc/self/maps: its format to the column, and its truth: sorted lines without overlap, the
 * program's segments, [heap] and [stack] where they are, permissions and sharing of what was
 * mapped, file mappings with offset, inode and path, neighbours that are alike shown as one, and a
 * child's view of its own memory. Source: proc(5), /proc/[pid]/maps.
 */
#include "pages.h"
#include "paths.h"
#include <sys/sysmacros.h>

enum { RW = PROT_READ | PROT_WRITE };

TEST(every_line_has_the_format)
{
	int lines = 0;

	for (char *text = maps_text(); *text; text = strchr(text, '\n') + 1) {
		char again[512];
		struct map_line line;
		size_t length = strcspn(text, "\n");

		CHECK_EQ(text[length], '\n');
		CHECK(length < 400);
		CHECK(map_line_parse(text, &line));
		CHECK(line.prot[0] == 'r' || line.prot[0] == '-');
		CHECK(line.prot[1] == 'w' || line.prot[1] == '-');
		CHECK(line.prot[2] == 'x' || line.prot[2] == '-');
		CHECK(line.prot[3] == 'p' || line.prot[3] == 's');
		int n = snprintf(again, sizeof(again), "%08lx-%08lx %s %08lx %02x:%02x %lu ",
				 line.start, line.end, line.prot, line.offset, line.major,
				 line.minor, line.ino);
		if (line.name[0])
			snprintf(again + n, sizeof(again) - n, "%*s%s", n < 73 ? 73 - n : 0, "",
				 line.name);
		text[length] = '\0';
		CHECK_STR(text, again);
		text[length] = '\n';
		lines++;
	}
	CHECK(lines >= 4);
}

TEST(lines_are_sorted_and_aligned)
{
	uintptr_t last = 0;

	for (char *text = maps_text(); *text; text = strchr(text, '\n') + 1) {
		struct map_line line;

		CHECK(map_line_parse(text, &line));
		if (line.start == 0xffffffffff600000)	/* [vsyscall], if there is one */
			continue;
		CHECK_EQ(line.start % PAGE, 0);
		CHECK_EQ(line.end % PAGE, 0);
		CHECK(line.start >= last);
		CHECK(line.end > line.start);
		CHECK(line.end < user_end());
		last = line.end;
	}
}

TEST(the_program_itself)
{
	static int data = 1;
	struct map_line line;

	CHECK(map_find((void *)(uintptr_t)ktap_main, &line));
	CHECK_STR(line.prot, "r-xp");
	CHECK(strstr(line.name, "mem_maps") != NULL);
	CHECK(line.ino != 0);
	CHECK(map_find(&data, &line));
	CHECK_STR(line.prot, "rw-p");
	CHECK(map_find("constant", &line));
	CHECK_EQ(line.prot[1], '-');
}

TEST(the_heap)
{
	struct map_line line;
	uintptr_t at = (uintptr_t)syscall(SYS_brk, 0);

	CHECK_EQ(syscall(SYS_brk, at + 16 * PAGE), at + 16 * PAGE);
	CHECK(map_named("[heap]", &line));
	CHECK(map_find((void *)(at + 8 * PAGE), &line));
	CHECK_STR(line.name, "[heap]");
	CHECK_STR(line.prot, "rw-p");
	CHECK_EQ(line.end, (at + 17 * PAGE - 1) & ~(PAGE - 1));
}

TEST(the_stack)
{
	struct map_line line;

	CHECK(map_find(&line, &line));
	CHECK_STR(line.name, "[stack]");
	CHECK_STR(line.prot, "rw-p");
	CHECK_EQ(line.ino, 0);
}

TEST(permissions_and_sharing)
{
	static const struct { int prot, flags; const char *shown; } rows[] = {
		{ PROT_NONE, MAP_PRIVATE, "---p" }, { PROT_READ, MAP_PRIVATE, "r--p" },
		{ RW, MAP_PRIVATE, "rw-p" }, { PROT_READ | PROT_EXEC, MAP_PRIVATE, "r-xp" },
		{ RW | PROT_EXEC, MAP_PRIVATE, "rwxp" }, { PROT_WRITE, MAP_PRIVATE, "-w-p" },
		{ PROT_EXEC, MAP_PRIVATE, "--xp" }, { RW, MAP_SHARED, "rw-s" },
		{ PROT_READ, MAP_SHARED, "r--s" }, { PROT_NONE, MAP_SHARED, "---s" },
	};
	char *space = free_space(4 * sizeof(rows) / sizeof(rows[0]));

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *at = space + (4 * i + 1) * PAGE;
		CONTEXT("%s", rows[i].shown);
		map_at(at, 2, rows[i].prot, rows[i].flags);
		CHECK_MAP(at, 2, rows[i].shown);
	}
}

TEST(alike_neighbours_are_one)
{
	char *space = free_space(12), *at = space + 2 * PAGE;
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;

	CHECK(mmap(at, 2 * PAGE, RW, flags, -1, 0) == at);
	CHECK(mmap(at + 4 * PAGE, 2 * PAGE, RW, flags, -1, 0) == at + 4 * PAGE);
	CHECK_MAP(at, 2, "rw-p");
	CHECK_MAP(at + 4 * PAGE, 2, "rw-p");
	CHECK(mmap(at + 2 * PAGE, 2 * PAGE, RW, flags, -1, 0) == at + 2 * PAGE);
	CHECK_MAP(at, 6, "rw-p");
	CHECK(mmap(at + 6 * PAGE, PAGE, PROT_READ, flags, -1, 0) == at + 6 * PAGE);
	CHECK_MAP(at, 6, "rw-p");
	CHECK_MAP(at + 6 * PAGE, 1, "r--p");
}

TEST(a_split_shows)
{
	char *at = free_space(9) + PAGE;

	map_at(at, 7, RW, MAP_PRIVATE);
	CHECK_EQ(munmap(at + 3 * PAGE, PAGE), 0);
	CHECK_MAP(at, 3, "rw-p");
	CHECK_NO_MAP(at + 3 * PAGE);
	CHECK_MAP(at + 4 * PAGE, 3, "rw-p");
}

SCRATCH_TEST(a_file_mapping)
{
	char path[PATH_MAX];
	struct map_line line;
	struct stat st;
	int fd = make_file("some file", "text");

	CHECK_EQ(fstat(fd, &st), 0);
	char *at = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, fd, 3 * PAGE);
	CHECK(at != MAP_FAILED);
	CHECK_MAP(at, 2, "r--s");
	CHECK(map_find(at, &line));
	CHECK_EQ(line.offset, 3 * PAGE);
	CHECK_EQ(line.ino, st.st_ino);
	CHECK_EQ(line.major, major(st.st_dev));
	CHECK_EQ(line.minor, minor(st.st_dev));
	CHECK(getcwd(path, sizeof(path) - 16) != NULL);
	strcat(path, "/some file");
	CHECK_STR(line.name, path);
	CHECK_EQ(munmap(at, PAGE), 0);
	CHECK(map_find(at + PAGE, &line));
	CHECK_EQ(line.offset, 4 * PAGE);
	CHECK_EQ(unlink("some file"), 0);
	CHECK(map_find(at + PAGE, &line));
	strcat(path, " (deleted)");
	CHECK_STR(line.name, path);
}

TEST(a_child_sees_its_own)
{
	char *at = free_space(4) + PAGE;

	map_at(at, 2, RW, MAP_PRIVATE);
	pid_t child = FORK();
	if (child == 0) {
		CHECK_MAP(at, 2, "rw-p");
		CHECK_EQ(mprotect(at, 2 * PAGE, PROT_READ), 0);
		CHECK_MAP(at, 2, "r--p");
		_exit(0);
	}
	CHECK_EXIT(child, 0);
	CHECK_MAP(at, 2, "rw-p");
}

/* The other's memory is seen by its pid, and what was read byte by byte is the same text. */
TEST(another_process_and_small_reads)
{
	static char whole[64 << 10], pieces[64 << 10];
	int go[2];
	char path[64], byte;

	CHECK_EQ(pipe(go), 0);
	pid_t child = FORK();
	if (child == 0) {
		close(go[1]);
		_exit((int)read(go[0], &byte, 1));
	}
	await_sleep(child);
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)child);
	int fd = open(path, O_RDONLY);
	CHECK(fd >= 0);
	size_t n = read_all(fd, whole, sizeof(whole));
	CHECK(n > 0);
	close(fd);
	fd = open(path, O_RDONLY);
	for (size_t i = 0; i < n; i++)
		CHECK_EQ(read(fd, pieces + i, 1), 1);
	CHECK_EQ(read(fd, &byte, 1), 0);
	CHECK(!memcmp(whole, pieces, n));
	CHECK(memmem(whole, n, "[stack]", 7) != NULL);
	close(go[0]);
	close(go[1]);
	CHECK_EXIT(child, 0);
}

TEST(many_lines)
{
	enum { N = 600 };
	char *at = map_private(2 * N), *last = at + (2 * N - 1) * PAGE;
	int seen = 0;

	for (int i = 0; i < N; i++)
		CHECK_EQ(mprotect(at + 2 * i * PAGE, PAGE, PROT_READ), 0);
	for (char *text = maps_text(); *text; text = strchr(text, '\n') + 1) {
		struct map_line line;

		CHECK(map_line_parse(text, &line));
		if (line.start < (uintptr_t)at || line.start >= (uintptr_t)last)
			continue;
		CHECK_EQ(line.start, (uintptr_t)(at + seen * PAGE));
		CHECK_STR(line.prot, seen % 2 ? "rw-p" : "r--p");
		seen++;
	}
	CHECK_EQ(seen, 2 * N - 1);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
