/*
 * The numbers a process goes by: its own, its parent's, its process group's and its session's, its
 * user's; who may change which. Sources: POSIX setpgid(), setsid(), getsid(), getpgid(); getpid(2),
 * gettid(2), set_tid_address(2), credentials(7).
 */
#include "proc.h"

static const pid_t no_process = INT_MAX;

TEST(process_and_parent)
{
	pid_t parent = getpid();

	CHECK_EQ(syscall(SYS_gettid), parent);
	CHECK_EQ(syscall(SYS_getpid), parent);
	pid_t pid = FORK();
	if (pid == 0) {
		CHECK_EQ(getppid(), parent);
		CHECK(getpid() != parent);
		CHECK_EQ(syscall(SYS_gettid), getpid());
		_exit(0);
	}
	CHECK_EXIT(pid, 0);
}

TEST(set_tid_address_returns_the_thread_id)
{
	int word;

	CHECK_EQ(syscall(SYS_set_tid_address, &word), getpid());
	CHECK_EQ(syscall(SYS_set_tid_address, NULL), getpid());
	CHECK_EQ(syscall(SYS_set_tid_address, KERNEL_ADDRESS), getpid());
	pid_t pid = FORK();
	if (pid == 0) {
		CHECK_EQ(syscall(SYS_set_tid_address, KERNEL_ADDRESS), getpid());
		_exit(0); /* the kernel would clear the word here, and must not stumble */
	}
	CHECK_EXIT(pid, 0);
}

TEST(superuser)
{
	uid_t r, e, s;

	CHECK_EQ(getuid(), 0);
	CHECK_EQ(geteuid(), 0);
	CHECK_EQ(getgid(), 0);
	CHECK_EQ(getegid(), 0);
	CHECK_EQ(getresuid(&r, &e, &s), 0);
	CHECK(r == 0 && e == 0 && s == 0);
	CHECK_EQ(getresgid(&r, &e, &s), 0);
	CHECK(r == 0 && e == 0 && s == 0);
	CHECK_EQ(setuid(0), 0);
	CHECK_EQ(setgid(0), 0);
	CHECK(getgroups(0, NULL) >= 0);
}

/* ---- groups ---------------------------------------------------------------------------------- */

TEST(own_group)
{
	pid_t pid = FORK();

	if (pid == 0) {
		CHECK(getpgid(0) != getpid());
		CHECK_EQ(getpgrp(), getpgid(0));
		CHECK_EQ(getpgid(getpid()), getpgid(0));
		CHECK_EQ(setpgid(0, 0), 0);
		CHECK_EQ(getpgid(0), getpid());
		CHECK_EQ(setpgid(0, 0), 0); /* again is no error */
		CHECK_EQ(setpgid(getpid(), getpid()), 0);
		CHECK_EQ(setpgid(0, getppid()), 0); /* and back, to the group of the test */
		CHECK_EQ(getpgid(0), getppid());
		_exit(0);
	}
	CHECK_EXIT(pid, 0);
}

static pid_t blocked_child(void)
{
	pid_t pid = FORK();

	if (pid == 0)
		block_forever();
	return pid;
}

static void end_child(pid_t pid)
{
	CHECK_EQ(kill(pid, SIGKILL), 0);
	CHECK_SIGNAL(pid, SIGKILL);
}

TEST(group_of_a_child)
{
	pid_t first = blocked_child(), second = blocked_child();

	CHECK_EQ(setpgid(first, 0), 0);
	CHECK_EQ(getpgid(first), first);
	CHECK_EQ(setpgid(second, first), 0);
	CHECK_EQ(getpgid(second), first);
	end_child(first);
	CHECK_EQ(getpgid(second), first); /* a group may outlive its leader */
	CHECK_EQ(kill(-first, SIGKILL), 0);
	CHECK_SIGNAL(second, SIGKILL);
	CHECK_ERRNO(kill(-first, 0), ESRCH);
}

TEST(group_errors)
{
	pid_t child = blocked_child();

	CHECK_ERRNO(setpgid(0, -1), EINVAL);
	CHECK_ERRNO(setpgid(child, -1), EINVAL);
	CHECK_ERRNO(setpgid(no_process, 0), ESRCH);
	CHECK_ERRNO(setpgid(-1, getpgid(0)), ESRCH);
	CHECK_ERRNO(setpgid(getppid(), 0), ESRCH);	/* neither the caller nor its child */
	CHECK_ERRNO(setpgid(child, no_process), EPERM); /* no such group */
	CHECK_ERRNO(setpgid(child, child + 1), EPERM);
	CHECK_ERRNO(getpgid(no_process), ESRCH);
	CHECK_ERRNO(getpgid(-1), ESRCH);
	end_child(child);
	CHECK_ERRNO(setpgid(child, 0), ESRCH);
	CHECK_ERRNO(getpgid(child), ESRCH);
}

TEST(group_of_a_grandchild)
{
	struct gate channel = gate_new();
	pid_t grandchild, child = FORK();

	if (child == 0) {
		grandchild = blocked_child();
		CHECK_EQ(write(channel.in, &grandchild, sizeof(grandchild)), sizeof(grandchild));
		CHECK_SIGNAL(grandchild, SIGKILL);
		_exit(0);
	}
	CHECK_EQ(read(channel.out, &grandchild, sizeof(grandchild)), sizeof(grandchild));
	CHECK_ERRNO(setpgid(grandchild, 0), ESRCH);
	CHECK_EQ(getpgid(grandchild), getpgid(0));
	CHECK_EQ(kill(grandchild, SIGKILL), 0);
	CHECK_EXIT(child, 0);
}

