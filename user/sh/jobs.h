/*
 * Jobs: the children that the shell has started and not buried yet. A job is what one command or
 * one pipeline became: one or more processes, with job control in a process group of their own. The
 * shell waits for jobs, but the kernel reports processes, in any order; whatever wait4 returns is
 * entered here under its job, so that no exit status is lost.
 */
#ifndef SH_JOBS_H
#define SH_JOBS_H

#include "ast.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum process_state { PROCESS_RUNNING, PROCESS_STOPPED, PROCESS_ENDED };

struct process {
	pid_t pid;
	enum process_state state;
	int status; /* as wait4 gave it, once not running */
	struct process *next;
};

struct job {
	int number; /* %number; 0 for a job that is waited for at once */
	struct process *first;
	struct process *last;
	char *text;	 /* the command */
	bool failed;	 /* not all of its processes could be started */
	bool background; /* nobody waits for it: the user is told at the next prompt */
	bool told;	 /* the user knows of its present state */
	bool inherited;	 /* it is the parent's: it can be looked at and killed, not waited for */
	struct job *next;
};

/* A new job without processes. node: what it runs, for notices; NULL if there will be none. */
struct job *job_new(const struct node *node, bool background);
void job_add_process(struct job *job, pid_t pid);

/* Not all of its processes could be started: whatever the others do, the job has failed. */
void job_set_failed(struct job *job);

/* The job's process group (the pid of its first process), or 0 while it has no process. */
pid_t job_group(const struct job *job);

/* The pid of its last process, which is $! for a background job, or 0. */
pid_t job_last_pid(const struct job *job);
int job_number(const struct job *job);

/* Running if any process is, else stopped if any is, else ended. */
enum process_state job_state(const struct job *job);

/*
 * Waits until every process of the job has ended or been stopped, says so on a terminal if a signal
 * did it, and returns the status of the last process as $? wants it. An ended job is forgotten, a
 * stopped one becomes a background job.
 */
int job_wait(struct job *job);

/* The same, silently, for one whose processes are in the shell's own group. */
int job_wait_captured(struct job *job);

/* Sets a stopped job going again, in the foreground or the background. */
void job_continue(struct job *job, bool background);

/* As if the shell had never heard of it. */
void job_forget(struct job *job);

/*
 * For the builtin wait: silent. STATUS_NOT_FOUND if the pid is no known child's; more than
 * STATUS_SIGNAL, and *interrupted, if a signal with a trap, or Ctrl-C, came first.
 */
int jobs_wait_pid(pid_t pid, bool *interrupted);
int jobs_wait_all(bool *interrupted);

/* Without waiting: reaps what has ended and, if asked, tells about each background job. */
void jobs_poll(bool tell);

/* Forgets the jobs that have ended and of which the user knows it. */
void jobs_forget_told(void);

/* For a child of the shell: the jobs can be looked at until it has numbered ones of its own. */
void jobs_inherit(void);

/* ---- jobfind.c -------------------------------------------------------------------------- */

/* The jobs that have numbers, from 1 up: the one after this number, or NULL. */
struct job *jobs_after(int number);

/*
 * %1 %+ %% %- %text %?text. The current job is the one stopped last, or else started last. NULL if
 * there is no such job; *ambiguous if there are several.
 */
struct job *jobs_find(const char *text, bool *ambiguous);

/* '+' for the current job, '-' for the one before, ' ' for others. */
char job_mark(const struct job *job);

/* Whether any job is stopped. */
bool jobs_any_stopped(void);

/* ---- notices.c -------------------------------------------------------------------------- */

/* One job in the format of `jobs`; with `pids`, of jobs -l. */
void job_print(int fd, const struct job *job, bool pids);

/* Says that a signal ended a job that was waited for, unless it was SIGINT or SIGPIPE. */
void job_tell_signal(const struct job *job);

#endif
