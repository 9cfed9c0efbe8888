/*
 * Advisory locks. flock(2) locks belong to an open file description; a file has some shared ones or
 * an exclusive one. fcntl(2) record locks belong to a process (its descriptor table) and cover byte
 * ranges; a process's own locks never overlap, and equal neighbours are one. One spinlock guards
 * all of both; who must wait does so on one queue that every release wakes. Processes that would
 * wait for each other's record locks in a circle are told so (EDEADLK); with flock(2) they hang, as
 * on Linux.
 */
#include <linux/errno.h>
#include <linux/fs.h>
#include "fs/file.h"
#include "mm/slab.h"
#include "sched/task.h"

static struct spinlock flock_lock = SPINLOCK_INIT("flock");
static struct wait_queue flock_queue = WAIT_QUEUE_INIT(flock_queue, "flock");

/* Lets go what file holds; the lock is held. */
static void flock_drop(struct file *file)
{
	if (file->flock == LOCK_SH)
		file->inode->flock_shared--;
	else if (file->flock == LOCK_EX)
		file->inode->flock_exclusive = NULL;
	file->flock = 0;
}

void file_flock_release(struct file *file)
{
	spin_lock(&flock_lock);
	flock_drop(file);
	spin_unlock(&flock_lock);
	wait_queue_wake(&flock_queue);
}

/* Takes the lock if it is to be had. A lock held before is given up first, as the man page says. */
static bool flock_try(struct file *file, u32 kind)
{
	struct inode *inode = file->inode;
	bool got = false;

	spin_lock(&flock_lock);
	bool changed = file->flock && file->flock != kind;
	if (file->flock != kind)
		flock_drop(file);
	if (file->flock == kind) {
		got = true;
	} else if (!inode->flock_exclusive && (kind == LOCK_SH || !inode->flock_shared)) {
		if (kind == LOCK_SH)
			inode->flock_shared++;
		else
			inode->flock_exclusive = file;
		file->flock = kind;
		got = true;
	}
	spin_unlock(&flock_lock);
	if (changed)
		wait_queue_wake(&flock_queue);
	return got;
}

int file_flock(struct file *file, int operation)
{
	int kind = operation & ~LOCK_NB;

	if (kind == LOCK_UN) {
		file_flock_release(file);
		return 0;
	}
	if (kind != LOCK_SH && kind != LOCK_EX)
		return -EINVAL;
	if (operation & LOCK_NB)
		return flock_try(file, kind) ? 0 : -EWOULDBLOCK;
	return wait_event_interruptible(&flock_queue, flock_try(file, kind));
}

struct record_lock {
	struct list_head link; /* in inode->record_locks */
	struct files_struct *owner;
	pid_t pid;
	short type;	/* F_RDLCK, F_WRLCK; F_UNLCK only in a request */
	s64 start, end; /* bytes, both inclusive */
};

/* Somebody waits for a record lock. */
struct lock_wait {
	struct list_head link; /* in files_lock_waits() of its owner */
	struct inode *inode;
	const struct record_lock *wanted;
};

/* A circle is followed through so many processes, as on Linux. */
#define DEADLOCK_STEPS 10

static bool overlaps(const struct record_lock *a, const struct record_lock *b)
{
	return a->start <= b->end && b->start <= a->end;
}

/* Another process's lock that excludes wanted, or NULL; the lock is held. */
static struct record_lock *find_conflict(struct inode *inode, const struct record_lock *wanted)
{
	struct record_lock *lock;

	list_for_each(lock, &inode->record_locks, link)
		if (lock->owner != wanted->owner && overlaps(lock, wanted) &&
		    (lock->type == F_WRLCK || wanted->type == F_WRLCK))
			return lock;
	return NULL;
}

