/*
 * What one process may do to another: signals, limits, priority, affinity. Each asks for ids of its
 * own choice, or for a capability. Sources: kill(2), sigqueue(3), tgkill(2), getrlimit(2) on
 * prlimit, setpriority(2), sched_setaffinity(2), credentials(7), capabilities(7).
 */
#include "users.h"
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>

/* A process to do things to: ready, asleep, and gone when its gate is opened. */
struct target {
	pid_t pid;
	struct gate go;
};

static struct target target_in_groups(uid_t real, uid_t effective, uid_t saved, gid_t rgid,
				      gid_t egid, gid_t sgid)
{
	struct gate ready = gate_new();
	struct target target = { .go = gate_new() };

	target.pid = FORK();
	if (target.pid == 0) {
		CHECK_EQ(set_groups(0, NULL), 0);
		CHECK_EQ(set_gids(rgid, egid, sgid), 0);
		CHECK_EQ(set_uids(real, effective, saved), 0);
		gate_open(ready, 1);
		gate_pass(target.go);
		_exit(0);
	}
	gate_pass(ready);
	gate_free(ready);
	return target;
}

static struct target target_new(uid_t real, uid_t effective, uid_t saved)
{
	return target_in_groups(real, effective, saved, ALICE, ALICE, ALICE);
}

static void target_end(struct target target)
{
	gate_open(target.go, 1);
	CHECK_EXIT(target.pid, 0);
	gate_free(target.go);
}

static int queue(pid_t pid, int sig)
{
	siginfo_t info = { .si_signo = sig, .si_code = SI_QUEUE };

	return (int)syscall(SYS_rt_sigqueueinfo, pid, sig, &info);
}

static void check_signals(pid_t pid, bool allowed)
{
	if (allowed) {
		CHECK_EQ(kill(pid, 0), 0);
		CHECK_EQ(kill(pid, SIGURG), 0); /* ignored by default */
		CHECK_EQ(syscall(SYS_tkill, pid, SIGURG), 0);
		CHECK_EQ(syscall(SYS_tgkill, pid, pid, 0), 0);
		CHECK_EQ(queue(pid, SIGURG), 0);
		return;
	}
	CHECK_ERRNO(kill(pid, 0), EPERM);
	CHECK_ERRNO(kill(pid, SIGKILL), EPERM);
	CHECK_ERRNO(syscall(SYS_tkill, pid, SIGKILL), EPERM);
	CHECK_ERRNO(syscall(SYS_tgkill, pid, pid, 0), EPERM);
	CHECK_ERRNO(queue(pid, SIGKILL), EPERM);
}

