/*
 * Threads in every trouble at once: they fork, map, fault, protect, signal each other, execute
 * programs in children and make more threads, in an order that a seed decides, and each checks that
 * its stack, its memory and its children are what it made them. A thousand threads at once, and
 * ends of all kinds in the middle; afterwards nothing is left in /proc. The environment variable
 * SEED makes other orders. Sources: those of the calls' own tests.
 */
#include "thread.h"
#include "pages.h"
#include <sys/resource.h>

/* ---- stacks that are checked ----------------------------------------------------------------- */

enum { PATTERN_WORDS = 512 };

/* Runs the function below a pattern on the stack, which must still be there when it returns. */
static int with_pattern(uint64_t seed, thread_run *run, void *argument)
{
	volatile uint64_t pattern[PATTERN_WORDS];

	for (int i = 0; i < PATTERN_WORDS; i++)
		pattern[i] = seed * 0x9e3779b97f4a7c15u + (unsigned)i;
	int result = run(argument);
	for (int i = 0; i < PATTERN_WORDS; i++)
		CHECK_EQ(pattern[i], seed * 0x9e3779b97f4a7c15u + (unsigned)i);
	return result;
}

static volatile int crowd_ready, crowd_go;

static int stands(void *unused)
{
	(void)unused;
	word_add(&crowd_ready, 1);
	word_await(&crowd_go, 1);
	return 0;
}

static int stands_with_pattern(void *unused)
{
	return with_pattern((uint64_t)gettid_raw(), stands, unused);
}

TIMED_TEST(a_thousand_threads)
{
	enum { MANY = 1000 };
	static struct thread *threads[MANY];

	for (int i = 0; i < MANY; i++)
		threads[i] = THREAD(stands_with_pattern, NULL);
	word_await(&crowd_ready, MANY);
	CHECK_EQ(counted_threads(getpid()), MANY + 1);
	CHECK_EQ(listed_threads(getpid()), MANY + 1);
	for (int i = 0; i < MANY; i++) {
		CHECK_EQ(tgkill_raw(getpid(), threads[i]->tid, 0), 0);
	}
	pid_t pid = FORK();
	if (pid == 0)
		_exit(listed_threads(getpid()));
	CHECK_EXIT(pid, 1);
	word_set(&crowd_go, 1);
	for (int i = 0; i < MANY; i++)
		thread_join(threads[i]);
	await_threads(getpid(), 1);
	CHECK_EQ(listed_threads(getpid()), 1);
}

static int stands_for_ever(void *line)
{
	word_add(line, 1);
	return thread_awaits_word(NULL);
}

/* A crowd that is ended at once, by each of the ways to end it. */
TIMED_TEST(the_end_of_a_crowd)
{
	enum { MANY = 300 };
	char *argv[] = { "thread_stress", "exit-23", NULL };

	for (int way = 0; way < 3; way++) {
		volatile int *line = shared_memory(4096);
		pid_t pid = FORK();
		if (pid == 0) {
			for (int i = 0; i < MANY; i++)
				THREAD(stands_for_ever, (void *)line);
			word_await(line, MANY);
			if (way == 0)
				_exit(23);
			if (way == 1)
				execve(own_path, argv, environ);
			THREAD(stands_for_ever, (void *)line);
			thread_awaits_word(NULL);
		}
		if (way < 2) {
			CHECK_EXIT(pid, 23);
		} else {
			word_await(line, MANY + 1);
			CHECK_EQ(kill(pid, SIGKILL), 0);
			CHECK_SIGNAL(pid, SIGKILL);
		}
		CHECK_EQ(munmap((void *)line, 4096), 0);
	}
}

/* ---- threads made and joined ----------------------------------------------------------------- */

static int adds_one(void *sum)
{
	__atomic_add_fetch((int *)sum, 1, __ATOMIC_SEQ_CST);
	return 0;
}

