/*
 * Brings one processor to the state the kernel assumes: its descriptor tables with separate stacks
 * for double fault and NMI, GS pointing at its struct cpu, write protection honoured by the kernel
 * itself, and every protection that it has (NX, SMEP, SMAP, UMIP) turned on. (Intel SDM vol. 3:
 * 2.5, 3.5, 4.6, 5.8.8, 6.14.5, 8.7.)
 */
#include "x86/cpu.h"
#include "lib/string.h"
#include "x86/fpu.h"
#include "x86/paging.h"

#define MSR_EFER 0xc0000080
#define MSR_STAR 0xc0000081
#define MSR_LSTAR 0xc0000082
#define MSR_SFMASK 0xc0000084
#define MSR_FS_BASE 0xc0000100
#define MSR_GS_BASE 0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102
#define EFER_SCE (1 << 0)
#define EFER_NXE (1 << 11)

#define CR0_AM (1ull << 18) /* the user's AC flag checks alignment */
#define CR4_UMIP (1ull << 11)
#define CR4_SMEP (1ull << 20)
#define CR4_SMAP (1ull << 21)

#define IST_STACK_SIZE 4096
#define IDT_INTERRUPT_GATE 0x8e
#define IDT_USER_GATE 0xee /* int3 and into may come from user mode */

struct idt_gate {
	u16 offset_low, selector;
	u8 ist, type;
	u16 offset_middle;
	u32 offset_high, reserved;
};

struct table_pointer {
	u16 limit;
	u64 base;
} __packed;

_Static_assert(offsetof(struct cpu, self) == 0 && offsetof(struct cpu, task) == 8 &&
		       offsetof(struct cpu, kernel_rsp) == 16 &&
		       offsetof(struct cpu, scratch) == 24,
	       "entry.asm and this_cpu() use these offsets");
_Static_assert(sizeof(struct tss) == 104, "the processor's layout");

struct cpu cpus[CPUS_MAX];
u32 cpu_count = 1;
struct cpu_features cpu_features;

static struct idt_gate idt[256];
static u8 ist_stacks[CPUS_MAX][2][IST_STACK_SIZE] __attribute__((aligned(16)));

static struct cpu_features detect_features(void)
{
	struct cpu_features found;
	u32 leaf0[4], leaf1[4], leaf7[4] = { 0 }, ext[4], ext1[4];

	memset(&found, 0, sizeof(found)); /* the gaps, too: two are compared */
	cpuid(0, 0, leaf0);
	cpuid(1, 0, leaf1);
	if (leaf0[0] >= 7)
		cpuid(7, 0, leaf7);
	cpuid(0x80000000, 0, ext);
	cpuid(0x80000001, 0, ext1);
	found.smep = leaf7[1] >> 7 & 1;
	found.smap = leaf7[1] >> 20 & 1;
	found.umip = leaf7[2] >> 2 & 1;
	found.fsgsbase = leaf7[1] & 1;
	found.nx = ext1[3] >> 20 & 1;
	found.syscall = ext1[3] >> 11 & 1;
	found.gib_pages = ext1[3] >> 26 & 1;
	found.rdrand = leaf1[2] >> 30 & 1;
	found.xsave = leaf1[2] >> 26 & 1;
	found.phys_bits = 36;
	if (ext[0] >= 0x80000008) {
		u32 sizes[4];

		cpuid(0x80000008, 0, sizes);
		found.phys_bits = sizes[0] & 0xff;
	}
	return found;
}

