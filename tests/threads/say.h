/*
 * What the programs about threads share. They print what they find, a line for each fact, and the
 * same program must print the same on Linux and on mitos (tests/test_threads.py). So nothing
 * printed may depend on which thread is faster: only one thread prints, and it waits for the others
 * by joining them or by a flag. A call that must succeed and does not ends the program loudly.
 */
#ifndef SAY_H
#define SAY_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Prints one line at once, so that it is there whatever becomes of the process. */
static __attribute__((format(printf, 1, 2), unused)) void say(const char *format, ...)
{
	char line[1024];
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(line, sizeof(line) - 1, format, arguments);
	va_end(arguments);
	line[length++] = '\n';
	if (write(STDOUT_FILENO, line, length) != length)
		_exit(99);
}

/* The error that a pthread function returned, in words. */
static __attribute__((unused)) const char *named(int error)
{
	return error ? strerror(error) : "fine";
}

/* For functions that return an error number. */
static __attribute__((unused)) void must(int error, const char *what)
{
	if (error) {
		say("%s: %s", what, strerror(error));
		_exit(98);
	}
}

/* For functions that return -1 and set errno. */
static __attribute__((unused)) long done(long result, const char *what)
{
	must(result == -1 ? errno : 0, what);
	return result;
}

static __attribute__((unused)) pthread_t start(void *(*function)(void *), void *argument)
{
	pthread_t thread;

	must(pthread_create(&thread, NULL, function, argument), "pthread_create");
	return thread;
}

static __attribute__((unused)) void *join(pthread_t thread)
{
	void *result;

	must(pthread_join(thread, &result), "pthread_join");
	return result;
}

/* Lets others run until the flag has the value; it is set by another thread or process. */
static __attribute__((unused)) void await(const int *flag, int value)
{
	while (__atomic_load_n(flag, __ATOMIC_SEQ_CST) != value)
		sched_yield();
}

static __attribute__((unused)) void set(int *flag, int value)
{
	__atomic_store_n(flag, value, __ATOMIC_SEQ_CST);
}

/* Memory that a child shares. */
static __attribute__((unused)) void *shared(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	done(memory == MAP_FAILED ? -1 : 0, "mmap");
	return memory;
}

/* The clock's time in so many milliseconds. */
static __attribute__((unused)) struct timespec in_ms(clockid_t clock, long ms)
{
	struct timespec time;

	clock_gettime(clock, &time);
	time.tv_nsec += ms * 1000000;
	time.tv_sec += time.tv_nsec / 1000000000;
	time.tv_nsec %= 1000000000;
	return time;
}

static __attribute__((unused)) bool is_past(clockid_t clock, struct timespec time)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec > time.tv_sec ||
	       (now.tv_sec == time.tv_sec && now.tv_nsec >= time.tv_nsec);
}

/* Waits for the child and says how it ended. */
static __attribute__((unused)) void say_end(const char *what, pid_t pid)
{
	int status;

	done(waitpid(pid, &status, 0), "waitpid");
	if (WIFSIGNALED(status))
		say("%s: killed by signal %d", what, WTERMSIG(status));
	else
		say("%s: status %d", what, WEXITSTATUS(status));
}

/* Runs the function in a child and says how that ended. */
static __attribute__((unused)) void in_child(const char *what, void (*function)(void))
{
	pid_t pid = done(fork(), "fork");

	if (pid == 0) {
		function();
		_exit(97);
	}
	say_end(what, pid);
}

/* The threads of this process that the kernel knows, from /proc/self/status. */
static __attribute__((unused)) int thread_count(void)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[256];
	int count = -1;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "Threads: %d", &count) == 1)
			break;
	if (file)
		fclose(file);
	return count;
}

#endif
