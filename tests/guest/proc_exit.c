/*
 * How a process ends and what its parent is told: the eight bits of an exit status, the difference
 * between exit and _exit, and the signal for every kind of fault a program can commit. A fault ends
 * the program that made it, also if it blocks or ignores the signal, and nothing else. Sources:
 * POSIX _exit(), exit_group(2), signal(7), Intel SDM volume 3A chapter 6 for the exceptions.
 */
#include "proc.h"
#include <sys/resource.h>

/* ---- statuses -------------------------------------------------------------------------------- */

static void exit_libc(int code)
{
	exit(code);
}

static void exit_posix(int code)
{
	_exit(code);
}

static void exit_thread(int code)
{
	syscall(SYS_exit, code);
}

static void exit_group(int code)
{
	syscall(SYS_exit_group, code);
}

TEST(status_is_the_low_byte)
{
	static void (*const ways[])(int) = { exit_libc, exit_posix, exit_thread, exit_group };
	static const int codes[] = { 0,	  1,   2,   127,	128, 139,     254,
				     255, 256, 257, 0x12345678, -1,  INT_MIN, INT_MAX };
	int status;

	for (size_t way = 0; way < ARRAY_SIZE(ways); way++) {
		for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
			CONTEXT("way %zu, code %d", way, codes[i]);
			pid_t pid = FORK();
			if (pid == 0)
				ways[way](codes[i]);
			CHECK_EQ(waitpid(pid, &status, 0), pid);
			CHECK_EQ(status, (codes[i] & 0xff) << 8);
		}
	}
}

/* What the child leaves in a stream's buffer is written by exit and lost by _exit. */
static ssize_t bytes_written_by(void (*end)(int))
{
	char text[16];
	struct gate gate = gate_new();

	pid_t pid = FORK();
	if (pid == 0) {
		FILE *stream = fdopen(gate.in, "w");
		CHECK(stream != NULL);
		fprintf(stream, "buffered");
		end(0);
	}
	CHECK_EQ(close(gate.in), 0);
	ssize_t n = read(gate.out, text, sizeof(text));
	CHECK_EXIT(pid, 0);
	return n;
}

TEST(only_exit_flushes)
{
	CHECK_EQ(bytes_written_by(exit_libc), 8);
	CHECK_EQ(bytes_written_by(exit_posix), 0);
	CHECK_EQ(bytes_written_by(exit_group), 0);
}

TEST(files_are_closed)
{
	for (int killed = 0; killed < 2; killed++) {
		struct gate gate = gate_new();
		char byte;
		pid_t pid = FORK();
		if (pid == 0) {
			close(gate.out);
			if (killed)
				kill(getpid(), SIGKILL);
			_exit(0);
		}
		CHECK_EQ(close(gate.in), 0);
		CHECK_EQ(read(gate.out, &byte, 1), 0); /* end of file: nobody can write any more */
		if (killed)
			CHECK_SIGNAL(pid, SIGKILL);
		else
			CHECK_EXIT(pid, 0);
		CHECK_EQ(close(gate.out), 0);
	}
}

/* ---- faults ---------------------------------------------------------------------------------- */

static const char constants[4096] __attribute__((aligned(4096))) = "never written";
static char data[4096] __attribute__((aligned(4096))) = "\xc3"; /* a return instruction */

static void read_from(const void *address)
{
	(void)*(const volatile char *)address;
}

static void write_to(const void *address)
{
	*(volatile char *)(uintptr_t)address = 1;
}

static void jump_to(const void *address)
{
	asm volatile("call *%0" : : "r"(address) : "memory");
}

/* clang-format off */
static void read_null(void) { read_from(NULL); }
static void write_null(void) { write_to(NULL); }
static void jump_null(void) { jump_to(NULL); }
static void read_kernel(void) { read_from(KERNEL_ADDRESS); }
static void write_kernel(void) { write_to(KERNEL_ADDRESS); }
static void jump_kernel(void) { jump_to(KERNEL_ADDRESS); }
static void read_kernel_half(void) { read_from((void *)0xffff800000000000UL); }
static void read_last_byte(void) { read_from((void *)UINTPTR_MAX); }
static void read_beyond_user(void) { read_from((void *)0x7ffffffff000UL); }
static void jump_beyond_user(void) { jump_to((void *)0x7ffffffff000UL); }
static void read_non_canonical(void) { read_from(NON_CANONICAL); }
static void write_non_canonical(void) { write_to((void *)0x0000800000000000UL); }
static void jump_non_canonical(void) { jump_to(NON_CANONICAL); }
static void write_constant(void) { write_to(constants); }
static void write_code(void) { write_to((const void *)(uintptr_t)write_code); }
static void jump_to_data(void) { jump_to(data); }
/* clang-format on */

