/* Barriers, read-write locks, spin locks and semaphores: unnamed, between processes, named. */
#include "say.h"
#include <fcntl.h>
#include <semaphore.h>

enum { THREADS = 6, ROUNDS = 500 };

static pthread_barrier_t barrier;
static int arrived[ROUNDS], serial, early;

static void *meet(void *unused)
{
	for (int i = 0; i < ROUNDS; i++) {
		__atomic_add_fetch(&arrived[i], 1, __ATOMIC_SEQ_CST);
		int result = pthread_barrier_wait(&barrier);
		if (result == PTHREAD_BARRIER_SERIAL_THREAD)
			__atomic_add_fetch(&serial, 1, __ATOMIC_SEQ_CST);
		else
			must(result, "barrier_wait");
		if (__atomic_load_n(&arrived[i], __ATOMIC_SEQ_CST) != THREADS)
			set(&early, 1);
	}
	return unused;
}

static void barriers(void)
{
	pthread_t threads[THREADS];

	say("a barrier for none: %s", named(pthread_barrier_init(&barrier, NULL, 0)));
	must(pthread_barrier_init(&barrier, NULL, THREADS), "barrier_init");
	for (int i = 0; i < THREADS; i++)
		threads[i] = start(meet, NULL);
	for (int i = 0; i < THREADS; i++)
		join(threads[i]);
	say("%d meetings: %d serial threads, nobody early: %d", ROUNDS, serial, !early);
	must(pthread_barrier_destroy(&barrier), "barrier_destroy");
}

static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static long first, second, torn;

static void *try_read(void *unused)
{
	int error = pthread_rwlock_tryrdlock(&rwlock);

	(void)unused;
	if (!error)
		must(pthread_rwlock_unlock(&rwlock), "unlock");
	return (void *)(intptr_t)error;
}

static void *try_write(void *unused)
{
	int error = pthread_rwlock_trywrlock(&rwlock);

	(void)unused;
	if (!error)
		must(pthread_rwlock_unlock(&rwlock), "unlock");
	return (void *)(intptr_t)error;
}

static void *timed_write(void *unused)
{
	struct timespec soon = in_ms(CLOCK_REALTIME, 30);

	(void)unused;
	return (void *)(intptr_t)pthread_rwlock_timedwrlock(&rwlock, &soon);
}

static void *reads(void *unused)
{
	for (int i = 0; i < ROUNDS; i++) {
		must(pthread_rwlock_rdlock(&rwlock), "rdlock");
		if (first != second)
			torn++;
		must(pthread_rwlock_unlock(&rwlock), "unlock");
	}
	return unused;
}

static void *writes(void *unused)
{
	for (int i = 0; i < ROUNDS; i++) {
		must(pthread_rwlock_wrlock(&rwlock), "wrlock");
		first++;
		if (i % 16 == 0)
			sched_yield();
		second++;
		must(pthread_rwlock_unlock(&rwlock), "unlock");
	}
	return unused;
}

static void rwlocks(void)
{
	pthread_t threads[THREADS];

	must(pthread_rwlock_rdlock(&rwlock), "rdlock");
	say("read beside a reader: %s", named((intptr_t)join(start(try_read, NULL))));
	say("write beside a reader: %s", named((intptr_t)join(start(try_write, NULL))));
	say("for some time: %s", named((intptr_t)join(start(timed_write, NULL))));
	must(pthread_rwlock_unlock(&rwlock), "unlock");
	must(pthread_rwlock_wrlock(&rwlock), "wrlock");
	say("read beside a writer: %s", named((intptr_t)join(start(try_read, NULL))));
	must(pthread_rwlock_unlock(&rwlock), "unlock");
	for (int i = 0; i < THREADS; i++)
		threads[i] = start(i % 2 ? reads : writes, NULL);
	for (int i = 0; i < THREADS; i++)
		join(threads[i]);
	say("written %ld times, seen half written %ld times", first, torn);
}

static pthread_spinlock_t spin;
static long counter;

static void *spins(void *unused)
{
	for (int i = 0; i < ROUNDS; i++) {
		must(pthread_spin_lock(&spin), "spin_lock");
		counter++;
		must(pthread_spin_unlock(&spin), "spin_unlock");
	}
	return unused;
}

static void spinlocks(void)
{
	pthread_t threads[THREADS];

	must(pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE), "spin_init");
	for (int i = 0; i < THREADS; i++)
		threads[i] = start(spins, NULL);
	for (int i = 0; i < THREADS; i++)
		join(threads[i]);
	must(pthread_spin_lock(&spin), "spin_lock");
	say("spinning: %ld; trylock: %s", counter, named(pthread_spin_trylock(&spin)));
}

static void *post_and_wait(void *semaphores)
{
	sem_t *both = semaphores;

	for (int i = 0; i < ROUNDS; i++) {
		done(sem_post(&both[0]), "sem_post");
		while (sem_wait(&both[1]) < 0)
			must(errno == EINTR ? 0 : errno, "sem_wait");
	}
	return NULL;
}

static void semaphores(void)
{
	sem_t *both = shared(2 * sizeof(*both));
	struct timespec soon;
	int value;

	done(sem_init(&both[0], 1, 0), "sem_init");
	done(sem_init(&both[1], 1, 0), "sem_init");
	say("trywait of 0: %s", named(sem_trywait(&both[0]) ? errno : 0));
	soon = in_ms(CLOCK_REALTIME, 30);
	say("timedwait: %s", named(sem_timedwait(&both[0], &soon) ? errno : 0));
	pthread_t thread = start(post_and_wait, both);
	for (int i = 0; i < ROUNDS; i++) {
		done(sem_wait(&both[0]), "sem_wait");
		done(sem_post(&both[1]), "sem_post");
	}
	join(thread);
	pid_t pid = done(fork(), "fork");
	if (pid == 0) {
		post_and_wait(both);
		_exit(0);
	}
	for (int i = 0; i < ROUNDS; i++) {
		done(sem_wait(&both[0]), "sem_wait");
		done(sem_post(&both[1]), "sem_post");
	}
	say_end("the other process", pid);
	done(sem_getvalue(&both[0], &value), "sem_getvalue");
	say("value %d", value);
}

static void named_semaphores(void)
{
	sem_t *semaphore = sem_open("/numbers", O_CREAT | O_EXCL, 0600, 1);
	int value;

	done(semaphore == SEM_FAILED ? -1 : 0, "sem_open");
	say("again: %s",
	    named(sem_open("/numbers", O_CREAT | O_EXCL, 0600, 1) == SEM_FAILED ? errno : 0));
	say("opened twice it is one: %d", sem_open("/numbers", 0) == semaphore);
	pid_t pid = done(fork(), "fork");
	if (pid == 0) {
		sem_t *mine = sem_open("/numbers", 0);
		done(sem_post(mine), "sem_post");
		_exit(0);
	}
	say_end("a child posts", pid);
	done(sem_wait(semaphore), "sem_wait");
	done(sem_getvalue(semaphore, &value), "sem_getvalue");
	say("value %d", value);
	done(sem_unlink("/numbers"), "sem_unlink");
	say("unlinked: %s", named(sem_open("/numbers", 0) == SEM_FAILED ? errno : 0));
	done(sem_close(semaphore), "sem_close");
}

int main(void)
{
	barriers();
	rwlocks();
	spinlocks();
	semaphores();
	named_semaphores();
	return 0;
}
