/*
 * Who hears of a death: subreapers adopt the orphans among their descendants, parent-death signals
 * tell a child, and a parent that ignores SIGCHLD has nobody to bury, not even those it adopts.
 * Source: prctl(2), wait(2), exit(3).
 */
#include "proc.h"
#include <sys/prctl.h>

static int subreaper(void)
{
	int on = -1;

	CHECK_EQ(prctl(PR_GET_CHILD_SUBREAPER, &on), 0);
	return on;
}

static int death_signal(void)
{
	int sig = -1;

	CHECK_EQ(prctl(PR_GET_PDEATHSIG, &sig), 0);
	return sig;
}

/* Forks a child that forks a grandchild which says its pid on `report` and waits for the gate, and
 * then dies; the grandchild exits with code. */
static pid_t make_orphan(struct gate go, int code)
{
	int report[2];
	pid_t orphan;

	CHECK_EQ(pipe(report), 0);
	pid_t middle = FORK();
	if (middle == 0) {
		pid_t pid = FORK();

		if (pid == 0) {
			gate_pass(go);
			_exit(code);
		}
		CHECK_EQ(write(report[1], &pid, sizeof(pid)), sizeof(pid));
		_exit(0);
	}
	CHECK_EQ(read(report[0], &orphan, sizeof(orphan)), sizeof(orphan));
	CHECK_EXIT(middle, 0);
	CHECK_EQ(close(report[0]), 0);
	CHECK_EQ(close(report[1]), 0);
	return orphan;
}

TEST(nobody_is_one_at_first)
{
	CHECK_EQ(subreaper(), 0);
	CHECK_ERRNO(prctl(PR_GET_CHILD_SUBREAPER, BAD_POINTER), EFAULT);
}

