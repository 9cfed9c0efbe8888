/*
 * The checks that Linux makes on a program before it commits to it (System V ABI, chapters 4 and 5;
 * elf(5)). Sums are arranged so that they cannot wrap, whatever the file says.
 */
#include "proc/elf.h"
#include "lib/string.h"
#include <asm/errno.h>

#define PAGE 4096ull

int elf_read_header(const void *bytes, size_t size, struct elf_layout *layout)
{
	struct elf64_hdr header;

	if (size < sizeof(header))
		return -ENOEXEC;
	memcpy(&header, bytes, sizeof(header));
	if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_machine != EM_X86_64 ||
	    header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB)
		return -ENOEXEC;
	if (header.e_type != ET_EXEC && header.e_type != ET_DYN)
		return -ENOEXEC;
	if (header.e_phentsize != sizeof(struct elf64_phdr) || header.e_phnum == 0 ||
	    header.e_phnum > ELF_HEADERS_MAX / sizeof(struct elf64_phdr))
		return -ENOEXEC;
	*layout = (struct elf_layout){
		.headers_offset = header.e_phoff,
		.header_count = header.e_phnum,
		.entry = header.e_entry,
		.relocatable = header.e_type == ET_DYN,
	};
	return 0;
}

static int check_load(const struct elf64_phdr *segment, u64 limit)
{
	if (segment->p_filesz > segment->p_memsz || segment->p_memsz > limit ||
	    segment->p_vaddr > limit - segment->p_memsz)
		return -ENOMEM;
	if ((segment->p_vaddr ^ segment->p_offset) % PAGE)
		return -ENOEXEC;
	if (segment->p_offset > (u64)INT64_MAX - segment->p_filesz - PAGE)
		return -ENOEXEC;
	return 0;
}

static void add_load(const struct elf64_phdr *segment, const struct elf_layout *layout,
		     struct elf_image *image)
{
	u64 start = segment->p_vaddr, file_end = start + segment->p_filesz;

	image->low = min(image->low, start & ~(PAGE - 1));
	image->high = max(image->high, (start + segment->p_memsz + PAGE - 1) & ~(PAGE - 1));
	if (segment->p_align > image->alignment && (segment->p_align & (segment->p_align - 1)) == 0)
		image->alignment = segment->p_align;
	if (layout->headers_offset >= segment->p_offset &&
	    layout->headers_offset - segment->p_offset < segment->p_filesz)
		image->headers_address = layout->headers_offset - segment->p_offset + start;
	if (segment->p_flags & PF_X) {
		image->code_start = min(image->code_start, start);
		image->code_end = max(image->code_end, file_end);
	}
	image->data_start = max(image->data_start, start);
	image->data_end = max(image->data_end, file_end);
}

int elf_read_segments(const struct elf64_phdr *headers, const struct elf_layout *layout, u64 limit,
		      struct elf_image *image)
{
	*image = (struct elf_image){ .low = ~0ull, .code_start = ~0ull, .alignment = PAGE };
	for (u32 i = 0; i < layout->header_count; i++) {
		const struct elf64_phdr *segment = &headers[i];

		if (segment->p_type == PT_GNU_STACK)
			image->executable_stack = segment->p_flags & PF_X;
		if (segment->p_type == PT_INTERP && !image->interpreter) {
			if (segment->p_filesz < 2 || segment->p_filesz > ELF_INTERPRETER_MAX)
				return -ENOEXEC;
			image->interpreter = segment;
		}
		if (segment->p_type != PT_LOAD || segment->p_memsz == 0)
			continue;
		int error = check_load(segment, limit);
		if (error)
			return error;
		add_load(segment, layout, image);
	}
	if (image->high == 0)
		return -ENOEXEC; /* nothing to run */
	image->code_start = min(image->code_start, image->code_end);
	return 0;
}
