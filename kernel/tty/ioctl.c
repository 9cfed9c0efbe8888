/*
 * ioctl(2) on terminals (ioctl_tty(2)). What changes a terminal's settings is refused to background
 * groups by SIGTTOU. Output goes to the driver at once, so there is nothing to drain or to flush on
 * that side.
 */
#include <asm/ioctls.h>
#include <linux/errno.h>
#include "mm/usercopy.h"
#include "proc/signal.h"
#include "sched/task.h"
#include "tty/tty.h"

static s64 put_int(u64 argument, int value)
{
	return copy_to_user((void __user *)argument, &value, sizeof(value));
}

static s64 get_termios(struct tty *tty, u64 argument)
{
	spin_lock(&tty->lock);
	struct termios termios = tty->termios;
	spin_unlock(&tty->lock);
	return copy_to_user((void __user *)argument, &termios, sizeof(termios));
}

static s64 set_termios(struct tty *tty, u64 argument, bool flush)
{
	struct termios termios;

	if (copy_from_user(&termios, (const void __user *)argument, sizeof(termios)))
		return -EFAULT;
	int error = tty_check_foreground(tty, SIGTTOU);
	if (!error)
		tty_set_termios(tty, &termios, flush);
	return error;
}

static s64 get_winsize(struct tty *tty, u64 argument)
{
	spin_lock(&tty->lock);
	struct winsize winsize = tty->winsize;
	spin_unlock(&tty->lock);
	return copy_to_user((void __user *)argument, &winsize, sizeof(winsize));
}

static s64 set_winsize(struct tty *tty, u64 argument)
{
	struct winsize new;

	if (copy_from_user(&new, (const void __user *)argument, sizeof(new)))
		return -EFAULT;
	spin_lock(&tty->lock);
	struct winsize old = tty->winsize;
	tty->winsize = new;
	spin_unlock(&tty->lock);
	if (old.ws_row != new.ws_row || old.ws_col != new.ws_col ||
	    old.ws_xpixel != new.ws_xpixel || old.ws_ypixel != new.ws_ypixel)
		tty_signal(tty, SIGWINCH);
	return 0;
}

/* How much a read(2) may take now. */
static s64 get_readable(struct tty *tty, u64 argument)
{
	spin_lock(&tty->lock);
	int bytes = (tty_is_canonical(tty) ? tty->lines_end : tty->end) - tty->head;
	spin_unlock(&tty->lock);
	return put_int(argument, bytes);
}

static s64 flush(struct tty *tty, u64 queue)
{
	int error = tty_check_foreground(tty, SIGTTOU);

	if (error)
		return error;
	if (queue > TCIOFLUSH)
		return -EINVAL;
	spin_lock(&tty->lock);
	if (queue != TCOFLUSH)
		tty_flush_input(tty);
	spin_unlock(&tty->lock);
	return 0;
}

/* TCXONC: holds output back or lets it go on; or sends the other side the character that asks for
 * the same. */
static s64 flow(struct tty *tty, u64 action)
{
	u8 byte;
	int error = tty_check_foreground(tty, SIGTTOU);

	if (error)
		return error;
	if (action > TCION)
		return -EINVAL;
	spin_lock(&tty->lock);
	if (action == TCOOFF || action == TCOON) {
		tty->stopped = action == TCOOFF;
	} else {
		byte = tty->termios.c_cc[action == TCIOFF ? VSTOP : VSTART];
		tty->ops->write(tty, &byte, 1);
	}
	spin_unlock(&tty->lock);
	wait_queue_wake(&tty->write_queue);
	return 0;
}

s64 tty_ioctl_shared(struct tty *tty, unsigned command, u64 argument)
{
	switch (command) {
	case TCGETS:
		return get_termios(tty, argument);
	case TCSETS:
	case TCSETSW:
		return set_termios(tty, argument, false);
	case TCSETSF:
		return set_termios(tty, argument, true);
	case TIOCGWINSZ:
		return get_winsize(tty, argument);
	case TIOCSWINSZ:
		return set_winsize(tty, argument);
	case TCFLSH:
		return flush(tty, argument);
	case TCXONC:
		return flow(tty, argument);
	case TCSBRK:
	case TCSBRKP:
		return tty_check_foreground(tty, SIGTTOU);
	default:
		return -ENOTTY;
	}
}

static s64 set_foreground(struct tty *tty, u64 argument)
{
	pid_t pgid;

	if (copy_from_user(&pgid, (const void __user *)argument, sizeof(pgid)))
		return -EFAULT;
	return tty_set_foreground(tty, pgid);
}

s64 tty_ioctl(struct file *file, unsigned command, u64 argument)
{
	struct tty *tty = tty_of(file);
	s64 result;

	if (tty->hung_up)
		return command == TIOCSPGRP ? -ENOTTY : -EIO;
	switch (command) {
	case FIONREAD:
		return get_readable(tty, argument);
	case TIOCOUTQ:
		return put_int(argument, 0);
	case TIOCSCTTY:
		return tty_set_controlling(tty, argument == 1);
	case TIOCNOTTY:
		return tty_give_up(tty);
	case TIOCGPGRP:
		if (tty_current() != tty)
			return -ENOTTY;
		return put_int(argument, tty_get_foreground(tty));
	case TIOCSPGRP:
		return set_foreground(tty, argument);
	case TIOCGSID:
		if (tty_current() != tty)
			return -ENOTTY;
		result = tty_get_session(tty);
		return result < 0 ? result : put_int(argument, result);
	default:
		return tty_ioctl_shared(tty, command, argument);
	}
}
