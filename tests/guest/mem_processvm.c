/*
 * process_vm_readv and process_vm_writev: memory of another process read and written, in pieces
 * that need not match, as far as both sides go; copy-on-write broken as by the process itself; who
 * may do it, and every errno. Sources: process_vm_readv(2), ptrace(2) on access mode checking.
 */
#include "pages.h"
#include "users.h"
#include <sys/uio.h>

enum { RW = PROT_READ | PROT_WRITE };

/* A child that waits; it has what its parent had. */
struct victim {
	pid_t pid;
	struct gate gate;
};

static void wait_for_ready(struct gate ready)
{
	gate_pass(ready);
	gate_free(ready);
}

/* The statements run in the victim before it waits, and `after` once it may go on. */
#define VICTIM(before, after)                                                                      \
	({                                                                                         \
		struct gate ready_ = gate_new();                                                   \
		struct victim victim_ = { 0, gate_new() };                                         \
		victim_.pid = FORK();                                                              \
		if (victim_.pid == 0) {                                                            \
			before;                                                                    \
			gate_open(ready_, 1);                                                      \
			gate_pass(victim_.gate);                                                   \
			after;                                                                     \
			_exit(0);                                                                  \
		}                                                                                  \
		wait_for_ready(ready_);                                                            \
		victim_;                                                                           \
	})

static void end(struct victim victim)
{
	gate_open(victim.gate, 1);
	CHECK_EXIT(victim.pid, 0);
	gate_free(victim.gate);
}

static ssize_t get(pid_t pid, void *to, const void *from, size_t size)
{
	struct iovec local = { to, size }, remote = { (void *)from, size };

	return process_vm_readv(pid, &local, 1, &remote, 1, 0);
}

static ssize_t put(pid_t pid, const void *from, void *to, size_t size)
{
	struct iovec local = { (void *)from, size }, remote = { to, size };

	return process_vm_writev(pid, &local, 1, &remote, 1, 0);
}

TEST(reads_and_writes)
{
	char *at = map_private(3), *own = map_private(3);
	struct victim victim = VICTIM(
		{
			for (int i = 0; i < 3; i++)
				stamp(at + i * PAGE, (uint64_t)i + 1);
		},
		{
			CHECK_STAMP(at, 11);
			CHECK_STAMP(at + PAGE, 2);
			CHECK_STAMP(at + 2 * PAGE, 13);
		});

	CHECK_EQ(get(victim.pid, own, at, 3 * PAGE), 3 * PAGE);
	for (int i = 0; i < 3; i++)
		CHECK_STAMP(own + i * PAGE, (uint64_t)i + 1);
	CHECK_ZERO(at, 3 * PAGE); /* ours is another */
	stamp(own, 11);
	stamp(own + 2 * PAGE, 13);
	CHECK_EQ(put(victim.pid, own, at, PAGE), PAGE);
	CHECK_EQ(put(victim.pid, own + 2 * PAGE, at + 2 * PAGE, PAGE), PAGE);
	CHECK_ZERO(at, 3 * PAGE);
	end(victim);
}

TEST(oneself)
{
	char *at = map_private(2);

	stamp(at, 5);
	CHECK_EQ(get(getpid(), at + PAGE, at, PAGE), PAGE);
	CHECK_STAMP(at + PAGE, 5);
	stamp(at, 6);
	CHECK_EQ(put(getpid(), at, at + PAGE, PAGE), PAGE);
	CHECK_STAMP(at + PAGE, 6);
}

TEST(a_shared_page_becomes_the_targets_own)
{
	char *at = map_private(2);
	uint64_t words[PAGE / 8] = { 77, [PAGE / 8 - 1] = ~77ull };

	stamp(at, 1);
	stamp(at + PAGE, 2);
	struct victim victim = VICTIM((void)0, {
		CHECK_STAMP(at, 77);
		CHECK_STAMP(at + PAGE, 2);
	});
	CHECK_EQ(put(victim.pid, words, at, PAGE), PAGE);
	CHECK_STAMP(at, 1);
	CHECK_EQ(get(victim.pid, words, at, PAGE), PAGE);
	CHECK_EQ(words[0], 77);
	stamp(at, 3); /* and ours, still */
	CHECK_EQ(get(victim.pid, words, at, PAGE), PAGE);
	CHECK_EQ(words[0], 77);
	end(victim);
}

