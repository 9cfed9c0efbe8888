/*
 * execve in a process with threads: whoever calls it, the others die, the caller becomes the leader
 * under the process's number, and nobody outside notices more than a new program. If it fails,
 * everybody lives on. Sources: execve(2) ("all threads other than the calling thread are
 * destroyed"), pthreads(7), POSIX execve(), signal(7), get_robust_list(2).
 */
#include "thread.h"
#include <sys/resource.h>

enum { STAYS_OPEN = 110, IS_CLOSED = 111, REPORT = 112, PROCEED = 113 };

/* What the program that was executed sees of itself. */
struct report {
	pid_t pid, tid, parent, group, waited;
	int listed, counted, wait_status, nice;
	uint64_t mask, pending;
	void *usr1, *usr2;
	bool has_signal_stack, stays_open, is_closed;
	unsigned alarm_left;
};

static void *handler_of(int sig)
{
	struct kernel_action action;

	CHECK_EQ(raw_action(sig, NULL, &action), 0);
	return action.handler;
}

/* The program: reports, and goes on when it is told to. */
static int report(void)
{
	stack_t stack;
	char byte;

	CHECK_EQ(sigaltstack(NULL, &stack), 0);
	struct report report = {
		.pid = getpid(),
		.tid = gettid_raw(),
		.parent = getppid(),
		.group = getpgrp(),
		.listed = listed_threads(getpid()),
		.counted = counted_threads(getpid()),
		.nice = getpriority(PRIO_PROCESS, 0),
		.mask = mask_now(),
		.pending = pending_now(),
		.usr1 = handler_of(SIGUSR1),
		.usr2 = handler_of(SIGUSR2),
		.has_signal_stack = !(stack.ss_flags & SS_DISABLE),
		.stays_open = fcntl(STAYS_OPEN, F_GETFD) >= 0,
		.is_closed = fcntl(IS_CLOSED, F_GETFD) < 0,
		.alarm_left = alarm(0),
	};

	report.waited = waitpid(-1, &report.wait_status, WNOHANG);
	CHECK_EQ(write(REPORT, &report, sizeof(report)), sizeof(report));
	CHECK_EQ(read(PROCEED, &byte, 1), 1);
	return 33;
}

static int run_program(void *mode)
{
	char *argv[] = { "thread_exec", mode, NULL };

	execve(own_path, argv, environ);
	return 1;
}

/* What a test and the process that it makes have in common. */
struct scene {
	volatile int ready, go;
	volatile pid_t caller, child;
	volatile int words[4];
	int report[2], proceed[2];
};

static struct scene *scene;

static void scene_new(void)
{
	scene = shared_memory(4096);
	CHECK_EQ(pipe(scene->report), 0);
	CHECK_EQ(pipe(scene->proceed), 0);
}

/* In the child of a test. */
static void enter_scene(void)
{
	CHECK_EQ(dup2(scene->report[1], REPORT), REPORT);
	CHECK_EQ(dup2(scene->proceed[0], PROCEED), PROCEED);
}

static struct report next_report(void)
{
	struct report report;

	CHECK_EQ(read(scene->report[0], &report, sizeof(report)), sizeof(report));
	return report;
}

/* The program ends with its 33, and all is as before. */
static void end_scene(pid_t pid)
{
	CHECK_EQ(write(scene->proceed[1], "", 1), 1);
	CHECK_EXIT(pid, 33);
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(close(scene->report[i]), 0);
		CHECK_EQ(close(scene->proceed[i]), 0);
	}
	CHECK_EQ(munmap(scene, 4096), 0);
}

static int execs(void *unused)
{
	(void)unused;
	scene->caller = gettid_raw();
	word_set(&scene->ready, 1);
	word_await(&scene->go, 1);
	return run_program("report");
}

static void check_alone(pid_t pid, const struct report *report)
{
	CHECK_EQ(report->pid, pid);
	CHECK_EQ(report->tid, pid);
	CHECK_EQ(report->parent, getpid());
	CHECK_EQ(report->listed, 1);
	CHECK_EQ(report->counted, 1);
	CHECK_EQ(listed_threads(pid), 1);
	CHECK_EQ(counted_threads(pid), 1);
}

/* ---- who calls it ---------------------------------------------------------------------------- */

