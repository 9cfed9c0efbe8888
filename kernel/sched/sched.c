/*
 * Round-robin scheduling. Each CPU has a run queue, a list of the tasks that could run: the first
 * is picked, one whose time slice is over or who yields goes to the end, so picking is O(1) and
 * everyone waits the same number of turns. A task that slept with some of its slice left goes
 * before those who used theirs up, and has what was left: so a shell answers at once beside any
 * number of hogs, and gains nothing by it. The kernel itself is not preempted; a task gives the CPU
 * away in schedule(), which it calls itself or on its way back to user mode when TIF_NEED_RESCHED
 * is set.
 *
 * The run queue's lock is taken before a task's state is looked at and held until the other task
 * runs on its own stack (finish_switch), so a waker sees a task either still running or wholly
 * switched out, never between. Two run queues are locked in the order of their CPUs.
 *
 * A task that wakes or begins goes to the CPU where it ran last if that one is idle, else to one
 * that is idle, else to the last all the same. Nothing waits while a CPU that could run it idles:
 *
 *   A CPU sets its bit in idle_cpus before it looks at the other queues for something to take, and
 *   sleeps only if there is nothing. Whoever puts a task where it must wait does so before looking
 *   at idle_cpus, and prods one that could take it. With a full fence on either side, at least one
 *   of the two sees the other.
 *
 *   The exception: a task whose waker is about to give its own CPU away (a forking parent, who as
 *   a rule waits for the child; one that ends; the writer of a pipe) is put into the waker's queue,
 *   because to wake a halted CPU takes longer than that. If the waker goes on all the same, a timer
 *   prods an idle CPU (give_away); if it switches to another task, it does so itself.
 *
 *   A prod sets TIF_NEED_RESCHED of the idle task, then sends an interrupt. The idle loop looks at
 *   the flag with interrupts off and turns them on in the instruction before it halts, so that the
 *   interrupt ends the halt if it did not come before the look.
 *
 * Where there are more tasks than CPUs, a CPU whose task used up its slice takes the first waiting
 * one from a queue that is longer than its own: the odd task goes round, and all advance alike.
 */
#include "sched/task.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mm/kmap.h"
#include "mm/mm.h"
#include "mm/slab.h"
#include "sched/mutex.h"
#include "sched/timer.h"
#include "x86/apic.h"
#include "x86/fpu.h"
#include "x86/printk.h"
#include "x86/trapframe.h"

#define TIME_SLICE (10 * NSEC_PER_MSEC)
#define TICK (10 * NSEC_PER_MSEC)
#define PATIENCE (500 * NSEC_PER_USEC) /* with one that should give its CPU away */

struct runqueue {
	struct spinlock lock;	/* guards all below and the scheduling fields of its tasks */
	struct list_head woken; /* slept with some of their slice left; before all in queue */
	struct list_head queue;
	u64 waiting;	     /* tasks in the two lists; others read it without the lock */
	u64 uninterruptible; /* tasks asleep in that state, for the load average */
	u64 switches;
	u64 user_ticks, system_ticks;
	bool paused;		/* it has come to rest for sched_pause_others() */
	struct timer give_away; /* for a task that this CPU should have run by then */
	struct task_struct *idle;
	struct task_struct idle_task;
};

struct task_struct *switch_stacks(struct task_struct *prev, struct task_struct *next);

static struct runqueue runqueues[CPUS_MAX];
static struct cpu *pausing; /* the CPU that all others rest for; atomic */
static struct mutex pause_lock = MUTEX_INIT(pause_lock, "pause"); /* held by who may set it */
static u64 idle_cpus; /* atomic: a bit for each CPU that has nothing to run, and was not prodded */
void (*sched_dead)(struct task_struct *task);
void (*sched_first_step)(void);

static void give_away(struct timer *timer);

static void describe_task(char *buf, size_t size)
{
	snprintf(buf, size, "%d (%s)", current->pid, current->comm);
}

