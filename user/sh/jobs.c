/*
 * Jobs: bookkeeping around wait4. There is one place that waits (collect), and it accepts any
 * child: to wait for one job means to collect until that job is complete, entering every other
 * child that ends meanwhile under its own job. A child that ended and was not collected is a
 * zombie; the shell collects before each prompt, so its zombies last until the next Enter.
 */
#include "jobs.h"

#include "joblist.h"
#include "memory.h"
#include "shell.h"
#include "show.h"
#include "terminal.h"
#include "trap.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* How many jobs are remembered that ended in the background, and that nobody has asked about. */
enum { ENDED_MAX = 1024 };

/*
 * The one stopped last first, then the others, the one started last first. Ended background jobs
 * stay until the user has been told, or `wait` asks for them.
 */
struct job *job_list;
static int started; /* since old ones were last looked for */

/* ---- the list --------------------------------------------------------------------------- */

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

static void unlink_job(struct job *job)
{
	struct job **link = &job_list;

	while (*link != job)
		link = &(*link)->next;
	*link = job->next;
}

static void link_job(struct job *job)
{
	job->next = job_list;
	job_list = job;
}

void job_forget(struct job *job)
{
	unlink_job(job);
	job_free(job);
}

void jobs_inherit(void)
{
	for (struct job *job = job_list; job; job = job->next)
		job->inherited = true;
}

static bool has_own(void)
{
	for (struct job *job = job_list; job; job = job->next)
		if (job->number && !job->inherited)
			return true;
	return false;
}

bool job_is_listed(const struct job *job)
{
	return job->number && (!job->inherited || !has_own());
}

/* A script that starts jobs for ever and asks about none must not grow for ever. */
static void forget_old(void)
{
	struct job *job = job_list;

	if (++started < ENDED_MAX)
		return;
	started = 0;
	for (int kept = 0; job;) {
		struct job *next = job->next;

		if (job_state(job) == PROCESS_ENDED && ++kept > ENDED_MAX)
			job_forget(job);
		job = next;
	}
}

static int free_number(void)
{
	int highest = 0;

	for (struct job *job = job_list; job; job = job->next)
		if (job->number > highest && !job->inherited)
			highest = job->number;
	return highest + 1;
}

struct job *job_new(const struct node *node, bool background)
{
	struct job *job;
	struct buffer text = { 0 };

	forget_old();
	if (node)
		show_tree(&text, node);
	else
		buffer_add(&text, "", 0);
	for (char *at = text.data; *at; at++)
		if (*at == '\n')
			*at = ' ';
	job = must_alloc(sizeof(*job));
	*job = (struct job){ .text = text.data, .background = background };
	job->number = background ? free_number() : 0;
	link_job(job);
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

int job_number(const struct job *job)
{
	return job->number;
}

enum process_state job_state(const struct job *job)
{
	enum process_state state = PROCESS_ENDED;

	for (struct process *p = job->first; p; p = p->next) {
		if (p->state == PROCESS_RUNNING)
			return PROCESS_RUNNING;
		if (p->state == PROCESS_STOPPED)
			state = PROCESS_STOPPED;
	}
	return state;
}

/* ---- statuses --------------------------------------------------------------------------- */

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

/* Whether the job's status comes from a signal, and not from a program that exits with 130. */
static bool job_was_signalled(const struct job *job)
{
	return job_state(job) == PROCESS_STOPPED || (job->last && WIFSIGNALED(job->last->status));
}

/* ---- collecting ------------------------------------------------------------------------- */

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
	for (struct job *job = job_list; job; job = job->next)
		for (struct process *p = job->first; p; p = p->next)
			if (p->pid == pid && p->state != PROCESS_ENDED && !job->inherited) {
				enter(p, wait_status);
				job->told = false;
				if (job->number && job_state(job) == PROCESS_STOPPED) {
					unlink_job(job);
					link_job(job);
				}
				return;
			}
}

/* Enters one change of some child. False if there is none to enter, and errno says why. */
static bool collect(int options)
{
	int status;
	pid_t pid;

	if (shell.job_control)
		options |= WUNTRACED;
	do
		pid = waitpid(-1, &status, options);
	while (pid < 0 && errno == EINTR);
	if (pid == 0)
		errno = 0;
	if (pid <= 0)
		return false;
	enter_pid(pid, status);
	return true;
}

static void collect_until_changed(struct job *job)
{
	while (job_state(job) == PROCESS_RUNNING)
		if (!collect(0))
			return;
}

