/* The memory calls: arguments checked as mmap(2) and its relatives say, then one function of mm. */
#include "syscall/process.h"
#include "fs/fs.h"
#include "mm/mm.h"
#include "sched/task.h"
#include <asm/errno.h>
#include <linux/mman.h>

s64 sys_brk(u64 brk)
{
	return (s64)mm_brk(current->mm, brk);
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
	return error ? error : mm_map(current->mm, &request);
}

s64 sys_munmap(u64 addr, size_t size)
{
	return mm_unmap(current->mm, addr, size);
}

s64 sys_mprotect(u64 addr, size_t size, int prot)
{
	return mm_protect(current->mm, addr, size, prot);
}

s64 sys_mremap(u64 addr, size_t old_size, size_t new_size, int flags, u64 new_addr)
{
	return mm_remap(current->mm, addr, old_size, new_size, flags, new_addr);
}

s64 sys_madvise(u64 addr, size_t size, int advice)
{
	return mm_advise(current->mm, addr, size, advice);
}

s64 sys_msync(u64 addr, size_t size, int flags)
{
	return mm_sync(current->mm, addr, size, flags);
}
