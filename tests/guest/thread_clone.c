/*
 * clone and clone3: which flags go together, what each of them shares or copies, the thread ids
 * they write, and how the parent hears of the end. Sources: clone(2), vfork(2), sigaltstack(2),
 * set_tid_address(2).
 */
#include "thread.h"
#include <asm/prctl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum { VERSION_0 = 64, VERSION_1 = 80, VERSION_2 = 88 }; /* sizes of struct clone_args */

static long clone3(void *args, size_t size)
{
	return syscall(SYS_clone3, args, size);
}

static void check_childless(void)
{
	CHECK_ERRNO(waitpid(-1, NULL, WNOHANG | __WALL), ECHILD);
	CHECK_EQ(counted_threads(getpid()), 1);
}

/* ---- flags that do not go together ----------------------------------------------------------- */

#define NEEDS_SIGHAND (CLONE_VM | CLONE_SIGHAND)

TIMED_TEST(flags_that_clone_refuses)
{
	static const unsigned long rows[] = {
		CLONE_THREAD,
		CLONE_THREAD | CLONE_VM,
		CLONE_THREAD | CLONE_SIGHAND,
		CLONE_THREAD | CLONE_VM | CLONE_FS | CLONE_FILES,
		CLONE_SIGHAND,
		CLONE_SIGHAND | CLONE_FS | CLONE_FILES,
		CLONE_FS | CLONE_NEWNS,
		CLONE_FS | CLONE_NEWUSER,
		CLONE_THREAD | NEEDS_SIGHAND | CLONE_NEWUSER,
		CLONE_THREAD | NEEDS_SIGHAND | CLONE_NEWPID,
		CLONE_SYSVSEM | CLONE_NEWIPC,
		CLONE_PIDFD | CLONE_DETACHED,
		CLONE_PIDFD | CLONE_PARENT_SETTID,
	};
	int word;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (int sig = 0; sig <= SIGCHLD; sig += SIGCHLD) {
			CONTEXT("flags 0x%lx", rows[i] | (unsigned)sig);
			CHECK_ERRNO(syscall(SYS_clone, rows[i] | (unsigned)sig, 0, &word, 0, 0),
				    EINVAL);
			if (rows[i] & CLONE_PIDFD)
				continue; /* this is about the call that has one pointer for both */
			struct clone_args args = { .flags = rows[i], .exit_signal = (unsigned)sig };
			CHECK_ERRNO(clone3(&args, sizeof(args)), EINVAL);
		}
	check_childless();
}

