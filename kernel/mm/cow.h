/* Copy-on-write's half of a page fault, for pages and for tables; mm_fork, its other half, is
 * declared in mm.h. */
#ifndef MITOS_MM_COW_H
#define MITOS_MM_COW_H

#include "mm/mm.h"

/*
 * Makes the page at addr, present but not writable in the private writable area vma, this address
 * space's own. entry is its page-table entry; the mm's lock is held. FAULT_OK or FAULT_NO_MEMORY
 * (nothing changed).
 */
enum fault_result cow_break(struct vm_area_struct *vma, u64 addr, pte_t *entry);

/*
 * Makes the table that entry, without W, points at this address space's own: a copy if others use
 * it. entry lies in a table that is its own already; level is the table's (0: last), addr an
 * address below it. False: no memory, nothing changed.
 */
bool table_own(struct mm_struct *mm, pte_t *entry, unsigned level, u64 addr);

/* Drops one reference to a table of that level; with the last one go its references to what is
 * below. */
void table_put(struct frame *table, unsigned level);

#endif
