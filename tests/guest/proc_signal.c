/*
 * Signals without handlers: who may be sent one and how, what each does by default, and that
 * ignoring, blocking, stopping and killing work in every state a process can be in. Sources: POSIX
 * <signal.h>, kill(), sigaction(), sigprocmask(); signal(7), kill(2), tgkill(2), rt_sigaction(2).
 */
#include "proc.h"

enum { KERNEL_SET = 8 }; /* bytes of the kernel's sigset_t */

static const pid_t no_process = INT_MAX;

static pid_t blocked_child(void)
{
	pid_t pid = FORK();

	if (pid == 0)
		block_forever();
	return pid;
}

static void end_child(pid_t pid)
{
	CHECK_EQ(kill(pid, SIGKILL), 0);
	CHECK_SIGNAL(pid, SIGKILL);
}

static void block_signal(int signal)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signal);
	CHECK_EQ(sigprocmask(SIG_BLOCK, &set, NULL), 0);
}

static void unblock_signal(int signal)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signal);
	CHECK_EQ(sigprocmask(SIG_UNBLOCK, &set, NULL), 0);
}

static bool is_pending(int signal)
{
	sigset_t set;

	CHECK_EQ(sigpending(&set), 0);
	return sigismember(&set, signal);
}

/* ---- sending --------------------------------------------------------------------------------- */

TEST(kill_errors)
{
	pid_t child = blocked_child();

	CHECK_EQ(kill(getpid(), 0), 0);
	CHECK_EQ(kill(child, 0), 0);
	CHECK_EQ(kill(0, 0), 0);
	CHECK_EQ(kill(-getpgid(0), 0), 0);
	CHECK_ERRNO(kill(child, -1), EINVAL);
	CHECK_ERRNO(kill(child, 65), EINVAL);
	CHECK_ERRNO(kill(child, INT_MAX), EINVAL);
	CHECK_ERRNO(kill(no_process, 0), ESRCH);
	CHECK_ERRNO(kill(no_process, SIGTERM), ESRCH);
	CHECK_ERRNO(kill(-no_process, SIGTERM), ESRCH);
	CHECK_ERRNO(kill(-child, SIGTERM), ESRCH); /* it leads no group */
	CHECK_ERRNO(kill(INT_MIN, SIGTERM), ESRCH);
	end_child(child);
}

TEST(kill_one_thread)
{
	pid_t child = blocked_child();

	CHECK_EQ(syscall(SYS_tkill, child, 0), 0);
	CHECK_EQ(syscall(SYS_tgkill, child, child, 0), 0);
	CHECK_ERRNO(syscall(SYS_tkill, 0, SIGTERM), EINVAL);
	CHECK_ERRNO(syscall(SYS_tkill, -1, SIGTERM), EINVAL);
	CHECK_ERRNO(syscall(SYS_tkill, child, 65), EINVAL);
	CHECK_ERRNO(syscall(SYS_tkill, no_process, SIGTERM), ESRCH);
	CHECK_ERRNO(syscall(SYS_tgkill, 0, child, SIGTERM), EINVAL);
	CHECK_ERRNO(syscall(SYS_tgkill, child, 0, SIGTERM), EINVAL);
	CHECK_ERRNO(syscall(SYS_tgkill, getpid(), child, SIGTERM), ESRCH);
	CHECK_EQ(syscall(SYS_tkill, child, SIGTERM), 0);
	CHECK_SIGNAL(child, SIGTERM);
	child = blocked_child();
	CHECK_EQ(syscall(SYS_tgkill, child, child, SIGINT), 0);
	CHECK_SIGNAL(child, SIGINT);
	CHECK_ERRNO(syscall(SYS_tgkill, child, child, SIGINT), ESRCH);
}

TEST(kill_a_group)
{
	pid_t members[5], outsider = blocked_child();

	for (int i = 0; i < 5; i++) {
		members[i] = blocked_child();
		CHECK_EQ(setpgid(members[i], members[0]), 0);
	}
	CHECK_EQ(kill(-members[0], SIGUSR1), 0);
	for (int i = 0; i < 5; i++)
		CHECK_SIGNAL(members[i], SIGUSR1);
	CHECK_ERRNO(kill(-members[0], SIGUSR1), ESRCH);
	CHECK_EQ(waitpid(outsider, NULL, WNOHANG), 0);
	end_child(outsider);
}

