/*
 * wait4 and waitid: which children a call waits for, what it reports about them, in which order,
 * and what it leaves behind. Sources: POSIX wait(), waitpid(), waitid(); wait(2), wait4(2).
 */
#include "proc.h"
#include <sys/mman.h>
#include <sys/resource.h>

enum { CLONE_OPTIONS = __WCLONE | __WALL };

static long wait4_raw(pid_t pid, int *status, int options, struct rusage *usage)
{
	return syscall(SYS_wait4, pid, status, options, usage);
}

static long waitid_raw(int type, id_t id, siginfo_t *info, int options, struct rusage *usage)
{
	return syscall(SYS_waitid, type, id, info, options, usage);
}

static pid_t exits_with(int code)
{
	pid_t pid = FORK();

	if (pid == 0)
		_exit(code);
	return pid;
}

static pid_t blocked_child(void)
{
	pid_t pid = FORK();

	if (pid == 0)
		block_forever();
	return pid;
}

static void end_child(pid_t pid)
{
	CHECK_EQ(kill(pid, SIGKILL), 0);
	CHECK_SIGNAL(pid, SIGKILL);
}

/* A child in a process group of its own. */
static pid_t group_leader(int code)
{
	pid_t pid = FORK();

	if (pid == 0) {
		CHECK_EQ(setpgid(0, 0), 0);
		_exit(code);
	}
	await_zombie(pid);
	return pid;
}

/* ---- whom wait4 waits for -------------------------------------------------------------------- */

TEST(no_children)
{
	static const int options[] = {
		0, WNOHANG, WUNTRACED, WCONTINUED, __WALL, __WCLONE, __WNOTHREAD,
	};
	const pid_t pids[] = { -1,	  0,	       1,	getpid(), getppid(),
			       -getpid(), -getpgid(0), INT_MAX, -INT_MAX };

	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		for (size_t j = 0; j < ARRAY_SIZE(pids); j++) {
			CONTEXT("pid %d, options 0x%x", (int)pids[j], (unsigned)options[i]);
			CHECK_ERRNO(wait4_raw(pids[j], NULL, options[i], NULL), ECHILD);
		}
	CHECK_ERRNO(wait4_raw(INT_MIN, NULL, 0, NULL), ESRCH);
}

TEST(bad_options)
{
	pid_t pid = exits_with(0);

	await_zombie(pid);
	for (int bit = 0; bit < 32; bit++) {
		unsigned option = 1u << bit;
		if (option &
		    (WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | (unsigned)CLONE_OPTIONS))
			continue;
		CONTEXT("option 0x%x", option);
		CHECK_ERRNO(wait4_raw(pid, NULL, (int)option, NULL), EINVAL);
	}
	CHECK_EXIT(pid, 0);
}

TEST(a_certain_child)
{
	int status;
	pid_t first = exits_with(1), second = exits_with(2);

	CHECK_EQ(wait4_raw(second, &status, 0, NULL), second);
	CHECK_EQ(status, 2 << 8);
	CHECK_ERRNO(wait4_raw(second, &status, 0, NULL), ECHILD);
	CHECK_EQ(wait4_raw(first, &status, 0, NULL), first);
	CHECK_EQ(status, 1 << 8);
	CHECK_ERRNO(wait4_raw(first, &status, WNOHANG, NULL), ECHILD);
}

TEST(any_child)
{
	pid_t pid = exits_with(3);
	int status;

	CHECK_EQ(wait4_raw(-1, &status, 0, NULL), pid);
	CHECK_EQ(status, 3 << 8);
	CHECK_ERRNO(wait4_raw(-1, &status, 0, NULL), ECHILD);
}

TEST(children_of_a_group)
{
	pid_t leader = group_leader(4), mine = exits_with(5);
	int status;

	CHECK_ERRNO(wait4_raw(-mine, &status, 0, NULL), ECHILD); /* mine leads no group */
	CHECK_EQ(wait4_raw(0, &status, 0, NULL), mine);
	CHECK_EQ(status, 5 << 8);
	CHECK_ERRNO(wait4_raw(0, &status, 0, NULL), ECHILD);
	CHECK_ERRNO(wait4_raw(-getpgid(0), &status, 0, NULL), ECHILD);
	CHECK_EQ(wait4_raw(-leader, &status, 0, NULL), leader);
	CHECK_EQ(status, 4 << 8);
}

