/*
 * System V shared memory. A segment is found by id through its index in a tree, by key through
 * another one. segments_lock, a spinlock, guards both trees and the fields of every segment but the
 * pages themselves; it is taken under an mm's lock, when an area comes or goes. A segment goes when
 * it is removed and nobody has it attached: whoever makes the second of the two true unlinks it
 * under the lock and frees it after.
 */
#include "mm/sysvshm.h"
#include "lib/printf.h"
#include "lib/tree.h"
#include "mm/resident.h"
#include "mm/shm.h"
#include "mm/slab.h"
#include "sched/task.h"
#include "x86/clock.h"
#include <asm/errno.h>
#include <linux/mman.h>
#include <linux/stat.h>

#define ULONG_MAX UINT64_MAX /* for SHMMAX */
#include <linux/shm.h>

#define SEQUENCE_MAX (INT32_MAX / SHM_SEGMENTS_MAX)

struct shm_segment {
	struct shared_memory memory;
	RB_ENTRY(shm_segment) by_index, by_key;
	int id;	      /* fixed */
	int name_key; /* the key it was made with: its name in /proc/PID/maps. Fixed */
	u64 size;     /* bytes; fixed */
	int key;      /* IPC_PRIVATE: in no tree */
	u32 mode;     /* permissions, SHM_DEST, SHM_LOCKED */
	uid_t uid, cuid;
	gid_t gid, cgid;
	u64 attached;				   /* areas, and calls that are about to make one */
	s64 attach_time, detach_time, change_time; /* seconds since 1970; 0: never */
	pid_t creator, last;
};
RB_HEAD(segments_by_index, shm_segment);
RB_HEAD(segments_by_key, shm_segment);

struct shm_limits shm_limits = { SHMMAX, SHMALL, SHMMNI };

static struct spinlock segments_lock = SPINLOCK_INIT("shm segments"); /* guards all below */
static struct segments_by_index by_index;
static struct segments_by_key by_key;
static u64 used[SHM_SEGMENTS_MAX / 64]; /* bit i: index i is in use */
static u64 segment_count, total_pages;
static int last_index = -1, sequence;
static struct kmem_cache segment_cache;

static int index_of(int id)
{
	return id % SHM_SEGMENTS_MAX;
}

static int compare_index(const struct shm_segment *a, const struct shm_segment *b)
{
	return index_of(a->id) - index_of(b->id);
}

static int compare_key(const struct shm_segment *a, const struct shm_segment *b)
{
	return a->key < b->key ? -1 : a->key > b->key;
}

TREE_GENERATE(segments_by_index, shm_segment, by_index, compare_index)
TREE_GENERATE(segments_by_key, shm_segment, by_key, compare_key)

void sysvshm_init(void)
{
	kmem_cache_init(&segment_cache, "shm_segment", sizeof(struct shm_segment), 8);
}

static s64 now(void)
{
	return clock_realtime() / (s64)NSEC_PER_SEC;
}

/* --- finding; segments_lock held --- */

static struct shm_segment *find_index(int index)
{
	struct shm_segment wanted = { .id = index };

	return RB_FIND(segments_by_index, &by_index, &wanted);
}

/* The segment with exactly this id, or NULL. */
static struct shm_segment *find_id(int id)
{
	struct shm_segment *segment = id < 0 ? NULL : find_index(index_of(id));

	return segment && segment->id == id ? segment : NULL;
}

static bool is_owner(const struct shm_segment *segment)
{
	uid_t euid = current->cred->euid;

	return euid == segment->uid || euid == segment->cuid;
}

/* May the running task have what these permission bits, in any of the three classes, ask for? */
static bool permitted(const struct shm_segment *segment, u32 wanted)
{
	u32 granted = is_owner(segment)					  ? segment->mode >> 6
		      : in_group(segment->cgid) || in_group(segment->gid) ? segment->mode >> 3
									  : segment->mode;

	wanted |= wanted >> 6 | wanted >> 3;
	return !(wanted & ~granted & 7) || capable(CAP_IPC_OWNER);
}

/* --- making --- */

/* The lowest free index, or -ENOSPC. */
static int free_index(void)
{
	if (segment_count >= shm_limits.segments)
		return -ENOSPC;
	for (u32 word = 0; word < ARRAY_SIZE(used); word++)
		if (~used[word])
			return (int)word * 64 + __builtin_ctzll(~used[word]);
	return -ENOSPC;
}

/* Gives the segment its id and makes it known: the id, or -ENOSPC. An id comes again only after all
 * others of its index, as on Linux. */