void sched_init(void)
{
	struct cpu *cpu = this_cpu();
	struct runqueue *rq = &runqueues[cpu->id];
	struct task_struct *idle = &rq->idle_task;

	spin_init(&rq->lock, "run queue");
	list_init(&rq->woken);
	list_init(&rq->queue);
	timer_init(&rq->give_away, give_away);
	rq->idle = idle;
	strlcpy(idle->comm, "idle", sizeof(idle->comm));
	idle->cpu = cpu;
	sched_set_nice(idle, 0);
	idle->cred = idle->real_cred = &boot_cred;
	idle->on_cpu = true;
	list_init(&idle->run_link);
	list_init(&idle->children);
	list_init(&idle->zombies);
	list_init(&idle->pending.queue);
	cpu->runqueue = rq;
	cpu->task = idle;
	panic_describe_task = describe_task;
}

/* As Linux weighs them, a step of nice is a quarter more or a fifth less of the CPU. */
void sched_set_nice(struct task_struct *task, int nice)
{
	u64 slice = TIME_SLICE;

	for (int i = 0; i < nice; i++)
		slice = slice * 4 / 5;
	for (int i = 0; i > nice; i--)
		slice = slice * 5 / 4;
	task->nice = nice;
	task->slice = slice;
}

/* Locks the run queue of the CPU that task belongs to, which may change until the lock is held. */
static struct runqueue *lock_runqueue_of(const struct task_struct *task)
{
	while (true) {
		struct runqueue *rq = task->cpu->runqueue;

		spin_lock(&rq->lock);
		if (task->cpu->runqueue == rq)
			return rq;
		spin_unlock(&rq->lock);
	}
}

static u64 cpu_bit(const struct cpu *cpu)
{
	return 1ull << cpu->id;
}

static bool may_run_on(const struct task_struct *task, const struct cpu *cpu)
{
	return task->affinity & cpu_bit(cpu);
}

/* Of two run queues, perhaps the same, the lower first. */
static void lock_both(struct runqueue *one, struct runqueue *other)
{
	spin_lock(&min(one, other)->lock);
	if (one != other)
		spin_lock_nested(&max(one, other)->lock);
}

static void unlock_both(struct runqueue *one, struct runqueue *other)
{
	if (one != other)
		spin_unlock(&other->lock);
	spin_unlock(&one->lock);
}

/* Is the running CPU about to have nothing to do, so that task could run there at once? */
static bool is_free_soon(const struct task_struct *task, bool waker_sleeps)
{
	const struct cpu *cpu = this_cpu();

	return (waker_sleeps || current->exiting) && may_run_on(task, cpu) &&
	       cpu->runqueue->waiting == 0;
}

/* Where task had best run. */
static struct cpu *choose_cpu(const struct task_struct *task, bool waker_sleeps)
{
	if (cpu_count == 1)
		return task->cpu;
	if (is_free_soon(task, waker_sleeps))
		return this_cpu();
	u64 allowed = task->affinity & cpus_online();
	u64 idle = __atomic_load_n(&idle_cpus, __ATOMIC_RELAXED) & allowed;
	u64 best = idle ? idle : allowed;
	return best & cpu_bit(task->cpu) ? task->cpu : &cpus[__builtin_ctzll(best)];
}

/* Chooses a CPU for task and locks its run queue and the one that task belongs to. */
static struct cpu *choose_and_lock(const struct task_struct *task, bool waker_sleeps)
{
	while (true) {
		struct cpu *from = task->cpu, *to = choose_cpu(task, waker_sleeps);

		lock_both(from->runqueue, to->runqueue);
		if (task->cpu == from && may_run_on(task, to))
			return to;
		unlock_both(from->runqueue, to->runqueue);
	}
}

static void enqueue(struct runqueue *rq, struct list_head *queue, struct task_struct *task)
{
	ASSERT(spin_held(&rq->lock) && !task->on_queue);
	task->on_queue = true;
	list_add_tail(queue, &task->run_link);
	rq->waiting++;
}

