/*
 * A futex is known by where its word is. In memory that is shared it is the object and the byte in
 * it, so that processes which map it at different addresses meet; else the address space and the
 * address. A private futex is always the latter, and never the same as a shared one. Objects go by
 * numbers that are not used again (page_cache.id), address spaces by their own address, which their
 * waiters keep; so no key holds a reference, and none comes to mean something else.
 *
 * Waiters hang in a hash table of queues by their key. No wake-up is lost, on however many
 * processors: a waiter reads the word under the lock of its bucket and stays in the queue if it has
 * the value; a waker has changed the word before it takes that lock. So either the waiter sees the
 * new value, or the waker finds the waiter.
 *
 * The waker sets `woken` and wakes the task, and only then says that it is done by `bucket` being
 * NULL; the waiter sets its state before it looks at `woken` (as in sched/wait.h), and goes on only
 * once `bucket` is NULL or it has taken itself out of the queue. Until then its stack frame and its
 * task stay. A requeue moves a waiter with the locks of both buckets held; so who wants the lock of
 * a waiter's bucket takes it and looks whether it still is that one. Of two buckets, the one at the
 * lower address is locked first.
 */
#include "proc/futex.h"
#include "mm/mm.h"
#include "sched/task.h"
#include "x86/printk.h"
#include <asm/errno.h>
#include <linux/futex.h>

#define BUCKET_BITS 10

struct futex_bucket {
	struct spinlock lock; /* guards waiters */
	struct list_head waiters;
};

static struct futex_bucket buckets[1 << BUCKET_BITS];
/* Those that wait for a time of CLOCK_REALTIME. */
static struct wait_queue realtime_sleepers = WAIT_QUEUE_INIT(realtime_sleepers, "futex clock");

void futex_module_init(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(buckets); i++) {
		spin_init(&buckets[i].lock, "futex");
		list_init(&buckets[i].waiters);
	}
}

/* --- keys and buckets --- */

/*
 * The key of a word that is shared wherever its memory is: the page there decides, which is fetched
 * as for a write. Who only wants to wait or wake may also do so at a page of an object that cannot
 * be written, but not at one of the process's own: that can never change. 0, -EFAULT, -ENOMEM.
 */
static int find_shared_key(u64 at, bool write, struct futex_key *key)
{
	u64 object, index;
	int error = mm_object_at(current->mm, at, FAULT_WRITE, &object, &index);

	if (error == -EFAULT && !write) {
		error = mm_object_at(current->mm, at, 0, &object, &index);
		if (!error && !object)
			error = -EFAULT;
	}
	if (error)
		return error;
	if (object)
		*key = (struct futex_key){ object, (index << PAGE_SHIFT) + (at & ~PAGE_MASK) };
	else
		key->space |= 1; /* no private futex at that address */
	return 0;
}

/* write: the word will be written. 0, -EINVAL, -EFAULT, -ENOMEM. */
static int find_key(u32 __user *addr, bool shared, bool write, struct futex_key *key)
{
	u64 at = (u64)(__force u32 *)addr;

	if (at % sizeof(u32))
		return -EINVAL;
	if (!user_range_ok(addr, sizeof(u32)))
		return -EFAULT;
	*key = (struct futex_key){ (u64)current->mm, at };
	return shared ? find_shared_key(at, write, key) : 0;
}

static bool same_key(const struct futex_key *a, const struct futex_key *b)
{
	return a->space == b->space && a->offset == b->offset;
}

static struct futex_bucket *bucket_of(const struct futex_key *key)
{
	u64 hash = (key->space ^ key->offset * 31) * 0x9e3779b97f4a7c15ull;

	return &buckets[hash >> (64 - BUCKET_BITS)];
}

/* In the order of their addresses. */
static void lock_both(struct futex_bucket *a, struct futex_bucket *b)
{
	spin_lock(a < b ? &a->lock : &b->lock);
	if (a != b)
		spin_lock_nested(a < b ? &b->lock : &a->lock);
}

static void unlock_both(struct futex_bucket *a, struct futex_bucket *b)
{
	spin_unlock(&a->lock);
	if (a != b)
		spin_unlock(&b->lock);
}

/* --- waiting --- */

/* Reads the word under the bucket's lock, where a fault may not sleep: it is paged in before. 0
 * with the lock, or -EFAULT without. */
static int lock_and_read(struct futex_bucket *bucket, u32 __user *addr, u32 *value)
{
	while (true) {
		spin_lock(&bucket->lock);
		if (!user_word_load(addr, value))
			return 0;
		spin_unlock(&bucket->lock);
		if (user_word_load(addr, value))
			return -EFAULT;
	}
}

/* Puts a waiter into the queue of its key, if the word has its value. 0, -EAGAIN, -EFAULT. */
static int enqueue(struct futex_waiter *waiter)
{
	struct futex_bucket *bucket = bucket_of(&waiter->key);
	u32 seen;
	int error = lock_and_read(bucket, waiter->addr, &seen);

	if (error)
		return error;
	if (seen == waiter->value) {
		waiter->task = current;
		waiter->woken = false;
		waiter->bucket = bucket;
		list_add_tail(&bucket->waiters, &waiter->link);
	} else {
		error = -EAGAIN;
	}
	spin_unlock(&bucket->lock);
	return error;
}

