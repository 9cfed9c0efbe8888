/*
 * The shell's line editor: what keys make of a line, and that a terminal shows exactly that. The
 * terminal is a small model of a VT100 (motions, clearing, the wrap that waits for one more
 * character); random keys are compared with a model of the line that is edited the obvious way.
 */
#include "lineedit.h"
#include "unit.h"

#define LEFT "\033[D"
#define RIGHT "\033[C"
#define UP "\033[A"
#define DOWN "\033[B"
#define HOME "\033[H"
#define END "\033[F"
#define DELETE "\033[3~"

enum { ROWS = 200, COLUMNS = 80 };

/* ---- a terminal ------------------------------------------------------------------------- */

struct screen {
	unsigned cells[ROWS][COLUMNS]; /* code points, 0 where nothing was written */
	size_t columns, row, column;
	bool wraps; /* the last column was written: the next character goes to the next row */
};

static void screen_clear_from(struct screen *s, size_t row, size_t column)
{
	for (; row < ROWS; row++, column = 0)
		for (; column < COLUMNS; column++)
			s->cells[row][column] = 0;
}

static void screen_print(struct screen *s, unsigned point)
{
	if (s->wraps) {
		s->row++;
		s->column = 0;
	}
	CHECK(s->row < ROWS);
	s->cells[s->row][s->column] = point;
	s->wraps = s->column + 1 == s->columns;
	s->column += !s->wraps;
}

/* A control sequence, from after its ESC [; returns its end. */
static const char *screen_control(struct screen *s, const char *at)
{
	size_t count = strtoul(at, (char **)&at, 10);

	s->wraps = false;
	switch (*at) {
	case 'A':
		CHECK(count <= s->row);
		s->row -= count;
		break;
	case 'B':
		s->row += count;
		CHECK(s->row < ROWS);
		break;
	case 'C':
		s->column += count;
		CHECK(s->column < s->columns);
		break;
	case 'H':
		s->row = s->column = 0;
		break;
	case 'J':
		CHECK(count == 0 || count == 2);
		screen_clear_from(s, count ? 0 : s->row, count ? 0 : s->column);
		break;
	default:
		FAIL("a control sequence ends in %c", *at);
	}
	return at + 1;
}

/* Shows what the editor has put out. Two-byte UTF-8 is all of it that the tests use. */
static void screen_write(struct screen *s, const char *at, size_t length)
{
	char *text = malloc(length + 1), *start = text;
	const char *p = text;

	memcpy(text, at, length);
	text[length] = '\0';
	while (*p) {
		if (p[0] == '\033') {
			CHECK(p[1] == '[');
			p = screen_control(s, p + 2);
		} else if (*p == '\r' || *p == '\n') {
			s->row += *p++ == '\n';
			s->column = 0;
			s->wraps = false;
		} else if (*p == '\a') {
			p++;
		} else if ((*p & 0xe0) == 0xc0) {
			screen_print(s, (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu));
			p += 2;
		} else {
			screen_print(s, (unsigned char)*p++);
		}
	}
	free(start);
}

/* ---- an editor at a terminal ------------------------------------------------------------ */

struct session {
	struct lineedit editor;
	struct screen screen;
	size_t top; /* the row of the prompt */
};

static void session_show(struct session *s)
{
	size_t length;
	const char *output = lineedit_output(&s->editor, &length);

	screen_write(&s->screen, output, length);
}

static void session_begin(struct session *s, const char *prompt)
{
	s->top = s->screen.row;
	lineedit_begin(&s->editor, prompt, s->screen.columns);
	session_show(s);
}

static struct session *session_new(size_t columns)
{
	struct session *s = calloc(1, sizeof(*s));

	lineedit_init(&s->editor);
	s->screen.columns = columns;
	session_begin(s, "$ ");
	return s;
}

static void session_free(struct session *s)
{
	lineedit_free(&s->editor);
	free(s);
}

static enum lineedit_event press(struct session *s, const char *keys, size_t length)
{
	enum lineedit_event event = LINEEDIT_MORE;

	for (size_t i = 0; i < length; i++) {
		CHECK_EQ(event, LINEEDIT_MORE);
		event = lineedit_feed(&s->editor, (unsigned char)keys[i]);
		session_show(s);
	}
	return event;
}

static enum lineedit_event type(struct session *s, const char *keys)
{
	return press(s, keys, strlen(keys));
}

