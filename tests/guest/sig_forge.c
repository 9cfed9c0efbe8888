/*
 * Forged signal frames: whatever a program writes into the frame that sigreturn reads, it gains
 * nothing. Privilege in segments and flags is taken away or ends in SIGSEGV, as is an address that
 * is none, and FPU state that the processor would refuse. Sources: sigreturn(2), Linux's
 * asm/sigcontext.h; Intel SDM volume 1, 13.8.1 and 10.2.3, volume 2, IRET.
 */
#include "sigframe.h"

/* What a forger does to the frame of a SIGILL; the program goes on at fault_next if it can. */
struct forgery {
	const char *what;
	uint64_t value, value2;
	void (*forge)(struct kernel_ucontext *uc, const struct forgery *by);
};

static const struct forgery *forgery;

static void forge(int sig, siginfo_t *info, void *context)
{
	struct kernel_ucontext *uc = context;

	(void)sig, (void)info;
	uc->mcontext.rip = (uint64_t)fault_next;
	forgery->forge(uc, forgery);
}

/* In a child: dies of what the forgery did, or exits with what check answers. */
static pid_t forge_in_child(const struct forgery *by, int (*check)(void))
{
	pid_t pid = FORK();

	if (pid == 0) {
		forgery = by;
		frame_fill();
		frame_run(forge, SA_SIGINFO);
		_exit(check ? check() : 0);
	}
	return pid;
}

static void set_cs(struct kernel_ucontext *uc, const struct forgery *by)
{
	uc->mcontext.cs = (uint16_t)by->value;
}

static void set_ss(struct kernel_ucontext *uc, const struct forgery *by)
{
	uc->mcontext.ss = (uint16_t)by->value;
}

static void set_rip(struct kernel_ucontext *uc, const struct forgery *by)
{
	uc->mcontext.rip = by->value;
}

static void set_flags(struct kernel_ucontext *uc, const struct forgery *by)
{
	uc->mcontext.eflags = by->value;
}

static uint8_t *fpu_of(struct kernel_ucontext *uc)
{
	return (uint8_t *)uc->mcontext.fpstate;
}

static void set_fpu_pointer(struct kernel_ucontext *uc, const struct forgery *by)
{
	memcpy(&uc->mcontext.fpstate, &by->value, sizeof(by->value));
}

/* Moves the image by so many bytes, so that it is not where the processor wants it. */
static void move_fpu(struct kernel_ucontext *uc, const struct forgery *by)
{
	static _Alignas(64) uint8_t copy[1 << 14];
	const struct _fpx_sw_bytes *note =
		(void *)(fpu_of(uc) + 512 - sizeof(struct _fpx_sw_bytes));
	uint32_t size = note->magic1 == FP_XSTATE_MAGIC1 ? note->extended_size : 512;

	CHECK(size + by->value <= sizeof(copy));
	memcpy(copy + by->value, fpu_of(uc), size);
	uc->mcontext.fpstate = (void *)(copy + by->value);
}

static void set_mxcsr(struct kernel_ucontext *uc, const struct forgery *by)
{
	*(uint32_t *)(fpu_of(uc) + 24) = (uint32_t)by->value;
}

/* A word of the XSAVE header: value2 is which. */
static void set_header(struct kernel_ucontext *uc, const struct forgery *by)
{
	((uint64_t *)(fpu_of(uc) + 512))[by->value2] |= by->value;
}

/* ---- what ends in SIGSEGV -------------------------------------------------------------------- */

static void check_fatal(const struct forgery *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		CONTEXT("%s %llx", rows[i].what, (unsigned long long)rows[i].value);
		CHECK_SIGNAL(forge_in_child(&rows[i], NULL), SIGSEGV);
	}
}

/* Every selector of the first 32 but the program's own: whatever table it names, null ones and the
 * kernel's included. (0x23 is 32-bit code on Linux, which is no privilege, and not run here.) */
TEST(segments)
{
	uint16_t cs, ss;

	asm("mov %%cs, %0; mov %%ss, %1" : "=r"(cs), "=r"(ss));
	for (uint16_t selector = 0; selector < 256; selector++) {
		struct forgery code = { "cs", selector, 0, set_cs };
		struct forgery stack = { "ss", selector, 0, set_ss };
		if ((selector | 3) != 0x23 && (selector | 3) != cs)
			check_fatal(&code, 1);
		if ((selector | 3) != ss)
			check_fatal(&stack, 1);
		selector += selector % 4 == 3 ? 0 : 2; /* privilege 0 and 3 are enough */
	}
}