TEST(pages_never_touched_are_zeroes_and_can_be_written)
{
	char *at = map_private(4), *own = map_private(4);
	struct victim victim = VICTIM((void)0, CHECK_STAMP(at + 3 * PAGE, 9));

	memset(own, 'x', 2 * PAGE);
	CHECK_EQ(get(victim.pid, own, at, 2 * PAGE), 2 * PAGE);
	CHECK_ZERO(own, 2 * PAGE);
	stamp(own, 9);
	CHECK_EQ(put(victim.pid, own, at + 3 * PAGE, PAGE), PAGE);
	end(victim);
}

TEST(vectors_need_not_match)
{
	char *at = map_private(1), bytes[64], a[5], b[1], c[20];

	for (int i = 0; i < 64; i++)
		at[i] = (char)i;
	struct victim victim =
		VICTIM((void)0, CHECK(!memcmp(at + 50, "\0\1\2\3\4\12\13\14\15", 9)));
	struct iovec local[] = { { a, 5 }, { NULL, 0 }, { b, 1 }, { c, 20 } };
	struct iovec remote[] = { { at + 40, 3 }, { at, 10 }, { BAD_POINTER, 0 }, { at + 20, 4 } };
	CHECK_EQ(process_vm_readv(victim.pid, local, 4, remote, 4, 0), 17);
	CHECK(!memcmp(a, "\50\51\52\0\1", 5));
	CHECK_EQ(b[0], 2);
	CHECK(!memcmp(c, "\3\4\5\6\7\10\11\24\25\26\27", 11));
	for (int i = 0; i < 64; i++)
		bytes[i] = (char)i;
	struct iovec from[] = { { bytes, 5 }, { bytes + 10, 30 } };
	struct iovec to[] = { { at + 50, 2 }, { at + 52, 7 } };
	CHECK_EQ(process_vm_writev(victim.pid, from, 2, to, 2, 0), 9);
	end(victim);
}

TEST(stops_where_a_side_ends)
{
	char *at = map_private(4), *own = map_private(4);

	CHECK_EQ(munmap(at + 2 * PAGE, PAGE), 0);
	memset(at, 'a', 2 * PAGE);
	struct victim victim = VICTIM((void)0, CHECK(all_bytes(at + PAGE + 100, PAGE - 100, 'w')));
	CHECK_EQ(get(victim.pid, own, at, 4 * PAGE), 2 * PAGE);
	CHECK(all_bytes(own, 2 * PAGE, 'a'));
	CHECK_ZERO(own + 2 * PAGE, PAGE);
	CHECK_EQ(get(victim.pid, own, at + PAGE + 100, PAGE), PAGE - 100);
	CHECK_ERRNO(get(victim.pid, own, at + 2 * PAGE, PAGE), EFAULT);
	memset(own, 'w', 4 * PAGE);
	CHECK_EQ(put(victim.pid, own, at + PAGE + 100, 2 * PAGE), PAGE - 100);
	CHECK_ERRNO(put(victim.pid, own, at + 2 * PAGE, 1), EFAULT);
	/* a bad piece after a good one */
	struct iovec local = { own, 4 * PAGE };
	struct iovec remote[] = { { at, 10 }, { at + 2 * PAGE, 10 }, { at, 10 } };
	CHECK_EQ(process_vm_readv(victim.pid, &local, 1, remote, 3, 0), 10);
	/* where it is this side that ends */
	CHECK_EQ(munmap(own + PAGE, PAGE), 0);
	CHECK_EQ(get(victim.pid, own + PAGE - 8, at, 16), 8);
	CHECK_ERRNO(get(victim.pid, own + PAGE, at, 16), EFAULT);
	end(victim);
}

TEST(protection_holds)
{
	char *at = map_private(4), own[8] = "";
	struct victim victim = VICTIM(
		{
			CHECK_EQ(mprotect(at, PAGE, PROT_READ), 0);
			CHECK_EQ(mprotect(at + PAGE, PAGE, PROT_NONE), 0);
			CHECK_EQ(mprotect(at + 2 * PAGE, PAGE, PROT_WRITE), 0);
			CHECK_EQ(mprotect(at + 3 * PAGE, PAGE, PROT_EXEC), 0);
		},
		(void)0);

	CHECK_EQ(get(victim.pid, own, at, 8), 8);
	CHECK_ERRNO(put(victim.pid, own, at, 8), EFAULT);
	CHECK_ERRNO(get(victim.pid, own, at + PAGE, 8), EFAULT);
	CHECK_ERRNO(put(victim.pid, own, at + PAGE, 8), EFAULT);
	CHECK_ERRNO(get(victim.pid, own, at + 2 * PAGE, 8), EFAULT);
	CHECK_EQ(put(victim.pid, own, at + 2 * PAGE, 8), 8);
	CHECK_ERRNO(get(victim.pid, own, at + 3 * PAGE, 8), EFAULT);
	CHECK_ERRNO(put(victim.pid, own, at + 3 * PAGE, 8), EFAULT);
	/* the program itself is not written over */
	CHECK_EQ(get(victim.pid, own, (void *)(uintptr_t)get, 8), 8);
	CHECK_ERRNO(put(victim.pid, own, (void *)(uintptr_t)get, 8), EFAULT);
	end(victim);
}

