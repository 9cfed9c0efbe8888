/*
 * open(2), openat(2) and close(2): what each flag does to the file and to the descriptor, the
 * lowest free descriptor, the errors of wrong paths and kinds, relative to the current directory or
 * to an open one, and the limit on descriptors. Sources: open(2), close(2), POSIX open(). How a
 * path is walked is file_path.c, links are file_symlink.c.
 */
#include "paths.h"
#include <sys/resource.h>

SCRATCH_TEST(creat_makes_an_empty_file)
{
	struct stat st;
	int fd = open("f", O_WRONLY | O_CREAT, 0644);

	CHECK(fd >= 0);
	CHECK_EQ(fstat(fd, &st), 0);
	CHECK(S_ISREG(st.st_mode));
	CHECK_EQ(st.st_mode & 07777, 0644);
	CHECK_EQ(st.st_size, 0);
	CHECK_EQ(st.st_nlink, 1);
	CHECK_EQ(close(fd), 0);
	CHECK_FILE("f", "");
}

SCRATCH_TEST(creat_opens_what_is_there)
{
	CHECK_EQ(close(make_file("f", "old contents")), 0);
	int fd = open("f", O_RDWR | O_CREAT, 0600);
	CHECK(fd >= 0);
	CHECK_EQ(write(fd, "NEW", 3), 3);
	CHECK_FILE("f", "NEW contents");
}

SCRATCH_TEST(excl_refuses_what_is_there)
{
	CHECK_EQ(close(make_file("f", "contents")), 0);
	CHECK_EQ(mkdir("d", 0755), 0);
	CHECK_ERRNO(open("f", O_RDWR | O_CREAT | O_EXCL, 0644), EEXIST);
	CHECK_ERRNO(open("d", O_RDONLY | O_CREAT | O_EXCL, 0644), EEXIST);
	CHECK(open("new", O_RDWR | O_CREAT | O_EXCL, 0644) >= 0);
	CHECK_ERRNO(open("new", O_RDWR | O_CREAT | O_EXCL, 0644), EEXIST);
	CHECK_FILE("f", "contents");
}

/* Of many processes that create the same name with O_EXCL, one succeeds. */
SCRATCH_TEST(excl_has_one_winner)
{
	for (int round = 0; round < 20; round++) {
		pid_t child[4];
		char name[16];
		int winners = 0;

		snprintf(name, sizeof(name), "f%d", round);
		for (int c = 0; c < 4; c++) {
			child[c] = FORK();
			if (child[c] == 0)
				_exit(open(name, O_RDWR | O_CREAT | O_EXCL, 0644) >= 0);
		}
		for (int c = 0; c < 4; c++) {
			int status;
			CHECK_EQ(waitpid(child[c], &status, 0), child[c]);
			CHECK(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
			winners += WEXITSTATUS(status);
		}
		CHECK_EQ(winners, 1);
	}
}

SCRATCH_TEST(trunc_empties)
{
	int before = make_file("f", "contents");
	struct stat old, new;

	CHECK_EQ(fstat(before, &old), 0);
	int fd = open("f", O_WRONLY | O_TRUNC);
	CHECK(fd >= 0);
	CHECK_EQ(fstat(fd, &new), 0);
	CHECK_EQ(new.st_size, 0);
	CHECK_EQ(new.st_ino, old.st_ino);
	CHECK_EQ(write(fd, "new", 3), 3);
	char text[16];
	CHECK_EQ(read(before, text, sizeof(text)), 3);
	CHECK_FILE("f", "new");
}

SCRATCH_TEST(append_writes_at_the_end)
{
	CHECK_EQ(close(make_file("f", "one")), 0);
	int fd = open("f", O_RDWR | O_APPEND), other = open("f", O_WRONLY);
	char text[16] = { 0 };

	CHECK(fd >= 0 && other >= 0);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 0);
	CHECK_EQ(write(fd, "two", 3), 3);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 6);
	CHECK_EQ(lseek(fd, 1, SEEK_SET), 1);
	CHECK_EQ(read(fd, text, 4), 4);
	CHECK_STR(text, "netw");
	CHECK_EQ(lseek(other, 20, SEEK_SET), 20);
	CHECK_EQ(write(other, "x", 1), 1);
	CHECK_EQ(write(fd, "three", 5), 5);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 26);
	CHECK_EQ(size_of("f"), 26);
}

