/*
 * Descriptor tables. Descriptors come in chunks of 64, each with a word of bits for "open" and one
 * for "close on exec"; a bitmap says which chunks are full, so the lowest free descriptor is found
 * by words, and a table of a million costs only the chunks in use. The first chunk is part of the
 * table: most processes need no more. files->lock, a spinlock, guards a table; a file is closed
 * after it is let go, because that may sleep. A descriptor that is reserved (open(2) is still at
 * work) has its bit and no file, and counts as not open.
 */
#include <linux/errno.h>
#include <linux/resource.h>
#include "fs/file.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "sched/task.h"
#include "x86/printk.h"

#define CHUNK 64u

struct fd_chunk {
	u64 open; /* bit i: descriptor i is taken */
	u64 close_on_exec;
	struct file *file[CHUNK]; /* NULL: free, or reserved */
};

struct files_struct {
	u32 refs;		  /* atomic */
	struct list_head waits;	  /* flock.c's: for record locks of others; its lock */
	struct spinlock lock;	  /* guards the rest */
	u32 chunk_count;	  /* of chunks */
	u32 lowest;		  /* no descriptor below it is free */
	struct fd_chunk **chunks; /* NULL where nothing was ever open */
	u64 *full;		  /* bit i: chunk i has no free descriptor */
	struct fd_chunk *first_chunks[1];
	u64 first_full[1];
	struct fd_chunk first;
};

static struct kmem_cache files_cache, chunk_cache;

void fdtable_module_init(void)
{
	kmem_cache_init(&files_cache, "files", sizeof(struct files_struct), 8);
	kmem_cache_init(&chunk_cache, "fd chunk", sizeof(struct fd_chunk), 8);
}

struct files_struct *files_new(void)
{
	struct files_struct *files = kmem_cache_zalloc(&files_cache);

	if (!files)
		return NULL;
	files->refs = 1;
	list_init(&files->waits);
	spin_init(&files->lock, "files");
	files->chunk_count = 1;
	files->chunks = files->first_chunks;
	files->full = files->first_full;
	files->chunks[0] = &files->first;
	return files;
}

struct list_head *files_lock_waits(struct files_struct *files)
{
	return &files->waits;
}

static void files_free(struct files_struct *files)
{
	for (u32 i = 1; i < files->chunk_count; i++)
		if (files->chunks[i])
			kmem_cache_free(&chunk_cache, files->chunks[i]);
	if (files->chunks != files->first_chunks)
		kfree(files->chunks);
	kmem_cache_free(&files_cache, files);
}

/* Makes room for chunk number index. The lock is held, or nobody else knows the table. */
static int make_chunk(struct files_struct *files, u32 index)
{
	if (index >= files->chunk_count) {
		u32 count = files->chunk_count;
		while (count <= index)
			count *= 2;
		u32 words = (count + 63) / 64, old_words = (files->chunk_count + 63) / 64;
		struct fd_chunk **chunks = kzalloc(count * sizeof(*chunks) + words * sizeof(u64));
		if (!chunks)
			return -ENOMEM;
		u64 *full = (u64 *)(chunks + count);
		memcpy(chunks, files->chunks, files->chunk_count * sizeof(*chunks));
		memcpy(full, files->full, old_words * sizeof(u64));
		if (files->chunks != files->first_chunks)
			kfree(files->chunks);
		files->chunks = chunks;
		files->full = full;
		files->chunk_count = count;
	}
	if (!files->chunks[index])
		files->chunks[index] = kmem_cache_zalloc(&chunk_cache);
	return files->chunks[index] ? 0 : -ENOMEM;
}

static struct fd_chunk *chunk_of(const struct files_struct *files, u32 fd)
{
	return fd / CHUNK < files->chunk_count ? files->chunks[fd / CHUNK] : NULL;
}

/* The file of an open descriptor, or NULL. */
static struct file *file_at(const struct files_struct *files, u32 fd)
{
	const struct fd_chunk *chunk = chunk_of(files, fd);

	return chunk ? chunk->file[fd % CHUNK] : NULL;
}

static void mark_open(struct files_struct *files, u32 fd, struct file *file, bool close_on_exec)
{
	struct fd_chunk *chunk = files->chunks[fd / CHUNK];
	u64 bit = 1ull << fd % CHUNK;

	chunk->open |= bit;
	chunk->close_on_exec =
		close_on_exec ? chunk->close_on_exec | bit : chunk->close_on_exec & ~bit;
	chunk->file[fd % CHUNK] = file;
	if (chunk->open == ~0ull)
		files->full[fd / CHUNK / 64] |= 1ull << fd / CHUNK % 64;
}

static void mark_free(struct files_struct *files, u32 fd)
{
	struct fd_chunk *chunk = files->chunks[fd / CHUNK];

	chunk->open &= ~(1ull << fd % CHUNK);
	chunk->file[fd % CHUNK] = NULL;
	files->full[fd / CHUNK / 64] &= ~(1ull << fd / CHUNK % 64);
	files->lowest = min(files->lowest, fd);
}

