/*
 * syslog(2) and /dev/kmsg: what is written is read again, each reader's position, clearing, the
 * levels of the console, who may. In a namespace Linux lets nobody but the machine's own root do
 * most of it, so much of this is skipped there; `tools/mitos run --on linux --append
 * printk.devkmsg=on` with this program shows that all of it holds. Sources: syslog(2), Linux's
 * Documentation/ABI/testing/dev-kmsg.
 */
#include "proc.h"
#include <fcntl.h>
#include <poll.h>
#include <sys/klog.h>
#include <sys/mman.h>

enum {
	CLOSE,
	OPEN,
	READ,
	READ_ALL,
	READ_CLEAR,
	CLEAR,
	CONSOLE_OFF,
	CONSOLE_ON,
	CONSOLE_LEVEL,
	SIZE_UNREAD,
	SIZE_BUFFER,
	ACTIONS
};

static char text[1 << 22]; /* larger than any log */

static void need_privilege(void)
{
	if (klogctl(OPEN, NULL, 0) < 0)
		SKIP("not the machine's root");
}

/* Writes a line to the log that has not been there before, and returns it. */
static const char *log_marker(const char *priority)
{
	static char marker[80], line[100];
	static int count;
	int fd = open("/dev/kmsg", O_WRONLY);

	CHECK(fd >= 0);
	snprintf(marker, sizeof(marker), "marker %d of %d", ++count, getpid());
	int length = snprintf(line, sizeof(line), "%s%s\n", priority, marker);
	CHECK_EQ(write(fd, line, length), length);
	CHECK_EQ(close(fd), 0);
	return marker;
}

/* Everything in the log, into text; its length. */
static int read_all(int action)
{
	int length = klogctl(action, text, sizeof(text) - 1);

	CHECK(length >= 0);
	text[length] = '\0';
	return length;
}

TEST(everybody_may_read_all)
{
	int size = klogctl(SIZE_BUFFER, NULL, 0);

	if (size < 0)
		SKIP("dmesg_restrict is set");
	CHECK(size >= 4096 && size < (int)sizeof(text));
	CHECK(read_all(READ_ALL) > 0);
	CHECK_EQ(klogctl(READ_ALL, text, 0), 0);
	CHECK_ERRNO(klogctl(READ_ALL, NULL, 10), EINVAL);
	CHECK_ERRNO(klogctl(READ_ALL, text, -1), EINVAL);
}

TEST(only_root_may_do_the_rest)
{
	pid_t pid = FORK();

	if (pid == 0) {
		if (setuid(65534) < 0)
			_exit(0); /* a namespace with no other user */
		for (int action = 0; action <= ACTIONS; action++) {
			CONTEXT("action %d", action);
			if (action != READ_ALL && action != SIZE_BUFFER)
				CHECK_ERRNO(klogctl(action, text, 1), EPERM);
		}
		_exit(0);
	}
	CHECK_EXIT(pid, 0);
}

TEST(wrong_arguments)
{
	need_privilege();
	for (int action = READ; action <= READ_CLEAR; action++) {
		CONTEXT("action %d", action);
		CHECK_ERRNO(klogctl(action, NULL, 10), EINVAL);
		CHECK_ERRNO(klogctl(action, text, -1), EINVAL);
		CHECK_EQ(klogctl(action, text, 0), 0);
		log_marker("");
		CHECK_ERRNO(klogctl(action, BAD_POINTER, 4096), EFAULT);
	}
	CHECK_ERRNO(klogctl(ACTIONS, text, 10), EINVAL);
	CHECK_ERRNO(klogctl(-1, text, 10), EINVAL);
	CHECK_ERRNO(klogctl(CONSOLE_LEVEL, NULL, 0), EINVAL);
	CHECK_ERRNO(klogctl(CONSOLE_LEVEL, NULL, 9), EINVAL);
	CHECK_EQ(klogctl(OPEN, NULL, 0), 0);
	CHECK_EQ(klogctl(CLOSE, NULL, 0), 0);
}

