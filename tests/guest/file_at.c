/*
 * Working from an open directory: fchdir, mkdirat, and what stays valid when the directory is
 * renamed or left. Sources: fchdir(2), mkdirat(2), openat(2), POSIX. openat itself is in
 * file_open.c, unlinkat, renameat and linkat are with their relatives.
 */
#include "paths.h"

SCRATCH_TEST(fchdir_goes_there)
{
	char text[PATH_MAX + 256], path[PATH_MAX + 256];
	int home = open(".", O_RDONLY | O_DIRECTORY);

	CHECK_EQ(mkdir("d", 0755), 0);
	int fd = open("d", O_RDONLY | O_DIRECTORY);
	CHECK_EQ(fchdir(fd), 0);
	snprintf(path, sizeof(path), "%s/d", scratch_path);
	CHECK_STR(getcwd(text, sizeof(text)), path);
	touch("f");
	CHECK_EQ(fchdir(home), 0);
	CHECK_STR(getcwd(text, sizeof(text)), scratch_path);
	CHECK_FILE("d/f", "");
}

SCRATCH_TEST(fchdir_errors)
{
	char text[PATH_MAX + 256];
	int fd[2], file = make_file("f", "");

	CHECK_EQ(pipe(fd), 0);
	CHECK_ERRNO(fchdir(file), ENOTDIR);
	CHECK_ERRNO(fchdir(fd[0]), ENOTDIR);
	CHECK_ERRNO(fchdir(-1), EBADF);
	CHECK_STR(getcwd(text, sizeof(text)), scratch_path);
}

SCRATCH_TEST(mkdirat_makes_it_there)
{
	struct stat st;
	int file = make_file("f", "");

	CHECK_EQ(mkdirat(AT_FDCWD, "d", 0755), 0);
	int fd = open("d", O_RDONLY | O_DIRECTORY);
	CHECK_EQ(mkdirat(fd, "e", 0700), 0);
	CHECK_EQ(stat("d/e", &st), 0);
	CHECK(S_ISDIR(st.st_mode));
	CHECK_EQ(st.st_mode & 07777, 0700);
	CHECK_EQ(mkdirat(fd, "../g", 0755), 0);
	CHECK_EQ(stat("g", &st), 0);
	CHECK_ERRNO(mkdirat(fd, "e", 0755), EEXIST);
	CHECK_ERRNO(mkdirat(file, "x", 0755), ENOTDIR);
	CHECK_ERRNO(mkdirat(-1, "x", 0755), EBADF);
	CHECK_ERRNO(mkdirat(fd, "missing/x", 0755), ENOENT);
}

SCRATCH_TEST(a_descriptor_follows_its_directory)
{
	CHECK_EQ(mkdir("d", 0755), 0);
	CHECK_EQ(mkdir("e", 0755), 0);
	int fd = open("d", O_RDONLY | O_DIRECTORY);
	CHECK_EQ(rename("d", "e/moved"), 0);
	int file = openat(fd, "f", O_WRONLY | O_CREAT, 0644);
	CHECK_EQ(write(file, "text", 4), 4);
	CHECK_FILE("e/moved/f", "text");
	file = openat(fd, "../g", O_WRONLY | O_CREAT, 0644);
	CHECK(file >= 0);
	CHECK_FILE("e/g", "");
}

SCRATCH_TEST(symlinkat_and_readlinkat)
{
	char text[16] = { 0 };

	CHECK_EQ(mkdir("d", 0755), 0);
	int fd = open("d", O_RDONLY | O_DIRECTORY);
	CHECK_EQ(symlinkat("target", fd, "l"), 0);
	CHECK_EQ(readlinkat(fd, "l", text, sizeof(text)), 6);
	CHECK_STR(text, "target");
	CHECK_EQ(readlink("d/l", text, sizeof(text)), 6);
	CHECK_ERRNO(symlinkat("x", -1, "l"), EBADF);
	CHECK_ERRNO(readlinkat(-1, "l", text, sizeof(text)), EBADF);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