TIMED_TEST(arguments_that_clone3_refuses)
{
	static char stack[4096] __attribute__((aligned(16)));
	pid_t tid = 0;
	uint64_t word = (uintptr_t)&tid;
	const struct {
		const char *what;
		struct clone_args args;
	} rows[] = {
		{ "an exit signal among the flags", { .flags = SIGCHLD } },
		{ "a low bit among the flags", { .flags = 1 } },
		{ "CLONE_DETACHED", { .flags = CLONE_DETACHED, .exit_signal = SIGCHLD } },
		{ "a flag that is none", { .flags = 1ULL << 63 } },
		{ "another", { .flags = 1ULL << 40, .exit_signal = SIGCHLD } },
		{ "both SIGHAND flags",
		  { .flags = NEEDS_SIGHAND | CLONE_CLEAR_SIGHAND, .exit_signal = SIGCHLD } },
		{ "an exit signal for a thread",
		  { .flags = THREAD_SHARES | CLONE_THREAD, .exit_signal = SIGCHLD } },
		{ "an exit signal for a sibling",
		  { .flags = CLONE_PARENT, .exit_signal = SIGCHLD } },
		{ "signal 65", { .exit_signal = 65 } },
		{ "signal 256", { .exit_signal = 256 } },
		{ "signal 2^32 + 17", { .exit_signal = (1ULL << 32) + SIGCHLD } },
		{ "a stack of no size", { .stack = (uintptr_t)stack, .exit_signal = SIGCHLD } },
		{ "a size of no stack", { .stack_size = 4096, .exit_signal = SIGCHLD } },
		{ "a stack in the kernel",
		  { .stack = 0xffffffff80000000, .stack_size = 4096, .exit_signal = SIGCHLD } },
		{ "a stack that ends beyond all",
		  { .stack = (uintptr_t)stack, .stack_size = ~0ULL, .exit_signal = SIGCHLD } },
		{ "one place for two ids",
		  { .flags = CLONE_PIDFD | CLONE_PARENT_SETTID,
		    .pidfd = word,
		    .parent_tid = word,
		    .exit_signal = SIGCHLD } },
		{ "a cgroup that is no descriptor",
		  { .flags = CLONE_INTO_CGROUP, .cgroup = 1ULL << 31, .exit_signal = SIGCHLD } },
		{ "set_tid without a size", { .set_tid = word, .exit_signal = SIGCHLD } },
		{ "a size without set_tid", { .set_tid_size = 1, .exit_signal = SIGCHLD } },
		{ "33 ids", { .set_tid = word, .set_tid_size = 33, .exit_signal = SIGCHLD } },
		{ "pid 0", { .set_tid = word, .set_tid_size = 1, .exit_signal = SIGCHLD } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct clone_args args = rows[i].args;
		CONTEXT("%s", rows[i].what);
		CHECK_ERRNO(clone3(&args, sizeof(args)), EINVAL);
	}
	check_childless();
}

/* The structure grows: a longer one is fine if what this kernel does not know is zero. */
TIMED_TEST(sizes_of_clone_args)
{
	static const size_t wrong[] = { 0, 1, 8, 56, 63 };
	static union {
		struct clone_args args;
		char bytes[8192];
	} block;

	block.args.exit_signal = SIGCHLD;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		CHECK_ERRNO(clone3(&block, wrong[i]), EINVAL);
	CHECK_ERRNO(clone3(&block, 4097), E2BIG);
	CHECK_ERRNO(clone3(&block, SIZE_MAX), E2BIG);
	CHECK_ERRNO(clone3(NULL, VERSION_0), EFAULT);
	CHECK_ERRNO(clone3(KERNEL_ADDRESS, VERSION_2), EFAULT);
	block.bytes[200] = 1;
	CHECK_ERRNO(clone3(&block, 201), E2BIG);
	CHECK_ERRNO(clone3(&block, 4096), E2BIG);
	check_childless();
	static const size_t right[] = { VERSION_0, VERSION_1, VERSION_2, 100, 200 };
	for (size_t i = 0; i < ARRAY_SIZE(right); i++) {
		pid_t pid = (pid_t)clone3(&block, right[i]);
		CHECK(pid >= 0);
		if (pid == 0)
			_exit((int)i);
		CHECK_EXIT(pid, (int)i);
	}
	/* what lies behind the size is not looked at */
	block.args.set_tid_size = 99;
	pid_t pid = (pid_t)clone3(&block, VERSION_0);
	if (pid == 0)
		_exit(9);
	CHECK_EXIT(pid, 9);
	block.args.flags = CLONE_INTO_CGROUP;
	block.args.set_tid_size = 0;
	CHECK_ERRNO(clone3(&block, VERSION_1), EINVAL);
}

TIMED_TEST(no_cgroup_to_go_into)
{
	struct clone_args args = { .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD };

	args.cgroup = 1000;
	CHECK_ERRNO(clone3(&args, sizeof(args)), EBADF);
	args.cgroup = 0; /* /dev/null */
	CHECK_ERRNO(clone3(&args, sizeof(args)), EBADF);
	int fd = open("/", O_RDONLY | O_DIRECTORY);
	args.cgroup = (unsigned)fd;
	CHECK_ERRNO(clone3(&args, sizeof(args)), EBADF);
	CHECK_EQ(close(fd), 0);
	check_childless();
}

TIMED_TEST(the_number_that_was_asked_for)
{
	pid_t wanted, taken = getpid();
	struct clone_args args = { .set_tid_size = 1, .exit_signal = SIGCHLD };

	pid_t pid = FORK();
	if (pid == 0)
		_exit(0);
	CHECK_EXIT(pid, 0);
	wanted = pid; /* a number that is free again */
	args.set_tid = (uintptr_t)&taken;
	CHECK_ERRNO(clone3(&args, sizeof(args)), EEXIST);
	args.set_tid = (uintptr_t)KERNEL_ADDRESS;
	CHECK_ERRNO(clone3(&args, sizeof(args)), EFAULT);
	taken = -1;
	args.set_tid = (uintptr_t)&taken;
	CHECK_ERRNO(clone3(&args, sizeof(args)), EINVAL);
	taken = INT_MAX;
	CHECK_ERRNO(clone3(&args, sizeof(args)), EINVAL);
	args.set_tid = (uintptr_t)&wanted;
	pid = (pid_t)clone3(&args, sizeof(args));
	if (pid == 0)
		_exit(getpid() == wanted ? 6 : 1);
	CHECK_EQ(pid, wanted);
	CHECK_EXIT(pid, 6);
	check_childless();
}

/* clone(2) has 32 bits of flags, and ignores some of them and whatever is above. */
TIMED_TEST(flags_that_clone_ignores)
{
	static const unsigned long rows[] = {
		CLONE_DETACHED,	     CLONE_UNTRACED,	CLONE_IO,  CLONE_SYSVSEM,
		CLONE_CLEAR_SIGHAND, CLONE_INTO_CGROUP, 1UL << 63, CLONE_PTRACE,
	};

	install(SIGUSR1, log_signal, SA_SIGINFO);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CONTEXT("flags 0x%lx", rows[i]);
		pid_t pid = (pid_t)syscall(SYS_clone, rows[i] | SIGCHLD, 0, 0, 0, 0);
		CHECK(pid >= 0);
		if (pid == 0) {
			send(SIGUSR1);
			CHECK_LOG(SIGUSR1);
			_exit(0);
		}
		CHECK_EXIT(pid, 0);
	}
}