static void jump_to_stack(void)
{
	volatile char code = (char)0xc3;

	jump_to((const void *)&code);
}

static void write_read_only_page(void)
{
	char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(page != MAP_FAILED);
	CHECK_EQ(*(volatile char *)page, 0);
	write_to(page);
}

static void read_unmapped(void)
{
	char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(page != MAP_FAILED);
	CHECK_EQ(munmap(page, 4096), 0);
	read_from(page);
}

static volatile int deepest = INT_MAX;

__attribute__((noinline)) static int overflow_stack(int depth)
{
	volatile char frame[1024];

	frame[0] = (char)depth;
	return depth == deepest ? 0 : overflow_stack(depth + 1) + frame[0];
}

static void recurse_for_ever(void)
{
	struct rlimit limit = { 1 << 20, 1 << 20 };

	CHECK_EQ(setrlimit(RLIMIT_STACK, &limit), 0);
	overflow_stack(0);
}

static void bad_stack_pointer(void)
{
	asm volatile("mov $8, %rsp; push %rax");
}

static void non_canonical_stack(void)
{
	asm volatile("mov %0, %%rsp; push %%rax" : : "r"(NON_CANONICAL));
}

/* clang-format off */
static void undefined(void) { asm volatile("ud2"); }
static void bad_lock_prefix(void) { asm volatile(".byte 0xf0, 0x90"); }
static void breakpoint(void) { asm volatile("int3"); }
static void single_step(void) { asm volatile("pushfq; orq $0x100, (%rsp); popfq; nop; nop"); }
/* clang-format on */

static void single_step_over_a_call(void)
{
	asm volatile("pushfq; orq $0x100, (%%rsp); popfq; syscall; nop"
		     :
		     : "a"(SYS_getpid)
		     : "rcx", "r11", "memory");
}

static void divide_by_zero(void)
{
	asm volatile("xor %%edx, %%edx; divl %%edx" : : "a"(1) : "edx");
}

static void divide_to_overflow(void)
{
	asm volatile("cltd; idivl %1" : : "a"(INT_MIN), "r"(-1) : "edx");
}

static void sse_divide_by_zero(void)
{
	uint32_t mxcsr = 0x1d80; /* division by zero not masked */

	asm volatile("ldmxcsr %0; pxor %%xmm0, %%xmm0; divss %%xmm0, %%xmm1"
		     :
		     : "m"(mxcsr)
		     : "xmm0", "xmm1");
}

static void x87_divide_by_zero(void)
{
	uint16_t control = 0x037b;

	asm volatile("fldcw %0; fld1; fldz; fdivrp; fwait" : : "m"(control));
}

/* clang-format off */
static void software_interrupt(void) { asm volatile("int $0x21"); }
static void timer_interrupt(void) { asm volatile("int $0x20"); }
static void double_fault_vector(void) { asm volatile("int $8"); }
static void page_fault_vector(void) { asm volatile("int $14"); }
static void halt(void) { asm volatile("hlt"); }
static void disable_interrupts(void) { asm volatile("cli"); }
static void enable_interrupts(void) { asm volatile("sti"); }
static void port_out(void) { asm volatile("outb %%al, $0x80" : : "a"(0)); }
static void power_off_port(void) { asm volatile("outw %w0, %w1" : : "a"(0x2000), "d"(0x604)); }
static void debug_exit_port(void) { asm volatile("outb %b0, %w1" : : "a"(0), "d"(0xf4)); }
static void port_in(void) { asm volatile("inb $0x64, %%al" : : : "eax"); }
static void read_msr(void) { asm volatile("rdmsr" : : "c"(0xc0000080) : "eax", "edx"); }
static void write_msr(void) { asm volatile("wrmsr" : : "c"(0xc0000080), "a"(0), "d"(0)); }
static void write_cr3(void) { asm volatile("mov %0, %%cr3" : : "r"(0L)); }
static void read_cr0(void) { asm volatile("mov %%cr0, %%rax" : : : "rax"); }
static void invalidate_page(void) { asm volatile("invlpg (%0)" : : "r"(data) : "memory"); }
static void clear_task_switched(void) { asm volatile("clts"); }
static void write_back_caches(void) { asm volatile("wbinvd"); }
static void swap_gs(void) { asm volatile("swapgs"); }
static void system_return(void) { asm volatile("sysretq"); }
/* clang-format on */