TEST(kill_the_own_group)
{
	struct gate ready = gate_new();
	pid_t pid = FORK();

	if (pid == 0) {
		CHECK_EQ(setpgid(0, 0), 0);
		pid_t member = FORK();
		if (member == 0) {
			gate_open(ready, 1);
			block_forever();
		}
		gate_pass(ready);
		CHECK(signal(SIGTERM, SIG_IGN) != SIG_ERR);
		CHECK_EQ(kill(0, SIGTERM), 0); /* to the member and to itself */
		CHECK_SIGNAL(member, SIGTERM);
		CHECK_EQ(kill(0, SIGUSR2), 0);
		_exit(0);
	}
	CHECK_SIGNAL(pid, SIGUSR2);
}

/* Process 1 cannot be killed nor stopped from below: the call succeeds and nothing happens. */
TEST(process_1_is_safe)
{
	CHECK_EQ(kill(1, 0), 0);
	CHECK_EQ(kill(1, SIGKILL), 0);
	CHECK_EQ(kill(1, SIGSTOP), 0);
	CHECK_EQ(kill(1, 0), 0);
	pause_briefly();
	char state = process_state(1);
	CHECK(state == 'S' || state == 'R' || state == 'D');
}

/* ---- the default actions --------------------------------------------------------------------- */

enum action { ENDS, IGNORED, STOPS };

static enum action default_action(int signal)
{
	switch (signal) {
	case SIGCHLD:
	case SIGURG:
	case SIGWINCH:
	case SIGCONT:
		return IGNORED;
	case SIGSTOP:
	case SIGTSTP:
	case SIGTTIN:
	case SIGTTOU:
		return STOPS;
	default:
		return ENDS;
	}
}

static void check_action(pid_t pid, int signal)
{
	int status;

	CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
	switch (default_action(signal)) {
	case ENDS:
		CHECK(WIFSIGNALED(status));
		CHECK_EQ(WTERMSIG(status), signal);
		break;
	case IGNORED:
		CHECK_EQ(status, 77 << 8);
		break;
	case STOPS:
		CHECK_EQ(status, signal << 8 | 0x7f);
		CHECK_EQ(kill(pid, SIGCONT), 0);
		CHECK_EXIT(pid, 77);
	}
}

TEST(default_actions_on_oneself)
{
	for (int signal = 1; signal <= 64; signal++) {
		CONTEXT("signal %d", signal);
		pid_t pid = FORK();
		if (pid == 0) {
			syscall(SYS_kill, getpid(), signal);
			_exit(77);
		}
		check_action(pid, signal);
	}
}

TEST(default_actions_on_a_sleeper)
{
	for (int signal = 1; signal <= 64; signal++) {
		struct gate gate = gate_new();
		CONTEXT("signal %d", signal);
		pid_t pid = FORK();
		if (pid == 0) {
			gate_pass(gate);
			_exit(77);
		}
		await_state(pid, 'S');
		CHECK_EQ(kill(pid, signal), 0);
		gate_open(gate, 1);
		if (signal != SIGKILL && default_action(signal) == ENDS)
			CHECK_SIGNAL(pid, signal);
		else
			check_action(pid, signal);
		gate_free(gate);
	}
}

TEST(default_actions_on_a_runner)
{
	volatile int *stop = shared_memory(4096);

	for (int signal = 1; signal <= 64; signal++) {
		CONTEXT("signal %d", signal);
		*stop = 0;
		pid_t pid = FORK();
		if (pid == 0) {
			while (!*stop)
				;
			_exit(77);
		}
		CHECK_EQ(kill(pid, signal), 0);
		if (default_action(signal) != ENDS)
			*stop = 1;
		check_action(pid, signal);
	}
}

/* ---- ignoring -------------------------------------------------------------------------------- */

