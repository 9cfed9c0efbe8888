/*
 * The life of credentials, and the rules for changing ids (credentials(7), setresuid(2)): with
 * CAP_SETUID or CAP_SETGID any, else only to an id that the task has. A change is a copy, changed
 * and committed: what can fail is done on the copy, and the commit cannot. Users and groups go by
 * the same rules, so these are written once for both.
 *
 * A credential holds its user (proc/limits.c); the task moves in the count of processes when its
 * real uid changes.
 */
#include "proc/cred.h"
#include "mm/mm.h"
#include "mm/slab.h"
#include "proc/limits.h"
#include "proc/pid.h"
#include "x86/printk.h"
#include <asm/errno.h>
#include <asm/resource.h>

#define LEAVE ((u32)-1)

static struct kmem_cache cred_cache;
static u64 groups_live; /* atomic */

void cred_module_init(void)
{
	kmem_cache_init(&cred_cache, "cred", sizeof(struct cred), 8);
}

const struct cred *cred_get(const struct cred *cred)
{
	__atomic_fetch_add(&((struct cred *)cred)->refs, 1, __ATOMIC_RELAXED);
	return cred;
}

const struct cred *task_cred_get(const struct task_struct *task)
{
	spin_lock(&tasklist_lock);
	const struct cred *cred = cred_get(task->real_cred);
	spin_unlock(&tasklist_lock);
	return cred;
}

void cred_put(const struct cred *shared)
{
	struct cred *cred = (struct cred *)shared;

	if (!cred || __atomic_sub_fetch(&cred->refs, 1, __ATOMIC_ACQ_REL))
		return;
	groups_put(cred->groups);
	user_put(cred->user);
	kmem_cache_free(&cred_cache, cred);
}

struct cred *cred_copy(const struct cred *from)
{
	struct user *user = user_get(from->uid);
	struct cred *copy = user ? kmem_cache_alloc(&cred_cache) : NULL;

	if (!copy) {
		if (user)
			user_put(user);
		return NULL;
	}
	*copy = *from;
	copy->refs = 1;
	copy->user = user;
	if (copy->groups)
		__atomic_fetch_add(&copy->groups->refs, 1, __ATOMIC_RELAXED);
	return copy;
}

/* Does new mean more power, or another's, than old? Then nobody but root should look into it. */
static bool is_raised(const struct cred *new, const struct cred *old)
{
	return new->euid != old->euid || new->egid != old->egid || new->fsuid != old->fsuid ||
	       new->fsgid != old->fsgid || (new->permitted & ~old->permitted);
}

void cred_commit(const struct cred *new)
{
	const struct cred *old = current->real_cred;

	ASSERT(current->cred == old);
	if (new == old) { /* an execve that changes nothing */
		cred_put(new);
		return;
	}
	if (is_raised(new, old)) {
		current->pdeath_signal = 0; /* the parent was another's */
		if (current->mm)
			current->mm->dumpable = false;
	}
	if (new->user != old->user)
		limits_move_process(old, new);
	spin_lock(&tasklist_lock);
	current->cred = current->real_cred = new;
	spin_unlock(&tasklist_lock);
	cred_put(old);
}

int cred_change(const struct cred *changed)
{
	const struct cred *new = cred_copy(changed);

	if (!new)
		return -ENOMEM;
	cred_commit(new);
	return 0;
}

void cred_override(const struct cred *cred)
{
	current->cred = cred;
}

void cred_revert(void)
{
	current->cred = current->real_cred;
}

/* --- ids --- */

struct ids cred_ids(const struct cred *cred, enum id_kind kind)
{
	if (kind == ID_USER)
		return (struct ids){ cred->uid, cred->euid, cred->suid, cred->fsuid };
	return (struct ids){ cred->gid, cred->egid, cred->sgid, cred->fsgid };
}

static bool may_set_any(enum id_kind kind)
{
	return capable(kind == ID_USER ? CAP_SETUID : CAP_SETGID);
}

/* Makes new's real uid one of that user; on failure new is as it was. */
static int change_user(struct cred *new, uid_t uid)
{
	struct user *user = user_get(uid);

	if (!user)
		return -EAGAIN;
	user_put(new->user);
	new->user = user;
	/* not refused here, where few programs look, but at the next execve (execve(2)) */
	current->nproc_exceeded = uid != 0 && user_processes(user) > task_rlimit(RLIMIT_NPROC);
	return 0;
}

