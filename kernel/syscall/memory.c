/* The memory calls: arguments checked as mmap(2) and its relatives say, then one function of mm. */
#include "syscall/process.h"
#include "fs/file.h"
#include "mm/mm.h"
#include "mm/resident.h"
#include "mm/slab.h"
#include "sched/task.h"
#include <asm/errno.h>
#include <linux/mman.h>

s64 sys_brk(u64 brk)
{
	u64 old = current->mm->brk, new = mm_brk(current->mm, brk);

	if (new > old)
		mm_populate_new(current->mm, align_up(old, PAGE_SIZE), align_up(new, PAGE_SIZE));
	return (s64) new;
}

s64 sys_mmap(u64 addr, size_t size, int prot, int flags, int fd, u64 offset)
{
	struct mmap_request request = {
		.addr = addr,
		.size = size,
		.prot = prot,
		.flags = flags,
		.pgoff = offset >> PAGE_SHIFT,
		.vm_flags = VM_MAYWRITE,
	};
	int type = flags & MAP_TYPE, error = 0;

	if (offset & ~PAGE_MASK)
		return -EINVAL;
	if ((flags & MAP_LOCKED) && !mm_may_lock())
		return -EPERM;
	if (!(flags & MAP_ANONYMOUS)) {
		struct file *file = fd_get(fd);

		if (!file)
			return -EBADF;
		if (size == 0 ||
		    (type != MAP_SHARED && type != MAP_PRIVATE && type != MAP_SHARED_VALIDATE))
			error = -EINVAL;
		else if (request.pgoff + (align_up(size, PAGE_SIZE) >> PAGE_SHIFT) < request.pgoff)
			error = -EOVERFLOW;
		else
			error = file_mmap(file, &request);
		file_put(file);
	} else if (type == MAP_SHARED) {
		error = size ? mm_shared_anonymous(&request) : -EINVAL;
	} else if (type != MAP_PRIVATE) {
		error = -EINVAL;
	}
	if (error)
		return error;
	s64 place = mm_map(current->mm, &request);
	u64 end = (u64)place + align_up(size, PAGE_SIZE);
	if (place < 0)
		return place;
	if ((flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE)
		mm_populate(current->mm, (u64)place, end, false);
	else
		mm_populate_new(current->mm, (u64)place, end);
	return place;
}

s64 sys_munmap(u64 addr, size_t size)
{
	return mm_unmap(current->mm, addr, size);
}

s64 sys_mprotect(u64 addr, size_t size, int prot)
{
	int error = mm_protect(current->mm, addr, size, prot);

	if (!error && (prot & PROT_WRITE)) /* what is locked is to be there for writing, too */
		mm_populate_new(current->mm, addr, addr + align_up(size, PAGE_SIZE));
	return error;
}

s64 sys_mremap(u64 addr, size_t old_size, size_t new_size, int flags, u64 new_addr)
{
	s64 place = mm_remap(current->mm, addr, old_size, new_size, flags, new_addr);

	if (place >= 0 && new_size > old_size)
		mm_populate_new(current->mm, (u64)place + align_up(old_size, PAGE_SIZE),
				(u64)place + align_up(new_size, PAGE_SIZE));
	return place;
}

s64 sys_madvise(u64 addr, size_t size, int advice)
{
	return mm_advise(current->mm, addr, size, advice);
}

s64 sys_msync(u64 addr, size_t size, int flags)
{
	return mm_sync(current->mm, addr, size, flags);
}

/* Locked pages are faulted in at once; why one cannot be, is said as POSIX has it. */
static s64 lock(u64 addr, size_t size, u32 flags)
{
	if (!mm_may_lock())
		return -EPERM;
	int error = mm_lock(current->mm, addr, size, flags);
	if (error)
		return error;
	u64 start = align_down(addr, PAGE_SIZE);
	error = mm_populate(current->mm, start, start + align_up(size + addr - start, PAGE_SIZE),
			    false);
	return error == -EFAULT ? -ENOMEM : error == -ENOMEM ? -EAGAIN : error;
}

s64 sys_mlock(u64 addr, size_t size)
{
	return lock(addr, size, VM_LOCKED);
}

s64 sys_mlock2(u64 addr, size_t size, int flags)
{
	if (flags & ~MLOCK_ONFAULT)
		return -EINVAL;
	return lock(addr, size, VM_LOCKED | (flags & MLOCK_ONFAULT ? VM_LOCKONFAULT : 0));
}

s64 sys_munlock(u64 addr, size_t size)
{
	return mm_lock(current->mm, addr, size, 0);
}

s64 sys_mlockall(int flags)
{
	u32 locks = VM_LOCKED | (flags & MCL_ONFAULT ? VM_LOCKONFAULT : 0);

	if (!flags || (flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) || flags == MCL_ONFAULT)
		return -EINVAL;
	if (!mm_may_lock())
		return -EPERM;
	int error = mm_lock_all(current->mm, flags & MCL_CURRENT, locks,
				flags & MCL_FUTURE ? locks : 0);
	if (!error && (flags & MCL_CURRENT))
		mm_populate_all(current->mm);
	return error;
}

s64 sys_munlockall(void)
{
	return mm_lock_all(current->mm, true, 0, 0);
}

/* Which pages of a file are in memory tells what others do with it: mincore(2), NOTES. */
static bool may_see_cache(struct file *file)
{
	return inode_owner_check(file->inode) == 0 || inode_permission(file->inode, MAY_WRITE) == 0;
}

s64 sys_mincore(u64 addr, size_t size, u8 __user *vec)
{
	u64 pages = (size >> PAGE_SHIFT) + !!(size & ~PAGE_MASK);
	u8 *buf;
	s64 error = 0;

	if (addr & ~PAGE_MASK)
		return -EINVAL;
	if (size > USER_END || addr > USER_END - size)
		return -ENOMEM;
	if (!user_range_ok(vec, pages))
		return -EFAULT;
	buf = kmalloc(PAGE_SIZE);
	if (!buf)
		return -EAGAIN;
	for (u64 done = 0, step; done < pages && !error; done += step) {
		step = min(pages - done, (u64)PAGE_SIZE);
		error = mm_core(current->mm, addr + done * PAGE_SIZE, step, buf, may_see_cache);
		if (!error)
			error = copy_to_user(vec + done, buf, step);
	}
	kfree(buf);
	return error;
}