TEST(without_hanging)
{
	pid_t pid = blocked_child();
	int status = 4711;
	struct rusage usage;

	memset(&usage, 0x55, sizeof(usage));
	CHECK_EQ(wait4_raw(pid, &status, WNOHANG, &usage), 0);
	CHECK_EQ(wait4_raw(-1, &status, WNOHANG, NULL), 0);
	CHECK_EQ(wait4_raw(0, &status, WNOHANG | WUNTRACED | WCONTINUED, NULL), 0);
	CHECK_EQ(status, 4711);
	CHECK_EQ(usage.ru_maxrss, 0x5555555555555555);
	CHECK_EQ(kill(pid, SIGTERM), 0);
	await_zombie(pid);
	CHECK_EQ(wait4_raw(pid, &status, WNOHANG, NULL), pid);
	CHECK_EQ(status, SIGTERM);
}

TEST(wait_blocks_until_the_child_ends)
{
	struct gate go = gate_new();
	pid_t waiter = FORK();

	if (waiter == 0) {
		pid_t pid = FORK();
		if (pid == 0) {
			gate_pass(go);
			_exit(6);
		}
		CHECK_EXIT(pid, 6);
		_exit(0);
	}
	await_state(waiter, 'S');
	gate_open(go, 1);
	CHECK_EXIT(waiter, 0);
}

TEST(grandchildren_are_not_waited_for)
{
	struct gate channel = gate_new();
	pid_t grandchild;

	pid_t child = FORK();
	if (child == 0) {
		grandchild = exits_with(0);
		await_zombie(grandchild);
		CHECK_EQ(write(channel.in, &grandchild, sizeof(grandchild)), sizeof(grandchild));
		block_forever();
	}
	CHECK_EQ(read(channel.out, &grandchild, sizeof(grandchild)), sizeof(grandchild));
	CHECK_ERRNO(wait4_raw(grandchild, NULL, 0, NULL), ECHILD);
	CHECK_EQ(wait4_raw(-1, NULL, WNOHANG, NULL), 0);
	end_child(child);
}

TEST(siblings_are_not_waited_for)
{
	pid_t sibling = exits_with(0);

	await_zombie(sibling);
	pid_t pid = FORK();
	if (pid == 0) {
		CHECK_ERRNO(wait4_raw(sibling, NULL, 0, NULL), ECHILD);
		CHECK_ERRNO(wait4_raw(-1, NULL, 0, NULL), ECHILD);
		_exit(0);
	}
	CHECK_EXIT(pid, 0);
	CHECK_EXIT(sibling, 0);
}

/*
 * Linux reaps first and copies afterwards: a bad pointer is an error and the child is gone all the
 * same.
 */
TEST(bad_pointers)
{
	void *const bad[] = { BAD_POINTER, KERNEL_ADDRESS, NON_CANONICAL };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CONTEXT("pointer %p", bad[i]);
		pid_t pid = exits_with(0);
		CHECK_ERRNO(wait4_raw(pid, bad[i], 0, NULL), EFAULT);
		CHECK_ERRNO(wait4_raw(pid, NULL, 0, NULL), ECHILD);
		pid = exits_with(0);
		CHECK_ERRNO(wait4_raw(pid, NULL, 0, bad[i]), EFAULT);
		CHECK_ERRNO(wait4_raw(pid, NULL, 0, NULL), ECHILD);
	}
}

TEST(null_pointers)
{
	pid_t pid = exits_with(9);

	CHECK_EQ(wait4_raw(pid, NULL, 0, NULL), pid);
}

/* ---- stopping and continuing ----------------------------------------------------------------- */

