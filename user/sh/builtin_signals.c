/*
 * trap and kill (POSIX XCU).
 */
#include "builtins.h"

#include "jobs.h"
#include "shell.h"
#include "signames.h"
#include "trap.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

static int list_traps(void)
{
	for (int signal = 0; signal < NSIG; signal++)
		if (trap_get(signal))
			print_output("trap", "trap -- %s %s\n", quote_text(trap_get(signal)),
				     signal_name(signal));
	return EXIT_SUCCESS;
}

int run_trap(char **argv)
{
	const char *command = NULL;
	int status = EXIT_SUCCESS;

	argv++;
	if (*argv && strcmp(*argv, "--") == 0)
		argv++;
	if (!*argv)
		return list_traps();
	/* Where a command could be, a lone signal or a number asks for the default. */
	if (argv[1] && parse_number(*argv) < 0) {
		command = strcmp(*argv, "-") == 0 ? NULL : *argv;
		argv++;
	}
	for (; *argv; argv++) {
		int signal = signal_number(*argv);

		if (signal >= 0) {
			trap_set(signal, command);
		} else {
			complain("trap: %s: bad trap", *argv);
			status = EXIT_FAILURE;
		}
	}
	return status;
}

/* The names of all signals, or of those that a number or an exit status stands for. */
static int list_signals(char **numbers)
{
	if (!*numbers)
		for (int signal = 1; signal < NSIG; signal++)
			if (signal_name(signal))
				print_output("kill", "%s\n", signal_name(signal));
	for (; *numbers; numbers++) {
		int number = parse_number(*numbers);
		const char *name;

		if (number > STATUS_SIGNAL)
			number -= STATUS_SIGNAL;
		name = number > 0 ? signal_name(number) : NULL;
		if (!name)
			return misuse("kill", "%s: no signal's number", *numbers);
		print_output("kill", "%s\n", name);
	}
	return EXIT_SUCCESS;
}

/* The process, or with a minus the group, that the argument names; 0 after a complaint. */
static bool find_target(const char *text, pid_t *target)
{
	bool ambiguous;
	struct job *job;
	char *end;

	if (*text == '%') {
		job = jobs_find(text, &ambiguous);
		if (!job || ambiguous) {
			misuse("kill", "%s: no such job", text);
			return false;
		}
		*target = shell.job_control ? -job_group(job) : job_last_pid(job);
		return true;
	}
	*target = strtol(text, &end, 10);
	if (*text == '\0' || *end != '\0') {
		misuse("kill", "%s: not a process id", text);
		return false;
	}
	return true;
}

/* A stopped job could not die of a signal before it goes on. */
static void let_it_happen(const char *text, pid_t target, int signal)
{
	if (*text == '%' && shell.job_control && (signal == SIGTERM || signal == SIGHUP))
		kill(target, SIGCONT);
}

static int send_to(char **targets, int signal)
{
	int status = EXIT_SUCCESS;

	if (!*targets)
		return misuse("kill", "usage: kill [-SIGNAL] PID|%%JOB...");
	for (; *targets; targets++) {
		pid_t target;

		if (!find_target(*targets, &target)) {
			status = STATUS_MISUSE;
		} else if (kill(target, signal) < 0) {
			complain("kill: %s: %s", *targets, strerror(errno));
			status = EXIT_FAILURE;
		} else {
			let_it_happen(*targets, target, signal);
		}
	}
	return status;
}

int run_kill(char **argv)
{
	int signal = SIGTERM;
	const char *name = NULL;

	argv++;
	if (*argv && strcmp(*argv, "-l") == 0)
		return list_signals(argv + 1);
	if (*argv && strcmp(*argv, "-s") == 0 && argv[1]) {
		name = argv[1];
		argv += 2;
	} else if (*argv && (*argv)[0] == '-' && strcmp(*argv, "--") != 0) {
		name = *argv + 1;
		argv++;
	}
	if (*argv && strcmp(*argv, "--") == 0)
		argv++;
	if (name)
		signal = strcmp(name, "EXIT") == 0 ? 0 : signal_number(name);
	if (signal < 0)
		return misuse("kill", "%s: no signal's name", name);
	return send_to(argv, signal);
}
