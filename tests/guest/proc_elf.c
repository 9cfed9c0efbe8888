/*
 * What execve makes of an ELF file: where its segments go and what they hold, the registers and the
 * stack a program starts with, the auxiliary vector, position-independent programs, and what
 * happens to files that are cut off, damaged or absurd. Sources: System V ABI, x86-64 psABI 3.4.1
 * (initial stack and registers), elf(5), getauxval(3), execve(2).
 *
 * The programs are built here byte by byte. Their code is either eleven bytes that exit with 42, or
 * a probe compiled into this file, which reports what it found to descriptor 50; a probe lies in a
 * section of its own, uses nothing outside of it, and works at any address.
 *
 * Where Linux notices an absurd segment only after the old program is gone, and kills the process,
 * a kernel that notices it before may also return an error. Such cases are marked EITHER.
 */
#include "proc.h"
#include <elf.h>
#include <stddef.h>

enum { REPORT = 50 };
enum { ARCH_GET_FS = 0x1003 }; /* <asm/prctl.h>, which musl does not bring */

#define PROBE __attribute__((section("probe"), used, no_stack_protector, noinline))

/* ---- the probes, which run as programs of their own ------------------------------------------ */

PROBE static long probe_call(long number, long a, long b, long c)
{
	long result;

	asm volatile("syscall"
		     : "=a"(result)
		     : "a"(number), "D"(a), "S"(b), "d"(c)
		     : "rcx", "r11", "memory");
	return result;
}

/* The registers at the entry, as the stub below stores them. */
struct start {
	uint8_t xmm[16][16];
	uint32_t mxcsr;
	uint16_t x87_control, x87_status;
	uint64_t fs_base;
	uint64_t general[15]; /* rax rbx rcx rdx rsi rdi rbp r8 to r15 */
	uint64_t rflags, rsp;
};

asm(".pushsection probe, \"ax\"\n"
    "probe_start:\n"
    "	push %rsp; pushfq\n"
    "	push %r15; push %r14; push %r13; push %r12; push %r11; push %r10; push %r9; push %r8\n"
    "	push %rbp; push %rdi; push %rsi; push %rdx; push %rcx; push %rbx; push %rax\n"
    "	sub $16, %rsp; stmxcsr (%rsp); fnstcw 4(%rsp); fnstsw 6(%rsp)\n"
    "	sub $256, %rsp\n"
    "	movups %xmm0, (%rsp); movups %xmm1, 16(%rsp); movups %xmm2, 32(%rsp)\n"
    "	movups %xmm3, 48(%rsp); movups %xmm4, 64(%rsp); movups %xmm5, 80(%rsp)\n"
    "	movups %xmm6, 96(%rsp); movups %xmm7, 112(%rsp); movups %xmm8, 128(%rsp)\n"
    "	movups %xmm9, 144(%rsp); movups %xmm10, 160(%rsp); movups %xmm11, 176(%rsp)\n"
    "	movups %xmm12, 192(%rsp); movups %xmm13, 208(%rsp); movups %xmm14, 224(%rsp)\n"
    "	movups %xmm15, 240(%rsp)\n"
    "	mov %rsp, %rdi; and $-16, %rsp; call probe_report\n"
    "segments_start:\n"
    "	and $-16, %rsp; call probe_segments\n"
    ".popsection\n");

/*
 * Reports the registers, the words of the stack up to the end of the auxiliary vector, and its
 * strings.
 */
PROBE void probe_report(struct start *start)
{
	uint64_t *stack = (uint64_t *)start->rsp, *word = stack + 1 + stack[0] + 1;
	const volatile char *random = NULL, *name = NULL; /* volatile: no call of strlen, please */

	while (*word++)
		;
	for (; word[0] != AT_NULL; word += 2) {
		if (word[0] == AT_RANDOM)
			random = (const volatile char *)word[1];
		if (word[0] == AT_EXECFN)
			name = (const volatile char *)word[1];
	}
	uint64_t words = (uint64_t)(word + 2 - stack), length = 0;
	probe_call(SYS_arch_prctl, ARCH_GET_FS, (long)&start->fs_base, 0);
	probe_call(SYS_write, REPORT, (long)start, sizeof(*start));
	probe_call(SYS_write, REPORT, (long)&words, sizeof(words));
	probe_call(SYS_write, REPORT, (long)stack, (long)words * 8);
	probe_call(SYS_write, REPORT, (long)random, 16);
	while (name && name[length])
		length++;
	probe_call(SYS_write, REPORT, (long)name, (long)length + 1);
	probe_call(SYS_exit_group, 42, 0, 0);
}

