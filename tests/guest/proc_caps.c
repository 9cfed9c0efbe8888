/*
 * Capabilities of a process: how they come and go with its user ids, what capset and prctl allow,
 * and what an execve makes of them. Sources: capabilities(7), capget(2), prctl(2), proc(5). The
 * sets are named as there: permitted, effective, inheritable, bounding, ambient.
 */
#include "users.h"
#include <sys/mman.h>

#define FILE_CAPS                                                                                  \
	(CAP(CHOWN) | CAP(DAC_OVERRIDE) | CAP(DAC_READ_SEARCH) | CAP(FOWNER) | CAP(FSETID) |       \
	 CAP(LINUX_IMMUTABLE) | CAP(MKNOD) | CAP(MAC_OVERRIDE))
#define SOME (CAP(KILL) | CAP(CHOWN) | CAP(CHECKPOINT_RESTORE))

static uint64_t all; /* what this kernel has: it may know more than the headers */

static void check_caps(uint64_t permitted, uint64_t effective)
{
	struct caps caps = get_caps(0);

	CHECK_EQ(caps.permitted, permitted);
	CHECK_EQ(caps.effective, effective);
}

TEST(root_has_all)
{
	char line[64], last[16];
	static const char *const full[] = { "CapPrm", "CapEff", "CapBnd" };

	check_caps(all, all);
	CHECK_EQ(get_caps(0).inheritable, 0);
	CHECK(read_text("/proc/sys/kernel/cap_last_cap", last, sizeof(last)) > 0);
	CHECK_EQ(all, (2ull << atoi(last)) - 1);
	for (size_t i = 0; i < ARRAY_SIZE(full); i++) {
		status_line(getpid(), full[i], line, sizeof(line));
		CHECK_EQ(strtoull(line, NULL, 16), all);
	}
	status_line(getpid(), "CapInh", line, sizeof(line));
	CHECK_STR(line, "0000000000000000");
	status_line(getpid(), "CapAmb", line, sizeof(line));
	CHECK_STR(line, "0000000000000000");
	status_line(getpid(), "NoNewPrivs", line, sizeof(line));
	CHECK_STR(line, "0");
}

/* ---- with the user ids ----------------------------------------------------------------------- */

USERS_TEST(leaving_root_for_good_drops_all)
{
	CHECK_EQ(set_caps(all, all, SOME), 0);
	CHECK_EQ(set_uids(ALICE, ALICE, ALICE), 0);
	check_caps(0, 0);
	CHECK_EQ(get_caps(0).inheritable, SOME); /* but for these */
}

USERS_TEST(one_zero_id_keeps_the_permitted)
{
	IN_CHILD(CHECK_EQ(set_uids(-1, ALICE, -1), 0); check_caps(all, 0);
		 CHECK_EQ(set_uids(-1, 0, -1), 0); check_caps(all, all););
	IN_CHILD(CHECK_EQ(set_uids(ALICE, ALICE, 0), 0); check_caps(all, 0);
		 CHECK_ERRNO(set_uids(BOB, -1, -1), EPERM); CHECK_EQ(set_uids(-1, -1, ALICE), 0);
		 check_caps(0, 0););
	IN_CHILD(CHECK_EQ(set_uids(ALICE, 0, ALICE), 0); check_caps(all, all);
		 CHECK_EQ(syscall(SYS_setuid, ALICE), 0); check_caps(0, 0););
	/* what was given up does not come back with the id */
	IN_CHILD(CHECK_EQ(set_caps(SOME | CAP(SETUID), CAP(SETUID), 0), 0);
		 CHECK_EQ(set_uids(-1, ALICE, -1), 0); check_caps(SOME | CAP(SETUID), 0);
		 CHECK_EQ(set_uids(-1, 0, -1), 0);
		 check_caps(SOME | CAP(SETUID), SOME | CAP(SETUID)););
}

