/*
 * killtree: to end a process and everything that came from it.
 *
 * The kernel keeps a tree, but has no call to kill a subtree. There are three ways, and the same
 * tree is grown for each of them:
 *
 *	leader            leads a process group
 *	├─ worker         is in the group
 *	│  └─ helper      is in the group
 *	└─ runaway        has made a session of its own, by setsid
 *	orphan            is in the group; its parent, once a child of the leader's, has ended
 *
 * 1. A signal to the group, kill(-pgrp), is one step in the kernel: it misses nobody who is in the
 *    group, whoever its parent is, even if it is just being forked. It does miss who has left.
 * 2. A walk through /proc by parent finds who has left the group, but no orphans: they hang from
 *    somebody else now. And it is a race: what is forked after the walk and before the kill is not
 *    in the list (and a pid in the list may be another process's by then).
 * 3. A subreaper gets all orphans, so it needs no walk: it kills its children and waits for them,
 *    which brings it their children, and so on until wait says that there are none. Only who forks
 *    faster than it kills could escape, and RLIMIT_NPROC or SIGSTOP before SIGKILL is for them.
 *    (Where they exist, control groups are the fourth way: Linux's cgroup.kill.)
 */
#include "demo.h"
#include "look.h"

#include <signal.h>
#include <sys/prctl.h>

enum role { LEADER, WORKER, HELPER, RUNAWAY, ORPHAN, NEWBORN, ROLES };

static const char *const names[] = { "leader", "worker", "helper", "runaway", "orphan", "newborn" };

struct hello {
	enum role role;
	pid_t pid;
};

static pid_t members[ROLES];
static int hellos[2], orders[2];
static int gate[2]; /* never opened: read ends when I do, so that nobody of the tree is left */

/* ---- the tree ---- */

static void say_hello(enum role role)
{
	struct hello hello = { role, getpid() };

	must(prctl(PR_SET_NAME, names[role]), "prctl");
	(void)!write(hellos[1], &hello, sizeof(hello));
}

static _Noreturn void stay(enum role role)
{
	say_hello(role);
	gate_wait(gate);
	_exit(0);
}

static void fork_member(enum role role)
{
	if (must(fork(), "fork") != 0)
		return;
	if (role == RUNAWAY)
		must(setsid(), "setsid");
	stay(role);
}

/* Forks once more when it is told to. */
static void fork_worker(void)
{
	if (must(fork(), "fork") != 0)
		return;
	fork_member(HELPER);
	say_hello(WORKER);
	gate_wait(orders);
	fork_member(NEWBORN);
	gate_wait(gate);
	_exit(0);
}

static _Noreturn void lead(void)
{
	must(setpgid(0, 0), "setpgid");
	close(gate[1]), close(orders[1]), close(hellos[0]);
	fork_worker();
	fork_member(RUNAWAY);
	if (fork_orphan() == 0)
		stay(ORPHAN);
	stay(LEADER);
}

/* Waits until so many more of the tree are there. */
static void greet(int count)
{
	while (count-- > 0) {
		struct hello hello;

		must(read(hellos[0], &hello, sizeof(hello)) == sizeof(hello) ? 0 : -1, "read");
		members[hello.role] = hello.pid;
	}
}

static void show_tree(void)
{
	struct proc_stat stat;

	tell("    PID  PPID  PGID   SID STAT COMMAND");
	for (int role = 0; role < ROLES; role++)
		if (members[role] && look_until(members[role], 'S') &&
		    proc_read_stat(members[role], &stat))
			tell("  %5d %5d %5d %5d %c    %s", stat.pid, stat.ppid, stat.pgrp,
			     stat.session, stat.state, stat.comm);
}

static void grow(void)
{
	memset(members, 0, sizeof(members));
	gate_make(hellos);
	gate_make(orders);
	gate_make(gate);
	if (must(fork(), "fork") == 0)
		lead();
	greet(NEWBORN);
	show_tree();
}