TEST(stopped_and_continued)
{
	pid_t pid = blocked_child();
	int status;

	CHECK_EQ(kill(pid, SIGSTOP), 0);
	CHECK_EQ(wait4_raw(pid, &status, WUNTRACED, NULL), pid);
	CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	CHECK_EQ(status, SIGSTOP << 8 | 0x7f);
	CHECK_EQ(process_state(pid), 'T');
	CHECK_EQ(wait4_raw(pid, &status, WUNTRACED | WNOHANG, NULL), 0); /* told only once */
	CHECK_EQ(wait4_raw(pid, &status, WNOHANG, NULL), 0);
	CHECK_EQ(kill(pid, SIGCONT), 0);
	CHECK_EQ(wait4_raw(pid, &status, WCONTINUED, NULL), pid);
	CHECK(WIFCONTINUED(status));
	CHECK_EQ(status, 0xffff);
	CHECK_EQ(wait4_raw(pid, &status, WCONTINUED | WUNTRACED | WNOHANG, NULL), 0);
	end_child(pid);
}

TEST(every_stopping_signal)
{
	static const int signals[] = { SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU };

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		int status;
		pid_t pid = blocked_child();
		CONTEXT("signal %d", signals[i]);
		CHECK_EQ(kill(pid, signals[i]), 0);
		CHECK_EQ(wait4_raw(-1, &status, WUNTRACED, NULL), pid);
		CHECK_EQ(status, signals[i] << 8 | 0x7f);
		end_child(pid);
	}
}

TEST(unasked_stops_are_not_reported)
{
	pid_t pid = blocked_child();

	CHECK_EQ(kill(pid, SIGSTOP), 0);
	await_state(pid, 'T');
	CHECK_EQ(wait4_raw(pid, NULL, WNOHANG, NULL), 0);
	CHECK_EQ(wait4_raw(pid, NULL, WNOHANG | WCONTINUED, NULL), 0);
	CHECK_EQ(kill(pid, SIGCONT), 0);
	CHECK_EQ(wait4_raw(pid, NULL, WNOHANG | WUNTRACED, NULL), 0);
	end_child(pid);
}

TEST(stop_oneself_many_times)
{
	pid_t pid = FORK();
	int status;

	if (pid == 0) {
		for (int i = 0; i < 20; i++)
			CHECK_EQ(kill(getpid(), SIGSTOP), 0);
		_exit(12);
	}
	for (int i = 0; i < 20; i++) {
		CHECK_EQ(wait4_raw(pid, &status, WUNTRACED, NULL), pid);
		CHECK_EQ(status, SIGSTOP << 8 | 0x7f);
		CHECK_EQ(kill(pid, SIGCONT), 0);
	}
	CHECK_EQ(wait4_raw(pid, &status, WUNTRACED, NULL), pid);
	CHECK_EQ(status, 12 << 8);
}

/* ---- rusage ---------------------------------------------------------------------------------- */

