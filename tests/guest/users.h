/*
 * What the tests about credentials share: other users to become, and the system calls themselves
 * (a libc's setuid is a loop over threads). Where the system has no other users, as in a user
 * namespace that maps root alone, these tests are skipped.
 */
#ifndef USERS_H
#define USERS_H

#include "proc.h"
#include <linux/capability.h>
#include <linux/securebits.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

enum { ALICE = 1000, BOB = 1001, CAROL = 1002, DAVE = 1003 }; /* nobody in particular */

/* Sets of capabilities: bit N is capability N. */
#define CAP(name) (1ull << CAP_##name)

struct caps {
	uint64_t permitted, effective, inheritable;
};

static inline int set_uids(uid_t real, uid_t effective, uid_t saved)
{
	return (int)syscall(SYS_setresuid, real, effective, saved);
}

static inline int set_gids(gid_t real, gid_t effective, gid_t saved)
{
	return (int)syscall(SYS_setresgid, real, effective, saved);
}

static inline int set_groups(int size, const gid_t *list)
{
	return (int)syscall(SYS_setgroups, size, list);
}

/* Becomes a user and a group for good, with no supplementary groups. */
static inline void become(uid_t uid, gid_t gid)
{
	CHECK_EQ(set_groups(0, NULL), 0);
	CHECK_EQ(set_gids(gid, gid, gid), 0);
	CHECK_EQ(set_uids(uid, uid, uid), 0);
}

static inline void need_users(void)
{
	pid_t pid = FORK();

	if (pid == 0)
		_exit(set_gids(65534, 65534, 65534) || set_uids(65534, 65534, 65534));
	int status;
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	if (status)
		SKIP("there is no other user here");
}

/* Is root here the machine's? In a user namespace it is not, and may not what concerns all. */
static inline bool is_real_root(void)
{
	char map[128];

	return read_text("/proc/self/uid_map", map, sizeof(map)) <= 0 || strstr(map, "4294967295");
}

/* A test that becomes other users. */
#define USERS_TEST(name)                                                                           \
	static void as_users_##name(void);                                                         \
	TEST(name)                                                                                 \
	{                                                                                          \
		need_users();                                                                      \
		as_users_##name();                                                                 \
	}                                                                                          \
	static void as_users_##name(void)

/* Runs the statements in a child, which must come to their end. */
#define IN_CHILD(...)                                                                              \
	do {                                                                                       \
		pid_t child_ = FORK();                                                             \
		if (child_ == 0) {                                                                 \
			__VA_ARGS__                                                                \
			_exit(0);                                                                  \
		}                                                                                  \
		CHECK_EXIT(child_, 0);                                                             \
	} while (0)

static inline struct caps get_caps(pid_t pid)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, pid };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	CHECK_EQ(syscall(SYS_capget, &header, data), 0);
	return (struct caps){
		.permitted = data[0].permitted | (uint64_t)data[1].permitted << 32,
		.effective = data[0].effective | (uint64_t)data[1].effective << 32,
		.inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32,
	};
}

static inline int set_caps(uint64_t permitted, uint64_t effective, uint64_t inheritable)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
		{ (uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable },
		{ (uint32_t)(effective >> 32), (uint32_t)(permitted >> 32),
		  (uint32_t)(inheritable >> 32) },
	};

	return (int)syscall(SYS_capset, &header, data);
}

/* Becomes a user with these capabilities, permitted and effective. */
static inline void become_with(uid_t uid, gid_t gid, uint64_t caps)
{
	CHECK_EQ(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0), 0);
	become(uid, gid);
	CHECK_EQ(set_caps(caps, caps, 0), 0);
}

/* ---- what a program finds itself to be ------------------------------------------------------- */

struct self {
	uid_t uid, euid, suid, fsuid;
	gid_t gid, egid, sgid, fsgid;
	struct caps caps;
	uint64_t ambient, bounding;
	int securebits, dumpable, no_new_privs, pdeath_signal, groups;
	unsigned long at_uid, at_euid, at_gid, at_egid, at_secure;
};

