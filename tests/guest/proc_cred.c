/*
 * User and group ids and supplementary groups: who may change which to what, what else changes with
 * it, and that a child has them of its own. Users and groups go by the same rules, so most tests
 * are made with both. Sources: credentials(7), setuid(2), setreuid(2), setresuid(2), setfsuid(2),
 * getgroups(2), proc(5).
 */
#include "users.h"
#include <linux/limits.h>
#include <sys/mman.h>

#define SAME ((uint32_t)-1)

static const struct kind {
	const char *name;
	long set, set_re, set_res, get_res, set_fs;
	bool users;
} kinds[] = {
	{ "uid", SYS_setuid, SYS_setreuid, SYS_setresuid, SYS_getresuid, SYS_setfsuid, true },
	{ "gid", SYS_setgid, SYS_setregid, SYS_setresgid, SYS_getresgid, SYS_setfsgid, false },
};

struct ids {
	uint32_t real, effective, saved, fs;
};

static struct ids get_ids(const struct kind *kind)
{
	struct ids ids;

	CHECK_EQ(syscall(kind->get_res, &ids.real, &ids.effective, &ids.saved), 0);
	ids.fs = (uint32_t)syscall(kind->set_fs, SAME);
	return ids;
}

static void check_ids(const struct kind *kind, const struct ids *wanted)
{
	struct ids ids = get_ids(kind);

	CHECK_EQ(ids.real, wanted->real);
	CHECK_EQ(ids.effective, wanted->effective);
	CHECK_EQ(ids.saved, wanted->saved);
	CHECK_EQ(ids.fs, wanted->fs);
}

enum call { SET, SET_RE, SET_RES, SET_FS };

/* One call, by a process whose real, effective and saved ids are A, B and C, or that is root but
 * for its real and saved id. */
struct row {
	enum call call;
	uint32_t arguments[3];
	int error;
	struct ids after;
};

#define A ALICE
#define B BOB
#define C CAROL
#define X DAVE
#define UNCHANGED                                                                                  \
	{                                                                                          \
		A, B, C, B                                                                         \
	}

static const struct row without_privilege[] = {
	{ SET, { A }, 0, { A, A, C, A } },
	{ SET, { C }, 0, { A, C, C, C } },
	{ SET, { B }, EPERM, UNCHANGED }, /* being so effectively is not enough */
	{ SET, { X }, EPERM, UNCHANGED },
	{ SET, { 0 }, EPERM, UNCHANGED },
	{ SET, { SAME }, EINVAL, UNCHANGED },

	{ SET_RE, { SAME, SAME }, 0, UNCHANGED },
	{ SET_RE, { A, SAME }, 0, { A, B, B, B } },
	{ SET_RE, { B, SAME }, 0, { B, B, B, B } },
	{ SET_RE, { C, SAME }, EPERM, UNCHANGED },
	{ SET_RE, { X, SAME }, EPERM, UNCHANGED },
	{ SET_RE, { SAME, A }, 0, { A, A, C, A } },
	{ SET_RE, { SAME, B }, 0, { A, B, B, B } },
	{ SET_RE, { SAME, C }, 0, { A, C, C, C } },
	{ SET_RE, { SAME, X }, EPERM, UNCHANGED },
	{ SET_RE, { B, A }, 0, { B, A, A, A } },
	{ SET_RE, { A, X }, EPERM, UNCHANGED },
	{ SET_RE, { A, 0 }, EPERM, UNCHANGED },

	{ SET_RES, { SAME, SAME, SAME }, 0, UNCHANGED },
	{ SET_RES, { B, C, A }, 0, { B, C, A, C } },
	{ SET_RES, { C, C, C }, 0, { C, C, C, C } },
	{ SET_RES, { SAME, A, SAME }, 0, { A, A, C, A } },
	{ SET_RES, { SAME, SAME, A }, 0, { A, B, A, B } },
	{ SET_RES, { X, SAME, SAME }, EPERM, UNCHANGED },
	{ SET_RES, { SAME, X, SAME }, EPERM, UNCHANGED },
	{ SET_RES, { SAME, SAME, X }, EPERM, UNCHANGED },
	{ SET_RES, { A, A, 0 }, EPERM, UNCHANGED },

	{ SET_FS, { A }, 0, { A, B, C, A } },
	{ SET_FS, { B }, 0, { A, B, C, B } },
	{ SET_FS, { C }, 0, { A, B, C, C } },
	{ SET_FS, { X }, 0, UNCHANGED },
	{ SET_FS, { 0 }, 0, UNCHANGED },
	{ SET_FS, { SAME }, 0, UNCHANGED },
};

