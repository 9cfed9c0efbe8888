/*
 * The list of jobs, for jobs.c, which keeps it, and jobfind.c, which looks things up in it.
 */
#ifndef SH_JOBLIST_H
#define SH_JOBLIST_H

#include "jobs.h"

/* The one stopped or started last first. */
extern struct job *job_list;

/* Whether %number means it: the parent's jobs are listed until there are own ones. */
bool job_is_listed(const struct job *job);

#endif
