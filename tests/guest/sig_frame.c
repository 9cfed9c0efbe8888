/*
 * The signal frame to the byte: what the handler finds on its stack and in its registers, and that
 * what it changes there is what the interrupted code goes on with. Sources: Linux's
 * asm/sigcontext.h and asm/ucontext.h, sigaction(2), sigreturn(2), x86-64 psABI 3.2.2 and 3.4,
 * Intel SDM volume 1, chapter 13; getauxval(3) AT_MINSIGSTKSZ.
 */
#include "sigframe.h"

static struct kernel_frame seen; /* a copy */
static uint8_t seen_fpu[4096];	 /* the start of the FPU's image */
static struct _fpx_sw_bytes seen_note;
static uint32_t seen_magic2;

static void inspect(int sig, siginfo_t *info, void *context)
{
	struct kernel_ucontext *uc = context;
	uint8_t *fpu = (uint8_t *)uc->mcontext.fpstate;

	(void)sig, (void)info;
	memcpy(&seen, (uint8_t *)context - sizeof(void *), sizeof(seen));
	memcpy(seen_fpu, fpu, 512);
	memcpy(&seen_note, fpu + 512 - sizeof(seen_note), sizeof(seen_note));
	if (seen_note.magic1 == FP_XSTATE_MAGIC1) {
		memcpy(seen_fpu, fpu, seen_note.xstate_size < 4096 ? seen_note.xstate_size : 4096);
		memcpy(&seen_magic2, fpu + seen_note.xstate_size, sizeof(seen_magic2));
	}
	uc->mcontext.rip += 2;
}

/* ---- at the handler's entry ------------------------------------------------------------------ */

TEST(registers_at_entry)
{
	frame_fill();
	frame_run(inspect, SA_SIGINFO);
	CHECK_EQ(frame_entry.rdi, SIGILL);
	CHECK_EQ(frame_entry.rdx, frame_entry.rsp + offsetof(struct kernel_frame, uc));
	CHECK_EQ(frame_entry.rsi, frame_entry.rsp + offsetof(struct kernel_frame, info));
	CHECK_EQ(frame_entry.rax, 0); /* for functions without a prototype */
	CHECK(seen.return_address == (void *)sig_restorer);
}

/* A function is entered with 8 bytes more than a multiple of 16 on the stack, and without the
 * direction flag, whatever was interrupted; a frame lies below the red zone. */
TEST(alignment_and_place)
{
	for (frame_skew = 0; frame_skew < 16; frame_skew++) {
		CONTEXT("skew %d", (int)frame_skew);
		frame_fill();
		frame_in.rflags |= 0x400;
		frame_run(inspect, SA_SIGINFO);
		uint64_t fpu = (uint64_t)seen.uc.mcontext.fpstate;
		CHECK_EQ(frame_entry.rsp % 16, 8);
		CHECK_EQ(frame_entry.rflags & 0x400, 0);
		CHECK_EQ(fpu % 64, 0);
		CHECK(fpu >= frame_entry.rsp + sizeof(struct kernel_frame));
		CHECK(fpu + 512 <= frame_in.rsp - RED_ZONE);
		if (seen_note.magic1 == FP_XSTATE_MAGIC1)
			CHECK(fpu + seen_note.extended_size <= frame_in.rsp - RED_ZONE);
		CHECK(frame_in.rsp - frame_entry.rsp <= RED_ZONE + getauxval(AT_MINSIGSTKSZ));
		CHECK(!memcmp(frame_in.red_zone, frame_out.red_zone, RED_ZONE));
	}
}

/* A handler starts with the FPU as a program does, whatever the interrupted code had made of it. */
TEST(the_fpu_at_entry)
{
	static const uint8_t zeroes[16];

	frame_fill();
	frame_run(inspect, SA_SIGINFO);
	CHECK_EQ(frame_entry.mxcsr, 0x1f80);
	CHECK_EQ(frame_entry.fcw, 0x37f);
	CHECK(!memcmp(frame_entry.xmm0, zeroes, 16));
	CHECK(!memcmp(frame_entry.xmm15, zeroes, 16));
}

/* ---- the frame ------------------------------------------------------------------------------- */