static int publish(struct shm_segment *segment)
{
	int index = free_index();
	u64 all = __atomic_load_n(&shm_limits.all, __ATOMIC_RELAXED);

	if (index < 0)
		return index;
	if (segment->memory.pages > all - min(total_pages, all))
		return -ENOSPC;
	if (index <= last_index)
		sequence = sequence < SEQUENCE_MAX ? sequence + 1 : 0;
	last_index = index;
	segment->id = sequence * SHM_SEGMENTS_MAX + index;
	used[index / 64] |= 1ull << index % 64;
	RB_INSERT(segments_by_index, &by_index, segment);
	if (segment->key != IPC_PRIVATE)
		RB_INSERT(segments_by_key, &by_key, segment);
	segment_count++;
	total_pages += segment->memory.pages;
	return segment->id;
}

static void forget_key(struct shm_segment *segment)
{
	if (segment->key != IPC_PRIVATE)
		RB_REMOVE(segments_by_key, &by_key, segment);
	segment->key = IPC_PRIVATE;
}

/* Undoes publish(). */
static void unpublish(struct shm_segment *segment)
{
	int index = index_of(segment->id);

	forget_key(segment);
	RB_REMOVE(segments_by_index, &by_index, segment);
	used[index / 64] &= ~(1ull << index % 64);
	segment_count--;
	total_pages -= segment->memory.pages;
}

static void segment_free(struct shm_segment *segment)
{
	shared_memory_destroy(&segment->memory);
	kmem_cache_free(&segment_cache, segment);
}

/* A segment nobody knows yet. ERR_PTR(-EINVAL, -ENOMEM). */
static struct shm_segment *segment_new(int key, size_t size, int flags)
{
	if (size < SHMMIN || size > shm_limits.max)
		return ERR_PTR(-EINVAL);
	if (align_up(size, PAGE_SIZE) < size)
		return ERR_PTR(-ENOSPC);
	if (flags & SHM_HUGETLB)
		return ERR_PTR(-ENOMEM); /* there are no huge pages to be had */
	struct shm_segment *segment = kmem_cache_zalloc(&segment_cache);
	if (!segment)
		return ERR_PTR(-ENOMEM);
	if (shared_memory_init(&segment->memory, align_up(size, PAGE_SIZE) >> PAGE_SHIFT,
			       flags & SHM_NORESERVE)) {
		kmem_cache_free(&segment_cache, segment);
		return ERR_PTR(-ENOMEM);
	}
	segment->key = segment->name_key = key;
	segment->size = size;
	segment->mode = (u32)flags & 0777;
	segment->uid = segment->cuid = current->cred->euid;
	segment->gid = segment->cgid = current->cred->egid;
	segment->change_time = now();
	segment->creator = current->tgid;
	return segment;
}

static struct shm_segment *find_key(int key)
{
	struct shm_segment wanted = { .key = key };

	return key == IPC_PRIVATE ? NULL : RB_FIND(segments_by_key, &by_key, &wanted);
}

/* What shmget(2) makes of a segment that has the key already: its id or an error. */
static int check_existing(const struct shm_segment *segment, size_t size, int flags)
{
	if ((flags & IPC_CREAT) && (flags & IPC_EXCL))
		return -EEXIST;
	if (size > segment->size)
		return -EINVAL;
	return permitted(segment, (u32)flags & 0777) ? segment->id : -EACCES;
}

int shm_get(int key, size_t size, int flags)
{
	spin_lock(&segments_lock);
	struct shm_segment *segment = find_key(key);
	int result = segment ? check_existing(segment, size, flags) : -ENOENT;
	spin_unlock(&segments_lock);
	if (segment || (key != IPC_PRIVATE && !(flags & IPC_CREAT)))
		return result;
	struct shm_segment *new = segment_new(key, size, flags);
	if (IS_ERR(new))
		return (int)PTR_ERR(new);
	spin_lock(&segments_lock);
	segment = find_key(key); /* somebody may have been faster */
	result = segment ? check_existing(segment, size, flags) : publish(new);
	spin_unlock(&segments_lock);
	if (segment || result < 0)
		segment_free(new);
	return result;
}

/* --- attaching --- */

static struct shm_segment *segment_of(const struct vm_area_struct *vma)
{
	return container_of(vma->cache, struct shm_segment, memory.cache);
}

static void note_attach(struct shm_segment *segment)
{
	segment->attach_time = now();
	segment->last = current->tgid;
}

static void segment_open(struct vm_area_struct *vma)
{
	struct shm_segment *segment = segment_of(vma);

	spin_lock(&segments_lock);
	segment->attached++;
	note_attach(segment);
	spin_unlock(&segments_lock);
}

static void segment_close(struct vm_area_struct *vma)
{
	struct shm_segment *segment = segment_of(vma);
	/* one that was refused before it had a place was never attached */
	bool detached = vma->start >= MMAP_MIN;

	spin_lock(&segments_lock);
	if (detached) {
		segment->detach_time = now();
		segment->last = current->tgid;
	}
	bool last = --segment->attached == 0 && (segment->mode & SHM_DEST);
	if (last)
		unpublish(segment);
	spin_unlock(&segments_lock);
	if (last)
		segment_free(segment);
}

