/*
 * The stack: it grows by itself where it is touched, also far below the last page in use, down to
 * RLIMIT_STACK as it is at that moment; beyond is SIGSEGV, and so is what comes too near to another
 * mapping (the guard gap: 256 pages on Linux, which is tested well inside and well outside). The
 * kernel grows it for copies to user space as well. Sources: getrlimit(2), mmap(2) MAP_GROWSDOWN.
 * Programs with a limit of their own are this one, executed again with an argument.
 */
#include "pages.h"
#include "paths.h"
#include <sys/resource.h>

enum { KIB = 1024, MIB = 1024 * 1024 };

static char *stack_pointer(void)
{
	return __builtin_frame_address(0);
}

static void set_stack_limit(rlim_t soft)
{
	struct rlimit limit;

	CHECK_EQ(getrlimit(RLIMIT_STACK, &limit), 0);
	limit.rlim_cur = soft;
	CHECK_EQ(setrlimit(RLIMIT_STACK, &limit), 0);
}

/* Touches every page from the stack pointer down so many bytes. */
static void walk_down(size_t bytes)
{
	char *top = stack_pointer();

	for (size_t depth = PAGE; depth < bytes; depth += PAGE)
		poke(top - depth, 1);
}

/* Uses more than 160 bytes of stack for each call, which must still be right on the way back. */
__attribute__((noinline)) static int recurse(int depth)
{
	volatile char frame[160];

	frame[depth % 160] = (char)depth;
	int wrong = depth == 0 ? 0 : recurse(depth - 1);
	return wrong + (frame[depth % 160] != (char)depth);
}

TEST(grows_page_by_page)
{
	set_stack_limit(8 * MIB);
	walk_down(6 * MIB);
	CHECK_EQ(peek(stack_pointer() - 5 * MIB - PAGE) | 1, 1);
}

TEST(grows_by_recursion)
{
	set_stack_limit(8 * MIB);
	CHECK_EQ(recurse(20000), 0);
}

TEST(a_far_jump_inside_the_limit_is_allowed)
{
	set_stack_limit(8 * MIB);
	char *far = stack_pointer() - 4 * MIB;

	poke(far, 7);
	CHECK_EQ(peek(far), 7);
	CHECK_EQ(peek(far + 2 * MIB), 0);
	CHECK_ZERO(far + PAGE, 16 * PAGE);
}

TEST(reading_grows_it_as_well)
{
	set_stack_limit(8 * MIB);
	CHECK_EQ(peek(stack_pointer() - 3 * MIB), 0);
}

TEST(the_kernel_grows_it_for_a_copy)
{
	int fd = open("/dev/zero", O_RDONLY);

	set_stack_limit(8 * MIB);
	CHECK(fd >= 0);
	char *far = stack_pointer() - 2 * MIB;
	CHECK_EQ(read(fd, far, 3 * PAGE), 3 * PAGE);
	CHECK_EQ(read(fd, stack_pointer() - 12 * MIB, 8), -1);
	CHECK_EQ(errno, EFAULT);
}

TEST(beyond_the_limit_is_sigsegv)
{
	set_stack_limit(1 * MIB);
	CHECK_LIVES(walk_down(512 * KIB));
	CHECK_SEGV(walk_down(2 * MIB));
	CHECK_SEGV(poke(stack_pointer() - 2 * MIB, 1));
	CHECK_SEGV(peek(stack_pointer() - 1100 * KIB));
	CHECK_SEGV(recurse(1000000));
}

TEST(the_limit_is_read_when_it_grows)
{
	set_stack_limit(1 * MIB);
	CHECK_SEGV(poke(stack_pointer() - 3 * MIB, 1));
	set_stack_limit(4 * MIB);
	poke(stack_pointer() - 3 * MIB, 1);
	set_stack_limit(1 * MIB);
	poke(stack_pointer() - 3 * MIB, 2);		/* it is there already */
	CHECK_SEGV(poke(stack_pointer() - 3584 * KIB, 1));
}

TEST(children_grow_their_own)
{
	set_stack_limit(8 * MIB);
	char *far = stack_pointer() - 2 * MIB;

	CHECK_LIVES(poke(far, 1));
	poke(far, 2);
	pid_t child = FORK();
	if (child == 0) {
		CHECK_EQ(peek(far), 2);
		poke(far, 3);
		poke(far - MIB, 4);
		_exit(0);
	}
	CHECK_EXIT(child, 0);
	CHECK_EQ(peek(far), 2);
	CHECK_EQ(peek(far - MIB), 0);
}

TEST(keeps_its_distance_from_a_mapping)
{
	set_stack_limit(8 * MIB);
	uintptr_t at = ((uintptr_t)stack_pointer() & ~(PAGE - 1)) - 5 * MIB;
	char *wall = mmap((void *)at, PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	CHECK_EQ((uintptr_t)wall, at);
	stamp(wall, 1);
	CHECK_LIVES(poke(wall + 3 * MIB, 1));
	CHECK_SEGV(poke(wall + 4 * PAGE, 1));
	CHECK_SEGV(poke(wall + PAGE, 1));
	CHECK_SEGV(poke(wall - PAGE, 1));
	CHECK_SEGV(walk_down(6 * MIB));
	CHECK_STAMP(wall, 1);
}

TEST(below_the_stack_is_not_the_stack)
{
	struct map_line line;

	CHECK(map_named("[stack]", &line));
	CHECK(line.start <= (uintptr_t)&line && (uintptr_t)&line < line.end);
	CHECK_STR(line.prot, "rw-p");
	set_stack_limit(64 * KIB);
	CHECK_SEGV(peek((char *)line.end - 9 * MIB));
	CHECK_SEGV(peek((char *)line.end));
}

TEST(maps_shows_the_growth)
{
	struct map_line before, after;

	set_stack_limit(8 * MIB);
	CHECK(map_named("[stack]", &before));
	char *far = (char *)before.start - 64 * PAGE;
	poke(far, 1);
	CHECK(map_named("[stack]", &after));
	CHECK_EQ(after.end, before.end);
	CHECK_EQ(after.start, (uintptr_t)far);
}

/* Executes this program again as "deep BYTES" with a stack limit; the wait status. */
static int run_deep(rlim_t limit, const char *bytes)
{
	int status;
	pid_t child = FORK();

	if (child == 0) {
		set_stack_limit(limit);
		execl(self_path(), "mem_stack", "deep", bytes, (char *)NULL);
		_exit(126);
	}
	CHECK_EQ(waitpid(child, &status, 0), child);
	return status;
}

TEST(an_executed_program_inherits_the_limit)
{
	CHECK_EQ(run_deep(256 * KIB, "100000"), 0);
	CHECK_EQ(WTERMSIG(run_deep(256 * KIB, "400000")), SIGSEGV);
	CHECK_EQ(run_deep(1 * MIB, "400000"), 0);
	CHECK_EQ(WTERMSIG(run_deep(1 * MIB, "2000000")), SIGSEGV);
	CHECK_EQ(run_deep(16 * MIB, "12000000"), 0);
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "deep")) {
		walk_down(strtoul(argv[2], NULL, 10));
		return 0;
	}
	return ktap_main(argc, argv);
}
