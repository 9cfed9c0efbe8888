/*
 * System V shared memory: segments by key and id, attached here and there, read-only, over other
 * mappings, inherited by fork and detached by execve and exit; who may do what; how many have one
 * attached and when it goes; every errno. Sources: shmget(2), shmop(2), shmctl(2), sysvipc(7),
 * proc(5).
 */
#include "pages.h"
#include "users.h"
#include <sys/shm.h>

enum { RW = PROT_READ | PROT_WRITE, KEY = 0x6d69746f, SIZE = 3 * 4096 };

/* A segment of three pages that nobody else knows. */
static int new_segment(void)
{
	int id = shmget(IPC_PRIVATE, SIZE, IPC_CREAT | 0600);

	CHECK(id >= 0);
	return id;
}

static char *attach(int id)
{
	char *at = shmat(id, NULL, 0);

	CHECK(at != (void *)-1);
	return at;
}

static struct shmid_ds status_of(int id)
{
	struct shmid_ds status;

	CHECK_EQ(shmctl(id, IPC_STAT, &status), 0);
	return status;
}

static int attached(int id)
{
	return (int)status_of(id).shm_nattch;
}

static void remove_segment(int id)
{
	CHECK_EQ(shmctl(id, IPC_RMID, NULL), 0);
}

static bool exists(int id)
{
	struct shmid_ds status;

	if (shmctl(id, IPC_STAT, &status) == 0)
		return true;
	CHECK_EQ(errno, EINVAL);
	return false;
}

#define CHECK_FAILED(expression, expected) CHECK_ERRNO((long)(expression), expected)

/* ---- shmget ---------------------------------------------------------------------------------- */

TEST(a_key_leads_to_its_segment)
{
	int id = shmget(KEY, SIZE, IPC_CREAT | IPC_EXCL | 0640);

	CHECK(id >= 0);
	CHECK_EQ(shmget(KEY, SIZE, 0), id);
	CHECK_EQ(shmget(KEY, 1, 0), id);
	CHECK_EQ(shmget(KEY, 0, 0), id);
	CHECK_EQ(shmget(KEY, SIZE, IPC_CREAT), id);
	CHECK_ERRNO(shmget(KEY, SIZE, IPC_CREAT | IPC_EXCL), EEXIST);
	CHECK_ERRNO(shmget(KEY, SIZE + 1, 0), EINVAL); /* though the page has room for it */
	CHECK_ERRNO(shmget(KEY + 1, SIZE, 0), ENOENT);
	CHECK_ERRNO(shmget(KEY + 1, SIZE, IPC_EXCL), ENOENT);
	remove_segment(id);
	CHECK_ERRNO(shmget(KEY, SIZE, 0), ENOENT);
}

TEST(private_segments_are_all_different)
{
	int a = new_segment(), b = new_segment();

	CHECK(a != b);
	attach(a)[0] = 'a';
	CHECK_EQ(attach(b)[0], 0);
	remove_segment(a);
	remove_segment(b);
}

TEST(sizes_that_cannot_be)
{
	CHECK_ERRNO(shmget(IPC_PRIVATE, 0, IPC_CREAT | 0600), EINVAL);
	CHECK_ERRNO(shmget(KEY, 0, IPC_CREAT | 0600), EINVAL);
	CHECK_ERRNO(shmget(IPC_PRIVATE, (size_t)-1, 0600), EINVAL);
	CHECK_ERRNO(shmget(IPC_PRIVATE, 1ul << 50, 0600), ENOMEM);
	int id = shmget(IPC_PRIVATE, 1ul << 40, 0600 | SHM_NORESERVE);
	CHECK(id >= 0);
	char *at = attach(id);
	poke(at + (1ul << 39), 1);
	CHECK_EQ(peek(at + (1ul << 39)), 1);
	CHECK_EQ(shmdt(at), 0);
	remove_segment(id);
}

