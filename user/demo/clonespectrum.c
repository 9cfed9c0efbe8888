/*
 * clonespectrum: from a process to a thread, one flag at a time.
 *
 * fork and pthread_create are one system call, clone. Its flags say what the child shares with its
 * parent instead of getting a copy: memory (CLONE_VM), working directory and umask (FS), the
 * descriptor table (FILES), signal actions (SIGHAND), and at last the process id, the parent and
 * the end (THREAD; CLONE_SYSVSEM, with it, shares what semop is to undo). A thread is a task that
 * shares all of it, and there are steps between. vfork is on none of them: it shares memory alone,
 * and in return the parent sleeps until the child ends or calls execve.
 *
 * The same function runs each time: it writes to a variable, changes directory and umask, opens a
 * descriptor, sets a signal's action. Then its parent looks what of all that has become of its own.
 * Nothing in the table is written down here: a process that is parent to them all and stands aside
 * looks in /proc, compares, and only then checks the table against the flags.
 */
#define _GNU_SOURCE
#include "threads.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

enum {
	STACK = 65536,
	MASK_BEFORE = 022, /* the parent's umask */
	MASK_AFTER = 077,  /* which the child sets */
	ALL = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND,
	SURELY =
		100, /* times that a parent is seen in state D, so that it is not there by chance */
};

static const struct step {
	const char *name;
	int flags;
} steps[] = {
	{ "fork", SIGCHLD },
	{ "fork|PARENT", SIGCHLD | CLONE_PARENT },
	{ "vfork", SIGCHLD | CLONE_VM | CLONE_VFORK },
	{ "VM", SIGCHLD | CLONE_VM },
	{ "VM|FS", SIGCHLD | CLONE_VM | CLONE_FS },
	{ "..|FILES", SIGCHLD | CLONE_VM | CLONE_FS | CLONE_FILES },
	{ "..|SIGHAND", SIGCHLD | ALL },
	{ "..|THREAD", ALL | CLONE_THREAD | CLONE_SYSVSEM },
};
enum { STEPS = sizeof(steps) / sizeof(steps[0]) };

/* What all three find out about one step, in memory that they share whatever the flags are. */
struct findings {
	pid_t parent, pid, tid, ppid; /* the last three as the child is told */
	int descriptor;		      /* that the child has opened */
	/* Each set by one, and awaited by another. */
	volatile bool child_ready, child_done, clone_returned;
	/* Whether what the child changes for itself changes for the parent, too. */
	bool memory, cwd, umask, descriptors, actions;
	bool parent_slept;		/* in clone, until the child was done */
	bool parent_waits, aside_waits; /* who can wait for the child */
	bool listed;			/* in /proc, with the processes */
	bool in_task;			/* in the parent's /proc/PID/task */
};

static struct findings *found; /* for each step; then the one that is being looked at */
static int go_on[2], compare[2];
static volatile int variable;
static char stack[STACK] __attribute__((aligned(16)));

static void on_signal(int signal)
{
	(void)signal;
}

/*
 * The child makes system calls and nothing else: with the parent's memory it has the parent's C
 * library, too, which takes it for the parent's own thread.
 */
static int change_all(void *unused)
{
	struct sigaction action = { .sa_handler = on_signal };

	(void)unused;
	found->pid = syscall(SYS_getpid);
	found->tid = syscall(SYS_gettid);
	found->ppid = syscall(SYS_getppid);
	variable = 1;
	(void)!chdir("/proc");
	umask(MASK_AFTER);
	found->descriptor = open("/dev/null", O_RDONLY);
	sigaction(SIGUSR1, &action, NULL);
	found->child_ready = true;
	gate_wait(go_on);
	found->child_done = true;
	return 0;
}

static void find_changes(void)
{
	struct sigaction action;
	char directory[64] = "";

	found->memory = variable == 1;
	found->cwd = getcwd(directory, sizeof(directory)) && strcmp(directory, "/proc") == 0;
	found->umask = umask(MASK_BEFORE) == MASK_AFTER;
	found->descriptors = fcntl(found->descriptor, F_GETFD) >= 0;
	sigaction(SIGUSR1, NULL, &action);
	found->actions = action.sa_handler == on_signal;
}

static _Noreturn void be_parent(int flags)
{
	pid_t child;

	found->parent = getpid();
	must(chdir("/"), "chdir");
	umask(MASK_BEFORE);
	child = must(clone(change_all, stack + STACK, flags, NULL), "clone");
	found->parent_slept = found->child_done;
	found->clone_returned = true;
	found->parent_waits = waitpid(child, NULL, __WALL) == child;
	gate_wait(compare);
	find_changes();
	_exit(EXIT_SUCCESS);
}

/* ---- the one who stands aside ---- */

static bool is_listed(pid_t pid)
{
	DIR *directory = opendir("/proc");
	struct dirent *entry;
	bool listed = false;

	while (directory && (entry = readdir(directory)))
		listed |= atoi(entry->d_name) == pid;
	if (directory)
		closedir(directory);
	return listed;
}

