/*
 * cow: fork does not copy memory, it shares it, and copies a page when somebody writes to it.
 *
 * Three measurements, each of them the difference of two counters of the kernel, cow_page_copied
 * and cow_page_reused in /proc/vmstat: what costs it when the child reads every page, when it
 * writes to half of them, and when the parent writes to all of them after the child is gone?
 * Nothing; one copy for each page written; and no copy at all, because the last one who has a page
 * may keep it. Both sides see their own values all along.
 *
 * In fork mode cow-tables (/proc/sys/kernel/fork_mode) the page tables are shared as the pages are,
 * and the first write below one copies it: one more copy for up to 512 pages, counted as
 * cow_table_copied; `cowmap` draws it. In fork mode eager fork copies everything at once, so there
 * is nothing to copy later. Linux has no such counters; there the page faults are counted instead.
 */
#include "memory.h"

enum {
	PAGES = 64,
	PAGE_INTS = PAGE / sizeof(int),
	WRITTEN = PAGES / 2,
	SLACK = 4, /* pages that others, or this program's stack, may add to a count */
};

enum mode { MODE_COW, MODE_EAGER, MODE_FAULTS };

static enum mode mode;
static volatile int *memory; /* PAGES pages */

static enum mode find_mode(void)
{
	if (!*fork_mode())
		return MODE_FAULTS;
	return fork_mode_is("eager") ? MODE_EAGER : MODE_COW;
}

static void read_pages(int count)
{
	for (int i = 0; i < count; i++)
		(void)memory[i * PAGE_INTS];
}

static void write_pages(int count)
{
	for (int i = 0; i < count; i++)
		memory[i * PAGE_INTS] += 1000;
}

/*
 * What an action costs. Measuring writes to memory too, to pages that fork has shared as well: it
 * is done once for nothing, so that those are settled.
 */
static struct counters measure(void (*action)(int), int pages)
{
	struct counters before = read_counters();

	action(0);
	count_since(before);
	before = read_counters();
	action(pages);
	return count_since(before);
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
		check(is_about(cost.copied, copied) && is_about(cost.reused, reused) &&
			      is_about(cost.tables, 0),
		      "%s: %ld pages copied, %ld reused; page tables copied: %ld", what,
		      cost.copied, cost.reused, cost.tables);
}

/* True if page i holds i, plus 1000 for each of the first `written` pages. */
static bool holds(int written)
{
	for (int i = 0; i < PAGES; i++)
		if (memory[i * PAGE_INTS] != i + (i < written ? 1000 : 0))
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
	memory = map_memory(PAGES * PAGE);
	for (int i = 0; i < PAGES; i++)
		memory[i * PAGE_INTS] = i;
}

static void tell_mode(void)
{
	if (mode == MODE_FAULTS)
		tell("This kernel does not count copied pages: I count page faults instead.");
	else
		tell("The kernel counts copied pages; its fork mode is %s.", fork_mode());
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
