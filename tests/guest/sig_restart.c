/*
 * What a signal does to a call that waits, call by call as signal(7) lists them under "Interruption
 * of system calls and library functions by signal handlers": a handler without SA_RESTART ends each
 * with EINTR; with SA_RESTART some go on as if nothing had been and some end all the same; and a
 * stop followed by SIGCONT, without any handler, disturbs almost none of them. Also sources:
 * nanosleep(2), clock_nanosleep(2), restart_syscall(2), futex(2), poll(2), select(2), pipe(7),
 * fifo(7), wait(2), flock(2), fcntl(2).
 */
#include "sig.h"
#include <linux/futex.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/uio.h>

/* What parent and child share. */
static struct shared {
	volatile int entered; /* the child is about to call */
	volatile int handled; /* handlers run in it */
	volatile long result; /* of the call, or -errno */
	uint32_t word;	      /* a futex */
} * shared;

static int ends[2]; /* a pipe that every row has */
static const char *path;
static int file;
static pid_t child;

static const struct timespec hour = { 3600, 0 };

static long answer(long result)
{
	return result < 0 ? -errno : result;
}

/* ---- the calls, and what lets each end ------------------------------------------------------- */

static void give_byte(void)
{
	CHECK_EQ(write(ends[1], "x", 1), 1);
}

static long call_read(void)
{
	char byte;

	return answer(read(ends[0], &byte, 1));
}

static long call_readv(void)
{
	char byte;
	struct iovec part = { &byte, 1 };

	return answer(readv(ends[0], &part, 1));
}

static void fill_pipe(void)
{
	static char bytes[4096];

	CHECK_EQ(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
	while (write(ends[1], bytes, sizeof(bytes)) > 0)
		;
	CHECK_EQ(fcntl(ends[1], F_SETFL, 0), 0);
}

static void empty_pipe(void)
{
	static char bytes[1 << 16];

	CHECK(read(ends[0], bytes, sizeof(bytes)) > 0);
}

static long call_write(void)
{
	return answer(write(ends[1], "abc", 3));
}

static long call_writev(void)
{
	struct iovec part = { (char *)"abcd", 4 };

	return answer(writev(ends[1], &part, 1));
}

static void make_fifo(void)
{
	path = temporary_path("fifo");
	unlink(path);
	CHECK_EQ(mkfifo(path, 0600), 0);
}

static long call_open(int flags)
{
	int fd = open(path, flags);

	return answer(fd < 0 ? -1 : 0);
}

static long call_open_to_read(void)
{
	return call_open(O_RDONLY);
}

static long call_open_to_write(void)
{
	return call_open(O_WRONLY);
}

static void open_to_write(void)
{
	int fd = open(path, O_WRONLY | O_NONBLOCK);

	CHECK(fd >= 0);
	close(fd);
}

static void open_to_read(void)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK);

	CHECK(fd >= 0);
	while (shared->result == LONG_MIN)
		pause_briefly(); /* it must not be closed before the writer has seen it */
	close(fd);
}

/* The child's own child ends when it reads a byte. */
static void start_grandchild(void)
{
	if (FORK() == 0) {
		char byte;
		set_mask(~0ULL);
		CHECK_EQ(read(ends[0], &byte, 1), 1);
		_exit(6);
	}
}

static long call_wait4(void)
{
	int status = 0;
	pid_t pid = wait4(-1, &status, 0, NULL);

	return answer(pid < 0 ? -1 : status);
}

static long call_waitid(void)
{
	siginfo_t info = { .si_status = 0 };

	return answer(waitid(P_ALL, 0, &info, WEXITED) < 0 ? -1 : info.si_status);
}

static void lock_file(void)
{
	path = temporary_path("lock");
	file = open(path, O_RDWR | O_CREAT, 0600);
	CHECK(file >= 0);
	CHECK_EQ(flock(file, LOCK_EX), 0);
	CHECK_EQ(fcntl(file, F_SETLK, &(struct flock){ .l_type = F_WRLCK }), 0);
}

static void unlock_file(void)
{
	CHECK_EQ(flock(file, LOCK_UN), 0);
	CHECK_EQ(fcntl(file, F_SETLK, &(struct flock){ .l_type = F_UNLCK }), 0);
}

