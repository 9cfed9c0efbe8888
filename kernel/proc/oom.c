/*
 * The OOM killer. A failing allocation is an errno where somebody can be told; a page fault cannot
 * tell. Then one process dies: the one whose resident pages and page tables, which its death gives
 * back, are most, shifted by its oom_score_adj in thousandths of all memory (proc(5); the
 * arithmetic is Linux's oom_badness). The log names the candidates and the victim in Linux's words.
 *
 * A victim needs a moment to die. Nobody else is chosen while one is at it, unless that takes so
 * long that it must be stuck behind the faulting task. tasklist_lock guards all of it.
 */
#include "proc/oom.h"
#include "mm/mm.h"
#include "proc/thread.h"
#include "x86/printk.h"
#include <asm/errno.h>
#include <linux/capability.h>
#include <linux/oom.h>

#define GRACE (50 * NSEC_PER_MSEC) /* for memory to come back after a victim left it */
#define PATIENCE NSEC_PER_SEC	   /* with a victim that still has its memory */
#define NEVER S64_MIN		   /* the badness of a task that is not chosen */
#define ENOUGH_FOR_A_FAULT 16	   /* frames: page tables, a page, a slab for its file's cache */

#define KIB(pages) ((unsigned long long)(pages)*PAGE_SIZE / 1024)

int oom_panic, oom_kill_allocating_task, oom_dump_tasks = 1;
u64 oom_kills;

static u64 last_kill; /* monotonic ns */

/* Does it run in its parent's memory until it executes something? Its death would free nothing. */
static bool in_vfork(const struct task_struct *task)
{
	return task->vfork && process_mm(task->parent) == task->mm;
}

static bool is_candidate(const struct task_struct *task)
{
	return task == task->leader && process_mm(task) && task->tgid != 1;
}

/* Pages that the death of task would free, shifted by its oom_score_adj; or NEVER. */
static s64 badness(const struct task_struct *task)
{
	const struct mm_struct *mm = process_mm(task);

	if (!is_candidate(task) || task->signal->group_exit ||
	    task->signal->oom_score_adj == OOM_SCORE_ADJ_MIN || in_vfork(task))
		return NEVER;
	return (s64)(mm->rss_anon + mm->rss_file + mm->table_frames) +
	       task->signal->oom_score_adj * (s64)frame_total() / 1000;
}

u64 oom_score(const struct task_struct *task)
{
	u64 score = 0;

	spin_lock(&tasklist_lock);
	s64 bad = badness(task->leader);
	if (bad != NEVER)
		score = (u64)((1000 + bad * 1000 / (s64)frame_total()) * 2 / 3);
	spin_unlock(&tasklist_lock);
	return score;
}

int oom_score_adj(const struct task_struct *task)
{
	spin_lock(&tasklist_lock);
	int adj = task->signal ? task->signal->oom_score_adj : 0;
	spin_unlock(&tasklist_lock);
	return adj;
}

/* An address space dies only if all who use it do: they have one value. */
static void set_of_sharers(const struct task_struct *task, int adj)
{
	struct task_struct *other;

	list_for_each(other, &task_list, all_link)
		if (is_candidate(other) && process_mm(other) == process_mm(task) &&
		    !in_vfork(other))
			other->signal->oom_score_adj = adj;
}

int oom_set_score_adj(struct task_struct *task, int adj, bool legacy)
{
	int error = 0;

	spin_lock(&tasklist_lock);
	struct signal_struct *signal = task->signal;
	if (!signal) {
		error = -ESRCH;
	} else if (adj < (legacy ? signal->oom_score_adj : signal->oom_score_adj_min) &&
		   !capable(CAP_SYS_RESOURCE)) {
		error = -EACCES;
	} else {
		signal->oom_score_adj = adj;
		if (!legacy && capable(CAP_SYS_RESOURCE))
			signal->oom_score_adj_min = adj;
		if (process_mm(task->leader) && !in_vfork(task->leader))
			set_of_sharers(task->leader, adj);
	}
	spin_unlock(&tasklist_lock);
	return error;
}

/* The candidate of the greatest badness; NULL if there is none. */
static struct task_struct *choose_victim(void)
{
	struct task_struct *task, *victim = NULL;
	s64 worst = NEVER;

