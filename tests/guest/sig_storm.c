/*
 * Signals by the thousand, sent while their receivers fork, execute, exit, change their group and
 * handle other signals: none that was accepted is lost, nobody escapes a signal to a group, and
 * nobody is hit that was not meant. Sources: signal(7), POSIX kill() and fork(), sigqueue(3).
 */
#include "sig.h"

/* ---- to a group that grows ------------------------------------------------------------------- */

/* Forks without end, each child like its parent: a tree that only a signal to all of it can fell.
 * By the bare call: the C library's blocks all signals first, and one that comes between the two is
 * its caller's alone. */
__attribute__((noreturn)) static void grow(volatile int *births)
{
	for (;;) {
		if (__atomic_load_n(births, __ATOMIC_RELAXED) >= 300) {
			sched_yield();
			continue;
		}
		pid_t pid = (pid_t)syscall(SYS_fork);
		if (pid == 0) {
			__atomic_fetch_add(births, 1, __ATOMIC_RELAXED);
			continue;
		}
		sched_yield();
		if (waitpid(-1, NULL, WNOHANG) > 0)
			__atomic_fetch_sub(births, 1, __ATOMIC_RELAXED);
	}
}

/* One signal to the group reaches members that are being born at this moment, too: when all that
 * was alive is dead, a pipe that they all held is closed. */
TEST(nobody_escapes)
{
	static const int signals[] = { SIGKILL, SIGTERM, 64 };
	volatile int *births = shared_memory(4096);

	for (int round = 0; round < 30; round++) {
		struct gate alive = gate_new();
		char byte;
		CONTEXT("round %d", round);
		*births = 0;
		pid_t root = FORK();
		if (root == 0) {
			setpgid(0, 0);
			grow(births);
		}
		setpgid(root, root);
		while (*births < 5 + round * 3)
			sched_yield();
		CHECK_EQ(kill(-root, signals[round % 3]), 0);
		CHECK_EQ(close(alive.in), 0);
		CHECK_EQ(read(alive.out, &byte, 1), 0);
		CHECK_EQ(close(alive.out), 0);
		CHECK_SIGNAL(root, signals[round % 3]);
	}
}

/* ---- while the group changes ----------------------------------------------------------------- */

/* Processes that hop between two groups are hit by a signal to both, whichever they are in; those
 * of a third group never are. */
TEST(hopping_between_groups)
{
	enum { HOPPERS = 20 };
	pid_t pids[HOPPERS], anchors[2], bystander = sleeping_child();
	volatile int *ready = shared_memory(4096);

	CHECK_EQ(setpgid(bystander, bystander), 0);
	for (int i = 0; i < 2; i++) {
		anchors[i] = sleeping_child();
		CHECK_EQ(setpgid(anchors[i], anchors[i]), 0);
	}
	for (int i = 0; i < HOPPERS; i++) {
		pids[i] = FORK();
		if (pids[i] == 0) {
			for (int n = 0;; n++) {
				setpgid(0, anchors[n % 2]);
				if (n == 10)
					__atomic_fetch_add(ready, 1, __ATOMIC_SEQ_CST);
			}
		}
	}
	while (*ready < HOPPERS)
		sched_yield();
	/* one may hop over between the two signals: it is hit the next time */
	for (int left = HOPPERS; left > 0;) {
		for (int i = 0; i < 2; i++)
			CHECK_EQ(kill(-anchors[i], SIGTERM), 0); /* the dead anchors are enough */
		for (int i = 0; i < HOPPERS; i++) {
			int status;
			if (!pids[i] || waitpid(pids[i], &status, WNOHANG) != pids[i])
				continue;
			CHECK_EQ(status, SIGTERM);
			pids[i] = 0;
			left--;
		}
		sched_yield();
	}
	CHECK_EQ(waitpid(bystander, NULL, WNOHANG), 0);
	end_child(bystander);
	for (int i = 0; i < 2; i++)
		CHECK_SIGNAL(anchors[i], SIGTERM);
}

/* ---- at any moment of a life ----------------------------------------------------------------- */

static int run_again(void)
{
	return 3;
}

/* A deadly signal at any moment between fork and exit, execve included, is the end or comes too
 * late; a signal that is ignored is nothing at any moment. */