/* ---- thread ids in memory -------------------------------------------------------------------- */

struct birth {
	volatile pid_t in_parent, in_child;
	volatile pid_t tid, pid, seen_in_parent, seen_in_child;
	void *fs;
	volatile int go;
};

static int notes_birth(void *argument)
{
	struct birth *birth = argument;

	birth->seen_in_parent = birth->in_parent;
	birth->seen_in_child = birth->in_child;
	birth->tid = gettid_raw();
	birth->pid = getpid();
	CHECK_EQ(syscall(SYS_arch_prctl, ARCH_GET_FS, &birth->fs), 0);
	word_await(&birth->go, 1);
	return 0;
}

/* PARENT_SETTID and CHILD_SETTID are both written before the child takes its first step. */
TIMED_TEST(ids_are_there_at_birth)
{
	struct birth birth = { .in_parent = -1, .in_child = -1 };
	struct thread *thread = thread_block();
	unsigned long flags = THREAD_SHARES | CLONE_THREAD | CLONE_SETTLS | CLONE_PARENT_SETTID |
			      CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;
	void *tls = thread_tls(thread);

	long tid = thread_clone(flags, tls, (pid_t *)&birth.in_parent, (pid_t *)&birth.in_child,
				tls, notes_birth, &birth);
	CHECK(tid > 0);
	CHECK_EQ(birth.in_parent, tid);
	word_set(&birth.go, 1);
	word_await((volatile int *)&birth.in_child, 0); /* CHILD_CLEARTID, with a wake-up */
	CHECK_EQ(birth.seen_in_parent, tid);
	CHECK_EQ(birth.seen_in_child, tid);
	CHECK_EQ(birth.tid, tid);
	CHECK_EQ(birth.pid, getpid());
	CHECK(birth.fs == tls);
	thread_free(thread);
}

TIMED_TEST(clone3_makes_a_thread)
{
	struct birth birth = { .in_parent = -1, .in_child = -1 };
	struct thread *thread = thread_block();
	struct clone_args args = {
		.flags = THREAD_FLAGS | CLONE_CHILD_SETTID,
		.child_tid = (uintptr_t)&birth.in_child,
		.parent_tid = (uintptr_t)&birth.in_parent,
		.stack = (uintptr_t)thread, /* the lowest byte */
		.stack_size = THREAD_STACK,
		.tls = (uintptr_t)thread_tls(thread),
	};

	long tid = thread_clone3(&args, sizeof(args), notes_birth, &birth);
	CHECK(tid > 0);
	word_set(&birth.go, 1);
	word_await((volatile int *)&birth.in_child, 0);
	CHECK_EQ(birth.seen_in_parent, tid);
	CHECK_EQ(birth.seen_in_child, tid);
	CHECK_EQ(birth.tid, tid);
	CHECK_EQ(birth.pid, getpid());
	CHECK(birth.fs == thread_tls(thread));
	thread_free(thread);
}

/* Places that cannot be written are passed over: the child is born, and dies, all the same. */
TIMED_TEST(bad_places_for_ids)
{
	struct birth birth = { .go = 1 };
	static void *const places[] = { NULL, (void *)8, KERNEL_ADDRESS, NON_CANONICAL };

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		struct thread *thread = thread_block();
		void *tls = thread_tls(thread);
		long tid = thread_clone(THREAD_FLAGS | CLONE_CHILD_SETTID, tls, places[i],
					places[i], tls, notes_birth, &birth);
		CONTEXT("place %p", places[i]);
		CHECK(tid > 0);
		await_thread_gone(getpid(), (pid_t)tid);
		CHECK_EQ(birth.tid, tid);
		thread_free(thread);
	}
}

static int sets_its_address(void *argument)
{
	CHECK_EQ(syscall(SYS_set_tid_address, argument), gettid_raw());
	return 0;
}

