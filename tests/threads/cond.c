/* Condition variables: signal, broadcast, time-outs by both clocks, between processes, a storm. */
#include "say.h"

enum { WAITERS = 16, ITEMS = 20000, SLOTS = 4 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER, empty = PTHREAD_COND_INITIALIZER;
static int waiting, turns, woken;

static void *wait_for_turn(void *unused)
{
	must(pthread_mutex_lock(&mutex), "lock");
	waiting++;
	while (turns == 0)
		must(pthread_cond_wait(&cond, &mutex), "wait");
	turns--;
	woken++;
	must(pthread_mutex_unlock(&mutex), "unlock");
	return unused;
}

static int locked_read(const int *value)
{
	must(pthread_mutex_lock(&mutex), "lock");
	int seen = *value;
	must(pthread_mutex_unlock(&mutex), "unlock");
	return seen;
}

static void signal_and_broadcast(void)
{
	pthread_t threads[WAITERS];

	for (int i = 0; i < WAITERS; i++)
		threads[i] = start(wait_for_turn, NULL);
	while (locked_read(&waiting) != WAITERS)
		sched_yield();
	for (int i = 1; i <= WAITERS / 2; i++) {
		must(pthread_mutex_lock(&mutex), "lock");
		turns++;
		must(pthread_cond_signal(&cond), "signal");
		must(pthread_mutex_unlock(&mutex), "unlock");
		while (locked_read(&woken) != i)
			sched_yield();
	}
	say("%d signals have woken %d", WAITERS / 2, locked_read(&woken));
	must(pthread_mutex_lock(&mutex), "lock");
	turns = WAITERS;
	must(pthread_cond_broadcast(&cond), "broadcast");
	must(pthread_mutex_unlock(&mutex), "unlock");
	for (int i = 0; i < WAITERS; i++)
		join(threads[i]);
	say("and a broadcast all: %d, with %d turns left", woken, turns);
}

static void time_out(const char *name, clockid_t clock)
{
	pthread_condattr_t attributes;
	pthread_cond_t timed;
	struct timespec soon;

	must(pthread_condattr_init(&attributes), "condattr_init");
	must(pthread_condattr_setclock(&attributes, clock), "setclock");
	must(pthread_cond_init(&timed, &attributes), "cond_init");
	must(pthread_mutex_lock(&mutex), "lock");
	soon = in_ms(clock, 50);
	int error;
	while ((error = pthread_cond_timedwait(&timed, &mutex, &soon)) == 0)
		;
	say("%s: %s, not before its time: %d", name, named(error), is_past(clock, soon));
	soon.tv_sec -= 2;
	say("in the past: %s", named(pthread_cond_timedwait(&timed, &mutex, &soon)));
	say("and the mutex is held: %s", named(pthread_mutex_trylock(&mutex)));
	must(pthread_mutex_unlock(&mutex), "unlock");
	must(pthread_cond_destroy(&timed), "destroy");
}

static int ring[SLOTS], head, tail;

static void *consume(void *unused)
{
	long sum = 0;

	(void)unused;
	for (;;) {
		must(pthread_mutex_lock(&mutex), "lock");
		while (head == tail)
			must(pthread_cond_wait(&cond, &mutex), "wait");
		int item = ring[tail++ % SLOTS];
		must(pthread_cond_signal(&empty), "signal");
		must(pthread_mutex_unlock(&mutex), "unlock");
		if (item == 0)
			return (void *)sum;
		sum += item;
	}
}

static void produce(int item)
{
	must(pthread_mutex_lock(&mutex), "lock");
	while (head - tail == SLOTS)
		must(pthread_cond_wait(&empty, &mutex), "wait");
	ring[head++ % SLOTS] = item;
	must(pthread_cond_signal(&cond), "signal");
	must(pthread_mutex_unlock(&mutex), "unlock");
}

static void storm(void)
{
	pthread_t threads[4];
	long sum = 0;

	for (size_t i = 0; i < COUNT(threads); i++)
		threads[i] = start(consume, NULL);
	for (int i = 1; i <= ITEMS; i++)
		produce(i);
	for (size_t i = 0; i < COUNT(threads); i++)
		produce(0);
	for (size_t i = 0; i < COUNT(threads); i++)
		sum += (long)join(threads[i]);
	say("%d items went through %d slots: %ld", ITEMS, SLOTS, sum);
}

struct common {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	int turn;
};

/* Takes the turns of parity mine. */
static void play(struct common *common, int mine)
{
	for (int i = 0; i < 2000; i++) {
		must(pthread_mutex_lock(&common->mutex), "lock");
		while (common->turn % 2 != mine)
			must(pthread_cond_wait(&common->cond, &common->mutex), "wait");
		common->turn++;
		must(pthread_cond_signal(&common->cond), "signal");
		must(pthread_mutex_unlock(&common->mutex), "unlock");
	}
}

static void between_processes(void)
{
	struct common *common = shared(sizeof(*common));
	pthread_mutexattr_t for_mutex;
	pthread_condattr_t for_cond;
	pid_t pid;

	must(pthread_mutexattr_init(&for_mutex), "mutexattr_init");
	must(pthread_mutexattr_setpshared(&for_mutex, PTHREAD_PROCESS_SHARED), "setpshared");
	must(pthread_condattr_init(&for_cond), "condattr_init");
	must(pthread_condattr_setpshared(&for_cond, PTHREAD_PROCESS_SHARED), "setpshared");
	must(pthread_mutex_init(&common->mutex, &for_mutex), "mutex_init");
	must(pthread_cond_init(&common->cond, &for_cond), "cond_init");
	pid = done(fork(), "fork");
	play(common, pid == 0);
	if (pid == 0)
		_exit(0);
	say_end("the other player", pid);
	say("two processes took turns %d times", common->turn);
}

int main(void)
{
	signal_and_broadcast();
	time_out("CLOCK_REALTIME", CLOCK_REALTIME);
	time_out("CLOCK_MONOTONIC", CLOCK_MONOTONIC);
	storm();
	between_processes();
	return 0;
}
