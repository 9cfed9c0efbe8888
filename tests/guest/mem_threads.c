/*
 * One address space and several threads: they touch the same pages for the first time, one takes
 * away (munmap, mprotect, madvise, mremap, ftruncate) what others are writing to, fork comes in the
 * middle, and areas, the break and a stack change under several hands. What is checked is data: no
 * increment is lost, nothing that was taken away is changed any more, and a child has its parent's
 * memory as it was at one moment. Threads go on until what they are there for has happened so
 * often; nothing is timed. Sources: mmap(2), mprotect(2), madvise(2), mremap(2), fork(2), XSH 2.9.
 */
#include "pages.h"
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <sys/uio.h>

enum { THREADS = 4, PAGES = 64, RW = PROT_READ | PROT_WRITE };

typedef unsigned long word;

static word load(const volatile void *at)
{
	return __atomic_load_n((const volatile word *)at, __ATOMIC_SEQ_CST);
}

static void store(volatile void *at, word value)
{
	__atomic_store_n((volatile word *)at, value, __ATOMIC_SEQ_CST);
}

static word add(volatile void *at, word value)
{
	return __atomic_add_fetch((volatile word *)at, value, __ATOMIC_SEQ_CST);
}

/* --- threads that run until they are told to stop --- */

struct worker {
	pthread_t thread;
	int number;	      /* from 0 */
	word rounds, refused; /* what it has done so far; atomic */
	sigjmp_buf refusal;
};

static struct worker workers[THREADS];
static _Thread_local struct worker *me;
static int stopping; /* atomic */

static int must_stop(void)
{
	return __atomic_load_n(&stopping, __ATOMIC_SEQ_CST);
}

static void start(void *(*run)(void *), int count)
{
	__atomic_store_n(&stopping, 0, __ATOMIC_SEQ_CST);
	for (int i = 0; i < count; i++) {
		workers[i].number = i;
		workers[i].rounds = workers[i].refused = 0;
		CHECK_EQ(pthread_create(&workers[i].thread, NULL, run, &workers[i]), 0);
	}
}

static void join(int count)
{
	for (int i = 0; i < count; i++)
		CHECK_EQ(pthread_join(workers[i].thread, NULL), 0);
}

static void stop(int count)
{
	__atomic_store_n(&stopping, 1, __ATOMIC_SEQ_CST);
	join(count);
}

/* Waits until every worker has done something since; field is rounds or refused. */
#define AWAIT_EACH(field)                                                                          \
	do {                                                                                       \
		word seen_[THREADS];                                                               \
		for (int i_ = 0; i_ < THREADS; i_++)                                               \
			seen_[i_] = load(&workers[i_].field);                                      \
		for (int i_ = 0; i_ < THREADS; i_++)                                               \
			while (load(&workers[i_].field) == seen_[i_])                              \
				sched_yield();                                                     \
	} while (0)

/* A fault of a worker ends what it tried; nobody else may have one. */
static void on_fault(int signal)
{
	(void)signal;
	if (!me)
		_exit(KTAP_FAILED);
	siglongjmp(me->refusal, 1);
}

static void catch_faults(void)
{
	struct sigaction action = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };

	CHECK_EQ(sigaction(SIGSEGV, &action, NULL), 0);
	CHECK_EQ(sigaction(SIGBUS, &action, NULL), 0);
}

/* Adds 1, or notes that it may not. */
static int try_add(volatile void *at)
{
	if (sigsetjmp(me->refusal, 0)) {
		add(&me->refused, 1);
		return 0;
	}
	add(at, 1);
	return 1;
}

/* --- the first touch --- */

static char *common;
static pthread_barrier_t barrier;

/* All add 1 to a word of each page, in different orders; odd ones look first, so that there may be
 * a page of zeroes, or a file's, to part from. */
static void *touch_all(void *arg)
{
	struct worker *worker = arg;

	pthread_barrier_wait(&barrier);
	for (int i = 0; i < PAGES; i++) {
		int page = worker->number < THREADS / 2 ? i : PAGES - 1 - i;

		if (worker->number % 2)
			peek(common + page * PAGE);
		add(common + page * PAGE, 1);
	}
	return NULL;
}

static void touch_together(char *at)
{
	common = at;
	CHECK_EQ(pthread_barrier_init(&barrier, NULL, THREADS), 0);
	start(touch_all, THREADS);
	join(THREADS);
	for (int i = 0; i < PAGES; i++)
		CHECK_EQ(load(at + i * PAGE), THREADS);
}