static void dequeue(struct runqueue *rq, struct task_struct *task)
{
	list_del(&task->run_link);
	task->on_queue = false;
	rq->waiting--;
}

void sched_kick(const struct task_struct *task)
{
	const struct cpu *cpu = task->cpu;

	if (cpu != this_cpu())
		lapic_send_ipi(cpu->id, VECTOR_RESCHEDULE);
}

/* Makes an idle CPU look for something to run. */
static void prod(const struct cpu *cpu)
{
	__atomic_fetch_and(&idle_cpus, ~cpu_bit(cpu), __ATOMIC_SEQ_CST);
	task_set_tif(cpu->runqueue->idle, TIF_NEED_RESCHED);
}

/* Task waits in a queue of cpu: an idle CPU that could take it is made to look. */
static void offer(const struct task_struct *task, const struct cpu *cpu)
{
	if (cpu_count == 1)
		return;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	u64 able = __atomic_load_n(&idle_cpus, __ATOMIC_RELAXED) & task->affinity & ~cpu_bit(cpu);
	if (able)
		prod(&cpus[__builtin_ctzll(able)]);
}

/* The same for the first that waits in a queue whose lock is held, if one does. */
static void offer_first(const struct runqueue *rq)
{
	const struct list_head *queue = list_empty(&rq->woken) ? &rq->queue : &rq->woken;
	const struct task_struct *task = list_first(queue, struct task_struct, run_link);

	if (task)
		offer(task, task->cpu);
}

/* Makes task, which is in no queue, one of `to`, whose lock and that of task's last CPU are
 * held. */
static void activate(struct task_struct *task, struct cpu *to, bool before_others,
		     bool waker_sleeps)
{
	struct runqueue *rq = to->runqueue;
	bool idle = to->task == rq->idle;

	task->cpu = to;
	enqueue(rq, before_others ? &rq->woken : &rq->queue, task);
	if (idle)
		prod(to);
	if (idle && rq->waiting == 1)
		return;
	if (cpu_count > 1 && to == this_cpu() && rq->waiting == 1 &&
	    (waker_sleeps || current->exiting)) {
		if (!rq->give_away.cpu)
			timer_arm(&rq->give_away, clock_monotonic() + PATIENCE);
		return;
	}
	offer(task, to);
}

/* The CPU has not run what it was expected to: somebody else may. */
static void give_away(struct timer *timer)
{
	struct runqueue *rq = container_of(timer, struct runqueue, give_away);

	spin_lock(&rq->lock);
	offer_first(rq);
	spin_unlock(&rq->lock);
}

void sched_start(struct task_struct *task, bool waker_sleeps)
{
	task->cpu = this_cpu();
	struct runqueue *from = task->cpu->runqueue;
	struct cpu *to = choose_and_lock(task, waker_sleeps);
	task->slice_left = task->slice;
	task->state = TASK_RUNNING;
	activate(task, to, false, waker_sleeps);
	unlock_both(from, to->runqueue);
}

bool task_wake(struct task_struct *task, u32 states)
{
	return task_wake_sync(task, states, false);
}

bool task_wake_sync(struct task_struct *task, u32 states, bool waker_sleeps)
{
	struct cpu *to = choose_and_lock(task, waker_sleeps);
	struct runqueue *from = task->cpu->runqueue;
	u32 state = task->state;
	bool woken = state & states;

	if (woken) {
		task->state = TASK_RUNNING;
		/* else it is on its way to schedule(), which will see that it may run */
		if (!task->on_cpu) {
			from->uninterruptible -= !!(state & TASK_UNINTERRUPTIBLE);
			activate(task, to, task->slice_left, waker_sleeps);
		}
	}
	unlock_both(from, to->runqueue);
	return woken;
}

/* A task that can run, but is in no queue and on no CPU, so that nobody else can move it. */
static void place(struct task_struct *task)
{
	struct cpu *to = choose_and_lock(task, false);
	struct runqueue *from = task->cpu->runqueue;

	activate(task, to, false, false);
	unlock_both(from, to->runqueue);
}