/* The sender's real or effective id against the target's real or saved one. */
USERS_TEST(signals_by_id)
{
	static const struct {
		uid_t sender[2], target[3]; /* real, effective(, saved) */
		bool allowed;
	} rows[] = {
		{ { ALICE, ALICE }, { ALICE, ALICE, ALICE }, true },
		{ { ALICE, ALICE }, { BOB, BOB, BOB }, false },
		{ { ALICE, BOB }, { BOB, BOB, BOB }, true },
		{ { BOB, ALICE }, { BOB, BOB, BOB }, true },
		{ { BOB, BOB }, { BOB, ALICE, ALICE }, true },
		{ { BOB, BOB }, { ALICE, BOB, ALICE }, false }, /* being it effectively */
		{ { BOB, BOB }, { ALICE, ALICE, BOB }, true },
		{ { BOB, BOB }, { 0, 0, 0 }, false },
		{ { 0, BOB }, { 0, 0, 0 }, true },
		{ { 0, BOB }, { ALICE, ALICE, ALICE }, false }, /* root, but not in effect */
		{ { BOB, 0 }, { ALICE, ALICE, ALICE }, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const uid_t *to = rows[i].target, *from = rows[i].sender;
		struct target target = target_new(to[0], to[1], to[2]);

		CONTEXT("row %zu", i);
		IN_CHILD(CHECK_EQ(set_uids(from[0], from[1], -1), 0);
			 check_signals(target.pid, rows[i].allowed););
		target_end(target);
	}
}

USERS_TEST(signals_by_capability)
{
	struct target target = target_new(ALICE, ALICE, ALICE);

	IN_CHILD(become_with(BOB, BOB, CAP(KILL)); check_signals(target.pid, true);
		 CHECK_EQ(set_caps(CAP(KILL), 0, 0), 0); check_signals(target.pid, false););
	IN_CHILD(CHECK_EQ(set_caps(0, 0, 0), 0); check_signals(target.pid, false););
	target_end(target);
}

/* A shell may continue its jobs, whoever they have become; nobody else's. */
USERS_TEST(sigcont_within_a_session)
{
	struct target target = target_new(BOB, BOB, BOB);

	IN_CHILD(become(ALICE, ALICE); CHECK_EQ(kill(target.pid, SIGCONT), 0);
		 CHECK_EQ(syscall(SYS_tkill, target.pid, SIGCONT), 0);
		 CHECK_EQ(queue(target.pid, SIGCONT), 0); CHECK_ERRNO(kill(target.pid, 0), EPERM);
		 CHECK_ERRNO(kill(target.pid, SIGSTOP), EPERM););
	IN_CHILD(CHECK_EQ(setsid(), getpid()); become(ALICE, ALICE);
		 CHECK_ERRNO(kill(target.pid, SIGCONT), EPERM););
	target_end(target);
}

/* A zombie is asked like a living process. */
USERS_TEST(signals_to_a_zombie)
{
	pid_t pid = FORK();

	if (pid == 0) {
		CHECK_EQ(set_uids(BOB, BOB, BOB), 0);
		_exit(0);
	}
	await_zombie(pid);
	IN_CHILD(become(ALICE, ALICE); CHECK_ERRNO(kill(pid, SIGKILL), EPERM););
	IN_CHILD(become(BOB, BOB); CHECK_EQ(kill(pid, SIGKILL), 0););
	CHECK_EXIT(pid, 0);
}

/* A group: one who may be signalled is enough. */
USERS_TEST(signals_to_a_group)
{
	struct target alice = target_new(ALICE, ALICE, ALICE), bob = target_new(BOB, BOB, BOB);

	CHECK_EQ(setpgid(alice.pid, 0), 0);
	CHECK_EQ(setpgid(bob.pid, alice.pid), 0);
	IN_CHILD(become(CAROL, CAROL); CHECK_ERRNO(kill(-alice.pid, SIGKILL), EPERM);
		 CHECK_ERRNO(kill(-alice.pid, 0), EPERM););
	IN_CHILD(become(BOB, BOB); CHECK_EQ(kill(-alice.pid, SIGKILL), 0););
	CHECK_SIGNAL(bob.pid, SIGKILL);
	IN_CHILD(become(BOB, BOB); CHECK_ERRNO(kill(-alice.pid, SIGKILL), EPERM););
	target_end(alice);
}

static volatile siginfo_t got;

static void keep(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)context;
	memcpy((void *)&got, info, sizeof(*info));
}

/* The receiver learns the sender's real id. */
USERS_TEST(si_uid_is_the_real_id)
{
	struct sigaction action = { .sa_sigaction = keep, .sa_flags = SA_SIGINFO };
	sigset_t usr1, old;
	pid_t parent = getpid();

	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	CHECK_EQ(sigprocmask(SIG_BLOCK, &usr1, &old), 0);
	CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
	IN_CHILD(CHECK_EQ(set_uids(ALICE, 0, BOB), 0); CHECK_EQ(kill(parent, SIGUSR1), 0););
	CHECK_EQ(sigprocmask(SIG_SETMASK, &old, NULL), 0);
	CHECK_EQ(got.si_signo, SIGUSR1);
	CHECK_EQ(got.si_uid, ALICE);
	siginfo_t info;
	pid_t pid = FORK();
	if (pid == 0) {
		CHECK_EQ(set_uids(CAROL, ALICE, BOB), 0);
		_exit(0);
	}
	CHECK_EQ(waitid(P_PID, (id_t)pid, &info, WEXITED), 0);
	CHECK_EQ(info.si_uid, CAROL);
}

/* ---- limits ---------------------------------------------------------------------------------- */

static int get_limit(pid_t pid)
{
	struct rlimit limit;

	return prlimit(pid, RLIMIT_CORE, NULL, &limit);
}

