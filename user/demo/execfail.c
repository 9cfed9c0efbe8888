/*
 * execfail: a call of exec that fails has changed nothing.
 *
 * exec gives up the old program for a new one, so it has to be sure of the new one first: it finds
 * the file, may execute it, understands it, has room for its arguments, and only then lets go.
 * Until that point every failure returns to the old program, which must find its memory, its
 * descriptors (also those that are close-on-exec) and its signal handlers as they were. After that
 * point exec returns nowhere.
 */
#include "demo.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { TOO_LONG = 200000 }; /* bytes; a single argument may have 128 KiB */

struct attempt {
	const char *path;
	int error;
	const char *why;
};

static const struct attempt attempts[] = {
	{ "missing", ENOENT, "there is no such file" },
	{ "", ENOENT, "that is no name" },
	{ "plain/more", ENOTDIR, "what should be a directory is a file" },
	{ "plain", EACCES, "nobody may execute it" },
	{ ".", EACCES, "it is a directory" },
	{ "text", ENOEXEC, "it may be executed, but is no program" },
	{ "empty", ENOEXEC, "it may be executed, and is empty" },
	{ "script", ENOENT, "the interpreter it asks for is missing" },
	{ "loop", ELOOP, "it is a link to itself" },
};

static volatile int memory = 42;
static int descriptor; /* close-on-exec */

static void handler(int signal)
{
	(void)signal;
}

static void make_file(const char *name, const char *text, mode_t mode)
{
	int fd = must(open(name, O_WRONLY | O_CREAT | O_TRUNC, mode), name);

	must(write(fd, text, strlen(text)), name);
	must(fchmod(fd, mode), name);
	close(fd);
}

static void make_files(void)
{
	make_file("plain", "not for execution\n", 0644);
	make_file("text", "neither a program nor a script\n", 0755);
	make_file("empty", "", 0755);
	make_file("script", "#!/no/such/interpreter\n", 0755);
	must(symlink("loop", "loop"), "symlink");
	descriptor = must(open("plain", O_RDONLY | O_CLOEXEC), "open");
	must(signal(SIGUSR1, handler) == SIG_ERR ? -1 : 0, "signal");
}

static void remove_files(const char *directory)
{
	static const char *const names[] = { "plain", "text", "empty", "script", "loop" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(names[i]);
	rmdir(directory);
}

/* Is everything here that a successful exec would have taken? */
static bool unharmed(pid_t pid)
{
	struct sigaction action;

	return getpid() == pid && memory == 42 && fcntl(descriptor, F_GETFD) == FD_CLOEXEC &&
	       sigaction(SIGUSR1, NULL, &action) == 0 && action.sa_handler == handler;
}

static void attempt(const struct attempt *attempt, char *argument)
{
	char *arguments[] = { "execfail", argument, NULL };
	char *environment[] = { NULL };
	pid_t pid = getpid();

	errno = 0;
	execve(attempt->path, arguments, environment);
	check(errno == attempt->error && unharmed(pid), "'%s': %s: %s", attempt->path,
	      strerror(errno), attempt->why);
}

/* The one that succeeds: executes this program, which only ends. */
static void succeed(const char *self)
{
	int status;
	pid_t child = must(fork(), "fork");

	if (child == 0) {
		execl(self, "execfail", "end", (char *)NULL);
		_exit(1);
	}
	must(waitpid(child, &status, 0), "waitpid");
	check(WIFEXITED(status) && WEXITSTATUS(status) == 7,
	      "the one that succeeds does not return");
}

int main(int argc, char **argv)
{
	char *too_long = malloc(TOO_LONG);
	char directory[64];
	char *self;

	if (argc == 2 && strcmp(argv[1], "end") == 0)
		return 7;
	self = realpath((const char *)getauxval(AT_EXECFN), NULL);
	must(self && too_long ? 0 : -1, "memory");
	snprintf(directory, sizeof(directory), "/tmp/execfail.%d", getpid());
	must(mkdir(directory, 0700), directory);
	must(chdir(directory), directory);
	make_files();
	tell("I have memory, a close-on-exec descriptor and a signal handler, and call execve:");
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++)
		attempt(&attempts[i], "end");
	memset(too_long, 'x', TOO_LONG - 1);
	too_long[TOO_LONG - 1] = '\0';
	attempt(&(struct attempt){ self, E2BIG, "an argument is too long" }, too_long);
	attempt(&(struct attempt){ self, EFAULT, "an argument is at no address" }, (char *)8);
	tell("Each time I am still here, and all that is mine with me.");
	succeed(self);
	remove_files(directory);
	return demo_end();
}