/* Once a child runs a program of its own its group is its own business. */
TEST(group_of_a_child_after_exec)
{
	struct gate ready = gate_new(), go = gate_new();
	char gates[64], *argv[] = { "proc_ids", "hold", gates, NULL };

	snprintf(gates, sizeof(gates), "%d,%d", ready.in, go.out);
	pid_t pid = FORK();
	if (pid == 0) {
		execve(own_path, argv, environ);
		_exit(1);
	}
	gate_pass(ready);
	CHECK_ERRNO(setpgid(pid, 0), EACCES);
	CHECK_ERRNO(setpgid(pid, pid), EACCES);
	gate_open(go, 1);
	CHECK_EXIT(pid, 0);
}

/* As the program of the test above: it still may change its own group. */
static int hold(const char *gates)
{
	struct gate ready = { .in = atoi(gates) }, go = { .out = atoi(strchr(gates, ',') + 1) };

	gate_open(ready, 1);
	gate_pass(go);
	CHECK_EQ(setpgid(0, 0), 0);
	return 0;
}

/* ---- sessions -------------------------------------------------------------------------------- */

TEST(new_session)
{
	pid_t test_session = getsid(0), pid = FORK();

	if (pid == 0) {
		CHECK_EQ(getsid(0), test_session);
		CHECK_EQ(setsid(), getpid());
		CHECK_EQ(getsid(0), getpid());
		CHECK_EQ(getpgid(0), getpid());
		CHECK_EQ(getsid(getpid()), getpid());
		CHECK_EQ(getsid(getppid()), test_session);
		pid_t inner = FORK();
		if (inner == 0) {
			CHECK_EQ(getsid(0), getppid());
			CHECK_EQ(getpgid(0), getppid());
			CHECK_EQ(setsid(), getpid());
			_exit(0);
		}
		CHECK_EXIT(inner, 0);
		_exit(0);
	}
	CHECK_EXIT(pid, 0);
	CHECK_EQ(getsid(0), test_session);
}

TEST(session_errors)
{
	pid_t pid = FORK();

	if (pid == 0) {
		CHECK_EQ(setpgid(0, 0), 0);
		CHECK_ERRNO(setsid(), EPERM); /* the leader of a group */
		_exit(0);
	}
	CHECK_EXIT(pid, 0);
	pid = FORK();
	if (pid == 0) {
		CHECK_EQ(setsid(), getpid());
		CHECK_ERRNO(setsid(), EPERM);
		CHECK_ERRNO(setpgid(0, 0), EPERM); /* the leader of a session stays where it is */
		CHECK_ERRNO(setpgid(0, getppid()), EPERM);
		_exit(0);
	}
	CHECK_EXIT(pid, 0);
	CHECK_ERRNO(getsid(no_process), ESRCH);
	CHECK_ERRNO(getsid(-1), ESRCH);
}

/* A group's number stays taken while it has members, also for setsid of the process that has it. */
TEST(session_while_the_old_group_lives)
{
	struct gate go = gate_new(), ready = gate_new();
	pid_t pid = FORK();

	if (pid == 0) {
		CHECK_EQ(setpgid(0, 0), 0);
		pid_t member = FORK();
		if (member == 0) {
			gate_pass(go);
			_exit(0);
		}
		CHECK_EQ(setpgid(0, getppid()), 0); /* leave the group to the member */
		CHECK_ERRNO(setsid(), EPERM);
		gate_open(go, 1);
		CHECK_EXIT(member, 0);
		CHECK_EQ(setsid(), getpid());
		gate_open(ready, 1);
		_exit(0);
	}
	gate_pass(ready);
	CHECK_EXIT(pid, 0);
}

TEST(groups_do_not_cross_sessions)
{
	struct gate ready = gate_new(), go = gate_new();
	pid_t other = FORK();

	if (other == 0) {
		CHECK_EQ(setsid(), getpid());
		gate_open(ready, 1);
		gate_pass(go);
		_exit(0);
	}
	gate_pass(ready);
	pid_t child = blocked_child();
	CHECK_ERRNO(setpgid(child, other), EPERM); /* the group is in another session */
	CHECK_ERRNO(setpgid(other, other), EPERM); /* and so is the process */
	CHECK_ERRNO(setpgid(other, getpgid(0)), EPERM);
	end_child(child);
	gate_open(go, 1);
	CHECK_EXIT(other, 0);
}

TEST(ids_in_proc)
{
	static const struct {
		int field;
		pid_t (*ask)(pid_t);
	} ids[] = { { 5, getpgid }, { 6, getsid } };
	char value[32];

	CHECK_EQ(process_parent(getpid()), getppid());
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		CHECK(stat_field(getpid(), ids[i].field, value, sizeof(value)));
		CHECK_EQ(atoi(value), ids[i].ask(0));
	}
	status_line(getpid(), "Pid", value, sizeof(value));
	CHECK_EQ(atoi(value), getpid());
	status_line(getpid(), "PPid", value, sizeof(value));
	CHECK_EQ(atoi(value), getppid());
	ssize_t length = readlink("/proc/self", value, sizeof(value) - 1);
	CHECK(length > 0);
	value[length] = '\0';
	CHECK_EQ(atoi(value), getpid());
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "hold"))
		return hold(argv[2]);
	return ktap_main(argc, argv);
}
