/*
 * autoreap: a parent that does not want to know.
 *
 * A zombie is kept because its parent may ask for its status. A parent can say that it never will,
 * by ignoring SIGCHLD or by the flag SA_NOCLDWAIT: then a child that ends is gone at once. The
 * default action of SIGCHLD is to do nothing as well, but that is not the same: it promises
 * nothing, so there the dead are kept.
 *
 * Such a parent can still call wait, which then finds no status to hand out. It returns when the
 * last child has ended, and says that there is none (wait(2), POSIX). One thing to beware of: an
 * ignored signal stays ignored when a program is executed, so a program started by such a parent
 * cannot learn how its own children ended unless it sets SIGCHLD back.
 */
#include "demo.h"
#include "look.h"

#include <signal.h>

enum { CHILDREN = 3 };

static volatile sig_atomic_t calls;

static void handler(int signal)
{
	(void)signal;
	calls++;
}

static pid_t lose_child(void)
{
	pid_t child = must(fork(), "fork");

	if (child == 0)
		_exit(42);
	return child;
}

/* A zombie that is there when the parent begins to ignore the signal is not taken away. */
static void show_default(void)
{
	pid_t child = lose_child();
	siginfo_t info;
	int status;

	must(waitid(P_PID, child, &info, WEXITED | WNOWAIT), "waitid");
	check(look_state(child) == 'Z', "%d has ended, and is a zombie: state Z", child);
	must(signal(SIGCHLD, SIG_IGN) == SIG_ERR ? -1 : 0, "signal");
	tell("Now I ignore it: signal(SIGCHLD, SIG_IGN).");
	check(look_state(child) == 'Z', "who is a zombie already stays one");
	check(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 42,
	      "and can be waited for: status 42");
}

/* The last of the children ends when it sees its parent asleep, in wait. */
static void show_ignored(void)
{
	pid_t children[CHILDREN];
	int gate[2];

	tell("I fork three children. The last one ends when it sees me wait.");
	gate_make(gate);
	for (int i = 0; i < CHILDREN; i++) {
		children[i] = must(fork(), "fork");
		if (children[i] == 0 && i == CHILDREN - 1) {
			gate_wait(gate);
			look_until(getppid(), 'S');
		}
		if (children[i] == 0)
			_exit(42);
	}
	for (int i = 0; i < CHILDREN - 1; i++)
		look_until_buried(children[i]);
	check(look_alive(children[CHILDREN - 1]), "%d and %d have ended, and are gone; %d lives",
	      children[0], children[1], children[2]);
	check(waitpid(children[0], NULL, 0) < 0 && errno == ECHILD,
	      "wait for %d: ECHILD, and nobody knows its status", children[0]);
	gate_open(gate, 1);
	check(wait(NULL) < 0 && errno == ECHILD, "wait for any of them: ECHILD, too,");
	check(look_state(children[CHILDREN - 1]) == 0, "but only when %d was gone as well",
	      children[CHILDREN - 1]);
	close(gate[0]), close(gate[1]);
}

static void show_flag(void)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_NOCLDWAIT | SA_RESTART };
	pid_t child;

	must(sigaction(SIGCHLD, &action, NULL), "sigaction");
	child = lose_child();
	check(wait(NULL) < 0 && errno == ECHILD && look_state(child) == 0,
	      "no zombie: %d is gone, and wait gives ECHILD", child);
	check(calls == 1, "but the handler was called: I am told that a child ended, not how");
}

int main(void)
{
	tell("I am process %d, and do nothing about SIGCHLD. I fork a child that ends.", getpid());
	must(signal(SIGCHLD, SIG_DFL) == SIG_ERR ? -1 : 0, "signal");
	show_default();
	show_ignored();
	tell("Now a handler, with the flag SA_NOCLDWAIT.");
	show_flag();
	return demo_end();
}
