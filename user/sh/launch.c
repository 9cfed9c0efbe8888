/*
 * Launching, and the gap between fork and exec.
 *
 * Unix has no call "start this program with that input, those variables, in such a group". It has
 * fork, which copies the process that calls it, and execve, which replaces a program by another and
 * leaves the process (its pid, its descriptors, its group, its ignored signals) as it is. Between
 * the two, the child is a second copy of this shell that can arrange its own surroundings with
 * ordinary calls, and the program that replaces it finds them arranged. So `<`, `>`, `|`, `&` and
 * NAME=value are no features of the programs, nor of the kernel: they are what the child of a shell
 * does in the gap. Read start_process(), then become_child(), then child_main().
 */
#define _GNU_SOURCE /* pipe2 */
#include "launch.h"

#include "redirect.h"
#include "run.h"
#include "shell.h"
#include "terminal.h"
#include "trap.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { NO_FD = -1 };

/* One process to be. */
struct stage {
	const struct node *node;
	struct command *command; /* what the node's words have expanded to already, or NULL */
	int input;		 /* where standard input comes from, or NO_FD: left as it is */
	int output;		 /* the same for standard output */
	int other_end; /* the end that somebody else will read of the pipe in output, or NO_FD */
	bool background;
	bool captured; /* $( ): it belongs to the command in which it stands, and to its group */
};

/* Gives a descriptor its standard number. */
static void plug(int fd, int standard)
{
	if (fd == NO_FD)
		return;
	dup2(fd, standard);
	close(fd);
}

/*
 * Without job control a background process is in the same group as everything else, so it must be
 * told apart otherwise: Ctrl-C is not for it, and neither is the input that the script is reading.
 */
static void detach(void)
{
	signal_ignore_for_good(SIGINT);
	signal_ignore_for_good(SIGQUIT);
	close(STDIN_FILENO);
	open("/dev/null", O_RDONLY);
}

/*
 * Turns the copy of the shell into what the stage asks for. The group comes first, while the
 * terminal's signals are still ignored: a process that takes the terminal from the background is
 * stopped by SIGTTOU otherwise. Pipes come before the redirections of child_main(), which may
 * override them: in `a 2>&1 | b`, descriptor 1 must be the pipe already.
 */
static void become_child(const struct stage *stage, pid_t group)
{
	if (shell.job_control && !stage->captured) {
		setpgid(0, group);
		if (!stage->background)
			terminal_give(getpgrp());
	}
	traps_enter_child();
	if (stage->background && !shell.job_control)
		detach();

	/* The reader gets its end of file only when nobody has the writing end open any more. */
	if (stage->other_end != NO_FD)
		close(stage->other_end);
	plug(stage->input, STDIN_FILENO);
	plug(stage->output, STDOUT_FILENO);

	shell.job_control = false;
	shell.interactive = false;
	shell.subshell = true;
	if (stage->captured)
		shell.errexit_ignored = 0;
	jobs_inherit();
}

/* The last part of the child's life as a shell. What it sets, it sets in its own memory only. */
static _Noreturn void child_main(const struct node *node, struct command *command)
{
	if (node->kind == NODE_COMMAND)
		become_command(node, command);
	if (node->kind != NODE_SUBSHELL)
		shell_exit(run_tree(node));
	if (redirect_apply(node->redirects, NULL) < 0)
		shell_exit(STATUS_MISUSE);
	shell_exit(run_tree(node->body));
}

/*
 * fork returns twice: with 0 in the child, which leaves by child_main() and never comes back here,
 * and with the child's pid in the parent. Both put the child into its group and give it the
 * terminal, because nobody knows which of them runs first, and each needs it done before going on:
 * the parent before it waits, the child before it reads. Signals wait until the child has forgotten
 * what the shell does about them, so none is lost in it. False if there can be no more processes.
 */
static bool start_process(const struct stage *stage, struct job *job)
{
	sigset_t all, before;
	pid_t pid;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	pid = fork();
	if (pid == 0) {
		become_child(stage, job_group(job));
		sigprocmask(SIG_SETMASK, &before, NULL);
		child_main(stage->node, stage->command);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (pid < 0) {
		complain("cannot fork: %s", strerror(errno));
		return false;
	}
	job_add_process(job, pid);
	if (shell.job_control && !stage->captured) {
		setpgid(pid, job_group(job));
		if (!stage->background)
			terminal_give(job_group(job));
	}
	return true;
}

/* A pipe with both ends out of the way of the user's descriptors. */
static bool make_pipe(int *read_end, int *write_end)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return false;
	*read_end = fd_make_internal(ends[0]);
	*write_end = fd_make_internal(ends[1]);
	return *read_end >= 0 && *write_end >= 0;
}

static void close_end(int fd)
{
	if (fd != NO_FD)
		close(fd);
}

/*
 * All stages run at the same time. The shell holds at most two pipes at once and keeps no end of
 * any: a writing end left open here would keep the reader waiting for ever. When a stage cannot be
 * started, those before it find nobody reading, and end.
 */
struct job *launch_pipeline(const struct node *pipeline, bool background)
{
	struct job *job = job_new(pipeline, background);
	struct stage stage = { .input = NO_FD, .background = background };
	bool started = true;

	for (const struct node *node = pipeline->children; node && started; node = node->next) {
		stage.node = node;
		stage.output = NO_FD;
		stage.other_end = NO_FD;
		if (node->next && !make_pipe(&stage.other_end, &stage.output)) {
			complain("cannot make a pipe: %s", strerror(errno));
			started = false;
		}
		started = started && start_process(&stage, job);
		close_end(stage.input);
		close_end(stage.output);
		stage.input = stage.other_end;
	}
	if (!started) {
		close_end(stage.input);
		job_set_failed(job);
	}
	return job;
}

struct job *launch_single(const struct node *node, struct command *command, bool background)
{
	struct job *job = job_new(node, background);
	struct stage stage = {
		.node = node,
		.command = command,
		.input = NO_FD,
		.output = NO_FD,
		.other_end = NO_FD,
		.background = background,
	};

	if (!start_process(&stage, job))
		job_set_failed(job);
	return job;
}

struct job *launch_captured(const struct node *node, int *output)
{
	struct job *job = job_new(NULL, false);
	struct stage stage = { .node = node, .input = NO_FD, .output = NO_FD, .captured = true };

	if (!make_pipe(&stage.other_end, &stage.output)) {
		complain("cannot make a pipe: %s", strerror(errno));
		job_set_failed(job);
		return job;
	}
	*output = stage.other_end;
	if (!start_process(&stage, job)) {
		close(stage.other_end);
		job_set_failed(job);
	}
	close(stage.output);
	return job;
}
