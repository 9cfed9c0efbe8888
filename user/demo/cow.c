/*
 * cow: fork does not copy memory, it shares it, and copies a page when somebody writes to it.
 *
 * Three measurements, each of them the difference of two counters of the kernel, cow_page_copied
 * and cow_page_reused in /proc/vmstat: what costs it when the child reads every page, when it
 * writes to half of them, and when the parent writes to all of them after the child is gone?
 * Nothing; one copy for each page written; and no copy at all, because the last one who has a page
 * may keep it. Both sides see their own values all along.
 *
 * In fork mode eager (/proc/sys/kernel/fork_mode) fork copies everything at once, so there is
 * nothing to copy later. Linux has no such counters; there the page faults are counted instead.
 */
#include "demo.h"
#include "procfs.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum {
	PAGES = 64,
	WRITTEN = PAGES / 2,
	SLACK = 4, /* pages that others, or this program's stack, may add to a count */
};

enum mode { MODE_COW, MODE_EAGER, MODE_FAULTS };

struct counters {
	long copied;
	long reused;
	long faults;
};

static enum mode mode;
static volatile int *memory; /* PAGES pages */
static size_t page_ints;     /* ints in a page */

static long find_counter(const char *text, const char *name)
{
	const char *line = strstr(text, name);

	return line ? strtol(line + strlen(name), NULL, 10) : 0;
}

static struct counters read_counters(void)
{
	static char text[16384];
	struct rusage usage;

	proc_read_file("/proc/vmstat", text, sizeof(text));
	getrusage(RUSAGE_SELF, &usage);
	return (struct counters){ find_counter(text, "cow_page_copied "),
				  find_counter(text, "cow_page_reused "), usage.ru_minflt };
}

static enum mode find_mode(void)
{
	char text[16384];

	if (proc_read_file("/proc/sys/kernel/fork_mode", text, sizeof(text)) > 0 &&
	    strncmp(text, "eager", 5) == 0)
		return MODE_EAGER;
	if (proc_read_file("/proc/vmstat", text, sizeof(text)) > 0 &&
	    strstr(text, "cow_page_copied "))
		return MODE_COW;
	return MODE_FAULTS;
}

static void read_pages(int count)
{
	for (int i = 0; i < count; i++)
		(void)memory[i * page_ints];
}

static void write_pages(int count)
{
	for (int i = 0; i < count; i++)
		memory[i * page_ints] += 1000;
}

/*
 * What an action costs. Measuring writes to memory too, to pages that fork has shared as well: it
 * is done once for nothing, so that those are settled.
 */
static struct counters measure(void (*action)(int), int pages)
{
	struct counters before, after;

	read_counters();
	action(0);
	before = read_counters();
	action(pages);
	after = read_counters();
	return (struct counters){ after.copied - before.copied, after.reused - before.reused,
				  after.faults - before.faults };
}

static bool is_about(long count, long expected)
{
	return count >= expected && count <= expected + SLACK;
}

static void report(const char *what, struct counters cost, int copied, int reused)
{
	if (mode == MODE_FAULTS)
		check(is_about(cost.faults, copied + reused), "%s: %ld page faults", what,
		      cost.faults);
	else if (mode == MODE_EAGER)
		check(is_about(cost.copied, 0) && is_about(cost.reused, 0),
		      "%s: %ld pages copied, %ld reused: fork has copied them all", what,
		      cost.copied, cost.reused);
	else
		check(is_about(cost.copied, copied) && is_about(cost.reused, reused),
		      "%s: %ld pages copied, %ld reused", what, cost.copied, cost.reused);
}

/* True if page i holds i, plus 1000 for each of the first `written` pages. */
static bool holds(int written)
{
	for (int i = 0; i < PAGES; i++)
		if (memory[i * page_ints] != i + (i < written ? 1000 : 0))
			return false;
	return true;
}

static int be_child(void)
{
	check(holds(0), "the child finds the parent's values in them");
	report("the child reads all", measure(read_pages, PAGES), 0, 0);
	report("the child writes to half", measure(write_pages, WRITTEN), WRITTEN, 0);
	check(holds(WRITTEN), "the child finds what it wrote there");
	return demo_failures ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void make_memory(void)
{
	size_t page = sysconf(_SC_PAGESIZE);

	page_ints = page / sizeof(*memory);
	memory = mmap(NULL, PAGES * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		      0);
	must(memory == MAP_FAILED ? -1 : 0, "mmap");
	/* Linux may put one huge page there, and copy that; mitos has none. */
	madvise((void *)memory, PAGES * page, MADV_NOHUGEPAGE);
	for (int i = 0; i < PAGES; i++)
		memory[i * page_ints] = i;
}

static void tell_mode(void)
{
	if (mode == MODE_FAULTS)
		tell("This kernel does not count copied pages: I count page faults instead.");
	else
		tell("The kernel counts copied pages; its fork mode is %s.",
		     mode == MODE_EAGER ? "eager" : "copy-on-write");
}

int main(void)
{
	pid_t child;
	int status;

	mode = find_mode();
	tell_mode();
	make_memory();
	tell("I have written to %d pages, and fork.", PAGES);
	child = must(fork(), "fork");
	if (child == 0)
		_exit(be_child());
	must(waitpid(child, &status, 0), "waitpid");
	check(status == 0, "the child has ended, and all it claimed was true");
	check(holds(0), "the parent finds its own values, as before");
	report("the parent, now alone, writes to all", measure(write_pages, PAGES), 0, PAGES);
	return demo_end();
}
