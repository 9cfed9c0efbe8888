/*
 * poll(2), ppoll(2), select(2) and pselect: what is ready on pipes in each state, on files and
 * devices, bad descriptors, timeouts that are not too short, and sleepers woken by data, by room,
 * and by the end. Sources: poll(2), select(2), pipe(7), POSIX.
 */
#include "paths.h"
#include <poll.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <time.h>

enum { CAPACITY = 65536 };

/* What poll says at once about one descriptor. */
static int ready(int fd, int events)
{
	struct pollfd p = { .fd = fd, .events = (short)events, .revents = 0x5555 };
	int n = poll(&p, 1, 0);

	CHECK_EQ(n, p.revents != 0);
	return p.revents;
}

TEST(a_pipe_from_empty_to_full)
{
	static char block[CAPACITY];
	int fd[2];

	CHECK_EQ(pipe(fd), 0);
	CHECK_EQ(ready(fd[0], POLLIN), 0);
	CHECK_EQ(ready(fd[1], POLLOUT), POLLOUT);
	CHECK_EQ(ready(fd[1], POLLIN), 0);
	CHECK_EQ(write(fd[1], "x", 1), 1);
	CHECK_EQ(ready(fd[0], POLLIN), POLLIN);
	CHECK_EQ(ready(fd[0], POLLIN | POLLRDNORM), POLLIN | POLLRDNORM);
	CHECK_EQ(ready(fd[0], 0), 0);
	CHECK_EQ(fcntl(fd[1], F_SETFL, O_NONBLOCK), 0);
	while (write(fd[1], block, 4096) > 0)
		;
	CHECK_EQ(errno, EAGAIN);
	CHECK_EQ(ready(fd[1], POLLOUT), 0);
	CHECK_EQ(ready(fd[0], POLLIN), POLLIN);
	while (ready(fd[0], POLLIN))
		CHECK(read(fd[0], block, CAPACITY) > 0);
	CHECK_EQ(ready(fd[1], POLLOUT), POLLOUT);
}

TEST(a_pipe_with_one_end)
{
	int fd[2], other[2];

	CHECK_EQ(pipe(fd), 0);
	CHECK_EQ(pipe(other), 0);
	CHECK_EQ(write(fd[1], "x", 1), 1);
	CHECK_EQ(close(fd[1]), 0);
	CHECK_EQ(ready(fd[0], POLLIN), POLLIN | POLLHUP);
	CHECK_EQ(read(fd[0], (char[1]){ 0 }, 1), 1);
	CHECK_EQ(ready(fd[0], POLLIN), POLLHUP);
	CHECK_EQ(ready(fd[0], 0), POLLHUP);
	CHECK_EQ(close(other[0]), 0);
	CHECK_EQ(ready(other[1], POLLOUT), POLLOUT | POLLERR);
	CHECK_EQ(ready(other[1], 0), POLLERR);
}

SCRATCH_TEST(files_and_devices_are_always_ready)
{
	int file = make_file("f", ""), null = open("/dev/null", O_RDWR);
	int zero = open("/dev/zero", O_RDONLY);

	CHECK_EQ(ready(file, POLLIN | POLLOUT), POLLIN | POLLOUT);
	CHECK_EQ(ready(null, POLLIN | POLLOUT), POLLIN | POLLOUT);
	CHECK_EQ(ready(zero, POLLIN), POLLIN);
	CHECK_EQ(ready(open(".", O_RDONLY), POLLIN), POLLIN);
}

TEST(several_descriptors)
{
	int fd[2], closed = dup(1);

	CHECK_EQ(pipe(fd), 0);
	CHECK_EQ(close(closed), 0);
	struct pollfd list[] = {
		{ fd[0], POLLIN, 0x55 }, { fd[1], POLLOUT, 0x55 }, { -1, POLLIN | POLLOUT, 0x55 },
		{ closed, POLLIN, 0x55 }, { fd[1], POLLOUT, 0x55 }, { -77, POLLIN, 0x55 },
	};
	CHECK_EQ(poll(list, 6, -1), 3);
	CHECK_EQ(list[0].revents, 0);
	CHECK_EQ(list[1].revents, POLLOUT);
	CHECK_EQ(list[2].revents, 0);
	CHECK_EQ(list[3].revents, POLLNVAL);
	CHECK_EQ(list[4].revents, POLLOUT);
	CHECK_EQ(list[5].revents, 0);
}

TEST(too_many)
{
	static struct pollfd list[100];
	struct rlimit limit;

	for (int i = 0; i < 100; i++)
		list[i].fd = -1;
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = 50;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	CHECK_ERRNO(poll(list, 51, 0), EINVAL);
	CHECK_EQ(poll(list, 50, 0), 0);
}

static double seconds(void)
{
	struct timespec now;

	CHECK_EQ(clock_gettime(CLOCK_MONOTONIC, &now), 0);
	return now.tv_sec + now.tv_nsec * 1e-9;
}

