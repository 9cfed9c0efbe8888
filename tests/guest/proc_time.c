/*
 * Time: clocks that go forwards, sleeps that are never too short, and processor time that is
 * charged to the process that used it, and to its parent when it has been waited for. How much too
 * long a sleep is, is nobody's promise and not tested. Sources: POSIX clock_gettime(), nanosleep(),
 * clock_nanosleep(), times(), getrusage(), gettimeofday(), time(); the section 2 pages of the same
 * names.
 */
#include "proc.h"
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/times.h>

#define MS 1000000LL

static const clockid_t clocks[] = {
	CLOCK_REALTIME,		 CLOCK_MONOTONIC,     CLOCK_PROCESS_CPUTIME_ID,
	CLOCK_THREAD_CPUTIME_ID, CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE,
	CLOCK_MONOTONIC_COARSE,	 CLOCK_BOOTTIME,
};

static const clockid_t no_clocks[] = { 16, 99, 1 << 20, INT_MAX };

/* ---- clocks ---------------------------------------------------------------------------------- */

static int64_t raw_clock(clockid_t clock)
{
	struct timespec now = { -1, -1 };

	CHECK_EQ(syscall(SYS_clock_gettime, clock, &now), 0);
	CHECK(now.tv_sec >= 0 && now.tv_nsec >= 0 && now.tv_nsec < 1000000000);
	return now.tv_sec * 1000 * MS + now.tv_nsec;
}

TEST(clocks_go_forwards)
{
	for (size_t i = 0; i < ARRAY_SIZE(clocks); i++) {
		CONTEXT("clock %d", clocks[i]);
		int64_t last = raw_clock(clocks[i]), first = last;
		for (int j = 0; j < 3000; j++) {
			int64_t now = raw_clock(clocks[i]);
			CHECK(now >= last);
			last = now;
		}
		while (raw_clock(clocks[i]) == first)
			;
	}
}

TEST(clocks_agree)
{
	int64_t real = raw_clock(CLOCK_REALTIME), monotonic = raw_clock(CLOCK_MONOTONIC);

	CHECK(raw_clock(CLOCK_REALTIME_COARSE) <= raw_clock(CLOCK_REALTIME));
	CHECK(raw_clock(CLOCK_MONOTONIC_COARSE) <= raw_clock(CLOCK_MONOTONIC));
	CHECK(raw_clock(CLOCK_BOOTTIME) >= monotonic);
	CHECK(real / (1000 * MS) > 1500000000); /* it is later than 2017 */
	while (raw_clock(CLOCK_MONOTONIC) < monotonic + 50 * MS)
		;
	int64_t passed = raw_clock(CLOCK_REALTIME) - real;
	CHECK(passed >= 45 * MS && passed < 60000 * MS);
}

TEST(clocks_are_the_same_for_all)
{
	int64_t before = raw_clock(CLOCK_MONOTONIC);
	pid_t pid = FORK();

	if (pid == 0) {
		CHECK(raw_clock(CLOCK_MONOTONIC) >= before);
		_exit(0);
	}
	CHECK_EXIT(pid, 0);
}

TEST(clock_errors)
{
	struct timespec now;

	for (size_t i = 0; i < ARRAY_SIZE(no_clocks); i++) {
		CONTEXT("clock %d", no_clocks[i]);
		CHECK_ERRNO(syscall(SYS_clock_gettime, no_clocks[i], &now), EINVAL);
		CHECK_ERRNO(syscall(SYS_clock_getres, no_clocks[i], &now), EINVAL);
	}
	for (size_t i = 0; i < ARRAY_SIZE(clocks); i++) {
		CONTEXT("clock %d", clocks[i]);
		CHECK_ERRNO(syscall(SYS_clock_gettime, clocks[i], BAD_POINTER), EFAULT);
		CHECK_ERRNO(syscall(SYS_clock_gettime, clocks[i], KERNEL_ADDRESS), EFAULT);
		CHECK_ERRNO(syscall(SYS_clock_gettime, clocks[i], NULL), EFAULT);
		CHECK_ERRNO(syscall(SYS_clock_getres, clocks[i], KERNEL_ADDRESS), EFAULT);
	}
}

