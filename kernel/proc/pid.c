/*
 * The pid table: pages of 512 pointers with a bitmap of what is taken, made on demand and freed
 * when empty, under a top-level array that covers Linux's whole range. A second bitmap says which
 * pages are full, so the next free number is found by looking at words, not at processes. Numbers
 * go upwards and wrap at pid_max, to 300 as on Linux, so that a freed one is not used again soon.
 * pid_lock guards the table; it is taken inside tasklist_lock.
 */
#include "proc/pid.h"
#include "lib/string.h"
#include "mm/frame.h"
#include "mm/slab.h"
#include "x86/printk.h"
#include <asm/errno.h>

#define PAGE_PIDS 512
#define PAGES (PID_MAX_LIMIT / PAGE_PIDS)
#define WRAP_TO 300

struct pid_page {
	struct pid *pids[PAGE_PIDS]; /* NULL while a number is being given out or back */
	u64 taken[PAGE_PIDS / 64];
	u32 count;
};

struct spinlock tasklist_lock = SPINLOCK_INIT("tasklist");
struct list_head task_list = LIST_HEAD_INIT(task_list);
u64 task_count, task_live_count, task_forks;
u32 pid_max = PID_MAX_DEFAULT;

static struct spinlock pid_lock = SPINLOCK_INIT("pid table"); /* guards the four below */
static struct pid_page *pages[PAGES];
static u64 full[PAGES / 64]; /* a bit per page: no free number in it */
static u32 last;	     /* handed out most recently */
static struct kmem_cache pid_cache, page_cache;

void pid_module_init(void)
{
	kmem_cache_init(&pid_cache, "pid", sizeof(struct pid), 8);
	kmem_cache_init(&page_cache, "pid_page", sizeof(struct pid_page), 8);
}

/* The first clear bit at or after `from` in a bitmap of `bits` bits; `bits` if there is none. */
static u32 find_clear(const u64 *bitmap, u32 bits, u32 from)
{
	for (u32 word = from / 64; word < (bits + 63) / 64; word++) {
		u64 clear = ~bitmap[word];

		if (word == from / 64)
			clear &= ~0ull << from % 64;
		if (clear)
			return min(word * 64 + (u32)__builtin_ctzll(clear), bits);
	}
	return bits;
}

/* The lowest free number in [from, limit), or limit. */
static u32 find_free(u32 from, u32 limit)
{
	while (from < limit) {
		u32 page = from / PAGE_PIDS;

		if (pages[page]) {
			u32 at = find_clear(pages[page]->taken, PAGE_PIDS, from % PAGE_PIDS);

			if (at < PAGE_PIDS)
				return min(page * PAGE_PIDS + at, limit);
			page = find_clear(full, PAGES, page + 1);
			from = page * PAGE_PIDS;
		} else {
			return from;
		}
	}
	return limit;
}

/* The next free number after the last one handed out; pid_max if there is none. */
static u32 next_number(void)
{
	u32 nr = find_free(last + 1, pid_max);

	if (nr >= pid_max) {
		u32 limit = min(last + 1, pid_max);

		nr = find_free(WRAP_TO, limit);
		if (nr >= limit)
			return pid_max;
	}
	last = nr;
	return nr;
}

/* Takes the free number nr for pid. 0, -ENOMEM. */
static int take_number(struct pid *pid, u32 nr)
{
	struct pid_page **page = &pages[nr / PAGE_PIDS];
	if (!*page)
		*page = kmem_cache_zalloc(&page_cache);
	if (!*page)
		return -ENOMEM;
	u32 at = nr % PAGE_PIDS;
	(*page)->taken[at / 64] |= 1ull << at % 64;
	(*page)->pids[at] = pid;
	if (++(*page)->count == PAGE_PIDS)
		full[nr / PAGE_PIDS / 64] |= 1ull << nr / PAGE_PIDS % 64;
	pid->nr = (pid_t)nr;
	return 0;
}

/* 0, -EAGAIN, -EEXIST, -ENOMEM. pid_lock held. */
static int choose_number(struct pid *pid, u32 wanted)
{
	if (wanted && find_free(wanted, wanted + 1) != wanted)
		return -EEXIST;
	u32 nr = wanted ? wanted : next_number();
	return nr < pid_max ? take_number(pid, nr) : -EAGAIN;
}

