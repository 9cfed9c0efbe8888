/*
 * System V shared memory (sysvipc(7), shmget(2)): segments with a key, an id, an owner and a mode,
 * which live until somebody removes them and nobody has them attached. An attached segment is an
 * area like any other shared one: fork inherits it, execve and exit detach it.
 */
#ifndef MITOS_MM_SYSVSHM_H
#define MITOS_MM_SYSVSHM_H

#include "lib/types.h"
#include <asm/ipcbuf.h>
#include <asm/shmbuf.h>

struct shm_info;

/* In the mode that shmctl(2) shows; no UAPI header has them. */
#define SHM_DEST 01000	 /* goes with the last detach */
#define SHM_LOCKED 02000 /* SHM_LOCK */

/* /proc/sys/kernel/shmmax (bytes), shmall (pages), shmmni (segments): single words. */
struct shm_limits {
	u64 max, all, segments;
};
extern struct shm_limits shm_limits;

#define SHM_SEGMENTS_MAX                                                                           \
	32768 /* what shmmni can be; an id is a sequence number times this + index */

void sysvshm_init(void);
/* shmget(2): an id. -EINVAL -ENOENT -EEXIST -EACCES -ENOSPC -ENOMEM */
int shm_get(int key, size_t size, int flags);
/* shmat(2): the address. -EINVAL -EACCES -ENOMEM -EPERM */
s64 shm_attach(int id, u64 addr, int flags);
int shm_detach(u64 addr); /* shmdt(2): 0, -EINVAL */

/* shmctl(2). How shm_status finds the segment and whether reading it must be allowed. */
enum shm_find { SHM_FIND_ID, SHM_FIND_INDEX, SHM_FIND_ANY };
/* IPC_STAT (0), SHM_STAT and SHM_STAT_ANY (the id). -EINVAL -EACCES */
int shm_status(int id, enum shm_find find, struct shmid64_ds *status);
int shm_set(int id, const struct ipc64_perm *perm); /* IPC_SET: 0, -EINVAL -EPERM */
int shm_remove(int id);				    /* IPC_RMID: 0, -EINVAL -EPERM */
int shm_lock(int id, bool on);			    /* 0, -EINVAL -EPERM -ENOMEM */
int shm_usage(struct shm_info *info);		    /* SHM_INFO: the highest index in use, or 0 */
int shm_highest(void);				    /* the same alone (IPC_INFO) */

/* The first segment at or above an index, for /proc: its id, *rss in pages; -1 if there is none. */
int shm_next(int index, struct shmid64_ds *status, u64 *rss);
/* For the audit: the first segment with more or fewer attaches than areas that map it; -1: none. */
int shm_miscounted(u64 *attached, u64 *mapped);

#endif