TEST(ignored_signals_do_nothing)
{
	pid_t pid = FORK();

	if (pid == 0) {
		for (int number = 1; number <= 64; number++) {
			if (number == SIGKILL || number == SIGSTOP)
				continue;
			if (number >= 32 && number <= 34) /* the C library keeps these */
				continue;
			CONTEXT("signal %d", number);
			CHECK(signal(number, SIG_IGN) != SIG_ERR);
			CHECK_EQ(kill(getpid(), number), 0);
			CHECK(!is_pending(number));
		}
		_exit(5);
	}
	CHECK_EXIT(pid, 5);
}

/* As the program of the next test. */
static int check_ignored(void)
{
	struct sigaction action;

	CHECK_EQ(kill(getpid(), SIGTERM), 0);
	CHECK_EQ(sigaction(SIGTERM, NULL, &action), 0);
	CHECK(action.sa_handler == SIG_IGN);
	CHECK_EQ(sigaction(SIGINT, NULL, &action), 0);
	CHECK(action.sa_handler == SIG_DFL);
	CHECK(is_pending(SIGUSR1));
	return 66;
}

TEST(ignoring_is_inherited)
{
	char *argv[] = { "proc_signal", "check-ignored", NULL };

	CHECK(signal(SIGTERM, SIG_IGN) != SIG_ERR);
	pid_t pid = FORK();
	if (pid == 0) {
		CHECK_EQ(kill(getpid(), SIGTERM), 0);
		block_signal(SIGUSR1);
		CHECK_EQ(kill(getpid(), SIGUSR1), 0);
		execve(own_path, argv, environ);
		_exit(1);
	}
	CHECK_EXIT(pid, 66);
}

/* Ignoring discards what is pending; ignored signals are not even noted unless they are blocked. */
TEST(ignoring_discards)
{
	block_signal(SIGUSR1);
	CHECK_EQ(kill(getpid(), SIGUSR1), 0);
	CHECK(is_pending(SIGUSR1));
	CHECK(signal(SIGUSR1, SIG_IGN) != SIG_ERR);
	CHECK(!is_pending(SIGUSR1));
	CHECK(signal(SIGUSR1, SIG_DFL) != SIG_ERR);
	unblock_signal(SIGUSR1);
}

TEST(blocked_and_ignored_signals_wait)
{
	block_signal(SIGUSR1);
	CHECK(signal(SIGUSR1, SIG_IGN) != SIG_ERR);
	CHECK_EQ(kill(getpid(), SIGUSR1), 0);
	CHECK(is_pending(SIGUSR1));
	unblock_signal(SIGUSR1);
	CHECK(!is_pending(SIGUSR1));
}

/* ---- blocking -------------------------------------------------------------------------------- */

TEST(blocked_signals_wait)
{
	for (int signal = 1; signal <= 64; signal++) {
		if (signal == SIGKILL || signal == SIGSTOP || default_action(signal) != ENDS)
			continue;
		if (signal >= 32 && signal <= 34)
			continue;
		CONTEXT("signal %d", signal);
		pid_t pid = FORK();
		if (pid == 0) {
			block_signal(signal);
			CHECK_EQ(kill(getpid(), signal), 0);
			CHECK(is_pending(signal));
			CHECK(!is_pending(signal == 1 ? 2 : 1));
			CHECK_EQ(kill(getpid(), signal), 0);
			unblock_signal(signal);
			_exit(0); /* never reached: it is delivered before sigprocmask returns */
		}
		CHECK_SIGNAL(pid, signal);
	}
}

TEST(blocked_signals_do_not_disturb_a_sleeper)
{
	struct gate gate = gate_new();
	pid_t pid = FORK();

	if (pid == 0) {
		block_signal(SIGTERM);
		gate_pass(gate);
		CHECK(is_pending(SIGTERM));
		_exit(44);
	}
	await_state(pid, 'S');
	CHECK_EQ(kill(pid, SIGTERM), 0);
	CHECK_EQ(waitpid(pid, NULL, WNOHANG), 0);
	gate_open(gate, 1);
	CHECK_EXIT(pid, 44);
}