/* Takes a waiter out of whatever queue it is in by now. False: a waker was faster, and is done. */
static bool dequeue(struct futex_waiter *waiter)
{
	struct futex_bucket *bucket;
	bool here = false;

	while (!here && (bucket = __atomic_load_n(&waiter->bucket, __ATOMIC_ACQUIRE))) {
		spin_lock(&bucket->lock);
		here = __atomic_load_n(&waiter->bucket, __ATOMIC_RELAXED) == bucket;
		if (here)
			list_del(&waiter->link);
		spin_unlock(&bucket->lock);
	}
	return here;
}

static bool is_any_woken(const struct futex_waiter *waiters, u32 count)
{
	for (u32 i = 0; i < count; i++)
		if (__atomic_load_n(&waiters[i].woken, __ATOMIC_SEQ_CST))
			return true;
	return false;
}

/* The deadline on the monotonic clock, as the clocks are set now. */
static u64 monotonic_deadline(const struct futex_deadline *deadline)
{
	u64 now, when;

	if (deadline->ns == CLOCK_NEVER || !deadline->realtime)
		return deadline->ns;
	now = clock_realtime();
	if (deadline->ns <= now)
		return 0;
	return __builtin_add_overflow(clock_monotonic(), deadline->ns - now, &when) ? CLOCK_NEVER
										    : when;
}

/* Sleeps until one of the waiters is woken: 0, -ETIMEDOUT, -ERESTARTSYS. */
static int __sched sleep(const struct futex_waiter *waiters, u32 count,
			 const struct futex_deadline *deadline)
{
	struct wait_entry entry = { .task = NULL };
	int result = 0;

	while (!result) {
		if (deadline->realtime)
			wait_prepare(&realtime_sleepers, &entry, TASK_INTERRUPTIBLE);
		else
			task_set_state(TASK_INTERRUPTIBLE);
		u64 when = monotonic_deadline(deadline);
		if (is_any_woken(waiters, count))
			break;
		if (when != CLOCK_NEVER && clock_monotonic() >= when)
			result = -ETIMEDOUT;
		else if (signal_is_pending())
			result = -ERESTARTSYS;
		else
			schedule_until(when);
	}
	wait_finish(&realtime_sleepers, &entry);
	return result;
}

s64 futex_wait(struct futex_waiter *waiters, u32 count, const struct futex_deadline *deadline)
{
	s64 woken = -1;
	u32 queued = 0;
	int error = 0;

	for (u32 i = 0; i < count && !error; i++)
		error = waiters[i].bits ? find_key(waiters[i].addr, waiters[i].shared, false,
						   &waiters[i].key)
					: -EINVAL;
	while (!error && queued < count) {
		error = enqueue(&waiters[queued]);
		queued += !error;
	}
	if (!error)
		error = sleep(waiters, count, deadline);
	for (u32 i = 0; i < queued; i++)
		if (!dequeue(&waiters[i]))
			woken = i;
	return woken >= 0 ? woken : error;
}

void futex_clock_was_set(void)
{
	wait_queue_wake(&realtime_sleepers);
}

/* --- waking --- */

/* The lock of the waiter's bucket is held. */
static void wake_waiter(struct futex_waiter *waiter)
{
	list_del(&waiter->link);
	__atomic_store_n(&waiter->woken, true, __ATOMIC_SEQ_CST);
	task_wake(waiter->task, TASK_INTERRUPTIBLE);
	/* from here on it may be gone */
	__atomic_store_n(&waiter->bucket, NULL, __ATOMIC_RELEASE);
}

/* Wakes the first waiters for key, in the order of their coming: how many. As on Linux one is woken
 * even if count is not above 0. The bucket's lock is held. */
static u32 wake_some(struct futex_bucket *bucket, const struct futex_key *key, s32 count, u32 bits)
{
	struct futex_waiter *waiter, *next;
	s32 woken = 0;

	ASSERT(spin_held(&bucket->lock));
	list_for_each_safe(waiter, next, &bucket->waiters, link) {
		if (!same_key(&waiter->key, key) || !(waiter->bits & bits))
			continue;
		wake_waiter(waiter);
		if (++woken >= count)
			break;
	}
	return (u32)woken;
}

s64 futex_wake(u32 __user *addr, bool shared, s32 count, u32 bits)
{
	struct futex_key key;
	int error = bits ? find_key(addr, shared, false, &key) : -EINVAL;

	if (error)
		return error;
	struct futex_bucket *bucket = bucket_of(&key);
	spin_lock(&bucket->lock);
	u32 woken = wake_some(bucket, &key, count, bits);
	spin_unlock(&bucket->lock);
	return woken;
}

/* Wakes `wake` waiters for one key, moves the next `move` to another: how many. The locks of both
 * buckets are held. */