TEST(an_id_is_not_used_again_soon)
{
	int first = new_segment();

	remove_segment(first);
	for (int i = 0; i < 100; i++) {
		int id = new_segment();
		CHECK(id != first);
		remove_segment(id);
		CHECK(!exists(id));
	}
	CHECK(!exists(first));
}

/* ---- shmat and shmdt ------------------------------------------------------------------------- */

TEST(two_attaches_are_the_same_memory)
{
	int id = new_segment();
	char *a = attach(id), *b = attach(id);

	CHECK(a != b);
	CHECK_ZERO(a, SIZE);
	stamp(a + PAGE, 7);
	CHECK_STAMP(b + PAGE, 7);
	CHECK_EQ(shmdt(a), 0);
	CHECK_SEGV(peek(a));
	CHECK_STAMP(b + PAGE, 7);
	CHECK_EQ(shmdt(b), 0);
	a = attach(id); /* it stays without anybody */
	CHECK_STAMP(a + PAGE, 7);
	CHECK_EQ(shmdt(a), 0);
	remove_segment(id);
}

TEST(a_segment_of_one_byte_is_a_page)
{
	int id = shmget(IPC_PRIVATE, 1, 0600);
	char *at = attach(id);

	CHECK_EQ(status_of(id).shm_segsz, 1);
	CHECK_MAP(at, 1, "rw-s");
	poke(at + PAGE - 1, 1);
	remove_segment(id);
}

TEST(read_only)
{
	int id = new_segment();
	char *at = shmat(id, NULL, SHM_RDONLY), *writable = attach(id);

	CHECK(at != (void *)-1);
	CHECK_MAP(at, 3, "r--s");
	poke(writable, 5);
	CHECK_EQ(peek(at), 5);
	CHECK_SEGV(poke(at, 1));
	CHECK_ERRNO(mprotect(at, PAGE, RW), EACCES);
	CHECK(!kernel_writes(at));
	remove_segment(id);
}

TEST(executable)
{
	int id = shmget(IPC_PRIVATE, PAGE, 0700);
	unsigned char *at = shmat(id, NULL, SHM_EXEC);

	CHECK(at != (void *)-1);
	CHECK_MAP((char *)at, 1, "rwxs");
	memcpy(at, "\xb8\x2a\x00\x00\x00\xc3", 6); /* mov eax, 42; ret */
	CHECK_EQ(((int (*)(void))(uintptr_t)at)(), 42);
	at = shmat(id, NULL, SHM_EXEC | SHM_RDONLY);
	CHECK_MAP((char *)at, 1, "r-xs");
	remove_segment(id);
}

TEST(at_an_address)
{
	int id = new_segment();
	char *at = free_space(8);

	CHECK(shmat(id, at, 0) == at);
	CHECK_FAILED(shmat(id, at, 0), EINVAL); /* something is there */
	CHECK_FAILED(shmat(id, at + 2 * PAGE, 0), EINVAL);
	CHECK_FAILED(shmat(id, at - PAGE, 0), EINVAL);
	CHECK_FAILED(shmat(id, at + 3 * PAGE + 1, 0), EINVAL);
	CHECK(shmat(id, at + 3 * PAGE + 1, SHM_RND) == at + 3 * PAGE);
	CHECK_EQ(attached(id), 2);
	CHECK_EQ(shmdt(at), 0);
	CHECK(shmat(id, at + PAGE - 1, SHM_RND) == at);
	CHECK_FAILED(shmat(id, (void *)(user_end() - PAGE), 0), ENOMEM);
	CHECK_FAILED(shmat(id, (void *)-PAGE, 0), EINVAL);
	CHECK_EQ(attached(id), 2);
	remove_segment(id);
}

