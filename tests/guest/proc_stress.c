/*
 * Storms of processes: 2,000 of them are forked, run programs, crash, are killed, stopped, orphaned
 * and waited for in every way, in an order that a seed decides, and each must report exactly what
 * it was made to do. The seeds are printed; the environment variable SEED makes others. Sources:
 * those of the calls' own tests.
 */
#include "proc.h"

enum { STORM = 400, MOST = 40, KINDS = 9 };

enum kind {
	EXITS,
	RETURNS_LATE,
	CRASHES,
	IS_KILLED,
	IS_STOPPED,
	RUNS_PROGRAM,
	HAS_CHILD,
	LEAVES_ORPHAN,
	VFORKS
};

struct child {
	pid_t pid; /* 0 if the place is free */
	enum kind kind;
	int code; /* the exit code it was given */
};

static struct child children[MOST];
static uint32_t state;
static char memory[64 * 4096];

static uint32_t draw(uint32_t below)
{
	state = state * 1664525u + 1013904223u;
	return (state >> 8) % below;
}

/* Some memory is written in between, so that pages are shared and parted all the time. */
static void scribble(int value)
{
	for (size_t i = 0; i < sizeof(memory); i += 4096)
		((volatile char *)memory)[i + (unsigned)value % 4096] = (char)value;
}

static void check_scribble(int value)
{
	for (size_t i = 0; i < sizeof(memory); i += 4096)
		CHECK_EQ(((volatile char *)memory)[i + (unsigned)value % 4096], (char)value);
}

__attribute__((noreturn)) static void run_program(int code)
{
	char text[16], *argv[] = { "proc_stress", "exit", text, NULL };

	snprintf(text, sizeof(text), "%d", code);
	execve(own_path, argv, environ);
	_exit(KTAP_FAILED);
}

__attribute__((noreturn)) static void live(enum kind kind, int code)
{
	scribble(code);
	switch (kind) {
	case EXITS:
		_exit(code);
	case RETURNS_LATE:
		for (int i = 0; i < code; i++)
			sched_yield();
		break;
	case CRASHES: {
		int *volatile nowhere = BAD_POINTER;
		*nowhere = 1;
		break;
	}
	case IS_KILLED:
	case IS_STOPPED:
		block_forever();
	case RUNS_PROGRAM:
		run_program(code);
	case HAS_CHILD: {
		pid_t pid = FORK();
		if (pid == 0) {
			check_scribble(code);
			_exit(code);
		}
		scribble(code + 1);
		CHECK_EXIT(pid, code);
		check_scribble(code + 1);
		_exit(code);
	}
	case LEAVES_ORPHAN:
		if (FORK() == 0)
			_exit(code);
		break;
	case VFORKS: {
		pid_t pid = vfork();
		if (pid == 0)
			_exit(code);
		CHECK_EXIT(pid, code);
		break;
	}
	}
	check_scribble(code);
	_exit(code);
}

static void check_status(const struct child *child, int status)
{
	CONTEXT("child of kind %d, code %d, wait status 0x%04x", child->kind, child->code, status);
	if (child->kind == CRASHES)
		CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	else if (child->kind == IS_KILLED || child->kind == IS_STOPPED)
		CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	else
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == child->code);
}

/* Brings those to an end who do not end by themselves. */
static void bring_to_end(const struct child *child)
{
	int status;

	if (child->kind == IS_STOPPED) {
		CHECK_EQ(kill(child->pid, SIGSTOP), 0);
		CHECK_EQ(waitpid(child->pid, &status, WUNTRACED), child->pid);
		CHECK(WIFSTOPPED(status));
		if (draw(2))
			CHECK_EQ(kill(child->pid, SIGCONT), 0);
	}
	if (child->kind == IS_STOPPED || child->kind == IS_KILLED)
		CHECK_EQ(kill(child->pid, SIGKILL), 0);
}

static struct child *find(pid_t pid)
{
	for (int i = 0; i < MOST; i++)
		if (children[i].pid == pid)
			return &children[i];
	FAIL("pid %d is none of the children", (int)pid);
}

static void wait_for_one(struct child *child)
{
	siginfo_t info;
	int status;

	bring_to_end(child);
	if (draw(3) == 0) {
		CHECK_EQ(waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOWAIT), 0);
		CHECK_EQ(info.si_pid, child->pid);
		CHECK_EQ(process_state(child->pid), 'Z');
	}
	CHECK_EQ(waitpid(child->pid, &status, 0), child->pid);
	check_status(child, status);
	child->pid = 0;
}

static void wait_for_any(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct child *child = find(pid);
		check_status(child, status);
		child->pid = 0;
	}
	CHECK(pid == 0 || errno == ECHILD);
}

static void start_one(struct child *child)
{
	child->kind = (enum kind)draw(KINDS);
	child->code = (int)draw(100);
	child->pid = FORK();
	if (child->pid == 0)
		live(child->kind, child->code);
}

static void storm(uint32_t number)
{
	const char *seed = getenv("SEED");
	int started = 0;

	state = (seed ? (uint32_t)strtoul(seed, NULL, 0) : 0) + number;
	DIAG("seed %u", state);
	while (started < STORM) {
		struct child *child = &children[draw(MOST)];
		if (child->pid) {
			wait_for_one(child);
		} else {
			start_one(child);
			started++;
		}
		if (draw(8) == 0)
			wait_for_any();
		scribble(started);
	}
	for (int i = 0; i < MOST; i++)
		if (children[i].pid)
			wait_for_one(&children[i]);
	CHECK_ERRNO(waitpid(-1, NULL, 0), ECHILD);
	check_scribble(started);
}

TEST(first_storm)
{
	storm(1);
}

TEST(second_storm)
{
	storm(2);
}

TEST(third_storm)
{
	storm(3);
}

TEST(fourth_storm)
{
	storm(4);
}

TEST(fifth_storm)
{
	storm(5);
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "exit"))
		return atoi(argv[2]);
	return ktap_main(argc, argv);
}
