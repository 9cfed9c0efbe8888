/*
 * The known defects of xv6, each as a test that this kernel has none of them. xv6 is a fine
 * teacher; but there any process may kill process 1 and so the machine, address 0 is a program's
 * own, the kernel writes for a program where the program may not, a large array on the stack lands
 * beyond the guard page, a bad pointer is no error, sbrk believes any number, pids overflow, a
 * parent cannot learn how its child died, and there are 64 processes at most. What each should be
 * is in kill(2), mmap(2), read(2), write(2), getrlimit(2), brk(2), fork(2) and wait(2). Most have a
 * file of their own here, which goes deeper: this one is the list.
 */
#include "pages.h"
#include "proc.h"
#include <sys/resource.h>

/* Nobody kills process 1 by accident: it has not asked for the signal, or one may not send it. */
TEST(kill_1)
{
	static const int fatal[] = { SIGKILL, SIGSTOP, SIGSEGV, SIGBUS };

	for (size_t i = 0; i < ARRAY_SIZE(fatal); i++)
		CHECK(kill(1, fatal[i]) == 0 || errno == EPERM);
	CHECK(kill(1, 0) == 0 || errno == EPERM);
	CHECK(process_state(1) != 'T' && process_state(1) != 'Z' && process_state(1) != 0);
}

TEST(kill_1_as_somebody_else)
{
	pid_t pid = FORK();

	if (pid == 0) {
		if (setuid(65534) < 0)
			_exit(2); /* a namespace with no other user */
		_exit(kill(1, SIGKILL) == -1 && errno == EPERM ? 0 : 1);
	}
	int status = ktap_wait(__FILE__, __LINE__, pid);
	CHECK(WIFEXITED(status));
	if (WEXITSTATUS(status) == 2)
		SKIP("there is no other user here");
	CHECK_EQ(WEXITSTATUS(status), 0);
}

/*
 * A null pointer leads nowhere, for reading as for writing, for the program and its system calls.
 */
TEST(address_0)
{
	char *volatile nothing = NULL;

	CHECK_SEGV(peek(nothing));
	CHECK_SEGV(poke(nothing, 1));
	CHECK_SEGV(peek(nothing + PAGE - 1));
	CHECK_ERRNO(syscall(SYS_write, STDOUT_FILENO, 0, 1), EFAULT);
	CHECK_ERRNO(syscall(SYS_open, 0, O_RDONLY), EFAULT);
}

/* The kernel writes on a program's behalf only where the program itself may. */
TEST(read_into_a_read_only_page)
{
	char *page = map_private(1);
	int fd = open("/dev/zero", O_RDONLY);

	CHECK(fd >= 0);
	poke(page, 7);
	CHECK_EQ(mprotect(page, PAGE, PROT_READ), 0);
	CHECK_ERRNO(read(fd, page, 1), EFAULT);
	CHECK_EQ(peek(page), 7);
	CHECK_ERRNO(read(fd, (void *)ktap_main, 1), EFAULT); /* its own code */
}

/* As a function with a local array does that begins with the array's far end. */
static void use_array(size_t size)
{
	volatile char *array = __builtin_alloca(size);

	array[0] = 1;
}

/*
 * A large array's first use may be far below the stack pointer of before: there is no page there.
 */
TEST(a_large_array_on_the_stack)
{
	struct rlimit limit = { 1 << 20, 1 << 20 };
	char *neighbour = map_private(1);

	CHECK_EQ(setrlimit(RLIMIT_STACK, &limit), 0);
	for (size_t size = 2 << 20; size <= 64 << 20; size *= 2) {
		CONTEXT("an array of %zu bytes", size);
		CHECK_SEGV(use_array(size));
	}
	CHECK_ZERO(neighbour, PAGE);
}

TEST(write_from_a_bad_pointer)
{
	static const uintptr_t bad[] = { 8, 0x8000000000000000, 0xffff888000000000, UINTPTR_MAX };
	int fds[2], file = open(temporary_path("write"), O_RDWR | O_CREAT, 0600);

	CHECK(file >= 0);
	CHECK_EQ(pipe(fds), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CONTEXT("pointer 0x%lx", bad[i]);
		CHECK_ERRNO(syscall(SYS_write, file, bad[i], 10), EFAULT);
		CHECK_ERRNO(syscall(SYS_write, fds[1], bad[i], 10), EFAULT);
	}
	CHECK_EQ(lseek(file, 0, SEEK_END), 0);
}

/* The break does not go below its beginning, nor around the end of numbers. */
TEST(a_huge_negative_sbrk)
{
	long now = syscall(SYS_brk, 0);
	static volatile int data = 42;

	for (int shift = 31; shift < 64; shift++) {
		long increment = -(long)(1ul << shift);
		CONTEXT("sbrk(%ld)", increment);
		CHECK_EQ(syscall(SYS_brk, now + increment), now);
	}
	CHECK_EQ(syscall(SYS_brk, 0), now);
	CHECK_EQ(data, 42);
}

/* Pids end at pid_max and begin again: they are never 0, 1 or negative, nor one that is alive. */
TEST(pids_that_overflow)
{
	char text[32];

	CHECK(read_text("/proc/sys/kernel/pid_max", text, sizeof(text)) > 0);
	int pid_max = atoi(text), rounds = pid_max <= 40000 ? pid_max + 1000 : 2000;
	for (int i = 0; i < rounds; i++) {
		pid_t pid = vfork();
		if (pid == 0)
			_exit(0);
		CHECK(pid > 1 && pid < pid_max && pid != getpid() && pid != getppid());
		CHECK_EXIT(pid, 0);
	}
}

/* A parent learns that its child was killed, by what, and it is not mistaken for an exit. */
TEST(the_status_of_a_child_that_faults)
{
	char *volatile nowhere = BAD_POINTER;
	pid_t pid = FORK();

	if (pid == 0) {
		poke(nowhere, 1);
		_exit(0);
	}
	CHECK_SIGNAL(pid, SIGSEGV);
	pid = FORK();
	if (pid == 0) {
		__asm__ volatile("ud2");
		_exit(0);
	}
	CHECK_SIGNAL(pid, SIGILL);
}

TEST(more_than_64_processes)
{
	enum { MANY = 500 };
	static pid_t pids[MANY];
	struct gate gate = gate_new();

	for (int i = 0; i < MANY; i++) {
		pids[i] = FORK();
		if (pids[i] == 0) {
			gate_pass(gate);
			_exit(i % 100);
		}
	}
	for (int i = 0; i < MANY; i++)
		CHECK(process_state(pids[i]) != 'Z' && process_state(pids[i]) != 0);
	gate_open(gate, MANY);
	for (int i = 0; i < MANY; i++)
		CHECK_EXIT(pids[i], i % 100);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
