/*
 * What a CPU holds of spinlocks, and a task of mutexes, is known at every moment. When a lock is
 * taken while others are held, each (outer class, inner class) that is new becomes an edge of
 * a graph; before that the graph is searched for a way from inner back to outer. So an order is
 * checked once, when it is first seen, and costs the look at a table afterwards. A sleeping lock
 * must never be taken under a spinlock; that rule makes edges between the two kinds unnecessary.
 *
 * table_lock, a bare word, guards the classes, the graph and the list of mutexes held; nothing is
 * called while it is held. A report is put together under it and printed after it. printk() takes
 * locks itself: if this CPU holds one of those, the report waits until this CPU takes its next lock
 * without them; and while a CPU prints one, what it does is not checked.
 */
#include "x86/lockcheck.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "x86/backtrace.h"
#include "x86/clock.h"
#include "x86/ksyms.h"
#include "x86/printk.h"
#include "x86/spinlock.h"

#define EDGES_MAX 1024
#define SPINS_HELD_MAX 16
#define MUTEXES_HELD_MAX 4096
#define NAMES 512			 /* slots of the hash table by name; a power of two */
#define HOLD_LIMIT (500 * NSEC_PER_MSEC) /* nobody needs a spinlock for so long */
/* A busy host may take the CPU away from a machine in the middle of anything, but hardly so often
 * under the same lock. */
#define HOLD_LIMIT_TIMES 3
#define REPORT_LINES 24

/* The kinds of mistakes of which each class is told once, as bits of lock_class.reported. */
enum mistake {
	MISTAKE_RELEASE = 1u << 0,
	MISTAKE_HOLD = 1u << 1,
	MISTAKE_SLEEP = 1u << 2,
	MISTAKE_LEAVE = 1u << 3,
};

struct held {
	const void *lock;
	const void *task; /* of a mutex: who holds it */
	u64 taken_at;	  /* address of the code */
	u64 since;	  /* monotonic ns; of a spinlock */
	u8 class;
};

/* Own CPU only, with interrupts off. */
struct held_spins {
	u32 count;
	bool reporting; /* what it does now is printing a report */
	struct held locks[SPINS_HELD_MAX];
};

struct name_slot {
	const char *name;
	bool sleeps;
	u8 class;
};

static u32 table_word; /* 1: held. Guards what follows, but for own CPU's words */
static struct lock_class classes[LOCK_CLASSES_MAX];
static u32 class_count;
static struct name_slot names[NAMES]; /* by the name's address */
static u16 edge_of[LOCK_CLASSES_MAX]
		  [LOCK_CLASSES_MAX]; /* [outer][inner]: index in edges + 1, 0: none */
static struct lock_edge edges[EDGES_MAX];
static u32 edge_count;
static bool order_reported[LOCK_CLASSES_MAX][LOCK_CLASSES_MAX];
static struct held mutexes_held[MUTEXES_HELD_MAX]; /* of all tasks, in no order */
static u32 mutexes_count;
static u32 report_count;

static struct held_spins held_spins[CPUS_MAX];

/* One report at a time; what is found wrong while it waits to be printed is found again. */
static struct {
	bool filling, ready;
	u32 cpu; /* who is to print it */
	u32 count;
	char lines[REPORT_LINES][112];
	struct backtrace trace;
} report;

static void table_lock(void)
{
	irq_push();
	while (__atomic_exchange_n(&table_word, 1, __ATOMIC_ACQUIRE))
		cpu_relax();
}

static void table_unlock(void)
{
	__atomic_store_n(&table_word, 0, __ATOMIC_RELEASE);
	irq_pop();
}

static struct held_spins *own_spins(void)
{
	return &held_spins[this_cpu()->id];
}

/* --- classes --- */

/* In a kernel with more than LOCK_CLASSES_MAX names the rest share the last class. */
static u8 class_add(const char *name, bool sleeps)
{
	for (u32 i = 0; i < class_count; i++)
		if (classes[i].sleeps == sleeps && strcmp(classes[i].name, name) == 0)
			return (u8)i;
	if (class_count == LOCK_CLASSES_MAX)
		return LOCK_CLASSES_MAX - 1;
	classes[class_count] = (struct lock_class){ .name = name, .sleeps = sleeps };
	return (u8)class_count++;
}

/* Equal names in different places of the kernel have different addresses and the same class. A slot
 * once filled stays as it is, so it may be read without table_lock. */
