/*
 * rt_sigaction: every flag, the mask of a handler, and what the call answers. Sources:
 * sigaction(2), POSIX sigaction(), signal(7), wait(2) on SIGCHLD.
 */
#include "sig.h"

/* UAPI names that the C library does not have. */
#define SA_UNSUPPORTED 0x00000400
#define SA_EXPOSE_TAGBITS 0x00000800

static const unsigned long known_flags = SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_ONSTACK |
					 SA_RESTART | SA_NODEFER | SA_RESETHAND | SA_RESTORER |
					 SA_EXPOSE_TAGBITS;

/* ---- the call itself ------------------------------------------------------------------------- */

TEST(everything_comes_back)
{
	struct kernel_action action, old;

	for (int sig = 1; sig <= 64; sig++) {
		CONTEXT("signal %d", sig);
		if (sig == SIGKILL || sig == SIGSTOP)
			continue;
		action = (struct kernel_action){ (void *)(0x1000L + sig), known_flags,
						 (void *)(0x2000L + sig), 0x5400L | sig << 20 };
		CHECK_EQ(raw_action(sig, &action, NULL), 0);
		CHECK_EQ(raw_action(sig, NULL, &old), 0);
		CHECK(!memcmp(&action, &old, sizeof(old)));
	}
}

/* How a program asks what a kernel knows: SA_UNSUPPORTED is nobody's flag and never comes back. */
TEST(unknown_flags_are_dropped)
{
	struct kernel_action action = { SIG_IGN, ~0UL, NULL, 0 }, old;

	CHECK_EQ(raw_action(SIGUSR1, &action, NULL), 0);
	CHECK_EQ(raw_action(SIGUSR1, NULL, &old), 0);
	CHECK_EQ(old.flags, known_flags);
	CHECK_EQ(old.flags & SA_UNSUPPORTED, 0);
}

TEST(new_and_old_may_be_one_object)
{
	struct kernel_action action = { SIG_IGN, 0, NULL, 0 };

	CHECK_EQ(raw_action(SIGUSR1, &action, &action), 0);
	CHECK(action.handler == SIG_DFL);
	CHECK_EQ(raw_action(SIGUSR1, NULL, &action), 0);
	CHECK(action.handler == SIG_IGN);
}

/* What is asked wrongly changes nothing; what cannot be told was done all the same. */
TEST(errors_and_what_they_leave)
{
	static const int no_signals[] = { 0, -1, 65, 1 << 16, INT_MAX, INT_MIN };
	static const size_t wrong_sizes[] = { 0, 1, 4, 7, 9, 16, 128, SIZE_MAX };
	void *const bad[] = { BAD_POINTER, KERNEL_ADDRESS, NON_CANONICAL };
	struct kernel_action ignore = { SIG_IGN, 0, NULL, 0 }, old;

	for (size_t i = 0; i < ARRAY_SIZE(no_signals); i++) {
		CONTEXT("signal %d", no_signals[i]);
		CHECK_ERRNO(raw_action(no_signals[i], &ignore, &old), EINVAL);
		CHECK_ERRNO(raw_action(no_signals[i], NULL, NULL), EINVAL);
		CHECK_ERRNO(raw_action(no_signals[i], BAD_POINTER, NULL), EFAULT);
		CHECK_ERRNO(raw_action(no_signals[i], NULL, BAD_POINTER), EINVAL);
	}
	for (size_t i = 0; i < ARRAY_SIZE(wrong_sizes); i++) {
		CONTEXT("size %zu", wrong_sizes[i]);
		CHECK_ERRNO(syscall(SYS_rt_sigaction, SIGUSR1, BAD_POINTER, NULL, wrong_sizes[i]),
			    EINVAL);
	}
	CHECK_ERRNO(raw_action(SIGKILL, &ignore, NULL), EINVAL);
	CHECK_ERRNO(raw_action(SIGSTOP, &ignore, NULL), EINVAL);
	CHECK_EQ(raw_action(SIGSTOP, NULL, &old), 0);
	CHECK(old.handler == SIG_DFL);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CONTEXT("pointer %p", bad[i]);
		install(SIGUSR2, SIG_DFL, 0);
		CHECK_ERRNO(raw_action(SIGUSR2, bad[i], NULL), EFAULT);
		CHECK_ERRNO(raw_action(SIGUSR2, &ignore, bad[i]), EFAULT);
		CHECK_EQ(raw_action(SIGUSR2, NULL, &old), 0);
		CHECK(old.handler == SIG_IGN);
	}
}