static int64_t cpu_us(const struct rusage *usage)
{
	return (usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1000000LL +
	       usage->ru_utime.tv_usec + usage->ru_stime.tv_usec;
}

TEST(resources_of_the_child)
{
	struct rusage usage, idle;

	memset(&usage, 0x55, sizeof(usage));
	pid_t pid = FORK();
	if (pid == 0) {
		volatile char *fresh = mmap(NULL, 65536, PROT_READ | PROT_WRITE,
					    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		for (int i = 0; i < 65536; i += 4096)
			fresh[i] = 1; /* 16 faults, whatever fork left to be faulted in */
		burn_cpu_ms(100);
		_exit(0);
	}
	CHECK_EQ(wait4_raw(pid, NULL, 0, &usage), pid);
	CHECK(cpu_us(&usage) >= 50000 && cpu_us(&usage) < 60000000);
	CHECK(usage.ru_minflt >= 16 && usage.ru_minflt < 1000000);
	pid = exits_with(0);
	CHECK_EQ(wait4_raw(pid, NULL, 0, &idle), pid);
	CHECK(cpu_us(&idle) < cpu_us(&usage));
}

TEST(resources_of_grandchildren_are_included)
{
	struct rusage usage;

	pid_t pid = FORK();
	if (pid == 0) {
		pid_t inner = FORK();
		if (inner == 0) {
			burn_cpu_ms(100);
			_exit(0);
		}
		CHECK_EXIT(inner, 0);
		_exit(0);
	}
	CHECK_EQ(wait4_raw(pid, NULL, 0, &usage), pid);
	CHECK(cpu_us(&usage) >= 50000);
}

/* ---- waitid ---------------------------------------------------------------------------------- */

static void check_info(const siginfo_t *info, pid_t pid, int code, int status)
{
	CHECK_EQ(info->si_signo, SIGCHLD);
	CHECK_EQ(info->si_errno, 0);
	CHECK_EQ(info->si_pid, pid);
	CHECK_EQ(info->si_uid, getuid());
	CHECK_EQ(info->si_code, code);
	CHECK_EQ(info->si_status, status);
}

TEST(waitid_reports_exits)
{
	pid_t pid = exits_with(300);
	siginfo_t info;

	memset(&info, 0x55, sizeof(info));
	CHECK_EQ(waitid_raw(P_PID, (id_t)pid, &info, WEXITED, NULL), 0);
	check_info(&info, pid, CLD_EXITED, 300 & 0xff);
	CHECK_ERRNO(waitid_raw(P_PID, (id_t)pid, &info, WEXITED, NULL), ECHILD);
}

TEST(waitid_reports_signals)
{
	struct rlimit none = { 0, 0 };
	siginfo_t info;

	pid_t pid = blocked_child();
	CHECK_EQ(kill(pid, SIGTERM), 0);
	CHECK_EQ(waitid_raw(P_ALL, 0, &info, WEXITED, NULL), 0);
	check_info(&info, pid, CLD_KILLED, SIGTERM);
	CHECK_EQ(setrlimit(RLIMIT_CORE, &none), 0);
	pid = FORK();
	if (pid == 0)
		abort();
	CHECK_EQ(waitid_raw(P_ALL, 0, &info, WEXITED, NULL), 0);
	check_info(&info, pid, info.si_code, SIGABRT);
	CHECK(info.si_code == CLD_KILLED || info.si_code == CLD_DUMPED);
}

TEST(waitid_reports_stops)
{
	pid_t pid = blocked_child();
	siginfo_t info;

	CHECK_EQ(kill(pid, SIGSTOP), 0);
	CHECK_EQ(waitid_raw(P_PID, (id_t)pid, &info, WSTOPPED | WNOWAIT, NULL), 0);
	check_info(&info, pid, CLD_STOPPED, SIGSTOP);
	CHECK_EQ(waitid_raw(P_PID, (id_t)pid, &info, WSTOPPED, NULL), 0);
	check_info(&info, pid, CLD_STOPPED, SIGSTOP);
	CHECK_EQ(waitid_raw(P_PID, (id_t)pid, &info, WSTOPPED | WNOHANG, NULL), 0);
	CHECK_EQ(info.si_pid, 0);
	CHECK_EQ(kill(pid, SIGCONT), 0);
	CHECK_EQ(waitid_raw(P_PID, (id_t)pid, &info, WCONTINUED | WNOWAIT, NULL), 0);
	check_info(&info, pid, CLD_CONTINUED, SIGCONT);
	CHECK_EQ(waitid_raw(P_PID, (id_t)pid, &info, WCONTINUED, NULL), 0);
	check_info(&info, pid, CLD_CONTINUED, SIGCONT);
	end_child(pid);
}

TEST(waitid_selects_by_kind)
{
	pid_t pid = exits_with(1);
	siginfo_t info;

	await_zombie(pid);
	CHECK_ERRNO(waitid_raw(P_PID, (id_t)pid, &info, WSTOPPED | WNOHANG, NULL), ECHILD);
	CHECK_ERRNO(waitid_raw(P_PID, (id_t)pid, &info, WCONTINUED, NULL), ECHILD);
	CHECK_EQ(waitid_raw(P_PID, (id_t)pid, &info, WEXITED | WSTOPPED | WCONTINUED, NULL), 0);
	check_info(&info, pid, CLD_EXITED, 1);
}

TEST(waitid_without_waiting_off)
{
	pid_t pid = exits_with(2);
	siginfo_t info;
	struct rusage usage;

	for (int i = 0; i < 5; i++) {
		memset(&info, 0, sizeof(info));
		CHECK_EQ(waitid_raw(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT, &usage), 0);
		check_info(&info, pid, CLD_EXITED, 2);
	}
	CHECK_EXIT(pid, 2);
}

TEST(waitid_without_hanging)
{
	pid_t pid = blocked_child();
	siginfo_t info;

	memset(&info, 0x55, sizeof(info));
	CHECK_EQ(waitid_raw(P_ALL, 0, &info, WEXITED | WNOHANG, NULL), 0);
	CHECK_EQ(info.si_pid, 0);
	CHECK_EQ(info.si_signo, 0);
	CHECK_EQ(info.si_code, 0);
	CHECK_EQ(info.si_status, 0);
	CHECK_EQ(waitid_raw(P_ALL, 0, NULL, WEXITED | WNOHANG, NULL), 0);
	end_child(pid);
}

TEST(waitid_of_groups)
{
	pid_t leader = group_leader(3), mine = exits_with(4);
	siginfo_t info;

	CHECK_EQ(waitid_raw(P_PGID, (id_t)leader, &info, WEXITED, NULL), 0);
	check_info(&info, leader, CLD_EXITED, 3);
	CHECK_ERRNO(waitid_raw(P_PGID, (id_t)leader, &info, WEXITED, NULL), ECHILD);
	CHECK_EQ(waitid_raw(P_PGID, (id_t)getpgid(0), &info, WEXITED | WNOWAIT, NULL), 0);
	check_info(&info, mine, CLD_EXITED, 4);
	CHECK_EQ(waitid_raw(P_PGID, 0, &info, WEXITED, NULL), 0); /* the caller's own */
	check_info(&info, mine, CLD_EXITED, 4);
}

TEST(waitid_errors)
{
	pid_t pid = exits_with(0);
	siginfo_t info;

	await_zombie(pid);
	CHECK_ERRNO(waitid_raw(99, (id_t)pid, &info, WEXITED, NULL), EINVAL);
	CHECK_ERRNO(waitid_raw(-1, (id_t)pid, &info, WEXITED, NULL), EINVAL);
	CHECK_ERRNO(waitid_raw(P_PID, 0, &info, WEXITED, NULL), EINVAL);
	CHECK_ERRNO(waitid_raw(P_PID, (id_t)-1, &info, WEXITED, NULL), EINVAL);
	CHECK_ERRNO(waitid_raw(P_PGID, (id_t)-1, &info, WEXITED, NULL), EINVAL);
	CHECK_ERRNO(waitid_raw(P_PID, (id_t)pid, &info, 0, NULL), EINVAL);
	CHECK_ERRNO(waitid_raw(P_PID, (id_t)pid, &info, WNOHANG | WNOWAIT, NULL), EINVAL);
	CHECK_ERRNO(waitid_raw(P_PID, (id_t)pid, &info, WEXITED | 0x1000, NULL), EINVAL);
	CHECK_ERRNO(waitid_raw(P_PID, (id_t)getpid(), &info, WEXITED, NULL), ECHILD);
	CHECK_ERRNO(waitid_raw(P_PID, (id_t)pid, KERNEL_ADDRESS, WEXITED | WNOWAIT, NULL), EFAULT);
	CHECK_ERRNO(waitid_raw(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT, KERNEL_ADDRESS), EFAULT);
	CHECK_EQ(waitid_raw(P_PID, (id_t)pid, NULL, WEXITED, NULL), 0);
	CHECK_ERRNO(waitid_raw(P_ALL, 0, &info, WEXITED, NULL), ECHILD);
	CHECK_ERRNO(waitid_raw(P_ALL, 0, &info, WEXITED | WNOHANG, NULL), ECHILD);
}

/* ---- children that do not send SIGCHLD ------------------------------------------------------- */

TEST(clone_children)
{
	int status;
	pid_t pid = (pid_t)syscall(SYS_clone, 0, 0, 0, 0, 0); /* no signal when it ends */

	CHECK(pid >= 0);
	if (pid == 0)
		_exit(7);
	CHECK_ERRNO(wait4_raw(pid, &status, 0, NULL), ECHILD);
	CHECK_ERRNO(wait4_raw(-1, &status, WNOHANG, NULL), ECHILD);
	CHECK_EQ(wait4_raw(-1, &status, __WCLONE, NULL), pid);
	CHECK_EQ(status, 7 << 8);
	pid = exits_with(8);
	CHECK_ERRNO(wait4_raw(pid, &status, __WCLONE, NULL), ECHILD);
	CHECK_EQ(wait4_raw(pid, &status, __WALL, NULL), pid);
	CHECK(signal(SIGUSR1, SIG_IGN) != SIG_ERR);
	pid = (pid_t)syscall(SYS_clone, SIGUSR1, 0, 0, 0, 0);
	if (pid == 0)
		_exit(9);
	CHECK_EQ(wait4_raw(pid, &status, __WALL, NULL), pid);
	CHECK_EQ(status, 9 << 8);
}

/* ---- many ------------------------------------------------------------------------------------ */

TEST(zombies_come_in_the_order_of_their_deaths)
{
	pid_t pids[200];
	int status;

	for (int i = 0; i < 200; i++) {
		pids[i] = exits_with(i % 100);
		await_zombie(pids[i]);
	}
	for (int i = 0; i < 200; i++) {
		CHECK_EQ(wait4_raw(-1, &status, 0, NULL), pids[i]);
		CHECK_EQ(status, (i % 100) << 8);
	}
}

TEST(one_among_many)
{
	enum { MANY = 490 };
	static pid_t pids[MANY];
	int status;

	for (int i = 0; i < MANY; i++)
		pids[i] = exits_with(i % 100);
	for (int i = 0; i < MANY; i += 7)
		CHECK_EXIT(pids[MANY - 1 - i], (MANY - 1 - i) % 100);
	int left = 0;
	while (wait4_raw(-1, &status, 0, NULL) > 0)
		left++;
	CHECK_EQ(errno, ECHILD);
	CHECK_EQ(left, MANY - MANY / 7);
}

TEST(one_dead_among_many_living)
{
	struct gate go = gate_new();
	pid_t pids[100];

	for (int i = 0; i < 100; i++) {
		pids[i] = FORK();
		if (pids[i] == 0) {
			gate_pass(go);
			_exit(0);
		}
	}
	for (int i = 0; i < 100; i++) {
		pid_t pid = exits_with(1);
		CHECK_EQ(waitpid(-1, NULL, 0), pid);
	}
	gate_open(go, 100);
	for (int i = 0; i < 100; i++)
		CHECK_EXIT(pids[i], 0);
}

/* ---- ignoring SIGCHLD ------------------------------------------------------------------------ */

/*
 * Children of a parent that ignores SIGCHLD leave no zombies; wait sleeps until the last is gone.
 */
TEST(ignored_children_are_reaped)
{
	struct gate go = gate_new();

	CHECK(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
	for (int i = 0; i < 10; i++) {
		if (FORK() == 0) {
			gate_pass(go);
			_exit(i);
		}
	}
	CHECK_EQ(wait4_raw(-1, NULL, WNOHANG, NULL), 0);
	gate_open(go, 10);
	CHECK_ERRNO(wait4_raw(-1, NULL, 0, NULL), ECHILD);
	pid_t pid = exits_with(0);
	CHECK_ERRNO(wait4_raw(pid, NULL, 0, NULL), ECHILD);
	CHECK_EQ(process_state(pid), 0);
	CHECK_ERRNO(kill(pid, 0), ESRCH);
}

TEST(children_that_nobody_waits_for)
{
	struct sigaction action = { .sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT };

	CHECK_EQ(sigaction(SIGCHLD, &action, NULL), 0);
	pid_t pid = exits_with(0);
	CHECK_ERRNO(wait4_raw(pid, NULL, 0, NULL), ECHILD);
	CHECK_ERRNO(kill(pid, 0), ESRCH);
}

/* Ignoring comes too late for one that is a zombie already. */
TEST(zombies_from_before_stay)
{
	pid_t pid = exits_with(4);

	await_zombie(pid);
	CHECK(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
	CHECK_EXIT(pid, 4);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
