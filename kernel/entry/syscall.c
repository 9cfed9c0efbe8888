/*
 * A system call's number picks its function from the table; its result goes where the user's rax
 * will be. An unknown number is -ENOSYS and one line in the log the first time.
 */
#include "entry/entry.h"
#include "proc/sigdeliver.h"
#include "sched/task.h"
#include "syscall/table.h"
#include "x86/printk.h"
#include <asm/errno.h>

static void report_unknown(u64 number)
{
	/* a bit per number below 512, so that a loop cannot flood the log; atomic */
	static u64 reported[8];
	u64 bit = 1ull << number % 64;

	if (number >= 512)
		return;
	if (!(__atomic_fetch_or(&reported[number / 64], bit, __ATOMIC_RELAXED) & bit))
		printk("%s[%d]: system call %llu is not implemented", current->comm, current->pid,
		       (unsigned long long)number);
}

void syscall_dispatch(struct trapframe *tf)
{
	u64 number = tf->orig_rax;
	syscall_fn call = number < SYSCALL_COUNT ? syscall_table[number] : NULL;

	if (!call) {
		report_unknown(number);
		return;
	}
	tf->rax = (u64)call(tf->rdi, tf->rsi, tf->rdx, tf->r10, tf->r8, tf->r9);
	if ((s64)tf->rax <= -ERESTARTSYS && (s64)tf->rax >= -ERESTART_RESTARTBLOCK)
		/* signal_deliver makes it a restart or -EINTR */
		task_set_tif(current, TIF_SIGPENDING);
	lockcheck_leave("at the end of a system call");
}

void return_to_user_work(struct trapframe *tf)
{
	u32 work = __atomic_load_n(&current->tif, __ATOMIC_ACQUIRE);

	if (work & TIF_NEED_RESCHED)
		schedule();
	if (work & TIF_SIGPENDING)
		signal_deliver(tf);
}
