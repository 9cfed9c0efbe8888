/*
 * Address spaces. An mm_struct is a page-table tree and an ordered, non-overlapping set of
 * vm_area_structs that say what may be there; page tables are filled by faults. One sleeping lock
 * per mm guards both. A task without mm is a kernel task. What backs an area is behind vm_ops,
 * which the file system (above) provides for files.
 */
#ifndef MITOS_MM_MM_H
#define MITOS_MM_MM_H

#include "lib/tree.h"
#include "mm/frame.h"
#include "mm/usercopy.h"
#include "sched/mutex.h"

struct file;
struct vm_area_struct;

/* vm_flags */
#define VM_READ (1u << 0)
#define VM_WRITE (1u << 1)
#define VM_EXEC (1u << 2)
#define VM_SHARED (1u << 3)    /* MAP_SHARED: writes reach the object */
#define VM_GROWSDOWN (1u << 4) /* the stack */
/* mprotect may add write (a shared mapping of a read-only descriptor may not) */
#define VM_MAYWRITE (1u << 5)
#define VM_NORESERVE (1u << 6) /* not counted against overcommit */
#define VM_DONTFORK (1u << 7)
#define VM_WIPEONFORK (1u << 8)
#define VM_HEAP (1u << 9)   /* made by brk: [heap] in /proc */
#define VM_STACK (1u << 10) /* the initial stack: [stack] in /proc */
/* Its pages count as promised (commit.h). Once set it stays, whatever mprotect takes away. */
#define VM_ACCOUNT (1u << 16)
#define VM_LOCKED (1u << 17)	  /* mlock: counted against RLIMIT_MEMLOCK */
#define VM_LOCKONFAULT (1u << 18) /* with VM_LOCKED: its pages come as they are touched */
#define VM_PROT (VM_READ | VM_WRITE | VM_EXEC)

/* Private writable memory that is no stack: what RLIMIT_DATA and VmData count. */
static inline bool vm_is_data(u32 flags)
{
	return (flags & (VM_WRITE | VM_SHARED | VM_GROWSDOWN)) == VM_WRITE;
}

/* Private writable memory, unless it was mapped without reserve: its pages are promised. */
static inline bool vm_is_promised(u32 flags)
{
	return (flags & (VM_WRITE | VM_SHARED | VM_NORESERVE)) == VM_WRITE;
}

struct page_cache;

struct vm_ops {
	/*
	 * The frame that holds page number pgoff of the object, with a reference for the caller.
	 * ERR_PTR(-EFAULT): beyond the end (SIGBUS); ERR_PTR(-ENOMEM). The mm's lock is held.
	 */
	struct frame *(*get_page)(struct vm_area_struct *vma, u64 pgoff);
	/* the area was duplicated (fork, split): take references */
	void (*open)(struct vm_area_struct *vma);
	/* the area is going; the mm's lock is held, so no file lock may be taken */
	void (*close)(struct vm_area_struct *vma);
	/* What /proc shows of an area without a file: a name, and an inode's number. Optional. */
	void (*describe)(const struct vm_area_struct *vma, char *name, size_t size, u64 *ino);
};

struct vm_area_struct {
	u64 start, end;		  /* page-aligned user addresses, end exclusive */
	u32 flags;		  /* VM_* */
	u64 pgoff;		  /* page number in the object at start */
	const struct vm_ops *ops; /* NULL: private anonymous memory */
	struct file *file;	  /* the open file mapped, or NULL; ops own the reference */
	struct page_cache *cache; /* whose pages ops->get_page returns, or NULL */
	struct mm_struct *mm;
	u64 gap_before; /* bytes that a new area may use between the previous area and start */
	u64 gap_max;	/* the largest gap_before in this subtree */
	RB_ENTRY(vm_area_struct) node;
	struct list_head link; /* in mm->vma_list, by address */
};
RB_HEAD(vma_tree, vm_area_struct);

#define AUXV_WORDS 48

