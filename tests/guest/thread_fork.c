/*
 * fork in a process with threads: the child has one thread, the caller's copy, and memory as it was
 * at one moment, whatever the other threads write meanwhile; they go on in the parent. A vfork
 * suspends its caller alone. Sources: fork(2), vfork(2), POSIX fork().
 */
#include "thread.h"
#include "pages.h"
#include <asm/prctl.h>
#include <sys/resource.h>

static volatile int *beats;

static int beats_on(void *stop)
{
	while (!word_of(stop)) {
		__atomic_add_fetch(beats, 1, __ATOMIC_SEQ_CST);
		sched_yield();
	}
	return 0;
}

/* Returns when the thread that beats has done so a few more times. */
static void feel_pulse(void)
{
	int before = word_of(beats);

	while (word_of(beats) < before + 5)
		sched_yield();
}

/* ---- one thread ------------------------------------------------------------------------------ */

static volatile int on_heap;

static void check_child(int on_stack, void *fs, pid_t parent)
{
	void *now;

	CHECK_EQ(gettid_raw(), getpid());
	CHECK_EQ(getppid(), parent);
	CHECK_EQ(listed_threads(getpid()), 1);
	CHECK_EQ(counted_threads(getpid()), 1);
	CHECK_EQ(on_stack, 77);
	CHECK_EQ(on_heap, 78);
	CHECK_EQ(syscall(SYS_arch_prctl, ARCH_GET_FS, &now), 0);
	CHECK(now == fs);
}

static int forks(void *unused)
{
	volatile int on_stack = 77;
	void *fs;
	pid_t parent = getpid();

	(void)unused;
	CHECK_EQ(syscall(SYS_arch_prctl, ARCH_GET_FS, &fs), 0);
	on_heap = 78;
	pid_t pid = FORK();
	if (pid == 0) {
		check_child(on_stack, fs, parent);
		on_stack = on_heap = 0;
		_exit(9);
	}
	CHECK_EXIT(pid, 9);
	CHECK_EQ(on_stack, 77);
	CHECK_EQ(on_heap, 78);
	return 0;
}

TIMED_TEST(the_child_has_one_thread)
{
	volatile int stop = 0;
	struct thread *others[3];

	beats = shared_memory(4096);
	for (int i = 0; i < 3; i++)
		others[i] = THREAD(beats_on, (void *)&stop);
	for (int i = 0; i < 10; i++) {
		forks(NULL);
		thread_join(THREAD(forks, NULL));
		feel_pulse();
	}
	word_set(&stop, 1);
	for (int i = 0; i < 3; i++)
		thread_join(others[i]);
}

/* What was a thread's own is what the child has of it. */
static int forks_with_attributes(void *unused)
{
	static char stack[65536];
	stack_t now, mine = { .ss_sp = stack, .ss_size = sizeof(stack) };
	char name[16];

	(void)unused;
	CHECK_EQ(sigaltstack(&mine, NULL), 0);
	set_mask(BITS(SIGUSR2, SIGTERM));
	CHECK_EQ(tgkill_raw(getpid(), gettid_raw(), SIGUSR2), 0);
	CHECK_EQ(setpriority(PRIO_PROCESS, 0, 4), 0);
	CHECK_EQ(prctl(PR_SET_NAME, "forker"), 0);
	pid_t pid = FORK();
	if (pid == 0) {
		CHECK_EQ(mask_now(), BITS(SIGUSR2, SIGTERM));
		CHECK_EQ(pending_now(), 0);
		CHECK_EQ(sigaltstack(NULL, &now), 0);
		CHECK(now.ss_sp == (void *)stack);
		CHECK_EQ(getpriority(PRIO_PROCESS, 0), 4);
		CHECK_EQ(prctl(PR_GET_NAME, name), 0);
		CHECK_STR(name, "forker");
		CHECK(read_text("/proc/self/comm", name, sizeof(name)) > 0);
		CHECK_STR(name, "forker\n");
		_exit(0);
	}
	CHECK_EXIT(pid, 0);
	return 0;
}

