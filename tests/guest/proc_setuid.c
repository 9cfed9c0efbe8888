/*
 * Programs that act as their owner: what the set-user-ID and set-group-ID bits do at execve, who is
 * told (the auxiliary vector, AT_SECURE), who may look into such a process (dumpable, /proc), and
 * what takes the bits' power away. Sources: execve(2), credentials(7), capabilities(7), prctl(2),
 * getauxval(3), proc(5), mount(2).
 */
#include "users.h"
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>

static uint64_t all;

static struct self run_as(const char *path, uid_t uid, gid_t gid)
{
	return SELF_AFTER(path, become(uid, gid));
}

/* ---- the bits -------------------------------------------------------------------------------- */

USERS_TEST(set_user_id)
{
	const char *path = program_copy("suid", BOB, 0, 04755);
	struct self self = run_as(path, ALICE, CAROL);

	CHECK(self.uid == ALICE && self.euid == BOB && self.suid == BOB && self.fsuid == BOB);
	CHECK(self.gid == CAROL && self.egid == CAROL && self.sgid == CAROL);
	CHECK_EQ(self.caps.permitted | self.caps.effective, 0);
	CHECK(self.at_uid == ALICE && self.at_euid == BOB);
	CHECK(self.at_gid == CAROL && self.at_egid == CAROL);
	CHECK_EQ(self.at_secure, 1);
	CHECK_EQ(self.dumpable, 0);
	self = run_as(path, BOB, CAROL); /* it is his own: nothing happens */
	CHECK(self.uid == BOB && self.euid == BOB);
	CHECK_EQ(self.at_secure, 0);
	CHECK_EQ(self.dumpable, 1);
	CHECK_EQ(unlink(path), 0);
}

USERS_TEST(set_user_id_of_root)
{
	const char *path = program_copy("root", 0, 0, 04755);
	struct self self = run_as(path, ALICE, ALICE);

	CHECK(self.uid == ALICE && self.euid == 0 && self.suid == 0 && self.fsuid == 0);
	CHECK_EQ(self.caps.permitted, all);
	CHECK_EQ(self.caps.effective, all);
	CHECK_EQ(self.at_secure, 1);
	CHECK_EQ(self.dumpable, 0);
	CHECK_EQ(unlink(path), 0);
}

/* Root that runs another's program gives itself up, effectively. */
USERS_TEST(set_user_id_by_root)
{
	const char *path = program_copy("suid", BOB, 0, 04755);
	struct self self = SELF_AFTER(path, (void)0);

	CHECK(self.uid == 0 && self.euid == BOB && self.suid == BOB && self.fsuid == BOB);
	CHECK_EQ(self.caps.permitted, all);
	CHECK_EQ(self.caps.effective, 0);
	CHECK_EQ(self.at_secure, 1);
	CHECK_EQ(self.dumpable, 0);
	CHECK_EQ(unlink(path), 0);
}

USERS_TEST(set_group_id)
{
	const char *path = program_copy("sgid", 0, BOB, 02755);
	struct self self = run_as(path, ALICE, CAROL);

	CHECK(self.gid == CAROL && self.egid == BOB && self.sgid == BOB && self.fsgid == BOB);
	CHECK(self.uid == ALICE && self.euid == ALICE);
	CHECK(self.at_gid == CAROL && self.at_egid == BOB);
	CHECK_EQ(self.at_secure, 1);
	CHECK_EQ(self.dumpable, 0);
	CHECK_EQ(unlink(path), 0);
	path = program_copy("both", DAVE, BOB, 06755);
	self = run_as(path, ALICE, CAROL);
	CHECK(self.euid == DAVE && self.egid == BOB);
	CHECK_EQ(unlink(path), 0);
}

/* Without group execute permission the bit means something else. */
USERS_TEST(set_group_id_that_the_group_cannot_execute)
{
	const char *path = program_copy("locked", 0, BOB, 02745);
	struct self self = run_as(path, ALICE, CAROL);

	CHECK(self.gid == CAROL && self.egid == CAROL);
	CHECK_EQ(self.at_secure, 0);
	CHECK_EQ(unlink(path), 0);
	path = program_copy("others", BOB, 0, 04611); /* for users there is no such rule */
	self = run_as(path, ALICE, CAROL);
	CHECK_EQ(self.euid, BOB);
	CHECK_EQ(unlink(path), 0);
}