TEST(resolutions)
{
	for (size_t i = 0; i < ARRAY_SIZE(clocks); i++) {
		struct timespec step;
		CONTEXT("clock %d", clocks[i]);
		CHECK_EQ(syscall(SYS_clock_getres, clocks[i], &step), 0);
		CHECK(step.tv_sec == 0 && step.tv_nsec >= 1 && step.tv_nsec <= 10 * MS);
		CHECK_EQ(syscall(SYS_clock_getres, clocks[i], NULL), 0);
	}
}

TEST(older_calls)
{
	struct timeval now;
	time_t seconds;

	int64_t before = raw_clock(CLOCK_REALTIME);
	CHECK_EQ(syscall(SYS_gettimeofday, &now, NULL), 0);
	int64_t after = raw_clock(CLOCK_REALTIME);
	int64_t between = now.tv_sec * 1000 * MS + now.tv_usec * 1000;
	CHECK(now.tv_usec >= 0 && now.tv_usec < 1000000);
	CHECK(between / 1000 >= before / 1000 && between <= after);
	CHECK_EQ(syscall(SYS_gettimeofday, NULL, NULL), 0);
	CHECK_ERRNO(syscall(SYS_gettimeofday, BAD_POINTER, NULL), EFAULT);
	long value = syscall(SYS_time, &seconds);
	CHECK_EQ(value, seconds);
	CHECK(value >= before / (1000 * MS) - 1 &&
	      value <= raw_clock(CLOCK_REALTIME) / (1000 * MS));
	CHECK(syscall(SYS_time, NULL) >= value);
	CHECK_ERRNO(syscall(SYS_time, BAD_POINTER), EFAULT);
}

/* ---- sleeping -------------------------------------------------------------------------------- */

TEST(sleeps_are_never_too_short)
{
	static const long lengths[] = { 0,	1,	 1000,	  50000,   MS,
					3 * MS, 10 * MS, 11 * MS, 25 * MS, 50 * MS };

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		struct timespec length = { 0, lengths[i] }, rest = { 7, 7 };
		CONTEXT("%ld ns", lengths[i]);
		for (int j = 0; j < 4; j++) {
			int64_t start = raw_clock(CLOCK_MONOTONIC);
			CHECK_EQ(syscall(SYS_nanosleep, &length, &rest), 0);
			CHECK(raw_clock(CLOCK_MONOTONIC) - start >= lengths[i]);
			start = raw_clock(CLOCK_MONOTONIC);
			CHECK_EQ(syscall(SYS_clock_nanosleep, CLOCK_REALTIME, 0, &length, &rest),
				 0);
			CHECK(raw_clock(CLOCK_MONOTONIC) - start >= lengths[i]);
		}
		CHECK(rest.tv_sec == 7 && rest.tv_nsec == 7); /* only written when interrupted */
	}
}

TEST(sleep_until)
{
	static const clockid_t sleepers[] = { CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME };

	for (size_t i = 0; i < ARRAY_SIZE(sleepers); i++) {
		CONTEXT("clock %d", sleepers[i]);
		for (int ms = -20; ms < 40; ms += 10) {
			int64_t end = raw_clock(sleepers[i]) + ms * MS;
			struct timespec until = { end / (1000 * MS), end % (1000 * MS) };
			CHECK_EQ(syscall(SYS_clock_nanosleep, sleepers[i], TIMER_ABSTIME, &until,
					 NULL),
				 0);
			CHECK(raw_clock(sleepers[i]) >= end);
		}
		struct timespec long_ago = { 0, 0 };
		CHECK_EQ(syscall(SYS_clock_nanosleep, sleepers[i], TIMER_ABSTIME, &long_ago, NULL),
			 0);
	}
}

TEST(sleep_errors)
{
	static const struct timespec wrong[] = {
		{ 0, -1 },	 { 0, 1000000000 }, { -1, 0 },
		{ 0, LONG_MIN }, { 1, LONG_MAX },   { LONG_MIN, 5 },
	};
	struct timespec none = { 0, 0 };

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		CONTEXT("value %zu", i);
		CHECK_ERRNO(syscall(SYS_nanosleep, &wrong[i], NULL), EINVAL);
		CHECK_ERRNO(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &wrong[i], NULL),
			    EINVAL);
		CHECK_ERRNO(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &wrong[i],
				    NULL),
			    EINVAL);
	}
	CHECK_ERRNO(syscall(SYS_nanosleep, BAD_POINTER, NULL), EFAULT);
	CHECK_ERRNO(syscall(SYS_nanosleep, KERNEL_ADDRESS, NULL), EFAULT);
	CHECK_EQ(syscall(SYS_nanosleep, &none, KERNEL_ADDRESS), 0);
	CHECK_ERRNO(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, BAD_POINTER, NULL), EFAULT);
	for (size_t i = 0; i < ARRAY_SIZE(no_clocks); i++)
		CHECK_ERRNO(syscall(SYS_clock_nanosleep, no_clocks[i], 0, &none, NULL), EINVAL);
}

