/*
 * init: the first process, PID 1, the only one that the kernel starts by itself.
 *
 * - It starts what the machine is there for: a shell on the console, again and again; or, if the
 *   host left a command in /etc/mitos/argv, that command, after which it switches the machine off.
 * - It is the parent of all orphans. When a process dies its children become init's, and somebody
 *   has to wait for them or they would stay zombies for ever. So init spends its life in wait().
 * - It never ends. The kernel would panic.
 *
 * What it has to say goes to the kernel log (/dev/kmsg), not to the console, because in command
 * mode every byte on the console is the command's own. With init.verbose on the kernel's command
 * line it names each process that it buries.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum {
	STATUS_NOT_EXECUTABLE = 126,
	STATUS_NOT_FOUND = 127,
	STATUS_SIGNAL = 128,
	MILLISECOND = 1000 * 1000, /* in nanoseconds */
};

static const char CONSOLE[] = "/dev/console";
static const char KERNEL_LOG[] = "/dev/kmsg";

static bool verbose;

/* One line in the kernel log; on standard error if there is none. */
static void __attribute__((format(printf, 1, 2))) say(const char *format, ...)
{
	char line[256];
	size_t length;
	va_list arguments;
	int fd;

	va_start(arguments, format);
	strcpy(line, "init: ");
	vsnprintf(line + 6, sizeof(line) - 7, format, arguments);
	va_end(arguments);
	length = strlen(line);
	line[length++] = '\n';

	fd = open(KERNEL_LOG, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 && mknod(KERNEL_LOG, S_IFCHR | 0600, makedev(1, 11)) == 0)
		fd = open(KERNEL_LOG, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (write(fd < 0 ? STDERR_FILENO : fd, line, length) < 0 && fd >= 0)
		(void)!write(STDERR_FILENO, line, length);
	if (fd >= 0)
		close(fd);
}

/* The whole of a file that the boot left for init, NUL-terminated, or NULL if there is none. */
static char *read_file(const char *path, size_t *length)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t capacity = 0;
	char *data = NULL;
	ssize_t count;

	*length = 0;
	if (fd < 0)
		return NULL;
	do {
		if (capacity - *length < 2) {
			capacity = 2 * capacity + 4096;
			data = realloc(data, capacity);
			if (!data)
				break;
		}
		count = read(fd, data + *length, capacity - *length - 1);
		if (count > 0)
			*length += count;
	} while (count > 0);
	close(fd);
	if (data)
		data[*length] = '\0';
	return data;
}

/* ---- before anything is started ---- */

/* mitos has /proc from the beginning; Linux wants it mounted. */
static void mount_proc(void)
{
	struct stat self;

	if (lstat("/proc/self", &self) == 0)
		return;
	if (mount("proc", "/proc", "proc", 0, NULL) < 0)
		say("cannot mount /proc: %s", strerror(errno));
}

static bool has_boot_option(const char *option)
{
	size_t length;
	char *words = read_file("/proc/cmdline", &length);
	bool found = false;

	if (!words)
		return false;
	for (char *word = strtok(words, " \n"); word && !found; word = strtok(NULL, " \n"))
		found = strcmp(word, option) == 0;
	free(words);
	return found;
}

/* The environment of everything: these, then the NAME=VALUE lines that the host sent along. */
static void set_environment(void)
{
	size_t length;
	char *lines = read_file("/etc/mitos/env", &length);

	setenv("PATH", "/bin:/sbin:/tests", 1);
	setenv("HOME", "/root", 1);
	setenv("TERM", "linux", 1);
	if (!lines)
		return;
	/* Not freed: putenv keeps the strings. */
	for (char *line = strtok(lines, "\n"); line; line = strtok(NULL, "\n"))
		if (strchr(line, '='))
			putenv(line);
}

/* ---- the console, in the child that will use it ---- */

static int number_from_environment(const char *name)
{
	const char *value = getenv(name);

	return value ? atoi(value) : 0;
}

/* A serial line does not know how large the terminal at its other end is; the host does. */
static void set_window_size(int console)
{
	struct winsize size = {
		.ws_row = number_from_environment("LINES"),
		.ws_col = number_from_environment("COLUMNS"),
	};

	if (size.ws_row && size.ws_col)
		ioctl(console, TIOCSWINSZ, &size);
}

/* As a person expects a terminal, whatever the last program has done to it. */
static void set_modes_for_person(struct termios *modes)
{
	modes->c_iflag = ICRNL | IXON;
	modes->c_oflag = OPOST | ONLCR;
	modes->c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN;
}

/*
 * As the host expects it, which wants every byte as the program wrote it. Lines and Ctrl-D remain,
 * so the host can end the input; Ctrl-V (literal next) lets it send any byte as itself.
 */
static void set_modes_for_host(struct termios *modes)
{
	modes->c_iflag = 0;
	modes->c_oflag = 0;
	modes->c_lflag = ICANON | IEXTEN;
	modes->c_cc[VEOF] = 'D' & 0x1f;
	modes->c_cc[VLNEXT] = 'V' & 0x1f;
}

/*
 * Makes the console this process's controlling terminal, which takes a session of one's own, and
 * its standard input, output and error. The 1 takes it from a session that died without giving it
 * back.
 */
static bool open_console(void (*set_modes)(struct termios *))
{
	struct termios modes;
	int console;

	setsid();
	console = open(CONSOLE, O_RDWR);
	if (console < 0) {
		say("cannot open %s: %s", CONSOLE, strerror(errno));
		return false;
	}
	ioctl(console, TIOCSCTTY, 1);
	tcsetpgrp(console, getpid());
	if (tcgetattr(console, &modes) == 0) {
		set_modes(&modes);
		tcsetattr(console, TCSANOW, &modes);
	}
	set_window_size(console);
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (console != fd)
			dup2(console, fd);
	if (console > STDERR_FILENO)
		close(console);
	return true;
}