	list_for_each(task, &task_list, all_link) {
		s64 bad = badness(task);

		if (bad > worst) {
			worst = bad;
			victim = task;
		}
	}
	if (oom_kill_allocating_task && badness(current->leader) != NEVER)
		victim = current->leader;
	return victim;
}

/* Is somebody dying who has not given back memory yet? */
static bool is_one_dying(void)
{
	struct task_struct *task;

	list_for_each(task, &task_list, all_link)
		if (task->mm && task->kill_pending)
			return true;
	return false;
}

static void dump_candidates(void)
{
	struct task_struct *task;

	printk("Tasks state (memory values in pages):");
	printk("[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj "
	       "name");
	list_for_each(task, &task_list, all_link) {
		const struct mm_struct *mm = is_candidate(task) ? process_mm(task) : NULL;

		if (mm)
			printk("[%7d] %5u %5d %8llu %8llu %8llu %8u         %5d %s", task->pid,
			       task->real_cred->uid, task->tgid,
			       (unsigned long long)mm->total_pages,
			       (unsigned long long)(mm->rss_anon + mm->rss_file),
			       (unsigned long long)(mm->table_frames * PAGE_SIZE), 0,
			       task->signal->oom_score_adj, task->comm);
	}
}

static void report_victim(const struct task_struct *victim)
{
	const struct mm_struct *mm = process_mm(victim);

	if (!oom_kill_allocating_task)
		printk("oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),task=%s,pid=%d,uid=%u",
		       victim->comm, victim->pid, victim->real_cred->uid);
	printk_at(LEVEL_ERROR,
		  "Out of memory%s: Killed process %d (%s) total-vm:%llukB, anon-rss:%llukB, "
		  "file-rss:%llukB, shmem-rss:0kB, UID:%u pgtables:%llukB oom_score_adj:%d",
		  oom_kill_allocating_task ? " (oom_kill_allocating_task)" : "", victim->pid,
		  victim->comm, KIB(mm->total_pages), KIB(mm->rss_anon), KIB(mm->rss_file),
		  victim->real_cred->uid, KIB(mm->table_frames), victim->signal->oom_score_adj);
}

/* The victim, and with it everybody who would keep its memory alive. */
static void kill_victim(struct task_struct *victim)
{
	struct siginfo info = { .si_signo = SIGKILL, .si_code = SI_KERNEL };
	struct mm_struct *mm = process_mm(victim);
	struct task_struct *task;

	report_victim(victim);
	list_for_each(task, &task_list, all_link)
		if (is_candidate(task) && process_mm(task) == mm)
			signal_send_info(task, SIGKILL, &info);
	oom_kills++;
}

/* Nobody is dying: somebody must. */
static void find_and_kill(u64 now)
{
	struct task_struct *victim = choose_victim();

	if (!victim && last_kill && now - last_kill < PATIENCE)
		return;
	printk_at(LEVEL_WARNING, "%s invoked oom-killer: gfp_mask=0x0(), order=0, oom_score_adj=%d",
		  current->comm, current->signal->oom_score_adj);
	if (oom_panic)
		panic("Out of memory: %s panic_on_oom is enabled",
		      oom_panic == 2 ? "compulsory" : "system-wide");
	if (oom_dump_tasks)
		dump_candidates();
	if (!victim)
		panic("System is deadlocked on memory");
	kill_victim(victim);
	last_kill = now;
}

void oom_kill(void)
{
	u64 now = clock_monotonic();

	/* An allocation may also fail because it was told to (fail-nth), or memory has come back
	 * meanwhile. */
	if (frame_free_count() >= ENOUGH_FOR_A_FAULT) {
		sched_yield();
		return;
	}
	spin_lock(&tasklist_lock);
	u64 patience = is_one_dying() ? PATIENCE : GRACE;
	if (!last_kill || now - last_kill > patience)
		find_and_kill(now);
	spin_unlock(&tasklist_lock);
	if (kill_is_pending())
		return;
	task_set_state(TASK_KILLABLE);
	schedule_until(now + NSEC_PER_MSEC);
	task_set_state(TASK_RUNNING);
}
