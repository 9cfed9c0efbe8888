/*
 * The small calls every program makes, uname, prctl names, getrandom, sysinfo, arch_prctl, and the
 * system-call instruction itself: which registers and flags survive it, what unknown numbers do,
 * and that nothing a program does to its flags, stack pointer or segments before a call harms the
 * kernel. Sources: uname(2), prctl(2), getrandom(2), sysinfo(2), arch_prctl(2); x86-64 psABI A.2.1;
 * Intel SDM volume 2, SYSCALL, SYSRET.
 */
#include "proc.h"
#include "registers.h"
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

enum { ARCH_SET_GS = 0x1001, ARCH_SET_FS, ARCH_GET_FS, ARCH_GET_GS }; /* <asm/prctl.h> */

/* ---- uname ----------------------------------------------------------------------------------- */

TEST(names_of_the_system)
{
	struct utsname name;

	memset(&name, 0xff, sizeof(name));
	CHECK_EQ(syscall(SYS_uname, &name), 0);
	const char *const fields[] = {
		name.sysname, name.nodename, name.release, name.version, name.machine,
	};
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		CONTEXT("field %zu", i);
		CHECK(strnlen(fields[i], 65) > 0 && strnlen(fields[i], 65) < 65);
	}
	CHECK(strnlen(name.domainname, 65) < 65);
	CHECK_STR(name.machine, "x86_64");
	CHECK(name.release[0] >= '0' && name.release[0] <= '9');
	CHECK_ERRNO(syscall(SYS_uname, BAD_POINTER), EFAULT);
	CHECK_ERRNO(syscall(SYS_uname, KERNEL_ADDRESS), EFAULT);
}

/* ---- names of processes ---------------------------------------------------------------------- */

TEST(process_name)
{
	static const struct {
		const char *set, *get;
	} names[] = {
		{ "short", "short" },
		{ "", "" },
		{ "exactly_fifteen", "exactly_fifteen" },
		{ "more_than_fifteen", "more_than_fifte" },
		{ "a b)(c", "a b)(c" },
	};
	char name[64], line[64], stat[1024], wanted[64];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		CONTEXT("name \"%s\"", names[i].set);
		memset(name, 0x55, sizeof(name));
		CHECK_EQ(prctl(PR_SET_NAME, names[i].set), 0);
		CHECK_EQ(prctl(PR_GET_NAME, name), 0);
		CHECK_STR(name, names[i].get);
		CHECK_EQ(name[16], 0x55); /* sixteen bytes and no more */
		status_line(getpid(), "Name", line, sizeof(line));
		CHECK_STR(line, names[i].get);
		CHECK(read_text("/proc/self/stat", stat, sizeof(stat)) > 0);
		snprintf(wanted, sizeof(wanted), "%d (%s) ", (int)getpid(), names[i].get);
		CHECK(!strncmp(stat, wanted, strlen(wanted)));
	}
	CHECK_ERRNO(prctl(PR_SET_NAME, BAD_POINTER), EFAULT);
	CHECK_ERRNO(prctl(PR_GET_NAME, KERNEL_ADDRESS), EFAULT);
	CHECK_ERRNO(prctl(0x7fffffff, 0, 0, 0, 0), EINVAL);
}

TEST(process_name_is_inherited_and_private)
{
	char name[16];

	CHECK_EQ(prctl(PR_SET_NAME, "parent"), 0);
	pid_t pid = FORK();
	if (pid == 0) {
		CHECK_EQ(prctl(PR_GET_NAME, name), 0);
		CHECK_STR(name, "parent");
		CHECK_EQ(prctl(PR_SET_NAME, "child"), 0);
		_exit(0);
	}
	CHECK_EXIT(pid, 0);
	CHECK_EQ(prctl(PR_GET_NAME, name), 0);
	CHECK_STR(name, "parent");
}

/* ---- random numbers -------------------------------------------------------------------------- */

TEST(random_lengths)
{
	static const size_t lengths[] = { 0, 1, 2, 7, 16, 255, 256, 257, 4096, 100000 };
	static unsigned char bytes[100000 + 8];

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		CONTEXT("%zu bytes", lengths[i]);
		memset(bytes, 0, sizeof(bytes));
		CHECK_EQ(getrandom(bytes, lengths[i], 0), lengths[i]);
		for (size_t j = 0; j < 8; j++)
			CHECK_EQ(bytes[lengths[i] + j], 0);
		size_t zeros = 0;
		for (size_t j = 0; j < lengths[i]; j++)
			zeros += bytes[j] == 0;
		CHECK(lengths[i] < 16 || zeros < lengths[i] / 8);
	}
}

