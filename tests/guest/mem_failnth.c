/*
 * Every allocation of a system call fails once (failnth.h): of processes, execve, memory, faults,
 * files and descriptors.
 */
#include "failnth.h"
#include "pages.h"
#include <grp.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <time.h>

enum { FDS = 700, HIGH_FD = 700 };

static char *area, *target;
static int fds[2], dir_fd;
static pid_t sleeper;

/* ---- processes ------------------------------------------------------------------------------- */

static long make_fork(void)
{
	pid_t pid = (pid_t)syscall(SYS_fork);

	if (pid == 0)
		syscall(SYS_exit_group, 0);
	return pid;
}

static long make_vfork(void)
{
	pid_t pid = vfork();

	if (pid == 0)
		_exit(0);
	return pid;
}

static void reap(long pid)
{
	CHECK_EXIT((pid_t)pid, 0);
}

static long make_setpgid(void)
{
	return setpgid(0, getpgid(0) == getpid() ? getpgid(getppid()) : 0);
}

static long make_pidfd(void)
{
	return syscall(SYS_pidfd_open, getpid(), 0);
}

static long make_setgroups(void)
{
	gid_t groups[100];

	for (gid_t i = 0; i < 100; i++)
		groups[i] = 1000 + i;
	return syscall(SYS_setgroups, 100, groups);
}

static long make_setresuid(void)
{
	return syscall(SYS_setresuid, -1, -1, 5);
}

static void undo_setresuid(long result)
{
	(void)result;
	CHECK_EQ(syscall(SYS_setresuid, -1, -1, 0), 0);
}

static long make_sigqueue(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	CHECK_EQ(sigprocmask(SIG_BLOCK, &set, NULL), 0);
	return sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = 7 });
}

static void take_signal(long result)
{
	sigset_t set;
	siginfo_t info;

	(void)result;
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	CHECK_EQ(sigwaitinfo(&set, &info), SIGRTMIN);
	CHECK_EQ(info.si_value.sival_int, 7);
}

static long make_timer(void)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	int id;
	long result = syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id);

	return result < 0 ? result : id;
}

static void delete_timer(long id)
{
	CHECK_EQ(syscall(SYS_timer_delete, (int)id), 0);
}

TEST(processes)
{
	static const struct call calls[] = {
		{ "fork", NULL, make_fork, reap, { ENOMEM, EAGAIN }, 8 },
		{ "vfork", NULL, make_vfork, reap, { ENOMEM, EAGAIN }, 6 },
		{ "setpgid", NULL, make_setpgid, NULL, { 0 }, 0 },
		{ "pidfd_open", NULL, make_pidfd, close_it, { ENOMEM, ENFILE }, 2 },
		{ "setgroups", NULL, make_setgroups, NULL, { ENOMEM }, 2 },
		{ "setresuid", NULL, make_setresuid, undo_setresuid, { ENOMEM, EAGAIN }, 1 },
		{ "sigqueue", NULL, make_sigqueue, take_signal, { EAGAIN }, 1 },
		{ "timer_create", NULL, make_timer, delete_timer, { EAGAIN, ENOMEM }, 1 },
	};

	WALK(calls);
}

/* ---- execve ---------------------------------------------------------------------------------- */

enum { ARGS = 60, ARG_SIZE = 4000 };

static char *long_args[ARGS + 4];
static const char *program;

/* The program that was executed: exits with whether its own count has come to its end. */
static int executed(void)
{
	char text[16] = "";

	open_nth();
	if (nth_fd < 0 || pread(nth_fd, text, sizeof(text) - 1, 0) <= 0)
		return errno == ENOMEM ? 1 : 99; /* it was the next one */
	return strtoul(text, NULL, 10) == 0;
}

static void execute(char *const *args)
{
	extern char **environ;

	execve(program, args, environ);
}

/* In a child: execve with the nth allocation of the child's own failing, and once more if it does.
 * The child's exit status is 2 for what was told, else the program's. */
