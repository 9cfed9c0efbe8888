/*
 * Memory pressure, the first answer: what the kernel keeps only to be faster goes back to the frame
 * allocator. No page of a file goes: every file here lives in memory alone, so none of its pages
 * can be had again.
 */
#ifndef MITOS_MM_SHRINK_H
#define MITOS_MM_SHRINK_H

#include "lib/types.h"

/*
 * Frees empty slabs, kept kernel stacks, and the free frames and empty page tables that the CPUs
 * keep. Any context and any lock: what is locked is left alone. True if some frames came of it.
 */
bool memory_shrink(void);

#endif