USERS_TEST(groups_stay)
{
	const char *path = program_copy("both", BOB, BOB, 06755);
	struct self self = SELF_AFTER(path, CHECK_EQ(set_gids(CAROL, CAROL, CAROL), 0);
				      CHECK_EQ(set_groups(2, (gid_t[]){ DAVE, CAROL }), 0);
				      CHECK_EQ(set_uids(ALICE, ALICE, ALICE), 0));

	CHECK_EQ(self.groups, 2);
	CHECK_EQ(self.egid, BOB);
	CHECK_EQ(unlink(path), 0);
}

/* ---- what takes their power ------------------------------------------------------------------ */

USERS_TEST(no_new_privileges)
{
	const char *path = program_copy("both", 0, BOB, 06755);
	struct self self = SELF_AFTER(path, become(ALICE, CAROL);
				      CHECK_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0));

	CHECK(self.uid == ALICE && self.euid == ALICE && self.egid == CAROL);
	CHECK_EQ(self.caps.permitted, 0);
	CHECK_EQ(self.at_secure, 0);
	CHECK_EQ(self.no_new_privs, 1);
	CHECK_EQ(self.dumpable, 1);
	CHECK_EQ(unlink(path), 0);
}

/* The interpreter's bits count, a script's never. */
USERS_TEST(scripts)
{
	const char *plain = program_copy("plain", 0, 0, 0755),
		   *suid = program_copy("suid", BOB, 0, 04755);
	const char *script = temporary_path("script");
	char text[PATH_MAX + 8];

	int length = snprintf(text, sizeof(text), "#!%s\n", plain);
	write_file(script, text, (size_t)length, 0755);
	CHECK_EQ(chmod(script, 06755), 0);
	char *argv[] = { (char *)script, NULL };
	pid_t pid = FORK();
	if (pid == 0) {
		become(ALICE, CAROL);
		execve(script, argv, environ);
		_exit(1);
	}
	CHECK_EXIT(pid, 0); /* main, below, finds the name of a script and looks */
	length = snprintf(text, sizeof(text), "#!%s\n", suid);
	write_file(script, text, (size_t)length, 0755);
	CHECK_EQ(chmod(script, 0755), 0);
	pid = FORK();
	if (pid == 0) {
		become(ALICE, CAROL);
		execve(script, argv, environ);
		_exit(1);
	}
	CHECK_EXIT(pid, 1);
	CHECK_EQ(unlink(script) + unlink(plain) + unlink(suid), 0);
}

/* As what a script runs: 1 if it acts as somebody else. */
static int is_somebody_else(void)
{
	return geteuid() != getuid() || getegid() != getgid() || getauxval(AT_SECURE);
}

/* One who shares his root directory could change it under the program. */
USERS_TEST(shared_directories)
{
	const char *path = program_copy("suid", 0, 0, 04755);
	struct gate go = gate_new();
	struct self self = SELF_AFTER(
		path, become(ALICE, CAROL);
		if (syscall(SYS_clone, CLONE_FS | SIGCHLD, 0, 0, 0, 0) == 0) {
			gate_pass(go);
			_exit(0);
		});

	CHECK(self.uid == ALICE && self.euid == ALICE);
	CHECK_EQ(self.caps.permitted, 0);
	gate_open(go, 1);
	CHECK_EQ(unlink(path), 0);
}

USERS_TEST(mounted_without_set_user_id)
{
	const char *point = temporary_path("nosuid");
	char inside[PATH_MAX];

	CHECK_EQ(mkdir(point, 0755), 0);
	CHECK_EQ(mount("none", point, "tmpfs", MS_NOSUID, "mode=755"), 0);
	CHECK_EQ(chmod(point, 0755), 0);
	const char *home = start_directory;
	start_directory = point;
	const char *path = program_copy("both", BOB, BOB, 06755);
	start_directory = home;
	struct self self = run_as(path, ALICE, CAROL);
	CHECK(self.euid == ALICE && self.egid == CAROL);
	CHECK_EQ(self.at_secure, 0);
	char mounts[4096], line[PATH_MAX + 32];
	CHECK(read_text("/proc/mounts", mounts, sizeof(mounts)) > 0);
	snprintf(line, sizeof(line), " %s tmpfs rw,nosuid", point);
	CHECK(strstr(mounts, line) != NULL);
	snprintf(inside, sizeof(inside), "%s", path);
	CHECK_EQ(unlink(inside), 0);
	CHECK_EQ(umount(point), 0);
	CHECK_EQ(rmdir(point), 0);
}

