/*
 * Faults: each exception of the processor becomes the signal, with the code and the address, that
 * Linux gives; a fault cannot be blocked or ignored; and what needs privilege is a fault. Sources:
 * sigaction(2) on si_code and si_addr, signal(7), POSIX <signal.h>; Intel SDM volume 3, 6.15.
 */
#include "sigframe.h"
#include <sys/resource.h>

static char page[8192] __attribute__((aligned(4096)));

/* ---- faults of memory ------------------------------------------------------------------------ */

static char *map(int protection)
{
	char *at = mmap(NULL, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(at != MAP_FAILED);
	return at;
}

static char *unmapped(void)
{
	char *at = map(PROT_READ);

	CHECK_EQ(munmap(at, 4096), 0);
	return at;
}

static char *nothing(void)
{
	return map(PROT_NONE);
}

static char *readable(void)
{
	char *at = map(PROT_READ);

	CHECK_EQ(*(volatile char *)at, 0);
	return at;
}

static char *own_code(void)
{
	return (char *)fault_here;
}

static char *null(void)
{
	return NULL;
}

static char *kernel(void)
{
	return KERNEL_ADDRESS;
}

static char *direct_map(void)
{
	return (char *)0xffff888000000000;
}

static char *no_address(void)
{
	return NON_CANONICAL;
}

static char *end_of_memory(void)
{
	return (char *)0x00007ffffffff000;
}

static char *data(void)
{
	return page;
}

/* A file of one and a half pages, mapped with four: the third page is past its end. */
static char *past_end(void)
{
	int fd = open(temporary_path("file"), O_RDWR | O_CREAT | O_TRUNC, 0600);

	CHECK(fd >= 0);
	CHECK_EQ(ftruncate(fd, 6000), 0);
	char *at = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(at != MAP_FAILED);
	at[8191] = 1; /* the rest of the last page is there */
	return at + 8192;
}

/* One whose end was cut off while it was mapped. */
static char *truncated(void)
{
	int fd = open(temporary_path("cut"), O_RDWR | O_CREAT | O_TRUNC, 0600);

	CHECK(fd >= 0);
	CHECK_EQ(ftruncate(fd, 8192), 0);
	char *at = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	CHECK(at != MAP_FAILED);
	CHECK_EQ(*(volatile char *)(at + 4096), 0);
	CHECK_EQ(ftruncate(fd, 0), 0);
	return at + 4096;
}

enum how { READ, WRITE, EXECUTE };

static void touch(volatile char *at, enum how how)
{
	if (how == READ)
		(void)*at;
	else if (how == WRITE)
		*at = 1;
	else
		((void (*)(void))(uintptr_t)at)();
}

static siginfo_t *told; /* shared: what the handler saw */

static void tell(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)context;
	*told = *info;
	_exit(33);
}

/* The child has such a handler for all faults. */
static void catch_faults(void)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP };

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		install(signals[i], (void *)tell, SA_SIGINFO);
}

TEST(memory)
{
	static const struct {
		char *(*where)(void);
		enum how how;
		int offset, sig, code;
	} rows[] = {
		{ null, READ, 0, SIGSEGV, SEGV_MAPERR },
		{ null, WRITE, 100, SIGSEGV, SEGV_MAPERR },
		{ null, EXECUTE, 0, SIGSEGV, SEGV_MAPERR },
		{ unmapped, READ, 5, SIGSEGV, SEGV_MAPERR },
		{ unmapped, WRITE, 4095, SIGSEGV, SEGV_MAPERR },
		{ unmapped, EXECUTE, 1, SIGSEGV, SEGV_MAPERR },
		{ nothing, READ, 7, SIGSEGV, SEGV_ACCERR },
		{ nothing, WRITE, 0, SIGSEGV, SEGV_ACCERR },
		{ nothing, EXECUTE, 0, SIGSEGV, SEGV_ACCERR },
		{ readable, WRITE, 77, SIGSEGV, SEGV_ACCERR },
		{ readable, EXECUTE, 16, SIGSEGV, SEGV_ACCERR },
		{ own_code, WRITE, 0, SIGSEGV, SEGV_ACCERR },
		{ data, EXECUTE, 0, SIGSEGV, SEGV_ACCERR },
		{ kernel, READ, 0, SIGSEGV, SEGV_MAPERR },
		{ kernel, WRITE, 8, SIGSEGV, SEGV_MAPERR },
		{ kernel, EXECUTE, 0, SIGSEGV, SEGV_MAPERR },
		{ direct_map, READ, 0, SIGSEGV, SEGV_MAPERR },
		{ end_of_memory, READ, 0, SIGSEGV, SEGV_MAPERR },
		{ no_address, READ, -1, SIGSEGV, SI_KERNEL },
		{ no_address, WRITE, -1, SIGSEGV, SI_KERNEL },
		{ no_address, EXECUTE, -1, SIGSEGV, SI_KERNEL },
		{ past_end, READ, 0, SIGBUS, BUS_ADRERR },
		{ past_end, WRITE, 5000, SIGBUS, BUS_ADRERR },
		{ truncated, READ, 3, SIGBUS, BUS_ADRERR },
		{ truncated, WRITE, 4, SIGBUS, BUS_ADRERR },
	};

	told = shared_memory(sizeof(*told));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char *at = rows[i].where();
		bool known = rows[i].offset >= 0; /* is the address told? */
		CONTEXT("row %zu", i);
		if (known)
			at += rows[i].offset;
		memset(told, 0x55, sizeof(*told));
		pid_t pid = FORK();
		if (pid == 0) {
			catch_faults();
			touch(at, rows[i].how);
			_exit(0);
		}
		CHECK_EXIT(pid, 33);
		CHECK_EQ(told->si_signo, rows[i].sig);
		CHECK_EQ(told->si_code, rows[i].code);
		CHECK_EQ(told->si_errno, 0);
		CHECK_EQ((uintptr_t)told->si_addr, known ? (uintptr_t)at : 0);
	}
}

