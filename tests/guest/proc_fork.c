/*
 * fork, vfork and clone without CLONE_VM: what the child gets a copy of, what it shares, and what
 * it does not inherit. Memory is private both ways from the moment of the call, registers and
 * floating-point state are the same on both sides, open files are shared while the table of them is
 * not; a vfork child lives in its parent's memory while the parent waits. Sources: POSIX fork(),
 * fork(2), vfork(2), clone(2).
 */
#include "proc.h"
#include "registers.h"
#include <spawn.h>
#include <sys/stat.h>

/* ---- what fork returns ----------------------------------------------------------------------- */

TEST(returns_twice)
{
	int channel[2];
	pid_t parent = getpid(), seen[3];

	CHECK_EQ(pipe(channel), 0);
	pid_t pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		pid_t mine[3] = { pid, getpid(), getppid() };
		CHECK_EQ(write(channel[1], mine, sizeof(mine)), sizeof(mine));
		_exit(7);
	}
	CHECK_EQ(read(channel[0], seen, sizeof(seen)), sizeof(seen));
	CHECK_EQ(seen[0], 0);
	CHECK_EQ(seen[1], pid);
	CHECK_EQ(seen[2], parent);
	CHECK_EQ(getpid(), parent);
	CHECK_EXIT(pid, 7);
}

