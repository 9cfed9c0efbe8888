/*
 * The registry of character devices, and those that are nothing but code: null, zero, full, random,
 * urandom. Drivers are registered at boot and never leave, so the registry's lock only orders
 * registrations.
 */
#include <linux/errno.h>
#include <linux/major.h>
#include <linux/mman.h>
#include "fs/device.h"
#include "fs/kmsg.h"
#include "lib/string.h"
#include "mm/mm.h"
#include "mm/slab.h"
#include "sched/task.h"
#include "x86/random.h"

static struct list_head drivers = LIST_HEAD_INIT(drivers);
static struct spinlock drivers_lock = SPINLOCK_INIT("chrdev");

void chrdev_register(struct chrdev *chrdev)
{
	spin_lock(&drivers_lock);
	list_add_tail(&drivers, &chrdev->link);
	spin_unlock(&drivers_lock);
}

const struct file_ops *chrdev_find(dev_t dev)
{
	const struct file_ops *ops = NULL;
	struct chrdev *chrdev;

	spin_lock(&drivers_lock);
	list_for_each(chrdev, &drivers, link)
		if (chrdev->major == dev_major(dev) &&
		    dev_minor(dev) - chrdev->minor < chrdev->count)
			ops = chrdev->ops;
	spin_unlock(&drivers_lock);
	return ops;
}

/* There is no position, but asking for one is no error. */
static s64 seek_nowhere(struct file *file, s64 offset, int whence)
{
	(void)offset;
	(void)whence;
	return file->pos = 0;
}

static ssize_t null_read(struct file *file, struct uio *uio, s64 *pos)
{
	(void)file;
	(void)uio;
	(void)pos;
	return 0;
}

static ssize_t null_write(struct file *file, struct uio *uio, s64 *pos)
{
	(void)file;
	(void)pos;
	return uio->left;
}

static ssize_t full_write(struct file *file, struct uio *uio, s64 *pos)
{
	(void)file;
	(void)uio;
	(void)pos;
	return -ENOSPC;
}

static ssize_t zero_read(struct file *file, struct uio *uio, s64 *pos)
{
	size_t total = 0;

	(void)file;
	(void)pos;
	while (uio->left && !kill_is_pending()) {
		size_t want = min(uio->left, 16 * PAGE_SIZE);
		size_t done = uio_zero(uio, want);
		total += done;
		if (done < want)
			break;
		cond_resched();
	}
	return total ? (ssize_t)total : -EFAULT;
}

static int zero_mmap(struct file *file, struct mmap_request *request)
{
	(void)file;
	return (request->flags & MAP_TYPE) == MAP_PRIVATE ? 0 : mm_shared_anonymous(request);
}

static ssize_t random_read(struct file *file, struct uio *uio, s64 *pos)
{
	size_t total = 0;
	u8 bytes[256];

	(void)file;
	(void)pos;
	while (uio->left && !(total && signal_is_pending())) {
		size_t want = min(uio->left, sizeof(bytes));
		random_bytes(bytes, want);
		size_t done = uio_put(uio, bytes, want);
		total += done;
		if (done < want)
			break;
		cond_resched();
	}
	return total ? (ssize_t)total : -EFAULT;
}

static const struct file_ops null_ops = { .read = null_read,
					  .write = null_write,
					  .seek = seek_nowhere };
static const struct file_ops zero_ops = {
	.read = zero_read, .write = null_write, .seek = seek_nowhere, .mmap = zero_mmap
};
static const struct file_ops full_ops = { .read = zero_read,
					  .write = full_write,
					  .seek = seek_nowhere };
static const struct file_ops random_ops = { .read = random_read,
					    .write = null_write,
					    .seek = seek_nowhere };

static struct chrdev devices[] = {
	{ MEM_MAJOR, 3, 1, &null_ops, { NULL, NULL } },
	{ MEM_MAJOR, 5, 1, &zero_ops, { NULL, NULL } },
	{ MEM_MAJOR, 7, 1, &full_ops, { NULL, NULL } },
	{ MEM_MAJOR, 8, 2, &random_ops, { NULL, NULL } },
	{ MEM_MAJOR, 11, 1, &kmsg_ops, { NULL, NULL } },
};

void devices_init(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(devices); i++)
		chrdev_register(&devices[i]);
}
