/*
 * The line editor. Every change to the line ends in show_from(), which makes the screen agree with
 * the line from the changed byte on: go to where that byte is shown, clear what follows, write the
 * rest of the line, go to where the cursor belongs. Where a byte is shown is computed (place_of)
 * from the prompt, the line and the number of columns, never remembered, so it cannot go stale; the
 * one thing remembered is where the terminal's cursor was left. Typing at the end of a line, the
 * common case, comes out as an echo of the typed character alone.
 */
#include "lineedit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CTRL(letter) ((letter)&0x1f)

enum { KEY_ESCAPE = 0x1b, KEY_BACKSPACE = 0x7f };

/* ---- UTF-8 ---- */

static bool is_continuation(unsigned char byte)
{
	return (byte & 0xc0) == 0x80;
}

/* How many bytes a character has that begins with this one; 0 if none begins so. */
static size_t utf8_length(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first < 0xe0)
		return 2;
	if (first >= 0xe0 && first < 0xf0)
		return 3;
	return first >= 0xf0 && first < 0xf5 ? 4 : 0;
}

/* The code point of a complete character. */
static unsigned utf8_decode(const char *text)
{
	const unsigned char *bytes = (const unsigned char *)text;
	size_t length = utf8_length(bytes[0]);
	unsigned point;

	if (length < 2)
		return bytes[0];
	point = bytes[0] & (0x7f >> length);
	for (size_t i = 1; i < length; i++)
		point = point << 6 | (bytes[i] & 0x3f);
	return point;
}

/*
 * How many bytes the character at the start of the text has, or 0 if there is none to show: the
 * text ends in it, or it is a control, a surrogate, or not in its shortest form.
 */
static size_t printable_length(const char *text)
{
	static const unsigned first[] = { 0, 0x20, 0xa0, 0x800, 0x10000 };
	size_t length = utf8_length(text[0]);
	unsigned point;

	for (size_t i = 1; i < length; i++)
		if (!is_continuation(text[i]))
			return 0;
	point = utf8_decode(text);
	if (point < first[length] || point > 0x10ffff || point == KEY_BACKSPACE ||
	    (point >= 0xd800 && point <= 0xdfff))
		return 0;
	return length;
}

struct range {
	unsigned first, last;
};

static bool is_in(unsigned point, const struct range *ranges, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (point >= ranges[i].first && point <= ranges[i].last)
			return true;
	return false;
}

/* Columns a character takes: 0 for combining marks, 2 for East Asian letters and for emoji. */
static size_t width_of(unsigned point)
{
	static const struct range zero[] = {
		{ 0x300, 0x36f },   { 0x200b, 0x200f }, { 0x20d0, 0x20ff },
		{ 0xfe00, 0xfe0f }, { 0xfeff, 0xfeff }, { 0xe0100, 0xe01ef },
	};
	static const struct range two[] = {
		{ 0x1100, 0x115f },   { 0x2e80, 0xa4cf },   { 0xac00, 0xd7a3 },
		{ 0xf900, 0xfaff },   { 0xfe30, 0xfe6f },   { 0xff00, 0xff60 },
		{ 0xffe0, 0xffe6 },   { 0x1f300, 0x1f64f }, { 0x1f900, 0x1f9ff },
		{ 0x20000, 0x3fffd },
	};

	if (is_in(point, zero, sizeof(zero) / sizeof(zero[0])))
		return 0;
	return is_in(point, two, sizeof(two) / sizeof(two[0])) ? 2 : 1;
}

/* ---- the screen ---- */

static void put(struct lineedit *e, const char *bytes, size_t count)
{
	if (count > sizeof(e->output) - e->output_length)
		count = sizeof(e->output) - e->output_length;
	memcpy(e->output + e->output_length, bytes, count);
	e->output_length += count;
}

static void put_string(struct lineedit *e, const char *text)
{
	put(e, text, strlen(text));
}

/* A control sequence with a count, as ESC [ 5 A: five rows up. Nothing for a count of 0. */
static void put_motion(struct lineedit *e, size_t count, char direction)
{
	char sequence[32];

	if (count == 0)
		return;
	snprintf(sequence, sizeof(sequence), "\033[%zu%c", count, direction);
	put_string(e, sequence);
}

