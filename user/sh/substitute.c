/*
 * $(commands): a child whose standard output is a pipe runs them, and the shell reads it to its
 * end. The end comes when nobody has the writing end open any more, so a process left behind in
 * the background that keeps it open is waited for as well.
 */
#include "expanding.h"
#include "jobs.h"
#include "launch.h"
#include "shell.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* All there is to read, without NULs, of which no argument can have any. */
static void read_all(int fd, struct buffer *text)
{
	char bytes[4096];

	for (;;) {
		ssize_t count = read(fd, bytes, sizeof(bytes));
		ssize_t start = 0;

		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return;
		for (ssize_t i = 0; i <= count; i++)
			if (i == count || bytes[i] == '\0') {
				buffer_add(text, bytes + start, i - start);
				start = i + 1;
			}
	}
}

char *substitute_command(const struct node *tree)
{
	struct buffer text = { 0 };
	struct job *job;
	int output;

	buffer_add(&text, "", 0);
	if (!tree) {
		shell.substitution_status = EXIT_SUCCESS;
		return text.data;
	}
	job = launch_captured(tree, &output);
	if (job_last_pid(job) != 0) {
		read_all(output, &text);
		close(output);
	}
	shell.substitution_status = job_wait_captured(job);
	while (text.length > 0 && text.data[text.length - 1] == '\n')
		text.length--;
	text.data[text.length] = '\0';
	return text.data;
}
