/*
 * membarrier(2): which commands there are, and who must register for which. That a barrier reaches
 * every thread shows in two threads that would, without it, both miss what the other wrote. Source:
 * membarrier(2).
 */
#include "proc.h"
#include <linux/membarrier.h>
#include <pthread.h>

static long membarrier(int command, unsigned flags)
{
	return syscall(SYS_membarrier, command, flags, 0);
}

TEST(commands)
{
	long known = membarrier(MEMBARRIER_CMD_QUERY, 0);
	long all = MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_GLOBAL_EXPEDITED |
		   MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED | MEMBARRIER_CMD_PRIVATE_EXPEDITED |
		   MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED |
		   MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE |
		   MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE;

	CHECK_EQ(known & all, all);
	for (int bit = 0; bit < 31; bit++)
		if (!(known & 1 << bit))
			CHECK_ERRNO(membarrier(1 << bit, 0), EINVAL);
	CHECK_ERRNO(membarrier(3, 0), EINVAL);
	CHECK_ERRNO(membarrier(-1, 0), EINVAL);
	CHECK_ERRNO(membarrier(MEMBARRIER_CMD_QUERY, 1), EINVAL);
	CHECK_ERRNO(membarrier(MEMBARRIER_CMD_GLOBAL, 1), EINVAL);
	CHECK_ERRNO(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 2), EINVAL);
	CHECK_ERRNO(membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 1), EINVAL);
}

TEST(for_all)
{
	CHECK_EQ(membarrier(MEMBARRIER_CMD_GLOBAL, 0), 0);
	CHECK_EQ(membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0), 0);
	CHECK_EQ(membarrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0), 0);
	CHECK_EQ(membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0), 0);
}

static void check_private(int error, int sync_error)
{
	if (error)
		CHECK_ERRNO(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0), error);
	else
		CHECK_EQ(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0), 0);
	if (sync_error)
		CHECK_ERRNO(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0), sync_error);
	else
		CHECK_EQ(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0), 0);
}

/* Each kind by itself; a fork inherits it, an execve does not. */
TEST(registration)
{
	check_private(EPERM, EPERM);
	CHECK_EQ(membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0), 0);
	CHECK_EQ(membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0), 0);
	check_private(0, EPERM);
	CHECK_EQ(membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE, 0), 0);
	check_private(0, 0);
	pid_t pid = FORK();
	if (pid == 0) {
		check_private(0, 0);
		execl(own_path, own_path, "unregistered", NULL);
		_exit(99);
	}
	CHECK_EXIT(pid, 0);
}

/*
 * Dekker's exchange: each of two threads writes its own word and reads the other's. The reader's
 * side has no barrier but for the compiler; the writer's membarrier(2) stands for both. That both
 * read 0 must never be.
 */
enum { ROUNDS = 3000 };

static volatile int mine[ROUNDS], theirs[ROUNDS], seen[ROUNDS];

static void *run_fast_side(void *argument)
{
	for (int i = 0; i < ROUNDS; i++) {
		theirs[i] = 1;
		asm volatile("" : : : "memory");
		seen[i] = mine[i];
	}
	return argument;
}

TEST(a_barrier_for_both)
{
	int missed[ROUNDS];
	pthread_t thread;

	CHECK_EQ(membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0), 0);
	CHECK_EQ(pthread_create(&thread, NULL, run_fast_side, NULL), 0);
	for (int i = 0; i < ROUNDS; i++) {
		mine[i] = 1;
		CHECK_EQ(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0), 0);
		missed[i] = !theirs[i];
	}
	CHECK_EQ(pthread_join(thread, NULL), 0);
	for (int i = 0; i < ROUNDS; i++)
		CHECK(!(missed[i] && !seen[i]));
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "unregistered")) {
		check_private(EPERM, EPERM);
		return 0;
	}
	return ktap_main(argc, argv);
}