/* Moves a place on past one text. A character that does not fit into its row begins the next. */
static void advance(const struct lineedit *e, struct lineedit_place *place, const char *text,
		    size_t length)
{
	for (size_t i = 0; i < length; i += utf8_length(text[i])) {
		size_t width = width_of(utf8_decode(text + i));

		if (place->column + width > e->columns) {
			place->row++;
			place->column = 0;
		}
		place->column += width;
		if (place->column == e->columns) {
			place->row++;
			place->column = 0;
		}
	}
}

/* Where the byte at this offset of the line is shown. */
static struct lineedit_place place_of(const struct lineedit *e, size_t offset)
{
	struct lineedit_place place = { 0, 0 };

	advance(e, &place, e->prompt, strlen(e->prompt));
	advance(e, &place, e->line, offset);
	return place;
}

/* Moves the terminal's cursor, by the shortest way if it is already there. */
static void go_to(struct lineedit *e, struct lineedit_place place)
{
	if (place.row < e->shown.row)
		put_motion(e, e->shown.row - place.row, 'A');
	else
		put_motion(e, place.row - e->shown.row, 'B');
	if (place.column != e->shown.column) {
		put_string(e, "\r");
		put_motion(e, place.column, 'C');
	}
	e->shown = place;
}

/*
 * A terminal whose last column was just written does not go to the next row before one more
 * character comes. A space makes it, and is where a space is shown anyway.
 */
static void finish_row(struct lineedit *e)
{
	if (e->shown.column == 0 && e->shown.row > 0)
		put_string(e, " \r");
}

/* Shows the line anew from the byte at `from` on, everything before being shown already. */
static void show_from(struct lineedit *e, size_t from)
{
	go_to(e, place_of(e, from));
	put_string(e, "\033[J");
	put(e, e->line + from, e->length - from);
	e->shown = place_of(e, e->length);
	if (e->length > from)
		finish_row(e);
	go_to(e, place_of(e, e->cursor));
}

/* Shows prompt and line on rows that are blank. */
static void show_all(struct lineedit *e)
{
	put_string(e, e->prompt);
	put(e, e->line, e->length);
	e->shown = place_of(e, e->length);
	finish_row(e);
	go_to(e, place_of(e, e->cursor));
}

static void beep(struct lineedit *e)
{
	put_string(e, "\a");
}

/* ---- the line ---- */

static size_t previous_character(const struct lineedit *e, size_t offset)
{
	if (offset > 0)
		offset--;
	while (offset > 0 && is_continuation(e->line[offset]))
		offset--;
	return offset;
}

static size_t next_character(const struct lineedit *e, size_t offset)
{
	return offset < e->length ? offset + utf8_length(e->line[offset]) : offset;
}

/* The beginning of the word before the cursor, words being what blanks separate. */
static size_t previous_word(const struct lineedit *e)
{
	size_t offset = e->cursor;

	while (offset > 0 && e->line[offset - 1] == ' ')
		offset--;
	while (offset > 0 && e->line[offset - 1] != ' ')
		offset--;
	return offset;
}

static void move_to(struct lineedit *e, size_t offset)
{
	e->cursor = offset;
	go_to(e, place_of(e, offset));
}

static void delete_range(struct lineedit *e, size_t from, size_t to)
{
	if (from == to)
		return;
	memmove(e->line + from, e->line + to, e->length - to + 1);
	e->length -= to - from;
	e->cursor = from;
	show_from(e, from);
}

static void insert(struct lineedit *e, const char *character, size_t size)
{
	size_t at = e->cursor;

	if (e->length + size >= sizeof(e->line)) {
		beep(e);
		return;
	}
	memmove(e->line + at + size, e->line + at, e->length - at + 1);
	memcpy(e->line + at, character, size);
	e->length += size;
	e->cursor += size;
	if (e->cursor < e->length) {
		show_from(e, at);
		return;
	}
	put(e, character, size);
	e->shown = place_of(e, e->length);
	finish_row(e);
}

/* ---- history ---- */

