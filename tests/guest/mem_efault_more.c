/*
 * The same as mem_efault.c for the calls that a shell does not need at once: positioned and
 * vectored input and output, links and renames, poll and select, sendfile, statx, time of day.
 * Sources: the EFAULT entries of section 2 of the manual.
 */
#include "efault.h"
#include <poll.h>
#include <sys/time.h>
#include <time.h>

SCRATCH_TEST(calls_that_write_to_the_pointer)
{
	int file = make_file("f", "some text that can be read");
	long path = (long)"f", buffer = (long)scratch_home;
	const struct pointer_call calls[] = {
		{ "pread64", SYS_pread64, { file, BAD, 20, 0 }, 0 },
		{ "lstat", SYS_lstat, { path, BAD }, 0 },
		{ "statx", SYS_statx, { AT_FDCWD, path, 0, 0x7ff, BAD }, 0 },
		{ "gettimeofday", SYS_gettimeofday, { BAD, 0 }, 1 },
		{ "time", SYS_time, { BAD }, 1 },
		{ "clock_getres", SYS_clock_getres, { CLOCK_MONOTONIC, BAD }, 1 },
		{ "sysinfo", SYS_sysinfo, { BAD }, 0 },
		{ "sched_getaffinity", SYS_sched_getaffinity, { 0, 128, BAD }, 0 },
		{ "rt_sigpending", SYS_rt_sigpending, { BAD, 8 }, 0 },
		{ "sigaltstack", SYS_sigaltstack, { 0, BAD }, 1 },
		{ "statfs", SYS_statfs, { path, BAD }, 0 },
		{ "getitimer", SYS_getitimer, { ITIMER_REAL, BAD }, 0 },
		{ "getresuid", SYS_getresuid, { BAD, buffer, buffer }, 0 },
	};

	CHECK_TABLE(calls, KERNEL_WRITES);
}

SCRATCH_TEST(calls_that_read_from_the_pointer)
{
	int file = make_file("f", "text"), other = make_file("g", "");
	long path = (long)"f";
	const struct pointer_call calls[] = {
		{ "pwrite64", SYS_pwrite64, { file, BAD, 64, 0 }, 0 },
		{ "preadv", SYS_preadv, { file, BAD, 1, 0, 0 }, 0 },
		{ "pwritev", SYS_pwritev, { file, BAD, 1, 0, 0 }, 0 },
		{ "poll", SYS_poll, { BAD, 1, 0 }, 0 },
		{ "ppoll's timeout", SYS_ppoll, { 0, 0, BAD, 0, 8 }, 1 },
		{ "select", SYS_select, { 8, BAD, 0, 0, 0 }, 1 },
		{ "sendfile", SYS_sendfile, { other, file, BAD, 1 }, 1 },
		{ "utimensat", SYS_utimensat, { AT_FDCWD, path, BAD, 0 }, 1 },
		{ "setitimer", SYS_setitimer, { ITIMER_REAL, BAD, 0 }, 1 },
		{ "rt_sigsuspend", SYS_rt_sigsuspend, { BAD, 8 }, 0 },
	};

	CHECK_TABLE(calls, KERNEL_READS);
	CHECK_FILE("f", "text");
	CHECK_FILE("g", "");
}

SCRATCH_TEST(calls_that_take_a_path)
{
	long path = (long)"f", buffer = (long)scratch_home;
	const struct pointer_call calls[] = {
		{ "rename from", SYS_rename, { BAD, path }, 0 },
		{ "rename to", SYS_rename, { path, BAD }, 0 },
		{ "link from", SYS_link, { BAD, path }, 0 },
		{ "link to", SYS_link, { path, BAD }, 0 },
		{ "symlink target", SYS_symlink, { BAD, path }, 0 },
		{ "symlink name", SYS_symlink, { path, BAD }, 0 },
		{ "readlink", SYS_readlink, { BAD, buffer, 64 }, 0 },
		{ "rmdir", SYS_rmdir, { BAD }, 0 },
		{ "unlinkat", SYS_unlinkat, { AT_FDCWD, BAD, 0 }, 0 },
		{ "mkdirat", SYS_mkdirat, { AT_FDCWD, BAD, 0755 }, 0 },
		{ "truncate", SYS_truncate, { BAD, 0 }, 0 },
		{ "access", SYS_access, { BAD, F_OK }, 0 },
		{ "faccessat", SYS_faccessat, { AT_FDCWD, BAD, F_OK }, 0 },
		{ "chmod", SYS_chmod, { BAD, 0644 }, 0 },
		{ "creat", SYS_creat, { BAD, 0644 }, 0 },
		{ "lstat", SYS_lstat, { BAD, buffer }, 0 },
		{ "statx", SYS_statx, { AT_FDCWD, BAD, 0, 0x7ff, buffer }, 0 },
	};

	touch("f");
	CHECK_TABLE(calls, KERNEL_READS);
	CHECK_FILE("f", "");
}

SCRATCH_TEST(readlink_into_the_pointer)
{
	const struct pointer_call calls[] = {
		{ "readlink", SYS_readlink, { (long)"link", BAD, 64 }, 0 },
		{ "readlinkat", SYS_readlinkat, { AT_FDCWD, (long)"link", BAD, 64 }, 0 },
	};

	CHECK_EQ(symlink("target", "link"), 0);
	CHECK_TABLE(calls, KERNEL_WRITES);
}

TEST(waitid_reaps_even_so)
{
	struct bad_pointer list[BAD_POINTERS];
	int n = bad_pointers(list, KERNEL_WRITES);

	for (int p = 1; p < n; p++) {
		CONTEXT("%s", list[p].what);
		pid_t child = FORK();
		if (child == 0)
			_exit(3);
		CHECK_ERRNO(syscall(SYS_waitid, P_PID, child, list[p].at, WEXITED, NULL), EFAULT);
		CHECK_ERRNO(waitpid(child, NULL, 0), ECHILD);
	}
}

TEST(poll_writes_its_answer_where_it_read_the_question)
{
	char *at = map_private(2);
	struct pollfd *question = (struct pollfd *)(at + PAGE - sizeof(struct pollfd));

	CHECK_EQ(munmap(at + PAGE, PAGE), 0);
	*question = (struct pollfd){ .fd = 1, .events = 0 };
	CHECK_EQ(syscall(SYS_poll, question, 1, 0) >= 0, 1);
	CHECK_ERRNO(syscall(SYS_poll, question, 2, 0), EFAULT);
	CHECK_EQ(mprotect(at, PAGE, PROT_READ), 0);
	CHECK_ERRNO(syscall(SYS_poll, question, 1, 0), EFAULT);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