USERS_TEST(the_effective_follow_the_effective_id)
{
	CHECK_EQ(set_caps(all, CAP(SETUID), 0), 0);
	CHECK_EQ(syscall(SYS_setreuid, -1, 0), 0); /* 0 to 0: nothing happens */
	check_caps(all, CAP(SETUID));
	CHECK_EQ(set_uids(ALICE, 0, 0), 0);
	check_caps(all, CAP(SETUID));
}

USERS_TEST(file_capabilities_follow_the_file_system_id)
{
	CHECK_EQ(syscall(SYS_setfsuid, ALICE), 0);
	check_caps(all, all & ~FILE_CAPS);
	CHECK_EQ(syscall(SYS_setfsuid, BOB), ALICE);
	check_caps(all, all & ~FILE_CAPS);
	CHECK_EQ(syscall(SYS_setfsuid, 0), BOB);
	check_caps(all, all);
	CHECK_EQ(set_caps(all & ~CAP(MKNOD), CAP(KILL), 0), 0);
	CHECK_EQ(syscall(SYS_setfsuid, ALICE), 0);
	CHECK_EQ(syscall(SYS_setfsuid, 0), 0); /* not allowed to be Alice: no CAP_SETUID */
	check_caps(all & ~CAP(MKNOD), CAP(KILL));
	CHECK_EQ(set_caps(all & ~CAP(MKNOD), CAP(KILL) | CAP(SETUID), 0), 0);
	CHECK_EQ(syscall(SYS_setfsuid, ALICE), 0);
	CHECK_EQ(syscall(SYS_setfsuid, 0), ALICE);
	check_caps(all & ~CAP(MKNOD), (FILE_CAPS & ~CAP(MKNOD)) | CAP(KILL) | CAP(SETUID));
}

USERS_TEST(keep_capabilities)
{
	CHECK_EQ(prctl(PR_GET_KEEPCAPS), 0);
	CHECK_ERRNO(prctl(PR_SET_KEEPCAPS, 2), EINVAL);
	CHECK_EQ(prctl(PR_SET_KEEPCAPS, 1), 0);
	CHECK_EQ(prctl(PR_GET_KEEPCAPS), 1);
	CHECK_EQ(prctl(PR_GET_SECUREBITS), SECBIT_KEEP_CAPS);
	CHECK_EQ(set_caps(all, all, all), 0);
	CHECK_EQ(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0), 0);
	CHECK_EQ(set_uids(ALICE, ALICE, ALICE), 0);
	check_caps(all, 0);
	CHECK_EQ(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0), 0);
	CHECK_EQ(prctl(PR_GET_KEEPCAPS), 1);
	CHECK_EQ(set_caps(all, CAP(SETUID), 0), 0);
	CHECK_EQ(set_uids(0, 0, 0), 0); /* and back */
	check_caps(all, all);
	CHECK_EQ(prctl(PR_SET_KEEPCAPS, 0), 0);
	CHECK_EQ(set_uids(ALICE, ALICE, ALICE), 0);
	check_caps(0, 0);
}

USERS_TEST(no_setuid_fixup)
{
	CHECK_EQ(prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP), 0);
	CHECK_EQ(syscall(SYS_setfsuid, ALICE), 0);
	check_caps(all, all);
	CHECK_EQ(set_uids(ALICE, ALICE, ALICE), 0);
	check_caps(all, all);
	CHECK_EQ(set_caps(all, CAP(SETUID), 0), 0);
	CHECK_EQ(set_uids(0, 0, 0), 0);
	check_caps(all, CAP(SETUID));
}

/* ---- capget and capset ----------------------------------------------------------------------- */

