/*
 * Pipes and fifos: a ring of bytes between writers and readers. Its pages come when bytes need them
 * and go when they are read, but for one that is kept, so that a pipe in steady use allocates
 * nothing. A write of up to PIPE_BUF bytes waits until all of it fits and is never mixed with
 * another (POSIX).
 *
 * pipe->lock, which sleeps, guards a pipe; user memory is copied under it. Sleepers wait without
 * it, and their conditions are single words that change before the queues are woken. A fifo's pipe
 * exists while the fifo is open; the inode's lock guards its coming and going.
 */
#include <asm/ioctls.h>
#include <linux/errno.h>
#include <linux/limits.h>
#include "fs/mount.h"
#include "fs/pipe.h"
#include "fs/poll.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mm/slab.h"
#include "mm/usercopy.h"
#include "sched/task.h"

#define PIPEFS_MAGIC 0x50495045
/* file->private of a reader: that there is no writer means a hang-up; else it is no hang-up yet
 * while writers have opened the fifo only this many times. */
#define HAD_WRITER UINT64_MAX

struct pipe {
	struct mutex lock; /* guards what follows; single words may be read without */
	/* wait for bytes or writers; for room or readers */
	struct wait_queue read_queue, write_queue;
	u32 readers, writers; /* open ends */
	/* how often an end was opened: a waiting open(2) sees even a short visit */
	u32 reader_opens, writer_opens;
	/* bytes read and written; byte n lies at n modulo the size */
	u64 head, tail;
	u32 slots;	      /* pages the ring has room for */
	struct frame **pages; /* slots of them; NULL where nothing lies */
	struct frame *spare;  /* an empty page kept for the next write, or NULL */
	u32 files;	      /* open files; the inode's lock */
};

static struct kmem_cache pipe_cache;
static const struct fs_type pipe_type = { .name = "pipefs", .magic = PIPEFS_MAGIC };
static struct filesystem pipe_fs = { .type = &pipe_type };
static const struct inode_ops pipe_inode_ops = { .destroy = NULL };

void pipe_module_init(void)
{
	kmem_cache_init(&pipe_cache, "pipe", sizeof(struct pipe), 8);
}

static struct pipe *pipe_new(void)
{
	struct pipe *pipe = kmem_cache_zalloc(&pipe_cache);

	if (!pipe)
		return NULL;
	pipe->slots = PIPE_SIZE_DEFAULT / PAGE_SIZE;
	pipe->pages = kzalloc(pipe->slots * sizeof(*pipe->pages));
	if (!pipe->pages) {
		kmem_cache_free(&pipe_cache, pipe);
		return NULL;
	}
	mutex_init(&pipe->lock, "pipe");
	wait_queue_init(&pipe->read_queue, "pipe readers");
	wait_queue_init(&pipe->write_queue, "pipe writers");
	return pipe;
}

static void free_pages(struct frame **pages, u32 count)
{
	for (u32 i = 0; i < count; i++)
		if (pages[i])
			frame_put(pages[i]);
	kfree(pages);
}

static void pipe_free(struct pipe *pipe)
{
	free_pages(pipe->pages, pipe->slots);
	if (pipe->spare)
		frame_put(pipe->spare);
	kmem_cache_free(&pipe_cache, pipe);
}

static u64 pipe_used(const struct pipe *pipe)
{
	return pipe->tail - pipe->head;
}

static u64 pipe_room(const struct pipe *pipe)
{
	return pipe->slots * PAGE_SIZE - pipe_used(pipe);
}

static struct frame **page_at(struct pipe *pipe, u64 byte)
{
	return &pipe->pages[byte / PAGE_SIZE % pipe->slots];
}

/* The page before head has been read; it goes unless the tail, once around the ring, has come to it
 * again. */
static void drop_page(struct pipe *pipe)
{
	struct frame **page = page_at(pipe, pipe->head - 1);

	if (pipe->tail > pipe->head - PAGE_SIZE + pipe->slots * PAGE_SIZE)
		return;
	if (pipe->spare)
		frame_put(*page);
	else
		pipe->spare = *page;
	*page = NULL;
}

/* Moves bytes to the reader: how many. Of a page it takes all that is asked for or, if user memory
 * is bad, nothing. The lock is held. */
