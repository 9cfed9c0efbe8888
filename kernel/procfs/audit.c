/*
 * The audit: everything counted is counted again from the ground. Each frame's reference count
 * against the page-table entries, page caches and kernel holders that point at it; each table's
 * `used` and each address space's resident counts against its entries; free frames against what the
 * allocator says; tasks against the pid table and the tree. A difference is a bug in this kernel,
 * and the line names what differs.
 *
 * While it runs nothing may move: the other CPUs are paused, and it does not sleep. An address
 * space that a sleeping task has locked, to change it, or one that is being taken apart: then the
 * others go on for a moment, and it begins again.
 */
#include "lib/string.h"
#include "mm/commit.h"
#include "mm/kmap.h"
#include "mm/mm.h"
#include "mm/pagecache.h"
#include "mm/slab.h"
#include "mm/sysvshm.h"
#include "proc/cred.h"
#include "proc/limits.h"
#include "proc/thread.h"
#include "procfs/text.h"
#include "x86/printk.h"

#define ERRORS_SHOWN 20
#define TRIES 10
#define PAUSE NSEC_PER_MSEC /* between two */
#define BUSY (~0ull)

typedef unsigned long long ull;

static const char *const kind_names[FRAME_KINDS] = { "reserved", "free", "anon",  "cache",
						     "table",	 "slab", "stack", "kernel" };

struct audit {
	struct text *text;
	u64 errors;
	u64 tables, anon, file; /* of the address space being walked */
	/* by level: is the table just visited there seen for the first time? What a shared table
	 * points at counts once, however many address spaces come by */
	bool fresh[4];
	u64 promised;		/* pages, in areas */
	u64 user_refs, signals; /* of all users */
};

/* Different ones that were found. */
struct cred_counts {
	u64 creds, groups;
};

static void complain(struct audit *audit, const char *what, ull where, ull counted, ull recorded)
{
	if (audit->errors++ < ERRORS_SHOWN)
		text_print(audit->text, "audit: error: %s %#llx: found %llu, recorded %llu\n", what,
			   where, counted, recorded);
}

static void found_table(struct frame *table, unsigned level, u64 base, pte_t above, void *arg)
{
	struct audit *audit = arg;
	const pte_t *entries = frame_addr(table);
	u32 present = 0, count = level == 3 ? TABLE_ENTRIES / 2 : TABLE_ENTRIES;

	(void)base;
	for (u32 i = 0; i < count; i++)
		present += pte_present(entries[i]) && (table->lines >> i / 8 & 1);
	if (present != table->used)
		complain(audit, "entries of table frame", frame_pfn(table), present, table->used);
	if (table->kind != FRAME_TABLE)
		complain(audit, "kind of table frame", frame_pfn(table), FRAME_TABLE, table->kind);
	if ((above & PTE_W) && table->refs != 1)
		complain(audit, "sharers of the writable table frame", frame_pfn(table), 1,
			 table->refs);
	audit->fresh[level] = false;
	if (level == 3 || audit->fresh[level + 1])
		audit->fresh[level] = table->audit++ == 0;
	audit->tables++;
}

static void found_page(u64 addr, pte_t entry, u64 others, void *arg)
{
	struct audit *audit = arg;
	struct frame *frame = frame_of_phys(entry & PTE_ADDR);

	(void)others;
	frame->audit += audit->fresh[0];
	if (frame->kind == FRAME_ANON)
		audit->anon++;
	else
		audit->file++;
	if (frame->kind != FRAME_ANON && frame->kind != FRAME_CACHE)
		complain(audit, "kind of frame mapped at", addr, FRAME_ANON, frame->kind);
	/* cow.c's invariant: a writable private page is anonymous and nobody else's. */
	if ((entry & PTE_W) && frame->kind == FRAME_ANON && frame->refs != 1)
		complain(audit, "sharers of the writable page at", addr, 1, frame->refs);
}

