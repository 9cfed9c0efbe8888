/*
 * Jobs: the children that the shell has started and not buried yet. A job is what one command or
 * one pipeline became: one or more processes, in interactive use with a process group of their own.
 * The shell waits for jobs, but the kernel reports processes, in any order; whatever wait4 returns
 * is entered here under its job, so that no exit status is lost.
 */
#ifndef SH_JOBS_H
#define SH_JOBS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct job;

/* A new job without processes; the text is copied, for notices. */
struct job *job_new(const char *text, size_t length, bool background);
void job_add_process(struct job *job, pid_t pid);

/* Not all of its processes could be started: whatever the others do, the job has failed. */
void job_set_failed(struct job *job);

/* The job's process group (the pid of its first process), or 0 while it has no process. */
pid_t job_group(const struct job *job);

/* The pid of its last process, which is $! for a background job, or 0. */
pid_t job_last_pid(const struct job *job);

/*
 * Waits until every process of the job has ended or one has stopped, says so on a terminal if a
 * signal did it, and returns the status of the last process as $? wants it. An ended job is
 * forgotten, a stopped one becomes a background job.
 */
int job_wait(struct job *job);

/*
 * For the builtin wait: silent. STATUS_NOT_FOUND if the pid is no known child's, and the status of
 * a program that Ctrl-C has ended if the user ends the waiting so.
 */
int jobs_wait_pid(pid_t pid);
int jobs_wait_all(void);

/* Without waiting: reaps what has ended and, if asked, tells about each background job. */
void jobs_poll(bool tell);

/* For a child of the shell, which has none of its parent's children. */
void jobs_forget_all(void);

#endif