TEST(adopts_grandchildren)
{
	struct gate go = gate_new();

	CHECK_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	CHECK_EQ(subreaper(), 1);
	pid_t orphan = make_orphan(go, 7);
	gate_open(go, 1);
	CHECK_EXIT(orphan, 7);
	CHECK_EQ(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
	CHECK_EQ(subreaper(), 0);
	gate_free(go);
}

TEST(the_nearest_one)
{
	struct gate go = gate_new();

	CHECK_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	pid_t inner = FORK();
	if (inner == 0) {
		CHECK_EQ(subreaper(), 0); /* not inherited */
		CHECK_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
		pid_t orphan = make_orphan(go, 3);
		gate_open(go, 1);
		CHECK_EXIT(orphan, 3);
		_exit(0);
	}
	CHECK_EXIT(inner, 0);
	CHECK_ERRNO(waitpid(-1, NULL, 0), ECHILD);
	gate_free(go);
}

TEST(generations_deep)
{
	enum { DEPTH = 50 };
	struct gate go = gate_new();

	CHECK_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	pid_t pid = FORK();
	for (int depth = 0; pid == 0 && depth < DEPTH; depth++) {
		pid = FORK();
		if (pid != 0)
			_exit(depth); /* each leaves its child behind */
	}
	if (pid == 0) {
		gate_pass(go);
		_exit(DEPTH);
	}
	gate_open(go, 1);
	unsigned long long sum = 0;
	int status;
	for (int i = 0; i <= DEPTH; i++) {
		CHECK(waitpid(-1, &status, 0) > 0);
		sum += (unsigned long long)WEXITSTATUS(status);
	}
	CHECK_EQ(sum, DEPTH * (DEPTH + 1) / 2);
	CHECK_ERRNO(waitpid(-1, NULL, 0), ECHILD);
	gate_free(go);
}

TEST(zombies_are_adopted_too)
{
	CHECK_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	pid_t middle = FORK();
	if (middle == 0) {
		pid_t pid = FORK();

		if (pid == 0) {
			raise(SIGKILL);
		}
		await_zombie(pid);
		_exit(0);
	}
	CHECK_EXIT(middle, 0);
	int status;
	CHECK(waitpid(-1, &status, 0) > 0);
	CHECK_EQ(status, SIGKILL);
}

TEST(adopted_zombies_of_a_parent_that_ignores)
{
	CHECK_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	CHECK(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
	pid_t middle = FORK();
	if (middle == 0) {
		CHECK(signal(SIGCHLD, SIG_DFL) != SIG_ERR);
		pid_t pid = FORK();

		if (pid == 0)
			_exit(0);
		await_zombie(pid);
		_exit(0);
	}
	CHECK_ERRNO(waitpid(-1, NULL, 0), ECHILD); /* returns when all are gone */
	CHECK_ERRNO(kill(middle, 0), ESRCH);
}

TEST(kept_over_exec_and_death_signal_too)
{
	CHECK_EQ(prctl(PR_SET_PDEATHSIG, SIGUSR1), 0);
	CHECK_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	execl(own_path, own_path, "check-kept", (char *)NULL);
	CHECK(0);
}

static int check_kept(void)
{
	int sig = 0, on = 0;

	prctl(PR_GET_PDEATHSIG, &sig);
	prctl(PR_GET_CHILD_SUBREAPER, &on);
	return sig == SIGUSR1 && on ? 0 : 1;
}

TEST(death_signal_errors)
{
	CHECK_EQ(death_signal(), 0);
	CHECK_ERRNO(prctl(PR_SET_PDEATHSIG, 65), EINVAL);
	CHECK_ERRNO(prctl(PR_SET_PDEATHSIG, -1), EINVAL);
	CHECK_ERRNO(prctl(PR_GET_PDEATHSIG, BAD_POINTER), EFAULT);
	CHECK_EQ(prctl(PR_SET_PDEATHSIG, 64), 0);
	CHECK_EQ(death_signal(), 64);
	pid_t pid = FORK();
	if (pid == 0) {
		CHECK_EQ(death_signal(), 0); /* not inherited */
		_exit(0);
	}
	CHECK_EXIT(pid, 0);
	CHECK_EQ(prctl(PR_SET_PDEATHSIG, 0), 0);
	CHECK_EQ(death_signal(), 0);
}

TEST(death_signal_arrives)
{
	struct gate ready = gate_new(), go = gate_new();

	CHECK_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	pid_t middle = FORK();
	if (middle == 0) {
		pid_t pid = FORK();

		if (pid == 0) {
			CHECK_EQ(prctl(PR_SET_PDEATHSIG, SIGTERM), 0);
			gate_open(ready, 1);
			block_forever();
		}
		gate_pass(go);
		_exit(0);
	}
	gate_pass(ready);
	gate_open(go, 1);
	CHECK_EXIT(middle, 0);
	int status;
	CHECK(waitpid(-1, &status, 0) > 0);
	CHECK_EQ(status, SIGTERM);
}

TEST(death_signal_names_the_dead)
{
	struct gate ready = gate_new();
	siginfo_t info;
	sigset_t set;

	CHECK_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	pid_t middle = FORK();
	if (middle == 0) {
		pid_t me = getpid(), pid = FORK();

		if (pid == 0) {
			sigemptyset(&set);
			sigaddset(&set, SIGUSR2);
			CHECK_EQ(sigprocmask(SIG_BLOCK, &set, NULL), 0);
			CHECK_EQ(prctl(PR_SET_PDEATHSIG, SIGUSR2), 0);
			gate_open(ready, 1);
			CHECK_EQ(sigwaitinfo(&set, &info), SIGUSR2);
			CHECK_EQ(info.si_code, SI_USER);
			CHECK_EQ(info.si_pid, me);
			CHECK_EQ(death_signal(), SIGUSR2); /* and it holds for the next parent */
			_exit(4);
		}
		gate_pass(ready);
		_exit(0);
	}
	CHECK_EXIT(middle, 0);
	int status;
	CHECK(waitpid(-1, &status, 0) > 0);
	CHECK_EQ(status, 4 << 8);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "check-kept"))
		return check_kept();
	return ktap_main(argc, argv);
}
