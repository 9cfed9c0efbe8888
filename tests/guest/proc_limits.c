/*
 * Resource limits: reading and setting them, their inheritance, and what happens at the limits of
 * open files, of the stack and of processes. Those on memory are in mem_rlimit.c. Sources: POSIX
 * getrlimit(); getrlimit(2), prlimit(2).
 */
#include "proc.h"
#include <sys/resource.h>

static long prlimit_raw(pid_t pid, unsigned resource, const void *new, void *old)
{
	return syscall(SYS_prlimit64, pid, resource, new, old);
}

static struct rlimit get(int resource)
{
	struct rlimit limit;

	CHECK_EQ(getrlimit(resource, &limit), 0);
	return limit;
}

static void set_soft(int resource, rlim_t value)
{
	struct rlimit limit = get(resource);

	limit.rlim_cur = value;
	CHECK_EQ(setrlimit(resource, &limit), 0);
}

TEST(every_limit_can_be_read)
{
	for (int resource = 0; resource < 16; resource++) {
		struct rlimit old = { 1, 2 }, new = { 3, 4 };
		CONTEXT("resource %d", resource);
		CHECK_EQ(syscall(SYS_getrlimit, resource, &old), 0);
		CHECK(old.rlim_cur <= old.rlim_max);
		CHECK_EQ(prlimit_raw(0, (unsigned)resource, NULL, &new), 0);
		CHECK(!memcmp(&old, &new, sizeof(old)));
		CHECK_EQ(prlimit_raw(getpid(), (unsigned)resource, NULL, NULL), 0);
		CHECK_EQ(syscall(SYS_setrlimit, resource, &old), 0);
	}
}

TEST(errors)
{
	struct rlimit limit = { 2, 1 };

	CHECK_ERRNO(syscall(SYS_getrlimit, 16, &limit), EINVAL);
	CHECK_ERRNO(syscall(SYS_getrlimit, -1, &limit), EINVAL);
	CHECK_ERRNO(syscall(SYS_setrlimit, 16, &limit), EINVAL);
	CHECK_ERRNO(prlimit_raw(0, 16, NULL, &limit), EINVAL);
	CHECK_ERRNO(prlimit_raw(0, UINT_MAX, NULL, &limit), EINVAL);
	CHECK_ERRNO(syscall(SYS_setrlimit, RLIMIT_CORE, &limit), EINVAL); /* soft above hard */
	CHECK_ERRNO(prlimit_raw(0, RLIMIT_CORE, &limit, NULL), EINVAL);
	CHECK_ERRNO(syscall(SYS_getrlimit, RLIMIT_CORE, BAD_POINTER), EFAULT);
	CHECK_ERRNO(syscall(SYS_setrlimit, RLIMIT_CORE, KERNEL_ADDRESS), EFAULT);
	CHECK_ERRNO(prlimit_raw(0, RLIMIT_CORE, BAD_POINTER, NULL), EFAULT);
	CHECK_ERRNO(prlimit_raw(0, RLIMIT_CORE, NULL, KERNEL_ADDRESS), EFAULT);
	CHECK_ERRNO(prlimit_raw(INT_MAX, RLIMIT_CORE, NULL, &limit), ESRCH);
	CHECK_ERRNO(prlimit_raw(-1, RLIMIT_CORE, NULL, &limit), ESRCH);
}

TEST(set_and_get)
{
	struct rlimit old = get(RLIMIT_NOFILE), new = { 17, old.rlim_max }, seen;

	CHECK_EQ(prlimit_raw(0, RLIMIT_NOFILE, &new, &seen), 0);
	CHECK(!memcmp(&seen, &old, sizeof(old)));
	seen = get(RLIMIT_NOFILE);
	CHECK(!memcmp(&seen, &new, sizeof(new)));
	new.rlim_max = 17; /* the hard limit can be lowered */
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &new), 0);
	seen = get(RLIMIT_NOFILE);
	CHECK_EQ(seen.rlim_max, 17);
}

TEST(limits_of_another_process)
{
	pid_t pid = FORK();
	struct rlimit limit = { 23, get(RLIMIT_NOFILE).rlim_max }, seen;

	if (pid == 0)
		block_forever();
	CHECK_EQ(prlimit_raw(pid, RLIMIT_NOFILE, &limit, NULL), 0);
	CHECK_EQ(prlimit_raw(pid, RLIMIT_NOFILE, NULL, &seen), 0);
	CHECK_EQ(seen.rlim_cur, 23);
	CHECK(get(RLIMIT_NOFILE).rlim_cur != 23);
	CHECK_EQ(kill(pid, SIGKILL), 0);
	CHECK_SIGNAL(pid, SIGKILL);
	CHECK_ERRNO(prlimit_raw(pid, RLIMIT_NOFILE, NULL, &seen), ESRCH);
}

/* As the program of the next test. */
static int check_inherited(void)
{
	CHECK_EQ(get(RLIMIT_NOFILE).rlim_cur, 31);
	return 61;
}