static void segment_describe(const struct vm_area_struct *vma, char *name, size_t size, u64 *ino)
{
	const struct shm_segment *segment = segment_of(vma);

	snprintf(name, size, "/SYSV%08x (deleted)", (unsigned)segment->name_key);
	*ino = (u64)segment->id;
}

static const struct vm_ops segment_ops = {
	.get_page = shared_memory_page,
	.open = segment_open,
	.close = segment_close,
	.describe = segment_describe,
};

/* Fills in the request for a segment, which then counts as attached. 0, -EINVAL, -EACCES. */
static int request_segment(int id, int flags, struct mmap_request *request)
{
	u32 wanted =
		S_IRUSR | (flags & SHM_RDONLY ? 0 : S_IWUSR) | (flags & SHM_EXEC ? S_IXUSR : 0);
	int error = 0;

	spin_lock(&segments_lock);
	struct shm_segment *segment = find_id(id);
	if (!segment) {
		error = -EINVAL;
	} else if (!permitted(segment, wanted)) {
		error = -EACCES;
	} else {
		segment->attached++;
		request->size = segment->size;
		request->cache = &segment->memory.cache;
		request->ops = &segment_ops;
	}
	spin_unlock(&segments_lock);
	return error;
}

s64 shm_attach(int id, u64 addr, int flags)
{
	struct mmap_request request = {
		.prot = PROT_READ | (flags & SHM_RDONLY ? 0 : PROT_WRITE) |
			(flags & SHM_EXEC ? PROT_EXEC : 0),
		.flags = MAP_SHARED,
		.vm_flags = flags & SHM_RDONLY ? 0 : VM_MAYWRITE,
	};

	if (flags & SHM_RND)
		addr = align_down(addr, PAGE_SIZE);
	if ((addr & ~PAGE_MASK) || (!addr && (flags & SHM_REMAP)))
		return -EINVAL;
	request.addr = addr;
	if (addr)
		request.flags |= flags & SHM_REMAP ? MAP_FIXED : MAP_FIXED_NOREPLACE;
	int error = request_segment(id, flags, &request);
	if (error)
		return error;
	struct shm_segment *segment = container_of(request.cache, struct shm_segment, memory.cache);
	s64 place = mm_map(current->mm, &request);
	if (place == -EEXIST || (place == -ENOMEM && addr + request.size < addr))
		return -EINVAL;
	if (place < 0)
		return place;
	spin_lock(&segments_lock);
	if (find_id(id) == segment)
		note_attach(segment);
	spin_unlock(&segments_lock);
	mm_populate_new(current->mm, (u64)place, (u64)place + align_up(request.size, PAGE_SIZE));
	return place;
}

/* Is vma the part of an attached segment that lies where an attach at addr would have put it? */
static bool is_part(const struct vm_area_struct *vma, u64 addr)
{
	return vma->ops == &segment_ops && (vma->start - addr) >> PAGE_SHIFT == vma->pgoff;
}

int shm_detach(u64 addr)
{
	struct mm_struct *mm = current->mm;
	struct page_cache *cache = NULL;
	u64 end = USER_END;

	if (addr & ~PAGE_MASK)
		return -EINVAL;
	mutex_lock(&mm->lock);
	for (struct vm_area_struct *vma = vma_find(mm, addr), *next; vma && vma->start < end;
	     vma = next) {
		next = vma_next(vma);
		if (!is_part(vma, addr) || (cache && vma->cache != cache))
			continue;
		cache = vma->cache; /* the first part says which segment, and so how far it goes */
		end = addr + (segment_of(vma)->memory.pages << PAGE_SHIFT);
		mm_unmap_locked(mm, vma->start, vma->end);
	}
	mutex_unlock(&mm->lock);
	return cache ? 0 : -EINVAL;
}

/* --- shmctl --- */

static void fill_status(const struct shm_segment *segment, struct shmid64_ds *status)
{
	*status = (struct shmid64_ds){
		.shm_perm = {
			.key = segment->key,
			.uid = segment->uid,
			.gid = segment->gid,
			.cuid = segment->cuid,
			.cgid = segment->cgid,
			.mode = segment->mode,
			.seq = (unsigned short)(segment->id / SHM_SEGMENTS_MAX),
		},
		.shm_segsz = segment->size,
		.shm_atime = segment->attach_time,
		.shm_dtime = segment->detach_time,
		.shm_ctime = segment->change_time,
		.shm_cpid = segment->creator,
		.shm_lpid = segment->last,
		.shm_nattch = segment->attached,
	};
}

