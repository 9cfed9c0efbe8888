/*
 * statx(2), by the call itself (this musl has no wrapper): the same facts as stat, for a path, a
 * path at a directory, a descriptor with AT_EMPTY_PATH, and a link itself. Source: statx(2).
 */
#include "paths.h"
#include <sys/sysmacros.h>

/* As statx(2) gives them; musl's headers have neither these nor the kernel's. */
enum { STATX_BASIC_STATS = 0x7ff };

struct statx_timestamp {
	int64_t tv_sec;
	uint32_t tv_nsec;
	int32_t reserved;
};

struct statx {
	uint32_t stx_mask, stx_blksize;
	uint64_t stx_attributes;
	uint32_t stx_nlink, stx_uid, stx_gid;
	uint16_t stx_mode, spare;
	uint64_t stx_ino, stx_size, stx_blocks, stx_attributes_mask;
	struct statx_timestamp stx_atime, stx_btime, stx_ctime, stx_mtime;
	uint32_t stx_rdev_major, stx_rdev_minor, stx_dev_major, stx_dev_minor;
	uint64_t more[14];
};

_Static_assert(sizeof(struct statx) == 256, "the size the kernel writes");

static long statx_of(int fd, const char *path, int flags, struct statx *stx)
{
	memset(stx, 0x55, sizeof(*stx));
	return syscall(SYS_statx, fd, path, flags, STATX_BASIC_STATS, stx);
}

static void check_same(const struct statx *stx, const struct stat *st)
{
	CHECK_EQ(stx->stx_mask & STATX_BASIC_STATS, STATX_BASIC_STATS);
	CHECK_EQ(stx->stx_mode, st->st_mode);
	CHECK_EQ(stx->stx_nlink, st->st_nlink);
	CHECK_EQ(stx->stx_ino, st->st_ino);
	CHECK_EQ(stx->stx_size, st->st_size);
	CHECK_EQ(stx->stx_blocks, st->st_blocks);
	CHECK_EQ(stx->stx_blksize, st->st_blksize);
	CHECK_EQ(stx->stx_uid, st->st_uid);
	CHECK_EQ(stx->stx_gid, st->st_gid);
	CHECK_EQ(stx->stx_dev_major, major(st->st_dev));
	CHECK_EQ(stx->stx_dev_minor, minor(st->st_dev));
	CHECK_EQ(stx->stx_rdev_major, major(st->st_rdev));
	CHECK_EQ(stx->stx_rdev_minor, minor(st->st_rdev));
	CHECK_EQ(stx->stx_mtime.tv_sec, st->st_mtim.tv_sec);
	CHECK_EQ(stx->stx_mtime.tv_nsec, st->st_mtim.tv_nsec);
	CHECK_EQ(stx->stx_ctime.tv_sec, st->st_ctim.tv_sec);
}

SCRATCH_TEST(the_same_as_stat)
{
	struct statx stx;
	struct stat st;
	int fd = make_file("f", "0123456789");

	CHECK_EQ(mkdir("d", 0755), 0);
	int directory = open("d", O_RDONLY | O_DIRECTORY);
	CHECK_EQ(stat("f", &st), 0);
	CHECK_EQ(statx_of(AT_FDCWD, "f", 0, &stx), 0);
	check_same(&stx, &st);
	CHECK_EQ(statx_of(fd, "", AT_EMPTY_PATH, &stx), 0);
	check_same(&stx, &st);
	CHECK_EQ(statx_of(directory, "../f", 0, &stx), 0);
	check_same(&stx, &st);
	CHECK_EQ(stat("/dev/null", &st), 0);
	CHECK_EQ(statx_of(-1, "/dev/null", 0, &stx), 0);
	check_same(&stx, &st);
}

SCRATCH_TEST(of_a_link)
{
	struct statx stx;

	touch("f");
	CHECK_EQ(symlink("f", "l"), 0);
	CHECK_EQ(statx_of(AT_FDCWD, "l", 0, &stx), 0);
	CHECK(S_ISREG(stx.stx_mode));
	CHECK_EQ(statx_of(AT_FDCWD, "l", AT_SYMLINK_NOFOLLOW, &stx), 0);
	CHECK(S_ISLNK(stx.stx_mode));
}

SCRATCH_TEST(errors)
{
	struct statx stx;
	int fd = make_file("f", "");

	CHECK_ERRNO(statx_of(AT_FDCWD, "missing", 0, &stx), ENOENT);
	CHECK_ERRNO(statx_of(AT_FDCWD, "", 0, &stx), ENOENT);
	CHECK_ERRNO(statx_of(fd, "x", 0, &stx), ENOTDIR);
	CHECK_ERRNO(statx_of(-1, "f", 0, &stx), EBADF);
	CHECK_ERRNO(statx_of(AT_FDCWD, "f", 0x40000000, &stx), EINVAL);
	CHECK_ERRNO(syscall(SYS_statx, AT_FDCWD, "f", 0, 0x80000000, &stx), EINVAL);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