TIMED_TEST(the_child_is_like_the_caller)
{
	block(bit(SIGHUP));
	CHECK_EQ(prctl(PR_SET_NAME, "leader"), 0);
	thread_join(THREAD(forks_with_attributes, NULL));
}

static int makes_threads(void *unused)
{
	for (int i = 0; i < 3; i++)
		thread_join(THREAD(forks, unused));
	return 0;
}

/* A child has threads of its own, its parent's number notwithstanding. */
TIMED_TEST(threads_of_a_threads_child)
{
	struct thread *sleeper = THREAD(thread_awaits_word, NULL);
	pid_t pid = FORK();

	if (pid == 0) {
		CHECK_ERRNO(tgkill_raw(getpid(), sleeper->tid, 0), ESRCH);
		makes_threads(NULL);
		thread_join(THREAD(makes_threads, NULL));
		_exit(3);
	}
	CHECK_EXIT(pid, 3);
	CHECK_EQ(tgkill_raw(getpid(), sleeper->tid, 0), 0);
	pid = FORK();
	if (pid == 0) {
		THREAD(makes_threads, NULL);
		exit_thread(4);
	}
	CHECK_EXIT(pid, 0);
}

/* The leader is gone, and a thread forks: the process is the parent, not that thread. */
static int forks_without_leader(void *unused)
{
	pid_t parent = getpid();

	(void)unused;
	await_thread_state(parent, parent, 'Z');
	pid_t pid = FORK();
	if (pid == 0) {
		CHECK_EQ(getppid(), parent);
		_exit(listed_threads(getpid()));
	}
	CHECK_EXIT(pid, 1);
	_exit(8);
}

TIMED_TEST(fork_without_a_leader)
{
	pid_t pid = FORK();

	if (pid == 0) {
		THREAD(forks_without_leader, NULL);
		exit_thread(1);
	}
	CHECK_EXIT(pid, 8);
}

enum { STORMERS = 6, FORKS = 60 };

static int storms(void *argument)
{
	int which = *(int *)argument;

	for (int i = 0; i < FORKS; i++) {
		volatile int mine = which * 1000 + i;
		pid_t parent = getpid(), pid = (pid_t)syscall(SYS_fork);
		if (pid == 0) {
			CHECK_EQ(mine, which * 1000 + i);
			CHECK_EQ(getppid(), parent);
			_exit((which * 10 + i) % 100);
		}
		CHECK(pid > 0);
		CHECK_EXIT(pid, (which * 10 + i) % 100);
	}
	return 0;
}

TIMED_TEST(storms_of_forks)
{
	struct thread *threads[STORMERS];
	int which[STORMERS];

	for (int i = 0; i < STORMERS; i++) {
		which[i] = i;
		threads[i] = THREAD(storms, &which[i]);
	}
	for (int i = 0; i < STORMERS; i++)
		thread_join(threads[i]);
	CHECK_ERRNO(waitpid(-1, NULL, WNOHANG), ECHILD);
}

/* ---- vfork ----------------------------------------------------------------------------------- */

static int waits_for_pulse(void *unused)
{
	(void)unused;
	feel_pulse();
	return 5;
}

static int vforks_child(void *unused)
{
	(void)unused;
	for (int i = 0; i < 10; i++) {
		struct thread *child =
			SPAWN(CLONE_VM | CLONE_VFORK | SIGCHLD, waits_for_pulse, NULL);
		CHECK_SPAWNED(child, 5);
	}
	return 0;
}

/* The child lives on what the other threads do, so they must go on. */
TIMED_TEST(vfork_suspends_its_caller_only)
{
	volatile int stop = 0;

	beats = shared_memory(4096);
	struct thread *other = THREAD(beats_on, (void *)&stop);
	struct thread *threads[3];
	for (int i = 0; i < 3; i++)
		threads[i] = THREAD(vforks_child, NULL);
	vforks_child(NULL);
	for (int i = 0; i < 3; i++)
		thread_join(threads[i]);
	word_set(&stop, 1);
	thread_join(other);
}

