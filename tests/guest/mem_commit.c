/*
 * needs: kernel. How much memory programs may be promised: /proc/sys/vm/overcommit_memory 0, 1 and
 * 2, MAP_NORESERVE, and Committed_AS, which counts every page of private writable memory and of
 * shared memory to the page, whether touched or not, until munmap, exit or execve gives it back.
 * The policy is the whole machine's, so this runs where it has a kernel to itself. Sources:
 * proc(5), mmap(2), fork(2), Linux's Documentation/mm/overcommit-accounting.rst.
 */
#include "pages.h"
#include "proc.h"
#include <sys/shm.h>

enum { RW = PROT_READ | PROT_WRITE, ANON = MAP_ANONYMOUS };

#define KIB 1024ul
#define MIB (1024 * KIB)
#define TIB (MIB << 20)
#define VM "/proc/sys/vm/"

static int try_set(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY), error = 0;

	CHECK(fd >= 0);
	if (write(fd, value, strlen(value)) < 0)
		error = errno;
	close(fd);
	return error;
}

static void set_number(const char *path, long value)
{
	char text[32];

	snprintf(text, sizeof(text), "%ld", value);
	CHECK_EQ(try_set(path, text), 0);
}

static long get_number(const char *path)
{
	char text[64];

	CHECK(read_text(path, text, sizeof(text)) > 0);
	return atol(text);
}

static void set_defaults(void)
{
	set_number(VM "overcommit_memory", 0);
	set_number(VM "overcommit_ratio", 50);
}

static __attribute__((noinline)) int use_stack(int depth)
{
	volatile char page[PAGE];

	page[0] = (char)depth;
	return depth > 0 ? use_stack(depth - 1) + page[0] : 0;
}

/* A test that begins with the policy a machine boots with, on a stack that has grown already. */
#define POLICY_TEST(name)                                                                          \
	static void with_policy_##name(void);                                                      \
	TEST(name)                                                                                 \
	{                                                                                          \
		use_stack(16);                                                                     \
		set_defaults();                                                                    \
		meminfo("Committed_AS");                                                           \
		with_policy_##name();                                                              \
		set_defaults();                                                                    \
	}                                                                                          \
	static void with_policy_##name(void)

static long committed(void)
{
	return meminfo("Committed_AS");
}

/* Promise no more than so many KiB beyond what is promised now; without reserves for anybody. */
static void leave_room(long kib)
{
	set_number(VM "admin_reserve_kbytes", 0);
	set_number(VM "user_reserve_kbytes", 0);
	set_number(VM "overcommit_memory", 2);
	set_number(VM "overcommit_kbytes", committed() + kib + 4);
}

static char *try_map(size_t bytes, int prot, int flags)
{
	return mmap(NULL, bytes, prot, flags, -1, 0);
}

/* What Committed_AS grows by, in KiB, when these statements have run. */
#define GROWTH(...)                                                                                \
	({                                                                                         \
		long before_ = committed();                                                        \
		__VA_ARGS__;                                                                       \
		committed() - before_;                                                             \
	})

POLICY_TEST(private_writable_memory_counts)
{
	char *at;

	CHECK_EQ(GROWTH(at = try_map(16 * MIB, RW, MAP_PRIVATE | ANON)), 16 * KIB);
	CHECK_EQ(GROWTH(for (size_t i = 0; i < MIB; i += PAGE) poke(at + i, 1)), 0);
	CHECK_EQ(GROWTH(munmap(at + MIB, MIB)), -1024);
	CHECK_EQ(GROWTH(CHECK_EQ(madvise(at, MIB, MADV_DONTNEED), 0)), 0);
	CHECK_EQ(GROWTH(map_at(at, 256, RW, MAP_PRIVATE)), 0);
	CHECK_EQ(GROWTH(map_at(at, 256, PROT_READ, MAP_PRIVATE)), -1024);
	CHECK_EQ(GROWTH(munmap(at, 16 * MIB)), -14 * 1024);
}

