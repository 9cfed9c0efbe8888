/*
 * What a hostile reviewer did to this kernel, so that nobody does it again: arguments and states
 * that no honest program makes, each with what Linux answers. Sources: mremap(2), sigaction(2),
 * clone(2), sigwaitinfo(2), setpgid(2) on orphaned groups, getrlimit(2).
 */
#include "ktap.h"
#include "proc.h"
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <ucontext.h>

TEST(mremap_of_nothing_onto_itself)
{
	void *at = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(at != MAP_FAILED);
	errno = 0;
	CHECK(mremap(at, 0, 8192, MREMAP_MAYMOVE | MREMAP_FIXED, at) == MAP_FAILED);
	CHECK(errno == EFAULT || errno == EINVAL);
}

TEST(mremap_shrinks_over_a_hole)
{
	char *at = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(at != MAP_FAILED);
	CHECK_EQ(munmap(at + 2 * 4096, 4096), 0);
	CHECK(mremap(at, 4 * 4096, 4096, 0) == at);
	at[0] = 1;
}

/* 400 GiB of address space with one page in it: moving it costs
 * what is there, not what could be. */
TEST(mremap_of_a_sparse_giant)
{
	const size_t size = 400UL << 30;
	char *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED)
		SKIP("no address space");
	at[size / 2] = 7;
	char *to = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (to == MAP_FAILED)
		SKIP("no address space");
	CHECK(mremap(at, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
	CHECK_EQ(to[size / 2], 7);
}

static void handler(int sig)
{
	(void)sig;
}

/* The handler's frame cannot be pushed, and that is a SIGSEGV again:
 * the process ends, the kernel goes on. */
TEST(a_handler_without_a_stack)
{
	pid_t pid = FORK();

	if (pid == 0) {
		signal(SIGSEGV, handler);
		__asm__ volatile("mov $8, %rsp; movl $0, (0)");
	}
	CHECK_SIGNAL(pid, SIGSEGV);
}

/* A forged frame with a return address that is no address: SIGSEGV, and nothing gained. */
static void forge(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)sig, (void)info;
	signal(SIGSEGV, SIG_DFL);
	uc->uc_mcontext.gregs[REG_RIP] = (greg_t)0x8000000000001000;
	uc->uc_mcontext.gregs[REG_EFL] |= 0x3000; /* I/O privilege */
	uc->uc_mcontext.gregs[REG_CSGSFS] = 8;	  /* the kernel's code segment */
}

TEST(a_forged_signal_frame)
{
	struct sigaction action = { .sa_sigaction = forge, .sa_flags = SA_SIGINFO };
	pid_t pid = FORK();

	if (pid == 0) {
		sigaction(SIGUSR1, &action, NULL);
		raise(SIGUSR1);
		_exit(0);
	}
	CHECK_SIGNAL(pid, SIGSEGV);
}

/* Exit signals that are none are sent to nobody; the child is waited for all the same. */
TEST(an_exit_signal_that_is_none)
{
	int status;

	for (int sig = 65; sig < 256; sig += 19) {
		pid_t pid = (pid_t)syscall(SYS_clone, sig, NULL, NULL, NULL, 0);
		if (pid == 0)
			syscall(SYS_exit_group, 5);
		CHECK(pid > 0);
		CHECK_EQ(waitpid(pid, &status, __WALL), pid);
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 5);
	}
}

TEST(thread_local_storage_outside_user_memory)
{
	CHECK_ERRNO(syscall(SYS_clone, CLONE_SETTLS | SIGCHLD, NULL, NULL, NULL, KERNEL_ADDRESS),
		    EPERM);
	CHECK_ERRNO(syscall(SYS_clone, CLONE_SETTLS | SIGCHLD, NULL, NULL, NULL, NON_CANONICAL),
		    EPERM);
}

/* SIGCHLD is ignored by default, but not while somebody waits for it. */
TEST(waiting_for_an_ignored_signal)
{
	struct timespec patience = { 20, 0 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	CHECK_EQ(sigprocmask(SIG_BLOCK, &set, NULL), 0);
	pid_t pid = FORK();
	if (pid == 0)
		_exit(3); /* sooner or later than the wait begins: both must do */
	CHECK_EQ(sigtimedwait(&set, NULL, &patience), SIGCHLD);
	CHECK_EXIT(pid, 3);
}

/* A stopped member of a group that a death orphans gets SIGHUP and SIGCONT:
 * it dies instead of staying for ever. */
TEST(an_orphaned_stopped_group)
{
	int ends[2];
	char byte;

	CHECK_EQ(pipe(ends), 0);
	pid_t parent = FORK();
	if (parent == 0) {
		setsid();
		pid_t stopped = FORK();
		if (stopped == 0) {
			setpgid(0, 0);
			raise(SIGSTOP);
			_exit(0);
		}
		CHECK_EQ(waitpid(stopped, NULL, WUNTRACED), stopped);
		_exit(0);
	}
	close(ends[1]);
	CHECK_EXIT(parent, 0);
	CHECK_EQ(read(ends[0], &byte, 1), 0); /* the last writer is gone */
}

/* Real-time signals queue up to RLIMIT_SIGPENDING, then sigqueue says EAGAIN. */
TEST(queued_signals_are_limited)
{
	struct rlimit limit = { 10, 10 };
	union sigval value = { 0 };
	sigset_t set;
	int queued = 0;

	CHECK_EQ(setrlimit(RLIMIT_SIGPENDING, &limit), 0);
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	CHECK_EQ(sigprocmask(SIG_BLOCK, &set, NULL), 0);
	while (queued < 100 && sigqueue(getpid(), SIGRTMIN, value) == 0)
		queued++;
	CHECK_EQ(errno, EAGAIN);
	CHECK(queued <= 10);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