static u8 class_of(const char *name, bool sleeps)
{
	u32 at = (u32)(((u64)name >> 2 ^ (u64)name >> 11) + sleeps) % NAMES;

	if (!name)
		name = "(no name)";
	for (u32 tries = 0; tries < NAMES; tries++, at = (at + 1) % NAMES) {
		struct name_slot *slot = &names[at];
		const char *found = __atomic_load_n(&slot->name, __ATOMIC_ACQUIRE);

		if (found == name && slot->sleeps == sleeps)
			return slot->class;
		if (found)
			continue;
		table_lock();
		bool mine = !slot->name;
		if (mine) {
			slot->sleeps = sleeps;
			slot->class = class_add(name, sleeps);
			__atomic_store_n(&slot->name, name, __ATOMIC_RELEASE);
		}
		table_unlock();
		if (mine || (slot->name == name && slot->sleeps == sleeps))
			return slot->class;
	}
	return LOCK_CLASSES_MAX - 1;
}

static const char *kind_of(u8 class)
{
	return classes[class].sleeps ? "mutex" : "spinlock";
}

/* --- reports --- */

static void __printf(1, 2) say(const char *format, ...)
{
	va_list args;

	if (report.count == REPORT_LINES)
		return;
	va_start(args, format);
	vsnprintf(report.lines[report.count++], sizeof(report.lines[0]), format, args);
	va_end(args);
}

static void say_where(const char *what, u64 address)
{
	char name[64] = "?";

	ksyms_describe(address, name, sizeof(name));
	say("  %s at %s", what, name);
}

static void say_held(const struct held *held)
{
	char name[64] = "?";

	ksyms_describe(held->taken_at, name, sizeof(name));
	say("  %s '%s' was taken at %s", kind_of(held->class), classes[held->class].name, name);
}

/* Claims the report; false if there is one already, or this CPU is printing. table_lock held. */
static bool report_begin(void)
{
	if (report.filling || report.ready || own_spins()->reporting)
		return false;
	report.filling = true;
	report.count = 0;
	report_count++;
	return true;
}

static void report_end(void)
{
	char text[64] = "none";

	if (panic_describe_task)
		panic_describe_task(text, sizeof(text));
	say("  CPU %u, task %s", this_cpu()->id, text);
	backtrace_collect(&report.trace, (u64)__builtin_frame_address(0));
	report.cpu = this_cpu()->id;
	report.filling = false;
	report.ready = true;
}

static bool is_printks(const struct held *held)
{
	const char *name = classes[held->class].name;

	return strcmp(name, "log") == 0 || strcmp(name, "printk") == 0 ||
	       strcmp(name, "serial") == 0;
}

static bool may_print(const struct held_spins *own)
{
	for (u32 i = 0; i < own->count; i++)
		if (is_printks(&own->locks[i]))
			return false;
	return true;
}

/* Prints the report that this CPU has made, unless it holds a lock that printk() takes. */
static void report_print(void)
{
	irq_push();
	struct held_spins *own = own_spins();
	if (__atomic_load_n(&report.ready, __ATOMIC_ACQUIRE) && report.cpu == this_cpu()->id &&
	    !own->reporting && may_print(own)) {
		own->reporting = true;
		for (u32 i = 0; i < report.count; i++)
			printk("lockcheck: %s", report.lines[i]);
		backtrace_print(&report.trace, "lockcheck:   ");
		own->reporting = false;
		__atomic_store_n(&report.ready, false, __ATOMIC_RELEASE);
	}
	irq_pop();
}

/* A mistake of one class that has been reported before is not again. table_lock held. */
static bool report_begin_once(u8 class, enum mistake mistake)
{
	if ((classes[class].reported & mistake) || !report_begin())
		return false;
	classes[class].reported |= mistake;
	return true;
}

/* --- the graph --- */

/* A way from one class to another along the edges, breadth first: came_from[] leads back. Both are
 * scratch of whoever holds table_lock. */
static bool find_way(u8 from, u8 to, u8 *came_from)
{
	static u8 queue[LOCK_CLASSES_MAX];
	static bool visited[LOCK_CLASSES_MAX];
	u32 head = 0, tail = 0;

	memset(visited, 0, sizeof(visited));
	visited[from] = true;
	queue[tail++] = from;
	while (head < tail) {
		u8 at = queue[head++];

		if (at == to)
			return true;
		for (u32 next = 0; next < class_count; next++) {
			if (!edge_of[at][next] || visited[next])
				continue;
			visited[next] = true;
			came_from[next] = at;
			queue[tail++] = (u8)next;
		}
	}
	return false;
}

/* The edges of the way that find_way found, last first. */
static void say_way(u8 from, u8 to, const u8 *came_from)
{
	for (u8 inner = to; inner != from; inner = came_from[inner]) {
		const struct lock_edge *edge = &edges[edge_of[came_from[inner]][inner] - 1];
		char outer_at[48] = "?", inner_at[48] = "?";

		ksyms_describe(edge->outer_at, outer_at, sizeof(outer_at));
		ksyms_describe(edge->inner_at, inner_at, sizeof(inner_at));
		say("  '%s' at %s, then '%s' at %s", classes[edge->outer].name, outer_at,
		    classes[edge->inner].name, inner_at);
	}
}

