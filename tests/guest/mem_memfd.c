/*
 * memfd_create: a file without a name, its name for people to read in /proc, its life with
 * descriptors and mappings, execution, and seals: what each forbids, and when they cannot be added.
 * Sources: memfd_create(2), fcntl(2) on file sealing, proc(5).
 */
#include "pages.h"
#include "users.h"
#include <linux/magic.h>
#include <sys/resource.h>
#include <sys/vfs.h>

enum { RW = PROT_READ | PROT_WRITE };

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

/* A file of so many pages whose bytes are 'm', which can be sealed. */
static int new_file(size_t pages)
{
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	char page[PAGE];

	CHECK(fd >= 0);
	memset(page, 'm', PAGE);
	for (size_t i = 0; i < pages; i++)
		CHECK_EQ(write(fd, page, PAGE), PAGE);
	return fd;
}

static char *map_file(int fd, int prot, int flags)
{
	return mmap(NULL, PAGE, prot, flags, fd, 0);
}

static int add(int fd, int seals)
{
	return fcntl(fd, F_ADD_SEALS, seals);
}

static int seals(int fd)
{
	return fcntl(fd, F_GET_SEALS);
}

static off_t size_of(int fd)
{
	struct stat status;

	CHECK_EQ(fstat(fd, &status), 0);
	return status.st_size;
}

/* The same file, opened anew by way of /proc. */
static int reopen(int fd, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, flags);
}

/* ---- the file -------------------------------------------------------------------------------- */

TEST(a_file_like_any_other)
{
	int fd = memfd_create("file", 0);
	struct stat status;
	struct statfs fs;
	char text[8];

	CHECK(fd >= 0);
	CHECK_EQ(fstat(fd, &status), 0);
	CHECK_EQ(status.st_mode, S_IFREG | 0777);
	CHECK_EQ(status.st_size, 0);
	CHECK_EQ(status.st_nlink, 0);
	CHECK_EQ(status.st_uid, geteuid());
	CHECK_EQ(fstatfs(fd, &fs), 0);
	CHECK_EQ(fs.f_type, TMPFS_MAGIC);
	CHECK_EQ(fcntl(fd, F_GETFL), O_RDWR | 0100000);
	CHECK_EQ(fcntl(fd, F_GETFD), 0);
	CHECK_EQ(write(fd, "hello", 5), 5);
	CHECK_EQ(pread(fd, text, 8, 0), 5);
	CHECK(!memcmp(text, "hello", 5));
	CHECK_EQ(ftruncate(fd, 3 * PAGE), 0);
	CHECK_EQ(lseek(fd, 0, SEEK_END), 3 * PAGE);
	char *at = mmap(NULL, 3 * PAGE, RW, MAP_SHARED, fd, 0);
	CHECK(at != MAP_FAILED);
	CHECK(!memcmp(at, "hello", 5));
	poke(at + 2 * PAGE, 'z');
	CHECK_EQ(pread(fd, text, 1, 2 * PAGE), 1);
	CHECK_EQ(text[0], 'z');
	CHECK_EQ(ftruncate(fd, PAGE), 0);
	CHECK_BUS(peek(at + PAGE));
	fd = memfd_create("file", MFD_CLOEXEC);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
}

