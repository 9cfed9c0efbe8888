/*
 * atfork: pthread_atfork, the cure for a lock that a thread holds while another one forks.
 *
 * `ghostlock` shows the illness. The cure is that fork waits: three handlers can be registered, one
 * that fork calls before it forks (prepare), and one each for the parent and the child afterwards.
 * prepare takes the lock, so nobody else has it then, and what it guards is whole; the others give
 * it back. The prepare handlers run in the reverse order of their registration, the other two kinds
 * in that order: a library that is initialised after one it uses gets its locks before those of the
 * other, the order in which it takes them at work. (Where they are taken in another order, fork can
 * deadlock with a thread at work.)
 *
 * The limits, shown here too: it helps only the locks of those who have registered; _Fork, vfork
 * and posix_spawn call no handlers; the child has another thread id than the one that locked, so it
 * may not unlock an error-checking mutex, and has to make it anew; and the threads are gone all the
 * same. Handlers cannot be unregistered. It is a cure for one's own locks, where all is known.
 */
#define _GNU_SOURCE
#include "threads.h"

#include <spawn.h>

enum { SUM = 100, AMOUNT = 30 };

extern char **environ;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t foreign = PTHREAD_MUTEX_INITIALIZER; /* of a library that knows no fork */
static pthread_mutex_t strict;				    /* error-checking */
static int left = SUM, right;				    /* their sum is SUM: lock */

static int halfway[2], go_on[2], finish[2]; /* the thread is there; it may go on; it may end */

/* Moves an amount from left to right, but stops halfway. */
static void *move_amount(void *unused)
{
	pthread_mutex_lock(&foreign);
	pthread_mutex_lock(&lock);
	left -= AMOUNT;
	gate_open(halfway, 1);
	gate_wait(go_on);
	right += AMOUNT;
	pthread_mutex_unlock(&lock);
	gate_wait(finish);
	pthread_mutex_unlock(&foreign);
	return unused;
}

/* Waits for a child, and for all that it claimed. */
static void expect_truth(pid_t child)
{
	int status;

	must(waitpid(child, &status, 0), "waitpid");
	check(status == 0, "the child has ended, and all that it claimed was true");
}

static _Noreturn void end_child(void)
{
	_exit(demo_failures ? EXIT_FAILURE : EXIT_SUCCESS);
}

static void show_illness(void)
{
	pthread_t thread = start_thread(move_amount, NULL);
	pid_t child;

	gate_wait(halfway);
	tell("I am process %d. My thread moves %d from left to right, under a lock, and", getpid(),
	     AMOUNT);
	tell("is halfway when I fork. There are no handlers. The child:");
	child = must(fork(), "fork");
	if (child == 0) {
		check(lock_with_patience(&lock) == ETIMEDOUT,
		      "the lock is held, by nobody: ETIMEDOUT");
		check(left + right == SUM - AMOUNT, "and half a move is no good: left %d, right %d",
		      left, right);
		end_child();
	}
	expect_truth(child);
	gate_open(go_on, 1);
	gate_open(finish, 1);
	pthread_join(thread, NULL);
}

/* ---- the order of the handlers ---- */

static char calls[256];

static void note(const char *call)
{
	if (*calls)
		strcat(calls, ", ");
	strcat(calls, call);
}

