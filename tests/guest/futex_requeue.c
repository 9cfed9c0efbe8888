/*
 * FUTEX_REQUEUE, FUTEX_CMP_REQUEUE and FUTEX_WAKE_OP: sleepers that are moved from one word to
 * another without waking, and a wake-up that changes one word and judges by what it was. Source:
 * futex(2).
 */
#include "futex.h"

enum { SLEEPERS = 6 };

static volatile uint32_t *words; /* a page of them */
static pid_t sleepers[SLEEPERS];

static void begin(int count, int operation)
{
	words = shared_memory(4096);
	for (int i = 0; i < count; i++)
		sleepers[i] = sleeper(&words[0], operation, FUTEX_BITSET_MATCH_ANY);
}

/* All of them are woken, some by each word, and end well. */
static void finish(int count, long at_first, long at_second)
{
	CHECK_EQ(futex_wake(&words[0], INT_MAX), at_first);
	CHECK_EQ(futex_wake(&words[1], INT_MAX), at_second);
	for (int i = 0; i < count; i++)
		CHECK_EXIT(sleepers[i], 0);
}

TEST(requeue_wakes_some_and_moves_some)
{
	begin(6, FUTEX_WAIT);
	CHECK_EQ(futex(&words[0], FUTEX_REQUEUE, 1, NUMBER(3), &words[1], 0), 4);
	CHECK_EXIT(sleepers[0], 0); /* the one that came first */
	CHECK_EQ(futex_wake(&words[1], 2), 2);
	CHECK_EXIT(sleepers[1], 0);
	CHECK_EXIT(sleepers[2], 0);
	CHECK(still_sleeps(sleepers[3]));
	CHECK_EQ(futex_wake(&words[0], INT_MAX), 2);
	CHECK_EQ(futex_wake(&words[1], INT_MAX), 1);
	for (int i = 3; i < 6; i++)
		CHECK_EXIT(sleepers[i], 0);
}

TEST(requeue_moves_all_without_waking)
{
	begin(SLEEPERS, FUTEX_WAIT);
	CHECK_EQ(futex(&words[0], FUTEX_REQUEUE, 0, NUMBER(INT_MAX), &words[1], 0), SLEEPERS);
	for (int i = 0; i < SLEEPERS; i++)
		CHECK(still_sleeps(sleepers[i]));
	finish(SLEEPERS, 0, SLEEPERS);
}

TEST(requeue_of_none)
{
	begin(2, FUTEX_WAIT);
	CHECK_EQ(futex(&words[0], FUTEX_REQUEUE, 0, NUMBER(0), &words[1], 0), 0);
	CHECK_EQ(futex(&words[1], FUTEX_REQUEUE, 5, NUMBER(5), &words[0], 0), 0);
	finish(2, 2, 0);
}

/* The same word twice: those that would be moved are counted, and stay. */
TEST(requeue_to_itself)
{
	begin(4, FUTEX_WAIT);
	CHECK_EQ(futex(&words[0], FUTEX_REQUEUE, 1, NUMBER(2), &words[0], 0), 3);
	CHECK_EXIT(sleepers[0], 0);
	CHECK_EQ(futex_wake(&words[0], INT_MAX), 3);
	for (int i = 1; i < 4; i++)
		CHECK_EXIT(sleepers[i], 0);
}

/* There and back many times, over many words, so that words of one bucket are among them. */
TEST(requeue_along_many_words)
{
	enum { WORDS = 1024 };

	begin(SLEEPERS, FUTEX_WAIT);
	for (int i = 0; i + 1 < WORDS; i++)
		CHECK_EQ(futex(&words[i], FUTEX_REQUEUE, 0, NUMBER(INT_MAX), &words[i + 1], 0),
			 SLEEPERS);
	for (int i = 0; i + 1 < WORDS; i++)
		CHECK_EQ(futex_wake(&words[i], INT_MAX), 0);
	CHECK_EQ(futex_wake(&words[WORDS - 1], INT_MAX), SLEEPERS);
	for (int i = 0; i < SLEEPERS; i++)
		CHECK_EXIT(sleepers[i], 0);
}

