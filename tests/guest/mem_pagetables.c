/*
 * needs: mitos. /proc/PID/pagetables, the tree of a process's page tables: in each of the three
 * modes of fork parent and child have in common what the mode says, a write parts the three tables
 * on the way to its page and a read parts none, and the numbers are those of /proc/PID/status.
 * What the pages of a table hold is looked at in a region with a top-level entry of its own, which
 * nobody touches but the tests. Sources: kernel/procfs/pagetables.c, kernel/mm/cow.c.
 */
#include "proc.h"

#include "pagetables.h"
#include "pages.h"

#define REGION ((char *)0x20000000000) /* 2 TiB */
enum { RW = PROT_READ | PROT_WRITE, PAGES = 16 };

static const char *const levels[] = { "PDPT", "PD", "PT" }; /* below the top */
static struct page_tables parent, child;

static void set_mode(const char *mode)
{
	write_file("/proc/sys/kernel/fork_mode", mode, strlen(mode), 0);
}

static unsigned long status_kib(pid_t pid, const char *name)
{
	char value[64];

	status_line(pid, name, value, sizeof(value));
	return strtoul(value, NULL, 10);
}

/* Maps the region and writes to each of its pages. */
static void make_region(void)
{
	map_at(REGION, PAGES, RW, MAP_PRIVATE);
	for (int i = 0; i < PAGES; i++)
		stamp(REGION + i * PAGE, i);
}

static const struct page_table *find(const struct page_tables *tables, const char *level)
{
	const struct page_table *table = page_table_find(tables, level, REGION);

	if (!table)
		FAIL("no %s for the region in\n%s", level, tables->text);
	return table;
}

/* A child that does what it is told with the region, tells so, and ends when told. */
struct subject {
	pid_t pid;
	struct gate go, done, end;
};

static struct subject fork_subject(const char *mode, void (*act)(void))
{
	struct subject subject = { 0, gate_new(), gate_new(), gate_new() };

	set_mode(mode);
	subject.pid = FORK();
	if (subject.pid)
		return subject;
	gate_pass(subject.go);
	act();
	gate_open(subject.done, 1);
	gate_pass(subject.end);
	_exit(0);
}

static void look(const struct subject *subject)
{
	CHECK(page_tables_read(getpid(), &parent));
	CHECK(page_tables_read(subject->pid, &child));
}

static void let_act(const struct subject *subject)
{
	gate_open(subject->go, 1);
	gate_pass(subject->done);
}

static void end_subject(const struct subject *subject)
{
	gate_open(subject->end, 1);
	CHECK_EXIT(subject->pid, 0);
	gate_free(subject->go), gate_free(subject->done), gate_free(subject->end);
}

static void do_nothing(void)
{
}

static void read_region(void)
{
	for (int i = 0; i < PAGES; i++)
		CHECK_STAMP(REGION + i * PAGE, i);
}

static void write_one_page(void)
{
	stamp(REGION + 3 * PAGE, 1000);
}

/* All that is below the top is the same for both, and the first table says so. */
static void check_shared(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(levels); i++) {
		const struct page_table *mine = find(&parent, levels[i]);
		const struct page_table *its = find(&child, levels[i]);

		CONTEXT("%s", levels[i]);
		CHECK_EQ(mine->frame, its->frame);
		CHECK(mine->shared && its->shared);
		CHECK_EQ(mine->refs, i == 0 ? 2 : 1);
		CHECK_EQ(its->refs, mine->refs);
		CHECK_EQ(mine->writable, i > 0);
		CHECK_EQ(its->writable, mine->writable);
	}
	CHECK(find(&parent, "PML4")->frame != find(&child, "PML4")->frame);
	CHECK(!find(&parent, "PML4")->shared && !find(&child, "PML4")->shared);
	CHECK_EQ(find(&child, "PT")->pages_writable, PAGES);
	CHECK_EQ(find(&child, "PT")->pages_shared, 0);
}

/* Both have three tables of their own; the pages but for the first `written` are common. */
static void check_parted(unsigned written)
{
	for (unsigned i = 0; i < ARRAY_SIZE(levels); i++) {
		const struct page_table *mine = find(&parent, levels[i]);
		const struct page_table *its = find(&child, levels[i]);

		CONTEXT("%s", levels[i]);
		CHECK(mine->frame != its->frame);
		CHECK(!mine->shared && !its->shared);
		CHECK(mine->refs == 1 && its->refs == 1);
		CHECK(its->writable);
	}
	CHECK_EQ(find(&child, "PT")->pages_writable, written);
	CHECK_EQ(find(&child, "PT")->pages_read_only, PAGES - written);
	CHECK_EQ(find(&child, "PT")->pages_shared, PAGES - written);
	CHECK_EQ(find(&parent, "PT")->pages_shared, PAGES - written);
}

