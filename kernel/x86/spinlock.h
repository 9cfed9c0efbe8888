/*
 * Ticket spinlocks, named, fair in arrival order. Holding one keeps interrupts off on this CPU, so
 * an interrupt handler may take any of them; nobody may sleep while holding one. The order among
 * locks is in kernel/README.md.
 */
#ifndef MITOS_X86_SPINLOCK_H
#define MITOS_X86_SPINLOCK_H

#include "x86/cpu.h"
#include "x86/lockcheck.h"

struct spinlock {
	u16 next;	   /* the next ticket to hand out */
	u16 serving;	   /* the ticket that holds the lock */
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
	u16 ticket = __atomic_fetch_add(&lock->next, 1, __ATOMIC_RELAXED);
	while (__atomic_load_n(&lock->serving, __ATOMIC_ACQUIRE) != ticket) {
		cpu_serve_requests(); /* the holder may be waiting for us */
		cpu_relax();
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
	u16 ticket = __atomic_load_n(&lock->serving, __ATOMIC_RELAXED);
	if (!__atomic_compare_exchange_n(&lock->next, &ticket, (u16)(ticket + 1), false,
					 __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
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
	__atomic_store_n(&lock->serving, (u16)(lock->serving + 1), __ATOMIC_RELEASE);
	irq_pop();
}

#endif