struct mm_struct {
	struct mutex lock; /* guards all below but what is marked */
	struct vma_tree vmas;
	struct list_head vma_list;     /* the same areas by address */
	struct vm_area_struct *cached; /* found last */
	pte_t *pml4;		       /* in the direct map */
	/* atomic; tasks and others that keep the address space alive */
	u32 users;
	u64 cpus; /* atomic: a bit for each CPU whose CR3 holds it (tlb.c) */
	u32 vma_count;
	u64 total_pages;	     /* of all areas: VmSize */
	u64 data_pages, stack_pages; /* private writable; growing down */
	u64 locked_pages;	     /* of areas that mlock locked: VmLck */
	u32 future_flags;	/* VM_LOCKED and VM_LOCKONFAULT for areas to come (mlockall(2)) */
	u64 rss_anon, rss_file; /* pages mapped now */
	u64 rss_peak, total_peak;
	u64 table_frames; /* page-table pages, the PML4 included */
	u64 mmap_base;	  /* new areas go below this */
	u64 brk_start, brk;
	u64 code_start, code_end, data_start, data_end, stack_start; /* for /proc; bytes */
	u64 arg_start, arg_end, env_start, env_end;
	u64 auxv[AUXV_WORDS];
	/* others of the same user may look into it (PR_SET_DUMPABLE); a word of its own */
	bool dumpable;
	u32 membarrier; /* atomic; what it registered for (membarrier(2)) */
	/* what execve ran; floor 4 owns the reference (exe_release) */
	struct file *exe;
	struct list_head link; /* in the list of all address spaces; its lock */
};

/* The program's file is opaque here: how to take and drop a reference is filled in at boot
 * by fs. */
extern void (*mm_exe_get)(struct file *exe);
extern void (*mm_exe_put)(struct file *exe);

#define VMA_COUNT_MAX 65530		  /* Linux's vm.max_map_count */
#define MMAP_MIN 0x10000ull		  /* Linux's vm.mmap_min_addr: address 0 stays unmapped */
#define STACK_GUARD_GAP (256 * PAGE_SIZE) /* kept free below a growing stack */

/* --- mm.c: whole address spaces --- */
void mm_module_init(void);
struct mm_struct *mm_new(void); /* empty; NULL: no memory */
struct mm_struct *mm_get(struct mm_struct *mm);
void mm_put(struct mm_struct *mm); /* the last user frees everything; may sleep */
/* Waits until nothing is being taken apart; for who counts what there is. */
void mm_settle(void);
bool mm_is_settled(void); /* nothing is, at the moment */
/* load its tables on this CPU; NULL: the kernel's own */
void mm_activate(struct mm_struct *mm);
/* The next address space after mm (NULL: the first), with a reference; drops the reference on mm.
 * NULL at the end. */
struct mm_struct *mm_next(struct mm_struct *mm);

/* --- cow.c: fork --- */
enum fork_mode { FORK_EAGER, FORK_COW, FORK_COW_TABLES };
extern enum fork_mode fork_mode; /* for later forks; atomic word */
const char *fork_mode_name(enum fork_mode mode);
/* Parses a name; false if there is no such mode. */
bool fork_mode_parse(const char *name, enum fork_mode *mode);
/* A copy of the running task's address space in the current mode; NULL: no memory. */
struct mm_struct *mm_fork(struct mm_struct *parent);

/* --- fault.c --- */
#define FAULT_WRITE (1u << 0)
#define FAULT_EXEC (1u << 1)
enum fault_result {
	FAULT_OK,
	FAULT_NO_AREA,	 /* SIGSEGV, SEGV_MAPERR */
	FAULT_NO_ACCESS, /* SIGSEGV, SEGV_ACCERR */
	FAULT_BEYOND,	 /* SIGBUS, BUS_ADRERR: no such page in the file */
	FAULT_NO_MEMORY,
};
/* Makes the page at addr present for the access, or says why it cannot be. Takes the mm's lock. */
enum fault_result mm_fault(struct mm_struct *mm, u64 addr, unsigned access);
/*
 * For an address space that no task runs in yet (execve's): the frame at addr, faulted in (write:
 * copied if shared), with a reference. ERR_PTR(-EFAULT, -ENOMEM). Takes the mm's lock.
 */
struct frame *mm_page(struct mm_struct *mm, u64 addr, unsigned access);
/*
 * Whose page it is that addr shows, which is faulted in for the access: *object is the number of a
 * shared object and *index the page's in it, or 0 for a page of this address space alone. 0,
 * -EFAULT, -ENOMEM. Takes the mm's lock.
 */
int mm_object_at(struct mm_struct *mm, u64 addr, unsigned access, u64 *object, u64 *index);
/* Copies to or from another address space by its frames; the bytes done, fewer than size where a
 * page cannot be had. */