TEST(threads_touch_new_pages_at_once)
{
	char *at = map_private(PAGES), *shared = map_shared(PAGES);

	for (int round = 0; round < 20; round++) {
		touch_together(at);
		CHECK_EQ(madvise(at, PAGES * PAGE, MADV_DONTNEED), 0);
	}
	touch_together(shared);
}

static int new_file(size_t pages)
{
	int fd = memfd_create("threads", 0);

	CHECK(fd >= 0);
	CHECK_EQ(ftruncate(fd, (off_t)(pages * PAGE)), 0);
	return fd;
}

TEST(threads_touch_pages_of_a_file_at_once)
{
	int fd = new_file(PAGES);
	char *own = mmap(NULL, PAGES * PAGE, RW, MAP_PRIVATE, fd, 0);

	CHECK(own != MAP_FAILED);
	for (int round = 0; round < 10; round++) {
		touch_together(own);
		CHECK_EQ(madvise(own, PAGES * PAGE, MADV_DONTNEED), 0);
	}
	char *all = mmap(NULL, PAGES * PAGE, RW, MAP_SHARED, fd, 0);
	CHECK(all != MAP_FAILED);
	touch_together(all);
	for (int i = 0; i < PAGES; i++) {
		word value = 0;

		CHECK_EQ(pread(fd, &value, sizeof(value), (off_t)(i * PAGE)), sizeof(value));
		CHECK_EQ(value, THREADS);
		CHECK_EQ(load(own + i * PAGE), THREADS); /* dropped: the file's again */
	}
}

/* Pages that parent and child share are written to by all threads of both. */
TEST(threads_part_from_their_childs_pages_at_once)
{
	char *at = map_private(PAGES);

	for (int round = 0; round < 10; round++) {
		memset(at, 0, PAGES * PAGE);
		pid_t child = FORK();
		touch_together(at);
		if (child == 0)
			_exit(0);
		CHECK_EXIT(child, 0);
	}
}

TEST(threads_grow_a_stack_at_once)
{
	word local = 0;
	char *below = (char *)((uintptr_t)&local & ~(PAGE - 1)) - 4 * PAGES * PAGE;

	touch_together(below);
	CHECK_EQ(load(&local), 0);
}

/* --- what is taken away --- */

/* Adds 1 to its own word of each page again and again, where it is let. */
static void *write_all(void *arg)
{
	me = arg;
	while (!must_stop()) {
		for (int i = 0; i < PAGES; i++)
			try_add(common + i * PAGE + me->number * sizeof(word));
		add(&me->rounds, 1);
		sched_yield();
	}
	return NULL;
}

/* What PAGES pages hold does not change while each writer tries all of them. */
static void check_stays(char *at, char *copy)
{
	memcpy(copy, at, PAGES * PAGE);
	AWAIT_EACH(rounds);
	AWAIT_EACH(rounds);
	CHECK_EQ(memcmp(copy, at, PAGES * PAGE), 0);
}

TEST(nobody_writes_after_mprotect_says_so)
{
	char *copy = map_private(PAGES);

	common = map_private(PAGES);
	catch_faults();
	start(write_all, THREADS);
	for (int round = 0; round < 6; round++) {
		CONTEXT("round %d", round);
		CHECK_EQ(mprotect(common, PAGES * PAGE, PROT_READ), 0);
		check_stays(common, copy);
		AWAIT_EACH(refused);
		CHECK_EQ(mprotect(common, PAGES * PAGE, RW), 0);
		AWAIT_EACH(rounds);
	}
	stop(THREADS);
}

/* Each increment that was not refused is there, whatever became of the page's protection. */
static void *count_own(void *arg)
{
	me = arg;
	char *at = common + me->number * sizeof(word);
	while (!must_stop()) {
		if (!try_add(at) || add(&me->rounds, 1) % 64 == 0)
			sched_yield();
	}
	return NULL;
}

TEST(no_write_is_lost_to_mprotect)
{
	common = map_private(1);
	catch_faults();
	start(count_own, THREADS);
	for (int round = 0; round < 8; round++) {
		CHECK_EQ(mprotect(common, PAGE, round % 2 ? PROT_READ : PROT_NONE), 0);
		AWAIT_EACH(refused);
		CHECK_EQ(mprotect(common, PAGE, RW), 0);
		AWAIT_EACH(rounds);
	}
	stop(THREADS);
	for (int i = 0; i < THREADS; i++)
		CHECK_EQ(load(common + i * sizeof(word)), workers[i].rounds);
}

