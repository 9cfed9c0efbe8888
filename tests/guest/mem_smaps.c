/*
 * Who uses which memory: /proc/PID/smaps and smaps_rollup, pagemap, and for root kpagecount and
 * kpageflags, while parent and child share pages after fork and part at their writes. A process
 * whose pages are counted sleeps meanwhile. Sources: proc(5), Linux's
 * Documentation/admin-guide/mm/pagemap.rst, getrusage(2).
 */
#include "pages.h"
#include "proc.h"
#include <linux/kernel-page-flags.h>
#include <sys/resource.h>

enum { PAGES = 16, KIB = PAGE / 1024, BIG = 1024 };

#define PM_PFN(word) ((word) & ((1ull << 55) - 1))
#define PM_EXCLUSIVE (1ull << 56)
#define PM_FILE (1ull << 61)
#define PM_PRESENT (1ull << 63)

static char text[1 << 20];

static char *read_proc(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	CHECK(read_text(path, text, sizeof(text)) > 0);
	return text;
}

/* What follows the name of a field, which begins a line before the text's end. */
static const char *field(const char *from, const char *end, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = from; at && at < end; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (at < end && !strncmp(at, name, length) && at[length] == ':')
			return at + length + 1;
	}
	FAIL("there is no field %s", name);
}

/* In kB. */
static long number(const char *from, const char *end, const char *name)
{
	const char *value = field(from, end, name);
	char *after;
	long kib = strtol(value, &after, 10);

	CHECK(!strncmp(after, " kB\n", 4));
	return kib;
}

struct smap {
	struct map_line line;
	long size, rss, pss, shared_clean, shared_dirty, private_clean, private_dirty, referenced,
		anonymous, shared, private;
	char flags[128];
};

static void read_sums(const char *from, const char *end, struct smap *smap)
{
	smap->rss = number(from, end, "Rss");
	smap->pss = number(from, end, "Pss");
	smap->shared_clean = number(from, end, "Shared_Clean");
	smap->shared_dirty = number(from, end, "Shared_Dirty");
	smap->private_clean = number(from, end, "Private_Clean");
	smap->private_dirty = number(from, end, "Private_Dirty");
	smap->referenced = number(from, end, "Referenced");
	smap->anonymous = number(from, end, "Anonymous");
	smap->shared = smap->shared_clean + smap->shared_dirty;
	smap->private = smap->private_clean + smap->private_dirty;
	CHECK_EQ(smap->shared + smap->private, smap->rss);
	CHECK(smap->pss <= smap->rss && smap->anonymous <= smap->rss);
	CHECK(smap->referenced <= smap->rss);
	CHECK(number(from, end, "Pss_Dirty") <= smap->pss);
}

/* The entry at *at, which moves to the next one. */
static struct smap next_smap(const char **at)
{
	struct smap smap;

	CHECK(map_line_parse(*at, &smap.line));
	const char *last = strstr(*at, "\nVmFlags:");
	CHECK(last != NULL);
	const char *end = strchr(last + 1, '\n') + 1;
	smap.size = number(*at, end, "Size");
	CHECK_EQ((uintptr_t)smap.size * 1024, smap.line.end - smap.line.start);
	CHECK_EQ(number(*at, end, "KernelPageSize"), KIB);
	CHECK_EQ(number(*at, end, "Locked"), 0);
	read_sums(*at, end, &smap);
	const char *flags = field(*at, end, "VmFlags");
	snprintf(smap.flags, sizeof(smap.flags), "%.*s", (int)(end - flags), flags);
	*at = end;
	return smap;
}

static struct smap smap_of(pid_t pid, const void *address)
{
	for (const char *at = read_proc(pid, "smaps"); *at;) {
		struct smap smap = next_smap(&at);
		if (smap.line.start <= (uintptr_t)address && (uintptr_t)address < smap.line.end)
			return smap;
	}
	FAIL("%p is not in smaps", address);
}

static struct smap smap_at(const void *address)
{
	return smap_of(getpid(), address);
}

/* Are pages copied at fork at once? */
static int is_eager(void)
{
	char mode[32];

	return read_text("/proc/sys/kernel/fork_mode", mode, sizeof(mode)) > 0 &&
	       !strcmp(mode, "eager\n");
}

static int is_mitos(void)
{
	return access("/proc/audit", F_OK) == 0;
}

