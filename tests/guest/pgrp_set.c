/*
 * Process groups, beyond proc_ids.c: every error of setpgid(2) and setsid(2), groups whose leader
 * is dead or a zombie, waiting by group, signals by group, and threads. Sources: POSIX setpgid(),
 * setsid(), getsid(), waitpid(), kill(); setpgid(2), credentials(7).
 */
#include "proc.h"
#include <pthread.h>

static const pid_t no_process = INT_MAX;

static pid_t blocked_child(pid_t group)
{
	pid_t pid = FORK();

	if (pid == 0)
		block_forever();
	CHECK_EQ(setpgid(pid, group), 0);
	return pid;
}

static pid_t zombie_child(pid_t group)
{
	struct gate go = gate_new();
	pid_t pid = FORK();

	if (pid == 0) {
		gate_pass(go);
		_exit(7);
	}
	CHECK_EQ(setpgid(pid, group), 0);
	gate_open(go, 1);
	await_zombie(pid);
	gate_free(go);
	return pid;
}

static void end_group(pid_t group, int members)
{
	CHECK_EQ(kill(-group, SIGKILL), 0);
	while (members--) {
		int status;
		CHECK(waitpid(-group, &status, 0) > 0);
		CHECK(WIFSIGNALED(status));
		CHECK_EQ(WTERMSIG(status), SIGKILL);
	}
	CHECK_ERRNO(waitpid(-group, NULL, 0), ECHILD);
	CHECK_ERRNO(kill(-group, 0), ESRCH);
}

TEST(bad_numbers)
{
	CHECK_ERRNO(setpgid(0, -1), EINVAL);
	CHECK_ERRNO(setpgid(0, INT_MIN), EINVAL);
	CHECK_ERRNO(setpgid(-1, 0), EINVAL); /* the group is to be -1 */
	CHECK_ERRNO(setpgid(-1, getpgrp()), ESRCH);
	CHECK_ERRNO(setpgid(no_process, getpgrp()), ESRCH);
	CHECK_ERRNO(setpgid(no_process, no_process), ESRCH);
	CHECK_ERRNO(setpgid(0, no_process), EPERM);
	CHECK_ERRNO(getpgid(-1), ESRCH);
	CHECK_ERRNO(getsid(-1), ESRCH);
	CHECK_ERRNO(getpgid(no_process), ESRCH);
	CHECK_ERRNO(getsid(no_process), ESRCH);
}

/* The number of a process that is no group's is no group to join. */
TEST(a_process_is_not_a_group)
{
	pid_t child = FORK();

	if (child == 0)
		block_forever();
	CHECK_ERRNO(setpgid(0, child), EPERM);
	CHECK_ERRNO(kill(-child, 0), ESRCH);
	CHECK_EQ(kill(child, SIGKILL), 0);
	CHECK_SIGNAL(child, SIGKILL);
}

TEST(a_zombie_is_a_member)
{
	pid_t zombie = zombie_child(0);

	CHECK_EQ(getpgid(zombie), zombie);
	CHECK_EQ(getsid(zombie), getsid(0));
	CHECK_EQ(kill(-zombie, SIGTERM), 0); /* it exists, though it hears nothing */
	pid_t child = blocked_child(zombie); /* the group can be joined */
	CHECK_EQ(getpgid(child), zombie);
	CHECK_EQ(setpgid(zombie, getpgrp()), 0); /* and the zombie moved */
	CHECK_EQ(getpgid(zombie), getpgrp());
	CHECK_EQ(waitpid(-zombie, NULL, WNOHANG), 0); /* none but the living is in it */
	CHECK_EXIT(zombie, 7);
	end_group(zombie, 1);
	CHECK_ERRNO(setpgid(zombie, 0), ESRCH);
	CHECK_ERRNO(getpgid(zombie), ESRCH);
	CHECK_ERRNO(getsid(zombie), ESRCH);
}

