/*
 * Futexes among threads: private ones, which only the threads of one process meet at; robust
 * mutexes at a thread's end; no wake-up lost in a million hand-overs (needs: any fork).
 * Sources: futex(2), pthread_mutexattr_setrobust(3).
 */
#include "futex.h"
#include <pthread.h>

static volatile uint32_t word, other;

/* A thread's number as soon as it has one, and its state. */
struct thread {
	pthread_t thread;
	volatile pid_t tid;
	volatile uint32_t *word;
	int operation;
	long result;
};

static void *sleep_on(void *argument)
{
	struct thread *self = argument;

	__atomic_store_n(&self->tid, gettid(), __ATOMIC_SEQ_CST);
	self->result = futex(self->word, self->operation, 0, NULL, NULL, FUTEX_BITSET_MATCH_ANY);
	return NULL;
}

static char thread_state(pid_t tid)
{
	char path[64], text[512];

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)tid);
	CHECK(read_text(path, text, sizeof(text)) > 0);
	return strrchr(text, ')')[2];
}

/* Returns when the thread is asleep. */
static void begin(struct thread *thread, volatile uint32_t *at, int operation)
{
	*thread = (struct thread){ .word = at, .operation = operation };
	CHECK_EQ(pthread_create(&thread->thread, NULL, sleep_on, thread), 0);
	while (!__atomic_load_n(&thread->tid, __ATOMIC_SEQ_CST) || thread_state(thread->tid) != 'S')
		pause_briefly();
}

static void finish(struct thread *thread)
{
	CHECK_EQ(pthread_join(thread->thread, NULL), 0);
	CHECK_EQ(thread->result, 0);
}