TEST(ignored_ones_pending_are_dropped)
{
	static const struct {
		int sig;
		void *action;
		bool dropped;
	} rows[] = {
		{ SIGUSR1, SIG_IGN, true },	{ SIGUSR1, SIG_DFL, false },
		{ SIGCHLD, SIG_DFL, true },	{ SIGCHLD, SIG_IGN, true },
		{ SIGURG, SIG_DFL, true },	{ SIGWINCH, SIG_DFL, true },
		{ SIGCONT, SIG_DFL, true },	{ FIRST_FREE, SIG_IGN, true },
		{ FIRST_FREE, SIG_DFL, false }, { SIGTSTP, SIG_DFL, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CONTEXT("row %zu", i);
		pid_t pid = FORK();
		if (pid == 0) {
			install(rows[i].sig, log_signal, SA_SIGINFO);
			block(bit(rows[i].sig));
			send(rows[i].sig);
			syscall(SYS_tkill, gettid(), rows[i].sig); /* the thread's own, too */
			CHECK_EQ(pending_now(), bit(rows[i].sig));
			install(rows[i].sig, rows[i].action, 0);
			CHECK_EQ(pending_now(), rows[i].dropped ? 0 : bit(rows[i].sig));
			_exit(0);
		}
		CHECK_EXIT(pid, 0);
	}
}

/* ---- the handler's arguments and its mask ---------------------------------------------------- */

static volatile int plain_signal;

static void plain_handler(int sig)
{
	plain_signal = sig;
}

TEST(handlers_of_both_shapes)
{
	for (int sig = 1; sig <= 64; sig++) {
		if (sig == SIGKILL || sig == SIGSTOP)
			continue;
		CONTEXT("signal %d", sig);
		install(sig, plain_handler, 0);
		send(sig);
		CHECK_EQ(plain_signal, sig);
		log_clear();
		install(sig, log_signal, SA_SIGINFO);
		send(sig);
		CHECK_LOG(sig);
		CHECK_EQ(log_info[0].si_signo, sig);
		CHECK_EQ(log_info[0].si_code, SI_USER);
		CHECK_EQ(log_info[0].si_pid, getpid());
		CHECK_EQ(log_info[0].si_uid, getuid());
	}
}

TEST(what_is_blocked_in_a_handler)
{
	static const struct {
		unsigned long flags;
		uint64_t mask, own;
	} rows[] = {
		{ 0, 0, 1 },
		{ SA_NODEFER, 0, 0 },
		{ 0, 0xff0000, 1 },
		{ SA_NODEFER, 0xff0000, 0 },
		{ 0, ~0ULL, 1 },
		{ SA_NODEFER, ~0ULL, 1 },
		{ SA_RESETHAND, 0, 1 },
		{ SA_RESETHAND | SA_NODEFER, 0, 0 },
	};
	uint64_t never = BITS(SIGKILL, SIGSTOP), before = BITS(SIGHUP, 64);

	set_mask(before);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CONTEXT("row %zu", i);
		log_clear();
		install_masked(SIGUSR1, log_signal, SA_SIGINFO | rows[i].flags, rows[i].mask);
		send(SIGUSR1);
		CHECK_LOG(SIGUSR1);
		CHECK_EQ(log_masks[0],
			 (before | rows[i].mask | (rows[i].own ? bit(SIGUSR1) : 0)) & ~never);
		CHECK_EQ(mask_now(), before);
	}
}

