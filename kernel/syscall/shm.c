/* System V shared memory: the structures of shmctl(2) copied in and out; mm/sysvshm.c does the
 * rest. */
#include "mm/sysvshm.h"
#include "mm/usercopy.h"
#include "syscall/process.h"
#include <asm/errno.h>

#define ULONG_MAX UINT64_MAX /* for SHMMAX */
#include <linux/shm.h>

s64 sys_shmget(int key, size_t size, int flags)
{
	return shm_get(key, size, flags);
}

s64 sys_shmat(int id, u64 addr, int flags)
{
	return shm_attach(id, addr, flags);
}

s64 sys_shmdt(u64 addr)
{
	return shm_detach(addr);
}

static s64 status(int id, enum shm_find find, void __user *buf)
{
	struct shmid64_ds status;
	int result = shm_status(id, find, &status);

	if (result >= 0 && copy_to_user(buf, &status, sizeof(status)))
		return -EFAULT;
	return result;
}

static s64 limits(void __user *buf)
{
	struct shminfo64 info = {
		.shmmax = shm_limits.max,
		.shmmin = SHMMIN,
		.shmmni = shm_limits.segments,
		.shmseg = shm_limits.segments,
		.shmall = shm_limits.all,
	};

	return copy_to_user(buf, &info, sizeof(info)) ? -EFAULT : shm_highest();
}

static s64 usage(void __user *buf)
{
	struct shm_info info;
	int highest = shm_usage(&info);

	return copy_to_user(buf, &info, sizeof(info)) ? -EFAULT : highest;
}

static s64 set(int id, const void __user *buf)
{
	struct shmid64_ds wanted;

	if (copy_from_user(&wanted, buf, sizeof(wanted)))
		return -EFAULT;
	return shm_set(id, &wanted.shm_perm);
}

s64 sys_shmctl(int id, int command, void __user *buf)
{
	if (id < 0 || command < 0)
		return -EINVAL;
	switch (command) {
	case IPC_INFO:
		return limits(buf);
	case SHM_INFO:
		return usage(buf);
	case IPC_STAT:
		return status(id, SHM_FIND_ID, buf);
	case SHM_STAT:
		return status(id, SHM_FIND_INDEX, buf);
	case SHM_STAT_ANY:
		return status(id, SHM_FIND_ANY, buf);
	case IPC_SET:
		return set(id, buf);
	case IPC_RMID:
		return shm_remove(id);
	case SHM_LOCK:
	case SHM_UNLOCK:
		return shm_lock(id, command == SHM_LOCK);
	default:
		return -EINVAL;
	}
}
