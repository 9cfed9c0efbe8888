/*
 * Hard links: several names for one file, counted in st_nlink, equal among each other, gone one by
 * one; not for directories. Sources: link(2), linkat(2), POSIX link().
 */
#include "paths.h"

static nlink_t links_of(const char *path)
{
	struct stat st;

	CHECK_EQ(lstat(path, &st), 0);
	return st.st_nlink;
}

SCRATCH_TEST(two_names_one_file)
{
	struct stat a, b;

	CHECK_EQ(close(make_file("a", "text")), 0);
	CHECK_EQ(link("a", "b"), 0);
	CHECK_EQ(stat("a", &a), 0);
	CHECK_EQ(stat("b", &b), 0);
	CHECK_EQ(a.st_ino, b.st_ino);
	CHECK_EQ(b.st_nlink, 2);
	int fd = open("b", O_WRONLY);
	CHECK_EQ(write(fd, "TEXT!", 5), 5);
	CHECK_FILE("a", "TEXT!");
	CHECK_EQ(close(open("a", O_WRONLY | O_TRUNC)), 0);
	CHECK_FILE("b", "");
}

SCRATCH_TEST(gone_one_by_one)
{
	CHECK_EQ(close(make_file("a", "text")), 0);
	CHECK_EQ(link("a", "b"), 0);
	CHECK_EQ(link("b", "c"), 0);
	CHECK_EQ(links_of("a"), 3);
	CHECK_EQ(unlink("a"), 0);
	CHECK_EQ(links_of("b"), 2);
	CHECK_FILE("c", "text");
	CHECK_EQ(unlink("b"), 0);
	CHECK_EQ(links_of("c"), 1);
	CHECK_FILE("c", "text");
}

SCRATCH_TEST(many)
{
	char name[16];

	touch("f");
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "link%d", i);
		CHECK_EQ(link("f", name), 0);
	}
	CHECK_EQ(links_of("f"), 301);
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "link%d", i);
		CHECK_EQ(unlink(name), 0);
	}
	CHECK_EQ(links_of("f"), 1);
}

SCRATCH_TEST(renaming_over_a_link)
{
	CHECK_EQ(close(make_file("a", "one")), 0);
	CHECK_EQ(link("a", "b"), 0);
	CHECK_EQ(close(make_file("c", "two")), 0);
	CHECK_EQ(rename("c", "b"), 0);
	CHECK_EQ(links_of("a"), 1);
	CHECK_FILE("a", "one");
	CHECK_FILE("b", "two");
}

SCRATCH_TEST(errors)
{
	touch("f");
	CHECK_EQ(mkdir("d", 0755), 0);
	CHECK_ERRNO(link("d", "e"), EPERM);
	CHECK_ERRNO(link("f", "f"), EEXIST);
	CHECK_ERRNO(link("f", "d"), EEXIST);
	CHECK_ERRNO(link("missing", "x"), ENOENT);
	CHECK_ERRNO(link("f", "missing/x"), ENOENT);
	CHECK_ERRNO(link("f", ""), ENOENT);
	CHECK_ERRNO(link("", "x"), ENOENT);
	CHECK_ERRNO(link("f/x", "x"), ENOTDIR);
	CHECK_ERRNO(link("f/", "x"), ENOTDIR);
	CHECK_ERRNO(link("f", "x/"), ENOENT);
	CHECK_ERRNO(link("f", "f/x"), ENOTDIR);
	CHECK_EQ(links_of("f"), 1);
}

SCRATCH_TEST(linkat_directories)
{
	CHECK_EQ(mkdir("d", 0755), 0);
	CHECK_EQ(close(make_file("f", "text")), 0);
	int fd = open("d", O_RDONLY | O_DIRECTORY);
	CHECK_EQ(linkat(AT_FDCWD, "f", fd, "g", 0), 0);
	CHECK_FILE("d/g", "text");
	CHECK_EQ(linkat(fd, "g", fd, "h", 0), 0);
	CHECK_EQ(links_of("d/h"), 3);
	CHECK_ERRNO(linkat(fd, "missing", fd, "x", 0), ENOENT);
	CHECK_ERRNO(linkat(-1, "f", fd, "x", 0), EBADF);
	CHECK_ERRNO(linkat(fd, "g", fd, "x", 0x40000000), EINVAL);
}

/* An unlinked file that is still open has no name to link to and stays without. */
SCRATCH_TEST(a_link_to_a_file_that_stays_open)
{
	struct stat st;
	int fd = make_file("a", "text");

	CHECK_EQ(link("a", "b"), 0);
	CHECK_EQ(unlink("a"), 0);
	CHECK_EQ(fstat(fd, &st), 0);
	CHECK_EQ(st.st_nlink, 1);
	CHECK_EQ(unlink("b"), 0);
	CHECK_EQ(fstat(fd, &st), 0);
	CHECK_EQ(st.st_nlink, 0);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
