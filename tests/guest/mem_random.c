/*
 * About 20,000 random operations on a window of 256 pages against a model of what each page must
 * be: mmap over anything (anonymous and file, private and shared), munmap, mprotect, MADV_DONTNEED,
 * mremap, writes by the program and by the kernel, and forks, whose children check everything, go
 * on with random operations of their own, and check again, while the parent waits (children that
 * share) or goes on (children that keep to their private pages). The random numbers are seeded, so
 * a failure names an operation that comes again in the next run. The model of a private page is a
 * value in this process; of a shared one, a value in shared memory. Sources: mmap(2), fork(2).
 */
#include "pages.h"
#include "paths.h"
#include "random.h"

enum { RW = PROT_READ | PROT_WRITE, PAGES = 256, FILE_PAGES = 64, SLOTS = 1 << 17 };

enum kind { NOTHING, ANON_PRIVATE, ANON_SHARED, FILE_PRIVATE, FILE_SHARED };

/* What a page of the window is. A value is the word it is filled with at its marks. */
struct page {
	enum kind kind;
	int prot;
	int file_page;	/* of a file page: which */
	uint64_t value; /* of a private page */
	uint32_t slot;	/* of an anonymous shared page: index into common->slot */
};

/* What all the processes of a run have in common. */
struct common {
	uint32_t slots_used;
	uint64_t serial;	   /* the last value that was written anywhere */
	uint64_t file[FILE_PAGES]; /* values of the shared file's pages */
	uint64_t slot[SLOTS];
};

static char *window;
static struct page page[PAGES];
static struct common *common;
static int private_file, shared_file; /* the first never changes: its page i has value i + 1 */
static int probe[2];		      /* a pipe by which the kernel reads and writes pages for us */
static int private_only;	      /* leave the shared pages alone: another process is at them */
static const char *who;

/* Fills and reads the marks of a page: three words, one of which lies in the middle. */
static void put(char *at, uint64_t value)
{
	*(volatile uint64_t *)at = value;
	*(volatile uint64_t *)(at + 2040) = value;
	*(volatile uint64_t *)(at + PAGE - 8) = value;
}

static int holds(const char *at, uint64_t value)
{
	return *(const volatile uint64_t *)at == value &&
	       *(const volatile uint64_t *)(at + 2040) == value &&
	       *(const volatile uint64_t *)(at + PAGE - 8) == value;
}

static int is_shared(const struct page *p)
{
	return p->kind == ANON_SHARED || p->kind == FILE_SHARED;
}

static uint64_t *value_of(struct page *p)
{
	switch (p->kind) {
	case ANON_SHARED:
		return &common->slot[p->slot];
	case FILE_SHARED:
		return &common->file[p->file_page];
	default:
		return &p->value;
	}
}

static void check_page(int i)
{
	char *at = window + i * PAGE;

	if (page[i].kind == NOTHING || page[i].prot == PROT_NONE)
		return;
	if (private_only && is_shared(&page[i]))
		return;
	if (!holds(at, *value_of(&page[i])))
		FAIL("%s: page %d of kind %d begins with 0x%llx, not 0x%llx", who, i, page[i].kind,
		     *(unsigned long long *)at, (unsigned long long)*value_of(&page[i]));
}

static void check_all(void)
{
	for (int i = 0; i < PAGES; i++)
		check_page(i);
}

/* Compares the permissions in /proc/self/maps with the model, page by page. */
static void check_maps(void)
{
	char seen[PAGES][5] = { 0 };

	for (char *text = maps_text(); *text; text = strchr(text, '\n') + 1) {
		struct map_line line;

		CHECK(map_line_parse(text, &line));
		for (uintptr_t at = line.start; at < line.end; at += PAGE) {
			if (at >= (uintptr_t)window + PAGES * PAGE || line.end <= (uintptr_t)window)
				break;
			if (at >= (uintptr_t)window)
				memcpy(seen[(at - (uintptr_t)window) / PAGE], line.prot, 5);
		}
	}
	for (int i = 0; i < PAGES; i++) {
		char expected[5] = { 0 };

		if (page[i].kind != NOTHING)
			snprintf(expected, sizeof(expected), "%c%c-%c",
				 page[i].prot & PROT_READ ? 'r' : '-',
				 page[i].prot & PROT_WRITE ? 'w' : '-',
				 is_shared(&page[i]) ? 's' : 'p');
		if (strcmp(seen[i], expected))
			FAIL("%s: page %d is \"%s\" in maps, not \"%s\"", who, i, seen[i],
			     expected);
	}
}

static int random_prot(void)
{
	static const int prots[] = { RW, RW, RW, PROT_READ, PROT_NONE };

	return prots[below(5)];
}

