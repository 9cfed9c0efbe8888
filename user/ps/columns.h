/*
 * The columns that ps can print. Each has a function that writes what a process has to show in it;
 * nothing is asked of the system but what /proc says.
 */
#ifndef USER_PS_COLUMNS_H
#define USER_PS_COLUMNS_H

#include "procfs.h"

enum { TEXT_SIZE = 128 * 1024 /* bytes of a cell with its NUL; what is longer is cut */ };

struct column {
	const char *name;
	const char *heading;
	int width; /* in places of a line; negative: aligned to the left */
	const char
		*cut; /* text that is too wide, unless it is last, is cut to end in this, or NULL */
	void (*format)(const struct proc_stat *process, char *text);
};

/* The end of the table has no name. */
extern const struct column columns[];

/* Reads what is the same for every process. Called once, before anything else here. */
void columns_prepare(void);

/* How wide a column is at least; a pid's is as wide as the largest pid that there can be. */
int column_width(const struct column *column);

#endif
