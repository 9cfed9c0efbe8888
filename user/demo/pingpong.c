/*
 * pingpong: what it costs to let the other one run, for processes and for threads.
 *
 * Two players hand a ball to and fro: a number, which each returns increased by one. Either they
 * are two processes or two threads of one; the ball goes through pipes, or lies in shared memory,
 * and futex wakes the other one (futex(2)). On one CPU each hop is a system call that wakes, one
 * that sleeps, and a switch between them. From thread to thread that switch leaves the page tables
 * as they are; from process to process it loads others, and the TLB begins anew. On two CPUs there
 * is no switch from one player to the other. Instead one processor has to wake another one, by an
 * interrupt if that sleeps, which often takes longer.
 *
 * That the ball came back each time is checked, and that one CPU switched for each hop; times are
 * only reported. With `tools/mitos run --icount` a nanosecond is one instruction. That leaves out
 * what a TLB miss costs, as it does all that is in the time an instruction takes.
 *
 *	pingpong [ROUNDS]	two hops each; 1000 without
 */
#define _GNU_SOURCE
#include "threads.h"

#include "memory.h"

#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>

enum { BEST_OF = 3, WARM_UP = 10 };

/* Each of these has a player, 0 or 1, for its first argument. */
struct medium {
	const char *name;
	void (*give)(int player, uint32_t ball);
	uint32_t (*take)(int player, uint32_t last); /* returns a ball that is not the last one */
};

struct game {
	const struct medium *medium;
	bool threads;
	int cpus[2]; /* of the players */
};

struct result {
	long ns;       /* a hop */
	long switches; /* of player 0, in all the rounds */
	bool right;    /* each ball was the one expected */
};

static uint32_t rounds = 1000;
static int ways[2][2];	   /* a pipe to each player */
static uint32_t *table;	   /* where the ball lies for futexes: shared by processes, too */
static int futex_private;  /* FUTEX_PRIVATE_FLAG, if only threads of one process use it */
static struct game *match; /* the one being played */

static void give_by_pipe(int player, uint32_t ball)
{
	must(write(ways[!player][1], &ball, sizeof(ball)), "write");
}

static uint32_t take_by_pipe(int player, uint32_t last)
{
	uint32_t ball = last;

	must(read(ways[player][0], &ball, sizeof(ball)), "read");
	return ball;
}

static void give_by_futex(int player, uint32_t ball)
{
	(void)player;
	__atomic_store_n(table, ball, __ATOMIC_SEQ_CST);
	must(syscall(SYS_futex, table, FUTEX_WAKE | futex_private, 1), "FUTEX_WAKE");
}

/* The kernel puts nobody to sleep who comes when the ball is another one already: EAGAIN. */
static uint32_t take_by_futex(int player, uint32_t last)
{
	uint32_t ball;

	(void)player;
	while ((ball = __atomic_load_n(table, __ATOMIC_SEQ_CST)) == last)
		syscall(SYS_futex, table, FUTEX_WAIT | futex_private, last, NULL);
	return ball;
}

static const struct medium media[] = { { "pipes", give_by_pipe, take_by_pipe },
				       { "futex", give_by_futex, take_by_futex } };

static void stay_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	must(sched_setaffinity(0, sizeof(set), &set), "sched_setaffinity");
}

static long count_switches(void)
{
	struct rusage usage;

	must(getrusage(RUSAGE_THREAD, &usage), "getrusage");
	return usage.ru_nvcsw + usage.ru_nivcsw;
}

/* Player 1 returns each ball, for as long as the other one plays. */
static void *return_balls(void *unused)
{
	stay_on(match->cpus[1]);
	for (uint32_t ball = 0; ball < 2 * (WARM_UP + rounds);) {
		ball = match->medium->take(1, ball) + 1;
		match->medium->give(1, ball);
	}
	return unused;
}

/* Player 0 plays some rounds from this ball on. Returns the ball, or 0 if it got a wrong one. */
static uint32_t play(uint32_t ball, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		uint32_t given = ball + 1;

		match->medium->give(0, given);
		ball = match->medium->take(0, given);
		if (ball != given + 1)
			return 0;
	}
	return ball;
}