/* All of the target's ids must be the caller's real ones. */
USERS_TEST(limits_of_another)
{
	static const uint32_t ids[][6] = {
		{ ALICE, ALICE, ALICE, ALICE, ALICE, ALICE },
		{ BOB, ALICE, ALICE, ALICE, ALICE, ALICE },
		{ ALICE, BOB, ALICE, ALICE, ALICE, ALICE },
		{ ALICE, ALICE, BOB, ALICE, ALICE, ALICE },
		{ ALICE, ALICE, ALICE, BOB, ALICE, ALICE },
		{ ALICE, ALICE, ALICE, ALICE, BOB, ALICE },
		{ ALICE, ALICE, ALICE, ALICE, ALICE, BOB },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		struct target target = target_in_groups(ids[i][0], ids[i][1], ids[i][2], ids[i][3],
							ids[i][4], ids[i][5]);

		CONTEXT("ids %zu", i);
		IN_CHILD(become(ALICE, ALICE); CHECK_EQ(get_limit(0), 0);
			 CHECK_EQ(get_limit(getpid()), 0); CHECK_ERRNO(get_limit(getppid()), EPERM);
			 if (i == 0) CHECK_EQ(get_limit(target.pid), 0);
			 else CHECK_ERRNO(get_limit(target.pid), EPERM););
		IN_CHILD(become(ALICE, BOB); CHECK_ERRNO(get_limit(target.pid), EPERM););
		IN_CHILD(become(BOB, ALICE); CHECK_ERRNO(get_limit(target.pid), EPERM););
		IN_CHILD(CHECK_EQ(set_uids(BOB, ALICE, ALICE), 0);
			 CHECK_ERRNO(get_limit(target.pid), EPERM););
		IN_CHILD(become_with(CAROL, CAROL, CAP(SYS_RESOURCE));
			 CHECK_EQ(get_limit(target.pid), 0););
		IN_CHILD(become_with(CAROL, CAROL, CAP(KILL));
			 CHECK_ERRNO(get_limit(target.pid), EPERM););
		target_end(target);
	}
}

USERS_TEST(hard_limits_only_sink)
{
	struct rlimit low = { 1, 2 }, lower = { 1, 1 };

	become(ALICE, ALICE);
	CHECK_EQ(setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 }), 0);
	CHECK_ERRNO(setrlimit(RLIMIT_CORE, &lower), EPERM);
	CHECK_EQ(setrlimit(RLIMIT_NPROC, &low), 0);
	CHECK_EQ(setrlimit(RLIMIT_NPROC, &lower), 0);
	CHECK_ERRNO(setrlimit(RLIMIT_NPROC, &low), EPERM);
}

/* ---- priority and affinity ------------------------------------------------------------------- */

/* The caller's effective id against the target's real or effective one. */
USERS_TEST(nice_of_another)
{
	struct target target = target_new(ALICE, BOB, CAROL);

	IN_CHILD(become(ALICE, 7); CHECK_EQ(setpriority(PRIO_PROCESS, (id_t)target.pid, 1), 0););
	IN_CHILD(become(BOB, 7); CHECK_EQ(setpriority(PRIO_PROCESS, (id_t)target.pid, 2), 0);
		 CHECK_ERRNO(setpriority(PRIO_PROCESS, (id_t)target.pid, 1), EACCES););
	IN_CHILD(become(CAROL, 7);
		 CHECK_ERRNO(setpriority(PRIO_PROCESS, (id_t)target.pid, 5), EPERM););
	IN_CHILD(CHECK_EQ(set_uids(ALICE, CAROL, CAROL), 0);
		 CHECK_ERRNO(setpriority(PRIO_PROCESS, (id_t)target.pid, 5), EPERM););
	CHECK_EQ(getpriority(PRIO_PROCESS, (id_t)target.pid), 2);
	IN_CHILD(become_with(CAROL, 7, CAP(SYS_NICE));
		 CHECK_EQ(setpriority(PRIO_PROCESS, (id_t)target.pid, 5), 0););
	if (is_real_root())
		IN_CHILD(become_with(CAROL, 7, CAP(SYS_NICE));
			 CHECK_EQ(setpriority(PRIO_PROCESS, (id_t)target.pid, -5), 0););
	target_end(target);
}

USERS_TEST(affinity_of_another)
{
	struct target target = target_new(ALICE, BOB, CAROL);
	cpu_set_t set;

	CHECK_EQ(sched_getaffinity(0, sizeof(set), &set), 0);
	IN_CHILD(become(ALICE, 7); CHECK_EQ(sched_setaffinity(target.pid, sizeof(set), &set), 0););
	IN_CHILD(become(BOB, 7); CHECK_EQ(sched_setaffinity(target.pid, sizeof(set), &set), 0););
	IN_CHILD(become(CAROL, 7);
		 CHECK_ERRNO(sched_setaffinity(target.pid, sizeof(set), &set), EPERM););
	IN_CHILD(become_with(CAROL, 7, CAP(SYS_NICE));
		 CHECK_EQ(sched_setaffinity(target.pid, sizeof(set), &set), 0););
	target_end(target);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
