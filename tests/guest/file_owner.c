/*
 * Who may do what with a file: permission by owner, group and supplementary groups, and the
 * capabilities that override it; chmod and chown, and the set-user-ID and set-group-ID bits that
 * they and writing clear; set-group-ID and sticky directories; access by the real ids. Sources:
 * path_resolution(7), capabilities(7), inode(7), chmod(2), chown(2), access(2), unlink(2),
 * open(2), utimensat(2), mknod(2).
 */
#include "paths.h"
#include "users.h"
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>
#include <utime.h>

#define OWNER_TEST(name)                                                                           \
	static void with_users_##name(void);                                                       \
	SCRATCH_TEST(name)                                                                         \
	{                                                                                          \
		need_users();                                                                      \
		CHECK_EQ(chmod(".", 0777), 0);                                                     \
		umask(0);                                                                          \
		with_users_##name();                                                               \
	}                                                                                          \
	static void with_users_##name(void)

static void make(const char *path, uid_t uid, gid_t gid, mode_t mode)
{
	CHECK_EQ(close(make_file(path, "text")), 0);
	CHECK_EQ(chown(path, uid, gid), 0);
	CHECK_EQ(chmod(path, mode), 0);
}

static void make_dir(const char *path, uid_t uid, gid_t gid, mode_t mode)
{
	CHECK_EQ(mkdir(path, 0777), 0);
	CHECK_EQ(chown(path, uid, gid), 0);
	CHECK_EQ(chmod(path, mode), 0);
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	CHECK_EQ(lstat(path, &st), 0);
	return st.st_mode & 07777;
}

static void check_owner(const char *path, uid_t uid, gid_t gid)
{
	struct stat st;

	CHECK_EQ(lstat(path, &st), 0);
	CHECK_EQ(st.st_uid, uid);
	CHECK_EQ(st.st_gid, gid);
}

/* ---- permission ------------------------------------------------------------------------------ */

/* Every mode of a file, as its owner, as one of its group, by a supplementary group, as another:
 * the first of the three that fits decides alone. */
OWNER_TEST(the_class_that_fits_decides)
{
	static const struct {
		uid_t uid;
		gid_t gid, group;
		int shift;
	} who[] = { { ALICE, BOB, 0, 6 },
		    { ALICE, DAVE, 0, 6 },
		    { BOB, BOB, 0, 3 },
		    { BOB, CAROL, BOB, 3 },
		    { BOB, CAROL, 0, 0 } };

	for (size_t i = 0; i < ARRAY_SIZE(who); i++)
		for (int class = 0; class <= 6; class += 3)
			for (mode_t bits = 0; bits < 8; bits++) {
				mode_t allowed = class == who[i].shift ? bits : 0;

				CONTEXT("who %zu, class %d, bits %o", i, class, bits);
				make("f", ALICE, BOB, bits << class);
				IN_CHILD(CHECK_EQ(set_groups(!!who[i].group, &who[i].group), 0);
					 CHECK_EQ(set_gids(who[i].gid, who[i].gid, who[i].gid), 0);
					 CHECK_EQ(set_uids(who[i].uid, who[i].uid, who[i].uid), 0);
					 for (int asked = 1; asked < 8;
					      asked++) if (asked & ~(int)allowed)
						 CHECK_ERRNO(access("f", asked), EACCES);
					 else CHECK_EQ(access("f", asked), 0););
				CHECK_EQ(unlink("f"), 0);
			}
}

/* Of many groups each counts, and none beside them. */
OWNER_TEST(membership_of_many_groups)
{
	enum { COUNT = 100 };
	gid_t list[COUNT];

	for (gid_t i = 0; i < COUNT; i++)
		list[i] = 2000 + 3 * ((i * 37) % COUNT);
	make("f", ALICE, ALICE, 0040);
	CHECK_EQ(set_groups(COUNT, list), 0);
	for (gid_t gid = 1998; gid < 2000 + 3 * COUNT + 2; gid++) {
		bool member = gid >= 2000 && (gid - 2000) % 3 == 0 && gid < 2000 + 3 * COUNT;

		CONTEXT("group %u", gid);
		CHECK_EQ(chown("f", -1, gid), 0);
		IN_CHILD(CHECK_EQ(set_uids(BOB, BOB, BOB), 0);
			 CHECK_EQ(access("f", R_OK) == 0, member););
	}
}

