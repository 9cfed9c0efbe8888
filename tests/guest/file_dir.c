/*
 * Directories: mkdir, unlink of their files, reading them by getdents64 (every entry once, also
 * when files are removed meanwhile, any buffer size, seeking back), and the current directory with
 * getcwd and chdir. Sources: mkdir(2), unlink(2), getdents(2), readdir(3), chdir(2), getcwd(3),
 * POSIX. Removing directories is file_rmdir.c, renaming file_rename.c.
 */
#include "paths.h"

SCRATCH_TEST(mkdir_makes_an_empty_directory)
{
	struct stat st;

	CHECK_EQ(mkdir("d", 0750), 0);
	CHECK_EQ(stat("d", &st), 0);
	CHECK(S_ISDIR(st.st_mode));
	CHECK_EQ(st.st_mode & 07777, 0750);
	CHECK_ERRNO(stat("d/x", &st), ENOENT);
	CHECK_EQ(mkdir("d/e", 0755), 0);
	CHECK_EQ(mkdir("d/e/f/", 0755), 0);
	CHECK_EQ(mkdir("./d//g///", 0755), 0);
	CHECK_EQ(stat("d/g", &st), 0);
}

SCRATCH_TEST(mkdir_errors)
{
	touch("f");
	CHECK_EQ(mkdir("d", 0755), 0);
	CHECK_ERRNO(mkdir("d", 0755), EEXIST);
	CHECK_ERRNO(mkdir("d/", 0755), EEXIST);
	CHECK_ERRNO(mkdir("f", 0755), EEXIST);
	CHECK_ERRNO(mkdir(".", 0755), EEXIST);
	CHECK_ERRNO(mkdir("..", 0755), EEXIST);
	CHECK_ERRNO(mkdir("d/.", 0755), EEXIST);
	CHECK_ERRNO(mkdir("d/..", 0755), EEXIST);
	CHECK_ERRNO(mkdir("/", 0755), EEXIST);
	CHECK_ERRNO(mkdir("/dev/null", 0755), EEXIST);
	CHECK_ERRNO(mkdir("", 0755), ENOENT);
	CHECK_ERRNO(mkdir("missing/d", 0755), ENOENT);
	CHECK_ERRNO(mkdir("missing/.", 0755), ENOENT);
	CHECK_ERRNO(mkdir("f/d", 0755), ENOTDIR);
}

SCRATCH_TEST(unlink_removes_the_name)
{
	struct stat st;

	touch("f");
	CHECK_EQ(unlink("f"), 0);
	CHECK_ERRNO(stat("f", &st), ENOENT);
	CHECK_ERRNO(open("f", O_RDONLY), ENOENT);
	CHECK_ERRNO(unlink("f"), ENOENT);
	touch("f");
	CHECK_EQ(unlink("./f"), 0);
}

SCRATCH_TEST(unlink_errors)
{
	touch("f");
	CHECK_EQ(mkdir("d", 0755), 0);
	CHECK_ERRNO(unlink("d"), EISDIR);
	CHECK_ERRNO(unlink("d/"), EISDIR);
	CHECK_ERRNO(unlink("."), EISDIR);
	CHECK_ERRNO(unlink("/"), EISDIR);
	CHECK_ERRNO(unlink("f/"), ENOTDIR);
	CHECK_ERRNO(unlink("f/x"), ENOTDIR);
	CHECK_ERRNO(unlink("missing"), ENOENT);
	CHECK_ERRNO(unlink("missing/x"), ENOENT);
	CHECK_ERRNO(unlink("d/x"), ENOENT);
	CHECK_ERRNO(unlink(""), ENOENT);
	CHECK_FILE("f", "");
}

/* Reads a directory of names "e0".."eN" and marks each; how often each was seen. */
static void read_names(DIR *directory, unsigned char *seen, int n, int *dots)
{
	struct dirent *entry;

	errno = 0;
	while ((entry = readdir(directory))) {
		if (entry->d_name[0] == '.') {
			CHECK(!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."));
			++*dots;
			continue;
		}
		int i = atoi(entry->d_name + 1);
		CHECK(entry->d_name[0] == 'e' && i >= 0 && i < n);
		seen[i]++;
	}
	CHECK_EQ(errno, 0);
}

static void make_names(const char *directory, int n)
{
	char path[64];

	CHECK_EQ(mkdir(directory, 0755), 0);
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/e%d", directory, i);
		touch(path);
	}
}

SCRATCH_TEST(a_thousand_entries)
{
	enum { N = 1000 };
	static unsigned char seen[N];
	int dots = 0;

	make_names("d", N);
	DIR *directory = opendir("d");
	CHECK(directory != NULL);
	read_names(directory, seen, N, &dots);
	CHECK_EQ(dots, 2);
	for (int i = 0; i < N; i++)
		CHECK_EQ(seen[i], 1);
	CHECK(readdir(directory) == NULL);
	rewinddir(directory);
	read_names(directory, seen, N, &dots);
	CHECK_EQ(dots, 4);
	for (int i = 0; i < N; i++)
		CHECK_EQ(seen[i], 2);
	CHECK_EQ(closedir(directory), 0);
}