void sched_set_affinity(struct task_struct *task, u64 affinity)
{
	struct runqueue *rq = lock_runqueue_of(task);
	bool misplaced = !(affinity & cpu_bit(task->cpu)), moves = misplaced && task->on_queue;

	task->affinity = affinity;
	if (moves)
		dequeue(rq, task);
	else if (misplaced && task->on_cpu)
		task_set_tif(task, TIF_NEED_RESCHED); /* schedule() will see */
	else if (task->on_queue)
		offer(task, task->cpu); /* it may run on more CPUs than before */
	spin_unlock(&rq->lock);
	if (moves)
		place(task);
}

/* --- taking tasks from other CPUs --- */

/* The first task that waits in rq and may run on cpu, or NULL. */
static struct task_struct *find_waiting(const struct runqueue *rq, const struct cpu *cpu)
{
	struct task_struct *task;

	list_for_each(task, &rq->woken, run_link)
		if (may_run_on(task, cpu))
			return task;
	list_for_each(task, &rq->queue, run_link)
		if (may_run_on(task, cpu))
			return task;
	return NULL;
}

/* Moves a task that waits for `from`, which is busy, to the running CPU's queue; true if it did. */
static bool take_from(struct cpu *from)
{
	struct cpu *cpu = this_cpu();
	struct runqueue *rq = cpu->runqueue, *other = from->runqueue;

	lock_both(rq, other);
	struct task_struct *task = find_waiting(other, cpu);
	if (task) {
		dequeue(other, task);
		task->cpu = cpu;
		enqueue(rq, &rq->queue, task);
	}
	unlock_both(rq, other);
	return task;
}

/* The CPU of the mask where the most tasks wait, if they are more than `least`; else NULL. One that
 * is only just prodded will take its task itself. */
static struct cpu *busiest(u64 mask, u64 least)
{
	struct cpu *found = NULL;

	for (; mask; mask &= mask - 1) {
		struct cpu *cpu = &cpus[__builtin_ctzll(mask)];
		const struct runqueue *rq = cpu->runqueue;
		u64 waiting = __atomic_load_n(&rq->waiting, __ATOMIC_RELAXED);

		if (waiting > least && (waiting > 1 || cpu->task != rq->idle)) {
			least = waiting;
			found = cpu;
		}
	}
	return found;
}

/* Takes a task from a CPU where more than `least` wait, the busiest first; true if it did. */
static bool take_one(u64 least)
{
	u64 mask = cpus_online() & ~cpu_bit(this_cpu());
	struct cpu *from;

	while ((from = busiest(mask, least))) {
		if (take_from(from))
			return true;
		mask &= ~cpu_bit(from); /* all that wait there must stay there */
	}
	return false;
}

/* --- pausing --- */

/* Must this CPU rest? */
static bool must_rest(void)
{
	struct cpu *alone = __atomic_load_n(&pausing, __ATOMIC_ACQUIRE);

	return unlikely(alone) && alone != this_cpu();
}

/* The idle loop's, which is where a CPU rests. Under the lock either sched_resume_others() comes
 * later, and clears the mark, or nobody rests any more. */
static void rest(struct runqueue *rq)
{
	spin_lock(&rq->lock);
	__atomic_store_n(&rq->paused, must_rest(), __ATOMIC_RELEASE);
	spin_unlock(&rq->lock);
}

/* Makes whatever runs on the CPU call schedule(). */
static void interrupt_cpu(struct cpu *cpu)
{
	struct runqueue *rq = cpu->runqueue;

	spin_lock(&rq->lock); /* so that the task stays where it is meanwhile */
	rq->paused = false;
	task_set_tif(cpu->task, TIF_NEED_RESCHED);
	spin_unlock(&rq->lock);
}

static void interrupt_others(void)
{
	for (u32 i = 0; i < cpu_count; i++)
		if (&cpus[i] != this_cpu())
			interrupt_cpu(&cpus[i]);
}