/* The first chunk from index on that is not full; chunk_count if all are. */
static u32 next_chunk(const struct files_struct *files, u32 index)
{
	while (index < files->chunk_count) {
		u64 free = ~files->full[index / 64] & ~0ull << index % 64;
		if (free)
			return min(index / 64 * 64 + __builtin_ctzll(free), files->chunk_count);
		index = (index / 64 + 1) * 64;
	}
	return files->chunk_count;
}

/* The lowest free descriptor >= from. */
static u32 find_free(const struct files_struct *files, u32 from)
{
	from = max(from, files->lowest);
	u32 index = next_chunk(files, from / CHUNK);
	const struct fd_chunk *chunk = chunk_of(files, index * CHUNK);

	if (index == from / CHUNK && chunk) {
		u64 free = ~chunk->open & ~0ull << from % CHUNK;
		if (free)
			return index * CHUNK + __builtin_ctzll(free);
		index = next_chunk(files, index + 1);
		chunk = chunk_of(files, index * CHUNK);
	}
	return max(from, index * CHUNK + (chunk ? __builtin_ctzll(~chunk->open) : 0));
}

static u64 fd_limit(void)
{
	return task_rlimit(RLIMIT_NOFILE);
}

int fd_reserve(u32 from, bool close_on_exec)
{
	struct files_struct *files = current->files;
	int result;

	spin_lock(&files->lock);
	u32 fd = find_free(files, from);
	if (fd >= fd_limit())
		result = -EMFILE;
	else
		result = make_chunk(files, fd / CHUNK);
	if (result == 0) {
		mark_open(files, fd, NULL, close_on_exec);
		if (from <= files->lowest)
			files->lowest = fd + 1;
		result = fd;
	}
	spin_unlock(&files->lock);
	return result;
}

void fd_publish(int fd, struct file *file)
{
	struct files_struct *files = current->files;

	spin_lock(&files->lock);
	files->chunks[fd / CHUNK]->file[fd % CHUNK] = file;
	spin_unlock(&files->lock);
}

void fd_cancel(int fd)
{
	struct files_struct *files = current->files;

	spin_lock(&files->lock);
	mark_free(files, fd);
	spin_unlock(&files->lock);
}

int fd_settle(int fd, struct file *file)
{
	if (IS_ERR(file)) {
		fd_cancel(fd);
		return (int)PTR_ERR(file);
	}
	fd_publish(fd, file);
	return fd;
}

struct file *fd_get_raw(int fd)
{
	struct files_struct *files = current->files;

	spin_lock(&files->lock);
	struct file *file = file_at(files, fd);
	if (file)
		file_get(file);
	spin_unlock(&files->lock);
	return file;
}

bool fd_leads_to(int fd, const struct file *file)
{
	struct files_struct *files = current->files;

	spin_lock(&files->lock);
	bool same = file_at(files, fd) == file;
	spin_unlock(&files->lock);
	return same;
}

struct dentry *files_get_dentry(struct files_struct *files, int fd)
{
	spin_lock(&files->lock);
	struct file *file = file_at(files, fd);
	struct dentry *dentry = file ? dentry_get(file->dentry) : NULL;
	spin_unlock(&files->lock);
	return dentry;
}

struct file *fd_get(int fd)
{
	struct file *file = fd_get_raw(fd);

	if (file && (file->mode & FMODE_PATH)) {
		file_put(file);
		return NULL;
	}
	return file;
}

/* What close(2) does once the descriptor is gone. */
static void close_file(struct files_struct *files, struct file *file)
{
	file_lock_release(file, files);
	file_put(file);
}

int fd_close(int fd)
{
	struct files_struct *files = current->files;

	spin_lock(&files->lock);
	struct file *file = file_at(files, fd);
	if (file)
		mark_free(files, fd);
	spin_unlock(&files->lock);
	if (!file)
		return -EBADF;
	close_file(files, file);
	return 0;
}

int fd_replace(int fd, struct file *file, bool close_on_exec)
{
	struct files_struct *files = current->files;
	struct file *old = NULL;

	if ((u32)fd >= fd_limit())
		return -EBADF;
	spin_lock(&files->lock);
	int error = make_chunk(files, fd / CHUNK);
	if (!error) {
		old = file_at(files, fd);
		if (!old && (files->chunks[fd / CHUNK]->open >> fd % CHUNK & 1))
			error = -EBUSY;
		else
			mark_open(files, fd, file_get(file), close_on_exec);
	}
	spin_unlock(&files->lock);
	if (error)
		return error;
	if (old)
		close_file(files, old);
	return fd;
}

int fd_install(struct files_struct *files, int fd, struct file *file)
{
	spin_lock(&files->lock);
	int error = make_chunk(files, fd / CHUNK);
	if (!error)
		mark_open(files, fd, file, false);
	spin_unlock(&files->lock);
	if (error)
		file_put(file);
	return error;
}

int fd_get_cloexec(int fd)
{
	struct files_struct *files = current->files;

	spin_lock(&files->lock);
	int result = file_at(files, fd)
			     ? (int)(files->chunks[fd / CHUNK]->close_on_exec >> fd % CHUNK & 1)
			     : -EBADF;
	spin_unlock(&files->lock);
	return result;
}