static long call_flock(void)
{
	int fd = open(path, O_RDWR);

	return answer(flock(fd, LOCK_EX));
}

static long call_setlkw(void)
{
	int fd = open(path, O_RDWR);

	return answer(fcntl(fd, F_SETLKW, &(struct flock){ .l_type = F_WRLCK }));
}

static long call_futex(int operation, const struct timespec *timeout)
{
	return answer(syscall(SYS_futex, &shared->word, operation, 0, timeout, NULL,
			      FUTEX_BITSET_MATCH_ANY));
}

static void wake_futex(void)
{
	shared->word = 1;
	CHECK_EQ(syscall(SYS_futex, &shared->word, FUTEX_WAKE, 1, NULL, NULL, 0), 1);
}

static long call_futex_wait(void)
{
	return call_futex(FUTEX_WAIT, NULL);
}

static long call_futex_bitset(void)
{
	return call_futex(FUTEX_WAIT_BITSET, NULL);
}

static long call_futex_timed(void)
{
	return call_futex(FUTEX_WAIT, &hour);
}

static long call_futex_until(void)
{
	static const struct timespec far = { 1LL << 32, 0 };

	return call_futex(FUTEX_WAIT_BITSET, &far);
}

static long call_poll(void)
{
	struct pollfd fd = { ends[0], POLLIN, 0 };

	return answer(poll(&fd, 1, -1));
}

static long call_poll_timed(void)
{
	struct pollfd fd = { ends[0], POLLIN, 0 };

	return answer(poll(&fd, 1, 3600000));
}

static long call_ppoll(void)
{
	struct pollfd fd = { ends[0], POLLIN, 0 };
	struct timespec timeout = hour;
	uint64_t mask = bit(SIGHUP);

	return answer(syscall(SYS_ppoll, &fd, 1, &timeout, &mask, SET_BYTES));
}

static long call_select(void)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(ends[0], &set);
	return answer(syscall(SYS_select, ends[0] + 1, &set, NULL, NULL, NULL));
}

static long call_select_timed(void)
{
	struct timeval timeout = { 3600, 0 };
	fd_set set;

	FD_ZERO(&set);
	FD_SET(ends[0], &set);
	return answer(syscall(SYS_select, ends[0] + 1, &set, NULL, NULL, &timeout));
}

static long call_pselect(void)
{
	struct timespec timeout = hour;
	uint64_t mask = bit(SIGHUP);
	struct {
		uint64_t *mask;
		size_t size;
	} argument = { &mask, SET_BYTES };
	fd_set set;

	FD_ZERO(&set);
	FD_SET(ends[0], &set);
	return answer(syscall(SYS_pselect6, ends[0] + 1, &set, NULL, NULL, &timeout, &argument));
}

static long call_nanosleep(void)
{
	return answer(syscall(SYS_nanosleep, &hour, NULL));
}

static long call_clock_nanosleep(void)
{
	return answer(syscall(SYS_clock_nanosleep, CLOCK_REALTIME, 0, &hour, NULL));
}

static long call_sleep_until(void)
{
	static const struct timespec far = { 1LL << 32, 0 };

	return answer(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &far, NULL));
}

static long call_pause(void)
{
	return answer(syscall(SYS_pause));
}

static long call_sigsuspend(void)
{
	return answer(suspend(bit(SIGHUP)));
}

static long call_sigtimedwait(void)
{
	return answer(wait_for_signal(bit(SIGHUP), NULL, &hour));
}

/* Those of which nothing but a signal lets them end. */
static void interrupt(void)
{
	CHECK_EQ(kill(child, SIGUSR2), 0);
}

struct row {
	const char *name;
	void (*prepare)(void);
	void (*prepare_child)(void);
	long (*call)(void);
	void (*finish)(void);
	long result;
	bool restarts; /* after a handler with SA_RESTART */
	bool stops;    /* does a stop end it with EINTR? */
};

