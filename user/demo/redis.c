/*
 * redis: a server with a large store forks a child that saves a snapshot, and goes on writing.
 *
 * That is how Redis saves its data (BGSAVE): the child has all values as they were when it was
 * forked, for as long as it likes, while the server changes them. "fork is done in no time, because
 * of copy-on-write", they say, and also: "fork of a large server stalls, because the page tables
 * are copied". Both can be seen here: root on mitos switches from one way of fork to the next, for
 * the same store and the same writes. What fork does not copy is copied later, but only as far as
 * somebody writes: counted by /proc/vmstat. Linux has one way only, cow's, and counts no copies;
 * there the tables are what /proc/PID/status says of the child, and page faults count as copies.
 *
 *	redis [MIB]	the size of the store; eager needs the memory twice
 */
#include "memory.h"

#include <signal.h>

enum {
	WRITES = 1024,
	STRIDE = 7919, /* a prime: the writes are scattered over all of the store */
	BEST_OF = 5,
	SLACK = 64, /* frames, pages or tables that the processes need for themselves */
};

static const char *const modes[] = { "eager", "cow", "cow-tables", NULL };

/* What a mode has cost. */
struct costs {
	long fork_ns;	      /* for the server */
	long fork_frames;     /* of memory that fork took; on Linux page tables alone */
	struct counters late; /* what the writes copied */
	long writes_ns;
	bool right; /* the snapshot had the old values */
};

static volatile long *store; /* a value at the beginning of each page */
static long pages;
static bool exact; /* nanoseconds are instructions */

static volatile long *value(long i)
{
	return store + i * (PAGE / sizeof(*store));
}

static void fill(long base)
{
	for (long i = 0; i < pages; i++)
		*value(i) = base + i;
}

/* Whether page i holds base + i, but for the first `changed` in the order of the writes. */
static bool holds(long base, long changed)
{
	long wrong = 0;

	for (long i = 0; i < pages; i++)
		wrong += *value(i * STRIDE % pages) !=
			 (i < changed ? -1 : base + i * STRIDE % pages);
	return wrong == 0;
}

static void write_values(void)
{
	for (long i = 0; i < WRITES; i++)
		*value(i * STRIDE % pages) = -1;
}

