/*
 * The processors that a process may run on: a mask that it or its parent sets, that fork and execve
 * inherit, that takes effect at once, and that getcpu agrees with. On a machine with one processor
 * some of it is trivial. Sources: sched_setaffinity(2), getcpu(2), sched_getcpu(3).
 */
#include "cpus.h"
#include <fcntl.h>
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

/* A parent moves a child that computes, over and over: when the call returns the child is where it
 * belongs, or is on its way there. */
TEST(a_running_process_is_moved)
{
	struct {
		volatile unsigned where, looks;
	} *seen = shared_memory(sizeof(*seen));

	learn_cpus();
	pid_t child = FORK();
	if (child == 0)
		while (true) {
			seen->where = here();
			__atomic_fetch_add(&seen->looks, 1, __ATOMIC_SEQ_CST);
		}
	for (unsigned round = 0; round < 400; round++) {
		int cpu = cpu_numbers[round % (unsigned)cpu_count];

		keep_to(child, cpu);
		/* the first look may have begun before */
		for (unsigned looks = seen->looks; seen->looks - looks < 2;)
			sched_yield();
		CHECK_EQ(seen->where, (unsigned)cpu);
	}
	CHECK_EQ(kill(child, SIGKILL), 0);
	CHECK_SIGNAL(child, SIGKILL);
}

/* Neither does it matter that the child is in a long call: afterwards it runs there no more. */
TEST(one_in_a_system_call_is_moved)
{
	static char bytes[4 << 20];
	struct gate gate = gate_new();
	char value[16];

	learn_cpus();
	pid_t child = FORK();
	if (child == 0) {
		int fd = open("/dev/zero", O_RDONLY);
		for (gate_open(gate, 1);;)
			CHECK_EQ(read(fd, bytes, sizeof(bytes)), sizeof(bytes));
	}
	gate_pass(gate);
	for (int round = 0; round < 100; round++) {
		int cpu = cpu_numbers[round % cpu_count];

		keep_to(child, cpu);
		CHECK(stat_field(child, 39, value, sizeof(value)));
		CHECK_EQ(atoi(value), cpu);
	}
	CHECK_EQ(kill(child, SIGKILL), 0);
	CHECK_SIGNAL(child, SIGKILL);
	gate_free(gate);
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

/* Where two children compute, each as a number + 1, and that one has seen them apart. */
struct pair {
	int where[2];
	int apart;
};

static void compute_until_apart(struct pair *pair, int self)
{
	while (!__atomic_load_n(&pair->apart, __ATOMIC_SEQ_CST)) {
		int own = (int)here() + 1;

		__atomic_store_n(&pair->where[self], own, __ATOMIC_SEQ_CST);
		if (__atomic_load_n(&pair->where[1 - self], __ATOMIC_SEQ_CST) != own)
			__atomic_store_n(&pair->apart, 1, __ATOMIC_SEQ_CST);
	}
}

/* Two who compute crowd one processor, and then may go elsewhere by their own doing: no other
 * process comes to run, and still the idle processors take one. */
TEST(who_waits_is_taken_once_it_may_go)
{
	struct pair *pair = shared_memory(sizeof(*pair));
	pid_t pids[2];
	cpu_set_t all;

	learn_cpus();
	CHECK_EQ(sched_getaffinity(0, sizeof(all), &all), 0);
	for (int i = 0; i < 2; i++) {
		pids[i] = FORK();
		if (pids[i] > 0)
			continue;
		keep_to(0, cpu_numbers[0]);
		__atomic_store_n(&pair->where[i], cpu_numbers[0] + 1, __ATOMIC_SEQ_CST);
		while (!__atomic_load_n(&pair->where[1 - i], __ATOMIC_SEQ_CST))
			;
		CHECK_EQ(sched_setaffinity(0, sizeof(all), &all), 0);
		if (cpu_count > 1)
			compute_until_apart(pair, i);
		_exit(0);
	}
	for (int i = 0; i < 2; i++)
		CHECK_EXIT(pids[i], 0);
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
