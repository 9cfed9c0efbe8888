/*
 * A task's x87, SSE and AVX registers: kept in an area that XSAVE (or FXSAVE, on an older CPU)
 * fills at every switch. Intel SDM vol. 1, chapter 13.
 */
#ifndef MITOS_X86_FPU_H
#define MITOS_X86_FPU_H

#include "x86/cpu.h"

#define FPU_ALIGN 64

/* On each CPU; adds to its features what the FPU says. */
void fpu_init(struct cpu_features *features);
void fpu_reset(void *area); /* the state a new program starts with */

/* The exceptions that SSE (MXCSR) or the x87 (status word) reports and does not mask. */
static inline u32 fpu_exceptions(bool sse)
{
	u32 mxcsr;
	u16 control, status;

	if (sse) {
		asm volatile("stmxcsr %0" : "=m"(mxcsr));
		return mxcsr & ~(mxcsr >> 7) & 0x3f;
	}
	asm volatile("fnstcw %0\n\tfnstsw %1" : "=m"(control), "=m"(status));
	return status & ~control & 0x3f;
}

static inline void fpu_save(void *area)
{
	if (cpu_features.xsave)
		asm volatile("xsave64 (%0)" : : "r"(area), "a"(~0u), "d"(~0u) : "memory");
	else
		asm volatile("fxsave64 (%0)" : : "r"(area) : "memory");
}

static inline void fpu_restore(const void *area)
{
	if (cpu_features.xsave)
		asm volatile("xrstor64 (%0)" : : "r"(area), "a"(~0u), "d"(~0u) : "memory");
	else
		asm volatile("fxrstor64 (%0)" : : "r"(area) : "memory");
}

#endif