static void load_idt(void)
{
	struct {
		uint16_t size;
		uint64_t base;
	} __attribute__((packed)) table = { 0, 0 };

	asm volatile("lidt %0" : : "m"(table));
}

static void far_return_to_ring_0(void)
{
	asm volatile("pushq $8; lea 1f(%%rip), %%rax; push %%rax; lretq; 1:" : : : "rax", "memory");
}

static void interrupt_return_to_ring_0(void)
{
	asm volatile("pushq $0; push %%rsp; pushq $0x202; pushq $8; lea 1f(%%rip), %%rax\n"
		     "push %%rax; iretq; 1:"
		     :
		     :
		     : "rax", "memory");
}

static void kernel_stack_selector(void)
{
	asm volatile("mov %w0, %%ss" : : "r"(0x10));
}

static void blocked_fault(void)
{
	sigset_t all;

	sigfillset(&all);
	CHECK_EQ(sigprocmask(SIG_SETMASK, &all, NULL), 0);
	write_null();
}

static void ignored_fault(void)
{
	CHECK(signal(SIGSEGV, SIG_IGN) != SIG_ERR);
	write_null();
}

static void ignored_division(void)
{
	CHECK(signal(SIGFPE, SIG_IGN) != SIG_ERR);
	divide_by_zero();
}

/* clang-format off */
#define FAULT(function, signal) { #function, function, signal }
/* clang-format on */

static const struct fault {
	const char *name;
	void (*commit)(void);
	int signal;
} faults[] = {
	FAULT(read_null, SIGSEGV),
	FAULT(write_null, SIGSEGV),
	FAULT(jump_null, SIGSEGV),
	FAULT(read_kernel, SIGSEGV),
	FAULT(write_kernel, SIGSEGV),
	FAULT(jump_kernel, SIGSEGV),
	FAULT(read_kernel_half, SIGSEGV),
	FAULT(read_last_byte, SIGSEGV),
	FAULT(read_beyond_user, SIGSEGV),
	FAULT(jump_beyond_user, SIGSEGV),
	FAULT(read_non_canonical, SIGSEGV),
	FAULT(write_non_canonical, SIGSEGV),
	FAULT(jump_non_canonical, SIGSEGV),
	FAULT(write_constant, SIGSEGV),
	FAULT(write_code, SIGSEGV),
	FAULT(jump_to_data, SIGSEGV),
	FAULT(jump_to_stack, SIGSEGV),
	FAULT(write_read_only_page, SIGSEGV),
	FAULT(read_unmapped, SIGSEGV),
	FAULT(recurse_for_ever, SIGSEGV),
	FAULT(bad_stack_pointer, SIGSEGV),
	FAULT(undefined, SIGILL),
	FAULT(bad_lock_prefix, SIGILL),
	FAULT(breakpoint, SIGTRAP),
	FAULT(single_step, SIGTRAP),
	FAULT(single_step_over_a_call, SIGTRAP),
	FAULT(divide_by_zero, SIGFPE),
	FAULT(divide_to_overflow, SIGFPE),
	FAULT(x87_divide_by_zero, SIGFPE),
	FAULT(software_interrupt, SIGSEGV),
	FAULT(timer_interrupt, SIGSEGV),
	FAULT(double_fault_vector, SIGSEGV),
	FAULT(page_fault_vector, SIGSEGV),
	FAULT(halt, SIGSEGV),
	FAULT(disable_interrupts, SIGSEGV),
	FAULT(enable_interrupts, SIGSEGV),
	FAULT(port_out, SIGSEGV),
	FAULT(power_off_port, SIGSEGV),
	FAULT(debug_exit_port, SIGSEGV),
	FAULT(port_in, SIGSEGV),
	FAULT(read_msr, SIGSEGV),
	FAULT(write_msr, SIGSEGV),
	FAULT(write_cr3, SIGSEGV),
	FAULT(read_cr0, SIGSEGV),
	FAULT(invalidate_page, SIGSEGV),
	FAULT(clear_task_switched, SIGSEGV),
	FAULT(write_back_caches, SIGSEGV),
	FAULT(swap_gs, SIGSEGV),
	FAULT(system_return, SIGSEGV),
	FAULT(load_idt, SIGSEGV),
	FAULT(kernel_stack_selector, SIGSEGV),
	FAULT(blocked_fault, SIGSEGV),
	FAULT(ignored_fault, SIGSEGV),
	FAULT(ignored_division, SIGFPE),
	FAULT(abort, SIGABRT),
};

