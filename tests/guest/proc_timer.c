/*
 * Timers of a process: timer_create(2) and its kin on every clock, what their signals carry,
 * overruns, and setitimer(2) with periods too short to be kept. No test asks how long anything
 * took, only that nothing came too early, or that it came at all.
 */
#include "proc.h"
#include <sys/time.h>

enum { NOBODY = SIGEV_NONE };

static int create(int clock, struct sigevent *event, int *id)
{
	return (int)syscall(SYS_timer_create, clock, event, id);
}

static int settime(int id, int flags, const struct itimerspec *new, struct itimerspec *old)
{
	return (int)syscall(SYS_timer_settime, id, flags, new, old);
}

static int gettime(int id, struct itimerspec *now)
{
	return (int)syscall(SYS_timer_gettime, id, now);
}

static int getoverrun(int id)
{
	return (int)syscall(SYS_timer_getoverrun, id);
}

static int discard(int id)
{
	return (int)syscall(SYS_timer_delete, id);
}

static struct itimerspec spec(int64_t value, int64_t interval)
{
	return (struct itimerspec){ .it_value = { value / 1000000000, value % 1000000000 },
				    .it_interval = { interval / 1000000000,
						     interval % 1000000000 } };
}

static int64_t ns_of(struct timespec time)
{
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static int make(int clock, int sig, int value)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = sig };
	int id = -1;

	event.sigev_value.sival_int = value;
	CHECK_EQ(create(clock, &event, &id), 0);
	CHECK(id >= 0);
	return id;
}

static void block(int sig, sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, sig);
	CHECK_EQ(sigprocmask(SIG_BLOCK, set, NULL), 0);
}

#define MS 1000000LL

TEST(creation_errors)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = 0 };
	int id;

	CHECK_ERRNO(create(99, NULL, &id), EINVAL);
	CHECK_ERRNO(create(CLOCK_MONOTONIC, &event, &id), EINVAL);
	event.sigev_signo = 65;
	CHECK_ERRNO(create(CLOCK_MONOTONIC, &event, &id), EINVAL);
	event.sigev_signo = SIGUSR1;
	event.sigev_notify = 77;
	CHECK_ERRNO(create(CLOCK_MONOTONIC, &event, &id), EINVAL);
	event.sigev_notify = SIGEV_THREAD_ID; /* of nobody's thread */
	CHECK_ERRNO(create(CLOCK_MONOTONIC, &event, &id), EINVAL);
	CHECK_ERRNO(create(CLOCK_MONOTONIC, BAD_POINTER, &id), EFAULT);
	CHECK_ERRNO(create(CLOCK_MONOTONIC, NULL, BAD_POINTER), EFAULT);
	CHECK_ERRNO(create(CLOCK_MONOTONIC_COARSE, NULL, &id), EOPNOTSUPP);
}

TEST(errors_of_the_others)
{
	struct itimerspec bad = { .it_value = { 0, 1000000000 } }, good = spec(MS, 0), now;
	int id = make(CLOCK_MONOTONIC, SIGUSR1, 0);

	CHECK_ERRNO(settime(id, 0, NULL, NULL), EINVAL);
	CHECK_ERRNO(settime(id, 0, BAD_POINTER, NULL), EFAULT);
	CHECK_ERRNO(settime(id, 0, &bad, NULL), EINVAL);
	bad = spec(0, 0);
	bad.it_value.tv_sec = -1;
	CHECK_ERRNO(settime(id, 0, &bad, NULL), EINVAL);
	CHECK_ERRNO(gettime(id, BAD_POINTER), EFAULT);
	CHECK_EQ(discard(id), 0);
	CHECK_ERRNO(discard(id), EINVAL);
	CHECK_ERRNO(settime(id, 0, &good, NULL), EINVAL);
	CHECK_ERRNO(gettime(id, &now), EINVAL);
	CHECK_ERRNO(getoverrun(id), EINVAL);
	CHECK_ERRNO(gettime(-1, &now), EINVAL);
}