TEST(each_line_is_a_table_that_VmPTE_counts)
{
	unsigned long used = 0, file = 0;

	make_region();
	/* Looking touches memory, too: the first time for nothing. */
	status_kib(getpid(), "VmPTE");
	CHECK(page_tables_read(getpid(), &parent) && page_tables_read(getpid(), &parent));
	CHECK_EQ(parent.count * 4, status_kib(getpid(), "VmPTE"));
	for (int i = 0; i < parent.count; i++) {
		const struct page_table *table = &parent.table[i];

		if (strcmp(table->name, "PT"))
			continue;
		CHECK_EQ(table->used, table->pages_writable + table->pages_read_only);
		used += table->used;
		file += table->pages_of_files;
	}
	CHECK_EQ(used * 4, status_kib(getpid(), "VmRSS"));
	CHECK_EQ(file * 4, status_kib(getpid(), "RssFile"));
	CHECK_STR(parent.table[0].name, "PML4");
	CHECK_EQ(find(&parent, "PT")->start, (uintptr_t)REGION);
	CHECK_EQ(find(&parent, "PT")->last, (uintptr_t)REGION + (2 << 20) - 1);
	CHECK_EQ(find(&parent, "PD")->last, (uintptr_t)REGION + (1ul << 30) - 1);
	CHECK_EQ(find(&parent, "PDPT")->last, (uintptr_t)REGION + (512ul << 30) - 1);
	CHECK_EQ(find(&parent, "PML4")->last, (1ul << 47) - 1);
}

TEST(cow_tables_shares_all_below_the_top_until_a_write)
{
	make_region();
	struct subject subject = fork_subject("cow-tables", write_one_page);

	look(&subject);
	check_shared();
	CHECK_EQ(child.count * 4, status_kib(subject.pid, "VmPTE"));

	let_act(&subject);
	look(&subject);
	check_parted(1);
	/* The parent is alone with the old tables, and does not know yet. */
	CHECK(!find(&parent, "PDPT")->writable);
	CHECK_EQ(find(&parent, "PT")->pages_writable, 0);
	CHECK_EQ(child.count * 4, status_kib(subject.pid, "VmPTE"));

	stamp(REGION + 3 * PAGE, 2000);
	unsigned long frame = find(&parent, "PT")->frame;
	look(&subject);
	CHECK_EQ(find(&parent, "PT")->frame, frame);
	CHECK(find(&parent, "PDPT")->writable && find(&parent, "PT")->writable);
	CHECK_EQ(find(&parent, "PT")->pages_writable, 1);
	end_subject(&subject);
}

TEST(reading_parts_nothing)
{
	make_region();
	struct subject subject = fork_subject("cow-tables", read_region);

	let_act(&subject);
	look(&subject);
	check_shared();
	end_subject(&subject);
}

TEST(three_sharers_are_counted)
{
	make_region();
	struct subject one = fork_subject("cow-tables", do_nothing),
		       two = fork_subject("cow-tables", write_one_page);

	look(&one);
	CHECK_EQ(find(&parent, "PDPT")->refs, 3);
	CHECK_EQ(find(&child, "PDPT")->refs, 3);
	let_act(&two);
	look(&one);
	CHECK_EQ(find(&parent, "PDPT")->refs, 2);
	CHECK_EQ(find(&parent, "PT")->refs, 1);
	CHECK(find(&parent, "PT")->shared);
	end_subject(&two);
	let_act(&one);
	end_subject(&one);
	CHECK(page_tables_read(getpid(), &parent));
	CHECK(!find(&parent, "PT")->shared);
}

TEST(cow_copies_the_tables_and_shares_the_pages)
{
	make_region();
	struct subject subject = fork_subject("cow", write_one_page);

	look(&subject);
	check_parted(0);
	for (int i = 0; i < child.count; i++)
		CHECK(!child.table[i].shared && child.table[i].writable);
	for (int i = 0; i < parent.count; i++)
		CHECK(!parent.table[i].shared);
	let_act(&subject);
	look(&subject);
	check_parted(1);
	end_subject(&subject);
}

TEST(eager_copies_all)
{
	make_region();
	struct subject subject = fork_subject("eager", do_nothing);

	look(&subject);
	check_parted(PAGES);
	let_act(&subject);
	end_subject(&subject);
}

/* More tables than a text of a megabyte can name: the rest are counted in its last line. */
TEST(a_huge_address_space_has_a_bounded_text)
{
	enum { TABLES = 11000 };
	static char text[2 << 20];
	const size_t span = 2 << 20;
	unsigned long lines = 0, more = 0;
	char *at = mmap(NULL, TABLES * span, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			-1, 0);

	CHECK(at != MAP_FAILED);
	for (size_t i = 0; i < TABLES; i++)
		peek(at + i * span);
	CHECK(proc_read(getpid(), "pagetables", text, sizeof(text)) > 0);
	CHECK(strlen(text) < 1 << 20);
	for (char *line = text; *line; line = strchr(line, '\n') + 1)
		if (sscanf(line, "and %lu more", &more) != 1)
			lines++;
	CHECK(more > 0);
	CHECK_EQ((lines + more) * 4, status_kib(getpid(), "VmPTE"));
}

TEST(other_users_may_not_look)
{
	pid_t stranger = FORK();

	if (stranger == 0) {
		CHECK_EQ(setuid(4242), 0);
		CHECK_ERRNO(open("/proc/1/pagetables", O_RDONLY), EACCES);
		_exit(0);
	}
	CHECK_EXIT(stranger, 0);
}

TEST(a_zombie_has_none)
{
	char byte;
	pid_t pid = FORK();

	if (pid == 0)
		_exit(0);
	await_zombie(pid);
	CHECK_EQ(proc_read((int)pid, "pagetables", &byte, sizeof(byte)), 0);
	CHECK_EXIT(pid, 0);
}

int main(int argc, char **argv)
{
	char mode[32];
	int status;

	CHECK(read_text("/proc/sys/kernel/fork_mode", mode, sizeof(mode)) > 0);
	status = ktap_main(argc, argv);
	set_mode(mode);
	return status;
}
