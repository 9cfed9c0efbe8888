/*
 * What makes threads one process: the ids they share and those they do not, who is listed where in
 * /proc, whose end is the process's end, whose children a process has, and what belongs to a thread
 * alone: its name, nice value, credentials and CPU time. Sources: clone(2), gettid(2), _exit(2),
 * exit_group(2), wait(2), pidfd_open(2), tgkill(2), proc(5), getrusage(2), credentials(7),
 * prctl(2).
 */
#include "thread.h"
#include "users.h"
#include <poll.h>
#include <sys/resource.h>
#include <sys/times.h>

/* A thread that says who it is and lives until it is told to go. */
struct guest {
	volatile int arrived, leave;
	volatile pid_t tid, pid, parent, group, session;
	int code;
};

static int visits(void *argument)
{
	struct guest *guest = argument;

	guest->tid = gettid_raw();
	guest->pid = getpid();
	guest->parent = getppid();
	guest->group = getpgrp();
	guest->session = getsid(0);
	word_set(&guest->arrived, 1);
	word_await(&guest->leave, 1);
	return guest->code;
}

static struct thread *invite(struct guest *guest)
{
	struct thread *thread = THREAD(visits, guest);

	word_await(&guest->arrived, 1);
	return thread;
}

static void see_off(struct guest *guest, struct thread *thread)
{
	pid_t tid = thread->tid;

	word_set(&guest->leave, 1);
	thread_join(thread);
	await_thread_gone(getpid(), tid);
}

/* ---- ids and lists --------------------------------------------------------------------------- */

TIMED_TEST(one_pid_and_many_tids)
{
	struct guest guests[3] = { 0 };
	struct thread *threads[3];

	CHECK_EQ(gettid_raw(), getpid());
	for (int i = 0; i < 3; i++) {
		threads[i] = invite(&guests[i]);
		CHECK_EQ(guests[i].tid, threads[i]->tid);
		CHECK(guests[i].tid != getpid());
		CHECK_EQ(guests[i].pid, getpid());
		CHECK_EQ(guests[i].parent, getppid());
		CHECK_EQ(guests[i].group, getpgrp());
		CHECK_EQ(guests[i].session, getsid(0));
	}
	CHECK(guests[0].tid != guests[1].tid && guests[1].tid != guests[2].tid);
	for (int i = 0; i < 3; i++)
		see_off(&guests[i], threads[i]);
	CHECK_EQ(gettid_raw(), getpid());
}

TIMED_TEST(proc_lists_the_threads)
{
	struct guest guests[4] = { 0 };
	struct thread *threads[4];
	struct stat it;
	char path[64], value[64];

	for (int i = 0; i < 4; i++) {
		threads[i] = invite(&guests[i]);
		CHECK_EQ(listed_threads(getpid()), i + 2);
		CHECK_EQ(listed_threads(guests[i].tid), i + 2); /* any of them names the group */
		CHECK_EQ(counted_threads(getpid()), i + 2);
		CHECK_EQ(counted_threads(guests[i].tid), i + 2);
		CHECK_EQ(stat("/proc/self/task", &it), 0);
		CHECK_EQ(it.st_nlink, (unsigned)i + 4);
		CHECK(stat_field(getpid(), 20, value, sizeof(value)));
		CHECK_EQ(atoi(value), i + 2);
	}
	for (int i = 0; i < 4; i++) {
		pid_t tid = guests[i].tid;
		see_off(&guests[i], threads[i]);
		CHECK_EQ(listed_threads(getpid()), 4 - i);
		CHECK_ERRNO(stat(task_path(path, sizeof(path), getpid(), tid, ""), &it), ENOENT);
	}
	CHECK_EQ(stat(task_path(path, sizeof(path), getpid(), getppid(), ""), &it), -1);
	CHECK_EQ(errno, ENOENT); /* a process, but no thread of this one */
	CHECK_ERRNO(stat(task_path(path, sizeof(path), getpid(), getpid(), "task"), &it), ENOENT);
}

TIMED_TEST(status_of_a_thread)
{
	struct guest guest = { 0 };
	struct thread *thread = invite(&guest);
	const struct {
		const char *name;
		int value;
	} rows[] = { { "Tgid", getpid() },
		     { "Pid", thread->tid },
		     { "PPid", getppid() },
		     { "TracerPid", 0 },
		     { "Threads", 2 } };
	char value[64], path[64];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CONTEXT("%s", rows[i].name);
		thread_line(getpid(), thread->tid, rows[i].name, value, sizeof(value));
		CHECK_EQ(atoi(value), rows[i].value);
		status_line(thread->tid, rows[i].name, value, sizeof(value));
		CHECK_EQ(atoi(value), rows[i].value);
	}
	task_path(path, sizeof(path), getpid(), thread->tid, "stat");
	CHECK(stat_field_of(path, 4, value, sizeof(value)));
	CHECK_EQ(atoi(value), getppid());
	CHECK(stat_field_of(path, 5, value, sizeof(value)));
	CHECK_EQ(atoi(value), getpgrp());
	CHECK(stat_field_of(path, 20, value, sizeof(value)));
	CHECK_EQ(atoi(value), 2);
	CHECK_EQ(thread_state(getpid(), getpid()), 'R');
	await_thread_state(getpid(), thread->tid, 'S');
	see_off(&guest, thread);
}

