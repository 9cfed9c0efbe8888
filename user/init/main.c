/*
 * init: the first process, PID 1, the only one that the kernel starts by itself.
 *
 * - It starts what the machine is there for: what /etc/inittab says, which is a shell on the
 *   console; or, if the host left a command in /etc/mitos/argv, that command, after which it
 *   switches the machine off.
 * - It is the parent of all orphans, and buries them (child.c).
 * - It ends the machine when it is asked to, and every process before (shutdown.c).
 * - It never ends: the kernel would panic. Signals that it does not ask for do nothing to it,
 *   SIGKILL and SIGSTOP included, because the kernel gives process 1 only what it wants.
 */
#include "init.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

#define COMMAND_GRACE (SECOND / 2) /* for what a command leaves behind */

static _Noreturn void serve_a_person(void)
{
	services_boot();
	for (;;) {
		int signal = await_event(services_step());

		if (signal == SIGHUP)
			services_reload();
		else
			obey(signal);
	}
}

/* ---- one command for the host ---- */

/* The strings that lie one after the other, each ended by a NUL, as a list that ends in NULL. */
static char **split_strings(char *strings, size_t length)
{
	size_t count = 0;
	char **list;

	for (size_t at = 0; at < length; at += strlen(strings + at) + 1)
		count++;
	list = calloc(count + 1, sizeof(*list));
	if (!list)
		return NULL;
	count = 0;
	for (size_t at = 0; at < length; at += strlen(strings + at) + 1)
		list[count++] = strings + at;
	return list;
}

/* The host types nothing before it reads in the log that the console is ready for it. */
static pid_t start_command(struct child *command, char **argv)
{
	pid_t pid = child_fork(command, "command");

	if (pid != 0)
		return pid;
	if (!open_terminal("/dev/console", FOR_HOST))
		_exit(STATUS_NOT_EXECUTABLE);
	say("running %s", argv[0]);
	execute(argv[0], argv);
	end_unexecuted(argv[0]);
}

/*
 * Runs the command until it ends, or until the end of the machine is asked for, and ends all that
 * there is then. Returns the status as a shell would; *signal is what was asked for, or 0.
 */
static int run_command(char **argv, int *signal)
{
	struct child command = { 0 };

	if (!argv || !argv[0])
		return STATUS_NOT_FOUND;
	if (start_command(&command, argv) < 0) {
		say("cannot fork: %s", strerror(errno));
		return STATUS_NOT_EXECUTABLE;
	}
	while (command.pid && !ends_machine(*signal))
		*signal = await_event(NEVER);
	end_processes(COMMAND_GRACE);
	return WIFSIGNALED(command.status) ? STATUS_SIGNAL + WTERMSIG(command.status)
					   : WEXITSTATUS(command.status);
}

/* The host reads the last line that this writes to the log. */
static _Noreturn void serve_the_host(char *strings, size_t length)
{
	int signal = 0;

	say("exit status %d", run_command(split_strings(strings, length), &signal));
	end_machine(ends_machine(signal) ? signal : SIGUSR2);
}

int main(void)
{
	size_t length;
	char *command;

	if (getpid() != 1) {
		fprintf(stderr, "init: the kernel starts me, as process 1\n");
		return 1;
	}
	block_signals();
	reboot(RB_DISABLE_CAD); /* Ctrl-Alt-Del is a SIGINT to init */
	mount_proc();
	verbose = has_boot_option("init.verbose");
	set_environment();
	command = read_file("/etc/mitos/argv", &length);
	if (command)
		serve_the_host(command, length);
	serve_a_person();
}
