/*
 * What the tests of memory share, beside ktap.h: mapping pages, touching them so that the compiler
 * cannot leave the access out, statements that must end in a fault (run in a child, whose wait
 * status is looked at, because there are no signal handlers), and a reader of /proc/self/maps that
 * needs no malloc, so that it can be used while a test moves the program break about.
 */
#ifndef PAGES_H
#define PAGES_H

#include "ktap.h"
#include <sys/mman.h>

#define PAGE 4096ul

/* Runs the statement in a child, which must die of the signal. */
#define CHECK_DIES(signal, statement)						\
	do {									\
		pid_t child_ = FORK();						\
		if (child_ == 0) {						\
			statement;						\
			_exit(0);						\
		}								\
		CHECK_SIGNAL(child_, signal);					\
	} while (0)

/* Runs the statement in a child, which must get to its end. */
#define CHECK_LIVES(statement)							\
	do {									\
		pid_t child_ = FORK();						\
		if (child_ == 0) {						\
			statement;						\
			_exit(0);						\
		}								\
		CHECK_EXIT(child_, 0);						\
	} while (0)

#define CHECK_SEGV(statement) CHECK_DIES(SIGSEGV, statement)
#define CHECK_BUS(statement) CHECK_DIES(SIGBUS, statement)

static inline char peek(const volatile void *at)
{
	return *(const volatile char *)at;
}

static inline void poke(volatile void *at, char value)
{
	*(volatile char *)at = value;
}

/* Anonymous pages anywhere; flags is MAP_PRIVATE or MAP_SHARED and what else is wished. */
static inline char *map_pages(size_t pages, int prot, int flags)
{
	char *at = mmap(NULL, pages * PAGE, prot, flags | MAP_ANONYMOUS, -1, 0);

	CHECK(at != MAP_FAILED);
	CHECK_EQ((uintptr_t)at % PAGE, 0);
	return at;
}