size_t mm_write(struct mm_struct *mm, u64 addr, const void *from, size_t size);
size_t mm_read(struct mm_struct *mm, u64 addr, void *to, size_t size);

/* --- vma.c: the set of areas; mm->lock held --- */
void vma_module_init(void);
/* the first area whose end is above addr */
struct vm_area_struct *vma_find(struct mm_struct *mm, u64 addr);
struct vm_area_struct *vma_next(struct vm_area_struct *vma);
struct vm_area_struct *vma_prev(struct vm_area_struct *vma);
/* not inserted */
struct vm_area_struct *vma_new(struct mm_struct *mm, u64 start, u64 end, u32 flags);
void vma_insert(struct vm_area_struct *vma);  /* takes it into the set; it must not overlap */
void vma_remove(struct vm_area_struct *vma);  /* out of the set, and freed (ops->close) */
void vma_discard(struct vm_area_struct *vma); /* frees one never inserted (ops->close) */
/* A copy, not inserted. For another address space (fork) it is unlocked, and its pages must be
 * promised anew. NULL: no memory, or no such promise. */
struct vm_area_struct *vma_duplicate(struct mm_struct *mm, const struct vm_area_struct *vma);
/* Changes the flags of an inserted area, and with them what it counts as. */
void vma_set_flags(struct vm_area_struct *vma, u32 flags);
/* within its gap; pgoff follows start */
void vma_resize(struct vm_area_struct *vma, u64 start, u64 end);
int vma_split(struct vm_area_struct *vma, u64 addr); /* vma keeps [start, addr); 0 or -ENOMEM */
struct vm_area_struct *vma_merge(struct vm_area_struct *vma); /* with its neighbours, if alike */
/* The highest free range of size bytes below mm->mmap_base (or the lowest above it if none): 0 if
 * there is none. */
u64 vma_find_gap(struct mm_struct *mm, u64 size);
bool vma_range_free(struct mm_struct *mm, u64 start, u64 end);
/* Is no area there? Unlike vma_range_free it lets a new area into the gap below a stack. */
bool vma_range_unmapped(struct mm_struct *mm, u64 start, u64 end);
/* Cuts the area down to its part within [start, end) by splitting; gives that part. 0, -ENOMEM. */
int vma_isolate(struct vm_area_struct **vma, u64 start, u64 end);

/* --- mmap.c: what the memory calls do; each takes the mm's lock --- */
struct mmap_request {
	u64 addr, size;	 /* bytes; addr is a hint or with MAP_FIXED the place */
	int prot, flags; /* PROT_*, MAP_* */
	u64 pgoff;
	/* extra VM_* (VM_HEAP, VM_STACK); VM_MAYWRITE is cleared by file_mmap for read-only
	 * descriptors */
	u32 vm_flags;
	/* what file_mmap filled in; the references are the request's until consumed */
	const struct vm_ops *ops;
	struct file *file;
	struct page_cache *cache;
};
/* Maps; consumes the request's references (ops->close is called on failure through a discarded
 * area). The address, or -EINVAL -ENOMEM -EEXIST -EPERM (mmap(2)). */
s64 mm_map(struct mm_struct *mm, const struct mmap_request *request);
int mm_unmap(struct mm_struct *mm, u64 addr, u64 size);		    /* -EINVAL -ENOMEM */
int mm_protect(struct mm_struct *mm, u64 addr, u64 size, int prot); /* -EINVAL -EACCES -ENOMEM */
/* the break now, moved or not */
u64 mm_brk(struct mm_struct *mm, u64 brk);
s64 mm_remap(struct mm_struct *mm, u64 addr, u64 old_size, u64 new_size, int flags, u64 new_addr);
int mm_advise(struct mm_struct *mm, u64 addr, u64 size, int advice);
/* msync(2): nothing to write back, checks only */
int mm_sync(struct mm_struct *mm, u64 addr, u64 size, int flags);
/*
 * May an area with these flags get `pages` more? 0; -ENOMEM beyond RLIMIT_AS, RLIMIT_DATA or what
 * may be promised; -EAGAIN beyond RLIMIT_MEMLOCK. The lock is held.
 */
