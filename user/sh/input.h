/*
 * Where commands come from line by line: standard input, or a person at a terminal.
 */
#ifndef SH_INPUT_H
#define SH_INPUT_H

#include "memory.h"

#include <stdbool.h>

struct lineedit;

struct input {
	int fd;			 /* to read from */
	int line;		 /* how many lines have been read */
	struct lineedit *editor; /* a person types, and this helps; else NULL */
	bool prompts;
};

enum input_event {
	INPUT_LINE,	   /* a line was appended */
	INPUT_END,	   /* there are no more */
	INPUT_INTERRUPTED, /* Ctrl-C: forget the command begun */
};

void input_from_fd(struct input *input, int fd);

/* Prompts and, on a terminal that can, edits lines. */
void input_from_person(struct input *input);

/* Appends one line to the text, with its newline; the last line may have none. */
enum input_event input_line(struct input *input, struct buffer *text);

#endif