/* Anonymous pages at exactly this place, over whatever is there unless the flags say otherwise. */
static inline void map_at(char *at, size_t pages, int prot, int flags)
{
	CHECK(mmap(at, pages * PAGE, prot, flags | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == at);
}

/* Moves pages to exactly this place, over whatever is there. */
static inline void move_to(char *at, size_t pages, char *to)
{
	CHECK(mremap(at, pages * PAGE, pages * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
}

static inline char *map_private(size_t pages)
{
	return map_pages(pages, PROT_READ | PROT_WRITE, MAP_PRIVATE);
}

static inline char *map_shared(size_t pages)
{
	return map_pages(pages, PROT_READ | PROT_WRITE, MAP_SHARED);
}

/* So many pages of address space that nobody uses: mapped and unmapped again. */
static inline char *free_space(size_t pages)
{
	char *at = map_pages(pages, PROT_NONE, MAP_PRIVATE | MAP_NORESERVE);

	CHECK_EQ(munmap(at, pages * PAGE), 0);
	return at;
}

/* The call as the kernel gets it: musl checks some arguments itself. */
static inline char *raw_mmap(uintptr_t at, size_t length, int prot, int flags, int fd, long offset)
{
	return (char *)syscall(SYS_mmap, at, length, prot, flags, fd, offset);
}

/*
 * The first address that no program can have: 2^47, or 2^56 where processor and kernel use five
 * levels of page tables.
 */
static inline uintptr_t user_end(void)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
	char *high = raw_mmap(1ul << 50, PAGE, PROT_NONE, flags, -1, 0);

	if (high == MAP_FAILED)
		return 1ul << 47;
	CHECK_EQ(munmap(high, PAGE), 0);
	return 1ul << 56;
}

/* Marks a page in its first and its last word, so that half a copied page is noticed. */
static inline void stamp(char *page, uint64_t value)
{
	*(volatile uint64_t *)page = value;
	*(volatile uint64_t *)(page + PAGE - 8) = ~value;
}

static inline uint64_t stamp_of(const char *page)
{
	uint64_t first = *(const volatile uint64_t *)page;
	uint64_t last = *(const volatile uint64_t *)(page + PAGE - 8);

	if (first != ~last)
		FAIL("page %p is torn: it begins with 0x%lx and ends with 0x%lx",
		     (const void *)page, (unsigned long)first, (unsigned long)last);
	return first;
}

#define CHECK_STAMP(page, value) CHECK_EQ(stamp_of(page), value)

static inline int all_bytes(const char *at, size_t n, char value)
{
	for (size_t i = 0; i < n; i++)
		if (peek(at + i) != value)
			return 0;
	return 1;
}

#define CHECK_ZERO(at, n) CHECK(all_bytes(at, n, 0))

/* Can the kernel read a byte here on our behalf, can it write one? Faults nothing, kills nobody. */
static inline int kernel_reads(const void *at)
{
	int fd[2];

	CHECK_EQ(pipe(fd), 0);
	ssize_t n = write(fd[1], at, 1);
	CHECK(n == 1 || errno == EFAULT);
	close(fd[0]);
	close(fd[1]);
	return n == 1;
}

static inline int kernel_writes(void *at)
{
	int fd[2];

	CHECK_EQ(pipe(fd), 0);
	CHECK_EQ(write(fd[1], "k", 1), 1);
	ssize_t n = read(fd[0], at, 1);
	CHECK(n == 1 || errno == EFAULT);
	close(fd[0]);
	close(fd[1]);
	return n == 1;
}

/* One line of /proc/self/maps. */
struct map_line {
	uintptr_t start, end;
	char prot[5];
	unsigned long offset;
	unsigned major, minor;
	unsigned long ino;
	char name[256];
};

/* Takes one line apart; true if it is one. */
static inline int map_line_parse(const char *text, struct map_line *line)
{
	unsigned long start, end;
	int at = 0;

	if (sscanf(text, "%lx-%lx %4s %lx %x:%x %lu%n", &start, &end, line->prot, &line->offset,
		   &line->major, &line->minor, &line->ino, &at) < 7)
		return 0;
	text += at + strspn(text + at, " ");
	snprintf(line->name, sizeof(line->name), "%.*s", (int)strcspn(text, "\n"), text);
	line->start = start;
	line->end = end;
	return 1;
}

/* The text of /proc/self/maps, in a buffer that the next call overwrites. */
static inline char *maps_text(void)
{
	static char text[256 << 10];
	size_t used = 0;
	ssize_t n;
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);

	CHECK(fd >= 0);
	while ((n = read(fd, text + used, sizeof(text) - 1 - used)) > 0)
		used += (size_t)n;
	CHECK_EQ(n, 0);
	close(fd);
	text[used] = '\0';
	return text;
}

/* Finds the mapping that holds this address; false if none does. */
static inline int map_find(const void *address, struct map_line *line)
{
	for (char *text = maps_text(); *text; text = strchr(text, '\n') + 1) {
		CHECK(map_line_parse(text, line));
		if (line->start <= (uintptr_t)address && (uintptr_t)address < line->end)
			return 1;
	}
	return 0;
}

/* Finds the mapping of this name, for instance "[stack]". */
static inline int map_named(const char *name, struct map_line *line)
{
	for (char *text = maps_text(); *text; text = strchr(text, '\n') + 1) {
		CHECK(map_line_parse(text, line));
		if (!strcmp(line->name, name))
			return 1;
	}
	return 0;
}

/* The address must lie in a mapping of exactly these bounds and permissions. */
#define CHECK_MAP(first, pages, perms)						\
	do {									\
		struct map_line l_;						\
		if (!map_find(first, &l_))					\
			FAIL("%s is not in /proc/self/maps", #first);		\
		CHECK_EQ(l_.start, (uintptr_t)(first));				\
		CHECK_EQ(l_.end - l_.start, (pages) * PAGE);			\
		CHECK_STR(l_.prot, perms);					\
	} while (0)

#define CHECK_NO_MAP(address)							\
	do {									\
		struct map_line l_;						\
		if (map_find(address, &l_))					\
			FAIL("%s is mapped: %lx-%lx %s", #address, l_.start, l_.end, l_.prot); \
	} while (0)

/* A number in kB from /proc/meminfo. */
static inline long meminfo(const char *key)
{
	static char text[16 << 10];
	int fd = open("/proc/meminfo", O_RDONLY);

	CHECK(fd >= 0);
	ssize_t n = read(fd, text, sizeof(text) - 1);
	CHECK(n > 0);
	close(fd);
	text[n] = '\0';
	size_t length = strlen(key);
	for (char *at = text; at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL)
		if (!strncmp(at, key, length) && at[length] == ':')
			return strtol(at + length + 1, NULL, 10);
	FAIL("/proc/meminfo has no line %s", key);
}

#endif