TEST(capability_versions)
{
	static const uint32_t known[] = { _LINUX_CAPABILITY_VERSION_1, _LINUX_CAPABILITY_VERSION_2,
					  _LINUX_CAPABILITY_VERSION_3 };
	static const uint32_t unknown[] = { 0, 1, 0xffffffff, _LINUX_CAPABILITY_VERSION_3 + 1 };
	struct __user_cap_header_struct header = { 0, 0 };
	struct __user_cap_data_struct data[3];

	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
		header.version = unknown[i];
		CHECK_ERRNO(syscall(SYS_capget, &header, data), EINVAL);
		CHECK_EQ(header.version, _LINUX_CAPABILITY_VERSION_3);
		header.version = unknown[i];
		CHECK_EQ(syscall(SYS_capget, &header, NULL), 0);
		CHECK_EQ(header.version, _LINUX_CAPABILITY_VERSION_3);
		header.version = unknown[i];
		CHECK_ERRNO(syscall(SYS_capset, &header, data), EINVAL);
		CHECK_EQ(header.version, _LINUX_CAPABILITY_VERSION_3);
	}
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		int words = i == 0 ? 1 : 2;

		memset(data, 0x55, sizeof(data));
		header.version = known[i];
		CHECK_EQ(syscall(SYS_capget, &header, data), 0);
		CHECK_EQ(header.version, known[i]);
		CHECK_EQ(data[0].permitted, 0xffffffff);
		CHECK_EQ(data[words - 1].effective, (uint32_t)(all >> 32 * (words - 1)));
		CHECK_EQ(data[words].effective, 0x55555555);
		CHECK_EQ(syscall(SYS_capget, &header, NULL), 0);
	}
}

TEST(version_1_sets_what_it_knows)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_1, 0 };
	struct __user_cap_data_struct data = { CAP(KILL), CAP(KILL) | CAP(CHOWN), 0 };

	CHECK_EQ(syscall(SYS_capset, &header, &data), 0);
	check_caps(CAP(KILL) | CAP(CHOWN), CAP(KILL));
}

TEST(bad_pointers_and_processes)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];

	CHECK_ERRNO(syscall(SYS_capget, NULL, data), EFAULT);
	CHECK_ERRNO(syscall(SYS_capget, KERNEL_ADDRESS, data), EFAULT);
	CHECK_ERRNO(syscall(SYS_capget, NULL, NULL), EFAULT);
	CHECK_ERRNO(syscall(SYS_capget, &header, BAD_POINTER), EFAULT);
	CHECK_ERRNO(syscall(SYS_capset, NULL, data), EFAULT);
	CHECK_ERRNO(syscall(SYS_capset, &header, NULL), EFAULT);
	CHECK_ERRNO(syscall(SYS_capset, &header, KERNEL_ADDRESS), EFAULT);
	header.pid = -1;
	CHECK_ERRNO(syscall(SYS_capget, &header, data), EINVAL);
	CHECK_ERRNO(syscall(SYS_capset, &header, data), EPERM);
	header.pid = INT_MAX;
	CHECK_ERRNO(syscall(SYS_capget, &header, data), ESRCH);
	CHECK_ERRNO(syscall(SYS_capset, &header, data), EPERM);
	header.pid = getppid();
	CHECK_EQ(syscall(SYS_capget, &header, data), 0);
	CHECK_ERRNO(syscall(SYS_capset, &header, data), EPERM);
	header.pid = getpid();
	CHECK_EQ(syscall(SYS_capget, &header, data), 0);
	CHECK_EQ(syscall(SYS_capset, &header, data), 0);
	check_caps(all, all);
}

TEST(capabilities_of_another)
{
	struct gate ready = gate_new(), go = gate_new();
	pid_t pid = FORK();

	if (pid == 0) {
		CHECK_EQ(set_caps(SOME, CAP(KILL), CAP(CHOWN)), 0);
		gate_open(ready, 1);
		gate_pass(go);
		_exit(0);
	}
	gate_pass(ready);
	struct caps caps = get_caps(pid);
	CHECK_EQ(caps.permitted, SOME);
	CHECK_EQ(caps.effective, CAP(KILL));
	CHECK_EQ(caps.inheritable, CAP(CHOWN));
	check_caps(all, all);
	gate_open(go, 1);
	await_zombie(pid);
	CHECK_EQ(get_caps(pid).permitted, SOME);
	CHECK_EXIT(pid, 0);
}

