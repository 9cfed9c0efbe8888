/* How a process with threads ends, or becomes another program: each way in a child of its own. */
#include "say.h"
#include <sys/prctl.h>
#include <sys/resource.h>

static int flag;

static void *forever(void *unused)
{
	__atomic_add_fetch(&flag, 1, __ATOMIC_SEQ_CST);
	for (;;)
		pause();
	return unused;
}

static void *busy(void *unused)
{
	__atomic_add_fetch(&flag, 1, __ATOMIC_SEQ_CST);
	for (;;)
		asm volatile("" : : : "memory");
	return unused;
}

/* Four others, two asleep and two computing. */
static void others(void)
{
	set(&flag, 0);
	for (int i = 0; i < 4; i++)
		start(i % 2 ? busy : forever, NULL);
	await(&flag, 4);
}

static void at_exit(void)
{
	say("an exit handler runs");
}

static void exit_in_main(void)
{
	others();
	atexit(at_exit);
	exit(11);
}

static void *exits(void *unused)
{
	(void)unused;
	exit(12);
}

static void exit_in_a_thread(void)
{
	others();
	atexit(at_exit);
	join(start(exits, NULL));
}

static void *returns(void *unused)
{
	return unused;
}

static void return_of_a_thread(void)
{
	join(start(returns, NULL));
	_exit(13);
}

static void *goes_on(void *leader)
{
	pthread_join(*(pthread_t *)leader, NULL);
	while (thread_count() != 1 + 1) /* the leader is a zombie, and counts */
		sched_yield();
	say("the first thread has ended, the process lives");
	exit(14);
}

static pthread_t leader;

static void exit_of_main_thread(void)
{
	leader = pthread_self();
	start(goes_on, &leader);
	pthread_exit(NULL);
}

static void *ends_last(void *unused)
{
	say("the last thread ends");
	return unused;
}

static void last_thread_ends(void)
{
	start(ends_last, NULL);
	pthread_exit(NULL);
}

static void *aborts(void *unused)
{
	abort();
	return unused;
}

static void abort_in_a_thread(void)
{
	others();
	join(start(aborts, NULL));
}

static void *raises(void *unused)
{
	raise(SIGTERM);
	return unused;
}

static void raise_in_a_thread(void)
{
	others();
	join(start(raises, NULL));
}

static void *faults(void *unused)
{
	*(volatile int *)unused = 1;
	return NULL;
}

static void fault_in_a_thread(void)
{
	others();
	join(start(faults, NULL));
}

static void *executes(void *text)
{
	execl("/bin/sh", "sh", "-c", text, NULL);
	must(errno, "exec");
	return NULL;
}

static void exec_in_main(void)
{
	others();
	executes("exit 21");
}

/* The new program has the process's pid, and one thread, whose id that is. */
static void exec_in_a_thread(void)
{
	char text[100];

	snprintf(text, sizeof(text), "[ $$ = %d ] && grep Threads /proc/$$/status; exit 22",
		 getpid());
	others();
	join(start(executes, text));
}

static void exec_after_leader(void)
{
	start(executes, "grep Threads /proc/$$/status; exit 23");
	pthread_exit(NULL);
}

static void *executes_in_vain(void *unused)
{
	execl("/nonexistent", "x", NULL);
	say("exec of nothing: %s, and the threads are %d", named(errno), thread_count());
	return unused;
}

static void exec_fails(void)
{
	others();
	join(start(executes_in_vain, NULL));
	_exit(24);
}

static void stopped_and_killed(void)
{
	pid_t pid = done(fork(), "fork");
	int status;

	if (pid == 0) {
		others();
		raise(SIGSTOP);
		_exit(25);
	}
	done(waitpid(pid, &status, WUNTRACED), "waitpid");
	say("stopped: %d by %d", WIFSTOPPED(status), WSTOPSIG(status));
	kill(pid, SIGCONT);
	say_end("continued", pid);
}

static void *waits_for(void *pid)
{
	int status;

	done(waitpid((pid_t)(intptr_t)pid, &status, 0), "waitpid");
	return (void *)(intptr_t)WEXITSTATUS(status);
}

/* A child belongs to the process: any thread may wait for it, whoever forked. */
static void any_thread_waits(void)
{
	pid_t pid = done(fork(), "fork");

	if (pid == 0)
		_exit(26);
	say("a thread has waited for my child: %ld",
	    (long)join(start(waits_for, (void *)(intptr_t)pid)));
}

static void *forks_and_ends(void *pid)
{
	*(pid_t *)pid = done(fork(), "fork");
	if (*(pid_t *)pid == 0) {
		done(prctl(PR_SET_NAME, "child"), "prctl");
		_exit(getppid() == 1);
	}
	return NULL;
}

static void thread_that_forked_ends(void)
{
	pid_t pid;

	join(start(forks_and_ends, &pid));
	say_end("its child", pid);
}

/*
 * A child that was only forked is not quite a new process to the C library: musl 1.2.3 does not
 * tell the kernel anew what to clear when its first thread ends. So each way is executed.
 */
static const struct {
	const char *name;
	void (*run)(void);
} ways[] = {
	{ "exit in main", exit_in_main },
	{ "exit in a thread", exit_in_a_thread },
	{ "return of a thread", return_of_a_thread },
	{ "pthread_exit in main", exit_of_main_thread },
	{ "the last thread ends", last_thread_ends },
	{ "abort in a thread", abort_in_a_thread },
	{ "raise in a thread", raise_in_a_thread },
	{ "fault in a thread", fault_in_a_thread },
	{ "exec in main", exec_in_main },
	{ "exec in a thread", exec_in_a_thread },
	{ "exec after main's end", exec_after_leader },
	{ "exec fails", exec_fails },
};

int main(int argc, char **argv)
{
	struct rlimit none = { 0 };

	if (argc > 1) {
		ways[atoi(argv[1])].run();
		return 97;
	}
	setrlimit(RLIMIT_CORE, &none);
	for (size_t i = 0; i < COUNT(ways); i++) {
		pid_t pid = done(fork(), "fork");
		char number[10];

		if (pid == 0) {
			snprintf(number, sizeof(number), "%zu", i);
			execl("/proc/self/exe", "ends", number, NULL);
			must(errno, "exec");
		}
		say_end(ways[i].name, pid);
	}
	stopped_and_killed();
	any_thread_waits();
	thread_that_forked_ends();
	return 0;
}