/* Privilege 0 of the program's own segments is made 3. */
static int check_segments(void)
{
	uint16_t cs, ss;

	asm volatile("mov %%cs, %0; mov %%ss, %1" : "=r"(cs), "=r"(ss));
	return (cs & 3) == 3 && (ss & 3) == 3 ? 42 : 1;
}

TEST(privilege_of_segments)
{
	uint16_t cs, ss;

	asm("mov %%cs, %0; mov %%ss, %1" : "=r"(cs), "=r"(ss));
	for (uint16_t privilege = 0; privilege < 4; privilege++) {
		struct forgery code = { "cs", (cs & ~3u) | privilege, 0, set_cs };
		struct forgery stack = { "ss", (ss & ~3u) | privilege, 0, set_ss };
		CONTEXT("privilege %d", privilege);
		CHECK_EXIT(forge_in_child(&code, check_segments), 42);
		CHECK_EXIT(forge_in_child(&stack, check_segments), 42);
	}
}

/* Without UC_STRICT_RESTORE_SS a bad ss is mended, for programs from before the frame had one. */
static void loose_ss(struct kernel_ucontext *uc, const struct forgery *by)
{
	uc->mcontext.ss = (uint16_t)by->value;
	uc->flags &= ~(unsigned long)UC_STRICT_RESTORE_SS;
}

TEST(an_old_frames_stack_segment)
{
	static const uint16_t selectors[] = { 0, 8, 0x10, 0x18, 0x23, 0x2b, 0x33, 0xffff };

	for (size_t i = 0; i < ARRAY_SIZE(selectors); i++) {
		struct forgery by = { "ss", selectors[i], 0, loose_ss };
		CONTEXT("ss %x", selectors[i]);
		CHECK_EXIT(forge_in_child(&by, check_segments), 42);
	}
}

TEST(addresses_to_return_to)
{
	static const struct forgery rows[] = {
		{ "rip", 0, 0, set_rip },
		{ "rip", 0x0000800000000000, 0, set_rip },
		{ "rip", 0x00007ffffffff000, 0, set_rip },
		{ "rip", 0x00007fffffffffff, 0, set_rip },
		{ "rip", 0x8000000000000000, 0, set_rip },
		{ "rip", 0xffff7fffffffffff, 0, set_rip },
		{ "rip", 0xffff800000000000, 0, set_rip },
		{ "rip", 0xffff888000000000, 0, set_rip },
		{ "rip", 0xffffffff80000000, 0, set_rip },
		{ "rip", 0xffffffff80100000, 0, set_rip },
		{ "rip", 0xfffffffffffff000, 0, set_rip },
		{ "rip", 0xffffffffffffffff, 0, set_rip },
	};

	check_fatal(rows, ARRAY_SIZE(rows));
}

/* The program may have any stack pointer, as long as it does not use it. */
static void set_rsp(struct kernel_ucontext *uc, const struct forgery *by)
{
	uc->mcontext.rsp = by->value;
}

TEST(stack_pointers_are_only_numbers)
{
	static const uint64_t values[] = { 0,
					   1,
					   0x0000800000000000,
					   0x8000000000000000,
					   0xffff800000000000,
					   0xffffffff80000000,
					   0xffffffffffffffff };

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		struct forgery by = { "rsp", values[i], 0, set_rsp };
		forgery = &by;
		CONTEXT("rsp %llx", (unsigned long long)values[i]);
		frame_fill();
		frame_run(forge, SA_SIGINFO);
		CHECK_EQ(frame_out.rsp, values[i]);
	}
}

