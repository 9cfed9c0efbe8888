/*
 * Credentials as system calls: user and group ids, supplementary groups, capabilities. The rules
 * are in proc/cred.c and proc/capability.c; here are the user's pointers and the order of errors.
 */
#include "proc/cred.h"
#include "mm/usercopy.h"
#include "proc/pid.h"
#include "syscall/process.h"
#include <asm/errno.h>
#include <linux/limits.h>

s64 sys_getuid(void)
{
	return current->cred->uid;
}

s64 sys_geteuid(void)
{
	return current->cred->euid;
}

s64 sys_getgid(void)
{
	return current->cred->gid;
}

s64 sys_getegid(void)
{
	return current->cred->egid;
}

static s64 put_three(u32 __user *real, u32 __user *effective, u32 __user *saved, enum id_kind kind)
{
	struct ids ids = cred_ids(current->cred, kind);

	if (copy_to_user(real, &ids.real, sizeof(u32)) ||
	    copy_to_user(effective, &ids.effective, sizeof(u32)) ||
	    copy_to_user(saved, &ids.saved, sizeof(u32)))
		return -EFAULT;
	return 0;
}

s64 sys_getresuid(uid_t __user *ruid, uid_t __user *euid, uid_t __user *suid)
{
	return put_three(ruid, euid, suid, ID_USER);
}

s64 sys_getresgid(gid_t __user *rgid, gid_t __user *egid, gid_t __user *sgid)
{
	return put_three(rgid, egid, sgid, ID_GROUP);
}

s64 sys_setuid(uid_t uid)
{
	return cred_set_id(ID_USER, uid);
}

s64 sys_setgid(gid_t gid)
{
	return cred_set_id(ID_GROUP, gid);
}

s64 sys_setreuid(uid_t ruid, uid_t euid)
{
	return cred_set_real_effective(ID_USER, ruid, euid);
}

s64 sys_setregid(gid_t rgid, gid_t egid)
{
	return cred_set_real_effective(ID_GROUP, rgid, egid);
}

s64 sys_setresuid(uid_t ruid, uid_t euid, uid_t suid)
{
	return cred_set_all(ID_USER, ruid, euid, suid);
}

s64 sys_setresgid(gid_t rgid, gid_t egid, gid_t sgid)
{
	return cred_set_all(ID_GROUP, rgid, egid, sgid);
}

s64 sys_setfsuid(uid_t uid)
{
	return cred_set_fs(ID_USER, uid);
}

s64 sys_setfsgid(gid_t gid)
{
	return cred_set_fs(ID_GROUP, gid);
}

s64 sys_getgroups(int size, gid_t __user *list)
{
	const struct group_info *groups = current->cred->groups;
	u32 count = groups ? groups->count : 0;

	if (size < 0)
		return -EINVAL;
	if (size == 0 || count == 0)
		return count;
	if (count > (u32)size)
		return -EINVAL;
	return copy_to_user(list, groups->gids, count * sizeof(gid_t)) ? -EFAULT : (s64)count;
}

s64 sys_setgroups(int size, const gid_t __user *list)
{
	int error = 0;

	if (!capable(CAP_SETGID))
		return -EPERM;
	if ((unsigned)size > NGROUPS_MAX)
		return -EINVAL;
	struct group_info *groups = groups_alloc((u32)size);
	if (!groups)
		return -ENOMEM;
	if (copy_from_user(groups->gids, list, groups->count * sizeof(gid_t)))
		error = -EFAULT;
	for (u32 i = 0; !error && i < groups->count; i++)
		if (groups->gids[i] == (gid_t)-1)
			error = -EINVAL;
	if (!error)
		return cred_set_groups(groups);
	groups_put(groups);
	return error;
}

/* --- capabilities: sets of 64 bits in one (version 1) or two words --- */

/* How many words the caller's version has, or -EFAULT; -EINVAL for an unknown one, which is told
 * ours. */
static int words_of_version(struct __user_cap_header_struct __user *header)
{
	static const u32 ours = _LINUX_CAPABILITY_VERSION_3;
	u32 version;

	if (copy_from_user(&version, &header->version, sizeof(version)))
		return -EFAULT;
	switch (version) {
	case _LINUX_CAPABILITY_VERSION_1:
		return _LINUX_CAPABILITY_U32S_1;
	case _LINUX_CAPABILITY_VERSION_2:
	case _LINUX_CAPABILITY_VERSION_3:
		return _LINUX_CAPABILITY_U32S_3;
	}
	return copy_to_user(&header->version, &ours, sizeof(ours)) ? -EFAULT : -EINVAL;
}

s64 sys_capget(struct __user_cap_header_struct __user *header,
	       struct __user_cap_data_struct __user *user)
{
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	int words = words_of_version(header), pid;

	if (words == -EINVAL && !user)
		return 0; /* it only asked for the version */
	if (words < 0 || !user)
		return min(words, 0);
	if (copy_from_user(&pid, &header->pid, sizeof(pid)))
		return -EFAULT;
	if (pid < 0)
		return -EINVAL;
	spin_lock(&tasklist_lock);
	const struct task_struct *task = pid ? task_find(pid) : current;
	const struct cred *cred = task ? task->real_cred : NULL;
	for (u32 i = 0; cred && i < ARRAY_SIZE(data); i++)
		data[i] = (struct __user_cap_data_struct){
			.effective = (u32)(cred->effective >> 32 * i),
			.permitted = (u32)(cred->permitted >> 32 * i),
			.inheritable = (u32)(cred->inheritable >> 32 * i),
		};
	spin_unlock(&tasklist_lock);
	if (!cred)
		return -ESRCH;
	return copy_to_user(user, data, (u32)words * sizeof(*data));
}

s64 sys_capset(struct __user_cap_header_struct __user *header,
	       const struct __user_cap_data_struct __user *user)
{
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };
	int words = words_of_version(header), pid;

	if (words < 0)
		return words;
	if (copy_from_user(&pid, &header->pid, sizeof(pid)))
		return -EFAULT;
	if (pid != 0 && pid != current->pid)
		return -EPERM;
	if (copy_from_user(data, user, (u32)words * sizeof(*data)))
		return -EFAULT;
	return cred_set_capabilities(data[0].permitted | (u64)data[1].permitted << 32,
				     data[0].effective | (u64)data[1].effective << 32,
				     data[0].inheritable | (u64)data[1].inheritable << 32);
}
