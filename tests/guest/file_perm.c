/*
 * Modes as root sees them: chmod and umask change what stat shows, root reads and writes whatever
 * the mode says but executes only what somebody may execute, and access answers accordingly.
 * Sources: chmod(2), umask(2), access(2), path_resolution(7) on permissions, capabilities(7).
 */
#include "paths.h"

static mode_t mode_of(const char *path)
{
	struct stat st;

	CHECK_EQ(stat(path, &st), 0);
	return st.st_mode;
}

SCRATCH_TEST(chmod_changes_the_mode_only)
{
	int fd = make_file("f", "text");

	CHECK_EQ(chmod("f", 0600), 0);
	CHECK_EQ(mode_of("f"), S_IFREG | 0600);
	CHECK_EQ(chmod("f", 07777), 0);
	CHECK_EQ(mode_of("f"), S_IFREG | 07777);
	CHECK_EQ(fchmod(fd, 0), 0);
	CHECK_EQ(mode_of("f"), S_IFREG);
	CHECK_EQ(fchmodat(AT_FDCWD, "f", 0644, 0), 0);
	CHECK_EQ(mode_of("f"), S_IFREG | 0644);
	CHECK_EQ(mkdir("d", 0755), 0);
	CHECK_EQ(chmod("d", 01777), 0);
	CHECK_EQ(mode_of("d"), S_IFDIR | 01777);
	CHECK_FILE("f", "text");
}

SCRATCH_TEST(chmod_ignores_the_file_type)
{
	touch("f");
	CHECK_EQ(chmod("f", S_IFDIR | 0640), 0);
	CHECK_EQ(mode_of("f"), S_IFREG | 0640);
}

SCRATCH_TEST(chmod_errors)
{
	touch("f");
	CHECK_ERRNO(chmod("missing", 0644), ENOENT);
	CHECK_ERRNO(chmod("", 0644), ENOENT);
	CHECK_ERRNO(chmod("f/x", 0644), ENOTDIR);
	CHECK_ERRNO(fchmod(-1, 0644), EBADF);
	CHECK_ERRNO(fchmodat(-1, "f", 0644, 0), EBADF);
}

SCRATCH_TEST(umask_takes_bits_away)
{
	mode_t old = umask(027);

	CHECK_EQ(umask(027), 027);
	touch("f");
	CHECK_EQ(close(open("g", O_WRONLY | O_CREAT, 0777)), 0);
	CHECK_EQ(mkdir("d", 0777), 0);
	CHECK_EQ(mode_of("f") & 0777, 0640);
	CHECK_EQ(mode_of("g") & 0777, 0750);
	CHECK_EQ(mode_of("d") & 0777, 0750);
	CHECK_EQ(chmod("g", 0777), 0);			/* chmod is not masked */
	CHECK_EQ(mode_of("g") & 0777, 0777);
	CHECK_EQ(umask(07777), 027);
	CHECK_EQ(umask(old), 0777);			/* only the permission bits are kept */
}

SCRATCH_TEST(umask_is_inherited_and_private)
{
	umask(022);
	pid_t child = FORK();
	if (child == 0) {
		CHECK_EQ(umask(077), 022);
		_exit(0);
	}
	CHECK_EXIT(child, 0);
	CHECK_EQ(umask(022), 022);
}

SCRATCH_TEST(root_reads_and_writes_anything)
{
	CHECK_EQ(close(make_file("f", "text")), 0);
	CHECK_EQ(chmod("f", 0), 0);
	CHECK_FILE("f", "text");
	CHECK_EQ(close(open("f", O_RDWR | O_TRUNC)), 0);
	CHECK_EQ(mkdir("d", 0), 0);
	touch("d/f");
	CHECK_FILE("d/f", "");
	CHECK_EQ(unlink("d/f"), 0);
	CHECK_EQ(access("f", F_OK), 0);
	CHECK_EQ(access("f", R_OK | W_OK), 0);
	CHECK_EQ(access("d", R_OK | W_OK | X_OK), 0);
}

SCRATCH_TEST(root_executes_only_what_is_executable)
{
	static const mode_t modes[] = { 0100, 0010, 0001, 0755 };

	touch("f");
	CHECK_EQ(chmod("f", 0666), 0);
	CHECK_ERRNO(access("f", X_OK), EACCES);
	CHECK_ERRNO(access("f", R_OK | X_OK), EACCES);
	CHECK_ERRNO(execl("f", "f", (char *)NULL), EACCES);
	for (int i = 0; i < 4; i++) {
		CONTEXT("mode 0%o", modes[i]);
		CHECK_EQ(chmod("f", modes[i]), 0);
		CHECK_EQ(access("f", X_OK), 0);
	}
}

SCRATCH_TEST(access_errors)
{
	touch("f");
	CHECK_ERRNO(access("missing", F_OK), ENOENT);
	CHECK_ERRNO(access("missing", R_OK), ENOENT);
	CHECK_ERRNO(access("", F_OK), ENOENT);
	CHECK_ERRNO(access("f/x", F_OK), ENOTDIR);
	CHECK_ERRNO(access("f", 8), EINVAL);
	CHECK_ERRNO(access("f", -1), EINVAL);
}

SCRATCH_TEST(faccessat_directories)
{
	CHECK_EQ(mkdir("d", 0755), 0);
	touch("d/f");
	int fd = open("d", O_RDONLY | O_DIRECTORY), file = open("d/f", O_RDONLY);
	CHECK_EQ(faccessat(fd, "f", R_OK | W_OK, 0), 0);
	CHECK_EQ(faccessat(AT_FDCWD, "d/f", F_OK, 0), 0);
	CHECK_ERRNO(faccessat(fd, "f", X_OK, 0), EACCES);
	CHECK_ERRNO(faccessat(fd, "missing", F_OK, 0), ENOENT);
	CHECK_ERRNO(faccessat(file, "f", F_OK, 0), ENOTDIR);
	CHECK_ERRNO(faccessat(-1, "f", F_OK, 0), EBADF);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