SCRATCH_TEST(directory_flag)
{
	touch("f");
	CHECK_EQ(mkdir("d", 0755), 0);
	CHECK_ERRNO(open("f", O_RDONLY | O_DIRECTORY), ENOTDIR);
	CHECK_ERRNO(open("missing", O_RDONLY | O_DIRECTORY), ENOENT);
	CHECK_ERRNO(open("/dev/null", O_RDONLY | O_DIRECTORY), ENOTDIR);
	CHECK(open("d", O_RDONLY | O_DIRECTORY) >= 0);
	CHECK(open("d", O_RDONLY) >= 0);
	CHECK(open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) >= 0);
}

SCRATCH_TEST(directories_are_not_written)
{
	char byte;

	CHECK_EQ(mkdir("d", 0755), 0);
	CHECK_ERRNO(open("d", O_WRONLY), EISDIR);
	CHECK_ERRNO(open("d", O_RDWR), EISDIR);
	CHECK_ERRNO(open("d", O_RDONLY | O_CREAT, 0644), EISDIR);
	CHECK_ERRNO(open("d", O_WRONLY | O_TRUNC), EISDIR);
	CHECK_ERRNO(open(".", O_RDWR), EISDIR);
	CHECK_ERRNO(open("/", O_WRONLY), EISDIR);
	int fd = open("d", O_RDONLY);
	CHECK_ERRNO(read(fd, &byte, 1), EISDIR);
	CHECK_ERRNO(write(fd, "x", 1), EBADF);
}

SCRATCH_TEST(missing_files_and_parents)
{
	touch("f");
	CHECK_ERRNO(open("missing", O_RDONLY), ENOENT);
	CHECK_ERRNO(open("", O_RDONLY), ENOENT);
	CHECK_ERRNO(open("", O_RDWR | O_CREAT, 0644), ENOENT);
	CHECK_ERRNO(open("missing/f", O_RDONLY), ENOENT);
	CHECK_ERRNO(open("missing/f", O_RDWR | O_CREAT, 0644), ENOENT);
	CHECK_ERRNO(open("f/g", O_RDONLY), ENOTDIR);
	CHECK_ERRNO(open("f/g", O_RDWR | O_CREAT, 0644), ENOTDIR);
	CHECK_ERRNO(open("f/g/h", O_RDONLY), ENOTDIR);
	CHECK_ERRNO(open("/dev/null/g", O_RDONLY), ENOTDIR);
}

SCRATCH_TEST(trailing_slashes)
{
	touch("f");
	CHECK_EQ(mkdir("d", 0755), 0);
	CHECK_ERRNO(open("f/", O_RDONLY), ENOTDIR);
	CHECK_ERRNO(open("f///", O_RDWR), ENOTDIR);
	CHECK_ERRNO(open("missing/", O_RDONLY), ENOENT);
	CHECK_ERRNO(open("new/", O_RDWR | O_CREAT, 0644), EISDIR);
	CHECK_ERRNO(open("new", O_RDONLY), ENOENT);
	CHECK(open("d/", O_RDONLY) >= 0);
	CHECK(open("d////", O_RDONLY | O_DIRECTORY) >= 0);
}

SCRATCH_TEST(the_lowest_free_descriptor)
{
	int fd[6];

	touch("f");
	for (int i = 0; i < 6; i++) {
		fd[i] = open("f", O_RDONLY);
		CHECK(fd[i] >= 0);
		CHECK(i == 0 || fd[i] > fd[i - 1]);
	}
	CHECK_EQ(close(fd[4]), 0);
	CHECK_EQ(close(fd[1]), 0);
	CHECK_EQ(close(fd[2]), 0);
	CHECK_EQ(open("f", O_RDONLY), fd[1]);
	CHECK_EQ(open("f", O_RDONLY), fd[2]);
	CHECK_EQ(open("f", O_RDONLY), fd[4]);
	CHECK_EQ(close(0), 0);
	CHECK_EQ(open("f", O_RDONLY), 0);
}

SCRATCH_TEST(a_failed_open_takes_no_descriptor)
{
	int next = dup(1);

	CHECK_EQ(close(next), 0);
	for (int i = 0; i < 100; i++)
		CHECK_ERRNO(open("missing", O_RDONLY), ENOENT);
	CHECK_EQ(dup(1), next);
}

TEST(close_errors)
{
	int fd = dup(1);

	CHECK_EQ(close(fd), 0);
	CHECK_ERRNO(close(fd), EBADF);
	CHECK_ERRNO(close(-1), EBADF);
	CHECK_ERRNO(close(1000000), EBADF);
	CHECK_ERRNO(close(INT_MIN), EBADF);
	CHECK_ERRNO(close(INT_MAX), EBADF);
}

