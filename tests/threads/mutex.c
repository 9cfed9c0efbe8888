/* Every kind of mutex: what each answers to its owner and to others, and that it excludes. */
#include "say.h"

enum { THREADS = 8, ROUNDS = 5000 };

static pthread_mutex_t mutex;
static long counter;

static void make(pthread_mutex_t *made, int type, int robust, int sharing)
{
	pthread_mutexattr_t attributes;

	must(pthread_mutexattr_init(&attributes), "mutexattr_init");
	must(pthread_mutexattr_settype(&attributes, type), "settype");
	must(pthread_mutexattr_setrobust(&attributes, robust), "setrobust");
	must(pthread_mutexattr_setpshared(&attributes, sharing), "setpshared");
	must(pthread_mutex_init(made, &attributes), "mutex_init");
	must(pthread_mutexattr_destroy(&attributes), "mutexattr_destroy");
}

static void *try_it(void *unused)
{
	(void)unused;
	return (void *)(intptr_t)pthread_mutex_trylock(&mutex);
}

static void *unlock_it(void *unused)
{
	(void)unused;
	return (void *)(intptr_t)pthread_mutex_unlock(&mutex);
}

static void *lock_and_end(void *which)
{
	must(pthread_mutex_lock(which), "lock");
	return NULL;
}

static void *count(void *which)
{
	for (int i = 0; i < ROUNDS; i++) {
		int error = pthread_mutex_lock(which);

		must(error == EOWNERDEAD ? 0 : error, "lock");
		long seen = counter;
		if (i % 64 == 0)
			sched_yield();
		counter = seen + 1;
		must(pthread_mutex_unlock(which), "unlock");
	}
	return NULL;
}

static void excludes(const char *what)
{
	pthread_t threads[THREADS];

	counter = 0;
	for (int i = 0; i < THREADS; i++)
		threads[i] = start(count, &mutex);
	for (int i = 0; i < THREADS; i++)
		join(threads[i]);
	say("%s: %d threads have counted to %ld", what, THREADS, counter);
}

static void types(void)
{
	static const struct {
		const char *name;
		int type;
	} kinds[] = { { "normal", PTHREAD_MUTEX_NORMAL },
		      { "errorcheck", PTHREAD_MUTEX_ERRORCHECK },
		      { "recursive", PTHREAD_MUTEX_RECURSIVE } };

	for (size_t i = 0; i < COUNT(kinds); i++) {
		for (int robust = 0; robust < 2; robust++) {
			make(&mutex, kinds[i].type, robust, PTHREAD_PROCESS_PRIVATE);
			must(pthread_mutex_lock(&mutex), "lock");
			say("%s%s: another's trylock: %s", kinds[i].name, robust ? " robust" : "",
			    named((intptr_t)join(start(try_it, NULL))));
			say("my own trylock: %s", named(pthread_mutex_trylock(&mutex)));
			if (kinds[i].type != PTHREAD_MUTEX_NORMAL) {
				say("my own lock: %s", named(pthread_mutex_lock(&mutex)));
				say("another's unlock: %s",
				    named((intptr_t)join(start(unlock_it, NULL))));
			}
			while (pthread_mutex_unlock(&mutex) == 0 &&
			       kinds[i].type == PTHREAD_MUTEX_RECURSIVE)
				;
			excludes(kinds[i].name);
			say("destroy: %s", named(pthread_mutex_destroy(&mutex)));
		}
	}
}

static void timed(void)
{
	struct timespec past = { 0 }, soon;

	make(&mutex, PTHREAD_MUTEX_ERRORCHECK, 0, PTHREAD_PROCESS_PRIVATE);
	say("timed lock of a free one: %s", named(pthread_mutex_timedlock(&mutex, &past)));
	must(pthread_mutex_unlock(&mutex), "unlock");
	join(start(lock_and_end, &mutex));
	say("of one that is held, in the past: %s", named(pthread_mutex_timedlock(&mutex, &past)));
	soon = in_ms(CLOCK_REALTIME, 50);
	say("soon: %s", named(pthread_mutex_timedlock(&mutex, &soon)));
	say("and it is that late: %d", is_past(CLOCK_REALTIME, soon));
	soon.tv_nsec = -1;
	say("an impossible time: %s", named(pthread_mutex_timedlock(&mutex, &soon)));
}

