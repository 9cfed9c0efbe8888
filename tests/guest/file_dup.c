/*
 * Descriptors and what they stand for: dup, dup2, dup3 and fcntl make descriptors that share one
 * open file description, its offset and its status flags, as fork does, while FD_CLOEXEC belongs to
 * each descriptor alone. Sources: dup(2), fcntl(2), POSIX.
 */
#include "paths.h"
#include <sys/resource.h>

static void limit_descriptors(rlim_t limit)
{
	struct rlimit old;

	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &(struct rlimit){ limit, old.rlim_max }), 0);
}

SCRATCH_TEST(dup_shares_the_offset)
{
	int fd = make_file("f", "abcdef"), other = dup(fd);
	char c;

	CHECK(other > fd);
	CHECK_EQ(read(fd, &c, 1), 1);
	CHECK_EQ(read(other, &c, 1), 1);
	CHECK_EQ(c, 'b');
	CHECK_EQ(lseek(other, 5, SEEK_SET), 5);
	CHECK_EQ(read(fd, &c, 1), 1);
	CHECK_EQ(c, 'f');
	CHECK_EQ(close(fd), 0);
	CHECK_EQ(lseek(other, 0, SEEK_CUR), 6);
	CHECK_EQ(write(other, "g", 1), 1);
	CHECK_FILE("f", "abcdefg");
}

SCRATCH_TEST(dup_takes_the_lowest)
{
	int a = dup(1), b = dup(1), c = dup(1);

	CHECK(a < b && b < c);
	CHECK_EQ(close(b), 0);
	CHECK_EQ(dup(c), b);
	CHECK_EQ(close(a), 0);
	CHECK_EQ(dup(1), a);
}

SCRATCH_TEST(dup2_closes_what_was_there)
{
	int fd = make_file("f", "abc"), pipe_fd[2];
	char c;

	CHECK_EQ(pipe(pipe_fd), 0);
	CHECK_EQ(dup2(fd, pipe_fd[1]), pipe_fd[1]);
	CHECK_EQ(read(pipe_fd[0], &c, 1), 0);		/* the last writer is gone */
	CHECK_EQ(read(pipe_fd[1], &c, 1), 1);
	CHECK_EQ(c, 'a');
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 1);
}

SCRATCH_TEST(dup2_to_a_high_and_a_free_number)
{
	int fd = make_file("f", "abc");
	char c;

	CHECK_EQ(dup2(fd, 200), 200);
	CHECK_EQ(read(200, &c, 1), 1);
	CHECK_EQ(c, 'a');
	CHECK_EQ(dup(fd), fd + 1);
	CHECK_EQ(close(200), 0);
	CHECK_ERRNO(read(200, &c, 1), EBADF);
}

SCRATCH_TEST(dup2_onto_itself)
{
	int fd = open(".", O_RDONLY | O_CLOEXEC), closed = dup(1);

	CHECK_EQ(dup2(fd, fd), fd);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(close(closed), 0);
	CHECK_ERRNO(dup2(closed, closed), EBADF);
}

TEST(dup_errors)
{
	int closed = dup(1), open_one = dup(1);

	CHECK_EQ(close(closed), 0);
	CHECK_ERRNO(dup(closed), EBADF);
	CHECK_ERRNO(dup(-1), EBADF);
	CHECK_ERRNO(dup2(closed, open_one), EBADF);
	CHECK_EQ(fcntl(open_one, F_GETFD), 0);
	CHECK_ERRNO(dup2(1, -1), EBADF);
	CHECK_ERRNO(dup2(1, INT_MAX), EBADF);
	CHECK_ERRNO(syscall(SYS_dup3, 1, 1, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_dup3, closed, closed, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_dup3, 1, open_one, O_APPEND), EINVAL);
	CHECK_ERRNO(syscall(SYS_dup3, closed, open_one, 0), EBADF);
	CHECK_ERRNO(syscall(SYS_dup3, 1, -1, 0), EBADF);
}