void sched_pause_others(void)
{
	mutex_lock(&pause_lock);
	__atomic_store_n(&pausing, this_cpu(), __ATOMIC_SEQ_CST);
	interrupt_others();
	for (u32 i = 0; i < cpu_count; i++)
		while (&cpus[i] != this_cpu() &&
		       !__atomic_load_n(&runqueues[i].paused, __ATOMIC_ACQUIRE))
			cpu_relax();
}

void sched_resume_others(void)
{
	__atomic_store_n(&pausing, NULL, __ATOMIC_SEQ_CST);
	interrupt_others();
	mutex_unlock(&pause_lock);
}

/* --- switching --- */

/* How long it has been running. Clocks of two CPUs may differ by a little (clock.c), and so this
 * one's by more than that. */
static u64 running_for(const struct task_struct *task, u64 now)
{
	return now > task->run_since ? now - task->run_since : 0;
}

static void account(struct task_struct *task, u64 now)
{
	u64 ran = running_for(task, now);

	task->times.runtime += ran;
	task->slice_left = task->slice_left > ran ? task->slice_left - ran : 0;
	task->run_since = now;
}

static struct task_struct *pick_next(struct runqueue *rq)
{
	struct list_head *queue = list_empty(&rq->woken) ? &rq->queue : &rq->woken;
	struct task_struct *next = list_first(queue, struct task_struct, run_link);

	if (!next || must_rest())
		return rq->idle;
	dequeue(rq, next);
	return next;
}

/* The running CPU, whose task is chosen, is idle no more. While it said it was, several tasks may
 * have been offered to it, and it took one: for what still waits the other idle CPUs look. */
static void leave_idle(struct cpu *cpu)
{
	__atomic_fetch_and(&idle_cpus, ~cpu_bit(cpu), __ATOMIC_SEQ_CST);
	u64 idle = __atomic_load_n(&idle_cpus, __ATOMIC_RELAXED);
	if (idle && busiest(cpus_online(), 0))
		for (; idle; idle &= idle - 1)
			prod(&cpus[__builtin_ctzll(idle)]);
}

/* The second half of a switch, on the stack of the task that now runs. */
static void finish_switch(struct task_struct *prev)
{
	struct runqueue *rq = this_cpu()->runqueue;
	bool dead = prev->state & (EXIT_DEAD | EXIT_ZOMBIE);
	/* it could go on, but not here: nobody else can find it until it has a place */
	bool homeless = prev->state == TASK_RUNNING && !prev->on_queue && prev != rq->idle;

	__atomic_store_n(&prev->on_cpu, false, __ATOMIC_RELEASE);
	spin_unlock(&rq->lock);
	if (dead)
		sched_dead(prev);
	else if (homeless)
		place(prev);
}

/* Loads what belongs to next but is not on its stack. */
static void load_task(struct cpu *cpu, struct task_struct *prev, struct task_struct *next)
{
	if (prev->fpu)
		fpu_save(prev->fpu);
	if (next->fpu) {
		fpu_restore(next->fpu);
		cpu_set_user_bases(next->fs_base, next->gs_base);
		cpu->kernel_rsp = (u64)next->stack + KSTACK_SIZE;
		cpu->tss.rsp[0] = cpu->kernel_rsp;
	}
	/* a kernel task goes on with whatever is loaded: it uses the kernel half only */
	if (next->mm)
		mm_activate(next->mm);
}

static void __sched switch_to(struct runqueue *rq, struct task_struct *prev,
			      struct task_struct *next, u64 now)
{
	struct cpu *cpu = this_cpu();