/* set_tid_address(2) replaces the place of CHILD_CLEARTID. */
TIMED_TEST(another_place_to_clear)
{
	volatile int word = 77;
	struct thread *thread = THREAD(sets_its_address, (void *)&word);

	word_await(&word, 0);
	await_thread_gone(getpid(), thread->tid);
	CHECK_EQ(thread->ends, -1);
	thread_free(thread);
}

static int is_killed(void *unused)
{
	(void)unused;
	CHECK_EQ(kill(getpid(), SIGKILL), 0);
	return 0;
}

/* A process of its own that shares memory clears the word, too, if it ends by itself or not. */
TIMED_TEST(a_process_that_shares_memory_clears_it)
{
	struct birth birth = { .go = 1 };
	struct thread *born = SPAWN(CLONE_VM | SIGCHLD, notes_birth, &birth);

	word_await(&born->ends, 0);
	CHECK_EQ(birth.pid, born->tid);
	CHECK_EQ(birth.tid, born->tid);
	CHECK_SPAWNED(born, 0);
	born = SPAWN(CLONE_VM | SIGCHLD, is_killed, NULL);
	CHECK_SIGNAL(born->tid, SIGKILL);
	CHECK_EQ(word_of(&born->ends), 0);
	thread_free(born);
}

TIMED_TEST(tls_beyond_the_program)
{
	static void *const places[] = { KERNEL_ADDRESS, NON_CANONICAL };
	struct thread *thread = thread_block();

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		CHECK_EQ(thread_clone(THREAD_FLAGS, thread_tls(thread), &thread->tid,
				      (pid_t *)&thread->ends, places[i], thread_sleeps, NULL),
			 -EPERM);
	thread_free(thread);
	check_childless();
}

/* Since Linux 6.9 it makes a pidfd of the thread; before, it is refused. */
TIMED_TEST(pidfd_of_a_thread)
{
	struct birth birth = { 0 };
	int fd = -1;
	struct thread *thread = thread_block();
	struct clone_args args = {
		.flags = THREAD_FLAGS | CLONE_PIDFD,
		.pidfd = (uintptr_t)&fd,
		.parent_tid = (uintptr_t)&thread->tid,
		.child_tid = (uintptr_t)&thread->ends,
		.stack = (uintptr_t)thread,
		.stack_size = THREAD_STACK,
		.tls = (uintptr_t)thread_tls(thread),
	};

	long tid = thread_clone3(&args, sizeof(args), notes_birth, &birth);
	if (tid < 0) {
		CHECK_EQ(tid, -EINVAL);
		thread_free(thread);
		return;
	}
	struct pollfd poller = { .fd = fd, .events = POLLIN };
	CHECK_EQ(poll(&poller, 1, 0), 0);
	word_set(&birth.go, 1);
	CHECK_EQ(poll(&poller, 1, -1), 1);
	CHECK_EQ(close(fd), 0);
	thread_join(thread);
}

/* ---- what each flag shares ------------------------------------------------------------------- */

static int changes_place(void *unused)
{
	(void)unused;
	CHECK_EQ(chdir("/proc"), 0);
	CHECK_EQ(umask(0137), 022);
	return 0;
}

/* Runs the function in a child with these flags, and waits for it. */
static void run_with(unsigned long flags, thread_run *run, void *argument)
{
	struct thread *child = SPAWN(flags | SIGCHLD, run, argument);

	CHECK_SPAWNED(child, 0);
}

TIMED_TEST(fs_shares_directory_and_umask)
{
	static const unsigned long none[] = { 0, CLONE_VM, CLONE_VM | CLONE_FILES | CLONE_SIGHAND };
	static const unsigned long some[] = { CLONE_FS, CLONE_FS | CLONE_VM };
	char at[PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
		CONTEXT("flags 0x%lx", none[i]);
		umask(022);
		run_with(none[i], changes_place, NULL);
		CHECK_STR(getcwd(at, sizeof(at)), start_directory);
		CHECK_EQ(umask(022), 022);
	}
	for (size_t i = 0; i < ARRAY_SIZE(some); i++) {
		CONTEXT("flags 0x%lx", some[i]);
		CHECK_EQ(chdir("/"), 0);
		umask(022);
		run_with(some[i], changes_place, NULL);
		CHECK_STR(getcwd(at, sizeof(at)), "/proc");
		CHECK_EQ(umask(022), 0137);
	}
}

static int changes_root(void *path)
{
	CHECK_EQ(chroot(path), 0);
	return 0;
}