TEST(default_event_is_sigalrm_with_its_number)
{
	struct itimerspec soon = spec(MS, 0);
	siginfo_t info;
	sigset_t set;
	int id;

	block(SIGALRM, &set);
	CHECK_EQ(create(CLOCK_REALTIME, NULL, &id), 0);
	CHECK_EQ(settime(id, 0, &soon, NULL), 0);
	CHECK_EQ(sigwaitinfo(&set, &info), SIGALRM);
	CHECK_EQ(info.si_code, SI_TIMER);
	CHECK_EQ(info.si_value.sival_int, id);
	CHECK_EQ(info.si_timerid, id);
	CHECK_EQ(info.si_overrun, 0);
	CHECK_EQ(discard(id), 0);
}

TEST(every_clock)
{
	static const int clocks[] = { CLOCK_REALTIME,		CLOCK_MONOTONIC,
				      CLOCK_BOOTTIME,		CLOCK_TAI,
				      CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID };
	struct itimerspec soon = spec(20 * MS, 0);
	siginfo_t info;
	sigset_t set;

	block(SIGUSR1, &set);
	for (size_t i = 0; i < ARRAY_SIZE(clocks); i++) {
		struct timespec before, after, no_wait = { 0, 0 };
		int id = make(clocks[i], SIGUSR1, (int)i);

		CHECK_EQ(clock_gettime(clocks[i], &before), 0);
		CHECK_EQ(settime(id, 0, &soon, NULL), 0);
		while (sigtimedwait(&set, &info, &no_wait) != SIGUSR1)
			; /* burns CPU, which some of them count */
		CHECK_EQ(clock_gettime(clocks[i], &after), 0);
		CHECK_EQ(info.si_value.sival_int, (int)i);
		CHECK(ns_of(after) - ns_of(before) >= 20 * MS);
		CHECK_EQ(discard(id), 0);
	}
}

TEST(absolute_time)
{
	static const int clocks[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME };
	siginfo_t info;
	sigset_t set;

	block(SIGUSR1, &set);
	for (size_t i = 0; i < ARRAY_SIZE(clocks); i++) {
		struct itimerspec when = { .it_interval = { 0, 0 } };
		int id = make(clocks[i], SIGUSR1, 1);

		clock_gettime(clocks[i], &when.it_value);
		int64_t due = ns_of(when.it_value) + 15 * MS;
		when = spec(due, 0);
		CHECK_EQ(settime(id, TIMER_ABSTIME, &when, NULL), 0);
		CHECK_EQ(sigwaitinfo(&set, &info), SIGUSR1);
		clock_gettime(clocks[i], &when.it_value);
		CHECK(ns_of(when.it_value) >= due);
		when = spec(1, 0); /* long past */
		CHECK_EQ(settime(id, TIMER_ABSTIME, &when, NULL), 0);
		CHECK_EQ(sigwaitinfo(&set, &info), SIGUSR1);
		CHECK_EQ(discard(id), 0);
	}
}

TEST(settings_are_told)
{
	struct itimerspec far = spec(1000000 * MS, 7 * MS), old, off = spec(0, 0);
	int id = make(CLOCK_MONOTONIC, SIGUSR1, 0);

	CHECK_EQ(gettime(id, &old), 0);
	CHECK_EQ(ns_of(old.it_value), 0);
	CHECK_EQ(settime(id, 0, &far, &old), 0);
	CHECK_EQ(ns_of(old.it_value), 0);
	CHECK_EQ(gettime(id, &old), 0);
	CHECK(ns_of(old.it_value) > 0 && ns_of(old.it_value) <= 1000000 * MS);
	CHECK_EQ(ns_of(old.it_interval), 7 * MS);
	CHECK_EQ(settime(id, 0, &off, &old), 0);
	CHECK(ns_of(old.it_value) > 0 && ns_of(old.it_value) <= 1000000 * MS);
	CHECK_EQ(gettime(id, &old), 0);
	CHECK_EQ(ns_of(old.it_value), 0);
	CHECK_EQ(discard(id), 0);
}

TEST(nobody_is_told_but_time_passes)
{
	struct sigevent event = { .sigev_notify = NOBODY };
	struct itimerspec now, soon = spec(MS, 0), periodic = spec(MS, 5 * MS);
	int id;

	CHECK_EQ(create(CLOCK_MONOTONIC, &event, &id), 0);
	CHECK_EQ(settime(id, 0, &soon, NULL), 0);
	do
		CHECK_EQ(gettime(id, &now), 0);
	while (ns_of(now.it_value));
	CHECK_EQ(settime(id, 0, &periodic, NULL), 0);
	burn_cpu_ms(20);
	CHECK_EQ(gettime(id, &now), 0);
	CHECK(ns_of(now.it_value) > 0 && ns_of(now.it_value) <= 5 * MS);
	CHECK_EQ(discard(id), 0);
}