	rq->switches++;
	if (rq->waiting)
		offer_first(rq);
	if (next != rq->idle && next->slice_left == 0)
		next->slice_left = next->slice;
	next->run_since = now;
	next->on_cpu = true;
	load_task(cpu, prev, next);
	cpu->task = next;
	if (prev == rq->idle && cpu_count > 1)
		leave_idle(cpu);
	else if (prev->on_queue)
		offer(prev, cpu);
	timer_set_tick(next == rq->idle ? CLOCK_NEVER : now + min(next->slice_left, TICK));
	finish_switch(switch_stacks(prev, next));
}

/* The task that comes back from switch_stacks may be on another CPU than the one it left:
 * everything about the CPU is read anew after it. */
void __sched schedule(void)
{
	lockcheck_sleep();
	irq_push();
	struct runqueue *rq = this_cpu()->runqueue;
	bool irq_was_on = this_cpu()->irq_was_on;
	struct task_struct *prev = current;
	u64 now = clock_monotonic();

	ASSERT(this_cpu()->irq_depth == 1); /* no spinlock may be held */
	spin_lock(&rq->lock);
	this_cpu()->turns++;
	task_clear_tif(prev, TIF_NEED_RESCHED);
	account(prev, now);
	if (prev->state == TASK_RUNNING && prev != rq->idle) {
		if (may_run_on(prev, this_cpu()))
			enqueue(rq, &rq->queue, prev);
		prev->times.involuntary++;
	} else {
		prev->times.voluntary++;
		rq->uninterruptible += !!(prev->state & TASK_UNINTERRUPTIBLE);
	}
	struct task_struct *next = pick_next(rq);
	if (next != prev) {
		switch_to(rq, prev, next, now);
	} else {
		if (next->slice_left == 0)
			next->slice_left = next->slice;
		if (next != rq->idle)
			timer_set_tick(now + min(next->slice_left, TICK));
		spin_unlock(&rq->lock);
	}
	this_cpu()->irq_was_on = irq_was_on;
	irq_pop();
}

void sched_first_run(struct task_struct *prev)
{
	finish_switch(prev);
	this_cpu()->irq_was_on = true;
	irq_pop();
}

void sched_prepare(struct task_struct *task, void (*fn)(void *arg), void *arg)
{
	/* What switch_stacks pops (r15 r14 r13 r12 rbp rbx), and the address it returns to. */
	u64 *frame = task->tf ? (u64 *)task->tf : (u64 *)((u8 *)task->stack + KSTACK_SIZE);

	*--frame = (u64)sched_first_step;
	*--frame = (u64)fn;  /* rbx */
	*--frame = 0;	     /* rbp: backtraces end here */
	*--frame = (u64)arg; /* r12 */
	for (int i = 0; i < 3; i++)
		*--frame = 0;
	task->kernel_rsp = (u64)frame;
}

void __sched sched_yield(void)
{
	current->slice_left = 0;
	schedule();
}

u64 sched_tick(bool user_mode)
{
	struct task_struct *task = current;
	u64 now = clock_monotonic();

	if (task == this_cpu()->runqueue->idle || now < timer_tick())
		return 0;
	struct runqueue *rq = this_cpu()->runqueue;
	spin_lock(&rq->lock);
	if (user_mode) {
		task->times.user_ticks++;
		rq->user_ticks++;
	} else {
		task->times.system_ticks++;
		rq->system_ticks++;
	}
	account(task, now);
	bool over = task->slice_left == 0;
	timer_set_tick(now + (over ? TICK : min(task->slice_left, TICK)));
	spin_unlock(&rq->lock);
	if (over) {
		take_one(rq->waiting);
		task_set_tif(task, TIF_NEED_RESCHED);
	}
	return TICK;
}

void sched_exit(void)
{
	lockcheck_leave("by a task that exits");
	schedule();
	panic("a dead task ran again");
}

u64 task_runtime(const struct task_struct *task)
{
	/* a tick or a switch between the reads would move time from one to the other */
	struct runqueue *rq = lock_runqueue_of(task);
	u64 runtime = task->times.runtime;
	if (task->on_cpu)
		runtime += running_for(task, clock_monotonic());
	spin_unlock(&rq->lock);
	return runtime;
}

