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

static int store_mode(char *value)
{
	u64 number;

	if (!parse_value(value, &number) || number > OVERCOMMIT_NEVER)
		return -EINVAL;
	commit_policy.mode = (u32)number;
	return 0;
}

static void show_ratio(struct text *text, struct task_struct *task)
{
	(void)task;
	text_print(text, "%llu\n", (ull)commit_policy.ratio);
}

static int store_ratio(char *value)
{
	int error = store_number(value, &commit_policy.ratio, RATIO_MAX);

	if (!error)
		commit_policy.kib = 0;
	return error;
}

static void show_kbytes(struct text *text, struct task_struct *task)
{
	(void)task;
	text_print(text, "%llu\n", (ull)commit_policy.kib);
}

static int store_kbytes(char *value)
{
	int error = store_number(value, &commit_policy.kib, KIB_MAX);

	if (!error)
		commit_policy.ratio = 0;
	return error;
}

static void show_admin_reserve(struct text *text, struct task_struct *task)
{
	(void)task;
	text_print(text, "%llu\n", (ull)commit_policy.admin_kib);
}

static int store_admin_reserve(char *value)
{
	return store_number(value, &commit_policy.admin_kib, KIB_MAX);
}

static void show_user_reserve(struct text *text, struct task_struct *task)
{
	(void)task;
	text_print(text, "%llu\n", (ull)commit_policy.user_kib);
}

static int store_user_reserve(char *value)
{
	return store_number(value, &commit_policy.user_kib, KIB_MAX);
}

const struct proc_file sys_vm_files[] = {
	{ "admin_reserve_kbytes", 0644, show_admin_reserve, store_admin_reserve },
	{ "overcommit_kbytes", 0644, show_kbytes, store_kbytes },
	{ "overcommit_memory", 0644, show_mode, store_mode },
	{ "overcommit_ratio", 0644, show_ratio, store_ratio },
	{ "user_reserve_kbytes", 0644, show_user_reserve, store_user_reserve },
	{ .name = NULL },
};
