/*
 * mprotect(2): the new protection holds at once for the program and for the kernel acting for it,
 * for exactly the pages of the range, without touching contents; mappings split and grow together
 * again as /proc/self/maps shows; execution needs PROT_EXEC (NX); and the errors: EINVAL, ENOMEM
 * over holes, EACCES for a shared file that was opened without write. Sources: mprotect(2), POSIX.
 */
#include "pages.h"
#include "paths.h"

enum { R = PROT_READ, RW = PROT_READ | PROT_WRITE, RX = PROT_READ | PROT_EXEC };

TEST(read_only_stops_writes_and_keeps_data)
{
	char *at = map_private(3);

	for (int i = 0; i < 3; i++)
		stamp(at + i * PAGE, i + 1);
	CHECK_EQ(mprotect(at + PAGE, PAGE, R), 0);
	CHECK_SEGV(poke(at + PAGE, 1));
	CHECK_EQ(kernel_writes(at + PAGE), 0);
	CHECK_EQ(kernel_reads(at + PAGE), 1);
	stamp(at, 10);
	stamp(at + 2 * PAGE, 30);
	CHECK_STAMP(at + PAGE, 2);
}

TEST(none_stops_everything_and_keeps_data)
{
	char *at = map_private(2);

	stamp(at, 1);
	stamp(at + PAGE, 2);
	CHECK_EQ(mprotect(at, PAGE, PROT_NONE), 0);
	CHECK_SEGV(peek(at));
	CHECK_SEGV(poke(at, 1));
	CHECK_EQ(kernel_reads(at), 0);
	CHECK_EQ(kernel_writes(at), 0);
	CHECK_STAMP(at + PAGE, 2);
	CHECK_EQ(mprotect(at, PAGE, R), 0);
	CHECK_STAMP(at, 1);
	CHECK_SEGV(poke(at, 1));
	CHECK_EQ(mprotect(at, PAGE, RW), 0);
	CHECK_STAMP(at, 1);
	stamp(at, 3);
	CHECK_STAMP(at, 3);
}

TEST(untouched_pages_become_writable)
{
	char *none = map_pages(2, PROT_NONE, MAP_PRIVATE);
	char *read_only = map_pages(2, R, MAP_PRIVATE);

	CHECK_EQ(mprotect(none, 2 * PAGE, RW), 0);
	CHECK_ZERO(none, PAGE);
	stamp(none, 1);
	stamp(none + PAGE, 2);
	CHECK_ZERO(read_only, PAGE);		/* now the first page is there, not the second */
	CHECK_EQ(mprotect(read_only, 2 * PAGE, RW), 0);
	stamp(read_only, 3);
	stamp(read_only + PAGE, 4);
	CHECK_STAMP(none + PAGE, 2);
	CHECK_STAMP(read_only, 3);
	CHECK_ZERO(map_pages(1, R, MAP_PRIVATE), PAGE);
}

TEST(back_and_forth)
{
	char *at = map_private(4);

	for (int round = 0; round < 200; round++) {
		char *page = at + round % 4 * PAGE;
		stamp(page, round);
		CHECK_EQ(mprotect(page, PAGE, round % 3 ? R : PROT_NONE), 0);
		CHECK_EQ(kernel_writes(page), 0);
		CHECK_EQ(mprotect(at, 4 * PAGE, RW), 0);
		CHECK_STAMP(page, round);
	}
}

