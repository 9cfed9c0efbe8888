/*
 * /proc as programs read it: [pid]/stat with its 52 fields even for a name full of brackets,
 * [pid]/status, [pid]/cmdline, the link self, meminfo, uptime; a process appears when it is born,
 * stays as a zombie and is gone when it has been waited for; files read in pieces give the same
 * text. Source: proc(5). /proc/self/maps has its own test, mem_maps.c.
 */
#include "paths.h"
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>

/* The whole text of a file in /proc, in a buffer that the next call overwrites. */
static char *text_of(const char *path)
{
	static char text[32 << 10];
	int fd = open(path, O_RDONLY);

	if (fd < 0)
		FAIL("open of %s: errno %d", path, errno);
	text[read_all(fd, text, sizeof(text) - 1)] = '\0';
	close(fd);
	return text;
}

static char *text_of_pid(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return text_of(path);
}

struct proc_stat {
	long pid, field[53];	/* field[n] is field n of proc(5), from 4 on */
	char name[64], state;
	int fields;
};

/* Takes a stat line apart; the name lies between the first '(' and the last ')'. */
static struct proc_stat parse_stat(char *text)
{
	struct proc_stat stat = { 0 };
	char *open = strchr(text, '('), *close = strrchr(text, ')');

	CHECK(open && close && open < close && close - open - 1 < (long)sizeof(stat.name));
	stat.pid = strtol(text, NULL, 10);
	memcpy(stat.name, open + 1, (size_t)(close - open - 1));
	CHECK_EQ(close[1], ' ');
	stat.state = close[2];
	stat.fields = 3;
	for (char *at = close + 3; *at == ' '; ) {
		char *end;
		CHECK(stat.fields < 52);
		stat.field[++stat.fields] = (long)strtoul(at, &end, 10);
		CHECK(end > at);
		at = end;
	}
	CHECK_EQ(text[strlen(text) - 1], '\n');
	return stat;
}

/* The value of a key in a text of "Key:\tvalue" lines. */
static const char *value_in(const char *text, const char *key)
{
	size_t length = strlen(key);

	for (const char *at = text; at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL)
		if (!strncmp(at, key, length) && at[length] == ':')
			return at + length + 1 + strspn(at + length + 1, " \t");
	FAIL("no line %s", key);
}

TEST(stat_has_52_fields)
{
	struct proc_stat stat = parse_stat(text_of("/proc/self/stat"));

	CHECK_EQ(stat.fields, 52);
	CHECK_EQ(stat.pid, getpid());
	CHECK_STR(stat.name, "file_proc");
	CHECK_EQ(stat.state, 'R');
	CHECK_EQ(stat.field[4], getppid());
	CHECK_EQ(stat.field[5], getpgrp());
	CHECK_EQ(stat.field[6], getsid(0));
	CHECK_EQ(stat.field[20], 1);		/* threads */
	CHECK(stat.field[23] > 0 && stat.field[23] % 4096 == 0);
}

TEST(stat_of_a_child)
{
	int go[2];
	char c;

	CHECK_EQ(pipe(go), 0);
	pid_t child = FORK();
	if (child == 0) {
		close(go[1]);
		_exit((int)read(go[0], &c, 1));
	}
	await_sleep(child);
	struct proc_stat stat = parse_stat(text_of_pid(child, "stat"));
	CHECK_EQ(stat.pid, child);
	CHECK_EQ(stat.state, 'S');
	CHECK_EQ(stat.field[4], getpid());
	close(go[1]);
	CHECK_EXIT(child, 0);
}

/* The resident set is allowed to be a little out of date. */
TEST(sizes_follow_what_is_mapped_and_touched)
{
	enum { BYTES = 8 << 20 };
	struct proc_stat before = parse_stat(text_of("/proc/self/stat")), after;
	char *at = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(at != MAP_FAILED);
	after = parse_stat(text_of("/proc/self/stat"));
	CHECK_EQ(after.field[23] - before.field[23], BYTES);
	memset(at, 1, BYTES);
	after = parse_stat(text_of("/proc/self/stat"));
	CHECK(after.field[24] * 4096 >= BYTES / 2);
	CHECK(after.field[24] * 4096 <= after.field[23]);
	CHECK(atol(value_in(text_of("/proc/self/status"), "VmRSS")) >= BYTES / 2 / 1024);
	CHECK_EQ(munmap(at, BYTES), 0);
	after = parse_stat(text_of("/proc/self/stat"));
	CHECK_EQ(after.field[23], before.field[23]);
	CHECK(after.field[24] * 4096 < BYTES / 2);
}

