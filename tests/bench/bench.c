/*
 * What the operations of a process's life cost, in ticks of the time-stamp counter. Under QEMU's
 * icount one tick is one instruction, of the program and of the kernel together, so the figures are
 * exact and the same on every host; without it they are the host's time. The program uses only
 * Linux's ABI and is run unchanged on Linux for comparison (`make bench`).
 *
 * For each operation it prints a line: key, tab, ticks, tab, description. Every figure is the best
 * of several repetitions, because what an operation costs is what is left when no interrupt came
 * between; what is short is averaged over many times within each repetition. Memory never uses huge
 * pages. A failure of any call ends the program with status 1 and says which.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	PAGE = 4096,
	MIB = 1 << 20,
	PAGES = 1024, /* over which the cost of a fault is averaged */
	MANY = 1000,  /* over which the cost of a short operation is averaged */
	BEST_OF = 7,  /* repetitions */
	EXECS = 8,    /* in a row, each by the program that the one before started */
	ORPHANS = 64,
	RING = 8, /* processes in the ring */
};

typedef uint64_t ticks;

static char *self; /* the path of this program, which it executes to measure exec */
extern char **environ;

static inline ticks now(void)
{
	return __builtin_ia32_rdtsc();
}

static void check(bool fine, const char *what)
{
	if (fine)
		return;
	fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	_exit(1);
}

/* Runs the operation several times and prints the best. */
static void report(const char *key, const char *text, ticks (*operation)(size_t), size_t argument)
{
	ticks best = UINT64_MAX;

	for (int i = 0; i < BEST_OF; i++) {
		ticks cost = operation(argument);

		best = cost < best ? cost : best;
	}
	printf("%s\t%lu\t%s\n", key, best, text);
	fflush(stdout);
}

/* ---- what the operations are made of ---- */

static pid_t raw_fork(void)
{
	pid_t pid = syscall(SYS_fork);

	check(pid >= 0, "fork");
	return pid;
}

static _Noreturn void raw_exit(void)
{
	for (;;)
		syscall(SYS_exit_group, 0);
}

static void bury(pid_t pid)
{
	int status;

	check(syscall(SYS_wait4, pid, &status, 0, NULL) == pid, "wait4");
	check(status == 0, "the child's status");
}

/* size bytes of anonymous memory, every page of it resident if touched. */
static char *memory(size_t size, int sharing, bool touched)
{
	char *start = mmap(NULL, size, PROT_READ | PROT_WRITE, sharing | MAP_ANONYMOUS, -1, 0);

	check(start != MAP_FAILED, "mmap");
	madvise(start, size, MADV_NOHUGEPAGE); /* a kernel without huge pages may refuse */
	for (size_t at = 0; touched && at < size; at += PAGE)
		start[at] = 1;
	return start;
}

/* What the first write to each page costs, on average. */
static ticks write_pages(volatile char *start)
{
	ticks begin = now();

	for (size_t i = 0; i < PAGES; i++)
		start[i * PAGE] = 2;
	return (now() - begin) / PAGES;
}

static void pass(int from, int to)
{
	char token;

	check(read(from, &token, 1) == 1, "read");
	check(write(to, &token, 1) == 1, "write");
}

/* ---- calls ---- */

static ticks getpid_call(size_t unused)
{
	ticks begin = now();

	(void)unused;
	for (int i = 0; i < MANY; i++)
		syscall(SYS_getpid);
	return (now() - begin) / MANY;
}

static void on_signal(int signum)
{
	(void)signum;
}

static ticks signal_install(size_t unused)
{
	struct sigaction action = { .sa_handler = on_signal };
	ticks begin = now();

	(void)unused;
	for (int i = 0; i < MANY; i++)
		sigaction(SIGUSR1, &action, NULL);
	return (now() - begin) / MANY;
}

static ticks signal_deliver(size_t unused)
{
	pid_t pid = getpid();
	ticks begin = now();

	(void)unused;
	for (int i = 0; i < MANY; i++)
		syscall(SYS_kill, pid, SIGUSR1);
	return (now() - begin) / MANY;
}

static ticks map_and_unmap(size_t size)
{
	ticks begin = now();

	for (int i = 0; i < MANY; i++) {
		void *start = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				   -1, 0);
		munmap(start, size);
	}
	return (now() - begin) / MANY;
}

static ticks brk_grow(size_t step)
{
	uint64_t start = syscall(SYS_brk, 0);
	ticks begin = now(), cost;

	for (int i = 1; i <= MANY; i++)
		syscall(SYS_brk, start + i * step);
	cost = (now() - begin) / MANY;
	check((uint64_t)syscall(SYS_brk, 0) == start + MANY * step, "brk");
	syscall(SYS_brk, start);
	return cost;
}

/* ---- birth and death ---- */

static ticks fork_raw(size_t unused)
{
	ticks begin = now();
	pid_t pid = raw_fork();

	(void)unused;
	if (pid == 0)
		raw_exit();
	bury(pid);
	return now() - begin;
}