static size_t copy_out(struct pipe *pipe, struct uio *uio)
{
	size_t total = 0;

	while (uio->left && pipe_used(pipe)) {
		u64 offset = pipe->head % PAGE_SIZE;
		size_t want = min(min(PAGE_SIZE - offset, pipe_used(pipe)), uio->left);
		size_t done =
			uio_put(uio, (char *)frame_addr(*page_at(pipe, pipe->head)) + offset, want);
		if (done < want)
			break;
		pipe->head += done;
		total += done;
		if (pipe->head % PAGE_SIZE == 0)
			drop_page(pipe);
	}
	if (!pipe_used(pipe)) /* start again at the beginning of the page */
		pipe->head = pipe->tail = align_down(pipe->head, PAGE_SIZE);
	return total;
}

/* Moves bytes from the writer while there is room, page by page as above: how many, or -ENOMEM or
 * -EFAULT if none. */
static ssize_t copy_in(struct pipe *pipe, struct uio *uio)
{
	size_t total = 0;

	while (uio->left && pipe_room(pipe)) {
		struct frame **page = page_at(pipe, pipe->tail);
		if (!*page) {
			*page = pipe->spare ? pipe->spare : frame_alloc(FRAME_KERNEL);
			pipe->spare = NULL;
			if (!*page)
				return total ? (ssize_t)total : -ENOMEM;
		}
		u64 offset = pipe->tail % PAGE_SIZE;
		size_t want = min(min(PAGE_SIZE - offset, pipe_room(pipe)), uio->left);
		size_t done = uio_get(uio, (char *)frame_addr(*page) + offset, want);
		if (done < want)
			return total ? (ssize_t)total : -EFAULT;
		pipe->tail += done;
		total += done;
	}
	return total;
}

static ssize_t pipe_read(struct file *file, struct uio *uio, s64 *pos)
{
	struct pipe *pipe = file->inode->pipe;
	ssize_t result;

	(void)pos;
	while (true) {
		mutex_lock(&pipe->lock);
		if (pipe_used(pipe)) {
			result = copy_out(pipe, uio);
			mutex_unlock(&pipe->lock);
			if (!result)
				return -EFAULT;
			wait_queue_wake_sync(&pipe->write_queue);
			return result;
		}
		bool ended = !pipe->writers;
		mutex_unlock(&pipe->lock);
		if (ended)
			return 0;
		if (file_nonblocking(file))
			return -EAGAIN;
		result = wait_event_interruptible(&pipe->read_queue,
						  pipe_used(pipe) || !pipe->writers);
		if (result)
			return result;
	}
}

/* One attempt to write: as copy_in(), -EPIPE, or 0 if there is no room for what must go
 * together. */
static ssize_t try_write(struct pipe *pipe, struct uio *uio, size_t together)
{
	ssize_t result = 0;

	mutex_lock(&pipe->lock);
	if (!pipe->readers)
		result = -EPIPE;
	else if (pipe_room(pipe) >= together)
		result = copy_in(pipe, uio);
	mutex_unlock(&pipe->lock);
	if (result > 0)
		wait_queue_wake_sync(&pipe->read_queue);
	return result;
}

static ssize_t pipe_write(struct file *file, struct uio *uio, s64 *pos)
{
	struct pipe *pipe = file->inode->pipe;
	bool nonblocking = file_nonblocking(file);
	size_t total = 0;

	(void)pos;
	while (uio->left) {
		/* a large write may be cut anywhere, but not into crumbs while it may sleep */
		size_t together = min(uio->left, (size_t)PIPE_BUF);
		if (nonblocking && (total || uio->left > PIPE_BUF))
			together = 1;
		ssize_t result = try_write(pipe, uio, together);
		if (result == 0 && nonblocking)
			result = -EAGAIN;
		else if (result == 0)
			result = wait_event_interruptible(
				&pipe->write_queue, pipe_room(pipe) >= together || !pipe->readers);
		if (result < 0)
			return total ? (ssize_t)total : result;
		total += result;
	}
	return total;
}