/* Who gets another's ids brings no ambient capabilities. */
USERS_TEST(ambient_capabilities)
{
	const char *suid = program_copy("suid", BOB, 0, 04755),
		   *plain = program_copy("plain", 0, 0, 0755);

	for (int i = 0; i < 2; i++) {
		struct self self = SELF_AFTER(
			i ? suid : plain, CHECK_EQ(prctl(PR_SET_KEEPCAPS, 1), 0);
			CHECK_EQ(set_uids(ALICE, ALICE, ALICE), 0);
			CHECK_EQ(set_caps(CAP(KILL), CAP(KILL), CAP(KILL)), 0);
			CHECK_EQ(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0), 0));

		CHECK_EQ(self.ambient, i ? 0 : CAP(KILL));
		CHECK_EQ(self.caps.permitted, i ? 0 : CAP(KILL));
		CHECK_EQ(self.caps.inheritable, CAP(KILL));
	}
	CHECK_EQ(unlink(suid) + unlink(plain), 0);
}

/* ---- who may look ---------------------------------------------------------------------------- */

USERS_TEST(a_change_of_ids_ends_dumping)
{
	IN_CHILD(CHECK_EQ(prctl(PR_GET_DUMPABLE), 1); CHECK_EQ(set_uids(ALICE, -1, -1), 0);
		 CHECK_EQ(prctl(PR_GET_DUMPABLE), 1); /* the real id alone is no power */
		 CHECK_EQ(set_uids(-1, ALICE, -1), 0); CHECK_EQ(prctl(PR_GET_DUMPABLE), 0););
	IN_CHILD(CHECK_EQ(set_gids(-1, ALICE, -1), 0); CHECK_EQ(prctl(PR_GET_DUMPABLE), 0););
	IN_CHILD(CHECK_EQ(syscall(SYS_setfsuid, ALICE), 0); CHECK_EQ(prctl(PR_GET_DUMPABLE), 0);
		 CHECK_EQ(prctl(PR_SET_DUMPABLE, 1), 0); CHECK_EQ(prctl(PR_GET_DUMPABLE), 1););
	IN_CHILD(CHECK_EQ(syscall(SYS_setfsgid, ALICE), 0); CHECK_EQ(prctl(PR_GET_DUMPABLE), 0););
	IN_CHILD(CHECK_EQ(set_groups(0, NULL), 0); CHECK_EQ(set_caps(0, 0, 0), 0);
		 CHECK_EQ(prctl(PR_GET_DUMPABLE), 1););
	CHECK_EQ(prctl(PR_GET_DUMPABLE), 1);
}

/* A parent could send by its death what it may not send alive. */
USERS_TEST(the_signal_at_the_parents_death)
{
	const char *plain = program_copy("plain", 0, 0, 0755),
		   *suid = program_copy("suid", BOB, 0, 04755);
	int sig;

	IN_CHILD(CHECK_EQ(prctl(PR_SET_PDEATHSIG, SIGUSR1), 0); CHECK_EQ(set_uids(ALICE, 0, 0), 0);
		 CHECK_EQ(prctl(PR_GET_PDEATHSIG, &sig), 0); CHECK_EQ(sig, SIGUSR1);
		 CHECK_EQ(set_uids(-1, ALICE, -1), 0); CHECK_EQ(prctl(PR_GET_PDEATHSIG, &sig), 0);
		 CHECK_EQ(sig, 0););
	for (int i = 0; i < 3; i++) {
		struct self self = SELF_AFTER(i == 1 ? suid : plain,
					      CHECK_EQ(set_uids(ALICE, i ? ALICE : CAROL, 0), 0);
					      CHECK_EQ(prctl(PR_SET_PDEATHSIG, SIGUSR1), 0));

		CHECK_EQ(self.at_secure, i < 2);
		CHECK_EQ(self.pdeath_signal, i < 2 ? 0 : SIGUSR1);
	}
	CHECK_EQ(unlink(plain) + unlink(suid), 0);
}