TEST(over_what_is_there)
{
	int id = new_segment();
	char *at = map_private(5);

	for (int i = 0; i < 5; i++)
		stamp(at + i * PAGE, i + 1);
	CHECK_FAILED(shmat(id, at + PAGE, 0), EINVAL);
	CHECK(shmat(id, at + PAGE, SHM_REMAP) == at + PAGE);
	CHECK_STAMP(at, 1);
	CHECK_ZERO(at + PAGE, SIZE);
	CHECK_STAMP(at + 4 * PAGE, 5);
	CHECK_FAILED(shmat(id, NULL, SHM_REMAP), EINVAL);
	CHECK_FAILED(shmat(id, (char *)1, SHM_REMAP | SHM_RND), EINVAL);
	CHECK_EQ(attached(id), 1);
	CHECK(shmat(id, at + PAGE, SHM_REMAP) == at + PAGE); /* over itself */
	CHECK_EQ(attached(id), 1);
	map_at(at + PAGE, 3, RW, MAP_PRIVATE);
	CHECK_EQ(attached(id), 0);
	remove_segment(id);
}

TEST(no_such_id)
{
	int id = new_segment();

	CHECK_FAILED(shmat(-1, NULL, 0), EINVAL);
	CHECK_FAILED(shmat(id + 1, NULL, 0), EINVAL);
	CHECK_FAILED(shmat(id + 32768, NULL, 0), EINVAL);
	remove_segment(id);
	CHECK_FAILED(shmat(id, NULL, 0), EINVAL);
}

TEST(shmdt_takes_the_address_of_an_attach)
{
	int id = new_segment();
	char *at = attach(id), *other = map_private(1);

	CHECK_ERRNO(shmdt(at + 1), EINVAL);
	CHECK_ERRNO(shmdt(at + PAGE), EINVAL);
	CHECK_ERRNO(shmdt(other), EINVAL);
	CHECK_ERRNO(shmdt(NULL), EINVAL);
	CHECK_EQ(shmdt(at), 0);
	CHECK_ERRNO(shmdt(at), EINVAL);
	remove_segment(id);
}

TEST(shmdt_finds_all_pieces)
{
	int id = shmget(IPC_PRIVATE, 8 * PAGE, 0600);
	char *at = attach(id);

	CHECK_EQ(munmap(at + 2 * PAGE, PAGE), 0);
	CHECK_EQ(attached(id), 2);
	CHECK_EQ(mprotect(at + 4 * PAGE, PAGE, PROT_READ), 0);
	CHECK_EQ(attached(id), 4);
	CHECK_EQ(munmap(at, PAGE), 0);
	CHECK_EQ(shmdt(at), 0);
	CHECK_EQ(attached(id), 0);
	for (int i = 0; i < 8; i++)
		CHECK_NO_MAP(at + i * PAGE);
	/* but not those of another attach next to it, nor one that was moved */
	at = free_space(24);
	CHECK(shmat(id, at, 0) == at);
	CHECK(shmat(id, at + 8 * PAGE, 0) == at + 8 * PAGE);
	move_to(at + 7 * PAGE, 1, at + 20 * PAGE);
	CHECK_EQ(shmdt(at), 0);
	CHECK_EQ(attached(id), 2);
	CHECK_EQ(shmdt(at + 13 * PAGE), 0); /* where it would begin */
	CHECK_EQ(shmdt(at + 8 * PAGE), 0);
	CHECK_EQ(attached(id), 0);
	remove_segment(id);
}

/* ---- processes ------------------------------------------------------------------------------- */

TEST(fork_inherits_and_exit_detaches)
{
	int id = new_segment();
	char *at = attach(id);
	struct gate ready = gate_new(), go = gate_new();
	pid_t child = FORK();

	if (child == 0) {
		stamp(at, 9);
		gate_open(ready, 1);
		gate_pass(go);
		_exit(0);
	}
	gate_pass(ready);
	CHECK_EQ(attached(id), 2);
	CHECK_STAMP(at, 9);
	CHECK_EQ(shmdt(at), 0);
	CHECK_EQ(attached(id), 1);
	gate_open(go, 1);
	CHECK_EXIT(child, 0);
	CHECK_EQ(attached(id), 0);
	struct shmid_ds status = status_of(id);
	CHECK_EQ(status.shm_lpid, child);
	CHECK_EQ(status.shm_cpid, getpid());
	child = FORK();
	if (child == 0) {
		attach(id);
		kill(getpid(), SIGKILL);
	}
	CHECK_SIGNAL(child, SIGKILL);
	CHECK_EQ(attached(id), 0);
	remove_segment(id);
}

