/*
 * Queued signals: real-time ones come by number and then in the order they were sent, each with
 * what its sender said; how many may wait is limited; and a sender cannot pretend to be the kernel.
 * Sources: signal(7) "Real-time signals" and "Queueing and delivery semantics", sigqueue(3),
 * rt_sigqueueinfo(2), sigaction(2) on siginfo_t, getrlimit(2) RLIMIT_SIGPENDING, kill(2),
 * tgkill(2).
 */
#include "sig.h"
#include <sys/resource.h>
#include <sys/time.h>

static long raw_queue(pid_t pid, int sig, const siginfo_t *info)
{
	return syscall(SYS_rt_sigqueueinfo, pid, sig, info);
}

static long raw_tgqueue(pid_t tgid, pid_t tid, int sig, const siginfo_t *info)
{
	return syscall(SYS_rt_tgsigqueueinfo, tgid, tid, sig, info);
}

static void queue_value(pid_t pid, int sig, int value)
{
	CHECK_EQ(sigqueue(pid, sig, (union sigval){ .sival_int = value }), 0);
}

/* Takes the next of a set, which must be pending. */
static siginfo_t take(uint64_t set)
{
	static const struct timespec now;
	siginfo_t info;

	memset(&info, 0x55, sizeof(info));
	CHECK_EQ(wait_for_signal(set, &info, &now), info.si_signo);
	return info;
}

/* ---- order ----------------------------------------------------------------------------------- */

TEST(by_number_then_by_age)
{
	static const int sent[] = { 64, 40, FIRST_FREE, 40, 64, 40, 50, FIRST_FREE, 64 };
	static const struct {
		int sig, value;
	} expected[] = {
		{ FIRST_FREE, 2 }, { FIRST_FREE, 7 }, { 40, 1 }, { 40, 3 }, { 40, 5 },
		{ 50, 6 },	   { 64, 0 },	      { 64, 4 }, { 64, 8 },
	};
	uint64_t all = BITS(FIRST_FREE, 40, 50, 64);

	block(all);
	for (size_t i = 0; i < ARRAY_SIZE(sent); i++)
		queue_value(getpid(), sent[i], (int)i);
	CHECK_EQ(pending_now(), all);
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		CONTEXT("signal %zu", i);
		siginfo_t info = take(all);
		CHECK_EQ(info.si_signo, expected[i].sig);
		CHECK_EQ(info.si_code, SI_QUEUE);
		CHECK_EQ(info.si_value.sival_int, expected[i].value);
		CHECK_EQ(info.si_pid, getpid());
	}
	CHECK_EQ(pending_now(), 0);
}

/* The same to handlers that exclude each other. */
TEST(by_number_to_handlers)
{
	static const int order[] = { 40, 40, 40, 41, 42, 42 };
	uint64_t all = BITS(40, 41, 42);

	block(all);
	for (int sig = 40; sig <= 42; sig++)
		install_masked(sig, log_signal, SA_SIGINFO, all);
	queue_value(getpid(), 42, 0);
	queue_value(getpid(), 40, 1);
	queue_value(getpid(), 41, 2);
	queue_value(getpid(), 40, 3);
	queue_value(getpid(), 42, 4);
	queue_value(getpid(), 40, 5);
	unblock(all);
	check_log(ARRAY_SIZE(order), order);
	CHECK_EQ(log_info[0].si_value.sival_int, 1);
	CHECK_EQ(log_info[2].si_value.sival_int, 5);
	CHECK_EQ(log_info[5].si_value.sival_int, 4);
}

/* Each instance has a frame of its own, one on the other, where nothing blocks the signal. */
TEST(every_instance_is_delivered)
{
	enum { MANY = 60 };

	install(FIRST_FREE, log_signal, SA_SIGINFO | SA_NODEFER);
	block(bit(FIRST_FREE));
	for (int i = 0; i < MANY; i++)
		queue_value(getpid(), FIRST_FREE, i);
	unblock(bit(FIRST_FREE));
	CHECK_EQ(log_count, MANY);
	uint64_t seen = 0;
	for (int i = 0; i < MANY; i++)
		seen |= 1ULL << log_info[i].si_value.sival_int;
	CHECK_EQ(seen, (1ULL << MANY) - 1);
}

/* Standard signals come before real-time ones, and only once: the first one's information. */
TEST(standard_signals_come_first_and_once)
{
	uint64_t all = BITS(SIGTERM, SIGUSR1, 40);

	block(all);
	queue_value(getpid(), 40, 1);
	queue_value(getpid(), SIGTERM, 2);
	queue_value(getpid(), SIGTERM, 3);
	send(SIGTERM);
	send(SIGUSR1);
	queue_value(getpid(), SIGUSR1, 4);
	siginfo_t info = take(all);
	CHECK_EQ(info.si_signo, SIGUSR1);
	CHECK_EQ(info.si_code, SI_USER);
	info = take(all);
	CHECK_EQ(info.si_signo, SIGTERM);
	CHECK_EQ(info.si_code, SI_QUEUE);
	CHECK_EQ(info.si_value.sival_int, 2);
	CHECK_EQ(take(all).si_signo, 40);
	CHECK_EQ(pending_now(), 0);
}

