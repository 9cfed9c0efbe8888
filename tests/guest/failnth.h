/*
 * A walk through the allocations of a call: /proc/PID/fail-nth makes the Nth of them fail, and N
 * goes from 1 until the call needs no so many. Each time the call must say so with an error that
 * its manual page has for it (or succeed: some can do without), change nothing, and succeed when it
 * is done again; where /proc/audit is, nothing may be lost. Each call is walked with the kernel's
 * caches as they are, and emptied by /proc/sys/vm/drop_caches, so that each new object also takes a
 * fresh page. Linux has fail-nth if it was configured with CONFIG_FAULT_INJECTION, which Debian's
 * is not: there all of this is skipped. Source: Linux's
 * Documentation/fault-injection/fault-injection.rst.
 */
#ifndef FAILNTH_H
#define FAILNTH_H

#include "cpus.h"
#include "paths.h"

enum { ENOUGH = 2000 };

struct call {
	const char *name;
	void (*prepare)(void);	   /* before each try; or NULL */
	long (*make)(void);	   /* a negative result is a failure with errno */
	void (*undo)(long result); /* after a success; or NULL */
	int errors[4];		   /* the failures that its manual page allows */
	int least;		   /* how many of its allocations are told at least */
};

static int nth_fd = -1;

/* ---- the Nth allocation ---------------------------------------------------------------------- */

static inline void open_nth(void)
{
	nth_fd = open("/proc/self/fail-nth", O_RDWR | O_CLOEXEC);
}

static inline void arm(unsigned nth)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%u", nth);

	CHECK_EQ(pwrite(nth_fd, text, (size_t)length, 0), length);
}

/* What is left of the count; nothing fails any more. */
static inline unsigned disarm(void)
{
	char text[16] = "";

	CHECK(pread(nth_fd, text, sizeof(text) - 1, 0) > 0);
	arm(0);
	return (unsigned)strtoul(text, NULL, 10);
}

/* Opens the file of this process, and reads once, so that reading needs no memory later. All
 * happens on one CPU, where the stack of a child that has been waited for is given back already. */
static inline void need_nth(void)
{
	open_nth();
	if (nth_fd < 0) {
		CHECK_EQ(errno, ENOENT);
		SKIP("this kernel has no fail-nth");
	}
	CHECK_EQ(disarm(), 0);
	learn_cpus();
	keep_to(0, cpu_numbers[0]);
}

/* The objects in use, kind by kind, where the kernel's root may read them. */
struct objects {
	char name[64][24];
	long count[64];
	int kinds;
};

static inline void count_objects(struct objects *objects)
{
	static char text[16 << 10];
	int fd = open("/proc/slabinfo", O_RDONLY | O_CLOEXEC);

	objects->kinds = 0;
	CHECK(fd >= 0);
	text[read_all(fd, text, sizeof(text) - 1)] = '\0';
	close(fd);
	for (char *at = strchr(text, '\n'); at && objects->kinds < 64; at = strchr(at + 1, '\n')) {
		int i = objects->kinds;

		/* a name may have blanks and digits in it: the count is the column's */
		if (strlen(at) < 25)
			break;
		snprintf(objects->name[i], sizeof(objects->name[i]), "%.17s", at + 1);
		objects->count[i] = strtol(at + 18, NULL, 10);
		objects->kinds++;
	}
}

/* What was taken is given back: there are as many objects of each kind as before. */
static inline void compare_objects(const struct objects *before)
{
	struct objects now;

	count_objects(&now);
	CHECK_EQ(now.kinds, before->kinds);
	for (int i = 0; i < now.kinds; i++)
		if (now.count[i] != before->count[i])
			FAIL("%ld objects of %s, not %ld", now.count[i], now.name[i],
			     before->count[i]);
}

static inline void drop_caches(void)
{
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);

	CHECK(fd >= 0);
	CHECK_EQ(write(fd, "2", 1), 1);
	close(fd);
}

static inline int is_allowed(const struct call *call, int error)
{
	for (size_t i = 0; i < sizeof(call->errors) / sizeof(call->errors[0]); i++)
		if (call->errors[i] == error && error)
			return 1;
	return 0;
}

/* One try with the nth allocation failing. Whether it was told; *left is what the count ends at. */
static inline int try_nth(const struct call *call, unsigned nth, int cold, unsigned *left)
{
	if (call->prepare)
		call->prepare();
	if (cold)
		drop_caches();
	arm(nth);
	long result = call->make();
	int error = errno, told = result < 0;
	*left = disarm();
	if (told) {
		if (*left || !is_allowed(call, error))
			FAIL("errno %d (%s), %u left", error, strerror(error), *left);
		check_audit();
		result = call->make();
		if (result < 0)
			FAIL("again: errno %d (%s)", errno, strerror(errno));
	}
	if (call->undo)
		call->undo(result);
	return told;
}

static inline void walk(const struct call *call)
{
	struct objects before;
	unsigned left;

	CONTEXT("%s", call->name);
	CHECK_EQ(try_nth(call, 0, 0, &left), 0); /* once for what is kept for good */
	count_objects(&before);
	for (int cold = 0; cold < 2; cold++) {
		int told = 0;
		unsigned nth;

		left = 0;
		for (nth = 1; !left; nth++) {
			CONTEXT("%s, %s caches, allocation %u", call->name, cold ? "empty" : "warm",
				nth);
			CHECK(nth < ENOUGH);
			told += try_nth(call, nth, cold, &left);
		}
		check_audit();
		compare_objects(&before);
		if (cold && told < call->least)
			FAIL("%d failures are told", told);
	}
}

static inline void walk_all(const struct call *calls, size_t count)
{
	need_nth();
	for (size_t i = 0; i < count; i++)
		walk(&calls[i]);
}

/* The undoing of a call that made a descriptor. */
static inline void close_it(long fd)
{
	CHECK_EQ(close((int)fd), 0);
}

#define WALK(calls) walk_all(calls, sizeof(calls) / sizeof((calls)[0]))

#endif