static int makes_and_joins(void *sum)
{
	for (int i = 0; i < 60; i++) {
		struct thread *one = THREAD(adds_one, sum), *other = THREAD(adds_one, sum);
		CHECK(one->tid != other->tid);
		thread_join(i % 2 ? one : other);
		thread_join(i % 2 ? other : one);
	}
	return 0;
}

TIMED_TEST(threads_made_and_joined)
{
	struct thread *threads[4];
	int sum = 0;

	for (int i = 0; i < 4; i++)
		threads[i] = THREAD(makes_and_joins, &sum);
	for (int i = 0; i < 4; i++)
		thread_join(threads[i]);
	CHECK_EQ(sum, 480);
	await_threads(getpid(), 1);
}

static int begets(void *generations)
{
	int left = *(int *)generations;

	if (left) {
		int less = left - 1;
		struct thread *one = THREAD(begets, &less), *other = THREAD(begets, &less);
		thread_join(one);
		thread_join(other);
	}
	return 0;
}

TIMED_TEST(a_tree_of_threads)
{
	int generations = 7;

	begets(&generations);
	await_threads(getpid(), 1);
}

/* Nobody joins anybody: each makes the next and ends. */
static volatile int relay_left;

static int relays(void *unused)
{
	if (__atomic_sub_fetch(&relay_left, 1, __ATOMIC_SEQ_CST) > 0)
		THREAD(relays, unused);
	return 0;
}

TIMED_TEST(a_relay_of_threads)
{
	pid_t pid = FORK();

	if (pid == 0) {
		relay_left = 300;
		THREAD(relays, NULL);
		exit_thread(0); /* from here on no thread is the leader */
	}
	CHECK_EXIT(pid, 0);
}

/* ---- chaos ----------------------------------------------------------------------------------- */

enum { WORKERS = 8, ARENA_PAGES = 16, KINDS = 14 };

struct worker {
	uint32_t seed;
	int steps;   /* how many it takes; -1 for no end */
	char *arena; /* pages of its own, each stamped with what it wrote last */
	uint64_t stamps[ARENA_PAGES];
	volatile pid_t tid;
};

static struct worker workers[WORKERS];
static volatile int signals_taken;

static uint32_t draw(struct worker *worker, uint32_t below)
{
	worker->seed = worker->seed * 1664525u + 1013904223u;
	return (worker->seed >> 8) % below;
}

static void takes(int sig)
{
	(void)sig;
	__atomic_add_fetch(&signals_taken, 1, __ATOMIC_SEQ_CST);
}

/* A worker's own page that it made read-only becomes writable when it is written. */
static void unprotects(int sig, siginfo_t *info, void *context)
{
	uintptr_t page = (uintptr_t)info->si_addr & ~(PAGE - 1);
	int saved = errno;

	(void)context;
	if (info->si_code != SEGV_ACCERR)
		FAIL("signal %d at %p with code %d", sig, info->si_addr, info->si_code);
	CHECK_EQ(mprotect((void *)page, PAGE, PROT_READ | PROT_WRITE), 0);
	errno = saved;
}

static int child_status(pid_t pid)
{
	int status;

	CHECK(pid > 0);
	CHECK_EQ(waitpid(pid, &status, __WALL), pid);
	return status;
}

static void check_arena(const struct worker *worker)
{
	for (int i = 0; i < ARENA_PAGES; i++)
		CHECK_STAMP(worker->arena + i * PAGE, worker->stamps[i]);
}

static void write_arena(struct worker *worker)
{
	uint32_t page = draw(worker, ARENA_PAGES);

	CHECK_STAMP(worker->arena + page * PAGE, worker->stamps[page]);
	worker->stamps[page] = worker->seed;
	stamp(worker->arena + page * PAGE, worker->seed);
}

/* The child writes all over its copy, which is nobody else's. */
static void fork_child(struct worker *worker)
{
	int code = (int)draw(worker, 100);
	pid_t pid = (pid_t)syscall(SYS_fork);

	if (pid == 0) {
		check_arena(worker);
		for (int i = 0; i < ARENA_PAGES; i++)
			stamp(worker->arena + i * PAGE, 1);
		_exit(code);
	}
	write_arena(worker);
	CHECK_EQ(child_status(pid), code << 8);
	check_arena(worker);
}

