/*
 * What each processor owns, reached through GS, and what the processors can do. `this_cpu()` is one
 * load. The fields up to `scratch` are read by entry.asm at fixed offsets, which cpu.c asserts.
 */
#ifndef MITOS_X86_CPU_H
#define MITOS_X86_CPU_H

#include "lib/types.h"
#include "x86/asm.h"

#define CPUS_MAX 16

/* Exceptions with a name of their own here (Intel SDM vol. 3, table 6-1). */
enum {
	VECTOR_DIVIDE = 0,
	VECTOR_DEBUG = 1,
	VECTOR_NMI = 2,
	VECTOR_BREAKPOINT = 3,
	VECTOR_OVERFLOW = 4,
	VECTOR_BOUND = 5,
	VECTOR_INVALID_OPCODE = 6,
	VECTOR_DOUBLE_FAULT = 8,
	VECTOR_STACK = 12,
	VECTOR_PROTECTION = 13,
	VECTOR_PAGE_FAULT = 14,
	VECTOR_X87 = 16,
	VECTOR_ALIGNMENT = 17,
	VECTOR_SIMD = 19,
};

/* Selectors: their order is what SYSCALL and SYSRET require (Intel SDM vol. 3, 5.8.8). */
#define KERNEL_CS 0x08
#define KERNEL_DS 0x10
#define USER_DS (0x28 | 3) /* these two are Linux's: frames and debuggers show them */
#define USER_CS (0x30 | 3)
#define TSS_SELECTOR 0x38

struct task_struct;
struct runqueue;

/* 64-bit task state segment (Intel SDM vol. 3, 8.7). */
struct tss {
	u32 reserved0;
	u64 rsp[3];
	u64 reserved1;
	u64 ist[7];
	u64 reserved2;
	u16 reserved3;
	u16 iomap_base;
} __packed;

/* What this CPU asks others to do (request.c). */
struct cpu_request {
	void (*fn)(void *arg);
	void *arg;
	u64 pending; /* atomic: a bit for each CPU that has not done it yet */
};

struct cpu {
	struct cpu *self;	  /* 0: so that this_cpu() is one load */
	struct task_struct *task; /* 8: what runs here: `current` */
	/* 16: top of current's kernel stack, loaded on entry from user mode */
	u64 kernel_rsp;
	/* 24: holds the user's rsp for three instructions of syscall entry */
	u64 scratch;
	u32 id; /* index in cpus[], 0 is the boot processor */
	u32 apic_id;
	u32 irq_depth;	 /* nested irq_push() calls; own CPU only */
	bool irq_was_on; /* the interrupt flag before the outermost irq_push() */
	u64 turns;	 /* times it went through schedule(); for the watchdog */
	struct runqueue *runqueue;
	void *frame_cache;    /* mm/frame.c: free frames of this CPU */
	struct mm_struct *mm; /* whose page tables CR3 holds; a kernel task borrows the last */
	u64 requests;	      /* atomic: a bit for each CPU whose request waits for this one */
	struct cpu_request request;
	u64 tsc_offset; /* what its TSC lacks to the boot processor's (clock.c) */
	struct tss tss;
	u64 gdt[9];
};

extern struct cpu cpus[CPUS_MAX];
extern u32 cpu_count; /* those online; only ever grows, while the boot processor starts them */

static inline struct cpu *this_cpu(void)
{
	struct cpu *cpu;

	asm volatile("mov %%gs:0, %0" : "=r"(cpu));
	return cpu;
}

/* A bit for each CPU. */
static inline u64 cpus_online(void)
{
	return (1ull << __atomic_load_n(&cpu_count, __ATOMIC_ACQUIRE)) - 1;
}

/* The running task. Not volatile: for one thread of control it never changes. */
static inline struct task_struct *get_current(void)
{
	struct task_struct *task;

	asm("mov %%gs:8, %0" : "=r"(task));
	return task;
}
#define current get_current()

/*
 * Interrupts stay off until the matching irq_pop(); nests. What spinlocks are made of.
 * irq_pop() turns them on again only if they were on at the outermost irq_push().
 */
static inline void irq_push(void)
{
	u64 flags = read_rflags();

	irq_disable();
	struct cpu *cpu = this_cpu();
	if (cpu->irq_depth++ == 0)
		cpu->irq_was_on = flags & RFLAGS_IF;
}

static inline void irq_pop(void)
{
	struct cpu *cpu = this_cpu();

	if (--cpu->irq_depth == 0 && cpu->irq_was_on)
		irq_enable();
}

/* What the boot processor offers, and all others too: those that differ are not used. */
struct cpu_features {
	bool smep, smap, umip, nx, fsgsbase, rdrand, gib_pages, xsave, xsaveopt, syscall;
	u32 mxcsr_mask; /* the bits that may be set in MXCSR */
	u64 xsave_mask; /* XCR0: the state components saved for every task */
	u32 xsave_size; /* bytes of one task's FPU state, FXSAVE's 512 without XSAVE */
	u32 phys_bits;	/* width of a physical address */
};
extern struct cpu_features cpu_features;

/* Makes cpus[id] the running processor: GDT, TSS, GS, control registers, FPU. First of all on each
 * CPU. False: its features are not those of the boot processor. */
bool cpu_init(u32 id);

/* Where SYSCALL and the 256 interrupt vectors enter (entry/entry.asm). On each CPU,
 * after cpu_init; all use the interrupt table that the boot processor fills. */
void cpu_set_doors(void (*syscall_entry)(void), void (*const vectors[256])(void));

/* The FS and GS bases that user mode will see on this CPU. */
void cpu_set_user_bases(u64 fs_base, u64 gs_base);

/*
 * Calls fn(arg) on each online CPU of the mask, in interrupt context, and returns when all have
 * done so. fn takes no lock and asks nothing of others. The caller may hold spinlocks: a CPU that
 * waits for one of them serves the request meanwhile.
 */
void cpu_run_on(u64 mask, void (*fn)(void *arg), void *arg);
/* Does what other CPUs have asked of this one; part of every loop that waits for another CPU with
 * interrupts off. */
void cpu_serve_requests(void);

/* Stops this processor for ever. */
void cpu_halt(void) __noreturn;

/* Waits for an interrupt; entered with interrupts off, returns with interrupts on. */
static inline void cpu_idle(void)
{
	asm volatile("sti; hlt" : : : "memory");
}

#endif