TEST(execve_detaches)
{
	int id = new_segment();
	struct gate ready = gate_new(), go = gate_new();
	char in[16], out[16];
	pid_t child = FORK();

	if (child == 0) {
		attach(id);
		attach(id);
		CHECK_EQ(attached(id), 2);
		snprintf(in, sizeof(in), "%d", go.out);
		snprintf(out, sizeof(out), "%d", ready.in);
		execl(own_path, own_path, "wait", in, out, NULL);
		_exit(1);
	}
	gate_pass(ready);
	CHECK_EQ(attached(id), 0);
	gate_open(go, 1);
	CHECK_EXIT(child, 0);
	remove_segment(id);
}

TEST(vfork_shares_the_attach)
{
	int id = new_segment();
	char *at = attach(id);
	pid_t child = vfork();

	if (child == 0) {
		poke(at, (char)attached(id));
		_exit(0);
	}
	CHECK_EXIT(child, 0);
	CHECK_EQ(peek(at), 1);
	CHECK_EQ(attached(id), 1);
	remove_segment(id);
}

/* ---- IPC_RMID -------------------------------------------------------------------------------- */

TEST(removed_while_attached)
{
	int id = shmget(KEY, SIZE, IPC_CREAT | IPC_EXCL | 0600);
	char *at = attach(id);

	stamp(at, 3);
	remove_segment(id);
	CHECK(exists(id));
	struct shmid_ds status = status_of(id);
	CHECK_EQ(status.shm_perm.mode, 0600 | SHM_DEST);
	CHECK_EQ(status.shm_perm.__key, IPC_PRIVATE);
	CHECK_ERRNO(shmget(KEY, SIZE, 0), ENOENT);
	int other = shmget(KEY, SIZE, IPC_CREAT | IPC_EXCL | 0600); /* the key is free */
	CHECK(other >= 0 && other != id);
	remove_segment(other);
	char *again = attach(id); /* Linux lets whoever knows the id */
	CHECK_STAMP(again, 3);
	remove_segment(id);
	CHECK_EQ(shmdt(at), 0);
	CHECK(exists(id));
	CHECK_EQ(munmap(again, SIZE), 0);
	CHECK(!exists(id));
	CHECK_ERRNO(shmctl(id, IPC_RMID, NULL), EINVAL);
}

TEST(removed_by_the_last_exit)
{
	int id = new_segment();
	pid_t child = FORK();

	if (child == 0) {
		attach(id);
		remove_segment(id);
		CHECK(exists(id));
		_exit(0);
	}
	CHECK_EXIT(child, 0);
	CHECK(!exists(id));
}

/* ---- shmctl ---------------------------------------------------------------------------------- */

TEST(what_ipc_stat_says)
{
	time_t before = time(NULL);
	int id = shmget(KEY, 5000, IPC_CREAT | 0652);
	struct shmid_ds status = status_of(id);

	CHECK_EQ(status.shm_perm.__key, KEY);
	CHECK_EQ(status.shm_perm.mode, 0652);
	CHECK_EQ(status.shm_perm.uid, geteuid());
	CHECK_EQ(status.shm_perm.cuid, geteuid());
	CHECK_EQ(status.shm_perm.gid, getegid());
	CHECK_EQ(status.shm_perm.cgid, getegid());
	CHECK_EQ(status.shm_segsz, 5000);
	CHECK_EQ(status.shm_cpid, getpid());
	CHECK_EQ(status.shm_lpid, 0);
	CHECK_EQ(status.shm_nattch, 0);
	CHECK_EQ(status.shm_atime, 0);
	CHECK_EQ(status.shm_dtime, 0);
	CHECK(status.shm_ctime >= before && status.shm_ctime <= time(NULL));
	char *at = attach(id);
	status = status_of(id);
	CHECK_EQ(status.shm_lpid, getpid());
	CHECK(status.shm_atime >= before && status.shm_atime <= time(NULL));
	CHECK_EQ(status.shm_dtime, 0);
	CHECK_EQ(shmdt(at), 0);
	CHECK(status_of(id).shm_dtime >= before);
	remove_segment(id);
}