TEST(pids_are_fresh)
{
	struct gate hold = gate_new();
	pid_t pids[100];

	for (int i = 0; i < 100; i++) {
		pids[i] = FORK();
		if (pids[i] == 0) {
			gate_pass(hold);
			_exit(0);
		}
		CHECK(pids[i] != getpid() && pids[i] > 1);
		for (int j = 0; j < i; j++)
			CHECK(pids[j] != pids[i]);
	}
	gate_open(hold, 100);
	for (int i = 0; i < 100; i++)
		CHECK_EXIT(pids[i], 0);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static int data_word = 1;
static int bss_word;
static int bss_pages[64 * 1024];

enum { AREAS = 6, AREA_PAGES = 40 };

/* One word in each kind of memory, the last two in the first and the last page of a mapping. */
static void collect_areas(int *areas[AREAS], int *stack_word)
{
	char *mapping = mmap(NULL, AREA_PAGES * 4096, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(mapping != MAP_FAILED);
	areas[0] = stack_word;
	areas[1] = &data_word;
	areas[2] = &bss_word;
	areas[3] = malloc(sizeof(int));
	CHECK(areas[3] != NULL);
	areas[4] = (int *)mapping;
	areas[5] = (int *)(mapping + AREA_PAGES * 4096) - 1;
	for (int i = 0; i < AREAS; i++)
		*areas[i] = 1000 + i;
}

TEST(child_writes_stay_in_the_child)
{
	int word, *areas[AREAS];

	collect_areas(areas, &word);
	pid_t pid = FORK();
	if (pid == 0) {
		for (int i = 0; i < AREAS; i++) {
			CHECK_EQ(*(volatile int *)areas[i], 1000 + i);
			*(volatile int *)areas[i] = 2000 + i;
			CHECK_EQ(*(volatile int *)areas[i], 2000 + i);
		}
		_exit(0);
	}
	CHECK_EXIT(pid, 0);
	for (int i = 0; i < AREAS; i++) {
		CONTEXT("area %d", i);
		CHECK_EQ(*(volatile int *)areas[i], 1000 + i);
	}
}

TEST(parent_writes_stay_in_the_parent)
{
	struct gate go = gate_new();
	int word, *areas[AREAS];

	collect_areas(areas, &word);
	pid_t pid = FORK();
	if (pid == 0) {
		gate_pass(go);
		for (int i = 0; i < AREAS; i++) {
			CONTEXT("area %d", i);
			CHECK_EQ(*(volatile int *)areas[i], 1000 + i);
		}
		_exit(0);
	}
	for (int i = 0; i < AREAS; i++)
		*(volatile int *)areas[i] = 3000 + i;
	gate_open(go, 1);
	CHECK_EXIT(pid, 0);
	for (int i = 0; i < AREAS; i++)
		CHECK_EQ(*(volatile int *)areas[i], 3000 + i);
}

/*
 * One page, many sharers: each child writes its own value and still sees it after all others did.
 */
TEST(sharers_of_a_page_part)
{
	struct gate wrote = gate_new(), go = gate_new();
	pid_t pids[8];

	for (int i = 0; i < (int)ARRAY_SIZE(bss_pages); i += 1024)
		bss_pages[i] = i;
	for (int child = 0; child < 8; child++) {
		pids[child] = FORK();
		if (pids[child])
			continue;
		for (int i = 0; i < (int)ARRAY_SIZE(bss_pages); i += 1024)
			((volatile int *)bss_pages)[i] += 1000000 * (child + 1);
		gate_open(wrote, 1);
		gate_pass(go);
		for (int i = 0; i < (int)ARRAY_SIZE(bss_pages); i += 1024)
			CHECK_EQ(((volatile int *)bss_pages)[i], i + 1000000 * (child + 1));
		_exit(0);
	}
	for (int child = 0; child < 8; child++)
		gate_pass(wrote);
	gate_open(go, 8);
	for (int child = 0; child < 8; child++)
		CHECK_EXIT(pids[child], 0);
	for (int i = 0; i < (int)ARRAY_SIZE(bss_pages); i += 1024)
		CHECK_EQ(bss_pages[i], i);
}

/* Each generation sees what its ancestors wrote before the fork, and nothing of its descendants. */
static void generation(volatile int *history, int depth, int last)
{
	history[depth * 1024] = depth + 1;
	if (depth < last) {
		pid_t pid = FORK();
		if (pid == 0) {
			generation(history, depth + 1, last);
			_exit(0);
		}
		CHECK_EXIT(pid, 0);
	}
	for (int i = 0; i <= last; i++)
		CHECK_EQ(history[i * 1024], i <= depth ? i + 1 : 0);
}

TEST(generations_of_pages)
{
	generation(bss_pages, 0, 20);
}

/* The kernel's own writes into user memory must part a shared page as the program's would. */
TEST(read_into_a_shared_page)
{
	static char buffer[4 * 4096] __attribute__((aligned(4096)));
	struct gate gate = gate_new();

	memset(buffer, 'p', sizeof(buffer));
	pid_t pid = FORK();
	if (pid == 0) {
		char letters[4096];
		memset(letters, 'c', sizeof(letters));
		CHECK_EQ(write(gate.in, letters, sizeof(letters)), sizeof(letters));
		CHECK_EQ(read(gate.out, buffer + 2048, sizeof(letters)), sizeof(letters));
		for (int i = 0; i < (int)sizeof(buffer); i++)
			CHECK_EQ(buffer[i], i >= 2048 && i < 2048 + 4096 ? 'c' : 'p');
		_exit(0);
	}
	CHECK_EXIT(pid, 0);
	for (int i = 0; i < (int)sizeof(buffer); i++)
		CHECK_EQ(((volatile char *)buffer)[i], 'p');
}

TEST(shared_mappings_stay_shared)
{
	volatile int *word = shared_memory(4096 * 2);
	struct gate go = gate_new();

	pid_t pid = FORK();
	if (pid == 0) {
		gate_pass(go);
		CHECK_EQ(word[0], 2);
		word[1024] = 3; /* a page that nobody touched before the fork */
		_exit(0);
	}
	word[0] = 2;
	gate_open(go, 1);
	CHECK_EXIT(pid, 0);
	CHECK_EQ(word[1024], 3);
}

TEST(protection_is_inherited)
{
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(page != MAP_FAILED);
	*page = 'x';
	CHECK_EQ(mprotect(page, 4096, PROT_READ), 0);
	pid_t pid = FORK();
	if (pid == 0) {
		if (*(volatile char *)page == 'x')
			*(volatile char *)page = 'y';
		_exit(0);
	}
	CHECK_SIGNAL(pid, SIGSEGV);
	CHECK_EQ(mprotect(page, 4096, PROT_NONE), 0);
	pid = FORK();
	if (pid == 0)
		_exit(*(volatile char *)page);
	CHECK_SIGNAL(pid, SIGSEGV);
}

TEST(heap_ends_are_independent)
{
	void *end = sbrk(0);
	pid_t pid = FORK();

	if (pid == 0) {
		CHECK(sbrk(0) == end);
		CHECK(syscall(SYS_brk, (char *)end + 65536) == (long)end + 65536);
		*((char *)end + 65535) = 1;
		_exit(0);
	}
	CHECK_EXIT(pid, 0);
	CHECK(sbrk(0) == end);
}

/* ---- families -------------------------------------------------------------------------------- */

static void chain(int depth)
{
	pid_t parent = getpid();

	if (depth == 0)
		return;
	pid_t pid = FORK();
	if (pid == 0) {
		CHECK_EQ(getppid(), parent);
		chain(depth - 1);
		_exit(0);
	}
	CHECK_EXIT(pid, 0);
}

TEST(chain_of_200_generations)
{
	chain(200);
}

static int compare_pids(const void *a, const void *b)
{
	return *(const pid_t *)a - *(const pid_t *)b;
}

TEST(fan_of_500_children)
{
	enum { CHILDREN = 500 };
	struct gate ready = gate_new(), go = gate_new();
	static pid_t pids[CHILDREN], sorted[CHILDREN];
	pid_t parent = getpid();

	for (int i = 0; i < CHILDREN; i++) {
		pids[i] = FORK();
		if (pids[i] == 0) {
			CHECK_EQ(getppid(), parent);
			gate_open(ready, 1);
			gate_pass(go);
			_exit(i % 100);
		}
	}
	for (int i = 0; i < CHILDREN; i++)
		gate_pass(ready);
	memcpy(sorted, pids, sizeof(pids));
	qsort(sorted, CHILDREN, sizeof(pid_t), compare_pids);
	for (int i = 1; i < CHILDREN; i++)
		CHECK(sorted[i] != sorted[i - 1]);
	gate_open(go, CHILDREN);
	for (int i = 0; i < CHILDREN; i++)
		CHECK_EXIT(pids[i], i % 100);
}

/* ---- what is shared and what is copied besides memory ---------------------------------------- */

TEST(open_files_share_the_offset)
{
	const char *path = temporary_path("offset");
	char two[3] = "";

	write_file(path, "abcdef", 6, 0600);
	int fd = open(path, O_RDONLY);
	CHECK(fd >= 0);
	CHECK_EQ(unlink(path), 0);
	pid_t pid = FORK();
	if (pid == 0) {
		CHECK_EQ(read(fd, two, 2), 2);
		CHECK_STR(two, "ab");
		_exit(0);
	}
	CHECK_EXIT(pid, 0);
	CHECK_EQ(read(fd, two, 2), 2);
	CHECK_STR(two, "cd");
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 4);
}

TEST(descriptor_tables_are_private)
{
	struct gate gate = gate_new();
	int spare = dup(gate.in);

	CHECK_EQ(fcntl(spare, F_SETFD, FD_CLOEXEC), 0);
	pid_t pid = FORK();
	if (pid == 0) {
		CHECK_EQ(fcntl(spare, F_GETFD), FD_CLOEXEC);
		CHECK_EQ(close(spare), 0);
		CHECK_EQ(fcntl(gate.in, F_SETFD, FD_CLOEXEC), 0);
		CHECK_EQ(dup2(gate.out, 40), 40);
		_exit(0);
	}
	CHECK_EXIT(pid, 0);
	CHECK_EQ(fcntl(spare, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(fcntl(gate.in, F_GETFD), 0);
	CHECK_ERRNO(fcntl(40, F_GETFD), EBADF);
}

TEST(working_directory_and_umask)
{
	char before[PATH_MAX], after[PATH_MAX];

	CHECK(getcwd(before, sizeof(before)) != NULL);
	umask(027);
	pid_t pid = FORK();
	if (pid == 0) {
		CHECK(getcwd(after, sizeof(after)) != NULL);
		CHECK_STR(after, before);
		CHECK_EQ(umask(077), 027);
		CHECK_EQ(chdir("/"), 0);
		_exit(0);
	}
	CHECK_EXIT(pid, 0);
	CHECK(getcwd(after, sizeof(after)) != NULL);
	CHECK_STR(after, before);
	CHECK_EQ(umask(0), 027);
}

TEST(group_and_session)
{
	pid_t pid = FORK();

	if (pid == 0) {
		CHECK_EQ(getpgid(0), getpgid(getppid()));
		CHECK_EQ(getsid(0), getsid(getppid()));
		_exit(0);
	}
	CHECK_EXIT(pid, 0);
}

TEST(signal_mask_and_ignored_signals)
{
	sigset_t mask, now;

	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	sigaddset(&mask, SIGRTMAX);
	CHECK_EQ(sigprocmask(SIG_SETMASK, &mask, NULL), 0);
	CHECK(signal(SIGHUP, SIG_IGN) != SIG_ERR);
	pid_t pid = FORK();
	if (pid == 0) {
		struct sigaction old;
		CHECK_EQ(sigprocmask(SIG_SETMASK, NULL, &now), 0);
		CHECK(sigismember(&now, SIGUSR1) && sigismember(&now, SIGRTMAX));
		CHECK(!sigismember(&now, SIGUSR2));
		CHECK_EQ(sigaction(SIGHUP, NULL, &old), 0);
		CHECK(old.sa_handler == SIG_IGN);
		_exit(0);
	}
	CHECK_EXIT(pid, 0);
}

TEST(pending_signals_are_not_inherited)
{
	sigset_t mask, pending;

	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	CHECK_EQ(sigprocmask(SIG_BLOCK, &mask, NULL), 0);
	CHECK_EQ(kill(getpid(), SIGUSR1), 0);
	pid_t pid = FORK();
	if (pid == 0) {
		CHECK_EQ(sigpending(&pending), 0);
		CHECK(!sigismember(&pending, SIGUSR1));
		_exit(0);
	}
	CHECK_EXIT(pid, 0);
	CHECK_EQ(sigpending(&pending), 0);
	CHECK(sigismember(&pending, SIGUSR1));
}

/* ---- registers ------------------------------------------------------------------------------- */

static void check_registers_around(long number, long flags)
{
	registers_fill(0x5a5a1234deadbeef);
	registers_in.rax = (uint64_t)number;
	registers_in.rdi = (uint64_t)flags;
	registers_in.rsi = registers_in.rdx = registers_in.r8 = registers_in.r10 = 0;
	syscall_with_registers();
	registers_check();
	pid_t pid = (pid_t)registers_out.rax;
	CHECK(pid >= 0);
	if (pid == 0)
		_exit(0);
	CHECK_EXIT(pid, 0);
}

TEST(registers_of_fork)
{
	check_registers_around(SYS_fork, 0x123456789);
}

TEST(registers_of_clone)
{
	check_registers_around(SYS_clone, SIGCHLD);
}

TEST(floating_point_state_is_copied)
{
	uint16_t control = 0x0f7f, control_now; /* round towards zero, all masked */
	uint32_t mxcsr = 0x7f80, mxcsr_now;	/* the same for SSE */
	long double held = 1.25L, popped;

	asm volatile("fldcw %0; ldmxcsr %1; fldt %2" : : "m"(control), "m"(mxcsr), "m"(held));
	pid_t pid = (pid_t)syscall(SYS_fork);
	asm volatile("fnstcw %0; stmxcsr %1; fstpt %2"
		     : "=m"(control_now), "=m"(mxcsr_now), "=m"(popped));
	CHECK_EQ(control_now, control);
	CHECK_EQ(mxcsr_now & ~0x3fu, mxcsr);
	CHECK(popped == 1.25L);
	if (pid == 0)
		_exit(0);
	CHECK_EXIT(pid, 0);
}

static __thread volatile int thread_local_word = 5;

TEST(thread_pointer_is_copied)
{
	thread_local_word = 6;
	pid_t pid = FORK();
	if (pid == 0) {
		CHECK_EQ(thread_local_word, 6);
		thread_local_word = 7;
		_exit(0);
	}
	CHECK_EXIT(pid, 0);
	CHECK_EQ(thread_local_word, 6);
}

/* ---- vfork ----------------------------------------------------------------------------------- */

static volatile int vfork_word;

TEST(vfork_shares_memory_and_suspends)
{
	vfork_word = 0;
	pid_t pid = vfork();
	if (pid == 0) {
		for (int i = 0; i < 300; i++)
			sched_yield();
		vfork_word = getpid();
		_exit(9);
	}
	CHECK_EQ(vfork_word, pid);
	CHECK_EXIT(pid, 9);
}

TEST(vfork_ends_with_exec)
{
	static struct gate go;
	const char *path = own_path;
	char in[16], out[16];
	char *argv[] = { "proc_fork", "pass-gate", in, out, NULL };

	go = gate_new();
	snprintf(in, sizeof(in), "%d", go.in);
	snprintf(out, sizeof(out), "%d", go.out);
	pid_t pid = vfork();
	if (pid == 0) {
		execve(path, argv, environ);
		_exit(1);
	}
	gate_open(go, 1); /* by now this process runs while the program waits for it */
	CHECK_EXIT(pid, 23);
}

TEST(vfork_survives_a_failing_exec)
{
	char *argv[] = { "none", NULL };

	vfork_word = 0;
	pid_t pid = vfork();
	if (pid == 0) {
		if (execve("/does/not/exist", argv, environ) == -1 && errno == ENOENT)
			vfork_word = 1;
		_exit(0);
	}
	CHECK_EQ(vfork_word, 1);
	CHECK_EXIT(pid, 0);
}

TEST(vfork_ends_with_a_killed_child)
{
	vfork_word = 0;
	pid_t pid = vfork();
	if (pid == 0) {
		vfork_word = 1;
		kill(getpid(), SIGKILL);
		_exit(0);
	}
	CHECK_EQ(vfork_word, 1);
	CHECK_SIGNAL(pid, SIGKILL);
}

TEST(vfork_ends_with_a_crashed_child)
{
	pid_t pid = vfork();

	if (pid == 0) {
		asm volatile("ud2");
		_exit(0);
	}
	CHECK_SIGNAL(pid, SIGILL);
}

TEST(vfork_in_a_vfork_child)
{
	static volatile pid_t inner;

	pid_t pid = vfork();
	if (pid == 0) {
		inner = vfork();
		if (inner == 0)
			_exit(3);
		int status = 0;
		_exit(waitpid(inner, &status, 0) == inner && WEXITSTATUS(status) == 3 ? 4 : 5);
	}
	CHECK_EXIT(pid, 4);
}

/*
 * A parent that waits for its vfork child can be killed; the child lives on in the memory they
 * shared.
 */
TEST(vfork_parent_can_be_killed)
{
	struct gate ready = gate_new(), go = gate_new(), alive = gate_new();
	volatile int *word = shared_memory(4096);

	vfork_word = 11;
	pid_t victim = FORK();
	if (victim == 0) {
		pid_t pid = vfork();
		if (pid == 0) {
			gate_open(ready, 1);
			gate_pass(go);
			*word = vfork_word;
			gate_open(alive, 1);
			_exit(0);
		}
		_exit(0);
	}
	gate_pass(ready);
	CHECK_EQ(kill(victim, SIGKILL), 0);
	CHECK_SIGNAL(victim, SIGKILL);
	gate_open(go, 1);
	gate_pass(alive);
	CHECK_EQ(*word, 11);
}

/* ---- clone and posix_spawn ------------------------------------------------------------------- */

TEST(clone_sets_the_ids)
{
	static volatile pid_t in_parent, in_child;
	pid_t before = getpid();

	in_parent = in_child = -1;
	long flags = CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD;
	pid_t pid = (pid_t)syscall(SYS_clone, flags, NULL, &in_parent, &in_child, 0);
	CHECK(pid >= 0);
	if (pid == 0) {
		CHECK(in_child != -1 && in_child != before);
		CHECK_EQ(in_child, syscall(SYS_getpid));
		_exit(0);
	}
	CHECK_EQ(in_parent, pid);
	CHECK_EQ(in_child, -1);
	CHECK_EXIT(pid, 0);
	CHECK_EQ(in_child, -1);
}

static volatile uintptr_t stack_low, stack_high;

static void run_on_new_stack(void)
{
	volatile char here = 0;

	CHECK((uintptr_t)&here >= stack_low && (uintptr_t)&here < stack_high);
	_exit(31);
}

TEST(clone_on_another_stack)
{
	static char stack[65536] __attribute__((aligned(16)));
	register void (*run)(void) asm("r12") = run_on_new_stack;
	long result;

	stack_low = (uintptr_t)stack;
	stack_high = (uintptr_t)stack + sizeof(stack);
	asm volatile("xor %%edx, %%edx; xor %%r10d, %%r10d; xor %%r8d, %%r8d; syscall\n"
		     "test %%rax, %%rax; jnz 1f; xor %%ebp, %%ebp; call *%%r12; 1:"
		     : "=a"(result)
		     : "a"(SYS_clone), "D"((long)SIGCHLD), "S"(stack + sizeof(stack)), "r"(run)
		     : "rcx", "r11", "rdx", "r8", "r10", "memory");
	CHECK(result > 0);
	CHECK_EXIT((pid_t)result, 31);
}

TEST(clone_errors)
{
	CHECK_ERRNO(syscall(SYS_clone, CLONE_THREAD | SIGCHLD, 0, 0, 0, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_clone, CLONE_SIGHAND | SIGCHLD, 0, 0, 0, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_clone, CLONE_FS | CLONE_NEWNS | SIGCHLD, 0, 0, 0, 0), EINVAL);
	CHECK_ERRNO(waitpid(-1, NULL, WNOHANG), ECHILD);
}

TEST(posix_spawn_runs_a_program)
{
	char *argv[] = { "proc_fork", "exit-19", NULL };
	pid_t pid;

	CHECK_EQ(posix_spawn(&pid, own_path, NULL, NULL, argv, environ), 0);
	CHECK_EXIT(pid, 19);
	CHECK_EQ(posix_spawn(&pid, "/does/not/exist", NULL, NULL, argv, environ), ENOENT);
	CHECK_ERRNO(waitpid(-1, NULL, WNOHANG), ECHILD);
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "pass-gate")) {
		gate_pass((struct gate){ .in = atoi(argv[2]), .out = atoi(argv[3]) });
		return 23;
	}
	if (argc == 2 && !strcmp(argv[1], "exit-19"))
		return 19;
	return ktap_main(argc, argv);
}
