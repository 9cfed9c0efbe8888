/*
 * Application processors are started one after another by INIT and STARTUP messages (Intel SDM vol.
 * 3, 8.4.4). boot/smp.asm is their way to long mode; smp_entry() is where they arrive. All of them
 * must offer what the boot processor does: a task may run on any, with the same FPU state and the
 * same protections.
 *
 * One word decides about a processor that is late: it takes the claim before it uses its stack, or
 * the boot processor takes it back, and then it never will.
 */
#include "x86/smp.h"
#include "lib/string.h"
#include "x86/apic.h"
#include "x86/bootinfo.h"
#include "x86/clock.h"
#include "x86/cpu.h"
#include "x86/paging.h"
#include "x86/printk.h"

#define TRAMPOLINE 0x8000 /* physical; a page that firmware leaves alone */
#define INIT_WAIT (10 * NSEC_PER_MSEC)
#define STARTUP_WAIT (200 * NSEC_PER_USEC)
/* An idle machine needs a few microseconds; an emulated one must first be given its share of the
 * host's processors. */
#define CLAIM_WAIT NSEC_PER_SEC

/* For boot/smp.asm, which knows the offsets. */
struct smp_start {
	u64 cr3;
	void *stack_top;
	u32 claim; /* atomic */
};
extern struct smp_start smp_start;
extern const u8 smp_trampoline[], smp_trampoline_end[];
void smp_entry(void);

struct smp_start smp_start;
static void (*start_main)(void);
enum { STARTING, ONLINE, UNFIT };
static u32 progress;  /* of the one being started; atomic */
static bool stopping; /* by smp_stop_others(); atomic */

static void set_progress(u32 now)
{
	__atomic_store_n(&progress, now, __ATOMIC_RELEASE);
}

u32 smp_limit(void)
{
	char text[8];
	const char *end;

	if (bootinfo_option("nosmp", NULL))
		return 1;
	if (!bootinfo_value("maxcpus", text, sizeof(text)))
		return CPUS_MAX;
	u64 count = str_to_u64(text, &end);
	return count == 0 ? 1 : (u32)min(count, (u64)CPUS_MAX);
}

/* True if the processor took the claim in that time. */
static bool is_claimed(u64 ns)
{
	u64 end = clock_monotonic() + ns;

	while (__atomic_load_n(&smp_start.claim, __ATOMIC_ACQUIRE)) {
		if (clock_monotonic() >= end)
			return false;
		cpu_relax();
	}
	return true;
}

/* True if it answers. */
static bool send_startup(u32 apic_id)
{
	lapic_send_init(apic_id);
	is_claimed(INIT_WAIT); /* nothing comes yet, but that is how long INIT takes */
	for (int i = 0; i < 2; i++) {
		lapic_send_startup(apic_id, TRAMPOLINE >> PAGE_SHIFT);
		if (is_claimed(i ? CLAIM_WAIT : STARTUP_WAIT))
			return true;
	}
	return __atomic_exchange_n(&smp_start.claim, 0, __ATOMIC_ACQ_REL) == 0;
}

bool smp_start_cpu(u32 apic_id, void *stack_top, void (*main)(void))
{
	memcpy(phys_to_virt(TRAMPOLINE), smp_trampoline,
	       (size_t)(smp_trampoline_end - smp_trampoline));
	smp_start.cr3 = read_cr3();
	smp_start.stack_top = stack_top;
	start_main = main;
	set_progress(STARTING);
	__atomic_store_n(&smp_start.claim, 1, __ATOMIC_RELEASE);
	if (!send_startup(apic_id)) {
		printk("smp: the processor with APIC number %u does not answer", apic_id);
		return false;
	}
	clock_compare_with_starting();
	while (__atomic_load_n(&progress, __ATOMIC_ACQUIRE) == STARTING)
		cpu_relax();
	if (progress == UNFIT)
		printk("smp: the processor with APIC number %u is another model", apic_id);
	return progress == ONLINE;
}

void smp_entry(void)
{
	bool able = cpu_init(cpu_count);

	clock_compare_starting();
	if (!able) {
		set_progress(UNFIT);
		cpu_halt();
	}
	start_main();
}

void smp_online(void)
{
	/* Whoever reads the count finds the CPU complete. */
	__atomic_store_n(&cpu_count, this_cpu()->id + 1, __ATOMIC_RELEASE);
	set_progress(ONLINE);
}

void smp_stop_others(void)
{
	__atomic_store_n(&stopping, true, __ATOMIC_RELEASE);
	for (u32 i = 0; i < cpu_count; i++)
		if (&cpus[i] != this_cpu())
			lapic_send_nmi(i);
}

void smp_nmi(void)
{
	if (__atomic_load_n(&stopping, __ATOMIC_ACQUIRE))
		cpu_halt();
}