/* An access that crosses into a bad page is told of at that page. */
TEST(across_a_boundary)
{
	told = shared_memory(sizeof(*told));
	char *at = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(at != MAP_FAILED);
	CHECK_EQ(munmap(at + 4096, 4096), 0);
	for (int before = 1; before < 8; before++) {
		pid_t pid = FORK();
		if (pid == 0) {
			catch_faults();
			asm volatile("movq $0, (%0)" : : "r"(at + 4096 - before) : "memory");
			_exit(0);
		}
		CHECK_EXIT(pid, 33);
		CHECK_EQ(told->si_code, SEGV_MAPERR);
		CHECK(told->si_addr == at + 4096);
	}
}

/* ---- faults of instructions ------------------------------------------------------------------ */

/*
 * Each is a label, so that the address is known; those that the processor stops after, not at, have
 * it on the next instruction. A name that the C compiler does not see cannot be optimised.
 */
#define INSTRUCTION(name, before, text)                                                            \
	void name(void);                                                                           \
	extern const char name##_at[], name##_after[];                                             \
	asm(".pushsection .text\n" #name ": " before "\n" #name "_at: " text "\n" #name            \
	    "_after: ret\n.popsection\n")

INSTRUCTION(divide_by_zero, "xor %ecx, %ecx; xor %edx, %edx; mov $1, %eax", "div %ecx");
INSTRUCTION(divide_overflow, "mov $-1, %ecx; mov $0x80000000, %eax; cltd", "idiv %ecx");
INSTRUCTION(undefined, "", "ud2");
INSTRUCTION(not_64_bit, "", ".byte 0x06"); /* push %es */
INSTRUCTION(lock_on_register, "", ".byte 0xf0, 0x01, 0xc0");
INSTRUCTION(breakpoint, "", "int3");
INSTRUCTION(breakpoint_long, "", ".byte 0xcd, 3");
INSTRUCTION(overflow_trap, "", "int $4");
INSTRUCTION(int_page_fault, "", "int $14");
INSTRUCTION(int_double_fault, "", "int $8");
INSTRUCTION(int_timer, "", "int $48");
INSTRUCTION(int_last, "", "int $255");
INSTRUCTION(halt, "", "hlt");
INSTRUCTION(interrupts_off, "", "cli");
INSTRUCTION(interrupts_on, "", "sti");
INSTRUCTION(port_in, "", "in $0x60, %al");
INSTRUCTION(port_out, "mov $0xf4, %dx; xor %eax, %eax", "out %al, %dx");
INSTRUCTION(read_cr0, "", "mov %cr0, %rax");
INSTRUCTION(write_cr3, "", "mov %rax, %cr3");
INSTRUCTION(read_dr7, "", "mov %dr7, %rax");
INSTRUCTION(read_msr, "mov $0xc0000080, %ecx", "rdmsr");
INSTRUCTION(write_msr, "mov $0xc0000082, %ecx", "wrmsr");
INSTRUCTION(load_idt, "", "lidt page(%rip)");
INSTRUCTION(load_task, "mov $0x40, %eax", "ltr %ax");
INSTRUCTION(exchange_gs, "", "swapgs");
INSTRUCTION(return_from_call, "", "sysretq");
INSTRUCTION(invalidate, "", "invlpg page(%rip)");
INSTRUCTION(write_back, "", "wbinvd");
INSTRUCTION(clear_task_switched, "", "clts");
INSTRUCTION(bad_segment, "mov $0xfff8, %eax", "mov %eax, %ds");
INSTRUCTION(kernel_segment, "mov $0x18, %eax", "mov %eax, %ss");
INSTRUCTION(movaps_unaligned, "", "movaps page+1(%rip), %xmm0");
INSTRUCTION(alignment_check, "pushfq; orl $0x40000, (%rsp); popfq", "movl page+1(%rip), %eax");
INSTRUCTION(x87_invalid, "fninit; pushq $0x37e; fldcw (%rsp); pop %rax; fldz; fldz; fdivrp",
	    "fwait");