/* Turns a struct flock, relative to the file's offset or size, into a range. */
static int parse_range(struct file *file, const struct flock *flock, struct record_lock *lock)
{
	s64 base = flock->l_whence == SEEK_CUR	 ? file->pos
		   : flock->l_whence == SEEK_END ? (s64)file_size(file)
						 : 0;
	s64 start;

	if (flock->l_whence != SEEK_SET && flock->l_whence != SEEK_CUR &&
	    flock->l_whence != SEEK_END)
		return -EINVAL;
	if (flock->l_type != F_RDLCK && flock->l_type != F_WRLCK && flock->l_type != F_UNLCK)
		return -EINVAL;
	if (__builtin_add_overflow(base, flock->l_start, &start))
		return -EOVERFLOW;
	s64 end = INT64_MAX;
	if (flock->l_len > 0 && __builtin_add_overflow(start, flock->l_len - 1, &end))
		return -EOVERFLOW;
	if (flock->l_len < 0) {
		end = start - 1;
		start += flock->l_len;
	}
	if (start < 0)
		return -EINVAL;
	*lock = (struct record_lock){ .owner = current->files,
				      .pid = current->tgid,
				      .type = flock->l_type,
				      .start = start,
				      .end = end };
	return 0;
}

int file_lock_test(struct file *file, struct flock *flock)
{
	struct record_lock wanted;
	int error = parse_range(file, flock, &wanted);

	if (error || wanted.type == F_UNLCK)
		return error ? error : -EINVAL;
	spin_lock(&flock_lock);
	const struct record_lock *lock = find_conflict(file->inode, &wanted);
	flock->l_type = F_UNLCK;
	if (lock) {
		flock->l_type = lock->type;
		flock->l_whence = SEEK_SET;
		flock->l_start = lock->start;
		flock->l_len = lock->end == INT64_MAX ? 0 : lock->end - lock->start + 1;
		flock->l_pid = lock->pid;
	}
	spin_unlock(&flock_lock);
	return 0;
}

/* Takes what wanted covers out of one of the owner's locks; *spare serves for the second half of a
 * split. */
static void cut(struct record_lock *lock, const struct record_lock *wanted,
		struct record_lock **spare)
{
	if (lock->start < wanted->start && lock->end > wanted->end) {
		struct record_lock *rest = *spare;
		*spare = NULL;
		*rest = *lock;
		rest->start = wanted->end + 1;
		list_add(&lock->link, &rest->link);
		lock->end = wanted->start - 1;
	} else if (lock->start < wanted->start) {
		lock->end = wanted->start - 1;
	} else if (lock->end > wanted->end) {
		lock->start = wanted->end + 1;
	} else {
		list_del(&lock->link);
		kfree(lock);
	}
}

/* Puts wanted in the place of whatever the owner has there. At most one lock is split: *spare is
 * for it, and *fresh becomes the new lock. What is not used stays for the caller to free. */
static void replace_range(struct inode *inode, struct record_lock *wanted,
			  struct record_lock **fresh, struct record_lock **spare)
{
	struct record_lock *lock, *next;

	list_for_each_safe(lock, next, &inode->record_locks, link) {
		if (lock->owner != wanted->owner)
			continue;
		bool touches = lock->start <= wanted->end + (wanted->end < INT64_MAX) &&
			       wanted->start <= lock->end + (lock->end < INT64_MAX);
		if (lock->type == wanted->type && touches) {
			wanted->start = min(wanted->start, lock->start);
			wanted->end = max(wanted->end, lock->end);
			list_del(&lock->link);
			kfree(lock);
		} else if (overlaps(lock, wanted)) {
			cut(lock, wanted, spare);
		}
	}
	if (wanted->type != F_UNLCK) {
		**fresh = *wanted;
		list_add_tail(&inode->record_locks, &(*fresh)->link);
		*fresh = NULL;
	}
}

/* Does the owner of a lock that is in the way of wanted wait, perhaps through others, for a lock of
 * who wants it? The lock is held. */