SCRATCH_TEST(the_limit_is_emfile)
{
	struct rlimit limit;
	int last = -1, fd;

	touch("f");
	CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = 40;
	CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
	while ((fd = open("f", O_RDONLY)) >= 0)
		last = fd;
	CHECK_EQ(errno, EMFILE);
	CHECK_EQ(last, 39);
	CHECK_ERRNO(dup(1), EMFILE);
	CHECK_EQ(close(20), 0);
	CHECK_EQ(open("f", O_RDONLY), 20);
	CHECK_ERRNO(open("new", O_RDWR | O_CREAT, 0644), EMFILE);
	CHECK_ERRNO(open("new", O_RDONLY), EMFILE);
	CHECK_EQ(close(39), 0);
	CHECK_ERRNO(open("new", O_RDONLY), ENOENT);
}

/* More descriptors than a first table is likely to hold. */
SCRATCH_TEST(hundreds_of_descriptors)
{
	enum { N = 400 };
	static int fd[N];
	char byte;

	CHECK_EQ(close(make_file("f", "contents")), 0);
	for (int i = 0; i < N; i++) {
		fd[i] = open("f", O_RDONLY);
		CHECK(fd[i] >= 0);
		CHECK_EQ(lseek(fd[i], i % 8, SEEK_SET), i % 8);
	}
	pid_t child = FORK();
	if (child == 0) {
		for (int i = 0; i < N; i++) {
			CHECK_EQ(read(fd[i], &byte, 1), 1);
			CHECK_EQ(byte, "contents"[i % 8]);
		}
		_exit(0);
	}
	CHECK_EXIT(child, 0);
	for (int i = 0; i < N; i++) {
		CHECK_EQ(lseek(fd[i], 0, SEEK_CUR), i % 8 + 1);
		CHECK_EQ(close(fd[i]), 0);
	}
}

SCRATCH_TEST(openat_relative_to_a_directory)
{
	char path[PATH_MAX + 256];

	CHECK_EQ(mkdir("d", 0755), 0);
	CHECK_EQ(close(make_file("d/f", "in d")), 0);
	CHECK_EQ(close(make_file("f", "in the current directory")), 0);
	int directory = open("d", O_RDONLY | O_DIRECTORY), fd = openat(directory, "f", O_RDONLY);
	char text[32] = { 0 };
	CHECK_EQ(read_all(fd, text, sizeof(text) - 1), 4);
	CHECK_STR(text, "in d");
	fd = openat(directory, "../f", O_RDONLY);
	CHECK_EQ(read_all(fd, text, sizeof(text) - 1), 24);
	fd = openat(directory, "new", O_WRONLY | O_CREAT, 0644);
	CHECK_EQ(write(fd, "made", 4), 4);
	CHECK_FILE("d/new", "made");
	fd = openat(AT_FDCWD, "d/new", O_RDONLY);
	CHECK(fd >= 0);
	snprintf(path, sizeof(path), "%s/f", scratch_path);
	CHECK(openat(directory, path, O_RDONLY) >= 0);
	CHECK(openat(-1, path, O_RDONLY) >= 0);
	CHECK(openat(fd, path, O_RDONLY) >= 0);
	CHECK(openat(directory, ".", O_RDONLY) >= 0);
}

SCRATCH_TEST(openat_errors)
{
	int file = make_file("f", ""), directory = open(".", O_RDONLY), closed = dup(1);

	CHECK_EQ(close(closed), 0);
	CHECK_ERRNO(openat(file, "x", O_RDONLY), ENOTDIR);
	CHECK_ERRNO(openat(closed, "f", O_RDONLY), EBADF);
	CHECK_ERRNO(openat(-1, "f", O_RDONLY), EBADF);
	CHECK_ERRNO(openat(-55, "f", O_RDWR | O_CREAT, 0644), EBADF);
	CHECK_ERRNO(openat(directory, "missing", O_RDONLY), ENOENT);
	CHECK_ERRNO(openat(directory, "", O_RDONLY), ENOENT);
}

SCRATCH_TEST(cloexec_flag)
{
	touch("f");
	CHECK_EQ(fcntl(open("f", O_RDONLY | O_CLOEXEC), F_GETFD), FD_CLOEXEC);
	CHECK_EQ(fcntl(open("f", O_RDONLY), F_GETFD), 0);
}

SCRATCH_TEST(each_open_has_its_own_offset)
{
	int one = make_file("f", "abcdef"), two = open("f", O_RDONLY);
	char c;

	CHECK_EQ(read(one, &c, 1), 1);
	CHECK_EQ(read(one, &c, 1), 1);
	CHECK_EQ(c, 'b');
	CHECK_EQ(read(two, &c, 1), 1);
	CHECK_EQ(c, 'a');
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
