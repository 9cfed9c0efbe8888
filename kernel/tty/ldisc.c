/*
 * The line discipline: what happens to a byte between the wire and a program (POSIX.1-2017, chapter
 * 11; termios(3)). Input goes into a ring where line ends are marked beside the bytes, so that a
 * quoted newline is no line end and an end of file is a marked zero. Echo is output of the same
 * kind as a program's. tty->lock is held throughout but for tty_receive(), which sends its signals
 * after it.
 */
#include "lib/string.h"
#include "proc/signal.h"
#include "tty/tty.h"

#define NUL_DISABLED 0 /* a control character of this value is off */

static bool lflag(const struct tty *tty, tcflag_t flag)
{
	return tty->termios.c_lflag & flag;
}

static bool iflag(const struct tty *tty, tcflag_t flag)
{
	return tty->termios.c_iflag & flag;
}

static bool is_control_char(const struct tty *tty, u8 c, int which)
{
	return c != NUL_DISABLED && c == tty->termios.c_cc[which];
}

static bool is_cntrl(u8 c)
{
	return c < ' ' || c == 0x7f;
}

/* The second and later bytes of a UTF-8 character take no column. */
static bool is_continuation(const struct tty *tty, u8 c)
{
	return iflag(tty, IUTF8) && (c & 0xc0) == 0x80;
}

bool tty_is_canonical(const struct tty *tty)
{
	return lflag(tty, ICANON);
}

/* --- output --- */

static void output_flush(struct tty *tty)
{
	if (tty->out_used)
		tty->ops->write(tty, tty->out, tty->out_used);
	tty->out_used = 0;
}

static void output_raw(struct tty *tty, u8 c)
{
	if (tty->out_used == sizeof(tty->out))
		output_flush(tty);
	tty->out[tty->out_used++] = c;
}

static void output_tab(struct tty *tty)
{
	u32 spaces = 8 - tty->column % 8;

	tty->column += spaces;
	if ((tty->termios.c_oflag & TABDLY) != XTABS)
		output_raw(tty, '\t');
	else
		while (spaces--)
			output_raw(tty, ' ');
}

/* One byte with OPOST's changes, and where it leaves the cursor. */
static void output_byte(struct tty *tty, u8 c)
{
	tcflag_t oflag = tty->termios.c_oflag;

	if (!(oflag & OPOST)) {
		output_raw(tty, c);
		return;
	}
	if (c == '\r' && (oflag & ONOCR) && tty->column == 0)
		return;
	switch (c) {
	case '\n':
		if (oflag & ONLCR)
			output_raw(tty, '\r');
		if (oflag & (ONLCR | ONLRET))
			tty->column = 0;
		break;
	case '\r':
		if (!(oflag & OCRNL) || (oflag & ONLRET))
			tty->column = 0;
		if (oflag & OCRNL)
			c = '\n';
		break;
	case '\t':
		output_tab(tty);
		return;
	case '\b':
		tty->column -= tty->column > 0;
		break;
	default:
		tty->column += !is_cntrl(c) && !is_continuation(tty, c);
	}
	output_raw(tty, c);
}

void tty_put_output(struct tty *tty, const u8 *bytes, size_t size)
{
	for (; size; size--)
		output_byte(tty, *bytes++);
	output_flush(tty);
}

/* --- echo --- */

/* A byte of input as it is shown: control characters as ^X with ECHOCTL. */
static void echo_byte(struct tty *tty, u8 c)
{
	if (!lflag(tty, ECHOCTL) || !is_cntrl(c) || c == '\t') {
		output_byte(tty, c);
		return;
	}
	output_raw(tty, '^');
	output_raw(tty, c ^ 0x40);
	tty->column += 2;
}