static const struct row with_privilege[] = {
	{ SET, { X }, 0, { X, X, X, X } },
	{ SET, { 0 }, 0, { 0, 0, 0, 0 } },
	{ SET, { SAME }, EINVAL, { A, 0, C, 0 } },
	{ SET_RE, { X, B }, 0, { X, B, B, B } },
	{ SET_RE, { SAME, X }, 0, { A, X, X, X } },
	{ SET_RE, { X, SAME }, 0, { X, 0, 0, 0 } },
	{ SET_RE, { SAME, A }, 0, { A, A, C, A } },
	{ SET_RES, { X, B, 65535 }, 0, { X, B, 65535, B } },
	{ SET_RES, { SAME, X, SAME }, 0, { A, X, C, X } },
	{ SET_FS, { X }, 0, { A, 0, C, X } },
};

static void make_call(const struct kind *kind, const struct row *row)
{
	const uint32_t *argument = row->arguments;
	const long numbers[] = { kind->set, kind->set_re, kind->set_res, kind->set_fs };
	uint32_t fs_before = get_ids(kind).fs;

	if (row->error)
		CHECK_ERRNO(syscall(numbers[row->call], argument[0], argument[1], argument[2]),
			    row->error);
	else
		CHECK_EQ(syscall(numbers[row->call], argument[0], argument[1], argument[2]),
			 row->call == SET_FS ? fs_before : 0);
	check_ids(kind, &row->after);
}

static void check_rows(const struct row *rows, size_t count, bool privileged)
{
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
		for (size_t i = 0; i < count; i++) {
			const struct kind *kind = &kinds[k];

			CONTEXT("%s, row %zu", kind->name, i);
			IN_CHILD(CHECK_EQ(syscall(kind->set_res, A, privileged ? 0 : B, C), 0);
				 if (!privileged && !kind->users) CHECK_EQ(set_uids(X, X, X), 0);
				 make_call(kind, &rows[i]););
		}
}

USERS_TEST(every_change_without_privilege)
{
	check_rows(without_privilege, ARRAY_SIZE(without_privilege), false);
}

USERS_TEST(every_change_with_privilege)
{
	check_rows(with_privilege, ARRAY_SIZE(with_privilege), true);
}

USERS_TEST(a_saved_id_leads_back)
{
	static const struct ids away = { A, A, 0, A }, back = { A, 0, 0, 0 };

	CHECK_EQ(set_uids(A, A, 0), 0);
	check_ids(&kinds[0], &away);
	CHECK_ERRNO(set_uids(B, SAME, SAME), EPERM);
	CHECK_EQ(syscall(SYS_setreuid, SAME, 0), 0);
	check_ids(&kinds[0], &back);
	CHECK_EQ(set_uids(B, SAME, SAME), 0);
}

USERS_TEST(group_zero_has_no_privilege)
{
	CHECK_EQ(set_groups(0, NULL), 0);
	CHECK_EQ(set_uids(A, A, A), 0);
	CHECK_EQ(getegid(), 0);
	CHECK_ERRNO(set_gids(A, SAME, SAME), EPERM);
	CHECK_ERRNO(syscall(SYS_setgid, A), EPERM);
	CHECK_EQ(syscall(SYS_setfsgid, A), 0);
	CHECK_EQ(syscall(SYS_setfsgid, SAME), 0);
}

/* CAP_SETUID is for user ids alone, and CAP_SETGID for groups. */
USERS_TEST(each_capability_for_its_own_kind)
{
	IN_CHILD(become_with(A, A, CAP(SETUID)); CHECK_ERRNO(set_gids(B, B, B), EPERM);
		 CHECK_ERRNO(set_groups(0, NULL), EPERM); CHECK_EQ(set_uids(B, B, B), 0););
	IN_CHILD(become_with(A, A, CAP(SETGID)); CHECK_ERRNO(set_uids(B, B, B), EPERM);
		 CHECK_EQ(set_gids(B, B, B), 0); CHECK_EQ(set_groups(1, (gid_t[]){ C }), 0););
}