TEST(names)
{
	char longest[250], name[300], path[64];

	memset(longest, 'n', 249);
	longest[249] = '\0';
	int fd = memfd_create("a name/with a slash", 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ssize_t length = readlink(path, name, sizeof(name) - 1);
	CHECK(length > 0);
	name[length] = '\0';
	CHECK_STR(name, "/memfd:a name/with a slash (deleted)");
	CHECK_EQ(ftruncate(fd, PAGE), 0);
	char *at = map_file(fd, PROT_READ, MAP_PRIVATE);
	struct map_line line;
	CHECK(map_find(at, &line));
	CHECK_STR(line.name, "/memfd:a name/with a slash (deleted)");
	struct stat status;
	CHECK_EQ(fstat(fd, &status), 0);
	CHECK_EQ(line.ino, status.st_ino);
	CHECK(memfd_create("", 0) >= 0);
	CHECK(memfd_create(longest, 0) >= 0);
	fd = memfd_create("same", 0);
	CHECK(memfd_create("same", 0) != fd); /* names need not differ */
}

TEST(errors_of_memfd_create)
{
	char name[300];

	memset(name, 'n', sizeof(name));
	CHECK_ERRNO(memfd_create(name, 0), EINVAL);
	name[250] = '\0';
	CHECK_ERRNO(memfd_create(name, 0), EINVAL);
	CHECK_ERRNO(memfd_create(BAD_POINTER, 0), EFAULT);
	CHECK_ERRNO(memfd_create(KERNEL_ADDRESS, 0), EFAULT);
	CHECK_ERRNO(memfd_create("x", 0x100), EINVAL);
	CHECK_ERRNO(memfd_create("x", -1), EINVAL);
	IN_CHILD({
		struct rlimit limit = { 3, 3 };
		CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
		CHECK_ERRNO(memfd_create("x", 0), EMFILE);
	});
}

TEST(it_lives_as_long_as_it_is_mapped)
{
	int fd = new_file(2);
	char *at = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0);

	CHECK_EQ(close(fd), 0);
	CHECK(all_bytes(at, 2 * PAGE, 'm'));
	pid_t child = FORK();
	if (child == 0) {
		poke(at + PAGE, 'c');
		_exit(0);
	}
	CHECK_EXIT(child, 0);
	CHECK_EQ(peek(at + PAGE), 'c');
	char *copy = mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(copy != MAP_FAILED);
	CHECK_EQ(munmap(at, 2 * PAGE), 0);
}

TEST(it_can_be_opened_again)
{
	int fd = new_file(1), again = reopen(fd, O_RDONLY);

	CHECK(again >= 0);
	char byte;
	CHECK_EQ(read(again, &byte, 1), 1); /* with an offset of its own */
	CHECK_EQ(byte, 'm');
	CHECK_ERRNO(write(again, "x", 1), EBADF);
	CHECK_EQ(reopen(fd, O_RDWR | O_TRUNC) >= 0, 1);
	CHECK_EQ(size_of(fd), 0);
	CHECK_EQ(fchmod(fd, 0400), 0);
	struct stat status;
	CHECK_EQ(fstat(fd, &status), 0);
	CHECK_EQ(status.st_mode, S_IFREG | 0400);
}

TEST(it_can_be_executed)
{
	int from = open(own_path, O_RDONLY), fd = memfd_create("program", MFD_CLOEXEC);
	char buffer[1 << 16], *argv[] = { "program", "run", NULL }, *envp[] = { NULL };
	ssize_t n;

	while ((n = read(from, buffer, sizeof(buffer))) > 0)
		CHECK_EQ(write(fd, buffer, (size_t)n), n);
	pid_t child = FORK();
	if (child == 0) {
		syscall(SYS_execveat, fd, "", argv, envp, 0x1000 /* AT_EMPTY_PATH */);
		_exit(1);
	}
	CHECK_EXIT(child, 42);
}

/* ---- seals ----------------------------------------------------------------------------------- */

TEST(without_sealing_it_is_sealed_against_seals)
{
	int fd = memfd_create("x", 0);

	CHECK_EQ(seals(fd), F_SEAL_SEAL);
	CHECK_ERRNO(add(fd, F_SEAL_WRITE), EPERM);
	CHECK_ERRNO(add(fd, 0), EPERM);
	CHECK_EQ(seals(new_file(0)), 0);
}