#define HANDLERS(name)                                                                             \
	static void prepare_##name(void)                                                           \
	{                                                                                          \
		note("prepare " #name);                                                            \
	}                                                                                          \
	static void parent_##name(void)                                                            \
	{                                                                                          \
		note("parent " #name);                                                             \
	}                                                                                          \
	static void child_##name(void)                                                             \
	{                                                                                          \
		note("child " #name);                                                              \
	}

HANDLERS(A)
HANDLERS(B)
HANDLERS(C)

static bool called(const char *expected)
{
	tell("    %s", *calls ? calls : "(nothing)");
	return strcmp(calls, expected) == 0;
}

static void register_handlers(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
	errno = pthread_atfork(prepare, parent, child);
	must(errno ? -1 : 0, "pthread_atfork");
}

static void show_order(void)
{
	pid_t child;

	tell("I register handlers A, then B, then C, and fork. What is called in the child,");
	tell("the first part of it before the fork, and in the parent:");
	register_handlers(prepare_A, parent_A, child_A);
	register_handlers(prepare_B, parent_B, child_B);
	register_handlers(prepare_C, parent_C, child_C);
	child = must(fork(), "fork");
	if (child == 0) {
		check(called("prepare C, prepare B, prepare A, child A, child B, child C"),
		      "the last one prepares first");
		end_child();
	}
	expect_truth(child);
	check(called("prepare C, prepare B, prepare A, parent A, parent B, parent C"),
	      "and has its turn last afterwards");
}

/* ---- the cure ---- */

static int child_error; /* of unlocking the error-checking mutex in the child */

/* The thread is held until here, so that the move is not over before anybody forks. */
static void prepare_lock(void)
{
	check(pthread_mutex_trylock(&lock) == EBUSY && left + right == SUM - AMOUNT,
	      "in prepare: the thread has the lock and is halfway; I wait for it");
	gate_open(go_on, 1);
	pthread_mutex_lock(&lock);
	check(left + right == SUM, "and have it: left %d, right %d; now fork forks", left, right);
}

static void release_lock(void)
{
	pthread_mutex_unlock(&lock);
}

static void prepare_strict(void)
{
	pthread_mutex_lock(&strict);
}

static void release_strict(void)
{
	pthread_mutex_unlock(&strict);
}

static void renew_strict(void)
{
	child_error = pthread_mutex_unlock(&strict);
	make_mutex(&strict, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_STALLED);
}

static _Noreturn void be_cured(void)
{
	check(pthread_mutex_trylock(&lock) == 0, "in the child: the lock can be had");
	check(left + right == SUM, "and the move is whole: left %d, right %d", left, right);
	tell("But:");
	check(child_error == EPERM, "an error-checking mutex that prepare locked is not the "
				    "child's: EPERM");
	check(pthread_mutex_trylock(&strict) == 0, "its handler has made it anew");
	check(lock_with_patience(&foreign) == ETIMEDOUT,
	      "a library's lock, for which nobody registered: ETIMEDOUT");
	end_child();
}

static void show_cure(void)
{
	pthread_t thread;
	pid_t child;

	register_handlers(prepare_lock, release_lock, release_lock);
	register_handlers(prepare_strict, release_strict, renew_strict);
	tell("I register handlers that take the lock and release it. The thread is halfway");
	tell("again when I fork:");
	left = SUM, right = 0;
	thread = start_thread(move_amount, NULL);
	gate_wait(halfway);
	child = must(fork(), "fork");
	if (child == 0)
		be_cured();
	expect_truth(child);
	gate_open(finish, 1);
	pthread_join(thread, NULL);
}

/* ---- who calls no handlers ---- */

static char *const child_arguments[] = { "atfork", "--child", NULL };

static pid_t spawn(void)
{
	pid_t pid;

	errno = posix_spawn(&pid, "/proc/self/exe", NULL, NULL, child_arguments, environ);
	return errno ? -1 : pid;
}

static pid_t vfork_and_end(void)
{
	pid_t pid = vfork();

	if (pid == 0)
		_exit(0);
	return pid;
}

static void show_callers(void)
{
	static const struct {
		const char *name;
		pid_t (*divide)(void);
	} others[] = { { "_Fork", _Fork }, { "vfork", vfork_and_end }, { "posix_spawn", spawn } };

	tell("And not every fork asks:");
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		pid_t child;
		int status;

		calls[0] = '\0';
		child = must(others[i].divide(), others[i].name);
		if (child == 0)
			_exit(0);
		must(waitpid(child, &status, 0), "waitpid");
		check(status == 0 && !*calls, "%s calls no handlers", others[i].name);
	}
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--child") == 0)
		return EXIT_SUCCESS;
	gate_make(halfway), gate_make(go_on), gate_make(finish);
	make_mutex(&strict, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_STALLED);
	show_illness();
	show_order();
	show_cure();
	show_callers();
	return demo_end();
}
