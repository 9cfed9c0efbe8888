/*
 * What the tests of terminals share, beside proc.h: pseudo-terminals, typing at one and reading
 * what its screen shows, and children that lead a session on one.
 *
 * On Linux input travels from the master to the slave's line discipline in a work queue. So a test
 * types, reads what it typed at the slave, and only then looks at the screen: by then the echo of
 * what was read is on its way before anything that the slave writes afterwards.
 */
#ifndef TTY_H
#define TTY_H

#include "proc.h"
#include <ctype.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>

struct pty {
	int master, slave;
	char name[32]; /* of the slave */
};

/* A fresh pair, unlocked and open on both sides; nobody's controlling terminal. */
static inline struct pty pty_new(void)
{
	struct pty pty = { .master = posix_openpt(O_RDWR | O_NOCTTY) };

	CHECK(pty.master >= 0);
	CHECK_EQ(grantpt(pty.master), 0);
	CHECK_EQ(unlockpt(pty.master), 0);
	CHECK_EQ(ptsname_r(pty.master, pty.name, sizeof(pty.name)), 0);
	pty.slave = open(pty.name, O_RDWR | O_NOCTTY);
	CHECK(pty.slave >= 0);
	return pty;
}

static inline void pty_free(struct pty pty)
{
	CHECK_EQ(close(pty.slave), 0);
	CHECK_EQ(close(pty.master), 0);
}

/* Bytes as C writes them, for messages; in a buffer that the fourth call after it overwrites. */
static inline const char *quoted(const void *bytes, size_t n)
{
	static char texts[4][400];
	static unsigned next;
	char *text = texts[next++ % 4], *to = text;
	const unsigned char *from = bytes;

	for (; n && to < text + sizeof(texts[0]) - 8; n--, from++)
		if (isprint(*from) && *from != '\\')
			*to++ = (char)*from;
		else
			to += sprintf(to, "\\x%02x", *from);
	strcpy(to, n ? "..." : "");
	return text;
}

#define CHECK_BYTES(actual, count, expected, expected_count)                                       \
	do {                                                                                       \
		const char *a_ = (actual), *e_ = (expected);                                       \
		size_t n_ = (size_t)(count), m_ = (size_t)(expected_count);                        \
		if (n_ != m_ || memcmp(a_, e_, n_))                                                \
			FAIL("%s is %zu bytes \"%s\", not %zu: \"%s\"", #actual, n_,               \
			     quoted(a_, n_), m_, quoted(e_, m_));                                  \
	} while (0)

/* A single read of up to size bytes must give exactly these. */
#define CHECK_READ_N(fd, size, expected, expected_count)                                           \
	do {                                                                                       \
		char got_[8192];                                                                   \
		ssize_t r_ = read(fd, got_, size);                                                 \
		if (r_ < 0)                                                                        \
			FAIL("read from %s fails with errno %d: %s", #fd, errno, strerror(errno)); \
		CHECK_BYTES(got_, r_, expected, expected_count);                                   \
	} while (0)

#define CHECK_READ(fd, expected) CHECK_READ_N(fd, 8192, expected, strlen(expected))

static inline void write_bytes(int fd, const void *bytes, size_t n)
{
	for (const char *from = bytes; n;) {
		ssize_t wrote = write(fd, from, n);
		CHECK(wrote > 0);
		from += wrote;
		n -= (size_t)wrote;
	}
}

static inline void type(struct pty pty, const char *keys)
{
	write_bytes(pty.master, keys, strlen(keys));
}

/* Reads exactly n bytes, however many reads that takes. */
static inline void read_bytes(int fd, void *bytes, size_t n)
{
	for (char *to = bytes; n;) {
		ssize_t got = read(fd, to, n);
		CHECK(got > 0);
		to += got;
		n -= (size_t)got;
	}
}

/* What the screen shows since the last look: what was written and echoed; its length. */
static inline size_t look(struct pty pty, char *screen, size_t size)
{
	size_t n = 0;

	write_bytes(pty.slave, "\x1f", 1); /* which no test uses, and no setting changes */
	do {
		CHECK(n < size);
		read_bytes(pty.master, screen + n, 1);
	} while (screen[n++] != '\x1f');
	return n - 1;
}

#define CHECK_SCREEN_N(pty, expected, expected_count)                                              \
	do {                                                                                       \
		char screen_[16384];                                                               \
		size_t shown_ = look(pty, screen_, sizeof(screen_));                               \
		CHECK_BYTES(screen_, shown_, expected, expected_count);                            \
	} while (0)

#define CHECK_SCREEN(pty, expected) CHECK_SCREEN_N(pty, expected, strlen(expected))

static inline struct termios modes_of(int fd)
{
	struct termios modes;

	CHECK_EQ(tcgetattr(fd, &modes), 0);
	return modes;
}

/* Switches flags of c_lflag off, then on. */
static inline void change_lflag(int fd, tcflag_t off, tcflag_t on)
{
	struct termios modes = modes_of(fd);

	modes.c_lflag = (modes.c_lflag & ~off) | on;
	CHECK_EQ(tcsetattr(fd, TCSANOW, &modes), 0);
}

/* Bytes as they come, with VMIN and VTIME; no echo, no signals, no changes on the way out. */
static inline void make_raw(int fd, int min, int time)
{
	struct termios modes = modes_of(fd);

	cfmakeraw(&modes);
	modes.c_cc[VMIN] = (cc_t)min;
	modes.c_cc[VTIME] = (cc_t)time;
	CHECK_EQ(tcsetattr(fd, TCSANOW, &modes), 0);
}

static inline int readable_bytes(int fd)
{
	int n;

	CHECK_EQ(ioctl(fd, FIONREAD, &n), 0);
	return n;
}

/* Returns when so many bytes can be read. */
static inline void await_input(int fd, int n)
{
	while (readable_bytes(fd) < n)
		pause_briefly();
}

static inline int events_of(int fd)
{
	struct pollfd ask = { .fd = fd, .events = POLLIN | POLLOUT | POLLPRI };

	CHECK(poll(&ask, 1, 0) >= 0);
	return ask.revents;
}

/* Returns when poll(2) reports one of the events. */
static inline int await_events(int fd, short events)
{
	struct pollfd ask = { .fd = fd, .events = events };

	CHECK_EQ(poll(&ask, 1, -1), 1);
	return ask.revents;
}

/* In a child: leads a session of its own whose controlling terminal is the pty's. */
static inline void lead_session_on(struct pty pty)
{
	CHECK_EQ(setsid(), getpid());
	CHECK_EQ(ioctl(pty.slave, TIOCSCTTY, 0), 0);
}

/* Taking a terminal away from another session, or hanging it up, takes a superuser of the whole
 * machine; one of a user namespace is not. */
static inline bool is_machines_superuser(void)
{
	char map[64];
	unsigned first, mapped, count = 0;

	if (read_text("/proc/self/uid_map", map, sizeof(map)) < 0)
		return true; /* a kernel without user namespaces */
	CHECK_EQ(sscanf(map, "%u %u %u", &first, &mapped, &count), 3);
	return count == 0xffffffff;
}

#endif