static void history_add(struct lineedit *e)
{
	size_t last = (e->history_count + LINEEDIT_HISTORY - 1) % LINEEDIT_HISTORY;
	char **slot = &e->history[e->history_count % LINEEDIT_HISTORY];
	char *copy;

	if (e->length == 0 || (e->history[last] && strcmp(e->history[last], e->line) == 0))
		return;
	copy = strdup(e->line);
	if (!copy)
		return;
	free(*slot);
	*slot = copy;
	e->history_count++;
}

static size_t history_oldest(const struct lineedit *e)
{
	return e->history_count > LINEEDIT_HISTORY ? e->history_count - LINEEDIT_HISTORY : 0;
}

/* Shows line `index` of the history instead of the present one; history_count is the new line. */
static void history_show(struct lineedit *e, size_t index)
{
	if (e->history_at == e->history_count)
		strcpy(e->draft, e->line);
	e->history_at = index;
	strcpy(e->line,
	       index == e->history_count ? e->draft : e->history[index % LINEEDIT_HISTORY]);
	e->length = strlen(e->line);
	e->cursor = e->length;
	show_from(e, 0);
}

static void history_older(struct lineedit *e)
{
	if (e->history_at > history_oldest(e))
		history_show(e, e->history_at - 1);
	else
		beep(e);
}

static void history_newer(struct lineedit *e)
{
	if (e->history_at < e->history_count)
		history_show(e, e->history_at + 1);
	else
		beep(e);
}

/* ---- keys ---- */

static void clear_screen(struct lineedit *e)
{
	put_string(e, "\033[H\033[2J");
	show_all(e);
}

/* Leaves the line as it is on the screen and goes to a new row. */
static enum lineedit_event finish(struct lineedit *e, enum lineedit_event event)
{
	go_to(e, place_of(e, e->length));
	put_string(e, event == LINEEDIT_INTERRUPT ? "^C\n" : "\n");
	if (event == LINEEDIT_LINE)
		history_add(e);
	return event;
}

/* Keys that are one control character. */
static enum lineedit_event control_key(struct lineedit *e, unsigned char key)
{
	switch (key) {
	case '\n':
	case '\r':
		return finish(e, LINEEDIT_LINE);
	case CTRL('C'):
		return finish(e, LINEEDIT_INTERRUPT);
	case CTRL('D'):
		if (e->length == 0)
			return finish(e, LINEEDIT_END);
		delete_range(e, e->cursor, next_character(e, e->cursor));
		break;
	case KEY_BACKSPACE:
	case CTRL('H'):
		delete_range(e, previous_character(e, e->cursor), e->cursor);
		break;
	case CTRL('A'):
		move_to(e, 0);
		break;
	case CTRL('E'):
		move_to(e, e->length);
		break;
	case CTRL('B'):
		move_to(e, previous_character(e, e->cursor));
		break;
	case CTRL('F'):
		move_to(e, next_character(e, e->cursor));
		break;
	case CTRL('K'):
		delete_range(e, e->cursor, e->length);
		break;
	case CTRL('U'):
		delete_range(e, 0, e->cursor);
		break;
	case CTRL('W'):
		delete_range(e, previous_word(e), e->cursor);
		break;
	case CTRL('L'):
		clear_screen(e);
		break;
	case CTRL('P'):
		history_older(e);
		break;
	case CTRL('N'):
		history_newer(e);
		break;
	case '\t':
		insert(e, " ", 1);
		break;
	default:
		beep(e);
	}
	return LINEEDIT_MORE;
}

/* Escape sequences and the control characters that mean the same. Terminals differ on some. */
static const struct {
	const char *sequence; /* without the escape */
	char key;
} ESCAPES[] = {
	{ "[A", CTRL('P') },  { "OA", CTRL('P') }, { "[B", CTRL('N') },	 { "OB", CTRL('N') },
	{ "[C", CTRL('F') },  { "OC", CTRL('F') }, { "[D", CTRL('B') },	 { "OD", CTRL('B') },
	{ "[H", CTRL('A') },  { "OH", CTRL('A') }, { "[1~", CTRL('A') }, { "[7~", CTRL('A') },
	{ "[F", CTRL('E') },  { "OF", CTRL('E') }, { "[4~", CTRL('E') }, { "[8~", CTRL('E') },
	{ "[3~", CTRL('D') },
};

