/*
 * spawn: starting a program from a small process and from a large one.
 *
 * To start another program, fork first makes a copy of the whole process that execve then throws
 * away. The copy is cheap, but it is not free: the larger the parent, the longer it takes where
 * page tables are copied (cow, and Linux) or pages (eager); and where pages were shared, each of
 * the parent's next writes is a page fault. vfork copies nothing: the child runs in the parent's
 * own memory, and the parent waits until it has called execve. posix_spawn is made of that. With
 * cow-tables fork costs the same for all sizes, too.
 *
 * Times are the best of some; that they hold is checked only where the clock counts instructions
 * (tools/mitos run --icount). The page faults afterwards are checked always.
 *
 *	spawn [MIB]	the size up to which to try; eager needs the memory twice
 */
#include "memory.h"

#include <spawn.h>

enum { BEST_OF = 5, STATUS = 23, SLACK = 16, SIZES_MAX = 16 };

extern char **environ;

static char *const child_arguments[] = { "spawn", "--child", NULL };
static const char *const program = "/proc/self/exe";
static volatile char *memory;

static pid_t by_fork(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		execve(program, child_arguments, environ);
		_exit(127);
	}
	return pid;
}

static pid_t by_vfork(void)
{
	pid_t pid = vfork();

	if (pid == 0) {
		execve(program, child_arguments, environ);
		_exit(127);
	}
	return pid;
}

static pid_t by_posix_spawn(void)
{
	pid_t pid;
	int error = posix_spawn(&pid, program, NULL, NULL, child_arguments, environ);

	errno = error;
	return error ? -1 : pid;
}

static const struct way {
	const char *name;
	pid_t (*start)(void);
} ways[] = { { "fork+exec", by_fork },
	     { "vfork+exec", by_vfork },
	     { "posix_spawn", by_posix_spawn } };
enum { WAYS = sizeof(ways) / sizeof(ways[0]), FORK = 0 };

/* For one size of the parent. */
struct row {
	long mib;
	long ns[WAYS];	   /* to start the program, and wait for its end */
	long faults[WAYS]; /* of the parent, when it then writes to each of its pages */
};

/* Starts the program once and waits for it. Ns; -1 if it was not the program that ended. */
static long start_once(const struct way *way)
{
	long start = now_ns();
	int status;

	must(waitpid(must(way->start(), way->name), &status, 0), "waitpid");
	return WIFEXITED(status) && WEXITSTATUS(status) == STATUS ? now_ns() - start : -1;
}

static long write_all(long bytes)
{
	struct counters before = read_counters();

	for (long at = 0; at < bytes; at += PAGE)
		memory[at]++;
	return count_since(before).faults;
}

static bool measure(struct row *row)
{
	bool right = true;

	memory = map_memory(row->mib * MIB);
	write_all(row->mib * MIB);
	for (int way = 0; way < WAYS; way++) {
		row->ns[way] = -1;
		for (int i = 0; i < BEST_OF; i++) {
			long ns = start_once(&ways[way]);

			right = right && ns >= 0;
			if (i == 0 || ns < row->ns[way])
				row->ns[way] = ns;
			row->faults[way] = write_all(row->mib * MIB);
		}
	}
	munmap((void *)memory, row->mib * MIB);
	return right;
}

static void show(const struct row *row)
{
	tell("  %4ld MiB %11.1f %11.1f %11.1f %12ld %7ld %7ld", row->mib, row->ns[0] / 1e3,
	     row->ns[1] / 1e3, row->ns[2] / 1e3, row->faults[0], row->faults[1], row->faults[2]);
}

/* Whether b is a within a tenth. */
static bool about(long a, long b)
{
	return labs(a - b) * 10 <= a;
}

static void check_faults(const struct row *last)
{
	long pages = last->mib * (MIB / PAGE);
	bool writes_fault = !*fork_mode() || fork_mode_is("cow");

	check(last->faults[1] <= SLACK && last->faults[2] <= SLACK,
	      "after vfork and posix_spawn the parent writes as before");
	if (writes_fault)
		check(last->faults[FORK] >= pages,
		      "after fork each of its %ld pages takes a page fault first", pages);
	else
		check(last->faults[FORK] <= SLACK + last->mib / 2, "after fork, too: %s",
		      fork_mode_is("eager") ? "it has all its pages still"
					    : "what it shared, the tables, is its own again");
}

static void check_times(const struct row *first, const struct row *last)
{
	check(about(first->ns[1], last->ns[1]) && about(first->ns[2], last->ns[2]),
	      "vfork and posix_spawn take as long from %ld MiB as from %ld", last->mib, first->mib);
	if (fork_mode_is("cow-tables"))
		check(about(first->ns[FORK], last->ns[FORK]), "and so does fork: it shares tables");
	else
		check(last->ns[FORK] > first->ns[FORK] * 3 / 2, "but not fork");
}

int main(int argc, char **argv)
{
	struct row rows[SIZES_MAX];
	long limit = argc > 1 ? atol(argv[1]) : 32;
	bool right = true;
	int count = 0;

	if (argc > 1 && strcmp(argv[1], "--child") == 0)
		return STATUS;
	if (limit < 2) {
		dprintf(STDERR_FILENO, "usage: spawn [MIB]\n");
		return EXIT_FAILURE;
	}
	tell("I am process %d, and start a program that ends at once, while I am this large.",
	     getpid());
	tell("How long does that take, to the end of the program, and how many page faults");
	tell("do I take then, when I write to all my pages?%s%s",
	     *fork_mode() ? " Fork mode: " : "", fork_mode());
	tell("           %11s %11s %11s  page faults after", ways[0].name, ways[1].name,
	     ways[2].name);
	tell("           %11s %11s %11s %12s %7s %7s", "us", "us", "us", "fork", "vfork", "spawn");
	for (long mib = 1; mib <= limit && count < SIZES_MAX; mib *= 2, count++) {
		rows[count].mib = mib;
		right = measure(&rows[count]) && right;
		show(&rows[count]);
	}
	check(right, "each time it was the program that ended, with status %d", STATUS);
	check_faults(&rows[count - 1]);
	if (clock_counts_instructions())
		check_times(&rows[0], &rows[count - 1]);
	return demo_end();
}