/* Whoever waits with bits keeps them on the way. */
TEST(requeue_keeps_the_bits)
{
	words = shared_memory(4096);
	sleepers[0] = sleeper(&words[0], FUTEX_WAIT_BITSET, 1);
	sleepers[1] = sleeper(&words[0], FUTEX_WAIT_BITSET, 2);
	CHECK_EQ(futex(&words[0], FUTEX_REQUEUE, 0, NUMBER(2), &words[1], 0), 2);
	CHECK_EQ(futex(&words[1], FUTEX_WAKE_BITSET, INT_MAX, NULL, NULL, 4), 0);
	CHECK_EQ(futex(&words[1], FUTEX_WAKE_BITSET, INT_MAX, NULL, NULL, 2), 1);
	CHECK_EXIT(sleepers[1], 0);
	CHECK(still_sleeps(sleepers[0]));
	CHECK_EQ(futex(&words[1], FUTEX_WAKE_BITSET, INT_MAX, NULL, NULL, 1), 1);
	CHECK_EXIT(sleepers[0], 0);
}

TEST(cmp_requeue_looks_at_the_word)
{
	begin(3, FUTEX_WAIT);
	CHECK_ERRNO(futex(&words[0], FUTEX_CMP_REQUEUE, 1, NUMBER(1), &words[1], 7), EAGAIN);
	words[0] = 7;
	CHECK_ERRNO(futex(&words[0], FUTEX_CMP_REQUEUE, 1, NUMBER(1), &words[1], 0), EAGAIN);
	CHECK_EQ(futex(&words[0], FUTEX_CMP_REQUEUE, 1, NUMBER(1), &words[1], 7), 2);
	finish(3, 1, 1);
}

/* A time-out and a signal find a sleeper where it was moved to. */
TEST(a_moved_sleeper_times_out)
{
	words = shared_memory(4096);
	pid_t pid = FORK();

	if (pid == 0) {
		struct timespec brief = { 0, 300000000 };

		CHECK_ERRNO(futex(&words[0], FUTEX_WAIT, 0, &brief, NULL, 0), ETIMEDOUT);
		_exit(0);
	}
	await_state(pid, 'S');
	/* 1: it was asleep still; 0: this machine was slow */
	CHECK(futex(&words[0], FUTEX_REQUEUE, 0, NUMBER(1), &words[1], 0) <= 1);
	CHECK_EXIT(pid, 0);
	CHECK_EQ(futex_wake(&words[1], 1), 0);
	CHECK_EQ(futex_wake(&words[0], 1), 0);
}

TEST(a_moved_sleeper_is_killed)
{
	begin(2, FUTEX_WAIT);
	CHECK_EQ(futex(&words[0], FUTEX_REQUEUE, 0, NUMBER(2), &words[1], 0), 2);
	CHECK_EQ(kill(sleepers[0], SIGKILL), 0);
	CHECK_SIGNAL(sleepers[0], SIGKILL);
	CHECK_EQ(futex_wake(&words[1], INT_MAX), 1);
	CHECK_EXIT(sleepers[1], 0);
}

