/*
 * Symbolic links: followed in the middle of a path always and at its end unless the call works on
 * the link itself; relative to the directory they lie in; dangling, circular (ELOOP after 40), with
 * O_CREAT, O_EXCL and O_NOFOLLOW; and readlink. Sources: symlink(7), path_resolution(7),
 * symlink(2), readlink(2), open(2).
 */
#include "paths.h"

SCRATCH_TEST(followed_to_a_file)
{
	struct stat st, target;

	CHECK_EQ(close(make_file("f", "text")), 0);
	CHECK_EQ(symlink("f", "l"), 0);
	CHECK_FILE("l", "text");
	CHECK_EQ(stat("f", &target), 0);
	CHECK_EQ(stat("l", &st), 0);
	CHECK_EQ(st.st_ino, target.st_ino);
	CHECK_EQ(lstat("l", &st), 0);
	CHECK(S_ISLNK(st.st_mode));
	CHECK_EQ(st.st_mode & 0777, 0777);
	CHECK_EQ(st.st_size, 1);
	CHECK_EQ(st.st_nlink, 1);
	CHECK(st.st_ino != target.st_ino);
	CHECK_EQ(fstatat(AT_FDCWD, "l", &st, AT_SYMLINK_NOFOLLOW), 0);
	CHECK(S_ISLNK(st.st_mode));
}

SCRATCH_TEST(followed_in_the_middle)
{
	CHECK_EQ(mkdir("d", 0755), 0);
	CHECK_EQ(mkdir("d/e", 0755), 0);
	CHECK_EQ(close(make_file("d/e/f", "text")), 0);
	CHECK_EQ(symlink("d/e", "l"), 0);
	CHECK_EQ(symlink("..", "d/up"), 0);
	CHECK_EQ(symlink(scratch_path, "absolute"), 0);
	CHECK_FILE("l/f", "text");
	CHECK_FILE("l/../e/f", "text");		/* ".." is the target's parent */
	CHECK_FILE("d/up/d/up/d/e/f", "text");
	CHECK_FILE("absolute/l/f", "text");
	CHECK_FILE("./l/./f", "text");
}

SCRATCH_TEST(relative_to_the_link_s_directory)
{
	CHECK_EQ(mkdir("d", 0755), 0);
	CHECK_EQ(close(make_file("f", "outside")), 0);
	CHECK_EQ(close(make_file("d/f", "inside")), 0);
	CHECK_EQ(symlink("f", "d/l"), 0);
	CHECK_EQ(symlink("../f", "d/m"), 0);
	CHECK_FILE("d/l", "inside");
	CHECK_FILE("d/m", "outside");
}

SCRATCH_TEST(dangling)
{
	struct stat st;
	char text[16] = { 0 };

	CHECK_EQ(symlink("missing", "l"), 0);
	CHECK_ERRNO(stat("l", &st), ENOENT);
	CHECK_ERRNO(open("l", O_RDONLY), ENOENT);
	CHECK_EQ(lstat("l", &st), 0);
	CHECK_EQ(readlink("l", text, sizeof(text)), 7);
	CHECK_STR(text, "missing");
	CHECK_ERRNO(mkdir("l", 0755), EEXIST);
	CHECK_ERRNO(open("l", O_RDWR | O_CREAT | O_EXCL, 0644), EEXIST);
	CHECK_ERRNO(stat("missing", &st), ENOENT);
	int fd = open("l", O_RDWR | O_CREAT, 0644);
	CHECK_EQ(write(fd, "made", 4), 4);
	CHECK_FILE("missing", "made");
	CHECK_EQ(unlink("missing"), 0);
	CHECK_EQ(unlink("l"), 0);
	CHECK_ERRNO(lstat("l", &st), ENOENT);
}