OWNER_TEST(open_and_execute)
{
	make("f", ALICE, ALICE, 0640);
	IN_CHILD(become(BOB, BOB); CHECK_ERRNO(open("f", O_RDONLY), EACCES);
		 CHECK_ERRNO(open("f", O_WRONLY), EACCES);
		 CHECK_ERRNO(open("f", O_RDONLY | O_TRUNC), EACCES);
		 CHECK_ERRNO(truncate("f", 0), EACCES); CHECK(open("f", O_PATH) >= 0);
		 CHECK_ERRNO(execl("f", "f", NULL), EACCES););
	IN_CHILD(become(BOB, ALICE); CHECK(open("f", O_RDONLY) >= 0);
		 CHECK_ERRNO(open("f", O_RDWR), EACCES););
	IN_CHILD(become(ALICE, BOB); CHECK(open("f", O_RDWR) >= 0);
		 CHECK_ERRNO(execl("f", "f", NULL), EACCES););
	CHECK_FILE("f", "text");
}

/* What is open stays open, whoever the process becomes. */
OWNER_TEST(an_open_file_is_not_asked_again)
{
	char c;

	make("f", 0, 0, 0600);
	int fd = open("f", O_RDWR);
	become(ALICE, ALICE);
	CHECK_EQ(read(fd, &c, 1), 1);
	CHECK_EQ(write(fd, "T", 1), 1);
	CHECK_ERRNO(open("f", O_RDONLY), EACCES);
	CHECK_EQ(close(fd), 0);
}

OWNER_TEST(directories)
{
	make_dir("d", ALICE, ALICE, 0755);
	make("d/f", ALICE, ALICE, 0666);
	CHECK_EQ(chmod("d", 0700), 0);
	IN_CHILD(become(BOB, BOB); CHECK_ERRNO(open("d", O_RDONLY), EACCES);
		 CHECK_ERRNO(open("d/f", O_RDONLY), EACCES); CHECK_ERRNO(chdir("d"), EACCES);
		 struct stat st; CHECK_ERRNO(stat("d/f", &st), EACCES);
		 CHECK_ERRNO(stat("d/missing", &st), EACCES); CHECK_EQ(stat("d", &st), 0););
	CHECK_EQ(chmod("d", 0711), 0); /* search without reading */
	IN_CHILD(become(BOB, BOB); CHECK_ERRNO(open("d", O_RDONLY), EACCES);
		 CHECK(open("d/f", O_RDWR) >= 0); CHECK_EQ(chdir("d"), 0);
		 CHECK_ERRNO(unlink("f"), EACCES); CHECK_ERRNO(mkdir("x", 0777), EACCES);
		 CHECK_ERRNO(rename("f", "g"), EACCES); CHECK_ERRNO(link("f", "g"), EACCES);
		 CHECK_ERRNO(symlink("f", "g"), EACCES);
		 CHECK_ERRNO(open("x", O_WRONLY | O_CREAT, 0666), EACCES););
	CHECK_EQ(chmod("d", 0744), 0); /* reading without search */
	IN_CHILD(become(BOB, BOB); CHECK(open("d", O_RDONLY) >= 0);
		 CHECK_ERRNO(open("d/f", O_RDONLY), EACCES); CHECK_ERRNO(chdir("d"), EACCES););
	CHECK_EQ(chmod("d", 0773), 0);
	IN_CHILD(become(BOB, BOB); CHECK_EQ(unlink("d/f"), 0); CHECK_EQ(mkdir("d/x", 0777), 0);
		 CHECK_EQ(rmdir("d/x"), 0););
}

/* fsuid and fsgid are what files are used by. */
OWNER_TEST(file_system_ids)
{
	make("f", ALICE, ALICE, 0600);
	CHECK_EQ(syscall(SYS_setfsuid, BOB), 0);
	CHECK_ERRNO(open("f", O_RDONLY), EACCES);
	CHECK_EQ(syscall(SYS_setfsuid, ALICE), BOB);
	CHECK(open("f", O_RDWR) >= 0);
	CHECK_EQ(syscall(SYS_setfsgid, CAROL), 0);
	touch("new");
	check_owner("new", ALICE, CAROL);
	CHECK_EQ(syscall(SYS_setfsuid, 0), ALICE);
	CHECK_EQ(syscall(SYS_setfsgid, 0), CAROL);
}

