/*
 * ioctl(2) on terminals (ioctl_tty(2)). What changes a terminal's settings is refused to background
 * groups by SIGTTOU. Output goes to the driver at once, so there is nothing to drain or to flush on
 * that side.
 */
#include <asm/ioctls.h>
#include <linux/errno.h>
#include <linux/tty.h>
#include "lib/string.h"
#include "mm/usercopy.h"
#include "proc/signal.h"
#include "sched/task.h"
#include "tty/tty.h"

static s64 put_int(u64 argument, int value)
{
	return copy_to_user((void __user *)argument, &value, sizeof(value));
}

/* The speeds that CBAUD can name, by its bits (CBAUDEX counts as 16); POSIX, and Linux's more. */
static const u32 speeds[] = {
	0,	 50,	  75,	   110,	    134,     150,     200,     300,
	600,	 1200,	  1800,	   2400,    4800,    9600,    19200,   38400,
	0,	 57600,	  115200,  230400,  460800,  500000,  576000,  921600,
	1000000, 1152000, 1500000, 2000000, 2500000, 3000000, 3500000, 4000000,
};

/* For settings that name their speed by CBAUD alone. */
static void set_speeds(struct termios2 *termios)
{
	tcflag_t named = termios->c_cflag & CBAUD;

	if (named == BOTHER)
		return;
	termios->c_ospeed = speeds[(named & 15) + (named & CBAUDEX ? 16 : 0)];
	termios->c_ispeed = termios->c_ospeed;
}

/* TCGETS, TCGETS2, TCGETA: the same settings in structures of three ages. The first of them is the
 * beginning of the second. */
static s64 get_termios(struct tty *tty, unsigned command, u64 argument)
{
	void __user *user = (void __user *)argument;

	spin_lock(&tty->lock);
	struct termios2 now = tty->termios;
	spin_unlock(&tty->lock);
	if (command == TCGETS2)
		return copy_to_user(user, &now, sizeof(now));
	if (command == TCGETS)
		return copy_to_user(user, &now, sizeof(struct termios));
	struct termio old = {
		.c_iflag = now.c_iflag,
		.c_oflag = now.c_oflag,
		.c_cflag = now.c_cflag,
		.c_lflag = now.c_lflag,
		.c_line = now.c_line,
	};
	memcpy(old.c_cc, now.c_cc, NCC);
	return copy_to_user(user, &old, sizeof(old));
}

/* A termio says nothing about the upper halves of the flags, nor the newer characters. */
static int copy_termio(struct termios2 *new, const void __user *user)
{
	const tcflag_t kept = 0xffff0000;
	struct termio old;

	if (copy_from_user(&old, user, sizeof(old)))
		return -EFAULT;
	new->c_iflag = (new->c_iflag &kept) | old.c_iflag;
	new->c_oflag = (new->c_oflag &kept) | old.c_oflag;
	new->c_cflag = (new->c_cflag &kept) | old.c_cflag;
	new->c_lflag = (new->c_lflag &kept) | old.c_lflag;
	new->c_line = old.c_line;
	memcpy(new->c_cc, old.c_cc, NCC);
	return 0;
}

enum age { TERMIO, TERMIOS, TERMIOS2 };

