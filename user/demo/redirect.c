/*
 * redirect: what a shell does for `ls >list`, by hand.
 *
 * open gives the lowest descriptor that is free. So a child that closes 1 and opens a file has that
 * file as its standard output, and exec, which replaces the program, leaves the descriptors alone:
 * ls writes to 1 as always and knows nothing of it. Here is why fork and exec are two calls: what
 * is between them prepares the child, and the parent's own output stays where it was.
 */
#include "demo.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

static const char *const names[] = { "apple", "list", "pear" };

static _Noreturn void be_child(void)
{
	int kept = must(fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10), "fcntl");
	int fd;

	close(STDOUT_FILENO);
	fd = must(open("list", O_WRONLY | O_CREAT | O_TRUNC, 0600), "open");
	if (fd != STDOUT_FILENO)
		dprintf(kept, "  [NOT OK] open gave %d, not the lowest that was free\n", fd);
	else
		execlp("ls", "ls", (char *)NULL);
	_exit(127);
}

static void read_list(char *text, size_t size)
{
	int fd = open("list", O_RDONLY);
	ssize_t length = fd < 0 ? 0 : read(fd, text, size - 1);

	text[length < 0 ? 0 : length] = '\0';
}

int main(void)
{
	char directory[64], text[256];
	struct stat before, after;
	pid_t child;
	int status;

	snprintf(directory, sizeof(directory), "/tmp/redirect.%d", getpid());
	must(mkdir(directory, 0700), directory);
	must(chdir(directory), directory);
	close(must(open("apple", O_WRONLY | O_CREAT, 0600), "open"));
	close(must(open("pear", O_WRONLY | O_CREAT, 0600), "open"));
	must(fstat(STDOUT_FILENO, &before), "fstat");

	tell("A directory holds apple and pear. I fork; the child closes 1 and opens list.");
	child = must(fork(), "fork");
	if (child == 0)
		be_child();
	must(waitpid(child, &status, 0), "waitpid");
	check(status == 0, "ls has ended with status 0, and you saw nothing of it");
	must(fstat(STDOUT_FILENO, &after), "fstat");
	check(before.st_dev == after.st_dev && before.st_ino == after.st_ino,
	      "my own standard output is where it was: the child closed its copy of the number");
	read_list(text, sizeof(text));
	tell("The file list holds:");
	write(STDOUT_FILENO, text, strlen(text));
	check(strcmp(text, "apple\nlist\npear\n") == 0,
	      "that is the directory, and list itself: it was there before ls began");

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(names[i]);
	rmdir(directory);
	return demo_end();
}