/* Small pages, that Linux joins to no large one and none beside which it finds an area alike. */
static char *map_apart(size_t pages, int flags)
{
	char *at = map_pages(pages + 2, PROT_NONE, MAP_PRIVATE | MAP_NORESERVE) + PAGE;

	map_at(at, pages, PROT_READ | PROT_WRITE, flags);
	if (madvise(at, pages * PAGE, MADV_NOHUGEPAGE))
		CHECK_EQ(errno, EINVAL);
	return at;
}

static void stamp_all(char *at, size_t pages)
{
	for (size_t i = 0; i < pages; i++)
		stamp(at + i * PAGE, i);
}

/* ---- a child that does what it is told ------------------------------------------------------- */

struct child {
	pid_t pid;
	struct gate go, done;
};

/* Starts a child that runs the function at each step, with the step's number, and then sleeps. */
static struct child child_start(void (*act)(int step, char *at), char *at)
{
	struct child child = { .go = gate_new(), .done = gate_new() };

	child.pid = FORK();
	if (child.pid == 0)
		for (int step = 0;; step++) {
			act(step, at);
			gate_open(child.done, 1);
			gate_pass(child.go);
		}
	gate_pass(child.done);
	await_state(child.pid, 'S');
	return child;
}

static void child_step(struct child child)
{
	gate_open(child.go, 1);
	gate_pass(child.done);
	await_state(child.pid, 'S');
}

static void child_end(struct child child)
{
	CHECK_EQ(kill(child.pid, SIGKILL), 0);
	CHECK_SIGNAL(child.pid, SIGKILL);
	gate_free(child.go);
	gate_free(child.done);
}

/* Nothing at first, then writes to the first four pages, then to the others. */
static void write_some(int step, char *at)
{
	if (step == 1)
		stamp_all(at, 4);
	if (step == 2)
		stamp_all(at, PAGES);
}

/* ---- smaps ----------------------------------------------------------------------------------- */

TEST(every_area_has_its_entry)
{
	static char maps[256 << 10];
	const char *at, *line = maps;
	struct map_line expected;

	snprintf(maps, sizeof(maps), "%s", maps_text());
	for (at = read_proc(getpid(), "smaps"); *at; line = strchr(line, '\n') + 1) {
		struct smap smap = next_smap(&at);

		CHECK(map_line_parse(line, &expected));
		CHECK_EQ(smap.line.start, expected.start);
		CHECK_STR(smap.line.prot, expected.prot);
		CHECK_STR(smap.line.name, expected.name);
		if (!strcmp(expected.name, "[vvar]") || strstr(expected.name, "vsyscall"))
			continue;
		CHECK_EQ(!!strstr(smap.flags, " rd "), expected.prot[0] == 'r');
		CHECK_EQ(!!strstr(smap.flags, " wr "), expected.prot[1] == 'w');
		CHECK_EQ(!!strstr(smap.flags, " ex "), expected.prot[2] == 'x');
		CHECK_EQ(!!strstr(smap.flags, " sh "), expected.prot[3] == 's');
	}
	CHECK_EQ(*line, '\0');
}

TEST(pages_are_counted_as_they_come_and_go)
{
	char *at = map_apart(PAGES, MAP_PRIVATE);

	CHECK_EQ(smap_at(at).rss, 0);
	CHECK_EQ(smap_at(at).size, PAGES * KIB);
	stamp_all(at, 5);
	struct smap smap = smap_at(at);
	CHECK_EQ(smap.rss, 5 * KIB);
	CHECK_EQ(smap.pss, 5 * KIB);
	CHECK_EQ(smap.private_dirty, 5 * KIB);
	CHECK_EQ(smap.anonymous, 5 * KIB);
	CHECK_EQ(smap.referenced, 5 * KIB);
	CHECK_EQ(madvise(at, 2 * PAGE, MADV_DONTNEED), 0);
	CHECK_EQ(smap_at(at).rss, 3 * KIB);
	CHECK_EQ(mprotect(at, PAGES * PAGE, PROT_NONE), 0);
	CHECK_EQ(smap_at(at).rss, 3 * KIB); /* there, if out of reach */
}

