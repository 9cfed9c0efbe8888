/*
 * Pseudo-terminals (pty(7)). Opening /dev/ptmx makes a pair: what is written to the master is input
 * of the slave's line discipline, and what programs write to the slave /dev/pts/N is read from the
 * master. A pair's memory is kept for the next one with its number, since a tty is never freed.
 * pty_lock, which sleeps and comes after the namespace lock, guards who has which pair; the tty's
 * lock guards the bytes on their way to the master.
 */
#include <asm/ioctls.h>
#include <linux/errno.h>
#include <linux/major.h>
#include <linux/magic.h>
#include "fs/device.h"
#include "fs/mount.h"
#include "fs/path.h"
#include "fs/poll.h"
#include "lib/printf.h"
#include "mm/slab.h"
#include "mm/usercopy.h"
#include "proc/signal.h"
#include "sched/task.h"
#include "tty/tty.h"
#include "x86/printk.h"

#define PTY_COUNT 256u
#define RING 4096u /* bytes on their way to the master */

struct pty {
	struct tty tty;			/* the slave; its lock guards the ring */
	struct wait_queue master_queue; /* the master waits for output, or for room for input */
	struct mutex
		read_lock; /* one of its readers moves bytes at a time; not held while waiting */
	u64 head, tail;	   /* bytes read by the master, and written */
	u8 ring[RING];
	/* the slave was opened once: that nobody has it open is the end of its output */
	bool slave_seen;
	bool packet; /* TIOCPKT: the master reads events, too */
	bool held;   /* TCXONC: the master's writers wait */
	bool typing; /* one of them has its turn */
	bool locked; /* until unlockpt(3); pty_lock, as what follows */
	bool master_open;
	u32 index;
	struct dentry *node; /* held: its name in /dev/pts; the master's file owns it */
};

static struct mutex pty_lock; /* guards ptys and the marked fields */
static struct pty *ptys[PTY_COUNT];
static struct dentry *devpts; /* the root of the file system at /dev/pts */

static struct pty *pty_of(struct tty *tty)
{
	return container_of(tty, struct pty, tty);
}

static size_t slave_room(struct tty *tty)
{
	struct pty *pty = pty_of(tty);

	return RING - (pty->tail - pty->head);
}

static size_t slave_write(struct tty *tty, const u8 *buf, size_t size)
{
	struct pty *pty = pty_of(tty);

	size = min(size, slave_room(tty));
	for (size_t i = 0; i < size; i++)
		pty->ring[pty->tail++ % RING] = buf[i];
	wait_queue_wake(&pty->master_queue);
	return size;
}

/* Input has room again, or none. */
static void slave_throttle(struct tty *tty, bool on)
{
	if (!on)
		wait_queue_wake(&pty_of(tty)->master_queue);
}

static void slave_closed(struct tty *tty)
{
	wait_queue_wake(&pty_of(tty)->master_queue);
}

static void slave_event(struct tty *tty, u8 add, u8 remove)
{
	struct pty *pty = pty_of(tty);

	if (!pty->packet)
		return;
	tty->events = (tty->events & ~remove) | add;
	wait_queue_wake(&pty->master_queue);
}

static const struct tty_ops slave_tty_ops = {
	.write = slave_write,
	.room = slave_room,
	.throttle = slave_throttle,
	.closed = slave_closed,
	.event = slave_event,
	/* there is no wire that could carry less than a byte */
	.fixed_cflag = CS8 | CREAD,
	.fixed_mask = CSIZE | PARENB,
};

/* A pair nobody uses, or a new one; pty_lock held. */
static struct pty *find_free(void)
{
	for (u32 i = 0; i < PTY_COUNT; i++) {
		struct pty *pty = ptys[i];
		if (pty && (pty->master_open || pty->tty.opens))
			continue;
		if (!pty) {
			pty = kzalloc(sizeof(*pty));
			if (!pty)
				return ERR_PTR(-ENOMEM);
			tty_init_struct(&pty->tty, "pts", dev_make(UNIX98_PTY_SLAVE_MAJOR, i),
					&slave_tty_ops);
			wait_queue_init(&pty->master_queue, "pty master");
			mutex_init(&pty->read_lock, "pty master read");
			pty->index = i;
			ptys[i] = pty;
		}
		return pty;
	}
	return ERR_PTR(-ENOSPC);
}