/* A thread's number opens a directory of /proc that no listing shows. */
TIMED_TEST(threads_are_not_listed_as_processes)
{
	struct guest guest = { 0 };
	struct thread *thread = invite(&guest);
	struct dirent *entry;
	bool found_self = false;
	DIR *proc = opendir("/proc");
	struct stat it;
	char path[32];

	CHECK(proc != NULL);
	while ((entry = readdir(proc))) {
		CHECK(atoi(entry->d_name) != thread->tid);
		found_self |= atoi(entry->d_name) == getpid();
	}
	closedir(proc);
	CHECK(found_self);
	snprintf(path, sizeof(path), "/proc/%d", thread->tid);
	CHECK_EQ(stat(path, &it), 0);
	CHECK(S_ISDIR(it.st_mode));
	see_off(&guest, thread);
	CHECK_ERRNO(stat(path, &it), ENOENT);
}

static int looks_at_itself(void *unused)
{
	char expected[64], seen[64] = "";

	(void)unused;
	snprintf(expected, sizeof(expected), "%d/task/%d", getpid(), gettid_raw());
	CHECK(readlink("/proc/thread-self", seen, sizeof(seen) - 1) > 0);
	CHECK_STR(seen, expected);
	memset(seen, 0, sizeof(seen));
	snprintf(expected, sizeof(expected), "%d", getpid());
	CHECK(readlink("/proc/self", seen, sizeof(seen) - 1) > 0);
	CHECK_STR(seen, expected);
	CHECK(read_text("/proc/thread-self/stat", seen, sizeof(seen)) > 0);
	CHECK_EQ(atoi(seen), gettid_raw());
	CHECK(read_text("/proc/self/stat", seen, sizeof(seen)) > 0);
	CHECK_EQ(atoi(seen), getpid());
	return 0;
}

TIMED_TEST(thread_self)
{
	looks_at_itself(NULL);
	thread_join(THREAD(looks_at_itself, NULL));
}

/* ---- whose end it is ------------------------------------------------------------------------- */

/* The leader waits until all is ready, then ends; the others go on. */
struct story {
	volatile int ready, go, seen;
	volatile pid_t pid, tid;
};

static struct story *story_new(void)
{
	return shared_memory(4096);
}

enum ending { RETURNS, EXITS_THREAD, EXITS_GROUP, IS_SIGNALLED };

static struct story *told;
static enum ending ending;

static void counts_signal(int sig)
{
	(void)sig;
	word_add(&told->seen, 1);
}

static int outlives_its_leader(void *unused)
{
	(void)unused;
	told->tid = gettid_raw();
	await_thread_state(getpid(), getpid(), 'Z');
	CHECK_EQ(getpid(), told->pid);
	word_set(&told->ready, 1);
	word_await(&told->go, 1);
	if (ending == EXITS_GROUP)
		_exit(9);
	if (ending == IS_SIGNALLED)
		CHECK_EQ(tgkill_raw(getpid(), gettid_raw(), SIGTERM), 0);
	if (ending == EXITS_THREAD)
		exit_thread(8);
	return 7;
}

/* A process whose leader has ended with 3 and whose other thread waits for the word. */
static pid_t leaderless(enum ending its_ending)
{
	told = story_new();
	ending = its_ending;
	pid_t pid = FORK();
	if (pid == 0) {
		told->pid = getpid();
		install(SIGUSR1, counts_signal, 0);
		THREAD(outlives_its_leader, NULL);
		exit_thread(3);
	}
	word_await(&told->ready, 1);
	return pid;
}

TIMED_TEST(a_leader_that_ends_first)
{
	static const struct {
		enum ending ending;
		int status;
	} rows[] = { { RETURNS, 7 << 8 },
		     { EXITS_THREAD, 8 << 8 },
		     { EXITS_GROUP, 9 << 8 },
		     { IS_SIGNALLED, SIGTERM } };
	int status;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CONTEXT("row %zu", i);
		pid_t pid = leaderless(rows[i].ending);
		siginfo_t info = { .si_pid = 1 };

		CHECK_EQ(process_state(pid), 'Z');
		CHECK_EQ(thread_state(pid, pid), 'Z');
		CHECK_EQ(listed_threads(pid), 2);
		CHECK_EQ(counted_threads(pid), 2);
		CHECK_EQ(waitpid(pid, &status, WNOHANG | WUNTRACED), 0);
		CHECK_EQ(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT | WNOHANG), 0);
		CHECK_EQ(info.si_pid, 0);
		word_set(&told->go, 1);
		CHECK_EQ(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
		CHECK_EQ(info.si_pid, pid);
		CHECK_EQ(listed_threads(pid), 1);
		CHECK_EQ(process_state(pid), 'Z');
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK_EQ(status, rows[i].status);
	}
}