TIMED_TEST(fs_shares_the_root)
{
	const char *inside = temporary_path("root");
	struct stat it;

	CHECK_EQ(mkdir(inside, 0755), 0);
	run_with(CLONE_VM, changes_root, (void *)inside);
	CHECK_EQ(stat(inside, &it), 0);
	run_with(CLONE_FS, changes_root, (void *)inside);
	CHECK_ERRNO(stat(inside, &it), ENOENT);
	CHECK_EQ(stat("/", &it), 0);
	CHECK_EQ(rmdir(strrchr(inside, '/') + 1), 0); /* the working directory is still outside */
}

static int changes_descriptors(void *argument)
{
	const int *fds = argument;

	CHECK_EQ(close(fds[0]), 0);
	CHECK_EQ(dup2(fds[1], 100), 100);
	CHECK_EQ(fcntl(fds[1], F_SETFD, FD_CLOEXEC), 0);
	return 0;
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

TIMED_TEST(files_share_descriptors)
{
	static const unsigned long rows[] = { 0, CLONE_VM, CLONE_FILES, CLONE_FILES | CLONE_VM };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bool shared = rows[i] & CLONE_FILES;
		int fds[2] = { dup(0), dup(0) };

		CONTEXT("flags 0x%lx", rows[i]);
		run_with(rows[i], changes_descriptors, fds);
		CHECK_EQ(is_open(fds[0]), !shared);
		CHECK_EQ(is_open(100), shared);
		CHECK_EQ(fcntl(fds[1], F_GETFD), shared ? FD_CLOEXEC : 0);
		close(fds[0]);
		close(fds[1]);
		close(100);
	}
}

/* The end of one who shares descriptors closes none; the end of the last closes all. */
static int waits_for(void *word)
{
	word_await(word, 1);
	return 0;
}

TIMED_TEST(the_last_user_closes_files)
{
	struct gate gate = gate_new();
	volatile int go = 0;
	char byte;
	pid_t holder = FORK();

	if (holder == 0) {
		CHECK_EQ(close(gate.out), 0);
		struct thread *child =
			SPAWN(CLONE_VM | CLONE_FILES | SIGCHLD, waits_for, (void *)&go);
		gate_open(gate, 1);
		run_with(CLONE_FILES, waits_for, (void *)&(int){ 1 });
		gate_open(gate, 1);
		word_set(&go, 1);
		CHECK_SPAWNED(child, 0);
		gate_open(gate, 1);
		_exit(0);
	}
	CHECK_EQ(close(gate.in), 0);
	for (int i = 0; i < 3; i++)
		gate_pass(gate);
	CHECK_EQ(read(gate.out, &byte, 1), 0);
	CHECK_EXIT(holder, 0);
	CHECK_EQ(close(gate.out), 0);
}

/* execve(2) gives the table up: what is close-on-exec is closed for the program alone. */
static int runs_program(void *mode)
{
	char *argv[] = { "thread_clone", mode, NULL };

	execve(own_path, argv, environ);
	return 1;
}

TIMED_TEST(execve_leaves_the_shared_table)
{
	int fd = dup(0);

	CHECK_EQ(dup3(fd, 101, O_CLOEXEC), 101);
	run_with(CLONE_FILES | CLONE_VM, runs_program, "closes-100");
	CHECK(is_open(101)); /* and not closed, nor was 100 opened */
	CHECK(!is_open(100));
	CHECK_EQ(close(101), 0);
	CHECK_EQ(close(fd), 0);
}

static int changes_handlers(void *unused)
{
	(void)unused;
	install(SIGUSR1, SIG_IGN, 0);
	install(SIGUSR2, log_signal, SA_SIGINFO);
	block(bit(SIGTERM));
	return 0;
}

static void *handler_of(int sig)
{
	struct kernel_action action;

	CHECK_EQ(raw_action(sig, NULL, &action), 0);
	return action.handler;
}

TIMED_TEST(sighand_shares_actions_not_masks)
{
	install(SIGUSR1, log_signal, SA_SIGINFO);
	run_with(CLONE_VM, changes_handlers, NULL);
	CHECK(handler_of(SIGUSR1) == (void *)log_signal);
	CHECK(handler_of(SIGUSR2) == (void *)SIG_DFL);
	run_with(CLONE_VM | CLONE_SIGHAND, changes_handlers, NULL);
	CHECK(handler_of(SIGUSR1) == (void *)SIG_IGN);
	CHECK(handler_of(SIGUSR2) == (void *)log_signal);
	CHECK_EQ(mask_now(), 0);
}

/* Two processes share actions, but each has its own pending signals. */
static int takes_signal(void *unused)
{
	(void)unused;
	block(bit(SIGUSR1));
	send(SIGUSR1);
	CHECK_EQ(pending_now(), bit(SIGUSR1));
	CHECK_NO_LOG();
	unblock(bit(SIGUSR1));
	CHECK_LOG(SIGUSR1);
	CHECK_EQ(log_info[0].si_pid, getpid());
	return 0;
}