TEST(flags_in_two_letters)
{
	char *at = map_apart(4, MAP_PRIVATE), *shared = map_apart(4, MAP_SHARED);

	CHECK_EQ(madvise(at, 4 * PAGE, MADV_DONTFORK), 0);
	CHECK(strstr(smap_at(at).flags, " rd wr mr mw me "));
	CHECK(strstr(smap_at(at).flags, " dc "));
	CHECK(strstr(smap_at(shared).flags, " rd wr sh mr mw me ms "));
	CHECK_EQ(mprotect(at, 4 * PAGE, PROT_NONE), 0);
	CHECK(strstr(smap_at(at).flags, " mr mw me "));
	CHECK(!strstr(smap_at(at).flags, " rd "));
}

/* Both sides of a fork after `apart` pages of PAGES have parted. */
static void check_shares(pid_t pid, const char *at, long apart)
{
	struct smap smap = smap_of(pid, at);
	long shared = PAGES - apart;

	CHECK_EQ(smap.rss, PAGES * KIB);
	CHECK_EQ(smap.anonymous, PAGES * KIB);
	CHECK_EQ(smap.private, apart * KIB);
	CHECK_EQ(smap.shared, shared * KIB);
	CHECK_EQ(smap.pss, apart * KIB + shared * KIB / 2);
	CHECK_EQ(smap.shared_clean + smap.private_clean, 0);
}

TEST(fork_shares_and_writes_part)
{
	char *at = map_apart(PAGES, MAP_PRIVATE);
	int eager = is_eager();

	stamp_all(at, PAGES);
	struct child child = child_start(write_some, at);
	for (int step = 0; step < 3; step++) {
		static const long apart[] = { 0, 4, PAGES };

		CONTEXT("step %d", step);
		check_shares(getpid(), at, eager ? PAGES : apart[step]);
		check_shares(child.pid, at, eager ? PAGES : apart[step]);
		if (step < 2)
			child_step(child);
	}
	child_end(child);
	check_shares(getpid(), at, PAGES);
}

TEST(the_share_is_one_again_when_the_other_is_gone)
{
	char *at = map_apart(PAGES, MAP_PRIVATE);

	stamp_all(at, PAGES);
	struct child one = child_start(write_some, at), two = child_start(write_some, at);
	if (!is_eager())
		CHECK_EQ(smap_at(at).pss, PAGES * KIB / 3);
	child_end(one);
	check_shares(getpid(), at, is_eager() ? PAGES : 0);
	child_end(two);
	check_shares(getpid(), at, PAGES);
}

static void read_all_pages(int step, char *at)
{
	if (step == 0)
		for (size_t i = 0; i < PAGES; i++)
			CHECK_STAMP(at + i * PAGE, i);
}

TEST(shared_memory_stays_shared)
{
	char *at = map_apart(PAGES, MAP_SHARED);

	stamp_all(at, PAGES);
	struct smap smap = smap_at(at);
	CHECK_EQ(smap.private, PAGES * KIB);
	CHECK_EQ(smap.anonymous, 0);
	struct child child = child_start(read_all_pages, at);
	stamp_all(at, PAGES);
	smap = smap_at(at);
	CHECK_EQ(smap.shared, PAGES * KIB);
	CHECK_EQ(smap.pss, PAGES * KIB / 2);
	CHECK_EQ(smap_of(child.pid, at).shared, PAGES * KIB);
	child_end(child);
	CHECK_EQ(smap_at(at).private, PAGES * KIB);
}

TEST(a_files_pages_and_their_copies)
{
	const char *path = temporary_path("smaps");
	static char content[4 * PAGE];

	write_file(path, content, sizeof(content), 0600);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	CHECK(fd >= 0);
	char *at = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	CHECK(at != MAP_FAILED);
	for (int i = 0; i < 4; i++)
		peek(at + i * PAGE);
	struct smap smap = smap_at(at);
	CHECK_STR(smap.line.name, path);
	CHECK_EQ(smap.rss, 4 * KIB);
	CHECK_EQ(smap.anonymous, 0);
	poke(at + PAGE, 1);
	smap = smap_at(at);
	CHECK_EQ(smap.rss, 4 * KIB);
	CHECK_EQ(smap.anonymous, KIB);
	CHECK(smap.private_dirty >= KIB);
	CHECK_EQ(unlink(path), 0);
}

static void do_nothing(int step, char *at)
{
	(void)step;
	(void)at;
}

