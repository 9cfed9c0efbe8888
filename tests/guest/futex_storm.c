/*
 * No wake-up is lost: many hand-overs between tasks that have nothing but futexes to know of each
 * other. A lost one hangs the program, which its runner then ends; the work is bounded by numbers,
 * not by time (needs: any fork). Source: futex(2); the mutex is the second of U. Drepper, "Futexes
 * Are Tricky".
 */
#include "futex.h"

enum { HANDOVERS = 1000000, PAIRS = 8, TURNS = HANDOVERS / PAIRS };

static volatile uint32_t *words;

static void give(volatile uint32_t *word, uint32_t value)
{
	__atomic_store_n(word, value, __ATOMIC_SEQ_CST);
	CHECK(futex_wake(word, 1) >= 0);
}

static void await_turn(volatile uint32_t *word, uint32_t value)
{
	for (uint32_t now; (now = word_of(word)) != value;)
		CHECK(futex_wait(word, now) == 0 || errno == EAGAIN);
}

/* Pairs of processes take turns, each pair on a word that counts them. As many as keep some
 * processors busy: the hand-overs are then as fast as switching. */
static void take_turns(volatile uint32_t *word, uint32_t first, bool tells)
{
	for (uint32_t turn = first; turn < TURNS; turn += 2) {
		await_turn(word, turn);
		give(word, turn + 1);
		if (tells && turn % 10000 == 0)
			DIAG("%u hand-overs of each pair", turn);
	}
}

TEST(a_million_handovers)
{
	pid_t pids[2 * PAIRS];

	words = shared_memory(4096);
	for (uint32_t i = 0; i < ARRAY_SIZE(pids); i++) {
		pids[i] = FORK();
		if (pids[i] == 0) {
			take_turns(&words[i / 2 * 16], i % 2, i == 0);
			_exit(0);
		}
	}
	for (uint32_t i = 0; i < ARRAY_SIZE(pids); i++)
		CHECK_EXIT(pids[i], 0);
	for (int i = 0; i < PAIRS; i++)
		CHECK_EQ(words[i * 16], TURNS);
}

/* Tokens go round a ring of tasks, each of which sleeps on a word of its own. */
TEST(a_ring)
{
	enum { TASKS = 8, ROUNDS = 1500 };
	pid_t pids[TASKS];

	words = shared_memory(4096);
	for (uint32_t i = 0; i < TASKS; i++) {
		pids[i] = FORK();
		if (pids[i] == 0) {
			for (uint32_t round = 1; round <= ROUNDS; round++) {
				await_turn(&words[i * 16], round);
				give(&words[(i + 1) % TASKS * 16], round + (i + 1 == TASKS));
			}
			_exit(0);
		}
	}
	give(&words[0], 1);
	for (int i = 0; i < TASKS; i++)
		CHECK_EXIT(pids[i], 0);
	CHECK_EQ(words[0], ROUNDS + 1);
}