/* A line is "<priority>[seconds] text"; what no priority is given for is a warning of a user. */
TEST(priorities)
{
	static const char *const rows[][2] = { { "", "<12>[" },
					       { "<0>", "<8>[" },
					       { "<6>", "<14>[" },
					       { "<13>", "<13>[" },
					       { "<30>", "<30>[" } };

	need_privilege();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CONTEXT("priority \"%s\"", rows[i][0]);
		const char *marker = log_marker(rows[i][0]);
		read_all(READ_ALL);
		char *found = strstr(text, marker);
		CHECK(found && found[strlen(marker)] == '\n');
		while (found > text && found[-1] != '\n')
			found--;
		CHECK_EQ(strncmp(found, rows[i][1], strlen(rows[i][1])), 0);
	}
}

TEST(little_room_is_for_the_latest)
{
	need_privilege();
	const char *marker = log_marker("");
	int length = klogctl(READ_ALL, text, 100);

	CHECK(length > (int)strlen(marker) && length <= 100);
	text[length] = '\0';
	CHECK(text[0] == '<' && text[length - 1] == '\n' && strstr(text, marker));
	CHECK_EQ(klogctl(READ_ALL, text, 3), 0);
}

TEST(clearing)
{
	char marker[80];

	need_privilege();
	strcpy(marker, log_marker(""));
	read_all(READ_CLEAR);
	CHECK(strstr(text, marker));
	read_all(READ_ALL);
	CHECK(!strstr(text, marker));
	strcpy(marker, log_marker(""));
	read_all(READ_ALL);
	CHECK(strstr(text, marker));
	CHECK_EQ(klogctl(CLEAR, NULL, 0), 0);
	read_all(READ_ALL);
	CHECK(!strstr(text, marker));
}

/* Takes what there is to READ; in pieces of so many bytes, one after the other into text. */
static int drain(int piece)
{
	int length = 0;

	while (klogctl(SIZE_UNREAD, NULL, 0) > 0) {
		int got = klogctl(READ, text + length, piece);
		CHECK(got > 0 && got <= piece);
		length += got;
	}
	text[length] = '\0';
	return length;
}

TEST(reading_takes_it_away)
{
	need_privilege();
	drain(4096);
	const char *marker = log_marker("");
	int unread = klogctl(SIZE_UNREAD, NULL, 0);
	CHECK(unread > (int)strlen(marker));
	CHECK_EQ(drain(7), unread);
	CHECK(strstr(text, marker) && text[0] == '<' && text[unread - 1] == '\n');
	read_all(READ_ALL);
	CHECK(strstr(text, marker)); /* there to be shown, still */
}

static void on_alarm(int signal)
{
	(void)signal;
}

TEST(reading_waits)
{
	struct sigaction action = { .sa_handler = on_alarm };

	need_privilege();
	drain(4096);
	pid_t pid = FORK();
	if (pid == 0) {
		int length = klogctl(READ, text, sizeof(text) - 1);
		CHECK(length > 0);
		text[length] = '\0';
		_exit(strstr(text, "marker") ? 0 : 1);
	}
	await_state(pid, 'S');
	log_marker("");
	CHECK_EXIT(pid, 0);
	CHECK_EQ(sigaction(SIGALRM, &action, NULL), 0);
	do { /* others may have something to say, too */
		drain(4096);
		alarm(1);
	} while (klogctl(READ, text, 10) > 0);
	CHECK_EQ(errno, EINTR);
}

static int console_level(void)
{
	int level = -1;
	FILE *file = fopen("/proc/sys/kernel/printk", "r");

	CHECK(file && fscanf(file, "%d", &level) == 1);
	fclose(file);
	return level;
}

TEST(levels_of_the_console)
{
	need_privilege();
	int before = console_level();
	CHECK_EQ(klogctl(CONSOLE_LEVEL, NULL, 3), 0);
	CHECK_EQ(console_level(), 3);
	CHECK_EQ(klogctl(CONSOLE_OFF, NULL, 0), 0);
	CHECK_EQ(console_level(), 1);
	CHECK_EQ(klogctl(CONSOLE_OFF, NULL, 0), 0);
	CHECK_EQ(klogctl(CONSOLE_ON, NULL, 0), 0);
	CHECK_EQ(console_level(), 3);
	CHECK_EQ(klogctl(CONSOLE_ON, NULL, 0), 0);
	CHECK_EQ(klogctl(CONSOLE_OFF, NULL, 0), 0);
	CHECK_EQ(klogctl(CONSOLE_LEVEL, NULL, 1), 0);
	CHECK_EQ(klogctl(CONSOLE_ON, NULL, 0), 0);
	CHECK_EQ(console_level(), 1);
	if (before > 1)
		CHECK_EQ(klogctl(CONSOLE_LEVEL, NULL, before), 0);
}

