/*
 * Which job is meant: %1, %+, %-, %text (POSIX XBD 3.204). The current job is the first in the list
 * that is stopped, or else the first.
 */
#include "joblist.h"
#include "jobs.h"

#include <stdlib.h>
#include <string.h>

struct job *jobs_after(int number)
{
	struct job *found = NULL;

	for (struct job *job = job_list; job; job = job->next)
		if (job_is_listed(job) && job->number > number &&
		    (!found || job->number < found->number))
			found = job;
	return found;
}

/* The current job for 0, the one before it for 1: stopped ones come before the others. */
static struct job *job_by_rank(int rank)
{
	for (int stopped = 1; stopped >= 0; stopped--)
		for (struct job *job = job_list; job; job = job->next)
			if (job_is_listed(job) && (job_state(job) == PROCESS_STOPPED) == stopped &&
			    rank-- == 0)
				return job;
	return NULL;
}

char job_mark(const struct job *job)
{
	if (job == job_by_rank(0))
		return '+';
	return job == job_by_rank(1) ? '-' : ' ';
}

static struct job *job_by_text(const char *text, bool anywhere, bool *ambiguous)
{
	struct job *found = NULL;

	for (struct job *job = job_list; job; job = job->next) {
		const char *at = job_is_listed(job) ? strstr(job->text, text) : NULL;

		if (!at || (!anywhere && at != job->text))
			continue;
		*ambiguous |= found != NULL;
		found = job;
	}
	return found;
}

struct job *jobs_find(const char *text, bool *ambiguous)
{
	char *end;
	long number;
	struct job *job;

	*ambiguous = false;
	text += *text == '%';
	if (*text == '\0' || strcmp(text, "+") == 0 || strcmp(text, "%") == 0)
		return job_by_rank(0);
	if (strcmp(text, "-") == 0)
		return job_by_rank(1);
	number = strtol(text, &end, 10);
	if (end != text && *end == '\0') {
		job = jobs_after(number - 1);
		return job && job->number == number ? job : NULL;
	}
	return job_by_text(text + (*text == '?'), *text == '?', ambiguous);
}

bool jobs_any_stopped(void)
{
	for (struct job *job = job_list; job; job = job->next)
		if (job->number && job_state(job) == PROCESS_STOPPED)
			return true;
	return false;
}