/* Ignored signals and those that are ignored by default do not end a call with EINTR either. */
TEST(ignored_signals_do_not_disturb_a_sleeper)
{
	struct gate gate = gate_new();
	pid_t pid = FORK();

	if (pid == 0) {
		CHECK(signal(SIGUSR1, SIG_IGN) != SIG_ERR);
		gate_pass(gate);
		_exit(45);
	}
	await_state(pid, 'S');
	for (int i = 0; i < 20; i++) {
		CHECK_EQ(kill(pid, SIGWINCH), 0);
		CHECK_EQ(kill(pid, SIGCHLD), 0);
	}
	gate_open(gate, 1);
	CHECK_EXIT(pid, 45);
}

/* A read that is stopped and continued goes on as if nothing had been. */
TEST(stopping_does_not_disturb_a_sleeper)
{
	struct gate gate = gate_new();
	int status;
	pid_t pid = FORK();

	if (pid == 0) {
		gate_pass(gate);
		_exit(46);
	}
	await_state(pid, 'S');
	for (int i = 0; i < 5; i++) {
		CHECK_EQ(kill(pid, SIGSTOP), 0);
		CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
		CHECK_EQ(kill(pid, SIGCONT), 0);
		CHECK_EQ(waitpid(pid, &status, WCONTINUED), pid);
	}
	gate_open(gate, 1);
	CHECK_EXIT(pid, 46);
}

TEST(kill_and_stop_cannot_be_blocked)
{
	sigset_t all, now;
	int status;
	pid_t pid = FORK();

	if (pid == 0) {
		sigfillset(&all);
		CHECK_EQ(sigprocmask(SIG_SETMASK, &all, NULL), 0);
		CHECK_EQ(sigprocmask(SIG_SETMASK, NULL, &now), 0);
		CHECK(!sigismember(&now, SIGKILL) && !sigismember(&now, SIGSTOP));
		CHECK(sigismember(&now, SIGTERM) && sigismember(&now, SIGCONT));
		block_forever();
	}
	await_state(pid, 'S');
	CHECK_EQ(kill(pid, SIGSTOP), 0);
	CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
	CHECK_EQ(kill(pid, SIGCONT), 0); /* continues also who blocks it */
	CHECK_EQ(waitpid(pid, &status, WCONTINUED), pid);
	end_child(pid);
}

TEST(stop_and_continue_cancel_each_other)
{
	block_signal(SIGTSTP);
	block_signal(SIGCONT);
	CHECK_EQ(kill(getpid(), SIGTSTP), 0);
	CHECK(is_pending(SIGTSTP));
	CHECK_EQ(kill(getpid(), SIGCONT), 0);
	CHECK(is_pending(SIGCONT) && !is_pending(SIGTSTP));
	CHECK_EQ(kill(getpid(), SIGTSTP), 0);
	CHECK(is_pending(SIGTSTP) && !is_pending(SIGCONT));
	CHECK(signal(SIGTSTP, SIG_IGN) != SIG_ERR);
	CHECK(!is_pending(SIGTSTP));
}

/* ---- stopped processes ----------------------------------------------------------------------- */

static pid_t stopped_child(void)
{
	pid_t pid = blocked_child();
	int status;

	CHECK_EQ(kill(pid, SIGSTOP), 0);
	CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
	return pid;
}

TEST(stopped_processes_do_not_run)
{
	volatile long *counter = shared_memory(4096);
	int status;
	pid_t pid = FORK();

	if (pid == 0)
		for (;;)
			++*counter;
	while (*counter < 1000)
		sched_yield();
	CHECK_EQ(kill(pid, SIGSTOP), 0);
	CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
	long then = *counter;
	for (int i = 0; i < 30; i++)
		pause_briefly();
	CHECK_EQ(*counter, then);
	CHECK_EQ(kill(pid, SIGCONT), 0);
	while (*counter == then)
		sched_yield();
	end_child(pid);
}

TEST(kill_ends_a_stopped_process)
{
	end_child(stopped_child());
}

TEST(other_signals_wait_until_it_continues)
{
	pid_t pid = stopped_child();

	CHECK_EQ(kill(pid, SIGTERM), 0);
	CHECK_EQ(process_state(pid), 'T');
	CHECK_EQ(waitpid(pid, NULL, WNOHANG), 0);
	CHECK_EQ(kill(pid, SIGCONT), 0);
	CHECK_SIGNAL(pid, SIGTERM);
}

