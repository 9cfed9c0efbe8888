/*
 * What the tests of files share, beside ktap.h: a scratch directory of each test's own below the
 * directory the program was started in, files with known contents, and a way to wait until another
 * process really sleeps (by its state in /proc) instead of hoping that it does by now.
 */
#ifndef PATHS_H
#define PATHS_H

#include "ktap.h"
#include <dirent.h>
#include <limits.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/stat.h>

/*
 * A TEST that runs inside an empty directory of its own. Whatever it leaves there is removed
 * afterwards, as far as the kernel under test knows how to.
 */
#define SCRATCH_TEST(name)                                                                         \
	static void in_scratch_##name(void);                                                       \
	TEST(name)                                                                                 \
	{                                                                                          \
		scratch_enter(#name);                                                              \
		in_scratch_##name();                                                               \
		scratch_leave();                                                                   \
	}                                                                                          \
	static void in_scratch_##name(void)

static char scratch_home[PATH_MAX];
static char scratch_path[PATH_MAX + 128];

static inline void scratch_enter(const char *test)
{
	CHECK(getcwd(scratch_home, sizeof(scratch_home)) != NULL);
	snprintf(scratch_path, sizeof(scratch_path), "%s/%s.%d",
		 strcmp(scratch_home, "/") ? scratch_home : "", test, (int)getpid());
	CHECK_EQ(mkdir(scratch_path, 0755), 0);
	CHECK_EQ(chdir(scratch_path), 0);
}

/* Removes the directory's entries and those of directories in it. Errors do not matter here. */
static inline void scratch_empty(const char *directory)
{
	struct dirent *entry;
	char path[PATH_MAX];
	DIR *open_directory = opendir(directory);

	if (!open_directory)
		return;
	while ((entry = readdir(open_directory))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		if (unlink(path) && errno == EISDIR) {
			scratch_empty(path);
			rmdir(path);
		}
	}
	closedir(open_directory);
}

static inline void scratch_leave(void)
{
	CHECK_EQ(chdir(scratch_home), 0);
	scratch_empty(scratch_path);
	rmdir(scratch_path);
}

/* The byte that belongs at this offset of a patterned file: no period near a power of two. */
static inline char pattern(size_t offset)
{
	return (char)(offset * 131 + (offset >> 8) * 29 + (offset >> 16) * 7 + 1);
}

static inline void pattern_fill(char *buffer, size_t n, size_t offset)
{
	for (size_t i = 0; i < n; i++)
		buffer[i] = pattern(offset + i);
}

/* How many bytes of the buffer follow the pattern before the first that does not. */
static inline size_t pattern_match(const char *buffer, size_t n, size_t offset)
{
	size_t i = 0;

	while (i < n && buffer[i] == pattern(offset + i))
		i++;
	return i;
}

/* Writes all of it or fails the test. */
static inline void write_all(int fd, const void *data, size_t n)
{
	for (size_t done = 0; done < n;) {
		ssize_t wrote = write(fd, (const char *)data + done, n - done);
		CHECK(wrote > 0);
		done += (size_t)wrote;
	}
}

/* Reads until n bytes or the end of the file; how many there were. */
static inline size_t read_all(int fd, void *data, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t got = read(fd, (char *)data + done, n - done);
		CHECK(got >= 0);
		if (got == 0)
			break;
		done += (size_t)got;
	}
	return done;
}

/* Makes (or empties) a file, writes the string, and gives a descriptor at offset 0. */
static inline int make_file(const char *path, const char *text)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);

	CHECK(fd >= 0);
	write_all(fd, text, strlen(text));
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static inline void touch(const char *path)
{
	CHECK_EQ(close(make_file(path, "")), 0);
}

/* The file must hold exactly this string. */
#define CHECK_FILE(path, text)                                                                     \
	do {                                                                                       \
		char b_[4096];                                                                     \
		int f_ = open(path, O_RDONLY);                                                     \
		CHECK(f_ >= 0);                                                                    \
		b_[read_all(f_, b_, sizeof(b_) - 1)] = '\0';                                       \
		close(f_);                                                                         \
		CHECK_STR(b_, text);                                                               \
	} while (0)

static inline off_t size_of(const char *path)
{
	struct stat st;

	CHECK_EQ(stat(path, &st), 0);
	return st.st_size;
}

/* The program file of this process, for tests that execute themselves again. */
static inline const char *self_path(void)
{
	return (const char *)getauxval(AT_EXECFN);
}

/* The state letter of a process in /proc, 0 if it is gone. */
static inline char state_of(pid_t pid)
{
	char path[64], text[512];

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	ssize_t n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	char *name_end = strrchr(text, ')');
	return name_end && name_end[1] == ' ' ? name_end[2] : 0;
}

/* Returns when the process sleeps (or has ended). */
static inline void await_sleep(pid_t pid)
{
	for (char state = 'R'; state == 'R' || state == 'D'; state = state_of(pid))
		sched_yield();
}

/* On mitos: everything counted is there, counted again from the ground. */
static inline void check_audit(void)
{
	static char text[64 << 10];
	int fd = open("/proc/audit", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	size_t n = read_all(fd, text, sizeof(text) - 1);
	close(fd);
	text[n] = '\0';
	char *error = strstr(text, "audit: error");
	if (error)
		FAIL("%.*s", (int)strcspn(error, "\n"), error);
	CHECK(strstr(text, "audit: clean"));
}

#endif
