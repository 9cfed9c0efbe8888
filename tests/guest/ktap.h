/*
 * The harness of the guest tests. A test program is one C file that includes this header first,
 * says TEST(name) { ... } as often as it likes and ends with
 *
 *	int main(int argc, char **argv)
 *	{
 *		return ktap_main(argc, argv);
 *	}
 *
 * It prints KTAP version 1 on standard output and exits with 0 if and only if no test failed.
 * Arguments, where given, are the names of the tests to run; without any, all run in the order of
 * the file.
 *
 * Each test runs in a forked child and in a process group of its own, so that a crash fails that
 * test alone. A test fails when a CHECK fails (which ends it at once), when it dies of a signal,
 * when it exits with anything but 0, and when it leaves a child behind, dead or alive. There are no
 * signal handlers and no alarms here: a test that hangs is ended by whoever runs the program.
 *
 * CHECKs may be used in the children of a test too: there a failure prints its line and exits with
 * KTAP_FAILED, which the test sees as the child's status. Processes that a failed test left in its
 * group are killed; those that became children of the harness (it may be PID 1) are reaped.
 *
 * For the host's runner: a file whose opening comment has the words "needs: kernel" changes what
 * all processes of the system share, and runs only where it has a kernel to itself; one with the
 * words "needs: any fork" takes long and has to do with no kind of fork: one will do. Files named
 * prog_*.c are programs for other tests to run and print no KTAP.
 */
#ifndef KTAP_H
#define KTAP_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KTAP_FAILED = 101, KTAP_SKIPPED = 102 }; /* exit statuses no test uses for itself */

struct ktap_test {
	const char *name;
	void (*run)(void);
};

static struct ktap_test ktap_tests[128];
static int ktap_count;
static int ktap_number;	       /* of the running test, from 1 */
static char ktap_context[160]; /* which row of a table a check is about */

static inline void ktap_register(const char *name, void (*run)(void))
{
	if (ktap_count == (int)(sizeof(ktap_tests) / sizeof(ktap_tests[0])))
		abort();
	ktap_tests[ktap_count++] = (struct ktap_test){ name, run };
}

/* Registers and opens a test. Constructors of one file run in the order they are written. */
#define TEST(name)                                                                                 \
	static void test_##name(void);                                                             \
	__attribute__((constructor)) static void register_##name(void)                             \
	{                                                                                          \
		ktap_register(#name, test_##name);                                                 \
	}                                                                                          \
	static void test_##name(void)

/* Prints one line by a single write, past stdio, so that lines of several processes do not mix. */
__attribute__((format(printf, 2, 3))) static inline void ktap_line(const char *prefix,
								   const char *format, ...)
{
	char line[1024];
	va_list args;
	size_t n = (size_t)snprintf(line, sizeof(line), "%s", prefix);

	va_start(args, format);
	n += (size_t)vsnprintf(line + n, sizeof(line) - n - 1, format, args);
	va_end(args);
	if (n > sizeof(line) - 2)
		n = sizeof(line) - 2;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)line[i] < ' ')
			line[i] = '?';
	line[n++] = '\n';
	if (write(STDOUT_FILENO, line, n) < 0)
		_exit(KTAP_FAILED);
}

/* A diagnostic line. */
#define DIAG(...) ktap_line("# ", __VA_ARGS__)

/*
 * In a loop, names the case that the checks after it are about; printed only if one of them fails.
 */
#define CONTEXT(...) ((void)snprintf(ktap_context, sizeof(ktap_context), __VA_ARGS__))

/* Ends the test as skipped. For the test's own process, not for its children. */
#define SKIP(...)                                                                                  \
	do {                                                                                       \
		char why_[160];                                                                    \
		snprintf(why_, sizeof(why_), __VA_ARGS__);                                         \
		ktap_line("ok ", "%d - %s # SKIP %s", ktap_number,                                 \
			  ktap_tests[ktap_number - 1].name, why_);                                 \
		_exit(KTAP_SKIPPED);                                                               \
	} while (0)

__attribute__((noreturn, format(printf, 3, 4))) static inline void
ktap_fail(const char *file, int line, const char *format, ...)
{
	char what[512];
	const char *base = strrchr(file, '/');
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	DIAG("%s:%d: %s%s%s", base ? base + 1 : file, line, what, ktap_context[0] ? " -- in " : "",
	     ktap_context);
	_exit(KTAP_FAILED);
}

#define FAIL(...) ktap_fail(__FILE__, __LINE__, __VA_ARGS__)

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			int errno_ = errno;                                                        \
			FAIL("%s does not hold (errno is %d: %s)", #condition, errno_,             \
			     strerror(errno_));                                                    \
		}                                                                                  \
	} while (0)