/* The frames that munmap gave back serve others at once, and no late write finds them. */
TEST(frames_of_unmapped_pages_are_left_alone)
{
	char *copy = map_private(PAGES);

	common = map_private(PAGES);
	catch_faults();
	start(write_all, THREADS);
	for (int round = 0; round < 6; round++) {
		CONTEXT("round %d", round);
		char *other = map_private(PAGES);
		AWAIT_EACH(rounds);
		if (round % 2)
			CHECK_EQ(munmap(common, PAGES * PAGE), 0);
		else
			CHECK_EQ(madvise(common, PAGES * PAGE, MADV_DONTNEED), 0);
		memset(other, round + 1, PAGES * PAGE);
		check_stays(other, copy);
		CHECK_EQ(munmap(other, PAGES * PAGE), 0);
		map_at(common, PAGES, RW, MAP_PRIVATE);
	}
	stop(THREADS);
}

TEST(pages_that_moved_are_left_alone)
{
	char *away = map_private(PAGES), *copy = map_private(PAGES);

	common = map_private(PAGES);
	catch_faults();
	start(write_all, THREADS);
	for (int round = 0; round < 6; round++) {
		CONTEXT("round %d", round);
		AWAIT_EACH(rounds);
		move_to(common, PAGES, away);
		check_stays(away, copy);
		AWAIT_EACH(refused);
		for (int i = 0; i < PAGES; i++)
			for (int w = 0; w < THREADS; w++)
				CHECK(load(away + i * PAGE + w * sizeof(word)) > 0);
		move_to(away, PAGES, common);
	}
	stop(THREADS);
}

/* No page that a file has lost stays mapped: whoever writes to the mapping writes to the file. */
TEST(truncation_takes_mapped_pages_away)
{
	int fd = new_file(PAGES);

	common = mmap(NULL, PAGES * PAGE, RW, MAP_SHARED, fd, 0);
	CHECK(common != MAP_FAILED);
	catch_faults();
	start(write_all, THREADS);
	for (word round = 1; round <= 16; round++) {
		const size_t last = sizeof(word) * THREADS;

		CONTEXT("round %d", (int)round);
		AWAIT_EACH(rounds);
		CHECK_EQ(ftruncate(fd, 0), 0);
		if (round % 2)
			AWAIT_EACH(refused);
		CHECK_EQ(ftruncate(fd, (off_t)(PAGES * PAGE)), 0);
		for (size_t i = 0; i < PAGES; i++) {
			word value = 0;
			off_t at = (off_t)(i * PAGE + last);

			CHECK_EQ(load(common + i * PAGE + last), 0);
			store(common + i * PAGE + last, round);
			CHECK_EQ(pread(fd, &value, sizeof(value), at), sizeof(value));
			CHECK_EQ(value, round);
		}
	}
	stop(THREADS);
}

/* --- fork in the middle --- */

/* Two words of each thread, as many pages apart as there are: the first is never behind. */
static char *first_of(int number)
{
	return common + number * sizeof(word);
}

static char *second_of(int number)
{
	return first_of(number) + (PAGES - 1) * PAGE;
}

static void *step_both(void *arg)
{
	struct worker *worker = arg;
	char *low = first_of(worker->number), *high = second_of(worker->number);

	while (!must_stop()) {
		add(worker->number % 2 ? low : high, 1);
		add(worker->number % 2 ? high : low, 1);
		if (add(&worker->rounds, 1) % 256 == 0)
			sched_yield();
	}
	return NULL;
}

/* The child's memory is of one moment, and stays so. */
static void check_moment(void)
{
	word seen[THREADS][2];

	for (int i = 0; i < THREADS; i++) {
		word low = seen[i][0] = load(first_of(i)), high = seen[i][1] = load(second_of(i));
		word ahead = i % 2 ? low - high : high - low;

		CHECK(ahead <= 1);
	}
	for (int i = 0; i < 20; i++)
		sched_yield();
	for (int i = 0; i < THREADS; i++) {
		CHECK_EQ(load(first_of(i)), seen[i][0]);
		CHECK_EQ(load(second_of(i)), seen[i][1]);
		store(first_of(i), 0); /* nobody else's */
		store(second_of(i), 0);
	}
}

/* Forks beside the threads, which all go on between two forks: each child looks at its memory. */
static void look_from_children(void (*look)(void))
{
	for (int round = 0; round < 8; round++) {
		AWAIT_EACH(rounds);
		pid_t child = FORK();
		if (child == 0) {
			look();
			_exit(0);
		}
		CHECK_EXIT(child, 0);
	}
}

TEST(fork_copies_one_moment)
{
	common = map_private(PAGES);
	memset(common, 0, PAGES * PAGE);
	start(step_both, THREADS);
	look_from_children(check_moment);
	stop(THREADS);
	for (int i = 0; i < THREADS; i++) {
		CHECK_EQ(load(first_of(i)), workers[i].rounds);
		CHECK_EQ(load(second_of(i)), workers[i].rounds);
	}
}

