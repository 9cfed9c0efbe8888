/*
 * How a path is walked: ".", "..", doubled and trailing slashes, the root that is its own parent,
 * names of up to 255 bytes and paths of up to 4095, any byte but '/' and NUL in a name, and the
 * errors on the way. Sources: path_resolution(7), POSIX "Pathname Resolution".
 */
#include "paths.h"

/* Directories a/b/c, a file a/b/f that holds "found". */
static void make_tree(void)
{
	CHECK_EQ(mkdir("a", 0755), 0);
	CHECK_EQ(mkdir("a/b", 0755), 0);
	CHECK_EQ(mkdir("a/b/c", 0755), 0);
	CHECK_EQ(close(make_file("a/b/f", "found")), 0);
}

SCRATCH_TEST(the_same_file_by_many_names)
{
	static const char *const names[] = {
		"a/b/f", "./a/b/f", "a//b///f", "a/./b/./f", "a/b/../b/f", "a/b/c/../f",
		"a/../a/b/f", "././././a/b/f", "a/b/c/../../b/c/../f",
		".//a/.//b//./f", "a/b/c/./../f",
	};

	make_tree();
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		CONTEXT("%s", names[i]);
		CHECK_FILE(names[i], "found");
	}
}

SCRATCH_TEST(absolute_paths)
{
	char path[PATH_MAX + 256];

	make_tree();
	snprintf(path, sizeof(path), "%s/a/b/f", scratch_path);
	CHECK_FILE(path, "found");
	snprintf(path, sizeof(path), "//%s//a/b/c/../f", scratch_path);
	CHECK_FILE(path, "found");
	snprintf(path, sizeof(path), "/../../..%s/a/b/f", scratch_path);
	CHECK_FILE(path, "found");
	snprintf(path, sizeof(path), "/./.%s/a/b/f", scratch_path);
	CHECK_FILE(path, "found");
}

SCRATCH_TEST(the_root_is_its_own_parent)
{
	struct stat root, parent;

	CHECK_EQ(stat("/", &root), 0);
	CHECK_EQ(stat("/..", &parent), 0);
	CHECK(root.st_ino == parent.st_ino && root.st_dev == parent.st_dev);
	CHECK_EQ(stat("/../../.", &parent), 0);
	CHECK(root.st_ino == parent.st_ino && root.st_dev == parent.st_dev);
	CHECK_EQ(stat("//", &parent), 0);
	CHECK(root.st_ino == parent.st_ino && root.st_dev == parent.st_dev);
}

SCRATCH_TEST(what_is_walked_through_must_be_a_directory)
{
	struct stat st;

	make_tree();
	CHECK_ERRNO(stat("a/b/f/", &st), ENOTDIR);
	CHECK_ERRNO(stat("a/b/f/.", &st), ENOTDIR);
	CHECK_ERRNO(stat("a/b/f/..", &st), ENOTDIR);
	CHECK_ERRNO(stat("a/b/f/../f", &st), ENOTDIR);
	CHECK_ERRNO(stat("a/b/f/g", &st), ENOTDIR);
	CHECK_ERRNO(stat("missing/..", &st), ENOENT);
	CHECK_ERRNO(stat("missing/../a", &st), ENOENT);
	CHECK_ERRNO(stat("a/missing/../b", &st), ENOENT);
	CHECK_ERRNO(stat("", &st), ENOENT);
	CHECK_EQ(stat("a/b/", &st), 0);
	CHECK_EQ(stat("a/b/.", &st), 0);
	CHECK(S_ISDIR(st.st_mode));
}

SCRATCH_TEST(names_that_look_special_and_are_not)
{
	static const char *const names[] = {
		"...", "..a", ".a", "a.", "a..", " ", "-", "\\", "*", "\n", "\x7f", "\xff\xfe", "~",
	};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		CONTEXT("name %u", i);
		CHECK_EQ(close(make_file(names[i], names[i])), 0);
	}
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		CONTEXT("name %u", i);
		CHECK_FILE(names[i], names[i]);
		CHECK_EQ(unlink(names[i]), 0);
	}
}