static long wake_private(volatile uint32_t *at)
{
	return futex(at, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

TEST(private_and_shared_are_two)
{
	struct thread private, shared;

	begin(&private, &word, FUTEX_WAIT_PRIVATE);
	begin(&shared, &word, FUTEX_WAIT);
	CHECK_EQ(wake_private(&word), 1);
	finish(&private);
	CHECK_EQ(wake_private(&word), 0);
	CHECK_EQ(futex_wake(&word, INT_MAX), 1);
	finish(&shared);
	/* in memory that is shared with others, too */
	volatile uint32_t *at = shared_memory(4096);
	begin(&private, at, FUTEX_WAIT_PRIVATE);
	begin(&shared, at, FUTEX_WAIT);
	CHECK_EQ(wake_private(at), 1);
	finish(&private);
	CHECK_EQ(futex_wake(at, INT_MAX), 1);
	finish(&shared);
}

TEST(private_requeue_and_wake_op)
{
	struct thread threads[3];

	for (int i = 0; i < 3; i++)
		begin(&threads[i], &word, FUTEX_WAIT_PRIVATE);
	CHECK_EQ(futex(&word, FUTEX_CMP_REQUEUE, 1, NUMBER(2), &other, 0), 0);
	CHECK_EQ(futex(&word, FUTEX_CMP_REQUEUE_PRIVATE, 1, NUMBER(1), &other, 0), 2);
	CHECK_EQ(futex(&word, FUTEX_WAKE_OP_PRIVATE, 1, NUMBER(1), &other,
		       FUTEX_OP(FUTEX_OP_SET, 5, FUTEX_OP_CMP_EQ, 0)),
		 2);
	CHECK_EQ(other, 5);
	for (int i = 0; i < 3; i++)
		finish(&threads[i]);
	other = 0;
}

/* The word's page is copied for a child while a thread sleeps on it: it stays the same futex. */
TEST(a_fork_under_a_sleeper)
{
	struct thread threads[2];

	begin(&threads[0], &word, FUTEX_WAIT_PRIVATE);
	begin(&threads[1], &word, FUTEX_WAIT);
	pid_t pid = FORK();
	if (pid == 0) {
		CHECK_EQ(wake_private(&word), 0);
		CHECK_EQ(futex_wake(&word, INT_MAX), 0);
		_exit(0);
	}
	CHECK_EXIT(pid, 0);
	CHECK_EQ(wake_private(&word), 1);
	CHECK_EQ(futex_wake(&word, INT_MAX), 1);
	finish(&threads[0]);
	finish(&threads[1]);
}

/* The sleeper's memory goes away under it. A private key is an address; an object's is gone. */
TEST(memory_unmapped_under_a_sleeper)
{
	volatile uint32_t *own =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	volatile uint32_t *shared = shared_memory(4096), *alias;
	struct thread threads[2];

	CHECK(own != MAP_FAILED);
	alias = mremap((void *)shared, 0, 4096, MREMAP_MAYMOVE);
	CHECK(alias != MAP_FAILED);
	begin(&threads[0], own, FUTEX_WAIT_PRIVATE);
	begin(&threads[1], shared, FUTEX_WAIT);
	CHECK_EQ(munmap((void *)own, 4096), 0);
	CHECK_EQ(munmap((void *)shared, 4096), 0);
	CHECK_EQ(futex_wake(alias, INT_MAX), 1);
	CHECK_EQ(wake_private(own), 1);
	finish(&threads[0]);
	finish(&threads[1]);
}

/* ---- the end of a thread --------------------------------------------------------------------- */

static void *hold(void *mutex)
{
	CHECK_EQ(pthread_mutex_lock(mutex), 0);
	return NULL;
}

static void *take_over(void *mutex)
{
	CHECK_EQ(pthread_mutex_lock(mutex), EOWNERDEAD);
	CHECK_EQ(pthread_mutex_consistent(mutex), 0);
	return mutex;
}

/* Each thread ends with the mutex held, and all who come after find that out, asleep or not. */
TEST(robust_mutexes)
{
	enum { THREADS = 5 };
	pthread_mutexattr_t attributes;
	pthread_t threads[THREADS], first;
	pthread_mutex_t mutex;
	void *result;

	CHECK_EQ(pthread_mutexattr_init(&attributes), 0);
	CHECK_EQ(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST), 0);
	CHECK_EQ(pthread_mutex_init(&mutex, &attributes), 0);
	CHECK_EQ(pthread_create(&first, NULL, hold, &mutex), 0);
	CHECK_EQ(pthread_join(first, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, take_over, &mutex), 0);
	for (int i = 0; i < THREADS; i++) {
		CHECK_EQ(pthread_join(threads[i], &result), 0);
		CHECK(result == &mutex);
	}
	CHECK_EQ(pthread_mutex_trylock(&mutex), EOWNERDEAD);
	CHECK_EQ(pthread_mutex_unlock(&mutex), 0); /* not made consistent: of no use any more */
	CHECK_EQ(pthread_mutex_lock(&mutex), ENOTRECOVERABLE);
}

/* ---- many ------------------------------------------------------------------------------------ */

/* As in futex_storm.c: pairs take turns, each on a word that counts them. */
enum { HANDOVERS = 1000000, PAIRS = 8, TURNS = HANDOVERS / PAIRS };

static struct player {
	pthread_t thread;
	volatile uint32_t *word;
	uint32_t first;
	bool tells;
} players[2 * PAIRS];

static void *take_turns(void *argument)
{
	const struct player *player = argument;
	volatile uint32_t *at = player->word;

	for (uint32_t turn = player->first; turn < TURNS; turn += 2) {
		for (uint32_t now; (now = word_of(at)) != turn;)
			futex(at, FUTEX_WAIT_PRIVATE, now, NULL, NULL, 0);
		__atomic_store_n(at, turn + 1, __ATOMIC_SEQ_CST);
		futex(at, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
		if (player->tells && turn % 10000 == 0)
			DIAG("%u hand-overs of each pair", turn);
	}
	return NULL;
}

TEST(a_million_handovers)
{
	static volatile uint32_t words[PAIRS][16];

	for (uint32_t i = 0; i < ARRAY_SIZE(players); i++) {
		players[i] = (struct player){ .word = words[i / 2], .first = i % 2, .tells = !i };
		CHECK_EQ(pthread_create(&players[i].thread, NULL, take_turns, &players[i]), 0);
	}
	for (uint32_t i = 0; i < ARRAY_SIZE(players); i++)
		CHECK_EQ(pthread_join(players[i].thread, NULL), 0);
	for (int i = 0; i < PAIRS; i++)
		CHECK_EQ(words[i][0], TURNS);
}

/* Hundreds sleep on one word; all are woken at once. */
TEST(a_crowd)
{
	enum { THREADS = 400 };
	static struct thread threads[THREADS];
	pthread_attr_t attributes;
	long woken = 0;

	CHECK_EQ(pthread_attr_init(&attributes), 0);
	CHECK_EQ(pthread_attr_setstacksize(&attributes, 16384), 0);
	for (int i = 0; i < THREADS; i++) {
		threads[i] = (struct thread){ .word = &word, .operation = FUTEX_WAIT_PRIVATE };
		CHECK_EQ(pthread_create(&threads[i].thread, &attributes, sleep_on, &threads[i]), 0);
	}
	while (woken < THREADS) {
		woken += wake_private(&word);
		pause_briefly();
	}
	CHECK_EQ(woken, THREADS);
	for (int i = 0; i < THREADS; i++)
		finish(&threads[i]);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