TEST(random_is_random)
{
	unsigned char first[32], second[32];
	struct gate gate = gate_new();

	CHECK_EQ(getrandom(first, sizeof(first), GRND_NONBLOCK), sizeof(first));
	CHECK_EQ(getrandom(second, sizeof(second), GRND_RANDOM), sizeof(second));
	CHECK(memcmp(first, second, sizeof(first)));
	pid_t pid = FORK();
	CHECK_EQ(getrandom(first, sizeof(first), 0), sizeof(first));
	if (pid == 0) {
		CHECK_EQ(write(gate.in, first, sizeof(first)), sizeof(first));
		_exit(0);
	}
	CHECK_EQ(read(gate.out, second, sizeof(second)), sizeof(second));
	CHECK(memcmp(first, second, sizeof(first)));
	CHECK_EXIT(pid, 0);
}

TEST(random_errors)
{
	char bytes[16];

	CHECK_ERRNO(getrandom(bytes, sizeof(bytes), 0x80), EINVAL);
	CHECK_ERRNO(getrandom(bytes, sizeof(bytes), ~0u), EINVAL);
	CHECK_ERRNO(syscall(SYS_getrandom, BAD_POINTER, 16, 0), EFAULT);
	CHECK_ERRNO(syscall(SYS_getrandom, KERNEL_ADDRESS, 16, 0), EFAULT);
	CHECK_EQ(syscall(SYS_getrandom, BAD_POINTER, 0, 0), 0);
}

/* ---- sysinfo --------------------------------------------------------------------------------- */

TEST(system_information)
{
	struct sysinfo info;

	memset(&info, 0, sizeof(info));
	CHECK_EQ(syscall(SYS_sysinfo, &info), 0);
	CHECK(info.totalram > 0 && info.freeram > 0 && info.freeram < info.totalram);
	CHECK(info.mem_unit > 0);
	CHECK((double)info.totalram * info.mem_unit >= 16 << 20);
	CHECK(info.procs > 0);
	CHECK((int64_t)info.uptime <= clock_ns(CLOCK_BOOTTIME) / 1000000000 + 1);
	CHECK_ERRNO(syscall(SYS_sysinfo, BAD_POINTER), EFAULT);
}

/* ---- segment bases --------------------------------------------------------------------------- */

static uint64_t base(int code)
{
	uint64_t value;

	CHECK_EQ(syscall(SYS_arch_prctl, code, &value), 0);
	return value;
}

TEST(thread_pointer)
{
	uint64_t own = base(ARCH_GET_FS), word = 0x1122334455667788, read;
	long result;

	asm volatile("mov %%fs:0, %0" : "=r"(read));
	CHECK_EQ(read, own); /* the C library keeps the address of its block there */
	asm volatile("syscall; mov %%fs:0, %1"
		     : "=a"(result), "=&b"(read)
		     : "a"(SYS_arch_prctl), "D"(ARCH_SET_FS), "S"(&word)
		     : "rcx", "r11", "memory");
	asm volatile("syscall"
		     : "=a"(result)
		     : "a"(SYS_arch_prctl), "D"(ARCH_SET_FS), "S"(own)
		     : "rcx", "r11", "memory");
	CHECK_EQ(result, 0);
	CHECK_EQ(read, word);
	CHECK_EQ(base(ARCH_GET_FS), own);
}

/* The user's GS is the user's, whatever the kernel keeps in its own. */
TEST(gs_base)
{
	uint64_t word[2] = { 77, 88 }, read;

	CHECK_EQ(base(ARCH_GET_GS), 0);
	CHECK_EQ(syscall(SYS_arch_prctl, ARCH_SET_GS, word), 0);
	for (int i = 0; i < 20; i++) {
		asm volatile("mov %%gs:8, %0" : "=r"(read));
		CHECK_EQ(read, 88);
		CHECK_EQ(base(ARCH_GET_GS), (uintptr_t)word);
		pause_briefly();
	}
	pid_t pid = FORK();
	if (pid == 0) {
		CHECK_EQ(base(ARCH_GET_GS), (uintptr_t)word);
		CHECK_EQ(syscall(SYS_arch_prctl, ARCH_SET_GS, NULL), 0);
		_exit(0);
	}
	CHECK_EXIT(pid, 0);
	asm volatile("mov %%gs:0, %0" : "=r"(read));
	CHECK_EQ(read, 77);
}

TEST(base_errors)
{
	CHECK_ERRNO(syscall(SYS_arch_prctl, ARCH_SET_FS, KERNEL_ADDRESS), EPERM);
	CHECK_ERRNO(syscall(SYS_arch_prctl, ARCH_SET_FS, NON_CANONICAL), EPERM);
	CHECK_ERRNO(syscall(SYS_arch_prctl, ARCH_SET_GS, KERNEL_ADDRESS), EPERM);
	CHECK_ERRNO(syscall(SYS_arch_prctl, ARCH_GET_FS, BAD_POINTER), EFAULT);
	CHECK_ERRNO(syscall(SYS_arch_prctl, 0x7777, NULL), EINVAL);
}