static const struct inode_ops node_ops = { .make = NULL };

/* Puts the slave's name into /dev/pts, or takes it out. */
static struct dentry *make_node(struct pty *pty)
{
	struct inode *inode = inode_alloc(devpts->inode->fs, S_IFCHR | 0620, &node_ops, NULL);
	char name[16];

	if (!inode)
		return NULL;
	inode->ino = 3 + pty->index;
	inode->rdev = pty->tty.dev;
	struct dentry *node =
		dentry_alloc(devpts, name, snprintf(name, sizeof(name), "%u", pty->index), inode);

	if (node) {
		namespace_lock();
		dentry_link(node);
		namespace_unlock();
	}
	return node;
}

static void remove_node(struct dentry *node)
{
	namespace_lock();
	node->inode->nlink = 0;
	dentry_unlink(node);
	namespace_unlock();
	dentry_put(node);
}

static int master_open(struct inode *inode, struct file *file)
{
	(void)inode;
	mutex_lock(&pty_lock);
	struct pty *pty = find_free();
	if (!IS_ERR(pty)) {
		tty_reset(&pty->tty);
		pty->head = pty->tail = 0;
		pty->slave_seen = pty->packet = pty->held = false;
		pty->locked = pty->master_open = true;
	}
	mutex_unlock(&pty_lock);
	if (IS_ERR(pty))
		return PTR_ERR(pty);
	pty->node = make_node(pty); /* not under pty_lock: it comes after the namespace lock */
	if (!pty->node) {
		pty->master_open = false;
		return -ENOMEM;
	}
	file->private = pty;
	file->mode |= FMODE_STREAM;
	return 0;
}

static void master_release(struct file *file)
{
	struct pty *pty = file->private;

	tty_hangup(&pty->tty, true);
	remove_node(pty->node);
	mutex_lock(&pty_lock);
	pty->node = NULL;
	pty->master_open = false;
	mutex_unlock(&pty_lock);
}

/* tty->lock held, as in has_event(). */
static bool slave_ended(const struct pty *pty)
{
	return pty->slave_seen && !pty->tty.opens;
}

/* Takes output for the master into buf: bytes. */
static size_t take_output(struct pty *pty, u8 *buf, size_t size)
{
	size_t taken = 0;

	spin_lock(&pty->tty.lock);
	while (taken < size && pty->head != pty->tail)
		buf[taken++] = pty->ring[pty->head++ % RING];
	tty_push_output(&pty->tty);
	spin_unlock(&pty->tty.lock);
	return taken;
}

static bool has_event(const struct pty *pty)
{
	return pty->packet && pty->tty.events;
}

static u8 take_events(struct pty *pty)
{
	spin_lock(&pty->tty.lock);
	u8 events = pty->tty.events;
	pty->tty.events = 0;
	spin_unlock(&pty->tty.lock);
	return events;
}

/* Is there something to read? 1, 0 (not yet), or -EIO: never again. One look under the lock, or the
 * last words of a slave that writes and closes meanwhile would be missed. */
static int output_state(struct pty *pty)
{
	spin_lock(&pty->tty.lock);
	bool ready = pty->head != pty->tail || has_event(pty);
	int state = ready ? 1 : slave_ended(pty) ? -EIO : 0;
	spin_unlock(&pty->tty.lock);
	return state;
}

/* Waits for output or an event: 0, -EAGAIN, -EIO, -ERESTARTSYS. */
static int wait_output(struct pty *pty, struct file *file)
{
	int state = output_state(pty), error = 0;

	if (!state && file_nonblocking(file))
		return -EAGAIN;
	if (!state)
		error = wait_event_interruptible(&pty->master_queue, (state = output_state(pty)));
	return state < 0 ? state : error;
}

/* In packet mode (TIOCPKT(2const)) a read gives the events since the last one, as one byte, or a
 * zero and then output. 0: another reader was faster. read_lock held. */
