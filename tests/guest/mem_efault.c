/*
 * Bad pointers in system calls: null, unmapped, PROT_NONE, kernel addresses, non-canonical, -1, and
 * read-only pages where the kernel would write, each give EFAULT and nothing else happens; buffers
 * that begin well and run into an unmapped page give what Linux gives: a file transfers the bytes
 * up to the border, a pipe transfers whole writes of up to PIPE_BUF or nothing. A pointer that is
 * not used (a length of 0) is not looked at. Sources: the EFAULT entries of section 2 of the
 * manual.
 */
#include "efault.h"
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>

enum { GOOD_CHUNK = 100 };

/* The last n bytes of a page that is followed by an unmapped one. */
static char *before_the_border(size_t n)
{
	char *at = map_private(2);

	CHECK_EQ(munmap(at + PAGE, PAGE), 0);
	return at + PAGE - n;
}

SCRATCH_TEST(calls_that_write_to_the_pointer)
{
	int file = make_file("f", "some text that can be read"), directory = open(".", O_RDONLY);
	long path = (long)"f";
	const struct pointer_call calls[] = {
		{ "read of a file", SYS_read, { file, BAD, 20 }, 0 },
		{ "read of a device", SYS_read, { open("/dev/zero", O_RDONLY), BAD, 64 }, 0 },
		{ "read of a /proc file", SYS_read, { open("/proc/uptime", O_RDONLY), BAD, 9 }, 0 },
		{ "pipe", SYS_pipe, { BAD }, 0 },
		{ "pipe2", SYS_pipe2, { BAD, 0 }, 0 },
		{ "fstat", SYS_fstat, { file, BAD }, 0 },
		{ "stat", SYS_stat, { path, BAD }, 0 },
		{ "newfstatat", SYS_newfstatat, { AT_FDCWD, path, BAD, 0 }, 0 },
		{ "getcwd", SYS_getcwd, { BAD, 4096 }, 0 },
		{ "getdents64", SYS_getdents64, { directory, BAD, 4096 }, 0 },
		{ "clock_gettime", SYS_clock_gettime, { CLOCK_MONOTONIC, BAD }, 0 },
		{ "uname", SYS_uname, { BAD }, 0 },
		{ "getrusage", SYS_getrusage, { RUSAGE_SELF, BAD }, 0 },
		{ "times", SYS_times, { BAD }, 1 },
		{ "getrandom", SYS_getrandom, { BAD, 16, 0 }, 0 },
		{ "getrlimit", SYS_getrlimit, { RLIMIT_NOFILE, BAD }, 0 },
		{ "prlimit64", SYS_prlimit64, { 0, RLIMIT_NOFILE, 0, BAD }, 1 },
		{ "prctl PR_GET_NAME", SYS_prctl, { PR_GET_NAME, BAD }, 0 },
		{ "rt_sigaction", SYS_rt_sigaction, { SIGUSR1, 0, BAD, 8 }, 1 },
		{ "rt_sigprocmask", SYS_rt_sigprocmask, { SIG_BLOCK, 0, BAD, 8 }, 1 },
		{ "arch_prctl ARCH_GET_FS", SYS_arch_prctl, { 0x1003, BAD }, 0 },
	};

	CHECK_TABLE(calls, KERNEL_WRITES);
	CHECK_EQ(lseek(file, 0, SEEK_CUR), 0);
}