TIMED_TEST(signals_reach_a_leaderless_process)
{
	pid_t pid = leaderless(RETURNS);

	CHECK_EQ(kill(pid, 0), 0);
	CHECK_EQ(kill(pid, SIGUSR1), 0);
	word_await(&told->seen, 1);
	CHECK_EQ(kill(told->tid, SIGUSR1), 0);
	word_await(&told->seen, 2);
	CHECK_EQ(tgkill_raw(pid, told->tid, SIGUSR1), 0);
	word_await(&told->seen, 3);
	word_set(&told->go, 1);
	CHECK_EXIT(pid, 7);
	pid = leaderless(RETURNS);
	CHECK_EQ(kill(pid, SIGKILL), 0);
	CHECK_SIGNAL(pid, SIGKILL);
}

TIMED_TEST(stopping_a_leaderless_process)
{
	pid_t pid = leaderless(RETURNS);
	int status;

	CHECK_EQ(kill(pid, SIGSTOP), 0);
	CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
	CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	CHECK_EQ(thread_state(pid, told->tid), 'T');
	CHECK_EQ(thread_state(pid, pid), 'Z');
	CHECK_EQ(kill(pid, SIGCONT), 0);
	CHECK_EQ(waitpid(pid, &status, WCONTINUED), pid);
	CHECK(WIFCONTINUED(status));
	word_set(&told->go, 1);
	CHECK_EXIT(pid, 7);
}

