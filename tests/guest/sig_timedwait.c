/*
 * rt_sigtimedwait: takes a pending signal without its handler, waits for one, and gives up in time.
 * The calls are made without the C library, which would repeat what a signal interrupted. Sources:
 * sigwaitinfo(2), POSIX sigtimedwait(), signal(7).
 */
#include "sig.h"

static const struct timespec at_once;

/* So long that only a signal ends it. */
static const struct timespec patience = { 1000, 0 };

TEST(errors)
{
	static const struct timespec wrong[] = {
		{ 0, -1 }, { 0, 1000000000 }, { -1, 0 }, { LONG_MIN, 0 }, { 0, LONG_MAX },
	};
	static const size_t wrong_sizes[] = { 0, 4, 7, 9, 16, 128 };
	uint64_t set = bit(SIGUSR1);

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		CONTEXT("timeout %zu", i);
		CHECK_ERRNO(wait_for_signal(set, NULL, &wrong[i]), EINVAL);
	}
	for (size_t i = 0; i < ARRAY_SIZE(wrong_sizes); i++)
		CHECK_ERRNO(syscall(SYS_rt_sigtimedwait, &set, NULL, &at_once, wrong_sizes[i]),
			    EINVAL);
	CHECK_ERRNO(syscall(SYS_rt_sigtimedwait, NULL, NULL, &at_once, SET_BYTES), EFAULT);
	CHECK_ERRNO(syscall(SYS_rt_sigtimedwait, BAD_POINTER, NULL, &at_once, SET_BYTES), EFAULT);
	CHECK_ERRNO(syscall(SYS_rt_sigtimedwait, KERNEL_ADDRESS, NULL, &at_once, SET_BYTES),
		    EFAULT);
	CHECK_ERRNO(wait_for_signal(set, NULL, BAD_POINTER), EFAULT);
	CHECK_ERRNO(wait_for_signal(set, NULL, KERNEL_ADDRESS), EFAULT);
	CHECK_ERRNO(wait_for_signal(set, BAD_POINTER, &at_once), EAGAIN);
	/* the signal is taken, although nobody could be told about it */
	block(bit(SIGUSR1));
	send(SIGUSR1);
	CHECK_ERRNO(wait_for_signal(set, KERNEL_ADDRESS, &at_once), EFAULT);
	CHECK_EQ(pending_now(), 0);
}

TEST(nothing_comes)
{
	static const struct timespec waits[] = {
		{ 0, 0 }, { 0, 1 }, { 0, 1000000 }, { 0, 30000000 }
	};
	static const uint64_t sets[] = { 0, 1, ~0ULL };

	for (size_t i = 0; i < ARRAY_SIZE(waits); i++)
		for (size_t j = 0; j < ARRAY_SIZE(sets); j++) {
			int64_t start = clock_ns(CLOCK_MONOTONIC);
			CHECK_ERRNO(wait_for_signal(sets[j], NULL, &waits[i]), EAGAIN);
			CHECK(clock_ns(CLOCK_MONOTONIC) - start >= waits[i].tv_nsec);
			CHECK_EQ(mask_now(), 0);
		}
}

/* Pending ones are taken at once, lowest number first; handlers do not run. */
TEST(takes_what_is_pending)
{
	uint64_t all = BITS(SIGUSR1, SIGUSR2, SIGTERM, 40);
	siginfo_t info;

	install(SIGUSR2, log_signal, SA_SIGINFO);
	block(all);
	send(40);
	send(SIGTERM);
	send(SIGUSR2);
	send(SIGUSR1);
	CHECK_EQ(wait_for_signal(BITS(SIGUSR2, SIGTERM), &info, NULL), SIGUSR2);
	CHECK_EQ(info.si_signo, SIGUSR2);
	CHECK_EQ(info.si_pid, getpid());
	CHECK_EQ(wait_for_signal(all, NULL, NULL), SIGUSR1);
	CHECK_EQ(wait_for_signal(all, NULL, &patience), SIGTERM);
	CHECK_EQ(wait_for_signal(all, NULL, &at_once), 40);
	CHECK_ERRNO(wait_for_signal(all, NULL, &at_once), EAGAIN);
	CHECK_NO_LOG();
	CHECK_EQ(mask_now(), all);
}

/* Synchronous signals go before all others, whatever their number. */
TEST(faults_first)
{
	uint64_t all = BITS(SIGHUP, SIGINT, SIGSEGV, SIGUSR1);

	block(all);
	send(SIGHUP);
	send(SIGUSR1);
	send(SIGSEGV);
	send(SIGINT);
	CHECK_EQ(wait_for_signal(all, NULL, &at_once), SIGSEGV);
	CHECK_EQ(wait_for_signal(all, NULL, &at_once), SIGHUP);
	CHECK_EQ(wait_for_signal(all, NULL, &at_once), SIGINT);
	CHECK_EQ(wait_for_signal(all, NULL, &at_once), SIGUSR1);
}

/* Asked to send when this process sleeps. */
static pid_t sender_to(pid_t pid, int sig)
{
	pid_t sender = FORK();

	if (sender == 0) {
		await_state(pid, 'S');
		CHECK_EQ(kill(pid, sig), 0);
		_exit(0);
	}
	return sender;
}