/* The segments of the program that probe_segments runs in, see the test. */
#define TEXT 0x10000000L
#define DATA 0x20000800L
#define DATA_FILE_SIZE 0x100L
#define DATA_SIZE 0x2900L
#define BSS 0x30000000L
#define BSS_SIZE 0x100000L

/* Exits with the number of the first thing that is wrong, or 42. */
PROBE void probe_segments(void)
{
	volatile uint8_t *data = (volatile uint8_t *)DATA, *bss = (volatile uint8_t *)BSS;
	long wrong = 42;

	for (long i = 0; i < DATA_FILE_SIZE; i++)
		if (data[i] != 0xd0 + i % 16)
			wrong = 1;
	for (long i = DATA_FILE_SIZE; i < DATA_SIZE; i++)
		if (data[i] != 0)
			wrong = 2;
	for (long i = 0; i < BSS_SIZE; i++)
		if (bss[i] != 0)
			wrong = 3;
	for (long i = 0; i < DATA_SIZE; i++)
		data[i] = (uint8_t)i;
	bss[0] = bss[BSS_SIZE - 1] = 1;
	probe_call(SYS_exit_group, wrong, 0, 0);
}

extern const char probe_start[], segments_start[], __start_probe[], __stop_probe[];

/* ---- files ----------------------------------------------------------------------------------- */

/* clang-format off */
static const uint8_t exit_with_42[] = {
	0xb8, 0x3c, 0, 0, 0,		/* mov $60, %eax */
	0xbf, 42, 0, 0, 0,		/* mov $42, %edi */
	0x0f, 0x05,			/* syscall */
};
/* clang-format on */

/* A file with room for headers and pages; the members are at the offsets they have in the file. */
struct file {
	Elf64_Ehdr header;
	Elf64_Phdr segments[8];
	uint8_t rest[20480 - sizeof(Elf64_Ehdr) - 8 * sizeof(Elf64_Phdr)];
};

_Static_assert(sizeof(struct file) == 20480, "five pages");

/* Headers, code and nothing else: one readable and executable segment that begins with the file. */
static size_t build(struct file *file, uint16_t type, const void *code, size_t size, size_t entry)
{
	size_t offset = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr);

	memset(file, 0, sizeof(*file));
	memcpy((char *)file + offset, code, size);
	uint64_t base = type == ET_EXEC ? TEXT : 0;
	file->header = (Elf64_Ehdr){
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = type,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_entry = base + offset + entry,
		.e_phoff = sizeof(Elf64_Ehdr),
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 1,
		.e_shentsize = sizeof(Elf64_Shdr),
	};
	file->segments[0] = (Elf64_Phdr){
		.p_type = PT_LOAD,
		.p_flags = PF_R | PF_X,
		.p_vaddr = base,
		.p_paddr = base,
		.p_filesz = offset + size,
		.p_memsz = offset + size,
		.p_align = 4096,
	};
	return offset + size;
}

static size_t build_small(struct file *file)
{
	return build(file, ET_EXEC, exit_with_42, sizeof(exit_with_42), 0);
}

/* ---- running them ---------------------------------------------------------------------------- */

static char *const no_strings[] = { NULL };
static char *const one_argument[] = { "elf", NULL };

/* How it ended: an errno of execve, a signal, or the program's exit code. */
struct outcome {
	int error, signal, code;
};

static struct outcome run(const void *bytes, size_t size)
{
	const char *path = temporary_path("elf");
	int status;