static int waits_for_gate(void *gate)
{
	gate_pass(*(struct gate *)gate);
	return 0;
}

static int vforks_at_gate(void *gate)
{
	struct thread *child = SPAWN(CLONE_VM | CLONE_VFORK | SIGCHLD, waits_for_gate, gate);

	CHECK_SPAWNED(child, 0);
	return 0;
}

/* Meanwhile the process takes signals in its other threads. */
static volatile int took;

static void takes(int sig)
{
	(void)sig;
	word_add(&took, 1);
}

TIMED_TEST(signals_while_a_thread_is_in_vfork)
{
	struct gate gate = gate_new();

	install(SIGUSR1, takes, 0);
	struct thread *thread = THREAD(vforks_at_gate, &gate);
	await_thread_state(getpid(), thread->tid, 'D');
	for (int i = 1; i <= 10; i++) {
		send(SIGUSR1);
		word_await(&took, i);
	}
	gate_open(gate, 1);
	thread_join(thread);
	gate_free(gate);
}

/* ---- one moment of memory -------------------------------------------------------------------- */

enum { STRIDE = 37, SPREAD = 64, WRITERS = 3, MOMENTS = 40 };

struct writer {
	char *pages; /* SPREAD of them are written, STRIDE pages apart */
	volatile int stop, round;
};

static volatile uint64_t *place(const struct writer *writer, int i)
{
	return (volatile uint64_t *)(writer->pages + (size_t)i * STRIDE * PAGE + 64);
}

/* Writes each round's number into all of the pages, one after another, and misses none. */
static int writes_rounds(void *argument)
{
	struct writer *writer = argument;

	for (uint64_t round = 1; !word_of(&writer->stop); round++) {
		for (int i = 0; i < SPREAD; i++) {
			CHECK_EQ(*place(writer, i), round - 1); /* a child's writes are not seen */
			*place(writer, i) = round;
		}
		writer->round = (int)round;
	}
	return 0;
}

/*
 * The writer writes in order; so at any moment the pages before some place have a round's number,
 * and those behind it the number before. A child that sees anything else has pages of two moments.
 */
static void check_moment(const struct writer *writer)
{
	uint64_t seen[SPREAD];

	for (int i = 0; i < SPREAD; i++)
		seen[i] = *place(writer, i);
	for (int i = 1; i < SPREAD; i++)
		if (seen[i] > seen[i - 1])
			FAIL("page %d is of round %lu, and page %d of round %lu", i,
			     (unsigned long)seen[i], i - 1, (unsigned long)seen[i - 1]);
	if (seen[0] > seen[SPREAD - 1] + 1)
		FAIL("the first page is of round %lu, and the last of round %lu",
		     (unsigned long)seen[0], (unsigned long)seen[SPREAD - 1]);
	sched_yield(); /* to the writers */
	for (int i = 0; i < SPREAD; i++)
		if (*place(writer, i) != seen[i])
			FAIL("page %d becomes round %lu in the child, where it was %lu", i,
			     (unsigned long)*place(writer, i), (unsigned long)seen[i]);
	for (int i = 0; i < SPREAD; i++)
		*place(writer, i) = 1000000000 + (unsigned)i;
}

TIMED_TEST(a_child_has_one_moment_of_memory)
{
	struct writer writers[WRITERS] = { 0 };
	struct thread *threads[WRITERS];

	for (int w = 0; w < WRITERS; w++) {
		writers[w].pages = map_private(STRIDE * SPREAD);
		threads[w] = THREAD(writes_rounds, &writers[w]);
	}
	for (int i = 0; i < MOMENTS; i++) {
		pid_t pid = FORK();
		if (pid == 0) {
			for (int w = 0; w < WRITERS; w++)
				check_moment(&writers[w]);
			_exit(0);
		}
		if (i % 4) /* else the next fork meets pages that are still shared */
			sched_yield();
		CHECK_EXIT(pid, 0);
	}
	for (int w = 0; w < WRITERS; w++) {
		word_set(&writers[w].stop, 1);
		thread_join(threads[w]);
		CHECK(writers[w].round > 0);
	}
}

