/*
 * Capabilities: what root's power is divided into (capabilities(7)). There are none on files here,
 * so a program gets them by who runs it: uid 0 all that the bounding set leaves, others only the
 * ambient ones. The rules of this file are those of that page, in its words: P is the thread's set,
 * P' the one after.
 */
#include "fs/fs.h"
#include "fs/inode.h"
#include "fs/mount.h"
#include "mm/mm.h"
#include "proc/cred.h"
#include "proc/thread.h"
#include "x86/printk.h"
#include <asm/errno.h>
#include <linux/prctl.h>
#include <linux/securebits.h>

#define CAP(name) (1ull << CAP_##name)
/* what setfsuid moves, since it is about files alone */
#define CAPS_OF_FILES                                                                              \
	(CAP(CHOWN) | CAP(DAC_OVERRIDE) | CAP(DAC_READ_SEARCH) | CAP(FOWNER) | CAP(FSETID) |       \
	 CAP(LINUX_IMMUTABLE) | CAP(MKNOD) | CAP(MAC_OVERRIDE))

static bool has_capability(u64 set, u64 number)
{
	return number <= CAP_LAST_CAP && (set >> number & 1);
}

void cred_fix_capabilities(struct cred *cred, const struct cred *old, bool fs_only)
{
	if (cred->securebits & SECBIT_NO_SETUID_FIXUP)
		return;
	if (fs_only) {
		if (old->fsuid == 0 && cred->fsuid != 0)
			cred->effective &= ~CAPS_OF_FILES;
		if (old->fsuid != 0 && cred->fsuid == 0)
			cred->effective |= cred->permitted & CAPS_OF_FILES;
		return;
	}
	bool was_root = old->uid == 0 || old->euid == 0 || old->suid == 0;
	if (was_root && cred->uid != 0 && cred->euid != 0 && cred->suid != 0) {
		if (!(cred->securebits & SECBIT_KEEP_CAPS))
			cred->permitted = cred->effective = 0;
		cred->ambient = 0; /* even with KEEP_CAPS: an execve is to drop all */
	}
	if (old->euid == 0 && cred->euid != 0)
		cred->effective = 0;
	if (old->euid != 0 && cred->euid == 0)
		cred->effective = cred->permitted;
}

int cred_set_capabilities(u64 permitted, u64 effective, u64 inheritable)
{
	const struct cred *old = current->cred;

	permitted &= CAPS_ALL, effective &= CAPS_ALL, inheritable &= CAPS_ALL;
	if (!capable(CAP_SETPCAP) && (inheritable & ~(old->inheritable | old->permitted)))
		return -EPERM;
	if ((inheritable & ~(old->inheritable | old->bounding)) || (permitted & ~old->permitted) ||
	    (effective & ~permitted))
		return -EPERM;
	struct cred cred = *old;
	cred.permitted = permitted;
	cred.effective = effective;
	cred.inheritable = inheritable;
	cred.ambient &= permitted & inheritable;
	return cred_change(&cred);
}

/* --- prctl --- */

static s64 set_securebits(u64 bits)
{
	struct cred cred = *current->cred;
	u32 locks = cred.securebits & SECURE_ALL_LOCKS;

	if (((locks >> 1) & (cred.securebits ^ bits)) || (locks & ~bits) ||
	    (bits & ~(u64)(SECURE_ALL_LOCKS | SECURE_ALL_BITS)) || !capable(CAP_SETPCAP))
		return -EPERM;
	cred.securebits = (u32)bits;
	return cred_change(&cred);
}

static s64 set_keep_capabilities(u64 keep)
{
	struct cred cred = *current->cred;

	if (keep > 1)
		return -EINVAL;
	if (cred.securebits & SECBIT_KEEP_CAPS_LOCKED)
		return -EPERM;
	cred.securebits &= ~(u32)SECBIT_KEEP_CAPS;
	cred.securebits |= keep ? SECBIT_KEEP_CAPS : 0;
	return cred_change(&cred);
}

