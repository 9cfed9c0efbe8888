/*
 * Children: forking them, and burying everybody who dies.
 *
 * When a process dies its children become init's, and somebody has to wait for them or they would
 * stay zombies for ever. init sleeps in one place only, await_event, and whatever woke it, it
 * buries all who are dead before it does anything else; so orphans are gone at once, in whatever
 * state init is. The signals that init wants are blocked and fetched with sigtimedwait: nothing
 * interrupts it at a bad moment and no wake-up is lost between looking and sleeping. All other
 * signals have their default action, which for process 1 is none.
 */
#include "init.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static sigset_t wanted; /* what await_event waits for */
static struct child *running;

int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * SECOND + time.tv_nsec;
}

void block_signals(void)
{
	static const int signals[] = {
		SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2
	};

	sigemptyset(&wanted);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaddset(&wanted, signals[i]);
	sigprocmask(SIG_SETMASK, &wanted, NULL);
}

void unblock_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

pid_t child_fork(struct child *child, const char *name)
{
	pid_t pid = fork();

	if (pid == 0) {
		setsid();
		unblock_signals();
	} else if (pid > 0) {
		child->name = name;
		child->pid = pid;
		child->next = running;
		running = child;
	}
	return pid;
}

/* Where the one with this process id is hung up in the list, or where the list ends. */
static struct child **find(pid_t pid)
{
	struct child **at = &running;

	while (*at && (*at)->pid != pid)
		at = &(*at)->next;
	return at;
}

void child_forget(struct child *child)
{
	struct child **at = find(child->pid);

	if (*at)
		*at = child->next;
	child->pid = 0;
}

static void tell_burial(pid_t pid, const char *what, int status)
{
	if (verbose && WIFSIGNALED(status))
		say("reaped %d (%s), signal %d", pid, what, WTERMSIG(status));
	else if (verbose)
		say("reaped %d (%s), status %d", pid, what, WEXITSTATUS(status));
}

static void bury_dead(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct child *child = *find(pid);

		tell_burial(pid, child ? child->name : "orphan", status);
		if (child) {
			child_forget(child);
			child->status = status;
		}
	}
}

int await_event(int64_t deadline)
{
	int64_t left = deadline - now();
	struct timespec timeout = { 0 };
	int signal;

	if (left > 0) {
		timeout.tv_sec = left / SECOND;
		timeout.tv_nsec = left % SECOND;
	}
	signal = sigtimedwait(&wanted, NULL, deadline == NEVER ? NULL : &timeout);
	bury_dead();
	return signal > 0 && signal != SIGCHLD ? signal : 0;
}

bool is_anybody_left(void)
{
	siginfo_t info;

	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD;
}

void execute(const char *path, char **argv)
{
	if (chdir("/root") < 0)
		(void)!chdir("/");
	execvp(path, argv);
}

_Noreturn void end_unexecuted(const char *path)
{
	int error = errno;

	dprintf(STDERR_FILENO, "init: %s: %s\n", path, strerror(error));
	_exit(error == ENOENT || error == ENOTDIR ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE);
}