/* The column after the line being edited, if it ended at byte number end. */
static u32 column_at(const struct tty *tty, u64 end)
{
	u32 column = tty->line_column;

	for (u64 i = tty->lines_end; i < end; i++) {
		u8 c = tty->buf[i % TTY_BUFFER];
		if (c == '\t')
			column += 8 - column % 8;
		else if (is_cntrl(c))
			column += lflag(tty, ECHOCTL) ? 2 : 0;
		else
			column += !is_continuation(tty, c);
	}
	return column;
}

/* The character before byte number end of the line being edited: where it starts. */
static u64 previous_char(const struct tty *tty, u64 end)
{
	do
		end--;
	while (end > tty->lines_end && is_continuation(tty, tty->buf[end % TTY_BUFFER]));
	return end;
}

/* Takes the characters from end to old_end, which were erased, off the screen, the last one
 * first. */
static void echo_erase(struct tty *tty, u64 end, u64 old_end)
{
	while (old_end > end) {
		u64 start = previous_char(tty, old_end);
		u8 c = tty->buf[start % TTY_BUFFER];
		u32 columns = is_cntrl(c) ? (lflag(tty, ECHOCTL) ? 2 : 0) : 1;

		if (c == '\t')
			columns = column_at(tty, old_end) - column_at(tty, start);
		for (; columns; columns--) {
			output_raw(tty, '\b');
			if (c != '\t') { /* which left nothing to overwrite */
				output_raw(tty, ' ');
				output_raw(tty, '\b');
			}
			tty->column -= tty->column > 0;
		}
		old_end = start;
	}
}

/* --- input --- */

static void put_input(struct tty *tty, u8 c, bool ends_line)
{
	u64 at = tty->end % TTY_BUFFER, bit = 1ull << at % 64;
	u64 used = tty->end - tty->head;

	/* the last place is kept for the end of a line that is too long */
	if (used == TTY_BUFFER ||
	    (used == TTY_BUFFER - 1 && !(ends_line && tty->lines_end == tty->head)))
		return;
	tty->buf[at] = c;
	tty->line_end[at / 64] =
		ends_line ? tty->line_end[at / 64] | bit : tty->line_end[at / 64] & ~bit;
	tty->end++;
	if (ends_line)
		tty->lines_end = tty->end;
}

void tty_flush_input(struct tty *tty)
{
	tty->head = tty->lines_end = tty->end;
	if (tty->throttled) {
		tty->throttled = false;
		tty->ops->throttle(tty, false);
	}
}

static bool is_word_char(u8 c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '_' || c >= 0x80;
}

/* Where the line ends after VERASE, VWERASE (the word before the cursor) or VKILL. */
static u64 end_after_erase(const struct tty *tty, int which)
{
	u64 end = tty->end;
	bool in_word = false;

	if (which == VKILL)
		return tty->lines_end;
	if (which == VERASE)
		return previous_char(tty, end);
	while (end > tty->lines_end) {
		u64 previous = previous_char(tty, end);
		bool word = is_word_char(tty->buf[previous % TTY_BUFFER]);
		if (in_word && !word)
			break;
		in_word = word;
		end = previous;
	}
	return end;
}

static void erase(struct tty *tty, int which)
{
	if (tty->end == tty->lines_end)
		return;
	u64 old_end = tty->end;
	u64 end = end_after_erase(tty, which);

	tty->end = end;
	if (!lflag(tty, ECHO))
		return;
	if (which == VKILL && !(lflag(tty, ECHOK) && lflag(tty, ECHOKE) && lflag(tty, ECHOE))) {
		echo_byte(tty, tty->termios.c_cc[VKILL]);
		if (lflag(tty, ECHOK))
			output_byte(tty, '\n');
	} else if (which == VERASE && !lflag(tty, ECHOE)) {
		echo_byte(tty, tty->termios.c_cc[VERASE]);
	} else {
		echo_erase(tty, end, old_end);
	}
}