TEST(waits_for_one)
{
	static const struct {
		int sig;
		void *action;
	} rows[] = {
		{ SIGUSR1, SIG_DFL }, { SIGUSR1, SIG_IGN },
		{ SIGCHLD, SIG_DFL }, { SIGWINCH, SIG_DFL },
		{ SIGTSTP, SIG_DFL }, { FIRST_FREE, SIG_DFL },
		{ 64, SIG_IGN },      { SIGUSR1, (void *)log_signal },
		{ SIGSEGV, SIG_DFL },
	};
	siginfo_t info;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t set = bit(rows[i].sig);
		CONTEXT("row %zu", i);
		install(SIGCHLD, SIG_DFL, 0);
		install(rows[i].sig, rows[i].action, SA_SIGINFO);
		set_mask(set);
		pid_t sender = sender_to(getpid(), rows[i].sig);
		CHECK_EQ(wait_for_signal(set, &info, i % 2 ? NULL : &patience), rows[i].sig);
		if (rows[i].sig != SIGCHLD)
			CHECK_EQ(info.si_pid, sender);
		CHECK_EQ(mask_now(), set);
		CHECK_EXIT(sender, 0);
		CHECK_NO_LOG();
		while (wait_for_signal(set, NULL, &at_once) > 0)
			; /* SIGCHLD may have come twice */
	}
}

/* A handler of another signal ends it with EINTR, with SA_RESTART or without. */
TEST(interrupted)
{
	static const unsigned long flags[] = { 0, SA_RESTART };

	block(bit(SIGUSR1));
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		for (int timed = 0; timed < 2; timed++) {
			log_clear();
			install(SIGUSR2, log_signal, SA_SIGINFO | flags[i]);
			pid_t sender = sender_to(getpid(), SIGUSR2);
			CHECK_ERRNO(wait_for_signal(bit(SIGUSR1), NULL, timed ? &patience : NULL),
				    EINTR);
			CHECK_LOG(SIGUSR2);
			CHECK_EQ(log_masks[0], BITS(SIGUSR1, SIGUSR2)); /* not the wanted set */
			CHECK_EQ(mask_now(), bit(SIGUSR1));
			CHECK_EXIT(sender, 0);
		}
}

/* signal(7): a stop and SIGCONT end it with EINTR even without a handler; ignored and blocked
 * signals do not. */
TEST(stops_interrupt_and_others_do_not)
{
	int status;
	pid_t pid = FORK();

	if (pid == 0) {
		block(BITS(SIGUSR1, SIGUSR2));
		install(SIGHUP, SIG_IGN, 0);
		CHECK_ERRNO(wait_for_signal(bit(SIGUSR1), NULL, NULL), EINTR);
		CHECK_EQ(wait_for_signal(bit(SIGUSR1), NULL, NULL), SIGUSR1);
		CHECK_EQ(pending_now(), bit(SIGUSR2));
		_exit(0);
	}
	await_state(pid, 'S');
	for (int i = 0; i < 5; i++) {
		CHECK_EQ(kill(pid, SIGUSR2), 0);
		CHECK_EQ(kill(pid, SIGHUP), 0);
		CHECK_EQ(kill(pid, SIGWINCH), 0);
		await_state(pid, 'S');
	}
	CHECK_EQ(kill(pid, SIGSTOP), 0);
	CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
	CHECK_EQ(kill(pid, SIGCONT), 0);
	await_state(pid, 'S');
	CHECK_EQ(kill(pid, SIGUSR1), 0);
	CHECK_EXIT(pid, 0);
}

/* SIGKILL and SIGSTOP cannot be waited for: they are left out of the set without a word. */
TEST(waiting_for_what_cannot_be_caught)
{
	int status;
	pid_t pid = FORK();

	if (pid == 0) {
		wait_for_signal(~0ULL, NULL, NULL);
		_exit(1);
	}
	await_state(pid, 'S');
	CHECK_EQ(kill(pid, SIGSTOP), 0);
	CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
	CHECK(WIFSTOPPED(status));
	end_child(pid);
}

/* A signal that is waited for but not blocked goes to the waiter, not to its handler. */
TEST(an_unblocked_signal)
{
	pid_t pid = FORK();

	if (pid == 0) {
		install(SIGUSR1, log_signal, SA_SIGINFO);
		CHECK_EQ(wait_for_signal(bit(SIGUSR1), NULL, NULL), SIGUSR1);
		CHECK_NO_LOG();
		_exit(0);
	}
	await_state(pid, 'S');
	CHECK_EQ(kill(pid, SIGUSR1), 0);
	CHECK_EXIT(pid, 0);
}

/* Queued signals are taken one by one by several calls, and none is lost between them. */
TEST(a_stream_of_signals)
{
	enum { MANY = 2000, WINDOW = 50 };
	pid_t receiver = getpid();
	int ends[2];
	char byte;

	CHECK_EQ(pipe(ends), 0);
	block(bit(40));
	pid_t sender = FORK();
	if (sender == 0) {
		for (int i = 0; i < MANY; i++) {
			if (i >= WINDOW)
				CHECK_EQ(read(ends[0], &byte, 1), 1);
			CHECK_EQ(sigqueue(receiver, 40, (union sigval){ .sival_int = i }), 0);
		}
		_exit(0);
	}
	for (int i = 0; i < MANY; i++) {
		siginfo_t info;
		CHECK_EQ(wait_for_signal(bit(40), &info, i % 2 ? &patience : NULL), 40);
		CHECK_EQ(info.si_value.sival_int, i);
		CHECK_EQ(write(ends[1], "", 1), 1);
	}
	CHECK_EXIT(sender, 0);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
