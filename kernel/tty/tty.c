/*
 * Terminals as open files: the waiting around the line discipline. A reader waits for a line or,
 * without ICANON, for VMIN bytes or VTIME tenths of a second (termios(3)); it takes the bytes under
 * the tty's lock into a small buffer and copies them to the user without it. A writer waits for
 * room in the driver and for Ctrl-Q.
 */
#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/major.h>
#include "fs/poll.h"
#include "lib/string.h"
#include "proc/signal.h"
#include "sched/task.h"
#include "tty/tty.h"

#define CHUNK 128u   /* bytes moved under the lock at a time */
#define TAB_WIDTH 8u /* columns */
#define TENTH (100 * NSEC_PER_MSEC)
#define NEVER_HUNG_UP (-1)

const struct termios2 tty_initial_termios = {
	.c_iflag = ICRNL | IXON,
	.c_oflag = OPOST | ONLCR,
	.c_cflag = B38400 | CS8 | CREAD,
	.c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
	.c_cc = { [VINTR] = 'C' & 31,
		  [VQUIT] = '\\' & 31,
		  [VERASE] = 0x7f,
		  [VKILL] = 'U' & 31,
		  [VEOF] = 'D' & 31,
		  [VMIN] = 1,
		  [VSTART] = 'Q' & 31,
		  [VSTOP] = 'S' & 31,
		  [VSUSP] = 'Z' & 31,
		  [VREPRINT] = 'R' & 31,
		  [VDISCARD] = 'O' & 31,
		  [VWERASE] = 'W' & 31,
		  [VLNEXT] = 'V' & 31 },
	.c_ispeed = 38400,
	.c_ospeed = 38400,
};

void tty_reset(struct tty *tty)
{
	spin_lock(&tty->lock);
	tty->termios = tty_initial_termios;
	memset(&tty->winsize, 0, sizeof(tty->winsize));
	tty->gone = tty->exclusive = tty->throttled = false;
	tty->stopped = tty->held = tty->literal_next = tty->erasing = false;
	tty->column = tty->line_column = 0;
	tty->head = tty->lines_end = tty->end = 0;
	tty->out_used = 0;
	tty->out_limit = TTY_ECHO;
	spin_unlock(&tty->lock);
}

void tty_init_struct(struct tty *tty, const char *name, dev_t dev, const struct tty_ops *ops)
{
	tty->name = name;
	tty->dev = dev;
	tty->ops = ops;
	wait_queue_init(&tty->read_queue, "tty readers");
	wait_queue_init(&tty->write_queue, "tty writers");
	mutex_init(&tty->read_lock, "tty read");
	spin_init(&tty->lock, "tty");
	tty_reset(tty);
}

struct tty *tty_of(struct file *file)
{
	return file->private;
}

/* A file of a terminal has no offset: its pos is what hangups was when it was opened. */
bool tty_hung_up(const struct file *file)
{
	return file->pos != NEVER_HUNG_UP && file->pos != tty_of((struct file *)file)->hangups;
}

int tty_open(struct tty *tty, struct file *file)
{
	/* /dev/console outlives every hangup, and becomes nobody's terminal by being opened */
	bool is_console = file->inode->rdev == dev_make(TTYAUX_MAJOR, 1);

	spin_lock(&tty->lock);
	int error = tty->gone ? -EIO : tty->exclusive && !capable(CAP_SYS_ADMIN) ? -EBUSY : 0;
	if (!error) {
		tty->opens++;
		file->pos = is_console ? NEVER_HUNG_UP : tty->hangups;
	}
	spin_unlock(&tty->lock);
	if (error)
		return error;
	file->private = tty;
	file->mode |= FMODE_STREAM;
	/* a session leader without a terminal gets the first one it opens, unless it asked not to;
	 * the right to write to a terminal is not enough for that */
	if (!is_console && !(file->flags & O_NOCTTY) && (file->mode & FMODE_READ))
		(void)tty_set_controlling(tty, false);
	return 0;
}