/* Ends those who are left, the last of which need not be children of mine. */
static void clear(void)
{
	for (int role = 0; role < ROLES; role++)
		if (members[role] && look_alive(members[role]))
			kill(members[role], SIGKILL);
	while (waitpid(-1, NULL, 0) > 0)
		continue;
	for (int role = 0; role < ROLES; role++)
		if (members[role])
			look_until_buried(members[role]);
	close(hellos[0]), close(hellos[1]);
	close(orders[0]), close(orders[1]);
	close(gate[0]), close(gate[1]);
}

static void expect_dead(enum role first, enum role last)
{
	for (int role = first; role <= (int)last; role++)
		look_until_ended(members[role]);
}

/* ---- the three ways ---- */

static void kill_group(void)
{
	check(kill(-members[LEADER], SIGKILL) == 0, "kill(-%d, SIGKILL)", members[LEADER]);
	expect_dead(LEADER, HELPER);
	look_until_ended(members[ORPHAN]);
	check(!look_alive(members[ORPHAN]),
	      "the group has ended: leader, worker, helper, and the orphan");
	check(look_alive(members[RUNAWAY]), "the runaway, in a group of its own, lives: %d",
	      members[RUNAWAY]);
	clear();
}

/* All below a process, by parent, as /proc shows them one after the other. Returns how many. */
static int walk(pid_t root, pid_t *found, int room)
{
	size_t count;
	struct proc_stat *all = proc_read_all(&count);
	int length = 0;

	found[length++] = root;
	for (int at = 0; at < length; at++)
		for (size_t i = 0; i < count; i++)
			if (all[i].ppid == found[at] && length < room)
				found[length++] = all[i].pid;
	free(all);
	return length;
}

static void kill_list(void)
{
	pid_t list[2 * ROLES];
	int length = walk(members[LEADER], list, 2 * ROLES);

	check(length == 4, "by parent I find %d: leader, worker, helper, and the runaway", length);
	gate_open(orders, 1);
	greet(1);
	tell("  Meanwhile the worker forks: %d is newborn.", members[NEWBORN]);
	for (int i = 0; i < length; i++)
		kill(list[i], SIGKILL);
	expect_dead(LEADER, RUNAWAY);
	check(!look_alive(members[RUNAWAY]), "all that I found have ended");
	check(look_alive(members[ORPHAN]), "the orphan lives, %d: its parent is %d",
	      members[ORPHAN], look_parent(members[ORPHAN]));
	check(look_alive(members[NEWBORN]), "the newborn lives, %d: it is an orphan as well, of %d",
	      members[NEWBORN], look_parent(members[NEWBORN]));
	clear();
}

/* Kills all children that there are, and waits for as many. Returns how many, names in text. */
static int kill_children(char *text, size_t size)
{
	size_t count;
	struct proc_stat *all = proc_read_all(&count);
	int killed = 0;

	*text = '\0';
	for (size_t i = 0; i < count; i++)
		if (all[i].ppid == getpid()) {
			kill(all[i].pid, SIGKILL);
			killed++;
			snprintf(text + strlen(text), size - strlen(text), " %s", all[i].comm);
		}
	free(all);
	for (int i = 0; i < killed; i++)
		must(wait(NULL), "wait");
	return killed;
}

static void kill_as_subreaper(void)
{
	int killed = 0;
	char text[128];

	gate_open(orders, 1);
	greet(1);
	for (int round = 1; waitpid(-1, NULL, WNOHANG) == 0; round++) {
		killed += kill_children(text, sizeof(text));
		tell("  Round %d:%s", round, text);
	}
	check(killed == ROLES, "wait says that I have no child any more; I have buried %d", killed);
	check(look_count(members, ROLES, 0) == ROLES, "nobody is left");
	clear();
}

int main(void)
{
	tell("I am process %d. One: a signal to the group.", getpid());
	grow();
	kill_group();
	tell("Two: a walk by parent.");
	grow();
	kill_list();
	tell("Three: I am the subreaper, and kill my children until I have none.");
	must(prctl(PR_SET_CHILD_SUBREAPER, 1), "prctl");
	grow();
	kill_as_subreaper();
	return demo_end();
}
