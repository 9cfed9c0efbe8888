/*
 * Robust futexes: at the death of a task, and at its execve, the kernel walks the list of locks
 * that the task says it holds, marks each that carries its tid with FUTEX_OWNER_DIED and wakes one
 * who waits. The list is user memory, and may be anything. Then it zeroes the word that the task
 * left for its end. Sources: set_robust_list(2), get_robust_list(2), set_tid_address(2), and the
 * kernel's Documentation/locking/robust-futex-ABI.rst.
 */
#include "futex.h"
#include <stddef.h>

struct lock {
	struct robust_list link;
	volatile uint32_t word;
};

enum { LOCKS = 8 };

/* In shared memory: what the dead leaves behind can be looked at. */
static struct shared {
	struct robust_list_head head;
	struct lock locks[LOCKS];
	struct lock many[ROBUST_LIST_LIMIT + 10];
} * shared;

static void begin(void)
{
	shared = shared_memory(sizeof(*shared));
	shared->head.list.next = &shared->head.list;
	shared->head.futex_offset = offsetof(struct lock, word);
}

static void set_list(void *head)
{
	CHECK_EQ(syscall(SYS_set_robust_list, head, sizeof(struct robust_list_head)), 0);
}

static void link_first(struct lock *lock)
{
	lock->link.next = shared->head.list.next;
	shared->head.list.next = &lock->link;
}

static void take(struct lock *lock, uint32_t flags)
{
	lock->word = (uint32_t)getpid() | flags;
	link_first(lock);
}

/* A child that does something with its list and then waits for its death, which it gets. */
#define DYING(...)                                                                                 \
	do {                                                                                       \
		struct gate ready_ = gate_new();                                                   \
		pid_t pid_ = FORK();                                                               \
		if (pid_ == 0) {                                                                   \
			set_list(&shared->head);                                                   \
			__VA_ARGS__;                                                               \
			gate_open(ready_, 1);                                                      \
			block_forever();                                                           \
		}                                                                                  \
		gate_pass(ready_);                                                                 \
		CHECK_EQ(kill(pid_, SIGKILL), 0);                                                  \
		CHECK_SIGNAL(pid_, SIGKILL);                                                       \
		gate_free(ready_);                                                                 \
	} while (0)

TEST(killed_while_holding)
{
	begin();
	DYING(take(&shared->locks[0], 0), take(&shared->locks[1], FUTEX_WAITERS));
	CHECK_EQ(shared->locks[0].word, FUTEX_OWNER_DIED);
	CHECK_EQ(shared->locks[1].word, FUTEX_OWNER_DIED | FUTEX_WAITERS);
}

TEST(exit_while_holding)
{
	begin();
	pid_t pid = FORK();
	if (pid == 0) {
		set_list(&shared->head);
		take(&shared->locks[0], 0);
		_exit(3);
	}
	CHECK_EXIT(pid, 3);
	CHECK_EQ(shared->locks[0].word, FUTEX_OWNER_DIED);
}

TEST(execve_while_holding)
{
	begin();
	pid_t pid = FORK();
	if (pid == 0) {
		set_list(&shared->head);
		take(&shared->locks[0], FUTEX_WAITERS);
		execl(own_path, own_path, "exit", NULL);
		_exit(99);
	}
	CHECK_EXIT(pid, 0);
	CHECK_EQ(shared->locks[0].word, FUTEX_OWNER_DIED | FUTEX_WAITERS);
}

/* An execve that fails leaves everything as it was. */
TEST(failed_execve_while_holding)
{
	begin();
	DYING({
		take(&shared->locks[0], 0);
		execl("/none", "/none", NULL);
		CHECK_EQ(shared->locks[0].word, getpid());
	});
	CHECK_EQ(shared->locks[0].word, FUTEX_OWNER_DIED);
}

TEST(only_those_that_are_its_own)
{
	begin();
	DYING({
		take(&shared->locks[0], 0);
		take(&shared->locks[1], 0);
		shared->locks[1].word = (uint32_t)getppid();
		take(&shared->locks[2], 0);
		shared->locks[2].word = 0;
		take(&shared->locks[3], FUTEX_OWNER_DIED);
		shared->locks[4].word = (uint32_t)getpid(); /* not in the list */
		shared->locks[5].word = (uint32_t)getpid();
	});
	CHECK_EQ(shared->locks[0].word, FUTEX_OWNER_DIED);
	CHECK_EQ(shared->locks[1].word, getpid());
	CHECK_EQ(shared->locks[2].word, 0);
	CHECK_EQ(shared->locks[3].word, FUTEX_OWNER_DIED);
	CHECK(shared->locks[4].word != 0 && !(shared->locks[4].word & FUTEX_OWNER_DIED));
	CHECK_EQ(shared->locks[5].word, shared->locks[4].word);
}

