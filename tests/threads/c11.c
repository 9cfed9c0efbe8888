/* C11's threads. */
#include "say.h"
#include <threads.h>

enum { THREADS = 6, ROUNDS = 2000 };

static mtx_t mutex;
static cnd_t cond;
static tss_t key;
static long counter;
static int destroyed, called, go;
static thread_local int mine = 3;

static void destroy(void *value)
{
	__atomic_add_fetch(&destroyed, *(int *)value, __ATOMIC_SEQ_CST);
}

static void call(void)
{
	called++;
}

static int count(void *number)
{
	static once_flag once = ONCE_FLAG_INIT;

	call_once(&once, call);
	tss_set(key, number);
	mine += *(int *)number;
	mtx_lock(&mutex);
	while (!go)
		cnd_wait(&cond, &mutex);
	mtx_unlock(&mutex);
	for (int i = 0; i < ROUNDS; i++) {
		mtx_lock(&mutex);
		counter++;
		mtx_unlock(&mutex);
	}
	thrd_yield();
	if (*(int *)tss_get(key) != *(int *)number)
		return -1;
	thrd_exit(mine);
}

static int tries(void *unused)
{
	(void)unused;
	return mtx_trylock(&mutex) == thrd_busy;
}

int main(void)
{
	int numbers[THREADS], result;
	thrd_t threads[THREADS], other;
	struct timespec soon, little = { 0, 1000000 };

	mtx_init(&mutex, mtx_timed);
	cnd_init(&cond);
	tss_create(&key, destroy);
	for (int i = 0; i < THREADS; i++) {
		numbers[i] = i;
		if (thrd_create(&threads[i], count, &numbers[i]) != thrd_success)
			return 1;
	}
	mtx_lock(&mutex);
	go = 1;
	cnd_broadcast(&cond);
	mtx_unlock(&mutex);
	for (int i = 0; i < THREADS; i++) {
		thrd_join(threads[i], &result);
		say("thread %d returned %d", i, result);
	}
	say("counted to %ld; destroyed %d; called %d; mine is %d", counter, destroyed, called,
	    mine);
	mtx_lock(&mutex);
	thrd_create(&other, tries, NULL);
	thrd_join(other, &result);
	say("the other's trylock was busy: %d", result);
	soon = in_ms(CLOCK_REALTIME, 20);
	while ((result = cnd_timedwait(&cond, &mutex, &soon)) == thrd_success)
		;
	say("timed wait: %d", result == thrd_timedout);
	say("sleep: %d; equal: %d", thrd_sleep(&little, NULL),
	    thrd_equal(thrd_current(), thrd_current()) != 0);
	thrd_create(&other, tries, NULL);
	say("detach: %d", thrd_detach(other) == thrd_success);
	return 0;
}