SCRATCH_TEST(calls_that_read_from_the_pointer)
{
	int file = make_file("f", "text");
	const struct pointer_call calls[] = {
		{ "write to a file", SYS_write, { file, BAD, 64 }, 0 },
		{ "nanosleep", SYS_nanosleep, { BAD, 0 }, 0 },
		{ "clock_nanosleep", SYS_clock_nanosleep, { CLOCK_MONOTONIC, 0, BAD, 0 }, 0 },
		{ "setrlimit", SYS_setrlimit, { RLIMIT_CORE, BAD }, 0 },
		{ "prlimit64", SYS_prlimit64, { 0, RLIMIT_CORE, BAD, 0 }, 1 },
		{ "prctl PR_SET_NAME", SYS_prctl, { PR_SET_NAME, BAD }, 0 },
		{ "rt_sigaction", SYS_rt_sigaction, { SIGUSR1, BAD, 0, 8 }, 1 },
		{ "rt_sigprocmask", SYS_rt_sigprocmask, { SIG_BLOCK, BAD, 0, 8 }, 1 },
		{ "readv", SYS_readv, { file, BAD, 1 }, 0 },
		{ "writev", SYS_writev, { file, BAD, 1 }, 0 },
	};

	CHECK_TABLE(calls, KERNEL_READS);
	CHECK_FILE("f", "text");
}

TEST(calls_that_take_a_path)
{
	const struct pointer_call calls[] = {
		{ "open", SYS_open, { BAD, O_RDONLY }, 0 },
		{ "open O_CREAT", SYS_open, { BAD, O_RDWR | O_CREAT, 0644 }, 0 },
		{ "openat", SYS_openat, { AT_FDCWD, BAD, O_RDONLY }, 0 },
		{ "stat", SYS_stat, { BAD, (long)ktap_context }, 0 },
		{ "newfstatat", SYS_newfstatat, { AT_FDCWD, BAD, (long)ktap_context, 0 }, 0 },
		{ "mkdir", SYS_mkdir, { BAD, 0755 }, 0 },
		{ "unlink", SYS_unlink, { BAD }, 0 },
		{ "chdir", SYS_chdir, { BAD }, 0 },
		{ "execve", SYS_execve, { BAD, 0, 0 }, 0 },
	};

	CHECK_TABLE(calls, KERNEL_READS);
}

TEST(execve_arguments)
{
	const struct pointer_call calls[] = {
		{ "execve's argv", SYS_execve, { (long)self_path(), BAD, 0 }, 1 },
		{ "execve's envp", SYS_execve, { (long)self_path(), 0, BAD }, 1 },
	};
	struct bad_pointer list[BAD_POINTERS];
	int n = bad_pointers(list, KERNEL_READS);

	CHECK_TABLE(calls, KERNEL_READS);
	for (int p = 1; p < n; p++) {		/* a null string would be the end of the list */
		char *argv[] = { (char *)"name", (char *)list[p].at, NULL };
		CONTEXT("execve with an argument that is %s", list[p].what);
		CHECK_ERRNO(syscall(SYS_execve, self_path(), argv, NULL), EFAULT);
		CHECK_ERRNO(syscall(SYS_execve, self_path(), argv + 2, argv), EFAULT);
	}
}

TEST(a_failed_pipe_leaves_no_descriptors)
{
	int next = dup(1);

	close(next);
	for (int i = 0; i < 50; i++) {
		CHECK_ERRNO(syscall(SYS_pipe, NULL), EFAULT);
		CHECK_ERRNO(syscall(SYS_pipe2, before_the_border(4), 0), EFAULT);
	}
	CHECK_EQ(dup(1), next);
}

TEST(wait4)
{
	struct bad_pointer list[BAD_POINTERS];
	int n = bad_pointers(list, KERNEL_WRITES);

	for (int p = 1; p < n; p++) {
		CONTEXT("%s", list[p].what);
		pid_t child = FORK();
		if (child == 0)
			_exit(3);
		CHECK_ERRNO(syscall(SYS_wait4, child, list[p].at, 0, NULL), EFAULT);
		CHECK_ERRNO(waitpid(child, NULL, 0), ECHILD);	/* it was reaped all the same */
		child = FORK();
		if (child == 0)
			_exit(3);
		CHECK_ERRNO(syscall(SYS_wait4, child, NULL, 0, list[p].at), EFAULT);
		CHECK_ERRNO(waitpid(child, NULL, 0), ECHILD);
	}
}