static const struct row rows[] = {
	{ "read", NULL, NULL, call_read, give_byte, 1, true, false },
	{ "readv", NULL, NULL, call_readv, give_byte, 1, true, false },
	{ "write", fill_pipe, NULL, call_write, empty_pipe, 3, true, false },
	{ "writev", fill_pipe, NULL, call_writev, empty_pipe, 4, true, false },
	{ "open to read", make_fifo, NULL, call_open_to_read, open_to_write, 0, true, false },
	{ "open to write", make_fifo, NULL, call_open_to_write, open_to_read, 0, true, false },
	{ "wait4", NULL, start_grandchild, call_wait4, give_byte, 6 << 8, true, false },
	{ "waitid", NULL, start_grandchild, call_waitid, give_byte, 6, true, false },
	{ "flock", lock_file, NULL, call_flock, unlock_file, 0, true, false },
	{ "F_SETLKW", lock_file, NULL, call_setlkw, unlock_file, 0, true, false },
	{ "futex wait", NULL, NULL, call_futex_wait, wake_futex, 0, true, false },
	{ "futex bitset", NULL, NULL, call_futex_bitset, wake_futex, 0, true, false },
	/* with a time limit they are not simply called again, and so not at all after a handler */
	{ "futex timed", NULL, NULL, call_futex_timed, wake_futex, 0, false, false },
	{ "futex until", NULL, NULL, call_futex_until, wake_futex, 0, false, false },
	{ "poll", NULL, NULL, call_poll, give_byte, 1, false, false },
	{ "poll timed", NULL, NULL, call_poll_timed, give_byte, 1, false, false },
	{ "ppoll", NULL, NULL, call_ppoll, give_byte, 1, false, false },
	{ "select", NULL, NULL, call_select, give_byte, 1, false, false },
	{ "select timed", NULL, NULL, call_select_timed, give_byte, 1, false, false },
	{ "pselect", NULL, NULL, call_pselect, give_byte, 1, false, false },
	{ "nanosleep", NULL, NULL, call_nanosleep, interrupt, -EINTR, false, false },
	{ "clock_nanosleep", NULL, NULL, call_clock_nanosleep, interrupt, -EINTR, false, false },
	{ "sleep until", NULL, NULL, call_sleep_until, interrupt, -EINTR, false, false },
	{ "pause", NULL, NULL, call_pause, interrupt, -EINTR, false, false },
	{ "sigsuspend", NULL, NULL, call_sigsuspend, interrupt, -EINTR, false, false },
	{ "sigtimedwait", NULL, NULL, call_sigtimedwait, interrupt, -EINTR, false, true },
};

/* ---- the three things that happen to a call -------------------------------------------------- */

static void count_handler(int sig)
{
	(void)sig;
	shared->handled++;
}

/* The child, asleep in the row's call; SIGUSR1 has a handler with these flags, SIGUSR2 one
 * without any. */
static void start(const struct row *row, unsigned long flags)
{
	shared = shared_memory(sizeof(*shared));
	shared->result = LONG_MIN;
	CHECK_EQ(pipe(ends), 0);
	if (row->prepare)
		row->prepare();
	child = FORK();
	if (child == 0) {
		install(SIGUSR1, count_handler, flags);
		install(SIGUSR2, count_handler, 0);
		if (row->prepare_child)
			row->prepare_child();
		shared->entered = 1;
		shared->result = row->call();
		while (waitpid(-1, NULL, 0) > 0)
			;
		_exit(0);
	}
	while (!shared->entered)
		pause_briefly();
	await_state(child, 'S');
}

static void await_handled(int count)
{
	while (shared->handled < count)
		pause_briefly();
}

static void end(const struct row *row)
{
	while (shared->result == LONG_MIN)
		pause_briefly();
	if (row->prepare_child)
		give_byte(); /* a grandchild that is not waited for yet */
	CHECK_EXIT(child, 0);
	close(ends[0]);
	close(ends[1]);
	if (row->prepare) {
		close(file);
		unlink(path ? path : "");
	}
}

TEST(a_handler_ends_each)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CONTEXT("%s", rows[i].name);
		start(&rows[i], 0);
		CHECK_EQ(kill(child, SIGUSR1), 0);
		end(&rows[i]);
		CHECK_EQ(shared->result, -EINTR);
		CHECK_EQ(shared->handled, 1);
	}
}