enum caller { LEADER, THREAD_OF_LEADER, THREAD_OF_ZOMBIE, CALLERS };

/* A process in which that thread executes the program when it is told to go. */
static pid_t process_that_execs(enum caller caller, int others)
{
	pid_t pid = FORK();

	if (pid > 0)
		return pid;
	enter_scene();
	for (int i = 0; i < others; i++)
		THREAD(thread_sleeps, NULL);
	if (caller == LEADER)
		exit_thread(execs(NULL));
	THREAD(execs, NULL);
	if (caller == THREAD_OF_ZOMBIE)
		exit_thread(4);
	thread_sleeps(NULL);
	_exit(1);
}

TIMED_TEST(the_caller_becomes_the_process)
{
	for (int caller = LEADER; caller < CALLERS; caller++)
		for (int others = 0; others < 4; others += 3) {
			char started[32], after[32];

			CONTEXT("caller %d, %d others", caller, others);
			scene_new();
			block(bit(SIGCHLD));
			pid_t pid = process_that_execs(caller, others);
			word_await(&scene->ready, 1);
			if (caller == THREAD_OF_ZOMBIE)
				await_thread_state(pid, pid, 'Z');
			pid_t tid = scene->caller;
			CHECK(stat_field(pid, 22, started, sizeof(started)));
			struct pollfd poller = { .fd = (int)syscall(SYS_pidfd_open, pid, 0),
						 .events = POLLIN };
			CHECK(poller.fd >= 0);
			word_set(&scene->go, 1);
			struct report report = next_report();
			check_alone(pid, &report);
			CHECK_EQ(report.group, getpgrp());
			if (caller != LEADER) {
				CHECK_ERRNO(kill(tid, 0), ESRCH);
				CHECK_EQ(process_state(tid), 0);
			}
			/* nobody has died, as seen from outside */
			CHECK_EQ(pending_now(), 0);
			CHECK_EQ(waitpid(pid, NULL, WNOHANG), 0);
			CHECK_EQ(poll(&poller, 1, 0), 0);
			CHECK_EQ(close(poller.fd), 0);
			CHECK_EQ(kill(pid, 0), 0);
			CHECK(stat_field(pid, 22, after, sizeof(after)));
			CHECK_STR(after, started);
			end_scene(pid);
			CHECK_EQ(wait_for_signal(bit(SIGCHLD), NULL, NULL), SIGCHLD);
		}
}

static int runs_on(void *unused)
{
	(void)unused;
	if (run_program("report"))
		_exit(1);
	return 0;
}

/* Each kind of sleep ends for it, and so does running without any. */
TIMED_TEST(sleepers_die)
{
	for (int from_thread = 0; from_thread < 2; from_thread++) {
		CONTEXT("from thread: %d", from_thread);
		scene_new();
		pid_t pid = FORK();
		if (pid == 0) {
			enter_scene();
			int count = start_sleepers();
			CHECK_EQ(counted_threads(getpid()), count + 1);
			if (!from_thread)
				run_program("report");
			THREAD(runs_on, NULL);
			thread_sleeps(NULL);
		}
		struct report report = next_report();
		check_alone(pid, &report);
		end_scene(pid);
	}
}

static int execs_late(void *unused)
{
	(void)unused;
	word_await(&scene->go, 1);
	return run_program("report");
}

TIMED_TEST(a_stopped_process_executes_when_it_continues)
{
	int status;

	scene_new();
	pid_t pid = FORK();
	if (pid == 0) {
		enter_scene();
		for (int i = 0; i < 3; i++)
			THREAD(thread_runs, NULL);
		THREAD(execs_late, NULL);
		thread_sleeps(NULL);
	}
	await_threads(pid, 5);
	CHECK_EQ(kill(pid, SIGSTOP), 0);
	CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
	CHECK(WIFSTOPPED(status));
	word_set(&scene->go, 1);
	CHECK_EQ(counted_threads(pid), 5);
	CHECK_EQ(kill(pid, SIGCONT), 0);
	struct report report = next_report();
	check_alone(pid, &report);
	end_scene(pid);
}

/* ---- what stays and what goes ---------------------------------------------------------------- */

