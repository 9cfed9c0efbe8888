/*
 * What becomes of the locks in user memory that a task holds when it dies, or becomes another
 * program. The task has told the kernel the head of a list of them, which it keeps itself
 * (set_robust_list(2)); nothing of it is looked at before the end. Then each lock that carries the
 * task's number is marked FUTEX_OWNER_DIED, and one who waits for it is woken, to find that. The
 * list is user memory: it may be cut off, wild or endless, so its length is limited, and the first
 * word that cannot be had ends the walk.
 *
 * Source: Documentation/locking/robust-futex-ABI.rst of Linux.
 */
#include "mm/mm.h"
#include "proc/cred.h"
#include "proc/futex.h"
#include "proc/pid.h"
#include <asm/errno.h>
#include <linux/futex.h>

/* An entry of the list: the address of its link, and whether the lock is of the kind that inherits
 * priority, which bit 0 of the pointer to it says. */
struct entry {
	u64 addr;
	bool pi;
};

static int read_entry(u64 at, struct entry *entry)
{
	u64 word;
	int error = copy_from_user(&word, (const void __user *)at, sizeof(word));

	if (!error)
		*entry = (struct entry){ word & ~1ull, word & 1 };
	return error;
}

static void wake_one(u32 __user *word)
{
	futex_wake(word, true, 1, FUTEX_BITSET_MATCH_ANY);
}

/*
 * Marks a lock, if it is ours. pending: it was being taken or given up, so the task may have died
 * after it gave it up and before it woke the next, or as one that was woken before it took it; then
 * somebody else must be woken, though the word is nobody's. 0, -EFAULT, -EINVAL.
 */
static int mark_lock(u32 __user *word, bool pi, bool pending)
{
	u32 seen, was;

	if ((u64)(__force u32 *)word % sizeof(u32))
		return -EINVAL;
	if (user_word_load(word, &seen))
		return -EFAULT;
	do {
		was = seen;
		if (pending && !pi && !(was & FUTEX_TID_MASK)) {
			wake_one(word);
			return 0;
		}
		if ((was & FUTEX_TID_MASK) != (u32)current->pid)
			return 0;
		if (user_word_exchange(word, &seen, (was & FUTEX_WAITERS) | FUTEX_OWNER_DIED))
			return -EFAULT;
	} while (seen != was);
	if (!pi && (was & FUTEX_WAITERS))
		wake_one(word);
	return 0;
}

/* The locks of the list whose head has been read. */
static void walk_list(const struct robust_list_head *head, u64 end, const struct entry *pending)
{
	struct entry entry = { (u64)head->list.next & ~1ull, (u64)head->list.next & 1 };

	for (u32 i = 0; i < ROBUST_LIST_LIMIT && entry.addr != end; i++) {
		struct entry next;
		/* first: once it is marked, another may take it and change its link */
		int error = read_entry(entry.addr, &next);

		if (entry.addr != pending->addr &&
		    mark_lock((u32 __user *)(entry.addr + (u64)head->futex_offset), entry.pi,
			      false))
			return;
		if (error)
			return;
		entry = next;
		cond_resched();
	}
	if (pending->addr)
		mark_lock((u32 __user *)(pending->addr + (u64)head->futex_offset), pending->pi,
			  true);
}

void futex_exit(void)
{
	void __user *list = current->robust_list;
	struct robust_list_head head;

	current->robust_list = NULL;
	if (!list || copy_from_user(&head, list, sizeof(head)))
		return;
	u64 pending = (u64)head.list_op_pending;
	walk_list(&head, (u64)(__force void *)list,
		  &(struct entry){ pending & ~1ull, pending & 1 });
}

void futex_clear_child_tid(void)
{
	static const int zero;
	int __user *tid = current->clear_child_tid;

	current->clear_child_tid = NULL;
	if (!tid || __atomic_load_n(&current->mm->users, __ATOMIC_ACQUIRE) == 1)
		return;
	if (!copy_to_user(tid, &zero, sizeof(zero)))
		wake_one((u32 __user *)tid);
}

int futex_robust_list(int pid, void __user **list)
{
	int error = -ESRCH;

	spin_lock(&tasklist_lock);
	const struct task_struct *task = pid ? task_find(pid) : current;
	if (task) {
		error = task->tgid == current->tgid || cred_may_attach(task) ? 0 : -EPERM;
		*list = task->robust_list;
	}
	spin_unlock(&tasklist_lock);
	return error;
}