TIMED_TEST(sighand_shares_no_pending_signals)
{
	install(SIGUSR1, log_signal, SA_SIGINFO);
	block(bit(SIGUSR1));
	run_with(CLONE_VM | CLONE_SIGHAND, takes_signal, NULL);
	CHECK_EQ(pending_now(), 0);
	CHECK_LOG(SIGUSR1);
}

/* An execve by one of those who share leaves the others' handlers alone. */
TIMED_TEST(execve_leaves_the_shared_actions)
{
	install(SIGUSR1, log_signal, SA_SIGINFO);
	run_with(CLONE_VM | CLONE_SIGHAND, runs_program, "handles-nothing");
	CHECK(handler_of(SIGUSR1) == (void *)log_signal);
}

struct memory_change {
	volatile int number;
	char *volatile mapped, *volatile unmapped;
	void *volatile brk;
};

static int changes_memory(void *argument)
{
	struct memory_change *change = argument;

	change->number = 42;
	change->mapped =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	change->mapped[17] = 'm';
	CHECK_EQ(munmap(change->unmapped, 4096), 0);
	change->brk = (void *)syscall(SYS_brk, syscall(SYS_brk, 0) + 4096);
	return 0;
}

TIMED_TEST(vm_shares_memory_and_mappings)
{
	for (int shared = 0; shared < 2; shared++) {
		struct memory_change change = { 0 };
		long before = syscall(SYS_brk, 0);
		int fd[2];

		change.unmapped = shared_memory(4096);
		run_with(shared ? CLONE_VM : 0, changes_memory, &change);
		CHECK_EQ(change.number, shared ? 42 : 0);
		CHECK_EQ(syscall(SYS_brk, 0), before + (shared ? 4096 : 0));
		CHECK_EQ(pipe(fd), 0);
		if (shared) {
			CHECK_EQ(change.mapped[17], 'm');
			CHECK_ERRNO(write(fd[1], change.unmapped, 1), EFAULT);
		} else {
			CHECK_EQ(write(fd[1], change.unmapped, 1), 1);
		}
		CHECK_EQ(close(fd[0]), 0);
		CHECK_EQ(close(fd[1]), 0);
	}
}

/* An execve by one of those who share memory leaves the memory to the others. */
TIMED_TEST(execve_leaves_the_shared_memory)
{
	static volatile int number = 7;

	run_with(CLONE_VM | CLONE_FS | CLONE_FILES, runs_program, "exit-0");
	CHECK_EQ(number, 7);
}

/* ---- signal stacks --------------------------------------------------------------------------- */

static int has_signal_stack(void *expected)
{
	stack_t now;

	CHECK_EQ(sigaltstack(NULL, &now), 0);
	CHECK_EQ(!(now.ss_flags & SS_DISABLE), *(int *)expected);
	return 0;
}

/* A signal stack cannot serve two who run at once: CLONE_VM drops it, unless the parent waits. */
TIMED_TEST(signal_stack)
{
	static char stack[65536];
	stack_t mine = { .ss_sp = stack, .ss_size = sizeof(stack) };

	CHECK_EQ(sigaltstack(&mine, NULL), 0);
	run_with(0, has_signal_stack, &(int){ 1 });
	run_with(CLONE_VFORK, has_signal_stack, &(int){ 1 });
	run_with(CLONE_VFORK | CLONE_VM, has_signal_stack, &(int){ 1 });
	run_with(CLONE_VM, has_signal_stack, &(int){ 0 });
	thread_join(THREAD(has_signal_stack, &(int){ 0 }));
	has_signal_stack(&(int){ 1 });
}

/* ---- CLONE_VFORK ----------------------------------------------------------------------------- */

struct vfork_story {
	volatile int step;
	const char *volatile mode;
};

static int sees_its_parent_wait(void *argument)
{
	struct vfork_story *story = argument;

	await_state(getppid(), 'D');
	word_add(&story->step, 1);
	if (story->mode)
		return runs_program((void *)story->mode);
	return 0;
}

TIMED_TEST(vfork_suspends_the_parent)
{
	static const unsigned long rows[] = {
		CLONE_VFORK,
		CLONE_VFORK | CLONE_VM,
		CLONE_VFORK | CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND,
	};
	struct vfork_story *story = shared_memory(4096);

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (int program = 0; program < 2; program++) {
			CONTEXT("flags 0x%lx, program %d", rows[i], program);
			story->step = 0;
			story->mode = program ? "exit-0" : NULL;
			struct thread *child =
				SPAWN(rows[i] | SIGCHLD, sees_its_parent_wait, story);
			CHECK_EQ(story->step, 1);
			CHECK_SPAWNED(child, 0);
		}
}

