/*
 * What the tests about processes share: gates to make one process wait for another without guessing
 * at times, readers for the files of /proc that the tests look at, and the path of the running test
 * program for tests that execute themselves again.
 */
#ifndef PROC_H
#define PROC_H

#include "ktap.h"
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <time.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/*
 * A page that no process can have mapped: the null pointer's, the kernel's half, and no address at
 * all.
 */
#define KERNEL_ADDRESS ((void *)0xffffffff80000000UL)
#define NON_CANONICAL ((void *)0x8000000000000000UL)
#define BAD_POINTER ((void *)8)

/* ---- gates ----------------------------------------------------------------------------------- */

/* A pipe used as a counting gate: each opening lets one process pass. */
struct gate {
	int in, out;
};

static inline struct gate gate_new(void)
{
	int fds[2];

	CHECK_EQ(pipe(fds), 0);
	return (struct gate){ .in = fds[1], .out = fds[0] };
}

static inline void gate_open(struct gate gate, int passes)
{
	while (passes-- > 0)
		CHECK_EQ(write(gate.in, "", 1), 1);
}

static inline void gate_pass(struct gate gate)
{
	char byte;

	CHECK_EQ(read(gate.out, &byte, 1), 1);
}

static inline void gate_free(struct gate gate)
{
	CHECK_EQ(close(gate.in), 0);
	CHECK_EQ(close(gate.out), 0);
}

/* Blocks for good, in the read of a pipe nobody writes to. Only a signal ends it. */
__attribute__((noreturn)) static inline void block_forever(void)
{
	struct gate gate = gate_new();

	for (;;)
		gate_pass(gate);
}

/* ---- memory seen by a whole family ----------------------------------------------------------- */

static inline void *shared_memory(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	return p;
}

/* ---- files ----------------------------------------------------------------------------------- */

/* The whole of a small file as a string; its length, or -1 with errno. */
static inline ssize_t read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t length = 0;
	ssize_t n = -1;

	if (fd < 0)
		return -1;
	while (length < size - 1 && (n = read(fd, text + length, size - 1 - length)) > 0)
		length += (size_t)n;
	int saved = errno;
	close(fd);
	errno = saved;
	text[length] = '\0';
	return n < 0 ? -1 : (ssize_t)length;
}

static inline void write_file(const char *path, const void *bytes, size_t size, mode_t mode)
{
	const char *from = bytes;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

	CHECK(fd >= 0);
	for (ssize_t n; size > 0; from += n, size -= (size_t)n) {
		n = write(fd, from, size);
		CHECK(n > 0);
	}
	CHECK_EQ(close(fd), 0);
}

static const char *start_directory = "/";
static const char *own_path = ""; /* absolute, of the running program */

/* Before anything changes the working directory. */
__attribute__((constructor)) static inline void remember_paths(void)
{
	const char *name = (const char *)getauxval(AT_EXECFN);
	char path[PATH_MAX], absolute[2 * PATH_MAX];

	if (getcwd(path, sizeof(path)))
		start_directory = strdup(path);
	if (name && name[0] == '/')
		own_path = name;
	else if (name && snprintf(absolute, sizeof(absolute), "%s/%s", start_directory, name) > 0)
		own_path = strdup(absolute);
}

/*
 * A path in the directory the tests were started in that no other test uses, in memory of its own.
 */
static inline const char *temporary_path(const char *name)
{
	char path[PATH_MAX + 64];

	snprintf(path, sizeof(path), "%s/%d.%s", start_directory, (int)getpid(), name);
	return strdup(path);
}

/* ---- /proc ----------------------------------------------------------------------------------- */

/*
 * Field n of a file like /proc/pid/stat, numbered as proc(5) does (1 pid, 2 comm, 3 state, 4 ppid,
 * ...), from 3 on. False if there is no such file.
 */
static inline bool stat_field_of(const char *path, int n, char *value, size_t size)
{
	char text[1024];

	if (read_text(path, text, sizeof(text)) <= 0)
		return false;
	char *field = strrchr(text, ')');
	CHECK(field != NULL);
	for (int i = 2; i < n; i++) {
		field = strchr(field, ' ');
		CHECK(field != NULL);
		field++;
	}
	snprintf(value, size, "%.*s", (int)strcspn(field, " \n"), field);
	return true;
}

/* The same of a process; false if there is none of this number. */
static inline bool stat_field(pid_t pid, int n, char *value, size_t size)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	return stat_field_of(path, n, value, size);
}

/* The letter of the process's state, or 0 if there is no such process. */
static inline char process_state(pid_t pid)
{
	char state[8];

	return stat_field(pid, 3, state, sizeof(state)) ? state[0] : 0;
}

static inline pid_t process_parent(pid_t pid)
{
	char ppid[32];

	CHECK(stat_field(pid, 4, ppid, sizeof(ppid)));
	return atoi(ppid);
}

/* Lets others run for a little while. */
static inline void pause_briefly(void)
{
	struct timespec ms = { 0, 1000000 };

	nanosleep(&ms, NULL);
}

/*
 * Returns when the process is in the state. Asking is the only way to know that another process has
 * really gone to sleep in a call.
 */
static inline void await_state(pid_t pid, char state)
{
	char now;

	while ((now = process_state(pid)) != state) {
		if (now == 0)
			FAIL("process %d is gone, not in state %c", (int)pid, state);
		if (now == 'Z')
			FAIL("process %d is a zombie, not in state %c", (int)pid, state);
		pause_briefly();
	}
}

/* Returns when the child is a zombie, and leaves it one. */
static inline void await_zombie(pid_t pid)
{
	siginfo_t info;

	CHECK_EQ(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
}

/* The value of a line "Name:\tvalue" of a file like /proc/pid/status; empty if it has none. */
static inline void status_line_of(const char *path, const char *name, char *value, size_t size)
{
	char text[4096];
	size_t length = strlen(name);

	CHECK(read_text(path, text, sizeof(text)) > 0);
	value[0] = '\0';
	for (char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, name, length) && line[length] == ':') {
			line += length + 1;
			line += strspn(line, " \t");
			snprintf(value, size, "%.*s", (int)strcspn(line, "\n"), line);
			return;
		}
	}
}

static inline void status_line(pid_t pid, const char *name, char *value, size_t size)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	status_line_of(path, name, value, size);
}

/* ---- time ------------------------------------------------------------------------------------ */

static inline int64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	CHECK_EQ(clock_gettime(clock, &now), 0);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Computes until this process has used so much more CPU time. */
static inline void burn_cpu_ms(int ms)
{
	int64_t end = clock_ns(CLOCK_PROCESS_CPUTIME_ID) + ms * 1000000LL;
	volatile unsigned sink = 0;

	while (clock_ns(CLOCK_PROCESS_CPUTIME_ID) < end)
		for (int i = 0; i < 20000; i++)
			sink = sink * 1664525u + 1013904223u;
}

#endif
