/* Credentials: how a task gets new ones (credentials(7), capabilities(7)). */
#ifndef MITOS_PROC_CRED_H
#define MITOS_PROC_CRED_H

#include "sched/task.h"

struct inode;

void cred_module_init(void);

const struct cred *cred_get(const struct cred *cred);
void cred_put(const struct cred *cred); /* NULL is allowed */
/* Of any task, with a reference. */
const struct cred *task_cred_get(const struct task_struct *task);
/* A copy with one reference, to change and then commit or put. NULL: no memory. */
struct cred *cred_copy(const struct cred *from);
/*
 * The running task has these from now on; takes over the reference. Who gains or changes an
 * effective or file system id or gains capabilities is no longer dumpable, and is sent nothing at
 * its parent's death. Cannot fail.
 */
void cred_commit(const struct cred *new);
/* Commits a copy of what the caller changed; its user stays. 0, -ENOMEM. */
int cred_change(const struct cred *changed);
/* Acts as cred, the caller's, until cred_revert(), for others unseen. */
void cred_override(const struct cred *cred);
void cred_revert(void);

/* A set of ids, of users or of groups. (u32)-1 in a call's argument: leave it as it is. */
struct ids {
	u32 real, effective, saved, fs;
};
enum id_kind { ID_USER, ID_GROUP };

struct ids cred_ids(const struct cred *cred, enum id_kind kind);
/* setuid(2), setreuid(2), setresuid(2) and the same of groups: 0, -EINVAL, -EPERM, -ENOMEM,
 * -EAGAIN (no memory to count the new user). */
int cred_set_id(enum id_kind kind, u32 id);
int cred_set_real_effective(enum id_kind kind, u32 real, u32 effective);
int cred_set_all(enum id_kind kind, u32 real, u32 effective, u32 saved);
/* setfsuid(2), setfsgid(2): does it if allowed, and gives what was before. */
u32 cred_set_fs(enum id_kind kind, u32 id);

/* Room for count groups, to be filled and given to cred_set_groups, or put. NULL: no memory. */
struct group_info *groups_alloc(u32 count);
void groups_put(struct group_info *groups); /* NULL is allowed */
u64 groups_count(void);			    /* lists that exist, for the audit */
/* setgroups(2): takes groups over and sorts them. 0, -ENOMEM. */
int cred_set_groups(struct group_info *groups);

/* --- capability.c --- */
/* What becomes of cred's capabilities when its user ids were old's (capabilities(7), "Effect of
 * user ID changes"). fs_only: setfsuid did it. */
void cred_fix_capabilities(struct cred *cred, const struct cred *old, bool fs_only);
/* capset(2): 0, -EPERM, -ENOMEM. */
int cred_set_capabilities(u64 permitted, u64 effective, u64 inheritable);
/* prctl(2) as far as it is about credentials; -EINVAL for any other option. */
s64 cred_prctl(int option, u64 arg2, u64 arg3, u64 arg4, u64 arg5);
/* The credentials after the execve of a program, with a reference, and whether its loader should
 * trust nothing it inherits (AT_SECURE). shares_fs: another process could change its root and
 * working directory. ERR_PTR(-ENOMEM). */
const struct cred *cred_for_exec(struct inode *program, bool shares_fs, bool *secure);
/* The credentials that access(2) asks for, those of the real ids, with a reference. NULL: what the
 * task acts as; ERR_PTR(-ENOMEM). */
const struct cred *cred_for_access(void);
/* May the running task look into another (ptrace(2), "Ptrace access mode checking", as what reads
 * /proc)? tasklist_lock held. */
bool cred_may_inspect(const struct task_struct *task);
/* May it trace the other, or reach into its memory (the same, by the real ids)? */
bool cred_may_attach(const struct task_struct *task);

#endif