static void robust(void)
{
	make(&mutex, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST, PTHREAD_PROCESS_PRIVATE);
	join(start(lock_and_end, &mutex));
	say("its owner has ended: %s", named(pthread_mutex_lock(&mutex)));
	say("consistent: %s", named(pthread_mutex_consistent(&mutex)));
	say("consistent again: %s", named(pthread_mutex_consistent(&mutex)));
	must(pthread_mutex_unlock(&mutex), "unlock");
	say("lock: %s", named(pthread_mutex_lock(&mutex)));
	must(pthread_mutex_unlock(&mutex), "unlock");
	join(start(lock_and_end, &mutex));
	say("its owner has ended: %s", named(pthread_mutex_trylock(&mutex)));
	must(pthread_mutex_unlock(&mutex), "unlock");
	say("not made consistent: %s", named(pthread_mutex_lock(&mutex)));
	say("trylock: %s", named(pthread_mutex_trylock(&mutex)));
}

static void between_processes(void)
{
	struct {
		pthread_mutex_t mutex;
		long counter;
		int held;
	} *common = shared(sizeof(*common));
	pid_t pids[4];

	make(&common->mutex, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST, PTHREAD_PROCESS_SHARED);
	for (size_t i = 0; i < COUNT(pids); i++) {
		pids[i] = done(fork(), "fork");
		if (pids[i] > 0)
			continue;
		for (int round = 0; round < ROUNDS; round++) {
			must(pthread_mutex_lock(&common->mutex), "lock");
			long seen = common->counter;
			if (round % 64 == 0)
				sched_yield();
			common->counter = seen + 1;
			must(pthread_mutex_unlock(&common->mutex), "unlock");
		}
		_exit(0);
	}
	for (size_t i = 0; i < COUNT(pids); i++)
		say_end("a process", pids[i]);
	say("together they have counted to %ld", common->counter);

	pid_t owner = done(fork(), "fork");
	if (owner == 0) {
		must(pthread_mutex_lock(&common->mutex), "lock");
		set(&common->held, 1);
		for (;;)
			pause();
	}
	await(&common->held, 1);
	say("held by a process: %s", named(pthread_mutex_trylock(&common->mutex)));
	kill(owner, SIGKILL);
	say("whose end gives it to me: %s", named(pthread_mutex_lock(&common->mutex)));
	say_end("the owner", owner);
	must(pthread_mutex_consistent(&common->mutex), "consistent");
	must(pthread_mutex_unlock(&common->mutex), "unlock");
	owner = done(fork(), "fork");
	if (owner == 0) {
		must(pthread_mutex_lock(&common->mutex), "lock");
		execl("/bin/true", "true", NULL);
	}
	say_end("one that executes another program", owner);
	say("which gives it up, too: %s", named(pthread_mutex_lock(&common->mutex)));
}

/* Priority inheritance is the kernel's to have or not; what is said must be true. */
static void inherits_priority(void)
{
	pthread_mutexattr_t attributes;
	int error;

	must(pthread_mutexattr_init(&attributes), "mutexattr_init");
	error = pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
	if (!error)
		error = pthread_mutex_init(&mutex, &attributes);
	if (!error) {
		counter = 0;
		excludes("PI");
		join(start(lock_and_end, &mutex));
		struct timespec soon = in_ms(CLOCK_REALTIME, 20);
		error = pthread_mutex_timedlock(&mutex, &soon);
		must(error == ETIMEDOUT || error == ESRCH ? 0 : error, "PI timedlock");
	} else {
		/* musl says what the kernel says */
		must(error == ENOTSUP || error == ENOSYS ? 0 : error, "PI");
		say("PI: %d threads have counted to %d", THREADS, THREADS * ROUNDS);
	}
}

int main(void)
{
	types();
	timed();
	robust();
	between_processes();
	inherits_priority();
	return 0;
}
