/*
 * Jobs: bookkeeping around wait4. There is one place that waits (collect), and it accepts any
 * child: to wait for one job means to collect until that job is complete, entering every other
 * child that ends meanwhile under its own job. A child that ended and was not collected is a
 * zombie; the shell collects before each prompt, so its zombies last until the next Enter.
 */
#include "jobs.h"

#include "memory.h"
#include "shell.h"
#include "terminal.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum process_state { PROCESS_RUNNING, PROCESS_STOPPED, PROCESS_ENDED };

struct process {
	pid_t pid;
	enum process_state state;
	int status; /* as wait4 gave it, once not running */
	struct process *next;
};

struct job {
	struct process *first;
	struct process *last;
	char *text;
	bool failed;	 /* not all of its processes could be started */
	bool background; /* nobody waits for it: the user is told at the next prompt */
	bool told;	 /* the user knows of its present state */
	struct job *next;
};

/* Newest first. Ended background jobs stay until `wait` asks for them. */
static struct job *jobs;

struct job *job_new(const char *text, size_t length, bool background)
{
	struct job *job = must_alloc(sizeof(*job));
	struct buffer copy = { 0 };

	buffer_add(&copy, text, length);
	*job = (struct job){ .text = copy.data, .background = background, .next = jobs };
	jobs = job;
	return job;
}

void job_add_process(struct job *job, pid_t pid)
{
	struct process *process = must_alloc(sizeof(*process));

	*process = (struct process){ .pid = pid, .state = PROCESS_RUNNING };
	if (job->last)
		job->last->next = process;
	else
		job->first = process;
	job->last = process;
}

void job_set_failed(struct job *job)
{
	job->failed = true;
}

pid_t job_group(const struct job *job)
{
	return job->first ? job->first->pid : 0;
}

pid_t job_last_pid(const struct job *job)
{
	return job->last ? job->last->pid : 0;
}

static void job_free(struct job *job)
{
	while (job->first) {
		struct process *next = job->first->next;

		free(job->first);
		job->first = next;
	}
	free(job->text);
	free(job);
}

static void job_forget(struct job *job)
{
	struct job **link = &jobs;

	while (*link != job)
		link = &(*link)->next;
	*link = job->next;
	job_free(job);
}

void jobs_forget_all(void)
{
	while (jobs)
		job_forget(jobs);
}

/* Stopped if any process is, else running if any is, else ended. */
static enum process_state job_state(const struct job *job)
{
	enum process_state state = PROCESS_ENDED;

	for (struct process *p = job->first; p; p = p->next) {
		if (p->state == PROCESS_STOPPED)
			return PROCESS_STOPPED;
		if (p->state == PROCESS_RUNNING)
			state = PROCESS_RUNNING;
	}
	return state;
}

/* What wait4 reports, as the number that $? shows. */
static int shell_status(int wait_status)
{
	if (WIFSIGNALED(wait_status))
		return STATUS_SIGNAL + WTERMSIG(wait_status);
	if (WIFSTOPPED(wait_status))
		return STATUS_SIGNAL + WSTOPSIG(wait_status);
	return WEXITSTATUS(wait_status);
}

/* The status of a job is that of its last process; that of a stopped one, what stopped it. */
static int job_status(const struct job *job)
{
	if (job->failed)
		return EXIT_FAILURE;
	if (job_state(job) == PROCESS_STOPPED)
		for (struct process *p = job->first; p; p = p->next)
			if (p->state == PROCESS_STOPPED)
				return shell_status(p->status);
	return shell_status(job->last->status);
}

static void enter(struct process *process, int wait_status)
{
	process->status = wait_status;
	if (WIFCONTINUED(wait_status))
		process->state = PROCESS_RUNNING;
	else
		process->state = WIFSTOPPED(wait_status) ? PROCESS_STOPPED : PROCESS_ENDED;
}

/* A child that no job has was started before the shell became a shell, by exec: let it go. */
static void enter_pid(pid_t pid, int wait_status)
{
	for (struct job *job = jobs; job; job = job->next)
		for (struct process *p = job->first; p; p = p->next)
			if (p->pid == pid && p->state != PROCESS_ENDED) {
				enter(p, wait_status);
				job->told = false;
				return;
			}
}

/* Enters one change of some child. False if there is none to enter. */
static bool collect(int options)
{
	int status;
	pid_t pid;

	do
		pid = waitpid(-1, &status, options);
	while (pid < 0 && errno == EINTR);
	if (pid <= 0)
		return false;
	enter_pid(pid, status);
	return true;
}

static void collect_until_changed(struct job *job)
{
	while (job_state(job) == PROCESS_RUNNING)
		if (!collect(WUNTRACED))
			return;
}