/* Those who wait are woken one by one: each takes the lock over from a dead owner, and dies. */
TEST(the_lock_goes_from_dead_to_dead)
{
	enum { TASKS = 6 };
	volatile uint32_t *word, *taken;
	pid_t pids[TASKS];

	begin();
	word = &shared->locks[0].word;
	taken = &shared->locks[1].word;
	*word = FUTEX_WAITERS | 1; /* nobody who will ever die */
	for (int i = 0; i < TASKS; i++) {
		pids[i] = FORK();
		if (pids[i] == 0) {
			/* everybody has a list of its own, in private memory */
			struct robust_list_head head = {
				.list.next = &shared->locks[0].link,
				.futex_offset = offsetof(struct lock, word),
			};
			struct robust_list *end = &head.list;

			for (;;) {
				uint32_t now = word_of(word);

				if (now & FUTEX_TID_MASK) {
					futex_wait(word, now);
					continue;
				}
				CHECK(now == (FUTEX_WAITERS | FUTEX_OWNER_DIED));
				if (__atomic_compare_exchange_n(
					    word, &now, FUTEX_WAITERS | (uint32_t)getpid(), false,
					    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
					break;
			}
			__atomic_fetch_add(taken, 1, __ATOMIC_SEQ_CST);
			shared->locks[0].link.next = end;
			set_list(&head);
			_exit(0);
		}
		await_state(pids[i], 'S');
	}
	*word = FUTEX_WAITERS | FUTEX_OWNER_DIED;
	CHECK_EQ(futex_wake(word, 1), 1);
	for (int i = 0; i < TASKS; i++)
		CHECK_EXIT(pids[i], 0);
	CHECK_EQ(*taken, TASKS);
	CHECK_EQ(*word, FUTEX_WAITERS | FUTEX_OWNER_DIED);
}

/* One is woken by a death, and only where the word says that somebody waits. */
TEST(a_death_wakes_one_if_told)
{
	pid_t pids[3];

	begin();
	shared->locks[0].word = shared->locks[1].word = 0;
	pids[0] = sleeper(&shared->locks[0].word, FUTEX_WAIT, 0);
	pids[1] = sleeper(&shared->locks[0].word, FUTEX_WAIT, 0);
	pids[2] = sleeper(&shared->locks[1].word, FUTEX_WAIT, 0);
	DYING(take(&shared->locks[0], FUTEX_WAITERS), take(&shared->locks[1], 0));
	CHECK_EXIT(pids[0], 0);
	CHECK(still_sleeps(pids[1]) && still_sleeps(pids[2]));
	CHECK_EQ(futex_wake(&shared->locks[0].word, 5), 1);
	CHECK_EQ(futex_wake(&shared->locks[1].word, 5), 1);
	CHECK_EXIT(pids[1], 0);
	CHECK_EXIT(pids[2], 0);
}

/* It died between taking a lock and linking it, or the other way round. */
TEST(the_pending_one)
{
	begin();
	DYING({
		take(&shared->locks[0], 0);
		shared->locks[1].word = (uint32_t)getpid();
		shared->head.list_op_pending = &shared->locks[1].link;
	});
	CHECK_EQ(shared->locks[0].word, FUTEX_OWNER_DIED);
	CHECK_EQ(shared->locks[1].word, FUTEX_OWNER_DIED);
	begin();
	DYING({ /* in the list as well */
		take(&shared->locks[0], 0);
		take(&shared->locks[1], 0);
		shared->head.list_op_pending = &shared->locks[1].link;
	});
	CHECK_EQ(shared->locks[0].word, FUTEX_OWNER_DIED);
	CHECK_EQ(shared->locks[1].word, FUTEX_OWNER_DIED);
}

/* It died after giving the lock up and before waking the next: the kernel wakes for it. */
TEST(the_pending_one_was_free)
{
	begin();
	pid_t pid = sleeper(&shared->locks[1].word, FUTEX_WAIT, 0);
	DYING(shared->head.list_op_pending = &shared->locks[1].link);
	CHECK_EXIT(pid, 0);
	CHECK_EQ(shared->locks[1].word, 0);
}

/* Bit 0 of a link says that the lock is one with priority inheritance: nobody is woken for it. */
TEST(locks_that_inherit_priority)
{
	begin();
	pid_t pid = sleeper(&shared->locks[0].word, FUTEX_WAIT, 0);
	DYING({
		take(&shared->locks[0], FUTEX_WAITERS);
		shared->head.list.next = (void *)((uintptr_t)&shared->locks[0].link | 1);
	});
	CHECK_EQ(shared->locks[0].word, FUTEX_OWNER_DIED | FUTEX_WAITERS);
	CHECK(still_sleeps(pid));
	CHECK_EQ(futex_wake(&shared->locks[0].word, 5), 1);
	CHECK_EXIT(pid, 0);
}

/* ---- lists that are none --------------------------------------------------------------------- */

TEST(a_loop)
{
	begin();
	DYING({
		take(&shared->locks[0], 0);
		take(&shared->locks[1], 0);
		shared->locks[0].link.next = &shared->locks[1].link;
	});
	CHECK_EQ(shared->locks[0].word, FUTEX_OWNER_DIED);
	CHECK_EQ(shared->locks[1].word, FUTEX_OWNER_DIED);
}

/* Of a list that is too long only the beginning counts. */
TEST(too_long_a_list)
{
	begin();
	DYING(for (int i = ROBUST_LIST_LIMIT + 9; i >= 0; i--) take(&shared->many[i], 0));
	CHECK_EQ(shared->many[0].word, FUTEX_OWNER_DIED);
	CHECK_EQ(shared->many[ROBUST_LIST_LIMIT - 1].word, FUTEX_OWNER_DIED);
	CHECK(shared->many[ROBUST_LIST_LIMIT].word != FUTEX_OWNER_DIED);
	CHECK(shared->many[ROBUST_LIST_LIMIT + 9].word != FUTEX_OWNER_DIED);
}

TEST(garbage)
{
	static void *const wild[] = {
		NULL, BAD_POINTER, KERNEL_ADDRESS, NON_CANONICAL, (void *)-1L, (void *)1L,
	};

	for (unsigned i = 0; i < ARRAY_SIZE(wild); i++) {
		CONTEXT("pointer %u", i);
		begin();
		DYING(set_list(wild[i]));
		DYING(shared->head.list.next = wild[i]);
		begin();
		DYING(shared->head.list_op_pending = wild[i]);
		begin();
		DYING({
			take(&shared->locks[0], 0);
			shared->head.futex_offset = (long)wild[i];
		});
		begin();
		DYING({
			take(&shared->locks[1], 0);
			take(&shared->locks[0], 0);
			shared->locks[0].link.next = wild[i];
		});
		CHECK_EQ(shared->locks[0].word, FUTEX_OWNER_DIED);
		CHECK(shared->locks[1].word != FUTEX_OWNER_DIED);
	}
}

/* Words that cannot be had end the walk; those before them are done. */
TEST(words_out_of_reach)
{
	static const int protections[] = { PROT_NONE, PROT_READ };

	for (unsigned i = 0; i < ARRAY_SIZE(protections); i++) {
		begin();
		struct lock *closed = shared_memory(4096);
		DYING({
			take(&shared->locks[2], 0);
			take(closed, 0);
			take(&shared->locks[0], 0);
			CHECK_EQ(mprotect(closed, 4096, protections[i]), 0);
		});
		CHECK_EQ(shared->locks[0].word, FUTEX_OWNER_DIED);
		CHECK(closed->word != FUTEX_OWNER_DIED);
		CHECK(shared->locks[2].word != FUTEX_OWNER_DIED);
	}
	begin();
	DYING({ /* a word that is not aligned */
		take(&shared->locks[0], 0);
		shared->head.futex_offset += 2;
	});
	CHECK(shared->locks[0].word != FUTEX_OWNER_DIED);
}

/* The locks lie in pages that a fork shares: the dead marks its own copy. */
TEST(words_shared_by_copy_on_write)
{
	static struct robust_list_head head;
	static struct lock lock;

	head.list.next = &lock.link;
	head.futex_offset = offsetof(struct lock, word);
	lock.link.next = &head.list;
	lock.word = (uint32_t)getpid();
	set_list(&head);
	pid_t pid = FORK();
	if (pid == 0) {
		lock.word = (uint32_t)getpid();
		set_list(&head);
		_exit(0);
	}
	CHECK_EXIT(pid, 0);
	CHECK_EQ(lock.word, getpid());
	set_list(NULL);
}

/* ---- the calls ------------------------------------------------------------------------------- */

static long get_list(pid_t pid, void **head, size_t *size)
{
	return syscall(SYS_get_robust_list, pid, head, size);
}

TEST(set_errors)
{
	CHECK_ERRNO(syscall(SYS_set_robust_list, NULL, 23), EINVAL);
	CHECK_ERRNO(syscall(SYS_set_robust_list, NULL, 0), EINVAL);
	CHECK_EQ(syscall(SYS_set_robust_list, NON_CANONICAL, 24), 0);
	CHECK_EQ(syscall(SYS_set_robust_list, NULL, 24), 0);
}

TEST(get_what_was_set)
{
	struct robust_list_head head;
	void *got = &got;
	size_t size = 0;

	set_list(&head);
	CHECK_EQ(get_list(0, &got, &size), 0);
	CHECK(got == &head);
	CHECK_EQ(size, sizeof(head));
	got = NULL;
	CHECK_EQ(get_list(getpid(), &got, &size), 0);
	CHECK(got == &head);
	set_list(NULL);
	CHECK_EQ(get_list(0, &got, &size), 0);
	CHECK(got == NULL);
	CHECK_ERRNO(get_list(0, NULL, &size), EFAULT);
	CHECK_ERRNO(get_list(0, &got, NULL), EFAULT);
	CHECK_ERRNO(get_list(0x3fffffff, &got, &size), ESRCH);
	CHECK_ERRNO(get_list(-1, &got, &size), ESRCH);
}

/* The list is not inherited by fork; another's may be seen by who may trace it. */
TEST(get_of_another)
{
	struct robust_list_head head;
	struct gate ready = gate_new(), on = gate_new();
	void *got = NULL;
	size_t size;

	set_list(&head);
	pid_t pid = FORK();
	if (pid == 0) {
		CHECK_EQ(get_list(0, &got, &size), 0);
		CHECK(got == NULL);
		set_list(BAD_POINTER);
		gate_open(ready, 1);
		gate_pass(on);
		_exit(0);
	}
	set_list(NULL);
	gate_pass(ready);
	CHECK_EQ(get_list(pid, &got, &size), 0);
	CHECK(got == BAD_POINTER);
	pid_t nobody = FORK();
	if (nobody == 0) {
		CHECK_EQ(setgid(1000), 0);
		CHECK_EQ(setuid(1000), 0);
		CHECK_ERRNO(get_list(pid, &got, &size), EPERM);
		CHECK_EQ(get_list(getpid(), &got, &size), 0);
		_exit(0);
	}
	CHECK_EXIT(nobody, 0);
	gate_open(on, 1);
	CHECK_EXIT(pid, 0);
	CHECK_ERRNO(get_list(pid, &got, &size), ESRCH);
}

/* ---- the word of set_tid_address(2) ---------------------------------------------------------- */

static char child_stack[65536] __attribute__((aligned(16)));

static int exit_now(void *argument)
{
	(void)argument;
	return 0;
}

static int execute(void *argument)
{
	(void)argument;
	execl(own_path, own_path, "exit", NULL);
	return 1;
}

/* CLONE_CHILD_CLEARTID: at exit and at execve, if others use the memory; and one is woken. */
TEST(the_word_of_a_child)
{
	static int (*const ends[])(void *) = { exit_now, execute };
	volatile uint32_t *tid = shared_memory(4096);

	for (unsigned i = 0; i < ARRAY_SIZE(ends); i++) {
		CONTEXT("end %u", i);
		*tid = 0;
		pid_t sleepers[2] = { sleeper(tid, FUTEX_WAIT, 0), sleeper(tid, FUTEX_WAIT, 0) };
		*tid = 77;
		pid_t pid = clone(ends[i], child_stack + sizeof(child_stack),
				  CLONE_VM | CLONE_VFORK | CLONE_CHILD_CLEARTID | SIGCHLD, NULL,
				  NULL, NULL, tid);
		CHECK(pid > 0);
		CHECK_EQ(*tid, 0);
		CHECK_EXIT(pid, 0);
		CHECK_EXIT(sleepers[0], 0);
		CHECK(still_sleeps(sleepers[1]));
		CHECK_EQ(futex_wake(tid, 5), 1);
		CHECK_EXIT(sleepers[1], 0);
		*tid = 77; /* in memory of its own it is left alone */
		pid = clone(ends[i], child_stack + sizeof(child_stack),
			    CLONE_CHILD_CLEARTID | SIGCHLD, NULL, NULL, NULL, tid);
		CHECK(pid > 0);
		CHECK_EXIT(pid, 0);
		CHECK_EQ(*tid, 77);
	}
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "exit"))
		return 0;
	return ktap_main(argc, argv);
}