__attribute__((noreturn)) static void run_exit(int code)
{
	char text[16], *argv[] = { "thread_stress", text, NULL };

	snprintf(text, sizeof(text), "exit-%d", code);
	execve(own_path, argv, environ);
	_exit(KTAP_FAILED);
}

static void fork_program(struct worker *worker)
{
	int code = (int)draw(worker, 100);
	pid_t pid = (pid_t)syscall(SYS_fork);

	if (pid == 0)
		run_exit(code);
	CHECK_EQ(child_status(pid), code << 8);
}

static int exits_group_20(void *unused)
{
	(void)unused;
	_exit(20);
}

static int runs_exit_21(void *unused)
{
	(void)unused;
	run_exit(21);
}

/* A child with threads, one of which ends it in one way or the other. */
static void fork_threads(struct worker *worker)
{
	uint32_t way = draw(worker, 3);
	pid_t pid = (pid_t)syscall(SYS_fork);

	if (pid == 0) {
		THREAD(thread_yields, NULL);
		THREAD(thread_awaits_word, NULL);
		if (way < 2)
			THREAD(way ? exits_group_20 : runs_exit_21, NULL);
		else
			kill(getpid(), SIGKILL);
		thread_sleeps(NULL);
	}
	CHECK_EQ(child_status(pid), way == 0 ? 21 << 8 : way == 1 ? 20 << 8 : SIGKILL);
}

static int returns_22(void *unused)
{
	(void)unused;
	return 22;
}

static void vfork_child(struct worker *worker)
{
	unsigned long flags = CLONE_VM | CLONE_VFORK | SIGCHLD;
	struct thread *child = SPAWN(flags, draw(worker, 2) ? returns_22 : runs_exit_21, NULL);
	int status = child_status(child->tid);

	CHECK(status == 22 << 8 || status == 21 << 8);
	thread_free(child);
}

static void map_and_unmap(struct worker *worker)
{
	size_t pages = 1 + draw(worker, 40);
	uint64_t value = worker->seed;
	char *at = map_private(pages);

	for (size_t i = 0; i < pages; i++)
		stamp(at + i * PAGE, value + i);
	CHECK_EQ(mprotect(at, pages * PAGE, PROT_READ), 0);
	for (size_t i = 0; i < pages; i++)
		CHECK_STAMP(at + i * PAGE, value + i);
	if (draw(worker, 2)) {
		CHECK_EQ(mprotect(at, pages * PAGE, PROT_READ | PROT_WRITE), 0);
		CHECK_EQ(madvise(at, PAGE, MADV_DONTNEED), 0);
		CHECK_ZERO(at, PAGE);
		stamp(at, value);
		char *moved = mremap(at, pages * PAGE, (pages + 3) * PAGE, MREMAP_MAYMOVE);
		CHECK(moved != MAP_FAILED);
		at = moved;
		CHECK_ZERO(at + pages * PAGE, PAGE);
		for (size_t i = 0; i < pages; i++)
			CHECK_STAMP(at + i * PAGE, value + i);
		pages += 3;
	}
	CHECK_EQ(munmap(at, pages * PAGE), 0);
}

/* Writes a page that it has just made read-only: the handler runs in the middle of it. */
static void fault(struct worker *worker)
{
	char *page = worker->arena + draw(worker, ARENA_PAGES) * PAGE;

	CHECK_EQ(mprotect(page, PAGE, PROT_READ), 0);
	poke(page + 100, 1);
	CHECK_EQ(peek(page + 100), 1);
}

static void signal_another(struct worker *worker)
{
	pid_t tid = workers[draw(worker, WORKERS)].tid;

	if (tid && tgkill_raw(getpid(), tid, SIGUSR1) < 0)
		CHECK(errno == ESRCH || errno == EAGAIN);
	if (draw(worker, 4) == 0)
		send(SIGUSR2);
}