static bool is_deadlock(const struct record_lock *wanted, const struct record_lock *conflict)
{
	for (int step = 0; step < DEADLOCK_STEPS && conflict; step++) {
		const struct lock_wait *wait =
			list_first(files_lock_waits(conflict->owner), struct lock_wait, link);

		conflict = wait ? find_conflict(wait->inode, wait->wanted) : NULL;
		if (conflict && conflict->owner == wanted->owner)
			return true;
	}
	return false;
}

/* 0, or what is in the way: -EAGAIN, -EDEADLK. */
static int lock_try(struct inode *inode, struct record_lock *wanted, struct record_lock **fresh,
		    struct record_lock **spare)
{
	int error = 0;

	spin_lock(&flock_lock);
	const struct record_lock *conflict =
		wanted->type == F_UNLCK ? NULL : find_conflict(inode, wanted);
	if (conflict)
		error = is_deadlock(wanted, conflict) ? -EDEADLK : -EAGAIN;
	else
		replace_range(inode, wanted, fresh, spare);
	spin_unlock(&flock_lock);
	return error;
}

/* The same, but waits for what is in the way: 0, -EDEADLK, -ERESTARTSYS. */
static int lock_wait(struct inode *inode, struct record_lock *wanted, struct record_lock **fresh,
		     struct record_lock **spare)
{
	struct lock_wait wait = { .inode = inode, .wanted = wanted };
	int error = 0;

	spin_lock(&flock_lock);
	list_add_tail(files_lock_waits(wanted->owner), &wait.link);
	spin_unlock(&flock_lock);
	int interrupted = wait_event_interruptible(
		&flock_queue, (error = lock_try(inode, wanted, fresh, spare)) != -EAGAIN);
	spin_lock(&flock_lock);
	list_del(&wait.link);
	spin_unlock(&flock_lock);
	return interrupted ? interrupted : error;
}

/* Takes back a lock that came too late. Without memory all of the owner's locks on the file go, as
 * close(2) would have it. */
static void lock_undo(struct file *file, struct record_lock *taken)
{
	struct record_lock *none = NULL, *spare = kmalloc(sizeof(*spare));

	taken->type = F_UNLCK;
	if (spare)
		lock_try(file->inode, taken, &none, &spare);
	else
		file_lock_release(file, taken->owner);
	kfree(spare);
	wait_queue_wake(&flock_queue);
}

int file_lock_set(int fd, struct file *file, const struct flock *flock, bool wait)
{
	struct record_lock wanted;
	int error = parse_range(file, flock, &wanted);

	if (error)
		return error;
	struct record_lock taken = wanted;
	if ((wanted.type == F_RDLCK && !(file->mode & FMODE_READ)) ||
	    (wanted.type == F_WRLCK && !(file->mode & FMODE_WRITE)))
		return -EBADF;
	struct record_lock *fresh = kmalloc(sizeof(*fresh)), *spare = kmalloc(sizeof(*spare));
	if (!fresh || !spare)
		error = -ENOLCK;
	else if (wait)
		error = lock_wait(file->inode, &wanted, &fresh, &spare);
	else
		error = lock_try(file->inode, &wanted, &fresh, &spare) ? -EAGAIN : 0;
	kfree(fresh);
	kfree(spare);
	if (error)
		return error;
	wait_queue_wake(&flock_queue);
	/* Another thread may have closed the descriptor, which gave up all locks there were. Close
	 * takes it out of the table before it looks for locks, and this is the other way round. */
	if (taken.type == F_UNLCK || fd_leads_to(fd, file))
		return 0;
	lock_undo(file, &taken);
	return -EBADF;
}

void file_lock_release(struct file *file, struct files_struct *owner)
{
	struct inode *inode = file->inode;
	struct record_lock *lock, *next;

	if (list_empty(&inode->record_locks))
		return;
	spin_lock(&flock_lock);
	list_for_each_safe(lock, next, &inode->record_locks, link)
		if (lock->owner == owner) {
			list_del(&lock->link);
			kfree(lock);
		}
	spin_unlock(&flock_lock);
	wait_queue_wake(&flock_queue);
}
