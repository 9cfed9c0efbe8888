/*
 * A scene of processes in every state that ps and pstree have a way to show, which does not change
 * while they are looked at:
 *
 *	prog_scene COMMAND [ARG...]
 *
 * Its child, the scene's root, forks the members in a fixed order, so each has the same pid
 * relative to the root's wherever it runs; waits until all have come to rest; and runs COMMAND as
 * one child more, with the pids of all that were there before it in $scene, separated by commas,
 * the root's first and alone in $root. The status is COMMAND's. The members stay: whoever starts
 * this does so in a namespace or a machine that ends with it. What a kernel does not have (threads,
 * mlock) a member does without.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/futex.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { READY = 100 /* a descriptor */, MEBIBYTE = 1 << 20, LONG_ARGUMENT = 20000 };

static char **arguments; /* main's argv */

static long must(long result, const char *what)
{
	if (result < 0) {
		perror(what);
		exit(125);
	}
	return result;
}

/* Tells the parent that only sleep is left to come. */
static void ready(void)
{
	must(write(READY, "", 1), "ready");
	close(READY);
}

static _Noreturn void rest(void)
{
	ready();
	for (;;)
		pause();
}

static char state_of(pid_t pid)
{
	char path[32], text[256];
	FILE *file;
	const char *close;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "r");
	if (!file)
		return '?';
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	close = strrchr(text, ')');
	return close ? close[2] : '?';
}

/* Forks a process that lives as told, and returns its pid when it has come to rest in `state`. */
static pid_t member(void (*life)(void), char state)
{
	int ends[2];
	char byte;
	pid_t pid;

	must(pipe2(ends, O_CLOEXEC), "pipe2");
	pid = must(fork(), "fork");
	if (pid == 0) {
		must(dup2(ends[1], READY), "dup2");
		close(ends[0]);
		close(ends[1]);
		life();
		exit(125);
	}
	close(ends[1]);
	must(read(ends[0], &byte, 1), "read");
	close(ends[0]);
	while (state_of(pid) != state)
		sched_yield();
	return pid;
}

/* ---- states ---- */

static void live_and_die(void)
{
	ready();
	_exit(3);
}

static void be_stopped(void)
{
	ready();
	raise(SIGSTOP);
}

/* ---- names ---- */

static void name(const char *text)
{
	must(prctl(PR_SET_NAME, text), "PR_SET_NAME");
	rest();
}

static void name_with_space(void)
{
	name("two words");
}

static void name_like_a_stat_line(void)
{
	name(") Z 1 (1 1 ");
}

static void name_of_controls(void)
{
	name("tab\there\n\033[1m");
}

static void name_of_letters(void)
{
	name("\xc3\xbcn\xc3\xaf\\c\xff");
}

static void name_too_long(void)
{
	name("fifteen_bytes_at_most");
}

static void name_and_die(void)
{
	prctl(PR_SET_NAME, "dead (one) \t");
	live_and_die();
}

/* ---- arguments: the program is executed again, and rests at once ---- */

static void execute(char **argv)
{
	char *environment[] = { "SCENE=rest", NULL };

	execve("/proc/self/exe", argv, environment);
	must(-1, "execve");
}

static void arguments_odd(void)
{
	char *argv[] = { "od d",	"two  words",  "",     "tab\there",
			 "line\nend\n", "\033[31mred", "\x7f", "\xc3\xbcn\xc3\xaf",
			 "\xff\xc3",	"back\\slash", "'\"",  "",
			 NULL };

	execute(argv);
}

static void arguments_long(void)
{
	char *letters = malloc(LONG_ARGUMENT);
	char *argv[] = { "long", letters, "end", NULL };

	memset(letters, 'x', LONG_ARGUMENT - 1);
	letters[LONG_ARGUMENT - 1] = '\0';
	execute(argv);
}

static void arguments_empty(void)
{
	char *argv[] = { "", NULL };

	execute(argv);
}

static void arguments_wiped(void)
{
	for (char **argument = arguments; *argument; argument++)
		memset(*argument, 0, strlen(*argument));
	rest();
}

/* ---- users, priorities, memory ---- */

static void be_user(uid_t uid)
{
	/* In a namespace of root's alone there are no others. */
	if (setresuid(uid, uid, 0) < 0)
		setresuid(0, 0, 0);
	rest();
}

static void be_nobody(void)
{
	be_user(65534);
}

static void be_long_named(void)
{
	be_user(4242);
}

static void be_unnamed(void)
{
	be_user(4243);
}

static void be_root_in_disguise(void)
{
	setresuid(65534, 0, 0);
	rest();
}

static void be_nice(void)
{
	setpriority(PRIO_PROCESS, 0, 7);
	rest();
}

static void be_greedy(void)
{
	setpriority(PRIO_PROCESS, 0, -7);
	rest();
}

static void be_large(void)
{
	char *memory = mmap(NULL, 1024L * MEBIBYTE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory != MAP_FAILED)
		memset(memory, 1, 3 * MEBIBYTE);
	rest();
}

static void be_locked(void)
{
	static char page[4096];

	mlock(page, sizeof(page));
	rest();
}

/* ---- families, groups, sessions, terminals ---- */

static void have_children(void)
{
	member(rest, 'S');
	member(live_and_die, 'Z');
	rest();
}

static void have_grandchildren(void)
{
	member(have_children, 'S');
	member(name_like_a_stat_line, 'S');
	member(have_children, 'S');
	rest();
}

static void lead_group(void)
{
	must(setpgid(0, 0), "setpgid");
	member(rest, 'S');
	member(be_stopped, 'T');
	rest();
}

