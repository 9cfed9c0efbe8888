/*
 * Floating-point and vector registers belong to a process like all others: whoever else computes in
 * between, they hold what was put there. Several processes keep different values in every x87, SSE
 * and, where there are any, AVX registers and in their control words, over system calls, sleeps and
 * time slices. Source: x86-64 psABI 3.2.1; Intel SDM volume 1, chapter 13.
 */
#include "proc.h"

enum { WORKERS = 4, ROUNDS = 60 };

struct vectors {
	uint8_t ymm[16][32];
};

static bool have_avx(void)
{
	uint32_t a = 1, b, c = 0, d, low, high;

	asm volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	if (!(c & 1u << 27) || !(c & 1u << 28)) /* XSAVE enabled by the kernel, and AVX */
		return false;
	asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return (low & 6) == 6;
}

/*
 * Loads the vectors, spins through several time slices or makes one system call, and stores them,
 * all within one statement, so that no compiler uses the registers in between.
 */
/* clang-format off */
#define HOLD(move, prefix)									\
	asm volatile(										\
		move " (%2), %%" prefix "0; " move " 32(%2), %%" prefix "1\n"			\
		move " 64(%2), %%" prefix "2; " move " 96(%2), %%" prefix "3\n"			\
		move " 128(%2), %%" prefix "4; " move " 160(%2), %%" prefix "5\n"		\
		move " 192(%2), %%" prefix "6; " move " 224(%2), %%" prefix "7\n"		\
		move " 256(%2), %%" prefix "8; " move " 288(%2), %%" prefix "9\n"		\
		move " 320(%2), %%" prefix "10; " move " 352(%2), %%" prefix "11\n"		\
		move " 384(%2), %%" prefix "12; " move " 416(%2), %%" prefix "13\n"		\
		move " 448(%2), %%" prefix "14; " move " 480(%2), %%" prefix "15\n"		\
		"1: dec %%r8; jnz 1b; test %%rax, %%rax; js 2f; syscall; 2:\n"			\
		move " %%" prefix "0, (%3); " move " %%" prefix "1, 32(%3)\n"			\
		move " %%" prefix "2, 64(%3); " move " %%" prefix "3, 96(%3)\n"			\
		move " %%" prefix "4, 128(%3); " move " %%" prefix "5, 160(%3)\n"		\
		move " %%" prefix "6, 192(%3); " move " %%" prefix "7, 224(%3)\n"		\
		move " %%" prefix "8, 256(%3); " move " %%" prefix "9, 288(%3)\n"		\
		move " %%" prefix "10, 320(%3); " move " %%" prefix "11, 352(%3)\n"		\
		move " %%" prefix "12, 384(%3); " move " %%" prefix "13, 416(%3)\n"		\
		move " %%" prefix "14, 448(%3); " move " %%" prefix "15, 480(%3)\n"		\
		: "+a"(call), "+r"(spins)							\
		: "r"(in), "r"(out), "D"(argument), "S"(0L)					\
		: "rcx", "r11", "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",	\
		  "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",	\
		  "xmm15")
/* clang-format on */

/* call is the number of the system call to make with this argument, or -1 for none. */
static void hold_sse(const struct vectors *in, struct vectors *out, long call, const void *argument,
		     long iterations)
{
	register long spins asm("r8") = iterations;

	HOLD("movups", "xmm");
}

static void hold_avx(const struct vectors *in, struct vectors *out, long call, const void *argument,
		     long iterations)
{
	register long spins asm("r8") = iterations;

	HOLD("vmovups", "ymm");
	asm volatile("vzeroupper");
}

/* One worker: values nobody else has, other ones in every round. */
static void work(int worker, bool avx)
{
	static const struct timespec ms = { 0, 1000000 };
	static struct vectors in, out;
	static const struct {
		long call;
		const void *argument;
		long spins;
	} ways[] = {
		{ SYS_sched_yield, NULL, 1 },
		{ SYS_nanosleep, &ms, 1 },
		{ -1, NULL, 5000000 },
		{ SYS_getpid, NULL, 1 },
	};

	for (int round = 0; round < ROUNDS; round++) {
		const __typeof__(ways[0]) *way = &ways[round % ARRAY_SIZE(ways)];
		size_t width = avx ? 32 : 16;
		for (int i = 0; i < 16; i++)
			memset(in.ymm[i], worker * 64 + i + round, width);
		memset(&out, 0, sizeof(out));
		if (avx)
			hold_avx(&in, &out, way->call, way->argument, way->spins);
		else
			hold_sse(&in, &out, way->call, way->argument, way->spins);
		for (int i = 0; i < 16; i++)
			for (size_t j = 0; j < width; j++)
				CHECK_EQ(out.ymm[i][j], in.ymm[i][j]);
	}
	_exit(0);
}