static void audit_mm(struct audit *audit, struct mm_struct *mm)
{
	struct table_visitor visitor = { found_table, found_page, audit };
	struct vm_area_struct *vma;
	u64 pages = 0, areas = 0, previous = 0, locked = 0;

	audit->tables = audit->anon = audit->file = 0;
	tables_visit(mm, &visitor);
	if (audit->tables != mm->table_frames)
		complain(audit, "tables of mm", (ull)mm, audit->tables, mm->table_frames);
	if (audit->anon != mm->rss_anon)
		complain(audit, "anonymous pages of mm", (ull)mm, audit->anon, mm->rss_anon);
	if (audit->file != mm->rss_file)
		complain(audit, "file pages of mm", (ull)mm, audit->file, mm->rss_file);
	list_for_each(vma, &mm->vma_list, link) {
		if (vma->start < previous || vma->end <= vma->start)
			complain(audit, "order of area", vma->start, previous, vma->end);
		previous = vma->end;
		u64 size = (vma->end - vma->start) >> PAGE_SHIFT;
		pages += size;
		audit->promised += vma->flags & VM_ACCOUNT ? size : 0;
		locked += vma->flags & VM_LOCKED ? size : 0;
		areas++;
	}
	if (pages != mm->total_pages || areas != mm->vma_count)
		complain(audit, "pages in areas of mm", (ull)mm, pages, mm->total_pages);
	if (locked != mm->locked_pages)
		complain(audit, "locked pages of mm", (ull)mm, locked, mm->locked_pages);
}

static void found_cached(struct frame *frame, void *arg)
{
	(void)arg;
	frame->audit++;
}

static void audit_frames(struct audit *audit)
{
	u64 counts[FRAME_KINDS] = { 0 };

	for (u64 pfn = 0; pfn < frames_count; pfn++) {
		struct frame *frame = &frames[pfn];

		counts[frame->kind == FRAME_CACHED ? FRAME_FREE : frame->kind]++;
		switch (frame->kind) {
		case FRAME_FREE:
		case FRAME_CACHED:
			if (frame->refs)
				complain(audit, "references of free frame", pfn, 0, frame->refs);
			break;
		case FRAME_ANON:
		case FRAME_CACHE:
		case FRAME_TABLE:
			if (frame->refs != frame->audit)
				complain(audit, kind_names[frame->kind], pfn, frame->audit,
					 frame->refs);
			break;
		}
	}
	if (counts[FRAME_FREE] != frame_free_count())
		complain(audit, "free frames", 0, counts[FRAME_FREE], frame_free_count());
	for (u32 kind = FRAME_ANON; kind < FRAME_KINDS; kind++)
		if (counts[kind] != frame_kind_count(kind))
			complain(audit, kind_names[kind], 0, counts[kind], frame_kind_count(kind));
	/* Printing may take a frame itself, so it comes last. */
	for (u32 kind = FRAME_FREE; kind < FRAME_KINDS; kind++)
		text_print(audit->text, "frames %-8s %llu\n", kind_names[kind], (ull)counts[kind]);
}

/* The live objects of one cache by name, against a count of our own. */
struct cache_check {
	struct audit *audit;
	const char *name;
	u64 expected;
};

static void check_cache(const struct kmem_cache *cache, void *arg)
{
	struct cache_check *check = arg;

	if (strcmp(cache->name, check->name) == 0 && cache->live != check->expected)
		complain(check->audit, check->name, 0, check->expected, cache->live);
}

static void expect_objects(struct audit *audit, const char *name, u64 expected)
{
	struct cache_check check = { audit, name, expected };

	slab_for_each(check_cache, &check);
}

/* The threads of a living process: who they are, and how many. tasklist_lock held. */
static void check_threads(struct audit *audit, const struct task_struct *leader)
{
	const struct signal_struct *signal = leader->signal;
	const struct task_struct *task = NULL;
	u32 alive = 0;

	while ((task = thread_next(signal, task))) {
		alive += !(task->state & EXIT_ZOMBIE);
		if (task->leader != leader || task->signal != signal ||
		    task->sighand != leader->sighand || task->tgid != leader->pid)
			complain(audit, "process of thread", (ull)task->pid, (ull)leader->pid,
				 (ull)task->tgid);
	}
	if (alive != signal->threads)
		complain(audit, "threads of process", (ull)leader->pid, alive, signal->threads);
}

