/*
 * uninterruptible: state D, in which even SIGKILL has to wait.
 *
 * A process asleep is woken by a signal, because most waits can be broken off: the call returns
 * EINTR. Some cannot: in the middle of a transfer from a disk, somebody is going to write into the
 * sleeper's memory. Such a sleep is uninterruptible, state D in ps; signals stay pending until what
 * it waits for has happened, SIGKILL like all others. Normally that takes milliseconds. When the
 * disk or the file server never answers, there is a process that nobody can kill, and the way to
 * learn what it waits for is the one shown here: STAT and WCHAN in ps, then /proc/PID/stack.
 *
 * mitos has a device for that, /dev/uninterruptible: whoever reads from it sleeps so until somebody
 * writes to it. (Try it by hand: `cat /dev/uninterruptible &`, and `echo >/dev/uninterruptible`.)
 *
 * Not every D is like this. A wait that may be broken off if the process never learns of it can be
 * killable: no signal ends it, save one that ends the process. A parent in vfork waits so, for a
 * child that runs in its memory. Linux shows D for both, and so does mitos.
 */
#include "demo.h"
#include "look.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>

enum { DESCRIPTORS = 64 };

static const char device[] = "/dev/uninterruptible";

static void show_sleeper(pid_t pid)
{
	char wchan[64] = "-", stack[2048];
	struct proc_stat stat = { 0 };

	proc_read(pid, "wchan", wchan, sizeof(wchan));
	proc_read_stat(pid, &stat);
	tell("    PID  PPID STAT WCHAN                COMMAND");
	tell("  %5d %5d %c    %-20s %s", stat.pid, stat.ppid, stat.state, wchan, stat.comm);
	if (proc_read(pid, "stack", stack, sizeof(stack)) <= 0)
		return;
	tell("  /proc/%d/stack:", pid);
	for (char *line = strtok(stack, "\n"); line; line = strtok(NULL, "\n"))
		tell("    %s", line);
}

static bool is_pending(pid_t pid, int signal)
{
	return look_has_signal(look_status(pid, "SigPnd", 16) | look_status(pid, "ShdPnd", 16),
			       signal);
}

static void show_pending(pid_t pid)
{
	tell("  SigPnd: %016lx  ShdPnd: %016lx", look_status(pid, "SigPnd", 16),
	     look_status(pid, "ShdPnd", 16));
}

/* ---- a sleep that SIGKILL does not end ---- */

static int returned[2]; /* written to by a sleeper that comes back from its read */

static _Noreturn void sleep_in_device(void)
{
	int fd = must(open(device, O_RDONLY), device);
	char byte;

	(void)!read(fd, &byte, 1);
	(void)!write(returned[1], "r", 1);
	_exit(0);
}

/* The descriptor that it has open for the device, or -1. */
static int descriptor_of_device(pid_t pid)
{
	char path[64], target[64];

	for (int fd = 0; fd < DESCRIPTORS; fd++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
		ssize_t length = readlink(path, target, sizeof(target));
		if (length == (ssize_t)strlen(device) && memcmp(target, device, length) == 0)
			return fd;
	}
	return -1;
}

static void look_at_sleeper(pid_t sleeper)
{
	char text[2048] = "";

	check(look_until(sleeper, 'D'), "it sleeps in state D:");
	show_sleeper(sleeper);
	check(proc_read(sleeper, "wchan", text, sizeof(text)) > 0 &&
		      strcmp(text, "uninterruptible_read") == 0,
	      "wchan names the function of the kernel that waits");
	check(proc_read(sleeper, "stack", text, sizeof(text)) > 0 && strstr(text, "sys_read"),
	      "the stack tells how it came there: by read");
	check(descriptor_of_device(sleeper) >= 0, "and /proc/%d/fd/%d what it reads: %s", sleeper,
	      descriptor_of_device(sleeper), device);
}

static void kill_sleeper(pid_t sleeper)
{
	check(kill(sleeper, SIGKILL) == 0, "SIGKILL can be sent");
	let_others_run();
	check(look_state(sleeper) == 'D' && waitpid(sleeper, NULL, WNOHANG) == 0,
	      "it has not ended: state D as before");
	check(is_pending(sleeper, SIGKILL), "SIGKILL, number 9, is pending:");
	show_pending(sleeper);
}

static void release_sleeper(pid_t sleeper)
{
	int status, fd = must(open(device, O_WRONLY), device);
	char byte;

	must(write(fd, "w", 1), device);
	close(fd);
	must(waitpid(sleeper, &status, 0), "waitpid");
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
	      "it has ended at once, by SIGKILL");
	close(returned[1]);
	check(read(returned[0], &byte, 1) == 0, "its program never saw read return");
}

static void show_uninterruptible(void)
{
	pid_t sleeper;

	gate_make(returned);
	sleeper = must(fork(), "fork");
	if (sleeper == 0)
		sleep_in_device();
	tell("I am process %d; my child %d reads from %s.", getpid(), sleeper, device);
	look_at_sleeper(sleeper);
	tell("I send it SIGKILL.");
	kill_sleeper(sleeper);
	tell("What it waits for happens: I write to the device.");
	release_sleeper(sleeper);
}

/* ---- a sleep that only SIGKILL ends ---- */

static void handler(int signal)
{
	(void)signal;
}

/* The child runs in the memory of its parent, who sleeps until it ends. */
static _Noreturn void sleep_in_vfork(const int gate[2])
{
	must(signal(SIGUSR1, handler) == SIG_ERR ? -1 : 0, "signal");
	if (must(vfork(), "vfork") == 0) {
		gate_wait(gate);
		_exit(0);
	}
	_exit(0);
}

static void show_killable(void)
{
	pid_t parent, child;
	int gate[2], status;

	must(prctl(PR_SET_CHILD_SUBREAPER, 1), "prctl");
	gate_make(gate);
	parent = must(fork(), "fork");
	if (parent == 0)
		sleep_in_vfork(gate);
	tell("Another kind of D: my child %d has called vfork, and waits for its own child.",
	     parent);
	check(look_until(parent, 'D'), "it sleeps in state D:");
	show_sleeper(parent);
	kill(parent, SIGUSR1);
	let_others_run();
	check(look_state(parent) == 'D' && is_pending(parent, SIGUSR1),
	      "SIGUSR1, for which it has a handler, is pending, and does not wake it:");
	show_pending(parent);
	kill(parent, SIGKILL);
	must(waitpid(parent, &status, 0), "waitpid");
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
	      "SIGKILL ends it though its child lives: this sleep is killable");
	gate_open(gate, 1);
	child = must(waitpid(-1, &status, 0), "waitpid");
	check(status == 0, "the child, %d, came to me, ended and is buried", child);
}

int main(void)
{
	if (access(device, F_OK) == 0)
		show_uninterruptible();
	else
		tell("I am process %d. There is no %s here: to see SIGKILL wait, run me on mitos.",
		     getpid(), device);
	show_killable();
	return demo_end();
}
