/*
 * What the parts of init share: messages (say.c), what stands before the first process (setup.c),
 * terminals (terminal.c), children and the one place where init sleeps (child.c), /etc/inittab
 * (inittab.c), the services that it names (service.c), and the end (shutdown.c).
 */
#ifndef MITOS_INIT_H
#define MITOS_INIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "inittab.h"

enum {
	STATUS_NOT_EXECUTABLE = 126,
	STATUS_NOT_FOUND = 127,
	STATUS_SIGNAL = 128,
};

#define SECOND INT64_C(1000000000) /* in nanoseconds, as every time here */
#define NEVER INT64_MAX

/* ---- say.c ---- */

/* With init.verbose each burial is told. */
extern bool verbose;

/* One line in the kernel log, "init: text"; on standard error if there is no log. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same, and on the console too: for what the person there has to know. */
void announce(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- setup.c ---- */

/* The whole of a file, NUL-terminated, to be freed; NULL if it cannot be read. */
char *read_file(const char *path, size_t *length);

void mount_proc(void);
bool has_boot_option(const char *option);

/* The environment of everything: init's own, then the NAME=VALUE lines that the host sent along. */
void set_environment(void);

/* ---- terminal.c: called in a child that leads a session ---- */

enum terminal_use {
	FOR_PERSON, /* controlling terminal, modes as a person expects them */
	FOR_HOST,   /* controlling terminal, every byte comes out as it was written */
	FOR_OUTPUT, /* standard input and output only: its modes and owner are another's affair */
};

/* Makes the terminal standard input, output and error. False if it cannot be opened. */
bool open_terminal(const char *path, enum terminal_use use);

/* ---- child.c ---- */

/* A process that init started itself. All others that it buries are orphans, adopted. */
struct child {
	struct child *next; /* among those that run */
	const char *name;
	pid_t pid;  /* 0: it does not run */
	int status; /* as wait gave it, once it does not run any more */
};

/* Monotonic time. */
int64_t now(void);

/* To be called before anything else: from here on signals wait until await_event asks for them. */
void block_signals(void);
void unblock_signals(void);

/*
 * fork(): 0 in the child, which leads a session of its own and has no signal blocked; its process
 * id in the parent, or -1 with errno. The name is kept, not copied.
 */
pid_t child_fork(struct child *child, const char *name);

/* As if it had been adopted: its death concerns nobody any more. */
void child_forget(struct child *child);

/*
 * Sleeps until a signal comes or the deadline is there, and buries everybody who is dead. Returns
 * the signal, if it is one by which somebody asks for something, or 0.
 */
int await_event(int64_t deadline);

/* Whether there is any process but init: all descend from it. */
bool is_anybody_left(void);

/* execvp() in /root, or in / if that is not there. Returns if it cannot, with errno. */
void execute(const char *path, char **argv);

/* After that: says why on standard error, and ends as a shell does that cannot. */
_Noreturn void end_unexecuted(const char *path);

/* ---- service.c ---- */

/* Reads /etc/inittab, or does without, and starts what is to be started, in order. */
void services_boot(void);

/* Starts again what has ended, each when it is due. Returns when the next one is, or NEVER. */
int64_t services_step(void);

/* Reads /etc/inittab again: what is in both stays as it is, what is gone gets SIGTERM. */
void services_reload(void);

/* Starts all of one action and, until the deadline, waits for each before the next is started. */
void services_run(enum action action, int64_t deadline);

/* Starts all of one action and waits for none. */
void services_start(enum action action);

/* SIGHUP to whoever sits at a terminal: an interactive shell pays no heed to SIGTERM. */
void services_hang_up(void);

/* Whether there is any of this action. */
bool services_have(enum action action);

/* Becomes the process that is to take init's place. Returns if there is none, or it cannot. */
void services_replace_init(void);

/* ---- shutdown.c ---- */

/*
 * Does what a signal to init asks for; 0 asks for nothing. Does not return if that is the end of
 * the machine. While that is being done, nothing else is.
 */
void obey(int signal);

/* True if the signal asks for the end of the machine. */
bool ends_machine(int signal);

/* Ends every process: SIGTERM, so many nanoseconds to go by themselves, SIGKILL. */
void end_processes(int64_t grace);

/* Halts, switches off or restarts, as the signal asked. Nobody else is left. */
_Noreturn void end_machine(int signal);

#endif