/* held is held and a lock of class inner is about to be taken. table_lock held. */
static void add_edge(const struct held *held, u8 inner, u64 inner_at)
{
	static u8 came_from[LOCK_CLASSES_MAX];
	u8 outer = held->class;

	if (edge_of[outer][inner] || order_reported[outer][inner] || edge_count == EDGES_MAX)
		return;
	if (!find_way(inner, outer, came_from)) {
		edges[edge_count] = (struct lock_edge){ outer, inner, held->taken_at, inner_at };
		edge_of[outer][inner] = (u16)++edge_count;
		return;
	}
	if (!report_begin())
		return;
	order_reported[outer][inner] = true;
	say("wrong order: %s '%s' is taken while '%s' is held", kind_of(inner), classes[inner].name,
	    classes[outer].name);
	say_held(held);
	say_where("now the other is taken", inner_at);
	say(" the other order was seen before:");
	say_way(inner, outer, came_from);
	report_end();
}

/* Two locks of one class, neither of which has a place in an order. table_lock held. */
static void same_class(const struct held *held, u64 again_at)
{
	u8 class = held->class;

	if (order_reported[class][class] || !report_begin())
		return;
	order_reported[class][class] = true;
	say("two of a class: %s '%s' is taken while another '%s' is held", kind_of(class),
	    classes[class].name, classes[class].name);
	say_held(held);
	say_where("now another is taken", again_at);
	report_end();
}

/* Is it known that a lock of this class may be taken while held is? */
static bool pair_is_known(const struct held *held, u8 class, enum lock_how how)
{
	return held->class == class ? how == LOCK_NESTED : edge_of[held->class][class];
}

/* May it be? table_lock held. */
static void check_pair(const struct held *held, u8 class, u64 at)
{
	if (held->class == class)
		same_class(held, at);
	else
		add_edge(held, class, at);
}

/* --- spinlocks --- */

static void __noreturn taken_again(u8 class, u64 first_at, u64 at)
{
	char first[64] = "?", now[64] = "?";

	ksyms_describe(first_at, first, sizeof(first));
	ksyms_describe(at, now, sizeof(now));
	panic("lockcheck: %s '%s' is taken again by its holder at %s; it was taken at %s",
	      kind_of(class), classes[class].name, now, first);
}

void lockcheck_spin_wait(const struct spinlock *lock, enum lock_how how)
{
	struct held_spins *own = own_spins();
	u64 at = (u64)__builtin_return_address(0);
	u8 class = class_of(lock->name, false);

	for (u32 i = 0; i < own->count; i++)
		if (own->locks[i].lock == lock)
			taken_again(class, own->locks[i].taken_at, at);
	for (u32 i = 0; i < own->count && !own->reporting; i++) {
		if (pair_is_known(&own->locks[i], class, how))
			continue;
		table_lock();
		check_pair(&own->locks[i], class, at);
		table_unlock();
	}
	report_print();
}

void lockcheck_spin_taken(const struct spinlock *lock)
{
	struct held_spins *own = own_spins();
	u8 class = class_of(lock->name, false);

	ASSERT(own->count < SPINS_HELD_MAX);
	__atomic_fetch_add(&classes[class].taken, 1, __ATOMIC_RELAXED);
	own->locks[own->count++] = (struct held){ .lock = lock,
						  .taken_at = (u64)__builtin_return_address(0),
						  .since = clock_monotonic(),
						  .class = class };
}

static void not_held(const struct spinlock *lock, u8 class, u64 at)
{
	const struct cpu *owner = lock->owner;

	table_lock();
	if (report_begin_once(class, MISTAKE_RELEASE)) {
		if (owner)
			say("spinlock '%s' of CPU %u is released by CPU %u", lock->name, owner->id,
			    this_cpu()->id);
		else
			say("spinlock '%s' is released, but nobody holds it", lock->name);
		say_where("released", at);
		report_end();
	}
	table_unlock();
	report_print();
}

/* Notes how long it was held, and tells of it the third time that this was too long. */
static void check_duration(const struct held *held, u64 at)
{
	struct lock_class *class = &classes[held->class];
	u64 ns = clock_monotonic() - held->since;

	if (ns <= class->longest && ns < HOLD_LIMIT)
		return;
	table_lock();
	class->longest = max(class->longest, ns);
	if (ns >= HOLD_LIMIT && ++class->long_holdings >= HOLD_LIMIT_TIMES &&
	    report_begin_once(held->class, MISTAKE_HOLD)) {
		say("spinlock '%s' was held for %llu ms", class->name,
		    (unsigned long long)(ns / NSEC_PER_MSEC));
		say_held(held);
		say_where("released", at);
		report_end();
	}
	table_unlock();
}

