/*
 * cloexec: which descriptors a new program finds open.
 *
 * fork copies all of them, exec keeps all of them: so what one part of a program has opened, every
 * program it starts has open as well, for ever. A descriptor with the flag close-on-exec stays
 * behind when exec succeeds. The flag belongs to the number: fork copies it, dup does not.
 *
 * Why that matters is shown by a pipe: its reader sees the end when the last writer has closed, and
 * a program that inherited the writing end without knowing keeps it open.
 *
 * This program executes itself, with the descriptors to look at as arguments.
 */
#include "demo.h"

#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/wait.h>

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static bool closes_on_exec(int fd)
{
	return fcntl(fd, F_GETFD) == FD_CLOEXEC;
}

static void become(const char *what, int first, int second)
{
	char a[16], b[16];
	char *arguments[] = { "cloexec", (char *)what, a, b, NULL };

	snprintf(a, sizeof(a), "%d", first);
	snprintf(b, sizeof(b), "%d", second);
	execv((const char *)getauxval(AT_EXECFN), arguments);
	_exit(127);
}

/* As the new program. */
static int look(int kept, int closed)
{
	check(is_open(kept), "the new program finds %d open, though it never opened it", kept);
	check(!is_open(closed), "and %d closed", closed);
	return demo_failures ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* As the new program: says that it runs, then waits until it may end. */
static int linger(int ready, int go)
{
	char c;

	write(ready, "r", 1);
	read(go, &c, 1);
	return 0;
}

static void show_table(void)
{
	int kept = must(open("/dev/null", O_RDONLY), "open");
	int closed = must(open("/dev/null", O_RDONLY | O_CLOEXEC), "open");
	int copy = must(dup(closed), "dup");
	pid_t child;
	int status;

	tell("Descriptor %d is plain, %d is close-on-exec.", kept, closed);
	check(closes_on_exec(closed) && !closes_on_exec(kept) && !closes_on_exec(copy),
	      "dup of %d gave %d, which is plain", closed, copy);
	close(copy);
	child = must(fork(), "fork");
	if (child == 0) {
		check(is_open(kept) && closes_on_exec(closed), "after fork, the child has both");
		become("look", kept, closed);
	}
	must(waitpid(child, &status, 0), "waitpid");
	check(status == 0, "the new program has ended, and all it claimed was true");
	check(is_open(closed), "here %d is open still", closed);
}

/* What a reader finds in an empty pipe while another program runs that inherited it. */
static void show_pipe(int flag, const char *what, bool end_expected)
{
	int data[2], ready[2], go[2], status;
	ssize_t count;
	pid_t child;
	char c;

	must(pipe2(data, flag | O_NONBLOCK), "pipe2");
	must(pipe(ready), "pipe");
	must(pipe(go), "pipe");
	child = must(fork(), "fork");
	if (child == 0)
		become("linger", ready[1], go[0]);
	close(data[1]);
	must(read(ready[0], &c, 1), "read");
	count = read(data[0], &c, 1);
	check(end_expected ? count == 0 : count < 0 && errno == EAGAIN, "%s", what);
	write(go[1], "g", 1);
	must(waitpid(child, &status, 0), "waitpid");
	check(read(data[0], &c, 1) == 0 && status == 0, "when the program has ended: the end");
	close(data[0]), close(ready[0]), close(ready[1]), close(go[0]), close(go[1]);
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "look") == 0)
		return look(atoi(argv[2]), atoi(argv[3]));
	if (argc == 4 && strcmp(argv[1], "linger") == 0)
		return linger(atoi(argv[2]), atoi(argv[3]));
	show_table();
	tell("I make a pipe, start a program, close my writing end and read.");
	show_pipe(0, "no end: the program has the writing end, and could write", false);
	tell("The same with a pipe that is close-on-exec.");
	show_pipe(O_CLOEXEC, "the end, while the program runs: it did not get it", true);
	return demo_end();
}