POLICY_TEST(what_does_not_count)
{
	CHECK_EQ(GROWTH(CHECK(try_map(MIB, PROT_READ, MAP_PRIVATE | ANON) != MAP_FAILED)), 0);
	CHECK_EQ(GROWTH(CHECK(try_map(MIB, PROT_NONE, MAP_PRIVATE | ANON) != MAP_FAILED)), 0);
	CHECK_EQ(GROWTH(CHECK(try_map(MIB, RW, MAP_PRIVATE | ANON | MAP_NORESERVE) != MAP_FAILED)),
		 0);
	int fd = open(own_path, O_RDONLY);
	CHECK_EQ(GROWTH(CHECK(mmap(NULL, MIB, PROT_READ, MAP_PRIVATE, fd, 0) != MAP_FAILED)), 0);
	CHECK_EQ(GROWTH(CHECK(mmap(NULL, MIB, PROT_READ, MAP_SHARED, fd, 0) != MAP_FAILED)), 0);
	/* to be written, it would be memory of one's own */
	CHECK_EQ(GROWTH(CHECK(mmap(NULL, MIB, RW, MAP_PRIVATE, fd, 0) != MAP_FAILED)), 1024);
}

POLICY_TEST(mprotect_to_writable_counts_for_good)
{
	char *at = try_map(4 * MIB, PROT_READ, MAP_PRIVATE | ANON);

	CHECK_EQ(GROWTH(CHECK_EQ(mprotect(at + MIB, MIB, RW), 0)), 1024);
	CHECK_EQ(GROWTH(CHECK_EQ(mprotect(at + MIB, MIB, RW), 0)), 0);
	poke(at + MIB, 1);
	CHECK_EQ(GROWTH(CHECK_EQ(mprotect(at + MIB, MIB, PROT_READ), 0)), 0);
	CHECK_EQ(GROWTH(CHECK_EQ(mprotect(at + MIB, MIB, RW), 0)), 0);
	CHECK_EQ(GROWTH(munmap(at, 4 * MIB)), -1024);
	at = try_map(MIB, PROT_READ, MAP_PRIVATE | ANON | MAP_NORESERVE);
	CHECK_EQ(GROWTH(CHECK_EQ(mprotect(at, MIB, RW), 0)), 0);
}

POLICY_TEST(mremap_and_brk_count)
{
	char *at = try_map(2 * MIB, RW, MAP_PRIVATE | ANON), *to = NULL;

	CHECK_EQ(GROWTH(to = mremap(at, 2 * MIB, 64 * MIB, MREMAP_MAYMOVE)), 62 * 1024);
	CHECK_EQ(GROWTH(CHECK(mremap(to, 64 * MIB, MIB, 0) == to)), -63 * 1024);
	char *end = sbrk(0);
	CHECK_EQ(GROWTH(syscall(SYS_brk, end + 8 * MIB)), 8 * 1024);
	CHECK_EQ(GROWTH(syscall(SYS_brk, end)), -8 * 1024);
}

POLICY_TEST(shared_memory_counts_once)
{
	char *at = NULL;

	CHECK_EQ(GROWTH(at = try_map(8 * MIB, RW, MAP_SHARED | ANON)), 8 * 1024);
	CHECK_EQ(GROWTH(poke(at, 1)), 0);
	CHECK_EQ(GROWTH(munmap(at + MIB, MIB)), 0); /* the object is there, whoever maps it */
	CHECK_EQ(GROWTH(munmap(at, 8 * MIB)), -8 * 1024);
	/* without reserve its pages count as they come */
	CHECK_EQ(GROWTH(at = try_map(8 * MIB, RW, MAP_SHARED | ANON | MAP_NORESERVE)), 0);
	CHECK_EQ(GROWTH(poke(at, 1); poke(at + 4 * MIB, 1)), 8);
	CHECK_EQ(GROWTH(munmap(at, 8 * MIB)), -8);
}

POLICY_TEST(segments_count_until_they_are_removed)
{
	int id = 0;
	char *at = NULL;

	CHECK_EQ(GROWTH(id = shmget(IPC_PRIVATE, 8 * MIB, 0600)), 8 * 1024);
	CHECK_EQ(GROWTH(at = shmat(id, NULL, 0); poke(at, 1)), 0);
	CHECK_EQ(GROWTH(shmctl(id, IPC_RMID, NULL)), 0);
	CHECK_EQ(GROWTH(shmdt(at)), -8 * 1024);
	CHECK_EQ(GROWTH(id = shmget(IPC_PRIVATE, 8 * MIB, 0600 | SHM_NORESERVE)), 0);
	at = shmat(id, NULL, 0);
	CHECK_EQ(GROWTH(poke(at + MIB, 1); poke(at + 5 * MIB, 1)), 8);
	CHECK_EQ(GROWTH(shmdt(at)), 0);
	CHECK_EQ(GROWTH(shmctl(id, IPC_RMID, NULL)), -8);
	leave_room(4 * 1024);
	CHECK_ERRNO(shmget(IPC_PRIVATE, 8 * MIB, 0600), ENOMEM);
	CHECK_ERRNO(shmget(IPC_PRIVATE, 8 * MIB, 0600 | SHM_NORESERVE), ENOMEM);
}

