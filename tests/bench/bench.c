/*
 * What the operations of a process's life cost, in ticks of the time-stamp counter. Under QEMU's
 * icount one tick is one instruction, of the program and of the kernel together, so the figures are
 * exact and the same on every host; without it they are the host's time. The program uses only
 * Linux's ABI and is run unchanged on Linux for comparison (`make bench`).
 *
 * For each operation it prints a line of four columns with tabs between: key, ticks, description,
 * and over how many times in a row the ticks are averaged. Every figure is the best of several
 * repetitions, because what an operation costs is what is left when no interrupt came between.
 * Memory never uses huge pages. A failure of any call ends the program with status 1 and says
 * which.
 *
 * `bench --watch OPERATION` (key or description) measures one operation and then runs it again for
 * `tools/mitos bench --where`, which looks on from outside the machine: see report_watched.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
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
	WATCHED = 3,  /* repetitions for one who watches, of what the clock measures once */
	EXECS = 8,    /* in a row, each by the program that the one before started */
	ORPHANS = 64,
	RING = 8, /* processes in the ring */
};

typedef uint64_t ticks;

static char *self; /* the path of this program, which it executes to measure exec */
extern char **environ;

/*
 * The clock. These are functions that no compiler inlines or merges, because `bench --where` knows
 * by their addresses, in QEMU's log of executed instructions, which ran while the clock did.
 */
static __attribute__((noipa)) ticks clock_start(void)
{
	return __builtin_ia32_rdtsc();
}

/* The clock is read at one place, clock_stop, which is jumped to: a call would write to the stack,
 * and after a fork that costs a page fault. */
asm(".pushsection .text\n"
    "clock_stop:\n"
    "	rdtsc\n"
    "	jmp *%r8\n"
    ".popsection");

static inline __attribute__((always_inline)) ticks clock_stop(void)
{
	unsigned low, high;

	asm volatile("lea 1f(%%rip), %%r8\n\tjmp clock_stop\n1:"
		     : "=a"(low), "=d"(high)
		     :
		     : "r8", "memory");
	return (ticks)high << 32 | low;
}

static void check(bool fine, const char *what)
{
	if (fine)
		return;
	fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	_exit(1);
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

/* What the first writes to the pages cost together. */
static ticks write_pages(volatile char *start)
{
	ticks begin = clock_start();

	for (size_t i = 0; i < PAGES; i++)
		start[i * PAGE] = 2;
	return clock_stop() - begin;
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
	ticks begin = clock_start();

	(void)unused;
	for (int i = 0; i < MANY; i++)
		syscall(SYS_getpid);
	return clock_stop() - begin;
}

static void on_signal(int signum)
{
	(void)signum;
}

static ticks signal_install(size_t unused)
{
	struct sigaction action = { .sa_handler = on_signal };
	ticks begin = clock_start();

	(void)unused;
	for (int i = 0; i < MANY; i++)
		sigaction(SIGUSR1, &action, NULL);
	return clock_stop() - begin;
}

static ticks signal_deliver(size_t unused)
{
	struct sigaction action = { .sa_handler = on_signal };
	pid_t pid = getpid();
	ticks begin;

	(void)unused;
	sigaction(SIGUSR1, &action, NULL);
	begin = clock_start();
	for (int i = 0; i < MANY; i++)
		syscall(SYS_kill, pid, SIGUSR1);
	return clock_stop() - begin;
}

static ticks map_and_unmap(size_t size)
{
	ticks begin = clock_start();

	for (int i = 0; i < MANY; i++) {
		void *start = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				   -1, 0);
		munmap(start, size);
	}
	return clock_stop() - begin;
}

static ticks brk_grow(size_t step)
{
	uint64_t start = syscall(SYS_brk, 0);
	ticks begin = clock_start(), cost;

	for (int i = 1; i <= MANY; i++)
		syscall(SYS_brk, start + i * step);
	cost = clock_stop() - begin;
	check((uint64_t)syscall(SYS_brk, 0) == start + MANY * step, "brk");
	syscall(SYS_brk, start);
	return cost;
}

/* ---- birth and death ---- */

