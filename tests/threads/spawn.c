/* posix_spawn and all its attributes and file actions; system; popen; vfork: from a thread, too. */
#include "say.h"
#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>

extern char **environ;

static posix_spawn_file_actions_t actions;
static posix_spawnattr_t attr;

static void begin(void)
{
	must(posix_spawn_file_actions_init(&actions), "actions_init");
	must(posix_spawnattr_init(&attr), "attr_init");
}

/* Runs a shell's command with what was prepared, and says how it ended. */
static void run(const char *what, const char *command)
{
	char *argv[] = { "sh", "-c", (char *)command, NULL };
	pid_t pid;
	int error = posix_spawn(&pid, "/bin/sh", &actions, &attr, argv, environ);

	if (error)
		say("%s: %s", what, named(error));
	else
		say_end(what, pid);
	must(posix_spawn_file_actions_destroy(&actions), "actions_destroy");
	must(posix_spawnattr_destroy(&attr), "attr_destroy");
}

static void file_actions(void)
{
	int fd = (int)done(open("/tmp/spawned", O_CREAT | O_TRUNC | O_RDWR, 0600), "open");
	char text[100] = "";

	begin();
	must(posix_spawn_file_actions_addopen(&actions, 5, "/tmp/opened",
					      O_CREAT | O_TRUNC | O_WRONLY, 0600),
	     "addopen");
	must(posix_spawn_file_actions_adddup2(&actions, fd, 1), "adddup2");
	must(posix_spawn_file_actions_addclose(&actions, fd), "addclose");
	run("file actions", "echo to 1; echo to 5 >&5; cat /tmp/opened; ls /proc/self/fd | wc -l");
	done(lseek(fd, 0, SEEK_SET), "lseek");
	(void)!read(fd, text, sizeof(text) - 1);
	say("written: %s", text);
	close(fd);

	begin();
	must(posix_spawn_file_actions_addopen(&actions, 5, "/none/there", O_RDONLY, 0), "addopen");
	run("a file that cannot be opened", "echo never");
	begin();
	must(posix_spawn_file_actions_addclose(&actions, 77), "addclose");
	run("closing what is not open", "exit 3");
	begin();
	say("a negative descriptor: %s", named(posix_spawn_file_actions_addclose(&actions, -1)));
	run("dup2 onto itself keeps it open", "exit 4");

	begin();
	fd = (int)done(open("/tmp/spawned", O_RDONLY | O_CLOEXEC), "open");
	must(posix_spawn_file_actions_adddup2(&actions, fd, fd), "adddup2");
	char command[60];
	snprintf(command, sizeof(command), "read line <&%d && echo $line", fd);
	run("dup2 onto itself", command);
	close(fd);
	begin();
	must(posix_spawn_file_actions_addchdir_np(&actions, "/proc/self"), "addchdir_np");
	must(posix_spawn_file_actions_addchdir_np(&actions, ".."), "addchdir_np");
	run("chdir", "pwd");
}

static void handle(int signum)
{
	(void)signum;
}

/* The program that tells its own mask is the one that was spawned: a shell has others in fork. */
static void attributes(void)
{
	sigset_t signals, mine;

	begin();
	sigemptyset(&signals);
	sigaddset(&signals, SIGUSR1);
	must(posix_spawnattr_setsigmask(&attr, &signals), "setsigmask");
	must(posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK), "setflags");
	run("sigmask", "exec grep SigBlk /proc/self/status");
	begin();
	run("the parent's mask is the child's otherwise", "exec grep SigBlk /proc/self/status");
	done(sigprocmask(SIG_BLOCK, NULL, &mine), "sigprocmask");
	say("and still the parent's: %d", sigismember(&mine, SIGUSR1));

	signal(SIGUSR1, SIG_IGN);
	signal(SIGUSR2, handle);
	begin();
	run("ignored stays ignored", "kill -USR1 $$; echo alive");
	begin();
	run("what was handled is not", "kill -USR2 $$; echo alive");
	begin();
	must(posix_spawnattr_setsigdefault(&attr, &signals), "setsigdefault");
	must(posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF), "setflags");
	run("sigdefault", "kill -USR1 $$; echo alive");
	signal(SIGUSR1, SIG_DFL);

	begin();
	must(posix_spawnattr_setpgroup(&attr, 0), "setpgroup");
	must(posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP), "setflags");
	run("a group of its own", "set -- $(cat /proc/$$/stat); [ $5 = $$ ] && echo leads");
	begin();
	must(posix_spawnattr_setpgroup(&attr, getpgrp()), "setpgroup");
	must(posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP), "setflags");
	run("mine", "set -- $(cat /proc/$$/stat); [ $5 != $$ ] && echo follows");
	begin();
	must(posix_spawnattr_setpgroup(&attr, 999999), "setpgroup");
	must(posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP), "setflags");
	run("nobody's", "echo never");
	begin();
	must(posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID), "setflags");
	run("a session of its own", "set -- $(cat /proc/$$/stat); [ $6 = $$ ] && echo leads");
	begin();
	must(posix_spawnattr_setflags(&attr, POSIX_SPAWN_RESETIDS), "setflags");
	run("ids reset", "echo $(id -u) $(id -g)");
}