TEST(everything_is_in_the_frame)
{
	uint64_t features = enabled_features();
	const struct kernel_sigcontext *sc = &seen.uc.mcontext;
	uint16_t cs, ss;

	asm("mov %%cs, %0; mov %%ss, %1" : "=r"(cs), "=r"(ss));
	CHECK_EQ(cs, 0x33); /* Linux's, which debuggers know */
	CHECK_EQ(ss, 0x2b);
	set_mask(BITS(SIGHUP, 50));
	frame_fill();
	frame_run(inspect, SA_SIGINFO);
	CHECK(!memcmp(&sc->r8, &frame_in, GENERAL * sizeof(uint64_t)));
	CHECK_EQ(sc->rsp, frame_in.rsp);
	CHECK_EQ(sc->rip, (uint64_t)fault_here);
	CHECK_EQ(sc->eflags & 0xfff, frame_in.rflags | 0x202);
	CHECK_EQ(sc->cs, cs);
	CHECK_EQ(sc->gs, 0);
	CHECK_EQ(sc->fs, 0);
	CHECK_EQ(sc->ss, ss);
	CHECK_EQ(sc->err, 0);
	CHECK_EQ(sc->trapno, 6);
	CHECK_EQ(sc->oldmask, BITS(SIGHUP, 50));
	CHECK_EQ(seen.uc.sigmask, BITS(SIGHUP, 50));
	CHECK_EQ(seen.uc.flags,
		 UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS | (features ? UC_FP_XSTATE : 0));
	CHECK(seen.uc.link == NULL);
	CHECK(seen.uc.stack.ss_sp == NULL);
	CHECK_EQ(seen.uc.stack.ss_size, 0);
}

TEST(the_fpu_in_the_frame)
{
	uint16_t fcw;
	uint32_t mxcsr;

	frame_fill();
	frame_run(inspect, SA_SIGINFO);
	memcpy(&fcw, seen_fpu, sizeof(fcw));
	memcpy(&mxcsr, seen_fpu + 24, sizeof(mxcsr));
	CHECK_EQ(fcw, frame_in.fcw);
	CHECK_EQ(mxcsr, frame_in.mxcsr);
	for (int i = 0; i < 16; i++)
		CHECK(!memcmp(seen_fpu + 160 + i * 16, frame_in.ymm[i], 16));
	if (!frame_avx)
		return;
	for (int i = 0; i < 16; i++)
		CHECK(!memcmp(seen_fpu + feature_offset(2) + i * 16, frame_in.ymm[i] + 16, 16));
}

/* Where programs find the end of the image, and which components are in it. */
TEST(the_fpus_description)
{
	uint64_t features = enabled_features(), *header = (uint64_t *)(seen_fpu + 512);
	uint32_t size = 576, registers[4];

	if (!features)
		SKIP("no XSAVE here");
	frame_fill();
	frame_run(inspect, SA_SIGINFO);
	CHECK_EQ(seen_note.magic1, FP_XSTATE_MAGIC1);
	CHECK_EQ(seen_note.xfeatures & FEATURES_LEGACY, FEATURES_LEGACY);
	CHECK_EQ(seen_note.xfeatures & ~features, 0);
	CHECK_EQ(seen_note.xfeatures & FEATURE_AVX, features & FEATURE_AVX);
	for (int i = 2; i < 63; i++)
		if (seen_note.xfeatures >> i & 1) {
			cpuid(0xd, (uint32_t)i, registers);
			if (registers[0] + registers[1] > size)
				size = registers[0] + registers[1];
		}
	CHECK_EQ(seen_note.xstate_size, size);
	CHECK_EQ(seen_note.extended_size, size + FP_XSTATE_MAGIC2_SIZE);
	CHECK_EQ(seen_magic2, FP_XSTATE_MAGIC2);
	for (size_t i = 0; i < ARRAY_SIZE(seen_note.padding); i++)
		CHECK_EQ(seen_note.padding[i], 0);
	CHECK_EQ(header[0] & FEATURES_LEGACY, FEATURES_LEGACY);
	CHECK_EQ(header[0] & ~seen_note.xfeatures, 0);
	for (int i = 1; i < 8; i++)
		CHECK_EQ(header[i], 0);
}

static struct kernel_frame *shared_frame;

static void keep_and_exit(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)info;
	memcpy(shared_frame, (uint8_t *)context - sizeof(void *), sizeof(*shared_frame));
	_exit(0);
}

