/*
 * Terminals. A struct tty is a line discipline between a driver (the serial console, a pty's
 * master) and the programs that read and write: it edits lines, echoes, turns Ctrl-C into a signal
 * to the foreground group. A tty is never freed (a pty's is used again), so a task's pointer to its
 * controlling terminal may be stale but not wild: it counts only while the tty's session is the
 * task's own.
 *
 * tty->lock, a spinlock, guards a tty; drivers push input under it from interrupts. Signals are
 * sent after it is let go, since the task list's lock comes first.
 */
#ifndef MITOS_TTY_TTY_H
#define MITOS_TTY_TTY_H

#include <asm/termbits.h>
#include <asm/termios.h>
#include "fs/file.h"
#include "proc/pid.h"

#define TTY_BUFFER 4096u /* bytes of input kept, and the longest line */

struct tty;

struct tty_ops {
	/* Takes up to size bytes of output, tty->lock held: how many. */
	size_t (*write)(struct tty *tty, const u8 *buf, size_t size);
	size_t (*room)(struct tty *tty); /* bytes that write takes now */
	/* Asks for no more input, or for it again; tty->lock held. */
	void (*throttle)(struct tty *tty, bool on);
	void (*closed)(struct tty *tty); /* the last open file is gone; NULL: nothing to do */
};

struct tty {
	const char *name; /* without /dev/ */
	dev_t dev;
	const struct tty_ops *ops;
	void *driver; /* ops' own */
	struct wait_queue read_queue, write_queue;
	/* one reader, one writer moves bytes at a time; not held while waiting */
	struct mutex read_lock, write_lock;

	struct spinlock lock; /* guards all below */
	struct termios termios;
	struct winsize winsize;
	struct pid *session; /* held; whose controlling terminal it is, or NULL */
	struct pid *pgrp;    /* held; the foreground group, or NULL */
	u32 opens;	     /* open files */
	bool hung_up;	     /* the other end is gone: reads end, writes fail */
	bool stopped;	     /* output waits (Ctrl-S) */
	bool throttled;
	bool literal_next; /* the next byte is no control character (Ctrl-V) */
	u32 column;	   /* of the cursor */
	u32 line_column;   /* where the line being edited starts */
	/* input read, ended by a line end, received; byte n lies at n % TTY_BUFFER */
	u64 head, lines_end, end;
	/* bit n: byte n ends a line (an end of file if it is zero) */
	u64 line_end[TTY_BUFFER / 64];
	u8 buf[TTY_BUFFER];
	u8 out[128]; /* output on its way to the driver */
	u32 out_used;
};

extern const struct file_ops tty_file_ops;

void tty_init_struct(struct tty *tty, const char *name, dev_t dev, const struct tty_ops *ops);
void tty_reset(struct tty *tty); /* to its state at birth: settings, empty buffers */
/* The first part of every open of a tty: takes it as controlling terminal where that is due. */
int tty_open(struct tty *tty, struct file *file);
struct tty *tty_of(struct file *file);

/* --- ldisc.c --- */
/* Input from the driver; any context. */
void tty_receive(struct tty *tty, const u8 *bytes, size_t size);
size_t tty_receive_room(struct tty *tty); /* bytes tty_receive keeps now; lock held */
bool tty_readable(const struct tty *tty); /* a read would find something; no lock needed */
/* Takes input for a reader: up to size bytes of a line, or of what there is; *line_done: to its
 * end. lock held. */
size_t tty_take(struct tty *tty, u8 *buf, size_t size, bool *line_done);
/* with output processing; lock held */
void tty_put_output(struct tty *tty, const u8 *bytes, size_t size);
void tty_flush_input(struct tty *tty); /* lock held */
void tty_set_termios(struct tty *tty, const struct termios *termios, bool flush);
bool tty_is_canonical(const struct tty *tty);

/* --- job.c: sessions and groups --- */
struct tty *tty_current(void); /* the running task's controlling terminal, or NULL */
/* Job control: may the running task do what a background group gets sig for? 0, -EIO,
 * -ERESTARTSYS. */
int tty_check_foreground(struct tty *tty, int sig);
void tty_signal(struct tty *tty, int sig); /* to the foreground group */
/* as TIOCSCTTY for a session leader without a terminal, if the tty is free */
void tty_adopt(struct tty *tty);
int tty_set_controlling(struct tty *tty, bool steal); /* TIOCSCTTY: 0, -EPERM */
int tty_give_up(struct tty *tty);		      /* TIOCNOTTY: 0, -ENOTTY */
/* TIOCSPGRP: 0, -ENOTTY -EINVAL -EPERM -ESRCH */
int tty_set_foreground(struct tty *tty, pid_t pgid);
s64 tty_get_foreground(struct tty *tty); /* TIOCGPGRP: a group or -ENOTTY */
s64 tty_get_session(struct tty *tty);	 /* TIOCGSID */
void tty_session_ends(void);		 /* the running task, leader of its session, exits */
void tty_hangup(struct tty *tty);	 /* the line is gone: SIGHUP, and nothing works any more */
/* For /proc/[pid]/stat: the controlling terminal's number or 0, and its foreground group or -1.
 * tasklist_lock held. */
dev_t tty_number_of(const struct task_struct *task);
pid_t tty_foreground_of(const struct task_struct *task);

/* --- ioctl.c --- */
s64 tty_ioctl(struct file *file, unsigned command, u64 argument);
/* The part of it that a pty's master shares; -ENOTTY: not one of these. */
s64 tty_ioctl_shared(struct tty *tty, unsigned command, u64 argument);

/* --- console.c, pty.c --- */
void tty_init(void); /* /dev/console, /dev/tty, /dev/ttyS0, pseudo-terminals */
void pty_init(void);

#endif