static void reprint(struct tty *tty)
{
	echo_byte(tty, tty->termios.c_cc[VREPRINT]);
	output_byte(tty, '\n');
	tty->line_column = tty->column;
	for (u64 i = tty->lines_end; i < tty->end; i++)
		echo_byte(tty, tty->buf[i % TTY_BUFFER]);
}

/* A byte that is just itself; quoted: a newline too. */
static void take_plain(struct tty *tty, u8 c, bool quoted)
{
	if (lflag(tty, ECHO)) {
		if (tty->end == tty->lines_end)
			tty->line_column = tty->column;
		if (c == '\n' && !quoted)
			output_byte(tty, c);
		else
			echo_byte(tty, c);
	}
	put_input(tty, c, false);
}

/* The characters of canonical mode; false if c is none of them. */
static bool take_canonical(struct tty *tty, u8 c)
{
	bool extended = lflag(tty, IEXTEN);

	if (is_control_char(tty, c, VERASE)) {
		erase(tty, VERASE);
	} else if (is_control_char(tty, c, VKILL)) {
		erase(tty, VKILL);
	} else if (extended && is_control_char(tty, c, VWERASE)) {
		erase(tty, VWERASE);
	} else if (extended && lflag(tty, ECHO) && is_control_char(tty, c, VREPRINT)) {
		reprint(tty);
	} else if (c == '\n') {
		if (lflag(tty, ECHO) || lflag(tty, ECHONL))
			output_byte(tty, c);
		put_input(tty, c, true);
	} else if (is_control_char(tty, c, VEOF)) {
		put_input(tty, 0, true);
	} else if (is_control_char(tty, c, VEOL) || (extended && is_control_char(tty, c, VEOL2))) {
		if (lflag(tty, ECHO))
			echo_byte(tty, c);
		put_input(tty, c, true);
	} else {
		return false;
	}
	return true;
}

/* Ctrl-S and Ctrl-Q; false if c is neither. */
static bool take_flow_control(struct tty *tty, u8 c)
{
	if (!iflag(tty, IXON))
		return false;
	if (is_control_char(tty, c, VSTOP)) {
		tty->stopped = true;
		return true;
	}
	bool start = is_control_char(tty, c, VSTART);
	if (start || iflag(tty, IXANY))
		tty->stopped = false;
	return start;
}

/* Ctrl-C, Ctrl-\, Ctrl-Z: the signal, or 0 if c is none. */
static int take_signal(struct tty *tty, u8 c)
{
	int sig = 0;

	if (!lflag(tty, ISIG))
		return 0;
	if (is_control_char(tty, c, VINTR))
		sig = SIGINT;
	else if (is_control_char(tty, c, VQUIT))
		sig = SIGQUIT;
	else if (is_control_char(tty, c, VSUSP))
		sig = SIGTSTP;
	if (!sig)
		return 0;
	if (!lflag(tty, NOFLSH))
		tty_flush_input(tty);
	tty->stopped = false;
	if (lflag(tty, ECHO))
		echo_byte(tty, c);
	return sig;
}

/* One byte of input; *signals collects what it asks for. */
static void take_byte(struct tty *tty, u8 c, u64 *signals)
{
	if (iflag(tty, ISTRIP))
		c &= 0x7f;
	if (tty->literal_next) {
		tty->literal_next = false;
		take_plain(tty, c, true);
		return;
	}
	if (take_flow_control(tty, c))
		return;
	int sig = take_signal(tty, c);
	if (sig) {
		*signals |= SIGNAL_BIT(sig);
		return;
	}
	if (c == '\r' && iflag(tty, IGNCR))
		return;
	if (c == '\r' && iflag(tty, ICRNL))
		c = '\n';
	else if (c == '\n' && iflag(tty, INLCR))
		c = '\r';
	if (tty_is_canonical(tty) && lflag(tty, IEXTEN) && is_control_char(tty, c, VLNEXT)) {
		tty->literal_next = true;
		if (lflag(tty, ECHO) && lflag(tty, ECHOCTL)) {
			output_raw(tty, '^');
			output_raw(tty, '\b');
		}
		return;
	}
	if (!tty_is_canonical(tty) || !take_canonical(tty, c))
		take_plain(tty, c, false);
}

