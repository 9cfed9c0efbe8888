/*
 * Work that other CPUs must do, in interrupt context, while the asker waits: forgetting address
 * translations, above all. Each CPU has one request of its own, which lists those who still have to
 * do it, and a word that lists whose requests wait for it. So nothing is allocated or locked.
 *
 * Two CPUs can ask each other at the same moment, and one that holds a spinlock can ask another
 * that waits for the lock, with interrupts off. So whoever waits with interrupts off serves what
 * is asked of it meanwhile: here, in spin_lock() and in timer_disarm(). That is why a request may
 * not take a lock: it may run in the middle of a wait for that same lock.
 */
#include "x86/apic.h"
#include "x86/cpu.h"

void cpu_serve_requests(void)
{
	struct cpu *cpu = this_cpu();

	if (likely(!__atomic_load_n(&cpu->requests, __ATOMIC_RELAXED)))
		return;
	/* Who waits may have interrupts on; a request is made for the state without. */
	irq_push();
	/* Taking the bits comes before the work, so that a request made during it is seen. */
	u64 waiting = __atomic_exchange_n(&cpu->requests, 0, __ATOMIC_ACQ_REL);
	for (; waiting; waiting &= waiting - 1) {
		struct cpu_request *request = &cpus[__builtin_ctzll(waiting)].request;

		request->fn(request->arg);
		/* from here on the asker may make another */
		__atomic_fetch_and(&request->pending, ~(1ull << cpu->id), __ATOMIC_RELEASE);
	}
	irq_pop();
}

void cpu_run_on(u64 mask, void (*fn)(void *arg), void *arg)
{
	irq_push();
	struct cpu *cpu = this_cpu();
	struct cpu_request *request = &cpu->request;
	u64 self = 1ull << cpu->id, others = mask & cpus_online() & ~self;

	request->fn = fn;
	request->arg = arg;
	__atomic_store_n(&request->pending, others, __ATOMIC_RELAXED);
	for (u64 left = others; left; left &= left - 1) {
		u32 id = (u32)__builtin_ctzll(left);

		/* A CPU that has not yet come to what it was asked before has its interrupt. */
		if (!__atomic_fetch_or(&cpus[id].requests, self, __ATOMIC_ACQ_REL))
			lapic_send_ipi(id, VECTOR_REQUEST);
	}
	if (mask & self)
		fn(arg);
	while (__atomic_load_n(&request->pending, __ATOMIC_ACQUIRE)) {
		cpu_serve_requests();
		cpu_relax();
	}
	irq_pop();
}
