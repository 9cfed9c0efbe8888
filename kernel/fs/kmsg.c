/*
 * /dev/kmsg (Linux's Documentation/ABI/testing/dev-kmsg): a write appends a record, a read gives
 * the next one, "priority,sequence,microseconds,-;text\n", and waits at the end of the log.
 *
 * printk() may be called under any lock, that of a run queue included, so it cannot wake anybody.
 * Instead a timer looks at the log as long as somebody waits. No wake-up is lost: a waiter is on
 * the queue before it makes sure that the timer runs, and the timer stops only if it finds the
 * queue empty, both under watch_lock.
 */
#include "fs/kmsg.h"
#include "fs/file.h"
#include "fs/poll.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "sched/task.h"
#include "sched/timer.h"
#include "x86/log.h"
#include "x86/printk.h"
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/poll.h>

#define LINE_MAX 1024		      /* bytes in one write */
#define LINE_SIZE (4 * LOG_TEXT + 64) /* bytes of a record as it is read */
#define LOOK_PERIOD (50 * NSEC_PER_MSEC)
#define DEFAULT_LEVEL 4 /* of what is written without a priority: a warning */
#define USER_FACILITY 1

static struct wait_queue waiters = WAIT_QUEUE_INIT(waiters, "kmsg readers");
static struct spinlock watch_lock = SPINLOCK_INIT("kmsg watch"); /* guards what follows */
static struct timer watch_timer;
static bool watching;
static u64 watched_end;

static void look(struct timer *timer)
{
	u64 end = log_end();

	if (end != watched_end)
		wait_queue_wake(&waiters);
	watched_end = end;
	spin_lock(&watch_lock);
	spin_lock(&waiters.lock);
	watching = !list_empty(&waiters.waiters);
	spin_unlock(&waiters.lock);
	if (watching)
		timer_arm(timer, clock_monotonic() + LOOK_PERIOD);
	spin_unlock(&watch_lock);
}

/* For a waiter on the queue: whether the log has grown; if not, it will be told when it has. */
static bool has_grown(u64 position)
{
	spin_lock(&watch_lock);
	if (!watching) {
		watching = true;
		watched_end = position;
		timer_init(&watch_timer, look);
		timer_arm(&watch_timer, clock_monotonic() + LOOK_PERIOD);
	}
	spin_unlock(&watch_lock);
	return log_end() != position;
}

int kmsg_wait(u64 position)
{
	return wait_event_interruptible(&waiters, has_grown(position));
}

/*
 * Where a reader is in the log: file->private. A file's offset would not do, because pread(2) may
 * name any, and a position must be where a record begins. It moves under file->pos_lock, so that
 * two who share the file do not read the same record; nobody waits with that lock.
 */
static u64 position_of(const struct file *file)
{
	return (u64)__atomic_load_n(&file->private, __ATOMIC_RELAXED);
}

static void set_position(struct file *file, u64 position)
{
	__atomic_store_n(&file->private, (void *)position, __ATOMIC_RELAXED);
}

static int kmsg_open(struct inode *inode, struct file *file)
{
	(void)inode;
	set_position(file, log_first());
	return 0;
}

/* "<N>" before a line is its priority. The kernel's own facility, 0, is not for others. */
static const char *take_priority(const char *line, unsigned *priority)
{
	const char *end;

	*priority = USER_FACILITY << 3 | DEFAULT_LEVEL;
	if (*line != '<')
		return line;
	u64 number = str_to_u64(line + 1, &end);
	if (end == line + 1 || *end != '>')
		return line;
	*priority = number & 0x3ff;
	if (*priority >> 3 == 0)
		*priority |= USER_FACILITY << 3;
	return end + 1;
}

static ssize_t kmsg_write(struct file *file, struct uio *uio, s64 *pos)
{
	size_t size = uio->left;
	unsigned priority;

	(void)file;
	(void)pos;
	if (size > LINE_MAX)
		return -EINVAL;
	char *line = kmalloc(size + 1);
	if (!line)
		return -ENOMEM;
	ssize_t result = uio_get(uio, line, size) == size ? (ssize_t)size : -EFAULT;
	if (result > 0) {
		line[line[size - 1] == '\n' ? size - 1 : size] = 0;
		const char *text = take_priority(line, &priority);
		printk_at(priority, "%s", text);
	}
	kfree(line);
	return result;
}

/* The record as it is read; line has LINE_SIZE bytes. Returns its length. */
static size_t format_record(const struct log_record *record, char *line)
{
	size_t at =
		snprintf(line, LINE_SIZE, "%u,%llu,%llu,-;", record->priority,
			 (unsigned long long)record->sequence, (unsigned long long)record->usec);

	for (size_t i = 0; i < record->size; i++) {
		u8 c = record->text[i];

		if (c < ' ' || c >= 127 || c == '\\')
			at += snprintf(line + at, LINE_SIZE - at, "\\x%02x", c);
		else
			line[at++] = c;
	}
	line[at++] = '\n';
	return at;
}

/* One record; it is passed, even if there is no room for it (-EINVAL) or no memory at that address.
 * -EPIPE: the next one was dropped, and the one after it will be read. pos_lock held. */
static ssize_t read_record(struct file *file, struct uio *uio, char *line)
{
	struct log_record record;
	u64 next = position_of(file);

	if (next < log_first()) {
		set_position(file, log_first());
		return -EPIPE;
	}
	if (!log_read(&next, &record))
		return -EAGAIN;
	set_position(file, next);
	size_t size = format_record(&record, line);
	if (size > uio->left)
		return -EINVAL;
	return uio_put(uio, line, size) == size ? (ssize_t)size : -EFAULT;
}

static ssize_t kmsg_read(struct file *file, struct uio *uio, s64 *pos)
{
	char *line = kmalloc(LINE_SIZE);
	ssize_t result;

	(void)pos;
	if (!line)
		return -ENOMEM;
	while (true) {
		mutex_lock(&file->pos_lock);
		result = read_record(file, uio, line);
		u64 position = position_of(file);
		mutex_unlock(&file->pos_lock);
		if (result != -EAGAIN || file_nonblocking(file))
			break;
		result = kmsg_wait(position);
		if (result)
			break;
	}
	kfree(line);
	return result;
}

static s64 kmsg_seek(struct file *file, s64 offset, int whence)
{
	if (offset)
		return -ESPIPE;
	if (whence != SEEK_SET && whence != SEEK_END)
		return -EINVAL;
	set_position(file, whence == SEEK_SET ? log_first() : log_end());
	return 0;
}

static u32 kmsg_poll(struct file *file, struct poll_table *table)
{
	u64 position = position_of(file);

	poll_wait(table, &waiters);
	if (!has_grown(position))
		return POLLOUT | POLLWRNORM;
	return POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM |
	       (position < log_first() ? POLLERR | POLLPRI : 0);
}

const struct file_ops kmsg_ops = {
	.open = kmsg_open,
	.read = kmsg_read,
	.write = kmsg_write,
	.seek = kmsg_seek,
	.poll = kmsg_poll,
};