/* A run of pages: usually a few, sometimes many. */
static void random_run(int *first, int *count)
{
	*first = below(PAGES);
	*count = 1 + (below(8) ? below(8) : below(100));
	if (*count > PAGES - *first)
		*count = PAGES - *first;
}

static void op_map(void)
{
	int first, count, prot = random_prot(), file_page = 0, fd = -1, flags = MAP_FIXED;
	enum kind kind = ANON_PRIVATE + below(4);

	random_run(&first, &count);
	if (kind == ANON_SHARED && common->slots_used + (unsigned)count > SLOTS)
		kind = ANON_PRIVATE;
	if (kind == FILE_PRIVATE || kind == FILE_SHARED) {
		if (count > FILE_PAGES)
			count = FILE_PAGES;
		file_page = below(FILE_PAGES - count + 1);
		fd = kind == FILE_PRIVATE ? private_file : shared_file;
	} else {
		flags |= MAP_ANONYMOUS;
	}
	flags |= kind == ANON_SHARED || kind == FILE_SHARED ? MAP_SHARED : MAP_PRIVATE;
	char *at = window + first * PAGE;
	CHECK(mmap(at, count * PAGE, prot, flags, fd, file_page * PAGE) == at);
	for (int i = 0; i < count; i++) {
		struct page *p = &page[first + i];
		*p = (struct page){ .kind = kind, .prot = prot, .file_page = file_page + i };
		if (kind == FILE_PRIVATE)
			p->value = (uint64_t)p->file_page + 1;
		if (kind == ANON_SHARED)
			p->slot = __atomic_fetch_add(&common->slots_used, 1, __ATOMIC_SEQ_CST);
	}
}

static void op_unmap(void)
{
	int first, count;

	random_run(&first, &count);
	CHECK_EQ(munmap(window + first * PAGE, count * PAGE), 0);
	for (int i = first; i < first + count; i++)
		page[i].kind = NOTHING;
}

/* How many pages from here on are mapped, count at most. */
static int mapped_run(int first, int count)
{
	int n = 0;

	while (n < count && page[first + n].kind != NOTHING)
		n++;
	return n;
}

static void op_protect(void)
{
	int first, count, prot = random_prot();

	random_run(&first, &count);
	int mapped = mapped_run(first, count);
	if (mapped == 0) {
		CHECK_ERRNO(mprotect(window + first * PAGE, count * PAGE, prot), ENOMEM);
		return;
	}
	CHECK_EQ(mprotect(window + first * PAGE, mapped * PAGE, prot), 0);
	for (int i = first; i < first + mapped; i++)
		page[i].prot = prot;
}

static void op_dontneed(void)
{
	int first, count;

	random_run(&first, &count);
	int mapped = mapped_run(first, count);
	CHECK_EQ(madvise(window + first * PAGE, mapped * PAGE, MADV_DONTNEED), 0);
	for (int i = first; i < first + mapped; i++) {
		if (page[i].kind == ANON_PRIVATE)
			page[i].value = 0;
		if (page[i].kind == FILE_PRIVATE)
			page[i].value = (uint64_t)page[i].file_page + 1;
	}
}

/* Moves one page, which is always in one mapping, over another. */
static void op_move(void)
{
	int from = below(PAGES), to = below(PAGES);

	if (from == to || page[from].kind == NOTHING)
		return;
	move_to(window + from * PAGE, 1, window + to * PAGE);
	page[to] = page[from];
	page[from].kind = NOTHING;
}

static void op_write(void)
{
	int i = below(PAGES);

	if (page[i].kind == NOTHING || !(page[i].prot & PROT_WRITE))
		return;
	if (private_only && is_shared(&page[i]))
		return;
	uint64_t value = __atomic_add_fetch(&common->serial, 1, __ATOMIC_SEQ_CST) << 16;
	put(window + i * PAGE, value);
	*value_of(&page[i]) = value;
}

/* The kernel writes a page's words for us, or refuses. */
static void op_kernel_write(void)
{
	int i = below(PAGES), may = page[i].kind != NOTHING && page[i].prot & PROT_WRITE;
	uint64_t value = __atomic_add_fetch(&common->serial, 1, __ATOMIC_SEQ_CST) << 16;
	static const size_t marks[] = { 0, 2040, PAGE - 8 };

	if (private_only && is_shared(&page[i]))
		return;
	for (int m = 0; m < 3; m++) {
		CHECK_EQ(write(probe[1], &value, 8), 8);
		if (may) {
			CHECK_EQ(read(probe[0], window + i * PAGE + marks[m], 8), 8);
			continue;
		}
		uint64_t back;
		CHECK_ERRNO(read(probe[0], window + i * PAGE + marks[m], 8), EFAULT);
		CHECK_EQ(read(probe[0], &back, 8), 8);
		CHECK_EQ(back, value);
	}
	if (may)
		*value_of(&page[i]) = value;
}