POLICY_TEST(files_in_memory_count_by_their_pages)
{
	int fd = memfd_create("counted", 0);
	char page[PAGE] = "";

	CHECK_EQ(GROWTH(CHECK_EQ(ftruncate(fd, 64 * MIB), 0)), 0);
	CHECK_EQ(GROWTH(pwrite(fd, page, PAGE, MIB)), 4);
	char *at = mmap(NULL, 64 * MIB, RW, MAP_SHARED, fd, 0);
	CHECK_EQ(GROWTH(poke(at + 7 * MIB, 1); poke(at + 9 * MIB, 1)), 8);
	CHECK_EQ(GROWTH(CHECK_EQ(ftruncate(fd, 8 * MIB), 0)), -4);
	/* a private writable mapping of it is memory of one's own */
	CHECK_EQ(GROWTH(CHECK(mmap(NULL, MIB, RW, MAP_PRIVATE, fd, 0) != MAP_FAILED)), 1024);
	CHECK_EQ(GROWTH(close(fd); munmap(at, 64 * MIB)), 0); /* that one still has it */
	leave_room(1024);
	fd = memfd_create("full", 0);
	ssize_t written = 0, n;
	while ((n = write(fd, page, PAGE)) > 0)
		written += n;
	CHECK_EQ(errno, ENOSPC);
	CHECK(written > 0 && written < 8 * (ssize_t)MIB);
}

/* What a child of this process counts for: a pass lets it live on to the second measure. */
static long child_counts(void)
{
	struct gate gate = gate_new();
	long before = committed();
	pid_t child = FORK();

	if (child == 0) {
		gate_pass(gate);
		_exit(0);
	}
	long during = committed();
	gate_open(gate, 1);
	CHECK_EXIT(child, 0);
	CHECK_EQ(committed(), before);
	gate_free(gate);
	return during - before;
}

POLICY_TEST(fork_counts_the_childs_memory)
{
	long small = child_counts();
	char *at = try_map(16 * MIB, RW, MAP_PRIVATE | ANON);

	CHECK(small > 0);
	CHECK_EQ(child_counts(), small + 16 * 1024);
	for (size_t i = 0; i < 16 * MIB; i += PAGE)
		poke(at + i, 1);
	CHECK_EQ(child_counts(), small + 16 * 1024);
	CHECK_EQ(madvise(at, 4 * MIB, MADV_DONTFORK), 0);
	CHECK_EQ(child_counts(), small + 12 * 1024);
	CHECK_EQ(madvise(at + 8 * MIB, MIB, MADV_WIPEONFORK), 0);
	CHECK_EQ(child_counts(), small + 12 * 1024);
	CHECK(try_map(8 * MIB, RW, MAP_SHARED | ANON) != MAP_FAILED);
	CHECK_EQ(child_counts(), small + 12 * 1024);
	CHECK(try_map(8 * MIB, RW, MAP_PRIVATE | ANON | MAP_NORESERVE) != MAP_FAILED);
	CHECK_EQ(child_counts(), small + 12 * 1024);
	CHECK_EQ(munmap(at, 16 * MIB), 0);
	CHECK_EQ(child_counts(), small);
}

POLICY_TEST(execve_gives_back)
{
	struct gate ready = gate_new(), go = gate_new();
	char in[16], out[16];
	long before = committed();

	snprintf(in, sizeof(in), "%d", go.out);
	snprintf(out, sizeof(out), "%d", ready.in);
	long counts[2];
	for (int i = 0; i < 2; i++) {
		pid_t child = FORK();
		if (child == 0) {
			if (i)
				CHECK(try_map(16 * MIB, RW, MAP_PRIVATE | ANON) != MAP_FAILED);
			execl(own_path, own_path, "wait", in, out, NULL);
			_exit(1);
		}
		gate_pass(ready);
		counts[i] = committed() - before;
		gate_open(go, 1);
		CHECK_EXIT(child, 0);
		CHECK_EQ(committed(), before);
	}
	CHECK_EQ(counts[0], counts[1]);
	gate_free(ready);
	gate_free(go);
}