TEST(overruns_are_counted)
{
	struct itimerspec fast = spec(MS, MS), now;
	siginfo_t info;
	sigset_t set;
	int id = make(CLOCK_MONOTONIC, SIGUSR1, 5);

	block(SIGUSR1, &set);
	CHECK_EQ(settime(id, 0, &fast, NULL), 0);
	int64_t until = clock_ns(CLOCK_MONOTONIC) + 50 * MS;
	while (clock_ns(CLOCK_MONOTONIC) < until)
		;
	CHECK_EQ(sigwaitinfo(&set, &info), SIGUSR1);
	CHECK(info.si_overrun >= 40);
	CHECK_EQ(getoverrun(id), info.si_overrun);
	CHECK_EQ(sigwaitinfo(&set, &info), SIGUSR1); /* it goes on */
	CHECK_EQ(gettime(id, &now), 0);
	CHECK(ns_of(now.it_value) <= MS);
	CHECK_EQ(discard(id), 0);
}

/* A nanosecond's period would be a thousand million interrupts a second. */
TEST(shortest_period)
{
	struct itimerspec fast = spec(1, 1);
	siginfo_t info;
	sigset_t set;
	int id = make(CLOCK_MONOTONIC, SIGUSR1, 5);

	block(SIGUSR1, &set);
	CHECK_EQ(settime(id, 0, &fast, NULL), 0);
	for (int i = 0; i < 100; i++) {
		CHECK_EQ(sigwaitinfo(&set, &info), SIGUSR1);
		burn_cpu_ms(1);
	}
	CHECK(info.si_overrun > 0);
	CHECK_EQ(discard(id), 0);
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	CHECK_EQ(sigaction(SIGUSR2, &ignore, NULL), 0);
	id = make(CLOCK_MONOTONIC, SIGUSR2, 5);
	CHECK_EQ(settime(id, 0, &fast, NULL), 0);
	burn_cpu_ms(30);
	CHECK_EQ(discard(id), 0);
}

/* The handlers disarm their timer themselves: with a period shorter than a delivery takes, nothing
 * else of the program would ever run. */
static volatile sig_atomic_t ticks;
static int ticking;

static void count_itimer(int sig)
{
	struct itimerval off = { .it_value = { 0, 0 } };

	(void)sig;
	if (++ticks == 100)
		setitimer(ITIMER_REAL, &off, NULL);
}

TEST(itimer_of_a_microsecond)
{
	struct itimerval fast = { .it_value = { 0, 1 }, .it_interval = { 0, 1 } }, now;
	struct sigaction count = { .sa_handler = count_itimer };

	CHECK_EQ(sigaction(SIGALRM, &count, NULL), 0);
	CHECK_EQ(setitimer(ITIMER_REAL, &fast, NULL), 0);
	while (ticks < 100)
		;
	CHECK_EQ(getitimer(ITIMER_REAL, &now), 0);
	CHECK(now.it_value.tv_sec == 0 && now.it_value.tv_usec == 0);
}

static void count_timer(int sig)
{
	struct itimerspec off = spec(0, 0);

	(void)sig;
	if (++ticks == 100)
		settime(ticking, 0, &off, NULL);
}

TEST(handler_of_a_fast_timer)
{
	struct itimerspec fast = spec(1, 1000);
	struct sigaction count = { .sa_handler = count_timer };

	ticking = make(CLOCK_MONOTONIC, SIGUSR1, 0);
	CHECK_EQ(sigaction(SIGUSR1, &count, NULL), 0);
	CHECK_EQ(settime(ticking, 0, &fast, NULL), 0);
	while (ticks < 100)
		;
	int last = ticks;
	burn_cpu_ms(10);
	CHECK(ticks <= last + 1); /* one may have been on its way */
	CHECK_EQ(discard(ticking), 0);
}