TEST(requeue_errors)
{
	static const int operations[] = { FUTEX_REQUEUE, FUTEX_CMP_REQUEUE };

	words = shared_memory(4096);
	for (unsigned i = 0; i < ARRAY_SIZE(operations); i++) {
		int operation = operations[i];
		const volatile char *odd = (const volatile char *)words + 2;

		CONTEXT("operation %d", operation);
		CHECK_ERRNO(futex(words, operation, 0x80000000, NUMBER(1), words + 1, 0), EINVAL);
		CHECK_ERRNO(futex(words, operation, 1, NUMBER(-1L), words + 1, 0), EINVAL);
		CHECK_ERRNO(futex(odd, operation, 1, NUMBER(1), words + 1, 0), EINVAL);
		CHECK_ERRNO(futex(words, operation, 1, NUMBER(1), odd, 0), EINVAL);
		CHECK_ERRNO(futex(NULL, operation, 1, NUMBER(1), words + 1, 0), EFAULT);
		CHECK_ERRNO(futex(words, operation, 1, NUMBER(1), NULL, 0), EFAULT);
		CHECK_ERRNO(futex(words, operation, 1, NUMBER(1), KERNEL_ADDRESS, 0), EFAULT);
		CHECK_ERRNO(
			futex(words, operation | FUTEX_CLOCK_REALTIME, 1, NUMBER(1), words + 1, 0),
			ENOSYS);
	}
	/* a private key is only a number until the word is read */
	CHECK_EQ(futex(NULL, FUTEX_REQUEUE_PRIVATE, 1, NUMBER(1), BAD_POINTER - 4, 0), 0);
	CHECK_ERRNO(futex(NULL, FUTEX_CMP_REQUEUE_PRIVATE, 1, NUMBER(1), words, 0), EFAULT);
}

/* ---- FUTEX_WAKE_OP --------------------------------------------------------------------------- */

/* The constants of <linux/futex.h>, with an argument of any sign. */
#define OP(op, argument, compare, with)                                                            \
	((uint32_t)(op) << 28 | (uint32_t)(compare) << 24 | ((uint32_t)(argument)&0xfff) << 12 |   \
	 ((uint32_t)(with)&0xfff))

static long wake_op(uint32_t wake, uint32_t wake2, uint32_t op)
{
	return futex(&words[0], FUTEX_WAKE_OP, wake, NUMBER(wake2), &words[1], op);
}

TEST(wake_op_changes_the_word)
{
	static const struct {
		int op, argument;
		uint32_t before, after;
	} rows[] = {
		{ FUTEX_OP_SET, 5, 77, 5 },
		{ FUTEX_OP_SET, -1, 77, 0xffffffff },
		{ FUTEX_OP_SET, -2048, 77, 0xfffff800 },
		{ FUTEX_OP_SET, 2047, 77, 2047 },
		{ FUTEX_OP_ADD, 5, 77, 82 },
		{ FUTEX_OP_ADD, -78, 77, 0xffffffff },
		{ FUTEX_OP_ADD, 1, 0xffffffff, 0 },
		{ FUTEX_OP_ADD, 1, 0x7fffffff, 0x80000000 },
		{ FUTEX_OP_OR, 0x12, 0x80000021, 0x80000033 },
		{ FUTEX_OP_OR, -1, 0, 0xffffffff },
		{ FUTEX_OP_ANDN, 0x12, 0x80000033, 0x80000021 },
		{ FUTEX_OP_ANDN, -1, 0x1234, 0 },
		{ FUTEX_OP_XOR, 0x12, 0x80000033, 0x80000021 },
		{ FUTEX_OP_XOR, -1, 0x0000ffff, 0xffff0000 },
		{ FUTEX_OP_SET | FUTEX_OP_OPARG_SHIFT, 0, 77, 1 },
		{ FUTEX_OP_SET | FUTEX_OP_OPARG_SHIFT, 31, 77, 0x80000000 },
		{ FUTEX_OP_ADD | FUTEX_OP_OPARG_SHIFT, 4, 77, 93 },
		{ FUTEX_OP_OR | FUTEX_OP_OPARG_SHIFT, 12, 0xf, 0x100f },
		{ FUTEX_OP_ANDN | FUTEX_OP_OPARG_SHIFT, 31, 0x80000001, 1 },
		{ FUTEX_OP_XOR | FUTEX_OP_OPARG_SHIFT, 30, 0xffffffff, 0xbfffffff },
		/* too far: taken modulo 32 */
		{ FUTEX_OP_SET | FUTEX_OP_OPARG_SHIFT, 33, 77, 2 },
		{ FUTEX_OP_SET | FUTEX_OP_OPARG_SHIFT, -1, 77, 0x80000000 },
	};

	words = shared_memory(4096);
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		CONTEXT("row %u", i);
		words[1] = rows[i].before;
		words[2] = 0x5a5a5a5a;
		CHECK_EQ(wake_op(1, 1, OP(rows[i].op, rows[i].argument, FUTEX_OP_CMP_EQ, 0)), 0);
		CHECK_EQ(words[1], rows[i].after);
		CHECK_EQ(words[2], 0x5a5a5a5a);
	}
}