static ssize_t read_available(struct pty *pty, struct uio *uio)
{
	size_t total = 0, got;
	u8 buf[128];

	if (pty->packet) {
		buf[0] = take_events(pty); /* TIOCPKT_DATA if there are none */
		if (buf[0] == TIOCPKT_DATA && output_state(pty) <= 0)
			return 0;
		if (!uio_put(uio, buf, 1))
			return -EFAULT;
		if (buf[0] != TIOCPKT_DATA)
			return 1;
		total = 1;
	}
	while ((got = take_output(pty, buf, min(uio->left, sizeof(buf))))) {
		size_t put = uio_put(uio, buf, got);
		total += put;
		if (put < got)
			return total ? (ssize_t)total : -EFAULT;
	}
	return total;
}

static ssize_t master_read(struct file *file, struct uio *uio, s64 *pos)
{
	struct pty *pty = file->private;
	ssize_t result = 0;

	(void)pos;
	while (uio->left && !result) {
		result = wait_output(pty, file);
		if (result)
			break;
		mutex_lock(&pty->read_lock);
		result = read_available(pty, uio);
		mutex_unlock(&pty->read_lock);
		wait_queue_wake(&pty->tty.write_queue);
	}
	return result;
}

static size_t input_room(struct pty *pty)
{
	spin_lock(&pty->tty.lock);
	size_t room = pty->held ? 0 : tty_receive_room(&pty->tty);
	spin_unlock(&pty->tty.lock);
	return room;
}

/* Types all, waiting for room: bytes or -errno. */
static ssize_t type_all(struct pty *pty, struct file *file, struct uio *uio)
{
	size_t total = 0;
	u8 buf[128];

	while (uio->left) {
		size_t want = min(min(uio->left, sizeof(buf)), input_room(pty));
		int error = 0;
		if (want) {
			size_t got = uio_get(uio, buf, want);
			tty_receive(&pty->tty, buf, got);
			total += got;
			error = got < want ? -EFAULT : 0;
		} else if (file_nonblocking(file)) {
			error = -EAGAIN;
		} else {
			error = wait_event_interruptible(&pty->master_queue, input_room(pty));
		}
		if (error)
			return total ? (ssize_t)total : error;
	}
	return total;
}

static ssize_t master_write(struct file *file, struct uio *uio, s64 *pos)
{
	struct pty *pty = file->private;
	ssize_t result = tty_turn_begin(&pty->tty, file, &pty->typing, &pty->master_queue);

	(void)pos;
	if (result)
		return result;
	result = type_all(pty, file, uio);
	tty_turn_end(&pty->tty, &pty->typing, &pty->master_queue);
	return result;
}

static u32 master_poll(struct file *file, struct poll_table *table)
{
	struct pty *pty = file->private;
	u32 mask = 0;

	poll_wait(table, &pty->master_queue);
	spin_lock(&pty->tty.lock);
	if (pty->head != pty->tail)
		mask |= POLLIN | POLLRDNORM;
	if (has_event(pty))
		mask |= POLLPRI | POLLIN | POLLRDNORM;
	if (slave_ended(pty))
		mask |= POLLHUP;
	spin_unlock(&pty->tty.lock);
	if (input_room(pty))
		mask |= POLLOUT | POLLWRNORM;
	return mask;
}

/* TIOCGPTPEER: a descriptor for the slave without a walk to its name. */
static s64 open_peer(struct pty *pty, int flags)
{
	int fd = fd_reserve(0, flags & O_CLOEXEC);

	if (fd < 0)
		return fd;
	return fd_settle(fd,
			 file_open_dentry(pty->node, flags & (O_ACCMODE | O_NONBLOCK | O_NOCTTY)));
}

/* TIOCPKT: packet mode begins without events. */
static void set_packet_mode(struct pty *pty, bool on)
{
	spin_lock(&pty->tty.lock);
	if (!pty->packet)
		pty->tty.events = 0;
	pty->packet = on;
	spin_unlock(&pty->tty.lock);
}

/* TCFLSH: what the master has not read yet. What it wrote has arrived. */
static s64 flush_output(struct pty *pty, u64 queue)
{
	if (queue > TCIOFLUSH)
		return -EINVAL;
	if (queue == TCOFLUSH)
		return 0;
	spin_lock(&pty->tty.lock);
	pty->head = pty->tail;
	tty_push_output(&pty->tty);
	spin_unlock(&pty->tty.lock);
	wait_queue_wake(&pty->tty.write_queue);
	return 0;
}

