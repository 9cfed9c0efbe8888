/*
 * forkbomb: processes that do nothing but fork, and a limit that holds them.
 *
 * Without a limit a fork bomb takes the process table and the memory, and doubles itself faster
 * than anybody can kill it one by one. With RLIMIT_NPROC it has what its user may have, and then
 * each further fork fails with EAGAIN. It still takes all the CPU it can get; but the scheduler
 * gives everyone a turn, so who has little to do is still served, and so can end it: by one signal
 * to the whole group, which reaches also those that are just being forked.
 *
 * Everybody in the bomb tries again for ever. I am the subreaper, so that the dead come to me and I
 * can count them.
 */
#include "confine.h"
#include "demo.h"
#include "look.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>

enum { BOMB = 20, QUESTIONS = 3, ENOUGH = 100, FAR_TOO_MANY = 1000 };

/* In memory shared with the bomb. */
static struct {
	struct confinement confinement;
	atomic_int forks, refused, other_errors;
} * shared;

static int questions[2], answers[2];
static volatile pid_t bomb; /* its first process, and its group */

/* Ctrl-C must not leave a bomb behind, which is not in the terminal's foreground group. */
static void give_up(int signal)
{
	if (bomb)
		kill(-bomb, SIGKILL);
	_exit(128 + signal);
}

/* The limit must hold it; if it does not, there is another one, for the sake of the audience. */
static _Noreturn void explode(void)
{
	while (shared->forks < FAR_TOO_MANY) {
		pid_t child = fork();

		if (child > 0)
			atomic_fetch_add(&shared->forks, 1);
		else if (child < 0)
			atomic_fetch_add(errno == EAGAIN ? &shared->refused : &shared->other_errors,
					 1);
	}
	for (;;)
		pause();
}

/* Answers as long as there is somebody to ask. */
static _Noreturn void be_clerk(void)
{
	unsigned number;

	close(questions[1]);
	while (read(questions[0], &number, sizeof(number)) == sizeof(number)) {
		number *= number;
		(void)!write(answers[1], &number, sizeof(number));
	}
	_exit(0);
}

static pid_t start_clerk(void)
{
	pid_t clerk;

	must(pipe(questions), "pipe");
	must(pipe(answers), "pipe");
	clerk = must(fork(), "fork");
	if (clerk == 0)
		be_clerk();
	return clerk;
}

static void start_bomb(void)
{
	pid_t child = must(fork(), "fork");

	if (child == 0) {
		must(setpgid(0, 0), "setpgid");
		close(questions[1]);
		shared->confinement = confine(BOMB - 1);
		explode();
	}
	setpgid(child, child); /* whoever of us comes first */
	bomb = child;
}

static int count_group(pid_t group)
{
	size_t count;
	struct proc_stat *all = proc_read_all(&count);
	int members = 0;

	for (size_t i = 0; i < count; i++)
		members += all[i].pgrp == group;
	free(all);
	return members;
}

/* Waits until fork has often failed and, where it is known how big the bomb can be, it is. */
static void watch(void)
{
	const struct confinement *confinement = &shared->confinement;
	int members;

	while (shared->refused + shared->other_errors < ENOUGH && shared->forks < FAR_TOO_MANY)
		sched_yield();
	while ((members = count_group(bomb)) < BOMB && confinement->alone)
		sched_yield();
	tell("Its user, %d, may have %d processes (RLIMIT_NPROC).", (int)confinement->user,
	     confinement->limit);
	check(members > 1 && members <= BOMB, "the bomb has %d processes, and gets no more",
	      members);
	check(shared->refused >= ENOUGH && shared->other_errors == 0,
	      "fork has failed %d times, always with EAGAIN", shared->refused);
	show_heading();
	show_process(bomb);
	tell("      ...");
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Asks until the bomb has been at it for a while, and a few times at least. */
static void ask_clerk(pid_t clerk)
{
	unsigned asked = 0, right = 0;
	int refused = shared->refused;
	double start = seconds();

	while (asked < QUESTIONS || shared->refused < refused + ENOUGH) {
		unsigned number = ++asked, answer = 0;

		(void)!write(questions[1], &number, sizeof(number));
		(void)!read(answers[0], &answer, sizeof(answer));
		right += answer == number * number;
	}
	check(right == asked, "meanwhile process %d has answered my %u questions, each in %.2f s",
	      clerk, asked, (seconds() - start) / asked);
	tell("       and fork has failed for the bomb another %d times", shared->refused - refused);
}

static void fork_one(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	check(child > 0 && waitpid(child, NULL, 0) == child,
	      "I, whom the limit does not concern, can fork");
}

/* Kills the bomb and waits for each of its processes. */
static void end_bomb(void)
{
	int buried = 0, killed = 0, status;

	kill(-bomb, SIGKILL);
	while (waitpid(-1, &status, 0) > 0) {
		buried++;
		killed += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
	}
	check(killed == buried && (!shared->confinement.alone || buried == BOMB),
	      "I have waited for %d processes, all ended by SIGKILL", buried);
	check(count_group(bomb) == 0 && kill(-bomb, 0) < 0 && errno == ESRCH,
	      "nobody is left in the group");
}

int main(void)
{
	pid_t clerk;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	must(shared == MAP_FAILED ? -1 : 0, "mmap");
	must(prctl(PR_SET_CHILD_SUBREAPER, 1), "prctl");
	clerk = start_clerk();
	signal(SIGINT, give_up);
	start_bomb();
	tell("I am process %d. Process %d forks for ever, and so do all its children.", getpid(),
	     bomb);
	watch();
	ask_clerk(clerk);
	fork_one();
	close(questions[1]);
	must(waitpid(clerk, NULL, 0), "waitpid");
	tell("I send SIGKILL to the bomb's process group, once: kill(-%d, SIGKILL).", bomb);
	end_bomb();
	return demo_end();
}
