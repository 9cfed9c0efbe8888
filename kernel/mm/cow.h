/* Copy-on-write's half of a page fault; mm_fork, its other half, is declared in mm.h. */
#ifndef MITOS_MM_COW_H
#define MITOS_MM_COW_H

#include "mm/mm.h"

/*
 * Makes the page at addr, present but not writable in the private writable area vma, this address
 * space's own. entry is its page-table entry; the mm's lock is held. FAULT_OK or FAULT_NO_MEMORY
 * (nothing changed).
 */
enum fault_result cow_break(struct vm_area_struct *vma, u64 addr, pte_t *entry);

#endif