/* A call that asks for nothing does not even touch the file system id. */
USERS_TEST(file_system_ids_follow_the_effective)
{
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		const struct kind *kind = &kinds[k];

		CONTEXT("%s", kind->name);
		IN_CHILD(CHECK_EQ(syscall(kind->set_fs, A), 0); CHECK_EQ(get_ids(kind).fs, A);
			 CHECK_EQ(syscall(kind->set_res, SAME, SAME, B), 0);
			 CHECK_EQ(get_ids(kind).fs, 0); CHECK_EQ(syscall(kind->set_fs, A), 0);
			 CHECK_EQ(syscall(kind->set_res, SAME, 0, SAME), 0);
			 CHECK_EQ(get_ids(kind).fs, 0););
	}
}

TEST(bad_pointers)
{
	uint32_t id;

	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		CHECK_ERRNO(syscall(kinds[k].get_res, NULL, &id, &id), EFAULT);
		CHECK_ERRNO(syscall(kinds[k].get_res, &id, BAD_POINTER, &id), EFAULT);
		CHECK_ERRNO(syscall(kinds[k].get_res, &id, &id, KERNEL_ADDRESS), EFAULT);
	}
}

USERS_TEST(a_child_has_its_own)
{
	static const struct ids parents = { A, 0, C, 0 };

	CHECK_EQ(set_uids(A, 0, C), 0);
	IN_CHILD(check_ids(&kinds[0], &parents); CHECK_EQ(set_uids(B, B, B), 0);
		 CHECK_EQ(getuid(), B););
	check_ids(&kinds[0], &parents);
	pid_t child = FORK();
	if (child == 0)
		block_forever();
	CHECK_EQ(set_uids(C, 0, C), 0);
	char line[64];
	status_line(child, "Uid", line, sizeof(line));
	CHECK_STR(line, "1000\t0\t1002\t0");
	status_line(getpid(), "Uid", line, sizeof(line));
	CHECK_STR(line, "1002\t0\t1002\t0");
	CHECK_EQ(kill(child, SIGKILL), 0);
	CHECK_SIGNAL(child, SIGKILL);
}

/* vfork's child shares memory, but not these. */
USERS_TEST(a_vfork_child_has_its_own)
{
	pid_t child = vfork();

	if (child == 0)
		_exit(set_uids(B, B, B) || getuid() != B);
	CHECK_EXIT(child, 0);
	CHECK_EQ(getuid(), 0);
}

/* As the program of the test below: the ids that execve left. */
static int after_exec(void)
{
	static const struct ids users = { A, B, B, B }, groups = { C, B, B, B };
	gid_t list[3];

	check_ids(&kinds[0], &users);
	check_ids(&kinds[1], &groups);
	CHECK_EQ(getgroups(3, list), 2);
	CHECK(list[0] == A && list[1] == B);
	return 0;
}

USERS_TEST(execve_makes_the_effective_the_saved)
{
	char *argv[] = { "proc_cred", "after", NULL };
	pid_t pid = FORK();

	if (pid == 0) {
		CHECK_EQ(set_groups(2, (gid_t[]){ B, A }), 0);
		CHECK_EQ(set_gids(C, B, X), 0);
		CHECK_EQ(set_uids(A, B, X), 0);
		execve(own_path, argv, environ);
		_exit(1);
	}
	CHECK_EXIT(pid, 0);
}

/* A zombie is still its user's. */
USERS_TEST(status_of_a_zombie)
{
	char line[64];
	pid_t pid = FORK();

	if (pid == 0) {
		CHECK_EQ(set_groups(1, (gid_t[]){ C }), 0);
		CHECK_EQ(set_gids(A, B, C), 0);
		CHECK_EQ(set_uids(A, B, C), 0);
		_exit(0);
	}
	await_zombie(pid);
	status_line(pid, "Uid", line, sizeof(line));
	CHECK_STR(line, "1000\t1001\t1002\t1001");
	status_line(pid, "Gid", line, sizeof(line));
	CHECK_STR(line, "1000\t1001\t1002\t1001");
	CHECK_EXIT(pid, 0);
}

/* ---- supplementary groups -------------------------------------------------------------------- */

USERS_TEST(groups_come_back_sorted)
{
	static const gid_t given[] = { 5, 65535, 0, 7, 5, 1 }, sorted[] = { 0, 1, 5, 5, 7, 65535 };
	gid_t list[8];
	char line[64];

	CHECK_EQ(set_groups(6, given), 0);
	CHECK_EQ(getgroups(0, NULL), 6);
	CHECK_EQ(getgroups(8, list), 6);
	CHECK(!memcmp(list, sorted, sizeof(sorted)));
	CHECK_EQ(getgroups(6, list), 6);
	status_line(getpid(), "Groups", line, sizeof(line));
	CHECK_STR(line, "0 1 5 5 7 65535 ");
	CHECK_EQ(set_groups(0, NULL), 0);
	CHECK_EQ(getgroups(8, list), 0);
	status_line(getpid(), "Groups", line, sizeof(line));
	CHECK_STR(line, "");
}

