/*
 * The alternate signal stack: which handlers run on it, when it may be changed, that it is not
 * overrun, and SS_AUTODISARM. Sources: sigaltstack(2), POSIX sigaltstack(), getauxval(3)
 * AT_MINSIGSTKSZ.
 */
#include "sigframe.h"
#include <setjmp.h>

enum { STACK_SIZE = 64 << 10 };

static long raw_altstack(const void *new, void *old)
{
	return syscall(SYS_sigaltstack, new, old);
}

static stack_t altstack_now(void)
{
	stack_t stack;

	CHECK_EQ(raw_altstack(NULL, &stack), 0);
	return stack;
}

static char *new_altstack(int flags)
{
	char *memory =
		mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack_t stack = { .ss_sp = memory, .ss_size = STACK_SIZE, .ss_flags = flags };

	CHECK(memory != MAP_FAILED);
	CHECK_EQ(raw_altstack(&stack, NULL), 0);
	return memory;
}

/* ---- the call -------------------------------------------------------------------------------- */

TEST(none_at_first)
{
	stack_t stack = altstack_now();

	CHECK(stack.ss_sp == NULL);
	CHECK_EQ(stack.ss_size, 0);
	CHECK_EQ(stack.ss_flags, SS_DISABLE);
	CHECK_EQ(raw_altstack(NULL, NULL), 0);
}

TEST(flags_and_sizes)
{
	static const struct {
		unsigned flags;
		size_t size;
		int error;
		unsigned back; /* flags as they come back */
	} rows[] = {
		{ 0, STACK_SIZE, 0, 0 },
		{ SS_ONSTACK, STACK_SIZE, 0, 0 },
		{ SS_AUTODISARM, STACK_SIZE, 0, SS_AUTODISARM },
		{ SS_ONSTACK | SS_AUTODISARM, STACK_SIZE, 0, SS_AUTODISARM },
		{ SS_DISABLE, STACK_SIZE, 0, SS_DISABLE },
		{ SS_DISABLE, 0, 0, SS_DISABLE },
		{ SS_DISABLE | SS_AUTODISARM, 0, 0, SS_DISABLE | SS_AUTODISARM },
		{ SS_DISABLE | SS_ONSTACK, STACK_SIZE, EINVAL, 0 },
		{ 4, STACK_SIZE, EINVAL, 0 },
		{ 0x40000000, STACK_SIZE, EINVAL, 0 },
		{ ~0U, STACK_SIZE, EINVAL, 0 },
		{ 0, 0, ENOMEM, 0 },
		{ 0, MINSIGSTKSZ - 1, ENOMEM, 0 },
		{ SS_AUTODISARM, MINSIGSTKSZ - 1, ENOMEM, 0 },
		{ 0, MINSIGSTKSZ, 0, 0 },
		{ 4, 0, EINVAL, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		stack_t none = { .ss_flags = SS_DISABLE }, stack = { .ss_sp = (void *)0x12345678 },
			now;
		CONTEXT("row %zu", i);
		stack.ss_flags = (int)rows[i].flags;
		stack.ss_size = rows[i].size;
		CHECK_EQ(raw_altstack(&none, NULL), 0);
		if (rows[i].error) {
			CHECK_ERRNO(raw_altstack(&stack, &now), rows[i].error);
			CHECK_EQ(altstack_now().ss_flags, SS_DISABLE);
			continue;
		}
		CHECK_EQ(raw_altstack(&stack, &now), 0);
		CHECK_EQ(now.ss_flags, SS_DISABLE);
		now = altstack_now();
		CHECK_EQ((unsigned)now.ss_flags, rows[i].back);
		bool none_set = rows[i].back & SS_DISABLE;
		CHECK(now.ss_sp == (none_set ? NULL : stack.ss_sp));
		CHECK_EQ(now.ss_size, none_set ? 0 : rows[i].size);
	}
}

TEST(pointers)
{
	void *const bad[] = { BAD_POINTER, KERNEL_ADDRESS, NON_CANONICAL };
	stack_t stack = { .ss_sp = (void *)0x1000, .ss_size = STACK_SIZE };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CONTEXT("pointer %p", bad[i]);
		CHECK_ERRNO(raw_altstack(bad[i], NULL), EFAULT);
		CHECK_ERRNO(raw_altstack(NULL, bad[i]), EFAULT);
		stack.ss_sp = (void *)(0x1000 * (i + 1));
		CHECK_ERRNO(raw_altstack(&stack, bad[i]), EFAULT);
		CHECK(altstack_now().ss_sp == stack.ss_sp); /* it was set all the same */
	}
	CHECK_EQ(raw_altstack(&stack, &stack), 0); /* one object for both */
	CHECK(stack.ss_sp == (void *)0x3000);
}

/* ---- running on it --------------------------------------------------------------------------- */

static char *stack_memory;
static volatile bool ran_on_it;
static stack_t in_handler, in_frame;
static volatile int change_error;