static void lead_session(void)
{
	must(setsid(), "setsid");
	member(rest, 'S');
	member(lead_group, 'S');
	rest();
}

static void own_group(void)
{
	must(setpgid(0, 0), "setpgid");
	rest();
}

static void read_terminal(void)
{
	char byte;

	prctl(PR_SET_NAME, "in tty");
	must(setpgid(0, 0), "setpgid");
	signal(SIGTTOU, SIG_IGN);
	must(tcsetpgrp(STDIN_FILENO, getpid()), "tcsetpgrp");
	ready();
	must(read(STDIN_FILENO, &byte, 1), "read");
}

static void lead_terminal(void)
{
	int master = must(posix_openpt(O_RDWR | O_NOCTTY), "posix_openpt");

	must(setsid(), "setsid");
	must(grantpt(master), "grantpt");
	must(unlockpt(master), "unlockpt");
	must(dup2(must(open(ptsname(master), O_RDWR), "slave"), STDIN_FILENO), "dup2");
	member(own_group, 'S');
	member(read_terminal, 'S');
	rest();
}

static void lead_terminal_in_foreground(void)
{
	int master = must(posix_openpt(O_RDWR | O_NOCTTY), "posix_openpt");

	must(setsid(), "setsid");
	must(unlockpt(master), "unlockpt");
	must(open(ptsname(master), O_RDWR), "slave");
	setpriority(PRIO_PROCESS, 0, 3);
	rest();
}

/* ---- places to sleep in; the name says which ---- */

static void sleep_in_pipe(void)
{
	int ends[2];
	char byte;

	prctl(PR_SET_NAME, "in pipe");
	must(pipe(ends), "pipe");
	ready();
	must(read(ends[0], &byte, 1), "read");
}

static void sleep_in_poll(void)
{
	prctl(PR_SET_NAME, "in poll");
	ready();
	poll(NULL, 0, -1);
}

static void sleep_in_nanosleep(void)
{
	struct timespec long_time = { .tv_sec = 1000000 };

	prctl(PR_SET_NAME, "in nanosleep");
	ready();
	nanosleep(&long_time, NULL);
}

static void sleep_in_wait(void)
{
	member(rest, 'S');
	prctl(PR_SET_NAME, "in wait");
	ready();
	wait(NULL);
}

static void sleep_in_sigsuspend(void)
{
	sigset_t none;

	prctl(PR_SET_NAME, "in sigsuspend");
	sigemptyset(&none);
	ready();
	sigsuspend(&none);
}

static void sleep_in_futex(void)
{
	static int word;

	prctl(PR_SET_NAME, "in futex");
	ready();
	syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
}

/* A parent cannot be interrupted while its child still has its memory: state D. */
static void sleep_in_vfork(void)
{
	prctl(PR_SET_NAME, "in vfork");
	if (vfork() == 0) {
		prctl(PR_SET_NAME, "of vfork");
		ready();
		for (;;)
			pause();
	}
}

static void *thread(void *unused)
{
	while (pause())
		;
	return unused;
}

/* The last member: a thread takes a number from the pids, where there are threads. */
static void have_thread(void)
{
	pthread_t id;

	pthread_create(&id, NULL, thread, NULL);
	rest();
}

static void set_scene(void)
{
	static void (*const lives[])(void) = {
		rest,
		name_with_space,
		name_like_a_stat_line,
		name_of_controls,
		name_of_letters,
		name_too_long,
		arguments_odd,
		arguments_long,
		arguments_empty,
		arguments_wiped,
		be_nobody,
		be_long_named,
		be_unnamed,
		be_root_in_disguise,
		be_nice,
		be_greedy,
		be_large,
		be_locked,
		have_children,
		have_grandchildren,
		lead_group,
		lead_session,
		lead_terminal,
		lead_terminal_in_foreground,
		sleep_in_pipe,
		sleep_in_poll,
		sleep_in_nanosleep,
		sleep_in_wait,
		sleep_in_sigsuspend,
		sleep_in_futex,
	};

	for (size_t i = 0; i < sizeof(lives) / sizeof(lives[0]); i++)
		member(lives[i], 'S');
	member(live_and_die, 'Z');
	member(name_and_die, 'Z');
	member(be_stopped, 'T');
	member(sleep_in_vfork, 'D');
	member(have_thread, 'S');
}

static int exit_status(pid_t pid)
{
	int status;

	must(waitpid(pid, &status, 0), "waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 125;
}

static _Noreturn void run(pid_t root, char **command)
{
	char *scene = malloc(8 * (getpid() - root + 1)), *end = scene;

	for (pid_t pid = root; pid < getpid(); pid++)
		end += sprintf(end, "%s%d", pid == root ? "" : ",", pid);
	setenv("scene", scene, 1);
	*strchr(scene, ',') = '\0';
	setenv("root", scene, 1);
	execvp(command[0], command);
	must(-1, command[0]);
	exit(125);
}

/* The scene's root: the leader of a session that has no terminal, whatever this was started in. */
static int lead_scene(char **command)
{
	pid_t pid;

	must(setsid(), "setsid");
	set_scene();
	pid = must(fork(), "fork");
	if (pid == 0)
		run(getppid(), command);
	return exit_status(pid);
}

int main(int argc, char **argv)
{
	pid_t pid;

	if (getenv("SCENE"))
		rest();
	if (argc < 2) {
		fprintf(stderr, "usage: prog_scene COMMAND [ARG...]\n");
		return 125;
	}
	arguments = argv;
	pid = must(fork(), "fork");
	return pid ? exit_status(pid) : lead_scene(argv + 1);
}
