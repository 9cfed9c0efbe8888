/*
 * rename(2) and renameat(2): the new name stands for the old file at once, whatever stood there is
 * replaced (a directory only if empty), open files and current directories follow, and what must
 * not be renamed has its errno and stays. Sources: rename(2), POSIX rename().
 */
#include "paths.h"

static ino_t inode_of(const char *path)
{
	struct stat st;

	CHECK_EQ(stat(path, &st), 0);
	return st.st_ino;
}

SCRATCH_TEST(to_a_new_name)
{
	struct stat st;
	int fd = make_file("a", "contents");
	ino_t ino = inode_of("a");

	CHECK_EQ(rename("a", "b"), 0);
	CHECK_ERRNO(stat("a", &st), ENOENT);
	CHECK_FILE("b", "contents");
	CHECK_EQ(inode_of("b"), ino);
	CHECK_EQ(write(fd, "CON", 3), 3);
	CHECK_FILE("b", "CONtents");
}

SCRATCH_TEST(over_another_file)
{
	char text[8] = { 0 };
	struct stat st;

	CHECK_EQ(close(make_file("a", "new")), 0);
	int old = make_file("b", "old");
	CHECK_EQ(rename("a", "b"), 0);
	CHECK_FILE("b", "new");
	CHECK_ERRNO(stat("a", &st), ENOENT);
	CHECK_EQ(read(old, text, sizeof(text)), 3);
	CHECK_STR(text, "old");
	CHECK_EQ(fstat(old, &st), 0);
	CHECK_EQ(st.st_nlink, 0);
}

SCRATCH_TEST(to_itself_and_to_another_link)
{
	CHECK_EQ(close(make_file("a", "text")), 0);
	CHECK_EQ(rename("a", "a"), 0);
	CHECK_FILE("a", "text");
	CHECK_EQ(link("a", "b"), 0);
	CHECK_EQ(rename("a", "b"), 0);		/* the same file: nothing happens */
	CHECK_FILE("a", "text");
	CHECK_FILE("b", "text");
}

SCRATCH_TEST(between_directories)
{
	CHECK_EQ(mkdir("d", 0755), 0);
	CHECK_EQ(mkdir("e", 0755), 0);
	CHECK_EQ(close(make_file("d/f", "text")), 0);
	CHECK_EQ(rename("d/f", "e/g"), 0);
	CHECK_FILE("e/g", "text");
	CHECK_EQ(rename("e/g", "h"), 0);
	CHECK_FILE("h", "text");
	CHECK_EQ(rmdir("d"), 0);
	CHECK_EQ(rmdir("e"), 0);
}

SCRATCH_TEST(a_directory_with_all_below)
{
	struct stat st;

	CHECK_EQ(mkdir("d", 0755), 0);
	CHECK_EQ(mkdir("d/sub", 0755), 0);
	CHECK_EQ(mkdir("e", 0755), 0);
	CHECK_EQ(close(make_file("d/sub/f", "text")), 0);
	CHECK_EQ(rename("d/sub", "e/moved"), 0);
	CHECK_FILE("e/moved/f", "text");
	CHECK_EQ(inode_of("e/moved/.."), inode_of("e"));
	CHECK_EQ(stat("d", &st), 0);
	CHECK_EQ(st.st_nlink, 2);
	CHECK_EQ(stat("e", &st), 0);
	CHECK_EQ(st.st_nlink, 3);
	CHECK_EQ(rmdir("d"), 0);
	CHECK_EQ(rename("e/moved/", "e/again/"), 0);
	CHECK_FILE("e/again/f", "text");
}

SCRATCH_TEST(directories_over_directories)
{
	CHECK_EQ(mkdir("d", 0755), 0);
	CHECK_EQ(close(make_file("d/f", "text")), 0);
	CHECK_EQ(mkdir("empty", 0755), 0);
	CHECK_EQ(mkdir("full", 0755), 0);
	touch("full/x");
	CHECK_EQ(rename("d", "full"), -1);
	CHECK(errno == ENOTEMPTY || errno == EEXIST);
	CHECK_EQ(rename("d", "empty"), 0);
	CHECK_FILE("empty/f", "text");
	CHECK_ERRNO(rename("d", "other"), ENOENT);
}

SCRATCH_TEST(kinds_must_fit)
{
	touch("f");
	CHECK_EQ(mkdir("d", 0755), 0);
	CHECK_ERRNO(rename("f", "d"), EISDIR);
	CHECK_ERRNO(rename("d", "f"), ENOTDIR);
	CHECK_ERRNO(rename("f/", "g"), ENOTDIR);
	CHECK_ERRNO(rename("f", "g/"), ENOTDIR);
	CHECK_ERRNO(rename("f/x", "g"), ENOTDIR);
	CHECK_ERRNO(rename("f", "f/x"), ENOTDIR);
	CHECK_FILE("f", "");
}

