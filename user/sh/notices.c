/*
 * Notices: how jobs, and the ends of processes, read to a person. The format is that of POSIX's
 * jobs: [number]mark state command.
 */
#include "jobs.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* "Segmentation fault", "Done", "Done(3)", "Stopped", "Running". */
static void describe(const struct process *process, char *text, size_t size)
{
	int status = process->status;

	if (process->state == PROCESS_RUNNING)
		snprintf(text, size, "Running");
	else if (WIFSIGNALED(status))
		snprintf(text, size, "%s%s", strsignal(WTERMSIG(status)),
			 WCOREDUMP(status) ? " (core dumped)" : "");
	else if (WIFSTOPPED(status) && WSTOPSIG(status) == SIGTTIN)
		snprintf(text, size, "Stopped (tty input)");
	else if (WIFSTOPPED(status) && WSTOPSIG(status) == SIGTTOU)
		snprintf(text, size, "Stopped (tty output)");
	else if (WIFSTOPPED(status))
		snprintf(text, size, WSTOPSIG(status) == SIGSTOP ? "Stopped (signal)" : "Stopped");
	else if (WEXITSTATUS(status) == 0)
		snprintf(text, size, "Done");
	else
		snprintf(text, size, "Done(%d)", WEXITSTATUS(status));
}

/* The process whose state is the job's. */
static const struct process *speaker(const struct job *job)
{
	enum process_state state = job_state(job);

	for (const struct process *p = job->first; p; p = p->next)
		if (p->state == state && (state != PROCESS_ENDED || !p->next))
			return p;
	return job->last;
}

static void print_pids(int fd, const struct job *job)
{
	char text[80];

	for (const struct process *p = job->first; p; p = p->next) {
		describe(p, text, sizeof(text));
		if (p == job->first)
			dprintf(fd, "[%d]%c %d %-22s %s\n", job->number, job_mark(job), p->pid,
				text, job->text);
		else
			dprintf(fd, "     %d %s\n", p->pid, text);
	}
}

void job_print(int fd, const struct job *job, bool pids)
{
	char text[80];

	if (!job->first)
		return;
	if (pids) {
		print_pids(fd, job);
		return;
	}
	describe(speaker(job), text, sizeof(text));
	dprintf(fd, "[%d]%c  %-22s %s\n", job->number, job_mark(job), text, job->text);
}

/* SIGINT and SIGPIPE are how people and pipelines end programs: nothing to tell. */
void job_tell_signal(const struct job *job)
{
	char text[80];

	for (const struct process *p = job->first; p; p = p->next) {
		if (!WIFSIGNALED(p->status) || WTERMSIG(p->status) == SIGPIPE)
			continue;
		describe(p, text, sizeof(text));
		if (WTERMSIG(p->status) == SIGINT)
			text[0] = '\0';
		dprintf(STDERR_FILENO, "%s\n", text);
		return;
	}
}