static void run_workers(void (*worker)(int number, bool avx), bool avx)
{
	pid_t pids[WORKERS];

	for (int i = 0; i < WORKERS; i++) {
		pids[i] = FORK();
		if (pids[i] == 0)
			worker(i, avx);
	}
	for (int i = 0; i < WORKERS; i++)
		CHECK_EXIT(pids[i], 0);
}

TEST(sse_registers)
{
	run_workers(work, false);
}

TEST(avx_registers)
{
	if (!have_avx())
		SKIP("no AVX here");
	run_workers(work, true);
}

/* Eight numbers on the x87 stack, and a rounding mode of its own for each worker. */
static void work_x87(int worker, bool avx)
{
	uint16_t control = (uint16_t)(0x007f | (worker & 3) << 10 | 0x300), control_now;
	uint32_t mxcsr = (uint32_t)(0x1f80 | (worker & 3) << 13), mxcsr_now;
	double value = worker + 0.25, sum;

	(void)avx;
	asm volatile("fninit; fldcw %0; ldmxcsr %1" : : "m"(control), "m"(mxcsr));
	for (int round = 0; round < ROUNDS; round++) {
		long result, spins = round % 3 ? 1 : 5000000;
		asm volatile("fldl %3; fld %%st; fld %%st; fld %%st\n"
			     "fld %%st; fld %%st; fld %%st; fld %%st\n"
			     "1: dec %1; jnz 1b; syscall\n"
			     "faddp; faddp; faddp; faddp; faddp; faddp; faddp; fstpl %2"
			     : "=a"(result), "+r"(spins), "=m"(sum)
			     : "m"(value), "a"(SYS_sched_yield)
			     : "rcx", "r11", "memory", "cc");
		CHECK_EQ(result, 0);
		CHECK(sum == 8 * value);
		asm volatile("fnstcw %0; stmxcsr %1" : "=m"(control_now), "=m"(mxcsr_now));
		CHECK_EQ(control_now, control);
		CHECK_EQ(mxcsr_now & ~0x3fu, mxcsr);
	}
	_exit(0);
}

TEST(x87_registers_and_control_words)
{
	run_workers(work_x87, false);
}

/* Long computations in plain C, in which every lost register shows in the sum. */
static double compute(int seed)
{
	double sum = 0, x = seed + 1;

	for (int i = 0; i < 100000; i++) {
		x = x * 1.0000001 + 0.5 / (i + 1);
		sum += x / (seed + 2);
		if (i % 10000 == 0)
			sched_yield();
	}
	return sum;
}

static void work_c(int worker, bool avx)
{
	double first = compute(worker);

	(void)avx;
	for (int i = 0; i < 8; i++)
		CHECK(compute(worker) == first);
	_exit(0);
}

TEST(computations)
{
	run_workers(work_c, false);
}

/*
 * A signal that ends a process, or an exec, between two uses must not hand its registers to
 * another.
 */
TEST(deaths_in_between)
{
	static struct vectors in, out;

	for (int round = 0; round < 50; round++) {
		memset(&in, round + 1, sizeof(in));
		pid_t pid = FORK();
		if (pid == 0) {
			memset(&in, 0xee, sizeof(in));
			hold_sse(&in, &out, SYS_getpid, NULL, 1000);
			kill(getpid(), SIGKILL);
		}
		hold_sse(&in, &out, SYS_sched_yield, NULL, 100000);
		for (int i = 0; i < 16; i++)
			CHECK(!memcmp(in.ymm[i], out.ymm[i], 16));
		CHECK_SIGNAL(pid, SIGKILL);
	}
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
