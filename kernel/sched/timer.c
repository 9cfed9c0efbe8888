/* Timer trees, one per CPU, each with its lock; see timer.h. A callback runs with interrupts off
 * and no lock held. */
#include "sched/timer.h"
#include "x86/printk.h"
#include "x86/spinlock.h"

RB_HEAD(timer_tree, timer);

struct timer_base {
	struct spinlock lock; /* guards the tree and the times */
	struct timer_tree tree;
	struct timer *running; /* whose callback is being called */
	u64 tick;	       /* the running task's */
	u64 programmed;	       /* when the next interrupt comes, or earlier; CLOCK_NEVER: none */
};

static struct timer_base bases[CPUS_MAX] = {
	[0 ... CPUS_MAX -
	 1] = { .lock = SPINLOCK_INIT("timers"), .tick = CLOCK_NEVER, .programmed = CLOCK_NEVER }
};

static int compare(const struct timer *a, const struct timer *b)
{
	if (a->expires != b->expires)
		return a->expires < b->expires ? -1 : 1;
	return a < b ? -1 : a > b; /* equal times are no conflict */
}

RB_GENERATE_STATIC(timer_tree, timer, node, compare)

/* An interrupt that comes too early does no harm, and comes once: the hardware is left alone then,
 * which is dear to write to in a virtual machine, and all of whose CPUs may have to queue up for
 * that. So tasks that hand the CPU to and fro cost one interrupt in a tick at most. */
static void program(struct timer_base *base)
{
	struct timer *first = RB_MIN(timer_tree, &base->tree);
	u64 when = first ? min(first->expires, base->tick) : base->tick;

	if (when >= base->programmed)
		return;
	base->programmed = when;
	clock_program(when);
}

void timer_init(struct timer *timer, void (*fn)(struct timer *timer))
{
	timer->fn = fn;
	timer->cpu = NULL;
}

/* Takes it out of its tree: false if it was in none. Until the tree's lock is held the timer may
 * expire, and be armed again elsewhere. */
static bool detach(struct timer *timer)
{
	bool armed = false;
	struct cpu *cpu;

	while (!armed && (cpu = __atomic_load_n(&timer->cpu, __ATOMIC_ACQUIRE))) {
		struct timer_base *base = &bases[cpu->id];

		spin_lock(&base->lock);
		armed = timer->cpu == cpu;
		if (armed) {
			RB_REMOVE(timer_tree, &base->tree, timer);
			timer->cpu = NULL;
		}
		spin_unlock(&base->lock);
	}
	return armed;
}

void timer_arm(struct timer *timer, u64 expires)
{
	detach(timer);
	irq_push();
	struct timer_base *base = &bases[this_cpu()->id];
	spin_lock(&base->lock);
	timer->expires = expires;
	timer->cpu = this_cpu();
	RB_INSERT(timer_tree, &base->tree, timer);
	if (RB_MIN(timer_tree, &base->tree) == timer)
		program(base);
	spin_unlock(&base->lock);
	irq_pop();
}

/* Is another CPU in the timer's callback? */
static bool is_in_callback(const struct timer *timer)
{
	for (u32 i = 0; i < cpu_count; i++)
		if (&cpus[i] != this_cpu() &&
		    __atomic_load_n(&bases[i].running, __ATOMIC_ACQUIRE) == timer)
			return true;
	return false;
}

bool timer_disarm(struct timer *timer)
{
	bool armed = detach(timer);

	while (is_in_callback(timer)) {
		cpu_serve_requests();
		cpu_relax();
	}
	return armed;
}

bool timer_try_disarm(struct timer *timer)
{
	if (is_in_callback(timer))
		return false;
	detach(timer);
	return !is_in_callback(timer); /* it may have expired just before */
}

void timer_interrupt(void)
{
	struct timer_base *base = &bases[this_cpu()->id];
	u64 now = clock_monotonic();

	spin_lock(&base->lock);
	base->programmed = CLOCK_NEVER;
	for (struct timer *timer;
	     (timer = RB_MIN(timer_tree, &base->tree)) && timer->expires <= now;) {
		RB_REMOVE(timer_tree, &base->tree, timer);
		/* In this order: who finds it disarmed then finds its callback under way. */
		__atomic_store_n(&base->running, timer, __ATOMIC_RELAXED);
		__atomic_store_n(&timer->cpu, NULL, __ATOMIC_RELEASE);
		spin_unlock(&base->lock);
		timer->fn(timer);
		spin_lock(&base->lock);
		__atomic_store_n(&base->running, NULL, __ATOMIC_RELEASE);
	}
	program(base);
	spin_unlock(&base->lock);
}

void timer_set_tick(u64 when)
{
	struct timer_base *base = &bases[this_cpu()->id];

	spin_lock(&base->lock);
	base->tick = when;
	program(base);
	spin_unlock(&base->lock);
}

u64 timer_tick(void)
{
	return bases[this_cpu()->id].tick;
}