SCRATCH_TEST(nofollow)
{
	touch("f");
	CHECK_EQ(mkdir("d", 0755), 0);
	CHECK_EQ(close(make_file("d/f", "")), 0);
	CHECK_EQ(symlink("f", "l"), 0);
	CHECK_EQ(symlink("d", "k"), 0);
	CHECK_ERRNO(open("l", O_RDONLY | O_NOFOLLOW), ELOOP);
	CHECK_ERRNO(open("l", O_RDWR | O_CREAT | O_NOFOLLOW, 0644), ELOOP);
	CHECK(open("f", O_RDONLY | O_NOFOLLOW) >= 0);
	CHECK(open("k/f", O_RDONLY | O_NOFOLLOW) >= 0);		/* only the last component counts */
	CHECK_EQ(open("k", O_RDONLY | O_DIRECTORY | O_NOFOLLOW), -1);
	CHECK(errno == ENOTDIR || errno == ELOOP);
}

SCRATCH_TEST(trailing_slash_follows)
{
	struct stat st;

	touch("f");
	CHECK_EQ(mkdir("d", 0755), 0);
	CHECK_EQ(symlink("d", "l"), 0);
	CHECK_EQ(symlink("f", "m"), 0);
	CHECK_EQ(lstat("l/", &st), 0);
	CHECK(S_ISDIR(st.st_mode));
	CHECK_ERRNO(lstat("m/", &st), ENOTDIR);
	CHECK_EQ(lstat("l/.", &st), 0);
	CHECK_ERRNO(rmdir("l"), ENOTDIR);
	CHECK_ERRNO(unlink("l/"), ENOTDIR);
	CHECK_ERRNO(rmdir("l/"), ENOTDIR);
	CHECK_EQ(unlink("l"), 0);
	CHECK_EQ(rmdir("d"), 0);
}

SCRATCH_TEST(circles)
{
	struct stat st;

	CHECK_EQ(symlink("self", "self"), 0);
	CHECK_EQ(symlink("b", "a"), 0);
	CHECK_EQ(symlink("a", "b"), 0);
	CHECK_ERRNO(stat("self", &st), ELOOP);
	CHECK_ERRNO(stat("a", &st), ELOOP);
	CHECK_ERRNO(open("a", O_RDWR | O_CREAT, 0644), ELOOP);
	CHECK_ERRNO(stat("a/x", &st), ELOOP);
	CHECK_ERRNO(chdir("b"), ELOOP);
	CHECK_ERRNO(execl("a", "a", (char *)NULL), ELOOP);
	CHECK_EQ(lstat("self", &st), 0);
	CHECK_EQ(unlink("self"), 0);
}

/* Forty links are followed for one path, wherever they are in it, and no more. */
SCRATCH_TEST(forty_links)
{
	char name[16], target[16];
	struct stat st;

	CHECK_EQ(close(make_file("l0", "text")), 0);
	for (int i = 1; i <= 41; i++) {
		snprintf(name, sizeof(name), "l%d", i);
		snprintf(target, sizeof(target), "l%d", i - 1);
		CHECK_EQ(symlink(target, name), 0);
	}
	CHECK_FILE("l40", "text");
	CHECK_ERRNO(stat("l41", &st), ELOOP);
	CHECK_ERRNO(open("l41", O_RDONLY), ELOOP);
	CHECK_EQ(symlink(".", "here"), 0);
	char path[512] = "";
	for (int i = 0; i < 40; i++)
		strcat(path, "here/");
	strcat(path, "l0");
	CHECK_FILE(path, "text");
	strcpy(path + strlen(path) - 2, "l1");
	CHECK_ERRNO(stat(path, &st), ELOOP);
}