static void look(int sig, siginfo_t *info, void *context)
{
	char here;
	static char other_memory[STACK_SIZE];
	stack_t other = { .ss_sp = other_memory, .ss_size = STACK_SIZE };

	(void)sig, (void)info;
	ran_on_it = &here >= stack_memory && &here < stack_memory + STACK_SIZE;
	in_handler = altstack_now();
	in_frame = ((struct kernel_ucontext *)context)->stack;
	change_error = raw_altstack(&other, NULL) ? errno : 0;
}

TEST(which_handlers_use_it)
{
	static const struct {
		unsigned set, flags;
		bool uses;
		unsigned inside; /* what sigaltstack says in the handler */
		int change;	 /* the errno of changing it there */
	} rows[] = {
		{ 0, SA_ONSTACK, true, SS_ONSTACK, EPERM },
		{ SS_ONSTACK, SA_ONSTACK, true, SS_ONSTACK, EPERM },
		{ 0, 0, false, 0, 0 },
		{ SS_AUTODISARM, SA_ONSTACK, true, SS_DISABLE, 0 },
		{ SS_AUTODISARM, 0, false, SS_DISABLE, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CONTEXT("row %zu", i);
		stack_memory = new_altstack((int)rows[i].set);
		stack_t before = altstack_now();
		install(SIGUSR1, (void *)look, SA_SIGINFO | rows[i].flags);
		send(SIGUSR1);
		CHECK_EQ(ran_on_it, rows[i].uses);
		CHECK_EQ((unsigned)in_handler.ss_flags, rows[i].inside);
		CHECK_EQ(in_handler.ss_size, rows[i].inside == SS_DISABLE ? 0 : STACK_SIZE);
		/* the frame has what was set, and sigreturn sets it again */
		CHECK(in_frame.ss_sp == stack_memory);
		CHECK_EQ(in_frame.ss_size, STACK_SIZE);
		CHECK_EQ((unsigned)in_frame.ss_flags, rows[i].set);
		CHECK_EQ(change_error, rows[i].change);
		stack_t after = altstack_now();
		CHECK(after.ss_sp == before.ss_sp);
		CHECK_EQ(after.ss_size, before.ss_size);
		CHECK_EQ(after.ss_flags, before.ss_flags);
	}
}

TEST(a_disabled_one_is_not_used)
{
	stack_t none = { .ss_flags = SS_DISABLE };

	stack_memory = new_altstack(0);
	CHECK_EQ(raw_altstack(&none, NULL), 0);
	install(SIGUSR1, (void *)look, SA_SIGINFO | SA_ONSTACK);
	send(SIGUSR1);
	CHECK(!ran_on_it);
	CHECK_EQ(in_handler.ss_flags, SS_DISABLE);
	CHECK_EQ(altstack_now().ss_flags, SS_DISABLE);
}

/* A handler interrupted by another on the same stack: the second goes below the first. */
static volatile uintptr_t outer, inner;

static void inner_handler(int sig)
{
	char here;

	(void)sig;
	inner = (uintptr_t)&here;
	CHECK_EQ(altstack_now().ss_flags, SS_ONSTACK);
}

static void outer_handler(int sig)
{
	char here;

	(void)sig;
	outer = (uintptr_t)&here;
	send(SIGUSR2);
	CHECK_EQ(altstack_now().ss_flags, SS_ONSTACK);
}

TEST(nested_handlers)
{
	static const unsigned long inner_flags[] = { SA_ONSTACK, 0 };

	for (size_t i = 0; i < ARRAY_SIZE(inner_flags); i++) {
		stack_memory = new_altstack(0);
		install(SIGUSR1, outer_handler, SA_ONSTACK);
		install(SIGUSR2, inner_handler, inner_flags[i]);
		send(SIGUSR1);
		CHECK(outer > (uintptr_t)stack_memory &&
		      outer < (uintptr_t)stack_memory + STACK_SIZE);
		CHECK(inner < outer && inner > (uintptr_t)stack_memory);
		CHECK_EQ(altstack_now().ss_flags, 0);
	}
}

/* One that disarms itself while its handler runs can be given to another context: the next signal
 * does not use it. */
static void disarmed_handler(int sig)
{
	char here;

	(void)sig;
	outer = (uintptr_t)&here;
	send(SIGUSR2);
}

static void not_there(int sig)
{
	char here;

	(void)sig;
	inner = (uintptr_t)&here;
}

TEST(autodisarm_while_nested)
{
	stack_memory = new_altstack((int)SS_AUTODISARM);
	install(SIGUSR1, disarmed_handler, SA_ONSTACK);
	install(SIGUSR2, not_there, SA_ONSTACK);
	send(SIGUSR1);
	CHECK(outer > (uintptr_t)stack_memory && outer < (uintptr_t)stack_memory + STACK_SIZE);
	CHECK(inner < outer); /* on the stack that it was on, as it has no other */
	CHECK_EQ((unsigned)altstack_now().ss_flags, SS_AUTODISARM);
	CHECK(altstack_now().ss_sp == stack_memory);
}

static stack_t put_in_frame;

static void edit_stack(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)info;
	((struct kernel_ucontext *)context)->stack = put_in_frame;
}

