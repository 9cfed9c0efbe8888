/*
 * kill(-1): everybody except process 1 and the caller. The signal sent to all here is SIGCONT,
 * which does nothing to those who are not stopped, so that whoever runs this test survives it.
 * Source: POSIX kill(), kill(2).
 */
#include "proc.h"

static pid_t stopped_child(void)
{
	int status;
	pid_t pid = FORK();

	if (pid == 0)
		block_forever();
	CHECK_EQ(kill(pid, SIGSTOP), 0);
	CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
	return pid;
}

TEST(reaches_everybody)
{
	pid_t pids[6];
	int status;

	for (int i = 0; i < 6; i++) {
		pids[i] = stopped_child();
		if (i % 2)
			CHECK_EQ(setpgid(pids[i], 0), 0);
	}
	CHECK_EQ(kill(-1, 0), 0);
	CHECK_ERRNO(kill(-1, 65), EINVAL);
	CHECK_EQ(kill(-1, SIGCONT), 0);
	for (int i = 0; i < 6; i++) {
		CHECK_EQ(waitpid(pids[i], &status, WCONTINUED), pids[i]);
		CHECK(WIFCONTINUED(status));
		CHECK_EQ(kill(pids[i], SIGKILL), 0);
		CHECK_SIGNAL(pids[i], SIGKILL);
	}
}

/* The caller itself is left out: blocked, the signal would be pending now. */
TEST(spares_the_caller)
{
	sigset_t set, pending;
	struct gate ready = gate_new(), go = gate_new();

	sigemptyset(&set);
	sigaddset(&set, SIGCONT);
	CHECK_EQ(sigprocmask(SIG_BLOCK, &set, NULL), 0);
	pid_t other = FORK();
	if (other == 0) {
		gate_open(ready, 1);
		gate_pass(go);
		CHECK_EQ(sigpending(&pending), 0);
		_exit(sigismember(&pending, SIGCONT));
	}
	gate_pass(ready);
	CHECK_EQ(kill(-1, SIGCONT), 0);
	CHECK_EQ(sigpending(&pending), 0);
	CHECK(!sigismember(&pending, SIGCONT));
	gate_open(go, 1);
	CHECK_EXIT(other, 1);
	CHECK_EQ(kill(getpid(), SIGCONT), 0);
	CHECK_EQ(sigpending(&pending), 0);
	CHECK(sigismember(&pending, SIGCONT));
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