TEST(deleted_with_its_signal_pending)
{
	struct itimerspec soon = spec(1, 0);
	sigset_t set, pending;

	block(SIGRTMIN, &set);
	for (int i = 0; i < 50; i++) {
		int id = make(CLOCK_MONOTONIC, SIGRTMIN, i);

		CHECK_EQ(settime(id, 0, &soon, NULL), 0);
		do
			CHECK_EQ(sigpending(&pending), 0);
		while (!sigismember(&pending, SIGRTMIN));
		CHECK_EQ(discard(id), 0);
	}
}

TEST(not_inherited)
{
	struct itimerspec now;
	int id = make(CLOCK_MONOTONIC, SIGUSR1, 0);
	pid_t pid = FORK();

	if (pid == 0) {
		CHECK_ERRNO(gettime(id, &now), EINVAL);
		_exit(0);
	}
	CHECK_EXIT(pid, 0);
	char text[16];
	snprintf(text, sizeof(text), "%d", id);
	execl(own_path, own_path, "check-gone", text, (char *)NULL);
	CHECK(0);
}

static int check_gone(int id)
{
	struct itimerspec now;

	return gettime(id, &now) < 0 && errno == EINVAL ? 0 : 1;
}

/* What a timer sent ends with it; what others sent, and an interval timer, stays. */
TEST(signals_of_timers_end_with_execve)
{
	struct sigevent to_thread = { .sigev_notify = SIGEV_THREAD_ID,
				      .sigev_signo = SIGRTMIN + 1 };
	struct itimerspec soon = spec(1, 0);
	struct itimerval now = { .it_value = { 0, 1 } };
	sigset_t set, pending;
	int id;

	for (int sig = SIGRTMIN; sig <= SIGRTMIN + 2; sig++)
		block(sig, &set);
	block(SIGALRM, &set);
	CHECK_EQ(settime(make(CLOCK_MONOTONIC, SIGRTMIN, 0), 0, &soon, NULL), 0);
	to_thread.sigev_notify_thread_id = gettid();
	CHECK_EQ(create(CLOCK_MONOTONIC, &to_thread, &id), 0);
	CHECK_EQ(settime(id, 0, &soon, NULL), 0);
	CHECK_EQ(sigqueue(getpid(), SIGRTMIN + 2, (union sigval){ .sival_int = 1 }), 0);
	CHECK_EQ(setitimer(ITIMER_REAL, &now, NULL), 0);
	do
		CHECK_EQ(sigpending(&pending), 0);
	while (!sigismember(&pending, SIGRTMIN) || !sigismember(&pending, SIGRTMIN + 1) ||
	       !sigismember(&pending, SIGALRM));
	execl(own_path, own_path, "check-pending", (char *)NULL);
	CHECK(0);
}

static int check_pending(void)
{
	sigset_t pending;

	return sigpending(&pending) || sigismember(&pending, SIGRTMIN) ||
	       sigismember(&pending, SIGRTMIN + 1) || !sigismember(&pending, SIGRTMIN + 2) ||
	       !sigismember(&pending, SIGALRM);
}

TEST(many_until_the_limit)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	struct {
		unsigned long soft, hard;
	} few = { 100, 100 };
	int id, made = 0;

	CHECK_EQ(syscall(SYS_prlimit64, 0, 11 /* RLIMIT_SIGPENDING */, &few, NULL), 0);
	while (create(CLOCK_MONOTONIC, &event, &id) == 0)
		made++;
	CHECK_EQ(errno, EAGAIN);
	CHECK(made > 0 && made <= 100);
	CHECK_EQ(discard(id), 0);
	CHECK_EQ(create(CLOCK_MONOTONIC, &event, &id), 0);
}

TEST(killed_with_many_running)
{
	pid_t pid = FORK();

	if (pid == 0) {
		struct itimerspec fast = spec(1, 1000);

		for (int i = 0; i < 64; i++)
			CHECK_EQ(settime(make(i % 2 ? CLOCK_MONOTONIC : CLOCK_PROCESS_CPUTIME_ID,
					      SIGRTMIN + i % 8, i),
					 0, &fast, NULL),
				 0);
		for (;;)
			;
	}
	int status;
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) >= SIGRTMIN);
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "check-gone"))
		return check_gone(atoi(argv[2]));
	if (argc == 2 && !strcmp(argv[1], "check-pending"))
		return check_pending();
	return ktap_main(argc, argv);
}