static void paths(void)
{
	char *argv[] = { "printf", "%s %s\\n", "found", "it", NULL };
	char *environment[] = { "WORD=given", NULL };
	char *shell[] = { "sh", "-c", "echo $WORD", NULL };
	pid_t pid;

	must(posix_spawnp(&pid, "printf", NULL, NULL, argv, environ), "posix_spawnp");
	say_end("posix_spawnp", pid);
	say("of nothing: %s",
	    named(posix_spawnp(&pid, "no-such-program", NULL, NULL, argv, environ)));
	say("posix_spawn of no path: %s",
	    named(posix_spawn(&pid, "printf", NULL, NULL, argv, environ)));
	say("of a directory: %s", named(posix_spawn(&pid, "/tmp", NULL, NULL, argv, environ)));
	must(posix_spawn(&pid, "/bin/sh", NULL, NULL, shell, environment), "posix_spawn");
	say_end("an environment", pid);
	say("no child is left: %s", named(waitpid(-1, NULL, 0) < 0 ? errno : 0));
}

static int caught;

static void catch (int signum)
{
	(void)signum;
	caught++;
}

/* The command sends both signals to its parent: system() ignores them while it waits. */
static void systems(void)
{
	int status;

	say("there is a shell: %d", system(NULL) != 0);
	status = system("exit 5");
	say("system: exited %d with %d", WIFEXITED(status), WEXITSTATUS(status));
	status = system("kill -TERM $$");
	say("system: signalled %d by %d", WIFSIGNALED(status), WTERMSIG(status));
	status = system("no-such-command 2>/dev/null");
	say("system: %d", WEXITSTATUS(status));
	signal(SIGINT, catch);
	signal(SIGQUIT, catch);
	status = system("kill -INT $PPID; kill -QUIT $PPID; exit 6");
	say("SIGINT and SIGQUIT meanwhile: %d, caught %d", WEXITSTATUS(status), caught);
	raise(SIGINT);
	raise(SIGQUIT);
	say("afterwards: caught %d", caught);
	status = system("kill -INT $$; exit 7");
	say("in the child SIGINT is as it was by default: %d %d", WIFSIGNALED(status),
	    WTERMSIG(status));
	signal(SIGINT, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
	signal(SIGCHLD, catch);
	pid_t other = done(fork(), "fork");
	if (other == 0)
		_exit(8);
	status = system("exit 9");
	say("beside another child: %d", WEXITSTATUS(status));
	say_end("which is there still", other);
	signal(SIGCHLD, SIG_DFL);
}

static void pipes(void)
{
	char text[3][40] = { "" };
	FILE *first = popen("echo one; sleep 0; exit 3", "r"), *second, *third;
	int count = 0;

	must(fscanf(first, "%39s", text[0]) == 1 ? 0 : errno, "fscanf");
	say("popen: %s, pclose: %d", text[0], WEXITSTATUS(pclose(first)));
	first = popen("cat >/tmp/through; exit 4", "w");
	fprintf(first, "through a pipe\n");
	say("to write to: %d", WEXITSTATUS(pclose(first)));
	first = popen("cat /tmp/through", "r");
	second = popen("cat >/dev/null", "w");
	third = popen("ls /proc/self/fd", "re");
	while (fgets(text[2], sizeof(text[2]), third))
		count++;
	say("others' pipes are closed in a child: %d descriptors", count);
	say("third: %d, second: %d", pclose(third), pclose(second));
	must(fgets(text[1], sizeof(text[1]), first) ? 0 : errno, "fgets");
	say("first: %d %s", pclose(first), text[1]);
	say("a wrong mode: %s", named(popen("true", "x") ? 0 : errno));
}

/* The parent waits until the child has executed or ended, and sees what it wrote. */
static void vforks(void)
{
	volatile int written = 0;
	pid_t pid = vfork();

	if (pid == 0) {
		written = 1;
		_exit(31);
	}
	say("vfork: the child wrote %d before I went on", written);
	say_end("it", pid);
	pid = vfork();
	if (pid == 0) {
		written = 2;
		execl("/bin/sh", "sh", "-c", "exit 32", NULL);
		_exit(127);
	}
	say("and %d", written);
	say_end("it", pid);
}

static void *spawns(void *unused)
{
	char *argv[] = { "sh", "-c", "exit 33", NULL };
	intptr_t right = 0;
	int status;

	(void)unused;
	for (int i = 0; i < 10; i++) {
		pid_t pid;
		must(posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, environ), "posix_spawn");
		done(waitpid(pid, &status, 0), "waitpid");
		right += WEXITSTATUS(status) == 33;
	}
	return (void *)right;
}

static void *calls_system(void *unused)
{
	(void)unused;
	return (void *)(intptr_t)WEXITSTATUS(system("exit 34"));
}

static void in_threads(void)
{
	pthread_t threads[4];

	for (size_t i = 0; i < COUNT(threads); i++)
		threads[i] = start(i == 0 ? calls_system : spawns, NULL);
	for (size_t i = 0; i < COUNT(threads); i++)
		say("a thread: %ld", (long)join(threads[i]));
}

int main(void)
{
	for (int fd = 3; fd < 1024; fd++) /* whatever we were given */
		close(fd);
	setpgid(0, 0);
	file_actions();
	attributes();
	paths();
	systems();
	pipes();
	vforks();
	in_threads();
	return 0;
}
