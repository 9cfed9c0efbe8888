/*
 * stat(2), fstat(2) and newfstatat(2): type and mode, size, link count, inode and device numbers,
 * blocks, device nodes, and times that follow what is done to a file. Sources: stat(2), inode(7),
 * POSIX <sys/stat.h>. Symbolic links are in file_symlink.c.
 */
#include "paths.h"
#include <sys/sysmacros.h>
#include <time.h>

SCRATCH_TEST(a_regular_file)
{
	struct stat st;
	int fd = make_file("f", "0123456789");

	CHECK_EQ(stat("f", &st), 0);
	CHECK(S_ISREG(st.st_mode));
	CHECK_EQ(st.st_mode & 07777, 0644);
	CHECK_EQ(st.st_size, 10);
	CHECK_EQ(st.st_nlink, 1);
	CHECK_EQ(st.st_uid, 0);
	CHECK_EQ(st.st_gid, 0);
	CHECK(st.st_ino != 0);
	CHECK(st.st_blksize > 0);
	CHECK(st.st_blocks * 512 >= 10 && st.st_blocks * 512 <= 1 << 16);
	CHECK_EQ(write(fd, "longer than before", 18), 18);
	CHECK_EQ(fstat(fd, &st), 0);
	CHECK_EQ(st.st_size, 18);
}

SCRATCH_TEST(every_way_gives_the_same)
{
	struct stat by_name, by_descriptor, by_at, by_link, by_empty;
	int fd = make_file("f", "text");

	CHECK_EQ(stat("f", &by_name), 0);
	CHECK_EQ(lstat("f", &by_link), 0);
	CHECK_EQ(fstat(fd, &by_descriptor), 0);
	CHECK_EQ(fstatat(AT_FDCWD, "f", &by_at, 0), 0);
	CHECK_EQ(syscall(SYS_newfstatat, fd, "", &by_empty, AT_EMPTY_PATH), 0);
	CHECK(!memcmp(&by_name, &by_descriptor, sizeof(struct stat)));
	CHECK(!memcmp(&by_name, &by_at, sizeof(struct stat)));
	CHECK(!memcmp(&by_name, &by_link, sizeof(struct stat)));
	CHECK(!memcmp(&by_name, &by_empty, sizeof(struct stat)));
}

SCRATCH_TEST(a_directory)
{
	struct stat st;

	CHECK_EQ(mkdir("d", 0755), 0);
	CHECK_EQ(stat("d", &st), 0);
	CHECK(S_ISDIR(st.st_mode));
	CHECK_EQ(st.st_mode & 07777, 0755);
	CHECK_EQ(st.st_nlink, 2);
	CHECK_EQ(mkdir("d/e", 0700), 0);
	touch("d/f");
	CHECK_EQ(stat("d", &st), 0);
	CHECK_EQ(st.st_nlink, 3);
	CHECK_EQ(stat("d/e", &st), 0);
	CHECK_EQ(st.st_mode & 07777, 0700);
}

SCRATCH_TEST(identity)
{
	struct stat a, b, again, here, up;

	touch("a");
	touch("b");
	CHECK_EQ(mkdir("d", 0755), 0);
	CHECK_EQ(stat("a", &a), 0);
	CHECK_EQ(stat("b", &b), 0);
	CHECK_EQ(stat("d/../a", &again), 0);
	CHECK_EQ(stat(".", &here), 0);
	CHECK_EQ(stat("d/..", &up), 0);
	CHECK(a.st_ino != b.st_ino && a.st_ino != here.st_ino);
	CHECK_EQ(a.st_dev, b.st_dev);
	CHECK_EQ(a.st_ino, again.st_ino);
	CHECK_EQ(here.st_ino, up.st_ino);
}

SCRATCH_TEST(inodes_are_unique)
{
	enum { N = 200 };
	static struct stat st[N];
	char name[16];

	for (int i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		touch(name);
		CHECK_EQ(stat(name, &st[i]), 0);
		for (int j = 0; j < i; j++)
			CHECK(st[i].st_ino != st[j].st_ino);
	}
}

SCRATCH_TEST(blocks_of_full_and_sparse_files)
{
	static char data[1 << 16];
	struct stat st;
	int fd = make_file("full", "");

	write_all(fd, data, sizeof(data));
	CHECK_EQ(fstat(fd, &st), 0);
	CHECK(st.st_blocks * 512 >= (long)sizeof(data));
	CHECK(st.st_blocks * 512 <= 2 * (long)sizeof(data));
	fd = make_file("sparse", "");
	CHECK_EQ(lseek(fd, 32 << 20, SEEK_SET), 32 << 20);
	write_all(fd, "x", 1);
	CHECK_EQ(fstat(fd, &st), 0);
	CHECK_EQ(st.st_size, (32 << 20) + 1);
	CHECK(st.st_blocks * 512 < 4 << 20);
}

TEST(device_nodes)
{
	static const struct { const char *path; unsigned major, minor; } rows[] = {
		{ "/dev/null", 1, 3 }, { "/dev/zero", 1, 5 },
		{ "/dev/tty", 5, 0 }, { "/dev/console", 5, 1 },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct stat st;

		CONTEXT("%s", rows[i].path);
		if (rows[i].major == 5 && stat(rows[i].path, &st) && errno == ENOENT)
			continue;		/* the namespaces on Linux have no terminal */
		CHECK_EQ(stat(rows[i].path, &st), 0);
		CHECK(S_ISCHR(st.st_mode));
		CHECK_EQ(major(st.st_rdev), rows[i].major);
		CHECK_EQ(minor(st.st_rdev), rows[i].minor);
		CHECK_EQ(st.st_size, 0);
	}
}