/* tasklist_lock held. Every task is in the pid table, in its parent's list, and accounted for. */
static void audit_tasks(struct audit *audit)
{
	u64 tasks = 0, processes = 0, zombies = 0, dead = 0, listed = 0, sighands = 0;
	struct task_struct *task, *child;

	list_for_each(task, &task_list, all_link)
		if (task->sighand)
			task->sighand->audit = 0;
	list_for_each(task, &task_list, all_link) {
		tasks++;
		zombies += !!(task->state & EXIT_ZOMBIE);
		if (task->sighand)
			sighands += task->sighand->audit++ == 0;
		if (task->leader != task) {
			listed++; /* as one of its process's */
		} else {
			processes++;
			if (process_is_dead(task))
				dead++;
			else
				check_threads(audit, task);
		}
		if (task->pid_struct->task != task)
			complain(audit, "pid table entry of task", (ull)task->pid, (ull)task,
				 (ull)task->pid_struct->task);
		list_for_each(child, &task->children, sibling) {
			listed++;
			if (child->parent != task || process_is_dead(child))
				complain(audit, "parent of task", (ull)child->pid, (ull)task->pid,
					 (ull)child->parent->pid);
		}
		list_for_each(child, &task->zombies, sibling) {
			listed++;
			if (child->parent != task || !process_is_dead(child))
				complain(audit, "parent of zombie", (ull)child->pid, (ull)task->pid,
					 (ull)child->parent->pid);
			if (child->stack || child->mm || child->files || child->signal)
				complain(audit, "what zombie still holds", (ull)child->pid, 0, 1);
		}
	}
	if (tasks != task_count)
		complain(audit, "tasks", 0, tasks, task_count);
	if (tasks - zombies != task_live_count)
		complain(audit, "living tasks", 0, tasks - zombies, task_live_count);
	if (listed + 1 != tasks) /* pid 1 is the boot thread's child */
		complain(audit, "tasks in the family tree", 0, listed + 1, tasks);
	text_print(audit->text, "tasks %llu, zombies %llu\n", (ull)tasks, (ull)zombies);
	list_for_each(task, &task_list, all_link)
		if (task->sighand && task->sighand->audit != task->sighand->refs)
			complain(audit, "signal actions of task", (ull)task->pid,
				 task->sighand->audit, task->sighand->refs);
	expect_objects(audit, "signal_struct", processes - dead);
	expect_objects(audit, "sighand_struct", sighands);
	expect_objects(audit, "fpu_state", tasks - zombies);
}

/* Sets the counts of what a task's credentials hold to zero, for found_cred to count. */
static void forget_cred(const struct cred *cred)
{
	((struct cred *)cred)->audit = 0;
	if (cred->groups)
		cred->groups->audit = 0;
}

/* Counts a task's reference, and with the first one what the credentials themselves hold. */
static void found_cred(struct cred_counts *counts, const struct cred *cred)
{
	if (((struct cred *)cred)->audit++)
		return;
	counts->creds++;
	if (cred->groups && cred->groups->audit++ == 0)
		counts->groups++;
}

static void check_cred(struct audit *audit, const struct task_struct *task)
{
	const struct cred *cred = task->real_cred;

	if (cred->audit != cred->refs)
		complain(audit, "credentials of task", (ull)task->pid, cred->audit, cred->refs);
	if (cred->groups && cred->groups->audit != cred->groups->refs)
		complain(audit, "groups of task", (ull)task->pid, cred->groups->audit,
			 cred->groups->refs);
}

static void check_user(const struct user_counts *user, void *arg)
{
	struct audit *audit = arg;
	struct task_struct *task;
	u64 processes = 0;

	list_for_each(task, &task_list, all_link)
		processes += task->real_cred->uid == user->uid;
	if (processes != user->processes)
		complain(audit, "processes of user", user->uid, processes, user->processes);
	audit->user_refs += user->refs;
	audit->signals += user->signals;
}

/* Those whose entry ends with their delivery. */
static u64 count_queued(const struct sigpending *pending)
{
	const struct sigqueue *entry;
	u64 count = 0;

	list_for_each(entry, &pending->queue, link)
		count += entry->taken == NULL;
	return count;
}