static int execs_with_attributes(void *unused)
{
	(void)unused;
	static char stack[65536];
	stack_t its = { .ss_sp = stack, .ss_size = sizeof(stack) };

	CHECK_EQ(sigaltstack(&its, NULL), 0);
	CHECK_EQ(setpriority(PRIO_PROCESS, 0, 6), 0);
	set_mask(BITS(SIGTERM, SIGUSR2, SIGHUP, SIGALRM));
	CHECK_EQ(tgkill_raw(getpid(), gettid_raw(), SIGUSR2), 0); /* pending for the caller */
	CHECK_EQ(tgkill_raw(getpid(), getpid(), SIGHUP), 0);	  /* for the leader, which dies */
	CHECK_EQ(kill(getpid(), SIGTERM), 0);			  /* for the process */
	return run_program("report");
}

TIMED_TEST(signals_across_execve)
{
	scene_new();
	pid_t pid = FORK();
	if (pid == 0) {
		enter_scene();
		install(SIGUSR1, log_signal, SA_SIGINFO);
		install(SIGUSR2, SIG_IGN, 0);
		set_mask(~0ULL);
		CHECK_EQ(dup2(0, STAYS_OPEN), STAYS_OPEN);
		CHECK_EQ(dup3(0, IS_CLOSED, O_CLOEXEC), IS_CLOSED);
		alarm(1000);
		THREAD(execs_with_attributes, NULL);
		thread_sleeps(NULL);
	}
	struct report report = next_report();
	check_alone(pid, &report);
	CHECK_EQ(report.mask, BITS(SIGTERM, SIGUSR2, SIGHUP, SIGALRM)); /* the caller's */
	CHECK_EQ(report.pending, BITS(SIGTERM, SIGUSR2));
	CHECK(report.usr1 == (void *)SIG_DFL);
	CHECK(report.usr2 == (void *)SIG_IGN);
	CHECK(!report.has_signal_stack);
	CHECK(report.stays_open);
	CHECK(report.is_closed);
	CHECK_EQ(report.nice, 6);
	CHECK(report.alarm_left > 900);
	end_scene(pid);
}

static int bears(void *unused)
{
	pid_t parent = getpid(), pid = FORK();

	(void)unused;
	if (pid == 0) {
		CHECK_EQ(getppid(), parent);
		_exit(17);
	}
	scene->child = pid;
	await_zombie(pid);
	return 0;
}

static int bears_and_execs(void *unused)
{
	bears(unused);
	return run_program("report");
}

/* Whichever thread made them, the children are the new program's. */
TIMED_TEST(children_stay)
{
	for (int other = 0; other < 2; other++) {
		CONTEXT("made by another: %d", other);
		scene_new();
		pid_t pid = FORK();
		if (pid == 0) {
			enter_scene();
			if (other) {
				thread_join(THREAD(bears, NULL));
				THREAD(execs_late, NULL);
				word_set(&scene->go, 1);
			} else {
				THREAD(bears_and_execs, NULL);
			}
			thread_sleeps(NULL);
		}
		struct report report = next_report();
		check_alone(pid, &report);
		CHECK_EQ(report.waited, scene->child);
		CHECK_EQ(report.wait_status, 17 << 8);
		end_scene(pid);
	}
}

/* The words of CLONE_CHILD_CLEARTID are cleared for those whom execve ends, too. */
TIMED_TEST(words_of_the_dead_are_cleared)
{
	scene_new();
	for (int i = 0; i < 4; i++)
		scene->words[i] = -1;
	pid_t pid = FORK();
	if (pid == 0) {
		enter_scene();
		for (int i = 0; i < 4; i++) {
			struct thread *thread = thread_block();
			void *tls = thread_tls(thread);
			CHECK(thread_clone(THREAD_FLAGS, tls, &thread->tid,
					   (pid_t *)&scene->words[i], tls, thread_sleeps,
					   NULL) > 0);
		}
		run_program("report");
	}
	struct report report = next_report();
	check_alone(pid, &report);
	for (int i = 0; i < 4; i++)
		CHECK_EQ(scene->words[i], 0);
	end_scene(pid);
}

static struct {
	struct robust_list_head head;
	struct robust_list entry;
} robust;

