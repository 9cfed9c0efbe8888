/*
 * What a task waits for and what it may use: /proc/PID/wchan, stack, children and limits. A
 * sleeping task's stack is walked while its run queue is locked, so that it cannot wake up and
 * change it meanwhile; names come from the kernel's own symbol table. Formats: proc(5).
 */
#include "lib/string.h"
#include "proc/pid.h"
#include "proc/signal.h"
#include "procfs/text.h"
#include "x86/ksyms.h"

#define STACK_DEPTH 32

typedef unsigned long long ull;

void task_show_wchan(struct text *text, struct task_struct *task)
{
	u64 address, offset;
	const char *name = NULL;

	if (task->state != TASK_RUNNING && sched_backtrace(task, &address, 1))
		name = ksyms_lookup(address, &offset);
	text_print(text, "%s", name ? name : "0");
}

/* From the function that went to sleep outwards. */
void task_show_stack(struct text *text, struct task_struct *task)
{
	u64 addresses[STACK_DEPTH];
	u32 count = sched_backtrace(task, addresses, STACK_DEPTH);
	char name[80];

	for (u32 i = 0; i < count; i++)
		if (ksyms_describe(addresses[i], name, sizeof(name)))
			text_print(text, "[<0>] %s\n", name);
}

/* The living and the dead not yet waited for. */
void task_show_children(struct text *text, struct task_struct *task)
{
	struct task_struct *child;

	spin_lock(&tasklist_lock);
	list_for_each(child, &task->children, sibling)
		text_print(text, "%d ", child->pid);
	list_for_each(child, &task->zombies, sibling)
		text_print(text, "%d ", child->pid);
	spin_unlock(&tasklist_lock);
}

static void print_limit(struct text *text, u64 value)
{
	if (value == RLIM64_INFINITY)
		text_print(text, "%-20s ", "unlimited");
	else
		text_print(text, "%-20llu ", (ull)value);
}

void task_show_limits(struct text *text, struct task_struct *task)
{
	static const struct {
		const char *name, *unit;
	} rows[RLIM_NLIMITS] = {
		[RLIMIT_CPU] = { "Max cpu time", "seconds" },
		[RLIMIT_FSIZE] = { "Max file size", "bytes" },
		[RLIMIT_DATA] = { "Max data size", "bytes" },
		[RLIMIT_STACK] = { "Max stack size", "bytes" },
		[RLIMIT_CORE] = { "Max core file size", "bytes" },
		[RLIMIT_RSS] = { "Max resident set", "bytes" },
		[RLIMIT_NPROC] = { "Max processes", "processes" },
		[RLIMIT_NOFILE] = { "Max open files", "files" },
		[RLIMIT_MEMLOCK] = { "Max locked memory", "bytes" },
		[RLIMIT_AS] = { "Max address space", "bytes" },
		[RLIMIT_LOCKS] = { "Max file locks", "locks" },
		[RLIMIT_SIGPENDING] = { "Max pending signals", "signals" },
		[RLIMIT_MSGQUEUE] = { "Max msgqueue size", "bytes" },
		[RLIMIT_NICE] = { "Max nice priority", "" },
		[RLIMIT_RTPRIO] = { "Max realtime priority", "" },
		[RLIMIT_RTTIME] = { "Max realtime timeout", "us" },
	};
	struct rlimit64 limits[RLIM_NLIMITS];

	spin_lock(&tasklist_lock);
	bool alive = task->signal != NULL;
	if (alive)
		memcpy(limits, task->signal->rlimits, sizeof(limits));
	spin_unlock(&tasklist_lock);
	if (!alive)
		return;
	text_print(text, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
	for (u32 i = 0; i < RLIM_NLIMITS; i++) {
		text_print(text, "%-25s ", rows[i].name);
		print_limit(text, limits[i].rlim_cur);
		print_limit(text, limits[i].rlim_max);
		text_print(text, "%-10s\n", rows[i].unit);
	}
}

void task_show_cpus(struct text *text, struct task_struct *task)
{
	u64 cpus = task->affinity & cpus_online();
	const char *separator = "";

	text_print(text, "Cpus_allowed:\t%llx\nCpus_allowed_list:\t", (ull)cpus);
	for (u32 first = 0, last; first < cpu_count; first = last + 1) {
		last = first;
		if (!(cpus >> first & 1))
			continue;
		while (cpus >> (last + 1) & 1)
			last++;
		text_print(text, first == last ? "%s%u" : "%s%u-%u", separator, first, last);
		separator = ",";
	}
	text_print(text, "\n");
}
