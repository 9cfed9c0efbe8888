/*
 * Zombies: what is left of a process between its death and the wait of its parent. It keeps its
 * pid, its parent and its status and is seen as Z; it has no memory and no files any more, takes
 * signals without effect, and goes when it is waited for. Sources: POSIX _exit() and kill(),
 * proc(5).
 */
#include "proc.h"

static pid_t zombie_with(int code)
{
	pid_t pid = FORK();

	if (pid == 0)
		_exit(code);
	await_zombie(pid);
	return pid;
}

TEST(state_is_z)
{
	pid_t pid = zombie_with(3);
	char line[64];

	CHECK_EQ(process_state(pid), 'Z');
	CHECK_EQ(process_parent(pid), getpid());
	status_line(pid, "State", line, sizeof(line));
	CHECK_STR(line, "Z (zombie)");
	status_line(pid, "Pid", line, sizeof(line));
	CHECK_EQ(atoi(line), pid);
	status_line(pid, "PPid", line, sizeof(line));
	CHECK_EQ(atoi(line), getpid());
	CHECK_EXIT(pid, 3);
	CHECK_EQ(process_state(pid), 0);
}

TEST(keeps_its_name)
{
	char mine[64], its[64];
	pid_t pid = zombie_with(0);

	status_line(getpid(), "Name", mine, sizeof(mine));
	status_line(pid, "Name", its, sizeof(its));
	CHECK_STR(its, mine);
	CHECK_EXIT(pid, 0);
}

TEST(has_no_memory)
{
	pid_t pid = zombie_with(0);
	char path[64], text[4096], line[64];

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	CHECK_EQ(read_text(path, text, sizeof(text)), 0);
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	CHECK(read_text(path, text, sizeof(text)) <= 0);
	CHECK(stat_field(pid, 23, line, sizeof(line))); /* virtual size */
	CHECK_STR(line, "0");
	CHECK_EXIT(pid, 0);
}

/*
 * A process that is killed while it sleeps, computes or is stopped becomes a zombie the same way.
 */
TEST(killed_processes_become_zombies)
{
	static const char states[] = { 'S', 'R', 'T' };

	for (size_t i = 0; i < sizeof(states); i++) {
		CONTEXT("killed in state %c", states[i]);
		pid_t pid = FORK();
		if (pid == 0 && states[i] == 'R')
			for (;;)
				asm volatile("");
		if (pid == 0)
			block_forever();
		if (states[i] == 'T')
			CHECK_EQ(kill(pid, SIGSTOP), 0);
		await_state(pid, states[i]);
		CHECK_EQ(kill(pid, SIGKILL), 0);
		await_zombie(pid);
		CHECK_EQ(process_state(pid), 'Z');
		CHECK_SIGNAL(pid, SIGKILL);
	}
}

TEST(takes_signals_without_effect)
{
	static const int signals[] = { 0, SIGTERM, SIGKILL, SIGSTOP, SIGCONT, SIGCHLD };
	pid_t pid = zombie_with(8);

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		CHECK_EQ(kill(pid, signals[i]), 0);
	CHECK_EQ(process_state(pid), 'Z');
	CHECK_EXIT(pid, 8); /* and not by SIGKILL */
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		CHECK_ERRNO(kill(pid, signals[i]), ESRCH);
}

TEST(keeps_its_group_alive)
{
	pid_t pid = FORK();

	if (pid == 0) {
		CHECK_EQ(setpgid(0, 0), 0);
		_exit(0);
	}
	await_zombie(pid);
	CHECK_EQ(getpgid(pid), pid);
	CHECK_EQ(getsid(pid), getsid(0));
	CHECK_EQ(kill(-pid, 0), 0);
	CHECK_EQ(kill(-pid, SIGTERM), 0);
	CHECK_EXIT(pid, 0);
	CHECK_ERRNO(kill(-pid, 0), ESRCH);
	CHECK_ERRNO(getpgid(pid), ESRCH);
}

TEST(its_files_are_closed)
{
	struct gate gate = gate_new();
	char byte;
	pid_t pid = FORK();

	if (pid == 0)
		_exit(0);
	CHECK_EQ(close(gate.in), 0);
	CHECK_EQ(read(gate.out, &byte, 1), 0);
	CHECK_EXIT(pid, 0);
}

TEST(its_pid_is_not_given_away)
{
	pid_t zombie = zombie_with(1);

	for (int i = 0; i < 500; i++) {
		pid_t pid = zombie_with(0);
		CHECK(pid != zombie);
		CHECK_EXIT(pid, 0);
	}
	CHECK_EXIT(zombie, 1);
}

/* The parent's own zombies are not inherited by its next child, nor lost by its exec of nothing. */
TEST(stays_with_its_parent)
{
	pid_t zombie = zombie_with(2);
	char *argv[] = { "none", NULL };

	pid_t pid = FORK();
	if (pid == 0) {
		CHECK_ERRNO(waitpid(zombie, NULL, 0), ECHILD);
		CHECK_EQ(process_state(zombie), 'Z');
		_exit(0);
	}
	CHECK_EXIT(pid, 0);
	CHECK_ERRNO(execve("/no/such/program", argv, environ), ENOENT);
	CHECK_EXIT(zombie, 2);
}

TEST(many)
{
	static pid_t pids[500];

	for (int i = 0; i < 500; i++)
		pids[i] = zombie_with(i % 100);
	for (int i = 0; i < 500; i++)
		CHECK_EQ(process_state(pids[i]), 'Z');
	for (int i = 499; i >= 0; i--)
		CHECK_EXIT(pids[i], i % 100);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
