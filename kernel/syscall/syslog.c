/*
 * syslog(2): the kernel's log as lines, "<priority>[seconds.micros] text\n". There is one reader's
 * position for the whole machine, and one position from which the log is shown again, behind what
 * was cleared. Reading all and the size of the log are for everybody, unless dmesg_restrict is
 * set; the rest is for root.
 */
#include "lib/printf.h"
#include "mm/usercopy.h"
#include "fs/kmsg.h"
#include "sched/mutex.h"
#include "sched/task.h"
#include "syscall/process.h"
#include "x86/log.h"
#include "x86/printk.h"
#include <asm/errno.h>
#include <linux/capability.h>

/* Of syslog(2), which no header of Linux has for programs. */
enum {
	SYSLOG_ACTION_CLOSE,
	SYSLOG_ACTION_OPEN,
	SYSLOG_ACTION_READ,
	SYSLOG_ACTION_READ_ALL,
	SYSLOG_ACTION_READ_CLEAR,
	SYSLOG_ACTION_CLEAR,
	SYSLOG_ACTION_CONSOLE_OFF,
	SYSLOG_ACTION_CONSOLE_ON,
	SYSLOG_ACTION_CONSOLE_LEVEL,
	SYSLOG_ACTION_SIZE_UNREAD,
	SYSLOG_ACTION_SIZE_BUFFER,
};

#define LINE_SIZE (LOG_TEXT + 48)

bool dmesg_restrict;

static struct mutex syslog_lock = MUTEX_INIT(syslog_lock, "syslog"); /* guards what follows */
static u64 read_position, clear_position;
static size_t read_already;  /* bytes of the line at read_position */
static int saved_level = -1; /* of the console, while it is off; -1: it is on */

/* The next line from *position on, which moves behind it; its length, 0 at the end of the log. */
static size_t next_line(u64 *position, char line[LINE_SIZE])
{
	struct log_record record;

	if (!log_read(position, &record))
		return 0;
	return snprintf(line, LINE_SIZE, "<%u>[%5llu.%06llu] %.*s\n", record.priority,
			(unsigned long long)(record.usec / 1000000),
			(unsigned long long)(record.usec % 1000000), (int)record.size, record.text);
}

/* The bytes of all lines between two positions. */
static size_t size_between(u64 position, u64 end)
{
	char line[LINE_SIZE];
	size_t total = 0;

	while (position < end)
		total += next_line(&position, line);
	return total;
}

/* Of what has not been read yet. A line that was read in part may have been dropped. */
static size_t size_unread(void)
{
	size_t size = size_between(read_position, log_end());

	return read_position < log_first() || size < read_already ? size : size - read_already;
}

/* What has not been read yet, as much as there is room for; less than a line only where it ends. */
static s64 read_some(char __user *buf, size_t size)
{
	char line[LINE_SIZE];
	size_t done = 0;

	while (done < size) {
		if (read_position < log_first()) {
			read_position = log_first();
			read_already = 0;
		}
		u64 next = read_position;
		size_t length = next_line(&next, line);
		if (read_position < log_first())
			continue; /* dropped by a printk() elsewhere: this may be a later line */
		size_t step = min(length - read_already, size - done);

		if (!length)
			break;
		if (copy_to_user(buf + done, line + read_already, step))
			return done ? (s64)done : -EFAULT;
		done += step;
		read_already += step;
		if (read_already < length)
			break;
		read_position = next;
		read_already = 0;
	}
	return (s64)done;
}

/* Waits for at least one byte. */
static s64 syslog_read(char __user *buf, size_t size)
{
	while (true) {
		mutex_lock(&syslog_lock);
		s64 result = read_some(buf, size);
		u64 position = read_position;
		mutex_unlock(&syslog_lock);
		if (result)
			return result;
		int error = kmsg_wait(position);
		if (error)
			return error;
	}
}

/* The latest whole lines for which there is room; clear: they are not shown again. */
static s64 syslog_read_all(char __user *buf, size_t size, bool clear)
{
	char line[LINE_SIZE];
	u64 end = log_end(), position = max(clear_position, log_first());
	size_t total = size_between(position, end), done = 0;

	while (position < end && total > size)
		total -= next_line(&position, line);
	while (position < end) {
		size_t length = next_line(&position, line);

		if (done + length > size)
			break; /* what was to come has been dropped meanwhile */
		if (copy_to_user(buf + done, line, length))
			return -EFAULT;
		done += length;
	}
	if (clear)
		clear_position = end;
	return (s64)done;
}

static void console_switch(bool on)
{
	if (!on && saved_level < 0) {
		saved_level = console_level;
		console_level = CONSOLE_LEVEL_MIN;
	} else if (on && saved_level >= 0) {
		console_level = saved_level;
		saved_level = -1;
	}
}

static s64 console_set_level(int level)
{
	if (level < CONSOLE_LEVEL_MIN || level > 8)
		return -EINVAL;
	console_level = level;
	saved_level = -1;
	return 0;
}

/* What neither reads nor waits; the lock is held. */
static s64 syslog_control(int type, int length)
{
	switch (type) {
	case SYSLOG_ACTION_CLOSE:
	case SYSLOG_ACTION_OPEN:
		return 0;
	case SYSLOG_ACTION_CLEAR:
		clear_position = log_end();
		return 0;
	case SYSLOG_ACTION_CONSOLE_OFF:
	case SYSLOG_ACTION_CONSOLE_ON:
		console_switch(type == SYSLOG_ACTION_CONSOLE_ON);
		return 0;
	case SYSLOG_ACTION_CONSOLE_LEVEL:
		return console_set_level(length);
	case SYSLOG_ACTION_SIZE_UNREAD:
		return size_unread();
	case SYSLOG_ACTION_SIZE_BUFFER:
		return LOG_SIZE;
	}
	return -EINVAL;
}

static bool is_restricted(int type)
{
	return dmesg_restrict ||
	       (type != SYSLOG_ACTION_READ_ALL && type != SYSLOG_ACTION_SIZE_BUFFER);
}

s64 sys_syslog(int type, char __user *buf, int length)
{
	bool reads = type >= SYSLOG_ACTION_READ && type <= SYSLOG_ACTION_READ_CLEAR;

	if (is_restricted(type) && !capable(CAP_SYSLOG))
		return -EPERM;
	if (reads && (!buf || length < 0))
		return -EINVAL;
	if (reads && length == 0)
		return 0;
	if (type == SYSLOG_ACTION_READ)
		return syslog_read(buf, length);
	mutex_lock(&syslog_lock);
	s64 result = reads ? syslog_read_all(buf, length, type == SYSLOG_ACTION_READ_CLEAR)
			   : syslog_control(type, length);
	mutex_unlock(&syslog_lock);
	return result;
}