TEST(what_may_be_set)
{
	CHECK_ERRNO(set_caps(CAP(KILL), SOME, 0), EPERM); /* effective, and not permitted */
	check_caps(all, all);
	CHECK_EQ(set_caps(~0ull, ~0ull, 0), 0); /* what does not exist is not looked at */
	check_caps(all, all);
	CHECK_EQ(set_caps(SOME, 0, SOME), 0);
	check_caps(SOME, 0);
	CHECK_ERRNO(set_caps(SOME | CAP(SETUID), 0, SOME), EPERM); /* never more */
	CHECK_ERRNO(set_caps(SOME, SOME, SOME | CAP(SETUID)), EPERM);
	CHECK_EQ(get_caps(0).inheritable, SOME);
	CHECK_EQ(set_caps(CAP(KILL), CAP(KILL), SOME), 0); /* the inheritable may stay */
	CHECK_EQ(set_caps(CAP(KILL), CAP(KILL), CAP(CHOWN)), 0);
	CHECK_ERRNO(set_caps(CAP(KILL), CAP(KILL), SOME), EPERM);
	CHECK_EQ(set_caps(0, 0, 0), 0);
	CHECK_ERRNO(set_caps(CAP(KILL), 0, 0), EPERM);
}

/* CAP_SETPCAP makes more inheritable than is permitted, within the bounding set. */
TEST(inheritable_with_setpcap)
{
	CHECK_EQ(set_caps(CAP(SETPCAP), CAP(SETPCAP), 0), 0);
	CHECK_EQ(prctl(PR_CAPBSET_DROP, CAP_CHOWN), 0);
	CHECK_EQ(set_caps(CAP(SETPCAP), CAP(SETPCAP), CAP(KILL)), 0);
	CHECK_ERRNO(set_caps(CAP(SETPCAP), CAP(SETPCAP), CAP(KILL) | CAP(CHOWN)), EPERM);
	CHECK_EQ(set_caps(CAP(SETPCAP), 0, CAP(KILL)), 0);
	CHECK_ERRNO(set_caps(CAP(SETPCAP), 0, CAP(KILL) | CAP(SETUID)), EPERM);
}

/* ---- prctl ----------------------------------------------------------------------------------- */

TEST(bounding_set)
{
	CHECK_EQ(prctl(PR_CAPBSET_READ, CAP_KILL), 1);
	CHECK_EQ(prctl(PR_CAPBSET_DROP, CAP_KILL), 0);
	CHECK_EQ(prctl(PR_CAPBSET_READ, CAP_KILL), 0);
	CHECK_EQ(prctl(PR_CAPBSET_DROP, CAP_KILL), 0); /* again is no error */
	CHECK_EQ(prctl(PR_CAPBSET_READ, CAP_CHOWN), 1);
	check_caps(all, all); /* for execve only */
	CHECK_ERRNO(prctl(PR_CAPBSET_READ, 64), EINVAL);
	CHECK_ERRNO(prctl(PR_CAPBSET_READ, -1L), EINVAL);
	CHECK_ERRNO(prctl(PR_CAPBSET_DROP, 64), EINVAL);
	IN_CHILD(CHECK_EQ(prctl(PR_CAPBSET_READ, CAP_KILL), 0););
	CHECK_EQ(set_caps(all, all & ~CAP(SETPCAP), 0), 0);
	CHECK_ERRNO(prctl(PR_CAPBSET_DROP, CAP_CHOWN), EPERM);
	CHECK_ERRNO(prctl(PR_CAPBSET_DROP, 64), EPERM);
	CHECK_EQ(prctl(PR_CAPBSET_READ, CAP_CHOWN), 1);
}

