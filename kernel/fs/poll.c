/*
 * The waiting behind poll(2) and select(2). A poll table collects the wait queues that files name;
 * the waiter puts itself on each before the file looks at its state, so a change either is seen or
 * wakes it. The task's state is set once in a pass, before the first file: another CPU may wake it
 * while it still looks at the others, and that must last until it would sleep. Passes are repeated
 * until something is ready; a queue keeps its entry over the passes. The files are held, and so are
 * their queues.
 */
#include <linux/errno.h>
#include "fs/file.h"
#include "fs/poll.h"
#include "mm/slab.h"
#include "sched/task.h"

#define INLINE_ENTRIES 4
#define BLOCK_ENTRIES 50

struct poll_entry {
	struct wait_entry wait;
	struct wait_queue *queue; /* NULL: not used yet */
};

/* Entries must not move while they are on queues, so they come in blocks. */
struct poll_block {
	struct poll_block *next;
	struct poll_entry entries[BLOCK_ENTRIES];
};

struct poll_table {
	u32 cursor; /* entries named so far in this pass */
	bool no_memory;
	struct wait_queue own; /* for a waiter whose files have no queues */
	struct wait_entry own_wait;
	struct poll_entry first[INLINE_ENTRIES];
	struct poll_block *blocks;
};

/* Entry number index of the table, made if need be; NULL: no memory. */
static struct poll_entry *entry_at(struct poll_table *table, u32 index)
{
	struct poll_block **block = &table->blocks;

	if (index < INLINE_ENTRIES)
		return &table->first[index];
	for (index -= INLINE_ENTRIES;; index -= BLOCK_ENTRIES, block = &(*block)->next) {
		if (!*block)
			*block = kzalloc(sizeof(**block));
		if (!*block)
			return NULL;
		if (index < BLOCK_ENTRIES)
			return &(*block)->entries[index];
	}
}

void poll_wait(struct poll_table *table, struct wait_queue *queue)
{
	if (!table)
		return;
	struct poll_entry *entry = entry_at(table, table->cursor++);
	if (!entry) {
		table->no_memory = true;
		return;
	}
	if (entry->queue && entry->queue != queue) /* running again: there will be another pass */
		wait_finish(entry->queue, &entry->wait);
	entry->queue = queue;
	wait_add(queue, &entry->wait);
}

static void finish_entries(struct poll_entry *entries, u32 count)
{
	for (u32 i = 0; i < count; i++)
		if (entries[i].queue)
			wait_finish(entries[i].queue, &entries[i].wait);
}

static void table_finish(struct poll_table *table)
{
	struct poll_block *block = table->blocks, *next;

	finish_entries(table->first, INLINE_ENTRIES);
	for (; block; block = next) {
		next = block->next;
		finish_entries(block->entries, BLOCK_ENTRIES);
		kfree(block);
	}
	wait_finish(&table->own, &table->own_wait);
}

static u32 poll_one(struct file *file, u32 events, struct poll_table *table)
{
	u32 mask = POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;

	if (file->ops->poll)
		mask = file->ops->poll(file, table);
	return mask & (events | POLLERR | POLLHUP);
}

/* One look at all files: how many are ready. Once one is, nobody will wait. */
static u32 poll_pass(struct pollfd *fds, struct file **files, u32 count, struct poll_table *table)
{
	u32 ready = 0;

	table->cursor = 0;
	wait_prepare(&table->own, &table->own_wait, TASK_INTERRUPTIBLE);
	for (u32 i = 0; i < count; i++) {
		fds[i].revents = 0;
		if (files[i])
			fds[i].revents =
				poll_one(files[i], (u16)fds[i].events, ready ? NULL : table);
		else if (fds[i].fd >= 0)
			fds[i].revents = POLLNVAL;
		ready += fds[i].revents != 0;
	}
	return ready;
}

static int poll_loop(struct pollfd *fds, struct file **files, u32 count, u64 deadline)
{
	struct poll_table table = { .blocks = NULL };
	bool expired = deadline == 0;
	int result;

	wait_queue_init(&table.own, "poll");
	while (true) {
		result = poll_pass(fds, files, count, &table);
		if (result || expired)
			break;
		if (table.no_memory) {
			result = -ENOMEM;
			break;
		}
		if (signal_is_pending()) {
			result = -ERESTARTNOHAND;
			break;
		}
		expired = schedule_until(deadline);
	}
	table_finish(&table);
	return result;
}

int poll_files(struct pollfd *fds, u32 count, u64 deadline)
{
	struct file **files = kmalloc(count * sizeof(*files) + 1);

	if (!files)
		return -ENOMEM;
	for (u32 i = 0; i < count; i++)
		files[i] = fds[i].fd >= 0 ? fd_get(fds[i].fd) : NULL;
	int result = poll_loop(fds, files, count, deadline);
	for (u32 i = 0; i < count; i++)
		if (files[i])
			file_put(files[i]);
	kfree(files);
	return result;
}
