/*
 * ppid: what getppid answers before and after the parent's death, in a family of four.
 *
 * I fork a parent, which forks a child, which forks a grandchild. The parent ends. The child is an
 * orphan then and gets another parent; the grandchild, whose parent lives, gets none. Nobody is
 * told: getppid asks the kernel each time.
 *
 * The order is made by pipes, not by sleeping. The question is asked again only when I have waited
 * for the parent: that a pipe of its has closed would be too early, because a process closes its
 * files before it gives its children away.
 */
#include "demo.h"

#include <sys/wait.h>

/* What the child and the grandchild say each time. */
struct answer {
	pid_t pid, parent;
};

static int answers[2]; /* from the two to me */
static int to_parent[2], to_child[2], to_grandchild[2];

static void answer(void)
{
	struct answer mine = { getpid(), getppid() };

	write(answers[1], &mine, sizeof(mine));
}

static struct answer listen(void)
{
	struct answer heard = { 0, 0 };

	must(read(answers[0], &heard, sizeof(heard)) == sizeof(heard) ? 0 : -1, "read");
	return heard;
}

/* Both answer whenever they are asked, until they are told to end. */
static _Noreturn void be_grandchild(void)
{
	char go;

	while (read(to_grandchild[0], &go, 1) == 1 && go == 'a')
		answer();
	_exit(0);
}

static _Noreturn void be_child(void)
{
	char go;

	if (must(fork(), "fork") == 0)
		be_grandchild();
	while (read(to_child[0], &go, 1) == 1 && go == 'a')
		answer();
	write(to_grandchild[1], "e", 1);
	waitpid(-1, NULL, 0);
	_exit(0);
}

static _Noreturn void be_parent(void)
{
	char go;

	if (must(fork(), "fork") == 0)
		be_child();
	read(to_parent[0], &go, 1);
	_exit(0);
}

static struct answer ask(int *whom)
{
	write(whom[1], "a", 1);
	return listen();
}

int main(void)
{
	struct answer child, grandchild, later;
	pid_t parent;

	must(pipe(answers), "pipe");
	must(pipe(to_parent), "pipe");
	must(pipe(to_child), "pipe");
	must(pipe(to_grandchild), "pipe");
	parent = must(fork(), "fork");
	if (parent == 0)
		be_parent();

	child = ask(to_child);
	grandchild = ask(to_grandchild);
	tell("I am %d; the parent is %d, its child %d, its grandchild %d.", getpid(), parent,
	     child.pid, grandchild.pid);
	check(child.parent == parent, "the child's parent is %d", child.parent);
	check(grandchild.parent == child.pid, "the grandchild's is %d", grandchild.parent);

	tell("The parent ends, and I wait for it.");
	write(to_parent[1], "e", 1);
	must(waitpid(parent, NULL, 0), "waitpid");
	later = ask(to_child);
	check(later.pid == child.pid && later.parent != parent, "the child's parent is %d now%s",
	      later.parent, later.parent == 1 ? ": PID 1, which waits for whoever comes" : "");
	check(later.parent != getpid(), "and not I: grandparents do not step in");
	later = ask(to_grandchild);
	check(later.parent == child.pid, "the grandchild's is %d, as before", later.parent);

	write(to_child[1], "e", 1);
	close(answers[1]);
	check(read(answers[0], &later, sizeof(later)) == 0, "both have ended when I let them go");
	return demo_end();
}