/* ---- whatever it does, SIGKILL ends it ------------------------------------------------------- */

static void spin(void)
{
	for (;;)
		asm volatile("");
}

static void spin_in_calls(void)
{
	for (;;)
		syscall(SYS_getppid);
}

static void write_full_pipe(void)
{
	static char page[4096];
	struct gate gate = gate_new();

	while (write(gate.in, page, sizeof(page)) > 0)
		;
}

static void wait_for_child(void)
{
	if (FORK() == 0)
		for (;;) {
			if (getppid() == 1)
				_exit(0);
			pause_briefly();
		}
	waitpid(-1, NULL, 0);
}

static void sleep_long(void)
{
	struct timespec hour = { 3600, 0 };

	nanosleep(&hour, NULL);
}

static void sleep_until_far(void)
{
	struct timespec far = { 1LL << 40, 0 };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &far, NULL);
}

static void fork_and_wait(void)
{
	for (;;) {
		pid_t pid = fork();
		if (pid == 0)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
}

static void touch_memory(void)
{
	for (;;) {
		char *pages = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		for (int i = 0; i < 1 << 20; i += 4096)
			pages[i] = 1;
		munmap(pages, 1 << 20);
	}
}

static void (*const activities[])(void) = {
	spin,	    spin_in_calls,   block_forever, write_full_pipe, wait_for_child,
	sleep_long, sleep_until_far, fork_and_wait, touch_memory,
};

TEST(kill_ends_everything)
{
	static const int signals[] = { SIGKILL, SIGTERM };

	for (size_t i = 0; i < ARRAY_SIZE(activities); i++)
		for (size_t j = 0; j < ARRAY_SIZE(signals); j++) {
			struct gate ready = gate_new();
			CONTEXT("activity %zu, signal %d", i, signals[j]);
			pid_t pid = FORK();
			if (pid == 0) {
				gate_open(ready, 1);
				activities[i]();
				_exit(1);
			}
			gate_pass(ready);
			for (int k = 0; k < 3; k++)
				pause_briefly();
			CHECK_EQ(kill(pid, signals[j]), 0);
			CHECK_SIGNAL(pid, signals[j]);
			gate_free(ready);
		}
}

/* A signal that comes before the process ever ran. */
TEST(kill_at_once)
{
	for (int i = 0; i < 200; i++) {
		pid_t pid = FORK();
		if (pid == 0)
			_exit(0);
		CHECK_EQ(kill(pid, SIGKILL), 0);
		int status;
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK(status == 0 || status == SIGKILL);
	}
}

/* ---- the calls themselves -------------------------------------------------------------------- */

/* The kernel's struct sigaction: handler, flags, restorer, mask. */
struct kernel_action {
	void *handler;
	unsigned long flags;
	void *restorer;
	uint64_t mask;
};

static long raw_action(int signal, const void *action, void *old, size_t size)
{
	return syscall(SYS_rt_sigaction, signal, action, old, size);
}

TEST(action_returns_the_old_one)
{
	struct kernel_action first = { .handler = SIG_IGN, .mask = 0x1234 }, second = { .mask = 1 },
			     old;

	CHECK_EQ(raw_action(SIGUSR1, &first, &old, KERNEL_SET), 0);
	CHECK(old.handler == SIG_DFL && old.flags == 0 && old.mask == 0);
	CHECK_EQ(raw_action(SIGUSR1, &second, &old, KERNEL_SET), 0);
	CHECK(old.handler == SIG_IGN && old.mask == 0x1234);
	CHECK_EQ(raw_action(SIGUSR1, NULL, &old, KERNEL_SET), 0);
	CHECK(old.handler == SIG_DFL && old.mask == 1);
	CHECK_EQ(raw_action(SIGUSR1, NULL, NULL, KERNEL_SET), 0);
	first.mask = ~0UL; /* the two that cannot be blocked are taken out */
	CHECK_EQ(raw_action(SIGUSR1, &first, NULL, KERNEL_SET), 0);
	CHECK_EQ(raw_action(SIGUSR1, &second, &old, KERNEL_SET), 0);
	CHECK_EQ(old.mask, ~(1UL << (SIGKILL - 1) | 1UL << (SIGSTOP - 1)));
}

TEST(action_errors)
{
	struct kernel_action action = { .handler = SIG_DFL }, old;
	static const int bad[] = { 0, -1, 65, INT_MAX, INT_MIN };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CHECK_ERRNO(raw_action(bad[i], &action, NULL, KERNEL_SET), EINVAL);
		CHECK_ERRNO(raw_action(bad[i], NULL, &old, KERNEL_SET), EINVAL);
	}
	CHECK_ERRNO(raw_action(SIGKILL, &action, NULL, KERNEL_SET), EINVAL);
	CHECK_ERRNO(raw_action(SIGSTOP, &action, NULL, KERNEL_SET), EINVAL);
	CHECK_EQ(raw_action(SIGKILL, NULL, &old, KERNEL_SET), 0);
	CHECK(old.handler == SIG_DFL);
	CHECK_EQ(raw_action(64, &action, &old, KERNEL_SET), 0);
	CHECK_ERRNO(raw_action(SIGUSR1, &action, NULL, 4), EINVAL);
	CHECK_ERRNO(raw_action(SIGUSR1, &action, NULL, 16), EINVAL);
	CHECK_ERRNO(raw_action(SIGUSR1, &action, NULL, 0), EINVAL);
	CHECK_ERRNO(raw_action(SIGUSR1, BAD_POINTER, NULL, KERNEL_SET), EFAULT);
	CHECK_ERRNO(raw_action(SIGUSR1, NULL, BAD_POINTER, KERNEL_SET), EFAULT);
	CHECK_ERRNO(raw_action(SIGUSR1, KERNEL_ADDRESS, NULL, KERNEL_SET), EFAULT);
}