static ticks fork_raw(size_t unused)
{
	ticks begin = clock_start();
	pid_t pid = raw_fork();

	(void)unused;
	if (pid == 0)
		raw_exit();
	bury(pid);
	return clock_stop() - begin;
}

static ticks fork_libc(size_t unused)
{
	ticks begin = clock_start();
	pid_t pid = fork();

	(void)unused;
	if (pid == 0)
		_exit(0);
	check(pid > 0 && waitpid(pid, NULL, 0) == pid, "fork and waitpid");
	return clock_stop() - begin;
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
	ticks begin = clock_start();
	pid_t pid = raw_fork();

	(void)unused;
	if (pid == 0) {
		execve(self, arguments, environ);
		_exit(127);
	}
	bury(pid);
	return clock_stop() - begin;
}

static ticks vfork_exec(size_t unused)
{
	char *const *arguments = exit_arguments();
	ticks begin = clock_start();
	pid_t pid = vfork();

	(void)unused;
	if (pid == 0) {
		execve(self, arguments, environ);
		_exit(127);
	}
	check(pid > 0, "vfork");
	bury(pid);
	return clock_stop() - begin;
}

static ticks spawn(size_t unused)
{
	char *const *arguments = exit_arguments();
	ticks begin = clock_start();
	pid_t pid;

	(void)unused;
	check(posix_spawn(&pid, self, NULL, NULL, arguments, environ) == 0, "posix_spawn");
	bury(pid);
	return clock_stop() - begin;
}

/*
 * One link in a chain of execs: the descriptor for the result, how many are left, the best so far
 * and when execve was called are the arguments of the next. The time includes musl's start-up.
 */
static _Noreturn void exec_link(char **arguments)
{
	ticks end = clock_stop();
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
	snprintf(begin_text, sizeof(begin_text), "%lu", clock_start());
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
	begin = clock_start();
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
	cost = clock_stop() - begin;
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

/* A token goes MANY - 1 times round a ring of processes joined by pipes. */
static ticks ring(size_t processes)
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
	begin = clock_start();
	for (int round = 0; round < MANY - 1; round++)
		pass(pipes[processes - 1][0], pipes[0][1]);
	cost = clock_stop() - begin;
	check(read(pipes[processes - 1][0], &(char){ 0 }, 1) == 1, "read");
	for (size_t i = 1; i < processes; i++)
		bury(others[i]);
	for (size_t i = 0; i < processes; i++) {
		close(pipes[i][0]);
		close(pipes[i][1]);
	}
	return cost;
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
	begin = clock_start();
	while (turns->count < MANY)
		yield_turn(turns, 1);
	cost = clock_stop() - begin;
	bury(pid);
	syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &ordinary);
	munmap(turns, PAGE);
	return cost;
}

/* ---- threads ---- */

enum {
	STACK = 1 << 16,
	THREAD = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM,
};

static void futex(uint32_t *word, int operation, uint32_t value)
{
	long result = syscall(SYS_futex, word, operation, value, NULL);

	check(result >= 0 || errno == EAGAIN, "futex");
}

static void wait_while(uint32_t *word, int operation, uint32_t value)
{
	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == value)
		futex(word, operation, value);
}

/* Waits until the kernel has cleared the id of a thread that has ended. */
static void join(uint32_t *id)
{
	uint32_t seen;

	while ((seen = __atomic_load_n(id, __ATOMIC_ACQUIRE)) != 0)
		futex(id, FUTEX_WAIT, seen);
}

static int nothing(void *unused)
{
	(void)unused;
	return 0;
}

static ticks thread_raw(size_t unused)
{
	static _Alignas(16) char stack[STACK];
	uint32_t id;
	ticks begin = clock_start();

	(void)unused;
	check(clone(nothing, stack + STACK, THREAD | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID,
		    NULL, &id, NULL, &id) > 0,
	      "clone");
	join(&id);
	return clock_stop() - begin;
}

static void *pthread_nothing(void *unused)
{
	return unused;
}

static ticks thread_libc(size_t unused)
{
	ticks begin = clock_start();
	pthread_t thread;

	(void)unused;
	check(pthread_create(&thread, NULL, pthread_nothing, NULL) == 0, "pthread_create");
	check(pthread_join(thread, NULL) == 0, "pthread_join");
	return clock_stop() - begin;
}

