/*
 * The TSC and the local APIC's timer are both measured against a counter of known rate over the
 * same few milliseconds, as a ratio of counter deltas: how long the host really took does not
 * matter, so a busy host does not spoil the result. Each end point is the tightest of several tries
 * at reading both counters together. After boot the factors never change, so no lock is needed;
 * only the wall-clock offset is written (one aligned word).
 */
#include "x86/clock.h"
#include "x86/apic.h"
#include "x86/cpu.h"
#include "x86/printk.h"

#define FEMTO_PER_NANO 1000000ull
#define PIT_HZ 1193182ull
#define CALIBRATION_NS (4 * NSEC_PER_MSEC)

enum { HPET_CAPABILITIES = 0x00, HPET_CONFIG = 0x10, HPET_COUNTER = 0xf0 };

static u64 tsc_start;	 /* TSC at monotonic time 0 */
static u64 ns_per_tick;	 /* 32.32 fixed point: nanoseconds per TSC tick */
static u64 timer_per_ns; /* 32.32: local APIC timer counts per nanosecond */
static u64 wall_offset;	 /* realtime - monotonic, ns */
static volatile u64 *hpet_registers;

struct sample {
	u64 reference_ns; /* reading of the known counter */
	u64 tsc;
	u32 timer; /* counts down */
};

static u64 hpet_ns(void)
{
	u64 period = hpet_registers[HPET_CAPABILITIES / 8] >> 32; /* femtoseconds */

	return mul_div(hpet_registers[HPET_COUNTER / 8], period, FEMTO_PER_NANO);
}

/* PIT channel 2 counts down from 65,536 once; the calibration is shorter than that (55 ms). */
static u64 pit_ns(void)
{
	outb(0x43, 0x80); /* latch channel 2 */
	u32 low = inb(0x42);
	u32 count = low | (u32)inb(0x42) << 8;

	return (0x10000 - count) * NSEC_PER_SEC / PIT_HZ;
}

static void pit_start(void)
{
	outb(0x61, (inb(0x61) & ~2) | 1); /* gate on, speaker off */
	outb(0x43, 0xb0);		  /* channel 2, both bytes, mode 0 */
	outb(0x42, 0xff);
	outb(0x42, 0xff);
}

static u64 reference_ns(void)
{
	return hpet_registers ? hpet_ns() : pit_ns();
}

static struct sample take_sample(void)
{
	struct sample best = { 0 };
	u64 tightest = ~0ull;

	for (int i = 0; i < 8; i++) {
		u64 before = rdtsc();
		u64 reference = reference_ns();
		u32 timer = lapic_timer_count();
		u64 after = rdtsc();

		if (after - before < tightest) {
			tightest = after - before;
			best = (struct sample){ reference, before + (after - before) / 2, timer };
		}
	}
	return best;
}

static u8 cmos_read(u8 reg)
{
	outb(0x70, reg);
	return inb(0x71);
}

static u32 from_bcd(u8 value, bool binary)
{
	return binary ? value : (value >> 4) * 10 + (value & 15);
}

/* Seconds since 1970 from the battery clock, which QEMU keeps in UTC. */
static u64 rtc_seconds(void)
{
	u8 raw[6], again[6];
	static const u8 registers[6] = { 0, 2, 4, 7, 8, 9 }; /* s m h day month year */
	bool same;

	do { /* until two readings agree: no update in between */
		same = true;
		for (int i = 0; i < 6; i++)
			raw[i] = cmos_read(registers[i]);
		for (int i = 0; i < 6; i++) {
			again[i] = cmos_read(registers[i]);
			same = same && raw[i] == again[i];
		}
	} while (!same);

	bool binary = cmos_read(11) & 4;
	u32 hour = from_bcd(raw[2] & 0x7f, binary);
	if (!(cmos_read(11) & 2)) /* 12-hour clock, bit 7 is PM */
		hour = hour % 12 + (raw[2] & 0x80 ? 12 : 0);
	u32 day = from_bcd(raw[3], binary), month = from_bcd(raw[4], binary);
	u32 year = 2000 + from_bcd(raw[5], binary);

	/* Days since 1970-01-01 with the year beginning in March, so that the leap day
	 * comes last. */
	u32 y = month <= 2 ? year - 1 : year, m = (month + 9) % 12;
	u64 days = 365ull * y + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day - 1 - 719468;
	return ((days * 24 + hour) * 60 + from_bcd(raw[1], binary)) * 60 + from_bcd(raw[0], binary);
}

