/*
 * /proc/lockcheck: what the lock checker (x86/lockcheck.h) has learned, which is the order of locks
 * as it really is. A lock of level N was taken with one of level N - 1 held, so whoever takes locks
 * in the order of the lines can meet nobody who waits for them in return.
 *
 * Written to, the file makes a mistake on purpose, for those who want to see the checker or the
 * watchdog report it: "order", "mutex-order", "class", "twice", "thief", "again", "hold", "sleep",
 * "schedule", "leave", "spin" or "spin-off". "again" and "schedule" end in a panic, and a machine
 * on which another was made has a lock left behind, so it should not be used much longer.
 */
#include "lib/string.h"
#include "procfs/text.h"
#include "sched/mutex.h"
#include "sched/task.h"
#include "sched/watchdog.h"
#include "x86/ksyms.h"
#include "x86/lockcheck.h"
#include <asm/errno.h>

#define HOLD (600 * NSEC_PER_MSEC) /* more than the checker grants */

typedef unsigned long long ull;

/* --- what was learned --- */

/* The longest way by which a class is reached, in edges; the graph has no cycles. */
static void find_levels(u8 *levels, const struct lock_edge *edges, u32 count)
{
	bool changed = true;

	while (changed) {
		changed = false;
		for (u32 i = 0; i < count; i++) {
			u8 level = (u8)(levels[edges[i].outer] + 1);

			if (levels[edges[i].inner] >= level)
				continue;
			levels[edges[i].inner] = level;
			changed = true;
		}
	}
}

/* A mutex and the queue of those who wait for it have the same name. */
static const char *kind_of(const struct lock_class *class)
{
	return class->sleeps ? "mutex" : "spinlock";
}

static void print_class(struct text *text, const struct lock_class *class, u32 level)
{
	if (class->sleeps)
		text_print(text, "mutex    %5u %10llu          -  %s\n", level, (ull) class->taken,
			   class->name);
	else
		text_print(text, "spinlock %5u %10llu %10llu  %s\n", level, (ull) class->taken,
			   (ull)(class->longest / NSEC_PER_USEC), class->name);
}

static void print_classes(struct text *text, bool sleeps, const u8 *levels)
{
	const struct lock_class *classes;
	u32 count = lockcheck_classes(&classes);
	u32 printed = 0, wanted = 0;

	for (u32 i = 0; i < count; i++)
		wanted += classes[i].sleeps == sleeps;
	for (u32 level = 0; printed < wanted; level++)
		for (u32 i = 0; i < count; i++)
			if (classes[i].sleeps == sleeps && levels[i] == level) {
				print_class(text, &classes[i], level);
				printed++;
			}
}

static void print_edges(struct text *text, const struct lock_edge *edges, u32 count)
{
	const struct lock_class *classes;

	lockcheck_classes(&classes);
	for (u32 i = 0; i < count; i++) {
		char outer[64] = "?", inner[64] = "?";

		ksyms_describe(edges[i].outer_at, outer, sizeof(outer));
		ksyms_describe(edges[i].inner_at, inner, sizeof(inner));
		text_print(text, "%s %s -> %s %s\t(%s, %s)\n", kind_of(&classes[edges[i].outer]),
			   classes[edges[i].outer].name, kind_of(&classes[edges[i].inner]),
			   classes[edges[i].inner].name, outer, inner);
	}
}

void show_lockcheck(struct text *text, struct task_struct *task)
{
	u8 levels[LOCK_CLASSES_MAX] = { 0 };
	const struct lock_edge *edges;
	u32 count = lockcheck_edges(&edges);

	(void)task;
	find_levels(levels, edges, count);
	text_print(text, "%u mistakes reported\n\nkind     level      taken longest/us  name\n",
		   lockcheck_reports());
	print_classes(text, true, levels);
	print_classes(text, false, levels);
	text_print(text, "\nouter -> inner (where each was taken first)\n");
	print_edges(text, edges, count);
}