TEST(split_and_merge_in_maps)
{
	char *space = free_space(16), *at = space + 4 * PAGE;

	map_at(at, 8, RW, MAP_PRIVATE);
	CHECK_MAP(at, 8, "rw-p");
	CHECK_EQ(mprotect(at + 2 * PAGE, 3 * PAGE, R), 0);
	CHECK_MAP(at, 2, "rw-p");
	CHECK_MAP(at + 2 * PAGE, 3, "r--p");
	CHECK_MAP(at + 5 * PAGE, 3, "rw-p");
	CHECK_EQ(mprotect(at + 3 * PAGE, PAGE, PROT_NONE), 0);
	CHECK_MAP(at + 2 * PAGE, 1, "r--p");
	CHECK_MAP(at + 3 * PAGE, 1, "---p");
	CHECK_MAP(at + 4 * PAGE, 1, "r--p");
	CHECK_EQ(mprotect(at + 3 * PAGE, PAGE, R), 0);
	CHECK_MAP(at + 2 * PAGE, 3, "r--p");
	CHECK_EQ(mprotect(at, 2 * PAGE, R), 0);
	CHECK_MAP(at, 5, "r--p");
	CHECK_EQ(mprotect(at, 8 * PAGE, RW), 0);
	CHECK_MAP(at, 8, "rw-p");
	CHECK_EQ(mprotect(at + 7 * PAGE, PAGE, RX), 0);
	CHECK_MAP(at, 7, "rw-p");
	CHECK_MAP(at + 7 * PAGE, 1, "r-xp");
}

TEST(over_several_mappings)
{
	char *at = map_private(6);

	for (int i = 0; i < 6; i++)
		stamp(at + i * PAGE, i);
	CHECK_EQ(mprotect(at + PAGE, PAGE, R), 0);
	CHECK_EQ(mprotect(at + 3 * PAGE, PAGE, PROT_NONE), 0);
	CHECK_EQ(mprotect(at + PAGE, 4 * PAGE, R), 0);
	for (int i = 0; i < 6; i++) {
		CHECK_STAMP(at + i * PAGE, i);
		CHECK_EQ(kernel_writes(at + i * PAGE + 8), i == 0 || i == 5);
	}
}

TEST(the_length_is_rounded_up)
{
	char *at = map_private(3);

	CHECK_EQ(mprotect(at, 1, R), 0);
	CHECK_SEGV(poke(at + PAGE - 1, 1));
	poke(at + PAGE, 1);
	CHECK_EQ(mprotect(at, PAGE + 1, R), 0);
	CHECK_SEGV(poke(at + 2 * PAGE - 1, 1));
	poke(at + 2 * PAGE, 1);
}

TEST(length_zero_is_success)
{
	char *at = map_private(1);

	CHECK_EQ(mprotect(at, 0, PROT_NONE), 0);
	stamp(at, 1);
	CHECK_EQ(mprotect(free_space(1), 0, R), 0);
}

TEST(wrong_arguments_are_einval)
{
	char *at = map_private(2);

	CHECK_ERRNO(syscall(SYS_mprotect, at + 1, PAGE, R), EINVAL);
	CHECK_ERRNO(syscall(SYS_mprotect, at + 2048, PAGE, R), EINVAL);
	CHECK_ERRNO(syscall(SYS_mprotect, at, PAGE, 0x80), EINVAL);
	CHECK_ERRNO(syscall(SYS_mprotect, at, PAGE, PROT_GROWSDOWN | PROT_GROWSUP), EINVAL);
	stamp(at, 1);
	stamp(at + PAGE, 2);
}

TEST(holes_are_enomem)
{
	char *at = map_private(5);

	CHECK_EQ(munmap(at + 2 * PAGE, PAGE), 0);
	CHECK_ERRNO(mprotect(at + 2 * PAGE, PAGE, R), ENOMEM);
	CHECK_ERRNO(mprotect(at, 5 * PAGE, RW), ENOMEM);
	CHECK_ERRNO(mprotect(at + PAGE, 2 * PAGE, RW), ENOMEM);
	CHECK_ERRNO(mprotect(at + 2 * PAGE, 2 * PAGE, RW), ENOMEM);
	CHECK_ERRNO(syscall(SYS_mprotect, at, SIZE_MAX - PAGE + 1, R), ENOMEM);
	CHECK_ERRNO(syscall(SYS_mprotect, user_end(), PAGE, R), ENOMEM);
	CHECK_ERRNO(syscall(SYS_mprotect, 0xffff888000000000, PAGE, R), ENOMEM);
	stamp(at, 1);
	stamp(at + 4 * PAGE, 1);
}

