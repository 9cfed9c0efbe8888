/* Counts the allocations that are to fail; see fail.h. */
#include "mm/fail.h"
#include "lib/string.h"
#include "sched/task.h"
#include "x86/bootinfo.h"

bool fail_armed;

/* atomic; allocations until the failing one; 0 or less: off */
static s64 countdown[FAIL_SITES];

void fail_init(void)
{
	static const char *const names[FAIL_SITES] = { "frame:", "slab:" };
	const char *value;

	if (!bootinfo_option("fail", &value) || !value)
		return;
	for (int site = 0; site < FAIL_SITES; site++)
		if (strncmp(value, names[site], strlen(names[site])) == 0)
			countdown[site] = (s64)str_to_u64(value + strlen(names[site]), NULL);
	fail_armed = true;
}

void fail_set_nth(struct task_struct *task, u32 nth)
{
	__atomic_store_n(&task->fail_nth, nth, __ATOMIC_RELAXED);
	fail_armed = true;
}

/* An exchange that fails: another task has just written a new number, which counts from now on. */
static bool count_own(void)
{
	u32 nth = __atomic_load_n(&current->fail_nth, __ATOMIC_RELAXED);

	return nth &&
	       __atomic_compare_exchange_n(&current->fail_nth, &nth, nth - 1, false,
					   __ATOMIC_RELAXED, __ATOMIC_RELAXED) &&
	       nth == 1;
}

bool fail_count(enum fail_site site)
{
	bool own = count_own();

	if (countdown[site] > 0 && __atomic_sub_fetch(&countdown[site], 1, __ATOMIC_RELAXED) == 0)
		return true;
	return own;
}
