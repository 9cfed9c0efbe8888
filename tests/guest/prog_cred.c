/*
 * Every change of credentials, over and over, for a kernel that is told to let one allocation fail:
 *
 *	prog_cred ROUNDS
 *
 * Each call must do what it is asked to, or fail for want of memory and have changed nothing.
 * Prints "failed: CALL ERRNO" for each that failed, or what is wrong.
 */
#include "users.h"
#include <sys/stat.h>

static const gid_t list[] = { 30, 10, 20 };

static int drop_groups(void)
{
	return set_groups(0, NULL);
}

static int set_three_groups(void)
{
	return set_groups(3, list);
}

static int change_gid(void)
{
	return set_gids(ALICE, ALICE, 0);
}

static int restore_gid(void)
{
	return set_gids(0, 0, 0);
}

static int change_uid(void)
{
	return set_uids(BOB, ALICE, 0);
}

static int ask_for_the_real_user(void)
{
	return access("/bin", X_OK);
}

static int restore_uid(void)
{
	return set_uids(0, 0, 0);
}

static int set_capabilities(void)
{
	return set_caps(~0ull, ~0ull, CAP(KILL));
}

static int raise_ambient(void)
{
	return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0);
}

static int keep_capabilities(void)
{
	return prctl(PR_SET_KEEPCAPS, 0);
}

/* Where the child's execve fails its status is the errno. Where its program finds no page for
 * itself it is killed. */
static int execute(void)
{
	static char *argv[] = { "/suid", NULL };
	pid_t pid = vfork();
	int status;

	if (pid == 0) {
		execve(argv[0], argv, environ);
		_exit(errno);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	errno = WIFEXITED(status) ? WEXITSTATUS(status) : ENOMEM;
	return errno ? -1 : 0;
}

static const struct {
	const char *name;
	int (*make)(void);
	int (*undo)(void); /* what must be done if it has failed, for the next to be possible */
} calls[] = {
	{ "setgroups", set_three_groups, NULL },
	{ "setresgid", change_gid, NULL },
	{ "capset", set_capabilities, NULL },
	{ "ambient", raise_ambient, set_capabilities },
	{ "keepcaps", keep_capabilities, NULL },
	{ "setresuid", change_uid, NULL },
	{ "access", ask_for_the_real_user, NULL },
	{ "back", restore_uid, restore_uid },
	{ "regain", restore_gid, NULL },
	{ "nogroups", drop_groups, NULL },
	{ "execve", execute, NULL },
};

static bool is_same(const struct self *a, const struct self *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static void look(struct self *self)
{
	memset(self, 0, sizeof(*self));
	self->caps = get_caps(0);
	CHECK_EQ(getresuid(&self->uid, &self->euid, &self->suid), 0);
	CHECK_EQ(getresgid(&self->gid, &self->egid, &self->sgid), 0);
	self->fsuid = (uid_t)syscall(SYS_setfsuid, -1);
	self->groups = getgroups(0, NULL);
}

int main(int argc, char **argv)
{
	struct self before, after;

	if (argc < 2)
		return 0;
	CHECK_EQ(chown("/suid", BOB, BOB), 0);
	CHECK_EQ(chmod("/suid", 04755), 0);
	for (int round = 0; round < atoi(argv[1]); round++)
		for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
			look(&before);
			if (calls[i].make() == 0)
				continue;
			int error = errno;
			look(&after);
			printf("failed: %s %d\n", calls[i].name, error);
			if ((error != ENOMEM && error != EAGAIN) || !is_same(&before, &after))
				printf("wrong: %s\n", calls[i].name);
			if (calls[i].undo && calls[i].undo())
				printf("wrong: undo of %s\n", calls[i].name);
		}
	return 0;
}
