/*
 * Every allocation of a call that changes credentials fails once (failnth.h). What fails has
 * changed nothing: ids, groups and capabilities are what they were.
 */
#include "failnth.h"
#include "users.h"

static struct self before;

/* What may fail changes nothing then. */
static long checked(long result)
{
	int error = errno;

	if (result < 0) {
		struct self after = look_at_self();
		CHECK(memcmp(&before, &after, sizeof(after)) == 0);
	}
	errno = error;
	return result;
}

static void look(void)
{
	before = look_at_self();
}

static void restore(long result)
{
	(void)result;
	CHECK_EQ(set_uids(0, 0, 0), 0);
	CHECK_EQ(set_gids(0, 0, 0), 0);
	CHECK_EQ(set_groups(0, NULL), 0);
	CHECK_EQ(set_caps(~0ull, ~0ull, 0), 0);
	CHECK_EQ(prctl(PR_SET_KEEPCAPS, 0), 0);
}

static long set_three_groups(void)
{
	static const gid_t list[] = { 30, 10, 20 };

	return checked(set_groups(3, list));
}

static long drop_groups(void)
{
	return checked(set_groups(0, NULL));
}

static long change_gid(void)
{
	return checked(set_gids(ALICE, ALICE, 0));
}

static long change_uid(void)
{
	return checked(set_uids(BOB, ALICE, 0));
}

static long change_fsuid(void)
{
	/* there are no errors to tell: it returns what was */
	syscall(SYS_setfsuid, ALICE);
	errno = ENOMEM;
	return syscall(SYS_setfsuid, -1) == ALICE ? 0 : checked(-1);
}

static long set_capabilities(void)
{
	return checked(set_caps(~0ull, ~0ull, CAP(KILL)));
}

static void prepare_ambient(void)
{
	CHECK_EQ(set_caps(~0ull, ~0ull, CAP(KILL)), 0);
	look();
}

static long raise_ambient(void)
{
	return checked(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0));
}

static long keep_capabilities(void)
{
	return checked(prctl(PR_SET_KEEPCAPS, 1));
}

static long drop_of_bounding(void)
{
	return checked(prctl(PR_CAPBSET_DROP, CAP_SYS_BOOT));
}

static void prepare_other_user(void)
{
	CHECK_EQ(set_uids(BOB, 0, 0), 0);
	look();
}

static long ask_for_the_real_user(void)
{
	return checked(access("/", X_OK));
}

static long become_root_again(void)
{
	return checked(set_uids(0, 0, 0));
}

TEST(changes)
{
	static const struct call calls[] = {
		{ "setgroups", look, set_three_groups, restore, { ENOMEM }, 2 },
		{ "setgroups of none", look, drop_groups, restore, { ENOMEM }, 1 },
		{ "setresgid", look, change_gid, restore, { ENOMEM, EAGAIN }, 1 },
		{ "setresuid", look, change_uid, restore, { ENOMEM, EAGAIN }, 1 },
		{ "setfsuid", look, change_fsuid, restore, { ENOMEM }, 1 },
		{ "capset", look, set_capabilities, restore, { ENOMEM }, 1 },
		{ "an ambient capability", prepare_ambient, raise_ambient, restore, { ENOMEM }, 1 },
		{ "keepcaps", look, keep_capabilities, restore, { ENOMEM }, 1 },
		{ "PR_CAPBSET_DROP", look, drop_of_bounding, restore, { ENOMEM }, 1 },
		{ "access", prepare_other_user, ask_for_the_real_user, restore, { ENOMEM }, 1 },
		{ "back", prepare_other_user, become_root_again, restore, { ENOMEM, EAGAIN }, 1 },
	};

	WALK(calls);
}

/* ---- execve of a set-user-ID program --------------------------------------------------------- */

enum { UNTOLD = 30 }; /* in a row, at most, that execve can do without */

static const char *suid_program;

/* In a child of vfork: where its execve fails its status is the errno. Where the new program finds
 * no memory for its own start, it is killed. */
static int execute_nth(unsigned nth)
{
	char *argv[] = { (char *)suid_program, "--who", NULL };
	int status, own_fd = nth_fd;
	pid_t pid = vfork();

	if (pid == 0) {
		close(nth_fd);
		open_nth();
		arm(nth);
		execve(argv[0], argv, environ);
		_exit(errno);
	}
	nth_fd = own_fd;
	CHECK(pid > 0);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : ENOMEM;
}

TEST(execve_of_a_set_user_id_program)
{
	unsigned told = 0, last = 0;

	need_nth();
	suid_program = program_copy("suid", BOB, BOB, 04755);
	/* the new program, which is another's, may not look whether there was so many */
	for (unsigned nth = 1; nth < last + UNTOLD; nth++) {
		CONTEXT("allocation %u", nth);
		CHECK(nth < ENOUGH);
		int status = execute_nth(nth);
		if (status == ENOMEM) {
			last = nth;
			told++;
		} else {
			CHECK_EQ(status, 0);
		}
		check_audit();
	}
	CHECK(told >= 20);
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--who") == 0)
		return geteuid() != BOB || getuid() != 0;
	return ktap_main(argc, argv);
}
