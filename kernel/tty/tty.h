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
/* bytes of output kept while it may not or cannot go out: echo, and what one write adds to it */
#define TTY_ECHO 2048u
#define TTY_OUTPUT (TTY_ECHO + 1024u)

struct tty;

struct tty_ops {
	/* Takes up to size bytes of output, tty->lock held: how many. */
	size_t (*write)(struct tty *tty, const u8 *buf, size_t size);
	size_t (*room)(struct tty *tty); /* bytes that write takes now */
	/* Asks for no more input, or for it again; tty->lock held. */
	void (*throttle)(struct tty *tty, bool on);
	void (*closed)(struct tty *tty); /* the last open file is gone; NULL: nothing to do */
	/* Adds and takes away bits TIOCPKT_* of tty->events; tty->lock held. NULL: nobody asks. */
	void (*event)(struct tty *tty, u8 add, u8 remove);
	tcflag_t fixed_cflag, fixed_mask; /* bits of c_cflag that nobody can change, and which */
	/* the death of the session's leader hangs the line up, and not only the session */
	bool cut_by_exit;
};

struct tty {
	const char *name; /* without /dev/ */
	dev_t dev;
	const struct tty_ops *ops;
	void *driver; /* ops' own */
	struct wait_queue read_queue, write_queue;
	struct mutex read_lock; /* one reader moves bytes at a time; not held while waiting */

	struct spinlock lock; /* guards all below */
	struct termios2 termios;
	struct winsize winsize;
	struct pid *session; /* held; whose controlling terminal it is, or NULL */
	struct pid *pgrp;    /* held; the foreground group, or NULL */
	u32 opens;	     /* open files */
	/* how often the line was hung up: a file opened before the last time has ended */
	s64 hangups;
	bool gone;	/* the other end is, for good */
	bool exclusive; /* TIOCEXCL */
	bool writing;	/* a writer has its turn */
	bool stopped;	/* output waits, for Ctrl-Q or, if it is held, for TCOON */
	bool held;	/* by TCOOFF */
	bool throttled;
	bool literal_next; /* the next byte is no control character (Ctrl-V) */
	bool erasing;	   /* a \ was shown, and a / will follow (ECHOPRT) */
	u32 column;	   /* of the cursor */
	u32 line_column;   /* where the line being edited starts */
	/* input read, ended by a line end, received; byte n lies at n % TTY_BUFFER */
	u64 head, lines_end, end;
	/* bit n: byte n ends a line (an end of file if it is zero) */
	u64 line_end[TTY_BUFFER / 64];
	u8 buf[TTY_BUFFER];
	u8 out[TTY_OUTPUT]; /* output on its way to the driver */
	u32 out_used;
	u32 out_limit; /* TTY_ECHO, and TTY_OUTPUT during a write */
	u8 events;     /* TIOCPKT_*, not yet told to the other end */
};

extern const struct file_ops tty_file_ops;
extern const struct termios2 tty_initial_termios;

void tty_init_struct(struct tty *tty, const char *name, dev_t dev, const struct tty_ops *ops);
void tty_reset(struct tty *tty); /* to its state at birth: settings, empty buffers */
/* The first part of every open of a tty: takes it as controlling terminal where that is due. 0,
 * -EBUSY (TIOCEXCL), -EIO (the other end is gone). */
int tty_open(struct tty *tty, struct file *file);
struct tty *tty_of(struct file *file);
bool tty_hung_up(const struct file *file); /* since it was opened */
/*
 * Writers take turns from their first byte to their last, so that what they write does not mix.
 * *turn, guarded by the tty's lock, is set while one has it; the others wait in queue. 0, -EAGAIN,
 * -ERESTARTSYS.
 */
int tty_turn_begin(struct tty *tty, struct file *file, bool *turn, struct wait_queue *queue);
void tty_turn_end(struct tty *tty, bool *turn, struct wait_queue *queue);

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
/* Sends what waits, if output is not stopped; for a driver that has room again. lock held */
void tty_push_output(struct tty *tty);
void tty_stop_output(struct tty *tty);	   /* lock held */
void tty_start_output(struct tty *tty);	   /* unless it is held; lock held */
void tty_flush_input(struct tty *tty);	   /* lock held */
int tty_input_size(const struct tty *tty); /* bytes that reads would give now; lock held */
void tty_set_termios(struct tty *tty, const struct termios2 *termios, bool flush);
bool tty_is_canonical(const struct tty *tty);

/* --- job.c: sessions and groups --- */
struct tty *tty_current(void); /* the running task's controlling terminal, or NULL */
/* Job control: may the running task do what a background group gets sig for? 0, -EIO,
 * -ERESTARTSYS. */
int tty_check_foreground(struct tty *tty, int sig);
void tty_signal(struct tty *tty, int sig); /* to the foreground group */
int tty_set_controlling(struct tty *tty, bool steal); /* TIOCSCTTY: 0, -EPERM, -EIO (gone) */
int tty_give_up(struct tty *tty);		      /* TIOCNOTTY: 0, -ENOTTY */
/* TIOCSPGRP, which the foreground or no job control allows: 0, -ENOTTY -EINVAL -EPERM -ESRCH */
int tty_set_foreground(struct tty *tty, pid_t pgid);
pid_t tty_get_foreground(struct tty *tty); /* TIOCGPGRP: a group or 0 */
pid_t tty_get_session(struct tty *tty);	   /* TIOCGSID: a session or 0 */
void tty_session_ends(void);		   /* the running task, leader of its session, exits */
/* Every open file of the tty ends, its session loses it, and the leader is told (SIGHUP). gone: it
 * cannot be opened any more. */
void tty_hangup(struct tty *tty, bool gone);
int tty_vhangup(void); /* vhangup(2): 0, -EPERM */
/* For /proc/[pid]/stat: the controlling terminal's number or 0, and its foreground group or -1.
 * tasklist_lock held. */
dev_t tty_number_of(const struct task_struct *task);
pid_t tty_foreground_of(const struct task_struct *task);

/* --- ioctl.c --- */
s64 tty_ioctl(struct file *file, unsigned command, u64 argument);
/* The part of it that a pty's master shares; -ENOTTY: not one of these. own: asked of the tty
 * itself, which has to be the controlling terminal for some questions. */
s64 tty_ioctl_shared(struct tty *tty, unsigned command, u64 argument, bool own);

/* --- console.c, pty.c --- */
void tty_init(void); /* /dev/console, /dev/tty, /dev/ttyS0, pseudo-terminals */
void pty_init(void);

#endif