static int pidfd_of(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* A zombie leader makes a pidfd of the process no more readable than the wait succeed. */
TIMED_TEST(pidfd_waits_for_the_last_thread)
{
	pid_t pid = leaderless(EXITS_THREAD);
	struct pollfd poller = { .fd = pidfd_of(pid), .events = POLLIN };

	CHECK(poller.fd >= 0);
	CHECK_EQ(poll(&poller, 1, 0), 0);
	CHECK_EQ(syscall(SYS_pidfd_send_signal, poller.fd, SIGUSR1, NULL, 0), 0);
	word_await(&told->seen, 1);
	CHECK_EQ(poll(&poller, 1, 0), 0);
	word_set(&told->go, 1);
	CHECK_EQ(poll(&poller, 1, -1), 1);
	CHECK_EQ(waitpid(pid, NULL, WNOHANG), pid);
	CHECK_EQ(close(poller.fd), 0);
}

/* It was EINVAL until Linux 6.15 said that there is no such process. */
TIMED_TEST(no_pidfd_of_a_thread)
{
	struct guest guest = { 0 };
	struct thread *thread = invite(&guest);

	CHECK_EQ(pidfd_of(thread->tid), -1);
	CHECK(errno == EINVAL || errno == ENOENT);
	CHECK_ERRNO(waitpid(thread->tid, NULL, WNOHANG | __WALL), ECHILD);
	see_off(&guest, thread);
}

static int exits_group(void *code)
{
	_exit(*(int *)code);
}

TIMED_TEST(any_thread_ends_the_process)
{
	for (int code = 0; code < 256; code += 51) {
		pid_t pid = FORK();
		if (pid == 0) {
			for (int i = 0; i < 3; i++)
				THREAD(thread_sleeps, NULL);
			THREAD(exits_group, &code);
			thread_sleeps(NULL);
		}
		CHECK_EXIT(pid, code);
	}
}

TIMED_TEST(two_threads_end_the_process)
{
	static int codes[] = { 11, 12, 13 };

	for (int i = 0; i < 50; i++) {
		int status;
		pid_t pid = FORK();

		if (pid == 0) {
			for (int t = 0; t < 2; t++)
				if (!thread_try(THREAD_FLAGS, exits_group, &codes[t]))
					thread_sleeps(NULL);
			exits_group(&codes[2]);
		}
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK(WIFEXITED(status));
		CHECK(WEXITSTATUS(status) >= 11 && WEXITSTATUS(status) <= 13);
	}
}

struct chain {
	struct thread *before; /* NULL: the leader */
	int code;
};

static int ends_after(void *argument)
{
	struct chain *link = argument;

	if (link->before)
		word_await(&link->before->ends, 0);
	else
		await_thread_state(getpid(), getpid(), 'Z');
	return link->code;
}

/* If nobody calls exit_group(2), the process's exit code is that of the last thread to end. */
TIMED_TEST(the_last_exit_code_counts)
{
	static struct chain chain[8];

	for (int n = 1; n <= 8; n++) {
		pid_t pid = FORK();
		if (pid == 0) {
			struct thread *before = NULL;
			for (int i = 0; i < n; i++) {
				chain[i] = (struct chain){ before, 10 + i };
				before = THREAD(ends_after, &chain[i]);
			}
			exit_thread(3);
		}
		CHECK_EXIT(pid, 10 + n - 1);
	}
}

static int ends_first(void *unused)
{
	(void)unused;
	return 5;
}

TIMED_TEST(the_leader_may_be_the_last)
{
	pid_t pid = FORK();

	if (pid == 0) {
		thread_join(THREAD(ends_first, NULL));
		exit_thread(6);
	}
	CHECK_EXIT(pid, 6);
}

static int opens_gate(void *gate)
{
	gate_open(*(struct gate *)gate, 1);
	return 0;
}

static int opens_null(void *fd)
{
	*(int *)fd = open("/dev/null", O_RDWR);
	return 0;
}

TIMED_TEST(files_outlive_the_thread)
{
	struct gate gate = gate_new();
	int fd = -1;

	thread_join(THREAD(opens_gate, &gate));
	thread_join(THREAD(opens_null, &fd));
	await_threads(getpid(), 1);
	gate_pass(gate);
	CHECK_EQ(write(fd, "x", 1), 1);
	CHECK_EQ(close(fd), 0);
	gate_free(gate);
}

/* ---- children -------------------------------------------------------------------------------- */

struct nursery {
	volatile pid_t child;
	volatile int born, leave;
	struct gate gate;
	volatile pid_t waited;
	volatile int error;
};

static int bears_child(void *argument)
{
	struct nursery *nursery = argument;
	pid_t process = getpid(), pid = FORK();

	if (pid == 0) {
		CHECK_EQ(getppid(), process);
		gate_pass(nursery->gate);
		CHECK_EQ(getppid(), process); /* not the thread that made it, which is gone */
		_exit(21);
	}
	nursery->child = pid;
	word_set(&nursery->born, 1);
	word_await(&nursery->leave, 1);
	return 0;
}

/* Children belong to the process: any thread waits for them, and their maker may be gone. */
TIMED_TEST(children_of_a_thread)
{
	for (int gone = 0; gone < 2; gone++) {
		struct nursery nursery = { .gate = gate_new(), .leave = gone };
		struct thread *thread = THREAD(bears_child, &nursery);
		pid_t tid = thread->tid;

		word_await(&nursery.born, 1);
		if (gone) {
			thread_join(thread);
			await_thread_gone(getpid(), tid);
		}
		CHECK_EQ(process_parent(nursery.child), getpid());
		CHECK_EQ(waitpid(-1, NULL, WNOHANG), 0);
		gate_open(nursery.gate, 1);
		CHECK_EXIT(nursery.child, 21);
		if (!gone) {
			word_set(&nursery.leave, 1);
			thread_join(thread);
		}
		gate_free(nursery.gate);
	}
}

/* __WNOTHREAD asks for the children that this thread made. */
TIMED_TEST(own_children_only)
{
	struct nursery nursery = { .gate = gate_new() };
	struct thread *thread = THREAD(bears_child, &nursery);

	word_await(&nursery.born, 1);
	CHECK_ERRNO(waitpid(-1, NULL, WNOHANG | __WNOTHREAD), ECHILD);
	CHECK_ERRNO(waitpid(nursery.child, NULL, WNOHANG | __WNOTHREAD), ECHILD);
	CHECK_EQ(waitpid(nursery.child, NULL, WNOHANG), 0);
	gate_open(nursery.gate, 1);
	CHECK_EXIT(nursery.child, 21);
	word_set(&nursery.leave, 1);
	thread_join(thread);
	gate_free(nursery.gate);
}

/* A maker that goes leaves its children to another thread, which waits for them as its own. */
TIMED_TEST(inherited_by_another_thread)
{
	struct nursery nursery = { .gate = gate_new(), .leave = 1 };
	struct thread *thread = THREAD(bears_child, &nursery);
	pid_t tid = thread->tid;
	int status;

	thread_join(thread);
	await_thread_gone(getpid(), tid);
	gate_open(nursery.gate, 1);
	CHECK_EQ(waitpid(nursery.child, &status, __WNOTHREAD), nursery.child);
	CHECK_EQ(status, 21 << 8);
	gate_free(nursery.gate);
}

static int waits_for_any(void *argument)
{
	struct nursery *nursery = argument;
	int status;

	nursery->waited = waitpid(-1, &status, 0);
	nursery->error = nursery->waited < 0 ? errno : 0;
	word_set(&nursery->leave, 1);
	return 0;
}

/* Several threads wait: each child is had by one of them, and then there is none for the rest. */
TIMED_TEST(several_threads_wait)
{
	enum { WAITERS = 4, CHILDREN = 3 };
	struct nursery nurseries[WAITERS] = { 0 };
	struct thread *threads[WAITERS];
	struct gate gate = gate_new();
	pid_t pids[CHILDREN];
	int had = 0, none = 0;

	for (int i = 0; i < CHILDREN; i++) {
		pids[i] = FORK();
		if (pids[i] == 0) {
			gate_pass(gate);
			_exit(0);
		}
	}
	for (int i = 0; i < WAITERS; i++) {
		threads[i] = THREAD(waits_for_any, &nurseries[i]);
		await_thread_state(getpid(), threads[i]->tid, 'S');
	}
	gate_open(gate, CHILDREN);
	for (int i = 0; i < WAITERS; i++) {
		thread_join(threads[i]);
		if (nurseries[i].waited < 0) {
			CHECK_EQ(nurseries[i].error, ECHILD);
			none++;
			continue;
		}
		had++;
		for (int j = 0; j < i; j++)
			CHECK(nurseries[i].waited != nurseries[j].waited);
	}
	CHECK_EQ(had, CHILDREN);
	CHECK_EQ(none, WAITERS - CHILDREN);
	gate_free(gate);
}

/* A child born while a thread waits is one that it waits for. */
TIMED_TEST(a_waiter_sees_later_children)
{
	struct nursery nursery = { 0 };
	struct gate gate = gate_new();
	pid_t first = FORK();

	if (first == 0) {
		gate_pass(gate);
		_exit(0);
	}
	struct thread *thread = THREAD(waits_for_any, &nursery);
	await_thread_state(getpid(), thread->tid, 'S');
	pid_t second = FORK();
	if (second == 0)
		_exit(0);
	thread_join(thread);
	CHECK_EQ(nursery.waited, second);
	gate_open(gate, 1);
	CHECK_EXIT(first, 0);
	gate_free(gate);
}

static int bears_bereaved(void *argument)
{
	struct nursery *nursery = argument;
	pid_t pid = FORK();

	if (pid == 0) {
		CHECK_EQ(prctl(PR_SET_PDEATHSIG, SIGTERM), 0);
		gate_open(nursery->gate, 1);
		block_forever();
	}
	nursery->child = pid;
	word_set(&nursery->born, 1);
	word_await(&nursery->leave, 1);
	return 0;
}

/* prctl(2): the parent whose death PR_SET_PDEATHSIG tells of is the thread that made the child. */
TIMED_TEST(death_of_the_maker)
{
	struct nursery nursery = { .gate = gate_new() };
	struct thread *thread = THREAD(bears_bereaved, &nursery);

	word_await(&nursery.born, 1);
	gate_pass(nursery.gate);
	CHECK_EQ(waitpid(nursery.child, NULL, WNOHANG), 0);
	word_set(&nursery.leave, 1);
	CHECK_SIGNAL(nursery.child, SIGTERM);
	thread_join(thread);
	gate_free(nursery.gate);
}

/* Orphans are made when the process is gone, not when its leader is. */
TIMED_TEST(children_of_a_leaderless_process)
{
	struct gate gate = gate_new();
	volatile pid_t *child = shared_memory(4096);

	told = story_new();
	ending = RETURNS;
	pid_t pid = FORK();
	if (pid == 0) {
		pid_t made = FORK();
		if (made == 0) {
			gate_pass(gate);
			_exit(0);
		}
		*child = made;
		told->pid = getpid();
		THREAD(outlives_its_leader, NULL);
		exit_thread(3);
	}
	word_await(&told->ready, 1);
	CHECK_EQ(process_parent(*child), pid);
	word_set(&told->go, 1);
	CHECK_EXIT(pid, 7);
	CHECK(process_parent(*child) != pid);
	gate_open(gate, 1);
	gate_free(gate);
}

TIMED_TEST(proc_children)
{
	struct nursery nursery = { .gate = gate_new() };
	struct thread *thread = THREAD(bears_child, &nursery);
	char path[64], own[256] = "", its[256] = "", all[520];
	bool found = false;

	word_await(&nursery.born, 1);
	task_path(path, sizeof(path), getpid(), getpid(), "children");
	if (read_text(path, own, sizeof(own)) < 0) {
		CHECK_EQ(errno, ENOENT); /* a kernel without CONFIG_PROC_CHILDREN */
		own[0] = '\0';
	} else {
		task_path(path, sizeof(path), getpid(), thread->tid, "children");
		CHECK(read_text(path, its, sizeof(its)) >= 0);
		snprintf(all, sizeof(all), "%s %s", own, its);
		for (char *word = strtok(all, " "); word; word = strtok(NULL, " "))
			found |= atoi(word) == nursery.child;
		CHECK(found);
	}
	gate_open(nursery.gate, 1);
	CHECK_EXIT(nursery.child, 21);
	word_set(&nursery.leave, 1);
	thread_join(thread);
	gate_free(nursery.gate);
}

/* ---- groups, sessions, signals by number ----------------------------------------------------- */

static int leads_group(void *unused)
{
	(void)unused;
	CHECK_EQ(setpgid(0, 0), 0);
	CHECK_EQ(getpgrp(), getpid());
	CHECK_EQ(getpgid(gettid_raw()), getpid());
	CHECK_ERRNO(setpgid(gettid_raw(), 0), EINVAL);
	CHECK_EQ(setpgid(getpid(), getpid()), 0);
	return 0;
}

static int leads_session(void *unused)
{
	(void)unused;
	CHECK_EQ(setsid(), getpid());
	CHECK_EQ(getsid(gettid_raw()), getpid());
	CHECK_ERRNO(setsid(), EPERM);
	return 0;
}

TIMED_TEST(groups_and_sessions_from_a_thread)
{
	pid_t pid = FORK();

	if (pid == 0) {
		thread_join(THREAD(leads_group, NULL));
		CHECK_EQ(getpgrp(), getpid());
		_exit(0);
	}
	CHECK_EXIT(pid, 0);
	pid = FORK();
	if (pid == 0) {
		thread_join(THREAD(leads_session, NULL));
		CHECK_EQ(getsid(0), getpid());
		CHECK_EQ(getpgrp(), getpid());
		_exit(0);
	}
	CHECK_EXIT(pid, 0);
}

TIMED_TEST(signals_by_number)
{
	struct guest guest = { 0 };
	struct thread *thread = invite(&guest);
	pid_t pid = getpid(), tid = thread->tid, parent = getppid();

	install(SIGUSR1, log_signal, SA_SIGINFO);
	CHECK_EQ(tgkill_raw(pid, tid, 0), 0);
	CHECK_EQ(tgkill_raw(pid, pid, 0), 0);
	CHECK_ERRNO(tgkill_raw(parent, tid, 0), ESRCH);
	CHECK_ERRNO(tgkill_raw(tid, tid, 0), ESRCH);
	CHECK_ERRNO(tgkill_raw(pid, parent, 0), ESRCH);
	CHECK_ERRNO(tgkill_raw(pid, 0, 0), EINVAL);
	CHECK_ERRNO(tgkill_raw(0, tid, 0), EINVAL);
	CHECK_ERRNO(tgkill_raw(pid, -1, 0), EINVAL);
	CHECK_ERRNO(tgkill_raw(-1, tid, 0), EINVAL);
	CHECK_ERRNO(tgkill_raw(pid, tid, 65), EINVAL);
	CHECK_EQ(syscall(SYS_tkill, tid, 0), 0);
	CHECK_ERRNO(syscall(SYS_tkill, 0, 0), EINVAL);
	CHECK_EQ(kill(tid, 0), 0);	   /* a thread's number is as good as its process's */
	CHECK_ERRNO(kill(-tid, 0), ESRCH); /* but is no group */
	CHECK_EQ(kill(tid, SIGUSR1), 0);
	while (log_count == 0)
		pause_briefly();
	CHECK_LOG(SIGUSR1);
	CHECK_EQ(getpgid(tid), getpgrp());
	CHECK_EQ(getsid(tid), getsid(0));
	see_off(&guest, thread);
	CHECK_ERRNO(tgkill_raw(pid, tid, 0), ESRCH);
	CHECK_ERRNO(kill(tid, 0), ESRCH);
	CHECK_ERRNO(syscall(SYS_tkill, tid, 0), ESRCH);
	CHECK_ERRNO(getpgid(tid), ESRCH);
}

/* ---- what a thread has for itself ------------------------------------------------------------ */

static int renames_itself(void *argument)
{
	struct guest *guest = argument;
	char name[16];

	CHECK_EQ(prctl(PR_GET_NAME, name), 0);
	CHECK_STR(name, "leader");
	CHECK_EQ(prctl(PR_SET_NAME, "a name that is too long"), 0);
	return visits(guest);
}

TIMED_TEST(names)
{
	struct guest guest = { 0 };
	char path[64], name[64];
	int fd;

	CHECK_EQ(prctl(PR_SET_NAME, "leader"), 0);
	struct thread *thread = THREAD(renames_itself, &guest);
	word_await(&guest.arrived, 1);
	CHECK(read_text("/proc/self/comm", name, sizeof(name)) > 0);
	CHECK_STR(name, "leader\n");
	task_path(path, sizeof(path), getpid(), thread->tid, "comm");
	CHECK(read_text(path, name, sizeof(name)) > 0);
	CHECK_STR(name, "a name that is \n");
	fd = open(path, O_RDWR);
	CHECK(fd >= 0);
	CHECK_EQ(write(fd, "given", 5), 5);
	CHECK_EQ(close(fd), 0);
	CHECK(read_text(path, name, sizeof(name)) > 0);
	CHECK_STR(name, "given\n");
	thread_line(getpid(), thread->tid, "Name", name, sizeof(name));
	CHECK_STR(name, "given");
	status_line(getpid(), "Name", name, sizeof(name));
	CHECK_STR(name, "leader");
	pid_t pid = FORK();
	if (pid == 0) {
		fd = open(path, O_RDWR);
		CHECK(fd >= 0);
		CHECK_ERRNO(write(fd, "stranger", 8), EINVAL);
		_exit(0);
	}
	CHECK_EXIT(pid, 0);
	see_off(&guest, thread);
}

static int is_nice(void *argument)
{
	CHECK_EQ(getpriority(PRIO_PROCESS, 0), 2); /* as its maker is */
	CHECK_EQ(setpriority(PRIO_PROCESS, 0, 7), 0);
	return visits(argument);
}

TIMED_TEST(nice_values)
{
	struct guest guest = { 0 };
	char path[64], value[16];

	CHECK_EQ(setpriority(PRIO_PROCESS, 0, 2), 0);
	struct thread *thread = THREAD(is_nice, &guest);
	word_await(&guest.arrived, 1);
	CHECK_EQ(getpriority(PRIO_PROCESS, 0), 2);
	CHECK_EQ(getpriority(PRIO_PROCESS, (id_t)getpid()), 2);
	CHECK_EQ(getpriority(PRIO_PROCESS, (id_t)thread->tid), 7);
	task_path(path, sizeof(path), getpid(), thread->tid, "stat");
	CHECK(stat_field_of(path, 19, value, sizeof(value)));
	CHECK_EQ(atoi(value), 7);
	CHECK(stat_field(getpid(), 19, value, sizeof(value)));
	CHECK_EQ(atoi(value), 2);
	CHECK_EQ(setpriority(PRIO_PROCESS, (id_t)thread->tid, 9), 0);
	CHECK_EQ(getpriority(PRIO_PROCESS, (id_t)thread->tid), 9);
	CHECK_EQ(getpriority(PRIO_PROCESS, 0), 2);
	see_off(&guest, thread);
}

static int becomes_alice(void *argument)
{
	CHECK_EQ(set_groups(1, &(gid_t){ CAROL }), 0);
	CHECK_EQ(set_gids(BOB, BOB, BOB), 0);
	CHECK_EQ(set_uids(ALICE, ALICE, ALICE), 0);
	CHECK_EQ(geteuid(), ALICE);
	CHECK_ERRNO(set_uids(0, 0, 0), EPERM);
	return visits(argument);
}

/* credentials(7): to the kernel they are a thread's; only C libraries make them a process's. */
USERS_TEST(credentials)
{
	struct guest guest = { 0 };
	char value[64];

	alarm(TEST_SECONDS);
	struct thread *thread = THREAD(becomes_alice, &guest);
	word_await(&guest.arrived, 1);
	CHECK_EQ(geteuid(), 0);
	CHECK_EQ(getegid(), 0);
	thread_line(getpid(), thread->tid, "Uid", value, sizeof(value));
	CHECK_STR(value, "1000\t1000\t1000\t1000");
	thread_line(getpid(), thread->tid, "Gid", value, sizeof(value));
	CHECK_STR(value, "1001\t1001\t1001\t1001");
	thread_line(getpid(), thread->tid, "CapEff", value, sizeof(value));
	CHECK_STR(value, "0000000000000000");
	status_line(getpid(), "Uid", value, sizeof(value));
	CHECK_STR(value, "0\t0\t0\t0");
	see_off(&guest, thread);
}

static int sets_attributes(void *argument)
{
	CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	CHECK_EQ(prctl(PR_SET_PDEATHSIG, SIGUSR2), 0);
	CHECK_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
	return visits(argument);
}

TIMED_TEST(attributes_of_a_thread_and_of_its_process)
{
	struct guest guest = { 0 };
	struct thread *thread = THREAD(sets_attributes, &guest);
	int sig = -1, reaps = -1;

	word_await(&guest.arrived, 1);
	CHECK_EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
	CHECK_EQ(prctl(PR_GET_PDEATHSIG, &sig), 0);
	CHECK_EQ(sig, 0);
	CHECK_EQ(prctl(PR_GET_CHILD_SUBREAPER, &reaps), 0);
	CHECK_EQ(reaps, 1);
	see_off(&guest, thread);
}

static int limits_files(void *unused)
{
	struct rlimit few = { 50, 60 };

	(void)unused;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &few), 0);
	return 0;
}