/* Until the parent has come back from clone, or sleeps there as vfork's does: in state D. */
static void wait_for_parent(pid_t parent)
{
	for (int seen = 0; !found->clone_returned && seen < SURELY; sched_yield())
		seen = look_state(parent) == 'D' ? seen + 1 : 0;
}

static void take_step(const struct step *step)
{
	pid_t parent = must(fork(), "fork");
	int status;

	if (parent == 0)
		be_parent(step->flags);
	while (!found->child_ready && look_alive(parent))
		sched_yield();
	must(found->child_ready ? 0 : -1, step->name);
	wait_for_parent(parent);
	found->listed = is_listed(found->tid);
	found->in_task = look_has_task(parent, found->tid);
	gate_open(go_on, 1);
	found->aside_waits = waitpid(found->tid, NULL, __WALL) == found->tid;
	while (!found->child_done)
		sched_yield();
	gate_open(compare, 1);
	must(waitpid(parent, &status, 0), "waitpid");
	must(status == 0 ? 0 : -1, step->name);
}

static const char *shared(bool is)
{
	return is ? "=" : "-";
}

static void show_step(const struct step *step)
{
	tell("  %-11s %4s %4s %4s %4s %5s %7d %5d %5d %5d  %-6s %s", step->name,
	     shared(found->memory), shared(found->cwd), shared(found->umask),
	     shared(found->descriptors), shared(found->actions), found->parent, found->pid,
	     found->tid, found->ppid,
	     found->parent_waits  ? "parent"
	     : found->aside_waits ? "I"
				  : "nobody",
	     found->listed    ? "/proc"
	     : found->in_task ? "task"
			      : "-");
}

/* ---- the claims, each about all steps ---- */

static bool is_process(int flags)
{
	return !(flags & CLONE_THREAD);
}

static bool memory_fits(int flags, const struct findings *f)
{
	return f->memory == !!(flags & CLONE_VM);
}

static bool context_fits(int flags, const struct findings *f)
{
	return f->cwd == !!(flags & CLONE_FS) && f->umask == f->cwd;
}

static bool descriptors_fit(int flags, const struct findings *f)
{
	return f->descriptors == !!(flags & CLONE_FILES);
}

static bool actions_fit(int flags, const struct findings *f)
{
	return f->actions == !!(flags & CLONE_SIGHAND);
}

static bool ids_fit(int flags, const struct findings *f)
{
	return f->tid != f->parent && f->pid == (is_process(flags) ? f->tid : f->parent);
}

static bool parent_fits(int flags, const struct findings *f)
{
	return f->ppid == (flags & (CLONE_THREAD | CLONE_PARENT) ? getpid() : f->parent);
}

static bool waits_fit(int flags, const struct findings *f)
{
	return f->parent_waits == (is_process(flags) && !(flags & CLONE_PARENT)) &&
	       f->aside_waits == !!(flags & CLONE_PARENT);
}

static bool proc_fits(int flags, const struct findings *f)
{
	return f->listed == is_process(flags) && f->in_task == !is_process(flags);
}

static bool sleep_fits(int flags, const struct findings *f)
{
	return f->parent_slept == !!(flags & CLONE_VFORK);
}

static const struct claim {
	bool (*fits)(int flags, const struct findings *found);
	const char *text;
} claims[] = {
	{ memory_fits, "VM: what the child writes, the parent reads; else it is a copy" },
	{ context_fits, "FS: a change of directory or umask is one for both" },
	{ descriptors_fit, "FILES: what the child opens is open in the parent" },
	{ actions_fit, "SIGHAND: the child's signal handler is the parent's, too" },
	{ ids_fit, "THREAD: the child has the parent's pid, and only a tid of its own" },
	{ parent_fits, "its parent is the one that cloned; with THREAD or PARENT, the latter's" },
	{ waits_fit, "its parent can wait for it, but for a thread nobody can" },
	{ proc_fits, "/proc lists processes; a thread is in its process's task directory" },
	{ sleep_fits, "vfork's parent slept until the child had ended, and no other did" },
};

static void check_claims(const struct findings *all)
{
	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
		bool fits = true;

		for (int step = 0; step < STEPS; step++)
			fits = fits && claims[i].fits(steps[step].flags, &all[step]);
		check(fits, "%s", claims[i].text);
	}
}

int main(void)
{
	struct findings *all = mmap(NULL, STEPS * sizeof(*all), PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	must(all == MAP_FAILED ? -1 : 0, "mmap");
	gate_make(go_on), gate_make(compare);
	tell("I am process %d, and fork parents; each clones a child with these flags.", getpid());
	tell("(Without CLONE_; .. is the line above; vfork is VM|VFORK, THREAD has SYSVSEM.)");
	tell("= is shared with the parent, - the child's own; then who is who, who can wait");
	tell("for the child, and where it is in /proc:");
	tell("  flags       mem  cwd umask  fds  sigs  parent   pid   tid  ppid  waits  in");
	for (int i = 0; i < STEPS; i++) {
		found = &all[i];
		take_step(&steps[i]);
		show_step(&steps[i]);
	}
	check_claims(all);
	return demo_end();
}