int shm_status(int id, enum shm_find find, struct shmid64_ds *status)
{
	int result = find == SHM_FIND_ID ? 0 : -EINVAL;

	spin_lock(&segments_lock);
	const struct shm_segment *segment =
		find == SHM_FIND_ID ? find_id(id) : find_index(index_of(id));
	if (!segment) {
		result = -EINVAL;
	} else if (find != SHM_FIND_ANY && !permitted(segment, S_IRUSR)) {
		result = -EACCES;
	} else {
		fill_status(segment, status);
		result = find == SHM_FIND_ID ? 0 : segment->id;
	}
	spin_unlock(&segments_lock);
	return result;
}

/* The segment that the running task is about to change: ERR_PTR(-EINVAL, -EPERM). */
static struct shm_segment *find_own(int id)
{
	struct shm_segment *segment = find_id(id);

	if (!segment)
		return ERR_PTR(-EINVAL);
	return is_owner(segment) || capable(CAP_SYS_ADMIN) ? segment : ERR_PTR(-EPERM);
}

int shm_set(int id, const struct ipc64_perm *perm)
{
	int error = 0;

	spin_lock(&segments_lock);
	struct shm_segment *segment = find_own(id);
	if (IS_ERR(segment)) {
		error = (int)PTR_ERR(segment);
	} else if (perm->uid == (uid_t)-1 || perm->gid == (gid_t)-1) {
		error = -EINVAL;
	} else {
		segment->uid = perm->uid;
		segment->gid = perm->gid;
		segment->mode = (segment->mode & ~0777u) | (perm->mode & 0777);
		segment->change_time = now();
	}
	spin_unlock(&segments_lock);
	return error;
}

int shm_remove(int id)
{
	bool last = false;

	spin_lock(&segments_lock);
	struct shm_segment *segment = find_own(id);
	if (!IS_ERR(segment)) {
		last = segment->attached == 0;
		segment->mode |= SHM_DEST;
		if (last)
			unpublish(segment);
		else
			forget_key(segment);
	}
	spin_unlock(&segments_lock);
	if (last)
		segment_free(segment);
	return IS_ERR(segment) ? (int)PTR_ERR(segment) : 0;
}

/* Nothing is ever swapped out here, so a locked segment only says that it is. */
int shm_lock(int id, bool on)
{
	u64 limit = task_rlimit(RLIMIT_MEMLOCK);
	bool free = capable(CAP_IPC_LOCK);
	int error = 0;

	spin_lock(&segments_lock);
	struct shm_segment *segment = find_id(id);
	if (!segment)
		error = -EINVAL;
	else if (!free && (!is_owner(segment) || (on && limit == 0)))
		error = -EPERM;
	else if (!free && on && segment->memory.pages > limit >> PAGE_SHIFT)
		error = -ENOMEM;
	else
		segment->mode = (segment->mode & ~SHM_LOCKED) | (on ? SHM_LOCKED : 0);
	spin_unlock(&segments_lock);
	return error;
}

/* segments_lock held. */
static int highest(void)
{
	const struct shm_segment *last = RB_MAX(segments_by_index, &by_index);

	return last ? index_of(last->id) : 0;
}

int shm_highest(void)
{
	spin_lock(&segments_lock);
	int index = highest();
	spin_unlock(&segments_lock);
	return index;
}

int shm_usage(struct shm_info *info)
{
	struct shm_segment *segment;

	spin_lock(&segments_lock);
	*info = (struct shm_info){ .used_ids = (int)segment_count, .shm_tot = total_pages };
	RB_FOREACH(segment, segments_by_index, &by_index)
	{
		info->shm_rss += segment->memory.cache.pages;
	}
	int index = highest();
	spin_unlock(&segments_lock);
	return index;
}

/* --- for /proc --- */

int shm_next(int index, struct shmid64_ds *status, u64 *rss)
{
	struct shm_segment wanted = { .id = index };

	if (index >= SHM_SEGMENTS_MAX)
		return -1;
	spin_lock(&segments_lock);
	const struct shm_segment *segment = RB_NFIND(segments_by_index, &by_index, &wanted);
	if (segment) {
		fill_status(segment, status);
		*rss = segment->memory.cache.pages;
	}
	int id = segment ? segment->id : -1;
	spin_unlock(&segments_lock);
	return id;
}

int shm_miscounted(u64 *attached, u64 *mapped)
{
	struct shm_segment *segment;
	int id = -1;

	spin_lock(&segments_lock);
	RB_FOREACH(segment, segments_by_index, &by_index)
	{
		*attached = segment->attached;
		*mapped = __atomic_load_n(&segment->memory.cache.mapped, __ATOMIC_RELAXED);
		if (*attached != *mapped) {
			id = segment->id;
			break;
		}
	}
	spin_unlock(&segments_lock);
	return id;
}