static void execute_nth(unsigned nth, char *const *args)
{
	close(nth_fd);
	need_nth();
	drop_caches();
	arm(nth);
	execute(args);
	int error = errno;
	CHECK_EQ(disarm(), 0);
	CHECK_EQ(error, ENOMEM);
	check_audit();
	pid_t pid = FORK();
	if (pid == 0) {
		execute(args);
		_exit(98);
	}
	CHECK_EXIT(pid, 1);
	_exit(2);
}

/* A child that executes; one of vfork's borrows the variables, and would leave its own in them. */
__attribute__((noinline)) static pid_t start(unsigned nth, char *const *args, int vforked)
{
	int own_fd = nth_fd;
	pid_t pid = vforked ? vfork() : fork();

	CHECK(pid >= 0);
	if (pid == 0)
		execute_nth(nth, args);
	nth_fd = own_fd;
	return pid;
}

static void walk_execve(char *const *args, int vforked, int least)
{
	int status, told = 0;
	unsigned nth = 0;

	do {
		CONTEXT("execve%s of %s, allocation %u", vforked ? " after vfork" : "", program,
			++nth);
		CHECK(nth < ENOUGH);
		pid_t pid = start(nth, args, vforked);
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		told += status == 2 << 8;
		if (status != 0 && status != 1 << 8 && status != 2 << 8)
			FAIL("the program ended with 0x%04x", status);
		check_audit();
	} while (status != 0);
	if (told < least)
		FAIL("%d failures are told", told);
}

static char *const short_args[] = { "mem_failnth", "--executed", NULL };

TEST(execve)
{
	program = self_path();
	need_nth();
	walk_execve(short_args, 0, 20);
}

TEST(execve_of_a_vfork_child)
{
	program = self_path();
	need_nth();
	walk_execve(short_args, 1, 20);
}

TEST(execve_with_large_arguments)
{
	program = self_path();
	need_nth();
	long_args[0] = short_args[0];
	long_args[1] = short_args[1];
	for (int i = 2; i < ARGS; i++) {
		long_args[i] = malloc(ARG_SIZE);
		memset(long_args[i], 'a', ARG_SIZE - 1);
		long_args[i][ARG_SIZE - 1] = '\0';
	}
	walk_execve(long_args, 0, 20 + ARGS * ARG_SIZE / (int)PAGE);
}

