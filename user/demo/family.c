/*
 * family: a process with two children, which have two children each.
 *
 * Seven processes live at the same time. Each forks its children, reads from pipes what they have
 * to say about themselves and theirs, first child first, and passes it up to its own parent below
 * what it says about itself; so the tree comes out in the same order whichever of the seven runs
 * when. All then wait for the root to let them go, by closing the pipe they wait on, and each waits
 * for its own children before it ends.
 *
 * Only the root prints. `family | cat >file` shows why that matters: into a pipe, stdio writes not
 * line by line but when its buffer is full; what was printed before fork and is still there would
 * be copied with the rest of the memory, and come out once for every process.
 */
#include "demo.h"
#include "procfs.h"

#include <sys/wait.h>

enum { CHILDREN = 2, GENERATIONS = 3, FAMILY = 7 };

/* One member, as told to the process above. */
struct member {
	int generation; /* 0: the root */
	bool last;	/* the last child of its parent */
	pid_t pid;
	pid_t parent;
};

/*
 * A member and all below it. It goes through a pipe in one write and one read, which is safe for
 * less than PIPE_BUF bytes.
 */
struct reports {
	struct member member[FAMILY];
	int count;
};

/* Everyone waits to read from it, and nothing is ever written: they wait for its end to close. */
static int gate[2];

static void live(int generation, bool last, int up);

/* Forks one child and adds what comes up from it. Returns its pid. */
static pid_t raise_child(int generation, bool last, struct reports *reports)
{
	struct reports below = { .count = 0 };
	int channel[2];
	pid_t child;

	must(pipe(channel), "pipe");
	child = must(fork(), "fork");
	if (child == 0) {
		/* Only the root may keep the gate shut. Its grandchildren never had this end. */
		if (generation == 1)
			close(gate[1]);
		close(channel[0]);
		live(generation, last, channel[1]);
		_exit(demo_failures ? EXIT_FAILURE : EXIT_SUCCESS);
	}
	close(channel[1]);
	read(channel[0], &below, sizeof(below));
	for (int i = 0; i < below.count && reports->count < FAMILY; i++)
		reports->member[reports->count++] = below.member[i];
	close(channel[0]);
	return child;
}

/* Waits for the children by name. True if each of them ended with status 0. */
static bool bury(const pid_t *children, int count)
{
	bool good = true;

	for (int i = 0; i < count; i++) {
		int status;

		good &= waitpid(children[i], &status, 0) == children[i] && status == 0;
	}
	return good;
}

/* The life of a member other than the root. */
static void live(int generation, bool last, int up)
{
	struct reports reports = { .count = 1 };
	pid_t children[CHILDREN];
	int count = generation + 1 < GENERATIONS ? CHILDREN : 0;
	char nothing;

	reports.member[0] = (struct member){ generation, last, getpid(), getppid() };
	for (int i = 0; i < count; i++)
		children[i] = raise_child(generation + 1, i + 1 == count, &reports);
	write(up, &reports, sizeof(reports));
	close(up);
	if (read(gate[0], &nothing, 1) != 0 || !bury(children, count))
		demo_failures++;
}

/* One line, drawn below its parent's. */
static void print_member(const struct reports *reports, int index)
{
	static const char *const names[GENERATIONS] = { "parent", "child", "grandchild" };
	const struct member *member = &reports->member[index];
	bool uncles = false;

	for (int i = index; member->generation == 2 && i < reports->count; i++)
		uncles |= reports->member[i].generation == 1;
	tell("%s%s%s %d, child of %d",
	     member->generation < 2 ? ""
	     : uncles		    ? "│  "
				    : "   ",
	     member->generation == 0 ? ""
	     : member->last	     ? "└─ "
				     : "├─ ",
	     names[member->generation], member->pid, member->parent);
}

/* The parent of a member is the nearest one above it in the list, a generation older. */
static pid_t expected_parent(const struct reports *reports, int index)
{
	for (int i = index - 1; i >= 0; i--)
		if (reports->member[i].generation == reports->member[index].generation - 1)
			return reports->member[i].pid;
	return getppid();
}

static void check_family(const struct reports *reports)
{
	struct proc_stat stat;
	bool parents = true;
	bool kernel = true;
	bool different = true;

	for (int i = 0; i < reports->count; i++) {
		pid_t pid = reports->member[i].pid;
		pid_t parent = expected_parent(reports, i);

		parents &= reports->member[i].parent == parent;
		kernel &= proc_read_stat(pid, &stat) && stat.ppid == parent && stat.state != 'Z';
		for (int j = 0; j < i; j++)
			different &= reports->member[j].pid != pid;
	}
	check(reports->count == FAMILY && different, "%d processes, with a pid each", FAMILY);
	check(parents, "each has the parent that forked it, says getppid");
	check(kernel, "/proc/PID/stat says the same, and that all seven are alive now");
}

int main(void)
{
	struct reports reports = { .count = 1 };
	pid_t children[CHILDREN];

	tell("I fork two children, and each of them forks two.");
	must(pipe(gate), "pipe");
	reports.member[0] = (struct member){ 0, true, getpid(), getppid() };
	for (int i = 0; i < CHILDREN; i++)
		children[i] = raise_child(1, i + 1 == CHILDREN, &reports);

	for (int i = 0; i < reports.count; i++)
		print_member(&reports, i);
	check_family(&reports);

	close(gate[1]);
	check(bury(children, CHILDREN), "each child was buried by its own parent, with status 0");
	check(waitpid(-1, NULL, 0) < 0 && errno == ECHILD, "nobody is left to wait for");
	return demo_end();
}
