/* The start of the file floor: its caches, the root file system, the devices that need no
 * driver. */
#include "fs/device.h"
#include "fs/file.h"
#include "fs/mount.h"
#include "fs/pipe.h"
#include "fs/ramfs.h"
#include "mm/mm.h"
#include "x86/printk.h"

/* An address space holds the program it runs, whose file it cannot look into. */
static void exe_get(struct file *exe)
{
	file_get(exe);
}

void fs_init(void)
{
	inode_module_init();
	dentry_module_init();
	file_module_init();
	fdtable_module_init();
	pipe_module_init();
	ramfs_init();
	fs_root = ramfs_root();
	if (IS_ERR(fs_root) || fs_mount(NULL, fs_root, "initramfs", 0))
		panic("no memory for the root file system");
	devices_init();
	sleepdev_init();
	mm_exe_get = exe_get;
	mm_exe_put = file_put;
}