bool lockcheck_spin_release(const struct spinlock *lock)
{
	struct held_spins *own = own_spins();
	u64 at = (u64)__builtin_return_address(0);
	u32 i = own->count;

	while (i && own->locks[i - 1].lock != lock)
		i--;
	if (i == 0) {
		not_held(lock, class_of(lock->name, false), at);
		return false;
	}
	check_duration(&own->locks[i - 1], at);
	report_print(); /* before it leaves the list, by which may_print judges */
	for (; i < own->count; i++)
		own->locks[i - 1] = own->locks[i];
	own->count--;
	return true;
}

/* --- mutexes --- */

/* The next mutex of the running task from index *at on; NULL: no more. table_lock held. */
static struct held *next_mutex(u32 *at)
{
	for (; *at < mutexes_count; (*at)++)
		if (mutexes_held[*at].task == current)
			return &mutexes_held[(*at)++];
	return NULL;
}

/* A spinlock that this CPU holds is in the way of sleeping. table_lock held. */
static void check_sleep(const char *what, u64 at)
{
	const struct held_spins *own = own_spins();

	if (own->count == 0)
		return;
	const struct held *held = &own->locks[own->count - 1];
	if (report_begin_once(held->class, MISTAKE_SLEEP)) {
		say("%s while spinlock '%s' is held", what, classes[held->class].name);
		say_held(held);
		say_where("now it may sleep", at);
		report_end();
	}
}

void lockcheck_sleep(void)
{
	table_lock();
	check_sleep("schedule() is called", (u64)__builtin_return_address(0));
	table_unlock();
	report_print();
}

void lockcheck_mutex_wait(const struct mutex *mutex, const char *name, enum lock_how how)
{
	u64 at = (u64)__builtin_return_address(0);
	u8 class = class_of(name, true);
	u32 index = 0;

	table_lock();
	check_sleep("a mutex is taken", at);
	for (struct held *held; (held = next_mutex(&index));) {
		if (held->lock == mutex) {
			u64 first_at = held->taken_at;

			table_unlock();
			taken_again(class, first_at, at);
		}
		if (!pair_is_known(held, class, how))
			check_pair(held, class, at);
	}
	table_unlock();
	report_print();
}

void lockcheck_mutex_taken(const struct mutex *mutex, const char *name)
{
	u8 class = class_of(name, true);

	__atomic_fetch_add(&classes[class].taken, 1, __ATOMIC_RELAXED);
	table_lock();
	ASSERT(mutexes_count < MUTEXES_HELD_MAX);
	mutexes_held[mutexes_count++] = (struct held){ .lock = mutex,
						       .task = current,
						       .taken_at = (u64)__builtin_return_address(0),
						       .class = class };
	table_unlock();
}

bool lockcheck_mutex_release(const struct mutex *mutex, const char *name)
{
	u64 at = (u64)__builtin_return_address(0);
	u8 class = class_of(name, true);
	u32 index = 0;
	struct held *held;

	table_lock();
	while ((held = next_mutex(&index)) && held->lock != mutex)
		;
	if (held) {
		*held = mutexes_held[--mutexes_count];
	} else if (report_begin_once(class, MISTAKE_RELEASE)) {
		say("mutex '%s' is released by a task that does not hold it", name);
		say_where("released", at);
		report_end();
	}
	table_unlock();
	report_print();
	return held;
}

/* A mutex that is left behind is forgotten: it stays locked, but this task is done with it. */
void lockcheck_leave(const char *where)
{
	u32 index = 0;
	struct held *held = NULL;

	if (!__atomic_load_n(&mutexes_count, __ATOMIC_RELAXED))
		return;
	table_lock();
	held = next_mutex(&index);
	if (held) {
		if (report_begin_once(held->class, MISTAKE_LEAVE)) {
			say("mutex '%s' is held %s", classes[held->class].name, where);
			say_held(held);
			report_end();
		}
		*held = mutexes_held[--mutexes_count];
	}
	table_unlock();
	report_print();
}

/* --- what was learned --- */

u32 lockcheck_classes(const struct lock_class **array)
{
	*array = classes;
	return __atomic_load_n(&class_count, __ATOMIC_ACQUIRE);
}

u32 lockcheck_edges(const struct lock_edge **array)
{
	*array = edges;
	return __atomic_load_n(&edge_count, __ATOMIC_ACQUIRE);
}

u32 lockcheck_reports(void)
{
	return __atomic_load_n(&report_count, __ATOMIC_RELAXED);
}