/* Loading null or the data selector must not confuse the kernel, which has a GS of its own. */
TEST(segment_registers)
{
	uint16_t selectors[] = { 0, 1, 2, 3, 0 };

	asm("mov %%ss, %w0" : "=r"(selectors[4]));
	for (size_t i = 0; i < ARRAY_SIZE(selectors); i++) {
		pid_t pid = FORK();
		if (pid == 0) {
			asm volatile("mov %w0, %%ds; mov %w0, %%es; mov %w0, %%gs"
				     :
				     : "r"(selectors[i]));
			for (int j = 0; j < 5; j++)
				pause_briefly();
			burn_cpu_ms(20);
			_exit(syscall(SYS_getpid) == getpid() ? 0 : 1);
		}
		CHECK_EXIT(pid, 0);
	}
	pid_t pid = FORK();
	if (pid == 0) {
		asm volatile("mov %w0, %%gs" : : "r"(0x10)); /* a selector of the kernel */
		_exit(0);
	}
	CHECK_SIGNAL(pid, SIGSEGV);
}

/* ---- numbers --------------------------------------------------------------------------------- */

TEST(unknown_calls)
{
	static const long numbers[] = { 400,	 415, 1000, 4095,  4096,   1 << 20,
					INT_MAX, -1,  -2,   -1000, INT_MIN };

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		CONTEXT("call %ld", numbers[i]);
		CHECK_ERRNO(syscall(numbers[i], -1L, -1L, -1L, -1L, -1L, -1L), ENOSYS);
	}
}

/* ---- what a call leaves as it was ------------------------------------------------------------ */

TEST(registers_survive)
{
	static const struct timespec ms = { 0, 2000000 };
	static char name[512];
	const struct {
		long number;
		uint64_t a, b, c;
	} calls[] = {
		{ SYS_getpid, 1, 2, 3 },
		{ 1000, 4, 5, 6 },
		{ -1, 7, 8, 9 },
		{ SYS_write, 99, (uintptr_t)name, 1 },
		{ SYS_read, 0, (uintptr_t)KERNEL_ADDRESS, 1 },
		{ SYS_uname, (uintptr_t)name, 10, 11 },
		{ SYS_uname, (uintptr_t)NON_CANONICAL, 12, 13 },
		{ SYS_nanosleep, (uintptr_t)&ms, 0, 14 },
		{ SYS_sched_yield, 15, 16, 17 },
		{ SYS_wait4, (uint64_t)-1, 0, 0 },
		{ SYS_brk, 0, 18, 19 },
		{ SYS_kill, (uint64_t)getpid(), 0, 20 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		CONTEXT("call %ld", calls[i].number);
		registers_fill(0x9e3779b97f4a7c15 * (i + 1));
		registers_in.rax = (uint64_t)calls[i].number;
		registers_in.rdi = calls[i].a;
		registers_in.rsi = calls[i].b;
		registers_in.rdx = calls[i].c;
		if (calls[i].number == SYS_wait4)
			registers_in.r10 = 0;
		syscall_with_registers();
		registers_check();
	}
}

#define FLAG_CF 0x1UL
#define FLAG_PF 0x4UL
#define FLAG_ZF 0x40UL
#define FLAG_SF 0x80UL
#define FLAG_DF 0x400UL
#define FLAG_OF 0x800UL
#define FLAG_NT 0x4000UL
#define FLAG_AC 0x40000UL
#define FLAG_ID 0x200000UL

/*
 * The flags of the program come back, and while they are set the kernel works as always: the
 * direction flag does not turn its copies round, the nested-task flag does not break its way back,
 * the alignment-check flag opens no user memory to it.
 */
TEST(flags_survive)
{
	static const uint64_t flags[] = {
		0,	 FLAG_CF | FLAG_PF | FLAG_ZF | FLAG_SF | FLAG_OF, FLAG_DF, FLAG_NT, FLAG_AC,
		FLAG_ID, FLAG_DF | FLAG_NT | FLAG_AC | FLAG_ID,
	};
	static char letters[5000], copy[5000];
	static const struct timespec ms = { 0, 2000000 };
	struct gate gate = gate_new();

	for (size_t i = 0; i < sizeof(letters); i++)
		letters[i] = (char)('a' + i % 23);
	const struct {
		long number;
		uint64_t a, b, c;
		long result;
	} calls[] = {
		{ SYS_write, (uint64_t)gate.in, (uintptr_t)letters, sizeof(letters),
		  sizeof(letters) },
		{ SYS_nanosleep, (uintptr_t)&ms, 0, 0, 0 },
		{ SYS_read, (uint64_t)gate.out, (uintptr_t)copy, sizeof(copy), sizeof(copy) },
		{ SYS_uname, (uintptr_t)KERNEL_ADDRESS, 0, 0, -EFAULT },
		{ SYS_uname, (uintptr_t)BAD_POINTER, 0, 0, -EFAULT },
	};
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		memset(copy, 0, sizeof(copy));
		for (size_t j = 0; j < ARRAY_SIZE(calls); j++) {
			CONTEXT("flags 0x%lx, call %ld", (unsigned long)flags[i], calls[j].number);
			registers_fill(i);
			registers_in.rax = (uint64_t)calls[j].number;
			registers_in.rdi = calls[j].a;
			registers_in.rsi = calls[j].b;
			registers_in.rdx = calls[j].c;
			registers_in.rflags = flags[i];
			syscall_with_registers();
			CHECK_EQ((long)registers_out.rax, calls[j].result);
			CHECK_EQ(registers_out.rflags & flags[i], flags[i]);
			CHECK_EQ(registers_out.rflags & 0x200, 0x200);
			registers_check();
		}
		CHECK(!memcmp(letters, copy, sizeof(copy)));
	}
}

