/*
 * Stopping and continuing: which signals do, what cancels what, that wait and SIGCHLD tell of each
 * stop and each continuing once, and what becomes of stopped processes that nobody can continue.
 * Sources: signal(7), POSIX 2.4.3 and 3.284 (orphaned process groups), wait(2), kill(2),
 * setpgid(2), credentials(7).
 */
#include "sig.h"

static const int stop_signals[] = { SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU };

static void stop(pid_t pid, int sig)
{
	int status;

	CHECK_EQ(kill(pid, sig), 0);
	CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
	CHECK_EQ(status, sig << 8 | 0x7f);
	CHECK_EQ(process_state(pid), 'T');
}

static void resume(pid_t pid)
{
	int status;

	CHECK_EQ(kill(pid, SIGCONT), 0);
	CHECK_EQ(waitpid(pid, &status, WCONTINUED), pid);
	CHECK_EQ(status, 0xffff);
}

/* Nothing more to be told of this child. */
static void check_silent(pid_t pid)
{
	int status;

	CHECK_EQ(waitpid(pid, &status, WNOHANG | WUNTRACED | WCONTINUED), 0);
}

/* ---- told once per event --------------------------------------------------------------------- */

TEST(each_event_once)
{
	for (size_t i = 0; i < ARRAY_SIZE(stop_signals); i++) {
		CONTEXT("signal %d", stop_signals[i]);
		pid_t pid = sleeping_child();
		for (int round = 0; round < 3; round++) {
			stop(pid, stop_signals[i]);
			check_silent(pid);
			resume(pid);
			check_silent(pid);
		}
		end_child(pid);
	}
}

/* With waitid, and looked at twice by WNOWAIT. */
TEST(waitid_tells_what)
{
	static const struct {
		int sig, options, code, status;
	} rows[] = {
		{ SIGTSTP, WSTOPPED, CLD_STOPPED, SIGTSTP },
		{ SIGCONT, WCONTINUED, CLD_CONTINUED, SIGCONT },
		{ SIGSTOP, WSTOPPED | WCONTINUED, CLD_STOPPED, SIGSTOP },
		{ SIGCONT, WSTOPPED | WCONTINUED | WEXITED, CLD_CONTINUED, SIGCONT },
	};
	pid_t pid = sleeping_child();

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CONTEXT("row %zu", i);
		CHECK_EQ(kill(pid, rows[i].sig), 0);
		for (int look = 0; look < 3; look++) {
			siginfo_t info = { .si_pid = -1 };
			int options = rows[i].options | (look < 2 ? WNOWAIT : 0);
			CHECK_EQ(waitid(P_PID, (id_t)pid, &info, options), 0);
			CHECK_EQ(info.si_signo, SIGCHLD);
			CHECK_EQ(info.si_code, rows[i].code);
			CHECK_EQ(info.si_status, rows[i].status);
			CHECK_EQ(info.si_pid, pid);
			CHECK_EQ(info.si_uid, getuid());
		}
		check_silent(pid);
	}
	end_child(pid);
}

/* A wait that did not ask for stops is not told of them, and they wait for one that does. */
TEST(not_told_unasked)
{
	int status;
	pid_t pid = sleeping_child();

	CHECK_EQ(kill(pid, SIGSTOP), 0);
	await_state(pid, 'T');
	CHECK_EQ(waitpid(pid, &status, WNOHANG), 0);
	CHECK_EQ(waitpid(pid, &status, WNOHANG | WCONTINUED), 0);
	CHECK_EQ(waitpid(pid, &status, WNOHANG | WUNTRACED), pid);
	CHECK_EQ(kill(pid, SIGCONT), 0);
	await_state(pid, 'S');
	CHECK_EQ(waitpid(pid, &status, WNOHANG), 0);
	CHECK_EQ(waitpid(pid, &status, WNOHANG | WUNTRACED), 0);
	CHECK_EQ(waitpid(pid, &status, WNOHANG | WCONTINUED), pid);
	end_child(pid);
}