/* The same by the kernel's hand: process_vm_writev to oneself. */
static void *write_by_kernel(void *arg)
{
	struct worker *worker = arg;
	struct iovec remote = { common + (size_t)worker->number * PAGE, sizeof(word) };
	word value;

	while (!must_stop()) {
		struct iovec local = { &value, sizeof(value) };

		value = add(&worker->rounds, 1);
		CHECK_EQ(process_vm_writev(getpid(), &local, 1, &remote, 1, 0), sizeof(value));
		CHECK_EQ(load(remote.iov_base), value);
		if (value % 16 == 0)
			sched_yield();
	}
	return NULL;
}

static void check_unchanged(void)
{
	word seen[THREADS];

	for (int i = 0; i < THREADS; i++)
		seen[i] = load(common + i * PAGE);
	for (int i = 0; i < 20; i++)
		sched_yield();
	for (int i = 0; i < THREADS; i++)
		CHECK_EQ(load(common + i * PAGE), seen[i]);
}

TEST(a_child_is_not_written_to_with_its_parent)
{
	common = map_private(THREADS);
	start(write_by_kernel, THREADS);
	look_from_children(check_unchanged);
	stop(THREADS);
}

/* Every thread forks; the children check, and write to, what they all share. */
static void *fork_many(void *arg)
{
	struct worker *worker = arg;
	char *mine = common + (size_t)worker->number * PAGE;

	for (word round = 1; round <= 15; round++) {
		store(mine, round);
		pid_t child = FORK();
		if (child == 0) {
			CHECK_EQ(load(mine), round);
			for (int i = 0; i < THREADS; i++)
				store(common + i * PAGE, 99);
			_exit(0);
		}
		CHECK_EXIT(child, 0);
		CHECK_EQ(load(mine), round);
	}
	return NULL;
}

TEST(every_thread_forks)
{
	common = map_private(THREADS);
	start(fork_many, THREADS);
	join(THREADS);
}

/* --- the set of areas --- */

static void *map_and_unmap(void *arg)
{
	struct worker *worker = arg;

	for (int round = 0; round < 40; round++) {
		size_t pages = 1 + (size_t)(round * 7 + worker->number) % 8;
		size_t size = pages * PAGE;
		char *at = map_private(pages), tag = (char)(worker->number * 30 + round % 30 + 1);

		memset(at, tag, pages * PAGE);
		if (round % 3 == 0)
			CHECK_EQ(mprotect(at, PAGE, PROT_READ), 0);
		if (round % 5 == 0) {
			char *to = mremap(at, pages * PAGE, 2 * pages * PAGE, MREMAP_MAYMOVE);

			/* not of two areas, which mprotect made of it */
			CHECK((to != MAP_FAILED) == (round % 3 != 0 || pages == 1));
			if (to != MAP_FAILED) {
				at = to;
				size *= 2;
			}
		}
		sched_yield();
		for (size_t i = 0; i < pages * PAGE; i += 64)
			CHECK_EQ(at[i], tag);
		CHECK_EQ(munmap(at, size), 0);
	}
	return NULL;
}

TEST(areas_of_several_threads_do_not_meet)
{
	start(map_and_unmap, THREADS);
	join(THREADS);
}

enum { BREAK_PAGES = 32 };
static char *break_start;

/* No allocation may come between: the break is the C library's, too. */
static void *move_break(void *arg)
{
	struct worker *worker = arg;

	for (int round = 0; round < 40; round++) {
		size_t pages = (size_t)(round * 13 + worker->number * 5) % BREAK_PAGES;
		char *now = (char *)syscall(SYS_brk, break_start + pages * PAGE);

		if (now < break_start || now > break_start + BREAK_PAGES * PAGE)
			FAIL("the break is at %p", (void *)now);
	}
	return NULL;
}

TEST(threads_move_the_break)
{
	char *old = (char *)syscall(SYS_brk, NULL);

	break_start = (char *)(((uintptr_t)old + PAGE - 1) & ~(PAGE - 1));
	start(move_break, THREADS);
	join(THREADS);
	char *now = (char *)syscall(SYS_brk, NULL);
	CHECK(now >= break_start && now < break_start + BREAK_PAGES * PAGE);
	if (now > break_start)
		memset(break_start, 1, (size_t)(now - break_start));
	CHECK_SEGV(poke(now, 1));
	CHECK_EQ(syscall(SYS_brk, old), (long)old);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