static struct result play_as_first(void)
{
	struct result result;
	long start, switches;
	uint32_t ball = play(0, WARM_UP);

	switches = count_switches();
	start = now_ns();
	ball = play(ball, rounds);
	result.ns = (now_ns() - start) / (2 * (long)rounds);
	result.switches = count_switches() - switches;
	result.right = ball == 2 * (WARM_UP + rounds);
	return result;
}

/* If a ball was wrong, the other player may wait for ever; a thread ends with its process. */
static struct result play_match(struct game *game)
{
	struct result result;
	pthread_t thread = pthread_self();
	pid_t process = 0;

	match = game;
	*table = 0;
	futex_private = game->threads ? FUTEX_PRIVATE_FLAG : 0;
	stay_on(game->cpus[0]);
	if (game->threads)
		thread = start_thread(return_balls, NULL);
	else if ((process = must(fork(), "fork")) == 0)
		_exit(return_balls(NULL) != NULL);
	result = play_as_first();
	if (!result.right && process)
		kill(process, SIGKILL);
	if (process)
		must(waitpid(process, NULL, 0), "waitpid");
	else if (result.right)
		pthread_join(thread, NULL);
	return result;
}

/* The best time of some, since anything may come between; and the fewest switches. */
static struct result play_matches(struct game *game)
{
	struct result best = play_match(game);

	for (int i = 1; i < BEST_OF && best.right; i++) {
		struct result result = play_match(game);

		best.right = result.right;
		best.ns = result.ns < best.ns ? result.ns : best.ns;
		best.switches = result.switches < best.switches ? result.switches : best.switches;
	}
	return best;
}

/* The first two CPUs that this process may use. Returns how many there are of these. */
static int find_cpus(int *cpus)
{
	cpu_set_t set;
	int count = 0;

	must(sched_getaffinity(0, sizeof(set), &set), "sched_getaffinity");
	for (int cpu = 0; cpu < CPU_SETSIZE && count < 2; cpu++)
		if (CPU_ISSET(cpu, &set))
			cpus[count++] = cpu;
	return count;
}

static bool all_right = true;
static long fewest_switches = -1; /* of those matches that were on one CPU */

static void play_row(const struct medium *medium, bool threads, const int *cpus, int count)
{
	char column[2][32] = { "-", "-" };

	for (int i = 0; i < count && all_right; i++) {
		struct game game = { medium, threads, { cpus[0], cpus[i] } };
		struct result result = play_matches(&game);

		snprintf(column[i], sizeof(column[i]), "%ld ns", result.ns);
		all_right = result.right;
		if (i == 0 && (fewest_switches < 0 || result.switches < fewest_switches))
			fewest_switches = result.switches;
	}
	tell("  %-10s %-12s %12s %12s", medium->name, threads ? "threads" : "processes", column[0],
	     column[1]);
}

int main(int argc, char **argv)
{
	long wanted = argc > 1 ? atol(argv[1]) : rounds;
	int cpus[2], count = find_cpus(cpus);

	if (wanted < 1 || wanted > 100000000) {
		dprintf(STDERR_FILENO, "usage: pingpong [ROUNDS]\n");
		return EXIT_FAILURE;
	}
	rounds = wanted;
	table = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(table == MAP_FAILED ? -1 : 0, "mmap");
	gate_make(ways[0]), gate_make(ways[1]);
	tell("I am process %d. Two players hand a ball to and fro, %u times.", getpid(), rounds);
	tell("What a hop takes when both are on CPU %d%s:", cpus[0],
	     count > 1 ? ", and when each has its own" : "; I have no other");
	if (clock_counts_instructions())
		tell("(this clock counts instructions: one is a nanosecond)");
	tell("  %-10s %-12s %12s %12s", "by", "between", "one CPU", "two CPUs");
	for (size_t i = 0; i < sizeof(media) / sizeof(media[0]); i++)
		for (int threads = 0; threads < 2; threads++)
			play_row(&media[i], threads, cpus, count);
	check(all_right, "each ball came back, increased by one");
	check(fewest_switches >= (long)rounds,
	      "on one CPU each player had to be switched to, each time");
	return demo_end();
}