/* kill queues real-time signals as sigqueue does. */
TEST(kill_queues_real_time_signals)
{
	block(bit(50));
	for (int i = 0; i < 3; i++)
		send(50);
	CHECK_EQ(syscall(SYS_tkill, gettid(), 50), 0);
	CHECK_EQ(take(bit(50)).si_code, SI_TKILL); /* the thread's own come first */
	for (int i = 0; i < 3; i++) {
		siginfo_t info = take(bit(50));
		CHECK_EQ(info.si_code, SI_USER);
		CHECK_EQ(info.si_pid, getpid());
	}
	CHECK_EQ(pending_now(), 0);
}

TEST(between_processes)
{
	enum { MANY = 100 };
	pid_t sender, receiver = getpid();

	block(BITS(40, 41));
	sender = FORK();
	if (sender == 0) {
		for (int i = 0; i < MANY; i++) {
			queue_value(receiver, 41, i);
			queue_value(receiver, 40, i);
		}
		_exit(0);
	}
	CHECK_EXIT(sender, 0);
	for (int i = 0; i < 2 * MANY; i++) {
		siginfo_t info = take(BITS(40, 41));
		CONTEXT("signal %d", i);
		CHECK_EQ(info.si_signo, i < MANY ? 40 : 41);
		CHECK_EQ(info.si_value.sival_int, i % MANY);
		CHECK_EQ(info.si_pid, sender);
		CHECK_EQ(info.si_uid, getuid());
	}
}

/* ---- what siginfo says ----------------------------------------------------------------------- */

TEST(codes_and_fields)
{
	struct itimerval soon = { .it_value = { 0, 1000 } };
	siginfo_t info;

	block(BITS(SIGUSR1, SIGALRM, SIGCHLD));
	send(SIGUSR1);
	info = take(bit(SIGUSR1));
	CHECK_EQ(info.si_code, SI_USER);
	CHECK_EQ(info.si_pid, getpid());
	CHECK_EQ(info.si_uid, getuid());
	CHECK_EQ(info.si_errno, 0);
	CHECK_EQ(syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1), 0);
	info = take(bit(SIGUSR1));
	CHECK_EQ(info.si_code, SI_TKILL);
	CHECK_EQ(info.si_pid, getpid());
	CHECK_EQ(info.si_uid, getuid());
	CHECK_EQ(setitimer(ITIMER_REAL, &soon, NULL), 0);
	CHECK_EQ(wait_for_signal(bit(SIGALRM), &info, NULL), SIGALRM);
	CHECK_EQ(info.si_code, SI_KERNEL);
	CHECK_EQ(info.si_pid, 0);
	CHECK_EQ(info.si_uid, 0);
	pid_t pid = FORK();
	if (pid == 0) {
		burn_cpu_ms(300); /* Linux counts by sampling */
		_exit(7);
	}
	CHECK_EQ(wait_for_signal(bit(SIGCHLD), &info, NULL), SIGCHLD);
	CHECK_EQ(info.si_code, CLD_EXITED);
	CHECK_EQ(info.si_pid, pid);
	CHECK_EQ(info.si_uid, getuid());
	CHECK_EQ(info.si_status, 7);
	CHECK(info.si_utime + info.si_stime >= 2); /* clock ticks of 10 ms */
	CHECK_EXIT(pid, 7);
}

/* The kernel passes on all that a sender gives, but for the signal's number. */
TEST(the_senders_words)
{
	siginfo_t given, got;

	block(BITS(SIGUSR1, 50));
	for (int sig = SIGUSR1; sig < 60; sig += 40) {
		memset(&given, 0, sizeof(given));
		given.si_signo = 1;
		given.si_errno = 1234;
		given.si_code = -77;
		given.si_pid = 4711;
		given.si_uid = 815;
		given.si_value.sival_ptr = (void *)0x123456789abcdef0;
		CHECK_EQ(raw_queue(getpid(), sig, &given), 0);
		got = take(BITS(SIGUSR1, 50));
		CHECK_EQ(got.si_signo, sig);
		CHECK_EQ(got.si_errno, 1234);
		CHECK_EQ(got.si_code, -77);
		CHECK_EQ(got.si_pid, 4711);
		CHECK_EQ(got.si_uid, 815);
		CHECK(got.si_value.sival_ptr == (void *)0x123456789abcdef0);
	}
}