/* The kernel reads a page's middle word for us, or refuses. */
static void op_kernel_read(void)
{
	int i = below(PAGES);
	uint64_t back;

	if (page[i].kind == NOTHING || page[i].prot == PROT_NONE) {
		CHECK_ERRNO(write(probe[1], window + i * PAGE + 2040, 8), EFAULT);
		return;
	}
	CHECK_EQ(write(probe[1], window + i * PAGE + 2040, 8), 8);
	CHECK_EQ(read(probe[0], &back, 8), 8);
	if (!(private_only && is_shared(&page[i])))
		CHECK_EQ(back, *value_of(&page[i]));
}

/* A page of the shared file changes by write(2), mapped or not. */
static void op_file_write(void)
{
	static char content[PAGE];
	int file_page = below(FILE_PAGES);

	if (private_only)
		return;
	uint64_t value = __atomic_add_fetch(&common->serial, 1, __ATOMIC_SEQ_CST) << 16;
	put(content, value);
	CHECK_EQ(lseek(shared_file, file_page * PAGE, SEEK_SET), file_page * PAGE);
	CHECK_EQ(write(shared_file, content, PAGE), PAGE);
	common->file[file_page] = value;
}

static void run_operations(int count, int depth);

/* A child that must not disturb: its pipe and its randomness are its own. */
static void child_run(int operations, int depth, int seed)
{
	who = private_only ? "a child that runs beside its parent" : "a child";
	random_state += (uint64_t)seed * 2654435761u;
	close(probe[0]);
	close(probe[1]);
	CHECK_EQ(pipe(probe), 0);
	check_all();
	run_operations(operations, depth + 1);
	check_all();
	check_maps();
	_exit(0);
}

/* Children that share run while the parent waits; the others while it goes on, four at most. */
static void op_fork(int depth, pid_t *beside)
{
	int seed = below(1 << 20) + 1, slot = below(4), stays_private = private_only || below(2);

	if (depth == 3)
		return;
	if (!stays_private) {
		pid_t child = FORK();
		if (child == 0)
			child_run(20 + below(60), depth, seed);
		CHECK_EXIT(child, 0);
		check_all();
		return;
	}
	if (beside[slot])
		CHECK_EXIT(beside[slot], 0);
	beside[slot] = FORK();
	if (beside[slot] == 0) {
		private_only = 1;
		child_run(20 + below(60), depth, seed);
	}
}

static void run_operations(int count, int depth)
{
	pid_t beside[4] = { 0 };

	for (int n = 0; n < count; n++) {
		int dice = below(1000);

		CONTEXT("operation %d at depth %d (dice %d)", n, depth, dice);
		if (dice < 330)
			op_write();
		else if (dice < 480)
			op_kernel_write();
		else if (dice < 600)
			op_kernel_read();
		else if (dice < 740)
			check_page(below(PAGES));
		else if (dice < 830)
			op_map();
		else if (dice < 870)
			op_unmap();
		else if (dice < 930)
			op_protect();
		else if (dice < 950)
			op_dontneed();
		else if (dice < 970)
			op_move();
		else if (dice < 985)
			op_file_write();
		else
			op_fork(depth, beside);
		if (n % 200 == 199) {
			check_all();
			check_maps();
		}
	}
	for (int i = 0; i < 4; i++)
		if (beside[i])
			CHECK_EXIT(beside[i], 0);
	check_all();
}

/* Two files: one whose page i holds value i + 1 for ever, one of zeroes. */
static void make_files(void)
{
	static char content[PAGE];

	private_file = make_file("private", "");
	shared_file = make_file("shared", "");
	for (int i = 0; i < FILE_PAGES; i++) {
		put(content, (uint64_t)i + 1);
		write_all(private_file, content, PAGE);
		put(content, 0);
		write_all(shared_file, content, PAGE);
	}
}

static void random_test(uint64_t seed, int operations)
{
	random_state = seed;
	who = "the first process";
	common = mmap(NULL, sizeof(*common), RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(common != MAP_FAILED);
	window = free_space(PAGES + 2) + PAGE;
	make_files();
	CHECK_EQ(pipe(probe), 0);
	run_operations(operations, 0);
	check_maps();
	DIAG("%llu values written", (unsigned long long)common->serial);
}

SCRATCH_TEST(first_seed)
{
	random_test(0x9e3779b97f4a7c15, 5000);
}

SCRATCH_TEST(second_seed)
{
	random_test(0xc0ffee1234567890, 5000);
}

SCRATCH_TEST(third_seed)
{
	random_test(0x123456789abcdef1, 5000);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
