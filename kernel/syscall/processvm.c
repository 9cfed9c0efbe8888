/* process_vm_readv(2) and process_vm_writev(2): both vectors copied in and checked. */
#include "mm/slab.h"
#include "proc/vmaccess.h"
#include "syscall/process.h"
#include "syscall/user.h"
#include <asm/errno.h>

/* A user's vector, for kfree(): ERR_PTR(-EINVAL, -ENOMEM, -EFAULT). */
static struct iovec *vector_from_user(const struct iovec __user *user_iov, u64 count)
{
	if (count > UIO_MAXIOV)
		return ERR_PTR(-EINVAL);
	struct iovec *iov = kmalloc(max(count, 1ull) * sizeof(*iov));
	if (!iov)
		return ERR_PTR(-ENOMEM);
	int error = copy_from_user(iov, user_iov, count * sizeof(*iov));
	for (u64 i = 0; i < count && !error; i++)
		error = (s64)iov[i].iov_len < 0 ? -EINVAL : 0;
	if (!error)
		return iov;
	kfree(iov);
	return ERR_PTR(error);
}

static bool has_bytes(const struct iovec *iov, u64 count)
{
	for (u64 i = 0; i < count; i++)
		if (iov[i].iov_len)
			return true;
	return false;
}

static s64 transfer(pid_t pid, const struct iovec __user *user_local, u64 local_count,
		    const struct iovec __user *user_remote, u64 remote_count, u64 flags, bool write)
{
	struct uio uio;

	if (flags)
		return -EINVAL;
	struct iovec *local = vector_from_user(user_local, local_count);
	if (IS_ERR(local))
		return PTR_ERR(local);
	s64 result = vector_check(&uio, local, local_count);
	if (result || !uio.left)
		goto free_local;
	struct iovec *remote = vector_from_user(user_remote, remote_count);
	if (IS_ERR(remote)) {
		result = PTR_ERR(remote);
		goto free_local;
	}
	/* without a byte to move nobody asks who the process is */
	if (has_bytes(remote, remote_count))
		result = process_vm_transfer(pid, &uio, remote, remote_count, write);
	kfree(remote);
free_local:
	kfree(local);
	return result;
}

s64 sys_process_vm_readv(pid_t pid, const struct iovec __user *local, u64 local_count,
			 const struct iovec __user *remote, u64 remote_count, u64 flags)
{
	return transfer(pid, local, local_count, remote, remote_count, flags, false);
}

s64 sys_process_vm_writev(pid_t pid, const struct iovec __user *local, u64 local_count,
			  const struct iovec __user *remote, u64 remote_count, u64 flags)
{
	return transfer(pid, local, local_count, remote, remote_count, flags, true);
}