/* --- mistakes on purpose --- */

static struct spinlock spin_a = SPINLOCK_INIT("mistake a"), spin_b = SPINLOCK_INIT("mistake b"),
		       spin_c = SPINLOCK_INIT("mistake c"), other_c = SPINLOCK_INIT("mistake c");
static struct mutex mutex_a = MUTEX_INIT(mutex_a, "mistake a"),
		    mutex_b = MUTEX_INIT(mutex_b, "mistake b");

static void lock_both(struct spinlock *outer, struct spinlock *inner)
{
	spin_lock(outer);
	spin_lock(inner);
	spin_unlock(inner);
	spin_unlock(outer);
}

/* a before b, b before c, c before a: no two of them contradict each other. */
static void wrong_order(void)
{
	lock_both(&spin_a, &spin_b);
	lock_both(&spin_b, &spin_c);
	lock_both(&spin_c, &spin_a);
}

static void wrong_mutex_order(void)
{
	mutex_lock(&mutex_a);
	mutex_lock(&mutex_b);
	mutex_unlock(&mutex_b);
	mutex_unlock(&mutex_a);
	mutex_lock(&mutex_b);
	mutex_lock(&mutex_a);
	mutex_unlock(&mutex_a);
	mutex_unlock(&mutex_b);
}

static void two_of_a_class(void)
{
	lock_both(&spin_c, &other_c);
}

static void release_twice(void)
{
	spin_lock(&spin_a);
	spin_unlock(&spin_a);
	spin_unlock(&spin_a);
}

/* The lock looks as if another CPU had it. */
static void release_of_another(void)
{
	static struct cpu another = { .id = CPUS_MAX };

	spin_b.owner = &another;
	spin_unlock(&spin_b);
	spin_b.owner = NULL;
}

static void take_again(void)
{
	spin_lock(&spin_a);
	spin_lock(&spin_a);
}

static void hold_long(void)
{
	for (int i = 0; i < 3; i++) {
		spin_lock(&spin_a);
		for (u64 start = clock_monotonic(); clock_monotonic() - start < HOLD;)
			cpu_relax();
		spin_unlock(&spin_a);
	}
}

static void sleep_under_lock(void)
{
	spin_lock(&spin_a);
	mutex_lock(&mutex_a);
	mutex_unlock(&mutex_a);
	spin_unlock(&spin_a);
}

static void schedule_under_lock(void)
{
	spin_lock(&spin_a);
	schedule();
	spin_unlock(&spin_a);
}

static void leave_with_mutex(void)
{
	mutex_lock(&mutex_b);
}

/* Until the watchdog barks. */
static void spin(void)
{
	u32 before = __atomic_load_n(&watchdog_reports, __ATOMIC_ACQUIRE);

	while (__atomic_load_n(&watchdog_reports, __ATOMIC_ACQUIRE) == before)
		cpu_relax();
}

static void spin_without_interrupts(void)
{
	irq_push();
	spin();
	irq_pop();
}

int store_lockcheck(char *value, struct task_struct *task)
{
	static const struct {
		const char *name;
		void (*make)(void);
	} mistakes[] = {
		{ "order", wrong_order },
		{ "mutex-order", wrong_mutex_order },
		{ "class", two_of_a_class },
		{ "twice", release_twice },
		{ "thief", release_of_another },
		{ "again", take_again },
		{ "hold", hold_long },
		{ "sleep", sleep_under_lock },
		{ "schedule", schedule_under_lock },
		{ "leave", leave_with_mutex },
		{ "spin", spin },
		{ "spin-off", spin_without_interrupts },
	};

	(void)task;
	for (u32 i = 0; i < ARRAY_SIZE(mistakes); i++)
		if (strcmp(value, mistakes[i].name) == 0) {
			mistakes[i].make();
			return 0;
		}
	return -EINVAL;
}