/* The exception's vector, error code and address. A page of the kernel always looks present. */
TEST(the_exception_in_the_frame)
{
	enum { PRESENT = 1, WRITE = 2, USER = 4 };
	volatile char *readable = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const struct {
		volatile char *address;
		bool write;
		uint64_t trapno, err;
	} rows[] = {
		{ NULL, false, 14, USER },
		{ NULL, true, 14, USER | WRITE },
		{ readable, true, 14, USER | WRITE | PRESENT },
		{ KERNEL_ADDRESS, false, 14, USER | PRESENT },
		{ KERNEL_ADDRESS, true, 14, USER | WRITE | PRESENT },
		{ (char *)0xffff888000000000, false, 14, USER | PRESENT },
		{ (char *)0xfffffffffffff000, false, 14, USER | PRESENT },
		{ NON_CANONICAL, false, 13, 0 },
		{ NON_CANONICAL, true, 13, 0 },
	};

	shared_frame = shared_memory(sizeof(*shared_frame));
	CHECK(readable != MAP_FAILED);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct kernel_sigcontext *sc = &shared_frame->uc.mcontext;
		CONTEXT("row %zu", i);
		pid_t pid = FORK();
		if (pid == 0) {
			install(SIGSEGV, (void *)keep_and_exit, SA_SIGINFO);
			CHECK_EQ(readable[0], 0); /* it is there */
			if (rows[i].write)
				*rows[i].address = 1;
			else
				(void)*rows[i].address;
			_exit(1);
		}
		CHECK_EXIT(pid, 0);
		CHECK_EQ(sc->trapno, rows[i].trapno);
		CHECK_EQ(sc->err, rows[i].err);
		if (rows[i].trapno == 14)
			CHECK_EQ(sc->cr2, (uint64_t)rows[i].address);
	}
}

/* Of a system call: the result of one that is over, and the registers that it clobbers. */
TEST(a_call_in_the_frame)
{
	const struct kernel_sigcontext *sc = &seen.uc.mcontext;
	long result;

	install(SIGUSR1, (void *)keep_and_exit, SA_SIGINFO);
	shared_frame = shared_memory(sizeof(*shared_frame));
	pid_t pid = FORK();
	if (pid == 0)
		asm volatile("xor %%eax, %%eax; push %%rax; popfq; mov %1, %%eax; syscall; hlt"
			     : "=a"(result)
			     : "i"(SYS_kill), "D"((long)getpid()), "S"((long)SIGUSR1)
			     : "rcx", "r11", "memory");
	CHECK_EXIT(pid, 0);
	seen = *shared_frame;
	CHECK_EQ(sc->rax, 0);
	CHECK_EQ(sc->rdi, pid);
	CHECK_EQ(sc->rsi, SIGUSR1);
	CHECK_EQ(sc->rcx, sc->rip);
	CHECK_EQ(sc->r11, sc->eflags);
	CHECK_EQ(*(const uint8_t *)sc->rip, 0xf4); /* the hlt */
}

/* ---- what the handler changes ---------------------------------------------------------------- */

static uint64_t new_stack[64];

static void edit_registers(int sig, siginfo_t *info, void *context)
{
	struct kernel_ucontext *uc = context;
	uint64_t *general = (uint64_t *)&uc->mcontext.r8;

	(void)sig, (void)info;
	for (int i = 0; i < GENERAL; i++)
		general[i] = ~general[i];
	uc->mcontext.rsp = (uint64_t)&new_stack[32];
	uc->mcontext.eflags ^= 0x8d5;
	uc->mcontext.rip = (uint64_t)fault_next;
}

TEST(general_registers_can_be_changed)
{
	frame_fill();
	frame_run(edit_registers, SA_SIGINFO);
	for (int i = 0; i < GENERAL; i++) {
		CONTEXT("register %d", i);
		CHECK_EQ((&frame_out.r8)[i], ~(&frame_in.r8)[i]);
	}
	CHECK_EQ(frame_out.rsp, (uint64_t)&new_stack[32]);
	CHECK_EQ(frame_out.rflags & 0x8d5, 0);
}

TEST(nothing_changes_by_itself)
{
	frame_fill();
	for (int i = 0; i < 3; i++) {
		frame_run(inspect, SA_SIGINFO);
		CHECK(!memcmp(&frame_in, &frame_out, offsetof(struct frame_registers, rflags)));
		CHECK_EQ(frame_out.rflags & 0x8d5, frame_in.rflags & 0x8d5);
		CHECK_EQ(frame_out.mxcsr, frame_in.mxcsr);
		CHECK_EQ(frame_out.fcw, frame_in.fcw);
		CHECK(!memcmp(frame_in.red_zone, frame_out.red_zone, RED_ZONE));
		for (int j = 0; j < 16; j++)
			CHECK(!memcmp(frame_in.ymm[j], frame_out.ymm[j], frame_avx ? 32 : 16));
	}
}

/* How the handlers of the next test change the FPU's image. */
enum fpu_edit { INVERT, NO_IMAGE, NO_MAGIC1, NO_MAGIC2, TOO_LARGE, NO_AVX, AVX_INITIAL };

static volatile enum fpu_edit fpu_edit;

