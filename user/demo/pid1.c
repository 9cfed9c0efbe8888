/*
 * pid1: nothing that is sent to process 1 ends it.
 *
 * Process 1 adopts every orphan; if it ended, nobody would bury the dead, and the kernel stops the
 * machine instead. So no signal does anything to it for which it has not set up a handler itself:
 * the default actions, to end, to stop, to dump core, do not exist for it, and even SIGKILL and
 * SIGSTOP are thrown away when they are sent (kill(2), NOTES). It can still end in two ways, both
 * its own doing: by exit, and by a fault, for which the kernel forces a SIGSEGV on it.
 *
 * On Linux each pid namespace has a process 1 of its own, protected like this from all in it, but
 * not from outside: there SIGKILL and SIGSTOP work, and its end is the end of the whole namespace
 * (pid_namespaces(7)). That is why a container's first program ignores Ctrl-C unless it has a
 * handler, and why `docker stop` waits ten seconds and kills it.
 */
#include "demo.h"
#include "look.h"

#include <signal.h>

/*
 * What would end, dump or stop anybody else. Not here are SIGTERM, SIGHUP, SIGINT, SIGUSR1 and the
 * others by which an init is asked to end the machine: it would.
 */
static const struct lethal {
	int signal;
	const char *name;
} lethal[] = {
	{ SIGKILL, "SIGKILL" }, { SIGSTOP, "SIGSTOP" }, { SIGSEGV, "SIGSEGV" },
	{ SIGABRT, "SIGABRT" }, { SIGALRM, "SIGALRM" }, { SIGPIPE, "SIGPIPE" },
};

/* Unharmed: neither ended nor stopped, nor has it this signal pending. */
static bool unharmed(int signal)
{
	unsigned long pending = look_status(1, "SigPnd", 16) | look_status(1, "ShdPnd", 16);

	return look_alive(1) && look_state(1) != 'T' && !look_has_signal(pending, signal);
}

/* Has process 1 a handler for it, or blocked it to fetch it later? */
static bool wanted(int signal)
{
	return look_has_signal(look_status(1, "SigCgt", 16) | look_status(1, "SigBlk", 16), signal);
}

static void show_victim(void)
{
	pid_t child = must(fork(), "fork");
	int status;

	if (child == 0)
		for (;;)
			pause();
	kill(child, SIGKILL);
	must(waitpid(child, &status, 0), "waitpid");
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
	      "SIGKILL to a child of mine, %d: it is dead", child);
}

static void send_the_lethal(void)
{
	for (size_t i = 0; i < sizeof(lethal) / sizeof(lethal[0]); i++)
		if (wanted(lethal[i].signal))
			tell("  %s to process 1: not sent, it asks for it", lethal[i].name);
		else
			check(kill(1, lethal[i].signal) == 0 && unharmed(lethal[i].signal),
			      "%s to process 1: no error, and nothing happens", lethal[i].name);
}

/* An orphan that ends is buried by it, as ever. */
static void show_that_it_works(void)
{
	pid_t orphan;
	int gate[2];

	gate_make(gate);
	orphan = fork_orphan();
	if (orphan == 0) {
		gate_wait(gate);
		_exit(0);
	}
	check(look_adopts(look_parent(orphan)), "it goes on working: it has adopted an orphan, %d",
	      orphan);
	gate_open(gate, 1);
	look_until_buried(orphan);
	check(look_state(orphan) == 0, "and has buried it when it ended");
}

int main(void)
{
	must(kill(1, 0), "may I send signals to process 1");
	tell("I am process %d, and this is process 1:", getpid());
	show_heading();
	show_process(1);
	show_victim();
	send_the_lethal();
	tell("A signal that process 1 does not ask for is thrown away when it is sent.");
	show_that_it_works();
	return demo_end();
}