SCRATCH_TEST(an_empty_directory)
{
	unsigned char none;
	int dots = 0;

	CHECK_EQ(mkdir("d", 0755), 0);
	DIR *directory = opendir("d");
	read_names(directory, &none, 0, &dots);
	CHECK_EQ(dots, 2);
	CHECK_EQ(closedir(directory), 0);
}

SCRATCH_TEST(types_and_inodes)
{
	struct dirent *entry;
	struct stat st;
	int entries = 0;

	touch("f");
	CHECK_EQ(mkdir("d", 0755), 0);
	DIR *directory = opendir(".");
	CHECK(directory != NULL);
	while ((entry = readdir(directory))) {
		CONTEXT("%.100s", entry->d_name);
		CHECK_EQ(stat(entry->d_name, &st), 0);
		CHECK_EQ(entry->d_type, S_ISDIR(st.st_mode) ? DT_DIR : DT_REG);
		CHECK_EQ(entry->d_ino, st.st_ino);
		entries++;
	}
	CHECK_EQ(entries, 4);
	CHECK_EQ(closedir(directory), 0);
}

SCRATCH_TEST(removed_while_reading)
{
	enum { N = 500 };
	static unsigned char seen[N];
	struct dirent *entry;
	char path[300];

	make_names("d", N);
	DIR *directory = opendir("d");
	CHECK(directory != NULL);
	while ((entry = readdir(directory))) {
		if (entry->d_name[0] == '.')
			continue;
		seen[atoi(entry->d_name + 1)]++;
		snprintf(path, sizeof(path), "d/%s", entry->d_name);
		CHECK_EQ(unlink(path), 0);
	}
	for (int i = 0; i < N; i++)
		CHECK_EQ(seen[i], 1);
	CHECK_EQ(closedir(directory), 0);
	int dots = 0;
	directory = opendir("d");
	read_names(directory, seen, 0, &dots);
	CHECK_EQ(dots, 2);
	CHECK_EQ(closedir(directory), 0);
}

/* What is neither made nor removed while the directory is read comes exactly once. */
SCRATCH_TEST(made_and_removed_while_reading)
{
	enum { N = 200 };
	static unsigned char seen[N];
	struct dirent *entry;
	int others = 0;
	char path[300];

	make_names("d", N);
	DIR *directory = opendir("d");
	for (int i = 0; (entry = readdir(directory)); i++) {
		if (entry->d_name[0] == 'e')
			seen[atoi(entry->d_name + 1)]++;
		snprintf(path, sizeof(path), "d/new%d", i % 10);
		if (i < 300 && i / 10 % 2)
			CHECK_EQ(unlink(path), 0);
		else if (i < 300)
			touch(path);
		CHECK(others++ < 2000);
	}
	for (int i = 0; i < N; i++)
		CHECK_EQ(seen[i], 1);
	CHECK_EQ(closedir(directory), 0);
}

SCRATCH_TEST(seeking_back)
{
	enum { N = 60 };
	struct dirent *entry;
	char first[N][16];
	int n = 0;

	make_names("d", 100);
	DIR *directory = opendir("d");
	for (int i = 0; i < 30; i++)
		CHECK(readdir(directory) != NULL);
	long place = telldir(directory);
	while (n < N && (entry = readdir(directory)))
		snprintf(first[n++], sizeof(first[0]), "%.15s", entry->d_name);
	CHECK_EQ(n, N);
	seekdir(directory, place);
	for (int i = 0; i < N; i++) {
		entry = readdir(directory);
		CHECK(entry != NULL);
		CHECK_STR(entry->d_name, first[i]);
	}
	CHECK_EQ(closedir(directory), 0);
}

/* The call itself with buffers that hold one entry or a few, checking each record's form. */
SCRATCH_TEST(small_buffers)
{
	enum { N = 40 };
	static const size_t sizes[] = { 24, 32, 40, 56, 100, 1000 };

	make_names("d", N);
	for (unsigned s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		_Alignas(8) char buffer[1000];
		unsigned char seen[N] = { 0 };
		int fd = open("d", O_RDONLY | O_DIRECTORY), entries = 0;
		long n;

		CONTEXT("buffer of %zu", sizes[s]);
		while ((n = syscall(SYS_getdents64, fd, buffer, sizes[s])) > 0) {
			CHECK(n <= (long)sizes[s]);
			for (long at = 0; at < n; entries++) {
				struct dirent *entry = (struct dirent *)(buffer + at);
				CHECK_EQ(entry->d_reclen % 8, 0);
				CHECK(entry->d_reclen >= 24 && at + entry->d_reclen <= n);
				CHECK(strlen(entry->d_name) < entry->d_reclen - 19u);
				if (entry->d_name[0] == 'e')
					seen[atoi(entry->d_name + 1)]++;
				at += entry->d_reclen;
			}
		}
		CHECK_EQ(n, 0);
		CHECK_EQ(entries, N + 2);
		for (int i = 0; i < N; i++)
			CHECK_EQ(seen[i], 1);
		CHECK_EQ(close(fd), 0);
	}
}