TEST(ambient_set)
{
	const int raise = PR_CAP_AMBIENT_RAISE, is_set = PR_CAP_AMBIENT_IS_SET;

	CHECK_ERRNO(prctl(PR_CAP_AMBIENT, raise, CAP_KILL, 0, 0), EPERM); /* not inheritable */
	CHECK_EQ(set_caps(all & ~CAP(CHOWN), all & ~CAP(CHOWN), all & ~CAP(SETUID)), 0);
	CHECK_ERRNO(prctl(PR_CAP_AMBIENT, raise, CAP_CHOWN, 0, 0), EPERM); /* not permitted */
	CHECK_ERRNO(prctl(PR_CAP_AMBIENT, raise, CAP_SETUID, 0, 0), EPERM);
	CHECK_EQ(prctl(PR_CAP_AMBIENT, raise, CAP_KILL, 0, 0), 0);
	CHECK_EQ(prctl(PR_CAP_AMBIENT, raise, CAP_SETGID, 0, 0), 0);
	CHECK_EQ(prctl(PR_CAP_AMBIENT, is_set, CAP_KILL, 0, 0), 1);
	CHECK_EQ(prctl(PR_CAP_AMBIENT, is_set, CAP_FOWNER, 0, 0), 0);
	char line[32];
	status_line(getpid(), "CapAmb", line, sizeof(line));
	CHECK_EQ(strtoull(line, NULL, 16), CAP(KILL) | CAP(SETGID));
	CHECK_EQ(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, CAP_KILL, 0, 0), 0);
	CHECK_EQ(prctl(PR_CAP_AMBIENT, is_set, CAP_KILL, 0, 0), 0);
	/* who is no longer permitted or inheritable is no longer ambient */
	CHECK_EQ(set_caps(all & ~CAP(CHOWN), all & ~CAP(CHOWN), 0), 0);
	CHECK_EQ(prctl(PR_CAP_AMBIENT, is_set, CAP_SETGID, 0, 0), 0);
}

TEST(ambient_set_errors)
{
	CHECK_EQ(set_caps(all, all, all), 0);
	CHECK_ERRNO(prctl(PR_CAP_AMBIENT, 0, CAP_KILL, 0, 0), EINVAL);
	CHECK_ERRNO(prctl(PR_CAP_AMBIENT, 5, CAP_KILL, 0, 0), EINVAL);
	for (int operation = PR_CAP_AMBIENT_IS_SET; operation <= PR_CAP_AMBIENT_LOWER;
	     operation++) {
		CHECK_ERRNO(prctl(PR_CAP_AMBIENT, operation, 64, 0, 0), EINVAL);
		CHECK_ERRNO(prctl(PR_CAP_AMBIENT, operation, -1L, 0, 0), EINVAL);
		CHECK_ERRNO(prctl(PR_CAP_AMBIENT, operation, CAP_KILL, 1, 0), EINVAL);
		CHECK_ERRNO(prctl(PR_CAP_AMBIENT, operation, CAP_KILL, 0, 1), EINVAL);
	}
	CHECK_EQ(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0), 0);
	CHECK_ERRNO(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 1, 0, 0), EINVAL);
	CHECK_ERRNO(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 1, 0), EINVAL);
	CHECK_ERRNO(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 1), EINVAL);
	CHECK_EQ(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0), 1);
	CHECK_EQ(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), 0);
	CHECK_EQ(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0), 0);
	CHECK_EQ(prctl(PR_SET_SECUREBITS, SECBIT_NO_CAP_AMBIENT_RAISE), 0);
	CHECK_ERRNO(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0), EPERM);
}

