/*
 * Many pids, and the end of them: behind pid_max they start again from below, pass over those in
 * use, and when all are in use fork fails with EAGAIN until one is free. Sources: fork(2),
 * proc_sys_kernel(5) pid_max.
 *
 * needs: kernel
 *
 * It sets /proc/sys/kernel/pid_max for everybody, and sets it back.
 */
#include "proc.h"

static const char pid_max_path[] = "/proc/sys/kernel/pid_max";
static char pid_max_before[32];

/* As few pids as Linux allows, so that the end is near. False if pid_max cannot be set here. */
static bool few_pids(int pid_max)
{
	char text[32];
	int fd = open(pid_max_path, O_WRONLY), length = sprintf(text, "%d\n", pid_max);

	if (fd < 0)
		return false;
	bool set = write(fd, text, (size_t)length) == length;
	CHECK_EQ(close(fd), 0);
	return set;
}

static pid_t exits(void)
{
	pid_t pid = FORK();

	if (pid == 0)
		_exit(0);
	return pid;
}

static int read_pid_max(void)
{
	char text[32];

	CHECK(read_text(pid_max_path, text, sizeof(text)) > 0);
	return atoi(text);
}

TEST(unique_among_2000)
{
	static pid_t pids[2000];
	static char seen[1 << 22];

	for (int i = 0; i < 2000; i++) {
		pids[i] = exits();
		CHECK(pids[i] > 1 && pids[i] < (int)sizeof(seen));
		CHECK(!seen[pids[i]]);
		seen[pids[i]] = 1;
	}
	for (int i = 1999; i >= 0; i--)
		CHECK_EXIT(pids[i], 0);
}

/* After the greatest pid comes a small one, and nobody who is alive has it. */
TEST(starts_again)
{
	bool few = few_pids(1000);
	int pid_max = read_pid_max(), rounds = few ? 3 : 1;
	pid_t last = 0, lowest = INT_MAX;

	CHECK(!few || pid_max == 1000);
	pid_t alive = FORK();
	if (alive == 0)
		block_forever();
	for (int i = 0, steps_back = 0; steps_back < rounds; i++) {
		CHECK(i < (rounds + 1) * pid_max);
		pid_t pid = exits();
		CHECK(pid > 1 && pid < pid_max);
		CHECK(pid != alive && pid != getpid() && pid != getppid());
		steps_back += pid < last;
		if (pid < lowest)
			lowest = pid;
		last = pid;
		CHECK_EXIT(pid, 0);
	}
	CHECK(lowest < pid_max / 2);
	CHECK_EQ(kill(alive, SIGKILL), 0);
	CHECK_SIGNAL(alive, SIGKILL);
}

TEST(runs_out)
{
	enum { PID_MAX = 400 };
	static pid_t pids[PID_MAX];
	int n = 0;
	pid_t pid;

	if (!few_pids(PID_MAX))
		SKIP("pid_max cannot be set");
	while ((pid = fork()) > 0) {
		CHECK(n < PID_MAX && pid < PID_MAX);
		pids[n++] = pid;
	}
	if (pid == 0)
		_exit(0);
	CHECK_EQ(errno, EAGAIN);
	CHECK_ERRNO(fork(), EAGAIN);
	for (int i = 0; i < n; i += 10) /* one is freed: exactly one can be made */
		for (int again = 0; again < 3; again++) {
			CHECK_EXIT(pids[i], 0);
			pids[i] = exits();
			CHECK_ERRNO(fork(), EAGAIN);
		}
	for (int i = 0; i < n; i++)
		CHECK_EXIT(pids[i], 0);
	CHECK_EXIT(exits(), 0);
}

int main(int argc, char **argv)
{
	if (read_text(pid_max_path, pid_max_before, sizeof(pid_max_before)) <= 0)
		return 1;
	int failed = ktap_main(argc, argv);
	return few_pids(atoi(pid_max_before)) ? failed : 1;
}