/* Holds a lock in shared memory and has it on its robust list. */
static int holds_lock(void *unused)
{
	volatile int *word = &scene->words[0];

	(void)unused;
	robust.head.list.next = &robust.entry;
	robust.entry.next = &robust.head.list;
	robust.head.futex_offset = (char *)word - (char *)&robust.entry;
	CHECK_EQ(syscall(SYS_set_robust_list, &robust.head, sizeof(robust.head)), 0);
	*word = gettid_raw();
	word_set(&scene->ready, 1);
	return thread_sleeps(NULL);
}

TIMED_TEST(robust_locks_of_the_dead)
{
	scene_new();
	pid_t pid = FORK();
	if (pid == 0) {
		enter_scene();
		THREAD(holds_lock, NULL);
		word_await(&scene->ready, 1);
		CHECK(!(scene->words[0] & FUTEX_OWNER_DIED));
		run_program("report");
	}
	struct report report = next_report();
	check_alone(pid, &report);
	CHECK_EQ((unsigned)scene->words[0] & (FUTEX_OWNER_DIED | FUTEX_TID_MASK), FUTEX_OWNER_DIED);
	end_scene(pid);
}

/* ---- failure --------------------------------------------------------------------------------- */

static volatile int beats;

static int beats_on(void *stop)
{
	while (!word_of(stop)) {
		__atomic_add_fetch(&beats, 1, __ATOMIC_SEQ_CST);
		sched_yield();
	}
	return 0;
}

static int fails_to_exec(void *unused)
{
	char *none[] = { NULL }, *huge[40];
	static char text[120000];
	int bad = open("bad", O_WRONLY | O_CREAT | O_EXCL, 0755);

	(void)unused;
	CHECK(bad >= 0);
	CHECK_EQ(write(bad, "no program", 10), 10);
	CHECK_EQ(close(bad), 0);
	memset(text, 'x', sizeof(text) - 1);
	for (size_t i = 0; i < ARRAY_SIZE(huge) - 1; i++)
		huge[i] = text;
	huge[ARRAY_SIZE(huge) - 1] = NULL;
	struct rlimit stack;
	CHECK_EQ(getrlimit(RLIMIT_STACK, &stack), 0);
	stack.rlim_cur = 1 << 20; /* a quarter of which may be arguments */
	CHECK_EQ(setrlimit(RLIMIT_STACK, &stack), 0);
	CHECK_ERRNO(syscall(SYS_execve, "/does/not/exist", none, environ), ENOENT);
	CHECK_ERRNO(syscall(SYS_execve, "/", none, environ), EACCES);
	CHECK_ERRNO(syscall(SYS_execve, "bad", none, environ), ENOEXEC);
	CHECK_ERRNO(syscall(SYS_execve, own_path, huge, environ), E2BIG);
	CHECK_ERRNO(syscall(SYS_execve, own_path, BAD_POINTER, environ), EFAULT);
	CHECK_ERRNO(syscall(SYS_execve, BAD_POINTER, none, environ), EFAULT);
	CHECK_EQ(unlink("bad"), 0);
	return 0;
}

TIMED_TEST(a_failed_execve_kills_nobody)
{
	volatile int stop = 0;
	struct thread *others[3];

	install(SIGUSR1, log_signal, SA_SIGINFO);
	for (int i = 0; i < 3; i++)
		others[i] = THREAD(beats_on, (void *)&stop);
	fails_to_exec(NULL);
	thread_join(THREAD(fails_to_exec, NULL));
	await_threads(getpid(), 4);
	int before = word_of(&beats);
	while (word_of(&beats) < before + 10)
		pause_briefly();
	for (int i = 0; i < 3; i++)
		CHECK_EQ(tgkill_raw(getpid(), others[i]->tid, 0), 0);
	CHECK(handler_of(SIGUSR1) == (void *)log_signal);
	word_set(&stop, 1);
	for (int i = 0; i < 3; i++)
		thread_join(others[i]);
}

/* ---- races ----------------------------------------------------------------------------------- */

enum { ROUNDS = 40 };

static volatile int start_line, race; /* race: the number of the round */

/* Computes for so many steps, to be at another place at the same time in each round. */
static void spin(int steps)
{
	for (volatile int i = 0; i < steps; i++)
		;
}

/* Returns when so many have come to the line, and gives each another lead in each round. */
static void line_up(int runners)
{
	int place = word_add(&start_line, 1);

	while (word_of(&start_line) < runners)
		sched_yield();
	spin((race * 7 + place * 29) % 40 * 7000);
}

