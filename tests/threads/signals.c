/* Signals and threads: to one thread, to the process, masks, sigwait, a handler's thread. */
#include "say.h"

enum { THREADS = 4 };

static int ready, counts[THREADS], wrong;
static __thread int number = -1;
static pthread_t threads[THREADS];

static void count(int signum)
{
	(void)signum;
	if (number >= 0)
		__atomic_add_fetch(&counts[number], 1, __ATOMIC_SEQ_CST);
	else
		set(&wrong, 1);
}

static int over;

static void *spin(void *mine)
{
	number = (int)(intptr_t)mine;
	__atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&over, __ATOMIC_SEQ_CST))
		sched_yield();
	return NULL;
}

static void to_one_thread(void)
{
	struct sigaction action = { .sa_handler = count };

	sigaction(SIGUSR1, &action, NULL);
	for (intptr_t i = 0; i < THREADS; i++)
		threads[i] = start(spin, (void *)i);
	await(&ready, THREADS);
	for (int i = 0; i < THREADS; i++)
		for (int n = 1; n <= i; n++) {
			must(pthread_kill(threads[i], SIGUSR1), "pthread_kill");
			await(&counts[i], n);
		}
	say("handled by thread: %d %d %d %d", counts[0], counts[1], counts[2], counts[3]);
	say("signal 0: %s; no signal: %s", named(pthread_kill(threads[0], 0)),
	    named(pthread_kill(threads[0], 1000)));
	set(&over, 1);
	for (int i = 0; i < THREADS; i++)
		join(threads[i]);
	say("by another: %d", wrong);
}

/* Inherits a mask in which all is blocked, and lets through what it is told. */
static void *lets_through(void *which)
{
	sigset_t set_of_one;

	number = 0;
	sigemptyset(&set_of_one);
	sigaddset(&set_of_one, (int)(intptr_t)which);
	must(pthread_sigmask(SIG_UNBLOCK, &set_of_one, NULL), "sigmask");
	set(&ready, 1);
	await(&over, 1);
	return NULL;
}

static void to_the_process(void)
{
	sigset_t all, old, pending;

	sigfillset(&all);
	must(pthread_sigmask(SIG_SETMASK, &all, &old), "sigmask");
	ready = over = counts[0] = 0;
	raise(SIGUSR1);
	sigpending(&pending);
	say("blocked, and pending for me: %d", sigismember(&pending, SIGUSR1));
	struct timespec none = { 0 };
	say("taken: %d", sigtimedwait(&all, NULL, &none) == SIGUSR1);
	pthread_t thread = start(lets_through, (void *)SIGUSR1);
	await(&ready, 1);
	kill(getpid(), SIGUSR1);
	await(&counts[0], 1);
	say("the thread that does not block it has handled it");
	set(&over, 1);
	join(thread);
	kill(getpid(), SIGUSR1);
	ready = over = 0;
	thread = start(lets_through, (void *)SIGUSR1);
	await(&counts[0], 2);
	say("one that was pending goes to who unblocks it");
	set(&over, 1);
	join(thread);
	must(pthread_sigmask(SIG_SETMASK, &old, NULL), "sigmask");
}

static void *takes(void *unused)
{
	sigset_t wanted;
	int signum;

	sigemptyset(&wanted);
	sigaddset(&wanted, SIGUSR2);
	sigaddset(&wanted, SIGTERM);
	for (int i = 0; i < 100; i++) {
		must(sigwait(&wanted, &signum), "sigwait");
		if (signum != SIGUSR2)
			return unused;
		__atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
	}
	return (void *)100;
}

static void waiting(void)
{
	sigset_t wanted, old;

	sigemptyset(&wanted);
	sigaddset(&wanted, SIGUSR2);
	sigaddset(&wanted, SIGTERM);
	must(pthread_sigmask(SIG_BLOCK, &wanted, &old), "sigmask");
	ready = 0;
	pthread_t thread = start(takes, NULL);
	for (int i = 1; i <= 100; i++) {
		if (i % 2)
			kill(getpid(), SIGUSR2);
		else
			must(pthread_kill(thread, SIGUSR2), "pthread_kill");
		await(&ready, i);
	}
	say("sigwait took %d", (int)(intptr_t)join(thread));
	thread = start(takes, NULL);
	kill(getpid(), SIGTERM);
	say("and one that ends it: %d", join(thread) == NULL);
	must(pthread_sigmask(SIG_SETMASK, &old, NULL), "sigmask");
}

static void interrupt(int signum)
{
	(void)signum;
}

static int reading, pipe_ends[2];

static void *read_interrupted(void *unused)
{
	char byte;

	(void)unused;
	set(&reading, 1);
	int result = read(pipe_ends[0], &byte, 1) < 0 ? errno : 0;
	set(&reading, 2);
	return (void *)(intptr_t)result;
}

/* A signal may come before the call; it is sent until the call has ended. */
static void interrupting(void)
{
	struct sigaction action = { .sa_handler = interrupt };

	done(pipe(pipe_ends), "pipe");
	sigaction(SIGALRM, &action, NULL);
	pthread_t thread = start(read_interrupted, NULL);
	await(&reading, 1);
	while (__atomic_load_n(&reading, __ATOMIC_SEQ_CST) != 2) {
		must(pthread_kill(thread, SIGALRM), "pthread_kill");
		sched_yield();
	}
	say("read in a thread: %s", named((intptr_t)join(thread)));
}

static char stacks[THREADS][65536];
static int on_own_stack;

static void look_at_stack(int signum)
{
	char here;

	(void)signum;
	if (&here >= stacks[number] && &here < stacks[number] + sizeof(stacks[0]))
		__atomic_add_fetch(&on_own_stack, 1, __ATOMIC_SEQ_CST);
}

static void *with_stack(void *mine)
{
	number = (int)(intptr_t)mine;
	stack_t stack = { .ss_sp = stacks[number], .ss_size = sizeof(stacks[0]) };

	done(sigaltstack(&stack, NULL), "sigaltstack");
	must(pthread_kill(pthread_self(), SIGUSR1), "pthread_kill");
	return NULL;
}

static void alternate_stacks(void)
{
	struct sigaction action = { .sa_handler = look_at_stack, .sa_flags = SA_ONSTACK };

	sigaction(SIGUSR1, &action, NULL);
	for (intptr_t i = 0; i < THREADS; i++)
		threads[i] = start(with_stack, (void *)i);
	for (int i = 0; i < THREADS; i++)
		join(threads[i]);
	say("%d threads have handled it on their own stacks", on_own_stack);
}

int main(void)
{
	to_one_thread();
	to_the_process();
	waiting();
	interrupting();
	alternate_stacks();
	return 0;
}