static s64 drop_from_bounding(u64 number)
{
	struct cred cred = *current->cred;

	if (!capable(CAP_SETPCAP))
		return -EPERM;
	if (number > CAP_LAST_CAP)
		return -EINVAL;
	cred.bounding &= ~(1ull << number);
	return cred_change(&cred);
}

static s64 change_ambient(u64 operation, u64 number, u64 arg4, u64 arg5)
{
	struct cred cred = *current->cred;

	if (number > CAP_LAST_CAP || arg4 || arg5)
		return -EINVAL;
	switch (operation) {
	case PR_CAP_AMBIENT_CLEAR_ALL:
		if (number)
			return -EINVAL;
		cred.ambient = 0;
		break;
	case PR_CAP_AMBIENT_IS_SET:
		return has_capability(cred.ambient, number);
	case PR_CAP_AMBIENT_LOWER:
		cred.ambient &= ~(1ull << number);
		break;
	case PR_CAP_AMBIENT_RAISE:
		if (!has_capability(cred.permitted & cred.inheritable, number) ||
		    (cred.securebits & SECBIT_NO_CAP_AMBIENT_RAISE))
			return -EPERM;
		cred.ambient |= 1ull << number;
		break;
	default:
		return -EINVAL;
	}
	return cred_change(&cred);
}

static s64 set_no_new_privs(void)
{
	struct cred cred = *current->cred;

	cred.no_new_privs = true;
	return cred_change(&cred);
}

s64 cred_prctl(int option, u64 arg2, u64 arg3, u64 arg4, u64 arg5)
{
	const struct cred *cred = current->cred;

	switch (option) {
	case PR_GET_DUMPABLE:
		return current->mm->dumpable;
	case PR_SET_DUMPABLE:
		if (arg2 > 1)
			return -EINVAL;
		current->mm->dumpable = arg2;
		return 0;
	case PR_CAPBSET_READ:
		return arg2 > CAP_LAST_CAP ? -EINVAL : has_capability(cred->bounding, arg2);
	case PR_CAPBSET_DROP:
		return drop_from_bounding(arg2);
	case PR_GET_SECUREBITS:
		return cred->securebits;
	case PR_SET_SECUREBITS:
		return set_securebits(arg2);
	case PR_GET_KEEPCAPS:
		return !!(cred->securebits & SECBIT_KEEP_CAPS);
	case PR_SET_KEEPCAPS:
		return set_keep_capabilities(arg2);
	case PR_CAP_AMBIENT:
		return change_ambient(arg2, arg3, arg4, arg5);
	case PR_GET_NO_NEW_PRIVS:
		return arg2 || arg3 || arg4 || arg5 ? -EINVAL : (s64)cred->no_new_privs;
	case PR_SET_NO_NEW_PRIVS:
		return arg2 != 1 || arg3 || arg4 || arg5 ? -EINVAL : set_no_new_privs();
	}
	return -EINVAL;
}

/* --- execve --- */

/* The set-user-ID and set-group-ID bits of the program. Without group execute permission the latter
 * means something else. */