SCRATCH_TEST(at_a_directory_descriptor)
{
	struct stat st, inside;
	int fd, file = make_file("f", "");

	CHECK_EQ(mkdir("d", 0755), 0);
	CHECK_EQ(close(make_file("d/f", "inside")), 0);
	fd = open("d", O_RDONLY | O_DIRECTORY);
	CHECK_EQ(fstatat(fd, "f", &inside, 0), 0);
	CHECK_EQ(inside.st_size, 6);
	CHECK_EQ(fstatat(fd, "../f", &st, 0), 0);
	CHECK_EQ(st.st_size, 0);
	CHECK_EQ(fstatat(fd, ".", &st, 0), 0);
	CHECK(S_ISDIR(st.st_mode));
	CHECK_EQ(fstatat(fd, "/", &st, 0), 0);
	CHECK_EQ(fstatat(-1, "/", &st, 0), 0);
	CHECK_EQ(fstatat(fd, "f", &st, AT_SYMLINK_NOFOLLOW), 0);
	CHECK_EQ(st.st_ino, inside.st_ino);
	CHECK_ERRNO(syscall(SYS_newfstatat, fd, "", &st, 0), ENOENT);
	CHECK_ERRNO(fstatat(file, "f", &st, 0), ENOTDIR);
	CHECK_ERRNO(fstatat(-1, "f", &st, 0), EBADF);
	CHECK_ERRNO(fstatat(fd, "missing", &st, 0), ENOENT);
	CHECK_ERRNO(syscall(SYS_newfstatat, fd, "f", &st, 0x40000000), EINVAL);
}

SCRATCH_TEST(errors)
{
	struct stat st;
	int closed = dup(1);

	touch("f");
	CHECK_EQ(close(closed), 0);
	CHECK_ERRNO(stat("missing", &st), ENOENT);
	CHECK_ERRNO(stat("", &st), ENOENT);
	CHECK_ERRNO(stat("f/x", &st), ENOTDIR);
	CHECK_ERRNO(stat("f/", &st), ENOTDIR);
	CHECK_ERRNO(fstat(closed, &st), EBADF);
	CHECK_ERRNO(fstat(-1, &st), EBADF);
}

/* Timestamps may come from a clock that ticks coarsely: a second of slack. */
static void check_recent(struct timespec stamp)
{
	struct timespec now;

	CHECK_EQ(clock_gettime(CLOCK_REALTIME, &now), 0);
	CHECK(stamp.tv_nsec >= 0 && stamp.tv_nsec < 1000000000);
	CHECK(stamp.tv_sec <= now.tv_sec + 1);
	CHECK(stamp.tv_sec >= now.tv_sec - 60);
}

static int later(struct timespec a, struct timespec b)
{
	return a.tv_sec > b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec > b.tv_nsec);
}

SCRATCH_TEST(times_of_a_new_file)
{
	struct stat st;

	touch("f");
	CHECK_EQ(stat("f", &st), 0);
	check_recent(st.st_atim);
	check_recent(st.st_mtim);
	check_recent(st.st_ctim);
}

/* Repeats the action until the file's mtime has moved, which it must within a few clock ticks. */
static void check_modifies(const char *path, int (*action)(void))
{
	struct stat before, after;

	CHECK_EQ(stat(path, &before), 0);
	do {
		CHECK_EQ(action(), 0);
		CHECK_EQ(stat(path, &after), 0);
		CHECK(!later(before.st_mtim, after.st_mtim));
	} while (!later(after.st_mtim, before.st_mtim));
	CHECK(!later(before.st_ctim, after.st_ctim));
}

static int write_to_f(void)
{
	int fd = open("f", O_WRONLY | O_APPEND);
	ssize_t n = write(fd, "x", 1);

	close(fd);
	return n != 1;
}

static int truncate_f(void)
{
	int fd = open("f", O_WRONLY | O_TRUNC);

	return fd < 0 || close(fd);
}

static int add_and_remove_a_name(void)
{
	touch("d/name");
	return unlink("d/name");
}

SCRATCH_TEST(changes_move_the_modification_time)
{
	CHECK_EQ(close(make_file("f", "text")), 0);
	CHECK_EQ(mkdir("d", 0755), 0);
	CONTEXT("write");
	check_modifies("f", write_to_f);
	CONTEXT("O_TRUNC");
	check_modifies("f", truncate_f);
	CONTEXT("directory");
	check_modifies("d", add_and_remove_a_name);
}

SCRATCH_TEST(looking_does_not_move_the_modification_time)
{
	struct stat before, after;
	char c;

	CHECK_EQ(close(make_file("f", "text")), 0);
	CHECK_EQ(stat("f", &before), 0);
	for (int i = 0; i < 200; i++) {
		int fd = open("f", O_RDONLY);
		CHECK_EQ(read(fd, &c, 1), 1);
		CHECK_EQ(close(fd), 0);
	}
	CHECK_EQ(stat("f", &after), 0);
	CHECK(!later(after.st_mtim, before.st_mtim));
	CHECK(!later(after.st_ctim, before.st_ctim));
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
