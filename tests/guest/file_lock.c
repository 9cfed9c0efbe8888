/*
 * Advisory locks: flock(2), which belongs to an open file description, and record locks of
 * fcntl(2), which belong to a process and cover bytes; who waits, who is told that waiting would
 * never end, and when a lock goes by itself. Sources: flock(2), fcntl(2), POSIX fcntl().
 */
#include "proc.h"
#include <fcntl.h>
#include <sys/file.h>

static int open_file(void)
{
	int fd = open(temporary_path("locked"), O_RDWR | O_CREAT, 0600);

	CHECK(fd >= 0);
	return fd;
}

/* ---- flock ----------------------------------------------------------------------------------- */

TEST(shared_by_many_or_exclusive)
{
	int a = open_file(), b = open_file(), c = open_file();

	CHECK_EQ(flock(a, LOCK_SH), 0);
	CHECK_EQ(flock(b, LOCK_SH | LOCK_NB), 0);
	CHECK_ERRNO(flock(c, LOCK_EX | LOCK_NB), EWOULDBLOCK);
	CHECK_EQ(flock(a, LOCK_UN), 0);
	CHECK_ERRNO(flock(c, LOCK_EX | LOCK_NB), EWOULDBLOCK);
	CHECK_EQ(flock(b, LOCK_EX | LOCK_NB), 0); /* the last one may go on to exclusive */
	CHECK_ERRNO(flock(c, LOCK_SH | LOCK_NB), EWOULDBLOCK);
	CHECK_EQ(flock(b, LOCK_SH), 0);
	CHECK_EQ(flock(c, LOCK_SH | LOCK_NB), 0);
	CHECK_EQ(flock(c, LOCK_UN), 0);
	CHECK_EQ(flock(c, LOCK_UN), 0);
}

TEST(belongs_to_the_description)
{
	int a = open_file(), again = dup(a), b = open_file();

	CHECK_EQ(flock(a, LOCK_EX), 0);
	CHECK_EQ(flock(again, LOCK_EX | LOCK_NB), 0);
	pid_t pid = FORK();
	if (pid == 0) {
		CHECK_EQ(flock(a, LOCK_EX | LOCK_NB), 0);
		CHECK_ERRNO(flock(b, LOCK_SH | LOCK_NB), EWOULDBLOCK);
		_exit(0);
	}
	CHECK_EXIT(pid, 0);
	CHECK_EQ(close(a), 0);
	CHECK_ERRNO(flock(b, LOCK_SH | LOCK_NB), EWOULDBLOCK);
	CHECK_EQ(close(again), 0);
	CHECK_EQ(flock(b, LOCK_SH | LOCK_NB), 0);
	pid = FORK();
	if (pid == 0) {
		CHECK_EQ(flock(b, LOCK_UN), 0); /* a child may let it go */
		_exit(0);
	}
	CHECK_EXIT(pid, 0);
	a = open_file();
	CHECK_EQ(flock(a, LOCK_EX | LOCK_NB), 0);
}

TEST(errors_of_flock)
{
	int fd = open_file();

	CHECK_ERRNO(flock(fd, 0), EINVAL);
	CHECK_ERRNO(flock(fd, LOCK_SH | LOCK_EX), EINVAL);
	CHECK_ERRNO(flock(fd, LOCK_NB), EINVAL);
	CHECK_ERRNO(flock(-1, LOCK_SH), EBADF);
	CHECK_EQ(close(fd), 0);
	CHECK_ERRNO(flock(fd, LOCK_SH), EBADF);
}

TEST(waits_for_its_turn)
{
	struct gate gate = gate_new();
	int *turn = shared_memory(sizeof(*turn)), a = open_file(), b = open_file();

	CHECK_EQ(flock(a, LOCK_EX), 0);
	pid_t pid = FORK();
	if (pid == 0) {
		gate_open(gate, 1);
		CHECK_EQ(flock(b, LOCK_SH), 0);
		CHECK_EQ(*turn, 1);
		_exit(0);
	}
	gate_pass(gate);
	await_state(pid, 'S');
	*turn = 1;
	CHECK_EQ(flock(a, LOCK_UN), 0);
	CHECK_EXIT(pid, 0);
	gate_free(gate);
}

