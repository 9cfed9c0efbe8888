/*
 * Interval timers: alarm, setitimer and getitimer on the three clocks; that a timer is never early,
 * and that one with a tiny interval does not keep the machine from its work. How late one may be is
 * nobody's promise. Sources: alarm(2), getitimer(2), POSIX setitimer(), alarm().
 */
#include "sig.h"
#include <sys/time.h>

#define US 1000LL
#define MS 1000000LL

static const struct timer {
	const char *name;
	int kind, sig;
	clockid_t clock; /* that it counts on, or one that runs no slower */
} timers[] = {
	{ "REAL", ITIMER_REAL, SIGALRM, CLOCK_MONOTONIC },
	{ "VIRTUAL", ITIMER_VIRTUAL, SIGVTALRM, CLOCK_PROCESS_CPUTIME_ID },
	{ "PROF", ITIMER_PROF, SIGPROF, CLOCK_PROCESS_CPUTIME_ID },
};

static long set_timer(int kind, const void *value, void *old)
{
	return syscall(SYS_setitimer, kind, value, old);
}

static long get_timer(int kind, void *value)
{
	return syscall(SYS_getitimer, kind, value);
}

static struct itimerval of_us(long value, long interval)
{
	return (struct itimerval){ .it_value = { value / 1000000, value % 1000000 },
				   .it_interval = { interval / 1000000, interval % 1000000 } };
}

static int64_t us(struct timeval time)
{
	return time.tv_sec * 1000000LL + time.tv_usec;
}

static void start_timer(int kind, long value, long interval)
{
	struct itimerval new = of_us(value, interval);

	CHECK_EQ(set_timer(kind, &new, NULL), 0);
}

/* Computes until the handler has run so often. */
static void await_log(int count)
{
	while (log_count < count)
		for (volatile int i = 0; i < 1000; i++)
			;
}

/* ---- the calls ------------------------------------------------------------------------------- */

TEST(nothing_at_first)
{
	for (size_t i = 0; i < ARRAY_SIZE(timers); i++) {
		struct itimerval value;
		memset(&value, 0x55, sizeof(value));
		CHECK_EQ(get_timer(timers[i].kind, &value), 0);
		CHECK_EQ(us(value.it_value), 0);
		CHECK_EQ(us(value.it_interval), 0);
	}
}

TEST(values_come_back)
{
	static const struct {
		long value, interval;
	} rows[] = {
		{ 1000000000, 0 },
		{ 1000000000, 1 },
		{ 500000000, 123456789 },
		{ 999999999, 999999 },
		{ 2000000000000, 3000000000000 },
	};

	for (size_t t = 0; t < ARRAY_SIZE(timers); t++)
		for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
			struct itimerval now, old, next = of_us(700000000, 5);
			CONTEXT("%s, row %zu", timers[t].name, i);
			start_timer(timers[t].kind, rows[i].value, rows[i].interval);
			CHECK_EQ(get_timer(timers[t].kind, &now), 0);
			/* a clock tick of the processor's time may be added */
			CHECK(us(now.it_value) <= rows[i].value + 10000);
			CHECK(us(now.it_value) > rows[i].value - 100000000);
			CHECK_EQ(us(now.it_interval), rows[i].interval);
			CHECK_EQ(set_timer(timers[t].kind, &next, &old), 0);
			CHECK(us(old.it_value) <= us(now.it_value));
			CHECK_EQ(us(old.it_interval), rows[i].interval);
		}
}

TEST(each_timer_is_its_own)
{
	struct itimerval value;

	for (size_t i = 0; i < ARRAY_SIZE(timers); i++)
		start_timer(timers[i].kind, 1000000000L * (long)(i + 1), (long)i + 1);
	for (size_t i = 0; i < ARRAY_SIZE(timers); i++) {
		CHECK_EQ(get_timer(timers[i].kind, &value), 0);
		CHECK_EQ(us(value.it_interval), i + 1);
		CHECK(us(value.it_value) > 1000000000L * (long)i);
	}
}

