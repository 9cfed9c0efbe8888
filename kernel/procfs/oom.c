/*
 * What decides who dies when memory is exhausted (oom_score, oom_score_adj, the older oom_adj and
 * the sysctls), the caches that may be dropped before, and the failing of chosen allocations.
 * Formats: proc(5), Documentation/fault-injection/fault-injection.rst.
 */
#include "proc/oom.h"
#include "mm/fail.h"
#include "mm/shrink.h"
#include "sched/task.h"
#include "procfs/text.h"
#include <asm/errno.h>
#include <linux/oom.h>

void task_show_oom_score(struct text *text, struct task_struct *task)
{
	text_print(text, "%llu\n", (unsigned long long)oom_score(task));
}

void task_show_oom_score_adj(struct text *text, struct task_struct *task)
{
	text_print(text, "%d\n", oom_score_adj(task));
}

int task_store_oom_score_adj(char *value, struct task_struct *task)
{
	int adj, error = text_parse_int(value, &adj);

	if (error)
		return error;
	if (adj < OOM_SCORE_ADJ_MIN || adj > OOM_SCORE_ADJ_MAX)
		return -EINVAL;
	return oom_set_score_adj(task, adj, false);
}

/* The same on the scale from OOM_DISABLE to OOM_ADJUST_MAX, which are -17 and 15. */
void task_show_oom_adj(struct text *text, struct task_struct *task)
{
	int adj = oom_score_adj(task);

	if (adj == OOM_SCORE_ADJ_MAX)
		adj = OOM_ADJUST_MAX;
	else
		adj = min(adj * -OOM_DISABLE / OOM_SCORE_ADJ_MAX, OOM_ADJUST_MAX);
	text_print(text, "%d\n", adj);
}

int task_store_oom_adj(char *value, struct task_struct *task)
{
	int adj, error = text_parse_int(value, &adj);

	if (error)
		return error;
	if (adj < OOM_DISABLE || adj > OOM_ADJUST_MAX)
		return -EINVAL;
	if (adj == OOM_ADJUST_MAX)
		adj = OOM_SCORE_ADJ_MAX;
	else
		adj = adj * OOM_SCORE_ADJ_MAX / -OOM_DISABLE;
	return oom_set_score_adj(task, adj, true);
}

void task_show_fail_nth(struct text *text, struct task_struct *task)
{
	text_print(text, "%u\n", task->fail_nth);
}

int task_store_fail_nth(char *value, struct task_struct *task)
{
	int nth, error = text_parse_int(value, &nth);

	if (error || nth < 0)
		return error ? error : -EINVAL;
	fail_set_nth(task, (u32)nth);
	return 0;
}

/* --- sysctls --- */

static int store_int(char *value, int lowest, int highest, int *to)
{
	int number;

	if (text_parse_int(value, &number) || number < lowest || number > highest)
		return -EINVAL;
	__atomic_store_n(to, number, __ATOMIC_RELAXED);
	return 0;
}

void vm_show_panic_on_oom(struct text *text, struct task_struct *task)
{
	(void)task;
	text_print(text, "%d\n", oom_panic);
}

int vm_store_panic_on_oom(char *value, struct task_struct *task)
{
	(void)task;
	return store_int(value, 0, 2, &oom_panic);
}

void vm_show_oom_kill_allocating_task(struct text *text, struct task_struct *task)
{
	(void)task;
	text_print(text, "%d\n", oom_kill_allocating_task);
}

int vm_store_oom_kill_allocating_task(char *value, struct task_struct *task)
{
	(void)task;
	return store_int(value, S32_MIN, S32_MAX, &oom_kill_allocating_task);
}

void vm_show_oom_dump_tasks(struct text *text, struct task_struct *task)
{
	(void)task;
	text_print(text, "%d\n", oom_dump_tasks);
}

int vm_store_oom_dump_tasks(char *value, struct task_struct *task)
{
	(void)task;
	return store_int(value, S32_MIN, S32_MAX, &oom_dump_tasks);
}

/* 1, 2, 3 and 4, as on Linux; there is one kind of cache to drop here, what the kernel keeps for
 * itself, and no page of a file that could be had again. */
int vm_store_drop_caches(char *value, struct task_struct *task)
{
	int what, error = store_int(value, 1, 4, &what);

	(void)task;
	if (!error && (what & 2))
		memory_shrink();
	return error;
}