TEST(the_limit)
{
	int fd;

	limit_descriptors(30);
	CHECK_ERRNO(dup2(1, 30), EBADF);
	CHECK_EQ(dup2(1, 29), 29);
	CHECK_ERRNO(syscall(SYS_dup3, 1, 30, 0), EBADF);
	CHECK_ERRNO(fcntl(1, F_DUPFD, 30), EINVAL);
	CHECK_ERRNO(fcntl(1, F_DUPFD, -1), EINVAL);
	CHECK_ERRNO(fcntl(1, F_DUPFD, 29), EMFILE);
	while ((fd = dup(1)) >= 0)
		CHECK(fd < 29);
	CHECK_EQ(errno, EMFILE);
	limit_descriptors(10);
	CHECK_EQ(fcntl(29, F_GETFD), 0);		/* what is open stays open */
	CHECK_EQ(close(29), 0);
	CHECK_ERRNO(dup(1), EMFILE);
}

TEST(dup3_sets_cloexec)
{
	int fd = dup(1), target = dup(1);

	CHECK_EQ(dup3(fd, target, O_CLOEXEC), target);
	CHECK_EQ(fcntl(target, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(dup3(fd, target, 0), target);
	CHECK_EQ(fcntl(target, F_GETFD), 0);
}

TEST(cloexec_is_not_copied)
{
	int fd = open(".", O_RDONLY | O_CLOEXEC), target = dup(1);

	CHECK_EQ(fcntl(dup(fd), F_GETFD), 0);
	CHECK_EQ(dup2(fd, target), target);
	CHECK_EQ(fcntl(target, F_GETFD), 0);
	CHECK_EQ(fcntl(fcntl(fd, F_DUPFD, 0), F_GETFD), 0);
	CHECK_EQ(fcntl(fcntl(fd, F_DUPFD_CLOEXEC, 0), F_GETFD), FD_CLOEXEC);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
}

TEST(fcntl_dupfd_from_a_number_up)
{
	int fd = dup(1);

	CHECK_EQ(fcntl(fd, F_DUPFD, 50), 50);
	CHECK_EQ(fcntl(fd, F_DUPFD, 50), 51);
	CHECK_EQ(fcntl(fd, F_DUPFD_CLOEXEC, 45), 45);
	CHECK_EQ(fcntl(fd, F_DUPFD, 0), fd + 1);
	CHECK_EQ(fcntl(fd, F_DUPFD, 300), 300);
}

TEST(fcntl_descriptor_flags)
{
	int fd = dup(1);

	CHECK_EQ(fcntl(fd, F_GETFD), 0);
	CHECK_EQ(fcntl(fd, F_SETFD, FD_CLOEXEC), 0);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(fcntl(1, F_GETFD), 0);
	CHECK_EQ(fcntl(fd, F_SETFD, 0), 0);
	CHECK_EQ(fcntl(fd, F_GETFD), 0);
}

SCRATCH_TEST(fcntl_status_flags)
{
	static const int modes[] = { O_RDONLY, O_WRONLY, O_RDWR };

	touch("f");
	for (int i = 0; i < 3; i++) {
		int fd = open("f", modes[i] | O_CREAT | O_TRUNC | O_CLOEXEC | O_APPEND, 0644);
		int flags = fcntl(fd, F_GETFL);

		CONTEXT("mode %d", modes[i]);
		CHECK_EQ(flags & O_ACCMODE, modes[i]);
		CHECK_EQ(flags & O_APPEND, O_APPEND);
		CHECK_EQ(flags & (O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK), 0);
		CHECK_EQ(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
		flags = fcntl(fd, F_GETFL);
		CHECK_EQ(flags & (O_APPEND | O_NONBLOCK), O_NONBLOCK);
		CHECK_EQ(fcntl(fd, F_SETFL, O_RDWR | O_WRONLY | O_CREAT), 0);
		flags = fcntl(fd, F_GETFL);
		CHECK_EQ(flags & O_ACCMODE, modes[i]);		/* the mode cannot be changed */
		CHECK_EQ(flags & (O_CREAT | O_NONBLOCK), 0);
	}
}

SCRATCH_TEST(append_switched_on_and_off)
{
	int fd = make_file("f", "abc"), other = dup(fd);

	CHECK_EQ(fcntl(fd, F_SETFL, O_APPEND), 0);
	CHECK_EQ(fcntl(other, F_GETFL) & O_APPEND, O_APPEND);
	CHECK_EQ(write(other, "d", 1), 1);
	CHECK_FILE("f", "abcd");
	CHECK_EQ(fcntl(other, F_SETFL, 0), 0);
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	CHECK_EQ(write(fd, "A", 1), 1);
	CHECK_FILE("f", "Abcd");
}

TEST(nonblock_is_shared_by_duplicates_only)
{
	int fd[2], other;
	char c;

	CHECK_EQ(pipe(fd), 0);
	other = dup(fd[0]);
	CHECK_EQ(fcntl(other, F_SETFL, O_NONBLOCK), 0);
	CHECK_EQ(fcntl(fd[0], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	CHECK_EQ(fcntl(fd[1], F_GETFL) & O_NONBLOCK, 0);
	CHECK_ERRNO(read(fd[0], &c, 1), EAGAIN);
}

TEST(fcntl_errors)
{
	int closed = dup(1);

	CHECK_EQ(close(closed), 0);
	CHECK_ERRNO(fcntl(closed, F_GETFD), EBADF);
	CHECK_ERRNO(fcntl(closed, F_SETFD, 0), EBADF);
	CHECK_ERRNO(fcntl(closed, F_GETFL), EBADF);
	CHECK_ERRNO(fcntl(closed, F_SETFL, 0), EBADF);
	CHECK_ERRNO(fcntl(closed, F_DUPFD, 0), EBADF);
	CHECK_ERRNO(fcntl(-1, F_GETFD), EBADF);
	CHECK_ERRNO(syscall(SYS_fcntl, 1, 9999, 0), EINVAL);
}

SCRATCH_TEST(fork_shares_offset_and_status_flags)
{
	int fd = make_file("f", "abcdef");
	char c;
	pid_t child = FORK();

	if (child == 0) {
		CHECK_EQ(read(fd, &c, 1), 1);
		CHECK_EQ(lseek(fd, 2, SEEK_CUR), 3);
		CHECK_EQ(fcntl(fd, F_SETFL, O_APPEND), 0);
		CHECK_EQ(fcntl(fd, F_SETFD, FD_CLOEXEC), 0);
		CHECK_EQ(close(fd), 0);
		_exit(0);
	}
	CHECK_EXIT(child, 0);
	CHECK_EQ(read(fd, &c, 1), 1);
	CHECK_EQ(c, 'd');
	CHECK_EQ(fcntl(fd, F_GETFL) & O_APPEND, O_APPEND);
	CHECK_EQ(fcntl(fd, F_GETFD), 0);		/* the child's descriptor flag is its own */
}

TEST(closing_is_the_process_s_own)
{
	int fd = dup(1);
	pid_t child = FORK();

	if (child == 0) {
		CHECK_EQ(close(fd), 0);
		CHECK_ERRNO(close(fd), EBADF);
		CHECK_EQ(dup2(1, 77), 77);
		_exit(0);
	}
	CHECK_EXIT(child, 0);
	CHECK_EQ(fcntl(fd, F_GETFD), 0);
	CHECK_ERRNO(fcntl(77, F_GETFD), EBADF);
}

/* What a shell does for "2>&1 >file" and undoes afterwards. */
SCRATCH_TEST(redirection_and_back)
{
	int saved = fcntl(1, F_DUPFD_CLOEXEC, 10), fd = open("f", O_WRONLY | O_CREAT, 0644);

	CHECK(saved >= 10);
	CHECK_EQ(dup2(fd, 1), 1);
	CHECK_EQ(close(fd), 0);
	int saved_errors = dup(2);
	CHECK_EQ(dup2(1, 2), 2);
	ssize_t one = write(1, "out ", 4), two = write(2, "err", 3);
	CHECK_EQ(dup2(saved, 1), 1);
	CHECK_EQ(dup2(saved_errors, 2), 2);
	CHECK_EQ(close(saved), 0);
	CHECK_EQ(one, 4);
	CHECK_EQ(two, 3);
	CHECK_FILE("f", "out err");
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