/* A value of 0 stops a timer, whatever its interval; no value at all does, too. */
TEST(stopping_a_timer)
{
	for (size_t i = 0; i < ARRAY_SIZE(timers); i++) {
		struct itimerval value, old, none = of_us(0, 77);
		CONTEXT("%s", timers[i].name);
		start_timer(timers[i].kind, 1000000000, 5);
		CHECK_EQ(set_timer(timers[i].kind, &none, &old), 0);
		CHECK(us(old.it_value) > 0);
		CHECK_EQ(get_timer(timers[i].kind, &value), 0);
		CHECK_EQ(us(value.it_value), 0);
		start_timer(timers[i].kind, 1000000000, 5);
		CHECK_EQ(set_timer(timers[i].kind, NULL, &old), 0);
		CHECK_EQ(us(old.it_interval), 5);
		CHECK_EQ(get_timer(timers[i].kind, &value), 0);
		CHECK_EQ(us(value.it_value), 0);
		CHECK_EQ(us(value.it_interval), 0);
	}
}

TEST(errors)
{
	static const struct itimerval wrong[] = {
		{ .it_value = { 0, -1 } },	   { .it_value = { 0, 1000000 } },
		{ .it_value = { -1, 0 } },	   { .it_interval = { 0, -1 } },
		{ .it_interval = { 0, 1000000 } }, { .it_interval = { -1, 0 } },
		{ .it_value = { LONG_MIN, 0 } },   { .it_value = { 1, LONG_MAX } },
	};
	static const int kinds[] = { -1, 3, 4, INT_MAX, INT_MIN };
	struct itimerval value = of_us(1000000000, 5), old;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		CHECK_ERRNO(get_timer(kinds[i], &old), EINVAL);
		CHECK_ERRNO(set_timer(kinds[i], &value, &old), EINVAL);
		CHECK_ERRNO(set_timer(kinds[i], BAD_POINTER, &old), EFAULT);
	}
	for (size_t t = 0; t < ARRAY_SIZE(timers); t++) {
		int kind = timers[t].kind;
		CONTEXT("%s", timers[t].name);
		CHECK_EQ(set_timer(kind, &value, NULL), 0);
		for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
			CHECK_ERRNO(set_timer(kind, &wrong[i], NULL), EINVAL);
		CHECK_ERRNO(set_timer(kind, KERNEL_ADDRESS, NULL), EFAULT);
		CHECK_ERRNO(get_timer(kind, NULL), EFAULT);
		CHECK_ERRNO(get_timer(kind, KERNEL_ADDRESS), EFAULT);
		CHECK_EQ(get_timer(kind, &old), 0); /* all that left it alone */
		CHECK_EQ(us(old.it_interval), 5);
		value.it_interval.tv_usec = 6; /* but this sets it, and cannot say so */
		CHECK_ERRNO(set_timer(kind, &value, KERNEL_ADDRESS), EFAULT);
		CHECK_EQ(get_timer(kind, &old), 0);
		CHECK_EQ(us(old.it_interval), 6);
		value.it_interval.tv_usec = 5;
	}
}

TEST(the_longest_times)
{
	static const time_t seconds[] = { 1L << 31, 1L << 33, 1L << 40, LONG_MAX };

	install(SIGALRM, log_signal, SA_SIGINFO);
	for (size_t i = 0; i < ARRAY_SIZE(seconds); i++) {
		struct itimerval value = { .it_value = { seconds[i], 999999 } }, now;
		CONTEXT("%ld s", (long)seconds[i]);
		CHECK_EQ(set_timer(ITIMER_REAL, &value, NULL), 0);
		CHECK_EQ(get_timer(ITIMER_REAL, &now), 0);
		CHECK(now.it_value.tv_sec > 1L << 30);
		CHECK(now.it_value.tv_usec >= 0 && now.it_value.tv_usec < 1000000);
		pause_briefly();
		CHECK_NO_LOG();
	}
}

/* ---- alarm ----------------------------------------------------------------------------------- */

TEST(alarm_and_what_was_left)
{
	struct itimerval value;

	CHECK_EQ(syscall(SYS_alarm, 1000), 0);
	CHECK_EQ(get_timer(ITIMER_REAL, &value), 0);
	CHECK(us(value.it_value) > 900 * 1000000LL && us(value.it_value) <= 1000 * 1000000LL);
	CHECK_EQ(us(value.it_interval), 0);
	long left = syscall(SYS_alarm, 500);
	CHECK(left > 900 && left <= 1000);
	left = syscall(SYS_alarm, 0);
	CHECK(left > 400 && left <= 500);
	CHECK_EQ(syscall(SYS_alarm, 0), 0);
	start_timer(ITIMER_REAL, 1000000000, 1000); /* it is the same timer */
	CHECK(syscall(SYS_alarm, 800) > 900);
	CHECK_EQ(get_timer(ITIMER_REAL, &value), 0);
	CHECK_EQ(us(value.it_interval), 0);
	start_timer(ITIMER_REAL, 300000, 0); /* less than a second is not nothing */
	left = syscall(SYS_alarm, 0);
	CHECK(left == 1 || log_count == 0);
	CHECK(syscall(SYS_alarm, UINT_MAX) >= 0);
	CHECK(syscall(SYS_alarm, 0) > INT_MAX / 2);
}