SCRATCH_TEST(case_and_prefixes_matter)
{
	struct stat st;

	touch("abc");
	CHECK_ERRNO(stat("ABC", &st), ENOENT);
	CHECK_ERRNO(stat("ab", &st), ENOENT);
	CHECK_ERRNO(stat("abcd", &st), ENOENT);
	CHECK_ERRNO(stat("abc ", &st), ENOENT);
}

SCRATCH_TEST(names_of_255_and_256_bytes)
{
	char name[300];
	struct stat st;

	memset(name, 'n', sizeof(name));
	name[255] = '\0';
	CHECK_EQ(close(make_file(name, "long")), 0);
	CHECK_FILE(name, "long");
	name[254] = 'm';
	CHECK_ERRNO(stat(name, &st), ENOENT);
	name[255] = 'n';
	name[256] = '\0';
	CHECK_ERRNO(stat(name, &st), ENAMETOOLONG);
	CHECK_ERRNO(open(name, O_RDWR | O_CREAT, 0644), ENAMETOOLONG);
	CHECK_ERRNO(mkdir(name, 0755), ENAMETOOLONG);
	CHECK_ERRNO(unlink(name), ENAMETOOLONG);
	CHECK_ERRNO(chdir(name), ENAMETOOLONG);
	strcpy(name + 256, "/x");
	CHECK_ERRNO(open(name, O_RDONLY), ENAMETOOLONG);
}

/* "././././…/f": one byte under PATH_MAX (with the NUL: exactly PATH_MAX) and one over. */
SCRATCH_TEST(paths_of_4095_and_4096_bytes)
{
	static char path[8192];
	struct stat st;

	CHECK_EQ(close(make_file("f", "far")), 0);
	for (int i = 0; i < 4094; i += 2)
		memcpy(path + i, "./", 2);
	strcpy(path + 4094, "f");
	CHECK_EQ(strlen(path), 4095);
	CHECK_FILE(path, "far");
	strcpy(path + 4094, "/f");
	CHECK_EQ(strlen(path), 4096);
	CHECK_ERRNO(stat(path, &st), ENAMETOOLONG);
	CHECK_ERRNO(open(path, O_RDWR | O_CREAT, 0644), ENAMETOOLONG);
	CHECK_ERRNO(mkdir(path, 0755), ENAMETOOLONG);
	CHECK_ERRNO(chdir(path), ENAMETOOLONG);
	CHECK_ERRNO(unlink(path), ENAMETOOLONG);
	CHECK_ERRNO(execl(path, "f", (char *)NULL), ENAMETOOLONG);
	memset(path, '/', sizeof(path) - 1);
	CHECK_ERRNO(stat(path, &st), ENAMETOOLONG);
}

/* A directory deeper than a path can be long is reached step by step. */
SCRATCH_TEST(deep_directories)
{
	static char long_path[16 << 10];
	char name[201];
	struct stat st;

	memset(name, 'd', 200);
	name[200] = '\0';
	pid_t child = FORK();
	if (child == 0) {
		for (int depth = 0; depth < 30; depth++) {
			CHECK_EQ(mkdir(name, 0755), 0);
			CHECK_EQ(chdir(name), 0);
		}
		CHECK_EQ(close(make_file("f", "deep")), 0);
		CHECK_FILE("f", "deep");
		CHECK_ERRNO(syscall(SYS_getcwd, long_path, sizeof(long_path)), ENAMETOOLONG);
		CHECK_EQ(unlink("f"), 0);
		for (int depth = 0; depth < 30; depth++) {
			CHECK_EQ(chdir(".."), 0);
			CHECK(rmdir(name) == 0 || errno == ENOSYS);
		}
		CHECK_ERRNO(stat("f", &st), ENOENT);
		_exit(0);
	}
	CHECK_EXIT(child, 0);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