/* ---- /dev/kmsg --------------------------------------------------------------------------------*/

static int open_at_end(int flags)
{
	int fd = open("/dev/kmsg", O_RDONLY | flags);

	CHECK(fd >= 0);
	CHECK_EQ(lseek(fd, 0, SEEK_END), 0);
	return fd;
}

/* Reads records until one has the marker in it. */
static void find_record(int fd, const char *marker)
{
	do {
		int length = read(fd, text, sizeof(text) - 1);
		CHECK(length > 0 && text[length - 1] == '\n');
		text[length] = '\0';
	} while (!strstr(text, marker));
}

TEST(kmsg_gives_a_record_at_a_time)
{
	unsigned priority;
	unsigned long long first, second, usec;

	need_privilege();
	int fd = open_at_end(O_NONBLOCK);
	find_record(fd, (log_marker("<5>"), log_marker("")));
	CHECK_EQ(sscanf(text, "%u,%llu,%llu,-;marker", &priority, &first, &usec), 3);
	CHECK_EQ(priority, 12);
	find_record(fd, log_marker("<3>a\\\1\xff"));
	CHECK_EQ(sscanf(text, "%u,%llu,%llu,-;a", &priority, &second, &usec), 3);
	CHECK_EQ(priority, 11);
	CHECK(second > first && strstr(text, ";a\\x5c\\x01\\xffmarker"));
	log_marker("");
	CHECK_ERRNO(read(fd, text, 5), EINVAL); /* and the record is passed */
	CHECK_ERRNO(read(fd, text, sizeof(text)), EAGAIN);
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	CHECK(read(fd, text, sizeof(text)) > 0);
	CHECK_EQ(close(fd), 0);
}

TEST(kmsg_has_an_end)
{
	need_privilege();
	int fd = open_at_end(O_NONBLOCK);
	struct pollfd poller = { .fd = fd, .events = POLLIN };
	CHECK_ERRNO(read(fd, text, sizeof(text)), EAGAIN);
	CHECK_EQ(poll(&poller, 1, 0), 0);
	pid_t pid = FORK();
	if (pid == 0)
		_exit(poll(&poller, 1, -1) == 1 && poller.revents & POLLIN ? 0 : 1);
	await_state(pid, 'S');
	const char *marker = log_marker("");
	CHECK_EXIT(pid, 0);
	find_record(fd, marker);
	CHECK_EQ(close(fd), 0);
}

TEST(kmsg_reading_waits)
{
	need_privilege();
	int fd = open_at_end(0);
	pid_t pid = FORK();
	if (pid == 0) {
		find_record(fd, "marker");
		_exit(0);
	}
	await_state(pid, 'S');
	log_marker("");
	CHECK_EXIT(pid, 0);
	CHECK_EQ(close(fd), 0);
}

TEST(kmsg_has_no_offsets)
{
	need_privilege();
	int fd = open_at_end(O_NONBLOCK);
	CHECK_ERRNO(lseek(fd, 1, SEEK_SET), ESPIPE);
	CHECK_ERRNO(lseek(fd, 0, SEEK_CUR), EINVAL);
	find_record(fd, log_marker(""));
	log_marker("");
	CHECK(pread(fd, text, sizeof(text), 3) > 0 || errno == ESPIPE);
	CHECK(write(open("/dev/kmsg", O_WRONLY), text, 4096) < 0 && errno == EINVAL);
	CHECK_EQ(close(fd), 0);
}

TEST(kmsg_tells_what_was_lost)
{
	static char line[250];

	need_privilege();
	int reader = open_at_end(O_NONBLOCK), writer = open("/dev/kmsg", O_WRONLY);
	int size = klogctl(SIZE_BUFFER, NULL, 0);
	const char *marker = log_marker("");
	memset(line, 'x', sizeof(line));
	for (int written = 0; written < 4 * size; written += sizeof(line))
		CHECK_EQ(write(writer, line, sizeof(line)), sizeof(line));
	CHECK_ERRNO(read(reader, text, sizeof(text)), EPIPE);
	CHECK(read(reader, text, sizeof(text)) > 0);
	read_all(READ_ALL);
	CHECK(!strstr(text, marker));
	CHECK_EQ(close(reader), 0);
	CHECK_EQ(close(writer), 0);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