static void show_motd(void)
{
	size_t length;
	char *text = read_file("/etc/motd", &length);

	if (text)
		(void)!write(STDOUT_FILENO, text, length);
	free(text);
}

/* ---- children ---- */

static _Noreturn void become(char **argv)
{
	int error;

	if (chdir("/root") < 0)
		(void)!chdir("/");
	execvp(argv[0], argv);
	error = errno;
	dprintf(STDERR_FILENO, "init: %s: %s\n", argv[0], strerror(error));
	_exit(error == ENOENT || error == ENOTDIR ? STATUS_NOT_FOUND : STATUS_NOT_EXECUTABLE);
}

/*
 * Starts the shell. If the one before died at once this one waits a second first; the child does,
 * because init itself has to go on burying.
 */
static pid_t start_shell(bool first, bool hesitate)
{
	char *argv[] = { "sh", NULL };
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	if (hesitate)
		sleep(1);
	if (!open_console(set_modes_for_person))
		_exit(STATUS_NOT_EXECUTABLE);
	if (first)
		show_motd();
	become(argv);
}

/* The host types nothing before it reads in the log that the console is ready for it. */
static pid_t start_command(char **argv)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	if (!open_console(set_modes_for_host))
		_exit(STATUS_NOT_EXECUTABLE);
	say("running %s", argv[0]);
	become(argv);
}

static void tell_burial(pid_t pid, const char *what, int status)
{
	if (verbose && WIFSIGNALED(status))
		say("reaped %d (%s), signal %d", pid, what, WTERMSIG(status));
	else if (verbose)
		say("reaped %d (%s), status %d", pid, what, WEXITSTATUS(status));
}

/*
 * Buries whoever dies until it is the child itself, and returns its wait status. Everyone else was
 * not started here: an orphan, adopted.
 */
static int bury_until(pid_t child, const char *what)
{
	for (;;) {
		int status;
		pid_t pid = wait4(-1, &status, 0, NULL);

		if (pid == child) {
			tell_burial(pid, what, status);
			return status;
		}
		if (pid > 0)
			tell_burial(pid, "orphan", status);
	}
}

/* ---- the two ways to live ---- */

static time_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec;
}

static _Noreturn void serve_a_person(void)
{
	bool hesitate = false;

	for (bool first = true;; first = false) {
		time_t start = now();
		pid_t shell = start_shell(first, hesitate);

		if (shell < 0) {
			say("cannot fork: %s", strerror(errno));
			sleep(1);
			continue;
		}
		bury_until(shell, "shell");
		say("the shell has ended, here is another one");
		hesitate = now() - start <= 1;
	}
}

/* Buries for at most so long. True if nobody is left. */
static bool bury_all(int milliseconds)
{
	const struct timespec step = { .tv_nsec = 10 * MILLISECOND };

	for (;;) {
		int status;
		pid_t pid = wait4(-1, &status, WNOHANG, NULL);

		if (pid < 0 && errno == ECHILD)
			return true;
		if (pid > 0) {
			tell_burial(pid, "orphan", status);
			continue;
		}
		if (milliseconds <= 0)
			return false;
		nanosleep(&step, NULL);
		milliseconds -= 10;
	}
}

/* All descend from init, so when it has no child left there is no other process. */
static _Noreturn void power_off(void)
{
	if (!bury_all(0)) {
		kill(-1, SIGTERM);
		if (!bury_all(500)) {
			kill(-1, SIGKILL);
			bury_all(2000);
		}
	}
	sync();
	reboot(RB_POWER_OFF);
	say("cannot power off: %s", strerror(errno));
	for (;;)
		pause();
}

/* The strings that lie one after the other, each ended by a NUL, as a list that ends in NULL. */
static char **split_strings(char *strings, size_t length)
{
	size_t count = 0;
	char **list;

	for (size_t at = 0; at < length; at += strlen(strings + at) + 1)
		count++;
	list = calloc(count + 1, sizeof(*list));
	if (!list)
		return NULL;
	count = 0;
	for (size_t at = 0; at < length; at += strlen(strings + at) + 1)
		list[count++] = strings + at;
	return list;
}

/* Runs the command to its end and returns its status as a shell would. */
static int run_command(char **argv)
{
	pid_t command;
	int status;

	if (!argv || !argv[0])
		return STATUS_NOT_FOUND;
	command = start_command(argv);
	if (command < 0) {
		say("cannot fork: %s", strerror(errno));
		return STATUS_NOT_EXECUTABLE;
	}
	status = bury_until(command, "command");
	return WIFSIGNALED(status) ? STATUS_SIGNAL + WTERMSIG(status) : WEXITSTATUS(status);
}

/* The host reads the last line that this writes to the log. */
static _Noreturn void serve_the_host(char *strings, size_t length)
{
	say("exit status %d", run_command(split_strings(strings, length)));
	power_off();
}

int main(void)
{
	size_t length;
	char *command;

	if (getpid() != 1) {
		fprintf(stderr, "init: the kernel starts me, as process 1\n");
		return 1;
	}
	mount_proc();
	verbose = has_boot_option("init.verbose");
	set_environment();
	command = read_file("/etc/mitos/argv", &length);
	if (command)
		serve_the_host(command, length);
	serve_a_person();
}