OWNER_TEST(overriding_capabilities)
{
	make("none", ALICE, ALICE, 0000);
	make("x", ALICE, ALICE, 0100);
	make_dir("d", ALICE, ALICE, 0700);
	make("d/f", ALICE, ALICE, 0600);
	CHECK_EQ(chmod("d", 0000), 0);
	IN_CHILD(become_with(BOB, BOB, CAP(DAC_OVERRIDE)); CHECK(open("none", O_RDWR) >= 0);
		 CHECK_EQ(close(open("d/f", O_RDWR)), 0); CHECK(open("d", O_RDONLY) >= 0);
		 CHECK_EQ(mkdir("d/x", 0777), 0); CHECK_EQ(rmdir("d/x"), 0);
		 CHECK_ERRNO(execl("none", "none", NULL), EACCES);
		 CHECK_ERRNO(execl("x", "x", NULL), ENOEXEC););
	IN_CHILD(become_with(BOB, BOB, CAP(DAC_READ_SEARCH)); CHECK(open("none", O_RDONLY) >= 0);
		 CHECK_ERRNO(open("none", O_RDWR), EACCES); CHECK(open("d/f", O_RDONLY) >= 0);
		 CHECK(open("d", O_RDONLY) >= 0); CHECK_ERRNO(mkdir("d/x", 0777), EACCES);
		 CHECK_ERRNO(execl("x", "x", NULL), EACCES);
		 CHECK_ERRNO(open("d/f", O_WRONLY), EACCES););
	IN_CHILD(become_with(BOB, BOB, CAP(FOWNER)); CHECK_ERRNO(open("none", O_RDONLY), EACCES);
		 CHECK_ERRNO(open("d/f", O_RDONLY), EACCES););
	IN_CHILD(CHECK_EQ(set_caps(0, 0, 0), 0); /* uid 0 by itself is nobody special */
		 CHECK_ERRNO(open("none", O_RDONLY), EACCES););
}

/* ---- access ---------------------------------------------------------------------------------- */

OWNER_TEST(access_asks_for_the_real_user)
{
	make("f", ALICE, ALICE, 0600);
	IN_CHILD(CHECK_EQ(set_uids(BOB, 0, 0), 0); CHECK_ERRNO(access("f", R_OK), EACCES);
		 CHECK_EQ(faccessat(AT_FDCWD, "f", R_OK | W_OK, AT_EACCESS), 0);
		 CHECK(open("f", O_RDWR) >= 0););
	IN_CHILD(CHECK_EQ(set_uids(0, ALICE, 0), 0); CHECK_EQ(access("f", R_OK | W_OK), 0););
	IN_CHILD(CHECK_EQ(set_uids(0, BOB, 0), 0); CHECK_EQ(access("f", R_OK | W_OK), 0);
		 CHECK_ERRNO(faccessat(AT_FDCWD, "f", R_OK, AT_EACCESS), EACCES);
		 CHECK_ERRNO(open("f", O_RDONLY), EACCES););
	IN_CHILD(CHECK_EQ(set_uids(ALICE, BOB, 0), 0); CHECK_EQ(access("f", R_OK), 0);
		 CHECK_EQ(syscall(SYS_setfsuid, -1), BOB);
		 CHECK_ERRNO(faccessat(AT_FDCWD, "f", R_OK, AT_EACCESS), EACCES););
	make_dir("d", ALICE, ALICE, 0700); /* the way there, too */
	make("d/f", BOB, BOB, 0666);
	IN_CHILD(CHECK_EQ(set_uids(BOB, 0, 0), 0); CHECK_ERRNO(access("d/f", F_OK), EACCES););
}

/* The capabilities that a real root would have, or none. */
OWNER_TEST(access_and_capabilities)
{
	make("f", ALICE, ALICE, 0600);
	IN_CHILD(become_with(BOB, BOB, CAP(DAC_OVERRIDE)); CHECK(open("f", O_RDWR) >= 0);
		 CHECK_ERRNO(access("f", R_OK), EACCES);
		 CHECK_EQ(faccessat(AT_FDCWD, "f", R_OK, AT_EACCESS), 0););
	IN_CHILD(CHECK_EQ(set_caps(CAP(DAC_OVERRIDE), 0, 0), 0);
		 CHECK_ERRNO(open("f", O_RDWR), EACCES); CHECK_EQ(access("f", R_OK), 0););
	IN_CHILD(CHECK_EQ(prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP), 0);
		 CHECK_EQ(set_uids(BOB, 0, 0), 0); CHECK_EQ(access("f", R_OK), 0););
}