static ticks fork_libc(size_t unused)
{
	ticks begin = now();
	pid_t pid = fork();

	(void)unused;
	if (pid == 0)
		_exit(0);
	check(pid > 0 && waitpid(pid, NULL, 0) == pid, "fork and waitpid");
	return now() - begin;
}

static char *const *exit_arguments(void)
{
	static char *arguments[3];

	arguments[0] = self;
	arguments[1] = "--exit";
	return arguments;
}

static ticks fork_exec(size_t unused)
{
	char *const *arguments = exit_arguments();
	ticks begin = now();
	pid_t pid = raw_fork();

	(void)unused;
	if (pid == 0) {
		execve(self, arguments, environ);
		_exit(127);
	}
	bury(pid);
	return now() - begin;
}

static ticks vfork_exec(size_t unused)
{
	char *const *arguments = exit_arguments();
	ticks begin = now();
	pid_t pid = vfork();

	(void)unused;
	if (pid == 0) {
		execve(self, arguments, environ);
		_exit(127);
	}
	check(pid > 0, "vfork");
	bury(pid);
	return now() - begin;
}

static ticks spawn(size_t unused)
{
	char *const *arguments = exit_arguments();
	ticks begin = now();
	pid_t pid;

	(void)unused;
	check(posix_spawn(&pid, self, NULL, NULL, arguments, environ) == 0, "posix_spawn");
	bury(pid);
	return now() - begin;
}

/*
 * One link in a chain of execs: the descriptor for the result, how many are left, the best so far
 * and when execve was called are the arguments of the next. The time includes musl's start-up.
 */
static _Noreturn void exec_link(char **arguments)
{
	ticks end = now();
	int left = atoi(arguments[1]);
	ticks best = strtoul(arguments[2], NULL, 10);
	ticks begin = strtoul(arguments[3], NULL, 10);
	char left_text[24], best_text[24], begin_text[24];
	char *next[] = { self, "--exec", arguments[0], left_text, best_text, begin_text, NULL };

	if (begin && end - begin < best)
		best = end - begin;
	if (left == 0)
		_exit(write(atoi(arguments[0]), &best, sizeof(best)) != sizeof(best));
	snprintf(left_text, sizeof(left_text), "%d", left - 1);
	snprintf(best_text, sizeof(best_text), "%lu", best);
	snprintf(begin_text, sizeof(begin_text), "%lu", now());
	execve(self, next, environ);
	_exit(127);
}

static ticks exec_alone(size_t unused)
{
	int result[2];
	ticks best;

	(void)unused;
	check(pipe(result) == 0, "pipe");
	pid_t pid = raw_fork();
	if (pid == 0) {
		char descriptor[24], left[24];
		char *first[] = { descriptor, left, "18446744073709551615", "0" };

		snprintf(descriptor, sizeof(descriptor), "%d", result[1]);
		snprintf(left, sizeof(left), "%d", EXECS);
		exec_link(first);
	}
	check(read(result[0], &best, sizeof(best)) == sizeof(best), "the chain of execs");
	bury(pid);
	close(result[0]);
	close(result[1]);
	return best;
}

/*
 * Children leave grandchildren behind, which init adopts and buries while the next ones are born;
 * the cost of one. The pipe is at its end when the last grandchild is dead.
 */
static ticks orphan(size_t unused)
{
	int alive[2];
	ticks begin, cost;

	(void)unused;
	check(pipe(alive) == 0, "pipe");
	begin = now();
	for (int i = 0; i < ORPHANS; i++) {
		pid_t pid = raw_fork();

		if (pid == 0) {
			raw_fork();
			raw_exit();
		}
		bury(pid);
	}
	close(alive[1]);
	check(read(alive[0], &(char){ 0 }, 1) == 0, "read");
	cost = (now() - begin) / ORPHANS;
	close(alive[0]);
	return cost;
}

/* ---- faults ---- */

static ticks zero_fault(size_t unused)
{
	char *start = memory(PAGES * PAGE, MAP_PRIVATE, false);
	ticks cost = write_pages(start);

	(void)unused;
	munmap(start, PAGES * PAGE);
	return cost;
}

static ticks cow_fault(size_t unused)
{
	char *start = memory(PAGES * PAGE, MAP_PRIVATE, true), byte;
	int end[2];

	(void)unused;
	check(pipe(end) == 0, "pipe");
	pid_t pid = raw_fork();
	if (pid == 0) { /* lives until the parent closes the pipe */
		close(end[1]);
		(void)!read(end[0], &byte, 1);
		raw_exit();
	}
	ticks cost = write_pages(start);
	close(end[0]);
	close(end[1]);
	bury(pid);
	munmap(start, PAGES * PAGE);
	return cost;
}

static ticks last_sharer(size_t unused)
{
	char *start = memory(PAGES * PAGE, MAP_PRIVATE, true);
	pid_t pid = raw_fork();

	(void)unused;
	if (pid == 0)
		raw_exit();
	bury(pid);
	ticks cost = write_pages(start);
	munmap(start, PAGES * PAGE);
	return cost;
}

/* ---- switching ---- */