TEST(securebits_and_their_locks)
{
	CHECK_EQ(prctl(PR_GET_SECUREBITS), 0);
	CHECK_EQ(prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_KEEP_CAPS), 0);
	CHECK_EQ(prctl(PR_GET_SECUREBITS), SECBIT_NOROOT | SECBIT_KEEP_CAPS);
	CHECK_ERRNO(prctl(PR_SET_SECUREBITS, 1l << 32), EPERM);
	CHECK_ERRNO(prctl(PR_SET_SECUREBITS, 1l << 31), EPERM);
	CHECK_EQ(prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS_LOCKED), 0);
	CHECK_ERRNO(prctl(PR_SET_KEEPCAPS, 1), EPERM);
	CHECK_ERRNO(prctl(PR_SET_KEEPCAPS, 0), EPERM);
	CHECK_ERRNO(prctl(PR_SET_KEEPCAPS, 2), EINVAL);
	CHECK_ERRNO(prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS_LOCKED | SECBIT_KEEP_CAPS), EPERM);
	CHECK_ERRNO(prctl(PR_SET_SECUREBITS, 0), EPERM); /* nothing unlocks */
	CHECK_EQ(prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS_LOCKED | SECBIT_NOROOT), 0);
	CHECK_EQ(set_caps(all, all & ~CAP(SETPCAP), 0), 0);
	CHECK_ERRNO(prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS_LOCKED), EPERM);
}

TEST(no_new_privileges)
{
	CHECK_EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
	CHECK_ERRNO(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0), EINVAL);
	CHECK_ERRNO(prctl(PR_SET_NO_NEW_PRIVS, 2, 0, 0, 0), EINVAL);
	CHECK_ERRNO(prctl(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0), EINVAL);
	CHECK_ERRNO(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 1, 0), EINVAL);
	CHECK_ERRNO(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 1), EINVAL);
	CHECK_ERRNO(prctl(PR_GET_NO_NEW_PRIVS, 1, 0, 0, 0), EINVAL);
	CHECK_ERRNO(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 1), EINVAL);
	CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	CHECK_ERRNO(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0), EINVAL); /* never again */
	CHECK_EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
	char line[8];
	status_line(getpid(), "NoNewPrivs", line, sizeof(line));
	CHECK_STR(line, "1");
	IN_CHILD(CHECK_EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1););
}

TEST(dumpable_by_prctl)
{
	CHECK_EQ(prctl(PR_GET_DUMPABLE), 1);
	CHECK_ERRNO(prctl(PR_SET_DUMPABLE, 2), EINVAL);
	CHECK_ERRNO(prctl(PR_SET_DUMPABLE, -1L), EINVAL);
	CHECK_EQ(prctl(PR_SET_DUMPABLE, 0), 0);
	CHECK_EQ(prctl(PR_GET_DUMPABLE), 0);
	IN_CHILD(CHECK_EQ(prctl(PR_GET_DUMPABLE), 0););
	CHECK_EQ(prctl(PR_SET_DUMPABLE, 1), 0);
}

/* ---- execve ---------------------------------------------------------------------------------- */

static struct self self_after_exec(void (*before)(void))
{
	return SELF_AFTER(own_path, before());
}

static void nothing(void)
{
}

static void drop_some(void)
{
	CHECK_EQ(prctl(PR_CAPBSET_DROP, CAP_CHOWN), 0);
	CHECK_EQ(set_caps(0, 0, 0), 0);
}

static void inherit_beyond_the_bounding(void)
{
	CHECK_EQ(set_caps(all, all, SOME), 0);
	CHECK_EQ(prctl(PR_CAPBSET_DROP, CAP_CHOWN), 0);
	CHECK_EQ(prctl(PR_CAPBSET_DROP, CAP_FOWNER), 0);
}

/* Root starts anew at each execve: all that the bounding and inheritable sets leave. */
TEST(execve_by_root)
{
	struct self self = self_after_exec(nothing);

	CHECK_EQ(self.caps.permitted, all);
	CHECK_EQ(self.caps.effective, all);
	self = self_after_exec(drop_some);
	CHECK_EQ(self.caps.permitted, all & ~CAP(CHOWN));
	CHECK_EQ(self.caps.effective, all & ~CAP(CHOWN));
	CHECK_EQ(self.bounding, all & ~CAP(CHOWN) & ((2ull << CAP_LAST_CAP) - 1));
	self = self_after_exec(inherit_beyond_the_bounding);
	CHECK_EQ(self.caps.permitted, all & ~CAP(FOWNER));
	CHECK_EQ(self.caps.inheritable, SOME);
}

