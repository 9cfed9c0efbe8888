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

static void show_ratio(struct text *text, struct task_struct *task)
{
	(void)task;
	text_print(text, "%llu\n", (ull)commit_policy.ratio);
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

static void show_kbytes(struct text *text, struct task_struct *task)
{
	(void)task;
	text_print(text, "%llu\n", (ull)commit_policy.kib);
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

static void show_admin_reserve(struct text *text, struct task_struct *task)
{
	(void)task;
	text_print(text, "%llu\n", (ull)commit_policy.admin_kib);
}

static int store_admin_reserve(char *value, struct task_struct *task)
{
	(void)task;
	return store_number(value, &commit_policy.admin_kib, KIB_MAX);
}

static void show_user_reserve(struct text *text, struct task_struct *task)
{
	(void)task;
	text_print(text, "%llu\n", (ull)commit_policy.user_kib);
}

static int store_user_reserve(char *value, struct task_struct *task)
{
	(void)task;
	return store_number(value, &commit_policy.user_kib, KIB_MAX);
}

static void show_nothing(struct text *text, struct task_struct *task)
{
	(void)text;
	(void)task;
}

const struct proc_file sys_vm_files[] = {
	{ "drop_caches", 0200, show_nothing, vm_store_drop_caches },
	{ "oom_dump_tasks", 0644, vm_show_oom_dump_tasks, vm_store_oom_dump_tasks },
	{ "oom_kill_allocating_task", 0644, vm_show_oom_kill_allocating_task,
	  vm_store_oom_kill_allocating_task },
	{ "panic_on_oom", 0644, vm_show_panic_on_oom, vm_store_panic_on_oom },
	{ "admin_reserve_kbytes", 0644, show_admin_reserve, store_admin_reserve },
	{ "overcommit_kbytes", 0644, show_kbytes, store_kbytes },
	{ "overcommit_memory", 0644, show_mode, store_mode },
	{ "overcommit_ratio", 0644, show_ratio, store_ratio },
	{ "user_reserve_kbytes", 0644, show_user_reserve, store_user_reserve },
	{ .name = NULL },
};
