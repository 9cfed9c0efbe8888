/*
 * The blocked set and what waits behind it: rt_sigprocmask, rt_sigpending, rt_sigsuspend and pause,
 * and the races that sigsuspend exists to avoid. Sources: sigprocmask(2), sigpending(2),
 * sigsuspend(2), pause(2), POSIX sigsuspend().
 */
#include "sig.h"

static long raw_mask(int how, const void *set, void *old, size_t size)
{
	return syscall(SYS_rt_sigprocmask, how, set, old, size);
}

/* ---- rt_sigprocmask -------------------------------------------------------------------------- */

TEST(the_three_ways)
{
	static const struct {
		int how;
		uint64_t before, set, after;
	} rows[] = {
		{ SIG_BLOCK, 0, 0, 0 },
		{ SIG_BLOCK, 0xf0000000, 0x0f000000, 0xff000000 },
		{ SIG_BLOCK, 0xff000000, 0x0f000000, 0xff000000 },
		{ SIG_UNBLOCK, 0xff000000, 0x0f000000, 0xf0000000 },
		{ SIG_UNBLOCK, 0xf0000000, 0x0f000000, 0xf0000000 },
		{ SIG_SETMASK, 0xf0000000, 0x0f000000, 0x0f000000 },
		{ SIG_SETMASK, 0, ~0ULL, ~0ULL & ~(1ULL << 8 | 1ULL << 18) },
		{ SIG_BLOCK, 0, ~0ULL, ~0ULL & ~(1ULL << 8 | 1ULL << 18) },
		{ SIG_UNBLOCK, ~0ULL, ~0ULL, 0 },
		{ SIG_UNBLOCK, ~0ULL, 1ULL << 63, ~(1ULL << 8 | 1ULL << 18 | 1ULL << 63) },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t old;
		CONTEXT("row %zu", i);
		set_mask(rows[i].before);
		uint64_t before = mask_now();
		CHECK_EQ(raw_mask(rows[i].how, &rows[i].set, &old, SET_BYTES), 0);
		CHECK_EQ(old, before);
		CHECK_EQ(mask_now(), rows[i].after);
	}
}

TEST(errors_change_nothing)
{
	static const size_t wrong_sizes[] = { 0, 4, 7, 9, 16, 128, SIZE_MAX };
	uint64_t set = ~0ULL, old = 77;

	set_mask(bit(SIGHUP));
	for (size_t i = 0; i < ARRAY_SIZE(wrong_sizes); i++)
		CHECK_ERRNO(raw_mask(SIG_BLOCK, &set, &old, wrong_sizes[i]), EINVAL);
	CHECK_ERRNO(raw_mask(3, &set, &old, SET_BYTES), EINVAL);
	CHECK_ERRNO(raw_mask(-1, &set, &old, SET_BYTES), EINVAL);
	CHECK_ERRNO(raw_mask(3, BAD_POINTER, &old, SET_BYTES), EFAULT);
	CHECK_ERRNO(raw_mask(SIG_BLOCK, KERNEL_ADDRESS, &old, SET_BYTES), EFAULT);
	CHECK_EQ(old, 77);
	CHECK_EQ(mask_now(), bit(SIGHUP));
	/* the new mask holds although the old one could not be told */
	CHECK_ERRNO(raw_mask(SIG_SETMASK, &set, BAD_POINTER, SET_BYTES), EFAULT);
	CHECK_EQ(mask_now(), ~BITS(SIGKILL, SIGSTOP));
}

/* At least one of the signals is delivered before the call that unblocks them returns (POSIX). */
TEST(delivered_before_the_call_returns)
{
	uint64_t set = bit(SIGUSR1), old;

	install(SIGUSR1, log_signal, SA_SIGINFO);
	for (int i = 0; i < 20; i++) {
		log_clear();
		block(set);
		send(SIGUSR1);
		CHECK_NO_LOG();
		CHECK_EQ(raw_mask(SIG_UNBLOCK, &set, &old, SET_BYTES), 0); /* and it is no EINTR */
		CHECK_LOG(SIGUSR1);
		CHECK_EQ(old, set);
	}
}

static uint64_t mask_to_set;

static void set_mask_handler(int sig)
{
	(void)sig;
	set_mask(mask_to_set);
}