INSTRUCTION(x87_divide,
	    "fninit; pushq $0x37b; fldcw (%rsp); pop %rax; fld1; fldz; fdivrp %st, %st(1)",
	    "fwait");
INSTRUCTION(sse_invalid, "pushq $0x1f00; ldmxcsr (%rsp); pop %rax; xorps %xmm0, %xmm0",
	    "divss %xmm0, %xmm0");
INSTRUCTION(sse_divide,
	    "pushq $0x1d80; ldmxcsr (%rsp); pop %rax; xorps %xmm1, %xmm1; mov $1, %eax; "
	    "cvtsi2ss %eax, %xmm0",
	    "divss %xmm1, %xmm0");
INSTRUCTION(sse_overflow,
	    "pushq $0x1b80; ldmxcsr (%rsp); pop %rax; mov $0x7f7fffff, %eax; movd %eax, %xmm0",
	    "mulss %xmm0, %xmm0");
INSTRUCTION(sse_underflow,
	    "pushq $0x1780; ldmxcsr (%rsp); pop %rax; mov $0x00800000, %eax; movd %eax, %xmm0",
	    "mulss %xmm0, %xmm0");
INSTRUCTION(sse_denormal, "pushq $0x1e80; ldmxcsr (%rsp); pop %rax; mov $1, %eax; movd %eax, %xmm0",
	    "addss %xmm0, %xmm0");
INSTRUCTION(sse_inexact,
	    "pushq $0x0f80; ldmxcsr (%rsp); pop %rax; mov $3, %eax; cvtsi2ss %eax, %xmm1; "
	    "mov $1, %eax; cvtsi2ss %eax, %xmm0",
	    "divss %xmm1, %xmm0");

/* Which address is told: none, or the instruction's. */
enum where { NONE, AT };

struct instruction {
	const char *name;
	void (*run)(void);
	const char *at, *after;
	int sig, code;
	enum where where;
	int trapno; /* and in the frame */
	uint64_t err;
};

/* For int N emulators give other error codes than processors do. */
#define ANY ~0ULL

#define ROW(name, ...)                                                                             \
	{                                                                                          \
#name, name, name##_at, name##_after, __VA_ARGS__                                  \
	}