/* ESC O and a letter; ESC [, parameters, and a byte from @ to ~; else ESC and any one byte. */
static bool escape_is_complete(const char *sequence, size_t length)
{
	unsigned char last = sequence[length - 1];

	if (length < 2)
		return false;
	if (length == 2)
		return last != '[' && last != 'O';
	return sequence[1] == 'O' || (last >= 0x40 && last <= 0x7e);
}

/* The Delete key never ends the input, unlike Ctrl-D. A key unknown here does nothing. */
static void escape_key(struct lineedit *e, const char *sequence)
{
	for (size_t i = 0; i < sizeof(ESCAPES) / sizeof(ESCAPES[0]); i++) {
		if (strcmp(ESCAPES[i].sequence, sequence) != 0)
			continue;
		if (ESCAPES[i].key != CTRL('D') || e->length > 0)
			control_key(e, ESCAPES[i].key);
		return;
	}
}

/*
 * One more byte of an escape sequence. One that is longer than any known key is swallowed up to its
 * end; a control character in the middle gives it up and counts as a key of its own.
 */
static enum lineedit_event feed_escape(struct lineedit *e, unsigned char byte)
{
	if (byte < 0x20) {
		e->sequence_length = 0;
		return lineedit_feed(e, byte);
	}
	if (e->sequence_length < sizeof(e->sequence) - 1)
		e->sequence_length++;
	e->sequence[e->sequence_length - 1] = byte;
	if (escape_is_complete(e->sequence, e->sequence_length)) {
		e->sequence[e->sequence_length] = '\0';
		e->sequence_length = 0;
		escape_key(e, e->sequence + 1);
	}
	return LINEEDIT_MORE;
}

/* One more byte of a character. A byte that does not continue it gives it up. */
static enum lineedit_event feed_utf8(struct lineedit *e, unsigned char byte)
{
	size_t expected = utf8_length(e->sequence[0]);
	size_t length = e->sequence_length;

	if (!is_continuation(byte)) {
		e->sequence_length = 0;
		return lineedit_feed(e, byte);
	}
	e->sequence[length++] = byte;
	e->sequence_length = length;
	if (length == expected) {
		e->sequence_length = 0;
		if (printable_length(e->sequence) == length)
			insert(e, e->sequence, length);
	}
	return LINEEDIT_MORE;
}

enum lineedit_event lineedit_feed(struct lineedit *e, unsigned char byte)
{
	if (e->sequence_length > 0)
		return e->sequence[0] == KEY_ESCAPE ? feed_escape(e, byte) : feed_utf8(e, byte);
	if (byte == KEY_ESCAPE || utf8_length(byte) > 1) {
		e->sequence[0] = byte;
		e->sequence_length = 1;
	} else if (byte < 0x20 || byte == KEY_BACKSPACE) {
		return control_key(e, byte);
	} else if (byte < 0x80) {
		insert(e, (const char *)&byte, 1);
	}
	return LINEEDIT_MORE;
}

/* ---- the life of an editor ---- */

void lineedit_init(struct lineedit *e)
{
	memset(e, 0, sizeof(*e));
}

void lineedit_free(struct lineedit *e)
{
	for (size_t i = 0; i < LINEEDIT_HISTORY; i++)
		free(e->history[i]);
	memset(e, 0, sizeof(*e));
}

/* A directory in a prompt may have any name: what cannot be shown becomes a question mark. */
static void set_prompt(struct lineedit *e, const char *text)
{
	size_t length = 0;

	while (*text) {
		size_t size = printable_length(text);
		const char *shown = size ? text : "?";

		size = size ? size : 1;
		if (length + size >= sizeof(e->prompt))
			break;
		memcpy(e->prompt + length, shown, size);
		length += size;
		text += size;
	}
	e->prompt[length] = '\0';
}

/* With fewer than two columns a wide character would fit nowhere. */
void lineedit_begin(struct lineedit *e, const char *prompt, size_t columns)
{
	set_prompt(e, prompt);
	e->columns = columns > 2 ? columns : 2;
	e->line[0] = '\0';
	e->length = 0;
	e->cursor = 0;
	e->sequence_length = 0;
	e->history_at = e->history_count;
	show_all(e);
}

const char *lineedit_output(struct lineedit *e, size_t *length)
{
	*length = e->output_length;
	e->output_length = 0;
	return e->output;
}