/* "Segmentation fault", "Done", "Exit 3", "Stopped": how wait4's report reads to a person. */
static void describe(int wait_status, char *text, size_t size)
{
	if (WIFSIGNALED(wait_status))
		snprintf(text, size, "%s%s", strsignal(WTERMSIG(wait_status)),
			 WCOREDUMP(wait_status) ? " (core dumped)" : "");
	else if (WIFSTOPPED(wait_status))
		snprintf(text, size, "Stopped");
	else if (WEXITSTATUS(wait_status) == 0)
		snprintf(text, size, "Done");
	else
		snprintf(text, size, "Exit %d", WEXITSTATUS(wait_status));
}

/* A notice about a background job, under the pid that the user was given when it started. */
static void tell_about(struct job *job)
{
	char text[80];

	if (job_state(job) == PROCESS_RUNNING || job->told)
		return;
	job->told = true;
	for (struct process *p = job->first; p; p = p->next)
		if (p->state == PROCESS_STOPPED || !p->next) {
			describe(p->status, text, sizeof(text));
			dprintf(STDERR_FILENO, "[%d] %s  %s\n", job->last->pid, text, job->text);
			return;
		}
}

/* SIGINT and SIGPIPE are how people and pipelines end programs: nothing to tell. */
static void tell_about_signals(struct job *job)
{
	char text[80];

	for (struct process *p = job->first; p; p = p->next) {
		if (!WIFSIGNALED(p->status) || WTERMSIG(p->status) == SIGPIPE)
			continue;
		describe(p->status, text, sizeof(text));
		if (WTERMSIG(p->status) == SIGINT)
			text[0] = '\0';
		dprintf(STDERR_FILENO, "%s\n", text);
		return;
	}
}

/* Whether the job's status comes from a signal, and not from a program that exits with 130. */
static bool job_was_signalled(const struct job *job)
{
	return job_state(job) == PROCESS_STOPPED || (job->last && WIFSIGNALED(job->last->status));
}

int job_wait(struct job *job)
{
	int status;

	collect_until_changed(job);
	status = job_status(job);
	terminal_take(job_was_signalled(job));
	if (job_was_signalled(job) && status == STATUS_SIGNAL + SIGINT)
		shell.interrupted = shell.interactive;

	if (job_state(job) == PROCESS_STOPPED) {
		job->background = true;
		dprintf(STDERR_FILENO, "\n");
		tell_about(job);
		return status;
	}
	if (isatty(STDERR_FILENO))
		tell_about_signals(job);
	job_forget(job);
	return status;
}

/*
 * The interactive shell ignores Ctrl-C, so nothing could call it back from the builtin wait. For as
 * long as that lasts, it has a child in the foreground that does nothing but die of Ctrl-C.
 */
static struct job *watch_start(void)
{
	struct job *watch = job_new("", 0, false);
	pid_t pid = fork();

	if (pid == 0) {
		setpgid(0, 0);
		terminal_give(getpid());
		signals_default();
		for (;;)
			pause();
	}
	if (pid < 0) {
		job_set_failed(watch);
		return watch;
	}
	job_add_process(watch, pid);
	setpgid(pid, pid);
	terminal_give(pid);
	return watch;
}

/* True if the watch was still there, and the user has not called. */
static bool watch_end(struct job *watch)
{
	bool quiet = watch->failed || job_state(watch) == PROCESS_RUNNING;

	if (job_state(watch) != PROCESS_ENDED)
		kill(watch->first->pid, SIGKILL);
	while (job_state(watch) != PROCESS_ENDED && collect(0))
		continue;
	job_forget(watch);
	terminal_take(true);
	return quiet;
}

/* For the builtin wait. False if the user does not want to wait any longer. */
static bool wait_for(struct job *job)
{
	struct job *watch;

	if (!shell.job_control) {
		collect_until_changed(job);
		return true;
	}
	watch = watch_start();
	while (job_state(job) == PROCESS_RUNNING &&
	       (watch->failed || job_state(watch) == PROCESS_RUNNING))
		if (!collect(WUNTRACED))
			break;
	shell.interrupted = !watch_end(watch);
	return !shell.interrupted;
}

static struct process *find_process(const struct job *job, pid_t pid)
{
	struct process *process = job->first;

	while (process && process->pid != pid)
		process = process->next;
	return process;
}

int jobs_wait_pid(pid_t pid)
{
	struct job *job = jobs;
	int status;

	while (job && !find_process(job, pid))
		job = job->next;
	if (!job)
		return STATUS_NOT_FOUND;
	if (!wait_for(job))
		return STATUS_SIGNAL + SIGINT;
	status = shell_status(find_process(job, pid)->status);
	if (job_state(job) == PROCESS_ENDED)
		job_forget(job);
	return status;
}

int jobs_wait_all(void)
{
	struct job *next;

	for (struct job *job = jobs; job; job = next) {
		next = job->next;
		if (!wait_for(job))
			return STATUS_SIGNAL + SIGINT;
		if (job_state(job) == PROCESS_ENDED)
			job_forget(job);
	}
	return EXIT_SUCCESS;
}

void jobs_poll(bool tell)
{
	while (collect(WNOHANG | WUNTRACED | WCONTINUED))
		continue;
	for (struct job *job = jobs; job && tell; job = job->next)
		if (job->background)
			tell_about(job);
}
