/*
 * pidfd: a descriptor that means one process, whatever becomes of its number. pidfd_open(2),
 * pidfd_send_signal(2), waitid(2) with P_PIDFD, poll(2) on it, and clone(2) with CLONE_PIDFD.
 */
#include "proc.h"
#include <poll.h>
#include <sys/stat.h>

enum { IDTYPE_PIDFD = 3, FLAG_CLONE_PIDFD = 0x1000, FLAG_NONBLOCK = O_NONBLOCK };

static int pidfd_open(pid_t pid, unsigned flags)
{
	return (int)syscall(SYS_pidfd_open, pid, flags);
}

static int send_signal(int fd, int sig, siginfo_t *info, unsigned flags)
{
	return (int)syscall(SYS_pidfd_send_signal, fd, sig, info, flags);
}

static int wait_pidfd(int fd, siginfo_t *info, int options)
{
	return (int)syscall(SYS_waitid, IDTYPE_PIDFD, fd, info, options, NULL);
}

static pid_t clone_pidfd(int *fd, unsigned long flags)
{
	return (pid_t)syscall(SYS_clone, SIGCHLD | FLAG_CLONE_PIDFD | flags, 0, fd, 0, 0);
}

static pid_t sleeper(void)
{
	pid_t pid = FORK();

	if (pid == 0)
		block_forever();
	return pid;
}

static void bury(pid_t pid, int fd)
{
	CHECK_EQ(send_signal(fd, SIGKILL, NULL, 0), 0);
	CHECK_SIGNAL(pid, SIGKILL);
	CHECK_EQ(close(fd), 0);
}

TEST(opens_close_on_exec)
{
	int fd = pidfd_open(getpid(), 0);

	CHECK(fd >= 0);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDWR);
	CHECK_EQ(close(fd), 0);
	fd = pidfd_open(getpid(), FLAG_NONBLOCK);
	CHECK_EQ(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	CHECK_EQ(close(fd), 0);
}

TEST(open_errors)
{
	pid_t dead = FORK();

	if (dead == 0)
		_exit(0);
	CHECK_EXIT(dead, 0);
	CHECK_ERRNO(pidfd_open(dead, 0), ESRCH);
	CHECK_ERRNO(pidfd_open(0, 0), EINVAL);
	CHECK_ERRNO(pidfd_open(-1, 0), EINVAL);
	CHECK_ERRNO(pidfd_open(getpid(), 1), EINVAL);
	CHECK_ERRNO(pidfd_open(getpid(), O_CLOEXEC), EINVAL);
}

TEST(is_not_a_file)
{
	char link[64], target[64] = "", byte;
	int fd = pidfd_open(getpid(), 0);

	CHECK_ERRNO(read(fd, &byte, 1), EINVAL);
	CHECK_ERRNO(write(fd, "x", 1), EINVAL);
	CHECK_ERRNO(lseek(fd, 0, SEEK_SET), ESPIPE);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	CHECK(readlink(link, target, sizeof(target) - 1) > 0);
	CHECK_STR(target, "anon_inode:[pidfd]");
	/* mode 0600 of another namespace's root refuses sooner */
	CHECK(open(link, O_RDONLY) < 0 && (errno == ENXIO || errno == EACCES));
	CHECK_EQ(close(fd), 0);
}

TEST(readable_when_dead)
{
	struct gate gate = gate_new();
	pid_t pid = FORK();

	if (pid == 0) {
		gate_pass(gate);
		_exit(3);
	}
	struct pollfd poller = { .fd = pidfd_open(pid, 0), .events = POLLIN };
	CHECK_EQ(poll(&poller, 1, 0), 0);
	gate_open(gate, 1);
	CHECK_EQ(poll(&poller, 1, -1), 1); /* a zombie is enough */
	CHECK_EQ(poller.revents, POLLIN);
	CHECK_EXIT(pid, 3);
	CHECK_EQ(poll(&poller, 1, -1), 1); /* and so is nothing at all */
	CHECK_EQ(poller.revents & POLLIN, POLLIN);
	CHECK_EQ(close(poller.fd), 0);
	gate_free(gate);
}