/* A stop that nobody asked about in time is gone with the continuing, and with the death. */
TEST(what_is_over_is_not_told)
{
	int status;
	pid_t pid = sleeping_child();

	CHECK_EQ(kill(pid, SIGSTOP), 0);
	await_state(pid, 'T');
	CHECK_EQ(kill(pid, SIGCONT), 0);
	await_state(pid, 'S');
	CHECK_EQ(waitpid(pid, &status, WNOHANG | WUNTRACED), 0);
	CHECK_EQ(waitpid(pid, &status, WNOHANG | WUNTRACED | WCONTINUED), pid);
	CHECK(WIFCONTINUED(status));
	CHECK_EQ(kill(pid, SIGSTOP), 0);
	await_state(pid, 'T');
	CHECK_EQ(kill(pid, SIGKILL), 0);
	await_zombie(pid);
	CHECK_EQ(waitpid(pid, &status, WUNTRACED | WCONTINUED), pid);
	CHECK(WIFSIGNALED(status));
	CHECK_ERRNO(waitpid(pid, &status, WUNTRACED | WCONTINUED), ECHILD);
}

/* Stopping the stopped and continuing those that run is no event. */
TEST(no_change_no_event)
{
	int status;
	pid_t pid = sleeping_child();

	stop(pid, SIGSTOP);
	for (size_t i = 0; i < ARRAY_SIZE(stop_signals); i++)
		CHECK_EQ(kill(pid, stop_signals[i]), 0);
	check_silent(pid);
	CHECK_EQ(process_state(pid), 'T');
	resume(pid); /* and those stops were cancelled */
	await_state(pid, 'S');
	check_silent(pid);
	for (int i = 0; i < 5; i++)
		CHECK_EQ(kill(pid, SIGCONT), 0);
	CHECK_EQ(waitpid(pid, &status, WNOHANG | WCONTINUED), 0);
	end_child(pid);
}

/* ---- caught, blocked and ignored ------------------------------------------------------------- */

static void exit_5(int sig)
{
	(void)sig;
	_exit(5);
}

/* SIGCONT continues first, and then is a signal like any other. */
TEST(a_handler_for_sigcont)
{
	pid_t pid = FORK();

	if (pid == 0) {
		install(SIGCONT, exit_5, 0);
		raise(SIGSTOP);
		block_forever();
	}
	int status;
	CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
	CHECK(WIFSTOPPED(status));
	CHECK_EQ(kill(pid, SIGCONT), 0);
	CHECK_EXIT(pid, 5);
}

TEST(sigcont_ignored_or_blocked_continues)
{
	for (int how = 0; how < 2; how++) {
		CONTEXT("%s", how ? "blocked" : "ignored");
		pid_t pid = FORK();
		if (pid == 0) {
			if (how)
				block(bit(SIGCONT));
			else
				install(SIGCONT, SIG_IGN, 0);
			raise(SIGSTOP);
			CHECK_EQ(pending_now(), how ? bit(SIGCONT) : 0);
			_exit(6);
		}
		int status;
		CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
		CHECK_EQ(kill(pid, SIGCONT), 0);
		CHECK_EXIT(pid, 6);
	}
}

/* The stop signals of terminals can be caught, ignored and blocked; SIGSTOP cannot. */
TEST(stop_signals_with_actions)
{
	for (size_t i = 1; i < ARRAY_SIZE(stop_signals); i++) {
		int sig = stop_signals[i];
		CONTEXT("signal %d", sig);
		log_clear();
		install(sig, log_signal, SA_SIGINFO);
		send(sig);
		CHECK_LOG(sig);
		install(sig, SIG_IGN, 0);
		send(sig);
		install(sig, SIG_DFL, 0);
		block(bit(sig));
		send(sig);
		CHECK_EQ(pending_now(), bit(sig));
		send(SIGCONT); /* cancels it, though it does nothing else */
		CHECK_EQ(pending_now(), 0);
		unblock(bit(sig));
	}
}