TEST(wake_op_compares_what_was_there)
{
	static const struct {
		int compare, with;
		uint32_t was;
		bool holds;
	} rows[] = {
		{ FUTEX_OP_CMP_EQ, 5, 5, true },
		{ FUTEX_OP_CMP_EQ, 5, 6, false },
		{ FUTEX_OP_CMP_EQ, -1, 0xffffffff, true },
		{ FUTEX_OP_CMP_EQ, -1, 0xfff, false },
		{ FUTEX_OP_CMP_NE, 5, 5, false },
		{ FUTEX_OP_CMP_NE, 5, 6, true },
		{ FUTEX_OP_CMP_LT, 5, 4, true },
		{ FUTEX_OP_CMP_LT, 5, 5, false },
		{ FUTEX_OP_CMP_LT, -5, 0xfffffffa, true },
		{ FUTEX_OP_CMP_LT, 0, 0x80000000, true },
		{ FUTEX_OP_CMP_LE, 5, 5, true },
		{ FUTEX_OP_CMP_LE, 5, 6, false },
		{ FUTEX_OP_CMP_LE, -2048, 0xfffff800, true },
		{ FUTEX_OP_CMP_GT, 5, 6, true },
		{ FUTEX_OP_CMP_GT, 5, 5, false },
		{ FUTEX_OP_CMP_GT, 0, 0x80000000, false },
		{ FUTEX_OP_CMP_GE, 5, 5, true },
		{ FUTEX_OP_CMP_GE, 5, 4, false },
		{ FUTEX_OP_CMP_GE, 2047, 0x7fffffff, true },
	};

	words = shared_memory(4096);
	pid_t pid = sleeper(&words[1], FUTEX_WAIT, 0);
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		CONTEXT("row %u", i);
		words[1] = rows[i].was;
		/* FUTEX_OP_ADD 1: the old word is what counts */
		CHECK_EQ(wake_op(1, 1, OP(FUTEX_OP_ADD, 1, rows[i].compare, rows[i].with)),
			 rows[i].holds);
		CHECK_EQ(words[1], rows[i].was + 1);
		if (rows[i].holds) {
			CHECK_EXIT(pid, 0);
			words[1] = 0;
			pid = sleeper(&words[1], FUTEX_WAIT, 0);
		}
	}
	CHECK_EQ(futex_wake(&words[1], 1), 1);
	CHECK_EXIT(pid, 0);
}

/* The first word's sleepers are woken in any case, the second's only if the comparison holds. */
TEST(wake_op_wakes_at_both_words)
{
	pid_t pids[6];

	words = shared_memory(4096);
	for (int i = 0; i < 6; i++)
		pids[i] = sleeper(&words[i / 3], FUTEX_WAIT, 0);
	CHECK_EQ(wake_op(1, 1, OP(FUTEX_OP_SET, 1, FUTEX_OP_CMP_NE, 0)), 1);
	CHECK_EXIT(pids[0], 0);
	CHECK_EQ(words[1], 1);
	CHECK_EQ(wake_op(1, 2, OP(FUTEX_OP_SET, 0, FUTEX_OP_CMP_EQ, 1)), 3);
	CHECK_EXIT(pids[1], 0);
	CHECK_EXIT(pids[3], 0);
	CHECK_EXIT(pids[4], 0);
	CHECK(still_sleeps(pids[2]) && still_sleeps(pids[5]));
	CHECK_EQ(futex_wake(&words[0], INT_MAX), 1);
	CHECK_EQ(futex_wake(&words[1], INT_MAX), 1);
	CHECK_EXIT(pids[2], 0);
	CHECK_EXIT(pids[5], 0);
}

