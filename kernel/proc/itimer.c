/*
 * ITIMER_REAL is a kernel timer whose callback sends SIGALRM; it runs again only when that signal
 * is taken, for the next multiple of its interval, so that a short interval cannot keep the machine
 * in interrupts. ITIMER_VIRTUAL and ITIMER_PROF are counted down by the tick that finds the process
 * running in user mode, or at all. sighand->lock guards them all.
 */
#include "proc/itimer.h"
#include "proc/signal.h"
#include <linux/time.h>

/* Between expiries that nobody wants to hear of, at least. */
#define IGNORED_PERIOD (10 * NSEC_PER_MSEC)

static void send(struct task_struct *leader, int sig)
{
	struct siginfo info = { .si_signo = sig, .si_code = SI_KERNEL };

	signal_send_info(leader, sig, &info);
}

/* The first multiple of the interval, counted from the last expiry, that lies after `after`. */
static u64 next_expiry(const struct itimers *itimers, u64 after)
{
	u64 expires = itimers->real.expires, interval = itimers->real_interval;

	return expires + ((max(after, expires) - expires) / interval + 1) * interval;
}

static void real_expired(struct timer *timer)
{
	struct itimers *itimers = container_of(timer, struct itimers, real);

	spin_lock(&tasklist_lock);
	struct task_struct *task = itimers->pid->task;
	if (task && task->sighand) {
		spin_lock(&task->sighand->lock);
		if (itimers->real_interval && signal_ignored(task, SIGALRM))
			timer_arm(timer, next_expiry(itimers, clock_monotonic() + IGNORED_PERIOD));
		else
			itimers->real_resting = itimers->real_interval != 0;
		spin_unlock(&task->sighand->lock);
		send(task, SIGALRM);
	}
	spin_unlock(&tasklist_lock);
}

void itimer_taken(struct itimers *itimers)
{
	if (!itimers->real_resting)
		return;
	itimers->real_resting = false;
	timer_arm(&itimers->real, next_expiry(itimers, clock_monotonic()));
}

static struct itimer_setting real_setting(const struct itimers *itimers)
{
	struct itimer_setting setting = { .interval = itimers->real_interval };
	u64 now = clock_monotonic();

	if (itimers->real_resting)
		setting.value = next_expiry(itimers, now) - now;
	else if (itimers->real.cpu)
		setting.value = itimers->real.expires > now ? itimers->real.expires - now : 1;
	return setting;
}

/* sighand->lock held. */
static struct itimer_setting setting_of(const struct itimers *itimers, int kind)
{
	return kind == ITIMER_REAL ? real_setting(itimers) : itimers->cpu[kind - 1];
}

struct itimer_setting itimer_get(int kind)
{
	struct itimers *itimers = &current->signal->itimers;

	spin_lock(&current->sighand->lock);
	struct itimer_setting setting = setting_of(itimers, kind);
	spin_unlock(&current->sighand->lock);
	return setting;
}

static void set_real(struct itimers *itimers, struct itimer_setting setting)
{
	u64 now = clock_monotonic();

	itimers->real_interval = setting.interval;
	itimers->real_resting = false;
	if (!itimers->pid) {
		itimers->pid = pid_get(current->leader->pid_struct);
		timer_init(&itimers->real, real_expired);
	}
	if (setting.value)
		timer_arm(&itimers->real,
			  setting.value < CLOCK_NEVER - now ? now + setting.value : CLOCK_NEVER);
}

/* Disarming and the new setting are one step, or another thread that takes the last signal just
 * then would arm the timer between the two. */
static struct itimer_setting change_real(struct itimers *itimers, struct itimer_setting setting)
{
	struct spinlock *lock = &current->sighand->lock;

	spin_lock(lock);
	struct itimer_setting old = real_setting(itimers);
	while (!timer_try_disarm(&itimers->real)) {
		spin_unlock(lock); /* the callback needs it */
		cpu_relax();
		spin_lock(lock);
		old = real_setting(itimers);
	}
	set_real(itimers, setting);
	spin_unlock(lock);
	return old;
}

struct itimer_setting itimer_set(int kind, struct itimer_setting setting)
{
	struct itimers *itimers = &current->signal->itimers;
	struct itimer_setting old;

	if (kind == ITIMER_REAL)
		return change_real(itimers, setting);
	spin_lock(&current->sighand->lock);
	old = itimers->cpu[kind - 1];
	itimers->cpu[kind - 1] = setting;
	spin_unlock(&current->sighand->lock);
	return old;
}

/* True if it has run out. */
static bool count_down(struct itimer_setting *timer, u64 ns)
{
	if (timer->value > ns) {
		timer->value -= ns;
		return false;
	}
	bool expired = timer->value != 0;
	timer->value = expired ? timer->interval : 0;
	return expired;
}

void itimer_tick(bool user_mode, u64 ns)
{
	if (!current->signal || current->exiting)
		return;
	struct itimers *itimers = &current->signal->itimers;
	if (!itimers->cpu[0].value && !itimers->cpu[1].value) /* as a rule */
		return;
	spin_lock(&tasklist_lock);
	spin_lock(&current->sighand->lock);
	bool virtual = user_mode && count_down(&itimers->cpu[0], ns);
	bool prof = count_down(&itimers->cpu[1], ns);
	spin_unlock(&current->sighand->lock);
	if (virtual)
		send(current->leader, SIGVTALRM);
	if (prof)
		send(current->leader, SIGPROF);
	spin_unlock(&tasklist_lock);
}

void itimers_end(struct signal_struct *signal)
{
	timer_disarm(&signal->itimers.real);
	pid_put(signal->itimers.pid);
}
