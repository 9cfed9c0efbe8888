/*
 * Moments at which two processors meet: a signal that has been taken and is about to act while
 * another comes, an execve that its parent looks at meanwhile, forks that overlap. Each test
 * repeats its meeting many times, a little shifted; nothing that is checked depends on when they
 * meet (needs: any fork). Sources: signal(7) and POSIX 2.4 (SIGCONT and stops), wait(2), execve(2),
 * fork(2) ("the child's set of pending signals is initially empty"), timer_create(2).
 */
#include "thread.h"
#include <sys/time.h>
#include <time.h>

struct scene {
	volatile int ready, go, count, stop, failed;
};

static struct scene *scene;

static void spin(int turns)
{
	for (volatile int i = 0; i < turns; i++)
		;
}

/* Who was continued last runs, whatever became of a stop that was sent before. */
TIMED_TEST(sigcont_ends_a_stop_that_was_just_taken)
{
	enum { ROUNDS = 2000 };
	static const int stops[] = { SIGSTOP, SIGTSTP };

	scene = shared_memory(4096);
	pid_t pid = FORK();
	if (pid == 0)
		for (;;)
			scene->count++;
	for (int i = 0; i < ROUNDS; i++) {
		CHECK_EQ(kill(pid, stops[i % 2]), 0);
		spin(i % 200 * 20);
		CHECK_EQ(kill(pid, SIGCONT), 0);
		for (int was = scene->count; scene->count == was;)
			sched_yield();
	}
	CHECK_EQ(kill(pid, SIGKILL), 0);
	CHECK_SIGNAL(pid, SIGKILL);
	CHECK_EQ(munmap(scene, 4096), 0);
}

static int execs_exit(void *code)
{
	char *argv[] = { "thread_race", code, NULL };

	word_add(&scene->ready, 1);
	word_await(&scene->go, 1);
	execve(own_path, argv, environ);
	return 1;
}

/* A child stays one while another thread than its leader executes a program. */
TIMED_TEST(a_process_that_executes_remains_a_child)
{
	enum { ROUNDS = 100, DESCRIPTORS = 200 };

	scene = shared_memory(4096);
	for (int i = 0; i < ROUNDS; i++) {
		int status;

		scene->ready = scene->go = 0;
		pid_t pid = FORK(), got;
		if (pid == 0) {
			/* so that the way into the program takes a while */
			for (int fd = 0; fd < DESCRIPTORS; fd++)
				CHECK(fcntl(1, F_DUPFD_CLOEXEC, 100) >= 100);
			THREAD(execs_exit, "exit-7");
			for (;;)
				pause();
		}
		word_await(&scene->ready, 1);
		word_set(&scene->go, 1);
		while ((got = waitpid(pid, &status, WNOHANG)) == 0)
			spin(100);
		CHECK_EQ(got, pid);
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	}
	CHECK_EQ(munmap(scene, 4096), 0);
}

static volatile int usr1_taken;
static volatile pid_t usr1_by; /* the process that took the last one */

static void count_usr1(int sig)
{
	(void)sig;
	usr1_by = getpid();
	usr1_taken++;
}

/* Forks until it is told to stop. No signal is sent while the word has one value other than 0, and
 * a child that was made meanwhile must not take one. */
static int forks(void *unused)
{
	(void)unused;
	word_add(&scene->ready, 1);
	while (!word_of(&scene->stop)) {
		int before = word_of(&scene->count), status;
		long pid = syscall(SYS_fork);

		if (pid == 0)
			syscall(SYS_exit_group, usr1_by == getpid());
		bool reaped = pid > 0 && waitpid((pid_t)pid, &status, 0) == pid;
		/* looked at once the child is gone: until then it may be sent one of its own */
		bool quiet = before && word_of(&scene->count) == before;
		if (!reaped || (quiet && status))
			word_add(&scene->failed, 1);
	}
	return 0;
}

TIMED_TEST(a_fork_gets_no_signal_from_before_it)
{
	enum { FORKERS = 4, ROUNDS = 200 };
	struct thread *threads[FORKERS];

	scene = shared_memory(4096);
	install(SIGUSR1, count_usr1, SA_RESTART);
	for (int i = 0; i < FORKERS; i++)
		threads[i] = THREAD(forks, NULL);
	word_await(&scene->ready, FORKERS);
	for (int i = 1; i <= ROUNDS; i++) {
		word_set(&scene->count, 0); /* the children may or may not get this one */
		spin(20000);
		CHECK_EQ(kill(0, SIGUSR1), 0);
		while (usr1_taken < i)
			sched_yield();
		word_set(&scene->count, i);
		spin(100000);
	}
	word_set(&scene->stop, 1);
	for (int i = 0; i < FORKERS; i++)
		thread_join(threads[i]);
	CHECK_EQ(scene->failed, 0);
	CHECK_EQ(munmap(scene, 4096), 0);
}

/* Signals queued for this user, as /proc/self/status has it. */
static int queued_signals(void)
{
	char text[4096], *at;
	int fd = open("/proc/self/status", O_RDONLY);
	ssize_t got = read(fd, text, sizeof(text) - 1);

	CHECK(got > 0);
	text[got] = '\0';
	at = strstr(text, "SigQ:");
	CHECK(at != NULL);
	CHECK_EQ(close(fd), 0);
	return atoi(at + 5);
}

static int outlives(void *unused)
{
	struct timespec moment = { .tv_nsec = 50000000 };

	(void)unused;
	for (int i = 0; i < 4; i++)
		nanosleep(&moment, NULL);
	return 0;
}

/* A timer that tells the leader alone fires after that has ended: nobody gets the signal, and
 * nobody keeps it. */
TIMED_TEST(a_timer_for_a_leader_that_has_ended)
{
	int before = queued_signals();
	pid_t pid = FORK();

	if (pid == 0) {
		struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR2 };
		struct itimerspec soon = { .it_value.tv_nsec = 100000000,
					   .it_interval.tv_nsec = 10000000 };
		int id;

		event.sigev_notify_thread_id = gettid_raw();
		install(SIGUSR2, count_usr1, 0);
		CHECK_EQ(syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &id), 0);
		CHECK_EQ(syscall(SYS_timer_settime, id, 0, &soon, NULL), 0);
		THREAD(outlives, NULL);
		syscall(SYS_exit, 3);
	}
	CHECK_EXIT(pid, 0);
	CHECK_EQ(queued_signals(), before);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strncmp(argv[1], "exit-", 5))
		return atoi(argv[1] + 5);
	return ktap_main(argc, argv);
}