static const struct instruction instructions[] = {
	ROW(divide_by_zero, SIGFPE, FPE_INTDIV, AT, 0, 0),
	ROW(divide_overflow, SIGFPE, FPE_INTDIV, AT, 0, 0),
	ROW(undefined, SIGILL, ILL_ILLOPN, AT, 6, 0),
	ROW(not_64_bit, SIGILL, ILL_ILLOPN, AT, 6, 0),
	ROW(lock_on_register, SIGILL, ILL_ILLOPN, AT, 6, 0),
	ROW(breakpoint, SIGTRAP, SI_KERNEL, NONE, 3, 0),
	ROW(breakpoint_long, SIGTRAP, SI_KERNEL, NONE, 3, 0),
	ROW(overflow_trap, SIGSEGV, SI_KERNEL, NONE, 4, 0),
	ROW(int_page_fault, SIGSEGV, SI_KERNEL, NONE, 13, ANY),
	ROW(int_double_fault, SIGSEGV, SI_KERNEL, NONE, 13, ANY),
	ROW(int_timer, SIGSEGV, SI_KERNEL, NONE, 13, ANY),
	ROW(int_last, SIGSEGV, SI_KERNEL, NONE, 13, ANY),
	ROW(halt, SIGSEGV, SI_KERNEL, NONE, 13, 0),
	ROW(interrupts_off, SIGSEGV, SI_KERNEL, NONE, 13, 0),
	ROW(interrupts_on, SIGSEGV, SI_KERNEL, NONE, 13, 0),
	ROW(port_in, SIGSEGV, SI_KERNEL, NONE, 13, 0),
	ROW(port_out, SIGSEGV, SI_KERNEL, NONE, 13, 0),
	ROW(read_cr0, SIGSEGV, SI_KERNEL, NONE, 13, 0),
	ROW(write_cr3, SIGSEGV, SI_KERNEL, NONE, 13, 0),
	ROW(read_dr7, SIGSEGV, SI_KERNEL, NONE, 13, 0),
	ROW(read_msr, SIGSEGV, SI_KERNEL, NONE, 13, 0),
	ROW(write_msr, SIGSEGV, SI_KERNEL, NONE, 13, 0),
	ROW(load_idt, SIGSEGV, SI_KERNEL, NONE, 13, 0),
	ROW(load_task, SIGSEGV, SI_KERNEL, NONE, 13, 0),
	ROW(exchange_gs, SIGSEGV, SI_KERNEL, NONE, 13, 0),
	ROW(return_from_call, SIGSEGV, SI_KERNEL, NONE, 13, 0),
	ROW(invalidate, SIGSEGV, SI_KERNEL, NONE, 13, 0),
	ROW(write_back, SIGSEGV, SI_KERNEL, NONE, 13, 0),
	ROW(clear_task_switched, SIGSEGV, SI_KERNEL, NONE, 13, 0),
	ROW(bad_segment, SIGSEGV, SI_KERNEL, NONE, 13, 0xfff8),
	ROW(kernel_segment, SIGSEGV, SI_KERNEL, NONE, 13, 0x18),
	ROW(movaps_unaligned, SIGSEGV, SI_KERNEL, NONE, 13, 0),
	ROW(x87_invalid, SIGFPE, FPE_FLTINV, AT, 16, 0),
	ROW(x87_divide, SIGFPE, FPE_FLTDIV, AT, 16, 0),
};

/* QEMU's translator does not have these. */
static const struct instruction real_processors[] = {
	ROW(alignment_check, SIGBUS, BUS_ADRALN, NONE, 17, 0),
	ROW(sse_invalid, SIGFPE, FPE_FLTINV, AT, 19, 0),
	ROW(sse_divide, SIGFPE, FPE_FLTDIV, AT, 19, 0),
	ROW(sse_overflow, SIGFPE, FPE_FLTOVF, AT, 19, 0),
	ROW(sse_underflow, SIGFPE, FPE_FLTUND, AT, 19, 0),
	ROW(sse_denormal, SIGFPE, FPE_FLTUND, AT, 19, 0),
	ROW(sse_inexact, SIGFPE, FPE_FLTRES, AT, 19, 0),
};

static struct kernel_frame *told_frame;

static void tell_all(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	*told = *info;
	memcpy(&told_frame->uc, context, sizeof(told_frame->uc));
	_exit(33);
}

static void check_instruction(const struct instruction *row)
{
	const struct kernel_sigcontext *sc = &told_frame->uc.mcontext;
	/* where the program would go on: after an instruction that traps, at one that faults */
	bool traps = row->trapno == 3 || row->trapno == 4;

	CHECK_EQ(told->si_signo, row->sig);
	CHECK_EQ(told->si_code, row->code);
	CHECK_EQ((uintptr_t)told->si_addr, row->where == AT ? (uintptr_t)row->at : 0);
	CHECK_EQ(sc->rip, (uintptr_t)(traps ? row->after : row->at));
	CHECK_EQ(sc->trapno, row->trapno);
	if (row->err != ANY)
		CHECK_EQ(sc->err, row->err);
}

static void run_instruction(const struct instruction *row)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP };

	CONTEXT("%s", row->name);
	pid_t pid = FORK();
	if (pid == 0) {
		for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
			install(signals[i], (void *)tell_all, SA_SIGINFO);
		row->run();
		_exit(0);
	}
	CHECK_EXIT(pid, 33);
	check_instruction(row);
}

TEST(instruction_by_instruction)
{
	told = shared_memory(sizeof(*told));
	told_frame = shared_memory(sizeof(*told_frame));
	for (size_t i = 0; i < ARRAY_SIZE(instructions); i++)
		run_instruction(&instructions[i]);
}

TEST(on_a_real_processor)
{
	uint32_t hypervisor[4];

	cpuid(0x40000000, 0, hypervisor);
	if (!memcmp(&hypervisor[1], "TCGTCGTCGTCG", 12))
		SKIP("this processor checks neither alignment nor SSE's results");
	told = shared_memory(sizeof(*told));
	told_frame = shared_memory(sizeof(*told_frame));
	for (size_t i = 0; i < ARRAY_SIZE(real_processors); i++)
		run_instruction(&real_processors[i]);
}

