/*
 * membarrier(2): one thread makes all others that run now execute a memory barrier, so that they
 * need none on their own fast path. A task that does not run meanwhile has passed one: the locks of
 * a context switch. Whoever wants the quick commands has to register its address space before; a
 * fork inherits that, an execve does not.
 *
 * The commands about rseq(2) are not there, as rseq is not (-EINVAL).
 */
#include "mm/mm.h"
#include "sched/task.h"
#include "syscall/process.h"
#include <asm/errno.h>
#include <linux/membarrier.h>

#define REGISTRATIONS                                                                              \
	(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED |    \
	 MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE)
#define COMMANDS                                                                                   \
	(REGISTRATIONS | MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_GLOBAL_EXPEDITED |                 \
	 MEMBARRIER_CMD_PRIVATE_EXPEDITED | MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE)

/* A full barrier, and everything fetched from here on is fetched anew. */
static void serialise(void *unused)
{
	u32 regs[4];

	(void)unused;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	cpuid(0, 0, regs);
}

/* On every CPU that has mm loaded. One that loads it later passes a barrier by that: its bit is set
 * in one atomic step, and a load of CR3 serialises. */
static void barrier_where_loaded(const struct mm_struct *mm)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	cpu_run_on(__atomic_load_n(&mm->cpus, __ATOMIC_SEQ_CST), serialise, NULL);
}

/* A quick command for those who registered for it. */
static s64 private_barrier(u32 registration)
{
	if (!(__atomic_load_n(&current->mm->membarrier, __ATOMIC_ACQUIRE) & registration))
		return -EPERM;
	barrier_where_loaded(current->mm);
	return 0;
}

s64 sys_membarrier(int command, unsigned flags, int cpu)
{
	(void)cpu; /* of the commands about rseq */
	if (flags)
		return -EINVAL;
	switch (command) {
	case MEMBARRIER_CMD_QUERY:
		return COMMANDS;
	case MEMBARRIER_CMD_GLOBAL:
	case MEMBARRIER_CMD_GLOBAL_EXPEDITED: /* to all: those who did not register get one more */
		cpu_run_on(cpus_online(), serialise, NULL);
		return 0;
	case MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED:
	case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED:
	case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE:
		__atomic_fetch_or(&current->mm->membarrier, (u32)command, __ATOMIC_SEQ_CST);
		return 0;
	case MEMBARRIER_CMD_PRIVATE_EXPEDITED:
		return private_barrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
	case MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE:
		return private_barrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE);
	}
	return -EINVAL;
}
