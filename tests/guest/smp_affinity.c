/*
 * The processors that a process may run on: a mask that it or its parent sets, that fork and execve
 * inherit, that takes effect at once, and that getcpu agrees with. On a machine with one processor
 * some of it is trivial. Sources: sched_setaffinity(2), getcpu(2), sched_getcpu(3).
 */
#include "cpus.h"
#include <sys/ioctl.h>

static unsigned here(void)
{
	unsigned cpu, node;

	CHECK_EQ(syscall(SYS_getcpu, &cpu, &node, NULL), 0);
	return cpu;
}

/* When the call returns the caller runs where it asked to. */
TEST(the_caller_moves_at_once)
{
	learn_cpus();
	for (int round = 0; round < 200; round++) {
		keep_to(0, cpu_numbers[round % cpu_count]);
		CHECK_EQ(here(), (unsigned)cpu_numbers[round % cpu_count]);
	}
}

TEST(sleeping_and_yielding_do_not_lead_away)
{
	learn_cpus();
	for (int i = 0; i < cpu_count; i++) {
		keep_to(0, cpu_numbers[i]);
		for (int round = 0; round < 50; round++) {
			struct timespec moment = { .tv_nsec = 10000 };

			if (round % 2)
				sched_yield();
			else
				nanosleep(&moment, NULL);
			CHECK_EQ(here(), (unsigned)cpu_numbers[i]);
		}
	}
}

TEST(children_inherit_the_mask)
{
	learn_cpus();
	for (int i = 0; i < cpu_count; i++) {
		keep_to(0, cpu_numbers[i]);
		pid_t child = FORK();
		if (child == 0) {
			cpu_set_t set;

			CHECK_EQ(here(), (unsigned)cpu_numbers[i]);
			CHECK_EQ(sched_getaffinity(0, sizeof(set), &set), 0);
			CHECK_EQ(CPU_COUNT(&set), 1);
			CHECK(CPU_ISSET(cpu_numbers[i], &set));
			_exit(0);
		}
		CHECK_EXIT(child, 0);
	}
}

/* A parent moves a child that computes, over and over, and the child sees itself arrive. */
TEST(a_running_process_is_moved)
{
	int *where = shared_memory(sizeof(*where));

	learn_cpus();
	pid_t child = FORK();
	if (child == 0)
		while (true)
			__atomic_store_n(where, (int)here() + 1, __ATOMIC_SEQ_CST);
	for (int round = 0; round < 100; round++) {
		int cpu = cpu_numbers[round % cpu_count];

		keep_to(child, cpu);
		__atomic_store_n(where, 0, __ATOMIC_SEQ_CST);
		while (__atomic_load_n(where, __ATOMIC_SEQ_CST) != cpu + 1)
			sched_yield();
	}
	CHECK_EQ(kill(child, SIGKILL), 0);
	CHECK_SIGNAL(child, SIGKILL);
}

/* A sleeper is moved, too: it wakes up where it now belongs. */
TEST(a_sleeping_process_is_moved)
{
	int fds[2];

	learn_cpus();
	CHECK_EQ(pipe(fds), 0);
	pid_t child = FORK();
	if (child == 0) {
		unsigned char expected;

		close(fds[1]);
		while (read(fds[0], &expected, 1) == 1)
			CHECK_EQ(here(), (unsigned)expected);
		_exit(0);
	}
	close(fds[0]);
	for (int round = 0; round < 100; round++) {
		unsigned char cpu = (unsigned char)cpu_numbers[round % cpu_count];
		int unread = 1;

		while (unread) /* until it has taken the last one, and then waits for the next */
			CHECK_EQ(ioctl(fds[1], FIONREAD, &unread), 0);
		await_state(child, 'S');
		keep_to(child, cpu);
		CHECK_EQ(write(fds[1], &cpu, 1), 1);
	}
	close(fds[1]);
	CHECK_EXIT(child, 0);
}

/* As many who compute as there are processors, and one more: all of them get on. */
TEST(everybody_gets_on_when_there_are_too_many)
{
	int64_t *count = shared_memory(sizeof(*count) * 64);
	pid_t pids[64];
	int competitors;

	learn_cpus();
	competitors = cpu_count < 63 ? cpu_count + 1 : 63;
	for (int i = 0; i < competitors; i++) {
		pids[i] = FORK();
		if (pids[i] == 0)
			while (true)
				__atomic_add_fetch(&count[i], 1, __ATOMIC_RELAXED);
	}
	for (int i = 0; i < competitors; i++)
		while (__atomic_load_n(&count[i], __ATOMIC_RELAXED) < 1000)
			sched_yield();
	for (int i = 0; i < competitors; i++) {
		CHECK_EQ(kill(pids[i], SIGKILL), 0);
		CHECK_SIGNAL(pids[i], SIGKILL);
	}
}

TEST(masks_without_a_processor_are_refused)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CHECK(sched_setaffinity(0, sizeof(set), &set) == -1 && errno == EINVAL);
	CHECK(syscall(SYS_sched_getaffinity, 0, 1, &set) == -1 && errno == EINVAL);
	CHECK(sched_setaffinity(0x7ffffff, sizeof(set), &set) == -1);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