TEST(an_alarm_ends_a_sleep)
{
	static const struct timespec hour = { 3600, 0 };
	struct timespec left;

	install(SIGALRM, log_signal, SA_SIGINFO);
	int64_t begin = clock_ns(CLOCK_MONOTONIC);
	CHECK_EQ(syscall(SYS_alarm, 1), 0);
	while (log_count == 0) /* were it very late, it would come before the sleep */
		nanosleep(&hour, &left);
	CHECK(clock_ns(CLOCK_MONOTONIC) - begin >= 1000 * MS);
	CHECK_LOG(SIGALRM);
	CHECK_EQ(log_info[0].si_code, SI_KERNEL);
	CHECK_EQ(syscall(SYS_alarm, 0), 0);
}

TEST(without_a_handler_it_is_the_end)
{
	for (size_t i = 0; i < ARRAY_SIZE(timers); i++) {
		CONTEXT("%s", timers[i].name);
		pid_t pid = FORK();
		if (pid == 0) {
			start_timer(timers[i].kind, 5000, 0);
			await_log(1);
		}
		CHECK_SIGNAL(pid, timers[i].sig);
	}
}

/* ---- expiring -------------------------------------------------------------------------------- */

TEST(once_and_not_too_early)
{
	static const long values[] = { 1, 100, 1000, 10000, 33333 };

	for (size_t t = 0; t < ARRAY_SIZE(timers); t++) {
		install(timers[t].sig, log_signal, SA_SIGINFO);
		for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
			struct itimerval value;
			CONTEXT("%s, %ld us", timers[t].name, values[i]);
			log_clear();
			int64_t begin = clock_ns(timers[t].clock);
			start_timer(timers[t].kind, values[i], 0);
			await_log(1);
			/* the kernel counts processor time by ticks, and may be one off */
			int64_t slack = timers[t].kind == ITIMER_REAL ? 0 : 10 * MS;
			CHECK(clock_ns(timers[t].clock) - begin >= values[i] * US - slack);
			CHECK_EQ(get_timer(timers[t].kind, &value), 0);
			CHECK_EQ(us(value.it_value), 0);
			burn_cpu_ms(20);
			CHECK_LOG(timers[t].sig);
		}
	}
}

TEST(again_and_again)
{
	for (size_t t = 0; t < ARRAY_SIZE(timers); t++) {
		struct itimerval value;
		CONTEXT("%s", timers[t].name);
		log_clear();
		install(timers[t].sig, log_signal, SA_SIGINFO);
		int64_t begin = clock_ns(timers[t].clock);
		start_timer(timers[t].kind, 3000, 7000);
		await_log(6);
		int64_t slack = timers[t].kind == ITIMER_REAL ? 0 : 20 * MS;
		CHECK(clock_ns(timers[t].clock) - begin >= (3000 + 5 * 7000) * US - slack);
		CHECK_EQ(get_timer(timers[t].kind, &value), 0);
		CHECK(us(value.it_value) <= 7000 + 10000);
		CHECK_EQ(us(value.it_interval), 7000);
		start_timer(timers[t].kind, 0, 0);
		int count = log_count;
		burn_cpu_ms(30);
		CHECK_EQ(log_count, count);
	}
}

/* A process that sleeps uses no processor time, and those two timers stand still. */
TEST(sleeping_does_not_count)
{
	static const struct timespec while_asleep = { 0, 100 * MS };

	install(SIGVTALRM, log_signal, SA_SIGINFO);
	install(SIGPROF, log_signal, SA_SIGINFO);
	start_timer(ITIMER_VIRTUAL, 80000, 0);
	start_timer(ITIMER_PROF, 80000, 0);
	CHECK_EQ(nanosleep(&while_asleep, NULL), 0);
	CHECK_NO_LOG();
}