/* ---- SA_NODEFER, SA_RESETHAND ---------------------------------------------------------------- */

static volatile int depth, deepest, entries;

static void nesting_handler(int sig)
{
	depth++;
	entries++;
	if (depth > deepest)
		deepest = depth;
	if (entries < 4)
		send(sig);
	depth--;
}

TEST(a_handler_nests_with_nodefer)
{
	install(SIGUSR1, nesting_handler, SA_NODEFER);
	send(SIGUSR1);
	CHECK_EQ(entries, 4);
	CHECK_EQ(deepest, 4);
}

TEST(a_handler_does_not_nest_without)
{
	install(SIGUSR1, nesting_handler, 0);
	send(SIGUSR1);
	CHECK_EQ(entries, 4);
	CHECK_EQ(deepest, 1);
}

static struct kernel_action seen_in_handler;

static void look_handler(int sig)
{
	CHECK_EQ(raw_action(sig, NULL, &seen_in_handler), 0);
	log_count++;
}

/* The action is the default from the moment the handler starts; flags and mask stay. */
TEST(resethand_is_once)
{
	pid_t pid = FORK();

	if (pid == 0) {
		install_masked(SIGUSR1, look_handler, SA_RESETHAND | SA_RESTART, bit(SIGHUP));
		send(SIGUSR1);
		CHECK_EQ(log_count, 1);
		CHECK(seen_in_handler.handler == SIG_DFL);
		CHECK_EQ(seen_in_handler.flags, SA_RESETHAND | SA_RESTART | SA_RESTORER);
		CHECK_EQ(seen_in_handler.mask, bit(SIGHUP));
		send(SIGUSR1);
		_exit(0);
	}
	CHECK_SIGNAL(pid, SIGUSR1);
}

static void send_self_handler(int sig)
{
	send(sig); /* waits: it is blocked, whatever became of the action */
	log_count++;
	if (log_count > 1)
		_exit(1);
	CHECK_EQ(pending_now(), bit(sig));
}

TEST(resethand_still_defers)
{
	pid_t pid = FORK();

	if (pid == 0) {
		install(SIGUSR1, send_self_handler, SA_RESETHAND);
		send(SIGUSR1);
		_exit(0);
	}
	CHECK_SIGNAL(pid, SIGUSR1);
}

/* ---- several at once ------------------------------------------------------------------------- */

/* Taken in order of number, each frame on top of the last: so the last number runs first, unless
 * the handlers block each other. */
TEST(order_of_handlers)
{
	static const int sent[] = { 64, SIGUSR2, SIGHUP, SIGTERM, FIRST_FREE, SIGUSR1 };
	uint64_t all = 0;

	for (size_t i = 0; i < ARRAY_SIZE(sent); i++)
		all |= bit(sent[i]);
	for (int exclusive = 0; exclusive < 2; exclusive++) {
		CONTEXT("exclusive %d", exclusive);
		log_clear();
		block(all);
		for (size_t i = 0; i < ARRAY_SIZE(sent); i++) {
			install_masked(sent[i], log_signal, SA_SIGINFO, exclusive ? all : 0);
			send(sent[i]);
		}
		CHECK_EQ(pending_now(), all);
		unblock(all);
		if (exclusive)
			CHECK_LOG(SIGHUP, SIGUSR1, SIGUSR2, SIGTERM, FIRST_FREE, 64);
		else
			CHECK_LOG(64, FIRST_FREE, SIGTERM, SIGUSR2, SIGUSR1, SIGHUP);
		CHECK_EQ(mask_now(), 0);
	}
}