POLICY_TEST(mode_0_refuses_what_can_never_be)
{
	size_t all = (size_t)meminfo("MemTotal") * KIB;

	CHECK(try_map(all / 2, RW, MAP_PRIVATE | ANON) != MAP_FAILED);
	CHECK(try_map(all / 4 * 3, PROT_NONE, MAP_PRIVATE | ANON) != MAP_FAILED);
	CHECK(try_map(all, RW, MAP_PRIVATE | ANON) != MAP_FAILED);
	CHECK_ERRNO((long)try_map(all + PAGE, RW, MAP_PRIVATE | ANON), ENOMEM);
	CHECK_ERRNO((long)try_map(all + PAGE, RW, MAP_SHARED | ANON), ENOMEM);
	CHECK_ERRNO((long)try_map(4 * TIB, RW, MAP_PRIVATE | ANON), ENOMEM);
	char *at = try_map(4 * TIB, RW, MAP_PRIVATE | ANON | MAP_NORESERVE);
	CHECK(at != MAP_FAILED);
	poke(at + 3 * TIB, 1);
	CHECK_EQ(munmap(at, 4 * TIB), 0);
	at = try_map(4 * TIB, RW, MAP_SHARED | ANON | MAP_NORESERVE);
	CHECK(at != MAP_FAILED);
	CHECK_EQ(munmap(at, 4 * TIB), 0);
	at = try_map(4 * TIB, PROT_NONE, MAP_PRIVATE | ANON);
	CHECK(at != MAP_FAILED);
	CHECK_ERRNO(mprotect(at, all + PAGE, RW), ENOMEM);
	CHECK_EQ(mprotect(at, all, RW), 0);
}

POLICY_TEST(mode_1_refuses_nothing)
{
	set_number(VM "overcommit_memory", 1);
	char *at = try_map(4 * TIB, RW, MAP_PRIVATE | ANON);
	CHECK(at != MAP_FAILED);
	CHECK_LIVES(poke(at + TIB, 1));
	CHECK(try_map(4 * TIB, RW, MAP_SHARED | ANON) != MAP_FAILED);
	CHECK_EQ(GROWTH(munmap(at, 4 * TIB)), -(4l << 30));
}

POLICY_TEST(mode_2_keeps_to_its_limit)
{
	char *at;

	leave_room(32 * 1024);
	CHECK_ERRNO((long)try_map(64 * MIB, RW, MAP_PRIVATE | ANON), ENOMEM);
	CHECK_ERRNO((long)try_map(64 * MIB, RW, MAP_SHARED | ANON), ENOMEM);
	/* without reserve is for those who may promise too much */
	CHECK_ERRNO((long)try_map(64 * MIB, RW, MAP_PRIVATE | ANON | MAP_NORESERVE), ENOMEM);
	CHECK_ERRNO((long)try_map(64 * MIB, RW, MAP_SHARED | ANON | MAP_NORESERVE), ENOMEM);
	CHECK(try_map(64 * MIB, PROT_READ, MAP_PRIVATE | ANON) != MAP_FAILED);
	CHECK_EQ(GROWTH(at = try_map(16 * MIB, RW, MAP_PRIVATE | ANON | MAP_NORESERVE)), 16 * 1024);
	CHECK(at != MAP_FAILED);
	CHECK_ERRNO((long)try_map(20 * MIB, RW, MAP_PRIVATE | ANON), ENOMEM);
	CHECK_EQ(munmap(at, 16 * MIB), 0);
	at = try_map(30 * MIB, RW, MAP_PRIVATE | ANON);
	CHECK(at != MAP_FAILED);
	CHECK_ERRNO((long)try_map(4 * MIB, RW, MAP_PRIVATE | ANON), ENOMEM);
	map_at(at, 30 * MIB / PAGE, RW, MAP_PRIVATE); /* what is replaced is given back for it */
	CHECK_EQ(munmap(at, 30 * MIB), 0);
}