TEST(addresses_nobody_can_have)
{
	char own[16];
	struct victim victim = VICTIM((void)0, (void)0);

	CHECK_ERRNO(get(victim.pid, own, NULL, 8), EFAULT);
	CHECK_ERRNO(get(victim.pid, own, KERNEL_ADDRESS, 8), EFAULT);
	CHECK_ERRNO(get(victim.pid, own, NON_CANONICAL, 8), EFAULT);
	CHECK_ERRNO(get(victim.pid, own, (void *)-4, 8), EFAULT);
	CHECK_ERRNO(get(victim.pid, own, (void *)(user_end() - 8), 16), EFAULT);
	CHECK_ERRNO(put(victim.pid, own, KERNEL_ADDRESS, 8), EFAULT);
	CHECK_ERRNO(put(victim.pid, own, (void *)-4, 8), EFAULT);
	end(victim);
}

TEST(nothing_to_move)
{
	char own[8];
	struct iovec empty = { own, 0 }, some = { own, 8 };
	struct iovec negative[2] = { { own, 1 }, { own, (size_t)-1 } };

	/* then nobody asks who it is */
	CHECK_EQ(process_vm_readv(-1, NULL, 0, &some, 1, 0), 0);
	CHECK_EQ(process_vm_readv(-1, &empty, 1, &some, 1, 0), 0);
	CHECK_EQ(process_vm_readv(-1, &some, 1, NULL, 0, 0), 0);
	CHECK_EQ(process_vm_readv(-1, &some, 1, &empty, 1, 0), 0);
	CHECK_EQ(process_vm_readv(-1, NULL, 0, negative, 2, 0), 0);
	CHECK_EQ(process_vm_writev(-1, NULL, 0, BAD_POINTER, 2, 0), 0);
}

TEST(errors_of_the_call)
{
	char own[8];
	struct iovec some = { own, 8 }, kernel = { KERNEL_ADDRESS, 8 };
	struct iovec negative[2] = { { own, 1 }, { own, (size_t)-1 } };
	static struct iovec many[1025];
	pid_t self = getpid();

	for (int i = 0; i < 1025; i++)
		many[i] = (struct iovec){ own, 1 };
	CHECK_ERRNO(process_vm_readv(self, &some, 1, &some, 1, 1), EINVAL);
	CHECK_ERRNO(process_vm_readv(self, &some, 1, &some, 1, -1ul), EINVAL);
	CHECK_ERRNO(process_vm_readv(self, many, 1025, &some, 1, 0), EINVAL);
	CHECK_ERRNO(process_vm_readv(self, &some, 1, many, 1025, 0), EINVAL);
	CHECK_EQ(process_vm_readv(self, many, 1024, many, 1024, 0), 1024);
	CHECK_ERRNO(process_vm_readv(self, negative, 2, &some, 1, 0), EINVAL);
	CHECK_ERRNO(process_vm_readv(self, &some, 1, negative, 2, 0), EINVAL);
	CHECK_ERRNO(process_vm_readv(self, BAD_POINTER, 1, &some, 1, 0), EFAULT);
	CHECK_ERRNO(process_vm_readv(self, &some, 1, BAD_POINTER, 1, 0), EFAULT);
	CHECK_ERRNO(process_vm_readv(self, &kernel, 1, &some, 1, 0), EFAULT);
	CHECK_ERRNO(process_vm_writev(self, &kernel, 1, &some, 1, 0), EFAULT);
	CHECK_ERRNO(get(-1, own, own, 8), ESRCH);
	CHECK_ERRNO(get(0, own, own, 8), ESRCH);
	CHECK_ERRNO(get(0x3fffffff, own, own, 8), ESRCH);
}

TEST(a_zombie_has_no_memory)
{
	char own[8];
	pid_t child = FORK();

	if (child == 0)
		_exit(0);
	await_zombie(child);
	CHECK_ERRNO(get(child, own, own, 8), ESRCH);
	CHECK_EXIT(child, 0);
	CHECK_ERRNO(get(child, own, own, 8), ESRCH);
}

