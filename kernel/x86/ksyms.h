/* The kernel's own symbol table, appended to the image by the second link (see the Makefile). */
#ifndef MITOS_X86_KSYMS_H
#define MITOS_X86_KSYMS_H

#include "lib/types.h"

/* The function that contains a kernel address: its name, and *offset bytes into it. NULL if there
 * is none. */
const char *ksyms_lookup(u64 address, u64 *offset);
/* Writes "name+0xoffset". Returns false if the address is not in kernel code. */
bool ksyms_describe(u64 address, char *buf, size_t size);

#endif
