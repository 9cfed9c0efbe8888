/* Cancellation: deferred, asynchronous, disabled, of blocked calls, with cleanup handlers. */
#include "say.h"
#include <semaphore.h>

static int ready, cleaned, ends[2];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static sem_t semaphore;

static void clean(void *amount)
{
	__atomic_add_fetch(&cleaned, (int)(intptr_t)amount, __ATOMIC_SEQ_CST);
}

static void unlock(void *unused)
{
	(void)unused;
	must(pthread_mutex_unlock(&mutex), "unlock");
}

static void cancel(const char *what, void *(*function)(void *))
{
	cleaned = ready = 0;
	pthread_t thread = start(function, NULL);
	await(&ready, 1);
	must(pthread_cancel(thread), "cancel");
	void *result = join(thread);
	say("%s: cancelled: %d, cleaned %d", what, result == PTHREAD_CANCELED, cleaned);
}

static void *reads(void *byte)
{
	pthread_cleanup_push(clean, (void *)1);
	pthread_cleanup_push(clean, (void *)10);
	set(&ready, 1);
	(void)!read(ends[0], &byte, 1);
	pthread_cleanup_pop(0);
	pthread_cleanup_pop(0);
	return NULL;
}

static void *waits(void *unused)
{
	must(pthread_mutex_lock(&mutex), "lock");
	pthread_cleanup_push(unlock, NULL);
	pthread_cleanup_push(clean, (void *)2);
	set(&ready, 1);
	for (;;)
		must(pthread_cond_wait(&cond, &mutex), "wait");
	pthread_cleanup_pop(0);
	pthread_cleanup_pop(0);
	return unused;
}

static void *waits_for_semaphore(void *unused)
{
	pthread_cleanup_push(clean, (void *)3);
	set(&ready, 1);
	sem_wait(&semaphore);
	pthread_cleanup_pop(0);
	return unused;
}

static void *sleeps(void *unused)
{
	set(&ready, 1);
	sleep(1000);
	return unused;
}

static void *pauses(void *unused)
{
	set(&ready, 1);
	pause();
	return unused;
}

static void *joins_itself_never(void *unused)
{
	pthread_t other = start(pauses, NULL);

	(void)unused;
	await(&ready, 1);
	join(other);
	return NULL;
}

static pid_t child;

static void *waits_for_child(void *unused)
{
	child = done(fork(), "fork");
	if (child == 0) {
		for (;;)
			pause();
	}
	pthread_cleanup_push(clean, (void *)4);
	set(&ready, 1);
	waitpid(child, NULL, 0);
	pthread_cleanup_pop(0);
	return unused;
}

static void *computes(void *unused)
{
	must(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL), "setcanceltype");
	pthread_cleanup_push(clean, (void *)5);
	set(&ready, 1);
	for (;;)
		asm volatile("" : : : "memory");
	pthread_cleanup_pop(0);
	return unused;
}

static void *tests(void *unused)
{
	set(&ready, 1);
	for (;;)
		pthread_testcancel();
	return unused;
}

static int may_end;

static void *refuses(void *unused)
{
	int old;

	(void)unused;
	must(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old), "setcancelstate");
	set(&ready, 1);
	await(&may_end, 1);
	pthread_testcancel();
	usleep(1);
	clean((void *)100);
	must(pthread_setcancelstate(old, &old), "setcancelstate");
	pthread_testcancel();
	clean((void *)1000);
	return NULL;
}

static void *exits(void *unused)
{
	pthread_cleanup_push(clean, (void *)6);
	pthread_exit((void *)66);
	pthread_cleanup_pop(0);
	return unused;
}

static void *cleans_itself(void *unused)
{
	pthread_cleanup_push(clean, (void *)7);
	pthread_cleanup_push(clean, (void *)70);
	pthread_cleanup_pop(1);
	pthread_cleanup_pop(0);
	return unused;
}

/* What was in the pipe is still there: a cancelled read has not taken it. */
static void read_takes_nothing(void)
{
	char byte;

	must(write(ends[1], "x", 1) == 1 ? 0 : errno, "write");
	must(read(ends[0], &byte, 1) == 1 ? 0 : errno, "read");
	say("the pipe has %c", byte);
}

int main(void)
{
	done(pipe(ends), "pipe");
	done(sem_init(&semaphore, 0, 0), "sem_init");
	cancel("read", reads);
	read_takes_nothing();
	cancel("condition variable", waits);
	say("its mutex is free: %s", named(pthread_mutex_trylock(&mutex)));
	must(pthread_mutex_unlock(&mutex), "unlock");
	cancel("semaphore", waits_for_semaphore);
	cancel("sleep", sleeps);
	cancel("pause", pauses);
	cancel("join", joins_itself_never);
	cancel("waitpid", waits_for_child);
	kill(child, SIGKILL);
	say_end("the child is still there", child);
	cancel("asynchronous", computes);
	cancel("testcancel", tests);

	cleaned = ready = 0;
	pthread_t thread = start(refuses, NULL);
	await(&ready, 1);
	must(pthread_cancel(thread), "cancel");
	set(&may_end, 1);
	void *result = join(thread);
	say("disabled: cancelled later: %d, cleaned %d", result == PTHREAD_CANCELED, cleaned);

	cleaned = 0;
	result = join(start(exits, NULL));
	say("pthread_exit: %ld, cleaned %d", (long)result, cleaned);
	cleaned = 0;
	join(start(cleans_itself, NULL));
	say("pop: cleaned %d", cleaned);
	return 0;
}