TEST(timeouts_are_not_too_short)
{
	int fd[2];
	struct pollfd p;
	struct timespec time = { 0, 30000000 };
	fd_set set;

	CHECK_EQ(pipe(fd), 0);
	p = (struct pollfd){ .fd = fd[0], .events = POLLIN };
	double before = seconds();
	CHECK_EQ(poll(&p, 1, 30), 0);
	CHECK(seconds() - before >= 0.030);
	before = seconds();
	CHECK_EQ(poll(NULL, 0, 30), 0);
	CHECK(seconds() - before >= 0.030);
	before = seconds();
	CHECK_EQ(ppoll(&p, 1, &time, NULL), 0);
	CHECK(seconds() - before >= 0.030);
	before = seconds();
	FD_ZERO(&set);
	FD_SET(fd[0], &set);
	CHECK_EQ(select(fd[0] + 1, &set, NULL, NULL, &(struct timeval){ 0, 30000 }), 0);
	CHECK(seconds() - before >= 0.030);
	CHECK(!FD_ISSET(fd[0], &set));
}

/* A child polls one descriptor without a timeout and exits with what it was told. */
static pid_t polling_child(int fd, int events, int close_here)
{
	pid_t child = FORK();

	if (child == 0) {
		struct pollfd p = { .fd = fd, .events = (short)events };
		if (close_here >= 0)
			close(close_here);
		CHECK_EQ(poll(&p, 1, -1), 1);
		_exit(p.revents);
	}
	await_sleep(child);
	CHECK_EQ(waitpid(child, NULL, WNOHANG), 0);
	return child;
}

TEST(sleepers_are_woken)
{
	static char block[CAPACITY];
	int fd[2], full[2], end[2];

	CHECK_EQ(pipe(fd), 0);
	CHECK_EQ(pipe(full), 0);
	CHECK_EQ(pipe(end), 0);
	pid_t child = polling_child(fd[0], POLLIN, -1);
	CHECK_EQ(write(fd[1], "x", 1), 1);
	CHECK_EXIT(child, POLLIN);
	CHECK_EQ(write(full[1], block, CAPACITY), CAPACITY);
	child = polling_child(full[1], POLLOUT, -1);
	CHECK_EQ(read_all(full[0], block, CAPACITY), CAPACITY);
	CHECK_EXIT(child, POLLOUT);
	child = polling_child(end[0], POLLIN, end[1]);
	CHECK_EQ(close(end[1]), 0);
	CHECK_EXIT(child, POLLHUP);
}

TEST(a_sleeper_can_be_killed)
{
	int fd[2];

	CHECK_EQ(pipe(fd), 0);
	pid_t child = polling_child(fd[0], POLLIN, -1);
	CHECK_EQ(kill(child, SIGKILL), 0);
	CHECK_SIGNAL(child, SIGKILL);
}

TEST(select_reads_writes_and_counts)
{
	int fd[2];
	fd_set in, out;

	CHECK_EQ(pipe(fd), 0);
	for (int data = 0; data < 2; data++) {
		if (data)
			CHECK_EQ(write(fd[1], "x", 1), 1);
		FD_ZERO(&in);
		FD_ZERO(&out);
		FD_SET(fd[0], &in);
		FD_SET(fd[1], &out);
		CHECK_EQ(select(fd[1] + 1, &in, &out, NULL, NULL), 1 + data);
		CHECK_EQ(!!FD_ISSET(fd[0], &in), data);
		CHECK(FD_ISSET(fd[1], &out));
	}
	FD_ZERO(&in);
	FD_SET(fd[0], &in);
	/* Only descriptors below the first argument are looked at. */
	CHECK_EQ(select(fd[0], &in, NULL, NULL, &(struct timeval){ 0, 0 }), 0);
	CHECK_EQ(close(fd[1]), 0);
	CHECK_EQ(read(fd[0], (char[1]){ 0 }, 1), 1);
	FD_SET(fd[0], &in);
	CHECK_EQ(select(fd[0] + 1, &in, NULL, NULL, NULL), 1);		/* the end is readable */
}

TEST(select_errors)
{
	int closed = dup(1);
	struct timespec second = { 0, 1000000000 };
	fd_set set;

	CHECK_EQ(close(closed), 0);
	FD_ZERO(&set);
	FD_SET(closed, &set);
	CHECK_ERRNO(select(closed + 1, &set, NULL, NULL, &(struct timeval){ 0, 0 }), EBADF);
	CHECK_ERRNO(select(-1, NULL, NULL, NULL, &(struct timeval){ 0, 0 }), EINVAL);
	CHECK_ERRNO(syscall(SYS_select, 0, NULL, NULL, NULL, &(struct timeval){ -1, 0 }), EINVAL);
	CHECK_ERRNO(syscall(SYS_ppoll, NULL, 0, &second, NULL, 8), EINVAL);
	CHECK_EQ(select(0, NULL, NULL, NULL, &(struct timeval){ 0, 0 }), 0);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