/* Each stop signal drops a pending SIGCONT, and SIGCONT each of them, whatever their actions. */
TEST(they_cancel_each_other)
{
	uint64_t all = BITS(SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT);

	block(all);
	for (int handled = 0; handled < 2; handled++) {
		for (size_t i = 1; i < ARRAY_SIZE(stop_signals); i++)
			install(stop_signals[i], handled ? (void *)log_signal : SIG_IGN,
				SA_SIGINFO);
		install(SIGCONT, handled ? (void *)log_signal : SIG_IGN, SA_SIGINFO);
		CONTEXT("handled %d", handled);
		for (size_t i = 1; i < ARRAY_SIZE(stop_signals); i++)
			send(stop_signals[i]);
		CHECK_EQ(pending_now(), BITS(SIGTSTP, SIGTTIN, SIGTTOU));
		send(SIGCONT);
		CHECK_EQ(pending_now(), bit(SIGCONT));
		send(SIGTTIN);
		CHECK_EQ(pending_now(), bit(SIGTTIN));
		CHECK_EQ(syscall(SYS_tkill, gettid(), SIGCONT), 0); /* the thread's own, too */
		CHECK_EQ(pending_now(), bit(SIGCONT));
		CHECK_EQ(syscall(SYS_tkill, gettid(), SIGTSTP), 0);
		CHECK_EQ(pending_now(), bit(SIGTSTP));
		send(SIGCONT);
	}
	CHECK_NO_LOG();
}

/* ---- while it is stopped --------------------------------------------------------------------- */

TEST(signals_wait_for_the_end_of_the_stop)
{
	pid_t pid = FORK();

	if (pid == 0) {
		uint64_t all = BITS(SIGUSR1, SIGUSR2, 40);
		install_masked(SIGUSR1, log_signal, SA_SIGINFO, all);
		install_masked(SIGUSR2, log_signal, SA_SIGINFO, all);
		install_masked(40, log_signal, SA_SIGINFO, all);
		raise(SIGSTOP);
		CHECK_LOG(SIGUSR1, SIGUSR2, 40, 40);
		_exit(0);
	}
	int status;
	CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
	CHECK_EQ(kill(pid, 40), 0);
	CHECK_EQ(kill(pid, SIGUSR2), 0);
	CHECK_EQ(kill(pid, SIGUSR1), 0);
	CHECK_EQ(kill(pid, 40), 0);
	CHECK_EQ(process_state(pid), 'T');
	CHECK_EQ(kill(pid, SIGCONT), 0);
	CHECK_EXIT(pid, 0);
}

/* Only SIGKILL ends a stopped process at once; others that would, do when it goes on. */
TEST(deadly_signals)
{
	static const int signals[] = { SIGTERM, SIGHUP, SIGINT, SIGSEGV, SIGABRT, 64 };

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		CONTEXT("signal %d", signals[i]);
		pid_t pid = sleeping_child();
		stop(pid, SIGSTOP);
		CHECK_EQ(kill(pid, signals[i]), 0);
		CHECK_EQ(process_state(pid), 'T');
		check_silent(pid);
		CHECK_EQ(kill(pid, SIGCONT), 0);
		CHECK_SIGNAL(pid, signals[i]);
		pid = sleeping_child();
		stop(pid, SIGSTOP);
		CHECK_EQ(kill(pid, signals[i]), 0);
		CHECK_EQ(kill(pid, SIGKILL), 0);
		CHECK_SIGNAL(pid, SIGKILL);
	}
}

/* Nobody's clock but the process's own stands still: it is found as it was left. */
TEST(stops_in_a_loop)
{
	volatile unsigned long *counter = shared_memory(4096);
	pid_t pid = FORK();

	if (pid == 0)
		for (unsigned long i = 0;; i++) {
			if (*counter != i)
				_exit(1);
			*counter = i + 1;
		}
	for (int i = 0; i < 100; i++) {
		stop(pid, stop_signals[i % 4]);
		unsigned long then = *counter;
		sched_yield();
		CHECK_EQ(*counter, then);
		resume(pid);
	}
	end_child(pid);
}

/* ---- storms ---------------------------------------------------------------------------------- */

/* Stops and continuings sent as fast as can be, from two sides: whatever was told at last, a
 * SIGCONT at the end makes it run, and nothing hangs. */