void task_cpu_times(const struct task_struct *task, u64 *utime, u64 *stime)
{
	u64 runtime = task_runtime(task);
	u64 user = task->times.user_ticks, total = user + task->times.system_ticks;

	*utime = total ? mul_div(runtime, user, total) : runtime;
	*stime = runtime - *utime;
}

extern char sched_text_start[], sched_text_end[]; /* linker.ld: what is marked __sched */

/* What switch_stacks saved, lowest first; rbp leads to the frames of its callers. */
struct saved_registers {
	u64 r15, r14, r13, r12, rbp, rbx, rip;
};

static bool is_waiting_code(u64 address)
{
	return address >= (u64)sched_text_start && address < (u64)sched_text_end;
}

u32 sched_backtrace(struct task_struct *task, u64 *addresses, u32 max)
{
	struct runqueue *rq = lock_runqueue_of(task);
	u64 low = (u64)task->stack, high = low + KSTACK_SIZE;
	u32 count = 0;

	if (!task->on_cpu && !(task->state & (EXIT_ZOMBIE | EXIT_DEAD))) {
		const struct saved_registers *saved = (void *)task->kernel_rsp;
		u64 frame = saved->rbp, address = saved->rip;

		while (count < max) {
			if (!is_waiting_code(address))
				addresses[count++] = address;
			if (frame < low || frame > high - 16 || frame % 8)
				break;
			const u64 *words =
				(const u64 *)frame; /* the caller's rbp, return address */
			low = frame + 8;	    /* callers' frames lie higher */
			frame = words[0];
			address = words[1];
		}
	}
	spin_unlock(&rq->lock);
	return count;
}

u64 sched_running(void)
{
	u64 running = 0;

	for (u32 i = 0; i < cpu_count; i++)
		running += runqueues[i].waiting + (cpus[i].task != runqueues[i].idle);
	return running;
}

bool sched_is_wanted(void)
{
	return __atomic_load_n(&this_cpu()->runqueue->waiting, __ATOMIC_RELAXED) > 0;
}

bool sched_is_idle(u32 cpu)
{
	return __atomic_load_n(&cpus[cpu].task, __ATOMIC_RELAXED) == runqueues[cpu].idle;
}

u64 sched_uninterruptible(void)
{
	u64 count = 0;

	for (u32 i = 0; i < cpu_count; i++)
		count += runqueues[i].uninterruptible;
	return count;
}

u64 sched_switches(void)
{
	u64 switches = 0;

	for (u32 i = 0; i < cpu_count; i++)
		switches += runqueues[i].switches;
	return switches;
}

u64 sched_idle_time(void)
{
	u64 idle = 0;

	for (u32 i = 0; i < cpu_count; i++)
		idle += task_runtime(runqueues[i].idle);
	return idle;
}

void sched_cpu_times(u32 cpu, u64 *user, u64 *system, u64 *idle)
{
	const struct runqueue *rq = &runqueues[cpu];

	*user = rq->user_ticks * TICK;
	*system = rq->system_ticks * TICK;
	*idle = task_runtime(rq->idle);
}

/* Says that this CPU is idle, and then looks whether it need be; interrupts off. */
static bool found_work(void)
{
	if (must_rest()) {
		rest(this_cpu()->runqueue);
	} else if (cpu_count > 1) {
		__atomic_fetch_or(&idle_cpus, cpu_bit(this_cpu()), __ATOMIC_SEQ_CST);
		if (take_one(0))
			return true;
	}
	return __atomic_load_n(&current->tif, __ATOMIC_ACQUIRE) & TIF_NEED_RESCHED;
}

void __noreturn sched_idle(void)
{
	while (true) {
		irq_disable();
		if (found_work()) {
			irq_enable();
			schedule();
		} else {
			cpu_idle();
		}
	}
}

void __sched cond_resched(void)
{
	if (__atomic_load_n(&current->tif, __ATOMIC_RELAXED) & TIF_NEED_RESCHED)
		schedule();
}