USERS_TEST(group_list_errors)
{
	gid_t list[] = { 1, 2, 3 }, bad[] = { 1, SAME };

	CHECK_EQ(set_groups(3, list), 0);
	CHECK_ERRNO(getgroups(2, list), EINVAL);
	CHECK_ERRNO(getgroups(-1, list), EINVAL);
	CHECK_ERRNO(getgroups(INT_MIN, NULL), EINVAL);
	CHECK_ERRNO(syscall(SYS_getgroups, 3, BAD_POINTER), EFAULT);
	CHECK_ERRNO(syscall(SYS_getgroups, 3, KERNEL_ADDRESS), EFAULT);
	CHECK_ERRNO(set_groups(-1, list), EINVAL);
	CHECK_ERRNO(set_groups(NGROUPS_MAX + 1, list), EINVAL);
	CHECK_ERRNO(set_groups(2, bad), EINVAL);
	CHECK_ERRNO(set_groups(2, BAD_POINTER), EFAULT);
	CHECK_ERRNO(set_groups(1, KERNEL_ADDRESS), EFAULT);
	CHECK_EQ(getgroups(0, NULL), 3); /* nothing has changed */
	CHECK_EQ(set_uids(A, A, A), 0);
	CHECK_ERRNO(set_groups(0, NULL), EPERM);
	CHECK_ERRNO(set_groups(-1, NULL), EPERM);
	CHECK_ERRNO(set_groups(3, list), EPERM);
}

/* As many as there may be, upside down, and of a child too; the limit is told by /proc. */
USERS_TEST(all_groups_at_once)
{
	gid_t *list = malloc(NGROUPS_MAX * sizeof(*list));
	char limit[16];

	CHECK(read_text("/proc/sys/kernel/ngroups_max", limit, sizeof(limit)) > 0);
	CHECK_EQ(atoi(limit), NGROUPS_MAX);
	CHECK(list != NULL);
	for (gid_t i = 0; i < NGROUPS_MAX; i++)
		list[i] = NGROUPS_MAX - 1 - i;
	CHECK_EQ(set_groups(NGROUPS_MAX, list), 0);
	CHECK_ERRNO(getgroups(NGROUPS_MAX - 1, list), EINVAL);
	IN_CHILD(CHECK_EQ(getgroups(NGROUPS_MAX, list), NGROUPS_MAX);
		 for (gid_t i = 0; i < NGROUPS_MAX; i++) CHECK_EQ(list[i], i);
		 CHECK_EQ(set_groups(1, list), 0););
	CHECK_EQ(getgroups(0, NULL), NGROUPS_MAX);
	free(list);
}

/* ---- many at once ---------------------------------------------------------------------------- */

/* One of a crowd: changes all it can, with children that share what it has and outlive it. */
static void change_all(unsigned seed)
{
	gid_t list[32];

	for (int i = 0; i < 20; i++) {
		int count = (int)(seed + (unsigned)i * 7) % 32;

		for (int g = 0; g < count; g++)
			list[g] = (gid_t)(seed * 31 + (unsigned)g * 17) % 100;
		CHECK_EQ(set_groups(count, list), 0);
		CHECK_EQ(set_uids(ALICE + (seed + (unsigned)i) % 5, 0, 0), 0);
		if (i % 5 == 0 && FORK() == 0)
			_exit(getgroups(0, NULL) != count);
		CHECK_EQ(prctl(PR_SET_KEEPCAPS, i % 2), 0);
	}
	for (int status; wait(&status) > 0;)
		CHECK_EQ(status, 0);
	become(ALICE + seed % 5, CAROL);
}

/* Each change and each death counts users and lists up and down; the audit counts them again. */
USERS_TEST(a_crowd)
{
	enum { CROWD = 60 };
	int status;

	for (unsigned i = 0; i < CROWD; i++)
		if (FORK() == 0) {
			change_all(i);
			_exit(0);
		}
	for (int i = 0; i < CROWD; i++) {
		CHECK(wait(&status) > 0);
		CHECK_EQ(status, 0);
	}
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "after"))
		return after_exec();
	return ktap_main(argc, argv);
}
