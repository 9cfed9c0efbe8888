/* Shows the registers of interrupted code, for a panic. */
#include "x86/trapframe.h"
#include "x86/printk.h"

void trapframe_print(const struct trapframe *tf)
{
	printk("rip %016llx cs %llx rflags %llx rsp %016llx ss %llx error %llx",
	       (unsigned long long)tf->rip, (unsigned long long)tf->cs,
	       (unsigned long long)tf->rflags, (unsigned long long)tf->rsp,
	       (unsigned long long)tf->ss, (unsigned long long)tf->orig_rax);
	const u64 *values[] = { &tf->rax, &tf->rbx, &tf->rcx, &tf->rdx, &tf->rsi,
				&tf->rdi, &tf->rbp, &tf->r8,  &tf->r9,	&tf->r10,
				&tf->r11, &tf->r12, &tf->r13, &tf->r14, &tf->r15 };
	static const char *const names[] = { "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "r8",
					     "r9",  "r10", "r11", "r12", "r13", "r14", "r15" };
	for (u32 i = 0; i < ARRAY_SIZE(names); i += 3)
		printk("%-3s %016llx  %-3s %016llx  %-3s %016llx", names[i],
		       (unsigned long long)*values[i], names[i + 1],
		       (unsigned long long)*values[i + 1], names[i + 2],
		       (unsigned long long)*values[i + 2]);
}
