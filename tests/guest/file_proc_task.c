/*
 * /proc/PID about the life of a process: limits, children, what a sleeper waits for (state, wchan,
 * stack), and the lines of status about signals and switches. Source: proc(5).
 */
#include "proc.h"
#include <sys/prctl.h>
#include <sys/resource.h>

static void read_of(pid_t pid, const char *name, char *text, size_t size)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	CONTEXT("%s", path);
	CHECK(read_text(path, text, size) >= 0);
}

TEST(limits)
{
	struct rlimit files = { 77, 99 }, none = { RLIM_INFINITY, RLIM_INFINITY };
	char text[4096];

	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &files), 0);
	CHECK_EQ(setrlimit(RLIMIT_CPU, &none), 0);
	read_of(getpid(), "limits", text, sizeof(text));
	CHECK(strstr(text, "Limit                     Soft Limit           Hard Limit           "
			   "Units     \n") == text);
	CHECK(strstr(text, "\nMax cpu time              unlimited            unlimited            "
			   "seconds   \n"));
	CHECK(strstr(text, "\nMax open files            77                   99                   "
			   "files     \n"));
	int lines = 0;
	for (const char *at = text; *at; at++)
		lines += *at == '\n';
	CHECK_EQ(lines, 17);
}

TEST(children)
{
	char path[64], text[256], expected[256];
	pid_t first = FORK(), second;

	if (first == 0)
		_exit(0);
	await_zombie(first);
	second = FORK();
	if (second == 0)
		block_forever();
	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	CHECK(read_text(path, text, sizeof(text)) > 0);
	snprintf(expected, sizeof(expected), "%d %d ", first, second);
	char other_order[256]; /* proc(5) promises none */
	snprintf(other_order, sizeof(other_order), "%d %d ", second, first);
	CHECK(!strcmp(text, expected) || !strcmp(text, other_order));
	CHECK_EXIT(first, 0);
	CHECK_EQ(kill(second, SIGKILL), 0);
	CHECK_SIGNAL(second, SIGKILL);
	CHECK_EQ(read_text(path, text, sizeof(text)), 0);
}

/* The classic session: state S, what it waits in, and on which descriptor. */
TEST(what_is_it_waiting_for)
{
	struct gate gate = gate_new();
	char text[4096];
	pid_t pid = FORK();

	if (pid == 0) {
		gate_pass(gate);
		_exit(0);
	}
	await_state(pid, 'S');
	read_of(pid, "wchan", text, sizeof(text));
	CHECK(strstr(text, "pipe_read") || !strcmp(text, "0")); /* 0: hidden from this superuser */
	snprintf(text, sizeof(text), "/proc/%d/stack", pid);
	FILE *stack = fopen(text, "r");
	size_t size = stack ? fread(text, 1, sizeof(text) - 1, stack) : 0;
	bool allowed = stack && !ferror(stack);
	text[size] = '\0';
	gate_open(gate, 1);
	CHECK_EXIT(pid, 0);
	if (!allowed)
		SKIP("stacks are not for this superuser");
	CHECK(strncmp(text, "[<0>] ", 6) == 0);
	CHECK(strstr(text, "pipe_read+0x"));
	CHECK(strstr(text, "syscall"));
	CHECK(strstr(text, "pipe_read") < strstr(text, "syscall")); /* innermost first */
}

TEST(a_zombie_has_no_stack_and_no_limits)
{
	char path[64], text[4096];
	pid_t pid = FORK();

	if (pid == 0)
		_exit(0);
	await_zombie(pid);
	snprintf(path, sizeof(path), "/proc/%d/children", pid);
	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	CHECK_EQ(read_text(path, text, sizeof(text)), 0);
	snprintf(path, sizeof(path), "/proc/%d/wchan", pid);
	CHECK(read_text(path, text, sizeof(text)) >= 0);
	CHECK_EXIT(pid, 0);
}

static int64_t status_number(pid_t pid, const char *name)
{
	char value[128];

	status_line(pid, name, value, sizeof(value));
	return strtoll(value, NULL, 10);
}

static uint64_t status_set(pid_t pid, const char *name)
{
	char value[128];

	status_line(pid, name, value, sizeof(value));
	return strtoull(value, NULL, 16);
}

static void nothing(int sig)
{
	(void)sig;
}

