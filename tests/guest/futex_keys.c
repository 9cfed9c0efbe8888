/*
 * Which words are the same futex: those of one page of an object that is shared, wherever it is
 * mapped, if asked without FUTEX_PRIVATE_FLAG; one address of one process with it, or in memory
 * that is the process's alone. Source: futex(2), "FUTEX_PRIVATE_FLAG".
 */
#include "futex.h"

static void *map(size_t size, int prot, int flags, int fd, off_t offset)
{
	void *at = mmap(NULL, size, prot, flags, fd, offset);

	CHECK(at != MAP_FAILED);
	return at;
}

/* A file of three pages, open for reading and writing. */
static int new_file(void)
{
	const char *path = temporary_path("file");
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);

	CHECK(fd >= 0);
	CHECK_EQ(unlink(path), 0);
	CHECK_EQ(ftruncate(fd, 3 * 4096), 0);
	return fd;
}

static volatile uint32_t *map_file(int fd, int prot, int flags, off_t offset)
{
	return map(4096, prot, flags, fd, offset);
}

TEST(a_file_mapped_twice)
{
	int fd = new_file();
	volatile uint32_t *here = map_file(fd, PROT_READ | PROT_WRITE, MAP_SHARED, 4096);
	volatile uint32_t *whole = map(3 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	pid_t pid = sleeper(&here[3], FUTEX_WAIT, 0);

	CHECK_EQ(futex_wake(&whole[3], 1), 0);
	CHECK_EQ(futex_wake(&whole[2 * 1024 + 3], 1), 0);
	CHECK_EQ(futex_wake(&whole[1024 + 2], 1), 0);
	CHECK_EQ(futex(&whole[1024 + 3], FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0), 0);
	CHECK_EQ(futex_wake(&whole[1024 + 3], 1), 1);
	CHECK_EXIT(pid, 0);
}

/* Two files, one offset. */
TEST(another_file)
{
	volatile uint32_t *one = map_file(new_file(), PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	volatile uint32_t *two = map_file(new_file(), PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	pid_t pid = sleeper(one, FUTEX_WAIT, 0);

	CHECK_EQ(futex_wake(two, 1), 0);
	CHECK_EQ(futex_wake(one, 1), 1);
	CHECK_EXIT(pid, 0);
}

/* Who may only read the object can sleep on its words and wake. */
TEST(a_read_only_mapping_of_a_file)
{
	int fd = new_file();
	volatile uint32_t *writable = map_file(fd, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	volatile uint32_t *shared = map_file(fd, PROT_READ, MAP_SHARED, 0);
	volatile uint32_t *private = map_file(fd, PROT_READ, MAP_PRIVATE, 0);
	pid_t pids[2] = { sleeper(shared, FUTEX_WAIT, 0), sleeper(private, FUTEX_WAIT, 0) };

	CHECK_EQ(futex_wake(writable, 1), 1);
	CHECK_EXIT(pids[0], 0);
	CHECK_EQ(futex_wake(shared, 5), 1);
	CHECK_EXIT(pids[1], 0);
	pids[0] = sleeper(writable, FUTEX_WAIT, 0);
	CHECK_EQ(futex_wake(private, 5), 1);
	CHECK_EXIT(pids[0], 0);
}

/* A private mapping that may be written is no part of the file. */
TEST(a_writable_private_mapping_of_a_file)
{
	int fd = new_file();
	volatile uint32_t *shared = map_file(fd, PROT_READ | PROT_WRITE, MAP_SHARED, 0);
	volatile uint32_t *private = map_file(fd, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0);
	pid_t pid = sleeper(private, FUTEX_WAIT, 0);

	CHECK_EQ(futex_wake(shared, 5), 0);
	CHECK_EQ(futex_wake(private, 5), 0);
	CHECK_EQ(kill(pid, SIGKILL), 0);
	CHECK_SIGNAL(pid, SIGKILL);
	/* a page of its own that cannot be written any more is nobody's futex */
	private[0] = 0;
	CHECK_EQ(mprotect((void *)private, 4096, PROT_READ), 0);
	CHECK_ERRNO(futex_wait(private, 0), EFAULT);
	CHECK_ERRNO(futex_wake(private, 1), EFAULT);
	CHECK_ERRNO(futex(private, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0), EAGAIN);
}

TEST(memory_that_cannot_be_used)
{
	volatile uint32_t *anonymous = map(4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	volatile uint32_t *none = map(4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	volatile uint32_t *nothing = map(4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	volatile uint32_t *beyond = map_file(new_file(), PROT_READ | PROT_WRITE, MAP_SHARED, 12288);

	CHECK_ERRNO(futex_wait(anonymous, 1), EFAULT);
	CHECK_ERRNO(futex_wake(anonymous, 1), EFAULT);
	CHECK_ERRNO(futex(anonymous, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0), EAGAIN);
	CHECK_ERRNO(futex_wait(none, 0), EFAULT);
	CHECK_ERRNO(futex_wake(none, 1), EFAULT);
	CHECK_ERRNO(futex(none, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0), EFAULT);
	CHECK_EQ(futex(none, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0), 0);
	CHECK_EQ(futex_wake(nothing, 1), 0);
	CHECK_ERRNO(futex_wait(nothing, 1), EAGAIN);
	CHECK_ERRNO(futex_wait(beyond, 0), EFAULT);
	CHECK_ERRNO(futex_wake(beyond, 1), EFAULT);
	CHECK_EQ(munmap((void *)nothing, 4096), 0);
	CHECK_ERRNO(futex_wake(nothing, 1), EFAULT);
	CHECK_EQ(futex(nothing, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0), 0);
}

/* A private key is the process's own, even of a word that all share. */
TEST(a_private_futex_in_shared_memory)
{
	volatile uint32_t *word = shared_memory(4096);
	pid_t pid = sleeper(word, FUTEX_WAIT_PRIVATE, 0);

	CHECK_EQ(futex_wake(word, 5), 0);
	CHECK_EQ(futex(word, FUTEX_WAKE_PRIVATE, 5, NULL, NULL, 0), 0);
	CHECK(still_sleeps(pid));
	CHECK_EQ(kill(pid, SIGKILL), 0);
	CHECK_SIGNAL(pid, SIGKILL);
}

/* System V shared memory, attached twice. */
TEST(a_segment_attached_twice)
{
	long id = syscall(SYS_shmget, 0, 8192, 0600);

	CHECK(id >= 0);
	long one = syscall(SYS_shmat, id, NULL, 0), two = syscall(SYS_shmat, id, NULL, 0);
	CHECK(one != -1 && two != -1 && one != two);
	CHECK_EQ(syscall(SYS_shmctl, id, 0 /* IPC_RMID */, NULL), 0);
	pid_t pid = sleeper((uint32_t *)(one + 4100), FUTEX_WAIT, 0);
	CHECK_EQ(futex_wake((void *)(two + 4), 1), 0);
	CHECK_EQ(futex_wake((void *)(two + 4100), 1), 1);
	CHECK_EXIT(pid, 0);
}

/* Memory that a sleeper waits in is unmapped by all others, and new memory comes to its place: that
 * is another futex. */
TEST(memory_that_comes_after_is_another)
{
	enum { TIMES = 50 };
	pid_t pids[TIMES];

	for (int i = 0; i < TIMES; i++) {
		volatile uint32_t *word = shared_memory(4096);

		pids[i] = sleeper(word, FUTEX_WAIT, 0);
		CHECK_EQ(munmap((void *)word, 4096), 0);
		word = shared_memory(4096);
		CHECK_EQ(futex_wake(word, INT_MAX), 0);
		CHECK_EQ(munmap((void *)word, 4096), 0);
	}
	for (int i = 0; i < TIMES; i++) {
		CHECK(still_sleeps(pids[i]));
		CHECK_EQ(kill(pids[i], SIGKILL), 0);
		CHECK_SIGNAL(pids[i], SIGKILL);
	}
}

/* mremap moves shared memory and its futexes with it. */
TEST(memory_that_moves)
{
	volatile uint32_t *word = shared_memory(4096);
	pid_t pid = sleeper(word, FUTEX_WAIT, 0);
	void *place = map(4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(mremap((void *)word, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, place) == place);
	CHECK_EQ(futex_wake(place, 1), 1);
	CHECK_EXIT(pid, 0);
}

/* Many sleepers on many words: each is woken by its own word alone. */
TEST(a_word_for_each_of_many)
{
	enum { SLEEPERS = 300 };
	volatile uint32_t *words = shared_memory(SLEEPERS * 64);
	static pid_t pids[SLEEPERS];

	for (int i = 0; i < SLEEPERS; i++) {
		pids[i] = FORK();
		if (pids[i] == 0)
			_exit(futex_wait(&words[i * 16], 0) == 0 ? 0 : errno);
	}
	for (int i = 0; i < SLEEPERS; i++)
		await_state(pids[i], 'S');
	for (int i = SLEEPERS - 1; i >= 0; i--) {
		CHECK_EQ(futex_wake(&words[i * 16], INT_MAX), 1);
		CHECK_EXIT(pids[i], 0);
	}
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
