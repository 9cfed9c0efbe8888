/*
 * Timers by number in a red-black tree that the process gets with its first one. The tree belongs
 * to timers->lock, a sleeping lock that every call holds; a timer's own state is guarded by
 * sighand->lock, because expiry (an interrupt) and delivery (sigpending_take) change it too. Each
 * timer has the queue entry of its signal ready from the beginning, so expiry needs no memory.
 *
 * Life of a periodic one: armed - expired, its signal pending, resting - signal taken, overruns
 * counted, armed again for the next multiple of its period.
 */
#include "proc/posix_timer.h"
#include "lib/tree.h"
#include "mm/slab.h"
#include "proc/thread.h"
#include "sched/mutex.h"
#include <asm/errno.h>
#include <linux/time.h>

/* Between expiries that nobody wants to hear of (the signal is ignored), at least. */
#define IGNORED_PERIOD (10 * NSEC_PER_MSEC)

struct posix_timer {
	RB_ENTRY(posix_timer) node;    /* in timers->tree; timers->lock */
	int id, clock;		       /* fixed, as are the next four */
	struct pid *target;	       /* process or thread that is told, held; NULL: nobody */
	struct signal_struct *process; /* whose it is; it outlives its timers */
	struct pid *clock_of;	       /* whose CPU time it counts, held; NULL: nobody's */
	bool to_thread;
	struct timer timer;	   /* runs for the clocks of passing time */
	struct list_head cpu_link; /* in timers->cpu while armed on a clock of CPU time */
	struct sigqueue *entry;	   /* its signal; NULL if nobody is told */
	u64 expires;		   /* monotonic ns, or ns of CPU time; 0: disarmed */
	u64 interval;		   /* ns; 0: once */
	bool resting;		   /* to be armed again when the signal is taken */
	int overrun;		   /* of the signal taken last */
};

RB_HEAD(timer_tree, posix_timer);

struct posix_timers {
	struct mutex lock; /* guards tree and next_id */
	struct timer_tree tree;
	int next_id;
	struct list_head cpu; /* armed on clocks of CPU time; sighand->lock */
};

static struct kmem_cache timer_cache;

static int compare(const struct posix_timer *a, const struct posix_timer *b)
{
	return a->id < b->id ? -1 : a->id > b->id;
}

TREE_GENERATE(timer_tree, posix_timer, node, compare)

void posix_timer_module_init(void)
{
	kmem_cache_init(&timer_cache, "posix_timer", sizeof(struct posix_timer), 8);
}

static bool counts_cpu(const struct posix_timer *timer)
{
	return timer->clock_of != NULL;
}

/* --- with sighand->lock held --- */

/* What its clock says; 0 for that of a dead thread. */
static u64 now_of(const struct posix_timer *timer)
{
	const struct task_struct *task = NULL;

	if (!counts_cpu(timer))
		return clock_monotonic();
	if (timer->clock == CLOCK_PROCESS_CPUTIME_ID)
		return process_runtime(timer->process);
	while ((task = thread_next(timer->process, task)))
		if (task->pid_struct == timer->clock_of)
			return task_runtime(task);
	return 0;
}

static void arm(struct posix_timer *timer)
{
	if (!timer->target)
		return; /* its time is only looked at */
	if (counts_cpu(timer))
		list_add_tail(&timer->process->posix_timers->cpu, &timer->cpu_link);
	else
		timer_arm(&timer->timer, timer->expires);
}

/* Moves expires past now by whole periods: how many were missed. */
static int advance(struct posix_timer *timer, u64 now)
{
	u64 missed = now > timer->expires ? (now - timer->expires) / timer->interval : 0;

	timer->expires += (missed + 1) * timer->interval;
	return (int)min(missed, (u64)INT32_MAX);
}