/* ---- record locks ---------------------------------------------------------------------------- */

static struct flock range(int type, off_t start, off_t length)
{
	return (struct flock){ .l_type = (short)type, .l_start = start, .l_len = length };
}

static int set(int fd, int type, off_t start, off_t length)
{
	struct flock lock = range(type, start, length);

	return fcntl(fd, F_SETLK, &lock);
}

static int set_waiting(int fd, int type, off_t start, off_t length)
{
	struct flock lock = range(type, start, length);

	return fcntl(fd, F_SETLKW, &lock);
}

/* What another process finds in the way of a write lock on these bytes. */
static struct flock seen_by_other(int fd, off_t start, off_t length)
{
	struct flock *seen = shared_memory(sizeof(*seen));
	pid_t pid;

	*seen = range(F_WRLCK, start, length);
	pid = FORK();
	if (pid == 0) {
		CHECK_EQ(fcntl(fd, F_GETLK, seen), 0);
		_exit(0);
	}
	CHECK_EXIT(pid, 0);
	return *seen;
}

#define CHECK_SEEN(fd, start, length, type, its_start, its_length)                                 \
	do {                                                                                       \
		struct flock _seen = seen_by_other(fd, start, length);                             \
		CHECK_EQ(_seen.l_type, type);                                                      \
		if (_seen.l_type != F_UNLCK) {                                                     \
			CHECK_EQ(_seen.l_start, its_start);                                        \
			CHECK_EQ(_seen.l_len, its_length);                                         \
			CHECK_EQ(_seen.l_whence, SEEK_SET);                                        \
			CHECK_EQ(_seen.l_pid, getpid());                                           \
		}                                                                                  \
	} while (0)

TEST(what_another_process_sees)
{
	int fd = open_file();

	CHECK_SEEN(fd, 0, 0, F_UNLCK, 0, 0);
	CHECK_EQ(set(fd, F_WRLCK, 10, 10), 0);
	CHECK_EQ(set(fd, F_RDLCK, 40, 10), 0);
	CHECK_SEEN(fd, 0, 10, F_UNLCK, 0, 0);
	CHECK_SEEN(fd, 0, 11, F_WRLCK, 10, 10);
	CHECK_SEEN(fd, 19, 1, F_WRLCK, 10, 10);
	CHECK_SEEN(fd, 20, 20, F_UNLCK, 0, 0);
	CHECK_SEEN(fd, 20, 0, F_RDLCK, 40, 10);
	/* one's own are not in one's way */
	struct flock own = range(F_WRLCK, 0, 0);
	CHECK_EQ(fcntl(fd, F_GETLK, &own), 0);
	CHECK_EQ(own.l_type, F_UNLCK);
}

TEST(neighbours_join_and_parts_are_cut_out)
{
	int fd = open_file();

	CHECK_EQ(set(fd, F_WRLCK, 0, 10), 0);
	CHECK_EQ(set(fd, F_WRLCK, 10, 10), 0);
	CHECK_SEEN(fd, 5, 1, F_WRLCK, 0, 20);
	CHECK_EQ(set(fd, F_UNLCK, 5, 5), 0);
	CHECK_SEEN(fd, 0, 10, F_WRLCK, 0, 5);
	CHECK_SEEN(fd, 5, 0, F_WRLCK, 10, 10);
	CHECK_EQ(set(fd, F_RDLCK, 12, 2), 0);
	CHECK_SEEN(fd, 10, 1, F_WRLCK, 10, 2);
	CHECK_SEEN(fd, 12, 1, F_RDLCK, 12, 2);
	CHECK_SEEN(fd, 14, 1, F_WRLCK, 14, 6);
	CHECK_EQ(set(fd, F_RDLCK, 0, 0), 0); /* to the end, wherever that will be */
	CHECK_SEEN(fd, 1000000, 1, F_RDLCK, 0, 0);
	CHECK_EQ(set(fd, F_UNLCK, 0, 0), 0);
	CHECK_SEEN(fd, 0, 0, F_UNLCK, 0, 0);
}

