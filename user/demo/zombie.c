/*
 * zombie: a process that has ended and was not waited for yet.
 *
 * When a process ends, the kernel takes back its memory and its files at once, but its exit status
 * is for its parent, who may ask for it later. Until then an entry in the process table remains,
 * with the pid, the status, and state Z. wait hands out the status and removes the entry; that, and
 * nothing else, makes a zombie go away: it cannot be killed, being dead.
 */
#include "demo.h"
#include "look.h"

#include <signal.h>

static void look_at_zombie(pid_t child)
{
	struct proc_stat stat = { 0 };
	char text[256];
	siginfo_t info = { 0 };

	/* Waits until the child has ended, but leaves it there. */
	must(waitid(P_PID, child, &info, WEXITED | WNOWAIT), "waitid");
	check(proc_read_stat(child, &stat), "it has ended, and is in the process table still:");
	show_heading();
	show_process(child);
	check(stat.state == 'Z', "its state is Z");
	check(stat.ppid == getpid(), "its parent is the one that forked it");
	check(proc_read(child, "cmdline", text, sizeof(text)) == 0,
	      "its arguments are gone, with all its memory");
	check(kill(child, SIGKILL) == 0 && proc_read_stat(child, &stat) && stat.state == 'Z',
	      "SIGKILL can be sent to it, and changes nothing");
}

static void look_at_nothing(pid_t child)
{
	struct proc_stat stat;

	check(!proc_read_stat(child, &stat), "/proc/%d is gone", child);
	check(kill(child, 0) < 0 && errno == ESRCH, "a signal finds no such process");
	check(waitpid(child, NULL, 0) < 0 && errno == ECHILD, "it cannot be waited for again");
}

int main(void)
{
	pid_t child;
	int status;

	tell("I am process %d. I fork a child that ends at once, with status 42.", getpid());
	child = must(fork(), "fork");
	if (child == 0)
		_exit(42);
	look_at_zombie(child);

	tell("Now I wait for it.");
	check(waitpid(child, &status, 0) == child, "wait found it without waiting");
	check(WIFEXITED(status) && WEXITSTATUS(status) == 42, "and handed over its status, 42");
	look_at_nothing(child);
	return demo_end();
}