POLICY_TEST(mode_2_refuses_in_every_way)
{
	char *at = try_map(64 * MIB, PROT_READ, MAP_PRIVATE | ANON);
	char *small = try_map(MIB, RW, MAP_PRIVATE | ANON);

	leave_room(8 * 1024);
	CHECK_ERRNO(mprotect(at, 64 * MIB, RW), ENOMEM);
	CHECK_EQ(mprotect(at, 4 * MIB, RW), 0);
	CHECK_ERRNO((long)mremap(small, MIB, 32 * MIB, MREMAP_MAYMOVE), ENOMEM);
	CHECK_EQ(peek(small), 0);
	char *end = (char *)syscall(SYS_brk, 0);
	CHECK_EQ(syscall(SYS_brk, end + 32 * MIB), (long)end);
	CHECK_EQ(syscall(SYS_brk, end + MIB), (long)(end + MIB));
	CHECK_EQ(syscall(SYS_brk, end), (long)end);
}

POLICY_TEST(mode_2_refuses_fork)
{
	char *at = try_map(16 * MIB, RW, MAP_PRIVATE | ANON);

	leave_room(8 * 1024);
	long before = committed();
	CHECK_ERRNO(fork(), ENOMEM);
	CHECK_EQ(committed(), before);
	CHECK_EQ(munmap(at, 16 * MIB), 0);
	CHECK_LIVES(use_stack(1));
	CHECK_EQ(committed(), before - 16 * 1024);
}

POLICY_TEST(mode_2_lets_no_stack_grow)
{
	pid_t child = FORK();

	if (child == 0) {
		leave_room(1024);
		use_stack(1200);
		_exit(0);
	}
	CHECK_SIGNAL(child, SIGSEGV);
	CHECK_LIVES(leave_room(64 * 1024); use_stack(1200));
}

POLICY_TEST(mode_2_charges_tmpfs_as_pages_come)
{
	char *at = try_map(16 * MIB, RW, MAP_SHARED | ANON | MAP_NORESERVE);

	leave_room(1024);
	CHECK_BUS(for (size_t i = 0; i < 4 * MIB; i += PAGE) poke(at + i, 1));
}

POLICY_TEST(mode_2_keeps_reserves)
{
	leave_room(32 * 1024);
	set_number(VM "admin_reserve_kbytes", 16 * 1024);
	CHECK_LIVES(CHECK(try_map(20 * MIB, RW, MAP_PRIVATE | ANON) != MAP_FAILED));
	set_number(VM "user_reserve_kbytes", 16 * 1024);
	/* a 32nd of what the process has, but no more than that */
	CHECK(try_map(1024 * MIB, PROT_READ, MAP_PRIVATE | ANON) != MAP_FAILED);
	CHECK_ERRNO((long)try_map(20 * MIB, RW, MAP_PRIVATE | ANON), ENOMEM);
	set_number(VM "user_reserve_kbytes", 0);
	CHECK(try_map(20 * MIB, RW, MAP_PRIVATE | ANON) != MAP_FAILED);
}

POLICY_TEST(the_limit_and_its_two_ways_to_say_it)
{
	long total = meminfo("MemTotal") / 4;

	CHECK_EQ(get_number(VM "overcommit_memory"), 0);
	CHECK_EQ(get_number(VM "overcommit_ratio"), 50);
	CHECK_EQ(get_number(VM "overcommit_kbytes"), 0);
	CHECK_EQ(meminfo("CommitLimit"), total * 50 / 100 * 4);
	set_number(VM "overcommit_ratio", 80);
	CHECK_EQ(meminfo("CommitLimit"), total * 80 / 100 * 4);
	set_number(VM "overcommit_kbytes", 65536);
	CHECK_EQ(meminfo("CommitLimit"), 65536);
	CHECK_EQ(get_number(VM "overcommit_ratio"), 0);
	CHECK_EQ(try_set(VM "overcommit_memory", "3"), EINVAL);
	CHECK_EQ(try_set(VM "overcommit_memory", "-1"), EINVAL);
	CHECK_EQ(try_set(VM "overcommit_memory", "x"), EINVAL);
	CHECK_EQ(get_number(VM "overcommit_memory"), 0);
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "wait")) {
		gate_open((struct gate){ .in = atoi(argv[3]) }, 1);
		gate_pass((struct gate){ .out = atoi(argv[2]) });
		return 0;
	}
	long admin = get_number(VM "admin_reserve_kbytes"),
	     user = get_number(VM "user_reserve_kbytes");
	int status = ktap_main(argc, argv);
	set_defaults();
	set_number(VM "admin_reserve_kbytes", admin);
	set_number(VM "user_reserve_kbytes", user);
	return status;
}