/* Both sides are compared as signed 64-bit numbers. */
#define CHECK_EQ(actual, expected)                                                                 \
	do {                                                                                       \
		long long a_ = (long long)(actual), e_ = (long long)(expected);                    \
		int errno_ = errno;                                                                \
		if (a_ != e_)                                                                      \
			FAIL("%s is %lld (0x%llx), not %s = %lld (0x%llx) (errno is %d: %s)",      \
			     #actual, a_, a_, #expected, e_, e_, errno_, strerror(errno_));        \
	} while (0)

#define CHECK_STR(actual, expected)                                                                \
	do {                                                                                       \
		const char *a_ = (actual), *e_ = (expected);                                       \
		if (strcmp(a_, e_))                                                                \
			FAIL("%s is \"%s\", not \"%s\"", #actual, a_, e_);                         \
	} while (0)

/* The expression must be -1 with this errno. */
#define CHECK_ERRNO(expression, expected)                                                          \
	do {                                                                                       \
		errno = 0;                                                                         \
		long long a_ = (long long)(expression);                                            \
		int errno_ = errno, e_ = (expected);                                               \
		if (a_ != -1 || errno_ != e_)                                                      \
			FAIL("%s is %lld with errno %d (%s), not -1 with %s (%s)", #expression,    \
			     a_, errno_, strerror(errno_), #expected, strerror(e_));               \
	} while (0)

/* Waits for this child, which must end by exit with this code. */
#define CHECK_EXIT(pid, code)                                                                      \
	do {                                                                                       \
		int s_ = ktap_wait(__FILE__, __LINE__, pid), c_ = (code);                          \
		if (!WIFEXITED(s_) || WEXITSTATUS(s_) != c_)                                       \
			FAIL("child %s ended with wait status 0x%04x, not exit code %d", #pid, s_, \
			     c_);                                                                  \
	} while (0)

/* Waits for this child, which must end by this signal, with or without a core dump. */
#define CHECK_SIGNAL(pid, signal)                                                                  \
	do {                                                                                       \
		int s_ = ktap_wait(__FILE__, __LINE__, pid), g_ = (signal);                        \
		if (!WIFSIGNALED(s_) || WTERMSIG(s_) != g_)                                        \
			FAIL("child %s ended with wait status 0x%04x, not by signal %d", #pid, s_, \
			     g_);                                                                  \
	} while (0)

static inline int ktap_wait(const char *file, int line, pid_t pid)
{
	int status;

	pid_t got = waitpid(pid, &status, 0);
	if (got != pid)
		ktap_fail(file, line, "waitpid(%d) is %d (errno is %d: %s)", (int)pid, (int)got,
			  errno, strerror(errno));
	return status;
}

/* fork() that cannot fail unnoticed. */
static inline pid_t ktap_fork(const char *file, int line)
{
	pid_t pid = fork();

	if (pid < 0)
		ktap_fail(file, line, "fork fails with errno %d: %s", errno, strerror(errno));
	return pid;
}

#define FORK() ktap_fork(__FILE__, __LINE__)

/* The whole test of the child: the body, and then nobody may be left. */
__attribute__((noreturn)) static inline void ktap_child(const struct ktap_test *test)
{
	setpgid(0, 0);
	test->run();
	ktap_context[0] = '\0';
	int status;
	pid_t left = waitpid(-1, &status, WNOHANG | WUNTRACED);
	if (left >= 0)
		FAIL("the test leaves a child behind (pid %d, 0 is a living one)", (int)left);
	CHECK_EQ(errno, ECHILD);
	_exit(0);
}

/* Runs one test and prints its line. True if it passed or was skipped. */
static inline int ktap_run(const struct ktap_test *test)
{
	int status = 0;
	pid_t got, pid = fork();

	if (pid == 0)
		ktap_child(test);
	if (pid < 0) {
		DIAG("fork for the test fails with errno %d: %s", errno, strerror(errno));
		ktap_line("not ok ", "%d - %s", ktap_number, test->name);
		return 0;
	}
	do
		got = waitpid(-1, &status, 0);
	while (got != pid && got > 0);
	if (got == pid && WIFEXITED(status) && WEXITSTATUS(status) == KTAP_SKIPPED)
		return 1;
	if (got == pid && status == 0) {
		ktap_line("ok ", "%d - %s", ktap_number, test->name);
		return 1;
	}
	kill(-pid, SIGKILL);
	if (got != pid)
		DIAG("waiting for the test's process %d gives %d", (int)pid, (int)got);
	else if (WIFSIGNALED(status))
		DIAG("the test's process dies of signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status) != KTAP_FAILED)
		DIAG("the test's process exits with %d", WEXITSTATUS(status));
	ktap_line("not ok ", "%d - %s", ktap_number, test->name);
	return 0;
}

static inline int ktap_main(int argc, char **argv)
{
	struct ktap_test chosen[sizeof(ktap_tests) / sizeof(ktap_tests[0])];
	int n = 0, failed = 0;

	for (int i = 0; i < ktap_count; i++) {
		int wanted = argc < 2;
		for (int a = 1; a < argc; a++)
			wanted |= !strcmp(argv[a], ktap_tests[i].name);
		if (wanted)
			chosen[n++] = ktap_tests[i];
	}
	memcpy(ktap_tests, chosen, (size_t)n * sizeof(chosen[0]));
	ktap_line("", "KTAP version 1");
	ktap_line("", "1..%d", n);
	for (int i = 0; i < n; i++) {
		ktap_number = i + 1;
		failed += !ktap_run(&ktap_tests[i]);
	}
	return failed || n == 0;
}

#endif