/* 0: free, 1: taken, 2: taken, and somebody may wait. */
static void mutex_take(volatile uint32_t *mutex)
{
	uint32_t seen = 0;

	if (__atomic_compare_exchange_n(mutex, &seen, 1, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return;
	if (seen != 2)
		seen = __atomic_exchange_n(mutex, 2, __ATOMIC_SEQ_CST);
	while (seen != 0) {
		futex_wait(mutex, 2);
		seen = __atomic_exchange_n(mutex, 2, __ATOMIC_SEQ_CST);
	}
}

static void mutex_give(volatile uint32_t *mutex)
{
	if (__atomic_exchange_n(mutex, 0, __ATOMIC_SEQ_CST) == 2)
		CHECK(futex_wake(mutex, 1) >= 0);
}

/* Eight tasks on four mutexes, each of which guards a number that only it makes safe. */
TEST(eight_on_four)
{
	enum { TASKS = 8, MUTEXES = 4, TIMES = 20000 };
	pid_t pids[TASKS];
	uint32_t sum = 0;

	words = shared_memory(4096);
	for (uint32_t i = 0; i < TASKS; i++) {
		pids[i] = FORK();
		if (pids[i] == 0) {
			uint32_t state = i + 1;

			for (int n = 0; n < TIMES; n++) {
				volatile uint32_t *mutex =
					&words[next_random(&state) % MUTEXES * 2];

				mutex_take(mutex);
				uint32_t was = mutex[1];
				if (n % 64 == 0)
					sched_yield(); /* with the mutex held */
				mutex[1] = was + 1;
				mutex_give(mutex);
			}
			_exit(0);
		}
	}
	for (int i = 0; i < TASKS; i++)
		CHECK_EXIT(pids[i], 0);
	for (int i = 0; i < MUTEXES; i++) {
		CHECK_EQ(words[i * 2], 0);
		sum += words[i * 2 + 1];
	}
	CHECK_EQ(sum, TASKS * TIMES);
}

/*
 * Sleepers are moved among four words, woken there, time out and are hit by signals all at once;
 * what every wake-up and move said it did, and what every sleeper says happened to it, must agree.
 */
enum { WORDS = 4, SLEEPERS = 6, MOVERS = 2, MOVES = 6000 };

static struct {
	volatile uint32_t words[WORDS];
	volatile uint32_t woken;  /* as the sleepers have it */
	volatile uint32_t wakes;  /* as the wakers have it */
	volatile uint32_t movers; /* still at work */
} * storm;

static void note(int signal)
{
	(void)signal;
}

static void sleep_in_the_storm(uint32_t seed)
{
	struct sigaction action = { .sa_handler = note };
	uint32_t state = seed;

	CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
	while (word_of(&storm->movers)) {
		struct timespec brief = { 0, 1 + next_random(&state) % 2000000 };
		long result = futex(&storm->words[next_random(&state) % WORDS], FUTEX_WAIT, 0,
				    &brief, NULL, 0);

		if (result == 0)
			__atomic_fetch_add(&storm->woken, 1, __ATOMIC_SEQ_CST);
		else
			CHECK(errno == ETIMEDOUT || errno == EINTR);
	}
}

static void move_in_the_storm(uint32_t seed, const pid_t *sleepers)
{
	uint32_t state = seed, wakes = 0;

	for (int i = 0; i < MOVES; i++) {
		volatile uint32_t *from = &storm->words[next_random(&state) % WORDS];
		volatile uint32_t *to = &storm->words[next_random(&state) % WORDS];
		long done;

		switch (next_random(&state) % 4) {
		case 0:
			done = futex_wake(from, 1 + next_random(&state) % 3);
			CHECK(done >= 0);
			wakes += (uint32_t)done;
			break;
		case 1: /* move only */
			CHECK(futex(from, FUTEX_CMP_REQUEUE, 0, NUMBER(INT_MAX), to, 0) >= 0);
			break;
		case 2: /* SET 0, never true: wakes only at the first */
			done = futex(from, FUTEX_WAKE_OP, 1, NUMBER(1), to,
				     (uint32_t)FUTEX_OP(FUTEX_OP_SET, 0, FUTEX_OP_CMP_NE, 0));
			CHECK(done >= 0);
			wakes += (uint32_t)done;
			break;
		default:
			CHECK_EQ(kill(sleepers[next_random(&state) % SLEEPERS], SIGUSR1), 0);
		}
	}
	__atomic_fetch_add(&storm->wakes, wakes, __ATOMIC_SEQ_CST);
	__atomic_fetch_sub(&storm->movers, 1, __ATOMIC_SEQ_CST);
}

TEST(a_storm_on_four_words)
{
	pid_t sleepers[SLEEPERS], movers[MOVERS];

	storm = shared_memory(sizeof(*storm));
	storm->movers = MOVERS;
	CHECK(signal(SIGUSR1, SIG_IGN) != SIG_ERR); /* until a sleeper has its handler */
	for (uint32_t i = 0; i < SLEEPERS; i++) {
		sleepers[i] = FORK();
		if (sleepers[i] == 0) {
			sleep_in_the_storm(i + 100);
			_exit(0);
		}
	}
	for (uint32_t i = 0; i < MOVERS; i++) {
		movers[i] = FORK();
		if (movers[i] == 0) {
			move_in_the_storm(i + 1, sleepers);
			_exit(0);
		}
	}
	for (int i = 0; i < MOVERS; i++)
		CHECK_EXIT(movers[i], 0);
	for (int i = 0; i < SLEEPERS; i++)
		CHECK_EXIT(sleepers[i], 0);
	CHECK_EQ(storm->woken, storm->wakes);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