OWNER_TEST(access_by_group)
{
	make("f", ALICE, CAROL, 0040);
	IN_CHILD(CHECK_EQ(set_groups(0, NULL), 0); CHECK_EQ(set_gids(CAROL, BOB, BOB), 0);
		 CHECK_EQ(set_uids(BOB, BOB, BOB), 0); CHECK_EQ(access("f", R_OK), 0);
		 CHECK_ERRNO(open("f", O_RDONLY), EACCES););
	IN_CHILD(CHECK_EQ(set_groups(0, NULL), 0); CHECK_EQ(set_gids(BOB, CAROL, BOB), 0);
		 CHECK_EQ(set_uids(BOB, BOB, BOB), 0); CHECK_ERRNO(access("f", R_OK), EACCES);
		 CHECK(open("f", O_RDONLY) >= 0););
}

/* ---- chmod ----------------------------------------------------------------------------------- */

OWNER_TEST(chmod_is_the_owners)
{
	make("f", ALICE, ALICE, 0666);
	int fd = open("f", O_RDWR);
	IN_CHILD(become(BOB, ALICE); CHECK_ERRNO(chmod("f", 0600), EPERM);
		 CHECK_ERRNO(fchmod(fd, 0600), EPERM););
	IN_CHILD(become(ALICE, BOB); CHECK_EQ(chmod("f", 0600), 0););
	CHECK_EQ(mode_of("f"), 0600);
	IN_CHILD(become_with(BOB, BOB, CAP(FOWNER)); CHECK_EQ(chmod("f", 04644), 0););
	CHECK_EQ(mode_of("f"), 04644);
	IN_CHILD(become_with(BOB, BOB, CAP(DAC_OVERRIDE)); CHECK_ERRNO(chmod("f", 0), EPERM););
}

/* Who is not of the file's group cannot make it a program of the group. */
OWNER_TEST(chmod_and_set_group_id)
{
	make("f", ALICE, BOB, 0755);
	IN_CHILD(become(ALICE, ALICE); CHECK_EQ(chmod("f", 06755), 0););
	CHECK_EQ(mode_of("f"), 04755);
	IN_CHILD(become(ALICE, BOB); CHECK_EQ(chmod("f", 02755), 0););
	CHECK_EQ(mode_of("f"), 02755);
	CHECK_EQ(chmod("f", 0755), 0);
	IN_CHILD(CHECK_EQ(set_groups(1, (gid_t[]){ BOB }), 0);
		 CHECK_EQ(set_gids(ALICE, ALICE, ALICE), 0);
		 CHECK_EQ(set_uids(ALICE, ALICE, ALICE), 0); CHECK_EQ(chmod("f", 02755), 0););
	CHECK_EQ(mode_of("f"), 02755);
	CHECK_EQ(chmod("f", 0755), 0);
	IN_CHILD(become_with(ALICE, ALICE, CAP(FSETID)); CHECK_EQ(chmod("f", 02755), 0););
	CHECK_EQ(mode_of("f"), 02755);
	make_dir("d", ALICE, BOB, 0755);
	IN_CHILD(become(ALICE, ALICE); CHECK_EQ(chmod("d", 02755), 0););
	CHECK_EQ(mode_of("d"), 0755);
}

/* ---- chown ----------------------------------------------------------------------------------- */