/* The sums over all areas of a process; how many there are. */
static long sum_areas(pid_t pid, struct smap *sum)
{
	long areas = 0;

	*sum = (struct smap){ .rss = 0 };
	for (const char *entry = read_proc(pid, "smaps"); *entry; areas++) {
		struct smap smap = next_smap(&entry);
		sum->rss += smap.rss;
		sum->pss += smap.pss;
		sum->shared += smap.shared;
		sum->private_dirty += smap.private_dirty;
		sum->anonymous += smap.anonymous;
	}
	return areas;
}

TEST(the_sums_agree)
{
	char *at = map_apart(BIG, MAP_PRIVATE), value[64];
	struct smap sum, rollup;

	stamp_all(at, BIG);
	struct child child = child_start(do_nothing, at);
	/* Reading, too, writes to pages of ours that the child shares: once they are apart, no
	 * more. */
	sum_areas(child.pid, &sum);
	read_proc(child.pid, "smaps_rollup");
	long areas = sum_areas(child.pid, &sum);
	const char *all = read_proc(child.pid, "smaps_rollup");
	CHECK(strstr(all, " ---p 00000000 00:00 0 "));
	CHECK(strstr(all, " [rollup]\n"));
	read_sums(all, all + strlen(all), &rollup);
	CHECK_EQ(rollup.rss, sum.rss);
	CHECK_EQ(rollup.shared, sum.shared);
	CHECK_EQ(rollup.private_dirty, sum.private_dirty);
	CHECK_EQ(rollup.anonymous, sum.anonymous);
	CHECK(rollup.pss >= sum.pss && rollup.pss <= sum.pss + areas);
	long kinds = 0;
	static const char *const names[] = { "Pss_Anon", "Pss_File", "Pss_Shmem" };
	for (int i = 0; i < 3; i++)
		kinds += number(all, all + strlen(all), names[i]);
	CHECK(kinds <= rollup.pss && kinds >= rollup.pss - 3);
	/* Linux counts resident pages by the batch. */
	long tolerance = is_mitos() ? 0 : 512;
	status_line(child.pid, "VmRSS", value, sizeof(value));
	CHECK(labs(atol(value) - sum.rss) <= tolerance);
	status_line(child.pid, "RssAnon", value, sizeof(value));
	CHECK(labs(atol(value) - sum.anonymous) <= tolerance);
	child_end(child);
}

/* ---- pagemap --------------------------------------------------------------------------------- */

