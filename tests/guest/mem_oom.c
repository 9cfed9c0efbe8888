/*
 * needs: kernel. What happens to the whole machine's memory: MemFree comes back when memory is
 * given back, in whichever way, and a program that takes more than there is dies of SIGKILL, alone,
 * and leaves nothing behind. Who dies is what proc(5) says of oom_score_adj, and the log tells it.
 * This changes what all processes share, so it runs where it has a kernel to itself. Sources:
 * proc(5), malloc(3) and mmap(2) on overcommitment, Linux's mm/oom_kill.c for the log's words and
 * Documentation/admin-guide/sysctl/vm.rst.
 */
#include "pages.h"
#include <sys/klog.h>

enum { RW = PROT_READ | PROT_WRITE, MIB = 1 << 20, TOLERANCE_KIB = 2048 };

static char *map_small_pages(size_t bytes, int flags)
{
	char *at = mmap(NULL, bytes, RW, flags | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	CHECK(at != MAP_FAILED);
	if (madvise(at, bytes, MADV_NOHUGEPAGE))
		CHECK_EQ(errno, EINVAL);
	return at;
}

static void touch_all(char *at, size_t bytes)
{
	for (size_t i = 0; i < bytes; i += PAGE)
		poke(at + i, 1);
}

/* The kernel may free late or keep a few pages: what counts is that the memory returns. */
static void check_free_again(long before)
{
	long now = 0;

	for (int round = 0; round < 200; round++) {
		now = meminfo("MemFree");
		if (now >= before - TOLERANCE_KIB)
			return;
		usleep(10000);
	}
	FAIL("MemFree was %ld kB and is %ld kB", before, now);
}

TEST(meminfo_follows_what_is_touched)
{
	long before = meminfo("MemFree");
	char *at = map_small_pages(16 * MIB, MAP_PRIVATE);
	long mapped = meminfo("MemFree");

	touch_all(at, 16 * MIB);
	long touched = meminfo("MemFree");
	CHECK(mapped >= before - TOLERANCE_KIB);
	CHECK(touched <= before - 15 * 1024);
	CHECK_EQ(munmap(at, 16 * MIB), 0);
	check_free_again(before);
}

TEST(every_way_of_giving_back)
{
	long before = meminfo("MemFree");
	char *at = map_small_pages(16 * MIB, MAP_PRIVATE);

	touch_all(at, 16 * MIB);
	CHECK_EQ(madvise(at, 16 * MIB, MADV_DONTNEED), 0);
	check_free_again(before);
	touch_all(at, 16 * MIB);
	map_at(at, 16 * MIB / PAGE, PROT_NONE, MAP_PRIVATE);
	check_free_again(before);
	CHECK_LIVES(touch_all(map_small_pages(16 * MIB, MAP_PRIVATE), 16 * MIB));
	check_free_again(before);
	CHECK_LIVES(touch_all(map_small_pages(16 * MIB, MAP_SHARED), 16 * MIB));
	check_free_again(before);
}

TEST(too_much_is_sigkill_for_the_one_who_took_it)
{
	size_t bytes = (size_t)meminfo("MemTotal") * 1024 * 2;
	long before = meminfo("MemFree");
	char *mine = map_private(16);

	for (int i = 0; i < 16; i++)
		stamp(mine + i * PAGE, i);
	for (int round = 0; round < 3; round++) {
		CHECK_DIES(SIGKILL, touch_all(map_small_pages(bytes, MAP_PRIVATE), bytes));
		for (int i = 0; i < 16; i++)
			CHECK_STAMP(mine + i * PAGE, i);
		check_free_again(before);
	}
}

/* A line of /proc/vmstat, -1 if there is none of that name. */
static long vmstat(const char *key)
{
	static char text[16 << 10];
	size_t length = strlen(key);
	int fd = open("/proc/vmstat", O_RDONLY | O_CLOEXEC);

	CHECK(fd >= 0);
	ssize_t n = read(fd, text, sizeof(text) - 1);
	CHECK(n > 0);
	close(fd);
	text[n] = '\0';
	for (char *at = text; at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL)
		if (!strncmp(at, key, length) && at[length] == ' ')
			return strtol(at + length, NULL, 10);
	return -1;
}

/* ---- whom it takes --------------------------------------------------------------------------- */

static char log_text[256 << 10];

static void set_adj(const char *value)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	CHECK(fd >= 0);
	CHECK_EQ(write(fd, value, strlen(value)), strlen(value));
	CHECK_EQ(close(fd), 0);
}

static void set_sysctl(const char *name, const char *value)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/sys/vm/%s", name);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	CHECK_EQ(write(fd, value, strlen(value)), strlen(value));
	CHECK_EQ(close(fd), 0);
}

static void read_log(void)
{
	int length = klogctl(3, log_text, sizeof(log_text) - 1); /* SYSLOG_ACTION_READ_ALL */

	CHECK(length >= 0);
	log_text[length] = '\0';
}

