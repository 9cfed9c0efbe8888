/*
 * pipeline: what a shell does for `ls | wc -l`, by hand.
 *
 * A pipe has two ends. Two children inherit both; one makes the writing end its 1, the other the
 * reading end its 0, and each executes its program, which knows nothing of pipes. The reader sees
 * the end of its input when nobody at all can write any more: so everyone must close the writing
 * end, the parent too, which holds it from the beginning. Forgetting that is the classic mistake,
 * and is shown here: a reader with a forgotten writer waits.
 *
 * Where no wc is installed, the second child counts the lines itself.
 */
#include "demo.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { FILES = 3 };

static _Noreturn void be_ls(const int *ends)
{
	must(dup2(ends[1], STDOUT_FILENO), "dup2");
	close(ends[0]);
	close(ends[1]);
	execlp("ls", "ls", (char *)NULL);
	_exit(127);
}

static void count_lines(void)
{
	int lines = 0;
	char c;

	while (read(STDIN_FILENO, &c, 1) == 1)
		lines += c == '\n';
	dprintf(STDOUT_FILENO, "%d\n", lines);
	_exit(0);
}

/* out: where its count goes, so that this program can look at it. */
static _Noreturn void be_wc(const int *ends, int out)
{
	must(dup2(ends[0], STDIN_FILENO), "dup2");
	must(dup2(out, STDOUT_FILENO), "dup2");
	close(ends[0]);
	close(ends[1]);
	close(out);
	execlp("wc", "wc", "-l", (char *)NULL);
	if (errno == ENOENT)
		count_lines();
	_exit(127);
}

static void run(void)
{
	int ends[2], result[2], status_of_ls, status_of_wc;
	char text[64] = "";
	pid_t ls, wc;

	must(pipe(ends), "pipe");
	must(pipe2(result, O_CLOEXEC), "pipe2");
	ls = must(fork(), "fork");
	if (ls == 0)
		be_ls(ends);
	wc = must(fork(), "fork");
	if (wc == 0)
		be_wc(ends, result[1]);
	tell("Process %d is ls, process %d is wc -l, and both run at once.", ls, wc);
	close(result[1]);

	must(waitpid(ls, &status_of_ls, 0), "waitpid");
	check(status_of_ls == 0, "ls has ended with status 0");
	check(poll(&(struct pollfd){ .fd = result[0], .events = POLLIN }, 1, 50) == 0,
	      "wc still waits for more: I have the writing end, too, and might write");
	close(ends[0]);
	close(ends[1]);
	tell("I close my ends.");
	must(waitpid(wc, &status_of_wc, 0), "waitpid");
	check(status_of_wc == 0, "wc has ended with status 0: it saw the end of its input");
	must(read(result[0], text, sizeof(text) - 1), "read");
	check(atoi(text) == FILES, "it counted %d lines", atoi(text));
}

int main(void)
{
	static const char *const names[FILES] = { "apple", "pear", "plum" };
	char directory[64];

	snprintf(directory, sizeof(directory), "/tmp/pipeline.%d", getpid());
	must(mkdir(directory, 0700), directory);
	must(chdir(directory), directory);
	for (int i = 0; i < FILES; i++)
		close(must(open(names[i], O_WRONLY | O_CREAT, 0600), "open"));
	tell("A directory holds %d files. I make a pipe and fork twice.", FILES);
	run();
	for (int i = 0; i < FILES; i++)
		unlink(names[i]);
	rmdir(directory);
	return demo_end();
}