/* Without a handler the same signal ends it. */
TEST(without_a_handler)
{
	for (size_t i = 0; i < ARRAY_SIZE(instructions); i++) {
		CONTEXT("%s", instructions[i].name);
		pid_t pid = FORK();
		if (pid == 0) {
			instructions[i].run();
			_exit(0);
		}
		CHECK_SIGNAL(pid, instructions[i].sig);
	}
}

/* A fault cannot wait and cannot be passed over: blocked or ignored, its signal ends the process,
 * even where there is a handler. The same signal from kill can do both. */
TEST(blocked_or_ignored)
{
	for (size_t i = 0; i < ARRAY_SIZE(instructions); i++) {
		int sig = instructions[i].sig;
		CONTEXT("%s", instructions[i].name);
		for (int ignored = 0; ignored < 2; ignored++) {
			pid_t pid = FORK();
			if (pid == 0) {
				install(sig, ignored ? SIG_IGN : (void *)tell, SA_SIGINFO);
				if (!ignored)
					block(bit(sig));
				send(sig);
				instructions[i].run();
				_exit(0);
			}
			CHECK_SIGNAL(pid, sig);
		}
	}
}

/* A handler that returns without a cure meets the fault again. */
static volatile int tries;

static void come_back(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)info, (void)context;
	if (++tries == 5)
		_exit(5);
}

TEST(again_and_again)
{
	pid_t pid = FORK();

	if (pid == 0) {
		install(SIGSEGV, (void *)come_back, SA_SIGINFO);
		touch(NULL, WRITE);
		_exit(1);
	}
	CHECK_EXIT(pid, 5);
}

/* And one that mends what was wrong is the base of many a clever program. */
static void make_writable(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)context;
	tries++;
	CHECK_EQ(mprotect(info->si_addr, 4096, PROT_READ | PROT_WRITE), 0);
}

TEST(a_fault_mended)
{
	char *at = mmap(NULL, 64 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(at != MAP_FAILED);
	install(SIGSEGV, (void *)make_writable, SA_SIGINFO);
	for (int i = 0; i < 64; i++)
		at[i * 4096] = (char)i;
	CHECK_EQ(tries, 64);
	for (int i = 0; i < 64; i++)
		CHECK_EQ(at[i * 4096], i);
}

/* The handler of a fault faults itself: its signal is blocked, and the process ends. */
static void fault_again(int sig)
{
	(void)sig;
	touch(NULL, WRITE);
}

TEST(a_fault_in_the_handler)
{
	pid_t pid = FORK();

	if (pid == 0) {
		install(SIGSEGV, fault_again, 0);
		touch(NULL, READ);
		_exit(1);
	}
	CHECK_SIGNAL(pid, SIGSEGV);
}

/* ---- single steps ---------------------------------------------------------------------------- */

static volatile uintptr_t stepped_at[32];
static volatile int steps;

static void step(int sig, siginfo_t *info, void *context)
{
	struct kernel_ucontext *uc = context;

	(void)sig;
	if (info->si_code != TRAP_TRACE || (uintptr_t)info->si_addr != uc->mcontext.rip)
		_exit(9);
	if (steps < 32)
		stepped_at[steps] = (uintptr_t)info->si_addr;
	steps++;
}

extern const char step_1[], step_2[], step_3[], step_4[];

/* The trap flag stops after each instruction, a system call included, until it is taken away; the
 * handler itself runs without it. */
TEST(step_by_step)
{
	const char *const expected[] = { step_1, step_2, step_3, step_4 };
	long result;

	install(SIGTRAP, (void *)step, SA_SIGINFO);
	asm volatile("lea -128(%%rsp), %%rsp\n"
		     "pushfq; orl $0x100, (%%rsp); popfq\n" /* traps after the one that follows */
		     "	nop\n"
		     "step_1: mov %1, %%eax\n"
		     "step_2: syscall\n"
		     "	nop\n" /* the return from the call and this one are one step */
		     "step_3: pushfq\n"
		     "step_4: andl $~0x100, (%%rsp); popfq\n"
		     "lea 128(%%rsp), %%rsp\n"
		     : "=a"(result)
		     : "i"(SYS_getpid)
		     : "rcx", "r11", "memory", "cc");
	CHECK_EQ(result, getpid());
	CHECK(steps >= 4);
	int seen = 0;
	for (int i = 0; i < steps && i < 32 && seen < 4; i++)
		if (stepped_at[i] == (uintptr_t)expected[seen])
			seen++;
	CHECK_EQ(seen, 4);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