SCRATCH_TEST(a_read_only_shared_file_is_eacces)
{
	CHECK_EQ(close(make_file("f", "contents")), 0);
	int r = open("f", O_RDONLY), rw = open("f", O_RDWR);
	char *shared = mmap(NULL, PAGE, R, MAP_SHARED, r, 0);
	char *private = mmap(NULL, PAGE, R, MAP_PRIVATE, r, 0);
	char *writable = mmap(NULL, PAGE, R, MAP_SHARED, rw, 0);

	CHECK(shared != MAP_FAILED && private != MAP_FAILED && writable != MAP_FAILED);
	CHECK_ERRNO(mprotect(shared, PAGE, RW), EACCES);
	CHECK_ERRNO(mprotect(shared, PAGE, PROT_WRITE), EACCES);
	CHECK_EQ(mprotect(shared, PAGE, PROT_NONE), 0);
	CHECK_EQ(mprotect(shared, PAGE, R), 0);
	CHECK_EQ(mprotect(private, PAGE, RW), 0);
	CHECK_EQ(mprotect(writable, PAGE, RW), 0);
	poke(private, 'P');
	poke(writable, 'W');
	CHECK_EQ(peek(shared), 'W');
	CHECK_EQ(peek(private), 'P');
}

/* A file page that was only read before must still be copied at the first write. */
SCRATCH_TEST(a_private_file_page_made_writable_is_copied)
{
	int fd = make_file("f", "contents");
	char *at = mmap(NULL, PAGE, R, MAP_PRIVATE, fd, 0);

	CHECK(at != MAP_FAILED);
	CHECK_EQ(peek(at), 'c');
	CHECK_EQ(mprotect(at, PAGE, RW), 0);
	poke(at, 'X');
	CHECK_FILE("f", "contents");
	CHECK_EQ(mprotect(at, PAGE, R), 0);
	CHECK_EQ(mprotect(at, PAGE, RW), 0);
	CHECK_EQ(peek(at), 'X');
	poke(at + 1, 'Y');
	CHECK_FILE("f", "contents");
}

TEST(execution_needs_permission)
{
	static const unsigned char code[] = { 0xb8, 42, 0, 0, 0, 0xc3 };
	char *at = map_private(2);
	int (*volatile run)(void) = (int (*)(void))at;

	memcpy(at, code, sizeof(code));			/* mov eax, 42; ret */
	CHECK_SEGV(run());
	CHECK_EQ(mprotect(at, PAGE, R), 0);
	CHECK_SEGV(run());
	CHECK_EQ(mprotect(at, PAGE, RX), 0);
	CHECK_EQ(run(), 42);
	CHECK_SEGV(poke(at, 1));
	run = (int (*)(void))(at + PAGE);
	CHECK_SEGV(run());
	CHECK_EQ(mprotect(at, PAGE, RW), 0);
	run = (int (*)(void))at;
	CHECK_SEGV(run());
	poke(at + 1, 43);
	CHECK_EQ(mprotect(at, PAGE, RX), 0);
	CHECK_EQ(run(), 43);
}

TEST(the_stack_and_data_are_not_executable)
{
	static unsigned char data[] = { 0xc3 };
	volatile unsigned char local[] = { 0xc3 };
	void (*volatile run)(void) = (void (*)(void))(uintptr_t)local;

	CHECK_SEGV(run());
	run = (void (*)(void))(uintptr_t)data;
	CHECK_SEGV(run());
}

TEST(the_program_s_text_is_not_writable)
{
	CHECK_SEGV(poke((void *)(uintptr_t)ktap_main, 1));
	CHECK_EQ(kernel_writes((void *)(uintptr_t)ktap_main), 0);
}

TEST(the_child_s_protection_is_its_own)
{
	char *at = map_private(2);

	stamp(at, 1);
	CHECK_LIVES(CHECK_EQ(mprotect(at, PAGE, PROT_NONE), 0));
	stamp(at, 2);
	CHECK_EQ(mprotect(at, PAGE, R), 0);
	pid_t child = FORK();
	if (child == 0) {
		CHECK_EQ(mprotect(at, PAGE, RW), 0);
		CHECK_STAMP(at, 2);
		stamp(at, 3);
		CHECK_STAMP(at, 3);
		_exit(0);
	}
	CHECK_EXIT(child, 0);
	CHECK_STAMP(at, 2);
	CHECK_SEGV(poke(at, 1));
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
