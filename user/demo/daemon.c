/*
 * daemon: how a process leaves the terminal it was started from.
 *
 * A process belongs to a group, the group to a session, and the session may have a terminal. All
 * three are inherited, and by all three the terminal reaches it: Ctrl-C goes to the foreground
 * group, and when the terminal goes away the session is told by SIGHUP. A daemon wants none of
 * this, and nobody waiting for it (daemon(7), setsid(2)):
 *
 *	fork, and the parent ends: the child leads no group, so it may make a session;
 *	setsid: a new session and a new group, without a terminal;
 *	fork, and the parent ends: who does not lead its session gets no terminal by opening one;
 *	chdir("/"), umask, /dev/null for descriptors 0 to 2, the others closed: it holds nothing.
 *
 * Its parent is PID 1 then, or on Linux whoever has volunteered. Here I am the first parent, and
 * stay to tell.
 */
#include "demo.h"
#include "look.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

enum { NAME = 64, DESCRIPTORS = 64 };

/* To me: the daemon's pid, and who got a terminal. */
struct report {
	pid_t pid;
	bool got_terminal;
};

static int reports[2];

static void report(pid_t pid, bool got_terminal)
{
	struct report report = { pid, got_terminal };

	(void)!write(reports[1], &report, sizeof(report));
}

static struct report listen(void)
{
	struct report heard = { 0 };

	must(read(reports[0], &heard, sizeof(heard)) == sizeof(heard) ? 0 : -1, "read");
	return heard;
}

static struct proc_stat look(pid_t pid)
{
	struct proc_stat stat = { 0 };

	must(proc_read_stat(pid, &stat) ? 0 : -1, "/proc");
	return stat;
}

static void show(const char *who, pid_t pid)
{
	struct proc_stat stat = look(pid);

	tell("    PID  PPID  PGID   SID TERMINAL");
	tell("  %5d %5d %5d %5d %-8s  %s", pid, stat.ppid, stat.pgrp, stat.session,
	     stat.tty_nr ? "yes" : "none", who);
}

/* Opens a terminal without O_NOCTTY, as a careless library may. Is it the controlling one then? */
static bool open_terminal(const char *name)
{
	return *name && open(name, O_RDWR) >= 0 && look(getpid()).tty_nr != 0;
}

static _Noreturn void be_daemon(const char *terminal)
{
	int null = must(open("/dev/null", O_RDWR), "/dev/null");

	must(chdir("/"), "chdir");
	umask(022);
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		must(dup2(null, fd), "dup2");
	for (int fd = STDERR_FILENO + 1; fd < DESCRIPTORS; fd++)
		if (fd != reports[1])
			close(fd);
	report(getpid(), open_terminal(terminal));
	for (;;)
		pause();
}

/* Makes the session, forks the daemon when told to, and ends. */
static _Noreturn void be_first(const int gate[2], const char *terminal)
{
	must(setsid(), "setsid");
	report(getpid(), false);
	gate_wait(gate);
	if (must(fork(), "fork") == 0)
		be_daemon(terminal);
	_exit(0);
}

/* Members of the old session cannot be led by one who is in another. */
static void show_refusal(void)
{
	int status;
	pid_t child = must(fork(), "fork");

	if (child == 0) {
		must(setpgid(0, 0), "setpgid");
		_exit(setsid() < 0 && errno == EPERM ? EXIT_SUCCESS : EXIT_FAILURE);
	}
	must(waitpid(child, &status, 0), "waitpid");
	check(status == 0, "a child of mine that leads a group calls setsid: EPERM");
}

static void look_at_first(pid_t first)
{
	struct proc_stat stat = look(first);

	show("the child", first);
	check(stat.session == first && stat.pgrp == first,
	      "it leads a session and a group of its own");
	check(stat.tty_nr == 0, "the session has no terminal");
}

static bool leads_to(pid_t pid, const char *what, const char *expected)
{
	char path[64], target[64] = "";

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, what);
	(void)!readlink(path, target, sizeof(target) - 1);
	return strcmp(target, expected) == 0;
}

static void look_at_daemon(pid_t daemon, pid_t first)
{
	struct proc_stat stat = look(daemon);

	show("the daemon", daemon);
	check(look_adopts(stat.ppid), "its parent is %d: nobody here will wait for it", stat.ppid);
	check(stat.session == first && stat.pgrp == first && look_state(first) == 0,
	      "session and group %d have outlived process %d", first, first);
	check(stat.session != getsid(0) && stat.pgrp != getpgrp(),
	      "they are not mine: neither Ctrl-C nor a hangup here reaches it");
	check(leads_to(daemon, "cwd", "/") && leads_to(daemon, "fd/0", "/dev/null") &&
		      leads_to(daemon, "fd/1", "/dev/null") &&
		      leads_to(daemon, "fd/2", "/dev/null"),
	      "its directory is /, its descriptors 0 to 2 are /dev/null");
}

/* A terminal that is no session's. The name stays empty if there are no pseudo-terminals. */
static void make_terminal(char *name)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY);

	if (master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0)
		snprintf(name, NAME, "%s", ptsname(master));
}

/* What the second fork is for: a leader in the daemon's place gets the terminal that it opens. */
static void compare_with_leader(const char *terminal, bool daemon_got)
{
	pid_t leader;

	if (!*terminal) {
		tell("  (There is no pseudo-terminal here that it could open.)");
		return;
	}
	check(!daemon_got, "it has opened a terminal, and still has none");
	leader = must(fork(), "fork");
	if (leader == 0) {
		must(setsid(), "setsid");
		report(getpid(), open_terminal(terminal));
		_exit(0);
	}
	check(listen().got_terminal, "process %d, who leads its session, has one after the same",
	      leader);
	must(waitpid(leader, NULL, 0), "waitpid");
}

int main(void)
{
	char for_daemon[NAME] = "", for_leader[NAME] = "";
	struct report report;
	pid_t first;
	int gate[2];

	gate_make(gate);
	gate_make(reports);
	make_terminal(for_daemon);
	make_terminal(for_leader);
	tell("I am process %d, and want to start a daemon.", getpid());
	show("I", getpid());
	show_refusal();

	tell("I fork a child that leads nothing. It calls setsid.");
	first = must(fork(), "fork");
	if (first == 0)
		be_first(gate, for_daemon);
	listen();
	look_at_first(first);

	tell("It forks, and ends; I wait for it.");
	gate_open(gate, 1);
	must(waitpid(first, NULL, 0), "waitpid");
	report = listen();
	look_at_daemon(report.pid, first);
	compare_with_leader(for_leader, report.got_terminal);

	tell("I send SIGTERM to the daemon.");
	kill(report.pid, SIGTERM);
	look_until_buried(report.pid);
	check(waitpid(report.pid, NULL, 0) < 0 && errno == ECHILD,
	      "it has ended, and its parent has waited for it: I could not");
	return demo_end();
}
