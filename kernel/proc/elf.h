/*
 * Reading ELF64 headers: pure functions over bytes, with no kernel state, so that the same code is
 * unit-tested and fuzzed on the host. Nothing of a header is believed before it is checked here.
 */
#ifndef MITOS_PROC_ELF_H
#define MITOS_PROC_ELF_H

#include "lib/types.h"
#include <linux/elf.h>

#define ELF_HEADERS_MAX 65536 /* bytes of program headers that Linux accepts */
#define ELF_INTERPRETER_MAX 4096

/* Where the program headers are. */
struct elf_layout {
	u64 headers_offset; /* in the file, bytes */
	u32 header_count;
	u64 entry;	  /* address before relocation */
	bool relocatable; /* ET_DYN: may be loaded anywhere */
};

/* What the program headers ask for. Addresses are before relocation. */
struct elf_image {
	u64 low, high;	     /* addresses that the segments cover, page-aligned */
	u64 headers_address; /* where the program headers will be in memory; 0: nowhere */
	u64 code_start, code_end, data_start, data_end; /* as /proc reports them */
	u64 alignment; /* the largest p_align of a segment, at least a page */
	bool executable_stack;
	const struct elf64_phdr *interpreter; /* PT_INTERP, or NULL */
};

/* Checks the first `size` bytes of a file. 0, or -ENOEXEC. */
int elf_read_header(const void *bytes, size_t size, struct elf_layout *layout);

/* Checks the program headers. limit: the end of user addresses. 0, -ENOEXEC, -ENOMEM (addresses
 * beyond the limit). */
int elf_read_segments(const struct elf64_phdr *headers, const struct elf_layout *layout, u64 limit,
		      struct elf_image *image);

#endif