SCRATCH_TEST(iovecs_that_point_nowhere)
{
	struct bad_pointer list[BAD_POINTERS];
	int fd = make_file("f", "0123456789");

	for (int write = 0; write < 2; write++) {
		int n = bad_pointers(list, write ? KERNEL_READS : KERNEL_WRITES);
		for (int p = 0; p < n; p++) {
			struct iovec bad = { (void *)list[p].at, 8 };
			CONTEXT("%s with %s", write ? "writev" : "readv", list[p].what);
			CHECK_ERRNO(syscall(write ? SYS_writev : SYS_readv, fd, &bad, 1), EFAULT);
		}
	}
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 0);
	CHECK_FILE("f", "0123456789");
}

SCRATCH_TEST(nothing_is_asked_of_a_pointer_with_length_0)
{
	int fd = make_file("f", "0123456789");
	struct iovec empty = { NULL, 0 };

	CHECK_EQ(syscall(SYS_read, fd, NULL, 0), 0);
	CHECK_EQ(syscall(SYS_write, fd, NULL, 0), 0);
	CHECK_EQ(syscall(SYS_readv, fd, &empty, 1), 0);
	CHECK_EQ(syscall(SYS_writev, fd, &empty, 1), 0);
	CHECK_EQ(syscall(SYS_readv, fd, NULL, 0), 0);
	CHECK_EQ(syscall(SYS_writev, fd, NULL, 0), 0);
	CHECK_EQ(syscall(SYS_getrandom, NULL, 0, 0), 0);
}

SCRATCH_TEST(a_file_is_read_up_to_the_border)
{
	static char data[2 * PAGE];
	int fd = make_file("f", "");

	pattern_fill(data, sizeof(data), 0);
	write_all(fd, data, sizeof(data));
	for (size_t good = 1; good <= PAGE; good = good * 3 + 1) {
		char *at = before_the_border(good);
		CONTEXT("%zu good bytes", good);
		CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
		CHECK_EQ(syscall(SYS_read, fd, at, 2 * PAGE), good);
		CHECK_EQ(pattern_match(at, good, 0), good);
		CHECK_EQ(lseek(fd, 0, SEEK_CUR), good);
	}
}

SCRATCH_TEST(a_file_is_written_up_to_the_border)
{
	int fd = make_file("f", "");

	for (size_t good = 1; good <= PAGE; good = good * 3 + 1) {
		char *at = before_the_border(good), back[PAGE];
		CONTEXT("%zu good bytes", good);
		pattern_fill(at, good, 0);
		CHECK_EQ(close(open("f", O_WRONLY | O_TRUNC)), 0);
		CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
		CHECK_EQ(syscall(SYS_write, fd, at, 2 * PAGE), good);
		CHECK_EQ(lseek(fd, 0, SEEK_CUR), good);
		CHECK_EQ(size_of("f"), good);
		CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
		CHECK_EQ(read(fd, back, PAGE), good);
		CHECK_EQ(pattern_match(back, good, 0), good);
	}
}

SCRATCH_TEST(vectors_stop_at_the_bad_part)
{
	char good[] = "goodgood", back[32] = { 0 };
	int fd = make_file("f", "");
	struct iovec vector[] = { { good, 8 }, { NULL, 8 }, { good, 8 } };

	CHECK_EQ(syscall(SYS_writev, fd, vector, 3), 8);
	CHECK_FILE("f", "goodgood");
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	vector[0] = (struct iovec){ back, 3 };
	CHECK_EQ(syscall(SYS_readv, fd, vector, 3), 3);
	CHECK_STR(back, "goo");
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 3);
}

TEST(a_vector_that_runs_into_the_border)
{
	int fd = open("/dev/null", O_WRONLY);
	struct iovec *at = (struct iovec *)before_the_border(sizeof(struct iovec));

	at[0] = (struct iovec){ "x", 1 };
	CHECK_EQ(writev(fd, at, 1), 1);
	CHECK_ERRNO(writev(fd, at, 2), EFAULT);
}