/* TCXONC: holds the master's writers back or lets them go on; or types Ctrl-S or Ctrl-Q. */
static s64 flow(struct pty *pty, u64 action)
{
	u8 byte = action == TCIOFF ? tty_initial_termios.c_cc[VSTOP]
				   : tty_initial_termios.c_cc[VSTART];

	if (action > TCION)
		return -EINVAL;
	if (action == TCIOFF || action == TCION) {
		tty_receive(&pty->tty, &byte, 1);
		return 0;
	}
	spin_lock(&pty->tty.lock);
	pty->held = action == TCOOFF;
	spin_unlock(&pty->tty.lock);
	wait_queue_wake(&pty->master_queue);
	return 0;
}

/* TIOCSIG: as if the key for it had been typed. */
static s64 signal_slave(struct pty *pty, u64 sig)
{
	if (sig != SIGINT && sig != SIGQUIT && sig != SIGTSTP)
		return -EINVAL;
	tty_signal(&pty->tty, sig);
	return 0;
}

static s64 put_int(u64 argument, int value)
{
	return copy_to_user((void __user *)argument, &value, sizeof(value));
}

static s64 master_ioctl(struct file *file, unsigned command, u64 argument)
{
	struct pty *pty = file->private;
	int value;

	switch (command) {
	case TIOCGPTN:
		return put_int(argument, pty->index);
	case TIOCSPTLCK:
	case TIOCPKT:
		if (copy_from_user(&value, (const void __user *)argument, sizeof(value)))
			return -EFAULT;
		if (command == TIOCPKT)
			set_packet_mode(pty, value);
		else
			pty->locked = value;
		return 0;
	case TIOCGPTLCK:
		return put_int(argument, pty->locked);
	case TIOCGPKT:
		return put_int(argument, pty->packet);
	case TIOCGPTPEER:
		return open_peer(pty, argument);
	case TIOCSIG:
		return signal_slave(pty, argument);
	case FIONREAD:
		spin_lock(&pty->tty.lock);
		value = (int)(pty->tail - pty->head);
		spin_unlock(&pty->tty.lock);
		return put_int(argument, value);
	case TCFLSH:
		return flush_output(pty, argument);
	case TCXONC:
		return flow(pty, argument);
	default:
		return tty_ioctl_shared(&pty->tty, command, argument, false);
	}
}

static const struct file_ops master_ops = {
	.open = master_open,
	.release = master_release,
	.read = master_read,
	.write = master_write,
	.poll = master_poll,
	.ioctl = master_ioctl,
};

static int slave_open(struct inode *inode, struct file *file)
{
	u32 index = dev_minor(inode->rdev);
	int error = -EIO;

	mutex_lock(&pty_lock);
	struct pty *pty = index < PTY_COUNT ? ptys[index] : NULL;
	if (pty && pty->master_open && !pty->locked) {
		error = tty_open(&pty->tty, file);
		if (!error)
			pty->slave_seen = true;
	}
	mutex_unlock(&pty_lock);
	return error;
}

static struct file_ops slave_ops; /* tty_file_ops with its own open */
static struct chrdev devices[] = {
	{ TTYAUX_MAJOR, 2, 1, &master_ops, { NULL, NULL } },
	{ UNIX98_PTY_SLAVE_MAJOR, 0, PTY_COUNT, &slave_ops, { NULL, NULL } },
};

static const struct file_ops devpts_dir_ops = { .readdir = dentry_readdir, .seek = file_seek_any };
static const struct inode_ops devpts_dir_inode_ops = { .make = NULL };

/* There is one for all, mounted at boot. */
static struct dentry *devpts_mount(const struct fs_type *type)
{
	(void)type;
	return ERR_PTR(-EBUSY);
}

static struct fs_type devpts_type = { "devpts", DEVPTS_SUPER_MAGIC, .mount = devpts_mount };

void pty_init(void)
{
	mutex_init(&pty_lock, "pty");
	slave_ops = tty_file_ops;
	slave_ops.open = slave_open;
	for (size_t i = 0; i < ARRAY_SIZE(devices); i++)
		chrdev_register(&devices[i]);
	fs_type_register(&devpts_type);
	devpts = filesystem_make_root(&devpts_type, 0755, &devpts_dir_inode_ops, &devpts_dir_ops);
	if (IS_ERR(devpts) || fs_mount_at("/dev/pts", devpts, "devpts"))
		panic("no memory for /dev/pts");
}