int fd_set_cloexec(int fd, bool on)
{
	struct files_struct *files = current->files;

	spin_lock(&files->lock);
	struct file *file = file_at(files, fd);
	if (file)
		mark_open(files, fd, file, on);
	spin_unlock(&files->lock);
	return file ? 0 : -EBADF;
}

bool files_next(struct files_struct *files, u32 *fd, u32 *mode)
{
	const struct file *file = NULL;
	u32 i = *fd;

	spin_lock(&files->lock);
	while (!file && i / CHUNK < files->chunk_count) {
		const struct fd_chunk *chunk = files->chunks[i / CHUNK];
		u64 left = chunk ? chunk->open & ~0ull << i % CHUNK : 0;
		if (!left) {
			i = (i / CHUNK + 1) * CHUNK;
			continue;
		}
		i = i / CHUNK * CHUNK + __builtin_ctzll(left);
		file = chunk->file[i % CHUNK];
		if (!file) /* reserved */
			i++;
	}
	if (file)
		*mode = file->mode;
	spin_unlock(&files->lock);
	*fd = i;
	return file;
}

/* Takes the next file out of the table whose bit is set in open (and in close_on_exec, if asked
 * for). */
static struct file *take_next(struct files_struct *files, u32 *fd, u32 last,
			      bool only_close_on_exec)
{
	struct file *file = NULL;

	spin_lock(&files->lock);
	for (; !file && *fd <= last && *fd / CHUNK < files->chunk_count; (*fd)++) {
		const struct fd_chunk *chunk = files->chunks[*fd / CHUNK];
		u64 left = chunk ? chunk->open & ~0ull << *fd % CHUNK : 0;
		if (left && only_close_on_exec)
			left &= chunk->close_on_exec;
		if (!left) {
			*fd |= CHUNK - 1;
			continue;
		}
		*fd = *fd / CHUNK * CHUNK + __builtin_ctzll(left);
		file = *fd <= last ? chunk->file[*fd % CHUNK] : NULL;
		if (file)
			mark_free(files, *fd);
	}
	spin_unlock(&files->lock);
	return file;
}

static void close_many(struct files_struct *files, u32 first, u32 last, bool only_close_on_exec)
{
	struct file *file;

	while ((file = take_next(files, &first, last, only_close_on_exec)))
		close_file(files, file);
}

void files_close_on_exec(struct files_struct *files)
{
	close_many(files, 0, UINT32_MAX, true);
}

void fd_close_range(u32 first, u32 last, bool only_set_cloexec)
{
	struct files_struct *files = current->files;

	if (!only_set_cloexec) {
		close_many(files, first, last, false);
		return;
	}
	spin_lock(&files->lock);
	for (u32 i = first / CHUNK; i < files->chunk_count && i <= last / CHUNK; i++) {
		u64 mask = ~0ull;
		if (i == first / CHUNK)
			mask &= ~0ull << first % CHUNK;
		if (i == last / CHUNK)
			mask &= ~0ull >> (CHUNK - 1 - last % CHUNK);
		if (files->chunks[i])
			files->chunks[i]->close_on_exec |= mask & files->chunks[i]->open;
	}
	spin_unlock(&files->lock);
}

struct files_struct *files_get(struct files_struct *files)
{
	__atomic_fetch_add(&files->refs, 1, __ATOMIC_RELAXED);
	return files;
}

void files_put(struct files_struct *files)
{
	if (__atomic_fetch_sub(&files->refs, 1, __ATOMIC_ACQ_REL) != 1)
		return;
	close_many(files, 0, UINT32_MAX, false);
	files_free(files);
}

/* Copies a chunk without what is only reserved. */
static void copy_chunk(struct fd_chunk *to, const struct fd_chunk *from)
{
	for (u64 left = from->open; left; left &= left - 1) {
		u32 i = __builtin_ctzll(left);
		if (!from->file[i])
			continue;
		to->file[i] = file_get(from->file[i]);
		to->open |= 1ull << i;
	}
	to->close_on_exec = from->close_on_exec & to->open;
}

struct files_struct *files_copy(struct files_struct *from)
{
	struct files_struct *to = files_new();
	bool failed = false;

	if (!to)
		return NULL;
	spin_lock(&from->lock);
	for (u32 i = 0; i < from->chunk_count && !failed; i++) {
		if (!from->chunks[i] || !from->chunks[i]->open)
			continue;
		failed = make_chunk(to, i) != 0;
		if (failed)
			break;
		copy_chunk(to->chunks[i], from->chunks[i]);
		if (to->chunks[i]->open == ~0ull)
			to->full[i / 64] |= 1ull << i % 64;
	}
	spin_unlock(&from->lock);
	if (failed) {
		files_put(to);
		return NULL;
	}
	return to;
}

bool files_shared(const struct files_struct *files)
{
	return __atomic_load_n(&files->refs, __ATOMIC_ACQUIRE) > 1;
}
