/*
 * ITIMER_REAL is a kernel timer whose callback sends SIGALRM and arms itself again; ITIMER_VIRTUAL
 * and ITIMER_PROF are counted down by the tick that finds the process running in user mode, or at
 * all. The real timer's fields change under tasklist_lock, which its callback takes too, so a
 * setting is never half seen.
 */
#include "proc/itimer.h"
#include "proc/signal.h"
#include <linux/time.h>

static void send(struct task_struct *leader, int sig)
{
	struct siginfo info = { .si_signo = sig, .si_code = SI_KERNEL };

	signal_send_info(leader, sig, &info);
}

static void real_expired(struct timer *timer)
{
	struct itimers *itimers = container_of(timer, struct itimers, real);

	spin_lock(&tasklist_lock);
	if (itimers->pid->task)
		send(itimers->pid->task, SIGALRM);
	if (itimers->real_interval)
		timer_arm(timer, max(timer->expires + itimers->real_interval, clock_monotonic()));
	spin_unlock(&tasklist_lock);
}

static struct itimer_setting real_setting(const struct itimers *itimers)
{
	struct itimer_setting setting = { .interval = itimers->real_interval };

	if (itimers->real.cpu) {
		u64 now = clock_monotonic();

		setting.value = itimers->real.expires > now ? itimers->real.expires - now : 1;
	}
	return setting;
}

struct itimer_setting itimer_get(int kind)
{
	struct itimers *itimers = &current->signal->itimers;

	spin_lock(&tasklist_lock);
	struct itimer_setting setting =
		kind == ITIMER_REAL ? real_setting(itimers) : itimers->cpu[kind - 1];
	spin_unlock(&tasklist_lock);
	return setting;
}

struct itimer_setting itimer_set(int kind, struct itimer_setting setting)
{
	struct itimers *itimers = &current->signal->itimers;
	struct itimer_setting old = itimer_get(kind);
	u64 now = clock_monotonic();

	if (kind == ITIMER_REAL)
		/* waits for a callback under way, so not under its lock */
		timer_disarm(&itimers->real);
	spin_lock(&tasklist_lock);
	if (kind != ITIMER_REAL) {
		itimers->cpu[kind - 1] = setting;
	} else {
		itimers->real_interval = setting.interval;
		if (!itimers->pid) {
			itimers->pid = pid_get(current->leader->pid_struct);
			timer_init(&itimers->real, real_expired);
		}
		if (setting.value)
			timer_arm(&itimers->real, setting.value < CLOCK_NEVER - now
							  ? now + setting.value
							  : CLOCK_NEVER);
	}
	spin_unlock(&tasklist_lock);
	return old;
}

static void count_down(struct itimer_setting *timer, u64 ns, int sig)
{
	if (timer->value == 0)
		return;
	timer->value = timer->value > ns ? timer->value - ns : 0;
	if (timer->value)
		return;
	timer->value = timer->interval;
	spin_lock(&tasklist_lock);
	send(current->leader, sig);
	spin_unlock(&tasklist_lock);
}

void itimer_tick(bool user_mode, u64 ns)
{
	if (!current->signal)
		return;
	struct itimers *itimers = &current->signal->itimers;
	if (user_mode)
		count_down(&itimers->cpu[0], ns, SIGVTALRM);
	count_down(&itimers->cpu[1], ns, SIGPROF);
}

void itimers_end(struct signal_struct *signal)
{
	timer_disarm(&signal->itimers.real);
	pid_put(signal->itimers.pid);
}