OWNER_TEST(chown_is_restricted)
{
	make("f", ALICE, ALICE, 0644);
	IN_CHILD(become(ALICE, ALICE); CHECK_ERRNO(chown("f", BOB, -1), EPERM);
		 CHECK_ERRNO(chown("f", -1, BOB), EPERM); CHECK_ERRNO(chown("f", BOB, BOB), EPERM);
		 CHECK_EQ(chown("f", ALICE, ALICE), 0); CHECK_EQ(chown("f", -1, -1), 0););
	IN_CHILD(become(BOB, ALICE); CHECK_ERRNO(chown("f", -1, ALICE), EPERM);
		 CHECK_ERRNO(chown("f", ALICE, -1), EPERM); CHECK_EQ(chown("f", -1, -1), 0););
	IN_CHILD(CHECK_EQ(set_groups(2, (gid_t[]){ CAROL, BOB }), 0);
		 CHECK_EQ(set_gids(DAVE, DAVE, DAVE), 0);
		 CHECK_EQ(set_uids(ALICE, ALICE, ALICE), 0); CHECK_EQ(chown("f", -1, BOB), 0);
		 check_owner("f", ALICE, BOB); CHECK_EQ(chown("f", ALICE, CAROL), 0);
		 check_owner("f", ALICE, CAROL); CHECK_EQ(chown("f", -1, DAVE), 0);
		 check_owner("f", ALICE, DAVE); CHECK_ERRNO(chown("f", -1, 0), EPERM););
	IN_CHILD(become_with(BOB, BOB, CAP(CHOWN)); CHECK_EQ(chown("f", CAROL, 0), 0););
	check_owner("f", CAROL, 0);
	IN_CHILD(become_with(BOB, BOB, CAP(FOWNER)); CHECK_ERRNO(chown("f", BOB, -1), EPERM););
	CHECK_ERRNO(fchownat(AT_FDCWD, "f", 0, 0, 1), EINVAL);
	CHECK_ERRNO(fchown(-1, 0, 0), EBADF);
}

/* A program whose owner changes is no longer trusted, even by root. */
OWNER_TEST(chown_clears_the_bits)
{
	make("f", ALICE, ALICE, 06755);
	CHECK_EQ(chown("f", ALICE, BOB), 0);
	CHECK_EQ(mode_of("f"), 0755);
	make("g", ALICE, ALICE, 06755);
	CHECK_EQ(chown("g", -1, -1), 0);
	CHECK_EQ(mode_of("g"), 0755);
	make("h", ALICE, ALICE, 02745); /* not a program of the group */
	CHECK_EQ(chown("h", BOB, -1), 0);
	CHECK_EQ(mode_of("h"), 02745);
	make_dir("d", ALICE, ALICE, 06755);
	CHECK_EQ(chown("d", BOB, BOB), 0);
	CHECK_EQ(mode_of("d"), 06755);
	make("i", ALICE, ALICE, 06755);
	IN_CHILD(become(ALICE, ALICE); CHECK_EQ(chown("i", -1, ALICE), 0););
	CHECK_EQ(mode_of("i"), 0755);
}

/* To clear them is a change of mode, which one must be allowed. */
OWNER_TEST(chown_of_another_ones_program)
{
	make("f", ALICE, ALICE, 04755);
	IN_CHILD(become(BOB, BOB); CHECK_ERRNO(chown("f", -1, -1), EPERM););
	IN_CHILD(become_with(BOB, BOB, CAP(CHOWN)); CHECK_ERRNO(chown("f", BOB, -1), EPERM););
	CHECK_EQ(mode_of("f"), 04755);
	check_owner("f", ALICE, ALICE);
	IN_CHILD(become_with(BOB, BOB, CAP(CHOWN) | CAP(FOWNER));
		 CHECK_EQ(chown("f", BOB, -1), 0););
	CHECK_EQ(mode_of("f"), 0755);
	check_owner("f", BOB, ALICE);
}

OWNER_TEST(chown_of_links)
{
	touch("f");
	CHECK_EQ(symlink("f", "l"), 0);
	CHECK_EQ(lchown("l", ALICE, BOB), 0);
	check_owner("l", ALICE, BOB);
	check_owner("f", 0, 0);
	CHECK_EQ(chown("l", CAROL, DAVE), 0);
	check_owner("f", CAROL, DAVE);
	check_owner("l", ALICE, BOB);
}

/* ---- writing --------------------------------------------------------------------------------- */

OWNER_TEST(writing_clears_the_bits)
{
	make("f", ALICE, ALICE, 06777);
	IN_CHILD(become(BOB, BOB); int fd = open("f", O_WRONLY);
		 CHECK_EQ(write(fd, "", 0), 0); /* writes nothing */
		 CHECK_EQ(mode_of("f"), 06777); CHECK_EQ(write(fd, "x", 1), 1););
	CHECK_EQ(mode_of("f"), 0777);
	CHECK_EQ(chmod("f", 06777), 0);
	IN_CHILD(become(ALICE, ALICE); int fd = open("f", O_WRONLY);
		 CHECK_EQ(write(fd, "x", 1), 1);); /* the owner as well */
	CHECK_EQ(mode_of("f"), 0777);
	CHECK_EQ(chmod("f", 06777), 0);
	IN_CHILD(become(BOB, BOB); CHECK_EQ(truncate("f", 1), 0););
	CHECK_EQ(mode_of("f"), 0777);
	CHECK_EQ(chmod("f", 06777), 0);
	IN_CHILD(become(BOB, BOB); CHECK(open("f", O_WRONLY | O_TRUNC) >= 0););
	CHECK_EQ(mode_of("f"), 0777);
	if (!is_real_root())
		return;
	CHECK_EQ(chmod("f", 06777), 0);
	IN_CHILD(become_with(BOB, BOB, CAP(FSETID)); int fd = open("f", O_WRONLY);
		 CHECK_EQ(write(fd, "x", 1), 1););
	CHECK_EQ(mode_of("f"), 06777);
}