/* What was sent to the thread comes before what was sent to the process. */
TEST(the_threads_own_come_first)
{
	uint64_t all = BITS(SIGHUP, SIGUSR1, SIGTERM);

	block(all);
	install_masked(SIGHUP, log_signal, SA_SIGINFO, all);
	install_masked(SIGUSR1, log_signal, SA_SIGINFO, all);
	install_masked(SIGTERM, log_signal, SA_SIGINFO, all);
	send(SIGHUP);
	CHECK_EQ(syscall(SYS_tkill, gettid(), SIGTERM), 0);
	CHECK_EQ(syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1), 0);
	send(SIGUSR1); /* a standard signal, pending in both sets */
	unblock(all);
	CHECK_LOG(SIGUSR1, SIGTERM, SIGHUP, SIGUSR1);
	CHECK_EQ(log_info[0].si_code, SI_TKILL);
	CHECK_EQ(log_info[3].si_code, SI_USER);
}

/* A handler without a restorer, or one that is no code: the process dies, nothing else happens. */
TEST(handlers_that_cannot_run)
{
	static const struct kernel_action rows[] = {
		{ (void *)plain_handler, 0, NULL, 0 },
		{ (void *)plain_handler, SA_RESTORER, NULL, 0 },
		{ (void *)plain_handler, SA_RESTORER, (void *)0xffffffff80000000, 0 },
		{ (void *)plain_handler, SA_RESTORER, (void *)0x8000000000000000, 0 },
		{ (void *)8, SA_RESTORER, (void *)sig_restorer, 0 },
		{ (void *)0xffffffff80000000, SA_RESTORER, (void *)sig_restorer, 0 },
		{ (void *)0x8000000000000000, SA_RESTORER, (void *)sig_restorer, 0 },
		{ (void *)&deepest, SA_RESTORER, (void *)sig_restorer, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CONTEXT("row %zu", i);
		pid_t pid = FORK();
		if (pid == 0) {
			CHECK_EQ(raw_action(SIGUSR1, &rows[i], NULL), 0);
			send(SIGUSR1);
			_exit(0);
		}
		CHECK_SIGNAL(pid, SIGSEGV);
	}
}

/* ---- SIGCHLD and its flags ------------------------------------------------------------------- */

static pid_t child_that_exits(int code)
{
	pid_t pid = FORK();

	if (pid == 0)
		_exit(code);
	return pid;
}

/* Waits until the log has so many; every one of these comes from another process. */
static void await_log(int count)
{
	while (log_count < count)
		pause_briefly();
}

TEST(sigchld_tells_what_happened)
{
	siginfo_t *info = log_info;

	install(SIGCHLD, log_signal, SA_SIGINFO | SA_RESTART);
	pid_t pid = FORK();
	if (pid == 0)
		for (;;)
			pause();
	CHECK_EQ(kill(pid, SIGSTOP), 0);
	await_log(1);
	CHECK_EQ(kill(pid, SIGCONT), 0);
	await_log(2);
	CHECK_EQ(kill(pid, SIGTERM), 0);
	await_log(3);
	CHECK_SIGNAL(pid, SIGTERM);
	pid_t second = child_that_exits(0x1234);
	await_log(4);
	CHECK_EXIT(second, 0x34);
	static const int codes[] = { CLD_STOPPED, CLD_CONTINUED, CLD_KILLED, CLD_EXITED };
	static const int statuses[] = { SIGSTOP, SIGCONT, SIGTERM, 0x34 };
	for (int i = 0; i < 4; i++) {
		CONTEXT("event %d", i);
		CHECK_EQ(info[i].si_signo, SIGCHLD);
		CHECK_EQ(info[i].si_errno, 0);
		CHECK_EQ(info[i].si_code, codes[i]);
		CHECK_EQ(info[i].si_status, statuses[i]);
		CHECK_EQ(info[i].si_pid, i < 3 ? pid : second);
		CHECK_EQ(info[i].si_uid, getuid());
	}
	CHECK_EQ(log_count, 4);
}

TEST(nocldstop_is_silent_about_stops)
{
	int status;

	install(SIGCHLD, log_signal, SA_SIGINFO | SA_NOCLDSTOP | SA_RESTART);
	pid_t pid = sleeping_child();
	CHECK_EQ(kill(pid, SIGSTOP), 0);
	CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid); /* wait is told all the same */
	CHECK(WIFSTOPPED(status));
	CHECK_EQ(kill(pid, SIGCONT), 0);
	CHECK_EQ(waitpid(pid, &status, WCONTINUED), pid);
	CHECK_NO_LOG();
	CHECK_EQ(kill(pid, SIGTERM), 0);
	await_log(1);
	CHECK_SIGNAL(pid, SIGTERM);
	CHECK_EQ(log_count, 1);
	CHECK_EQ(log_info[0].si_code, CLD_KILLED);
}

