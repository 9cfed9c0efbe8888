/*
 * Threads in the demonstrations: starting one, seeing them in /proc/PID/task, and a mutex whose
 * owner can be named. A file that includes this defines _GNU_SOURCE first, for gettid.
 *
 * An error-checking or robust mutex has its owner's thread id in its lock word, since it has to
 * know whose it is (a normal one may have any mark there). The kernel asks for that where it has
 * to do with the word: see FUTEX_TID_MASK and futex(2). Where in the mutex the word is, each C
 * library has for itself; mutex_owner() knows musl's place and glibc's.
 */
#ifndef THREADS_H
#define THREADS_H

#include "demo.h"
#include "look.h"

#include <linux/futex.h>
#include <pthread.h>
#include <time.h>

enum { PATIENCE_MS = 200 }; /* after which a lock that nobody will release is given up */

static inline pthread_t start_thread(void *(*function)(void *), void *argument)
{
	pthread_t thread;

	errno = pthread_create(&thread, NULL, function, argument);
	must(errno ? -1 : 0, "pthread_create");
	return thread;
}

/* PTHREAD_MUTEX_*, PTHREAD_MUTEX_STALLED or _ROBUST. */
static inline void make_mutex(pthread_mutex_t *mutex, int type, int robust)
{
	pthread_mutexattr_t attributes;

	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_settype(&attributes, type);
	errno = pthread_mutexattr_setrobust(&attributes, robust);
	if (!errno)
		errno = pthread_mutex_init(mutex, &attributes);
	must(errno ? -1 : 0, "a mutex");
	pthread_mutexattr_destroy(&attributes);
}

/* The thread id in the lock word of an error-checking or robust mutex; 0 if nobody has it. */
static inline pid_t mutex_owner(const pthread_mutex_t *mutex)
{
#ifdef __GLIBC__
	return mutex->__data.__owner & FUTEX_TID_MASK;
#else
	return mutex->__u.__vi[1] & FUTEX_TID_MASK;
#endif
}

/* Locks, but gives up after PATIENCE_MS: 0, ETIMEDOUT, or why it cannot be had. */
static inline int lock_with_patience(pthread_mutex_t *mutex)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += PATIENCE_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	return pthread_mutex_timedlock(mutex, &until);
}

/* The ids of a process's threads as /proc/PID/task has them, in `text`. Returns how many. */
static inline int look_tasks(pid_t pid, char *text, size_t size)
{
	char path[64];
	size_t length = 0;
	struct dirent *entry;
	DIR *directory;
	int count = 0;

	text[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	directory = opendir(path);
	while (directory && (entry = readdir(directory))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		count++;
		if (length < size)
			length += snprintf(text + length, size - length, "%s%s", length ? " " : "",
					   entry->d_name);
	}
	if (directory)
		closedir(directory);
	return count;
}

static inline bool look_has_task(pid_t pid, pid_t tid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d", pid, tid);
	return access(path, F_OK) == 0;
}

#endif