#define BIT(sig) (1ULL << ((sig)-1))

TEST(signals_in_status)
{
	struct gate ready = gate_new();
	pid_t pid = FORK();

	if (pid == 0) {
		struct sigaction ignore = { .sa_handler = SIG_IGN },
				 catch = { .sa_handler = nothing };
		sigset_t set;

		sigemptyset(&set);
		sigaddset(&set, SIGUSR1);
		sigaddset(&set, SIGRTMIN + 1);
		sigaddset(&set, SIGRTMAX);
		CHECK_EQ(sigprocmask(SIG_BLOCK, &set, NULL), 0);
		CHECK_EQ(sigaction(SIGUSR2, &ignore, NULL), 0);
		CHECK_EQ(sigaction(SIGTERM, &catch, NULL), 0);
		CHECK_EQ(raise(SIGUSR1), 0); /* to the thread */
		gate_open(ready, 1);
		block_forever();
	}
	gate_pass(ready);
	union sigval value = { .sival_int = 1 };
	CHECK_EQ(sigqueue(pid, SIGRTMIN + 1, value), 0);
	CHECK_EQ(sigqueue(pid, SIGRTMIN + 1, value), 0);
	CHECK_EQ(sigqueue(pid, SIGRTMAX, value), 0);
	CHECK_EQ(status_set(pid, "SigBlk"), BIT(SIGUSR1) | BIT(SIGRTMIN + 1) | BIT(SIGRTMAX));
	CHECK_EQ(status_set(pid, "SigIgn") & BIT(SIGUSR2), BIT(SIGUSR2));
	CHECK_EQ(status_set(pid, "SigCgt") & BIT(SIGTERM), BIT(SIGTERM));
	CHECK_EQ(status_set(pid, "SigPnd"), BIT(SIGUSR1));
	CHECK_EQ(status_set(pid, "ShdPnd"), BIT(SIGRTMIN + 1) | BIT(SIGRTMAX));
	char queued[128];
	status_line(pid, "SigQ", queued, sizeof(queued));
	CHECK(strchr(queued, '/') && atoi(queued) >= 4 && atoi(strchr(queued, '/') + 1) >= 4);
	CHECK_EQ(kill(pid, SIGKILL), 0);
	CHECK_SIGNAL(pid, SIGKILL);
}

TEST(switches_in_status)
{
	struct gate gate = gate_new();
	pid_t pid = FORK();

	if (pid == 0)
		for (;;)
			gate_pass(gate);
	await_state(pid, 'S');
	int64_t before = status_number(pid, "voluntary_ctxt_switches");
	for (int i = 0; i < 5; i++) {
		gate_open(gate, 1);
		while (status_number(pid, "voluntary_ctxt_switches") <= before + i)
			pause_briefly();
		await_state(pid, 'S');
	}
	CHECK_EQ(status_number(pid, "voluntary_ctxt_switches"), before + 5);
	CHECK_EQ(kill(pid, SIGKILL), 0);
	CHECK_SIGNAL(pid, SIGKILL);
}

TEST(identity_in_status)
{
	char value[128];

	CHECK_EQ(prctl(PR_SET_NAME, "a (b) c"), 0);
	status_line(getpid(), "Name", value, sizeof(value));
	CHECK_STR(value, "a (b) c");
	status_line(getpid(), "State", value, sizeof(value));
	CHECK_STR(value, "R (running)");
	CHECK_EQ(status_number(getpid(), "Pid"), getpid());
	CHECK_EQ(status_number(getpid(), "Tgid"), getpid());
	CHECK_EQ(status_number(getpid(), "PPid"), getppid());
	CHECK_EQ(status_number(getpid(), "TracerPid"), 0);
	CHECK_EQ(status_number(getpid(), "Threads"), 1);
	CHECK(status_number(getpid(), "VmRSS") > 0);
	CHECK(status_number(getpid(), "VmPeak") >= status_number(getpid(), "VmSize"));
	CHECK(status_number(getpid(), "RssAnon") <= status_number(getpid(), "VmRSS"));
	CHECK(status_set(getpid(), "Cpus_allowed") != 0);
	status_line(getpid(), "Cpus_allowed_list", value, sizeof(value));
	CHECK(value[0] >= '0' && value[0] <= '9');
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