static void load_gdt(struct cpu *cpu)
{
	u64 tss = (u64)&cpu->tss;
	const u64 table[ARRAY_SIZE(cpu->gdt)] = {
		[KERNEL_CS / 8] = 0x00af9b000000ffff, /* 64-bit code, ring 0 */
		[KERNEL_DS / 8] = 0x00cf93000000ffff,
		/* ring 3; SYSRET wants data just before code */
		[USER_DS / 8] = 0x00cff3000000ffff,
		[USER_CS / 8] = 0x00affb000000ffff,
		[TSS_SELECTOR / 8] = (sizeof(struct tss) - 1) | (tss & 0xffffff) << 16 |
				     0x89ull << 40 | (tss >> 24 & 0xff) << 56,
		[TSS_SELECTOR / 8 + 1] = tss >> 32,
	};

	memcpy(cpu->gdt, table, sizeof(table));
	cpu->tss.ist[0] = (u64)ist_stacks[cpu->id][0] + IST_STACK_SIZE;
	cpu->tss.ist[1] = (u64)ist_stacks[cpu->id][1] + IST_STACK_SIZE;
	cpu->tss.iomap_base = sizeof(struct tss); /* no port is the user's */

	struct table_pointer pointer = { sizeof(cpu->gdt) - 1, (u64)cpu->gdt };
	asm volatile("lgdt %0\n\t"
		     "pushq %1\n\t"
		     "leaq 1f(%%rip), %%rax\n\t"
		     "pushq %%rax\n\t"
		     "lretq\n"
		     "1:\tmovl %2, %%ds\n\t"
		     "movl %2, %%es\n\t"
		     "movl %2, %%ss\n\t"
		     "ltr %w3"
		     :
		     : "m"(pointer), "i"(KERNEL_CS), "r"(KERNEL_DS), "r"(TSS_SELECTOR)
		     : "rax", "memory");
}

bool cpu_init(u32 id)
{
	struct cpu *cpu = &cpus[id];
	struct cpu_features found;

	cpu->self = cpu;
	cpu->id = id;
	load_gdt(cpu);
	wrmsr(MSR_GS_BASE, (u64)cpu);
	wrmsr(MSR_KERNEL_GS_BASE, 0);
	found = detect_features();
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE | (found.nx ? EFER_NXE : 0));
	write_cr0(read_cr0() | CR0_AM);
	write_cr4(read_cr4() | CR4_PGE | (found.smep ? CR4_SMEP : 0) | (found.smap ? CR4_SMAP : 0) |
		  (found.umip ? CR4_UMIP : 0));
	fpu_init(&found);
	if (id == 0)
		cpu_features = found;
	return memcmp(&found, &cpu_features, sizeof(found)) == 0;
}

static void fill_idt(void (*const vectors[256])(void))
{
	for (int i = 0; i < 256; i++) {
		u64 address = (u64)vectors[i];

		idt[i] = (struct idt_gate){
			.offset_low = (u16)address,
			.selector = KERNEL_CS,
			.ist = i == VECTOR_DOUBLE_FAULT ? 1
			       : i == VECTOR_NMI	? 2
							: 0,
			.type = i == VECTOR_BREAKPOINT || i == VECTOR_OVERFLOW ? IDT_USER_GATE
									       : IDT_INTERRUPT_GATE,
			.offset_middle = (u16)(address >> 16),
			.offset_high = (u32)(address >> 32),
		};
	}
}

void cpu_set_doors(void (*syscall_entry)(void), void (*const vectors[256])(void))
{
	struct table_pointer pointer = { sizeof(idt) - 1, (u64)idt };

	if (this_cpu()->id == 0)
		fill_idt(vectors);
	asm volatile("lidt %0" : : "m"(pointer));

	/* SYSCALL loads CS from bits 32-47; SYSRET loads CS = bits 48-63 + 16 and SS = that + 8. */
	wrmsr(MSR_STAR, (u64)KERNEL_CS << 32 | (u64)(USER_DS - 8) << 48);
	wrmsr(MSR_LSTAR, (u64)syscall_entry);
	wrmsr(MSR_SFMASK, RFLAGS_IF | RFLAGS_TF | RFLAGS_DF | RFLAGS_IOPL | RFLAGS_NT | RFLAGS_AC);
}

void cpu_set_user_bases(u64 fs_base, u64 gs_base)
{
	wrmsr(MSR_FS_BASE, fs_base);
	wrmsr(MSR_KERNEL_GS_BASE, gs_base);
}

void cpu_halt(void)
{
	while (true)
		asm volatile("cli; hlt");
}