/* A token goes round a ring of processes joined by pipes; the cost of one hop. */
static ticks ring_hop(size_t processes)
{
	int pipes[RING][2];
	pid_t others[RING];
	ticks begin, cost;

	for (size_t i = 0; i < processes; i++)
		check(pipe(pipes[i]) == 0, "pipe");
	for (size_t i = 1; i < processes; i++) {
		others[i] = raw_fork();
		if (others[i] == 0) {
			for (int round = 0; round < MANY + 1; round++)
				pass(pipes[i - 1][0], pipes[i][1]);
			raw_exit();
		}
	}
	check(write(pipes[0][1], "", 1) == 1, "write"); /* once round before the clock starts */
	pass(pipes[processes - 1][0], pipes[0][1]);
	begin = now();
	for (int round = 0; round < MANY - 1; round++)
		pass(pipes[processes - 1][0], pipes[0][1]);
	cost = (now() - begin) / (MANY - 1) / processes;
	check(read(pipes[processes - 1][0], &(char){ 0 }, 1) == 1, "read");
	for (size_t i = 1; i < processes; i++)
		bury(others[i]);
	for (size_t i = 0; i < processes; i++) {
		close(pipes[i][0]);
		close(pipes[i][1]);
	}
	return cost;
}

static ticks pipe_round_trip(size_t unused)
{
	(void)unused;
	return 2 * ring_hop(2);
}

struct turns {
	volatile pid_t last;   /* who ran last */
	volatile size_t count; /* how often that was the other one */
};

/* Yields, and counts a turn if another process has run since the last one of its own. */
static void yield_turn(struct turns *turns, pid_t me)
{
	syscall(SYS_sched_yield);
	if (turns->last != me) {
		turns->last = me;
		turns->count++;
	}
}

/*
 * Two processes yield to each other; the cost of a switch from one to the other. Linux lets a
 * process of the ordinary class go on where it thinks that fair, so both are of the FIFO class
 * where there is one.
 */
static ticks yield_switch(size_t unused)
{
	struct turns *turns = (void *)memory(PAGE, MAP_SHARED, true);
	struct sched_param fifo = { .sched_priority = 1 }, ordinary = { 0 };
	ticks begin, cost;
	pid_t pid;

	(void)unused;
	turns->count = 0;
	syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &fifo);
	pid = raw_fork();
	if (pid == 0) {
		while (turns->count < MANY)
			yield_turn(turns, 2);
		raw_exit();
	}
	begin = now();
	while (turns->count < MANY)
		yield_turn(turns, 1);
	cost = (now() - begin) / turns->count;
	bury(pid);
	syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &ordinary);
	munmap(turns, PAGE);
	return cost;
}

/* ---- fork of a large process ---- */

static ticks fork_in_parent(size_t unused)
{
	ticks begin = now();
	pid_t pid = raw_fork();
	ticks cost = now() - begin;

	(void)unused;
	if (pid == 0)
		raw_exit();
	bury(pid);
	return cost;
}

static void report_size(size_t mib)
{
	char key[32], text[64];
	char *resident = memory(mib * MIB, MAP_PRIVATE, true);

	snprintf(key, sizeof(key), "fork_parent_%zu", mib);
	snprintf(text, sizeof(text), "fork seen by the parent, %zu MiB resident", mib);
	report(key, text, fork_in_parent, 0);
	snprintf(key, sizeof(key), "fork_exit_wait_%zu", mib);
	snprintf(text, sizeof(text), "fork+exit+wait, %zu MiB resident", mib);
	report(key, text, fork_raw, 0);
	munmap(resident, mib * MIB);
}

int main(int argc, char **argv)
{
	self = argv[0];
	if (argc == 2 && strcmp(argv[1], "--exit") == 0)
		_exit(0);
	if (argc == 6 && strcmp(argv[1], "--exec") == 0)
		exec_link(argv + 2);

	report("getpid", "getpid", getpid_call, 0);
	report("fork_exit_wait", "fork+exit+wait", fork_raw, 0);
	report("fork_exit_wait_libc", "fork+exit+wait through libc", fork_libc, 0);
	report("fork_exec_wait", "fork+exec+wait", fork_exec, 0);
	report("vfork_exec_wait", "vfork+exec+wait", vfork_exec, 0);
	report("spawn_wait", "posix_spawn+wait", spawn, 0);
	report("execve", "execve alone, up to main", exec_alone, 0);
	report("orphan", "orphan: double fork, adopted and reaped", orphan, 0);
	report("zero_fault", "zero fault", zero_fault, 0);
	report("cow_fault", "copy-on-write fault", cow_fault, 0);
	report("last_sharer", "last sharer's write", last_sharer, 0);
	report("pipe_round_trip", "pipe round trip", pipe_round_trip, 0);
	report("ring_hop", "ring of 8 processes, per hop", ring_hop, RING);
	report("yield", "sched_yield, and the switch it makes", yield_switch, 0);
	report("signal_install", "sigaction", signal_install, 0);
	report("signal_deliver", "signal to self, handler, return", signal_deliver, 0);
	report("mmap_munmap", "mmap+munmap, 1 MiB", map_and_unmap, MIB);
	report("brk_grow", "brk grows by a page", brk_grow, PAGE);
	report_size(1);
	report_size(16);
	report_size(64);
	return 0;
}