/* The signal is about to be delivered (info is a copy of the entry's) or was dropped (NULL). */
static void signal_taken(struct sigqueue *entry, struct siginfo *info)
{
	struct posix_timer *timer = entry->owner;
	int overrun = entry->info.si_overrun;

	entry->info.si_overrun = 0;
	if (timer->resting) {
		timer->resting = false;
		overrun += advance(timer, now_of(timer));
		arm(timer);
	}
	if (info) {
		info->si_overrun = overrun;
		timer->overrun = overrun;
	}
}

static void expire(struct posix_timer *timer, struct task_struct *task)
{
	timer->resting = timer->interval != 0;
	if (!timer->resting)
		timer->expires = 0;
	if (signal_send_entry(task, timer->entry, !timer->to_thread))
		return;
	if (timer->resting) { /* ignored: nobody will take it */
		timer->resting = false;
		advance(timer, now_of(timer));
		timer->expires = max(timer->expires, now_of(timer) + IGNORED_PERIOD);
		arm(timer);
	}
}

/* ns until it expires next, and 0 if it will not. */
static u64 remaining(const struct posix_timer *timer)
{
	u64 now = now_of(timer);

	if (timer->expires == 0)
		return 0;
	if (now < timer->expires)
		return timer->expires - now;
	if (timer->interval && (timer->resting || !timer->target))
		return timer->interval - (now - timer->expires) % timer->interval;
	return timer->target ? 1 : 0; /* it is about to */
}

/* --- expiry, in interrupts --- */

/* Who is told; NULL if that one is dead, though a leader may still be there as a zombie whose queue
 * nobody would empty. tasklist_lock held. */
static struct task_struct *receiver_of(const struct posix_timer *timer)
{
	struct task_struct *task = timer->target->task;
	bool dead = !task || !task->sighand || (timer->to_thread && (task->state & EXIT_ZOMBIE));

	return dead ? NULL : task;
}

static void timer_expired(struct timer *expired)
{
	struct posix_timer *timer = container_of(expired, struct posix_timer, timer);

	spin_lock(&tasklist_lock);
	struct task_struct *task = receiver_of(timer);
	if (task) {
		spin_lock(&task->sighand->lock);
		expire(timer, task);
		spin_unlock(&task->sighand->lock);
	}
	spin_unlock(&tasklist_lock);
}

void posix_timers_tick(void)
{
	struct posix_timers *timers = current->signal ? current->signal->posix_timers : NULL;
	struct posix_timer *timer, *next;

	if (!timers || current->exiting || list_empty(&timers->cpu))
		return;
	spin_lock(&tasklist_lock);
	spin_lock(&current->sighand->lock);
	list_for_each_safe(timer, next, &timers->cpu, cpu_link) {
		struct task_struct *task = receiver_of(timer);

		if (task && now_of(timer) >= timer->expires) {
			list_del(&timer->cpu_link);
			expire(timer, task);
		}
	}
	spin_unlock(&current->sighand->lock);
	spin_unlock(&tasklist_lock);
}

/* --- the calls --- */

/* The running process's timers, made if need be; NULL: no memory. */
static struct posix_timers *timers_of_current(void)
{
	struct posix_timers *none = NULL, *timers = current->signal->posix_timers;