TEST(inherited_by_fork_and_exec)
{
	char *argv[] = { "proc_limits", "check-inherited", NULL };
	pid_t pid;

	set_soft(RLIMIT_NOFILE, 31);
	pid = FORK();
	if (pid == 0) {
		CHECK_EQ(get(RLIMIT_NOFILE).rlim_cur, 31);
		execve(own_path, argv, environ);
		_exit(1);
	}
	CHECK_EXIT(pid, 61);
	pid = FORK();
	if (pid == 0) {
		set_soft(RLIMIT_NOFILE, 32);
		_exit(0);
	}
	CHECK_EXIT(pid, 0);
	CHECK_EQ(get(RLIMIT_NOFILE).rlim_cur, 31);
}

/* ---- open files ------------------------------------------------------------------------------ */

TEST(open_files)
{
	int fds[2], last = -1, fd;

	set_soft(RLIMIT_NOFILE, 30);
	while ((fd = open("/dev/null", O_RDONLY)) >= 0)
		last = fd;
	CHECK_EQ(errno, EMFILE);
	CHECK_EQ(last, 29);
	CHECK_ERRNO(dup(0), EMFILE);
	CHECK_ERRNO(pipe(fds), EMFILE);
	CHECK_ERRNO(fcntl(0, F_DUPFD, 0), EMFILE);
	CHECK_ERRNO(fcntl(0, F_DUPFD, 30), EINVAL);
	CHECK_ERRNO(fcntl(0, F_DUPFD_CLOEXEC, 1000), EINVAL);
	CHECK_ERRNO(dup2(0, 30), EBADF);
	CHECK_ERRNO(dup3(0, 30, O_CLOEXEC), EBADF);
	CHECK_EQ(dup2(0, 29), 29);
	CHECK_EQ(close(29), 0);
	CHECK_ERRNO(pipe(fds), EMFILE); /* one is not enough, and it must not get lost */
	CHECK_EQ(dup(0), 29);
	pid_t pid = FORK(); /* fork copies them all the same */
	if (pid == 0)
		_exit(fcntl(29, F_GETFD) < 0);
	CHECK_EXIT(pid, 0);
}

/* Those that are open already may lie above a limit that is set later. */
TEST(files_above_the_limit_stay)
{
	CHECK_EQ(dup2(STDOUT_FILENO, 60), 60);
	set_soft(RLIMIT_NOFILE, 40);
	CHECK_EQ(fcntl(60, F_GETFD), 0);
	CHECK_EQ(dup2(60, 20), 20);
	CHECK_ERRNO(dup2(20, 61), EBADF);
	pid_t pid = FORK();
	if (pid == 0)
		_exit(fcntl(60, F_GETFD) < 0);
	CHECK_EXIT(pid, 0);
	CHECK_EQ(close(60), 0);
	CHECK_ERRNO(dup2(20, 60), EBADF);
}

TEST(no_files_at_all)
{
	set_soft(RLIMIT_NOFILE, 0);
	CHECK_ERRNO(open("/dev/null", O_RDONLY), EMFILE);
	CHECK_ERRNO(dup(0), EMFILE);
	CHECK_ERRNO(dup2(1, 0), EBADF);
}

TEST(too_many_files)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

	CHECK_ERRNO(setrlimit(RLIMIT_NOFILE, &limit),
		    EPERM); /* above what the kernel can ever do */
}

/* ---- the stack ------------------------------------------------------------------------------- */

__attribute__((noinline)) static int use_stack(size_t bytes)
{
	char frame[4096];
	int result = 0;

	memset(frame, 1, sizeof(frame));
	if (bytes > sizeof(frame))
		result = use_stack(bytes - sizeof(frame));
	asm volatile("" : : "r"(frame) : "memory"); /* it is needed until here: no loop instead */
	return result;
}

TEST(stack)
{
	static const struct {
		size_t limit, use;
		bool fits;
	} cases[] = {
		{ 8 << 20, 7 << 20, true },   { 8 << 20, 9 << 20, false },
		{ 1 << 20, 700 << 10, true }, { 1 << 20, 1200 << 10, false },
		{ 16 << 20, 15 << 20, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CONTEXT("%zu bytes of %zu", cases[i].use, cases[i].limit);
		pid_t pid = FORK();
		if (pid == 0) {
			set_soft(RLIMIT_STACK, cases[i].limit);
			_exit(use_stack(cases[i].use));
		}
		if (cases[i].fits)
			CHECK_EXIT(pid, 0);
		else
			CHECK_SIGNAL(pid, SIGSEGV);
	}
}

/* ---- processes ------------------------------------------------------------------------------- */

/*
 * The limit counts the processes of a user; the system's superuser is exempt, one of a namespace is
 * not.
 */
TEST(processes)
{
	set_soft(RLIMIT_NPROC, 1);
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	if (pid < 0) {
		CHECK_EQ(errno, EAGAIN);
		SKIP("this superuser belongs to a namespace");
	}
	CHECK_EXIT(pid, 0);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "check-inherited"))
		return check_inherited();
	return ktap_main(argc, argv);
}