TEST(ranges_from_other_places)
{
	int fd = open_file();
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_END, .l_start = -4, .l_len = 2 };

	CHECK_EQ(ftruncate(fd, 100), 0);
	CHECK_EQ(fcntl(fd, F_SETLK, &lock), 0);
	CHECK_SEEN(fd, 0, 0, F_WRLCK, 96, 2);
	CHECK_EQ(set(fd, F_UNLCK, 0, 0), 0);
	CHECK_EQ(lseek(fd, 50, SEEK_SET), 50);
	lock = (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_CUR, .l_start = 0, .l_len = -5 };
	CHECK_EQ(fcntl(fd, F_SETLK, &lock), 0);
	CHECK_SEEN(fd, 0, 0, F_WRLCK, 45, 5);
	lock = (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 2, .l_len = -3 };
	CHECK_ERRNO(fcntl(fd, F_SETLK, &lock), EINVAL);
	lock = (struct flock){ .l_type = F_WRLCK, .l_whence = 3 };
	CHECK_ERRNO(fcntl(fd, F_SETLK, &lock), EINVAL);
	lock = (struct flock){ .l_type = 3 };
	CHECK_ERRNO(fcntl(fd, F_SETLK, &lock), EINVAL);
	CHECK_ERRNO(fcntl(fd, F_SETLK, (struct flock *)8), EFAULT);
}

TEST(the_mode_must_allow_it)
{
	int both = open_file();
	int in = open(temporary_path("locked"), O_RDONLY);
	int out = open(temporary_path("locked"), O_WRONLY);

	CHECK_ERRNO(set(in, F_WRLCK, 0, 1), EBADF);
	CHECK_ERRNO(set(out, F_RDLCK, 0, 1), EBADF);
	CHECK_EQ(set(in, F_RDLCK, 0, 1), 0);
	CHECK_EQ(set(out, F_WRLCK, 0, 1), 0);
	CHECK_SEEN(both, 0, 0, F_WRLCK, 0, 1);
}

TEST(belongs_to_the_process)
{
	int fd = open_file(), other = open_file();

	CHECK_EQ(set(fd, F_WRLCK, 0, 10), 0);
	CHECK_EQ(set(other, F_WRLCK, 5, 10), 0); /* one's own: the two are one */
	pid_t pid = FORK();
	if (pid == 0) {
		CHECK(set(fd, F_RDLCK, 14, 1) < 0 && (errno == EAGAIN || errno == EACCES));
		CHECK_EQ(set(fd, F_WRLCK, 15, 1), 0);
		CHECK_EQ(close(fd), 0); /* which is not the parent's lock */
		_exit(0);
	}
	CHECK_EXIT(pid, 0);
	CHECK_SEEN(other, 0, 0, F_WRLCK, 0, 15);
	CHECK_EQ(close(other), 0); /* and any descriptor of the file takes all with it */
	CHECK_SEEN(fd, 0, 0, F_UNLCK, 0, 0);
}

TEST(waits_until_the_holder_is_gone)
{
	struct gate gate = gate_new();
	int fd = open_file();
	pid_t holder = FORK();

	if (holder == 0) {
		CHECK_EQ(set(fd, F_WRLCK, 0, 10), 0);
		gate_open(gate, 1);
		block_forever();
	}
	gate_pass(gate);
	pid_t waiter = FORK();
	if (waiter == 0) {
		CHECK_EQ(set_waiting(fd, F_RDLCK, 9, 2), 0);
		_exit(0);
	}
	await_state(waiter, 'S');
	CHECK_EQ(kill(holder, SIGKILL), 0);
	CHECK_EXIT(waiter, 0);
	CHECK_SIGNAL(holder, SIGKILL);
	gate_free(gate);
}

/* ---- waiting that would never end ------------------------------------------------------------ */

/* Members of a circle: each holds its byte, and then asks for the next one's, the last of them once
 * all others wait. */
