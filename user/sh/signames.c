/*
 * Names of signals (POSIX XBD <signal.h>).
 */
#include "signames.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const NAMES[] = {
	[0] = "EXIT",		[SIGHUP] = "HUP",   [SIGINT] = "INT",	    [SIGQUIT] = "QUIT",
	[SIGILL] = "ILL",	[SIGTRAP] = "TRAP", [SIGABRT] = "ABRT",	    [SIGBUS] = "BUS",
	[SIGFPE] = "FPE",	[SIGKILL] = "KILL", [SIGUSR1] = "USR1",	    [SIGSEGV] = "SEGV",
	[SIGUSR2] = "USR2",	[SIGPIPE] = "PIPE", [SIGALRM] = "ALRM",	    [SIGTERM] = "TERM",
	[SIGSTKFLT] = "STKFLT", [SIGCHLD] = "CHLD", [SIGCONT] = "CONT",	    [SIGSTOP] = "STOP",
	[SIGTSTP] = "TSTP",	[SIGTTIN] = "TTIN", [SIGTTOU] = "TTOU",	    [SIGURG] = "URG",
	[SIGXCPU] = "XCPU",	[SIGXFSZ] = "XFSZ", [SIGVTALRM] = "VTALRM", [SIGPROF] = "PROF",
	[SIGWINCH] = "WINCH",	[SIGIO] = "IO",	    [SIGPWR] = "PWR",	    [SIGSYS] = "SYS",
};

static const int NAME_COUNT = sizeof(NAMES) / sizeof(NAMES[0]);

const char *signal_name(int number)
{
	static char text[24];

	if (number >= 0 && number < NAME_COUNT)
		return NAMES[number];
	if (number < NAME_COUNT || number >= NSIG)
		return NULL;
	if (number < SIGRTMIN)
		snprintf(text, sizeof(text), "%d", number);
	else if (number == SIGRTMIN)
		return "RTMIN";
	else
		snprintf(text, sizeof(text), "RTMIN+%d", number - SIGRTMIN);
	return text;
}

int signal_number(const char *text)
{
	char *end;
	long number = strtol(text, &end, 10);

	if (*text >= '0' && *text <= '9' && *end == '\0')
		return number < NSIG ? (int)number : -1;
	if (strncasecmp(text, "SIG", 3) == 0)
		text += 3;
	for (int i = 0; i < NSIG; i++)
		if (signal_name(i) && strcasecmp(signal_name(i), text) == 0)
			return i;
	return -1;
}