TEST(a_storm)
{
	volatile int *stop_it = shared_memory(4096);

	for (int round = 0; round < 20; round++) {
		*stop_it = 0;
		pid_t target = FORK();
		if (target == 0) {
			while (!*stop_it)
				sched_yield();
			_exit(7);
		}
		pid_t helper = FORK();
		if (helper == 0) {
			for (int i = 0; i < 300; i++)
				kill(target, i % 2 ? SIGCONT : SIGTSTP);
			_exit(0);
		}
		for (int i = 0; i < 300; i++) {
			CHECK_EQ(kill(target, i % 2 ? SIGCONT : SIGSTOP), 0);
			if (i % 10 == 0)
				waitpid(target, NULL, WNOHANG | WUNTRACED | WCONTINUED);
		}
		CHECK_EXIT(helper, 0);
		*stop_it = 1;
		CHECK_EQ(kill(target, SIGCONT), 0);
		CHECK_EXIT(target, 7);
	}
}

/* ---- orphaned process groups ----------------------------------------------------------------- */

/* In a group whose members have no parent in another group of the session, the stop signals of
 * terminals do nothing; SIGSTOP does. */
TEST(an_orphan_is_not_stopped_by_a_terminal)
{
	pid_t pid = FORK();

	if (pid == 0) {
		CHECK(setsid() > 0);
		for (size_t i = 1; i < ARRAY_SIZE(stop_signals); i++)
			send(stop_signals[i]);
		_exit(8);
	}
	CHECK_EXIT(pid, 8);
	pid = FORK();
	if (pid == 0) {
		CHECK(setsid() > 0);
		send(SIGSTOP);
		_exit(9);
	}
	int status;
	CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
	CHECK_EQ(status, SIGSTOP << 8 | 0x7f);
	CHECK_EQ(kill(pid, SIGCONT), 0);
	CHECK_EXIT(pid, 9);
}

static struct shared {
	volatile int signals[8], count;
	volatile pid_t leader, member;
} * shared;

static void share_signal(int sig)
{
	shared->signals[shared->count] = sig;
	shared->count++;
}

/* A job in a group of its own, stopped or not, and its parent that dies. */
static void orphan_a_job(bool stopped, bool catches)
{
	shared = shared_memory(sizeof(*shared));
	struct gate done = gate_new();
	pid_t leader = FORK();
	if (leader == 0) {
		CHECK(setsid() > 0);
		shared->leader = getpid();
		pid_t job = FORK();
		if (job == 0) {
			CHECK_EQ(setpgid(0, 0), 0);
			uint64_t both = BITS(SIGHUP, SIGCONT);
			if (catches) {
				install_masked(SIGHUP, share_signal, 0, both);
				install_masked(SIGCONT, share_signal, 0, both);
			}
			shared->member = getpid();
			if (stopped)
				raise(SIGSTOP);
			while (getppid() == shared->leader)
				pause_briefly();
			gate_open(done, 1);
			_exit(0);
		}
		if (stopped)
			CHECK_EQ(waitpid(job, NULL, WUNTRACED), job);
		while (!shared->member)
			pause_briefly();
		_exit(0);
	}
	CHECK_EXIT(leader, 0);
	CHECK_EQ(close(done.in), 0);
	char byte;
	/* it ends either way: having written, or dead of SIGHUP */
	CHECK_EQ(read(done.out, &byte, 1), stopped && !catches ? 0 : 1);
	close(done.out);
}

/* SIGHUP and SIGCONT, in this order, and only if a member was stopped (POSIX _exit()). */
TEST(a_stopped_job_that_is_orphaned)
{
	orphan_a_job(true, true);
	CHECK_EQ(shared->count, 2);
	CHECK_EQ(shared->signals[0], SIGHUP);
	CHECK_EQ(shared->signals[1], SIGCONT);
}

TEST(it_dies_of_the_hangup)
{
	orphan_a_job(true, false);
}

TEST(a_running_job_is_left_alone)
{
	orphan_a_job(false, true);
	CHECK_EQ(shared->count, 0);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
