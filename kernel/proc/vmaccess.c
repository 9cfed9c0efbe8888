/*
 * Bytes go from one address space to the other by way of a page of the kernel's: the other side is
 * only ever touched by mm_read and mm_write, page by page and for itself, so that neither mm's lock
 * is held while the other faults, and a write finds the page that is the target's own at that
 * moment. Who may do it is who may trace it.
 */
#include "proc/vmaccess.h"
#include "mm/mm.h"
#include "mm/slab.h"
#include "proc/cred.h"
#include "proc/pid.h"
#include <asm/errno.h>

/* The process's memory, with a reference: ERR_PTR(-ESRCH, -EPERM). */
static struct mm_struct *mm_of(pid_t pid)
{
	struct mm_struct *mm = ERR_PTR(-ESRCH);

	spin_lock(&tasklist_lock);
	const struct task_struct *task = task_find(pid);
	if (task && task->mm)
		mm = task->mm == current->mm || cred_may_attach(task) ? mm_get(task->mm)
								      : ERR_PTR(-EPERM);
	spin_unlock(&tasklist_lock);
	return mm;
}

/* May the area at addr be read, as its own flags say? The hardware knows no memory that can be
 * written and not read. */
static bool is_readable(struct mm_struct *mm, u64 addr)
{
	mutex_lock(&mm->lock);
	const struct vm_area_struct *vma = vma_find(mm, addr);
	bool readable = vma && (vma->flags & VM_READ);
	mutex_unlock(&mm->lock);
	return readable;
}

/* Moves at most a page: the bytes done. */
static size_t move(struct mm_struct *mm, u64 addr, struct uio *local, u8 *buf, size_t size,
		   bool write)
{
	if (write)
		return mm_write(mm, addr, buf, uio_get(local, buf, size));
	return is_readable(mm, addr) ? uio_put(local, buf, mm_read(mm, addr, buf, size)) : 0;
}

/* Moves one remote piece. False: it ended early. */
static bool move_piece(struct mm_struct *mm, const struct iovec *piece, struct uio *local, u8 *buf,
		       bool write, size_t *total)
{
	u64 addr = (u64)piece->iov_base, end;

	if (__builtin_add_overflow(addr, min(piece->iov_len, local->left), &end))
		return false;
	while (addr < end) {
		size_t step = min(PAGE_SIZE - (addr & ~PAGE_MASK), end - addr);
		size_t done = move(mm, addr, local, buf, step, write);

		*total += done;
		addr += done;
		if (done < step || kill_is_pending())
			return false;
		cond_resched();
	}
	return true;
}

ssize_t process_vm_transfer(pid_t pid, struct uio *local, const struct iovec *remote, u64 count,
			    bool write)
{
	size_t total = 0;
	bool going = true;

	struct mm_struct *mm = mm_of(pid);
	if (IS_ERR(mm))
		return PTR_ERR(mm);
	u8 *buf = kmalloc(PAGE_SIZE);
	for (u64 i = 0; buf && going && i < count && local->left; i++)
		going = move_piece(mm, &remote[i], local, buf, write, &total);
	mm_put(mm);
	if (!buf)
		return -ENOMEM;
	kfree(buf);
	return going || total ? (ssize_t)total : -EFAULT;
}
