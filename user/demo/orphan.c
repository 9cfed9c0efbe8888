/*
 * orphan: a process whose parent ends before it does.
 *
 * Somebody must be there to wait for every process. So when a process ends, its children are given
 * a new parent: PID 1, which waits for whoever comes. (On Linux a nearer ancestor can volunteer for
 * that, with PR_SET_CHILD_SUBREAPER.) The child is not asked and not told; it only finds that
 * getppid() returns something else.
 *
 * Three processes: this one, its child the parent, and the parent's child the orphan. The orphan
 * says who its parent is twice, the second time when this process, having waited for the parent,
 * knows that it is dead: the kernel gives its children away before it lets anyone wait for it.
 */
#include "demo.h"
#include "look.h"

static int to_parent[2];
static int to_orphan[2];
static int from_orphan[2];

/* What the orphan says each time. */
struct word {
	pid_t pid;
	pid_t parent;
};

static void say_parent(void)
{
	struct word word = { getpid(), getppid() };

	write(from_orphan[1], &word, sizeof(word));
}

static _Noreturn void be_orphan(void)
{
	char go;

	say_parent();
	if (read(to_orphan[0], &go, 1) == 1)
		say_parent();
	_exit(0);
}

/* Ends only after the orphan has seen it alive. */
static _Noreturn void be_parent(void)
{
	char go;

	if (must(fork(), "fork") == 0)
		be_orphan();
	read(to_parent[0], &go, 1);
	_exit(0);
}

static struct word listen(void)
{
	struct word word = { 0, 0 };

	check(read(from_orphan[0], &word, sizeof(word)) == sizeof(word), "the orphan speaks");
	return word;
}

int main(void)
{
	struct word before, after;
	pid_t parent;
	int status;

	must(pipe(to_parent), "pipe");
	must(pipe(to_orphan), "pipe");
	must(pipe(from_orphan), "pipe");
	parent = must(fork(), "fork");
	if (parent == 0)
		be_parent();
	tell("I am %d, and have forked a parent, %d, which has forked a child.", getpid(), parent);

	before = listen();
	check(before.parent == parent, "its parent is %d", before.parent);

	tell("The parent ends, and I wait for it.");
	write(to_parent[1], "p", 1);
	must(waitpid(parent, &status, 0), "waitpid");
	check(waitpid(before.pid, NULL, WNOHANG) < 0 && errno == ECHILD,
	      "the orphan is not mine to wait for: I am not its parent");

	write(to_orphan[1], "o", 1);
	after = listen();
	check(after.pid == before.pid, "and it is the same process as before");
	check(after.parent != parent, "its parent is another one now: %d", after.parent);
	check(look_adopts(after.parent), "which is %s",
	      after.parent == 1 ? "PID 1" : "an ancestor of mine that volunteered");
	return demo_end();
}