SCRATCH_TEST(getdents_errors)
{
	char buffer[256];
	int file = make_file("f", ""), directory = open(".", O_RDONLY), fd[2];

	CHECK_EQ(pipe(fd), 0);
	CHECK_ERRNO(syscall(SYS_getdents64, file, buffer, sizeof(buffer)), ENOTDIR);
	CHECK_ERRNO(syscall(SYS_getdents64, fd[0], buffer, sizeof(buffer)), ENOTDIR);
	CHECK_ERRNO(syscall(SYS_getdents64, -1, buffer, sizeof(buffer)), EBADF);
	CHECK_ERRNO(syscall(SYS_getdents64, directory, buffer, 8), EINVAL);
	CHECK(syscall(SYS_getdents64, directory, buffer, sizeof(buffer)) > 0);
}

SCRATCH_TEST(shared_by_fork)
{
	enum { N = 300 };
	_Alignas(8) char buffer[512];
	int fd;

	make_names("d", N);
	fd = open("d", O_RDONLY | O_DIRECTORY);
	CHECK(syscall(SYS_getdents64, fd, buffer, sizeof(buffer)) > 0);
	off_t before = lseek(fd, 0, SEEK_CUR);
	pid_t child = FORK();
	if (child == 0) {
		CHECK(syscall(SYS_getdents64, fd, buffer, sizeof(buffer)) > 0);
		_exit(0);
	}
	CHECK_EXIT(child, 0);
	CHECK(lseek(fd, 0, SEEK_CUR) != before);
}

SCRATCH_TEST(chdir_and_getcwd)
{
	char text[PATH_MAX + 256], path[PATH_MAX + 256];

	CHECK_EQ(mkdir("a", 0755), 0);
	CHECK_EQ(mkdir("a/b", 0755), 0);
	CHECK_EQ(close(make_file("a/f", "in a")), 0);
	pid_t child = FORK();
	if (child == 0) {
		CHECK_EQ(chdir("a"), 0);
		CHECK_FILE("f", "in a");
		CHECK_EQ(chdir("b/"), 0);
		CHECK_FILE("../f", "in a");
		snprintf(path, sizeof(path), "%s/a/b", scratch_path);
		CHECK(getcwd(text, sizeof(text)) == text);
		CHECK_STR(text, path);
		CHECK_EQ(syscall(SYS_getcwd, text, sizeof(text)), strlen(path) + 1);
		CHECK_EQ(chdir("../.././a/"), 0);
		path[strlen(path) - 2] = '\0';
		CHECK_STR(getcwd(text, sizeof(text)), path);
		CHECK_EQ(chdir("/"), 0);
		CHECK_STR(getcwd(text, sizeof(text)), "/");
		CHECK_EQ(chdir(".."), 0);
		CHECK_STR(getcwd(text, sizeof(text)), "/");
		CHECK_EQ(chdir("dev"), 0);
		CHECK_STR(getcwd(text, sizeof(text)), "/dev");
		_exit(0);
	}
	CHECK_EXIT(child, 0);
	CHECK_STR(getcwd(text, sizeof(text)), scratch_path);	/* the child's moves are its own */
}

SCRATCH_TEST(chdir_errors_stay_where_they_are)
{
	char text[PATH_MAX + 256];

	touch("f");
	CHECK_ERRNO(chdir("missing"), ENOENT);
	CHECK_ERRNO(chdir(""), ENOENT);
	CHECK_ERRNO(chdir("f"), ENOTDIR);
	CHECK_ERRNO(chdir("f/x"), ENOTDIR);
	CHECK_ERRNO(chdir("/dev/null"), ENOTDIR);
	CHECK_STR(getcwd(text, sizeof(text)), scratch_path);
}

TEST(getcwd_needs_room)
{
	char text[16];

	CHECK_EQ(chdir("/dev"), 0);
	CHECK_EQ(syscall(SYS_getcwd, text, 5), 5);
	CHECK_ERRNO(syscall(SYS_getcwd, text, 4), ERANGE);
	CHECK_ERRNO(syscall(SYS_getcwd, text, 1), ERANGE);
	CHECK_ERRNO(syscall(SYS_getcwd, text, 0), ERANGE);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
