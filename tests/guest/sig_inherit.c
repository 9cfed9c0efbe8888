/*
 * What a new process and a new program inherit of signals. fork: actions, mask and alternate stack;
 * not what is pending, nor any timer. execve: the mask, what is pending, the timers and which
 * signals are ignored; handlers become the default, and the alternate stack is gone. Sources:
 * fork(2), execve(2), signal(7), sigaltstack(2), setitimer(2), alarm(2), POSIX fork() and exec.
 */
#include "sig.h"
#include <sys/time.h>

enum { STACK_SIZE = 64 << 10 };

static const struct itimerval far_away = { .it_interval = { 500, 0 }, .it_value = { 1000, 0 } };
static const int timers[] = { ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF };

static void set_altstack(void)
{
	static char memory[STACK_SIZE];
	stack_t stack = { .ss_sp = memory, .ss_size = STACK_SIZE };

	CHECK_EQ(sigaltstack(&stack, NULL), 0);
}

static void handler(int sig)
{
	(void)sig;
}

/* A state in which there is something of everything. */
static void prepare(void)
{
	install_masked(SIGUSR1, handler, SA_NODEFER | SA_RESTART, BITS(SIGHUP, 50));
	install(SIGUSR2, SIG_IGN, 0);
	install(SIGCHLD, SIG_IGN, SA_NOCLDWAIT);
	install(64, log_signal, SA_SIGINFO | SA_ONSTACK | SA_RESETHAND);
	set_altstack();
	set_mask(BITS(SIGUSR1, SIGTERM, 40, SIGALRM));
	send(SIGTERM);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(sigqueue(getpid(), 40, (union sigval){ .sival_int = i }), 0);
	CHECK_EQ(syscall(SYS_tkill, gettid(), SIGUSR1), 0);
	for (size_t i = 0; i < ARRAY_SIZE(timers); i++)
		CHECK_EQ(setitimer(timers[i], &far_away, NULL), 0);
}

/* ---- fork ------------------------------------------------------------------------------------ */

static bool same_action(int sig, const struct kernel_action *expected)
{
	struct kernel_action action;

	CHECK_EQ(raw_action(sig, NULL, &action), 0);
	return !memcmp(&action, expected, sizeof(action));
}

static void check_forked(const struct kernel_action *actions, const stack_t *stack)
{
	struct itimerval value;
	stack_t now;

	for (int sig = 1; sig <= 64; sig++) {
		CONTEXT("signal %d", sig);
		CHECK(same_action(sig, &actions[sig]));
	}
	CHECK_EQ(mask_now(), BITS(SIGUSR1, SIGTERM, 40, SIGALRM));
	CHECK_EQ(pending_now(), 0);
	CHECK_EQ(sigaltstack(NULL, &now), 0);
	CHECK(now.ss_sp == stack->ss_sp && now.ss_size == stack->ss_size);
	for (size_t i = 0; i < ARRAY_SIZE(timers); i++) {
		CONTEXT("timer %d", timers[i]);
		CHECK_EQ(getitimer(timers[i], &value), 0);
		CHECK(value.it_value.tv_sec == 0 && value.it_value.tv_usec == 0);
		CHECK(value.it_interval.tv_sec == 0 && value.it_interval.tv_usec == 0);
	}
	CHECK_EQ(syscall(SYS_alarm, 0), 0);
	unblock(BITS(SIGTERM, 40)); /* nothing comes out */
	_exit(11);
}

TEST(fork_copies)
{
	struct kernel_action actions[65];
	stack_t stack;

	prepare();
	for (int sig = 1; sig <= 64; sig++)
		CHECK_EQ(raw_action(sig, NULL, &actions[sig]), 0);
	CHECK_EQ(sigaltstack(NULL, &stack), 0);
	install(SIGCHLD, SIG_DFL, SA_NOCLDSTOP);
	CHECK_EQ(raw_action(SIGCHLD, NULL, &actions[SIGCHLD]), 0);
	for (int i = 0; i < 2; i++) {
		/* the bare call as well: the C library blocks signals around its own */
		pid_t pid = i ? (pid_t)syscall(SYS_fork) : FORK();
		if (pid == 0)
			check_forked(actions, &stack);
		CHECK_EXIT(pid, 11);
	}
	CHECK_EQ(pending_now(), BITS(SIGUSR1, SIGTERM, 40)); /* the parent keeps its own */
	CHECK(syscall(SYS_alarm, 0) > 900);
}

/* What the child changes is its own affair, and the parent's is the parent's. */
TEST(fork_shares_nothing)
{
	struct gate gate = gate_new();

	prepare();
	install(SIGCHLD, SIG_DFL, 0);
	pid_t pid = FORK();
	if (pid == 0) {
		gate_pass(gate);
		struct kernel_action action;
		CHECK_EQ(raw_action(SIGUSR1, NULL, &action), 0);
		CHECK(action.handler == (void *)handler);
		install(SIGUSR1, SIG_IGN, 0);
		install(SIGUSR2, SIG_DFL, 0);
		set_mask(0);
		_exit(0);
	}
	install(SIGUSR1, SIG_DFL, 0);
	gate_open(gate, 1);
	CHECK_EXIT(pid, 0);
	struct kernel_action action;
	CHECK_EQ(raw_action(SIGUSR1, NULL, &action), 0);
	CHECK(action.handler == SIG_DFL);
	CHECK_EQ(raw_action(SIGUSR2, NULL, &action), 0);
	CHECK(action.handler == SIG_IGN);
	CHECK_EQ(mask_now(), BITS(SIGUSR1, SIGTERM, 40, SIGALRM));
}

