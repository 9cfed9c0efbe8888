/*
 * How pids are given out: upwards, never twice at the same time, and each names exactly one
 * process. Sources: POSIX "Process ID reuse", fork(2), proc(5). Thousands of them, and what comes
 * behind the last, are in proc_pidwrap.c, which needs more processes than a namespace may have.
 */
#include "proc.h"
#include <dirent.h>

enum { MANY = 500 };

static pid_t exits(void)
{
	pid_t pid = FORK();

	if (pid == 0)
		_exit(0);
	return pid;
}

/*
 * Each new pid is greater than the one before, also when that process is gone. Once it may start
 * again.
 */
TEST(upwards)
{
	pid_t last = 0;
	int steps_back = 0;

	for (int i = 0; i < 300; i++) {
		pid_t pid = exits();
		steps_back += pid <= last;
		last = pid;
		CHECK_EXIT(pid, 0);
	}
	CHECK(steps_back <= 1);
}

TEST(unique_among_many)
{
	static pid_t pids[MANY];
	static char seen[1 << 22];

	for (int i = 0; i < MANY; i++) {
		pids[i] = exits();
		CHECK(pids[i] > 1 && pids[i] < (int)sizeof(seen));
		CHECK(!seen[pids[i]]);
		seen[pids[i]] = 1;
	}
	CHECK(!seen[getpid()] && !seen[getppid()]);
	for (int i = 0; i < MANY; i++)
		CHECK_EXIT(pids[i], 0);
}

TEST(below_pid_max)
{
	char text[32];

	CHECK(read_text("/proc/sys/kernel/pid_max", text, sizeof(text)) > 0);
	CHECK(atoi(text) >= 301 && atoi(text) <= 1 << 22);
	pid_t pid = exits();
	CHECK(pid < atoi(text));
	CHECK_EXIT(pid, 0);
}

TEST(names_exactly_one)
{
	pid_t pid = exits();

	CHECK_EQ(kill(pid, 0), 0);
	CHECK_EXIT(pid, 0);
	CHECK_ERRNO(kill(pid, 0), ESRCH);
	CHECK_ERRNO(kill(1 << 22, 0), ESRCH);
	CHECK_ERRNO(kill(INT_MAX, 0), ESRCH);
}

/* Every living process and zombie is listed in /proc once, and nobody else. */
TEST(listed_in_proc)
{
	static char seen[1 << 22];
	static pid_t pids[100];
	struct dirent *entry;

	for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
		pids[i] = exits();
	DIR *proc = opendir("/proc");
	CHECK(proc != NULL);
	while ((entry = readdir(proc))) {
		int pid = atoi(entry->d_name);
		if (pid <= 0)
			continue;
		CHECK(pid < (int)sizeof(seen));
		CHECK(!seen[pid]);
		seen[pid] = 1;
		CHECK_EQ(entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN, 1);
	}
	CHECK_EQ(closedir(proc), 0);
	CHECK(seen[1] && seen[getpid()] && seen[getppid()]);
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
		CHECK(seen[pids[i]]);
		CHECK_EXIT(pids[i], 0);
	}
}

TEST(gone_from_proc)
{
	pid_t pid = exits();
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	CHECK_EQ(access(path, F_OK), 0);
	int fd = open(path, O_RDONLY);
	CHECK(fd >= 0);
	CHECK_EXIT(pid, 0);
	CHECK_ERRNO(access(path, F_OK), ENOENT);
	CHECK_ERRNO(read(fd, path, 1), ESRCH); /* opened before, and now about nobody */
	CHECK_EQ(close(fd), 0);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