/* sigreturn sets what is in the frame, as sigaltstack would; what is no stack is ignored. */
TEST(the_frame_sets_it)
{
	char *memory = new_altstack(0);
	const struct {
		stack_t stack;
		bool taken;
	} rows[] = {
		{ { .ss_sp = memory + 4096, .ss_size = 8192 }, true },
		{ { .ss_sp = memory, .ss_size = 100 }, false },
		{ { .ss_sp = memory, .ss_size = 8192, .ss_flags = 64 }, false },
		{ { .ss_sp = NULL, .ss_size = 0, .ss_flags = SS_DISABLE }, true },
	};

	install(SIGUSR1, (void *)edit_stack, SA_SIGINFO);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		stack_t before = altstack_now();
		CONTEXT("row %zu", i);
		put_in_frame = rows[i].stack;
		send(SIGUSR1);
		const stack_t *expected = rows[i].taken ? &rows[i].stack : &before;
		stack_t now = altstack_now();
		CHECK(now.ss_sp == expected->ss_sp);
		CHECK_EQ(now.ss_size, expected->ss_size);
		CHECK_EQ(now.ss_flags, expected->ss_flags);
	}
}

/* ---- overflow -------------------------------------------------------------------------------- */

static sigjmp_buf escape;
static volatile uintptr_t fault_address;

static void overflow_handler(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)context;
	fault_address = (uintptr_t)info->si_addr;
	siglongjmp(escape, 1);
}

__attribute__((noinline)) static int recurse(volatile int levels)
{
	volatile char frame[4096];

	frame[0] = 1;
	return levels ? recurse(levels - 1) + frame[0] : 0;
}

/* What it is for: a stack that has grown too large is reported to the program that did it. */
TEST(a_stack_overflow_can_be_caught)
{
	install(SIGSEGV, (void *)overflow_handler, SA_SIGINFO | SA_ONSTACK);
	new_altstack(0);
	for (volatile int i = 0; i < 3; i++) {
		if (sigsetjmp(escape, 1) == 0)
			recurse(INT_MAX);
		CHECK(fault_address != 0);
		CHECK_EQ(altstack_now().ss_flags, 0);
	}
}

static volatile int depth;

static void eat_stack(int sig)
{
	volatile char frame[1024];

	frame[0] = 1;
	depth++;
	send(sig);
	depth -= frame[0];
}

/* A frame that would not fit on the alternate stack is not written below it: SIGSEGV. */
TEST(it_is_not_overrun)
{
	char *guarded = shared_memory(3 * STACK_SIZE);
	stack_t stack = { .ss_sp = guarded + STACK_SIZE, .ss_size = STACK_SIZE };

	memset(guarded, 0x77, STACK_SIZE);
	pid_t pid = FORK();
	if (pid == 0) {
		CHECK_EQ(raw_altstack(&stack, NULL), 0);
		install(SIGUSR1, eat_stack, SA_ONSTACK | SA_NODEFER);
		send(SIGUSR1);
		_exit(0);
	}
	CHECK_SIGNAL(pid, SIGSEGV);
	for (int i = 0; i < STACK_SIZE - 8192; i++) /* but for what the handler itself did */
		CHECK_EQ(guarded[i], 0x77);
}

static void tell_why(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)context;
	_exit(info->si_code == SI_KERNEL && info->si_addr == NULL ? 55 : 56);
}

/* A handler whose frame has no room on the stack becomes a SIGSEGV, and that may have a handler on
 * a stack that has; if its own frame has none, that is the end. */
TEST(a_frame_without_room)
{
	for (int alternate = 0; alternate < 2; alternate++) {
		pid_t pid = FORK();
		if (pid == 0) {
			new_altstack(0);
			install(SIGILL, (void *)look, SA_SIGINFO);
			install(SIGSEGV, (void *)tell_why,
				SA_SIGINFO | (alternate ? SA_ONSTACK : 0));
			asm volatile("mov $64, %%esp; ud2" ::: "memory");
		}
		if (alternate)
			CHECK_EXIT(pid, 55);
		else
			CHECK_SIGNAL(pid, SIGSEGV);
	}
}

int least_count;
void least_handler(void);
asm(".pushsection .text\n"
    "least_handler: incl least_count(%rip)\n"
    "	ret\n"
    ".popsection\n");

/* One of the size that the kernel says it needs is enough for a handler that needs nothing,
 * wherever it begins. */
TEST(the_least_size)
{
	size_t size = getauxval(AT_MINSIGSTKSZ);
	char *memory = shared_memory(1 << 16);

	CHECK(size >= 1024 && size < 1 << 15);
	install(SIGUSR1, (void *)least_handler, SA_ONSTACK);
	for (int skew = 0; skew < 128; skew++) {
		stack_t stack = { .ss_sp = memory + skew, .ss_size = size };
		CONTEXT("skew %d", skew);
		if (size < MINSIGSTKSZ)
			stack.ss_size = MINSIGSTKSZ;
		CHECK_EQ(raw_altstack(&stack, NULL), 0);
		send(SIGUSR1);
		CHECK_EQ(least_count, skew + 1);
	}
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