TEST(in_the_middle_of_anything)
{
	char *argv[] = { "sig_storm", "again", NULL };
	int deaths = 0, exits = 0;

	install(SIGUSR1, SIG_IGN, 0);
	for (int round = 0; round < 300; round++) {
		int sig = round % 2 ? SIGTERM : SIGUSR1, status;
		pid_t pid = FORK();
		if (pid == 0) {
			execve(own_path, argv, environ);
			_exit(1);
		}
		for (volatile int i = 0; i < round * 40; i++)
			;
		CHECK_EQ(kill(pid, sig), 0);
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		if (WIFSIGNALED(status)) {
			CHECK_EQ(WTERMSIG(status), SIGTERM);
			CHECK_EQ(sig, SIGTERM);
			deaths++;
		} else {
			CHECK_EQ(status, 3 << 8);
			exits++;
		}
	}
	CHECK(exits >= 150);
	CHECK_EQ(deaths + exits, 300);
}

/* ---- many to one ----------------------------------------------------------------------------- */

enum { SENDERS = 20, EACH = 100 };

/* What is queued comes, all of it, and each sender's in its order; a full queue says so. */
TEST(many_senders)
{
	int next[SENDERS] = { 0 };
	pid_t pids[SENDERS], receiver = getpid();
	siginfo_t info;

	block(bit(40));
	for (int s = 0; s < SENDERS; s++) {
		pids[s] = FORK();
		if (pids[s] == 0) {
			for (int i = 0; i < EACH; i++) {
				union sigval value = { .sival_int = s * EACH + i };
				while (sigqueue(receiver, 40, value)) {
					CHECK_EQ(errno, EAGAIN);
					sched_yield();
				}
			}
			_exit(0);
		}
	}
	for (int i = 0; i < SENDERS * EACH; i++) {
		CHECK_EQ(wait_for_signal(bit(40), &info, NULL), 40);
		int sender = info.si_value.sival_int / EACH;
		CHECK(sender >= 0 && sender < SENDERS);
		CHECK_EQ(info.si_value.sival_int % EACH, next[sender]);
		CHECK_EQ(info.si_pid, pids[sender]);
		next[sender]++;
	}
	CHECK_EQ(pending_now(), 0);
	for (int s = 0; s < SENDERS; s++)
		CHECK_EXIT(pids[s], 0);
}

/* The same to a handler, which interrupts calls of all kinds meanwhile. */
static volatile int counted;

static void count(int sig)
{
	(void)sig;
	counted++;
}

TEST(many_senders_to_a_handler)
{
	pid_t pids[SENDERS], receiver = getpid();
	struct gate gate = gate_new();

	install(40, count, SA_RESTART);
	for (int s = 0; s < SENDERS; s++) {
		pids[s] = FORK();
		if (pids[s] == 0) {
			for (int i = 0; i < EACH; i++) {
				while (syscall(SYS_tkill, receiver, 40))
					sched_yield();
				gate_open(gate, 1);
			}
			_exit(0);
		}
	}
	for (int i = 0; i < SENDERS * EACH; i++)
		gate_pass(gate); /* restarted, however often it is interrupted */
	for (int s = 0; s < SENDERS; s++)
		CHECK_EXIT(pids[s], 0); /* waitpid as well */
	CHECK_EQ(counted, SENDERS * EACH);
}

/* ---- many to many ---------------------------------------------------------------------------- */

/* A ring in which each passes a signal on, thousands of times round; then it is felled. */
TEST(a_ring)
{
	enum { LINKS = 30, ROUNDS = 100 };
	volatile pid_t *pids = shared_memory(4096);
	volatile int *rounds = shared_memory(4096);

	block(bit(SIGUSR1));
	for (int i = 0; i < LINKS; i++) {
		pid_t pid = FORK();
		if (pid == 0) {
			for (;;) {
				CHECK_EQ(wait_for_signal(bit(SIGUSR1), NULL, NULL), SIGUSR1);
				if (i == 0 && ++*rounds == ROUNDS)
					CHECK_EQ(kill(getppid(), SIGUSR1), 0);
				else
					CHECK_EQ(kill(pids[(i + 1) % LINKS], SIGUSR1), 0);
			}
		}
		pids[i] = pid;
	}
	CHECK_EQ(kill(pids[0], SIGUSR1), 0);
	CHECK_EQ(wait_for_signal(bit(SIGUSR1), NULL, NULL), SIGUSR1);
	CHECK_EQ(*rounds, ROUNDS);
	for (int i = 0; i < LINKS; i++)
		end_child(pids[i]);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "again"))
		return run_again();
	return ktap_main(argc, argv);
}
