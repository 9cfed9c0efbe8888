/*
 * /dev/uninterruptible: a place to study state D. Whoever reads it sleeps as one who waits for a
 * disk does: no signal ends that, SIGKILL included, which stays pending until the wait is over
 * (signal(7), proc(5)). A write to the device lets everybody go who sleeps there at that moment.
 * Only root may open it.
 */
#include <linux/errno.h>
#include "fs/device.h"
#include "sched/task.h"

#define LOCAL_MAJOR 240 /* the first of those kept for local use (Linux's devices.txt) */

static struct wait_queue sleepers = WAIT_QUEUE_INIT(sleepers, "uninterruptible");
static u64 releases; /* atomic: writes so far */

static ssize_t uninterruptible_read(struct file *file, struct uio *uio, s64 *pos)
{
	u64 before = __atomic_load_n(&releases, __ATOMIC_ACQUIRE);

	(void)file, (void)uio, (void)pos;
	wait_event(&sleepers, __atomic_load_n(&releases, __ATOMIC_ACQUIRE) != before);
	return 0;
}

static ssize_t uninterruptible_write(struct file *file, struct uio *uio, s64 *pos)
{
	(void)file, (void)pos;
	__atomic_fetch_add(&releases, 1, __ATOMIC_RELEASE);
	wait_queue_wake(&sleepers);
	return (ssize_t)uio->left;
}

static const struct file_ops uninterruptible_ops = { .read = uninterruptible_read,
						     .write = uninterruptible_write };

static struct chrdev uninterruptible = { LOCAL_MAJOR, 0, 1, &uninterruptible_ops, { NULL, NULL } };

void sleepdev_init(void)
{
	chrdev_register(&uninterruptible);
}