TEST(fpu_images)
{
	static const struct forgery rows[] = {
		{ "pointer", 8, 0, set_fpu_pointer },
		{ "pointer", 0x00007ffffffff000, 0, set_fpu_pointer },
		{ "pointer", 0x8000000000000000, 0, set_fpu_pointer },
		{ "pointer", 0xffff888000000000, 0, set_fpu_pointer },
		{ "pointer", 0xffffffff80000000, 0, set_fpu_pointer },
		{ "pointer", 0xffffffffffffffc0, 0, set_fpu_pointer },
		{ "offset", 8, 0, move_fpu },
		{ "offset", 1, 0, move_fpu },
		{ "MXCSR", 0x10000, 0, set_mxcsr },
		{ "MXCSR", 0x80000000, 0, set_mxcsr },
		{ "MXCSR", 0xffffffff, 0, set_mxcsr },
	};
	/* only where there is XSAVE */
	static const struct forgery extended[] = {
		{ "offset", 16, 0, move_fpu },
		{ "offset", 32, 0, move_fpu },
		{ "XSTATE_BV", 1ULL << 62, 0, set_header },
		{ "XSTATE_BV", 1ULL << 63, 0, set_header },
		{ "XSTATE_BV", 1ULL << 40, 0, set_header },
		{ "XSTATE_BV", ~0ULL, 0, set_header },
		{ "XCOMP_BV", 1, 1, set_header },
		{ "XCOMP_BV", 1ULL << 62, 1, set_header },
		{ "XCOMP_BV", 1ULL << 63, 1, set_header },
		{ "XCOMP_BV", ~0ULL, 1, set_header },
		{ "reserved", 1, 2, set_header },
		{ "reserved", ~0ULL, 2, set_header },
	};

	check_fatal(rows, ARRAY_SIZE(rows));
	if (enabled_features())
		check_fatal(extended, ARRAY_SIZE(extended));
}

/* The image may be anywhere in memory that the program has. */
TEST(an_image_elsewhere)
{
	struct forgery by = { "offset", 64, 0, move_fpu };

	forgery = &by;
	frame_fill();
	frame_run(forge, SA_SIGINFO);
	for (int i = 0; i < 16; i++)
		CHECK(!memcmp(frame_out.ymm[i], frame_in.ymm[i], frame_avx ? 32 : 16));
	CHECK_EQ(frame_out.mxcsr, frame_in.mxcsr);
}

/* A first sigreturn cannot prepare the ground for a second: what it says that the processor can do
 * is not believed. */
static void set_mxcsr_mask(struct kernel_ucontext *uc, const struct forgery *by)
{
	*(uint32_t *)(fpu_of(uc) + 28) = (uint32_t)by->value;
}

TEST(the_mask_in_the_image)
{
	static const struct forgery first = { "mask", ~0U, 0, set_mxcsr_mask };
	static const struct forgery second = { "MXCSR", ~0U, 0, set_mxcsr };

	pid_t pid = FORK();
	if (pid == 0) {
		frame_fill();
		forgery = &first;
		frame_run(forge, SA_SIGINFO);
		forgery = &second;
		frame_run(forge, SA_SIGINFO);
	}
	CHECK_SIGNAL(pid, SIGSEGV);
}

/* ---- flags ----------------------------------------------------------------------------------- */

enum {
	CARRY = 1,
	FIXED = 2,
	TRAP = 0x100,
	INTERRUPTS = 0x200,
	DIRECTION = 0x400,
	IOPL = 0x3000,
	NESTED = 0x4000,
	VM86 = 0x20000,
	VIRTUAL_INTERRUPTS = 0x180000,
	ARITHMETIC = 0x8d5,
};

TEST(flags)
{
	static const struct {
		uint64_t set, expected;
	} rows[] = {
		{ 0, INTERRUPTS | FIXED },
		{ ARITHMETIC, ARITHMETIC | INTERRUPTS | FIXED },
		{ INTERRUPTS, INTERRUPTS | FIXED },
		{ DIRECTION, DIRECTION | INTERRUPTS | FIXED },
		{ IOPL, INTERRUPTS | FIXED },
		{ NESTED, INTERRUPTS | FIXED },
		{ VM86, INTERRUPTS | FIXED },
		{ VIRTUAL_INTERRUPTS, INTERRUPTS | FIXED },
		{ 0x8028, INTERRUPTS | FIXED }, /* bits that are always 0 */
		{ 0xffffffff00000000, INTERRUPTS | FIXED },
		{ ~(uint64_t)TRAP & ~0x240000ULL, ARITHMETIC | DIRECTION | INTERRUPTS | FIXED },
	};
	enum { IDENTIFICATION = 0x200000, RESUME = 0x10000, ALIGNMENT = 0x40000 };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct forgery by = { "flags", rows[i].set, 0, set_flags };
		forgery = &by;
		CONTEXT("flags %llx", (unsigned long long)rows[i].set);
		frame_fill();
		frame_run(forge, SA_SIGINFO);
		CHECK_EQ(frame_out.rflags & ~(uint64_t)(IDENTIFICATION | RESUME | ALIGNMENT),
			 rows[i].expected);
	}
}