TEST(a_group_outlives_its_leader)
{
	pid_t leader = zombie_child(0), first = blocked_child(leader);

	CHECK_EXIT(leader, 7);
	CHECK_ERRNO(kill(leader, 0), ESRCH);
	CHECK_EQ(kill(-leader, 0), 0);
	pid_t second = blocked_child(leader); /* still open to others */
	CHECK_EQ(getpgid(first), leader);
	CHECK_EQ(getpgid(second), leader);
	CHECK_EQ(setpgid(0, leader), 0);
	CHECK_EQ(getpgrp(), leader);
	CHECK_EQ(setpgid(0, 0), 0);
	end_group(leader, 2);
	CHECK_ERRNO(setpgid(0, leader), EPERM);
}

/* While a group has its number no process gets it. */
TEST(a_groups_number_is_not_used_again)
{
	pid_t leader = zombie_child(0);
	char text[32];

	blocked_child(leader);
	CHECK_EXIT(leader, 7);
	int fd = open("/proc/sys/kernel/ns_last_pid", O_WRONLY);
	for (int i = 0; i < 20; i++) {
		/* where it can be said which pid is next, this one is asked for */
		if (fd >= 0)
			CHECK(pwrite(fd, text, (size_t)sprintf(text, "%d", leader - 1), 0) > 0);
		pid_t pid = FORK();
		if (pid == 0)
			_exit(0);
		CHECK(pid != leader);
		CHECK_EXIT(pid, 0);
	}
	end_group(leader, 1);
	if (fd >= 0) { /* now it is free */
		CHECK(pwrite(fd, text, (size_t)sprintf(text, "%d", leader - 1), 0) > 0);
		pid_t pid = FORK();
		if (pid == 0)
			_exit(0);
		CHECK_EQ(pid, leader);
		CHECK_EXIT(pid, 0);
		CHECK_EQ(close(fd), 0);
	}
}

TEST(waiting_by_group)
{
	pid_t one = zombie_child(0), other = blocked_child(0), own;
	int status;

	CHECK_EQ(waitpid(-other, &status, WNOHANG), 0);
	CHECK_EQ(waitpid(-one, &status, WNOHANG), one);
	CHECK_EQ(WEXITSTATUS(status), 7);
	CHECK_ERRNO(waitpid(-one, &status, WNOHANG), ECHILD);
	CHECK_ERRNO(waitpid(0, &status, WNOHANG), ECHILD); /* one's own group */
	own = zombie_child(getpgrp());
	CHECK_EQ(waitpid(0, &status, WNOHANG), own);
	CHECK_ERRNO(waitpid(-no_process, &status, WNOHANG), ECHILD);
	CHECK_ERRNO(waitpid(INT_MIN, &status, WNOHANG), ESRCH);
	end_group(other, 1);
	siginfo_t info;
	CHECK_ERRNO(waitid(P_PGID, (id_t)one, &info, WEXITED), ECHILD);
	one = zombie_child(0);
	CHECK_EQ(waitid(P_PGID, (id_t)one, &info, WEXITED | WNOHANG), 0);
	CHECK_EQ(info.si_pid, one);
	CHECK_EQ(info.si_status, 7);
	own = zombie_child(getpgrp());
	CHECK_EQ(waitid(P_PGID, 0, &info, WEXITED), 0); /* one's own, since Linux 5.4 */
	CHECK_EQ(info.si_pid, own);
}

/* A child that joins the group while its parent waits for the group. */
TEST(a_child_joins_the_group_waited_for)
{
	pid_t group = blocked_child(0), child;
	struct gate go = gate_new();
	pid_t parent = getpid();

	child = FORK();
	if (child == 0) {
		gate_pass(go);
		await_state(parent, 'S');
		CHECK_EQ(setpgid(0, group), 0);
		_exit(3);
	}
	gate_open(go, 1);
	int status;
	CHECK_EQ(waitpid(-group, &status, 0), child);
	CHECK_EQ(WEXITSTATUS(status), 3);
	end_group(group, 1);
}

TEST(leaving_a_group_is_not_heard_by_its_signals)
{
	pid_t stays = blocked_child(0), leaves = blocked_child(stays);

	CHECK_EQ(setpgid(leaves, leaves), 0);
	end_group(stays, 1);
	CHECK_EQ(process_state(leaves) != 'Z', 1);
	end_group(leaves, 1);
}

/* ---- sessions -------------------------------------------------------------------------------- */