static inline uint64_t set_by_prctl(int option, unsigned long first)
{
	uint64_t set = 0;

	for (unsigned long cap = 0; cap <= CAP_LAST_CAP; cap++) {
		int raised = option == PR_CAP_AMBIENT ? prctl(option, first, cap, 0, 0)
						      : prctl(option, cap, 0, 0, 0);
		CHECK(raised >= 0);
		set |= (uint64_t)raised << cap;
	}
	return set;
}

static inline struct self look_at_self(void)
{
	struct self self = {
		.fsuid = (uid_t)syscall(SYS_setfsuid, -1),
		.fsgid = (gid_t)syscall(SYS_setfsgid, -1),
		.caps = get_caps(0),
		.ambient = set_by_prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET),
		.bounding = set_by_prctl(PR_CAPBSET_READ, 0),
		.securebits = prctl(PR_GET_SECUREBITS),
		.dumpable = prctl(PR_GET_DUMPABLE),
		.no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0),
		.groups = getgroups(0, NULL),
		.at_uid = getauxval(AT_UID),
		.at_euid = getauxval(AT_EUID),
		.at_gid = getauxval(AT_GID),
		.at_egid = getauxval(AT_EGID),
		.at_secure = getauxval(AT_SECURE),
	};

	CHECK_EQ(prctl(PR_GET_PDEATHSIG, &self.pdeath_signal), 0);
	CHECK_EQ(getresuid(&self.uid, &self.euid, &self.suid), 0);
	CHECK_EQ(getresgid(&self.gid, &self.egid, &self.sgid), 0);
	return self;
}

/* A program started as `NAME show FD` writes its struct self there. */
static inline int show_self(const char *fd)
{
	struct self self = look_at_self();

	return write(atoi(fd), &self, sizeof(self)) != sizeof(self);
}

/* A copy of this program with an owner, a group and a mode. */
static inline const char *program_copy(const char *name, uid_t uid, gid_t gid, mode_t mode)
{
	const char *path = temporary_path(name);
	struct stat st;

	int from = open(own_path, O_RDONLY), to = open(path, O_WRONLY | O_CREAT | O_EXCL, 0700);
	CHECK(from >= 0 && to >= 0);
	CHECK_EQ(fstat(from, &st), 0);
	void *text = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, from, 0);
	CHECK(text != MAP_FAILED);
	CHECK_EQ(write(to, text, (size_t)st.st_size), st.st_size);
	CHECK_EQ(munmap(text, (size_t)st.st_size), 0);
	CHECK_EQ(fchown(to, uid, gid), 0);
	CHECK_EQ(fchmod(to, mode), 0);
	CHECK_EQ(close(from) + close(to), 0);
	return path;
}

/* Executes a copy of this program, or a script that ends in one, which shows itself to fd. */
__attribute__((noreturn)) static inline void exec_shown(const char *path, int fd)
{
	char number[16], *argv[] = { (char *)path, "show", number, NULL };

	snprintf(number, sizeof(number), "%d", fd);
	execve(path, argv, environ);
	FAIL("execve(%s) fails with errno %d: %s", path, errno, strerror(errno));
}

/* What the program at path finds itself to be, executed after the statements. */
#define SELF_AFTER(path, ...)                                                                      \
	({                                                                                         \
		struct gate gate_ = gate_new();                                                    \
		struct self self_;                                                                 \
		pid_t shown_ = FORK();                                                             \
		if (shown_ == 0) {                                                                 \
			__VA_ARGS__;                                                               \
			exec_shown(path, gate_.in);                                                \
		}                                                                                  \
		CHECK_EXIT(shown_, 0);                                                             \
		CHECK_EQ(read(gate_.out, &self_, sizeof(self_)), sizeof(self_));                   \
		gate_free(gate_);                                                                  \
		self_;                                                                             \
	})

#endif