/* The parent goes on when the child has executed a program, not when that has ended. */
TIMED_TEST(vfork_ends_with_the_program)
{
	struct gate gate = gate_new();
	char in[16], out[16];
	char *argv[] = { "thread_clone", "pass-gate", in, out, NULL };

	snprintf(in, sizeof(in), "%d", gate.in);
	snprintf(out, sizeof(out), "%d", gate.out);
	pid_t pid = vfork();
	if (pid == 0) {
		execve(own_path, argv, environ);
		_exit(1);
	}
	CHECK(pid > 0);
	CHECK_EQ(waitpid(pid, NULL, WNOHANG), 0);
	gate_open(gate, 1);
	CHECK_EXIT(pid, 0);
	gate_free(gate);
}

/* SIGKILL ends the wait, and nothing else does. */
TIMED_TEST(a_killed_parent_of_vfork)
{
	struct gate gate = gate_new();
	pid_t pid = FORK();

	if (pid == 0) {
		install(SIGUSR1, log_signal, SA_SIGINFO);
		pid_t child = vfork();
		if (child == 0) {
			char byte;
			CHECK_EQ(close(gate.in), 0);
			_exit((int)read(gate.out, &byte, 1));
		}
		_exit(1);
	}
	await_state(pid, 'D');
	CHECK_EQ(kill(pid, SIGUSR1), 0);
	CHECK_EQ(kill(pid, SIGSTOP), 0);
	CHECK_EQ(kill(pid, SIGCONT), 0);
	CHECK_EQ(waitpid(pid, NULL, WNOHANG), 0);
	CHECK_EQ(process_state(pid), 'D');
	CHECK_EQ(kill(pid, SIGKILL), 0);
	CHECK_SIGNAL(pid, SIGKILL);
	gate_free(gate); /* with which the child, an orphan now, comes to its end */
}

/* ---- who hears of the end -------------------------------------------------------------------- */

static int exits_5(void *unused)
{
	(void)unused;
	return 5;
}

TIMED_TEST(exit_signals)
{
	static const int rows[] = { SIGCHLD, SIGUSR1, SIGWINCH, SIGKILL + 100, 40, 0 };
	siginfo_t info;

	block(~0ULL);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int sig = rows[i], status;
		bool counts = sig > 0 && sig <= 64;

		CONTEXT("exit signal %d", sig);
		struct thread *child = SPAWN(CLONE_VM | (unsigned)sig, exits_5, NULL);
		if (sig == SIGCHLD) {
			CHECK_ERRNO(waitpid(child->tid, &status, __WCLONE), ECHILD);
			CHECK_EQ(waitpid(child->tid, &status, 0), child->tid);
		} else {
			CHECK_ERRNO(waitpid(child->tid, &status, 0), ECHILD);
			CHECK_EQ(waitpid(child->tid, &status, i % 2 ? __WCLONE : __WALL),
				 child->tid);
		}
		CHECK_EQ(status, 5 << 8);
		CHECK_EQ(pending_now(), counts ? bit(sig) : 0);
		if (counts) {
			CHECK_EQ(wait_for_signal(bit(sig), &info, NULL), sig);
			CHECK_EQ(info.si_code, CLD_EXITED);
			CHECK_EQ(info.si_pid, child->tid);
			CHECK_EQ(info.si_status, 5);
		}
		thread_free(child);
	}
}

/* Ignoring SIGCHLD buries those who would send SIGCHLD, and no others. */
TIMED_TEST(nobody_waits_for_ignored_children)
{
	install(SIGCHLD, SIG_IGN, 0);
	install(SIGUSR2, SIG_IGN, 0);
	struct thread *child = SPAWN(CLONE_VM | SIGCHLD, exits_5, NULL);
	struct thread *clone = SPAWN(CLONE_VM | SIGUSR2, exits_5, NULL);
	int status;

	CHECK_EQ(waitpid(-1, &status, __WALL), clone->tid);
	CHECK_EQ(status, 5 << 8);
	CHECK_ERRNO(waitpid(-1, &status, __WALL), ECHILD);
	thread_free(child);
	thread_free(clone);
}

/* After execve(2) a child is an ordinary one, whatever signal it was made with. */
TIMED_TEST(a_program_sends_sigchld)
{
	siginfo_t info;

	block(BITS(SIGCHLD, SIGUSR1));
	struct thread *child = SPAWN(CLONE_VM | CLONE_VFORK | SIGUSR1, runs_program, "exit-0");
	CHECK_EXIT(child->tid, 0);
	CHECK_EQ(pending_now(), bit(SIGCHLD));
	CHECK_EQ(wait_for_signal(bit(SIGCHLD), &info, NULL), SIGCHLD);
	CHECK_EQ(info.si_pid, child->tid);
	thread_free(child);
}