/* A child that holds so much memory, is adjusted so, and sleeps until it is killed. */
static pid_t hold(size_t bytes, const char *adj)
{
	int ready[2];
	char byte;

	CHECK_EQ(pipe(ready), 0);
	pid_t pid = FORK();
	if (pid == 0) {
		set_adj(adj);
		touch_all(map_small_pages(bytes, MAP_PRIVATE), bytes);
		CHECK_EQ(write(ready[1], "", 1), 1);
		for (;;)
			pause();
	}
	close(ready[1]);
	CHECK_EQ(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

/* Takes all the memory there is, until somebody dies: itself, or another first. */
static pid_t hog(const char *adj)
{
	size_t bytes = (size_t)meminfo("MemTotal") * 1024 * 2;
	pid_t pid = FORK();

	if (pid == 0) {
		set_adj(adj);
		touch_all(map_small_pages(bytes, MAP_PRIVATE), bytes);
		_exit(0);
	}
	return pid;
}

static int is_alive(pid_t pid)
{
	return waitpid(pid, NULL, WNOHANG) == 0;
}

static void end(pid_t pid)
{
	CHECK_EQ(kill(pid, SIGKILL), 0);
	CHECK_SIGNAL(pid, SIGKILL);
}

/* First of all: Linux leaves lines out when many are killed within seconds. */
TEST(the_log_names_candidates_and_victim)
{
	char wanted[96];

	CHECK_EQ(klogctl(5, NULL, 0), 0); /* SYSLOG_ACTION_CLEAR */
	pid_t small = hold(4 * MIB, "-7"), victim = hog("0");
	CHECK_SIGNAL(victim, SIGKILL);
	read_log();
	CHECK(strstr(log_text, " invoked oom-killer: "));
	CHECK(strstr(log_text, "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents "
			       "oom_score_adj name\n"));
	snprintf(wanted, sizeof(wanted), "[%7d] %5d %5d ", small, 0, small);
	char *line = strstr(log_text, wanted);
	CHECK(line != NULL);
	unsigned long vm, rss, tables, swap;
	char name[17];
	int adj;
	CHECK_EQ(sscanf(line + strlen(wanted), "%lu %lu %lu %lu %d %16s", &vm, &rss, &tables, &swap,
			&adj, name),
		 6);
	/* Linux counts resident pages by the batch. */
	CHECK(rss + 64 >= 4 * MIB / PAGE && rss <= vm && rss < 6 * MIB / PAGE);
	CHECK(tables % PAGE == 0 && tables >= 4 * PAGE && swap == 0);
	CHECK_EQ(adj, -7);
	CHECK_STR(name, "mem_oom");
	snprintf(wanted, sizeof(wanted), "task=mem_oom,pid=%d,uid=0\n", victim);
	line = strstr(log_text, "oom-kill:constraint=CONSTRAINT_NONE,");
	CHECK(line && strstr(line, wanted));
	snprintf(wanted, sizeof(wanted),
		 "Out of memory: Killed process %d (mem_oom) total-vm:", victim);
	line = strstr(log_text, wanted);
	CHECK(line != NULL);
	CHECK_EQ(sscanf(line + strlen(wanted), "%lukB, anon-rss:%lukB", &vm, &rss), 2);
	CHECK(rss > (unsigned long)meminfo("MemTotal") / 2 && vm > rss);
	end(small);
}

TEST(the_one_that_holds_most_dies)
{
	pid_t small = hold(4 * MIB, "0");

	CHECK_SIGNAL(hog("0"), SIGKILL);
	CHECK(is_alive(small));
	end(small);
}

TEST(one_at_minus_1000_lives_whatever_it_holds)
{
	size_t most = (size_t)meminfo("MemFree") * 1024 * 6 / 10;
	pid_t large = hold(most, "-1000"), small = hold(4 * MIB, "0");

	CHECK_SIGNAL(hog("0"), SIGKILL);
	CHECK(is_alive(large));
	CHECK(is_alive(small));
	end(large);
	end(small);
}

TEST(a_raised_one_dies_first)
{
	pid_t raised = hold(4 * MIB, "1000"), taker = hog("0");

	CHECK_SIGNAL(taker, SIGKILL);
	CHECK_SIGNAL(raised, SIGKILL);
}

/* A hog that cannot be chosen: what it wants is there once some of the small ones are dead. */
TEST(a_hog_that_may_not_die_takes_the_others)
{
	pid_t small[3];
	size_t bytes = (size_t)meminfo("MemFree") * 1024 - 8 * MIB;

	for (int i = 0; i < 3; i++)
		small[i] = hold(8 * MIB, "500");
	pid_t pid = FORK();
	if (pid == 0) {
		set_adj("-1000");
		touch_all(map_small_pages(bytes, MAP_PRIVATE), bytes);
		_exit(0);
	}
	CHECK_EXIT(pid, 0);
	int dead = 0;
	for (int i = 0; i < 3; i++)
		dead += !is_alive(small[i]);
	CHECK(dead >= 1);
	for (int i = 0; i < 3; i++)
		kill(small[i], SIGKILL);
	while (wait(NULL) > 0)
		;
}

TEST(no_table_if_it_is_not_wanted)
{
	set_sysctl("oom_dump_tasks", "0");
	CHECK_EQ(klogctl(5, NULL, 0), 0);
	pid_t victim = hog("0");
	int status;
	CHECK_EQ(waitpid(victim, &status, 0), victim);
	set_sysctl("oom_dump_tasks", "1\n");
	CHECK_EQ(status, SIGKILL);
	read_log();
	CHECK(!strstr(log_text, "pgtables_bytes"));
	CHECK(strstr(log_text, "Out of memory: Killed process"));
}

TEST(the_allocating_task_if_that_is_wanted)
{
	set_sysctl("oom_kill_allocating_task", "1");
	pid_t raised = hold(16 * MIB, "1000"), taker = hog("0");
	int status, alive;
	CHECK_EQ(waitpid(taker, &status, 0), taker);
	alive = is_alive(raised);
	set_sysctl("oom_kill_allocating_task", "0");
	CHECK_EQ(status, SIGKILL);
	CHECK(alive);
	end(raised);
}

/* The parent of a vfork child dies with it, who holds the same memory, or neither does. */
TEST(who_shares_the_memory_dies_with_it)
{
	size_t bytes = (size_t)meminfo("MemTotal") * 1024 * 2;
	long kills = vmstat("oom_kill");
	pid_t pid = FORK();

	if (pid == 0) {
		setpgid(0, 0);
		char *at = map_small_pages(bytes, MAP_PRIVATE);
		if (vfork() == 0) {
			touch_all(at, bytes);
			_exit(0);
		}
		_exit(0);
	}
	CHECK_SIGNAL(pid, SIGKILL);
	while (kill(-pid, 0) == 0)
		usleep(1000);
	CHECK_EQ(errno, ESRCH);
	CHECK_EQ(vmstat("oom_kill"), kills + 1); /* one victim, and whom it takes along */
}

/* Children by the dozen, all at once, so that the kernel has many stacks to keep for the next. */
static void leave_stacks(void)
{
	pid_t pids[40];
	char byte = 0;
	int gate[2];

	CHECK_EQ(pipe(gate), 0);
	for (int i = 0; i < 40; i++) {
		pids[i] = FORK();
		if (pids[i] == 0) {
			close(gate[1]);
			_exit((int)read(gate[0], &byte, 1));
		}
	}
	close(gate[1]);
	close(gate[0]);
	for (int i = 0; i < 40; i++)
		CHECK_EXIT(pids[i], 0);
}

/* How many it keeps, where it says so. */
static long stacks_kept(void)
{
	static char text[64 << 10];
	static const char words[] = "kernel stacks kept ";
	int fd = open("/proc/audit", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	ssize_t n = read(fd, text, sizeof(text) - 1);
	CHECK(n > 0);
	close(fd);
	text[n] = '\0';
	char *at = strstr(text, words);
	CHECK(at != NULL);
	return atol(at + strlen(words));
}

/* A file in memory fills up: that is told to who writes it, and nobody dies of it. */
TEST(what_can_be_told_kills_nobody)
{
	static char block[64 << 10];
	long kills = vmstat("oom_kill");
	int fd = open("/oom.fill", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), told;
	ssize_t n;

	CHECK(fd >= 0);
	CHECK_EQ(unlink("/oom.fill"), 0);
	leave_stacks();
	long kept = stacks_kept();
	CHECK(kept < 0 || kept > 8);
	do {
		errno = 0;
		n = write(fd, block, sizeof(block));
	} while (n > 0);
	told = errno;
	/* It was not said before what the kernel keeps for itself had gone. */
	if (kept >= 0) {
		CHECK_EQ(ftruncate(fd, MIB), 0);
		CHECK_EQ(stacks_kept(), 0);
		while (write(fd, block, sizeof(block)) > 0)
			;
	}
	pid_t pid = fork();
	int fork_error = errno;
	if (pid == 0)
		_exit(0);
	int pipes[2], pipe_error = pipe(pipes) ? errno : 0;
	CHECK_EQ(ftruncate(fd, 0), 0);
	CHECK_EQ(close(fd), 0);
	CHECK(told == ENOMEM || told == ENOSPC);
	if (pid > 0)
		CHECK_EXIT(pid, 0);
	else
		CHECK_EQ(fork_error, ENOMEM);
	CHECK(pipe_error == 0 || pipe_error == ENOMEM || pipe_error == ENFILE);
	if (kills >= 0)
		CHECK_EQ(vmstat("oom_kill"), kills);
	CHECK_LIVES(touch_all(map_small_pages(16 * MIB, MAP_PRIVATE), 16 * MIB));
}

TEST(caches_can_be_dropped)
{
	leave_stacks();
	long before = meminfo("MemFree");
	set_sysctl("drop_caches", "3");
	CHECK(meminfo("MemFree") >= before);
	if (stacks_kept() >= 0)
		CHECK_EQ(stacks_kept(), 0);
	CHECK_LIVES(touch_all(map_small_pages(MIB, MAP_PRIVATE), MIB));
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
