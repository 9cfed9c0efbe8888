/*
 * The line discipline: what happens to a byte between the wire and a program (POSIX.1-2017, chapter
 * 11; termios(3)). Input goes into a ring where line ends are marked beside the bytes, so that a
 * quoted newline is no line end and an end of file is a marked zero. Echo is output of the same
 * kind as a program's. tty->lock is held throughout but for tty_receive(), which sends its signals
 * after it.
 */
#include <asm/ioctls.h>
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

static bool is_upper(u8 c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_lower(u8 c)
{
	return c >= 'a' && c <= 'z';
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

static void tell(struct tty *tty, u8 add, u8 remove)
{
	if (tty->ops->event)
		tty->ops->event(tty, add, remove);
}

void tty_push_output(struct tty *tty)
{
	if (tty->stopped || !tty->out_used)
		return;
	size_t sent = tty->ops->write(tty, tty->out, tty->out_used);

	tty->out_used -= sent;
	memmove(tty->out, tty->out + sent, tty->out_used);
}

void tty_stop_output(struct tty *tty)
{
	if (!tty->stopped)
		tell(tty, TIOCPKT_STOP, TIOCPKT_START);
	tty->stopped = true;
}

void tty_start_output(struct tty *tty)
{
	if (!tty->stopped || tty->held)
		return;
	tty->stopped = false;
	tell(tty, TIOCPKT_START, TIOCPKT_STOP);
	tty_push_output(tty);
	wait_queue_wake(&tty->write_queue);
}

/* A writer has seen to it that there is room; echo that finds none is lost. */
static void output_raw(struct tty *tty, u8 c)
{
	if (tty->out_used >= tty->out_limit)
		tty_push_output(tty);
	if (tty->out_used < tty->out_limit)
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
		tty->line_column = tty->column;
		break;
	case '\r':
		if (!(oflag & OCRNL) || (oflag & ONLRET))
			tty->line_column = tty->column = 0;
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
		if ((oflag & OLCUC) && is_lower(c))
			c -= 'a' - 'A';
		tty->column += !is_cntrl(c) && !is_continuation(tty, c);
	}
	output_raw(tty, c);
}

void tty_put_output(struct tty *tty, const u8 *bytes, size_t size)
{
	tty->out_limit = TTY_OUTPUT;
	for (; size; size--)
		output_byte(tty, *bytes++);
	tty->out_limit = TTY_ECHO;
	tty_push_output(tty);
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

/* On paper nothing can be taken away: what was erased is shown again, between a backslash
 * and a slash. */
static void finish_erasing(struct tty *tty)
{
	if (tty->erasing)
		output_byte(tty, '/');
	tty->erasing = false;
}

static void show_erased(struct tty *tty, u64 start, u64 end)
{
	if (!tty->erasing)
		output_byte(tty, '\\');
	tty->erasing = true;
	echo_byte(tty, tty->buf[start++ % TTY_BUFFER]);
	while (start < end)
		output_byte(tty, tty->buf[start++ % TTY_BUFFER]);
}

/* Takes the character from start to end, which was erased by which, off the screen. */
static void echo_erase(struct tty *tty, u64 start, u64 end, int which)
{
	u8 c = tty->buf[start % TTY_BUFFER];
	u32 columns = is_cntrl(c) ? (lflag(tty, ECHOCTL) ? 2 : 0) : 1;

	if (lflag(tty, ECHOPRT)) {
		show_erased(tty, start, end);
		return;
	}
	if (which == VERASE && !lflag(tty, ECHOE)) {
		echo_byte(tty, tty->termios.c_cc[VERASE]);
		return;
	}
	if (c == '\t')
		columns = column_at(tty, end) - column_at(tty, start);
	for (; columns; columns--) {
		output_raw(tty, '\b');
		if (c != '\t') { /* which left nothing to overwrite */
			output_raw(tty, ' ');
			output_raw(tty, '\b');
		}
		tty->column -= tty->column > 0;
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
	tty->literal_next = tty->erasing = false;
	tell(tty, TIOCPKT_FLUSHREAD, 0);
	if (tty->throttled) {
		tty->throttled = false;
		tty->ops->throttle(tty, false);
	}
}

/* As Linux has it: letters, digits and _ of ASCII, letters of Latin-1, which most first bytes of
 * UTF-8 look like. */
static bool is_word_char(u8 c)
{
	return (c >= '0' && c <= '9') || is_lower(c) || is_upper(c) || c == '_' ||
	       (c >= 0xc0 && c != 0xd7 && c != 0xf7);
}

/* VKILL where the line is not taken off the screen character by character. */
static bool kill_line(struct tty *tty)
{
	bool echo = lflag(tty, ECHO);

	if (echo && lflag(tty, ECHOK) && lflag(tty, ECHOKE) && lflag(tty, ECHOE))
		return false;
	tty->end = tty->lines_end;
	if (echo) {
		finish_erasing(tty);
		echo_byte(tty, tty->termios.c_cc[VKILL]);
		if (lflag(tty, ECHOK))
			output_byte(tty, '\n');
	}
	return true;
}

/* VERASE takes a character, VWERASE the word before the cursor, VKILL the line. */
static void erase(struct tty *tty, int which)
{
	bool in_word = false;

	if (tty->end == tty->lines_end || (which == VKILL && kill_line(tty)))
		return;
	while (tty->end > tty->lines_end) {
		u64 end = tty->end, start = previous_char(tty, end);
		u8 c = tty->buf[start % TTY_BUFFER];
		if (is_continuation(tty, c)) /* of a character that is not there */
			break;
		if (which == VWERASE && in_word && !is_word_char(c))
			break;
		in_word = is_word_char(c);
		tty->end = start;
		if (lflag(tty, ECHO))
			echo_erase(tty, start, end, which);
		if (which == VERASE)
			break;
	}
	if (tty->end == tty->lines_end && lflag(tty, ECHO))
		finish_erasing(tty);
}

static void reprint(struct tty *tty)
{
	finish_erasing(tty);
	echo_byte(tty, tty->termios.c_cc[VREPRINT]);
	output_byte(tty, '\n');
	for (u64 i = tty->lines_end; i < tty->end; i++)
		echo_byte(tty, tty->buf[i % TTY_BUFFER]);
}

/* A byte that is just itself. line_end: a newline that was typed as a return. */
static void take_plain(struct tty *tty, u8 c, bool line_end)
{
	if (lflag(tty, ECHO)) {
		finish_erasing(tty);
		if (tty->end == tty->lines_end)
			tty->line_column = tty->column;
		if (line_end)
			output_byte(tty, c);
		else
			echo_byte(tty, c);
	}
	if (c == 0xff && iflag(tty, PARMRK)) /* alone it would begin a mark */
		put_input(tty, c, false);
	put_input(tty, c, false);
}

static void quote_next(struct tty *tty)
{
	tty->literal_next = true;
	if (!lflag(tty, ECHO))
		return;
	finish_erasing(tty);
	if (lflag(tty, ECHOCTL)) {
		output_raw(tty, '^');
		output_raw(tty, '\b');
	}
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
	} else if (extended && is_control_char(tty, c, VLNEXT)) {
		quote_next(tty);
	} else if (extended && lflag(tty, ECHO) && is_control_char(tty, c, VREPRINT)) {
		reprint(tty);
	} else if (c == '\n') {
		if (lflag(tty, ECHO) || lflag(tty, ECHONL))
			output_byte(tty, c);
		put_input(tty, c, true);
	} else if (is_control_char(tty, c, VEOF)) {
		put_input(tty, 0, true);
	} else if (is_control_char(tty, c, VEOL) || (extended && is_control_char(tty, c, VEOL2))) {
		if (lflag(tty, ECHO)) {
			if (tty->end == tty->lines_end)
				tty->line_column = tty->column;
			echo_byte(tty, c);
		}
		put_input(tty, c, true);
	} else {
		return false;
	}
	return true;
}

/* Ctrl-S and Ctrl-Q; false if c is neither. */
static bool take_flow_control(struct tty *tty, u8 c)
{
	bool start = is_control_char(tty, c, VSTART);
	bool stop = !start && is_control_char(tty, c, VSTOP);

	if (!iflag(tty, IXON))
		return false;
	if (stop)
		tty_stop_output(tty);
	else if (start || iflag(tty, IXANY))
		tty_start_output(tty);
	return start || stop;
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
	if (!lflag(tty, NOFLSH)) {
		tty_flush_input(tty);
		tty->out_used = 0;
	}
	if (iflag(tty, IXON))
		tty_start_output(tty);
	if (lflag(tty, ECHO))
		echo_byte(tty, c);
	return sig;
}

/* One byte of input; *signals collects what it asks for. */
static void take_byte(struct tty *tty, u8 c, u64 *signals)
{
	if (iflag(tty, ISTRIP))
		c &= 0x7f;
	if (iflag(tty, IUCLC) && lflag(tty, IEXTEN) && is_upper(c))
		c += 'a' - 'A';
	if (tty->literal_next) {
		tty->literal_next = false;
		take_plain(tty, c, false);
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
	bool line_end = c == '\r' && iflag(tty, ICRNL);
	if (line_end)
		c = '\n';
	else if (c == '\n' && iflag(tty, INLCR))
		c = '\r';
	if (!tty_is_canonical(tty) || !take_canonical(tty, c))
		take_plain(tty, c, line_end);
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
	for (; size; size--)
		take_byte(tty, *bytes++, &signals);
	tty_push_output(tty);
	adjust_throttle(tty);
	bool readable = has_input(tty);
	spin_unlock(&tty->lock);

	for (; signals; signals &= signals - 1)
		tty_signal(tty, __builtin_ctzll(signals) + 1);
	if (readable)
		wait_queue_wake(&tty->read_queue);
}

bool tty_readable(const struct tty *tty)
{
	return has_input(tty);
}

static bool ends_line(const struct tty *tty, u64 n)
{
	u64 at = n % TTY_BUFFER;

	return tty_is_canonical(tty) && (tty->line_end[at / 64] >> at % 64 & 1);
}

static bool is_end_of_file(const struct tty *tty, u64 n)
{
	return ends_line(tty, n) && tty->buf[n % TTY_BUFFER] == 0;
}

int tty_input_size(const struct tty *tty)
{
	u64 end = tty_is_canonical(tty) ? tty->lines_end : tty->end;
	int bytes = 0;

	for (u64 n = tty->head; n != end; n++)
		bytes += !is_end_of_file(tty, n);
	return bytes;
}

size_t tty_take(struct tty *tty, u8 *buf, size_t size, bool *line_done)
{
	size_t taken = 0;

	*line_done = false;
	while (has_input(tty) && !*line_done) {
		bool end_of_file = is_end_of_file(tty, tty->head);
		if (taken == size && !end_of_file)
			break;
		if (!end_of_file)
			buf[taken++] = tty->buf[tty->head % TTY_BUFFER];
		*line_done = ends_line(tty, tty->head++);
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
	tty->literal_next = tty->erasing = false;
}

/* Does the other end have to heed Ctrl-S and Ctrl-Q? (TIOCPKT_DOSTOP) */
static bool has_usual_flow_control(const struct tty *tty)
{
	return iflag(tty, IXON) && tty->termios.c_cc[VSTOP] == ('S' & 31) &&
	       tty->termios.c_cc[VSTART] == ('Q' & 31);
}

void tty_set_termios(struct tty *tty, const struct termios2 *termios, bool flush)
{
	spin_lock(&tty->lock);
	bool other_mode = (tty->termios.c_lflag ^ termios->c_lflag) & ICANON;
	bool had_ixon = iflag(tty, IXON), had_usual = has_usual_flow_control(tty);
	tty->termios = *termios;
	tty->termios.c_cflag &= ~tty->ops->fixed_mask;
	tty->termios.c_cflag |= tty->ops->fixed_cflag;
	if (flush)
		tty_flush_input(tty);
	if (other_mode)
		switch_mode(tty);
	if (had_ixon && !iflag(tty, IXON))
		tty_start_output(tty);
	if (had_usual != has_usual_flow_control(tty))
		tell(tty, had_usual ? TIOCPKT_NOSTOP : TIOCPKT_DOSTOP,
		     had_usual ? TIOCPKT_DOSTOP : TIOCPKT_NOSTOP);
	adjust_throttle(tty);
	spin_unlock(&tty->lock);
	wait_queue_wake(&tty->read_queue);
	wait_queue_wake(&tty->write_queue);
}