TEST(a_handler_with_restart)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CONTEXT("%s", rows[i].name);
		start(&rows[i], SA_RESTART);
		for (int n = 1; n <= 3 && rows[i].restarts; n++) {
			CHECK_EQ(kill(child, SIGUSR1), 0);
			await_handled(n);
			await_state(child, 'S');
			CHECK_EQ(shared->result, LONG_MIN);
		}
		if (rows[i].restarts)
			rows[i].finish();
		else
			CHECK_EQ(kill(child, SIGUSR1), 0);
		end(&rows[i]);
		CHECK_EQ(shared->result, rows[i].restarts ? rows[i].result : -EINTR);
	}
}

static void stop_and_continue(void)
{
	int status;

	CHECK_EQ(kill(child, SIGSTOP), 0);
	CHECK_EQ(waitpid(child, &status, WUNTRACED), child);
	CHECK(WIFSTOPPED(status));
	CHECK_EQ(kill(child, SIGCONT), 0);
}

TEST(a_stop_without_a_handler)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CONTEXT("%s", rows[i].name);
		start(&rows[i], 0);
		for (int n = 0; n < 3 && !rows[i].stops; n++) {
			stop_and_continue();
			await_state(child, 'S');
			CHECK_EQ(shared->result, LONG_MIN);
		}
		if (rows[i].stops)
			stop_and_continue();
		else
			rows[i].finish();
		end(&rows[i]);
		CHECK_EQ(shared->result, rows[i].result);
	}
}

/* What was waited for may come while the process is stopped. */
TEST(the_end_comes_during_a_stop)
{
	int status;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CONTEXT("%s", rows[i].name);
		if (rows[i].prepare == make_fifo || rows[i].finish == wake_futex)
			continue; /* a stopped process does not wait at these */
		start(&rows[i], 0);
		CHECK_EQ(kill(child, SIGSTOP), 0);
		CHECK_EQ(waitpid(child, &status, WUNTRACED), child);
		rows[i].finish();
		CHECK_EQ(shared->result, LONG_MIN);
		CHECK_EQ(kill(child, SIGCONT), 0);
		end(&rows[i]);
		CHECK_EQ(shared->result, rows[i].result);
	}
}

/* Ignored and blocked signals are nothing to any of them. */
TEST(signals_without_effect)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CONTEXT("%s", rows[i].name);
		block(bit(SIGTERM));
		start(&rows[i], 0);
		if (rows[i].call != call_ppoll && rows[i].call != call_pselect &&
		    rows[i].call != call_sigsuspend) /* they have a mask of their own */
			CHECK_EQ(kill(child, SIGTERM), 0);
		CHECK_EQ(kill(child, SIGWINCH), 0);
		CHECK_EQ(kill(child, SIGURG), 0);
		CHECK_EQ(kill(child, SIGCONT), 0);
		await_state(child, 'S');
		CHECK_EQ(shared->result, LONG_MIN);
		rows[i].finish();
		end(&rows[i]);
		CHECK_EQ(shared->result, rows[i].result);
	}
}

/* Two handlers at once: the first that is delivered, the lower number, decides. */
TEST(two_handlers_at_once)
{
	static const struct row row = { "read", NULL, NULL, call_read, give_byte, 1, true, false };
	int status;

	for (int restart = 0; restart < 2; restart++) {
		CONTEXT("restart %d", restart);
		start(&row, restart ? SA_RESTART : 0);
		CHECK_EQ(kill(child, SIGSTOP), 0);
		CHECK_EQ(waitpid(child, &status, WUNTRACED), child);
		CHECK_EQ(kill(child, SIGUSR2), 0); /* its handler has no flags */
		CHECK_EQ(kill(child, SIGUSR1), 0);
		CHECK_EQ(kill(child, SIGCONT), 0);
		await_handled(2);
		if (restart) {
			await_state(child, 'S');
			give_byte();
		}
		end(&row);
		CHECK_EQ(shared->result, restart ? 1 : -EINTR);
	}
}

/* ---- what was done already counts ------------------------------------------------------------ */

