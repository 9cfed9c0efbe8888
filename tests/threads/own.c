/* What each thread has of its own: keys and their destructors, __thread, errno, a name; once. */
#include "say.h"
#include <limits.h>

enum { THREADS = 8 };

static pthread_key_t key, persistent;
static int destroyed, rounds, initialised;
static __thread int mine = 5;
static __thread char zeroed[10000];

static void destroy(void *value)
{
	__atomic_add_fetch(&destroyed, *(int *)value, __ATOMIC_SEQ_CST);
	free(value);
}

/* Sets its value again, in vain after PTHREAD_DESTRUCTOR_ITERATIONS. */
static void again(void *value)
{
	__atomic_add_fetch(&rounds, 1, __ATOMIC_SEQ_CST);
	must(pthread_setspecific(persistent, value), "setspecific");
}

static void initialise(void)
{
	sched_yield();
	__atomic_add_fetch(&initialised, 1, __ATOMIC_SEQ_CST);
}

static void *own(void *number)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int *value = malloc(sizeof(*value)), right = 0;

	*value = 1 + (int)(intptr_t)number;
	right += pthread_getspecific(key) == NULL;
	must(pthread_setspecific(key, value), "setspecific");
	must(pthread_once(&once, initialise), "once");
	right += __atomic_load_n(&initialised, __ATOMIC_SEQ_CST) == 1;
	mine += *value;
	for (size_t i = 0; i < sizeof(zeroed); i++)
		right -= zeroed[i] != 0;
	memset(zeroed, *value, sizeof(zeroed));
	for (int i = 0; i < 200; i++) {
		errno = *value;
		sched_yield();
		right += errno == *value && mine == 5 + *value && zeroed[777] == *value;
	}
	right += pthread_getspecific(key) == value;
	return (void *)(intptr_t)right;
}

static void *persist(void *unused)
{
	must(pthread_setspecific(persistent, &key), "setspecific");
	return unused;
}

static void keys(void)
{
	static pthread_key_t many[PTHREAD_KEYS_MAX + 1];
	pthread_t threads[THREADS];
	int count = 0, error;

	must(pthread_key_create(&key, destroy), "key_create");
	must(pthread_key_create(&persistent, again), "key_create");
	for (intptr_t i = 0; i < THREADS; i++)
		threads[i] = start(own, (void *)i);
	for (int i = 0; i < THREADS; i++)
		say("thread %d: %d were right", i, (int)(intptr_t)join(threads[i]));
	say("destructors were given %d; once was %d; mine is %d", destroyed, initialised, mine);
	join(start(persist, NULL));
	say("a persistent value was destroyed %d times", rounds);
	while ((error = pthread_key_create(&many[count], NULL)) == 0)
		count++;
	say("then: %s; there were some: %d", named(error), count > 100);
	while (count-- > 0)
		must(pthread_key_delete(many[count]), "key_delete");
}

static int seen;

static void *stay(void *name)
{
	char text[16];

	must(pthread_setname_np(pthread_self(), name), "setname");
	must(pthread_getname_np(pthread_self(), text, sizeof(text)), "getname");
	if (strcmp(text, name) == 0)
		set(&seen, 1);
	await(&seen, 2);
	return NULL;
}

static void names(void)
{
	char text[16];
	pthread_t thread = start(stay, "the other");

	await(&seen, 1);
	must(pthread_getname_np(thread, text, sizeof(text)), "getname");
	say("it is called %s", text);
	must(pthread_setname_np(thread, "renamed"), "setname");
	must(pthread_getname_np(thread, text, sizeof(text)), "getname");
	say("then %s", text);
	say("too long: %s", named(pthread_setname_np(thread, "fifteen and more")));
	must(pthread_getname_np(pthread_self(), text, sizeof(text)), "getname");
	say("the threads are %d", thread_count());
	set(&seen, 2);
	join(thread);
}

static void *tell(void *id)
{
	*(pid_t *)id = (pid_t)syscall(SYS_gettid);
	return (void *)(intptr_t)getpid();
}

static void ids(void)
{
	pid_t id;

	say("a thread has my pid: %d", (intptr_t)join(start(tell, &id)) == getpid());
	say("and not my id: %d; mine is my pid: %d", id != getpid(),
	    syscall(SYS_gettid) == getpid());
}

int main(void)
{
	keys();
	names();
	ids();
	return 0;
}