TEST(much_at_once)
{
	size_t pages = 2000;
	char *at = map_private(pages), *own = map_private(pages);
	struct victim victim =
		VICTIM(for (size_t i = 0; i < pages; i++) stamp(at + i * PAGE, i * 7),
		       for (size_t i = 0; i < pages; i++) CHECK_STAMP(at + i * PAGE, i * 9));

	CHECK_EQ(get(victim.pid, own, at, pages * PAGE), pages * PAGE);
	for (size_t i = 0; i < pages; i++) {
		CHECK_STAMP(own + i * PAGE, i * 7);
		stamp(own + i * PAGE, i * 9);
	}
	CHECK_EQ(put(victim.pid, own, at, pages * PAGE), pages * PAGE);
	end(victim);
}

TEST(both_ways_at_once)
{
	char *at = map_private(16);
	pid_t parent = getpid(), child = FORK();

	if (child == 0) {
		for (int round = 0; round < 200; round++)
			CHECK_EQ(get(parent, at, at, 16 * PAGE), 16 * PAGE);
		_exit(0);
	}
	for (int round = 0; round < 200; round++) {
		ssize_t n = put(child, at, at, 16 * PAGE);
		if (n < 0) {
			CHECK_EQ(errno, ESRCH);
			break;
		}
	}
	CHECK_EXIT(child, 0);
}

/* ---- who may --------------------------------------------------------------------------------- */

static char word[8] = "secret!";

/* What a process of this user and group gets to see of the victim: 8 or -errno. */
static int as_user(pid_t pid, uid_t uid, gid_t gid, uint64_t caps)
{
	int result[2];

	CHECK_EQ(pipe(result), 0);
	IN_CHILD({
		char own[8] = "";
		become_with(uid, gid, caps);
		ssize_t n = get(pid, own, word, 8);
		int answer = n < 0 ? -errno : (int)n;
		CHECK(n < 0 || !memcmp(own, word, 8));
		CHECK_EQ(write(result[1], &answer, sizeof(answer)), sizeof(answer));
	});
	int answer;
	CHECK_EQ(read(result[0], &answer, sizeof(answer)), sizeof(answer));
	close(result[0]);
	close(result[1]);
	return answer;
}

USERS_TEST(the_same_user_or_cap_sys_ptrace)
{
	struct victim victim = VICTIM(
		{
			become(ALICE, ALICE);
			CHECK_EQ(prctl(PR_SET_DUMPABLE, 1), 0);
		},
		(void)0);

	CHECK_EQ(as_user(victim.pid, ALICE, ALICE, 0), 8);
	CHECK_EQ(as_user(victim.pid, ALICE, BOB, 0), -EPERM);
	CHECK_EQ(as_user(victim.pid, BOB, ALICE, 0), -EPERM);
	CHECK_EQ(as_user(victim.pid, BOB, BOB, 0), -EPERM);
	CHECK_EQ(as_user(victim.pid, BOB, BOB, CAP(SYS_PTRACE)), 8);
	CHECK_EQ(as_user(victim.pid, BOB, BOB, CAP(SYS_ADMIN) | CAP(DAC_OVERRIDE)), -EPERM);
	end(victim);
}

USERS_TEST(not_one_that_is_not_dumpable)
{
	struct victim victim = VICTIM(
		{
			become(ALICE, ALICE);
			CHECK_EQ(prctl(PR_SET_DUMPABLE, 0), 0);
		},
		(void)0);

	CHECK_EQ(as_user(victim.pid, ALICE, ALICE, 0), -EPERM);
	CHECK_EQ(as_user(victim.pid, ALICE, ALICE, CAP(SYS_PTRACE)), 8);
	end(victim);
}

USERS_TEST(not_one_with_other_ids_or_more_capabilities)
{
	struct victim effective = VICTIM(
		{
			CHECK_EQ(set_uids(ALICE, BOB, ALICE), 0);
			CHECK_EQ(prctl(PR_SET_DUMPABLE, 1), 0);
		},
		(void)0);
	struct victim capable = VICTIM(
		{
			become_with(ALICE, ALICE, CAP(KILL));
			CHECK_EQ(prctl(PR_SET_DUMPABLE, 1), 0);
		},
		(void)0);

	CHECK_EQ(as_user(effective.pid, ALICE, 0, 0), -EPERM);
	CHECK_EQ(as_user(capable.pid, ALICE, ALICE, 0), -EPERM);
	CHECK_EQ(as_user(capable.pid, ALICE, ALICE, CAP(KILL)), 8);
	end(effective);
	end(capable);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