/* A driver that can wait stops while a reader has something to do and the buffer is nearly full. */
#define THROTTLE_AT (TTY_BUFFER - 128)
#define UNTHROTTLE_AT (TTY_BUFFER / 2)

static bool has_input(const struct tty *tty)
{
	return tty->head != (tty_is_canonical(tty) ? tty->lines_end : tty->end);
}

static void adjust_throttle(struct tty *tty)
{
	u64 used = tty->end - tty->head;
	bool on = tty->throttled;

	if (used >= THROTTLE_AT && has_input(tty))
		on = true;
	else if (used < UNTHROTTLE_AT || !has_input(tty))
		on = false;
	if (on != tty->throttled) {
		tty->throttled = on;
		tty->ops->throttle(tty, on);
	}
}

size_t tty_receive_room(struct tty *tty)
{
	u64 used = tty->end - tty->head;

	if (used < TTY_BUFFER - 1)
		return TTY_BUFFER - 1 - used;
	return has_input(tty) ? 0 : 1;
}

void tty_receive(struct tty *tty, const u8 *bytes, size_t size)
{
	u64 signals = 0;

	spin_lock(&tty->lock);
	bool was_stopped = tty->stopped;
	for (; size; size--)
		take_byte(tty, *bytes++, &signals);
	output_flush(tty);
	adjust_throttle(tty);
	bool readable = has_input(tty), restarted = was_stopped && !tty->stopped;
	spin_unlock(&tty->lock);

	for (; signals; signals &= signals - 1)
		tty_signal(tty, __builtin_ctzll(signals) + 1);
	if (readable)
		wait_queue_wake(&tty->read_queue);
	if (restarted)
		wait_queue_wake(&tty->write_queue);
}

bool tty_readable(const struct tty *tty)
{
	return has_input(tty);
}

size_t tty_take(struct tty *tty, u8 *buf, size_t size, bool *line_done)
{
	bool canonical = tty_is_canonical(tty);
	size_t taken = 0;

	*line_done = false;
	while (has_input(tty) && !*line_done) {
		u64 at = tty->head % TTY_BUFFER;
		bool ends_line = canonical && (tty->line_end[at / 64] >> at % 64 & 1);
		bool end_of_file = ends_line && tty->buf[at] == 0;
		if (taken == size && !end_of_file)
			break;
		if (!end_of_file)
			buf[taken++] = tty->buf[at];
		tty->head++;
		*line_done = ends_line;
	}
	adjust_throttle(tty);
	return taken;
}

/* Input of the other mode that is left becomes readable as it is: raw bytes as one line, lines as
 * bytes. */
static void switch_mode(struct tty *tty)
{
	memset(tty->line_end, 0, sizeof(tty->line_end));
	tty->lines_end = tty->head;
	if (tty_is_canonical(tty) && tty->end != tty->head) {
		u64 last = (tty->end - 1) % TTY_BUFFER;
		tty->line_end[last / 64] |= 1ull << last % 64;
		tty->lines_end = tty->end;
	}
	tty->literal_next = false;
}

void tty_set_termios(struct tty *tty, const struct termios *termios, bool flush)
{
	spin_lock(&tty->lock);
	bool other_mode = (tty->termios.c_lflag ^ termios->c_lflag) & ICANON;
	tty->termios = *termios;
	if (flush)
		tty_flush_input(tty);
	if (other_mode)
		switch_mode(tty);
	if (!iflag(tty, IXON))
		tty->stopped = false;
	adjust_throttle(tty);
	spin_unlock(&tty->lock);
	wait_queue_wake(&tty->read_queue);
	wait_queue_wake(&tty->write_queue);
}