/* I/O privilege would let a program stop the machine: cli and in stay forbidden. */
static int try_cli(void)
{
	asm volatile("cli");
	return 1;
}

static int try_in(void)
{
	uint8_t byte;

	asm volatile("in $0x60, %0" : "=a"(byte));
	return 1;
}

TEST(no_io_privilege)
{
	struct forgery by = { "flags", IOPL, 0, set_flags };

	CHECK_SIGNAL(forge_in_child(&by, try_cli), SIGSEGV);
	CHECK_SIGNAL(forge_in_child(&by, try_in), SIGSEGV);
}

/* A single step is no privilege: it ends in SIGTRAP. */
TEST(the_trap_flag)
{
	struct forgery by = { "flags", TRAP, 0, set_flags };

	CHECK_SIGNAL(forge_in_child(&by, NULL), SIGTRAP);
}

/* ---- sigreturn out of the blue --------------------------------------------------------------- */

static void sigreturn_at(uint64_t stack)
{
	asm volatile("mov %0, %%rsp; mov %1, %%eax; syscall; ud2"
		     :
		     : "r"(stack), "i"(SYS_rt_sigreturn)
		     : "memory");
}

TEST(without_a_signal)
{
	static const uint64_t stacks[] = { 0,
					   8,
					   0x00007ffffffff000,
					   0x0000800000000000,
					   0x8000000000000000,
					   0xffff888000000000,
					   0xffffffff80000000,
					   0xfffffffffffffff8 };

	for (size_t i = 0; i < ARRAY_SIZE(stacks); i++) {
		CONTEXT("stack %llx", (unsigned long long)stacks[i]);
		pid_t pid = FORK();
		if (pid == 0)
			sigreturn_at(stacks[i]);
		CHECK_SIGNAL(pid, SIGSEGV);
	}
}

static void exit_44(void)
{
	syscall(SYS_exit_group, 44);
}

/* A frame made by hand does as well as the kernel's: everything in it is the program's to set. */
TEST(a_frame_made_by_hand)
{
	static struct kernel_frame frame;
	static uint64_t stack[512];
	static const int fill[] = { 0, 0x55, 0xff };

	frame.uc.mcontext.rip = (uint64_t)exit_44;
	frame.uc.mcontext.rsp = (uint64_t)&stack[500];
	frame.uc.mcontext.cs = 0x33;
	pid_t pid = FORK();
	if (pid == 0)
		sigreturn_at((uint64_t)&frame + 8);
	CHECK_EXIT(pid, 44);
	for (size_t i = 0; i < ARRAY_SIZE(fill); i++) { /* and these are none */
		memset(&frame, fill[i], sizeof(frame));
		pid = FORK();
		if (pid == 0)
			sigreturn_at((uint64_t)&frame + 8);
		CHECK_SIGNAL(pid, SIGSEGV);
	}
}

/* Random frames, many: the process may do anything, the kernel goes on. */
TEST(random_frames)
{
	static struct kernel_frame frame;
	static _Alignas(64) uint8_t image[4096];
	uint64_t state = 88172645463325252;

	for (int round = 0; round < 300; round++) {
		uint64_t *words = (uint64_t *)&frame;
		for (size_t i = 0; i < sizeof(frame) / 8; i++) {
			state ^= state << 13, state ^= state >> 7, state ^= state << 17;
			words[i] = state >> (state % 64);
		}
		for (size_t i = 0; i < sizeof(image); i++)
			image[i] = (uint8_t)(state >> i % 57);
		frame.uc.mcontext.fpstate = round % 3 ? (void *)image : NULL;
		if (round % 2)
			frame.uc.mcontext.cs = 0x33;
		if (round % 4 < 2)
			frame.uc.mcontext.ss = 0x2b;
		int status;
		pid_t pid = FORK();
		if (pid == 0) {
			set_mask(0);
			sigreturn_at((uint64_t)&frame + 8);
		}
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK(WIFSIGNALED(status));
	}
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
