/*
 * rmdir(2) and unlinkat(2): only empty directories go, each wrong use has its errno, and a
 * directory that is somebody's current directory or open can be removed: it is then empty for ever,
 * has no path, and takes no new names. Sources: rmdir(2), unlinkat(2), getcwd(3), POSIX.
 */
#include "paths.h"

SCRATCH_TEST(an_empty_directory)
{
	struct stat st;

	CHECK_EQ(mkdir("d", 0755), 0);
	CHECK_EQ(rmdir("d"), 0);
	CHECK_ERRNO(stat("d", &st), ENOENT);
	CHECK_EQ(mkdir("d", 0755), 0);
	CHECK_EQ(rmdir("d/"), 0);
	CHECK_EQ(mkdir("d", 0755), 0);
	CHECK_EQ(rmdir("./d//"), 0);
}

SCRATCH_TEST(one_that_was_filled_and_emptied)
{
	CHECK_EQ(mkdir("d", 0755), 0);
	CHECK_EQ(mkdir("d/e", 0755), 0);
	touch("d/f");
	CHECK_ERRNO(rmdir("d"), ENOTEMPTY);
	CHECK_EQ(unlink("d/f"), 0);
	CHECK_ERRNO(rmdir("d"), ENOTEMPTY);
	CHECK_EQ(rmdir("d/e"), 0);
	CHECK_EQ(rmdir("d"), 0);
}

SCRATCH_TEST(the_parent_s_links_are_counted)
{
	struct stat st;

	CHECK_EQ(mkdir("d", 0755), 0);
	CHECK_EQ(mkdir("d/a", 0755), 0);
	CHECK_EQ(mkdir("d/b", 0755), 0);
	CHECK_EQ(stat("d", &st), 0);
	CHECK_EQ(st.st_nlink, 4);
	CHECK_EQ(rmdir("d/a"), 0);
	CHECK_EQ(stat("d", &st), 0);
	CHECK_EQ(st.st_nlink, 3);
}

SCRATCH_TEST(errors)
{
	touch("f");
	CHECK_EQ(mkdir("d", 0755), 0);
	CHECK_EQ(mkdir("d/e", 0755), 0);
	CHECK_ERRNO(rmdir("f"), ENOTDIR);
	CHECK_ERRNO(rmdir("f/x"), ENOTDIR);
	CHECK_ERRNO(rmdir("missing"), ENOENT);
	CHECK_ERRNO(rmdir("missing/x"), ENOENT);
	CHECK_ERRNO(rmdir(""), ENOENT);
	CHECK_ERRNO(rmdir("."), EINVAL);
	CHECK_ERRNO(rmdir("d/e/."), EINVAL);
	CHECK_ERRNO(rmdir("d/e/.."), ENOTEMPTY);
	CHECK_ERRNO(rmdir("/"), EBUSY);
	CHECK_ERRNO(rmdir("/dev/null"), ENOTDIR);
}

SCRATCH_TEST(unlinkat_both_kinds)
{
	CHECK_EQ(mkdir("d", 0755), 0);
	CHECK_EQ(mkdir("d/e", 0755), 0);
	touch("d/f");
	int fd = open("d", O_RDONLY | O_DIRECTORY), file = open("d/f", O_RDONLY);
	CHECK_ERRNO(unlinkat(fd, "e", 0), EISDIR);
	CHECK_ERRNO(unlinkat(fd, "f", AT_REMOVEDIR), ENOTDIR);
	CHECK_ERRNO(unlinkat(fd, "f", 1), EINVAL);
	CHECK_ERRNO(unlinkat(fd, "missing", 0), ENOENT);
	CHECK_ERRNO(unlinkat(file, "f", 0), ENOTDIR);
	CHECK_ERRNO(unlinkat(-1, "f", 0), EBADF);
	CHECK_EQ(unlinkat(fd, "e", AT_REMOVEDIR), 0);
	CHECK_EQ(unlinkat(fd, "f", 0), 0);
	CHECK_EQ(unlinkat(AT_FDCWD, "d", AT_REMOVEDIR), 0);
}

SCRATCH_TEST(a_removed_current_directory)
{
	pid_t child = FORK();

	if (child == 0) {
		char text[PATH_MAX];
		struct stat st;
		CHECK_EQ(mkdir("d", 0755), 0);
		CHECK_EQ(chdir("d"), 0);
		CHECK_EQ(rmdir("../d"), 0);
		CHECK_ERRNO(syscall(SYS_getcwd, text, sizeof(text)), ENOENT);
		CHECK_EQ(stat(".", &st), 0);
		CHECK_EQ(st.st_nlink, 0);
		CHECK_ERRNO(open("new", O_RDWR | O_CREAT, 0644), ENOENT);
		CHECK_ERRNO(mkdir("new", 0755), ENOENT);
		CHECK_ERRNO(open("missing", O_RDONLY), ENOENT);
		CHECK_EQ(chdir(".."), 0);
		CHECK_STR(getcwd(text, sizeof(text)), scratch_path);
		_exit(0);
	}
	CHECK_EXIT(child, 0);
}

SCRATCH_TEST(a_removed_open_directory_is_empty)
{
	_Alignas(8) char buffer[512];

	CHECK_EQ(mkdir("d", 0755), 0);
	int fd = open("d", O_RDONLY | O_DIRECTORY);
	CHECK_EQ(rmdir("d"), 0);
	long n = syscall(SYS_getdents64, fd, buffer, sizeof(buffer));
	CHECK(n == -1 && errno == ENOENT);
	CHECK_ERRNO(openat(fd, "new", O_RDWR | O_CREAT, 0644), ENOENT);
	CHECK_EQ(mkdir("d", 0755), 0);
	touch("d/f");
	CHECK_ERRNO(openat(fd, "f", O_RDONLY), ENOENT);
}

SCRATCH_TEST(a_deep_tree_from_below)
{
	char path[512] = "d";

	for (int depth = 0; depth < 100; depth++) {
		CHECK_EQ(mkdir(path, 0755), 0);
		strcat(path, "/d");
	}
	for (int depth = 0; depth < 100; depth++) {
		path[strlen(path) - 2] = '\0';
		CHECK_EQ(rmdir(path), 0);
	}
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