static long call_large_write(void)
{
	static char bytes[1 << 20];

	return answer(write(ends[1], bytes, sizeof(bytes)));
}

/* Interrupted after part of it, a call says how much it has done, with SA_RESTART or without. */
TEST(a_transfer_in_part)
{
	static const unsigned long flags[] = { 0, SA_RESTART };
	static const struct row row = { "write", NULL, NULL, call_large_write, NULL, 0, 0, 0 };

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		start(&row, flags[i]);
		CHECK_EQ(kill(child, SIGUSR1), 0);
		end(&row);
		CHECK_EQ(shared->result, 65536); /* what a pipe holds */
		CHECK_EQ(shared->handled, 1);
	}
}

/* ---- sleeping, and the time that is left ----------------------------------------------------- */

/* A sleep may be planned to be a little longer than asked (prctl(2), PR_SET_TIMERSLACK). */
enum { SLACK = 1000000 };

static int64_t ns(struct timespec time)
{
	return time.tv_sec * 1000000000 + time.tv_nsec;
}

/* Sends a signal to its parent once that sleeps. */
static pid_t signal_parent(int sig)
{
	pid_t parent = getpid(), pid = FORK();

	if (pid == 0) {
		await_state(parent, 'S');
		CHECK_EQ(kill(parent, sig), 0);
		_exit(0);
	}
	return pid;
}

TEST(the_time_that_is_left)
{
	static const unsigned long flags[] = { 0, SA_RESTART };

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		for (int clock = 0; clock < 2; clock++) {
			struct timespec left = { -1, -1 };
			CONTEXT("flags %lx, clock %d", flags[i], clock);
			install(SIGUSR1, log_signal, SA_SIGINFO | flags[i]);
			int64_t begin = clock_ns(CLOCK_MONOTONIC);
			pid_t pid = signal_parent(SIGUSR1);
			if (clock)
				CHECK_ERRNO(syscall(SYS_clock_nanosleep, CLOCK_REALTIME, 0, &hour,
						    &left),
					    EINTR);
			else
				CHECK_ERRNO(syscall(SYS_nanosleep, &hour, &left), EINTR);
			int64_t passed = clock_ns(CLOCK_MONOTONIC) - begin;
			CHECK(left.tv_nsec >= 0 && left.tv_nsec < 1000000000);
			CHECK(ns(left) <= ns(hour) + SLACK);
			CHECK(ns(left) >= ns(hour) - passed);
			CHECK_EXIT(pid, 0);
		}
}

/* Into the same object, so that a program may go on with it; not at all for an absolute time. */
TEST(where_the_rest_goes)
{
	struct timespec time = hour, far = { 1LL << 32, 0 }, untouched = { 7, 7 };

	install(SIGUSR1, log_signal, SA_SIGINFO);
	pid_t pid = signal_parent(SIGUSR1);
	CHECK_ERRNO(syscall(SYS_nanosleep, &time, &time), EINTR);
	CHECK(ns(time) > 0 && ns(time) <= ns(hour) + SLACK && ns(time) != ns(hour));
	CHECK_EXIT(pid, 0);
	pid = signal_parent(SIGUSR1);
	CHECK_ERRNO(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &far, &untouched),
		    EINTR);
	CHECK(untouched.tv_sec == 7 && untouched.tv_nsec == 7);
	CHECK_EXIT(pid, 0);
	pid = signal_parent(SIGUSR1);
	CHECK_ERRNO(syscall(SYS_nanosleep, &hour, KERNEL_ADDRESS), EFAULT);
	CHECK_EXIT(pid, 0);
}

static struct timespec inner_left;

static void sleeping_handler(int sig)
{
	static const struct timespec little = { 0, 20000000 };

	(void)sig;
	if (log_count++ == 0) {
		int64_t begin = clock_ns(CLOCK_MONOTONIC);
		CHECK_EQ(syscall(SYS_nanosleep, &little, &inner_left), 0);
		CHECK(clock_ns(CLOCK_MONOTONIC) - begin >= 20000000);
	}
}