TEST(ipc_set_changes_owner_and_mode)
{
	int id = new_segment();
	struct shmid_ds status = status_of(id);

	status.shm_perm.mode = 07444; /* only permissions are taken */
	status.shm_perm.uid = 1;
	status.shm_perm.gid = 2;
	status.shm_segsz = 1;
	CHECK_EQ(shmctl(id, IPC_SET, &status), 0);
	status = status_of(id);
	CHECK_EQ(status.shm_perm.mode, 0444);
	CHECK_EQ(status.shm_perm.uid, 1);
	CHECK_EQ(status.shm_perm.gid, 2);
	CHECK_EQ(status.shm_perm.cuid, geteuid());
	CHECK_EQ(status.shm_segsz, SIZE);
	status.shm_perm.uid = (uid_t)-1;
	CHECK_ERRNO(shmctl(id, IPC_SET, &status), EINVAL);
	remove_segment(id);
}

TEST(errors_of_shmctl)
{
	int id = new_segment();
	struct shmid_ds status;

	CHECK_ERRNO(shmctl(-1, IPC_STAT, &status), EINVAL);
	CHECK_ERRNO(shmctl(id + 1, IPC_STAT, &status), EINVAL);
	CHECK_ERRNO(shmctl(id, -1, &status), EINVAL);
	CHECK_ERRNO(shmctl(id, 99, &status), EINVAL);
	CHECK_ERRNO(shmctl(id, IPC_STAT, BAD_POINTER), EFAULT);
	CHECK_ERRNO(shmctl(id, IPC_STAT, KERNEL_ADDRESS), EFAULT);
	CHECK_ERRNO(shmctl(id, IPC_SET, BAD_POINTER), EFAULT);
	CHECK_ERRNO(shmctl(0, IPC_INFO, BAD_POINTER), EFAULT);
	CHECK_ERRNO(shmctl(0, SHM_INFO, BAD_POINTER), EFAULT);
	CHECK_ERRNO(shmctl(-1, SHM_INFO, &status), EINVAL);
	remove_segment(id);
	CHECK_ERRNO(shmctl(id, IPC_RMID, NULL), EINVAL);
	CHECK_ERRNO(shmctl(id, IPC_SET, &status), EINVAL);
	CHECK_ERRNO(shmctl(id, SHM_LOCK, NULL), EINVAL);
}

TEST(the_whole_of_it)
{
	struct shm_info before, info;
	struct shminfo limits;
	struct shmid_ds status;
	int found = 0;

	CHECK(shmctl(0, SHM_INFO, (struct shmid_ds *)&before) >= 0);
	int a = new_segment(), b = new_segment();
	attach(b)[0] = 1;
	int highest = shmctl(0, SHM_INFO, (struct shmid_ds *)&info);
	CHECK_EQ(info.used_ids, before.used_ids + 2);
	CHECK_EQ(info.shm_tot, before.shm_tot + 6);
	CHECK_EQ(info.shm_rss, before.shm_rss + 1);
	CHECK_EQ(info.shm_swp, 0);
	CHECK_EQ(shmctl(0, IPC_INFO, (struct shmid_ds *)&limits), highest);
	CHECK_EQ(limits.shmmin, 1);
	CHECK_EQ(limits.shmmni, 4096);
	CHECK_EQ(limits.shmmax, ~0ul - (1ul << 24));
	CHECK_EQ(limits.shmall, ~0ul - (1ul << 24));
	for (int i = 0; i <= highest; i++) {
		int id = shmctl(i, SHM_STAT, &status);
		CHECK_EQ(shmctl(i, SHM_STAT_ANY, &status), id);
		if (id == a || id == b) {
			found++;
			CHECK_EQ(status.shm_segsz, SIZE);
			CHECK_EQ(id % 32768, i);
		}
	}
	CHECK_EQ(found, 2);
	CHECK_ERRNO(shmctl(highest + 1, SHM_STAT, &status), EINVAL);
	remove_segment(a);
	remove_segment(b);
}

