/*
 * The OOM killer. A failing allocation is an errno where somebody can be told; a page fault
 * cannot tell. Then the largest process dies: resident pages and page tables are what its death
 * gives back. A victim needs a moment, so the same fault coming again soon only yields; if no
 * memory has come back by then (the victim may be stuck behind the faulting task), the next
 * largest goes too.
 */
#include "proc/oom.h"
#include "mm/mm.h"
#include "proc/pid.h"
#include "proc/signal.h"
#include "x86/printk.h"

#define PATIENCE (50 * NSEC_PER_MSEC)

static u64 last_kill; /* monotonic ns; tasklist_lock */

static u64 weight(const struct task_struct *task)
{
	return task->mm->rss_anon + task->mm->rss_file + task->mm->table_frames;
}

/* The heaviest process not yet dying; NULL if there is none. tasklist_lock held. */
static struct task_struct *choose_victim(void)
{
	struct task_struct *task, *victim = NULL;

	list_for_each(task, &task_list, all_link) {
		if (!task->mm || task->tgid == 1 || task->kill_pending || task != task->leader)
			continue;
		if (!victim || weight(task) > weight(victim))
			victim = task;
	}
	return victim;
}

void oom_kill(void)
{
	struct siginfo info = { .si_signo = SIGKILL, .si_code = SI_KERNEL };

	spin_lock(&tasklist_lock);
	u64 now = clock_monotonic();
	if (last_kill == 0 || now - last_kill > PATIENCE) {
		struct task_struct *victim = choose_victim();

		if (victim) {
			printk("out of memory: killed process %d (%s), %llu pages", victim->pid,
			       victim->comm, (unsigned long long)weight(victim));
			signal_send_info(victim, SIGKILL, &info);
			last_kill = now;
		} else if (last_kill == 0 || now - last_kill > 20 * PATIENCE) {
			panic("out of memory, and nothing left to kill");
		}
	}
	spin_unlock(&tasklist_lock);
	if (kill_is_pending())
		return;
	task_set_state(TASK_KILLABLE);
	schedule_until(now + NSEC_PER_MSEC);
	task_set_state(TASK_RUNNING);
}