struct table {
	uint32_t turn; /* whose it is, 0 or 1 */
	uint32_t id;   /* of the other player, if it is a thread, while it lives */
	int flag;      /* FUTEX_PRIVATE_FLAG between threads */
};

/* One player's turns: each waits for its own and hands over to the other. */
static void play(struct table *table, uint32_t mine, int turns)
{
	for (int i = 0; i < turns; i++) {
		wait_while(&table->turn, FUTEX_WAIT | table->flag, !mine);
		__atomic_store_n(&table->turn, !mine, __ATOMIC_RELEASE);
		futex(&table->turn, FUTEX_WAKE | table->flag, 1);
	}
}

static int other_player(void *table)
{
	play(table, 1, MANY + 1);
	return 0;
}

/* Two threads, or two processes, hand over to each other by a futex; the cost of one hand-over. */
static ticks hand_over(size_t flags)
{
	static _Alignas(16) char stack[STACK];
	struct table *table = (void *)memory(PAGE, MAP_SHARED, true);
	ticks begin, cost;
	pid_t pid;

	*table = (struct table){ .flag = flags & CLONE_VM ? FUTEX_PRIVATE_FLAG : 0 };
	pid = clone(other_player, stack + STACK,
		    (int)flags | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID, table, &table->id,
		    NULL, &table->id);
	check(pid > 0, "clone");
	play(table, 0, 1); /* both have begun before the clock does */
	begin = clock_start();
	play(table, 0, MANY);
	cost = clock_stop() - begin;
	if (flags & CLONE_THREAD)
		join(&table->id);
	else
		bury(pid);
	munmap(table, PAGE);
	return cost;
}

/* ---- fork of a large process ---- */

static ticks fork_in_parent(size_t unused)
{
	ticks begin = clock_start();
	long pid = SYS_fork;

	asm volatile("syscall" : "+a"(pid) : : "rcx", "r11", "memory"); /* writes nothing */
	ticks cost = clock_stop() - begin;
	check(pid >= 0, "fork");
	(void)unused;
	if (pid == 0)
		raw_exit();
	bury((pid_t)pid);
	return cost;
}

/* ---- the table ---- */

struct operation {
	const char *key, *text;
	ticks (*run)(size_t argument);
	size_t argument;
	size_t times;	 /* it is done in a row while the clock runs */
	size_t resident; /* MiB of memory that the process has besides */
};