	write_file(path, bytes, size, 0755);
	pid_t pid = FORK();
	if (pid == 0) {
		execve(path, one_argument, no_strings);
		_exit(128 + errno); /* the programs here exit with less */
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(unlink(path), 0);
	if (WIFSIGNALED(status))
		return (struct outcome){ .signal = WTERMSIG(status) };
	if (WEXITSTATUS(status) >= 128)
		return (struct outcome){ .error = WEXITSTATUS(status) - 128 };
	return (struct outcome){ .code = WEXITSTATUS(status) };
}

enum expectation { RUNS, REFUSED, CRASHES, EITHER };

static void check_outcome(struct outcome outcome, enum expectation expected)
{
	switch (expected) {
	case RUNS:
		CHECK_EQ(outcome.error, 0);
		CHECK_EQ(outcome.signal, 0);
		CHECK_EQ(outcome.code, 42);
		break;
	case REFUSED:
		CHECK_EQ(outcome.error, ENOEXEC);
		break;
	case CRASHES:
		CHECK_EQ(outcome.signal, SIGSEGV);
		break;
	case EITHER:
		CHECK(outcome.signal == SIGSEGV || outcome.signal == SIGBUS ||
		      outcome.signal == SIGKILL || outcome.error == ENOEXEC ||
		      outcome.error == EINVAL || outcome.error == ENOMEM);
		break;
	}
}

TEST(smallest_program)
{
	struct file file;

	check_outcome(run(&file, build_small(&file)), RUNS);
}

/*
 * Without its headers a file is refused; without its code the program runs into zeros and crashes.
 */
TEST(truncated_at_every_byte)
{
	struct file file;
	size_t size = build_small(&file);

	for (size_t length = 0; length < size; length++) {
		CONTEXT("%zu of %zu bytes", length, size);
		check_outcome(run(&file, length),
			      length < size - sizeof(exit_with_42) ? REFUSED : CRASHES);
	}
}

/* Whatever a damaged byte does to the program, nobody else notices. */
TEST(every_header_byte_damaged)
{
	struct file file;
	size_t size = build_small(&file), headers = size - sizeof(exit_with_42);

	for (size_t i = 0; i < headers; i++) {
		uint8_t *byte = (uint8_t *)&file + i, good = *byte;
		const uint8_t bad[] = { 0x00, 0xff, good ^ 0x01, good ^ 0x80 };
		for (size_t j = 0; j < sizeof(bad); j++) {
			CONTEXT("byte %zu is 0x%02x instead of 0x%02x", i, bad[j], good);
			*byte = bad[j];
			struct outcome outcome = run(&file, size);
			CHECK(outcome.error || outcome.signal || outcome.code == 42 ||
			      bad[j] != good);
		}
		*byte = good;
	}
	check_outcome(run(&file, size), RUNS);
}

/* clang-format off */
#define HEADER(field, value, expected) \
	{ "e_" #field " " #value, offsetof(struct file, header.e_##field), \
	  sizeof(((struct file *)0)->header.e_##field), value, expected }
#define IDENT(index, value, expected) \
	{ "e_ident[" #index "] " #value, offsetof(struct file, header.e_ident) + index, 1, value, \
	  expected }
#define SEGMENT(field, value, expected) \
	{ "p_" #field " " #value, offsetof(struct file, segments[0].p_##field), \
	  sizeof(((struct file *)0)->segments[0].p_##field), value, expected }

static const struct damage {
	const char *name;
	size_t offset, size;
	uint64_t value;
	enum expectation expected;
} damages[] = {
	IDENT(EI_MAG0, 0x7e, REFUSED), IDENT(EI_MAG1, 'e', REFUSED),
	IDENT(EI_MAG2, 'l', REFUSED), IDENT(EI_MAG3, 'f', REFUSED),
	IDENT(EI_OSABI, ELFOSABI_GNU, RUNS),
	HEADER(type, ET_NONE, REFUSED), HEADER(type, ET_REL, REFUSED),
	HEADER(type, ET_CORE, REFUSED), HEADER(type, 0xff00, REFUSED),
	HEADER(machine, 0, REFUSED), HEADER(machine, EM_386, REFUSED),
	HEADER(machine, EM_AARCH64, REFUSED), HEADER(machine, 0xffff, REFUSED),
	HEADER(phentsize, 0, REFUSED), HEADER(phentsize, 32, REFUSED),
	HEADER(phentsize, 55, REFUSED), HEADER(phentsize, 57, REFUSED),
	HEADER(phnum, 0, REFUSED), HEADER(phnum, 2, REFUSED), HEADER(phnum, 1170, REFUSED),
	HEADER(phnum, 1171, REFUSED), HEADER(phnum, 0xffff, REFUSED),
	HEADER(phoff, 0, EITHER), HEADER(phoff, 131, REFUSED), HEADER(phoff, 1UL << 40, REFUSED),
	HEADER(phoff, 1UL << 63, REFUSED), HEADER(phoff, -1UL, REFUSED),
	HEADER(phoff, -56UL, REFUSED),
	HEADER(ehsize, 0, RUNS), HEADER(shoff, -1UL, RUNS), HEADER(shnum, 0xffff, RUNS),
	HEADER(shstrndx, 0xffff, RUNS), HEADER(flags, 0xffffffff, RUNS),
	HEADER(entry, 0, CRASHES), HEADER(entry, 0x40000000, CRASHES),
	HEADER(entry, 0x7ffffffff000, EITHER), HEADER(entry, 0x800000000000, EITHER),
	HEADER(entry, 0x8000000000000000, EITHER), HEADER(entry, 0xffff800000000000, EITHER),
	HEADER(entry, 0xffffffff80000000, EITHER), HEADER(entry, -1UL, EITHER),
	SEGMENT(type, PT_NULL, EITHER), SEGMENT(type, PT_NOTE, EITHER), SEGMENT(type, -1U, EITHER),
	SEGMENT(flags, PF_R, CRASHES), SEGMENT(flags, PF_R | PF_W, CRASHES),
	SEGMENT(flags, PF_R | PF_W | PF_X, RUNS), SEGMENT(flags, PF_R | PF_X | 0xfffffff8, RUNS),
	SEGMENT(align, 0, RUNS), SEGMENT(align, 1, RUNS), SEGMENT(align, 0x200000, RUNS),
	SEGMENT(paddr, -1UL, RUNS),
	SEGMENT(memsz, 0, EITHER), SEGMENT(memsz, 1, EITHER), SEGMENT(memsz, 1UL << 47, EITHER),
	SEGMENT(memsz, 1UL << 63, EITHER), SEGMENT(memsz, -1UL, EITHER),
	SEGMENT(memsz, -4096UL, EITHER),
	SEGMENT(filesz, 0x85, EITHER), SEGMENT(filesz, 1UL << 47, EITHER),
	SEGMENT(filesz, -1UL, EITHER),
	SEGMENT(vaddr, 0x7ffffffff000, EITHER), SEGMENT(vaddr, 0x800000000000, EITHER),
	SEGMENT(vaddr, 0xffff800000000000, EITHER), SEGMENT(vaddr, 0xffffffff80000000, EITHER),
	SEGMENT(vaddr, -4096UL, EITHER), SEGMENT(vaddr, TEXT + 1, EITHER),
	SEGMENT(offset, 1, EITHER), SEGMENT(offset, 4096, EITHER),
	SEGMENT(offset, 1UL << 40, EITHER),
	SEGMENT(offset, 1UL << 63, EITHER), SEGMENT(offset, -4096UL, EITHER),
};
/* clang-format on */

TEST(damaged_fields)
{
	for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
		struct file file;
		size_t size = build_small(&file);
		memcpy((char *)&file + damages[i].offset, &damages[i].value, damages[i].size);
		CONTEXT("%s", damages[i].name);
		check_outcome(run(&file, size), damages[i].expected);
	}
}

/* ---- segments -------------------------------------------------------------------------------- */

/*
 * Text in the first page; data that begins and ends within a page, with rubbish around it in the
 * file that must not show up behind its end; and a segment of which nothing is in the file.
 */
static size_t build_segments(struct file *file)
{
	build(file, ET_EXEC, __start_probe, (size_t)(__stop_probe - __start_probe), 0);
	size_t size = file->segments[0].p_filesz + 2 * sizeof(Elf64_Phdr);
	memmove(&file->segments[3], &file->segments[1], (size_t)(__stop_probe - __start_probe));
	CHECK(size <= 4096);
	file->header.e_phnum = 3;
	file->header.e_entry = TEXT + sizeof(Elf64_Ehdr) + 3 * sizeof(Elf64_Phdr) +
			       (uint64_t)(segments_start - __start_probe);
	file->segments[0].p_filesz = file->segments[0].p_memsz = size;
	file->segments[1] = (Elf64_Phdr){
		.p_type = PT_LOAD,
		.p_flags = PF_R | PF_W,
		.p_offset = 0x1800,
		.p_vaddr = DATA,
		.p_filesz = DATA_FILE_SIZE,
		.p_memsz = DATA_SIZE,
		.p_align = 4096,
	};
	file->segments[2] = (Elf64_Phdr){
		.p_type = PT_LOAD,
		.p_flags = PF_R | PF_W,
		.p_vaddr = BSS,
		.p_memsz = BSS_SIZE,
		.p_align = 4096,
	};
	memset((char *)file + 0x1000, 0xee, sizeof(*file) - 0x1000);
	for (int i = 0; i < DATA_FILE_SIZE; i++)
		((uint8_t *)file)[0x1800 + i] = (uint8_t)(0xd0 + i % 16);
	return sizeof(*file);
}

TEST(data_and_bss)
{
	struct file file;

	size_t size = build_segments(&file);
	check_outcome(run(&file, size), RUNS);
}

/* What a program writes to its data stays its own: the file and its next run do not see it. */
TEST(data_is_private)
{
	static struct file file, after;
	const char *path = temporary_path("elf");

	write_file(path, &file, build_segments(&file), 0755);
	for (int i = 0; i < 3; i++) {
		pid_t pid = FORK();
		if (pid == 0) {
			execve(path, one_argument, no_strings);
			_exit(1);
		}
		CHECK_EXIT(pid, 42);
	}
	int fd = open(path, O_RDONLY);
	CHECK_EQ(read(fd, &after, sizeof(after)), sizeof(after));
	CHECK(!memcmp(&file, &after, sizeof(file)));
	CHECK_EQ(close(fd), 0);
	CHECK_EQ(unlink(path), 0);
}

/* A page full of program headers; the last is the one that counts. Older kernels take no more. */
TEST(many_program_headers)
{
	enum { MOST = 4096 / sizeof(Elf64_Phdr) };
	static struct {
		Elf64_Ehdr header;
		Elf64_Phdr segments[MOST];
		uint8_t code[16];
	} big;
	struct file small;

	build_small(&small);
	big.header = small.header;
	big.header.e_phnum = MOST;
	big.header.e_entry = TEXT + offsetof(__typeof__(big), code);
	big.segments[MOST - 1] = small.segments[0];
	big.segments[MOST - 1].p_filesz = big.segments[MOST - 1].p_memsz = sizeof(big);
	memcpy(big.code, exit_with_42, sizeof(exit_with_42));
	check_outcome(run(&big, sizeof(big)), RUNS);
}

/* Programs that need a loader are refused as Linux does where the loader is missing or misnamed. */
TEST(interpreter)
{
	static const struct {
		const char *name;
		size_t size;
		int error;
	} cases[] = {
		{ "/no/such/loader", 16, ENOENT },
		{ "/no/such/loader", 15, ENOEXEC }, /* not terminated */
		{ "", 1, ENOEXEC },
		{ "", 0, ENOEXEC },
		{ "", PATH_MAX + 1, ENOEXEC },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct file file;
		CONTEXT("case %zu", i);
		build_small(&file);
		memcpy(&file.rest[0], exit_with_42, sizeof(exit_with_42));
		memcpy(&file.rest[64], cases[i].name, strlen(cases[i].name) + 1);
		file.header.e_phnum = 2;
		file.header.e_entry = TEXT + offsetof(struct file, rest);
		file.segments[0].p_filesz = file.segments[0].p_memsz = sizeof(file);
		file.segments[1] = (Elf64_Phdr){
			.p_type = PT_INTERP,
			.p_flags = PF_R,
			.p_filesz = cases[i].size,
			.p_offset = offsetof(struct file, rest) + 64,
		};
		CHECK_EQ(run(&file, sizeof(file)).error, cases[i].error);
	}
}

/* ---- what a program starts with -------------------------------------------------------------- */

/* All that the probe reported, and how the program was started. */
struct report {
	struct start start;
	uint64_t words;
	uint64_t stack[256];
	uint8_t random[16];
	char name[PATH_MAX];
};

static void read_exactly(int fd, void *bytes, size_t size)
{
	char *to = bytes;

	for (ssize_t n; size > 0; to += n, size -= (size_t)n) {
		n = read(fd, to, size);
		CHECK(n > 0);
	}
}

static void run_probe(uint16_t type, char *const argv[], char *const envp[], struct report *report,
		      const char **path)
{
	struct file file;
	size_t code = (size_t)(__stop_probe - __start_probe);
	size_t size =
		build(&file, type, __start_probe, code, (size_t)(probe_start - __start_probe));
	struct gate channel = gate_new();

	*path = temporary_path("probe");
	write_file(*path, &file, size, 0755);
	pid_t pid = FORK();
	if (pid == 0) {
		uint32_t mxcsr = 0x7f80;
		uint16_t control = 0x0f7f;
		CHECK_EQ(dup2(channel.in, REPORT), REPORT);
		asm volatile("ldmxcsr %0; fldcw %1; fldpi; pcmpeqb %%xmm5, %%xmm5"
			     :
			     : "m"(mxcsr), "m"(control)
			     : "xmm5");
		asm volatile("std; syscall; cld"
			     :
			     : "a"(SYS_execve), "D"(*path), "S"(argv), "d"(envp)
			     : "rcx", "r11", "memory");
		_exit(1);
	}
	CHECK_EQ(close(channel.in), 0);
	read_exactly(channel.out, &report->start, sizeof(report->start));
	read_exactly(channel.out, &report->words, sizeof(report->words));
	CHECK(report->words <= ARRAY_SIZE(report->stack));
	read_exactly(channel.out, report->stack, report->words * 8);
	read_exactly(channel.out, report->random, sizeof(report->random));
	CHECK(read(channel.out, report->name, sizeof(report->name)) > 0);
	CHECK_EQ(close(channel.out), 0);
	CHECK_EXIT(pid, 42);
	CHECK_EQ(unlink(*path), 0);
}

/* The value of this type in the auxiliary vector, which must be there once. */
static uint64_t auxiliary(const struct report *report, uint64_t type)
{
	const uint64_t *word = report->stack + 1 + report->stack[0] + 1, *found = NULL;

	while (*word++)
		;
	for (; word[0] != AT_NULL; word += 2)
		if (word[0] == type) {
			CHECK(found == NULL);
			found = word + 1;
		}
	CONTEXT("auxiliary vector, type %d", (int)type);
	CHECK(found != NULL);
	return *found;
}

TEST(registers_at_entry)
{
	static struct report report;
	static const uint8_t zeros[16 * 16];
	const char *path;

	run_probe(ET_EXEC, one_argument, no_strings, &report, &path);
	for (size_t i = 0; i < ARRAY_SIZE(report.start.general); i++) {
		CONTEXT("general register %zu", i);
		CHECK_EQ(report.start.general[i], 0);
	}
	CHECK_EQ(report.start.rflags, 0x202);
	CHECK_EQ(report.start.fs_base, 0);
	CHECK_EQ(report.start.mxcsr, 0x1f80);
	CHECK_EQ(report.start.x87_control, 0x37f);
	CHECK_EQ(report.start.x87_status, 0);
	CHECK(!memcmp(report.start.xmm, zeros, sizeof(zeros)));
}

TEST(stack_at_entry)
{
	static struct report report;
	char *argv[] = { "one", "", "three", NULL, NULL }, *envp[] = { "A=1", "", "BC=23", NULL };
	const char *path;

	for (int argc = 3; argc < 5; argc++) { /* an odd and an even number of words */
		argv[argc - 1] = "last";
		run_probe(ET_EXEC, argv, envp, &report, &path);
		CHECK_EQ(report.start.rsp % 16, 0);
		CHECK_EQ(report.stack[0], argc);
		uint64_t at = report.stack[1], *word = report.stack + 1;
		for (int i = 0; i < argc; at += strlen(argv[i++]) + 1)
			CHECK_EQ(*word++, at); /* the strings lie one behind the other */
		CHECK_EQ(*word++, 0);
		for (int i = 0; envp[i]; at += strlen(envp[i++]) + 1)
			CHECK_EQ(*word++, at);
		CHECK_EQ(*word, 0);
	}
}

TEST(auxiliary_vector)
{
	static struct report report;
	const char *path;

	run_probe(ET_EXEC, one_argument, no_strings, &report, &path);
	CHECK_EQ(auxiliary(&report, AT_PHDR), TEXT + sizeof(Elf64_Ehdr));
	CHECK_EQ(auxiliary(&report, AT_PHENT), sizeof(Elf64_Phdr));
	CHECK_EQ(auxiliary(&report, AT_PHNUM), 1);
	CHECK_EQ(auxiliary(&report, AT_ENTRY), TEXT + sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr) +
						       (uint64_t)(probe_start - __start_probe));
	CHECK_EQ(auxiliary(&report, AT_PAGESZ), 4096);
	CHECK_EQ(auxiliary(&report, AT_BASE), 0);
	CHECK_EQ(auxiliary(&report, AT_FLAGS), 0);
	CHECK_EQ(auxiliary(&report, AT_UID), getuid());
	CHECK_EQ(auxiliary(&report, AT_EUID), geteuid());
	CHECK_EQ(auxiliary(&report, AT_GID), getgid());
	CHECK_EQ(auxiliary(&report, AT_EGID), getegid());
	CHECK_EQ(auxiliary(&report, AT_SECURE), 0);
	CHECK_EQ(auxiliary(&report, AT_CLKTCK), 100);
	CHECK(auxiliary(&report, AT_EXECFN) > report.stack[1]);
	CHECK_STR(report.name, path);
}

TEST(random_bytes_differ)
{
	static struct report first, second;
	static const uint8_t zeros[16];
	const char *path;

	run_probe(ET_EXEC, one_argument, no_strings, &first, &path);
	run_probe(ET_EXEC, one_argument, no_strings, &second, &path);
	CHECK(memcmp(first.random, second.random, sizeof(first.random)));
	CHECK(memcmp(first.random, zeros, sizeof(zeros)));
	CHECK(memcmp(second.random, zeros, sizeof(zeros)));
}

/*
 * A static program that works at any address (ET_DYN without an interpreter) is put somewhere
 * sensible.
 */
TEST(position_independent)
{
	static struct report report;
	const char *path;

	run_probe(ET_DYN, one_argument, no_strings, &report, &path);
	uint64_t base = auxiliary(&report, AT_PHDR) - sizeof(Elf64_Ehdr);
	CHECK_EQ(base % 4096, 0);
	CHECK(base >= 65536 && base < 0x7ffffffff000);
	CHECK_EQ(auxiliary(&report, AT_ENTRY), base + sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr) +
						       (uint64_t)(probe_start - __start_probe));
	CHECK_EQ(auxiliary(&report, AT_BASE), 0);
	CHECK_EQ(report.start.rsp % 16, 0);
}

/* Its addresses need not begin with zero: only the distances between its segments count. */
TEST(position_independent_with_an_offset)
{
	struct file file;
	size_t size = build(&file, ET_DYN, exit_with_42, sizeof(exit_with_42), 0);

	file.segments[0].p_vaddr += 0x7000;
	file.header.e_entry += 0x7000;
	check_outcome(run(&file, size), RUNS);
}

/*
 * The code finds its data by the distance: lea 1 MiB(%rip), and exits with the byte it finds there.
 */
TEST(position_independent_segments_keep_their_distance)
{
	/* clang-format off */
	static const uint8_t code[] = {
		0x48, 0x8d, 0x35, 0xf9, 0xff, 0x0f, 0x00,	/* lea 0x0ffff9(%rip), %rsi */
		0x0f, 0xb6, 0x3e,				/* movzbl (%rsi), %edi */
		0xb8, 0x3c, 0, 0, 0,				/* mov $60, %eax */
		0x0f, 0x05,					/* syscall */
	};
	/* clang-format on */
	struct file file;

	build(&file, ET_DYN, code, sizeof(code), 0);
	memmove(&file.segments[2], &file.segments[1], sizeof(code));
	size_t at = offsetof(struct file, segments[2]);
	file.header.e_phnum = 2;
	file.header.e_entry = at;
	file.segments[0].p_filesz = file.segments[0].p_memsz = at + sizeof(code);
	file.segments[1] = (Elf64_Phdr){
		.p_type = PT_LOAD,
		.p_flags = PF_R | PF_W,
		.p_offset = 4096,
		.p_vaddr = 0x100000,
		.p_filesz = 4096,
		.p_memsz = 4096,
		.p_align = 4096,
	};
	((uint8_t *)&file)[4096 + at] = 42;
	check_outcome(run(&file, 8192), RUNS);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