/* One word in both places. */
TEST(wake_op_on_one_word)
{
	begin(3, FUTEX_WAIT);
	CHECK_EQ(futex(&words[0], FUTEX_WAKE_OP, 1, NUMBER(1), &words[0],
		       OP(FUTEX_OP_SET, 9, FUTEX_OP_CMP_EQ, 0)),
		 2);
	CHECK_EQ(words[0], 9);
	finish(3, 1, 0);
}

TEST(wake_op_errors)
{
	words = shared_memory(4096);
	CHECK_ERRNO(wake_op(1, 1, OP(5, 1, FUTEX_OP_CMP_EQ, 0)), ENOSYS);
	CHECK_ERRNO(wake_op(1, 1, OP(7, 1, FUTEX_OP_CMP_EQ, 0)), ENOSYS);
	CHECK_EQ(words[1], 0);
	/* the word has changed when the comparison turns out to be unknown */
	CHECK_ERRNO(wake_op(1, 1, OP(FUTEX_OP_SET, 3, 6, 0)), ENOSYS);
	CHECK_EQ(words[1], 3);
	CHECK_ERRNO(wake_op(1, 1, OP(FUTEX_OP_SET, 3, 15, 0)), ENOSYS);
	CHECK_ERRNO(futex(NULL, FUTEX_WAKE_OP, 1, NUMBER(1), words, 0), EFAULT);
	CHECK_ERRNO(futex(words, FUTEX_WAKE_OP, 1, NUMBER(1), NULL, 0), EFAULT);
	CHECK_ERRNO(futex(words, FUTEX_WAKE_OP_PRIVATE, 1, NUMBER(1), NULL, 0), EFAULT);
	CHECK_ERRNO(futex(words, FUTEX_WAKE_OP, 1, NUMBER(1), KERNEL_ADDRESS, 0), EFAULT);
	CHECK_ERRNO(futex((volatile char *)words + 1, FUTEX_WAKE_OP, 1, NUMBER(1), words, 0),
		    EINVAL);
	CHECK_ERRNO(futex(words, FUTEX_WAKE_OP, 1, NUMBER(1), (volatile char *)words + 3, 0),
		    EINVAL);
	CHECK_ERRNO(futex(words, FUTEX_WAKE_OP | FUTEX_CLOCK_REALTIME, 1, NUMBER(1), words, 0),
		    ENOSYS);
	CHECK_EQ(mprotect((void *)words, 4096, PROT_READ), 0);
	CHECK_ERRNO(wake_op(1, 1, OP(FUTEX_OP_SET, 4, FUTEX_OP_CMP_EQ, 0)), EFAULT);
	CHECK_ERRNO(futex(words, FUTEX_WAKE_OP_PRIVATE, 1, NUMBER(1), words, 0), EFAULT);
	CHECK_EQ(words[1], 3);
}

/* The word's page is shared with a child by copy-on-write: the parent gets one of its own. */
TEST(wake_op_breaks_copy_on_write)
{
	static volatile uint32_t word[2];
	struct gate gate = gate_new();
	pid_t pid = FORK();

	if (pid == 0) {
		gate_pass(gate);
		_exit((int)word[1]);
	}
	CHECK_EQ(futex(&word[0], FUTEX_WAKE_OP_PRIVATE, 1, NUMBER(1), &word[1],
		       OP(FUTEX_OP_SET, 42, FUTEX_OP_CMP_EQ, 0)),
		 0);
	CHECK_EQ(word[1], 42);
	gate_open(gate, 1);
	CHECK_EXIT(pid, 0);
}

int main(int argc, char **argv)
{
	return ktap_main(argc, argv);
}
