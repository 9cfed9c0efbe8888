/*
 * Orphans: when a process dies its children get process 1 as their parent, or the nearest ancestor
 * that asked for it, and are reaped there in the end, be they alive or zombies at that moment.
 * Sources: POSIX _exit(), "Consequences of Process Termination"; prctl(2), PR_SET_CHILD_SUBREAPER.
 */
#include "proc.h"
#include <sys/prctl.h>

static void send_pid(struct gate channel, pid_t pid)
{
	CHECK_EQ(write(channel.in, &pid, sizeof(pid)), sizeof(pid));
}

static pid_t receive_pid(struct gate channel)
{
	pid_t pid;

	CHECK_EQ(read(channel.out, &pid, sizeof(pid)), sizeof(pid));
	return pid;
}

/* Process 1 has the last word, and nobody but it knows when. */
static void await_reaped(pid_t pid)
{
	while (kill(pid, 0) == 0)
		pause_briefly();
	CHECK_EQ(errno, ESRCH);
	CHECK_EQ(process_state(pid), 0);
}

TEST(orphans_go_to_process_1)
{
	struct gate go = gate_new(), channel = gate_new();
	pid_t child = FORK();

	if (child == 0) {
		if (FORK() == 0) {
			gate_pass(go);
			send_pid(channel, getpid());
			send_pid(channel, getppid());
			gate_pass(go);
			_exit(0);
		}
		_exit(0);
	}
	CHECK_EXIT(child, 0);
	gate_open(go, 1);
	pid_t orphan = receive_pid(channel);
	CHECK_EQ(receive_pid(channel), 1);
	CHECK_EQ(process_parent(orphan), 1);
	CHECK_ERRNO(waitpid(orphan, NULL, 0), ECHILD);
	gate_open(go, 1);
	await_reaped(orphan);
}

TEST(orphans_of_a_killed_parent)
{
	struct gate go = gate_new(), channel = gate_new();
	pid_t child = FORK();

	if (child == 0) {
		pid_t orphan = FORK();
		if (orphan == 0) {
			gate_pass(go);
			send_pid(channel, getppid());
			_exit(0);
		}
		send_pid(channel, orphan);
		block_forever();
	}
	pid_t orphan = receive_pid(channel);
	CHECK_EQ(process_parent(orphan), child);
	CHECK_EQ(kill(child, SIGKILL), 0);
	CHECK_SIGNAL(child, SIGKILL);
	gate_open(go, 1);
	CHECK_EQ(receive_pid(channel), 1);
	await_reaped(orphan);
}

TEST(zombies_of_a_dying_parent_are_reaped)
{
	struct gate channel = gate_new();
	pid_t zombies[20], child = FORK();

	if (child == 0) {
		for (int i = 0; i < 20; i++) {
			pid_t zombie = FORK();
			if (zombie == 0)
				_exit(i);
			await_zombie(zombie);
			send_pid(channel, zombie);
		}
		_exit(0);
	}
	for (int i = 0; i < 20; i++)
		zombies[i] = receive_pid(channel);
	CHECK_EXIT(child, 0);
	for (int i = 0; i < 20; i++)
		await_reaped(zombies[i]);
}

TEST(many_orphans)
{
	enum { MANY = 200 };
	struct gate go = gate_new(), channel = gate_new();
	static pid_t orphans[MANY];
	pid_t child = FORK();

	if (child == 0) {
		for (int i = 0; i < MANY; i++) {
			pid_t orphan = FORK();
			if (orphan == 0) {
				gate_pass(go);
				_exit(getppid() == 1 ? 0 : 1);
			}
			send_pid(channel, orphan);
		}
		_exit(0);
	}
	for (int i = 0; i < MANY; i++)
		orphans[i] = receive_pid(channel);
	CHECK_EXIT(child, 0);
	for (int i = 0; i < MANY; i++)
		CHECK_EQ(process_parent(orphans[i]), 1);
	gate_open(go, MANY);
	for (int i = 0; i < MANY; i++)
		await_reaped(orphans[i]);
}

/*
 * Only the children of the dead are moved: a grandchild keeps its parent, who still can wait for
 * it.
 */
TEST(families_of_orphans_stay_together)
{
	struct gate go = gate_new(), channel = gate_new();
	pid_t child = FORK();

	if (child == 0) {
		if (FORK() == 0) {
			pid_t orphan = getpid(), inner = FORK();
			if (inner == 0) {
				gate_pass(go);
				_exit(getppid() == orphan ? 55 : 56);
			}
			send_pid(channel, orphan);
			send_pid(channel, inner);
			CHECK_EXIT(inner, 55);
			send_pid(channel, getppid());
			_exit(0);
		}
		_exit(0);
	}
	CHECK_EXIT(child, 0);
	pid_t orphan = receive_pid(channel), inner = receive_pid(channel);
	CHECK_EQ(process_parent(orphan), 1);
	CHECK_EQ(process_parent(inner), orphan);
	gate_open(go, 1);
	CHECK_EQ(receive_pid(channel), 1);
	await_reaped(orphan);
}

/* Generations that each end at once, as a daemon does to get rid of its terminal. */
TEST(daemon)
{
	struct gate channel = gate_new();
	pid_t child = FORK();

	if (child == 0) {
		CHECK_EQ(setsid(), getpid());
		pid_t daemon = FORK();
		if (daemon)
			_exit(0);
		while (getppid() != 1)
			pause_briefly();
		send_pid(channel, getpid());
		send_pid(channel, getsid(0));
		_exit(0);
	}
	CHECK_EXIT(child, 0);
	pid_t daemon = receive_pid(channel);
	CHECK(daemon != child);
	CHECK_EQ(receive_pid(channel), child);
	await_reaped(daemon);
}

TEST(subreaper)
{
	struct gate go = gate_new(), channel = gate_new();
	int is_one = -1;

	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 && errno == EINVAL)
		SKIP("no subreapers");
	CHECK_EQ(prctl(PR_GET_CHILD_SUBREAPER, &is_one, 0, 0, 0), 0);
	CHECK_EQ(is_one, 1);
	pid_t child = FORK();
	if (child == 0) {
		pid_t orphan = FORK();
		if (orphan == 0) {
			gate_pass(go);
			_exit(31);
		}
		send_pid(channel, orphan);
		_exit(0);
	}
	CHECK_EXIT(child, 0);
	pid_t orphan = receive_pid(channel);
	CHECK_EQ(process_parent(orphan), getpid());
	gate_open(go, 1);
	CHECK_EXIT(orphan, 31);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
