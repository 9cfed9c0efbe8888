/*
 * Launching: from a part of the tree to running processes. launch.c is the subject of this shell:
 * what happens between fork and exec.
 */
#ifndef SH_LAUNCH_H
#define SH_LAUNCH_H

#include "ast.h"
#include "command.h"
#include "jobs.h"

/* Starts one process for each child of the PIPELINE, connected by pipes. Waits for none. */
struct job *launch_pipeline(const struct node *pipeline, bool background);

/*
 * Starts one process for a node of any kind. For a COMMAND that is expanded already, `command` is
 * the result; otherwise NULL.
 */
struct job *launch_single(const struct node *node, struct command *command, bool background);

/*
 * Starts one process for what stands in $( ), and gives the descriptor at which its output can be
 * read. If job_last_pid() is 0, nothing was started and there is no descriptor.
 */
struct job *launch_captured(const struct node *node, int *output);

#endif