static s64 set_termios(struct tty *tty, u64 argument, enum age age, bool flush)
{
	const void __user *user = (const void __user *)argument;
	int error = tty_check_foreground(tty, SIGTTOU);

	if (error)
		return error;
	spin_lock(&tty->lock);
	struct termios2 new = tty->termios;
	spin_unlock(&tty->lock);
	if (age == TERMIO)
		error = copy_termio(&new, user);
	else
		error = copy_from_user(&new, user,
				       age == TERMIOS ? sizeof(struct termios) : sizeof(new));
	if (error)
		return error;
	set_speeds(&new);
	tty_set_termios(tty, &new, flush);
	return 0;
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
	int bytes = tty_input_size(tty);
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

/* Sends the other side the character that asks it to stop or to go on, before all else. */
static void send_flow_character(struct tty *tty, int which)
{
	u8 byte = tty->termios.c_cc[which];

	if (byte)
		tty->ops->write(tty, &byte, 1);
}

/* TCXONC: holds output back or lets it go on; or asks the other side to. */
static s64 flow(struct tty *tty, u64 action)
{
	int error = tty_check_foreground(tty, SIGTTOU);

	if (error)
		return error;
	if (action > TCION)
		return -EINVAL;
	spin_lock(&tty->lock);
	if (action == TCOOFF && !tty->held) {
		tty->held = true;
		tty_stop_output(tty);
	} else if (action == TCOON && tty->held) {
		tty->held = false;
		tty_start_output(tty);
	} else if (action == TCIOFF || action == TCION) {
		send_flow_character(tty, action == TCIOFF ? VSTOP : VSTART);
	}
	spin_unlock(&tty->lock);
	return 0;
}

/* TIOCSETD: there is one line discipline. */
static s64 set_discipline(struct tty *tty, u64 argument)
{
	int line, error = tty_check_foreground(tty, SIGTTOU);

	if (error)
		return error;
	if (copy_from_user(&line, (const void __user *)argument, sizeof(line)))
		return -EFAULT;
	return line == N_TTY ? 0 : -EINVAL;
}

static s64 set_foreground(struct tty *tty, u64 argument)
{
	pid_t pgid;
	int error = tty_check_foreground(tty, SIGTTOU);

	if (error)
		return error == -EIO ? -ENOTTY : error;
	if (copy_from_user(&pgid, (const void __user *)argument, sizeof(pgid)))
		return -EFAULT;
	return tty_set_foreground(tty, pgid);
}

/* Sessions and groups: what the master is asked concerns the slave. */
static s64 job_ioctl(struct tty *tty, unsigned command, u64 argument, bool own)
{
	pid_t session;

	switch (command) {
	case TIOCSCTTY:
		return tty_set_controlling(tty, argument == 1);
	case TIOCSPGRP:
		return set_foreground(tty, argument);
	case TIOCGPGRP:
		if (own && tty_current() != tty)
			return -ENOTTY;
		return put_int(argument, tty_get_foreground(tty));
	case TIOCGSID:
		session = tty_get_session(tty);
		if ((own && tty_current() != tty) || !session)
			return -ENOTTY;
		return put_int(argument, session);
	default:
		return -ENOTTY;
	}
}

static s64 termios_ioctl(struct tty *tty, unsigned command, u64 argument)
{
	switch (command) {
	case TCGETS:
	case TCGETS2:
	case TCGETA:
		return get_termios(tty, command, argument);
	case TCSETS:
	case TCSETSW:
		return set_termios(tty, argument, TERMIOS, false);
	case TCSETSF:
		return set_termios(tty, argument, TERMIOS, true);
	case TCSETS2:
	case TCSETSW2:
		return set_termios(tty, argument, TERMIOS2, false);
	case TCSETSF2:
		return set_termios(tty, argument, TERMIOS2, true);
	case TCSETA:
	case TCSETAW:
		return set_termios(tty, argument, TERMIO, false);
	case TCSETAF:
		return set_termios(tty, argument, TERMIO, true);
	default:
		return -ENOTTY;
	}
}

s64 tty_ioctl_shared(struct tty *tty, unsigned command, u64 argument, bool own)
{
	s64 result;

	switch (command) {
	case TIOCGWINSZ:
		return get_winsize(tty, argument);
	case TIOCSWINSZ:
		return set_winsize(tty, argument);
	case TIOCOUTQ:
		return put_int(argument, 0);
	case TCSBRK:
	case TCSBRKP:
	case TIOCSBRK:
	case TIOCCBRK:
		return tty_check_foreground(tty, SIGTTOU);
	case TIOCGETD:
		return put_int(argument, N_TTY);
	case TIOCSETD:
		return set_discipline(tty, argument);
	case TIOCEXCL:
	case TIOCNXCL:
		tty->exclusive = command == TIOCEXCL;
		return 0;
	case TIOCGEXCL:
		return put_int(argument, tty->exclusive);
	default:
		result = termios_ioctl(tty, command, argument);
		return result != -ENOTTY ? result : job_ioctl(tty, command, argument, own);
	}
}

s64 tty_ioctl(struct file *file, unsigned command, u64 argument)
{
	struct tty *tty = tty_of(file);

	if (tty_hung_up(file))
		return command == TIOCSPGRP ? -ENOTTY : -EIO;
	switch (command) {
	case FIONREAD:
		return get_readable(tty, argument);
	case TCFLSH:
		return flush(tty, argument);
	case TCXONC:
		return flow(tty, argument);
	case TIOCNOTTY:
		return tty_give_up(tty);
	case TIOCGPTPEER:
		return -EIO; /* it is the peer */
	default:
		return tty_ioctl_shared(tty, command, argument, true);
	}
}
