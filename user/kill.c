/* kill: sends a signal (SIGTERM; or -9, -KILL, -STOP ...) to processes. Until BusyBox comes. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	int number;
} SIGNALS[] = {
	{ "HUP", SIGHUP },   { "INT", SIGINT },	  { "QUIT", SIGQUIT }, { "ABRT", SIGABRT },
	{ "KILL", SIGKILL }, { "SEGV", SIGSEGV }, { "PIPE", SIGPIPE }, { "ALRM", SIGALRM },
	{ "TERM", SIGTERM }, { "CHLD", SIGCHLD }, { "CONT", SIGCONT }, { "STOP", SIGSTOP },
	{ "TSTP", SIGTSTP }, { "USR1", SIGUSR1 }, { "USR2", SIGUSR2 },
};

static int signal_number(const char *text)
{
	char *end;
	long number = strtol(text, &end, 10);

	if (end != text && *end == '\0' && number >= 0 && number <= SIGRTMAX)
		return number;
	if (strncmp(text, "SIG", 3) == 0)
		text += 3;
	for (size_t i = 0; i < sizeof(SIGNALS) / sizeof(SIGNALS[0]); i++)
		if (strcmp(SIGNALS[i].name, text) == 0)
			return SIGNALS[i].number;
	return -1;
}

int main(int argc, char **argv)
{
	int number = SIGTERM;
	int status = 0;
	int i = 1;

	if (argc > 1 && argv[1][0] == '-')
		number = signal_number(argv[i++] + 1);
	if (number < 0 || i == argc) {
		fprintf(stderr, "usage: kill [-SIGNAL] PID...\n");
		return 1;
	}
	for (; i < argc; i++) {
		char *end;
		long pid = strtol(argv[i], &end, 10);

		if (end == argv[i] || *end != '\0')
			errno = EINVAL;
		else if (kill(pid, number) == 0)
			continue;
		fprintf(stderr, "kill: %s: %s\n", argv[i], strerror(errno));
		status = 1;
	}
	return status;
}