TEST(a_pipe_gives_and_takes_all_or_nothing)
{
	int fd[2];
	char *at = before_the_border(GOOD_CHUNK), back[200];

	memset(at, 'g', GOOD_CHUNK);
	CHECK_EQ(pipe2(fd, O_NONBLOCK), 0);
	CHECK_ERRNO(syscall(SYS_write, fd[1], at, 200), EFAULT);
	CHECK_ERRNO(read(fd[0], back, 200), EAGAIN);		/* nothing got in */
	CHECK_EQ(write(fd[1], back, 200), 200);
	CHECK_ERRNO(syscall(SYS_read, fd[0], at, 200), EFAULT);
	CHECK_EQ(read(fd[0], back, 200), 200);			/* nothing was lost */
	CHECK_ERRNO(syscall(SYS_write, fd[1], NULL, 10), EFAULT);
	CHECK_EQ(write(fd[1], "ok", 2), 2);
	CHECK_EQ(read(fd[0], back, 200), 2);
}

TEST(structures_that_cross_the_border)
{
	int fd = open("/dev/zero", O_RDONLY);

	CHECK_ERRNO(syscall(SYS_fstat, fd, before_the_border(sizeof(struct stat) - 1)), EFAULT);
	CHECK_EQ(syscall(SYS_fstat, fd, before_the_border(sizeof(struct stat))), 0);
	CHECK_ERRNO(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, before_the_border(15)), EFAULT);
	CHECK_EQ(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, before_the_border(16)), 0);
	CHECK_ERRNO(syscall(SYS_uname, before_the_border(6 * 65 - 1)), EFAULT);
	CHECK_EQ(syscall(SYS_uname, before_the_border(6 * 65)), 0);
	CHECK_ERRNO(syscall(SYS_nanosleep, before_the_border(15), NULL), EFAULT);
	CHECK_EQ(syscall(SYS_nanosleep, memset(before_the_border(16), 0, 16), NULL), 0);
}

TEST(a_path_ends_at_the_border_or_crosses_it)
{
	char *at = before_the_border(10);

	memcpy(at, "/dev/null", 10);
	int fd = (int)syscall(SYS_open, at, O_RDONLY);
	CHECK(fd >= 0);
	at = before_the_border(9);
	memcpy(at, "/dev/null", 9);
	CHECK_ERRNO(syscall(SYS_open, at, O_RDONLY), EFAULT);
	CHECK_ERRNO(syscall(SYS_chdir, at), EFAULT);
	CHECK_ERRNO(syscall(SYS_execve, at, NULL, NULL), EFAULT);
}

TEST(getcwd_into_a_short_rest_of_a_page)
{
	CHECK_LIVES(
		CHECK_EQ(chdir("/dev"), 0);
		char *at = before_the_border(5);
		CHECK_EQ(syscall(SYS_getcwd, at, 4096), 5);
		CHECK_STR(at, "/dev");
		CHECK_ERRNO(syscall(SYS_getcwd, before_the_border(4), 4096), EFAULT));
}

TEST(a_length_beyond_the_address_space)
{
	static char data[16];
	int fd = open("/dev/zero", O_RDWR), random_fd[2];

	CHECK_EQ(pipe(random_fd), 0);
	CHECK_ERRNO(syscall(SYS_read, fd, data, SIZE_MAX), EFAULT);
	CHECK_ERRNO(syscall(SYS_write, random_fd[1], data, SIZE_MAX), EFAULT);
	CHECK_ERRNO(syscall(SYS_read, fd, data, 1ul << 63), EFAULT);
	CHECK_ERRNO(syscall(SYS_read, fd, user_end() - PAGE - 8, 64), EFAULT);
}

TEST(a_bad_thread_area_pointer_at_exit_is_ignored)
{
	CHECK_LIVES(syscall(SYS_set_tid_address, 0xffff888000000000));
	CHECK_LIVES(syscall(SYS_set_tid_address, 8));
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