/* Threads map, write and unmap while others fork: a child has each mapping whole or not at all. */
enum { SLOTS = 4, SLOT_PAGES = 48 };

struct slot {
	char *volatile at;	 /* NULL while there is none */
	volatile uint64_t stamp; /* of every page */
	volatile int stop;
	char *space;
};

static int maps_and_unmaps(void *argument)
{
	struct slot *slot = argument;

	for (uint64_t n = 1; !word_of(&slot->stop); n++) {
		map_at(slot->space, SLOT_PAGES, PROT_READ | PROT_WRITE, MAP_PRIVATE);
		for (int i = 0; i < SLOT_PAGES; i++)
			stamp(slot->space + i * PAGE, n);
		slot->stamp = n;
		__atomic_store_n(&slot->at, slot->space, __ATOMIC_SEQ_CST);
		for (int i = 0; i < SLOT_PAGES; i++)
			CHECK_STAMP(slot->space + i * PAGE, n);
		CHECK_EQ(mprotect(slot->space, SLOT_PAGES * PAGE, PROT_READ), 0);
		for (int i = 0; i < SLOT_PAGES; i++)
			CHECK_STAMP(slot->space + i * PAGE, n);
		__atomic_store_n(&slot->at, NULL, __ATOMIC_SEQ_CST);
		CHECK_EQ(munmap(slot->space, SLOT_PAGES * PAGE), 0);
	}
	return 0;
}

TIMED_TEST(fork_while_others_map_and_unmap)
{
	struct slot slots[SLOTS] = { 0 };
	struct thread *threads[SLOTS];
	volatile int *whole = shared_memory(4096);

	for (int s = 0; s < SLOTS; s++) {
		slots[s].space = free_space(SLOT_PAGES);
		map_at(slots[s].space, SLOT_PAGES, PROT_NONE, MAP_PRIVATE);
	}
	for (int s = 0; s < SLOTS; s++)
		threads[s] = THREAD(maps_and_unmaps, &slots[s]);
	for (int i = 0; i < MOMENTS; i++) {
		pid_t pid = FORK();
		if (pid == 0) {
			for (int s = 0; s < SLOTS; s++)
				for (int p = 0; slots[s].at && p < SLOT_PAGES; p++)
					CHECK_STAMP(slots[s].at + p * PAGE, slots[s].stamp);
			for (int s = 0; s < SLOTS; s++)
				*whole += slots[s].at != NULL;
			_exit(0);
		}
		CHECK_EXIT(pid, 0);
	}
	DIAG("%d of %d mappings were there", *whole, MOMENTS * SLOTS);
	for (int s = 0; s < SLOTS; s++) {
		word_set(&slots[s].stop, 1);
		thread_join(threads[s]);
	}
}

/* A child that goes on with its copies while the parent's threads write theirs. */
static int checks_own_copy(void *unused)
{
	char *pages = map_private(SPREAD);

	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < SPREAD; i++)
			stamp(pages + i * PAGE, (uint64_t)round * SPREAD + (unsigned)i);
		pid_t pid = (pid_t)syscall(SYS_fork);
		for (int i = 0; i < SPREAD; i++)
			CHECK_STAMP(pages + i * PAGE, (uint64_t)round * SPREAD + (unsigned)i);
		for (int i = 0; i < SPREAD; i++)
			stamp(pages + i * PAGE, (uint64_t)pid << 32 | (unsigned)i);
		for (int i = 0; i < SPREAD; i++)
			CHECK_STAMP(pages + i * PAGE, (uint64_t)pid << 32 | (unsigned)i);
		if (pid == 0)
			_exit(0);
		CHECK_EXIT(pid, 0);
	}
	(void)unused;
	return 0;
}

TIMED_TEST(both_sides_write_their_copies)
{
	struct thread *threads[4];

	for (int i = 0; i < 4; i++)
		threads[i] = THREAD(checks_own_copy, NULL);
	for (int i = 0; i < 4; i++)
		thread_join(threads[i]);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