/* A program that cannot be read by file cannot be read in memory. */
USERS_TEST(execute_only)
{
	const char *path = program_copy("secret", 0, 0, 0711);
	struct self self = run_as(path, ALICE, CAROL);

	CHECK_EQ(self.dumpable, 0);
	CHECK_EQ(self.at_secure, 0);
	CHECK_EQ(unlink(path), 0);
}

static uid_t owner_of(pid_t pid, const char *name)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	CHECK_EQ(stat(path, &st), 0);
	return st.st_uid;
}

USERS_TEST(owner_of_proc_entries)
{
	struct gate ready = gate_new(), go = gate_new();
	pid_t pid = FORK();

	if (pid == 0) {
		become(ALICE, ALICE);
		for (int dumpable = 0; dumpable < 2; dumpable++) {
			CHECK_EQ(prctl(PR_SET_DUMPABLE, dumpable), 0);
			gate_open(ready, 1);
			gate_pass(go);
		}
		_exit(0);
	}
	for (int dumpable = 0; dumpable < 2; dumpable++) {
		gate_pass(ready);
		CHECK_EQ(owner_of(pid, ""), ALICE);
		CHECK_EQ(owner_of(pid, "status"), dumpable ? ALICE : 0);
		CHECK_EQ(owner_of(pid, "fd"), dumpable ? ALICE : 0);
		gate_open(go, 1);
	}
	CHECK_EXIT(pid, 0);
}

/* A process without dumping finds the list of its own descriptors, though it is root's. */
USERS_TEST(own_descriptors)
{
	struct stat st;
	char path[64];

	become(ALICE, ALICE);
	CHECK_EQ(owner_of(getpid(), "fd"), 0);
	CHECK_EQ(close(open("/proc/self/fd", O_RDONLY | O_DIRECTORY)), 0);
	CHECK_EQ(lstat("/proc/self/fd/1", &st), 0);
	IN_CHILD(snprintf(path, sizeof(path), "/proc/%d/fd", (int)getppid());
		 CHECK_ERRNO(open(path, O_RDONLY | O_DIRECTORY), EACCES););
}

/* readlink of /proc/PID/exe: as by ptrace's rules for reading. */
static int look_into(pid_t pid)
{
	char path[64], text[PATH_MAX];

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	return readlink(path, text, sizeof(text)) > 0 ? 0 : errno;
}

USERS_TEST(who_may_look_into_a_process)
{
	struct gate ready = gate_new(), go = gate_new();
	pid_t pid = FORK();

	if (pid == 0) {
		become(ALICE, ALICE);
		gate_open(ready, 1);
		gate_pass(go);
		CHECK_EQ(look_into(getpid()), 0); /* always into oneself */
		CHECK_EQ(prctl(PR_SET_DUMPABLE, 1), 0);
		gate_open(ready, 1);
		gate_pass(go);
		_exit(0);
	}
	gate_pass(ready);
	CHECK_EQ(look_into(pid), 0);
	IN_CHILD(become(ALICE, ALICE); CHECK_EQ(look_into(pid), EACCES););
	IN_CHILD(become_with(BOB, BOB, CAP(SYS_PTRACE)); CHECK_EQ(look_into(pid), 0););
	gate_open(go, 1);
	gate_pass(ready);
	IN_CHILD(become(ALICE, ALICE); CHECK_EQ(look_into(pid), 0);
		 CHECK_EQ(look_into(getppid()), EACCES););
	IN_CHILD(become(ALICE, BOB); CHECK_EQ(look_into(pid), EACCES););
	IN_CHILD(become(BOB, ALICE); CHECK_EQ(look_into(pid), EACCES););
	IN_CHILD(become_with(BOB, BOB, all & ~CAP(SYS_PTRACE)); CHECK_EQ(look_into(pid), EACCES););
	gate_open(go, 1);
	CHECK_EXIT(pid, 0);
}

