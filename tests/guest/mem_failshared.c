/*
 * Every allocation of a call about shared, locked or another process's memory fails once
 * (failnth.h): mlock, memfd_create, System V segments, process_vm_readv and process_vm_writev. What
 * fails leaves no page promised and no segment behind.
 */
#include "failnth.h"
#include "pages.h"
#include <sys/shm.h>
#include <sys/uio.h>

enum { PAGES = 70 }; /* more than a node of a page cache has */

static char *area;
static int fd, segment;

static long is_mapped(const void *at)
{
	return at == MAP_FAILED ? -1 : 0;
}

static void drop_area(long result)
{
	(void)result;
	CHECK_EQ(munmap(area, PAGES * PAGE), 0);
}

static void prepare_private(void)
{
	area = map_private(PAGES);
}

static void prepare_shared(void)
{
	area = map_shared(PAGES);
}

static long make_mlock(void)
{
	return mlock(area + 66 * PAGE, 3 * PAGE);
}

static long make_mlockall(void)
{
	return mlockall(MCL_CURRENT | MCL_FUTURE);
}

static void undo_mlockall(long result)
{
	CHECK_EQ(munlockall(), 0);
	drop_area(result);
}

static long make_populated(void)
{
	area = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	return is_mapped(area);
}

TEST(locked_and_shared)
{
	static const struct call calls[] = {
		{ "mlock", prepare_private, make_mlock, drop_area, { ENOMEM, EAGAIN }, 2 },
		{ "mlock of shared memory",
		  prepare_shared,
		  make_mlock,
		  drop_area,
		  { ENOMEM, EAGAIN },
		  2 },
		{ "mlockall",
		  prepare_private,
		  make_mlockall,
		  undo_mlockall,
		  { ENOMEM, EAGAIN },
		  0 },
		{ "MAP_POPULATE", NULL, make_populated, drop_area, { ENOMEM }, 2 },
	};
	long before = meminfo("Committed_AS");

	WALK(calls);
	CHECK_EQ(meminfo("Committed_AS"), before);
}

/* ---- memfd_create ---------------------------------------------------------------------------- */

static long make_memfd(void)
{
	return memfd_create("failing", MFD_ALLOW_SEALING);
}

static void prepare_memfd(void)
{
	fd = memfd_create("failing", MFD_ALLOW_SEALING);
	CHECK(fd >= 0);
}

static void drop_memfd(long result)
{
	(void)result;
	CHECK_EQ(close(fd), 0);
}

static long make_write(void)
{
	return pwrite(fd, "x", 1, 66 * PAGE) == 1 ? 0 : -1;
}

static long make_mapping(void)
{
	area = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return is_mapped(area);
}

static void drop_mapping(long result)
{
	CHECK_ERRNO(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
	drop_area(result);
	CHECK_EQ(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0); /* no mapping is counted any more */
	drop_memfd(result);
}

TEST(files_of_memory)
{
	static const struct call calls[] = {
		{ "memfd_create", NULL, make_memfd, close_it, { ENOMEM, ENFILE }, 3 },
		{ "write", prepare_memfd, make_write, drop_memfd, { ENOMEM, ENOSPC }, 1 },
		{ "mmap", prepare_memfd, make_mapping, drop_mapping, { ENOMEM }, 1 },
	};

	WALK(calls);
}

/* ---- System V segments, and other processes' memory ------------------------------------------ */

static int segments(void)
{
	struct shm_info info;

	CHECK(shmctl(0, SHM_INFO, (struct shmid_ds *)&info) >= 0);
	return info.used_ids;
}

static long make_segment(void)
{
	return shmget(IPC_PRIVATE, PAGES * PAGE, 0600);
}

static void drop_segment(long id)
{
	CHECK_EQ(shmctl((int)id, IPC_RMID, NULL), 0);
}

static void prepare_segment(void)
{
	segment = (int)make_segment();
	CHECK(segment >= 0);
}

static unsigned long attaches(void)
{
	struct shmid_ds status;

	CHECK_EQ(shmctl(segment, IPC_STAT, &status), 0);
	return status.shm_nattch;
}

static long make_attach(void)
{
	area = shmat(segment, NULL, 0);
	int error = errno;
	long result = is_mapped(area);
	CHECK_EQ(attaches(), result ? 0 : 1);
	errno = error;
	return result;
}

static void drop_attach(long result)
{
	CHECK_EQ(shmdt(area), 0);
	CHECK_EQ(attaches(), 0);
	(void)result;
	drop_segment(segment);
}

static void prepare_attached(void)
{
	prepare_segment();
	area = shmat(segment, NULL, 0);
	CHECK(area != MAP_FAILED);
}

static long transfer(long call)
{
	char byte = 'b';
	struct iovec local = { &byte, 1 }, remote = { area + 66 * PAGE, 1 };

	return syscall(call, getpid(), &local, 1, &remote, 1, 0) == 1 ? 0 : -1;
}

static long make_write_to_process(void)
{
	return transfer(SYS_process_vm_writev);
}

static long make_read_of_process(void)
{
	return transfer(SYS_process_vm_readv);
}

static long make_fork(void)
{
	pid_t pid = (pid_t)syscall(SYS_fork);

	if (pid == 0)
		syscall(SYS_exit_group, attaches() == 2 ? 0 : 1);
	return pid;
}

static void reap(long pid)
{
	CHECK_EXIT((pid_t)pid, 0);
	drop_attach(0);
}

TEST(segments_and_processes)
{
	static const struct call calls[] = {
		{ "shmget", NULL, make_segment, drop_segment, { ENOMEM, ENOSPC }, 2 },
		{ "shmat", prepare_segment, make_attach, drop_attach, { ENOMEM }, 1 },
		{ "process_vm_writev",
		  prepare_attached,
		  make_write_to_process,
		  drop_attach,
		  { ENOMEM, EFAULT },
		  1 },
		{ "process_vm_readv",
		  prepare_attached,
		  make_read_of_process,
		  drop_attach,
		  { ENOMEM, EFAULT },
		  1 },
		{ "fork", prepare_attached, make_fork, reap, { ENOMEM, EAGAIN }, 8 },
	};
	int left = segments();
	long before = meminfo("Committed_AS");

	WALK(calls);
	CHECK_EQ(segments(), left);
	CHECK_EQ(meminfo("Committed_AS"), before);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