/* tasklist_lock held. The entries of signals, in queues and kept by timers. */
static u64 count_signals(void)
{
	const struct task_struct *task;
	u64 count = 0;

	list_for_each(task, &task_list, all_link) {
		count += count_queued(&task->pending);
		if (task->leader == task && task->signal)
			count += count_queued(&task->signal->pending) +
				 posix_timers_signals(task->signal);
	}
	return count;
}

/* tasklist_lock held. Tasks share credentials, credentials share lists of groups and users. */
static void audit_creds(struct audit *audit)
{
	struct cred_counts counts = { 0 };
	struct task_struct *task;

	list_for_each(task, &task_list, all_link) {
		forget_cred(task->real_cred);
		forget_cred(task->cred);
	}
	list_for_each(task, &task_list, all_link) {
		found_cred(&counts, task->real_cred);
		if (task->cred != task->real_cred) /* in access(2) */
			found_cred(&counts, task->cred);
	}
	list_for_each(task, &task_list, all_link)
		check_cred(audit, task);
	expect_objects(audit, "cred", counts.creds);
	if (counts.groups != groups_count())
		complain(audit, "lists of groups", 0, counts.groups, groups_count());
	limits_for_each_user(check_user, audit);
	u64 entries = count_signals();
	if (entries != audit->signals)
		complain(audit, "signals in queues", 0, entries, audit->signals);
	if (audit->user_refs != counts.creds + audit->signals)
		complain(audit, "references to users", 0, counts.creds + audit->signals,
			 audit->user_refs);
	expect_objects(audit, "sigqueue", audit->signals);
}

/* Counts the address spaces; false if the lock of one is held. */
static bool audit_address_spaces(struct audit *audit, u64 *count)
{
	bool held = false;

	*count = 0;
	for (struct mm_struct *mm = mm_next(NULL); mm; mm = mm_next(mm)) {
		if (held || !mutex_trylock(&mm->lock)) {
			held = true; /* the rest are passed by: mm_next drops its references */
			continue;
		}
		audit_mm(audit, mm);
		mutex_unlock(&mm->lock);
		++*count;
	}
	return !held;
}

/* The errors found, or BUSY. */
static u64 audit_once(struct text *text)
{
	struct audit audit = { .text = text };
	u64 address_spaces;

	for (u64 pfn = 0; pfn < frames_count; pfn++)
		if (frames[pfn].kind != FRAME_SLAB)
			frames[pfn].audit = 0;
	zero_frame->audit = 1; /* the kernel's own hold */
	if (!mm_is_settled() || !audit_address_spaces(&audit, &address_spaces))
		return BUSY;
	audit.promised += pagecache_promised();
	if (audit.promised != commit_count())
		complain(&audit, "promised pages", 0, audit.promised, commit_count());
	pagecache_for_each(found_cached, &audit);
	u64 attached, mapped;
	int miscounted = shm_miscounted(&attached, &mapped);
	if (miscounted >= 0)
		complain(&audit, "attaches of shm segment", (ull)miscounted, mapped, attached);
	audit_frames(&audit);
	text_print(text, "address spaces %llu, kernel stacks kept %llu\n", (ull)address_spaces,
		   (ull)kstack_cached());
	spin_lock(&tasklist_lock);
	audit_tasks(&audit);
	audit_creds(&audit);
	spin_unlock(&tasklist_lock);
	expect_objects(&audit, "mm_struct", address_spaces);
	return audit.errors;
}

static void let_others_run(void)
{
	task_set_state(TASK_UNINTERRUPTIBLE);
	schedule_until(clock_monotonic() + PAUSE);
	task_set_state(TASK_RUNNING);
}

u64 audit_run(struct text *text)
{
	const size_t start = text->size;
	u64 errors = BUSY;

	for (u32 tries = 0; tries < TRIES && errors; tries++) {
		if (tries)
			let_others_run();
		text->size = start;
		mm_settle();
		sched_pause_others();
		errors = audit_once(text);
		sched_resume_others();
	}
	if (errors == BUSY)
		text_print(text, "audit: error: an address space is always busy\n");
	return errors;
}