static s64 move_waiters(const struct futex_key *from, const struct futex_key *to, s32 wake,
			s32 move)
{
	struct futex_bucket *source = bucket_of(from), *target = bucket_of(to);
	struct futex_waiter *waiter, *next;
	s64 done = 0;

	list_for_each_safe(waiter, next, &source->waiters, link) {
		if (done - wake >= move)
			break;
		if (!same_key(&waiter->key, from))
			continue;
		if (++done <= wake) {
			wake_waiter(waiter);
			continue;
		}
		waiter->key = *to;
		if (source == target)
			continue;
		list_del(&waiter->link);
		list_add_tail(&target->waiters, &waiter->link);
		__atomic_store_n(&waiter->bucket, target, __ATOMIC_RELEASE);
	}
	return done;
}

s64 futex_requeue(u32 __user *from, u32 __user *to, bool shared, s32 wake, s32 move,
		  const u32 *expected)
{
	struct futex_key from_key, to_key;
	u32 seen = 0;

	if (wake < 0 || move < 0)
		return -EINVAL;
	int error = find_key(from, shared, false, &from_key);
	if (!error)
		error = find_key(to, shared, false, &to_key);
	if (error)
		return error;
	struct futex_bucket *source = bucket_of(&from_key), *target = bucket_of(&to_key);
	while (true) {
		lock_both(source, target);
		if (!expected || !user_word_load(from, &seen))
			break;
		unlock_both(source, target);
		if (user_word_load(from, &seen))
			return -EFAULT;
	}
	s64 done = expected && seen != *expected ? -EAGAIN
						 : move_waiters(&from_key, &to_key, wake, move);
	unlock_both(source, target);
	return done;
}

/* --- a wake-up that changes a word --- */

/* The parts of FUTEX_WAKE_OP's last argument. */
struct word_change {
	u32 operation, compare; /* FUTEX_OP_*, FUTEX_OP_CMP_* */
	s32 argument, with;
};

static s32 sign_extend_12(u32 bits)
{
	return (s32)(bits << 20) >> 20;
}

static struct word_change decode_change(u32 encoded)
{
	struct word_change change = {
		.operation = encoded >> 28 & 7,
		.compare = encoded >> 24 & 15,
		.argument = sign_extend_12(encoded >> 12),
		.with = sign_extend_12(encoded),
	};

	if (encoded >> 28 & FUTEX_OP_OPARG_SHIFT)
		change.argument = (s32)(1u << (change.argument & 31));
	return change;
}

static u32 changed(const struct word_change *change, u32 word)
{
	u32 argument = (u32)change->argument;

	switch (change->operation) {
	case FUTEX_OP_SET:
		return argument;
	case FUTEX_OP_ADD:
		return word + argument;
	case FUTEX_OP_OR:
		return word | argument;
	case FUTEX_OP_ANDN:
		return word & ~argument;
	}
	return word ^ argument;
}

/* 1: it holds, 0, -ENOSYS: there is no such comparison. */
static int compare(const struct word_change *change, s32 was)
{
	switch (change->compare) {
	case FUTEX_OP_CMP_EQ:
		return was == change->with;
	case FUTEX_OP_CMP_NE:
		return was != change->with;
	case FUTEX_OP_CMP_LT:
		return was < change->with;
	case FUTEX_OP_CMP_LE:
		return was <= change->with;
	case FUTEX_OP_CMP_GT:
		return was > change->with;
	case FUTEX_OP_CMP_GE:
		return was >= change->with;
	}
	return -ENOSYS;
}

/* One atomic step: what compare() says of the word as it was, or -EFAULT, -ENOSYS. */
static int change_word(u32 __user *addr, const struct word_change *change)
{
	u32 seen, was;

	if (change->operation > FUTEX_OP_XOR)
		return -ENOSYS;
	if (user_word_load(addr, &seen))
		return -EFAULT;
	do {
		was = seen;
		if (user_word_exchange(addr, &seen, changed(change, was)))
			return -EFAULT;
	} while (seen != was);
	return compare(change, (s32)was);
}

s64 futex_wake_op(u32 __user *addr, u32 __user *addr2, bool shared, s32 wake, s32 wake2,
		  u32 operation)
{
	struct word_change change = decode_change(operation);
	struct futex_key key, key2;
	s64 done;
	int error = find_key(addr, shared, false, &key);

	if (!error)
		error = find_key(addr2, shared, true, &key2);
	if (error)
		return error;
	struct futex_bucket *bucket = bucket_of(&key), *bucket2 = bucket_of(&key2);
	while (true) {
		lock_both(bucket, bucket2);
		done = change_word(addr2, &change);
		if (done != -EFAULT)
			break;
		unlock_both(bucket, bucket2);
		error = user_word_fault_in(addr2);
		if (error)
			return error;
	}
	if (done >= 0) {
		bool holds = done;
		done = wake_some(bucket, &key, wake, FUTEX_BITSET_MATCH_ANY);
		if (holds)
			done += wake_some(bucket2, &key2, wake2, FUTEX_BITSET_MATCH_ANY);
	}
	unlock_both(bucket, bucket2);
	return done;
}