static void apply_mode(struct cred *cred, struct inode *program)
{
	if (program->fs->nosuid || cred->no_new_privs || !(program->mode & (S_ISUID | S_ISGID)))
		return;
	mutex_lock(&program->lock); /* or a chown could give new ids to old bits */
	mode_t mode = program->mode;
	if (mode & S_ISUID)
		cred->euid = program->uid;
	if ((mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
		cred->egid = program->gid;
	mutex_unlock(&program->lock);
}

/* Do others than the running task's own threads, which this execve ends, share its root and working
 * directory? */
static bool shares_fs(void)
{
	const struct task_struct *thread = NULL;
	u32 own = 0;

	spin_lock(&tasklist_lock);
	while ((thread = thread_next(current->signal, thread)))
		own += thread->fs == current->fs;
	bool shares = __atomic_load_n(&current->fs->refs, __ATOMIC_RELAXED) > own;
	spin_unlock(&tasklist_lock);
	return shares;
}

/* P' by the rules for execve, with no capabilities on the file but those that uid 0 stands for. */
static void transform(struct cred *cred, const struct cred *old, bool *secure)
{
	bool by_root = !(old->securebits & SECBIT_NOROOT);
	bool effective = by_root && cred->euid == 0;
	bool other = cred->euid != old->uid || cred->egid != old->gid;

	cred->permitted = by_root && (cred->uid == 0 || cred->euid == 0)
				  ? old->bounding | old->inheritable
				  : 0;
	/* one who must not gain, or shares his root and working directory with another process that
	 * could change them under the program: no more than before */
	bool unsafe = old->no_new_privs || shares_fs();
	if (unsafe && (other || (cred->permitted & ~old->permitted))) {
		if (!capable(CAP_SETUID) || old->no_new_privs) {
			cred->euid = cred->uid;
			cred->egid = cred->gid;
		}
		cred->permitted &= old->permitted;
	}
	cred->suid = cred->fsuid = cred->euid;
	cred->sgid = cred->fsgid = cred->egid;
	if (other)
		cred->ambient = 0;
	cred->permitted |= cred->ambient;
	cred->effective = effective ? cred->permitted : cred->ambient;
	cred->securebits &= ~(u32)SECBIT_KEEP_CAPS;
	*secure = other || (cred->uid != 0 && (effective || (cred->permitted & ~cred->ambient)));
}

/* Has the execve changed nothing that it can change? */
static bool is_same(const struct cred *cred, const struct cred *old)
{
	return cred->euid == old->euid && cred->suid == old->suid && cred->fsuid == old->fsuid &&
	       cred->egid == old->egid && cred->sgid == old->sgid && cred->fsgid == old->fsgid &&
	       cred->permitted == old->permitted && cred->effective == old->effective &&
	       cred->ambient == old->ambient && cred->securebits == old->securebits;
}

const struct cred *cred_for_exec(struct inode *program, bool *secure)
{
	const struct cred *old = current->cred;
	struct cred cred = *old;

	apply_mode(&cred, program);
	transform(&cred, old, secure);
	if (is_same(&cred, old))
		return cred_get(old);
	const struct cred *copy = cred_copy(&cred); /* the real uid is the same, and so the user */
	return copy ? copy : ERR_PTR(-ENOMEM);
}

const struct cred *cred_for_access(void)
{
	const struct cred *old = current->cred;
	bool fixup = !(old->securebits & SECBIT_NO_SETUID_FIXUP);
	u64 effective = !fixup ? old->effective : old->uid == 0 ? old->permitted : 0;

	if (old->fsuid == old->uid && old->fsgid == old->gid && effective == old->effective)
		return NULL;
	struct cred *cred = cred_copy(old);
	if (!cred)
		return ERR_PTR(-ENOMEM);
	cred->fsuid = cred->uid;
	cred->fsgid = cred->gid;
	cred->effective = effective;
	return cred;
}

/* May who asks as this user and group, with these capabilities, look into the task? */
static bool may_access(const struct task_struct *task, uid_t uid, gid_t gid, u64 capabilities)
{
	const struct cred *theirs = task->real_cred;

	ASSERT(spin_held(&tasklist_lock));
	if (task->leader == current->leader || capable(CAP_SYS_PTRACE))
		return true;
	return uid == theirs->euid && uid == theirs->suid && uid == theirs->uid &&
	       gid == theirs->egid && gid == theirs->sgid && gid == theirs->gid &&
	       (!task->mm || task->mm->dumpable) && !(theirs->permitted & ~capabilities);
}

bool cred_may_inspect(const struct task_struct *task)
{
	const struct cred *mine = current->cred;

	return may_access(task, mine->fsuid, mine->fsgid, mine->effective);
}

bool cred_may_attach(const struct task_struct *task)
{
	const struct cred *mine = current->cred;

	return may_access(task, mine->uid, mine->gid, mine->permitted);
}
