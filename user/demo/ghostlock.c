/*
 * ghostlock: a lock that is held by nobody who lives.
 *
 * fork copies all memory, but of the threads only the one that calls it. A mutex that another
 * thread holds at that moment is copied as it is, locked, and the one who would unlock it is not
 * there: whoever locks it in the child waits for ever. An error-checking mutex has the id of its
 * owner in its lock word, so the ghost has a name here: a thread that /proc/PID/task shows in the
 * parent, and not in the child. A robust mutex does not help. It is handed over when its owner
 * dies, and this one has not died; it was never there.
 *
 * Nobody needs a mutex of his own for this: each stream of stdio has one, and malloc has. The C
 * library can take its own locks in fork, as pthread_atfork lets a program do (`atfork`). musl does
 * so for malloc, not for streams; glibc does so for malloc, and makes all streams' locks new in the
 * child. _Fork, for signal handlers, is fork without that. So after fork a process that has threads
 * should do nothing but call execve, or what is safe in signal handlers (POSIX, fork).
 */
#define _GNU_SOURCE
#include "threads.h"

#include <signal.h>

enum { FORKS = 30 };

static pthread_mutex_t checked, robust;
static pid_t owner_tid;
static int held[2], finish[2];	/* the owner has both; it may end */
static int spoken[2], ended[2]; /* the child has spoken; the owner has ended */

/* Unlocks one mutex, and dies holding the other. */
static void *own_both(void *unused)
{
	pthread_mutex_lock(&checked);
	pthread_mutex_lock(&robust);
	owner_tid = gettid();
	gate_open(held, 1);
	gate_wait(finish);
	pthread_mutex_unlock(&checked);
	return unused;
}

static void show_tasks(const char *whose)
{
	char tasks[128];

	look_tasks(getpid(), tasks, sizeof(tasks));
	tell("  %s/proc/%d/task: %s", whose, getpid(), tasks);
}

static _Noreturn void be_child(void)
{
	tell("In the child, process %d:", getpid());
	show_tasks("");
	check(mutex_owner(&checked) == owner_tid, "the copy of the lock word says %d",
	      mutex_owner(&checked));
	check(!look_has_task(getpid(), owner_tid), "which is no thread of this process");
	check(pthread_mutex_trylock(&checked) == EBUSY, "I try to lock it: EBUSY");
	check(pthread_mutex_unlock(&checked) == EPERM, "I unlock it: EPERM, it is not mine");
	check(lock_with_patience(&checked) == ETIMEDOUT, "I wait for it, but not for ever: "
							 "ETIMEDOUT");
	gate_open(spoken, 1);
	gate_wait(ended);
	tell("In the child again:");
	check(lock_with_patience(&checked) == ETIMEDOUT && mutex_owner(&checked) == owner_tid,
	      "%d has unlocked its own, this one stays locked: ETIMEDOUT", owner_tid);
	check(lock_with_patience(&robust) == ETIMEDOUT,
	      "the robust one, too: nobody has died here");
	_exit(demo_failures ? EXIT_FAILURE : EXIT_SUCCESS);
}

static void show_ghost(void)
{
	pthread_t owner = start_thread(own_both, NULL);
	pid_t child;
	int status;

	gate_wait(held);
	tell("I am process %d; my thread %d has locked two mutexes, one of them robust.", getpid(),
	     owner_tid);
	show_tasks("");
	check(mutex_owner(&checked) == owner_tid, "the first one's lock word names its owner: %d",
	      mutex_owner(&checked));
	check(look_has_task(getpid(), owner_tid), "which is a thread of this process");
	tell("I fork.");
	child = must(fork(), "fork");
	if (child == 0)
		be_child();
	gate_wait(spoken);
	tell("In the parent %d unlocks the first one, and dies having the robust one:", owner_tid);
	gate_open(finish, 1);
	pthread_join(owner, NULL);
	check(lock_with_patience(&checked) == 0, "the first one can be locked again");
	check(mutex_owner(&checked) == getpid(), "and its lock word says %d, me",
	      mutex_owner(&checked));
	check(lock_with_patience(&robust) == EOWNERDEAD,
	      "the robust one comes with EOWNERDEAD: its owner died");
	gate_open(ended, 1);
	must(waitpid(child, &status, 0), "waitpid");
	check(status == 0, "the child has ended, and all that it claimed was true");
}

/* ---- locks that nobody has made ---- */

static FILE *stream;
static volatile bool enough; /* for the thread that allocates */
static int announced[2];

static void *hold_stream(void *unused)
{
	flockfile(stream);
	gate_open(held, 1);
	gate_wait(finish);
	funlockfile(stream);
	return unused;
}

static void print_to_stream(void)
{
	fputs("hello", stream);
}

static void *allocate_always(void *unused)
{
	gate_open(held, 1);
	while (!enough)
		free(malloc(100));
	return unused;
}

/* A volatile pointer, because a compiler may leave out what is of no use. */
static void allocate(void)
{
	void *volatile memory = malloc(100);

	free(memory);
}

/*
 * Whether a child gets stuck in an action that cannot sleep but for a lock. It is killed then. The
 * child says when it begins, so sleep is sleep in the action.
 */
static bool gets_stuck(pid_t (*divide)(void), void (*action)(void))
{
	pid_t child = must(divide(), "fork");
	int status;

	if (child == 0) {
		gate_open(announced, 1);
		action();
		_exit(0);
	}
	gate_wait(announced);
	if (look_until(child, 'S'))
		kill(child, SIGKILL);
	must(waitpid(child, &status, 0), "waitpid");
	return !WIFEXITED(status);
}

static void show_stream(void)
{
	pthread_t owner;

	stream = fopen("/dev/null", "w");
	must(stream ? 0 : -1, "/dev/null");
	owner = start_thread(hold_stream, NULL);
	gate_wait(held);
	tell("A thread is printing to a stream; I fork, and the child prints to it, too.");
#ifdef __GLIBC__
	check(!gets_stuck(fork, print_to_stream), "it does: glibc has made the lock anew");
#else
	check(gets_stuck(fork, print_to_stream), "it sleeps for ever: musl copies streams' locks");
#endif
	gate_open(finish, 1);
	pthread_join(owner, NULL);
	check(!gets_stuck(fork, print_to_stream), "once the thread has done, a new child prints");
	fclose(stream);
}

static int count_stuck(pid_t (*divide)(void))
{
	int stuck = 0;

	for (int i = 0; i < FORKS; i++)
		stuck += gets_stuck(divide, allocate);
	return stuck;
}

static void show_malloc(void)
{
	pthread_t thread = start_thread(allocate_always, NULL);
	int stuck;

	gate_wait(held);
	tell("A thread calls malloc all the time; I fork %d times, and the children allocate.",
	     FORKS);
	stuck = count_stuck(fork);
	check(stuck == 0, "all do: fork has waited for malloc's lock, to copy it unlocked");
	stuck = count_stuck(_Fork);
	tell("  With _Fork, which waits for no lock, %d of %d sleep for ever (by chance).", stuck,
	     FORKS);
	enough = true;
	pthread_join(thread, NULL);
}

int main(void)
{
	int *const gates[] = { held, finish, spoken, ended, announced };

	for (size_t i = 0; i < sizeof(gates) / sizeof(gates[0]); i++)
		gate_make(gates[i]);
	make_mutex(&checked, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_STALLED);
	make_mutex(&robust, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_ROBUST);
	show_ghost();
	show_stream();
	show_malloc();
	return demo_end();
}