/* What a handler sets ends with it: the mask of before comes back. */
TEST(a_handlers_own_mask_ends_with_it)
{
	set_mask(bit(SIGHUP));
	mask_to_set = BITS(SIGUSR2, SIGTERM);
	install(SIGUSR1, set_mask_handler, 0);
	send(SIGUSR1);
	CHECK_EQ(mask_now(), bit(SIGHUP));
}

static void edit_mask_handler(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)sig, (void)info;
	memcpy(&uc->uc_sigmask, &mask_to_set, sizeof(mask_to_set));
}

/* ... unless it writes into its frame; what cannot be blocked cannot be blocked that way either. */
TEST(a_handler_edits_the_mask_in_its_frame)
{
	install(SIGUSR1, edit_mask_handler, SA_SIGINFO);
	mask_to_set = BITS(SIGUSR2, SIGTERM);
	send(SIGUSR1);
	CHECK_EQ(mask_now(), mask_to_set);
	mask_to_set = ~0ULL;
	send(SIGUSR1);
	CHECK_EQ(mask_now(), ~BITS(SIGKILL, SIGSTOP));
}

/* ---- rt_sigpending --------------------------------------------------------------------------- */

TEST(pending_of_thread_and_process)
{
	uint64_t all = BITS(SIGUSR1, SIGUSR2, 64);

	CHECK_EQ(pending_now(), 0);
	block(all);
	send(SIGUSR1);
	CHECK_EQ(pending_now(), bit(SIGUSR1));
	CHECK_EQ(syscall(SYS_tkill, gettid(), 64), 0);
	CHECK_EQ(pending_now(), BITS(SIGUSR1, 64));
	CHECK_EQ(syscall(SYS_tkill, gettid(), SIGUSR1), 0);
	CHECK_EQ(pending_now(), BITS(SIGUSR1, 64));
	install(SIGUSR1, SIG_IGN, 0);
	CHECK_EQ(pending_now(), bit(64));
}

/* A smaller set is allowed and only so much of it is written. */
TEST(pending_sizes_and_errors)
{
	uint64_t set;

	block(BITS(1, 64));
	send(1);
	send(64);
	for (size_t size = 0; size <= 8; size++) {
		CONTEXT("size %zu", size);
		memset(&set, 0x55, sizeof(set));
		CHECK_EQ(syscall(SYS_rt_sigpending, &set, size), 0);
		for (size_t i = 0; i < 8; i++) {
			uint8_t byte = i >= size ? 0x55 : i == 0 ? 1 : i == 7 ? 0x80 : 0;
			CHECK_EQ(((uint8_t *)&set)[i], byte);
		}
	}
	CHECK_ERRNO(syscall(SYS_rt_sigpending, &set, 9), EINVAL);
	CHECK_ERRNO(syscall(SYS_rt_sigpending, &set, SIZE_MAX), EINVAL);
	CHECK_ERRNO(syscall(SYS_rt_sigpending, BAD_POINTER, 9), EINVAL);
	CHECK_ERRNO(syscall(SYS_rt_sigpending, BAD_POINTER, 8), EFAULT);
	CHECK_ERRNO(syscall(SYS_rt_sigpending, KERNEL_ADDRESS, 8), EFAULT);
}

/* The sets as others see them (proc(5)). */
static uint64_t status_set(const char *name)
{
	char text[32];

	status_line(getpid(), name, text, sizeof(text));
	CHECK_EQ(strlen(text), 16);
	return strtoull(text, NULL, 16);
}

TEST(sets_in_proc)
{
	uint64_t ignored = status_set("SigIgn");

	set_mask(BITS(SIGUSR1, SIGHUP, 64));
	install(SIGUSR2, SIG_IGN, 0);
	install(SIGUSR1, log_signal, SA_SIGINFO);
	install(40, log_signal, SA_SIGINFO);
	send(SIGHUP);
	send(64);
	CHECK_EQ(syscall(SYS_tkill, gettid(), SIGUSR1), 0);
	CHECK_EQ(status_set("SigBlk"), BITS(SIGUSR1, SIGHUP, 64));
	CHECK_EQ(status_set("SigPnd"), bit(SIGUSR1));
	CHECK_EQ(status_set("ShdPnd"), BITS(SIGHUP, 64));
	CHECK_EQ(status_set("SigIgn"), ignored | bit(SIGUSR2));
	CHECK_EQ(status_set("SigCgt"), BITS(SIGUSR1, 40));
}

