/*
 * Who is to die when memory is exhausted, as it is asked and answered in /proc: oom_score,
 * oom_score_adj and the older oom_adj: values, inheritance, and who may change them which way.
 * Nobody dies here (mem_oom.c does that). Sources: proc(5), Linux's fs/proc/base.c for what
 * oom_adj's scale becomes.
 */
#include "users.h"

static int write_value(int fd, const char *value)
{
	return (int)pwrite(fd, value, strlen(value), 0);
}

static int open_file(pid_t pid, const char *name, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return open(path, flags | O_CLOEXEC);
}

static int store(const char *name, const char *value)
{
	int fd = open_file(getpid(), name, O_WRONLY);

	CHECK(fd >= 0);
	int result = write_value(fd, value), error = errno;
	close(fd);
	errno = error;
	return result;
}

static long value_of(pid_t pid, const char *name)
{
	char path[64], text[64], *end;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	CHECK(read_text(path, text, sizeof(text)) > 0);
	long value = strtol(text, &end, 10);
	CHECK_STR(end, "\n");
	return value;
}

static long own(const char *name)
{
	return value_of(getpid(), name);
}

static void drop_resource(void)
{
	struct caps caps = get_caps(0);

	CHECK_EQ(set_caps(caps.permitted & ~CAP(SYS_RESOURCE), caps.effective & ~CAP(SYS_RESOURCE),
			  0),
		 0);
}

TEST(values_that_are_taken)
{
	static const char *const good[] = { "0", "1000", "7\n", "+8", " 12 \n", "999" };
	static const char *const bad[] = { "1001", "-1001", "", "x", "1x", "- 1", "5 5", "\n" };

	CHECK_ERRNO(store("oom_score_adj", "2147483648"), ERANGE);
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		CONTEXT("\"%s\"", good[i]);
		CHECK_EQ(store("oom_score_adj", good[i]), strlen(good[i]));
		CHECK_EQ(own("oom_score_adj"), strtol(good[i], NULL, 10));
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CONTEXT("\"%s\"", bad[i]);
		if (*bad[i])
			CHECK_ERRNO(store("oom_score_adj", bad[i]), EINVAL);
		CHECK_EQ(own("oom_score_adj"), 999);
	}
}

TEST(the_older_scale)
{
	CHECK_EQ(own("oom_adj"), 0);
	CHECK_EQ(store("oom_score_adj", "500"), 3);
	CHECK_EQ(own("oom_adj"), 8);
	CHECK_EQ(store("oom_score_adj", "999"), 3);
	CHECK_EQ(own("oom_adj"), 15);
	CHECK_EQ(store("oom_score_adj", "10"), 2);
	CHECK_EQ(own("oom_adj"), 0);
	CHECK_EQ(store("oom_adj", "3"), 1);
	CHECK_EQ(own("oom_score_adj"), 176);
	CHECK_EQ(store("oom_adj", "15"), 2);
	CHECK_EQ(own("oom_score_adj"), 1000);
	CHECK_ERRNO(store("oom_adj", "16"), EINVAL);
	CHECK_ERRNO(store("oom_adj", "-18"), EINVAL);
}

TEST(the_score_follows_memory_and_adjustment)
{
	enum { BYTES = 16 << 20 };
	long before = own("oom_score");
	char *at = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(at != MAP_FAILED);
	CHECK(before >= 666 && before < 1334);
	memset(at, 1, BYTES);
	long after = own("oom_score");
	CHECK(after >= before);
	CHECK_EQ(store("oom_score_adj", "300"), 3);
	long raised = own("oom_score");
	CHECK(raised >= after + 195 && raised <= after + 205);
	CHECK_EQ(store("oom_score_adj", "1000"), 4);
	CHECK(own("oom_score") >= 1330);
	if (is_real_root()) /* and pid 1 is init */
		CHECK_EQ(value_of(1, "oom_score"), 0);
}

TEST(files_and_their_modes)
{
	static const struct {
		const char *name;
		mode_t mode;
	} files[] = { { "oom_score", 0444 }, { "oom_score_adj", 0644 }, { "oom_adj", 0644 } };
	struct stat st;
	char path[64];

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), "/proc/self/%s", files[i].name);
		CHECK_EQ(stat(path, &st), 0);
		CHECK_EQ(st.st_mode, S_IFREG | files[i].mode);
	}
}

