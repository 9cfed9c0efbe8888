/* Turns on SSE and XSAVE with the state components that programs of today use: x87, SSE, AVX,
 * AVX-512. */
#include "x86/fpu.h"
#include "lib/string.h"

#define CR0_MP (1ull << 1)
#define CR0_EM (1ull << 2)
#define CR0_TS (1ull << 3)
#define CR0_NE (1ull << 5)
#define CR4_OSFXSR (1ull << 9)
#define CR4_OSXMMEXCPT (1ull << 10)
#define CR4_OSXSAVE (1ull << 18)
#define XCR0_WANTED 0xe7ull /* x87, SSE, AVX, and AVX-512's three */
#define FXSAVE_SIZE 512
#define FCW_DEFAULT 0x37f /* x87 control word after FNINIT */
#define FXSAVE_MXCSR_MASK 28
#define MXCSR_MASK_DEFAULT 0xffbf
#define MXCSR_DEFAULT 0x1f80 /* all SIMD exceptions masked */

/* What FXSAVE says of MXCSR; an old processor says nothing and has the default (Intel SDM vol. 1,
 * 11.6.6). */
static u32 read_mxcsr_mask(void)
{
	u8 area[FXSAVE_SIZE] __attribute__((aligned(16)));
	u32 mask;

	memset(area, 0, sizeof(area));
	asm volatile("fxsave64 (%0)" : : "r"(area) : "memory");
	memcpy(&mask, area + FXSAVE_MXCSR_MASK, sizeof(mask));
	return mask ? mask : MXCSR_MASK_DEFAULT;
}

static void xsetbv(u64 mask)
{
	asm volatile("xsetbv" : : "c"(0), "a"((u32)mask), "d"((u32)(mask >> 32)));
}

void fpu_init(struct cpu_features *features)
{
	write_cr0((read_cr0() & ~(CR0_EM | CR0_TS)) | CR0_MP | CR0_NE);
	write_cr4(read_cr4() | CR4_OSFXSR | CR4_OSXMMEXCPT);
	features->mxcsr_mask = read_mxcsr_mask();
	features->xsave_size = FXSAVE_SIZE;
	if (!features->xsave)
		return;
	u32 regs[4];
	write_cr4(read_cr4() | CR4_OSXSAVE);
	cpuid(0xd, 0, regs);
	features->xsave_mask = ((u64)regs[3] << 32 | regs[0]) & XCR0_WANTED;
	xsetbv(features->xsave_mask);
	cpuid(0xd, 0, regs); /* EBX is now the size for what is enabled */
	features->xsave_size = regs[1];
}

/* A zero XSAVE header makes XRSTOR put every component in its initial state, but for these two
 * words. */
void fpu_reset(void *area)
{
	memset(area, 0, cpu_features.xsave_size);
	*(u16 *)area = FCW_DEFAULT;
	*(u32 *)((u8 *)area + 24) = MXCSR_DEFAULT;
}