	if (timers)
		return timers;
	timers = kzalloc(sizeof(*timers));
	if (!timers)
		return NULL;
	mutex_init(&timers->lock, "timers");
	list_init(&timers->cpu);
	if (__atomic_compare_exchange_n(&current->signal->posix_timers, &none, timers, false,
					__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return timers;
	kfree(timers); /* another thread was faster */
	return none;
}

/* With timers->lock held for the caller to release if the timer is found; else NULL. */
static struct posix_timer *find_and_lock(int id, struct posix_timers **timers)
{
	struct posix_timer wanted = { .id = id }, *timer;

	*timers = current->signal->posix_timers;
	if (!*timers)
		return NULL;
	mutex_lock(&(*timers)->lock);
	timer = RB_FIND(timer_tree, &(*timers)->tree, &wanted);
	if (!timer)
		mutex_unlock(&(*timers)->lock);
	return timer;
}

static int check_clock(int clock)
{
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_MONOTONIC:
	case CLOCK_BOOTTIME:
	case CLOCK_TAI:
	case CLOCK_PROCESS_CPUTIME_ID:
	case CLOCK_THREAD_CPUTIME_ID:
		return 0;
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_MONOTONIC_COARSE:
		return -EOPNOTSUPP;
	}
	return -EINVAL;
}

/* Whom the event names: the process, one of its threads, or nobody. 0, -EINVAL. */
static int set_target(struct posix_timer *timer, const struct sigevent *event)
{
	bool signals = event->sigev_notify != SIGEV_NONE;
	int error = 0;

	if (event->sigev_notify != SIGEV_NONE && event->sigev_notify != SIGEV_SIGNAL &&
	    event->sigev_notify != SIGEV_THREAD && event->sigev_notify != SIGEV_THREAD_ID)
		return -EINVAL;
	if (signals && (event->sigev_signo < 1 || event->sigev_signo > SIGNAL_COUNT))
		return -EINVAL;
	if (event->sigev_notify == SIGEV_THREAD_ID) {
		spin_lock(&tasklist_lock);
		struct task_struct *task = task_find(event->sigev_notify_thread_id);
		if (task && task->signal == current->signal)
			timer->target = pid_get(task->pid_struct);
		else
			error = -EINVAL;
		spin_unlock(&tasklist_lock);
		timer->to_thread = true;
	} else if (signals) {
		timer->target = pid_get(current->leader->pid_struct);
	}
	return error;
}

static void timer_free(struct posix_timer *timer)
{
	if (timer->entry)
		sigqueue_free(timer->entry);
	pid_put(timer->target);
	pid_put(timer->clock_of);
	kmem_cache_free(&timer_cache, timer);
}

/* A timer of no number yet, or ERR_PTR. */
static struct posix_timer *timer_alloc(int clock, const struct sigevent *event)
{
	struct posix_timer *timer = kmem_cache_zalloc(&timer_cache);

	if (!timer)
		return ERR_PTR(-ENOMEM);
	timer->clock = clock;
	timer_init(&timer->timer, timer_expired);
	list_init(&timer->cpu_link);
	if (clock == CLOCK_PROCESS_CPUTIME_ID || clock == CLOCK_THREAD_CPUTIME_ID)
		timer->clock_of = pid_get(current->pid_struct);
	timer->process = current->signal;
	int error = set_target(timer, event);
	if (!error && timer->target) {
		struct siginfo info = { .si_signo = event->sigev_signo, .si_code = SI_TIMER };

		info.si_value = event->sigev_value;
		timer->entry = sigqueue_new(current, &info);
		error = timer->entry ? 0 : -EAGAIN;
	}
	if (error) {
		timer_free(timer);
		return ERR_PTR(error);
	}
	if (timer->entry) {
		timer->entry->taken = signal_taken;
		timer->entry->owner = timer;
	}
	return timer;
}

int posix_timer_create(int clock, const struct sigevent *event)
{
	static const struct sigevent alarm = { .sigev_notify = SIGEV_SIGNAL,
					       .sigev_signo = SIGALRM };
	int error = check_clock(clock);
	struct posix_timers *timers = error ? NULL : timers_of_current();

	if (!timers)
		return error ? error : -ENOMEM;
	struct posix_timer *timer = timer_alloc(clock, event ? event : &alarm);
	if (IS_ERR(timer))
		return (int)PTR_ERR(timer);
	mutex_lock(&timers->lock);
	do { /* numbers rise and, after two thousand million, start again */
		timer->id = timers->next_id;
		timers->next_id = timer->id == INT32_MAX ? 0 : timer->id + 1;
	} while (RB_INSERT(timer_tree, &timers->tree, timer));
	if (timer->entry)
		timer->entry->info.si_tid = timer->id;
	if (!event)
		timer->entry->info.si_value.sival_int = timer->id;
	mutex_unlock(&timers->lock);
	return timer->id;
}

/* It neither runs nor will be armed again; a signal that it has sent stays. */
static void stop(struct posix_timer *timer)
{
	spin_lock(&current->sighand->lock);
	timer->interval = 0;
	timer->expires = 0;
	timer->resting = false;
	list_del(&timer->cpu_link);
	spin_unlock(&current->sighand->lock);
	timer_disarm(&timer->timer);
}

int posix_timer_set(int id, bool absolute, struct itimer_setting setting,
		    struct itimer_setting *old)
{
	struct posix_timers *timers;
	struct posix_timer *timer = find_and_lock(id, &timers);