static void circle(int members)
{
	struct gate held = gate_new(), ask = gate_new();
	pid_t pid[16];
	int fd = open_file();

	for (int i = 1; i < members; i++) {
		pid[i] = FORK();
		if (pid[i] == 0) {
			CHECK_EQ(set(fd, F_WRLCK, i, 1), 0);
			gate_open(held, 1);
			gate_pass(ask);
			CHECK_EQ(set_waiting(fd, F_WRLCK, (i + 1) % members, 1), 0);
			_exit(0);
		}
	}
	for (int i = 1; i < members; i++)
		gate_pass(held);
	CHECK_EQ(set(fd, F_WRLCK, 0, 1), 0);
	gate_open(ask, members - 1);
	for (int i = 1; i < members; i++)
		await_state(pid[i], 'S');
	CHECK_ERRNO(set_waiting(fd, F_WRLCK, 1, 1), EDEADLK);
	CHECK_ERRNO(set_waiting(fd, F_RDLCK, 1, 1), EDEADLK);
	/* what it holds it still has, and whoever it does not wait for is no part of a circle */
	CHECK_SEEN(fd, 0, 1, F_WRLCK, 0, 1);
	CHECK_EQ(set_waiting(fd, F_WRLCK, 100, 1), 0);
	CHECK_EQ(set(fd, F_UNLCK, 0, 0), 0);
	for (int i = members - 1; i; i--)
		CHECK_EXIT(pid[i], 0);
	gate_free(held);
	gate_free(ask);
}

TEST(two_that_wait_for_each_other)
{
	circle(2);
}

TEST(a_circle_of_five)
{
	circle(5);
}

/* Two files are no different. */
TEST(a_circle_through_two_files)
{
	struct gate gate = gate_new();
	int a = open_file(), b = open(temporary_path("other"), O_RDWR | O_CREAT, 0600);
	pid_t pid;

	CHECK_EQ(set(a, F_WRLCK, 0, 0), 0);
	pid = FORK();
	if (pid == 0) {
		CHECK_EQ(set(b, F_WRLCK, 0, 0), 0);
		gate_open(gate, 1);
		CHECK_EQ(set_waiting(a, F_RDLCK, 0, 0), 0);
		_exit(0);
	}
	gate_pass(gate);
	await_state(pid, 'S');
	CHECK_ERRNO(set_waiting(b, F_RDLCK, 7, 1), EDEADLK);
	CHECK_EQ(close(a), 0);
	CHECK_EXIT(pid, 0);
	gate_free(gate);
}

/* A queue of those who wait is not a circle. */
TEST(a_chain_is_no_circle)
{
	enum { MEMBERS = 6 };
	struct gate gate = gate_new();
	pid_t pid[MEMBERS];
	int fd = open_file();

	CHECK_EQ(set(fd, F_WRLCK, 0, 1), 0);
	for (int i = 1; i < MEMBERS; i++) {
		pid[i] = FORK();
		if (pid[i] == 0) {
			CHECK_EQ(set(fd, F_WRLCK, i, 1), 0);
			gate_open(gate, 1);
			CHECK_EQ(set_waiting(fd, F_WRLCK, i - 1, 1), 0);
			_exit(0);
		}
		gate_pass(gate);
		await_state(pid[i], 'S');
	}
	CHECK_EQ(set(fd, F_UNLCK, 0, 1), 0);
	for (int i = 1; i < MEMBERS; i++)
		CHECK_EXIT(pid[i], 0);
	gate_free(gate);
}

static void nothing(int sig)
{
	(void)sig;
}

/* Who waits no longer, because of a signal, is no part of a circle. */
TEST(interrupted)
{
	struct gate gate = gate_new(), end = gate_new();
	int fd = open_file();

	CHECK_EQ(set(fd, F_WRLCK, 0, 1), 0);
	pid_t pid = FORK();
	if (pid == 0) {
		struct sigaction action = { .sa_handler = nothing };

		CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
		CHECK_EQ(set(fd, F_WRLCK, 1, 1), 0);
		gate_open(gate, 1);
		CHECK_ERRNO(set_waiting(fd, F_WRLCK, 0, 1), EINTR);
		gate_open(gate, 1);
		gate_pass(end);
		_exit(0);
	}
	gate_pass(gate);
	await_state(pid, 'S');
	CHECK_ERRNO(set_waiting(fd, F_WRLCK, 1, 1), EDEADLK);
	CHECK_EQ(kill(pid, SIGUSR1), 0);
	gate_pass(gate);
	gate_open(end, 1);
	CHECK_EQ(set_waiting(fd, F_WRLCK, 1, 1), 0); /* the child ends, and its lock with it */
	CHECK_EXIT(pid, 0);
	gate_free(gate);
	gate_free(end);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