static void leave_root_with_all(void)
{
	CHECK_EQ(set_caps(all, all, all), 0);
	CHECK_EQ(prctl(PR_SET_KEEPCAPS, 1), 0);
	CHECK_EQ(set_uids(ALICE, ALICE, ALICE), 0);
	CHECK_EQ(set_caps(all, all, all), 0);
	CHECK_EQ(prctl(PR_GET_KEEPCAPS), 1);
}

static void leave_root_with_ambient(void)
{
	leave_root_with_all();
	CHECK_EQ(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0), 0);
	CHECK_EQ(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0), 0);
}

/* Others keep the ambient ones alone, and KEEP_CAPS not at all. */
USERS_TEST(execve_by_others)
{
	struct self self = self_after_exec(leave_root_with_all);

	CHECK_EQ(self.caps.permitted, 0);
	CHECK_EQ(self.caps.effective, 0);
	CHECK_EQ(self.caps.inheritable, all);
	CHECK_EQ(self.securebits, 0);
	CHECK_EQ(self.at_secure, 0);
	CHECK_EQ(self.dumpable, 1);
	self = self_after_exec(leave_root_with_ambient);
	CHECK_EQ(self.caps.permitted, CAP(KILL) | CAP(CHOWN));
	CHECK_EQ(self.caps.effective, CAP(KILL) | CAP(CHOWN));
	CHECK_EQ(self.ambient, CAP(KILL) | CAP(CHOWN));
	CHECK_EQ(self.at_secure, 0);
}

static void root_in_effect(void)
{
	CHECK_EQ(set_uids(ALICE, 0, ALICE), 0);
}

static void root_in_reality(void)
{
	CHECK_EQ(set_uids(0, ALICE, ALICE), 0);
}

USERS_TEST(execve_by_half_a_root)
{
	struct self self = self_after_exec(root_in_effect);

	CHECK(self.uid == ALICE && self.euid == 0 && self.suid == 0);
	CHECK_EQ(self.caps.permitted, all);
	CHECK_EQ(self.caps.effective, all);
	CHECK_EQ(self.at_secure, 1);
	CHECK_EQ(self.dumpable, 0);
	self = self_after_exec(root_in_reality);
	CHECK(self.uid == 0 && self.euid == ALICE && self.suid == ALICE);
	CHECK_EQ(self.caps.permitted, all);
	CHECK_EQ(self.caps.effective, 0);
	CHECK_EQ(self.at_secure, 1);
	CHECK_EQ(self.dumpable, 0);
}

static void no_root(void)
{
	CHECK_EQ(prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_KEEP_CAPS), 0);
}

static void no_root_but_ambient(void)
{
	no_root();
	CHECK_EQ(set_caps(all, all, CAP(KILL)), 0);
	CHECK_EQ(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0), 0);
}

TEST(execve_without_a_root)
{
	struct self self = self_after_exec(no_root);

	CHECK_EQ(self.caps.permitted, 0);
	CHECK_EQ(self.caps.effective, 0);
	CHECK_EQ(self.securebits, SECBIT_NOROOT);
	self = self_after_exec(no_root_but_ambient);
	CHECK_EQ(self.caps.permitted, CAP(KILL));
	CHECK_EQ(self.caps.effective, CAP(KILL));
}

static void no_new_but_root(void)
{
	CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	CHECK_EQ(set_caps(SOME, 0, 0), 0);
}

/* Even root gets no more than it had. */
TEST(execve_with_no_new_privileges)
{
	struct self self = self_after_exec(no_new_but_root);

	CHECK_EQ(self.caps.permitted, SOME);
	CHECK_EQ(self.caps.effective, SOME);
	CHECK_EQ(self.no_new_privs, 1);
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "show"))
		return show_self(argv[2]);
	char last[16];
	if (read_text("/proc/sys/kernel/cap_last_cap", last, sizeof(last)) > 0)
		all = (2ull << atoi(last)) - 1;
	return ktap_main(argc, argv);
}
