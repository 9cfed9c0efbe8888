/*
 * forkserver: a clean process forked early, which forks when one with threads would like to.
 *
 * What fork copies from a process with threads is a mess: locks that nobody will release
 * (`ghostlock`), the stacks of threads that are not there, all its memory and descriptors. So such
 * a process forks a server first, before it has threads or much of anything, and asks that one for
 * each worker: a copy of what the process was at its beginning. Python's multiprocessing has this
 * under the same name, Android's zygote is one. The prices: what the process has learned since, the
 * worker does not know, and has to be told; and descriptors opened since can only be passed through
 * a Unix socket (SCM_RIGHTS; this server listens to a pipe, since mitos has no sockets).
 *
 * Whose child is the worker? A child of the server, whose end the server would have to report. Here
 * the server clones with CLONE_PARENT: its child has not the server for a parent, but the server's
 * own, the process that asked, who can then wait for it. (The other way is PR_SET_CHILD_SUBREAPER
 * in the one who asks, and workers that the server orphans, see `subreaper`. It takes two forks,
 * and brings the process all other orphans that are born below it.)
 */
#define _GNU_SOURCE
#include "threads.h"

#include "memory.h"

#include <linux/sched.h>
#include <signal.h>
#include <sys/syscall.h>

enum { HEAP = 16 * MIB, THREADS = 3, DESCRIPTORS = 4, STATUS = 7 };

/* What the one who asks has, and the server has not, or has as it was in the beginning. */
static pthread_mutex_t locks[THREADS];
static char *heap;
static int opened = -1; /* a descriptor */

static int held[2], finish[2]; /* a thread has its lock; it may end */

/* Pipes to the server and back. A request is one of these letters; an answer is a pid or status. */
enum { BY_FORK = 'f', BY_CLONE_PARENT = 'c' };
static int requests[2], answers[2];

static int reports[2], worker_gate[2]; /* what a worker tells of itself; it may end */

struct report {
	pid_t pid;
	int locked; /* how many of the locks it cannot have */
	bool has_heap;
	bool has_opened;
};

static _Noreturn void work(void)
{
	struct report report = { .pid = getpid(), .has_heap = heap != NULL };

	for (int i = 0; i < THREADS; i++)
		report.locked += pthread_mutex_trylock(&locks[i]) == EBUSY;
	report.has_opened = opened >= 0 && fcntl(opened, F_GETFD) >= 0;
	must(write(reports[1], &report, sizeof(report)), "a report");
	gate_wait(worker_gate);
	_exit(STATUS);
}

/* ---- the server ---- */

static void answer(int value)
{
	must(write(answers[1], &value, sizeof(value)), "an answer");
}

/* The call itself, since the C library has no fork with flags. It copies all that fork does. */
static pid_t fork_for_parent(void)
{
	return syscall(SYS_clone, CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, NULL);
}

static _Noreturn void serve(void)
{
	char request;

	close(requests[1]);
	while (read(requests[0], &request, 1) == 1) {
		pid_t worker = must(request == BY_FORK ? fork() : fork_for_parent(), "a worker");
		int status;

		if (worker == 0)
			work();
		answer(worker);
		if (request == BY_FORK) {
			must(waitpid(worker, &status, 0), "waitpid");
			answer(WEXITSTATUS(status));
		}
	}
	_exit(0);
}

/* ---- the process that asks ---- */

static int read_answer(void)
{
	int value;

	must(read(answers[0], &value, sizeof(value)) == sizeof(value) ? 0 : -1, "an answer");
	return value;
}

static pid_t ask(char request)
{
	must(write(requests[1], &request, 1), "a request");
	return read_answer();
}

static void *own_lock(void *lock)
{
	pthread_mutex_lock(lock);
	gate_open(held, 1);
	gate_wait(finish);
	pthread_mutex_unlock(lock);
	return NULL;
}

static void become_large(pthread_t *threads)
{
	heap = map_memory(HEAP);
	memset(heap, 1, HEAP);
	opened = must(open("/dev/null", O_RDONLY), "/dev/null");
	for (int i = 1; i < DESCRIPTORS; i++)
		must(open("/dev/null", O_RDONLY), "/dev/null");
	for (int i = 0; i < THREADS; i++) {
		threads[i] = start_thread(own_lock, &locks[i]);
		gate_wait(held);
	}
}

/* ---- comparing ---- */

/* A worker, seen from itself and in /proc. */
struct view {
	struct report report;
	unsigned long threads, rss, areas, descriptors; /* rss: KiB */
	pid_t parent;
};

static int count_lines(pid_t pid, const char *name)
{
	char text[8192];
	int lines = 0;

	if (proc_read(pid, name, text, sizeof(text)) > 0)
		for (const char *at = text; (at = strchr(at, '\n')); at++)
			lines++;
	return lines;
}