static u32 pipe_poll(struct file *file, struct poll_table *table)
{
	struct pipe *pipe = file->inode->pipe;
	u32 mask = 0;

	if (file->mode & FMODE_READ) {
		poll_wait(table, &pipe->read_queue);
		if (pipe_used(pipe))
			mask |= POLLIN | POLLRDNORM;
		/* a fifo nobody has written to yet is not hung up */
		if (!pipe->writers && pipe->writer_opens != (u32)(u64)file->private)
			mask |= POLLHUP;
	}
	if (file->mode & FMODE_WRITE) {
		poll_wait(table, &pipe->write_queue);
		if (pipe_room(pipe) >= PIPE_BUF)
			mask |= POLLOUT | POLLWRNORM;
		if (!pipe->readers)
			mask |= POLLERR;
	}
	return mask;
}

static s64 pipe_ioctl(struct file *file, unsigned command, u64 argument)
{
	struct pipe *pipe = file->inode->pipe;

	if (command != FIONREAD)
		return -ENOTTY;
	mutex_lock(&pipe->lock);
	int bytes = pipe_used(pipe);
	mutex_unlock(&pipe->lock);
	return copy_to_user((void __user *)argument, &bytes, sizeof(bytes));
}

/* One open file less: the pipe goes with the last. */
static void put_pipe(struct inode *inode)
{
	struct pipe *pipe = inode->pipe;

	mutex_lock(&inode->lock);
	if (--pipe->files == 0)
		inode->pipe = NULL;
	else
		pipe = NULL;
	mutex_unlock(&inode->lock);
	if (pipe)
		pipe_free(pipe);
}

/* Takes an open end away. */
static void close_end(struct file *file)
{
	struct pipe *pipe = file->inode->pipe;

	mutex_lock(&pipe->lock);
	pipe->readers -= !!(file->mode & FMODE_READ);
	pipe->writers -= !!(file->mode & FMODE_WRITE);
	mutex_unlock(&pipe->lock);
	wait_queue_wake(&pipe->read_queue);
	wait_queue_wake(&pipe->write_queue);
	put_pipe(file->inode);
}

/* The pipe of a fifo, made when it is opened first, counted for one more file. NULL: no memory. */
static struct pipe *fifo_pipe(struct inode *inode)
{
	mutex_lock(&inode->lock);
	if (!inode->pipe)
		inode->pipe = pipe_new();
	if (inode->pipe)
		inode->pipe->files++;
	mutex_unlock(&inode->lock);
	return inode->pipe;
}

/* Counts the ends that file opens. -ENXIO: it would have to wait for a reader and must not; nothing
 * is counted then, or a reader that opens the fifo meanwhile would take it for a writer. */
static int open_ends(struct pipe *pipe, struct file *file, u32 *reader_opens, u32 *writer_opens)
{
	mutex_lock(&pipe->lock);
	*reader_opens = pipe->reader_opens;
	*writer_opens = pipe->writer_opens;
	if (!(file->mode & FMODE_READ) && !pipe->readers && file_nonblocking(file)) {
		mutex_unlock(&pipe->lock);
		return -ENXIO;
	}
	pipe->readers += !!(file->mode & FMODE_READ);
	pipe->reader_opens += !!(file->mode & FMODE_READ);
	pipe->writers += !!(file->mode & FMODE_WRITE);
	pipe->writer_opens += !!(file->mode & FMODE_WRITE);
	mutex_unlock(&pipe->lock);
	wait_queue_wake(&pipe->read_queue);
	wait_queue_wake(&pipe->write_queue);
	return 0;
}

/* fifo(7): opening one end waits for the other, unless the file has both or must not wait. */
static int pipe_open(struct inode *inode, struct file *file)
{
	struct pipe *pipe = fifo_pipe(inode);
	u32 reader_opens, writer_opens;

	if (!pipe)
		return -ENOMEM;
	file->mode |= FMODE_STREAM | FMODE_PIPE;
	int error = open_ends(pipe, file, &reader_opens, &writer_opens);
	if (error) {
		put_pipe(inode);
		return error;
	}
	file->private = (void *)HAD_WRITER;
	if ((file->mode & FMODE_READ) && !pipe->writers && file_nonblocking(file))
		file->private = (void *)(u64)writer_opens;
	if (((file->mode & FMODE_READ) && (file->mode & FMODE_WRITE)) || file_nonblocking(file))
		return 0;
	if (file->mode & FMODE_READ)
		error = wait_event_interruptible(
			&pipe->read_queue, pipe->writers || pipe->writer_opens != writer_opens);
	else
		error = wait_event_interruptible(
			&pipe->write_queue, pipe->readers || pipe->reader_opens != reader_opens);
	if (error)
		close_end(file);
	return error;
}

