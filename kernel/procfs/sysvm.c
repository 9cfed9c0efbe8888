/*
 * /proc/sys/vm: how much memory may be promised (proc(5), commit.h). Writing overcommit_ratio sets
 * overcommit_kbytes to 0 and the other way round, since one of them holds.
 */
#include "mm/commit.h"
#include "procfs/text.h"
#include <asm/errno.h>

typedef unsigned long long ull;

#define RATIO_MAX 0x7fffffff
#define KIB_MAX (1ull << 52)

static void show_mode(struct text *text, struct task_struct *task)
{
	(void)task;
	text_print(text, "%u\n", commit_policy.mode);
}

static int store_mode(char *value, struct task_struct *task)
{
	u64 number;

	(void)task;
	if (!parse_value(value, &number) || number > OVERCOMMIT_NEVER)
		return -EINVAL;
	__atomic_store_n(&commit_policy.mode, (u32)number, __ATOMIC_RELAXED);
	return 0;
}

static int store_ratio(char *value, struct task_struct *task)
{
	u64 ratio;
	int error = store_number(value, &ratio, RATIO_MAX);

	(void)task;
	if (!error)
		commit_set_limit(ratio, 0);
	return error;
}

static int store_kbytes(char *value, struct task_struct *task)
{
	u64 kib;
	int error = store_number(value, &kib, KIB_MAX);

	(void)task;
	if (!error)
		commit_set_limit(0, kib);
	return error;
}

static void show_nothing(struct text *text, struct task_struct *task)
{
	(void)text;
	(void)task;
}

const struct proc_file sys_vm_files[] = {
	{ .name = "drop_caches",
	  .mode = 0200,
	  .show = show_nothing,
	  .store = vm_store_drop_caches },
	{ .name = "oom_dump_tasks",
	  .mode = 0644,
	  .show = vm_show_oom_dump_tasks,
	  .store = vm_store_oom_dump_tasks },
	{ .name = "oom_kill_allocating_task",
	  .mode = 0644,
	  .show = vm_show_oom_kill_allocating_task,
	  .store = vm_store_oom_kill_allocating_task },
	{ .name = "panic_on_oom",
	  .mode = 0644,
	  .show = vm_show_panic_on_oom,
	  .store = vm_store_panic_on_oom },
	{ .name = "admin_reserve_kbytes",
	  .mode = 0644,
	  .number = &commit_policy.admin_kib,
	  .max = KIB_MAX },
	{ .name = "overcommit_kbytes",
	  .mode = 0644,
	  .number = &commit_policy.kib,
	  .store = store_kbytes },
	{ .name = "overcommit_memory", .mode = 0644, .show = show_mode, .store = store_mode },
	{ .name = "overcommit_ratio",
	  .mode = 0644,
	  .number = &commit_policy.ratio,
	  .store = store_ratio },
	{ .name = "user_reserve_kbytes",
	  .mode = 0644,
	  .number = &commit_policy.user_kib,
	  .max = KIB_MAX },
	{ .name = NULL },
};