/* Gives the running task these ids, if they are not what it has. */
static int commit_ids(enum id_kind kind, struct ids ids, bool fs_only)
{
	const struct cred *old = current->cred;
	struct ids had = cred_ids(old, kind);

	if (ids.real == had.real && ids.effective == had.effective && ids.saved == had.saved &&
	    ids.fs == had.fs)
		return 0;
	struct cred *new = cred_copy(old);
	if (!new)
		return -ENOMEM;
	if (kind == ID_GROUP) {
		new->gid = ids.real, new->egid = ids.effective;
		new->sgid = ids.saved, new->fsgid = ids.fs;
	} else {
		if (ids.real != had.real && change_user(new, ids.real)) {
			cred_put(new);
			return -EAGAIN;
		}
		new->uid = ids.real, new->euid = ids.effective;
		new->suid = ids.saved, new->fsuid = ids.fs;
		cred_fix_capabilities(new, old, fs_only);
	}
	cred_commit(new);
	return 0;
}

int cred_set_id(enum id_kind kind, u32 id)
{
	struct ids ids = cred_ids(current->cred, kind);

	if (id == LEAVE)
		return -EINVAL;
	if (may_set_any(kind))
		ids.real = ids.saved = id;
	else if (id != ids.real && id != ids.saved)
		return -EPERM;
	ids.effective = ids.fs = id;
	return commit_ids(kind, ids, false);
}

int cred_set_real_effective(enum id_kind kind, u32 real, u32 effective)
{
	struct ids had = cred_ids(current->cred, kind), ids = had;
	bool any = may_set_any(kind);

	if (real != LEAVE) {
		if (!any && real != had.real && real != had.effective)
			return -EPERM;
		ids.real = real;
	}
	if (effective != LEAVE) {
		if (!any && effective != had.real && effective != had.effective &&
		    effective != had.saved)
			return -EPERM;
		ids.effective = effective;
	}
	if (real != LEAVE || (effective != LEAVE && effective != had.real))
		ids.saved = ids.effective;
	ids.fs = ids.effective;
	return commit_ids(kind, ids, false);
}

int cred_set_all(enum id_kind kind, u32 real, u32 effective, u32 saved)
{
	struct ids had = cred_ids(current->cred, kind);
	struct ids ids = { real != LEAVE ? real : had.real,
			   effective != LEAVE ? effective : had.effective,
			   saved != LEAVE ? saved : had.saved, had.fs };
	const u32 wanted[3] = { ids.real, ids.effective, ids.saved };

	for (u32 i = 0; i < ARRAY_SIZE(wanted); i++)
		if (wanted[i] != had.real && wanted[i] != had.effective && wanted[i] != had.saved &&
		    !may_set_any(kind))
			return -EPERM;
	/* a call that asks for nothing leaves the file system id alone as well */
	if (ids.real != had.real || effective != LEAVE || ids.saved != had.saved)
		ids.fs = ids.effective;
	return commit_ids(kind, ids, false);
}

u32 cred_set_fs(enum id_kind kind, u32 id)
{
	struct ids had = cred_ids(current->cred, kind), ids = had;

	ids.fs = id;
	if (id != LEAVE && (id == had.real || id == had.effective || id == had.saved ||
			    id == had.fs || may_set_any(kind)))
		commit_ids(kind, ids, true); /* without memory nothing changes, which says so */
	return had.fs;
}

/* --- supplementary groups --- */

struct group_info *groups_alloc(u32 count)
{
	struct group_info *groups = kmalloc(sizeof(*groups) + count * sizeof(gid_t));

	if (!groups)
		return NULL;
	*groups = (struct group_info){ .refs = 1, .count = count };
	__atomic_fetch_add(&groups_live, 1, __ATOMIC_RELAXED);
	return groups;
}

void groups_put(struct group_info *groups)
{
	if (!groups || __atomic_sub_fetch(&groups->refs, 1, __ATOMIC_ACQ_REL))
		return;
	__atomic_fetch_sub(&groups_live, 1, __ATOMIC_RELAXED);
	kfree(groups);
}

u64 groups_count(void)
{
	return __atomic_load_n(&groups_live, __ATOMIC_RELAXED);
}

/* Lets the entry at `at` sink to its place in the heap of the first count, largest on top. */
static void sift(gid_t *gids, u32 at, u32 count)
{
	for (u32 child; (child = 2 * at + 1) < count; at = child) {
		if (child + 1 < count && gids[child + 1] > gids[child])
			child++;
		if (gids[at] >= gids[child])
			return;
		gid_t gid = gids[at];
		gids[at] = gids[child];
		gids[child] = gid;
	}
}

/* Heapsort: no list makes it slow, and it needs no memory. */
static void sort(gid_t *gids, u32 count)
{
	for (u32 i = count / 2; i-- > 0;)
		sift(gids, i, count);
	for (u32 i = count; i-- > 1;) {
		gid_t largest = gids[0];

		gids[0] = gids[i];
		gids[i] = largest;
		sift(gids, 0, i);
	}
}

int cred_set_groups(struct group_info *groups)
{
	struct cred *new = cred_copy(current->cred);

	if (!new) {
		groups_put(groups);
		return -ENOMEM;
	}
	sort(groups->gids, groups->count);
	groups_put(new->groups);
	new->groups = groups;
	cred_commit(new);
	return 0;
}