/* The child saves nothing to disk, but looks at every value when the server has written. */
static void be_snapshot(const int gate[2], long base)
{
	gate_wait(gate);
	_exit(holds(base, 0) ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* One round, in which the values begin with base. False if there was not the memory for fork. */
static bool serve_once(long base, struct costs *costs)
{
	struct counters before;
	int gate[2], status;
	pid_t child;
	long start;

	gate_make(gate);
	fill(base);
	before = read_counters();
	start = now_ns();
	child = fork();
	costs->fork_ns = now_ns() - start;
	if (child == 0)
		be_snapshot(gate, base);
	if (child < 0 && errno == ENOMEM)
		return close(gate[0]), close(gate[1]), false;
	must(child, "fork");
	costs->fork_frames = *fork_mode() ? count_since(before).free
					  : (long)look_status(child, "VmPTE", 10) * 1024 / PAGE;
	before = read_counters();
	start = now_ns();
	write_values();
	costs->writes_ns = now_ns() - start;
	costs->late = count_since(before);
	gate_open(gate, 1);
	must(waitpid(child, &status, 0), "waitpid");
	costs->right = status == 0 && holds(base, WRITES);
	close(gate[0]), close(gate[1]);
	return true;
}

/* Some rounds; the times are the best ones, since anything may come between. */
static bool serve(struct costs *costs)
{
	struct costs once;

	for (int i = 0; i < BEST_OF; i++) {
		if (!serve_once((i + 1) * 1000000, &once))
			return false;
		if (i > 0) {
			once.fork_ns =
				once.fork_ns < costs->fork_ns ? once.fork_ns : costs->fork_ns;
			once.writes_ns = once.writes_ns < costs->writes_ns ? once.writes_ns
									   : costs->writes_ns;
			once.right = once.right && costs->right;
		}
		*costs = once;
	}
	return true;
}

static void show(const char *mode, const struct costs *costs)
{
	char late[32];

	if (*fork_mode())
		snprintf(late, sizeof(late), "%6ld %6ld", costs->late.copied, costs->late.tables);
	else
		snprintf(late, sizeof(late), "%6ld", costs->late.faults);
	tell("  %-10s %12.1f us %7ld %12.1f us %s", mode, costs->fork_ns / 1e3, costs->fork_frames,
	     costs->writes_ns / 1e3, late);
}

static void check_costs(const char *mode, const struct costs *costs)
{
	long tables = pages / TABLE_PAGES, frames = costs->fork_frames;
	const struct counters *late = &costs->late;

	if (strcmp(mode, "eager") == 0)
		check(frames >= pages && late->copied <= SLACK,
		      "eager: all %ld pages were copied by fork, hardly one later", pages);
	else if (strcmp(mode, "cow") == 0)
		check(frames >= tables && frames <= tables + SLACK && late->copied >= WRITES &&
			      late->copied <= WRITES + SLACK && late->tables == 0,
		      "cow: fork copied the tables, and each write its page");
	else if (strcmp(mode, "cow-tables") == 0)
		check(frames <= SLACK && late->tables >= tables && late->tables <= tables + SLACK &&
			      late->copied >= WRITES && late->copied <= WRITES + SLACK,
		      "cow-tables: fork copied next to nothing, each write its page, the first its "
		      "table");
	else
		check(late->faults >= WRITES && late->faults <= WRITES + SLACK,
		      "each write was a page fault, in which Linux copied the page");
}

/* Serves in each of these modes. */
static void compare(const char *const *list, int count)
{
	struct costs costs[3];
	bool done[3], right = true, ordered = true;

	if (*fork_mode())
		tell("  %-10s %15s %7s %15s %6s %6s", "", "fork", "frames", "the writes", "pages",
		     "tables");
	else
		tell("  %-10s %15s %7s %15s %6s", "", "fork", "tables", "the writes", "faults");
	for (int i = 0; i < count; i++) {
		if (count > 1)
			must(set_fork_mode(list[i]) ? 0 : -1, FORK_MODE);
		done[i] = serve(&costs[i]);
		if (done[i])
			show(list[i], &costs[i]);
		else
			tell("  %-10s fork fails: there is no memory for a second store", list[i]);
		right = right && (!done[i] || costs[i].right);
		ordered = ordered && (i == 0 || !done[i - 1] || !done[i] ||
				      costs[i].fork_ns < costs[i - 1].fork_ns);
	}
	check(right, "each snapshot had all values as they were, and the server those it wrote");
	for (int i = 0; i < count; i++)
		if (done[i])
			check_costs(list[i], &costs[i]);
	if (exact && count > 1)
		check(ordered, "each fork took fewer instructions than the one before");
}

/* All of the demonstration but switching the mode back. */
static int run(void)
{
	const char *mode = strdup(*fork_mode() ? fork_mode() : "Linux");

	exact = clock_counts_instructions();
	tell("I am process %d, a server with %ld MiB, and write to %d of %ld pages", getpid(),
	     pages * PAGE / MIB, WRITES, pages);
	tell("while a child, forked just before, has a snapshot. What fork takes, in time and");
	if (*fork_mode())
		tell("frames, and then the writes, in time and copies of pages and page tables:");
	else
		tell("page tables (VmPTE), and then the writes, in time and page faults:");
	if (exact)
		tell("(this clock counts instructions: one is a nanosecond)");
	store = map_memory(pages * PAGE);
	if (*fork_mode() && set_fork_mode(mode)) {
		compare(modes, 3);
	} else {
		if (*fork_mode())
			tell("(only root may try the other ways of fork)");
		compare(&mode, 1);
	}
	return demo_end();
}

/* A process of its own does it all, so that the mode is put back whatever becomes of that. */
int main(int argc, char **argv)
{
	const char *mode = strdup(fork_mode());
	int status;
	pid_t server;

	pages = (argc > 1 ? atol(argv[1]) : 32) * (MIB / PAGE);
	if (pages < WRITES || pages % STRIDE == 0) {
		dprintf(STDERR_FILENO, "usage: redis [MIB]\n");
		return EXIT_FAILURE;
	}
	server = must(fork(), "fork");
	if (server == 0)
		_exit(run());
	signal(SIGINT, SIG_IGN);
	must(waitpid(server, &status, 0), "waitpid");
	if (*mode && !fork_mode_is(mode))
		must(set_fork_mode(mode) ? 0 : -1, FORK_MODE);
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}