/* The screen shows prompt and line and nothing else, and the cursor is where it belongs. */
static void check_screen(struct session *s)
{
	char text[LINEEDIT_PROMPT + LINEEDIT_MAX];
	size_t place = 0, columns = s->screen.columns, prompt = strlen(s->editor.prompt);
	int length = snprintf(text, sizeof(text), "%s%s", s->editor.prompt, s->editor.line);
	size_t cursor = 0;

	for (int i = 0; i <= length; place++) {
		unsigned char byte = (unsigned char)text[i];
		unsigned point = byte < 0x80 ? byte : (byte & 0x1fu) << 6 | (text[i + 1] & 0x3fu);
		unsigned shown = s->screen.cells[s->top + place / columns][place % columns];

		if ((size_t)i == prompt + s->editor.cursor)
			cursor = place;
		if (shown != point && !(point == 0 && shown == ' '))
			FAIL("column %zu of [%s] shows %x, not %x", place, text, shown, point);
		i += byte < 0x80 ? 1 : 2;
	}
	CHECK(!s->screen.wraps);
	CHECK_EQ(s->screen.row - s->top, cursor / columns);
	CHECK_EQ(s->screen.column, cursor % columns);
}

/* ---- tables ----------------------------------------------------------------------------- */

CASE(keys)
{
	static const struct {
		const char *keys, *line;
		size_t cursor;
	} table[] = {
		{ "abc", "abc", 3 },
		{ "ac" LEFT "b", "abc", 2 },
		{ "bc" HOME "a", "abc", 1 },
		{ "bc\001a\005d", "abcd", 4 },
		{ "abc\002\002\006X", "abXc", 3 },
		{ "abc" LEFT LEFT "\013", "a", 1 },
		{ "abc" LEFT "\025", "c", 0 },
		{ "one two  \027", "one ", 4 },
		{ "one two\027\027\027", "", 0 },
		{ "abc\177\010", "a", 1 },
		{ "\177" LEFT RIGHT DELETE "a", "a", 1 },
		{ "abc" HOME DELETE, "bc", 0 },
		{ "abc\001\004", "bc", 0 },
		{ "h\303\251" LEFT "x", "hx\303\251", 2 },
		{ "\303\251\303\251\177", "\303\251", 2 },
		{ "a\xff\x80z", "az", 2 },
		{ "a\033[5~b\033[1;5Cc\033OPd", "abcd", 4 },
		{ "\033[1~a\033OHb" END "c", "bac", 3 },
		{ "a\tb", "a b", 3 },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct session *s = session_new(COLUMNS);

		CHECK_EQ(type(s, table[i].keys), LINEEDIT_MORE);
		if (strcmp(s->editor.line, table[i].line) != 0 ||
		    s->editor.cursor != table[i].cursor)
			FAIL("row %zu: [%s] at %zu, not [%s] at %zu", i, s->editor.line,
			     s->editor.cursor, table[i].line, table[i].cursor);
		check_screen(s);
		session_free(s);
	}
}

CASE(events)
{
	struct session *s = session_new(COLUMNS);

	CHECK_EQ(type(s, "ls -l\r"), LINEEDIT_LINE);
	CHECK_STR(s->editor.line, "ls -l");
	session_begin(s, "$ ");
	CHECK_EQ(type(s, "abc\003"), LINEEDIT_INTERRUPT);
	session_begin(s, "$ ");
	CHECK_EQ(type(s, DELETE "a\177\004"), LINEEDIT_END);
	session_begin(s, "$ ");
	CHECK_EQ(type(s, "\n"), LINEEDIT_LINE);
	CHECK_STR(s->editor.line, "");
	session_free(s);
}

static void enter(struct session *s, const char *line)
{
	CHECK_EQ(type(s, line), LINEEDIT_MORE);
	CHECK_EQ(type(s, "\r"), LINEEDIT_LINE);
	session_begin(s, "$ ");
}

CASE(history)
{
	struct session *s = session_new(COLUMNS);

	enter(s, "first");
	enter(s, "second");
	enter(s, "second");
	enter(s, "");
	type(s, "draft" UP);
	CHECK_STR(s->editor.line, "second");
	CHECK_EQ(s->editor.cursor, 6);
	type(s, UP);
	CHECK_STR(s->editor.line, "first");
	type(s, UP "\020");
	CHECK_STR(s->editor.line, "first");
	check_screen(s);
	type(s, DOWN "\016");
	CHECK_STR(s->editor.line, "draft");
	type(s, DOWN);
	CHECK_STR(s->editor.line, "draft");
	check_screen(s);
	session_free(s);
}

