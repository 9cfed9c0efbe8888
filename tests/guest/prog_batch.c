/*
 * Runs the guest tests named by its arguments, one after another, so that one boot serves many:
 *
 *	prog_batch NAME...
 *
 * Each NAME is the program NAME beside this one. It runs in an empty directory of its own with
 * /dev/null as its input. Before it, the line "@begin NAME" is printed; after it the audit, where
 * the kernel has one, below a line "@audit", and the line "@end NAME STATUS" with its exit status
 * or 128 plus its signal. So whoever reads knows which test was running when a kernel died.
 *
 * As process 1 of a namespace it reaps the orphans that the tests leave to it.
 */
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void copy_audit(void)
{
	char buffer[4096];
	ssize_t n;
	int fd = open("/proc/audit", O_RDONLY);

	if (fd < 0)
		return;
	printf("\n@audit\n");
	fflush(stdout);
	while ((n = read(fd, buffer, sizeof(buffer))) > 0)
		if (write(STDOUT_FILENO, buffer, (size_t)n) < 0)
			exit(1);
	close(fd);
}

/*
 * Every signal does what it does by default, whatever was ignored when this program was started.
 * glibc's posix_spawn(), with which make starts programs, leaves 32 and 33 ignored, and no libc's
 * sigaction() lets one touch these: hence the system call.
 */
static void reset_signals(void)
{
	static const struct {
		unsigned long handler, flags, restorer, mask;
	} by_default;

	for (int signal = 1; signal <= 64; signal++)
		syscall(SYS_rt_sigaction, signal, &by_default, NULL, sizeof(by_default.mask));
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &by_default.mask, NULL, sizeof(by_default.mask));
}

/* In the child: becomes the test. */
static void become(const char *directory, char *name)
{
	char program[PATH_MAX], scratch[PATH_MAX];
	int fd = open("/dev/null", O_RDONLY);

	snprintf(program, sizeof(program), "%s/%s", directory, name);
	snprintf(scratch, sizeof(scratch), "/tmp/%s", name);
	if (fd < 0 || dup2(fd, STDIN_FILENO) < 0 || close(fd) || mkdir(scratch, 0755) ||
	    chdir(scratch)) {
		perror(scratch);
		_exit(127);
	}
	reset_signals();
	execl(program, program, (char *)NULL);
	perror(program);
	_exit(127);
}

static int run(const char *directory, char *name)
{
	int status = 0;
	pid_t got, pid = fork();

	if (pid == 0)
		become(directory, name);
	if (pid < 0)
		return 127;
	do
		got = waitpid(-1, &status, 0);
	while (got != pid && got > 0);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
	const char *directory = dirname(argv[0]);

	for (int i = 1; i < argc; i++) {
		printf("\n@begin %s\n", argv[i]);
		fflush(stdout);
		int status = run(directory, argv[i]);
		copy_audit();
		printf("\n@end %s %d\n", argv[i], status);
		fflush(stdout);
	}
	return 0;
}
