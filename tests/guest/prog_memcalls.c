/*
 * The calls about memory, over and over, for a kernel that is told to let one allocation fail:
 *
 *	prog_memcalls ROUNDS
 *
 * Each call must do what it is asked to, or fail with an errno that its man page gives for want of
 * memory; and when a round is over, nothing may be promised, attached or there that was not before
 * it. Each round is a child, since a page fault that finds no memory ends in SIGKILL. Prints
 * "failed: CALL ERRNO" for each that failed, or what is wrong.
 */
#include "pages.h"
#include "proc.h"
#include <sys/shm.h>
#include <sys/uio.h>

enum { RW = PROT_READ | PROT_WRITE, PAGES = 70 }; /* more than a node of a page cache has */

/* Ends the round: what it made goes with it. */
static void failed(const char *call, const char *allowed)
{
	static const struct {
		int value;
		const char *name;
	} names[] = { { ENOMEM, "ENOMEM" },
		      { EAGAIN, "EAGAIN" },
		      { ENOSPC, "ENOSPC" },
		      { EFAULT, "EFAULT" } };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].value == errno && strstr(allowed, names[i].name)) {
			ktap_line("failed: ", "%s %s", call, names[i].name);
			_exit(0);
		}
	ktap_line("wrong: ", "%s fails with errno %d (%s)", call, errno, strerror(errno));
	_exit(0);
}

static void try_mappings(void)
{
	char *at = mmap(NULL, PAGES * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (at == MAP_FAILED)
		failed("mmap", "ENOMEM");
	if (mprotect(at + PAGE, PAGE, PROT_READ))
		failed("mprotect", "ENOMEM");
	if (mlock(at + 3 * PAGE, 3 * PAGE))
		failed("mlock", "ENOMEM EAGAIN");
	char *to = mremap(at + 8 * PAGE, 8 * PAGE, 8 * PAGE, MREMAP_MAYMOVE | 4);
	if (to == MAP_FAILED)
		failed("mremap", "ENOMEM");
	unsigned char vec[PAGES];
	if (mincore(at, PAGES * PAGE, vec))
		failed("mincore", "EAGAIN");
	at = mmap(NULL, PAGES * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED)
		failed("mmap-shared", "ENOMEM");
	if (mlock(at + 66 * PAGE, PAGE))
		failed("mlock-shared", "ENOMEM EAGAIN");
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		failed("mlockall", "ENOMEM EAGAIN");
	munlockall();
}

static void try_memfd(void)
{
	char page[PAGE];
	int fd = memfd_create("failing", MFD_ALLOW_SEALING);

	if (fd < 0)
		failed("memfd_create", "ENOMEM");
	memset(page, 'f', PAGE);
	if (pwrite(fd, page, PAGE, 0) != PAGE || pwrite(fd, page, PAGE, 66 * PAGE) != PAGE)
		failed("write", "ENOSPC");
	char *at = mmap(NULL, 67 * PAGE, RW, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		failed("mmap-memfd", "ENOMEM");
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == 0 || errno != EBUSY)
		ktap_line("wrong: ", "sealed while it can be written");
	munmap(at, 67 * PAGE);
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE))
		ktap_line("wrong: ", "a mapping is still counted");
	close(fd);
}

/* The segment must go, whatever fails. */
static int segment = -1;

static void try_segment(void)
{
	segment = shmget(IPC_PRIVATE, PAGES * PAGE, 0600);
	if (segment < 0)
		failed("shmget", "ENOMEM");
	char *at = shmat(segment, NULL, 0);
	int error = errno;
	if (shmctl(segment, IPC_RMID, NULL))
		ktap_line("wrong: ", "IPC_RMID fails");
	errno = error;
	if (at == (void *)-1)
		failed("shmat", "ENOMEM");
	struct iovec local = { &error, sizeof(error) }, remote = { at + 66 * PAGE, sizeof(error) };
	if (process_vm_writev(getpid(), &local, 1, &remote, 1, 0) != sizeof(error))
		failed("process_vm_writev", "ENOMEM EFAULT");
	if (process_vm_readv(getpid(), &local, 1, &remote, 1, 0) != sizeof(error))
		failed("process_vm_readv", "ENOMEM EFAULT");
	pid_t child = fork();
	if (child == 0)
		_exit(0);
	if (child < 0)
		failed("fork", "ENOMEM EAGAIN");
	waitpid(child, NULL, 0);
	struct shmid_ds status;
	if (shmctl(segment, IPC_STAT, &status) || status.shm_nattch != 1)
		ktap_line("wrong: ", "%lu attaches", (unsigned long)status.shm_nattch);
	if (shmdt(at))
		ktap_line("wrong: ", "shmdt fails");
}

static int segments_used(void)
{
	struct shm_info info;

	CHECK(shmctl(0, SHM_INFO, (struct shmid_ds *)&info) >= 0);
	return info.used_ids;
}

/* Committed_AS in KiB. The one allocation that fails may be one of those it takes to read it. */
static long promised_now(void)
{
	static char text[4096];
	ssize_t n = read_text("/proc/meminfo", text, sizeof(text));

	if (n <= 0)
		n = read_text("/proc/meminfo", text, sizeof(text));
	char *line = n > 0 ? strstr(text, "Committed_AS:") : NULL;
	return line ? atol(line + strlen("Committed_AS:")) : -1;
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 1;
	long promised = 0;

	for (int round = 0; round < rounds; round++) {
		pid_t child = fork();
		int status;

		if (child < 0) {
			ktap_line("failed: ", "round %s", errno == EAGAIN ? "EAGAIN" : "ENOMEM");
			continue;
		}
		if (child == 0) {
			try_mappings();
			try_memfd();
			try_segment();
			_exit(0);
		}
		if (waitpid(child, &status, 0) != child)
			ktap_line("wrong: ", "waitpid");
		else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
			ktap_line("failed: ", "round SIGKILL");
		else if (status)
			ktap_line("wrong: ", "a round ends with wait status %x", status);
		if (segments_used())
			ktap_line("wrong: ", "%d segments are left", segments_used());
		if (round == 0)
			promised = promised_now();
		else if (promised_now() != promised)
			ktap_line("wrong: ", "%ld KiB are promised, not %ld", promised_now(),
				  promised);
	}
	return 0;
}