const struct file_ops pipe_file_ops = {
	.open = pipe_open,
	.release = close_end,
	.read = pipe_read,
	.write = pipe_write,
	.poll = pipe_poll,
	.ioctl = pipe_ioctl,
};

static struct dentry *pipe_make_dentry(void)
{
	char name[32];
	struct inode *inode =
		inode_alloc(&pipe_fs, S_IFIFO | 0600, &pipe_inode_ops, &pipe_file_ops);

	if (!inode)
		return NULL;
	inode->ino = filesystem_next_ino(&pipe_fs);
	return dentry_alloc(NULL, name, snprintf(name, sizeof(name), "pipe:[%lu]", inode->ino),
			    inode);
}

/* One end of a new pipe, not yet counted as open. */
static struct file *make_end(struct dentry *dentry, u32 flags)
{
	struct file *file = file_alloc(dentry, &pipe_file_ops, flags);

	if (!IS_ERR(file)) {
		file->mode |= FMODE_STREAM | FMODE_PIPE;
		file->private = (void *)HAD_WRITER;
	}
	return file;
}

int pipe_open_pair(struct file *files[2], int flags)
{
	struct dentry *dentry = pipe_make_dentry();
	int error = -ENOMEM;

	if (!dentry)
		return -ENOMEM;
	struct pipe *pipe = pipe_new();
	if (!pipe)
		goto put;
	pipe->readers = pipe->writers = 1;
	pipe->files = 1;
	dentry->inode->pipe = pipe;
	files[0] = make_end(dentry, O_RDONLY | (flags & O_NONBLOCK));
	if (IS_ERR(files[0])) {
		error = PTR_ERR(files[0]);
		dentry->inode->pipe = NULL;
		pipe_free(pipe);
		goto put;
	}
	files[1] = make_end(dentry, O_WRONLY | (flags & O_NONBLOCK));
	if (IS_ERR(files[1])) {
		error = PTR_ERR(files[1]);
		file_put(files[0]);
		goto put;
	}
	pipe->files = 2;
	error = 0;
put:
	dentry_put(dentry);
	return error;
}

s64 pipe_get_size(struct file *file)
{
	return file->ops == &pipe_file_ops ? (s64)(file->inode->pipe->slots * PAGE_SIZE) : -EBADF;
}

/*
 * Moves the contents into a ring of another size; the lock is held. Byte n stays byte n, so head
 * and tail keep their values: who looks at them without the lock never sees a full pipe empty,
 * which would let a reader sleep on bytes that nobody will announce again.
 */
static int resize(struct pipe *pipe, u32 slots)
{
	struct frame **pages = kzalloc(slots * sizeof(*pages));
	u64 step;

	if (!pages)
		return -ENOMEM;
	for (u64 byte = pipe->head; byte < pipe->tail; byte += step) {
		struct frame **page = &pages[byte / PAGE_SIZE % slots];
		u64 offset = byte % PAGE_SIZE;

		if (!*page)
			*page = frame_alloc(FRAME_KERNEL);
		if (!*page) {
			free_pages(pages, slots);
			return -ENOMEM;
		}
		step = min(PAGE_SIZE - offset, pipe->tail - byte);
		memcpy((char *)frame_addr(*page) + offset,
		       (char *)frame_addr(*page_at(pipe, byte)) + offset, step);
	}
	free_pages(pipe->pages, pipe->slots);
	pipe->pages = pages;
	pipe->slots = slots;
	return 0;
}

s64 pipe_set_size(struct file *file, u64 size)
{
	struct pipe *pipe = file->inode->pipe;
	u32 slots = 1;
	int error = 0;

	if (file->ops != &pipe_file_ops)
		return -EBADF;
	if (size > INT32_MAX)
		return -EINVAL;
	if (size > PIPE_SIZE_MAX)
		return -EPERM;
	while (slots * PAGE_SIZE < size)
		slots *= 2;
	mutex_lock(&pipe->lock);
	if (pipe_used(pipe) > slots * PAGE_SIZE)
		error = -EBUSY;
	else if (slots != pipe->slots)
		error = resize(pipe, slots);
	mutex_unlock(&pipe->lock);
	wait_queue_wake(&pipe->write_queue);
	return error ? error : (s64)(slots * PAGE_SIZE);
}