/* While another thread executes a program, there may be no new ones: Linux says EAGAIN. */
static void make_thread(struct worker *worker)
{
	int sum = 0;
	struct thread *thread = thread_try(THREAD_FLAGS, adds_one, &sum);

	if (!thread) {
		CHECK(errno == EAGAIN && worker->steps < 0);
		return;
	}
	if (draw(worker, 2))
		write_arena(worker);
	thread_join(thread);
	CHECK_EQ(sum, 1);
}

static void through_pipe(struct worker *worker)
{
	struct gate gate = gate_new();

	gate_open(gate, 1 + (int)draw(worker, 3));
	gate_pass(gate);
	gate_free(gate);
}

static void read_proc(struct worker *worker)
{
	char path[64], text[2048];
	pid_t tid = workers[draw(worker, WORKERS)].tid;

	if (tid && read_text(task_path(path, sizeof(path), getpid(), tid, "status"), text,
			     sizeof(text)) < 0)
		CHECK(errno == ENOENT || errno == ESRCH);
	CHECK(read_text("/proc/self/maps", text, sizeof(text)) > 0);
}

static int steps(void *argument)
{
	static void (*const kinds[KINDS])(struct worker *) = {
		fork_child,   fork_program,   fork_threads,   vfork_child, map_and_unmap,
		fault,	      signal_another, signal_another, make_thread, write_arena,
		through_pipe, read_proc,      map_and_unmap,  fault,
	};
	struct worker *worker = argument;

	for (int i = 0; i != worker->steps; i++) {
		kinds[draw(worker, KINDS)](worker);
		if (draw(worker, 8) == 0)
			check_arena(worker);
	}
	check_arena(worker);
	return 0;
}

static int works(void *argument)
{
	struct worker *worker = argument;

	worker->tid = gettid_raw();
	int result = with_pattern((uint64_t)worker->tid, steps, worker);
	worker->tid = 0;
	return result;
}

static uint32_t seed_of(int number)
{
	const char *seed = getenv("SEED");

	return (seed ? (uint32_t)strtoul(seed, NULL, 0) : 0) + (uint32_t)number * 7919;
}

/* Prepares the workers; nobody works yet. */
static void set_up(int number, int count)
{
	install(SIGUSR1, (void *)takes, SA_RESTART);
	install(SIGUSR2, (void *)takes, SA_RESTART);
	install(SIGSEGV, (void *)unprotects, SA_SIGINFO | SA_RESTART);
	for (int i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){ .seed = seed_of(number) + (uint32_t)i * 104729,
					      .steps = count };
		workers[i].arena = map_private(ARENA_PAGES);
		for (int p = 0; p < ARENA_PAGES; p++) {
			workers[i].stamps[p] = (unsigned)i;
			stamp(workers[i].arena + p * PAGE, (unsigned)i);
		}
	}
}

TIMED_TEST(threads_in_every_trouble)
{
	struct thread *threads[WORKERS];

	DIAG("seed %u", seed_of(0));
	set_up(0, 40);
	for (int i = 0; i < WORKERS; i++)
		threads[i] = THREAD(works, &workers[i]);
	for (int i = 0; i < WORKERS; i++)
		thread_join(threads[i]);
	await_threads(getpid(), 1);
	CHECK_ERRNO(waitpid(-1, NULL, WNOHANG | __WALL), ECHILD);
	CHECK(signals_taken > 0);
	for (int i = 0; i < WORKERS; i++)
		check_arena(&workers[i]);
}

/* ---- ends in the middle of chaos ------------------------------------------------------------- */

enum ending {
	EXITS,
	EXITS_FROM_THREAD,
	EXECUTES,
	EXECUTES_FROM_THREAD,
	IS_KILLED,
	IS_STOPPED,
	ENDINGS
};

/* Ends when so many signals have been taken, which is somewhere in the middle. */
static volatile int end_after;