/* ---- permission and errors ------------------------------------------------------------------- */

static const pid_t no_process = INT_MAX;

/* Codes of 0 and above are the kernel's, SI_TKILL is tgkill's: only to oneself may one say so. */
TEST(pretending_to_be_the_kernel)
{
	static const struct {
		int code;
		bool allowed;
	} rows[] = {
		{ SI_USER, false },    { SI_KERNEL, false }, { 1, false },
		{ CLD_EXITED, false }, { SI_TKILL, false },  { INT_MAX, false },
		{ SI_QUEUE, true },    { SI_TIMER, true },   { SI_MESGQ, true },
		{ SI_ASYNCIO, true },  { SI_SIGIO, true },   { -60, true },
		{ INT_MIN, true },
	};
	pid_t child = sleeping_child();
	siginfo_t info;

	block(bit(SIGUSR1));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CONTEXT("code %d", rows[i].code);
		memset(&info, 0, sizeof(info));
		info.si_code = rows[i].code;
		if (rows[i].allowed) {
			CHECK_EQ(raw_queue(child, 0, &info), 0);
			CHECK_EQ(raw_tgqueue(child, child, 0, &info), 0);
		} else {
			CHECK_ERRNO(raw_queue(child, 0, &info), EPERM);
			CHECK_ERRNO(raw_tgqueue(child, child, 0, &info), EPERM);
			CHECK_ERRNO(raw_queue(no_process, 0, &info), EPERM);
		}
		CHECK_EQ(raw_queue(getpid(), SIGUSR1, &info), 0);
		CHECK_EQ(take(bit(SIGUSR1)).si_code, rows[i].code);
		CHECK_EQ(raw_tgqueue(getpid(), gettid(), SIGUSR1, &info), 0);
		CHECK_EQ(take(bit(SIGUSR1)).si_code, rows[i].code);
	}
	end_child(child);
}

TEST(queue_errors)
{
	siginfo_t info = { .si_code = SI_QUEUE };
	pid_t child = sleeping_child();

	CHECK_ERRNO(raw_queue(child, SIGUSR1, NULL), EFAULT);
	CHECK_ERRNO(raw_queue(child, SIGUSR1, BAD_POINTER), EFAULT);
	CHECK_ERRNO(raw_queue(child, SIGUSR1, KERNEL_ADDRESS), EFAULT);
	CHECK_ERRNO(raw_queue(child, 65, &info), EINVAL);
	CHECK_ERRNO(raw_queue(child, -1, &info), EINVAL);
	CHECK_ERRNO(raw_queue(no_process, SIGUSR1, &info), ESRCH);
	CHECK_ERRNO(raw_queue(no_process, 65, &info), ESRCH);
	CHECK_ERRNO(raw_queue(0, SIGUSR1, &info), ESRCH);
	CHECK_ERRNO(raw_queue(-1, SIGUSR1, &info), ESRCH);
	CHECK_ERRNO(raw_tgqueue(child, child, SIGUSR1, NULL), EFAULT);
	CHECK_ERRNO(raw_tgqueue(child, child, SIGUSR1, KERNEL_ADDRESS), EFAULT);
	CHECK_ERRNO(raw_tgqueue(child, child, 65, &info), EINVAL);
	CHECK_ERRNO(raw_tgqueue(child, child, -1, &info), EINVAL);
	CHECK_ERRNO(raw_tgqueue(0, child, SIGUSR1, &info), EINVAL);
	CHECK_ERRNO(raw_tgqueue(-1, child, SIGUSR1, &info), EINVAL);
	CHECK_ERRNO(raw_tgqueue(child, 0, SIGUSR1, &info), EINVAL);
	CHECK_ERRNO(raw_tgqueue(child, -1, SIGUSR1, &info), EINVAL);
	CHECK_ERRNO(raw_tgqueue(getpid(), child, SIGUSR1, &info), ESRCH);
	CHECK_ERRNO(raw_tgqueue(no_process, no_process, SIGUSR1, &info), ESRCH);
	CHECK_EQ(raw_queue(child, 0, &info), 0);
	CHECK_EQ(raw_tgqueue(child, child, SIGUSR1, &info), 0);
	CHECK_SIGNAL(child, SIGUSR1);
}

/* Who is not there is looked for before the signal's number is looked at. */
TEST(order_of_errors)
{
	CHECK_ERRNO(kill(no_process, 65), ESRCH);
	CHECK_ERRNO(kill(-no_process, 65), ESRCH);
	CHECK_ERRNO(syscall(SYS_tkill, no_process, 65), ESRCH);
	CHECK_ERRNO(syscall(SYS_tgkill, no_process, no_process, 65), ESRCH);
	CHECK_ERRNO(kill(getpid(), 65), EINVAL);
	CHECK_ERRNO(kill(0, 65), EINVAL);
	CHECK_ERRNO(syscall(SYS_tkill, gettid(), 65), EINVAL);
	CHECK_ERRNO(syscall(SYS_tgkill, getpid(), gettid(), -1), EINVAL);
}