static const struct operation operations[] = {
	{ "getpid", "getpid", getpid_call, 0, MANY, 0 },
	{ "fork_exit_wait", "fork+exit+wait", fork_raw, 0, 1, 0 },
	{ "fork_exit_wait_libc", "fork+exit+wait through libc", fork_libc, 0, 1, 0 },
	{ "fork_exec_wait", "fork+exec+wait", fork_exec, 0, 1, 0 },
	{ "vfork_exec_wait", "vfork+exec+wait", vfork_exec, 0, 1, 0 },
	{ "spawn_wait", "posix_spawn+wait", spawn, 0, 1, 0 },
	{ "execve", "execve alone, up to main", exec_alone, 0, 1, 0 },
	{ "orphan", "orphan: double fork, adopted and reaped", orphan, 0, ORPHANS, 0 },
	{ "zero_fault", "zero fault", zero_fault, 0, PAGES, 0 },
	{ "cow_fault", "copy-on-write fault", cow_fault, 0, PAGES, 0 },
	{ "last_sharer", "last sharer's write", last_sharer, 0, PAGES, 0 },
	{ "pipe_round_trip", "pipe round trip", ring, 2, MANY - 1, 0 },
	{ "ring_hop", "ring of 8 processes, per hop", ring, RING, (MANY - 1) * RING, 0 },
	{ "yield", "sched_yield, and the switch it makes", yield_switch, 0, MANY, 0 },
	{ "thread_raw", "thread by clone, created and joined", thread_raw, 0, 1, 0 },
	{ "thread_libc", "pthread_create+pthread_join", thread_libc, 0, 1, 0 },
	{ "futex_threads", "futex hand-over from thread to thread", hand_over, THREAD, 2 * MANY,
	  0 },
	{ "futex_processes", "futex hand-over between processes", hand_over, SIGCHLD, 2 * MANY, 0 },
	{ "signal_install", "sigaction", signal_install, 0, MANY, 0 },
	{ "signal_deliver", "signal to self, handler, return", signal_deliver, 0, MANY, 0 },
	{ "mmap_munmap", "mmap+munmap, 1 MiB", map_and_unmap, MIB, MANY, 0 },
	{ "brk_grow", "brk grows by a page", brk_grow, PAGE, MANY, 0 },
	{ "fork_parent_1", "fork seen by the parent, 1 MiB resident", fork_in_parent, 0, 1, 1 },
	{ "fork_exit_wait_1", "fork+exit+wait, 1 MiB resident", fork_raw, 0, 1, 1 },
	{ "fork_parent_16", "fork seen by the parent, 16 MiB resident", fork_in_parent, 0, 1, 16 },
	{ "fork_exit_wait_16", "fork+exit+wait, 16 MiB resident", fork_raw, 0, 1, 16 },
	{ "fork_parent_64", "fork seen by the parent, 64 MiB resident", fork_in_parent, 0, 1, 64 },
	{ "fork_exit_wait_64", "fork+exit+wait, 64 MiB resident", fork_raw, 0, 1, 64 },
	{ "fork_parent_256", "fork seen by the parent, 256 MiB resident", fork_in_parent, 0, 1,
	  256 },
	{ "fork_exit_wait_256", "fork+exit+wait, 256 MiB resident", fork_raw, 0, 1, 256 },
};

enum { OPERATIONS = sizeof(operations) / sizeof(operations[0]) };

/* Runs the operation several times; the best. */
static ticks best_of(const struct operation *operation, int repetitions)
{
	ticks best = UINT64_MAX;

	for (int i = 0; i < repetitions; i++) {
		ticks cost = operation->run(operation->argument);

		best = cost < best ? cost : best;
	}
	return best;
}

static void print(const struct operation *operation, ticks best)
{
	printf("%s\t%lu\t%s\t%zu\n", operation->key, best / operation->times, operation->text,
	       operation->times);
	fflush(stdout);
}

static void report(const struct operation *operation)
{
	print(operation, best_of(operation, BEST_OF));
}

/* Says so and waits for a line on standard input. */
static void wait_at(const char *point)
{
	puts(point);
	fflush(stdout);
	while (getchar() != '\n')
		check(!feof(stdin), "standard input");
}

/*
 * Runs one operation as ever, and then again between two points where it waits to be told to go on,
 * so that whoever watches can begin and end to look; the figure is of what was watched.
 */
static void report_watched(const struct operation *operation)
{
	best_of(operation, BEST_OF);
	wait_at("begin");
	print(operation, best_of(operation, operation->times > 1 ? 1 : WATCHED));
	wait_at("end");
}

/* Acts on the operation with as much memory resident as it wants. */
static void with_memory(void (*act)(const struct operation *), const struct operation *operation)
{
	size_t size = operation->resident * MIB;
	char *resident = size ? memory(size, MAP_PRIVATE, true) : NULL;

	act(operation);
	if (resident)
		munmap(resident, size);
}

static int watch(const char *name)
{
	for (int i = 0; i < OPERATIONS; i++) {
		if (strcmp(operations[i].key, name) == 0 || strcmp(operations[i].text, name) == 0) {
			with_memory(report_watched, &operations[i]);
			return 0;
		}
	}
	fprintf(stderr, "bench: there is no operation %s\n", name);
	return 2;
}

int main(int argc, char **argv)
{
	self = argv[0];
	if (argc == 2 && strcmp(argv[1], "--exit") == 0)
		_exit(0);
	if (argc == 6 && strcmp(argv[1], "--exec") == 0)
		exec_link(argv + 2);
	if (argc == 3 && strcmp(argv[1], "--watch") == 0)
		return watch(argv[2]);
	for (int i = 0; i < OPERATIONS; i++)
		with_memory(report, &operations[i]);
	return 0;
}