/* A child forked on an alternate stack goes on there, and its handler returns there. */
static volatile pid_t forked;

static void forking_handler(int sig)
{
	(void)sig;
	forked = FORK();
}

TEST(fork_in_a_handler)
{
	install(SIGUSR1, forking_handler, SA_ONSTACK);
	set_altstack();
	send(SIGUSR1);
	stack_t stack;
	CHECK_EQ(sigaltstack(NULL, &stack), 0);
	CHECK_EQ(stack.ss_flags, 0);
	CHECK_EQ(mask_now(), 0);
	if (forked == 0)
		_exit(21);
	CHECK_EXIT(forked, 21);
}

/* ---- execve ---------------------------------------------------------------------------------- */

/* As the program that the next test executes; 31 if everything is as it should be. */
static int check_executed(void)
{
	siginfo_t info;
	stack_t stack;

	for (int sig = 1; sig <= 64; sig++) {
		struct kernel_action action;
		void *expected = sig == SIGUSR2 || sig == SIGCHLD ? SIG_IGN : SIG_DFL;
		CONTEXT("signal %d", sig);
		CHECK_EQ(raw_action(sig, NULL, &action), 0);
		CHECK(action.handler == expected);
		CHECK_EQ(action.flags, 0);
		CHECK_EQ(action.mask, 0);
		CHECK(action.restorer == NULL);
	}
	CHECK_EQ(mask_now(), BITS(SIGUSR1, SIGTERM, 40, SIGALRM));
	CHECK_EQ(pending_now(), BITS(SIGUSR1, SIGTERM, 40));
	CHECK_EQ(sigaltstack(NULL, &stack), 0);
	CHECK_EQ(stack.ss_flags, SS_DISABLE);
	CHECK(stack.ss_sp == NULL && stack.ss_size == 0);
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(wait_for_signal(bit(40), &info, NULL), 40);
		CHECK_EQ(info.si_value.sival_int, i);
		CHECK_EQ(info.si_pid, getpid());
	}
	CHECK_EQ(wait_for_signal(bit(SIGUSR1), &info, NULL), SIGUSR1);
	CHECK_EQ(info.si_code, SI_TKILL);
	for (size_t i = 0; i < ARRAY_SIZE(timers); i++) {
		struct itimerval value;
		CONTEXT("timer %d", timers[i]);
		CHECK_EQ(getitimer(timers[i], &value), 0);
		CHECK(value.it_value.tv_sec > 900 && value.it_value.tv_sec <= 1000);
		CHECK_EQ(value.it_interval.tv_sec, 500);
	}
	return 31;
}

TEST(execve_keeps_and_resets)
{
	char *argv[] = { "sig_inherit", "check-executed", NULL };
	pid_t pid = FORK();

	if (pid == 0) {
		prepare();
		execve(own_path, argv, environ);
		_exit(1);
	}
	CHECK_EXIT(pid, 31);
}

/* A timer that is running when the program is exchanged ends the new one, if it has no handler. */
__attribute__((noreturn)) static void wait_for_the_end(void)
{
	for (;;)
		syscall(SYS_pause);
}

TEST(an_alarm_goes_on)
{
	char *argv[] = { "sig_inherit", "wait", NULL };
	static const struct itimerval soon = { .it_value = { 0, 50000 } };

	pid_t pid = FORK();
	if (pid == 0) {
		install(SIGALRM, handler, 0);
		CHECK_EQ(setitimer(ITIMER_REAL, &soon, NULL), 0);
		execve(own_path, argv, environ);
		_exit(1);
	}
	CHECK_SIGNAL(pid, SIGALRM);
}

/* An execve that fails changes nothing of all this. */
TEST(a_failed_execve)
{
	struct kernel_action before[65], after;
	char *argv[] = { "nothing", NULL };

	prepare();
	for (int sig = 1; sig <= 64; sig++)
		CHECK_EQ(raw_action(sig, NULL, &before[sig]), 0);
	CHECK_ERRNO(execve("/no/such/file", argv, environ), ENOENT);
	for (int sig = 1; sig <= 64; sig++) {
		CHECK_EQ(raw_action(sig, NULL, &after), 0);
		CHECK(!memcmp(&before[sig], &after, sizeof(after)));
	}
	CHECK_EQ(pending_now(), BITS(SIGUSR1, SIGTERM, 40));
}

/* The child of vfork is a process like any other: its handlers are its own. */
TEST(vfork_has_its_own_actions)
{
	install(SIGUSR1, handler, 0);
	pid_t pid = vfork();
	if (pid == 0) {
		struct kernel_action action = { SIG_IGN, 0, NULL, 0 };
		syscall(SYS_rt_sigaction, SIGUSR1, &action, NULL, SET_BYTES);
		_exit(3);
	}
	CHECK_EXIT(pid, 3);
	struct kernel_action action;
	CHECK_EQ(raw_action(SIGUSR1, NULL, &action), 0);
	CHECK(action.handler == (void *)handler);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "check-executed"))
		return check_executed();
	if (argc == 2 && !strcmp(argv[1], "wait"))
		wait_for_the_end();
	return ktap_main(argc, argv);
}
