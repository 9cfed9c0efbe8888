/*
 * A futex is known by where its word is: the address space and address for a private one, the page
 * of the object for one in shared memory, so that processes which map it at different addresses
 * meet. Waiters hang in a hash table by that key. No wake-up is lost: a waiter reads the word under
 * the bucket's lock, which a waker takes after it has changed the word.
 */
#include "proc/futex.h"
#include "mm/mm.h"
#include "sched/task.h"
#include <asm/errno.h>

#define BUCKETS 256

struct futex_key {
	const void *space; /* mm_struct, or the page cache of a shared mapping */
	u64 offset;	   /* user address, or byte in the object */
};

struct futex_waiter {
	struct list_head link;
	struct futex_key key;
	struct task_struct *task;
	u32 bits;
	bool woken; /* bucket's lock */
};

static struct futex_bucket {
	struct spinlock lock; /* guards waiters */
	struct list_head waiters;
} buckets[BUCKETS];

void futex_module_init(void)
{
	for (u32 i = 0; i < BUCKETS; i++) {
		spin_init(&buckets[i].lock, "futex");
		list_init(&buckets[i].waiters);
	}
}

/* 0, -EINVAL, -EFAULT. */
static int find_key(u32 __user *addr, bool shared, struct futex_key *key)
{
	u64 at = (u64)(__force u32 *)addr;
	int error = 0;

	if (at % sizeof(u32))
		return -EINVAL;
	if (!user_range_ok(addr, sizeof(u32)))
		return -EFAULT;
	*key = (struct futex_key){ current->mm, at };
	if (!shared)
		return 0;
	mutex_lock(&current->mm->lock);
	struct vm_area_struct *vma = vma_find(current->mm, at);
	if (!vma || vma->start > at)
		error = -EFAULT;
	else if ((vma->flags & VM_SHARED) && vma->cache)
		*key = (struct futex_key){ vma->cache,
					   (vma->pgoff << PAGE_SHIFT) + at - vma->start };
	mutex_unlock(&current->mm->lock);
	return error;
}

static struct futex_bucket *bucket_of(const struct futex_key *key)
{
	u64 hash = ((u64)key->space ^ key->offset * 31) * 0x9e3779b97f4a7c15ull;

	return &buckets[hash >> 56];
}

/* Reads the word under the bucket's lock, where a copy may not sleep: it is paged in before. */
static int lock_and_read(struct futex_bucket *bucket, u32 __user *addr, u32 *value)
{
	while (true) {
		spin_lock(&bucket->lock);
		if (!copy_from_user(value, addr, sizeof(*value)))
			return 0;
		spin_unlock(&bucket->lock);
		if (copy_from_user(value, addr, sizeof(*value)))
			return -EFAULT;
	}
}

/* Sleeps until woken; the bucket's lock is held on entry, and not on return. */
static s64 sleep_on(struct futex_bucket *bucket, struct futex_waiter *waiter, u64 deadline)
{
	s64 result = 0;

	list_add_tail(&bucket->waiters, &waiter->link);
	while (!waiter->woken && !result) {
		task_set_state(TASK_INTERRUPTIBLE);
		bool signalled = signal_is_pending();
		spin_unlock(&bucket->lock);
		if (signalled)
			result = -ERESTARTSYS;
		else if (schedule_until(deadline))
			result = -ETIMEDOUT;
		task_set_state(TASK_RUNNING);
		spin_lock(&bucket->lock);
	}
	list_del(&waiter->link); /* harmless if the waker did it */
	if (waiter->woken)
		result = 0;
	spin_unlock(&bucket->lock);
	return result;
}

s64 futex_wait(u32 __user *addr, bool shared, u32 value, u32 bits, u64 deadline)
{
	struct futex_waiter waiter = { .task = current, .bits = bits };
	u32 seen;
	int error = bits ? find_key(addr, shared, &waiter.key) : -EINVAL;

	if (error)
		return error;
	struct futex_bucket *bucket = bucket_of(&waiter.key);
	error = lock_and_read(bucket, addr, &seen);
	if (error)
		return error;
	if (seen != value) {
		spin_unlock(&bucket->lock);
		return -EAGAIN;
	}
	return sleep_on(bucket, &waiter, deadline);
}

s64 futex_wake(u32 __user *addr, bool shared, u32 count, u32 bits)
{
	struct futex_waiter *waiter, *next;
	struct futex_key key;
	int error = bits ? find_key(addr, shared, &key) : -EINVAL;
	u32 woken = 0;

	if (error)
		return error;
	struct futex_bucket *bucket = bucket_of(&key);
	spin_lock(&bucket->lock);
	list_for_each_safe(waiter, next, &bucket->waiters, link) {
		if (woken == count)
			break;
		if (waiter->key.space != key.space || waiter->key.offset != key.offset ||
		    !(waiter->bits & bits))
			continue;
		struct task_struct *task = waiter->task;
		list_del(&waiter->link);
		waiter->woken = true; /* its stack frame may go once the lock is let go */
		task_wake(task, TASK_INTERRUPTIBLE);
		woken++;
	}
	spin_unlock(&bucket->lock);
	return woken;
}
