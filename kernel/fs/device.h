/* Character devices: which file_ops stand behind a device number. */
#ifndef MITOS_FS_DEVICE_H
#define MITOS_FS_DEVICE_H

#include "fs/file.h"

/* A range of device numbers with one driver; the driver's storage, registered for ever. */
struct chrdev {
	u32 major, minor, count;
	const struct file_ops *ops;
	struct list_head link; /* of all drivers; the registry's lock */
};

void chrdev_register(struct chrdev *chrdev);
const struct file_ops *chrdev_find(dev_t dev); /* NULL: no driver */
void devices_init(void);
void sleepdev_init(void); /* /dev/uninterruptible */

#endif