SCRATCH_TEST(readlink_lengths_and_errors)
{
	char text[16];

	touch("f");
	CHECK_EQ(symlink("0123456789", "l"), 0);
	memset(text, 'x', sizeof(text));
	CHECK_EQ(readlink("l", text, 4), 4);
	CHECK(!memcmp(text, "0123xx", 6));
	CHECK_EQ(readlink("l", text, 10), 10);
	CHECK_EQ(text[10], 'x');
	CHECK_ERRNO(syscall(SYS_readlink, "l", text, 0), EINVAL);
	CHECK_ERRNO(readlink("f", text, 4), EINVAL);
	CHECK_ERRNO(readlink(".", text, 4), EINVAL);
	CHECK_ERRNO(readlink("missing", text, 4), ENOENT);
	CHECK_ERRNO(readlink("f/x", text, 4), ENOTDIR);
}

SCRATCH_TEST(symlink_errors)
{
	static char target[5000];

	touch("f");
	CHECK_ERRNO(symlink("x", "f"), EEXIST);
	CHECK_ERRNO(symlink("x", "."), EEXIST);
	CHECK_ERRNO(symlink("", "l"), ENOENT);
	CHECK_ERRNO(symlink("x", ""), ENOENT);
	CHECK_ERRNO(symlink("x", "missing/l"), ENOENT);
	CHECK_ERRNO(symlink("x", "f/l"), ENOTDIR);
	memset(target, 't', 4095);
	CHECK_EQ(symlink(target, "long"), 0);
	CHECK_EQ(readlink("long", target + 100, 4096), 4095);
	memset(target, 't', 4096);
	CHECK_ERRNO(symlink(target, "longer"), ENAMETOOLONG);
}

SCRATCH_TEST(what_works_on_the_link_itself)
{
	struct stat st;
	char text[8] = { 0 };

	CHECK_EQ(close(make_file("f", "text")), 0);
	CHECK_EQ(symlink("f", "l"), 0);
	CHECK_EQ(rename("l", "m"), 0);
	CHECK_EQ(lstat("m", &st), 0);
	CHECK(S_ISLNK(st.st_mode));
	CHECK_EQ(link("m", "n"), 0);			/* Linux links the link */
	CHECK_EQ(lstat("n", &st), 0);
	CHECK(S_ISLNK(st.st_mode));
	CHECK_EQ(st.st_nlink, 2);
	CHECK_EQ(unlink("m"), 0);
	CHECK_EQ(readlink("n", text, sizeof(text)), 1);
	CHECK_EQ(close(make_file("g", "other")), 0);
	CHECK_EQ(rename("g", "n"), 0);			/* replaces the link, not its target */
	CHECK_FILE("f", "text");
	CHECK_FILE("n", "other");
}

SCRATCH_TEST(a_current_directory_through_a_link)
{
	pid_t child = FORK();

	if (child == 0) {
		char text[PATH_MAX + 256], path[PATH_MAX + 256];
		CHECK_EQ(mkdir("d", 0755), 0);
		CHECK_EQ(symlink("d", "l"), 0);
		CHECK_EQ(chdir("l"), 0);
		snprintf(path, sizeof(path), "%s/d", scratch_path);
		CHECK_STR(getcwd(text, sizeof(text)), path);
		_exit(0);
	}
	CHECK_EXIT(child, 0);
}

SCRATCH_TEST(listed_as_links)
{
	struct dirent *entry;
	int links = 0;

	CHECK_EQ(symlink("x", "l"), 0);
	CHECK_EQ(symlinkat("y", AT_FDCWD, "m"), 0);
	DIR *directory = opendir(".");
	while ((entry = readdir(directory)))
		links += entry->d_type == DT_LNK;
	CHECK_EQ(links, 2);
	CHECK_EQ(closedir(directory), 0);
}

/* /proc/self and what a program finds out about itself with it. */
TEST(proc_self_is_a_link)
{
	char text[32] = { 0 }, pid[32];
	struct stat st;

	CHECK_EQ(lstat("/proc/self", &st), 0);
	CHECK(S_ISLNK(st.st_mode));
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	CHECK_EQ(readlink("/proc/self", text, sizeof(text)), strlen(pid));
	CHECK_STR(text, pid);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