TEST(a_name_full_of_brackets)
{
	struct proc_stat stat;

	CHECK_EQ(prctl(PR_SET_NAME, ") R 1 (x"), 0);
	stat = parse_stat(text_of("/proc/self/stat"));
	CHECK_STR(stat.name, ") R 1 (x");
	CHECK_EQ(stat.fields, 52);
	CHECK_EQ(stat.field[4], getppid());
	CHECK_EQ(prctl(PR_SET_NAME, "a name of more than fifteen bytes"), 0);
	stat = parse_stat(text_of("/proc/self/stat"));
	CHECK_STR(stat.name, "a name of more ");
}

TEST(status_keys)
{
	char *text = text_of("/proc/self/status"), state;
	long a, b, c, d;

	CHECK(!strncmp(text, "Name:\tfile_proc\n", 16));
	CHECK_EQ(sscanf(value_in(text, "State"), "%c (running)", &state), 1);
	CHECK_EQ(state, 'R');
	CHECK_EQ(atoi(value_in(text, "Tgid")), getpid());
	CHECK_EQ(atoi(value_in(text, "Pid")), getpid());
	CHECK_EQ(atoi(value_in(text, "PPid")), getppid());
	CHECK_EQ(sscanf(value_in(text, "Uid"), "%ld %ld %ld %ld", &a, &b, &c, &d), 4);
	CHECK(a == 0 && b == 0 && c == 0 && d == 0);
	CHECK_EQ(sscanf(value_in(text, "Gid"), "%ld %ld %ld %ld", &a, &b, &c, &d), 4);
	CHECK_EQ(atoi(value_in(text, "Threads")), 1);
	CHECK(atol(value_in(text, "VmSize")) >= atol(value_in(text, "VmRSS")));
	CHECK(!strncmp(strchr(value_in(text, "VmSize"), ' '), " kB\n", 4));
}

TEST(no_name_looks_like_a_line_of_the_status)
{
	static const char first_line[] = "Name:\ta\\\\b\\nUid:\t7\\n\n";
	char *text;

	CHECK_EQ(prctl(PR_SET_NAME, "a\\b\nUid:\t7\n"), 0);
	text = text_of("/proc/self/status");
	CHECK(!strncmp(text, first_line, strlen(first_line)));
	CHECK_EQ(atoi(value_in(text, "Uid")), 0);
	CHECK(strstr(text_of("/proc/self/stat"), "(a\\b\nUid:\t7\n) R ") != NULL);
	CHECK_STR(text_of("/proc/self/comm"), "a\\b\nUid:\t7\n\n");
}

TEST(who_does_not_sleep_has_no_wait_channel)
{
	pid_t child = FORK();

	if (child == 0)
		_exit(0);
	while (state_of(child) != 'Z')
		sched_yield();
	CHECK_STR(text_of_pid(child, "wchan"), "0");
	CHECK_STR(text_of("/proc/self/wchan"), "0");
	CHECK_EXIT(child, 0);
}

TEST(status_shows_signals)
{
	uint64_t mask = 1 << (SIGUSR2 - 1);
	char *text;

	CHECK(signal(SIGUSR1, SIG_IGN) != SIG_ERR);
	CHECK_EQ(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &mask, NULL, 8), 0);
	CHECK_EQ(kill(getpid(), SIGUSR2), 0);
	text = text_of("/proc/self/status");
	CHECK(strtoul(value_in(text, "SigIgn"), NULL, 16) & 1 << (SIGUSR1 - 1));
	CHECK(strtoul(value_in(text, "SigBlk"), NULL, 16) & mask);
	uint64_t pending = strtoul(value_in(text, "SigPnd"), NULL, 16)
		| strtoul(value_in(text, "ShdPnd"), NULL, 16);
	CHECK(pending & mask);
	CHECK_EQ(strcspn(value_in(text, "SigBlk"), "\n"), 16);
}

TEST(a_zombie_and_the_dead)
{
	char path[64], c;
	pid_t child = FORK();

	if (child == 0)
		_exit(3);
	while (state_of(child) != 'Z')
		sched_yield();
	CHECK_EQ(parse_stat(text_of_pid(child, "stat")).fields, 52);
	CHECK_EQ(parse_stat(text_of_pid(child, "stat")).field[4], getpid());
	CHECK(strstr(text_of_pid(child, "status"), "State:\tZ (zombie)\n") != NULL);
	CHECK_STR(text_of_pid(child, "cmdline"), "");
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)child);
	int fd = open(path, O_RDONLY);
	CHECK(fd >= 0);
	CHECK_EXIT(child, 3);
	CHECK_ERRNO(open(path, O_RDONLY), ENOENT);
	*strrchr(path, '/') = '\0';
	CHECK_ERRNO(open(path, O_RDONLY), ENOENT);
	CHECK_ERRNO(read(fd, &c, 1), ESRCH);
}

