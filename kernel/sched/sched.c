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
 * switched out, never between. Two run queues are locked in the order of their CPUs. On which of
 * them a task waits is decided in place.c.
 */
#include "sched/runqueue.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mm/kmap.h"
#include "mm/mm.h"
#include "mm/slab.h"
#include "x86/fpu.h"
#include "x86/trapframe.h"

#define TIME_SLICE (10 * NSEC_PER_MSEC)
#define TICK (10 * NSEC_PER_MSEC)

struct task_struct *switch_stacks(struct task_struct *prev, struct task_struct *next);

struct runqueue runqueues[CPUS_MAX];
void (*sched_dead)(struct task_struct *task);
void (*sched_first_step)(void);

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
	timer_init(&rq->give_away, sched_give_away);
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

/* --- switching --- */

static void account(struct task_struct *task, u64 now)
{
	u64 ran = running_for(task, now);

	task->times.runtime += ran;
	task->slice_left = task->slice_left > ran ? task->slice_left - ran : 0;
	task->run_since = now;
}

static struct task_struct *pick_next(struct runqueue *rq)
{
	struct task_struct *next = first_waiting(rq);

	if (!next || sched_must_rest())
		return rq->idle;
	dequeue(rq, next);
	return next;
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
		sched_place(prev);
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
	if (next != rq->idle && next->slice_left == 0)
		next->slice_left = next->slice;
	next->run_since = now;
	next->on_cpu = true;
	load_task(cpu, prev, next);
	cpu->task = next;
	if (cpu_count > 1)
		sched_offer_rest(prev);
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
	u64 ran = running_for(task, now); /* since the last tick, or its turn began */
	u64 weight = min(ran, TICK);	  /* one that comes late knows no more than another */
	if (user_mode) {
		task->times.user_ticked += weight;
		rq->user_ticked += ran;
	} else {
		task->times.system_ticked += weight;
		rq->system_ticked += ran;
	}
	account(task, now);
	bool over = task->slice_left == 0;
	timer_set_tick(now + (over ? TICK : min(task->slice_left, TICK)));
	spin_unlock(&rq->lock);
	if (over) {
		sched_take(rq->waiting);
		task_set_tif(task, TIF_NEED_RESCHED);
	}
	return ran;
}

void sched_exit(void)
{
	lockcheck_leave("by a task that exits");
	schedule();
	panic("a dead task ran again");
}

/* Whether there is something for this idle CPU to do; interrupts off. */
static bool found_work(void)
{
	if (sched_must_rest())
		sched_rest(this_cpu()->runqueue);
	else if (sched_enter_idle())
		return true;
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