TIMED_TEST(limits_are_the_processes)
{
	struct rlimit now;
	int fd;

	thread_join(THREAD(limits_files, NULL));
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &now), 0);
	CHECK_EQ(now.rlim_cur, 50);
	while ((fd = dup(0)) >= 0)
		CHECK(fd < 50);
	CHECK_EQ(errno, EMFILE);
}

/* Threads count against RLIMIT_NPROC as processes do. */
USERS_TEST(limit_of_threads)
{
	enum { MOST = 6 };

	alarm(TEST_SECONDS);
	IN_CHILD({
		struct rlimit few = { MOST, MOST };
		struct guest guests[MOST] = { 0 };
		struct thread *threads[MOST];
		become(DAVE, DAVE);
		CHECK_EQ(setrlimit(RLIMIT_NPROC, &few), 0);
		for (int i = 0; i < MOST - 1; i++)
			threads[i] = invite(&guests[i]);
		for (int i = 0; i < 3; i++) {
			CHECK(thread_try(THREAD_FLAGS, visits, &guests[MOST - 1]) == NULL);
			CHECK_EQ(errno, EAGAIN);
			CHECK_ERRNO(syscall(SYS_fork), EAGAIN);
			see_off(&guests[i], threads[i]);
			guests[i] = (struct guest){ 0 };
			threads[i] = invite(&guests[i]);
		}
		for (int i = 0; i < MOST - 1; i++)
			see_off(&guests[i], threads[i]);
	});
}