SCRATCH_TEST(a_directory_into_itself)
{
	CHECK_EQ(mkdir("d", 0755), 0);
	CHECK_EQ(mkdir("d/e", 0755), 0);
	CHECK_EQ(mkdir("d/e/f", 0755), 0);
	CHECK_ERRNO(rename("d", "d/new"), EINVAL);
	CHECK_ERRNO(rename("d", "d/e/f/new"), EINVAL);
	CHECK_ERRNO(rename("d", "d/e/f"), EINVAL);
	CHECK_EQ(rename("d/e/f", "d"), -1);
	CHECK(errno == ENOTEMPTY || errno == EEXIST);
	CHECK_EQ(rename("d", "d2"), 0);
	CHECK_EQ(rename("d2", "d2"), 0);
	CHECK_EQ(inode_of("d2/e/.."), inode_of("d2"));
}

SCRATCH_TEST(what_has_no_name_to_change)
{
	touch("f");
	CHECK_EQ(mkdir("d", 0755), 0);
	CHECK_ERRNO(rename(".", "x"), EBUSY);
	CHECK_ERRNO(rename("d/..", "x"), EBUSY);
	CHECK_ERRNO(rename("d/.", "x"), EBUSY);
	CHECK_ERRNO(rename("d", "."), EBUSY);
	CHECK_ERRNO(rename("d", ".."), EBUSY);
	CHECK_EQ(rename("/", "x"), -1);
	CHECK(errno == EBUSY || errno == EXDEV);	/* "/" may be another file system */
	CHECK_EQ(rename("d", "/"), -1);
	CHECK(errno == EBUSY || errno == EXDEV);
	CHECK_ERRNO(rename("missing", "x"), ENOENT);
	CHECK_ERRNO(rename("missing", "f"), ENOENT);
	CHECK_ERRNO(rename("f", "missing/x"), ENOENT);
	CHECK_ERRNO(rename("", "x"), ENOENT);
	CHECK_ERRNO(rename("f", ""), ENOENT);
	CHECK_FILE("f", "");
}

SCRATCH_TEST(the_current_directory_follows)
{
	pid_t child = FORK();

	if (child == 0) {
		char text[PATH_MAX + 256], path[PATH_MAX + 256];
		CHECK_EQ(mkdir("d", 0755), 0);
		CHECK_EQ(mkdir("e", 0755), 0);
		CHECK_EQ(chdir("d"), 0);
		CHECK_EQ(rename("../d", "../e/moved"), 0);
		snprintf(path, sizeof(path), "%s/e/moved", scratch_path);
		CHECK_STR(getcwd(text, sizeof(text)), path);
		CHECK_EQ(inode_of(".."), inode_of("../../e"));
		_exit(0);
	}
	CHECK_EXIT(child, 0);
}

SCRATCH_TEST(renameat_directories)
{
	CHECK_EQ(mkdir("d", 0755), 0);
	CHECK_EQ(mkdir("e", 0755), 0);
	CHECK_EQ(close(make_file("d/f", "text")), 0);
	int d = open("d", O_RDONLY | O_DIRECTORY), e = open("e", O_RDONLY | O_DIRECTORY);
	int file = open("d/f", O_RDONLY);
	CHECK_ERRNO(renameat(file, "f", e, "g"), ENOTDIR);
	CHECK_ERRNO(renameat(-1, "f", e, "g"), EBADF);
	CHECK_ERRNO(renameat(d, "f", -1, "g"), EBADF);
	CHECK_EQ(renameat(d, "f", e, "g"), 0);
	CHECK_FILE("e/g", "text");
	CHECK_EQ(renameat(e, "g", AT_FDCWD, "h"), 0);
	CHECK_FILE("h", "text");
}

/* A reader never finds the name missing while a writer replaces the file again and again. */
SCRATCH_TEST(replacing_is_atomic)
{
	int status;

	CHECK_EQ(close(make_file("f", "text")), 0);
	pid_t child = FORK();
	if (child == 0) {
		for (int i = 0; i < 500; i++) {
			CHECK_EQ(close(make_file("new", "text")), 0);
			CHECK_EQ(rename("new", "f"), 0);
		}
		_exit(0);
	}
	while (waitpid(child, &status, WNOHANG) == 0)
		CHECK_FILE("f", "text");
	CHECK_EQ(status, 0);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