TEST(a_zombie_takes_anything)
{
	siginfo_t info = { .si_code = SI_QUEUE };
	pid_t pid = FORK();

	if (pid == 0)
		_exit(4);
	await_zombie(pid);
	for (int i = 0; i < 100; i++) {
		CHECK_EQ(raw_queue(pid, 40, &info), 0);
		CHECK_EQ(kill(pid, SIGKILL), 0);
	}
	CHECK_EXIT(pid, 4);
}

/* ---- the limit ------------------------------------------------------------------------------- */

/* How many more may be queued for this user: as many are, and are taken again. Signal 63 is
 * blocked and nobody else's. */
static int room(void)
{
	siginfo_t info = { .si_code = SI_QUEUE };
	int count = 0;

	while (raw_queue(getpid(), 63, &info) == 0)
		count++;
	CHECK_EQ(errno, EAGAIN);
	for (int i = 0; i < count; i++)
		take(bit(63));
	return count;
}

/* Leaves little room, so that it can be counted quickly. */
static void limit_queue(rlim_t limit)
{
	struct rlimit rlimit = { limit, limit };

	block(bit(63));
	CHECK_EQ(setrlimit(RLIMIT_SIGPENDING, &rlimit), 0);
}

/* RLIMIT_SIGPENDING bounds what is queued for a user; kill of a standard signal always works and
 * always says who sent it. */
TEST(the_limit)
{
	siginfo_t info = { .si_code = SI_QUEUE };
	uint64_t all = BITS(SIGUSR1, SIGUSR2, SIGTERM, 40, 41);

	block(all);
	limit_queue(50);
	int before = room();
	CHECK(before > 0 && before <= 50);
	for (int i = 0; i < before; i++)
		CHECK_EQ(raw_queue(getpid(), 40, &info), 0);
	CHECK_EQ(room(), 0);
	CHECK_ERRNO(raw_queue(getpid(), 40, &info), EAGAIN);
	CHECK_ERRNO(raw_queue(getpid(), 41, &info), EAGAIN);
	CHECK_ERRNO(raw_tgqueue(getpid(), gettid(), 41, &info), EAGAIN);
	CHECK_ERRNO(syscall(SYS_tkill, gettid(), 41), EAGAIN);
	CHECK_EQ(pending_now(), bit(40));
	/* a standard signal loses its information when it is queued, */
	CHECK_EQ(raw_queue(getpid(), SIGUSR2, &info), 0);
	/* keeps it when kill sends it, and a real-time signal by kill loses it */
	send(SIGUSR1);
	send(41);
	CHECK_EQ(pending_now(), BITS(SIGUSR1, SIGUSR2, 40, 41));
	siginfo_t got = take(bit(SIGUSR2));
	CHECK_EQ(got.si_code, SI_USER);
	CHECK_EQ(got.si_pid, 0);
	got = take(bit(SIGUSR1));
	CHECK_EQ(got.si_code, SI_USER);
	CHECK_EQ(got.si_pid, getpid());
	got = take(bit(41));
	CHECK_EQ(got.si_code, SI_USER);
	CHECK_EQ(got.si_pid, 0);
	for (int i = 0; i < before; i++)
		CHECK_EQ(take(bit(40)).si_code, SI_QUEUE);
	CHECK_EQ(room(), before);
	CHECK_EQ(pending_now(), 0);
}

/* What was queued for a process that ends is given back. */
TEST(the_dead_leave_nothing_queued)
{
	limit_queue(200);
	int before = room();

	block(bit(40));
	for (int round = 0; round < 5; round++) {
		pid_t pid = FORK();
		if (pid == 0) {
			for (int i = 0; i < 100; i++)
				queue_value(getpid(), 40, i);
			_exit(0);
		}
		CHECK_EXIT(pid, 0);
	}
	CHECK_EQ(room(), before);
}

/* Ignoring drops all the instances of a signal and no other's. */
TEST(ignoring_drops_a_queue)
{
	limit_queue(200);
	int before = room();

	block(BITS(40, 41));
	for (int i = 0; i < 10; i++) {
		queue_value(getpid(), 40, i);
		queue_value(getpid(), 41, i);
	}
	install(40, SIG_IGN, 0);
	CHECK_EQ(pending_now(), bit(41));
	CHECK_EQ(room(), before - 10);
	for (int i = 0; i < 10; i++)
		CHECK_EQ(take(BITS(40, 41)).si_value.sival_int, i);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