	if (!timer)
		return -EINVAL;
	spin_lock(&current->sighand->lock);
	*old = (struct itimer_setting){ remaining(timer), timer->interval };
	spin_unlock(&current->sighand->lock);
	stop(timer);
	if (setting.value) {
		spin_lock(&current->sighand->lock);
		u64 now = now_of(timer), wall = clock_realtime(), value = setting.value;

		if (absolute && (timer->clock == CLOCK_REALTIME || timer->clock == CLOCK_TAI))
			value = value > wall ? now + min(value - wall, CLOCK_NEVER - now) : now;
		else if (!absolute)
			value = now + min(value, CLOCK_NEVER - now);
		timer->overrun = 0;
		timer->interval = setting.interval;
		timer->expires = max(value, (u64)1);
		arm(timer);
		spin_unlock(&current->sighand->lock);
	}
	mutex_unlock(&timers->lock);
	return 0;
}

int posix_timer_get(int id, struct itimer_setting *setting)
{
	struct posix_timers *timers;
	struct posix_timer *timer = find_and_lock(id, &timers);

	if (!timer)
		return -EINVAL;
	spin_lock(&current->sighand->lock);
	*setting = (struct itimer_setting){ remaining(timer), timer->interval };
	spin_unlock(&current->sighand->lock);
	mutex_unlock(&timers->lock);
	return 0;
}

int posix_timer_overrun(int id)
{
	struct posix_timers *timers;
	struct posix_timer *timer = find_and_lock(id, &timers);

	if (!timer)
		return -EINVAL;
	int overrun = timer->overrun;
	mutex_unlock(&timers->lock);
	return overrun;
}

/* timers->lock held. A signal that is pending stays, as one that anybody may have sent. */
static void delete_locked(struct posix_timers *timers, struct posix_timer *timer)
{
	stop(timer);
	RB_REMOVE(timer_tree, &timers->tree, timer);
	spin_lock(&current->sighand->lock);
	if (timer->entry && !list_empty(&timer->entry->link)) {
		timer->entry->taken = NULL;
		timer->entry = NULL;
	}
	spin_unlock(&current->sighand->lock);
	timer_free(timer);
}

int posix_timer_delete(int id)
{
	struct posix_timers *timers;
	struct posix_timer *timer = find_and_lock(id, &timers);

	if (!timer)
		return -EINVAL;
	delete_locked(timers, timer);
	mutex_unlock(&timers->lock);
	return 0;
}

u64 posix_timers_signals(const struct signal_struct *signal)
{
	struct posix_timers *timers = signal->posix_timers;
	struct posix_timer *timer;
	u64 count = 0;

	if (timers)
		RB_FOREACH(timer, timer_tree, &timers->tree)
	count += timer->entry != NULL;
	return count;
}

void posix_timers_end(struct signal_struct *signal)
{
	struct posix_timers *timers = signal->posix_timers;
	struct posix_timer *timer;

	if (!timers)
		return;
	mutex_lock(&timers->lock);
	while ((timer = RB_MIN(timer_tree, &timers->tree)))
		delete_locked(timers, timer);
	mutex_unlock(&timers->lock);
	signal->posix_timers = NULL;
	kfree(timers);
}