TEST(locked)
{
	int id = new_segment();

	CHECK_EQ(shmctl(id, SHM_LOCK, NULL), 0);
	CHECK_EQ(status_of(id).shm_perm.mode, 0600 | SHM_LOCKED);
	attach(id);
	CHECK_EQ(shmctl(id, SHM_UNLOCK, NULL), 0);
	CHECK_EQ(status_of(id).shm_perm.mode, 0600);
	remove_segment(id);
}

/* ---- who may --------------------------------------------------------------------------------- */

/* What the user may do with a segment of root's that has this mode. */
static void try_as(uid_t uid, gid_t gid, int id, int read, int write)
{
	IN_CHILD({
		struct shmid_ds status;

		become(uid, gid);
		if (read) {
			CHECK(shmat(id, NULL, SHM_RDONLY) != (void *)-1);
			CHECK_EQ(shmctl(id, IPC_STAT, &status), 0);
			CHECK_EQ(shmctl(id % 32768, SHM_STAT, &status), id);
			CHECK_EQ(shmget(KEY, 0, 0400), id);
		} else {
			CHECK_FAILED(shmat(id, NULL, SHM_RDONLY), EACCES);
			CHECK_ERRNO(shmctl(id, IPC_STAT, &status), EACCES);
			CHECK_ERRNO(shmctl(id % 32768, SHM_STAT, &status), EACCES);
			CHECK_ERRNO(shmget(KEY, 0, 0400), EACCES);
		}
		CHECK_EQ(shmctl(id % 32768, SHM_STAT_ANY, &status), id);
		if (read && write)
			CHECK(shmat(id, NULL, 0) != (void *)-1);
		else
			CHECK_FAILED(shmat(id, NULL, 0), EACCES);
		CHECK_FAILED(shmat(id, NULL, SHM_EXEC | SHM_RDONLY), EACCES);
		CHECK_EQ(shmget(KEY, 0, 0), id);
		if (uid != ALICE) {
			CHECK_ERRNO(shmctl(id, IPC_RMID, NULL), EPERM);
			status.shm_perm.mode = 0777;
			CHECK_ERRNO(shmctl(id, IPC_SET, &status), EPERM);
			CHECK_ERRNO(shmctl(id, SHM_LOCK, NULL), EPERM);
		}
	});
}

USERS_TEST(permission_bits)
{
	static const int modes[] = { 0600, 0640, 0660, 0604, 0666, 0400, 0060, 0006 };

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		int id = shmget(KEY, SIZE, IPC_CREAT | IPC_EXCL | modes[i]), mode = modes[i];
		struct shmid_ds status = status_of(id);

		CONTEXT("mode %o", mode);
		status.shm_perm.uid = ALICE;
		status.shm_perm.gid = CAROL;
		CHECK_EQ(shmctl(id, IPC_SET, &status), 0);
		try_as(ALICE, ALICE, id, mode & 0400, mode & 0200);
		try_as(BOB, CAROL, id, mode & 0040, mode & 0020);
		try_as(BOB, BOB, id, mode & 0004, mode & 0002);
		CHECK(shmat(id, NULL, SHM_EXEC) != (void *)-1); /* root has CAP_IPC_OWNER */
		remove_segment(id);
		CHECK_EQ(shmdt(shmat(id, NULL, 0)), 0);
		CHECK_EQ(attached(id), 1);
	}
}