/* ---- rt_sigsuspend and pause ----------------------------------------------------------------- */

TEST(suspend_errors)
{
	static const size_t wrong_sizes[] = { 0, 4, 7, 9, 16, 128 };
	uint64_t mask = 0;

	set_mask(bit(SIGHUP));
	for (size_t i = 0; i < ARRAY_SIZE(wrong_sizes); i++)
		CHECK_ERRNO(syscall(SYS_rt_sigsuspend, &mask, wrong_sizes[i]), EINVAL);
	CHECK_ERRNO(syscall(SYS_rt_sigsuspend, NULL, SET_BYTES), EFAULT);
	CHECK_ERRNO(syscall(SYS_rt_sigsuspend, BAD_POINTER, SET_BYTES), EFAULT);
	CHECK_ERRNO(syscall(SYS_rt_sigsuspend, KERNEL_ADDRESS, SET_BYTES), EFAULT);
	CHECK_EQ(mask_now(), bit(SIGHUP));
}

/* The handler runs under the temporary mask, and after it the old one is back. */
TEST(suspend_exchanges_the_masks)
{
	uint64_t before = BITS(SIGUSR1, SIGHUP, 40), during = BITS(SIGUSR2, 50);

	set_mask(before);
	install(SIGUSR1, log_signal, SA_SIGINFO);
	send(SIGUSR1);
	CHECK_NO_LOG();
	CHECK_ERRNO(suspend(during), EINTR);
	CHECK_LOG(SIGUSR1);
	CHECK_EQ(log_masks[0], during | bit(SIGUSR1));
	CHECK_EQ(mask_now(), before);
	CHECK_EQ(pending_now(), 0);
}

/* Several that were pending are all delivered by one sigsuspend that unblocks them; what it
 * blocks stays pending, even if it was not blocked before. */
TEST(suspend_with_several_pending)
{
	uint64_t all = BITS(SIGUSR1, SIGUSR2, SIGTERM);

	for (int sig = 1; sig < 20; sig++)
		if (bit(sig) & all)
			install_masked(sig, log_signal, SA_SIGINFO, all);
	block(all);
	send(SIGTERM);
	send(SIGUSR1);
	send(SIGUSR2);
	CHECK_ERRNO(suspend(bit(SIGTERM)), EINTR);
	CHECK(log_count >= 1);
	CHECK_EQ(log_signals[0], SIGUSR1);
	/* Linux has one frame upon the other already; at the latest the next call delivers it */
	if (log_count == 1)
		CHECK_ERRNO(suspend(bit(SIGTERM)), EINTR);
	CHECK_LOG(SIGUSR1, SIGUSR2);
	CHECK_EQ(pending_now(), bit(SIGTERM));
	CHECK_EQ(mask_now(), all);
}

/* Ignored signals and those without an action do not end it; a death inside it is a death. */
TEST(what_does_not_end_a_suspend)
{
	int status;
	pid_t pid = FORK();

	if (pid == 0) {
		install(SIGUSR1, SIG_IGN, 0);
		install(SIGUSR2, log_signal, SA_SIGINFO | SA_RESTART);
		block(bit(SIGUSR2));
		CHECK_ERRNO(suspend(bit(SIGHUP)), EINTR);
		CHECK_LOG(SIGUSR2);
		CHECK_EQ(pending_now(), 0); /* nothing but SIGHUP could be */
		CHECK_EQ(mask_now(), bit(SIGUSR2));
		_exit(0);
	}
	await_state(pid, 'S');
	for (int i = 0; i < 10; i++) {
		CHECK_EQ(kill(pid, SIGUSR1), 0);
		CHECK_EQ(kill(pid, SIGCHLD), 0);
		CHECK_EQ(kill(pid, SIGWINCH), 0);
		await_state(pid, 'S');
		CHECK_EQ(kill(pid, SIGSTOP), 0);
		CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
		CHECK(WIFSTOPPED(status));
		CHECK_EQ(kill(pid, SIGCONT), 0);
		await_state(pid, 'S');
	}
	CHECK_EQ(kill(pid, SIGUSR2), 0);
	CHECK_EXIT(pid, 0);
	pid = FORK();
	if (pid == 0)
		suspend(0);
	await_state(pid, 'S');
	CHECK_EQ(kill(pid, SIGUSR1), 0);
	CHECK_SIGNAL(pid, SIGUSR1);
}