TEST(seals_add_up)
{
	int fd = new_file(1);

	CHECK_EQ(add(fd, F_SEAL_GROW), 0);
	CHECK_EQ(add(fd, 0), 0);
	CHECK_EQ(add(fd, F_SEAL_GROW | F_SEAL_SHRINK), 0);
	CHECK_EQ(seals(fd), F_SEAL_GROW | F_SEAL_SHRINK);
	CHECK_ERRNO(add(fd, 0x100), EINVAL);
	CHECK_EQ(add(fd, F_SEAL_SEAL), 0);
	CHECK_ERRNO(add(fd, F_SEAL_WRITE), EPERM);
	CHECK_ERRNO(add(fd, F_SEAL_GROW), EPERM);
	CHECK_EQ(seals(fd), F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
	CHECK_EQ(seals(reopen(fd, O_RDONLY)), F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
}

TEST(who_may_add_seals_and_to_what)
{
	int fd = new_file(1), reader = reopen(fd, O_RDONLY), pipes[2];

	CHECK_ERRNO(add(reader, F_SEAL_GROW), EPERM);
	CHECK_EQ(seals(reader), 0);
	CHECK_EQ(pipe(pipes), 0);
	CHECK_ERRNO(add(pipes[1], F_SEAL_GROW), EINVAL);
	CHECK_ERRNO(seals(pipes[0]), EINVAL);
	CHECK_ERRNO(add(-1, F_SEAL_GROW), EBADF);
	CHECK_ERRNO(seals(-1), EBADF);
	CHECK_ERRNO(seals(reopen(fd, O_PATH)), EBADF);
}

TEST(sealed_against_shrinking)
{
	int fd = new_file(2);

	CHECK_EQ(add(fd, F_SEAL_SHRINK), 0);
	CHECK_ERRNO(ftruncate(fd, PAGE), EPERM);
	CHECK_ERRNO(reopen(fd, O_RDWR | O_TRUNC), EPERM);
	CHECK_EQ(size_of(fd), 2 * PAGE);
	CHECK_EQ(ftruncate(fd, 2 * PAGE), 0);
	CHECK_EQ(ftruncate(fd, 3 * PAGE), 0);
	CHECK_EQ(write(fd, "x", 1), 1);
}

TEST(sealed_against_growing)
{
	int fd = new_file(2);
	char pages[3 * PAGE];

	memset(pages, 'g', sizeof(pages));
	CHECK_EQ(add(fd, F_SEAL_GROW), 0);
	CHECK_ERRNO(ftruncate(fd, 3 * PAGE), EPERM);
	CHECK_ERRNO(write(fd, "x", 1), EPERM);
	CHECK_EQ(pwrite(fd, pages, 100, 2 * PAGE - 50), 50);
	CHECK_EQ(pwrite(fd, pages, 3 * PAGE, 0), 2 * PAGE); /* as many pages as there are */
	CHECK_EQ(pwrite(fd, pages, 0, 9 * PAGE), 0);
	CHECK_ERRNO(fallocate(fd, 0, PAGE, 2 * PAGE), EPERM);
	CHECK_ERRNO(fallocate(fd, 1 /* FALLOC_FL_KEEP_SIZE */, PAGE, 2 * PAGE), EPERM);
	CHECK_EQ(fallocate(fd, 0, 0, 2 * PAGE), 0);
	CHECK_EQ(size_of(fd), 2 * PAGE);
	CHECK_EQ(ftruncate(fd, PAGE + 100), 0);
	CHECK_ERRNO(ftruncate(fd, 2 * PAGE), EPERM);
	CHECK_ERRNO(pwrite(fd, pages, 100, PAGE + 50), EPERM); /* in a page it is all or nothing */
}

TEST(sealed_against_writing)
{
	int fd = new_file(2);
	char *reading = map_file(fd, PROT_READ, MAP_PRIVATE);

	CHECK_EQ(add(fd, F_SEAL_WRITE), 0);
	CHECK_ERRNO(pwrite(fd, "x", 1, 0), EPERM);
	CHECK_ERRNO(write(fd, "x", 1), EPERM);
	CHECK_EQ(write(fd, "x", 0), 0);
	CHECK_ERRNO((long)map_file(fd, RW, MAP_SHARED), EPERM);
	CHECK_ERRNO((long)map_file(fd, PROT_WRITE, MAP_SHARED), EPERM);
	char *copy = map_file(fd, RW, MAP_PRIVATE);
	poke(copy, 'p');
	CHECK_EQ(peek(reading), 'm');
	int reader = reopen(fd, O_RDONLY);
	char *shared = map_file(reader, PROT_READ, MAP_SHARED);
	CHECK_EQ(peek(shared), 'm');
	CHECK_ERRNO(mprotect(shared, PAGE, RW), EACCES);
	/* Linux before 6.7 refuses this one, too */
	shared = map_file(fd, PROT_READ, MAP_SHARED);
	if (shared == MAP_FAILED)
		CHECK_EQ(errno, EPERM);
	else
		CHECK_ERRNO(mprotect(shared, PAGE, RW), EACCES);
	CHECK_EQ(ftruncate(fd, PAGE), 0); /* its size is another matter */
	CHECK_EQ(ftruncate(fd, 2 * PAGE), 0);
}

TEST(writable_mappings_keep_it_from_being_sealed)
{
	int fd = new_file(2);
	char *at = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0);

	CHECK_ERRNO(add(fd, F_SEAL_WRITE), EBUSY);
	CHECK_ERRNO(add(fd, F_SEAL_WRITE | F_SEAL_GROW), EBUSY);
	CHECK_EQ(seals(fd), 0);
	CHECK_EQ(mprotect(at, 2 * PAGE, PROT_READ), 0); /* it could be changed back */
	CHECK_ERRNO(add(fd, F_SEAL_WRITE), EBUSY);
	CHECK_EQ(munmap(at, PAGE), 0);
	CHECK_ERRNO(add(fd, F_SEAL_WRITE), EBUSY);
	struct gate ready = gate_new(), go = gate_new();
	pid_t child = FORK();
	if (child == 0) {
		gate_open(ready, 1);
		gate_pass(go);
		_exit(0);
	}
	gate_pass(ready);
	CHECK_EQ(munmap(at + PAGE, PAGE), 0);
	CHECK_ERRNO(add(fd, F_SEAL_WRITE), EBUSY); /* the child has it */
	gate_open(go, 1);
	CHECK_EXIT(child, 0);
	map_file(fd, RW, MAP_PRIVATE);
	map_file(reopen(fd, O_RDONLY), PROT_READ, MAP_SHARED);
	CHECK_EQ(add(fd, F_SEAL_WRITE), 0);
}

TEST(sealed_against_new_writers)
{
	int fd = new_file(2);
	char *old = map_file(fd, RW, MAP_SHARED), *reading;

	CHECK_EQ(add(fd, F_SEAL_FUTURE_WRITE), 0); /* who has it mapped may go on */
	poke(old, 'o');
	CHECK_ERRNO(pwrite(fd, "x", 1, 0), EPERM);
	CHECK_ERRNO((long)map_file(fd, RW, MAP_SHARED), EPERM);
	reading = map_file(fd, PROT_READ, MAP_SHARED);
	CHECK_EQ(peek(reading), 'o');
	CHECK_ERRNO(mprotect(reading, PAGE, RW), EACCES);
	poke(map_file(fd, RW, MAP_PRIVATE), 'p');
	CHECK_EQ(mprotect(old, PAGE, PROT_READ), 0);
	CHECK_EQ(mprotect(old, PAGE, RW), 0);
	poke(old, 'q');
	CHECK_EQ(peek(reading), 'q');
	CHECK_EQ(ftruncate(fd, 3 * PAGE), 0);
}

TEST(seals_hold_for_a_receiver)
{
	int fd = new_file(1);

	CHECK_EQ(add(fd, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL), 0);
	IN_CHILD({
		int mine = reopen(fd, O_RDWR);
		CHECK(mine >= 0);
		CHECK_ERRNO(pwrite(mine, "x", 1, 0), EPERM);
		CHECK_ERRNO(ftruncate(mine, 0), EPERM);
		CHECK_EQ(seals(mine), 15);
	});
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "run"))
		return 42;
	return ktap_main(argc, argv);
}