/* The same for interrupts, which come at any instruction of a program that has such flags set. */
TEST(flags_survive_interrupts)
{
	static const uint64_t flags[] = { FLAG_DF, FLAG_NT, FLAG_AC, FLAG_DF | FLAG_NT | FLAG_AC };

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		int64_t end = clock_ns(CLOCK_PROCESS_CPUTIME_ID) + 40000000;
		CONTEXT("flags 0x%lx", (unsigned long)flags[i]);
		while (clock_ns(CLOCK_PROCESS_CPUTIME_ID) < end) {
			uint64_t after;
			asm volatile("lea -128(%%rsp), %%rsp; pushfq; or %1, (%%rsp); popfq\n"
				     "mov $1000000, %%ecx; 1: dec %%ecx; jnz 1b\n"
				     "pushfq; pop %0; pushq $0x202; popfq; lea 128(%%rsp), %%rsp"
				     : "=&r"(after)
				     : "r"(flags[i])
				     : "rcx", "memory", "cc");
			CHECK_EQ(after & flags[i], flags[i]);
		}
	}
}

/*
 * The kernel has a stack of its own and does not look at the program's, neither in a call nor
 * otherwise.
 */
TEST(any_stack_pointer)
{
	static const uint64_t pointers[] = {
		0,
		1,
		0x7fffffffffff,
		0x8000000000000000,
		0xffff800000000000,
		0xffffffff80000000,
		UINT64_MAX,
	};

	for (size_t i = 0; i < ARRAY_SIZE(pointers); i++) {
		long result;
		CONTEXT("stack pointer 0x%lx", (unsigned long)pointers[i]);
		asm volatile("mov %%rsp, %%rbx; mov %2, %%rsp; syscall\n"
			     "mov $30000000, %%ecx; 1: dec %%ecx; jnz 1b; mov %%rbx, %%rsp"
			     : "=a"(result)
			     : "a"(SYS_getpid), "r"(pointers[i])
			     : "rbx", "rcx", "r11", "memory", "cc");
		CHECK_EQ(result, getpid());
	}
}

/*
 * A call whose return address is not canonical would make sysret fault in kernel mode, on the
 * user's stack. So the last page below the hole cannot be mapped, and a call at the end of the one
 * before it goes back to an address that is canonical but not there.
 */
TEST(call_at_the_end_of_user_memory)
{
	char *last = (char *)0x7fffffffe000;
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;

	if (mmap((void *)(1UL << 50), 4096, PROT_READ, flags, -1, 0) != MAP_FAILED)
		SKIP("with page tables of five levels user memory does not end here");
	CHECK_ERRNO((long)mmap(last + 4096, 4096, PROT_READ | PROT_EXEC, flags, -1, 0), ENOMEM);
	pid_t pid = FORK();
	if (pid == 0) {
		char *page = mmap(last, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
		if (page == MAP_FAILED) /* the stack may lie there */
			CHECK_EQ(mprotect(last, 4096, PROT_READ | PROT_WRITE | PROT_EXEC), 0);
		memcpy(last + 4094, "\x0f\x05", 2);
		asm volatile("jmp *%1"
			     :
			     : "a"(SYS_getpid), "r"(last + 4094)
			     : "rcx", "r11", "memory");
		_exit(0);
	}
	CHECK_SIGNAL(pid, SIGSEGV);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