TEST(many_pollers)
{
	struct gate gate = gate_new();
	pid_t target = FORK(), watchers[8];

	if (target == 0) {
		gate_pass(gate);
		_exit(0);
	}
	for (int i = 0; i < 8; i++) {
		watchers[i] = FORK();
		if (watchers[i] == 0) {
			struct pollfd poller = { .fd = pidfd_open(target, 0), .events = POLLIN };

			CHECK_EQ(poll(&poller, 1, -1), 1);
			_exit(0);
		}
	}
	gate_open(gate, 1);
	for (int i = 0; i < 8; i++)
		CHECK_EXIT(watchers[i], 0);
	CHECK_EXIT(target, 0);
	gate_free(gate);
}

TEST(signals)
{
	pid_t pid = sleeper();
	int fd = pidfd_open(pid, 0);

	CHECK_EQ(send_signal(fd, 0, NULL, 0), 0);
	CHECK_ERRNO(send_signal(fd, 65, NULL, 0), EINVAL);
	CHECK_ERRNO(send_signal(fd, -1, NULL, 0), EINVAL);
	CHECK_ERRNO(send_signal(fd, SIGTERM, NULL, 8), EINVAL);
	CHECK_ERRNO(send_signal(-1, SIGTERM, NULL, 0), EBADF);
	CHECK_ERRNO(send_signal(0, SIGTERM, NULL, 0), EBADF);
	CHECK_EQ(send_signal(fd, SIGTERM, NULL, 0), 0);
	CHECK_SIGNAL(pid, SIGTERM);
	CHECK_ERRNO(send_signal(fd, SIGTERM, NULL, 0), ESRCH);
	CHECK_ERRNO(send_signal(fd, 0, NULL, 0), ESRCH);
	CHECK_EQ(close(fd), 0);
}

TEST(signals_with_information)
{
	pid_t pid = sleeper();
	int fd = pidfd_open(pid, 0), self = pidfd_open(getpid(), 0);
	siginfo_t info = { .si_signo = SIGUSR1, .si_code = SI_QUEUE }, got;
	sigset_t set;

	info.si_value.sival_int = 42;
	CHECK_ERRNO(send_signal(fd, SIGUSR2, &info, 0), EINVAL);
	CHECK_ERRNO(send_signal(fd, SIGUSR1, BAD_POINTER, 0), EFAULT);
	info.si_code = SI_USER; /* as if by kill(2): only to oneself */
	CHECK_ERRNO(send_signal(fd, SIGUSR1, &info, 0), EPERM);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	CHECK_EQ(sigprocmask(SIG_BLOCK, &set, NULL), 0);
	info.si_code = SI_QUEUE;
	CHECK_EQ(send_signal(self, SIGUSR1, &info, 0), 0);
	CHECK_EQ(sigwaitinfo(&set, &got), SIGUSR1);
	CHECK_EQ(got.si_code, SI_QUEUE);
	CHECK_EQ(got.si_value.sival_int, 42);
	CHECK_EQ(send_signal(self, SIGUSR1, NULL, 0), 0);
	CHECK_EQ(sigwaitinfo(&set, &got), SIGUSR1);
	CHECK_EQ(got.si_code, SI_USER);
	CHECK_EQ(got.si_pid, getpid());
	CHECK_EQ(close(self), 0);
	bury(pid, fd);
}

TEST(directory_of_proc_will_do)
{
	char path[32];
	pid_t pid = sleeper();

	snprintf(path, sizeof(path), "/proc/%d", pid);
	int fd = open(path, O_DIRECTORY | O_RDONLY);
	CHECK(fd >= 0);
	CHECK_ERRNO(wait_pidfd(fd, NULL, WEXITED), EBADF); /* but not for waiting */
	bury(pid, fd);
}

TEST(permission)
{
	pid_t pid = sleeper(), other = FORK();

	if (other == 0) {
		if (setuid(1000) < 0)
			_exit(KTAP_SKIPPED);
		int fd = pidfd_open(pid, 0);
		CHECK(fd >= 0);
		CHECK_ERRNO(send_signal(fd, SIGTERM, NULL, 0), EPERM);
		CHECK_ERRNO(send_signal(fd, 0, NULL, 0), EPERM);
		_exit(0);
	}
	int status;
	CHECK_EQ(waitpid(other, &status, 0), other);
	bury(pid, pidfd_open(pid, 0));
	if (WEXITSTATUS(status) == KTAP_SKIPPED)
		SKIP("this namespace has one user only");
	CHECK_EQ(status, 0);
}