static void tty_release(struct file *file)
{
	struct tty *tty = tty_of(file);

	spin_lock(&tty->lock);
	bool last = --tty->opens == 0;
	spin_unlock(&tty->lock);
	if (last && tty->ops->closed)
		tty->ops->closed(tty);
}

/* Moves what is there to the user, a line at most: bytes, or -EFAULT; what came after a hangup is
 * not for this file. *line_done as tty_take(). */
static ssize_t read_available(struct tty *tty, struct file *file, struct uio *uio, bool *line_done)
{
	u8 buf[CHUNK];
	size_t total = 0;
	bool fault = false;

	*line_done = false;
	mutex_lock(&tty->read_lock);
	while (!*line_done && !fault) {
		spin_lock(&tty->lock);
		size_t got = 0;
		if (!tty_hung_up(file))
			got = tty_take(tty, buf, min(uio->left, sizeof(buf)), line_done);
		spin_unlock(&tty->lock);
		if (!got)
			break;
		size_t put = uio_put(uio, buf, got);
		total += put;
		fault = put < got;
	}
	mutex_unlock(&tty->read_lock);
	return fault && !total ? -EFAULT : (ssize_t)total;
}

/* Waits for input, or for the line's end: 0, -EAGAIN, -ETIME, -ERESTARTSYS. */
static int wait_input(struct tty *tty, struct file *file, u64 deadline)
{
	if (tty_readable(tty) || tty_hung_up(file))
		return 0;
	if (file_nonblocking(file))
		return -EAGAIN;
	return wait_event_interruptible_until(&tty->read_queue,
					      tty_readable(tty) || tty_hung_up(file), deadline);
}

/* A read that waited when the line was hung up: an end of file, or an error if the other side of a
 * pty has gone. */
static int hung_up_result(const struct tty *tty)
{
	return tty->gone ? -EIO : 0;
}

static ssize_t read_line(struct tty *tty, struct file *file, struct uio *uio)
{
	bool line_done;

	while (true) {
		int error = wait_input(tty, file, CLOCK_NEVER);
		if (error)
			return error;
		if (tty_hung_up(file))
			return hung_up_result(tty);
		ssize_t got = read_available(tty, file, uio, &line_done);
		/* nothing and no line: another reader was faster, or the mode changed */
		if (got || line_done)
			return got;
	}
}

/* VMIN bytes are waited for; VTIME limits the wait, from the start without VMIN, else from byte to
 * byte. */
static ssize_t read_raw(struct tty *tty, struct file *file, struct uio *uio)
{
	size_t wanted = min((size_t)tty->termios.c_cc[VMIN], uio->left), total = 0;
	u64 time = tty->termios.c_cc[VTIME] * TENTH;
	bool line_done;

	if (!wanted && !time && !tty_readable(tty))
		return 0;
	while (true) {
		u64 deadline = time && (total || !wanted) ? clock_monotonic() + time : CLOCK_NEVER;
		int error = wait_input(tty, file, deadline);
		if (error)
			return total ? (ssize_t)total : error == -ETIME ? 0 : error;
		if (tty_hung_up(file))
			return total ? (ssize_t)total : hung_up_result(tty);
		ssize_t got = read_available(tty, file, uio, &line_done);
		if (got < 0)
			return total ? (ssize_t)total : got;
		total += got;
		if (total >= max(wanted, (size_t)1))
			return total;
		if (tty_is_canonical(tty)) /* meanwhile */
			return total ? (ssize_t)total : read_line(tty, file, uio);
	}
}

static ssize_t tty_read(struct file *file, struct uio *uio, s64 *pos)
{
	struct tty *tty = tty_of(file);

	(void)pos;
	if (tty_hung_up(file))
		return 0;
	int error = tty_check_foreground(tty, SIGTTIN);
	if (error)
		return error;
	return tty_is_canonical(tty) ? read_line(tty, file, uio) : read_raw(tty, file, uio);
}

static bool take_turn(struct tty *tty, bool *turn)
{
	spin_lock(&tty->lock);
	bool free = !*turn;
	*turn = true;
	spin_unlock(&tty->lock);
	return free;
}