static long raw_mask(int how, const void *set, void *old, size_t size)
{
	return syscall(SYS_rt_sigprocmask, how, set, old, size);
}

TEST(mask_operations)
{
	uint64_t set = 0x5, old;

	CHECK_EQ(raw_mask(SIG_SETMASK, &set, &old, KERNEL_SET), 0);
	CHECK_EQ(old, 0);
	set = 0xa;
	CHECK_EQ(raw_mask(SIG_BLOCK, &set, &old, KERNEL_SET), 0);
	CHECK_EQ(old, 0x5);
	set = 0x3;
	CHECK_EQ(raw_mask(SIG_UNBLOCK, &set, &old, KERNEL_SET), 0);
	CHECK_EQ(old, 0xf);
	CHECK_EQ(raw_mask(99, NULL, &old, KERNEL_SET),
		 0); /* nothing to do, so how does not matter */
	CHECK_EQ(old, 0xc);
	CHECK_EQ(raw_mask(SIG_SETMASK, &set, &set, KERNEL_SET), 0);
	CHECK_EQ(set, 0xc);
}

TEST(mask_errors)
{
	uint64_t set = 0, old;

	CHECK_ERRNO(raw_mask(99, &set, NULL, KERNEL_SET), EINVAL);
	CHECK_ERRNO(raw_mask(-1, &set, NULL, KERNEL_SET), EINVAL);
	CHECK_ERRNO(raw_mask(SIG_BLOCK, &set, NULL, 4), EINVAL);
	CHECK_ERRNO(raw_mask(SIG_BLOCK, &set, NULL, 128), EINVAL);
	CHECK_ERRNO(raw_mask(SIG_BLOCK, BAD_POINTER, NULL, KERNEL_SET), EFAULT);
	CHECK_ERRNO(raw_mask(SIG_BLOCK, NULL, BAD_POINTER, KERNEL_SET), EFAULT);
	CHECK_ERRNO(raw_mask(SIG_BLOCK, NULL, KERNEL_ADDRESS, KERNEL_SET), EFAULT);
	CHECK_EQ(raw_mask(SIG_BLOCK, NULL, &old, KERNEL_SET), 0);
	CHECK_EQ(old, 0);
	CHECK_ERRNO(syscall(SYS_rt_sigpending, BAD_POINTER, KERNEL_SET), EFAULT);
	CHECK_ERRNO(syscall(SYS_rt_sigpending, &set, 16), EINVAL);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "check-ignored"))
		return check_ignored();
	return ktap_main(argc, argv);
}
