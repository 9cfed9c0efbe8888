/*
 * A line editor with history, as a state machine: keys go in one byte at a time, and what comes out
 * is an event and the bytes to show on the terminal. It does no I/O and knows no file descriptor,
 * so it runs as well in a unit test as in a shell:
 *
 *	lineedit_begin(&editor, "$ ", 80);
 *	do {
 *		write what lineedit_output() returns
 *		event = lineedit_feed(&editor, the next byte)
 *	} while (event == LINEEDIT_MORE);
 *	write what lineedit_output() returns
 *
 * Keys: arrows, Home, End, Delete, Backspace; Ctrl-A -E -B -F to move, Ctrl-W -U -K to delete,
 * Ctrl-P -N for history, Ctrl-L to clear the screen. Text is UTF-8; bytes that are not are dropped.
 * A line longer than the terminal is wide goes on in the next row. The terminal must understand
 * ECMA-48 cursor movements (as all since the VT100 do) and start a new row on a newline.
 */
#ifndef SH_LINEEDIT_H
#define SH_LINEEDIT_H

#include <stdbool.h>
#include <stddef.h>

#define LINEEDIT_MAX 4096    /* bytes in a line, with the NUL; what is typed beyond is refused */
#define LINEEDIT_PROMPT 512  /* bytes in a prompt, with the NUL; a longer one is cut */
#define LINEEDIT_HISTORY 100 /* lines remembered */
#define LINEEDIT_SEQUENCE 16 /* bytes of an escape sequence worth looking at */

enum lineedit_event {
	LINEEDIT_MORE,	    /* the line is still being edited */
	LINEEDIT_LINE,	    /* Enter: the line is in `line`, and in the history if not empty */
	LINEEDIT_INTERRUPT, /* Ctrl-C: the line is to be forgotten */
	LINEEDIT_END,	    /* Ctrl-D on an empty line */
};

/* Where on the screen something is, counted from where the prompt begins. */
struct lineedit_place {
	size_t row;
	size_t column;
};

struct lineedit {
	char line[LINEEDIT_MAX]; /* NUL-terminated */
	size_t length;		 /* bytes in it */
	size_t cursor;		 /* a byte offset, at the start of a character or at the end */

	char prompt[LINEEDIT_PROMPT];
	size_t columns;
	struct lineedit_place shown; /* where the terminal's cursor is now */

	/* A key that takes several bytes and is not complete yet. */
	char sequence[LINEEDIT_SEQUENCE];
	size_t sequence_length;

	char *history[LINEEDIT_HISTORY]; /* a ring: line n is at n % LINEEDIT_HISTORY */
	size_t history_count;		 /* lines ever added */
	size_t history_at;		 /* the line being looked at; history_count: the new one */
	char draft[LINEEDIT_MAX];	 /* the new line, while an old one is looked at */

	char output[3 * LINEEDIT_MAX]; /* one key's worth always fits */
	size_t output_length;
};

void lineedit_init(struct lineedit *editor);
void lineedit_free(struct lineedit *editor);

/* Starts an empty line on a terminal with so many columns, the cursor being at a row's start. */
void lineedit_begin(struct lineedit *editor, const char *prompt, size_t columns);

/* One more byte from the keyboard. After any event but LINEEDIT_MORE, begin again. */
enum lineedit_event lineedit_feed(struct lineedit *editor, unsigned char byte);

/* The bytes to show since the last call. They stay valid until the next byte is fed. */
const char *lineedit_output(struct lineedit *editor, size_t *length);

#endif