/* A handler may sleep itself, and be stopped in it: neither sleep forgets how long it was. */
TEST(a_sleep_in_a_sleep)
{
	int status;

	shared = shared_memory(sizeof(*shared));
	pid_t pid = FORK();
	if (pid == 0) {
		struct timespec left;
		install(SIGUSR1, sleeping_handler, SA_RESTART);
		int64_t begin = clock_ns(CLOCK_MONOTONIC);
		shared->entered = 1;
		CHECK_ERRNO(syscall(SYS_nanosleep, &hour, &left), EINTR);
		CHECK(ns(left) <= ns(hour) + SLACK);
		CHECK(ns(left) >= ns(hour) - (clock_ns(CLOCK_MONOTONIC) - begin));
		CHECK_EQ(log_count, 1);
		_exit(0);
	}
	while (!shared->entered)
		pause_briefly();
	await_state(pid, 'S');
	CHECK_EQ(kill(pid, SIGSTOP), 0);
	CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
	CHECK_EQ(kill(pid, SIGUSR1), 0);
	CHECK_EQ(kill(pid, SIGCONT), 0);
	while (waitpid(pid, &status, WNOHANG | WUNTRACED) == 0) {
		CHECK_EQ(kill(pid, SIGSTOP), 0);
		CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
		if (!WIFSTOPPED(status))
			break;
		CHECK_EQ(kill(pid, SIGCONT), 0);
		pause_briefly();
	}
	CHECK_EQ(status, 0);
}

/* ---- time limits go on through stops --------------------------------------------------------- */

enum { LIMIT_MS = 150 };

static long limit_nanosleep(void)
{
	static const struct timespec time = { 0, LIMIT_MS * 1000000 };

	return answer(syscall(SYS_nanosleep, &time, NULL));
}

static long limit_poll(void)
{
	return answer(poll(NULL, 0, LIMIT_MS));
}

static long limit_ppoll(void)
{
	struct timespec time = { 0, LIMIT_MS * 1000000 };

	return answer(syscall(SYS_ppoll, NULL, 0, &time, NULL, 0));
}

static long limit_select(void)
{
	struct timeval time = { 0, LIMIT_MS * 1000 };

	return answer(syscall(SYS_select, 0, NULL, NULL, NULL, &time));
}

static long limit_futex(void)
{
	static const struct timespec time = { 0, LIMIT_MS * 1000000 };

	return call_futex(FUTEX_WAIT, &time);
}

/* A process that is stopped and continued all the time sleeps no longer for it: a limit that began
 * anew each time would never be reached. Nor is it ever reached too early. */
TEST(limits_do_not_begin_anew)
{
	static const struct {
		long (*call)(void);
		long result;
	} limits[] = {
		{ limit_nanosleep, 0 }, { limit_poll, 0 },	     { limit_ppoll, 0 },
		{ limit_select, 0 },	{ limit_futex, -ETIMEDOUT },
	};
	int status;

	shared = shared_memory(sizeof(*shared));
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		CONTEXT("call %zu", i);
		pid_t pid = FORK();
		if (pid == 0) {
			int64_t begin = clock_ns(CLOCK_MONOTONIC);
			CHECK_EQ(limits[i].call(), limits[i].result);
			CHECK(clock_ns(CLOCK_MONOTONIC) - begin >= LIMIT_MS * 1000000LL);
			_exit(0);
		}
		do {
			CHECK_EQ(kill(pid, SIGSTOP), 0);
			CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
			if (WIFSTOPPED(status))
				CHECK_EQ(kill(pid, SIGCONT), 0);
			pause_briefly();
		} while (WIFSTOPPED(status));
		CHECK_EQ(status, 0);
	}
}

/* ---- restart_syscall itself ------------------------------------------------------------------ */

/* Called without anything to go on with, it is an interrupted call. */
TEST(nothing_to_restart)
{
	CHECK_ERRNO(syscall(SYS_restart_syscall), EINTR);
	install(SIGUSR1, log_signal, SA_SIGINFO);
	pid_t pid = signal_parent(SIGUSR1);
	CHECK_ERRNO(syscall(SYS_nanosleep, &hour, NULL), EINTR);
	CHECK_ERRNO(syscall(SYS_restart_syscall), EINTR); /* the handler was the end of it */
	CHECK_EXIT(pid, 0);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
