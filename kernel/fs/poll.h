/*
 * Waiting for one of many files. A file's poll operation says what is ready now and names the wait
 * queues on which a change will be announced; the waiter is on all of them before it looks, so no
 * change is missed.
 */
#ifndef MITOS_FS_POLL_H
#define MITOS_FS_POLL_H

#include <asm/poll.h>
#include "sched/wait.h"

struct poll_table;

/* Called by file_ops->poll before it looks at its state; table may be NULL (nobody will wait). */
void poll_wait(struct poll_table *table, struct wait_queue *queue);

/*
 * poll(2) on descriptors of the running task: fills revents, sleeps until something is ready, a
 * signal, or the deadline (monotonic ns; 0 does not sleep). How many are ready, -ERESTARTNOHAND,
 * -ENOMEM.
 */
int poll_files(struct pollfd *fds, u32 count, u64 deadline);

#endif
