/*
 * Spinlocks, named. Holding one keeps interrupts off on this CPU, so an interrupt handler may take
 * any of them; nobody may sleep while holding one. The order among locks is in kernel/README.md.
 *
 * Who comes first when a lock becomes free gets it, not who waited longest. A queue of tickets
 * would be fair, but the processors of a virtual machine are not always there: the one whose turn
 * it is waits for its share of the host, and all behind it wait with it (on two host processors a
 * storm of forks on four virtual ones took ten times as long). Linux does the same as a guest, for
 * the same reason (virt_spin_lock).
 */
#ifndef MITOS_X86_SPINLOCK_H
#define MITOS_X86_SPINLOCK_H

#include "x86/cpu.h"
#include "x86/lockcheck.h"

struct spinlock {
	bool taken;	   /* atomic */
	struct cpu *owner; /* who holds it, NULL when free; for assertions */
	const char *name;
};

#define SPINLOCK_INIT(lock_name)                                                                   \
	{                                                                                          \
		.name = (lock_name)                                                                \
	}

static inline void spin_init(struct spinlock *lock, const char *name)
{
	*lock = (struct spinlock)SPINLOCK_INIT(name);
}

static inline bool spin_held(const struct spinlock *lock)
{
	return lock->owner == this_cpu();
}

/* What the two below are made of. */
static inline __lock_inline void spin_lock_how(struct spinlock *lock, enum lock_how how)
{
	irq_push();
	lockcheck_spin_wait(lock, how);
	while (__atomic_exchange_n(&lock->taken, true, __ATOMIC_ACQUIRE)) {
		do {			      /* only reading leaves the holder its cache line */
			cpu_serve_requests(); /* it may be waiting for us */
			cpu_relax();
		} while (__atomic_load_n(&lock->taken, __ATOMIC_RELAXED));
	}
	lock->owner = this_cpu();
	lockcheck_spin_taken(lock);
}

static inline __lock_inline void spin_lock(struct spinlock *lock)
{
	spin_lock_how(lock, LOCK_PLAIN);
}

/* While another lock of the same name is held: a comment says what keeps the order of the two. */
static inline __lock_inline void spin_lock_nested(struct spinlock *lock)
{
	spin_lock_how(lock, LOCK_NESTED);
}

/* Takes the lock if it is free now; true if so. For those that can do without. */
static inline __lock_inline bool spin_trylock(struct spinlock *lock)
{
	irq_push();
	if (__atomic_exchange_n(&lock->taken, true, __ATOMIC_ACQUIRE)) {
		irq_pop();
		return false;
	}
	lock->owner = this_cpu();
	lockcheck_spin_taken(lock);
	return true;
}

static inline __lock_inline void spin_unlock(struct spinlock *lock)
{
	if (!lockcheck_spin_release(lock))
		return;
	lock->owner = NULL;
	__atomic_store_n(&lock->taken, false, __ATOMIC_RELEASE);
	irq_pop();
}

#endif
