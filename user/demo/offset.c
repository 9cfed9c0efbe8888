/*
 * offset: where the next byte of a file is read from belongs to the opening, not to the process.
 *
 * open makes an open file description, which holds the offset; a descriptor is only a number that
 * leads to one. fork copies the numbers, so parent and child lead to the same description: what one
 * reads, the other will not read again. This is how `(echo a; echo b) >file` gets two lines.
 * Whoever opens the file again has another description, and begins at its beginning.
 */
#include "demo.h"

#include <fcntl.h>
#include <sys/wait.h>

static char path[64];

/* True if the next bytes from the descriptor are these. */
static bool reads(int fd, const char *expected)
{
	char text[16] = "";
	size_t length = strlen(expected);

	return read(fd, text, length) == (ssize_t)length && strcmp(text, expected) == 0;
}

static int be_child(int inherited)
{
	int own;

	check(reads(inherited, "def"), "the child goes on where the parent was: it reads def");
	own = must(open(path, O_RDONLY), "open");
	check(reads(own, "ab"), "the file opened again by the child begins with ab");
	check(lseek(inherited, 0, SEEK_CUR) == 6, "which did not move the offset they share");
	return demo_failures ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(void)
{
	int fd, copy, status;
	pid_t child;

	snprintf(path, sizeof(path), "/tmp/offset.%d", getpid());
	fd = must(open(path, O_RDWR | O_CREAT | O_TRUNC, 0600), "open");
	must(write(fd, "abcdefghijkl", 12), "write");
	must(lseek(fd, 0, SEEK_SET), "lseek");
	tell("A file holds abcdefghijkl, and I have opened it.");
	check(reads(fd, "abc"), "I read abc");

	tell("I fork. The child reads three letters from the same descriptor.");
	child = must(fork(), "fork");
	if (child == 0)
		_exit(be_child(fd));
	must(waitpid(child, &status, 0), "waitpid");
	check(status == 0, "the child has ended, and all it claimed was true");
	check(reads(fd, "ghi"), "and I read on behind it: ghi");

	copy = must(dup(fd), "dup");
	check(reads(copy, "j") && reads(fd, "k"), "dup, too, makes a number and no offset: j, k");
	must(lseek(copy, 1, SEEK_SET), "lseek");
	check(reads(fd, "b"), "lseek on one of the numbers moves both: b");
	unlink(path);
	return demo_end();
}