/* ---- new files ------------------------------------------------------------------------------- */

OWNER_TEST(group_of_new_files)
{
	make_dir("plain", 0, CAROL, 0777);
	make_dir("sgid", 0, CAROL, 02777);
	IN_CHILD(become(ALICE, BOB); touch("plain/f"); check_owner("plain/f", ALICE, BOB);
		 touch("sgid/f"); check_owner("sgid/f", ALICE, CAROL);
		 CHECK_EQ(mode_of("sgid/f"), 0644); CHECK_EQ(mkdir("sgid/d", 0755), 0);
		 check_owner("sgid/d", ALICE, CAROL); CHECK_EQ(mode_of("sgid/d"), 02755);
		 CHECK_EQ(mkdir("sgid/d/e", 0700), 0); check_owner("sgid/d/e", ALICE, CAROL);
		 CHECK_EQ(mode_of("sgid/d/e"), 02700); CHECK_EQ(symlink("f", "sgid/l"), 0);
		 check_owner("sgid/l", ALICE, CAROL);
		 CHECK_EQ(mknod("sgid/p", S_IFIFO | 0600, 0), 0);
		 check_owner("sgid/p", ALICE, CAROL););
}

/* Nor can one make a program of a group by the directory's help. */
OWNER_TEST(new_programs_of_a_group)
{
	make_dir("sgid", 0, CAROL, 02777);
	IN_CHILD(become(ALICE, BOB);
		 CHECK_EQ(close(open("sgid/f", O_WRONLY | O_CREAT | O_EXCL, 02755)), 0);
		 CHECK_EQ(mode_of("sgid/f"), 0755);
		 CHECK_EQ(close(open("sgid/g", O_WRONLY | O_CREAT | O_EXCL, 02745)), 0);
		 CHECK_EQ(mode_of("sgid/g"), 02745);
		 CHECK_EQ(close(open("mine", O_WRONLY | O_CREAT | O_EXCL, 06755)), 0);
		 CHECK_EQ(mode_of("mine"), 06755););
	IN_CHILD(become(ALICE, CAROL);
		 CHECK_EQ(close(open("sgid/h", O_WRONLY | O_CREAT | O_EXCL, 02755)), 0);
		 CHECK_EQ(mode_of("sgid/h"), 02755););
}

/* ---- sticky directories ---------------------------------------------------------------------- */

OWNER_TEST(sticky_directories)
{
	make_dir("t", CAROL, CAROL, 01777);
	make("t/f", ALICE, ALICE, 0666);
	make_dir("t/d", ALICE, ALICE, 0777);
	IN_CHILD(become(BOB, BOB); CHECK_ERRNO(unlink("t/f"), EPERM);
		 CHECK_ERRNO(rename("t/f", "t/g"), EPERM); CHECK_ERRNO(rename("t/f", "g"), EPERM);
		 CHECK_ERRNO(rmdir("t/d"), EPERM); touch("mine");
		 CHECK_ERRNO(rename("mine", "t/f"), EPERM); CHECK_EQ(rename("mine", "t/mine"), 0);
		 CHECK_EQ(unlink("t/mine"), 0););
	IN_CHILD(become(ALICE, ALICE); CHECK_EQ(rename("t/f", "t/g"), 0);
		 CHECK_EQ(rename("t/g", "t/f"), 0); CHECK_EQ(rmdir("t/d"), 0););
	IN_CHILD(become_with(BOB, BOB, CAP(FOWNER)); CHECK_EQ(rename("t/f", "t/g"), 0););
	IN_CHILD(become(CAROL, CAROL); CHECK_EQ(unlink("t/g"), 0);); /* whose directory it is */
}

/* ---- times, and what is root's --------------------------------------------------------------- */

