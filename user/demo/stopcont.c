/*
 * stopcont: a process that is stopped, continued, and killed while it is stopped.
 *
 * SIGSTOP takes a process from the run queue, wherever it is: it is neither asleep nor ended, its
 * state is T, and nothing but SIGCONT or SIGKILL makes it move. Its parent can learn of both
 * changes by wait with WUNTRACED and WCONTINUED; this is what a shell's job control is made of.
 *
 * A stopped process does not take signals. They stay pending until it continues, and then it
 * handles them before it executes another instruction of its own. Only SIGKILL does not wait.
 *
 * The child counts, in memory that I share with it, as fast as it can.
 */
#include "demo.h"
#include "look.h"

#include <signal.h>
#include <sys/mman.h>

static volatile struct {
	unsigned long count;
	int handled; /* SIGUSR1 */
} * shared;

static void handler(int signal)
{
	(void)signal;
	shared->handled++;
}

static _Noreturn void count_for_ever(void)
{
	must(signal(SIGUSR1, handler) == SIG_ERR ? -1 : 0, "signal");
	for (;;)
		shared->count++;
}

static void await_counting(void)
{
	unsigned long before = shared->count;

	while (shared->count == before)
		sched_yield();
}

static void stop(pid_t child)
{
	int status;

	kill(child, SIGSTOP);
	check(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status) &&
		      WSTOPSIG(status) == SIGSTOP,
	      "wait reports it: stopped by SIGSTOP");
}

static void look_at_stopped(pid_t child)
{
	unsigned long before = shared->count;

	check(look_state(child) == 'T', "its state is T:");
	show_heading();
	show_process(child);
	let_others_run();
	check(shared->count == before, "it stands still, at %lu", before);
	check(waitpid(child, NULL, WUNTRACED | WNOHANG) == 0, "wait reports a stop only once");
	kill(child, SIGUSR1);
	let_others_run();
	check(look_has_signal(look_status(child, "ShdPnd", 16), SIGUSR1) && shared->handled == 0,
	      "SIGUSR1 is pending, its handler has not run: ShdPnd is %016lx",
	      look_status(child, "ShdPnd", 16));
}

static void look_at_continued(pid_t child)
{
	int status;

	kill(child, SIGCONT);
	check(waitpid(child, &status, WCONTINUED) == child && WIFCONTINUED(status),
	      "wait reports it: continued");
	await_counting();
	check(look_state(child) == 'R', "it counts again: state R");
	check(shared->handled == 1, "and before that its handler has run");
	check(look_status(child, "ShdPnd", 16) == 0, "nothing is pending now");
}

static void look_at_killed(pid_t child)
{
	int status;

	stop(child);
	kill(child, SIGTERM);
	let_others_run();
	check(look_state(child) == 'T' &&
		      look_has_signal(look_status(child, "ShdPnd", 16), SIGTERM),
	      "SIGTERM, which would end it, is pending like any other");
	kill(child, SIGKILL);
	check(waitpid(child, &status, 0) == child && WIFSIGNALED(status) &&
		      WTERMSIG(status) == SIGKILL,
	      "SIGKILL ended it at once, without SIGCONT");
}

int main(void)
{
	struct sigaction action = { .sa_handler = handler };
	pid_t child;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	must(shared == MAP_FAILED ? -1 : 0, "mmap");
	child = must(fork(), "fork");
	if (child == 0)
		count_for_ever();
	await_counting();
	tell("I am process %d; my child %d counts for ever. I send it SIGSTOP.", getpid(), child);
	check(sigaction(SIGSTOP, &action, NULL) < 0 && errno == EINVAL,
	      "nobody can have a handler for SIGSTOP: EINVAL");
	stop(child);
	look_at_stopped(child);
	tell("I send SIGCONT.");
	look_at_continued(child);
	tell("I stop it again.");
	look_at_killed(child);
	return demo_end();
}