static int count_descriptors(pid_t pid)
{
	char path[64];
	struct dirent *entry;
	DIR *directory;
	int count = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	directory = opendir(path);
	while (directory && (entry = readdir(directory)))
		count += isdigit((unsigned char)entry->d_name[0]) != 0;
	if (directory)
		closedir(directory);
	return count;
}

static struct view look_at(pid_t pid)
{
	struct view view;

	must(read(reports[0], &view.report, sizeof(view.report)) == sizeof(view.report) ? 0 : -1,
	     "a report");
	view.threads = look_status(pid, "Threads", 10);
	view.rss = look_status(pid, "VmRSS", 10);
	view.areas = count_lines(pid, "maps");
	view.descriptors = count_descriptors(pid);
	view.parent = look_parent(pid);
	return view;
}

static void show_row(const char *what, long mine, long servers)
{
	tell("  %-32s %8ld %13ld", what, mine, servers);
}

static void compare(const struct view *mine, const struct view *servers)
{
	tell("  %-32s %8s %13s", "the worker is", "mine", "the server's");
	show_row("pid", mine->report.pid, servers->report.pid);
	show_row("its parent", mine->parent, servers->parent);
	show_row("threads", mine->threads, servers->threads);
	show_row("locks that nobody will release", mine->report.locked, servers->report.locked);
	show_row("memory it has, KiB (VmRSS)", mine->rss, servers->rss);
	show_row("areas of memory", mine->areas, servers->areas);
	show_row("descriptors", mine->descriptors, servers->descriptors);
}

static void check_views(const struct view *mine, const struct view *servers)
{
	check(mine->threads == 1 && servers->threads == 1,
	      "both have one thread: fork copies no other");
	check(mine->report.locked == THREADS, "the one from me has the locks of %d ghosts",
	      THREADS);
	check(servers->report.locked == 0, "the server's has every lock free");
	check(mine->report.has_heap && mine->rss >= HEAP / 1024,
	      "the one from me has all my %d MiB, and the stacks of threads it has not",
	      HEAP / MIB);
	check(!servers->report.has_heap && servers->rss < HEAP / 1024 / 2 &&
		      servers->areas < mine->areas,
	      "the server's has what I had when I began");
	check(mine->report.has_opened && !servers->report.has_opened &&
		      mine->descriptors >= servers->descriptors + DESCRIPTORS,
	      "nor has it what I have opened since");
}

/* The worker ends; whether this process could wait for it. */
static bool bury(pid_t worker)
{
	int status;

	gate_open(worker_gate, 1);
	return waitpid(worker, &status, 0) == worker && WEXITSTATUS(status) == STATUS;
}

static void show_servers_child(pid_t server)
{
	pid_t worker = ask(BY_FORK);
	struct view view = look_at(worker);

	tell("I ask the server %d for a worker; it forks one, %d.", server, worker);
	check(view.parent == server, "its parent is the server");
	check(!bury(worker) && errno == ECHILD, "so I cannot wait for it: ECHILD");
	check(read_answer() == STATUS, "the server has to, and tells me its status, %d", STATUS);
}

static void show_workers(void)
{
	struct view mine, servers;
	pid_t worker = must(fork(), "fork");

	if (worker == 0)
		work();
	mine = look_at(worker);
	check(bury(worker), "I have waited for it");
	worker = ask(BY_CLONE_PARENT);
	tell("I ask for one that the server clones with CLONE_PARENT: %d.", worker);
	servers = look_at(worker);
	check(servers.parent == getpid(), "its parent is the server's parent, me");
	check(bury(worker), "I have waited for it");
	compare(&mine, &servers);
	check_views(&mine, &servers);
}

static void end_server(pid_t server)
{
	int status;

	close(requests[1]);
	check(waitpid(server, &status, 0) == server && status == 0,
	      "there are no more requests: the server has ended");
}

int main(void)
{
	int *const pipes[] = { held, finish, requests, answers, reports, worker_gate };
	pthread_t threads[THREADS];
	pid_t server;

	for (size_t i = 0; i < sizeof(pipes) / sizeof(pipes[0]); i++)
		gate_make(pipes[i]);
	for (int i = 0; i < THREADS; i++)
		make_mutex(&locks[i], PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED);
	server = must(fork(), "fork");
	if (server == 0)
		serve();
	tell("I am process %d, and have forked the server %d. Now I start %d threads,", getpid(),
	     server, THREADS);
	tell("each with a lock, open %d files, and write to %d MiB.", DESCRIPTORS, HEAP / MIB);
	become_large(threads);
	show_servers_child(server);
	tell("I fork a worker myself.");
	show_workers();
	end_server(server);
	gate_open(finish, THREADS);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	return demo_end();
}
