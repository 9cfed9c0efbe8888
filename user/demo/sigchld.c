/*
 * sigchld: a handler that buries children, and the mistake that most of them begin with.
 *
 * The kernel sends SIGCHLD when a child ends, and a handler that calls wait seems to be all there
 * is to it. But a signal is not a letter, it is a flag: while one SIGCHLD is pending, another makes
 * no difference (signal(7): standard signals do not queue). So a handler that has been called knows
 * that at least one child has ended, never how many. One that calls wait once leaves the others as
 * zombies, and nothing will call it again for them; it must go on until there is nobody left to
 * bury, and not block then (WNOHANG).
 *
 * Here the signal is blocked while the children end, which makes certain what otherwise happens
 * sometimes: that several end before the handler runs.
 */
#include "demo.h"
#include "look.h"

#include <signal.h>

enum { CHILDREN = 5 };

static volatile sig_atomic_t calls;  /* of the handler */
static volatile sig_atomic_t buried; /* by the handler */
static volatile sig_atomic_t named;  /* the child that the signal told of */

/* A handler must leave errno as it found it: it may run between a call and the look at errno. */
static void bury_one(int signal, siginfo_t *info, void *context)
{
	int saved = errno;

	(void)signal, (void)context;
	calls++;
	named = info->si_pid;
	if (waitpid(-1, NULL, WNOHANG) > 0)
		buried++;
	errno = saved;
}

static void bury_all(int signal, siginfo_t *info, void *context)
{
	int saved = errno;

	(void)signal, (void)context;
	calls++;
	named = info->si_pid;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		buried++;
	errno = saved;
}

static void let_in(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	must(sigprocmask(how, &set, NULL), "sigprocmask");
}

static bool is_pending(void)
{
	sigset_t set;

	return sigpending(&set) == 0 && sigismember(&set, SIGCHLD);
}

/* Forks children that end at once, and returns when all have. None is waited for. */
static void lose_children(pid_t *children)
{
	siginfo_t info;

	for (int i = 0; i < CHILDREN; i++) {
		children[i] = must(fork(), "fork");
		if (children[i] == 0)
			_exit(0);
	}
	for (int i = 0; i < CHILDREN; i++)
		must(waitid(P_PID, children[i], &info, WEXITED | WNOWAIT), "waitid");
}

/* Several end while the signal is blocked; then it is let in. */
static void lose_and_handle(void (*handler)(int, siginfo_t *, void *), pid_t *children)
{
	struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART };

	calls = buried = named = 0;
	must(sigaction(SIGCHLD, &action, NULL), "sigaction");
	let_in(SIG_BLOCK);
	lose_children(children);
	check(look_count(children, CHILDREN, 'Z') == CHILDREN, "all %d have ended, and are zombies",
	      CHILDREN);
	check(is_pending(), "SIGCHLD is pending, once: ShdPnd in /proc/%d/status is %016lx",
	      getpid(), look_status(getpid(), "ShdPnd", 16));
	let_in(SIG_UNBLOCK);
}

static bool is_one_of(pid_t pid, const pid_t *pids, int count)
{
	bool found = false;

	for (int i = 0; i < count; i++)
		found = found || pids[i] == pid;
	return found;
}

int main(void)
{
	pid_t first[CHILDREN], second[CHILDREN];

	tell("I am process %d. My handler of SIGCHLD calls wait once. I block the signal,",
	     getpid());
	tell("fork %d children that end at once, and let the signal in.", CHILDREN);
	lose_and_handle(bury_one, first);
	check(calls == 1, "the handler ran once for %d deaths: pending signals merge", CHILDREN);
	check(is_one_of(named, first, CHILDREN), "the signal told it of one child, %d", named);
	check(buried == 1 && look_count(first, CHILDREN, 'Z') == CHILDREN - 1,
	      "it buried one; these stay, for as long as I live:");
	show_heading();
	for (int i = 0; i < CHILDREN; i++)
		show_process(first[i]);
	check(!is_pending(), "no signal is pending: nothing will call the handler for them");

	tell("The same with a handler that calls wait until there is nobody left to bury.");
	lose_and_handle(bury_all, second);
	check(calls == 1, "it ran once, too");
	check(buried == 2 * CHILDREN - 1, "and buried %d: the %d new ones and the %d left over",
	      buried, CHILDREN, CHILDREN - 1);
	check(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, "I have no child any more");
	return demo_end();
}
