/*
 * Running commands from where they are written: a text, a file, a terminal.
 */
#ifndef SH_SOURCE_H
#define SH_SOURCE_H

struct input;

/* Reads the file to its end, closes it and runs it. Returns the status of its last command. */
int run_file(int fd);

/* Reads and runs command after command until there is no more, or the script is left. */
void run_input(struct input *input);

#endif