USERS_TEST(the_maker_and_the_owner_may_remove_it)
{
	int id = shmget(KEY, SIZE, IPC_CREAT | IPC_EXCL | 0600);
	struct shmid_ds status = status_of(id);

	status.shm_perm.uid = ALICE;
	CHECK_EQ(shmctl(id, IPC_SET, &status), 0);
	IN_CHILD({
		become(ALICE, ALICE);
		CHECK_EQ(shmctl(id, SHM_LOCK, NULL), 0);
		CHECK_EQ(shmctl(id, IPC_SET, &status), 0);
		CHECK_EQ(shmctl(id, IPC_RMID, NULL), 0);
	});
	CHECK(!exists(id));
	IN_CHILD({
		become(ALICE, ALICE);
		int mine = new_segment();
		struct shmid_ds own = status_of(mine);

		own.shm_perm.uid = BOB; /* given away, and still its maker's */
		CHECK_EQ(shmctl(mine, IPC_SET, &own), 0);
		CHECK_EQ(attach(mine)[0], 0);
		CHECK_EQ(shmctl(mine, IPC_RMID, NULL), 0);
	});
}

USERS_TEST(capabilities)
{
	int id = new_segment();

	IN_CHILD({
		become_with(ALICE, ALICE, CAP(IPC_OWNER));
		CHECK(shmat(id, NULL, SHM_EXEC) != (void *)-1);
		CHECK_ERRNO(shmctl(id, IPC_RMID, NULL), EPERM);
	});
	IN_CHILD({
		become_with(ALICE, ALICE, CAP(SYS_ADMIN));
		CHECK_FAILED(shmat(id, NULL, 0), EACCES);
		CHECK_EQ(shmctl(id, IPC_RMID, NULL), 0);
	});
}

/* ---- /proc ----------------------------------------------------------------------------------- */

TEST(proc_sysvipc_shm)
{
	static char text[64 << 10];
	int id = shmget(KEY, 5000, IPC_CREAT | 0640);
	char *at = attach(id);
	char wanted[64];

	poke(at, 1);
	CHECK(read_text("/proc/sysvipc/shm", text, sizeof(text)) > 0);
	CHECK(!strncmp(text, "       key      shmid perms                  size  cpid  lpid nattch",
		       68));
	snprintf(wanted, sizeof(wanted), "\n%10d %10d  %4o %21u ", KEY, id, 0640, 5000);
	char *line = strstr(text, wanted);
	CHECK(line != NULL);
	int cpid, lpid, nattch, uid, gid, cuid, cgid;
	long atime, dtime, ctime, rss, swap;
	CHECK_EQ(sscanf(line + strlen(wanted), "%d %d %d %d %d %d %d %ld %ld %ld %ld %ld", &cpid,
			&lpid, &nattch, &uid, &gid, &cuid, &cgid, &atime, &dtime, &ctime, &rss,
			&swap),
		 12);
	CHECK_EQ(cpid, getpid());
	CHECK_EQ(lpid, getpid());
	CHECK_EQ(nattch, 1);
	CHECK_EQ(cuid, geteuid());
	CHECK_EQ(rss, PAGE);
	CHECK_EQ(swap, 0);
	remove_segment(id);
}

TEST(names_in_maps)
{
	int id = shmget(KEY, SIZE, IPC_CREAT | 0600);
	char *at = attach(id);
	struct map_line line;

	CHECK(map_find(at, &line));
	CHECK_STR(line.name, "/SYSV6d69746f (deleted)");
	CHECK_EQ(line.ino, id);
	CHECK_EQ(line.offset, 0);
	remove_segment(id);
	CHECK(map_find(at, &line));
	CHECK_STR(line.name, "/SYSV6d69746f (deleted)");
	int private = new_segment();
	CHECK(map_find(attach(private), &line));
	CHECK_STR(line.name, "/SYSV00000000 (deleted)");
	remove_segment(private);
}