/* Work of the kernel counts for PROF only. */
TEST(system_time_is_not_virtual)
{
	static char bytes[1 << 18];
	int fd = open("/dev/zero", O_RDONLY);

	CHECK(fd >= 0);
	install(SIGVTALRM, log_signal, SA_SIGINFO);
	install(SIGPROF, log_signal, SA_SIGINFO);
	start_timer(ITIMER_VIRTUAL, 1000000000, 0);
	start_timer(ITIMER_PROF, 100000, 0);
	while (log_count == 0)
		CHECK_EQ(read(fd, bytes, sizeof(bytes)), sizeof(bytes));
	CHECK_LOG(SIGPROF);
	struct itimerval value;
	CHECK_EQ(get_timer(ITIMER_VIRTUAL, &value), 0);
	CHECK(us(value.it_value) > 1000000000 - 10 * 60 * 1000000LL);
}

/* ---- tiny intervals -------------------------------------------------------------------------- */

/* A microsecond is less than it takes to notice: the machine goes on, the process, whose signal is
 * blocked or ignored, computes, and whoever else there is does. */
TEST(a_microsecond)
{
	static const struct {
		bool blocked;
		void *action;
	} rows[] = {
		{ true, SIG_DFL },
		{ false, SIG_IGN },
		{ true, (void *)log_signal },
	};

	for (size_t t = 0; t < ARRAY_SIZE(timers); t++)
		for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
			CONTEXT("%s, row %zu", timers[t].name, i);
			pid_t pid = FORK();
			if (pid == 0) {
				if (rows[i].blocked)
					block(bit(timers[t].sig));
				install(timers[t].sig, rows[i].action, SA_SIGINFO);
				start_timer(timers[t].kind, 1, 1);
				burn_cpu_ms(30);
				for (int j = 0; j < 20; j++) {
					pid_t child = FORK();
					if (child == 0)
						_exit(j);
					CHECK_EXIT(child, j);
				}
				pause_briefly();
				CHECK_EQ(pending_now(), rows[i].blocked ? bit(timers[t].sig) : 0);
				start_timer(timers[t].kind, 0, 0);
				_exit(12);
			}
			burn_cpu_ms(10);
			CHECK_EXIT(pid, 12);
		}
}

/* With a handler the process may have no time for anything else, so that only the handler can stop
 * the timer; but others go on. */
static volatile long handled;

static void count_to_50(int sig)
{
	const struct itimerval none = { 0 };

	if (++handled == 50)
		for (size_t t = 0; t < ARRAY_SIZE(timers); t++)
			if (timers[t].sig == sig)
				set_timer(timers[t].kind, &none, NULL);
}

TEST(a_microsecond_with_a_handler)
{
	for (size_t t = 0; t < ARRAY_SIZE(timers); t++) {
		CONTEXT("%s", timers[t].name);
		handled = 0;
		install(timers[t].sig, count_to_50, SA_RESTART);
		start_timer(timers[t].kind, 1, 1);
		while (handled < 50)
			for (volatile int i = 0; i < 100; i++)
				;
		burn_cpu_ms(10);
		CHECK(handled == 50 || handled == 51); /* one may have been under way */
	}
}

/* Many processes with such timers, and all end. */
TEST(a_crowd_of_timers)
{
	enum { CROWD = 30 };
	pid_t pids[CROWD];

	for (int i = 0; i < CROWD; i++) {
		pids[i] = FORK();
		if (pids[i] == 0) {
			install(SIGALRM, count_to_50, 0);
			start_timer(ITIMER_REAL, 1 + i, 1 + i % 3);
			while (handled < 50)
				sched_yield();
			_exit(i);
		}
	}
	for (int i = 0; i < CROWD; i++)
		CHECK_EXIT(pids[i], i);
}

/* One that dies with its timers running leaves nothing that fires. */
TEST(timers_end_with_the_process)
{
	for (int i = 0; i < 100; i++) {
		pid_t pid = FORK();
		if (pid == 0) {
			for (size_t t = 0; t < ARRAY_SIZE(timers); t++) {
				install(timers[t].sig, SIG_IGN, 0);
				start_timer(timers[t].kind, 500 + i, t ? 1000000 : 100);
			}
			_exit(i);
		}
		CHECK_EXIT(pid, i);
	}
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
