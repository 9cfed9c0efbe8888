/*
 * The lock checker, in a kernel built with `make LOCKCHECK=1` and nowhere else. It learns which
 * lock is taken while which other is held, by the locks' names (all locks of a name are one class),
 * and reports, once each and in lines that begin with "lockcheck:", what can hang the machine:
 * orders that contradict each other, even if nobody has met in them yet; two locks of a class at
 * once; a lock taken again by its holder (that is a panic), or released by one who does not hold
 * it; a spinlock held across a sleep, or for too long; a mutex held on the way back to user mode or
 * into death.
 *
 * Called by spinlock.h and sched/mutex.h only, but for lockcheck_leave, and what /proc/lockcheck
 * needs. Without the checker each of them is nothing.
 */
#ifndef MITOS_X86_LOCKCHECK_H
#define MITOS_X86_LOCKCHECK_H

#include "lib/types.h"

struct mutex;
struct spinlock;

/* How a lock is taken. LOCK_NESTED: another of its class may be held, because callers agree in
 * which order to take them; each says where. */
enum lock_how { LOCK_PLAIN, LOCK_NESTED };

#if LOCKCHECK
/* The functions that take and release become part of their callers, who are to be named. */
#define __lock_inline __attribute__((always_inline))

void lockcheck_spin_wait(const struct spinlock *lock, enum lock_how how); /* before waiting */
void lockcheck_spin_taken(const struct spinlock *lock);
bool lockcheck_spin_release(const struct spinlock *lock); /* false: it must not be released */

void lockcheck_mutex_wait(const struct mutex *mutex, const char *name, enum lock_how how);
void lockcheck_mutex_taken(const struct mutex *mutex, const char *name);
bool lockcheck_mutex_release(const struct mutex *mutex, const char *name);

/* The running task is about to sleep, and will hang if it holds a spinlock. */
void lockcheck_sleep(void);
/* The running task leaves the kernel, what it did there being over: it must not hold a lock. */
void lockcheck_leave(const char *where);
#else
#define __lock_inline

static inline void lockcheck_spin_wait(const struct spinlock *lock, enum lock_how how)
{
	(void)lock, (void)how;
}

static inline void lockcheck_spin_taken(const struct spinlock *lock)
{
	(void)lock;
}

static inline bool lockcheck_spin_release(const struct spinlock *lock)
{
	(void)lock;
	return true;
}

static inline void lockcheck_mutex_wait(const struct mutex *mutex, const char *name,
					enum lock_how how)
{
	(void)mutex, (void)name, (void)how;
}

static inline void lockcheck_mutex_taken(const struct mutex *mutex, const char *name)
{
	(void)mutex, (void)name;
}

static inline bool lockcheck_mutex_release(const struct mutex *mutex, const char *name)
{
	(void)mutex, (void)name;
	return true;
}

static inline void lockcheck_sleep(void)
{
}

static inline void lockcheck_leave(const char *where)
{
	(void)where;
}
#endif

/* What was learned, for /proc/lockcheck (only in the checker's build). */
#define LOCK_CLASSES_MAX 128

struct lock_class {
	const char *name;
	bool sleeps;	   /* a mutex */
	u64 taken;	   /* how often */
	u64 longest;	   /* ns that a spinlock of it was held at most */
	u32 reported;	   /* a bit for each kind of mistake (lockcheck.c) */
	u32 long_holdings; /* how often one was held for too long */
};

struct lock_edge {
	u8 outer, inner;	/* classes: inner was taken while outer was held */
	u64 outer_at, inner_at; /* addresses of the code that took them, the first time */
};

u32 lockcheck_classes(const struct lock_class **classes); /* how many; their array */
u32 lockcheck_edges(const struct lock_edge **edges);
u32 lockcheck_reports(void); /* mistakes found since boot */

#endif
