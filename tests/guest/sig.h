/*
 * What the tests about signals share: sets written as a list, actions with and without the C
 * library's help, and a handler that keeps a log of what it was given. The calls go straight to the
 * kernel where the C library would hide what it answers (it restarts sigtimedwait by itself, keeps
 * signals 32 to 34 for its own use, and supplies the restorer).
 */
#ifndef SIG_H
#define SIG_H

#include "proc.h"
#include <ucontext.h>

enum { SET_BYTES = 8 };	  /* of the kernel's sigset_t */
enum { FIRST_FREE = 35 }; /* the first real-time signal that the C library leaves alone */

/* The kernel's struct sigaction. */
struct kernel_action {
	void *handler;
	unsigned long flags;
	void *restorer;
	uint64_t mask;
};

/* The kernel's flag that says restorer is valid; the C library keeps it to itself. */
#ifndef SA_RESTORER
#define SA_RESTORER 0x04000000
#endif

/* What a handler without the C library returns to. */
void sig_restorer(void);
asm(".pushsection .text\n"
    ".globl sig_restorer\n"
    "sig_restorer: mov $15, %eax\n" /* rt_sigreturn */
    "	syscall\n"
    "	ud2\n"
    ".popsection\n");

static inline uint64_t bit(int sig)
{
	return 1ULL << (sig - 1);
}

/* The signals' set, from a list that ends with 0. */
static inline uint64_t bits(const int *signals)
{
	uint64_t set = 0;

	while (*signals)
		set |= bit(*signals++);
	return set;
}

#define BITS(...) bits((const int[]){ __VA_ARGS__, 0 })

static inline uint64_t mask_now(void)
{
	uint64_t mask;

	CHECK_EQ(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &mask, SET_BYTES), 0);
	return mask;
}

static inline uint64_t pending_now(void)
{
	uint64_t set;

	CHECK_EQ(syscall(SYS_rt_sigpending, &set, SET_BYTES), 0);
	return set;
}

static inline void set_mask(uint64_t mask)
{
	CHECK_EQ(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, SET_BYTES), 0);
}

static inline void block(uint64_t set)
{
	CHECK_EQ(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, NULL, SET_BYTES), 0);
}

static inline void unblock(uint64_t set)
{
	CHECK_EQ(syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, &set, NULL, SET_BYTES), 0);
}

static inline long raw_action(int sig, const void *action, void *old)
{
	return syscall(SYS_rt_sigaction, sig, action, old, SET_BYTES);
}

/* Installs a handler of any shape, or SIG_IGN or SIG_DFL. */
static inline void install_masked(int sig, void *handler, unsigned long flags, uint64_t mask)
{
	struct kernel_action action = { handler, flags | SA_RESTORER, (void *)sig_restorer, mask };

	CHECK_EQ(raw_action(sig, &action, NULL), 0);
}

static inline void install(int sig, void *handler, unsigned long flags)
{
	install_masked(sig, handler, flags, 0);
}

/* sigtimedwait with nothing added; timeout NULL waits for ever. */
static inline long wait_for_signal(uint64_t set, siginfo_t *info, const struct timespec *timeout)
{
	return syscall(SYS_rt_sigtimedwait, &set, info, timeout, SET_BYTES);
}

/* Suspends with a mask: always -1. */
static inline long suspend(uint64_t mask)
{
	return syscall(SYS_rt_sigsuspend, &mask, SET_BYTES);
}

static inline void send(int sig)
{
	CHECK_EQ(kill(getpid(), sig), 0);
}

/* ---- a log of signals that came -------------------------------------------------------------- */

enum { LOG_SIZE = 64 };

static volatile int log_count;
static volatile int log_signals[LOG_SIZE];
static siginfo_t log_info[LOG_SIZE];
static volatile uint64_t log_masks[LOG_SIZE]; /* what was blocked in the handler */

static inline void log_signal(int sig, siginfo_t *info, void *context)
{
	int n = log_count++;

	(void)context;
	if (n >= LOG_SIZE)
		return;
	log_signals[n] = sig;
	log_info[n] = *info;
	log_masks[n] = mask_now();
}

static inline void log_clear(void)
{
	log_count = 0;
	memset(log_info, 0, sizeof(log_info));
}

/* The log is exactly these signals. */
static inline void check_log(int count, const int *signals)
{
	CHECK_EQ(log_count, count);
	for (int i = 0; i < count; i++)
		CHECK_EQ(log_signals[i], signals[i]);
}

#define CHECK_LOG(...)                                                                             \
	check_log(sizeof((int[]){ __VA_ARGS__ }) / sizeof(int), (const int[]){ __VA_ARGS__ })

#define CHECK_NO_LOG() CHECK_EQ(log_count, 0)

/* A child that waits for ever, asleep already. */
static inline pid_t sleeping_child(void)
{
	pid_t pid = FORK();

	if (pid == 0)
		block_forever();
	await_state(pid, 'S');
	return pid;
}

static inline void end_child(pid_t pid)
{
	CHECK_EQ(kill(pid, SIGKILL), 0);
	CHECK_SIGNAL(pid, SIGKILL);
}

#endif