SCRATCH_TEST(execve_of_a_script)
{
	char text[PATH_MAX + 32];

	need_nth();
	snprintf(text, sizeof(text), "#!%s --executed\n", self_path());
	CHECK_EQ(close(make_file("script", text)), 0);
	CHECK_EQ(chmod("script", 0755), 0);
	program = "./script";
	walk_execve(short_args, 0, 20);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static long address_or_error(const char *at)
{
	return at == MAP_FAILED ? -1 : (long)at;
}

static long make_mmap(void)
{
	return address_or_error(
		raw_mmap(0, 4 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

static long make_mmap_shared(void)
{
	return address_or_error(
		raw_mmap(0, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
}

static long make_mmap_file(void)
{
	return address_or_error(raw_mmap(0, 4 * PAGE, PROT_READ, MAP_PRIVATE, dir_fd, 0));
}

static long make_mmap_inside(void)
{
	return address_or_error(raw_mmap((uintptr_t)area + PAGE, PAGE, PROT_READ,
					 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
}

static void unmap_four(long at)
{
	CHECK_EQ(munmap((void *)at, 4 * PAGE), 0);
}

static void prepare_area(void)
{
	area = map_private(4);
	for (int i = 0; i < 4; i++)
		stamp(area + i * PAGE, (uint64_t)i);
}

static void check_area(const char *at)
{
	for (int i = 0; i < 4; i++)
		CHECK_STAMP(at + i * PAGE, i);
}

static long make_mprotect(void)
{
	long result = mprotect(area + PAGE, PAGE, PROT_READ);
	int error = errno;

	check_area(area);
	errno = error;
	return result;
}

static long make_munmap(void)
{
	return munmap(area + PAGE, PAGE);
}

static void drop_area(long result)
{
	(void)result;
	CHECK_EQ(munmap(area, 4 * PAGE), 0);
}

static void prepare_move(void)
{
	prepare_area();
	target = (char *)(((uintptr_t)free_space(4096) + (4ul << 20)) & ~((2ul << 20) - 1));
}

static long make_mremap(void)
{
	char *at = mremap(area, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, target);
	int error = errno;

	check_area(at == MAP_FAILED ? area : at);
	errno = error;
	return address_or_error(at);
}

static long make_growth(void)
{
	char *at = mremap(area, 4 * PAGE, 4000 * PAGE, MREMAP_MAYMOVE);

	if (at == MAP_FAILED)
		return -1;
	check_area(at);
	return address_or_error(at);
}

static void unmap_grown(long at)
{
	CHECK_EQ(munmap((void *)at, 4000 * PAGE), 0);
}

static long make_madvise(void)
{
	return madvise(area + PAGE, PAGE, MADV_DONTFORK);
}

static uintptr_t break_before;

static void prepare_brk(void)
{
	break_before = (uintptr_t)syscall(SYS_brk, 0);
}

static long make_brk(void)
{
	errno = ENOMEM; /* the call itself has no errors: it returns where the break is */
	return (uintptr_t)syscall(SYS_brk, break_before + 64 * PAGE) == break_before ? -1 : 0;
}

static void undo_brk(long result)
{
	(void)result;
	CHECK_EQ(syscall(SYS_brk, break_before), break_before);
}

SCRATCH_TEST(memory)
{
	static const struct call calls[] = {
		{ "mmap", NULL, make_mmap, unmap_four, { ENOMEM }, 1 },
		{ "mmap of shared memory", NULL, make_mmap_shared, unmap_four, { ENOMEM }, 2 },
		{ "mmap of a file", NULL, make_mmap_file, unmap_four, { ENOMEM }, 1 },
		{ "mmap inside another", prepare_area, make_mmap_inside, drop_area, { ENOMEM }, 2 },
		{ "mprotect", prepare_area, make_mprotect, drop_area, { ENOMEM }, 2 },
		{ "munmap", prepare_area, make_munmap, drop_area, { ENOMEM }, 1 },
		{ "madvise", prepare_area, make_madvise, drop_area, { ENOMEM, EAGAIN }, 1 },
		{ "mremap", prepare_move, make_mremap, unmap_four, { ENOMEM }, 2 },
		{ "mremap to more", prepare_area, make_growth, unmap_grown, { ENOMEM }, 0 },
		{ "brk", prepare_brk, make_brk, undo_brk, { ENOMEM }, 0 },
	};

	dir_fd = make_file("content", "some text");
	WALK(calls);
}

/* ---- faults: whom could they tell? The instruction is tried again ---------------------------- */

static void prepare_fresh(void)
{
	area = free_space(4096); /* its page tables are gone with it */
	map_at(area, 4, PROT_READ | PROT_WRITE, MAP_PRIVATE);
}

static long make_write(void)
{
	stamp(area, 5);
	return stamp_of(area) == 5 ? 0 : -1;
}

static long make_read(void)
{
	return peek(area) == 0 ? 0 : -1;
}

static void prepare_file(void)
{
	area = free_space(4096);
	CHECK(mmap(area, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, dir_fd, 0) ==
	      area);
}

static long make_read_file(void)
{
	return peek(area) == 's' ? 0 : -1;
}

static long make_write_file(void)
{
	poke(area, 'x');
	return peek(area) == 'x' && peek(area + 1) == 'o' ? 0 : -1;
}

static void prepare_sharing(void)
{
	prepare_area();
	sleeper = FORK();
	if (sleeper == 0)
		for (;;)
			pause();
}

static long make_break(void)
{
	stamp(area + PAGE, 1);
	check_area(area);
	return 0;
}

static void end_sharing(long result)
{
	CHECK_EQ(kill(sleeper, SIGKILL), 0);
	CHECK_SIGNAL(sleeper, SIGKILL);
	drop_area(result);
}

/* The kernel writes into memory that has to be made first. */
static long make_kernel_write(void)
{
	CHECK_EQ(lseek(dir_fd, 0, SEEK_SET), 0);
	CHECK_EQ(read(dir_fd, area, 4), 4);
	return memcmp(area, "some", 4) ? -1 : 0;
}

static void prepare_shared(void)
{
	area = map_shared(4);
}

SCRATCH_TEST(faults)
{
	static const struct call calls[] = {
		{ "a write", prepare_fresh, make_write, drop_area, { 0 }, 0 },
		{ "a read", prepare_fresh, make_read, drop_area, { 0 }, 0 },
		{ "a read of a file", prepare_file, make_read_file, drop_area, { 0 }, 0 },
		{ "a write to a private file", prepare_file, make_write_file, drop_area, { 0 }, 0 },
		{ "a write to shared memory", prepare_shared, make_write, drop_area, { 0 }, 0 },
		{ "a write to a page shared by fork",
		  prepare_sharing,
		  make_break,
		  end_sharing,
		  { 0 },
		  0 },
		{ "a copy to the user", prepare_fresh, make_kernel_write, drop_area, { 0 }, 0 },
	};

	dir_fd = make_file("content", "some text");
	WALK(calls);
}

static volatile sig_atomic_t handled;

static void on_signal(int sig)
{
	handled = sig;
}

static long make_signal(void)
{
	handled = 0;
	CHECK_EQ(kill(getpid(), SIGUSR1), 0);
	return handled == SIGUSR1 ? 0 : -1;
}

/* A signal's frame, and the way back from its handler. */
TEST(handlers)
{
	static const struct call calls[] = { { "a handler", NULL, make_signal, NULL, { 0 }, 0 } };

	CHECK(signal(SIGUSR1, on_signal) != SIG_ERR);
	WALK(calls);
}

/* ---- files ----------------------------------------------------------------------------------- */

static long make_open(void)
{
	return open("content", O_RDONLY);
}

static long make_creat(void)
{
	return creat("made", 0600);
}

static void undo_creat(long fd)
{
	close_it(fd);
	CHECK_EQ(unlink("made"), 0);
}

static long make_mkdir(void)
{
	return mkdir("made", 0700);
}

static void undo_mkdir(long result)
{
	(void)result;
	CHECK_EQ(rmdir("made"), 0);
}

static long make_symlink(void)
{
	return symlink("a/target/that/is/not/there", "made");
}

static long make_link(void)
{
	return link("content", "made");
}

static void undo_link(long result)
{
	(void)result;
	CHECK_EQ(unlink("made"), 0);
}

static long make_rename(void)
{
	return rename("content", "a much longer name than the one that it had before, of course");
}

static void undo_rename(long result)
{
	(void)result;
	CHECK_EQ(rename("a much longer name than the one that it had before, of course", "content"),
		 0);
}

static long make_stat(void)
{
	struct stat st;

	return stat("link", &st);
}

static long make_getcwd(void)
{
	char path[PATH_MAX];

	return syscall(SYS_getcwd, path, sizeof(path));
}

static long make_readlink(void)
{
	char path[PATH_MAX];

	return readlink("/proc/self/exe", path, sizeof(path));
}

static long make_getdents(void)
{
	char entries[4096];
	int fd = open("/proc/self/fd", O_RDONLY | O_DIRECTORY);

	if (fd < 0)
		return -1;
	long result = syscall(SYS_getdents64, fd, entries, sizeof(entries));
	int error = errno;
	close(fd);
	errno = error;
	return result;
}

static long make_proc_read(void)
{
	char text[256];
	int fd = open("/proc/self/status", O_RDONLY);

	if (fd < 0)
		return -1;
	long result = read(fd, text, sizeof(text));
	int error = errno;
	close(fd);
	errno = error;
	return result;
}

/* What a write that was cut short says. */
static long make_file_write(void)
{
	long n = pwrite(dir_fd, "far away", 8, 1l << 32);

	if (n > 0 && n < 8)
		errno = ENOSPC;
	return n == 8 ? n : -1;
}

static void undo_file_write(long result)
{
	(void)result;
	CHECK_EQ(ftruncate(dir_fd, 9), 0);
}

static long make_lock(void)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 10 };

	return fcntl(dir_fd, F_SETLK, &lock);
}

static void undo_lock(long result)
{
	struct flock lock = { .l_type = F_UNLCK, .l_whence = SEEK_SET };

	(void)result;
	CHECK_EQ(fcntl(dir_fd, F_SETLK, &lock), 0);
}

static long make_sendfile(void)
{
	off_t at = 0;

	return sendfile(fds[1], dir_fd, &at, 4);
}

static void undo_sendfile(long n)
{
	char bytes[16];

	CHECK_EQ(read(fds[0], bytes, sizeof(bytes)), n);
}

static long make_mount(void)
{
	return mount("none", "place", "proc", 0, NULL);
}

static void undo_mount(long result)
{
	(void)result;
	CHECK_EQ(umount2("place", 0), 0);
}

SCRATCH_TEST(files)
{
	static const struct call calls[] = {
		{ "open", NULL, make_open, close_it, { ENOMEM, ENFILE }, 1 },
		{ "creat", NULL, make_creat, undo_creat, { ENOMEM, ENFILE, ENOSPC }, 4 },
		{ "mkdir", NULL, make_mkdir, undo_mkdir, { ENOMEM, ENOSPC }, 3 },
		{ "symlink", NULL, make_symlink, undo_link, { ENOMEM, ENOSPC }, 4 },
		{ "link", NULL, make_link, undo_link, { ENOMEM, ENOSPC }, 2 },
		{ "rename", NULL, make_rename, undo_rename, { ENOMEM, ENOSPC }, 1 },
		{ "stat through a link", NULL, make_stat, NULL, { ENOMEM }, 1 },
		{ "getcwd", NULL, make_getcwd, NULL, { ENOMEM }, 1 },
		{ "readlink", NULL, make_readlink, NULL, { ENOMEM }, 1 },
		{ "getdents", NULL, make_getdents, NULL, { ENOMEM, ENFILE }, 1 },
		{ "read of /proc", NULL, make_proc_read, NULL, { ENOMEM, ENFILE }, 3 },
		{ "write", NULL, make_file_write, undo_file_write, { ENOMEM, ENOSPC }, 3 },
		{ "a lock", NULL, make_lock, undo_lock, { ENOLCK, ENOMEM }, 1 },
		{ "sendfile", NULL, make_sendfile, undo_sendfile, { ENOMEM }, 1 },
		{ "mount", NULL, make_mount, undo_mount, { ENOMEM }, 3 },
	};

	dir_fd = make_file("content", "some text");
	CHECK_EQ(symlink("content", "link"), 0);
	CHECK_EQ(mkdir("place", 0700), 0);
	CHECK_EQ(pipe(fds), 0);
	WALK(calls);
}

/* ---- descriptors ----------------------------------------------------------------------------- */

static long make_pipe(void)
{
	return pipe(fds);
}

static void undo_pipe(long result)
{
	close_it(fds[0]);
	close_it(fds[1]);
	(void)result;
}

static void prepare_pipe(void)
{
	CHECK_EQ(pipe2(fds, O_NONBLOCK), 0);
}

static long make_pipe_write(void)
{
	return write(fds[1], "x", 1);
}

static long make_pipe_size(void)
{
	return fcntl(fds[1], F_SETPIPE_SZ, 1 << 17);
}

static long make_dup2(void)
{
	return dup2(nth_fd, HIGH_FD);
}

static long make_dupfd(void)
{
	return fcntl(nth_fd, F_DUPFD_CLOEXEC, HIGH_FD);
}

/* A table of many descriptors is a process's for good: each try needs another process. */
static long in_child(long (*make)(void))
{
	unsigned left = disarm();
	pid_t pid = FORK();

	if (pid == 0) {
		close(nth_fd);
		open_nth();
		disarm();
		arm(left);
		long result = make();
		int error = errno, end = disarm() == 0;
		if (result < 0) {
			CHECK(end);
			CHECK(make() >= 0);
		}
		_exit(result < 0 ? error : end ? 200 : 0);
	}
	int status;
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status));
	arm(WEXITSTATUS(status) ? 0 : 1);
	errno = WEXITSTATUS(status);
	return errno && errno != 200 ? -1 : 0;
}

static long make_dup2_in_child(void)
{
	return in_child(make_dup2);
}

static long make_dupfd_in_child(void)
{
	return in_child(make_dupfd);
}

static long make_poll(void)
{
	static struct pollfd polled[FDS];

	for (int i = 0; i < FDS; i++)
		polled[i] = (struct pollfd){ .fd = fds[0], .events = POLLIN };
	return poll(polled, FDS, 1);
}

static long make_select(void)
{
	fd_set set;
	struct timeval soon = { 0, 1 };

	FD_ZERO(&set);
	FD_SET(fds[0], &set);
	return select(FD_SETSIZE, &set, NULL, NULL, &soon);
}

static long make_writev(void)
{
	struct iovec parts[64];

	for (int i = 0; i < 64; i++)
		parts[i] = (struct iovec){ .iov_base = "x", .iov_len = 1 };
	return writev(fds[1], parts, 64);
}

static long make_pty(void)
{
	return open("/dev/ptmx", O_RDWR | O_NOCTTY);
}

TEST(descriptors)
{
	static const struct call calls[] = {
		{ "pipe", NULL, make_pipe, undo_pipe, { ENOMEM, ENFILE }, 5 },
		{ "write to a pipe", prepare_pipe, make_pipe_write, undo_pipe, { ENOMEM }, 1 },
		{ "F_SETPIPE_SZ", prepare_pipe, make_pipe_size, undo_pipe, { ENOMEM }, 1 },
		{ "dup2", NULL, make_dup2_in_child, NULL, { ENOMEM, EMFILE }, 2 },
		{ "F_DUPFD", NULL, make_dupfd_in_child, NULL, { ENOMEM, EMFILE }, 2 },
		{ "poll", prepare_pipe, make_poll, undo_pipe, { ENOMEM }, 3 },
		{ "select", prepare_pipe, make_select, undo_pipe, { ENOMEM }, 1 },
		{ "writev", prepare_pipe, make_writev, undo_pipe, { ENOMEM }, 1 },
		{ "a terminal", NULL, make_pty, close_it, { ENOMEM, ENFILE, ENOSPC }, 3 },
	};

	WALK(calls);
}

/* ---- the file itself ------------------------------------------------------------------------- */

TEST(the_count)
{
	need_nth();
	arm(1000);
	CHECK_EQ(disarm(), 1000); /* reading and writing it takes nothing */
	arm(1);
	CHECK_EQ(make_pipe(), -1);
	CHECK_EQ(disarm(), 0);
	CHECK_ERRNO(pwrite(nth_fd, "x", 1, 0), EINVAL);
	CHECK_ERRNO(pwrite(nth_fd, "-1", 2, 0), EINVAL);
	CHECK_EQ(disarm(), 0);
}

/* Another's count is set by who may write to it, and a child begins without one. */
TEST(another_process)
{
	char path[64], text[16] = "";

	need_nth();
	arm(5000);
	pid_t pid = FORK();
	if (pid == 0)
		for (;;)
			pause();
	CHECK(disarm() > 0);
	snprintf(path, sizeof(path), "/proc/%d/fail-nth", pid);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	CHECK(fd >= 0);
	CHECK(pread(fd, text, sizeof(text) - 1, 0) > 0);
	CHECK_STR(text, "0\n");
	CHECK_EQ(pwrite(fd, "77", 2, 0), 2);
	CHECK(pread(fd, text, sizeof(text) - 1, 0) > 0);
	CHECK_EQ(kill(pid, SIGKILL), 0);
	CHECK_SIGNAL(pid, SIGKILL);
	CHECK_ERRNO(pwrite(fd, "77", 2, 0), ESRCH);
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "--executed"))
		return executed();
	return ktap_main(argc, argv);
}
