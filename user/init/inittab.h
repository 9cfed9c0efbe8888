/*
 * /etc/inittab: lines of the form `id:runlevels:action:process`, as BusyBox reads them. The parser
 * knows nothing of processes, so that it is tested on the host as well.
 */
#ifndef MITOS_INIT_INITTAB_H
#define MITOS_INIT_INITTAB_H

enum action {
	SYSINIT,    /* first of all, each waited for */
	WAIT,	    /* then these, each waited for */
	ONCE,	    /* then these, waited for by nobody */
	RESPAWN,    /* started again whenever they end */
	ASKFIRST,   /* the same, but Enter must be pressed first */
	CTRLALTDEL, /* at SIGINT */
	SHUTDOWN,   /* before everything is ended, each waited for */
	RESTART,    /* at SIGQUIT, when everything has been ended, in the place of init */
};

enum { TERMINAL_NAME = 32 };

struct inittab_line {
	char *terminal; /* below /dev; "" is the console */
	enum action action;
	char *process; /* NULL: a line that says nothing */
};

/*
 * Takes one line apart, in place and without its newline. Returns NULL, or what is wrong with it,
 * in words.
 */
const char *inittab_parse(char *text, struct inittab_line *line);

#endif