int tty_turn_begin(struct tty *tty, struct file *file, bool *turn, struct wait_queue *queue)
{
	if (take_turn(tty, turn))
		return 0;
	if (file_nonblocking(file))
		return -EAGAIN;
	return wait_event_interruptible(queue, take_turn(tty, turn));
}

void tty_turn_end(struct tty *tty, bool *turn, struct wait_queue *queue)
{
	spin_lock(&tty->lock);
	*turn = false;
	spin_unlock(&tty->lock);
	wait_queue_wake(queue);
}

/* How many bytes at most one byte becomes by output processing. */
static u32 expansion(const struct tty *tty)
{
	tcflag_t oflag = tty->termios.c_oflag;

	return !(oflag & OPOST) ? 1 : (oflag & TABDLY) == XTABS ? TAB_WIDTH : 2;
}

static size_t room_for_writer(struct tty *tty)
{
	return tty->stopped || tty->out_used ? 0 : tty->ops->room(tty) / expansion(tty);
}

/* Writes what there is room for: bytes, 0 if none, or -EFAULT, -EIO. */
static ssize_t write_some(struct tty *tty, struct file *file, struct uio *uio)
{
	u8 buf[CHUNK];
	ssize_t result = 0;

	size_t want = min(min(room_for_writer(tty), sizeof(buf)), uio->left);
	if (tty_hung_up(file))
		result = -EIO;
	else if (want) {
		size_t got = uio_get(uio, buf, want);
		spin_lock(&tty->lock);
		bool cut = tty_hung_up(file);
		if (!cut)
			tty_put_output(tty, buf, got);
		spin_unlock(&tty->lock);
		result = cut ? -EIO : got ? (ssize_t)got : -EFAULT;
	}
	return result;
}

/* Writes all, waiting for room: bytes or -errno. */
static ssize_t write_all(struct tty *tty, struct file *file, struct uio *uio)
{
	size_t total = 0;
	ssize_t result = 0;

	while (uio->left && result >= 0) {
		result = write_some(tty, file, uio);
		if (result > 0)
			total += result;
		else if (result == 0 && file_nonblocking(file))
			result = -EAGAIN;
		else if (result == 0)
			result = wait_event_interruptible(
				&tty->write_queue, room_for_writer(tty) || tty_hung_up(file));
		cond_resched();
	}
	return total ? (ssize_t)total : result;
}

static ssize_t tty_write(struct file *file, struct uio *uio, s64 *pos)
{
	struct tty *tty = tty_of(file);
	ssize_t result = 0;

	(void)pos;
	if (tty_hung_up(file))
		return -EIO;
	if (tty->termios.c_lflag & TOSTOP)
		result = tty_check_foreground(tty, SIGTTOU);
	if (!result)
		result = tty_turn_begin(tty, file, &tty->writing, &tty->write_queue);
	if (result)
		return result;
	result = write_all(tty, file, uio);
	tty_turn_end(tty, &tty->writing, &tty->write_queue);
	return result;
}

static u32 tty_poll(struct file *file, struct poll_table *table)
{
	struct tty *tty = tty_of(file);
	u8 minimum = tty->termios.c_cc[VMIN];
	u32 mask = 0;

	poll_wait(table, &tty->read_queue);
	poll_wait(table, &tty->write_queue);
	if (tty_hung_up(file))
		return POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM | POLLHUP | POLLERR;
	bool enough = tty_is_canonical(tty) || tty->termios.c_cc[VTIME] ||
		      tty->end - tty->head >= minimum;
	if (tty_readable(tty) && enough)
		mask |= POLLIN | POLLRDNORM;
	if (room_for_writer(tty))
		mask |= POLLOUT | POLLWRNORM;
	return mask;
}

const struct file_ops tty_file_ops = {
	.release = tty_release,
	.read = tty_read,
	.write = tty_write,
	.poll = tty_poll,
	.ioctl = tty_ioctl,
};