void clock_init(volatile u64 *hpet)
{
	hpet_registers = hpet;
	if (hpet)
		hpet[HPET_CONFIG / 8] |= 1; /* counter on */
	else
		pit_start();
	lapic_timer_start(~0u);

	struct sample first = take_sample(), last;
	do
		last = take_sample();
	while (last.reference_ns - first.reference_ns < CALIBRATION_NS);
	lapic_timer_start(0);

	u64 ns = last.reference_ns - first.reference_ns;
	ns_per_tick = mul_div(ns, 1ull << 32, last.tsc - first.tsc);
	timer_per_ns = ((u64)(first.timer - last.timer) << 32) / ns;
	tsc_start = first.tsc;
	wall_offset = rtc_seconds() * NSEC_PER_SEC - clock_monotonic();
	printk("clock: TSC %llu kHz, local APIC timer %llu kHz, by %s",
	       (unsigned long long)((1000000ull << 32) / ns_per_tick),
	       (unsigned long long)(timer_per_ns * 1000000 >> 32), hpet ? "HPET" : "PIT");
}

/*
 * The other asks, the boot processor answers with its TSC, and in the middle of the shortest of the
 * exchanges both clocks are taken to have stood at the same moment (Cristian 1989). The error is at
 * most half of that exchange. What differs by less is no difference: today's processors count
 * together, and then the offset must be 0 exactly, for no later reading to be behind an earlier
 * one.
 */
#define EXCHANGES 32
static u64 question, answer; /* atomic; 0: none */

void clock_compare_with_starting(void)
{
	for (int i = 0; i < EXCHANGES; i++) {
		while (!__atomic_load_n(&question, __ATOMIC_ACQUIRE))
			cpu_relax();
		__atomic_store_n(&question, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&answer, rdtsc(), __ATOMIC_RELEASE);
	}
}

void clock_compare_starting(void)
{
	u64 shortest = ~0ull, offset = 0;

	for (int i = 0; i < EXCHANGES; i++) {
		u64 theirs, before = rdtsc();

		__atomic_store_n(&question, 1, __ATOMIC_RELEASE);
		while (!(theirs = __atomic_load_n(&answer, __ATOMIC_ACQUIRE)))
			cpu_relax();
		u64 took = rdtsc() - before;
		__atomic_store_n(&answer, 0, __ATOMIC_RELAXED);
		if (took < shortest) {
			shortest = took;
			offset = theirs - (before + took / 2);
		}
	}
	if (offset + shortest / 2 <= shortest)
		return;
	this_cpu()->tsc_offset = offset;
	printk("clock: TSC of CPU %u set by %lld ticks", this_cpu()->id, (long long)offset);
}

u64 clock_monotonic(void)
{
	u64 ticks = rdtsc() + this_cpu()->tsc_offset - tsc_start;

	return (u64)((unsigned __int128)ticks * ns_per_tick >> 32);
}

u64 clock_realtime(void)
{
	return clock_monotonic() + wall_offset;
}

void clock_set_realtime(u64 ns)
{
	wall_offset = ns - clock_monotonic();
}

u32 clock_mhz(void)
{
	return (u32)((1000ull << 32) / ns_per_tick);
}

void clock_program(u64 ns)
{
	if (ns == CLOCK_NEVER) {
		lapic_timer_start(0);
		return;
	}
	u64 now = clock_monotonic();
	/* an early interrupt is programmed again */
	u64 wait = ns > now ? min(ns - now, NSEC_PER_SEC) : 0;
	lapic_timer_start((u32)max(wait * timer_per_ns >> 32, 1ull));
}