CASE(history_is_bounded_and_unchanged_by_editing)
{
	struct session *s = session_new(COLUMNS);
	char line[32];

	for (int i = 0; i < LINEEDIT_HISTORY + 10; i++) {
		snprintf(line, sizeof(line), "line %d", i);
		enter(s, line);
		s->screen = (struct screen){ .columns = COLUMNS };
		session_begin(s, "$ ");
	}
	type(s, UP "changed" DOWN UP);
	CHECK_STR(s->editor.line, "line 109");
	for (int i = 0; i < 2 * LINEEDIT_HISTORY; i++)
		type(s, UP);
	CHECK_STR(s->editor.line, "line 10");
	session_free(s);
}

CASE(a_line_that_is_too_long_is_refused)
{
	struct session *s = session_new(COLUMNS);

	for (int i = 0; i < LINEEDIT_MAX + 100; i++)
		CHECK_EQ(type(s, "x"), LINEEDIT_MORE);
	CHECK_EQ(s->editor.length, LINEEDIT_MAX - 1);
	check_screen(s);
	CHECK_EQ(type(s, "\r"), LINEEDIT_LINE);
	session_free(s);
}

CASE(clearing_the_screen)
{
	struct session *s = session_new(20);

	enter(s, "one");
	type(s, "abc" LEFT "\014");
	s->top = 0;
	check_screen(s);
	session_free(s);
}

/* ---- random keys ------------------------------------------------------------------------ */

/* The line as characters of one or two bytes, edited by moving memory. */
struct model {
	char text[64][3];
	int length, cursor;
};

static void model_delete(struct model *m, int from, int to)
{
	memmove(m->text[from], m->text[to], (size_t)(m->length - to) * sizeof(m->text[0]));
	m->length -= to - from;
	m->cursor = from;
}

static int model_word(const struct model *m)
{
	int at = m->cursor;

	while (at > 0 && m->text[at - 1][0] == ' ')
		at--;
	while (at > 0 && m->text[at - 1][0] != ' ')
		at--;
	return at;
}

static void model_insert(struct model *m, const char *character)
{
	memmove(m->text[m->cursor + 1], m->text[m->cursor],
		(size_t)(m->length - m->cursor) * sizeof(m->text[0]));
	strcpy(m->text[m->cursor++], character);
	m->length++;
}

/* Chooses a key, applies it to the model, and returns it. */
static const char *model_key(struct model *m)
{
	static const char *const characters[] = { "a", "b", " ", "\303\251", "~" };
	const char *character = characters[random_below(5)];
	int at = m->cursor;

	switch (random_below(m->length < 60 ? 16 : 9)) {
	case 0:
		m->cursor -= at > 0;
		return LEFT;
	case 1:
		m->cursor += at < m->length;
		return RIGHT;
	case 2:
		m->cursor = 0;
		return HOME;
	case 3:
		m->cursor = m->length;
		return END;
	case 4:
		if (at > 0)
			model_delete(m, at - 1, at);
		return "\177";
	case 5:
		if (at < m->length)
			model_delete(m, at, at + 1);
		return DELETE;
	case 6:
		if (random_below(4))
			return "\033[5~";
		model_delete(m, at, m->length);
		return "\013";
	case 7:
		if (random_below(4))
			return "\033[6~";
		model_delete(m, 0, at);
		return "\025";
	case 8:
		model_delete(m, model_word(m), at);
		return "\027";
	default:
		model_insert(m, character);
		return character;
	}
}

CASE(random_keys_edit_and_show_like_the_model)
{
	for (int round = 0; round < 60; round++) {
		struct session *s = session_new(2 + random_below(30));
		struct model m = { .length = 0 };

		for (int i = 0; i < 400; i++) {
			char line[3 * 64] = "";

			CHECK_EQ(type(s, model_key(&m)), LINEEDIT_MORE);
			for (int c = 0; c < m.length; c++)
				strcat(line, m.text[c]);
			CHECK_STR(s->editor.line, line);
			check_screen(s);
		}
		session_free(s);
	}
}

CASE(random_bytes_leave_a_sound_line)
{
	struct lineedit *editor = malloc(sizeof(*editor));

	lineedit_init(editor);
	lineedit_begin(editor, "$ ", 10);
	for (int i = 0; i < 300000; i++) {
		unsigned char byte = random_below(3) ? (unsigned char)random_below(32)
						     : (unsigned char)random64();
		enum lineedit_event event = lineedit_feed(editor, byte);
		size_t length;

		lineedit_output(editor, &length);
		CHECK(editor->cursor <= editor->length && editor->length < LINEEDIT_MAX);
		CHECK_EQ(strlen(editor->line), editor->length);
		if (event != LINEEDIT_MORE)
			lineedit_begin(editor, "\033[31m\xff prompt", random_below(40));
	}
	lineedit_free(editor);
	free(editor);
}

UNIT_MAIN