static void edit_fpu(int sig, siginfo_t *info, void *context)
{
	struct kernel_ucontext *uc = context;
	uint8_t *fpu = (uint8_t *)uc->mcontext.fpstate;
	struct _fpx_sw_bytes *note = (void *)(fpu + 512 - sizeof(*note));
	uint64_t *header = (uint64_t *)(fpu + 512);

	(void)sig, (void)info;
	uc->mcontext.rip = (uint64_t)fault_next;
	switch (fpu_edit) {
	case INVERT:
		for (int i = 0; i < 256; i++)
			fpu[160 + i] = (uint8_t)~fpu[160 + i];
		for (uint32_t i = 0; frame_avx && i < 256; i++)
			fpu[feature_offset(2) + i] = (uint8_t)~fpu[feature_offset(2) + i];
		*(uint16_t *)fpu = 0x0c7f;
		*(uint32_t *)(fpu + 24) = 0x1f80 | 1 << 13;
		break;
	case NO_IMAGE:
		uc->mcontext.fpstate = NULL;
		break;
	case NO_MAGIC1:
		note->magic1 = 0;
		break;
	case NO_MAGIC2:
		*(uint32_t *)(fpu + note->xstate_size) = 0;
		break;
	case TOO_LARGE:
		note->xstate_size += 64;
		note->extended_size += 64;
		break;
	case NO_AVX:
		note->xfeatures = FEATURES_LEGACY;
		break;
	case AVX_INITIAL:
		*header &= FEATURES_LEGACY;
		break;
	}
}

/* Which of the registers is as it was, inverted, or zero. */
static void check_vectors(bool upper, char expected)
{
	for (int i = 0; i < 16; i++)
		for (int j = 0; j < 16; j++) {
			uint8_t in = frame_in.ymm[i][j + 16 * upper];
			uint8_t out = frame_out.ymm[i][j + 16 * upper];
			CHECK_EQ(out, expected == '=' ? in : expected == '~' ? (uint8_t)~in : 0);
		}
}

TEST(the_fpu_can_be_changed)
{
	static const struct {
		enum fpu_edit edit;
		char lower, upper; /* halves of ymm */
		uint16_t fcw;
		uint32_t mxcsr;
	} rows[] = {
		{ INVERT, '~', '~', 0x0c7f, 0x1f80 | 1 << 13 },
		{ NO_IMAGE, '0', '0', 0x037f, 0x1f80 },
		{ NO_MAGIC1, '=', '0', 0x027f, 0x1f80 | 3 << 13 },
		{ NO_MAGIC2, '=', '0', 0x027f, 0x1f80 | 3 << 13 },
		{ TOO_LARGE, '=', '0', 0x027f, 0x1f80 | 3 << 13 },
		{ NO_AVX, '=', '0', 0x027f, 0x1f80 | 3 << 13 },
		{ AVX_INITIAL, '=', '0', 0x027f, 0x1f80 | 3 << 13 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CONTEXT("row %zu", i);
		if (!enabled_features() && rows[i].edit > NO_IMAGE)
			continue;
		fpu_edit = rows[i].edit;
		frame_fill();
		frame_run(edit_fpu, SA_SIGINFO);
		check_vectors(false, rows[i].lower);
		if (frame_avx)
			check_vectors(true, rows[i].upper);
		CHECK_EQ(frame_out.fcw, rows[i].fcw);
		CHECK_EQ(frame_out.mxcsr, rows[i].mxcsr);
	}
}

/* ---- frames upon frames ---------------------------------------------------------------------- */

static volatile int levels;

static void nest(int sig)
{
	if (++levels < 20)
		send(sig);
}

TEST(many_frames)
{
	install(SIGUSR1, nest, SA_NODEFER);
	for (int i = 0; i < 50; i++) {
		levels = 0;
		send(SIGUSR1);
		CHECK_EQ(levels, 20);
	}
}

/* With a stack that has no room for a frame there is no handler: SIGSEGV ends the process, unless
 * it has a handler on a stack of its own (sig_altstack.c). */
TEST(no_room_for_a_frame)
{
	static void *const stacks[] = { NULL,	       BAD_POINTER,  KERNEL_ADDRESS,
					NON_CANONICAL, (void *)~0UL, (void *)0x7ffffffff000 };

	for (size_t i = 0; i < ARRAY_SIZE(stacks); i++) {
		CONTEXT("stack %p", stacks[i]);
		pid_t pid = FORK();
		if (pid == 0) {
			install(SIGILL, (void *)keep_and_exit, SA_SIGINFO);
			install(SIGSEGV, (void *)keep_and_exit, SA_SIGINFO);
			asm volatile("mov %0, %%rsp; ud2" : : "r"(stacks[i]) : "memory");
		}
		CHECK_SIGNAL(pid, SIGSEGV);
	}
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