TEST(waitid_by_pidfd)
{
	pid_t pid = FORK(), other = FORK();
	siginfo_t info = { .si_pid = 0 };

	if (pid == 0)
		_exit(9);
	if (other == 0)
		block_forever();
	int fd = pidfd_open(pid, 0), not_mine = pidfd_open(getppid(), 0);
	CHECK_EQ(wait_pidfd(fd, &info, WEXITED | WNOWAIT), 0);
	CHECK_EQ(info.si_pid, pid);
	CHECK_EQ(info.si_status, 9);
	CHECK_EQ(wait_pidfd(fd, &info, WEXITED), 0);
	CHECK_EQ(info.si_code, CLD_EXITED);
	CHECK_ERRNO(wait_pidfd(fd, &info, WEXITED), ECHILD);
	CHECK_ERRNO(wait_pidfd(not_mine, &info, WEXITED), ECHILD);
	CHECK_ERRNO(wait_pidfd(-1, &info, WEXITED), EINVAL);
	CHECK_ERRNO(wait_pidfd(1000, &info, WEXITED), EBADF);
	CHECK_ERRNO(wait_pidfd(0, &info, WEXITED), EBADF);
	CHECK_EQ(close(fd), 0);
	CHECK_EQ(close(not_mine), 0);
	fd = pidfd_open(other, 0);
	info.si_pid = 1;
	CHECK_EQ(wait_pidfd(fd, &info, WEXITED | WNOHANG), 0);
	CHECK_EQ(info.si_pid, 0);
	bury(other, fd);
}

TEST(waitid_without_blocking)
{
	pid_t pid = sleeper();
	int fd = pidfd_open(pid, FLAG_NONBLOCK);
	siginfo_t info = { .si_pid = 1 };

	CHECK_ERRNO(wait_pidfd(fd, &info, WEXITED), EAGAIN);
	CHECK_EQ(wait_pidfd(fd, &info, WEXITED | WNOHANG), 0);
	CHECK_EQ(info.si_pid, 0);
	bury(pid, fd);
}

TEST(clone_gives_one)
{
	int fd = -1;
	pid_t pid = clone_pidfd(&fd, 0);

	if (pid == 0) {
		CHECK(fcntl(fd, F_GETFD) < 0); /* the parent's alone */
		_exit(5);
	}
	CHECK(pid > 0);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	siginfo_t info;
	CHECK_EQ(wait_pidfd(fd, &info, WEXITED), 0);
	CHECK_EQ(info.si_pid, pid);
	CHECK_EQ(info.si_status, 5);
	CHECK_EQ(close(fd), 0);
}

TEST(clone_errors)
{
	int fd = -1, limit = 64, last;
	struct rlimit64 {
		unsigned long soft, hard;
	} few = { limit, limit };

	CHECK_ERRNO(clone_pidfd(&fd, CLONE_PARENT_SETTID), EINVAL);
	CHECK_ERRNO(clone_pidfd(&fd, CLONE_DETACHED), EINVAL);
	CHECK_ERRNO(clone_pidfd((int *)BAD_POINTER, 0), EFAULT);
	CHECK_EQ(syscall(SYS_prlimit64, 0, 7 /* RLIMIT_NOFILE */, &few, NULL), 0);
	while ((last = dup(0)) >= 0)
		;
	CHECK_ERRNO(clone_pidfd(&fd, 0), EMFILE);
	CHECK_ERRNO(pidfd_open(getpid(), 0), EMFILE);
	CHECK_ERRNO(waitpid(-1, NULL, 0), ECHILD); /* none was born */
}

TEST(keeps_its_meaning)
{
	pid_t pid = FORK();

	if (pid == 0)
		_exit(0);
	int fd = pidfd_open(pid, 0);
	CHECK_EXIT(pid, 0);
	for (int i = 0; i < 200; i++) {
		pid_t next = FORK();

		if (next == 0)
			_exit(0);
		CHECK_ERRNO(send_signal(fd, SIGKILL, NULL, 0), ESRCH);
		CHECK_EXIT(next, 0);
	}
	CHECK_EQ(close(fd), 0);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