TEST(inherited_by_fork_and_kept_by_execve)
{
	CHECK_EQ(store("oom_score_adj", "123"), 3);
	pid_t pid = FORK();
	if (pid == 0) {
		CHECK_EQ(own("oom_score_adj"), 123);
		CHECK_EQ(store("oom_score_adj", "200"), 3);
		CHECK_EQ(own("oom_score_adj"), 200);
		execl("/bin/busybox", "ash", "-c", "read n </proc/$$/oom_score_adj; exit $n", NULL);
	}
	CHECK_EXIT(pid, 200);
	CHECK_EQ(own("oom_score_adj"), 123);
}

/* A vfork child borrows the memory but is a process of its own. */
TEST(a_vfork_child_changes_its_own)
{
	volatile int failed = 0;
	pid_t pid = vfork();

	if (pid == 0) {
		int fd = open("/proc/self/oom_score_adj", O_WRONLY);

		failed = fd < 0 || write(fd, "77", 2) != 2 || close(fd);
		_exit(0);
	}
	CHECK_EXIT(pid, 0);
	CHECK(!failed);
	CHECK_EQ(own("oom_score_adj"), 0);
}

TEST(without_the_capability_not_below_what_it_was)
{
	CHECK_EQ(store("oom_score_adj", "0"), 1);
	drop_resource();
	CHECK_EQ(store("oom_score_adj", "600"), 3);
	CHECK_EQ(store("oom_score_adj", "100"), 3); /* 0 is the least that it was given */
	CHECK_EQ(store("oom_score_adj", "0"), 1);
	CHECK_ERRNO(store("oom_score_adj", "-1"), EACCES);
	CHECK_ERRNO(store("oom_score_adj", "-1000"), EACCES);
	CHECK_ERRNO(store("oom_adj", "-17"), EACCES);
	CHECK_EQ(store("oom_score_adj", "300"), 3);
	CHECK_ERRNO(store("oom_adj", "1"), EACCES); /* 58: the older file knows no least value */
	CHECK_EQ(own("oom_score_adj"), 300);
}

TEST(the_capability_sets_the_least_value)
{
	if (store("oom_score_adj", "-500") < 0) {
		CHECK_EQ(errno, EACCES);
		SKIP("not the machine's root");
	}
	CHECK_EQ(store("oom_adj", "-17"), 3);
	CHECK_EQ(own("oom_score_adj"), -1000);
	CHECK_EQ(own("oom_adj"), -17);
	CHECK_EQ(own("oom_score"), 0);
	drop_resource();
	CHECK_EQ(store("oom_score_adj", "-200"), 4);
	CHECK_EQ(store("oom_score_adj", "-500"), 4);
	CHECK_ERRNO(store("oom_score_adj", "-501"), EACCES);
	IN_CHILD({
		CHECK_EQ(own("oom_score_adj"), -500);
		CHECK_EQ(store("oom_score_adj", "5"), 1);
		CHECK_EQ(store("oom_score_adj", "-500"), 4); /* the least value is inherited, too */
	});
}

USERS_TEST(nobody_but_its_user_may_write)
{
	pid_t pid = FORK();

	if (pid == 0)
		block_forever();
	IN_CHILD({
		become(ALICE, ALICE);
		CHECK_ERRNO(open_file(pid, "oom_score_adj", O_WRONLY), EACCES);
		int fd = open_file(pid, "oom_score_adj", O_RDONLY);
		CHECK(fd >= 0);
		CHECK_ERRNO(write_value(fd, "1"), EBADF);
	});
	CHECK_EQ(kill(pid, SIGKILL), 0);
	CHECK_SIGNAL(pid, SIGKILL);
}

TEST(the_dead_have_no_value_to_set)
{
	pid_t pid = FORK();

	if (pid == 0)
		block_forever();
	int fd = open_file(pid, "oom_score_adj", O_WRONLY);
	CHECK(fd >= 0);
	CHECK_EQ(write_value(fd, "5"), 1);
	CHECK_EQ(value_of(pid, "oom_score_adj"), 5);
	CHECK_EQ(kill(pid, SIGKILL), 0);
	CHECK_SIGNAL(pid, SIGKILL);
	CHECK_ERRNO(write_value(fd, "6"), ESRCH);
	CHECK_EQ(close(fd), 0);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