static void set_limit(const char *name, const char *value)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/sys/kernel/%s", name);
	int fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		SKIP("%s cannot be set here", path);
	close(fd);
}

TEST(limits)
{
	int id = new_segment();

	set_limit("shmmax", "8192");
	CHECK_ERRNO(shmget(IPC_PRIVATE, 8193, 0600), EINVAL);
	int small = shmget(IPC_PRIVATE, 8192, 0600);
	CHECK(small >= 0);
	set_limit("shmmax", "18446744073692774399");
	set_limit("shmall", "8");
	CHECK_ERRNO(shmget(IPC_PRIVATE, 4 * PAGE, 0600), ENOSPC);
	int more = shmget(IPC_PRIVATE, 3 * PAGE, 0600);
	CHECK(more >= 0);
	CHECK_ERRNO(shmget(IPC_PRIVATE, 1, 0600), ENOSPC);
	set_limit("shmall", "18446744073692774399");
	set_limit("shmmni", "3");
	CHECK_ERRNO(shmget(IPC_PRIVATE, 1, 0600), ENOSPC);
	remove_segment(small);
	small = shmget(IPC_PRIVATE, 1, 0600);
	CHECK(small >= 0);
	set_limit("shmmni", "4096");
	remove_segment(small);
	remove_segment(more);
	remove_segment(id);
}

/* ---- many ------------------------------------------------------------------------------------ */

TEST(many_segments)
{
	enum { N = 500 };
	static int ids[N];

	for (int i = 0; i < N; i++) {
		ids[i] = shmget(KEY + 7 * i, PAGE, IPC_CREAT | IPC_EXCL | 0600);
		CHECK(ids[i] >= 0);
		char *at = attach(ids[i]);
		stamp(at, (uint64_t)i);
		CHECK_EQ(shmdt(at), 0);
	}
	for (int i = N - 1; i >= 0; i -= 2)
		remove_segment(ids[i]);
	for (int i = 0; i < N; i += 2) {
		CHECK_EQ(shmget(KEY + 7 * i, PAGE, 0), ids[i]);
		char *at = attach(ids[i]);
		CHECK_STAMP(at, (uint64_t)i);
		CHECK_EQ(shmdt(at), 0);
		remove_segment(ids[i]);
	}
}

/* Processes attach, fork, write, detach and remove at once; nothing is left of it. */
TEST(a_storm)
{
	struct shm_info before, after;
	pid_t children[8];

	shmctl(0, SHM_INFO, (struct shmid_ds *)&before);
	int common = new_segment();
	for (int c = 0; c < 8; c++) {
		children[c] = FORK();
		if (children[c])
			continue;
		for (int round = 0; round < 50; round++) {
			int id = new_segment();
			char *mine = attach(id), *ours = attach(common);
			remove_segment(id);
			__atomic_fetch_add((int *)ours, 1, __ATOMIC_RELAXED);
			pid_t child = FORK();
			if (child == 0) {
				stamp(mine + PAGE, (uint64_t)round);
				_exit(0);
			}
			CHECK_EXIT(child, 0);
			CHECK_STAMP(mine + PAGE, (uint64_t)round);
			CHECK_EQ(shmdt(mine), 0);
			CHECK_EQ(shmdt(ours), 0);
		}
		_exit(0);
	}
	for (int c = 0; c < 8; c++)
		CHECK_EXIT(children[c], 0);
	CHECK_EQ(*(int *)attach(common), 400);
	remove_segment(common);
	CHECK_EQ(attached(common), 1);
	shmctl(0, SHM_INFO, (struct shmid_ds *)&after);
	CHECK_EQ(after.used_ids, before.used_ids + 1);
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "wait")) {
		gate_open((struct gate){ .in = atoi(argv[3]) }, 1);
		gate_pass((struct gate){ .out = atoi(argv[2]) });
		return 0;
	}
	return ktap_main(argc, argv);
}