/* The mask cannot keep SIGKILL and SIGSTOP away. A stop ends the call and it starts again, so that
 * SIGTERM must be blocked outside it, too. */
TEST(suspend_with_everything_blocked)
{
	int status;

	block(bit(SIGTERM));
	pid_t pid = FORK();
	if (pid == 0)
		suspend(~0ULL);
	await_state(pid, 'S');
	CHECK_EQ(kill(pid, SIGTERM), 0);
	CHECK_EQ(kill(pid, SIGSTOP), 0);
	CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
	CHECK_EQ(kill(pid, SIGCONT), 0);
	await_state(pid, 'S');
	end_child(pid);
}

static void exit_handler(int sig)
{
	(void)sig;
	_exit(mask_now() == BITS(SIGUSR1, SIGHUP) ? 5 : 6);
}

TEST(a_handler_may_leave_a_suspend_for_good)
{
	block(bit(SIGUSR1));
	install(SIGUSR1, exit_handler, 0);
	pid_t pid = FORK();
	if (pid == 0) {
		suspend(bit(SIGHUP));
		_exit(7);
	}
	CHECK_EQ(kill(pid, SIGUSR1), 0); /* before or after it sleeps */
	CHECK_EXIT(pid, 5);
}

/* The race that sigsuspend closes: a signal between the unblocking and the sleep is not missed.
 * Two processes wake each other a few thousand times and nobody ever sleeps through it. */
TEST(no_wakeup_is_lost)
{
	enum { ROUNDS = 3000 };
	pid_t other, me = getpid();

	install(SIGUSR1, log_signal, SA_SIGINFO);
	block(bit(SIGUSR1));
	other = FORK();
	pid_t partner = other ? other : me;
	for (int i = 0; i < ROUNDS; i++) {
		if (other) {
			CHECK_EQ(kill(partner, SIGUSR1), 0);
			CHECK_ERRNO(suspend(0), EINTR);
		} else {
			CHECK_ERRNO(suspend(0), EINTR);
			CHECK_EQ(kill(partner, SIGUSR1), 0);
		}
		CHECK_EQ(log_count, i + 1);
	}
	if (other == 0)
		_exit(0);
	CHECK_EXIT(other, 0);
}

/* SIGCHLD blocked but for the suspend: no death is missed, however the children's ends fall. */
TEST(reaping_by_suspend)
{
	enum { CHILDREN = 200 };
	int reaped = 0, started = 0;

	install(SIGCHLD, log_signal, SA_SIGINFO);
	block(bit(SIGCHLD));
	while (reaped < CHILDREN) {
		for (int i = 0; i < 8 && started < CHILDREN; i++, started++)
			if (FORK() == 0)
				_exit(started & 127);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			reaped++;
		if (reaped < started)
			CHECK_ERRNO(suspend(0), EINTR);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			reaped++;
	}
	CHECK_EQ(reaped, CHILDREN);
}

TEST(pause_ends_with_a_handler_only)
{
	static const unsigned long flags[] = { 0, SA_RESTART };
	int status;

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		CONTEXT("flags %lx", flags[i]);
		pid_t pid = FORK();
		if (pid == 0) {
			install(SIGUSR1, log_signal, SA_SIGINFO | flags[i]);
			install(SIGUSR2, SIG_IGN, 0);
			CHECK_ERRNO(syscall(SYS_pause), EINTR);
			CHECK_LOG(SIGUSR1);
			_exit(0);
		}
		await_state(pid, 'S');
		CHECK_EQ(kill(pid, SIGUSR2), 0);
		CHECK_EQ(kill(pid, SIGSTOP), 0);
		CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
		CHECK_EQ(kill(pid, SIGCONT), 0);
		await_state(pid, 'S');
		CHECK_EQ(kill(pid, SIGUSR1), 0);
		CHECK_EXIT(pid, 0);
	}
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