TEST(faults_end_the_program)
{
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		CONTEXT("%s", faults[i].name);
		pid_t pid = FORK();
		if (pid == 0) {
			faults[i].commit();
			_exit(0);
		}
		CHECK_SIGNAL(pid, faults[i].signal);
	}
}

/*
 * A processor raises #GP. QEMU 7.2 reads the user's stack for these as if it were the kernel, so
 * that with SMAP the kernel sees a page fault that claims to come from supervisor mode while cs is
 * the user's; Linux takes that for a bug of its own and kills the process by SIGKILL. Nobody else
 * may suffer from either.
 */
TEST(far_returns_to_ring_0)
{
	static void (*const ways[])(void) = { far_return_to_ring_0, interrupt_return_to_ring_0 };
	int status;

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		pid_t pid = FORK();
		if (pid == 0) {
			ways[i]();
			_exit(0);
		}
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK(WIFSIGNALED(status));
		CHECK(WTERMSIG(status) == SIGSEGV || WTERMSIG(status) == SIGKILL);
	}
}

/* A processor raises #SS here, which Linux makes SIGBUS; an emulator may raise #GP. */
TEST(non_canonical_stack_pointer)
{
	int status;
	pid_t pid = FORK();

	if (pid == 0) {
		non_canonical_stack();
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status));
	CHECK(WTERMSIG(status) == SIGBUS || WTERMSIG(status) == SIGSEGV);
}

TEST(sse_division_by_zero)
{
	int status;
	pid_t pid = FORK();

	if (pid == 0) {
		sse_divide_by_zero();
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	if (status == 0)
		SKIP("this machine does not raise SIMD floating-point exceptions");
	CHECK(WIFSIGNALED(status));
	CHECK_EQ(WTERMSIG(status), SIGFPE);
}

/* I/O privilege cannot be taken: popf leaves the IOPL bits alone, and the ports stay closed. */
TEST(io_privilege_cannot_be_taken)
{
	uint64_t flags;

	asm volatile("pushfq; orq $0x3000, (%%rsp); popfq; pushfq; pop %0"
		     : "=r"(flags)
		     :
		     : "memory");
	CHECK_EQ(flags & 0x3000, 0);
	pid_t pid = FORK();
	if (pid == 0) {
		asm volatile("pushfq; orq $0x3000, (%%rsp); popfq; cli" : : : "memory");
		_exit(0);
	}
	CHECK_SIGNAL(pid, SIGSEGV);
}

TEST(faults_do_not_disturb_others)
{
	struct gate go = gate_new();
	pid_t witness = FORK();

	if (witness == 0) {
		gate_pass(go);
		_exit(17);
	}
	for (int i = 0; i < 100; i++) {
		pid_t pid = FORK();
		if (pid == 0)
			write_null();
		CHECK_SIGNAL(pid, SIGSEGV);
	}
	gate_open(go, 1);
	CHECK_EXIT(witness, 17);
}

/* ---- signals --------------------------------------------------------------------------------- */

TEST(killed_by_its_own_hand)
{
	static const int signals[] = { SIGTERM, SIGKILL, SIGHUP,  SIGINT,  SIGQUIT,
				       SIGUSR1, SIGPIPE, SIGALRM, SIGSEGV, SIGABRT };
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		CONTEXT("signal %d", signals[i]);
		pid_t pid = FORK();
		if (pid == 0) {
			kill(getpid(), signals[i]);
			_exit(0); /* never reached: the signal is delivered before kill returns */
		}
		CHECK_SIGNAL(pid, signals[i]);
	}
}

TEST(killed_by_its_parent)
{
	static const int signals[] = { SIGTERM, SIGKILL, SIGINT, SIGQUIT };

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		pid_t pid = FORK();
		if (pid == 0)
			block_forever();
		CHECK_EQ(kill(pid, signals[i]), 0);
		CHECK_SIGNAL(pid, signals[i]);
	}
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
