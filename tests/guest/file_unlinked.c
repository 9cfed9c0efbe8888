/*
 * A file without a name lives as long as somebody has it open or mapped: it can be read, written
 * and grown, its link count is 0, its old name is free for another file, and its space comes back
 * when the last user goes. Sources: unlink(2), POSIX unlink(). Space is checked by using more of
 * it, one after the other, than the machine has.
 */
#include "paths.h"
#include <sys/mman.h>

SCRATCH_TEST(it_can_still_be_used)
{
	struct stat st;
	char text[16] = { 0 };
	int fd = make_file("f", "contents");

	CHECK_EQ(unlink("f"), 0);
	CHECK_ERRNO(stat("f", &st), ENOENT);
	CHECK_EQ(read(fd, text, sizeof(text)), 8);
	CHECK_STR(text, "contents");
	CHECK_EQ(write(fd, "more", 4), 4);
	CHECK_EQ(lseek(fd, 0, SEEK_END), 12);
	CHECK_EQ(fstat(fd, &st), 0);
	CHECK_EQ(st.st_nlink, 0);
	CHECK_EQ(st.st_size, 12);
	CHECK(S_ISREG(st.st_mode));
}

SCRATCH_TEST(the_name_is_free_for_another)
{
	struct stat old, new;
	char text[16] = { 0 };
	int fd = make_file("f", "old");

	CHECK_EQ(unlink("f"), 0);
	CHECK_EQ(close(make_file("f", "new file")), 0);
	CHECK_EQ(fstat(fd, &old), 0);
	CHECK_EQ(stat("f", &new), 0);
	CHECK(old.st_ino != new.st_ino);
	CHECK_EQ(read(fd, text, sizeof(text)), 3);
	CHECK_STR(text, "old");
	CHECK_FILE("f", "new file");
}

SCRATCH_TEST(the_last_of_several_descriptors)
{
	char text[8] = { 0 };
	int one = make_file("f", "text"), two = dup(one), three = open("f", O_RDONLY);

	CHECK_EQ(unlink("f"), 0);
	CHECK_EQ(close(one), 0);
	CHECK_EQ(close(two), 0);
	CHECK_EQ(read(three, text, sizeof(text)), 4);
	CHECK_STR(text, "text");
}

SCRATCH_TEST(a_child_keeps_it)
{
	int fd = make_file("f", "text"), go[2];

	CHECK_EQ(pipe(go), 0);
	pid_t child = FORK();
	if (child == 0) {
		char text[8] = { 0 }, c;
		close(go[1]);
		CHECK_EQ(read(go[0], &c, 1), 0);
		CHECK_EQ(read(fd, text, sizeof(text)), 4);
		CHECK_STR(text, "text");
		_exit(0);
	}
	CHECK_EQ(unlink("f"), 0);
	CHECK_EQ(close(fd), 0);
	close(go[1]);
	CHECK_EXIT(child, 0);
}

SCRATCH_TEST(a_mapping_keeps_it)
{
	int fd = make_file("f", "mapped");
	char *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	CHECK(at != MAP_FAILED);
	CHECK_EQ(unlink("f"), 0);
	CHECK_EQ(close(fd), 0);
	CHECK(!memcmp(at, "mapped", 6));
	at[0] = 'M';
	CHECK(!memcmp(at, "Mapped", 6));
	CHECK_EQ(munmap(at, 4096), 0);
}

/* Writes 8 MiB of the round's letter. */
static void fill(int fd, int round)
{
	static char block[1 << 16];

	memset(block, 'a' + round % 26, sizeof(block));
	for (int i = 0; i < 128; i++)
		CHECK_EQ(write(fd, block, sizeof(block)), sizeof(block));
}

SCRATCH_TEST(space_comes_back_at_close)
{
	for (int round = 0; round < 20; round++) {
		int fd = make_file("f", "");
		CHECK_EQ(unlink("f"), 0);
		fill(fd, round);
		CHECK_EQ(close(fd), 0);
	}
}

SCRATCH_TEST(space_comes_back_at_unlink)
{
	for (int round = 0; round < 20; round++) {
		int fd = make_file("f", "");
		fill(fd, round);
		CHECK_EQ(close(fd), 0);
		CHECK_EQ(unlink("f"), 0);
	}
}

SCRATCH_TEST(space_comes_back_at_o_trunc)
{
	for (int round = 0; round < 20; round++) {
		int fd = open("f", O_WRONLY | O_CREAT | O_TRUNC, 0644);
		fill(fd, round);
		CHECK_EQ(close(fd), 0);
	}
	CHECK_EQ(unlink("f"), 0);
}

SCRATCH_TEST(space_comes_back_at_a_killed_process_s_end)
{
	for (int round = 0; round < 20; round++) {
		pid_t child = FORK();
		if (child == 0) {
			int fd = make_file("f", "");
			CHECK_EQ(unlink("f"), 0);
			fill(fd, round);
			kill(getpid(), SIGKILL);
		}
		CHECK_SIGNAL(child, SIGKILL);
	}
}

SCRATCH_TEST(thousands_of_names_one_after_the_other)
{
	for (int i = 0; i < 5000; i++) {
		int fd = open("f", O_WRONLY | O_CREAT | O_EXCL, 0644);
		CHECK_EQ(write(fd, "x", 1), 1);
		CHECK_EQ(close(fd), 0);
		CHECK_EQ(unlink("f"), 0);
	}
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