static int ends_in_the_middle(void *argument)
{
	enum ending ending = *(enum ending *)argument;
	char *argv[] = { "thread_stress", "reap", NULL };

	while (word_of(&signals_taken) < end_after)
		sched_yield();
	if (ending == EXITS || ending == EXITS_FROM_THREAD)
		_exit(15);
	execve(own_path, argv, environ);
	_exit(1);
}

__attribute__((noreturn)) static void be_in_chaos(int round, enum ending ending)
{
	set_up(round, -1);
	end_after = round % 10;
	for (int i = 0; i < WORKERS; i++)
		THREAD(works, &workers[i]);
	if (ending == EXITS_FROM_THREAD || ending == EXECUTES_FROM_THREAD)
		THREAD(ends_in_the_middle, &ending);
	else if (ending == EXITS || ending == EXECUTES)
		ends_in_the_middle(&ending);
	thread_awaits_word(NULL);
	_exit(1);
}

/* How many processes /proc lists. */
static int listed_processes(void)
{
	DIR *proc = opendir("/proc");
	int count = 0;

	CHECK(proc != NULL);
	for (struct dirent *entry; (entry = readdir(proc));)
		count += entry->d_name[0] >= '0' && entry->d_name[0] <= '9';
	closedir(proc);
	return count;
}

/* Returns when there are no more processes than before: orphans are buried by process 1. */
static void await_orphans(int before)
{
	while (listed_processes() > before)
		pause_briefly();
}

TIMED_TEST(ends_in_the_middle_of_chaos)
{
	int before = listed_processes(), status;

	for (int round = 0; round < 3 * ENDINGS; round++) {
		enum ending ending = (enum ending)(round % ENDINGS);
		CONTEXT("round %d, ending %d", round, ending);
		pid_t pid = FORK();
		if (pid == 0)
			be_in_chaos(round, ending);
		if (ending >= IS_KILLED) {
			await_threads(pid, WORKERS + 1);
			for (int i = 0; i < round; i++)
				sched_yield();
		}
		if (ending == IS_STOPPED) {
			CHECK_EQ(kill(pid, SIGSTOP), 0);
			CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
			CHECK(WIFSTOPPED(status));
			CHECK_EQ(kill(pid, SIGCONT), 0);
			CHECK_EQ(kill(pid, SIGSTOP), 0);
		}
		if (ending >= IS_KILLED) {
			CHECK_EQ(kill(pid, SIGKILL), 0);
			CHECK_SIGNAL(pid, SIGKILL);
		} else {
			CHECK_EXIT(pid, 15);
		}
	}
	ktap_context[0] = '\0';
	await_orphans(before);
}

/* ---- every kind of sleep --------------------------------------------------------------------- */

TIMED_TEST(killed_in_every_kind_of_sleep)
{
	int before = listed_processes();

	for (int round = 0; round < 20; round++) {
		volatile int *ready = shared_memory(4096);
		pid_t pid = FORK();
		if (pid == 0) {
			int count = start_sleepers();
			if (round % 2)
				count += start_sleepers();
			word_set(ready, count + 1);
			thread_reads_pipe(NULL);
		}
		while (word_of(ready) == 0)
			word_await(ready, round % 2 ? 23 : 12);
		if (round % 4 < 2)
			await_state(pid, 'S');
		CHECK_EQ(kill(pid, SIGKILL), 0);
		CHECK_SIGNAL(pid, SIGKILL);
		CHECK_EQ(munmap((void *)ready, 4096), 0);
	}
	await_orphans(before);
}

/* ---- programs that the tests execute --------------------------------------------------------- */

static int reap_all(void)
{
	while (waitpid(-1, NULL, __WALL) > 0)
		;
	CHECK_EQ(errno, ECHILD);
	return counted_threads(getpid()) == 1 ? 15 : 1;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "reap"))
		return reap_all();
	if (argc == 2 && !strncmp(argv[1], "exit-", 5))
		return atoi(argv[1] + 5);
	return ktap_main(argc, argv);
}