OWNER_TEST(setting_times)
{
	struct timespec fixed[2] = { { 1, 0 }, { 2, 0 } };
	struct timespec half[2] = { { 0, UTIME_NOW }, { 0, UTIME_OMIT } };

	make("r", ALICE, ALICE, 0644);
	make("w", ALICE, ALICE, 0666);
	IN_CHILD(become(BOB, BOB); CHECK_ERRNO(utimensat(AT_FDCWD, "w", fixed, 0), EPERM);
		 CHECK_ERRNO(utimensat(AT_FDCWD, "w", half, 0), EPERM);
		 CHECK_EQ(utimensat(AT_FDCWD, "w", NULL, 0), 0);
		 CHECK_ERRNO(utimensat(AT_FDCWD, "r", NULL, 0), EACCES);
		 CHECK_ERRNO(utimensat(AT_FDCWD, "r", fixed, 0), EPERM););
	IN_CHILD(become(ALICE, ALICE); CHECK_EQ(chmod("r", 0), 0);
		 CHECK_EQ(utimensat(AT_FDCWD, "r", fixed, 0), 0);
		 CHECK_EQ(utimensat(AT_FDCWD, "r", NULL, 0), 0););
	IN_CHILD(become_with(BOB, BOB, CAP(FOWNER));
		 CHECK_EQ(utimensat(AT_FDCWD, "r", fixed, 0), 0););
}

OWNER_TEST(reading_without_a_trace)
{
	make("f", ALICE, ALICE, 0666);
	IN_CHILD(become(BOB, BOB); CHECK_ERRNO(open("f", O_RDONLY | O_NOATIME), EPERM););
	IN_CHILD(become(ALICE, BOB); CHECK(open("f", O_RDONLY | O_NOATIME) >= 0););
	IN_CHILD(become_with(BOB, BOB, CAP(FOWNER)); CHECK(open("f", O_RDONLY | O_NOATIME) >= 0););
}

/* Each of these needs a capability of its own. */
OWNER_TEST(what_is_not_for_everybody)
{
	struct timespec now;
	char name[65];

	make_dir("d", 0, 0, 0777);
	CHECK_EQ(gethostname(name, sizeof(name)), 0);
	CHECK_EQ(clock_gettime(CLOCK_REALTIME, &now), 0);
	IN_CHILD(become(ALICE, ALICE); CHECK_ERRNO(mknod("c", S_IFCHR | 0666, 0x103), EPERM);
		 CHECK_ERRNO(mknod("b", S_IFBLK | 0666, 0x103), EPERM);
		 CHECK_ERRNO(chroot("d"), EPERM); CHECK_ERRNO(chroot("missing"), ENOENT);
		 CHECK_ERRNO(mount("none", "d", "tmpfs", 0, NULL), EPERM);
		 CHECK_ERRNO(umount("d"), EPERM);
		 CHECK_ERRNO(sethostname(name, strlen(name)), EPERM);
		 CHECK_ERRNO(setdomainname(name, strlen(name)), EPERM);
		 CHECK_ERRNO(clock_settime(CLOCK_REALTIME, &now), EPERM);
		 CHECK_ERRNO(reboot(RB_DISABLE_CAD), EPERM););
	IN_CHILD(become_with(ALICE, ALICE, CAP(SYS_CHROOT)); CHECK_EQ(chroot("d"), 0););
	if (!is_real_root())
		return;
	IN_CHILD(become_with(ALICE, ALICE, CAP(SYS_ADMIN));
		 CHECK_EQ(sethostname(name, strlen(name)), 0);
		 CHECK_EQ(mount("none", "d", "tmpfs", 0, NULL), 0); CHECK_EQ(umount("d"), 0);
		 CHECK_ERRNO(mknod("c", S_IFCHR | 0666, 0x103), EPERM););
	IN_CHILD(become_with(ALICE, ALICE, CAP(MKNOD));
		 CHECK_EQ(mknod("c", S_IFCHR | 0666, 0x103), 0); CHECK_ERRNO(chroot("d"), EPERM););
	IN_CHILD(become_with(ALICE, ALICE, CAP(SYS_TIME));
		 CHECK_EQ(clock_settime(CLOCK_REALTIME, &now), 0););
	IN_CHILD(become_with(ALICE, ALICE, CAP(SYS_BOOT)); CHECK_EQ(reboot(RB_DISABLE_CAD), 0););
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
