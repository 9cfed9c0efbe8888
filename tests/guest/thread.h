/*
 * What the tests about threads share: threads made by clone(2) itself, without a C library's idea
 * of what one is, words to wait for each other by, and readers of /proc/PID/task.
 *
 * Each thread runs on a block of memory of its own that holds its stack and a copy of the C
 * library's thread-local storage. So errno is a thread's own, and so are the CHECKs; the C library
 * knows nothing of these threads, so they do not call malloc() or use stdio. A thread ends by
 * returning (which is exit(2), for that thread alone); _exit() ends the process.
 */
#ifndef THREAD_H
#define THREAD_H

#include "sig.h"
#include <dirent.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <poll.h>
#include <stddef.h>
#include <sys/prctl.h>

/* Nothing here lasts long; what lasts this long hangs, and ends its whole test. */
enum { TEST_SECONDS = 50 };

#define TIMED_TEST(name)                                                                           \
	static void timed_##name(void);                                                            \
	TEST(name)                                                                                 \
	{                                                                                          \
		alarm(TEST_SECONDS);                                                               \
		timed_##name();                                                                    \
	}                                                                                          \
	static void timed_##name(void)

/* ---- words ----------------------------------------------------------------------------------- */

static inline int word_of(const volatile int *word)
{
	return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

static inline void word_wake(volatile int *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static inline void word_set(volatile int *word, int value)
{
	__atomic_store_n(word, value, __ATOMIC_SEQ_CST);
	word_wake(word);
}

/* Adds to it; returns the sum. */
static inline int word_add(volatile int *word, int more)
{
	int sum = __atomic_add_fetch(word, more, __ATOMIC_SEQ_CST);

	word_wake(word);
	return sum;
}

/* Sleeps until the word has the value. */
static inline void word_await(volatile int *word, int value)
{
	int now;

	while ((now = word_of(word)) != value)
		syscall(SYS_futex, word, FUTEX_WAIT, now, NULL, NULL, 0);
}

/* ---- threads --------------------------------------------------------------------------------- */

enum { THREAD_STACK = 64 << 10, THREAD_TLS = 4096, THREAD_BLOCK = THREAD_STACK + THREAD_TLS };

#define THREAD_SHARES (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_SYSVSEM)
#define THREAD_IDS (CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)
#define THREAD_FLAGS (THREAD_SHARES | CLONE_THREAD | THREAD_IDS)

typedef int thread_run(void *argument);

/* At the lower end of its block; the stack grows down to it from the thread-local storage. */
struct thread {
	pid_t tid;	   /* CLONE_PARENT_SETTID: as it was born */
	volatile int ends; /* CLONE_CHILD_CLEARTID: 0 when it has ended, if memory is shared */
};

/* clone(2) and clone3(2) with the child's function; they return what the kernel returns. */
long thread_clone(unsigned long flags, void *stack, pid_t *parent_tid, pid_t *child_tid, void *tls,
		  thread_run *run, void *argument);
long thread_clone3(struct clone_args *args, size_t size, thread_run *run, void *argument);

asm(".pushsection .text\n"
    "thread_clone:\n"
    "	mov %rcx, %r10; mov 8(%rsp), %rax\n"
    "	sub $16, %rsi; mov %r9, (%rsi); mov %rax, 8(%rsi)\n"
    "	mov $56, %eax; syscall\n"
    "	test %rax, %rax; jz 1f; ret\n"
    "1:	xor %ebp, %ebp; pop %rax; pop %rdi; call *%rax\n"
    "	mov %eax, %edi; mov $60, %eax; syscall; ud2\n"
    "thread_clone3:\n"
    "	mov %rdx, %r8; mov %rcx, %r9; mov $435, %eax; syscall\n"
    "	test %rax, %rax; jz 1f; ret\n"
    "1:	xor %ebp, %ebp; mov %r9, %rdi; call *%r8\n"
    "	mov %eax, %edi; mov $60, %eax; syscall; ud2\n"
    ".popsection\n");

static inline void *thread_pointer(void)
{
	void *at;

	asm("mov %%fs:0, %0" : "=r"(at));
	return at;
}

static inline void *thread_tls(struct thread *thread)
{
	return (char *)thread + THREAD_STACK;
}

/* Memory for a thread; NULL if there is none. */
static inline struct thread *thread_block(void)
{
	char *block = mmap(NULL, THREAD_BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);

	if (block == MAP_FAILED)
		return NULL;
	void **tls = thread_tls((struct thread *)block);
	memcpy(tls, thread_pointer(), 512);
	tls[0] = tls; /* as the ABI wants it: %fs:0 is the thread pointer */
	((struct thread *)block)->ends = -1;
	return (struct thread *)block;
}

static inline void thread_free(struct thread *thread)
{
	CHECK_EQ(munmap(thread, THREAD_BLOCK), 0);
}

/* A task that begins in the function, with the flags and THREAD_IDS; NULL with errno if none. */
static inline struct thread *thread_try(unsigned long flags, thread_run *run, void *argument)
{
	struct thread *thread = thread_block();

	if (!thread)
		return NULL;
	long tid = thread_clone(flags | THREAD_IDS, thread_tls(thread), &thread->tid,
				(pid_t *)&thread->ends, thread_tls(thread), run, argument);
	if (tid > 0)
		return thread;
	thread_free(thread);
	errno = (int)-tid;
	return NULL;
}

static inline struct thread *thread_made(const char *file, int line, unsigned long flags,
					 thread_run *run, void *argument)
{
	struct thread *thread = thread_try(flags, run, argument);

	if (!thread)
		ktap_fail(file, line, "clone(0x%lx) fails with errno %d: %s", flags, errno,
			  strerror(errno));
	return thread;
}

/* A thread of this process; a task with other flags. They cannot fail unnoticed. */
#define THREAD(run, argument) thread_made(__FILE__, __LINE__, THREAD_FLAGS, run, argument)
#define SPAWN(flags, run, argument) thread_made(__FILE__, __LINE__, flags, run, argument)

/* Returns when the thread has ended, as pthread_join() does: /proc may show it for a while. */
static inline void thread_join(struct thread *thread)
{
	word_await(&thread->ends, 0);
	thread_free(thread);
}

/* Waits for a process made by SPAWN, which must exit with the code; its memory is given back. */
#define CHECK_SPAWNED(process, code)                                                               \
	do {                                                                                       \
		struct thread *spawned_ = (process);                                               \
		int wait_;                                                                         \
		CHECK_EQ(waitpid(spawned_->tid, &wait_, __WALL), spawned_->tid);                   \
		CHECK(WIFEXITED(wait_));                                                           \
		CHECK_EQ(WEXITSTATUS(wait_), code);                                                \
		thread_free(spawned_);                                                             \
	} while (0)

static inline pid_t gettid_raw(void)
{
	return (pid_t)syscall(SYS_gettid);
}

static inline long tgkill_raw(pid_t pid, pid_t tid, int sig)
{
	return syscall(SYS_tgkill, pid, tid, sig);
}

/* Ends this thread and no other. */
__attribute__((noreturn)) static inline void exit_thread(int code)
{
	for (;;)
		syscall(SYS_exit, code);
}

/* ---- threads that never end by themselves, each in another call ------------------------------ */

static inline int thread_sleeps(void *unused)
{
	(void)unused;
	for (;;)
		pause();
	return 0;
}

static inline int thread_reads_pipe(void *unused)
{
	(void)unused;
	block_forever();
}

static inline int thread_writes_pipe(void *unused)
{
	static const char block[65536];
	struct gate gate = gate_new();

	(void)unused;
	for (;;)
		if (write(gate.in, block, sizeof(block)) < 0)
			return 1;
	return 0;
}

static inline int thread_naps(void *unused)
{
	struct timespec long_time = { 1000, 0 };

	(void)unused;
	for (;;)
		nanosleep(&long_time, NULL);
	return 0;
}

static inline int thread_polls(void *unused)
{
	(void)unused;
	for (;;)
		poll(NULL, 0, -1);
	return 0;
}

static inline int thread_awaits_signal(void *unused)
{
	(void)unused;
	for (;;)
		wait_for_signal(bit(SIGURG), NULL, NULL);
	return 0;
}

static inline int thread_awaits_word(void *unused)
{
	static volatile int never;

	(void)unused;
	word_await(&never, 1);
	return 0;
}

static inline int thread_runs(void *unused)
{
	(void)unused;
	for (;;)
		__asm__ volatile("pause");
	return 0;
}

static inline int thread_yields(void *unused)
{
	(void)unused;
	for (;;)
		sched_yield();
	return 0;
}

/* In a child: ends when the parent, the process of this number, has ended. */
__attribute__((noreturn)) static inline void end_with_parent(pid_t parent)
{
	alarm(TEST_SECONDS);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (getppid() == parent)
		pause();
	_exit(0);
}

static inline int thread_awaits_child(void *unused)
{
	pid_t parent = getpid();

	(void)unused;
	if (syscall(SYS_fork) == 0)
		end_with_parent(parent);
	for (;;)
		waitpid(-1, NULL, 0);
	return 0;
}

static inline int thread_vforks(void *unused)
{
	pid_t parent = getpid();

	(void)unused;
	if (syscall(SYS_clone, CLONE_VFORK | SIGCHLD, 0, 0, 0, 0) == 0)
		end_with_parent(parent);
	return thread_sleeps(NULL);
}

/* One of each kind; returns how many. */
static inline int start_sleepers(void)
{
	static thread_run *const kinds[] = {
		thread_sleeps, thread_reads_pipe,   thread_writes_pipe,	  thread_naps,
		thread_polls,  thread_awaits_word,  thread_awaits_signal, thread_runs,
		thread_yields, thread_awaits_child, thread_vforks,
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		THREAD(kinds[i], NULL);
	return ARRAY_SIZE(kinds);
}

/* ---- /proc/PID/task -------------------------------------------------------------------------- */

static inline const char *task_path(char *path, size_t size, pid_t pid, pid_t tid, const char *name)
{
	snprintf(path, size, "/proc/%d/task/%d/%s", (int)pid, (int)tid, name);
	return path;
}

/* The letter of a thread's state, or 0 if there is no such thread. */
static inline char thread_state(pid_t pid, pid_t tid)
{
	char path[64], state[8];

	task_path(path, sizeof(path), pid, tid, "stat");
	return stat_field_of(path, 3, state, sizeof(state)) ? state[0] : 0;
}

static inline void await_thread_state(pid_t pid, pid_t tid, char state)
{
	char now;

	while ((now = thread_state(pid, tid)) != state) {
		if (now == 0)
			FAIL("thread %d of %d is gone, not in state %c", (int)tid, (int)pid, state);
		pause_briefly();
	}
}

/* Returns when the thread is no more. */
static inline void await_thread_gone(pid_t pid, pid_t tid)
{
	while (tgkill_raw(pid, tid, 0) == 0)
		pause_briefly();
	CHECK_EQ(errno, ESRCH);
}

static inline void thread_line(pid_t pid, pid_t tid, const char *name, char *value, size_t size)
{
	char path[64];

	status_line_of(task_path(path, sizeof(path), pid, tid, "status"), name, value, size);
}

/* How many threads /proc/PID/task lists; -1 if there is no such process. For the main thread. */
static inline int listed_threads(pid_t pid)
{
	char path[64];
	int count = 0;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	DIR *task = opendir(path);
	if (!task)
		return -1;
	for (struct dirent *entry; (entry = readdir(task));)
		count += entry->d_name[0] != '.';
	closedir(task);
	return count;
}

/* The number behind "Threads:" in /proc/PID/status. */
static inline int counted_threads(pid_t pid)
{
	char value[32];

	status_line(pid, "Threads", value, sizeof(value));
	return atoi(value);
}

/* Returns when the process has exactly so many threads. */
static inline void await_threads(pid_t pid, int count)
{
	while (counted_threads(pid) != count)
		pause_briefly();
}

#endif