/* The longest sleep there is does not end at once because a sum overflowed. */
TEST(longest_sleep)
{
	static const struct timespec longest[] = {
		{ LONG_MAX, 999999999 },
		{ LONG_MAX / 1000000000, 0 },
		{ 1L << 34, 0 },
		{ 1L << 32, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(longest); i++) {
		CONTEXT("value %zu", i);
		pid_t pid = FORK();
		if (pid == 0) {
			nanosleep(&longest[i], NULL);
			_exit(0);
		}
		await_state(pid, 'S');
		for (int j = 0; j < 30; j++)
			pause_briefly();
		CHECK_EQ(waitpid(pid, NULL, WNOHANG), 0);
		CHECK_EQ(kill(pid, SIGKILL), 0);
		CHECK_SIGNAL(pid, SIGKILL);
	}
}

TEST(stopping_does_not_shorten_a_sleep)
{
	pid_t pid = FORK();
	int status;

	if (pid == 0) {
		struct timespec length = { 0, 80 * MS };
		int64_t start = raw_clock(CLOCK_MONOTONIC);
		CHECK_EQ(nanosleep(&length, NULL), 0);
		CHECK(raw_clock(CLOCK_MONOTONIC) - start >= 80 * MS);
		_exit(0);
	}
	for (int i = 0; i < 5; i++) {
		pause_briefly();
		CHECK_EQ(kill(pid, SIGSTOP), 0);
		CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
		if (!WIFSTOPPED(status)) { /* this machine has taken all that time */
			CHECK_EQ(status, 0);
			return;
		}
		CHECK_EQ(kill(pid, SIGCONT), 0);
	}
	CHECK_EXIT(pid, 0);
}

TEST(many_sleepers)
{
	pid_t pids[60];

	for (int i = 0; i < 60; i++) {
		pids[i] = FORK();
		if (pids[i] == 0) {
			struct timespec length = { 0, (i * 7 % 60) * MS };
			int64_t start = raw_clock(CLOCK_MONOTONIC);
			CHECK_EQ(nanosleep(&length, NULL), 0);
			CHECK(raw_clock(CLOCK_MONOTONIC) - start >= length.tv_nsec);
			_exit(0);
		}
	}
	for (int i = 0; i < 60; i++)
		CHECK_EXIT(pids[i], 0);
}

/* ---- processor time -------------------------------------------------------------------------- */

static int64_t us(struct timeval time)
{
	return time.tv_sec * 1000000LL + time.tv_usec;
}

static struct rusage usage_of(int who)
{
	struct rusage usage;

	memset(&usage, 0x55, sizeof(usage));
	CHECK_EQ(getrusage(who, &usage), 0);
	CHECK(usage.ru_utime.tv_usec >= 0 && usage.ru_utime.tv_usec < 1000000);
	CHECK(usage.ru_stime.tv_usec >= 0 && usage.ru_stime.tv_usec < 1000000);
	return usage;
}

TEST(sleeping_costs_no_processor_time)
{
	struct timespec length = { 0, 100 * MS };
	int64_t before = raw_clock(CLOCK_PROCESS_CPUTIME_ID);

	CHECK_EQ(nanosleep(&length, NULL), 0);
	CHECK(raw_clock(CLOCK_PROCESS_CPUTIME_ID) - before < 50 * MS);
}

TEST(processor_time_is_part_of_all_time)
{
	int64_t wall = raw_clock(CLOCK_MONOTONIC), cpu = raw_clock(CLOCK_PROCESS_CPUTIME_ID);

	burn_cpu_ms(60);
	int64_t used = raw_clock(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	int64_t passed = raw_clock(CLOCK_MONOTONIC) - wall;
	CHECK(used >= 60 * MS);
	CHECK(used <= passed + 10 * MS);
	CHECK(raw_clock(CLOCK_THREAD_CPUTIME_ID) <= raw_clock(CLOCK_PROCESS_CPUTIME_ID));
}

TEST(computing_is_user_time)
{
	struct rusage before = usage_of(RUSAGE_SELF);

	burn_cpu_ms(200);
	struct rusage after = usage_of(RUSAGE_SELF);
	int64_t user = us(after.ru_utime) - us(before.ru_utime);
	int64_t system = us(after.ru_stime) - us(before.ru_stime);
	CHECK(user + system >= 100000);
	CHECK(user > system);
}

TEST(calls_are_system_time)
{
	static char bytes[1 << 18];
	struct rusage before = usage_of(RUSAGE_SELF);
	int64_t end = raw_clock(CLOCK_PROCESS_CPUTIME_ID) + 200 * MS;
	int fd = open("/dev/zero", O_RDONLY);

	CHECK(fd >= 0);
	while (raw_clock(CLOCK_PROCESS_CPUTIME_ID) < end)
		CHECK_EQ(read(fd, bytes, sizeof(bytes)), sizeof(bytes));
	struct rusage after = usage_of(RUSAGE_SELF);
	CHECK(us(after.ru_stime) - us(before.ru_stime) >= 50000);
}

TEST(usage_of_children)
{
	struct rusage before = usage_of(RUSAGE_CHILDREN);
	pid_t pid = FORK();

	if (pid == 0) {
		CHECK(us(usage_of(RUSAGE_SELF).ru_utime) < 50000); /* it starts with nothing */
		burn_cpu_ms(100);
		_exit(0);
	}
	await_zombie(pid);
	struct rusage between = usage_of(RUSAGE_CHILDREN);
	CHECK_EQ(us(between.ru_utime), us(before.ru_utime)); /* not waited for yet */
	CHECK_EXIT(pid, 0);
	struct rusage after = usage_of(RUSAGE_CHILDREN);
	CHECK(us(after.ru_utime) + us(after.ru_stime) >= 50000);
}

TEST(usage_counts_faults_and_switches)
{
	char *pages =
		mmap(NULL, 1000 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct rusage before = usage_of(RUSAGE_SELF);

	CHECK(pages != MAP_FAILED);
	for (int i = 0; i < 1000; i++)
		((volatile char *)pages)[i * 4096] = 1;
	for (int i = 0; i < 10; i++) {
		pid_t parent = getpid(), pid = FORK();

		if (pid == 0) {
			await_state(parent, 'S');
			_exit(0);
		}
		CHECK_EXIT(pid, 0);
	}
	struct rusage after = usage_of(RUSAGE_SELF);
	CHECK(after.ru_minflt - before.ru_minflt >= 1000);
	CHECK(after.ru_nvcsw - before.ru_nvcsw >= 10);
	CHECK(after.ru_maxrss >= 500 * 4); /* KiB; Linux counts it in batches */
}

TEST(usage_errors)
{
	struct rusage usage;

	CHECK_ERRNO(getrusage(99, &usage), EINVAL);
	CHECK_ERRNO(getrusage(-2, &usage), EINVAL);
	CHECK_ERRNO(syscall(SYS_getrusage, RUSAGE_SELF, BAD_POINTER), EFAULT);
	CHECK_ERRNO(syscall(SYS_getrusage, RUSAGE_CHILDREN, KERNEL_ADDRESS), EFAULT);
}

TEST(times_in_ticks)
{
	struct tms before, child, after;

	long start = syscall(SYS_times, &before);
	CHECK_EQ(before.tms_cutime, 0);
	CHECK_EQ(before.tms_cstime, 0);
	burn_cpu_ms(150);
	pid_t pid = FORK();
	if (pid == 0) {
		times(&child);
		CHECK(child.tms_utime + child.tms_stime < 5);
		burn_cpu_ms(150);
		_exit(0);
	}
	CHECK_EXIT(pid, 0);
	long end = syscall(SYS_times, &after);
	CHECK(end - start >= 10);
	CHECK(after.tms_utime + after.tms_stime - before.tms_utime - before.tms_stime >= 10);
	CHECK(after.tms_cutime + after.tms_cstime >= 10);
	CHECK_ERRNO(syscall(SYS_times, BAD_POINTER), EFAULT);
	CHECK(syscall(SYS_times, NULL) >= end);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