static int is_sibling(void *parent)
{
	CHECK_EQ(getppid(), *(pid_t *)parent);
	return 5;
}

static int makes_sibling(void *word)
{
	pid_t parent = getppid();
	struct thread *sibling = SPAWN(CLONE_PARENT, is_sibling, &parent);

	*(volatile pid_t *)word = sibling->tid;
	CHECK_ERRNO(waitpid(-1, NULL, __WALL), ECHILD);
	return 4;
}

/* CLONE_PARENT makes a sibling, whose end the common parent hears of as of the caller's own. */
TIMED_TEST(a_sibling)
{
	static const int signals[] = { SIGCHLD, SIGUSR1, 0 };
	volatile pid_t *sibling = shared_memory(4096);
	int status;

	block(BITS(SIGCHLD, SIGUSR1));
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		int sig = signals[i], option = sig == SIGCHLD ? 0 : __WCLONE;

		CONTEXT("exit signal %d", sig);
		struct thread *child = SPAWN((unsigned)sig, makes_sibling, (void *)sibling);
		CHECK_EQ(waitpid(child->tid, &status, option), child->tid);
		CHECK_EQ(status, 4 << 8);
		CHECK_EQ(waitpid(*sibling, &status, option), *sibling);
		CHECK_EQ(status, 5 << 8);
		if (sig)
			CHECK_EQ(wait_for_signal(bit(sig), NULL, NULL), sig);
		thread_free(child);
	}
}

static int starts_sibling_from_thread(void *word)
{
	static pid_t parent; /* which the sibling, sharing memory, reads when this thread is gone */

	parent = getppid();
	*(volatile pid_t *)word = SPAWN(CLONE_PARENT | CLONE_VM, is_sibling, &parent)->tid;
	return 0;
}

/* A thread's sibling process is its process's sibling. */
TIMED_TEST(a_sibling_from_a_thread)
{
	volatile pid_t *sibling = shared_memory(4096);
	pid_t pid = FORK();

	if (pid == 0) {
		thread_join(THREAD(starts_sibling_from_thread, (void *)sibling));
		CHECK_ERRNO(waitpid(-1, NULL, __WALL), ECHILD);
		exit_thread(3);
	}
	CHECK_EXIT(pid, 3);
	CHECK_EXIT(*sibling, 5);
}

/* ---- CLONE_CLEAR_SIGHAND --------------------------------------------------------------------- */

TIMED_TEST(clear_sighand_resets_handlers)
{
	struct clone_args args = { .flags = CLONE_CLEAR_SIGHAND, .exit_signal = SIGCHLD };

	install(SIGUSR1, log_signal, SA_SIGINFO);
	install(SIGUSR2, SIG_IGN, 0);
	install(64, log_signal, SA_SIGINFO);
	block(bit(SIGTERM));
	pid_t pid = (pid_t)clone3(&args, sizeof(args));
	CHECK(pid >= 0);
	if (pid == 0) {
		CHECK(handler_of(SIGUSR1) == (void *)SIG_DFL);
		CHECK(handler_of(SIGUSR2) == (void *)SIG_IGN);
		CHECK(handler_of(64) == (void *)SIG_DFL);
		CHECK_EQ(mask_now(), bit(SIGTERM));
		send(SIGUSR1);
		_exit(1);
	}
	CHECK_SIGNAL(pid, SIGUSR1);
	CHECK(handler_of(SIGUSR1) == (void *)log_signal);
	CHECK(handler_of(64) == (void *)log_signal);
}

/* ---- programs that the tests execute --------------------------------------------------------- */

static int program(char **argv)
{
	if (!strcmp(argv[1], "exit-0"))
		return 0;
	if (!strcmp(argv[1], "closes-100")) {
		CHECK(!is_open(101));
		CHECK_EQ(dup2(0, 100), 100);
		return 0;
	}
	if (!strcmp(argv[1], "handles-nothing")) {
		CHECK(handler_of(SIGUSR1) == (void *)SIG_DFL);
		install(SIGUSR1, SIG_IGN, 0);
		return 0;
	}
	if (!strcmp(argv[1], "pass-gate")) {
		gate_pass((struct gate){ .in = atoi(argv[2]), .out = atoi(argv[3]) });
		return 0;
	}
	return -1;
}

int main(int argc, char **argv)
{
	int code = argc >= 2 ? program(argv) : -1;

	return code >= 0 ? code : ktap_main(argc, argv);
}