/*
 * The same, but a signal with a trap, or Ctrl-C, ends it as well: then false. Signals are blocked
 * except in sigsuspend, which opens them and sleeps in one step; SIGCHLD has a handler, so the end
 * of a child ends that sleep, too, and none can slip in between the looking and the sleeping.
 */
static bool collect_unless_interrupted(struct job *job)
{
	sigset_t all, before;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	while (job_state(job) == PROCESS_RUNNING && !trap_pending()) {
		if (collect(WNOHANG))
			continue;
		if (errno != 0)
			break;
		sigsuspend(&before);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	return !trap_pending();
}

/* ---- waiting ---------------------------------------------------------------------------- */

static void keep_stopped(struct job *job)
{
	job->background = true;
	if (!job->number)
		job->number = free_number();
	job->told = true;
	unlink_job(job);
	link_job(job);
	dprintf(STDERR_FILENO, "\n");
	job_print(STDERR_FILENO, job, false);
}

int job_wait(struct job *job)
{
	int status;

	collect_until_changed(job);
	status = job_status(job);
	terminal_take(job_was_signalled(job));
	if (job_was_signalled(job) && status == STATUS_SIGNAL + SIGINT && shell.interactive)
		shell.unwind = UNWIND_ALL;

	if (job_state(job) == PROCESS_STOPPED) {
		keep_stopped(job);
		return status;
	}
	if (isatty(STDERR_FILENO) && job->first)
		job_tell_signal(job);
	job_forget(job);
	return status;
}

int job_wait_captured(struct job *job)
{
	int status;

	while (job->first && job_state(job) != PROCESS_ENDED)
		if (!collect(0))
			break;
	status = job_status(job);
	if (job->first && status == STATUS_SIGNAL + SIGINT && shell.interactive)
		shell.unwind = UNWIND_ALL;
	job_forget(job);
	return status;
}

void job_continue(struct job *job, bool background)
{
	for (struct process *p = job->first; p; p = p->next)
		if (p->state == PROCESS_STOPPED)
			p->state = PROCESS_RUNNING;
	job->background = background;
	job->told = false;
	if (!background)
		terminal_give(job_group(job));
	kill(-job_group(job), SIGCONT);
}

static struct process *find_process(const struct job *job, pid_t pid)
{
	struct process *process = job->first;

	while (process && process->pid != pid)
		process = process->next;
	return process;
}

static int interrupted_status(bool *interrupted)
{
	*interrupted = true;
	return STATUS_SIGNAL + trap_pending();
}

int jobs_wait_pid(pid_t pid, bool *interrupted)
{
	struct job *job;
	int status;

	job = job_list;
	while (job && (job->inherited || !find_process(job, pid)))
		job = job->next;
	if (!job)
		return STATUS_NOT_FOUND;
	if (!collect_unless_interrupted(job) && job_state(job) == PROCESS_RUNNING)
		return interrupted_status(interrupted);
	status = shell_status(find_process(job, pid)->status);
	if (job_state(job) == PROCESS_ENDED)
		job_forget(job);
	return status;
}

/* Stopped ones are not waited for: that could be for ever. */
int jobs_wait_all(bool *interrupted)
{
	struct job *next;

	for (struct job *job = job_list; job; job = next) {
		next = job->next;
		if (job->inherited)
			continue;
		if (!collect_unless_interrupted(job) && job_state(job) == PROCESS_RUNNING)
			return interrupted_status(interrupted);
		/* Those that were stopped meanwhile stand elsewhere in the list now. */
		next = job->next;
		if (job_state(job) == PROCESS_ENDED)
			job_forget(job);
	}
	return EXIT_SUCCESS;
}

/* A notice about a background job. An ended one of which the user knows is over. */
static void tell_about(struct job *job)
{
	enum process_state state = job_state(job);

	if (state == PROCESS_RUNNING || !job->number)
		return;
	if (!job->told && job->background)
		job_print(STDERR_FILENO, job, false);
	job->told = true;
	if (state == PROCESS_ENDED)
		job_forget(job);
}

void jobs_poll(bool tell)
{
	struct job *next;

	while (collect(WNOHANG | WCONTINUED))
		continue;
	for (struct job *job = job_list; job && tell; job = next) {
		next = job->next;
		tell_about(job);
	}
}

void jobs_forget_told(void)
{
	struct job *next;

	for (struct job *job = job_list; job; job = next) {
		next = job->next;
		if (job->told && job_state(job) == PROCESS_ENDED)
			job_forget(job);
	}
}