TEST(names_that_are_no_pids)
{
	CHECK_ERRNO(open("/proc/0/stat", O_RDONLY), ENOENT);
	CHECK_ERRNO(open("/proc/-1/stat", O_RDONLY), ENOENT);
	CHECK_ERRNO(open("/proc/99999999/stat", O_RDONLY), ENOENT);
	CHECK_ERRNO(open("/proc/1x/stat", O_RDONLY), ENOENT);
	CHECK_ERRNO(open("/proc/01/stat", O_RDONLY), ENOENT);
	CHECK_ERRNO(open("/proc/4294967297/stat", O_RDONLY), ENOENT);
	CHECK_ERRNO(open("/proc/self/missing", O_RDONLY), ENOENT);
	CHECK_ERRNO(open("/proc/self/stat/x", O_RDONLY), ENOTDIR);
}

TEST(self_is_the_reader)
{
	CHECK_EQ(parse_stat(text_of("/proc/self/stat")).pid, getpid());
	CHECK_EQ(parse_stat(text_of_pid(getpid(), "stat")).pid, getpid());
	pid_t child = FORK();
	if (child == 0) {
		CHECK_EQ(parse_stat(text_of("/proc/self/stat")).pid, getpid());
		CHECK_EQ(parse_stat(text_of("/proc/self/stat")).field[4], getppid());
		_exit(0);
	}
	CHECK_EXIT(child, 0);
}

/* Executes this program with arguments that it must find again in /proc/self/cmdline. */
TEST(cmdline_is_the_arguments_with_nuls)
{
	pid_t child = FORK();

	if (child == 0) {
		execl(self_path(), "file_proc", "cmdline", "two words", "", "last", (char *)NULL);
		_exit(126);
	}
	CHECK_EXIT(child, 0);
}

static int check_cmdline(void)
{
	static const char expected[] = "file_proc\0cmdline\0two words\0\0last";
	char text[256];
	int fd = open("/proc/self/cmdline", O_RDONLY);

	return read_all(fd, text, sizeof(text)) != sizeof(expected)
		|| memcmp(text, expected, sizeof(expected));
}

TEST(meminfo_is_sane)
{
	char *text = text_of("/proc/meminfo");
	long total, available, unused;

	for (char *line = text; *line; line = strchr(line, '\n') + 1) {
		char key[64];
		long value;
		CHECK_EQ(sscanf(line, "%63[^:]: %ld", key, &value), 2);
		CHECK(value >= 0);
	}
	total = atol(value_in(text, "MemTotal"));
	unused = atol(value_in(text, "MemFree"));
	available = atol(value_in(text, "MemAvailable"));
	CHECK(total >= 16 * 1024);
	CHECK(unused > 0 && unused <= total);
	CHECK(available > 0 && available <= total);
	CHECK(!strncmp(strchr(value_in(text, "MemTotal"), ' '), " kB\n", 4));
}

static double uptime(void)
{
	double up, idle;
	int used = 0;
	char *text = text_of("/proc/uptime");

	CHECK_EQ(sscanf(text, "%lf %lf\n%n", &up, &idle, &used), 2);
	CHECK_EQ(used, strlen(text));
	CHECK(strchr(text, '.') != NULL && strchr(text, '.')[3] == ' ');
	CHECK(up >= 0 && idle >= 0);
	return up;
}

TEST(uptime_grows)
{
	double first = uptime(), now = first;

	while (now == first) {
		nanosleep(&(struct timespec){ 0, 10000000 }, NULL);
		now = uptime();
		CHECK(now >= first);
	}
}

TEST(read_in_pieces)
{
	static const char *const files[] = {
		"/proc/self/stat", "/proc/self/status", "/proc/self/cmdline", "/proc/meminfo",
		"/proc/uptime",
	};
	char piece[2], whole[16 << 10];

	for (unsigned i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		int fd = open(files[i], O_RDONLY);
		size_t n = 0;
		ssize_t got;

		CONTEXT("%s", files[i]);
		while ((got = read(fd, piece, 1)) == 1)
			whole[n++] = piece[0];
		CHECK_EQ(got, 0);
		CHECK(n > 5);
		CHECK_EQ(lseek(fd, 0, SEEK_CUR), n);
		CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
		CHECK_EQ(read(fd, piece, 2), 2);
		CHECK(!memcmp(piece, whole, 2));
		whole[n] = '\0';
		if (i == 0)
			CHECK_EQ(parse_stat(whole).fields, 52);
		if (i == 1)
			CHECK_EQ(atoi(value_in(whole, "PPid")), getppid());
		close(fd);
	}
}