static int races_to_exec(void *mode)
{
	line_up(3);
	run_program(mode);
	_exit(1);
}

static int races_to_exit(void *unused)
{
	(void)unused;
	line_up(3);
	_exit(14);
}

static int races_to_fork(void *unused)
{
	(void)unused;
	line_up(3);
	for (;;) {
		pid_t pid = (pid_t)syscall(SYS_fork);
		if (pid == 0)
			_exit(0);
		if (pid > 0)
			waitpid(pid, NULL, 0);
	}
}

static int status_of(pid_t pid)
{
	int status;

	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Of several who call it at once, one succeeds, and the rest are its other threads. */
TIMED_TEST(several_execute_at_once)
{
	int count[3] = { 0 };

	for (int i = 0; i < ROUNDS; i++) {
		race = i;
		pid_t pid = FORK();
		if (pid == 0) {
			THREAD(races_to_exec, "exit-11");
			THREAD(races_to_exec, "exit-12");
			races_to_exec("exit-13");
		}
		int code = status_of(pid);
		CHECK(code >= 11 && code <= 13);
		count[code - 11]++;
	}
	DIAG("winners: %d threads, %d leaders", count[0] + count[1], count[2]);
}

TIMED_TEST(execve_against_exit)
{
	int count[4] = { 0 };

	for (int i = 0; i < ROUNDS; i++) {
		race = i;
		pid_t pid = FORK();
		if (pid == 0) {
			THREAD(races_to_exec, "exit-11");
			THREAD(i % 2 ? races_to_exec : races_to_exit, "exit-12");
			if (i % 2)
				races_to_exit(NULL);
			races_to_exec("exit-13");
		}
		int code = status_of(pid);
		CHECK(code >= 11 && code <= 14);
		count[code - 11]++;
	}
	DIAG("%d executed, %d exited", count[0] + count[1] + count[2], count[3]);
}

static int races_to_end(void *unused)
{
	(void)unused;
	line_up(3);
	return 0;
}

/* The leader and another thread end by themselves at that moment. */
TIMED_TEST(execve_against_ends_of_threads)
{
	for (int i = 0; i < ROUNDS; i++) {
		race = i;
		pid_t pid = FORK();
		if (pid == 0) {
			THREAD(races_to_exec, "exit-11");
			THREAD(races_to_end, NULL);
			exit_thread(races_to_end(NULL));
		}
		CHECK_EXIT(pid, 11);
	}
}

/* Children that the others make just then are the new program's, or were never made. */
TIMED_TEST(execve_against_fork)
{
	for (int i = 0; i < ROUNDS; i++) {
		race = i;
		pid_t pid = FORK();
		if (pid == 0) {
			THREAD(races_to_fork, NULL);
			THREAD(i % 2 ? races_to_exec : races_to_fork, "reap");
			if (i % 2)
				races_to_fork(NULL);
			races_to_exec("reap");
		}
		CHECK_EXIT(pid, 15);
	}
}

TIMED_TEST(execve_against_sigkill)
{
	int killed = 0;

	for (int i = 0; i < ROUNDS; i++) {
		volatile int *line = shared_memory(4096);
		int status;
		pid_t pid = FORK();
		if (pid == 0) {
			THREAD(races_to_exec, "exit-11");
			THREAD(races_to_end, NULL);
			word_set(line, 1);
			line_up(3);
			thread_sleeps(NULL);
		}
		word_await(line, 1);
		spin(i * 15000);
		CHECK_EQ(kill(pid, SIGKILL), 0);
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK(status == 11 << 8 || status == SIGKILL);
		killed += status == SIGKILL;
		CHECK_EQ(munmap((void *)line, 4096), 0);
	}
	DIAG("%d of %d were killed", killed, ROUNDS);
}

/* ---- programs that the tests execute --------------------------------------------------------- */

static int reap_all(void)
{
	while (waitpid(-1, NULL, 0) > 0)
		;
	CHECK_EQ(errno, ECHILD);
	return counted_threads(getpid()) == 1 ? 15 : 1;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "report"))
		return report();
	if (argc == 2 && !strcmp(argv[1], "reap"))
		return reap_all();
	if (argc == 2 && !strncmp(argv[1], "exit-", 5))
		return atoi(argv[1] + 5);
	return ktap_main(argc, argv);
}