/* ---- CPU time -------------------------------------------------------------------------------- */

enum { BURN_MS = 60 };

static int64_t user_and_system(int who)
{
	struct rusage usage;

	CHECK_EQ(getrusage(who, &usage), 0);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000ll +
	       usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

static int burns(void *argument)
{
	volatile unsigned sink = 0;

	int64_t its = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	CHECK(clock_ns(CLOCK_PROCESS_CPUTIME_ID) >= its);
	while (clock_ns(CLOCK_THREAD_CPUTIME_ID) < BURN_MS * 1000000ll)
		for (int i = 0; i < 20000; i++)
			sink = sink * 1664525u + 1013904223u;
	CHECK(user_and_system(RUSAGE_THREAD) >= (BURN_MS - 20) * 1000ll);
	CHECK(user_and_system(RUSAGE_SELF) >= user_and_system(RUSAGE_THREAD) - 20000);
	return visits(argument);
}

static int64_t ticks_of(const char *path)
{
	char user[32], system[32];

	CHECK(stat_field_of(path, 14, user, sizeof(user)));
	CHECK(stat_field_of(path, 15, system, sizeof(system)));
	return atoll(user) + atoll(system);
}

/* clock_getcpuclockid(3): a process's clock, and pthread_getcpuclockid(3): a thread's. */
static clockid_t clock_of(pid_t id, bool thread)
{
	return (clockid_t)(~(unsigned)id << 3 | 2 | (thread ? 4 : 0));
}

TIMED_TEST(cpu_time)
{
	burn_cpu_ms(BURN_MS); /* which a new thread has no part in */
	int64_t before = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	struct guest guest = { 0 };
	struct thread *thread = THREAD(burns, &guest);
	char path[64];

	word_await(&guest.arrived, 1);
	CHECK(clock_ns(CLOCK_PROCESS_CPUTIME_ID) - before >= BURN_MS * 1000000ll);
	/* the two threads' times are the process's, and each has been counted once */
	int64_t mine = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	int64_t its = clock_ns(clock_of(thread->tid, true));
	CHECK(mine >= BURN_MS * 1000000ll);
	CHECK(clock_ns(CLOCK_PROCESS_CPUTIME_ID) >= mine + its);
	CHECK(clock_ns(clock_of(thread->tid, true)) >= BURN_MS * 1000000ll);
	CHECK(clock_ns(clock_of(getpid(), true)) < clock_ns(clock_of(getpid(), false)));
	CHECK(clock_ns(clock_of(getpid(), false)) >= BURN_MS * 1000000ll);
	struct timespec now;
	CHECK_ERRNO(clock_gettime(clock_of(getppid(), true), &now), EINVAL); /* another's thread */
	task_path(path, sizeof(path), getpid(), thread->tid, "stat");
	CHECK(ticks_of(path) >= (BURN_MS - 20) / 10);
	CHECK(ticks_of("/proc/self/stat") >= ticks_of(path) - 2);
	see_off(&guest, thread);
	/* what a thread used is its process's when it is gone */
	CHECK(clock_ns(CLOCK_PROCESS_CPUTIME_ID) - before >= BURN_MS * 1000000ll);
	CHECK(user_and_system(RUSAGE_SELF) >= (BURN_MS - 20) * 1000ll);
	CHECK(ticks_of("/proc/self/stat") >= (BURN_MS - 20) / 10);
}

TIMED_TEST(cpu_time_of_a_child_with_threads)
{
	struct rusage usage;
	struct tms tms;
	int status;
	pid_t pid = FORK();

	if (pid == 0) {
		struct guest guests[2] = { { .leave = 1 }, { .leave = 1 } };
		struct thread *threads[2];
		for (int i = 0; i < 2; i++)
			threads[i] = THREAD(burns, &guests[i]);
		for (int i = 0; i < 2; i++)
			thread_join(threads[i]);
		_exit(0);
	}
	CHECK_EQ(wait4(pid, &status, 0, &usage), pid);
	CHECK_EQ(status, 0);
	CHECK((usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000ll + usage.ru_utime.tv_usec +
		      usage.ru_stime.tv_usec >=
	      2 * (BURN_MS - 20) * 1000ll);
	CHECK(user_and_system(RUSAGE_CHILDREN) >= 2 * (BURN_MS - 20) * 1000ll);
	CHECK(times(&tms) != -1);
	CHECK(tms.tms_cutime + tms.tms_cstime >= 2 * (BURN_MS - 20) / 10);
}

/* ---- the end, with threads in every kind of sleep -------------------------------------------- */

TIMED_TEST(the_end_reaches_every_sleeper)
{
	static const int deaths[] = { -1, SIGKILL, SIGTERM, SIGQUIT };

	for (size_t i = 0; i < ARRAY_SIZE(deaths); i++) {
		struct gate gate = gate_new();
		CONTEXT("death %d", deaths[i]);
		pid_t pid = FORK();
		if (pid == 0) {
			start_sleepers();
			gate_open(gate, 1);
			if (deaths[i] < 0)
				_exit(44);
			thread_sleeps(NULL);
		}
		gate_pass(gate);
		if (deaths[i] < 0) {
			CHECK_EXIT(pid, 44);
		} else {
			CHECK_EQ(kill(pid, deaths[i]), 0);
			CHECK_SIGNAL(pid, deaths[i]);
		}
		CHECK_ERRNO(kill(pid, 0), ESRCH);
		gate_free(gate);
	}
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