/* The same user is not enough for one who has more power. */
USERS_TEST(who_may_look_into_a_process_with_capabilities)
{
	struct gate ready = gate_new(), go = gate_new();
	pid_t pid = FORK();

	if (pid == 0) {
		become_with(ALICE, ALICE, CAP(KILL));
		CHECK_EQ(prctl(PR_SET_DUMPABLE, 1), 0);
		gate_open(ready, 1);
		gate_pass(go);
		_exit(0);
	}
	gate_pass(ready);
	IN_CHILD(become(ALICE, ALICE); CHECK_EQ(look_into(pid), EACCES););
	IN_CHILD(become_with(ALICE, ALICE, CAP(CHOWN)); CHECK_EQ(look_into(pid), EACCES););
	IN_CHILD(become_with(ALICE, ALICE, CAP(KILL)); CHECK_EQ(look_into(pid), 0););
	gate_open(go, 1);
	CHECK_EXIT(pid, 0);
}

/* ---- RLIMIT_NPROC ---------------------------------------------------------------------------- */

/* The process counts for the user it becomes, and is refused at the next execve, not before. */
USERS_TEST(too_many_processes_for_an_execve)
{
	struct rlimit limit = { 1, 1 };
	struct gate go = gate_new(), ready = gate_new();
	char *argv[] = { "proc_setuid", "nothing", NULL };
	pid_t holders[2], pid;

	for (int i = 0; i < 2; i++) {
		holders[i] = FORK();
		if (holders[i] == 0) {
			CHECK_EQ(set_uids(DAVE, DAVE, DAVE), 0);
			gate_open(ready, 1);
			gate_pass(go);
			_exit(0);
		}
		gate_pass(ready);
	}
	pid = FORK();
	if (pid == 0) {
		CHECK_EQ(setrlimit(RLIMIT_NPROC, &limit), 0);
		CHECK_EQ(set_uids(DAVE, DAVE, DAVE), 0);
		CHECK_ERRNO(execve(own_path, argv, environ), EAGAIN);
		CHECK_ERRNO(fork(), EAGAIN);
		CHECK_ERRNO(execve(own_path, argv, environ), EAGAIN);
		gate_open(ready, 1);
		gate_pass(go);
		execve(own_path, argv, environ); /* the others are gone */
		_exit(1);
	}
	gate_pass(ready);
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(kill(holders[i], SIGKILL), 0);
		CHECK_SIGNAL(holders[i], SIGKILL);
	}
	gate_open(go, 1);
	CHECK_EXIT(pid, 0);
}

/* The count goes along when the real id changes, and only then. */
USERS_TEST(processes_are_counted_for_the_real_id)
{
	struct rlimit limit = { 1, 1 };

	CHECK_EQ(set_uids(DAVE, CAROL, 0), 0);
	CHECK_EQ(setrlimit(RLIMIT_NPROC, &limit), 0);
	CHECK_ERRNO(fork(), EAGAIN); /* Dave has this one */
	CHECK_EQ(set_uids(-1, DAVE, -1), 0);
	CHECK_ERRNO(fork(), EAGAIN);
	CHECK_EQ(set_uids(-1, 0, -1), 0);
	if (!is_real_root())
		return;
	IN_CHILD(); /* CAP_SYS_RESOURCE is not held to it, nor is root */
	CHECK_EQ(set_uids(0, 0, 0), 0);
	IN_CHILD(CHECK_EQ(set_uids(DAVE, DAVE, DAVE), 0); CHECK_ERRNO(fork(), EAGAIN););
	IN_CHILD(CHECK_EQ(set_uids(DAVE, DAVE, DAVE), 0););
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "show"))
		return show_self(argv[2]);
	if (argc == 2 && strstr(argv[1], ".script"))
		return is_somebody_else();
	if (argc == 2 && !strcmp(argv[1], "nothing"))
		return 0;
	char last[16];
	if (read_text("/proc/sys/kernel/cap_last_cap", last, sizeof(last)) > 0)
		all = (2ull << atoi(last)) - 1;
	return ktap_main(argc, argv);
}