int mm_check_limits(struct mm_struct *mm, u64 pages, u32 flags);
/* The same as mm_unmap with the lock held by the caller. */
int mm_unmap_locked(struct mm_struct *mm, u64 start, u64 end);
/* Takes the pages of cache numbered first_page and up out of every address space (truncation). 0,
 * or -ENOMEM if some are left: a table that is shared could not be copied. */
int mm_unmap_object(struct page_cache *cache, u64 first_page);
/* Gives a shared anonymous request its object; 0 or -ENOMEM. */
int mm_shared_anonymous(struct mmap_request *request);

/* --- pgtable.c: tables and entries; mm->lock held --- */
/* the entry of addr, NULL if its table does not exist */
pte_t *pte_find(struct mm_struct *mm, u64 addr);
/* The entry of the first address from *addr on, below end, whose last-level table there is; *addr
 * becomes that address. NULL: there is none. Costs as much as there are tables, however sparse. */
pte_t *pte_next(struct mm_struct *mm, u64 *addr, u64 end);
/* The same as pte_find, to be changed: in tables that are this address space's own, made or copied
 * as need be. NULL: no memory. */
pte_t *pte_alloc(struct mm_struct *mm, u64 addr);
/* Points an entry that was not present at frame (whose reference it takes), with the given
 * permission bits. */
void pte_install(struct mm_struct *mm, pte_t *entry, struct frame *frame, pte_t bits);
/* Counts pages that came into the last-level table in which `table` points, or, where negative,
 * went out of it; for those that are not installed one by one. */
void pages_count(struct mm_struct *mm, const pte_t *table, s64 anon, s64 file);
/* present, user, and NX or not; W is added where the page may be written at once */
pte_t pte_bits(u32 vm_flags);

/* Notes that `count` entries of a table from `first` on may be used now. */
static inline void table_mark(const pte_t *first, u64 count)
{
	u64 from = ((u64)first & ~PAGE_MASK) / 64,
	    to = ((u64)(first + count - 1) & ~PAGE_MASK) / 64;

	frame_of(first)->lines |= ~0ull << from & ~0ull >> (63 - to);
}

/* Runs the statement for each entry of a table frame that is not 0, with entries its address and i
 * the number; looks only where entries have ever been. The statement may clear that entry. */
#define table_for_each(table, entries, i)                                                          \
	for (u64 _lines = (table)->lines; _lines; _lines &= _lines - 1)                            \
		for (u32 i = (u32)__builtin_ctzll(_lines) * 8, _end = i + 8; i < _end; i++)        \
			if ((entries)[i])

/* Takes every page out of [start, end): 0, or -ENOMEM with nothing changed. Tables at its ends may
 * be shared and have to be copied; those within are only let go. */
int pages_drop(struct mm_struct *mm, u64 start, u64 end);
/* Makes sure that the next can be done without memory: 0 or -ENOMEM. */
int pages_protect_prepare(struct mm_struct *mm, u64 start, u64 end);
void pages_protect(struct mm_struct *mm, u64 start, u64 end, u32 vm_flags);
/* Moves the pages of [from, from + size) to `to`, both inside areas of mm; 0 or -ENOMEM with
 * nothing lost. */
int pages_move(struct mm_struct *mm, u64 from, u64 to, u64 size);
/* Calls fn for each page-table page of mm (level 3 to 0) and each present entry of level 0; shared
 * tables, too, as if they were its own. */
struct table_visitor {
	/* base: the first address it covers; above: the entry that points at it, just W for the
	 * top */
	void (*table)(struct frame *table, unsigned level, u64 base, pte_t above, void *arg);
	/* or NULL; others: references that others have to tables above, for pages_visit, else 0 */
	void (*page)(u64 addr, pte_t entry, u64 others, void *arg);
	void *arg;
};
void tables_visit(struct mm_struct *mm, const struct table_visitor *visitor);
/* The same for the present entries of level 0 in [start, end), user addresses; ->table is not
 * called. */
void pages_visit(struct mm_struct *mm, u64 start, u64 end, const struct table_visitor *visitor);

/* Counts for /proc/vmstat; atomic. */
struct vm_counters {
	u64 pgfault, cow_page_copied, cow_page_reused, cow_table_copied, zero_filled;
};
extern struct vm_counters vm_counters;

static inline void vm_count(u64 *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

extern struct frame *zero_frame; /* all zeroes, mapped read-only wherever memory was only read */

#endif
