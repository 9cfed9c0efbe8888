/*
 * The builtins of job control: jobs, fg, bg, disown, wait.
 */
#include "builtins.h"

#include "jobs.h"
#include "shell.h"
#include "trap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The job that an argument names; without one the current job. NULL after a complaint. */
static struct job *find_job(const char *builtin, const char *text)
{
	bool ambiguous;
	struct job *job = jobs_find(text ? text : "%+", &ambiguous);

	if (job && !ambiguous)
		return job;
	misuse(builtin, "%s: %s", text ? text : "current", ambiguous ? "ambiguous" : "no such job");
	return NULL;
}

enum listing { LIST_STATES, LIST_DETAILS, LIST_GROUPS };

static void list_job(struct job *job, enum listing listing)
{
	if (listing == LIST_GROUPS)
		print_output("jobs", "%d\n", job_group(job));
	else
		job_print(STDOUT_FILENO, job, listing == LIST_DETAILS);
	job->told = true;
}

int run_jobs(char **argv)
{
	enum listing listing = LIST_STATES;
	struct job *job;

	for (argv++; *argv && (*argv)[0] == '-'; argv++) {
		if (strcmp(*argv, "-l") != 0 && strcmp(*argv, "-p") != 0)
			return misuse("jobs", "%s: unknown option", *argv);
		listing = (*argv)[1] == 'l' ? LIST_DETAILS : LIST_GROUPS;
	}
	jobs_poll(false);
	for (; *argv; argv++) {
		job = find_job("jobs", *argv);
		if (!job)
			return STATUS_MISUSE;
		list_job(job, listing);
		if (!argv[1])
			return EXIT_SUCCESS;
	}
	for (int number = 0; (job = jobs_after(number)); number = job_number(job))
		list_job(job, listing);
	jobs_forget_told();
	return EXIT_SUCCESS;
}

static bool needs_job_control(const char *builtin)
{
	if (!shell.job_control)
		misuse(builtin, "no job control");
	return !shell.job_control;
}

int run_fg(char **argv)
{
	struct job *job;

	if (needs_job_control("fg"))
		return STATUS_MISUSE;
	job = find_job("fg", argv[1]);
	if (!job)
		return STATUS_MISUSE;
	print_output("fg", "%s\n", job->text);
	job_continue(job, false);
	return job_wait(job);
}

int run_bg(char **argv)
{
	if (needs_job_control("bg"))
		return STATUS_MISUSE;
	do {
		struct job *job;

		argv += *argv && argv[1];
		job = find_job("bg", (*argv)[0] == '%' || parse_number(*argv) >= 0 ? *argv : NULL);
		if (!job)
			return STATUS_MISUSE;
		job_continue(job, true);
		shell.last_background = job_last_pid(job);
		print_output("bg", "[%d] %s &\n", job_number(job), job->text);
	} while (argv[1]);
	return EXIT_SUCCESS;
}

int run_disown(char **argv)
{
	do {
		struct job *job;

		argv += argv[1] != NULL;
		job = find_job("disown", (*argv)[0] == '%' ? *argv : NULL);
		if (!job)
			return STATUS_MISUSE;
		job_forget(job);
	} while (argv[1]);
	return EXIT_SUCCESS;
}

/* One operand of wait: %job, or a process id. */
static int wait_for(const char *text, bool *interrupted)
{
	bool ambiguous;
	struct job *job;
	int pid = parse_number(text);

	if (*text == '%') {
		job = jobs_find(text, &ambiguous);
		return job ? jobs_wait_pid(job_last_pid(job), interrupted) : STATUS_NOT_FOUND;
	}
	if (pid < 0)
		return misuse("wait", "%s: not a process id", text);
	return jobs_wait_pid(pid, interrupted);
}

int run_wait(char **argv)
{
	bool interrupted = false;
	int status = EXIT_SUCCESS;

	if (argv[1] && strcmp(argv[1], "--") == 0)
		argv++;
	if (!argv[1])
		return jobs_wait_all(&interrupted);
	for (argv++; *argv && !interrupted; argv++)
		status = wait_for(*argv, &interrupted);
	return status;
}
