/*
 * The console is COM1 with a line discipline: /dev/console and /dev/ttyS0. /dev/tty is whatever
 * terminal controls the opener. A byte that arrives in an interrupt goes straight into the line
 * discipline, echo included. When nobody reads and the buffer is nearly full the receiver pauses,
 * and whoever types at the other end of the wire waits.
 */
#include <linux/errno.h>
#include <linux/major.h>
#include "fs/device.h"
#include "proc/exit.h"
#include "tty/tty.h"
#include "x86/serial.h"

static struct tty console;

static size_t console_write(struct tty *tty, const u8 *buf, size_t size)
{
	(void)tty;
	serial_write((const char *)buf, size);
	return size;
}

static size_t console_room(struct tty *tty)
{
	(void)tty;
	return PAGE_SIZE;
}

static void console_throttle(struct tty *tty, bool on)
{
	(void)tty;
	serial_pause(on);
}

static const struct tty_ops console_tty_ops = {
	.write = console_write,
	.room = console_room,
	.throttle = console_throttle,
	.cut_by_exit = true,
};

static void console_receive(u8 byte)
{
	tty_receive(&console, &byte, 1);
}

static int console_open(struct inode *inode, struct file *file)
{
	(void)inode;
	return tty_open(&console, file);
}

static int current_open(struct inode *inode, struct file *file)
{
	struct tty *tty = tty_current();

	(void)inode;
	if (!tty)
		return -ENXIO;
	file->flags |= O_NOCTTY;
	int error = tty_open(tty, file);
	/* A hangup may have taken it away since, and a pty may even be in use again, by others.
	 * While it is open and still ours, it cannot be. */
	if (!error && tty_current() != tty) {
		tty_file_ops.release(file);
		error = -ENXIO;
	}
	return error;
}

static struct file_ops console_ops, current_ops; /* tty_file_ops with their own open */
static struct chrdev devices[] = {
	{ TTYAUX_MAJOR, 0, 1, &current_ops, { NULL, NULL } },
	{ TTYAUX_MAJOR, 1, 1, &console_ops, { NULL, NULL } },
	{ TTY_MAJOR, 64, 1, &console_ops, { NULL, NULL } },
};

void tty_init(void)
{
	tty_init_struct(&console, "ttyS0", dev_make(TTY_MAJOR, 64), &console_tty_ops);
	console.termios.c_iflag |= IUTF8;
	console.termios.c_cflag = B115200 | CS8 | CREAD | HUPCL;
	console.termios.c_ispeed = console.termios.c_ospeed = 115200;
	console_ops = current_ops = tty_file_ops;
	console_ops.open = console_open;
	current_ops.open = current_open;
	for (size_t i = 0; i < ARRAY_SIZE(devices); i++)
		chrdev_register(&devices[i]);
	pty_init();
	session_leader_exits = tty_session_ends;
	serial_set_receiver(console_receive);
}
