/*
 * Credentials: who a task acts as (credentials(7)) and what it may do (capabilities(7)). A struct
 * cred is shared by reference, by fork and by an execve that changes nothing, and never written
 * once a task has it: whoever changes ids or capabilities makes a new one (proc/cred.c). So a check
 * needs no lock, and fork costs one count. This floor has the data and the questions that every
 * floor asks; the rules by which they change are proc/'s.
 */
#ifndef MITOS_SCHED_CRED_H
#define MITOS_SCHED_CRED_H

#include "lib/types.h"
#include <linux/capability.h>

struct user; /* proc/limits.c: what is counted for a real uid */

/* Supplementary groups, ascending; never written once a credential has them. */
struct group_info {
	u32 refs;  /* atomic; credentials */
	u32 audit; /* references found by the audit */
	u32 count;
	gid_t gids[];
};

struct cred {
	u32 refs;  /* atomic; tasks, and whoever is about to give it to one */
	u32 audit; /* references found by the audit */
	uid_t uid, euid, suid, fsuid;
	gid_t gid, egid, sgid, fsgid;
	u32 securebits;	  /* SECBIT_* */
	u32 no_new_privs; /* execve gains nothing, for ever (prctl(2)) */
	u64 permitted, effective, inheritable, bounding, ambient; /* bit N is capability N */
	struct group_info *groups;				  /* NULL: none */
	struct user *user;					  /* of uid; NULL in boot_cred */
};

#define CAPS_ALL ((2ull << CAP_LAST_CAP) - 1)

/* What the kernel itself acts as before the first process: root. */
extern const struct cred boot_cred;

/* Is gid one of the supplementary groups? O(log n). */
bool cred_has_group(const struct cred *cred, gid_t gid);
/* May the running task use files as a member of gid: its fsgid or a supplementary group? */
bool in_group(gid_t gid);

#endif