/* SIG_IGN and SA_NOCLDWAIT leave no zombies: wait waits for the last one and finds none. */
TEST(children_that_reap_themselves)
{
	static const struct {
		void *handler;
		unsigned long flags;
		int signals; /* how many SIGCHLD the handler sees for one death */
	} rows[] = {
		{ SIG_IGN, 0, 0 },
		{ SIG_IGN, SA_NOCLDWAIT, 0 },
		{ SIG_DFL, SA_NOCLDWAIT, 0 },
		{ (void *)log_signal, SA_NOCLDWAIT | SA_SIGINFO | SA_RESTART, 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CONTEXT("row %zu", i);
		log_clear();
		install(SIGCHLD, rows[i].handler, rows[i].flags);
		pid_t pid = child_that_exits(3);
		CHECK_ERRNO(waitpid(pid, NULL, 0), ECHILD);
		CHECK_ERRNO(kill(pid, 0), ESRCH);
		CHECK_EQ(log_count, rows[i].signals);
		for (int j = 0; j < 20; j++)
			child_that_exits(j);
		CHECK_ERRNO(waitpid(-1, NULL, 0), ECHILD);
	}
}

/* Ignored, SIGCHLD is not sent at all: not even to one who blocks it, and would find it pending. */
TEST(an_ignored_sigchld_is_not_sent)
{
	block(bit(SIGCHLD));
	install(SIGCHLD, SIG_IGN, 0);
	pid_t pid = sleeping_child();
	CHECK_EQ(kill(pid, SIGSTOP), 0);
	CHECK_EQ(waitpid(pid, NULL, WUNTRACED), pid);
	CHECK_EQ(pending_now(), 0);
	CHECK_EQ(kill(pid, SIGCONT), 0);
	CHECK_EQ(waitpid(pid, NULL, WCONTINUED), pid);
	CHECK_EQ(kill(pid, SIGKILL), 0);
	CHECK_ERRNO(waitpid(pid, NULL, 0), ECHILD);
	CHECK_EQ(pending_now(), 0);
	send(SIGCHLD); /* from kill it is a signal like any other */
	CHECK_EQ(pending_now(), bit(SIGCHLD));
}

/* Ignoring only by default leaves zombies; a zombie made before the change stays one. */
TEST(zombies_that_were_there_stay)
{
	pid_t pid = child_that_exits(9);

	await_zombie(pid);
	install(SIGCHLD, SIG_IGN, 0);
	CHECK_EXIT(pid, 9);
}

/* One SIGCHLD pending stands for many deaths: this is why handlers reap in a loop. */
TEST(standard_signals_do_not_queue)
{
	pid_t pids[10];

	install(SIGCHLD, log_signal, SA_SIGINFO);
	block(bit(SIGCHLD));
	for (int i = 0; i < 10; i++)
		await_zombie(pids[i] = child_that_exits(i));
	CHECK_EQ(pending_now(), bit(SIGCHLD));
	unblock(bit(SIGCHLD));
	CHECK_EQ(log_count, 1);
	CHECK_EQ(log_info[0].si_pid, pids[0]);
	for (int i = 0; i < 10; i++)
		CHECK_EXIT(pids[i], i);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