static int open_words(pid_t pid, const char *name)
{
	char path[64];

	if (pid)
		snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	else
		snprintf(path, sizeof(path), "/proc/%s", name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static uint64_t word_at(int fd, uint64_t index)
{
	uint64_t word;

	CHECK_EQ(pread(fd, &word, sizeof(word), (off_t)(index * 8)), 8);
	return word;
}

static uint64_t pagemap_of(pid_t pid, const void *at)
{
	int fd = open_words(pid, "pagemap");

	CHECK(fd >= 0);
	uint64_t word = word_at(fd, (uintptr_t)at / PAGE);
	close(fd);
	return word;
}

TEST(pagemap_says_what_is_there)
{
	char *at = map_apart(300, MAP_PRIVATE), *shared = map_apart(4, MAP_SHARED);
	uint64_t words[302];
	int fd = open_words(getpid(), "pagemap");

	CHECK(fd >= 0);
	for (int i = 0; i < 300; i += 3)
		stamp(at + i * PAGE, 1);
	stamp(shared, 1);
	off_t start = (off_t)((uintptr_t)at / PAGE - 1) * 8;
	CHECK_EQ(pread(fd, words, sizeof(words), start), sizeof(words));
	CHECK(!(words[0] & PM_PRESENT) && !(words[301] & PM_PRESENT));
	for (int i = 0; i < 300; i++) {
		CONTEXT("page %d", i);
		CHECK_EQ(!!(words[i + 1] & PM_PRESENT), i % 3 == 0);
		CHECK(!(words[i + 1] & PM_FILE));
		CHECK_EQ(!!(words[i + 1] & PM_EXCLUSIVE), i % 3 == 0);
	}
	CHECK((pagemap_of(getpid(), shared) & (PM_PRESENT | PM_FILE)) == (PM_PRESENT | PM_FILE));
	CHECK_EQ(pagemap_of(getpid(), shared + PAGE) & PM_PRESENT, 0);
}

TEST(pagemap_is_read_by_the_word)
{
	int fd = open_words(getpid(), "pagemap");
	char bytes[16];

	CHECK(fd >= 0);
	CHECK_ERRNO(pread(fd, bytes, 4, 0), EINVAL);
	CHECK_ERRNO(pread(fd, bytes, 8, 4), EINVAL);
	CHECK_EQ(pread(fd, bytes, 0, 0), 0);
	CHECK_EQ(pread(fd, bytes, 8, 1ll << 56), 0);
	CHECK_ERRNO(pread(fd, BAD_POINTER, 8, 0), EFAULT);
	CHECK_EQ(lseek(fd, 16, SEEK_SET), 16);
	CHECK_EQ(read(fd, bytes, 16), 16);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 32);
}

TEST(pagemap_after_fork)
{
	char *at = map_apart(PAGES, MAP_PRIVATE);

	stamp_all(at, PAGES);
	CHECK(pagemap_of(getpid(), at) & PM_EXCLUSIVE);
	struct child child = child_start(write_some, at);
	if (!is_eager()) {
		CHECK(!(pagemap_of(getpid(), at) & PM_EXCLUSIVE));
		CHECK_EQ(PM_PFN(pagemap_of(child.pid, at)), PM_PFN(pagemap_of(getpid(), at)));
	}
	child_step(child);
	CHECK(pagemap_of(getpid(), at) & PM_EXCLUSIVE);
	CHECK(pagemap_of(child.pid, at) & PM_EXCLUSIVE);
	child_end(child);
}

/* A frame's number is for the privileged, and what is known of it, too. */
TEST(frames_of_parent_and_child)
{
	int counts = open_words(0, "kpagecount"), flags = open_words(0, "kpageflags");
	char *at = map_apart(PAGES, MAP_PRIVATE);

	if (counts < 0 || flags < 0) {
		CHECK_EQ(errno, EACCES);
		CHECK_EQ(PM_PFN(pagemap_of(getpid(), &counts)), 0);
		SKIP("not the machine's root");
	}
	stamp_all(at, PAGES);
	uint64_t pfn = PM_PFN(pagemap_of(getpid(), at));
	CHECK(pfn != 0);
	CHECK_EQ(word_at(counts, pfn), 1);
	uint64_t anonymous = 1 << KPF_ANON | 1 << KPF_MMAP | 1 << KPF_SWAPBACKED;
	CHECK((word_at(flags, pfn) & anonymous) == anonymous);
	CHECK(!(word_at(flags, pfn) & (1 << KPF_BUDDY | 1 << KPF_SLAB)));
	struct child child = child_start(write_some, at);
	CHECK_EQ(word_at(counts, pfn), is_eager() ? 1 : 2);
	child_step(child);
	CHECK_EQ(word_at(counts, pfn), 1);
	CHECK(PM_PFN(pagemap_of(child.pid, at)) != pfn);
	CHECK_EQ(PM_PFN(pagemap_of(getpid(), at)), pfn);
	child_end(child);
	CHECK_ERRNO(pread(counts, at, 4, 0), EINVAL);
	CHECK_EQ(pread(counts, at, 8, 1ll << 50), 0);
	CHECK_EQ(pread(flags, at, PAGES * PAGE, 0), PAGES * PAGE);
}

/* ---- counters -------------------------------------------------------------------------------- */

static long vmstat(const char *name)
{
	size_t length = strlen(name);

	CHECK(read_text("/proc/vmstat", text, sizeof(text)) > 0);
	for (char *at = text; at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (!strncmp(at, name, length) && at[length] == ' ')
			return atol(at + length);
	}
	FAIL("there is no %s", name);
}

TEST(faults_are_counted)
{
	static const char *const names[] = { "nr_free_pages",	"nr_anon_pages",
					     "nr_file_pages",	"nr_slab_unreclaimable",
					     "nr_kernel_stack", "nr_page_table_pages" };
	char *at = map_apart(BIG, MAP_PRIVATE);
	struct rusage before, after;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		CHECK(vmstat(names[i]) > 0);
	CHECK(vmstat("oom_kill") >= 0);
	long faults = vmstat("pgfault");
	CHECK_EQ(getrusage(RUSAGE_SELF, &before), 0);
	stamp_all(at, BIG);
	CHECK_EQ(getrusage(RUSAGE_SELF, &after), 0);
	CHECK(after.ru_minflt >= before.ru_minflt + BIG);
	CHECK(after.ru_minflt <= before.ru_minflt + BIG + 8);
	CHECK(vmstat("pgfault") >= faults + BIG);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