/* A file that is kept open shows the state of each time it is read from the start. */
TEST(rewound_it_is_new)
{
	char first[64] = { 0 }, second[64] = { 0 };
	int fd = open("/proc/self/status", O_RDONLY);

	CHECK_EQ(prctl(PR_SET_NAME, "first"), 0);
	CHECK(read(fd, first, 60) > 0);
	CHECK_EQ(prctl(PR_SET_NAME, "second"), 0);
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	CHECK(read(fd, second, 60) > 0);
	CHECK(!strncmp(first, "Name:\tfirst\n", 12));
	CHECK(!strncmp(second, "Name:\tsecond\n", 13));
}

TEST(reading_beyond_the_end)
{
	char c;
	int fd = open("/proc/meminfo", O_RDONLY);

	CHECK_EQ(lseek(fd, 1 << 20, SEEK_SET), 1 << 20);
	CHECK_EQ(read(fd, &c, 1), 0);
}

TEST(they_are_not_written)
{
	static const char *const files[] = { "/proc/self/stat", "/proc/meminfo", "/proc/uptime" };

	for (unsigned i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		int fd = open(files[i], O_WRONLY);
		CONTEXT("%s", files[i]);
		CHECK(fd < 0 || write(fd, "x", 1) == -1);
		CHECK(open(files[i], O_RDONLY | O_DIRECTORY) == -1 && errno == ENOTDIR);
	}
	CHECK_ERRNO(open("/proc/self", O_WRONLY), EISDIR);
	CHECK(open("/proc/new", O_WRONLY | O_CREAT, 0644) == -1);
	CHECK(mkdir("/proc/new", 0755) == -1);
	CHECK(unlink("/proc/meminfo") == -1);
}

/* How often the listing of /proc has the name, which must be a directory or not. */
static int listed(const char *name, int directory)
{
	struct dirent *entry;
	int times = 0;
	DIR *proc = opendir("/proc");

	CHECK(proc != NULL);
	while ((entry = readdir(proc)))
		if (!strcmp(entry->d_name, name)) {
			CHECK_EQ(entry->d_type == DT_DIR, directory);
			times++;
		}
	CHECK_EQ(closedir(proc), 0);
	return times;
}

TEST(the_listing)
{
	char name[16];
	pid_t child = FORK();

	if (child == 0)
		_exit(0);
	snprintf(name, sizeof(name), "%d", (int)child);
	CHECK_EQ(listed(name, 1), 1);
	CHECK_EXIT(child, 0);
	CHECK_EQ(listed(name, 1), 0);
	snprintf(name, sizeof(name), "%d", (int)getpid());
	CHECK_EQ(listed(name, 1), 1);
	CHECK_EQ(listed("1", 1), 1);
	CHECK_EQ(listed("self", 0), 1);
	CHECK_EQ(listed("meminfo", 0), 1);
	CHECK_EQ(listed("uptime", 0), 1);
}

TEST(listing_many_processes)
{
	enum { N = 100 };
	static pid_t child[N];
	int go[2], found = 0;
	char c;
	struct dirent *entry;

	CHECK_EQ(pipe(go), 0);
	for (int i = 0; i < N; i++) {
		child[i] = FORK();
		if (child[i] == 0) {
			close(go[1]);
			_exit((int)read(go[0], &c, 1));
		}
	}
	DIR *proc = opendir("/proc");
	while ((entry = readdir(proc)))
		for (int i = 0; i < N; i++)
			found += atoi(entry->d_name) == child[i];
	CHECK_EQ(found, N);
	CHECK_EQ(closedir(proc), 0);
	close(go[1]);
	for (int i = 0; i < N; i++)
		CHECK_EXIT(child[i], 0);
}

TEST(a_process_s_directory)
{
	static const char *const names[] = { "stat", "status", "cmdline", "maps" };
	struct dirent *entry;
	int found = 0;
	DIR *directory = opendir("/proc/self");

	CHECK(directory != NULL);
	while ((entry = readdir(directory)))
		for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			found += !strcmp(entry->d_name, names[i]);
	CHECK_EQ(found, 4);
	CHECK_EQ(closedir(directory), 0);
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "cmdline"))
		return check_cmdline();
	return ktap_main(argc, argv);
}