static void free_number(u32 nr)
{
	struct pid_page **page = &pages[nr / PAGE_PIDS];
	u32 at = nr % PAGE_PIDS;

	(*page)->taken[at / 64] &= ~(1ull << at % 64);
	(*page)->pids[at] = NULL;
	full[nr / PAGE_PIDS / 64] &= ~(1ull << nr / PAGE_PIDS % 64);
	if (--(*page)->count == 0) {
		kmem_cache_free(&page_cache, *page);
		*page = NULL;
	}
}

struct pid *pid_alloc(pid_t wanted)
{
	struct pid *pid = kmem_cache_zalloc(&pid_cache);

	if (!pid)
		return ERR_PTR(-ENOMEM);
	pid->refs = 1;
	list_init(&pid->group);
	list_init(&pid->session);
	wait_queue_init(&pid->death, "pid death");
	spin_lock(&pid_lock);
	int error = choose_number(pid, (u32)wanted);
	spin_unlock(&pid_lock);
	if (error) {
		kmem_cache_free(&pid_cache, pid);
		return ERR_PTR(error);
	}
	return pid;
}

struct pid *pid_get(struct pid *pid)
{
	if (pid)
		__atomic_fetch_add(&pid->refs, 1, __ATOMIC_RELAXED);
	return pid;
}

void pid_put(struct pid *pid)
{
	if (!pid)
		return;
	/* Under the lock, so that nobody finds a pid whose last reference just went. */
	spin_lock(&pid_lock);
	bool gone = __atomic_sub_fetch(&pid->refs, 1, __ATOMIC_ACQ_REL) == 0;
	if (gone)
		free_number((u32)pid->nr);
	spin_unlock(&pid_lock);
	if (gone)
		kmem_cache_free(&pid_cache, pid);
}

/* pid_lock held. */
static struct pid *lookup(pid_t nr)
{
	if (nr <= 0 || nr >= PID_MAX_LIMIT || !pages[nr / PAGE_PIDS])
		return NULL;
	return pages[nr / PAGE_PIDS]->pids[nr % PAGE_PIDS];
}

struct pid *pid_find_get(pid_t nr)
{
	spin_lock(&pid_lock);
	struct pid *pid = pid_get(lookup(nr));
	spin_unlock(&pid_lock);
	return pid;
}

struct task_struct *task_find(pid_t nr)
{
	ASSERT(spin_held(&tasklist_lock));
	spin_lock(&pid_lock);
	struct pid *pid = lookup(nr);
	struct task_struct *task = pid ? pid->task : NULL;
	spin_unlock(&pid_lock);
	return task;
}

/* The first number in use at or above nr; 0 if there is none. pid_lock held. */
static struct pid *lookup_from(u32 nr)
{
	for (; nr < PID_MAX_LIMIT; nr++) {
		struct pid_page *page = pages[nr / PAGE_PIDS];

		if (!page)
			nr |= PAGE_PIDS - 1;
		else if (page->pids[nr % PAGE_PIDS])
			return page->pids[nr % PAGE_PIDS];
	}
	return NULL;
}

struct task_struct *task_next_get(pid_t nr)
{
	struct task_struct *task = NULL;

	spin_lock(&tasklist_lock);
	spin_lock(&pid_lock);
	for (struct pid *pid; !task && (pid = lookup_from((u32)nr)); nr = pid->nr + 1)
		task = pid->task; /* none, if only a group or session still has the number */
	spin_unlock(&pid_lock);
	if (task)
		task_get(task);
	spin_unlock(&tasklist_lock);
	return task;
}

struct pid *task_pgrp_get(struct task_struct *task)
{
	spin_lock(&tasklist_lock);
	struct pid *pid = pid_get(task->leader->pgrp);
	spin_unlock(&tasklist_lock);
	return pid;
}

struct pid *task_session_get(struct task_struct *task)
{
	spin_lock(&tasklist_lock);
	struct pid *pid = pid_get(task->leader->session);
	spin_unlock(&tasklist_lock);
	return pid;
}