/* A child that leads a session of its own and waits. */
static pid_t session_child(struct gate go)
{
	struct gate ready = gate_new();
	pid_t pid = FORK();

	if (pid == 0) {
		CHECK_EQ(setsid(), getpid());
		CHECK_ERRNO(setpgid(0, 0), EPERM);
		CHECK_ERRNO(setpgid(0, getpid()), EPERM);
		CHECK_ERRNO(setpgid(0, getppid()), EPERM);
		CHECK_ERRNO(setsid(), EPERM);
		gate_open(ready, 1);
		gate_pass(go);
		_exit(0);
	}
	gate_pass(ready);
	gate_free(ready);
	return pid;
}

TEST(other_sessions)
{
	struct gate go = gate_new();
	pid_t other = session_child(go), child = blocked_child(0);

	CHECK_EQ(getsid(other), other);
	CHECK_EQ(getpgid(other), other);
	CHECK_ERRNO(setpgid(other, 0), EPERM);
	CHECK_ERRNO(setpgid(other, other), EPERM);
	CHECK_ERRNO(setpgid(other, getpgrp()), EPERM);
	CHECK_ERRNO(setpgid(child, other), EPERM);
	CHECK_ERRNO(setpgid(0, other), EPERM);
	gate_open(go, 1);
	CHECK_EXIT(other, 0);
	end_group(child, 1);
}

/* Its own number in use by a group keeps a process from a session of its own. */
TEST(setsid_while_its_number_is_a_groups)
{
	pid_t pid = FORK();

	if (pid == 0) {
		CHECK_EQ(setpgid(0, 0), 0);
		CHECK_ERRNO(setsid(), EPERM);
		pid_t member = FORK();
		if (member == 0)
			block_forever();
		CHECK_EQ(setpgid(0, getppid()), 0);
		CHECK_ERRNO(setsid(), EPERM);
		end_group(getpid(), 1);
		CHECK_EQ(setsid(), getpid());
		_exit(0);
	}
	CHECK_EXIT(pid, 0);
}

/* ---- threads --------------------------------------------------------------------------------- */

static pid_t thread_id(void)
{
	return (pid_t)syscall(SYS_gettid);
}

static void *nothing(void *argument)
{
	return argument;
}

static void need_threads(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, nothing, NULL))
		SKIP("this kernel has no threads");
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

static void *in_thread(void *argument)
{
	pid_t self = thread_id();

	(void)argument;
	CHECK(self != getpid());
	CHECK_ERRNO(setpgid(self, 0), EINVAL); /* a thread is no process */
	CHECK_EQ(getpgid(self), getpgrp());
	CHECK_EQ(getsid(self), getsid(0));
	CHECK_EQ(setsid(), getpid()); /* for all threads */
	return NULL;
}

TEST(a_session_is_the_whole_process)
{
	need_threads();
	pid_t pid = FORK();

	if (pid == 0) {
		pthread_t thread;
		CHECK_EQ(pthread_create(&thread, NULL, in_thread, NULL), 0);
		CHECK_EQ(pthread_join(thread, NULL), 0);
		CHECK_EQ(getsid(0), getpid());
		CHECK_EQ(getpgrp(), getpid());
		_exit(0);
	}
	CHECK_EXIT(pid, 0);
}

struct told {
	struct gate tid, go;
};

static void *tell_and_wait(void *argument)
{
	struct told *told = argument;
	pid_t self = thread_id();

	CHECK_EQ(write(told->tid.in, &self, sizeof(self)), sizeof(self));
	gate_pass(told->go);
	return NULL;
}

TEST(a_thread_of_a_child_is_no_child)
{
	struct told told = { gate_new(), gate_new() };
	pid_t tid, pid;

	need_threads();
	pid = FORK();
	if (pid == 0) {
		pthread_t thread;
		CHECK_EQ(pthread_create(&thread, NULL, tell_and_wait, &told), 0);
		CHECK_EQ(pthread_join(thread, NULL), 0);
		_exit(0);
	}
	CHECK_EQ(read(told.tid.out, &tid, sizeof(tid)), sizeof(tid));
	CHECK_ERRNO(setpgid(tid, 0), EINVAL);
	gate_open(told.go, 1);
	CHECK_EXIT(pid, 0);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
